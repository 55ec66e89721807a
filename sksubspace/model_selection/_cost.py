"""What a comparison takes, estimated before it begins."""

from dataclasses import dataclass

from joblib import effective_n_jobs

from sksubspace._machine import check_memory
from sksubspace._teachers import quadratic_bytes

# CPU seconds of a fit to 2,000 rows, and the exponent with which they grow with the rows: of one
# core, to be read as "about"; benchmarks/validate.py, `protocols`, sets them beside what it took
_ROWS = 2_000
_TEACHERS = {
    "PCA": (0.01, 1.0),
    "TSNE": (7.0, 1.15),
    "UMAP": (2.5, 1.2),
    "OpenTSNE": (4.0, 1.15),
    "Isomap": (2.0, 2.2),
    "SpectralEmbedding": (1.0, 1.6),
    "FixedMap": (0.0, 1.0),
}
_ANY_TEACHER = (4.0, 1.2)
# up to 3,000 rows choose its ridge, so that more take little more
_STUDENT = (1.5, 0.6)


@dataclass(frozen=True)
class Work:
    """Fits that a comparison may come to: all of its splits, whatever a race will spare.

    Attributes
    ----------
    candidates : tuple of Candidate
        What is compared.
    n_ranked, n_samples : int
        Rows to rank on, and all rows.
    n_whole, n_splits : int
        Fits of each to all rows to rank on, and to those of splits.
    """

    candidates: tuple
    n_ranked: int
    n_samples: int
    n_whole: int
    n_splits: int

    @property
    def cpu_seconds(self):
        """CPU seconds of a present core, all in all."""
        ranked = sum(self.fit_seconds(one.teacher, self.n_ranked) for one in self.candidates)
        final = max(self.fit_seconds(one.teacher, self.n_samples) for one in self.candidates)
        return (self.n_whole + self.n_splits) * ranked + final

    def check_memory(self, n_jobs):
        """Refuse a teacher that is quadratic in memory, on rows for which that is too much.

        Raises
        ------
        MemoryError
            With the estimate, and what to do.
        """
        for one in self.candidates:
            rows = f"The candidate {one.name!r} on "
            check_memory(
                quadratic_bytes(one.teacher, self.n_samples), f"{rows}{self.n_samples:,} rows",
                "Leave it out, or give fewer rows.",
            )  # fmt: skip
            at_once = min(effective_n_jobs(n_jobs), max(self.n_whole, self.n_splits))
            check_memory(
                at_once * quadratic_bytes(one.teacher, self.n_ranked),
                f"{rows}{self.n_ranked:,} rows, {at_once} at once,",
                "Take fewer n_jobs, or a smaller max_rows.",
            )

    @staticmethod
    def fit_seconds(teacher, n_rows):
        """CPU seconds of one fit of teacher and student; of the student alone for None."""
        parts = [_STUDENT]
        if teacher is not None:
            parts.append(_TEACHERS.get(type(teacher).__name__, _ANY_TEACHER))
        return sum(seconds * (n_rows / _ROWS) ** power for seconds, power in parts)
