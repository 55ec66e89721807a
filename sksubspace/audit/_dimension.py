"""How many dimensions the audited rows vary in, said beside those of the map."""

import numpy as np

from sksubspace.metrics import intrinsic_dimension
from sksubspace.metrics._input import sample_rows

# rows that are drawn: what they vary in is a line of the audit, and must cost no more than that
MOST_ROWS = 2_000
_FEWEST_ROWS = 16


def dimension_of_rows(X, random_state):  # (n, d) -> float
    """Intrinsic dimension of a draw of rows by their nearest neighbours; NaN for too few rows."""
    rows = X[sample_rows(X.shape[0], MOST_ROWS, random_state)]
    if rows.shape[0] < _FEWEST_ROWS:
        return np.nan
    try:
        return intrinsic_dimension(rows, method="mle")
    except ValueError:  # fewer rows that differ
        return np.nan


def dimension_in_words(audit):  # EmbeddingAudit -> str
    """Say it beside the dimensions of the map; empty where it is not known."""
    dimension = audit.intrinsic_dimension
    if not np.isfinite(dimension):
        return ""
    n_components = audit.embedding.shape[1]
    return (
        f"The data vary in about {dimension:.1f} dimensions, the map in {n_components} (by "
        "neighbours; it chooses nothing)"
    )
