import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_diabetes, make_friedman1
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.metrics import r2_score
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsRegressor
from sklearn.tree import DecisionTreeRegressor

from sksubspace.local import LocalizedRegressor, _fits
from sksubspace.local._left_out import NEIGHBORS, PENALTIES

X, y = make_friedman1(300, n_features=6, noise=0.5, random_state=0)
X_new = make_friedman1(40, n_features=6, random_state=1)[0]
Y = np.column_stack([y, X[:, 0] - np.square(X[:, 1])])


def neighbours(query, rows, k):
    """The nearest rows, and tricube weights by their formula."""
    distances = np.sqrt(np.square(rows - query).sum(axis=1))
    near = np.argsort(distances, kind="stable")[:k]
    return near, (1 - (distances[near] / distances[near][-1]) ** 3) ** 3


def answer(query, rows, targets, k, alpha):
    """Ridge on weighted rows, one query at a time, by scikit-learn: prediction and coefficients."""
    near, w = neighbours(query, rows, k)
    w = w / w.sum()
    spread = np.square(rows[near] - w @ rows[near])
    penalty = alpha * (w @ spread).mean()
    model = Ridge(penalty, tol=1e-12).fit(rows[near], targets[near], sample_weight=w)
    return model.predict([query])[0], model.coef_


@pytest.mark.parametrize("alpha", [0.01, 1.0, 100.0])
@pytest.mark.parametrize("targets", [y, Y], ids=["one", "two"])
def test_it_is_a_weighted_ridge_regression_around_each_query(alpha, targets):
    local = LocalizedRegressor(n_neighbors=25, alpha=alpha).fit(X, targets)
    expected = [answer(query, X, targets, 25, alpha) for query in X_new]
    assert_allclose(local.predict(X_new), [one[0] for one in expected])
    assert_allclose(local.coef_at(X_new), [one[1] for one in expected], atol=1e-10)


def test_without_a_penalty_lines_are_reproduced_exactly():
    targets = X @ [3.0, -2, 0, 0, 1, 5] + 7
    local = LocalizedRegressor(n_neighbors=20, alpha=0).fit(X, targets)
    far = X_new * 100
    assert_allclose(local.predict(X_new), X_new @ [3.0, -2, 0, 0, 1, 5] + 7, rtol=1e-9)
    assert_allclose(local.predict(far), far @ [3.0, -2, 0, 0, 1, 5] + 7, rtol=1e-8)
    assert_allclose(local.coef_at(X_new), np.tile([3.0, -2, 0, 0, 1, 5], (40, 1)), atol=1e-8)
    assert local.loo_score_ == pytest.approx(1)


@pytest.mark.parametrize("targets", [y, Y], ids=["one", "two"])
def test_with_a_large_penalty_it_is_the_weighted_mean_of_the_neighbours(targets):
    local = LocalizedRegressor(n_neighbors=12, alpha=1e16).fit(X, targets)
    expected = []
    for query in X_new:
        near, w = neighbours(query, X, 12)
        expected.append(w @ targets[near] / w.sum())
    assert_allclose(local.predict(X_new), expected, rtol=1e-10)
    constant = LocalizedRegressor("constant", n_neighbors=12).fit(X, targets)
    assert_allclose(constant.predict(X_new), expected, rtol=1e-12)


@pytest.mark.parametrize("estimator", ["ridge", "constant", Ridge(0.1)])
def test_leaving_out_is_refitting_without_the_row(estimator):
    rows, targets = X[:60], Y[:60]
    local = LocalizedRegressor(estimator, n_neighbors=15, alpha=0.1).fit(rows, targets)
    others = [np.arange(60) != i for i in range(60)]
    predicted = [
        LocalizedRegressor(estimator, n_neighbors=15, alpha=0.1)
        .fit(rows[at], targets[at])
        .predict(rows[i : i + 1])[0]
        for i, at in enumerate(others)
    ]
    assert local.loo_score_ == pytest.approx(r2_score(targets, predicted), abs=1e-12)


def test_what_is_chosen_is_the_best_of_all_that_are_tried():
    rows, targets = X[:90], y[:90]
    local = LocalizedRegressor().fit(rows, targets)
    numbers = (10, 20, 40, 80, 89)
    assert set(numbers[:4]) < set(NEIGHBORS)
    scores = {
        (k, alpha): LocalizedRegressor(n_neighbors=k, alpha=alpha).fit(rows, targets).loo_score_
        for k in numbers
        for alpha in PENALTIES
    }
    assert (local.n_neighbors_, local.alpha_) == max(scores, key=scores.get)
    assert local.loo_score_ == pytest.approx(max(scores.values()))


def test_the_score_of_rows_left_out_is_that_of_new_rows():
    diabetes = load_diabetes(return_X_y=True)
    local = LocalizedRegressor().fit(*diabetes)
    folds = cross_val_score(LocalizedRegressor(), *diabetes, cv=10)
    assert local.loo_score_ == pytest.approx(folds.mean(), abs=0.05)
    assert local.loo_score_ > 0.4


def test_copies_of_a_row_do_not_vouch_for_it():
    rng = np.random.RandomState(0)
    rows, noise = rng.randn(100, 3), rng.randn(100)
    twice = LocalizedRegressor().fit(np.r_[rows, rows, rows], np.r_[noise, noise, noise])
    assert twice.loo_score_ < 0.15


def test_of_many_rows_some_are_left_out_always_the_same():
    rows, targets = make_friedman1(1_500, random_state=0)
    first, second = (LocalizedRegressor(n_neighbors=20).fit(rows, targets) for _ in range(2))
    assert first.loo_score_ == second.loo_score_
    assert 0 < first.loo_score_ < 1


def test_copies_of_the_query_that_fill_its_neighbourhood_count_the_same():
    rows = np.r_[np.tile(X[:1], (8, 1)), X[1:50]]
    targets = np.r_[np.arange(8.0), y[1:50]]
    for alpha in (0.0, 1.0):
        local = LocalizedRegressor(n_neighbors=8, alpha=alpha).fit(rows, targets)
        assert local.predict(X[:1])[0] == pytest.approx(3.5)
        assert_array_equal(local.coef_at(X[:1]), np.zeros((1, 6)))
    ring = np.array([[1.0, 0], [-1, 0], [0, 1], [0, -1]])
    around = LocalizedRegressor("constant", n_neighbors=3).fit(ring, [1.0, 2, 3, 6])
    assert around.predict([[0.0, 0]])[0] == pytest.approx(2)  # the first three, all as far


def test_rows_that_are_all_equal_have_their_mean():
    local = LocalizedRegressor().fit(np.ones((12, 2)), np.arange(12.0))
    assert local.loo_score_ <= 0
    assert np.isfinite(local.predict([[1.0, 1], [2, 2]])).all()


@pytest.mark.parametrize("estimator", ["ridge", "constant"])
def test_blocks_of_queries_give_the_same_bits(estimator, monkeypatch):
    local = LocalizedRegressor(estimator, n_neighbors=30).fit(X, Y)
    whole, std = local.predict(X_new, return_std=True)
    monkeypatch.setattr(_fits, "_BLOCK_ELEMENTS", 1)
    alone, alone_std = local.predict(X_new, return_std=True)
    assert_array_equal(alone, whole)
    assert_array_equal(alone_std, std)
    assert_array_equal(np.vstack([local.predict(row[None]) for row in X_new]), whole)
    if estimator == "ridge":
        coef = local.coef_at(X_new)
        assert_array_equal(np.vstack([local.coef_at(row[None]) for row in X_new]), coef)


def test_single_precision_stays_single_and_is_near():
    single = LocalizedRegressor().fit(X.astype(np.float32), Y)
    double = LocalizedRegressor().fit(X, Y)
    new = X_new.astype(np.float32)
    y_single, std = single.predict(new, return_std=True)
    assert y_single.dtype == std.dtype == single.coef_at(new).dtype == np.float32
    assert_allclose(y_single, double.predict(X_new), atol=1e-3)


def test_deviations_are_the_local_residuals_scaled_by_rows_left_out():
    k, alpha = 25, 0.1
    local = LocalizedRegressor(n_neighbors=k, alpha=alpha).fit(X, y)
    expected = []
    for query in X_new:
        near, w = neighbours(query, X, k)
        beta = answer(query, X, y, k, alpha)
        residual = y[near] - beta[0] - (X[near] - query) @ beta[1]
        expected.append(np.sqrt(w @ residual**2 / w.sum()))
    std = local.predict(X_new, return_std=True)[1]
    assert_allclose(std, np.array(expected) * local.std_scale_, rtol=1e-6)
    assert local.std_scale_[0] > 1  # what is fitted is nearer than what is not


def test_deviations_are_wide_where_targets_scatter():
    rng = np.random.RandomState(0)
    rows = rng.uniform(-1, 1, size=(2_000, 1))
    true_std = np.where(rows[:, 0] > 0, 1.0, 0.1)
    local = LocalizedRegressor(n_neighbors=80).fit(rows, true_std * rng.randn(2_000))
    std = local.predict([[-0.6], [0.6]], return_std=True)[1]
    assert_allclose(std, [0.1, 1.0], rtol=0.25)
    new, errors = rng.uniform(-1, 1, size=(2_000, 1)), rng.randn(2_000)
    mean, std = local.predict(new, return_std=True)
    errors *= np.where(new[:, 0] > 0, 1.0, 0.1)
    assert 0.62 < (np.abs(errors - mean) < std).mean() < 0.75


def test_models_of_the_caller_are_fitted_around_each_query():
    local = LocalizedRegressor(Ridge(1e-3), n_neighbors=20).fit(X, Y)
    inner, inner_coef = [], []
    for query in X_new:
        near, w = neighbours(query, X, 20)
        model = Ridge(1e-3).fit(X[near[:-1]], Y[near[:-1]], 19 * w[:-1] / w.sum())
        inner.append(model.predict([query])[0])
        inner_coef.append(model.coef_)
    assert_allclose(local.predict(X_new), inner)
    assert_allclose(local.coef_at(X_new), inner_coef)
    assert local.alpha_ is None
    tree = LocalizedRegressor(DecisionTreeRegressor(max_depth=1), n_neighbors=30, n_jobs=2)
    assert tree.fit(X[:80], y[:80]).predict(X_new).shape == (40,)
    with pytest.raises(AttributeError, match="coef_"):
        tree.coef_at(X_new)


def test_equal_queries_are_fitted_once():
    counted = CountedRidge()
    local = LocalizedRegressor(counted, n_neighbors=15).fit(X[:50], y[:50])
    CountedRidge.fits = 0
    found = local.predict(np.r_[X_new[:3], X_new[:3]])
    assert CountedRidge.fits == 3
    assert_array_equal(found[:3], found[3:])


class CountedRidge(Ridge):
    fits = 0

    def fit(self, X, y, sample_weight=None):
        CountedRidge.fits += 1
        return super().fit(X, y, sample_weight)


def test_it_is_better_than_nearest_neighbours_and_a_line():
    rows, targets = make_friedman1(900, noise=1, random_state=0)
    local = LocalizedRegressor().fit(rows[:600], targets[:600]).score(rows[600:], targets[600:])
    for other in (KNeighborsRegressor(), LinearRegression()):
        reached = other.fit(rows[:600], targets[:600]).score(rows[600:], targets[600:])
        assert local > reached + 0.05


def test_too_many_neighbours_are_clipped_with_a_warning():
    with pytest.warns(UserWarning, match="n_neighbors=300 is not below the number of rows: 299"):
        local = LocalizedRegressor(n_neighbors=300, alpha=1.0).fit(X, y)
    assert local.n_neighbors_ == 299
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert LocalizedRegressor().fit(X[:8], y[:8]).n_neighbors_ == 7


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"alpha": 0, "n_neighbors": 7}, r"alpha must be positive where n_neighbors is below n_f"),
        ({"alpha": -1}, "'alpha' parameter"),
        ({"n_neighbors": 0}, "'n_neighbors' parameter"),
        ({"estimator": "lasso"}, "'estimator' parameter"),
        ({"estimator": KNeighborsRegressor()}, "estimator must take sample_weight in fit, which"),
    ],
)
def test_bad_parameters_are_named(params, message):
    with pytest.raises(ValueError, match=message):
        LocalizedRegressor(**params).fit(X, y)


def test_without_a_penalty_only_neighbourhoods_that_are_large_enough_are_tried():
    rows = np.random.RandomState(0).randn(100, 12)
    local = LocalizedRegressor(alpha=0).fit(rows, rows.sum(axis=1))
    assert local.n_neighbors_ >= 14


def test_a_constant_has_no_coefficients():
    with pytest.raises(AttributeError, match="estimator='constant' has no coefficients"):
        LocalizedRegressor("constant").fit(X, y).coef_at(X_new)


def test_bad_rows_are_refused():
    with pytest.raises(ValueError, match="NaN"):
        LocalizedRegressor().fit(np.where(X == X[0, 0], np.nan, X), y)
    with pytest.raises(ValueError, match="minimum of 2"):
        LocalizedRegressor().fit(X[:1], y[:1])
    with pytest.raises(ValueError, match="7 features"):
        LocalizedRegressor().fit(X, y).predict(np.c_[X_new, X_new[:, 0]])
