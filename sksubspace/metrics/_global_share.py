"""What a line reads off a map: the arrangement of the whole."""

from sksubspace._typing import ArrayLike, Matrix, Planned, Seed
from sksubspace.metrics._learnt import learn_map


def global_share(
    X: Matrix,
    Z: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    student: Planned | None = None,
    random_state: Seed = 0,
) -> float:
    r"""Measure how much of the plane of largest variance a line reads off a map.

    Held-out R2 is local: islands of a map that are dealt to other places keep it. This reading
    falls with them: what distances between far parts of a map say is in it.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Data. Sparse rows are never made dense as a whole.

    Z : array-like of shape (n_samples, n_components)
        Map of the same rows. Rows with NaN count as not drawn and are left out.

    groups : array-like of shape (n_samples,) or None, default=None
        What rows belong to, such as a donor; rows of a group are left out together. None takes
        equal rows and near copies for groups.

    student : MEDAL or None, default=None
        Whose encoder places the rows that are left out; None for that of ``MEDAL()``.

    random_state : int, RandomState instance or None, default=0
        The draw of the 10,000 rows that are scored where there are more.

    Returns
    -------
    share : float
        1 for the plane of largest variance, about 0 for a map that is no arrangement at all; NaN
        for data without variance.

    Raises
    ------
    TypeError
        If Z is sparse.

    ValueError
        If X or Z is not a table of numbers of at least two rows, X is not finite, Z is infinite or
        all its points are equal, the numbers of rows differ, there are fewer than three groups, or
        the student has no leave-one-out form.

    Warns
    -----
    UserWarning
        If more than 1 % of the rows are copies of others, or neighbours in the table are neighbours
        in the data, and no groups are given.

    See Also
    --------
    embedding_score : The same share beside the local reading.
    islands_dealt : What the share is where islands stand at random.

    Notes
    -----
    With :math:`z_{(-g)}` where an encoder places row i without its group, and
    :math:`\hat x_{(-g)}(z)` least squares from places to rows, without the group, the share is

    .. math:: \frac{1 - \sum_i \|x_i - \hat x_{(-g)}(z_{(-g)})\|^2 / \sum_i \|x_i - \bar x\|^2}
                   {\sum_{j \le q} \lambda_j / \sum_j \lambda_j},

    where :math:`\lambda` are the variances of the principal components, for a map of q dimensions.
    It is no proof alone: a good map of a ring has a share as well as a good map of a plane.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.decomposition import PCA
    >>> from sksubspace.metrics import global_share
    >>> X, _ = load_digits(return_X_y=True)
    >>> global_share(X, PCA(2).fit_transform(X)) > 0.95
    True
    """
    learnt = learn_map(
        X, Z, student=student, groups=groups, random_state=random_state, is_linear=True
    )
    return learnt.found.global_share
