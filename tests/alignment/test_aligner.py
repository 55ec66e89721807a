"""Two views: right values from other computations, and what is refused."""

import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import linalg, sparse, stats
from sklearn.kernel_approximation import RBFSampler
from sklearn.pipeline import make_pipeline

import sksubspace
from sksubspace.alignment import SubspaceAligner
from tests.common import assert_unwritten, unsorted

RHO = np.array([0.95, 0.9, 0.8, 0.6, 0.4])
TRUTH = -np.log(1 - RHO**2).sum() / 2


def gaussian_views(n, d, seed, rho=RHO):
    """Views of d columns each, mixed, of which so many pairs of latent variables correlate."""
    rng, fixed = np.random.RandomState(seed), np.random.RandomState(99)
    a, b = rng.randn(n, d), rng.randn(n, d)
    b[:, : len(rho)] = rho * a[:, : len(rho)] + np.sqrt(1 - rho**2) * b[:, : len(rho)]
    mixing = [np.eye(d) + fixed.randn(d, d) / np.sqrt(d) for _ in range(2)]
    return np.hstack([a @ mixing[0] + 3, b @ mixing[1]])


X, X_new = gaussian_views(400, 8, 0), gaussian_views(300, 8, 1)


def by_hand(A, B, r):
    """Canonical correlations and directions of shrunk covariances, by matrix roots."""
    A, B = A - A.mean(0), B - B.mean(0)
    S_a, S_b, C = A.T @ A / len(A), B.T @ B / len(A), A.T @ B / len(A)
    root = [
        linalg.inv(linalg.sqrtm(S + r * np.trace(S) / len(S) * np.eye(len(S)))) for S in (S_a, S_b)
    ]
    U, rho, Vt = np.linalg.svd(root[0] @ C @ root[1])
    return root[0] @ U, rho, root[1] @ Vt.T


def test_directions_are_those_of_regularised_canonical_correlation():
    aligner = SubspaceAligner(shrinkage=0.1, n_components=3, random_state=0).fit(X)
    P, _, Q = by_hand(X[:, :8], X[:, 8:], 0.1)
    for found, expected in zip(aligner.projections_, (P, Q), strict=True):
        signs = np.sign((found * expected[:, :3]).sum(0))
        assert_allclose(found * signs, expected[:, :3], atol=1e-9)


def test_moments_and_information_are_out_of_fold():
    """Folds dealt as in `fit`, directions of the other folds by matrix roots, ranks pooled."""
    aligner = SubspaceAligner(shrinkage=0.1, n_components=2, cv=4, random_state=0).fit(X)
    order = np.random.RandomState(0).permutation(400)
    folds = [order[np.arange(400) % 4 == k] for k in range(4)]
    moments, variates = [], []
    for fold in folds:
        rest = np.setdiff1d(order, fold)
        P, _, Q = by_hand(X[rest, :8], X[rest, 8:], 0.1)
        U = (X[fold, :8] - X[rest, :8].mean(0)) @ P[:, :2]
        V = (X[fold, 8:] - X[rest, 8:].mean(0)) @ Q[:, :2]
        variates.append((U, V))
        moments.append([(U * U).mean(0), (V * V).mean(0), (U * V).mean(0)])
    moments = np.array(moments)
    first, second, cross = moments.mean(0)
    expected = cross / np.sqrt(first * second)
    assert_allclose(aligner.canonical_correlations_, expected, atol=1e-9)
    information = []
    for k, (U, V) in enumerate(variates):
        v_u, v_v, c = np.delete(moments, k, axis=0).mean(0)
        information.append(log_ratio(U, V, v_u, v_v, c).mean())
    assert aligner.information_ == pytest.approx(np.mean(information), abs=1e-9)


def log_ratio(U, V, v_u, v_v, c):
    """log p(u, v) - log p(u) - log p(v), by scipy's densities, summed over pairs."""
    total = np.zeros(len(U))
    for k in range(U.shape[1]):
        both = stats.multivariate_normal([0, 0], [[v_u[k], c[k]], [c[k], v_v[k]]])
        total += both.logpdf(np.c_[U[:, k], V[:, k]])
        total -= stats.norm(scale=np.sqrt(v_u[k])).logpdf(U[:, k])
        total -= stats.norm(scale=np.sqrt(v_v[k])).logpdf(V[:, k])
    return total


def test_scores_are_log_likelihood_ratios():
    aligner = SubspaceAligner(shrinkage=0.01, n_components=3, random_state=0).fit(X)
    scores = aligner.match(X_new[:, :8], X_new[:, 8:])
    U, V = (
        (X_new[:, part] - mean) @ P
        for part, mean, P in zip(
            (slice(8), slice(8, 16)), aligner.means_, aligner.projections_, strict=True
        )
    )
    moments = aligner._moments[0]
    assert_allclose(np.diag(scores), log_ratio(U, V, *moments), atol=1e-9)
    assert aligner.score(X_new) == pytest.approx(np.diag(scores).mean(), abs=1e-12)
    first = scores.argmax(1) == np.arange(300), scores.argmax(0) == np.arange(300)
    assert aligner.match_rate(X_new) == pytest.approx(np.mean(first), abs=1e-12)


def test_the_inner_product_of_variates_is_what_depends_on_both():
    aligner = SubspaceAligner(random_state=0).fit(X)
    Z = aligner.transform(X_new)
    k = aligner.n_components_
    scores = aligner.match(X_new[:, :8], X_new[:, 8:])
    left = scores - Z[:, :k] @ Z[:, k:].T
    assert_allclose(left - left[:1] - left[:, :1] + left[0, 0], 0, atol=1e-9)
    assert_array_equal(aligner.transform_view(X_new[:, 8:], 1), Z[:, k:])


@pytest.mark.parametrize("d", [10, 50])
def test_information_of_gaussian_views_is_the_known_one(d):
    """By the mean of four draws, of which each of 5,000 rows has a standard error of 1 %."""
    fits = [
        SubspaceAligner(random_state=0).fit(gaussian_views(5000, d, seed)) for seed in range(10, 14)
    ]
    found = [one.information_ for one in fits]
    assert_allclose(found, TRUTH, rtol=0.05)
    assert np.mean(found) == pytest.approx(TRUTH, rel=0.03)
    assert fits[0].score(gaussian_views(5000, d, 1)) == pytest.approx(TRUTH, rel=0.05)
    assert_allclose(fits[0].canonical_correlations_[:4], RHO[:4], atol=0.03)


@pytest.mark.parametrize(("n", "d"), [(200, 10), (200, 40), (1000, 50)])
def test_information_is_that_of_fresh_rows_and_errs_on_the_low_side(n, d):
    fresh = gaussian_views(3000, d, 1)
    found = [
        (one.information_, one.score(fresh))
        for seed in range(3)
        for one in [SubspaceAligner(random_state=0).fit(gaussian_views(n, d, 10 + seed))]
    ]
    out_of_fold, truth = np.mean(found, axis=0)
    assert 0.85 * truth < out_of_fold < truth + 0.1


def test_two_identical_views_match():
    rows, new = (np.random.RandomState(seed).randn(150, 20) for seed in (0, 1))
    aligner = SubspaceAligner(random_state=0).fit(np.hstack([rows, rows]))
    assert aligner.match_rate_ == 1
    assert aligner.match_rate(np.hstack([new, new])) == 1
    assert np.isfinite(aligner.score(np.hstack([new, new])))


def test_two_independent_views_say_nothing():
    for seed in range(5):
        rng = np.random.RandomState(seed)
        aligner = SubspaceAligner(random_state=0).fit(rng.randn(400, 60))
        new = rng.randn(400, 60)
        assert aligner.information_ <= 0.05
        assert aligner.score(new) <= 0.05
        assert aligner.match_rate(new) <= 3 / 400


def test_shuffled_partners_are_found_again_one_to_one():
    aligner = SubspaceAligner(random_state=0).fit(gaussian_views(1000, 20, 0, np.full(12, 0.97)))
    new = gaussian_views(60, 20, 1, np.full(12, 0.97))
    order = np.random.RandomState(2).permutation(60)
    found = aligner.assign(new[:, :20], new[order, 20:], one_to_one=True)
    assert np.mean(order[found] == np.arange(60)) > 0.95
    few = aligner.assign(new[:, :20], new[:10, 20:], one_to_one=True)
    assert sorted(few[few >= 0]) == list(range(10))
    assert (few == -1).sum() == 50


def test_hubness_correction_is_twice_the_score_less_both_means():
    aligner = SubspaceAligner(random_state=0).fit(X)
    plain = aligner.match(X_new[:40, :8], X_new[:50, 8:])
    aligner.set_params(hubness_neighbors=10)
    of_rows = np.sort(plain, axis=1)[:, -10:].mean(1)
    of_columns = np.sort(plain, axis=0)[-10:].mean(0)
    expected = 2 * plain - of_rows[:, None] - of_columns
    assert_allclose(aligner.match(X_new[:40, :8], X_new[:50, 8:]), expected, atol=1e-9)


def test_a_view_is_predicted_as_by_the_joint_gaussian():
    many = gaussian_views(20_000, 6, 0)
    aligner = SubspaceAligner(shrinkage=1e-3, random_state=0).fit(many)
    A, B = many[:, :6], many[:, 6:]
    slope = np.linalg.lstsq(A - A.mean(0), B - B.mean(0), rcond=None)[0]
    expected = (X_new[:5, :6] - A.mean(0)) @ slope + B.mean(0)
    assert_allclose(aligner.predict_view(X_new[:5, :6]), expected, atol=0.1)
    back = aligner.predict_view(B, given=1, view=0)
    assert 1 - np.square(A - back).sum() / np.square(A - A.mean(0)).sum() > 0.3


def test_partial_fit_is_fit_by_moments():
    aligner = SubspaceAligner(shrinkage=0.1, random_state=0)
    for part in np.array_split(X, 4):
        aligner.partial_fit(part)
    whole = SubspaceAligner(shrinkage=0.1, random_state=0).fit(X)
    k = min(aligner.n_components_, whole.n_components_, 4)
    for found, expected in zip(aligner.projections_, whole.projections_, strict=True):
        assert_allclose(found[:, :k], expected[:, :k], atol=1e-8)
    assert aligner.match_rate_ is None
    assert aligner.information_ == pytest.approx(whole.information_, abs=0.1)
    single = SubspaceAligner(random_state=0).partial_fit(X)
    assert single.information_ >= SubspaceAligner(random_state=0).fit(X).information_ - 1e-12
    rows = SubspaceAligner(shrinkage=0.1, random_state=0).partial_fit(X).partial_fit(X[:1])
    assert rows.score(X_new) > 1


def test_fewer_rows_than_columns_is_the_same_in_the_span_of_the_rows():
    wide = gaussian_views(60, 50, 0)
    aligner = SubspaceAligner(shrinkage=0.3, n_components=4, random_state=0)
    by_moments = SubspaceAligner(shrinkage=0.3, n_components=4, random_state=0).partial_fit(wide)
    for W in (np.hstack([wide, np.zeros((60, 0))]), sparse.csr_matrix(wide)):
        aligner.fit(W)
        assert aligner.information_ == pytest.approx(by_moments.information_, abs=1e-8)
        assert_allclose(np.abs(aligner.transform(W)), np.abs(by_moments.transform(wide)), atol=1e-7)


@pytest.mark.parametrize("n", [120, 20])
def test_sparse_rows_give_the_dense_result(n):
    thin = unsorted(X[:n] - 3, below=0.5)
    before = thin.copy()
    found, expected = (
        SubspaceAligner(shrinkage=0.1, cv=3, random_state=0).fit(rows)
        for rows in (thin, thin.toarray())
    )
    assert_unwritten(thin, before)
    assert_allclose(found.transform(thin), expected.transform(thin.toarray()), atol=1e-8)
    assert found.score(thin) == pytest.approx(expected.score(thin.toarray()), abs=1e-8)
    some = SubspaceAligner(shrinkage=0.1, cv=3, random_state=0).partial_fit(thin)
    some.partial_fit(thin.toarray())
    assert np.isfinite(some.score(thin))


def test_three_views_share_one_space():
    rng = np.random.RandomState(0)

    def rows(n):
        latent = rng.randn(n, 4)
        return np.hstack(
            [
                latent @ np.random.RandomState(k).randn(4, 6) + 0.3 * rng.randn(n, 6)
                for k in range(3)
            ]
        )

    thirds = [slice(0, 6), slice(6, 12), slice(12, 18)]
    aligner = SubspaceAligner(thirds, random_state=0).fit(rows(400))
    new = rows(200)
    assert aligner.match_rate(new) > 0.5
    assert aligner.transform(new).shape == (200, 3 * aligner.n_components_)
    own = np.arange(200)
    pair = aligner.match(new[:, :6], new[:, 12:], views=(0, 2))
    other = aligner.match(new[:, 12:], new[:, :6], views=(2, 0))
    assert_allclose(pair, other.T, atol=1e-9)
    both = pair + aligner.match(new[:, 6:12], new[:, 12:], views=(1, 2))
    assert np.mean(both.argmax(1) == own) > np.mean(pair.argmax(1) == own)


def test_views_by_name_and_files_and_pipelines(tmp_path):
    names = [f"c{k}" for k in range(16)]
    frame, new = pd.DataFrame(X, columns=names), pd.DataFrame(X_new, columns=names)
    aligner = SubspaceAligner([names[:8], names[8:]], random_state=0).fit(frame)
    same = SubspaceAligner([list(range(8)), slice(8, None)], random_state=0).fit(X)
    assert_allclose(aligner.transform(new), same.transform(X_new), atol=1e-9)
    assert_allclose(
        aligner.match(new[names[:8]], new[names[8:]]),
        same.match(X_new[:, :8], X_new[:, 8:]),
        atol=1e-9,
    )
    with pytest.raises(ValueError, match=r"X_a must have the columns of views\[0\]"):
        aligner.match(new[names[8:]], new[names[8:]])
    named = aligner.set_output(transform="pandas").transform(new)
    assert list(named.columns) == list(aligner.get_feature_names_out())
    pytest.importorskip("skops.io")
    loaded = sksubspace.load(sksubspace.save(same, tmp_path / "aligner.skops"))
    assert loaded.score(X_new) == same.score(X_new)
    pipeline = make_pipeline(RBFSampler(n_components=40, random_state=0), SubspaceAligner())
    assert np.isfinite(pipeline.fit(X).score(X_new))


@pytest.mark.parametrize(
    ("views", "error", "message"),
    [
        ([slice(0, 8), slice(7, 16)], ValueError, "must not overlap; column 7"),
        ([slice(0, 8), slice(16, 16)], ValueError, r"views\[1\] has no columns"),
        ([slice(0, 8)], ValueError, "at least two views, got 1"),
        ([[0, 1], [2, 99]], ValueError, "column 99"),
        ([["a"], ["b"]], TypeError, r"views\[0\] names columns, and X has none of them named"),
        ([[0.5], [1]], TypeError, "column numbers"),
    ],
)
def test_bad_views_are_refused(views, error, message):
    with pytest.raises(error, match=message):
        SubspaceAligner(views).fit(X)


def test_bad_rows_are_refused():
    with pytest.raises(ValueError, match="minimum of 5 is required"):
        SubspaceAligner().fit(X[:4])
    with pytest.raises(ValueError, match=r"Every column of views\[1\] is constant"):
        SubspaceAligner().fit(np.hstack([X[:, :8], np.ones((400, 8))]))
    aligner = SubspaceAligner(random_state=0).fit(X)
    with pytest.raises(ValueError, match=r"X_b must have the 8 columns of views\[1\], got 3"):
        aligner.match(X[:, :8], X[:, :3])
    with pytest.raises(ValueError, match="must differ"):
        aligner.match(X[:, :8], X[:, :8], views=(0, 0))
    with pytest.raises(ValueError, match="at most 1"):
        aligner.transform_view(X[:, :8], 2)


def test_constant_columns_are_ignored_with_one_warning():
    flat = np.insert(X, [0, 12], [5.0, -2.0], axis=1)
    aligner = SubspaceAligner([slice(9), slice(9, 18)], shrinkage=0.1, random_state=0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        aligner.fit(flat)
    assert [str(w.message) for w in caught] == ["2 columns are constant and are ignored."]
    plain = SubspaceAligner(shrinkage=0.1, random_state=0).fit(X)
    assert aligner.information_ == pytest.approx(plain.information_, abs=1e-9)
    with pytest.warns(UserWarning, match="2 columns are constant"):
        by_moments = SubspaceAligner([slice(9), slice(9, 18)], shrinkage=0.1, random_state=0)
        by_moments.partial_fit(flat)
    assert by_moments.information_ == pytest.approx(plain.information_, abs=1e-9)


@pytest.mark.parametrize("times", [2, 5])
def test_copies_of_rows_do_not_vouch_for_each_other(times):
    """Independent views of few rows: with copies in other folds they would tell all."""
    X = np.random.RandomState(0).randn(100, 40)
    once = SubspaceAligner(random_state=0).fit(X)
    often = SubspaceAligner(random_state=0).fit(np.repeat(X, times, axis=0))
    assert often.information_ == pytest.approx(once.information_, abs=1e-9)
    assert once.information_ < 0.05
    assert often.match_rate_ <= once.match_rate_


def test_rows_of_a_group_are_in_one_fold():
    """What rows of a donor share is not found again on other donors."""
    rng = np.random.RandomState(0)
    donor = np.repeat(np.arange(20), 10)
    X = rng.randn(20, 40)[donor] + 0.3 * rng.randn(200, 40)
    alone, grouped = (SubspaceAligner(random_state=0).fit(X, groups=g) for g in (None, donor))
    assert alone.information_ > 1
    assert grouped.information_ < 0.1
    with pytest.raises(ValueError, match=r"groups must have values for each of the cv=5 .* got 4"):
        SubspaceAligner().fit(X, groups=donor % 4)
    with pytest.raises(ValueError, match=r"X must have different rows for each .* got 2"):
        SubspaceAligner().fit(np.repeat(X[:2], 5, axis=0))
