"""What a combination of parameters asks for, settled before any work is done."""

import math
import warnings
from dataclasses import dataclass, replace

import numpy as np
from torch import nn

from sksubspace._parameters import check_widths
from sksubspace._student import FourierRidge, LinearEncoder, MedianEncoder, StudentPlan
from sksubspace._student._groups import groups_of_equal_rows
from sksubspace._student._local import LocalEncoder
from sksubspace._student._networks import NetworkDecoder, NetworkEncoder
from sksubspace._trained import make_trainer

# p-values below .01 need as many
_FEW = 99


@dataclass(frozen=True)
class FitPlan:
    """Which student to learn, and which rows to hold out."""

    student: StudentPlan
    calibration: str  # "loo" or "holdout"
    validation_fraction: float

    def split(self, X, groups, random_state):  # -> (n_fitted,), (n_held,)
        """Rows to fit on and rows to hold out, by whole groups; at least two are fitted on."""
        n_samples = X.shape[0]
        if self.calibration == "loo":
            return np.arange(n_samples), np.arange(0)
        groups = groups_of_equal_rows(X) if groups is None else groups
        order = random_state.permutation(groups.max() + 1)[groups]
        n_held = min(math.ceil(self.validation_fraction * n_samples), n_samples - 2)
        sizes = np.cumsum(np.bincount(order))
        held = order < np.searchsorted(sizes, n_held, side="right")
        return np.flatnonzero(~held), np.flatnonzero(held)

    def reference(self, left_out, X, embedding, fitted, held, groups):  # -> dict
        """Left-out errors of the rows fitted on, or the errors of those held out."""
        student = left_out.student
        if self.calibration == "loo":
            placed = student.latent_scale.unscale(left_out.placed)
            scores = left_out.squared_errors / X.shape[1]
            return calibration("loo", scores, placed, fitted, left_out.groups)
        scores, numbers = np.empty(0), None
        if len(held):
            scores = student.squared_errors(X[held], embedding[held]) / X.shape[1]
        if groups is not None:
            numbers = np.unique(groups[held], return_inverse=True)[1]
        return calibration("holdout", scores, embedding[held], held, numbers)


def warn_of_few(source, scores, numbers, stacklevel):
    """Say what the smallest p-value is where the rows held out are few."""
    n_units = len(scores) if numbers is None else numbers.max(initial=-1) + 1
    if source == "holdout" and 0 < n_units < _FEW:
        warnings.warn(
            f"calibration='holdout' keeps {n_units} rows or groups, so that no p-value is below "
            f"{1 / (n_units + 1):.2g}; calibration='loo' takes all rows, calibrate fresh ones.",
            UserWarning,
            stacklevel=stacklevel,
        )


def calibration(source, scores, placed, indices, groups):  # -> dict
    """Fitted attributes that are the reference of p-values and of the shift test."""
    return {
        "calibration_": source,
        "calibration_scores_": np.asarray(scores, dtype=np.float64),
        "calibration_embedding_": np.asarray(placed, dtype=np.float64),
        "calibration_indices_": indices,
        "calibration_groups_": groups,
    }


def make_plan(medal, embedding):
    """Check how the parameters of a MEDAL fit together."""
    _check_embedding_argument(medal, embedding)
    if isinstance(medal.teacher, type):
        name = medal.teacher.__name__
        raise TypeError(f"teacher must be an instance such as {name}(), got the class.")
    student = student_plan(medal)
    source = medal.calibration if student.has_left_out else "holdout"
    if source != medal.calibration:
        warnings.warn(
            f"calibration='loo' needs an encoder and a decoder with a leave-one-out form, not "
            f"{student}; calibration='holdout' is used, and "
            f"validation_fraction={medal.validation_fraction} of the rows are held out.",
            UserWarning,
            stacklevel=4,
        )
    return FitPlan(student, source, medal.validation_fraction)


def student_plan(medal):
    """The student that the parameters of a MEDAL describe.

    Raises
    ------
    TypeError, ValueError
        If a part is a class, is fitted, has not the methods that it needs, or does not fit the
        strategy.
    """
    widths = check_widths(medal.hidden_layer_sizes, at_least_one=True)
    joint = medal.strategy == "joint"
    return StudentPlan(
        encoders=_encoders(medal, widths, joint),
        decoder=_decoder(medal, widths, joint),
        scale=medal.scale,
        match_weight=medal.match_weight if joint else None,
        make_trainer=lambda dtype, random_state: replace(
            make_trainer(medal, dtype, random_state), estimator=medal
        ),
    )


def _encoders(medal, widths, joint):
    exact = medal.exact is not None
    network = {"hidden_layer_sizes": widths, "input_noise": medal.input_noise, "exact": exact}
    if isinstance(medal.encoder, nn.Module):
        return (NetworkEncoder(medal.encoder, **network),)
    if joint and medal.encoder not in ("auto", "mlp"):
        _refuse_joint("encoder", medal.encoder)
    if joint or medal.encoder == "mlp":
        return (NetworkEncoder(None, **network),)
    median, linear = MedianEncoder(medal.n_neighbors), LinearEncoder(exact)
    local = LocalEncoder(medal.n_neighbors)
    # of equally good ones the first is taken: the simpler
    named = {"auto": (linear, median), "median": (median,), "linear": (linear,), "local": (local,)}
    if isinstance(medal.encoder, str):
        return named[medal.encoder]
    return (_checked(medal.encoder, "encoder", "fit(X, Z, groups) and predict(X)"),)


def _decoder(medal, widths, joint):
    if isinstance(medal.decoder, nn.Module):
        return NetworkDecoder(medal.decoder, widths)
    if joint and medal.decoder not in ("auto", "mlp"):
        _refuse_joint("decoder", medal.decoder)
    if joint or medal.decoder == "mlp":
        return NetworkDecoder(None, widths)
    if isinstance(medal.decoder, str):
        return FourierRidge()
    return _checked(medal.decoder, "decoder", "fit(Z, Z_out, X, forget) and predict(Z)")


def _checked(part, role, methods):
    """Refuse a part that is a class, or fitted already."""
    kind = part.__name__ if isinstance(part, type) else type(part).__name__
    if isinstance(part, type):
        raise TypeError(f"{role} must be an object with {methods}, got the class {kind}.")
    fitted = [name for name in vars(part) if name.endswith("_") and not name.startswith("_")]
    if fitted:
        raise ValueError(
            f"{role} must be an unfitted object with {methods}, got a {kind} that has {fitted[0]}."
        )
    return part


def _refuse_joint(role, part):
    raise ValueError(
        f"strategy='joint' trains networks: {role} must be 'auto', 'mlp' or a torch.nn.Module, "
        f"got {part!r}."
    )


def _check_embedding_argument(medal, embedding):
    precomputed = isinstance(medal.teacher, str) and medal.teacher == "precomputed"
    if precomputed and embedding is None:
        raise ValueError("teacher='precomputed' needs fit(X, embedding=Z), got embedding=None.")
    if embedding is not None and not precomputed:
        raise ValueError(
            f"embedding is only used with teacher='precomputed', got teacher={medal.teacher!r}."
        )
    if precomputed:
        warnings.warn(
            "A precomputed embedding was drawn with all of its rows in view: scores of rows that "
            "were among them are optimistic. Use a teacher for honest held-out scores.",
            UserWarning,
            stacklevel=5,
        )
