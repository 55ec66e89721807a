"""Rows and matrices: what several families need, once. No torch.

A row's result never depends on the rows beside it where a docstring says so: products of matrices
round differently for different numbers of rows.
"""

import numpy as np
from scipy import linalg, sparse
from scipy.sparse.linalg import LinearOperator, eigsh

__all__ = [
    "column_means",
    "covariance",
    "dense",
    "fixed_signs",
    "far_centre",
    "gram",
    "in_blocks",
    "largest_eigenpairs",
    "leading_directions",
    "leading_directions_of_gram",
    "leading_eigenpairs",
    "match_r_squared",
    "place_rows",
    "principal_directions",
    "project",
    "r_squared",
    "row_blocks",
    "row_squares",
    "rows_differ",
    "total_squares",
    "unit_rows",
]

# eigenvalues below this share of the largest are rounding: directions that the data do not span
SMALLEST_EIGENVALUE = 1e-9
# up to so many rows or columns the smaller of X'X and XX' is formed; above, Lanczos is cheaper
SMALL_SIDE = 1024
_BLOCK_ROWS = 4096
# 2^24 doubles are 128 MiB: what a block of rows may take beside the data
_BLOCK_ELEMENTS = 2**24
# of the digits of a variance, what rounding of uncentred squares must leave: a mean so far out that
# more would be lost is taken off first
_KEPT = 2 / 3
# of squared singular values, after a product that loses half of the digits
_DEPENDENT = 1e-13


def row_blocks(n_rows, size=None, n_columns=None):
    """Cover n_rows rows by slices, one after the other.

    Of `size` rows each, 4,096 by default; with `n_columns`, of as many as fill 128 MiB.

    Examples
    --------
    >>> row_blocks(5, 3)
    [slice(0, 3, None), slice(3, 5, None)]
    """
    if size is None:
        size = _BLOCK_ROWS if n_columns is None else max(1, _BLOCK_ELEMENTS // n_columns)
    return [slice(start, min(start + size, n_rows)) for start in range(0, n_rows, size)]


def dense(X, dtype=None):  # (n, d) -> (n, d)
    """Return X as an array, of another dtype if one is named; an array of its own is not copied."""
    return np.asarray(X.toarray() if sparse.issparse(X) else X, dtype=dtype)


def in_blocks(function, X, *, block_size=256):  # (n, ...) -> (n, ...)
    """Apply a function of arrays, row by row, to blocks of rows that all have one size.

    A row's result then does not depend on the rows beside it. Rows are handed over in double
    precision: the products of OpenBLAS in single precision round by where a row stands among the
    others, on processors without AVX-512. The last block is filled up with copies of its rows.
    """
    blocks = []
    for start in range(0, len(X), block_size):
        rows = X[start : start + block_size]
        filled = rows if len(rows) == block_size else np.resize(rows, (block_size, *rows.shape[1:]))
        blocks.append(function(filled.astype(np.float64, copy=False))[: len(rows)])
    return np.concatenate(blocks)


def unit_rows(X):  # (n, d) -> (n, d)
    """Divide each row by its length; a row of zeros stays as it is."""
    lengths = np.linalg.norm(X, axis=1, keepdims=True)
    return np.divide(X, lengths, out=np.zeros_like(X), where=lengths > 0)


def fixed_signs(rows):  # (q, d) -> (q, d)
    """Make the entry of largest magnitude of every row positive; a row of zeros stays."""
    largest = np.abs(rows).argmax(axis=1)
    signs = np.sign(rows[np.arange(len(rows)), largest])
    return rows * np.where(signs == 0, 1, signs)[:, None]


def r_squared(squared_error, total):
    """1 - sum of squared errors / total sum of squares, the R2 of every score of the library.

    Where the total is zero there is nothing to explain: 1 without an error, else 0, as by
    scikit-learn's ``r2_score``. Only clusterings, whose mean is another one, refuse such rows.

    Examples
    --------
    >>> r_squared(1, 4), r_squared(1, 0), r_squared(0, 0)
    (0.75, 0.0, 1.0)
    """
    if total <= 0:
        return 1.0 if squared_error <= 0 else 0.0
    return float(1 - squared_error / total)


def match_r_squared(placed, target):  # (n, q), (n, q) -> float
    """R2 of coordinates against the teacher's, about the teacher's mean."""
    return r_squared(np.square(placed - target).sum(), np.square(target - target.mean(0)).sum())


def row_squares(X, predict):  # (n, d), slice -> (m, d) or (d,), -> (n,)
    """Squared distance of each row from its prediction, in blocks, as float64.

    `predict` maps a slice of row numbers to the predictions of those rows.
    """
    squares = np.empty(X.shape[0])
    for rows in row_blocks(X.shape[0], n_columns=X.shape[1]):
        difference = np.asarray(dense(X[rows]) - predict(rows), dtype=np.float64)
        squares[rows] = np.einsum("nd,nd->n", difference, difference)
    return squares


def total_squares(X, origin):  # (n, d), (d,) -> float
    """Sum over rows of ||x - origin||^2, as float64; sparse rows stay sparse.

    There the entries that are stored differ by x - origin, and the others by the origin.
    """
    if sparse.issparse(X):
        n_stored = np.bincount(X.indices, minlength=X.shape[1])
        stored = np.square(X.data.astype(np.float64) - origin[X.indices]).sum()
        return float(stored + (X.shape[0] - n_stored) @ np.square(origin))
    return float(row_squares(X, lambda rows: origin).sum())


def largest_eigenpairs(matrix, k):  # (p, p) symmetric -> (k,), (p, k)
    """Compute the largest eigenvalues, descending, and their vectors.

    LAPACK's solver for a part of the spectrum is the fastest, but can fail where eigenvalues
    repeat; then all are computed by another one.

    Examples
    --------
    >>> largest_eigenpairs(np.diag([1.0, 3.0, 2.0]), 2)[0]
    array([3., 2.])
    """
    p = len(matrix)
    try:
        values, vectors = linalg.eigh(matrix, subset_by_index=[p - k, p - 1], check_finite=False)
    except np.linalg.LinAlgError:
        values, vectors = linalg.eigh(matrix, driver="evd", check_finite=False)
    return values[::-1][:k], vectors[:, ::-1][:, :k]


def leading_eigenpairs(S, n_leading=None):  # (d, d) -> (r,), (d, r)
    """Largest eigenvalues of S, descending, and their vectors; those near zero are left out."""
    d = len(S)
    return _kept(*largest_eigenpairs(S, d if n_leading is None else min(n_leading, d)))


def _kept(eigenvalues, vectors):
    kept = eigenvalues > SMALLEST_EIGENVALUE * max(eigenvalues[0], 0)
    return eigenvalues[kept], fixed_signs(vectors[:, kept].T).T


def leading_directions(A, r):  # (m, d), int -> (r,), (r, d)
    """Leading right singular vectors of rows through the smaller of A A' and A' A, in float64.

    The squared singular values, descending, and orthonormal rows; both are zero beyond the rank.
    """
    A = np.asarray(A, dtype=np.float64)
    m, d = A.shape
    if m >= d:
        return leading_directions_of_gram(A.T @ A, r)
    squared, basis = np.zeros(r), np.zeros((r, d))
    found = min(r, m)
    if found == 0:
        return squared, basis
    values, vectors = largest_eigenpairs(A @ A.T, found)
    found = int((values > _DEPENDENT * max(values[0], 0)).sum())
    squared[:found] = values[:found]
    basis[:found] = np.linalg.qr(A.T @ vectors[:, :found])[0].T
    return squared, basis


def leading_directions_of_gram(S, r):  # (d, d), int -> (r,), (r, d)
    """The same from A' A, where A has at least as many rows as columns."""
    squared, basis = np.zeros(r), np.zeros((r, len(S)))
    values, vectors = largest_eigenpairs(S, min(r, len(S)))
    found = int((values > _DEPENDENT * max(values[0], 0)).sum())
    squared[:found], basis[:found] = values[:found], vectors[:, :found].T
    return squared, basis


def column_means(X):  # (n, d) -> (d,)
    """Mean of every column in double precision, block by block."""
    total = np.zeros(X.shape[1])
    for rows in row_blocks(X.shape[0]):
        total += np.asarray(X[rows].sum(axis=0, dtype=np.float64)).ravel()
    return total / X.shape[0]


def far_centre(X):  # (n, d) -> (d,) or None
    """Mean of dense rows whose distance from the origin would cost digits of their variance.

    None where ``eps ||mean||^2`` is a small share of the variance: differences of squares, as in
    scikit-learn's covariances, then keep what counts, and the rows may stay as they are.
    """
    if sparse.issparse(X):
        return None
    mean = column_means(X)
    eps = float(np.finfo(X.dtype).eps)
    lost = eps * (mean @ mean)
    return mean if lost > eps**_KEPT * total_squares(X, mean) / len(X) else None


def rows_differ(X):  # (n, d) -> bool
    """Whether any row is not equal to the first; rounding in the mean is no variance."""
    if sparse.issparse(X):
        return (X.max(axis=0) != X.min(axis=0)).nnz > 0
    return any((X[rows] != X[:1]).any() for rows in row_blocks(len(X)))


def gram(X, Y, origin):  # (n, d), (n, e), (d,) -> (d, e)
    """X'Y in double precision; dense rows less `origin`, which must be zero for sparse ones."""
    if sparse.issparse(X):
        return (X.T.astype(np.float64) @ Y).toarray()
    left = np.asarray(X, dtype=np.float64) - origin
    right = left if Y is X else np.asarray(Y, dtype=np.float64) - origin
    return left.T @ right


def covariance(X, mean):  # (n, d), (d,) -> (d, d)
    """X'X / n - mean mean', from rows less their mean where they are dense."""
    if sparse.issparse(X):
        return gram(X, X, 0.0) / X.shape[0] - np.outer(mean, mean)
    total = np.zeros((X.shape[1], X.shape[1]))
    for rows in row_blocks(X.shape[0]):
        block = X[rows]
        total += gram(block, block, mean)
    return total / X.shape[0]


def principal_directions(X, mean, n_directions):  # (n, d), (d,) -> (d, r)
    """Orthonormal directions of the largest variances, of at most so many, largest first.

    By the covariance for up to 1,024 features, by the products of rows with rows for as many rows,
    else by Lanczos iterations, in which the mean of sparse rows is a correction of rank one.
    """
    n, d = X.shape
    if d <= SMALL_SIDE:
        return leading_eigenpairs(covariance(X, mean), n_directions)[1]
    if n <= SMALL_SIDE:
        return _directions_of_few_rows(X, mean, n_directions)
    start = np.random.RandomState(0).standard_normal(d)
    eigenvalues, vectors = eigsh(_covariance_operator(X, mean), min(n_directions, d - 1), v0=start)
    return _kept(eigenvalues[::-1], vectors[:, ::-1])[1]


def _directions_of_few_rows(X, mean, n_directions):
    """Right singular vectors of the centred rows from the eigenvectors of their products."""
    if sparse.issparse(X):
        products = (X @ X.T).toarray()
        centring = np.eye(len(products)) - 1 / len(products)
        products = centring @ products @ centring
    else:
        centred = np.asarray(X, dtype=np.float64) - mean
        products = centred @ centred.T
    eigenvalues, vectors = leading_eigenpairs(products.astype(np.float64), n_directions)
    weights = vectors / np.sqrt(eigenvalues)
    return X.T @ weights - np.outer(mean, weights.sum(axis=0))


def _covariance_operator(X, mean):
    n, d = X.shape

    def multiply(v):  # (d,) -> (d,)
        v = v.ravel()
        total, shift = np.zeros(d), mean @ v
        for rows in row_blocks(n):
            block = X[rows] if sparse.issparse(X) else np.asarray(X[rows], dtype=np.float64)
            score = block @ v - shift
            total += block.T @ score - mean * score.sum()
        return total / n

    return LinearOperator((d, d), matvec=multiply, dtype=np.float64)


def project(X, mean, directions):  # (n, d), (d,), (d, r) -> (n, r)
    """Rows less their mean in the coordinates of the directions, in the dtype of X."""
    scores = np.empty((X.shape[0], directions.shape[1]), dtype=X.dtype)
    for rows in row_blocks(X.shape[0]):
        if sparse.issparse(X):
            scores[rows] = X[rows] @ directions - mean @ directions
        else:
            scores[rows] = (X[rows] - mean) @ directions
    return scores


def place_rows(X, mean, directions):  # (n, d), (d,), (d, r) -> (n, r)
    """The same, in double precision, such that no row depends on the rows beside it."""
    basis = directions.astype(np.float64, copy=False)
    if sparse.issparse(X):
        return X.astype(np.float64) @ basis - mean @ basis
    return in_blocks(lambda rows: (rows - mean) @ basis, X)
