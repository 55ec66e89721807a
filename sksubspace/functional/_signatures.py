"""Signatures of piecewise linear paths, in the truncated tensor algebra.

An element 1 + a_1 + ... + a_m of it is a list of its levels above 0: level k is (n, c^k), with the
last letter of a word running fastest. All is done entry by entry, so that no row sees the others.
"""

import numpy as np

__all__ = ["logarithm", "product", "segment", "signature"]

# 2^17 doubles are 1 MiB: what the last level of a block may take, to stay in the cache
_LEVEL_ELEMENTS = 2**17


def signature(path, depth):  # (n, T, c), int -> list of (n, c^k)
    """Levels 1 to `depth` of the signature, the product of those of the segments by Chen."""
    n, n_points, c = path.shape
    found = [np.zeros((n, c**k)) for k in range(1, depth + 1)]
    step = max(1, _LEVEL_ELEMENTS // c**depth)
    for start in range(0, n, step):
        rows = slice(start, start + step)
        levels = [level[rows] for level in found]
        for t in range(1, n_points):
            _go_on(levels, path[rows, t] - path[rows, t - 1])
    return found


def _go_on(levels, e):  # list of (n, c^k), (n, c)
    """S <- S (x) exp(e), in place.

    Level k is S_k + (... (e / k + S_1) (x) e / (k - 1) + ... + S_{k-1}) (x) e. From the last level
    down, as each needs those below it as they were.
    """
    for k in range(len(levels), 0, -1):
        term = e / k
        for i in range(1, k):
            term = _outer(term + levels[i - 1], e / (k - i))
        levels[k - 1] += term


def segment(e, depth):  # (n, c), int -> list of (n, c^k)
    """Signature of a straight line, exp(e): level k is e^{(x) k} / k!."""
    levels = [e]
    for k in range(2, depth + 1):
        levels.append(_outer(levels[-1], e / k))
    return levels


def product(S, T):  # list of (n, c^k), twice -> the same
    """Chen's identity: level k of S (x) T is S_k + T_k + sum_{0<i<k} S_i (x) T_{k-i}."""
    return [
        S[k - 1] + T[k - 1] + sum(_outer(S[i - 1], T[k - i - 1]) for i in range(1, k))
        for k in range(1, len(S) + 1)
    ]


def logarithm(S):  # list of (n, c^k) -> the same
    """Sum x - x^2 / 2 + x^3 / 3 - ..., with x = S - 1, whose j-th power is 0 below level j."""
    found, power = [level.copy() for level in S], S
    for j in range(2, len(S) + 1):
        power = [
            sum((_outer(power[i - 1], S[k - i - 1]) for i in range(1, k)), np.zeros_like(S[k - 1]))
            for k in range(1, len(S) + 1)
        ]
        for level, more in zip(found, power, strict=True):
            level += (-1) ** (j + 1) / j * more
    return found


def _outer(a, b):  # (n, p), (n, q) -> (n, p q)
    return (a[:, :, None] * b[:, None, :]).reshape(len(a), -1)
