"""How many units of a sparse autoencoder are active: by epoch, and in its codes."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_digits
from torch import nn

import sksubspace
from sksubspace.autoencoder import SparseAutoencoder
from sksubspace.autoencoder._sparse._network import SparseReconstruction, active_units, largest
from tests.autoencoder.test_checkpoint import Break

X = load_digits().data[:300]
X_new = load_digits().data[300:337]


def make(n_components=48, **params):
    shared = {"k": 4, "max_iter": 10, "batch_size": 100, "random_state": 0}
    return SparseAutoencoder(n_components, **shared | params)


@pytest.fixture
def trained_with(monkeypatch):
    """Numbers of units that were chosen in training steps and on rows held out, in turn."""
    seen = {True: [], False: []}
    codes = SparseReconstruction.codes

    def counting(self, x):
        z = codes(self, x)
        seen[self.training].append(int((z != 0).sum(dim=1).max()))
        return z

    monkeypatch.setattr(SparseReconstruction, "codes", counting)
    return seen


def test_active_units_fall_linearly_until_half_of_the_epochs(trained_with):
    make(k_start=14).fit(X)
    # three batches an epoch; 14, less 2 in each of five epochs
    expected = np.repeat([14, 12, 10, 8, 6, 4, 4, 4, 4, 4], 3)
    assert_array_equal(trained_with[True], expected)


@pytest.mark.parametrize(
    ("n_epochs", "expected"),
    [(1, [9]), (2, [9, 4]), (3, [9, 6, 4]), (8, [9, 8, 6, 5, 4, 4, 4, 4])],
)
def test_the_schedule_by_hand(n_epochs, expected):
    assert [active_units(epoch, n_epochs, 9, 4) for epoch in range(n_epochs)] == expected


def test_rows_held_out_are_judged_with_k_units(trained_with):
    with pytest.warns(match="max_iter"):
        model = make(k_start=14, early_stopping=True, n_iter_no_change=20).fit(X)
    assert max(trained_with[True]) == 14
    assert max(trained_with[False]) == 4 and len(trained_with[False]) == 10
    assert model.transform(X).getnnz(axis=1).max() == 4


def test_the_schedule_changes_the_result_and_its_absence_nothing():
    plain, annealed = make().fit(X), make(k_start=16).fit(X)
    assert annealed.loss_curve_[0] != plain.loss_curve_[0]
    same = make(k_start=4).fit(X)
    assert same.loss_curve_ == plain.loss_curve_
    assert_array_equal(same.components_, plain.components_)
    assert not np.allclose(annealed.components_, plain.components_, atol=1e-3)


def test_partial_fits_train_with_k_units(trained_with):
    model, plain = make(k_start=14), make()
    for _ in range(3):
        model.partial_fit(X), plain.partial_fit(X)
    assert max(trained_with[True]) == 4
    assert_array_equal(model.components_, plain.components_)
    after_fit = make(k_start=14).fit(X)
    trained_with[True].clear()
    after_fit.partial_fit(X)
    assert max(trained_with[True]) == 4


@pytest.mark.parametrize("epoch", [0, 2, 6])
@pytest.mark.parametrize("params", [{}, {"early_stopping": True}])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_an_interrupted_fit_goes_on_with_the_same_bits(epoch, params, tmp_path):
    options = {"k_start": 15, "n_iter_no_change": 30, **params}
    with pytest.raises(InterruptedError):
        make(checkpoint=tmp_path, **options).set_callbacks(Break(epoch)).fit(X)
    resumed, whole = make(checkpoint=tmp_path, **options).fit(X), make(**options).fit(X)
    assert resumed.loss_curve_ == whole.loss_curve_
    assert resumed.validation_loss_curve_ == whole.validation_loss_curve_
    assert_array_equal(resumed.transform(X).toarray(), whole.transform(X).toarray())
    assert_array_equal(resumed.components_, whole.components_)


def test_transform_k_is_how_many_entries_are_kept():
    plain, wide = make().fit(X), make(transform_k=7).fit(X)
    assert_array_equal(wide.components_, plain.components_)
    A = (X_new - wide.intercept_) @ wide.encoder_components_.T + wide.encoder_intercept_
    for k in (2, 7, 100):
        Z = wide.set_params(transform_k=k).transform(X_new)
        expected = np.zeros_like(A)
        for row, a in zip(expected, A, strict=True):
            kept = np.argsort(-a)[:k]
            row[kept] = np.maximum(a[kept], 0)
        assert_allclose(Z.toarray(), expected, atol=1e-10)
        back = expected @ wide.components_ + wide.intercept_
        left = np.square(X_new - back).sum() / np.square(X_new - X.mean(axis=0)).sum()
        assert_allclose(wide.score(X_new), 1 - left)
    assert_array_equal(wide.usage_, plain.usage_)
    assert wide.dead_fraction_ == plain.dead_fraction_


def test_transform_k_with_modules():
    params = {"encoder": nn.Linear(64, 48), "decoder": nn.Linear(48, 64)}
    model = make(transform_k=9, **params).fit(X)
    Z = model.transform(X)
    assert Z.getnnz(axis=1).max() == 9
    few = model.set_params(transform_k=None).transform(X).toarray()
    assert_array_equal(np.sort(few)[:, -4:], np.sort(Z.toarray())[:, -4:])


def test_copies_and_files(tmp_path):
    model = make(k_start=12, transform_k=6).fit(X)
    for copy in (pickle.loads(pickle.dumps(model)), clone(model).fit(X)):
        assert_array_equal(copy.transform(X_new).toarray(), model.transform(X_new).toarray())
    pytest.importorskip("skops.io")
    loaded = sksubspace.load(sksubspace.save(model, tmp_path / "model.skops"))
    assert_array_equal(loaded.transform(X_new).toarray(), model.transform(X_new).toarray())


def test_the_largest_of_ties_and_of_too_few():
    import torch

    a = torch.tensor([[1.0, 1.0, -1.0, 1.0], [-1.0, -2.0, 3.0, -4.0]])
    assert (largest(a, 2) != 0).sum(dim=1).tolist() == [2, 1]
    assert torch.equal(largest(a, 9), a.relu())


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"k_start": 3}, "k_start must be at least k=4, got 3"),
        ({"k_start": 0}, "'k_start' parameter .* must be an int"),
        ({"k_start": 5.5}, "'k_start' parameter .* must be an int"),
        ({"transform_k": 0}, "'transform_k' parameter .* must be an int"),
        ({"k_start": 9, "activation": "relu"}, "k_start must be None with activation='relu'.* 9"),
        ({"transform_k": 9, "activation": "relu"}, "transform_k must be None with .*'relu'.* 9"),
    ],
)
def test_errors_name_what_is_allowed(params, message, tmp_path):
    for method in ("fit", "partial_fit"):
        with pytest.raises(ValueError, match=message):
            getattr(make(checkpoint=tmp_path / "run", **params), method)(X)
    assert not (tmp_path / "run").exists()


@pytest.mark.gpu
def test_on_a_gpu():
    first, second = (make(k_start=14, transform_k=6, device="cuda").fit(X) for _ in range(2))
    assert first.loss_curve_ == second.loss_curve_
    assert_array_equal(first.transform(X_new).toarray(), second.transform(X_new).toarray())
    on_cpu = make(k_start=14, device="cpu").fit(X)
    assert first.loss_curve_[0] == pytest.approx(on_cpu.loss_curve_[0], rel=0.05)
