"""One student of a map, learnt once for everything that is read off it."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import sparse

from sksubspace._parameters import isolated_random_state
from sksubspace._student import (
    FourierRidge,
    LeftOut,
    LinearEncoder,
    MedianEncoder,
    StudentPlan,
    check_groups,
    learn_student,
    student_seed,
)
from sksubspace._student._groups import warn_of_copies, warn_of_series
from sksubspace._validation import in_order_of
from sksubspace.metrics._input import (
    MAX_SAMPLES,
    check_integer,
    check_rows,
    check_same_length,
    sample_rows,
    warn_of_swap,
)

_FEWEST_SAMPLES = 100


@dataclass(frozen=True, eq=False)
class LearntMap:
    """A map whose student has been learnt.

    Attributes
    ----------
    found : LeftOut
        The student, and what it says of rows left out.

    X : {ndarray, CSR matrix} of shape (n_drawn, n_features)
        The rows that have a place.

    Z : ndarray of shape (n_drawn, n_components)
        Their places.

    drawn : ndarray of shape (n_drawn,)
        Their numbers among the caller's rows.

    n_samples : int
        How many rows the caller gave.

    plan : StudentPlan
        What the student is made of.

    seed : int
        It was learnt with.
    """

    found: LeftOut
    X: Any
    Z: np.ndarray
    drawn: np.ndarray
    n_samples: int
    plan: StudentPlan
    seed: int

    def again(self, Z, X=None, groups=None, read=("score", "global_share")):  # (n, q) -> LeftOut
        """Learn other places of the same rows, or a map of other rows, in the same way.

        The rows that are left out, and their groups, are the same; those of other rows are theirs.
        What is read is what controls are for; a reading more is a decoder more.
        """
        known = {"groups": groups}
        if X is None:
            X, known = self.X, {"known": self.found}
        rows = self.found.rows
        return learn_student(self.plan, X, Z, seed=self.seed, rows=rows, read=read, **known)

    def of_all_rows(self, values):  # (m,) -> (n_samples,)
        """Values of the rows that were left out, by the caller's rows; NaN for the others."""
        whole = np.full(self.n_samples, np.nan)
        whole[self.drawn[self.found.rows]] = values
        return whole


def learn_map(
    X,
    Z,
    *,
    student=None,
    groups=None,
    n_neighbors=10,
    max_samples=MAX_SAMPLES,
    random_state=0,
    is_linear=False,
    stacklevel=3,
):
    """Check a map and learn its student; parameters and errors are those of `embedding_score`.

    Parameters
    ----------
    is_linear : bool, default=False
        Whether the decoder may be a line: enough, and quick, for what needs no other.

    stacklevel : int, default=3
        Of warnings; 3 is the caller of the function that calls this one.

    Returns
    -------
    learnt : LearntMap
        Its rows without a place are left out.
    """
    Z, groups = in_order_of(X, Z, "Z"), in_order_of(X, groups, "groups")
    X, Z = _check_input(X, Z, n_neighbors, stacklevel)
    given = None if groups is None else check_groups(groups, X.shape[0])
    drawn = np.flatnonzero(~np.isnan(Z).any(axis=1))
    if len(drawn) < 2:
        raise ValueError(f"Z must have at least 2 rows without NaN, got {len(drawn)}.")
    rows = _rows_to_score(len(drawn), max_samples, random_state)
    plan, seed = _plan_and_seed(student, n_neighbors, random_state)
    if is_linear:
        plan = replace(plan, decoder=FourierRidge(0, scale=1.0))
    n_samples = len(Z)
    if len(drawn) < n_samples:  # a slice of all sparse rows would be a copy
        X, Z = X[drawn], Z[drawn]
        given = None if given is None else check_groups(given[drawn], len(drawn))
    found = learn_student(plan, X, Z, seed=seed, rows=rows, groups=given)
    if groups is None:
        warn_of_copies(found.n_copies, len(drawn), stacklevel=stacklevel + 1)
        warn_of_series(found.rows, found.neighbors, len(drawn), stacklevel=stacklevel + 1)
    return LearntMap(found, X, Z, drawn, n_samples, plan, seed)


def _plan_and_seed(student, n_neighbors, random_state):
    """The student's own plan and seed, or the default ones, which need no torch."""
    if student is None:
        encoders = (LinearEncoder(), MedianEncoder(n_neighbors))
        return StudentPlan(encoders), student_seed(isolated_random_state(random_state))
    if isinstance(student, type) or not hasattr(student, "student_plan"):
        raise TypeError(f"student must be a MEDAL or None, got {student!r}.")
    own, plan = student.random_state, student.student_plan()
    if not plan.has_left_out:
        raise ValueError(
            f"student must have an encoder and a decoder with a leave-one-out form, got {plan}."
        )
    return plan, student_seed(isolated_random_state(random_state if own is None else own))


def _check_input(X, Z, n_neighbors, stacklevel):
    X = check_rows(X, "X", accept_sparse=True)
    Z = check_rows(Z, "Z", allow_nan=True)
    check_same_length(X, Z, "X", "Z")
    warn_of_swap(X, Z, stacklevel=stacklevel + 2)
    if X.shape[0] < 2:
        raise ValueError(f"X must have at least 2 rows, got {X.shape[0]}.")
    check_integer(n_neighbors, "n_neighbors")
    if n_neighbors < 1:
        raise ValueError(f"n_neighbors must be at least 1, got {n_neighbors}.")
    return X if sparse.issparse(X) else np.ascontiguousarray(X), Z


def _rows_to_score(n_samples, max_samples, random_state):
    rows = sample_rows(n_samples, max_samples, random_state)
    if len(rows) < min(_FEWEST_SAMPLES, n_samples):
        raise ValueError(
            f"max_samples must be at least {_FEWEST_SAMPLES}, because the decoder is chosen by the "
            f"rows that are scored, or None for all rows, got {max_samples}."
        )
    return rows
