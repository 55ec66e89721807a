"""Made rows of which more can be drawn, rows that are not one draw each, and a fit to a map."""

import warnings

import numpy as np

from sksubspace import MEDAL


def mixture(n_rows, seed, draw=0, n_features=20, n_kinds=8):
    """Rows of a Gaussian mixture, each component spread along three directions."""
    fixed, rng = np.random.RandomState(seed), np.random.RandomState(1000 * (draw + 1) + seed)
    centres = 1.5 * fixed.randn(n_kinds, n_features)
    spread = fixed.randn(n_kinds, 3, n_features) / np.sqrt(3)
    kind = rng.randint(n_kinds, size=n_rows)
    latent = np.einsum("nk,nkd->nd", rng.randn(n_rows, 3), spread[kind])
    return centres[kind] + 1.5 * latent + 0.5 * rng.randn(n_rows, n_features)


def noisy(X, share, rng):
    return X + share * X.std(axis=0) * rng.randn(*X.shape)


def donors(n_donors, n_rows, seed, draw):
    """Rows of a mixture, moved by a shift of each donor with a standard deviation of .6."""
    X = mixture(n_donors * n_rows, seed, draw=2 + draw)
    moved = 0.6 * np.random.RandomState(7 + draw + 10 * seed).randn(n_donors, X.shape[1])
    donor = np.repeat(np.arange(n_donors), n_rows)
    return X + moved[donor], donor


# 400 rows of a mixture that are not 400 draws; None for donors
REPEATED = {
    "every row twice": lambda X, rng: np.repeat(X[:200], 2, axis=0),
    "twice, 1 % noise": lambda X, rng: noisy(np.repeat(X[:200], 2, axis=0), 0.01, rng),
    "40 rows x 10, 5 % noise": lambda X, rng: noisy(np.repeat(X[:40], 10, axis=0), 0.05, rng),
    "20 donors x 20, sd .6": None,
}


def repeated(kind, seed):
    """Rows of a kind and whose they are, or None, and the same of 3,000 fresh rows."""
    if kind == "20 donors x 20, sd .6":
        return *donors(20, 20, seed, 0), *donors(150, 20, seed, 1)
    X, fresh = mixture(400, seed), mixture(3000, seed, draw=1)
    if kind != "iid":
        X = REPEATED[kind](X, np.random.RandomState(seed))
    return X, None, fresh, None


def fit_precomputed(X, Z, groups=None, **params):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="A precomputed embedding was drawn")
        return MEDAL("precomputed", **params).fit(X, embedding=Z, groups=groups)
