"""The comparison with and without its economies, each in a process of its own.

The full protocol: every teacher searches for neighbours itself, every fold is run, all rows rank.
"""

import json
import os
import subprocess
import sys

import numpy as np
from _common import read_data
from sklearn.decomposition import PCA

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# regret of a choice: its R2 by the full protocol less that of the choice of the full protocol
PROTOCOLS = {
    "full": {"own_search": True, "race": False},
    "shared neighbours": {"race": False},
    "and race": {},
    "openTSNE, and race": {"tsne": "opentsne"},
}
# with all that spares time; draws of rows go on from it
LAST = "openTSNE, and race"


def rows_of(data, n_rows, seed):  # -> (n, d) float32
    """Rows of a data set, drawn by the seed; more of MNIST than there are have noise."""
    if data == "MNIST x 50":
        X, _, _ = read_data("MNIST")
        rng = np.random.RandomState(seed)
        X = X[rng.choice(len(X), n_rows)] + 0.1 * rng.randn(n_rows, X.shape[1]).astype(np.float32)
        return PCA(50, random_state=0).fit_transform(X).astype(np.float32)
    X, _, _ = read_data(data)
    return X[np.random.RandomState(seed).permutation(len(X))[:n_rows]]


def run_protocol(data, n_rows, seed, folds=5, **options):
    """Compare in a process of its own; CPU seconds of the fits, scores, and who was chosen."""
    task = json.dumps({"data": data, "n_rows": n_rows, "seed": seed, "folds": folds, **options})
    env = {**os.environ, "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1", "PYTHONPATH": ROOT}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", __file__, task], env=env, check=True, text=True,
        stdout=subprocess.PIPE,
    )  # fmt: skip
    return json.loads(done.stdout.splitlines()[-1])


def first_umap(data, n_rows, shared):
    """CPU seconds of the first fit of UMAP in a process, its neighbours included."""
    return run_protocol(data, n_rows, 0, own_search=not shared, only="umap")["seconds"]


def _compare(task):
    import time

    from umap import UMAP

    from sksubspace import MEDAL
    from sksubspace.model_selection import compare_embeddings
    from sksubspace.model_selection._candidates import parse_candidates
    from sksubspace.model_selection._cost import Work

    class OwnSearch(UMAP):
        """UMAP that nobody hands neighbours to."""

    X = rows_of(task["data"], task["n_rows"], task["seed"])
    umap = OwnSearch() if task.get("own_search") else UMAP()
    candidates = {
        "PCA": "pca",
        "t-SNE": (task.get("tsne", "tsne"), {"perplexity": [10, 30, 100]}),
        "UMAP": (umap, {"n_neighbors": [5, 15, 50]}),
    }
    options = {
        "cv": task["folds"], "metrics": (), "random_state": task["seed"],
        "race": task.get("race", True), "max_rows": task.get("max_rows"),
        "student": MEDAL(keep_teacher=False),
    }  # fmt: skip
    if task.get("only"):
        candidates, options = {"UMAP": umap}, options | {"method": "loo", "controls": False}
    estimate = Work(
        parse_candidates(candidates), min(len(X), task.get("max_rows") or len(X)), len(X), 1,
        task["folds"],
    ).cpu_seconds  # fmt: skip
    start = time.process_time()
    if task.get("only"):
        from sksubspace._teachers import with_neighbors
        from sksubspace.neighbors import k_nearest

        if not task.get("own_search"):
            umap = with_neighbors(umap, *k_nearest(X, X, umap.n_neighbors - 1, exclude_self=True))
        umap.set_params(random_state=0).fit(X)
        return {"seconds": time.process_time() - start}
    result = compare_embeddings(X, candidates, **options)
    failed = [f"{row.name}: {row.error}" for row in result.results if row.error]
    if failed:  # such as by openTSNE where it is not installed: time would be spared by nothing
        raise RuntimeError("; ".join(failed))
    return {
        "seconds": time.process_time() - start,
        "estimate": estimate,
        "chosen": result.best_name_,
        "best": result.results[0].name,
        "tied": [row.name for row in result.results if row.tied],
        "scores": {row.name: row.score for row in result.results if row.role == "candidate"},
        "dropped": {row.name: row.dropped_after for row in result.results if row.dropped_after},
    }


if __name__ == "__main__":
    sys.stdout.write("\n" + json.dumps(_compare(json.loads(sys.argv[1]))) + "\n")
