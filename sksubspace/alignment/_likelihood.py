r"""How likely it is that two rows belong together, by the moments of their variates.

Of a pair of variates (u, v) let v_u, v_v and c be the variances and the covariance, taken of rows
that the variates were not found on, and D = v_u v_v - c^2. With both Gaussian

    log p(u, v) / (p(u) p(v)) = -log(D / v_u v_v) / 2
        - (u^2 (v_v / D - 1 / v_u) + v^2 (v_u / D - 1 / v_v) - 2 u v c / D) / 2

and the sum over pairs is the score of two rows. A pair that only fitted the rows has c near zero,
and no say.
"""

from typing import Any, NamedTuple

import numpy as np

__all__ = [
    "PairMoments",
    "csls",
    "own_rank_first",
    "held_out_information",
    "row_scores",
    "scores_of_partners",
]

# of v_u v_v: where one variate is a function of the other, D would be zero
_SMALLEST_DETERMINANT = 1e-12


class PairMoments(NamedTuple):
    """Variances of the variates of two views, and their covariances, clipped at zero.

    Each of shape (q,).
    """

    first: Any
    second: Any
    cross: Any

    def weights(self):  # -> (q,) three times, float
        """Factors of u^2, v^2 and u v in the score, and the constant."""
        v_u, v_v, c = self.first, self.second, self.cross
        D = np.maximum(v_u * v_v - c * c, _SMALLEST_DETERMINANT * v_u * v_v)
        of_u, of_v = (1 / v_u - v_v / D) / 2, (1 / v_v - v_u / D) / 2
        kept = c > 0  # a pair with c = 0 has D = v_u v_v, up to rounding
        log_term = np.log(D[kept] / (v_u[kept] * v_v[kept])).sum()
        return np.where(kept, of_u, 0), np.where(kept, of_v, 0), c / D, -log_term / 2


def row_scores(U, V, moments):  # (n, q), (m, q) -> (n, m)
    """Score of each row of one view with each of the other."""
    of_u, of_v, of_both, constant = moments.weights()
    scores = (U * of_both) @ V.T
    scores += (U * U @ of_u)[:, None]
    scores += V * V @ of_v + constant
    return scores


def scores_of_partners(U, V, moments):  # (n, q), (n, q) -> (n,)
    """Score of each row of one view with that of the same number."""
    of_u, of_v, of_both, constant = moments.weights()
    return (U * U) @ of_u + (V * V) @ of_v + (U * V) @ of_both + constant


def held_out_information(moments, held_out):  # PairMoments, PairMoments -> float
    """Mean score of rows with their own partners, in nats, by the moments of those rows."""
    of_u, of_v, of_both, constant = moments.weights()
    first, second, cross = held_out
    return float(of_u @ first + of_v @ second + of_both @ cross + constant)


def csls(scores, n_neighbors):  # (n, m), int -> (n, m)
    """Twice the score less the mean of the largest of its row and of its column.

    So a row that is near everything is nobody's partner. Conneau, Lample, Ranzato, Denoyer and
    Jegou, "Word translation without parallel data", ICLR 2018.
    """
    by_row, by_column = (_mean_largest(one, n_neighbors) for one in (scores, scores.T))
    return 2 * scores - by_row[:, None] - by_column


def _mean_largest(scores, k):  # (n, m) -> (n,)
    k = min(k, scores.shape[1])
    return np.partition(scores, -k, axis=1)[:, -k:].mean(axis=1)


def own_rank_first(scores):  # (n, n) -> float
    """Share of rows whose own partner has the largest score, of both views; of ties the first."""
    own = np.arange(len(scores))
    return float(np.mean(scores.argmax(axis=1) == own) + np.mean(scores.argmax(axis=0) == own)) / 2
