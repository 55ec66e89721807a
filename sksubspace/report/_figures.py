"""The pictures of the page, as data URIs."""

import base64
import math
from dataclasses import dataclass
from io import BytesIO

import numpy as np

from sksubspace._comparison import best, level, tunable
from sksubspace.inspection._drawing.scores import draw_differences, draw_ranking
from sksubspace.report._data import drawable_labels
from sksubspace.report._dots import MARK_COLORS
from sksubspace.report._findings import chosen
from sksubspace.report._text import count, fixed, plain, plural

# beyond this many bytes a picture is drawn as pixels: a page of several would be slow to open
_LARGEST_SVG = 250_000
# pixels an inch of those, twice what a page shows
_DPI = 192
_CSS_DPI = 96
# inches: two pictures side by side on a page
WIDTH = 5.2
# letters that fit in a line of a legend beneath, and inches that each line takes
_LEGEND_LETTERS = 60
_LINE = 0.2
# groups beyond this many take a larger picture, and hide marks with their names
MOST_NAMES = 12
# rows of the ranking picture; the table beside it has all
_MOST_RANKED = 40
_SCORE_CAPTION = "Scores, with standard errors; small grey dots are those of single splits."
_GRID_CAPTION = (
    "Reconstructions of points on a regular grid; empty where no row lies near. Between groups "
    "they show what the decoder makes of a place that no row takes."
)
_INK = "#1f2933"
STYLE = {
    "font.size": 10.5,
    "axes.titlesize": 11,
    "axes.edgecolor": "#52606d",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.color": _INK,
    "axes.labelcolor": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
}


def new_axes(height, n_columns=1, width=WIDTH):
    """Make a figure that pyplot does not know, and its axes; sizes are inches."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(1, n_columns)


def ranking_pictures(result):
    """Draw scores with standard errors, and differences from the best with intervals."""
    from matplotlib import rc_context

    rows = [row for row in result.results if math.isfinite(row.score)][:_MOST_RANKED]
    with rc_context(STYLE):
        return [_score_picture(result, rows), _difference_picture(result, rows)]


def _score_picture(result, rows):
    figure, ax = new_axes(1.3 + 0.3 * len(rows))
    _, handles = draw_ranking(ax, rows, best(result.results))
    ax.legend(handles=handles)
    legend_below(figure, ax)
    ax.set_xlabel("R², mean ± standard error")
    scores = ", ".join(f"{plain(row.name)} {fixed(row.score)}" for row in rows)
    text = f"R² of each candidate with its standard error: {scores}."
    n_more = sum(not row.error for row in result.results) - len(rows)
    more = f" {plural(n_more, 'more row')} in the table." if n_more > 0 else ""
    return figure_picture(figure, text, _SCORE_CAPTION + more)


def _difference_picture(result, rows):
    rows = [row for row in rows if row.role == "candidate" and math.isfinite(row.difference)]
    figure, ax = new_axes(1.3 + 0.3 * len(rows))
    draw_differences(ax, rows, result)
    text = (
        f"Difference in R² of each candidate from {plain(best(result.results).name)}, with "
        f"{level(result)}; {plural(sum(row.tied for row in rows), 'interval')} of candidates touch "
        "zero or are the best itself."
    )
    return figure_picture(
        figure, text, "Differences of the candidates from the best, on the same rows."
    )


def tuning_pictures(result):
    """Draw one tuning curve for each group that has one."""
    from matplotlib import rc_context

    from sksubspace.inspection import TuningCurveDisplay

    pictures = []
    for group, (rows, parameter) in tunable(result.results).items():
        if parameter is None:
            continue
        with rc_context(STYLE):
            figure, ax = new_axes(3.0)
            TuningCurveDisplay.from_comparison(result, group=group, ax=ax)
            legend_below(figure, ax)
            ax.set_title("")
            values = ", ".join(f"{plain(row.name)} {fixed(row.score)}" for row in rows)
            text = f"R² of {plain(group)} against {plain(parameter)}; {values}."
            pictures.append(figure_picture(figure, text, plain(group)))
    return pictures


def map_pictures(result, data, reliability):
    """Draw the chosen map coloured by label, and by mark where there are marks."""
    from matplotlib import rc_context

    from sksubspace.inspection import EmbeddingDisplay

    name = plain(chosen(result).name)
    Z = np.asarray(result.best_estimator_.embedding_)[:, :2]
    labels = drawable_labels(data.labels)
    with rc_context(STYLE):
        figure, ax = new_axes(map_height(Z))
        EmbeddingDisplay.from_predictions(Z, y=labels, label_name=data.label_name, ax=ax)
        legend_below(figure, ax)
        coloured = "" if labels is None else f", coloured by {data.label_name}"
        text = (
            f"Scatter plot of {plural(len(Z), 'row')} at the coordinates given by {name}{coloured}."
        )
        pictures = [figure_picture(figure, text, f"The map by {name}{coloured}.")]
        if reliability is not None:
            pictures.append(marks_picture(Z, reliability))
    return pictures


def marks_picture(Z, reliability):
    """Draw a map with the marks of its rows; the names of many groups would hide them."""
    from sksubspace.inspection import ReliabilityDisplay

    figure, ax = new_axes(map_height(Z))
    few = len(reliability.group_names) <= MOST_NAMES
    ReliabilityDisplay.from_reliability(Z, reliability, ax=ax, names=few)
    legend_below(figure, ax)
    if ax.get_aspect() != "auto":
        # limits of equal units were widened for the narrow axes beside the legend
        ax.set_aspect("equal", adjustable="box")
        ax.autoscale()
    ax.set_title("")
    mark = reliability.mark
    counts = ", ".join(f"{count((mark == name).sum())} {name}" for name in MARK_COLORS)
    text = f"The same map with a mark for each row: {counts}."
    return figure_picture(figure, text, "Where it lies: rows that are misplaced, torn or merged.")


def map_height(Z):  # (n, 2) -> float
    """Give a map the height that its shape asks for, within bounds."""
    width, height = (np.nanmax(Z, axis=0) - np.nanmin(Z, axis=0))[[0, -1]]
    return 0.4 + 4.6 * float(np.clip(height / width if width > 0 else 1, 0.6, 1))


def legend_below(figure, ax):
    """Move a legend beneath the axes, where it does not take their width."""
    old = ax.get_legend()
    if old is None:
        return
    texts, title = [text.get_text() for text in old.get_texts()], old.get_title().get_text()
    longest = max((len(line) for text in texts for line in text.split("\n")), default=1)
    n_columns = min(5, max(1, _LEGEND_LETTERS // (longest + 6)))
    n_lines = math.ceil(len(texts) / n_columns) + sum("\n" in text for text in texts) + bool(title)
    figure.set_figheight(figure.get_figheight() + _LINE * n_lines + 0.15)
    old.remove()
    new = figure.legend(
        old.legend_handles, [str(place) for place in range(len(texts))], title=title or None,
        loc="outside lower center", ncols=n_columns, frameon=False, fontsize=9.5,
    )  # fmt: skip
    for text, label in zip(new.get_texts(), texts, strict=True):
        text.set_text(label)


def latent_grid_picture(result, data):
    """Draw the reconstructions on a grid over the map; None unless rows are pictures."""
    from matplotlib import rc_context

    from sksubspace.inspection import LatentGridDisplay

    medal = result.best_estimator_
    if data.image_shape is None or medal.n_components_ != 2:
        return None
    with rc_context(STYLE):
        figure, ax = new_axes(6.4, width=6.4)
        LatentGridDisplay.from_estimator(medal, image_shape=data.image_shape, ax=ax)
        text = (
            "Reconstructions of points on a regular grid over the map, each drawn as a picture at "
            "its place."
        )
        return figure_picture(figure, text, _GRID_CAPTION)


def shift_pictures(result, data):
    """Draw the distortions of new and of calibration rows, and both on the map."""
    from matplotlib import rc_context

    from sksubspace.inspection import ShiftDisplay

    with rc_context(STYLE):
        (first, left), (second, right) = new_axes(4.1), new_axes(4.1)
        ShiftDisplay.from_estimator(
            result.best_estimator_, data.new.X, groups=data.groups_new, ax=(left, right)
        )
        for figure, ax in ((first, left), (second, right)):
            legend_below(figure, ax)
            ax.set_title("")
        if data.units:
            left.set_xlabel(f"{left.get_xlabel()}, {data.units}")
    name = plain(data.new_name)
    text = (
        f"Distribution of the distortions of {name} and of the calibration rows, with the "
        "distortion from which on rows are flagged."
    )
    where = f"The map with the rows of {name} on the calibration rows; flagged rows are crosses."
    return [
        figure_picture(first, text, "Distortions of the new rows and of the calibration rows."),
        figure_picture(second, where, "Where the new rows lie, and which are flagged."),
    ]


# ---- data URIs -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Picture:
    """A picture as the page shows it.

    Attributes
    ----------
    src : str
        Data URI.
    source : bytes
        The same as a file of SVG; empty for pictures of pixels.
    alt : str
        What is to be seen, for those who cannot.
    width, height : int
        Natural size in CSS pixels.
    caption : str
        The line beneath.
    """

    src: str
    alt: str
    width: int
    height: int
    caption: str = ""
    source: bytes = b""


def figure_picture(figure, alt, caption=""):
    """Encode a figure at its own size: SVG, or PNG where it has too many points for that."""
    kind, content = "svg+xml", (source := _svg(figure))
    if len(content) > _LARGEST_SVG:
        kind, content = "png", _png(figure)
    width, height = (round(_CSS_DPI * inches) for inches in figure.get_size_inches())
    return Picture(_data_uri(kind, content), alt, width, height, caption, source)


def _svg(figure):
    from matplotlib import rc_context

    nothing = {"Creator": None, "Date": None, "Format": None, "Type": None}
    stream = BytesIO()
    with rc_context({"svg.fonttype": "path", "svg.hashsalt": "sksubspace"}):
        figure.savefig(stream, format="svg", metadata=nothing)
    return stream.getvalue()


def _png(figure):
    stream = BytesIO()
    figure.savefig(stream, format="png", dpi=_DPI, metadata={"Software": None})
    return stream.getvalue()


def pixel_picture(row, shape, limits, alt, side=56):
    """Draw a row as a small PNG, one pixel a value; dark is large, or colours as they are.

    `limits` are the values drawn as white and black, `side` is the longer one in CSS pixels.
    """
    from matplotlib.image import imsave

    low, high = limits
    share = np.clip((row - low) / (high - low if high > low else 1.0), 0, 1).reshape(shape)
    stream = BytesIO()
    imsave(stream, share, cmap="gray_r", vmin=0, vmax=1, format="png", metadata={"Software": None})
    width, height = (max(2, round(side * shape[i] / max(shape[:2]))) for i in (1, 0))
    return Picture(_data_uri("png", stream.getvalue()), alt, width, height)


def _data_uri(kind, content):
    return f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"
