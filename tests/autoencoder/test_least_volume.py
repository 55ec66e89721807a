import pickle

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.spatial.distance import pdist
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from torch import nn

from sksubspace._torch.objectives import Standardize
from sksubspace.autoencoder import Autoencoder, LeastVolumeAutoencoder
from sksubspace.autoencoder._least_volume._latent_axes import latent_axes, n_kept
from sksubspace.autoencoder._least_volume._operator_norm import (
    bake,
    check_decoder,
    constrain,
    lipschitz_bound,
)
from sksubspace.autoencoder._least_volume._volume import (
    LeastVolume,
    latent_spread,
    mean_spread,
    volume,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

STD = np.array([3.79, 2.94, 2.18, 1.61, 1.13, 0.05, 0.05, 0.05])


def gaussian(n=1000, seed=0):
    """Rows with the principal standard deviations STD, and their directions in the columns."""
    rng = np.random.RandomState(seed)
    directions = np.linalg.qr(rng.randn(8, 8))[0]
    return (rng.randn(n, 8) * STD) @ directions.T + 1, directions


X, _ = gaussian(120)
X_new, _ = gaussian(40)


def small(n_components=5, **params):
    given = {"hidden_layer_sizes": (8,), "max_iter": 4, "refine": False, "random_state": 0}
    return LeastVolumeAutoencoder(n_components, **given | params)


def longer(**params):
    """Enough training to have a structure, with a hidden layer."""
    params = {"hidden_layer_sizes": (32,), "max_iter": 60, "batch_size": 32, **params}
    return small(8, **params)


def outputs(model):
    Z = model.transform(X_new)
    return Z, model.inverse_transform(Z), model.score(X_new)


def assert_same(first, second):
    for one, other in zip(outputs(first), outputs(second), strict=True):
        assert_array_equal(one, other)


@pytest.fixture(scope="module")
def fitted():
    return longer().fit(X)


def test_volume_is_the_geometric_mean_of_the_sides():
    z = torch.from_numpy(X[:, :3])
    sides = X[:, :3].std(axis=0) + 0.5
    assert volume(z, 0.5).item() == pytest.approx(np.prod(sides) ** (1 / 3))
    assert mean_spread(z, 0.5).item() == pytest.approx(X[:, :3].std(axis=0).mean())


def gradient(eta, flat=2):
    """Gradient of the volume by the points, where one dimension is flat."""
    z = torch.from_numpy(X[:, :4].copy())
    z[:, flat] = 1.0
    z.requires_grad_()
    volume(z, eta).backward()
    return z.grad


def test_a_flat_dimension_does_not_end_the_pull_on_the_others():
    pull = gradient(1.0)
    assert torch.isfinite(pull).all()
    assert (pull[:, [0, 1, 3]].abs().amax(dim=0) > 1e-4).all()
    assert not torch.isfinite(gradient(0.0)).all() or not gradient(0.0).any()
    with pytest.raises(ValueError, match="eta"):
        small(eta=0.0).fit(X)


def test_a_batch_of_one_has_no_spread_and_no_gradient():
    z = torch.ones(1, 3, requires_grad=True)
    volume(z, 1.0).backward()
    assert volume(z, 1.0).item() == 1.0
    assert_array_equal(z.grad, np.zeros((1, 3)))


def test_spread_is_computed_in_single_precision():
    z = torch.randn(2000, 3, generator=torch.Generator().manual_seed(0)) + 50
    half = z.to(torch.bfloat16)
    assert latent_spread(half).dtype == torch.float32
    expected = half.float().numpy().astype(np.float64).std(axis=0)
    assert_allclose(latent_spread(half), expected, rtol=1e-4)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert_allclose(latent_spread(half), expected, rtol=1e-4)


def network():
    torch_layers = nn.Linear(5, 20), nn.ReLU(), nn.Linear(20, 9)
    return constrain(nn.Sequential(*torch_layers).double(), 5)


def image_decoder():
    """Convolutions of several kinds, whose norm is not that of the kernel as a matrix."""
    return nn.Sequential(
        nn.Linear(5, 32), nn.ELU(), nn.Unflatten(1, (8, 2, 2)),
        nn.ConvTranspose2d(8, 6, 4, stride=2, padding=1), nn.ReLU(),
        nn.Conv2d(6, 4, 3, padding=1, padding_mode="circular", groups=2), nn.Tanh(),
        nn.PixelShuffle(2), nn.Flatten(),
    )  # fmt: skip


def matrices(module, n_in):
    """Each layer with weights as the matrix of its linear part, by what it makes of unit inputs."""
    inputs = {}
    hooks = [
        part.register_forward_hook(lambda layer, given, out: inputs.update({layer: given[0]}))
        for part in module
        if hasattr(part, "weight")
    ]
    module(torch.zeros(1, n_in, dtype=torch.float64))
    for hook in hooks:
        hook.remove()
    for layer, given in inputs.items():
        units = torch.eye(given.numel(), dtype=torch.float64).reshape(-1, *given.shape[1:])
        images = layer(units) - layer(torch.zeros_like(given))
        yield images.reshape(len(units), -1).T.detach().numpy()


def test_normalised_layers_have_norm_one_before_and_after_they_are_baked():
    module = network()
    x = torch.randn(7, 5, dtype=torch.float64)
    for _ in range(100):
        module(x)
    norms = [np.linalg.svd(part.weight.detach(), compute_uv=False)[0] for part in module[::2]]
    assert_allclose(norms, 1, rtol=1e-6)
    before = module.eval()(x).detach()
    assert not [name for name in bake(module).state_dict() if "parametrizations" in name]
    assert_allclose(module(x).detach(), before)
    assert lipschitz_bound(module, 5) == pytest.approx(np.prod(norms))


def test_the_bound_is_the_product_of_the_norms_of_the_operators():
    module = image_decoder().double()
    norms = [np.linalg.norm(matrix, ord=2) for matrix in matrices(module, 5)]
    assert len(norms) == 3
    assert lipschitz_bound(module, 5) == pytest.approx(np.prod(norms), rel=1e-8)
    kernels = [part.weight.detach().flatten(1) for part in module if hasattr(part, "weight")]
    of_kernels = [np.linalg.norm(kernel.numpy(), ord=2) for kernel in kernels]
    assert abs(np.prod(of_kernels) / np.prod(norms) - 1) > 0.1  # the tempting answer is another


def test_the_norm_of_a_large_operator_is_found_by_iteration():
    layers = nn.Conv2d(3, 5, 3, padding=1), nn.ReLU(), nn.ConvTranspose2d(5, 2, 3, stride=2)
    module = nn.Sequential(nn.Linear(4, 192), nn.Unflatten(1, (3, 8, 8)), *layers).double()
    norms = [np.linalg.norm(matrix, ord=2) for matrix in matrices(module, 4)]
    assert lipschitz_bound(module, 4) == pytest.approx(np.prod(norms), rel=1e-7)


def test_convolutions_get_the_norm_one_of_their_operators():
    module = constrain(image_decoder().double(), 5)
    for _ in range(300):
        module(torch.zeros(1, 5, dtype=torch.float64))
    norms = [np.linalg.norm(matrix, ord=2) for matrix in matrices(bake(module), 5)]
    assert_allclose(norms, 1, atol=2e-3)


def test_a_convolutional_decoder_lengthens_no_distance():
    digits = load_digits().data[:400]
    decoder = image_decoder()
    before = decoder[3].weight.detach().clone()
    model = LeastVolumeAutoencoder(
        5, decoder=decoder, volume_weight=1e-3, batch_size=32, max_iter=25, refine=False,
        random_state=0,
    ).fit(digits)  # fmt: skip
    Z = model.transform(digits[:60])
    ratios = pdist(model.inverse_transform(Z)) / pdist(Z)
    assert 0.1 < ratios.max() <= 1 + 1e-9
    assert model.lipschitz_ == pytest.approx(1, abs=1e-5)
    assert model.score(digits) > 0.15
    assert torch.equal(decoder[3].weight, before)
    loaded = pickle.loads(pickle.dumps(model))
    assert_array_equal(loaded.inverse_transform(Z), model.inverse_transform(Z))
    assert_array_equal(loaded.transform(digits[3:4]), Z[3:4])


def test_many_features_do_not_make_the_volume_win():
    """A row of d features has length sqrt(d), and latent points must get there from near zero."""
    directions = np.linalg.qr(np.random.RandomState(9).randn(1024, 4))[0]

    def rows(seed):
        rng = np.random.RandomState(seed)
        scores = rng.randn(300, 4) * [40, 30, 20, 10]
        return scores @ directions.T + 0.5 * rng.randn(300, 1024)

    model = LeastVolumeAutoencoder(
        8, hidden_layer_sizes=(32,), max_iter=60, batch_size=64, random_state=3
    ).fit(rows(0))
    assert model.n_components_ >= 3  # 2 with the factor that suits 256 features
    assert model.score(rows(1)) > 0.7  # 0.84, and 0.65 with that factor


def test_a_layer_may_not_come_twice():
    layer = nn.Linear(8, 8)
    with pytest.raises(ValueError, match="decoder must have each layer once"):
        check_decoder(nn.Sequential(layer, nn.ReLU(), layer))


def test_the_norm_has_a_gradient_and_survives_mixed_precision():
    module = network().float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        module(torch.randn(7, 5)).square().sum().backward()
    weight = module[0].parametrizations.weight.original
    assert weight.grad.abs().max() > 0
    assert module[0].parametrizations.weight[0].u.dtype == torch.float32
    assert abs((weight.grad * weight).sum()) < 1e-3 * weight.grad.norm() * weight.norm()


class Residual(nn.Module):
    def forward(self, x):
        return x + x


@pytest.mark.parametrize(
    "layer",
    [
        *(nn.Upsample(scale_factor=2), nn.BatchNorm1d(8), nn.Dropout(0.5)),
        *(nn.GELU(), nn.ELU(2.0), Residual()),
    ],
)
def test_layers_of_unknown_norm_are_refused(layer):
    with pytest.raises(ValueError, match=r"decoder must be a torch.nn.Sequential of Linear.*with"):
        check_decoder(nn.Sequential(nn.Linear(2, 8), nn.Sequential(layer)))
    check_decoder(nn.Sequential(nn.Linear(2, 8), nn.Sequential(nn.ELU(0.5), nn.Tanh())))


def test_a_decoder_of_the_user_is_checked_copied_and_constrained():
    decoder = nn.Sequential(nn.Linear(5, 16), nn.LeakyReLU(0.2), nn.Linear(16, 8))
    before = decoder[0].weight.detach().clone()
    model = small(decoder=decoder).fit(X)
    assert torch.equal(decoder[0].weight, before)
    assert model.lipschitz_ == pytest.approx(1, abs=1e-5)
    assert_same(pickle.loads(pickle.dumps(model)), model)
    with pytest.raises(ValueError, match="GELU"):
        small(decoder=nn.Sequential(nn.Linear(5, 8), nn.GELU())).fit(X)


def test_an_encoder_of_the_user_may_be_anything():
    encoder = nn.Sequential(nn.Unflatten(1, (1, 8)), nn.Conv1d(1, 3, 3), nn.Flatten(), nn.GELU())
    model = small(18, encoder=encoder, max_iter=40).fit(X)
    assert 0 < model.score(X_new) < 1
    assert_same(pickle.loads(pickle.dumps(model)), model)


def test_the_decoder_lengthens_no_distance(fitted):
    Z = fitted.transform(X_new)
    assert fitted.lipschitz_ == pytest.approx(1, abs=1e-6)
    ratios = pdist(fitted.inverse_transform(Z)) / pdist(Z)
    assert 0.3 < ratios.max() <= 1 + 1e-9


@pytest.mark.parametrize("rotate", [True, False])
def test_latent_points_are_centred_and_sorted(rotate):
    model = longer(rotate=rotate).fit(X)
    Z = model.transform(X)
    assert_allclose(Z.mean(axis=0), 0, atol=1e-9)
    assert_allclose(Z.std(axis=0), model.latent_std_[: model.n_components_])
    assert (np.diff(model.latent_std_) <= 0).all() and model.latent_std_.shape == (8,)
    if rotate:
        C = np.corrcoef(Z.T)
        assert_allclose(C, np.eye(len(C)), atol=1e-6)


def test_rotation_changes_no_reconstruction():
    turned, plain = (longer(rotate=rotate, prune_tol=0.0).fit(X) for rotate in (True, False))
    back = [model.inverse_transform(model.transform(X_new)) for model in (turned, plain)]
    assert_allclose(*back, atol=1e-9)
    assert_allclose(pdist(turned.transform(X_new)), pdist(plain.transform(X_new)))


def test_axes_of_fewer_points_than_dimensions():
    Z = X[:3, :6]
    mean, axes, std = latent_axes(Z, rotate=True)
    assert_allclose(axes.T @ axes, np.eye(6), atol=1e-12)
    assert_allclose(((Z - mean) @ axes).std(axis=0), std, atol=1e-12)
    assert (n_kept(std, 0.01), n_kept(np.zeros(3), 0.01)) == (2, 1)


def test_explained_reconstruction_adds_up_to_r2(fitted):
    Z = fitted.transform(X)
    total = np.square(X - X.mean(axis=0)).sum()
    for k in range(1, fitted.n_components_ + 1):
        part = np.where(np.arange(Z.shape[1]) < k, Z, 0)
        r2 = 1 - np.square(X - fitted.inverse_transform(part)).sum() / total
        assert fitted.explained_reconstruction_ratio_[:k].sum() == pytest.approx(r2)
    assert fitted.explained_reconstruction_ratio_.sum() == pytest.approx(fitted.score(X))
    ratio = fitted.explained_reconstruction_ / fitted.explained_reconstruction_ratio_
    assert_allclose(ratio, total / len(X))


def test_columns_that_are_left_out_count_as_zero(fitted):
    Z = fitted.transform(X_new)
    part = np.where(np.arange(Z.shape[1]) < 2, Z, 0)
    assert_array_equal(fitted.inverse_transform(Z[:, :2]), fitted.inverse_transform(part))
    k = fitted.n_components_
    with pytest.raises(ValueError, match=f"at most n_components_={k} columns, got {k + 1}"):
        fitted.inverse_transform(np.zeros((2, k + 1)))


@pytest.mark.parametrize("seed", range(2))
def test_linear_networks_find_principal_components(seed):
    data, directions = gaussian(2000, seed=seed)
    model = LeastVolumeAutoencoder(
        8, hidden_layer_sizes=(), learning_rate=0.01, batch_size=128, random_state=seed
    ).fit(data)
    assert model.n_components_ == 5
    zero = model.inverse_transform(np.zeros((1, 5)))
    columns = (model.inverse_transform(np.eye(5)) - zero).T
    cosines = np.abs(np.sum(directions[:, :5] * columns, axis=0)) / np.linalg.norm(columns, axis=0)
    assert (cosines >= 0.95).all()
    assert_allclose(model.latent_std_[:5], ((data - 1) @ directions[:, :5]).std(axis=0), rtol=0.1)


def test_the_weight_of_the_volume_decides_how_many_dimensions_are_left():
    kept = [longer(volume_weight=w, max_iter=100).fit(X).n_components_ for w in (1e-3, 0.5)]
    assert kept[0] > kept[1]


def test_a_larger_tolerance_prunes_more_and_keeps_the_leading_dimensions():
    model = longer().fit(X)
    pruned = longer(prune_tol=0.3).fit(X)
    k = pruned.n_components_
    assert k == (model.latent_std_ > 0.3 * model.latent_std_[0]).sum() < model.n_components_
    assert_allclose(pruned.transform(X_new), model.transform(X_new)[:, :k], atol=1e-9)


def test_every_penalty_makes_small_what_it_measures():
    std = {
        penalty: longer(penalty=penalty, volume_weight=0.1).fit(X).latent_std_
        for penalty in ("volume", "l1_std", "none")
    }
    volumes = {penalty: np.log(s + 1).mean() for penalty, s in std.items()}
    assert max(volumes["volume"], volumes["l1_std"]) < volumes["none"] - 0.05
    assert std["l1_std"].mean() < std["none"].mean() - 0.1


def make_objective(min_score=None, max_iter=10**6):
    encoder, decoder = nn.Linear(8, 2).double(), nn.Linear(2, 8).double()
    return LeastVolume(
        Standardize(X.mean(axis=0), 2.0).double(), encoder, decoder, gain=0.5, penalty="volume",
        weight=0.1, eta=1.0, min_score=min_score, max_iter=max_iter,
    )  # fmt: skip


def test_the_loss_is_the_error_and_the_weighted_volume():
    objective = make_objective(max_iter=1)
    x = torch.from_numpy((X - X.mean(axis=0)) / 2)
    z = objective.encoder(x)
    error = (x - 0.5 * objective.decoder(z)).square().mean().item()
    expected = error + 0.1 * volume(z, 1.0).item()
    batch = (torch.from_numpy(X),)
    assert objective(batch).item() == objective.eval()(batch).item() == pytest.approx(expected)
    constrained = make_objective(0.5).eval()
    constrained.load_state_dict(objective.state_dict())
    assert constrained(batch).item() == pytest.approx(error)


def test_the_weight_of_the_volume_rises_over_a_tenth_of_the_training():
    batch = (torch.from_numpy(X),)
    objective = make_objective(max_iter=40)
    whole = objective.eval()(batch).item()
    z = objective.encoder(objective.standardize(batch[0]))
    missing = [whole - objective.train()(batch).item()]
    for epoch in range(1, 6):
        objective.warm_up({"epoch": epoch})
        missing.append(whole - objective(batch).item())
        assert objective.eval()(batch).item() == whole  # rows held out see all of it
        objective.train()
    expected = 0.1 * volume(z, 1.0).item() * np.array([0.75, 0.5, 0.25, 0, 0, 0])
    assert_allclose(missing, expected, atol=1e-12)


@pytest.mark.parametrize(("r2", "sign"), [(0.9, 1), (0.81, 1), (0.8, 0), (0.5, -1), (-50.0, -1)])
def test_the_weight_rises_while_the_score_is_above_the_target(r2, sign):
    objective = make_objective(0.8)
    for _ in range(2):
        before = objective.weight.item()
        objective.adapt({"epoch": 1, "valid_loss": 1 - r2})
        assert np.sign(round(objective.weight.item() - before, 12)) == sign


def test_the_weight_gives_way_before_the_score_falls_below_the_target():
    objective = make_objective(0.8)
    weights = []
    for r2 in (0.85, 0.82, 0.81, -50.0, 50.0):
        objective.adapt({"epoch": 1, "valid_loss": 1 - r2})
        weights.append(objective.weight.item())
    assert weights[0] == pytest.approx(0.1 * np.exp(20 * 0.05))
    assert weights[1] == pytest.approx(weights[0] * np.exp(20 * 0.02 - 60 * 0.03))
    assert weights[0] > weights[1] > weights[2]
    assert weights[3:] == pytest.approx([weights[2] * np.exp(-2), weights[2]])
    objective.adapt({"epoch": 10**6, "valid_loss": 1.0})
    assert objective.weight.item() == pytest.approx(weights[-1], rel=1e-4)
    assert {"weight", "excess"} <= set(objective.state_dict())


def test_min_score_is_reached_on_rows_held_out():
    digits = load_digits().data[:900].astype(np.float32)
    model = LeastVolumeAutoencoder(
        24, hidden_layer_sizes=(64,), min_score=0.7, max_iter=150, batch_size=128, refine=False,
        random_state=0,
    ).fit(digits)  # fmt: skip
    assert 1 - model.validation_loss_curve_[-1] == pytest.approx(0.7, abs=0.01)
    assert model.n_iter_ == 150 and model.volume_weight_ != 0.01
    assert model.n_components_ < 20


def test_a_min_score_out_of_reach_is_said():
    with pytest.warns(ConvergenceWarning, match=r"min_score=0\.99 was not reached"):
        small(min_score=0.99).fit(X)


@pytest.mark.parametrize("constant", [np.zeros((9, 3)), np.c_[np.ones(9), np.arange(9.0)]])
@pytest.mark.parametrize("params", [{"early_stopping": False}, {"min_score": 0.5}])
def test_constant_columns_and_a_batch_of_one_row(constant, params):
    model = small(batch_size=2, **params).fit(constant)
    assert np.isfinite(model.inverse_transform(model.transform(constant))).all()
    assert np.isfinite(model.latent_std_).all() and np.isfinite(model.loss_curve_).all()
    assert np.isfinite(model.explained_reconstruction_ratio_).all()


def test_mixed_precision():
    exact, mixed = longer().fit(X), longer(autocast=True).fit(X)
    assert mixed.loss_curve_ != exact.loss_curve_
    assert mixed.score(X_new) == pytest.approx(exact.score(X_new), abs=0.05)
    assert mixed.lipschitz_ == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_do_not_depend_on_their_batch_and_keep_their_dtype(dtype):
    model, new = longer(max_iter=5).fit(X.astype(dtype)), gaussian(300, 1)[0].astype(dtype)
    Z = model.transform(new)
    back = model.inverse_transform(Z)
    assert Z.dtype == back.dtype == model.latent_std_.dtype == dtype
    for i in (0, 130, 299):
        assert_array_equal(model.transform(new[i : i + 1]), Z[i : i + 1])
        assert_array_equal(model.inverse_transform(Z[i : i + 1]), back[i : i + 1])


def test_seed_and_files(fitted, tmp_path):
    skops_io = pytest.importorskip("skops.io")
    assert_same(longer().fit(X), fitted)
    assert_same(pickle.loads(pickle.dumps(fitted)), fitted)
    skops_io.dump(fitted, tmp_path / "model.skops")
    (kind,) = skops_io.get_untrusted_types(file=tmp_path / "model.skops")
    assert kind.endswith(".LeastVolumeAutoencoder")
    assert_same(skops_io.load(tmp_path / "model.skops", trusted=[kind]), fitted)


def test_fewer_dimensions_say_more_than_those_of_a_plain_autoencoder():
    digits = load_digits().data.astype(np.float32)
    params = {"hidden_layer_sizes": (64,), "batch_size": 64, "max_iter": 60, "random_state": 0}
    ours = LeastVolumeAutoencoder(32, **params).fit(digits[:1300])
    plain = Autoencoder(32, learning_rate=3e-3, **params).fit(digits[:1300])
    mean, axes, _ = latent_axes(plain.transform(digits[:1300]), rotate=True)
    Z = (plain.transform(digits[1300:]) - mean) @ axes
    Z[:, 8:] = 0
    back = plain.inverse_transform(Z @ axes.T + mean)
    total = np.square(digits[1300:] - digits[:1300].mean(axis=0)).sum()
    short = ours.inverse_transform(ours.transform(digits[1300:])[:, :8])
    errors = [np.square(digits[1300:] - rows).sum() / total for rows in (short, back)]
    assert errors[0] < errors[1] - 0.02


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"min_score": 1.0}, "min_score"),
        ({"volume_weight": -1.0}, "volume_weight"),
        ({"penalty": "l2"}, "penalty"),
        ({"prune_tol": 1.0}, "prune_tol"),
        ({"activation": "gelu"}, "activation"),
    ],
)
def test_bad_parameters_are_named(params, message):
    with pytest.raises(ValueError, match=message):
        small(**params).fit(X)


@pytest.mark.gpu
def test_mixed_precision_on_a_gpu():
    assert np.isfinite(small(device="cuda", autocast=True).fit(X).score(X_new))
