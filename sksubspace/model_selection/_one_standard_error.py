"""The one-standard-error rule.

Breiman, Friedman, Olshen and Stone, "Classification and regression trees", 1984, section 3.4.3.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from sksubspace.model_selection._intervals import mean_standard_error


def one_standard_error(
    cv_results: Mapping[str, Any],
    *,
    order: Callable[[dict[str, Any]], Any] | None = None,
    metric: str = "score",
    n_repeats: int = 1,
) -> int:
    r"""Choose the simplest candidate whose score is within one standard error of the best.

    It can be handed to ``GridSearchCV(refit=one_standard_error)``; with other arguments, by
    `functools.partial`.

    Parameters
    ----------
    cv_results : dict of str to array-like of shape (n_candidates,)
        The ``cv_results_`` of a search: "params" and "split0_test_score", "split1_test_score", ...

    order : callable or None, default=None
        Maps the parameters of a candidate (a dict) to something sortable, smallest for the
        simplest. None takes the order of the candidates in the search, simplest first.

    metric : str, default="score"
        Which score, where a search has several.

    n_repeats : int, default=1
        How many of the splits test any row, as of ``RepeatedKFold``: repeats add no rows, so that
        the standard error stays that of one.

    Returns
    -------
    index : int
        Position of the chosen candidate.

    Raises
    ------
    ValueError
        If there are fewer than two splits with that score, no whole number of them in a repeat, or
        no candidate has all of its scores.

    Notes
    -----
    With K folds in each of the repeats, mean score :math:`m_c` and standard deviation :math:`s_c`
    over all splits of candidate c, and b the candidate with the best mean, the choice is the
    simplest c with

    .. math:: m_c \ge m_b - s_b \sqrt{1/K + 1/(K - 1)} .

    The second term is for the training rows that the folds share [2]_. Candidates that failed on
    a split (score NaN) are left out. The rule of one standard error is that of [1]_.

    References
    ----------
    .. [1] Breiman, Friedman, Olshen and Stone, "Classification and regression trees", 1984.
    .. [2] Nadeau and Bengio, "Inference for the generalization error", Machine Learning 52 (2003).

    Examples
    --------
    >>> from sksubspace.model_selection import one_standard_error
    >>> results = {
    ...     "params": [{"n_neighbors": 5}, {"n_neighbors": 15}, {"n_neighbors": 50}],
    ...     "split0_test_score": [0.50, 0.63, 0.64],
    ...     "split1_test_score": [0.52, 0.65, 0.68],
    ... }
    >>> one_standard_error(results)
    1
    >>> one_standard_error(results, order=lambda params: -params["n_neighbors"])
    2
    """
    scores = _split_scores(cv_results, metric)
    mean = scores.mean(axis=1)
    if np.isnan(mean).all():
        raise ValueError(f"No candidate has a {metric!r} on every split.")
    best = np.nanargmax(mean)
    if n_repeats < 1 or scores.shape[1] % n_repeats:
        raise ValueError(
            f"n_repeats must divide the number of splits, {scores.shape[1]}, got {n_repeats!r}."
        )
    error = mean_standard_error(scores[best], n_repeats / scores.shape[1])
    good = np.flatnonzero(mean >= mean[best] - error)
    if order is None:
        return int(good[0])
    return int(min(good, key=lambda index: order(cv_results["params"][index])))


def _split_scores(cv_results, metric):  # -> (n_candidates, n_splits)
    pattern = re.compile(rf"split\d+_test_{re.escape(metric)}")
    columns = [values for name, values in cv_results.items() if pattern.fullmatch(name)]
    if len(columns) < 2:
        raise ValueError(
            f"cv_results must have a {metric!r} on at least 2 splits, got {len(columns)}."
        )
    return np.column_stack(columns).astype(np.float64)
