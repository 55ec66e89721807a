"""SupervisedDictionaryLearning as an estimator: scikit-learn's checks, covariates, bad input."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_iris, make_blobs
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import accuracy_score
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from sksubspace.decomposition._dictionary._supervised_dictionary import SupervisedDictionaryLearning
from tests.common import GlobalState

pytestmark = [
    pytest.mark.filterwarnings("ignore:n_components="),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

VARIANTS = {
    "default": {},
    "lpgd": {"solver": "lpgd", "max_iter": 100},
    "bcd": {"solver": "bcd", "max_iter": 30},
    "feature": {"solver": "bcd", "variant": "feature", "max_iter": 10},
    "nonnegative": {"solver": "bcd", "nonnegative": True, "max_iter": 10},
    "nonnegative-feature": {
        "solver": "bcd", "variant": "feature", "nonnegative": True, "max_iter": 10,
    },
}  # fmt: skip


def make(name="default", n_components=10, **params):
    params = {"random_state": 0, **VARIANTS[name], **params}
    return SupervisedDictionaryLearning(n_components, **params)


@pytest.mark.parametrize("name", ["nonnegative", "nonnegative-feature"])
def test_class_weights_and_probabilities_on_rows_that_are_not_negative(name):
    rows, labels = make_blobs(centers=2, random_state=0, cluster_std=20)
    rows -= rows.min()
    model = make(name, class_weight={0: 1000, 1: 0.0001}).fit(rows, labels)
    assert np.mean(model.predict(rows) == 0) > 0.87
    model = make(name).fit(rows, labels)
    order = np.argsort(model.decision_function(rows))
    assert (np.diff(model.predict_proba(rows)[order, 1]) >= 0).all()


X, y = load_breast_cancer(return_X_y=True)
X = X / X.std(axis=0)
aux = np.column_stack([X[:, 20], 100 * X[:, 27]])
X = X[:, :20]
X, X_new, y, y_new, aux, aux_new = train_test_split(X, y, aux, random_state=0)


@pytest.fixture(scope="module", params=VARIANTS)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def fitted(name):
    return make(name, 4).fit(X, y, X_aux=aux)


def outputs(model, rows=X_new, covariates=aux_new):
    codes = model.transform(rows)
    found = [codes, model.inverse_transform(codes)]
    for method in ("decision_function", "predict", "predict_proba"):
        found.append(getattr(model, method)(rows, X_aux=covariates))
    return found


def assert_same(first, second):
    for one, other in zip(first, second, strict=True):
        assert_array_equal(one, other)


def test_shapes_and_types_of_what_is_learned(fitted):
    assert fitted.components_.shape == (4, 20)
    assert fitted.coef_.shape == (1, 4)
    assert fitted.intercept_.shape == (1,)
    assert fitted.aux_coef_.shape == (1, 2)
    assert fitted.n_iter_ == len(fitted.loss_curve_) >= 1
    assert all(type(loss) is float for loss in fitted.loss_curve_)
    assert_array_equal(fitted.classes_, [0, 1])
    for value in vars(fitted).values():
        assert isinstance(value, np.ndarray | int | float | str | bool | list | dict | None)


def test_signed_components_are_orthonormal_with_uncorrelated_codes(name, fitted):
    if fitted.nonnegative:
        return
    assert_allclose(fitted.components_ @ fitted.components_.T, np.eye(4), atol=1e-12)
    covariance = np.cov(fitted.transform(X).T)
    assert (np.diff(covariance.diagonal()) <= 0).all()
    assert_allclose(covariance, np.diag(covariance.diagonal()), atol=1e-9)


def test_two_fits_are_the_same_bit_for_bit_and_globals_are_left_alone(name, fitted):
    before = GlobalState()
    again = make(name, 4).fit(X, y, X_aux=aux)
    assert_same(outputs(again), outputs(fitted))
    assert again.loss_curve_ == fitted.loss_curve_
    make(name, 4, random_state=None).fit(X, y)
    before.assert_untouched()


def test_pickles_and_clones(name, fitted):
    assert_same(outputs(pickle.loads(pickle.dumps(fitted))), outputs(fitted))
    assert_same(outputs(clone(fitted).fit(X, y, X_aux=aux)), outputs(fitted))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_is_kept_and_rows_do_not_depend_on_their_batch(name, dtype):
    model = make(name, 4).fit(X.astype(dtype), y, X_aux=aux)
    rows = X_new.astype(dtype)
    whole = outputs(model, rows)
    assert [out.dtype for out in whole[:3]] == [dtype] * 3
    for i in (0, 77):
        alone = outputs(model, rows[i : i + 1], aux_new[i : i + 1])
        assert_same(alone, [out[i : i + 1] for out in whole])
    many = outputs(model, np.concatenate([rows] * 3), np.concatenate([aux_new] * 3))
    assert_same([out[-len(rows) :] for out in many], whole)


def test_a_second_fit_forgets_the_first(name):
    once = make(name, 4).fit(X, y)
    twice = make(name, 4).fit(X[:60, :5], y[:60].astype(str), X_aux=aux[:60]).fit(X, y)
    assert vars(once).keys() == vars(twice).keys()
    assert_same(outputs(twice, covariates=None), outputs(once, covariates=None))


def test_data_of_the_caller_are_not_written_to(name, fitted):
    given = [array.copy() for array in (X, y, aux)]
    for array in given:
        array.flags.writeable = False
    model = make(name, 4).fit(given[0], given[1], X_aux=given[2])
    assert_same(outputs(model), outputs(fitted))


def test_sparse_rows_are_the_same_and_are_never_made_dense(name, monkeypatch):
    rows = np.where(X < np.median(X, axis=0), 0, X)
    expected = make(name, 4).fit(rows, y)

    def refuse(*args, **kwargs):
        raise AssertionError("made dense")

    thin = sparse.csr_matrix(rows)
    for kind in (sparse.csr_matrix, sparse.csr_array):
        for method in ("toarray", "todense"):
            monkeypatch.setattr(kind, method, refuse)
    model = make(name, 4).fit(thin, y)
    codes = model.transform(thin)
    found = model.predict_proba(thin)
    monkeypatch.undo()
    scale = np.abs(expected.transform(rows)).max()
    assert_allclose(codes, expected.transform(rows), atol=1e-3 * scale)
    assert_allclose(found, expected.predict_proba(rows), atol=1e-2)


def test_outputs_have_names(fitted):
    pandas = pytest.importorskip("pandas")
    model = clone(fitted).set_output(transform="pandas").fit(X, y)
    frame = model.transform(X_new)
    assert isinstance(frame, pandas.DataFrame)
    assert list(frame.columns) == [f"superviseddictionarylearning{k}" for k in range(4)]


def test_units_of_auxiliary_covariates_do_not_matter():
    model = make(n_components=2).fit(X, y, X_aux=aux)
    scaled = make(n_components=2).fit(X, y, X_aux=aux * [1000, 0.01] + 5)
    assert_allclose(scaled.aux_coef_ * [1000, 0.01], model.aux_coef_, rtol=1e-3)
    found = scaled.decision_function(X_new, X_aux=aux_new * [1000, 0.01] + 5)
    assert_allclose(found, model.decision_function(X_new, X_aux=aux_new), atol=1e-3)


def test_auxiliary_covariates_help_and_enter_linearly():
    noise = np.random.RandomState(0).randn(len(X), 20)
    helper = np.c_[y + 0.1 * np.random.RandomState(1).randn(len(y))]
    without, model = make(n_components=2).fit(noise, y), make(n_components=2)
    model.fit(noise, y, X_aux=helper)
    assert model.score(noise, y, X_aux=helper) > 0.99 > 0.8 > without.score(noise, y)
    change = model.decision_function(noise, helper + 1) - model.decision_function(noise, helper)
    assert_allclose(change, model.aux_coef_[0, 0], rtol=1e-9)


def test_covariates_are_routed_through_pipelines_and_searches():
    with config_context(enable_metadata_routing=True):
        model = make(n_components=2).set_fit_request(X_aux=True)
        model.set_predict_request(X_aux=True).set_score_request(X_aux=True)
        pipeline = Pipeline([("scale", StandardScaler()), ("classify", model)])
        grid = {"classify__n_components": [1, 2], "classify__alpha": [1e-2, 1e-3]}
        search = GridSearchCV(pipeline, grid, cv=2, error_score="raise").fit(X, y, X_aux=aux)
        found = search.best_estimator_.predict(X_new, X_aux=aux_new)
        score = search.score(X_new, y_new, X_aux=aux_new)
    scaler = StandardScaler().fit(X)
    params = {key.removeprefix("classify__"): value for key, value in search.best_params_.items()}
    alone = make(**params).fit(scaler.transform(X), y, X_aux=aux)
    assert_array_equal(found, alone.predict(scaler.transform(X_new), X_aux=aux_new))
    assert score == accuracy_score(y_new, found) > 0.9
    assert search.best_estimator_[-1].aux_coef_.shape == (1, 2)


def test_covariates_are_routed_to_a_transformer_inside_a_pipeline():
    with config_context(enable_metadata_routing=True):
        coder = make(n_components=3).set_fit_request(X_aux=True)
        pipeline = Pipeline(
            [("code", coder), ("classify", make(n_components=2).set_fit_request(X_aux=False))]
        )
        pipeline.fit(X, y, X_aux=aux)
    expected = make(n_components=3).fit(X, y, X_aux=aux)
    assert_array_equal(pipeline[0].components_, expected.components_)


def test_covariates_that_are_missing_wrong_or_not_wanted_are_an_error():
    model = make(n_components=2).fit(X, y, X_aux=aux)
    for method in ("predict", "predict_proba", "decision_function"):
        with pytest.raises(ValueError, match=r"X_aux is missing: .* fitted with 2 auxiliary"):
            getattr(model, method)(X_new)
    with pytest.raises(ValueError, match="X_aux is missing"):
        model.score(X_new, y_new)
    with pytest.raises(ValueError, match="X_aux must have 2 columns, got 1"):
        model.predict(X_new, X_aux=aux_new[:, :1])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        model.predict(X_new, X_aux=aux_new[:-1])
    with pytest.raises(ValueError, match="X_aux contains NaN"):
        model.fit(X, y, X_aux=aux * np.nan)
    with pytest.raises(ValueError, match=r"X_aux was given, but .* without it"):
        make(n_components=2).fit(X, y).predict(X_new, X_aux=aux_new)


def test_bad_input_is_an_error_that_says_what_is_wrong():
    with pytest.raises(ValueError, match="at least two classes, got one class"):
        make().fit(X, np.ones(len(y)))
    with pytest.raises(ValueError, match="Unknown label type: continuous"):
        make().fit(X, X[:, 0])
    for solver in ("lbfgs", "bcd"):
        with pytest.raises(ValueError, match="Negative values in data passed to Supervised"):
            make(nonnegative=True, solver=solver).fit(X - 1, y)
    positive = make("nonnegative", 2).fit(X, y)
    with pytest.raises(ValueError, match="Negative values in data passed to Supervised"):
        positive.transform(X_new - 1)
    for params in ({"nonnegative": True}, {"variant": "feature"}):
        for solver in ("lbfgs", "lpgd"):
            with pytest.raises(ValueError, match=f"solver='{solver}' is for .* use solver='bcd'"):
                make(solver=solver, **params).fit(X, y)
    with pytest.raises(ValueError, match=r"X must have n_components_=2 columns, got 3"):
        positive.inverse_transform(np.ones((4, 3)))


@pytest.mark.filterwarnings("default:n_components=")
def test_too_many_components_are_cut_with_a_warning():
    rows, labels = load_iris(return_X_y=True)
    with pytest.warns(UserWarning, match="n_components=10 is more than .* 4 are used"):
        model = make().fit(rows, labels)
    assert model.n_components_ == len(model.components_) == model.transform(rows).shape[1] == 4
    assert_allclose(model.inverse_transform(model.transform(rows)), rows, atol=1e-10)
    assert make().fit(rows[45:53], labels[45:53]).n_components_ == 4


def test_a_search_that_is_cut_short_warns(name):
    with pytest.warns(ConvergenceWarning, match=r"max_iter=2\) reached"):
        model = make(name, 4, max_iter=2, tol=0.0).fit(X, y)
    assert model.n_iter_ == 2


def test_top_features_are_the_largest_entries_by_name():
    model = make("nonnegative", 3).fit(X, y)
    names = np.array([f"word {j}" for j in range(20)])
    top = model.top_features(4, feature_names=names)
    assert top.shape == (3, 4)
    for atom, chosen in zip(model.components_, top, strict=True):
        expected = names[np.argsort(-atom)[:4]]
        assert_array_equal(chosen, expected)
    assert model.top_features(1)[0, 0] == f"x{model.components_[0].argmax()}"
    pandas = pytest.importorskip("pandas")
    named = make("nonnegative", 3).fit(pandas.DataFrame(X, columns=names), y)
    assert_array_equal(named.top_features(4), top)
    with pytest.raises(ValueError, match="n must be from 1 to n_features_in_=20, got 21"):
        model.top_features(21)
    with pytest.raises(ValueError, match="feature_names must have n_features_in_=20 names"):
        model.top_features(2, feature_names=["a"])


def test_class_weights_move_the_threshold():
    plain = make(n_components=2).fit(X, y)
    heavy = make(n_components=2, class_weight={0: 20.0, 1: 1.0}).fit(X, y)
    assert heavy.predict(X_new).sum() < plain.predict(X_new).sum()
    copies = np.concatenate([np.arange(len(y)), np.repeat(np.flatnonzero(y == 0), 2)])
    weighted = make(n_components=2, class_weight={0: 3.0, 1: 1.0}, reconstruction_weight=0.0)
    repeated = clone(weighted).set_params(class_weight=None)
    expected = repeated.fit(X[copies], y[copies]).predict_proba(X_new)
    assert_allclose(weighted.fit(X, y).predict_proba(X_new), expected, atol=0.02)


def test_rows_without_variance_are_legal(name):
    rows = np.ones((20, 3))
    model = make(name, 2).fit(rows, np.arange(20) % 2)
    assert np.isfinite(model.transform(rows)).all()
    assert_allclose(model.predict_proba(rows), 0.5, atol=1e-3)
