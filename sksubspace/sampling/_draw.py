"""Rows drawn by scores, with the weights that make weighted sums unbiased."""

import numpy as np


def inclusion_probabilities(scores, n_rows):  # (n,) -> (n,)
    """q_i = min(1, c s_i) with the c by which they sum to `n_rows`."""
    if np.count_nonzero(scores) <= n_rows:
        return (scores > 0).astype(np.float64)
    sure = np.zeros(len(scores), dtype=bool)
    while True:
        rest = scores[~sure].sum()
        q = np.where(sure, 1.0, scores * ((n_rows - sure.sum()) / rest))
        above = (q > 1) & ~sure
        if not above.any():
            return q
        sure |= above


def draw_without_replacement(scores, n_rows, random_state):  # -> (m,), (m,)
    """Rows, each at most once and with probability q_i, and weights 1 / q_i.

    Systematic, in random order: the number of rows is `n_rows` and not only so on average.
    """
    q = inclusion_probabilities(scores, n_rows)
    order = random_state.permutation(len(q))
    edges = np.cumsum(q[order])
    edges[-1] = round(edges[-1])  # what rounding took would cost a row
    passed = np.floor(edges + random_state.uniform())
    rows = np.sort(order[np.diff(passed, prepend=0.0) > 0])
    return rows, 1 / q[rows]


def draw_with_replacement(scores, n_rows, random_state):  # -> (n_rows,), (n_rows,)
    """Independent rows with probability p_i = s_i / sum s, and weights 1 / (n_rows p_i)."""
    p = scores / scores.sum()
    rows = np.sort(random_state.choice(len(p), size=n_rows, p=p))
    return rows, 1 / (n_rows * p[rows])


def projection_rows(Q, random_state):  # (n, r) orthonormal columns -> (r,)
    """Rows of the determinantal point process with kernel QQ': P(S) = det(Q_S)^2.

    One by one, with probability proportional to what of the row is not spanned by those before.
    """
    n, r = Q.shape
    rest = np.einsum("nr,nr->n", Q, Q)
    spanned, rows = np.zeros((n, r)), np.zeros(r, dtype=np.intp)
    for j in range(r):
        rows[j] = i = random_state.choice(n, p=rest / rest.sum())
        towards = (Q @ Q[i] - spanned[:, :j] @ spanned[i, :j]) / np.sqrt(rest[i])
        spanned[:, j] = towards
        rest = np.maximum(rest - towards**2, 0)
        rest[rows[: j + 1]] = 0
    return rows


def draw_by_volume(Q, n_rows, random_state):  # (n, r) -> (n_rows,), (n_rows,)
    """Rows S with probability proportional to det(sum_S q_i q_i' / t_i) prod_S t_i, t leverage.

    r of them from the projection process, the others independently by leverage; weights are
    r / (n_rows t_i). The weighted least-squares solution on S is that of all rows on average.
    """
    r = Q.shape[1]
    if n_rows < r:
        raise ValueError(f"n_rows must be at least the rank, {r}, for 'volume', got {n_rows}.")
    leverage = np.einsum("nr,nr->n", Q, Q)
    first = projection_rows(Q, random_state)
    others = random_state.choice(len(Q), size=n_rows - r, p=leverage / leverage.sum())
    rows = np.sort(np.append(first, others))
    return rows, r / (n_rows * leverage[rows])
