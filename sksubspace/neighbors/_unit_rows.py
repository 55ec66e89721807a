"""Rows of length 1, whose Euclidean neighbours are the neighbours in cosine distance."""

import numpy as np
from scipy import sparse


def unit_rows(X):  # (n, d) -> (n, d) or (n, d + 1)
    """Divide each row by its length.

    Parameters
    ----------
    X : {ndarray, CSR matrix} of shape (n_samples, n_features)
        Finite floats.

    Returns
    -------
    {ndarray, CSR matrix} of shape (n_samples, n_features) or (n_samples, n_features + 1)
        In the dtype of `X`. Only where there are rows of zeros, one more column is 1 for them and 0
        for the others: they are then at cosine distance 1 from the others.
    """
    largest = abs(X).max(axis=1)
    largest = largest.toarray().ravel() if sparse.issparse(X) else largest
    empty = largest == 0
    largest[empty] = 1
    rows = _divided(X, largest)  # so that no square overflows or vanishes
    rows = _divided(rows, _lengths(rows, empty))
    if not empty.any():
        return rows
    flag = empty[:, None].astype(X.dtype)
    if sparse.issparse(X):
        return sparse.hstack([rows, sparse.csr_matrix(flag)], format="csr")
    return np.hstack([rows, flag])


def _lengths(rows, empty):  # (n, d), (n,) -> (n,)
    if sparse.issparse(rows):
        squares = rows.astype(np.float64).power(2).sum(axis=1)
    else:
        squares = np.einsum("ij,ij->i", rows, rows, dtype=np.float64)
    return np.sqrt(np.asarray(squares).ravel() + empty)


def _divided(rows, by):  # (n, d), (n,) -> (n, d)
    if not sparse.issparse(rows):
        return (rows / by[:, None]).astype(rows.dtype, copy=False)
    divided = rows.copy()
    divided.data = (rows.data / np.repeat(by, np.diff(rows.indptr))).astype(rows.dtype)
    return divided
