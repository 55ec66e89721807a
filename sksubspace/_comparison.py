"""What a comparison of embeddings is, as data: its rows, their order, the choice, and the words."""

from collections import defaultdict
from dataclasses import dataclass, field, replace
from numbers import Real
from typing import Any

import numpy as np

MEAN = "Mean (control)"
PERMUTED = "Permuted (control)"

# of ten natural maps (PCA, t-SNE, UMAP, Isomap, spectral) of three sets the lowest share was .80;
# of maps cut into tiles or cells, or fallen into fragments, the highest .72: benchmarks/student.py
TORN_BELOW = 0.75

# what is said of the readings and of the remarks, wherever a table is shown
HELP = {
    "continuous": "R2 where each row is put at the mean place of its ten neighbours, as a share of "
    "R2; under .75 the map is torn",
    "global": "R2 of a linear decoder over that of as many principal components",
    "lost": "R2 of folds of single rows less this R2: what the rows of a group say of each other",
    "dropped": "its errors on the first folds were larger than those of the best beyond chance; it "
    "was spared the others, and its R2 is that of the best less the difference",
    "loo only": "too far behind by leave-one-out to be confirmed; its R2 is not one of unseen rows",
    "torn": "its pieces say where a row is, not what is beside it; not chosen while a map that is "
    "not torn is tied with it",
    "optimistic": "a map as it was given, which cannot be drawn anew: its R2 is by leave-one-out, "
    "with all rows in view. So it stands below maps that were drawn without the rows that they are "
    "scored by, however high that R2; a difference with an interval is by leave-one-out of both, "
    "and compares. Not chosen while a map that can be drawn anew is tied with it, or confirmed",
}


# ---- a row ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class CandidateResult:
    """One row of a comparison.

    Attributes
    ----------
    name : str
        Unique, such as "UMAP (n_neighbors=15)".

    group : str
        What it is a setting of, such as "UMAP": candidates of a group share a tuning curve.

    params : dict of str to object
        The hyperparameters that distinguish it within its group.

    role : {"candidate", "control"}
        Controls are never chosen.

    rank : int
        1 for the best. Confirmed candidates come first, the others by their score.

    score : float
        Mean R2; NaN if the candidate failed.

    standard_error : float
        Of the score, over the rows of a repeat (and over seeds for leave-one-out): repeats test the
        same rows again.

    evidence : {"held-out", "leave-one-out", "thinned", "definition"}
        Where the score comes from; "thinned" for D2 of counts that the map has not seen,
        "definition" for the mean, whose score is 0.

    split_scores : tuple of float
        R2 of each split, or of each seed for leave-one-out.

    loo_score : float
        Leave-one-out R2 of the screening; NaN if there was none.

    difference : float
        Score less that of the best candidate, on the same splits or rows.

    difference_interval : tuple of float and float
        Confidence interval of the difference, one of intervals that hold for all pairs of
        candidates at once; (NaN, NaN) where it cannot be had.

    tied : bool
        Whether the interval contains zero; the best is tied with itself.

    within_one_standard_error : bool
        Whether the score is at least the best less its standard error.

    selected : bool
        Whether this candidate was chosen.

    encoder : str
        The encoder that MEDAL took, most often over the splits.

    placement_r2 : float
        Mean R2 of the encoder's left-out coordinates against the teacher's.

    metrics : dict of str to float
        Means of further measures of held-out rows, such as "trustworthiness".

    teacher_seconds : float
        Mean wall-clock time of a fit of the teacher.

    student_seconds : float
        Mean wall-clock time of the distillation and the scoring.

    error : str
        What went wrong, in one line; empty if nothing did.

    continuous : float
        Mean R2 where each row is put at the mean place of its ten neighbours instead of their
        median. A map of which less than 0.75 of the score is left is torn.

    global_share : float
        Mean R2 of a linear decoder over that of as many principal components: what the arrangement
        of the whole map says.

    n_components : int
        Dimension of the map; 0 where it is not known.

    lost_to_groups : float
        R2 of folds of single rows less the score, where groups were given: what the rows of a group
        say of each other; NaN else.

    is_fixed : bool
        Whether it is a map that was handed over as it is. Its score is by leave-one-out, whatever
        those of the others are.

    dropped_after : int
        Splits after which it was dropped from the race, because its errors were larger than those
        of the best beyond chance; 0 for one that ran them all. Its score is that of the best less
        the difference on the splits that both have.
    """

    name: str
    group: str
    params: dict[str, Any]
    role: str = "candidate"
    rank: int = 0
    score: float = np.nan
    standard_error: float = np.nan
    evidence: str = "held-out"
    split_scores: tuple[float, ...] = ()
    loo_score: float = np.nan
    difference: float = np.nan
    difference_interval: tuple[float, float] = (np.nan, np.nan)
    tied: bool = False
    within_one_standard_error: bool = False
    selected: bool = False
    encoder: str = ""
    placement_r2: float = np.nan
    metrics: dict[str, float] = field(default_factory=dict)
    teacher_seconds: float = np.nan
    student_seconds: float = np.nan
    error: str = ""
    continuous: float = np.nan
    global_share: float = np.nan
    n_components: int = 0
    lost_to_groups: float = np.nan
    is_fixed: bool = False
    dropped_after: int = 0


def continuous_share(row):
    """What is left of the score at the mean place; NaN where nothing is to be shared."""
    return row.continuous / row.score if row.score > 0 else np.nan


def is_torn(row):
    """Whether a map consists of pieces that name their rows; unknown counts as whole."""
    return row.role == "candidate" and continuous_share(row) < TORN_BELOW


def interval_of(row):
    """The interval of the difference from the best; None for the best, and where it is unknown."""
    low, high = row.difference_interval
    return (low, high) if np.isfinite([low, high]).all() and low < high else None


# ---- order and choice ----------------------------------------------------------------------------


def rivals(rows):
    """Candidates that may be the best: with a score, confirmed if any is, controls never."""
    alive = _with_score(rows)
    confirmed = [row for row in alive if row.evidence == "held-out" and not row.dropped_after]
    return confirmed or alive


def _with_score(rows):
    return [row for row in rows if row.role == "candidate" and np.isfinite(row.score)]


def best(rows):
    """Return the candidate that the others are measured against; None if all failed."""
    return max(rivals(rows), key=lambda row: row.score, default=None)


def within_one_standard_error(row, first):
    """Whether a score is at least that of the first less its standard error."""
    same_evidence = row.evidence in (first.evidence, "definition")
    if row.dropped_after:
        return False
    return same_evidence and bool(row.score >= first.score - np.nan_to_num(first.standard_error))


def choose(rows, select, order):  # -> str
    """Name the best, or the simplest that is tied with it, by the rule `select`.

    With "one_std_err", the simplest within one standard error of it. It is chosen among the maps
    that are whole, and among those that can be drawn anew, where one of them is tied with the best.
    `order` has the names, simplest first.
    """
    eligible = rivals(rows)
    whole = [row for row in eligible if not is_torn(row)]
    # the best is tied with itself: if it is whole, torn maps are left out; if it is torn, it gives
    # way to the whole ones as soon as the data do not tell one of them apart from it
    if any(row.tied for row in whole):
        eligible = whole
    # and a map that cannot be drawn anew, to ones that can
    if any(row.tied for row in eligible if not row.is_fixed):
        eligible = [row for row in eligible if not row.is_fixed]
    first = best(eligible)
    good = {
        "best": lambda row: row is first,
        "simplest": lambda row: row is first or row.tied,
        "one_std_err": lambda row: within_one_standard_error(row, first),
    }[select]
    names = {row.name for row in eligible if good(row)}
    return next(name for name in order if name in names)


def in_order(rows):
    """Sort rows by score, best first.

    Candidates that are known by leave-one-out alone come after those confirmed; so do the mean and
    the permuted control, unless they beat one of them. Failures come last.
    """
    least = min((row.score for row in rows if _is_confirmed(row)), default=np.inf)

    def key(row):
        first = _is_confirmed(row) or (_is_floor(row) and row.score > least)
        return not np.isfinite(row.score), not first, -np.nan_to_num(row.score)

    return sorted(rows, key=key)


def ranked(rows, chosen):
    """Sort rows, number them, and mark the one of the chosen name."""
    return tuple(
        replace(row, rank=place, selected=row.name == chosen)
        for place, row in enumerate(in_order(rows), start=1)
    )


def _is_confirmed(row):
    return row.evidence == "held-out" and np.isfinite(row.score) and not _is_floor(row)


def _is_floor(row):
    return row.role == "control" and row.name in (MEAN, PERMUTED)


def not_told_from_control(rows):  # -> str
    """Say that the best is tied with a control, that tells nothing; empty if it is not."""
    tied = [row.name for row in rows if _is_floor(row) and row.tied]
    if not tied:
        return ""
    return (
        f"The best map is not told apart from {' and '.join(tied)}: there are too few rows, or the "
        "maps say nothing of new ones. No choice among them is founded."
    )


# ---- what can be tuned ---------------------------------------------------------------------------


def is_number(value):
    """Whether a hyperparameter can stand on an axis."""
    return isinstance(value, Real) and not isinstance(value, bool) and bool(np.isfinite(value))


def tunable(rows):  # -> dict of str to (rows, str or None)
    """Candidates that have a score by group, with the number that varies most within it."""
    groups = defaultdict(list)
    for row in rows:
        if row.role == "candidate" and np.isfinite(row.score):
            groups[row.group].append(row)
    return {group: (members, _varying_number(members)) for group, members in groups.items()}


def _varying_number(members):
    values = defaultdict(set)
    for member in members:
        for name, value in member.params.items():
            values[name].add(value if is_number(value) else None)
    counts = {
        name: len(found)
        for name, found in values.items()
        if None not in found and len(found) > 1 and all(name in one.params for one in members)
    }
    return max(counts, key=counts.get) if counts else None


# ---- words ---------------------------------------------------------------------------------------


def question(comparison):
    """Say in one line what was compared, and how."""
    size = f"{comparison.n_samples:,} rows x {comparison.n_features:,} features"
    scored = scored_on(comparison)
    return f"Which map can be trusted? {size}; {scored}; seed {comparison.random_state}"


def scored_on(comparison):
    """Say which rows the scores are of."""
    repeats, several = comparison.n_repeats, "s" * (comparison.n_repeats > 1)
    folds = f"held-out rows of {comparison.n_splits} folds x {repeats} repeat{several}"
    scored = {
        "cv": folds,
        "loo": f"leave-one-out, {repeats} teacher seed{several}",
        "thin": f"counts that the map has not seen, cut in two {repeats} time{several}",
        "auto": f"leave-one-out, then {folds}",
    }[comparison.method]
    if not 0 < comparison.n_ranked < comparison.n_samples:
        return scored
    return f"{scored}, of {comparison.n_ranked:,} rows that were drawn"


def rule(comparison):
    """Say which candidate is chosen."""
    return {
        "simplest": "the simplest that is tied with the best",
        "one_std_err": "the simplest within one standard error of the best",
        "best": "the best",
    }[comparison.select]


def level(comparison):
    """Name the intervals."""
    return f"{100 * comparison.confidence:g} % interval (of all pairs at once)"


def score_name(rows):
    """Name the scores by where they come from."""
    if any(row.evidence == "thinned" for row in rows):
        return "deviance explained D²"
    screened = all(row.evidence != "held-out" for row in rows)
    return "leave-one-out R²" if screened else "held-out R²"


def is_only_screened(row, rows):
    """Whether a score is by leave-one-out where that of others is of held-out rows."""
    return row.evidence == "leave-one-out" and any(one.evidence == "held-out" for one in rows)


def bracketed(score, row, rows):
    """The text of a score; in brackets where it is not to be read beside those of unseen rows."""
    return f"({score})" if score and is_only_screened(row, rows) else score


def remarks(row, rows):  # -> list of str
    """What is to be said of one of the rows beside its numbers, each in a word or two.

    Of "failed", "chosen", "best", "tie", "control", "dropped", "loo only", "optimistic" and "torn".
    """
    if row.error:
        return ["failed"]
    first = best(rows)
    is_best = first is not None and row.name == first.name
    found = {
        "chosen": row.selected,
        "best": is_best,
        "tie": row.tied and not is_best,
        "control": row.role == "control" and "(control)" not in row.name,
        "dropped": bool(row.dropped_after),
        "loo only": is_only_screened(row, rows) and not row.is_fixed,
        "optimistic": row.is_fixed,
        "torn": is_torn(row),
    }
    return [remark for remark, applies in found.items() if applies]


def explanations(rows):
    """Explain the readings, and the remarks that occur, in a line each."""
    said = {remark for row in rows for remark in remarks(row, rows)}
    read = {
        "continuous": any(np.isfinite(row.continuous) for row in rows),
        "global": any(np.isfinite(row.global_share) for row in rows),
        "lost": knows_groups(rows),
    }
    return [f"{name}: {text}." for name, text in HELP.items() if name in said or read.get(name)]


def knows_groups(rows):
    """Whether the scores are of new groups, beside those of new rows of known ones."""
    return any(np.isfinite(row.lost_to_groups) for row in rows)


def of_the_choice(comparison):
    """Say what the choice is worth; empty where it cannot be known."""
    if not np.isfinite(comparison.best_score_):
        return ""
    score = f"{score_sign(comparison)} {comparison.best_score_:.3f}"
    return f"The chosen map, by rows that it was not chosen by: {score}."


def score_sign(comparison):
    """The sign of the scores in a table."""
    return "D2" if comparison.method == "thin" else "R2"


def dimensions(rows):  # -> list of int
    """Dimensions of the maps of the candidates, ascending: of those that may be, or were, the best.

    One that was dropped may have been so for its dimension alone.
    """
    dropped = [row for row in _with_score(rows) if row.dropped_after]
    return sorted({row.n_components for row in (*rivals(rows), *dropped) if row.n_components})
