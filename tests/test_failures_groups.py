"""Rows that are in the data twice: rows held out choose what they choose of each row once."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import BaseEstimator, ClusterMixin, clone

from sksubspace import MEDAL, SteinSubspace
from sksubspace._trained import split_rows
from sksubspace.autoencoder import Autoencoder
from sksubspace.cluster import AutoSubspaceClustering
from sksubspace.cluster._auto._scores import interquartile_mean, paired_error
from sksubspace.manifold import TLDR
from sksubspace.manifold._pairs import pairs_of
from sksubspace.metrics import embedding_score
from sksubspace.metrics._learnt import learn_map
from tests.manifold.toy import assert_same_map, curve, tldr

RNG = np.random.RandomState(0)
X = RNG.randn(80, 2) @ RNG.randn(2, 6) + 0.5 * RNG.randn(80, 6)
TWICE = np.repeat(np.arange(80), 2)
TWICE_120 = np.repeat(np.arange(120), 2)
SCATTERED = RNG.permutation(160)  # copies are not side by side


def test_no_copy_of_a_row_held_out_is_fitted_on():
    rows = X[TWICE][SCATTERED]
    fitted, held = split_rows(rows, 0.1, np.random.RandomState(0))
    assert_array_equal(np.sort(np.r_[fitted, held]), np.arange(160))
    assert len(held) == 16
    assert not {row.tobytes() for row in rows[fitted]} & {row.tobytes() for row in rows[held]}


@pytest.mark.parametrize("n_blank", [3, 60, 99, 100])
def test_groups_that_are_too_large_to_hold_out_stay(n_blank):
    """A third of the rows blank, as patches of images are; and all of them."""
    rows = np.vstack([np.zeros((n_blank, 2)), np.random.RandomState(1).randn(100 - n_blank, 2)])
    fitted, held = split_rows(rows, 0.1, np.random.RandomState(0))
    assert 1 <= len(held) <= 19 and len(fitted) + len(held) == 100


def test_training_ends_with_the_same_epoch():
    settings = {"max_iter": 200, "batch_size": 200, "learning_rate": 0.02, "random_state": 0}
    once, twice = (
        Autoencoder(2, n_iter_no_change=3, **settings).fit(rows) for rows in (X, X[TWICE])
    )
    assert twice.n_iter_ == once.n_iter_ < 200
    assert_allclose(twice.validation_loss_curve_, once.validation_loss_curve_, rtol=1e-6)


class OfAngle(ClusterMixin, BaseEstimator):
    """Pie slices of the first two features: as many clusters as told."""

    def __init__(self, n_slices=2):
        self.n_slices = n_slices

    def fit_predict(self, X, y=None):
        angles = np.arctan2(X[:, 1], X[:, 0]) / (2 * np.pi) + 0.5
        return np.minimum((angles * self.n_slices).astype(int), self.n_slices - 1)


@pytest.mark.parametrize("validation_fraction", [None, 0.3])
def test_the_same_clustering_is_best(validation_fraction):
    """Without care the most and smallest clusters win: each has the copies of its rows."""
    rows = np.random.RandomState(3).randn(80, 6)
    found = [
        AutoSubspaceClustering(
            16,
            {str(k): OfAngle(k) for k in (2, 4, 8, 16)},
            subspace_dim=4,
            normalize=False,
            validation_fraction=validation_fraction,
            random_state=0,
        ).fit(data)
        for data in (rows, rows[TWICE])
    ]
    assert found[0].best_name_ == found[1].best_name_
    assert list(found[0].scores_["name"]) == list(found[1].scores_["name"])
    assert_allclose(found[1].scores_["score"], found[0].scores_["score"], rtol=1e-9)
    once, twice = (one.scores_["standard_error"][1:] for one in found)
    assert (once > 0).all()
    assert_allclose(twice, once, rtol=0.05)  # and not less by the root of two


def test_a_copy_is_no_further_evidence_on_a_difference():
    """With copies of some rows, against draws of whole groups with replacement."""
    rng = np.random.RandomState(0)
    groups = np.repeat(np.arange(400), rng.choice([1, 1, 2, 6], size=400))
    common, own = rng.lognormal(size=400), 0.2 * rng.randn(2, 400)
    a, b = common + own[0], common + own[1]
    members = [np.flatnonzero(groups == g) for g in range(400)]
    draws = [np.concatenate([members[g] for g in rng.randint(400, size=400)]) for _ in range(1000)]
    means = [interquartile_mean(a[groups][i]) - interquartile_mean(b[groups][i]) for i in draws]
    error = paired_error(a[groups], b[groups], groups)
    assert error == pytest.approx(np.std(means), rel=0.15)
    assert error > 1.5 * paired_error(a[groups], b[groups], np.arange(len(groups)))


def test_the_same_number_of_directions_explains_most():
    """With its copy beside it each row is known, the better the more directions there are."""
    rng = np.random.RandomState(4)
    rows = rng.randn(280, 6)
    y = rows[:, 0] + 0.5 * rng.randn(280)
    new, told = rows[200:], y[200:]
    scores = []
    for k in (1, 2, 3, 4):
        model = SteinSubspace(k, order="both").fit(rows[:200], y[:200])
        scores.append([model.score(new, told), model.score(new[TWICE], told[TWICE])])
    once, twice = np.transpose(scores)
    assert once.argmax() == twice.argmax()
    assert_allclose(twice, once, rtol=1e-6)


@pytest.mark.parametrize("anchors", [None, 240])
@pytest.mark.parametrize("mutual", [True, False])
def test_a_copy_is_no_neighbour(mutual, anchors):
    """With its copy beside it each row is like its neighbours, whatever the map does."""
    rows, new = curve(120), curve(60, seed=1)
    settings = {"n_neighbors": 3, "mutual": mutual, "n_anchors": anchors}
    once, twice = (tldr(**settings).fit(data) for data in (rows, rows[TWICE_120]))
    assert_same_map(once, twice, rows)
    assert_allclose(twice.neighbor_correlation_, once.neighbor_correlation_, rtol=1e-9)
    assert once.score(new[np.arange(120) % 60]) == pytest.approx(once.score(new), rel=1e-9)
    assert once.score(sparse.csr_matrix(new[np.arange(120) % 60])) == pytest.approx(
        once.score(new), rel=1e-9
    )


def test_rows_that_are_there_more_often_weigh_more():
    """Three rows of unequal number on a line: each copy has the pairs of its row, by turns."""
    X = np.array([[0.0], [1.0], [0.0], [3.0], [1.0], [0.0]])
    model = TLDR(4, n_neighbors=1, mutual=False, metric="euclidean")
    W = pairs_of(model, X, X, np.random.RandomState(0)).toarray()
    pairs = [(0, 1), (2, 4), (5, 1), (1, 0), (4, 2), (3, 1)]
    assert_array_equal(np.argwhere(W), sorted(pairs))


@pytest.mark.parametrize("noise", [0.0, 0.003], ids=["equal", "nearly equal"])
@pytest.mark.parametrize("times", [2, 3, 5])
def test_a_random_map_does_not_score_however_often_rows_are_there(times, noise):
    """Of three copies next door one was forgotten, and the others named the row: R2 .9."""
    rng = np.random.RandomState(0)
    rows, places = rng.randn(90, 3), rng.randn(90, 2)
    which = rng.permutation(np.repeat(np.arange(90), times))
    near = rows[which] + noise * rng.randn(len(which), 3)
    with pytest.warns(UserWarning, match="rows are equal or nearly equal to another row"):
        assert abs(embedding_score(near, places[which]).r2) < 0.1


def test_copies_within_a_donor_do_not_name_it():
    rng = np.random.RandomState(0)
    donors = np.repeat(np.arange(10), 36)
    which = np.repeat(np.arange(120), 3)
    found = embedding_score(rng.randn(120, 3)[which], rng.randn(120, 2)[which], groups=donors)
    assert abs(found.r2) < 0.1


def test_controls_forget_the_copies_next_door_too():
    """A map learnt again takes the copies of the first time for what they are."""
    rng = np.random.RandomState(0)
    which = rng.permutation(np.repeat(np.arange(120), 3))
    rows = (rng.randn(120, 3))[which] + 0.003 * rng.randn(360, 3)
    Z = rng.randn(120, 2)[which]
    with pytest.warns(UserWarning, match="rows are equal or nearly equal to another row"):
        learnt = learn_map(rows, Z)
    again = learnt.again(Z)
    assert again.score == pytest.approx(learnt.found.score, abs=1e-12)
    assert again.n_copies == learnt.found.n_copies == 360


def test_copies_do_not_move_new_rows():
    """Ten neighbours are ten rows that differ, however often each is there."""
    rng = np.random.RandomState(0)
    rows = rng.randn(60, 4)
    Z, new = np.tanh(rows[:, :2]) + rows[:, 2:] ** 2, rng.randn(40, 4)
    which = np.repeat(np.arange(60), 3)
    student = MEDAL("precomputed", encoder="median", random_state=0)
    once = student.fit(rows, embedding=Z).transform(new)
    many = clone(student).fit(rows[which], embedding=Z[which])
    near = clone(student).fit(rows[which] + 1e-4 * rng.randn(180, 4), embedding=Z[which])
    assert_allclose(many.transform(new), once, atol=1e-9)
    # two rows that are near each other may be taken for one
    assert np.median(np.abs(near.transform(new) - once).max(axis=1)) < 1e-3
    # a near copy stays where it was drawn
    rows, moved = rows[which] + 1e-6 * np.arange(180)[:, None], Z[which] + 1e-3 * rng.randn(180, 2)
    assert_allclose(clone(student).fit(rows, embedding=moved).transform(rows), moved, atol=1e-12)


@pytest.mark.parametrize("name", ["median", "local", "linear"])
def test_copies_are_one_neighbour_of_every_encoder(name):
    """The mean of the nearest places needs no training that more rows would change."""
    rng = np.random.RandomState(0)
    rows = rng.randn(60, 4)
    Z, new = np.tanh(rows[:, :2]) + rows[:, 2:] ** 2, rng.randn(40, 4)
    which = np.repeat(np.arange(60), 3)
    medal = MEDAL("precomputed", encoder=name, max_iter=1, random_state=0)
    once, many = (
        clone(medal).fit(rows[some], embedding=Z[some]).student_ for some in (slice(None), which)
    )
    assert len(many.encoder.kinds_) == 60
    places = (one.encoder.predict_mean(one.feature_scale.work(new)) for one in (once, many))
    assert_allclose(*places, atol=1e-9)
