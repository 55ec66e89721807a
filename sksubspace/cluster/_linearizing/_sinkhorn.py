r"""The doubly stochastic matrix nearest to similarities, with entropy.

Sander, Ablin, Blondel and Peyré, "Sinkformers: transformers with doubly stochastic attention",
AISTATS 2022; Landa, Coifman and Kluger, "Doubly stochastic normalization of the Gaussian kernel is
robust to heteroskedastic noise", SIAM Journal on Mathematics of Data Science 3 (2021).
"""

import torch

__all__ = ["sinkhorn"]


def sinkhorn(similarities, temperature, *, tol=1e-3, max_iter=100):  # (n, n) -> (n, n)
    r"""Symmetric Sinkhorn's algorithm in the log domain, with one potential.

    Parameters
    ----------
    similarities : Tensor of shape (n, n)
        Symmetric.

    temperature : float
        Weight of the entropy; the smaller, the fewer neighbours a row keeps.

    tol : float, default=1e-3
        Iterations end when every row sums to 1 up to this.

    max_iter : int, default=100
        Most iterations.

    Returns
    -------
    Gamma : Tensor of shape (n, n)
        Symmetric and positive; rows and columns sum to 1. Gradients flow through the iterations.

    Notes
    -----
    With entropy H and temperature :math:`\eta`, Gamma maximises
    :math:`\langle S, \Gamma \rangle + \eta H(\Gamma)` among the doubly stochastic matrices. It
    is :math:`\exp(S_{ij} / \eta + u_i + u_j)`, and the potential u is the fixed point of
    :math:`u \leftarrow \frac12 (u - \log \sum_j \exp(S_{ij} / \eta + u_j))`.
    """
    logits = similarities / temperature
    u = -torch.logsumexp(logits, dim=1) / 2
    for _ in range(max_iter):
        log_sums = u + torch.logsumexp(logits + u, dim=1)
        if log_sums.detach().abs().max() < tol / 2:
            break
        u = u - log_sums / 2
    return torch.exp(logits + u + u[:, None])
