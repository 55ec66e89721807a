"""What a combination of parameters asks for, settled before any work is done."""

import math
import warnings
from dataclasses import dataclass
from numbers import Integral

import numpy as np
from torch import nn


@dataclass(frozen=True)
class Plan:
    """Which parts to learn, and which rows to hold out."""

    joint: bool
    encoders: tuple  # of "linear" and "local", or one of ("mlp",), ("module",)
    decoder: str  # "ridge", "mlp" or "module"
    calibration: str  # "loo" or "holdout"
    validation_fraction: float

    @property
    def closed_encoder(self):
        """Whether the encoder has a leave-one-out form."""
        return self.encoders[0] in ("linear", "local")

    def split(self, n_samples, random_state):  # -> (n_fitted,), (n_held,)
        """Rows to fit on and rows to hold out; at least two are fitted on."""
        if self.calibration == "loo":
            return np.arange(n_samples), np.arange(0)
        n_held = min(math.ceil(self.validation_fraction * n_samples), n_samples - 2)
        order = random_state.permutation(n_samples)
        return np.sort(order[n_held:]), np.sort(order[:n_held])


def make_plan(estimator, embedding):
    """Check how the parameters of a MEDAL fit together."""
    _check_embedding_argument(estimator, embedding)
    _check_teacher(estimator.teacher)
    _check_widths(estimator.hidden_layer_sizes)
    joint = estimator.strategy == "joint"
    encoders = _encoders(estimator.encoder, joint)
    decoder = _decoder(estimator.decoder, joint)
    has_loo = encoders[0] in ("linear", "local") and decoder == "ridge"
    calibration = estimator.calibration if has_loo else "holdout"
    if calibration != estimator.calibration:
        warnings.warn(
            f"calibration='loo' needs an encoder and a decoder with a leave-one-out form, not "
            f"encoder={encoders[0]!r} with decoder={decoder!r}; calibration='holdout' is used, and "
            f"validation_fraction={estimator.validation_fraction} of the rows are held out.",
            UserWarning,
            stacklevel=4,
        )
    return Plan(joint, encoders, decoder, calibration, estimator.validation_fraction)


def _encoders(encoder, joint):
    if isinstance(encoder, nn.Module):
        return ("module",)
    if not joint:
        return ("linear", "local") if encoder == "auto" else (encoder,)
    if encoder in ("auto", "mlp"):
        return ("mlp",)
    raise ValueError(
        "strategy='joint' trains networks: encoder must be 'auto', 'mlp' or a torch.nn.Module, "
        f"got {encoder!r}."
    )


def _decoder(decoder, joint):
    if isinstance(decoder, nn.Module):
        return "module"
    if not joint:
        return "ridge" if decoder == "auto" else decoder
    if decoder in ("auto", "mlp"):
        return "mlp"
    raise ValueError(
        "strategy='joint' trains networks: decoder must be 'auto', 'mlp' or a torch.nn.Module, "
        f"got {decoder!r}."
    )


def _check_embedding_argument(estimator, embedding):
    precomputed = isinstance(estimator.teacher, str) and estimator.teacher == "precomputed"
    if precomputed and embedding is None:
        raise ValueError("teacher='precomputed' needs fit(X, embedding=Z), got embedding=None.")
    if embedding is not None and not precomputed:
        raise ValueError(
            f"embedding is only used with teacher='precomputed', got teacher={estimator.teacher!r}."
        )
    if precomputed:
        warnings.warn(
            "A precomputed embedding was drawn with all of its rows in view: scores of rows that "
            "were among them are optimistic. Use a teacher for honest held-out scores.",
            UserWarning,
            stacklevel=5,
        )


def _check_teacher(teacher):
    if isinstance(teacher, type):
        raise TypeError(f"teacher must be an instance such as {teacher.__name__}(), got the class.")


def _check_widths(hidden_layer_sizes):
    widths = list(hidden_layer_sizes)
    if not widths or not all(isinstance(width, Integral) and width > 0 for width in widths):
        raise ValueError(
            "hidden_layer_sizes must be a sequence of at least one positive int, got "
            f"{hidden_layer_sizes!r}."
        )
