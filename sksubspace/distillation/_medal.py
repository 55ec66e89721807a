"""MEDAL: manifold embedding distillation via autoencoder learning.

Chang, Zikry and Allen, "MEDAL", arXiv:2605.24244, 2026.
"""

import warnings
from contextlib import contextmanager
from functools import partial
from numbers import Integral, Real

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin
from sklearn.callback import CallbackSupportMixin
from sklearn.utils.validation import validate_data
from torch import nn

from sksubspace._linalg import r_squared
from sksubspace._parameters import isolated_random_state
from sksubspace._sklearn import HasMethods, Interval, StrOptions, _fit_context
from sksubspace._teachers import (
    SHORTHANDS,
    check_embedding,
    embed,
    resolve_teacher,
    seed_teacher,
)
from sksubspace._torch.device import resolve_device
from sksubspace._torch.trainer import Trainer
from sksubspace.distillation._components import principal_components
from sksubspace.distillation._held_out import HeldOutMixin
from sksubspace.distillation._learning import learn
from sksubspace.distillation._map import MapMixin
from sksubspace.distillation._plan import make_plan
from sksubspace.distillation._state import StateMixin
from sksubspace.encoding import FeatureScale, LatentScale, average_duplicates


class MEDAL(
    HeldOutMixin,
    MapMixin,
    StateMixin,
    ClassNamePrefixFeaturesOutMixin,
    CallbackSupportMixin,
    BaseEstimator,
):
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

    encoder : {"auto", "local", "mlp", "linear"} or torch.nn.Module, default="auto"
        "local" is a learned local mean of the nearest training rows; "mlp" a residual network;
        "linear" least squares. "auto" takes the better of linear and local, by the leave-one-out
        error of the teacher's coordinates. A module maps standardised rows (n, n_features) to the
        scaled embedding (n, n_components); a copy of it is trained.

    decoder : {"auto", "ridge", "mlp"} or torch.nn.Module, default="auto"
        "ridge" is a closed-form ridge regression on random Fourier features; "mlp" a network on
        Fourier features; "auto" takes ridge. A module maps the scaled embedding to standardised
        rows; a copy of it is trained.

    exact : {"local"} or None, default="local"
        Whether a linear or network encoder gets the interpolated residuals of the three nearest
        training rows added, so that ``transform`` returns ``embedding_`` on training rows. None
        keeps the bare encoder, which is small and holds no training rows. The local encoder is
        exact by construction.

    scale : {"global", "feature", "none"}, default="global"
        Unit of the data inside: one standard deviation for all features, one each, or none.
        Reported errors are always in input units.

    n_neighbors : int, default=10
        Neighbours that the local encoder uses.

    hidden_layer_sizes : tuple of int, default=(256, 256)
        Hidden widths of the networks. The encoder has one residual block for each.

    match_weight : float, default=1000.0
        Weight of the teacher's coordinates with ``strategy="joint"``.

    input_noise : float, default=0.5
        Noise on the rows while a network encoder is trained, in units of ``scale``.

    learning_rate : float, default=0.002
        Highest learning rate of the one-cycle schedule.

    batch_size : int, default=128
        Rows in a training step.

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

    device : str or torch.device, default="auto"
        Where networks run: "auto" is a CUDA device if there is one, else the CPU.

    random_state : int, RandomState instance or None, default=None
        Seeds the split, the teacher where it is not seeded itself, and the networks.

    Attributes
    ----------
    embedding_ : ndarray of shape (n_samples, n_components)
        Coordinates of the training rows: the teacher's, and the encoder's for rows held out.

    teacher_ : estimator or None
        The fitted teacher; None for a precomputed embedding and with ``keep_teacher=False``.

    encoder_name_ : str
        The encoder in use.

    encoder_scores_ : dict of str to float
        R2 of each tried encoder's leave-one-out coordinates against the teacher's.

    decoder_name_ : str
        The decoder in use.

    loo_score_ : float or None
        Leave-one-out estimate of the held-out score, a few hundredths optimistic. None if encoder
        or decoder is a network.

    loo_distortion_ : ndarray of shape (n_samples,) or None
        Leave-one-out distortion of each training row; NaN for rows held out or not embedded.

    calibration_ : {"loo", "holdout", "fresh"}
        Where the calibration scores come from.

    calibration_indices_ : ndarray of shape (n_calibration,) or None
        Training rows they belong to; None after ``calibrate``.

    calibration_scores_ : ndarray of shape (n_calibration,)
        Distortions of rows as if they were new.

    calibration_embedding_ : ndarray of shape (n_calibration, n_components)
        Where they lie as if they were new.

    n_conflicts_ : int
        Training rows that equal another one to which the teacher gave other coordinates; both got
        the mean.

    loss_curve_ : list of float
        Training loss of the last network trained, by epoch; empty if none was.

    n_iter_ : int
        Number of these epochs; 1 if none was.

    n_components_ : int
        Dimension of the embedding.

    n_features_in_ : int
        Number of features seen in ``fit``.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Their names, where X has string column names.

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
        "encoder": [StrOptions({"auto", "local", "mlp", "linear"}), nn.Module],
        "decoder": [StrOptions({"auto", "ridge", "mlp"}), nn.Module],
        "exact": [StrOptions({"local"}), None],
        "scale": [StrOptions({"global", "feature", "none"})],
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "hidden_layer_sizes": ["array-like"],
        "match_weight": [Interval(Real, 0, None, closed="left")],
        "input_noise": [Interval(Real, 0, None, closed="left")],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "calibration": [StrOptions({"loo", "holdout"})],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "keep_teacher": ["boolean"],
        "device": "no_validation",
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        teacher=None,
        *,
        strategy="decoupled",
        encoder="auto",
        decoder="auto",
        exact="local",
        scale="global",
        n_neighbors=10,
        hidden_layer_sizes=(256, 256),
        match_weight=1000.0,
        input_noise=0.5,
        learning_rate=2e-3,
        batch_size=128,
        max_iter="auto",
        calibration="loo",
        validation_fraction=0.1,
        keep_teacher=True,
        device="auto",
        random_state=None,
    ):
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
    def fit(self, X, y=None, *, embedding=None):
        """Embed X with the teacher, and learn the encoder and the decoder.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows.

        y : Ignored
            Not used; labels never reach the teacher.

        embedding : array-like of shape (n_samples, n_components) or None, default=None
            The embedding of X, with ``teacher="precomputed"``. Rows of NaN count as not embedded.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If X has non-finite values or fewer than two rows, if the embedding has another number
            of rows or no spread, or if the teacher fails.
        """
        plan = make_plan(self, embedding)
        X = validate_data(
            self, X, accept_sparse="csr", dtype=[np.float64, np.float32], order="C", copy=True,
            ensure_min_samples=2,
        )  # fmt: skip
        if sparse.issparse(X):
            X.sum_duplicates()
        random_state = isolated_random_state(self.random_state)
        self._shift_seed = int(random_state.randint(2**31 - 1))
        trainer = self._trainer(X.dtype, random_state)
        fitted, held = plan.split(X.shape[0], random_state)
        context = self._init_callback_context(max_subtasks=3)
        context.call_on_fit_task_begin(estimator=self, X=X, y=y)
        with self._stage(context, "teacher", 0):
            Z = self._teach(X[fitted], embedding, X.shape[0], fitted, random_state)
        fitted, Z = _embedded_rows(fitted, Z)
        student = self._learn(plan, X[fitted], Z, trainer, context)
        self._record(plan, X, fitted, held, student)
        context.call_on_fit_task_end(estimator=self, X=X, y=y)
        return self

    def fit_transform(self, X, y=None, *, embedding=None):
        """Fit, and place the training rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows.

        y : Ignored
            Not used.

        embedding : array-like of shape (n_samples, n_components) or None, default=None
            The embedding of X, with ``teacher="precomputed"``.

        Returns
        -------
        Z : ndarray of shape (n_samples, n_components)
            What ``fit(X).transform(X)`` returns.
        """
        self.fit(X, y, embedding=embedding)
        return self._place(self._validated(X))

    def _trainer(self, dtype, random_state):
        return Trainer(
            learning_rate=self.learning_rate,
            batch_size=self.batch_size,
            max_iter=self.max_iter,
            device=resolve_device(self.device),
            dtype=dtype,
            random_state=random_state,
            estimator=self,
        )

    @contextmanager
    def _stage(self, context, name, max_subtasks):
        stage = context.subcontext(task_name=name, max_subtasks=max_subtasks)
        stage.call_on_fit_task_begin(estimator=self)
        yield stage
        stage.call_on_fit_task_end(estimator=self)

    def _teach(self, X, embedding, n_samples, fitted, random_state):  # (m, d) -> (m, q)
        self.teacher_ = None
        if embedding is not None:
            return check_embedding(embedding, n_samples, "embedding")[fitted]
        teacher = seed_teacher(resolve_teacher(self.teacher), random_state)
        Z = embed(teacher, X)
        if self.keep_teacher:
            self.teacher_ = teacher
        return Z

    def _learn(self, plan, X, Z, trainer, context):  # (m, d), (m, q) -> Student
        self._fitted_on_sparse = sparse.issparse(X)
        self._latent_scale = LatentScale.of(Z)
        self._feature_scale = scale = FeatureScale.of(X, self.scale)
        self._input_mean = scale.unwork(scale.mean)
        self._principal_components = principal_components(X, Z.shape[1])
        work = scale.work(X)
        target, self.n_conflicts_ = average_duplicates(work, self._latent_scale.scale(Z))
        stage = partial(self._stage, context, max_subtasks=None)
        return learn(self, plan, work, target, scale, trainer, stage)

    def _record(self, plan, X, fitted, held, student):
        """Set the fitted attributes that users read."""
        self._encoder, self._decoder = student.encoder, student.decoder
        self._architecture = {
            "hidden_layer_sizes": tuple(int(width) for width in self.hidden_layer_sizes),
            "encoder": self.encoder if isinstance(self.encoder, nn.Module) else None,
            "decoder": self.decoder if isinstance(self.decoder, nn.Module) else None,
        }
        self.encoder_name_, self.decoder_name_ = student.encoder_name, plan.decoder
        self.encoder_scores_ = student.encoder_scores
        self.loss_curve_ = student.loss_curve
        self.n_iter_ = max(1, len(student.loss_curve))
        self.n_components_ = student.target.shape[1]
        embedding = np.full((X.shape[0], self.n_components_), np.nan, dtype=X.dtype)
        embedding[fitted] = self._latent_scale.unscale(student.target)
        self.embedding_ = embedding
        self._record_left_out(X, fitted, student)
        if plan.calibration == "loo":
            placed = self._latent_scale.unscale(student.Z_loo)
            self._set_calibration("loo", self.loo_distortion_[fitted], placed, fitted)
        else:
            self._calibrate_on(X, held)

    def _record_left_out(self, X, fitted, student):
        self.loo_score_ = self.loo_distortion_ = None
        if student.squared_errors is not None:
            total = self._total_squares(X[fitted])
            self.loo_score_ = r_squared(student.squared_errors.sum(), total)
            self.loo_distortion_ = np.full(X.shape[0], np.nan)
            self.loo_distortion_[fitted] = student.squared_errors / X.shape[1]

    def _calibrate_on(self, X, held):
        if len(held):
            self.embedding_[held] = self._place(X[held])
            scores = self._squared_errors(X[held], self.embedding_[held]) / X.shape[1]
        else:
            scores = np.empty(0)
        self._set_calibration("holdout", scores, self.embedding_[held], held)

    @property
    def _n_features_out(self):
        return self.n_components_

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _embedded_rows(fitted, Z):  # (m,), (m, q) -> (k,), (k, q)
    """Leave out the rows that the teacher did not place."""
    embedded = ~np.isnan(Z).any(axis=1)
    n_left_out = len(Z) - embedded.sum()
    if n_left_out:
        warnings.warn(
            f"{n_left_out} of {len(Z)} rows have NaN coordinates; they are left out of the fit and "
            "stay NaN in embedding_.",
            UserWarning,
            stacklevel=3,
        )
    if embedded.sum() < 2:
        raise ValueError(f"The embedding has {embedded.sum()} rows without NaN; 2 are needed.")
    return fitted[embedded], Z[embedded]
