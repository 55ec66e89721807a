"""What needs the method that drew the map: other seeds, other settings, halves of counts."""

from inspect import signature

import numpy as np
from sklearn.base import clone

from sksubspace._linalg import column_means, principal_directions, project
from sksubspace._teachers import centring, embed, seed_teacher
from sksubspace._threads import small_work
from sksubspace.metrics import deviance_explained
from sksubspace.metrics._linear_gain import r2_gain, t_interval
from sksubspace.model_selection import embedding_stability, thin_counts
from sksubspace.model_selection._thin import log_normalized

# how far a teacher looks is halved and doubled
FACTORS = (0.5, 2.0)
_REACH = ("n_neighbors", "perplexity")
_FEWEST = 2
# of rows, that a perplexity must not reach
_MOST_OF_ROWS = 0.3


def drawn_again(learnt, labels, teacher, *, n_jobs, random_state):
    """Draw the map with other seeds, and of parts of the rows.

    Parameters
    ----------
    learnt : LearntMap
        The map.

    labels : ndarray of shape (n_drawn,) of str, or None
        Groups of rows.

    teacher : estimator
        What drew it.

    n_jobs : int or None
        Maps that are drawn at the same time.

    random_state : int
        Of seeds and parts.

    Returns
    -------
    stability : EmbeddingStability
        What stays.
    """
    return embedding_stability(
        learnt.X, teacher, y=labels, n_jobs=n_jobs, random_state=random_state
    )


def other_settings(learnt, teacher, *, random_state):
    """Halve and double how far the teacher looks; what R2 is gained over the map.

    Returns
    -------
    gains : list of (str, float, (float, float))
        Name of the setting, gain and its interval; none for a teacher without such a parameter.
    """
    found = []
    for name, value in _reaches(teacher, len(learnt.Z)):
        other = clone(teacher, safe=False).set_params(**{name: value})
        Z = _map_of(other, learnt.X, random_state)
        if np.isnan(Z).any():
            continue
        gain, error, degrees = r2_gain(learnt.again(Z), learnt.found)
        found.append((f"{name}={value:g}", gain, t_interval(gain, error, degrees)))
    return found


def explained_halves(counts, teacher, n_components, *, groups, random_state):
    """Deviance of one half of the counts that maps of the other half explain.

    Parameters
    ----------
    counts : {ndarray, CSR matrix} of shape (n_samples, n_genes)
        Raw counts.

    teacher : estimator
        Draws the map, of the logarithms of the first half as `log_normalized` takes them.

    n_components : int
        Principal components of the same, as a control.

    groups : ndarray of shape (n_samples,) of int
        Rows of a group do not explain each other.

    random_state : int
        Of the halves, the teacher and the map dealt at random.

    Returns
    -------
    explained : dict of str to float
        Of the "map", of the map "permuted", and of "pca".
    """
    train, test = thin_counts(counts, random_state=random_state)
    X = log_normalized(train)
    Z = _map_of(clone(teacher, safe=False), X, random_state)
    mean = column_means(X)
    maps = {
        "map": Z,
        "permuted": np.random.RandomState(random_state).permutation(Z),
        "pca": project(X, mean, principal_directions(X, mean, n_components)),
    }
    return {
        name: deviance_explained(test, places, groups=groups, random_state=random_state)
        for name, places in maps.items()
    }


def _map_of(teacher, X, random_state):  # -> (n, q)
    teacher = seed_teacher(teacher, random_state)
    with small_work(0):
        return embed(centring(teacher, X), X)


def _reaches(teacher, n_samples):
    params = teacher.get_params(deep=False) if hasattr(teacher, "get_params") else {}
    for name in _REACH:
        if isinstance(params.get(name), int | float):
            values = (type(params[name])(factor * params[name]) for factor in FACTORS)
            for value in values:
                if _FEWEST <= value < _MOST_OF_ROWS * n_samples:
                    yield name, value


def teacher_text(teacher):
    """Name a teacher by its class and the plain values that are not its defaults.

    Examples
    --------
    >>> from sklearn.decomposition import PCA
    >>> from sksubspace.audit._teacher import teacher_text
    >>> teacher_text(PCA(2))
    'PCA(n_components=2)'
    """
    params = teacher.get_params(deep=False) if hasattr(teacher, "get_params") else {}
    defaults = signature(type(teacher).__init__).parameters
    changed = [
        f"{name}={value!r}"
        for name, value in params.items()
        if isinstance(value, str | bool | int | float) and value != defaults[name].default
    ]
    return f"{type(teacher).__name__}({', '.join(changed)})"
