import subprocess
import sys

CALLS = """
import sys
import numpy as np
from sksubspace import metrics, neighbors
assert "torch" not in sys.modules, "torch was imported with the metrics"

X = np.random.RandomState(0).randn(2100, 17)
Z, y = X[:, :2], (X[:, 0] > 0).astype(int)
neighbors.k_nearest(X, X, 3)
neighbors.nearest_neighbors(X, 3)
few = X[:90], Z[:90]
for score in ("trustworthiness", "continuity", "q_nx", "auc_q_nx", "normalized_stress",
              "distance_correlation"):
    getattr(metrics, score)(*few)
metrics.neighborhood_hit(Z, y)
metrics.retrieval_map(X, y, k=3)
metrics.clustering_accuracy(y, y)
metrics.coding_rate(X)
metrics.subspace_affinity(X[:2], X[2:5])
torn = np.sign(X[:120, :2]) + 0.1 * X[:120, :2]
metrics.embedding_score(X[:120], torn, groups=np.arange(120) // 3)
assert "torch" not in sys.modules, "torch was imported"
"""


def test_metrics_and_neighbors_import_no_torch():
    done = subprocess.run([sys.executable, "-c", CALLS], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
