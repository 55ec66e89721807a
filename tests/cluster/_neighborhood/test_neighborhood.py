import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.cluster import KMeans
from sklearn.datasets import make_blobs, make_moons

from sksubspace._student._scaling import FeatureScale
from sksubspace._trained import make_trainer
from sksubspace.cluster import NeighborhoodClustering
from sksubspace.cluster._neighborhood import _neighborhood
from sksubspace.cluster._neighborhood._learning import Learning, nearest_rows
from sksubspace.metrics import clustering_accuracy

MOONS, y = make_moons(600, noise=0.05, random_state=0)
X, X_NEW = MOONS[:400], MOONS[400:]
CHEAP = {"n_clusters": 2, "hidden_layer_sizes": (16,), "max_iter": 5, "random_state": 0}


@pytest.fixture(scope="module")
def fitted():
    return NeighborhoodClustering(**CHEAP).fit(X)


def plain_score(model, train, new):
    """The mean over nearest distinct rows, never equal ones, of log sum_c a_ic a_jc / m_c."""
    train = np.unique(train, axis=0)
    a, b = model.predict_proba(new), model.predict_proba(train)
    found = []
    for x, shares in zip(new, a, strict=True):
        squared = np.square(train - x).sum(axis=1)
        squared[squared == 0] = np.inf
        nearest = squared.argsort()[: model.n_neighbors]
        found.append(np.log((shares * b[nearest] / b.mean(axis=0)).sum(axis=1)).mean())
    return np.mean(found)


def test_clusters_that_are_not_round_are_found_and_new_rows_join_them():
    rows, classes = make_blobs(900, random_state=170)
    rows = rows @ np.array([[0.6, -0.6], [-0.4, 0.8]])
    k_means = KMeans(3, n_init=10, random_state=0).fit(rows[:600])
    assert clustering_accuracy(classes[600:], k_means.predict(rows[600:])) < 0.85
    model = NeighborhoodClustering(3, max_iter=200, random_state=0).fit(rows[:600])
    assert clustering_accuracy(classes[:600], model.labels_) > 0.98
    assert clustering_accuracy(classes[600:], model.predict(rows[600:])) > 0.98
    assert 0.95 < model.score(rows[600:]) < np.log(3)
    assert len(model.loss_curve_) == model.n_iter_ == 200
    assert model.loss_curve_[-1] < model.loss_curve_[0] - 0.05


def test_shares_are_probabilities_and_labels_their_largest(fitted):
    shares = fitted.predict_proba(X)
    assert shares.shape == (400, 2)
    assert_allclose(shares.sum(axis=1), 1)
    assert_array_equal(shares.argmax(axis=1), fitted.predict(X))
    assert_array_equal(fitted.labels_, fitted.predict(X))
    assert_array_equal(fitted.transform(X), shares)


def test_the_score_is_what_the_shares_say_of_training_rows(fitted):
    assert fitted.score(X_NEW) == pytest.approx(plain_score(fitted, X, X_NEW), abs=1e-10)
    mixed = np.vstack([X_NEW[:10], X[:10]])
    assert fitted.score(mixed) == pytest.approx(plain_score(fitted, X, mixed), abs=1e-10)


def test_a_copy_is_no_evidence_for_its_row(fitted):
    thrice = np.vstack([X, X[::-1], X])
    model = NeighborhoodClustering(**CHEAP).fit(thrice)
    assert_array_equal(model.labels_[:400], fitted.labels_)
    assert_array_equal(model.labels_[400:800], fitted.labels_[::-1])
    assert_array_equal(model.start_scores_, fitted.start_scores_)
    assert model.score(X) == fitted.score(X)


def test_it_does_not_matter_where_rows_lie_nor_in_which_units(fitted):
    for scale, offset in ((1, 1e4), (1e-6, 0), (1e6, 0)):
        model = NeighborhoodClustering(**CHEAP).fit(scale * X + offset)
        assert_array_equal(model.labels_, fitted.labels_)
        assert model.score(scale * X_NEW + offset) == pytest.approx(fitted.score(X_NEW), abs=1e-5)


def test_neighbors_that_are_permuted_leave_nothing_to_know():
    rows, _ = make_blobs(900, n_features=8, centers=4, random_state=0)
    params, random_state = NeighborhoodClustering(4), np.random.RandomState(0)
    trainer = make_trainer(params, np.float32, random_state)
    learning = Learning(params, FeatureScale.of(rows, "global"), rows[:600], trainer)
    learning.neighbors = learning.neighbors[random_state.permutation(600)]
    network = learning.start()
    learning.go_on(network)
    partition = learning.partition(network, rows[:600])
    nearest = partition.nearest(rows[600:], 10)[random_state.permutation(300)]
    assert partition.information(rows[600:], nearest) == pytest.approx(0, abs=0.02)


def test_starts_are_compared_by_rows_left_out(fitted):
    assert fitted.start_scores_.shape == (3,)
    assert (np.abs(fitted.start_scores_) < np.log(2)).all()
    assert NeighborhoodClustering(**CHEAP, n_init=1).fit(X).start_scores_.shape == (0,)


def test_the_start_with_the_best_score_is_kept(monkeypatch):
    kept = []
    go_on = Learning.go_on

    def remembered(self, network):
        kept.append(go_on(self, network))
        return kept[-1]

    monkeypatch.setattr(Learning, "go_on", remembered)
    model = NeighborhoodClustering(**CHEAP, n_init=4).fit(X)
    assert model.loss_curve_ == kept[int(model.start_scores_.argmax())].loss_curve


def test_of_many_rows_a_draw_compares_the_starts_and_all_are_learnt(monkeypatch):
    monkeypatch.setattr(_neighborhood, "_START_ROWS", 100)
    sizes = []
    go_on = Learning.go_on

    def counted(self, network):
        sizes.append(len(self.u))
        return go_on(self, network)

    monkeypatch.setattr(Learning, "go_on", counted)
    model = NeighborhoodClustering(2, n_init=2, max_iter=60, random_state=0).fit(X)
    assert sizes == [90, 90, 400]
    assert model.score(X_NEW) == pytest.approx(plain_score(model, X, X_NEW), abs=1e-10)
    assert model.n_iter_ == len(model.loss_curve_) == 60


def test_ties_are_broken_the_same_in_every_fit():
    grid = np.stack(np.meshgrid(range(15), range(15)), axis=-1).reshape(-1, 2)
    first, second = (nearest_rows(grid.astype(float), 6, seed)[0] for seed in (0, 1))
    assert_array_equal(first, second)
    models = [NeighborhoodClustering(**CHEAP).fit(grid) for _ in range(2)]
    assert_array_equal(models[0].predict_proba(grid), models[1].predict_proba(grid))


def test_more_components_than_clusters_are_said():
    islands, _ = make_blobs(210, centers=20 * np.eye(7), cluster_std=0.1, random_state=0)
    with pytest.warns(UserWarning, match="7 components, more than n_clusters=3") as caught:
        NeighborhoodClustering(**CHEAP | {"n_clusters": 3}).fit(islands)
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        NeighborhoodClustering(**CHEAP | {"n_clusters": 7}).fit(islands)


def test_fewer_than_four_distinct_rows_a_cluster_are_refused():
    with pytest.raises(ValueError, match="n_clusters=11 must be at most a quarter of the 40 dist"):
        NeighborhoodClustering(11).fit(np.repeat(X[:40], 2, axis=0))
    model = NeighborhoodClustering(**CHEAP | {"n_clusters": 10}).fit(X[:40])
    assert model.predict_proba(X_NEW).shape == (200, 10)


def test_more_neighbors_than_rows_are_all_rows():
    model = NeighborhoodClustering(**CHEAP, n_neighbors=500).fit(X[:30])
    assert np.isfinite(model.score(X_NEW))


def test_bad_parameters_are_named():
    for params in ({"debias": 1.0}, {"n_steps": 0}, {"batch_size": 1}):
        with pytest.raises(ValueError, match=f"The '{next(iter(params))}' parameter"):
            NeighborhoodClustering(2, **params).fit(X)
    with pytest.raises(ValueError, match="hidden_layer_sizes must be"):
        NeighborhoodClustering(2, hidden_layer_sizes=(0,)).fit(X)


@pytest.mark.filterwarnings("ignore:The graph of nearest neighbors has")
def test_one_cluster_says_nothing():
    model = NeighborhoodClustering(**CHEAP | {"n_clusters": 1}).fit(X)
    assert set(model.labels_) == {0}
    assert model.score(X_NEW) == pytest.approx(0, abs=1e-12)


def test_frames_come_out_as_frames(fitted):
    pandas = pytest.importorskip("pandas")
    model = NeighborhoodClustering(**CHEAP).set_output(transform="pandas")
    out = model.fit_transform(pandas.DataFrame(X, columns=["a", "b"]))
    assert list(out) == ["neighborhoodclustering0", "neighborhoodclustering1"]
    assert_array_equal(out.to_numpy(), fitted.transform(X))
