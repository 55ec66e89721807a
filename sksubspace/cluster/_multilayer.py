"""Clustering of several views of the same rows, merged on the Grassmann manifold.

Dong, Frossard, Vandergheynst and Nefedov, "Clustering on multi-layer graphs via subspace analysis
on Grassmann manifolds", IEEE Transactions on Signal Processing 2014.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from numbers import Integral, Real
from typing import Literal, Self

import numpy as np

from sksubspace._dask import is_collection, refuse_collection
from sksubspace._docs import fill_parameters
from sksubspace._parameters import isolated_random_state
from sksubspace._sklearn import HasMethods, Interval, StrOptions, _fit_context
from sksubspace._typing import ArrayLike, Estimator, Floats, Ints, Seed, Sparse
from sksubspace._views import check_views
from sksubspace.cluster._base import (
    SCORED_DIM,
    BaseSubspaceClustering,
    is_tried_as,
    keep_subspaces,
    keep_subspaces_of_blocks,
    lengths,
    new_rows,
    projection_r_squared,
    training_blocks,
    training_rows,
)
from sksubspace.cluster._landmark_views import (
    CodesOfViewBlocks,
    ViewCodes,
    bridged,
    landmark_ties,
    merged_landmark_vectors,
)
from sksubspace.cluster._rows import mean_of_block, row_norms, training_block, unit_by_norms
from sksubspace.cluster._spectral import (
    cluster_rows,
    largest_eigenvectors,
)
from sksubspace.cluster._views import (
    check_weights,
    codes_of_estimator,
    connected_graph,
    graph_of_estimator,
    merged_operator,
    nearest_neighbors_graph,
    off_nearest,
    takes_landmarks,
)

# n_landmarks="auto": the exact graph up to so many rows, then so many, or so many a cluster
_LANDMARKS_ABOVE = 20_000
_LANDMARKS, _LANDMARKS_PER_CLUSTER = 2_000, 20
# a row's nearest landmarks: with fewer the graph falls apart
_FEWEST_TIES = 3


@is_tried_as(1, {"5 neighbors": {"n_neighbors": 5}, "10 neighbors": {"n_neighbors": 10}})
@fill_parameters
class MultilayerGraphClustering(BaseSubspaceClustering):
    r"""Clustering of rows that are described by several views.

    One graph is made of each view; their Laplacians are added up, and each view's own clustering
    subspace pulls the joint one towards itself. Views may be sensors, modalities or the layers of
    an encoder, laid side by side as columns of one array.

    Parameters
    ----------
    {n_clusters}

    views : list of slice, list of lists of int or bool, or None, default=None
        The columns of each view. Views may overlap, and columns may be left out. None is one view
        of all columns.

    base : "knn" or estimator, default="knn"
        How a view becomes a graph. "knn" ties each row to its nearest neighbours in the view. An
        unfitted estimator is cloned, fitted on each view, and asked for its `affinity_matrix_`.

    n_neighbors : int, default=10
        Neighbours a row with `base="knn"`, at most all other rows. With landmarks a row is tied to
        a third as many, at least three.

    n_landmarks : int, "auto" or None, default="auto"
        Rows that all rows are tied to. None ties rows to each other. "auto" is None up to 20,000
        rows, and above that 2,000, or 20 for each cluster if that is more. An estimator as `base`
        gets landmarks where its own `n_landmarks` is "auto" and its graph can do with them.

    alpha : float, default=0.5
        Pull of the views' own subspaces. With 0 only the Laplacians are added up.

    weights : array-like of shape (n_views,) or None, default=None
        Weight of each view, in any unit. None weighs all the same.

    {subspace_dim}

    normalize : bool, default=True
        Whether the rows of each view are scaled to unit length first.

    {n_init}

    {random_state}
        Draws landmarks and the starts of k-means, and seeds `base` where it has no seed of its own.

    Attributes
    ----------
    labels_ : ndarray of shape (n_samples,)
        Cluster of each training row.

    n_clusters_ : int
        Number of clusters.

    embedding_ : ndarray of shape (n_samples, n_clusters)
        Eigenvectors of :math:`L_{mod}` to its smallest eigenvalues.

    eigenvalues_ : ndarray of shape (n_clusters + 1,)
        One minus the smallest eigenvalues of :math:`L_{mod}`, descending; with one view the first
        `n_clusters` are those of its graph plus alpha.

    affinity_matrices_ : list of CSR matrix of shape (n_samples, n_samples) or None
        The graph of each view; None with landmarks.

    landmark_indices_ : list of ndarray of shape (n_landmarks,) or None
        Training rows that are landmarks, of each view.

    views_ : list of ndarray of shape (n_columns,)
        Column numbers of each view.

    weights_ : ndarray of shape (n_views,)
        Weights of the views; they sum to one.

    cluster_means_ : ndarray of shape (n_clusters, n_view_columns)
        A point of each subspace, in the columns of the views side by side.

    cluster_bases_ : list of ndarray of shape (subspace_dim_k, n_view_columns)
        Orthonormal rows that span each subspace.

    {features_}

    See Also
    --------
    ThresholdedSubspaceClustering : For one view; it may be the base of several.

    Notes
    -----
    With :math:`L_l = I - D_l^{-1/2} A_l D_l^{-1/2}` the Laplacian of view l and :math:`U_l` its
    eigenvectors to the `n_clusters` smallest eigenvalues, the rows are clustered by the
    eigenvectors to the smallest eigenvalues of

    .. math:: L_{mod} = \sum_l w_l (L_l - \alpha U_l U_l^T), \qquad \sum_l w_l = 1 .

    :math:`L_{mod}` is never formed: it is applied to vectors by its parts. `predict` and
    `transform` see the views side by side, each row of each view at length
    :math:`1/\sqrt{n_{views}}` with `normalize`, so that every view has an equal say there.

    Without landmarks and with `base="knn"` the nearest rows are found exactly, among all rows, in
    time that grows with the square of their number. With landmarks each view has the affinity of
    the bipartite graph of rows and landmarks, :math:`D_r^{-1/2} W D_c^{-1} W^T D_r^{-1/2}`, in the
    place of :math:`I - L_l`; W are the ties, D its row and column sums. Time and memory then grow
    with the rows. What that costs in accuracy is in the user guide.

    References
    ----------
    .. [1] Xiaowen Dong, Pascal Frossard, Pierre Vandergheynst and Nikolai Nefedov, "Clustering on
       multi-layer graphs via subspace analysis on Grassmann manifolds", IEEE Transactions on
       Signal Processing 62(4), 2014. https://arxiv.org/abs/1303.2221

    Examples
    --------
    >>> import numpy as np
    >>> from sksubspace.cluster import MultilayerGraphClustering
    >>> rng = np.random.RandomState(0)
    >>> y = np.repeat([0, 1, 2], 40)
    >>> signal = np.eye(3)[y] + 0.1 * rng.randn(120, 3)
    >>> X = np.hstack([signal, rng.randn(120, 50)])
    >>> views = [slice(0, 3), slice(3, 53)]
    >>> mlg = MultilayerGraphClustering(3, views=views, random_state=0).fit(X)
    >>> np.bincount(mlg.labels_)
    array([40, 40, 40])
    """

    _parameter_constraints: dict = {
        **BaseSubspaceClustering._parameter_constraints,
        "views": ["array-like", None],
        "base": [StrOptions({"knn"}), HasMethods(["fit", "get_params", "set_params"])],
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "n_landmarks": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"}), None],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "weights": ["array-like", None],
        "n_init": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        views: Sequence[slice | ArrayLike] | None = None,
        base: Estimator | Literal["knn"] = "knn",
        n_neighbors: int = 10,
        n_landmarks: int | Literal["auto"] | None = "auto",
        alpha: float = 0.5,
        weights: ArrayLike | None = None,
        subspace_dim: int | Literal["auto"] = "auto",
        normalize: bool = True,
        n_init: int = 10,
        random_state: Seed = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.views = views
        self.base = base
        self.n_neighbors = n_neighbors
        self.n_landmarks = n_landmarks
        self.alpha = alpha
        self.weights = weights
        self.subspace_dim = subspace_dim
        self.normalize = normalize
        self.n_init = n_init
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Find the clusters that the views agree on, and the subspace of each.

        Parameters
        ----------
        X : {array-like, dask collection} of shape (n_samples, n_features)
            Training rows, the views side by side. A dask array or frame of all columns is taken
            with ``base="knn"`` and landmarks: these come into memory, with ``n_clusters`` numbers
            for each row, and the rows stay in their blocks, which are read a few times.

        y : Ignored
            Not used.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If a view is empty, repeats a column or names one that X has not, if there are not as
            many weights as views, if `base` makes no graph of all rows or takes no landmarks where
            their number is given, if there are fewer landmarks than clusters, or if X has
            non-finite values, fewer rows than clusters or only zero rows.
        """
        if is_collection(X):
            return self._fit_blocks(X)
        X = training_rows(self, X)
        self.views_: list[Ints] = check_views(self.views, X.shape[1])
        self.weights_: Floats = check_weights(self.weights, len(self.views_))
        random_state = isolated_random_state(self.random_state)
        views = self._split(X)
        n_landmarks = self._resolve_n_landmarks(len(X))
        if n_landmarks is None:
            vectors, tied = self._merged_graphs(views, random_state)
        else:
            vectors, tied = self._merged_codes(views, n_landmarks, random_state)
        self.embedding_: Floats = vectors.astype(X.dtype)
        labels = self._cluster(vectors, tied, random_state)
        keep_subspaces(self, self._side_by_side(views), labels)
        return self

    def _fit_blocks(self, X):
        """Fit by landmarks that are drawn first, and by sums over the blocks of a collection."""
        if not isinstance(self.base, str):
            refuse_collection(X, "X", f"with base={self.base!r}")
        blocks, _ = training_blocks(self, X)
        self.views_ = check_views(self.views, blocks.n_columns)
        self.weights_ = check_weights(self.weights, len(self.views_))
        n_landmarks = self._resolve_n_landmarks(blocks.n_rows)
        if n_landmarks is None:
            asked = f"with n_landmarks={self.n_landmarks!r} for {blocks.n_rows} rows"
            refuse_collection(X, "X", asked)
        random_state = isolated_random_state(self.random_state)
        drawn = self._draw_landmarks(blocks.n_rows, n_landmarks, random_state)
        landmarks = self._split(training_block(blocks.rows(drawn), self.normalize))
        codes = CodesOfViewBlocks.of(blocks.each(_ties_of_block, self, landmarks))
        vectors, tied = self._merged_landmarks(codes, landmarks)
        self.embedding_ = vectors.astype(blocks.dtype)
        labels = self._cluster(vectors, tied, random_state)
        side = replace(blocks, parts=blocks.each(_side_by_side_block, self))
        origin = side.first(partial(mean_of_block, normalize=False))
        keep_subspaces_of_blocks(self, side, labels, origin, normalize=False)
        return self

    def score(self, X: ArrayLike, y: object = None) -> float:
        r"""R2 of projecting each row, its views side by side, on the nearest subspace.

        Errors are in units of X, summed over the columns of all views, so that the score compares
        with the one of other subspace clusterings where the views share out all columns. With
        ``subspace_dim="auto"`` only the three leading directions of each subspace are used.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows, best those that ``fit`` has not seen.

        y : Ignored
            Not used.

        Returns
        -------
        r2 : float
            At most 1.
        """
        kept = SCORED_DIM if self.subspace_dim == "auto" else None
        bases = [basis[:kept] for basis in self.cluster_bases_]
        columns = np.concatenate(self.views_)

        def squares(rows):  # (b, d) -> (b,), (b,)
            views = [rows[:, chosen] for chosen in self.views_]
            scales = np.ones((len(rows), len(columns)))
            if self.normalize:
                norms = [np.tile(lengths(view), (view.shape[1], 1)).T for view in views]
                scales = np.sqrt(len(views)) * np.hstack(norms)
            off = off_nearest(np.hstack(views) / scales, self.cluster_means_, bases) * scales
            about_mean = rows[:, columns] - self._row_mean[columns]
            return np.square(off).sum(axis=1), np.square(about_mean).sum(axis=1)

        return projection_r_squared(self, X, squares)

    def _graph(self, view, random_state):
        if isinstance(self.base, str):
            return nearest_neighbors_graph(view, self.n_neighbors, self.normalize)
        return graph_of_estimator(self.base, view, self.n_clusters, random_state)

    def _resolve_n_landmarks(self, n):
        given = not isinstance(self.base, str)
        if self.n_landmarks is None:
            return None
        if self.n_landmarks == "auto":
            if n <= _LANDMARKS_ABOVE or (given and not takes_landmarks(self.base)):
                return None
            return min(max(_LANDMARKS, _LANDMARKS_PER_CLUSTER * self.n_clusters), n)
        if self.n_landmarks < self.n_clusters:
            raise ValueError(
                f"n_landmarks={self.n_landmarks} must be at least n_clusters={self.n_clusters}."
            )
        if given and not takes_landmarks(self.base):
            raise ValueError(
                f"n_landmarks={self.n_landmarks} needs a base whose own n_landmarks is 'auto' and "
                f"whose affinity is 'auto' or 'symmetrize', got {self.base!r}."
            )
        return self.n_landmarks if self.n_landmarks < n else None

    def _merged_graphs(self, views, random_state):  # list of (n, d_l) -> (n, K), (t,)
        self.landmark_indices_: list[Ints] | None = None
        self.affinity_matrices_: list[Sparse] | None = [
            self._graph(view, random_state) for view in views
        ]
        pairs = zip(self.affinity_matrices_, views, strict=True)
        graphs = [connected_graph(A, view, self.n_clusters) for A, view in pairs]
        tied = self._enough(sum(np.asarray(A.sum(axis=1)).ravel() for A in graphs))
        operator = merged_operator(graphs, self.weights_, self.alpha, self.n_clusters)
        values, vectors = largest_eigenvectors(
            operator, min(self.n_clusters + 1, operator.shape[0])
        )
        self.eigenvalues_: Floats = values
        return vectors[:, : self.n_clusters], tied

    def _merged_codes(self, views, n_landmarks, random_state):  # list of (n, d_l) -> (n, K), (t,)
        if isinstance(self.base, str):
            drawn = self._draw_landmarks(len(views[0]), n_landmarks, random_state)
            landmarks = [view[drawn] for view in views]
            return self._merged_landmarks(ViewCodes(self._ties(views, landmarks)), landmarks)
        found = [
            codes_of_estimator(self.base, view, self.n_clusters, n_landmarks, random_state)
            for view in views
        ]
        codes, self.landmark_indices_ = map(list, zip(*found, strict=True))
        landmarks = [v[chosen] for v, chosen in zip(views, self.landmark_indices_, strict=True)]
        return self._merged_landmarks(ViewCodes(codes), landmarks)

    def _draw_landmarks(self, n, n_landmarks, random_state):  # -> (m,)
        drawn = np.sort(random_state.choice(n, n_landmarks, replace=False))
        self.landmark_indices_ = [drawn] * len(self.views_)
        return drawn

    def _ties(self, views, landmarks):  # list of (n, d_l), list of (m, d_l) -> list of csr (n, m)
        k = max(_FEWEST_TIES, round(self.n_neighbors / 3))
        pairs = zip(views, landmarks, strict=True)
        return [landmark_ties(view, chosen, k, self.normalize) for view, chosen in pairs]

    def _merged_landmarks(self, codes, landmarks):  # list of (m_l, d_l) -> (n, K), (t,)
        self.affinity_matrices_ = None
        products = codes.products()
        tied = self._enough(products.is_tied)
        sizes = [len(rows) for rows in landmarks]
        self.eigenvalues_, scaled = merged_landmark_vectors(
            bridged(products, landmarks, self.n_clusters), sizes, self.weights_, self.alpha,
            self.n_clusters,
        )  # fmt: skip
        return codes.embedded(scaled), tied

    def _enough(self, is_tied):  # (n,) -> (t,)
        tied = np.flatnonzero(is_tied)
        if len(tied) < self.n_clusters:
            raise ValueError(
                f"Only {len(tied)} rows have ties in a graph, fewer than "
                f"n_clusters={self.n_clusters}."
            )
        return tied

    def _cluster(self, vectors, tied, random_state):  # (n, K), (t,) -> (n,)
        labels = np.full(len(vectors), -1)
        labels[tied] = cluster_rows(vectors[tied], self.n_clusters, self.n_init, random_state)
        return labels

    def _new_rows(self, X):
        unit, norms = new_rows(self, X)
        return self._side_by_side(self._split(unit)), norms

    def _split(self, X):  # (n, d) -> list of (n, d_l), at unit length with `normalize`
        views = [X.take(columns, axis=1) for columns in self.views_]
        return [unit_by_norms(v, row_norms(v)) for v in views] if self.normalize else views

    def _side_by_side(self, views):  # list of (n, d_l) -> (n, sum of d_l)
        rows = np.hstack(views)
        return rows / np.sqrt(len(views)).astype(rows.dtype) if self.normalize else rows


def _ties_of_block(rows, estimator, landmarks):  # (b, d) -> list of csr (b, m)
    return estimator._ties(_views_of_block(rows, estimator), landmarks)


def _side_by_side_block(rows, estimator):  # (b, d) -> (b, sum of d_l)
    return estimator._side_by_side(_views_of_block(rows, estimator))


def _views_of_block(rows, estimator):  # (b, d) -> list of (b, d_l)
    return estimator._split(training_block(rows, estimator.normalize))
