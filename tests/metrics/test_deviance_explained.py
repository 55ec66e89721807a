import numpy as np
import pytest
from scipy import sparse

from sksubspace.metrics import deviance_explained

STRENGTHS = [2.0**power for power in range(-3, 12)]


def toy(n=200, d=30, seed=0):
    """Counts whose rates depend smoothly on a place, and the places."""
    rng = np.random.RandomState(seed)
    Z = rng.rand(n, 2)
    rates = np.exp(1.5 * np.sin(3 * Z @ rng.randn(2, d)))
    return rng.poisson(rates * rng.uniform(0.5, 2, size=(n, 1))), Z


def slow_and_plain(counts, Z, train, groups, n_neighbors):
    """The formula, entry by entry."""
    n, d = counts.shape
    totals, common = train.sum(axis=1), counts.sum(axis=0) / counts.sum()
    scores = []
    for strength in [*STRENGTHS, None]:
        deviance = null = 0.0
        for i in range(n):
            others = [j for j in range(n) if groups[j] != groups[i]]
            squared = {j: ((Z[i] - Z[j]) ** 2).sum() for j in others}
            near = sorted(others, key=squared.get)[:n_neighbors]
            w = {j: np.exp(-squared[j] / (2 * squared[near[-1]])) for j in near}
            for g in range(d):
                mu = common[g]
                if strength is not None:
                    c = strength * totals.mean()
                    mu = sum(w[j] * train[j, g] for j in near) + c * common[g]
                    mu /= sum(w[j] * totals[j] for j in near) + c
                x, s = counts[i, g], counts[i].sum()
                for rate, is_null in ((mu, False), (common[g], True)):
                    term = 2 * ((x * np.log(x / (s * rate)) if x else 0.0) - (x - s * rate))
                    null, deviance = null + term * is_null, deviance + term * (not is_null)
        scores.append(1 - deviance / null)
    return max(scores)


@pytest.mark.parametrize("with_train", [False, True])
def test_it_is_the_formula(with_train):
    counts, Z = toy(60, 20)
    train = np.random.RandomState(1).binomial(counts, 0.5) if with_train else counts
    counts = counts - train if with_train else counts
    groups = np.arange(60) // 2
    score = deviance_explained(
        counts, Z, train=train if with_train else None, groups=groups, n_neighbors=7
    )
    assert score == pytest.approx(slow_and_plain(counts, Z, train, groups, 7), abs=1e-12)
    assert score > 0.01


def test_a_map_of_noise_scores_nothing_and_structure_does():
    counts, Z = toy(500)
    rng = np.random.RandomState(1)
    assert deviance_explained(counts, Z) > 0.3
    for _ in range(5):
        noise = rng.randn(500, 2)
        assert 0 <= deviance_explained(counts, noise) <= 0.01
        assert 0 <= deviance_explained(counts, Z[rng.permutation(500)]) <= 0.01


def test_sparse_counts_are_never_dense(monkeypatch):
    counts, Z = toy()
    expected = deviance_explained(counts, Z)

    def refuse(*args, **kwargs):
        raise AssertionError("made dense")

    for kind in (sparse.csr_array, sparse.csr_matrix):
        monkeypatch.setattr(kind, "toarray", refuse)
        monkeypatch.setattr(kind, "todense", refuse)
    for kind in (sparse.csr_array, sparse.csr_matrix, sparse.csc_matrix):
        assert deviance_explained(kind(counts), Z) == pytest.approx(expected, abs=1e-12)


def test_what_does_not_matter():
    counts, Z = toy()
    score = deviance_explained(counts, Z)
    turn, order = np.array([[0.6, -0.8], [0.8, 0.6]]), np.random.RandomState(2).permutation(200)
    genes = np.random.RandomState(3).permutation(30)
    same = {"abs": 1e-10}
    assert deviance_explained(counts, 1e-3 * Z @ turn + 7) == pytest.approx(score, **same)
    assert deviance_explained(counts[order], Z[order]) == pytest.approx(score, **same)
    assert deviance_explained(counts[:, genes], Z) == pytest.approx(score, **same)
    assert deviance_explained(counts.astype(np.float32), Z) == pytest.approx(score, **same)
    empty = np.concatenate([counts, np.zeros((200, 5), dtype=int)], axis=1)
    assert deviance_explained(empty, Z) == pytest.approx(score, **same)


def test_blocks_change_nothing(monkeypatch):
    counts, Z = toy()
    score = deviance_explained(counts, Z)
    monkeypatch.setattr("sksubspace.metrics._deviance._BLOCK", 1_000)
    assert deviance_explained(counts, Z) == pytest.approx(score, abs=1e-12)


def test_equal_rows_do_not_vouch_for_each_other():
    twice = np.repeat(toy(100)[0], 2, axis=0)
    noise = np.repeat(np.random.RandomState(9).rand(100, 2), 2, axis=0)
    assert deviance_explained(twice, noise) <= 0.01
    assert deviance_explained(twice, noise, groups=np.arange(200)) > 0.05


def test_groups_are_left_out_together():
    # the map tells the donor and nothing else
    donor = np.arange(300) % 10
    rng = np.random.RandomState(0)
    own = np.exp(rng.randn(10, 30))[donor]
    counts = rng.poisson(3 * own)
    Z = rng.randn(10, 2)[donor] + 0.01 * rng.randn(300, 2)
    assert deviance_explained(counts, Z) > 0.3
    assert deviance_explained(counts, Z, groups=donor) < 0.1


def test_rows_that_are_not_drawn_are_left_out():
    counts, Z = toy(250)
    gaps = Z.copy()
    gaps[200:] = np.nan
    assert deviance_explained(counts, gaps) == pytest.approx(
        deviance_explained(counts[:200], Z[:200]), rel=0.05
    )


def test_a_draw_of_rows_is_near_all():
    counts, Z = toy(400)
    drawn = deviance_explained(counts, Z, max_samples=300)
    assert drawn == deviance_explained(counts, Z, max_samples=300)
    assert drawn == pytest.approx(deviance_explained(counts, Z), abs=0.05)


def test_one_place_for_all_and_nothing_to_explain():
    counts, Z = toy(50)
    assert 0 <= deviance_explained(counts, np.zeros((50, 2))) <= 0.01
    assert deviance_explained(np.ones((50, 4), dtype=int), Z, groups=np.arange(50)) == 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda c: c - 1, r"not negative, got -1 in row \d+, column \d+ \(\d+ such"),
        (lambda c: np.where(np.arange(c.size).reshape(c.shape) == 31, 0.5, c), "row 1, column 1 "),
        (lambda c: c[:-1], "same number of rows"),
        (lambda c: np.where(np.arange(c.size).reshape(c.shape) == 3, np.nan, c), "counts contains"),
    ],
)
def test_what_are_no_counts_of_the_rows(change, said):
    counts, Z = toy(40)
    with pytest.raises(ValueError, match=said):
        deviance_explained(change(counts), Z)


def test_parameters():
    counts, Z = toy(40)
    with pytest.raises(ValueError, match="train must have the shape of counts"):
        deviance_explained(counts, Z, train=counts[:, :3])
    with pytest.raises(ValueError, match="n_neighbors must be at least 1"):
        deviance_explained(counts, Z, n_neighbors=0)
    with pytest.raises(ValueError, match="Z must have rows without NaN"):
        deviance_explained(counts, np.full((40, 2), np.nan))
    assert deviance_explained(counts, Z, n_neighbors=500) >= 0
