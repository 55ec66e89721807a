r"""The closed form: replace a row by what its neighbours have in common with it.

With S the covariance of neighbour pairs and G their cross-covariance, the generalised eigenvectors
:math:`G w = \rho S w` are locality preserving projections (He and Niyogi, "Locality preserving
projections", NeurIPS 2003) and the canonical correlations between neighbours; they are the limit of
the twin loss of TLDR for exactly uncorrelated outputs.
"""

import warnings
from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh

from sksubspace._linalg import SMALLEST_EIGENVALUE, fixed_signs, leading_eigenpairs
from sksubspace.manifold._twin import rank_of_outputs
from sksubspace.manifold._twin_lbfgs import minimize_twin_loss, spanned_eigenvectors

# iterations of L-BFGS with max_iter="auto"
_MAX_ITER = 1000
# share of the outputs whose directions must be independent, in `rank_of_outputs`
_COLLAPSED = 0.5
# in a blend the metric of the input has a part of its own, and the others may smooth more
_AUTO = {
    "blend": {"smoothing": 3.0, "metric_power": 0.05},
    "one map": {"smoothing": 1.5, "metric_power": 0.25},
}


@dataclass(frozen=True)
class LinearMap:
    """A linear map z = components x, and what it does to neighbour pairs.

    Attributes
    ----------
    components : ndarray of shape (n_components, n_features)
        Its rows, by decreasing variance of their outputs; the outputs are uncorrelated.
    explained_variance : ndarray of shape (n_components,)
        Variance of the outputs.
    correlation : ndarray of shape (n_components,)
        Correlation of each output with that of the neighbours.
    """

    components: np.ndarray
    explained_variance: np.ndarray
    correlation: np.ndarray


def shrink_to_identity(S, shrinkage):  # (r, r) -> (r, r)
    r""":math:`(1 - a) S + a \, \mathrm{tr}(S) / r \, I`."""
    return (1 - shrinkage) * S + shrinkage * np.trace(S) / len(S) * np.eye(len(S))


def neighbor_correlations(S, G):  # (r, r), (r, r) -> (r,), (r, r)
    r"""Solve :math:`G w = \rho S w`; descending, with :math:`W^T S W = I`."""
    rho, W = eigh(G, S)
    return rho[::-1], W[:, ::-1]


def smoother(S, G, *, smoothing, metric_power):  # (r, r), (r, r) -> (r, r)
    r"""The matrix :math:`M = S^{-1/2} V \mathrm{diag}(\rho_+^t) V^T S^q`, to be applied as x'M.

    V are the eigenvectors of :math:`S^{-1/2} G S^{-1/2}` and :math:`\rho` the eigenvalues.

    For q = 1/2 and t = 1, x'M is the linear regression of the mean of a row's neighbours on the
    row; t applies it so many times. For q = 0 the outputs have variance one before they are damped
    by :math:`\rho^t`; a q in between gives back part of the metric of the input. Without a positive
    correlation nothing is damped.
    """
    rho, W = neighbor_correlations(S, G)
    damping = np.maximum(rho, 0) ** smoothing if (rho > 0).any() else np.ones_like(rho)
    eigenvalues, U = eigh(S)
    root = (U * eigenvalues ** (0.5 + metric_power)) @ U.T
    return (W * damping) @ (W.T @ root)


def smoothing_map(
    S, G, n_components, *, smoothing, metric_power, shrinkage, n_leading=None
):  # (d, d), (d, d) -> LinearMap
    """Smooth in the space of the leading principal directions of S; then principal components."""
    variances, U = leading_eigenpairs(S, n_leading)
    M = smoother(
        shrink_to_identity(np.diag(variances), shrinkage),
        U.T @ G @ U,
        smoothing=smoothing,
        metric_power=metric_power,
    )
    _, E = leading_eigenpairs(M.T @ (variances[:, None] * M), n_components)
    return describe(fixed_signs((U @ M @ E).T), S, G)


def map_within(span, S, G, **parameters):  # (d, q), (d, d), (d, d) -> LinearMap
    """The same, for rows projected orthogonally on the span of some directions."""
    Q, scales, _ = np.linalg.svd(span, full_matrices=False)
    Q = Q[:, scales**2 > SMALLEST_EIGENVALUE * scales[0] ** 2]
    inside = smoothing_map(Q.T @ S @ Q, Q.T @ G @ Q, Q.shape[1], **parameters)
    return describe(fixed_signs(inside.components @ Q.T), S, G)


def describe(components, S, G):  # (q, d) -> LinearMap
    """Variance of the outputs, and their correlation between neighbours."""
    variance = np.einsum("qd,de,qe->q", components, S, components)
    cross = np.einsum("qd,de,qe->q", components, G, components)
    return LinearMap(components, variance, cross / variance)


def smoothing_parameters(params):
    """Those parameters of an estimator that the closed form has; "auto" goes by the encoder."""
    found = _AUTO["blend" if params.encoder == "blend" else "one map"]
    given = {name: getattr(params, name) for name in found if getattr(params, name) != "auto"}
    return found | given | {"shrinkage": params.shrinkage}


def solve_spectral(params, S, G, n_components):  # -> LinearMap, list
    """The closed form, in the leading principal directions of S."""
    found = smoothing_map(
        S, G, n_components, n_leading=params.pca_components, **smoothing_parameters(params)
    )
    return found, []


def solve_twin_loss(params, S, G, n_components):  # -> LinearMap, list
    """Minimise the loss; then the closed form for rows projected on the eigenvectors it spans.

    The loss does not depend on the scale of an output, which decides a search by distance; the
    closed form sets it.
    """
    variances, U = leading_eigenpairs(S, params.pca_components)
    n_components = min(n_components, len(variances))
    S_inside, G_inside = shrink_to_identity(np.diag(variances), params.shrinkage), U.T @ G @ U
    start = neighbor_correlations(S_inside, G_inside)[1][:, :n_components]
    W, loss_curve, _ = minimize_twin_loss(
        S_inside,
        G_inside,
        n_components,
        redundancy=params.redundancy,
        start=start,
        max_iter=_MAX_ITER if params.max_iter == "auto" else params.max_iter,
        tol=params.tol,
    )
    warn_of_collapse(W, S_inside)
    span = U @ spanned_eigenvectors(W, S_inside, G_inside)
    return map_within(span, S, G, **smoothing_parameters(params)), loss_curve


def warn_of_collapse(W, S):  # (d, q), (d, d)
    """Say so if the outputs have far fewer independent directions than there are outputs."""
    rank, n_components = rank_of_outputs(W, S), W.shape[1]
    if rank < _COLLAPSED * n_components:
        warnings.warn(
            f"The outputs of the encoder collapsed to an effective rank of {rank:.1f} of "
            f"{n_components}; a larger redundancy keeps them apart.",
            UserWarning,
            stacklevel=4,
        )
