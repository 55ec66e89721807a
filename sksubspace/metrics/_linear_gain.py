"""What a map has that principal components miss."""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from sksubspace._linalg import project
from sksubspace._parameters import isolated_random_state
from sksubspace._teachers import centring, embed, resolve_teacher, seed_teacher
from sksubspace._threads import small_work
from sksubspace._typing import ArrayLike, Estimator, Matrix, Seed
from sksubspace.metrics._controls import gaussian_surrogate
from sksubspace.metrics._learnt import learn_map

_CONFIDENCE = 0.95


@dataclass(frozen=True)
class LinearGain:
    """What a map has beyond principal components; ``float(gain)`` is `gain`.

    Attributes
    ----------
    r2 : float
        Left-out R2 of the map.

    pca_r2 : float
        That of as many principal components, of the same rows by the same student.

    gain : float
        Their difference.

    interval : tuple of float and float
        95 % interval of the gain over rows, or groups of rows that are left out together.

    surrogate_gain : float
        The gain of the teacher's map of a Gaussian surrogate; NaN without a teacher.

    surrogate_interval : tuple of float and float
        Its interval.

    nonlinear : float
        The gain less that on the surrogate: structure that no covariance explains.

    nonlinear_interval : tuple of float and float
        Its interval: the two gains are of independent rows.
    """

    r2: float
    pca_r2: float
    gain: float
    interval: tuple[float, float]
    surrogate_gain: float = np.nan
    surrogate_interval: tuple[float, float] = (np.nan, np.nan)
    nonlinear: float = np.nan
    nonlinear_interval: tuple[float, float] = (np.nan, np.nan)

    def __float__(self):
        return self.gain

    def __str__(self) -> str:
        text = (
            f"left-out R2 {self.r2:.3f}, principal components {self.pca_r2:.3f}: "
            f"{_with_interval(self.gain, self.interval)}"
        )
        if np.isnan(self.surrogate_gain):
            return text
        return (
            f"{text}; on a Gaussian surrogate "
            f"{_with_interval(self.surrogate_gain, self.surrogate_interval)}"
        )


def _with_interval(value, interval):
    low, high = interval
    return f"{value:+.3f} [{low:+.3f}, {high:+.3f}]"


def linear_gain(
    X: Matrix,
    Z: ArrayLike,
    *,
    teacher: Estimator | str | None = None,
    groups: ArrayLike | None = None,
    random_state: Seed = 0,
) -> LinearGain:
    r"""Compare a map with as many principal components, on the data and where nothing else is.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Data.

    Z : array-like of shape (n_samples, n_components)
        Map of the same rows. Rows with NaN count as not drawn and are left out.

    teacher : object with ``fit_transform``, str or None, default=None
        What drew the map, or its shorthand, to draw another one of a Gaussian surrogate of the
        data: normal rows of the same mean and covariance. None leaves that out.

    groups : array-like of shape (n_samples,) or None, default=None
        What rows belong to, such as a donor; rows of a group are left out together, and intervals
        are over groups. None takes equal rows and near copies for groups.

    random_state : int, RandomState instance or None, default=0
        The draw of the rows, where there are more than 10,000, of the decoder's frequencies, of the
        surrogate, and of a teacher without a `random_state` of its own.

    Returns
    -------
    gain : LinearGain
        The gain on the data, and on the surrogate.

    Raises
    ------
    MemoryError
        If less memory is free than the surrogate needs.

    TypeError
        If Z is sparse.

    ValueError
        If the teacher is a word that is no shorthand or draws another number of dimensions than Z
        has, and wherever `embedding_score` raises one.

    See Also
    --------
    gaussian_surrogate : The data without structure but covariance.
    embedding_score : The left-out R2.

    Notes
    -----
    With :math:`e_i, f_i` the left-out errors of the map and of the principal components, both by
    the student of `embedding_score`, and :math:`t_i = \|x_i - \bar x\|^2`, the gain is

    .. math:: D = \frac{\sum_i (\|f_i\|^2 - \|e_i\|^2)}{\sum_i t_i}, \qquad
              s^2 = \frac{G}{G - 1} \frac{\sum_g u_g^2}{(\sum_i t_i)^2}, \quad
              u_g = \sum_{i \in g} (\|f_i\|^2 - \|e_i\|^2 - D t_i),

    the variance of a ratio of sums over G groups, or rows; the interval is D plus and minus the
    97.5 % point of Student's t with G - 1 degrees of freedom times s. It is that of other rows for
    the map as it is, not that of other maps.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.manifold import Isomap
    >>> from sksubspace.metrics import linear_gain
    >>> X = load_digits().data[:300] / 16
    >>> found = linear_gain(X, Isomap(n_neighbors=10).fit_transform(X))
    >>> found.interval[0] < float(found) < found.interval[1]
    True
    """
    random_state = isolated_random_state(random_state)
    if teacher is not None:
        teacher = resolve_teacher(teacher)
    learnt = learn_map(X, Z, groups=groups, random_state=random_state)
    return linear_gain_of(learnt, teacher=teacher, random_state=random_state)


def linear_gain_of(learnt, *, pca=None, teacher=None, random_state=0):
    """Compare a learnt map with principal components; a teacher is an unfitted object or None.

    `pca` is what was learnt of `principal_scores`, where that is known already.
    """
    random_state = isolated_random_state(random_state)
    found, low_high = learnt.found, None
    pca = learnt.again(principal_scores(learnt.X, found)) if pca is None else pca
    gain, error, degrees = r2_gain(found, pca)
    low_high = t_interval(gain, error, degrees)
    if teacher is None:
        return LinearGain(found.score, pca.score, gain, low_high)
    surrogate, surrogate_error, surrogate_degrees = _surrogate_gain(learnt, teacher, random_state)
    both = float(np.hypot(error, surrogate_error))
    return LinearGain(
        found.score,
        pca.score,
        gain,
        low_high,
        surrogate,
        t_interval(surrogate, surrogate_error, surrogate_degrees),
        gain - surrogate,
        t_interval(gain - surrogate, both, min(degrees, surrogate_degrees)),
    )


def r2_gain(found, other):  # LeftOut, LeftOut -> float, float, int
    """R2 less that of another map of the same rows, its standard error, and degrees of freedom."""
    squares, total = found.squares, found.squares.sum()
    fewer = other.squared_errors - found.squared_errors
    gain = float(fewer.sum() / total) if total > 0 else 0.0
    _, group = np.unique(found.groups[found.rows], return_inverse=True)
    by_group = np.bincount(group, fewer - gain * squares)
    n_groups = len(by_group)
    error = np.sqrt(n_groups / (n_groups - 1) * np.square(by_group).sum()) / total
    return gain, float(error), n_groups - 1


def t_interval(value, error, degrees):
    """95 % interval of a gain by Student's t."""
    reach = stats.t.ppf((1 + _CONFIDENCE) / 2, degrees) * error
    return float(value - reach), float(value + reach)


def principal_scores(X, found):  # -> (n, q)
    """As many principal components of the rows as their map has dimensions."""
    student = found.student
    return project(X, student.mean, student.components.T)


def _surrogate_gain(learnt, teacher, random_state):
    """The gain of the teacher's map of a surrogate, whose rows are independent of each other."""
    X = gaussian_surrogate(learnt.X, random_state=random_state)
    teacher = seed_teacher(teacher, random_state)
    with small_work(0):
        Z = embed(centring(teacher, X), X)
    if Z.shape[1] != learnt.Z.shape[1]:
        raise ValueError(
            f"teacher must draw maps of {learnt.Z.shape[1]} dimensions as Z is, got {Z.shape[1]}."
        )
    alone = np.arange(len(X))
    found = learnt.again(Z, X, alone)
    return r2_gain(found, learnt.again(principal_scores(X, found), X, alone))
