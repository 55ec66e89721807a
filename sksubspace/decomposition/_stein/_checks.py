"""What SteinSubspace accepts, and what follows from its parameters."""

import warnings

import numpy as np
from scipy import sparse
from sklearn.utils import check_X_y

from sksubspace._machine import check_memory
from sksubspace._sklearn import _check_sample_weight
from sksubspace._validation import validate_rows

# up to so many features the sum of squared Hessians is made as a matrix
_MOST_EXPLICIT = 300
# components of "auto", at most
_MOST_AUTO = 10
# with fewer features for each component the matrix is made too
_COLUMNS_PER_COMPONENT = 8
# beyond so many features, if rows are fewer, no matrix of (d, d) is made: each would take 200 MB
_MOST_PRECISION = 5000
# matrices of (d, d) held at the same time, as measured, with the operator and without
_MATRICES, _MATRICES_OF_FULL = 7, 10


def checked_rows(model, X, y, sample_weight, *, reset=True, accept_sparse=True, min_samples=1):
    """Check X, y and weights and drop rows of weight zero."""
    X, y = validate_rows(
        model, X, y, accept_sparse="csr" if accept_sparse and takes_sparse(model) else False,
        multi_output=True, reset=reset, ensure_min_samples=min_samples,
    )  # fmt: skip
    check_n_components(model, X.shape[1])
    weights = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
    kept = weights > 0
    if kept.all():
        return X, y, weights
    if kept.sum() < min_samples:
        raise ValueError(
            f"sample_weight must be above zero for at least {min_samples} rows, got {kept.sum()}."
        )
    return X[kept], y[kept], weights[kept]


def check_n_components(model, n_features):
    """Raise a ValueError if more components are asked for than there are features."""
    if model.n_components != "auto" and model.n_components > n_features:
        raise ValueError(
            f"n_components={model.n_components} must be at most n_features={n_features}."
        )


def checked_values(y, sample_weight, n_rows):  # -> (n,) or (n, L), (n,)
    """Responses and weights of rows that are elsewhere, at least two of which count."""
    _, y = check_X_y(np.zeros((n_rows, 1)), y, multi_output=True, y_numeric=False)
    weights = _check_sample_weight(
        sample_weight, np.zeros((n_rows, 1)), dtype=np.float64, ensure_non_negative=True
    )
    if (weights > 0).sum() < 2:
        raise ValueError(
            f"sample_weight must be above zero for at least 2 rows, got {(weights > 0).sum()}."
        )
    return y, weights


def check_responses(former, Y, classes, former_classes):
    """Raise a ValueError unless responses are as many as in earlier calls, and of their kind."""
    if former is None:
        return
    if (classes is None) != (former_classes is None) or Y.shape[1] != len(former["y_shift"]):
        raise ValueError(
            f"y must have {len(former['y_shift'])} responses of the kind of earlier calls, got "
            f"{Y.shape[1]}."
        )


def needs_second(model, n_responses, classes):
    """Whether so many responses do not give all directions without the second order."""
    most = n_responses - (classes is not None)
    return model.order != 1 or (model.n_components != "auto" and model.n_components > most)


def uses_operator(model, d):
    """Whether second-order moments are only multiplied, and never made."""
    if model.svd_solver == "auto":
        k = _MOST_AUTO if model.n_components == "auto" else model.n_components
        return d > max(_MOST_EXPLICIT, _COLUMNS_PER_COMPONENT * k)
    return model.svd_solver == "operator"


def is_wide(model, n, d):
    """Whether the moments of so many rows and features are found in the span of the rows."""
    many = max(_MOST_PRECISION, n) < d
    return many and is_gaussian(model) and (model.order == 1 or uses_operator(model, d))


def check_size(model, d, n_more=0):
    """Refuse so many features that the matrices of (d, d), of the density too, do not fit.

    `n_more` of them are kept beside those that every fit holds for a while.
    """
    explicit = model.order != 1 and not uses_operator(model, d)
    n_matrices = _MATRICES_OF_FULL if explicit else _MATRICES
    check_memory(
        8.0 * (n_matrices + n_more) * d**2,
        f"SteinSubspace(order={model.order!r}) on {d:,} features",
        "Reduce the features first, such as with PCA, or pass them as a sparse matrix with order=1 "
        "and the Gaussian score, which makes no matrix of all features.",
    )


def is_gaussian(model):
    """Whether the density is the default one, whose moments follow from sums over rows."""
    return isinstance(model.score_model, str) and model.score_model == "gaussian"


def takes_sparse(model):
    """Whether sparse rows can be fitted without being made dense."""
    return model.order == 1 and is_gaussian(model)


def is_identity(X, Y):  # (n, d), (n, L) -> bool
    """Whether the responses are X itself, with a warning."""
    if sparse.issparse(X) or Y.shape != X.shape or not np.array_equal(X, Y):
        return False
    warnings.warn(
        "y is X itself. E[s(x) x'] is the identity for every smooth density, so that the moments "
        "identify nothing but what shrinkage leaves: with order=1 and the Gaussian score this is "
        "exactly PCA.",
        UserWarning,
        stacklevel=4,
    )
    return True
