"""Which rows a comparison by folds trains on, and which it scores."""

import warnings
from numbers import Integral

import numpy as np
from sklearn.model_selection import GroupKFold, KFold, check_cv

from sksubspace.model_selection._evaluate import Split

# a training set must leave two groups beside the one that is left out
_FEWEST_GROUPS = 3


def make_splits(data, cv, n_repeats, seed):
    """Splits of all repeats; the first repeats are the same however many follow."""
    rng, n_samples, splits = np.random.RandomState(seed), data.X.shape[0], []
    for _ in range(n_repeats):
        pairs = _pairs(data, cv, int(rng.randint(2**31 - 1)))
        for train, test in pairs:
            rows = np.arange(n_samples)
            train, test = rows[train], rows[test]
            if data.groups is not None:  # whatever the splitter, copies and groups leave together
                train = train[~np.isin(data.groups[train], data.groups[test])]
            splits.append(Split(train, test, int(rng.randint(2**31 - 1))))
    if data.groups is not None:
        fewest = min(len(np.unique(data.groups[one.train])) for one in splits)
        n_groups = len(np.unique(data.groups))
        if fewest < _FEWEST_GROUPS:
            mend = f"cv={n_groups} leaves out one at a time"
            if n_groups <= _FEWEST_GROUPS:
                mend = f"{_FEWEST_GROUPS + 1} groups are needed"
            raise ValueError(
                f"groups must leave at least {_FEWEST_GROUPS} different ones in every training set "
                f"of cv={cv!r}, but one has {fewest} of {n_groups}; {mend}."
            )
    return tuple(splits)


def loose_splits(data, splits, n_repeats, seed):
    """As many folds of single rows as a repeat has, with the seeds of its students."""
    n_splits = len(splits) // n_repeats
    pairs = _pairs(data, n_splits, seed) if n_splits else ()
    return tuple(Split(*pair, one.seed) for pair, one in zip(pairs, splits[:n_splits], strict=True))


def mean_sizes(splits):
    """Test and training rows of a split, as means."""
    if not splits:
        return np.nan, np.nan
    return tuple(
        float(np.mean([len(getattr(one, name)) for one in splits])) for name in ("test", "train")
    )


def _pairs(data, cv, seed):
    if isinstance(cv, Integral) and not isinstance(cv, bool):
        splitter, groups = _folds_of(data, int(cv), seed), data.groups
    elif not isinstance(cv, str) and (hasattr(cv, "split") or hasattr(cv, "__iter__")):
        splitter, groups = check_cv(cv), data.groups if data.given else None
    else:
        raise TypeError(f"cv must be a number of folds, a splitter or pairs of rows, got {cv!r}.")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The groups parameter is ignored")
        pairs = list(splitter.split(data.X, data.y, groups))
    if len(pairs) < 2:
        raise ValueError(f"cv must give at least 2 splits, got {len(pairs)}.")
    return pairs


def _folds_of(data, n_folds, seed):
    """Folds of rows, or of whole groups."""
    n_samples = data.X.shape[0]
    if not 2 <= n_folds <= n_samples:
        raise ValueError(f"cv must be from 2 to the {n_samples} rows of X, got {n_folds}.")
    if data.groups is None:
        return KFold(n_folds, shuffle=True, random_state=seed)
    n_groups = data.groups.max() + 1
    if n_folds > n_groups:
        raise ValueError(f"cv must be at most the number of groups, {n_groups}, got {n_folds}.")
    return GroupKFold(n_folds, shuffle=True, random_state=seed)
