"""What the label of a row says of the labels of its neighbours, in nats."""

import numpy as np

__all__ = ["agreement", "influence", "joint_shares", "normalized", "row_information"]

# of the neighbours of a row: below, most are of other clusters, and the row is doubtful
LEAST_AGREEMENT = 0.5
# an entropy below, in nats, is that of labels that are as good as one
_FLAT = 1e-3


def joint_shares(codes, others, rows, near):  # (n,), (l,), (m,), (m, k) -> (a, b)
    """Share p_ab of the pairs of a row and a neighbour in which the row has label a, the other b.

    `codes` are the labels of rows, `others` those of neighbours, both numbered from 0; `rows` and
    `near` are places in them.
    """
    shape = codes.max() + 1, others.max() + 1
    pairs = codes[rows][:, None] * shape[1] + others[near]
    return np.bincount(pairs.ravel(), minlength=shape[0] * shape[1]).reshape(shape) / pairs.size


def normalized(p):  # (a, b) -> float
    r"""Information over the root of the entropy of the rows' labels; 0 for hardly any entropy.

    .. math:: N = I / \sqrt H, \quad I = \sum_{ab} p_{ab} \log \frac{p_{ab}}{p_{a.} p_{.b}}, \quad
              H = -\sum_a p_{a.} \log p_{a.} .
    """
    entropy = label_entropy(p)
    return float((p * _pointwise(p)).sum() / np.sqrt(entropy)) if entropy >= _FLAT else 0.0


def label_entropy(p):  # (a, b) -> float
    """Entropy H of the labels of the rows."""
    shares = p.sum(axis=1)
    shares = shares[shares > 0]
    return float(-(shares * np.log(shares)).sum())


def row_information(p, codes, rows, near):  # -> (m,)
    r"""r_i, the mean over the neighbours j of row i of :math:`\log p_{ab} / p_{a.} p_{.b}`."""
    return _pointwise(p)[codes[rows][:, None], codes[near]].mean(axis=1)


def influence(p, information, codes):  # (a, b), (m,), (m,) -> (m,)
    r"""What each row adds to N: its derivative by the weight of the row, of mean 0.

    With the information r_i of row i, and :math:`h_i = -\log p_{c_i .}` for its label c_i,

    .. math:: \frac{r_i - I}{\sqrt H} - \frac{I (h_i - H)}{2 H^{3/2}} .
    """
    entropy = label_entropy(p)
    if entropy < _FLAT:
        return np.zeros(len(codes))
    surprise = -np.log(p.sum(axis=1)[codes])
    mean = information.mean()
    first = (information - mean) / np.sqrt(entropy)
    return first - mean * (surprise - entropy) / (2 * entropy**1.5)


def agreement(codes, rows, near):  # -> (m,)
    """Share of the neighbours of each row that have its label."""
    return (codes[rows][:, None] == codes[near]).mean(axis=1)


def _pointwise(p):  # (a, b) -> (a, b)
    """Log p_ab / p_a. p_.b, and 0 where no pair is."""
    expected = p.sum(axis=1, keepdims=True) * p.sum(axis=0, keepdims=True)
    return np.log(np.divide(p, expected, out=np.ones_like(p), where=p > 0))
