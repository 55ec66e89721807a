"""Clusters beside classes: their agreement, the graph behind them, and the rate that codes them."""

from numbers import Real
from typing import Literal, overload

import numpy as np
from scipy import sparse
from scipy.linalg import eigvalsh
from scipy.optimize import linear_sum_assignment
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import LinearOperator, eigsh
from sklearn.metrics.cluster import contingency_matrix
from sklearn.utils import check_consistent_length

from sksubspace._typing import ArrayLike, Floats, Matrix
from sksubspace._validation import in_order_of, label_codes
from sksubspace.metrics._input import check_rows, check_same_length

# up to so many rows all eigenvalues are computed; above, one by Lanczos iterations
_DENSE_ROWS = 400


def clustering_accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    r"""Measure the share of rows whose cluster is matched to their class.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Classes of the rows.

    y_pred : array-like of shape (n_samples,)
        Clusters of the rows, under any names.

    Returns
    -------
    accuracy : float
        From above 0 to 1; 1 where clusters and classes are the same partition.

    Raises
    ------
    ValueError
        If the lengths differ, there are no rows, or a label is missing.

    See Also
    --------
    sklearn.metrics.adjusted_rand_score : Agreement of pairs of rows, 0 for random labels.
    sklearn.metrics.normalized_mutual_info_score : Shared information; arithmetic averaging.

    Notes
    -----
    .. math::
        \mathrm{ACC} = \max_\sigma \frac{1}{n} \sum_{i=1}^n [y_i = \sigma(\hat y_i)]

    where :math:`\sigma` matches clusters to classes one to one. It is found by the Hungarian
    algorithm. Where there are more clusters than classes, or fewer, the rows of those left over
    count as wrong. The value does not change when `y_true` and `y_pred` are exchanged. It is not
    corrected for chance.

    References
    ----------
    .. [1] H. W. Kuhn, "The Hungarian method for the assignment problem", Naval Research Logistics
       Quarterly 2 (1955), https://doi.org/10.1002/nav.3800020109

    Examples
    --------
    >>> from sksubspace.metrics import clustering_accuracy
    >>> clustering_accuracy(["a", "a", "b", "b"], [1, 1, 0, 1])
    0.75
    >>> clustering_accuracy([0, 0, 0, 0], [0, 0, 1, 2])
    0.5
    """
    y_true, y_pred = label_codes(y_true, "y_true"), label_codes(y_pred, "y_pred")
    check_consistent_length(y_true, y_pred)
    counts = contingency_matrix(y_true, y_pred)
    matched = linear_sum_assignment(counts, maximize=True)
    return float(counts[matched].sum() / len(y_true))


@overload
def subspace_preserving_error(
    C: Matrix,
    y: ArrayLike,
    *,
    landmark_indices: ArrayLike | None = ...,
    per_point: Literal[False] = ...,
) -> float: ...


@overload
def subspace_preserving_error(
    C: Matrix, y: ArrayLike, *, landmark_indices: ArrayLike | None = ..., per_point: Literal[True]
) -> Floats: ...


def subspace_preserving_error(
    C: Matrix, y: ArrayLike, *, landmark_indices: ArrayLike | None = None, per_point: bool = False
) -> float | Floats:
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
    y = label_codes(y, "y")
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


@overload
def subspace_connectivity(
    A: Matrix, y: ArrayLike, *, average: Literal["min", "mean"] = ...
) -> float: ...


@overload
def subspace_connectivity(A: Matrix, y: ArrayLike, *, average: None) -> Floats: ...


def subspace_connectivity(
    A: Matrix, y: ArrayLike, *, average: Literal["min", "mean"] | None = "min"
) -> float | Floats:
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
    y = label_codes(y, "y")
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


def coding_rate(Z: ArrayLike, *, eps: float = 0.5) -> float:
    r"""Estimate the nats that code a row up to a squared error.

    Parameters
    ----------
    Z : array-like of shape (n_samples, n_components)
        Rows, of length 1 by convention; they are neither centred nor scaled here.

    eps : float, default=0.5
        Root of the squared error that is allowed for a row.

    Returns
    -------
    rate : float
        In nats for each row; larger where the rows fill more dimensions.

    Raises
    ------
    TypeError
        If `eps` is not a number.

    ValueError
        If `eps` is not positive, or a value of Z is not finite.

    See Also
    --------
    rate_reduction : What is saved by coding each class on its own.

    Notes
    -----
    .. math::
        R(Z) = \frac12 \log\det\left( I + \frac{d}{n \epsilon^2} Z^T Z \right)

    for n rows in d dimensions. It is computed from the singular values of Z.

    References
    ----------
    .. [1] Y. Ma, H. Derksen, W. Hong and J. Wright, "Segmentation of multivariate mixed data via
       lossy data coding and compression", IEEE Transactions on Pattern Analysis and Machine
       Intelligence 29 (2007), https://doi.org/10.1109/TPAMI.2007.1085
    .. [2] Y. Yu, K. H. R. Chan, C. You, C. Song and Y. Ma, "Learning diverse and discriminative
       representations via the principle of maximal coding rate reduction", NeurIPS (2020),
       https://arxiv.org/abs/2006.08558

    Examples
    --------
    >>> import numpy as np
    >>> from sksubspace.metrics import coding_rate
    >>> round(coding_rate(np.eye(4)), 4)
    3.2189
    >>> round(coding_rate(np.ones((4, 4)) / 2), 4)
    1.4166
    """
    _check_eps(eps)
    return _rate(check_rows(Z, "Z"), eps)


def rate_reduction(Z: ArrayLike, labels: ArrayLike, *, eps: float = 0.5) -> float:
    r"""Estimate the nats for each row that are saved by coding each class on its own.

    Parameters
    ----------
    Z : array-like of shape (n_samples, n_components)
        Rows, of length 1 by convention; they are neither centred nor scaled here.

    labels : array-like of shape (n_samples,)
        Classes or clusters of the rows.

    eps : float, default=0.5
        Root of the squared error that is allowed for a row.

    Returns
    -------
    reduction : float
        In nats for each row; not below 0. Largest where the classes are orthogonal subspaces that
        are each filled evenly.

    Raises
    ------
    TypeError
        If `eps` is not a number.

    ValueError
        If `eps` is not positive, a value of Z is not finite, or the lengths differ.

    See Also
    --------
    coding_rate : The rate of all rows together.

    Notes
    -----
    .. math::
        \Delta R(Z) = R(Z) - \sum_k \frac{n_k}{n} R(Z_k)

    with :math:`Z_k` the :math:`n_k` rows of class k and R the `coding_rate`. The labels are not
    coded.

    References
    ----------
    .. [1] Y. Yu, K. H. R. Chan, C. You, C. Song and Y. Ma, "Learning diverse and discriminative
       representations via the principle of maximal coding rate reduction", NeurIPS (2020),
       https://arxiv.org/abs/2006.08558

    Examples
    --------
    >>> import numpy as np
    >>> from sksubspace.metrics import rate_reduction
    >>> Z = np.eye(4)[[0, 0, 1, 1]]
    >>> round(rate_reduction(Z, [0, 0, 1, 1]), 4)
    0.7806
    >>> round(rate_reduction(Z, [0, 1, 0, 1]), 4)
    0.0
    """
    _check_eps(eps)
    labels = in_order_of(Z, labels, "labels", of="Z")
    Z, labels = check_rows(Z, "Z"), label_codes(labels, "labels")
    check_same_length(Z, labels, "Z", "labels")
    parts = [Z[labels == k] for k in range(labels.max() + 1)]
    return _rate(Z, eps) - sum(len(part) / len(Z) * _rate(part, eps) for part in parts)


def _rate(Z, eps):
    n, d = Z.shape
    values = np.linalg.svd(np.asarray(Z, dtype=np.float64), compute_uv=False)
    return float(np.log1p(d / (n * eps**2) * values**2).sum() / 2)


def _check_eps(eps):
    if not isinstance(eps, Real) or isinstance(eps, bool):
        raise TypeError(f"eps must be a number, got {eps!r}.")
    if not 0 < eps < float("inf"):
        raise ValueError(f"eps must be positive and finite, got {eps!r}.")
