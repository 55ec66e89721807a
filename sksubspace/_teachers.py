"""Teachers: anything with `fit_transform`, by object or by name; made, seeded and fitted.

A shorthand is one entry of `TEACHERS`. scikit-learn and UMAP are imported where they are used, so
that the command line can list the names before anything heavy is loaded.
"""

import warnings
from collections.abc import Callable
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from importlib import import_module
from numbers import Integral, Real
from threading import RLock

# whose embedding does not change where all rows move together, for distances that do not either
_INVARIANT = {
    "PCA", "TSNE", "Isomap", "SpectralEmbedding", "MDS", "LocallyLinearEmbedding", "UMAP",
}  # fmt: skip
_INVARIANT_DISTANCES = {
    None, "euclidean", "l2", "sqeuclidean", "minkowski", "manhattan", "l1", "cityblock",
    "chebyshev", "nearest_neighbors", "rbf",
}  # fmt: skip
# numba's plain threading layer, which UMAP gets where no OpenMP is found, aborts the process when
# two threads enter it; a teacher may hold another one, so that a thread may enter twice
_ONE_AT_A_TIME = RLock()
_LARGEST_SEED = 2**31 - 1
# matrices of n x n doubles that a fit to n rows holds at its height: distances, geodesics and their
# kernel, measured from 3,000 rows on; factors of the Laplacian, on 2,500 to 5,000 rows of ten
# normal features
_MATRICES = {"Isomap": 3.05, "SpectralEmbedding": 2.5}
# rows that a teacher looks at for a unit of a parameter: t-SNE at the 3 * perplexity nearest
ROWS_FOR = {"perplexity": 3, "n_neighbors": 1}


@dataclass(frozen=True)
class Shorthand:
    """A teacher that goes by name.

    Attributes
    ----------
    title : str
        What it is called in tables.
    make : callable
        Returns it with its defaults, and two components.
    grid : dict of str to tuple
        Settings that the command line tries.
    """

    title: str
    make: Callable
    grid: dict = field(default_factory=dict)


def _maker(module, name, **params):
    return lambda: getattr(import_module(module), name)(**params)


TEACHERS = {
    "pca": Shorthand("PCA", _maker("sklearn.decomposition", "PCA", n_components=2)),
    "tsne": Shorthand(
        "t-SNE", _maker("sklearn.manifold", "TSNE"), {"perplexity": (10, 30, 100)}
    ),
    "umap": Shorthand("UMAP", _maker("umap", "UMAP"), {"n_neighbors": (5, 15, 50)}),
    "opentsne": Shorthand(
        "openTSNE", _maker("sksubspace._open_tsne", "OpenTSNE"), {"perplexity": (10, 30, 100)}
    ),
    "isomap": Shorthand("Isomap", _maker("sklearn.manifold", "Isomap")),
    "spectral": Shorthand("Spectral embedding", _maker("sklearn.manifold", "SpectralEmbedding")),
}  # fmt: skip
SHORTHANDS = tuple(TEACHERS)


def resolve_teacher(teacher):
    """Return an unfitted copy of the teacher that a parameter stands for; None is UMAP."""
    from sklearn.base import clone

    if teacher is None:
        teacher = "umap"
    if not isinstance(teacher, str):
        try:
            return clone(teacher, safe=False)
        except AttributeError as error:  # such as classes that are torch modules too
            raise TypeError(
                f"scikit-learn cannot copy the teacher {type(teacher).__name__} ({error}): wrap it "
                "in an estimator whose `fit_transform` makes one, or give its map as `embedding` "
                "to teacher='precomputed'."
            ) from error
    if teacher not in TEACHERS:
        raise ValueError(f"A teacher given by name must be one of {SHORTHANDS}, got {teacher!r}.")
    return TEACHERS[teacher].make()


def seed_teacher(teacher, random_state):  # -> teacher
    """Give every unset `random_state` of the teacher, and of its parts, a number.

    An integer is the number for all of them, a RandomState draws one for each, in the order of
    their names. The teacher is changed; one without parameters is left alone.
    """
    if not hasattr(teacher, "get_params"):
        return teacher
    shared = isinstance(random_state, Integral)
    unset = {
        name: random_state if shared else int(random_state.randint(_LARGEST_SEED))
        for name, value in sorted(teacher.get_params(deep=True).items())
        if name.split("__")[-1] == "random_state" and value is None
    }
    return teacher.set_params(**unset) if unset else teacher


@contextmanager
def undisturbed(teacher):
    """Let a teacher work within without harm to others: their threads stay, UMAP is alone."""
    from sksubspace._threads import kept_threads

    with _ONE_AT_A_TIME if uses_umap(teacher) else nullcontext(), warnings.catch_warnings():
        # UMAP with a seed runs on one thread and says so at every fit; with given neighbours, that
        # it will place no new rows
        for said in ("n_jobs value .* overridden", r"precomputed_knn\[2\]"):
            warnings.filterwarnings("ignore", message=said, module="umap")
        with kept_threads():
            yield


def uses_umap(teacher):
    """Whether a teacher is a UMAP, or has one among its parts that it does not guard itself."""
    parts = [teacher]
    if hasattr(teacher, "get_params") and not getattr(teacher, "waits_itself", False):
        parts += teacher.get_params(deep=True).values()
    return any(type(part).__module__.split(".")[0] == "umap" for part in parts)


def rows_needed(teacher):
    """Count the rows that the neighbourhoods of a teacher take, itself and its parts.

    Parameters
    ----------
    teacher : estimator
        Unfitted.

    Returns
    -------
    int
        With fewer rows it draws smaller neighbourhoods than it was asked for, or fails.
    """
    params = teacher.get_params(deep=True) if hasattr(teacher, "get_params") else {}
    needed = 2
    for name, value in params.items():
        factor = ROWS_FOR.get(name.split("__")[-1], 0)
        if factor and isinstance(value, Real) and not isinstance(value, bool):
            needed = max(needed, int(factor * value) + 1)
    return needed


def quadratic_bytes(teacher, n_samples):
    """Bytes of matrices of n x n numbers that a fit to as many rows holds; 0 without such."""
    return 8 * _MATRICES.get(type(teacher).__name__, 0.0) * n_samples**2


def neighbors_wanted(teacher):
    """Count the nearest other rows by which a teacher can be spared a search of its own.

    Parameters
    ----------
    teacher : estimator
        Unfitted.

    Returns
    -------
    int
        0 for a teacher that does not begin with Euclidean neighbours, or has been given some.
    """
    kind = type(teacher)
    if kind.__name__ == "OpenTSNE" and kind.__module__ == "sksubspace._open_tsne":
        return teacher.n_neighbors if teacher.neighbors is None else 0
    if kind.__name__ != "UMAP" or kind.__module__ != "umap.umap_":
        return 0
    # of `unique` and a start from given neighbours UMAP says that they exclude each other
    plain = teacher.metric == "euclidean" and not teacher.unique and not teacher.metric_kwds
    given = any(part is not None for part in teacher.precomputed_knn)
    return int(teacher.n_neighbors) - 1 if plain and not given else 0


def with_neighbors(teacher, squared, indices):
    """Copy a teacher, and hand it the neighbours that it wants.

    Parameters
    ----------
    teacher : estimator
        One of which `neighbors_wanted` is not 0.

    squared, indices : ndarray of shape (n, k)
        Squared distances and numbers of the nearest other rows, ascending.

    Returns
    -------
    estimator
        Unfitted. A UMAP without its own search cannot place new rows afterwards.
    """
    import numpy as np
    from sklearn.base import clone

    teacher = clone(teacher)
    if type(teacher).__name__ == "OpenTSNE":
        return teacher.set_params(neighbors=(squared, indices))
    own = np.arange(len(indices))[:, None]
    # new arrays, since UMAP writes to them; each row is its own first neighbour
    near = np.hstack([own, indices]).astype(np.int32)
    far = np.hstack([np.zeros(own.shape), np.sqrt(squared)]).astype(np.float32)
    # below 4,096 rows UMAP looks at no given neighbours unless it is told to approximate
    return teacher.set_params(precomputed_knn=(near, far), force_approximation_algorithm=True)


def centring(teacher, X):
    """Let a teacher centre rows far from the origin, where that changes nothing but digits.

    Parameters
    ----------
    teacher : estimator
        Unfitted.

    X : {ndarray, CSR matrix} of shape (n_samples, n_features)
        The rows that it will be fitted to.

    Returns
    -------
    estimator
        The teacher, or where its results do not depend on the origin and the rows are so far from
        it that squares lose digits, a pipeline that takes off the mean first.
    """
    from sksubspace._linalg import far_centre

    package, kind = type(teacher).__module__.split(".")[0], type(teacher).__name__
    if package not in ("sklearn", "umap") or kind not in _INVARIANT:
        return teacher
    distances = {getattr(teacher, name, None) for name in ("metric", "affinity")}
    if not distances <= _INVARIANT_DISTANCES or far_centre(X) is None:
        return teacher
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(with_std=False), teacher)


def embed(teacher, X):  # (n, d) -> (n, q)
    """Fit the teacher and return its embedding of X, copied.

    Raises
    ------
    Exception
        Whatever the teacher raises, with the teacher and the shape of X named.
    """
    try:
        with undisturbed(teacher):
            Z = teacher.fit_transform(X)
    except Exception as error:
        raise _named(error, teacher, X) from error
    return check_embedding(Z, X.shape[0], f"fit_transform of the teacher {_name(teacher)}")


def check_embedding(Z, n_samples, source):
    """Validate an embedding of n_samples rows; NaN rows may remain, infinities may not."""
    import numpy as np
    from sklearn.utils import check_array

    try:
        Z = check_array(Z, dtype=[np.float64, np.float32], ensure_all_finite=False, copy=True)
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"{source} must be a numeric array of shape (n_samples, n_components): {error}"
        ) from error
    if len(Z) != n_samples:
        raise ValueError(f"{source} has {len(Z)} rows, but X has n_samples={n_samples}.")
    if np.isinf(Z).any():
        raise ValueError(f"{source} has infinite values.")
    return Z


def embedded_rows(fitted, Z):  # (m,), (m, q) -> (k,), (k, q)
    """Leave out the rows that the teacher did not place."""
    import numpy as np

    embedded = ~np.isnan(Z).any(axis=1)
    n_left_out = len(Z) - embedded.sum()
    if n_left_out:
        warnings.warn(
            f"{n_left_out} of {len(Z)} rows have NaN coordinates; they are left out of the fit and "
            "stay NaN in embedding_.",
            UserWarning,
            stacklevel=3,
        )
    if embedded.sum() < 2:
        raise ValueError(f"The embedding has {embedded.sum()} rows without NaN; 2 are needed.")
    return fitted[embedded], Z[embedded]


def place_by_teacher(teacher, X):  # (n, d) -> (n, q) or None
    """Coordinates of new rows by the teacher's own `transform`, where it has one."""
    import numpy as np
    from sklearn.utils import check_array

    if not hasattr(teacher, "transform"):
        return None
    with undisturbed(teacher):
        Z = teacher.transform(X)
    return check_array(Z, dtype=[np.float64, np.float32], copy=True)


def _name(teacher):
    return type(getattr(teacher, "steps", [("", teacher)])[-1][1]).__name__


def _named(error, teacher, X):
    n_samples, n_features = X.shape
    message = (
        f"The teacher {_name(teacher)} failed on X with n_samples={n_samples} and "
        f"n_features={n_features}: {error}"
    )
    kind = type(error) if type(error) in (ValueError, TypeError, MemoryError) else RuntimeError
    return kind(message)
