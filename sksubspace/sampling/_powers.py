"""Linear regression of least absolute powers, on the few rows that were drawn."""

import numpy as np

# of the largest residual: smaller ones are taken for that, or their weights would be infinite
_SMALLEST = 1e-7
_ROUNDS = 200
_SMALLEST_STEP = 1e-9


def least_powers(A, y, weights, p):  # (m, d), (m,), (m,) -> (d,)
    """Find b of the least sum_i w_i |y_i - a_i' b|^p, by least squares weighted anew.

    Weights are w |residual|^{p - 2}. Above p = 2 that is Newton's direction times p - 1, and each
    step is divided by it.
    """
    root = np.sqrt(weights)
    b = np.linalg.lstsq(A * root[:, None], y * root)[0]
    if p == 2:
        return b
    for _ in range(_ROUNDS):
        residual = np.abs(y - A @ b)
        largest = residual.max()
        if largest == 0:
            return b
        relative = np.maximum(residual / largest, _SMALLEST)
        root = np.sqrt(weights * relative ** (p - 2))
        step = np.linalg.lstsq(A * root[:, None], y * root)[0] - b
        b = b + step / max(p - 1, 1)
        if np.abs(A @ step).max() <= _SMALLEST_STEP * largest:
            break
    return b


def lines_of_few(A, Y, weights, p, fit_intercept):  # (m, d), (m, q), (m,) -> (d, q)
    """Coefficients of each target; the last column of A is the constant where there is one.

    Slopes are those of rows less their mean: where the rows are too few, the shortest do not depend
    on the origin.
    """
    origin = np.zeros(A.shape[1])
    if fit_intercept:
        origin[:-1] = weights @ A[:, :-1] / weights.sum()
    B = np.column_stack([least_powers(A - origin, y, weights, p) for y in Y.T])
    if fit_intercept:
        B[-1] -= origin @ B
    return B


def share_explained(A, Y, weights, coefficients, p):  # (n, d), (n, q), (n,), (d, q) -> float
    """Mean over targets of 1 - sum w |y - A b|^p / sum w |y - c|^p, c the best constant."""
    ones = np.ones((len(Y), 1))
    scores = []
    for y, b in zip(Y.T, coefficients.T, strict=True):
        missed = weights @ np.abs(y - A @ b) ** p
        total = weights @ np.abs(y - least_powers(ones, y, weights, p)) ** p
        scores.append(1 - missed / total if total > 0 else float(missed <= 0))
    return float(np.mean(scores))
