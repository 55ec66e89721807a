"""Peak memory of distilling 100,000 x 50 float32, each encoder in a process of its own.

The data are ten clusters on a curved surface of four latent coordinates, with noise. The embedding
is the first two latent coordinates, warped; the teacher is not what is measured. The baseline is
the peak after the imports and with the data in memory.

    python benchmarks/medal_memory.py
"""

import argparse
import json
import resource
import subprocess
import sys
import time

import numpy as np
from _common import one_thread, print_table, write_page

from sksubspace import MEDAL

N_SAMPLES, N_FEATURES, N_LATENT, N_CLUSTERS = 100_000, 50, 4, 10
ASKED_GIB = 4
CASES = {
    "mlp, exact=None": {"encoder": "mlp", "exact": None},
    "local": {"encoder": "local"},
    "auto": {"encoder": "auto"},
}


def make_problem(n_samples):  # -> (n, 50), (n, 2), float32
    rng = np.random.RandomState(0)
    cluster = rng.randint(N_CLUSTERS, size=n_samples)
    latent = 2 * rng.standard_normal((N_CLUSTERS, N_LATENT))[cluster]
    latent += 0.4 * rng.standard_normal((n_samples, N_LATENT))
    curved = np.tanh(latent @ rng.standard_normal((N_LATENT, 32)) / 2)
    X = curved @ rng.standard_normal((32, N_FEATURES))
    X += 0.1 * rng.standard_normal(X.shape)
    Z = np.column_stack([latent[:, 0] + 0.2 * latent[:, 1] ** 2, np.sinh(latent[:, 1] / 2)])
    return X.astype(np.float32), Z.astype(np.float32)


def peak_gib():
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**30


def measure(case, n_samples):
    """Distil in this process; returns peaks in GiB and CPU seconds."""
    X, Z = make_problem(n_samples)
    baseline, start = peak_gib(), time.process_time()
    medal = MEDAL("precomputed", random_state=0, **CASES[case]).fit(X, embedding=Z)
    seconds, fitted = time.process_time() - start, peak_gib()
    medal.transform(X)
    return {"baseline": baseline, "fit": fitted, "transform": peak_gib(), "cpu_s": seconds}


def measure_apart(case, n_samples):
    command = [sys.executable, __file__, "--case", case, "--rows", str(n_samples)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    measured = json.loads(done.stdout)
    return {
        "encoder": case,
        "baseline GiB": f"{measured['baseline']:.2f}",
        "asked": f"< {ASKED_GIB} GiB",
        "peak of fit, GiB": f"{measured['fit']:.2f}",
        "met": "yes" if measured["fit"] < ASKED_GIB else "no",
        "with transform of all rows, GiB": f"{measured['transform']:.2f}",
        "CPU s of fit": f"{measured['cpu_s']:.0f}",
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=N_SAMPLES)
    parser.add_argument("--case", choices=list(CASES), help="measure one case in this process")
    options = parser.parse_args()
    if options.case is not None:
        with one_thread():
            print(json.dumps(measure(options.case, options.rows)))
        return
    rows = [measure_apart(case, options.rows) for case in CASES]
    text = (
        f"{options.rows:,} x {N_FEATURES} float32, synthetic clusters on a curved surface, with a "
        "precomputed embedding of two\ndimensions; ridge decoder; each encoder in a process of its "
        "own, one thread. Peaks are those of the resident\nmemory of the whole process. Made by "
        "`python benchmarks/medal_memory.py`."
    )
    write_page("medal_memory", "Memory of a distillation", text, rows)
    print_table(rows)


if __name__ == "__main__":
    main()
