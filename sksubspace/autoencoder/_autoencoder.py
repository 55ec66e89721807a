"""A plain autoencoder: two networks and the squared error.

Hinton and Salakhutdinov, "Reducing the dimensionality of data with neural networks", 2006.
"""

from collections.abc import Sequence
from typing import Literal

from torch import nn

from sksubspace._docs import fill_parameters
from sksubspace._parameters import check_widths
from sksubspace._sklearn import StrOptions
from sksubspace._torch.modules import ACTIVATIONS
from sksubspace._torch.objectives import Standardize
from sksubspace._trained import Steps
from sksubspace._typing import Device, Module, PathLike, Seed
from sksubspace.autoencoder._base import BaseAutoencoder, PartialFitMixin
from sksubspace.autoencoder._networks import autoencoding, build_networks, unexplained


class Reconstruction(nn.Module):
    """mean ||x - g(f(x))||^2 / d of standardised rows x."""

    def __init__(self, standardize, encoder, decoder):
        super().__init__()
        self.standardize = standardize
        self.encoder = encoder
        self.decoder = decoder

    def forward(self, batch):  # ((b, d),) -> ()
        """Share of the variance of a batch that is lost."""
        x = self.standardize(batch[0])
        return unexplained(self.decoder(self.encoder(x)), x)


@fill_parameters
class Autoencoder(PartialFitMixin, BaseAutoencoder):
    r"""Compress rows by a network and reconstruct them by another.

    The plain baseline for every method that maps rows to a few numbers and back.

    Parameters
    ----------
    n_components : int, default=2
        Number of latent dimensions; it may exceed the number of features.

    hidden_layer_sizes : tuple of int, default=(256, 128)
        Hidden widths of the encoder; the decoder has them in reverse. With ``()`` both networks
        are linear, and the solution spans the principal subspace.

    encoder : torch.nn.Module or None, default=None
        A module that maps standardised rows (n, n_features) to latent points (n, n_components); a
        copy of it is trained. One that works on images may begin with ``torch.nn.Unflatten``.

    decoder : torch.nn.Module or None, default=None
        A module that maps latent points to standardised rows (n, n_features); a copy of it is
        trained.

    activation : {"elu", "gelu", "relu", "selu", "silu", "tanh"}, default="gelu"
        Nonlinearity between the layers of the networks that are not given.

    learning_rate : float, default=0.001
        Highest learning rate of the one-cycle schedule, and the constant one of ``partial_fit``.

    {even_batch_size}

    max_iter : int, default=200
        Most epochs.

    {early_stopping}

    {validation_fraction}

    {n_iter_no_change}

    {validation_tol}

    {checkpoint}

    {autocast}

    {device}

    random_state : int, RandomState instance or None, default=None
        Seeds the weights, the rows held out and the order of the batches. Modules that are given
        start from the weights that they have.

    Attributes
    ----------
    n_components_ : int
        Number of latent dimensions.

    {units_}

    loss_curve_ : list of float
        Training loss by epoch: 1 - R2, as the weights moved.

    {epochs_}

    {features_}

    See Also
    --------
    LeastVolumeAutoencoder : Finds how many dimensions are needed, and orders them.
    sklearn.decomposition.PCA : The best linear map.

    Notes
    -----
    The loss is the mean squared error divided by the variance of the data,

    .. math:: \sum_i \|x_i - g(f(x_i))\|^2 / \sum_i \|x_i - \bar x\|^2 = 1 - R^2.

    Features are centred but keep their relative scales: one number divides them all.

    References
    ----------
    Hinton and Salakhutdinov, "Reducing the dimensionality of data with neural networks", Science
    313, 2006. https://doi.org/10.1126/science.1127647

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.model_selection import train_test_split
    >>> from sksubspace.autoencoder import Autoencoder
    >>> X, _ = load_digits(return_X_y=True)
    >>> X_train, X_test = train_test_split(X, random_state=0)
    >>> model = Autoencoder(4, hidden_layer_sizes=(64,), max_iter=20, random_state=0).fit(X_train)
    >>> model.transform(X_test).shape
    (450, 4)
    >>> model.inverse_transform(model.transform(X_test)).shape
    (450, 64)
    >>> model.score(X_test) > 0.2
    True
    """

    _parameter_constraints: dict = {
        **BaseAutoencoder._parameter_constraints,
        "decoder": [nn.Module, None],
        "hidden_layer_sizes": ["array-like"],
        "activation": [StrOptions(set(ACTIVATIONS))],
    }

    def __init__(
        self,
        n_components: int = 2,
        *,
        hidden_layer_sizes: Sequence[int] = (256, 128),
        encoder: Module | None = None,
        decoder: Module | None = None,
        activation: Literal["elu", "gelu", "relu", "selu", "silu", "tanh"] = "gelu",
        learning_rate: float = 1e-3,
        batch_size: int = 256,
        max_iter: int = 200,
        early_stopping: bool = True,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        tol: float = 1e-4,
        checkpoint: PathLike | None = None,
        autocast: bool = False,
        device: Device = "auto",
        random_state: Seed = None,
    ) -> None:
        self.n_components = n_components
        self.hidden_layer_sizes = hidden_layer_sizes
        self.encoder = encoder
        self.decoder = decoder
        self.activation = activation
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.checkpoint = checkpoint
        self.autocast = autocast
        self.device = device
        self.random_state = random_state

    def _steps(self, X):
        check_widths(self.hidden_layer_sizes)
        return Steps(start=self._start, finish=self._finish, resume=resumed)

    def _start(self, scale, trainer):
        networks = build_networks(self, self.n_features_in_, trainer)
        standardize = Standardize(scale.mean, scale.spread)
        return Reconstruction(standardize.to(trainer.device, trainer.torch_dtype), *networks)

    def _finish(self, objective, scale, trainer):
        encoder = nn.Sequential(objective.standardize, objective.encoder)
        decoder = nn.Sequential(objective.decoder)
        return autoencoding(self, scale, trainer, encoder, decoder), {}


def resumed(model, trainer):
    """The objective of the networks of a fitted model."""
    return Reconstruction(*model.encoder.module, *model.decoder.module)
