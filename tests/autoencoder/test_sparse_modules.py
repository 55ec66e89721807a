"""Modules of the user, and mixed precision, in the two sparse coders."""

import pickle
from copy import deepcopy

import joblib
import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_digits
from torch import nn

import sksubspace
from sksubspace._torch.random import seeded_module
from sksubspace.autoencoder import PredictiveSparseCoding, SparseAutoencoder
from sksubspace.autoencoder._sparse._energy import PredictiveEnergy, TanhEncoder
from sksubspace.autoencoder._sparse._network import SparseReconstruction
from tests.autoencoder.test_checkpoint import Break
from tests.common import GlobalState

X = load_digits().data[:300]
X_new = load_digits().data[300:337]
M, K = 40, 4


def network(n_in=64, n_out=M):
    def build():
        return nn.Sequential(nn.Linear(n_in, 32), nn.LayerNorm(32), nn.Tanh(), nn.Linear(32, n_out))

    return seeded_module(build, torch.Generator().manual_seed(0))


MODULES = {
    "encoder": {"encoder": network()},
    "decoder": {"decoder": network(M, 64)},
    "both": {"encoder": network(), "decoder": network(M, 64)},
}
CASES = [*MODULES, "predictive"]


def make(case="both", **params):
    shared = {"max_iter": 6, "batch_size": 64, "device": "cpu", "random_state": 0}
    if case == "predictive":
        return PredictiveSparseCoding(M, **shared | MODULES["encoder"] | params)
    return SparseAutoencoder(M, **shared | {"k": K} | MODULES.get(case, {}) | params)


def dense(Z):
    return Z.toarray() if sparse.issparse(Z) else Z


def outputs(model, new=X_new):
    Z = model.transform(new)
    return dense(Z), model.inverse_transform(Z), model.score(new)


def assert_same(first, second):
    for one, other in zip(outputs(first), outputs(second), strict=True):
        assert_array_equal(one, other)
    assert first.loss_curve_ == second.loss_curve_


def applied(module, rows):
    with torch.no_grad():
        return module(torch.from_numpy(rows)).numpy()


def largest(A, k):
    """The k largest entries of each row where they are positive, one by one."""
    Z = np.zeros_like(A)
    for z, a in zip(Z, A, strict=True):
        for j in sorted(range(len(a)), key=lambda j: -a[j])[:k]:
            z[j] = max(a[j], 0)
    return Z


@pytest.fixture(scope="module", params=CASES)
def case(request):
    return request.param


@pytest.fixture(scope="module")
def fitted(case):
    return make(case).fit(X)


def test_codes_and_rows_by_hand_from_the_trained_modules(case, fitted):
    standardised = (X_new - X.mean(axis=0)) / np.sqrt(X.var(axis=0).mean())
    Z, back, score = outputs(fitted)
    if case == "decoder":
        A = (X_new - fitted.intercept_) @ fitted.encoder_components_.T + fitted.encoder_intercept_
    else:
        A = fitted.scale_ * applied(fitted._model.encoder.module[1], standardised)
    assert_allclose(Z, A if case == "predictive" else largest(A, K), rtol=1e-6, atol=1e-6)
    if case in ("encoder", "predictive"):
        expected = Z @ fitted.components_ + fitted.intercept_
    else:
        expected = fitted.scale_ * applied(
            fitted._model.decoder.module, Z / fitted.scale_
        ) + X.mean(axis=0)
    assert_allclose(back, expected, atol=1e-9)
    left = np.square(X_new - expected).sum()
    assert_allclose(score, 1 - left / np.square(X_new - X.mean(axis=0)).sum())


def test_what_a_module_replaces_is_none(case, fitted):
    linear_encoder, linear_decoder = case == "decoder", case in ("encoder", "predictive")
    assert (fitted.encoder_components_ is None) == (not linear_encoder)
    assert (fitted.encoder_intercept_ is None) == (not linear_encoder)
    assert (fitted.components_ is None) == (not linear_decoder)
    assert (fitted.intercept_ is None) == (case == "both")
    if case == "predictive":
        assert fitted.encoder_gain_ is None
    else:
        Z = fitted.transform(X)
        assert isinstance(Z, sparse.csr_matrix) and Z.getnnz(axis=1).max() == K
        assert_allclose(fitted.usage_, (Z.toarray() > 0).mean(axis=0))
        assert fitted.dead_fraction_ == (fitted.usage_ == 0).mean()


def test_a_copy_is_trained(case, fitted):
    given = fitted.encoder if case != "decoder" else fitted.decoder
    ours = fitted._model.encoder.module[1] if case != "decoder" else fitted._model.decoder.module
    fresh = MODULES["encoder" if case == "predictive" else case]
    for name in fresh:
        before = fresh[name].state_dict()
        state = getattr(fitted, name).state_dict()
        assert all(torch.equal(state[key], before[key]) for key in before)
    assert all(p.dtype == torch.float64 for p in ours.parameters())
    moved = [
        (p.double() - q).abs().max()
        for p, q in zip(given.parameters(), ours.parameters(), strict=True)
    ]
    assert min(moved) > 1e-5


def test_pretrained_weights_are_the_start():
    """With hardly a step made, a linear module is the linear layer of its weights."""
    options = {"max_iter": 1, "learning_rate": 1e-12, "init": "random"}
    plain = make("none", **options).fit(X)
    E, D = (torch.from_numpy(W) for W in (plain.encoder_components_, plain.components_))
    encoder, decoder = nn.Linear(64, M).double(), nn.Linear(M, 64).double()
    with torch.no_grad():
        encoder.weight.copy_(E), encoder.bias.zero_()
        decoder.weight.copy_(D.T), decoder.bias.zero_()
    for modules in ({"encoder": encoder}, {"decoder": decoder}):
        model = make("none", **modules, **options).fit(X)
        for one, other in zip(outputs(model), outputs(plain), strict=True):
            assert_allclose(one, other, rtol=1e-6, atol=1e-6)
        assert_allclose(model.loss_curve_, plain.loss_curve_)
    both = make("none", encoder=encoder, decoder=decoder, **options).fit(X)
    assert_allclose(outputs(both)[1], outputs(plain)[1], rtol=1e-6, atol=1e-6)
    assert_allclose(both.loss_curve_, plain.loss_curve_)


@pytest.mark.parametrize("penalty", ["l1", "flops"])
def test_penalties_count_codes_in_the_unit_of_the_rows(penalty):
    options = {"batch_size": len(X), "learning_rate": 1e-12, "max_iter": 1}
    model = make(penalty=penalty, penalty_weight=0.3, **options).fit(X)
    Z = model.transform(X).toarray() / np.sqrt(X.var(axis=0).sum())
    expected = Z.sum(axis=1).mean() if penalty == "l1" else np.square(Z.mean(axis=0)).sum()
    assert_allclose(model.loss_curve_[0], 1 - model.score(X) + 0.3 * expected, rtol=1e-6)


def test_the_loss_of_a_full_batch_is_the_energy_by_hand():
    options = {"batch_size": len(X), "learning_rate": 1e-12, "max_iter": 1}
    model = make("predictive", **options).fit(X)
    x = torch.from_numpy((X - model.mean_) / model.scale_)
    layer = model._model.encoder.module[1]
    energy = PredictiveEnergy(np.zeros(64), 1.0, model.components_, layer, alpha=1.0, weight=1.0)
    predicted = applied(layer, x.numpy())
    D = torch.from_numpy(model.components_)
    Z = energy.double().codes(x, D, torch.from_numpy(predicted)).numpy()
    parts = [np.square(x.numpy() - Z @ model.components_), np.abs(Z), np.square(Z - predicted)]
    assert_allclose(model.loss_curve_[0], sum(part.sum() for part in parts) / x.numel(), rtol=1e-6)


def test_training_reconstructs_better(case):
    options = {"learning_rate": 0.02, "max_iter": 40}
    begun, trained = make(case, max_iter=1).fit(X), make(case, **options).fit(X)
    assert trained.score(X_new) > 0.3 + begun.score(X_new)
    assert trained.loss_curve_[-1] < 0.8 * begun.loss_curve_[0]


def test_a_better_encoder_than_the_layer_predicts_codes_better():
    """Of a lasso with many atoms, which a hidden layer has room for."""
    errors = []
    for encoder in (None, nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, M))):
        model = make("predictive", encoder=encoder, max_iter=60).fit(X)
        Z = model.transform(X)
        exact = model.set_params(transform_algorithm="fista").transform(X)
        errors.append(np.square(Z - exact).sum() / np.square(exact).sum())
        assert (exact == 0).mean() > 0.1
    assert errors[1] < 0.9 * errors[0]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"encoder": nn.Linear(64, 3)}, r"encoder must .* \(n, 64\) to \(n, 40\); it maps .*3\)"),
        ({"encoder": nn.Linear(63, M)}, r"encoder must .*; it fails on \(2, 64\)"),
        ({"decoder": nn.Linear(M, 6)}, r"decoder must .* \(n, 40\) to \(n, 64\); it maps .*6\)"),
        ({"decoder": nn.Linear(3, 64)}, "decoder must .*; it fails"),
        ({"encoder": "mlp"}, "'encoder' parameter .* must be"),
        ({"autocast": 2}, "'autocast' parameter"),
    ],
)
def test_modules_of_other_widths_are_refused(params, message):
    cases = ["none"] if "decoder" in params else ["none", "predictive"]
    for case in cases:
        with pytest.raises(ValueError, match=message):
            make(case, **params).fit(X)


def test_rows_do_not_depend_on_their_batch_and_keep_their_dtype(case):
    for dtype in (np.float64, np.float32):
        model, new = make(case).fit(X.astype(dtype)), X_new.astype(dtype)
        Z, back, _ = outputs(model, new)
        assert Z.dtype == back.dtype == dtype
        for i in (0, 17, 36):
            one = model.transform(new[i : i + 1])
            assert_array_equal(dense(one), Z[i : i + 1])
            assert_array_equal(model.inverse_transform(one), back[i : i + 1])
        many = model.transform(np.tile(new, (30, 1)))
        assert_array_equal(dense(many)[-37:], Z)
        assert_array_equal(model.inverse_transform(many), np.tile(back, (30, 1)))


def test_single_precision_is_nearly_double_precision(case, fitted):
    single = make(case).fit(X.astype(np.float32))
    assert single.mean_.dtype == np.float32
    assert_allclose(single.loss_curve_, fitted.loss_curve_, rtol=1e-3)


def test_a_fit_leaves_global_generators_alone_and_is_repeated_by_its_seed(case, fitted):
    state = GlobalState()
    again = make(case).fit(X[:50]).fit(X)
    outputs(again)
    state.assert_untouched()
    assert vars(again).keys() == vars(fitted).keys()
    assert_same(again, fitted)
    assert_same(clone(fitted).fit(X), fitted)


def test_dropout_and_batch_norm_are_off_after_the_training():
    encoder = nn.Sequential(
        nn.Linear(64, 32), nn.BatchNorm1d(32), nn.Dropout(0.3), nn.Linear(32, M)
    )
    for name in ("none", "predictive"):
        first, second = (make(name, encoder=encoder).fit(X) for _ in range(2))
        assert_same(first, second)
        assert_array_equal(outputs(first, X_new[:1])[0], outputs(first)[0][:1])


def test_pickles_hold_arrays_and_load(case, fitted, tmp_path):
    state = fitted.__getstate__()
    assert not any(isinstance(value, torch.Tensor | torch.device) for value in state.values())
    for name in {"_encoder", "_decoder"} & state.keys():
        assert state[name] is None or all(type(a) is np.ndarray for a in state[name].values())
    assert_same(pickle.loads(pickle.dumps(fitted)), fitted)
    joblib.dump(fitted, tmp_path / "model.joblib")
    assert_same(joblib.load(tmp_path / "model.joblib"), fitted)
    pytest.importorskip("skops.io")
    with pytest.raises(TypeError, match="data only"):
        sksubspace.save(fitted, tmp_path / "model.skops")


def test_pickles_do_not_depend_on_parameters_set_since(case, fitted):
    changed = pickle.loads(pickle.dumps(fitted)).set_params(encoder=None)
    assert_same(pickle.loads(pickle.dumps(changed)), fitted)
    if case != "predictive":
        changed.set_params(decoder=None).partial_fit(X)
        assert_same(pickle.loads(pickle.dumps(changed)), changed)
        assert_same(changed, deepcopy(fitted).partial_fit(X))


def test_a_later_fit_without_modules_forgets_them(case, fitted):
    plain = {"encoder": None} | ({} if case == "predictive" else {"decoder": None})
    again = deepcopy(fitted).set_params(**plain).fit(X)
    fresh = make(case, **plain).fit(X)
    assert_same(again, fresh)
    assert_array_equal(again.components_, fresh.components_)


@pytest.mark.parametrize("name", MODULES)
def test_partial_fits_go_on_where_the_optimizer_stood(name):
    whole, halves = make(name), make(name)
    for _ in range(6):
        whole.partial_fit(X)
    for _ in range(3):
        halves.partial_fit(X)
    before = outputs(halves)
    copy = pickle.loads(pickle.dumps(halves))
    for _ in range(3):
        copy.partial_fit(X)
    assert_same(copy, whole)
    for one, other in zip(outputs(halves), before, strict=True):
        assert_array_equal(one, other)
    assert whole.loss_curve_[-1] < whole.loss_curve_[0] and whole.n_iter_ == 6
    model = make(name).fit(X)
    loss = model.loss_curve_[-1]
    assert model.partial_fit(X).loss_curve_[-1] < 1.2 * loss and model.n_iter_ == 7


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_an_interrupted_fit_goes_on_with_the_same_bits(case, early_stopping, tmp_path):
    options = {"early_stopping": early_stopping, "n_iter_no_change": 50, "max_iter": 7}
    if case != "decoder":
        options["encoder"] = nn.Sequential(network(), nn.Dropout(0.2))
    kept = options | {"checkpoint": tmp_path}
    with pytest.raises(InterruptedError):
        make(case, **kept).set_callbacks(Break(3)).fit(X)
    other = {"random_state": 1}
    assert_same(make(case, **kept | other).fit(X), make(case, **options | other).fit(X))
    assert_same(make(case, **kept).fit(X), make(case, **options).fit(X))


@pytest.mark.parametrize("name", ["none", *CASES])
def test_mixed_precision_has_single_precision_weights_and_nearly_the_same_result(name):
    options = {"max_iter": 30, "learning_rate": 0.02}
    exact, mixed = make(name, **options).fit(X), make(name, autocast=True, **options).fit(X)
    assert exact.loss_curve_ != mixed.loss_curve_
    assert mixed.mean_.dtype == np.float32 and mixed.transform(X_new).dtype == np.float64
    if mixed.components_ is not None:
        assert mixed.components_.dtype == np.float32
        assert_allclose(np.linalg.norm(mixed.components_, axis=1), 1, atol=1e-6)
    assert np.isfinite(mixed.loss_curve_).all()
    assert mixed.score(X_new) == pytest.approx(exact.score(X_new), abs=0.04)
    assert_same(pickle.loads(pickle.dumps(mixed)), mixed)


def test_a_plain_predictive_coder_in_mixed_precision():
    options = {"encoder": None, "max_iter": 30}
    exact, mixed = (make("predictive", autocast=a, **options).fit(X) for a in (False, True))
    assert exact.loss_curve_ != mixed.loss_curve_
    assert mixed.components_.dtype == mixed.encoder_gain_.dtype == np.float32
    assert mixed.score(X_new) == pytest.approx(exact.score(X_new), abs=0.02)


def test_partial_fits_in_mixed_precision_go_on_in_single_precision():
    model = make("none", autocast=True)
    for _ in range(8):
        model.partial_fit(X)
    assert model.components_.dtype == np.float32
    assert model.loss_curve_[-1] < 0.9 * model.loss_curve_[0]


def rounded(tensor):
    return tensor.to(torch.bfloat16).to(tensor.dtype)


def test_in_mixed_precision_only_products_are_rounded():
    rng = np.random.RandomState(0)
    E, D, c, b = (rng.randn(*shape).astype(np.float32) for shape in ((9, 5), (9, 5), (9,), (5,)))
    weights = {"atoms": D, "encoder": E, "intercept": c, "offset": b}
    objective = SparseReconstruction(
        np.zeros(5, np.float32), 1.0, weights, encoder=None, decoder=None, k=3, penalty="flops",
        penalty_weight=0.5,
    )  # fmt: skip
    rows = torch.from_numpy(rng.randn(20, 5).astype(np.float32))
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        z, loss = objective.codes(rows), objective((rows,))
        found = objective.reconstruction(z)
    assert z.dtype == found.dtype == loss.dtype == torch.float32
    E, D, c, b = (torch.from_numpy(a) for a in (E, D, c, b))
    A = rounded(rounded(rows - b) @ rounded(E).T) + c
    assert_allclose(z, largest(A.numpy(), 3), atol=0.04)
    assert (torch.count_nonzero(z, dim=1) <= 3).all()
    unit = D / D.norm(dim=1, keepdim=True)
    assert_allclose(found, rounded(rounded(z) @ rounded(unit)) + b, atol=0.04)
    expected = (rows - found).square().sum(1).mean() + 0.5 * z.mean(0).square().sum()
    assert_allclose(loss, expected, rtol=1e-6)


def test_codes_are_searched_for_in_full_precision_within_mixed_precision():
    rng = np.random.RandomState(0)
    D = rng.randn(8, 5).astype(np.float32)
    energy = PredictiveEnergy(
        np.zeros(5, np.float32), 1.0, D, TanhEncoder(D), alpha=0.5, weight=0.7
    )
    seen = {}
    search = energy.codes

    def codes(x, D, predicted):
        seen.update(found=search(x, D, predicted), args=(x, D, predicted))
        return seen["found"]

    energy.codes = codes
    with torch.autocast("cpu", torch.bfloat16):
        loss = energy((torch.from_numpy(rng.randn(30, 5).astype(np.float32)),))
    assert loss.dtype == torch.float32
    assert all(part.dtype == torch.float32 for part in seen["args"])
    assert_allclose(seen["args"][1].norm(dim=1).detach(), 1, atol=1e-6)
    with torch.no_grad():
        assert torch.equal(search(*seen["args"]), seen["found"])


@pytest.mark.gpu
@pytest.mark.parametrize("name", ["none", *CASES])
@pytest.mark.parametrize("autocast", [False, True])
def test_on_a_gpu(name, autocast):
    options = {"device": "cuda", "autocast": autocast}
    first, second = (make(name, **options).fit(X) for _ in range(2))
    assert_same(first, second)
    assert np.isfinite(first.score(X_new))
    if first._model.encoder is not None:
        assert next(first._model.encoder.module.parameters()).device.type == "cuda"
    loaded = pickle.loads(pickle.dumps(first)).set_params(device="cpu")
    loaded = pickle.loads(pickle.dumps(loaded))
    for one, other in zip(outputs(loaded), outputs(first), strict=True):
        assert_allclose(one, other, rtol=1e-2, atol=1e-2)
