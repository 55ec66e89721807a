"""Rows in files, fitted by two worker processes on dask: the same numbers, memory and growth.

`equal` fits the same rows in memory and from blocks. `growth` writes float32 rows to .npy files of
250,000 rows each, fits there and places the rows: CPU seconds and the highest memory of each
worker, and how the seconds grow with the number of rows.

    python benchmarks/many_machines.py --sections equal
    python benchmarks/many_machines.py --sections marks
    python benchmarks/many_machines.py --sections growth --rows 1000000 10000000 --folder DIR
"""

import argparse
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
from _common import print_table, read_csv, result_row, write_csv, write_page
from sklearn.decomposition import PCA

from sksubspace import TLDR, SteinSubspace
from sksubspace.cluster import (
    KSubspaces,
    LeastSquaresSubspaceClustering,
    MixtureOfLowRankGaussians,
    MultilayerGraphClustering,
)
from sksubspace.erasure import ConceptEraser
from sksubspace.metrics import embedding_reliability
from sksubspace.metrics._marks import _blocks, _of_rows

N_COLUMNS, IN_A_FILE, N_CLUSTERS, DIM = 50, 250_000, 5, 5
LANDMARKS = {"n_landmarks": 500, "n_coefficients": 10}
COMMON = {"n_clusters": N_CLUSTERS, "random_state": 0}
CASES = {
    "ConceptEraser": lambda: ConceptEraser(),
    "SteinSubspace, order 1": lambda: SteinSubspace(5),
    "SteinSubspace, both orders": lambda: SteinSubspace(5, order="both"),
    "KSubspaces": lambda: KSubspaces(subspace_dim=DIM, **COMMON),
    "MixtureOfLowRankGaussians": lambda: MixtureOfLowRankGaussians(
        rank=DIM, init_params="ensemble", **COMMON
    ),
    "LeastSquaresSubspaceClustering": lambda: LeastSquaresSubspaceClustering(**LANDMARKS, **COMMON),
    "MultilayerGraphClustering, two views": lambda: MultilayerGraphClustering(
        views=[slice(0, 25), slice(25, 50)], n_landmarks=500, **COMMON
    ),
    "TLDR, linear, 2,000 anchors": lambda: TLDR(
        8, encoder="linear", n_anchors=2_000, mutual=False, random_state=0
    ),
}
TEXT = """Made by `python benchmarks/many_machines.py`: two worker processes of one thread each, on
one machine, with rows in files of 250,000. `equal` is the largest difference of placed rows, and 1
where a label differs, between a fit in memory and one from blocks; `growth` are CPU seconds and the
highest resident memory of a worker, libraries included; `marks` are largest differences of
p-values, tears and overlaps, and 1 where a mark differs, on a map in which a twentieth of the rows
have the place of another, where 1,000 rows are drawn in the place of 10,000. `n` is the number of
workers where there are values of each."""
ASKED_GIB, ASKED_EQUAL, ASKED_EXPONENT = 3, 1e-10, 1.1


def rows_of_file(number, n=IN_A_FILE):  # -> (n, 50) float32, (n,)
    """Rows near five subspaces of five dimensions, and which."""
    bases = np.random.RandomState(0).randn(N_CLUSTERS, DIM, N_COLUMNS) / np.sqrt(DIM)
    rng = np.random.RandomState(1 + number)
    y = rng.randint(N_CLUSTERS, size=n)
    X = np.einsum("nr,nrd->nd", rng.randn(n, DIM), bases[y], optimize=True)
    return (X + 0.3 * rng.randn(n, N_COLUMNS)).astype(np.float32), y


def equal(options):
    """Largest difference of what a fit to blocks finds from the fit in memory."""
    import dask.array as da

    X, y = rows_of_file(0, 4_000)
    X, rows = X.astype(np.float64), []
    new = rows_of_file(1, 500)[0].astype(np.float64)
    with workers():
        for name in options.cases or CASES:
            make = CASES[name]
            whole = make().fit(X, y)
            for n_blocks in (1, 2, 4):
                blocks = da.from_array(X, chunks=(-(-len(X) // n_blocks), X.shape[1]))
                found = make().fit(blocks, y)
                differ = [np.abs(found.transform(new) - whole.transform(new)).max()]
                if hasattr(whole, "labels_"):
                    differ.append(float((found.labels_ != whole.labels_).any()))
                what = f"largest difference, {n_blocks} blocks, 2 workers"
                rows.append(result_row("equal", name, what, [max(differ)], ("<=", ASKED_EQUAL)))
    return rows


MARKS, DRAWN = "embedding_reliability", 1_000


def marks(options):
    """Marks of rows in blocks against those in memory, and which of exchanged rows are found."""
    _blocks.MAX_SAMPLES = _of_rows.MAX_SAMPLES = DRAWN  # in memory, neighbours are among as many
    rows = []
    with workers():
        for n in (DRAWN, 6 * DRAWN):
            X, Z, moved = map_of_rows(n)
            whole = embedding_reliability(X, Z)
            of_blocks = {k: marks_of_blocks(X, Z, k) for k in (1, 2, 4)}
            for k, found in of_blocks.items():
                other, against = (whole, "") if n <= DRAWN else (of_blocks[1], " from one block")
                what = f"{n:,} rows: largest difference{against}, {k} blocks, 2 workers"
                asked = "<=", ASKED_EQUAL
                rows.append(result_row("marks", MARKS, what, [difference(found, other)], asked))
    again = embedding_reliability(X, Z, random_state=1)
    for which, one in {"in blocks": found, "in memory with another seed": again}.items():
        what = f"{n:,} rows {which}: share marked as in memory"
        rows.append(result_row("marks", MARKS, what, [(one.mark == whole.mark).mean()]))
    for where, one in {"in blocks": found, "in memory": whole}.items():
        for which, chosen in {"exchanged": moved, "other": ~moved}.items():
            what = f"{n:,} rows {where}: share of {which} rows that are misplaced"
            rows.append(result_row("marks", MARKS, what, [one.misplaced[chosen].mean()]))
    return rows


def map_of_rows(n):  # -> (n, 50), (n, 2), (n,)
    """Rows, a map of their clusters side by side, and which rows have another one's place."""
    X, y = rows_of_file(0, n)
    X, Z = X.astype(np.float64), np.empty((n, 2))
    for k in range(N_CLUSTERS):
        Z[y == k] = PCA(2, random_state=0).fit_transform(X[y == k]) + np.array([12 * k, 0])
    moved = np.random.RandomState(0).choice(n, n // 20, replace=False)
    Z[moved] = Z[np.roll(moved, 1)]
    return X, Z, np.isin(np.arange(n), moved)


def marks_of_blocks(X, Z, n_blocks):
    import dask.array as da

    rows = -(-len(X) // n_blocks)
    blocks = (da.from_array(one, chunks=(rows, one.shape[1])) for one in (X, Z))
    return embedding_reliability(*blocks).compute()


def difference(found, whole):
    """Largest difference of what rows are marked by, and 1 where a mark differs."""
    values = [
        np.abs(getattr(found, name) - getattr(whole, name)).max()
        for name in ("p_value", "tear", "overlap")
    ]
    return max(*values, float((found.mark != whole.mark).any()))


def growth(options):
    """CPU seconds and memory of two workers, by the number of rows in files."""
    rows = []
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        for number in range(max(options.rows) // IN_A_FILE):
            X, y = rows_of_file(number)
            np.save(Path(folder) / f"X{number}.npy", X)
            np.save(Path(folder) / f"y{number}.npy", y)
        for name in options.cases or CASES:
            seconds = {}
            for n in options.rows:
                seconds[n], found = fit_files(name, n, folder)
                rows += found
            rows += exponents(name, seconds)
            keep(rows)
    return rows


def exponents(name, seconds):
    if len(seconds) < 2:
        return []
    (first, before), (last, after) = sorted(seconds.items())[:: len(seconds) - 1]
    exponent = np.log(after / before) / np.log(last / first)
    what = f"exponent of the CPU seconds of a fit, {first:,} to {last:,} rows"
    return [result_row("growth", name, what, [exponent], ("<=", ASKED_EXPONENT))]


def fit_files(name, n, folder):  # -> CPU seconds, rows of the table
    """Fit to files in two workers, then place all rows."""
    data = f"{n:,} x {N_COLUMNS}, {name}"
    y = np.concatenate([np.load(Path(folder) / f"y{i}.npy") for i in range(n // IN_A_FILE)])
    with workers() as client:
        X = rows_in_files(n, folder)
        before, here = client.run(cpu_seconds), time.process_time()
        model = CASES[name]().fit(X, y)
        fitted, passes = client.run(cpu_seconds), sum(client.run(n_read).values())
        here = time.process_time() - here
        placed = int(
            (model.transform(X).sum(axis=1) > 0).sum().compute()
        )  # so that none comes here
        after, peaks = client.run(cpu_seconds), client.run(peak_gib)
    each = [fitted[worker] - before[worker] for worker in before]
    rows = [
        result_row("growth", data, "CPU s of a fit, each worker", each),
        result_row("growth", data, "CPU s of a fit, where it was called", [here]),
        result_row("growth", data, "passes over the rows of a fit", [passes / (n // IN_A_FILE)]),
        result_row("growth", data, "CPU s of placing all rows, both workers",
                   [sum(after.values()) - sum(fitted.values())]),
        result_row("growth", data, "highest memory of a worker, GiB", list(peaks.values()),
                   ("<=", ASKED_GIB)),
    ]  # fmt: skip
    assert 0 < placed <= n
    return sum(each) + here, rows


def rows_in_files(n, folder):
    """A dask array of the first files."""
    import dask.array as da
    from dask import delayed

    blocks = [
        da.from_delayed(
            delayed(load)(str(Path(folder) / f"X{number}.npy")), (IN_A_FILE, N_COLUMNS),
            np.float32,
        )
        for number in range(n // IN_A_FILE)
    ]  # fmt: skip
    return da.concatenate(blocks)


def load(path):  # -> (n, 50)
    """Read a file; the worker counts how many."""
    from distributed import get_worker

    worker = get_worker()
    worker.n_read = n_read(worker) + 1
    return np.load(path)


def n_read(dask_worker):
    """Files that a worker has read."""
    return getattr(dask_worker, "n_read", 0)


class workers:
    """A client of two worker processes of one thread."""

    def __enter__(self):
        from distributed import Client, LocalCluster

        self.cluster = LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None,
            memory_limit="4GiB", silence_logs=50,
        )  # fmt: skip
        self.client = Client(self.cluster)
        return self.client

    def __exit__(self, *exception):
        self.client.close()
        self.cluster.close()


def cpu_seconds():
    """Of the process, with all of its threads."""
    return time.process_time()


def peak_gib():
    """Highest resident memory of the process so far."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 2**20


def keep(found):
    """Write rows in the place of those of the same name."""
    new = {identity(row) for row in found}
    rows = [*(row for row in read_csv("many_machines.csv") if identity(row) not in new), *found]
    write_csv("many_machines.csv", rows)
    write_page("many_machines", "Two worker processes: asked and reached", TEXT, rows)


def identity(row):
    return row["section"], row["data"], row["what"]


SECTIONS = {"equal": equal, "marks": marks, "growth": growth}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sections", nargs="*", default=[*SECTIONS], choices=[*SECTIONS])
    parser.add_argument("--rows", nargs="*", type=int, default=[1_000_000, 10_000_000])
    parser.add_argument("--cases", nargs="*", choices=[*CASES])
    parser.add_argument("--folder", help="where the files are written, of 2 GB")
    options = parser.parse_args()
    for section in options.sections:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Sending large graph")
            found = SECTIONS[section](options)
        print_table(found)
        keep(found)


if __name__ == "__main__":
    main()
