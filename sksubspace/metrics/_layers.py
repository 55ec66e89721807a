"""How much of its weights a network uses on some rows, and the network without the rest."""

from copy import deepcopy
from typing import Any

import numpy as np
from scipy.special import expit
from sklearn.utils.validation import check_is_fitted

from sksubspace._typing import ArrayLike, Estimator, Ints
from sksubspace.metrics._input import check_rows

__all__ = ["FactoredWeights", "compress_layers", "utilized_rank"]

_ACTIVATIONS = {
    "identity": lambda z: z,
    "logistic": expit,
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, 0),
}
# of the largest singular value: below it is rounding
_ROUNDING = 1e-10


class FactoredWeights:
    """Weights of a layer as a product of two matrices, which are multiplied one after the other.

    Parameters
    ----------
    left, right : ndarrays of shape (n_inputs, rank) and (rank, n_outputs)
        The factors.
    """

    __array_ufunc__ = None  # so that numpy leaves ``rows @ weights`` to this class
    ndim = 2

    def __init__(self, left: Any, right: Any) -> None:
        self.left = left
        self.right = right

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of inputs and of outputs.

        Returns
        -------
        shape : tuple of int
            Of the product.
        """
        return len(self.left), self.right.shape[1]

    @property
    def size(self) -> int:
        """Number of weights that are kept.

        Returns
        -------
        size : int
            Of both factors.
        """
        return int(self.left.size + self.right.size)

    def __rmatmul__(self, rows):
        return (rows @ self.left) @ self.right


def utilized_rank(mlp: Estimator, X: ArrayLike, *, energy: float = 0.99) -> Ints:
    r"""Tell through how many directions each layer of a network passes what it makes of some rows.

    Parameters
    ----------
    mlp : MLPClassifier or MLPRegressor
        Fitted.

    X : array-like of shape (n_samples, n_features)
        Rows, best those that it was not trained on.

    energy : float, default=0.99
        Share of the variance of a layer's inputs, and of its outputs before the activation, that
        the directions hold.

    Returns
    -------
    ranks : ndarray of shape (n_layers - 1,)
        Rank of the weights between these subspaces, at most the smaller side of the weights.

    Raises
    ------
    TypeError
        If `mlp` is no network of scikit-learn.

    ValueError
        If X is not a table of finite numbers of its columns, or `energy` is not above 0 and at
        most 1.

    See Also
    --------
    compress_layers : The network with weights of these ranks.
    participation_ratio : Dimension of rows by their variances.

    Notes
    -----
    With the projectors on the principal subspaces of inputs and outputs, the rank of
    :math:`P_{in} W P_{out}`. It describes a network on these rows and picks none.

    References
    ----------
    .. [1] Isha Garg, Christian Koguchi, Eshan Verma and Daniel Ulbricht, "Revealing the utilized
       rank of subspaces of learning in neural networks", 2024. https://arxiv.org/abs/2407.04797

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.neural_network import MLPClassifier
    >>> from sksubspace.metrics import utilized_rank
    >>> X, y = load_iris(return_X_y=True)
    >>> mlp = MLPClassifier((30, 20), max_iter=300, random_state=0).fit(X, y)
    >>> bool((utilized_rank(mlp, X) < [4, 20, 3]).all())
    True
    """
    ranks = []
    for a, z, W in _layers(mlp, X, energy):
        core = _core(_directions(a, energy), W, _directions(z, energy))
        values = np.linalg.svd(core, compute_uv=False) if core.size else np.zeros(0)
        ranks.append(int((values > _ROUNDING * values[:1]).sum()))
    return np.array(ranks)


def compress_layers(mlp: Estimator, X: ArrayLike, *, energy: float = 0.99) -> Estimator:
    r"""Copy a network with the weights that it uses on some rows, as products of smaller matrices.

    Parameters
    ----------
    mlp : MLPClassifier or MLPRegressor
        Fitted; it is not changed.

    X : array-like of shape (n_samples, n_features)
        Rows that the directions are taken from, such as those of the training.

    energy : float, default=0.99
        As in `utilized_rank`. With 1 the outputs for these rows stay as they are, up to rounding.

    Returns
    -------
    compressed : MLPClassifier or MLPRegressor
        Predicts as before. In ``coefs_`` are `FactoredWeights` where these are fewer numbers than
        the weights themselves, so that it cannot be trained on.

    Raises
    ------
    TypeError
        If `mlp` is no network of scikit-learn.

    ValueError
        If X is not a table of finite numbers of its columns, or `energy` is not above 0 and at
        most 1.

    Notes
    -----
    A layer becomes :math:`z = \bar z + (a - \bar a) P_{in} W P_{out}`. What rows outside of the
    subspaces would have passed is lost: rows unlike X are another matter.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.neural_network import MLPClassifier
    >>> from sksubspace.metrics import compress_layers
    >>> X, y = load_digits(return_X_y=True)
    >>> mlp = MLPClassifier((128,), max_iter=60, random_state=0).fit(X[:900], y[:900])
    >>> small = compress_layers(mlp, X[:900])
    >>> sum(W.size for W in small.coefs_) < sum(W.size for W in mlp.coefs_)
    True
    >>> abs(small.score(X[900:], y[900:]) - mlp.score(X[900:], y[900:])) < 0.02
    True
    """
    compressed = deepcopy(mlp)
    for i, (a, z, W) in enumerate(_layers(mlp, X, energy)):
        inputs, outputs = _directions(a, energy), _directions(z, energy)
        core = _core(inputs, W, outputs)
        factors = (inputs, core @ outputs.T)
        if core.shape[1] < core.shape[0]:
            factors = (inputs @ core, outputs.T)
        left, right = (one.astype(W.dtype) for one in factors)
        weights = FactoredWeights(left, right)
        compressed.coefs_[i] = weights if weights.size < W.size else left @ right
        compressed.intercepts_[i] = (z.mean(axis=0) - a.mean(axis=0) @ left @ right).astype(W.dtype)
    return compressed


def _layers(mlp, X, energy):
    """Yield inputs (n, d), outputs before activation (n, e) and weights (d, e) of each layer."""
    check_is_fitted(mlp)
    if not hasattr(mlp, "coefs_") or not hasattr(mlp, "intercepts_"):
        raise TypeError(f"mlp must be an MLPClassifier or MLPRegressor, got {mlp!r}.")
    if not 0 < energy <= 1:
        raise ValueError(f"energy must be above 0 and at most 1, got {energy!r}.")
    a, activation = check_rows(X, "X"), _ACTIVATIONS[mlp.activation]
    if a.shape[1] != mlp.n_features_in_:
        raise ValueError(
            f"X must have the {mlp.n_features_in_} columns of the training, got {a.shape[1]}."
        )
    for W, b in zip(mlp.coefs_, mlp.intercepts_, strict=True):
        z = a @ W + b
        yield a, z, W
        a = activation(z)


def _directions(rows, energy):  # (n, d) -> (d, r)
    """Principal directions that hold a share of the variance; all in which rows vary for 1."""
    centred = np.asarray(rows, np.float64) - rows.mean(axis=0, dtype=np.float64)
    _, lengths, vectors = np.linalg.svd(centred, full_matrices=False)
    n_varied = int((lengths > _ROUNDING * lengths[0]).sum())
    held = np.cumsum(np.square(lengths[:n_varied]))
    kept = n_varied if energy == 1 else int((held < energy * held[-1:]).sum()) + 1
    return vectors[: min(kept, n_varied)].T


def _core(inputs, W, outputs):  # (d, r), (d, e), (e, s) -> (r, s)
    return inputs.T @ W @ outputs
