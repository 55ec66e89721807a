"""Dimensions of rows whose dimension is known, beside scikit-dimension.

A seed is a draw of 1,500 rows of few dimensions, turned into 60 columns; with noise, every column
has a standard deviation of .05 more.
"""

import numpy as np
from _common import cpu_seconds, result_row

from sksubspace.metrics import (
    centered_kernel_alignment,
    diffusion_spectral_entropy,
    effective_rank,
    intrinsic_dimension,
    local_intrinsic_dimension,
    match_features,
)

try:
    import skdim
except ImportError:
    skdim = None

N_ROWS, N_COLUMNS, N_SEEDS = 1_500, 60, 5
DIMENSIONS = (2, 5, 10, 20)
# how far means may be from the table of the design, which has one draw of its own
WITHIN = 0.1
# of "mst" and "mle": kind of rows, of each of the dimensions
DESIGN = {
    "normal": ((2.2, 4.8, 9.4, 16.3), (2.0, 4.9, 8.9, 14.0)),
    "cube": ((1.9, 4.7, 8.5, 13.8), (1.9, 4.4, 8.0, 13.5)),
    "sphere": ((2.0, 5.0, 9.1, 17.0), (2.0, 4.8, 8.8, 15.4)),
}


def drawn(kind, d, seed):  # -> (N_ROWS, N_COLUMNS)
    rng = np.random.RandomState(seed)
    Q = np.linalg.qr(rng.randn(N_COLUMNS, N_COLUMNS))[0]
    Z = rng.rand(N_ROWS, d) if kind == "cube" else rng.randn(N_ROWS, d + (kind == "sphere"))
    if kind == "sphere":
        Z /= np.linalg.norm(Z, axis=1, keepdims=True)
    X = Z @ Q[: Z.shape[1]]
    return X + 0.05 * rng.randn(*X.shape) if kind == "normal and noise" else X


def dimension(options):
    """Estimates beside the truth, the design and scikit-dimension."""
    seeds = range(options.seeds or N_SEEDS)
    rows = []
    for kind in (*DESIGN, "normal and noise"):
        for place, d in enumerate(DIMENSIONS):
            tables = [drawn(kind, d, seed) for seed in seeds]
            data = f"{kind}, {d} dimensions"
            for number, method in enumerate(("mst", "mle", "two_nn")):
                found = [intrinsic_dimension(X, method=method) for X in tables]
                rows.append(result_row("dimension", data, f"by {method}", found))
                if kind in DESIGN and number < 2:
                    beside = np.mean(found) / DESIGN[kind][number][place] - 1
                    what = f"by {method}, over the design's, less 1, without sign"
                    rows.append(result_row("dimension", data, what, [abs(beside)], ("<=", WITHIN)))
            rows += _beside_peer(data, tables)
    return rows + _cost()


def _beside_peer(data, tables):
    if skdim is None:
        return [result_row("dimension", data, "scikit-dimension is absent", [])]
    mle = [skdim.id.MLE(K=20).fit(X, n_neighbors=20).dimension_ for X in tables]
    two = [skdim.id.TwoNN().fit(X).dimension_ for X in tables]
    ours = [[intrinsic_dimension(X, method=method) for X in tables] for method in ("mle", "two_nn")]
    fisher = [skdim.id.FisherS().fit(X).dimension_ for X in tables]
    apart = [np.abs(np.divide(*both) - 1) for both in zip(ours, (mle, two), strict=True)]
    return [
        result_row("dimension", data, "mle beside scikit-dimension's, share apart",
                   apart[0].tolist(), ("<=", 1e-6)),
        result_row("dimension", data, "two_nn beside scikit-dimension's, share apart",
                   apart[1].tolist(), ("<=", 2e-3)),
        result_row("dimension", data, "by FisherS (scikit-dimension)", fisher),
    ]  # fmt: skip


def _cost():
    X = np.random.RandomState(0).randn(2_000, 500)
    calls = {
        **{method: lambda m=method: intrinsic_dimension(X, method=m) for method in ("mst", "mle")},
        "local": lambda: local_intrinsic_dimension(X),
        "diffusion_spectral_entropy": lambda: diffusion_spectral_entropy(X),
        "match_features": lambda: match_features(X, X[:, ::-1] + 0.1),
        "centered_kernel_alignment": lambda: centered_kernel_alignment(X, X[:, ::-1]),
        "effective_rank": lambda: effective_rank(X),
    }
    return [
        result_row("dimension", "2,000 x 500", f"CPU s: {name}", [cpu_seconds(call)[1]],
                   ("<=", 2))
        for name, call in calls.items()
    ]  # fmt: skip
