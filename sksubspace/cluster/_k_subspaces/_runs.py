"""Short runs of K-subspaces from random starts."""

import numpy as np
from joblib import Parallel, delayed
from sklearn.utils.extmath import randomized_svd

__all__ = ["auto_candidate_dim", "compress", "random_labels", "short_runs"]

# dimension of the subspaces of a run; it may well be larger than that of the clusters
_AUTO_DIM = 9
# above 64 features rows are replaced by the coordinates that hold 99 % of the energy, at most 300
_COMPRESSED = 300
_ENERGY = 0.99
_FEW_FEATURES = 64
# steps of orthogonal iteration, in place of principal directions
_POWER_STEPS = 2
# of the longest: a shorter column of R is rounding, and the direction depends on earlier ones
_DEPENDENT = 1e-10
# 4 Mi numbers: coordinates of a block of rows in all spans
_BLOCK_ELEMENTS = 2**22


def auto_candidate_dim(X, n_candidates):
    """Nine, but less than the features, and such that a start takes at most half of the rows."""
    n, d = X.shape
    return max(1, min(_AUTO_DIM, d - 1, n // (2 * n_candidates)))


def compress(X, random_state):  # (n, d) -> (n, q)
    """Coordinates on the leading singular vectors, up to 300, that hold 99 % of the energy.

    Projections on spans of rows hardly differ, and cost less.
    """
    if min(X.shape) <= _FEW_FEATURES:
        return X
    n_kept = min(_COMPRESSED, *X.shape)
    left, singular, _ = randomized_svd(X, n_kept, n_iter=2, random_state=random_state)
    held = np.cumsum(np.square(singular, dtype=np.float64))
    total = np.einsum("nd,nd->", X, X, dtype=np.float64)
    n_kept = min(int((held < _ENERGY * total).sum()) + 1, n_kept)
    return np.ascontiguousarray(left[:, :n_kept] * singular[:n_kept])


def short_runs(X, n_candidates, dim, n_runs, n_iter, random_state, n_jobs=None):
    """Labels (n, n_runs) of rows (n, d) by a few steps of K-subspaces from random starts.

    A run has `n_candidates` subspaces of dimension `dim`, numbered from 0; without any steps a row
    goes to the nearest of the random subspaces. The labels do not depend on the number of threads.
    """
    seeds = random_state.randint(2**31 - 1, size=n_runs)
    runs = Parallel(n_jobs=n_jobs, prefer="threads")(
        delayed(_short_run)(X, n_candidates, dim, n_iter, seed) for seed in seeds
    )
    return np.stack(runs, axis=1)


def _short_run(X, n_candidates, dim, n_iter, seed):  # (n, d) -> (n,)
    bases = random_spans(X, n_candidates, dim, np.random.RandomState(seed))
    labels = nearest_spans(X, bases)
    for _ in range(n_iter):
        bases = _turn(X, labels, bases)
        labels = nearest_spans(X, bases)
    return labels


def random_labels(X, n_clusters, dim, random_state):  # (n, d) -> (n,)
    """The nearest of the spans of random sets of rows."""
    return nearest_spans(X, random_spans(X, n_clusters, dim, random_state))


def random_spans(X, n_subspaces, dim, random_state):  # (n, d) -> (K, d, r)
    """Spans of disjoint random sets of rows (sets that overlap where there are too few rows)."""
    n = len(X)
    if n_subspaces * dim <= n:
        rows = random_state.permutation(n)[: n_subspaces * dim].reshape(n_subspaces, dim)
    else:
        draws = [random_state.permutation(n)[:dim] for _ in range(n_subspaces)]
        rows = np.stack(draws)
    return _orthonormal(X[rows].transpose(0, 2, 1))


def nearest_spans(X, bases):  # (n, d), (K, d, r) -> (n,)
    """The subspace through the origin that holds most of each row."""
    n_subspaces, d, dim = bases.shape
    columns = np.ascontiguousarray(bases.transpose(1, 0, 2)).reshape(d, -1)
    labels = np.empty(len(X), dtype=np.int32)
    step = max(1, _BLOCK_ELEMENTS // columns.shape[1])
    for start in range(0, len(X), step):
        inside = (X[start : start + step] @ columns).reshape(-1, n_subspaces, dim)
        energy = np.einsum("nkr,nkr->nk", inside, inside)
        labels[start : start + step] = energy.argmax(axis=1)
    return labels


def _turn(X, labels, bases):
    """Turn each basis towards the principal directions of its members.

    Two steps of orthogonal iteration, none of which loses energy of the members; a candidate
    without members stays.
    """
    order = np.argsort(labels, kind="stable")
    ends = np.cumsum(np.bincount(labels, minlength=len(bases)))
    sorted_rows = X[order]
    turned = bases.copy()
    for k, end in enumerate(ends):
        members = sorted_rows[ends[k - 1] if k else 0 : end]
        for _ in range(_POWER_STEPS if len(members) else 0):
            turned[k] = _orthonormal(members.T @ (members @ turned[k]))
    return turned


def _orthonormal(columns):  # (..., d, r) -> (..., d, r)
    """Orthonormal basis of the span; directions that depend on earlier ones become zero."""
    basis, triangle = np.linalg.qr(columns)
    lengths = np.abs(np.diagonal(triangle, axis1=-2, axis2=-1))
    largest = lengths.max(axis=-1, keepdims=True)
    basis *= (lengths > _DEPENDENT * largest)[..., None, :]
    return basis
