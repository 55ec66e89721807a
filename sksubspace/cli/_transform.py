"""``sksubspace transform``: rows to places on a saved map, and back."""

import numpy as np

from sksubspace.cli._columns import drop_columns, match_columns, to_numbers
from sksubspace.cli._model import open_model, read_rows
from sksubspace.cli._read import read_table
from sksubspace.cli._say import UsageError
from sksubspace.cli._write import check_output, write_table


def run(options, terminal):
    """Place rows, or reconstruct them, and write the table.

    Parameters
    ----------
    options : argparse.Namespace
        The words of the command line.
    terminal : Terminal
        Where notes go.

    Returns
    -------
    code : int
        0.
    """
    check_output(options.output)
    model = open_model(options.model, options)
    values, names, row_names = (_reconstruct if options.inverse else _place)(
        model, options, terminal
    )
    write_table(options.output, dict(zip(names, values.T, strict=True)), row_names)
    if options.output is not None and not options.quiet:
        terminal.say(f"{len(values)} rows written to {options.output}")
    return 0


def _place(model, options, terminal):
    X, table = read_rows(options.data, model, options, terminal)
    return model.place(X), place_names(model), table.row_names


def place_names(model):
    """Names of the coordinates."""
    return [str(name) for name in model.map.get_feature_names_out()]


def _reconstruct(model, options, terminal):
    if not hasattr(model.map, "inverse_transform"):
        raise UsageError(f"{options.model}: {type(model.map).__name__} cannot reconstruct rows")
    table = read_table(options.data, options)
    drop_columns(table, options.drop)
    names = place_names(model)
    match_columns(table, names if table.has_names else None, len(names), ("row",))
    for note in table.notes:
        terminal.note(note)
    row_names = table.row_names
    X = model.reconstruct(to_numbers(table, allow_missing=False))
    columns = model.names or [f"x{column}" for column in range(X.shape[1])]
    return np.asarray(X), columns, row_names
