"""Matching two views of the same rows: ours beside what is done today.

A seed draws 500 candidates; principal components (200 at most) are those of all other rows, of each
view, the same for every method; anchors are drawn among the others. The rate is the share of
candidates whose own partner ranks first, the mean over both sides; by chance .002. What has
parameters tunes them on the anchors by five folds. Peers rank by the cosine of their variates.
"""

import os
from functools import partial
from pathlib import Path

import numpy as np
from _common import cpu_seconds, has_data, read_data, result_row
from scipy.linalg import orthogonal_procrustes
from sklearn.cross_decomposition import CCA, PLSCanonical
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import KFold
from sklearn.preprocessing import normalize

from sksubspace.alignment import SubspaceAligner
from sksubspace.alignment._likelihood import csls, own_rank_first

try:
    from cca_zoo.linear import RidgeCCA
except ImportError:
    RidgeCCA = None

N_CANDIDATES, N_PCS, N_SEEDS = 500, 200, 5
SHRINKAGES = np.logspace(-3.5, 1, 10)
DIMENSIONS = (5, 10, 20, 40, 60, 100, 200)
# what is asked of ours: set, anchors
ASKED = {
    ("USPS left/right", 1000): 0.50,
    ("MNIST top/bottom", 1000): 0.50,
    ("MNIST pixels/scattering", 300): 0.86,
}
PEER_ASKED = 1.3
CASES = [
    ("USPS left/right", 100),
    ("USPS left/right", 300),
    ("USPS left/right", 1000),
    ("MNIST top/bottom", 1000),
    ("MNIST pixels/scattering", 300),
    ("SMS words/characters", 100),
    ("SMS words/characters", 300),
    ("SMS first/second half", 2000),
]
OURS = "SubspaceAligner"


def views_of(name):  # -> (n, d_a), (n, d_b), or None without the data
    """Two views of all rows of a set."""
    kind = name.split()[0]
    if kind == "SMS":
        return _sms(name)
    if not has_data(kind):
        return None
    X = read_data(kind)[0].astype(np.float64)
    if name == "USPS left/right":
        images = X.reshape(-1, 16, 16)
        return images[:, :, :8].reshape(len(X), -1), images[:, :, 8:].reshape(len(X), -1)
    if name == "MNIST top/bottom":
        return X[:, :392], X[:, 392:]
    path = Path(os.environ["SKSUBSPACE_DATA"]) / "mnist_test_scattering500.npz"
    with np.load(path) as file:
        return X, file["X"].astype(np.float64)


def _sms(name):
    folder = os.environ.get("SKSUBSPACE_DATA")
    if folder is None or not (Path(folder) / "sms_spam.tsv").exists():
        return None
    lines = (Path(folder) / "sms_spam.tsv").read_text(encoding="utf8").splitlines()
    texts = sorted({line.split("\t", 1)[1] for line in lines if len(line.split()) > 12})
    if name == "SMS words/characters":
        words = TfidfVectorizer(min_df=3).fit_transform(texts)
        return words, TfidfVectorizer(analyzer="char", ngram_range=(2, 4), min_df=5).fit_transform(
            texts
        )
    halves = [(t.split()[: len(t.split()) // 2], t.split()[len(t.split()) // 2 :]) for t in texts]
    vectorizer = TfidfVectorizer(min_df=3).fit(texts)
    return [vectorizer.transform([" ".join(half[k]) for half in halves]) for k in range(2)]


def drawn(views, n_anchors, seed):  # -> anchors, candidates and fresh rows, each of both views
    """Principal components of rows that are no candidates; fresh are all but the anchors."""
    order = np.random.RandomState(seed).permutation(views[0].shape[0])
    candidates, others = order[:N_CANDIDATES], order[N_CANDIDATES:]
    anchors = others[:n_anchors]
    parts = []
    for X in views:
        q = min(N_PCS, X.shape[1])
        reducer = (
            TruncatedSVD(q, random_state=0) if hasattr(X, "toarray") else PCA(q, random_state=0)
        )
        reducer.fit(X[others])
        fresh = np.r_[candidates, others[n_anchors:]]
        parts.append([reducer.transform(X[rows]) for rows in (anchors, candidates, fresh)])
    return [part for both in zip(*parts, strict=True) for part in both]


def cosine(U, V):
    return normalize(U) @ normalize(V).T


def ours(A, B, A_new, B_new):
    d = A.shape[1]
    views = [slice(0, d), slice(d, d + B.shape[1])]
    model = SubspaceAligner(views, random_state=0).fit(np.hstack([A, B]))
    return model, model.match(A_new, B_new)


def by_variates(model, A, B, A_new, B_new):
    return None, cosine(*model.fit(A, B).transform(A_new, B_new))


def procrustes(A, B, A_new, B_new):
    q = min(A.shape[1], B.shape[1])
    mean_a, mean_b = A.mean(0), B.mean(0)
    R, _ = orthogonal_procrustes((A - mean_a)[:, :q], (B - mean_b)[:, :q])
    return None, cosine((A_new - mean_a)[:, :q] @ R, (B_new - mean_b)[:, :q])


def ridge(A, B, A_new, B_new):
    model = RidgeCV(np.logspace(-4, 4, 17)).fit(A, B)
    return None, cosine(model.predict(A_new) - B.mean(0), B_new - B.mean(0))


def tuned_ridge_cca(A, B, A_new, B_new):
    """RidgeCCA of cca_zoo by the match rate of five folds, over shrinkages and dimensions."""
    rates = {}
    for train, held in KFold(5, shuffle=True, random_state=0).split(A):
        for r in SHRINKAGES:
            U, V = _ridge_variates(A[train], B[train], A[held], B[held], r)
            for q in DIMENSIONS:
                if q <= U.shape[1]:
                    rate = own_rank_first(cosine(U[:, :q], V[:, :q]))
                    rates.setdefault((r, q), []).append(rate)
    r, q = max(rates, key=lambda key: np.mean(rates[key]))
    U, V = _ridge_variates(A, B, A_new, B_new, r)
    return None, cosine(U[:, :q], V[:, :q])


def _ridge_variates(A, B, A_new, B_new, r):
    """Views of unit mean variance, in which the shrinkage r / (1 + r) is our r."""
    q = min(A.shape[1], B.shape[1], len(A) - 1)
    units = [np.sqrt(view.var(axis=0).mean()) for view in (A, B)]
    model = RidgeCCA(q, shrinkage=r / (1 + r)).fit([A / units[0], B / units[1]])
    return model.transform([A_new / units[0], B_new / units[1]])


METHODS = {
    OURS: ours,
    "RidgeCCA (cca_zoo), tuned": tuned_ridge_cca,
    "CCA (scikit-learn), 20": partial(by_variates, CCA(20)),
    "PLSCanonical, 20": partial(by_variates, PLSCanonical(20)),
    "Procrustes": procrustes,
    "ridge, a to b": ridge,
}


def match_rates(name, n_anchors, views, seeds):
    """Rates of all methods with and without the correction for hubs, and our information."""
    found, told = {}, []
    for seed in range(seeds):
        *parts, A_fresh, B_fresh = drawn(views, n_anchors, seed)
        for method, match in METHODS.items():
            if RidgeCCA is None and "RidgeCCA" in method:
                continue
            if n_anchors <= 100 and "PLS" in method:
                continue
            (model, scores), seconds = cpu_seconds(match, *parts)
            values = own_rank_first(scores), own_rank_first(csls(scores, 10)), seconds
            found.setdefault(method, []).append(values)
            if model is not None:
                fresh = model.score(np.hstack([A_fresh, B_fresh]))
                told.append((model.information_, fresh))
    return {k: np.array(v) for k, v in found.items()}, np.array(told).reshape(-1, 2)


def alignment(options):
    """Match rates on real views."""
    rows = []
    for name, n_anchors in CASES:
        views, data = views_of(name), f"{name}, {n_anchors} anchors"
        seeds = min(N_SEEDS, options.seeds or N_SEEDS)
        found, told = (
            ({}, np.zeros((0, 2))) if views is None else match_rates(name, n_anchors, views, seeds)
        )
        for method in METHODS:
            values = found.get(method, np.zeros((0, 3)))
            asked = (
                (">=", ASKED[name, n_anchors])
                if (method == OURS and (name, n_anchors) in ASKED)
                else None
            )
            rows.append(result_row("alignment", data, f"{method}: match rate", values[:, 0], asked))
            if method in (OURS, "RidgeCCA (cca_zoo), tuned"):
                what = f"{method}: match rate, less hubs"
                rows.append(result_row("alignment", data, what, values[:, 1]))
        peer, mine = found.get("RidgeCCA (cca_zoo), tuned"), found.get(OURS)
        if peer is not None:
            asked = (">=", PEER_ASKED) if data == "USPS left/right, 1000 anchors" else None
            ratio = mine[:, 0] / np.maximum(peer[:, 0], 1e-9)
            rows.append(result_row("alignment", data, "rate over that of RidgeCCA", ratio, asked))
            ratio = mine[:, 2] / peer[:, 2]
            rows.append(result_row("alignment", data, "CPU time over that of RidgeCCA", ratio))
        rows.append(result_row("alignment", data, "information, out of fold", told[:, 0]))
        rows.append(result_row("alignment", data, "information, fresh rows", told[:, 1]))
        many = n_anchors >= 5 * N_PCS or data == "USPS left/right, 1000 anchors"
        gap, above = told[:, 0] / told[:, 1] - 1, told[:, 0] - told[:, 1]
        asked = (("in", (-0.15, 0.15)), ("<=", 0.1)) if many else (None, None)
        what = "information, out of fold over fresh rows, less 1"
        rows.append(result_row("alignment", data, what, gap, asked[0]))
        what = "information, out of fold less fresh rows, nats"
        rows.append(result_row("alignment", data, what, above, asked[1]))
    return [*rows, *shuffled(options)]


def shuffled(options):
    """Anchors whose partners are somebody else's: nothing may be found."""
    views, rates, told = views_of("USPS left/right"), [], []
    for seed in range(min(N_SEEDS, options.seeds or N_SEEDS)) if views is not None else ():
        A, B, A_new, B_new, *_ = drawn(views, 300, seed)
        model, scores = ours(A, B[np.random.RandomState(seed).permutation(300)], A_new, B_new)
        rates.append(own_rank_first(scores))
        told.append(model.information_)
    data = "USPS left/right, 300 shuffled anchors"
    return [
        result_row("alignment", data, "information, out of fold", told, ("<=", 0.05)),
        result_row("alignment", data, "match rate", rates, ("<=", 3 / N_CANDIDATES)),
    ]


RHO = np.array([0.95, 0.9, 0.8, 0.6, 0.4])
TRUTH = -np.log(1 - RHO**2).sum() / 2


def gaussian_views(n, d, rng, rho=RHO):
    """Gaussian views with known canonical correlations, each mixed by a rotation and scales."""
    a, b = rng.randn(n, d), rng.randn(n, d)
    k = len(rho)
    b[:, :k] = rho * a[:, :k] + np.sqrt(1 - rho**2) * b[:, :k]
    fixed = np.random.RandomState(99)
    mixing = [np.linalg.qr(fixed.randn(d, d))[0] * fixed.uniform(0.5, 2, d) for _ in range(2)]
    return np.hstack([a @ mixing[0], b @ mixing[1]])


def known_truth(options):
    """Information where it is known, the two ends, and the cost of many rows."""
    rows = []
    seeds = min(5, options.seeds or 5)
    for d in (10, 50, 200):
        fresh = gaussian_views(5000, d, np.random.RandomState(1000))
        for n in (200, 1000, 5000):
            fits = [
                SubspaceAligner(random_state=0).fit(gaussian_views(n, d, np.random.RandomState(s)))
                for s in range(seeds)
            ]
            told = np.array([(one.information_, one.score(fresh)) for one in fits])
            data = f"Gaussian, d={d}, n={n} (true {TRUTH:.3f} nats)"
            asked = ("in", (0.97, 1.03)) if n == 5000 and d <= 50 else None
            what = "information, out of fold, over the truth"
            rows.append(result_row("known truth", data, what, told[:, 0] / TRUTH, asked))
            what = "information of fresh rows, over the truth"
            rows.append(result_row("known truth", data, what, told[:, 1] / TRUTH))
            asked = ("<=", 0.1) if n >= 5 * d else None
            what = "information, out of fold less fresh rows, nats"
            rows.append(result_row("known truth", data, what, told[:, 0] - told[:, 1], asked))
    return [*rows, *two_ends(seeds), cost()]


def two_ends(seeds):
    same, told, rates = [], [], []
    for seed in range(seeds):
        rng = np.random.RandomState(seed)
        X, new = rng.randn(500, 50), rng.randn(500, 50)
        model = SubspaceAligner(random_state=0).fit(np.hstack([X, X]))
        same.append(model.match_rate(np.hstack([new, new])))
        model = SubspaceAligner(random_state=0).fit(rng.randn(500, 100))
        told.append(model.score(rng.randn(500, 100)))
        rates.append(model.match_rate(rng.randn(500, 100)))
    data = "n=500, d=50"
    return [
        result_row("known truth", data, "two identical views: match rate", same, (">=", 1)),
        result_row("known truth", data, "two independent views: nats", told, ("<=", 0.05)),
        result_row("known truth", data, "the same: match rate", rates, ("<=", 3 / 500)),
    ]


def cost():
    X = gaussian_views(5000, 500, np.random.RandomState(0))
    seconds = cpu_seconds(SubspaceAligner(random_state=0).fit, X)[1]
    return result_row("known truth", "5,000 x 500 twice", "fit, CPU s", [seconds], ("<=", 5))
