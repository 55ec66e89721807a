"""The columns of the regression that rows are drawn for, and what a method needs of them."""

from numbers import Integral

import numpy as np
from scipy import sparse

# up to so many rows a column the volume was ahead of rows drawn once each by leverage, on all sets
# of the benchmark; at two level with it, at four behind
_FEW = 1.5
# a linear programme of as many unknowns for each row
_MOST_PROGRAMMES = 5_000
# (n_columns, n_columns) is formed of sparse rows
_MOST_SPARSE_COLUMNS = 5_000


def numbers_of(y, *, needed=True):  # -> (n, q) float64, or None
    """Targets as columns of numbers; of something else an error, or None where they may be."""
    try:
        return np.asarray(y, dtype=np.float64).reshape(len(y), -1)
    except (TypeError, ValueError) as error:
        if needed:
            raise ValueError(
                "y must be of numbers where include_y=True or a score is asked for, got "
                f"{np.asarray(y).dtype}."
            ) from error
    return None


def regression_columns(X, fit_intercept):  # (n, d) -> (n, d) or (n, d + 1) float64
    """X and the constant, where the regression has one."""
    ones = np.ones((X.shape[0], int(fit_intercept)))
    return side_by_side(X.astype(np.float64, copy=False), ones)


def side_by_side(X, Y):  # (n, d), (n, q) or None -> (n, d + q)
    """Columns side by side; sparse ones stay sparse."""
    if Y is None or not Y.shape[1]:
        return X
    if sparse.issparse(X):
        return sparse.hstack([X, sparse.csr_array(Y)], format="csr")
    return np.hstack([X, Y])


def rows_times(A, lengths):  # (n, d), (n,) -> (n, d)
    """Each row times a number; where all are 1, the same rows."""
    if (lengths == 1).all():
        return A
    return sparse.diags_array(lengths) @ A if sparse.issparse(A) else A * lengths[:, None]


def number_of_rows(n_rows, n):
    """`n_rows`, where it is a share so much of n, at least 1."""
    return int(n_rows) if isinstance(n_rows, Integral) else max(1, round(n_rows * n))


def method_for(params, A):
    """The method that is taken; "auto" depends on p and the rows a column.

    Raises
    ------
    TypeError
        If A is sparse, and the method needs rows of an orthonormal basis.

    ValueError
        If the method does not go with p, or with so many rows or columns.
    """
    method, p, (n, d) = params.method, params.p, A.shape
    n_rows, is_sparse = number_of_rows(params.n_rows, n), sparse.issparse(A)
    if method == "auto" and p == 2:
        method = "volume" if d <= n_rows <= _FEW * d and not is_sparse else "leverage"
    elif method == "auto":
        method = "lewis"
    wanted = {"volume": ("p=2", p == 2), "sensitivity": ("p=1", p == 1),
              "root_leverage": ("p below 2", p < 2)}  # fmt: skip
    needs, is_so = wanted.get(method, ("", True))
    if not is_so:
        raise ValueError(f"method={method!r} needs {needs}, got p={p}.")
    if is_sparse and method in ("volume", "sensitivity"):
        raise TypeError(f"method={method!r} needs dense X, got a sparse matrix.")
    if is_sparse and method != "uniform" and d > _MOST_SPARSE_COLUMNS:
        raise ValueError(
            f"method={method!r} takes sparse X of at most {_MOST_SPARSE_COLUMNS:,} columns, with "
            f"the constant, got {d:,}; reduce them first."
        )
    if method == "sensitivity" and n > _MOST_PROGRAMMES:
        raise ValueError(
            f"method='sensitivity' solves a linear programme for each of at most "
            f"{_MOST_PROGRAMMES:,} rows, got {n:,}; 'lewis' has no such limit."
        )
    return method
