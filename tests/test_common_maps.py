"""What every map of rows owes its users, beside the two batteries."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

from tests.common import IGNORED, assert_unwritten, cases, rows_with_responses, unsorted

pytestmark = [pytest.mark.filterwarnings(warning) for warning in IGNORED]

X, y = rows_with_responses(120, 0)
X_new, _ = rows_with_responses(37, 1)


@pytest.fixture(params=cases("map"), ids=str)
def case(request):
    return request.param


def test_fitted_attributes(case):
    fitted = case.fitted
    k = fitted.n_components_
    assert fitted.transform(X_new).shape == (37, k)
    assert len(fitted.get_feature_names_out()) == k
    assert fitted.n_features_in_ == 10
    assert np.isfinite(fitted.transform(X_new)).all()
    if getattr(fitted, "components_", None) is not None:
        assert fitted.components_.shape == (k, 10)


def test_single_precision_is_close_to_double(case):
    """The span of the outputs is the same; a single output may be ordered or drawn otherwise."""
    single = case.single.transform(X_new.astype(np.float32))
    double = case.fitted.transform(X_new)
    assert single.shape == double.shape
    if not any(word in case.name for word in ("sgd", "network", "mlp")):
        assert_allclose(single, double, atol=2e-2 * np.abs(double).max())


def test_a_search_scores_it_by_what_follows(case):
    pipeline = Pipeline([("map", case.make()), ("predict", LinearRegression())])
    search = GridSearchCV(pipeline, {"map__n_components": [4, 6]}, cv=2, refit=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert np.isfinite(search.fit(X, y).cv_results_["mean_test_score"]).all()


@pytest.mark.parametrize("case", [case for case in cases("map") if case.has("score")], ids=str)
def test_a_search_without_labels_uses_the_held_out_score(case):
    search = GridSearchCV(case.make(), {"n_components": [4, 6]}, cv=2, refit=False)
    if case.make().__sklearn_tags__().target_tags.required:
        return
    scores = search.fit(X).cv_results_["mean_test_score"]
    assert np.isfinite(scores).all()
    assert (scores <= 1).all()


def test_rows_in_fewer_dimensions_than_features_stay_finite(case):
    """A constant column, a copy of a column, and fewer rows than features."""
    flat = X.copy()
    flat[:, 3] = 2.0
    flat[:, 4] = flat[:, 5]
    for train, response in [(flat, y), (X[:7], y[:7])]:
        placed = case.make().fit(train, response).transform(train)
        assert np.isfinite(placed).all()


def test_sparse_rows_give_the_dense_result_or_an_error(case):
    thin = unsorted(X, below=0.7)
    before = thin.copy()
    if not case.takes_sparse:
        with pytest.raises(
            (TypeError, ValueError), match=r"dense data is required|order|score_model"
        ):
            case.make().fit(thin, y)
        return
    placed = case.make().fit(thin, y).transform(thin)
    dense = case.make().fit(thin.toarray(), y).transform(thin.toarray())
    iterative = {"TLDR-sgd": 1e-4, "TLDR-mlp": 1e-4}
    assert_allclose(placed, dense, atol=iterative.get(case.name, 1e-8) * np.abs(dense).max())
    assert_unwritten(thin, before)
