"""Results kept on disk, so that what was finished is not computed again; embeddings among them."""

import os
import warnings
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from platform import python_version
from tempfile import TemporaryDirectory
from time import perf_counter

import joblib
import numpy as np
from scipy import sparse

from sksubspace._archive import check_archive
from sksubspace._files import replace_file
from sksubspace._sklearn import BaseEstimator
from sksubspace._teachers import centring, neighbors_wanted, undisturbed, with_neighbors
from sksubspace.model_selection._stored import read_result, write_result

# packages by whose versions the numbers may differ
_SHAPING = ("sksubspace", "numpy", "scipy", "scikit-learn", "torch", "umap-learn")


@dataclass(frozen=True)
class Store:
    """A folder of results, each under the hash of what it was computed from.

    Attributes
    ----------
    folder : str or None
        Holds numbers and text only, see `write_result`. None keeps nothing.
    versions : dict of str to str
        Part of every key: results of other versions are not taken.
    private : str or None
        A folder of this process and its workers, which holds pickles and does not outlive it.
    """

    folder: str | None = None
    versions: dict = field(default_factory=dict)
    private: str | None = None

    def remember(self, kind, parts, compute):
        """Return the stored result, or compute and store it; what `compute` raises is not stored.

        `parts` returns all that the result depends on, and is called only if there is a folder.
        """
        key = None if self.folder is None else self._key(parts())
        if key is None:
            return compute()
        path = Path(self.folder) / kind / f"{key}.npz"
        try:
            return read_result(path, f"{kind} {key}")
        except FileNotFoundError:
            pass
        except ValueError as error:
            _warn(f"{path} cannot be read and is computed anew ({error}).")
        result = compute()
        self._write(path, f"{kind} {key}", result)
        return result

    def remember_privately(self, parts, compute):
        """Like `remember`, for what only a pickle can hold, until the comparison is over.

        `parts` are what it depends on.
        """
        key = None if self.private is None else self._key(parts, quiet=True)
        if key is None:
            return compute()
        path = Path(self.private) / f"{key}.joblib"
        if path.exists():
            return joblib.load(path)
        result, buffer = compute(), BytesIO()
        try:
            joblib.dump(result, buffer)
            replace_file(path, buffer.getbuffer())
        except Exception:  # it cannot be pickled, or there is no room: it is fitted once more
            pass
        return result

    def _key(self, parts, quiet=False):
        try:
            return joblib.hash((parts, sorted(self.versions.items())), coerce_mmap=True)
        except Exception as error:
            if not quiet:
                _warn_of_loss("what it depends on cannot be pickled", error)
            return None

    def _write(self, path, label, result):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_result(path, label, result)
        except OSError as error:
            # in the same words for all files, so that it is said once
            _warn(f"Nothing more is remembered in {self.folder}: {error.strerror or error}.")
        except TypeError as error:
            _warn_of_loss("it holds more than numbers and text", error)


def _warn_of_loss(why, error):
    reason = error.args[0] if error.args else type(error).__name__
    _warn(f"A result cannot be remembered, because {why}: {reason}")


def _warn(text):
    # from one place, so that the same words are one warning
    warnings.warn(text, UserWarning, stacklevel=1)


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
        Whether the fitted teacher is wanted too.
    near : PartNeighbors or None, default=None
        Neighbours among the rows, for teachers that begin with a search for them.

    Attributes
    ----------
    seconds_ : float
        Wall-clock time of the fit, also where it was remembered.
    elapsed_ : float
        Wall-clock time that this call took.
    """

    # it waits for others itself, and only where the teacher is really fitted
    waits_itself = True

    def __init__(self, teacher=None, store=None, keep=False, near=None):
        self.teacher = teacher
        self.store = store
        self.keep = keep
        self.near = near

    def fit_transform(self, X, y=None):  # (n, d) -> (n, q)
        """Fit the teacher to X and return its embedding, or what is remembered of it."""
        start = perf_counter()
        self._fitted, self._rows = None, X if self.keep else None
        parts, store = self._parts(X), self.store or Store()
        Z, self.seconds_ = store.remember("teachers", lambda: parts, partial(self._fit, X))
        self.elapsed_ = perf_counter() - start
        return Z

    def _parts(self, X):
        """What the map depends on: the rows, of which MEDAL may hold some out, not their numbers.

        A map of given neighbours is another one than that of the teacher's own search.
        """
        return self.teacher, X, bool(self._n_near(X))

    def _n_near(self, X):
        wanted = 0 if self.near is None else neighbors_wanted(self.teacher)
        return wanted if wanted < X.shape[0] else 0

    def _fit(self, X):  # -> (n, q), seconds
        if not self.keep:
            return self._timed_fit(X)[:2]
        store, fit = self.store or Store(), partial(self._timed_fit, X)
        Z, seconds, self._fitted = store.remember_privately(self._parts(X), fit)
        return Z, seconds

    def _timed_fit(self, X):
        teacher, n_near, start = self.teacher, self._n_near(X), perf_counter()
        if n_near:
            teacher = with_neighbors(teacher, *self.near.nearest(X, n_near))
        teacher = centring(teacher, X)
        with undisturbed(teacher):
            Z = teacher.fit_transform(X)
            seconds = perf_counter() - start
        return Z if sparse.issparse(Z) else np.asarray(Z), seconds, teacher

    @property
    def fitted_(self):
        """The fitted teacher, or None if it is not wanted.

        It is fitted again where another process fitted it and it is not data alone.
        """
        if not self.keep:
            return None
        store, parts = self.store or Store(), self._parts(self._rows)
        if store.folder:
            data = store.remember("fitted", lambda: parts, self._as_data)
            self._fitted = self._fitted or _teacher_of(data)
        if self._fitted is None:
            self._fit(self._rows)
        return self._fitted

    def _as_data(self):
        """The fitted teacher as bytes in the format of skops; None if that would trust a class."""
        if self._fitted is None:
            self._fit(self._rows)
        try:
            import skops.io

            content = skops.io.dumps(self._fitted)
            safe = not skops.io.get_untrusted_types(data=content)
        except Exception:  # no skops, or what the teacher's own methods raise
            return None
        return np.frombuffer(content, dtype=np.uint8) if safe else None


def _teacher_of(data):
    if data is None:
        return None
    try:
        import skops.io

        check_archive(data.tobytes())
        return skops.io.loads(data.tobytes(), trusted=[])
    except Exception:  # no skops, or a file that was tampered with: it is fitted again
        return None


@contextmanager
def store_of_whole_fits(store, method):
    """The store, and a folder in which the teachers of the screening stay until the final fit."""
    if method == "cv":
        yield store
        return
    with TemporaryDirectory(prefix="sksubspace-", ignore_cleanup_errors=True) as folder:
        yield replace(store, private=folder)
