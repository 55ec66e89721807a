"""SparseAutoencoder: what the fit gives, in input units, and what it stands."""

import pickle

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning

from sksubspace.autoencoder import SparseAutoencoder
from sksubspace.autoencoder._sparse._network import PENALTIES
from sksubspace.callbacks import LossMonitor

X = load_digits().data[:300]
X_new = load_digits().data[300:337]


def make(n_components=48, **params):
    return SparseAutoencoder(n_components, **{"k": 4, "max_iter": 6, "random_state": 0} | params)


@pytest.fixture(scope="module")
def fitted():
    return make().fit(X)


def test_codes_are_the_largest_positive_entries_by_brute_force(fitted):
    Z = fitted.transform(X_new)
    assert isinstance(Z, sparse.csr_matrix) and Z.has_sorted_indices
    A = (X_new - fitted.intercept_) @ fitted.encoder_components_.T + fitted.encoder_intercept_
    for row, a in zip(Z.toarray(), A, strict=True):
        kept = np.argsort(-a)[:4]
        expected = np.zeros(48)
        expected[kept] = np.maximum(a[kept], 0)
        assert_allclose(row, expected, atol=1e-10)


def test_reconstruction_is_the_sum_of_atoms_and_the_score_its_r2(fitted):
    Z = fitted.transform(X_new)
    expected = Z.toarray() @ fitted.components_ + fitted.intercept_
    assert_allclose(fitted.inverse_transform(Z), expected)
    assert_allclose(fitted.inverse_transform(Z.toarray()), expected)
    left = np.square(X_new - expected).sum()
    assert_allclose(fitted.score(X_new), 1 - left / np.square(X_new - X.mean(axis=0)).sum())
    assert_allclose(np.linalg.norm(fitted.components_, axis=1), 1)


def test_the_loss_of_a_full_batch_is_one_less_r2():
    """A step is made after the loss is measured, so that the second loss is that of one epoch."""
    options = {"batch_size": len(X), "learning_rate": 1e-9}
    model = make(max_iter=2, **options).fit(X)
    assert_allclose(model.loss_curve_[1], 1 - model.score(X), rtol=1e-5)


@pytest.mark.parametrize("penalty", ["l1", "flops"])
def test_penalties_by_brute_force_and_what_they_do(penalty):
    options = {"batch_size": len(X), "learning_rate": 1e-9, "activation": "relu", "max_iter": 1}
    model = make(penalty=penalty, penalty_weight=0.5, **options).fit(X)
    Z = model.transform(X).toarray() / np.sqrt(X.var(axis=0).sum())
    expected = Z.sum(axis=1).mean() if penalty == "l1" else np.square(Z.mean(axis=0)).sum()
    assert_allclose(model.loss_curve_[0], 1 - model.score(X) + 0.5 * expected, rtol=1e-5)
    free, held = (
        make(activation="relu", penalty=penalty, penalty_weight=w, max_iter=60).fit(X)
        for w in (0.0, 1.0)
    )
    assert held.transform(X).sum() < 0.7 * free.transform(X).sum()


def test_training_reconstructs_better_than_as_many_principal_components():
    from sklearn.decomposition import PCA

    model = make(128, k=8, max_iter=200).fit(X)
    pca = PCA(8).fit(X)
    centred = X - pca.mean_
    left = np.square(centred - centred @ pca.components_.T @ pca.components_).sum()
    assert model.score(X) > 1 - left / np.square(centred).sum()


def test_usage_counts_active_rows(fitted):
    active = (fitted.transform(X).toarray() > 0).mean(axis=0)
    assert_allclose(fitted.usage_, active)
    assert fitted.dead_fraction_ == (active == 0).mean()


def test_flops_are_the_units_that_two_rows_are_expected_to_share(fitted):
    active = fitted.transform(X).toarray() > 0
    shared = active.astype(float) @ active.T.astype(float)
    assert_allclose(fitted.flops_, shared.mean())
    fewer = make(k=1).fit(X)
    assert fewer.flops_ < fitted.flops_
    assert make().partial_fit(X[:50]).flops_ > 0


def test_the_gradient_of_flops_asks_more_of_units_that_are_used_more():
    z = torch.tensor(np.random.RandomState(0).uniform(0, 1, (7, 5)), requires_grad=True)
    PENALTIES["flops"](z).backward()
    means = z.detach().numpy().mean(axis=0)
    assert_allclose(z.grad.numpy(), np.tile(2 * means / 7, (7, 1)))


@pytest.mark.parametrize("penalty", ["l1", "flops"])
def test_a_penalty_of_weight_zero_is_none(penalty):
    free = make(activation="relu").fit(X)
    weightless = make(activation="relu", penalty=penalty, penalty_weight=0.0).fit(X)
    assert free.loss_curve_ == weightless.loss_curve_
    assert_array_equal(free.encoder_components_, weightless.encoder_components_)
    assert_array_equal(free.transform(X_new).toarray(), weightless.transform(X_new).toarray())


def test_flops_uses_units_more_alike_than_l1_at_fewer_operations():
    def unevenness(share):  # the Gini coefficient, as the mean difference of pairs
        return np.abs(share[:, None] - share).mean() / (2 * share.mean())

    l1, flops = (
        make(activation="relu", penalty=penalty, penalty_weight=weight, max_iter=60).fit(X)
        for penalty, weight in (("l1", 0.2), ("flops", 6.0))
    )
    assert flops.flops_ < l1.flops_ < 5
    assert unevenness(flops.usage_) < 0.7 * unevenness(l1.usage_)
    assert flops.dead_fraction_ == 0


def test_first_atoms_lie_where_init_says():
    rng = np.random.RandomState(0)
    basis = np.linalg.qr(rng.randn(30, 3))[0]
    rows = 5 * rng.randn(200, 3) @ basis.T + 0.01 * rng.randn(200, 30) + 2

    def inside(init, **params):
        model = make(learning_rate=1e-9, max_iter=1, init=init, **params).fit(rows)
        return np.linalg.norm(model.components_ @ basis, axis=1), model

    for share in (0.99, 0.9):
        lengths, model = inside("subspace", subspace_variance=share)
        assert lengths.min() > 0.99
        assert_allclose(model.encoder_components_, model.components_, atol=1e-6)
    assert np.median(inside("random")[0]) < 0.6
    lengths, model = inside("data")
    centred = rows - rows.mean(axis=0)
    cosines = model.components_ @ (centred / np.linalg.norm(centred, axis=1, keepdims=True)).T
    assert_allclose(cosines.max(axis=1), 1, atol=1e-6)
    assert inside("subspace", subspace_variance=1.0)[0].max() < 0.999


def test_more_atoms_than_rows_and_constant_rows_stay_finite():
    model = make(64, init="data").fit(X[:7])
    assert_allclose(np.linalg.norm(model.components_, axis=1), 1)
    for init in ("subspace", "data"):
        model = make(init=init).fit(np.ones((5, 4)))
        assert_allclose(model.inverse_transform(model.transform(np.ones((5, 4)))), 1)


def test_rows_do_not_depend_on_their_batch():
    for dtype in (np.float64, np.float32):
        model = make().fit(X.astype(dtype))
        new = X_new.astype(dtype)
        Z = model.transform(new)
        assert Z.dtype == dtype and model.components_.dtype == dtype
        back = model.inverse_transform(Z.toarray())
        assert back.dtype == dtype
        for i in (0, 17, 36):
            assert_array_equal(model.transform(new[i : i + 1]).toarray(), Z[i].toarray())
            assert_array_equal(model.inverse_transform(Z[i].toarray()), back[i : i + 1])
            assert_array_equal(model.inverse_transform(Z[i]), model.inverse_transform(Z)[i : i + 1])
        many = model.transform(np.tile(new, (30, 1)))
        assert_array_equal(many[-37:].toarray(), Z.toarray())


def test_same_seed_same_bits_and_a_second_fit_forgets_the_first(fitted):
    again = make().fit(X[:50, :20]).fit(X)
    assert vars(again).keys() == vars(fitted).keys()
    assert_array_equal(again.transform(X_new).toarray(), fitted.transform(X_new).toarray())
    other = make(random_state=1).fit(X)
    assert not np.allclose(other.components_, fitted.components_)


def test_pickles_and_skops_files(fitted):
    copy = pickle.loads(pickle.dumps(fitted))
    assert_array_equal(copy.transform(X_new).toarray(), fitted.transform(X_new).toarray())
    skops_io = pytest.importorskip("skops.io")
    for model in (copy, make().partial_fit(X)):
        stored = skops_io.dumps(model)
        foreign = skops_io.get_untrusted_types(data=stored)
        assert foreign == ["sksubspace.autoencoder._sparse._autoencoder.SparseAutoencoder"]
        loaded = skops_io.loads(stored, trusted=foreign)
        assert_array_equal(loaded.components_, model.components_)
        assert_array_equal(loaded.partial_fit(X).components_, model.partial_fit(X).components_)


def test_partial_fits_are_epochs_with_one_optimizer():
    model = make()
    for _ in range(30):
        model.partial_fit(X)
    assert model.n_iter_ == len(model.loss_curve_) == 30
    assert model.loss_curve_[-1] < 0.6 * model.loss_curve_[0]
    assert_allclose(model.usage_, (model.transform(X).toarray() > 0).mean(axis=0))
    after_fit = make().fit(X)
    before = after_fit.score(X)
    loss = after_fit.partial_fit(X[:100]).loss_curve_[-1]
    assert loss < 1.2 * (1 - before) and after_fit.n_iter_ == 7
    with pytest.raises(ValueError, match="64 features"):
        after_fit.partial_fit(X[:, :10])


def test_frames_need_dense_codes(fitted):
    pytest.importorskip("pandas")
    with pytest.raises(ValueError, match="sparse matrix"):
        make().set_output(transform="pandas").fit(X).transform(X_new)
    dense = make(sparse_output=False).set_output(transform="pandas").fit(X)
    frame = dense.transform(X_new)
    assert list(frame.columns[:2]) == ["sparseautoencoder0", "sparseautoencoder1"]
    assert_array_equal(frame.to_numpy(), fitted.transform(X_new).toarray())


def test_early_stopping_holds_rows_out_and_keeps_the_best():
    model = make(early_stopping=True, max_iter=3, n_iter_no_change=5)
    with pytest.warns(ConvergenceWarning, match="max_iter=3"):
        model.fit(X)
    assert len(model.validation_loss_curve_) == 3
    assert make(max_iter="auto", batch_size=8).fit(X).n_iter_ == int(np.ceil(2000 / 38))


def test_every_epoch_is_shown_to_callbacks():
    monitor = LossMonitor()
    model = make().set_callbacks(monitor).fit(X)
    assert [row["loss"] for row in monitor.get_logs()] == model.loss_curve_


def test_a_finished_checkpoint_changes_nothing(fitted, tmp_path):
    model = make(checkpoint=tmp_path).fit(X)
    assert_array_equal(model.components_, fitted.components_)
    other = make(k=5, checkpoint=tmp_path).fit(X)
    assert_array_equal(other.components_, make(k=5).fit(X).components_)


def test_an_interrupted_fit_goes_on_with_the_same_bits(fitted, tmp_path):
    class Killed(Exception):
        pass

    class KillAfter:
        def setup(self, estimator, context):
            pass

        def teardown(self, estimator, context):
            pass

        def on_fit_task_begin(self, estimator, context):
            if context.task_name == "epoch" and context.task_id == 3:
                raise Killed

        def on_fit_task_end(self, estimator, context, metadata=None):
            return False

    with pytest.raises(Killed):
        make(checkpoint=tmp_path).set_callbacks(KillAfter()).fit(X)
    resumed = make(checkpoint=tmp_path).fit(X)
    assert resumed.loss_curve_ == fitted.loss_curve_
    assert_array_equal(resumed.components_, fitted.components_)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"k": 0}, "'k' parameter .* must be an int"),
        ({"activation": "tanh"}, "'activation' parameter"),
        ({"init": "pca"}, "'init' parameter"),
        ({"penalty": "l2"}, "'penalty' parameter"),
        ({"subspace_variance": 0.0}, "'subspace_variance' parameter"),
        ({"device": "tpu"}, "device must be"),
        ({"learning_rate": 1e250}, "learning_rate"),
    ],
)
def test_errors_name_what_is_allowed(params, message):
    with pytest.raises(ValueError, match=message):
        make(**params).fit(X)


def test_codes_of_another_width_are_an_error(fitted):
    with pytest.raises(ValueError, match="n_components_=48 columns, got 5"):
        fitted.inverse_transform(np.ones((2, 5)))
