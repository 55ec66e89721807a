"""One candidate on one split, or on all rows by leave-one-out."""

import threading
import warnings
from concurrent.futures import BrokenExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from time import perf_counter
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.utils import check_array

from sksubspace import metrics
from sksubspace._measures import measures
from sksubspace._state import register
from sksubspace._teachers import seed_teacher
from sksubspace._threads import small_work
from sksubspace.metrics import embedding_score
from sksubspace.metrics._deviance import row_deviances
from sksubspace.model_selection._memory import RememberedTeacher
from sksubspace.model_selection._thin import log_normalized, thin_counts
from sksubspace.neighbors._table import PartNeighbors

METRICS = {name: one for name, one in measures(metrics.__all__).items() if one.is_compared}
# what scikit-learn's trustworthiness takes by default
_N_NEIGHBORS = 5
# the measures compare every drawn test row with every drawn training row
_MOST_QUERIES = 1_000
_MOST_REFERENCES = 20_000
_GO_ON = "With memory= the same call goes on from what was finished."


@dataclass(frozen=True)
class ScoredData:
    """What all candidates are scored on.

    Attributes
    ----------
    X : {ndarray, CSR matrix} of shape (n_samples, n_features)
        Rows.
    y : ndarray of shape (n_samples,) or None
        Labels, for the metrics that look at them.
    metrics : tuple of str
        Further measures of held-out rows.
    digest : str or None
        Hash of X and y; None if nothing is remembered.
    groups : ndarray of shape (n_samples,) or None
        Rows that are left out together, whole numbers; None for none.
    given : bool
        Whether they are the caller's.
    has_counts : bool
        Whether X is counts, half of which are to be scored.
    unseen : {ndarray, CSR matrix} of shape (n_samples, n_features) or None
        That half, where X is what the other half becomes for teachers.
    table : NeighborTable or None
        Neighbours of the rows, for teachers that begin with a search for them.
    """

    X: Any
    y: Any = None
    metrics: tuple = ()
    digest: str | None = None
    groups: Any = None
    given: bool = False
    has_counts: bool = False
    unseen: Any = None
    table: Any = None

    @property
    def key(self):
        """What tells these rows from others where evaluations are remembered."""
        if self.has_counts:
            return self.digest, self.groups, "thinned"
        return self.digest if self.groups is None else (self.digest, self.groups)

    def for_teachers(self, seed):
        """What teachers see, beside what they do not: of counts one half and the other."""
        if not self.has_counts:
            return self
        train, test = thin_counts(self.X, random_state=seed)
        return replace(self, X=log_normalized(train), unseen=test)

    def near(self, rows=None):
        """Neighbours among some rows, None for all, where they are known."""
        if self.table is None:
            return None
        return PartNeighbors(self.table, np.arange(self.X.shape[0]) if rows is None else rows)

    def groups_of(self, rows):
        """Groups of some rows, or None."""
        return None if self.groups is None else self.groups[rows]


@dataclass(frozen=True)
class Split:
    """Row numbers of the training and the test rows, and the `random_state` of MEDAL."""

    train: np.ndarray
    test: np.ndarray
    seed: int


@register
@dataclass(frozen=True)
class Evaluation:
    """What came of one candidate on one split, or on all rows with one seed.

    Attributes
    ----------
    score, placement_r2 : float
        R2 of the data, and of the encoder's left-out coordinates.
    encoder : str
        The encoder that was taken.
    embedding : ndarray of shape (n_train, n_components) or None
        Of the training rows.
    metrics : dict of str to float
        Further measures.
    distortion : ndarray of shape (n_samples,) or (n_test,) or None
        Mean squared error of each row that was left out.
    squares : ndarray of shape (n_samples,) or None
        By leave-one-out, the mean squared distance of each row from the mean.
    teacher_seconds, student_seconds : float
        Wall-clock times.
    continuous, global_share : float
        R2 at the mean place of the neighbours, and that of a linear decoder over that of as many
        principal components.
    n_components : int
        Dimension of the map.
    error : str
        What went wrong.
    warnings : tuple of (str, type, str, int)
        What was warned of, and where, for the caller to repeat once.
    """

    score: float = np.nan
    placement_r2: float = np.nan
    encoder: str = ""
    embedding: Any = None
    metrics: dict = field(default_factory=dict)
    distortion: Any = None
    squares: Any = None
    teacher_seconds: float = np.nan
    student_seconds: float = np.nan
    continuous: float = np.nan
    global_share: float = np.nan
    n_components: int = 0
    error: str = ""
    warnings: tuple = ()


def evaluate_split(data, teacher, student, split, store, task):
    """Score ``MEDAL(teacher, random_state=seed).fit(X[train])`` on the test rows of a split.

    What is to be kept goes into the store; the task reports the progress.
    """
    seeds = {"random_state": split.seed}
    key = clone(student).set_params(teacher=teacher, **seeds)
    stand_in = RememberedTeacher(teacher, store, near=data.near(split.train))
    medal = clone(student).set_params(teacher=stand_in, keep_teacher=True, **seeds)

    def compute():
        return _fit_and_score(medal, data, split, task)

    parts = (data.key, key, split.train, split.test, data.metrics)
    remembered = partial(store.remember, "splits", lambda: parts, compute)
    return _guarded(remembered, teacher, task)


def evaluate_permuted(data, student, split, embedding, task):
    """Score an embedding of the training rows that was dealt to them at random.

    An R2 well above 0 would mean that the score can be had without the embedding.
    """
    dealt = np.random.RandomState(split.seed).permutation(embedding)
    medal = clone(student).set_params(teacher="precomputed", random_state=split.seed)

    def compute():
        with warnings.catch_warnings():
            # it was drawn with the training rows alone in view
            warnings.filterwarnings("ignore", message="A precomputed embedding was drawn")
            return _fit_and_score(medal, data, split, task, embedding=dealt)

    return _guarded(compute, medal, task)


def evaluate_whole(data, teacher, student, seed, store, task):
    """Score the embedding of all rows by leave-one-out, with `distortion` and `squares` of each.

    Teacher and student get the seed where they have none.
    """
    teacher, medal = seeded_pair(teacher, student, seed)
    parts = (data.key, teacher, medal)

    def compute():
        return _embed_and_score(data.for_teachers(seed), teacher, medal, store, task)

    return _guarded(partial(store.remember, "whole", lambda: parts, compute), teacher, task)


def evaluate_whole_permuted(data, student, seed, embedding, task):
    """Score an embedding that was dealt to all rows at random, by leave-one-out."""
    dealt = np.random.RandomState(seed).permutation(embedding)
    medal = clone(student).set_params(random_state=seed)

    def compute():
        with task.around():
            return _score_whole(data.for_teachers(seed), dealt, medal)

    return _guarded(compute, student, task)


def seeded_pair(teacher, student, seed):
    """The teacher, and the student that learns from it, as the chosen one will be fitted."""
    teacher = seed_teacher(clone(teacher, safe=False), seed)
    return teacher, clone(student).set_params(random_state=seed)


def _fit_and_score(medal, data, split, task, embedding=None):
    start = perf_counter()
    fit_params = {} if embedding is None else {"embedding": embedding}
    with task.around(medal):
        medal.fit(data.X[split.train], groups=data.groups_of(split.train), **fit_params)
    found = medal.score_readings(data.X[split.test], per_row=True)
    seconds = perf_counter() - start
    teacher = medal.teacher_
    return Evaluation(
        score=float(found["r2"]),
        placement_r2=float(medal.encoder_scores_.get(medal.encoder_name_, np.nan)),
        encoder=medal.encoder_name_,
        embedding=medal.embedding_,
        metrics=_held_out_metrics(medal, data, split),
        distortion=found["squared_errors"] / data.X.shape[1],
        teacher_seconds=teacher.seconds_ if teacher else np.nan,
        student_seconds=seconds - (teacher.elapsed_ if teacher else 0),
        continuous=found["continuous"],
        global_share=found["global_share"],
        n_components=medal.embedding_.shape[1],
    )


def _held_out_metrics(medal, data, split):
    """Measures of test rows against training rows, both subsampled where there are many."""
    if not data.metrics:
        return {}
    rng = np.random.RandomState(split.seed)
    placed = np.flatnonzero(np.isfinite(medal.embedding_).all(axis=1))
    near, test = _drawn(placed, _MOST_REFERENCES, rng), _drawn(split.test, _MOST_QUERIES, rng)
    train = split.train[near]
    y, y_train = (None, None) if data.y is None else (data.y[test], data.y[train])
    new = data.X[test], medal.transform(data.X[test]), y
    training = data.X[train], medal.embedding_[near], y_train
    n_neighbors = max(1, min(_N_NEIGHBORS, len(train) // 2))
    return {name: METRICS[name].held_out(new, training, n_neighbors) for name in data.metrics}


def _drawn(rows, most, rng):
    return rows if len(rows) <= most else np.sort(rng.choice(rows, most, replace=False))


def _embed_and_score(data, teacher, medal, store, task):
    with task.around():
        stand_in = RememberedTeacher(teacher, store, keep=True, near=data.near())
        start = perf_counter()
        Z = check_array(stand_in.fit_transform(data.X), ensure_all_finite=False)
        evaluation = _score_whole(data, Z, medal)
        seconds = perf_counter() - start - stand_in.elapsed_
    return replace(evaluation, teacher_seconds=stand_in.seconds_, student_seconds=seconds)


def _score_whole(data, Z, medal):
    """Score a map of all rows: by the counts that it has not seen, or by leave-one-out."""
    if data.unseen is not None:
        deviance, null = row_deviances(
            data.unseen, Z, groups=data.groups, max_samples=_MOST_REFERENCES
        )
        score = 1 - np.nansum(deviance) / np.nansum(null)
        return Evaluation(
            score=float(score), embedding=Z, distortion=deviance, squares=null,
            n_components=Z.shape[1],
        )  # fmt: skip
    score = embedding_score(data.X, Z, student=medal, groups=data.groups, per_row=True)
    return Evaluation(
        score=float(score.r2),
        placement_r2=float(score.placement_r2),
        encoder=score.encoder,
        embedding=Z,
        distortion=score.distortion,
        squares=score.squares,
        continuous=score.continuous,
        global_share=score.global_share,
        n_components=Z.shape[1],
    )


def _guarded(compute, teacher, task):
    """Turn errors into results, and collect warnings; on one thread, whoever else works beside."""
    with collected_warnings() as caught, small_work(0):
        try:
            evaluation = compute()
        except Exception as error:
            if (fault := _fault_of_the_machine(error)) is not None:
                fault.add_note(f"{type(teacher).__name__} is not ranked. {_GO_ON}")
                raise fault  # noqa: B904 (it is the cause of the other)
            evaluation = Evaluation(error=_in_one_line(error, teacher))
        task.skip()
    return replace(evaluation, warnings=tuple(dict.fromkeys(caught)))


def _fault_of_the_machine(error):  # -> error or None
    """What disk, memory or workers did behind an error: it says nothing of a candidate."""
    while error is not None:
        # the last is torch's, on a GPU
        name = type(error).__name__
        if isinstance(error, OSError | MemoryError | BrokenExecutor) or name == "OutOfMemoryError":
            return error
        error = error.__cause__
    return None


@contextmanager
def collected_warnings():
    """Hold warnings back.

    Yields
    ------
    list of (str, type, str, int)
        Filled at the end with message, category, file and line of each.
    """
    found = []
    # filters belong to the process: in threads they are left alone
    if threading.current_thread() is not threading.main_thread():
        yield found
        return
    with warnings.catch_warnings(record=True) as caught:
        yield found
    found += [(str(one.message), one.category, one.filename, one.lineno) for one in caught]


def _in_one_line(error, teacher):
    text = " ".join(str(error).split()) or "no message"
    text = text.replace(RememberedTeacher.__name__, type(teacher).__name__)
    return f"{type(error).__name__}: {text}"
