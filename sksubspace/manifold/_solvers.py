"""From the moments of the pairs to a linear map, by the closed form or by the loss."""

import warnings

import numpy as np

from sksubspace._linalg import leading_eigenpairs
from sksubspace.manifold._smoothing import map_within, neighbor_correlations, shrink, smoothing_map
from sksubspace.manifold._twin_lbfgs import fit_linear, spanned_eigenvectors
from sksubspace.manifold._twin_loss import effective_rank

_MAX_ITER = 1000
_COLLAPSED = 0.5


def smoothing_parameters(params):
    """Those parameters of an estimator that the closed form has."""
    return {
        "smoothing": params.smoothing,
        "metric_power": params.metric_power,
        "shrinkage": params.shrinkage,
    }


def solve_spectral(params, S, G, n_components):  # -> LinearMap, list
    """The closed form, in the leading principal directions of S."""
    found = smoothing_map(
        S, G, n_components, n_leading=params.pca_components, **smoothing_parameters(params)
    )
    return found, []


def solve_lbfgs(params, S, G, n_components):  # -> LinearMap, list
    """Minimise the loss; then the closed form for rows projected on the eigenvectors it spans.

    The loss does not depend on the scale of an output, which decides a search by distance; the
    closed form sets it.
    """
    variances, U = leading_eigenpairs(S, params.pca_components)
    n_components = min(n_components, len(variances))
    S_inside, G_inside = shrink(np.diag(variances), params.shrinkage), U.T @ G @ U
    start = neighbor_correlations(S_inside, G_inside)[1][:, :n_components]
    W, loss_curve, _ = fit_linear(
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
    rank, n_components = effective_rank(W, S), W.shape[1]
    if rank < _COLLAPSED * n_components:
        warnings.warn(
            f"The outputs of the encoder collapsed to an effective rank of {rank:.1f} of "
            f"{n_components}; a larger redundancy keeps them apart.",
            UserWarning,
            stacklevel=4,
        )
