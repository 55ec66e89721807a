"""Linear maps that take a concept off rows, or give rows another value of it.

Belrose et al., "LEACE: perfect linear concept erasure in closed form", NeurIPS 2023, beside the
methods it is compared with.
"""

import math
import warnings
from numbers import Integral, Real
from typing import Any, Literal, Self

import numpy as np
from scipy import sparse
from sklearn.utils.validation import check_is_fitted

from sksubspace._dask import (
    Blocks,
    TakesCollections,
    in_memory,
    is_collection,
    refuse_collection,
)
from sksubspace._docs import fill_parameters
from sksubspace._linalg import column_means, dense, in_blocks, place_rows, total_squares
from sksubspace._pages import HasPage
from sksubspace._parameters import check_integer
from sksubspace._sklearn import (
    BaseEstimator,
    Interval,
    OneToOneFeatureMixin,
    StrOptions,
    TransformerMixin,
    _fit_context,
    available_if,
)
from sksubspace._typing import ArrayLike, Floats, Labels, Matrix, Seed
from sksubspace._validation import in_order_of, validate_rows
from sksubspace.erasure._maps._centring import centred_by, means_of_groups
from sksubspace.erasure._maps._concept import (
    codes_of_known,
    encoded_concept,
    given_concept,
    wanted_offsets,
)
from sksubspace.erasure._maps._fitting import (
    BY_MOMENTS,
    brought_together,
    directions_of_moments,
    directions_of_rows,
    hidden_classes,
    hidden_numbers,
    reader_of_moments,
    reader_of_rows,
)
from sksubspace.erasure._maps._probe import read_anew, read_classes
from sksubspace.erasure._maps._sums import (
    ConceptSums,
    add_sums,
    concept_moments,
    slope_of,
    sums_of,
    sums_of_block,
)


def _sparse_kind(estimator):
    return "csr" if estimator.method in BY_MOMENTS else False


def _is_by_moments(estimator):
    if estimator.method in BY_MOMENTS:
        return True
    raise AttributeError(
        f"partial_fit needs method='leace' or 'sal', got {estimator.method!r}: what trains readers "
        "needs the rows. Use fit with all rows."
    )


@fill_parameters
class ConceptEraser(
    TakesCollections, HasPage, OneToOneFeatureMixin, TransformerMixin, BaseEstimator
):
    r"""Take a concept off rows such that no linear reader finds it, and change rows little.

    The concept (a class, numbers, several of them) is what must not be read: a protected attribute,
    a batch, a site. What is left of the rows stays in the same columns. `shift` gives rows another
    value of the concept instead.

    Parameters
    ----------
    method : {"leace", "sal", "inlp", "rlace"}, default="leace"
        "leace" is the least change of the rows, in squares, after which rows and concept do not
        covary. "sal" does the same by an orthogonal projection, which changes more. "inlp" trains a
        reader, takes its directions off, and goes on with what is left; some of the concept stays.
        "rlace" is for fewer directions than the concept has: the projection of that rank whose
        best reader is worst. The last two are for classes.

    n_components : int or None, default=None
        Most directions to take off. None is all that covary with the concept, of K classes K - 1;
        for "inlp" as many as there are until readers fail. "rlace" needs fewer than K - 1 to be
        worth its time.

    shrinkage : float, default=0.0
        Share of a multiple of the identity in the covariance of "leace". It guards as before, and
        .01 keeps more of the rest with fewer rows than features.

    alpha : float, default=1.0
        Penalty of the squared weights of readers, of rows with unit root mean variance: those that
        "inlp" and "rlace" train, and the one that `score` asks.

    max_iter : int, default=25
        Most readers of "inlp", and steps of "rlace".

    tol : float, default=1e-6
        "inlp" ends with a reader that is better than the largest class by no more, and "rlace"
        with a step that is smaller.

    Attributes
    ----------
    components_ : ndarray of shape (n_components, n_features)
        What is read off a row less `mean_`.

    corrections_ : ndarray of shape (n_components, n_features)
        What is taken off for each reading. They are `components_`, but for "leace".

    mean_ : ndarray of shape (n_features,)
        Mean of the training rows, which stays where it is.

    n_components_ : int
        Number of directions that are taken off.

    n_iter_ : int
        Readers of "inlp", or steps of "rlace"; 1 for the closed forms.

    target_type_ : {"classes", "numbers"}
        What the concept was taken for: text, booleans and few integers are classes.

    classes_ : ndarray of shape (n_classes,) or None
        Classes in order; None where the concept is numbers.

    concept_mean_ : ndarray of shape (n_classes, n_features) or (n_concepts,)
        Means of the rows of each class; where the concept is numbers, their means.

    slope_ : ndarray of shape (n_concepts, n_features)
        What a row has more for a unit of the concept; of a class, its mean less that of all rows.

    groups_ : ndarray of shape (n_groups,) or None
        Groups of `center_by` in order; None without any.

    group_means_ : ndarray of shape (n_groups, n_features) or None
        Their means.

    {features_}

    See Also
    --------
    edit : Another value of the concept, behind an autoencoder.
    sksubspace.SteinSubspace : The directions on which a response depends.

    Notes
    -----
    With the covariances :math:`S = S_{xx}` and :math:`S_{xz}` of rows and concept (one-hot for
    classes), and :math:`W = S^{-1/2}`, LEACE is

    .. math:: r(x) = x - W^{-1} U U^T W (x - m)

    for the left singular vectors U of :math:`W S_{xz}`. Computed is the same map as
    :math:`r(x) = x - S_{xz} (S_{zx} S^{-1} S_{xz})^{+} S_{zx} S^{-1} (x - m)`: a Cholesky
    factor, and no eigenvectors of a matrix of (n_features, n_features). Class means are equal
    after it up to rounding, and r(r(x)) = r(x).

    `fit` takes sparse X for "leace" and "sal"; rows that come back are dense.

    It stops linear readers. It does not stop others: on digits a machine with a Gaussian kernel
    still reads most of the classes. A concept that is erased on the training rows is erased on
    others up to what means of few rows are wrong by. And erasing the source of rows does
    not make a model hold for a source that was not seen: there centring each source (`center_by`)
    helped, and erasing did not.

    References
    ----------
    .. [1] Nora Belrose, David Schneider-Joseph, Shauli Ravfogel, Ryan Cotterell, Edward Raff and
       Stella Biderman, "LEACE: perfect linear concept erasure in closed form", NeurIPS 2023.
       https://arxiv.org/abs/2306.03819
    .. [2] Shun Shao, Yftah Ziser and Shay B. Cohen, "Gold doesn't always glitter: spectral removal
       of linear and nonlinear guarded attribute information", EACL 2023.
       https://arxiv.org/abs/2203.07893
    .. [3] Shauli Ravfogel, Yanai Elazar, Hila Gonen, Michael Twiton and Yoav Goldberg, "Null it
       out: guarding protected attributes by iterative nullspace projection", ACL 2020.
       https://arxiv.org/abs/2004.07667
    .. [4] Shauli Ravfogel, Michael Twiton, Yoav Goldberg and Ryan Cotterell, "Linear adversarial
       concept erasure", ICML 2022. https://arxiv.org/abs/2201.12091

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import train_test_split
    >>> from sksubspace.erasure import ConceptEraser
    >>> X, y = load_digits(return_X_y=True)
    >>> X_train, X_test, y_train, y_test = train_test_split(X / 16, y, random_state=0)
    >>> eraser = ConceptEraser().fit(X_train, y_train % 2)  # whether a digit is odd
    >>> def read(Z_train, Z_test, target_train, target_test):
    ...     model = LogisticRegression(max_iter=1000).fit(Z_train, target_train)
    ...     return round(model.score(Z_test, target_test), 2)
    >>> Z_train, Z_test = eraser.transform(X_train), eraser.transform(X_test)
    >>> read(X_train, X_test, y_train % 2, y_test % 2), read(X_train, X_test, y_train, y_test)
    (0.91, 0.96)
    >>> read(Z_train, Z_test, y_train % 2, y_test % 2), read(Z_train, Z_test, y_train, y_test)
    (0.51, 0.94)
    """

    components_: Floats
    corrections_: Floats
    mean_: Floats
    n_components_: int
    n_iter_: int
    target_type_: str
    classes_: Labels | None
    concept_mean_: Floats
    slope_: Floats
    groups_: Labels | None
    group_means_: Floats | None
    _sums: dict[str, Any]

    _parameter_constraints: dict = {
        "method": [StrOptions({"leace", "sal", "inlp", "rlace"})],
        "n_components": [Interval(Integral, 1, None, closed="left"), None],
        "shrinkage": [Interval(Real, 0, 1, closed="both")],
        "alpha": [Interval(Real, 0, None, closed="neither")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(
        self,
        method: Literal["leace", "sal", "inlp", "rlace"] = "leace",
        *,
        n_components: int | None = None,
        shrinkage: float = 0.0,
        alpha: float = 1.0,
        max_iter: int = 25,
        tol: float = 1e-6,
    ) -> None:
        self.method = method
        self.n_components = n_components
        self.shrinkage = shrinkage
        self.alpha = alpha
        self.max_iter = max_iter
        self.tol = tol

    @_fit_context(prefer_skip_nested_validation=True)
    @fill_parameters
    def fit(
        self,
        X: Matrix,
        y: ArrayLike | None = None,
        *,
        concept: ArrayLike | None = None,
        center_by: ArrayLike | None = None,
    ) -> Self:
        """Find what to take off.

        Parameters
        ----------
        X : {array-like, sparse matrix, dask collection} of shape (n_samples, n_features)
            Rows; sparse ones for "leace" and "sal" without `center_by`, and those of a dask array
            or frame too: then by sums over its blocks, with the reader of `partial_fit`.

        {concept_target}

        {concept}

        center_by : array-like of shape (n_samples,), default=None
            Groups of rows, such as their source. Each is moved to the common mean first, and
            `transform` does the same.

        Returns
        -------
        self : ConceptEraser
            The fitted estimator.

        Raises
        ------
        ValueError
            If there is no concept, a value of it is missing or not finite, it was asked for by
            metadata routing and did not come.

        Warns
        -----
        UserWarning
            If the concept has one value, so that nothing is taken off, or `n_components` is more
            than covary with it.
        """
        if is_collection(X):
            return self._fit_blocks(X, y, concept, center_by)
        given, name = given_concept(self, X, y, concept, "fit")
        center_by = None if center_by is None else in_order_of(X, center_by, "center_by")
        X = validate_rows(self, X, accept_sparse=_sparse_kind(self))
        kind, Z, classes, codes = encoded_concept(given, name, X.shape[0])
        self.__dict__.pop("_sums", None)
        self.groups_ = self.group_means_ = None
        if center_by is not None:
            self.groups_, self.group_means_ = means_of_groups(X, center_by)
            X = centred_by(X, center_by, self.groups_, self.group_means_, column_means(X))
        wide = X.shape[0] <= X.shape[1]
        origin = np.zeros(X.shape[1]) if sparse.issparse(X) else column_means(X)
        sums = sums_of(X, Z, origin, squares=self.method == "leace" and not wide)
        moments = concept_moments(sums)
        self._keep_concept(kind, classes, sums, moments)
        A, B, self.n_iter_ = directions_of_rows(self, X, Z, codes, moments)
        self._keep_map(A, B)
        self._reader = reader_of_rows(A, B, X, Z, codes, moments, sums, self.alpha)
        return self

    @available_if(_is_by_moments)
    @_fit_context(prefer_skip_nested_validation=True)
    @fill_parameters
    def partial_fit(
        self, X: Matrix, y: ArrayLike | None = None, *, concept: ArrayLike | None = None
    ) -> Self:
        """Add a batch of rows; the map is that of `fit` on all rows so far.

        Sums are kept, of size (n_features, n_features). A class may come late. The first call after
        `fit`, and the first of all, starts anew. Where some of the concept stays, the reader that
        `score` asks is one of least squares here, as a logistic one would need the rows.

        Parameters
        ----------
        {any_rows}

        {concept_target}

        {concept}

        Returns
        -------
        self : ConceptEraser
            The fitted estimator.

        Raises
        ------
        ValueError
            If there is no concept, a value of it is missing, or it has another number of columns
            than before.
        """
        former = ConceptSums(**self._sums) if hasattr(self, "_sums") else None
        given, name = given_concept(self, X, y, concept, "partial_fit")
        X = validate_rows(self, X, accept_sparse="csr", reset=former is None)
        n, kind = X.shape[0], None if former is None else self.target_type_
        kind, Z, classes, _ = encoded_concept(given, name, n, kind)
        if former is None:
            origin = np.zeros(X.shape[1]) if sparse.issparse(X) else column_means(X)
            sums = sums_of(X, Z, origin)
        else:
            former, classes, Z = brought_together(former, self.classes_, classes, Z)
            rows = dense(X) if former.origin.any() else X  # sparse ones have no origin
            sums = add_sums(former, sums_of(rows, Z, former.origin))
        self._keep_sums(kind, classes, sums)
        self._sums = vars(sums)
        return self

    def _fit_blocks(self, X, y, concept, center_by):
        """Fit by sums over the blocks of a dask collection."""
        if self.method not in BY_MOMENTS:
            refuse_collection(X, "X", f"with method={self.method!r}")
        if center_by is not None:
            refuse_collection(X, "X", "with center_by")
        given, name = given_concept(self, X, in_memory(y), in_memory(concept), "fit")
        blocks = Blocks.of(self, X)
        kind, _, classes, codes = encoded_concept(given, name, blocks.n_rows, columns=False)
        values = blocks.cut(np.asarray(given, np.float64) if codes is None else codes)
        origin = blocks.first(column_means)
        n_classes = None if classes is None else len(classes)
        self.__dict__.pop("_sums", None)
        total = blocks.total(sums_of_block, add_sums, origin, n_classes, beside=(values,))
        self._keep_sums(kind, classes, total)
        return self

    def _keep_sums(self, kind, classes, sums):
        moments = concept_moments(sums)
        self.groups_ = self.group_means_ = None
        self._keep_concept(kind, classes, sums, moments)
        A, B = directions_of_moments(self, moments)
        self.n_iter_ = 1
        self._keep_map(A, B)
        self._reader = reader_of_moments(A, B, moments, sums, self.alpha)

    def _keep_concept(self, kind, classes, sums, moments):
        mean, _, S_xz, S_zz = moments
        self.target_type_, self.classes_, self.mean_ = kind, classes, mean
        if classes is None:
            self.slope_, self.concept_mean_ = slope_of(S_xz, S_zz), sums.z / sums.n
        else:
            self.concept_mean_ = sums.origin + sums.xz.T / sums.z[:, None]
            self.slope_ = self.concept_mean_ - mean

    def _keep_map(self, A, B):
        self.corrections_, self.components_ = A.T.copy(), B.T.copy()
        self.n_components_ = len(self.components_)
        if self.n_components_ == 0:
            warnings.warn(
                "The concept does not covary with any column of X, as with one value only: nothing "
                "is taken off.",
                UserWarning,
                stacklevel=3,
            )
        elif self.n_components is not None and self.n_components > self.n_components_:
            warnings.warn(
                f"n_components={self.n_components} is more than covary with the concept; "
                f"{self.n_components_} are taken off.",
                UserWarning,
                stacklevel=3,
            )

    @property
    def projection_(self) -> Floats:
        """The matrix P of the map r(x) = m + P (x - m), of (n_features, n_features)."""
        check_is_fitted(self)
        return np.eye(len(self.mean_)) - self.corrections_.T @ self.components_

    @fill_parameters
    def fit_transform(
        self,
        X: Matrix,
        y: ArrayLike | None = None,
        *,
        concept: ArrayLike | None = None,
        center_by: ArrayLike | None = None,
    ) -> Floats:
        """Find what to take off, and take it off the same rows.

        Parameters
        ----------
        {any_rows}

        {concept_target}

        {concept}

        {center_by}

        Returns
        -------
        X_new : ndarray of shape (n_samples, n_features)
            Rows without the concept.
        """
        fitted = self.fit(X, y, concept=concept, center_by=center_by)
        return fitted.transform(X, center_by=center_by)

    @fill_parameters
    def transform(self, X: Matrix, *, center_by: ArrayLike | None = None) -> Floats:
        """Take the concept off rows, of which it need not be known.

        Parameters
        ----------
        {any_rows}

        center_by : array-like of shape (n_samples,), default=None
            Groups of the rows, where `fit` was told groups. One that `fit` has not seen is taken
            about the mean of its rows in this call.

        Returns
        -------
        X_new : ndarray of shape (n_samples, n_features)
            Rows in the same columns.

        Raises
        ------
        ValueError
            If one of `fit` and this call was told groups, and the other was not.
        """
        X = self._checked(X, center_by)
        return self._erased(X).astype(X.dtype, copy=False)

    @fill_parameters
    def shift(
        self,
        X: Matrix,
        concept: ArrayLike,
        *,
        strength: float = 1.0,
        center_by: ArrayLike | None = None,
    ) -> Floats:
        """Give rows another value of the concept: erase it, and add what rows of the value have.

        Added is the part of the value's mean, less the mean of all rows, that was taken off. A row
        that is the mean of a class stays where it is when shifted to its own class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows; their present concept need not be known.

        concept : scalar or array-like of shape (n_samples,) or (n_samples, n_concepts)
            The value wanted, for all rows or for each.

        strength : float, default=1.0
            How far: 1 is the mean of the rows of the value, 0 only erases.

        {center_by}

        Returns
        -------
        X_new : ndarray of shape (n_samples, n_features)
            Rows with the concept asked for. What else of a row goes with the concept, but not
            linearly, stays as it was.

        Raises
        ------
        ValueError
            If the concept has a value that `fit` has not seen, or `strength` is not finite.
        """
        X = self._checked(X, center_by)
        if not isinstance(strength, Real) or not math.isfinite(strength):
            raise ValueError(f"strength must be a finite number, got {strength!r}.")
        offsets = wanted_offsets(
            concept, X.shape[0], self.classes_, self.slope_, self.concept_mean_
        )
        offsets = (offsets @ self.components_.T) @ self.corrections_
        return (self._erased(X) + strength * offsets).astype(X.dtype, copy=False)

    @fill_parameters
    def score(
        self,
        X: Matrix,
        y: ArrayLike | None = None,
        *,
        concept: ArrayLike | None = None,
        center_by: ArrayLike | None = None,
    ) -> float:
        """Tell how far a linear reader, trained on erased training rows, is from reading new ones.

        For classes 1 - (accuracy - majority) / (1 - majority) of a logistic regression, for numbers
        1 - R2 of a ridge regression. Taking everything off guards best: look at `retained_energy`
        beside it. All directions of "leace" and "sal" make the best reader a constant, so that the
        score is 1 by construction; it is there to choose fewer, and to judge the other methods.
        What readers find who train on new rows, `score_anew` says.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows that `fit` has not seen.

        {concept_target}

        {concept}

        {center_by}

        Returns
        -------
        score : float
            From 0, where the reader is always right, to 1, where it is no better than the largest
            class, or the mean.
        """
        check_is_fitted(self)
        given, name = given_concept(self, X, y, concept, "score")
        X = self._checked(X, center_by)
        rows = self._erased(X)
        weights, offsets = self._reader
        if self.classes_ is None:
            _, Z, _, _ = encoded_concept(given, name, len(rows), "numbers")
            return hidden_numbers(Z, (rows - self.mean_) @ weights.T + offsets)
        codes = codes_of_known(given, name, len(rows), self.classes_)
        return hidden_classes(codes, read_classes(rows - self.mean_, weights, offsets))

    @fill_parameters
    def score_anew(
        self,
        X: Matrix,
        y: ArrayLike | None = None,
        *,
        concept: ArrayLike | None = None,
        center_by: ArrayLike | None = None,
        cv: int = 5,
        random_state: Seed = 0,
    ) -> float:
        """Tell how far linear readers, trained on new erased rows, are from reading other new ones.

        As `score`, with readers that see labels of new rows, by folds. With few training rows for
        their columns, directions of the concept were estimated wrongly, and what is left of it is
        read: there this is far below `score`.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows that `fit` has not seen; equal ones are in one fold.

        {concept_target}

        {concept}

        {center_by}

        cv : int, default=5
            Folds.

        random_state : int, RandomState instance or None, default=0
            Deals rows to folds.

        Returns
        -------
        score : float
            From 0, where readers are always right, to 1, where they are no better than the largest
            class, or the mean.

        Raises
        ------
        ValueError
            If fewer rows differ than there are folds.
        """
        check_is_fitted(self)
        check_integer(cv, "cv", 2)
        given, name = given_concept(self, X, y, concept, "score")
        rows = self._erased(self._checked(X, center_by))
        if self.classes_ is None:
            _, Z, _, _ = encoded_concept(given, name, len(rows), "numbers")
            return hidden_numbers(Z, read_anew(rows, Z, self.alpha, cv, random_state))
        codes = codes_of_known(given, name, len(rows), self.classes_)
        return hidden_classes(codes, read_anew(rows, codes, self.alpha, cv, random_state))

    @fill_parameters
    def retained_energy(self, X: Matrix, *, center_by: ArrayLike | None = None) -> float:
        """Tell how much of the variance of rows stays.

        Parameters
        ----------
        {any_rows}

        {center_by}

        Returns
        -------
        share : float
            1 less the sum of squared changes over that of squares about `mean_`: 1 where nothing
            is changed, 0 for rows that all become `mean_`. It may be negative, as "leace" may
            lengthen rows unlike those of the fit.
        """
        X = self._checked(X, center_by)
        total = total_squares(X, self.mean_)
        changed = np.square(dense(X) - self._erased(X)).sum()
        return float(1 - changed / total) if total > 0 else 1.0

    def _checked(self, X, center_by):
        """Rows of any method but `fit`, their groups brought to the common mean."""
        check_is_fitted(self)
        given = center_by
        center_by = None if given is None else in_order_of(X, given, "center_by")
        X = validate_rows(self, X, accept_sparse=_sparse_kind(self), reset=False)
        if (center_by is None) != (self.groups_ is None):
            fit, here = ("no ", "") if self.groups_ is None else ("", "no ")
            raise ValueError(f"fit had {fit}center_by and this call has {here or 'a '}center_by.")
        if center_by is None:
            return X
        return centred_by(X, center_by, self.groups_, self.group_means_, self.mean_)

    def _erased(self, X):  # (n, d) -> (n, d) float64
        read, along = self.components_.T, self.corrections_
        if sparse.issparse(X):
            scores = place_rows(X, self.mean_, read)
            return dense(X) - in_blocks(lambda some: some @ along, scores)
        return in_blocks(lambda rows: rows - ((rows - self.mean_) @ read) @ along, X)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.target_tags.multi_output = True
        tags.input_tags.sparse = self.method in BY_MOMENTS
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
