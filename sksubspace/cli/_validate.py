"""``sksubspace validate``: compare embeddings of a table, and write what was found."""

import json
import shlex
from hashlib import sha256
from pathlib import Path

import numpy as np
from scipy.sparse import issparse

from sksubspace._files import PAGE_SUFFIXES, replace_file
from sksubspace.cli._audit import PAGE, audited, say_verdict, write_pages
from sksubspace.cli._candidates import EXAMPLE_GRIDS, make_candidates
from sksubspace.cli._compared import read_rows
from sksubspace.cli._embedding import read_embedding
from sksubspace.cli._lock import locked
from sksubspace.cli._memory import check_teachers_fit
from sksubspace.cli._model import Model, framed, save_model
from sksubspace.cli._output import csv_text
from sksubspace.cli._say import UsageError, about, check_packages

_NEEDED = ("jinja2", "matplotlib", "pandas", "skops")
# rows of a draw that is offered for large tables
_USUAL_DRAW = 2_000
# letters of the name of a run
_RUN_LENGTH = 12


def validate(options, terminal):
    """Compare, print the table, and write results, report and model."""
    check_packages("validate", _NEEDED)
    places = _places(options)
    rows = read_rows(options, terminal)
    n_rows = rows.X.shape[0]
    # read before the long computation, so that what is wrong with it shows at once
    batch = None if options.new is None else rows.preparation.read(options.new, options, terminal)
    n_ranked = min(n_rows, options.max_rows or n_rows)
    if options.cv > n_ranked:
        raise UsageError(f"--cv {options.cv}: there are {n_ranked:,} rows; take at most as many")
    candidates = make_candidates(
        options.teachers,
        options.grid,
        n_ranked - -(-n_ranked // options.cv),
        EXAMPLE_GRIDS if options.data is None else None,
    )
    for name in options.embedding:
        candidates[Path(name).name] = read_embedding(name, rows.table, options, terminal)
    check_teachers_fit(options.teachers, n_rows, options.n_jobs)
    _note_cost(candidates, rows.X, n_ranked, options, terminal)
    _make_folders(places)
    with locked(Path(options.out)):
        if options.fresh:
            _forget(places["cache"])
        result = _compare(rows, candidates, options, places["cache"], terminal)
        terminal.say(result)
        model = Model(result.best_estimator_, rows.preparation)
        run = _write_results(result, rows, model, places, terminal)
        if batch is not None:
            terminal.say(f"\n{options.new}: {model.test_shift(*batch)}")
        found = _audit_of_the_chosen(result, rows, options, terminal)
        if found is not None:
            write_pages(found, places["audit"].parent, options, terminal, _beside(places))
        _report(result, rows, batch, places, run, found, options, terminal)
    _say_where({kind: path for kind, path in places.items() if path.exists()}, terminal)
    return 0


# ---- what comes out ------------------------------------------------------------------------------


def _places(options):
    folder = Path(options.out)
    report = Path(options.report or folder / "report.html")
    if report.suffix.lower() not in PAGE_SUFFIXES:
        raise UsageError(f"--report must end in .html, got {report}; it is a page for a browser")
    return {
        "table": folder / "results.csv",
        "results": folder / "results.json",
        "model": Path(options.model or folder / "best.skops"),
        "report": report,
        "audit": folder / PAGE,
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


def _note_cost(candidates, X, n_ranked, options, terminal):
    """Say about how long it takes at most, and what would take less."""
    from sksubspace.model_selection._candidates import parse_candidates
    from sksubspace.model_selection._cost import Work

    n_whole = 0 if options.method == "cv" else 1 if options.method == "auto" else options.repeats
    n_splits = 0 if options.method == "loo" else options.cv * options.repeats

    def work(n_rows):
        parsed = parse_candidates(candidates, X)
        return about(Work(parsed, n_rows, X.shape[0], n_whole, n_splits).cpu_seconds)

    less = ""
    if n_ranked > 2 * _USUAL_DRAW:
        less = f"; with --max-rows {_USUAL_DRAW}: {work(_USUAL_DRAW)}"
    terminal.note(f"this takes at most about {work(n_ranked)} of one core{less}", kept=False)


def _forget(cache):
    """Remove finished parts; nothing else that may lie in a folder that the user named."""
    for pattern in ("*.npz", "*.joblib"):  # of this version, and of those before
        for path in cache.rglob(pattern):
            path.unlink()


def _compare(rows, candidates, options, cache, terminal):
    from sksubspace.distillation import MEDAL
    from sksubspace.model_selection import compare_embeddings
    from sksubspace.report._data import is_missing

    names = rows.preparation.names
    # behind other steps of the pipeline the map sees arrays
    bare = names is None or rows.preparation.steps
    try:
        return compare_embeddings(
            rows.X if bare else framed(rows.X, list(names)),
            candidates,
            # values with gaps are for colours only
            y=None if rows.y is None or is_missing(rows.y).any() else rows.y,
            method=options.method,
            cv=options.cv,
            n_repeats=options.repeats,
            race=options.race,
            max_rows=options.max_rows,
            select=options.select,
            # the model that is written holds no teacher
            student=MEDAL(keep_teacher=False),
            memory=cache,
            n_jobs=options.n_jobs,
            verbose=terminal.is_watched,
            random_state=options.seed,
            **_grouped(rows.table.groups),
        )
    except ValueError as error:  # it names the parameter, or why every candidate failed
        if options.debug:
            raise
        raise UsageError(str(error)) from error


def _grouped(groups):
    """Rows of one group are left out, and held out, together."""
    return {} if groups is None else {"groups": groups}


def _write_results(result, rows, model, places, terminal):
    """Write numbers and model, each with the name of the run; return that.

    The name is a hash of what was found: the same for the same data and command.
    """
    found = json.loads(result.to_json(timings=False))
    digest = sha256()
    for part in (rows.X.data, rows.X.indices, rows.X.indptr) if issparse(rows.X) else (rows.X,):
        digest.update(np.ascontiguousarray(part))
    digest.update(json.dumps(found, sort_keys=True).encode())
    run = digest.hexdigest()[:_RUN_LENGTH]
    text = json.dumps({"run": run, **found}, indent=2, ensure_ascii=False, allow_nan=False)
    replace_file(places["results"], f"{text}\n".encode())
    table = csv_text(result.to_frame().assign(run=run))
    replace_file(places["table"], table.encode("utf-8"))
    save_model(model, places["model"], terminal, run)
    return run


def _audit_of_the_chosen(result, rows, options, terminal):
    """Say what may be read off the chosen map; None where there are too few rows to say it."""
    try:
        found = audited(rows, result.best_estimator_.embedding_, options, terminal)
    except UsageError as error:
        terminal.note(f"the chosen map is not audited: {error}")
        return None
    terminal.say(f"\nWhat may be read off the map by {result.best_name_}:")
    say_verdict(found, terminal)
    return found


def _beside(places):
    """The report, as a link on a page in the folder."""
    report = places["report"]
    return report.name if report.parent == places["audit"].parent else None


def _report(result, rows, batch, places, run, found, options, terminal):
    from sksubspace.report import write_report

    names = rows.preparation.names
    columns = None if names is None else list(names)
    write_report(
        result,
        places["report"],
        X=framed(rows.X, columns, rows.table.row_names),
        y=rows.y,
        X_new=None if batch is None else framed(batch[0], columns, batch[1].row_names),
        feature_names=columns,
        label_name=options.label,
        data_name=rows.table.path.name,
        new_name=None if batch is None else batch[1].path.name,
        image_shape=rows.image_shape,
        notes=terminal.notes,
        command=f"{shlex.join(options.command)}\n# run {run}",
        units="z-scores" if rows.preparation.is_scaled else None,
        groups_new=None if batch is None else batch[1].groups,
        audit=found,
        audit_page=PAGE if found is not None and _beside(places) else None,
    )


def _say_where(places, terminal):
    lines = [f"{kind:<8} {path}" for kind, path in places.items() if kind != "cache"]
    terminal.say("\n".join(["", *lines]))
