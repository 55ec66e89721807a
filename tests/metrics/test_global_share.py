import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression

from sksubspace import MEDAL, _linalg
from sksubspace._student import _linear
from sksubspace.metrics import deal_islands, embedding_score, global_share
from sksubspace.metrics._learnt import learn_map
from tests._student.toy import blobs, curve


def torn(n=150):
    """Rows along a bent sheet, and its halves beside each other."""
    X, Z = curve(n)
    return X, Z + 20 * np.sign(Z[:, :1])


def refitted(X, Z, placed, groups):
    """The share by one regression for each group, and by a singular value decomposition."""
    errors = 0.0
    for one in np.unique(groups):
        out = groups == one
        line = LinearRegression().fit(Z[~out], X[~out])
        errors += np.square(X[out] - line.predict(placed[out])).sum()
    values = np.linalg.svd(X - X.mean(axis=0), compute_uv=False) ** 2
    principal = values[: Z.shape[1]].sum() / values.sum()
    return (1 - errors / values.sum()) / principal


@pytest.mark.parametrize("n_groups", [None, 10])
def test_is_what_refits_give(n_groups):
    X, Z = torn()
    groups = None if n_groups is None else np.arange(len(X)) % n_groups
    learnt = learn_map(X, Z, groups=groups)
    places = learnt.found.student.latent_scale.unscale(learnt.found.placed)
    expected = refitted(X, Z, places, np.arange(len(X)) if groups is None else groups)
    assert_allclose(global_share(X, Z, groups=groups), expected, rtol=1e-6)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"groups": np.arange(150) % 12},
        {"random_state": 5},
        {"student": MEDAL(random_state=1)},
        {"student": MEDAL(encoder="linear", scale="feature", random_state=1)},
    ],
    ids=lambda options: ",".join(options) or "default",
)
def test_is_that_of_embedding_score(options):
    X, Z = torn()
    assert global_share(X, Z, **options) == embedding_score(X, Z, **options).global_share


def test_sparse_rows_give_the_dense_share():
    X = sparse.random(200, 30, density=0.3, format="csr", random_state=0)
    Z = PCA(2).fit_transform(X.toarray())
    assert_allclose(global_share(X, Z), global_share(X.toarray(), Z), rtol=1e-8)


def test_sparse_rows_are_never_dense_as_a_whole(monkeypatch):
    X = sparse.random(200, 100, density=0.1, format="csr", random_state=0)
    Z = np.random.RandomState(0).randn(200, 2)
    sizes, whole = [], type(X).toarray

    def toarray(self, *args, **kwargs):
        sizes.append(self.shape[0] * self.shape[1])
        return whole(self, *args, **kwargs)

    monkeypatch.setattr(type(X), "toarray", toarray)
    # blocks, and a table for the iterative solver, as large ones have
    monkeypatch.setattr(_linalg, "_BLOCK_ELEMENTS", 50 * 100)
    monkeypatch.setattr(_linalg, "_BLOCK_ROWS", 50)
    monkeypatch.setattr(_linear, "_MAX_GRAM", 50)
    assert np.isfinite(global_share(X, Z))
    assert 0 < max(sizes) < 200 * 100 / 2


def test_the_plane_of_largest_variance_has_one_and_a_shuffled_map_none():
    X, _ = blobs(200)
    Z = PCA(2).fit_transform(X)
    assert_allclose(global_share(X, Z), 1, atol=0.02)
    assert abs(global_share(X, np.random.RandomState(0).permutation(Z))) < 0.05


def test_islands_that_are_dealt_lose_it():
    kind = np.arange(240) % 12
    angle = 2 * np.pi * kind / 12
    X = 9 * np.column_stack([np.cos(angle), np.sin(angle)]) @ np.eye(2, 5)
    X = X + 0.3 * np.random.RandomState(0).randn(240, 5)
    Z = PCA(2).fit_transform(X)
    shares = [global_share(X, deal_islands(Z, random_state=seed)) for seed in range(5)]
    assert np.mean(shares) < 0.5 * global_share(X, Z)


def test_rows_without_a_place_are_left_out():
    X, Z = torn()
    Z[[3, 8]] = np.nan
    kept = np.delete(np.arange(len(X)), [3, 8])
    assert_allclose(global_share(X, Z), global_share(X[kept], Z[kept]), rtol=1e-12)


def test_the_data_are_not_written_to():
    X, Z = torn()
    copies = X.copy(), Z.copy()
    global_share(X, Z)
    assert_array_equal(X, copies[0])
    assert_array_equal(Z, copies[1])


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"Z": np.zeros((3, 2))}, "same number of rows"),
        ({"groups": np.arange(150) % 2}, "groups must have at least 3"),
        ({"student": MEDAL(decoder="mlp")}, "student must have an encoder and a decoder"),
    ],
)
def test_bad_input_is_named(change, match):
    X, Z = torn()
    with pytest.raises(ValueError, match=match):
        global_share(**{"X": X, "Z": Z} | change)
