"""What a fitted map says of rows: where they lie, what comes back, whether they are of its kind."""

from numbers import Real
from typing import Any, Literal, Self, overload

import numpy as np
from scipy import sparse
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted

from sksubspace._docs import fill_parameters
from sksubspace._linalg import match_r_squared, r_squared, row_squares
from sksubspace._parameters import check_widths, isolated_random_state
from sksubspace._sklearn import _check_sample_weight
from sksubspace._student import Student, check_groups
from sksubspace._student._plain_autoencoder import fit_autoencoder
from sksubspace._teachers import place_by_teacher
from sksubspace._trained import TrainedTransformer, make_trainer
from sksubspace._typing import ArrayLike, Estimator, Floats, Ints, Matrix
from sksubspace._validation import in_order_of, validate_rows
from sksubspace.distillation._components import ScoreComponents
from sksubspace.distillation._plan import calibration
from sksubspace.distillation._shift import (
    PlacedRows,
    ShiftResult,
    conformal_p_values,
    group_shift_test,
    names_of_groups,
    shift_test,
    warn_of_known,
)
from sksubspace.neighbors import k_nearest

# enough calibration rows for a usual distortion, few enough to be near on the map
_RELATIVE_NEIGHBORS = 15
# left-out errors are up to about a tenth smaller than those of new rows
_LOO_MARGIN = 0.1


def rows_like_fitted(medal, X):  # -> (n, d)
    """Check rows against a fitted MEDAL; sparse ones are what it was fitted on, or made so."""
    X = validate_rows(medal, X, accept_sparse="csr", order="C", reset=False)
    if sparse.issparse(X) and not medal.student_.sparse:
        return X.toarray()
    return sparse.csr_matrix(X) if medal.student_.sparse and not sparse.issparse(X) else X


def placed_rows(medal, X):  # (n, d) -> (n, q)
    """Place checked rows, in the dtype of X."""
    placed = medal.student_.place(X.astype(medal.embedding_.dtype, copy=False))
    return placed.astype(X.dtype, copy=False)


class BaseDistiller(TrainedTransformer):
    """Base: a subclass fits a `student_` and the calibration that `FitPlan.reference` gives."""

    embedding_: Floats
    teacher_: Estimator
    student_: Student
    encoder_name_: str
    encoder_scores_: dict[str, float]
    decoder_name_: str
    loo_score_: float | None
    continuous_: float
    global_share_: float
    loo_distortion_: Floats | None
    calibration_: str
    calibration_indices_: Ints | None
    calibration_scores_: Floats
    calibration_embedding_: Floats
    calibration_groups_: Ints | None
    group_names_: np.ndarray | None
    groups_given_: bool
    n_copies_: int
    n_conflicts_: int

    _kept = "student_"

    def transform(self, X: Matrix) -> Floats:
        """Place rows on the map.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows; each is placed without regard to the others.

        Returns
        -------
        Z : ndarray of shape (n_samples, n_components)
            Coordinates, in the units of the embedding.
        """
        check_is_fitted(self)
        return placed_rows(self, rows_like_fitted(self, X))

    def inverse_transform(self, X: ArrayLike) -> Floats:
        """Reconstruct data from points of the map.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components)
            Points, in the units of the embedding; they need not be images of data.

        Returns
        -------
        X_original : ndarray of shape (n_samples, n_features)
            Reconstructions, in input units.
        """
        check_is_fitted(self)
        Z = check_array(X, dtype=[np.float64, np.float32])
        if Z.shape[1] != self.n_components_:
            raise ValueError(
                f"X has {Z.shape[1]} columns, but the embedding has n_components_="
                f"{self.n_components_}."
            )
        return self.student_.decode(Z).astype(Z.dtype, copy=False)

    @fill_parameters
    def reconstruct(self, X: Matrix) -> Floats:
        """Place rows on the map and reconstruct them from there.

        Parameters
        ----------
        {any_rows}

        Returns
        -------
        X_reconstructed : ndarray of shape (n_samples, n_features)
            Their reconstructions, in input units.
        """
        check_is_fitted(self)
        X = rows_like_fitted(self, X)
        return self.student_.decode(placed_rows(self, X)).astype(X.dtype, copy=False)

    @fill_parameters
    def distortion(self, X: Matrix, *, relative: bool = False) -> Floats:
        """Mean squared reconstruction error of each row.

        Parameters
        ----------
        {any_rows}

        relative : bool, default=False
            Whether to divide by the mean distortion of the 15 calibration rows that lie nearest on
            the map, so that 1 is usual for the place.

        Returns
        -------
        distortion : ndarray of shape (n_samples,)
            ``mean_j (x_j - xhat_j)^2``, in squared input units per feature; a ratio if
            ``relative``. For training rows see ``loo_distortion_``.
        """
        check_is_fitted(self)
        X = rows_like_fitted(self, X)
        placed = placed_rows(self, X)
        distortion = self.student_.squared_errors(X, placed) / X.shape[1]
        if not relative:
            return distortion
        _check_calibrated(self)
        n_neighbors = min(_RELATIVE_NEIGHBORS, len(self.calibration_scores_))
        _, near = k_nearest(placed.astype(np.float64), self.calibration_embedding_, n_neighbors)
        usual = self.calibration_scores_[near].mean(axis=1)
        return distortion / np.maximum(usual, np.finfo(np.float64).tiny)

    @fill_parameters
    def score_samples(self, X: Matrix) -> Floats:
        """Negate the distortion of each row, so that higher is better.

        Parameters
        ----------
        {any_rows}

        Returns
        -------
        score : ndarray of shape (n_samples,)
            In squared input units per feature.
        """
        return -self.distortion(X)

    def score(self, X: Matrix, y: object = None, sample_weight: ArrayLike | None = None) -> float:
        """R2 of the reconstruction from the map.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows that were not in ``fit``; on training rows the score is flattering.

        y : Ignored
            Not used.

        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weight of each row in both sums.

        Returns
        -------
        r2 : float
            ``1 - sum ||x - xhat||^2 / sum ||x - mean of the training rows||^2``: 1 is perfect, 0
            is as good as the mean. Scores compare only on the same X, in the same units. Of rows
            that all are that mean it is 1 without any error, else 0.
        """
        check_is_fitted(self)
        X = rows_like_fitted(self, X)
        errors = self.student_.squared_errors(X, placed_rows(self, X))
        squares = self.student_.squares(X)
        if sample_weight is None:
            return r_squared(errors.sum(), squares.sum())
        weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        return r_squared(weight @ errors, weight @ squares)

    @overload
    def score_readings(self, X: Matrix, *, per_row: Literal[False] = ...) -> dict[str, float]: ...
    @overload
    def score_readings(self, X: Matrix, *, per_row: Literal[True]) -> dict[str, Any]: ...
    def score_readings(self, X: Matrix, *, per_row: bool = False) -> dict[str, Any]:
        """Three readings of the map on held-out rows: local, continuous, global.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows that were not in ``fit``.

        per_row : bool, default=False
            Whether the squared error of each row is wanted too.

        Returns
        -------
        readings : dict of str to float
            "r2", what `score` returns; "continuous", the R2 where each row is put at the mean place
            of its ten neighbours, which falls between the pieces of a torn map; "global_share", the
            R2 of a linear decoder over that of as many principal components. NaN where encoder and
            decoder have no such reading. With `per_row` also "squared_errors", an array of shape
            (n_samples,): summed over features, in squared input units.
        """
        check_is_fitted(self)
        X = rows_like_fitted(self, X)
        readings, squared_errors = self.student_.readings(X, placed_rows(self, X))
        return readings | {"squared_errors": squared_errors} if per_row else readings

    def score_components(self, X: Matrix) -> ScoreComponents:
        """Take the held-out score apart, and set references beside it.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows that were not in ``fit``.

        Returns
        -------
        components : ScoreComponents
            Its ``str`` is a table to read. Training the autoencoder takes a few seconds.
        """
        check_is_fitted(self)
        X = rows_like_fitted(self, X)
        total = self.student_.squares(X).sum()
        placed = placed_rows(self, X)
        readings, _ = self.student_.readings(X, placed)
        r2 = readings["r2"]
        pca_r2 = r_squared(self.student_.principal_errors(X).sum(), total)
        by_teacher = None if self.teacher_ is None else place_by_teacher(self.teacher_, X)
        decoder_only, source = np.nan, "leave-one-out"
        match = self.encoder_scores_.get(self.encoder_name_, np.nan)
        if by_teacher is not None:
            decoder_only = r_squared(self.student_.squared_errors(X, by_teacher).sum(), total)
            match, source = match_r_squared(placed, by_teacher), "transform"
        return ScoreComponents(
            r2=r2,
            r2_decoder_only=decoder_only,
            match_r2=match,
            match_source=source,
            pca_r2=pca_r2,
            ae_r2=_autoencoder_r2(self, X, total),
            skill=r_squared(1 - r2, 1 - pca_r2),
            continuous=readings["continuous"],
            global_share=readings["global_share"],
        )

    def pvalue(self, X: Matrix) -> Floats:
        """Conformal p-value of each row: how rarely a row of the training kind is so distorted.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows that were not in ``fit``.

        Returns
        -------
        p_values : ndarray of shape (n_samples,)
            ``(1 + number of calibration scores >= distortion) / (number + 1)``. Exact with
            ``calibration="holdout"`` or ``calibrate``; slightly liberal with "loo". With groups, as
            the sum over groups of the share of each that is at least as distorted, over the number
            of groups: valid for a row of a new group, conservative, and never below
            ``1 / (1 + n_groups)``.
        """
        distortion = self.distortion(X)
        _check_calibrated(self)
        return conformal_p_values(distortion, self.calibration_scores_, self.calibration_groups_)

    def detect_shift(
        self,
        X: Matrix,
        *,
        alpha: float = 0.05,
        margin: float | Literal["auto"] = "auto",
        groups: ArrayLike | None = None,
    ) -> ShiftResult:
        """Test whether a batch still belongs on the map.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The batch; its rows were not in ``fit``.

        alpha : float, default=0.05
            Level of the test, between 0 and 1.

        margin : float or "auto", default="auto"
            Relative increase of the distortion that still counts as none. "auto" is 0 for exact
            calibration rows, and 0.1 for ``calibration_ == "loo"``: leave-one-out errors are up to
            about a tenth smaller than those of new rows, which a large batch would reveal.

        groups : array-like of shape (n_samples,) or None, default=None
            Group of each row of the batch, none of which was in ``fit``. Used where ``fit`` had
            groups; None then takes the batch for one group.

        Returns
        -------
        result : ShiftResult
            A one-sided Kolmogorov-Smirnov test of the distortions, divided by ``1 + margin``, and
            an energy test of the positions, combined by Holm; p-values of single rows and the
            fraction flagged. Where ``fit`` had groups the unit is the group: permutations of which
            groups are new, of the mean log distortion and of the mean place.

        Warns
        -----
        UserWarning
            If there are too few groups to ever reach `alpha`, or if some were in ``fit``.
        """
        if not isinstance(alpha, Real) or not 0 < alpha < 1:
            raise ValueError(f"alpha must be a number between 0 and 1, got {alpha!r}.")
        check_is_fitted(self)
        if margin == "auto":
            margin = _LOO_MARGIN if self.calibration_ == "loo" else 0.0
        elif not isinstance(margin, Real) or not 0 <= margin < np.inf:
            raise ValueError(f"margin must be 'auto' or a number of at least 0, got {margin!r}.")
        groups = in_order_of(X, groups, "groups")
        X = rows_like_fitted(self, X)
        _check_calibrated(self)
        placed = placed_rows(self, X)
        batch = PlacedRows(
            self.student_.squared_errors(X, placed) / X.shape[1],
            placed,
            None if groups is None else _numbered(groups, X.shape[0]),
        )
        if groups is not None and not self.groups_given_:
            raise ValueError("groups of a batch need fit(X, groups=...) or calibrate with groups.")
        if groups is not None:
            # None too in a file of before there were names
            warn_of_known(groups, getattr(self, "group_names_", None), stacklevel=3)
        reference = PlacedRows(
            self.calibration_scores_, self.calibration_embedding_, self.calibration_groups_
        )
        test = group_shift_test if self.groups_given_ else shift_test
        return test(batch, reference, alpha, margin, np.random.RandomState(self.student_.seed))

    def calibrate(self, X: Matrix, *, groups: ArrayLike | None = None) -> Self:
        """Take fresh rows as the reference of p-values and of the shift test.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows of the training kind that were not in ``fit``.

        groups : array-like of shape (n_samples,) or None, default=None
            Group of each row.

        Returns
        -------
        self : object
            The estimator, with ``calibration_ == "fresh"``.
        """
        check_is_fitted(self)
        groups = in_order_of(X, groups, "groups")
        X = rows_like_fitted(self, X)
        placed = placed_rows(self, X)
        scores = self.student_.squared_errors(X, placed) / X.shape[1]
        numbers = None if groups is None else check_groups(groups, X.shape[0])
        fresh = calibration("fresh", scores, placed, None, numbers)
        self.__dict__.update(fresh, groups_given_=groups is not None)
        self.group_names_ = names_of_groups(groups)
        return self

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def _numbered(groups, n_samples):
    groups = np.asarray(groups)
    if groups.shape != (n_samples,):
        raise ValueError(
            f"groups must have one entry for each of the {n_samples} rows of X, got shape "
            f"{groups.shape}."
        )
    return np.unique(groups, return_inverse=True)[1]


def _check_calibrated(medal):
    if len(medal.calibration_scores_) == 0:
        raise ValueError(
            "There are no calibration rows, because the training set was too small to hold "
            "any out; call calibrate(X) with fresh rows."
        )


def _autoencoder_r2(medal, X, total):
    """R2 of a plain autoencoder trained on the rows the encoder keeps; NaN if it keeps none."""
    student = medal.student_
    work = getattr(student.encoder, "rows_", None)
    if work is None:
        return np.nan
    trainer = make_trainer(medal, work.dtype, isolated_random_state(student.seed))
    widths = check_widths(medal.hidden_layer_sizes, at_least_one=True)
    scale = student.feature_scale
    reconstruct = fit_autoencoder(work, scale, widths, medal.n_components_, trainer)

    def predict(rows):
        return scale.unwork(reconstruct(scale.work(X[rows])))

    return r_squared(row_squares(X, predict).sum(), total)
