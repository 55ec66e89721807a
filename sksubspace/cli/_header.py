"""Whether the first line of a table holds names."""

import numpy as np

# so many numbers are evenly spaced by chance in hardly any table
_MANY = 6
_FEWEST = 3
# of a step: rounded numbers such as 400.0, 401.9, 403.9 are evenly spaced too
_TOLERANCE = 0.05
_TAKE_AS_NAMES = "--header yes takes it as column names"
_TAKE_AS_DATA = "--header no takes it as data"


def has_header(records, decimal, wanted=None):
    """Tell whether the first of some records holds names, and what is to be said of that.

    Parameters
    ----------
    records : list of list of str
        The first lines, in cells.
    decimal : str
        The decimal mark.
    wanted : bool or None
        What the user says; None to look.

    Returns
    -------
    header : bool
        False for numbers, but for 0, 1, ... or 1, 2, ..., which programs write for want of names,
        and for evenly spaced ones as years or wavelengths are.
    note : str or None
        Where it could be otherwise.
    """
    if wanted is not None:
        return wanted, None
    first = _numbers(records[0], decimal)
    if np.isnan(first).any():
        mostly = len(first) > _FEWEST and np.isnan(first).sum() == 1 and records[0][0] != ""
        if not mostly or len(records) < 2 or _evenly_spaced(first[1:]):
            return True, None
        same = np.array_equal(np.isnan(first), np.isnan(_numbers(records[1], decimal)))
        note = f"the first line, mostly numbers, is taken as column names; {_TAKE_AS_DATA}"
        return True, note if same else None
    others = [_numbers(record, decimal) for record in records[1:]]
    if len(first) > 1 and first[0] in (0, 1) and (first == first[0] + np.arange(len(first))).all():
        return True, None
    if _is_scale(first, others):
        return True, (
            f"the first line holds evenly spaced numbers ({records[0][0]} to {records[0][-1]}) and "
            f"is taken as column names; {_TAKE_AS_DATA}"
        )
    return False, (
        f"the first line holds numbers and is taken as data, not as column names; {_TAKE_AS_NAMES}"
    )


def _numbers(record, decimal):  # -> (k,)
    return np.array([_number(cell.replace(decimal, ".")) for cell in record])


def _number(cell):
    try:
        return float(cell)
    except ValueError:
        return np.nan


def _is_scale(first, others):
    """Whether numbers are evenly spaced, and not because all rows or all values are like that."""
    if len(first) < _FEWEST or not _evenly_spaced(first):
        return False
    if any(len(row) == len(first) and _evenly_spaced(row) for row in others[:_FEWEST]):
        return False
    below = [value for row in others for value in row if np.isfinite(value)]
    apart = not below or first.min() > max(below) or first.max() < min(below)
    return len(first) >= _MANY or apart


def _evenly_spaced(values):  # (k,) -> bool
    steps = np.diff(values)
    if len(steps) == 0 or not np.isfinite(values).all() or not (steps * steps[0] > 0).all():
        return False
    whole = (values == values.round()).all()  # a whole step is rounded by up to one
    return bool(np.ptp(steps) <= max(2 * _TOLERANCE * abs(steps.mean()), 1.0 if whole else 0.0))
