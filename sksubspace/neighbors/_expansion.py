"""Rows beside the means of their neighbours: features for few labels.

Sun, Zhang, Chen, Xu, Zhang and Yang, "Feature expansion for graph neural networks", ICML 2023.
"""

import warnings
from collections.abc import Sequence
from numbers import Integral
from typing import Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sksubspace._dask import TakesCollections
from sksubspace._docs import fill_parameters
from sksubspace._pages import HasPage
from sksubspace._sklearn import (
    BaseEstimator,
    Interval,
    TransformerMixin,
    _check_feature_names_in,
    _fit_context,
)
from sksubspace._typing import ArrayLike, Floats, Matrix, Objects, Sparse
from sksubspace._validation import validate_rows
from sksubspace.neighbors._exact import k_nearest
from sksubspace.neighbors._propagation import (
    checked_powers,
    distinct_rows,
    given_graph,
    joined,
    leading_components,
    mean_norm,
    neighbors_there_are,
    own_graph,
    propagated,
    structural_of_joined,
    symmetric_steps,
    weights_of_joined,
)


@fill_parameters
class GraphFeatureExpansion(TakesCollections, HasPage, TransformerMixin, BaseEstimator):
    r"""Put means over the neighbours of rows beside the rows, for a classifier with few labels.

    Rows of which no label is known still say where others lie. The graph of nearest neighbours of
    all rows is made, and each row gets the weighted means over its neighbours, over theirs, and so
    on. A linear classifier that is trained on the few labelled rows may then lean on
    whichever of them helps.

    Parameters
    ----------
    n_neighbors : int, default=10
        Nearest rows that each is joined with. Equal rows are one. More than there are is a warning.

    powers : tuple of int, default=(0, 1, 2, 4)
        Steps along the graph of which the means are kept, side by side; 0 is the row itself. (2,)
        alone is "simple graph convolution".

    n_structural : int, default=0
        Leading eigenvectors of the graph that are added as columns: where a row is in the graph,
        whatever its features.

    Attributes
    ----------
    adjacency_ : CSR matrix of shape (n_nodes, n_nodes)
        The graph, without loops. A node is a row that differs from those before it; with a graph of
        your own, every row.

    degrees_ : ndarray of shape (n_nodes,)
        Sums of the weights of each node, of its own loop too.

    edge_weight_ : float
        Weight of the edges by which new rows join the graph: the mean of those in it.

    eigenvalues_ : ndarray of shape (n_structural,)
        Eigenvalues of the columns that are added, descending.

    structural_ : ndarray of shape (n_nodes, n_structural)
        Their eigenvectors, of length one.

    propagated_ : ndarray of shape (n_powers, n_nodes, n_features)
        Means of the nodes after 0, 1, 2, ... steps, up to the largest of `powers`; 0 are the rows.

    scales_ : ndarray of shape (n_blocks,)
        What each block of columns is divided by: the mean length of its rows over the nodes.

    powers_ : list of int
        The powers of the blocks.

    n_neighbors_ : int
        Neighbours that were looked up.

    {features_}

    See Also
    --------
    nearest_neighbors : The graph.
    sklearn.semi_supervised.LabelSpreading : Labels passed along a graph, in place of features.
    sksubspace.TLDR : Fewer columns, whose neighbours agree.

    Notes
    -----
    Rows are joined where one is among the nearest of the other, A, and each with itself. With the
    degrees D of :math:`A + I`,

    .. math::
        S = D^{-1/2} (A + I) D^{-1/2}, \qquad
        Z = [X \mid S X \mid S^2 X \mid S^4 X \mid U],

    where each block is divided by the mean length of its rows, and the columns of U are
    eigenvectors of S with the largest eigenvalues. Centre the columns first: what all rows have in
    common is all that is left after many steps.

    `fit_transform` is *transductive*: labels are not used, and all rows of the fit see each
    other. `transform` takes a row that equals one of the fit for that row, so that both
    give the same for the rows of the fit. Any other joins the graph by edges to its nearest
    neighbours that lead one way:

    .. math::
        h_0 = x, \qquad h_p = \frac{h_{p-1}}{d} + \sum_j \frac{w}{\sqrt{d\, d_j}} (S^{p-1} X)_j,
        \qquad d = 1 + k w .

    So no new row changes another, or one of the fit. With a graph of your own, equal rows may be at
    different places of it: `fit_transform` tells them apart, and `transform` takes the first.

    All rows of the fit are kept, once for each step. There is no `score`: that of the classifier
    behind it says what the columns are worth.

    References
    ----------
    .. [1] J. Sun, L. Zhang, G. Chen, P. Xu, K. Zhang and Y. Yang, "Feature expansion for graph
       neural networks", ICML (2023), https://arxiv.org/abs/2305.06142

    .. [2] F. Wu, A. Souza, T. Zhang, C. Fifty, T. Yu and K. Weinberger, "Simplifying graph
       convolutional networks", ICML (2019), https://arxiv.org/abs/1902.07153

    Examples
    --------
    Five labels of each digit, and all rows without theirs:

    >>> import numpy as np
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.decomposition import PCA
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sksubspace.neighbors import GraphFeatureExpansion
    >>> X, y = load_digits(return_X_y=True)
    >>> X = PCA(50, random_state=0).fit_transform(X)
    >>> few = np.concatenate([np.flatnonzero(y == digit)[:5] for digit in range(10)])
    >>> for Z in (X / np.linalg.norm(X, axis=1).mean(), GraphFeatureExpansion().fit_transform(X)):
    ...     classifier = LogisticRegression(C=100, max_iter=1000).fit(Z[few], y[few])
    ...     print(f"{classifier.score(Z, y):.2f}")
    0.79
    0.88
    """

    adjacency_: Sparse
    degrees_: Floats
    edge_weight_: float
    eigenvalues_: Floats
    structural_: Floats
    propagated_: Floats
    scales_: Floats
    powers_: list[int]
    n_neighbors_: int

    _parameter_constraints: dict = {
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "powers": ["array-like"],
        "n_structural": [Interval(Integral, 0, None, closed="left")],
    }

    def __init__(
        self,
        n_neighbors: int = 10,
        *,
        powers: Sequence[int] = (0, 1, 2, 4),
        n_structural: int = 0,
    ) -> None:
        self.n_neighbors = n_neighbors
        self.powers = powers
        self.n_structural = n_structural

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: ArrayLike, y: object = None, *, adjacency: Matrix | None = None) -> Self:
        """Make the graph of the rows, and pass their features along it.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            All rows, labelled or not.

        y : object, default=None
            Ignored.

        adjacency : {array-like, sparse matrix} of shape (n_samples, n_samples), default=None
            Weights of a graph of these rows, in place of nearest neighbours. Of two directions the
            larger weight counts, loops do not. A row without neighbours is left as it is. It
            cannot be cut by cross-validation, which takes rows and leaves columns.

        Returns
        -------
        self : GraphFeatureExpansion
            The fitted estimator.

        Raises
        ------
        ValueError
            If there are no powers or no whole numbers, a value of X is not finite, or the graph is
            not square, not finite or has negative weights.

        Warns
        -----
        UserWarning
            If there are fewer rows than neighbours asked for, or fewer eigenvectors that new rows
            can be given a value of.
        """
        self._fit_nodes(X, adjacency)
        return self

    @_fit_context(prefer_skip_nested_validation=True)
    def fit_transform(
        self, X: ArrayLike, y: object = None, *, adjacency: Matrix | None = None
    ) -> Floats:
        """Make the graph and return the columns of its rows, each of which sees all others.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            All rows, labelled or not.

        y : object, default=None
            Ignored.

        adjacency : {array-like, sparse matrix} of shape (n_samples, n_samples), default=None
            Weights of a graph of these rows, as in `fit`.

        Returns
        -------
        Z : ndarray of shape (n_samples, n_columns)
            What `transform` returns for the same rows; but see the notes on equal rows in a graph
            of your own.
        """
        node = self._fit_nodes(X, adjacency)
        dtype = self.propagated_.dtype
        return self._side_by_side(self.propagated_[:, node], self.structural_[node], dtype)

    def transform(self, X: ArrayLike) -> Floats:
        """Give rows the columns of the row of the fit that they equal, or of those they are near.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        Z : ndarray of shape (n_samples, n_columns)
            A block of `n_features` columns for each of the powers, and the structural ones.
        """
        check_is_fitted(self)
        X = validate_rows(self, X, reset=False)
        nodes = self.propagated_[0]
        squared, near = k_nearest(X, nodes, self.n_neighbors_)
        weights, own = weights_of_joined(near, self.degrees_, self.edge_weight_)
        powers = joined(X, near, weights, own, self.propagated_)
        structural = structural_of_joined(near, weights, own, self.eigenvalues_, self.structural_)
        known = squared[:, 0] == 0
        powers[:, known] = self.propagated_[:, near[known, 0]]
        structural[known] = self.structural_[near[known, 0]]
        return self._side_by_side(powers, structural, X.dtype)

    def get_feature_names_out(self, input_features: Any = None) -> Objects:
        """Name the columns: "x0" for a feature, "x0.S2" for its mean after two steps.

        Parameters
        ----------
        input_features : array-like of shape (n_features,) or None, default=None
            Names of the features; None takes those of the fit.

        Returns
        -------
        names : ndarray of shape (n_columns,)
            The structural ones are "structural0", "structural1" and so on.
        """
        check_is_fitted(self)
        names = _check_feature_names_in(self, input_features)
        ends = ["" if power == 0 else f".S{power}" for power in self.powers_]
        structural = [f"structural{j}" for j in range(len(self.eigenvalues_))]
        return np.array(
            [*(name + end for end in ends for name in names), *structural], dtype=object
        )

    def _fit_nodes(self, X, adjacency):
        """Fit, and return the node of each row."""
        self.powers_, given = checked_powers(self.powers), X
        X = validate_rows(self, X, ensure_min_samples=2)
        rows, node = X.astype(np.float64), np.arange(len(X))
        if adjacency is None:
            first, node = distinct_rows(X)
            rows = rows[first]
        self.n_neighbors_ = neighbors_there_are(self.n_neighbors, len(rows))
        if adjacency is None:
            self.adjacency_ = own_graph(rows, self.n_neighbors_)
        else:
            self.adjacency_ = given_graph(adjacency, given, len(rows))
        self.edge_weight_ = float(self.adjacency_.data.mean()) if self.adjacency_.nnz else 0.0
        S, self.degrees_ = symmetric_steps(self.adjacency_)
        steps = propagated(S, rows, max(self.powers_, default=0))
        own = 1 / (1 + self.n_neighbors_ * self.edge_weight_)
        self.eigenvalues_, self.structural_ = leading_components(S, self.n_structural, own)
        if len(self.eigenvalues_) < self.n_structural:
            warnings.warn(
                f"n_structural={self.n_structural} is more than the {len(self.eigenvalues_)} "
                "eigenvectors of this graph that new rows can be given a value of.",
                stacklevel=4,
            )
        blocks = [*(steps[power] for power in self.powers_), self.structural_]
        self.scales_ = np.array([mean_norm(block) for block in blocks])
        self.propagated_ = steps.astype(X.dtype, copy=False)
        return node

    def _side_by_side(self, powers, structural, dtype):  # (p, n, d), (n, r) -> (n, columns)
        blocks = [*(powers[power] for power in self.powers_), structural]
        scaled = [block / scale for block, scale in zip(blocks, self.scales_, strict=True)]
        return np.hstack(scaled).astype(dtype, copy=False)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
