"""Distillation of embeddings into encoders and decoders."""

from sksubspace.distillation._components import ScoreComponents
from sksubspace.distillation._medal import MEDAL
from sksubspace.distillation._shift import ShiftResult

__all__ = ["MEDAL", "ScoreComponents", "ShiftResult"]
