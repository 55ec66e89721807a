"""An autoencoder with few active units: k-sparse, or with a penalty on the codes.

Makhzani and Frey, "k-sparse autoencoders", 2014.
"""

import sys
from copy import deepcopy
from functools import partial
from numbers import Integral, Real
from typing import Literal

import numpy as np
from torch import nn

from sksubspace._docs import fill_parameters
from sksubspace._linalg import unit_rows
from sksubspace._sklearn import Interval, StrOptions
from sksubspace._state import Network
from sksubspace._torch.persistence import module_to_arrays
from sksubspace._trained import Steps, training_constraints
from sksubspace._typing import Device, Floats, Module, PathLike, Seed
from sksubspace.autoencoder._base import BaseAutoencoder, PartialFitMixin
from sksubspace.autoencoder._sparse._coding import SparseCoding, kept_encoder, n_epochs, own_copy
from sksubspace.autoencoder._sparse._network import PENALTIES, SparseReconstruction, first_atoms

# "relu" keeps every positive entry
_ALL = sys.maxsize


@fill_parameters
class SparseAutoencoder(PartialFitMixin, BaseAutoencoder):
    r"""Write rows as sums of few atoms, which one linear layer chooses.

    The encoder is a matrix product and a choice of the largest entries, so that new rows are coded
    much faster than by the pursuits of dictionary learning.

    Parameters
    ----------
    n_components : int, default=256
        Number of units, each with its atom; more than features is usual.

    k : int, default=16
        Most units that are active for a row with ``activation="topk"``; at most `n_components`.

    k_start : int or None, default=None
        Number of active units in the first epoch, at least k. It falls linearly to k up to half of
        the epochs of ``fit`` and stays there; rows held out are reconstructed from k. None trains
        with k throughout, as ``partial_fit`` always does.

    transform_k : int or None, default=None
        Most entries of a code that ``transform`` and ``score`` keep; None keeps k.

    encoder : torch.nn.Module or None, default=None
        A module that maps standardised rows (n, n_features) to what the active units are chosen
        from (n, n_components), in the place of the linear layer; a copy of it is trained.

    decoder : torch.nn.Module or None, default=None
        A module that maps codes (n, n_components), divided by ``scale_``, to standardised rows
        (n, n_features), in the place of the atoms; a copy of it is trained.

    activation : {"topk", "relu"}, default="topk"
        Whether the k largest entries are kept where they are positive, or all positive entries.
        "relu" is sparse only with a penalty.

    init : {"subspace", "random", "data"}, default="subspace"
        Atoms to start from, which are the first weights of the encoder too: random directions
        within the principal subspace of the rows, random directions, or centred training rows.

    subspace_variance : float, default=0.99
        Share of the variance that the principal subspace holds with ``init="subspace"``.

    penalty : {"l1", "flops"} or None, default=None
        What is added to the loss: the mean l1 norm of the codes, or the sum over the units of
        their squared mean, which is least where all units are used alike.

    penalty_weight : float, default=0.0
        Factor of the penalty. Codes count in units of the root of the total variance of the rows.

    sparse_output : bool, default=True
        Whether ``transform`` returns a CSR matrix. Data frames need False.

    learning_rate : float, default=0.01
        About the length by which a training step moves an atom, which has length one: the learning
        rate times the root of the number of features. The highest of the one-cycle schedule, and
        the constant one of ``partial_fit``. An entry of an atom and a weight of a module move
        alike: by about the learning rate divided by that root.

    {even_batch_size}

    max_iter : int or "auto", default="auto"
        Most epochs; "auto" makes 2,000 steps, but at most 200 epochs.

    {early_stopping}

    {validation_fraction}

    {n_iter_no_change}

    {validation_tol}

    {checkpoint}

    {autocast}

    {device}

    random_state : int, RandomState instance or None, default=None
        Seeds the first atoms, the rows held out and the order of the batches.

    Attributes
    ----------
    components_ : ndarray of shape (n_components, `n_features_in_`) or None
        Atoms, of length one; None with a decoder module.

    encoder_components_ : ndarray of shape (n_components, `n_features_in_`) or None
        Weights of the encoder; None with an encoder module.

    encoder_intercept_ : ndarray of shape (n_components,) or None
        What is added to the product with them, in input units; None with an encoder module.

    intercept_ : ndarray of shape (`n_features_in_`,) or None
        What is subtracted from rows before they are encoded linearly, and added to sums of atoms;
        None with modules for both.

    usage_ : ndarray of shape (n_components,)
        Share of the training rows for which each unit is active, whatever ``transform_k``; after
        ``partial_fit``, of its last rows.

    dead_fraction_ : float
        Share of the units that are active for none of these rows.

    flops_ : float
        Sum of the squares of `usage_`: how many units two rows are expected to share, and so how
        many products an inverted index takes to compare them.

    n_components_ : int
        Number of units.

    {units_}

    loss_curve_ : list of float
        Training loss by epoch, as the weights moved: 1 - R2, and the penalty.

    {epochs_}

    {features_}

    See Also
    --------
    PredictiveSparseCoding : Codes that minimise an energy, and an encoder that predicts them.
    sklearn.decomposition.MiniBatchDictionaryLearning : Atoms for codes found by a pursuit.

    Notes
    -----
    The model of a row is

    .. math:: \hat x = D\, \mathrm{topk}(E^\top (x - b) + c) + b

    with columns of D of length one, E = D at the start, and codes without negative entries. A unit
    that is never among the k largest gets no gradient: it is dead. Atoms outside the subspace in
    which the rows vary hardly correlate with any row, and many of them die;
    ``init="subspace"`` starts with none of these.

    The schedule of ``k_start`` is that of the paper, where it keeps units alive. Here rates are
    highest while k is large. On digits it then reconstructs worse than k throughout, and with
    ``init="subspace"`` it leaves more units dead. A ``transform_k`` somewhat above k gains a little
    where units are few, and may lose where they are many, since atoms were trained in sums of k.

    The penalty "flops" is :math:`\sum_j (\frac1n \sum_i |z_{ij}|)^2`, over a batch. It stands for
    ``flops_``, which has no gradient: with as many entries in all it is least where every unit has
    as many of them. It is for ``activation="relu"``; with "topk" the number of entries is given.

    With modules f for the encoder and g for the decoder, and s for ``scale_``, codes are

    .. math:: z = s\, \mathrm{topk}(f((x - \bar x) / s)), \qquad \hat x = s\, g(z / s) + \bar x.

    So codes are in input units, whichever of the two maps are modules. An encoder of random weights
    knows nothing of the atoms: with one hidden layer three in ten of the units died on digits, and
    more than half on patches of photographs, and rows held out were reconstructed about as well as
    by the linear layer.

    References
    ----------
    Makhzani and Frey, "k-sparse autoencoders", ICLR 2014. https://arxiv.org/abs/1312.5663

    "Attention layers add into low-dimensional residual subspaces", 2025, for the start within the
    principal subspace. https://arxiv.org/abs/2508.16929

    Paria, Yeh, Yen, Xu, Ravikumar and Poczos, "Minimizing FLOPs to learn efficient sparse
    representations", ICLR 2020, for the penalty "flops". https://arxiv.org/abs/2004.05665

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.model_selection import train_test_split
    >>> from sksubspace.autoencoder import SparseAutoencoder
    >>> X, _ = load_digits(return_X_y=True)
    >>> X_train, X_test = train_test_split(X, random_state=0)
    >>> model = SparseAutoencoder(128, k=8, max_iter=50, random_state=0).fit(X_train)
    >>> Z = model.transform(X_test)
    >>> Z.shape, int(Z.getnnz(axis=1).max())
    ((450, 128), 8)
    >>> model.inverse_transform(Z).shape
    (450, 64)
    >>> model.score(X_test) > 0.7
    True
    """

    components_: Floats | None
    encoder_components_: Floats | None
    encoder_intercept_: Floats | None
    intercept_: Floats | None
    usage_: Floats
    dead_fraction_: float
    flops_: float

    _parameter_constraints: dict = {
        **BaseAutoencoder._parameter_constraints,
        **training_constraints("max_iter", auto=True),
        "k": [Interval(Integral, 1, None, closed="left")],
        "k_start": [Interval(Integral, 1, None, closed="left"), None],
        "transform_k": [Interval(Integral, 1, None, closed="left"), None],
        "decoder": [nn.Module, None],
        "activation": [StrOptions({"topk", "relu"})],
        "init": [StrOptions({"subspace", "random", "data"})],
        "subspace_variance": [Interval(Real, 0, 1, closed="right")],
        "penalty": [StrOptions(set(PENALTIES)), None],
        "penalty_weight": [Interval(Real, 0, None, closed="left")],
        "sparse_output": ["boolean"],
    }

    def __init__(
        self,
        n_components: int = 256,
        *,
        k: int = 16,
        k_start: int | None = None,
        transform_k: int | None = None,
        encoder: Module | None = None,
        decoder: Module | None = None,
        activation: Literal["topk", "relu"] = "topk",
        init: Literal["subspace", "random", "data"] = "subspace",
        subspace_variance: float = 0.99,
        penalty: Literal["l1", "flops"] | None = None,
        penalty_weight: float = 0.0,
        sparse_output: bool = True,
        learning_rate: float = 1e-2,
        batch_size: int = 256,
        max_iter: int | Literal["auto"] = "auto",
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        tol: float = 1e-4,
        checkpoint: PathLike | None = None,
        autocast: bool = False,
        device: Device = "auto",
        random_state: Seed = None,
    ) -> None:
        self.n_components = n_components
        self.k = k
        self.k_start = k_start
        self.transform_k = transform_k
        self.encoder = encoder
        self.decoder = decoder
        self.activation = activation
        self.init = init
        self.subspace_variance = subspace_variance
        self.penalty = penalty
        self.penalty_weight = penalty_weight
        self.sparse_output = sparse_output
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

    def _codes(self, model, X):  # (n, d) -> CSR (n, m)
        k = most_active(self) if self.transform_k is None else int(self.transform_k)
        return model.largest(X, k).astype(X.dtype, copy=False)

    def _steps(self, X):
        check_active_units(self)
        n = n_epochs(self, len(X))
        # an atom has length one however many entries it has; its entries move by so much less
        rate = float(self.learning_rate / np.sqrt(X.shape[1]))
        return Steps(
            start=lambda scale, trainer: trainer.build(
                partial(new_objective, self, X, scale, trainer)
            ),
            finish=partial(self._finish, X),
            resume=lambda model, trainer: trainer.build(partial(objective_of, self, model)),
            changes={"learning_rate": rate, "max_iter": n},
            options=partial(schedule, k_start=self.k_start, n_epochs=n),
        )

    def _finish(self, X, objective, scale, trainer):
        """Bring the weights to input units, and see which units are used."""
        model = sparse_coding(self, objective, scale, trainer)
        usage = model.largest(X, most_active(self)).getnnz(axis=0) / len(X)
        return model, {
            "components_": model.atoms,
            "encoder_components_": model.weights,
            "encoder_intercept_": model.intercept,
            "intercept_": model.offset,
            "usage_": usage,
            "dead_fraction_": float(np.mean(usage == 0)),
            "flops_": float(usage @ usage),
        }


def check_active_units(params):
    """Refuse numbers of active units that are not those of the activation, or out of range."""
    for name in ("k", "k_start", "transform_k") if params.activation == "topk" else ():
        value = getattr(params, name)
        if value is not None and value > params.n_components:
            raise ValueError(
                f"{name} must be at most n_components={params.n_components}, got {value!r}: no "
                "more units than there are can be active."
            )
    for name in ("k_start", "transform_k"):
        value = getattr(params, name)
        if value is not None and params.activation != "topk":
            raise ValueError(
                f"{name} must be None with activation={params.activation!r}, which keeps all "
                f"positive entries; got {value!r}."
            )
    if params.k_start is not None and params.k_start < params.k:
        raise ValueError(f"k_start must be at least k={params.k}, got {params.k_start!r}.")


def most_active(params):
    """The most units that are active for a row in the training."""
    return int(params.k) if params.activation == "topk" else _ALL


def schedule(objective, k_start, n_epochs):
    """Begin with `k_start` active units, if that is given, and let their number fall."""
    if k_start is None:
        return {}
    objective.k_now = int(k_start)
    narrow = partial(objective.narrow, k_start=objective.k_now, n_epochs=n_epochs)
    return {"after_epoch": narrow}


def total_spread(scale, n_features):
    """Root of the total variance of the training rows."""
    return float(scale) * np.sqrt(n_features)


def new_objective(params, X, scale, trainer):
    """What a fit trains, from the parameters and the rows."""
    m, d = int(params.n_components), X.shape[1]
    mean = scale.mean.astype(trainer.dtype)
    encoder = own_copy(params.encoder, "encoder", d, m)
    decoder = own_copy(params.decoder, "decoder", m, d)
    maps = {"encoder": encoder, "decoder": decoder}
    if encoder is not None and decoder is not None:
        return reconstruction(params, mean, scale.spread, **maps)
    start = params.init, params.subspace_variance, trainer.random_state
    atoms = first_atoms(X, mean, m, *start)
    return reconstruction(
        params, mean, scale.spread, **maps, linear=(atoms, atoms, np.zeros(m), np.zeros(d))
    )


def objective_of(params, model):
    """What goes on to be trained: a fitted model, in the units of the training."""
    unit = total_spread(model.scale, len(model.mean))
    offset, c = model.offset, model.intercept
    return reconstruction(
        params,
        model.mean,
        model.scale,
        encoder=None if model.encoder is None else deepcopy(model.encoder.module[1]),
        decoder=None if model.decoder is None else deepcopy(model.decoder.module),
        linear=(
            model.atoms,
            model.weights,
            None if c is None else c / unit,
            None if offset is None else (offset - model.mean) / unit,
        ),
    )


def reconstruction(params, mean, scale, *, encoder, decoder, linear=(None,) * 4):
    """The objective; a module takes the place of the weights of a linear map."""
    atoms, weights, intercept, offset = linear
    return SparseReconstruction(
        mean,
        total_spread(scale, len(mean)),
        {
            "atoms": atoms if decoder is None else None,
            "encoder": weights if encoder is None else None,
            "intercept": intercept if encoder is None else None,
            "offset": offset,
        },
        encoder=encoder,
        decoder=decoder,
        k=most_active(params),
        penalty=params.penalty,
        penalty_weight=params.penalty_weight,
    )


def sparse_coding(params, objective, scale, trainer):
    """The fitted model of a trained objective, in input units."""
    mean, unit = scale.mean.astype(trainer.dtype), total_spread(scale.spread, len(scale.mean))
    trained = module_to_arrays(objective).get
    atoms, c, offset = trained("atoms"), trained("intercept"), trained("offset")
    decoder = objective.decoder_module
    return SparseCoding(
        mean=mean,
        scale=float(scale.spread),
        n_components=int(params.n_components),
        atoms=None if atoms is None else unit_rows(atoms),
        weights=trained("encoder"),
        intercept=None if c is None else (unit * c).astype(mean.dtype),
        gain=None,
        offset=None if offset is None else (mean + unit * offset).astype(mean.dtype),
        encoder=kept_encoder(
            params.encoder, objective.encoder_module, mean, scale.spread, trainer.device
        ),
        decoder=None if decoder is None else Network(params.decoder, decoder, trainer.device),
    )
