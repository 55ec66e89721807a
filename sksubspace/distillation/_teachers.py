"""Teachers: anything with `fit_transform`, by object or by name."""

import warnings

import numpy as np
from sklearn.base import clone
from sklearn.utils import check_array

from sksubspace._threads import kept_threads

SHORTHANDS = ("pca", "tsne", "umap", "isomap", "spectral")


def resolve_teacher(teacher):
    """Return an unfitted copy of the teacher that a parameter stands for."""
    if teacher is None:
        teacher = "umap"
    return _by_name(teacher) if isinstance(teacher, str) else clone(teacher, safe=False)


def _by_name(name):
    if name == "umap":
        from umap import UMAP

        return UMAP()
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE, Isomap, SpectralEmbedding

    makers = {"tsne": TSNE, "isomap": Isomap, "spectral": SpectralEmbedding}
    return PCA(n_components=2) if name == "pca" else makers[name]()


def seed_teacher(teacher, random_state):
    """Give every unset `random_state` of the teacher, and of its parts, a number."""
    if not hasattr(teacher, "get_params"):
        return teacher
    unset = {
        name: int(random_state.randint(2**31 - 1))
        for name, value in sorted(teacher.get_params(deep=True).items())
        if name.split("__")[-1] == "random_state" and value is None
    }
    return teacher.set_params(**unset) if unset else teacher


def embed(teacher, X):  # (n, d) -> (n, q)
    """Fit the teacher and return its embedding of X, copied.

    Raises
    ------
    Exception
        Whatever the teacher raises, with the teacher and the shape of X named.
    """
    with warnings.catch_warnings(), kept_threads():
        # UMAP with a seed runs on one thread and says so at every fit
        warnings.filterwarnings("ignore", message="n_jobs value .* overridden", module="umap")
        try:
            Z = teacher.fit_transform(X)
        except Exception as error:
            raise _named(error, teacher, X) from error
    return check_embedding(Z, X.shape[0], f"fit_transform of the teacher {_name(teacher)}")


def check_embedding(Z, n_samples, source):
    """Validate an embedding of n_samples rows; NaN rows may remain, infinities may not."""
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


def place_by_teacher(teacher, X):  # (n, d) -> (n, q) or None
    """Coordinates of new rows by the teacher's own `transform`, where it has one."""
    if not hasattr(teacher, "transform"):
        return None
    with kept_threads():
        Z = teacher.transform(X)
    return check_array(Z, dtype=[np.float64, np.float32], copy=True)


def _name(teacher):
    return type(teacher).__name__


def _named(error, teacher, X):
    n_samples, n_features = X.shape
    message = (
        f"The teacher {_name(teacher)} failed on X with n_samples={n_samples} and "
        f"n_features={n_features}: {error}"
    )
    kind = type(error) if type(error) in (ValueError, TypeError, MemoryError) else RuntimeError
    return kind(message)
