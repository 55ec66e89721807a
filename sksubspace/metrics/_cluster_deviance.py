"""How much of the deviance of counts the mean rates of clusters explain."""

import numpy as np
from scipy import sparse

from sksubspace._typing import ArrayLike, Matrix
from sksubspace._validation import check_counts, check_labels, in_order_of
from sksubspace.metrics._input import check_same_length


def cluster_deviance_explained(
    counts: Matrix, labels: ArrayLike, *, train: Matrix | None = None
) -> float:
    r"""Score clusters by the share of the Poisson deviance of counts that their mean rates explain.

    Parameters
    ----------
    counts : {array-like, sparse matrix} of shape (n_samples, n_features)
        Raw counts: whole numbers, not negative. For an honest score the clusters must not have been
        found in them, but in the other half of :func:`sksubspace.model_selection.thin_counts`.

    labels : array-like of shape (n_samples,)
        Clusters of the rows, by whatever method.

    train : {array-like, sparse matrix} of shape (n_samples, n_features) or None, default=None
        Counts of the same rows of which the clusters' rates are taken; None for `counts`.

    Returns
    -------
    score : float
        1 if the clusters' rates fit as well as each row's own, 0 if no better than those of all
        rows together. Of unseen counts it may be negative, and falls where clusters are of noise;
        of those that were clustered it rises with their number.

    Raises
    ------
    TypeError
        If `counts` is an annotated container.

    ValueError
        If a count is missing, negative or a fraction, or numbers of rows or columns differ.

    See Also
    --------
    sksubspace.model_selection.thin_counts : Splits counts, so that one half is unseen.
    sksubspace.model_selection.compare_clusterings : The same over numbers of clusters.
    deviance_explained : The same of a map.

    Notes
    -----
    With the total :math:`s_i` of row i, the rates :math:`\mu_0` of all rows of `train` and those of
    its cluster with a mean row of these added,

    .. math:: D^2 = 1 - \frac{\sum_i dev(x_i, s_i \mu_{c(i)})}{\sum_i dev(x_i, s_i \mu_0)},

    where dev is twice the log-likelihood that is lost to the counts themselves.

    Examples
    --------
    >>> import numpy as np
    >>> from sksubspace.metrics import cluster_deviance_explained
    >>> from sksubspace.model_selection import thin_counts
    >>> rng = np.random.RandomState(0)
    >>> kind = np.repeat(np.arange(3), 100)
    >>> counts = rng.poisson(rng.gamma(1, size=(3, 50))[kind])
    >>> train, test = thin_counts(counts)
    >>> cluster_deviance_explained(test, kind, train=train) > 0.2
    True
    >>> cluster_deviance_explained(test, rng.permutation(kind), train=train) < 0.01
    True
    """
    labels = in_order_of(counts, labels, "labels", of="counts")
    train = in_order_of(counts, train, "train", of="counts")
    counts = sparse.csr_array(check_counts(counts))
    train = counts if train is None else sparse.csr_array(check_counts(train, "train"))
    if train.shape != counts.shape:
        raise ValueError(f"train must have the shape of counts, {counts.shape}, got {train.shape}.")
    labels = check_labels(labels, "labels")
    check_same_length(counts, labels, "counts", "labels")
    deviance, null = (one.sum() for one in cluster_deviances(train, counts, labels))
    return float(1 - deviance / null) if null > 0 else 0.0


def cluster_deviances(train, test, labels):  # (n, d), (n, d), (n,) -> (n,), (n,)
    r"""Deviance of each row from the rates of its cluster, and from those of all rows together.

    Rates are those of the counts `train`, with the rates of all of a mean row added to each
    cluster; what is left of the deviance of `test` is :math:`2 \sum_{x > 0} x \log(x / s \mu)`.
    """
    found, codes = np.unique(labels, return_inverse=True)
    members = sparse.csr_array(
        (np.ones(len(codes)), (codes, np.arange(len(codes)))), (len(found), len(codes))
    )
    common = np.asarray(train.sum(axis=0), dtype=np.float64).ravel()
    mean_total = common.sum() / len(codes)
    common = (common + 1 / len(common)) / (common.sum() + 1)  # no rate is 0
    sums = (members @ train.astype(np.float64)).toarray() + mean_total * common
    rates = sums / sums.sum(axis=1, keepdims=True)
    x, rows = test.data.astype(np.float64), np.repeat(np.arange(len(codes)), np.diff(test.indptr))
    kept = x > 0
    x, rows, columns = x[kept], rows[kept], test.indices[kept]
    totals = np.bincount(rows, x, minlength=len(codes))
    share = x / totals[rows]
    return tuple(
        np.bincount(rows, 2 * x * np.log(share / mu), minlength=len(codes))
        for mu in (rates[codes[rows], columns], common[columns])
    )
