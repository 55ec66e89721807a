"""Generated data whose structure is known, and real data from their public homes."""

from sksubspace.datasets._fetch import fetch_orl, fetch_usps
from sksubspace.datasets._multi_index import make_multi_index
from sksubspace.datasets._union_of_manifolds import make_union_of_manifolds
from sksubspace.datasets._union_of_subspaces import make_union_of_subspaces

__all__ = [
    "make_union_of_subspaces",
    "make_union_of_manifolds",
    "make_multi_index",
    "fetch_orl",
    "fetch_usps",
]
