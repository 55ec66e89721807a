"""How a row would be decoded at other rows' places, by a decoder that never saw it or its group."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from scipy.linalg import eigh, qr

from sksubspace._linalg import column_means, dense, row_blocks
from sksubspace._student._block_leave_out import JITTER, group_solver
from sksubspace._student._eigenbasis import Eigenbasis
from sksubspace._student._groups import Forget
from sksubspace._student._ridge import FourierRidge

# rows a block, by whole groups: three products of 256 x r by r x n_places, not of whole tables;
# a larger group has coefficients of its own instead
_BLOCK_ROWS = 256
# 2^21 doubles are 16 MiB: what one matrix of a block of rows by places may take
_BLOCK_ELEMENTS = 2**21
# new rows a block: eight hundred features of each are 16 MiB
_NEW_ROWS = 2**11
# places whose errors agree to ten digits of the row's square are equally good: coincident places
# then count whatever the rounding
_TIED = 1e-10


def count_places_as_good(found, X, Z, at_rows):
    r"""Count the places that would suit each row as well as its own, or better.

    With g_(-g) the decoder without the group of row i, these are the places j of other groups with
    :math:`\|x_i - g_{(-g)}(z_j)\|^2 \le \|x_i - g_{(-g)}(z_i)\|^2`.

    Parameters
    ----------
    found : LeftOut
        With a student whose decoder is a `FourierRidge`, which needs one eigenbasis for all rows,
        or has ``left_out(at, forget)``, which is called once for each group.

    X : {ndarray, CSR matrix} of shape (n, d)
        The rows it was learned from.

    Z : ndarray of shape (n, q)
        Their places, as drawn.

    at_rows : ndarray of shape (m,)
        The rows whose places are compared with the row's own.

    Returns
    -------
    n_as_good, n_compared : ndarray of shape (n,)
        Places of other groups that are as good, and all of them.
    """
    student, groups = found.student, found.groups
    at = student.latent_scale.scale(Z)
    members = _members(groups)
    own_among = np.bincount(groups[at_rows], minlength=len(members))
    n_compared = len(at_rows) - own_among[groups]
    if isinstance(student.decoder, FourierRidge):
        ridge = _Ridge.of(student.decoder, found.target, X)
        n_as_good = _by_ridge(ridge, members, X, at, at_rows, groups)
    else:
        n_as_good = _by_calls(found, members, X, at, at_rows)
    return n_as_good, n_compared


def _members(groups):  # (n,) -> list of (size,)
    order = np.argsort(groups, kind="stable")
    return np.split(order, np.cumsum(np.bincount(groups))[:-1])


# ---- the library's own decoder -------------------------------------------------------------------


@dataclass(frozen=True)
class _Ridge:
    """The fitted ridge with its training rows, in input units and as few columns as it needs."""

    basis: Eigenbasis
    penalty: float
    target: np.ndarray  # (n, q), places it was fitted at
    coef: np.ndarray  # (r, t)
    mean: np.ndarray  # (d,)
    axes: np.ndarray | None  # (d, t), orthonormal; the coefficients span these

    @classmethod
    def of(cls, decoder, target, X):
        """Fit the decoder's ridge anew: a student lets go of its rows, and this needs no choice.

        A ridge is linear in its target: fitted to input units it is the student's in these units.
        """
        basis = Eigenbasis.of(target, decoder.frequencies_)
        coef = basis.shrink(basis.moment(target, X), decoder.penalty_)
        if coef.shape[1] <= coef.shape[0]:
            return cls(basis, decoder.penalty_, target, coef, column_means(X), None)
        axes, triangle = qr(coef.T, mode="economic", check_finite=False)
        return cls(basis, decoder.penalty_, target, triangle.T, column_means(X), axes)

    def inside(self, X):  # (b, d) -> (b, t)
        """Centred rows in the span of the coefficients."""
        if self.axes is None:
            return dense(X, np.float64) - self.mean
        return X @ self.axes - self.mean @ self.axes

    def beyond(self, X, inside):  # (b, d), (b, t) -> (b, b)
        """Coordinates of these rows outside that span, by their products: enough for these rows."""
        if self.axes is None:
            return np.zeros((len(inside), 0))
        to_mean = X @ self.mean
        products = dense(X @ X.T, np.float64) - to_mean[:, None] - to_mean + self.mean @ self.mean
        values, vectors = eigh(products - inside @ inside.T, check_finite=False)
        return vectors * np.sqrt(np.maximum(values, 0))

    def features(self, at):  # (b, q) -> (b, r), (b, r + 1)
        """In the eigenbasis, and whitened: S S' is the hat matrix."""
        rotated = self.basis.rotate(at)
        return rotated, self.basis.whiten(rotated, self.penalty)


def _by_ridge(ridge, members, X, at, at_rows, groups):  # -> (n,)
    places = _Places.of(ridge, at[at_rows], groups[at_rows])
    n_as_good = np.empty(len(groups), dtype=np.int64)
    for rows in _blocks_of_groups(members):
        large = len(rows) > _BLOCK_ROWS
        count = _as_good_of_group if large else _as_good_of_block
        n_as_good[rows] = count(ridge, X[rows], ridge.target[rows], at[rows], groups[rows], places)
    return n_as_good


@dataclass(frozen=True)
class _Places:
    """Places to compare with: whitened features, what is decoded there, its squares, groups."""

    S: np.ndarray  # (m, r + 1)
    decoded: np.ndarray  # (m, t)
    squares: np.ndarray  # (m,)
    groups: np.ndarray  # (m,)

    @classmethod
    def of(cls, ridge, at, groups):
        features, S = ridge.features(at)
        decoded = features @ ridge.coef
        return cls(S, decoded, np.square(decoded).sum(axis=1), groups)

    def __getitem__(self, part):
        return _Places(self.S[part], self.decoded[part], self.squares[part], self.groups[part])


def _blocks_of_groups(members):
    """Join whole groups to blocks of at most 256 rows; a larger group is a block of its own."""
    block, size = [], 0
    for rows in members:
        if block and size + len(rows) > _BLOCK_ROWS:
            yield np.concatenate(block)
            block, size = [], 0
        block.append(rows)
        size += len(rows)
    yield np.concatenate(block)


def _as_good_of_block(ridge, X, target, own, groups, places):
    r"""Count by the errors without the row's group g.

    With W = (I - S_g S_g')^-1 E_g of the group,

    .. math:: \|x_i - g(z_j) + W^T c_j\|^2 = \|x_i - g(z_j)\|^2 + 2 c_j^T W x_i
              + c_j^T (W W^T c_j - 2 W g(z_j)), \quad c_j = S_g s_j .

    For a row without group mates W is its left-out error e_i and c_j a number. Only rows and W
    reach beyond the span of the coefficients.
    """
    features, S = ridge.features(target)
    inside = ridge.inside(X)
    beyond = ridge.beyond(X, inside)
    X, t = np.hstack([inside, beyond]), inside.shape[1]
    W = _solved(S, np.hstack([inside - features @ ridge.coef, beyond]), groups)
    same = groups[:, None] == groups
    features, S_own = ridge.features(own)
    c_own = (S @ S_own.T) * same  # (b, b): column i for row i
    errors = np.hstack([inside - features @ ridge.coef, beyond]) + c_own.T @ W
    limit = _limit(errors, X)
    mates, to_rows, to_mates = (
        sparse.csr_matrix(same * factor) for factor in (1.0, X @ W.T, W @ W.T)
    )
    count = np.zeros(len(X), dtype=np.int64)
    for part in row_blocks(len(places.groups), max(1, _BLOCK_ELEMENTS // len(X))):
        there = places[part]
        c = S @ there.S.T  # (b, m)
        found = there.squares - 2 * (inside @ there.decoded.T) + 2 * (to_rows @ c)
        found += mates @ (c * (to_mates @ c - 2 * (W[:, :t] @ there.decoded.T)))
        as_good = (found <= limit[:, None]) & (groups[:, None] != there.groups)
        count += as_good.sum(axis=1)
    return count


def _as_good_of_group(ridge, X, target, own, groups, places):
    """Count for a large group, by the coefficients of the ridge without it."""
    return _as_good_without(ridge, _lost_with(ridge, X, target), X, own, groups[0], places)


def _lost_with(ridge, X, target):  # (s, d), (s, q) -> (r + 1, t + u), (d, u) or None
    """What the coefficients lose without some rows, and axes of what reaches beyond their span."""
    inside = ridge.inside(X)
    features, S = ridge.features(target)
    solved = group_solver(S)(S)  # (s, r + 1)
    lost = solved.T @ (inside - features @ ridge.coef)  # (r + 1, t)
    if ridge.axes is None:
        return lost, None
    beyond = solved.T @ X - np.outer(solved.sum(axis=0), ridge.mean)
    beyond -= (solved.T @ inside) @ ridge.axes.T
    more, triangle = qr(beyond.T, mode="economic", check_finite=False)
    return np.hstack([lost, triangle.T]), more


def _as_good_without(ridge, lost_with, X, own, group, places):
    """Count for rows X (b, d) of a group at their own places, by the ridge without the group."""
    (lost, more), inside = lost_with, ridge.inside(X)
    if more is not None:
        inside = np.hstack([inside, X @ more - ridge.mean @ more])
    coef = np.pad(ridge.coef, [(0, 0), (0, lost.shape[1] - ridge.coef.shape[1])])
    features, S_own = ridge.features(own)
    limit = _limit(inside - features @ coef + S_own @ lost, inside)
    others = places[np.flatnonzero(places.groups != group)]
    decoded = -others.S @ lost
    decoded[:, : others.decoded.shape[1]] += others.decoded
    return _as_good(inside, decoded, np.square(decoded).sum(axis=1), limit)


def _as_good(inside, decoded, squares, limit):  # (b, t), (m, t), (m,), (b,) -> (b,)
    """Count the places where ||g||^2 - 2 x'g is at most the limit of the row."""
    count = np.empty(len(inside), dtype=np.int64)
    for rows in row_blocks(len(inside), max(1, _BLOCK_ELEMENTS // max(1, len(squares)))):
        found = squares - 2 * (inside[rows] @ decoded.T)
        count[rows] = (found <= limit[rows, None]).sum(axis=1)
    return count


def _limit(errors, X):  # (b, t), (b, t) -> (b,)
    """Largest ||x - g||^2 - ||x||^2 that is as good as the row's own."""
    errors, squares = np.square(errors).sum(axis=1), np.square(X).sum(axis=1)
    return errors - squares + _TIED * (errors + squares)


def _solved(S, E, groups):  # (b, r), (b, t), (b,) -> (b, t)
    """(I - S_g S_g')^-1 E_g of every group."""
    W = E / np.maximum(1 + JITTER - np.square(S).sum(axis=1), JITTER)[:, None]
    numbers, sizes = np.unique(groups, return_counts=True)
    for number in numbers[sizes > 1]:
        rows = np.flatnonzero(groups == number)
        W[rows] = group_solver(S[rows])(E[rows])
    return W


# ---- rows that it was not learned from -----------------------------------------------------------


@dataclass(frozen=True)
class NewRowsElsewhere:
    """The places to compare new rows' own with, by the library's decoder.

    Attributes
    ----------
    latent_scale : LatentScale
        Units of the map.

    X, groups : ndarray of shape (n, d) and (n,)
        The rows it was learned from, and their groups.
    """

    latent_scale: Any
    ridge: _Ridge
    places: _Places
    coef: np.ndarray  # (p, t), of the features as they are
    X: np.ndarray
    groups: np.ndarray

    @classmethod
    def of(cls, found, X, Z, at_rows):
        """The parameters are those of `count_places_as_good`."""
        student = found.student
        if not isinstance(student.decoder, FourierRidge):
            raise TypeError(
                "student must have a FourierRidge as its decoder to mark rows that are not in "
                f"memory, got {type(student.decoder).__name__}: pass rows drawn from the "
                "collection."
            )
        ridge = _Ridge.of(student.decoder, found.target, X)
        at = student.latent_scale.scale(Z[at_rows])
        places = _Places.of(ridge, at, found.groups[at_rows])
        coef = ridge.basis.eigenvectors @ ridge.coef
        return cls(student.latent_scale, ridge, places, coef, X, found.groups)

    def count(self, X, Z, groups):  # (b, d), (b, q), (b,) -> (b,), (b,)
        """Count the places as good and all of them; a row without a group has the number -1.

        The decoder forgets the rows of the group. It has not seen the others.
        """
        at = self.latent_scale.scale(Z)
        n_as_good = np.empty(len(X), dtype=np.int64)
        n_compared = np.full(len(X), len(self.places.groups))
        for group in np.unique(groups):
            rows = np.flatnonzero(groups == group)
            n_compared[rows] -= (self.places.groups == group).sum()
            count = self._as_good_of_strangers if group < 0 else self._as_good_of_mates(group)
            for block in row_blocks(len(rows), _NEW_ROWS):
                part = rows[block]
                n_as_good[part] = count(X[part], at[part])
        return n_as_good, n_compared

    def _as_good_of_strangers(self, X, at):  # (b, d), (b, q) -> (b,)
        inside = self.ridge.inside(X)
        limit = _limit(inside - self.ridge.basis.features(at) @ self.coef, inside)
        return _as_good(inside, self.places.decoded, self.places.squares, limit)

    def _as_good_of_mates(self, group):  # -> callable (b, d), (b, q) -> (b,)
        mates = np.flatnonzero(self.groups == group)
        lost = _lost_with(self.ridge, self.X[mates], self.ridge.target[mates])
        return lambda X, at: _as_good_without(self.ridge, lost, X, at, group, self.places)


# ---- any other decoder ---------------------------------------------------------------------------


def _by_calls(found, members, X, at, at_rows):  # -> (n,)
    """Ask the decoder itself, once for each group, at all places and the group's own."""
    student, groups = found.student, found.groups
    decoder: Any = student.decoder
    if not hasattr(decoder, "left_out"):
        raise ValueError(
            "student must have a decoder with a leave-one-out form, left_out(at, forget), got "
            f"{type(decoder).__name__}."
        )
    n_as_good = np.empty(len(groups), dtype=np.int64)
    for number, rows in enumerate(members):
        everywhere = np.concatenate([at[at_rows], at[rows]])
        forget = Forget(groups, np.full(len(everywhere), rows[0]))
        decoded = student.feature_scale.unwork(decoder.left_out(everywhere, forget))
        others = groups[at_rows] != number
        there, own = decoded[: len(at_rows)][others], decoded[len(at_rows) :]
        for row, there_too in zip(rows, own, strict=True):
            x = dense(X[row : row + 1], np.float64)
            error = np.square(x - there_too).sum()
            limit = error + _TIED * (error + np.square(x).sum())
            n_as_good[row] = (np.square(x - there).sum(axis=1) <= limit).sum()
    return n_as_good
