"""A classifier that regresses codes of classes and answers with the nearest code.

Rodriguez, Bautista, Gonzalez and Escalera, "Beyond one-hot encoding", Image and Vision Computing 75
(2018).
"""

import math
import warnings
from numbers import Integral
from typing import Literal, Self

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.base import ClassifierMixin, clone
from sklearn.linear_model import Ridge
from sklearn.model_selection import GroupKFold, KFold, cross_val_predict
from sklearn.utils import check_array, column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from sksubspace._ambient import OwnSettings
from sksubspace._docs import fill_parameters
from sksubspace._linalg import in_blocks
from sksubspace._parameters import check_choice, isolated_random_state
from sksubspace._sklearn import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    HasMethods,
    Interval,
    StrOptions,
    TransformerMixin,
    _fit_context,
)
from sksubspace._student._groups import groups_of_equal_rows
from sksubspace._typing import ArrayLike, Estimator, Floats, Labels, Seed
from sksubspace._validation import validate_rows
from sksubspace.discriminant._codes import (
    codes_of_distances,
    codes_of_means,
    random_codes,
    simplex_codes,
)

_CODES = ("eigen", "random", "simplex")
_FOLDS = 3
# of squared distances of codes: from all but certain to all but blind
_TEMPERATURES = (1e-3, 1e3)


@fill_parameters
class TargetEmbeddingClassifier(
    OwnSettings, ClassNamePrefixFeaturesOutMixin, ClassifierMixin, TransformerMixin, BaseEstimator
):
    r"""Regress a code of the class, and answer with the class of the nearest code.

    Every class has a place in a few coordinates, and any regressor learns to name the place of a
    row. There are fewer outputs than classes; classes without a row can be answered where their
    distances from others are known; and outputs of models that are trained at different times can
    be compared where they share places.

    Parameters
    ----------
    estimator : estimator or None, default=None
        Regressor of several outputs. None is ridge regression.

    codes : {"eigen", "random", "simplex"} or array-like of shape (n_classes, q), default="eigen"
        Places of the classes. "eigen" are the leading coordinates of the class means, whitened
        within classes, at unit length. "random" are random directions. "simplex" are corners that
        are all as far from each other, one for each class and `n_reserved` more. An array has a row
        for each class, in the order of `classes_`.

    n_components : int or "log2", default="log2"
        Number of outputs of "eigen", "random" and of codes from `distances`. "log2" is the
        logarithm of the number of classes, rounded up: the fewest, at which accuracy suffers. At
        most one less than classes are used. A simplex has one less than its corners.

    classes : array-like of shape (n_classes,) or None, default=None
        All classes, among them such as have no row in ``fit``. The order is kept, so that classes
        can be appended. None is those of y, sorted.

    n_reserved : int, default=0
        Corners of the simplex kept free for classes to come. A later model with these classes
        appended to `classes`, and as many fewer reserved, has the same codes for the former ones.

    distances : array-like of shape (n_classes, n_classes) or None, default=None
        Distances between classes, in the order of `classes_`, from which classical scaling makes
        the codes in place of the means.

    {random_state}
        Draws random codes and the folds of the temperature.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The classes.

    codes_ : ndarray of shape (n_classes, n_components)
        Their places.

    estimator_ : estimator
        The fitted regressor.

    temperature_ : float
        By which squared distances are divided in `predict_proba`.

    n_components_ : int
        Number of outputs.

    {features_}

    See Also
    --------
    sklearn.linear_model.RidgeClassifier : One output a class; a simplex gives the same predictions.
    sklearn.multiclass.OutputCodeClassifier : Random binary codes, each bit told by a classifier.

    Notes
    -----
    With codes :math:`e_c` and the regressed place f(x), the decision function is
    :math:`-\| f(x) - e_c \|^2`, and probabilities are its softmax at a temperature. It is the one
    of least log loss for predictions on rows left out by three folds.

    For a simplex of all classes and ridge regression this is
    :class:`~sklearn.linear_model.RidgeClassifier`: the shares of classes it regresses sum to 1, and
    the nearest corner is that of the largest.

    At the logarithm of the number of classes accuracy is lost, several points in the benchmark; at
    twice as many outputs less. A class without rows can only be found if its place lies among those
    of the others.

    References
    ----------
    .. [1] P. Rodriguez, M. Bautista, J. Gonzalez and S. Escalera, "Beyond one-hot encoding: lower
       dimensional target embedding", Image and Vision Computing 75 (2018),
       https://arxiv.org/abs/1806.10805

    .. [2] N. Biondi, F. Pernici, M. Bruni and A. Del Bimbo, "CoReS: compatible representations via
       stationarity", IEEE Transactions on Pattern Analysis and Machine Intelligence 45 (2023),
       https://arxiv.org/abs/2111.07632

    .. [3] N. Roberts, X. Li, D. Adila, S. Cromp, T. Huang, J. Zhao and F. Sala, "Geometry-aware
       adaptation for pretrained models", NeurIPS (2023), https://arxiv.org/abs/2307.12226

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.model_selection import cross_val_score
    >>> from sksubspace.discriminant import TargetEmbeddingClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> for codes in ("random", "eigen"):
    ...     model = TargetEmbeddingClassifier(codes=codes, n_components=8, random_state=0)
    ...     print(f"{codes}: {cross_val_score(model, X, y).mean():.2f}")
    random: 0.78
    eigen: 0.91
    """

    classes_: Labels
    codes_: Floats
    estimator_: Estimator
    temperature_: float
    n_components_: int

    _parameter_constraints: dict = {
        "estimator": [HasMethods(["fit", "predict"]), None],
        "codes": [StrOptions(set(_CODES)), "array-like"],
        "n_components": [Interval(Integral, 1, None, closed="left"), StrOptions({"log2"})],
        "classes": ["array-like", None],
        "n_reserved": [Interval(Integral, 0, None, closed="left")],
        "distances": ["array-like", None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator: Estimator | None = None,
        *,
        codes: Literal["eigen", "random", "simplex"] | ArrayLike = "eigen",
        n_components: int | Literal["log2"] = "log2",
        classes: ArrayLike | None = None,
        n_reserved: int = 0,
        distances: ArrayLike | None = None,
        random_state: Seed = None,
    ) -> None:
        self.estimator = estimator
        self.codes = codes
        self.n_components = n_components
        self.classes = classes
        self.n_reserved = n_reserved
        self.distances = distances
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Place the classes and train the regressor.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training rows.

        y : array-like of shape (n_samples,)
            Classes.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If X has non-finite values, there is only one class, y has a class that `classes` has
            not, a class has no row and "eigen" no `distances`, or codes or distances do not have
            the right shape, are not finite, or distances are negative or not symmetric.

        Warns
        -----
        UserWarning
            If `n_components` is not below the number of classes, or distances are those of no
            Euclidean space.
        """
        X, y = validate_rows(self, X, y, ensure_min_samples=2)
        check_classification_targets(y)
        self.classes_, labels = _classes_and_codes(y, self.classes)
        random_state = isolated_random_state(self.random_state)
        codes = _class_codes(self, X.astype(np.float64), labels, random_state)
        self.codes_ = np.ascontiguousarray(codes)  # as a file gives them back
        regressor = Ridge() if self.estimator is None else self.estimator
        targets = self.codes_[labels].astype(X.dtype)
        self.temperature_ = _fitted_temperature(
            regressor, X, targets, self.codes_, labels, random_state
        )
        self.estimator_ = clone(regressor).fit(X, targets)
        self.n_components_ = self.codes_.shape[1]
        return self

    def transform(self, X: ArrayLike) -> Floats:
        """Place rows by the regression.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        Z : ndarray of shape (n_samples, n_components)
            Places, to be compared with `codes_`.
        """
        places, dtype = self._regressed(X)
        return places.astype(dtype)

    def decision_function(self, X: ArrayLike) -> Floats:
        """Compute minus the squared distances from the codes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        decisions : ndarray of shape (n_samples,) or (n_samples, n_classes)
            Of two classes, that of the second less that of the first.
        """
        decisions = -self._squared_distances(X)[0]
        return decisions[:, 1] - decisions[:, 0] if len(self.classes_) == 2 else decisions

    def predict_proba(self, X: ArrayLike) -> Floats:
        """Compute the probabilities of the classes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            In the order of `classes_`; each row sums to 1.
        """
        squared, dtype = self._squared_distances(X)
        return softmax(-squared / self.temperature_, axis=1).astype(dtype)

    def predict(self, X: ArrayLike) -> Labels:
        """Tell the class of each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        y : ndarray of shape (n_samples,)
            The class of the nearest code.
        """
        squared, _ = self._squared_distances(X)
        return self.classes_[squared.argmin(axis=1)]

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

    def _regressed(self, X):  # (n, d) -> (n, q) float64, dtype
        check_is_fitted(self)
        X = validate_rows(self, X, reset=False)
        q = self.n_components_
        return in_blocks(lambda rows: self.estimator_.predict(rows).reshape(-1, q), X), X.dtype

    def _squared_distances(self, X):  # (n, d) -> (n, K), dtype
        places, dtype = self._regressed(X)
        return distances_from_codes(places.astype(np.float64), self.codes_), dtype

    @property
    def _n_features_out(self):
        return self.n_components_

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def distances_from_codes(Z, codes):  # (n, q), (K, q) -> (n, K)
    """||z - e||^2 of places and codes."""
    return in_blocks(lambda rows: np.square(rows[:, None] - codes).sum(axis=2), Z, block_size=64)


def _classes_and_codes(y, given):  # (n,) -> (K,), (n,)
    """All classes, in the order given or sorted, and the number of each row's."""
    found = np.unique(y)
    classes = found if given is None else column_or_1d(np.asarray(given))
    if len(np.unique(classes)) < len(classes):
        raise ValueError("classes must name each class once.")
    missing = found[~np.isin(found, classes)]
    if len(missing):
        raise ValueError(
            f"classes must hold all of y, got y with the class {missing.tolist()[0]!r}."
        )
    if len(classes) < 2:
        raise ValueError(
            f"y must have at least 2 classes, got only the class {classes.tolist()[0]!r}."
        )
    order = np.argsort(classes)
    return classes, order[np.searchsorted(classes, y, sorter=order)]


def _class_codes(params, X, labels, random_state):  # (n, d), (n,) -> (K, q)
    """Codes of the classes, as the parameters ask."""
    n_classes, codes = len(params.classes_), params.codes
    if params.n_reserved and not (isinstance(codes, str) and codes == "simplex"):
        raise ValueError(f"n_reserved={params.n_reserved} needs codes='simplex', got {codes!r}.")
    if not isinstance(codes, str):
        return _checked_table(codes, "codes", (n_classes, None))
    check_choice(codes, "codes", _CODES)
    if codes == "simplex":
        return simplex_codes(n_classes + params.n_reserved)[:n_classes]
    q = _n_outputs(params.n_components, n_classes)
    if codes == "random":
        return random_codes(n_classes, q, random_state)
    if params.distances is not None:
        return codes_of_distances(_checked_distances(params.distances, n_classes), q)
    counts = np.bincount(labels, minlength=n_classes)
    if counts.min() == 0:
        raise ValueError(
            f"codes='eigen' needs rows of each class or distances, got none of the class "
            f"{params.classes_.tolist()[counts.argmin()]!r}."
        )
    return codes_of_means(X, labels, q)


def _n_outputs(n_components, n_classes):
    if n_components == "log2":
        return math.ceil(math.log2(n_classes))
    if n_components >= n_classes:
        warnings.warn(
            f"n_components={n_components} is not below the number of classes: {n_classes - 1} are "
            "used.",
            stacklevel=6,
        )
    return min(n_components, n_classes - 1)


def _checked_table(table, name, shape):  # -> (K, q) float64
    table = check_array(table, dtype=np.float64, input_name=name)
    if table.shape[0] != shape[0] or shape[1] not in (None, table.shape[1]):
        wanted = f"({shape[0]}, {shape[1] or 'n_components'})"
        raise ValueError(f"{name} must have the shape {wanted}, got {table.shape}.")
    return table


def _checked_distances(distances, n_classes):  # -> (K, K)
    D = _checked_table(distances, "distances", (n_classes, n_classes))
    if D.min() < 0 or np.diag(D).any() or D.max() == 0:
        raise ValueError("distances must not be negative, and zero on the diagonal alone.")
    if not np.allclose(D, D.T):
        raise ValueError(
            f"distances must be symmetric, got entries that differ by {np.abs(D - D.T).max():.3g}."
        )
    return D


def _fitted_temperature(regressor, X, targets, codes, labels, random_state):
    """Temperature of least log loss for places that are regressed out of fold."""
    copies = groups_of_equal_rows(X)  # in one fold: places of copies are those of training rows
    n_kinds = copies.max() + 1
    if n_kinds < 2:  # nothing tells the classes apart
        return _TEMPERATURES[1]
    kind, groups = (KFold, None) if n_kinds == X.shape[0] else (GroupKFold, copies)
    folds = kind(min(_FOLDS, n_kinds), shuffle=True, random_state=random_state)
    places = cross_val_predict(regressor, X, targets, groups=groups, cv=folds)
    places = places.reshape(targets.shape)
    squared = distances_from_codes(places.astype(np.float64), codes)

    def log_loss(log_temperature):
        shares = log_softmax(-squared / np.exp(log_temperature), axis=1)
        return -shares[np.arange(len(labels)), labels].mean()

    bounds = tuple(np.log(_TEMPERATURES))
    return float(np.exp(minimize_scalar(log_loss, bounds=bounds, method="bounded").x))
