"""Least volume autoencoder: latent dimensions that are not needed go flat.

Chen and Fuge, "Least volume analysis", ICLR 2024.
"""

import warnings
from collections.abc import Sequence
from functools import partial
from numbers import Real
from typing import Literal

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from torch import nn

from sksubspace._docs import fill_parameters
from sksubspace._parameters import check_widths
from sksubspace._sklearn import Interval, StrOptions
from sksubspace._state import Network
from sksubspace._torch.objectives import Standardize
from sksubspace._trained import Steps
from sksubspace._typing import Device, Floats, Module, PathLike, Seed
from sksubspace.autoencoder._base import BaseAutoencoder
from sksubspace.autoencoder._least_volume._latent_axes import (
    affine,
    explained_reconstruction,
    latent_axes,
    n_kept,
    weights_of,
)
from sksubspace.autoencoder._least_volume._operator_norm import (
    bake,
    check_decoder,
    constrain,
    lipschitz_bound,
)
from sksubspace.autoencoder._least_volume._refinement import Refinement, refine
from sksubspace.autoencoder._least_volume._volume import LeastVolume
from sksubspace.autoencoder._networks import autoencoding, build_networks

# the factor of the decoder's output: see `decoder_gain` and the Notes
_SMALLEST_GAIN = 0.25
_LATENT_LENGTH = 64
# of R2: how far below `min_score` the held-out rows may end without a warning
_TOLERANCE = 0.01


@fill_parameters
class LeastVolumeAutoencoder(BaseAutoencoder):
    r"""Autoencoder that makes the volume of the latent points small, and drops flat dimensions.

    The decoder may not lengthen distances, so a latent dimension can only be short if the data do
    not need it. Those that are needed come out uncorrelated and ordered, like principal
    components.

    Parameters
    ----------
    n_components : int, default=64
        Number of latent dimensions to begin with; it may exceed the number of features.

    hidden_layer_sizes : tuple of int, default=(256, 128)
        Hidden widths of the encoder; the decoder has them in reverse. With ``()`` both networks
        are linear, and the solution is that of principal components.

    volume_weight : float, default=0.01
        Weight of the volume beside 1 - R2, reached over the first tenth of ``max_iter``. A larger
        one leaves fewer dimensions. With ``min_score`` it is where the search begins.

    eta : float, default=1.0
        Offset of the standard deviations in the volume, in units of the latent space inside. It
        must be positive: with 0 a single flat dimension would end the pull on all others.

    penalty : {"volume", "l1_std", "none"}, default="volume"
        "volume" is the geometric mean of ``std + eta``, "l1_std" the mean of the standard
        deviations, "none" leaves the constrained decoder alone.

    prune_tol : float, default=0.01
        Dimensions whose standard deviation over the training rows is not above this share of the
        largest one are dropped.

    rotate : bool, default=True
        Whether latent points are rotated to their principal axes, which changes neither the
        reconstructions nor the distances, before flat dimensions are dropped. Otherwise the
        dimensions are only sorted.

    min_score : float or None, default=None
        The R2 to keep: the least volume is sought with which the rows held out reach it, by
        raising the weight of the volume while R2 is above, and lowering it while R2 is below. Rows
        are held out and all of ``max_iter`` epochs are made, whatever ``early_stopping`` says. On
        new rows R2 differs by the sampling error of the rows held out; a larger
        ``validation_fraction`` makes it smaller. A warning says if R2 ended more than 0.01 below.

    refine : bool, default=True
        Whether both networks are trained for 30 more epochs after flat dimensions were dropped,
        on all rows, without the volume and without the bound on the decoder, half of the rows from
        their first k dimensions, for k of all sizes. The first dimensions then hold much more, and
        all together hardly less; the decoder may lengthen distances. False leaves them as they are
        after the pruning.

    encoder : torch.nn.Module or None, default=None
        A module that maps standardised rows (n, n_features) to latent points (n, n_components); a
        copy of it is trained. One that works on images may begin with ``torch.nn.Unflatten``.

    decoder : torch.nn.Module or None, default=None
        A ``torch.nn.Sequential`` of linear layers, convolutions and activations that maps latent
        points to standardised rows (n, n_features); a copy of it is trained. Convolutions are
        constrained by the norm of what they do to images of their size. Other layers, such as
        normalisations, are refused: they may lengthen distances.

    activation : {"elu", "relu", "tanh"}, default="relu"
        Nonlinearity between the layers; none of them lengthens distances.

    learning_rate : float, default=0.003
        Highest learning rate of the one-cycle schedule.

    {even_batch_size}

    max_iter : int, default=200
        Most epochs.

    early_stopping : bool, default=True
        Whether rows are held out, the training stops when their loss no longer becomes smaller,
        and the weights with the smallest loss are taken. Otherwise all rows are trained on for
        ``max_iter`` epochs.

    validation_fraction : float, default=0.1
        Share of the rows that are held out.

    {n_iter_no_change}

    {validation_tol}

    {checkpoint}

    autocast : bool, default=False
        Whether to train in mixed precision with bfloat16. Weights, their norms and the volume are
        then float32.

    {device}

    random_state : int, RandomState instance or None, default=None
        Seeds the weights, the rows held out and the order of the batches. Modules that are given
        start from the weights that they have.

    Attributes
    ----------
    n_components_ : int
        Number of dimensions that are left.

    latent_std_ : ndarray of shape (n_components,)
        Standard deviation of all latent dimensions over the training rows, descending, in input
        units; the first ``n_components_`` are kept. It is that before the refinement.

    explained_reconstruction_ : ndarray of shape (`n_components_`,)
        Mean squared error, in squared input units, that each dimension takes away from the
        training rows after those before it.

    explained_reconstruction_ratio_ : ndarray of shape (`n_components_`,)
        The same divided by the variance of the training rows. The first k of them sum to the R2
        that k dimensions reach.

    lipschitz_ : float or None
        Upper bound on how much the decoder lengthens distances, in input units: the product of the
        operator norms of its layers, which is 1 up to rounding. None with ``refine``, which
        gives the bound up.

    volume_weight_ : float
        The weight of the volume at the end of the training.

    {units_}

    loss_curve_ : list of float
        Training loss by epoch, as the weights moved.

    validation_loss_curve_ : list of float or None
        Loss on the rows held out, or their 1 - R2 with ``min_score``; None without any.

    n_iter_ : int
        Number of epochs.

    {features_}

    See Also
    --------
    Autoencoder : Without the penalty, for a given number of dimensions.
    sklearn.decomposition.PCA : What the linear case comes to.
    sksubspace.metrics.intrinsic_dimension : How many dimensions rows vary in, without a network.

    Notes
    -----
    With encoder f, decoder g of Lipschitz constant at most 1, and :math:`s_j` the standard
    deviation of the j-th latent dimension, the loss is

    .. math:: (1 - R^2) + \lambda \exp\Big(\frac{1}{q} \sum_j \log(s_j + \eta)\Big).

    The number of dimensions left is a property of the networks and the weight, not an estimate of
    the intrinsic dimension of the data: a curved sheet may keep more dimensions than it has.

    Inside, the output of the decoder is multiplied by a fixed factor: 1/4, and the root of the
    number of features over 64 above 256 features. Rows of many features are long, and latent points
    that had to become as long would be drawn to zero by the volume before they got there.

    Latent points are centred at the mean of the training rows. To keep only the first k dimensions,
    hand ``inverse_transform`` the first k columns; the others then are at their mean. The
    refinement, which is not in the paper, minimises

    .. math:: \tfrac12 (1 - R^2) + \tfrac12\, \mathrm{E}_k (1 - R^2_k),

    with :math:`R^2_k` from the first k dimensions and :math:`\log k` about uniform, from there on:
    latent points are then nearly uncorrelated and nearly centred, and the dimensions left out are
    at 0 as they were in training.

    References
    ----------
    Chen and Fuge, "Compressing latent space via least volume", ICLR 2024.
    https://arxiv.org/abs/2404.17773

    Miyato, Kataoka, Koyama and Yoshida, "Spectral normalization for generative adversarial
    networks", ICLR 2018. https://arxiv.org/abs/1802.05957

    Gouk, Frank, Pfahringer and Cree, "Regularisation of neural networks by enforcing Lipschitz
    continuity", Machine Learning 110, 2021, for convolutions. https://arxiv.org/abs/1804.04368

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sksubspace.autoencoder import LeastVolumeAutoencoder
    >>> X, _ = load_digits(return_X_y=True)
    >>> model = LeastVolumeAutoencoder(
    ...     16, hidden_layer_sizes=(64,), volume_weight=0.03, max_iter=40, random_state=0
    ... ).fit(X)
    >>> 1 < model.n_components_ < 16
    True
    >>> Z = model.transform(X)
    >>> Z.shape[1] == model.n_components_
    True
    >>> model.inverse_transform(Z[:, :2]).shape
    (1797, 64)
    """

    latent_std_: Floats
    explained_reconstruction_: Floats
    explained_reconstruction_ratio_: Floats
    lipschitz_: float | None
    volume_weight_: float

    _parameter_constraints: dict = {
        **BaseAutoencoder._parameter_constraints,
        "decoder": [nn.Module, None],
        "hidden_layer_sizes": ["array-like"],
        "activation": [StrOptions({"elu", "relu", "tanh"})],
        "volume_weight": [Interval(Real, 0, None, closed="left")],
        "eta": [Interval(Real, 0, None, closed="neither")],
        "penalty": [StrOptions({"volume", "l1_std", "none"})],
        "prune_tol": [Interval(Real, 0, 1, closed="left")],
        "rotate": ["boolean"],
        "min_score": [Interval(Real, None, 1, closed="neither"), None],
        "refine": ["boolean"],
    }

    def __init__(
        self,
        n_components: int = 64,
        *,
        hidden_layer_sizes: Sequence[int] = (256, 128),
        volume_weight: float = 1e-2,
        eta: float = 1.0,
        penalty: Literal["volume", "l1_std", "none"] = "volume",
        prune_tol: float = 0.01,
        rotate: bool = True,
        min_score: float | None = None,
        refine: bool = True,
        encoder: Module | None = None,
        decoder: Module | None = None,
        activation: Literal["elu", "relu", "tanh"] = "relu",
        learning_rate: float = 3e-3,
        batch_size: int = 256,
        max_iter: int = 200,
        early_stopping: bool = True,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 20,
        tol: float = 1e-4,
        checkpoint: PathLike | None = None,
        autocast: bool = False,
        device: Device = "auto",
        random_state: Seed = None,
    ) -> None:
        self.n_components = n_components
        self.hidden_layer_sizes = hidden_layer_sizes
        self.volume_weight = volume_weight
        self.eta = eta
        self.penalty = penalty
        self.prune_tol = prune_tol
        self.rotate = rotate
        self.min_score = min_score
        self.refine = refine
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
        return Steps(self._start, partial(self._finish, X), options=self._options)

    def _start(self, scale, trainer):
        encoder, decoder = build_networks(self, self.n_features_in_, trainer)
        check_decoder(decoder)
        decoder = trainer.build(lambda: constrain(decoder, self.n_components))
        standardize = Standardize(scale.mean, scale.spread)
        return LeastVolume(
            standardize.to(trainer.device, trainer.torch_dtype),
            encoder,
            decoder,
            gain=decoder_gain(self.n_features_in_),
            penalty=self.penalty,
            weight=self.volume_weight,
            eta=self.eta,
            min_score=self.min_score,
            max_iter=self.max_iter,
        )

    def _options(self, objective):
        if self.min_score is None:
            return {"after_epoch": objective.warm_up}
        # the weight follows the held-out rows to the end: none of the epochs is the best one
        return {
            "validation_fraction": self.validation_fraction,
            "n_iter_no_change": None,
            "after_epoch": objective.adapt,
        }

    def _finish(self, X, objective, scale, trainer):
        """Fold units, rotation and pruning into both networks.

        Latent points are stretched by the factor of the decoder's output and by its Lipschitz
        constant, which is near 1, so that it is at most 1 in input units.
        """
        decoder = bake(objective.decoder)
        output_unit = decoder_gain(self.n_features_in_) * scale.spread
        unit = output_unit * lipschitz_bound(decoder, self.n_components)
        encoder = nn.Sequential(objective.standardize, objective.encoder)
        Z = Network(None, encoder, trainer.device)(X, trainer.dtype)
        centre, axes, std = latent_axes(Z, self.rotate)
        k = n_kept(std, self.prune_tol)
        axes, like = axes[:, :k], next(decoder.parameters())
        there, back = (axes.T, -(centre @ axes)), (axes, centre)
        if self.refine:
            there, back = self._refined(X, objective, (there, back), trainer)
        encoder.append(affine(unit * there[0], unit * there[1], like))
        decoder = nn.Sequential(affine(back[0] / unit, back[1], like), decoder)
        model = autoencoding(
            self, scale, trainer, encoder, decoder, n_latent=k, output_scale=output_unit
        )
        warn_of_a_miss(self.min_score, float(objective.excess))
        gains, shares = explained_reconstruction(model.decode, model.encode(X), X, model.mean)
        return model, {
            "latent_std_": (unit * std).astype(trainer.dtype),
            "lipschitz_": None if self.refine else output_unit * lipschitz_bound(decoder, k),
            "volume_weight_": float(objective.weight),
            "explained_reconstruction_": gains,
            "explained_reconstruction_ratio_": shares,
        }

    def _refined(self, X, objective, maps, trainer):
        """Train both networks on with the maps to the axes and back, which are returned."""
        like = next(objective.decoder.parameters())
        there, back = (affine(*arrays, like) for arrays in maps)
        refinement = Refinement(
            objective.standardize,
            nn.Sequential(objective.encoder, there),
            nn.Sequential(back, objective.decoder),
            gain=objective.gain,
            generator=trainer.generator(),
        )
        refine(refinement, X, trainer, autocast=self.autocast)
        return weights_of(there), weights_of(back)


def decoder_gain(n_features):
    r"""Factor g of the decoder's output.

    Standardised rows have length :math:`\sqrt d`, so that latent points must reach
    :math:`\sqrt d / g`. Where that is far, the volume wins before they are there.
    """
    return max(_SMALLEST_GAIN, np.sqrt(n_features) / _LATENT_LENGTH)


def warn_of_a_miss(min_score, excess):
    """Say so if R2 of the rows held out ended below the goal."""
    if min_score is not None and excess < -_TOLERANCE:
        warnings.warn(
            f"min_score={min_score} was not reached: R2 of the rows held out ended at least "
            f"{-excess:.3f} below. Train longer, widen the layers, or ask for less.",
            ConvergenceWarning,
            stacklevel=5,
        )
