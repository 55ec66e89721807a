"""What the rows of a group say of each other."""

from dataclasses import dataclass

import numpy as np

from sksubspace._typing import ArrayLike, Matrix, Planned, Seed
from sksubspace.metrics._learnt import learn_map


@dataclass(frozen=True)
class GroupLoss:
    """Scores of rows of new groups, and of new rows of known ones; ``float(loss)`` is `lost`.

    Attributes
    ----------
    r2 : float
        Left-out R2, each row without its group: does the map hold for new groups?

    row_r2 : float
        The same, each row without itself alone.

    lost : float
        ``row_r2 - r2``: what the rows of a group say of each other.

    n_groups : int
        How many groups there are.
    """

    r2: float
    row_r2: float
    lost: float
    n_groups: int

    def __float__(self):
        return self.lost

    def __str__(self) -> str:
        return (
            f"left-out R2 {self.r2:.3f} of new groups ({self.n_groups:,}), {self.row_r2:.3f} of "
            f"new rows of known ones: {self.lost:+.3f} is what rows of a group say of each other"
        )


def group_loss(
    X: Matrix,
    Z: ArrayLike,
    groups: ArrayLike,
    *,
    student: Planned | None = None,
    random_state: Seed = 0,
) -> GroupLoss:
    r"""Compare the score of new groups with that of new rows of known groups.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Data.

    Z : array-like of shape (n_samples, n_components)
        Map of the same rows. Rows with NaN count as not drawn and are left out.

    groups : array-like of shape (n_samples,)
        What rows belong to, such as a donor; at least three different.

    student : MEDAL or None, default=None
        Whose encoder, decoder and units score the map; None for those of ``MEDAL()``.

    random_state : int, RandomState instance or None, default=0
        The draw of the rows, where there are more than 10,000, and of the decoder's frequencies.

    Returns
    -------
    loss : GroupLoss
        Both scores and their difference.

    Raises
    ------
    TypeError
        If Z is sparse.

    ValueError
        If `groups` is None, and wherever `embedding_score` raises one.

    See Also
    --------
    sksubspace.model_selection.compare_embeddings : The same loss of candidates.

    Notes
    -----
    With :math:`R^2_g` the left-out R2 of `embedding_score` with these groups, and :math:`R^2_i`
    with single rows for groups, the loss is :math:`R^2_i - R^2_g`. It is what
    ``compare_embeddings(method="loo", groups=groups)`` calls ``lost_to_groups``.

    Examples
    --------
    >>> import numpy as np
    >>> from sksubspace.metrics import group_loss
    >>> rng = np.random.RandomState(0)
    >>> donor = np.repeat(np.arange(12), 25)
    >>> X = rng.randn(300, 6) + 3 * rng.randn(12, 6)[donor]
    >>> loss = group_loss(X, X[:, :2], donor)
    >>> loss.n_groups, loss.lost > 0.05
    (12, True)
    """
    if groups is None:
        raise ValueError("groups must have one entry for each row of X, got None.")
    learnt = learn_map(X, Z, student=student, groups=groups, random_state=random_state)
    return group_loss_of(learnt)


def group_loss_of(learnt):  # LearntMap -> GroupLoss
    """Learn a map that was learnt with groups again with single rows."""
    by_group = learnt.found
    by_row = learnt.again(learnt.Z, learnt.X, np.arange(len(learnt.Z)))
    return GroupLoss(
        r2=by_group.score,
        row_r2=by_row.score,
        lost=by_row.score - by_group.score,
        n_groups=int(by_group.groups.max() + 1),
    )
