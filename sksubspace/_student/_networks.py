"""Network encoders and decoders: decoupled, or jointly with the paper's penalty.

The decoder sees Fourier features of the place; without them a network on two inputs underfits
badly: Tancik et al., "Fourier features let networks learn high frequency functions in low
dimensional domains", NeurIPS 2020.
"""

from collections.abc import Sequence
from copy import deepcopy
from typing import Self

import numpy as np
import torch
from torch import nn

from sksubspace._parameters import check_widths, isolated_random_state
from sksubspace._state import Network, Recipe, register
from sksubspace._student._linear import interpolate_residuals
from sksubspace._student._part import Part, Setting
from sksubspace._student._scaling import FeatureScale
from sksubspace._torch.device import as_rows, resolve_device, to_tensor
from sksubspace._torch.inference import batched_forward
from sksubspace._torch.modules import FourierFeatures, ResidualMLP, check_module, mlp
from sksubspace._torch.objectives import Standardize, huber
from sksubspace._torch.trainer import Budget, Trainer
from sksubspace._typing import ArrayLike, Floats, Matrix, Module, Sparse

# steps of each training by default, and most epochs where the rows are few
_ENCODER_BUDGET = Budget(n_steps=2000, max_epochs=200, weight_decay=0.05)
_DECODER_BUDGET = Budget(n_steps=1000, max_epochs=120, weight_decay=1e-4)
_N_FREQUENCIES = 64
_FREQUENCY_SCALE = 3.0
# noise on the places while a decoder is trained, in units of the radius
_PLACE_NOISE = 0.02


@register
class NetworkEncoder(Part):
    """Place rows by a residual network, or by a module of the user.

    It has no leave-one-out form: a MEDAL with it calibrates by rows held out.

    Parameters
    ----------
    module : torch.nn.Module or None, default=None
        Maps standardised rows (n, n_features) to scaled places (n, n_components); a copy of it is
        trained. None for a residual network.

    hidden_layer_sizes : tuple of int, default=(256, 256)
        Hidden widths of the network, one residual block for each.

    input_noise : float, default=0.5
        Noise on the rows during training, in units of their spread.

    exact : bool, default=True
        Whether the residuals of the three nearest training rows are added.

    Attributes
    ----------
    network_ : Network
        The trained module.

    rows_ : {ndarray, CSR matrix} of shape (n_samples, n_features) or None
        Training rows, which the correction needs.

    residuals_ : ndarray of shape (n_samples, n_components) or None
        What the network is off by.

    loss_curve_ : list of float
        Losses of the training.

    See Also
    --------
    MedianEncoder : Neighbours in its place, without training.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sksubspace import MEDAL
    >>> from sksubspace.encoding import NetworkEncoder
    >>> X, _ = load_iris(return_X_y=True)
    >>> part = NetworkEncoder(hidden_layer_sizes=(8,))
    >>> medal = MEDAL("pca", encoder=part, calibration="holdout", max_iter=2, random_state=0).fit(X)
    >>> medal.encoder_name_
    'mlp'
    """

    network_: Network
    rows_: Floats | Sparse | None
    residuals_: Floats | None
    loss_curve_: list[float]

    def __init__(self, module: Module | None = None, hidden_layer_sizes: Sequence[int] = (256, 256),
            input_noise: float = 0.5, exact: bool = True) -> None:  # fmt: skip
        self.module = module
        self.hidden_layer_sizes = hidden_layer_sizes
        self.input_noise = input_noise
        self.exact = exact

    @property
    def name(self) -> str:
        """What the encoder is called in tables."""
        return "mlp" if self.module is None else "module"

    def fit(
        self, X: Matrix, Z: ArrayLike, groups: object = None, setting: Setting | None = None
    ) -> Self:
        """Train the network.

        Parameters
        ----------
        X : {ndarray, CSR matrix} of shape (n_samples, n_features)
            Training rows.

        Z : ndarray of shape (n_samples, n_components)
            Their places, scaled.

        groups : Ignored
            Not used.

        setting : Setting or None, default=None
            Units of the rows and the trainer, as MEDAL hands them over.

        Returns
        -------
        self : object
            The fitted encoder.
        """
        setting = own_setting(X, setting)
        trainer = setting.trainer
        recipe, module = encoder_network(self, X.shape[1], Z.shape[1], setting)
        noise = self.input_noise * setting.scale.spread
        objective = _Matching(module, noise, trainer.generator())
        log = trainer.fit(objective, _tensors(X, Z, trainer), _ENCODER_BUDGET, "encoder")
        return _keep_encoder(self, X, Z, Network(recipe, module, trainer.device), log)

    def predict(self, X: Matrix) -> Floats:  # (m, d) -> (m, q)
        """Place rows.

        Parameters
        ----------
        X : {ndarray, CSR matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        Z : ndarray of shape (n_samples, n_components)
            Their places, scaled.
        """
        placed = forward(self, X)
        if self.residuals_ is None:
            return placed
        return placed + interpolate_residuals(X, self.rows_, self.residuals_)


@register
class NetworkDecoder(Part):
    """Decode places by a network on Fourier features, or by a module of the user.

    It has no leave-one-out form: a MEDAL with it calibrates by rows held out.

    Parameters
    ----------
    module : torch.nn.Module or None, default=None
        Maps scaled places (n, n_components) to standardised rows (n, n_features); a copy of it is
        trained. None for a network on Fourier features.

    hidden_layer_sizes : tuple of int, default=(256, 256)
        Hidden widths of the network.

    Attributes
    ----------
    network_ : Network
        The trained module.

    mean_ : ndarray of shape (n_features,)
        Mean of the target.

    spread_ : float
        Unit of the module's output.

    loss_curve_ : list of float
        Losses of the training.

    See Also
    --------
    FourierRidge : Closed form in its place.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sksubspace import MEDAL
    >>> from sksubspace.decoding import NetworkDecoder
    >>> X, _ = load_iris(return_X_y=True)
    >>> part = NetworkDecoder(hidden_layer_sizes=(8,))
    >>> medal = MEDAL("pca", decoder=part, calibration="holdout", max_iter=2, random_state=0).fit(X)
    >>> medal.decoder_name_
    'mlp'
    """

    network_: Network
    mean_: Floats
    spread_: float
    loss_curve_: list[float]

    def __init__(
        self, module: Module | None = None, hidden_layer_sizes: Sequence[int] = (256, 256)
    ) -> None:
        self.module = module
        self.hidden_layer_sizes = hidden_layer_sizes

    @property
    def name(self) -> str:
        """What the decoder is called in tables."""
        return "mlp" if self.module is None else "module"

    def fit(
        self, Z: ArrayLike, Z_out: object, X: Matrix, forget: object, setting: Setting | None = None
    ) -> Self:
        """Train the network.

        Parameters
        ----------
        Z : ndarray of shape (n_samples, n_components)
            Scaled places.

        Z_out : Ignored
            Not used.

        X : {ndarray, CSR matrix} of shape (n_samples, n_features)
            Target.

        forget : Ignored
            Not used.

        setting : Setting or None, default=None
            Units of the rows and the trainer, as MEDAL hands them over.

        Returns
        -------
        self : object
            The fitted decoder.
        """
        setting = own_setting(X, setting)
        recipe, module = decoder_network(self, Z.shape[1], X.shape[1], setting)
        return train_decoder(self, recipe, module, Z, X, setting, _DECODER_BUDGET)

    def predict(self, Z: ArrayLike) -> Floats:  # (m, q) -> (m, d)
        """Decode places.

        Parameters
        ----------
        Z : ndarray of shape (n_samples, n_components)
            Scaled places.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features)
            Reconstructions.
        """
        standardised = self.network_(Z, self.mean_.dtype)
        return standardised * self.mean_.dtype.type(self.spread_) + self.mean_


def encoder_network(encoder, n_features, n_components, setting):  # -> Recipe, Module
    """The untrained network of a `NetworkEncoder`, and how it is built."""
    arguments = {
        "module": encoder.module,
        "mean": setting.scale.mean,
        "spread": setting.scale.spread,
        "hidden_layer_sizes": check_widths(encoder.hidden_layer_sizes, at_least_one=True),
        "n_components": n_components,
    }
    recipe = Recipe("student_encoder", arguments)
    module = setting.trainer.build(recipe.build)
    check_module(module, "encoder", n_features, n_components, setting.trainer.device)
    return recipe, module


def decoder_network(decoder, n_components, n_features, setting):  # -> Recipe, Module
    """The untrained network of a `NetworkDecoder`, and how it is built."""
    arguments = {
        "module": decoder.module,
        "hidden_layer_sizes": check_widths(decoder.hidden_layer_sizes, at_least_one=True),
        "n_components": n_components,
        "n_features": n_features,
    }
    recipe = Recipe("student_decoder", arguments)
    module = setting.trainer.build(recipe.build)
    check_module(module, "decoder", n_components, n_features, setting.trainer.device)
    return recipe, module


def train_decoder(decoder, recipe, module, Z, X, setting, budget):  # -> NetworkDecoder
    """Train a module that the recipe builds, in place, and let the decoder keep it."""
    trainer, scale = setting.trainer, setting.scale
    standardize = Standardize(scale.mean, scale.spread).to(trainer.device, trainer.torch_dtype)
    objective = _Reconstruction(module, standardize, trainer.generator())
    log = trainer.fit(objective, _tensors(X, Z, trainer)[::-1], budget, "decoder")
    network = Network(recipe, module, trainer.device)
    return _keep_decoder(decoder, scale, network, trainer.dtype, log)


def _keep_encoder(encoder, X, Z, network, log):
    encoder.network_, encoder.loss_curve_ = network, log.loss_curve
    encoder.rows_ = encoder.residuals_ = None
    if encoder.exact:
        encoder.rows_, encoder.residuals_ = X, Z - forward(encoder, X)
    return encoder


def _keep_decoder(decoder, scale, network, dtype, log):
    decoder.network_, decoder.loss_curve_ = network, log.loss_curve
    decoder.mean_, decoder.spread_ = scale.mean.astype(dtype), float(scale.spread)
    return decoder


def forward(encoder, X):  # (n, d) -> (n, q)
    """Places by the bare network."""
    device = encoder.network_.device
    placed = batched_forward(encoder.network_.module, as_rows(X, device), device=device)
    return placed.astype(np.float64)


@register
def student_encoder(module, mean, spread, hidden_layer_sizes, n_components):
    """The residual network, or a copy of the user's module, on standardised rows."""
    own = ResidualMLP(len(mean), hidden_layer_sizes, n_components) if module is None else None
    return nn.Sequential(Standardize(mean, spread), deepcopy(module) if own is None else own)


@register
def student_decoder(module, hidden_layer_sizes, n_components, n_features):
    """The network [z, sin(zB), cos(zB)] -> MLP with B ~ N(0, 3^2), or a copy of the user's."""
    if module is not None:
        return deepcopy(module)
    features = FourierFeatures(_FREQUENCY_SCALE * torch.randn(n_components, _N_FREQUENCIES))
    widths = (features.n_features_out, *hidden_layer_sizes, n_features)
    return nn.Sequential(features, mlp(widths, "gelu"))


def own_setting(X, setting):
    """Take the setting that a student hands over, or make one for a part that stands alone."""
    if setting is not None and setting.trainer is not None:
        return setting
    trainer = Trainer(
        learning_rate=2e-3,
        batch_size=128,
        max_iter="auto",
        device=resolve_device("auto"),
        dtype=X.dtype,
        random_state=isolated_random_state(0),
    )
    scale = FeatureScale.of(X, "global") if setting is None else setting.scale
    rows = np.arange(X.shape[0]) if setting is None else setting.rows
    return Setting(scale, rows, None if setting is None else setting.neighbors, trainer)


def _tensors(X, Z, trainer):  # (n, d), (n, q)
    places = to_tensor(Z.astype(trainer.dtype), trainer.device)
    return as_rows(X, trainer.device), places


class _Matching(nn.Module):
    """Huber loss between f(x + noise) and z; the noise is in units of the spread of x."""

    def __init__(self, module, noise, generator):
        super().__init__()
        self.module = module
        self.noise = noise
        self.generator = generator

    def forward(self, batch):  # ((b, d), (b, q)) -> ()
        x, z = batch
        draw = torch.randn(x.shape, generator=self.generator, dtype=x.dtype, device=x.device)
        return huber(self.module(x + self.noise * draw), z)


class _Reconstruction(nn.Module):
    """mean ||(x - mean) / spread - g(z + noise)||^2 per feature."""

    def __init__(self, module, standardize, generator):
        super().__init__()
        self.module = module
        self.standardize = standardize
        self.generator = generator

    def forward(self, batch):  # ((b, q), (b, d)) -> ()
        z, x = batch
        noise = torch.randn(z.shape, generator=self.generator, dtype=z.dtype, device=z.device)
        return nn.functional.mse_loss(self.module(z + _PLACE_NOISE * noise), self.standardize(x))


class _Joint(nn.Module):
    """The paper's penalty: mean ||x - g(f(x))||^2 / d + weight * mean ||f(x) - z||^2 / q."""

    def __init__(self, encoder, decoder, standardize, match_weight):
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder
        self.standardize = standardize
        self.match_weight = match_weight

    def forward(self, batch):  # ((b, d), (b, q)) -> ()
        x, z = batch
        placed = self.encoder(x)
        reconstruction = nn.functional.mse_loss(self.decoder(placed), self.standardize(x))
        return reconstruction + self.match_weight * nn.functional.mse_loss(placed, z)


def fit_jointly(encoder, decoder, X, Z, match_weight, setting):
    """Train a `NetworkEncoder` and a `NetworkDecoder` together, with the paper's penalty."""
    trainer, scale = setting.trainer, setting.scale
    encoder_recipe, f = encoder_network(encoder, X.shape[1], Z.shape[1], setting)
    decoder_recipe, g = decoder_network(decoder, Z.shape[1], X.shape[1], setting)
    standardize = Standardize(scale.mean, scale.spread).to(trainer.device, trainer.torch_dtype)
    objective = _Joint(f, g, standardize, match_weight)
    log = trainer.fit(objective, _tensors(X, Z, trainer), _ENCODER_BUDGET, "joint")
    _keep_encoder(encoder, X, Z, Network(encoder_recipe, f, trainer.device), log)
    network = Network(decoder_recipe, g, trainer.device)
    _keep_decoder(decoder, scale, network, trainer.dtype, log)
