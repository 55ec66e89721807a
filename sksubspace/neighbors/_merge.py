"""Neighbours found in several pieces of a table, joined."""

import numpy as np

from sksubspace.neighbors._checks import check_count
from sksubspace.neighbors._distances import first_by_distance


def merge_neighbors(parts, n_neighbors):
    """Join the neighbours that the same queries have in several pieces of a table.

    Parameters
    ----------
    parts : sequence of pairs of ndarray of shape (n_queries, n_found)
        From each piece, distances and row numbers. The pieces may have found different numbers of
        neighbours; the row numbers are those of the whole table, so that no two pieces share one.

    n_neighbors : int
        Neighbours to keep; at most as many as all pieces found together.

    Returns
    -------
    distances : ndarray of shape (n_queries, n_neighbors)
        Ascending.

    indices : ndarray of shape (n_queries, n_neighbors)
        Row numbers. Equally far ones are in ascending order.

    Raises
    ------
    TypeError
        If `n_neighbors` is not an integer.

    ValueError
        If there are no parts, their shapes do not fit, or `n_neighbors` is out of range.

    See Also
    --------
    nearest_neighbors : Which does this with ``shard="index"``.

    Notes
    -----
    If every piece gives its first k rows by (distance, index), the first k of the joined table are
    among them.

    Examples
    --------
    >>> import numpy as np
    >>> from sksubspace.neighbors import k_nearest, merge_neighbors
    >>> X, query = np.array([[0.0], [3.0], [5.0], [2.0]]), np.array([[2.5]])
    >>> first, second = k_nearest(query, X[:2], 2), k_nearest(query, X[2:], 2)
    >>> merge_neighbors([first, (second[0], second[1] + 2)], 3)
    (array([[0.25, 0.25, 6.25]]), array([[1, 3, 0]]))
    """
    parts = [(np.asarray(distances), np.asarray(indices)) for distances, indices in parts]
    shapes = [array.shape for part in parts for array in part]
    if not _fit(shapes):
        raise ValueError(
            "parts must hold, for each piece, distances and row numbers of one shape "
            f"(n_queries, n_found), with the same n_queries in all, got shapes {shapes}."
        )
    distances, indices = (np.concatenate(arrays, axis=1) for arrays in zip(*parts, strict=True))
    check_count(n_neighbors, "n_neighbors", indices.shape[1], "the neighbours in all parts")
    return first_by_distance(distances, indices, n_neighbors)


def _fit(shapes):
    return (
        len(shapes) > 0
        and {len(shape) for shape in shapes} == {2}
        and shapes[::2] == shapes[1::2]
        and len({n_queries for n_queries, _ in shapes}) == 1
    )
