"""Predictive sparse coding: sparse codes, and a network that predicts them.

Kavukcuoglu, Ranzato and LeCun, "Fast inference in sparse coding algorithms with applications to
object recognition", 2008.
"""

import warnings
from functools import partial
from numbers import Integral, Real
from typing import Literal

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from sksubspace._docs import fill_parameters
from sksubspace._linalg import in_blocks, unit_rows
from sksubspace._sklearn import Interval, StrOptions
from sksubspace._torch.persistence import module_to_arrays
from sksubspace._trained import Steps, training_constraints
from sksubspace._typing import Device, Floats, Module, PathLike, Seed
from sksubspace.autoencoder._base import BaseAutoencoder
from sksubspace.autoencoder._sparse._coding import SparseCoding, kept_encoder, n_epochs, own_copy
from sksubspace.autoencoder._sparse._energy import PredictiveEnergy, TanhEncoder, lasso_codes
from sksubspace.autoencoder._sparse._network import first_atoms

# of alpha: how far a condition of optimality of the lasso may be missed
_TOL = 1e-5


@fill_parameters
class PredictiveSparseCoding(BaseAutoencoder):
    r"""Learn atoms for sparse codes together with a network that predicts the codes.

    Sparse codes are the solution of a lasso for each row. The network, one layer if none is given,
    gives nearly the same at the cost of one matrix product.

    Parameters
    ----------
    n_components : int, default=128
        Number of atoms; more than features is usual.

    alpha : float, default=1.0
        Weight of the l1 norm, in units of the root mean variance of the features.

    prediction_weight : float, default=1.0
        Weight of the squared error of the predicted codes.

    encoder : torch.nn.Module or None, default=None
        A module that maps standardised rows (n, n_features) to predicted codes in units of
        ``scale_`` (n, n_components), in the place of the layer; a copy of it is trained.

    transform_algorithm : {"encoder", "fista"}, default="encoder"
        Whether ``transform`` returns the predicted codes, or those that solve the lasso.

    transform_max_iter : int, default=1000
        Most steps for each row with ``transform_algorithm="fista"``; rows that need more are a
        ``ConvergenceWarning``.

    learning_rate : float, default=0.003
        Highest learning rate of the one-cycle schedule, of atoms and network alike.

    {even_batch_size}

    max_iter : int or "auto", default="auto"
        Most epochs; "auto" makes 2,000 steps, but at most 200 epochs.

    {early_stopping}

    {validation_fraction}

    {n_iter_no_change}

    {validation_tol}

    {checkpoint}

    autocast : bool, default=False
        Whether to train in mixed precision with bfloat16. The weights are then float32, and the
        search for codes, which is most of the work, is in single precision.

    {device}

    random_state : int, RandomState instance or None, default=None
        Seeds the first atoms, the rows held out and the order of the batches.

    Attributes
    ----------
    components_ : ndarray of shape (n_components, `n_features_in_`)
        Atoms, of length one.

    encoder_components_ : ndarray of shape (n_components, `n_features_in_`) or None
        Weights of the encoder; None with a module.

    encoder_intercept_ : ndarray of shape (n_components,) or None
        What is added to the product with them; None with a module.

    encoder_gain_ : ndarray of shape (n_components,) or None
        Factors of the hyperbolic tangents, in input units; None with a module.

    intercept_ : ndarray of shape (`n_features_in_`,)
        What is added to the sum of the atoms: the mean of the training rows.

    n_components_ : int
        Number of atoms.

    {units_}

    loss_curve_ : list of float
        Mean energy of the training rows by epoch, as the weights moved, divided by the number of
        features and ``scale_`` squared.

    {epochs_}

    {features_}

    See Also
    --------
    SparseAutoencoder : A given number of active units, and no search for codes in the training.
    sklearn.decomposition.sparse_encode : Codes for given atoms.

    Notes
    -----
    The energy of a centred row, in units of ``scale_``, is

    .. math:: \|x - D z\|^2 + \alpha \|z\|_1 + a \|z - g \tanh(W x + b)\|^2

    with columns of D of length one and a the ``prediction_weight``. A training step finds the
    codes of least energy by FISTA for the weights as they are, and then moves D, W, b and g down
    its gradient. A module of your own stands for the whole of :math:`g \tanh(W x + b)`. There is
    none for the decoder, because codes are the solutions of a lasso, whose model is a matrix. On
    digits a hidden layer of 256 units halves the squared error of the predicted codes.

    Codes with ``transform_algorithm="fista"`` leave the last term out. They are those of
    ``sparse_encode(X - mean_, components_, alpha=alpha * scale_ / 2)``, whose squared error counts
    half. Predicted codes are not exactly zero where these are.

    References
    ----------
    Kavukcuoglu, Ranzato and LeCun, "Fast inference in sparse coding algorithms with applications
    to object recognition", technical report CBLL-TR-2008-12-01, New York University, 2008.
    https://arxiv.org/abs/1010.3467

    Beck and Teboulle, "A fast iterative shrinkage-thresholding algorithm for linear inverse
    problems", SIAM Journal on Imaging Sciences 2, 2009. https://doi.org/10.1137/080716542

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sksubspace.autoencoder import PredictiveSparseCoding
    >>> X, _ = load_digits(return_X_y=True)
    >>> model = PredictiveSparseCoding(64, max_iter=20, random_state=0).fit(X)
    >>> model.transform(X).shape
    (1797, 64)
    >>> exact = model.set_params(transform_algorithm="fista").transform(X[:5])
    >>> bool((exact == 0).mean() > 0.3)
    True
    """

    components_: Floats
    encoder_components_: Floats | None
    encoder_intercept_: Floats | None
    encoder_gain_: Floats | None
    intercept_: Floats

    _parameter_constraints: dict = {
        **BaseAutoencoder._parameter_constraints,
        **training_constraints("max_iter", auto=True),
        "alpha": [Interval(Real, 0, None, closed="neither")],
        "prediction_weight": [Interval(Real, 0, None, closed="neither")],
        "transform_algorithm": [StrOptions({"encoder", "fista"})],
        "transform_max_iter": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        n_components: int = 128,
        *,
        alpha: float = 1.0,
        prediction_weight: float = 1.0,
        encoder: Module | None = None,
        transform_algorithm: Literal["encoder", "fista"] = "encoder",
        transform_max_iter: int = 1000,
        learning_rate: float = 3e-3,
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
        self.alpha = alpha
        self.prediction_weight = prediction_weight
        self.encoder = encoder
        self.transform_algorithm = transform_algorithm
        self.transform_max_iter = transform_max_iter
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

    def _codes(self, model, X):  # (n, d) -> (n, m)
        if self.transform_algorithm == "encoder":
            return in_blocks(model.activations, X).astype(X.dtype, copy=False)
        solve = partial(solved_codes, model, self.alpha * model.scale / 2, self.transform_max_iter)
        solved = in_blocks(solve, X)
        n_missed = int((solved[:, -1] == 0).sum())
        if n_missed:
            warnings.warn(
                f"transform_max_iter={self.transform_max_iter} steps were not enough for the codes "
                f"of {n_missed} of {len(X)} rows.",
                ConvergenceWarning,
                stacklevel=3,
            )
        return solved[:, :-1].astype(X.dtype)

    def _steps(self, X):
        return Steps(
            start=lambda scale, trainer: trainer.build(
                partial(new_energy, self, X, scale, trainer)
            ),
            finish=self._finish,
            changes={"max_iter": n_epochs(self, len(X))},
        )

    def _finish(self, objective, scale, trainer):
        model = predictive_coding(self, objective, scale, trainer)
        return model, {
            "components_": model.atoms,
            "intercept_": model.offset,
            "encoder_components_": model.weights,
            "encoder_intercept_": model.intercept,
            "encoder_gain_": model.gain,
        }


def solved_codes(model, alpha, max_iter, X):  # (n, d) -> (n, m + 1)
    """Codes that solve the lasso, and whether they do."""
    start = model.activations(X).astype(np.float64)
    X, D = X.astype(np.float64) - model.mean, model.atoms.astype(np.float64)
    return np.column_stack(lasso_codes(X, D, start, alpha, max_iter, _TOL))


def new_energy(params, X, scale, trainer):
    """What a fit trains, from the parameters and the rows."""
    m, mean = int(params.n_components), scale.mean.astype(trainer.dtype)
    encoder = own_copy(params.encoder, "encoder", X.shape[1], m)
    atoms = first_atoms(X, mean, m, "data", None, trainer.random_state)
    return PredictiveEnergy(
        mean,
        float(scale.spread),
        atoms,
        TanhEncoder(atoms) if encoder is None else encoder,
        alpha=params.alpha,
        weight=params.prediction_weight,
    )


def predictive_coding(params, objective, scale, trainer):
    """The fitted model of a trained objective, in input units."""
    mean, spread = scale.mean.astype(trainer.dtype), float(scale.spread)
    own, weights, intercept, gain = params.encoder is not None, None, None, None
    if not own:
        layer = module_to_arrays(objective.encoder)
        weights = (layer["weights"] / spread).astype(mean.dtype)
        intercept = layer["intercept"]
        gain = (layer["gain"] * spread).astype(mean.dtype)
    trained = objective.encoder if own else None
    return SparseCoding(
        mean=mean,
        scale=spread,
        n_components=int(params.n_components),
        atoms=unit_rows(module_to_arrays(objective)["atoms"]),
        weights=weights,
        intercept=intercept,
        gain=gain,
        offset=mean.copy(),
        encoder=kept_encoder(params.encoder, trained, mean, spread, trainer.device),
        decoder=None,
    )
