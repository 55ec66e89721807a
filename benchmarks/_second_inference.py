"""Regions of principal subspaces: how often they hold the true one, and what they cost.

A real population is a set's own rows; samples are drawn from them with replacement, so that the
true subspace is known. Coverage is the share of samples whose 95 % region holds it, with a standard
error of at most .02 for 200 samples and .01 for 500. "Angle" asks of the largest angle alone
whether it is below `angle_`, a percentile of resamples as it is usual elsewhere. No Python package
of such regions was found; R has some.
"""

import warnings
from functools import partial

import numpy as np
from _common import cpu_seconds, has_data, read_data, result_row
from scipy import stats
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.decomposition import PCA
from sklearn.preprocessing import scale

from sksubspace.inference import PrincipalSubspaceConfidence, principal_subspace_test

METHODS = ("bootstrap", "robust", "gaussian")
LEVEL, N_RESAMPLES = 0.95, 199
N_GAUSSIAN, N_REAL = 500, 200
# variances of Gaussian rows, of which the first two directions are asked about
VARIANCES = np.array([6, 4, 2.5, 1.6, 1.2, 1, 0.8, 0.6])


def principal_axes(X, q):  # (n, d), int -> (q, d)
    centred = X - X.mean(0)
    return np.linalg.eigh(centred.T @ centred)[1][:, ::-1][:, :q].T


def largest_angle(U, V):  # (q, d), (q, d) orthonormal -> degrees
    cosines = np.linalg.svd(U @ V.T, compute_uv=False)
    return np.degrees(np.arccos(np.clip(cosines.min(), 0, 1)))


def cells():  # (569, 30), ten measurements as means, errors and extremes
    return load_breast_cancer().data


# population: rows, dimension of the subspace, coverage that the bootstrap is asked for
POPULATIONS = {
    "breast cancer, 8 columns": (lambda: scale(cells()[:, :8]), 2, 0.9),
    "wine": (lambda: scale(load_wine().data), 2, 0.9),
    "USPS, 10 components": (
        lambda: PCA(10, random_state=0).fit_transform(read_data("USPS")[0].astype(float)),
        2,
        0.9,
    ),
    "digits, 12 components": (lambda: PCA(12).fit_transform(load_digits().data), 3, 0.82),
    # beyond what warnings allow: a gap of 1.18, and 9 rows for each degree of freedom
    "breast cancer, 8 columns as they are": (lambda: cells()[:, :8], 2, None),
    "breast cancer, 30 columns": (lambda: scale(cells()), 2, None),
}
SIZES = (200, 500, 1_000)


def p_value(X, true, seed, method):
    return principal_subspace_test(
        X, len(true), true, method=method, n_resamples=N_RESAMPLES, random_state=seed
    ).p_value


def region_of(X, q, seed):
    return PrincipalSubspaceConfidence(
        q, level=LEVEL, n_resamples=N_RESAMPLES, random_state=seed
    ).fit(X)


def coverage_row(data, what, covered, asked=None):
    """The share of samples, which `n` counts; single ones are not asked."""
    row = result_row("inference", data, what, [np.mean(covered)], asked)
    return row | {"n": len(covered), "min": "", "max": ""}


def inference(options):
    """Coverage, p-values, how the radius falls, and CPU time."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        share = 1 if options.seeds is None else options.seeds / 5
        return [*_gaussian(share), *_real(share), *_uniform(share), *_slopes(), *_cost()]


def covered_by(data, samples, true, asked):
    """Coverage of all methods and of the angle, radii, and where the next sample's subspace is."""
    rows = []
    regions = [region_of(X, len(true), s) for s, X in enumerate(samples)]
    for method in METHODS:
        if method == "bootstrap":
            covered = [region.contains(true) for region in regions]
        else:
            covered = [p_value(X, true, 0, method) > 1 - LEVEL for X in samples]
        rows.append(coverage_row(data, f"coverage: {method}", covered, asked.get(method)))
    angles = [region.angle_ for region in regions]
    held = [largest_angle(r.components_, true) <= r.angle_ for r in regions]
    following = zip(regions, regions[1:] + regions[:1], strict=True)
    apart = [largest_angle(a.components_, b.components_) / a.angle_ for a, b in following]
    return [
        *rows,
        coverage_row(data, "coverage: angle", held),
        result_row("inference", data, "angle_, degrees", angles),
        result_row("inference", data, "radius_, degrees", [r.radius_ for r in regions]),
        coverage_row(data, "next sample's subspace within angle_", np.array(apart) <= 1),
        coverage_row(data, "next sample's subspace within 1.41 angle_", np.array(apart) <= 2**0.5),
    ]


def _gaussian(share):
    rows, true = [], np.eye(len(VARIANCES))[:2]
    for n in (500, 5_000):
        samples = [drawn(n, seed) for seed in range(int(N_GAUSSIAN * share))]
        data = f"Gaussian, 8 columns, q = 2, gap 1.6, n = {n:,}"
        asked = dict.fromkeys(METHODS if n == 5_000 else ["bootstrap"], ("in", (0.92, 0.98)))
        rows += covered_by(data, samples, true, asked)
    return rows


def drawn(n, seed):
    return np.random.RandomState(seed).randn(n, len(VARIANCES)) * np.sqrt(VARIANCES)


def _real(share):
    rows = []
    for name, (make, q, bound) in POPULATIONS.items():
        if name.startswith("USPS") and not has_data("USPS"):
            rows.append(result_row("inference", name, "coverage: bootstrap", []))
            continue
        P = make()
        true = principal_axes(P, q)
        for n in SIZES if bound else (500,):
            samples = [
                P[np.random.RandomState(seed).randint(len(P), size=n)]
                for seed in range(int(N_REAL * share))
            ]
            data = f"{name}, q = {q}, n = {n:,}"
            rows += covered_by(data, samples, true, {"bootstrap": (">=", bound)} if bound else {})
        if name == "breast cancer, 8 columns":
            rows += _many(P, true, share)
    return rows


def _many(P, true, share):
    """Ten thousand rows, where only the covariance of Gaussian rows can be wrong."""
    data, n_samples = "breast cancer, 8 columns, q = 2, n = 10,000", int(N_REAL * share)
    found = {"robust": [], "gaussian": []}
    for seed in range(n_samples):
        X = P[np.random.RandomState(seed).randint(len(P), size=10_000)]
        for method, covered in found.items():
            covered.append(p_value(X, true, seed, method) > 1 - LEVEL)
    return [coverage_row(data, f"coverage: {m}", covered) for m, covered in found.items()]


def _uniform(share):
    """Kolmogorov-Smirnov p-values of the p-values of true subspaces."""
    rows, true = [], np.eye(len(VARIANCES))[:2]
    samples = [drawn(2_000, 10_000 + seed) for seed in range(int(N_GAUSSIAN * share))]
    data = "Gaussian, 8 columns, q = 2, gap 1.6, n = 2,000"
    for method in METHODS:
        p_values = [p_value(X, true, s, method) for s, X in enumerate(samples)]
        far = stats.kstest(p_values, "uniform").pvalue
        what = f"p-values are uniform, Kolmogorov-Smirnov p: {method}"
        row = result_row("inference", data, what, [far], (">=", 0.01))
        rows.append(row | {"n": len(p_values)})
    return rows


def _slopes():
    """Slopes of the log of mean radii; single ones scatter with the gaps of small samples."""
    sizes, rows = 500 * 2 ** np.arange(6), []
    for method, n_seeds in (("bootstrap", 10), ("robust", 40)):
        fit = partial(PrincipalSubspaceConfidence, 2, method=method, random_state=0)
        fits = [[fit().fit(drawn(n, 500 + s)) for n in sizes] for s in range(n_seeds)]
        for name in ("radius_", "angle_"):
            mean = np.mean([[getattr(one, name) for one in line] for line in fits], axis=0)
            what = f"slope of log mean {name} on log n, 500 to 16,000: {method}"
            slope = np.polyfit(np.log(sizes), np.log(mean), 1)[0]
            data, asked = "Gaussian, 8 columns, q = 2, gap 1.6", ("in", (-0.55, -0.45))
            rows.append(result_row("inference", data, what, [slope], asked) | {"n": n_seeds})
    return rows


def _cost():
    X = np.random.RandomState(0).randn(1_000, 30) * np.sqrt(
        np.r_[6, 5, 4, np.linspace(2.5, 0.5, 27)]
    )
    cpu_seconds(region_of, X, 3, 0)  # the first call pays for imports
    seconds = [cpu_seconds(region_of, X, 3, s)[1] for s in range(3)]
    test = [cpu_seconds(p_value, X, np.eye(30)[:3], s, "bootstrap")[1] for s in range(3)]
    data = "1,000 x 30, q = 3, 199 resamples"
    return [
        result_row("inference", data, "fit, CPU s", seconds, ("<=", 3)),
        result_row("inference", data, "test, CPU s", test, ("<=", 3)),
    ]
