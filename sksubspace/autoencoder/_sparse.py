"""An autoencoder with few active units: k-sparse, or with a penalty on the codes.

Makhzani and Frey, "k-sparse autoencoders", 2014.
"""

from functools import partial
from numbers import Integral, Real

import numpy as np
from scipy import sparse
from sklearn.utils.validation import check_is_fitted, validate_data

from sksubspace._sklearn import Interval, StrOptions, _fit_context
from sksubspace._torch.device import as_rows
from sksubspace._torch.inference import in_blocks
from sksubspace._torch.persistence import module_to_arrays
from sksubspace._torch.random import isolated_random_state
from sksubspace._torch.trainer import Budget
from sksubspace.autoencoder._checkpoint import KeptState
from sksubspace.autoencoder._sparse_base import BaseSparseCoder
from sksubspace.autoencoder._sparse_codes import largest_entries, positive_entries
from sksubspace.autoencoder._sparse_network import (
    PENALTIES,
    SparseReconstruction,
    first_atoms,
    unit_rows,
)

_ONE_EPOCH = Budget(n_steps=1, max_epochs=1, weight_decay=0.0)


class SparseAutoencoder(BaseSparseCoder):
    r"""Write rows as sums of few atoms, which one linear layer chooses.

    The encoder is a matrix product and a choice of the largest entries, so that new rows are coded
    much faster than by the pursuits of dictionary learning.

    Parameters
    ----------
    n_components : int, default=256
        Number of units, each with its atom; more than features is usual.

    k : int, default=16
        Most units that are active for a row with ``activation="topk"``; no more than there are.

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
        Whether ``transform`` returns a sparse matrix. Data frames need False.

    learning_rate : float, default=0.01
        About the length by which a training step moves an atom, which has length one: the learning
        rate times the root of the number of features. The highest of the one-cycle schedule, and
        the constant one of ``partial_fit``.

    batch_size : int, default=256
        Most rows in a training step; the batches of an epoch are of about one size.

    max_iter : int or "auto", default="auto"
        Most epochs; "auto" makes 2,000 steps, but at most 200 epochs.

    early_stopping : bool, default=False
        Whether rows are held out, the training stops when their error no longer becomes smaller,
        and the weights with the smallest error are taken. Otherwise all rows are trained on for
        ``max_iter`` epochs.

    validation_fraction : float, default=0.1
        Share of the rows that are held out with ``early_stopping=True``.

    n_iter_no_change : int, default=10
        Epochs without improvement after which the training stops.

    tol : float, default=0.0001
        Smallest improvement of the validation loss that counts.

    checkpoint : str, os.PathLike or None, default=None
        Folder in which ``fit`` keeps its state after every epoch. A fit that was killed goes on
        from there when it is called again with the same parameters and data, and ends with the
        same bits. After a fit that was finished a new one starts anew. A folder that belongs to
        other parameters or data is an error.

    device : str or torch.device, default="auto"
        Where the training runs: "auto" is a CUDA device if there is one, else the CPU.

    random_state : int, RandomState instance or None, default=None
        Seeds the first atoms, the rows held out and the order of the batches.

    Attributes
    ----------
    components_ : ndarray of shape (n_components, `n_features_in_`)
        Atoms, of length one.

    encoder_components_ : ndarray of shape (n_components, `n_features_in_`)
        Weights of the encoder.

    encoder_intercept_ : ndarray of shape (n_components,)
        What is added to the product with them, in input units.

    intercept_ : ndarray of shape (`n_features_in_`,)
        What is subtracted from rows before they are encoded, and added after.

    usage_ : ndarray of shape (n_components,)
        Share of the training rows for which each unit is active; after ``partial_fit``, of its
        last rows.

    dead_fraction_ : float
        Share of the units that are active for none of these rows.

    n_components_ : int
        Number of units.

    mean_ : ndarray of shape (`n_features_in_`,)
        Mean of the training rows.

    scale_ : float
        Root mean variance of the features.

    loss_curve_ : list of float
        Training loss by epoch, as the weights moved: 1 - R2, and the penalty.

    validation_loss_curve_ : list of float or None
        The same on the rows held out; None without any.

    n_iter_ : int
        Number of epochs.

    n_features_in_ : int
        Number of features seen in ``fit``.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Their names, where X has string column names.

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

    The penalty "flops" is :math:`\sum_j (\frac1n \sum_i |z_{ij}|)^2`.

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

    _parameter_constraints: dict = {
        **BaseSparseCoder._parameter_constraints,
        "k": [Interval(Integral, 1, None, closed="left")],
        "activation": [StrOptions({"topk", "relu"})],
        "init": [StrOptions({"subspace", "random", "data"})],
        "subspace_variance": [Interval(Real, 0, 1, closed="right")],
        "penalty": [StrOptions(set(PENALTIES)), None],
        "penalty_weight": [Interval(Real, 0, None, closed="left")],
        "sparse_output": ["boolean"],
    }

    def __init__(
        self,
        n_components=256,
        *,
        k=16,
        activation="topk",
        init="subspace",
        subspace_variance=0.99,
        penalty=None,
        penalty_weight=0.0,
        sparse_output=True,
        learning_rate=1e-2,
        batch_size=256,
        max_iter="auto",
        early_stopping=False,
        validation_fraction=0.1,
        n_iter_no_change=10,
        tol=1e-4,
        checkpoint=None,
        device="auto",
        random_state=None,
    ):
        self.n_components = n_components
        self.k = k
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
        self.device = device
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y=None):
        """Train for one epoch on some rows.

        The first call sets the units of the rows and the first atoms; after ``fit`` the fitted
        weights are trained on. No rows are held out, and there are no checkpoints.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows, at least two in the first call.

        y : Ignored
            Not used.

        Returns
        -------
        self : object
            The estimator.

        Raises
        ------
        ValueError
            If X has non-finite values, or the training diverges.
        """
        first = not hasattr(self, "components_")
        X = validate_data(
            self, X, reset=first, dtype=[np.float64, np.float32], ensure_min_samples=1 + first
        )
        context = self._init_callback_context(max_subtasks=1)
        context.call_on_fit_task_begin(estimator=self, X=X, y=y)
        dtype = X.dtype if first else self.components_.dtype
        trainer = self._trainer(dtype, isolated_random_state(self.random_state), context)
        X = X.astype(dtype, copy=False)
        if first:
            self.loss_curve_, self.validation_loss_curve_ = [], None
            self._kept_state, objective = None, self._start(X, trainer)
        else:
            objective = trainer.build(self._fitted_objective)
        self._go_on(X, trainer, objective)
        context.call_on_fit_task_end(estimator=self, X=X, y=y)
        return self

    def transform(self, X):
        """Encode rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows; each is encoded without regard to the others.

        Returns
        -------
        Z : {sparse matrix, ndarray} of shape (n_samples, n_components)
            Codes, as a CSR matrix with ``sparse_output=True``; with ``activation="topk"`` at most
            k entries of a row are not zero.
        """
        check_is_fitted(self)
        Z = self._codes(self._validated(X))
        return Z if self.sparse_output else Z.toarray()

    def _codes(self, X):  # (n, d) -> CSR (n, m)
        encode = partial(
            _encode, W=self.encoder_components_, c=self.encoder_intercept_, b=self.intercept_
        )
        k = self._most_active()
        choose = positive_entries if k is None else partial(largest_entries, k=k)
        blocks = [choose(in_blocks(encode, X[rows])) for rows in self._slices(len(X))]
        return sparse.vstack(blocks, format="csr").astype(X.dtype, copy=False)

    def _trainer(self, dtype, random_state, context):
        trainer = super()._trainer(dtype, random_state, context)
        trainer.learning_rate = float(self.learning_rate / np.sqrt(self.n_features_in_))
        return trainer

    def _most_active(self):
        """The most units that are active for a row, or None."""
        return int(self.k) if self.activation == "topk" else None

    def _objective(self, X, random_state):
        atoms = first_atoms(
            X, self.mean_, self.n_components, self.init, self.subspace_variance, random_state
        )
        return self._network(atoms, atoms, np.zeros(len(atoms)), np.zeros(X.shape[1]))

    def _fitted_objective(self):
        unit = self._unit()
        offset = (self.intercept_ - self.mean_) / unit
        weights = self.components_, self.encoder_components_, self.encoder_intercept_ / unit
        return self._network(*weights, offset)

    def _network(self, atoms, encoder, intercept, offset):
        weights = {"atoms": atoms, "encoder": encoder, "intercept": intercept, "offset": offset}
        return SparseReconstruction(
            self.mean_,
            self._unit(),
            weights,
            k=self._most_active(),
            penalty=self.penalty,
            penalty_weight=self.penalty_weight,
        )

    def _unit(self):
        """Root of the total variance of the training rows."""
        return self.scale_ * np.sqrt(self.n_features_in_)

    def _go_on(self, X, trainer, objective):
        """One epoch from where the optimizer and the order of the rows stood."""
        kept = KeptState(objective, self._kept_state)
        trainer.max_iter = 1 + len(kept.state["history"] if kept.state else [])
        rows = as_rows(X, trainer.device)
        trainer.fit(
            objective, (rows,), _ONE_EPOCH, "networks", schedule=None, checkpoint=kept
        )  # fmt: skip
        self._adopt(X, objective)
        self._kept_state = kept.state
        self.loss_curve_ = [*self.loss_curve_, kept.state["history"][-1]["train_loss"]]
        self.n_iter_ = len(self.loss_curve_)

    def _adopt(self, X, objective):
        """Bring the weights to input units, and see which units are used."""
        arrays, unit = module_to_arrays(objective), self._unit()
        dtype = arrays["atoms"].dtype
        self.components_ = unit_rows(arrays["atoms"])
        self.encoder_components_ = arrays["encoder"]
        self.encoder_intercept_ = (unit * arrays["intercept"]).astype(dtype)
        self.intercept_ = (self.mean_ + unit * arrays["offset"]).astype(dtype)
        self.n_components_ = len(self.components_)
        self._kept_state = None
        active = [self._codes(X[rows]).getnnz(axis=0) for rows in self._slices(len(X))]
        self.usage_ = np.sum(active, axis=0) / len(X)
        self.dead_fraction_ = float(np.mean(self.usage_ == 0))


def _encode(X, W, c, b):  # (n, d), (m, d), (m,), (d,) -> (n, m)
    return (X - b) @ W.T + c
