"""A teacher that is timed, and whose embeddings are remembered."""

import warnings
from contextlib import nullcontext
from functools import partial
from threading import Lock
from time import perf_counter

from sklearn.base import BaseEstimator, clone

from sksubspace._threads import kept_threads
from sksubspace.model_selection._memory import Store

# numba's plain threading layer, which UMAP gets where no OpenMP is found, aborts the process when
# two threads enter it
_ONE_AT_A_TIME = Lock()


class RememberedTeacher(BaseEstimator):
    """Stand in for a teacher within MEDAL, which seeds it as it would the teacher alone.

    Parameters
    ----------
    teacher : estimator
        What draws the embedding.

    store : Store or None, default=None
        Where embeddings are kept, under the teacher with its parameters and the rows it is given.

    keep : bool, default=False
        Whether the fitted teacher is kept too.

    Attributes
    ----------
    seconds_ : float
        Wall-clock time of the fit, also where it was remembered.

    elapsed_ : float
        Wall-clock time that this call took.

    fitted_ : estimator or None
        The fitted teacher if it was to be kept.
    """

    def __init__(self, teacher=None, store=None, keep=False):
        self.teacher = teacher
        self.store = store
        self.keep = keep

    def fit_transform(self, X, y=None):  # (n, d) -> (n, q)
        """Fit the teacher to X and return its embedding, or what is remembered of it."""
        store = self.store or Store()
        parts = partial(_describe, self.teacher, X, self.keep)
        fit = partial(_timed_fit, self.teacher, X, self.keep)
        start = perf_counter()
        Z, self.seconds_, self.fitted_ = store.remember("teachers", parts, fit)
        self.elapsed_ = perf_counter() - start
        return Z


def seeded(teacher, seed):
    """Copy a teacher and give each unset `random_state` in it a number.

    Parameters
    ----------
    teacher : estimator
        Not changed.

    seed : int
        The number.

    Returns
    -------
    estimator
        Unfitted.
    """
    teacher = clone(teacher, safe=False)
    if not hasattr(teacher, "get_params"):
        return teacher
    unset = {
        name: seed
        for name, value in teacher.get_params(deep=True).items()
        if name.split("__")[-1] == "random_state" and value is None
    }
    return teacher.set_params(**unset) if unset else teacher


def _describe(teacher, X, keep):
    # the rows themselves, not their numbers: MEDAL may hold some of them out
    return teacher, X, keep


def _timed_fit(teacher, X, keep):
    start = perf_counter()
    with _ONE_AT_A_TIME if _uses_umap(teacher) else nullcontext(), warnings.catch_warnings():
        # UMAP with a seed runs on one thread and says so at every fit
        warnings.filterwarnings("ignore", message="n_jobs value .* overridden", module="umap")
        with kept_threads():
            Z = teacher.fit_transform(X)
    return Z, perf_counter() - start, teacher if keep else None


def _uses_umap(teacher):
    parts = [teacher]
    if hasattr(teacher, "get_params"):
        parts += teacher.get_params(deep=True).values()
    return any(type(part).__module__.split(".")[0] == "umap" for part in parts)
