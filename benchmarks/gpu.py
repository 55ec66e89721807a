"""The estimators that train networks, or code rows, on a GPU beside the CPU of the same machine.

Each case is fitted twice on either device, and the second fit counts: the first one starts CUDA and
warms the caches. Times are seconds by the clock, since a GPU's work is no CPU time; the CPU has all
its cores. "score" is that of held-out rows on the CPU, "gap" the largest difference of the one on
the GPU: both start from the same seed but round differently. "GiB" is the peak of the GPU's memory.
MNIST is read from the folder SKSUBSPACE_DATA (mnist_test.npz), and without it, or without a GPU,
there is nothing to measure.

`sweep` asks from which number of rows on a GPU pays: made rows of 128 columns, four times as many
at each step, until one core takes ten times the seconds of the GPU, or the next step would take
more than the case's share of the time. One core and all cores stand beside it, and the largest
difference of the results for new rows. `--dry` runs it with few rows on the CPU in the place of the
GPU, to see that it runs, and writes nothing.

    python benchmarks/gpu.py                 # about 5 minutes
    python benchmarks/gpu.py --cases "SteinPCA, 12 components" --seeds 1
    python benchmarks/gpu.py --sections sweep --minutes 8
    python benchmarks/gpu.py --sections sweep --minutes 2 --dry
"""

import argparse
import os
import platform
import time
import warnings

import numpy as np
import torch
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split
from threadpoolctl import threadpool_limits

from sksubspace import (
    MEDAL,
    TLDR,
    Autoencoder,
    LeastVolumeAutoencoder,
    PredictiveSparseCoding,
    SparseAutoencoder,
    SteinPCA,
)
from sksubspace.cluster import (
    ElasticNetSubspaceClustering,
    LeastSquaresSubspaceClustering,
    ManifoldLinearizingClustering,
    SparseSubspaceClusteringOMP,
    ThresholdedSubspaceClustering,
)
from sksubspace.neighbors import nearest_neighbors

# `_common` keeps other benchmarks to one thread, and is imported once the libraries have theirs
NAME = "gpu"
THREADS = len(os.sched_getaffinity(0))  # those that the process may use
_WIDE = {"hidden_layer_sizes": (2048, 1024), "batch_size": 1024, "max_iter": 10}
CASES = {
    "MEDAL of PCA, mlp": lambda **p: MEDAL(PCA(10), encoder="mlp", decoder="mlp", **p),
    "TLDR, mlp": lambda **p: TLDR(32, encoder="mlp", **p),
    "SteinPCA, 12 components": lambda **p: SteinPCA(12, **p),
    "Autoencoder": lambda **p: Autoencoder(16, max_iter=40, **p),
    "Autoencoder, wide": lambda **p: Autoencoder(16, **_WIDE, **p),
    "Autoencoder, wide, autocast": lambda **p: Autoencoder(16, autocast=True, **_WIDE, **p),
    "LeastVolumeAutoencoder": lambda **p: LeastVolumeAutoencoder(max_iter=40, **p),
    "SparseAutoencoder, 2048 units": lambda **p: SparseAutoencoder(2048, max_iter=20, **p),
    "PredictiveSparseCoding, 512 atoms": lambda **p: PredictiveSparseCoding(512, max_iter=10, **p),
    "SparseSubspaceClusteringOMP": lambda **p: SparseSubspaceClusteringOMP(10, **p),
    "ElasticNetSubspaceClustering": lambda **p: ElasticNetSubspaceClustering(10, **p),
    "LeastSquaresSubspaceClustering": lambda **p: LeastSquaresSubspaceClustering(10, **p),
    "ThresholdedSubspaceClustering": lambda **p: ThresholdedSubspaceClustering(10, **p),
    "ManifoldLinearizingClustering": lambda **p: ManifoldLinearizingClustering(10, **p),
}
CLUSTERS_ROWS = 4000


class Neighbors:
    """The exact search, in the form of an estimator."""

    def __init__(self, device, random_state):
        self.device = None if device == "cpu" else device  # as numpy has it, or torch

    def fit(self, X):
        """Search the ten nearest of every row."""
        self.X, self.distances = (
            X,
            nearest_neighbors(X, 10, metric="euclidean", method="exact", device=self.device)[0],
        )
        return self

    def transform(self, X):
        """Distances of the first rows: those of new rows would be another search."""
        return self.distances[:N_NEW]


# what is swept: it has so many landmarks, units or neighbours whatever the number of rows
SWEPT = {
    "nearest_neighbors": Neighbors,
    "LeastSquaresSubspaceClustering": lambda **p: LeastSquaresSubspaceClustering(
        10, n_landmarks=1000, **p
    ),
    "ThresholdedSubspaceClustering": lambda **p: ThresholdedSubspaceClustering(
        10, n_landmarks=1000, **p
    ),
    "SparseSubspaceClusteringOMP": lambda **p: SparseSubspaceClusteringOMP(
        10, n_landmarks=1000, n_landmark_draws=1, **p
    ),
    "ElasticNetSubspaceClustering": lambda **p: ElasticNetSubspaceClustering(
        10, n_landmarks=1000, n_landmark_draws=1, **p
    ),
    "Autoencoder, wide": lambda **p: Autoencoder(16, **_WIDE | {"max_iter": 2}, **p),
}
SIZES = (4_000, 16_000, 64_000, 256_000, 1_024_000)
DRY_SIZES = (1_200, 2_500)
PAYS, N_NEW, N_SWEPT_COLUMNS = 10, 500, 128


def swept_rows(n):  # -> (n, 128) float32
    """Rows near ten subspaces of six dimensions."""
    rng = np.random.RandomState(0)
    bases = rng.randn(10, 6, N_SWEPT_COLUMNS) / np.sqrt(6)
    X = np.einsum("nr,nrd->nd", rng.randn(n, 6), bases[rng.randint(10, size=n)], optimize=True)
    return (X + 0.2 * rng.randn(n, N_SWEPT_COLUMNS)).astype(np.float32)


def clocked(make, X, new, device, threads):
    """Seconds by the clock of a fit on a device, and what it makes of new rows."""
    torch.set_num_threads(threads)
    with threadpool_limits(threads):  # of numpy, beside torch
        start = time.perf_counter()
        model = make(device=device, random_state=0).fit(X)
        return time.perf_counter() - start, model.transform(new)


def sweep(device, sizes, minutes, write):
    """A line for each case and size, until the GPU pays or the time of the case is over."""
    from _common import print_table, write_csv

    end, lines = time.perf_counter() + 60 * minutes, []
    for number, (name, make) in enumerate(SWEPT.items()):
        start, growth = time.perf_counter(), 16 if make is Neighbors else 4
        case_end = start + (end - start) / (len(SWEPT) - number)
        clocked(make, swept_rows(sizes[0]), swept_rows(N_NEW), device, THREADS)  # starts the device
        for n in sizes:
            before = time.perf_counter()
            lines.append({"case": name, "rows": n} | compared(make, n, device))
            print_table(lines[-1:])
            if write:
                write_csv("gpu_sweep.csv", lines)
            now = time.perf_counter()
            pays = lines[-1]["one core / GPU"] >= PAYS
            if pays or now + growth * (now - before) > case_end:
                break
    print_table(lines)


def compared(make, n, device):  # -> dict
    """Seconds of a device, of one core and of all cores, and how far the results are apart."""
    X, new = swept_rows(n), swept_rows(n + N_NEW)[n:]
    fast, on_device = clocked(make, X, new, device, THREADS)
    core, on_core = clocked(make, X, new, "cpu", 1)
    cores, _ = clocked(make, X, new, "cpu", THREADS)
    return {
        "GPU s": round(fast, 2),
        "one core / GPU": round(core / fast, 1),
        f"{THREADS} cores / GPU": round(cores / fast, 1),
        "largest difference": float(np.abs(on_device - on_core).max()),
    }


def rows(name, seed):
    """Rows to fit on and rows to score: 7,000 of MNIST and 3,000 others, fewer for clusters."""
    with np.load(os.path.join(os.environ["SKSUBSPACE_DATA"], "mnist_test.npz")) as file:
        X = (file["X"] / 255).astype(np.float32)
    X_train, X_test = train_test_split(X, test_size=0.3, random_state=seed)
    return (X_train[:CLUSTERS_ROWS] if "Clustering" in name else X_train), X_test


def measured(name, device, seed):
    """Seconds of the second fit, the held-out score, and the device's peak memory in GiB."""
    X_train, X_test = rows(name, seed)
    for _ in range(2):
        if device == "cuda":
            torch.cuda.reset_peak_memory_stats()
        start = time.perf_counter()
        model = CASES[name](device=device, random_state=seed).fit(X_train)
        seconds = time.perf_counter() - start
    peak = torch.cuda.max_memory_allocated() / 2**30 if device == "cuda" else 0.0
    return seconds, model.score(X_test), peak


def compare(name, seeds):
    from _common import short

    found = [(measured(name, "cpu", seed), measured(name, "cuda", seed)) for seed in seeds]
    ratios = [cpu[0] / gpu[0] for cpu, gpu in found]
    gaps = [gpu[1] - cpu[1] for cpu, gpu in found]
    return {
        "case": name,
        "CPU s": short(np.mean([cpu[0] for cpu, _ in found])),
        "GPU s": short(np.mean([gpu[0] for _, gpu in found])),
        "CPU / GPU": f"{np.mean(ratios):.1f}" + _spread(ratios),
        "score": f"{np.mean([cpu[1] for cpu, _ in found]):.4f}",
        "gap": f"{max(gaps, key=abs):+.4f}",
        "GiB": short(max(gpu[2] for _, gpu in found)),
        "seeds": len(found),
    }


def _spread(values):
    """Smallest and largest of several values."""
    return f" ({min(values):.1f} to {max(values):.1f})" if len(values) > 1 else ""


TEXT = """Made by `python benchmarks/gpu.py`, which says what is measured, on one {gpu} beside
{threads} CPU cores, torch {torch}, Python {python}. MNIST (7,000 x 784 float32; 4,000 rows for the
clusterings), all parameters but the ones of the script are the defaults."""


def replace_row(row):
    """Put a row in the place of its old one, and write all."""
    from _common import read_csv, write_page

    rows = {old["case"]: old for old in read_csv(f"{NAME}.csv")} | {row["case"]: row}
    text = TEXT.format(
        gpu=torch.cuda.get_device_name(),
        threads=THREADS,
        torch=torch.__version__,
        python=platform.python_version(),
    )
    table = [rows[name] for name in CASES if name in rows]
    write_page(NAME, "Estimators on a GPU", text, table)


def main():
    from _common import print_table

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", nargs="*", default=list(CASES), choices=list(CASES))
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--sections", nargs="*", default=["cases"], choices=["cases", "sweep"])
    parser.add_argument("--minutes", type=float, default=8, help="of the sweep, at most")
    parser.add_argument("--dry", action="store_true", help="the sweep without a GPU, of few rows")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    if options.dry:
        sweep(torch.device("cpu"), DRY_SIZES, options.minutes, write=False)
        return
    if not torch.cuda.is_available() or "SKSUBSPACE_DATA" not in os.environ:
        print("This benchmark needs a CUDA device and SKSUBSPACE_DATA; nothing was run.")
        return
    torch.set_num_threads(THREADS)
    if "sweep" in options.sections:
        sweep("cuda", SIZES, options.minutes, write=True)
        torch.set_num_threads(THREADS)
    for name in options.cases if "cases" in options.sections else ():
        row = compare(name, range(options.seeds))
        print_table([row])
        replace_row(row)


if __name__ == "__main__":
    main()
