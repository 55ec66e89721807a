import numpy as np
import pytest
from scipy import sparse

from sksubspace.model_selection import thin_counts


def poisson(n=400, d=50, mean=6, seed=0):
    return np.random.RandomState(seed).poisson(mean, size=(n, d))


def negative_binomial(n=4000, d=20, mean=8.0, dispersion=0.5, seed=0):
    rng = np.random.RandomState(seed)
    return rng.poisson(mean * rng.gamma(1 / dispersion, dispersion, size=(n, d)))


def correlation(first, second):
    """Mean over columns."""
    return np.mean([np.corrcoef(a, b)[0, 1] for a, b in zip(first.T, second.T, strict=True)])


@pytest.mark.parametrize("dispersion", [None, "auto", 0.3])
@pytest.mark.parametrize("dtype", [np.uint16, np.int64, np.float32])
def test_the_sum_is_the_counts(dispersion, dtype):
    counts = poisson().astype(dtype)
    train, test = thin_counts(counts, dispersion=dispersion)
    assert train.dtype == test.dtype == dtype
    np.testing.assert_array_equal(train + test, counts)
    assert (train >= 0).all()
    assert (test >= 0).all()


@pytest.mark.parametrize("kind", [sparse.csr_matrix, sparse.csr_array, sparse.csc_matrix])
def test_sparse_counts_are_drawn_by_their_stored_entries(kind, monkeypatch):
    counts = poisson(mean=0.3)
    stored = kind(counts)
    before = stored.copy()
    for one in ("toarray", "todense"):
        monkeypatch.setattr(kind, one, None)
    train, test = thin_counts(stored)
    assert train.format == test.format == "csr"
    assert ((train + test) != sparse.csr_matrix(before)).nnz == 0
    assert (train.data > 0).all()
    assert (test.data > 0).all()
    assert train.nnz + test.nnz < 2 * before.nnz
    assert (stored != before).nnz == 0  # the caller's own are not written to


def test_sparse_and_dense_are_drawn_alike():
    counts = poisson(mean=1)
    dense, stored = thin_counts(counts), thin_counts(sparse.csr_matrix(counts))
    for one, other in zip(dense, stored, strict=True):
        np.testing.assert_array_equal(one, other.toarray())


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_the_share_of_the_test_half(share):
    counts = poisson()
    _, test = thin_counts(counts, test_share=share)
    assert test.sum() / counts.sum() == pytest.approx(share, abs=0.01)


def test_halves_of_poisson_counts_are_poisson_and_independent():
    counts = poisson(n=4000, d=20)
    train, test = thin_counts(counts)
    assert abs(correlation(train, test)) < 0.01
    assert (test.var(axis=0) / test.mean(axis=0)).mean() == pytest.approx(1, abs=0.02)


def test_halves_of_overdispersed_counts_are_independent_by_their_dispersion_only():
    counts = negative_binomial()
    assert correlation(*thin_counts(counts)) > 0.5
    assert abs(correlation(*thin_counts(counts, dispersion=0.5))) < 0.03
    assert abs(correlation(*thin_counts(counts, dispersion=np.full(20, 0.5)))) < 0.03
    # totals of 20 columns wander with the counts, which takes some of the dispersion away
    assert abs(correlation(*thin_counts(counts, dispersion="auto"))) < 0.08


def test_auto_is_the_estimate_by_moments():
    counts = negative_binomial(n=300)
    s = counts.sum(axis=1) / counts.sum(axis=1).mean()
    m = counts.sum(axis=0) / s.sum()
    excess = ((counts - np.outer(s, m)) ** 2).sum(axis=0) - s.sum() * m
    phi = np.maximum(0, excess / (m**2 * (s**2).sum()))
    expected = thin_counts(counts, dispersion=phi)
    for kind in (np.asarray, sparse.csr_matrix):
        found = thin_counts(kind(counts), dispersion="auto")
        agree = np.mean([np.mean(a == b) for a, b in zip(found, expected, strict=True)])
        assert agree > 0.99  # but for digits lost in the sums


def test_the_seed_decides():
    counts = poisson()
    first = thin_counts(counts, random_state=3)[0]
    np.testing.assert_array_equal(first, thin_counts(counts, random_state=3)[0])
    assert (first != thin_counts(counts, random_state=4)[0]).any()
    state = np.random.get_state()[1].copy()
    thin_counts(counts, random_state=None)
    np.testing.assert_array_equal(state, np.random.get_state()[1])


def test_blocks_cover_all_entries(monkeypatch):
    monkeypatch.setattr("sksubspace.model_selection._thin._BLOCK", 100)
    counts = poisson()
    train, test = thin_counts(counts)
    np.testing.assert_array_equal(train + test, counts)
    assert test.sum() / counts.sum() == pytest.approx(0.5, abs=0.01)


def test_rows_without_counts_are_warned_of():
    counts = poisson(n=10)
    counts[[2, 5]] = 0
    with pytest.warns(UserWarning, match="2 of 10 rows of counts are all zero"):
        train, _ = thin_counts(counts)
    assert train[2].sum() == 0


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_matrix])
@pytest.mark.parametrize(
    ("value", "said"),
    [
        (-2.0, "not negative, got -2 in row 3, column 4"),
        (1.5, "whole, got 1.5 in row 3, column 4"),
        (np.nan, "counts contains NaN"),
        (np.inf, "counts contains infinity"),
    ],
)
def test_what_are_no_counts(value, said, kind):
    counts = poisson(n=10).astype(float)
    counts[3, 4] = value
    with pytest.raises(ValueError, match=said):
        thin_counts(kind(counts))


@pytest.mark.parametrize("share", [0, 1, "half"])
def test_shares_out_of_range(share):
    with pytest.raises(ValueError, match="test_share must be a number between 0 and 1"):
        thin_counts(poisson(), test_share=share)


@pytest.mark.parametrize("dispersion", ["moments", -1, np.nan, np.ones(3)])
def test_dispersions_out_of_range(dispersion):
    with pytest.raises(ValueError, match="dispersion must be None, 'auto', or"):
        thin_counts(poisson(), dispersion=dispersion)
