"""Speed and memory of subspace clustering, beside the public reference and scikit-learn."""

import contextlib
import io
import json
import subprocess
import sys
import time
import warnings

import numpy as np
from _clustering import accuracy, cluster_data, has_cluster_data, noise_case, synthetic
from _common import cpu_seconds, one_thread, result_row
from medal_memory import peak_gib
from sklearn.decomposition import sparse_encode
from sklearn.preprocessing import normalize

from sksubspace.cluster import ElasticNetSubspaceClustering, SparseSubspaceClusteringOMP

REPEATS = 3


def reference_kinds(checkout):
    """OMP and EnSC of the checkout, or None where it is not named or lacks its requirements."""
    if checkout is None:
        return None
    sys.path.insert(0, checkout)
    try:
        from cluster import selfrepresentation
    except ImportError as error:
        print(f"the reference cannot be imported: {error}", file=sys.stderr)
        return None
    finally:
        sys.path.remove(checkout)
    return selfrepresentation


def best_of(work, repeats=REPEATS):
    """Return the smallest CPU seconds of a few runs, and the last result."""
    seconds = []
    for _ in range(repeats):
        result, elapsed = cpu_seconds(work)
        seconds.append(elapsed)
    return min(seconds), result


def quiet(work):
    """Run something that prints."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return work()


def represent(model, X):
    """The self-expression of one of our estimators, without the rest of `fit`."""
    return model._represent(X, X, np.arange(len(X)))


def _problems():
    faces = {"Yale B": "Yale B", "COIL-20": "COIL-20"}
    for name in faces:
        if has_cluster_data(name):
            yield name, normalize(cluster_data(name)[0])
    yield "synthetic n=1000", normalize(synthetic(1000, 0)[0])
    yield "synthetic n=10000", normalize(synthetic(10_000, 0)[0])


def _per_row(X, algorithm, rows, **params):
    """Code some rows by sparse_encode, each with the others as dictionary; seconds for all rows."""

    def encode():
        for i in rows:
            sparse_encode(X[i : i + 1], np.delete(X, i, axis=0), algorithm=algorithm, **params)

    seconds, _ = best_of(lambda: quiet(encode), 1)
    return seconds * len(X) / len(rows)


def speed(bench):
    """Self-expression alone: seconds of a peer over ours, same data, one thread, best of 3."""
    rows = []
    reference = reference_kinds(bench.reference)
    for data, X in _problems():
        rows += _omp_speed(data, X, reference)
        rows += _elastic_speed(data, X, reference)
    return rows


def _omp_speed(data, X, reference):
    asked = (">=", 5) if X.shape[1] >= 500 else None
    model = SparseSubspaceClusteringOMP(n_nonzero=5)
    model.tol_ = 1e-6  # where the reference stops
    ours, C = best_of(lambda: represent(model, X))
    ratios, same = [], []
    if reference is not None:
        peer = reference.SparseSubspaceClusteringOMP(n_nonzero=5, thr=1e-6)
        theirs, _ = best_of(lambda: quiet(lambda: peer.fit_self_representation(X)))
        ratios = [theirs / ours]
        same = [float(np.abs(C - peer.representation_matrix_).max())]
    some = np.random.RandomState(0).choice(len(X), 50, replace=False)
    encode = _per_row(X, "omp", some, n_nonzero_coefs=5)
    return [
        result_row("speed", data, "OMP: the reference / ours", ratios, asked),
        result_row("speed", data, "OMP: largest difference of a coefficient", same),
        result_row("speed", data, "OMP: sparse_encode per row / ours", [encode / ours], asked),
        result_row("speed", data, "OMP: ours, CPU s", [ours]),
    ]


def _elastic_speed(data, X, reference):
    sparse_case = data.startswith("synthetic")
    gamma, l1_ratio = (500, 1.0) if sparse_case else (50, 0.9)
    model = ElasticNetSubspaceClustering(gamma=gamma, l1_ratio=l1_ratio)
    ours, C = best_of(lambda: represent(model, X), 1 if X.shape[0] > 5000 else 2)
    what, ratios, gaps = f"elastic net ({gamma}, {l1_ratio})", [], []
    if reference is not None:
        peer = reference.ElasticNetSubspaceClustering(
            tau=l1_ratio, gamma=gamma, algorithm="spams", gamma_nz=True
        )
        theirs, _ = best_of(lambda: quiet(lambda: peer.fit_self_representation(X)), 1)
        ratios = [theirs / ours]
        gaps = [_objective_gap(X, C, peer.representation_matrix_, gamma, l1_ratio)]
    some = np.random.RandomState(0).choice(len(X), 20, replace=False)
    largest = np.sort(np.abs(X[some] @ X.T), axis=1)[:, -2]
    penalty = float(np.mean(largest)) / gamma
    encode = _per_row(X, "lasso_lars", some, alpha=penalty)
    return [
        result_row("speed", data, f"{what}: the reference / ours", ratios, (">=", 5)),
        result_row("speed", data, f"{what}: our objective less the reference's, relative", gaps),
        result_row(
            "speed", data, f"{what}: sparse_encode(lasso_lars) per row / ours", [encode / ours],
            (">=", 5),
        ),
        result_row("speed", data, f"{what}: ours, CPU s", [ours]),
    ]  # fmt: skip


def objectives(X, C, gamma, tau):  # (n, d), csr (n, n) -> (n,)
    """Objective tau |c|_1 + (1 - tau) / 2 |c|^2 + alpha / 2 |x - c X|^2 of each row."""
    similarity = np.abs(X @ X.T)
    np.fill_diagonal(similarity, 0)
    alpha = gamma * tau / similarity.max(axis=1)
    residual = np.square(X - C @ X).sum(axis=1)
    l1 = np.asarray(abs(C).sum(axis=1)).ravel()
    l2 = np.asarray(C.multiply(C).sum(axis=1)).ravel()
    return tau * l1 + (1 - tau) / 2 * l2 + alpha / 2 * residual


def _objective_gap(X, ours, theirs, gamma, tau):
    first, second = (objectives(X, C, gamma, tau).sum() for C in (ours, theirs))
    return float((first - second) / second)


LARGE = {
    "1,000,000 x 30, 500 landmarks": (1_000_000, 30, {"n_landmarks": 500, "n_landmark_draws": 1}),
    "1,000,000 x 30, default call": (1_000_000, 30, {}),
    "50,000 x 500, no landmarks": (50_000, 500, {"n_landmarks": None}),
}


def fit_large(case):
    """Fit in this process: CPU seconds, peak in GiB and accuracy."""
    n, d, params = LARGE[case]
    X, y = noise_case(n, 0, np.float32) if d == 30 else _wide_case(n, d)
    model = SparseSubspaceClusteringOMP(n_clusters=10, random_state=0, **params)
    held = peak_gib()
    start = time.process_time()
    model.fit(X)
    seconds = time.process_time() - start
    found = {"accuracy": accuracy(y, model.labels_), "cpu_s": seconds}
    return found | {"peak_gib": peak_gib(), "data_gib": held}


def _wide_case(n, d):
    from sksubspace.datasets import make_union_of_subspaces

    return make_union_of_subspaces(
        n, n_features=d, n_subspaces=10, subspace_dim=5, noise=0.005, random_state=0
    )


def large(bench):
    """A million rows with landmarks; 50,000 x 500 without: each in a process of its own."""
    rows = []
    asked = {
        "1,000,000 x 30, 500 landmarks": [(">=", 0.99), ("<=", 20), ("<=", 1.5)],
        "1,000,000 x 30, default call": [None, None, None],
        "50,000 x 500, no landmarks": [None, None, ("<=", 8)],
    }
    for case in LARGE:
        command = [sys.executable, __file__, case]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        found = json.loads(done.stdout)
        whats = {"accuracy": "accuracy", "cpu_s": "CPU s of fit", "peak_gib": "peak, GiB"}
        for (key, what), limit in zip(whats.items(), asked[case], strict=True):
            rows.append(result_row("large", case, f"OMP: {what}", [found[key]], limit))
        rows.append(result_row("large", case, "peak before fit, GiB", [found["data_gib"]]))
    return rows


SPEED_SECTIONS = {"speed": speed, "large": large}

if __name__ == "__main__":
    with one_thread():
        print(json.dumps(fit_large(sys.argv[1])))
