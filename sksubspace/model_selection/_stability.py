"""Whether another seed, or other rows, would have drawn another picture."""

from dataclasses import dataclass
from itertools import combinations
from numbers import Real

import numpy as np
from sklearn.base import clone
from sklearn.neighbors import NearestNeighbors
from sklearn.utils.parallel import Parallel, delayed

from sksubspace._parameters import check_integer, isolated_random_state
from sksubspace._spreadsheets import data_frame
from sksubspace._teachers import centring, embed, resolve_teacher, seed_teacher
from sksubspace._threads import small_work
from sksubspace._typing import ArrayLike, DataFrame, Estimator, Floats, Matrix, Seed, Strings
from sksubspace._validation import in_order_of, named_groups
from sksubspace.metrics._group_scores import centre_distances, is_group, rank_agreement
from sksubspace.metrics._input import check_rows

_LARGEST_SEED = 2**31 - 1
_NOTHING = (np.nan, np.nan)


@dataclass(frozen=True, eq=False)
class EmbeddingStability:
    """How far a teacher draws the same picture again; ``str`` gives a few lines.

    Attributes
    ----------
    seeds : ndarray of shape (n_samples,)
        Of each row, the Jaccard index of its neighbours on two maps of all rows with other seeds,
        as a mean over pairs; NaN for a teacher without a seed.

    subsamples : ndarray of shape (n_samples,)
        The same of two maps of parts of the rows with one seed, among the rows that are in both;
        NaN for rows that no two parts share.

    group : ndarray of shape (n_samples,) of str, or None
        What `y` says of each row.

    names : tuple of str
        The groups, in natural order; empty without `y`.

    between : tuple of float and float
        Lowest and highest Spearman correlation of the distances between the groups' centres on two
        of the maps; of all rows, or for a teacher without a seed of parts. NaN without `y`.

    with_data : tuple of float and float
        Lowest and highest Spearman correlation of these distances on a map with those in the data.

    n_maps : int
        How many seeds there are, and how many parts.

    n_neighbors : int
        Neighbours of a row.
    """

    seeds: Floats
    subsamples: Floats
    group: Strings | None
    names: tuple[str, ...]
    between: tuple[float, float]
    with_data: tuple[float, float]
    n_maps: int
    n_neighbors: int

    @property
    def by_group(self) -> DataFrame:
        """Means of `seeds` and `subsamples` over the rows of each group, as a pandas data frame.

        Returns
        -------
        pandas.DataFrame
            One row for each group: `group`, `n_samples`, `seeds` and `subsamples`.

        Raises
        ------
        ImportError
            If pandas is not installed.

        ValueError
            If no `y` was given.
        """
        if self.group is None:
            raise ValueError("by_group needs the groups: y must be given, got None.")
        return data_frame([self._of_group(name) for name in self.names], "by_group")

    def _of_group(self, name):
        rows = self.group == name
        means = {
            "seeds": _known_mean(self.seeds[rows]),
            "subsamples": _known_mean(self.subsamples[rows]),
        }
        return {"group": name, "n_samples": int(rows.sum())} | means

    def __str__(self) -> str:
        lines = []
        for values, what in ((self.seeds, "seeds"), (self.subsamples, "subsamples")):
            if np.isfinite(values).any():
                share = _known_mean(values)
                lines.append(
                    f"neighbours within {self.n_neighbors}: {share:.2f} shared by two of "
                    f"{self.n_maps} {what}"
                )
        for (low, high), what in ((self.between, "of two maps"), (self.with_data, "with the data")):
            if np.isfinite(low):
                lines.append(
                    f"distances between groups, Spearman correlation {what}: {low:.2f} to "
                    f"{high:.2f}"
                )
        return "\n".join(lines)


def _known_mean(values):
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else np.nan


def embedding_stability(
    X: Matrix,
    teacher: Estimator | str,
    *,
    y: ArrayLike | None = None,
    n_seeds: int = 4,
    subsample: float = 0.8,
    n_neighbors: int = 15,
    n_jobs: int | None = None,
    random_state: Seed = 0,
) -> EmbeddingStability:
    r"""Draw a map again with other seeds and of other rows, and say what stays.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Data.

    teacher : object with ``fit_transform``, or str
        What draws the maps, or its shorthand. It is copied. Each `random_state` of it and of its
        parts gets the seeds, whatever it is; one that has none is drawn of subsamples alone.

    y : array-like of shape (n_samples,) or None, default=None
        Group of each row, for the distances between centres and means by group; missing labels are
        a group "missing", whose centre is not compared.

    n_seeds : int, default=4
        Maps with other seeds, and maps of subsamples; at least 2.

    subsample : float, default=0.8
        Share of the rows that a subsample draws without replacement; above 0, below 1.

    n_neighbors : int, default=15
        Neighbours of a row.

    n_jobs : int or None, default=None
        Maps drawn at the same time, through joblib. None means 1, -1 all processors. The result is
        the same.

    random_state : int, RandomState instance or None, default=0
        Draws seeds and subsamples.

    Returns
    -------
    stability : EmbeddingStability
        Shares of neighbours by row, and ranges of correlations.

    Raises
    ------
    MemoryError
        If the teacher runs out of memory.

    TypeError
        If a number is not whole.

    ValueError
        If X is not a table of finite numbers, a number is out of its range, two subsamples share
        too few rows, `y` is not one label for each row, the teacher is a word that is no shorthand,
        or the teacher raises one.

    See Also
    --------
    compare_embeddings : Which of several teachers to take.
    sksubspace.metrics.group_scores : The same distances between centres of one map.

    Notes
    -----
    With :math:`N_a(i), N_b(i)` the k nearest places to row i on two maps a and b, among the rows
    that are on both, the share of row i is the mean over pairs of maps of

    .. math:: J_{ab}(i) = \frac{|N_a(i) \cap N_b(i)|}{|N_a(i) \cup N_b(i)|},

    about :math:`k / 2n` for two unrelated maps. What stays is no truth: a teacher can draw the same
    error again and again.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.manifold import TSNE
    >>> from sksubspace.model_selection import embedding_stability
    >>> X, y = load_iris(return_X_y=True)
    >>> X, y = X[::2], y[::2]
    >>> found = embedding_stability(X, TSNE(init="random"), y=y, n_seeds=2)
    >>> bool(found.seeds.mean() > 0.5), found.names
    (True, ('0', '1', '2'))
    """
    y = in_order_of(X, y, "y")
    X = check_rows(X, "X", accept_sparse=True)
    n_samples = X.shape[0]
    _check_sizes(n_samples, n_seeds, subsample, n_neighbors)
    group, names = (None, ()) if y is None else named_groups(y, n_samples, "y")
    teacher, random_state = resolve_teacher(teacher), isolated_random_state(random_state)
    seeds = [int(random_state.randint(_LARGEST_SEED)) for _ in range(n_seeds)]
    parts = _draw_parts(n_samples, n_seeds, subsample, n_neighbors, random_state)
    whole = [np.arange(n_samples)] * (n_seeds if _has_seed(teacher) else 0)
    jobs = [*zip(whole, seeds, strict=False), *((rows, seeds[0]) for rows in parts)]
    maps = Parallel(n_jobs=n_jobs)(delayed(_draw)(teacher, X, rows, seed) for rows, seed in jobs)
    of_seeds, of_parts = maps[: len(whole)], maps[len(whole) :]
    between, with_data = _NOTHING, _NOTHING
    if y is not None:
        between, with_data = _centre_ranges(X, group, names, of_seeds or of_parts)
    return EmbeddingStability(
        seeds=_mean_jaccard(of_seeds, n_samples, n_neighbors),
        subsamples=_mean_jaccard(of_parts, n_samples, n_neighbors),
        group=group,
        names=names,
        between=between,
        with_data=with_data,
        n_maps=int(n_seeds),
        n_neighbors=int(n_neighbors),
    )


def _check_sizes(n_samples, n_seeds, subsample, n_neighbors):
    check_integer(n_seeds, "n_seeds", 2)
    check_integer(n_neighbors, "n_neighbors", 1, n_samples - 1, "the other rows of X")
    if not isinstance(subsample, Real) or not 0 < subsample < 1:
        raise ValueError(f"subsample must be a number between 0 and 1, got {subsample!r}.")


def _draw_parts(n_samples, n_parts, share, n_neighbors, random_state):
    """Draw subsamples, any two of which share enough rows to have neighbours among them."""
    size = round(share * n_samples)
    parts = [np.sort(random_state.choice(n_samples, size, replace=False)) for _ in range(n_parts)]
    fewest = min(len(np.intersect1d(a, b)) for a, b in combinations(parts, 2))
    if fewest <= n_neighbors:
        raise ValueError(
            f"subsample must be so large that two subsamples share more than n_neighbors="
            f"{n_neighbors} rows, got {share} of {n_samples} rows, of which two share {fewest}."
        )
    return parts


def _seeds_of(teacher):
    """Names of the teacher's seeds, its own and those of its parts."""
    if not hasattr(teacher, "get_params"):
        return []
    return [name for name in teacher.get_params() if name.split("__")[-1] == "random_state"]


def _has_seed(teacher):
    return bool(_seeds_of(teacher))


def _draw(teacher, X, rows, seed):  # -> (m,), (m, q)
    """Map some rows; those without a place are left out."""
    teacher = clone(teacher, safe=False)
    names = _seeds_of(teacher)
    if names:
        teacher = seed_teacher(teacher.set_params(**dict.fromkeys(names)), seed)
    X = X[rows]
    with small_work(0):  # sums on several threads round otherwise
        Z = embed(centring(teacher, X), X)
    placed = ~np.isnan(Z).any(axis=1)
    return rows[placed], Z[placed]


def _mean_jaccard(maps, n_samples, n_neighbors):  # list of ((m,), (m, q)) -> (n,)
    total, count = np.zeros(n_samples), np.zeros(n_samples)
    for (rows, Z), (other_rows, other) in combinations(maps, 2):
        common, at, other_at = np.intersect1d(rows, other_rows, return_indices=True)
        if len(common) > n_neighbors:
            total[common] += jaccard(Z[at], other[other_at], n_neighbors)
            count[common] += 1
    return np.divide(total, count, out=np.full(n_samples, np.nan), where=count > 0)


def jaccard(Z, other, n_neighbors):  # (n, q), (n, q) -> (n,)
    """Neighbours of each row on both of two maps, over those on either."""
    near, there = (
        NearestNeighbors(n_neighbors=n_neighbors).fit(places).kneighbors(return_distance=False)
        for places in (Z, other)
    )
    common = (near[:, :, None] == there[:, None, :]).any(axis=2).sum(axis=1)
    return common / (2 * n_neighbors - common)


def _centre_ranges(X, group, names, maps):
    """Ranges of the agreement of distances between centres, of two maps and with the data."""
    number = {name: k for k, name in enumerate(names)}
    code = np.array([number[one] for one in group])
    drawn, data = [], []
    for rows, Z in maps:
        compared = is_group(names, code[rows])
        drawn.append(centre_distances(Z, code[rows], compared))
        data.append(centre_distances(X[rows], code[rows], compared))
    above = np.triu_indices(len(names), 1)
    pairs = [rank_agreement(a[above], b[above]) for a, b in combinations(drawn, 2)]
    own = [rank_agreement(a[above], b[above]) for a, b in zip(drawn, data, strict=True)]
    return _range(pairs), _range(own)


def _range(values):
    known = [value for value in values if np.isfinite(value)]
    return (min(known), max(known)) if known else _NOTHING
