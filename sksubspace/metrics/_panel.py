"""Where readings of a map stop being a licence to read it, in one place, with the reasons.

`benchmarks/audit.py` holds ten natural maps and eight lies of each of five sets of data against
these numbers. They were set on digits, ORL and COIL-20 with two maps of MNIST; which question reads
which number was settled with all five in view, so that USPS and MNIST are a weak check only.
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

# left of the local R2 at the mean of the neighbours' places: tiles and cells had up to .64; of the
# natural maps only UMAP(5) of the 280 rows of ORL had less than .75, which is in fragments
CONTINUOUS_SHARE = 0.75
# rows whose neighbours stand apart: tiles, cells and fragments had .21-.95, natural maps up to .20,
# and the plane of principal components of MNIST, where neighbours are not to be read, .29
TORN_ROWS = 0.3
# what a line reads, over principal components: islands dealt had .12-.33, but for t-SNE of digits,
# whose few islands kept .54; natural maps .44 and more, but for those whose islands do lie anyhow
# (UMAP of COIL-20, UMAP(5) of ORL)
GLOBAL_SHARE = 0.4
# rank correlation of distances between groups with those in the data. Two islands that change
# places lose little else; many natural maps have less than this, and their distances are no more to
# be read than those of the swapped ones
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
