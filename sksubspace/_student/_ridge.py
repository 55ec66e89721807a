"""Closed-form decoder: ridge on random Fourier features that forgets what names a row.

The features approximate a Matern-3/2 kernel: Rahimi and Recht, "Random features for large-scale
kernel machines", NeurIPS 2007.
"""

from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np
from scipy import sparse
from scipy.linalg import eigh
from sklearn.utils.extmath import randomized_svd

from sksubspace._linalg import dense, in_blocks, row_blocks
from sksubspace._parameters import isolated_random_state
from sksubspace._student._groups import (
    Forget,
    draw_whole_groups,
    members_by_size,
    nearest_of_other_groups,
)
from sksubspace._student._part import Part

# the search starts at 2^3 = 8
_FIRST_SCALE = 3
# a map that is smooth over four radii, to one that is rough within a sixtieth of one
_SCALE_EXPONENTS = range(-2, 7)
_PENALTIES = 10.0 ** np.arange(-4, 5)
_REFINEMENT = 10.0 ** np.array([-0.5, 0.5])
# a map of few dimensions explains hardly any further principal score of the data
_SELECTION_TARGETS = 48
# keeps I - H regular where the forgotten rows hold all of a feature direction
_JITTER = 1e-10
# groups up to this size are solved in stacks, larger ones one by one
_STACKED = 8
_STACK_ELEMENTS = 2**23


class FourierRidge(Part):
    r"""Decode places by ridge regression on random Fourier features.

    What it would say without a group, and without the row next door, is known in closed form.

    Parameters
    ----------
    n_frequencies : int, default=400
        Frequencies drawn; each gives a cosine and a sine. Without any the decoder is linear.

    scale : float or "auto", default="auto"
        Multiple of the Matern-3/2 frequencies; "auto" climbs from 8 within 1/4 and 64.

    penalty : float or "auto", default="auto"
        Ridge penalty; "auto" takes the one with the least left-out error.

    max_samples : int, default=3000
        Rows that scale and penalty are chosen by, drawn by whole groups; two numbers need no more.

    random_state : int, RandomState instance or None, default=None
        Draws the frequencies, and those rows where there are more.

    Attributes
    ----------
    frequencies_ : ndarray of shape (n_components, n_frequencies)
        Radians per unit of the scaled embedding.

    coef_ : ndarray of shape (n_components + 2 * n_frequencies, n_features)
        Coefficients, in units of the target.

    intercept_ : ndarray of shape (n_features,)
        The prediction where all features are zero.

    scale_, penalty_ : float
        What was chosen.

    See Also
    --------
    NetworkDecoder : A network in its place, without leave-one-out.

    Notes
    -----
    With f the features less their means, G = F'F + aI, B the coefficients, E the residuals and
    :math:`S = F G^{-1/2}`, the ridge fitted without the rows L errs at a place z by

    .. math:: r = x - \bar x - f(z)^T B + c^T (I - H)^{-1} E_L, \quad
              H = S_L S_L^T + 1/n, \quad c = S_L s(z) + 1/n .

    L is the group of a row and the row next door. Without the latter a place that coincides with
    that of another row would name it, and a shuffled map would score.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sksubspace import MEDAL
    >>> from sksubspace.decoding import FourierRidge
    >>> X, _ = load_iris(return_X_y=True)
    >>> medal = MEDAL("pca", decoder=FourierRidge(n_frequencies=50), random_state=0).fit(X)
    >>> medal.student_.decoder.coef_.shape
    (102, 4)
    """

    name = "ridge"
    takes_setting = False

    def __init__(
        self, n_frequencies=400, scale="auto", penalty="auto", max_samples=3_000, random_state=None
    ):
        self.n_frequencies = n_frequencies
        self.scale = scale
        self.penalty = penalty
        self.max_samples = max_samples
        self.random_state = random_state

    def fit(self, Z, Z_out, X, forget):
        """Fit the ridge, scale and penalty chosen by left-out errors.

        Parameters
        ----------
        Z : ndarray of shape (n_samples, n_components)
            Scaled places.

        Z_out : ndarray of shape (n_left_out, n_components)
            Places of some rows without their groups, or all.

        X : {ndarray, CSR matrix} of shape (n_samples, n_features)
            Target.

        forget : Forget of length n_left_out
            Whose places those are, and what each must not have seen.

        Returns
        -------
        self : object
            The fitted decoder.
        """
        self._check()
        random_state = isolated_random_state(self.random_state)
        unit = matern_frequencies(Z.shape[1], self.n_frequencies, random_state)
        bases = _Bases(Z, X, unit, forget, self.max_samples, random_state)
        return self._chosen(bases, Z_out, forget)

    def chosen_at(self, Z_out, forget):
        """Fit another decoder of the same rows, chosen at other places.

        Parameters
        ----------
        Z_out : ndarray of shape (n_left_out, n_components)
            The places.

        forget : Forget of length n_left_out
            What each must not have seen.

        Returns
        -------
        other : FourierRidge
            It shares the eigenbases of this one, which are most of the work.
        """
        other = type(self)(**self.get_params())
        return other._chosen(self._bases, Z_out, forget)

    def predict(self, Z):  # (m, q) -> (m, d)
        """Decode places.

        Parameters
        ----------
        Z : ndarray of shape (n_samples, n_components)
            Scaled places.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features)
            Reconstructions.
        """
        decoded = in_blocks(lambda rows: fourier_features(rows, self.frequencies_) @ self.coef_, Z)
        return (decoded + self.intercept_).astype(self.intercept_.dtype, copy=False)

    def left_out(self, at, forget):  # (m, q) -> (m, d)
        """Decode place k by the rows that are not in ``forget[k]``.

        Parameters
        ----------
        at : ndarray of shape (n_places, n_components)
            Scaled places.

        forget : Forget of length n_places
            What each must not have seen.

        Returns
        -------
        X : ndarray of shape (n_places, n_features)
            Reconstructions, as float64; available until the student lets go of the training rows.
        """
        return self._left_out.predict(at, forget)

    def _check(self):
        for name, least in (("n_frequencies", 0), ("max_samples", 4)):
            value = getattr(self, name)
            if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
                raise ValueError(
                    f"{name} must be a whole number of at least {least}, got {value!r}."
                )
        for name in ("scale", "penalty"):
            value = getattr(self, name)
            auto = isinstance(value, str) and value == "auto"
            if not auto and not (isinstance(value, Real) and 0 < value < np.inf):
                raise ValueError(f"{name} must be a positive number or 'auto', got {value!r}.")

    def _chosen(self, bases, Z_out, forget):
        self._bases = bases
        self.scale_, self.penalty_ = bases.choose(Z_out, forget, self.scale, self.penalty)
        basis, rotated = bases.of_all_rows(self.scale_)
        coef = basis.coefficients(bases.Z, bases.X, self.penalty_)
        mean = np.asarray(bases.X.mean(axis=0), dtype=np.float64).ravel()
        self.frequencies_ = basis.frequencies
        self.coef_ = coef.astype(bases.X.dtype)
        self.intercept_ = (mean - basis.offset @ coef).astype(bases.X.dtype)
        self._left_out = _LeftOut(bases.Z, bases.X, mean, coef, basis, rotated, self.penalty_)
        return self


def matern_frequencies(n_components, n_frequencies, random_state):  # -> (q, m)
    """Draw frequencies of the Matern-3/2 kernel of unit length: normal / sqrt(chi2_3 / 3)."""
    normal = random_state.standard_normal((n_components, n_frequencies))
    return normal / np.sqrt(random_state.chisquare(3, size=n_frequencies) / 3)


def fourier_features(Z, frequencies):  # (n, q), (q, m) -> (n, q + 2m)
    """Features [z, cos(zB), sin(zB)] of each row, as float64; the intercept stands apart."""
    Z = np.asarray(Z, dtype=np.float64)
    phase = Z @ frequencies
    return np.hstack([Z, np.cos(phase), np.sin(phase)])


@dataclass(frozen=True)
class _Basis:
    """Eigenbasis of F'F, F the centred features: every ridge penalty is then a diagonal."""

    frequencies: np.ndarray  # (q, m)
    n_samples: int
    offset: np.ndarray  # (p,), mean of the features
    eigenvalues: np.ndarray  # (r,)
    eigenvectors: np.ndarray  # (p, r)

    @classmethod
    def of(cls, Z, frequencies):
        """Basis of rows whose features are seen block by block."""
        size = Z.shape[1] + 2 * frequencies.shape[1]
        if len(Z) < size:
            return cls.of_features(fourier_features(Z, frequencies), frequencies)
        offset, gram = np.zeros(size), np.zeros((size, size))
        for rows in row_blocks(len(Z)):
            features = fourier_features(Z[rows], frequencies)
            offset += features.sum(axis=0) / len(Z)
            gram += features.T @ features
        return cls._of_gram(gram, offset, frequencies, len(Z))

    @classmethod
    def of_features(cls, features, frequencies):  # (n, p), (q, m)
        """Basis of rows whose features are at hand."""
        n, p = features.shape
        offset = features.mean(axis=0)
        if n < p:
            return cls(frequencies, n, offset, *_eigenpairs_of_few(features - offset))
        return cls._of_gram(features.T @ features, offset, frequencies, n)

    @classmethod
    def _of_gram(cls, gram, offset, frequencies, n):
        gram -= n * np.outer(offset, offset)
        eigenvalues, eigenvectors = eigh(gram, overwrite_a=True, check_finite=False)
        return cls(frequencies, n, offset, np.maximum(eigenvalues, 0), eigenvectors)

    def features(self, Z):  # (n, q) -> (n, p)
        return fourier_features(Z, self.frequencies) - self.offset

    def rotate(self, Z):  # (n, q) -> (n, r)
        return self.features(Z) @ self.eigenvectors

    def whiten(self, rotated, penalty):  # (n, r), float -> (n, r + 1)
        """S = A (L + a)^-1/2 with a column 1 / sqrt(n), so that S S' is the hat matrix."""
        S = rotated / np.sqrt(self.eigenvalues + penalty)
        return np.column_stack([S, np.full(len(S), self.n_samples**-0.5)])

    def coefficients(self, Z, X, penalty):  # -> (p, d)
        moment = np.zeros((len(self.eigenvectors), X.shape[1]))
        for rows in row_blocks(len(Z)):
            moment += self.features(Z[rows]).T @ X[rows]
        shrink = 1 / (self.eigenvalues + penalty)
        return self.eigenvectors @ (shrink[:, None] * (self.eigenvectors.T @ moment))


def _eigenpairs_of_few(features):  # (n, p) -> (r,), (p, r)
    """Eigenpairs of F'F with positive eigenvalue, through F F', for fewer rows than features."""
    eigenvalues, vectors = eigh(features @ features.T, check_finite=False)
    keep = eigenvalues > 1e-12 * eigenvalues[-1]
    eigenvalues, vectors = eigenvalues[keep], vectors[:, keep]
    return eigenvalues, features.T @ (vectors / np.sqrt(eigenvalues))


@dataclass(frozen=True)
class _LeftOut:
    """The fitted ridge with its rows, for predictions without some of them."""

    Z: np.ndarray
    X: Any
    mean: np.ndarray
    coef: np.ndarray
    basis: _Basis
    rotated: np.ndarray | None  # (n, r), the rows in the basis, where they are kept
    penalty: float

    def predict(self, at, forget):  # (m, q), Forget -> (m, d)
        """The formula of `FourierRidge`, block by block."""
        predicted = np.empty((len(at), self.X.shape[1]))
        order = np.argsort(forget.groups[forget.own], kind="stable")  # groups stay together
        for block in row_blocks(len(at)):
            here = order[block]
            predicted[here] = self._predict(at[here], forget[here])
        return predicted

    def _predict(self, at, forget):
        members = np.flatnonzero(np.isin(forget.groups, forget.groups[forget.own]))
        door = [] if forget.next_door is None else [forget.next_door]
        needed, place = np.unique(np.concatenate([members, *door]), return_inverse=True)
        here = self._rows_in_basis(needed)
        rotated_coef = self.basis.eigenvectors.T @ self.coef
        residuals = dense(self.X[needed], np.float64) - self.mean - here @ rotated_coef
        there = self.basis.rotate(at)
        S, S_at = (self.basis.whiten(rows, self.penalty) for rows in (here, there))
        local = Forget(
            np.unique(forget.groups[needed], return_inverse=True)[1],
            np.searchsorted(needed, forget.own),
            place[len(members) :] if door else None,
        )
        return self.mean + there @ rotated_coef - correction(S, S_at, residuals, local)

    def _rows_in_basis(self, rows):  # (k,) -> (k, r)
        return self.basis.rotate(self.Z[rows]) if self.rotated is None else self.rotated[rows]


def correction(S, S_at, residuals, forget):
    r"""c'(I - H)^-1 E of the rows that each prediction forgets.

    Parameters
    ----------
    S : ndarray of shape (n, r)
        Whitened training rows, S S' = H.

    S_at : ndarray of shape (m, r)
        Whitened places of the predictions.

    residuals : ndarray of shape (n, t)
        E, of the fit on all rows.

    forget : Forget of length m
        With its row numbers into S.

    Notes
    -----
    For the group g of a row, M = I - S_g S_g'. With the row v next door, another group's, the block
    inverse of the bordered system gives, for places o,

    .. math:: c^T (I - H)^{-1} E = q_{oE} + q_{ov} (e_v + q_{vE}) / (1 - q_{vv}), \quad
              q_{oE} = c_o^T M^{-1} E_g, \\quad q_{ov} = s_o^T s_v + c_o^T M^{-1} c_v .
    """
    found = np.empty((len(S_at), residuals.shape[1]))
    groups = forget.groups
    sizes = np.bincount(groups)[groups[forget.own]]
    members = {rows.shape[1]: rows for rows in members_by_size(groups)}
    first = _place_by_size(members, groups)
    for size in np.unique(sizes):
        entries = np.flatnonzero(sizes == size)
        rows = members[size][first[groups[forget.own[entries]]]]  # (k, size)
        solve = _stacked if size <= _STACKED else _one_by_one
        solve(S, S_at, residuals, forget, entries, rows, found)
    return found


def _place_by_size(members, groups):  # -> (n_groups,)
    """Place of each group among the groups of its size."""
    place = np.empty(groups.max() + 1, dtype=int)
    for rows in members.values():
        place[groups[rows[:, 0]]] = np.arange(len(rows))
    return place


def _stacked(S, S_at, residuals, forget, entries, rows, found):
    """Solve the small systems of all entries at once, in stacks that fit into memory."""
    size = rows.shape[1]
    for block in row_blocks(len(entries), max(1, _STACK_ELEMENTS // (size * S.shape[1]))):
        which, group = entries[block], rows[block]
        S_g, at = S[group], S_at[which]
        M = (1 + _JITTER) * np.eye(size) - S_g @ S_g.transpose(0, 2, 1)
        sides = [S_g @ at[:, :, None]]
        if forget.next_door is not None:
            S_v = S[forget.next_door[which]]
            sides.append(S_g @ S_v[:, :, None])
        c = np.concatenate(sides, axis=2)  # (k, size, 1 or 2)
        weights = c / M if size == 1 else np.linalg.solve(M, c)
        q_E = np.einsum("ksw,kst->kwt", weights, residuals[group])
        found[which] = q_E[:, 0]
        if forget.next_door is None:
            continue
        q_ov = (at * S_v).sum(axis=1) + (weights[:, :, 0] * c[:, :, 1]).sum(axis=1)
        q_vv = np.square(S_v).sum(axis=1) + (weights[:, :, 1] * c[:, :, 1]).sum(axis=1)
        gain = q_ov / np.maximum(1 - q_vv, _JITTER)
        found[which] += gain[:, None] * (residuals[forget.next_door[which]] + q_E[:, 1])


def _one_by_one(S, S_at, residuals, forget, entries, rows, found):
    """Solve the systems of large groups, each once, in the smaller of the two dimensions."""
    group_of = forget.groups[forget.own[entries]]
    for group in np.unique(group_of):
        which = entries[group_of == group]
        S_g, E_g = S[rows[group_of == group][0]], residuals[rows[group_of == group][0]]
        solve = group_solver(S_g)
        at, P = S_at[which], S_g.T @ solve(E_g)
        found[which] = at @ P
        if forget.next_door is None:
            continue
        door = forget.next_door[which]
        S_v = S[door]
        inner = S_v @ S_g.T  # (k, size)
        moved = solve(inner.T)  # (size, k)
        q_ov = (at * S_v).sum(axis=1) + ((at @ S_g.T) * moved.T).sum(axis=1)
        q_vv = np.square(S_v).sum(axis=1) + (inner * moved.T).sum(axis=1)
        gain = q_ov / np.maximum(1 - q_vv, _JITTER)
        found[which] += gain[:, None] * (residuals[door] + S_v @ P)


def group_solver(S):  # (m, r) -> callable (m, t) -> (m, t)
    """(I - S S')^-1 by the smaller of the two: itself, or 1 + S (I - S'S)^-1 S'."""
    if len(S) <= S.shape[1]:
        M = (1 + _JITTER) * np.eye(len(S)) - S @ S.T
        return lambda sides: np.linalg.solve(M, sides)
    inner = (1 + _JITTER) * np.eye(S.shape[1]) - S.T @ S
    return lambda sides: sides + S @ np.linalg.solve(inner, S.T @ sides)


class _Bases:
    """Eigenbases by scale, of the rows that choose and of all rows: what several choices share."""

    def __init__(self, Z, X, unit, forget, max_samples, random_state):
        self.Z, self.X, self.unit = Z, X, unit
        drawn = draw_whole_groups(forget.groups, forget.own, max_samples, random_state)
        self.drawn = drawn
        self.place = np.searchsorted(forget.own, drawn)  # `own` ascends
        self.groups = np.unique(forget.groups[drawn], return_inverse=True)[1]
        self.target = _leading_targets(X[drawn], random_state)
        self.known = {}

    def rotated(self, scale):
        """Basis of the drawn rows, and these in it."""
        if scale not in self.known:
            features = fourier_features(self.Z[self.drawn], scale * self.unit)
            basis = _Basis.of_features(features, scale * self.unit)
            self.known[scale] = basis, (features - basis.offset) @ basis.eigenvectors
        return self.known[scale]

    def of_all_rows(self, scale):
        """Basis of all rows, and these in it where they are few enough to keep."""
        if len(self.drawn) == len(self.Z):
            return self.rotated(scale)
        return _Basis.of(self.Z, scale * self.unit), None

    def choose(self, Z_out, forget, scale, penalty):
        """Scale and penalty with the least left-out error, by hill climbing over the scale."""
        if "auto" not in (scale, penalty):
            return float(scale), float(penalty)
        at = Z_out[self.place]
        local = Forget(self.groups, np.arange(len(at)))
        if forget.next_door is not None:
            door = next_door(at, self.Z[self.drawn], local)
            local = Forget(self.groups, local.own, door)
        penalties = _PENALTIES if penalty == "auto" else np.array([penalty], dtype=np.float64)

        def best_at(value):
            return self._best_penalty(value, at, local, penalties)

        if scale != "auto":
            return float(scale), best_at(float(scale))[1]
        tried = {_FIRST_SCALE: best_at(2.0**_FIRST_SCALE)}
        for step in (1, -1):
            exponent = min(tried, key=tried.get) + step
            while exponent in _SCALE_EXPONENTS and exponent not in tried:
                tried[exponent] = best_at(2.0**exponent)
                if tried[exponent] > min(tried.values()):
                    break
                exponent += step
        exponent = min(tried, key=tried.get)
        return 2.0**exponent, tried[exponent][1]

    def _best_penalty(self, scale, at, forget, penalties):  # -> (squared error, penalty)
        basis, here = self.rotated(scale)
        score = _left_out_score(basis, here, basis.rotate(at), self.target, forget)
        best = min(zip(score(penalties), penalties.tolist(), strict=True))
        if len(penalties) == 1:
            return best
        refined = best[1] * _REFINEMENT
        return min(best, *zip(score(refined), refined.tolist(), strict=True))


def _left_out_score(basis, here, there, target, forget):
    """Squared left-out error as a function of penalties: (k,) -> (k,).

    Rows that are their own group, all of them as a rule, need scalars in the place of matrices, for
    all penalties at once; the others go through `correction`.
    """
    moment, door = here.T @ target, forget.next_door
    single = np.bincount(forget.groups)[forget.groups] == 1
    alone, others = np.flatnonzero(single), np.flatnonzero(~single)
    weigh = _weights_alone(basis, here, there, forget, alone)

    def score(penalties):
        inverse = 1 / (basis.eigenvalues[:, None] + penalties)  # (r, k)
        coef = (inverse[:, :, None] * moment[:, None]).reshape(len(inverse), -1)
        shape = (len(target), len(penalties), target.shape[1])
        residuals = target[:, None] - (here @ coef).reshape(shape)
        error = target[:, None] - (there @ coef).reshape(shape)
        own, gain = weigh(inverse)
        error[alone] += own[:, :, None] * residuals[alone]
        if door is not None:
            error[alone] += gain[:, :, None] * residuals[door[alone]]
        for k, penalty in enumerate(penalties if len(others) else ()):
            S, S_at = basis.whiten(here, penalty), basis.whiten(there[others], penalty)
            error[others, k] += correction(S, S_at, residuals[:, k], forget[others])
        return np.einsum("nkt,nkt->k", error, error).tolist()

    return score


def _weights_alone(basis, here, there, forget, alone):
    """Weights of the own residual and of that next door, as a function of (L + a)^-1 (r, k)."""
    floor, door = 1 / basis.n_samples, forget.next_door
    i, o = here[alone], there[alone]
    products = {"ii": i * i, "io": i * o}
    if door is not None:
        v = here[door[alone]]
        products |= {"iv": i * v, "ov": o * v, "vv": v * v}

    def weigh(inverse):
        q = {name: product @ inverse + floor for name, product in products.items()}
        left = np.maximum(1 - q["ii"], _JITTER)
        own = q["io"] / left
        if door is None:
            return own, None
        rest = np.maximum(1 - q["vv"] - q["iv"] ** 2 / left, _JITTER)
        gain = (q["ov"] + own * q["iv"]) / rest
        return own + gain * q["iv"] / left, gain

    return weigh


def next_door(at, Z, forget):  # (m, q), (n, q), Forget -> (m,)
    """The row of another group that is drawn nearest to each place."""
    return nearest_of_other_groups(at, Z, 1, forget.own, forget.groups)[1][:, 0]


def _leading_targets(X, random_state):  # (n, d) -> (n, min(d, 48))
    """Leading principal scores of the target: a map of few dimensions explains hardly any other."""
    if min(X.shape) <= _SELECTION_TARGETS:
        X = dense(X, np.float64)
        return X - X.mean(axis=0)
    centred = X if sparse.issparse(X) else X - X.mean(axis=0)
    left, singular, _ = randomized_svd(
        centred, _SELECTION_TARGETS, n_iter=2, random_state=random_state
    )
    scores = (left * singular).astype(np.float64)
    return scores - scores.mean(axis=0)
