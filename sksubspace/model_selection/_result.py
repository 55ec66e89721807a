"""What a comparison of embeddings found: one row for each candidate, and how it was found."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np


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
        Of the mean, over splits (or over rows and seeds for leave-one-out).

    evidence : {"held-out", "leave-one-out", "definition"}
        Where the score comes from; "definition" for the mean, whose R2 is 0.

    split_scores : tuple of float
        R2 of each split, or of each seed for leave-one-out.

    loo_score : float
        Leave-one-out R2 of the screening; NaN if there was none.

    difference : float
        Score less that of the best candidate, on the same splits or rows.

    difference_interval : tuple of float and float
        Confidence interval of the difference; (NaN, NaN) where it cannot be had.

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

    teacher_seconds, student_seconds : float
        Mean wall-clock time of a fit of the teacher, and of the distillation and scoring.

    error : str
        What went wrong, in one line; empty if nothing did.
    """

    name: str
    group: str
    params: dict
    role: str = "candidate"
    rank: int = 0
    score: float = np.nan
    standard_error: float = np.nan
    evidence: str = "held-out"
    split_scores: tuple = ()
    loo_score: float = np.nan
    difference: float = np.nan
    difference_interval: tuple = (np.nan, np.nan)
    tied: bool = False
    within_one_standard_error: bool = False
    selected: bool = False
    encoder: str = ""
    placement_r2: float = np.nan
    metrics: dict = field(default_factory=dict)
    teacher_seconds: float = np.nan
    student_seconds: float = np.nan
    error: str = ""


@dataclass(frozen=True)
class EmbeddingComparison:
    """The outcome of `compare_embeddings`.

    Attributes
    ----------
    results : tuple of CandidateResult
        Candidates and controls, by rank.

    method : {"loo", "cv", "auto"}
        How the candidates were scored.

    select : {"one_std_err", "best"}
        The rule of choice.

    order : tuple of str
        Names of the candidates, simplest first: the order in which the rule prefers them.

    confidence : float
        Level of the intervals.

    n_samples, n_features : int
        Size of the data.

    n_splits, n_repeats : int
        Folds of a repeat, and repeats; each repeat has folds and a teacher seed of its own.

    random_state : int
        What repeats the comparison.

    versions : dict of str to str
        Versions of Python and of the packages that the numbers depend on.

    best_name_ : str
        Name of the chosen candidate.

    best_estimator_ : MEDAL
        Fitted on all rows with the chosen teacher.
    """

    results: tuple
    method: str
    select: str
    order: tuple
    confidence: float
    n_samples: int
    n_features: int
    n_splits: int
    n_repeats: int
    random_state: int
    versions: dict
    best_name_: str
    best_estimator_: Any = field(repr=False)
