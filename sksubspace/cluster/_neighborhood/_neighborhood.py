"""Neighbourhood clustering: a network that gives rows to the clusters of their neighbours.

Alshammari, Hershey, Feldmann, Freeman and Hamilton, "I-Con: a unifying framework for representation
learning", ICLR 2025.
"""

import math
import warnings
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sksubspace._docs import fill_parameters
from sksubspace._parameters import isolated_random_state
from sksubspace._sklearn import ClusterMixin, Interval, _fit_context
from sksubspace._student._groups import first_of, groups_of_equal_rows
from sksubspace._student._scaling import FeatureScale
from sksubspace._trained import (
    TRAINED,
    TrainedTransformer,
    fit_task,
    make_trainer,
    training_constraints,
    validated_rows,
)
from sksubspace._typing import ArrayLike, Device, Floats, Ints, Seed
from sksubspace.cluster._neighborhood._learning import Learning

# starts are compared on so many rows at most, and by this share of them
_START_ROWS, _INNER = 5000, 0.1
# distinct rows of a cluster, on average, at least
_FEWEST_ROWS = 4


@fill_parameters
class NeighborhoodClustering(ClusterMixin, TrainedTransformer):
    r"""Cluster rows such that neighbours share a cluster, by a network that places new rows too.

    A small network gives each row shares of the clusters. It starts from k-means and learns to
    foretell, from the shares of a row, where a short walk over the graph of nearest neighbours
    ends. Clusters need not be round, nor lie on subspaces; they are where walks stay, as far as
    k-means has come near them: two half-moons that it cuts across stay cut.

    Parameters
    ----------
    {n_clusters}
        At most a quarter of the distinct rows.

    n_neighbors : int, default=10
        Nearest other rows, in Euclidean distance, that a step of a walk leads to; best fewer than
        a cluster has. At most as many as there are distinct other rows are used.

    n_steps : int, default=3
        Steps of a walk. One step sees the graph alone, and is worse in the benchmark.

    hidden_layer_sizes : tuple of int, default=(128,)
        Widths of the hidden layers; with ``()`` the borders of clusters are planes.

    debias : float, default=0.1
        Share of the uniform distribution that is mixed into that of the end of a walk, from 0 up
        to below 1. It makes shares softer; from 0 to .5 it mattered little in the benchmark.

    n_init : int, default=3
        Starts. With more than one, a tenth of the rows is left out of the training, and the fit
        that says most of the neighbours of that tenth is kept.

    learning_rate : float, default=0.003
        Constant learning rate of Adam.

    max_iter : int, default=60
        Epochs after the start. Of up to a thousand rows an epoch is one step, and more of them may
        be needed.

    batch_size : int, default=1000
        Most rows in a training step; the batches of an epoch are of about one size.

    {device}

    {random_state}
        Seeds the rows left out, k-means, the weights, the walks and the batches.

    Attributes
    ----------
    labels_ : ndarray of shape (n_samples,)
        Cluster of each training row, by its largest share.

    n_iter_ : int
        Number of epochs after the start.

    loss_curve_ : list of float
        Training loss of each of them, of the fit that is kept: minus the information, in nats.

    start_scores_ : ndarray of shape (n_init,) or (0,)
        Score of each start on the rows left out; empty for a single start.

    {features_}

    See Also
    --------
    ThresholdedSubspaceClustering : A graph of angles, cut by its eigenvectors.
    sklearn.cluster.SpectralClustering : The same kind of graph, without a map for new rows.
    sklearn.mixture.GaussianMixture : Better where clusters are Gaussian.

    Notes
    -----
    With the shares :math:`a_i = \mathrm{softmax}(h(x_i))` of a network h, the masses
    :math:`m_c = \frac1n \sum_i a_{ic}`, p(j | i) the distribution of the end of the walk from row
    i, and u(j | i) the uniform one over the other rows, the loss is

    .. math::
        L = -\frac1n \sum_i \sum_j \left( (1 - \delta) \, p(j | i) + \delta \, u(j | i) \right)
        \log n q(j | i), \qquad q(j | i) = \sum_c \frac{a_{ic} \, a_{jc}}{n m_c},

    the Kullback-Leibler divergence up to a constant. Each step of the training draws one walk a
    row, which is unbiased and needs no matrix of walks, and takes the masses of four batches. The
    start is 20 epochs by the cross entropy with labels of k-means, smoothed by .1.

    Rows are centred, and divided by one number, before the network sees them: it does not matter
    where they lie, nor in which units. Equal rows count once, in the graph, in the masses and
    among the rows left out. Of more than 5,000 distinct rows, starts are compared on a draw of
    5,000; the best is then trained on all, whose graph is approximate where an exact search
    takes more than 1e12 multiplications.

    The walk of several steps, the start and the choice among starts are not in the paper. The
    method neither chooses the number of clusters nor makes clusters of equal size.

    References
    ----------
    .. [1] S. Alshammari, J. Hershey, A. Feldmann, W. T. Freeman and M. Hamilton, "I-Con: a unifying
       framework for representation learning", ICLR (2025), https://arxiv.org/abs/2504.16929

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.cluster import KMeans
    >>> from sklearn.datasets import make_blobs
    >>> from sksubspace.cluster import NeighborhoodClustering
    >>> from sksubspace.metrics import clustering_accuracy
    >>> X, y = make_blobs(900, random_state=170)
    >>> X = X @ np.array([[0.6, -0.6], [-0.4, 0.8]])  # three long heaps side by side
    >>> for model in (KMeans(3, random_state=0), NeighborhoodClustering(3, random_state=0)):
    ...     labels = model.fit(X[:600]).predict(X[600:])
    ...     print(f"{type(model).__name__}: {clustering_accuracy(y[600:], labels):.1f}")
    KMeans: 0.8
    NeighborhoodClustering: 1.0
    """

    labels_: Ints
    start_scores_: Floats

    _parameter_constraints: dict = {
        "n_clusters": [Interval(Integral, 1, None, closed="left")],
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "n_steps": [Interval(Integral, 1, None, closed="left")],
        "hidden_layer_sizes": ["array-like"],
        "debias": [Interval(Real, 0, 1, closed="left")],
        "n_init": [Interval(Integral, 1, None, closed="left")],
        **training_constraints(*TRAINED),
        # one row is no draw of the others
        "batch_size": [Interval(Integral, 2, None, closed="left")],
    }

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        n_neighbors: int = 10,
        n_steps: int = 3,
        hidden_layer_sizes: Sequence[int] = (128,),
        debias: float = 0.1,
        n_init: int = 3,
        learning_rate: float = 3e-3,
        max_iter: int = 60,
        batch_size: int = 1000,
        device: Device = "auto",
        random_state: Seed = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.n_neighbors = n_neighbors
        self.n_steps = n_steps
        self.hidden_layer_sizes = hidden_layer_sizes
        self.debias = debias
        self.n_init = n_init
        self.learning_rate = learning_rate
        self.max_iter = max_iter
        self.batch_size = batch_size
        self.device = device
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Find the neighbours, and train from several starts.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training rows. The distinct ones are kept, for `score`.

        y : Ignored
            Not used.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If X has non-finite values or fewer than four distinct rows a cluster, if a parameter
            is out of its range, or if the training diverges.

        Warns
        -----
        UserWarning
            If the graph has more components than there are clusters: no walk joins them.
        """
        X = validated_rows(self, X, reset=True)
        equal = groups_of_equal_rows(X)
        distinct = X[np.unique(first_of(equal))]
        if _FEWEST_ROWS * self.n_clusters > len(distinct):
            raise ValueError(
                f"n_clusters={self.n_clusters} must be at most a quarter of the {len(distinct)} "
                f"distinct rows of X (n_samples={len(X)})."
            )
        random_state = isolated_random_state(self.random_state)
        with fit_task(self, X, y, max_subtasks=2 * self.n_init + 1) as context:
            trainer = make_trainer(self, np.float32, random_state, context)
            self._model, log, self.start_scores_ = self._learn(distinct, trainer)
        self.labels_ = self._model.log_shares.argmax(axis=1)[equal]
        self.loss_curve_, self.n_iter_ = log.loss_curve, log.n_iter
        return self

    def predict(self, X: ArrayLike) -> Ints:
        """Give each row to the cluster of its largest share.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            From 0 to ``n_clusters - 1``; a cluster may have no rows.
        """
        return self._log_shares(X)[0].argmax(axis=1)

    def predict_proba(self, X: ArrayLike) -> Floats:
        """Compute the shares of the clusters.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        shares : ndarray of shape (n_samples, n_clusters)
            Not negative; each row sums to 1.
        """
        log_shares, dtype = self._log_shares(X)
        return np.exp(log_shares).astype(dtype, copy=False)

    def transform(self, X: ArrayLike) -> Floats:
        """Compute the shares of the clusters, as `predict_proba` does.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        shares : ndarray of shape (n_samples, n_clusters)
            Not negative; each row sums to 1.
        """
        return self.predict_proba(X)

    def score(self, X: ArrayLike, y: object = None) -> float:
        r"""Information, in nats, of the clusters about the nearest training rows.

        The mean of :math:`\log n q(j | i)` over rows i of X and the ``n_neighbors`` nearest of the
        distinct training rows j that differ from i, with the masses of the training rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows, best those that ``fit`` has not seen.

        y : Ignored
            Not used.

        Returns
        -------
        score : float
            0 if clusters say nothing of neighbours, and about log(n_clusters) at most; negative
            where they are wrong with confidence. It is no evidence of clusters: 10 clusters of one
            Gaussian of 5 columns, where there are none, score 1.4 nats. Compare starts and seeds of
            one setting by it: over nine settings its rank correlation with accuracy was .58, -.18
            and .32 on three sets.
        """
        check_is_fitted(self)
        X = validated_rows(self, X)
        return self._model.information(X, self._model.nearest(X, self.n_neighbors))

    def _learn(self, X, trainer):  # (m, d) -> NeighborPartition, TrainingLog, (n_init,)
        """Train from each start, keep the best by rows left out; where rows are many, see all."""
        scale = FeatureScale.of(X, "global")
        drawn = trainer.random_state.permutation(len(X))[:_START_ROWS]
        n_held = math.ceil(_INNER * len(drawn)) if self.n_init > 1 else 0
        held, fitted = (X[np.sort(rows)] for rows in (drawn[:n_held], drawn[n_held:]))
        learning = Learning(self, scale, fitted, trainer)
        networks = [learning.start() for _ in range(self.n_init)]
        logs = [learning.go_on(network) for network in networks]
        scores = np.zeros(0)
        if n_held:
            partitions = [learning.partition(network, fitted) for network in networks]
            nearest = partitions[0].nearest(held, self.n_neighbors)
            scores = np.array([one.information(held, nearest) for one in partitions])
        best = int(scores.argmax()) if n_held else 0
        if len(X) > _START_ROWS:
            learning = Learning(self, scale, X, trainer)
            logs[best] = learning.go_on(networks[best])
        self._warn_of_components(learning.n_components)
        return learning.partition(networks[best], X), logs[best], scores

    def _warn_of_components(self, n_components):
        if n_components > self.n_clusters:
            warnings.warn(
                f"The graph of nearest neighbors has {n_components} components, more than "
                f"n_clusters={self.n_clusters}: no walk joins them, and which of them share a "
                "cluster is what k-means began with. A larger n_neighbors joins more.",
                stacklevel=6,
            )

    def _log_shares(self, X):  # (n, d) -> (n, K), dtype
        check_is_fitted(self)
        X = validated_rows(self, X)
        return self._model.log_shares_of(X), X.dtype

    @property
    def _n_features_out(self):
        return self._model.log_shares.shape[1]
