"""Regressions on few rows: by volume, leverage, Lewis weights, and rows drawn alike.

Sets: diabetes, with the 14 products up to degree two of body mass index, blood pressure and the
fifth and third serum; USPS, 2,500 rows, a pixel in the middle from 20 principal components of all
pixels; breast cancer, the worst radius from the mean symmetry, the mean fractal dimension and the
ten standard errors. All have a column of ones. The excess of a draw is the loss of its regression
on all rows over the least loss, less 1; 5 times 100 draws for squares and 5
times 40 for absolute deviations, of whose means, medians and quantiles `n` counts the five.

Peers that draw rows: dppy draws from the process and fits nothing; pylspack (leverage scores) could
not be installed here; for Lewis weights no Python package was found.
"""

import os
from pathlib import Path

import numpy as np
from _common import cpu_seconds, has_data, result_row
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.decomposition import PCA
from sklearn.linear_model import QuantileRegressor
from sklearn.preprocessing import PolynomialFeatures, scale

from sksubspace.sampling import CoresetRegressor, RowSampler
from sksubspace.sampling._draw import draw_without_replacement, projection_rows

try:
    from dppy.finite_dpps import FiniteDPP
except ImportError:
    FiniteDPP = None

N_REPEATS, N_DRAWS, N_DRAWS_L1, USPS_ROWS = 5, 100, 40, 2_500
# rows drawn, and the design's mean and 95 % quantile for uniform, leverage (independent), volume
SQUARES = {
    "diabetes, d = 15": {22: None, 30: ((1.36, 3.6), (1.09, 2.6), (0.95, 2.0)), 60: None},
    "USPS, d = 21": {31: ((3.24, 9.7), (2.52, 5.8), (2.06, 4.4)),
                     42: ((1.23, 2.4), (1.21, 2.7), (0.94, 1.6)), 84: None},
    "breast cancer, d = 13": {19: ((7.50, 23), (3.43, 12), (2.31, 5.8)), 26: None,
                              52: ((0.98, 3.0), (0.40, 0.67), (0.32, 0.58))},
}  # fmt: skip
# rows drawn for absolute deviations: ten a column
DEVIATIONS = {"diabetes, d = 15": 150, "USPS, d = 21": 210, "breast cancer, d = 13": 130}
DRAWS = {
    "uniform": {"method": "uniform"},
    "leverage, independent": {"method": "leverage", "replace": True, "include_y": False},
    "leverage, once each": {"method": "leverage", "include_y": False},
    "leverage with y, once each": {"method": "leverage"},
    "volume": {"method": "volume"},
}
POWERS = ("uniform", "leverage", "root_leverage", "lewis", "sensitivity")
# one linear programme a row: minutes for more rows
MOST_SENSITIVITIES = 600


def table_of(name):  # -> (n, d), (n,) or None
    if name.startswith("diabetes"):
        X, y = load_diabetes(return_X_y=True)
        return PolynomialFeatures(2).fit_transform(scale(X[:, [2, 3, 8, 6]])), y
    if name.startswith("breast"):
        X = scale(load_breast_cancer().data)
        return np.column_stack([X[:, 8:20], np.ones(len(X))]), X[:, 20]
    if not has_data("USPS"):
        return None
    with np.load(Path(os.environ["SKSUBSPACE_DATA"]) / "usps.npz") as file:
        X = file["X_train"].astype(np.float64)
    X = X[np.random.RandomState(0).permutation(len(X))[:USPS_ROWS]]
    components = PCA(20, random_state=0).fit_transform(X)
    return np.column_stack([components, np.ones(len(X))]), X[:, 8 * 16 + 8]


def sampling(options):
    """Excess of least squares and of least absolute deviations on few rows, and what it costs."""
    rows = []
    for name in SQUARES:
        table = table_of(name)
        if table is None:
            rows.append(result_row("sampling", name, "volume", []))
            continue
        for m in SQUARES[name]:
            rows += squares_rows(name, *table, m, options.seeds or N_DRAWS)
        rows += deviation_rows(name, *table, DEVIATIONS[name], options.seeds or N_DRAWS_L1)
        far = scaled_rows(*table)
        what = f"{name}, 2 % of rows times 30"
        rows += deviation_rows(what, *far, DEVIATIONS[name], options.seeds or N_DRAWS_L1)
    return rows + process_rows() + cost_rows()


def squares_rows(name, A, y, m, n_draws):
    least = np.square(y - A @ np.linalg.lstsq(A, y)[0]).sum()
    found = {}
    for how, params in DRAWS.items():
        values = []
        for seed in range(N_REPEATS * n_draws):
            sampler = RowSampler(m, fit_intercept=False, random_state=seed, **params).fit(A, y)
            at, root = sampler.sample_indices_, np.sqrt(sampler.sample_weight_)
            b = np.linalg.lstsq(A[at] * root[:, None], y[at] * root)[0]
            values.append(np.square(y - A @ b).sum() / least - 1)
        found[how] = np.reshape(values, (N_REPEATS, n_draws))
    data, rows = f"{name}, m = {m}", []
    mean = {how: one.mean(axis=1) for how, one in found.items()}
    high = {how: np.quantile(one, 0.95, axis=1) for how, one in found.items()}
    for word, table in (("mean excess", mean), ("95 % of the excess", high)):
        rows += [result_row("sampling", data, f"{word}, {how}", one) for how, one in table.items()]
    for other in ("leverage, independent", "leverage, once each"):
        asked = m <= 2 * A.shape[1] and other == "leverage, independent"
        for word, table, bound in (("mean excess", mean, 0.9), ("95 % of the excess", high, 1)):
            what = f"{word}, volume over {other}"
            ratio = table["volume"] / table[other]
            rows.append(result_row("sampling", data, what, ratio, ("<=", bound) if asked else None))
    return rows + design_rows(data, found, SQUARES[name][m])


def design_rows(data, found, design):
    """How far the means are from the design's, whose columns of the sets were its own."""
    if design is None:
        return []
    rows = []
    names = ("uniform", "leverage, independent", "volume")
    for how, (mean, _) in zip(names, design, strict=True):
        ratio = np.mean(found[how]) / mean
        rows.append(result_row("sampling", data, f"mean excess over the design's, {how}", [ratio]))
    return rows


def scaled_rows(A, y):
    """2 % of the rows, with their target, times 30."""
    far = np.random.RandomState(0).permutation(len(A))[: len(A) // 50]
    A, y = A.copy(), y.copy()
    A[far] *= 30
    y[far] *= 30
    return A, y


def deviation_rows(data, A, y, m, n_draws):
    def fitted(A, y, weights=None):
        return QuantileRegressor(alpha=0, fit_intercept=False).fit(A, y, weights).coef_

    least = np.abs(y - A @ fitted(A, y)).sum()
    found = {}
    for method in POWERS:
        if method == "sensitivity" and len(A) > MOST_SENSITIVITIES:
            continue
        found[method] = deviations(A, y, m, method, n_draws, fitted, least)
    data, rows = f"{data}, m = {m}, p = 1", []
    median = {method: np.median(values, axis=1) for method, values in found.items()}
    high = {method: np.quantile(values, 0.95, axis=1) for method, values in found.items()}
    for word, table in (("median excess", median), ("95 % of the excess", high)):
        rows += [result_row("sampling", data, f"{word}, {how}", one) for how, one in table.items()]
    for other in ("uniform", "leverage"):
        ratio = median["lewis"] / median[other]
        claim = f"claim of the papers: median excess, lewis over {other}"
        rows.append(result_row("sampling", data, claim, ratio, ("<=", 1)))
    return rows


def deviations(A, y, m, method, n_draws, fitted, least):  # -> (N_REPEATS, n_draws)
    """Scores are computed once; draws differ by their seed."""
    sampler = RowSampler(m, p=1, method=method, fit_intercept=False, random_state=0)
    scores = sampler.fit(A, y).scores_
    values = []
    for seed in range(N_REPEATS * n_draws):
        at, weights = draw_without_replacement(scores, m, np.random.RandomState(seed))
        values.append(np.abs(y - A @ fitted(A[at], y[at], weights)).sum() / least - 1)
    return np.reshape(values, (N_REPEATS, n_draws))


def process_rows():
    """Time of a draw from the determinantal process, beside dppy."""
    if FiniteDPP is None:
        return [result_row("sampling", "2,000 x 20", "dppy is absent", [])]
    Q = np.linalg.qr(np.random.RandomState(0).randn(2_000, 20))[0]
    ratios = []
    for seed in range(5):
        theirs = FiniteDPP("correlation", projection=True, K_eig_dec=(np.ones(20), Q))
        random_state = np.random.RandomState(seed)
        _, seconds = cpu_seconds(theirs.sample_exact, mode="GS", random_state=random_state)
        _, own = cpu_seconds(projection_rows, Q, random_state)
        ratios.append(own / seconds)
    return [result_row("sampling", "2,000 x 20", "CPU time of a draw over dppy's", ratios)]


def cost_rows():
    """CPU seconds for a million rows, and what a long fit saves."""
    rng = np.random.RandomState(0)
    X = rng.standard_t(4, size=(1_000_000, 20))
    y = X.sum(axis=1) + rng.randn(len(X))
    rows = []
    for method, p in (("leverage", 2), ("lewis", 1), ("volume", 2), ("uniform", 2)):
        m = 40 if method == "volume" else 1_000
        sampler = RowSampler(m, p=p, method=method, random_state=0)
        _, seconds = cpu_seconds(sampler.fit, X, y)
        asked = ("<=", 10) if method in ("leverage", "lewis") else None
        what = f"CPU s, {method}, p = {p}"
        rows.append(result_row("sampling", "1,000,000 x 20", what, [seconds], asked))
    X, y = X[:10_000], y[:10_000] + rng.standard_t(2, size=10_000)
    whole, seconds = cpu_seconds(QuantileRegressor(alpha=0).fit, X, y)
    few = CoresetRegressor(QuantileRegressor(alpha=0), RowSampler(500, p=1, random_state=0))
    _, own = cpu_seconds(few.fit, X, y)
    excess = np.abs(y - few.predict(X)).sum() / np.abs(y - whole.predict(X)).sum() - 1
    data = "10,000 x 20, least absolute deviations on 500 rows"
    rows.append(result_row("sampling", data, "CPU time over that of all rows", [own / seconds]))
    rows.append(result_row("sampling", data, "excess", [excess]))
    return rows
