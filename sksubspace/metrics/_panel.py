"""Where readings of a map stop being a licence to read it, in one place, with the reasons.

`benchmarks/audit.py` holds natural maps and lies about five sets of data against these numbers;
they were set on two of the sets (digits, ORL) and checked on the three others.
"""

import numpy as np

__all__ = [
    "ARRANGEMENT_LEVEL",
    "BETWEEN_GROUPS",
    "CONTINUOUS_SHARE",
    "GLOBAL_SHARE",
    "TORN_ROWS",
    "has_arrangement",
    "has_distances",
    "is_one_picture",
]

# left of the local R2 at the mean of the neighbours' places: maps of pieces had up to .74, and of
# natural ones only UMAP of five neighbours on the few rows of ORL had less than .75
CONTINUOUS_SHARE = 0.75
# rows whose neighbours stand apart: tiles, cells and fragments had .31-.95, natural maps up to .29
# (the plane of principal components of MNIST), where neighbours are not to be read at all
TORN_ROWS = 0.3
# what a line reads, over principal components: islands dealt had .04-.33 where there were ten or
# more of them, natural maps that tell how islands lie .43 or more
GLOBAL_SHARE = 0.4
# rank correlation of distances between groups with those in the data: half of the order is right
# (.7 squared). Two islands that change places are seen by this alone, and many natural maps have
# less: their distances are no more to be read than those of the swapped ones
BETWEEN_GROUPS = 0.7
# chance that islands which are dealt at random are taken for an arrangement
ARRANGEMENT_LEVEL = 0.05


def is_one_picture(continuous_share, torn):
    """Tell whether a map is whole, rather than pieces that say where a row is and not beside what.

    Parameters
    ----------
    continuous_share : float
        R2 at the mean of the neighbours' places over the local one; NaN counts as whole.

    torn : float
        Share of the rows that are marked torn.

    Returns
    -------
    bool
        Whether pieces of it may be read together.
    """
    return not (continuous_share < CONTINUOUS_SHARE or torn >= TORN_ROWS)


def has_arrangement(global_share, p_value=np.nan):
    """Tell whether the islands of a map lie anyhow, or where the data put them.

    Parameters
    ----------
    global_share : float
        What a line reads, over principal components.

    p_value : float
        Of the arrangement, by `islands_dealt`; NaN where it was not asked for.

    Returns
    -------
    bool
        False where the arrangement of the islands says little, or no more than a chance one.
    """
    return not (global_share < GLOBAL_SHARE or p_value > ARRANGEMENT_LEVEL)


def has_distances(between):
    """Tell whether distances between groups may be read.

    Parameters
    ----------
    between : float
        Spearman correlation of the distances between groups with those in the data; NaN without
        groups counts as not known to be wrong.

    Returns
    -------
    bool
        Whether the order of the distances is by and large that of the data.
    """
    return not between < BETWEEN_GROUPS
