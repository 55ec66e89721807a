"""Regions and tests of principal subspaces: right values from loops, coverage, what is refused."""

import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy import stats
from scipy.linalg import logm
from sklearn.decomposition import PCA

from sksubspace.inference import PrincipalSubspaceConfidence, SubspaceTest, principal_subspace_test
from sksubspace.metrics import principal_angles
from tests.silence import without_warnings

SCALES = np.array([3, 2.2, 1.2, 1, 0.8])
ROTATION = np.linalg.qr(np.random.RandomState(7).randn(5, 5))[0]
TRUE = ROTATION[:, :2].T
METHODS = ("bootstrap", "robust", "gaussian")


def drawn(n, seed, d=5):
    """Gaussian rows, whose first two directions are `TRUE`."""
    return (np.random.RandomState(seed).randn(n, d) * SCALES[:d]) @ ROTATION[:d, :d].T + 4


X = drawn(400, 0)


def tilted(seed, size):
    """A plane near the true one."""
    return TRUE + size * np.random.RandomState(seed).randn(2, 5)


def by_hand(X, subspace, centre=None, kind="robust"):
    """The statistic by loops over rows; `centre` is the frame's own subspace where it is None."""
    n, d = X.shape
    q = len(subspace)
    values, vectors = np.linalg.eigh(np.cov(X.T, bias=True))
    values, vectors = values[::-1], vectors[:, ::-1]
    V = np.linalg.qr(np.transpose(subspace))[0]
    U = vectors[:, :q]
    halves = logm((np.eye(d) - 2 * V @ V.T) @ (np.eye(d) - 2 * U @ U.T)) / 2
    T = (vectors[:, q:].T @ halves @ U).ravel().real
    pairs = [(k, j) for k in range(q, d) for j in range(q)]
    C = np.zeros((len(pairs), len(pairs)))
    if kind == "gaussian":
        C = np.diag([values[k] * values[j] / (values[j] - values[k]) ** 2 for k, j in pairs])
    else:
        for x in X - X.mean(axis=0):
            y = vectors.T @ x
            f = np.array([y[k] * y[j] / (values[j] - values[k]) for k, j in pairs])
            C += np.outer(f, f) / n
    return n * T @ np.linalg.inv(C) @ T


@pytest.mark.parametrize("kind", ["robust", "gaussian"])
def test_statistic_is_that_of_loops(kind):
    for seed in range(3):
        test = principal_subspace_test(X, 2, tilted(seed, 0.1), method=kind)
        expected = by_hand(X, tilted(seed, 0.1), kind=kind)
        assert test.statistic == pytest.approx(expected, rel=1e-8)
        assert test.p_value == pytest.approx(stats.chi2(6).sf(expected), rel=1e-8)
        assert (test.dof, test.method) == (6, kind)


def test_bootstrap_recomputes_the_robust_statistic_on_rows_drawn_again():
    rows, rng = X[:120], np.random.RandomState(3)
    own = np.linalg.eigh(np.cov(rows.T))[1][:, ::-1][:, :2].T
    drawn_rows = [rows[rng.randint(120, size=120)] for _ in range(39)]
    resampled = [by_hand(one, own) for one in drawn_rows]
    planes = [np.linalg.eigh(np.cov(one.T))[1][:, ::-1][:, :2].T for one in drawn_rows]
    angles = [principal_angles(own, one).max() for one in planes]
    test = principal_subspace_test(rows, 2, TRUE, n_resamples=39, random_state=3)
    statistic = by_hand(rows, TRUE)
    assert test.statistic == pytest.approx(statistic, rel=1e-8)
    assert test.p_value == (1 + np.sum(np.array(resampled) >= statistic)) / 40
    region = PrincipalSubspaceConfidence(2, level=0.9, n_resamples=39, random_state=3).fit(rows)
    assert region.threshold_ == pytest.approx(np.sort(resampled)[-4], rel=1e-8)
    assert region.angle_ == pytest.approx(np.degrees(np.sort(angles)[-4]), rel=1e-8)


def test_result_is_named_and_frozen():
    test = principal_subspace_test(X, 2, TRUE, method="robust")
    assert isinstance(test, SubspaceTest)
    values = np.linalg.eigvalsh(np.cov(X.T))[::-1]
    assert test.gap == pytest.approx(values[1] / values[2])
    with pytest.raises(AttributeError):
        test.p_value = 1


@pytest.mark.parametrize("method", METHODS)
def test_neither_basis_nor_rotation_scale_and_origin_matter(method):
    options = {"method": method, "n_resamples": 39}
    expected = principal_subspace_test(X, 2, tilted(0, 0.05), **options)
    Q = np.linalg.qr(np.random.RandomState(1).randn(5, 5))[0]
    mixed = [[2.0, 1.0], [-1.0, 3.0]] @ tilted(0, 0.05)
    for rows, plane in [(X, mixed), (7 * X @ Q + 100, tilted(0, 0.05) @ Q)]:
        found = principal_subspace_test(rows, 2, plane, **options)
        assert found.statistic == pytest.approx(expected.statistic, rel=1e-6)
        assert found.p_value == pytest.approx(expected.p_value, rel=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_a_region_contains_what_a_test_does_not_reject(method):
    region = PrincipalSubspaceConfidence(2, level=0.8, method=method, random_state=0).fit(X)
    answers = set()
    for seed in range(12):
        plane = tilted(seed, 0.02)
        test = principal_subspace_test(X, 2, plane, method=method, random_state=0)
        assert region.contains(plane) == (test.p_value > 0.2)
        answers.add(region.contains(plane))
    assert answers == {True, False}
    assert region.contains(region.components_)


@pytest.mark.parametrize("method", METHODS)
def test_the_radius_is_the_farthest_angle_of_the_region(method):
    """Points of the ellipsoid by the exponential map: inside just before its border, not after."""
    region = PrincipalSubspaceConfidence(2, method=method, random_state=0).fit(X)
    root = np.linalg.cholesky(region.covariance_)
    rng, angles = np.random.RandomState(0), []
    for _ in range(500):
        z = rng.randn(6)
        T = (np.sqrt(region.threshold_) * root @ z / np.linalg.norm(z)).reshape(3, 2)
        assert region.contains(exponential(region, 0.999 * T))
        assert not region.contains(exponential(region, 1.001 * T))
        angles.append(np.degrees(np.linalg.norm(T, 2)))
    assert max(angles) <= region.radius_ <= 1.1 * max(angles)


def exponential(region, T):
    """Points of the subspace to which the tangent T leads."""
    P, angles, Qt = np.linalg.svd(T, full_matrices=False)
    U, W = region.components_.T, region.complement_.T
    return (U @ Qt.T @ np.diag(np.cos(angles)) + W @ P @ np.diag(np.sin(angles))).T


def test_p_values_of_the_true_subspace_are_uniform():
    p_values = [
        principal_subspace_test(drawn(2000, seed), 2, TRUE, method="robust").p_value
        for seed in range(300)
    ]
    assert stats.kstest(p_values, "uniform").pvalue > 0.01


def test_bootstrapped_p_values_are_uniform_for_few_rows():
    p_values = [
        principal_subspace_test(
            drawn(200, 1000 + seed), 2, TRUE, n_resamples=59, random_state=seed
        ).p_value
        for seed in range(100)
    ]
    assert stats.kstest(p_values, "uniform").pvalue > 0.01


def test_on_heavy_tails_the_covariance_of_gaussian_rows_misleads():
    """Rows of t with 5 degrees of freedom, whose influence varies more than that of Gaussians."""
    inside = dict.fromkeys(METHODS, 0)
    for seed in range(50):
        rng = np.random.RandomState(seed)
        rows = (rng.randn(600, 5) / np.sqrt(rng.chisquare(5, size=(600, 1)) / 5)) * SCALES
        for method in METHODS:
            test = principal_subspace_test(rows, 2, np.eye(5)[:2], method=method, n_resamples=39)
            inside[method] += test.p_value > 0.05
    assert inside["gaussian"] < 40 < inside["robust"]
    assert inside["bootstrap"] >= 45


def test_the_radius_falls_with_the_root_of_the_number_of_rows():
    sizes = [1000, 4000, 16000]
    radii = [
        np.mean([
            PrincipalSubspaceConfidence(2, method="robust").fit(drawn(n, seed)).radius_
            for seed in range(8)
        ])
        for n in sizes
    ]  # fmt: skip
    assert np.polyfit(np.log(sizes), np.log(radii), 1)[0] == pytest.approx(-0.5, abs=0.05)


def test_the_angle_is_one_that_the_true_subspace_seldom_exceeds():
    """By the share of samples, for draws of T as for resamples; the radius is above it."""
    for method, n_samples in (("robust", 150), ("bootstrap", 40)):
        regions = [
            PrincipalSubspaceConfidence(2, level=0.8, method=method, random_state=seed).fit(
                drawn(500, 2000 + seed)
            )
            for seed in range(n_samples)
        ]
        angles = np.degrees([principal_angles(one.components_, TRUE).max() for one in regions])
        held = np.mean([a <= one.angle_ for a, one in zip(angles, regions, strict=True)])
        assert held == pytest.approx(0.8, abs=3.5 * 0.4 / np.sqrt(n_samples)), method
        assert all(one.angle_ < one.radius_ for one in regions)


def test_the_angle_of_a_direction_alone_is_that_of_one_component():
    one = PrincipalSubspaceConfidence(1, random_state=0).fit(X)
    two = PrincipalSubspaceConfidence(2, random_state=0).fit(X)
    assert one.component_angle_ == pytest.approx([one.angle_])
    assert two.component_angle_[0] == pytest.approx(one.angle_)
    assert np.all(two.component_angle_ < two.component_radius_)


def test_a_higher_level_has_a_larger_region():
    regions = [
        PrincipalSubspaceConfidence(2, level=level, random_state=0).fit(X)
        for level in (0.5, 0.8, 0.95, 0.99)
    ]
    assert np.all(np.diff([one.radius_ for one in regions]) > 0)
    assert np.all(np.diff([one.threshold_ for one in regions]) > 0)
    assert np.all(np.diff([one.angle_ for one in regions]) > 0)


def test_a_direction_alone_has_a_region_where_eigenvalues_beside_it_are_far():
    one = PrincipalSubspaceConfidence(1, method="robust").fit(X)
    two = PrincipalSubspaceConfidence(2, method="robust").fit(X)
    assert one.component_radius_ == pytest.approx([one.radius_])
    assert two.component_radius_[0] == pytest.approx(one.radius_)
    assert np.isfinite(two.component_radius_).all()
    turned = np.random.RandomState(0).randn(500, 4) * [3, 2.95, 1, 0.9]
    plane = PrincipalSubspaceConfidence(2, random_state=0).fit(turned)
    assert np.isnan(plane.component_radius_).all()
    assert np.isnan(plane.component_angle_).all()
    assert plane.radius_ < 10


def test_the_region_of_the_second_direction_counts_its_lean_to_the_first():
    region = PrincipalSubspaceConfidence(2, method="robust").fit(X)
    centred = X - X.mean(axis=0)
    values, vectors = np.linalg.eigh(centred.T @ centred / 400)
    Y, others = centred @ vectors[:, ::-1], [0, 2, 3, 4]
    F = Y[:, others] * Y[:, [1]] / (values[::-1][1] - values[::-1][others])
    length = np.sqrt(stats.chi2(4).ppf(0.95) * np.linalg.eigvalsh(F.T @ F / 400**2)[-1])
    assert region.component_radius_[1] == pytest.approx(np.degrees(length))


def test_it_is_pca():
    region = PrincipalSubspaceConfidence(2, method="robust").fit(X)
    pca = PCA(2).fit(X)
    signs = np.sign((region.components_ * pca.components_).sum(axis=1))
    new = drawn(50, 9)
    assert_allclose(region.components_ * signs[:, None], pca.components_, atol=1e-10)
    assert_allclose(region.transform(new) * signs, pca.transform(new), atol=1e-10)
    assert_allclose(region.explained_variance_, pca.explained_variance_ * 399 / 400)
    back = region.inverse_transform(region.transform(new))
    assert_allclose(back, pca.inverse_transform(pca.transform(new)), atol=1e-10)
    expected = 1 - np.square(new - back).sum() / np.square(new - X.mean(axis=0)).sum()
    assert region.score(new) == pytest.approx(expected)
    frame = np.vstack([region.components_, region.complement_])
    assert_allclose(frame @ frame.T, np.eye(5), atol=1e-12)


def test_names_come_from_frames_and_go_with_the_places():
    frame = pd.DataFrame(X, columns=list("abcde"))
    region = PrincipalSubspaceConfidence(2, method="robust").fit(frame)
    assert [*region.set_output(transform="pandas").transform(frame).columns] == [
        "principalsubspaceconfidence0",
        "principalsubspaceconfidence1",
    ]
    assert principal_subspace_test(frame, 2, TRUE).p_value > 0.05


def test_a_constant_column_changes_nothing_else():
    expected = PrincipalSubspaceConfidence(2, random_state=0).fit(X)
    wide = np.c_[X[:, :3], np.full(400, 2.5), X[:, 3:]]
    with pytest.warns(UserWarning, match="Rows vary in 5 directions of 6 only"):
        found = PrincipalSubspaceConfidence(2, random_state=0).fit(wide)
    assert found.radius_ == pytest.approx(expected.radius_)
    assert (found.dof_, expected.dof_) == (6, 6)
    plane = np.insert(expected.components_, 3, 0, axis=1)
    assert found.contains(plane)
    leaning = np.add(plane, [[0, 0, 0, 0.1, 0, 0], [0] * 6])
    assert not found.contains(leaning)
    with pytest.warns(UserWarning, match="Rows vary in 5"):
        test = principal_subspace_test(wide, 2, leaning)
    assert (test.statistic, test.p_value) == (np.inf, 0)


def test_columns_of_very_different_units_are_no_constant_ones():
    units = 10.0 ** np.array([0, 2, -2, 1, -3])
    rows = np.random.RandomState(0).randn(400, 5) * units
    with without_warnings():
        region = PrincipalSubspaceConfidence(2, random_state=0).fit(rows)
    assert region.dof_ == 6
    assert region.contains(np.eye(5)[[1, 3]])


def test_single_precision_is_close_to_double():
    single = PrincipalSubspaceConfidence(2, random_state=0).fit(X.astype(np.float32))
    double = PrincipalSubspaceConfidence(2, random_state=0).fit(X)
    assert single.radius_ == pytest.approx(double.radius_, rel=1e-3)
    assert single.transform(X.astype(np.float32)).dtype == np.float32


def spoilt(value):
    rows = X.copy()
    rows[3, 1] = value
    return rows


BAD = {
    "all directions": (X, 5, r"n_components must be below .* 5 of 5 columns"),
    "more than all": (X, 8, r"n_components must be below .* got 8"),
    "too few rows": (X[:13], 2, r"X must have at least 14 rows .* got 13"),
    "few that differ": (np.repeat(X[:6], 9, axis=0), 2, r"of 6 degrees .* is singular"),
    "equal rows": (np.ones((30, 4)), 1, r"n_components must be below .* 0 of 4"),
    "rows on a plane": (X[:, :2] @ TRUE, 2, r"n_components must be below .* 2 of 5"),
    "tied": (np.vstack([np.eye(4), -np.eye(4)] * 9), 2, r"Eigenvalues 2 and 3 .* are tied"),
    "missing": (spoilt(np.nan), 2, "NaN"),
    "infinite": (spoilt(np.inf), 2, "infinity"),
    "huge": (X * 1e200, 2, "Rescale X|largest absolute value"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_rows_without_such_a_subspace_are_refused(case):
    rows, q, message = BAD[case]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(ValueError, match=message):
            PrincipalSubspaceConfidence(q, random_state=0).fit(rows)
        with pytest.raises(ValueError, match=message):
            principal_subspace_test(rows, q, np.random.RandomState(0).randn(q, rows.shape[1]))


BAD_SUBSPACES = {
    "one row": (TRUE[0], r"1D array|shape"),
    "fewer rows": (TRUE[:1], r"subspace must have the shape .* \(2, 5\).* got \(1, 5\)"),
    "turned": (TRUE.T, r"subspace must have the shape .* got \(5, 2\)"),
    "dependent": ([TRUE[0], 2 * TRUE[0]], r"subspace must have 2 rows that are independent, got 1"),
    "a row of zeros": ([TRUE[0], np.zeros(5)], r"2 rows that are independent, got 1"),
    "missing": (np.full((2, 5), np.nan), "NaN"),
}


@pytest.mark.parametrize("case", BAD_SUBSPACES)
def test_what_is_no_such_subspace_is_refused(case):
    subspace, message = BAD_SUBSPACES[case]
    with pytest.raises(ValueError, match=message):
        principal_subspace_test(X, 2, subspace)
    region = PrincipalSubspaceConfidence(2, method="robust").fit(X)
    with pytest.raises(ValueError, match=message):
        region.contains(subspace)


def test_parameters_are_checked():
    with pytest.raises(ValueError, match=r"method must be one of 'bootstrap', .* got 'exact'"):
        principal_subspace_test(X, 2, TRUE, method="exact")
    with pytest.raises(TypeError, match="n_components must be an integer"):
        principal_subspace_test(X, 2.0, TRUE)
    with pytest.raises(ValueError, match="n_resamples must be at least 1"):
        principal_subspace_test(X, 2, TRUE, n_resamples=0)
    few = PrincipalSubspaceConfidence(2, level=0.99, n_resamples=98)
    with pytest.raises(ValueError, match=r"n_resamples must be at least 99 for level=0\.99"):
        few.fit(X)
    assert few.set_params(n_resamples=99, random_state=0).fit(X).contains(TRUE)
    assert few.set_params(n_resamples=1, method="robust").fit(X).contains(TRUE)
    with pytest.raises(ValueError, match="Z must have 2 columns, got 3"):
        few.inverse_transform(np.zeros((4, 3)))


def test_what_makes_coverage_rough_is_said():
    near = np.random.RandomState(0).randn(500, 4) * [2, 1.02, 1, 0.5]
    with pytest.warns(UserWarning, match=r"gap between eigenvalues 2 and 3 is 1\.\d+, below 1\.2"):
        PrincipalSubspaceConfidence(2, random_state=0).fit(near)
    with pytest.warns(UserWarning, match="There are 60 rows for 6 degrees of freedom") as said:
        principal_subspace_test(X[:60], 2, TRUE)
    assert [one.filename for one in said] == [__file__]
    with pytest.warns(UserWarning, match="There are 60 rows") as said:
        PrincipalSubspaceConfidence(2, random_state=0).fit(X[:60])
    assert [one.filename for one in said] == [__file__]
    with without_warnings():
        PrincipalSubspaceConfidence(2, random_state=0).fit(X)


def test_with_too_few_rows_in_resamples_the_region_is_everything():
    with pytest.warns(UserWarning, match="rows for 16 degrees"):
        region = PrincipalSubspaceConfidence(2, random_state=0).fit(
            np.random.RandomState(0).randn(26, 10) * [9, 8, 1, 1, 1, 1, 1, 1, 1, 1]
        )
    assert region.threshold_ == np.inf
    assert region.radius_ == 90
    assert region.angle_ < 60  # which needs no covariance
    assert region.contains(np.eye(10)[-2:])
