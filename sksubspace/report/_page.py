"""The page: sections gathered, and the template filled."""

from importlib.resources import files

from sksubspace.report._data import summarise
from sksubspace.report._figures import (
    latent_grid_picture,
    map_pictures,
    ranking_pictures,
    shift_pictures,
    tuning_pictures,
)
from sksubspace.report._ranking import (
    chosen,
    design,
    findings,
    further_columns,
    further_rows,
    ranking_rows,
)
from sksubspace.report._reading import headline, limits, question
from sksubspace.report._repeat import code, seeds
from sksubspace.report._shift import shift_section
from sksubspace.report._text import percent, plain
from sksubspace.report._worst import left_out_distortion, worst_rows


def render(result, data, notes, command):
    """Return the page.

    Parameters
    ----------
    result : EmbeddingComparison
        What was found.

    data : Data
        What it was found on.

    notes : list of str
        Sentences on the data.

    command : str or None
        What was run.

    Returns
    -------
    html : str
        The whole file.
    """
    context = {
        "data_name": data.data_name,
        "label_name": data.label_name if data.labels is not None else None,
        "headline": headline(result),
        "question": question(result, data),
        "facts": summarise(data),
        "notes": notes,
        "chosen": plain(chosen(result).name),
        "limits": limits(result),
        "command": command,
        "code": code(result, data),
        "estimator": plain(result.best_estimator_, 2000),
        "seeds": seeds(result),
        "versions": {plain(key): plain(value) for key, value in result.versions.items()},
        **_ranking(result),
        **_map(result, data),
        "shift": None if data.new is None else _shift(result, data),
    }
    return _template().render(context)


def _ranking(result):
    return {
        "design": design(result),
        "findings": findings(result),
        "ranking": ranking_rows(result),
        "confidence": percent(result.confidence, 0),
        "ranking_pictures": ranking_pictures(result),
        "further_columns": [plain(name).replace("_", " ") for name in further_columns(result)],
        "further": further_rows(result),
        "tuning_pictures": tuning_pictures(result),
    }


def _map(result, data):
    medal = result.best_estimator_
    distortion, left_out = left_out_distortion(medal, data.train.X)
    return {
        "n_components": medal.n_components_,
        "map_pictures": map_pictures(result, data, distortion),
        "left_out": left_out,
        "worst": worst_rows(medal, data, distortion),
        "with_pictures": data.image_shape is not None,
        "grid": latent_grid_picture(result, data),
    }


def _shift(result, data):
    section = shift_section(result, data)
    pictures = shift_pictures(result, data) if section["rows"] else []
    return section | {"name": data.new_name, "pictures": pictures}


def _template():
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    source = files("sksubspace.report").joinpath("report.html.jinja").read_text(encoding="utf8")
    return environment.from_string(source)
