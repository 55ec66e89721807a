"""A classifier whose classes are subspaces.

Zhang, Li and Zhang, "Grassmann class representation", ICCV 2023.
"""

import warnings
from functools import partial
from numbers import Integral, Real
from typing import Literal, Self

import numpy as np
import torch
from scipy.special import softmax
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from sksubspace._docs import fill_parameters
from sksubspace._linalg import in_blocks, unit_rows
from sksubspace._parameters import isolated_random_state
from sksubspace._sklearn import Interval, StrOptions, _check_sample_weight, _fit_context
from sksubspace._torch.device import as_rows, to_tensor
from sksubspace._torch.trainer import Budget
from sksubspace._trained import (
    TRAINED,
    TrainedTransformer,
    as_even_as_can_be,
    fit_task,
    make_trainer,
    training_constraints,
)
from sksubspace._typing import ArrayLike, Device, Floats, Labels, Seed
from sksubspace._validation import validate_rows
from sksubspace.discriminant._class_subspaces import (
    GrassmannSGD,
    ProjectionLoss,
    angles_between,
    class_bases,
    merged_rows,
    projection_norms,
    turned_to_axes,
)

# the number of epochs is given, and a weight decay would do nothing to orthonormal columns
_BUDGET = Budget(n_steps=1, max_epochs=1, weight_decay=0.0)


@fill_parameters
class GrassmannClassifier(ClassifierMixin, TrainedTransformer):
    r"""Classify a row by the subspace it lies nearest to in angle, one subspace a class.

    It starts from the principal directions of the rows of each class (CLAFIC) and turns these
    subspaces by the cross entropy of the classes. Each can be looked at, and the largest cosine of
    a row says how much of it any class explains.

    Parameters
    ----------
    n_dims : int, default=4
        Dimension of the subspace of each class.

    gamma : float, default=25.0
        Logit of a row that lies in the subspace of a class.

    init : {"clafic", "random"}, default="clafic"
        Where training starts: at the principal directions of each class, not centred, or anywhere.

    scaling : {"nonnegative"} or None, default="nonnegative"
        "nonnegative" scales every column from 0 to 1 on the training rows. None leaves rows as they
        are, for data that are directions already, such as spectra or counts of words.

    bias : float, default=1.0
        Value of a column that is added to the rows; 0 adds none.

    learning_rate : float, default=0.05
        Learning rate at the start, which falls to about 0 along half a cosine.

    momentum : float, default=0.9
        Share of the last step that is kept.

    {even_batch_size}

    max_iter : int, default=40
        Epochs. 0 is CLAFIC, without training.

    {device}

    {random_state}
        Seeds the batches and the random start.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The classes.

    subspaces_ : ndarray of shape (n_classes, n_columns, n_dims)
        Orthonormal columns of each class, along the axes of its rows, the longest first. With a
        bias there is one more column than features, the last.

    min_ : ndarray of shape (n_features,)
        What is subtracted from rows; zeros without scaling.

    range_ : ndarray of shape (n_features,)
        What rows are divided by; ones without scaling, and for columns that are constant.

    angles_ : ndarray of shape (n_classes, n_classes, n_dims)
        Principal angles of each two classes in radians, the smallest first.

    loss_curve_ : list of float
        Mean cross entropy of every epoch.

    n_iter_ : int
        Number of epochs.

    n_components_ : int
        Number of classes, which is that of the outputs of `transform`.

    {features_}

    See Also
    --------
    SubclassDiscriminantAnalysis : Linear discriminants for classes of several kinds.
    sksubspace.cluster.KSubspaces : Subspaces without classes.
    sklearn.svm.SVC : More accurate on all sets of the benchmark.

    Notes
    -----
    With an orthonormal :math:`U_c` of each class and rows scaled to unit length, the logits are

    .. math:: z_c = \gamma \, \| U_c^T x \| .

    Steps are projected on the tangent space of the Grassmann manifold and bases are made
    orthonormal again by a QR decomposition, momentum being carried along.

    **The logit is even**: x and -x belong to one class, which is why columns are made not negative
    and get a bias. Without both, classes that differ by a sign cannot be told apart.

    Equal rows of a class count once, with their weights added, so that a weight of two is a row
    given twice.

    References
    ----------
    .. [1] H. Zhang, J. Li and R. Zhang, "Grassmann class representation", ICCV (2023),
       https://arxiv.org/abs/2308.01547

    .. [2] S. Watanabe, P. Lambert, C. Kulikowski, J. Buxton and R. Walker, "Evaluation and
       selection of variables in pattern recognition", Computer and Information Sciences II (1967).

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.model_selection import train_test_split
    >>> from sksubspace.discriminant import GrassmannClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> X, X_test, y, y_test = train_test_split(X, y, test_size=0.3, random_state=0)
    >>> for max_iter in (0, 40):
    ...     model = GrassmannClassifier(2, max_iter=max_iter, random_state=0).fit(X, y)
    ...     print(f"{max_iter} epochs: {model.score(X_test, y_test):.2f}")
    0 epochs: 0.95
    40 epochs: 0.98
    """

    classes_: Labels
    subspaces_: Floats
    min_: Floats
    range_: Floats

    _parameter_constraints: dict = {
        "n_dims": [Interval(Integral, 1, None, closed="left")],
        "gamma": [Interval(Real, 0, None, closed="neither")],
        "init": [StrOptions({"clafic", "random"})],
        "scaling": [StrOptions({"nonnegative"}), None],
        "bias": [Interval(Real, 0, None, closed="left")],
        "momentum": [Interval(Real, 0, 1, closed="left")],
        **training_constraints(*TRAINED),
        "max_iter": [Interval(Integral, 0, None, closed="left")],
    }

    def __init__(
        self,
        n_dims: int = 4,
        *,
        gamma: float = 25.0,
        init: Literal["clafic", "random"] = "clafic",
        scaling: Literal["nonnegative"] | None = "nonnegative",
        bias: float = 1.0,
        learning_rate: float = 0.05,
        momentum: float = 0.9,
        batch_size: int = 128,
        max_iter: int = 40,
        device: Device = "auto",
        random_state: Seed = None,
    ) -> None:
        self.n_dims = n_dims
        self.gamma = gamma
        self.init = init
        self.scaling = scaling
        self.bias = bias
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.device = device
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Find the subspaces.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training rows.

        y : array-like of shape (n_samples,)
            Classes.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, not negative. A weight counts as that many repetitions of the row.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If X has non-finite values, there is only one class, a class has fewer distinct rows
            than `n_dims`, a weight is negative, or the training diverges.

        Warns
        -----
        UserWarning
            If there are not more columns than `n_dims`: one less than columns are used.
        """
        X, y = validate_rows(self, X, y, ensure_min_samples=2)
        check_classification_targets(y)
        weights = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        seen = weights > 0
        self.classes_, codes = np.unique(y[seen], return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"y must have at least 2 classes, got {len(self.classes_)} class.")
        self.min_, self.range_ = _column_scale(X[seen], self.scaling)
        rows, codes, weights = merged_rows(X[seen], codes, weights[seen])
        rows = unit_rows(self._columns(rows.astype(np.float64)))
        k = _checked_dims(self, rows, codes)
        random_state = isolated_random_state(self.random_state)
        U = class_bases(rows, codes, weights, k)
        if self.init == "random":
            U = np.linalg.qr(random_state.standard_normal(U.shape))[0]
        self.loss_curve_, self.n_iter_ = [], 0
        with fit_task(self, X, y) as context:
            if self.max_iter > 0:
                trainer = make_trainer(self, X.dtype, random_state, context,
                    batch_size=as_even_as_can_be(len(rows), self.batch_size))  # fmt: skip
                U = self._trained(U, rows, codes, weights, trainer)
        self.subspaces_ = turned_to_axes(U, rows, codes, weights).astype(X.dtype)
        self.n_components_ = len(self.classes_)
        return self

    def transform(self, X: ArrayLike) -> Floats:
        """Compute the cosines of the angles between rows and the subspaces of the classes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        cosines : ndarray of shape (n_samples, n_classes)
            From 0 to 1. The square is the share of the squared length of a row, scaled and with its
            bias, that the subspace explains.
        """
        cosines, dtype = self._cosines(X)
        return cosines.astype(dtype)

    def decision_function(self, X: ArrayLike) -> Floats:
        """Compute the logits.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        logits : ndarray of shape (n_samples,) or (n_samples, n_classes)
            ``gamma * transform(X)``; of two classes, that of the second less that of the first.
        """
        logits = self.gamma * self._cosines(X)[0]
        return logits[:, 1] - logits[:, 0] if len(self.classes_) == 2 else logits

    def predict_proba(self, X: ArrayLike) -> Floats:
        """Compute the probabilities of the classes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows. One of zeros only, without a bias, belongs to all classes alike.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            In the order of `classes_`; each row sums to 1.
        """
        cosines, dtype = self._cosines(X)
        return softmax(self.gamma * cosines, axis=1).astype(dtype)

    def predict(self, X: ArrayLike) -> Labels:
        """Tell the class of each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        y : ndarray of shape (n_samples,)
            The class whose subspace is nearest in angle.
        """
        cosines, _ = self._cosines(X)
        return self.classes_[cosines.argmax(axis=1)]

    def score_samples(self, X: ArrayLike) -> Floats:
        """Tell how much of a row any class explains, to abstain where it is little.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        cosines : ndarray of shape (n_samples,)
            The largest of `transform`.
        """
        return self.transform(X).max(axis=1)

    def score(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Share of rows whose class is told right.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows, best those that ``fit`` has not seen.

        y : array-like of shape (n_samples,)
            Classes.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        score : float
            From 0 to 1. The share of the largest class is what a constant reaches.
        """
        return float(super().score(X, y, sample_weight))

    @property
    def angles_(self) -> Floats:
        """Principal angles of each two classes in radians, the smallest first."""
        return angles_between(self.subspaces_.astype(np.float64)).astype(self.subspaces_.dtype)

    def _columns(self, X):  # (n, d) float64 -> (n, D)
        """Scale rows and add the bias."""
        scaled = (X - self.min_) / self.range_
        return np.column_stack([scaled, np.full(len(X), self.bias)]) if self.bias else scaled

    def _cosines(self, X):  # (n, d) -> (n, K) float64, dtype
        check_is_fitted(self)
        X = validate_rows(self, X, reset=False)
        U = self.subspaces_.astype(np.float64)
        return in_blocks(lambda rows: projection_norms(self._columns(rows), U), X), X.dtype

    def _trained(self, U, rows, codes, weights, trainer):  # (K, D, k), (n, D) -> (K, D, k)
        start = to_tensor(U.astype(trainer.dtype), trainer.device)
        objective = ProjectionLoss(start, self.gamma)
        shares = weights / weights.mean()
        data = [
            as_rows(rows.astype(trainer.dtype), trainer.device),
            torch.from_numpy(codes.astype(np.int64)).to(trainer.device),
            as_rows(shares.astype(trainer.dtype), trainer.device),
        ]
        optimizer = partial(GrassmannSGD, momentum=self.momentum)
        log = trainer.fit(
            objective, tuple(data), _BUDGET, "subspaces", warmup=0.0, optimizer=optimizer
        )
        self.loss_curve_, self.n_iter_ = log.loss_curve, log.n_iter
        return objective.bases.detach().cpu().numpy().astype(np.float64)


def _column_scale(X, scaling):  # (n, d) -> (d,), (d,)
    low, high = X.min(axis=0).astype(np.float64), X.max(axis=0).astype(np.float64)
    if scaling is None:
        return np.zeros(len(low)), np.ones(len(low))
    return low, np.where(high > low, high - low, 1.0)


def _checked_dims(params, rows, codes):  # (n, D), (n,) -> int
    """Return the dimension of subspaces: less than that of the space, and no more than rows."""
    k = params.n_dims
    if k >= rows.shape[1] > 1:
        k = rows.shape[1] - 1
        warnings.warn(
            f"n_dims={params.n_dims} must be below the {rows.shape[1]} columns of the rows, those "
            f"of the bias included: n_dims={k} is used.",
            stacklevel=5,
        )
    counts = np.bincount(codes)
    if k > counts.min():
        smallest = params.classes_.tolist()[counts.argmin()]
        raise ValueError(
            f"n_dims={k} must be at most the number of distinct rows of each class, got "
            f"{counts.min()} of the class {smallest!r} (n_samples={len(rows)})."
        )
    return k
