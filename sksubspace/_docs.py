"""Entries of docstrings that several estimators share, written once.

A line of a class docstring that is ``{name}`` and nothing else becomes the entry of that name, by
`fill_parameters`. What stands below the line, further in, goes on with the entry.
"""

import inspect
import re

__all__ = ["SHARED", "fill_parameters"]

# {default} is the default of the signature, so that the two cannot differ
SHARED: dict[str, str] = {
    # parameters of subspace clusterings
    "n_clusters": """
n_clusters : int, default={default}
    Number of clusters.
""",
    "subspace_dim": """
subspace_dim : int or "auto", default={default}
    Dimension of the subspace of each cluster, which `predict`, `transform` and `score` use. "auto"
    keeps 99 % of the energy of the members, by at most 15 directions.
""",
    "normalize": """
normalize : bool, default={default}
    Whether rows are scaled to unit length first.
""",
    "n_init": """
n_init : int, default={default}
    Starts of k-means on the eigenvectors.
""",
    # parameters of what trains a network
    "device": """
device : str or torch.device, default={default}
    Where networks run: "auto" is a CUDA device if there is one, else the CPU.
""",
    "batch_size": """
batch_size : int, default={default}
    Rows in a training step.
""",
    "n_iter_no_change": """
n_iter_no_change : int, default={default}
    Epochs without improvement after which the training stops.
""",
    "random_state": """
random_state : int, RandomState instance or None, default={default}
""",
    # attributes of subspace clusterings
    "subspaces_": """
labels_ : ndarray of shape (n_samples,)
    Cluster of each training row.

n_clusters_ : int
    Number of clusters found.

cluster_means_ : ndarray of shape (n_clusters, n_features)
    A point of each cluster's subspace.

cluster_bases_ : list of ndarray of shape (subspace_dim_k, n_features)
    Orthonormal rows that span each cluster's subspace, by decreasing variance.
""",
    "graph_": """
affinity_matrix_ : CSR matrix of shape (n_samples, n_samples) or None
    The graph; None with landmarks.

eigenvalues_ : ndarray of shape (n_eigenvalues,)
    Largest eigenvalues of the normalised graph, descending.

landmark_indices_ : ndarray of shape (n_landmarks,) or None
    Training rows that are landmarks.
""",
    # attributes of every estimator
    "features_": """
n_features_in_ : int
    Number of features seen in `fit`.

feature_names_in_ : ndarray of shape (`n_features_in_`,)
    Names of the features, where X has string names.
""",
}

_PLACEHOLDER = re.compile(r"^(?P<indent> *)\{(?P<name>\w+)\}$", re.MULTILINE)


def fill_parameters(cls):
    """Fill the shared entries into the docstring of an estimator, as a class decorator.

    Parameters
    ----------
    cls : type
        Its docstring names entries of `SHARED`.

    Returns
    -------
    type
        The same class.

    Raises
    ------
    KeyError
        If there is no such entry.

    Examples
    --------
    >>> @fill_parameters
    ... class Estimator:
    ...     __doc__ = "{batch_size}"
    ...
    ...     def __init__(self, batch_size=128):
    ...         self.batch_size = batch_size
    >>> print(Estimator.__doc__)
    batch_size : int, default=128
        Rows in a training step.
    """
    if cls.__doc__ is not None:  # python -OO leaves docstrings out
        defaults = inspect.signature(cls.__init__).parameters
        cls.__doc__ = _PLACEHOLDER.sub(lambda found: _entry(found, defaults), cls.__doc__)
    return cls


def _entry(found, defaults):
    """Give the entry of a placeholder, as far in as it stands."""
    name, indent = found["name"], found["indent"]
    text = SHARED[name].strip("\n")
    if name in defaults:
        value = defaults[name].default
        text = text.replace("{default}", f'"{value}"' if isinstance(value, str) else repr(value))
    return "\n".join(indent + line if line else line for line in text.split("\n"))
