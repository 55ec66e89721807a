"""The table of candidates: who is best, and who is as good."""

import numpy as np

from sksubspace.cluster._auto._scores import interquartile_mean, paired_error

__all__ = ["rank"]


def rank(outcomes, spread):
    r"""Sort candidates by their score, and compare each with the best.

    Parameters
    ----------
    outcomes : dict of str to Outcome
        The candidates.

    spread : ndarray of shape (n_samples,)
        Squared distance of each row from the mean of all.

    Returns
    -------
    dict of str to ndarray of shape (n_candidates,)
        The columns that `AutoSubspaceClustering` describes; of equal candidates the first listed
        comes first.
    """
    names = list(outcomes)
    scores = np.array([_score(outcomes[name], spread) for name in names])
    order = np.argsort(np.where(np.isnan(scores), np.inf, -scores), kind="stable")
    ordered = [outcomes[names[index]] for index in order]
    scores, best = scores[order], ordered[0]
    errors = np.array([_error(one, best, spread) for one in ordered])
    difference = scores - scores[0]
    return {
        "name": np.array(names)[order],
        "rank": np.arange(1, len(names) + 1),
        "score": scores,
        "difference": difference,
        "standard_error": errors,
        "tied": difference >= -errors,
        "fit_time": np.array([one.seconds for one in ordered]),
        "n_clusters": np.array([one.n_clusters for one in ordered]),
        "error": np.array([one.error for one in ordered]),
    }


def _score(outcome, spread):
    if outcome.error:
        return np.nan
    seen = ~np.isnan(outcome.residuals)
    total = interquartile_mean(spread[seen])
    return 1 - interquartile_mean(outcome.residuals[seen]) / max(total, np.finfo(float).tiny)


def _error(outcome, best, spread):
    if outcome.error:
        return np.nan
    seen = ~np.isnan(outcome.residuals)
    total = interquartile_mean(spread[seen])
    error = paired_error(outcome.residuals[seen], best.residuals[seen])
    return error / max(total, np.finfo(float).tiny)
