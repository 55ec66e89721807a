"""Subspaces and dictionaries: Stein subspaces with their score models, supervised dictionaries."""

from sksubspace.decomposition._score_denoiser import DenoiserScore
from sksubspace.decomposition._score_gaussian import GaussianScore
from sksubspace.decomposition._score_mixture import MixtureScore
from sksubspace.decomposition._score_student_t import StudentTScore
from sksubspace.decomposition._stein_pca import SteinPCA
from sksubspace.decomposition._stein_subspace import SteinSubspace
from sksubspace.decomposition._supervised_dictionary import SupervisedDictionaryLearning

__all__ = [
    "DenoiserScore",
    "GaussianScore",
    "MixtureScore",
    "SteinPCA",
    "SteinSubspace",
    "StudentTScore",
    "SupervisedDictionaryLearning",
]
