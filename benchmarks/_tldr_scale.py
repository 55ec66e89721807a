"""TLDR on files of ten thousand to a million rows, each fit in a process of its own.

The rows are near the curved images of 50 clusters of 16 latent coordinates, with noise, and have
length 1. They are written block by block to a file that is read as a memory map. The peak is that
of the resident memory of the whole process, so it contains the parts of the file that were read.

    python benchmarks/_tldr_scale.py FILE --case linear     # one fit; prints what was measured
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from _common import cpu_seconds, one_thread, read_csv, result_row, write_csv
from sklearn.decomposition import PCA
from sklearn.preprocessing import normalize

from sksubspace import TLDR
from sksubspace.metrics import retrieval_map
from sksubspace.neighbors import k_nearest

TABLE = "tldr_scale.csv"
SIZES = (10_000, 30_000, 100_000, 300_000, 1_000_000)
N_FEATURES, N_LATENT, N_CLUSTERS, N_HELD_OUT = 256, 16, 50, 10_000
ASKED_GIB = 6
BLOCK_ROWS = 10_000
CASES = {
    "PCA": lambda: PCA(32, svd_solver="covariance_eigh"),
    "default": lambda: TLDR(n_anchors=0.1, random_state=0),
    "Fourier": lambda: TLDR(encoder="fourier", n_anchors=0.1, random_state=0),
    "linear": lambda: TLDR(encoder="linear", n_anchors=0.1, random_state=0),
    "linear, exact search": lambda: TLDR(
        encoder="linear", n_anchors=0.1, search="exact", random_state=0
    ),
    "linear, approximate search": lambda: TLDR(
        encoder="linear", n_anchors=0.1, search="approximate", random_state=0
    ),
}
SEARCHES = ("linear, exact search", "linear, approximate search")
SEARCHED_ROWS = 300_000


def make_block(number, n_rows=BLOCK_ROWS):  # -> (n, 256), (n,)
    """Rows and their clusters; the clusters are the same for every block."""
    shape = np.random.RandomState(0)
    centres = shape.standard_normal((N_CLUSTERS, N_LATENT))
    inside = shape.standard_normal((N_CLUSTERS, 4, N_LATENT)) / 2
    bend = shape.standard_normal((N_LATENT, 64)) / 2
    spread = shape.standard_normal((64, N_FEATURES)) / 8
    rng = np.random.RandomState(1 + number)
    cluster = rng.randint(N_CLUSTERS, size=n_rows)
    along = rng.standard_normal((n_rows, 1, 4))
    latent = centres[cluster] + (along @ inside[cluster])[:, 0]
    X = np.tanh(latent @ bend) @ spread + 0.5 * rng.standard_normal((n_rows, N_FEATURES))
    return normalize(X).astype(np.float32), cluster


def write_rows(path, n_rows):
    """Write rows to a file of numpy's format; a smaller file is the beginning of a larger one."""
    X = np.lib.format.open_memmap(path, "w+", np.float32, (n_rows, N_FEATURES))
    for start in range(0, n_rows, BLOCK_ROWS):
        block = make_block(start // BLOCK_ROWS)[0]
        X[start : start + BLOCK_ROWS] = block[: n_rows - start]
    X.flush()


def peak_gib():
    """Largest resident memory of this process so far; on Linux without that of its parent."""
    status = Path("/proc/self/status")
    if status.exists():
        fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return int(fields["VmHWM"].split()[0]) / 2**20
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**30


def leave_one_out_accuracy(Z, y, k=10):  # (n, q), (n,) -> float
    """Share of rows whose 10 nearest others by cosine have mostly their class."""
    unit = normalize(Z)
    votes = np.eye(y.max() + 1)[y[k_nearest(unit, unit, k, exclude_self=True)[1]]].sum(axis=1)
    return float((votes.argmax(axis=1) == y).mean())


def measure(path, case):
    """Fit in this process; CPU seconds, peaks in GiB, and the quality on held-out rows."""
    X = np.load(path, mmap_mode="r")
    baseline = peak_gib()
    model, fit_seconds = cpu_seconds(CASES[case]().fit, X)
    peak = peak_gib()
    _, transform_seconds = cpu_seconds(model.transform, X)
    held_out, y = make_block(10_000, N_HELD_OUT)
    Z = model.transform(held_out)
    return {
        "fit, CPU s": fit_seconds,
        "transform, CPU s": transform_seconds,
        "peak GiB": peak,
        "before, GiB": baseline,
        "mAP": 100 * retrieval_map(Z, y),
        "10-NN": 100 * leave_one_out_accuracy(Z, y),
    }


def measure_apart(path, case):
    command = [sys.executable, __file__, str(path), "--case", case]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


def scale(bench):
    """Time, memory and quality by number of rows, with a tenth of them as anchors."""
    for n_rows in bench.sizes:
        cases = [c for c in bench.cases if c not in SEARCHES or n_rows == SEARCHED_ROWS]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "rows.npy"
            write_rows(path, n_rows)
            for case in cases:
                _keep({"rows": n_rows, "case": case, **_rounded(measure_apart(path, case))})
    return acceptance(read_csv(TABLE))


def _rounded(measured):
    return {name: f"{value:.4g}" for name, value in measured.items()}


def _keep(line):
    """Put a line in the place of an old one of the same rows and case."""
    key = (str(line["rows"]), line["case"])
    lines = [old for old in read_csv(TABLE) if (old["rows"], old["case"]) != key]
    lines = sorted([*lines, line], key=lambda x: (int(x["rows"]), list(CASES).index(x["case"])))
    write_csv(TABLE, lines)
    print(line, file=sys.stderr, flush=True)


def acceptance(lines):
    """The peak at the largest size, and how fast time grows between sizes."""
    rows = []
    for case in ("default", "Fourier", "linear"):
        mine = [line for line in lines if line["case"] == case]
        for before, line in zip([None, *mine], mine, strict=False):
            rows += _of_size(case, line, before)
        if not any(int(line["rows"]) == SIZES[-1] for line in mine):
            asked = ("<=", ASKED_GIB)
            rows.append(result_row("scale", f"{SIZES[-1]:,}", f"{case}: peak GiB", [], asked))
    return rows


def _of_size(case, line, before):
    data, largest = f"{int(line['rows']):,}", int(line["rows"]) == SIZES[-1]
    asked = ("<=", ASKED_GIB) if largest else None
    rows = [result_row("scale", data, f"{case}: peak GiB", [line["peak GiB"]], asked)]
    rows += [
        result_row("scale", data, f"{case}: {what}", [line[what]])
        for what in ("fit, CPU s", "transform, CPU s", "mAP", "10-NN")
    ]
    if before is not None:
        seconds, n_rows = (
            np.log(float(line[what]) / float(before[what])) for what in ("fit, CPU s", "rows")
        )
        rows.append(result_row("scale", data, f"{case}: exponent of time", [seconds / n_rows]))
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("path")
    parser.add_argument("--case", choices=list(CASES), required=True)
    options = parser.parse_args()
    with one_thread():
        print(json.dumps(measure(options.path, options.case)))


if __name__ == "__main__":
    main()
