import warnings
from itertools import combinations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression, QuantileRegressor

from sksubspace.sampling import RowSampler
from sksubspace.sampling._draw import (
    draw_by_volume,
    draw_with_replacement,
    draw_without_replacement,
    inclusion_probabilities,
    projection_rows,
)
from sksubspace.sampling._powers import least_powers

N_DRAWS = 4_000
X, y = load_diabetes(return_X_y=True)


@pytest.fixture
def rng():
    return np.random.RandomState(0)


def with_ones(X, *others):
    return np.column_stack([X, np.ones(len(X)), *others])


def scores(method, X=X, y=y, **params):
    return RowSampler(40, method=method, random_state=0, **params).fit(X, y).scores_


def assert_unbiased(values, expected, n_errors=2):
    """The mean of draws is within so many standard errors."""
    values = np.asarray(values)
    error = values.std(axis=0, ddof=1) / np.sqrt(len(values))
    assert (np.abs(values.mean(axis=0) - expected) <= n_errors * error).all()


@pytest.mark.parametrize("p", [1, 2, 3])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("include_y", [True, False])
def test_leverage_is_the_diagonal_of_the_hat_matrix(p, fit_intercept, include_y):
    A = with_ones(X) if fit_intercept else X
    A = np.column_stack([A, y]) if include_y else A
    found = scores("leverage", p=p, fit_intercept=fit_intercept, include_y=include_y)
    assert_allclose(found, np.diag(A @ np.linalg.pinv(A)), rtol=1e-9)
    assert_allclose(found.sum(), A.shape[1])


def test_root_leverage_is_a_power_of_leverage():
    assert_allclose(scores("root_leverage", p=1), np.sqrt(scores("leverage")))


def test_lewis_weights_of_squares_are_leverages():
    assert_allclose(scores("lewis", p=2), scores("leverage"))


@pytest.mark.parametrize("p", [1, 1.5, 3])
def test_lewis_weights_are_leverages_of_the_rows_they_weight(p):
    A = with_ones(X, y)
    w = scores("lewis", p=p)
    B = A * (w ** (1 / 2 - 1 / p))[:, None]
    assert_allclose(w, np.diag(B @ np.linalg.pinv(B)), rtol=1e-6)
    assert_allclose(w.sum(), A.shape[1], rtol=1e-6)


def test_sensitivities_are_the_largest_shares_that_vertices_reach(rng):
    """The least ||A b||_1 with a_i'b = 1 is reached where d - 1 other rows have a_j'b = 0."""
    X, y = rng.randn(12, 2), rng.randn(12)
    A = np.column_stack([X, y])
    largest = np.zeros(len(A))
    for zero in combinations(range(len(A)), 2):
        b = np.cross(A[zero[0]], A[zero[1]])
        share = np.abs(A @ b) / np.abs(A @ b).sum()
        largest = np.maximum(largest, share)
    found = scores("sensitivity", X, y, p=1, fit_intercept=False)
    assert_allclose(found, largest, rtol=1e-8)


def test_scores_do_not_depend_on_units():
    for method, p in (("leverage", 2), ("lewis", 1.5), ("sensitivity", 1)):
        A = X[:60, :3]
        B = A * [1e-6, 1, 1e6] + [0, 1, 2]
        assert_allclose(
            scores(method, A, y[:60], p=p), scores(method, B, 7 * y[:60], p=p), rtol=1e-5
        )


def test_few_rows_that_are_sure_leave_the_others_their_share():
    q = inclusion_probabilities(np.array([100.0, 1, 1, 2, 0]), 3)
    assert_allclose(q, [1, 0.5, 0.5, 1, 0])
    assert_allclose(inclusion_probabilities(np.array([1.0, 0, 3]), 2), [1, 0, 1])


@pytest.mark.parametrize("draw", [draw_with_replacement, draw_without_replacement])
def test_weighted_sums_over_the_rows_drawn_are_right_on_average(draw, rng):
    s, values = rng.exponential(size=15) ** 2, rng.randn(15)
    found = []
    for _ in range(N_DRAWS):
        rows, weights = draw(s, 5, rng)
        assert len(rows) == len(weights) == 5
        found.append(weights @ values[rows])
    assert_unbiased(found, values.sum())


def test_rows_are_drawn_as_often_as_they_should(rng):
    s = np.arange(1.0, 11)
    q = inclusion_probabilities(s, 4)
    drawn = np.zeros((N_DRAWS, 10))
    for one in drawn:
        one[draw_without_replacement(s, 4, rng)[0]] = 1
    assert_unbiased(drawn, q, n_errors=3)  # ten at once


def test_the_projection_process_draws_sets_by_their_squared_determinant(rng):
    Q = np.linalg.qr(rng.randn(6, 2))[0]
    sets = list(combinations(range(6), 2))
    expected = np.array([np.linalg.det(Q[list(one)]) ** 2 for one in sets])
    assert_allclose(expected.sum(), 1)
    found = np.zeros((N_DRAWS, len(sets)))
    for one in found:
        one[sets.index(tuple(sorted(projection_rows(Q, rng))))] = 1
    assert_unbiased(found, expected, n_errors=3)  # fifteen at once


@pytest.fixture
def bent(rng):
    """A line fitted to what is none: residuals depend on x, which biases other draws."""
    x = np.array([0.0, 0.1, 0.2, 0.3, 0.5, 0.8, 1.2, 2.0, 3.0, 5.0])
    return np.column_stack([np.ones(10), x]), x**2


def solutions(A, b, draw, rng):
    found = []
    for _ in range(N_DRAWS):
        rows, weights = draw(rng)
        root = np.sqrt(weights)
        found.append(np.linalg.lstsq(A[rows] * root[:, None], b[rows] * root)[0])
    return found


@pytest.mark.parametrize("m", [2, 4])
def test_the_solution_of_the_volume_design_is_that_of_all_rows_on_average(m, bent, rng):
    A, b = bent
    Q, whole = np.linalg.qr(A)[0], np.linalg.lstsq(A, b)[0]
    assert_unbiased(solutions(A, b, lambda rng: draw_by_volume(Q, m, rng), rng), whole)
    weights = np.array([draw_by_volume(Q, m, rng)[1].sum() for _ in range(N_DRAWS)])
    assert_unbiased(weights, len(A))


def test_the_solution_of_other_designs_is_not(bent, rng):
    A, b = bent
    leverage, whole = np.square(np.linalg.qr(A)[0]).sum(axis=1), np.linalg.lstsq(A, b)[0]
    found = solutions(A, b, lambda rng: draw_without_replacement(leverage, 4, rng), rng)
    with pytest.raises(AssertionError):
        assert_unbiased(found, whole, n_errors=4)


def test_volume_does_not_look_at_the_target():
    first, second = (RowSampler(30, method="volume", random_state=0).fit(X, one) for one in (y, -y))
    assert_array_equal(first.sample_indices_, second.sample_indices_)
    assert_allclose(first.scores_.sum(), X.shape[1] + 1)


@pytest.mark.parametrize(
    ("n_rows", "p", "method"),
    [(11, 2, "volume"), (16, 2, "volume"), (17, 2, "leverage"), (10, 2, "leverage"),
     (16, 1.5, "lewis"), (0.03, 2, "volume"), (0.5, 2, "leverage")],
)  # fmt: skip
def test_auto_goes_by_rows_a_column(n_rows, p, method):
    sampler = RowSampler(n_rows, p=p, random_state=0).fit(X, y)
    assert sampler.method_ == method
    assert sampler.n_rows_ == (round(n_rows * 442) if n_rows < 1 else n_rows)
    assert len(sampler.sample_indices_) == len(sampler.sample_weight_) == sampler.n_rows_


def test_with_as_many_rows_as_there_are_all_are_kept():
    for method in ("uniform", "leverage", "volume"):
        sampler = RowSampler(442, method=method, random_state=0).fit(X, y)
        assert_array_equal(sampler.sample_indices_, np.arange(442))
        assert_array_equal(sampler.sample_weight_, np.ones(442))
    drawn = RowSampler(442, method="uniform", replace=True, random_state=0).fit(X, y)
    assert len(np.unique(drawn.sample_indices_)) < 442


def test_rows_are_those_of_the_caller(rng):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, index=[f"row {i}" for i in range(442)]).add_prefix("column ")
    sampler = RowSampler(20, random_state=0)
    rows, targets = sampler.fit_resample(frame, pandas.Series(y, index=frame.index))
    assert rows.equals(frame.iloc[sampler.sample_indices_])
    assert_array_equal(targets, y[sampler.sample_indices_])
    rows, targets = sampler.fit_resample(sparse.csc_matrix(X))
    assert sparse.issparse(rows) and rows.shape == (20, 10) and targets is None


def test_weights_of_rows_multiply_those_of_the_draw(rng):
    w = rng.randint(0, 4, size=442).astype(float)
    sampler = RowSampler(40, method="leverage", random_state=0).fit(X, y, sample_weight=w)
    A = with_ones(X, y) * np.sqrt(w)[:, None]
    assert_allclose(sampler.scores_, np.diag(A @ np.linalg.pinv(A)), rtol=1e-8, atol=1e-15)
    at = sampler.sample_indices_
    q = inclusion_probabilities(sampler.scores_, 40)
    assert_allclose(sampler.sample_weight_, w[at] / q[at])
    assert (w[at] > 0).all()
    uniform = RowSampler(40, method="uniform", random_state=0).fit(X, y, sample_weight=w)
    assert (w[uniform.sample_indices_] > 0).all()


@pytest.mark.parametrize(("method", "p"), [("leverage", 2), ("root_leverage", 1), ("lewis", 1)])
def test_sparse_rows_have_the_scores_of_dense_ones(method, p, rng):
    A = np.where(rng.rand(200, 8) < 0.6, 0, rng.randn(200, 8))
    found = RowSampler(30, p=p, method=method, random_state=0).fit(sparse.csr_matrix(A))
    dense = RowSampler(30, p=p, method=method, random_state=0).fit(A)
    assert_allclose(found.scores_, dense.scores_, rtol=1e-6)
    assert_array_equal(found.sample_indices_, dense.sample_indices_)


def test_what_sparse_rows_explain_is_scored(rng):
    A = np.where(rng.rand(200, 8) < 0.6, 0, rng.randn(200, 8))
    b = A.sum(axis=1) + rng.randn(200)
    found = RowSampler(30, random_state=0).fit(sparse.csr_matrix(A), b)
    at = found.sample_indices_
    model = LinearRegression().fit(A[at], b[at], found.sample_weight_)
    assert found.method_ == "leverage"
    assert_allclose(found.score(sparse.csr_matrix(A), b), model.score(A, b))


def test_scores_are_those_of_the_span_where_columns_depend_on_each_other():
    again = np.column_stack([X, X[:, 0] - X[:, 1], np.ones(442)])
    for method, p in (("leverage", 2), ("lewis", 1), ("volume", 2)):
        with pytest.warns(UserWarning, match="have rank 1[12]"):
            found = scores(method, again, p=p)
        assert_allclose(found, scores(method, p=p), rtol=1e-6)
    single = again.astype(np.float32)
    with pytest.warns(UserWarning, match="have rank 12"):
        assert_allclose(scores("leverage", single), scores("leverage"), rtol=1e-3)


def test_a_row_of_zeros_is_not_drawn():
    rows = np.r_[np.zeros((5, 10)), X]
    for method, p in (("leverage", 2), ("lewis", 1)):
        sampler = RowSampler(40, p=p, method=method, fit_intercept=False, random_state=0).fit(rows)
        assert sampler.sample_indices_.min() >= 5
        assert_allclose(sampler.scores_[:5], 0)


def test_rows_far_out_are_drawn_and_the_fit_is_better_for_it(rng):
    A = load_breast_cancer().data[:, :8].copy()
    A = (A - A.mean(axis=0)) / A.std(axis=0)
    A[:11] *= 30
    b = A.sum(axis=1) + rng.standard_t(2, size=len(A))

    def missed(model):
        return np.abs(b - model.predict(A)).sum()

    whole = missed(QuantileRegressor(alpha=0).fit(A, b))
    loss = {}
    for method in ("uniform", "lewis"):
        loss[method] = []
        for seed in range(10):
            sampler = RowSampler(90, p=1, method=method, random_state=seed)
            rows, targets = sampler.fit_resample(A, b)
            model = QuantileRegressor(alpha=0).fit(rows, targets, sampler.sample_weight_)
            loss[method].append(missed(model) / whole - 1)
    assert np.mean(loss["lewis"]) < np.mean(loss["uniform"]) / 3


@pytest.mark.parametrize("p", [1, 1.5, 2, 3, 3.9])
def test_least_powers_has_a_gradient_of_zero_or_a_programme_s_value(p, rng):
    A, weights = with_ones(rng.randn(50, 3)), rng.uniform(1, 3, size=50)
    b = A.sum(axis=1) + rng.standard_t(3, size=50)
    found = least_powers(A, b, weights, p)
    residual = b - A @ found
    if p > 1:
        gradient = (weights * np.abs(residual) ** (p - 1) * np.sign(residual)) @ A
        assert_allclose(gradient, 0, atol=1e-4)
        return
    exact = QuantileRegressor(alpha=0, fit_intercept=False).fit(A, b, weights)
    best = weights @ np.abs(b - exact.predict(A))
    assert weights @ np.abs(residual) <= best * (1 + 1e-6)


def test_score_is_that_of_the_regression_on_the_rows_drawn():
    sampler = RowSampler(40, random_state=0).fit(X, y)
    at = sampler.sample_indices_
    model = LinearRegression().fit(X[at], y[at], sampler.sample_weight_)
    assert_allclose(sampler.score(X, y), model.score(X, y))
    one = RowSampler(60, p=1, random_state=0).fit(X, np.column_stack([y, -2 * y]))
    at = one.sample_indices_
    model = QuantileRegressor(alpha=0).fit(X[at], y[at], one.sample_weight_)
    expected = 1 - np.abs(y - model.predict(X)).sum() / np.abs(y - np.median(y)).sum()
    assert one.score(X, np.column_stack([y, -2 * y])) == pytest.approx(expected, abs=2e-3)


@pytest.mark.parametrize("p", [1.5, 2])
def test_score_of_too_few_rows_does_not_depend_on_the_origin(p):
    first, second = (RowSampler(6, p=p, random_state=0).fit(X + by, y) for by in (0, 1))
    assert_array_equal(first.sample_indices_, second.sample_indices_)
    assert first.score(X, y) == pytest.approx(second.score(X + 1, y), rel=1e-6)


def test_classes_are_drawn_without_being_included():
    words = np.where(y > 140, "high", "low")
    sampler = RowSampler(30, include_y=False, random_state=0)
    _, found = sampler.fit_resample(X, words)
    assert set(found) <= {"high", "low"}
    with pytest.raises(ValueError, match="score needs targets of numbers"):
        sampler.score(X, y)
    with pytest.raises(ValueError, match=r"y must be of numbers where include_y=True"):
        RowSampler(30).fit(X, words)


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"method": "volume", "p": 1}, ValueError, r"method='volume' needs p=2, got p=1"),
        ({"method": "sensitivity"}, ValueError, "method='sensitivity' needs p=1, got p=2"),
        ({"method": "root_leverage"}, ValueError, "needs p below 2, got p=2"),
        ({"method": "volume", "n_rows": 5}, ValueError, "n_rows must be at least the rank, 11"),
        ({"p": 4}, ValueError, "'p' parameter"),
        ({"n_rows": 0}, ValueError, "'n_rows' parameter"),
        ({"n_rows": 1.5}, ValueError, "'n_rows' parameter"),
        ({"method": "best"}, ValueError, "'method' parameter"),
    ],
)
def test_bad_parameters_are_named(params, error, message):
    with pytest.raises(error, match=message):
        RowSampler(**params).fit(X, y)


def test_bad_rows_are_named():
    with pytest.raises(TypeError, match="method='volume' needs dense X"):
        RowSampler(20, method="volume").fit(sparse.csr_matrix(X))
    with pytest.raises(ValueError, match="Negative values in data passed to `sample_weight`"):
        RowSampler(20).fit(X, y, sample_weight=-np.ones(442))
    with pytest.raises(ValueError, match="at least one non-zero number"):
        RowSampler(20, method="uniform").fit(X, y, sample_weight=np.zeros(442))
    with pytest.raises(ValueError, match="a row that is not zero"):
        RowSampler(5, method="leverage", fit_intercept=False).fit(np.zeros((30, 3)))
    with pytest.raises(ValueError, match="NaN"):
        RowSampler(20).fit(np.where(X == X[0, 0], np.nan, X), y)
    with pytest.raises(ValueError, match=r"at most 5,000 rows, got 5,001"):
        RowSampler(20, p=1, method="sensitivity").fit(np.ones((5_001, 1)))
    with pytest.raises(ValueError, match=r"at most 5,000 columns, with the constant, got 6,001"):
        RowSampler(2, method="leverage").fit(sparse.random_array((20, 6_000), density=1e-3).tocsr())


def test_rounds_that_are_too_few_are_told():
    with pytest.warns(ConvergenceWarning, match="max_iter=3 rounds"):
        scores("lewis", p=1, max_iter=3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scores("lewis", p=1)


def test_it_is_a_step_of_imbalanced_learn():
    pipeline = pytest.importorskip("imblearn.pipeline")
    steps = pipeline.make_pipeline(
        RowSampler(60, method="leverage", random_state=0), LinearRegression()
    )
    rows, targets = RowSampler(60, method="leverage", random_state=0).fit_resample(X, y)
    assert_allclose(steps.fit(X, y).predict(X), LinearRegression().fit(rows, targets).predict(X))
