"""From Stein's moments to orthonormal directions: closed forms and a block Krylov iteration."""

import warnings

import numpy as np
from scipy import linalg

# singular values below this share of the largest are no rank
_RANK = 1e-10
# eigenvalues below this share of the largest are rounding
_FLOOR = 1e-12
# components of "auto", at most
_MOST_AUTO = 10
# of the block iteration, beside those that are wanted
_EXTRA_COLUMNS = 5
# bound of the sine of the angle to the truth
_TOLERANCE = 1e-3
_MOST_BLOCKS = 40


def find_directions(order, M, make_second, make_information, operator, n_components, rng):
    """Find directions (k, d) and singular values (k,) by the moments of the order.

    M is the moment of first order. `make_second` returns the matrices H_j, and is None where there
    are none; `make_information` the Fisher information, which "both" needs.
    """
    if order == 1:
        second = None if make_second is None else lambda: (make_second(), operator)
        return by_first_moment(M, second, n_components, rng=rng)
    if order == 2:
        return by_second_moments(make_second(), operator, n_components, rng=rng)
    return by_both(M, make_second(), operator, make_information(), n_components, rng=rng)


def by_first_moment(M, second, n_components, *, rng=None):  # (d, L) -> (k, d), (k,)
    """Left singular vectors of M; beyond its rank the leading eigenvectors of the second order.

    `second` is a function that returns the matrices H_j with the choice of a solver, or None where
    there is no second order; any orthonormal directions are then taken.
    """
    U, values, _ = linalg.svd(M, full_matrices=False)
    rank = int((values > _RANK * values[0]).sum())
    if n_components == "auto":
        n_components = largest_ratio(np.square(values[:rank]))
    if n_components <= rank:
        return U.T[:n_components], values[:n_components]
    n_missing = n_components - rank
    warnings.warn(
        f"order=1 finds {rank} direction{'s' * (rank != 1)} from these responses and "
        f"n_components={n_components}; for the other {n_missing} "
        + ("any directions are taken." if second is None else "the second order is used."),
        UserWarning,
        stacklevel=4,
    )
    if second is None:
        rest, eigenvalues = _completion(U[:, :rank], n_missing), np.zeros(n_missing)
    else:
        rest, eigenvalues = leading(*second(), n_missing, exclude=U[:, :rank], rng=rng)
    return np.vstack([U[:, :rank].T, rest]), np.append(values[:rank], np.sqrt(eigenvalues))


def by_second_moments(hessians, operator, n_components, *, rng=None):  # -> (k, d), (k,)
    r"""Leading eigenvectors of :math:`\sum_j H_j^2`, and the roots of the eigenvalues."""
    directions, values = leading(hessians, operator, n_components, rng=rng)
    return directions, np.sqrt(values)


def by_both(M, hessians, operator, information, n_components, *, rng=None):  # -> (k, d), (k,)
    r"""Leading eigenvectors of :math:`\sum_j m_j m_j^T + H_j^2 / 2` for whitened scores.

    With the Fisher information I the moments are :math:`I^{-1/2} M` and
    :math:`I^{-1/2} H_j I^{-1/2}`; directions are mapped back by :math:`I^{1/2}`.
    """
    root, inverse = roots(information)
    white = hessians.whitened(inverse)
    directions, values = leading(white, operator, n_components, first=inverse @ M, rng=rng)
    Q, R = linalg.qr(root @ directions.T, mode="economic")
    return (Q * np.where(np.diag(R) < 0, -1, 1)).T, np.sqrt(values)


def leading(hessians, operator, k, *, first=None, exclude=None, rng=None):  # -> (k, d), (k,)
    r"""Leading eigenvectors of :math:`\sum_j H_j^2`, or of :math:`F F^T + \sum_j H_j^2 / 2`.

    With `operator` no matrix of shape (d, d) is made. `k` is "auto" for the largest ratio of
    neighbouring eigenvalues; the columns (d, r) of `exclude` are orthonormal, and the eigenvectors
    orthogonal to them. Returned are orthonormal rows and eigenvalues, descending, not negative.
    """
    if operator:
        apply = _sum_of(hessians.operator(), first)
        d = hessians.terms[0].rows.shape[1]
        wanted = _MOST_AUTO + 1 if k == "auto" else k
        vectors, values = block_krylov(apply, d, min(wanted, d), rng, exclude)
    else:
        K = hessians.gram()
        K = K if first is None else first @ first.T + K / 2
        vectors, values = _leading_of_matrix(K, exclude)
    values = np.maximum(values, 0)
    k = largest_ratio(values[values > _FLOOR * values[0]]) if k == "auto" else k
    return vectors[:, :k].T, values[:k]


def _sum_of(second, first):
    if first is None:
        return second
    return lambda V: first @ (first.T @ V) + second(V) / 2


def _leading_of_matrix(K, exclude):  # (d, d) -> (d, m), (m,)
    if exclude is None:
        values, vectors = linalg.eigh(K)
        return vectors[:, ::-1], values[::-1]
    rest = _completion(exclude, len(K) - exclude.shape[1]).T
    values, vectors = linalg.eigh(rest.T @ K @ rest)
    return rest @ vectors[:, ::-1], values[::-1]


def _completion(U, n_missing):  # (d, r) -> (n_missing, d)
    """Orthonormal rows that are orthogonal to the columns of U."""
    Q = linalg.qr(U)[0] if U.shape[1] else np.eye(len(U))
    return Q[:, U.shape[1] :].T[:n_missing]


def block_krylov(apply, d, k, rng, exclude=None):  # -> (d, k), (k,)
    """Leading eigenvectors of a symmetric operator, from a random start.

    A basis grows by K times its last block until the residual of the k leading Ritz vectors is
    below a thousandth of the gap behind them, which bounds the sine of the angle to the truth.
    """
    held = np.empty((d, 0)) if exclude is None else exclude
    width = min(k + _EXTRA_COLUMNS, d - held.shape[1])
    basis = _new_columns(rng.standard_normal((d, width)), held)
    images = apply(basis)
    for _ in range(_MOST_BLOCKS):
        values, vectors = _ritz(basis, images)
        residual = images @ vectors[:, :k] - basis @ (vectors[:, :k] * values[:k])
        residual -= held @ (held.T @ residual)
        gap = values[k - 1] - values[k] if len(values) > k else values[k - 1]
        room = d - held.shape[1] - basis.shape[1]
        if room < 1 or np.linalg.norm(residual) <= _TOLERANCE * max(gap, 1e-6 * values[0]):
            break
        block = images[:, -width:][:, :room]
        block = _new_columns(block, np.hstack([held, basis]))
        basis, images = np.hstack([basis, block]), np.hstack([images, apply(block)])
    values, vectors = _ritz(basis, images)
    return basis @ vectors[:, :k], values[:k]


def _ritz(basis, images):  # -> (m,), (m, m) descending
    projected = basis.T @ images
    values, vectors = linalg.eigh((projected + projected.T) / 2)
    return values[::-1], vectors[:, ::-1]


def _new_columns(block, held):  # (d, q), (d, r) -> (d, q)
    """Orthonormal columns that span the block outside of `held`, twice for rounding."""
    scale = np.linalg.norm(block, axis=0)
    block = block / np.where(scale > 0, scale, 1)
    for _ in range(2):
        block = linalg.qr(np.hstack([held, block]), mode="economic")[0][:, held.shape[1] :]
    return block


def roots(information):  # (d, d) -> (d, d), (d, d)
    """Root and inverse root of a matrix, or an operator with powers, on its span."""
    if not isinstance(information, np.ndarray):
        return information.power(0.5), information.power(-0.5)
    values, vectors = linalg.eigh(information)
    kept = values > len(values) * np.finfo(np.float64).eps * max(values[-1], 0.0)
    root, vectors = np.sqrt(values[kept]), vectors[:, kept]
    return (vectors * root) @ vectors.T, (vectors / root) @ vectors.T


def largest_ratio(values):  # (m,) descending -> int
    """Position of the largest ratio of an eigenvalue to the next, among the first ten."""
    values = values[values > _RANK**2 * values[:1].sum()]
    if len(values) < 2:
        return 1
    ratios = values[:-1] / values[1:]
    return int(ratios[:_MOST_AUTO].argmax()) + 1
