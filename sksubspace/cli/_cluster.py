"""``sksubspace cluster``: are there clusters in a table, and which."""

import shlex

from sksubspace._persistence import replace_file
from sksubspace._validation import named_groups
from sksubspace.cli._audit import labels_as_groups, made_folder
from sksubspace.cli._compared import read_rows
from sksubspace.cli._lock import locked
from sksubspace.cli._say import UsageError, check_packages

_NEEDED = ("jinja2", "matplotlib", "pandas")
# names of what is written into a folder
PAGE, NUMBERS, CACHE = "clusters.html", "clusters.json", ".sksubspace-cache"


def cluster(options, terminal):
    """Compare clusterings, print the tables, and write a page, its tables and figures."""
    check_packages("cluster", _NEEDED)
    rows = read_rows(options, terminal)
    folder = made_folder(options.out)
    y = labels_as_groups(rows, options, terminal)
    with locked(folder):
        found = _clusterings_of(rows, y, options, folder, terminal)
        terminal.say(found)
        _write(found, rows, folder, options, terminal)
    terminal.say(f"\nclusters {folder / PAGE}\nnumbers  {folder / NUMBERS}")
    return 0


def _clusterings_of(rows, y, options, folder, terminal):
    from sksubspace.model_selection import compare_clusterings

    try:
        return compare_clusterings(
            rows.X,
            _candidates(rows.X, options.candidates),
            n_clusters=options.n_clusters,
            y=None if y is None else named_groups(y, len(y), "y")[0],
            groups=rows.table.groups,
            n_halvings=options.halvings,
            random_state=options.seed,
            n_jobs=options.n_jobs,
            memory=folder / CACHE,
            verbose=terminal.is_watched,
        )
    except ValueError as error:  # it names the parameter, or why every candidate failed
        if options.debug:
            raise
        raise UsageError(str(error)) from error


def _candidates(X, names):
    """The default candidates, or those of them that were named."""
    from sksubspace.cluster import default_clusterings

    if names is None:
        return "default"
    known = default_clusterings(X)
    unknown = [name for name in names if name not in known]
    if unknown:
        raise UsageError(f"--candidates {unknown[0]!r} is none of: {', '.join(known)}")
    return {name: known[name] for name in names}


def _write(found, rows, folder, options, terminal):
    from sksubspace.report import write_clusters

    write_clusters(
        found,
        folder / PAGE,
        embedding=_two_components(rows.X),
        ids=rows.table.row_names,
        data_name=rows.table.path.name,
        command=shlex.join(options.command),
        notes=terminal.notes,
    )
    replace_file(folder / NUMBERS, found.to_json(timings=False).encode("utf-8"))


def _two_components(X):  # (n, d) -> (n, 2)
    """Where the page draws the rows."""
    from sksubspace._linalg import column_means, principal_directions, project

    mean = column_means(X)
    return project(X, mean, principal_directions(X, mean, 2))
