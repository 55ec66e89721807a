"""The choice among clusterings without labels: candidates, scores, the estimators."""

from sksubspace.cluster._auto._any import AutoClustering
from sksubspace.cluster._auto._auto import AutoSubspaceClustering
from sksubspace.cluster._auto._candidates import default_clusterings
from sksubspace.cluster._auto._scores import subspace_r2

__all__ = ["AutoClustering", "AutoSubspaceClustering", "default_clusterings", "subspace_r2"]
