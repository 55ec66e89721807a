"""``sksubspace transform`` and ``sksubspace shift``: what a saved map says of new rows."""

from sksubspace.cli._model import Preparation, open_model
from sksubspace.cli._output import check_output, write_table
from sksubspace.cli._say import UsageError

# exit code of a shifted batch, where it is asked for
SHIFTED = 3


def transform(options, terminal):
    """Place rows, or reconstruct them, and write the table."""
    check_output(options.output)
    model = open_model(options.model, trust_pickle=options.trust_pickle)
    work = _reconstruct if options.inverse else _places_of_rows
    values, names, row_names = work(model, options, terminal)
    write_table(options.output, dict(zip(names, values.T, strict=True)), row_names)
    if options.output is not None and not options.quiet:
        terminal.say(f"{len(values)} rows written to {options.output}")
    return 0


def _places_of_rows(model, options, terminal):
    X, table = model.preparation.read(options.data, options, terminal, options.drop)
    return model.place(X), model.place_names, table.row_names


def _reconstruct(model, options, terminal):
    if not hasattr(model.map, "inverse_transform"):
        raise UsageError(f"{options.model}: {type(model.map).__name__} cannot reconstruct rows")
    names = tuple(model.place_names)
    places = Preparation(names, len(names), id="row")
    Z, table = places.read(options.data, options, terminal, options.drop)
    X = model.reconstruct(Z)
    columns = model.preparation.names or [f"x{column}" for column in range(X.shape[1])]
    return X, columns, table.row_names


def shift(options, terminal):
    """Test the batch, print the verdict and write what was found for each row.

    Returns 0, or 3 with ``--exit-code`` if the batch is shifted.
    """
    check_output(options.output)
    model = open_model(options.model, trust_pickle=options.trust_pickle)
    if not hasattr(model.map, "detect_shift"):
        raise UsageError(
            f"{options.model} holds a {type(model.map).__name__}, which has no shift test; take "
            "best.skops of sksubspace validate"
        )
    X, table = model.preparation.read(options.data, options, terminal, options.drop)
    found = model.test_shift(X, table, alpha=options.alpha)
    terminal.say(found)
    if model.preparation.is_scaled:
        terminal.note("distortions are of z-scores, since the model was made with --scale standard")
    if options.output is not None:
        write_table(options.output, _columns_of_shift(model, X, found), table.row_names)
        if not options.quiet:
            terminal.say(f"{len(X)} rows written to {options.output}")
    return SHIFTED if options.exit_code and found.shifted else 0


def _columns_of_shift(model, X, found):
    places = dict(zip(model.place_names, model.place(X).T, strict=True))
    return {
        "p_value": found.sample_p_values,
        "flagged": (found.sample_p_values <= found.alpha).astype(int),
        "distortion": model.map.distortion(model.as_seen(X)),
        **places,
    }
