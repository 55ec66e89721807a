"""Entries of docstrings that several estimators or functions share, written once.

A line of a docstring that is ``{name}`` and nothing else becomes the entry of that name, by
`fill_parameters`. What stands below the line, further in, goes on with the entry.
"""

import inspect
import re
from collections.abc import Callable
from typing import Any, TypeVar

__all__ = ["SHARED", "fill_parameters"]

_Documented = TypeVar("_Documented", bound=Callable[..., Any])

# {default} is the default of the signature, so that the two cannot differ
SHARED: dict[str, str] = {
    # parameters of subspace clusterings
    "n_clusters": """
n_clusters : int, default={default}
    Number of clusters.
""",
    "subspace_dim": """
subspace_dim : int or "auto", default={default}
    Dimension of the subspace of each cluster, which `predict`, `transform` and `score` use.
    "auto" keeps 99 % of the energy of the members, by at most 15 directions.
""",
    "normalize": """
normalize : bool, default={default}
    Whether rows are scaled to unit length first.
""",
    "n_init": """
n_init : int, default={default}
    Starts of k-means on the eigenvectors.
""",
    "n_landmark_draws": """
n_landmark_draws : int, default={default}
    Sets of landmarks, whose coefficients are put side by side.
""",
    "batch_size_of_codes": """
batch_size : int or "auto", default={default}
    Rows expressed at a time; it changes speed and memory only.
""",
    # parameters of what runs on a device or trains a network
    "device": """
device : str or torch.device, default={default}
    Where the work is done: "auto" is a CUDA device if there is one, else the CPU.
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
    "landmark_indices_": """
landmark_indices_ : ndarray of shape (n_landmarks,) or None
    Training rows that are landmarks.
""",
    "eigenvalues_": """
eigenvalues_ : ndarray of shape (n_eigenvalues,)
    Largest eigenvalues of the normalised graph, descending.
""",
    "affinity_matrix_": """
affinity_matrix_ : CSR matrix of shape (n_samples, n_samples) or None
    The graph; None with landmarks.
""",
    # parameters of autoencoders
    "even_batch_size": """
batch_size : int, default={default}
    Most rows in a training step; the batches of an epoch are of about one size.
""",
    "early_stopping": """
early_stopping : bool, default={default}
    Whether rows are held out, the training stops when their loss no longer becomes smaller, and the
    weights with the smallest loss are taken. Otherwise all rows are trained on for ``max_iter``
    epochs.
""",
    "validation_fraction": """
validation_fraction : float, default={default}
    Share of the rows that are held out with ``early_stopping=True``.
""",
    "validation_tol": """
tol : float, default={default}
    Smallest improvement of the validation loss that counts.
""",
    "checkpoint": """
checkpoint : str, os.PathLike or None, default={default}
    Folder in which ``fit`` keeps its state after every epoch. A fit that was killed goes on from
    there when it is called again with the same parameters and data, and ends with the same bits.
    After a fit that was finished a new one starts anew. The file is named after parameters and
    data, so that many fits, such as those of a search, may share a folder.
""",
    "autocast": """
autocast : bool, default={default}
    Whether to train in mixed precision with bfloat16. The weights are then float32.
""",
    # attributes of autoencoders
    "units_": """
mean_ : ndarray of shape (`n_features_in_`,)
    Mean of the training rows.

scale_ : float
    Root mean variance of the features. Standardised rows are centred and divided by it.
""",
    "epochs_": """
validation_loss_curve_ : list of float or None
    The same on the rows held out; None without any.

n_iter_ : int
    Number of epochs.
""",
    # what metrics of ranks in two spaces need and raise
    "data_and_map": """
X : {array-like, CSR matrix} of shape (n_samples, n_features)
    Data.

Z : array-like of shape (n_samples, n_components)
    Map of the same rows.
""",
    "training_pair": """
X_train : {array-like, CSR matrix} of shape (n_train, n_features), default=None
    Training data. Where it is given, X and Z are held-out rows, and their neighbours are
    searched among the training rows in both spaces. None searches among the other rows.

Z_train : array-like of shape (n_train, n_components), default=None
    Map of the training data.
""",
    "rank_errors": """
TypeError
    If `n_neighbors` or `max_samples` is not an integer, or Z is sparse.

ValueError
    If the shapes do not agree, a value is not finite, a number is out of its range, or one of
    `X_train` and `Z_train` is missing.
""",
    # rows that a fitted map is asked about
    "any_rows": """
X : {array-like, sparse matrix} of shape (n_samples, n_features)
    Rows.
""",
    # what an eraser is told of rows
    "concept_target": """
y : array-like of shape (n_samples,) or (n_samples, n_concepts), default={default}
    The concept, where there is no `concept`.
""",
    "concept": """
concept : array-like of shape (n_samples,) or (n_samples, n_concepts), default={default}
    The concept, where y is something else, as in a pipeline; y is then ignored.
""",
    "center_by": """
center_by : array-like of shape (n_samples,), default={default}
    Groups of the rows, such as their source, where `fit` was told groups.
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


def fill_parameters(documented: _Documented) -> _Documented:
    """Fill the shared entries into the docstring of an estimator or a function, as a decorator.

    Parameters
    ----------
    documented : type or function
        Its docstring names entries of `SHARED`.

    Returns
    -------
    type or function
        The same class or function.

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
    text = documented.__doc__
    if text is not None:  # python -OO leaves docstrings out
        signed = documented.__init__ if inspect.isclass(documented) else documented
        parameters = inspect.signature(signed).parameters
        documented.__doc__ = _PLACEHOLDER.sub(lambda found: _entry(found, parameters), text)
    return documented


def _entry(found, parameters):
    """Give the entry of a placeholder, as far in as it stands."""
    text = SHARED[found["name"]].strip("\n")
    head = text.split(" : ")[0]
    if head in parameters:
        value = parameters[head].default
        text = text.replace("{default}", f'"{value}"' if isinstance(value, str) else repr(value))
    return "\n".join(found["indent"] + line if line else line for line in text.split("\n"))
