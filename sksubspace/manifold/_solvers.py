"""From the moments of the pairs to a linear map, by the closed form or by the loss."""

import warnings

from sksubspace.manifold._principal import leading_eigenpairs
from sksubspace.manifold._smoothing import map_within, neighbor_correlations, shrink, smoothing_map
from sksubspace.manifold._twin_lbfgs import fit_linear
from sksubspace.manifold._twin_loss import effective_rank

_MAX_ITER = 1000


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
    """Minimise the loss; then the closed form for rows projected on the span of the encoder.

    The loss does not depend on the scale of an output, which decides a search by distance; the
    closed form sets it.
    """
    variances, U = leading_eigenpairs(S, params.pca_components)
    n_components = min(n_components, len(variances))
    S_inside, G_inside = shrink((U.T @ S @ U), params.shrinkage), U.T @ G @ U
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
    warn_of_collapse(effective_rank(W, S_inside), n_components)
    span = U @ W
    return map_within(span, S, G, n_components, **smoothing_parameters(params)), loss_curve


def warn_of_collapse(rank, n_components):
    """Say so if the outputs have far fewer independent directions than there are outputs."""
    if rank < n_components / 2:
        warnings.warn(
            f"The outputs of the encoder collapsed to an effective rank of {rank:.1f} of "
            f"{n_components}; a larger redundancy keeps them apart.",
            UserWarning,
            stacklevel=4,
        )
