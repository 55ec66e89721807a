"""The pictures of the page."""

import math
from numbers import Real

import numpy as np

from sksubspace.report._data import drawable_labels
from sksubspace.report._pictures import figure_picture
from sksubspace.report._ranking import best, chosen
from sksubspace.report._text import fixed, percent, plain, plural, shortened, significant

_WIDTH = 5.2
_LEGEND_LETTERS = 60
_LINE = 0.2
_MOST_RANKED = 40
_SCORE_CAPTION = (
    "Scores. Blue diamond: chosen; grey squares: controls; hollow: leave-one-out; small grey dots: "
    "single splits; band: within one standard error of the best."
)
_N_NUMBERED = 5
_DISTORTION_CAPTION = (
    "Where it lies: the distortion of each row; the worst regions are outlined, the worst rows "
    "numbered."
)
_GRID_CAPTION = (
    "Reconstructions of points on a regular grid; empty where no row lies near. Between groups "
    "they show what the decoder makes of a place that no row takes."
)
_INK = "#1f2933"
_CHOSEN = "#0b5394"
_STYLE = {
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


def literal(text, longest=28):
    r"""Keep matplotlib from reading a name as mathematics: ``$`` is written ``\$``."""
    return shortened(plain(text), longest).replace("$", r"\$")


def _new_axes(height, n_columns=1, width=_WIDTH):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(1, n_columns)


def ranking_pictures(result):
    """Draw scores with standard errors, and differences from the best with intervals."""
    from matplotlib import rc_context

    rows = [row for row in result.results if math.isfinite(row.score)][:_MOST_RANKED]
    with rc_context(_STYLE):
        return [_score_picture(result, rows), _difference_picture(result, rows)]


def _score_picture(result, rows):
    figure, ax = _new_axes(1.3 + 0.3 * len(rows))
    first = best(result)
    if math.isfinite(first.standard_error):
        band = (first.score - first.standard_error, first.score)
        ax.axvspan(*band, color="#d9e2ec", zorder=0)
    for place, row in enumerate(rows):
        ax.scatter(
            row.split_scores, [place] * len(row.split_scores), s=9, color="#9aa5b1", zorder=1
        )
        _mark(ax, place, row, row.score, row.standard_error)
    ax.set_xlabel("R², mean ± standard error")
    _name_rows(ax, rows)
    scores = ", ".join(f"{plain(row.name)} {fixed(row.score)}" for row in rows)
    text = f"R² of each candidate with its standard error: {scores}."
    n_more = len(result.results) - sum(bool(row.error) for row in result.results) - len(rows)
    more = f" {plural(n_more, 'more row')} in the table." if n_more > 0 else ""
    return figure_picture(figure, text, _SCORE_CAPTION + more)


def _difference_picture(result, rows):
    rows = [row for row in rows if row.role == "candidate" and math.isfinite(row.difference)]
    figure, ax = _new_axes(1.3 + 0.3 * len(rows))
    ax.axvline(0, color="#52606d", linestyle=":", linewidth=1)
    for place, row in enumerate(rows):
        low, high = row.difference_interval
        error = None
        if math.isfinite(low) and math.isfinite(high):
            error = [[max(0, row.difference - low)], [max(0, high - row.difference)]]
        _mark(ax, place, row, row.difference, error)
    level = percent(result.confidence, 0)
    ax.set_xlabel(f"difference from the best, {level} interval")
    _name_rows(ax, rows)
    tied = sum(row.tied for row in rows)
    text = (
        f"Difference in R² of each candidate from {plain(best(result).name)}, with {level} "
        f"intervals; {plural(tied, 'interval')} of candidates touch zero or are the best itself."
    )
    return figure_picture(
        figure, text, "Differences of the candidates from the best, on the same rows."
    )


def _mark(ax, place, row, value, error):
    color, marker, size = _INK, "o", 6
    if row.role == "control":
        color, marker = "#7b8794", "s"
    if row.selected:
        color, marker, size = _CHOSEN, "D", 8
    face = "white" if row.evidence == "leave-one-out" else color
    if isinstance(error, Real) and not math.isfinite(error):
        error = None
    ax.errorbar(
        value, place, xerr=error, color=color, marker=marker, markersize=size,
        markerfacecolor=face, capsize=3, linewidth=1.4, zorder=3,
    )  # fmt: skip


def _name_rows(ax, rows):
    ax.set_yticks(range(len(rows)), [literal(row.name) for row in rows])
    for tick, row in zip(ax.get_yticklabels(), rows, strict=True):
        tick.set_fontweight("bold" if row.selected else "normal")
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.grid(axis="x", color="#e4e7eb", linewidth=0.8)
    ax.set_axisbelow(True)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)


def tunable_groups(result):
    """Return the groups of candidates in which one number varies, with the name of that number."""
    groups = {}
    for row in result.results:
        if row.role == "candidate" and math.isfinite(row.score):
            groups.setdefault(row.group, []).append(row.params)
    found = {}
    for group, settings in groups.items():
        varying = [key for key in settings[0] if len({repr(s.get(key)) for s in settings}) > 1]
        if len(varying) == 1 and all(_is_number(s.get(varying[0])) for s in settings):
            found[group] = varying[0]
    return found


def _is_number(value):
    return isinstance(value, Real) and not isinstance(value, bool)


def tuning_pictures(result):
    """Draw one tuning curve for each group that has one."""
    from matplotlib import rc_context

    from sksubspace.inspection import TuningCurveDisplay

    pictures = []
    for group, parameter in tunable_groups(result).items():
        with rc_context(_STYLE):
            figure, ax = _new_axes(3.0)
            TuningCurveDisplay.from_comparison(result, group=group, ax=ax)
            _legend_below(figure, ax)
            ax.set_title("")
            rows = [r for r in result.results if r.group == group and math.isfinite(r.score)]
            values = ", ".join(f"{plain(r.params[parameter])}: {fixed(r.score)}" for r in rows)
            text = f"R² of {plain(group)} against {plain(parameter)}; {values}."
            pictures.append(figure_picture(figure, text, plain(group)))
    return pictures


def map_pictures(result, data, distortion):
    """Draw the chosen map coloured by label, and by distortion."""
    from matplotlib import rc_context

    from sksubspace.inspection import DistortionDisplay, EmbeddingDisplay

    medal, name = result.best_estimator_, plain(chosen(result).name)
    Z = np.asarray(medal.embedding_)[:, :2]
    labels = drawable_labels(data.labels)
    with rc_context(_STYLE):
        height = _map_height(Z)
        first, ax = _new_axes(height)
        EmbeddingDisplay.from_predictions(Z, y=labels, label_name=data.label_name, ax=ax)
        _legend_below(first, ax)
        second, ax = _new_axes(height)
        n_worst = min(_N_NUMBERED, len(Z))
        _color_bar_below(
            DistortionDisplay.from_predictions(Z, distortion, n_worst=n_worst, ax=ax), ax
        )
    coloured = "" if labels is None else f", coloured by {data.label_name}"
    text = f"Scatter plot of {plural(len(Z), 'row')} at the coordinates given by {name}{coloured}."
    where = (
        "The same scatter plot coloured by distortion, from "
        f"{significant(np.nanmin(distortion))} to {significant(np.nanmax(distortion))}, median "
        f"{significant(np.nanmedian(distortion))}; dark is distorted."
    )
    return [
        figure_picture(first, text, f"The map by {name}{coloured}."),
        figure_picture(second, where, _DISTORTION_CAPTION),
    ]


def _map_height(Z):  # (n, 2) -> float
    """Give a map the height that its shape asks for, within bounds."""
    width, height = (np.nanmax(Z, axis=0) - np.nanmin(Z, axis=0))[[0, -1]]
    return 0.4 + 4.6 * float(np.clip(height / width if width > 0 else 1, 0.6, 1))


def _legend_below(figure, ax):
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


def _color_bar_below(display, ax):
    old = display.colorbar_
    mappable, label, extend = old.mappable, old.ax.get_ylabel(), old.extend
    old.remove()
    ax.figure.set_figheight(ax.figure.get_figheight() + 4 * _LINE)
    ax.figure.colorbar(
        mappable, ax=ax, location="bottom", label=label.replace("\n", " "), extend=extend,
        aspect=40,
    )  # fmt: skip


def latent_grid_picture(result, data):
    """Draw the reconstructions on a grid over the map; None unless rows are pictures."""
    from matplotlib import rc_context

    from sksubspace.inspection import LatentGridDisplay

    medal = result.best_estimator_
    if data.image_shape is None or medal.n_components_ != 2:
        return None
    with rc_context(_STYLE):
        figure, ax = _new_axes(6.4, width=6.4)
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

    with rc_context(_STYLE):
        (first, left), (second, right) = _new_axes(4.1), _new_axes(4.1)
        ShiftDisplay.from_estimator(result.best_estimator_, data.new.X, ax=(left, right))
        for figure, ax in ((first, left), (second, right)):
            _legend_below(figure, ax)
            ax.set_title("")
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
