"""What needs the method that drew the map: other seeds, other settings."""

from inspect import signature

import numpy as np
from sklearn.base import clone

from sksubspace._teachers import centring, embed, seed_teacher
from sksubspace._threads import small_work
from sksubspace.metrics._linear_gain import r2_gain, t_interval
from sksubspace.model_selection import embedding_stability

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
        other = seed_teacher(clone(teacher, safe=False), random_state)
        with small_work(0):
            Z = embed(centring(other.set_params(**{name: value}), learnt.X), learnt.X)
        if np.isnan(Z).any():
            continue
        gain, error, degrees = r2_gain(learnt.again(Z), learnt.found)
        found.append((f"{name}={value:g}", gain, t_interval(gain, error, degrees)))
    return found


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
