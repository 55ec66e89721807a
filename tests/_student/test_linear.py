import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score

from sksubspace._student import LinearEncoder, _linear
from sksubspace._student._block_leave_out import group_solver
from sksubspace._student._linear import interpolate, interpolate_residuals
from sksubspace.neighbors import k_nearest
from tests._student.toy import curve

SHAPES = {"more rows than features": (40, 12), "fewer rows than features": (20, 35)}
MAKE = pytest.mark.parametrize("make", [np.asarray, sparse.csr_matrix], ids=["dense", "csr"])


def problem(n, d, noise=1.0, seed=0):
    rng = np.random.RandomState(seed)
    X = rng.randn(n, d) + rng.randn(d) * 3
    return X, X @ rng.randn(d, 2) / np.sqrt(d) + noise * rng.randn(n, 2)


def penalty_of(encoder, X, Z):
    """The penalty a that makes coef solve (Xc'Xc + aI) coef = Xc'Zc."""
    Xc, Zc = X - X.mean(0), Z - Z.mean(0)
    remainder = Xc.T @ Zc - Xc.T @ Xc @ encoder.coef_
    return max((remainder * encoder.coef_).sum() / np.square(encoder.coef_).sum(), 1e-12)


def refit(X, Z, penalty):
    return Ridge(alpha=penalty, solver="svd").fit(X, Z).predict


def by_refits(X, Z, penalty, groups=None):
    groups = np.arange(len(X)) if groups is None else groups
    placed = np.empty(Z.shape)
    for group in np.unique(groups):
        own = groups == group
        placed[own] = refit(X[~own], Z[~own], penalty)(X[own])
    return placed


@MAKE
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_left_out_placement_is_that_of_a_refit(make, shape):
    X, Z = problem(*shape)
    encoder = LinearEncoder(exact=False).fit(make(X), Z)
    penalty = penalty_of(encoder, X, Z)
    assert_allclose(encoder.left_out_line(), by_refits(X, Z, penalty), rtol=1e-4, atol=1e-6)
    assert_allclose(encoder.predict(X), refit(X, Z, penalty)(X), rtol=1e-5, atol=1e-7)
    assert_array_equal(encoder.left_out(), encoder.left_out_line())


GROUPS = {
    "pairs": np.arange(40) // 2,
    "mixed": np.sort(np.random.RandomState(0).choice(6, 40, p=[0.4, 0.2, 0.2, 0.1, 0.05, 0.05])),
    "larger than the features": np.repeat([0, 1, 2], [15, 24, 1]),
}


@pytest.mark.parametrize("groups", GROUPS.values(), ids=GROUPS)
@pytest.mark.parametrize("penalty", [0.3, 30.0])
@pytest.mark.parametrize("d", [5, 12, 60])
def test_left_out_groups_are_those_of_a_refit(monkeypatch, groups, penalty, d):
    """To 1e-8, at a given penalty, which no test has to infer from the coefficients then."""
    X, Z = problem(40, d)
    largest = np.linalg.eigvalsh(np.cov(X.T, bias=True) * 40)[-1]
    monkeypatch.setattr(_linear, "_PENALTIES", np.array([penalty / largest]))
    groups = np.random.RandomState(0).permutation(groups)
    encoder = LinearEncoder(exact=False).fit(X, Z, groups)
    assert_allclose(encoder.left_out_line(), by_refits(X, Z, penalty, groups), rtol=0, atol=1e-8)


@pytest.mark.parametrize("grouped", [False, True], ids=["rows", "groups"])
@pytest.mark.parametrize("shape", [(30, 5), (20, 35)], ids=["tall", "wide"])
def test_left_out_correction_is_what_a_fit_without_the_group_gives(monkeypatch, grouped, shape):
    X, Z = problem(*shape)
    groups = np.arange(len(X)) // (4 if grouped else 1)
    largest = np.linalg.eigvalsh((X - X.mean(0)) @ (X - X.mean(0)).T)[-1]
    monkeypatch.setattr(_linear, "_PENALTIES", np.array([2.0 / largest]))
    placed = LinearEncoder().fit(X, Z, groups).left_out()
    for i in range(len(X)):
        others = groups != groups[i]
        line = refit(X[others], Z[others], 2.0)
        residuals = Z[others] - line(X[others])
        squared, near = k_nearest(X[i : i + 1], X[others], 3)
        weights = (1 / squared[0]) / (1 / squared[0]).sum()
        expected = line(X[i : i + 1])[0] + weights @ residuals[near[0]]
        assert_allclose(placed[i], expected, rtol=0, atol=1e-8)


def test_left_out_of_the_exact_encoder_is_a_refit_that_chooses_too():
    X, Z = curve(60)
    Z = np.sin(3 * Z)
    placed = LinearEncoder().fit(X, Z).left_out()
    for i in range(0, 60, 7):
        others = np.arange(60) != i
        again = LinearEncoder().fit(X[others], Z[others])
        assert_allclose(placed[i], again.predict(X[i : i + 1])[0], atol=1e-3)


@pytest.mark.parametrize("shape", [(5, 9), (30, 4)], ids=["dual", "primal"])
def test_groups_are_solved_in_the_smaller_dimension(shape):
    rng = np.random.RandomState(0)
    S, residuals = 0.1 * rng.randn(*shape), rng.randn(shape[0], 3)
    expected = np.linalg.solve(np.eye(shape[0]) - S @ S.T, residuals)
    assert_allclose(group_solver(S)(residuals), expected, atol=1e-8)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("size", [1, 4])
def test_penalty_is_the_one_with_the_least_left_out_error(shape, size):
    X, Z = problem(*shape)
    groups = np.arange(len(X)) // size
    encoder = LinearEncoder().fit(X, Z, groups)
    penalty = penalty_of(encoder, X, Z)
    error = np.square(encoder.left_out_line() - Z).sum()
    for factor in (0.1, 10):
        rival = np.square(by_refits(X, Z, penalty * factor, groups) - Z).sum()
        assert rival >= error * (1 - 1e-6)


def test_noise_over_more_features_than_rows_is_not_explained():
    rng = np.random.RandomState(0)
    X, Z = rng.randn(20, 35), rng.randn(20, 2)
    placed = LinearEncoder().fit(X, Z).left_out_line()
    assert np.square(placed - Z).sum() > 0.7 * np.square(Z - Z.mean(0)).sum()


@MAKE
def test_a_row_with_a_feature_of_its_own(make):
    """Its leverage is one, and the others say nothing of that feature."""
    X, Z = problem(40, 4)
    own = np.zeros((40, 1))
    own[7] = 5
    Z[7] += 10
    placed = LinearEncoder().fit(make(np.hstack([X, own])), Z).left_out_line()
    others = np.arange(40) != 7
    expected = Ridge(alpha=1e-8).fit(X[others], Z[others]).predict(X[7:8])
    assert_allclose(placed[7:8], expected, atol=1)


@pytest.mark.parametrize("shape", [(200, 8), (2, 1), (3, 1)], ids=str)
def test_a_linear_map_is_found(shape):
    X, Z = problem(*shape, noise=0)
    assert_allclose(LinearEncoder(exact=False).fit(X, Z).predict(X), Z, atol=1e-6 * np.abs(Z).max())


def test_left_out_error_of_a_linear_map_is_nil_and_it_needs_no_correction():
    X, Z = problem(60, 8, noise=0)
    encoder = LinearEncoder().fit(X, Z)
    assert_allclose(encoder.left_out(), Z, atol=1e-6)
    assert encoder.rows_ is None and encoder.residuals_ is None


def test_exact_or_bare():
    X, Z = curve()
    Z = np.sin(3 * Z)
    exact, bare = LinearEncoder().fit(X, Z), LinearEncoder(exact=False).fit(X, Z)
    assert_allclose(exact.predict(X), Z, atol=1e-12)
    assert np.abs(bare.predict(X) - Z).max() > 0.1
    assert bare.rows_ is None and exact.rows_ is X


@pytest.mark.parametrize("exact", [True, False])
def test_left_out_placement_does_not_depend_on_the_rows_own_target(exact):
    X, Z = curve(60)
    Z = np.sin(3 * Z)
    before = LinearEncoder(exact).fit(X, Z).left_out()
    for i in (0, 31):
        moved = Z.copy()
        moved[i] += 0.01
        after = LinearEncoder(exact).fit(X, moved).left_out()
        assert_allclose(after[i], before[i], atol=1e-9)
        assert not np.array_equal(after, before)


def test_interpolation_is_the_inverse_square_distance_mean():
    squared = np.array([[1.0, 4.0], [2.0, 2.0]])
    values = np.array([[[1.0], [2.0]], [[2.0], [4.0]]])
    assert_allclose(interpolate(squared, values), [[(1 + 2 / 4) / 1.25], [3]])


def test_values_at_distance_zero_decide_alone():
    squared = np.array([[0.0, 1e-9, 1.0], [0.0, 0.0, 1.0]])
    values = np.array([[[1.0], [2.0], [6.0]]] * 2)
    assert_array_equal(interpolate(squared, values), [[1], [1.5]])


def test_the_correction_is_exact_and_fades_between():
    X, Z = curve(60)
    assert_allclose(interpolate_residuals(X, X, Z), Z, atol=1e-12)
    queries = curve(10, seed=1)[0]
    squared, near = k_nearest(queries, X, 3)
    weights = (1 / squared) / (1 / squared).sum(1, keepdims=True)
    expected = np.einsum("nk,nkq->nq", weights, Z[near])
    assert_allclose(interpolate_residuals(queries, X, Z), expected)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_the_correction_with_few_rows(n):
    X, Z = curve(n)
    assert_allclose(interpolate_residuals(X, X, Z), Z)
    assert np.isfinite(interpolate_residuals(X + 1, X, Z)).all()


def test_means_are_those_of_ten_neighbors_places():
    """The second reading; a bare line falls between pieces by itself."""
    X, Z = curve(60)
    Z = np.sin(3 * Z)
    encoder = LinearEncoder().fit(X, Z)
    squared, near = k_nearest(X, X, 10, exclude_self=True)
    expected = np.einsum("nk,nkq->nq", (1 / squared) / (1 / squared).sum(1)[:, None], Z[near])
    assert_allclose(encoder.left_out_mean(), expected)
    assert_allclose(encoder.predict_mean(X), Z, atol=1e-12)
    bare = LinearEncoder(exact=False).fit(X, Z)
    assert_array_equal(bare.left_out_mean(), bare.left_out_line())
    assert_array_equal(bare.predict_mean(X), bare.predict(X))


def test_sparse_rows_give_the_dense_result():
    X, Z = curve(30)
    X[np.abs(X) < 0.5] = 0
    dense, same = LinearEncoder().fit(X, Z), LinearEncoder().fit(sparse.csr_matrix(X), Z)
    queries = curve(10, seed=1)[0]
    assert_allclose(same.predict(sparse.csr_matrix(queries)), dense.predict(queries), rtol=1e-6)
    assert_allclose(same.left_out(), dense.left_out(), rtol=1e-6, atol=1e-9)


@MAKE
def test_the_iterative_way_agrees(make, monkeypatch):
    X, Z = problem(100, 8, noise=0.1)
    closed = LinearEncoder(exact=False).fit(X, Z)
    monkeypatch.setattr(_linear, "_MAX_GRAM", 5)
    iterative = LinearEncoder(exact=False).fit(make(X), Z)
    assert_allclose(iterative.coef_, closed.coef_, atol=5e-3)
    assert_allclose(iterative.predict(X), closed.predict(X), atol=0.02)
    errors = [np.square(e.left_out() - Z).mean() for e in (iterative, closed)]
    assert errors[0] == pytest.approx(errors[1], rel=0.5)


@MAKE
def test_the_iterative_way_takes_a_penalty_that_noise_bears(make, monkeypatch):
    """Rows as many as features: a weak penalty interpolates noise, and places others worse."""
    monkeypatch.setattr(_linear, "_MAX_GRAM", 10)
    rng = np.random.RandomState(0)
    Z = rng.randn(300, 2)
    directions = rng.randn(2, 150)
    X = Z @ directions + 4 * rng.randn(300, 150)
    encoder = LinearEncoder(exact=False).fit(make(X), Z)
    weak = Ridge(alpha=1e-4 * np.square(X).sum() / 300).fit(X[::2], Z[::2])
    assert r2_score(Z, encoder.left_out()) > r2_score(Z[1::2], weak.predict(X[1::2])) + 0.2
    new = rng.randn(300, 2)
    rows = new @ directions + 4 * rng.randn(300, 150)
    assert r2_score(new, encoder.predict(make(rows))) > 0.5


def test_the_iterative_way_leaves_whole_groups_out(monkeypatch):
    """It has no hat matrix: placements left out stay uncorrected, and halves are of groups."""
    monkeypatch.setattr(_linear, "_MAX_GRAM", 3)
    X, Z = curve(60)
    Z = np.sin(3 * Z)
    groups = np.arange(60) // 3
    encoder = LinearEncoder().fit(X, Z, groups)
    assert_allclose(encoder.predict(X), Z, atol=1e-12)
    assert_array_equal(encoder.left_out(), encoder.left_out_line())
    moved = Z.copy()
    moved[6:9] += 1
    again = LinearEncoder().fit(X, moved, groups).left_out()
    assert_allclose(again[6:9], encoder.left_out()[6:9], atol=1e-9)


@pytest.mark.parametrize("q", [1, 3])
def test_the_iterative_way_keeps_shapes(monkeypatch, q):
    X, _ = problem(50, 8)
    monkeypatch.setattr(_linear, "_MAX_GRAM", 5)
    encoder = LinearEncoder(exact=False).fit(X, X[:, :q])
    assert (encoder.coef_.shape, encoder.intercept_.shape) == ((8, q), (q,))
    assert encoder.left_out().shape == encoder.predict(X).shape == (50, q)


def test_constant_and_repeated_columns():
    X, Z = problem(50, 4, noise=0.01)
    wide = np.column_stack([X, np.full(50, 3.0), X[:, 0]])
    encoder = LinearEncoder(exact=False).fit(wide, Z)
    expected = LinearEncoder(exact=False).fit(X, Z).predict(X)
    assert_allclose(encoder.predict(wide), expected, atol=0.01)
    assert np.isfinite(encoder.left_out()).all()


def test_data_that_say_nothing_are_placed_at_the_mean_of_the_others():
    Z = np.random.RandomState(0).randn(30, 2)
    encoder = LinearEncoder(exact=False).fit(np.ones((30, 3)), Z)
    assert_allclose(encoder.predict(np.ones((2, 3))), [Z.mean(0)] * 2)
    assert_allclose(encoder.left_out_line(), (30 * Z.mean(0) - Z) / 29)


def test_fewer_sparse_rows_than_features_give_the_dense_result_and_stay_sparse(monkeypatch):
    rng = np.random.RandomState(0)
    X = rng.poisson(0.3, size=(60, 200)).astype(np.float64)
    Z = rng.randn(60, 2)
    dense, to_array = LinearEncoder().fit(X, Z), sparse.csr_matrix.toarray

    def of_products_alone(rows, *args, **kwargs):
        assert rows.shape[0] == rows.shape[1]
        return to_array(rows, *args, **kwargs)

    monkeypatch.setattr(sparse.csr_matrix, "toarray", of_products_alone)
    same = LinearEncoder().fit(sparse.csr_matrix(X), Z)
    assert_allclose(same.coef_, dense.coef_, atol=1e-9)
    assert_allclose(same.left_out_line(), dense.left_out_line(), atol=1e-8)
