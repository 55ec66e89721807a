"""Results kept on disk, so that what was finished is not computed again; embeddings among them."""

import os
import threading
import warnings
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from pathlib import Path
from platform import python_version
from time import perf_counter

import joblib
from sklearn.base import BaseEstimator

from sksubspace._teachers import centring, undisturbed

# packages by whose versions the numbers may differ
_SHAPING = ("sksubspace", "numpy", "scipy", "scikit-learn", "torch", "umap-learn")


@dataclass(frozen=True)
class Store:
    """A folder of results, each under the hash of what it was computed from.

    Attributes
    ----------
    folder : str or None
        None keeps nothing.
    versions : dict of str to str
        Part of every key: results of other versions are not taken.
    quiet : bool
        Whether to say nothing about results that cannot be kept.
    """

    folder: str | None = None
    versions: dict = field(default_factory=dict)
    quiet: bool = False

    def remember(self, kind, parts, compute):
        """Return the stored result, or compute and store it; what `compute` raises is not stored.

        `parts` returns all that the result depends on, and is called only if there is a folder.
        """
        path = None if self.folder is None else self._path(kind, parts())
        if path is None:
            return compute()
        try:
            return joblib.load(path)
        except Exception:
            # no such file, or one that cannot be read any more: it is computed and written anew
            result = compute()
        self._write(result, path)
        return result

    def _path(self, kind, parts):
        try:
            key = joblib.hash((parts, sorted(self.versions.items())), coerce_mmap=True)
        except Exception as error:
            self._warn("what it depends on", error)
            return None
        return Path(self.folder) / kind / f"{key}.joblib"

    def _write(self, result, path):
        """Write a file that is either whole or not there, whoever else writes it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(f".{os.getpid()}-{threading.get_ident()}")
        try:
            joblib.dump(result, partial)
            os.replace(partial, path)
        except (OSError, MemoryError):
            raise
        except Exception as error:
            self._warn("it", error)
        finally:
            partial.unlink(missing_ok=True)

    def _warn(self, what, error):
        if not self.quiet:
            reason = error.args[0] if error.args else type(error).__name__
            warnings.warn(
                f"A result cannot be remembered, because {what} cannot be pickled: {reason}",
                UserWarning,
                stacklevel=4,
            )


def open_store(memory, versions):
    """Turn the parameter `memory` into a store, in the folder "sksubspace" of that folder.

    Its versions are part of every key.
    """
    folder = getattr(memory, "location", memory)
    if folder is None:
        return Store()
    if not isinstance(folder, str | os.PathLike):
        raise TypeError(f"memory must be a folder, a joblib.Memory or None, got {memory!r}.")
    folder = Path(folder).resolve() / "sksubspace"
    folder.mkdir(parents=True, exist_ok=True)
    return Store(str(folder), versions)


def shaping_versions():
    """Versions of Python and of the packages that numbers depend on, by name."""
    import sksubspace

    found = {name: version(name) for name in _SHAPING if name != "sksubspace"}
    return {"python": python_version(), "sksubspace": sksubspace.__version__, **found}


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

    # it waits for others itself, and only where the teacher is really fitted
    waits_itself = True

    def __init__(self, teacher=None, store=None, keep=False):
        self.teacher = teacher
        self.store = store
        self.keep = keep

    def fit_transform(self, X, y=None):  # (n, d) -> (n, q)
        """Fit the teacher to X and return its embedding, or what is remembered of it."""
        store = self.store or Store()
        # the rows themselves, not their numbers: MEDAL may hold some of them out
        parts = (self.teacher, X, self.keep)
        fit = partial(_timed_fit, *parts)
        start = perf_counter()
        Z, self.seconds_, self.fitted_ = store.remember("teachers", lambda: parts, fit)
        self.elapsed_ = perf_counter() - start
        return Z


def _timed_fit(teacher, X, keep):
    teacher = centring(teacher, X)
    with undisturbed(teacher):
        start = perf_counter()
        Z = teacher.fit_transform(X)
        seconds = perf_counter() - start
    return Z, seconds, teacher if keep else None
