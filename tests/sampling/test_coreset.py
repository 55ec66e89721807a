import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.datasets import load_diabetes
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression, QuantileRegressor, Ridge
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from sksubspace.sampling import CoresetRegressor, RowSampler

X, y = load_diabetes(return_X_y=True)


def sampler(n_rows=60, **params):
    return RowSampler(n_rows, random_state=0, **params)


@pytest.mark.parametrize("estimator", [Ridge(), QuantileRegressor(), None])
def test_it_is_the_regressor_on_the_rows_drawn_with_their_weights(estimator):
    model = CoresetRegressor(estimator, sampler()).fit(X, y)
    drawn = sampler().fit(X, y)
    at = drawn.sample_indices_
    regressor = LinearRegression() if estimator is None else estimator
    regressor.fit(X[at], y[at], sample_weight=drawn.sample_weight_)
    assert_allclose(model.predict(X), regressor.predict(X))
    assert model.score(X, y) == pytest.approx(regressor.score(X, y))
    assert_array_equal(model.sampler_.sample_indices_, at)


def test_weights_are_not_ones():
    drawn = sampler(method="leverage").fit(X, y)
    model = CoresetRegressor(Ridge(1e-6), sampler(method="leverage")).fit(X, y)
    at = drawn.sample_indices_
    assert np.abs(model.predict(X) - Ridge(1e-6).fit(X[at], y[at]).predict(X)).max() > 1


def test_weights_of_the_rows_are_handed_on():
    w = np.random.RandomState(0).randint(0, 3, size=442)
    model = CoresetRegressor(Ridge(), sampler(1_000)).fit(X, y, sample_weight=w)
    assert_allclose(model.predict(X), Ridge().fit(X, y, sample_weight=w).predict(X))
    expected = Ridge().fit(X, y, sample_weight=w).score(X, y, sample_weight=w)
    assert model.score(X, y, sample_weight=w) == pytest.approx(expected)


def test_the_last_step_of_a_pipeline_is_told_the_weights():
    steps = make_pipeline(StandardScaler(), Ridge())
    model = CoresetRegressor(steps, sampler()).fit(X, y)
    drawn = sampler().fit(X, y)
    at = drawn.sample_indices_
    steps.fit(X[at], y[at], ridge__sample_weight=drawn.sample_weight_)
    assert_allclose(model.predict(X), steps.predict(X))
    with config_context(enable_metadata_routing=True):
        scaler = StandardScaler().set_fit_request(sample_weight=True)
        routed = make_pipeline(scaler, Ridge().set_fit_request(sample_weight=True))
        model = CoresetRegressor(routed, sampler()).fit(X, y)
        routed.fit(X[at], y[at], sample_weight=drawn.sample_weight_)
        assert_allclose(model.predict(X), routed.predict(X))


def test_it_is_a_step_of_pipelines_and_searches():
    few = CoresetRegressor(Ridge(), sampler())
    search = GridSearchCV(
        make_pipeline(PolynomialFeatures(1, include_bias=False), few),
        {"coresetregressor__estimator__alpha": [1e-3, 1e9]},
        cv=3,
    )
    assert search.fit(X, y).best_params_ == {"coresetregressor__estimator__alpha": 1e-3}
    assert np.mean(cross_val_score(search.best_estimator_, X, y)) > 0.2
    inner = CoresetRegressor(GridSearchCV(Ridge(), {"alpha": [1e-3, 1e9]}, cv=3), sampler())
    assert inner.fit(X, y).estimator_.best_params_ == {"alpha": 1e-3}


def test_names_of_columns_reach_the_regressor():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X).add_prefix("column ")
    model = CoresetRegressor(Ridge(), sampler()).fit(frame, y)
    assert model.estimator_.feature_names_in_.tolist() == [*frame.columns]
    assert_array_equal(model.feature_names_in_, model.estimator_.feature_names_in_)


def test_any_model_may_be_told_few_rows():
    model = CoresetRegressor(RandomForestRegressor(20, random_state=0), sampler(200))
    assert model.fit(X, y).score(X, y) > 0.4


def test_tags_are_those_of_regressor_and_sampler():
    assert CoresetRegressor().__sklearn_tags__().input_tags.sparse
    for model in (CoresetRegressor(sampler=sampler(method="volume")),
                  CoresetRegressor(RandomForestRegressor())):  # fmt: skip
        tags = model.__sklearn_tags__()
        assert tags.input_tags.sparse == isinstance(model.estimator, RandomForestRegressor)


def test_a_regressor_without_weights_is_refused():
    for estimator in (
        KNeighborsRegressor(),
        make_pipeline(StandardScaler(), KNeighborsRegressor()),
    ):
        with pytest.raises(ValueError, match="estimator must take sample_weight in fit, which"):
            CoresetRegressor(estimator).fit(X, y)
