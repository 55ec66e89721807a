"""Held-out R2 of a map that already exists, by leave-one-out."""

from dataclasses import dataclass

import numpy as np

from sksubspace._student._student import part_name
from sksubspace._typing import ArrayLike, Floats, Matrix, Planned, Seed
from sksubspace.metrics._input import MAX_SAMPLES
from sksubspace.metrics._learnt import learn_map


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

    encoder : str
        What placed them: of "linear" and "median" the one with the smaller error.

    n_samples : int
        Rows that were scored.

    distortion : ndarray of shape (n_samples_given,) or None
        With ``per_row=True``, the mean squared error per feature of each row, in squared units of
        the data; NaN for rows that were not scored.

    squares : ndarray of shape (n_samples_given,) or None
        With ``per_row=True``, ``||x - mean||^2 / n_features`` of the same rows, so that
        ``r2 = 1 - nansum(distortion) / nansum(squares)``.

    continuous : float
        R2 at the mean place of the ten nearest rows, which falls between the pieces of a torn map.
        Under .75 of `r2` the map is torn. NaN if the student has no such reading.

    global_share : float
        R2 of a linear decoder over that of as many principal components: 1 is the plane of largest
        variance.

    n_copies : int
        Rows that are equal or nearly equal to another one and were left out with it.
    """

    r2: float
    placement_r2: float
    placement_error: float
    encoder: str
    n_samples: int
    distortion: Floats | None = None
    squares: Floats | None = None
    continuous: float = np.nan
    global_share: float = np.nan
    n_copies: int = 0

    def __float__(self):
        return self.r2

    def __str__(self) -> str:
        text = (
            f"leave-one-out R2 {self.r2:.3f} of {self.n_samples:,} rows "
            f"({self.encoder} encoder, R2 of its coordinates {self.placement_r2:.3f})"
        )
        if np.isnan(self.continuous):
            return text
        return f"{text}; continuous {self.continuous:.3f}, global share {self.global_share:.2f}"


def embedding_score(
    X: Matrix,
    Z: ArrayLike,
    *,
    student: Planned | None = None,
    groups: ArrayLike | None = None,
    per_row: bool = False,
    n_neighbors: int = 10,
    max_samples: int | None = MAX_SAMPLES,
    random_state: Seed = 0,
) -> EmbeddingScore:
    r"""Estimate the held-out R2 of a map by leave-one-out, without drawing it again.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Data.

    Z : array-like of shape (n_samples, n_components)
        Map of the same rows, by whatever method. Rows with NaN count as not drawn and are left out.

    student : MEDAL or None, default=None
        Whose encoder, decoder and units score the map, with its own `random_state` if it has one;
        None for those of ``MEDAL()``.

    groups : array-like of shape (n_samples,) or None, default=None
        What rows belong to, such as a donor; rows of a group are left out together. None takes
        equal rows and near copies for groups; ``np.arange(n_samples)`` none at all.

    per_row : bool, default=False
        Whether to return the error of each row too.

    n_neighbors : int, default=10
        Neighbours by which a row is placed, without a `student`. Keep ten: with fewer a map that is
        broken into fragments scores.

    max_samples : int or None, default=10000
        Number of rows to draw and score, each against all rows; None scores all. At least 100: the
        decoder's smoothness is chosen by these rows.

    random_state : int, RandomState instance or None, default=0
        The draw of the rows and of the decoder's frequencies. None draws a seed from the operating
        system.

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
        all its points are equal, the numbers of rows differ, a number is out of its range, there
        are fewer than three groups, or the student has no leave-one-out form.

    Warns
    -----
    UserWarning
        If more than 1 % of the rows are copies of others, or neighbours in the table are neighbours
        in the data, and no groups are given.

    See Also
    --------
    sksubspace.MEDAL : Held-out scores of rows that the method did not see, and new rows' places.
    trustworthiness : How far neighbours in the map are neighbours in the data.

    Notes
    -----
    An encoder places each row without its group, at :math:`z_{(-g)}`, and a decoder fitted without
    the group and the row next door, the one of another group that is drawn nearest to
    :math:`z_{(-g)}`, with its copies, reconstructs it from there:

    .. math:: R^2 = 1 - \frac{\sum_i \|x_i - g_{(-i)}(z_{(-g)})\|^2}{\sum_i \|x_i - \bar x\|^2}.

    The encoder is the better of least squares and a weighted median of the ten nearest rows'
    places, by the error of the coordinates; the decoder is a ridge regression on random Fourier
    features. Both have their leave-out in closed form. Without the row next door, a place that
    coincides with another row's would name that row, and a shuffled map would score. This is
    ``loo_score_`` of :class:`sksubspace.MEDAL`.

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
    >>> X = load_digits().data[:300]
    >>> score = embedding_score(X, PCA(2).fit_transform(X))
    >>> score.encoder, round(float(score), 1)
    ('linear', 0.5)
    """
    learnt = learn_map(
        X, Z, student=student, groups=groups, n_neighbors=n_neighbors, max_samples=max_samples,
        random_state=random_state,
    )  # fmt: skip
    found = learnt.found

    def per_feature(squares):  # (m,) -> (n,)
        return learnt.of_all_rows(squares / learnt.X.shape[1])

    return EmbeddingScore(
        r2=found.score,
        placement_r2=found.placement_r2,
        placement_error=found.placement_error,
        encoder=part_name(found.student.encoder),
        n_samples=len(found.rows),
        continuous=found.continuous,
        global_share=found.global_share,
        n_copies=found.n_copies,
        distortion=per_feature(found.squared_errors) if per_row else None,
        squares=per_feature(found.squares) if per_row else None,
    )
