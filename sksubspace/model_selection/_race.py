"""Which candidates of a comparison can be spared the splits that are left."""

import numpy as np
from scipy import stats

# of R2: a simpler candidate so far behind, beyond chance, is not going to be tied with the best
_FAR = 0.05
# one-sided: who is dropped by chance was nearly as good; benchmarks/intervals.py, `race`, has what
# six equal maps lose by it
_CONFIDENCE = 0.95


def lower_bound(differences, groups):  # (m,), (m,) -> float
    r"""Lower bound of a mean whose entries belong together in groups.

    Parameters
    ----------
    differences : ndarray of shape (m,)
        Squared errors of a candidate less those of another, of the same rows.
    groups : ndarray of shape (m,)
        Numbers that entries share which are no evidence of their own: those of a row that is tested
        in several repeats, or of rows of a group.

    Returns
    -------
    float
        :math:`\bar d - t_{.95, G-1} \sqrt{G/(G-1)} \, \sqrt{\sum_g s_g^2} / m` with
        :math:`s_g` the sum of :math:`d_i - \bar d` over group g; minus infinity for one group.
    """
    mean = differences.mean()
    _, numbers = np.unique(groups, return_inverse=True)
    sums = np.bincount(numbers, differences - mean)
    n_groups = len(sums)
    if n_groups < 2:
        return -np.inf
    error = np.sqrt(n_groups / (n_groups - 1) * np.square(sums).sum()) / len(differences)
    return float(mean - stats.t.ppf(_CONFIDENCE, n_groups - 1) * error)


def still_running(found, names, splits, groups, simpler):
    """Names of the candidates that may yet be chosen.

    Parameters
    ----------
    found : dict of str to sequence of Evaluation
        Of the first splits, those of each of `names`.
    names : sequence of str
        Who has run so far.
    splits : sequence of Split
        The splits, of which the first have been run.
    groups : ndarray of shape (n_samples,)
        Rows that are no evidence of their own.
    simpler : callable
        ``simpler(name, leader)`` says whether the rule of choice prefers the first as soon as the
        two are tied.

    Returns
    -------
    list of str
        Those whose errors are not larger than the leader's beyond chance; of simpler ones, not by
        more than .05 of R2. A candidate that failed is not among them.
    """
    alive = [name for name in names if not any(one.error for one in found[name])]
    if not alive:
        return []
    errors = {name: np.concatenate([one.distortion for one in found[name]]) for name in alive}
    r2 = {name: np.mean([one.score for one in found[name]]) for name in alive}
    leader = max(alive, key=r2.get)
    tested = groups[np.concatenate([one.test for one in splits[: len(found[leader])]])]
    far = _FAR * errors[leader].mean() / max(1 - r2[leader], _FAR)

    def may_win(name):
        bound = lower_bound(errors[name] - errors[leader], tested)
        return bound <= (far if simpler(name, leader) else 0)

    return [name for name in alive if name == leader or may_win(name)]
