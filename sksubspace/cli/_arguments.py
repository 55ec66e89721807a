"""The words of the command line."""

import argparse
import os
import re
from difflib import get_close_matches

import sksubspace
from sksubspace._teachers import SHORTHANDS
from sksubspace.cli._say import UsageError

# by name, since some are hard to type in a shell
_DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "\\t": "\t", "space": " ", "pipe": "|"}
# processes that are started unasked
_MOST_JOBS = 4

_DATA_HELP = "a table: .csv, .tsv (also .gz), .xlsx, .parquet, .npy, .npz or .h5ad"
_GROUPS_HELP = "donors, plates, subjects: rows of one group are left out together"
_EPILOG = """`sksubspace VERB --help` lists the options of one of them. Begin with

  sksubspace validate

which needs no data, takes a few minutes and writes sksubspace-out/report.html.

examples:
  sksubspace audit cells.h5ad --embedding X_umap --rep X_pca --label leiden --groups donor
  sksubspace audit table.csv --embedding umap.csv --label species --id sample_id
  sksubspace validate cells.csv --label type --id cell --groups donor --out cells
  sksubspace cluster cells.csv --label type --id cell --groups donor --n-clusters 2:12
  sksubspace transform cells/best.skops more.csv --output places.csv
  sksubspace shift cells/best.skops more.csv --output rows.csv

exit codes: 0 done; 2 bad arguments or data, with one line that says how to mend it;
3 a shifted batch with shift --exit-code; 130 interrupted; 1 the program itself failed"""
_VALIDATE = """Compare embeddings of a table by how well held-out rows can be reconstructed from
their place on the map. Writes results.json, results.csv, report.html and the best map as
best.skops. Interrupted, the same command continues where it stopped."""
_AUDIT = """Say what may be read off a map that exists: which neighbourhoods, clusters, distances
and dots. Writes audit.html with its tables and figures, and audit.json."""
_CLUSTER = """Say whether there are clusters in a table, and set clusterings of several families
beside each other, without labels. Writes clusters.html with its tables and figures, and
clusters.json. Interrupted, the same command continues where it stopped."""
_TRANSFORM = "Place rows on a map that `validate` saved, or reconstruct rows from places."
_SHIFT = "Test whether a batch still belongs on a map that `validate` saved."


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        raise UsageError(f"{message} (see: {self.prog} --help)")


def parse(arguments):
    """Parse the words after ``sksubspace`` into `verb` and the options of that verb."""
    parser, verbs = _parser()
    options, unknown = parser.parse_known_args(arguments)
    if unknown:
        raise UsageError(_unrecognized(unknown, options.verb, verbs[options.verb]))
    options.command = ["sksubspace", *arguments]
    for option in ("drop", "keep", "one_hot", "na_values"):
        if options.data is None and getattr(options, option, None):
            name = f"--{option.replace('_', '-')}"
            raise UsageError(
                f"{name} needs DATA; put the file before it: sksubspace validate DATA ..."
            )
    if getattr(options, "surrogate", False) and options.teacher is None:
        raise UsageError("--surrogate needs --teacher, which draws the Gaussian data")
    if options.thousands is not None and options.thousands == (options.decimal or "."):
        raise UsageError(
            f"--thousands {options.thousands} is also the decimal mark; name the other with "
            "--decimal"
        )
    return options


def _unrecognized(unknown, verb, parser):
    """Say what is not known, what may be meant, and where all options stand."""
    known = re.findall(r"--[a-z][a-z-]*", parser.format_usage())
    close = get_close_matches(unknown[0], known, n=1)
    hint = f"; is it {close[0]}?" if close else ""
    return f"unrecognized arguments: {' '.join(unknown)}{hint} (see: sksubspace {verb} --help)"


def _parser():  # -> the parser, and that of each verb by name
    parser = _Parser(
        prog="sksubspace",
        description="Maps of high-dimensional data that can be trusted on new rows.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    version = f"sksubspace {sksubspace.__version__}"
    parser.add_argument("--version", action="version", version=version)
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for name, add, question, text in (
        ("audit", _add_audit, "may this map be trusted?", _AUDIT),
        ("validate", _add_validate, "which map, which settings?", _VALIDATE),
        ("cluster", _add_cluster, "are there clusters, and which?", _CLUSTER),
        ("transform", _add_transform, "put new rows on a saved map", _TRANSFORM),
        ("shift", _add_shift, "does a new batch still belong on it?", _SHIFT),
    ):
        add(verbs.add_parser(name, help=question, description=text))
    return parser, verbs.choices


def _add_audit(verb):
    add = verb.add_argument
    add("data", metavar="DATA", help=_DATA_HELP)
    add(
        "--embedding", required=True, metavar="KEY_OR_FILE",
        help="the map: an array of obsm of an .h5ad file, such as X_umap, or a file whose rows are "
        "those of DATA",
    )  # fmt: skip
    add(
        "--teacher", choices=SHORTHANDS, metavar="NAME",
        help=f"what drew it, to draw it again with other seeds: {' '.join(SHORTHANDS)}",
    )  # fmt: skip
    add("--surrogate", action="store_true", help="with --teacher, let it draw Gaussian data too")
    _add_rows_options(verb)
    add = verb.add_argument_group("the run").add_argument
    add("--out", default="sksubspace-audit", metavar="FOLDER", help="(default: sksubspace-audit)")
    _add_run_options(add)
    _add_common(verb)


def _add_validate(verb):
    add = verb.add_argument
    add("data", nargs="?", metavar="DATA", help=f"{_DATA_HELP}; without it, handwritten digits")
    add(
        "--teachers", nargs="+", choices=SHORTHANDS, default=["pca", "tsne", "umap"],
        metavar="NAME",
        help=f"methods, simplest first: {' '.join(SHORTHANDS)} (default: pca tsne umap)",
    )  # fmt: skip
    add(
        "--embedding", nargs="+", action="extend", default=[], metavar="MAP",
        help="maps that there are already, to stand beside them: keys of obsm of an .h5ad file, or "
        "files",
    )  # fmt: skip
    add(
        "--grid", nargs="+", action="extend", default=[], metavar="NAME.PARAMETER=V,V",
        help="settings to try, such as umap.n_neighbors=5,15,50 or tsne.perplexity=30",
    )  # fmt: skip
    add(
        "--method", choices=("auto", "loo", "cv"), default="auto",
        help="loo: leave-one-out, one fit each; cv: refit on folds; auto (default): loo for all, "
        "then cv for the best",
    )  # fmt: skip
    add("--cv", type=_at_least(2), default=5, metavar="K", help="folds (default: 5)")
    add("--repeats", type=_at_least(1), default=1, metavar="R", help="of the folds (default: 1)")
    add(
        "--no-race", dest="race", action="store_false",
        help="run all folds of all settings, also of those that are behind beyond chance",
    )  # fmt: skip
    add(
        "--max-rows", type=_at_least(50), metavar="N",
        help="rank on N rows drawn at random, such as 2000; the best is fitted to all",
    )  # fmt: skip
    add(
        "--select", choices=("simplest", "one_std_err", "best"), default="simplest",
        help="take the simplest that is tied with the best (default), the simplest within one "
        "standard error of it, or the best",
    )  # fmt: skip
    _add_rows_options(verb)
    add = verb.add_argument_group("files and the run").add_argument
    add("--new", metavar="BATCH", help="a second table, tested for shift in the report")
    add("--image-shape", type=_shape, metavar="HxW", help="rows are images, such as 8x8")
    add("--out", default="sksubspace-out", metavar="FOLDER", help="(default: sksubspace-out)")
    add("--report", metavar="FILE", help="(default: FOLDER/report.html)")
    add("--model", metavar="FILE", help="(default: FOLDER/best.skops)")
    add("--cache", metavar="FOLDER", help="finished parts (default: FOLDER/.sksubspace-cache)")
    add("--fresh", action="store_true", help="forget what an earlier run finished")
    _add_run_options(add)
    _add_common(verb)


def _add_cluster(verb):
    add = verb.add_argument
    add("data", metavar="DATA", help=_DATA_HELP)
    add(
        "--n-clusters", type=_several, required=True, metavar="K",
        help="clusters: a number, several such as 2,5,10, or a range such as 2:12, both ends in it",
    )  # fmt: skip
    add(
        "--candidates", nargs="+", metavar="NAME",
        help="of the methods that are tried by default, only these, as the table names them",
    )  # fmt: skip
    add(
        "--halvings", type=_at_least(1), default=2, metavar="H",
        help="how often rows are cut into halves that are clustered apart (default: 2)",
    )  # fmt: skip
    _add_rows_options(verb)
    add = verb.add_argument_group("the run").add_argument
    add("--out", default="sksubspace-clusters", metavar="FOLDER",
        help="(default: sksubspace-clusters)")  # fmt: skip
    _add_run_options(add)
    _add_common(verb)


def _add_run_options(add):
    add(
        "--n-jobs", type=_n_jobs, default=_default_jobs(), metavar="N",
        help=f"processes; results do not depend on it (default: all cores, at most {_MOST_JOBS})",
    )  # fmt: skip
    add("--seed", type=_at_least(0), default=0, metavar="S", help="(default: 0)")


def _add_transform(verb):
    add = verb.add_argument
    add("model", metavar="MODEL", help="a .skops file")
    add("data", metavar="DATA", help=_DATA_HELP)
    add("--output", metavar="FILE", help=".csv, .tsv, .parquet, .npy or .npz (default: CSV to "
        "standard output)")  # fmt: skip
    add("--inverse", action="store_true", help="DATA holds places; reconstruct rows from them")
    _add_table_options(verb)
    _add_trust(verb)
    _add_common(verb)


def _add_shift(verb):
    add = verb.add_argument
    add("model", metavar="MODEL", help="a .skops file")
    add("data", metavar="NEW", help=_DATA_HELP)
    add("--alpha", type=_level, default=0.05, help="level of the test (default: 0.05)")
    add("--output", metavar="FILE", help="p-value, distortion and place of each row")
    add("--exit-code", action="store_true", help="exit with 3 if the batch is shifted")
    columns = _add_table_options(verb)
    text = (
        "donors, plates, subjects: the unit of the test, where the model has groups; new ones only"
    )
    columns.add_argument("--groups", metavar="COLUMN", help=text)
    _add_trust(verb)
    _add_common(verb)


def _add_rows_options(verb):
    """Add what `read_rows` asks: the options of tables, and which columns are what."""
    add = _add_table_options(verb).add_argument
    add("--label", metavar="COLUMN", help="classes or values: for colours and label scores only")
    add(
        "--keep", nargs="+", action="extend", default=[], metavar="COLUMN",
        help="features, though they count or name the rows as an id does",
    )  # fmt: skip
    add(
        "--one-hot", nargs="+", action="extend", default=[], metavar="COLUMN",
        help="categories: a column of 0 and 1 for each",
    )  # fmt: skip
    add("--groups", metavar="COLUMN", help=_GROUPS_HELP)
    add("--impute", choices=("median",), help="fill missing values with the column's median")
    add(
        "--scale", choices=("none", "standard"), default="none",
        help="standard: each column less its mean, by its standard deviation, before everything; "
        "scores compare only between runs with the same scale (default: none)",
    )  # fmt: skip


def _add_table_options(verb):
    """Add how tables are read; return the group of options on columns, for more of them."""
    columns = verb.add_argument_group("columns of the table")
    add = columns.add_argument
    add("--drop", nargs="+", action="extend", default=[], metavar="COLUMN", help="leave out")
    add("--id", metavar="COLUMN", help="names of the rows, in reports and in files")
    add(
        "--na-values", nargs="+", action="extend", default=[], metavar="MARK", type=str.strip,
        help="also stand for missing values, such as ? or -9999",
    )  # fmt: skip
    add = verb.add_argument_group("how files are read").add_argument
    add(
        "--header", choices=("auto", "yes", "no"), default="auto",
        help="whether the first line of text files holds names (auto: unless it holds numbers that "
        "are not evenly spaced)",
    )  # fmt: skip
    add("--delimiter", type=_delimiter, help='between columns of text files, such as ";" or tab')
    add("--decimal", choices=(".", ","), help="mark in numbers of text files")
    add("--thousands", type=_delimiter, metavar="MARK", help="between groups of three digits")
    add("--comment", type=_delimiter, metavar="MARK", help="what follows it in a line is left out")
    add("--encoding", default="utf-8-sig", help="of text files (default: UTF-8)")
    add("--array", metavar="NAME", help="which array of an .npz file")
    add("--rep", metavar="KEY", help="the array of obsm of an .h5ad file, such as X_pca")
    add("--layer", metavar="KEY", help="the layer of an .h5ad file, such as counts (default: X)")
    return columns


def _add_trust(verb):
    text = "read a model that is a pickle; it runs whatever code its author put into it"
    verb.add_argument("--trust-pickle", action="store_true", help=text)


def _add_common(verb):
    verb.add_argument("--quiet", action="store_true", help="no notes, warnings or progress bar")
    verb.add_argument("--debug", action="store_true", help="show where an error comes from")


def _default_jobs():
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(_MOST_JOBS, cores or 1)


def _at_least(smallest):
    def whole_number(text):
        try:
            value = int(text)
        except ValueError:
            value = smallest - 1
        if not smallest <= value < 2**31:
            raise argparse.ArgumentTypeError(
                f"must be a whole number of at least {smallest}, got {text!r}"
            )
        return value

    return whole_number


def _several(text):
    """Whole numbers of at least 2: one, several with commas, or first:last."""
    bounds = text.split(":")
    try:
        if len(bounds) == 2:
            first, last = map(int, bounds)
            numbers = [*range(first, last + 1)]
        else:
            numbers = [*map(int, text.split(","))]
    except ValueError:
        numbers = []
    if not numbers or min(numbers) < 2:
        raise argparse.ArgumentTypeError(
            f"must be a number of at least 2, several such as 2,5,10, or a range such as 2:12, got "
            f"{text!r}"
        )
    return numbers[0] if len(numbers) == 1 else numbers


def _n_jobs(text):
    return -1 if text == "-1" else _at_least(1)(text)


def _level(text):
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"must be a number between 0 and 1, got {text!r}")
    return value


def _shape(text):
    sides = text.lower().split("x")
    if len(sides) != 2 or not all(side.isdecimal() and int(side) for side in sides):
        raise argparse.ArgumentTypeError(f"must be like 8x8, got {text!r}")
    return int(sides[0]), int(sides[1])


def _delimiter(text):
    mark = _DELIMITERS.get(text, text)
    if len(mark) != 1:
        names = ", ".join(name for name in _DELIMITERS if name.isalpha())
        raise argparse.ArgumentTypeError(f"must be one character or {names}, got {text!r}")
    return mark
