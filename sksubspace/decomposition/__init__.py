"""Subspaces and dictionaries: Stein subspaces with their score models, supervised dictionaries."""

from sksubspace.decomposition._dictionary._supervised_dictionary import SupervisedDictionaryLearning
from sksubspace.decomposition._score._denoiser import DenoiserScore
from sksubspace.decomposition._score._gaussian import GaussianScore
from sksubspace.decomposition._score._mixture import MixtureScore
from sksubspace.decomposition._score._student_t import StudentTScore
from sksubspace.decomposition._stein._pca import SteinPCA
from sksubspace.decomposition._stein._subspace import SteinSubspace

__all__ = [
    "DenoiserScore",
    "GaussianScore",
    "MixtureScore",
    "SteinPCA",
    "SteinSubspace",
    "StudentTScore",
    "SupervisedDictionaryLearning",
]
