"""Colours, markers and axes that all displays share.

matplotlib is imported where it is needed, so that importing the displays costs nothing.
"""

import numpy as np

# ten colours that stay apart for the colour-blind; markers and labels carry them in grey
CLASS_COLORS = (
    "#332288", "#2E8BC0", "#117733", "#B07D00", "#CC6677",
    "#AA4499", "#2A8C7E", "#882255", "#7F7F1F", "#555555",
)  # fmt: skip
CLASS_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", "*", ">")
OTHER_COLOR = "0.72"
SERIES_LINES = ("-", "--", "-.", ":")
VALUE_CMAP = "cividis"
DISTORTION_CMAP = "cividis_r"
CHOSEN = {"facecolors": "none", "edgecolors": "black", "linewidths": 1.6}
# beyond this many points cells are drawn, and no points
MOST_POINTS = 50_000
# from so many points on they are pixels, also in a vector file
_RASTERIZE_FROM = 5_000
# square inches of usual axes, for which the sizes of markers are meant
_USUAL_AREA = 20.0


def check_matplotlib(caller):
    """Raise an ImportError that names the extra, if matplotlib is missing."""
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise ImportError(f'{caller} needs matplotlib: pip install "sksubspace[plot]".') from error


def prepare_axes(ax, caller, figsize=(6.4, 5.2)):
    """Return the axes to draw on: those given, or new ones that make room for what is outside."""
    check_matplotlib(caller)
    if ax is None:
        import matplotlib.pyplot as plt

        _, ax = plt.subplots(figsize=figsize, layout="constrained")
    elif not hasattr(ax, "scatter"):
        raise TypeError(f"ax must be a matplotlib Axes or None, got {type(ax).__name__}.")
    return ax


def prepare_panels(ax, n_panels, caller, **subplots):
    """Return `n_panels` axes as a flat array: those given, or new ones."""
    check_matplotlib(caller)
    if ax is None:
        import matplotlib.pyplot as plt

        _, ax = plt.subplots(layout="constrained", squeeze=False, **subplots)
        for spare in ax.ravel()[n_panels:]:
            spare.remove()
        return ax.ravel()[:n_panels]
    axes = np.asarray(ax, dtype=object).ravel()
    if len(axes) != n_panels or not all(hasattr(one, "scatter") for one in axes):
        raise ValueError(
            f"ax must be an array of {n_panels} matplotlib Axes or None, got {len(axes)} of "
            f"{type(axes[0]).__name__ if len(axes) else 'nothing'}."
        )
    return axes


def dress_map(ax, names):
    """Take the ticks off, name the coordinates, and give both the same unit where that is safe."""
    ax.set(xticks=[], yticks=[], xlabel=names[0], ylabel=names[1] if len(names) > 1 else "")
    if len(names) > 1:
        shared = ax.get_shared_x_axes(), ax.get_shared_y_axes()
        alone = all(len(group.get_siblings(ax)) == 1 for group in shared)
        ax.set_aspect("equal", adjustable="datalim" if alone else "box")


def marker_size(n_points, ax):
    """Area of a marker in points squared: small for many points, and on small axes."""
    box = ax.get_window_extent()
    room = box.width * box.height / ax.figure.dpi**2 / _USUAL_AREA
    return float(np.clip(30_000 / max(n_points, 1), 3.0, 36.0) * np.clip(room, 0.3, 1.5))


def point_style(n_points, ax):
    """Return keywords of `scatter` that depend on the number of points."""
    return {
        "s": marker_size(n_points, ax),
        "linewidths": 0.3,
        "rasterized": n_points >= _RASTERIZE_FROM,
    }


def halo(width=2.5):
    """Return a white rim that keeps black text and lines readable on any colour."""
    from matplotlib import patheffects

    return [patheffects.withStroke(linewidth=width, foreground="white")]


def literal(text, most=40):
    """Return a name from the data such that matplotlib draws it as it stands, on one line."""
    text = _on_one_line(text)
    text = text if len(text) <= most else text[: most - 1] + "…"
    return text.replace("$", r"\$")


def literal_ends(text, most):
    """Do as `literal`, but cut out the middle; settings at the end often tell it from others."""
    text = _on_one_line(text)
    if len(text) > most:
        tail = (most - 1) // 2
        text = f"{text[: most - 1 - tail]}…{text[len(text) - tail :]}"
    return text.replace("$", r"\$")


def _on_one_line(text):
    text = " ".join(str(text).split())
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)


def outside_legend(ax, handles, labels, title=None, **kwargs):
    """Draw a legend to the right of the axes, where it covers nothing."""
    options = {"loc": "upper left", "bbox_to_anchor": (1.01, 1.0), "borderaxespad": 0.0} | kwargs
    # labels that begin with an underscore would be skipped, so that they are set afterwards
    legend = ax.legend(handles, ["name"] * len(handles), frameon=False, **options)
    for text, label in zip(legend.get_texts(), labels, strict=True):
        text.set_text(label)
    if title:
        legend.set_title(literal(title))
    return legend
