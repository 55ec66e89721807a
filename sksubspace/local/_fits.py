"""What is fitted around each query: a constant, a ridge regression, or a model of the caller's."""

from functools import partial

import numpy as np
from joblib import Parallel, delayed
from sklearn.base import clone

from sksubspace._linalg import row_blocks
from sksubspace._student._groups import groups_of_equal_rows
from sksubspace.local._ridge import LocalRidge

# 2^19 doubles are 4 MiB, which stay in the cache; a block of queries has a few such arrays
_BLOCK_ELEMENTS = 2**19


def tricube(squared):  # (b, k) ascending -> (b, k)
    """(1 - (d / d_k)^3)^3, divided by its sum; the farthest neighbour has no say.

    Where no neighbour would have one, all being as far, they weigh the same; so do copies of the
    query that fill its neighbourhood.
    """
    farthest = squared[:, -1:]
    relative = np.divide(squared, farthest, out=np.zeros_like(squared), where=farthest > 0)
    weights = (1 - relative**1.5) ** 3
    weights[~weights.any(axis=1)] = 1
    return weights / weights.sum(axis=1, keepdims=True)


def query_blocks(near, n_columns):  # (m, k) -> slices
    """Blocks of queries whose neighbours fit into the cache."""
    return row_blocks(len(near), size=max(1, _BLOCK_ELEMENTS // (near.shape[1] * n_columns)))


def means_of_neighborhoods(Y, near, weights):  # (n, q), (m, k), (m, k) -> 2 x (1, m, q)
    """Weighted means of the neighbours' targets, and weighted squares about them."""
    found, squares = np.empty((2, 1, len(near), Y.shape[1]))
    for some in query_blocks(near, Y.shape[1]):
        w, T = weights[some][:, None, :], Y[near[some]]
        found[0, some] = (w @ T)[:, 0]
        squares[0, some] = (w @ np.square(T - found[0, some][:, None]))[:, 0]
    return found, squares


def neighbor_ridges(queries, X, Y, near, weights, alphas):  # (m, d), ..., (a,) -> 2 x (a, m, q)
    """Predictions of local ridge regressions and their residual squares, of several penalties."""
    found, squares = np.empty((2, len(alphas), len(near), Y.shape[1]))
    for some in query_blocks(near, X.shape[1]):
        local = LocalRidge.of(queries[some], X, Y, near[some], weights[some])
        for number, alpha in enumerate(alphas):
            found[number, some] = local.predictions(alpha)
            squares[number, some] = local.residual_squares(alpha)
    return found, squares


def ridge_slopes(queries, X, Y, near, weights, alpha):  # -> (m, q, d)
    """Coefficients of the local ridge regressions."""
    found = np.empty((len(near), Y.shape[1], X.shape[1]))
    for some in query_blocks(near, X.shape[1]):
        local = LocalRidge.of(queries[some], X, Y, near[some], weights[some])
        found[some] = local.slopes(alpha).swapaxes(1, 2)
    return found


def neighbor_models(estimator, queries, X, Y, near, weights, n_jobs):  # -> 2 x (1, m, q)
    """Predictions of a model fitted around each query, and its weighted squared residuals."""
    fit = partial(_predicted, estimator, X=X, Y=Y)
    found = _for_each(fit, queries, near, weights, n_jobs)
    predictions, squares = (np.array(one)[None] for one in zip(*found, strict=True))
    return predictions, squares


def model_slopes(estimator, queries, X, Y, near, weights, n_jobs):  # -> (m, q, d)
    """`coef_` of a model fitted around each query."""
    fit = partial(_coefficients, estimator, X=X, Y=Y)
    found = _for_each(fit, queries, near, weights, n_jobs)
    return np.array(found).reshape(len(queries), Y.shape[1], X.shape[1])


def _for_each(fit, queries, near, weights, n_jobs):  # -> list
    """Fit once for equal queries, and hand each its own."""
    groups = groups_of_equal_rows(queries)
    first = np.unique(groups, return_index=True)[1]
    found = Parallel(n_jobs)(delayed(fit)(queries[i], near[i], weights[i]) for i in first)
    return [found[group] for group in groups]


def _model_around(estimator, X, Y, near, weights):
    seen = weights > 0
    near, weights = near[seen], weights[seen]
    targets = Y[near, 0] if Y.shape[1] == 1 else Y[near]
    return clone(estimator).fit(X[near], targets, sample_weight=weights * len(near)), near, weights


def _predicted(estimator, query, near, weights, X, Y):  # -> (q,), (q,)
    model, near, weights = _model_around(estimator, X, Y, near, weights)
    answers = np.asarray(model.predict(np.vstack([query, X[near]]))).reshape(-1, Y.shape[1])
    return answers[0], weights @ np.square(answers[1:] - Y[near])


def _coefficients(estimator, query, near, weights, X, Y):  # -> (q, d)
    return _model_around(estimator, X, Y, near, weights)[0].coef_
