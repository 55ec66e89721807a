r"""The loss of TLDR for a linear encoder, minimised exactly.

The loss depends on the pairs through S and G only, see `cross_correlation`. In coordinates in which
S is the identity, with unit columns u and :math:`C = U^T R U`, it is

.. math::
    (1 - \lambda) \sum_i C_{ii}^2 - 2 \, \mathrm{tr}(R M) + \lambda \, \mathrm{tr}(R M R M) + q,
    \qquad M = U U^T,

and for :math:`\lambda \le 1` the first term is at least
:math:`(1 - \lambda) (\mathrm{tr} R M)^2 / q`, with equality where all :math:`C_{ii}` are the same,
as a rotation of the columns can make them unless M has very low rank. What is left is convex in M,
so that local minima are no concern.

Where the gradient is zero, :math:`R U D = U \Lambda` with :math:`D = \partial L / \partial C` and
a diagonal :math:`\Lambda`, so that R maps the span of U to itself unless D is singular: at a
minimum the columns span eigenvectors of R. The search tells which, and its end is moved onto them.
"""

import warnings

import numpy as np
from scipy.fft import dct
from scipy.linalg import eigh
from scipy.optimize import minimize
from sklearn.exceptions import ConvergenceWarning

from sksubspace.manifold._twin import barlow_loss, resolve_redundancy

__all__ = ["minimize_twin_loss", "spanned_eigenvectors"]

# of the largest eigenvalue of S: below, a direction has no variance
_LEAST_VARIANCE = 1e-12
# far below what `tol` asks for, so that the search ends by the loss and not by its gradient
_SMALLEST_GRADIENT = 1e-12
# line searches may need several; the limit on iterations is then the one that counts
_EVALUATIONS_PER_ITERATION = 20
# correlations that agree so far are taken for the same, and keep their order
_DECIMALS = 5
# of the loss: an end that is moved onto eigenvectors may be so much worse
_ROUNDING = 1e-12
# of the largest share of M = U U': below, an eigenvector is not among those spanned
_SMALLEST_SHARE = 1e-4


def minimize_twin_loss(S, G, n_components, *, redundancy, start, max_iter, tol):
    """Find the linear encoder W (d, q) with the smallest loss, by L-BFGS.

    S (d, d) is the covariance of the rows of the pairs, which may be singular, G their symmetric
    cross-covariance. `redundancy` weighs the squared correlations between different outputs; None
    is 8 / q. The leading generalised eigenvectors of (G, S), a good `start` (d, q), are a
    stationary point of the loss, so its columns are mixed before the search begins. It ends when
    the loss decreases by less than the share `tol`, or after `max_iter` iterations with a
    ConvergenceWarning.

    The columns of W have w'Sw = 1, the largest correlation between neighbours first; beside it are
    the loss after every iteration and their number, at least 1. A ValueError if `start` has another
    shape, or a column without variance.
    """
    redundancy = resolve_redundancy(redundancy, n_components)
    basis = _whitening_basis(np.asarray(S, dtype=np.float64))
    R = _symmetric(basis.T @ G @ basis)
    first = _unit_columns(_check_start(start, basis, S, n_components))
    U, loss_curve = _search(first, R, redundancy, max_iter, tol)
    U, loss_curve[-1] = _onto_eigenvectors(U, R, redundancy)
    return basis @ _by_correlation(_unit_columns(U), R), loss_curve, len(loss_curve)


def loss_and_gradient(U, R, redundancy):  # (r, q), (r, r) -> (), (r, q)
    r"""Loss of the columns of U where S is the identity, and its gradient.

    With :math:`N = \mathrm{diag}(|u_i|^{-1})`, :math:`C = N U^T R U N` and
    :math:`D = \partial L / \partial C`, the gradient is
    :math:`2 R U N D N - 2 U \, \mathrm{diag}((D C)_{ii} / |u_i|^2)`.
    """
    scale = (U * U).sum(axis=0) ** -0.5
    RU = R @ U
    C = (U.T @ RU) * scale[:, None] * scale
    D = 2 * redundancy * C
    np.fill_diagonal(D, 2 * (C.diagonal() - 1))
    gradient = RU @ (D * scale[:, None] * scale) - U * ((D * C).sum(axis=1) * scale**2)
    return barlow_loss(C, redundancy), 2 * gradient


def _search(first, R, redundancy, max_iter, tol):  # (r, q), (r, r) -> (r, q), list
    """L-BFGS from the mixed columns of `first`; never worse than `first` itself."""
    shape, losses = first.shape, []

    def objective(u):
        loss, gradient = loss_and_gradient(u.reshape(shape), R, redundancy)
        return loss, gradient.ravel()

    result = minimize(
        objective,
        (first @ _mixing(shape[1])).ravel(),
        jac=True,
        method="L-BFGS-B",
        callback=lambda intermediate_result: losses.append(float(intermediate_result.fun)),
        options={
            "maxiter": max_iter,
            "maxfun": _EVALUATIONS_PER_ITERATION * max_iter,
            "ftol": tol,
            "gtol": _SMALLEST_GRADIENT,
        },
    )
    if result.status == 1:
        warnings.warn(_unfinished(max_iter, tol), ConvergenceWarning, stacklevel=3)
    loss_at_first = float(loss_and_gradient(first, R, redundancy)[0])
    if loss_at_first < result.fun:
        return first, [*losses, loss_at_first]
    return result.x.reshape(shape), losses or [float(result.fun)]


def spanned_eigenvectors(W, S, G):  # (d, q), (d, d), (d, d) -> (d, q)
    """Those generalised eigenvectors of (G, S) that the columns of a minimiser span."""
    basis = _whitening_basis(S)
    return basis @ _nearest_eigenvectors(basis.T @ (S @ W), _symmetric(basis.T @ G @ basis))


def _nearest_eigenvectors(U, R):  # (r, q), (r, r) -> (r, q)
    """The eigenvectors of R that have a share of M = U U', with columns of U of length one.

    Columns that collapsed span fewer than there are columns: the leading ones of the others stand
    in for those.
    """
    Q = eigh(R)[1][:, ::-1]
    shares = np.square(Q.T @ _unit_columns(U)).sum(axis=1)
    spanned = shares > _SMALLEST_SHARE * shares.max()
    rank = np.where(spanned, shares, -np.arange(len(shares)))
    return Q[:, np.sort(np.argsort(-rank, kind="stable")[: U.shape[1]])]


def _onto_eigenvectors(U, R, redundancy):  # (r, q), (r, r) -> (r, q), ()
    """Project the columns of U on the eigenvectors that they span, unless the loss gets larger.

    It may before the search has ended.
    """
    nearest = _nearest_eigenvectors(U, R)
    moved = nearest @ (nearest.T @ U)
    losses = [float(loss_and_gradient(V, R, redundancy)[0]) for V in (U, moved)]
    if losses[1] <= losses[0] * (1 + _ROUNDING):
        return moved, losses[1]
    return U, losses[0]


def _unfinished(max_iter, tol):
    return (
        f"Maximum number of iterations (max_iter={max_iter}) reached before the loss of the linear "
        f"encoder fell by less than tol={tol} of itself."
    )


def _whitening_basis(S):  # (d, d) -> (d, r) with E'SE = I
    """Eigenvectors of S over the roots of their eigenvalues; directions without variance left."""
    eigenvalues, vectors = eigh(S)
    kept = eigenvalues > _LEAST_VARIANCE * eigenvalues[-1]
    return vectors[:, kept] / np.sqrt(eigenvalues[kept])


def _symmetric(A):
    return (A + A.T) / 2


def _mixing(q):  # -> (q, q) orthogonal
    """Rotate such that each new column has something of every old one."""
    return dct(np.eye(q), norm="ortho", axis=0)


def _unit_columns(U):
    return U / np.linalg.norm(U, axis=0)


def _by_correlation(U, R):
    """Order the columns of U by the correlation between neighbours, the largest first.

    They are often all the same, see above; rounding noise must not order them then.
    """
    correlations = (U * (R @ U)).sum(axis=0).round(_DECIMALS)
    return U[:, np.argsort(-correlations, kind="stable")]


def _check_start(start, basis, S, n_components):  # (d, q) -> (r, q)
    """Columns of `start` in the coordinates of `basis`."""
    shape = (len(S), n_components)
    start = np.asarray(start, dtype=np.float64)
    if start.shape != shape or not np.isfinite(start).all():
        raise ValueError(
            f"start must be finite and of shape {shape}, got an array of shape {start.shape}."
        )
    columns = basis.T @ (S @ start)
    if not columns.any(axis=0).all():
        raise ValueError("start has columns without variance; all must have some.")
    return columns
