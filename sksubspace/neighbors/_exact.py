"""Exact k-nearest neighbours whose answer for a row does not depend on its batch."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sksubspace._linalg import row_blocks
from sksubspace._typing import ArrayLike, Device, Floats, Ints, Matrix
from sksubspace.neighbors._candidates import propose
from sksubspace.neighbors._distances import compare_all, first_by_distance, squared_distances

# rounding seldom hides a neighbour behind more than a few rows; where it may, all are compared
_SPARE_CANDIDATES = 6


def k_nearest(
    queries: Matrix,
    reference: Matrix,
    n_neighbors: int,
    *,
    exclude_self: bool | ArrayLike = False,
    groups: Sequence[ArrayLike] | None = None,
    device: Device | None = None,
) -> tuple[Floats, Ints]:
    r"""Find the nearest reference rows of each query, in Euclidean distance.

    A blocked matrix-product search proposes a few more candidates than asked for; their squared
    distances are then computed anew as :math:`\sum_j (q_j - r_j)^2`, which is exactly zero for
    equal rows and the same number whatever other rows are in the batch, and the candidates are
    ordered by (distance, index). Where rounding may have hidden a neighbour from the search, or
    more rows are equally far than were proposed, all rows that may be near enough are compared.

    Parameters
    ----------
    queries : {ndarray, CSR matrix} of shape (n_queries, n_features)
        Rows to look up.

    reference : {ndarray, CSR matrix} of shape (n_reference, n_features)
        Rows to find.

    n_neighbors : int
        Neighbours a query; at most ``n_reference`` (less one with ``exclude_self``).

    exclude_self : bool or ndarray of shape (n_queries,), default=False
        Whether ``queries`` is ``reference`` itself and row i must not be its own neighbour; or,
        for queries that are some rows of ``reference``, the number of each. Other rows equal to it
        still count.

    groups : tuple of ndarray of shape (n_queries,) and (n_reference,), default=None
        The group of each query and of each reference row, as whole numbers: rows of a query's own
        group are not to be found. None for no groups.

    device : str, torch.device or None, default=None
        Where the matrix products of the search are formed, such as "cuda", for dense rows of at
        least 16 features, among at least 2,000. None does not load torch. What is found is the
        same.

    Returns
    -------
    squared_distances : ndarray of shape (n_queries, n_neighbors)
        Ascending, in squared units of the input, as float64.

    indices : ndarray of shape (n_queries, n_neighbors)
        Rows of ``reference``.

    Raises
    ------
    ValueError
        If ``n_neighbors`` is larger than the number of rows to choose from, for any query, or
        `groups` has other shapes.

    Notes
    -----
    The search proposes as many rows more as the largest group has; groups of so many rows that this
    would be slow are searched for one by one, among the rows outside.

    Examples
    --------
    >>> import numpy as np
    >>> from sksubspace.neighbors import k_nearest
    >>> X = np.array([[0.0], [1.0], [3.0]])
    >>> k_nearest(X, X, 1, exclude_self=True)
    (array([[1.],
           [1.],
           [4.]]), array([[1],
           [0],
           [1]]))
    """
    own = _own_labels(exclude_self, queries.shape[0], reference.shape[0])
    if groups is not None:
        groups = _Groups.of(*groups, (queries.shape[0], reference.shape[0]))
        groups.check(n_neighbors, own)
        return _nearest_outside(queries, reference, n_neighbors, own, groups, device)
    available = reference.shape[0] - int(own is not None)
    if not 1 <= n_neighbors <= available:
        raise ValueError(
            f"n_neighbors must be between 1 and the {available} rows to choose from, "
            f"got {n_neighbors}."
        )
    return _nearest(queries, reference, n_neighbors, [own], int(own is not None), device)


def _own_labels(exclude_self, n_queries, n_reference):  # -> ((m,), (n,)) or None
    """Label queries and reference rows so that a query shares its label with its own row alone."""
    if isinstance(exclude_self, np.ndarray):
        return exclude_self, np.arange(n_reference)
    return (np.arange(n_queries), np.arange(n_reference)) if exclude_self else None


def _nearest(queries, reference, n_neighbors, labels, n_left_out, device):
    """Find the nearest rows that share no label with the query; at most `n_left_out` rows do."""
    n_reference, n_first = reference.shape[0], n_neighbors + n_left_out
    n_candidates = min(n_first + _SPARE_CANDIDATES, n_reference)
    candidates, may_be_nearer = propose(queries, reference, n_candidates, device)
    distances = squared_distances(queries, reference, candidates)
    furthest = distances.max(axis=1)
    left_out = _share_a_label(labels, slice(None), candidates)
    squared, indices = first_by_distance(distances, candidates, n_neighbors, left_out)
    if n_candidates < n_reference:
        unsure = np.flatnonzero(~(squared[:, -1] < furthest - may_be_nearer(furthest)))
        if len(unsure):
            distances, candidates = compare_all(
                queries[unsure], reference, squared[unsure, -1], n_first
            )
            left_out = _share_a_label(labels, unsure, candidates)
            found = first_by_distance(distances, candidates, n_neighbors, left_out)
            squared[unsure], indices[unsure] = found
    return squared, indices


def _share_a_label(labels, rows, candidates):  # [((m,), (n,))], (b,), (b, c) -> (b, c)
    shared = np.zeros(candidates.shape, dtype=bool)
    for of_queries, of_reference in filter(None, labels):
        shared |= of_reference[candidates] == of_queries[rows][:, None]
    return shared


@dataclass(frozen=True)
class _Groups:
    """Groups by number, of the queries (m,) and of the reference rows (n,), and what they are."""

    of_queries: np.ndarray
    of_reference: np.ndarray
    names: np.ndarray

    @classmethod
    def of(cls, query_groups, reference_groups, shape):
        of_queries, of_reference = np.asarray(query_groups), np.asarray(reference_groups)
        if of_queries.shape != shape[:1] or of_reference.shape != shape[1:]:
            raise ValueError(
                f"groups must hold one for each query and one for each reference row, {shape}, "
                f"got arrays of shapes {of_queries.shape} and {of_reference.shape}."
            )
        names, numbers = np.unique(np.append(of_queries, of_reference), return_inverse=True)
        return cls(*np.split(numbers, shape[:1]), names)

    @cached_property
    def sizes(self):  # (m,)
        """Number of reference rows in the group of each query."""
        return np.bincount(self.of_reference, minlength=len(self.names))[self.of_queries]

    def check(self, n_neighbors, own):
        """Raise unless every query has as many rows outside of its group, without its own row."""
        available = len(self.of_reference) - self.sizes
        if own is not None:
            available = available - (self.of_reference[own[0]] != self.of_queries)
        least = available.argmin()
        if not 1 <= n_neighbors <= available[least]:
            raise ValueError(
                f"n_neighbors must be between 1 and the {available[least]} rows to choose from "
                f"outside of group {self.names[self.of_queries[least]]}, got {n_neighbors}."
            )


def _nearest_outside(queries, reference, n_neighbors, own, groups, device):
    """Find the nearest rows outside of the query's group.

    A group of s rows costs s candidates more for each of its queries, or, searched for apart, a
    copy of the n rows: the copies of all such groups are n / s rows a query, so that s^2 = n parts
    the two.
    """
    n_queries, n_reference = queries.shape[0], reference.shape[0]
    squared = np.empty((n_queries, n_neighbors))
    indices = np.empty((n_queries, n_neighbors), dtype=np.intp)
    large = groups.sizes**2 > n_reference
    for group in np.unique(groups.of_queries[large]):
        rows = np.flatnonzero(groups.of_queries == group)
        outside = np.flatnonzero(groups.of_reference != group)
        labels = None if own is None else (own[0][rows], own[1][outside])
        squared[rows], found = _nearest(
            queries[rows], reference[outside], n_neighbors, [labels], int(own is not None), device
        )
        indices[rows] = outside[found]
    small = np.flatnonzero(~large)
    n_left_out = groups.sizes[small].max(initial=0) + int(own is not None)
    for block in row_blocks(len(small), n_columns=n_neighbors + n_left_out):
        rows = small[block]
        labels = [(groups.of_queries[rows], groups.of_reference)]
        if own is not None:
            labels.append((own[0][rows], own[1]))
        squared[rows], indices[rows] = _nearest(
            queries[rows], reference, n_neighbors, labels, n_left_out, device
        )
    return squared, indices
