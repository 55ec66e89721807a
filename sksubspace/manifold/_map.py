"""Fitted maps: linear, or encoders of principal scores; and the linear way back.

An encoder that is not linear is a plain dict of arrays, Fourier features or a network, that holds
what is needed to apply it and nothing of torch, so that a fitted estimator can be stored by any
means.
"""

import warnings
from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse
from scipy.linalg import block_diag, solve
from scipy.special import erf

from sksubspace._linalg import in_blocks, row_blocks, unit_rows
from sksubspace._state import register

# random features of the Gaussian kernel, rows that the ridge regression sees, and its penalty for
# each of the features
_N_FREQUENCIES = 1000
_MOST_ROWS = 20_000
_PENALTY = 0.03


@register
@dataclass(frozen=True)
class NeighborMap:
    """A map z = components (x - mean), or an encoder of principal scores; and its inverse."""

    mean: np.ndarray  # (d,)
    components: np.ndarray | None  # (q, d)
    encoder: dict | None
    directions: np.ndarray | None  # (d, r)
    explained_variance: np.ndarray  # (q,)
    correlation: np.ndarray  # (q,)
    decoding: np.ndarray  # (q, d)

    def astype(self, dtype):
        """The same in a dtype; encoders stay in double precision."""
        arrays = {k: v for k, v in vars(self).items() if isinstance(v, np.ndarray)}
        return replace(self, **{name: array.astype(dtype) for name, array in arrays.items()})

    def outputs(self, X):  # (n, d) -> (n, q)
        """Map rows; a row's outputs do not depend on the others."""
        if self.encoder is None:
            return _centred_product(X, self.mean, self.components.T)
        scores = _centred_product(X, self.mean, self.directions)
        return in_blocks(lambda rows: encode(self.encoder, rows), scores)

    def decode(self, Z):  # (n, q) -> (n, d)
        """Reconstruct rows."""
        return in_blocks(lambda z: z @ self.decoding, Z) + self.mean


def _centred_product(X, mean, directions):  # (n, d), (d,), (d, q) -> (n, q)
    if sparse.issparse(X):
        return X @ directions - mean @ directions
    return in_blocks(lambda rows: np.subtract(rows, mean, order="C") @ directions, X)


def fourier_encoder(Z, target, metric, random_state):
    r"""Ridge regression of `target` (n, q) on random Fourier features of principal scores Z (n, r).

    With standard normal frequencies, the features approximate the Gaussian kernel :math:`\exp(-|u -
    v|^2 / 2)` (Rahimi and Recht, "Random features for large-scale kernel machines", NeurIPS 2007);
    the rows u themselves are features too. With the metric "cosine" u has length 1, else it is in
    units of the root mean squared length of the rows.

    Draws 1,000 frequencies and, above 20,000 rows, the rows that are fitted. The dict is for
    `encode`.
    """
    spread = (
        0.0 if metric == "cosine" else np.sqrt(np.square(Z, dtype=np.float64).mean() * Z.shape[1])
    )
    frequencies = random_state.standard_normal((Z.shape[1], _N_FREQUENCIES))
    if len(Z) > _MOST_ROWS:
        drawn = np.sort(random_state.choice(len(Z), _MOST_ROWS, replace=False))
        Z, target = Z[drawn], target[drawn]
    encoder = {"kind": "fourier", "spread": float(spread), "frequencies": frequencies}
    coef, intercept = _ridge(lambda rows: features(encoder, Z[rows]), target)
    return encoder | {"coef": coef, "intercept": intercept}


def _ridge(make_features, target):  # -> (p, q), (q,)
    """Coefficients (F'F + a I)^-1 F'y of centred features and targets, and the intercept."""
    if len(target) < 2 * _N_FREQUENCIES:
        return _ridge_of_few_rows(make_features(slice(None)), target)
    offset, mean = 0.0, target.mean(axis=0)
    for rows in row_blocks(len(target)):
        offset = offset + make_features(rows).sum(axis=0) / len(target)
    gram, moment = 0.0, 0.0
    for rows in row_blocks(len(target)):
        centred = make_features(rows) - offset
        gram = gram + centred.T @ centred
        moment = moment + centred.T @ (target[rows] - mean)
    gram[np.diag_indices_from(gram)] += _PENALTY * _N_FREQUENCIES
    coef = solve(gram, moment, assume_a="pos", overwrite_a=True)
    return coef, mean - offset @ coef


def _ridge_of_few_rows(F, target):  # (n, p), (n, q) -> (p, q), (q,)
    """The same coefficients as F'(FF' + a I)^-1 y, with an equation for each row."""
    offset, mean = F.mean(axis=0), target.mean(axis=0)
    centred = F - offset
    gram = centred @ centred.T
    gram[np.diag_indices_from(gram)] += _PENALTY * _N_FREQUENCIES
    coef = centred.T @ solve(gram, target - mean, assume_a="pos", overwrite_a=True)
    return coef, mean - offset @ coef


def _inputs(Z, spread):
    Z = np.asarray(Z, dtype=np.float64)
    return Z / spread if spread else unit_rows(Z)


def beside_rows(fourier):  # dict -> dict
    """The encoder whose outputs are those of a Fourier encoder behind the scores themselves."""
    r = len(fourier["frequencies"])
    return fourier | {
        "kind": "blend",
        "coef": block_diag(np.eye(r), fourier["coef"]),
        "intercept": np.r_[np.zeros(r), fourier["intercept"]],
    }


def layers_encoder(module, spread):
    """Layers of a linear module or an MLP as arrays, for rows in units of `spread`."""
    layers = [part for part in module.modules() if hasattr(part, "weight")]
    arrays = [part.weight.detach().cpu().numpy().astype(np.float64).T for part in layers]
    biases = [
        np.zeros(len(array.T)) if part.bias is None else part.bias.detach().cpu().numpy()
        for part, array in zip(layers, arrays, strict=True)
    ]
    width = arrays[-1].shape[1]
    return {
        "kind": "network",
        "spread": float(spread),
        "weights": arrays,
        "biases": [bias.astype(np.float64) for bias in biases],
        "coef": np.eye(width),
        "intercept": np.zeros(width),
    }


def features(encoder, Z):  # dict, (n, r) -> (n, p)
    """What the last linear map of the encoder is applied to."""
    if encoder["kind"] == "blend":
        return np.hstack([Z, features(encoder | {"kind": "fourier"}, Z)])
    if encoder["kind"] == "fourier":
        inputs = _inputs(Z, encoder["spread"])
        phase = inputs @ encoder["frequencies"]
        return np.hstack([inputs, np.cos(phase), np.sin(phase)])
    hidden = np.asarray(Z, dtype=np.float64) / encoder["spread"]
    *inner, last = zip(encoder["weights"], encoder["biases"], strict=True)
    for weight, bias in inner:
        hidden = _gelu(hidden @ weight + bias)
    return hidden @ last[0] + last[1]


def _gelu(x):
    return 0.5 * x * (1 + erf(x / np.sqrt(2)))


def encode(encoder, Z):  # dict, (n, r) -> (n, q)
    """Outputs for rows of principal scores."""
    return features(encoder, Z) @ encoder["coef"] + encoder["intercept"]


def encode_blocks(encoder, Z):  # dict, (n, r) -> (n, q)
    """The same for many rows."""
    return np.concatenate([encode(encoder, Z[rows]) for rows in row_blocks(len(Z))])


def followed_by(encoder, matrix, mean):  # dict, (q, k), (q,) -> dict
    """The encoder whose outputs y are replaced by (y - mean) @ matrix."""
    return encoder | {
        "coef": encoder["coef"] @ matrix,
        "intercept": (encoder["intercept"] - mean) @ matrix,
    }


def keep_map(estimator, found, loss_curve, dtype):
    """Set the fitted attributes of an estimator, the map among them, in the dtype of the rows."""
    found = estimator._model = found.astype(dtype)
    estimator.mean_, estimator.components_ = found.mean, found.components
    estimator.explained_variance_ = found.explained_variance
    estimator.neighbor_correlation_ = found.correlation
    estimator.n_components_ = q = len(found.explained_variance)
    estimator.loss_curve_, estimator.n_iter_ = loss_curve, max(1, len(loss_curve))
    if q < estimator.n_components:
        warnings.warn(
            f"n_components={estimator.n_components} is more than the {q} directions in which the "
            "training rows vary, and vary like their neighbours; there are as many outputs.",
            UserWarning,
            stacklevel=3,
        )


def former_map(attributes):
    """The map of the attributes that format 1 had; what it replaces is taken out of them."""
    attributes.pop("_dtype")
    return NeighborMap(
        attributes["mean_"],
        attributes["components_"],
        attributes.pop("_encoder"),
        attributes.pop("_directions"),
        attributes["explained_variance_"],
        attributes["neighbor_correlation_"],
        attributes.pop("_decoding"),
    )
