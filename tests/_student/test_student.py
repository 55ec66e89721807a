"""The student as a whole: choice of the encoder, what is left out, groups, traps and readings."""

import warnings
from functools import cache

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression
from sklearn.manifold import TSNE

from sksubspace import MEDAL
from sksubspace._linalg import match_r_squared
from sksubspace._student import (
    Forget,
    FourierRidge,
    LinearEncoder,
    MedianEncoder,
    StudentPlan,
    learn_student,
)
from sksubspace._student._groups import next_door
from tests._student.toy import Torn, blobs, curve

pytestmark = pytest.mark.filterwarnings("ignore:A precomputed embedding")


def learn(X, Z, encoders=None, groups=None, rows=None, seed=0, **plan):
    plan = {"decoder": FourierRidge(40), **plan}
    if encoders is not None:
        plan["encoders"] = encoders
    return learn_student(StudentPlan(**plan), X, Z, seed=seed, groups=groups, rows=rows)


def fitted(X, Z, **params):
    groups = params.pop("groups", None)
    return MEDAL("precomputed", **{"random_state": 0} | params).fit(X, embedding=Z, groups=groups)


def encoder_of(found):
    return type(found.student.encoder).__name__


def test_a_linear_teacher_gets_the_linear_encoder():
    X, _ = blobs()
    found = learn(X, PCA(2).fit_transform(X))
    assert encoder_of(found) == "LinearEncoder"
    assert found.encoder_scores["linear"] > 0.999 > found.encoder_scores["median"]


def test_a_torn_map_gets_the_median():
    X = np.random.RandomState(0).randn(200, 4)
    found = learn(X, Torn().fit_transform(X))
    assert encoder_of(found) == "MedianEncoder"
    assert found.encoder_scores["median"] > found.encoder_scores["linear"] + 0.02


@pytest.mark.parametrize("encoder", [MedianEncoder(), LinearEncoder()], ids=["median", "linear"])
def test_one_candidate_is_taken_and_still_scored(encoder):
    X, Z = curve()
    found = learn(X, Z, (encoder,))
    assert list(found.encoder_scores) == [encoder.name]
    assert not hasattr(encoder, "places_") and not hasattr(encoder, "coef_")  # a clone was fitted


def test_scores_are_the_r2_of_the_placements_left_out():
    X, Z = curve()
    found = learn(X, Z, (MedianEncoder(),))
    expected = match_r_squared(found.student.latent_scale.unscale(found.placed), Z)
    assert found.encoder_scores["median"] == pytest.approx(expected)
    assert found.placement_r2 == pytest.approx(expected)
    assert found.placement_error == pytest.approx(np.sqrt(1 - expected))


def test_a_bare_line_is_judged_without_its_correction_and_placed_with_it():
    X, Z = curve()
    Z = np.sin(3 * Z)
    exact, bare = (learn(X, Z, (LinearEncoder(e),)) for e in (True, False))
    assert exact.encoder_scores == bare.encoder_scores
    assert exact.placement_r2 > bare.placement_r2


def test_the_choice_is_reproducible():
    X, Z = curve()
    first, second, other = learn(X, Z), learn(X, Z), learn(X, Z, seed=1)
    assert first.encoder_scores == second.encoder_scores
    assert_array_equal(first.squared_errors, second.squared_errors)
    assert not np.array_equal(first.squared_errors, other.squared_errors)


def forget_by_hand(found, Z):
    """Own group and row next door, by brute force."""
    groups, rows = found.groups, found.rows
    apart = np.square(found.placed[:, None] - Z[None]).sum(axis=2)
    apart[groups[rows][:, None] == groups[None]] = np.inf
    return [
        np.append(np.flatnonzero(groups == groups[row]), apart[i].argmin())
        for i, row in enumerate(rows)
    ]


GROUPS = {"rows": None, "threes": np.arange(90) // 3, "large": np.arange(90) // 18}


@pytest.mark.parametrize("scale", ["global", "feature", "none"])
@pytest.mark.parametrize("groups", GROUPS.values(), ids=GROUPS)
@pytest.mark.parametrize("encoder", [MedianEncoder(), LinearEncoder()], ids=["median", "linear"])
def test_errors_left_out_are_those_of_a_decoder_that_never_saw_the_rows(encoder, groups, scale):
    X, Z = curve(90)
    Z, X = np.sin(3 * Z), X * [1, 2, 3, 4, 5]
    found = learn(X, Z, (encoder,), groups, scale=scale)
    student, target = found.student, found.target
    decoder = FourierRidge(40, student.decoder.scale_, student.decoder.penalty_)
    decoder.random_state = student.decoder.random_state
    for i, forgotten in enumerate(forget_by_hand(found, target)):
        if i % 11:
            continue
        kept = np.setdiff1d(np.arange(90), forgotten)
        work = student.feature_scale.work(X[kept])
        own = Forget(np.arange(len(kept)), np.arange(len(kept)))
        again = decoder.fit(target[kept], target[kept], work, own)
        back = student.feature_scale.unwork(again.predict(found.placed[i : i + 1])[0])
        assert found.squared_errors[i] == pytest.approx(np.square(X[i] - back).sum(), rel=1e-5)
    total = np.square(X - X.mean(axis=0)).sum()
    assert found.squares.sum() == pytest.approx(total)
    assert found.score == pytest.approx(1 - found.squared_errors.sum() / total)


def test_some_rows_are_left_out_as_among_all():
    X, Z = curve()
    rows = np.array([0, 5, *range(40, 60), 149])
    plan = {"decoder": FourierRidge(40, scale=8.0, penalty=0.1, random_state=0)}
    some = learn(X, Z, (LinearEncoder(),), rows=rows, **plan)
    whole = learn(X, Z, (LinearEncoder(),), **plan)
    assert_allclose(some.placed, whole.placed[rows])
    assert_allclose(some.squared_errors, whole.squared_errors[rows])
    assert_allclose(some.squares, whole.squares[rows])
    assert some.encoder_scores != whole.encoder_scores


@pytest.mark.parametrize("groups", [None, np.arange(60) // 3], ids=["rows", "groups"])
def test_a_row_left_out_does_not_know_its_own_place(groups):
    """Nor that of its group."""
    X, Z = curve(60)
    plan = {"decoder": FourierRidge(40, scale=8.0, penalty=0.1, random_state=0)}
    encoder = (MedianEncoder(),)
    before = learn(X, Z, encoder, groups, **plan)
    moved = Z.copy()
    moved[[6, 7, 8]] += [[0.01, 0]]
    after = learn(X, moved, encoder, groups, **plan)
    # coordinates are scaled by all rows, and so compared in units of the map
    places = [found.student.latent_scale.unscale(found.placed) for found in (before, after)]
    own = slice(6, 9) if groups is not None else None
    if own is not None:
        assert_allclose(places[1][own], places[0][own], atol=1e-3)
    assert not np.allclose(places[1], places[0])


def test_sparse_rows_give_the_dense_result():
    X, Z = curve(80)
    X = np.where(np.abs(X) < 0.5, 0, X)
    dense, same = learn(X, Z), learn(sparse.csr_matrix(X), Z)
    assert same.score == pytest.approx(dense.score, abs=1e-6)
    assert same.continuous == pytest.approx(dense.continuous, abs=1e-6)
    assert same.global_share == pytest.approx(dense.global_share, abs=1e-6)
    assert same.student.sparse and not dense.student.sparse


def test_a_fitted_student_keeps_nothing_that_only_the_fit_needs():
    X, Z = curve()
    student = learn(X, Z).student
    for part in (student.encoder, student.decoder, student.mean_decoder, student.line):
        assert not [name for name in vars(part) if name.startswith("_")]


@pytest.mark.parametrize("n", [2, 3, 4, 5])
def test_few_rows(n):
    X, Z = curve(n)
    found = learn(X, Z)
    assert np.isfinite(found.score)
    assert np.isfinite(found.student.place(X + 1)).all()


@pytest.mark.parametrize("groups", [None, np.arange(20)], ids=["none", "as many as rows"])
def test_rows_that_are_all_equal_cannot_be_left_out(groups):
    X, Z = np.ones((20, 3)), np.random.RandomState(0).randn(20, 2)
    if groups is None:
        with pytest.raises(ValueError, match="X must have rows that differ"):
            learn(X, Z)
    else:
        assert np.isfinite(learn(X, Z, groups=groups).score)


# --- traps: section 2 -----------------------------------------------------------------------------


@cache
def digits_and_map():
    """Digits, their t-SNE map, and which half of the rows is fitted."""
    X = load_digits().data[:600] / 16
    return X, TSNE(random_state=0, init="pca").fit_transform(X).astype(float)


def halves(Z):
    """Left-out score of two thirds of the rows, and their score of the others."""
    X, _ = digits_and_map()
    fitted_on = np.arange(600) % 3 > 0
    medal = fitted(X[fitted_on], Z[fitted_on])
    return medal.loo_score_, medal.score(X[~fitted_on])


@pytest.mark.parametrize("seed", [0, 1])
def test_a_permuted_map_scores_nothing(seed):
    _, Z = digits_and_map()
    for score in halves(np.random.RandomState(seed).permutation(Z)):
        assert abs(score) <= 0.02


def test_a_map_shuffled_within_islands_scores_as_the_islands():
    """It tells the island and nothing else, and the score of that is the one of island means."""
    X, Z = digits_and_map()
    island = KMeans(12, n_init=4, random_state=0).fit_predict(Z)
    rng, shuffled = np.random.RandomState(0), Z.copy()
    for k in range(12):
        members = np.flatnonzero(island == k)
        shuffled[members] = Z[rng.permutation(members)]
    fitted_on = np.arange(600) % 3 > 0
    means = np.array([X[fitted_on & (island == k)].mean(axis=0) for k in range(12)])
    error = np.square(X[~fitted_on] - means[island[~fitted_on]]).sum()
    truth = 1 - error / np.square(X[~fitted_on] - X[fitted_on].mean(axis=0)).sum()
    for score in halves(shuffled):
        assert score == pytest.approx(truth, abs=0.035)
    assert halves(Z)[0] > truth + 0.1


# --- groups: section 3 ----------------------------------------------------------------------------


def mixture(n, seed, d=20):
    """Rows of eight Gaussians that lie in five directions."""
    rng = np.random.RandomState(1234)
    centres, directions = 2.5 * rng.randn(8, 5), rng.randn(5, d) / 2
    rng = np.random.RandomState(seed)
    latent = centres[rng.randint(0, 8, n)] + rng.randn(n, 5)
    return latent @ directions + 2.0 * rng.randn(n, d)


@pytest.mark.parametrize("noise", [0.0, 0.01], ids=["equal", "noise"])
def test_rows_that_are_there_twice_do_not_vouch_for_each_other(noise):
    X = np.repeat(mixture(200, 0), 2, axis=0)
    X = X + noise * X.std() * np.random.RandomState(5).randn(*X.shape)
    fresh = mixture(2000, 1)
    with pytest.warns(UserWarning, match="400 of 400 rows are equal or nearly equal"):
        medal = MEDAL(PCA(5), random_state=0).fit(X)
    assert medal.n_copies_ == 400
    assert medal.loo_score_ == pytest.approx(medal.score(fresh), abs=0.04)
    assert (medal.pvalue(fresh) <= 0.05).mean() <= 0.075


@pytest.mark.parametrize("noise", [0.0, 0.01], ids=["equal", "noise"])
def test_without_groups_copies_vouch_for_each_other(noise):
    """Of three, one is the row next door, and the third names the row."""
    X = np.repeat(mixture(130, 0), 3, axis=0)
    X = X + noise * X.std() * np.random.RandomState(5).randn(*X.shape)
    refused = MEDAL(PCA(5), random_state=0, encoder="median").fit(X, groups=np.arange(390))
    assert refused.n_copies_ == 0
    assert refused.loo_score_ > 0.99
    assert refused.loo_score_ > refused.score(mixture(2000, 1)) + 0.3


def test_groups_are_left_out_together():
    """Ten noisy copies each: groups given, groups found, and no groups."""
    rng = np.random.RandomState(0)
    X = np.repeat(mixture(40, 0), 10, axis=0)
    X = X + 0.05 * X.std() * rng.randn(*X.shape)
    groups = np.repeat(np.arange(40), 10)
    student = MEDAL(PCA(5), decoder=FourierRidge(100), random_state=0)
    given = clone(student).fit(X, groups=groups)
    with pytest.warns(UserWarning, match="equal or nearly equal"):
        found = clone(student).fit(X)
    alone = clone(student).fit(X, groups=np.arange(400))
    assert given.groups_given_ and not found.groups_given_
    assert (given.n_copies_, found.n_copies_) == (0, 400)
    assert given.loo_score_ == pytest.approx(found.loo_score_, abs=1e-9)
    assert alone.loo_score_ > given.loo_score_ + 0.2
    truth = given.score(mixture(2000, 1))
    assert given.loo_score_ == pytest.approx(truth, abs=0.1)


def test_p_values_by_groups_are_valid_on_average_over_draws():
    """Of 30 groups one draw may flag several per cent more or fewer."""
    fresh, flagged, groups = mixture(1000, 1), [], np.repeat(np.arange(30), 10)
    for seed in range(6):
        X = np.repeat(mixture(30, 20 + seed), 10, axis=0)
        X = X + 0.05 * X.std() * np.random.RandomState(seed).randn(*X.shape)
        student = MEDAL(PCA(5), encoder="linear", decoder=FourierRidge(50), random_state=0)
        medal = student.fit(X, groups=groups)
        flagged.append((medal.pvalue(fresh) <= 0.05).mean())
    assert 0.01 < np.mean(flagged) <= 0.075


def test_independent_rows_are_calibrated():
    """The row next door takes the optimism out of p-values."""
    fresh = mixture(3000, 1)
    for seed in (0, 2, 3):
        medal = MEDAL(PCA(5), random_state=0).fit(mixture(400, seed))
        assert medal.loo_score_ == pytest.approx(medal.score(fresh), abs=0.02)
        assert (medal.pvalue(fresh) <= 0.05).mean() == pytest.approx(0.05, abs=0.03)


def test_names_of_groups_do_not_matter():
    X, Z = curve(90)
    groups = np.arange(90) // 3
    first = fitted(X, Z, groups=groups)
    second = fitted(X, Z, groups=np.array([f"donor {g}" for g in groups], dtype=object))
    assert first.loo_score_ == second.loo_score_


def test_a_series_is_told():
    t = np.linspace(0, 6, 200)[:, None]
    X = np.hstack([np.sin(t), np.cos(t), t, np.sin(3 * t)])
    with pytest.warns(UserWarning, match="next or previous row of the table"):
        MEDAL(PCA(2), random_state=0).fit(X)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        MEDAL(PCA(2), random_state=0).fit(X, groups=np.arange(200) // 20)


def test_rows_without_coordinates_take_their_groups_along():
    X, Z = curve(90)
    groups = np.arange(90) // 3
    Z = np.where(np.isin(groups, [3, 20])[:, None], np.nan, Z)
    kept = ~np.isnan(Z[:, 0])
    with pytest.warns(UserWarning, match="6 of 90 rows have NaN"):
        medal = fitted(X, Z, groups=groups)
    rest = fitted(X[kept], Z[kept], groups=groups[kept])
    assert medal.loo_score_ == rest.loo_score_
    assert_array_equal(medal.calibration_groups_, rest.calibration_groups_)
    few = np.where(groups < 2, groups, 2)
    with (
        pytest.warns(UserWarning, match="rows have NaN"),
        pytest.raises(ValueError, match="groups must have at least 3 different values, got 2"),
    ):
        fitted(X, np.where(groups[:, None] < 2, Z, np.nan), groups=groups)
    assert set(few) == {0, 1, 2}


# --- readings -------------------------------------------------------------------------------------


def test_a_plane_of_largest_variance_is_continuous_and_global():
    X = mixture(400, 0)
    medal = MEDAL(PCA(2), random_state=0).fit(X)
    assert medal.global_share_ == pytest.approx(1, abs=0.02)
    assert medal.continuous_ / medal.loo_score_ > 0.8


def test_a_permuted_map_is_not_global():
    X = mixture(400, 0)
    Z = np.random.RandomState(0).permutation(PCA(2).fit_transform(X))
    assert abs(fitted(X, Z).global_share_) <= 0.03


def test_a_map_cut_into_shuffled_tiles_is_not_continuous():
    X, Z = digits_and_map()
    natural = learn(X, Z, (MedianEncoder(),), decoder=FourierRidge())
    assert natural.continuous > 0.8 * natural.score
    low, width = Z.min(axis=0), np.ptp(Z, axis=0) / 6 * (1 + 1e-9)
    tile = np.floor((Z - low) / width).astype(int)
    shuffled = np.random.RandomState(0).permutation(36)
    moved = np.stack(np.divmod(shuffled[tile[:, 0] * 6 + tile[:, 1]], 6), axis=1)
    tiles = Z + (moved - tile) * width
    torn = learn(X, tiles, (MedianEncoder(),), decoder=FourierRidge())
    assert torn.continuous < 0.7 * torn.score
    assert torn.score > natural.score - 0.1


@pytest.mark.parametrize("groups", [None, np.arange(90) // 3], ids=["rows", "groups"])
def test_left_out_readings_are_those_of_refits(groups):
    X, Z = curve(90)
    Z = np.sin(3 * Z)
    found = learn(X, Z, (MedianEncoder(),), groups)
    target, total = found.target, np.square(X - X.mean(axis=0)).sum()
    error = 0.0
    for i in range(90):
        kept = found.groups != found.groups[i]
        line = LinearRegression().fit(target[kept], X[kept])
        error += np.square(X[i] - line.predict(found.placed[i : i + 1])[0]).sum()
    pca = PCA(2).fit(X)
    principal = 1 - np.square(X - pca.inverse_transform(pca.transform(X))).sum() / total
    assert found.global_share == pytest.approx((1 - error / total) / principal, rel=1e-5)
    # the same decoder's features, chosen at the mean places, without the group
    encoder = MedianEncoder().fit(X, target, found.groups)
    own = Forget(found.groups, np.arange(90))
    decoder = FourierRidge(40, random_state=found.student.decoder.random_state)
    decoder.fit(target, encoder.left_out_mean(), X, own)
    error = np.square(X - decoder.left_out(encoder.left_out_mean(), own)).sum()
    assert found.continuous == pytest.approx(1 - error / total, rel=1e-9)
    door = next_door(encoder.left_out(), target, own)
    assert_array_equal(door, [f[-1] for f in forget_by_hand(found, target)])


@pytest.mark.parametrize("encoder", ["median", "linear", "local"])
def test_held_out_readings_are_computed_by_hand(encoder):
    X, Z = curve(120)
    Z = np.sin(3 * Z)
    medal = fitted(X, Z, encoder=encoder, max_iter=3)
    X_new = curve(60, seed=1)[0]
    readings, student = medal.score_readings(X_new), medal.student_
    assert list(readings) == ["r2", "continuous", "global_share"]
    assert readings["r2"] == pytest.approx(medal.score(X_new), abs=1e-12)
    total = np.square(X_new - X.mean(axis=0)).sum()
    squared = np.square(X_new[:, None] - X[None]).sum(axis=2)
    near = np.argsort(squared, axis=1)[:, :10]
    weights = 1 / np.take_along_axis(squared, near, axis=1)
    at = (weights[:, :, None] * Z[near]).sum(axis=1) / weights.sum(axis=1)[:, None]
    decoded = student.mean_decoder.predict(student.latent_scale.scale(at))
    expected = 1 - np.square(X_new - decoded).sum() / total
    assert readings["continuous"] == pytest.approx(expected)
    line = LinearRegression().fit(Z, X)
    error = np.square(X_new - line.predict(medal.transform(X_new))).sum()
    pca = PCA(2).fit(X)
    principal = np.square(X_new - pca.inverse_transform(pca.transform(X_new))).sum()
    expected = (1 - error / total) / (1 - principal / total)
    assert readings["global_share"] == pytest.approx(expected, rel=1e-5)


def test_networks_have_no_further_readings():
    X, Z = curve(60)
    params = {"hidden_layer_sizes": (8,), "max_iter": 2, "calibration": "holdout"}
    medal = fitted(X, Z, encoder="mlp", **params)
    readings = medal.score_readings(X)
    assert readings["r2"] == pytest.approx(medal.score(X), abs=1e-12)
    assert np.isnan([medal.continuous_, medal.global_share_]).all()
    assert np.isnan([readings["continuous"], readings["global_share"]]).all()
