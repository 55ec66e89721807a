"""``sksubspace validate``: compare embeddings of a table, and write what was found."""

import shlex
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from sksubspace._persistence import replace_file
from sksubspace.cli._candidates import EXAMPLE_GRIDS, make_candidates
from sksubspace.cli._columns import drop_columns, take_label, to_numbers
from sksubspace.cli._model import Model, Preparation, fit_preparation, framed, save_model
from sksubspace.cli._say import UsageError
from sksubspace.cli._tables import Table, read_table

_NEEDED = ("jinja2", "matplotlib", "pandas", "skops")
_FEWEST_ROWS = 10
_SPREADS_APART = 100


@dataclass(frozen=True)
class ComparedRows:
    """What is compared on.

    Attributes
    ----------
    table : Table
        What was read.
    X : ndarray of shape (n_rows, n_features)
        What the maps see.
    y : ndarray of shape (n_rows,) or None
        Labels.
    preparation : Preparation
        What was done to the table to get X.
    image_shape : tuple of int or None
        Of each row.
    """

    table: Table
    X: np.ndarray
    y: np.ndarray | None
    preparation: Preparation
    image_shape: tuple | None


def validate(options, terminal):
    """Compare, print the table, and write results, report and model."""
    _check_packages()
    places = _places(options)
    rows = _read_rows(options, terminal)
    # read before the long computation, so that what is wrong with it shows at once
    batch = None if options.new is None else rows.preparation.read(options.new, options, terminal)
    candidates = make_candidates(
        options.teachers,
        options.grid,
        len(rows.X) - -(-len(rows.X) // options.cv),
        EXAMPLE_GRIDS if options.data is None else None,
    )
    _make_folders(places)
    if options.fresh:
        _forget(places["cache"])
    result = _compare(rows, candidates, options, places["cache"], terminal)
    terminal.say(result)
    model = Model(result.best_estimator_, rows.preparation)
    _write_results(result, model, places, terminal)
    if batch is not None:
        terminal.say(f"\n{options.new}: {model.map.detect_shift(model.as_seen(batch[0]))}")
    _report(result, rows, batch, places["report"], options, terminal)
    _say_where(places, terminal)
    return 0


def _check_packages():
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise UsageError(
            f'validate needs {", ".join(missing)}; install with: pip install "sksubspace[cli]"'
        )


# ---- what comes in -------------------------------------------------------------------------------


def _read_rows(options, terminal):
    table = _example(options) if options.data is None else read_table(options.data, options)
    y = take_label(table, options.label)
    drop_columns(table, options.drop)
    for note in table.notes:
        terminal.note(note)
    X = to_numbers(table, allow_missing=options.impute is not None)
    _check_size(table, X)
    _note_missing(X, terminal)
    names = table.frame.columns if table.has_names else None
    beside = [name for name in (options.label, *options.drop) if name is not None]
    preparation, X = fit_preparation(X, names, beside, impute=options.impute, scale=options.scale)
    _note_spread(X, terminal)
    return ComparedRows(table, X, y, preparation, _image_shape(options.image_shape, table, X))


def _example(options):
    """scikit-learn's handwritten digits: 1,797 images of 8x8 pixels."""
    from sklearn.datasets import load_digits

    digits = load_digits(as_frame=True)
    options.label = options.label or "digit"
    note = "no DATA was given: scikit-learn's handwritten digits are taken"
    return Table(
        Path("digits"), digits.data, extra={"digit": digits.target.to_numpy()},
        image_shape=(8, 8), notes=[note],
    )  # fmt: skip


def _check_size(table, X):
    if X.shape[1] < 2:
        raise UsageError(
            f"{table.path} has only the column '{table.frame.columns[0]}'; a map needs at least 2 "
            "columns: give more, or check --delimiter"
        )
    if X.shape[0] < _FEWEST_ROWS:
        raise UsageError(
            f"{table.path} has {X.shape[0]} row{'s' if len(X) > 1 else ''}; at least "
            f"{_FEWEST_ROWS} are needed to compare maps: give more rows"
        )
    if (X == X[0]).all():
        raise UsageError(f"{table.path}: all rows are the same; give rows that differ")


def _note_missing(X, terminal):
    missing = int(np.isnan(X).sum())
    if missing:
        terminal.note(
            f"missing values ({missing:,}) are replaced by the medians of their columns over all "
            "rows; the model does the same to new rows"
        )


def _note_spread(X, terminal):
    spread = X.std(axis=0, dtype=np.float64)
    ratio = spread.max() / np.median(spread[spread > 0])
    if ratio > _SPREADS_APART:
        terminal.note(
            f"a column has {ratio:,.0f} times the spread of the median column and will shape the "
            "maps; --scale standard gives all columns the same weight"
        )


def _image_shape(shape, table, X):
    shape = shape or table.image_shape
    if shape is not None and np.prod(shape) != X.shape[1]:
        if shape == table.image_shape:
            return None
        raise UsageError(
            f"--image-shape {'x'.join(map(str, shape))} needs {np.prod(shape)} columns, and there "
            f"are {X.shape[1]}; give the shape of one row"
        )
    return shape


# ---- what comes out ------------------------------------------------------------------------------


def _places(options):
    folder = Path(options.out)
    return {
        "table": folder / "results.csv",
        "results": folder / "results.json",
        "model": Path(options.model or folder / "best.skops"),
        "report": Path(options.report or folder / "report.html"),
        "cache": Path(options.cache or folder / ".sksubspace-cache"),
    }


def _make_folders(places):
    """Make the folders, and find out now whether files can be written there."""
    for kind, path in places.items():
        folder = path if kind == "cache" else path.parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if path.is_dir() and kind != "cache":
                raise UsageError(f"{path} is a folder; name a file for the {kind}")
            replace_file(folder / ".sksubspace-test", b"").unlink()
        except OSError as error:
            raise UsageError(
                f"{folder}: {error.strerror}; name a folder that can be written to, with --out"
            ) from error


def _forget(cache):
    """Remove finished parts; nothing else that may lie in a folder that the user named."""
    for path in cache.rglob("*.joblib"):
        path.unlink()


def _compare(rows, candidates, options, cache, terminal):
    from sksubspace.model_selection import compare_embeddings

    names = rows.preparation.names
    # behind other steps of the pipeline the map sees arrays
    bare = names is None or rows.preparation.steps
    try:
        return compare_embeddings(
            rows.X if bare else framed(rows.X, list(names)),
            candidates,
            y=rows.y,
            method=options.method,
            cv=options.cv,
            n_repeats=options.repeats,
            select=options.select,
            memory=cache,
            n_jobs=options.n_jobs,
            callbacks=terminal.progress(),
            random_state=options.seed,
        )
    except ValueError as error:  # it names the parameter, or why every candidate failed
        if options.debug:
            raise
        raise UsageError(str(error)) from error


def _write_results(result, model, places, terminal):
    replace_file(places["results"], result.to_json(timings=False).encode("utf-8"))
    table = result.to_frame().to_csv(index=False, lineterminator="\n")
    replace_file(places["table"], table.encode("utf-8"))
    save_model(model, places["model"], terminal)


def _report(result, rows, batch, path, options, terminal):
    from sksubspace.report import write_report

    names = rows.preparation.names
    columns = None if names is None else list(names)
    write_report(
        result,
        path,
        X=framed(rows.X, columns, rows.table.row_names),
        y=rows.y,
        X_new=None if batch is None else framed(batch[0], columns, batch[1].row_names),
        feature_names=columns,
        label_name=options.label,
        data_name=rows.table.path.name,
        new_name=None if batch is None else batch[1].path.name,
        image_shape=rows.image_shape,
        notes=terminal.notes,
        command=shlex.join(options.command),
    )


def _say_where(places, terminal):
    lines = [f"{kind:<8} {path}" for kind, path in places.items() if kind != "cache"]
    terminal.say("\n".join(["", *lines]))
