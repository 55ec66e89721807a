"""Score of noisy rows from a network that removes the noise.

Vincent, "A connection between score matching and denoising autoencoders", Neural Computation 2011.
"""

from dataclasses import dataclass
from numbers import Integral, Real
from typing import Literal

import numpy as np
import torch
from scipy import linalg
from scipy.special import ndtr
from torch import nn

from sksubspace._docs import fill_parameters
from sksubspace._linalg import in_blocks
from sksubspace._parameters import isolated_random_state
from sksubspace._sklearn import Interval
from sksubspace._torch.device import as_rows
from sksubspace._torch.modules import mlp
from sksubspace._torch.persistence import module_to_arrays
from sksubspace._torch.trainer import Budget
from sksubspace._trained import TRAINED, make_trainer, training_constraints
from sksubspace._typing import ArrayLike, Device, Floats, Seed
from sksubspace.decomposition._score._base import (
    ScoreModel,
    Term,
    density_of,
    new_points,
    weighted_moments,
)

# of "auto": 2,000 steps, in at most 100 epochs
_BUDGET = Budget(n_steps=2000, max_epochs=100, weight_decay=1e-4)
# noisy rows over which the gradient is averaged
_JACOBIAN_DRAWS = 10_000


@fill_parameters
class DenoiserScore(ScoreModel):
    r"""Score of rows with Gaussian noise, from the best linear denoiser and a network beside it.

    A network that predicts rows from noisy rows knows where density is high: the way from a noisy
    row to the prediction is the gradient of the logarithm of their density.

    Parameters
    ----------
    noise : float, default=0.5
        Standard deviation of the noise, in units of the spread of X: the root of the mean variance
        of its features.

    hidden_layer_size : int, default=256
        Width of the two hidden layers.

    learning_rate : float, default=0.002
        Highest learning rate of the one-cycle schedule.

    {batch_size}

    max_iter : int or "auto", default="auto"
        Epochs of the training; "auto" makes 2,000 steps, in at most 100 epochs.

    {device}

    {random_state}
        Draws the weights, the batches and the noise.

    Attributes
    ----------
    mean_ : ndarray of shape (n_features,)
        Mean of the rows.

    spread_ : float
        Unit of the noise.

    mean_jacobian_ : ndarray of shape (n_features, n_features)
        Mean of the gradient of the denoiser over noisy rows, symmetric.

    loss_curve_ : list of float
        Training loss of every epoch.

    n_iter_ : int
        Number of epochs.

    {features_}

    See Also
    --------
    GaussianScore : The score whose denoiser is linear.
    SteinPCA : Takes the leading eigenvectors of the mean gradient.

    Notes
    -----
    With :math:`\tilde x = x + \sigma e` and the denoiser :math:`D(\tilde x) = E[x | \tilde x]`, the
    minimiser of the squared error, Tweedie's formula is

    .. math::
        s_\sigma(\tilde x) = \frac{\tilde x - D(\tilde x)}{\sigma^2}, \qquad
        \nabla D(\tilde x) = \mathrm{Cov}(x | \tilde x) / \sigma^2 .

    It is the score of the noisy rows, and that of the rows only as the noise becomes small; a small
    noise makes the score inaccurate, as it is divided by :math:`\sigma^2`. D is the Wiener filter
    :math:`W = S (S + \sigma^2 I)^{-1}` plus a network with two hidden layers,
    :math:`W_3 \phi(W_2 \phi(W_1 u + b_1) + b_2) + b_3`, so that for Gaussian rows there is nothing
    left to learn. With the slopes :math:`g_1, g_2` of the hidden units the mean gradient of the
    network is :math:`W_3 (W_2 \circ E[g_2 g_1^T]) W_1`, without the gradient of any row.

    A sample weight multiplies the squared error of its row. Rows with a weight of two are therefore
    not drawn as two rows are, and the fits are only alike.

    References
    ----------
    .. [1] Pascal Vincent, "A connection between score matching and denoising autoencoders", Neural
       Computation 23 (2011). https://doi.org/10.1162/NECO_a_00142
    .. [2] Bradley Efron, "Tweedie's formula and selection bias", Journal of the American
       Statistical Association 106 (2011). https://doi.org/10.1198/jasa.2011.tm11181

    Examples
    --------
    >>> import numpy as np
    >>> from sksubspace.decomposition import DenoiserScore
    >>> X = np.random.RandomState(0).randn(300, 2) * [3, 1]
    >>> model = DenoiserScore(max_iter=5, random_state=0).fit(X)
    >>> bool(model.mean_jacobian_[0, 0] > model.mean_jacobian_[1, 1])
    True
    """

    mean_: Floats
    spread_: float
    mean_jacobian_: Floats
    loss_curve_: list[float]
    n_iter_: int

    _parameter_constraints: dict = {
        "noise": [Interval(Real, 0, None, closed="neither")],
        "hidden_layer_size": [Interval(Integral, 1, None, closed="left")],
        **training_constraints(*TRAINED, auto=True),
    }

    def __init__(
        self,
        *,
        noise: float = 0.5,
        hidden_layer_size: int = 256,
        learning_rate: float = 2e-3,
        batch_size: int = 128,
        max_iter: int | Literal["auto"] = "auto",
        device: Device = "auto",
        random_state: Seed = None,
    ) -> None:
        self.noise = noise
        self.hidden_layer_size = hidden_layer_size
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.device = device
        self.random_state = random_state

    def score_jacobian(self, X: ArrayLike) -> Floats:
        r"""Gradient of the score, :math:`(I - \nabla D(x)) / \sigma^2`, made symmetric.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        gradients : ndarray of shape (n_samples, n_features, n_features)
            In units of one over those of X squared.
        """
        return density_of(self).score_gradient(new_points(self, X))

    def __setstate__(self, state):
        # the weights are "_network" in files of version 0.1
        super().__setstate__({"_layers" if k == "_network" else k: v for k, v in state.items()})

    def _fit_density(self, X, weights):  # (n, d), (n,) -> dict
        """Take the best linear denoiser, and train a network to remove what it leaves."""
        mean, covariance, _ = weighted_moments(X, weights)
        spread = float(np.sqrt(np.trace(covariance) / X.shape[1])) or 1.0
        linear = wiener_filter(covariance / spread**2, self.noise)
        trainer = make_trainer(self, np.float32, isolated_random_state(self.random_state))
        u = (X - mean) / spread
        layers, losses = _trained_layers(self, linear, u, weights / weights.mean(), trainer)
        jacobian = linear + _mean_over_noise(layers, u, weights, self.noise, trainer.random_state)
        return {
            "mean_": mean,
            "spread_": spread,
            "_filter": linear,
            "_layers": layers,
            "loss_curve_": losses,
            "n_iter_": len(losses),
            "mean_jacobian_": (jacobian + jacobian.T) / 2,
        }


@dataclass(frozen=True)
class Denoiser:
    """The Wiener filter (d, d), the arrays of the network beside it, and the units of the noise."""

    mean: np.ndarray
    spread: float
    noise: float
    linear: np.ndarray
    layers: dict

    def in_units(self, X):  # (n, d) -> (n, d)
        """Centred rows in units of the spread."""
        return (X - self.mean) / self.spread

    def score(self, X):  # (n, d) -> (n, d)
        """(x - D(x)) / noise^2."""

        def score_of_rows(rows):
            u = self.in_units(rows)
            denoised = u @ self.linear + hidden(self.layers, u)[-1]
            return (u - denoised) / (self.noise**2 * self.spread)

        return in_blocks(score_of_rows, X)

    def score_gradient(self, X):  # (n, d) -> (n, d, d)
        """(I - grad D(x)) / noise^2, made symmetric."""
        u = self.in_units(X)
        learned = in_blocks(lambda rows: jacobians(self.layers, rows), u)
        J = np.eye(u.shape[1]) - self.linear - learned
        return (J + J.transpose(0, 2, 1)) / (2 * (self.noise * self.spread) ** 2)

    def terms(self, X):
        """T = s s' - grad s."""
        one = np.ones(len(X))
        return [Term(self.score(X), one, one, self.score_gradient(X))]


@density_of.register
def denoiser_of(model: DenoiserScore):
    """Filter and network, as one."""
    return Denoiser(model.mean_, model.spread_, model.noise, model._filter, model._layers)


def _trained_layers(model, linear, u, weights, trainer):  # (d, d), (n, d), (n,) -> dict, list
    width, d = model.hidden_layer_size, u.shape[1]
    module = trainer.build(lambda: _zero_at_first(mlp((d, width, width, d), "gelu")))
    linear = torch.tensor(linear, dtype=torch.float32, device=trainer.device)
    objective = _Denoising(module, linear, model.noise, trainer.generator())
    arrays = (u.astype(np.float32), weights.astype(np.float32))
    data = tuple(as_rows(array, trainer.device) for array in arrays)
    log = trainer.fit(objective, data, _BUDGET, "denoiser")
    arrays = {name: a.astype(np.float64) for name, a in module_to_arrays(module).items()}
    return arrays, log.loss_curve


def _mean_over_noise(layers, u, weights, noise, random_state):  # (n, d), (n,) -> (d, d)
    """Mean gradient of the network over noisy rows."""
    drawn = random_state.choice(len(u), _JACOBIAN_DRAWS, p=weights / weights.sum())
    noisy = u[drawn] + noise * random_state.standard_normal((len(drawn), u.shape[1]))
    return mean_jacobian(layers, noisy)


def wiener_filter(covariance, noise):  # (d, d) -> (d, d)
    r"""Best linear denoiser :math:`S (S + \sigma^2 I)^{-1}`, symmetric."""
    values, vectors = linalg.eigh(covariance)
    values = np.maximum(values, 0)
    return (vectors * (values / (values + noise**2))) @ vectors.T


class _Denoising(nn.Module):
    """mean over rows of weight * ||x - W (x + noise) - h(x + noise)||^2 / d."""

    def __init__(self, module, linear, noise, generator):
        super().__init__()
        self.module = module
        self.linear = linear
        self.noise = noise
        self.generator = generator

    def forward(self, batch):  # ((b, d), (b,)) -> ()
        x, weight = batch
        draw = torch.randn(x.shape, generator=self.generator, dtype=x.dtype, device=x.device)
        noisy = x + self.noise * draw
        error = x - noisy @ self.linear - self.module(noisy)
        return (weight * error.square().mean(dim=1)).mean()


def _zero_at_first(module):
    """Set the last layer to zero, so that training starts at the Wiener filter."""
    nn.init.zeros_(module[-1].weight)
    nn.init.zeros_(module[-1].bias)
    return module


def hidden(network, u):  # (n, d) -> (n, h), (n, h), (n, d)
    """Inputs of the two hidden layers, and the output: W3 gelu(W2 gelu(W1 u + b1) + b2) + b3."""
    first = u @ network["0.weight"].T + network["0.bias"]
    second = (first * ndtr(first)) @ network["2.weight"].T + network["2.bias"]
    return first, second, (second * ndtr(second)) @ network["4.weight"].T + network["4.bias"]


def gelu_slope(a):
    r"""Derivative of :math:`a \Phi(a)`."""
    return ndtr(a) + a * np.exp(-np.square(a) / 2) / np.sqrt(2 * np.pi)


def mean_jacobian(network, u):  # (n, d) -> (d, d)
    r"""Mean gradient of the network, :math:`W_3 (W_2 \circ E[g_2 g_1^T]) W_1`."""
    first, second, _ = hidden(network, u)
    slopes = gelu_slope(second).T @ gelu_slope(first) / len(u)
    return network["4.weight"] @ (network["2.weight"] * slopes) @ network["0.weight"]


def jacobians(network, u):  # (n, d) -> (n, d, d)
    r"""Gradient of the network at each row, :math:`W_3 G_2 W_2 G_1 W_1`."""
    first, second, _ = hidden(network, u)
    inner = gelu_slope(first)[:, :, None] * network["0.weight"]
    inner = gelu_slope(second)[:, :, None] * (network["2.weight"] @ inner)
    return network["4.weight"] @ inner
