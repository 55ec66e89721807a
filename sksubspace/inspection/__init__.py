"""Pictures of maps: matplotlib displays with `from_estimator` and `from_predictions`."""

from sksubspace.inspection._atoms import AtomsDisplay
from sksubspace.inspection._clustering import ClusteringDisplay
from sksubspace.inspection._distortion import DistortionDisplay
from sksubspace.inspection._embedding import EmbeddingDisplay
from sksubspace.inspection._latent_grid import LatentGridDisplay
from sksubspace.inspection._latent_importance import LatentImportanceDisplay
from sksubspace.inspection._loss_curve import LossCurveDisplay
from sksubspace.inspection._reliability import ReliabilityDisplay
from sksubspace.inspection._shift import ShiftDisplay
from sksubspace.inspection._tuning import TuningCurveDisplay

__all__ = [
    "AtomsDisplay",
    "ClusteringDisplay",
    "DistortionDisplay",
    "EmbeddingDisplay",
    "LatentGridDisplay",
    "LatentImportanceDisplay",
    "LossCurveDisplay",
    "ReliabilityDisplay",
    "ShiftDisplay",
    "TuningCurveDisplay",
]
