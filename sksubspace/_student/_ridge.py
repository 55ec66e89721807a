"""Closed-form decoder: ridge on random Fourier features that forgets what names a row.

The features approximate a Matern-3/2 kernel: Rahimi and Recht, "Random features for large-scale
kernel machines", NeurIPS 2007.
"""

from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, Literal, Self

import numpy as np

from sksubspace._linalg import dense, in_blocks, row_blocks
from sksubspace._parameters import isolated_random_state
from sksubspace._student._block_leave_out import correction
from sksubspace._student._eigenbasis import Eigenbasis, fourier_features, matern_frequencies
from sksubspace._student._groups import Forget
from sksubspace._student._part import Part
from sksubspace._student._ridge_choice import RidgeChoice
from sksubspace._typing import ArrayLike, Floats, Matrix, Seed


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

    L is the group of a row and the row next door with its copies. Without the latter a place that
    coincides with that of another row would name it, and a shuffled map would score.

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

    frequencies_: Floats
    coef_: Floats
    intercept_: Floats
    scale_: float
    penalty_: float

    name = "ridge"
    takes_setting = False

    def __init__(
        self,
        n_frequencies: int = 400,
        scale: float | Literal["auto"] = "auto",
        penalty: float | Literal["auto"] = "auto",
        max_samples: int = 3_000,
        random_state: Seed = None,
    ) -> None:
        self.n_frequencies = n_frequencies
        self.scale = scale
        self.penalty = penalty
        self.max_samples = max_samples
        self.random_state = random_state

    def fit(self, Z: ArrayLike, Z_out: ArrayLike, X: Matrix, forget: Any) -> Self:
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
        choice = RidgeChoice(Z, X, unit, forget, self.max_samples, random_state)
        return self._chosen(choice, Z_out, forget)

    def chosen_at(self, Z_out: ArrayLike, forget: Any) -> Self:
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
        return other._chosen(self._choice, Z_out, forget)

    def predict(self, Z: ArrayLike) -> Floats:  # (m, q) -> (m, d)
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

    def left_out(self, at: ArrayLike, forget: Any) -> Floats:  # (m, q) -> (m, d)
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

    def _chosen(self, choice, Z_out, forget):
        self._choice = choice
        self.scale_, self.penalty_ = choice.choose(Z_out, forget, self.scale, self.penalty)
        basis, rotated, moment = choice.of_all_rows(self.scale_)
        rotated_coef = basis.shrink(moment, self.penalty_)
        coef = basis.eigenvectors @ rotated_coef
        X = choice.X
        mean = np.asarray(X.mean(axis=0), dtype=np.float64).ravel()
        self.frequencies_ = basis.frequencies
        self.coef_ = coef.astype(X.dtype)
        self.intercept_ = (mean - basis.offset @ coef).astype(X.dtype)
        self._left_out = _LeftOut(choice.Z, X, mean, rotated, basis, rotated_coef, self.penalty_)
        return self


@dataclass(frozen=True)
class _LeftOut:
    """The fitted ridge with its rows, for predictions without some of them."""

    Z: np.ndarray
    X: Any
    mean: np.ndarray
    rotated: np.ndarray | None  # (n, r), the rows in the basis, where they are kept
    basis: Eigenbasis
    coef: np.ndarray  # (r, d), in the basis
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
        doors, weights = forget.doors()
        others = [] if doors is None else [doors.ravel()]
        needed, place = np.unique(np.concatenate([members, *others]), return_inverse=True)
        here = self._rows_in_basis(needed)
        residuals = dense(self.X[needed], np.float64) - self.mean - here @ self.coef
        there = self.basis.rotate(at)
        S, S_at = (self.basis.whiten(rows, self.penalty) for rows in (here, there))
        groups = np.unique(forget.groups[needed], return_inverse=True)[1]
        local = Forget(groups, np.searchsorted(needed, forget.own))
        if doors is not None:
            doors = place[len(members) :].reshape(doors.shape)
        forgotten = correction(S, S_at, residuals, local, (doors, weights))
        return self.mean + there @ self.coef - forgotten

    def _rows_in_basis(self, rows):  # (k,) -> (k, r)
        return self.basis.rotate(self.Z[rows]) if self.rotated is None else self.rotated[rows]
