"""Classifiers that look at subspaces: subclass discriminants, subspaces as classes, class codes."""

from sksubspace.discriminant._grassmann import GrassmannClassifier
from sksubspace.discriminant._subclass import SubclassDiscriminantAnalysis

__all__ = ["GrassmannClassifier", "SubclassDiscriminantAnalysis"]
