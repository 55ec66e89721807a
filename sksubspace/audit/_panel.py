"""The readings of a map, each beside what a map without that meaning would score."""

from dataclasses import dataclass, field

import numpy as np

from sksubspace._student._groups import nearest_of_other_groups
from sksubspace._student._learning import READINGS
from sksubspace.audit._teacher import drawn_again, explained_halves, other_settings
from sksubspace.metrics import GroupLoss, GroupScores, deviance_explained, find_islands
from sksubspace.metrics._controls import arrangement_p_value, dealt, derangement
from sksubspace.metrics._group_loss import group_loss_of
from sksubspace.metrics._group_scores import (
    MISSING,
    centre_distances,
    group_scores_of,
    is_group,
    rank_agreement,
)
from sksubspace.metrics._linear_gain import linear_gain_of, principal_scores
from sksubspace.model_selection import EmbeddingStability
from sksubspace.neighbors import k_nearest

# islands of more rows are those of a draw: the search is quadratic
MOST_ISLAND_ROWS = 10_000
# up to so many rows the left-out R2 of so many deals is computed: each is one more student
SCORED_DEALS = ((1_000, 5), (20_000, 1))
N_DEALS = 5
_N_NEIGHBORS = 15
# a left-out R2 under this is none, and no share of it is worth a word
_NOTHING = 0.02


@dataclass(frozen=True)
class Reading:
    """One number of a map, beside the same number of maps without that meaning.

    Attributes
    ----------
    name : str
        What is read, such as "local".

    value : float
        Of the map; NaN where it cannot be had.

    interval : tuple of float and float
        95 % interval, where there is one; (NaN, NaN) else.

    permuted : float
        Of the map dealt to the rows at random.

    pca : float
        Of as many principal components.

    dealt : float
        Of the map whose islands are dealt to each other's places, the mean of five deals.

    surrogate : float
        Of the teacher's map of Gaussian data of the same covariance, where it was asked for.

    meaning : str
        What the number is, in a line.
    """

    name: str
    value: float
    interval: tuple[float, float] = (np.nan, np.nan)
    permuted: float = np.nan
    pca: float = np.nan
    dealt: float = np.nan
    surrogate: float = np.nan
    meaning: str = ""


@dataclass(frozen=True)
class AuditPanel:
    """All readings, and what they were read off.

    Attributes
    ----------
    readings : tuple of Reading
        In the order in which they are shown.

    scores : GroupScores or None
        Readings by group; None without labels.

    loss : GroupLoss or None
        What donors say of each other; None without donors.

    n_islands : int
        Islands that were dealt.

    p_value : float
        Share of 999 further deals after which a line reads as much off the map as it stands.

    own_group : dict of str to (float, float)
        Of each group, the share of the 15 nearest places that are of the own group, as far as it
        has so many rows; and of the nearest rows in the data.

    stability : EmbeddingStability or None
        Of the teacher; None without one.

    others : tuple of (str, float, (float, float))
        R2 that other settings of the teacher gain over the map, with intervals.
    """

    readings: tuple[Reading, ...]
    scores: GroupScores | None = None
    loss: GroupLoss | None = None
    n_islands: int = 0
    p_value: float = np.nan
    own_group: dict[str, tuple[float, float]] = field(default_factory=dict)
    stability: EmbeddingStability | None = None
    others: tuple[tuple[str, float, tuple[float, float]], ...] = ()

    def __getitem__(self, name: str) -> Reading:
        """The reading of that name; one of NaN where there is none."""
        return next((one for one in self.readings if one.name == name), Reading(name, np.nan))


def n_panel_steps(given):  # -> int
    """Number of steps that `read_panel` begins."""
    optional = (given.counts, given.labels, given.groups, given.teacher, given.teacher)
    halves = given.counts is not None and given.teacher is not None
    return 4 + halves + sum(one is not None for one in optional)


def read_panel(learnt, given, steps, *, surrogate, n_jobs, random_state):
    """Read a learnt map, and its controls.

    Parameters
    ----------
    learnt : LearntMap
        The map, with its one student.

    given : AuditInput
        What goes with all rows, those without a place too.

    steps : StepLines
        Where it is told how far it is.

    surrogate : bool
        Whether the teacher draws a map of Gaussian data too.

    n_jobs : int or None
        Maps that it draws at the same time.

    random_state : int
        Of the controls.

    Returns
    -------
    panel : AuditPanel
        Everything.
    """
    teacher = given.teacher
    labels = None if given.labels is None else given.labels[learnt.drawn]
    permuted_places = np.random.RandomState(random_state).permutation(learnt.Z)
    principal = principal_scores(learnt.X, learnt.found)
    steps.begin("control: the map dealt at random")
    controls = {"permuted": learnt.again(permuted_places)}
    steps.begin("control: principal components")
    controls["pca"] = learnt.again(principal, read=READINGS)
    steps.begin("control: islands dealt to each other's places")
    deals = _deals_of(learnt, labels, random_state)
    steps.begin("what the map tells beyond a linear one")
    beyond = linear_gain_of(
        learnt, pca=controls["pca"], teacher=teacher if surrogate else None,
        random_state=random_state,
    )  # fmt: skip
    readings = [*_of_the_whole(learnt.found, controls, deals), _beyond_linear(beyond)]
    scores, loss, own_group = None, None, {}
    places = {"permuted": permuted_places, "pca": principal}
    if given.counts is not None:
        counts = given.counts[learnt.drawn]
        steps.begin("counts that the map explains")
        readings.append(_of_counts(counts, learnt, places, random_state))
        if teacher is not None:
            steps.begin("maps of halves of the counts")
            readings.append(_of_halves(counts, learnt, teacher, random_state))
    if labels is not None:
        steps.begin("groups")
        scores = group_scores_of(learnt.found, learnt.X, learnt.Z, labels)
        read = {
            name: group_scores_of(found, learnt.X, places[name], labels)
            for name, found in controls.items()
        }
        readings += _group_readings(scores, read, deals.between)
        own_group = own_group_shares(learnt, labels)
    if given.groups is not None:
        steps.begin("rows left out with their group")
        loss = group_loss_of(learnt)
        readings += _of_donors(loss)
    stability, others = None, []
    if teacher is not None:
        options = {"random_state": random_state}
        steps.begin("maps with other seeds and of parts of the rows")
        stability = drawn_again(learnt, labels, teacher, n_jobs=n_jobs, **options)
        steps.begin("maps with other settings")
        others = other_settings(learnt, teacher, **options)
        readings += _of_seeds(stability)
    return AuditPanel(
        tuple(readings),
        scores,
        loss,
        deals.n_islands,
        deals.p_value,
        own_group,
        stability,
        tuple(others),
    )


def _of_the_whole(found, controls, deals):
    """The three readings that one student has of all rows."""
    named = {"local": "score", "continuous": "continuous", "global share": "global_share"}
    dealt = {"local": deals.r2, "global share": deals.global_share}
    meanings = {
        "local": "R2 of rows left out: what comes back of them from their place",
        "continuous": "share of it that is left at the mean place of ten neighbours",
        "global share": "R2 of a linear decoder over that of as many principal components",
    }
    for name, attribute in named.items():
        values = {key: _reading_of(one, attribute) for key, one in controls.items()}
        yield Reading(
            name, _reading_of(found, attribute), dealt=dealt.get(name, np.nan),
            meaning=meanings[name], **values,
        )  # fmt: skip


def _reading_of(found, attribute):
    value = getattr(found, attribute)
    if attribute != "continuous":
        return float(value)
    # of a map that says nothing there is no share
    return float(value / found.score) if found.score > _NOTHING else np.nan


def _beyond_linear(gain):
    return Reading(
        "beyond linear", gain.gain, gain.interval, surrogate=gain.surrogate_gain,
        meaning="R2 less that of as many principal components",
    )  # fmt: skip


def _group_readings(scores, controls, dealt):
    """Readings of the groups as means over rows, and of the distances between them."""
    meanings = {
        "within groups": "R2 of rows against the mean of their own group",
        "neighbours kept": "share of the 15 nearest rows that are among the 15 nearest places",
    }
    for name, attribute in (("within groups", "within_r2"), ("neighbours kept", "neighbors_kept")):
        values = {key: _mean_over_rows(one, attribute) for key, one in controls.items()}
        yield Reading(name, _mean_over_rows(scores, attribute), meaning=meanings[name], **values)
    yield Reading(
        "between groups", scores.between, dealt=dealt,
        meaning="Spearman correlation of the distances between groups with those in the data",
        **{key: one.between for key, one in controls.items()},
    )  # fmt: skip


def own_group_shares(learnt, labels):
    """How far the neighbours of the rows of a group are of that group, on the map and in the data.

    Neighbours without a label count for nothing, and are no group.

    Returns
    -------
    shares : dict of str to (float, float)
        Means over the rows of each group that were left out; none of groups of one row.
    """
    found, rows = learnt.found, learnt.found.rows
    k = min(_N_NEIGHBORS, found.neighbors.shape[1])
    names, code = np.unique(labels, return_inverse=True)
    near = nearest_of_other_groups(learnt.Z[rows], learnt.Z, k, rows, found.groups)[1]
    others = np.bincount(code)[code[rows]] - 1
    same = [
        _share_of_own(code[neighbors], code[rows], labels[neighbors] != MISSING, others)
        for neighbors in (near, found.neighbors[:, :k])
    ]
    known = np.isfinite(same).all(axis=0)
    return {
        str(name): tuple(float(one[here].mean()) for one in same)
        for number, name in enumerate(names)
        if name != MISSING and (here := (code[rows] == number) & known).any()
    }


def _share_of_own(near, own, is_labelled, n_others):  # (m, k), (m,), (m, k), (m,) -> (m,)
    """Labelled neighbours of the own group over all, or over as many as there are of it."""
    most = np.minimum(is_labelled.sum(axis=1), n_others)
    same = ((near == own[:, None]) & is_labelled).sum(axis=1)
    return np.divide(same, most, out=np.full(len(own), np.nan), where=most > 0)


def _mean_over_rows(scores, attribute):
    values = getattr(scores, attribute)
    known = np.isfinite(values) & (np.array(scores.names) != MISSING)
    if not known.any():
        return np.nan
    return float(np.average(values[known], weights=scores.n_samples[known]))


@dataclass(frozen=True)
class _Deals:
    """Means of the readings of a map whose islands are dealt to each other's places."""

    r2: float
    global_share: float
    between: float
    n_islands: int
    p_value: float


def deals_in_words(n_drawn):
    """Say how many deals of the islands a number is the mean of.

    Examples
    --------
    >>> from sksubspace.audit._panel import deals_in_words
    >>> deals_in_words(500), deals_in_words(2_000)
    ('mean of five deals', 'mean of five deals, R2 of one')
    """
    without = {N_DEALS: "", 1: ", R2 of one"}.get(_n_scored(n_drawn), ", without R2")
    return f"mean of five deals{without}"


def _n_scored(n_drawn):
    return next((k for most, k in SCORED_DEALS if n_drawn <= most), 0)


def _deals_of(learnt, labels, random_state):
    """Deal the islands of a map, and read what is left; the R2 of a few deals, or of none."""
    random_state = np.random.RandomState(random_state)
    n_scored = _n_scored(len(learnt.Z))
    island = _islands(learnt.Z, random_state)
    n_islands = int(island.max() + 1)
    found = []
    for deal in range(N_DEALS):
        Z = dealt(learnt.Z, island, derangement(n_islands, random_state))
        read = ("score", "global_share") if deal < n_scored else ("global_share",)
        one = learnt.again(Z, read=read)
        between = np.nan if labels is None else _between(learnt.X, Z, labels)
        found.append((one.score, one.global_share, between))
    scores, shares, ranks = map(np.array, zip(*found, strict=True))
    r2 = float(scores[:n_scored].mean()) if n_scored else np.nan
    p_value = arrangement_p_value(learnt, island, random_state)
    return _Deals(r2, float(shares.mean()), float(ranks.mean()), n_islands, p_value)


def _between(X, Z, labels):  # (n, d), (n, q), (n,) -> float
    """Spearman correlation of the distances between groups, on the map with in the data."""
    names, code = np.unique(labels, return_inverse=True)
    compared, above = is_group(names, code), np.triu_indices(len(names), 1)
    return rank_agreement(*(centre_distances(one, code, compared)[above] for one in (X, Z)))


def _islands(Z, random_state):  # (n, q) -> (n,)
    """Number the islands; of many rows those of a draw, to which each other row is nearest."""
    if len(Z) <= MOST_ISLAND_ROWS:
        return find_islands(Z, random_state=random_state)
    drawn = random_state.choice(len(Z), MOST_ISLAND_ROWS, replace=False)
    island = find_islands(Z[drawn], random_state=random_state)
    return island[k_nearest(Z, Z[drawn], 1)[1][:, 0]]


def _of_counts(counts, learnt, controls, random_state):
    def explained(Z):
        groups = learnt.found.groups
        return deviance_explained(counts, Z, groups=groups, random_state=random_state)

    return Reading(
        "counts", explained(learnt.Z),
        meaning="share of the Poisson deviance of the counts that 15 neighbours explain",
        **{name: explained(places) for name, places in controls.items()},
    )  # fmt: skip


def _of_halves(counts, learnt, teacher, random_state):
    found = explained_halves(
        counts, teacher, learnt.Z.shape[1], groups=learnt.found.groups, random_state=random_state
    )
    return Reading(
        "halves of the counts", found.pop("map"),
        meaning="the same of one half of the counts, by a map that the teacher draws of the other",
        **found,
    )  # fmt: skip


def _of_seeds(stability):
    for name, what in (("seeds", "maps with other seeds"), ("subsamples", "maps of parts")):
        values = getattr(stability, name)
        if np.isfinite(values).any():
            yield Reading(
                f"same on other {name}", float(np.nanmean(values)),
                meaning=f"Jaccard index of the {stability.n_neighbors} neighbours on two {what}",
            )  # fmt: skip


def _of_donors(loss):
    yield Reading("new groups", loss.r2, meaning="R2 of rows that are left out with their group")
    yield Reading(
        "lost to groups", loss.lost, meaning="R2 of single rows left out, less that of groups"
    )
