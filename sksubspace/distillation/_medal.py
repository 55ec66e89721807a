"""MEDAL: manifold embedding distillation via autoencoder learning.

Chang, Zikry and Allen, "MEDAL", arXiv:2605.24244, 2026.
"""

from collections.abc import Sequence
from contextlib import contextmanager
from functools import partial
from numbers import Integral, Real
from typing import Literal, Self

import numpy as np
from torch import nn

from sksubspace._docs import fill_parameters
from sksubspace._parameters import isolated_random_state
from sksubspace._sklearn import HasMethods, Interval, StrOptions, _fit_context
from sksubspace._student import StudentPlan, check_groups, learn_student, student_seed
from sksubspace._student._groups import warn_of_copies, warn_of_series
from sksubspace._student._student import part_name
from sksubspace._teachers import (
    SHORTHANDS,
    centring,
    check_embedding,
    embed,
    embedded_rows,
    resolve_teacher,
    seed_teacher,
)
from sksubspace._torch.device import available_device
from sksubspace._trained import TRAINED, fit_task, training_constraints
from sksubspace._typing import ArrayLike, Device, Estimator, Floats, Matrix, Module, Seed
from sksubspace._validation import in_order_of, validate_rows
from sksubspace.distillation._base import BaseDistiller, placed_rows, rows_like_fitted
from sksubspace.distillation._former import is_former, renewed
from sksubspace.distillation._plan import make_plan, student_plan, warn_of_few
from sksubspace.distillation._shift import names_of_groups


@fill_parameters
class MEDAL(BaseDistiller):
    """Distil any embedding into an encoder and a decoder.

    The teacher (UMAP, t-SNE, PCA, ...) embeds the training rows. An encoder learns to place new
    rows where the teacher would, a decoder to reconstruct the data from the embedding. Together
    they map new samples, invert the map, show where it lies, test new batches for shift, and give
    a score on held-out rows with which embeddings are compared and tuned.

    Parameters
    ----------
    teacher : estimator, str or None, default=None
        What draws the embedding: anything with ``fit_transform``; "pca", "tsne", "umap",
        "isomap" or "spectral" for one with its defaults; None for ``UMAP()``; or "precomputed",
        and then ``fit`` takes ``embedding=``. It is cloned, never sees ``y``, and its unset
        ``random_state`` is drawn from that of MEDAL.

    strategy : {"decoupled", "joint"}, default="decoupled"
        "decoupled" trains the encoder on the teacher's coordinates and the decoder from them.
        "joint" trains two networks with the paper's penalty
        ``||x - g(f(x))||^2 + match_weight * ||f(x) - z||^2``.

    encoder : {"auto", "median", "linear", "local", "mlp"}, encoder or Module, default="auto"
        "median" is a weighted median of the places of the nearest training rows; "linear" least
        squares; "local" a learned local mean; "mlp" a residual network. "auto" takes the better of
        linear and median, by the left-out error of the teacher's coordinates. An object such as
        ``LocalEncoder(n_neighbors=10)`` of `sksubspace.encoding`, or one of your own with
        ``fit(X, Z, groups)`` and ``predict(X)``, is cloned. A module maps standardised rows
        (n, n_features) to the scaled embedding (n, n_components); a copy of it is trained.

    decoder : {"auto", "ridge", "mlp"}, decoder or torch.nn.Module, default="auto"
        "ridge" is a closed-form ridge regression on random Fourier features; "mlp" a network on
        Fourier features; "auto" takes ridge. An object such as ``FourierRidge()`` of
        `sksubspace.decoding`, or one of your own with ``fit(Z, Z_out, X, forget)`` and
        ``predict(Z)``, is cloned. A module maps the scaled embedding to standardised rows; a copy
        of it is trained.

    exact : {"local"} or None, default="local"
        Whether a linear or network encoder gets the interpolated residuals of the three nearest
        training rows added, so that ``transform`` returns ``embedding_`` on training rows. None
        keeps the bare encoder, which is small and holds no training rows. The local encoder is
        exact by construction.

    scale : {"global", "feature", "none"}, default="global"
        Unit of the data inside: one standard deviation for all features, one each, or none.
        Reported errors are always in input units.

    n_neighbors : int, default=10
        Neighbours that the median and the local encoder use. Keep ten: with fewer a map that is
        broken into fragments scores, because each fragment names its rows.

    hidden_layer_sizes : tuple of int, default=(256, 256)
        Hidden widths of the networks. The encoder has one residual block for each.

    match_weight : float, default=1000.0
        Weight of the teacher's coordinates with ``strategy="joint"``.

    input_noise : float, default=0.5
        Noise on the rows while a network encoder is trained, in units of ``scale``.

    learning_rate : float, default=0.002
        Highest learning rate of the one-cycle schedule.

    {batch_size}

    max_iter : int or "auto", default="auto"
        Epochs of every training; "auto" makes 150 steps (at most 40 epochs) for the local encoder,
        2,000 (200) for a network encoder and 1,000 (120) for a network decoder.

    calibration : {"loo", "holdout"}, default="loo"
        Where the reference errors of ``pvalue`` and ``detect_shift`` come from: leave-one-out
        errors of the training rows, or rows that neither the teacher nor the networks see. Network
        encoders and decoders have no leave-one-out form and use "holdout", with a warning.

    validation_fraction : float, default=0.1
        Share of rows held out with ``calibration="holdout"``.

    keep_teacher : bool, default=True
        Whether the fitted teacher stays in ``teacher_``. Without it a pickle loads where the
        teacher's package is not installed, and then has ``teacher="precomputed"``.

    {device}

    {random_state}
        Seeds the split, the teacher where it is not seeded itself, and the networks.

    Attributes
    ----------
    embedding_ : ndarray of shape (n_samples, n_components)
        Coordinates of the training rows: the teacher's, and the encoder's for rows held out.

    teacher_ : estimator or None
        The fitted teacher; None for a precomputed embedding and with ``keep_teacher=False``. Where
        rows lie so far from the origin that their squares would lose digits, teachers of
        scikit-learn and UMAP that do not depend on the origin stand in a pipeline that takes off
        the mean.

    student_ : Student
        The fitted encoder and decoder, kept whole.

    encoder_name_ : str
        The encoder in use.

    encoder_scores_ : dict of str to float
        R2 of each tried encoder's leave-one-out coordinates against the teacher's.

    decoder_name_ : str
        The decoder in use.

    loo_score_ : float or None
        Left-out estimate of the held-out score: each row is placed without its group, and decoded
        without its group and the row next door. Where rows have few neighbours of their kind it is
        pessimistic by .02 to .04, else optimistic by about as much or less. None if encoder or
        decoder is a network.

    continuous_ : float
        The same at the mean place of the ten nearest rows; under .75 of `loo_score_` the map is
        torn. NaN where it cannot be had.

    global_share_ : float
        Left-out R2 of a linear decoder over that of as many principal components: 1 is the plane
        of largest variance. NaN where it cannot be had.

    loo_distortion_ : ndarray of shape (n_samples,) or None
        Distortion of each training row as if it were new: placed, and decoded, without it. Where it
        is drawn does not enter; for that see `metrics.embedding_reliability`. NaN for rows held out
        or not embedded.

    calibration_ : {"loo", "holdout", "fresh"}
        Where the calibration scores come from.

    calibration_indices_ : ndarray of shape (n_calibration,) or None
        Training rows they belong to; None after ``calibrate``.

    calibration_scores_ : ndarray of shape (n_calibration,)
        Distortions of rows as if they were new.

    calibration_embedding_ : ndarray of shape (n_calibration, n_components)
        Where they lie as if they were new.

    calibration_groups_ : ndarray of shape (n_calibration,) or None
        Their groups.

    group_names_ : ndarray of shape (n_groups,) of str, or None
        Names of the groups that the caller gave.

    groups_given_ : bool
        Whether the groups are the caller's, so that the group is the unit of the shift test.

    n_copies_ : int
        Training rows that are equal or nearly equal to another one and were left out with it, where
        no groups were given.

    n_conflicts_ : int
        Training rows that equal another one to which the teacher gave other coordinates; both got
        the mean.

    loss_curve_ : list of float
        Training loss of the last network trained, by epoch; empty if none was.

    n_iter_ : int
        Number of these epochs; 1 if none was.

    n_components_ : int
        Dimension of the embedding.

    {features_}

    See Also
    --------
    umap.UMAP : The default teacher; its own ``transform`` has no inverse that is scored.
    sklearn.manifold.TSNE : A teacher that cannot place new rows itself.

    Notes
    -----
    The constrained problem min over f, g of mean ||x - g(f(x))||^2 subject to f(x_i) = z_i
    separates: f is any interpolant of (x_i, z_i) and g the regression of x on z. See the user guide
    for what the score says and what it does not.

    References
    ----------
    Chang, Zikry and Allen, "MEDAL: manifold embedding distillation via autoencoder learning",
    arXiv:2605.24244, 2026. https://arxiv.org/abs/2605.24244

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.model_selection import train_test_split
    >>> from sksubspace import MEDAL
    >>> X, _ = load_digits(return_X_y=True)
    >>> X_train, X_test = train_test_split(X / 16, random_state=0)
    >>> medal = MEDAL(teacher="pca", random_state=0).fit(X_train)
    >>> medal.transform(X_test).shape
    (450, 2)
    >>> medal.encoder_name_
    'linear'
    >>> round(medal.score(X_test), 1)
    0.4
    """

    _parameter_constraints: dict = {
        "teacher": [StrOptions({*SHORTHANDS, "precomputed"}), HasMethods("fit_transform"), None],
        "strategy": [StrOptions({"decoupled", "joint"})],
        "encoder": [
            StrOptions({"auto", "median", "local", "mlp", "linear"}),
            nn.Module,
            HasMethods(["fit", "predict"]),
        ],
        "decoder": [
            StrOptions({"auto", "ridge", "mlp"}),
            nn.Module,
            HasMethods(["fit", "predict"]),
        ],
        "exact": [StrOptions({"local"}), None],
        "scale": [StrOptions({"global", "feature", "none"})],
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "hidden_layer_sizes": ["array-like"],
        "match_weight": [Interval(Real, 0, None, closed="left")],
        "input_noise": [Interval(Real, 0, None, closed="left")],
        **training_constraints(*TRAINED, auto=True),
        "calibration": [StrOptions({"loo", "holdout"})],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "keep_teacher": ["boolean"],
    }

    def __init__(
        self,
        teacher: Estimator | str | None = None,
        *,
        strategy: Literal["decoupled", "joint"] = "decoupled",
        encoder: Estimator | Module | Literal["auto", "median", "linear", "local", "mlp"] = "auto",
        decoder: Estimator | Module | Literal["auto", "ridge", "mlp"] = "auto",
        exact: Literal["local"] | None = "local",
        scale: Literal["global", "feature", "none"] = "global",
        n_neighbors: int = 10,
        hidden_layer_sizes: Sequence[int] = (256, 256),
        match_weight: float = 1000.0,
        input_noise: float = 0.5,
        learning_rate: float = 2e-3,
        batch_size: int = 128,
        max_iter: int | Literal["auto"] = "auto",
        calibration: Literal["loo", "holdout"] = "loo",
        validation_fraction: float = 0.1,
        keep_teacher: bool = True,
        device: Device = "auto",
        random_state: Seed = None,
    ) -> None:
        self.teacher = teacher
        self.strategy = strategy
        self.encoder = encoder
        self.decoder = decoder
        self.exact = exact
        self.scale = scale
        self.n_neighbors = n_neighbors
        self.hidden_layer_sizes = hidden_layer_sizes
        self.match_weight = match_weight
        self.input_noise = input_noise
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.calibration = calibration
        self.validation_fraction = validation_fraction
        self.keep_teacher = keep_teacher
        self.device = device
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Matrix, y: object = None, *, embedding: ArrayLike | None = None,
            groups: ArrayLike | None = None) -> Self:  # fmt: skip
        """Embed X with the teacher, and learn the encoder and the decoder.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows.

        y : Ignored
            Not used; labels never reach the teacher.

        embedding : array-like of shape (n_samples, n_components) or None, default=None
            The embedding of X, with ``teacher="precomputed"``. Rows of NaN count as not embedded.

        groups : array-like of shape (n_samples,) or None, default=None
            What rows belong to, such as a donor; rows of a group are left out together. None takes
            equal rows and near copies for groups; ``np.arange(n_samples)`` none at all.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If X has non-finite values or fewer than two rows, if the embedding has another number
            of rows or no spread, if there are fewer than three groups, or if the teacher fails.

        Warns
        -----
        UserWarning
            If more than 1 % of the rows are copies of others, or neighbours in the table are
            neighbours in the data, and no groups are given.
        """
        plan = make_plan(self, embedding)
        embedding = in_order_of(X, embedding, "embedding")
        groups = in_order_of(X, groups, "groups")
        X = validate_rows(self, X, accept_sparse="csr", order="C", copy=True, ensure_min_samples=2)
        names = names_of_groups(groups)
        groups = None if groups is None else check_groups(groups, X.shape[0])
        random_state = isolated_random_state(self.random_state)
        seed = student_seed(random_state)
        fitted, held = plan.split(X, groups, random_state)
        with fit_task(self, X, y, max_subtasks=3) as context:
            with _stage(self, context, "teacher", 0):
                Z = self._teach(X[fitted], embedding, X.shape[0], fitted, random_state)
            fitted, Z = embedded_rows(fitted, Z)
            left_out = learn_student(
                plan.student, X[fitted], Z, seed=seed,
                groups=None if groups is None else check_groups(groups[fitted], len(fitted)),
                stage=partial(_stage, self, context, max_subtasks=None),
            )  # fmt: skip
            self._record(X, fitted, held, left_out)
            reference = plan.reference(left_out, X, self.embedding_, fitted, held, groups)
            self.__dict__.update(reference, group_names_=names, groups_given_=groups is not None)
            numbers = self.calibration_groups_ if self.groups_given_ else None
            warn_of_few(self.calibration_, self.calibration_scores_, numbers, stacklevel=3)
            if groups is None:
                warn_of_copies(self.n_copies_, len(fitted), stacklevel=3)
                warn_of_series(left_out.rows, left_out.neighbors, len(fitted), stacklevel=3)
        return self

    def fit_transform(self, X: Matrix, y: object = None, *, embedding: ArrayLike | None = None,
            groups: ArrayLike | None = None) -> Floats:  # fmt: skip
        """Fit, and place the training rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows.

        y : Ignored
            Not used.

        embedding : array-like of shape (n_samples, n_components) or None, default=None
            The embedding of X, with ``teacher="precomputed"``.

        groups : array-like of shape (n_samples,) or None, default=None
            As in `fit`.

        Returns
        -------
        Z : ndarray of shape (n_samples, n_components)
            What ``fit(X).transform(X)`` returns.
        """
        self.fit(X, y, embedding=embedding, groups=groups)
        return placed_rows(self, rows_like_fitted(self, X))

    def student_plan(self) -> StudentPlan:
        """Say which unfitted encoders and decoder the parameters stand for.

        Returns
        -------
        plan : StudentPlan
            What `fit` and `sksubspace.metrics.embedding_score` learn from a map. Its
            ``has_left_out`` says whether rows can be scored without themselves.
        """
        return student_plan(self)

    def _teach(self, X, embedding, n_samples, fitted, random_state):  # (m, d) -> (m, q)
        self.teacher_ = None
        if embedding is not None:
            return check_embedding(embedding, n_samples, "embedding")[fitted]
        teacher = centring(seed_teacher(resolve_teacher(self.teacher), random_state), X)
        Z = embed(teacher, X)
        if self.keep_teacher:
            self.teacher_ = teacher
        return Z

    def _record(self, X, fitted, held, left_out):
        """Set the fitted attributes that users read."""
        self.student_ = student = left_out.student
        self.encoder_name_, self.decoder_name_ = map(part_name, (student.encoder, student.decoder))
        self.encoder_scores_ = left_out.encoder_scores
        self.loss_curve_ = left_out.loss_curve
        self.n_iter_ = max(1, len(left_out.loss_curve))
        self.n_components_ = left_out.target.shape[1]
        self.n_copies_, self.n_conflicts_ = left_out.n_copies, left_out.n_conflicts
        embedding = np.full((X.shape[0], self.n_components_), np.nan, dtype=X.dtype)
        embedding[fitted] = student.latent_scale.unscale(left_out.target)
        if len(held):
            embedding[held] = student.place(X[held])
        self.embedding_ = embedding
        self.loo_score_, self.loo_distortion_ = left_out.score, None
        self.continuous_, self.global_share_ = left_out.continuous, left_out.global_share
        if left_out.squared_errors is not None:
            self.loo_distortion_ = np.full(X.shape[0], np.nan)
            self.loo_distortion_[fitted] = left_out.squared_errors / X.shape[1]

    def __getstate__(self):
        state = super().__getstate__()
        fitted = "student_" in state
        if fitted and not self.keep_teacher and hasattr(self.teacher, "fit_transform"):
            state["teacher"] = "precomputed"
        return state

    def __setstate__(self, state):
        if is_former(state):
            state = renewed(dict(state), available_device(state["device"]))
        super().__setstate__(state)


@contextmanager
def _stage(medal, context, name, max_subtasks):
    stage = context.subcontext(task_name=name, max_subtasks=max_subtasks)
    stage.call_on_fit_task_begin(estimator=medal)
    yield stage
    stage.call_on_fit_task_end(estimator=medal)
