"""Rows on a union of random subspaces."""

from collections.abc import Sequence
from typing import Literal, overload

import numpy as np

from sksubspace._linalg import unit_rows
from sksubspace._parameters import check_integer, isolated_random_state
from sksubspace._typing import Floats, Ints, Seed
from sksubspace.datasets._sizes import check_noise, group_sizes, one_each


@overload
def make_union_of_subspaces(
    n_samples: int | Sequence[int] = ...,
    *,
    n_features: int = ...,
    n_subspaces: int = ...,
    subspace_dim: int | Sequence[int] = ...,
    noise: float = ...,
    affine: bool = ...,
    shuffle: bool = ...,
    return_bases: Literal[False] = ...,
    random_state: Seed = ...,
) -> tuple[Floats, Ints]: ...


@overload
def make_union_of_subspaces(
    n_samples: int | Sequence[int] = ...,
    *,
    n_features: int = ...,
    n_subspaces: int = ...,
    subspace_dim: int | Sequence[int] = ...,
    noise: float = ...,
    affine: bool = ...,
    shuffle: bool = ...,
    return_bases: Literal[True],
    random_state: Seed = ...,
) -> tuple[Floats, Ints, list[Floats], Floats]: ...


def make_union_of_subspaces(
    n_samples: int | Sequence[int] = 1000,
    *,
    n_features: int = 9,
    n_subspaces: int = 5,
    subspace_dim: int | Sequence[int] = 6,
    noise: float = 0.0,
    affine: bool = False,
    shuffle: bool = True,
    return_bases: bool = False,
    random_state: Seed = None,
) -> tuple[Floats, Ints] | tuple[Floats, Ints, list[Floats], Floats]:
    """Draw rows from several random subspaces.

    Parameters
    ----------
    n_samples : int or sequence of int, default=1000
        Number of rows, shared evenly among the subspaces; or the number of rows of each subspace.

    n_features : int, default=9
        Dimension of the space.

    n_subspaces : int, default=5
        Number of subspaces.

    subspace_dim : int or sequence of int, default=6
        Dimension of the subspaces, one for all or one each; at most `n_features`.

    noise : float, default=0.0
        Standard deviation, in every coordinate, of the Gaussian noise added to rows of length 1.

    affine : bool, default=False
        Whether the subspaces miss the origin: all rows of a subspace are moved by one random vector
        of length 1.

    shuffle : bool, default=True
        Whether the rows come in random order, instead of subspace by subspace.

    return_bases : bool, default=False
        Whether to return the bases of the subspaces too, and the vectors they are moved by.

    random_state : int, RandomState instance or None, default=None
        Decides everything that is drawn. None gives other data at every call.

    Returns
    -------
    X : ndarray of shape (n_samples, n_features)
        The rows.

    y : ndarray of shape (n_samples,)
        The subspace of each row, from 0 to ``n_subspaces - 1``.

    bases : list of ndarray of shape (subspace_dim, n_features)
        An orthonormal basis of each subspace, as rows. Only with ``return_bases=True``.

    offsets : ndarray of shape (n_subspaces, n_features)
        What each subspace is moved by, zeros unless `affine`. Only with ``return_bases=True``.

    Raises
    ------
    TypeError
        If a number is not of its kind.

    ValueError
        If a number is out of range, or a sequence does not have one entry for each subspace.

    See Also
    --------
    make_union_of_manifolds : The same with curved pieces.

    Notes
    -----
    A row of subspace k is ``B_k.T @ c / ||c|| + offset_k + noise * e`` with c and e standard normal
    and the rows of ``B_k`` the orthonormal basis of a uniformly random subspace. Two random
    subspaces of dimension r in d features have affinity near sqrt(r / d), whatever their number;
    with ``2 * r > d`` every two of them intersect.

    References
    ----------
    .. [1] M. Soltanolkotabi and E. J. Candes, "A geometric analysis of subspace clustering with
       outliers", Annals of Statistics 40 (2012), https://doi.org/10.1214/12-AOS1034

    Examples
    --------
    >>> import numpy as np
    >>> from sksubspace.datasets import make_union_of_subspaces
    >>> X, y = make_union_of_subspaces(100, n_features=20, subspace_dim=3, random_state=0)
    >>> X.shape, np.bincount(y).tolist()
    ((100, 20), [20, 20, 20, 20, 20])
    >>> int(np.linalg.matrix_rank(X[y == 0]))
    3
    """
    check_integer(n_features, "n_features", 1)
    check_integer(n_subspaces, "n_subspaces", 1)
    check_noise(noise)
    sizes = group_sizes(n_samples, n_subspaces)
    dims = one_each(subspace_dim, n_subspaces, "subspace_dim", largest=n_features)
    rng = isolated_random_state(random_state)
    bases = [_random_basis(dim, n_features, rng) for dim in dims]
    offsets = unit_rows(rng.standard_normal((n_subspaces, n_features)))
    offsets *= bool(affine)
    X = np.concatenate(
        [unit_rows(rng.standard_normal((n, len(B)))) @ B for n, B in zip(sizes, bases, strict=True)]
    )
    y = np.repeat(np.arange(n_subspaces), sizes)
    X += offsets[y] + noise * rng.standard_normal(X.shape)
    if shuffle:
        order = rng.permutation(len(X))
        X, y = X[order], y[order]
    return (X, y, bases, offsets) if return_bases else (X, y)


def _random_basis(dim, n_features, rng):  # -> (dim, n_features)
    return np.linalg.qr(rng.standard_normal((n_features, dim)))[0].T.copy()
