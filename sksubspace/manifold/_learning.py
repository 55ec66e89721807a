"""How TLDR learns: from rows and the weights of their pairs to a map with a linear inverse."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from sksubspace._linalg import (
    SMALL_SIDE,
    column_means,
    leading_eigenpairs,
    principal_directions,
    project,
    row_blocks,
    rows_differ,
)
from sksubspace._parameters import check_widths, isolated_random_state
from sksubspace.manifold._blend import blend
from sksubspace.manifold._map import (
    NeighborMap,
    encode_blocks,
    followed_by,
    fourier_encoder,
    layers_encoder,
)
from sksubspace.manifold._pairs import (
    add_graph,
    add_pairs,
    check_partners,
    graph_sums,
    moments,
    no_pairs,
    output_correlation,
    pairs_of,
)
from sksubspace.manifold._smoothing import (
    map_within,
    smoothing_map,
    smoothing_parameters,
    solve_spectral,
    solve_twin_loss,
    warn_of_collapse,
)
from sksubspace.manifold._twin import fit_twin_network


@dataclass(frozen=True)
class PrincipalRows:
    """Rows in the coordinates of their leading principal directions."""

    scores: np.ndarray  # (n, r), in the dtype of the rows
    mean: np.ndarray  # (d,)
    directions: np.ndarray  # (d, r)


def principal_rows(X, n_directions):  # (n, d) -> PrincipalRows
    """Centre the rows and project them on at most so many directions; None is as many as exist."""
    if not rows_differ(X):
        raise ValueError("X must have variance, but all its rows are the same.")
    mean = column_means(X)
    n_directions = min(n_directions or min(X.shape), *X.shape)
    directions = principal_directions(X, mean, n_directions)
    return PrincipalRows(project(X, mean, directions), mean, directions)


@dataclass(frozen=True)
class LinearProblem:
    """Moments of the pairs, of the features or, for very many, of the principal scores."""

    mean: np.ndarray  # (d,)
    S: np.ndarray  # (p, p)
    G: np.ndarray  # (p, p)
    basis: np.ndarray | None  # (d, p)

    def map_of(self, found):  # LinearMap -> NeighborMap
        """The map of features, and the regression of rows on its outputs, S B / var(z)."""
        components = found.components
        decoding = (components @ self.S) / found.explained_variance[:, None]
        if self.basis is not None:
            components, decoding = components @ self.basis.T, decoding @ self.basis.T
        variance, correlation = found.explained_variance, found.correlation
        return NeighborMap(self.mean, components, None, None, variance, correlation, decoding)


def linear_problem(X, rows, W):  # (n, d), PrincipalRows, (n, n) -> LinearProblem
    """Moments of the features themselves while their covariance is small, else of the scores."""
    if X.shape[1] <= SMALL_SIDE:
        origin = np.zeros(X.shape[1]) if sparse.issparse(X) else rows.mean
        return LinearProblem(*moments(graph_sums(X, W, origin)), None)
    shift, S, G = moments(graph_sums(rows.scores, W, np.zeros(rows.scores.shape[1])))
    return LinearProblem(rows.mean + rows.directions @ shift, S, G, rows.directions)


def learns_from_pairs(params):
    """Whether more pairs can be learned from; an error that says what that needs."""
    if params.encoder == "linear" and params.solver != "sgd":
        return True
    raise AttributeError(
        "partial_fit needs encoder='linear' and a solver other than 'sgd', got "
        f"encoder={params.encoder!r} and solver={params.solver!r}."
    )


def more_sums(estimator, sums, X, X_neighbors):  # -> dict
    """Sums over pairs with those of some rows added; None are sums over no pairs."""
    if sums is None:
        sums = no_pairs(np.zeros(X.shape[1]) if sparse.issparse(X) else column_means(X))
    if X_neighbors is not None:
        return add_pairs(sums, X, check_partners(estimator, X, X_neighbors))
    scores = principal_rows(X, estimator.pca_components).scores
    W = pairs_of(estimator, X, scores, isolated_random_state(estimator.random_state))
    return add_graph(sums, X, W)


def resolve_solver(params):
    """The solver by name; that of an encoder that is not linear is given."""
    needed = {"blend": "spectral", "fourier": "spectral", "mlp": "sgd"}.get(params.encoder)
    if params.solver == "auto":
        return needed or "spectral"
    if needed not in (None, params.solver):
        raise ValueError(
            f"solver must be 'auto' or {needed!r} with encoder={params.encoder!r}, got "
            f"{params.solver!r}."
        )
    return params.solver


def learn_neighbor_map(params, X, rows, W, trainer, solver):  # -> NeighborMap, list
    """Learn a map from the pairs of a graph, and the losses of the search."""
    if solver == "sgd":
        return learn_network(params, X, rows, W, trainer)
    if params.encoder == "linear":
        return learn_linear(params, linear_problem(X, rows, W), solver)
    return learn_fourier(params, rows, W, trainer.random_state)


def learn_linear(params, problem, solver):  # -> NeighborMap, list
    """Solve for a linear map by "spectral" or "lbfgs"."""
    solve = {"spectral": solve_spectral, "lbfgs": solve_twin_loss}[solver]
    found, loss_curve = solve(params, problem.S, problem.G, params.n_components)
    return problem.map_of(found), loss_curve


def learn_fourier(params, rows, W, random_state):  # -> NeighborMap, list
    """Regress neighbour means of linearly smoothed rows on Fourier features of the rows.

    With the encoder "blend", principal scores and the linear map stand beside that.
    """
    shift, S, G = moments(graph_sums(rows.scores, W, np.zeros(rows.scores.shape[1])))
    linear = smoothing_map(S, G, params.n_components, **smoothing_parameters(params))
    smooth = (rows.scores - shift) @ linear.components.T
    target, with_neighbors = neighbor_means(smooth, W)
    if not (linear.correlation > 0).any():
        target = smooth
    seen = np.flatnonzero(with_neighbors) if params.n_anchors else slice(None)
    encoder = fourier_encoder(rows.scores[seen], target[seen], params.metric, random_state)
    if params.encoder == "blend":
        return _finished(*blend(rows.scores, linear.components, encoder), rows, W), []
    return _finished(encoder, encode_blocks(encoder, rows.scores), rows, W), []


def neighbor_means(Y, W):  # (n, q), (n, n) -> (n, q), (n,)
    """(y_i + sum_j W_ij y_j) / (1 + sum_j W_ij) with the symmetric part of W, and these sums.

    For the Fourier encoder Y is the closed form. Where none of its outputs is like that of the
    neighbours, as when every row is a neighbour of every other, Y itself is its target.
    """
    symmetric = (W + W.T) / 2
    sums = np.asarray(symmetric.sum(axis=1))
    return (Y + symmetric @ Y) / (1 + sums.reshape(-1, 1)), sums.ravel()


def learn_network(params, X, rows, W, trainer):  # -> NeighborMap, list
    """Train by the twin loss on batches of pairs; the closed form then sets scale and order."""
    hidden_layer_sizes = check_widths(params.hidden_layer_sizes)
    projector = check_widths(params.projector, name="projector")
    spread = np.sqrt(np.square(rows.scores, dtype=np.float64).mean())
    heads, tails = _drawn_pairs(W, trainer.random_state)
    module, log = fit_twin_network(
        (rows.scores / spread).astype(rows.scores.dtype, copy=False),
        tails[:, None],
        n_components=min(params.n_components, rows.scores.shape[1]),
        encoder=params.encoder,
        hidden_layer_sizes=hidden_layer_sizes,
        projector=projector,
        redundancy=_redundancy(params),
        trainer=trainer,
        queries=heads,
    )
    encoder = layers_encoder(module, spread)
    outputs = encode_blocks(encoder, rows.scores)
    mean, S, G = moments(graph_sums(outputs, W, outputs.mean(axis=0)))
    warn_of_collapse(np.eye(len(S)), S)
    parameters = smoothing_parameters(params)
    if params.encoder == "mlp":
        found = smoothing_map(S, G, len(S), **parameters)
        encoder = followed_by(encoder, found.components.T, mean)
        return _finished(encoder, encode_blocks(encoder, rows.scores), rows, W), log.loss_curve
    problem = linear_problem(X, rows, W)
    span = encoder["weights"][0]
    if problem.basis is None:
        span = rows.directions @ span
    found = map_within(span, problem.S, problem.G, **parameters)
    return problem.map_of(found), log.loss_curve


def _redundancy(params):
    """An MLP finds enough directions with less of it than a linear encoder."""
    if params.redundancy is None and params.encoder == "mlp":
        return 0.5 / (params.n_components, *params.projector)[-1]
    return params.redundancy


def _drawn_pairs(W, random_state):  # (n, n) -> (m,), (m,)
    """The pairs of a graph; of one with unequal weights, as many drawn in proportion to them."""
    pairs = W.tocoo()
    if np.ptp(pairs.data) == 0:
        return pairs.row, pairs.col
    drawn = random_state.choice(pairs.nnz, pairs.nnz, p=pairs.data / pairs.data.sum())
    return pairs.row[drawn], pairs.col[drawn]


def _finished(encoder, outputs, rows, W):  # dict, (n, q), ... -> NeighborMap
    """Rotate the outputs for the rows to principal components, and regress the rows on them."""
    mean = outputs.mean(axis=0)
    variances, E = leading_eigenpairs(np.cov(outputs.T, bias=True).reshape(len(mean), -1))
    encoder = followed_by(encoder, E, mean)
    outputs = (outputs - mean) @ E
    cross = sum(outputs[b].T @ rows.scores[b] for b in row_blocks(len(outputs))) / len(outputs)
    decoding = (cross / variances[:, None]) @ rows.directions.T
    correlation = output_correlation(outputs, W)
    return NeighborMap(rows.mean, None, encoder, rows.directions, variances, correlation, decoding)
