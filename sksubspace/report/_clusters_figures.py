"""The pictures of a comparison of clusterings: candidates, numbers, and the rows on a map."""

from sksubspace.report._figures import (
    STYLE,
    figure_picture,
    legend_below,
    map_height,
    new_axes,
)
from sksubspace.report._text import fixed, plain


def clustering_pictures(comparison, embedding):
    """Draw candidates by E, the curve over numbers, and the rows by cluster.

    Returns
    -------
    pictures : dict of str to Picture
        "candidates"; "numbers" where there are several; "map" with places.
    """
    from matplotlib import rc_context

    with rc_context(STYLE):
        pictures = {"candidates": _of_candidates(comparison)}
        if len(comparison.numbers) > 1:
            pictures["numbers"] = _curve_picture(comparison)
        if embedding is not None:
            pictures["map"] = _by_cluster(comparison, embedding)
    return pictures


def _of_candidates(comparison):
    rows = [row for row in comparison.results if not row.error]
    figure, ax = new_axes(1.3 + 0.3 * len(rows))
    _display().from_comparison(comparison, kind="candidates", ax=ax)
    legend_below(figure, ax)
    ax.set_title("")
    scores = ", ".join(f"{plain(row.name)} {fixed(row.excess)}" for row in rows)
    return figure_picture(
        figure, f"E of each candidate: {scores}.",
        "E of the candidates; bars are standard errors of the difference from the best.",
    )  # fmt: skip


def _curve_picture(comparison):
    figure, ax = new_axes(3.2)
    _display().from_comparison(comparison, kind="numbers", ax=ax)
    legend_below(figure, ax)
    ax.set_title("")
    name = "deviance_explained" if comparison.has_counts else "out_of_sample"
    values = ", ".join(
        f"{one.n_clusters}: {fixed(getattr(one, name))}" for one in comparison.numbers
    )
    what = "Deviance of unseen counts that is explained" if comparison.has_counts else "X"
    caption = (
        "X by the number of clusters, with its range over halvings; below the dashed line there is "
        "no more than one Gaussian has."
    )
    return figure_picture(figure, f"{what} by the number of clusters; {values}.", caption)


def _by_cluster(comparison, Z):
    figure, ax = new_axes(map_height(Z))
    _display().from_comparison(comparison, kind="map", embedding=Z, ax=ax)
    legend_below(figure, ax)
    if ax.get_aspect() != "auto":
        # limits of equal units were widened for the narrow axes beside the legend
        ax.set_aspect("equal", adjustable="box")
        ax.autoscale()
    text = f"The rows by cluster of {plain(comparison.best_name_)}; crosses are doubtful."
    return figure_picture(figure, text, text)


def _display():
    from sksubspace.inspection import ClusteringDisplay

    return ClusteringDisplay
