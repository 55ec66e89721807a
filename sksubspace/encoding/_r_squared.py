"""R2 of what was predicted, of data or of coordinates."""

import numpy as np


def r_squared(squared_error, total):
    """1 - sum of squared errors / total sum of squares, and 0 where there is nothing to explain."""
    if total <= 0:
        return 1.0 if squared_error <= 0 else 0.0
    return float(1 - squared_error / total)


def match_r_squared(placed, target):  # (n, q), (n, q) -> float
    """R2 of coordinates against the teacher's, about the teacher's mean."""
    return r_squared(np.square(placed - target).sum(), np.square(target - target.mean(0)).sum())
