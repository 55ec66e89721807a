"""What `AutoSubspaceClustering` tries: clusterings under unique names, simplest first."""

from collections.abc import Mapping

from sklearn.base import clone
from sklearn.cluster import KMeans

from sksubspace.cluster._base import auto_candidates

__all__ = ["named_candidates", "prepare"]


def named_candidates(candidates):  # -> dict of str to estimator
    """Check what the caller lists, and return the caller's own objects by name, in order.

    A TypeError or ValueError if something in it is no clustering or has no name of its own, or if
    nothing is in it.
    """
    if isinstance(candidates, str):
        return {"k-means": KMeans(n_init=10), **auto_candidates()}
    pairs = list(candidates.items() if isinstance(candidates, Mapping) else candidates)
    if not pairs:
        raise ValueError("candidates must have at least one clustering, got none.")
    for pair in pairs:
        _check_pair(pair)
    named = dict(pairs)
    if len(named) < len(pairs):
        raise ValueError(
            f"candidates must have names of their own, got {[name for name, _ in pairs]}."
        )
    return named


def prepare(estimator, n_clusters, random_state):  # -> estimator
    """Clone a clustering, with the number of clusters, and a seed where it has none.

    Each parameter `n_clusters` is set, also of a step of a pipeline. One integer is drawn.
    """
    own = clone(estimator)
    seed = random_state.randint(2**31 - 1)
    for name, value in sorted(own.get_params().items()):
        if name.split("__")[-1] == "n_clusters":
            own.set_params(**{name: n_clusters})
        elif name.split("__")[-1] == "random_state" and value is None:
            own.set_params(**{name: seed})
    return own


def _check_pair(pair):
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        raise TypeError(f"candidates must be a dict or pairs (name, estimator), got {pair!r}.")
    name, estimator = pair
    if not isinstance(name, str) or not name.strip():
        raise TypeError(f"Names of candidates must be strings that are not empty, got {name!r}.")
    if isinstance(estimator, type) or not hasattr(estimator, "fit_predict"):
        raise TypeError(
            f"Candidate {name!r} must be a clustering, an estimator with fit_predict, "
            f"got {estimator!r}."
        )
