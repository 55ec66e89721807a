"""Scale and penalty of the Fourier ridge, by the errors of rows left out."""

from dataclasses import replace

import numpy as np
from scipy import sparse
from sklearn.utils.extmath import randomized_svd

from sksubspace._linalg import dense
from sksubspace._student._block_leave_out import JITTER, correction
from sksubspace._student._eigenbasis import Eigenbasis, fourier_features
from sksubspace._student._groups import Forget, draw_whole_groups, next_door

# the search starts at 2^3 = 8
_FIRST_SCALE = 3
# a map that is smooth over four radii, to one that is rough within a sixtieth of one
_SCALE_EXPONENTS = range(-2, 7)
_PENALTIES = 10.0 ** np.arange(-4, 5)
# around the penalty of fewer frequencies
_REFINEMENT = 10.0 ** np.array([-1, -0.5, 0, 0.5, 1])
# the kernel is the same, and half as many take a quarter of the time
_CLIMBING_FREQUENCIES = 200
# features may nearly interpolate so few rows, and what is left of them is lost in single precision
_FEW_ROWS = 1_000
# a map of few dimensions explains hardly any further principal score of the data
_SELECTION_TARGETS = 48


class RidgeChoice:
    """Rows that choose, and eigenbases by scale: what several choices of one map share."""

    def __init__(self, Z, X, unit, forget, max_samples, random_state):
        self.Z, self.X, self.unit = Z, X, unit
        self.drawn = draw_whole_groups(forget.groups, forget.own, max_samples, random_state)
        self.place = np.searchsorted(forget.own, self.drawn)  # `own` ascends
        self.groups = np.unique(forget.groups[self.drawn], return_inverse=True)[1]
        self.target = _near_one(_leading_targets(X[self.drawn], random_state))
        self._few, self._all = {}, {}

    def of_drawn_rows(self, scale, n_frequencies):
        """Basis of the drawn rows with the first frequencies, and these rows in it."""
        if (scale, n_frequencies) not in self._few:
            frequencies = scale * self.unit[:, :n_frequencies]
            features = fourier_features(self.Z[self.drawn], frequencies)
            basis = Eigenbasis.of_features(features, frequencies)
            rotated = (features - basis.offset) @ basis.eigenvectors
            self._few[scale, n_frequencies] = basis, rotated
        return self._few[scale, n_frequencies]

    def of_all_rows(self, scale):
        """Basis of all rows, these in it where they are few enough to keep, and their moment."""
        if scale not in self._all:
            if len(self.drawn) == len(self.Z):
                basis, rotated = self.of_drawn_rows(scale, self.unit.shape[1])
            else:
                basis, rotated = Eigenbasis.of(self.Z, scale * self.unit), None
            self._all[scale] = basis, rotated, basis.moment(self.Z, self.X)
        return self._all[scale]

    def choose(self, Z_out, forget, scale, penalty):
        """Scale and penalty with the least left-out error.

        By hill climbing over the scale where the penalty is free. One that is given may be far too
        small for a rough map, and then there are hills between the scale that is best and the
        first: all are tried.
        """
        if "auto" not in (scale, penalty):
            return float(scale), float(penalty)
        at = Z_out[self.place]
        copies, equal = (
            None if one is None else one[self.drawn] for one in (forget.copies, forget.equal)
        )
        local = Forget(self.groups, np.arange(len(at)), None, copies, equal)
        if forget.next_door is not None:
            local = replace(local, next_door=next_door(at, self.Z[self.drawn], local))
        total = self.unit.shape[1]
        if penalty != "auto":
            given = np.array([penalty], dtype=np.float64)
            scales = [2.0**exponent for exponent in _SCALE_EXPONENTS]
            errors = [self._score(one, total, at, local, np.float64)(given)[0] for one in scales]
            return scales[np.argmin(errors)], float(penalty)
        penalties = _PENALTIES
        if scale == "auto":
            few = min(total, _CLIMBING_FREQUENCIES)
            more = total / few if few else 1.0  # as much more penalty makes the same kernel ridge
            scale, around = self._climb(at, local, few, penalties / more)
            penalties = around * more * _REFINEMENT
        score = self._score(float(scale), total, at, local, np.float64)
        return float(scale), float(penalties[np.argmin(score(penalties))])

    def _climb(self, at, forget, n_frequencies, penalties):  # -> float, float
        """Scale and penalty with the least error by the first frequencies.

        Of many rows in single precision, but not where rows have copies: what is left of a row
        without all of them is a small difference.
        """
        is_double = forget.copies is not None or len(at) <= _FEW_ROWS
        tried, dtype = {}, np.float64 if is_double else np.float32

        def error(exponent):
            if exponent not in tried:
                score = self._score(2.0**exponent, n_frequencies, at, forget, dtype)
                tried[exponent] = min(zip(score(penalties), penalties.tolist(), strict=True))
            return tried[exponent]

        error(_FIRST_SCALE)
        for step in (1, -1):
            exponent = min(tried, key=tried.get) + step
            while exponent in _SCALE_EXPONENTS and exponent not in tried:
                if error(exponent) > min(tried.values()):
                    break
                exponent += step
        best = min(tried, key=tried.get)
        return 2.0**best, tried[best][1]

    def _score(self, scale, n_frequencies, at, forget, dtype):
        """Left-out error as a function of penalties."""
        basis, here = self.of_drawn_rows(scale, n_frequencies)
        rows = (one.astype(dtype, copy=False) for one in (here, basis.rotate(at), self.target))
        return _left_out_score(basis, *rows, forget)


def _left_out_score(basis, here, there, target, forget):
    """Squared left-out error as a function of penalties: (k,) -> (k,).

    Rows that are their own group, all of them as a rule, need scalars in the place of matrices, for
    all penalties at once; the others go through `correction`.
    """
    moment, (doors, n_equal) = here.T @ target, forget.doors()
    single = np.bincount(forget.groups)[forget.groups] == 1
    door = roots = None
    if doors is not None:
        single &= (n_equal > 0).sum(axis=1) == 1
        # the row itself stands anywhere among its copies
        column = n_equal.argmax(axis=1)[:, None]
        door = np.take_along_axis(doors, column, axis=1)[:, 0]
        roots = np.sqrt(np.take_along_axis(n_equal, column, axis=1)).astype(here.dtype)
    alone, others = np.flatnonzero(single), np.flatnonzero(~single)
    at_door = None if door is None else (here[door[alone]], roots[alone])
    weigh = _weights_alone(basis, here[alone], there[alone], at_door)

    def score(penalties):
        inverse = (1 / (basis.eigenvalues[:, None] + penalties)).astype(here.dtype)  # (r, k)
        coef = (inverse[:, :, None] * moment[:, None]).reshape(len(inverse), -1)
        shape = (len(target), len(penalties), target.shape[1])
        residuals = target[:, None] - (here @ coef).reshape(shape)
        error = target[:, None] - (there @ coef).reshape(shape)
        own, gain = weigh(inverse)
        error[alone] += own[:, :, None] * residuals[alone]
        if door is not None:
            error[alone] += (roots[alone] * gain)[:, :, None] * residuals[door[alone]]
        for k, penalty in enumerate(penalties if len(others) else ()):
            S, S_at = basis.whiten(here, penalty), basis.whiten(there[others], penalty)
            part = (None, None) if door is None else (doors[others], n_equal[others])
            error[others, k] += correction(S, S_at, residuals[:, k], forget[others], part)
        return np.einsum("nkt,nkt->k", error, error).tolist()

    return score


def _weights_alone(basis, i, o, at_door):  # (m, r), (m, r), ((m, r), (m, 1)) or None
    """Weights of the own residual and of that next door, as a function of (L + a)^-1 (r, k)."""
    floor, products = 1 / basis.n_samples, {"ii": i * i, "io": i * o}
    if at_door is not None:
        v, roots = at_door
        products |= {"iv": i * v, "ov": o * v, "vv": v * v}

    def weigh(inverse):
        q = {name: product @ inverse + floor for name, product in products.items()}
        left = np.maximum(1 - q["ii"], JITTER)
        own = q["io"] / left
        if at_door is None:
            return own, None
        for name in ("iv", "ov", "vv"):
            q[name] = q[name] * roots ** name.count("v")
        rest = np.maximum(1 - q["vv"] - q["iv"] ** 2 / left, JITTER)
        gain = (q["ov"] + own * q["iv"]) / rest
        return own + gain * q["iv"] / left, gain

    return weigh


def _near_one(target):  # (n, t) -> (n, t)
    """Bring values to a size whose squares fit single precision, by a power of two: exactly."""
    return target * 2.0 ** -np.frexp(np.abs(target).max(initial=0))[1]


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
