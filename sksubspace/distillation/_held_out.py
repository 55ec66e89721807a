"""What a fitted map says about rows it has not seen."""

from numbers import Real

import numpy as np
from scipy import sparse
from sklearn.utils.validation import check_is_fitted

from sksubspace._linalg import match_r_squared, r_squared
from sksubspace._parameters import isolated_random_state
from sksubspace._sklearn import _check_sample_weight
from sksubspace._teachers import place_by_teacher
from sksubspace.distillation._components import ScoreComponents
from sksubspace.distillation._network import fit_autoencoder
from sksubspace.distillation._shift import conformal_p_values, shift_test
from sksubspace.neighbors import k_nearest

_RELATIVE_NEIGHBORS = 15
_LOO_MARGIN = 0.1
_CHUNK_ELEMENTS = 2**24


class HeldOutMixin:
    """Distortion, scores, p-values and the shift test of a fitted map."""

    def distortion(self, X, *, relative=False):
        """Mean squared reconstruction error of each row.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

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
        X = self._validated(X)
        placed = self._place(X)
        distortion = self._squared_errors(X, placed) / X.shape[1]
        if not relative:
            return distortion
        self._check_calibrated()
        n_neighbors = min(_RELATIVE_NEIGHBORS, len(self.calibration_scores_))
        _, near = k_nearest(placed.astype(np.float64), self.calibration_embedding_, n_neighbors)
        usual = self.calibration_scores_[near].mean(axis=1)
        return distortion / np.maximum(usual, np.finfo(np.float64).tiny)

    def score_samples(self, X):
        """Negate the distortion of each row, so that higher is better.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        score : ndarray of shape (n_samples,)
            In squared input units per feature.
        """
        return -self.distortion(X)

    def score(self, X, y=None, sample_weight=None):
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
            is as good as the mean. Scores compare only on the same X, in the same units.
        """
        check_is_fitted(self)
        X = self._validated(X)
        weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        error = weight @ self._squared_errors(X, self._place(X))
        return r_squared(error, weight @ self._mean_squares(X))

    def score_components(self, X):
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
        X = self._validated(X)
        total = self._total_squares(X)
        placed = self._place(X)
        r2 = r_squared(self._squared_errors(X, placed).sum(), total)
        pca_r2 = r_squared(self._pca_squared_errors(X), total)
        by_teacher = None if self.teacher_ is None else place_by_teacher(self.teacher_, X)
        decoder_only, source = np.nan, "leave-one-out"
        match = self.encoder_scores_.get(self.encoder_name_, np.nan)
        if by_teacher is not None:
            decoder_only = r_squared(self._squared_errors(X, by_teacher).sum(), total)
            match, source = match_r_squared(placed, by_teacher), "transform"
        return ScoreComponents(
            r2=r2,
            r2_decoder_only=decoder_only,
            match_r2=match,
            match_source=source,
            pca_r2=pca_r2,
            ae_r2=self._autoencoder_r2(X, total),
            skill=r_squared(1 - r2, 1 - pca_r2),
        )

    def pvalue(self, X):
        """Conformal p-value of each row: how rarely a row of the training kind is so distorted.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows that were not in ``fit``.

        Returns
        -------
        p_values : ndarray of shape (n_samples,)
            ``(1 + number of calibration scores >= distortion) / (number + 1)``. Exact with
            ``calibration="holdout"`` or ``calibrate``; slightly liberal with "loo".
        """
        distortion = self.distortion(X)
        self._check_calibrated()
        return conformal_p_values(distortion, self.calibration_scores_)

    def detect_shift(self, X, *, alpha=0.05, margin="auto"):
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

        Returns
        -------
        result : ShiftResult
            A one-sided Kolmogorov-Smirnov test of the distortions, divided by ``1 + margin``, and
            an energy test of the positions, combined by Holm; p-values of single rows and the
            fraction flagged.
        """
        if not isinstance(alpha, Real) or not 0 < alpha < 1:
            raise ValueError(f"alpha must be a number between 0 and 1, got {alpha!r}.")
        check_is_fitted(self)
        if margin == "auto":
            margin = _LOO_MARGIN if self.calibration_ == "loo" else 0.0
        elif not isinstance(margin, Real) or not 0 <= margin < np.inf:
            raise ValueError(f"margin must be 'auto' or a number of at least 0, got {margin!r}.")
        X = self._validated(X)
        self._check_calibrated()
        placed = self._place(X)
        return shift_test(
            self._squared_errors(X, placed) / X.shape[1],
            placed,
            self.calibration_scores_,
            self.calibration_embedding_,
            alpha,
            margin,
            np.random.RandomState(self._shift_seed),
        )

    def calibrate(self, X):
        """Take fresh rows as the reference of p-values and of the shift test.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows of the training kind that were not in ``fit``.

        Returns
        -------
        self : object
            The estimator, with ``calibration_ == "fresh"``.
        """
        check_is_fitted(self)
        X = self._validated(X)
        placed = self._place(X)
        scores = self._squared_errors(X, placed) / X.shape[1]
        self._set_calibration("fresh", scores, placed, None)
        return self

    def _set_calibration(self, source, scores, placed, indices):
        self.calibration_ = source
        self.calibration_scores_ = np.asarray(scores, dtype=np.float64)
        self.calibration_embedding_ = np.asarray(placed, dtype=np.float64)
        self.calibration_indices_ = indices

    def _check_calibrated(self):
        if len(self.calibration_scores_) == 0:
            raise ValueError(
                "There are no calibration rows, because the training set was too small to hold "
                "any out; call calibrate(X) with fresh rows."
            )

    def _squared_errors(self, X, placed):  # (n, d), (n, q) -> (n,)
        """Sum over features of (x - g(z))^2, in squared input units."""
        return _row_squares(X, lambda rows: self._decode(placed[rows]))

    def _mean_squares(self, X):  # (n, d) -> (n,)
        """||x - mean of the training rows||^2, in squared input units."""
        return _row_squares(X, lambda rows: self._input_mean)

    def _total_squares(self, X):
        return self._mean_squares(X).sum()

    def _pca_squared_errors(self, X):
        components, mean = self._principal_components, self._input_mean

        def project(rows):
            centred = _dense(X[rows]) - mean
            return centred @ components.T @ components + mean

        return _row_squares(X, project).sum()

    def _autoencoder_r2(self, X, total):
        """R2 of a plain autoencoder trained on the rows the encoder keeps; NaN if it keeps none."""
        work = getattr(self._encoder, "rows", None)
        if work is None:
            return np.nan
        trainer = self._trainer(work.dtype, isolated_random_state(self._shift_seed))
        trainer.estimator = None
        reconstruct = fit_autoencoder(
            work,
            self._feature_scale,
            self._architecture["hidden_layer_sizes"],
            self.n_components_,
            trainer,
        )
        scale = self._feature_scale
        error = _row_squares(X, lambda rows: scale.unwork(reconstruct(scale.work(X[rows])))).sum()
        return r_squared(error, total)


def _row_squares(X, predict):  # (n, d), slice -> (m, d) -> (n,)
    """Squared distance of each row from its prediction, in blocks, as float64."""
    squares = np.empty(X.shape[0])
    step = max(1, _CHUNK_ELEMENTS // X.shape[1])
    for start in range(0, X.shape[0], step):
        rows = slice(start, start + step)
        difference = np.asarray(_dense(X[rows]) - predict(rows), dtype=np.float64)
        squares[rows] = np.einsum("nd,nd->n", difference, difference)
    return squares


def _dense(X):
    return X.toarray() if sparse.issparse(X) else X
