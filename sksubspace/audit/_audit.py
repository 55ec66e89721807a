"""Audit a map: one student, everything that is read off it, and the verdict."""

from numbers import Integral
from typing import Literal

import numpy as np

from sksubspace._parameters import isolated_random_state
from sksubspace._student import student_seed
from sksubspace._typing import ArrayLike, Estimator, Matrix, Names, Planned, Seed
from sksubspace.audit._dimension import dimension_of_rows
from sksubspace.audit._input import check_options, read_input
from sksubspace.audit._panel import deals_in_words, n_panel_steps, read_panel
from sksubspace.audit._result import EmbeddingAudit
from sksubspace.audit._teacher import teacher_text
from sksubspace.audit._verdict import verdict_of
from sksubspace.metrics._learnt import learn_map
from sksubspace.metrics._marks import reliability_of
from sksubspace.model_selection._memory import shaping_versions
from sksubspace.model_selection._progress import check_verbose
from sksubspace.model_selection._steps import StepLines

# besides those of the panel
_N_STEPS = 2


def audit_embedding(
    X: Matrix,
    Z: ArrayLike,
    *,
    y: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    ids: Names | None = None,
    counts: Matrix | None = None,
    teacher: Estimator | str | None = None,
    surrogate: bool = False,
    student: Planned | None = None,
    data_name: str | None = None,
    q: float = 0.05,
    n_jobs: int | None = None,
    random_state: Seed = 0,
    verbose: bool | Literal["auto"] = "auto",
) -> EmbeddingAudit:
    r"""Say which readings of a map are licensed, for which rows, and for which groups.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        The data that the map is to be held against, best the matrix that it was drawn from.

    Z : array-like of shape (n_samples, n_components)
        The map, by whatever method. A data frame is brought into the order of X by its index. Rows
        with NaN count as not drawn.

    y : array-like of shape (n_samples,) or None, default=None
        Clusters or classes to read by. Missing ones are the group "missing".

    groups : array-like of shape (n_samples,) or None, default=None
        What rows belong to, such as a donor; rows of a group are left out together.

    ids : sequence of str or None, default=None
        Names of the rows; None takes the index of X, or counts.

    counts : {array-like, sparse matrix} of shape (n_samples, n_genes) or None, default=None
        Raw counts of the same rows, to be explained by the map. A map that was drawn from them has
        seen their noise: with `teacher` they are cut in two as well (see
        :func:`sksubspace.model_selection.thin_counts`), a map is drawn of the logarithms of one
        half, and the other half is what it explains.

    teacher : object with ``fit_transform``, str or None, default=None
        What drew the map. It is drawn again with other seeds and settings, and of halves of
        `counts`; nothing else needs it.

    surrogate : bool, default=False
        Whether to let the teacher draw Gaussian data of the same covariance too, as a control.

    student : MEDAL or None, default=None
        Whose encoder, decoder and units read the map; None for those of ``MEDAL()``.

    data_name : str or None, default=None
        What X is, such as "50 principal components", for the verdict and the methods text.

    q : float, default=0.05
        Share of the rows called reliable that may be so by chance.

    n_jobs : int or None, default=None
        Maps of the teacher that are drawn at the same time.

    random_state : int, RandomState instance or None, default=0
        Seeds all that is drawn. None draws a number, which the result holds.

    verbose : {"auto", True, False}, default="auto"
        Whether two lines on a terminal, or in a notebook that has ipywidgets, say what is done and
        for how long; they go when it ends. "auto" shows them after 20 seconds, if rich is
        installed; True from the start. Where output goes to a file or a pipe nothing is written.

    Returns
    -------
    audit : EmbeddingAudit
        ``print(audit)`` gives the verdict, ``audit.rows`` a mark for each row.

    Raises
    ------
    TypeError
        If Z is sparse, X or Z is an annotated container, or a parameter is not of its kind.

    ValueError
        If X or Z is not a table of numbers, X is not finite, all points of Z are equal, the numbers
        or the names of rows differ, there are fewer than three groups, or a number is out of its
        range.

    Warns
    -----
    UserWarning
        If more than 1 % of the rows are copies of others, or neighbours in the table are neighbours
        in the data, and no groups are given.

    See Also
    --------
    sksubspace.metrics.embedding_reliability : The marks of the rows alone.
    sksubspace.model_selection.compare_embeddings : Another map, and whether it is better.

    Notes
    -----
    An encoder and a decoder are learned from the map once. What comes back of rows that are left
    out says what the map tells, see :func:`sksubspace.metrics.embedding_score`; the same numbers of
    maps without that meaning stand beside it. Where there are more than 10,000 rows, as many are
    drawn to be left out.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.manifold import TSNE
    >>> from sksubspace import audit_embedding
    >>> X, y = load_digits(n_class=4, return_X_y=True)
    >>> X, y = X[:200], y[:200]
    >>> audit = audit_embedding(X, TSNE(random_state=0).fit_transform(X), y=y)
    >>> audit.verdict[0].answer
    'yes'
    """
    check_options(q, surrogate, teacher)
    check_verbose(verbose)
    given = read_input(X, Z, y=y, groups=groups, ids=ids, counts=counts, teacher=teacher)
    seed = _seed_of(random_state)
    with StepLines("auditing", _N_STEPS + n_panel_steps(given), verbose) as steps:
        steps.begin("an encoder and a decoder of the map")
        learnt = learn_map(
            given.X, given.Z, student=student, groups=given.groups, random_state=seed,
            stacklevel=3,
        )  # fmt: skip
        is_drawn = np.zeros(learnt.n_samples, dtype=bool)
        is_drawn[learnt.drawn] = True
        steps.begin("which rows stand where they belong")
        reliability = reliability_of(
            learnt.found, learnt.X, learnt.Z, is_drawn=is_drawn, y=given.labels, q=q,
            random_state=seed,
        )  # fmt: skip
        panel = read_panel(
            learnt, given, steps, surrogate=surrogate, n_jobs=n_jobs, random_state=seed
        )
    embedding = np.full((learnt.n_samples, learnt.Z.shape[1]), np.nan)
    embedding[learnt.drawn] = learnt.Z
    return EmbeddingAudit(
        verdict=verdict_of(panel, reliability, q),
        panel=panel,
        reliability=reliability,
        ids=given.ids,
        embedding=embedding,
        data_name=data_name or "the data",
        label_name=given.label_name,
        group_name=given.group_name,
        n_features=learnt.X.shape[1],
        intrinsic_dimension=dimension_of_rows(learnt.X, seed),
        settings=_facts_of(learnt, reliability, given, q=q, seed=seed),
        versions=shaping_versions(),
    )


def _seed_of(random_state):
    """A number that repeats the audit."""
    if isinstance(random_state, Integral) and not isinstance(random_state, bool):
        return int(random_state)
    return student_seed(isolated_random_state(random_state))


def _facts_of(learnt, reliability, given, *, q, seed):
    """What the numbers depend on, besides the data."""
    return {
        "random_state": seed,
        "q": float(q),
        "n_drawn": len(learnt.drawn),
        "n_left_out": len(learnt.found.rows),
        "n_places": reliability.n_places,
        "n_searched": reliability.n_searched,
        "n_copies": reliability.n_copies,
        "islands_dealt": deals_in_words(len(learnt.drawn)),
        "encoder": type(learnt.found.student.encoder).__name__,
        "has_groups": given.groups is not None,
        "teacher": None if given.teacher is None else teacher_text(given.teacher),
    }
