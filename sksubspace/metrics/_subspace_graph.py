"""How well coefficients and graphs of subspace clustering keep to the classes."""

import numpy as np
from scipy import sparse
from scipy.linalg import eigvalsh
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import LinearOperator, eigsh

from sksubspace.metrics._clustering_accuracy import _codes
from sksubspace.metrics._input import check_rows

_DENSE_ROWS = 400


def subspace_preserving_error(C, y, *, landmark_indices=None, per_point=False):
    r"""Measure how much of the coefficients lies on rows of other classes.

    Parameters
    ----------
    C : {array-like, sparse matrix} of shape (n_samples, n_columns)
        Row i holds the coefficients that express row i of the data by the rows that the columns
        stand for, as ``representation_matrix_`` does.

    y : array-like of shape (n_samples,)
        Classes of the rows.

    landmark_indices : array-like of shape (n_columns,), default=None
        The rows of the data that the columns stand for, as ``landmark_indices_``. None where the
        columns are all rows.

    per_point : bool, default=False
        Whether to return a value for each row, instead of their mean.

    Returns
    -------
    error : float or ndarray of shape (n_samples,)
        From 0 to 1; 0 where every row is expressed by rows of its own class. A row without
        coefficients has the value NaN and is left out of the mean, which is NaN where no row has
        any.

    Raises
    ------
    ValueError
        If the shapes do not agree, a value is not finite, or an index is out of range.

    See Also
    --------
    subspace_connectivity : Whether the classes hold together.

    Notes
    -----
    .. math::
        \frac{1}{n} \sum_{i=1}^n
        \left( 1 - \frac{\sum_j [y_i = y_j] |c_{ij}|}{\sum_j |c_{ij}|} \right)

    An error of 0 does not mean that clustering succeeds: a class may fall into several pieces.

    References
    ----------
    .. [1] C. You, D. P. Robinson and R. Vidal, "Scalable sparse subspace clustering by orthogonal
       matching pursuit", CVPR (2016), https://doi.org/10.1109/CVPR.2016.425

    Examples
    --------
    >>> from sksubspace.metrics import subspace_preserving_error
    >>> C = [[0, 1, 0], [3, 0, -1], [0, 2, 0]]
    >>> subspace_preserving_error(C, [0, 0, 1], per_point=True)
    array([0.  , 0.25, 1.  ])
    """
    C = _check_matrix(C, "C")
    y = _codes(y, "y")
    columns = _column_rows(landmark_indices, len(y))
    if C.shape != (len(y), len(columns)):
        raise ValueError(
            f"C must have shape {(len(y), len(columns))}, a row for each label and a column for "
            f"each row that coefficients belong to, got {C.shape}."
        )
    rows = np.repeat(np.arange(len(y)), np.diff(C.indptr))
    mass = np.abs(C.data).astype(np.float64)
    wrong = mass * (y[rows] != y[columns[C.indices]])
    total = np.bincount(rows, mass, minlength=len(y)).astype(np.float64)
    total[total == 0] = np.nan
    errors = np.bincount(rows, wrong, minlength=len(y)) / total
    if per_point:
        return errors
    return float("nan") if np.isnan(errors).all() else float(np.nanmean(errors))


def subspace_connectivity(A, y, *, average="min"):
    r"""Measure how well the rows of each class hold together in a graph.

    Parameters
    ----------
    A : {array-like, sparse matrix} of shape (n_samples, n_samples)
        Weights of the edges, symmetric and not negative, as ``affinity_matrix_``.

    y : array-like of shape (n_samples,)
        Classes of the rows.

    average : {"min", "mean"} or None, default="min"
        Over the classes; None returns a value for each class.

    Returns
    -------
    connectivity : float or ndarray of shape (n_classes,)
        0 where a class falls into several components; larger where it is harder to cut in two, up
        to m / (m - 1) for a class of m rows with equal weights. A class of one row has the value
        NaN and is left out of the average, which is NaN where all classes have one row.

    Raises
    ------
    ValueError
        If the shapes do not agree, a value is not finite, or A is negative somewhere or not
        symmetric.

    See Also
    --------
    subspace_preserving_error : Whether the classes keep apart.

    Notes
    -----
    The second smallest eigenvalue of the normalised Laplacian
    :math:`I - D^{-1/2} A_k D^{-1/2}` of the graph within class k. Components are counted first: an
    iterative solver may report a small positive value for a graph that is not connected. Loops are
    left out.

    References
    ----------
    .. [1] C. You, C.-G. Li, D. P. Robinson and R. Vidal, "Oracle based active set algorithm for
       scalable elastic net subspace clustering", CVPR (2016),
       https://doi.org/10.1109/CVPR.2016.426
    .. [2] M. Fiedler, "Algebraic connectivity of graphs", Czechoslovak Mathematical Journal 23
       (1973), https://doi.org/10.21136/CMJ.1973.101168

    Examples
    --------
    >>> from sksubspace.metrics import subspace_connectivity
    >>> A = [[0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0]]
    >>> round(subspace_connectivity(A, [0, 0, 1, 1]), 6)
    2.0
    >>> subspace_connectivity(A, [0, 1, 0, 1])
    0.0
    """
    if average not in ("min", "mean", None):
        raise ValueError(f"average must be 'min', 'mean' or None, got {average!r}.")
    A = _check_graph(A)
    y = _codes(y, "y")
    if A.shape[0] != len(y):
        raise ValueError(f"A must have a row for each of the {len(y)} labels, got {A.shape[0]}.")
    members = [np.flatnonzero(y == k) for k in range(y.max() + 1)]
    values = np.array([_algebraic_connectivity(A[rows][:, rows]) for rows in members])
    if average is None:
        return values
    if np.isnan(values).all():
        return float("nan")
    return float(np.nanmin(values) if average == "min" else np.nanmean(values))


def _check_matrix(values, name):
    if sparse.issparse(values):
        values = values.tocsr()
    return sparse.csr_array(check_rows(values, name, accept_sparse=True))


def _check_graph(A):
    A = _check_matrix(A, "A").astype(np.float64)
    if A.shape[0] != A.shape[1]:
        raise ValueError(f"A must be square, got {A.shape}.")
    if A.nnz and A.data.min() < 0:
        raise ValueError(f"A must not be negative, got {A.data.min():g}.")
    largest_gap = abs(A - A.T).max()
    if largest_gap > 1e-6 * abs(A).max():
        raise ValueError(f"A must be symmetric, but differs from its transpose by {largest_gap:g}.")
    A = A - sparse.diags_array(A.diagonal(), format="csr")
    A.eliminate_zeros()
    return A


def _column_rows(landmark_indices, n_samples):
    if landmark_indices is None:
        return np.arange(n_samples)
    indices = np.asarray(landmark_indices)
    if indices.ndim != 1 or indices.dtype.kind not in "iu":
        raise ValueError("landmark_indices must be a sequence of row numbers.")
    if len(indices) and not (0 <= indices.min() and indices.max() < n_samples):
        raise ValueError(
            f"landmark_indices must be from 0 to {n_samples - 1}, got "
            f"{indices.min()} to {indices.max()}."
        )
    return indices


def _algebraic_connectivity(A):
    """Second smallest eigenvalue of the normalised Laplacian of a graph without loops."""
    if A.shape[0] == 1:
        return np.nan
    if connected_components(A, directed=False, return_labels=False) > 1:
        return 0.0
    root = np.sqrt(A.sum(axis=1))
    N = (A / root[:, None]).tocsr() / root
    top = root / np.linalg.norm(root)
    if A.shape[0] <= _DENSE_ROWS:
        return float(1 - eigvalsh(sparse.csr_array(N).toarray() - 2 * np.outer(top, top))[-1])
    return float(1 - _second_largest(sparse.csr_array(N), top))


def _second_largest(N, top):
    """Second largest eigenvalue: the first, 1 with eigenvector `top`, is moved to -1."""
    deflated = LinearOperator(
        N.shape, matvec=lambda v: N @ v - 2 * top * (top @ v), dtype=np.float64
    )
    start = np.random.RandomState(0).standard_normal(len(top))
    return eigsh(deflated, k=1, which="LA", v0=start, ncv=60, return_eigenvectors=False)[0]
