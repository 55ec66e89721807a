"""Rows on a union of random smooth closed manifolds."""

from collections.abc import Sequence
from itertools import product
from typing import Literal, overload

import numpy as np

from sksubspace._parameters import check_integer, isolated_random_state
from sksubspace._typing import Floats, Ints, Seed
from sksubspace.datasets._sizes import check_noise, group_sizes


@overload
def make_union_of_manifolds(
    n_samples: int | Sequence[int] = ...,
    *,
    n_features: int = ...,
    n_manifolds: int = ...,
    intrinsic_dim: int = ...,
    n_harmonics: int = ...,
    noise: float = ...,
    shuffle: bool = ...,
    return_coordinates: Literal[False] = ...,
    random_state: Seed = ...,
) -> tuple[Floats, Ints]: ...


@overload
def make_union_of_manifolds(
    n_samples: int | Sequence[int] = ...,
    *,
    n_features: int = ...,
    n_manifolds: int = ...,
    intrinsic_dim: int = ...,
    n_harmonics: int = ...,
    noise: float = ...,
    shuffle: bool = ...,
    return_coordinates: Literal[True],
    random_state: Seed = ...,
) -> tuple[Floats, Ints, Floats]: ...


def make_union_of_manifolds(
    n_samples: int | Sequence[int] = 1000,
    *,
    n_features: int = 50,
    n_manifolds: int = 3,
    intrinsic_dim: int = 1,
    n_harmonics: int = 2,
    noise: float = 0.0,
    shuffle: bool = True,
    return_coordinates: bool = False,
    random_state: Seed = None,
) -> tuple[Floats, Ints] | tuple[Floats, Ints, Floats]:
    r"""Draw rows from several random closed curves or surfaces.

    Parameters
    ----------
    n_samples : int or sequence of int, default=1000
        Number of rows, shared evenly among the manifolds; or the number of rows of each manifold.

    n_features : int, default=50
        Dimension of the space.

    n_manifolds : int, default=3
        Number of manifolds.

    intrinsic_dim : int, default=1
        Dimension of the manifolds, at most 3: 1 for closed curves, 2 for closed surfaces.

    n_harmonics : int, default=2
        How strongly they bend. With 1, a manifold of dimension 1 is an ellipse, projected to the
        sphere.

    noise : float, default=0.0
        Standard deviation, in every coordinate, of the Gaussian noise added to rows of length 1.

    shuffle : bool, default=True
        Whether the rows come in random order, instead of manifold by manifold.

    return_coordinates : bool, default=False
        Whether to return the place of each row on its manifold too.

    random_state : int, RandomState instance or None, default=None
        Decides everything that is drawn. None gives other data at every call.

    Returns
    -------
    X : ndarray of shape (n_samples, n_features)
        The rows.

    y : ndarray of shape (n_samples,)
        The manifold of each row, from 0 to ``n_manifolds - 1``.

    coordinates : ndarray of shape (n_samples, intrinsic_dim)
        Angles in radians, from 0 to 2 pi. Only with ``return_coordinates=True``.

    Raises
    ------
    TypeError
        If a number is not of its kind.

    ValueError
        If a number is out of range, or `n_samples` does not have one entry for each manifold.

    See Also
    --------
    make_union_of_subspaces : The same with linear pieces.

    Notes
    -----
    A manifold is a random trigonometric polynomial of uniformly distributed angles t, projected to
    the unit sphere:

    .. math::
        x(t) = \frac{s(t)}{\|s(t)\|}, \qquad
        s(t) = \sum_k \frac{1}{|k|} \left( a_k \cos(k \cdot t) + b_k \sin(k \cdot t) \right)

    Here k runs through the integer vectors with entries from -h to h, one of each pair k and -k,
    without zero, h is `n_harmonics`, :math:`|k|` the Euclidean length, and the entries of
    :math:`a_k` and :math:`b_k` are standard normal. A manifold thus spans
    :math:`(2h + 1)^p - 1` dimensions, p being `intrinsic_dim`, or all `n_features` if they are
    fewer.

    Examples
    --------
    >>> import numpy as np
    >>> from sksubspace.datasets import make_union_of_manifolds
    >>> X, y = make_union_of_manifolds(300, n_harmonics=2, random_state=0)
    >>> X.shape, np.bincount(y).tolist()
    ((300, 50), [100, 100, 100])
    >>> int(np.linalg.matrix_rank(X[y == 0]))
    4
    """
    check_integer(n_features, "n_features", 1)
    check_integer(n_manifolds, "n_manifolds", 1)
    check_integer(intrinsic_dim, "intrinsic_dim", 1, 3)
    check_integer(n_harmonics, "n_harmonics", 1)
    check_noise(noise)
    sizes = group_sizes(n_samples, n_manifolds)
    rng = isolated_random_state(random_state)
    frequencies = _frequencies(intrinsic_dim, n_harmonics)
    angles = rng.uniform(0, 2 * np.pi, size=(sum(sizes), intrinsic_dim))
    y = np.repeat(np.arange(n_manifolds), sizes)
    coefficients = rng.standard_normal((n_manifolds, 2 * len(frequencies), n_features))
    X = np.concatenate(
        [_on_manifold(angles[y == k], frequencies, coefficients[k]) for k in range(n_manifolds)]
    )
    X += noise * rng.standard_normal(X.shape)
    if shuffle:
        order = rng.permutation(len(X))
        X, y, angles = X[order], y[order], angles[order]
    return (X, y, angles) if return_coordinates else (X, y)


def _frequencies(intrinsic_dim, n_harmonics):  # -> (n_frequencies, intrinsic_dim)
    """Integer vectors whose first entry that is not zero is positive."""
    entries = range(-n_harmonics, n_harmonics + 1)
    origin = (0,) * intrinsic_dim
    return np.array([k for k in product(entries, repeat=intrinsic_dim) if k > origin])


def _on_manifold(angles, frequencies, coefficients):  # (n, p), (f, p), (2 f, d) -> (n, d)
    phases = angles @ frequencies.T
    waves = np.stack([np.cos(phases), np.sin(phases)]) / np.linalg.norm(frequencies, axis=1)
    rows = np.concatenate(list(waves), axis=1) @ coefficients
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)
