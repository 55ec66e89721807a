"""A ranking on some of the rows: which, and what settings they can serve."""

import warnings
from dataclasses import dataclass, replace
from numbers import Integral
from typing import Any

import joblib
import numpy as np

from sksubspace._parameters import check_integer
from sksubspace._student._groups import N_NEAREST
from sksubspace._teachers import neighbors_wanted, rows_needed
from sksubspace.model_selection._candidates import FixedMap, pca_control
from sksubspace.model_selection._thin import log_normalized
from sksubspace.neighbors._table import NeighborTable, PartNeighbors

# beneath, folds have too few rows for any neighbourhood
_FEWEST = 50
# what other splitters are taken for
_USUAL_FOLDS = 5


@dataclass(frozen=True)
class FinalFit:
    """What the chosen candidate is fitted to in the end.

    Attributes
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        All rows, as the caller gave them.
    checked : {ndarray, CSR matrix} of shape (n_samples, n_features)
        The same rows.
    groups : ndarray of shape (n_samples,) or None
        Those of the caller, if any were given.
    candidates : tuple of Candidate
        With the maps of all rows.
    table : NeighborTable or None
        Neighbours that are known, of these rows or of a part.
    """

    X: Any
    checked: Any
    groups: Any
    candidates: tuple
    table: Any

    def near(self, teacher):
        """Neighbours of all rows, for a teacher that begins with a search for them."""
        n_near, n_samples = neighbors_wanted(teacher), self.checked.shape[0]
        if not 0 < n_near < n_samples:
            return None
        table = self.table
        if table is None or len(table.indices) < n_samples:
            table = NeighborTable.of(self.checked, n_near)
        return table and PartNeighbors(table, np.arange(n_samples))


def check_max_rows(max_rows, n_samples, cv):
    """Refuse a draw that is none, or that row numbers of all rows do not fit; None draws none."""
    if max_rows is None:
        return
    check_integer(max_rows, "max_rows", _FEWEST)
    if max_rows < n_samples and not isinstance(cv, Integral) and not hasattr(cv, "split"):
        raise ValueError(
            f"cv must be a number of folds or a splitter with max_rows={max_rows}: row numbers of "
            f"all {n_samples} rows are not those of the rows that are drawn."
        )


def drawn(data, max_rows, seed):
    """The data of a random part of the rows, as many as may be, and the numbers of the part.

    All of them, if there are no more.
    """
    n_samples = data.X.shape[0]
    if max_rows is None or max_rows >= n_samples:
        return data, np.arange(n_samples)
    rows = np.sort(np.random.RandomState(seed).choice(n_samples, max_rows, replace=False))
    digest = data.digest and joblib.hash((data.digest, rows))
    return replace(
        data, X=data.X[rows], y=None if data.y is None else data.y[rows], digest=digest
    ), rows


def drawn_maps(candidates, rows, n_samples):
    """The candidates, with the places of some rows alone."""
    if len(rows) == n_samples:
        return candidates
    return tuple(
        replace(one, teacher=FixedMap(one.teacher.places[rows])) if one.is_fixed else one
        for one in candidates
    )


def servable(candidates, n_rows, fewest):
    """Leave out the settings whose neighbourhoods do not fit into the smallest part of a draw.

    Parameters
    ----------
    candidates : tuple of Candidate
        All of them.
    n_rows : int
        Rows of the draw.
    fewest : int
        Rows of the smallest part that a teacher is fitted to.

    Returns
    -------
    tuple of Candidate
        Their settings are never made smaller, since a smaller one is another map.

    Raises
    ------
    ValueError
        If none is left.

    Warns
    -----
    UserWarning
        With the names of those left out.
    """
    needed = {one.name: 0 if one.is_fixed else rows_needed(one.teacher) for one in candidates}
    fitting = tuple(one for one in candidates if needed[one.name] <= fewest)
    if not any(one.role == "candidate" for one in fitting):
        most = min(needed[one.name] for one in candidates if one.role == "candidate")
        raise ValueError(
            f"max_rows must be at least {-(-most * n_rows // fewest)}: of {n_rows} rows a "
            f"training set has {fewest}, and every candidate looks at {most} rows or more."
        )
    left_out = [one.name for one in candidates if one not in fitting]
    if left_out:
        warnings.warn(
            f"max_rows={n_rows} leaves {fewest} rows to train on, too few for the neighbourhoods "
            f"of {', '.join(left_out)}: left out, since a smaller setting is another map.",
            UserWarning,
            stacklevel=4,
        )
    return fitting


def candidates_of_draw(candidates, controls, data, splits, n_samples):
    """The candidates and the linear control; of a draw, those that it can serve."""
    candidates = with_linear_control(candidates, controls, data.X.shape[1])
    n_ranked = data.X.shape[0]
    if n_ranked == n_samples:
        return candidates
    fewest = min((len(one.train) for one in splits), default=n_ranked)
    return servable(candidates, n_ranked, fewest)


def shared_neighbors(data, candidates, method, cv):
    """Neighbours of all rows, if more than one fit begins with a search for them."""
    n_near = max(neighbors_wanted(one.teacher) for one in candidates)
    if not n_near or method == "thin":
        return None
    n_folds = cv if isinstance(cv, Integral) else _USUAL_FOLDS
    n_near = min(max(n_near, N_NEAREST), data.X.shape[0] - 1)
    return NeighborTable.of(data.X, n_near, 1.0 if method == "loo" else 1 - 1 / max(2, n_folds))


def final_fit(X, groups, candidates, everything, table):
    """All rows, as the caller gave them; counts as teachers see them."""
    checked = log_normalized(everything.X) if everything.has_counts else everything.X
    return FinalFit(checked if everything.has_counts else X, checked, groups, candidates, table)


def with_linear_control(candidates, controls, n_features):
    """Append the linear control if controls are wanted and no candidate stands for it."""
    control = pca_control(candidates, n_features) if controls else None
    return candidates if control is None else (*candidates, control)
