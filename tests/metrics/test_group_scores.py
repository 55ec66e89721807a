import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.stats import spearmanr

from sksubspace.metrics import embedding_score, group_scores
from sksubspace.metrics._group_scores import group_scores_of, own_mean_squares
from sksubspace.metrics._learnt import learn_map
from tests._student.toy import curve


@pytest.fixture(scope="module")
def islands():
    """Rows of five groups, each a bent sheet, and a map that sets them about as they are."""
    X, Z = curve(200)
    y = np.arange(200) % 5
    far = 6 * np.random.RandomState(1).randn(5, 2)
    near = np.random.RandomState(2).randn(5, X.shape[1])
    return X + (far @ np.eye(2, X.shape[1]) + near)[y], Z + 2 * far[y], y


@pytest.fixture(scope="module")
def scores(islands):
    return group_scores(*islands)


def test_within_r2_is_against_means_without_the_row(islands, scores):
    X, Z, y = islands
    errors = X.shape[1] * embedding_score(X, Z, per_row=True).distortion
    for k in range(5):
        rows = np.flatnonzero(y == k)
        spread = [np.square(X[i] - X[rows[rows != i]].mean(axis=0)).sum() for i in rows]
        assert_allclose(scores.within_r2[k], 1 - errors[rows].sum() / np.sum(spread), rtol=1e-9)


def test_neighbors_are_counted_one_by_one(islands, scores):
    X, Z, y = islands

    def nearest(rows, i):
        distances = np.linalg.norm(rows - rows[i], axis=1)
        return set([j for j in np.argsort(distances) if j != i][:15])

    kept = np.array([len(nearest(X, i) & nearest(Z, i)) / 15 for i in range(len(X))])
    expected = [kept[y == k].mean() for k in range(5)]
    assert_allclose(scores.neighbors_kept, expected, rtol=1e-12)


def test_distances_between_centres_are_ranked(islands, scores):
    X, Z, y = islands
    centres = [np.stack([rows[y == k].mean(axis=0) for k in range(5)]) for rows in (X, Z)]
    data, drawn = (np.linalg.norm(one[:, None] - one, axis=2) for one in centres)
    for k in range(5):
        others = np.arange(5) != k
        expected = spearmanr(data[k, others], drawn[k, others])[0]
        assert_allclose(scores.distance_rank[k], expected, atol=1e-12)
    above = np.triu_indices(5, 1)
    assert_allclose(scores.between, spearmanr(data[above], drawn[above])[0], atol=1e-12)


@pytest.mark.parametrize("is_sparse", [False, True])
def test_the_mean_is_without_all_that_is_left_out_with_the_row(is_sparse):
    rng = np.random.RandomState(0)
    X, code, donor = rng.randn(60, 4), rng.randint(3, size=60), rng.randint(8, size=60)
    X[np.abs(X) < 0.5] = 0
    expected = [
        np.square(X[i] - X[(code == code[i]) & (donor != donor[i])].mean(axis=0)).sum()
        for i in range(60)
    ]
    rows = sparse.csr_matrix(X) if is_sparse else X
    assert_allclose(own_mean_squares(rows, code, donor), expected, rtol=1e-10)


def test_groups_that_are_left_out_together(islands):
    X, Z, y = islands
    donor = np.arange(len(X)) // 20
    scores = group_scores(X, Z, y, groups=donor)
    errors = X.shape[1] * embedding_score(X, Z, per_row=True, groups=donor).distortion
    spread = [
        np.square(X[i] - X[(y == y[i]) & (donor != donor[i])].mean(axis=0)).sum()
        for i in range(len(X))
    ]
    for k in range(5):
        expected = 1 - errors[y == k].sum() / np.sum(np.array(spread)[y == k])
        assert_allclose(scores.within_r2[k], expected, rtol=1e-9)
    of_one_donor = group_scores(X, Z, np.where(donor == 3, "one", "rest"), groups=donor)
    assert np.isnan(of_one_donor.within_r2[0])
    assert of_one_donor.reason[0] == "all of its rows are left out together"


def test_a_swap_of_two_islands_is_seen_by_their_ranks(islands, scores):
    X, Z, y = islands
    centres = np.stack([Z[y == k].mean(axis=0) for k in range(5)])
    order = np.array([1, 0, 2, 3, 4])
    swapped = group_scores(X, Z - centres[y] + centres[order][y], y)
    assert swapped.between < scores.between - 0.2
    assert swapped.distance_rank.min() < scores.distance_rank.min() - 0.2


@pytest.mark.parametrize("kind", [str, object, "category"])
def test_labels_may_be_words_categories_and_missing(islands, kind):
    pd = pytest.importorskip("pandas")
    X, Z, y = islands
    words = np.array([f"kind {one}" for one in y], dtype=object)
    if kind is str:
        labels, n_missing = words.astype(str), 0
    else:
        words[:4], n_missing = None, 4
        labels = pd.Series(words)
    if kind == "category":
        labels = pd.Categorical(words, categories=["unused", *(f"kind {k}" for k in range(5))])
    scores = group_scores(X, Z, labels)
    names = tuple(f"kind {k}" for k in range(5))
    assert scores.names == (names if not n_missing else (*names, "missing"))
    assert scores.n_samples.sum() == len(X)
    if n_missing:
        assert scores.n_samples[-1] == n_missing
        assert np.isnan(scores.distance_rank[-1])
        assert scores.reason[-1] == "no group of its own"


def test_a_group_of_one_row_has_no_score_and_says_why(islands):
    X, Z, y = islands
    y = np.where(np.arange(len(y)) == 7, 9, y)
    scores = group_scores(X, Z, y)
    assert np.isnan(scores.within_r2[-1])
    assert np.isnan(scores.distance_rank[-1])
    assert scores.reason == ("",) * 5 + ("one row",)
    assert np.isfinite(scores.distance_rank[:-1]).all()


def test_three_groups_have_no_ranks_of_their_own(islands):
    X, Z, y = islands
    scores = group_scores(X, Z, np.minimum(y, 2))
    assert np.isnan(scores.distance_rank).all()
    assert np.isfinite(scores.between)
    assert scores.reason == ("only 2 other groups",) * 3
    assert np.isnan(group_scores(X, Z, y > 2).between)


def test_rows_without_a_place_do_not_count(islands):
    X, Z, y = islands
    Z = Z.copy()
    Z[[0, 5]] = np.nan
    scores = group_scores(X, Z, y)
    assert scores.n_samples[0] == 38
    kept = np.delete(np.arange(200), [0, 5])
    alone = group_scores(X[kept], Z[kept], y[kept])
    assert_allclose(scores.within_r2, alone.within_r2, rtol=1e-12)


def test_a_learnt_map_gives_the_same(islands, scores):
    X, Z, y = islands
    again = group_scores_of(learn_map(X, Z).found, X, Z, y)
    assert_array_equal(again.within_r2, scores.within_r2)
    assert again.between == scores.between


def test_the_table_and_the_text(islands, scores):
    pytest.importorskip("pandas")
    table = scores.by_group
    assert [*table.columns] == [
        "group", "n_samples", "within_r2", "neighbors_kept", "distance_rank", "reason",
    ]  # fmt: skip
    assert table["group"].tolist() == ["0", "1", "2", "3", "4"]
    text = str(scores)
    assert f"{scores.between:.2f}" in text
    assert len(text.splitlines()) == 7


def test_sparse_rows_give_the_dense_scores():
    rng = np.random.RandomState(0)
    X = sparse.random(120, 30, density=0.3, format="csr", random_state=rng)
    Z, y = rng.randn(120, 2), np.arange(120) % 4
    thin, full = group_scores(X, Z, y), group_scores(X.toarray(), Z, y)
    assert_allclose(thin.within_r2, full.within_r2, atol=1e-8)
    assert_allclose(thin.distance_rank, full.distance_rank, atol=1e-12)


@pytest.mark.parametrize(
    ("y", "match"),
    [
        (np.arange(3), "y must hold a label for each of the 200 rows"),
        (np.linspace(0, 1, 200), "y must hold a label for each row"),
    ],
)
def test_bad_labels_are_named(islands, y, match):
    with pytest.raises(ValueError, match=match):
        group_scores(*islands[:2], y)
