"""Peers of SteinSubspace: inverse regression, partial least squares, a network with a bottleneck.

Each takes rows, responses (n, L) and the number of directions k, and returns directions as rows,
(k, d). Sliced inverse regression is of Li (1991), sliced average variance of Cook and Weisberg
(1991), directional regression of Li and Wang (2007), all written from their formulas.
"""

import numpy as np
import torch
from sklearn.cluster import KMeans
from sklearn.cross_decomposition import PLSRegression
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from torch import nn

from sksubspace._torch.device import as_rows
from sksubspace._torch.modules import mlp
from sksubspace._torch.trainer import Budget, Trainer

N_SLICES = 10
_NETWORK = Budget(n_steps=4000, max_epochs=200, weight_decay=1e-4)
_AUTOENCODER_DECAY = 1e-4


def pca(X, Y, k):
    return PCA(k, random_state=0).fit(X).components_


def pls(X, Y, k):
    return PLSRegression(k).fit(X, Y).x_rotations_.T


def lda(X, labels, k):
    return (
        LinearDiscriminantAnalysis(solver="eigen", shrinkage="auto").fit(X, labels).scalings_.T[:k]
    )


def slices(Y, n_slices):  # (n, L) -> (n,) of slice numbers
    """Quantiles of one response, k-means cells of several, values of a response with few."""
    if Y.shape[1] > 1:
        scaled = (Y - Y.mean(axis=0)) / np.maximum(Y.std(axis=0), 1e-12)
        return KMeans(n_slices, n_init=1, random_state=0).fit_predict(scaled)
    values, codes = np.unique(Y[:, 0], return_inverse=True)
    if len(values) <= n_slices:
        return codes
    edges = np.quantile(Y[:, 0], np.arange(1, n_slices) / n_slices)
    return np.searchsorted(edges, Y[:, 0], side="right")


def _whitened(X):  # (n, d) -> (n, d), (d, d)
    centred = X - X.mean(axis=0)
    values, vectors = np.linalg.eigh(centred.T @ centred / len(X))
    kept = values > 1e-10 * values[-1]
    root = (vectors[:, kept] / np.sqrt(values[kept])) @ vectors[:, kept].T
    return centred @ root, root


def _cells(Z, Y, n_slices):
    """Share, mean and second moment of the whitened rows in each slice."""
    codes = slices(Y, n_slices)
    for code in np.unique(codes):
        inside = Z[codes == code]
        yield len(inside) / len(Z), inside.mean(axis=0), inside.T @ inside / len(inside)


def _leading(matrix, root, k):
    """Eigenvectors of a matrix of whitened rows, in the coordinates of the rows."""
    return np.linalg.eigh(matrix)[1][:, ::-1][:, :k].T @ root


def sir(X, Y, k, n_slices=N_SLICES):
    """Leading eigenvectors of Cov(E[z | y])."""
    Z, root = _whitened(X)
    return _leading(sum(p * np.outer(m, m) for p, m, _ in _cells(Z, Y, n_slices)), root, k)


def save(X, Y, k, n_slices=N_SLICES):
    """Leading eigenvectors of E[(I - Cov(z | y))^2]."""
    Z, root = _whitened(X)
    eye = np.eye(Z.shape[1])
    parts = ((p, eye - S + np.outer(m, m)) for p, m, S in _cells(Z, Y, n_slices))
    return _leading(sum(p * D @ D for p, D in parts), root, k)


def dr(X, Y, k, n_slices=N_SLICES):
    """Leading eigenvectors of E[(2I - E[(z - z')(z - z')' | y, y'])^2], in Li and Wang's form.

    2 E[E^2(zz' | y)] + 2 E^2[m m'] + 2 E[m'm] E[m m'] - 2 I with m = E[z | y].
    """
    Z, root = _whitened(X)
    cells = list(_cells(Z, Y, n_slices))
    squares = sum(p * S @ S for p, _, S in cells)
    between = sum(p * np.outer(m, m) for p, m, _ in cells)
    matrix = 2 * squares + 2 * between @ between + 2 * np.trace(between) * between
    return _leading(matrix - 2 * np.eye(len(matrix)), root, k)


class _Regression(nn.Module):
    def __init__(self, net, loss):
        super().__init__()
        self.net = net
        self.loss = loss

    def forward(self, batch):  # ((b, d), (b, L) or (b,)) -> ()
        return self.loss(self.net(batch[0]), batch[1])


def _train(net, loss, data, budget, seed, max_iter="auto"):
    trainer = Trainer(
        2e-3, 128, max_iter, torch.device("cpu"), np.dtype(np.float32), np.random.RandomState(seed)
    )
    net = trainer.build(net)
    trainer.fit(_Regression(net, loss), data, budget, "network")
    return net


def bottleneck(X, Y, k, seed=0, labels=None):
    """First layer of Linear(d, k) -> MLP(128, 128) -> y, trained on standardised rows."""
    scale = np.maximum(X.std(axis=0), 1e-12)
    rows = as_rows(((X - X.mean(axis=0)) / scale).astype(np.float32))
    if labels is None:
        spread = np.maximum(Y.std(axis=0), 1e-12)
        target = as_rows(((Y - Y.mean(axis=0)) / spread).astype(np.float32))
        n_out, loss = Y.shape[1], nn.functional.mse_loss
    else:
        target, n_out = torch.as_tensor(labels), int(labels.max()) + 1
        loss = nn.functional.cross_entropy

    def make():
        return nn.Sequential(nn.Linear(X.shape[1], k), mlp((k, 128, 128, n_out), "gelu"))

    net = _train(make, loss, (rows, target), _NETWORK, seed)
    return net[0].weight.detach().numpy().astype(np.float64) / scale


def autoencoder(X, k, epochs, seed=0, widths=(256, 256)):
    """Train d-256-256-k-256-256-d with the trainer of the library; returns rows -> rows."""
    mean = X.mean(axis=0)
    spread = float(np.sqrt(X.var(axis=0).mean()))
    rows = as_rows(((X - mean) / spread).astype(np.float32))

    def make():
        d = X.shape[1]
        return nn.Sequential(mlp((d, *widths, k), "gelu"), mlp((k, *widths[::-1], d), "gelu"))

    budget = Budget(n_steps=1, max_epochs=1, weight_decay=_AUTOENCODER_DECAY)
    net = _train(make, nn.functional.mse_loss, (rows, rows), budget, seed, epochs)

    def reconstruct(new):
        with torch.inference_mode():
            coded = net(as_rows(((new - mean) / spread).astype(np.float32)))
        return coded.numpy() * spread + mean

    return reconstruct
