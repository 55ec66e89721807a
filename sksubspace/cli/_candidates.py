"""Teachers and their settings, as the command line names them."""

from ast import literal_eval
from difflib import get_close_matches

from sksubspace._teachers import ROWS_FOR, TEACHERS, resolve_teacher
from sksubspace.cli._say import UsageError, quoted

# two neighbours show what a setting that is too local looks like
EXAMPLE_GRIDS = {"umap": {"n_neighbors": (2, 5, 15, 50)}}


def make_candidates(teachers, grids, n_rows, own_grids=None):
    """Pair teachers with the settings to try.

    Parameters
    ----------
    teachers : sequence of str
        Short names, simplest first.
    grids : sequence of str
        Words such as "umap.n_neighbors=5,15,50"; a teacher without any has its default grid.
    n_rows : int
        Rows that a teacher sees; default settings that need more are left out.
    own_grids : dict of str to dict, default=None
        In place of the default grids of some teachers.

    Returns
    -------
    candidates : dict of str to (estimator, dict)
        By the names of the methods, in the order of `teachers`.

    Raises
    ------
    UsageError
        If a teacher comes twice, or a setting is unknown or makes no sense.
    """
    if len({*teachers}) < len(teachers):
        raise UsageError(f"--teachers names one twice: {' '.join(teachers)}; name each once")
    given = _parse_grids(grids, teachers)
    own_grids = own_grids or {}
    candidates = {}
    for name in teachers:
        teacher = resolve_teacher(name)
        grid = given.get(name) or _fitting(name, own_grids.get(name, TEACHERS[name].grid), n_rows)
        _check_parameters(name, teacher, grid)
        candidates[TEACHERS[name].title] = (teacher, {key: list(grid[key]) for key in grid})
    return candidates


def _parse_grids(words, teachers):
    """{"umap": {"n_neighbors": (5, 15)}} from "umap.n_neighbors=5,15"."""
    grids = {}
    for word in words:
        target, equals, values = word.partition("=")
        teacher, dot, parameter = target.partition(".")
        if not (equals and dot and parameter and values):
            raise UsageError(f"--grid {word}: write it like umap.n_neighbors=5,15,50")
        if teacher not in teachers:
            raise UsageError(
                f"--grid {word}: '{teacher}' is not among the teachers {quoted(teachers)}; add it "
                "with --teachers"
            )
        parsed = tuple(_value(value.strip()) for value in values.split(","))
        if len({*map(repr, parsed)}) < len(parsed):
            raise UsageError(f"--grid {word}: a value comes twice; name each once")
        grids.setdefault(teacher, {})[parameter] = parsed
    return grids


def _value(text):
    try:
        return literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def _check_parameters(name, teacher, grid):
    known = sorted({*teacher.get_params(deep=False)} - {"n_components"})
    for parameter in grid:
        if parameter not in known:
            close = get_close_matches(parameter, known, n=1)
            hint = f"is it '{close[0]}'?" if close else f"there are {quoted(known, 30)}"
            raise UsageError(f"--grid: {name} has no setting '{parameter}' to try; {hint}")
        default = teacher.get_params(deep=False)[parameter]
        for value in grid[parameter]:
            if isinstance(value, str) and isinstance(default, int | float):
                raise UsageError(
                    f"--grid {name}.{parameter}: {value!r} is no number, as {default!r} is; write "
                    "several with commas, such as 5,15,50"
                )


def _fitting(name, grid, n_rows):
    """Leave out default settings that the data is too small for, but one."""
    fitting = {}
    for parameter, values in grid.items():
        factor = ROWS_FOR[parameter]
        small = max(2, (n_rows - 1) // (2 * factor))
        kept = [value for value in values if value * factor < n_rows]
        fitting[parameter] = tuple(kept) or (min(values[0], small),)
    return fitting
