"""What all subspace clusterings share: subspaces of the clusters, new rows, a held-out score."""

import warnings
from collections.abc import Callable
from functools import partial
from inspect import signature
from numbers import Integral
from typing import Any, TypeVar

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sksubspace._ambient import OwnSettings
from sksubspace._dask import Blocks
from sksubspace._linalg import column_means, dense, row_blocks
from sksubspace._sklearn import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    ClusterMixin,
    Interval,
    StrOptions,
    TransformerMixin,
)
from sksubspace._typing import Floats, Ints, Matrix
from sksubspace._validation import validate_rows
from sksubspace.cluster._rows import (
    MemberSums,
    RowSums,
    mean_of_block,
    row_norms,
    row_sums,
    training_block,
    unit_by_norms,
)
from sksubspace.cluster._subspaces import (
    fit_subspaces,
    fit_subspaces_of_sums,
    squared_residuals,
)

__all__ = [
    "SCORED_DIM",
    "BaseSubspaceClustering",
    "auto_candidates",
    "rows_to_cluster",
    "is_tried_as",
    "keep_subspaces",
    "keep_subspaces_of_blocks",
    "new_rows",
    "projection_r_squared",
    "training_blocks",
    "training_rows",
]

# directions that `score` uses with subspace_dim="auto": larger subspaces, which a poor clustering
# needs, would otherwise be paid for with a better score
SCORED_DIM = 3

_TRIED: list[Any] = []
_Clustering = TypeVar("_Clustering")


def is_tried_as(
    place: int, names: dict[str, dict[str, Any]]
) -> Callable[[type[_Clustering]], type[_Clustering]]:
    """Make a clustering a default candidate of the automatic choice, as a class decorator.

    The parameters of each candidate are given by its name; simpler methods have a smaller place,
    and are tried first. The class stays what it is.
    """

    def described(cls: _Clustering) -> _Clustering:
        _TRIED.append((place, cls, names))
        return cls

    return described


def auto_candidates():
    """Return the default candidates of the automatic choice by name, simplest first."""
    tried = sorted(_TRIED, key=lambda one: one[0])
    return {name: cls(**params) for _, cls, names in tried for name, params in names.items()}


class BaseSubspaceClustering(
    OwnSettings, ClassNamePrefixFeaturesOutMixin, TransformerMixin, ClusterMixin, BaseEstimator
):
    """Base class: a subclass finds labels in ``fit`` and calls `keep_subspaces`."""

    labels_: Ints
    n_clusters_: int
    cluster_means_: Floats
    cluster_bases_: list[Floats]

    _accept_sparse = False

    _parameter_constraints: dict = {
        "n_clusters": [Interval(Integral, 1, None, closed="left")],
        "subspace_dim": [Interval(Integral, 0, None, closed="left"), StrOptions({"auto"})],
        "normalize": ["boolean"],
        "random_state": ["random_state"],
    }

    def predict(self, X: Matrix) -> Ints:
        """Give each row to the subspace that is nearest.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            New rows.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            The cluster of each row, from 0 to ``n_clusters_ - 1``.
        """
        return self._squared_distances(self._new_rows(X)[0]).argmin(axis=1)

    def transform(self, X: Matrix) -> Floats:
        """Distance of each row, at unit length with ``normalize``, from each cluster's subspace.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            New rows.

        Returns
        -------
        distances : ndarray of shape (n_samples, n_clusters)
            Distances, not squared; in units of X, or of unit rows with ``normalize=True``.
        """
        return np.sqrt(self._squared_distances(self._new_rows(X)[0]))

    def score(self, X: Matrix, y: object = None) -> float:
        r"""R2 of projecting each row on the nearest subspace.

        :math:`1 - \sum_i \|x_i - \hat x_i\|^2 / \sum_i \|x_i - \bar x\|^2`, with the mean
        :math:`\bar x` of the training rows. With ``normalize=True`` a row is projected at unit
        length and scaled back, so that errors are in units of X and estimators compare. With
        ``subspace_dim="auto"`` only the three leading directions of each subspace are used:
        otherwise a poor clustering, which needs larger subspaces, would be paid for with them.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows, best those that ``fit`` has not seen.

        y : Ignored
            Not used.

        Returns
        -------
        r2 : float
            At most 1. More clusters and more dimensions score higher by themselves: compare
            methods at the same number of both.

        Raises
        ------
        ValueError
            If all rows lie at the mean of the training rows, so that there is nothing to explain.
        """
        bases = self.cluster_bases_
        if getattr(self, "subspace_dim", None) == "auto":
            bases = [basis[:SCORED_DIM] for basis in bases]

        def squares(rows):  # (b, d) -> (b,), (b,)
            norms = lengths(rows)[:, None] if self.normalize else 1.0
            off = squared_residuals(rows / norms, self.cluster_means_, bases).min(axis=1)
            about_mean = np.square(rows - self._row_mean).sum(axis=1)
            return off * np.square(norms).ravel(), about_mean

        return projection_r_squared(self, X, squares)

    def __setstate__(self, state):
        """Parameters that there were not when it was stored are what they are by default."""
        parameters = signature(type(self)).parameters.values()
        super().__setstate__({p.name: p.default for p in parameters} | state)

    def _new_rows(self, X):  # -> (n, d) rows as the subspaces see them, (n,) norms or None
        return new_rows(self, X)

    def _squared_distances(self, X):  # (n, d) rows -> (n, K)
        return squared_residuals(X, self.cluster_means_, self.cluster_bases_).astype(X.dtype)

    @property
    def _n_features_out(self):
        return self.n_clusters_

    def __sklearn_tags__(self):
        """Keep float32, take CSR where the class does."""
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        tags.input_tags.sparse = self._accept_sparse
        return tags


def training_rows(estimator, X):  # (n, d) -> (n, d)
    """Copy the rows to fit, at unit length with ``normalize``; their mean is kept for `score`."""
    X = validate_rows(
        estimator, X, accept_sparse="csr" if estimator._accept_sparse else False,
        order="C", copy=True, ensure_min_samples=2,
    )  # fmt: skip
    _check_room(estimator, *X.shape)
    estimator._row_mean = np.asarray(X.mean(axis=0, dtype=np.float64)).reshape(-1)
    if not estimator.normalize:
        return X
    norms = row_norms(X)
    _check_n_zero(int((norms == 0).sum()), len(norms))
    return unit_by_norms(X, norms)


def training_blocks(estimator, X):  # -> Blocks, RowSums
    """Blocks of a dask collection to fit by, and sums of its rows as `training_block` has them."""
    blocks = Blocks.of(estimator, X)
    _check_room(estimator, blocks.n_rows, blocks.n_columns)
    origin = blocks.first(column_means)
    unit_origin = blocks.first(partial(mean_of_block, normalize=estimator.normalize))
    sums = blocks.total(row_sums, RowSums.add, origin, unit_origin, estimator.normalize)
    estimator._row_mean = origin + sums.given / sums.n
    if estimator.normalize:
        _check_n_zero(sums.n_zero, sums.n)
    return blocks, sums


def _check_room(estimator, n, d):
    if estimator.n_clusters != "auto" and n < estimator.n_clusters:
        raise ValueError(f"n_samples={n} should be >= n_clusters={estimator.n_clusters}.")
    subspace_dim = getattr(estimator, "subspace_dim", "auto")
    if subspace_dim != "auto" and subspace_dim >= max(d, 2):
        raise ValueError(
            f"subspace_dim={subspace_dim} must be less than the number of features, {d}: a "
            f"subspace of all dimensions holds every row."
        )


def _check_n_zero(n_zero, n):
    if n_zero == n:
        raise ValueError("Every row of X is zero: there are no directions to cluster.")
    if n_zero:
        warnings.warn(
            f"{n_zero} of {n} rows are zero and have no direction; they are given to "
            "the nearest subspace.",
            stacklevel=4,
        )


def rows_to_cluster(estimator, X, *, copy=False):  # (n, d) -> (n, d)
    """Check rows for a fitted estimator, in units of X."""
    check_is_fitted(estimator)
    accepted = "csr" if estimator._accept_sparse else False
    return validate_rows(estimator, X, accept_sparse=accepted, order="C", copy=copy, reset=False)


def projection_r_squared(estimator, X, squares):
    """R2 of projecting rows, in double precision from rows as they were given.

    `squares` maps some rows, dense and of double precision, to their squared distances from the
    nearest subspace and from the mean of the training rows: differences are squared, never the
    other way round, so that it does not matter how far from the origin rows lie.
    """
    X = rows_to_cluster(estimator, X)
    parts = [
        squares(dense(X[rows], np.float64)) for rows in row_blocks(X.shape[0], n_columns=X.shape[1])
    ]
    squared, total = (float(np.concatenate(part).sum()) for part in zip(*parts, strict=True))
    if not 0 < total < np.inf:
        raise ValueError(
            "X must have rows that differ from the mean of the training rows by finite squares, "
            f"got a sum of squares of {total:g}: there is no R2."
        )
    return 1 - squared / total


def new_rows(estimator, X):  # (n, d) -> (n, d), (n,) or None
    """Check rows for a fitted estimator: at unit length, and their norms, with ``normalize``."""
    X = rows_to_cluster(estimator, X, copy=estimator.normalize)
    if not estimator.normalize:
        return X, None
    norms = row_norms(X)
    return unit_by_norms(X, norms), norms


def keep_subspaces(estimator, X, labels):  # (n, d), (n,)
    """Fit the subspace of each cluster; rows with a negative label join the nearest."""
    labels, found = _numbered_from_zero(labels)
    means, bases = fit_subspaces(X, labels, len(found), getattr(estimator, "subspace_dim", "auto"))
    lost = np.flatnonzero(labels < 0)
    if len(lost):
        squared = squared_residuals(X[lost], means, bases)
        labels[lost] = squared.astype(X.dtype).argmin(axis=1)
    estimator.n_clusters_ = len(found)
    estimator.cluster_means_, estimator.cluster_bases_ = means, bases
    estimator.labels_ = labels


def lengths(rows):  # (b, d) float64 -> (b,)
    """Euclidean length of each row, and 1 for rows of zeros."""
    norms = row_norms(rows)
    return np.where(norms > 0, norms, 1.0)


def keep_subspaces_of_blocks(estimator, blocks, labels, origin, normalize):  # (n,), (d,)
    """The same of the rows of a dask collection, by sums about an `origin` near their mean."""
    labels, found = _numbered_from_zero(labels)
    points = np.tile(origin, (len(found), 1))
    given = (blocks.cut(labels),)
    sums = blocks.total(_sums_of_members, MemberSums.add, points, normalize, beside=given)
    means, bases = fit_subspaces_of_sums(
        sums.counts, sums.totals, sums.grams, origin, estimator.subspace_dim, blocks.dtype
    )
    estimator.n_clusters_ = len(found)
    estimator.cluster_means_, estimator.cluster_bases_ = means, bases
    joined = blocks.gathered(_joined_to_nearest, means, bases, normalize, beside=given)
    estimator.labels_ = np.concatenate(joined)


def _numbered_from_zero(labels):  # (n,) -> (n,), (K,)
    """Labels from 0 without gaps, and what they were; negative ones stay."""
    found, inverse = np.unique(labels[labels >= 0], return_inverse=True)
    labels = labels.astype(np.int64)
    labels[labels >= 0] = inverse
    return labels, found


def _sums_of_members(rows, labels, points, normalize):  # -> MemberSums
    return MemberSums.of(training_block(rows, normalize), labels, points)


def _joined_to_nearest(rows, labels, means, bases, normalize):  # (b, d), (b,) -> (b,)
    lost = np.flatnonzero(labels < 0)
    if len(lost):
        X = training_block(rows, normalize)[lost]
        labels = labels.copy()
        labels[lost] = squared_residuals(X, means, bases).astype(X.dtype).argmin(axis=1)
    return labels
