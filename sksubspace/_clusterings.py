"""Clusterings that a caller lists, made ready, and fitted so that a failure is an answer."""

import threading
import time
import warnings
from collections import Counter
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import FitFailedWarning
from sklearn.mixture import BayesianGaussianMixture, GaussianMixture

from sksubspace._threads import small_work

__all__ = [
    "Clustered",
    "check_found",
    "clustered",
    "named_candidates",
    "prepare",
    "tell_failures",
    "worth_telling",
]


@dataclass
class Clustered:
    """What became of one fit.

    Attributes
    ----------
    labels : ndarray of shape (n_samples,) or None
        Clusters, negative for rows of none; None if the fit failed.
    estimator : estimator or None
        Fitted.
    seconds : float
        Wall-clock time of the fit.
    n_clusters : int
        Clusters that were found.
    error : str
        What went wrong, in one line.
    warnings : list of (Warning, type)
        What the fit warned of.
    """

    labels: np.ndarray | None = None
    estimator: object = None
    seconds: float = 0.0
    n_clusters: int = 0
    error: str = ""
    warnings: list = field(default_factory=list)


def named_candidates(candidates):  # -> dict of str to estimator
    """Check what the caller lists, and return the caller's own objects by name, in order.

    Clusterings without a name are called by their class, the second of a class "KMeans 2". A
    TypeError or ValueError if something in it is no clustering, if names repeat, or if nothing is
    in it.
    """
    if not isinstance(candidates, Mapping | list | tuple):
        raise TypeError(
            "candidates must be 'default', a dict of names to clusterings, or a list of clusterings"
            f" or of pairs (name, clustering), got {candidates!r}."
        )
    is_named = isinstance(candidates, Mapping)
    pairs = list(candidates.items()) if is_named else _with_names(candidates)
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


def _with_names(candidates):
    """Pairs of a list, in which clusterings alone have the name of their class, and a number."""
    given = [one[0] for one in candidates if isinstance(one, tuple | list) and len(one) == 2]
    taken, pairs = Counter(given), []
    for one in candidates:
        if hasattr(one, "fit_predict") and not isinstance(one, type):
            kind = type(getattr(one, "_final_estimator", one)).__name__
            name, number = kind, 1
            while taken[name]:
                number += 1
                name = f"{kind} {number}"
            taken[name] += 1
            one = (name, one)
        pairs.append(one)
    return pairs


def _check_pair(pair):
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        raise TypeError(
            f"candidates must be a dict, clusterings or pairs (name, clustering), got {pair!r}."
        )
    name, estimator = pair
    if not isinstance(name, str) or not name.strip():
        raise TypeError(f"Names of candidates must be strings that are not empty, got {name!r}.")
    if isinstance(estimator, type) or not hasattr(estimator, "fit_predict"):
        raise TypeError(
            f"Candidate {name!r} must be a clustering, an estimator with fit_predict, "
            f"got {estimator!r}."
        )


def prepare(estimator, n_clusters, random_state):  # -> estimator
    """Clone a clustering, with the number of clusters, and a seed where it has none.

    Each parameter `n_clusters` is set, also of a step of a pipeline, and `n_components` of mixtures
    of Gaussians, which are clusters. One integer is drawn.
    """
    own = clone(estimator)
    seed = random_state.randint(2**31 - 1)
    params = own.get_params()
    for name, value in sorted(params.items()):
        of, _, last = name.rpartition("__")
        owner = params[of] if of else own
        if last == "n_clusters" or (last == "n_components" and _is_mixture(owner)):
            own.set_params(**{name: n_clusters})
        elif last == "random_state" and value is None:
            own.set_params(**{name: seed})
    return own


def _is_mixture(estimator):
    return isinstance(estimator, GaussianMixture | BayesianGaussianMixture)


def clustered(estimator, X, n_clusters, fewest=2):  # -> Clustered
    """Fit a clustering to rows, on one thread.

    What it raises is told in the outcome, and so are more than `n_clusters` clusters or less than
    `fewest`, which cannot be compared; a full disk or memory, which says nothing of a candidate, is
    raised.
    """
    outcome = Clustered(estimator=estimator)
    with small_work(0), _caught_warnings() as caught:
        try:
            start = time.perf_counter()
            labels = np.asarray(estimator.fit_predict(X))
            outcome.seconds = time.perf_counter() - start
            outcome.n_clusters = len(np.unique(labels[labels >= 0]))
            check_found(outcome.n_clusters, n_clusters, min(fewest, n_clusters))
            outcome.labels = labels
        except (OSError, MemoryError):
            raise
        except Exception as error:  # whatever a candidate raises is its own failure
            outcome.error = " ".join(f"{type(error).__name__}: {error}".split())
    outcome.warnings = [(one.message, one.category) for one in caught]
    return outcome


@contextmanager
def _caught_warnings():
    # filters belong to the process: in threads they are left alone
    if threading.current_thread() is not threading.main_thread():
        yield []
        return
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield caught


def check_found(n_found, n_clusters, fewest=1):
    """Raise a ValueError for a number of clusters that does not compare with `n_clusters`."""
    if not fewest <= n_found <= n_clusters:
        raise ValueError(
            f"found {n_found} clusters, where {fewest} to n_clusters={n_clusters} can be compared."
        )


def tell_failures(names, errors, stacklevel):
    """Warn of candidates that failed, by name with the reason; raise a ValueError if all have."""
    failed = [f"{name}: {error}" for name, error in zip(names, errors, strict=True) if error]
    if not failed:
        return
    if len(failed) == len(names):
        raise ValueError(f"Every candidate failed. {'; '.join(failed)}")
    warnings.warn(
        f"{len(failed)} of {len(names)} candidates failed and are ranked last. {'; '.join(failed)}",
        FitFailedWarning,
        stacklevel=stacklevel + 1,
    )


def worth_telling(errors, by_default):
    """Errors to warn of: not that one of the defaults finds its own number of clusters.

    If all have failed, all are told.
    """
    if by_default and not all(errors):
        return ["" if error.startswith("ValueError: found ") else error for error in errors]
    return errors
