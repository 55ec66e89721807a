"""What a comparison of embeddings found: one row for each candidate, and how it was found."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from sksubspace.model_selection._export import frame_rows, to_json_text
from sksubspace.model_selection._table import html_table, text_table


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

    teacher_seconds : float
        Mean wall-clock time of a fit of the teacher.

    student_seconds : float
        Mean wall-clock time of the distillation and the scoring.

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

    n_samples : int
        Rows of the data.

    n_features : int
        Columns of the data.

    n_splits : int
        Folds of a repeat; 0 for leave-one-out.

    n_repeats : int
        Repeats, each with folds and teacher seeds of its own.

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

    def __str__(self):
        """Show a table of at most 100 columns, and how to read it."""
        return text_table(self)

    def _repr_html_(self):
        return html_table(self)

    def to_frame(self):
        """Return the rows as a pandas data frame.

        Returns
        -------
        pandas.DataFrame
            One row for each candidate and control, by rank. Hyperparameters are in columns
            ``param_*``, the interval in ``difference_low`` and ``difference_high``.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise ImportError("to_frame needs pandas: pip install pandas.") from error
        return pd.DataFrame(frame_rows(self))

    def to_json(self, path=None, *, timings=True):
        """Return the outcome as JSON, and write it to a file.

        Parameters
        ----------
        path : str, path or None, default=None
            File to write; None writes none.

        timings : bool, default=True
            Whether wall-clock times are in it. Without them two runs give the same bytes.

        Returns
        -------
        str
            Strict JSON: numbers that are not finite are null.
        """
        text = to_json_text(self, timings)
        if path is not None:
            Path(path).write_bytes(text.encode("utf8"))
        return text

    def plot(self, **kwargs):
        """Draw R2 against the hyperparameters, with standard errors.

        Parameters
        ----------
        **kwargs : dict
            Passed to ``TuningCurveDisplay.from_comparison``, such as ``group`` and ``ax``.

        Returns
        -------
        sksubspace.inspection.TuningCurveDisplay
            The picture.
        """
        from sksubspace.inspection import TuningCurveDisplay

        return TuningCurveDisplay.from_comparison(self, **kwargs)

    def to_report(self, path, *, X, **kwargs):
        """Write one self-contained HTML page about the comparison.

        Parameters
        ----------
        path : str or path
            File to write.

        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows that were compared.

        **kwargs : dict
            Passed to `sksubspace.report.write_report`, such as ``y`` and ``X_new``.

        Returns
        -------
        pathlib.Path
            The file.
        """
        from sksubspace.report import write_report

        return write_report(self, path, X=X, **kwargs)
