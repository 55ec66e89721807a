"""Counts cut into two tables that are independent of each other, one to draw a map from."""

import warnings
from numbers import Real
from typing import Literal

import numpy as np
from scipy import sparse

from sksubspace._linalg import row_blocks
from sksubspace._parameters import isolated_random_state
from sksubspace._typing import ArrayLike, Floats, Matrix, Seed, Sparse
from sksubspace._validation import check_counts

# entries that are drawn at a time: what a draw takes beside the counts stays small
_BLOCK = 2**22


def thin_counts(
    counts: Matrix,
    *,
    test_share: float = 0.5,
    dispersion: float | ArrayLike | Literal["auto"] | None = None,
    random_state: Seed = 0,
) -> tuple[Floats | Sparse, Floats | Sparse]:
    r"""Split each count at random into two, so that two tables of the same rows come out.

    Where counts are Poisson the two are independent of each other: a map that is drawn from one can
    be scored by the other, with no row left out and no model refitted.

    Parameters
    ----------
    counts : {array-like, sparse matrix} of shape (n_samples, n_features)
        Raw counts: whole numbers, not negative. Of sparse ones only stored entries are drawn.

    test_share : float, default=0.5
        Share of each count that goes to the second table, in expectation; between 0 and 1.

    dispersion : None, "auto", float or array-like of shape (n_features,), default=None
        Dispersion of each column, in a variance of ``mean + dispersion * mean**2``. None is 0:
        Poisson. "auto" estimates it by moments (see Notes).

    random_state : int, RandomState instance or None, default=0
        The draw. None draws a seed from the operating system.

    Returns
    -------
    train, test : {ndarray, CSR matrix} of shape (n_samples, n_features)
        Their sum is `counts`; of its type.

    Raises
    ------
    TypeError
        If `counts` is an annotated container, such as an AnnData, and not its matrix.

    ValueError
        If a count is missing, negative or a fraction, or a parameter is out of its range.

    Warns
    -----
    UserWarning
        If rows have no counts at all.

    See Also
    --------
    sksubspace.metrics.deviance_explained : Score of a map on the second table.
    compare_embeddings : With ``validation="thin"``, both for several teachers.

    Notes
    -----
    With share e, a count x of a column with dispersion phi becomes

    .. math::
        x^{test} \sim \mathrm{Binomial}(x, p), \quad
        p \sim \mathrm{Beta}(e / \phi, (1 - e) / \phi), \quad x^{train} = x - x^{test},

    and p = e for phi = 0 [1]_. Counts that are negative binomial with this dispersion give halves
    that are independent [2]_. "auto" takes, with the total :math:`s_i` of row i over the mean total
    and the column mean :math:`m = \sum_i x_i / \sum_i s_i`,

    .. math:: \phi = \max(0, \sum_i [(x_i - s_i m)^2 - s_i m] / (m^2 \sum_i s_i^2)).

    It takes differences between kinds of rows for noise as well: it is an upper bound, and halves
    by too large a dispersion oppose each other, so that scores are too low.

    References
    ----------
    .. [1] A. Neufeld, L. L. Gao, J. Popp, A. Battle and D. Witten, "Inference after latent variable
       estimation for single-cell RNA sequencing data", Biostatistics 25 (2024),
       https://doi.org/10.1093/biostatistics/kxac047
    .. [2] A. Neufeld, A. Dharamshi, L. L. Gao and D. Witten, "Data thinning for
       convolution-closed distributions", Journal of Machine Learning Research 25 (2024),
       https://jmlr.org/papers/v25/23-0446.html

    Examples
    --------
    >>> import numpy as np
    >>> from sksubspace.model_selection import thin_counts
    >>> counts = np.random.RandomState(0).poisson(5, size=(100, 20))
    >>> train, test = thin_counts(counts)
    >>> bool((train + test == counts).all())
    True
    """
    counts = check_counts(counts)
    if not isinstance(test_share, Real) or not 0 < test_share < 1:
        raise ValueError(f"test_share must be a number between 0 and 1, got {test_share!r}.")
    dispersion = _checked_dispersion(counts, dispersion)
    totals = np.asarray(counts.sum(axis=1)).ravel()
    if (totals == 0).any():
        warnings.warn(
            f"{int((totals == 0).sum())} of {len(totals)} rows of counts are all zero, and so they "
            "are in both tables.",
            UserWarning,
            stacklevel=2,
        )
    rng = isolated_random_state(random_state)
    if sparse.issparse(counts):
        drawn = _test_part(counts.data, counts.indices, test_share, dispersion, rng)
        return tuple(_of_entries(counts, values) for values in (counts.data - drawn, drawn))
    test = np.zeros_like(counts)
    stored = np.nonzero(counts)
    test[stored] = _test_part(counts[stored], stored[1], test_share, dispersion, rng)
    return counts - test, test


def log_normalized(counts):  # (n, d) -> (n, d)
    """log(1 + x / s * median(s)) with the total s of each row; sparse counts stay sparse."""
    totals = np.asarray(counts.sum(axis=1), dtype=np.float64).ravel()
    scale = np.median(totals) / np.maximum(totals, 1)
    kind = np.float32 if counts.dtype == np.float32 else np.float64
    if not sparse.issparse(counts):
        return np.log1p(counts * scale[:, None]).astype(kind, copy=False)
    X = counts.astype(kind)
    X.data *= np.repeat(scale, np.diff(X.indptr)).astype(kind)
    np.log1p(X.data, out=X.data)
    return X


def _checked_dispersion(counts, dispersion):  # -> (n_features,) or None
    if dispersion is None:
        return None
    n_features = counts.shape[1]
    if isinstance(dispersion, str):
        if dispersion == "auto":
            return _moments_dispersion(counts)
        values = np.array(np.nan)
    else:
        values = np.asarray(dispersion, dtype=np.float64)
    if values.shape not in ((), (n_features,)) or not (np.isfinite(values) & (values >= 0)).all():
        raise ValueError(
            "dispersion must be None, 'auto', or a finite number of at least 0 for all columns or "
            f"for each of the {n_features}, got {dispersion!r}."
        )
    return np.broadcast_to(values, n_features)


def _moments_dispersion(counts):  # (n, d) -> (d,)
    r"""Estimate phi = sum_i [(x_i - s_i m)^2 - s_i m] / (m^2 sum_i s_i^2), column by column."""
    totals = np.asarray(counts.sum(axis=1), dtype=np.float64).ravel()
    s = totals / max(totals.mean(), 1)
    X = counts.astype(np.float64)
    m = np.asarray(X.sum(axis=0)).ravel() / max(s.sum(), 1)
    squares = np.asarray(X.multiply(X).sum(axis=0)).ravel() if sparse.issparse(X) else (X**2).sum(0)
    excess = squares - 2 * m * (s @ X) + m**2 * (s @ s) - m * s.sum()
    return np.divide(excess, m**2 * (s @ s), out=np.zeros_like(m), where=m > 0).clip(min=0)


def _test_part(values, columns, share, dispersion, rng):  # (k,), (k,) -> (k,)
    """Draw the part of each count that goes to the second table."""
    drawn = np.empty_like(values)
    for block in row_blocks(len(values), _BLOCK):
        p = share
        if dispersion is not None:
            phi = dispersion[columns[block]]
            p = np.full(len(phi), float(share))
            over = phi > 0
            p[over] = rng.beta(share / phi[over], (1 - share) / phi[over])
        drawn[block] = rng.binomial(values[block].astype(np.int64), p)
    return drawn


def _of_entries(counts, values):
    """A sparse table of other entries, without those that are 0."""
    table = type(counts)((values, counts.indices.copy(), counts.indptr.copy()), counts.shape)
    table.eliminate_zeros()
    return table
