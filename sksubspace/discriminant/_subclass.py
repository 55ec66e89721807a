"""Linear discriminants for classes of several kinds.

Chumachenko, Raitoharju, Iosifidis and Gabbouj, "Speed-up and multi-view extensions to subclass
discriminant analysis", Pattern Recognition 111 (2021).
"""

import warnings
from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any, Literal, Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from sksubspace._ambient import OwnSettings
from sksubspace._docs import fill_parameters
from sksubspace._linalg import column_means, rows_differ
from sksubspace._parameters import isolated_random_state
from sksubspace._sklearn import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    HasMethods,
    Interval,
    StrOptions,
    TransformerMixin,
    _fit_context,
)
from sksubspace._typing import ArrayLike, Estimator, Floats, Ints, Labels, Seed
from sksubspace._validation import validate_rows
from sksubspace._views import check_views
from sksubspace.discriminant._subclass_fit import learn_subclasses, wanted_subclasses
from sksubspace.discriminant._subclasses import SubclassModel


@fill_parameters
class SubclassDiscriminantAnalysis(
    OwnSettings, ClassNamePrefixFeaturesOutMixin, ClassifierMixin, TransformerMixin, BaseEstimator
):
    r"""Linear discriminants for classes that consist of several kinds, such as "odd numbers".

    Each class is cut into subclasses, and directions are found in which subclasses of different
    classes lie apart, measured in the spread within subclasses. There are as many directions as
    subclasses, less one, where linear discriminant analysis has only as many as classes, less one.

    Parameters
    ----------
    n_subclasses : int, "auto" or dict, default=5
        Subclasses of each class, or a dict with a number for each class. A class gets fewer where
        they would have less than five rows on average. "auto" is the largest number up to 10 whose
        accuracy on rows left out is within a standard error of the best. With 1 this is regularised
        linear discriminant analysis, which is enough where classes are of one kind.

    n_components : int or None, default=None
        Number of outputs, those that tell classes apart best; None keeps all.

    views : list or None, default=None
        Groups of columns, each a slice or a list of column numbers, of booleans or of names. Each
        is mapped on its own, so that rows without one can be placed. None is one group of all
        columns, which is more accurate where no view is ever missing.

    fusion : {"concatenate", "mean"}, default="concatenate"
        Whether the projections of views stand side by side or are averaged.

    solver : {"sr", "eigen"}, default="sr"
        "sr" regresses the targets of subclasses on the rows. "eigen" solves the eigenproblem of all
        columns that this replaces, for comparison, and only without views.

    alpha : float, default=0.01
        Ridge, as a share of the mean variance of the columns.

    clusterer : estimator or None, default=None
        Clustering with `n_clusters` and `fit_predict` that cuts a class into subclasses. None is
        k-means from one start.

    {random_state}
        Seeds the clustering and the folds of "auto".

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The classes.

    n_subclasses_ : ndarray of shape (n_classes,)
        Subclasses of each.

    subclass_labels_ : ndarray of shape (n_samples,)
        Subclass of each training row, numbered class by class.

    subclass_classes_ : ndarray of shape (n_subclasses,)
        Index in `classes_` of the class of each subclass.

    subclass_priors_ : ndarray of shape (n_subclasses,)
        Share of the training rows in each.

    subclass_means_ : ndarray of shape (n_subclasses, n_components)
        Means of the subclasses among the outputs.

    separations_ : ndarray of shape (n_components,)
        Scatter between subclasses of different classes along each output, in units of the variance
        within subclasses, descending.

    mean_ : ndarray of shape (n_features,)
        Mean of the training rows.

    views_ : list of ndarray of shape (n_columns,)
        Columns of each view.

    maps_ : list of ndarray of shape (n_columns, n_directions)
        Regression of the targets on each view.

    whitening_ : ndarray of shape (n_projections, n_components)
        From projections to outputs.

    n_components_ : int
        Number of outputs.

    {features_}

    See Also
    --------
    sklearn.discriminant_analysis.LinearDiscriminantAnalysis : Better where classes are of one kind.
    sklearn.neighbors.NeighborhoodComponentsAnalysis : Level or a little better, and slow.
    GrassmannClassifier : A class is a subspace.

    Notes
    -----
    With the shares :math:`p_s` of subclasses, :math:`N = \mathrm{diag}(p)` and the graph

    .. math::
        A_{st} = p_s p_t \, [\mathrm{class}(s) \ne \mathrm{class}(t)], \qquad
        L = \mathrm{diag}(A 1) - A,

    the eigenvectors V of :math:`N^{-1/2} L N^{-1/2}` give each row the target
    :math:`N^{-1/2} V` of its subclass. Centred rows are mapped by

    .. math::
        W = (X^T X + \alpha \, \mathrm{tr}(X^T X) / d \; I)^{-1} X^T T .

    Projections are then whitened within subclasses, with a thousandth of their mean variance added
    to each, and turned to the axes along which subclasses of different classes lie apart most. The
    eigenvalues of the graph repeat, so that without this last step the first few outputs would be
    arbitrary ones.

    `predict_proba` takes every subclass for a Gaussian with the identity as covariance, and
    `predict` the class of the largest probability. All views regress the same targets: for a view
    that is missing in a row, NaN in all its columns, the mean of the others stands.

    Several views were not found to be better than one in the benchmark; they pay where one can be
    missing. Boundaries between classes are those of Gaussians in linear outputs, and nearest
    neighbours among the raw rows can be better, as on digits.

    References
    ----------
    .. [1] K. Chumachenko, J. Raitoharju, A. Iosifidis and M. Gabbouj, "Speed-up and multi-view
       extensions to subclass discriminant analysis", Pattern Recognition 111 (2021),
       https://arxiv.org/abs/1905.00794

    .. [2] M. Zhu and A. Martinez, "Subclass discriminant analysis", IEEE Transactions on Pattern
       Analysis and Machine Intelligence 28 (2006), https://doi.org/10.1109/TPAMI.2006.172

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    >>> from sklearn.model_selection import cross_val_score
    >>> from sksubspace.discriminant import SubclassDiscriminantAnalysis
    >>> X, y = load_digits(return_X_y=True)
    >>> odd = y % 2
    >>> for model in (
    ...     LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto"),
    ...     SubclassDiscriminantAnalysis(10, random_state=0),
    ... ):
    ...     accuracy = cross_val_score(model, X, odd).mean()
    ...     print(f"{type(model).__name__}: {accuracy:.2f}")
    LinearDiscriminantAnalysis: 0.89
    SubclassDiscriminantAnalysis: 0.96
    """

    classes_: Labels
    n_subclasses_: Ints
    subclass_labels_: Ints
    subclass_classes_: Ints
    subclass_priors_: Floats
    subclass_means_: Floats
    separations_: Floats
    mean_: Floats
    views_: list[Ints]
    maps_: list[Floats]
    whitening_: Floats
    n_components_: int

    _parameter_constraints: dict = {
        "n_subclasses": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"}), Mapping],
        "n_components": [Interval(Integral, 1, None, closed="left"), None],
        "views": ["array-like", None],
        "fusion": [StrOptions({"concatenate", "mean"})],
        "solver": [StrOptions({"sr", "eigen"})],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "clusterer": [HasMethods("fit_predict"), None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        n_subclasses: int | Literal["auto"] | Mapping[Any, int] = 5,
        *,
        n_components: int | None = None,
        views: Sequence[Any] | None = None,
        fusion: Literal["concatenate", "mean"] = "concatenate",
        solver: Literal["sr", "eigen"] = "sr",
        alpha: float = 1e-2,
        clusterer: Estimator | None = None,
        random_state: Seed = None,
    ) -> None:
        self.n_subclasses = n_subclasses
        self.n_components = n_components
        self.views = views
        self.fusion = fusion
        self.solver = solver
        self.alpha = alpha
        self.clusterer = clusterer
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Cut the classes into subclasses and find the directions.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training rows, in which no view is missing.

        y : array-like of shape (n_samples,)
            Classes.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If X has non-finite values or all its rows are equal, there is only one class, a class
            has fewer than two rows or no entry in `n_subclasses`, the views are no columns of X, or
            ``solver="eigen"`` is asked for with views.

        Warns
        -----
        UserWarning
            If `n_components` is larger than the number of outputs that there are.
        """
        X, y = validate_rows(self, X, y, ensure_min_samples=2)
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        _check_classes(self.classes_, codes)
        self.views_ = check_views(self.views, X.shape[1], getattr(self, "feature_names_in_", None))
        if self.solver == "eigen" and len(self.views_) > 1:
            raise ValueError("solver='eigen' takes no views, which solver='sr' does.")
        if not rows_differ(X):
            raise ValueError(f"X has n_samples={len(X)} equal rows, which tell no classes apart.")
        random_state = isolated_random_state(self.random_state)
        rows = X.astype(np.float64)
        wanted = wanted_subclasses(self, rows, codes, random_state)
        self.mean_ = column_means(rows)
        model, separations, subclass, class_of = learn_subclasses(
            self, rows - self.mean_, codes, wanted, self.mean_, random_state
        )
        self.n_subclasses_ = np.bincount(class_of)
        self.subclass_labels_, self.subclass_classes_ = subclass, class_of
        self.subclass_priors_ = np.bincount(subclass) / len(X)
        self.maps_, self.whitening_ = model.maps, model.whitening
        self.subclass_means_, self.separations_ = model.centres, separations
        self.n_components_ = len(separations)
        _warn_of_fewer(self)
        return self

    def transform(self, X: ArrayLike) -> Floats:
        """Place rows in the outputs.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows. A view of which all columns are NaN is missing.

        Returns
        -------
        Z : ndarray of shape (n_samples, n_components)
            Outputs; the spread within subclasses is about 1 along each.

        Raises
        ------
        ValueError
            If a row has no view, or a view of which only some columns are NaN.
        """
        X = _rows_with_views(self, X)
        return _model_of(self).places(X).astype(X.dtype)

    def predict_proba(self, X: ArrayLike) -> Floats:
        """Compute the probabilities of the classes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows, as in `transform`.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            In the order of `classes_`; each row sums to 1.
        """
        X = _rows_with_views(self, X)
        return _shares_of_classes(self, X).astype(X.dtype)

    def predict(self, X: ArrayLike) -> Labels:
        """Tell the class of each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows, as in `transform`.

        Returns
        -------
        y : ndarray of shape (n_samples,)
            The class of the largest probability.
        """
        shares = _shares_of_classes(self, _rows_with_views(self, X))
        return self.classes_[shares.argmax(axis=1)]

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
    def _n_features_out(self):
        return self.n_components_

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _check_classes(classes, codes):
    if len(classes) < 2:
        raise ValueError(
            f"y must have at least 2 classes, got only the class {classes.tolist()[0]!r}."
        )
    counts = np.bincount(codes)
    if counts.min() < 2:
        raise ValueError(
            "y must have at least 2 rows of each class, got 1 of "
            f"{classes.tolist()[counts.argmin()]!r}."
        )


def _warn_of_fewer(params):
    if params.n_components is not None and params.n_components_ < params.n_components:
        warnings.warn(
            f"n_components={params.n_components} is more than the {params.n_components_} outputs "
            f"of {len(params.subclass_priors_)} subclasses; {params.n_components_} are kept.",
            stacklevel=4,
        )


def _model_of(fitted):
    return SubclassModel(
        fitted.mean_, fitted.views_, fitted.maps_, fitted.whitening_, fitted.subclass_means_
    )


def _shares_of_classes(fitted, X):  # (n, d) -> (n, C)
    return _model_of(fitted).class_shares(X, fitted.subclass_priors_, fitted.subclass_classes_)


def _rows_with_views(fitted, X):
    """Check new rows: views may be missing, but no row without any, and no part of a view."""
    check_is_fitted(fitted)
    if len(fitted.views_) == 1:
        return validate_rows(fitted, X, reset=False)
    X = validate_rows(fitted, X, reset=False, ensure_all_finite="allow-nan")
    if not np.isnan(X).any():
        return X
    shares = np.stack([np.isnan(X[:, columns]).mean(axis=1) for columns in fitted.views_], axis=1)
    for wrong, what in (
        (((shares > 0) & (shares < 1)).any(axis=1), "has a view of which only some columns are"),
        ((shares == 1).all(axis=1), "has no view: all its columns are"),
    ):
        if wrong.any():
            raise ValueError(f"Row {int(wrong.argmax())} of X {what} NaN.")
    return X
