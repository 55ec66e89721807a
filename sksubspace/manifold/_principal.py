"""Principal directions of rows that need not fit into memory, dense or sparse."""

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import LinearOperator, eigsh

from sksubspace._torch.linalg import largest_eigenpairs

SMALLEST_EIGENVALUE = 1e-9
SMALL_SIDE = 1024
_BLOCK_ROWS = 4096


def row_blocks(n_rows, size=_BLOCK_ROWS):
    """Slices that cover n_rows rows, one after the other."""
    return [slice(start, min(start + size, n_rows)) for start in range(0, n_rows, size)]


def column_means(X):  # (n, d) -> (d,)
    """Mean of every column in double precision, block by block."""
    total = np.zeros(X.shape[1])
    for rows in row_blocks(X.shape[0]):
        total += np.asarray(X[rows].sum(axis=0, dtype=np.float64)).ravel()
    return total / X.shape[0]


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


def leading_eigenpairs(S, n_leading=None):  # (d, d) -> (r,), (d, r)
    """Largest eigenvalues of S, descending, and their vectors; those near zero are left out."""
    d = len(S)
    return _kept(*largest_eigenpairs(S, d if n_leading is None else min(n_leading, d)))


def _kept(eigenvalues, vectors):
    kept = eigenvalues > SMALLEST_EIGENVALUE * max(eigenvalues[0], 0)
    return eigenvalues[kept], fixed_signs(vectors[:, kept].T).T


def fixed_signs(rows):  # (q, d) -> (q, d)
    """Make the entry of largest magnitude of every row positive."""
    largest = np.abs(rows).argmax(axis=1)
    return rows * np.sign(rows[np.arange(len(rows)), largest])[:, None]


def principal_directions(X, mean, n_directions):  # (n, d), (d,) -> (d, r)
    """Orthonormal directions of the largest variances, of at most so many, largest first.

    By the covariance for up to 1,024 features, by the products of rows with rows for as many rows,
    else by Lanczos iterations, in which the mean of sparse rows is a correction of rank one.
    """
    n, d = X.shape
    if d <= SMALL_SIDE:
        return leading_eigenpairs(covariance(X, mean), n_directions)[1]
    if n <= SMALL_SIDE:
        return _from_rows(X, mean, n_directions)
    start = np.random.RandomState(0).standard_normal(d)
    eigenvalues, vectors = eigsh(_covariance_operator(X, mean), min(n_directions, d - 1), v0=start)
    return _kept(eigenvalues[::-1], vectors[:, ::-1])[1]


def _from_rows(X, mean, n_directions):
    """Right singular vectors of the centred rows from the eigenvectors of their products."""
    products = (X @ X.T).toarray() if sparse.issparse(X) else _row_products(X, mean)
    if sparse.issparse(X):
        centring = np.eye(len(products)) - 1 / len(products)
        products = centring @ products @ centring
    eigenvalues, vectors = leading_eigenpairs(products.astype(np.float64), n_directions)
    weights = vectors / np.sqrt(eigenvalues)
    return X.T @ weights - np.outer(mean, weights.sum(axis=0))


def _row_products(X, mean):
    centred = np.asarray(X, dtype=np.float64) - mean
    return centred @ centred.T


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
