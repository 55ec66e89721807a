import copy
import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE

import sksubspace
from sksubspace import MEDAL
from sksubspace.decoding import FourierRidge
from sksubspace.distillation._shift import conformal_p_values
from tests._student.toy import blobs, curve
from tests.distillation.toy import FirstColumns

pytestmark = [
    pytest.mark.filterwarnings("ignore:calibration='loo' needs"),
    pytest.mark.filterwarnings("ignore:A precomputed embedding"),
]


def fit(X, teacher=None, **params):
    params = {"encoder": "linear", "random_state": 0, **params}
    return MEDAL(FirstColumns() if teacher is None else teacher, **params).fit(X)


@pytest.fixture(scope="module")
def medal():
    return fit(curve(300)[0])


X_new = curve(80, seed=1)[0]


def test_distortion_is_the_mean_squared_error_of_a_row(medal):
    residual = X_new - medal.reconstruct(X_new)
    assert_allclose(medal.distortion(X_new), np.square(residual).mean(axis=1))
    assert_array_equal(medal.score_samples(X_new), -medal.distortion(X_new))


def test_relative_distortion_is_in_units_of_the_15_nearest_calibration_rows(medal):
    placed = medal.transform(X_new)
    expected = []
    for z, distortion in zip(placed, medal.distortion(X_new), strict=True):
        apart = np.square(medal.embedding_ - z).sum(axis=1)  # a linear map places rows at Z
        expected.append(distortion / medal.loo_distortion_[np.argsort(apart)[:15]].mean())
    assert_allclose(medal.distortion(X_new, relative=True), expected, rtol=1e-2)
    assert np.median(medal.distortion(X_new, relative=True)) == pytest.approx(1, rel=0.4)


def test_relative_distortion_has_no_unit():
    X, _ = curve(100)
    plain, scaled = (fit(unit * X).distortion(unit * X_new, relative=True) for unit in (1, 1024))
    assert_allclose(scaled, plain, rtol=1e-6)


def test_score_is_the_held_out_r2_about_the_training_mean(medal):
    X = curve(300)[0]
    error = np.square(X_new - medal.reconstruct(X_new)).sum()
    total = np.square(X_new - X.mean(axis=0)).sum()
    assert medal.score(X_new) == pytest.approx(1 - error / total)
    assert medal.score(X_new, y=np.arange(80)) == medal.score(X_new)
    shifted = X_new + 3
    total = np.square(shifted - X.mean(axis=0)).sum()
    error = np.square(shifted - medal.reconstruct(shifted)).sum()
    assert medal.score(shifted) == pytest.approx(1 - error / total)


def test_weights_count_rows_more_than_once(medal):
    weights = np.arange(80) % 3
    repeated = np.repeat(X_new, weights, axis=0)
    assert medal.score(X_new, sample_weight=weights) == pytest.approx(medal.score(repeated))
    assert medal.score(X_new, sample_weight=np.full(80, 0.5)) == pytest.approx(medal.score(X_new))


@pytest.mark.parametrize(
    ("weights", "message"),
    [(np.ones(79), "80"), (-np.ones(80), "[Nn]egative"), (np.full(80, np.nan), "NaN")],
)
def test_bad_weights(medal, weights, message):
    with pytest.raises(ValueError, match=message):
        medal.score(X_new, sample_weight=weights)


def test_score_of_a_map_that_says_nothing_is_nil():
    rng = np.random.RandomState(0)
    X = rng.randn(200, 4)
    medal = MEDAL("precomputed", encoder="local", max_iter=2, random_state=0)
    assert medal.fit(X, embedding=rng.randn(200, 2)).score(rng.randn(200, 4)) < 0.05


def test_p_values_are_conformal(medal):
    expected = conformal_p_values(medal.distortion(X_new), medal.calibration_scores_)
    assert_array_equal(medal.pvalue(X_new), expected)
    order = np.argsort(medal.distortion(X_new))
    assert (np.diff(medal.pvalue(X_new)[order]) <= 0).all()
    assert medal.pvalue(X_new + 50).max() == 1 / 301


def noise(n, seed):
    """Rows whose distortion does not depend on their place."""
    return np.random.RandomState(seed).randn(n, 5)


@pytest.mark.parametrize("calibration", ["holdout", "loo"])
def test_p_values_of_exchangeable_rows_are_about_uniform(calibration):
    p_values = np.concatenate(
        [
            fit(noise(200, s), calibration=calibration, validation_fraction=0.495).pvalue(
                noise(100, 1000 + s)
            )
            for s in range(8)
        ]
    )
    for alpha in (0.05, 0.1, 0.3, 0.6):
        assert (p_values <= alpha).mean() == pytest.approx(alpha, abs=0.05)


def test_training_errors_would_not_do():
    """Why calibration never uses them: the errors of rows the decoder knows are smaller."""
    X = noise(60, 0)
    medal = fit(X, encoder="local", max_iter=2)
    assert medal.distortion(X).mean() < 0.9 * medal.calibration_scores_.mean()


def test_no_shift_in_rows_of_the_same_kind():
    medal = fit(noise(400, 0), calibration="holdout", validation_fraction=0.3)
    found = [medal.detect_shift(noise(60, seed)).shifted for seed in range(1, 11)]
    assert sum(found) <= 2


def test_shift_is_found_in_moved_and_in_distorted_batches(medal):
    assert not medal.detect_shift(X_new).shifted
    along = X_new + np.array([1.0, 0, 0, 0, 0])
    away = X_new + 3 * np.random.RandomState(0).randn(80, 1) * [0, 0, 1, 1, 1]
    moved, distorted = medal.detect_shift(along), medal.detect_shift(away)
    assert moved.shifted and moved.p_embedding < 0.01
    assert distorted.shifted and distorted.p_distortion < 0.01
    assert distorted.fraction_flagged > 0.3


def test_the_shift_test_is_reproducible(medal):
    first, second = medal.detect_shift(X_new), medal.detect_shift(X_new)
    assert first.p_value == second.p_value
    assert_array_equal(first.sample_p_values, medal.pvalue(X_new))


def test_one_row_can_be_tested(medal):
    assert medal.detect_shift(X_new[:1] + 50).fraction_flagged == 1
    assert 0 < medal.detect_shift(X_new[:1]).p_value <= 1


@pytest.mark.parametrize("alpha", [0, 1, -0.1, "0.05", None, np.nan])
def test_bad_alpha(medal, alpha):
    with pytest.raises(ValueError, match="alpha must be a number between 0 and 1, got"):
        medal.detect_shift(X_new, alpha=alpha)


def test_leave_one_out_leaves_a_margin_and_rows_held_out_need_none():
    """Leave-one-out errors are slightly small: an increase of a few percent says nothing."""
    X, _ = curve(300)
    loo, held = fit(X), fit(X, calibration="holdout")
    for medal, usual in [(loo, None), (held, 0.0)]:
        p_values = [medal.detect_shift(X_new, margin=m).p_distortion for m in ("auto", 0.0, 0.5)]
        assert p_values[1] < p_values[2]
        assert (p_values[0] == p_values[1]) == (usual == 0.0)
    assert loo.calibrate(X_new).detect_shift(X_new).p_distortion == (
        loo.detect_shift(X_new, margin=0.0).p_distortion
    )


@pytest.mark.parametrize("margin", [-0.1, np.inf, np.nan, "none", None])
def test_bad_margin(medal, margin):
    with pytest.raises(ValueError, match="margin must be 'auto' or a number of at least 0, got"):
        medal.detect_shift(X_new, margin=margin)


def test_calibrating_on_fresh_rows():
    X, _ = curve(100)
    medal = fit(X)
    before = medal.transform(X_new)
    fresh = curve(150, seed=2)[0]
    assert medal.calibrate(fresh) is medal
    assert (medal.calibration_, medal.calibration_indices_) == ("fresh", None)
    assert_array_equal(medal.calibration_scores_, medal.distortion(fresh))
    assert_array_equal(medal.calibration_embedding_, medal.transform(fresh))
    expected = conformal_p_values(medal.distortion(X_new), medal.distortion(fresh))
    assert_array_equal(medal.pvalue(X_new), expected)
    assert_array_equal(medal.transform(X_new), before)
    assert not medal.detect_shift(X_new).shifted
    assert medal.fit(X).calibration_ == "loo"


class Offset(BaseEstimator):
    """A teacher whose own placement of new rows is off by one."""

    def fit_transform(self, X, y=None):
        return X[:, :2]

    def transform(self, X):
        return X[:, :2] + 1


def test_components_of_the_score():
    X, _ = curve(200)
    medal = fit(X, PCA(2), encoder="local", hidden_layer_sizes=(32, 32), max_iter=100)
    parts = medal.score_components(X_new)
    total = np.square(X_new - X.mean(axis=0)).sum()
    pca = PCA(2).fit(X)
    by_pca = np.square(X_new - pca.inverse_transform(pca.transform(X_new))).sum()
    by_decoder = np.square(X_new - medal.inverse_transform(pca.transform(X_new))).sum()
    mismatch = np.square(medal.transform(X_new) - medal.teacher_.transform(X_new)).sum()
    spread = medal.teacher_.transform(X_new).var(axis=0).sum() * 80
    assert parts.r2 == medal.score(X_new)
    assert parts.pca_r2 == pytest.approx(1 - by_pca / total)
    assert parts.r2_decoder_only == pytest.approx(1 - by_decoder / total, abs=1e-4)
    assert parts.match_r2 == pytest.approx(1 - mismatch / spread)
    assert parts.match_source == "transform"
    assert parts.skill == pytest.approx(1 - (1 - parts.r2) / (1 - parts.pca_r2))
    assert parts.pca_r2 - 0.05 < parts.ae_r2 < 1
    assert medal.score_components(X_new) == parts


def test_decoder_only_is_at_the_teachers_own_coordinates():
    X, _ = curve(200)
    medal = fit(X, Offset())
    parts = medal.score_components(X_new)
    error = np.square(X_new - medal.inverse_transform(X_new[:, :2] + 1)).sum()
    expected = 1 - error / np.square(X_new - X.mean(axis=0)).sum()
    assert parts.r2_decoder_only == pytest.approx(expected)
    assert parts.r2_decoder_only < parts.r2


def test_a_teacher_that_cannot_place_new_rows_is_matched_by_leave_one_out():
    X, _ = curve(60)
    teacher = TSNE(perplexity=10, max_iter=250)
    medal = fit(X, teacher, encoder="local", max_iter=2, hidden_layer_sizes=(8,))
    parts = medal.score_components(X_new)
    assert parts.match_source == "leave-one-out"
    assert parts.match_r2 == medal.encoder_scores_["local"]
    assert np.isnan(parts.r2_decoder_only)


def test_without_training_rows_there_is_no_autoencoder():
    parts = fit(curve(60)[0], exact=None).score_components(X_new)
    assert np.isnan(parts.ae_r2) and np.isfinite(parts.r2)


@pytest.mark.filterwarnings("ignore:2 of 80 rows are equal")
def test_components_of_sparse_rows():
    X = np.random.RandomState(0).rand(80, 8)
    X[X < 0.5] = 0
    params = {"encoder": "local", "max_iter": 2, "hidden_layer_sizes": (8,)}
    dense = fit(X, **params).score_components(X)
    same = fit(sparse.csr_matrix(X), **params).score_components(sparse.csr_matrix(X))
    assert same.r2 == pytest.approx(dense.r2, abs=1e-6)
    assert same.ae_r2 == pytest.approx(dense.ae_r2, abs=1e-4)
    assert same.pca_r2 == pytest.approx(dense.pca_r2, abs=1e-6)


def test_components_leave_random_states_alone():
    medal = fit(curve(60)[0], encoder="local", max_iter=2, hidden_layer_sizes=(8,))
    before = np.random.get_state()[1].copy()
    first, second = medal.score_components(X_new), medal.score_components(X_new)
    assert_array_equal(np.random.get_state()[1], before)
    assert first == second


def test_novel_rows_are_more_distorted():
    X, labels = blobs(400, d=10, spread=0.5)
    known = labels != 3
    X_test, test_labels = blobs(200, d=10, seed=1, spread=0.5)
    medal = fit(X[known], PCA(2), encoder="auto", max_iter=10)
    distortion = medal.distortion(X_test)
    assert np.median(distortion[test_labels == 3]) > np.quantile(distortion[test_labels != 3], 0.95)
    assert medal.detect_shift(X_test).shifted
    assert not medal.detect_shift(X_test[test_labels != 3]).shifted


def donors(n_groups, size=10, seed=0, noise=0.0):
    """Rows of donors, and whose they are; another seed has other donors."""
    rng = np.random.RandomState(seed)
    groups = np.repeat(np.arange(n_groups), size)
    X = (rng.randn(n_groups, 5) * [2, 2, 0.5, 0.5, 0.5])[groups] + 0.5 * rng.randn(len(groups), 5)
    return X + noise * rng.randn(*X.shape), groups + 100 * seed


@pytest.fixture(scope="module")
def by_donors():
    X, groups = donors(20)
    return MEDAL(PCA(2), random_state=0).fit(X, groups=groups)


def test_with_groups_the_unit_of_the_shift_test_is_the_group(by_donors):
    batch, own = donors(4, seed=1)
    found = by_donors.detect_shift(batch, groups=own)
    assert_array_equal(found.sample_p_values, by_donors.pvalue(batch))
    assert by_donors.pvalue(batch + 99).max() == pytest.approx(1 / 21)
    noisy, own = donors(6, seed=1, noise=2.0)
    assert by_donors.detect_shift(noisy, groups=own).shifted


def test_new_donors_of_the_same_kind_are_hardly_ever_called_shifted():
    """Batches share what their fit is compared with, hence a fit for each."""
    found = []
    for seed in range(10):
        X, groups = donors(20, seed=seed)
        medal = MEDAL(PCA(2), decoder=FourierRidge(50), random_state=0).fit(X, groups=groups)
        batch, own = donors(4, seed=100 + seed)
        found.append(medal.detect_shift(batch, groups=own).shifted)
    assert sum(found) <= 2


def test_a_batch_of_one_donor_cannot_be_called_shifted(by_donors):
    batch, _ = donors(1, seed=1, noise=9.0)
    with pytest.warns(UserWarning, match=r"1 of the batch, 20 known\) cannot give"):
        found = by_donors.detect_shift(batch)
    assert found.p_distortion == pytest.approx(1 / 21) and not found.shifted


def test_groups_of_a_batch_that_were_in_fit_are_told(by_donors, tmp_path):
    """Shared sites counted as new ones, in silence: a shift of theirs is easily missed."""
    batch, own = donors(4, seed=1)
    assert_array_equal(by_donors.group_names_, np.unique(np.arange(20).astype(str)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = by_donors.detect_shift(batch, groups=own)
        assert "between groups (4 of the batch, 20 known) at" in str(found)
    known = np.where(own == 100, 0, own)  # first as it was, so that the same labels are drawn
    path = sksubspace.save(by_donors, tmp_path / "map.skops")
    # those of a file are text
    for medal, groups in ((by_donors, known), (sksubspace.load(path), known.astype(str))):
        with pytest.warns(UserWarning, match=r"1 of the 4 groups of the batch .* made with \(0\),"):
            again = medal.detect_shift(batch, groups=groups)
        assert again.p_value == found.p_value
    fresh, others = donors(30, seed=2)
    medal = copy.deepcopy(by_donors).calibrate(fresh, groups=others)
    with pytest.warns(UserWarning, match=r"4 of the 4 groups .* \(200, 201, 202, \.\.\.\)"):
        medal.detect_shift(batch, groups=own + 100)


def test_calibration_groups_are_those_of_the_rows(by_donors):
    assert by_donors.groups_given_
    assert_array_equal(by_donors.calibration_groups_, np.repeat(np.arange(20), 10))
    fresh, own = donors(30, seed=2)
    medal = fit(donors(20)[0])
    with pytest.raises(ValueError, match=r"groups of a batch need fit\(X, groups=...\)"):
        medal.detect_shift(fresh, groups=own)
    medal.calibrate(fresh, groups=own)
    assert_array_equal(medal.calibration_groups_, own - 200)
    expected = conformal_p_values(medal.distortion(X_new), medal.distortion(fresh), own - 200)
    assert_array_equal(medal.pvalue(X_new), expected)
    assert not medal.calibrate(fresh).groups_given_


@pytest.mark.parametrize("groups", [np.arange(5), np.zeros((40, 1))])
def test_groups_of_a_batch_of_the_wrong_shape(by_donors, groups):
    with pytest.raises(ValueError, match="groups must have one entry for each of the 40 rows"):
        by_donors.detect_shift(donors(4, seed=1)[0], groups=groups)


def test_whole_groups_are_held_out():
    X, groups = donors(20)
    medal = MEDAL(PCA(2), calibration="holdout", validation_fraction=0.2, random_state=0)
    held = medal.fit(X, groups=groups).calibration_indices_
    assert len(held) == 40
    assert not set(groups[held]) & set(np.delete(groups, held))
    assert_array_equal(medal.calibration_groups_, np.unique(groups[held], return_inverse=True)[1])
