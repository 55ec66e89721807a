"""How much of its weights a network uses, and what is lost without the rest.

A seed is a split of digits, and a network of two hidden layers trained on two thirds of them; the
directions are those of the training rows. The paper says that half of the weights are for nothing.
"""

import numpy as np
from _common import cpu_seconds, read_data, result_row
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

from sksubspace.metrics import compress_layers, utilized_rank

N_SEEDS, ENERGY, SIZES = 3, 0.99, (256, 128)
# the paper's half; a prototype of one network kept .55, with other outputs than those before the
# activation
HALF = 0.55


def use(options):
    """Ranks, weights kept and accuracy of the network with and without what it does not use."""
    found = [_one(seed) for seed in range(options.seeds or N_SEEDS)]
    rows = []
    for layer in range(len(SIZES) + 1):
        shares = [one["utilised"][layer] for one in found]
        rows.append(
            result_row("use", "digits", f"rank over the smaller side, layer {layer}", shares)
        )
    kept = [one["kept"] for one in found]
    lost = [one["full"] - one["small"] for one in found]
    return [
        *rows,
        result_row("use", "digits", "share of the weights that is kept", kept, ("<=", HALF)),
        result_row("use", "digits", "held-out accuracy lost", lost, ("<=", 0.01)),
        result_row("use", "digits", "CPU s of `utilized_rank`", [one["seconds"] for one in found],
                   ("<=", 2)),
    ]  # fmt: skip


def _one(seed):
    X, y, _ = read_data("digits")
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=1 / 3, random_state=seed)
    mlp = MLPClassifier(SIZES, random_state=seed).fit(X_train, y_train)
    ranks, seconds = cpu_seconds(utilized_rank, mlp, X_train, energy=ENERGY)
    small = compress_layers(mlp, X_train, energy=ENERGY)
    return {
        "utilised": ranks / np.array([min(W.shape) for W in mlp.coefs_]),
        "kept": sum(W.size for W in small.coefs_) / sum(W.size for W in mlp.coefs_),
        "full": mlp.score(X_test, y_test),
        "small": small.score(X_test, y_test),
        "seconds": seconds,
    }
