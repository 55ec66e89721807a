"""Whether a subspace may be the principal one, and how far from the sample's the true one is."""

from sksubspace.inference._confidence import PrincipalSubspaceConfidence
from sksubspace.inference._hypothesis import SubspaceTest, principal_subspace_test

__all__ = ["PrincipalSubspaceConfidence", "SubspaceTest", "principal_subspace_test"]
