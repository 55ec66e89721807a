"""Responses that depend on a few unknown directions only."""

from numbers import Real
from typing import Literal, overload

import numpy as np

from sksubspace._parameters import check_choice, check_integer, isolated_random_state
from sksubspace._typing import Floats, Seed
from sksubspace.datasets._sizes import check_noise

# share of the spread along the line of the two Gaussians that is between them
_LEAN = 0.95


@overload
def make_multi_index(
    n_samples: int = ...,
    *,
    n_features: int = ...,
    n_components: int = ...,
    link: Literal["odd", "even", "mixed"] = ...,
    design: Literal["gaussian", "student_t", "mixture"] = ...,
    n_responses: int | None = ...,
    noise: float = ...,
    df: float = ...,
    return_components: Literal[False] = ...,
    random_state: Seed = ...,
) -> tuple[Floats, Floats]: ...


@overload
def make_multi_index(
    n_samples: int = ...,
    *,
    n_features: int = ...,
    n_components: int = ...,
    link: Literal["odd", "even", "mixed"] = ...,
    design: Literal["gaussian", "student_t", "mixture"] = ...,
    n_responses: int | None = ...,
    noise: float = ...,
    df: float = ...,
    return_components: Literal[True],
    random_state: Seed = ...,
) -> tuple[Floats, Floats, Floats]: ...


def make_multi_index(
    n_samples: int = 1000,
    *,
    n_features: int = 50,
    n_components: int = 3,
    link: Literal["odd", "even", "mixed"] = "mixed",
    design: Literal["gaussian", "student_t", "mixture"] = "gaussian",
    n_responses: int | None = None,
    noise: float = 0.5,
    df: float = 5,
    return_components: bool = False,
    random_state: Seed = None,
) -> tuple[Floats, Floats] | tuple[Floats, Floats, Floats]:
    r"""Draw responses that see the data through a few directions, and bend what they see.

    Parameters
    ----------
    n_samples : int, default=1000
        Number of rows.

    n_features : int, default=50
        Dimension of the space.

    n_components : int, default=3
        Number of directions that the responses depend on; at most `n_features`.

    link : {"odd", "even", "mixed"}, default="mixed"
        How they depend on them: "odd" responses change their sign with that of the row, "even" ones
        do not see it, and "mixed" ones are the sum of both.

    design : {"gaussian", "student_t", "mixture"}, default="gaussian"
        Distribution of the rows, always with mean 0 and unit covariance: normal; a multivariate t
        distribution, which has heavy tails; or two Gaussians side by side, one with a tenth of the
        rows, on a line that is half in the span of the directions and half outside.

    n_responses : int or None, default=None
        Number of responses; None for one for each direction.

    noise : float, default=0.5
        Standard deviation of the Gaussian noise added to each response.

    df : float, default=5
        Degrees of freedom of the t distribution, more than 2. Fewer mean heavier tails.

    return_components : bool, default=False
        Whether to return the directions too.

    random_state : int, RandomState instance or None, default=None
        Decides everything that is drawn. None gives other data at every call.

    Returns
    -------
    X : ndarray of shape (n_samples, n_features)
        The rows.

    y : ndarray of shape (n_samples,) or (n_samples, n_responses)
        The responses; one-dimensional for one response.

    components : ndarray of shape (n_components, n_features)
        The directions, as orthonormal rows. Only with ``return_components=True``.

    Raises
    ------
    TypeError
        If a number is not of its kind.

    ValueError
        If a number is out of range, or `link` or `design` is none of those offered.

    See Also
    --------
    make_union_of_subspaces : Rows on several subspaces, with labels.

    Notes
    -----
    The multi-index model is :math:`y = f(B x) + e`, with the rows of B a uniformly random set of
    orthonormal directions. With :math:`u = B x`, response j is, before noise,

    .. math::
        f_j^{odd}(u) = \tanh(2 u_a) + \tfrac12 \sin(u_b), \qquad
        f_j^{even}(u) = |u_a| - \cos(u_b), \qquad
        f_j^{mixed} = f_j^{odd} + f_j^{even}

    where a is j and b is j + 1, counted around the `n_components` directions. For rows that are
    distributed symmetrically about 0, the mean gradient of an even response and the mean Hessian of
    an odd one vanish: methods of first order find the directions from odd responses only, methods
    of second order from even ones only. For mixed ones both find all of them, if there are at least
    as many responses as directions. The two Gaussians are not symmetric.

    References
    ----------
    .. [1] K.-C. Li, "Sliced inverse regression for dimension reduction", Journal of the American
       Statistical Association 86 (1991), https://doi.org/10.1080/01621459.1991.10475035
    .. [2] K.-C. Li, "On principal Hessian directions for data visualization and dimension
       reduction: another application of Stein's lemma", Journal of the American Statistical
       Association 87 (1992), https://doi.org/10.1080/01621459.1992.10476258

    Examples
    --------
    >>> import numpy as np
    >>> from sksubspace.datasets import make_multi_index
    >>> from sksubspace.metrics import subspace_affinity
    >>> X, y, B = make_multi_index(
    ...     5000, n_features=20, link="odd", return_components=True, random_state=0
    ... )
    >>> X.shape, y.shape, B.shape
    ((5000, 20), (5000, 3), (3, 20))
    >>> subspace_affinity(y.T @ X, B) > 0.99
    True
    """
    check_integer(n_samples, "n_samples", 1)
    check_integer(n_features, "n_features", 1)
    check_integer(n_components, "n_components", 1, n_features)
    n_responses = n_components if n_responses is None else n_responses
    check_integer(n_responses, "n_responses", 1)
    check_noise(noise)
    _check_df(df)
    check_choice(link, "link", _LINKS)
    check_choice(design, "design", _DESIGNS)
    rng = isolated_random_state(random_state)
    B = np.linalg.qr(rng.standard_normal((n_features, n_components)))[0].T.copy()
    X = _DESIGNS[design](rng.standard_normal((n_samples, n_features)), B, df, rng)
    first = np.arange(n_responses) % n_components
    U = X @ B.T
    y = _LINKS[link](U[:, first], U[:, (first + 1) % n_components])
    y += noise * rng.standard_normal(y.shape)
    y = y[:, 0] if n_responses == 1 else y
    return (X, y, B) if return_components else (X, y)


def _odd(a, b):
    return np.tanh(2 * a) + np.sin(b) / 2


def _even(a, b):
    return np.abs(a) - np.cos(b)


def _odd_and_even(a, b):
    return _odd(a, b) + _even(a, b)


def _gaussian(Z, B, df, rng):  # (n, d) -> (n, d)
    return Z


def _student_t(Z, B, df, rng):  # (n, d) -> (n, d)
    """Z / sqrt(chi^2 / (df - 2)), of unit covariance."""
    return Z / np.sqrt(rng.chisquare(df, size=(len(Z), 1)) / (df - 2))


def _mixture(Z, B, df, rng):  # (n, d), (k, d) -> (n, d)
    """Along a unit vector v, 3 a or -a / 3 plus sqrt(1 - a^2) z in place of z."""
    inside = rng.standard_normal(len(B)) @ B
    outside = rng.standard_normal(Z.shape[1])
    outside -= outside @ B.T @ B
    v = inside / np.linalg.norm(inside)
    if len(B) < len(outside):
        v = (v + outside / np.linalg.norm(outside)) / np.sqrt(2)
    middle = np.where(rng.uniform(size=len(Z)) < 0.1, 3 * _LEAN, -_LEAN / 3)
    return Z + np.outer(middle + (np.sqrt(1 - _LEAN**2) - 1) * (Z @ v), v)


_LINKS = {"odd": _odd, "even": _even, "mixed": _odd_and_even}
_DESIGNS = {"gaussian": _gaussian, "student_t": _student_t, "mixture": _mixture}


def _check_df(df):
    if not isinstance(df, Real) or isinstance(df, bool):
        raise TypeError(f"df must be a number, got {df!r}.")
    if not 2 < df < np.inf:
        raise ValueError(f"df must be finite and more than 2, got {df!r}.")
