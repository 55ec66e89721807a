"""The parameter `views`: lists of columns of one table. No torch."""

import numpy as np

__all__ = ["check_views"]


def check_views(views, n_features, names=None):  # -> list of (n_columns,)
    """Turn the parameter `views` into column numbers, not negative, in the order given.

    None is one view of all columns. With the `names` of the columns a view may be a list of names.
    A ValueError if there is no view, or one is empty, repeats a column or names one that is not
    there; a TypeError if one is neither a slice nor a list of integers or booleans.
    """
    if views is None:
        return [np.arange(n_features)]
    if len(views) == 0:
        raise ValueError("views must have at least one view, got an empty list; None is one view.")
    return [_columns_of(view, number, n_features, names) for number, view in enumerate(views)]


def _columns_of(view, number, n_features, names):
    if isinstance(view, slice):
        _check_bounds([b for b in (view.start, view.stop) if b is not None], number, n_features, 0)
    else:
        view = _as_indices(_by_number(view, number, names), number, n_features)
    columns = np.arange(n_features)[view]
    if len(columns) == 0:
        raise ValueError(f"views[{number}] has no columns.")
    if len(np.unique(columns)) < len(columns):
        raise ValueError(f"views[{number}] names a column more than once.")
    return columns


def _by_number(view, number, names):
    """Put the number of a column in the place of its name, where columns have names."""
    if np.ndim(view) != 1 or not any(isinstance(column, str) for column in view):
        return view
    if names is None:
        raise TypeError(
            f"views[{number}] names columns, and X has none of them named: pass a data frame, or "
            "column numbers."
        )
    places = {name: place for place, name in enumerate(names)}
    unknown = [column for column in view if column not in places]
    if unknown:
        raise ValueError(f"views[{number}] names the column {unknown[0]!r}, which X does not have.")
    return [places[column] for column in view]


def _as_indices(view, number, n_features):
    view = np.asarray(view)
    if view.ndim != 1:
        raise TypeError(
            f"views[{number}] must be a slice or a list of column numbers, got an array of shape "
            f"{view.shape}."
        )
    if view.dtype == bool and len(view) != n_features:
        raise ValueError(
            f"views[{number}] is a mask of {len(view)} columns, but X has {n_features} features."
        )
    if len(view) == 0:
        return view.astype(np.intp)
    if view.dtype.kind not in "biu":
        raise TypeError(
            f"views[{number}] must hold column numbers or booleans, got values of type "
            f"{view.dtype}."
        )
    if view.dtype != bool:
        _check_bounds(view, number, n_features, 1)
    return view


def _check_bounds(numbers, number, n_features, last):
    for column in numbers:
        if not -n_features <= column <= n_features - last:
            raise ValueError(
                f"views[{number}] goes to column {column}, but X has {n_features} features."
            )
