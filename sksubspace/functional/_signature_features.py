"""Signatures of series as features.

Bleistein, Fermanian, Jannot and Guilloux, "Learning the dynamics of sparsely observed interacting
systems", ICML 2023.
"""

from itertools import product as words
from numbers import Integral
from typing import Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sksubspace._dask import TakesCollections
from sksubspace._docs import fill_parameters
from sksubspace._pages import HasPage
from sksubspace._sklearn import (
    BaseEstimator,
    Interval,
    TransformerMixin,
    _check_feature_names_in,
    _fit_context,
)
from sksubspace._typing import ArrayLike, Floats, Objects
from sksubspace._validation import validate_rows
from sksubspace.functional._paths import check_observed, checked_times, paths_of, series_of
from sksubspace.functional._signatures import logarithm, signature

# columns of the last level; a table of more is mostly a mistake, and does not fit in memory
_MOST_COLUMNS = 100_000


@fill_parameters
class SignatureFeatures(TakesCollections, HasPage, TransformerMixin, BaseEstimator):
    r"""Iterated integrals of series: features of many short channels, on any times.

    A row is a series of some channels, seen as a path. Its signature are the integrals of each
    channel, of each pair of channels one after the other, and so on. They tell which moves first,
    and any continuous function of the path is nearly a linear one of them: put a linear
    model behind, after a ``StandardScaler``. Values may be missing, at other times in each row.

    It is for many short channels. For a single long one it is hardly of use, see the guide.

    Parameters
    ----------
    depth : int, default=2
        Longest words, of so many channels one after the other.

    n_channels : int, default=1
        Channels of a series. A row holds the first at all times, then the second, and so on.

    time : bool, default=True
        Whether time is one more channel, the last. Without it, how fast a path is gone through
        makes no difference, and a single channel has only its ends.

    basepoint : bool, default=True
        Whether the path starts at 0, in time too. Without, all that is added to a channel, or to
        the times, makes no difference.

    times : array-like of shape (n_times,) or None, default=None
        Times of the columns, ascending, in any unit; None is evenly spaced from 0 to 1.

    log : bool, default=False
        Whether to return the tensor logarithm, of as many columns. It has the same information:
        from level 2 on only what the levels below do not determine, such as the signed areas
        between pairs of channels.

    Attributes
    ----------
    times_ : ndarray of shape (n_times,)
        Times of the columns, from 0 on.

    {features_}

    See Also
    --------
    sklearn.decomposition.PCA : Components of curves on common times; for one long channel.

    Notes
    -----
    The path is linear between the values that are there, and stays where it is before the first and
    after the last of a channel; it ends with the last value of a row, also in time. The level k of
    a path :math:`x` in c' channels, of :math:`c'^k` columns, is

    .. math::
        S_k = \int_{t_1 < \dots < t_k} dx(t_1) \otimes \dots \otimes dx(t_k) .

    A line of increment e has :math:`\exp(e)`, with levels :math:`e^{\otimes k} / k!`, and the
    signature of a path is the tensor product of those of its parts, one after the other (Chen). So
    the integrals are exact for the path as it was drawn, and take one pass over the times. With
    `log` the levels are those of :math:`\log S = (S - 1) - (S - 1)^{\otimes 2} / 2 + \dots`

    Nothing is learnt: `fit` only takes the shape down. There is no `score`, which is that of the
    model behind, and no way back. Values of level k grow with the k-th power of the channels: bring
    channels to one scale first where their units differ.

    References
    ----------
    .. [1] L. Bleistein, A. Fermanian, A.-S. Jannot and A. Guilloux, "Learning the dynamics of
       sparsely observed interacting systems", ICML (2023), https://arxiv.org/abs/2301.11647

    .. [2] K.-T. Chen, "Integration of paths: a faithful representation of paths by noncommutative
       formal power series", Transactions of the American Mathematical Society 89 (1958),
       https://doi.org/10.2307/1993193

    Examples
    --------
    Which of two channels moves first, with values missing:

    >>> import numpy as np
    >>> from sksubspace.functional import SignatureFeatures
    >>> first, second = [0, 1, 1], [0, np.nan, 1]
    >>> X = np.array([first + second, second + first])
    >>> areas = SignatureFeatures(n_channels=2, time=False, log=True)
    >>> Z = areas.fit_transform(X)
    >>> areas.get_feature_names_out().tolist()
    ['x1', 'x2', 'x1.x1', 'x1.x2', 'x2.x1', 'x2.x2']
    >>> Z.round(2)
    array([[ 1.  ,  1.  ,  0.  ,  0.25, -0.25,  0.  ],
           [ 1.  ,  1.  ,  0.  , -0.25,  0.25,  0.  ]])
    """

    times_: Floats

    _parameter_constraints: dict = {
        "depth": [Interval(Integral, 1, None, closed="left")],
        "n_channels": [Interval(Integral, 1, None, closed="left")],
        "time": ["boolean"],
        "basepoint": ["boolean"],
        "times": ["array-like", None],
        "log": ["boolean"],
    }

    def __init__(
        self,
        depth: int = 2,
        *,
        n_channels: int = 1,
        time: bool = True,
        basepoint: bool = True,
        times: ArrayLike | None = None,
        log: bool = False,
    ) -> None:
        self.depth = depth
        self.n_channels = n_channels
        self.time = time
        self.basepoint = basepoint
        self.times = times
        self.log = log

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Take the shape of the series down.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_channels * n_times)
            Series, channel by channel; NaN was not observed.

        y : object, default=None
            Ignored.

        Returns
        -------
        self : SignatureFeatures
            The fitted estimator.

        Raises
        ------
        ValueError
            If the columns are no multiple of `n_channels` or a single time, there would be more
            than 100,000 columns of the last level, `times` are not ascending or not as
            many, a value is infinite, or a channel of a row has no value.

        Warns
        -----
        UserWarning
            If a row has values at a single time only: it is a point, and stands still.
        """
        series = self._series(X, reset=True)
        n_last = (self.n_channels + self.time) ** self.depth
        if n_last > _MOST_COLUMNS:
            raise ValueError(
                f"depth={self.depth} with {self.n_channels + self.time} channels has {n_last} "
                f"columns in the last level, more than {_MOST_COLUMNS}: take a smaller depth."
            )
        self.times_ = checked_times(self.times, series.shape[2])
        return self

    def transform(self, X: ArrayLike) -> Floats:
        """Compute the signatures.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_channels * n_times)
            Series; NaN was not observed.

        Returns
        -------
        Z : ndarray of shape (n_samples, n_columns)
            Levels 1 to `depth`, each with the words of its channels in order.

        Raises
        ------
        ValueError
            If a value is infinite, a channel of a row has no value, or numbers become too large
            for their type.
        """
        check_is_fitted(self)
        series = self._series(X, reset=False)
        points = paths_of(series, self.times_, self.time, self.basepoint)
        with np.errstate(over="ignore", invalid="ignore"):
            levels = signature(points, int(self.depth))
            levels = logarithm(levels) if self.log else levels
            Z = np.hstack(levels).astype(series.dtype, copy=False)
        if not np.isfinite(Z).all():
            raise ValueError(
                f"The signature of depth={self.depth} of X, with values of up to "
                f"{np.nanmax(np.abs(series)):.3g}, is out of the range of {Z.dtype}. Rescale X."
            )
        return Z

    def get_feature_names_out(self, input_features: Any = None) -> Objects:
        """Name the columns by the channels of their word, such as "x1.x2.t".

        Parameters
        ----------
        input_features : array-like of shape (n_features,) or None, default=None
            Names of the columns of X, which are only checked.

        Returns
        -------
        names : ndarray of shape (n_columns,)
            Channels are "x1", "x2" and so on, and "t" is time.
        """
        check_is_fitted(self)
        _check_feature_names_in(self, input_features)
        letters = [f"x{j + 1}" for j in range(self.n_channels)] + ["t"] * bool(self.time)
        names = [".".join(word) for k in range(self.depth) for word in words(letters, repeat=k + 1)]
        return np.array(names, dtype=object)

    def _series(self, X, reset):  # (n, c T) -> (n, c, T)
        X = validate_rows(self, X, ensure_all_finite="allow-nan", reset=reset)
        series = series_of(X, int(self.n_channels))
        check_observed(series)
        return series

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
