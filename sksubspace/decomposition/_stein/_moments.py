"""Stein's moments of responses: E[s y'] and E[y_j T], by rows, by matrices and as an operator.

Tian, Wu and Feng, "Nonlinear multiple response regression and learning of latent spaces", 2025.
Y are everywhere centred responses times the weight of their row over the sum of the weights.
"""

import numpy as np

from sksubspace.decomposition._score._base import Term

# 2^24 single-precision numbers are 64 MiB
_MAX_ENTRIES = 2**24
# with more features the operator works in single precision
_MOST_DOUBLE = 300


def first_moment(S, Y):  # (n, d), (n, L) -> (d, L)
    r"""Mean of the score times the response, :math:`M = E[s(x) y^T]`."""
    return S.T @ Y


class RowHessians:
    r"""The matrices :math:`H_j = E[y_j T(x)]` of rows, T the sum of :math:`a u u^T - b P`.

    `terms` is a list of Term, `Y` of shape (n, L).
    """

    def __init__(self, terms, Y):
        self.terms = terms
        self.Y = Y

    def whitened(self, W):  # (d, d)
        """Return the matrices W H_j W."""
        terms = [t._replace(rows=t.rows @ W, precision=W @ t.precision @ W) for t in self.terms]
        return RowHessians(terms, self.Y)

    def __iter__(self):
        for y in self.Y.T:
            yield sum(_hessian(term, y) for term in self.terms)

    def gram(self):  # -> (d, d)
        r"""Sum of squares, :math:`K = \sum_j H_j^2`."""
        return sum(H @ H for H in self)

    def operator(self):
        """Return the function V -> K V; more than 300 features are taken in single precision."""
        dtype = np.float32 if self.terms[0].rows.shape[1] > _MOST_DOUBLE else np.float64
        terms, size = _scaled(self.terms, dtype)
        height = _size(self.Y)
        Y = (self.Y / height).astype(dtype)
        blocks = [Y[:, chosen] for chosen in _column_blocks(*Y.shape)]
        blocks = [(block, [_precision_parts(term, block) for term in terms]) for block in blocks]
        factor = (size**2 * height) ** 2

        def apply(V):  # (d, q) -> (d, q)
            V = V.astype(Y.dtype)
            parts = [squared_times(V, terms, block, offsets) for block, offsets in blocks]
            return factor * np.sum(parts, axis=0, dtype=np.float64)

        return apply


class MatrixHessians:
    """The same of given symmetric matrices H_j, of shape (L, d, d)."""

    def __init__(self, matrices):
        self.matrices = matrices

    def whitened(self, W):  # (d, d)
        """Return the matrices W H_j W."""
        return MatrixHessians(W @ self.matrices @ W)

    def gram(self):  # -> (d, d)
        r"""Sum of squares, :math:`K = \sum_j H_j^2`."""
        return sum(H @ H for H in self.matrices)


def _hessian(term, y):  # (n,) -> (d, d)
    r"""One term's share of H, :math:`U^T (a \circ y \circ U) - \sum_i b_i y_i P`."""
    outer = term.rows.T @ ((term.weight * y)[:, None] * term.rows)
    offset = _precision_parts(term, y[:, None])[0]
    return outer - (offset * term.precision if np.ndim(offset) == 0 else offset)


def _precision_parts(term, Y):  # (n, L) -> (L,), or (L, d, d) where each row has its own P
    if term.precision.ndim == 2:
        return term.trace @ Y
    return np.tensordot(Y.T * term.trace, term.precision, axes=1)


def squared_times(V, terms, Y, offsets):  # (d, q), (n, L) -> (d, q)
    r"""Product :math:`\sum_j H_j (H_j V)`, without any H_j.

    :math:`H_j V = \sum U^T (a \circ y_j \circ (U V)) - \beta_j P V`, the sum over terms.
    """
    HV = hessians_times(V, terms, Y, offsets)
    flat = HV.reshape(len(V), -1)
    result = np.zeros_like(V)
    for term, offset in zip(terms, offsets, strict=True):
        projected = (term.rows @ flat).reshape(len(Y), *HV.shape[1:])
        combined = np.matmul(Y[:, None, :], projected)[:, 0]
        result += term.rows.T @ (term.weight[:, None] * combined)
        if offset.ndim == 1:
            result -= term.precision @ np.tensordot(offset, HV, axes=(0, 1))
        else:
            result -= np.einsum("lde,elq->dq", offset, HV)
    return result


def hessians_times(V, terms, Y, offsets):  # (d, q), (n, L) -> (d, L, q)
    """Products H_j V for all j."""
    d, q = V.shape
    result = np.zeros((d, Y.shape[1], q), dtype=V.dtype)
    for term, offset in zip(terms, offsets, strict=True):
        projected = term.weight[:, None] * (term.rows @ V)
        stacked = Y[:, :, None] * projected[:, None, :]
        result += (term.rows.T @ stacked.reshape(len(Y), -1)).reshape(result.shape)
        if offset.ndim == 1:
            result -= (term.precision @ V)[:, None, :] * offset[:, None]
        else:
            result -= np.einsum("lde,eq->dlq", offset, V)
    return result


def _scaled(terms, dtype):  # -> list of Term, float
    """Terms with rows of size one, and the size; rows that are operators stay as they are."""
    if not all(isinstance(term.rows, np.ndarray) for term in terms):
        return terms, 1.0
    size = max(_size(term.rows) for term in terms)
    scaled = [
        Term(term.rows / size, term.weight, term.trace, term.precision / size**2) for term in terms
    ]
    return [Term(*(part.astype(dtype, copy=False) for part in term)) for term in scaled], size


def _size(rows):
    """Root of the mean square, and 1 for zeros."""
    return float(np.linalg.norm(rows) / np.sqrt(rows.size)) or 1.0


def _column_blocks(n, n_columns):
    """Slices of the responses such that n rows of 16 vectors each fit into 64 MiB."""
    width = max(_MAX_ENTRIES // (16 * n), 1)
    return [slice(start, start + width) for start in range(0, n_columns, width)]
