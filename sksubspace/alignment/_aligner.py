"""The subspaces of two representations that speak about each other, and who belongs to whom.

After Hadgi et al., "Escaping Plato's cave: towards the alignment of 3D and text latent spaces",
CVPR 2025, with regularised canonical correlations judged on rows left out.
"""

from collections.abc import Sequence
from itertools import combinations
from numbers import Integral, Real
from typing import Any, Literal, Self

import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.utils.validation import check_is_fitted

from sksubspace._dask import TakesCollections
from sksubspace._docs import fill_parameters
from sksubspace._linalg import column_means, dense, in_blocks, place_rows
from sksubspace._pages import HasPage
from sksubspace._sklearn import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    Interval,
    StrOptions,
    TransformerMixin,
    _fit_context,
)
from sksubspace._typing import ArrayLike, Floats, Ints, Matrix, Seed
from sksubspace._validation import in_order_of, validate_rows
from sksubspace.alignment._canonical import Fold, add_moments, fitted_pairs, fold_of, loadings_of
from sksubspace.alignment._crossfit import CrossFit, chosen_shrinkage
from sksubspace.alignment._given import (
    checked_view,
    fold_members,
    groups_of_rows,
    origins_of,
    same_signs,
    slices_of,
    varying_widths,
)
from sksubspace.alignment._likelihood import (
    PairMoments,
    csls,
    own_rank_first,
    row_scores,
    scores_of_partners,
)
from sksubspace.alignment._views import columns_of_views, spans_of, varying_columns

# rows of a fold that are matched with each other: enough to tell one shrinkage from another
_MATCHED_ROWS = 500
# of a mean square: what rounding leaves of the variance of a constant column
_CONSTANT = 1e-13


@fill_parameters
class SubspaceAligner(
    TakesCollections, HasPage, ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator
):
    r"""Find what two representations of the same rows share, and match rows of one to the other.

    The views (two embeddings of the same things, two assays, image and caption features) stand side
    by side in X. From some rows of which both are known, `fit` finds pairs of directions that vary
    together; for new rows `match` says who belongs to whom, and `score` how much the views tell
    about each other.

    Parameters
    ----------
    views : sequence of slices or of lists of columns, default=None
        Columns of each view, by number or by name; None is the first and the second half.

    n_components : int or None, default=None
        Most pairs of directions. None is all, of which those that do not hold on rows left out have
        no say.

    shrinkage : float or "auto", default="auto"
        Multiple of the mean variance of a view that is added to all variances. "auto" goes
        by decades, from 1e-6 to 10, to the one that matches most rows left out; after
        `partial_fit`, which keeps no rows, to the one of most information.

    cv : int, default=5
        Folds of rows left out.

    hubness_neighbors : int or None, default=None
        With a number such as 10, `match` takes off the mean of so many largest scores of each side,
        so that no row is everybody's partner.

    {random_state}
        Deals the rows to the folds.

    Attributes
    ----------
    views_ : list of ndarray of shape (n_columns,)
        Column numbers of each view.

    projections_ : list of ndarray of shape (n_columns, n_components)
        Directions of each view; a variate is a row less its mean times one of them.

    means_ : list of ndarray of shape (n_columns,)
        Mean of each view.

    canonical_correlations_ : ndarray of shape (n_components,)
        Correlations of the pairs on rows left out; of more than two views their mean over pairs of
        views. They need not descend.

    information_ : float
        What `score` is on rows left out, in nats.

    match_rate_ : float or None
        What `match_rate` is on rows left out, among those of a fold (500 at most); None after
        `partial_fit`.

    shrinkage_ : float
        The one that was taken.

    n_components_ : int
        Pairs of directions that are correlated on rows left out; at least one is kept.

    {features_}

    See Also
    --------
    sklearn.cross_decomposition.CCA : Without shrinkage, for many more rows than columns.
    sksubspace.SteinSubspace : Directions on which responses depend, whatever the links are.

    Notes
    -----
    With the covariances :math:`S_a, S_b, C` of the views and r their `shrinkage`, the directions
    are the singular vectors of

    .. math:: (S_a + r t_a I)^{-1/2} \, C \, (S_b + r t_b I)^{-1/2},
        \qquad t = \mathrm{tr}(S) / d ,

    mapped back. Each pair (u, v) of variates is then judged by its variances and its covariance c
    (no less than 0) on rows that it was not found on, by `cv` folds. With
    :math:`D = v_u v_v - c^2`, two rows are scored by the sum over pairs of

    .. math::
        \log \frac{p(u, v)}{p(u) p(v)} = -\tfrac12 \Big( u^2 \big(\tfrac{v_v}{D} - \tfrac1{v_u}\big)
        + v^2 \big(\tfrac{v_u}{D} - \tfrac1{v_v}\big) - \tfrac{2 u v c}{D} \Big)
        - \tfrac12 \log \frac{D}{v_u v_v} .

    Its mean over rows and their own partners is the information. For Gaussian views it is the
    mutual information less what was estimated wrongly; for heavy tails it is a score only.

    More than two views have one space (MAXVAR), and scores of pairs of views; there the variates of
    one view are correlated, so that the information may come out too large.

    Views with fewer rows than columns are the common case; no matrix of (n_columns, n_columns) is
    made for them. Sparse X stays sparse.

    It needs some pairs that are known, sees nothing that is not linear, and does not tell that two
    models "mean the same". For a curved relation put features in front, such as those of
    :class:`~sklearn.kernel_approximation.RBFSampler`.

    References
    ----------
    .. [1] Souhail Hadgi, Luca Moschella, Andrea Santilli, Diego Gomez, Qixing Huang, Emanuele
       Rodola, Simone Melzi and Maks Ovsjanikov, "Escaping Plato's cave: towards the alignment of 3D
       and text latent spaces", CVPR 2025. https://arxiv.org/abs/2503.05283
    .. [2] Hotelling, "Relations between two sets of variates", Biometrika 28 (1936).
       https://doi.org/10.1093/biomet/28.3-4.321

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sksubspace.alignment import SubspaceAligner
    >>> X, _ = load_digits(return_X_y=True)
    >>> left = [8 * i + j for i in range(8) for j in range(4)]
    >>> right = [8 * i + j for i in range(8) for j in range(4, 8)]
    >>> aligner = SubspaceAligner([left, right], random_state=0).fit(X[:1000])
    >>> partner = aligner.assign(X[1000:1200, left], X[1000:1200, right])
    >>> bool((partner == range(200)).mean() > 0.05)  # by chance .005
    True
    >>> bool(1.5 < aligner.score(X[1000:]) < 2.5)  # nats
    True
    """

    views_: list[Ints]
    projections_: list[Floats]
    means_: list[Floats]
    canonical_correlations_: Floats
    information_: float
    match_rate_: float | None
    shrinkage_: float
    n_components_: int
    _folds: list[dict[str, Any]]
    _origins: list[Floats]

    _parameter_constraints: dict = {
        "views": ["array-like", list, tuple, None],
        "n_components": [Interval(Integral, 1, None, closed="left"), None],
        "shrinkage": [Interval(Real, 0, None, closed="neither"), StrOptions({"auto"})],
        "cv": [Interval(Integral, 2, None, closed="left")],
        "hubness_neighbors": [Interval(Integral, 1, None, closed="left"), None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        views: Sequence[Any] | None = None,
        *,
        n_components: int | None = None,
        shrinkage: float | Literal["auto"] = "auto",
        cv: int = 5,
        hubness_neighbors: int | None = None,
        random_state: Seed = None,
    ) -> None:
        self.views = views
        self.n_components = n_components
        self.shrinkage = shrinkage
        self.cv = cv
        self.hubness_neighbors = hubness_neighbors
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Matrix, y: object = None, groups: ArrayLike | None = None) -> Self:
        """Find the shared directions from rows of which all views are known.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows, the views side by side; at least `cv` of them.

        y : Ignored
            Not used.

        groups : array-like of shape (n_samples,) or None, default=None
            What rows belong to, such as a donor: rows of a group are in one fold, so that what is
            judged is found on other groups. None holds equal rows together.

        Returns
        -------
        self : SubspaceAligner
            The fitted estimator.

        Raises
        ------
        ValueError
            If there are fewer rows that differ, or groups, than `cv`, views overlap, or a view has
            no column that varies.

        Warns
        -----
        UserWarning
            If columns are constant; they are ignored.
        """
        self.__dict__.pop("_folds", None)
        groups = in_order_of(X, groups, "groups")
        X = validate_rows(self, X, accept_sparse="csr", ensure_min_samples=self.cv)
        groups = groups_of_rows(X, groups, self.cv)
        self._find_views(X)
        views = [X[:, columns] for columns in self.views_]
        widths = varying_widths([varying_columns(view) for view in views])
        means = [column_means(view) for view in views]
        spans = spans_of(views, means)
        rows = [span.rows for span in spans]
        origins = origins_of(rows, [span.mean for span in spans])
        members = fold_members(groups, 0, self.cv, self.random_state)
        folds = [fold_of([one[at] for one in rows], origins) for at in members]
        some = [[one[at[:_MATCHED_ROWS]] for one in rows] for at in members]
        self._learn(folds, widths, some, origins, [span.basis for span in spans])
        self.means_ = means
        return self

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: Matrix, y: object = None) -> Self:
        """Add rows; sums of (n_features, n_features) are kept for each fold, and no rows.

        With a number as `shrinkage` the directions are those of `fit` on all rows so far, up to the
        folds. Copies of a row that come in different calls may be in different folds, and vouch for
        each other there. The first call after `fit`, and the first of all, starts anew.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows, the views side by side; of the first call at least `cv`.

        y : Ignored
            Not used.

        Returns
        -------
        self : SubspaceAligner
            The fitted estimator.

        Raises
        ------
        ValueError
            If the first call has fewer rows than `cv`, or a later one other columns.
        """
        first = not hasattr(self, "_folds")
        X = validate_rows(
            self, X, accept_sparse="csr", reset=first, ensure_min_samples=self.cv if first else 1
        )
        if first:
            self._find_views(X)
        views = [X[:, columns] for columns in self.views_]
        if first:
            origins = origins_of(views, [column_means(view) for view in views])
            former = []
        else:
            origins, former = self._origins, [Fold(**one) for one in self._folds]
            if any(origin.any() for origin in origins):  # of dense rows
                views = [dense(view) for view in views]
        groups = groups_of_rows(X, None, self.cv if first else 1)
        n_before = sum(one.n for one in former)
        members = fold_members(groups, n_before, self.cv, self.random_state)
        folds = [fold_of([view[at] for view in views], origins) for at in members]
        if former:
            folds = [add_moments(both) for both in zip(former, folds, strict=True)]
        whole = add_moments(folds)
        squares, mean = np.diag(whole.products) / whole.n, whole.total / whole.n
        varying, slices = squares - mean * mean > _CONSTANT * squares, slices_of(origins)
        widths = varying_widths([varying[one] for one in slices])
        self._learn(folds, widths, None, origins, [None] * len(origins))
        self.means_ = [o + mean[one] for o, one in zip(origins, slices, strict=True)]
        self._folds, self._origins = [vars(fold) for fold in folds], origins
        return self

    def _find_views(self, X):
        names = getattr(self, "feature_names_in_", None)
        self.views_ = columns_of_views(self.views, X.shape[1], names)

    def _learn(self, folds, widths, rows, origins, bases):
        """Choose the shrinkage, fit all rows by it, and keep what held on rows left out."""
        slices = slices_of(origins)
        crossfit = CrossFit(folds, slices, widths, rows, origins, self.n_components)
        auto = isinstance(self.shrinkage, str)
        judged = chosen_shrinkage(crossfit) if auto else crossfit.judge(self.shrinkage)
        q = judged.moments.shape[2]
        S, weights = fitted_pairs(add_moments(folds), slices, widths, judged.shrinkage, q)
        moments = judged.moments[:, :, : min(w.shape[1] for w in weights)]
        kept = (moments[:, 2] > 0).any(axis=0)
        kept[0] |= not kept.any()
        weights = same_signs([w[:, : len(kept)][:, kept] for w in weights])
        loadings = [loadings_of(S[one, one], w) for one, w in zip(slices, weights, strict=True)]
        self.projections_, self._loadings = (
            [w if basis is None else basis @ w for w, basis in zip(some, bases, strict=True)]
            for some in (weights, loadings)
        )
        self._moments = moments[:, :, kept]
        first, second, cross = self._moments.swapaxes(0, 1)
        self.canonical_correlations_ = (cross / np.sqrt(first * second)).mean(axis=0)
        self.information_, self.match_rate_ = judged.information, judged.match_rate
        self.shrinkage_, self.n_components_ = float(judged.shrinkage), int(kept.sum())

    def transform(self, X: Matrix) -> Floats:
        """Give the variates of all views side by side.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows, the views side by side.

        Returns
        -------
        Z : ndarray of shape (n_samples, n_views * n_components)
            Variates, scaled such that the inner product of those of two views is what of their
            score depends on both; of more than two views on average over the others.
        """
        views, dtype = self._views_of(X)
        parts = [self._scaled(view, k) for k, view in enumerate(views)]
        return np.hstack(parts).astype(dtype, copy=False)

    def transform_view(self, X: Matrix, view: int) -> Floats:
        """Give the variates of one view, of rows of which no other is known.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_columns)
            Rows, the columns of the view.

        view : int
            Its number.

        Returns
        -------
        Z : ndarray of shape (n_samples, n_components)
            As by `transform`.
        """
        X = self._one_view(X, view, "X")
        return self._scaled(X, view).astype(X.dtype, copy=False)

    def match(self, X_a: Matrix, X_b: Matrix, *, views: tuple[int, int] = (0, 1)) -> Floats:
        """Score all rows of one view with all rows of another.

        Parameters
        ----------
        X_a : {array-like, sparse matrix} of shape (n_a, n_columns)
            Rows of the first of `views`.

        X_b : {array-like, sparse matrix} of shape (n_b, n_columns)
            Rows of the second.

        views : tuple of two int, default=(0, 1)
            Numbers of the views. Where rows are known in several views, scores of pairs add up.

        Returns
        -------
        scores : ndarray of shape (n_a, n_b)
            Log likelihood ratios, in nats, of being one row and being two; with
            `hubness_neighbors` twice that, less the means of the largest of each side.
        """
        a, b = views
        U = self._variates(self._one_view(X_a, a, "X_a"), a)
        V = self._variates(self._one_view(X_b, b, "X_b"), b)
        return self._scores(U, V, a, b)

    def assign(
        self,
        X_a: Matrix,
        X_b: Matrix,
        *,
        one_to_one: bool = False,
        views: tuple[int, int] = (0, 1),
    ) -> Ints:
        """Find the partner of each row of one view among rows of another.

        Parameters
        ----------
        X_a : {array-like, sparse matrix} of shape (n_a, n_columns)
            Rows of the first of `views`.

        X_b : {array-like, sparse matrix} of shape (n_b, n_columns)
            Rows of the second.

        one_to_one : bool, default=False
            Whether no row is the partner of two, so that the sum of scores is largest.

        views : tuple of two int, default=(0, 1)
            Numbers of the views.

        Returns
        -------
        partners : ndarray of shape (n_a,)
            Row numbers in X_b. One to one, rows for which none is left have -1.
        """
        scores = self.match(X_a, X_b, views=views)
        if not one_to_one:
            return scores.argmax(axis=1)
        partners = np.full(len(scores), -1)
        rows, columns = linear_sum_assignment(scores, maximize=True)
        partners[rows] = columns
        return partners

    def predict_view(self, X: Matrix, *, given: int = 0, view: int = 1) -> Floats:
        """Predict rows of a view from those of another, through the shared directions.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_columns)
            Rows of the view `given`.

        given : int, default=0
            Number of the view that is known.

        view : int, default=1
            Number of the view that is wanted.

        Returns
        -------
        X_view : ndarray of shape (n_samples, n_columns_wanted)
            What rows of the wanted view are on average, as far as the pairs of directions tell.
        """
        X = self._one_view(X, given, "X")
        moments = self._moments_of(given, view)
        slope = (self._loadings[view] * (moments.cross / moments.first)).T
        variates = self._variates(X, given)
        predicted = in_blocks(lambda rows: rows @ slope, variates) + self.means_[view]
        return predicted.astype(X.dtype, copy=False)

    def score(self, X: Matrix, y: object = None) -> float:
        """Tell how much the views of a row say about each other, in nats.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows that `fit` has not seen, the views side by side.

        y : Ignored
            Not used.

        Returns
        -------
        score : float
            Mean log likelihood ratio of a row's views being of one row and of two, over pairs of
            views. 0 where they say nothing about each other, below where what was learnt does not
            hold; without a ceiling, as one view may be a function of the other.
        """
        variates = self._all_variates(X)
        information = [
            scores_of_partners(variates[a], variates[b], self._moments_of(a, b)).mean()
            for a, b in combinations(range(len(variates)), 2)
        ]
        return float(np.mean(information))

    def match_rate(self, X: Matrix) -> float:
        """Tell how often a row's own partner has the largest score among all.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows that `fit` has not seen, the views side by side; all of them are candidates.

        Returns
        -------
        rate : float
            Share of rows, the mean over both sides and over pairs of views; by chance
            1 / n_samples. Of equal scores the first counts.
        """
        variates = self._all_variates(X)
        rates = [
            own_rank_first(self._scores(variates[a], variates[b], a, b))
            for a, b in combinations(range(len(variates)), 2)
        ]
        return float(np.mean(rates))

    def _views_of(self, X):
        check_is_fitted(self)
        X = validate_rows(self, X, accept_sparse="csr", reset=False)
        return [X[:, columns] for columns in self.views_], X.dtype

    def _one_view(self, X, view, parameter):
        check_is_fitted(self)
        names = getattr(self, "feature_names_in_", None)
        return checked_view(X, view, self.views_, names, parameter)

    def _variates(self, X, view):  # (n, d_v) -> (n, q) float64
        return place_rows(X, self.means_[view], self.projections_[view])

    def _all_variates(self, X):
        return [self._variates(view, k) for k, view in enumerate(self._views_of(X)[0])]

    def _scaled(self, X, view):  # (n, d_v) -> (n, q) float64
        others = [k for k in range(len(self.views_)) if k != view]
        factors = [self._moments_of(view, other).weights()[2] for other in others]
        return self._variates(X, view) * np.sqrt(np.mean(factors, axis=0))

    def _scores(self, U, V, a, b):
        scores = row_scores(U, V, self._moments_of(a, b))
        k = self.hubness_neighbors
        return scores if k is None else csls(scores, k)

    def _moments_of(self, a, b):
        """Moments of a pair of views, in either order."""
        pairs = list(combinations(range(len(self.views_)), 2))
        if (a, b) in pairs:
            return PairMoments(*self._moments[pairs.index((a, b))])
        if (b, a) not in pairs:
            raise ValueError(f"The two views must differ, got {a} twice.")
        second, first, cross = self._moments[pairs.index((b, a))]
        return PairMoments(first, second, cross)

    @property
    def _n_features_out(self):
        return len(self.views_) * self.n_components_

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
