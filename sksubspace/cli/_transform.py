"""``sksubspace transform``: rows to places on a saved map, and back."""

from sksubspace.cli._model import open_model
from sksubspace.cli._prepare import Preparation
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
    model = open_model(options.model, trust_pickle=options.trust_pickle)
    work = _reconstruct if options.inverse else _place
    values, names, row_names = work(model, options, terminal)
    write_table(options.output, dict(zip(names, values.T, strict=True)), row_names)
    if options.output is not None and not options.quiet:
        terminal.say(f"{len(values)} rows written to {options.output}")
    return 0


def _place(model, options, terminal):
    X, table = model.preparation.read(options.data, options, terminal, options.drop)
    return model.place(X), model.place_names, table.row_names


def _reconstruct(model, options, terminal):
    if not hasattr(model.map, "inverse_transform"):
        raise UsageError(f"{options.model}: {type(model.map).__name__} cannot reconstruct rows")
    names = tuple(model.place_names)
    places = Preparation(names, len(names), beside=("row",))
    Z, table = places.read(options.data, options, terminal, options.drop)
    X = model.reconstruct(Z)
    columns = model.preparation.names or [f"x{column}" for column in range(X.shape[1])]
    return X, columns, table.row_names
