"""Subspaces from scores of the density: SteinSubspace, SteinPCA and their parts."""
