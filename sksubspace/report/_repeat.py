"""What is needed to repeat the comparison."""

from sksubspace.report._text import plain, plural


def seeds(result):
    """List the settings that the numbers depend on, as pairs of a term and its description."""
    return [
        ("random_state", plain(result.random_state)),
        ("Method", plain(result.method)),
        ("Folds and repeats", _folds(result)),
        ("Rule of choice", plain(result.select)),
        ("Confidence of intervals", plain(result.confidence)),
        ("Order of simplicity", ", ".join(plain(name) for name in result.order)),
    ]


def _folds(result):
    folds = plural(result.n_splits, "fold") if result.n_splits else "no folds"
    return f"{folds}, {plural(result.n_repeats, 'repeat')}"


def code(result, data):
    """Write the call that repeats the comparison; the candidates are for the reader to fill in."""
    labels = "" if data.labels is None else "y=y,\n    "
    folds = f"cv={result.n_splits!r},\n    " if result.n_splits else ""
    extra = "" if data.new is None else ", X_new=X_new"
    names = "\n".join(f"#   {plain(row.name)}" for row in result.results if row.role == "candidate")
    return f"""from sksubspace.model_selection import compare_embeddings

# candidates:
{names}
result = compare_embeddings(
    X,
    candidates,
    {labels}method={result.method!r},
    {folds}n_repeats={result.n_repeats!r},
    select={result.select!r},
    confidence={result.confidence!r},
    random_state={result.random_state!r},
)
result.to_report("report.html", X=X{labels and ", y=y"}{extra})"""
