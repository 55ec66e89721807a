"""Held-out R2 of a map that already exists, by leave-one-out."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from sksubspace.metrics._input import check_integer, check_rows, check_same_length, sample_rows

_MAX_SAMPLES = 10_000
_FEWEST_SAMPLES = 100


@dataclass(frozen=True, eq=False)
class EmbeddingScore:
    """Leave-one-out score of a map; ``float(score)`` is `r2`.

    Attributes
    ----------
    r2 : float
        R2 of the data that are reconstructed from the map, of rows left out: 1 is perfect, 0 is as
        good as the mean.

    placement_r2 : float
        R2 of the left-out rows' coordinates against those given. Where it is low, `r2` says that
        the map cannot be extended to new rows, not that it is a bad drawing.

    placement_error : float
        Root mean squared error of these coordinates, in units of the map's root mean squared
        radius.

    encoder : {"linear", "local"}
        What placed them: the one with the smaller error.

    n_samples : int
        Rows that were scored.

    distortion : ndarray of shape (n_samples_given,) or None
        With ``per_row=True``, the mean squared error per feature of each row, in squared units of
        the data; NaN for rows that were not scored.

    squares : ndarray of shape (n_samples_given,) or None
        With ``per_row=True``, ``||x - mean||^2 / n_features`` of the same rows, so that
        ``r2 = 1 - nansum(distortion) / nansum(squares)``.
    """

    r2: float
    placement_r2: float
    placement_error: float
    encoder: str
    n_samples: int
    distortion: np.ndarray | None = None
    squares: np.ndarray | None = None

    def __float__(self):
        return self.r2

    def __str__(self):
        return (
            f"leave-one-out R2 {self.r2:.3f} of {self.n_samples:,} rows "
            f"({self.encoder} encoder, R2 of its coordinates {self.placement_r2:.3f})"
        )


def embedding_score(
    X,
    Z,
    *,
    per_row=False,
    n_neighbors=10,
    max_samples=_MAX_SAMPLES,
    random_state=0,
):
    r"""Estimate the held-out R2 of a map by leave-one-out, without drawing it again.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Data.

    Z : array-like of shape (n_samples, n_components)
        Map of the same rows, by whatever method. Rows with NaN count as not drawn and are left out.

    per_row : bool, default=False
        Whether to return the error of each row too.

    n_neighbors : int, default=10
        Neighbours by which the local encoder places a row.

    max_samples : int or None, default=10000
        Number of rows to draw and score, each against all rows; None scores all. At least 100: the
        decoder's smoothness is chosen by these rows.

    random_state : int, RandomState instance or None, default=0
        The draw, the halves of the rows, the kernel's weights and the decoder's frequencies. None
        draws a seed from the operating system.

    Returns
    -------
    score : EmbeddingScore
        Its ``r2`` is what ``float`` returns.

    Raises
    ------
    TypeError
        If Z is sparse, or a number is not whole.

    ValueError
        If X or Z is not a table of numbers of at least two rows, X is not finite, Z is infinite or
        all its points are equal, the numbers of rows differ, or a number is out of its range.

    See Also
    --------
    sksubspace.MEDAL : Held-out scores of rows that the method did not see, and new rows' places.
    trustworthiness : How far neighbours in the map are neighbours in the data.

    Notes
    -----
    An encoder places each row without itself, at :math:`z_{(-i)}`, and a decoder fitted without the
    row reconstructs it from there:

    .. math:: R^2 = 1 - \frac{\sum_i \|x_i - g_{(-i)}(z_{(-i)})\|^2}{\sum_i \|x_i - \bar x\|^2}.

    The encoder is the better of least squares and a local mean of the nearest rows with a learned
    kernel, by the error of the coordinates; the decoder is a ridge regression on random Fourier
    features. Each has its leave-one-out in closed form, or is trained on the other half of the
    rows. This is ``loo_score_`` of :class:`sksubspace.MEDAL`.

    The map itself was drawn with row i in view, and only i's own position is forgotten: the score
    is a few hundredths above that of new rows, and most for maps of small neighbourhoods. It
    compares maps of the same rows of X; differences of a few hundredths want
    :class:`sksubspace.MEDAL` on held-out rows.

    References
    ----------
    Chang, Zikry and Allen, "MEDAL: manifold embedding distillation via autoencoder learning",
    arXiv:2605.24244, 2026. https://arxiv.org/abs/2605.24244

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.decomposition import PCA
    >>> from sksubspace.metrics import embedding_score
    >>> X, _ = load_digits(return_X_y=True)
    >>> score = embedding_score(X, PCA(2).fit_transform(X))
    >>> score.encoder, round(float(score), 1)
    ('linear', 0.4)
    """
    from sksubspace._linalg import match_r_squared, r_squared
    from sksubspace.metrics._left_out import score_left_out

    X, Z = _check_input(X, Z, n_neighbors)
    drawn = np.flatnonzero(~np.isnan(Z).any(axis=1))
    if len(drawn) < 2:
        raise ValueError(f"Z must have at least 2 rows without NaN, got {len(drawn)}.")
    rows = _rows_to_score(len(drawn), max_samples, random_state)
    kept = slice(None) if len(drawn) == len(Z) else drawn
    found = score_left_out(X[kept], Z[kept], rows, n_neighbors, random_state)

    def per_feature(squares):  # (m,) -> (n,)
        values = np.full(len(Z), np.nan)
        values[drawn[rows]] = squares / X.shape[1]
        return values

    return EmbeddingScore(
        r2=r_squared(found.squared_errors.sum(), found.squares.sum()),
        placement_r2=match_r_squared(found.placed, found.given),
        placement_error=_root_mean_square(found.placed - found.given),
        encoder=found.encoder,
        n_samples=len(rows),
        distortion=per_feature(found.squared_errors) if per_row else None,
        squares=per_feature(found.squares) if per_row else None,
    )


def _check_input(X, Z, n_neighbors):
    X = check_rows(X, "X", accept_sparse=True)
    Z = check_rows(Z, "Z", allow_nan=True)
    check_same_length(X, Z, "X", "Z")
    if X.shape[0] < 2:
        raise ValueError(f"X must have at least 2 rows, got {X.shape[0]}.")
    check_integer(n_neighbors, "n_neighbors")
    if n_neighbors < 1:
        raise ValueError(f"n_neighbors must be at least 1, got {n_neighbors}.")
    return X if sparse.issparse(X) else np.ascontiguousarray(X), Z


def _rows_to_score(n_samples, max_samples, random_state):
    rows = sample_rows(n_samples, max_samples, random_state)
    if len(rows) < min(_FEWEST_SAMPLES, n_samples):
        raise ValueError(
            f"max_samples must be at least {_FEWEST_SAMPLES}, because the decoder is chosen by the "
            f"rows that are scored, or None for all rows, got {max_samples}."
        )
    return rows


def _root_mean_square(differences):  # (m, q) -> float
    return float(np.sqrt(np.square(differences).sum(axis=1).mean()))
