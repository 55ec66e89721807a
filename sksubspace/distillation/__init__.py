"""Distillation of embeddings into encoders and decoders."""

from sksubspace.distillation._components import ScoreComponents
from sksubspace.distillation._medal import MEDAL
from sksubspace.distillation._shift import ShiftResult

__all__ = ["MEDAL", "ScoreComponents", "ShiftResult"]


def has_leave_one_out(medal):
    """Whether both parts of a MEDAL have a leave-one-out form, so that it has a `loo_score_`."""
    closed = isinstance(medal.encoder, str) and isinstance(medal.decoder, str)
    closed = closed and medal.encoder in ("auto", "local", "linear")
    return closed and medal.decoder in ("auto", "ridge") and medal.strategy == "decoupled"
