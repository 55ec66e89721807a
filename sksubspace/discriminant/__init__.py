"""Classifiers that look at subspaces: subclass discriminants, subspaces as classes, class codes."""

from sksubspace.discriminant._grassmann import GrassmannClassifier
from sksubspace.discriminant._subclass import SubclassDiscriminantAnalysis
from sksubspace.discriminant._target_embedding import TargetEmbeddingClassifier

__all__ = ["GrassmannClassifier", "SubclassDiscriminantAnalysis", "TargetEmbeddingClassifier"]
