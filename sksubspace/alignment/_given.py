"""What an aligner is handed: rows of one view, and who is dealt to which fold."""

import warnings
from itertools import pairwise

import numpy as np
from scipy import sparse
from sklearn.utils import check_array

from sksubspace._linalg import fixed_signs
from sksubspace._parameters import check_integer, isolated_random_state
from sksubspace._student._groups import check_groups, groups_of_equal_rows
from sksubspace._validation import canonical, refuse_containers

__all__ = [
    "checked_view",
    "fold_members",
    "groups_of_rows",
    "origins_of",
    "same_signs",
    "slices_of",
    "varying_widths",
]


def groups_of_rows(X, groups, n_folds):  # (n, d), (n,) or None -> (n,)
    """Number what goes into a fold whole: the caller's groups, or rows and their copies."""
    numbers = groups_of_equal_rows(X) if groups is None else check_groups(groups, X.shape[0])
    n_groups = numbers.max() + 1
    if n_groups < n_folds:
        of = "X must have different rows" if groups is None else "groups must have values"
        raise ValueError(f"{of} for each of the cv={n_folds} folds, got {n_groups}.")
    return numbers


def fold_members(groups, n_before, n_folds, random_state):  # (n,) -> list of (m,)
    """Row numbers of each fold: whole groups, dealt in turn after those that came before."""
    n_groups = groups.max() + 1
    place = np.empty(n_groups, int)
    place[isolated_random_state(random_state).permutation(n_groups)] = np.arange(n_groups)
    order = np.argsort(place[groups], kind="stable")
    fold = (place[groups][order] + n_before) % n_folds
    return [order[fold == k] for k in range(n_folds)]


def origins_of(views, means):  # -> list of (d_v,)
    """What is taken off before rows are summed up: their mean, or nothing off sparse rows."""
    if any(sparse.issparse(X) for X in views):
        return [np.zeros(len(mean)) for mean in means]
    return means


def slices_of(origins):  # list of (d_v,) -> list of slice
    """Columns of each view, side by side."""
    ends = np.cumsum([0, *map(len, origins)])
    return [slice(int(a), int(b)) for a, b in pairwise(ends)]


def varying_widths(varying):  # list of (d_v,) of bool -> list of int
    """How many columns of each view vary; an error where none does, a warning where some do not."""
    widths = [int(one.sum()) for one in varying]
    if 0 in widths:
        k = widths.index(0)
        raise ValueError(f"Every column of views[{k}] is constant, so that it says nothing.")
    n_constant = sum(map(len, varying)) - sum(widths)
    if n_constant:
        warnings.warn(
            f"{n_constant} columns are constant and are ignored.", UserWarning, stacklevel=4
        )
    return widths


def same_signs(weights):  # list of (d_v, q) -> list of (d_v, q)
    """Make the largest weight of each direction of the first view positive, and turn the others."""
    turned = fixed_signs(weights[0].T).T
    signs = np.where((turned * weights[0]).sum(axis=0) < 0, -1.0, 1.0)
    return [one * signs for one in weights]


def checked_view(X, number, views, names, parameter):  # -> (n, d_v)
    """Check rows of one view: its columns, in the order of `views`."""
    check_integer(number, "view", 0, len(views) - 1, "the last of views")
    columns = views[number]
    refuse_containers(X, parameter)
    own = getattr(X, "columns", None)
    X = canonical(check_array(X, accept_sparse="csr", dtype=[np.float64, np.float32]))
    if X.shape[1] != len(columns):
        raise ValueError(
            f"{parameter} must have the {len(columns)} columns of views[{number}], got "
            f"{X.shape[1]}."
        )
    if own is not None and names is not None and list(own) != list(names[columns]):
        raise ValueError(
            f"{parameter} must have the columns of views[{number}] by name and order, such as "
            f"{names[columns][0]!r}."
        )
    return X
