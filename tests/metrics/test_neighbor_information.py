"""What labels say of the labels of neighbours, against plain loops."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.cluster import KMeans
from sklearn.datasets import load_iris, make_blobs
from sklearn.decomposition import PCA

from sksubspace.metrics import neighbor_information
from sksubspace.metrics._neighbor_field import NeighborField
from sksubspace.metrics._neighbor_information import information_of


@pytest.fixture(scope="module")
def blobs():
    return make_blobs([60, 40, 30, 20], 6, cluster_std=2.5, random_state=0)


def slowly(X, labels, k=10):
    """N in each metric, and r by row, with loops over pairs."""
    units = X / np.linalg.norm(X, axis=1, keepdims=True)
    found = {}
    for name, Z in {
        "whitened": PCA(whiten=True).fit_transform(units),
        "plain": X - X.mean(axis=0),
    }.items():
        if name == "whitened":
            Z = Z[:, Z.std(axis=0) > 1e-6]
        squared = np.square(Z[:, None] - Z).sum(axis=2)
        np.fill_diagonal(squared, np.inf)
        near = squared.argsort(axis=1)[:, :k]
        pairs = [(labels[i], labels[j]) for i in range(len(X)) for j in near[i]]
        names = np.unique(labels)
        p = np.array([[np.mean([pair == (a, b) for pair in pairs]) for b in names] for a in names])
        rows, columns = p.sum(axis=1), p.sum(axis=0)
        log = np.array(
            [
                [np.log(p[a, b] / rows[a] / columns[b]) if p[a, b] else 0 for b in range(len(p))]
                for a in range(len(p))
            ]
        )
        entropy = -(rows * np.log(rows)).sum()
        code = {one: place for place, one in enumerate(names)}
        by_row = [np.mean([log[code[labels[i]], code[labels[j]]] for j in near[i]])
                  for i in range(len(X))]  # fmt: skip
        found[name] = (p * log).sum() / np.sqrt(entropy), np.array(by_row)
    return found


def test_information_is_that_of_plain_loops(blobs):
    X, y = blobs
    found, expected = neighbor_information(X, y), slowly(X, y)
    for name in ("whitened", "plain"):
        assert found.information[name] == pytest.approx(expected[name][0], rel=1e-10)
    np.testing.assert_allclose(found.row_information, expected[found.metric][1], atol=1e-10)
    left = {name: found.information[name] - found.null[name] for name in found.null}
    assert found.excess == max(left.values()) == left[found.metric]
    reach = np.sqrt(np.log(4)) - found.null[found.metric]
    assert found.share == pytest.approx(found.excess / reach)


@pytest.mark.parametrize("change", ["rotated", "permuted", "relabelled", "scaled", "shifted"])
def test_information_does_not_depend_on(blobs, change):
    X, y = blobs
    X = X - X.mean(axis=0)
    before = neighbor_information(X, y)
    rng = np.random.RandomState(0)
    order = rng.permutation(len(X)) if change == "permuted" else np.arange(len(X))
    if change == "rotated":
        X = X @ np.linalg.qr(rng.randn(6, 6))[0]
    if change == "scaled":
        X = 1e4 * X
    labels = np.array(["d", "a", "c", "b"])[y] if change == "relabelled" else y
    metrics = ["plain"] if change == "shifted" else ["plain", "whitened"]
    after = neighbor_information(X[order] + 3 * (change == "shifted"), labels[order])
    for name in metrics:
        assert after.information[name] == pytest.approx(before.information[name], abs=1e-9)
    if change == "permuted":
        np.testing.assert_allclose(after.row_information, before.row_information[order], atol=1e-9)


def test_influence_is_the_derivative_by_the_weight_of_a_row(blobs):
    X, y = blobs
    found = neighbor_information(X, y)
    near = NeighborField(X).near[found.metric].others

    def n_with(weights):
        p = np.zeros((4, 4))
        for i, weight in enumerate(weights):
            for j in near[i]:
                p[y[i], y[j]] += weight / (10 * weights.sum())
        information = sum(
            p[a, b] * np.log(p[a, b] / p[a].sum() / p[:, b].sum())
            for a in range(4)
            for b in range(4)
            if p[a, b]
        )
        return information / np.sqrt(-(p.sum(axis=1) * np.log(p.sum(axis=1))).sum())

    for row in (0, 7, 100):
        step = np.zeros(len(X))
        step[row] = 1e-4
        slope = (n_with(1 + step) - n_with(1 - step)) / 2e-4 * len(X)
        assert found.influence[row] == pytest.approx(slope, abs=1e-5)
    assert found.influence.mean() == pytest.approx(0, abs=1e-12)


def test_the_standard_error_of_a_difference_is_that_of_the_influences(blobs):
    X, y = blobs
    field = NeighborField(X)
    first, second = (information_of(field, one, 4) for one in (y, KMeans(4).fit_predict(X)))
    expected = (first.influence - second.influence).std() / np.sqrt(len(X))
    assert field.difference_error(first, second) == pytest.approx(expected)
    assert field.difference_error(first, first) == 0


def test_good_labels_say_more_than_bad_ones(blobs):
    X, y = blobs
    shuffled = np.random.RandomState(0).permutation(y)
    good, bad = (neighbor_information(X, one) for one in (y, shuffled))
    assert good.excess > 0.2 > 0 > bad.excess
    assert bad.row_agreement.mean() < 0.4 < 0.8 < good.row_agreement.mean()
    assert "more than in a Gaussian" in str(good)


def test_clusters_of_a_gaussian_leave_nothing():
    X = np.random.RandomState(0).randn(600, 20) * np.linspace(1, 3, 20)
    found = neighbor_information(X, KMeans(6, n_init=3, random_state=1).fit_predict(X))
    assert abs(found.excess) < 0.05


def test_one_label_says_nothing(blobs):
    found = neighbor_information(blobs[0], np.zeros(150, int), n_clusters=4)
    assert set(found.information.values()) == {0}
    assert found.excess < 0
    assert not found.influence.any()


def test_copies_count_once(blobs):
    X, y = blobs
    once = neighbor_information(X, y)
    twice = neighbor_information(np.vstack([X, X, X[:20]]), np.r_[y, y, y[:20]])
    assert twice.excess == once.excess
    assert twice.standard_error == once.standard_error
    np.testing.assert_array_equal(twice.row_information[150:300], once.row_information)
    assert np.isnan(twice.influence[150:]).all()


def test_rows_of_a_group_are_no_neighbours(blobs):
    X, _ = blobs
    # pairs of twins, nearly equal: without groups each is a neighbour of the other
    rng = np.random.RandomState(0)
    X = np.vstack([X, X + 1e-6 * rng.randn(*X.shape)])
    pairs = np.tile(np.arange(150), 2)
    names = rng.randint(5, size=150)[pairs]
    alone, together = (neighbor_information(X, names, groups=g) for g in (None, pairs))
    assert together.information["plain"] < 0.5 * alone.information["plain"]
    near = NeighborField(X, groups=pairs).near["plain"]
    assert not (pairs[near.others] == pairs[near.rows][:, None]).any()


def test_sparse_rows_are_those_that_are_dense(blobs):
    X, y = blobs
    X = np.where(X < 0, 0, X)
    X = X[X.any(axis=1)]
    y = y[: len(X)]
    first, second = (neighbor_information(rows, y) for rows in (X, sparse.csr_matrix(X)))
    for name in first.null:
        assert second.information[name] == pytest.approx(first.information[name], abs=1e-9)
        assert second.null[name] == pytest.approx(first.null[name], abs=1e-6)


def test_rows_of_noise_join_the_nearest_cluster(blobs):
    X, y = blobs
    labels = np.where(np.arange(150) % 7 == 0, -1, y)
    field = NeighborField(X)
    codes, Z = field.codes(labels), field.first_places
    for row in np.flatnonzero(labels < 0):
        squared = np.square(Z - Z[row]).sum(axis=1)
        squared[labels < 0] = np.inf
        assert codes[row] == labels[squared.argmin()]
    assert neighbor_information(X, labels).names.tolist() == [0, 1, 2, 3]


def test_one_feature_and_one_direction_have_the_plain_metric_alone():
    x = np.random.RandomState(0).rand(50)
    for X in (x[:, None], np.outer(x + 1, [1.0, 2.0, 3.0])):
        found = neighbor_information(X, (x > 0.5).astype(int))
        assert list(found.information) == ["plain"]
        assert found.information["plain"] > 0.5


def test_rows_of_zeros_are_legal(blobs):
    X, y = blobs
    X = np.vstack([np.zeros(6), X])
    assert np.isfinite(neighbor_information(X, np.r_[0, y]).excess)


def test_a_draw_of_rows(blobs):
    X, y = blobs
    found = neighbor_information(X, y, max_samples=100)
    assert np.isfinite(found.row_information).sum() == 100
    assert found.excess == pytest.approx(neighbor_information(X, y).excess, abs=0.1)


def test_the_caller_s_rows_are_not_written_to(blobs):
    X, y = (one.copy() for one in blobs)
    X.flags.writeable = y.flags.writeable = False
    assert neighbor_information(X, y).excess == neighbor_information(*blobs).excess
    np.testing.assert_array_equal(X, blobs[0])
    np.testing.assert_array_equal(y, blobs[1])


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"X": np.ones((150, 6))}, ValueError, "at least 4 rows that differ"),
        ({"labels": np.zeros(149)}, ValueError, "the same number of rows"),
        ({"labels": np.full(150, -1)}, ValueError, "noise alone"),
        ({"n_clusters": 3}, ValueError, "n_clusters must be at least 4"),
        ({"n_neighbors": 0}, ValueError, "n_neighbors must be at least 1"),
        ({"n_neighbors": 2.5}, TypeError, "n_neighbors must be an integer"),
        ({"groups": np.arange(150) % 3}, ValueError, "at least 4 different values"),
        ({"groups": np.arange(149)}, ValueError, "one entry for each of the 150 rows"),
        ({"max_samples": 0}, ValueError, "max_samples must be at least 1"),
    ],
)
def test_bad_input(blobs, change, error, match):
    given = {"X": blobs[0], "labels": blobs[1], **change}
    with pytest.raises(error, match=match):
        neighbor_information(given.pop("X"), given.pop("labels"), **given)


def test_iris_is_known():
    """Numbers that would only change with the definition."""
    X, y = load_iris(return_X_y=True)
    found = neighbor_information(X, y)
    assert found.information["whitened"] == pytest.approx(0.790, abs=1e-3)
    assert found.metric == "whitened"
