"""What TLDR promises of its numbers: losses against exact minima, and the same answer every way."""

import tempfile
from functools import partial
from pathlib import Path

import joblib
import numpy as np
import torch
from _common import result_row
from _tldr_sets import N_COMPONENTS, has_set, load_set
from scipy import sparse
from scipy.linalg import eigh
from sklearn.model_selection import train_test_split

from sksubspace import TLDR
from sksubspace._linalg import leading_eigenpairs
from sksubspace._torch.trainer import Trainer
from sksubspace.manifold._pairs import check_pairs, pair_weights
from sksubspace.manifold._smoothing import neighbor_correlations, shrink_to_identity
from sksubspace.manifold._twin import (
    barlow_loss,
    cross_correlation,
    fit_twin_network,
    graph_moments,
    resolve_redundancy,
    twin_loss,
)
from sksubspace.manifold._twin_lbfgs import minimize_twin_loss
from sksubspace.neighbors import nearest_neighbors

USPS_ROWS = 3000
SHRINKAGE = 0.1
SHARDS = (1, 2, 5)


def twin(bench):
    """Loss of trained encoders relative to the smallest loss of a linear one."""
    for data in ("digits", "USPS"):
        losses = [_losses(data, seed) for seed in bench.seeds[:3]] if has_set(data) else []
        rows = []
        for what, asked in (
            ("sgd / lbfgs, training rows", ("<=", 1.02)),
            ("mlp / best linear, held-out rows, redundancy 1/q", ("<=", 1.0)),
            ("mlp / best linear, held-out rows, redundancy 8/q", None),
        ):
            values = [found[what] for found in losses]
            rows.append(result_row("twin", data, what, values, asked))
        yield data, rows


def _losses(data, seed):
    X = load_set(data, USPS_ROWS, seed)[0]
    X, X_test = train_test_split(X, test_size=0.2, random_state=seed)
    directions = leading_eigenpairs(np.cov(X.T), 128)[1]
    Z, Z_test = ((rows - X.mean(axis=0)) @ directions for rows in (X, X_test))
    spread = np.sqrt(np.square(Z).mean())
    Z, Z_test = Z / spread, Z_test / spread
    pairs, pairs_test = _mutual_pairs(Z), _mutual_pairs(Z_test)
    module = _trained(Z, pairs, seed, "linear", None)
    reached = twin_loss(module, Z, pairs[1], queries=pairs[0])
    found = {"sgd / lbfgs, training rows": reached / _best_linear(Z, pairs, None)[1]}
    for name, redundancy in (("1/q", 1 / N_COMPONENTS), ("8/q", None)):
        module = _trained(Z, pairs, seed, "mlp", redundancy)
        loss = twin_loss(
            module, Z_test, pairs_test[1], queries=pairs_test[0], redundancy=redundancy
        )
        linear = _held_out_linear(Z, pairs, Z_test, pairs_test, redundancy)
        found[f"mlp / best linear, held-out rows, redundancy {name}"] = loss / linear
    return found


def _mutual_pairs(Z):  # (n, r) -> (m,), (m, 1)
    """Rows, and rows that are among each other's 5 nearest."""
    W = pair_weights(nearest_neighbors(Z, 5)[1], len(Z)).tocoo()
    return W.row, W.col[:, None]


def _trained(Z, pairs, seed, encoder, redundancy):
    rng = np.random.RandomState(seed)
    trainer = Trainer(1e-2, 512, "auto", torch.device("cpu"), np.dtype(np.float64), rng)
    return fit_twin_network(
        Z,
        pairs[1],
        n_components=N_COMPONENTS,
        encoder=encoder,
        hidden_layer_sizes=(256,),
        redundancy=redundancy,
        trainer=trainer,
        queries=pairs[0],
    )[0]


def _best_linear(Z, pairs, redundancy, shrinkage=0.0):  # -> (r, q), float
    S, G = graph_moments(Z, pairs[1], pairs[0])
    S = shrink_to_identity(S, shrinkage)
    start = eigh(G, S)[1][:, ::-1][:, :N_COMPONENTS]
    settings = {"redundancy": redundancy, "start": start, "max_iter": 3000, "tol": 1e-12}
    W, curve, _ = minimize_twin_loss(S, G, N_COMPONENTS, **settings)
    return W, curve[-1]


def span(bench):
    """How much of the best linear encoder lies outside of the leading generalised eigenvectors."""
    for data in [name for name in bench.sets if has_set(name)]:
        X = load_set(data, USPS_ROWS)[0]
        Z = (X - X.mean(axis=0)) @ leading_eigenpairs(np.cov(X.T), 128)[1]
        pairs = _mutual_pairs(Z)
        S, G = graph_moments(Z, pairs[1], pairs[0])
        S = shrink_to_identity(S, SHRINKAGE)
        leading = eigh(G, S)[1][:, ::-1][:, :N_COMPONENTS]
        rows = []
        for name, redundancy in (("8/q", None), ("1/q", 1 / N_COMPONENTS), ("2", 2.0)):
            W = _best_linear(Z, pairs, redundancy, SHRINKAGE)[0]
            inside = np.square(leading.T @ S @ W).sum()
            outside = 1 - inside / np.einsum("dq,de,eq->", W, S, W)
            what = f"redundancy {name}: share of the outputs outside of the leading eigenvectors"
            rows.append(result_row("span", data, what, [max(outside, 0.0)]))
        yield data, rows


def _held_out_linear(Z, pairs, Z_test, pairs_test, redundancy):
    """Loss on new rows of the better of the exact minima with and without shrinkage."""
    S, G = graph_moments(Z_test, pairs_test[1], pairs_test[0])
    weight = resolve_redundancy(redundancy, N_COMPONENTS)
    encoders = (_best_linear(Z, pairs, redundancy, a)[0] for a in (0.0, SHRINKAGE))
    return min(barlow_loss(cross_correlation(W, S, G), weight) for W in encoders)


def exactness(bench):
    """Largest differences, relative to the largest value, between ways to the same numbers."""
    for data in ("digits", "USPS"):
        row = partial(result_row, "exactness", data)
        if not has_set(data):
            yield data, [row("two fits", [], ("<=", 1e-10))]
            continue
        X = load_set(data, USPS_ROWS)[0]
        yield data, [*_repeats(X, row), *_ways(X, row), *_solutions(X, row), *_graphs(X, row)]


MODELS = {
    "default": {},
    "linear": {"encoder": "linear"},
    "linear, lbfgs": {"encoder": "linear", "solver": "lbfgs"},
    "linear, sgd": {"encoder": "linear", "solver": "sgd"},
    "mlp": {"encoder": "mlp"},
}


def _gap(A, B):
    return np.abs(A - B).max() / np.abs(A).max()


def _repeats(X, row):
    for name, params in MODELS.items():
        Z = [TLDR(**params, random_state=0).fit(X).transform(X) for _ in range(2)]
        yield row(f"two fits, {name}", [_gap(*Z)], ("<=", 1e-10))


def _ways(X, row):
    for name in ("default", "linear", "linear, lbfgs"):
        make = partial(TLDR, **MODELS[name], random_state=0)
        Z = make().fit(X).transform(X)
        from_file = _from_memmap(make, X)
        yield row(f"memory map, {name}", [_gap(Z, from_file)], ("<=", 1e-8))
        from_sparse = make().fit(sparse.csr_matrix(X)).transform(sparse.csr_matrix(X))
        yield row(f"sparse rows, {name}", [_gap(Z, from_sparse)], ("<=", 1e-8))
        wide = np.hstack([X, X[:, :5], np.ones((len(X), 2))])
        share = 1 - np.isfinite(make().fit(wide).transform(wide)).mean()
        yield row(f"not finite, dependent columns, {name}", [share], ("<=", 0))
    for name in ("linear", "linear, lbfgs"):
        make = partial(TLDR, **MODELS[name], random_state=0)
        yield row(f"partial_fit, {name}", [_from_batches(make, X)], ("<=", 1e-8))


def _from_memmap(make, X):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.npy"
        np.save(path, X)
        mapped = np.load(path, mmap_mode="r")
        return make().fit(mapped).transform(mapped)


def _from_batches(make, X):
    graph = nearest_neighbors(X, 5)[1]
    W = check_pairs(graph, len(X), True).tocoo()
    batches = make()
    for part in np.array_split(np.arange(W.nnz), 7):
        batches.partial_fit(X[W.row[part]], X_neighbors=X[W.col[part]])
    return _gap(make().fit(X, neighbors_graph=graph).transform(X), batches.transform(X))


def _solutions(X, row):
    """|G w - rho S w| / (|G| |w|), the largest of all generalised eigenvectors."""
    S, G = graph_moments(X, nearest_neighbors(X, 5)[1])
    variances, U = leading_eigenpairs(S)
    S, G = shrink_to_identity(np.diag(variances), SHRINKAGE), U.T @ G @ U
    rho, W = neighbor_correlations(S, G)
    differences = np.linalg.norm(G @ W - S @ W * rho, axis=0)
    residual = (differences / (np.linalg.norm(G, 2) * np.linalg.norm(W, axis=0))).max()
    yield row("generalised eigenvectors, residual", [residual], ("<=", 1e-8))


def _graphs(X, row):
    """Entries in which the sharded graph differs, here and on the workers of a dask cluster."""
    one = nearest_neighbors(X, 5)
    yield row("shards: entries that differ", _differences(X, one), ("<=", 0))
    from dask import distributed

    cluster = distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None)
    with cluster, distributed.Client(cluster), joblib.parallel_config("dask"):
        values = _differences(X, one)
    yield row("shards, dask cluster: entries that differ", values, ("<=", 0))


def _differences(X, one):
    cases = [(n, shard) for n in SHARDS for shard in ("queries", "index")]
    graphs = (nearest_neighbors(X, 5, n_shards=n, shard=shard, n_jobs=2) for n, shard in cases)
    return [sum((a != b).sum() for a, b in zip(one, graph, strict=True)) for graph in graphs]
