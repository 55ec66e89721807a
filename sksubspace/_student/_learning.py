"""How a student is learned: places without each row's group, then what comes back from there."""

from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import clone
from sklearn.decomposition import PCA

from sksubspace._ambient import own_settings
from sksubspace._linalg import (
    dense,
    far_centre,
    match_r_squared,
    r_squared,
    row_blocks,
    row_squares,
)
from sksubspace._student._groups import (
    N_NEAREST,
    Forget,
    average_equal_rows,
    default_groups,
    groups_of_equal_rows,
    nearest_of_other_groups,
    nearest_unequal,
    next_door,
    one_of_each,
)
from sksubspace._student._median import MedianEncoder
from sksubspace._student._part import Setting
from sksubspace._student._ridge import FourierRidge
from sksubspace._student._scaling import FeatureScale, LatentScale
from sksubspace._student._student import LeftOut, Student, part_name, share
from sksubspace.neighbors._distances import squared_distances

# what a student says of rows left out: R2, that at mean places, and that of a line
READINGS = ("score", "continuous", "global_share")
# a row and its neighbour next door must leave two groups to be decoded by
_FEWEST_GROUPS = 4
# a ridge penalty that changes no digit that is shown, relative to places of unit radius
_NO_PENALTY = 1e-9


def student_seed(random_state):
    """Draw the one number that seeds a student."""
    return int(random_state.randint(2**31 - 1))


@own_settings()
def learn_student(
    plan, X, Z, *, seed, groups=None, rows=None, stage=None, known=None, read=frozenset(READINGS)
):
    """Learn encoder and decoder from rows and their places, and leave rows out.

    Parameters
    ----------
    plan : StudentPlan
        The parts.

    X : {ndarray, CSR matrix} of shape (n, d)
        Rows, in input units.

    Z : ndarray of shape (n, q)
        Their places.

    seed : int
        Seeds frequencies, subsamples and networks.

    groups : ndarray of shape (n,) or None
        Consecutive integers; None for equal rows and near copies.

    rows : ndarray of shape (m,) or None
        Rows to leave out, ascending; None for all.

    stage : callable or None
        Opens a task of that name for callbacks.

    known : LeftOut or None
        What was learned from the same `X` and `rows` with other places, whose groups, copies,
        neighbours and principal components are taken. None looks for them.

    read : set of str
        Those of `READINGS` that are wanted of rows left out; each is a decoder of its own. Without
        "score" the decoder is a line, and so is the score.

    Returns
    -------
    left_out : LeftOut
        With the student in it.
    """
    # sums over rows round by the order in memory, and callers hand over either
    Z = np.ascontiguousarray(Z)
    random_state = np.random.RandomState(seed)
    rows = np.arange(X.shape[0]) if rows is None else rows
    scale, latent = FeatureScale.of(X, plan.scale), LatentScale.of(Z)
    work = scale.work(X)
    equal = groups_of_equal_rows(work)
    target, n_conflicts = average_equal_rows(latent.scale(Z), equal)
    if known is None:
        groups, n_copies, copies, nearest = _who_is_alike(work, rows, groups, equal)
    else:
        groups, n_copies, copies = known.groups, known.n_copies, known.copies
        nearest = squared_distances(work[rows], work, known.neighbors), known.neighbors
    own = Forget(groups, rows) if copies is None else _with_copies(groups, rows, copies, equal)
    trainer = plan.make_trainer(X.dtype, random_state) if plan.make_trainer else None
    setting = Setting(scale, rows, nearest, trainer, one_of_each(copies))
    parts = _learn_parts(plan, work, target, own, setting, random_state, stage, read)
    mean = scale.unwork(scale.mean)
    parts.release()
    components = known.student.components if known else principal_components(X, Z.shape[1])
    student = Student(
        scale, latent, mean, components, parts.encoder, parts.decoder, parts.mean_decoder,
        parts.line, sparse.issparse(X), seed,
    )  # fmt: skip
    squares = known.squares if known else None
    if parts.errors is not None and squares is None:
        squares = row_squares(X[rows], lambda block: mean)
    return LeftOut(
        student, rows, target, n_conflicts, groups, n_copies, parts.scores, parts.placed,
        parts.errors, squares, *_readings(parts, student, X[rows], squares, scale),
        parts.loss_curve, nearest[1], copies,
    )  # fmt: skip


def _who_is_alike(work, rows, groups, equal):
    """Groups, how many rows are copies without groups, all copies, and the nearest other rows.

    Copies are equal and nearly equal rows of one group: groups of their own where none are given.
    """
    n_nearest, given = min(N_NEAREST, work.shape[0] - 1), groups is not None
    if given and groups.max() + 1 == len(groups):
        return groups, 0, None, nearest_of_other_groups(work[rows], work, n_nearest, rows, groups)
    nearest = nearest_unequal(work, rows, equal)
    copies, n_copies = default_groups(equal, rows, *nearest)
    if given:
        copies, n_copies = np.unique(groups * len(groups) + copies, return_inverse=True)[1], 0
    elif copies.max() < 1:
        raise ValueError(
            "X must have rows that differ: all of them are equal or nearly equal to each other, so "
            "that none is left to place another by."
        )
    else:
        groups = copies
    if copies.max() + 1 == len(copies):
        copies = None
    if given or copies is not None:
        kinds = one_of_each(copies)
        nearest = nearest_of_other_groups(work[rows], work, n_nearest, rows, groups, kinds)
    return groups, n_copies, copies, nearest


def _with_copies(groups, rows, copies, equal):
    """Forget copies with what is next door; equal rows of one group count as one."""
    equal = np.unique(copies * len(copies) + equal, return_inverse=True)[1]
    return Forget(groups, rows, None, copies, equal)


@dataclass
class _Parts:
    """Fitted parts and what they say of rows left out, while a student is made."""

    encoder: Any
    scores: dict
    placed: np.ndarray | None
    loss_curve: list
    decoder: Any = None
    errors: np.ndarray | None = None
    mean_decoder: Any = None
    mean_errors: np.ndarray | None = None
    line: Any = None
    line_errors: np.ndarray | None = None

    def release(self):
        """Let the parts go of the training rows that only `left_out` needs."""
        for part in (self.encoder, self.decoder, self.mean_decoder, self.line):
            if hasattr(part, "released"):
                part.released()


def _learn_parts(plan, X, Z, own, setting, random_state, stage, read):
    open_stage = stage or (lambda name: nullcontext())
    with open_stage("encoder") as task:
        _hand_stage(setting, task)
        if plan.match_weight is not None:
            return _learn_jointly(plan, X, Z, setting)
        parts = _learn_encoder(plan, X, Z, own.groups, setting, random_state)
    with open_stage("decoder") as task:
        _hand_stage(setting, task)
        _learn_decoder(parts, plan, X, Z, own, setting, random_state, read)
    return parts


def _hand_stage(setting, task):
    if setting.trainer is not None:
        setting.trainer.stage = task


def _learn_jointly(plan, X, Z, setting):
    from sksubspace._student._networks import fit_jointly

    (encoder,), decoder = map(clone, plan.encoders), clone(plan.decoder)
    fit_jointly(encoder, decoder, X, Z, plan.match_weight, setting)
    return _Parts(encoder, {}, None, encoder.loss_curve_, decoder=decoder)


def _learn_encoder(plan, X, Z, groups, setting, random_state):
    """Fit the candidates, and take the one with the best left-out coordinates.

    Not the best reconstruction: an encoder that looks at neighbours carries information past a
    smooth teacher and would be preferred for it.
    """
    fitted = [_fit_encoder(one, X, Z, groups, setting, random_state) for one in plan.encoders]
    scores = {}
    for encoder in fitted:
        if hasattr(encoder, "left_out"):
            # the line is judged bare: its correction would be a second local encoder
            placed = getattr(encoder, "left_out_line", encoder.left_out)()
            _check_shape(placed, encoder, "encoder", "left_out()", (len(setting.rows), Z.shape[1]))
            scores[part_name(encoder)] = match_r_squared(placed, Z[setting.rows])
    best = fitted[int(np.argmax([*scores.values()]))] if scores else fitted[0]
    placed = best.left_out() if scores else None
    _check_shape(best.predict(X[:2]), best, "encoder", "predict(X[:2])", (2, Z.shape[1]))
    return _Parts(best, scores, placed, getattr(best, "loss_curve_", []))


def _fit_encoder(encoder, X, Z, groups, setting, random_state):
    encoder = seeded_part(encoder, random_state)
    extra = {"setting": setting} if getattr(encoder, "takes_setting", False) else {}
    return encoder.fit(X, Z, groups, **extra) or encoder


def _learn_decoder(parts, plan, X, Z, own, setting, random_state, read):
    """Fit the decoder, and what it says without a row, its group and the row next door."""
    units, by_line = setting.scale.squared_units, "score" not in read
    can_read = parts.placed is not None and (by_line or hasattr(plan.decoder, "left_out"))
    if can_read:
        parts.line = FourierRidge(0, scale=1.0, penalty=_NO_PENALTY * len(Z))
        parts.line.fit(Z, parts.placed, X, own)
        parts.line_errors = _left_out_errors(parts.line, parts.placed, own, X, units)
    if by_line:
        parts.decoder, parts.errors = parts.line, parts.line_errors
        return
    at, forget = _places_to_choose_by(parts, X, Z, own.groups, setting), own
    if own.groups.max() + 1 >= _FEWEST_GROUPS:
        forget = replace(own, next_door=next_door(at, Z, own))
    decoder = seeded_part(plan.decoder, random_state)
    extra = {"setting": setting} if getattr(decoder, "takes_setting", False) else {}
    parts.decoder = decoder.fit(Z, at, X, forget, **extra) or decoder
    parts.loss_curve = getattr(decoder, "loss_curve_", []) or parts.loss_curve
    _check_shape(decoder.predict(Z[:2]), decoder, "decoder", "predict(Z[:2])", (2, X.shape[1]))
    if not can_read:
        return
    parts.errors = _left_out_errors(decoder, at, forget, X, units)
    if "continuous" in read and hasattr(parts.encoder, "left_out_mean"):
        mean = parts.encoder.left_out_mean()
        parts.mean_decoder = _chosen_at(decoder, Z, mean, X, own)
        parts.mean_errors = _left_out_errors(parts.mean_decoder, mean, own, X, units)


def _places_to_choose_by(parts, X, Z, groups, setting):
    """Left-out places; for a network, which has none, those of the median stand in."""
    if parts.placed is not None:
        return parts.placed
    return MedianEncoder().fit(X, Z, groups, setting).left_out()


def _chosen_at(decoder, Z, at, X, forget):
    """A decoder of the same kind that is chosen at other places."""
    if hasattr(decoder, "chosen_at"):
        return decoder.chosen_at(at, forget)
    other = clone(decoder, safe=False)
    return other.fit(Z, at, X, forget) or other


def _left_out_errors(decoder, at, forget, X, units):  # -> (m,)
    """Sum over features of squared errors at places `at` without the rows to forget."""
    errors = np.empty(len(at))
    order = np.argsort(forget.groups[forget.own], kind="stable")  # groups are solved once
    for block in row_blocks(len(at), n_columns=X.shape[1]):
        here = order[block]
        predicted = decoder.left_out(at[here], forget[here])
        wanted = (len(here), X.shape[1])
        _check_shape(predicted, decoder, "decoder", "left_out(at, forget)", wanted)
        squared = np.square(dense(X[forget.own[here]], np.float64) - predicted)
        errors[here] = squared.sum(axis=1) if units is None else squared @ units
    return errors


def _readings(parts, student, X, squares, scale):  # -> continuous, global_share
    continuous = share_of_line = np.nan
    if parts.mean_errors is not None:
        continuous = r_squared(parts.mean_errors.sum(), squares.sum())
    if parts.line_errors is not None:
        principal = r_squared(student.principal_errors(X).sum(), squares.sum())
        share_of_line = share(r_squared(parts.line_errors.sum(), squares.sum()), principal)
    return continuous, share_of_line


def principal_components(X, n_components):  # (n, d) -> (min(q, n - 1, d), d)
    """Directions of the reference that as many principal components give."""
    n_components = min(n_components, min(X.shape) - sparse.issparse(X))
    if n_components < 1:
        return np.zeros((0, X.shape[1]))
    with np.errstate(invalid="ignore", divide="ignore"):  # explained ratios of constant data
        centre = far_centre(X)
        X = X if centre is None else X - centre
        return PCA(n_components, random_state=0).fit(X).components_


def seeded_part(part, random_state):
    """Copy a part, and draw its `random_state` if it is unset."""
    part = clone(part, safe=False)
    if getattr(part, "random_state", 0) is None:
        part.random_state = int(random_state.randint(2**31 - 1))
    return part


def _check_shape(found, part, role, call, wanted):
    if found is not None and np.shape(found) != wanted:
        raise ValueError(
            f"{role}: {type(part).__name__}.{call} must have shape {wanted}, got {np.shape(found)}."
        )
