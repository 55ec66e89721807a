"""Whether what rebuilds rows is what a task needs."""

from dataclasses import dataclass

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin, clone, is_classifier
from sklearn.decomposition import PCA
from sklearn.model_selection import check_cv, cross_val_score
from sklearn.pipeline import make_pipeline

from sksubspace._typing import ArrayLike, Estimator, Floats, Ints
from sksubspace._validation import in_order_of
from sksubspace.metrics._input import check_rows, check_same_length

__all__ = ["ReconstructionAlignment", "reconstruction_alignment_curve"]

_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


@dataclass(frozen=True, eq=False)
class ReconstructionAlignment:
    """What principal components are worth for rebuilding rows, and for a task.

    Attributes
    ----------
    n_components : ndarray of shape (n_sizes,)
        How many of the first are taken, and left out.

    explained_variance_ratio : ndarray of shape (n_sizes,)
        Share of the variance of all rows that the first hold.

    top_scores : ndarray of shape (n_sizes, n_folds)
        Held-out scores of an estimator that sees the first components.

    bottom_scores : ndarray of shape (n_sizes, n_folds)
        Of one that sees all but these.
    """

    n_components: Ints
    explained_variance_ratio: Floats
    top_scores: Floats
    bottom_scores: Floats


class _Behind(TransformerMixin, BaseEstimator):
    """All columns but the first."""

    def __init__(self, n=0):
        self.n = n

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return X[:, self.n :]


def reconstruction_alignment_curve(
    X: ArrayLike,
    y: ArrayLike,
    estimator: Estimator,
    *,
    n_components: ArrayLike | None = None,
    cv: object = 5,
) -> ReconstructionAlignment:
    """Score a task on the first principal components, and on all others.

    Where the first ones rebuild rows and the last ones tell classes, what is trained to rebuild
    rows learns the task late.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Rows.

    y : array-like of shape (n_samples,)
        Classes or numbers of the task.

    estimator : estimator
        A classifier or regressor with ``score``. It is cloned.

    n_components : array-like of int of shape (n_sizes,), default=None
        Numbers of components; None for 1, 2, 4 and so on up to half of the columns.

    cv : int or cross-validator, default=5
        Folds; components are those of the training rows of each.

    Returns
    -------
    curve : ReconstructionAlignment
        Shares of variance and held-out scores.

    Raises
    ------
    ValueError
        If X is not a table of finite numbers, y has another length, or a number of components is
        not between 1 and one less than the columns and the rows of a training set.

    Notes
    -----
    It describes a task on these rows and picks no number of components; a search with
    :func:`sksubspace.model_selection.one_standard_error` does.

    References
    ----------
    .. [1] Randall Balestriero and Yann LeCun, "Learning by reconstruction produces uninformative
       features for perception", 2024. https://arxiv.org/abs/2402.11337

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> from sksubspace.metrics import reconstruction_alignment_curve
    >>> X, y = load_digits(return_X_y=True)
    >>> curve = reconstruction_alignment_curve(
    ...     X[:600], y[:600], KNeighborsClassifier(), n_components=[2, 8]
    ... )
    >>> curve.top_scores.mean(axis=1).round(1), curve.bottom_scores.mean(axis=1).round(1)
    (array([0.5, 0.9]), array([0.9, 0.7]))
    """
    y, X = np.asarray(in_order_of(X, y, "y")), check_rows(X, "X")
    check_same_length(X, y, "X", "y")
    folds = check_cv(cv, y, classifier=is_classifier(estimator))
    splits = list(folds.split(X, y))
    most = min(X.shape[1], *(len(train) for train, _ in splits)) - 1
    sizes = [n for n in _SIZES if n <= max(1, X.shape[1] // 2)]
    sizes = np.asarray(sizes if n_components is None else n_components)
    if sizes.ndim != 1 or sizes.dtype.kind not in "iu" or not len(sizes):
        raise ValueError(f"n_components must be a list of whole numbers, got {n_components!r}.")
    if sizes.min() < 1 or sizes.max() > most:
        raise ValueError(
            f"n_components must be from 1 to {most}, one less than columns and training rows, got "
            f"{sizes.min()} to {sizes.max()}."
        )

    def scored(*steps):
        model = make_pipeline(*steps, clone(estimator))
        return cross_val_score(model, X, y, cv=splits, error_score="raise")

    shares = np.cumsum(PCA(svd_solver="full").fit(X).explained_variance_ratio_)
    return ReconstructionAlignment(
        sizes,
        shares[sizes - 1],
        np.stack([scored(PCA(n, svd_solver="full")) for n in sizes]),
        np.stack([scored(PCA(svd_solver="full"), _Behind(n)) for n in sizes]),
    )
