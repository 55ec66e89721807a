"""`write_report`: a comparison as one HTML file, its sections gathered into a template."""

import os
from collections.abc import Sequence
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

from sksubspace._comparison import level
from sksubspace._files import PAGE_SUFFIXES
from sksubspace._typing import ArrayLike, Matrix, Names, PathLike
from sksubspace.metrics import embedding_reliability
from sksubspace.report._data import (
    ReportData,
    check_batch,
    quiet,
    read_batch,
    read_feature_names,
    read_image_shape,
    read_labels,
    summarise,
)
from sksubspace.report._figures import (
    latent_grid_picture,
    map_pictures,
    ranking_pictures,
    shift_pictures,
    tuning_pictures,
)
from sksubspace.report._findings import (
    chosen,
    code,
    design,
    findings,
    further_columns,
    further_rows,
    headline,
    help_lines,
    limits,
    purpose,
    ranking_rows,
    seeds,
)
from sksubspace.report._rows import shift_section, worst_rows
from sksubspace.report._text import block, plain


def write_report(
    result: Any,
    path: PathLike,
    *,
    X: Matrix,
    y: ArrayLike | None = None,
    X_new: Matrix | None = None,
    feature_names: Names | None = None,
    label_name: str | None = None,
    data_name: str | None = None,
    new_name: str | None = None,
    image_shape: Sequence[int] | Literal["auto"] | None = None,
    notes: Sequence[str] = (),
    command: str | None = None,
    units: str | None = None,
    groups_new: ArrayLike | None = None,
    audit: Any = None,
    audit_page: str | None = None,
) -> Path:
    """Write a comparison as one self-contained HTML page.

    The page holds the question and a summary of the data, the ranking with intervals, tuning
    curves, the chosen map beside its distortion map, the twenty worst-represented rows, the shift
    test of a second batch, and what is needed to repeat it all. Pictures are inside the file; it
    has no script and loads nothing.

    Parameters
    ----------
    result : EmbeddingComparison
        What `compare_embeddings` returned.

    path : str or path-like
        The file to write, in a folder that exists; a file of that name is replaced.

    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        The rows that were compared on, in their order.

    y : array-like of shape (n_samples,) or None, default=None
        Classes or values that colour the map.

    X_new : {array-like, sparse matrix} of shape (n_new, n_features) or None, default=None
        A second batch to test for shift.

    feature_names : sequence of str or None, default=None
        Names of the columns; None takes those of the data frame, or x0, x1, ...

    label_name : str or None, default=None
        What ``y`` is; None takes the name of the series, or "label".

    data_name, new_name : str or None, default=None
        What the data and the second batch are called, such as their file names.

    image_shape : tuple of int, "auto" or None, default=None
        (height, width) or (height, width, channels) of rows that are pictures; "auto" guesses
        a square where the number of columns is one.

    notes : sequence of str, default=()
        Sentences shown with the summary of the data, on its preparation for example.

    command : str or None, default=None
        What was run, shown instead of the Python code that repeats the comparison.

    units : str or None, default=None
        What the numbers of X are, such as "z-scores"; None for those of the input.

    groups_new : array-like of shape (n_new,) or None, default=None
        Group of each row of ``X_new``, for a map that was fitted with groups.

    audit : EmbeddingAudit or None, default=None
        Of the chosen map: its marks are shown, and its verdict. None marks the rows anew.

    audit_page : str or None, default=None
        Name of the page of that audit, beside this one, to link to.

    Returns
    -------
    path : Path
        The file written.

    Raises
    ------
    FileNotFoundError
        If the folder of ``path`` does not exist.

    ImportError
        If Jinja2 or matplotlib is not installed; ``pip install "sksubspace[cli]"`` brings both.

    ValueError
        If X, ``X_new``, ``y`` or the names do not fit the comparison.

    Notes
    -----
    Names, labels and notes may hold anything: every text is escaped, names are not read as
    mathematics, and the page's content security policy forbids scripts and requests.

    Examples
    --------
    >>> from sksubspace.report import write_report
    >>> write_report(result, "report.html", X=X, y=y)  # doctest: +SKIP
    PosixPath('report.html')
    """
    path = place_of_page(path)
    train = _read_checked(X, "X", result)
    if train.n_samples != result.n_samples:
        raise ValueError(
            f"X must be the {result.n_samples} rows of the comparison, got {train.n_samples}."
        )
    data = ReportData(
        train=train,
        new=None if X_new is None else _read_checked(X_new, "X_new", result),
        feature_names=read_feature_names(feature_names, train, result.best_estimator_),
        labels=read_labels(y, train.n_samples),
        label_name=plain(label_name or getattr(y, "name", None) or "label", 60),
        data_name=plain(data_name or "the data"),
        new_name=plain(new_name or "the new batch"),
        image_shape=read_image_shape(image_shape, train.X.shape[1]),
        units=None if units is None else plain(units, 60),
        groups_new=groups_new,
    )
    with quiet():
        page = render(
            result, data, [plain(note, 2000) for note in notes], command and block(command),
            audit, audit_page,
        )  # fmt: skip
    replace_page(path, page)
    return path


def place_of_page(path):
    """Check that what draws and writes is installed, and that a file can be written there."""
    for package in ("jinja2", "matplotlib"):
        _require(package)
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"path: there is no folder {str(path.parent)!r} to write into.")
    if path.is_dir():
        raise IsADirectoryError(f"path must be a file, and {str(path)!r} is a folder.")
    if path.suffix.lower() not in PAGE_SUFFIXES:
        raise ValueError(
            f"path must end in .html, got {path.name!r}: the report is a page; a browser prints it "
            "to other formats."
        )
    return path


def _require(package):
    try:
        import_module(package)
    except ImportError as error:
        raise ImportError(
            f'A report needs {package}, which is not installed: pip install "sksubspace[cli]".'
        ) from error


def _read_checked(X, name, result):
    batch = read_batch(X, name)
    check_batch(batch, name, result)
    return batch


def replace_page(path, text):
    """Write beside the file and rename, so that no reader ever sees half a page."""
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".{target.name}.{uuid4().hex}.tmp")
    try:
        temporary.write_text(text, encoding="utf8")
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


# ---- the page ------------------------------------------------------------------------------------


def render(result, data, notes, command, audit=None, audit_page=None):
    """Return the page, the whole file, with notes on the data and the command that was run."""
    context = {
        "data_name": data.data_name,
        "label_name": data.label_name if data.labels is not None else None,
        "units": data.units,
        "headline": headline(result),
        "question": purpose(data),
        "facts": summarise(data),
        "notes": notes,
        "chosen": plain(chosen(result).name),
        "limits": limits(result),
        "command": command,
        "code": code(result, data),
        "estimator": plain(result.best_estimator_, 2000),
        "seeds": seeds(result),
        "versions": {plain(key): plain(value) for key, value in result.versions.items()},
        **_ranking_section(result),
        **_map_section(result, data, audit),
        "audit_page": audit_page,
        "shift": None if data.new is None else _shift_section(result, data),
    }
    return template("report.html.jinja").render(context)


def _ranking_section(result):
    return {
        "design": design(result),
        "findings": findings(result),
        "ranking": ranking_rows(result),
        "help": help_lines(result),
        "interval": level(result),
        "ranking_pictures": ranking_pictures(result),
        "further_columns": [plain(name).replace("_", " ") for name in further_columns(result)],
        "further": further_rows(result),
        "tuning_pictures": tuning_pictures(result),
    }


def _map_section(result, data, audit):
    medal = result.best_estimator_
    marks = _marks_of(medal, data) if audit is None else audit.reliability
    return {
        "n_components": medal.n_components_,
        "map_pictures": map_pictures(result, data, marks),
        "marks": None if marks is None else str(marks).splitlines(),
        "verdict": [] if audit is None else audit.verdict,
        "worst": [] if marks is None else worst_rows(medal, data, marks),
        "with_pictures": data.image_shape is not None,
        "grid": latent_grid_picture(result, data),
    }


def _marks_of(medal, data):
    """Marks of the rows of the chosen map; None where they are too few to say anything."""
    try:
        return embedding_reliability(data.train.X, medal.embedding_)
    except ValueError:
        return None


def _shift_section(result, data):
    section = shift_section(result, data)
    pictures = shift_pictures(result, data) if section["rows"] else []
    return section | {"name": data.new_name, "pictures": pictures}


def template(name):
    """Return the template of a page; every value that it is given is escaped."""
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    folder = files("sksubspace.report")
    environment = Environment(
        loader=FunctionLoader(lambda part: folder.joinpath(part).read_text(encoding="utf8")),
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    return environment.get_template(name)
