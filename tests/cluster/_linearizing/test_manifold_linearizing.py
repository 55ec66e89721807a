import pickle
import warnings

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from sksubspace.callbacks import LossMonitor
from sksubspace.cluster._linearizing._manifold_linearizing import ManifoldLinearizingClustering
from sksubspace.cluster._subspaces import squared_residuals
from sksubspace.datasets import make_union_of_manifolds
from sksubspace.metrics import clustering_accuracy

CHEAP = {
    "n_clusters": 3,
    "hidden_layer_sizes": (16,),
    "n_components": 6,
    "pretrain_iter": 3,
    "n_neighbors": 5,
    "n_init": 2,
    "random_state": 0,
}


def curves(n=180, seed=0, **params):
    return make_union_of_manifolds(
        n, n_features=12, n_manifolds=3, noise=0.01, random_state=seed, **params
    )


X, y = curves()


@pytest.fixture(scope="module")
def fitted():
    return ManifoldLinearizingClustering(**CHEAP).fit(X)


@pytest.fixture(scope="module")
def both_stages():
    return ManifoldLinearizingClustering(**CHEAP, max_iter=2, batch_size=64).fit(X)


def test_curves_are_found_and_new_rows_join_them():
    X, y = make_union_of_manifolds(450, n_features=20, noise=0.01, random_state=0)
    model = ManifoldLinearizingClustering(
        3, hidden_layer_sizes=(64,), n_components=16, pretrain_iter=30, random_state=0
    ).fit(X[:300])
    assert clustering_accuracy(y[:300], model.labels_) > 0.98
    assert clustering_accuracy(y[300:], model.predict(X[300:])) > 0.98


def test_rows_that_are_not_drawn_join_the_nearest_subspace():
    X, y = make_union_of_manifolds(450, n_features=20, noise=0.01, random_state=0)
    params = {"hidden_layer_sizes": (64,), "n_components": 16, "pretrain_iter": 30}
    model = ManifoldLinearizingClustering(3, max_samples=200, random_state=0, **params).fit(X)
    drawn = model.sample_indices_
    assert len(np.unique(drawn)) == 200
    assert model.affinity_matrix_.shape == (200, 200)
    assert model.embedding_.shape == (450, 16)
    assert_allclose(model.embed(X), model.embedding_, atol=1e-6)
    assert clustering_accuracy(y, model.labels_) > 0.98
    alone = ManifoldLinearizingClustering(3, random_state=0, **params).fit(X[drawn])
    others = np.setdiff1d(np.arange(450), drawn)
    assert_array_equal(model.labels_[others], alone.predict(X[others]))


def test_all_rows_are_learnt_from_where_they_are_few(fitted):
    assert fitted.sample_indices_ is None
    same = ManifoldLinearizingClustering(**CHEAP, max_samples=None).fit(X)
    assert_array_equal(same.embedding_, fitted.embedding_)
    with pytest.raises(ValueError, match="max_samples=2 must be at least n_clusters=3"):
        ManifoldLinearizingClustering(**CHEAP, max_samples=2).fit(X)


def test_training_raises_the_rate_of_the_features():
    model = ManifoldLinearizingClustering(**CHEAP | {"pretrain_iter": 40, "batch_size": 64}).fit(X)
    rates = model.coding_rate_curve_
    assert len(rates) == len(model.loss_curve_) == model.n_iter_ == 40
    assert rates[-1] > rates[0] + 0.5
    assert model.loss_curve_[-1] < model.loss_curve_[0]
    assert rates[-1] < 6 / 2 * np.log(1 + 1 / 0.5**2)  # the largest that six dimensions allow


def test_max_iter_zero_stops_after_pretraining(fitted):
    assert fitted.max_iter == 0
    assert fitted.stage_ == "pretraining"
    assert fitted.cluster_coding_rate_curve_ == []
    assert list(fitted.stage_scores_) == ["pretraining"]
    assert fitted.n_iter_ == 3


def test_the_second_stage_is_recorded_and_begins_where_the_first_ends(fitted, both_stages):
    assert both_stages.n_iter_ == 5
    assert len(both_stages.coding_rate_curve_) == 5
    assert len(both_stages.cluster_coding_rate_curve_) == 2
    assert list(both_stages.stage_scores_) == ["pretraining", "linearizing"]
    before = ManifoldLinearizingClustering(**CHEAP, batch_size=64).fit(X)
    assert both_stages.coding_rate_curve_[:3] == before.coding_rate_curve_
    assert both_stages.stage_scores_["pretraining"] == before.stage_scores_["pretraining"]


def test_the_stage_whose_clusters_fit_the_rows_best_is_kept(both_stages):
    scores = both_stages.stage_scores_
    assert both_stages.stage_ == max(scores, key=scores.get)
    # in sample, with three dimensions a cluster, at unit length: the criterion itself
    unit = X / np.linalg.norm(X, axis=1, keepdims=True)
    three = [basis[:3] for basis in both_stages.cluster_bases_]
    residual = squared_residuals(unit, both_stages.cluster_means_, three).min(axis=1).sum()
    assert scores[both_stages.stage_] == pytest.approx(
        1 - residual / ((unit - unit.mean(axis=0)) ** 2).sum(), abs=1e-9
    )


@pytest.mark.parametrize("winner", ["pretraining", "linearizing"])
def test_either_stage_can_win(monkeypatch, winner):
    from sksubspace.cluster._linearizing import _manifold_linearizing, _stages

    trained = []
    linearizing = _manifold_linearizing.Linearizing.__init__

    def start(self, *args):
        trained.append("linearizing")
        linearizing(self, *args)

    def explained(X, labels):
        return float(("linearizing" if trained else "pretraining") == winner)

    monkeypatch.setattr(_manifold_linearizing.Linearizing, "__init__", start)
    monkeypatch.setattr(_stages, "explained", explained)
    model = ManifoldLinearizingClustering(**CHEAP, max_iter=2).fit(X)
    assert model.stage_ == winner
    assert model.stage_scores_ == {
        "pretraining": winner == "pretraining",
        "linearizing": winner == "linearizing",
    }
    monkeypatch.undo()
    pretrained = ManifoldLinearizingClustering(**CHEAP).fit(X).embedding_
    assert np.array_equal(pretrained, model.embedding_) == (winner == "pretraining")


def test_one_seed_is_one_fit_and_global_generators_are_left_alone(both_stages):
    before = torch.get_rng_state(), np.random.get_state()[1].copy()
    again, other = (
        ManifoldLinearizingClustering(
            **CHEAP | {"random_state": seed}, max_iter=2, batch_size=64
        ).fit(X)
        for seed in (0, 1)
    )
    assert_array_equal(again.embedding_, both_stages.embedding_)
    assert_array_equal(again.labels_, both_stages.labels_)
    assert again.loss_curve_ == both_stages.loss_curve_
    assert not np.array_equal(other.embedding_, again.embedding_)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert_array_equal(np.random.get_state()[1], before[1])


def test_features_are_unit_rows_and_those_of_new_rows_are_the_same(both_stages):
    assert both_stages.embedding_.shape == (180, 6)
    assert_allclose(np.linalg.norm(both_stages.embedding_, axis=1), 1)
    for method in (both_stages.transform, both_stages.predict):
        assert_array_equal(method(X[::-1])[::-1], method(X))
        assert_array_equal(method(X[3:4]), method(X)[3:4])
    assert_array_equal(both_stages.embed(X), both_stages.embedding_)
    assert_array_equal(both_stages.embed(X[7:8]), both_stages.embedding_[7:8])
    assert_allclose(both_stages.embed(5 * X), both_stages.embedding_, atol=1e-9)


def test_distances_are_from_the_subspaces_of_the_features(fitted):
    expected = squared_residuals(fitted.embed(X), fitted.feature_means_, fitted.feature_bases_)
    assert_allclose(fitted.transform(X), np.sqrt(expected))
    assert_array_equal(fitted.predict(X), fitted.transform(X).argmin(axis=1))
    for k, (mean, basis) in enumerate(
        zip(fitted.feature_means_, fitted.feature_bases_, strict=True)
    ):
        assert_allclose(mean, fitted.embedding_[fitted.labels_ == k].mean(axis=0))
        assert_allclose(basis @ basis.T, np.eye(len(basis)), atol=1e-12)


def test_score_is_of_the_rows_and_comparable_with_other_clusterings(fitted):
    unit = X / np.linalg.norm(X, axis=1, keepdims=True)
    for k, mean in enumerate(fitted.cluster_means_):
        assert mean.shape == (12,)
        assert_allclose(mean, unit[fitted.labels_ == k].mean(axis=0))
    assert fitted.score(X) < 1
    assert fitted.score(X) > fitted.score(np.random.RandomState(0).randn(50, 12))


def test_the_graph_is_doubly_stochastic(fitted):
    A = fitted.affinity_matrix_
    assert sparse.issparse(A)
    assert A.nnz <= 180 * 2 * 10
    assert_allclose(np.asarray(A.sum(axis=1)).ravel(), 1, atol=1e-3)
    assert abs(A - A.T).max() < 1e-12


def test_training_is_reported_epoch_by_epoch():
    monitor = LossMonitor()
    model = ManifoldLinearizingClustering(**CHEAP, max_iter=2)
    model.set_callbacks(monitor).fit(X)
    found = monitor.get_logs()
    assert [row["epoch"] for row in found] == [0, 1, 2, 0, 1]
    assert [row["loss"] for row in found] == model.loss_curve_


def test_pickles_hold_arrays_only(both_stages):
    state = both_stages.__getstate__()
    assert all("torch" not in type(value).__module__ for value in state.values())
    assert all(isinstance(value, np.ndarray) for value in state["_weights"].values())
    loaded = pickle.loads(pickle.dumps(both_stages))
    assert_array_equal(loaded.transform(X), both_stages.transform(X))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_is_kept(dtype):
    model = ManifoldLinearizingClustering(**CHEAP, max_iter=1).fit(X.astype(dtype))
    assert model.embedding_.dtype == dtype
    assert model.transform(X.astype(dtype)).dtype == dtype
    assert model.embed(X.astype(dtype)).dtype == dtype
    assert model.cluster_bases_[0].dtype == dtype


def test_rows_need_not_be_normalized_nor_many():
    raw = ManifoldLinearizingClustering(**CHEAP, normalize=False).fit(1000 * X + 5)
    assert np.isfinite(raw.transform(1000 * X + 5)).all()
    few = ManifoldLinearizingClustering(**CHEAP | {"n_neighbors": 50}, max_iter=1).fit(X[:4])
    assert few.labels_.shape == (4,)


def test_zero_and_equal_rows_are_clustered():
    rows = np.vstack([X[:30], np.zeros((2, 12)), np.repeat(X[:1], 15, axis=0)])
    with pytest.warns(UserWarning, match="2 of 47 rows are zero"):
        model = ManifoldLinearizingClustering(**CHEAP, max_iter=1).fit(rows)
    assert set(model.labels_) == {0, 1, 2}
    assert np.isfinite(model.embedding_).all()


def test_a_given_dimension_is_used_in_both_spaces():
    model = ManifoldLinearizingClustering(**CHEAP, subspace_dim=2).fit(X)
    assert [len(basis) for basis in model.cluster_bases_] == [2, 2, 2]
    assert [len(basis) for basis in model.feature_bases_] == [2, 2, 2]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        wide = ManifoldLinearizingClustering(**CHEAP, subspace_dim=9).fit(X)
    assert [len(basis) for basis in wide.feature_bases_] == [5, 5, 5]


def test_tiny_temperatures_leave_no_row_alone():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = ManifoldLinearizingClustering(**CHEAP, temperature=1e-4, max_iter=1).fit(X)
    assert (model.labels_ >= 0).all()
    assert np.isfinite(model.affinity_matrix_.data).all()


@pytest.mark.parametrize(
    "bad, message",
    [
        ({"hidden_layer_sizes": ()}, "hidden_layer_sizes must be a sequence of at least one"),
        ({"hidden_layer_sizes": (5, 0)}, "positive int, got"),
        ({"hidden_layer_sizes": (8.7,)}, "positive int, got"),
        ({"hidden_layer_sizes": ("8",)}, "positive int, got"),
        ({"hidden_layer_sizes": (True,)}, "positive int, got"),
        ({"n_components": 0}, "'n_components' parameter"),
        ({"temperature": 0}, "'temperature' parameter"),
        ({"n_clusters": 200}, "n_samples=180 should be >= n_clusters=200"),
        ({"device": "tpu"}, "device must be"),
    ],
)
def test_bad_parameters_are_named(bad, message):
    with pytest.raises(ValueError, match=message):
        ManifoldLinearizingClustering(**CHEAP | bad).fit(X)
