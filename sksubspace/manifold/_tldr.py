"""TLDR: twin learning for dimensionality reduction.

Kalantidis, Lassance, Almazan and Larlus, TMLR 2022.
"""

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Literal, Self

import numpy as np
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted

from sksubspace._dask import is_collection
from sksubspace._docs import fill_parameters
from sksubspace._parameters import isolated_random_state
from sksubspace._sklearn import Interval, StrOptions, _fit_context, available_if
from sksubspace._trained import TrainedTransformer, fit_task, make_trainer, training_constraints
from sksubspace._typing import ArrayLike, Device, Floats, Matrix, Seed
from sksubspace.manifold._blocks import problem_of_blocks
from sksubspace.manifold._learning import (
    LinearProblem,
    learn_linear,
    learn_neighbor_map,
    learns_from_pairs,
    more_sums,
    principal_rows,
    resolve_solver,
)
from sksubspace.manifold._map import former_map, keep_map
from sksubspace.manifold._pairs import check_pair_rows, moments, output_correlation, pairs_of


@fill_parameters
class TLDR(TrainedTransformer):
    r"""Compress rows so that neighbours stay near: for retrieval and before a k-NN index.

    Nearest neighbours are taken for two views of one thing. The map keeps what the two have in
    common and damps what they do not, in closed form or by the twin loss of the paper. Its outputs
    are uncorrelated and ordered by importance, so that the first ones of a linear map are the map
    to fewer, and those of another encoder nearly so.

    It is not made for looking at: in the plane the outputs form a ring.

    Parameters
    ----------
    n_components : int, default=32
        Number of outputs, at most; there are fewer where the rows vary in fewer directions.

    n_neighbors : int, default=5
        Neighbours of each row. More make the map smoother, until they belong to other classes.
        Equal rows are one neighbour, and none of each other.

    metric : {"cosine", "euclidean"}, default="cosine"
        Distance between rows, less their mean, in which neighbours are near.

    mutual : bool, default=True
        Whether a pair counts only if each row is among the neighbours of the other, which leaves
        out hubs. It cannot be seen where ``n_anchors`` is given, and is then without effect.

    encoder : {"blend", "fourier", "linear", "mlp"}, default="blend"
        "linear" is one matrix. "fourier" is the ridge regression, on 1,000 random Fourier features,
        of the neighbour means of the linear outputs; it needs no training either. "blend" puts
        these two and principal scores side by side: it ranks a little worse than "fourier" where
        that is at its best, and keeps the nearest rows where that one loses them. "mlp" is a
        network, trained by the twin loss.

    solver : {"auto", "spectral", "lbfgs", "sgd"}, default="auto"
        For a linear encoder: "spectral" is the closed form; "lbfgs" minimises the twin loss, which
        depends on the data by two matrices only; "sgd" minimises it on batches of pairs. For
        these two the closed form, inside the span of what was found, sets scale and order of the
        outputs. "auto" is "sgd" for "mlp", else "spectral".

    smoothing : float or "auto", default="auto"
        Exponent t of the correlations between neighbours, by which directions are damped. 0 damps
        none. "auto" is 3 for "blend", where principal scores are beside the maps, and 1.5 for the
        other encoders.

    metric_power : float or "auto", default="auto"
        Exponent q, from 0 to 1: how much of the metric of the rows is kept. 0 gives all directions
        the same variance before they are damped, 0.5 keeps the metric. "auto" is 0.05 for "blend",
        0.25 for the other encoders.

    shrinkage : float, default=0.1
        Share of a multiple of the identity in the covariance.

    pca_components : int or None, default=128
        Principal directions in which neighbours are searched and the map is found; None for all.

    n_anchors : int, float or None, default=None
        How many rows, or which share of them, have their neighbours looked up, among all rows. None
        is all.

    search : {"auto", "exact", "approximate"}, default="auto"
        How neighbours are searched, see :func:`~sksubspace.neighbors.nearest_neighbors`.

    hidden_layer_sizes : tuple of int, default=(256,)
        Hidden widths of the "mlp".

    projector : tuple of int, default=()
        Widths of layers between the encoder and the loss while "sgd" trains, thrown away
        afterwards. Wide ones, as in the paper, cost most of the training time.

    redundancy : float or None, default=None
        Weight of the squared correlations between different outputs in the loss. None is 8 over
        the width of what the loss sees, and half over it for "mlp". With too little the outputs
        collapse, of which a warning tells.

    learning_rate : float, default=0.01
        Highest learning rate of the one-cycle schedule of "sgd".

    batch_size : int, default=512
        Pairs in a step of "sgd".

    max_iter : int or "auto", default="auto"
        Epochs of "sgd", where "auto" makes 1,000 steps (at most 300 epochs), or iterations of
        "lbfgs", where it is 1,000.

    tol : float, default=1e-9
        Relative decrease of the loss below which "lbfgs" ends.

    device : str or torch.device, default="auto"
        Where "sgd" trains: "auto" is a CUDA device if there is one, else the CPU.

    n_jobs : int or None, default=None
        Parallel jobs of the neighbour search. None means 1, -1 all processors.

    random_state : int, RandomState instance or None, default=None
        Draws the anchors, the Fourier frequencies, the approximate search and the training.

    Attributes
    ----------
    components_ : ndarray of shape (n_components, n_features) or None
        The linear map, one output a row; None for the other encoders.

    mean_ : ndarray of shape (`n_features_in_`,)
        What is subtracted from a row. For a linear encoder, the mean of the rows in pairs.

    explained_variance_ : ndarray of shape (n_components,)
        Variance of the outputs, over the rows in pairs; decreasing.

    neighbor_correlation_ : ndarray of shape (n_components,)
        Correlation of each output with that of the neighbours, on training rows.

    loss_curve_ : list of float
        Loss by iteration of "lbfgs" or by epoch of "sgd"; empty for closed forms.

    n_iter_ : int
        Number of these; 1 for closed forms.

    n_components_ : int
        Number of outputs.

    {features_}

    See Also
    --------
    sklearn.decomposition.PCA : Keeps variance, whether neighbours share it or not.
    sksubspace.MEDAL : Maps and inverts an embedding to look at.
    sksubspace.metrics.retrieval_map : Mean average precision of a retrieval, with labels.

    Notes
    -----
    Over pairs of neighbours (x, x') let S be the covariance of both sides, with ``shrinkage``, and
    G the symmetrised cross-covariance. The twin loss of a linear encoder W depends on them only:

    .. math::
        C = N W^T G W N, \quad N = \mathrm{diag}(W^T S W)^{-1/2}, \quad
        L = \sum_i (C_{ii} - 1)^2 + \lambda \sum_{i \ne j} C_{ij}^2 .

    The closed form takes the eigenvectors V and eigenvalues :math:`\rho` of
    :math:`S^{-1/2} G S^{-1/2}`, the canonical correlations between neighbours, smooths by

    .. math:: M = S^{-1/2} V \mathrm{diag}(\rho^t) V^T S^q

    and returns the principal components of x'M. With q = 1/2 and t = 1, x'M is the linear
    regression of the mean of a row's neighbours on the row. It is the limit of the loss for exactly
    uncorrelated outputs, and not its minimiser for a finite :math:`\lambda`. That one mixes
    eigenvectors: where the gradient of the loss is zero and the outputs did not collapse, the
    columns of :math:`S^{1/2} W` span as many of them.

    The blend are the principal components of three maps side by side, each of total variance 1
    before the roots of .2, .4 and .4 are multiplied in: principal scores over the fourth root of
    their variances, the linear outputs, and the Fourier outputs.

    Mutual neighbours, the power q, the Fourier encoder and the blend are not in the paper.

    References
    ----------
    .. [1] Y. Kalantidis, C. Lassance, J. Almazan and D. Larlus, "TLDR: twin learning for
       dimensionality reduction", Transactions on Machine Learning Research (2022),
       https://arxiv.org/abs/2110.09455

    .. [2] X. He and P. Niyogi, "Locality preserving projections", NeurIPS (2003).

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.decomposition import PCA
    >>> from sklearn.model_selection import train_test_split
    >>> from sksubspace import TLDR
    >>> from sksubspace.metrics import retrieval_map
    >>> X, y = load_digits(return_X_y=True)
    >>> X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    >>> for reducer in (PCA(16), TLDR(16, random_state=0)):
    ...     Z_train, Z_test = reducer.fit_transform(X_train), reducer.transform(X_test)
    ...     found = retrieval_map(Z_test, y_test, X_index=Z_train, y_index=y_train)
    ...     print(f"{type(reducer).__name__}: {found:.2f}")
    PCA: 0.68
    TLDR: 0.73
    """

    components_: Floats | None
    mean_: Floats
    explained_variance_: Floats
    neighbor_correlation_: Floats

    _parameter_constraints: dict = {
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "metric": [StrOptions({"cosine", "euclidean"})],
        "mutual": ["boolean"],
        "encoder": [StrOptions({"blend", "linear", "fourier", "mlp"})],
        "solver": [StrOptions({"auto", "spectral", "lbfgs", "sgd"})],
        "smoothing": [Interval(Real, 0, None, closed="left"), StrOptions({"auto"})],
        "metric_power": [Interval(Real, 0, 1, closed="both"), StrOptions({"auto"})],
        "shrinkage": [Interval(Real, 0, 1, closed="both")],
        "pca_components": [Interval(Integral, 1, None, closed="left"), None],
        "n_anchors": [
            Interval(Integral, 1, None, closed="left"),
            Interval(Real, 0, 1, closed="neither"),
            None,
        ],
        "search": [StrOptions({"auto", "exact", "approximate"})],
        "hidden_layer_sizes": ["array-like"],
        "projector": ["array-like"],
        "redundancy": [Interval(Real, 0, None, closed="left"), None],
        **training_constraints(
            "learning_rate", "max_iter", "tol", "device", "random_state", auto=True
        ),
        "batch_size": [Interval(Integral, 2, None, closed="left")],
        "n_jobs": [Integral, None],
    }

    def __init__(
        self,
        n_components: int = 32,
        *,
        n_neighbors: int = 5,
        metric: Literal["cosine", "euclidean"] = "cosine",
        mutual: bool = True,
        encoder: Literal["blend", "fourier", "linear", "mlp"] = "blend",
        solver: Literal["auto", "spectral", "lbfgs", "sgd"] = "auto",
        smoothing: float | Literal["auto"] = "auto",
        metric_power: float | Literal["auto"] = "auto",
        shrinkage: float = 0.1,
        pca_components: int | None = 128,
        n_anchors: float | None = None,
        search: Literal["auto", "exact", "approximate"] = "auto",
        hidden_layer_sizes: Sequence[int] = (256,),
        projector: Sequence[int] = (),
        redundancy: float | None = None,
        learning_rate: float = 1e-2,
        batch_size: int = 512,
        max_iter: int | Literal["auto"] = "auto",
        tol: float = 1e-9,
        device: Device = "auto",
        n_jobs: int | None = None,
        random_state: Seed = None,
    ) -> None:
        self.n_components = n_components
        self.n_neighbors = n_neighbors
        self.metric = metric
        self.mutual = mutual
        self.encoder = encoder
        self.solver = solver
        self.smoothing = smoothing
        self.metric_power = metric_power
        self.shrinkage = shrinkage
        self.pca_components = pca_components
        self.n_anchors = n_anchors
        self.search = search
        self.hidden_layer_sizes = hidden_layer_sizes
        self.projector = projector
        self.redundancy = redundancy
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.tol = tol
        self.device = device
        self.n_jobs = n_jobs
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Matrix, y: object = None, *, neighbors_graph: Matrix | None = None) -> Self:
        """Find neighbours and learn the map.

        Parameters
        ----------
        X : {array-like, sparse matrix, dask collection} of shape (n_samples, n_features)
            Training rows. A memory map is read in blocks, and sparse rows are not made dense. Those
            of a dask array or frame are taken with ``encoder="linear"``, a solver other than "sgd"
            and up to 1,024 columns; they stay in their blocks, and the search is exact, with a task
            for each pair of blocks, so that many rows want `n_anchors`.

        y : Ignored
            Not used.

        neighbors_graph : array-like of shape (n_samples, n_neighbors), sparse matrix of shape \
(n_samples, n_samples) or None, default=None
            Which rows are neighbours, instead of a search: row numbers, or the weights of pairs
            (a graph of distances is not one of weights).

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If X has non-finite values, fewer than two rows or no variance, if the parameters
            contradict each other, or the graph has another shape or no pair.
        """
        solver = resolve_solver(self)
        random_state = isolated_random_state(self.random_state)
        if is_collection(X):
            problem, dtype = problem_of_blocks(self, X, random_state, neighbors_graph)
            keep_map(self, *learn_linear(self, problem, solver), dtype)
            self._pair_sums = None
            return self
        X = check_pair_rows(self, X, reset=True)
        with fit_task(self, X, y) as context:
            trainer = make_trainer(self, X.dtype, random_state, context)
            rows = principal_rows(X, self.pca_components)
            W = pairs_of(self, X, rows.scores, random_state, neighbors_graph)
            keep_map(self, *learn_neighbor_map(self, X, rows, W, trainer, solver), X.dtype)
            self._pair_sums = None
        return self

    @available_if(learns_from_pairs)
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self, X: Matrix, y: object = None, *, X_neighbors: Matrix | None = None
    ) -> Self:
        """Learn from more pairs of neighbours, with ``encoder="linear"``.

        The map after several calls is that of all pairs together. ``fit`` forgets these pairs, and
        this method those of ``fit``.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            One row of each pair.

        y : Ignored
            Not used.

        X_neighbors : {array-like, sparse matrix} of shape (n_samples, n_features), default=None
            The other row. None takes the neighbours among the rows of X.

        Returns
        -------
        self : object
            The estimator fitted on all pairs so far.

        Raises
        ------
        ValueError
            If X or X_neighbors have non-finite values, or their shapes differ.
        """
        solver, first = resolve_solver(self), getattr(self, "_pair_sums", None) is None
        X = check_pair_rows(self, X, reset=first)
        former = None if first else self._pair_sums
        sums = more_sums(self, former, X, X_neighbors)
        problem = LinearProblem(*moments(sums), None)
        keep_map(self, *learn_linear(self, problem, solver), X.dtype)
        self._pair_sums = sums
        return self

    def transform(self, X: Matrix) -> Floats:
        """Map rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            New rows.

        Returns
        -------
        Z : ndarray of shape (n_samples, n_components)
            Their outputs, the most important first.
        """
        check_is_fitted(self)
        outputs = self._model.outputs(check_pair_rows(self, X))
        return outputs.astype(self.mean_.dtype, copy=False)

    def inverse_transform(self, Z: ArrayLike) -> Floats:
        """Reconstruct rows by the linear regression of rows on outputs; nothing is trained for it.

        Parameters
        ----------
        Z : array-like of shape (n_samples, n_components)
            Outputs.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features)
            Rows.

        Raises
        ------
        ValueError
            If Z has another number of columns.
        """
        check_is_fitted(self)
        Z = check_array(Z, dtype=[np.float64, np.float32], order="C")
        if Z.shape[1] != self.n_components_:
            raise ValueError(
                f"Z must have n_components_={self.n_components_} columns, got {Z.shape[1]}."
            )
        return self._model.decode(Z).astype(self.mean_.dtype, copy=False)

    def score(self, X: Matrix, y: object = None) -> float:
        """Mean correlation of the outputs with those of the neighbours, on rows not seen in fit.

        Neighbours are found among the rows of X, as in ``fit``. Of closed forms it orders the mean
        average precision of the whole ranking well on most sets, and the accuracy of the vote of
        the nearest not at all. It compares maps with the same neighbours and as many components:
        further ones are less smooth and lower the mean, and with other ``n_neighbors``, ``mutual``,
        ``metric`` or ``pca_components`` other pairs are asked. A network may reach a higher score
        than the closed forms and rank no better.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows, at least two.

        y : Ignored
            Not used.

        Returns
        -------
        score : float
            At most 1. It does not depend on how the outputs are scaled.
        """
        check_is_fitted(self)
        X = check_pair_rows(self, X, min_samples=2)
        scores = principal_rows(X, self.pca_components).scores
        W = pairs_of(self, X, scores, isolated_random_state(self.random_state))
        return float(output_correlation(self._model.outputs(X), W).mean())

    def __setstate__(self, state):
        super().__setstate__(state)
        if "_model" not in state and "_decoding" in state:
            self._model = former_map(vars(self))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
