"""Teachers: anything with `fit_transform`, by object or by name; made, seeded and fitted.

A shorthand is one entry of `TEACHERS`. scikit-learn and UMAP are imported where they are used, so
that the command line can list the names before anything heavy is loaded.
"""

import warnings
from collections.abc import Callable
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from importlib import import_module
from numbers import Integral
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
    rows_needed : dict of str to int
        Rows that a teacher takes for a unit of a setting of the grid.
    matrices : float
        Matrices of n x n doubles that a fit to n rows holds at its height.
    """

    title: str
    make: Callable
    grid: dict = field(default_factory=dict)
    rows_needed: dict = field(default_factory=dict)
    matrices: float = 0.0


def _maker(module, name, **params):
    return lambda: getattr(import_module(module), name)(**params)


TEACHERS = {
    "pca": Shorthand("PCA", _maker("sklearn.decomposition", "PCA", n_components=2)),
    # t-SNE takes the 3 * perplexity nearest rows
    "tsne": Shorthand(
        "t-SNE", _maker("sklearn.manifold", "TSNE"), {"perplexity": (10, 30, 100)},
        {"perplexity": 3},
    ),
    "umap": Shorthand(
        "UMAP", _maker("umap", "UMAP"), {"n_neighbors": (5, 15, 50)}, {"n_neighbors": 1}
    ),
    # distances, geodesics and their kernel: measured from 3,000 rows on
    "isomap": Shorthand("Isomap", _maker("sklearn.manifold", "Isomap"), matrices=3.05),
    # factors of the Laplacian: measured on 2,500 to 5,000 rows of ten normal features
    "spectral": Shorthand(
        "Spectral embedding", _maker("sklearn.manifold", "SpectralEmbedding"), matrices=2.5
    ),
}  # fmt: skip
SHORTHANDS = tuple(TEACHERS)


def resolve_teacher(teacher):
    """Return an unfitted copy of the teacher that a parameter stands for; None is UMAP."""
    from sklearn.base import clone

    if teacher is None:
        teacher = "umap"
    if not isinstance(teacher, str):
        return clone(teacher, safe=False)
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
        # UMAP with a seed runs on one thread and says so at every fit
        warnings.filterwarnings("ignore", message="n_jobs value .* overridden", module="umap")
        with kept_threads():
            yield


def uses_umap(teacher):
    """Whether a teacher is a UMAP, or has one among its parts that it does not guard itself."""
    parts = [teacher]
    if hasattr(teacher, "get_params") and not getattr(teacher, "waits_itself", False):
        parts += teacher.get_params(deep=True).values()
    return any(type(part).__module__.split(".")[0] == "umap" for part in parts)


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
