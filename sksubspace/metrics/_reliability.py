"""Which rows of a map stand where they belong, where the map is torn, and what it lays together."""

from numbers import Real

import numpy as np

from sksubspace._dask import in_memory, is_collection
from sksubspace._parameters import check_integer
from sksubspace._typing import ArrayLike, Matrix, Planned, Seed
from sksubspace._validation import in_order_of
from sksubspace.metrics._learnt import learn_map
from sksubspace.metrics._marks import (
    EmbeddingReliability,
    reliability_of,
    reliability_of_collection,
)


def embedding_reliability(
    X: Matrix,
    Z: ArrayLike,
    *,
    y: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    n_places: int | None = None,
    q: float = 0.05,
    student: Planned | None = None,
    random_state: Seed = 0,
) -> EmbeddingReliability:
    r"""Mark the rows of a map that do not stand where they belong, are torn apart or merged.

    Parameters
    ----------
    X : {array-like, sparse matrix, dask collection} of shape (n_samples, n_features)
        Data. Of a dask array or frame the marks are dask arrays, see the notes.

    Z : {array-like, dask collection} of shape (n_samples, n_components)
        Map of the same rows, by whatever method. Rows with NaN count as not drawn.

    y : array-like of shape (n_samples,) or None, default=None
        Names of groups to sum up by, such as clusters or cell types; they change no mark. None,
        NaN and NA are the group "missing", and categories without a row are no group.

    groups : array-like of shape (n_samples,) or None, default=None
        What rows belong to, such as a donor: rows of a group do not vouch for each other. None
        takes equal rows and near copies for groups; ``np.arange(n_samples)`` none at all.

    n_places : int or None, default=None
        Places to compare with each row's own, drawn once for all rows. None takes all of them up to
        10,000 rows, and 999 above.

    q : float, default=0.05
        Share of the rows called reliable that may be so by chance.

    student : MEDAL or None, default=None
        Whose decoder and units are used, with its own `random_state` if it has one; None for those
        of ``MEDAL()``.

    random_state : int, RandomState instance or None, default=0
        The draw of the decoder's frequencies, and of the places. None draws a seed from the
        operating system.

    Returns
    -------
    reliability : EmbeddingReliability
        With an entry for each row of X.

    Raises
    ------
    TypeError
        If Z is sparse, `n_places` is not whole, or the decoder of a student is no
        :class:`~sksubspace.decoding.FourierRidge` and X a dask collection of more than 10,000 rows.

    ValueError
        If X or Z is not a table of numbers, X is not finite, Z is infinite or all its points are
        equal, the numbers of rows differ, `q` is not between 0 and 1, there are fewer than three
        groups, the rows outside a group or the places are too few for a p-value of `q`, or the
        student has no leave-one-out form.

    Warns
    -----
    UserWarning
        If more than 1 % of the rows are copies of others, or neighbours in the table are neighbours
        in the data, and no groups are given.

    See Also
    --------
    embedding_score : How much of the data the map tells, for new rows.
    trustworthiness : How far neighbours in the map are neighbours in the data.
    sksubspace.inspection.ReliabilityDisplay : The map with its marks.

    Notes
    -----
    With :math:`g_{(-i)}` the decoder of :func:`embedding_score` without row i and its group, which
    may see each row at its place as drawn,

    .. math:: p_i = \frac{1 + \#\{j : \|x_i - g_{(-i)}(z_j)\|^2 \le \|x_i - g_{(-i)}(z_i)\|^2\}}
                         {1 + \#\{j\}}

    over the rows j outside of the group. Where row i stands at a place drawn at random from those
    of the map, p is uniform; rows that pass the procedure of Benjamini and Hochberg at `q` are
    reliable. All of it is in closed form for :class:`sksubspace.decoding.FourierRidge`; any other
    decoder is called once for each group.

    Above 10,000 rows the neighbours below are those among 10,000 that are drawn, and near copies
    are looked for around as many rows, around all only if more than 1 % of these have some.

    `tear` is the 70 % quantile of :math:`\|z_j - z_i\|` over the 15 nearest rows in the data, over
    the distance from :math:`z_i` to its 30th nearest place: at 3, three in ten of the row's true
    neighbours stand more than three neighbourhood radii away. `overlap` is the 70 % quantile of
    :math:`\|x_j - x_i\|` over the 30 nearest places, over the distance to its 60th nearest row;
    rows of the own group count for neither. These are sizes, not tests.

    Of a dask collection at most 10,000 rows come into memory, drawn at random, and are marked as
    they are there: up to as many the result is that of the same rows in memory. Above, the other
    rows are marked block by block, each by the student of those that are drawn, which has not seen
    it, by 999 of their places, and by its neighbours among them; where it is a copy of one, or of
    its group, the decoder forgets that one and its group. The number of blocks changes nothing, but
    a student of all rows in memory knows more and certifies more of them, and other rows are drawn
    to look for neighbours among: marks near a threshold differ, see the user guide. `q` is of all
    rows, `n_copies` of those that are drawn. `compute` of the result brings it to where you are.

    A mark says "look here", not "wrong": a row that the data put between two groups is marked
    although nobody erred. And no mark is no licence: two whole islands that change places raise
    none.

    References
    ----------
    Benjamini and Hochberg, "Controlling the false discovery rate: a practical and powerful approach
    to multiple testing", Journal of the Royal Statistical Society B 57, 1995.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.manifold import TSNE
    >>> from sksubspace.metrics import embedding_reliability
    >>> X, y = load_digits(n_class=3, return_X_y=True)
    >>> X, y = X[:200], y[:200]
    >>> Z = TSNE(random_state=0).fit_transform(X)
    >>> Z[:5] = Z[-5:]  # drawn at wrong places
    >>> embedding_reliability(X, Z, y=y).mark[:5].tolist()
    ['misplaced', 'misplaced', 'misplaced', 'misplaced', 'misplaced']
    """
    _check_q_and_places(q, n_places)
    if is_collection(X):
        return reliability_of_collection(
            X, Z, y=y, groups=groups, n_places=n_places, q=q, student=student,
            random_state=random_state,
        )  # fmt: skip
    Z, y, groups = map(in_memory, (Z, y, groups))
    y = in_order_of(X, y, "y")
    learnt = learn_map(X, Z, student=student, groups=groups, random_state=random_state)
    is_drawn = np.zeros(learnt.n_samples, dtype=bool)
    is_drawn[learnt.drawn] = True
    return reliability_of(
        learnt.found, learnt.X, learnt.Z, is_drawn=is_drawn, y=y, n_places=n_places, q=q,
        random_state=random_state,
    )  # fmt: skip


def _check_q_and_places(q, n_places):
    if not isinstance(q, Real) or isinstance(q, bool) or not 0 < q < 1:
        raise ValueError(f"q must be a number between 0 and 1, got {q!r}.")
    if n_places is not None:
        check_integer(n_places, "n_places", 1)
