"""``sksubspace audit``: what may be read off a map that exists."""

import shlex
from dataclasses import replace
from pathlib import Path

from sksubspace._persistence import replace_file
from sksubspace.cli._anndata import colors_of_column, drawn_from
from sksubspace.cli._compared import read_rows
from sksubspace.cli._embedding import read_embedding
from sksubspace.cli._lock import locked
from sksubspace.cli._say import UsageError, check_packages

_NEEDED = ("jinja2", "matplotlib", "pandas")
# names of what is written into a folder
PAGE, NUMBERS = "audit.html", "audit.json"


def audit(options, terminal):
    """Audit a map, print the verdict, and write a page, its tables and its figures."""
    check_packages("audit", _NEEDED)
    _take_representation(options, terminal)
    rows = read_rows(options, terminal)
    Z = read_embedding(options.embedding, rows.table, options, terminal)
    folder = made_folder(options.out)
    with locked(folder):
        found = audited(rows, Z, options, terminal, teacher=options.teacher)
        say_verdict(found, terminal)
        write_pages(found, folder, options, terminal)
    terminal.say(f"\naudit    {folder / PAGE}\nnumbers  {folder / NUMBERS}")
    return 0


def audited(rows, Z, options, terminal, *, teacher=None):
    """Audit a map of rows that were read.

    Parameters
    ----------
    rows : ComparedRows
        The rows.
    Z : ndarray of shape (n_rows, n_components)
        The map.
    options : argparse.Namespace
        `label`, `groups`, `seed`, `n_jobs`, `debug`, and perhaps `surrogate`.
    terminal : Terminal
        Told of labels that are no groups.
    teacher : str or None
        What drew the map.

    Returns
    -------
    found : EmbeddingAudit
        What may be read off it.
    """
    from sksubspace.audit import audit_embedding

    try:
        found = audit_embedding(
            rows.X,
            Z,
            y=labels_as_groups(rows, options, terminal),
            groups=_series(rows.table.groups, options.groups),
            ids=rows.table.row_names,
            teacher=teacher,
            surrogate=getattr(options, "surrogate", False),
            data_name=_data_name(rows),
            n_jobs=options.n_jobs,
            random_state=options.seed,
            verbose=terminal.is_watched,
        )
        return replace(found, palette=colors_of_column(rows.table.path, options.label))
    except ValueError as error:  # it names the parameter
        if options.debug:
            raise
        raise UsageError(str(error)) from error


def say_verdict(found, terminal):
    """Print the verdict, what is denied in red."""
    from sksubspace.audit._result import lines_of

    for text, answer in lines_of(found):
        terminal.say(text, {"NO": "red", "BROKEN": "bold red", "yes": "green"}.get(answer))


def write_pages(found, folder, options, terminal, comparison=None):
    """Write the page with its tables and figures, and the numbers."""
    from sksubspace.report import write_audit

    command = shlex.join(options.command)
    write_audit(found, folder / PAGE, command=command, comparison=comparison, notes=terminal.notes)
    replace_file(folder / NUMBERS, found.to_json().encode("utf-8"))


def _take_representation(options, terminal):
    """Of an .h5ad file take the matrix that the map was drawn from, where the file says it."""
    if options.rep is not None or options.layer is not None or not options.data.endswith(".h5ad"):
        return
    options.rep, options.n_columns = drawn_from(Path(options.data), options.embedding)
    if options.rep is not None:
        first = "" if options.n_columns is None else f"the first {options.n_columns} columns of "
        terminal.note(
            f"{options.data}: {first}obsm['{options.rep}'] is taken, which the map was drawn from; "
            "--rep or --layer name another matrix"
        )


def made_folder(name):
    """Make the folder of that name, and find out now whether files can be written there."""
    folder = Path(name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        replace_file(folder / ".sksubspace-test", b"").unlink()
    except OSError as error:
        raise UsageError(
            f"{folder}: {error.strerror}; name a folder that can be written to, with --out"
        ) from error
    return folder


def labels_as_groups(rows, options, terminal):
    """The labels as groups; values on a scale are none."""
    from sksubspace.report._data import are_values

    if rows.y is None:
        return None
    if are_values(rows.y):
        terminal.note(f"label '{options.label}' holds values on a scale, which are no groups")
        return None
    return _series(rows.y, options.label)


def _series(values, name):
    import pandas as pd

    return None if values is None else pd.Series(values, name=name)


def _data_name(rows):
    """The file, the matrix of it, and what was done to it."""
    source = f", {rows.table.source}" if rows.table.source else ""
    scaled = ", as z-scores" if rows.preparation.is_scaled else ""
    return f"{rows.table.path.name}{source}{scaled}"
