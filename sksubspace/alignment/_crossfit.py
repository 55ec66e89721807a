"""Every pair of variates judged on rows that it was not found on, for each shrinkage tried."""

from itertools import combinations
from typing import Any, NamedTuple

import numpy as np

from sksubspace._linalg import place_rows
from sksubspace.alignment._canonical import (
    Spectra,
    add_moments,
    held_out_moments,
    second_moments,
    without_fold,
)
from sksubspace.alignment._likelihood import (
    PairMoments,
    held_out_information,
    own_rank_first,
    row_scores,
)

__all__ = ["CrossFit", "Judged", "chosen_shrinkage"]

# many rows need hardly any shrinkage; with few, directions of small variance are noise
_LEAST, _START, _MOST = 1e-6, 0.1, 10.0


class Judged(NamedTuple):
    """What the variates of one shrinkage are worth on rows left out.

    `moments` (n_pairs, 3, q) are those of `PairMoments`; `match_rate` is None without rows.
    """

    shrinkage: float
    information: float
    match_rate: Any
    moments: Any

    def worth(self):
        rate = 0.0 if self.match_rate is None else self.match_rate
        return rate, self.information


class CrossFit:
    """Folds of rows as moments, with some rows of each fold where there are any.

    Parameters
    ----------
    folds : list of Fold
        Sums over the rows of each fold.
    slices, widths : list of slice, list of int
        Columns of each view, and how many of them vary.
    rows : list of list of (m, d_v), or None
        Rows of each fold, view by view, to be matched.
    origins : list of (d_v,)
        What was taken off before rows were summed up.
    n_components : int or None
        Most pairs of variates.
    """

    def __init__(self, folds, slices, widths, rows, origins, n_components):
        whole = add_moments(folds)
        self.sizes = np.array([fold.n for fold in folds], float)
        self.n_components = n_components
        self.training = [Spectra(without_fold(whole, f), slices, widths) for f in folds]
        self.turned = [
            one.turned(second_moments(fold, one.mean))
            for one, fold in zip(self.training, folds, strict=True)
        ]
        self.rows = None
        if rows is not None:
            self.rows = [
                [
                    place_rows(X, origin + one.mean[part], one.vectors[part, inside])
                    for X, origin, part, inside in zip(
                        views, origins, slices, one.parts, strict=True
                    )
                ]
                for one, views in zip(self.training, rows, strict=True)
            ]

    def judge(self, shrinkage):  # -> Judged
        """Variates of each fold's other rows, on the fold, by the moments of all other folds."""
        weights = [one.pairs(shrinkage, self.n_components) for one in self.training]
        q = min(w.shape[1] for fold in weights for w in fold)
        weights = [[w[:, :q] for w in fold] for fold in weights]
        held_out = [
            held_out_moments(*parts)
            for parts in zip(self.training, self.turned, weights, strict=True)
        ]
        held_out = np.array(held_out)
        found = [self._judge_fold(k, weights[k], held_out) for k in range(len(weights))]
        information, rates = (list(values) for values in zip(*found, strict=True))
        return Judged(
            shrinkage,
            float(np.average(information, weights=self.sizes)),
            None if self.rows is None else float(np.mean(rates)),
            _pooled(held_out, self.sizes),
        )

    def _judge_fold(self, k, weights, held_out):  # -> float, float or None
        others = np.where(np.arange(len(self.sizes)) == k, 0, self.sizes)
        pooled = [PairMoments(*one) for one in _pooled(held_out, others)]
        information = np.mean(
            [held_out_information(one, own) for one, own in zip(pooled, held_out[k], strict=True)]
        )
        if self.rows is None:
            return information, None
        variates = [Z @ w for Z, w in zip(self.rows[k], weights, strict=True)]
        pairs = zip(combinations(variates, 2), pooled, strict=True)
        return information, np.mean([own_rank_first(row_scores(U, V, m)) for (U, V), m in pairs])


def _pooled(held_out, sizes):  # (cv, n_pairs, 3, q), (cv,) -> (n_pairs, 3, q)
    """Moments by rank over folds; a covariance that came out negative says nothing."""
    pooled = np.average(held_out, axis=0, weights=sizes)
    pooled[:, 2] = np.maximum(pooled[:, 2], 0)
    return pooled


def chosen_shrinkage(crossfit):  # CrossFit -> Judged
    """The shrinkage that matches most rows left out; of equal ones the most informative.

    From .1 and .01 on by decades to where it becomes no better, then half a decade around.
    """
    down, up = crossfit.judge(_START / 10), crossfit.judge(_START)
    factor, best = (0.1, down) if down.worth() > up.worth() else (10, up)
    while _LEAST < best.shrinkage * factor * 1.01 and best.shrinkage * factor < _MOST * 1.01:
        further = crossfit.judge(best.shrinkage * factor)
        if further.worth() <= best.worth():
            break
        best = further
    around = [crossfit.judge(best.shrinkage * step) for step in (10**-0.5, 10**0.5)]
    return max([best, *around], key=Judged.worth)
