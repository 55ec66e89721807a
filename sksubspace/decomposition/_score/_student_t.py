"""Score of a multivariate Student-t, fitted by expectation and maximisation.

Liu and Rubin, "ML estimation of the t distribution using EM and its extensions, ECM and ECME",
Statistica Sinica 5 (1995).
"""

from dataclasses import dataclass
from numbers import Integral, Real
from typing import Literal

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import gammaln

from sksubspace._docs import fill_parameters
from sksubspace._sklearn import Interval, StrOptions
from sksubspace._typing import Floats
from sksubspace.decomposition._score._base import (
    ScoreModel,
    Term,
    density_of,
    invert,
    mahalanobis,
    shrunk_covariance,
    weighted_moments,
)

# with more, the score is that of a Gaussian
_MOST_DF = 1000.0
# where the search begins
_FIRST_DF = 10.0


@fill_parameters
class StudentTScore(ScoreModel):
    r"""Score of a Student-t: rows far out count less than in a Gaussian.

    One number, the degrees of freedom, says how heavy the tails are. Where they are not, the score
    is close to the Gaussian one, and costs a few passes over the rows.

    Parameters
    ----------
    df : float or "auto", default="auto"
        Degrees of freedom. "auto" is the value of the largest likelihood between 0.5 and 1,000,
        and not below ``4 * n_features / n_samples``, where the fit could collapse to a single row.

    shrinkage : float or "auto", default="auto"
        Share of the identity in the scale matrix, from 0 to 1. "auto" is the choice of Ledoit and
        Wolf for the weighted rows.

    max_iter : int, default=100
        Steps at most.

    tol : float, default=1e-4
        The fit ends when a step changes the scale matrix and the degrees of freedom by less than
        this share.

    Attributes
    ----------
    mean_ : ndarray of shape (n_features,)
        Location, a mean of the rows that gives outlying ones less weight.

    precision_ : ndarray of shape (n_features, n_features)
        Inverse of the scale matrix; the covariance is the scale matrix times
        ``df_ / (df_ - 2)`` where ``df_`` is above 2.

    df_ : float
        Degrees of freedom.

    shrinkage_ : float
        Share of the identity in the scale matrix.

    n_iter_ : int
        Steps that were made.

    {features_}

    See Also
    --------
    GaussianScore : The limit of many degrees of freedom.
    SteinSubspace : The estimator that uses it.

    Notes
    -----
    With :math:`u = P (x - m)`, :math:`Q = (x - m)^T u` and :math:`w = (d + \nu) / (\nu + Q)`,

    .. math::
        s(x) = w u, \qquad
        T(x) = \Bigl(w^2 + \frac{2 w^2}{d + \nu}\Bigr) u u^T - w P .

    A step takes the mean and the covariance of the rows under the weights w, shrinks it, and then
    maximises the likelihood over :math:`\nu` at the new distances Q (ECME). Written with a
    covariance :math:`\Sigma`, :math:`P = \frac{\nu}{\nu - 2} \Sigma^{-1}` and the score is
    :math:`(d + \nu) \Sigma^{-1} (x - m) / (\nu - 2 + (x - m)^T \Sigma^{-1} (x - m))`; the scale
    matrix exists for all :math:`\nu > 0`.

    References
    ----------
    .. [1] Chuanhai Liu and Donald B. Rubin, "ML estimation of the t distribution using EM and its
       extensions, ECM and ECME", Statistica Sinica 5 (1995).
       https://www3.stat.sinica.edu.tw/statistica/j5n1/j5n12/j5n12.htm
    .. [2] John T. Kent, David E. Tyler and Yehuda Vardi, "A curious likelihood identity for the
       multivariate t-distribution", Communications in Statistics - Simulation and Computation 23
       (1994). https://doi.org/10.1080/03610919408813180

    Examples
    --------
    >>> import numpy as np
    >>> from sksubspace.decomposition import StudentTScore
    >>> X = np.random.RandomState(0).standard_t(4, size=(2000, 1))
    >>> model = StudentTScore().fit(X)
    >>> bool(3 < model.df_ < 5)
    True
    >>> far, farther = model.score_function([[10.0], [100.0]]).ravel()
    >>> bool(farther < far)
    True
    """

    mean_: Floats
    precision_: Floats
    df_: float
    shrinkage_: float
    n_iter_: int

    _parameter_constraints: dict = {
        "df": [Interval(Real, 0, None, closed="neither"), StrOptions({"auto"})],
        "shrinkage": [Interval(Real, 0, 1, closed="both"), StrOptions({"auto"})],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(
        self,
        *,
        df: float | Literal["auto"] = "auto",
        shrinkage: float | Literal["auto"] = "auto",
        max_iter: int = 100,
        tol: float = 1e-4,
    ) -> None:
        self.df = df
        self.shrinkage = shrinkage
        self.max_iter = max_iter
        self.tol = tol

    def _fit_density(self, X, weights):  # (n, d), (n,) -> dict
        """Weighted moments and the likeliest degrees of freedom, in turn (ECME)."""
        df = _FIRST_DF if self.df == "auto" else float(self.df)
        latent, scale = np.ones(len(X)), None
        for step in range(1, self.max_iter + 1):
            n_iter, old_scale, old_df = step, scale, df
            mean, scale, alpha = _weighted_scale(X, weights, latent, self.shrinkage)
            precision, _ = invert(scale)
            centred = X - mean
            Q = mahalanobis(centred @ precision, centred)
            if self.df == "auto":
                df = likeliest_df(Q, weights, X.shape[1])
            latent = (X.shape[1] + df) / (df + Q)
            if old_scale is not None and _change(old_scale, scale, old_df, df) < self.tol:
                break
        fitted = {"mean_": mean, "precision_": precision, "df_": df}
        return fitted | {"shrinkage_": alpha, "n_iter_": n_iter}


@dataclass(frozen=True)
class StudentT:
    """Location (d,), inverse scale matrix (d, d) and degrees of freedom."""

    mean: np.ndarray
    precision: np.ndarray
    df: float

    def weighted(self, X):  # (n, d) -> u (n, d), w (n,)
        """U = P (x - m) and w = (d + df) / (df + (x - m)'u)."""
        centred = X - self.mean
        u = centred @ self.precision
        return u, (X.shape[1] + self.df) / (self.df + mahalanobis(u, centred))

    def score(self, X):  # (n, d) -> (n, d)
        """Return w u."""
        u, w = self.weighted(X)
        return w[:, None] * u

    def terms(self, X):
        """T = w^2 (1 + 2 / (d + df)) u u' - w P."""
        u, w = self.weighted(X)
        weight = np.square(w) * (1 + 2 / (X.shape[1] + self.df))
        return [Term(u, weight, w, self.precision)]

    def information(self):  # -> (d, d)
        r"""Return :math:`E[s s^T] = \frac{d + \nu}{d + \nu + 2} P`."""
        total = len(self.precision) + self.df
        return total / (total + 2) * self.precision


@density_of.register
def student_t_of(model: StudentTScore):
    """Location, precision and degrees of freedom, as one."""
    return StudentT(model.mean_, model.precision_, model.df_)


def likeliest_df(Q, weights, d):  # (n,), (n,), int -> float
    r"""Maximise the likelihood over the degrees of freedom at given distances Q.

    :math:`\log\Gamma(\tfrac{\nu+d}{2}) - \log\Gamma(\tfrac{\nu}{2}) - \tfrac{d}{2} \log \nu
    - \tfrac{\nu+d}{2} \overline{\log(1 + Q / \nu)}`.
    """
    total = weights.sum()
    bounds = np.log([max(0.5, min(4 * d / total, _MOST_DF / 2)), _MOST_DF])

    def loss(log_df):
        df = np.exp(log_df)
        tail = weights @ np.log1p(Q / df) / total
        return -(gammaln((df + d) / 2) - gammaln(df / 2) - d / 2 * log_df - (df + d) / 2 * tail)

    best = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-6})
    return float(np.exp(best.x))


def _weighted_scale(X, weights, latent, shrinkage):  # -> (d,), (d, d), float
    r"""Mean and shrunk covariance under weights times w.

    Ledoit and Wolf's formula sees the rows :math:`\sqrt{w_i / \bar w} (x_i - m)`, of which the
    covariance is an average.
    """
    total, both = weights.sum(), weights * latent
    mean, covariance, _ = weighted_moments(X, both)
    squares = np.square(X - mean).sum(axis=1) * latent * (total / both.sum())
    scale, alpha = shrunk_covariance(
        covariance, weights @ np.square(squares) / total, total, shrinkage
    )
    return mean, scale, alpha


def _change(old_scale, scale, old_df, df):
    norm = np.linalg.norm(scale)
    moved = np.linalg.norm(scale - old_scale) / norm if norm > 0 else 0.0
    return max(moved, abs(df - old_df) / df)
