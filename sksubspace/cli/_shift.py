"""``sksubspace shift``: whether a batch still belongs on a saved map."""

from sksubspace.cli._model import open_model
from sksubspace.cli._say import UsageError
from sksubspace.cli._write import check_output, write_table

SHIFTED = 3


def run(options, terminal):
    """Test the batch, print the verdict and write what was found for each row.

    Parameters
    ----------
    options : argparse.Namespace
        The words of the command line.
    terminal : Terminal
        Where the verdict and notes go.

    Returns
    -------
    code : int
        0, or 3 with ``--exit-code`` if the batch is shifted.
    """
    check_output(options.output)
    model = open_model(options.model, trust_pickle=options.trust_pickle)
    if not hasattr(model.map, "detect_shift"):
        raise UsageError(
            f"{options.model} holds a {type(model.map).__name__}, which has no shift test; take "
            "best.skops of sksubspace validate"
        )
    X, table = model.preparation.read(options.data, options, terminal, options.drop)
    found = model.map.detect_shift(model.as_seen(X), alpha=options.alpha)
    terminal.say(found)
    if options.output is not None:
        write_table(options.output, _rows(model, X, found), table.row_names)
        if not options.quiet:
            terminal.say(f"{len(X)} rows written to {options.output}")
    return SHIFTED if options.exit_code and found.shifted else 0


def _rows(model, X, found):
    places = dict(zip(model.place_names, model.place(X).T, strict=True))
    return {
        "p_value": found.sample_p_values,
        "flagged": (found.sample_p_values <= found.alpha).astype(int),
        "distortion": model.map.distortion(model.as_seen(X)),
        **places,
    }
