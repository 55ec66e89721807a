"""SteinSubspace: known directions are found, and what holds for every fit."""

import pickle
import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_wine
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV, ShuffleSplit, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sksubspace.decomposition._score._gaussian import GaussianScore
from sksubspace.decomposition._score._student_t import StudentTScore
from sksubspace.decomposition._stein._subspace import SteinSubspace
from sksubspace.metrics import subspace_distance

ORDERS = [1, 2, "both"]


def multi_index(links, n=5000, d=50, df=None, seed=0):
    """Rows, five noisy responses of three directions, and the directions."""
    rng = np.random.RandomState(seed)
    B = np.linalg.qr(rng.randn(d, 3))[0]
    X = rng.randn(n, d)
    if df is not None:
        X /= np.sqrt(rng.chisquare(df, n) / df)[:, None]
    Z = (X @ B).T
    odd = [np.tanh(Z[0]), Z[1], np.sin(Z[2]), np.tanh(Z[0] - Z[1]), np.tanh(Z.sum(axis=0))]
    even = [Z[0] ** 2, np.abs(Z[1]), np.cos(Z[2]), Z[0] * Z[1], np.exp(-(Z[2] ** 2))]
    Y = np.stack({"odd": odd, "even": even, "mixed": odd[:3] + even[:3]}[links], axis=1)
    return X, Y / Y.std(axis=0) + 0.5 * rng.randn(*Y.shape), B.T


def small(n=120, d=6, seed=0):
    rng = np.random.RandomState(seed)
    X = rng.randn(n, d) @ rng.randn(d, d) + 2
    Y = np.column_stack([X[:, 0] + rng.randn(n), X[:, 1] ** 2, np.cos(X[:, 2])])
    return X, Y


def distance(estimator, B):
    return subspace_distance(estimator.components_, B) / np.sqrt(len(B))


@pytest.mark.parametrize(
    ("links", "df", "params", "low", "high"),
    [
        ("mixed", None, {"order": "both"}, 0, 0.15),
        ("mixed", None, {"order": 1}, 0, 0.25),
        ("even", None, {"order": 2}, 0, 0.15),
        ("even", None, {"order": 1}, 0.8, 1),
        ("odd", None, {"order": 2}, 0.8, 1),
        ("mixed", 5, {"order": "both", "score_model": "student_t"}, 0, 0.2),
        ("mixed", 5, {"order": "both"}, 0.5, 1),
    ],
)
def test_directions_are_found_where_the_moments_see_them(links, df, params, low, high):
    for seed in range(2):
        X, Y, B = multi_index(links, df=df, seed=seed)
        assert low <= distance(SteinSubspace(3, **params).fit(X, Y), B) <= high


def test_the_first_order_is_least_squares_for_one_response():
    X, Y = small()
    stein = SteinSubspace(1, shrinkage=0.0).fit(X, Y[:, 0])
    coef = LinearRegression().fit(X, Y[:, 0]).coef_
    assert_allclose(np.abs(stein.components_[0] @ coef), np.linalg.norm(coef), rtol=1e-9)
    assert_allclose(stein.singular_values_[0] * Y[:, 0].std(), np.linalg.norm(coef), rtol=1e-9)


def test_classes_give_the_span_of_linear_discriminants():
    """M = P times the centred means of classes; LDA's precision within classes spans the same."""
    X, y = load_wine(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    stein = SteinSubspace(2, shrinkage=0.0).fit(X, y)
    lda = LinearDiscriminantAnalysis(solver="eigen").fit(X, y)
    assert subspace_distance(stein.components_, lda.scalings_[:, :2].T) < 1e-6
    assert_array_equal(stein.classes_, [0, 1, 2])
    names = np.array(["b", "c", "a"])[y]
    named = SteinSubspace(2, shrinkage=0.0).fit(X, names)
    assert_array_equal(named.classes_, ["a", "b", "c"])
    assert_allclose(named.components_, stein.components_, atol=1e-9)


def test_floats_with_few_values_are_numbers():
    X, Y = small()
    y = (Y[:, 0] > 0).astype(np.float64) + (Y[:, 0] > 1)
    assert SteinSubspace(1).fit(X, y).classes_ is None
    assert_array_equal(SteinSubspace(1).fit(X, y.astype(int)).classes_, [0, 1, 2])


def test_real_data_reach_what_is_asked():
    X, y = load_wine(return_X_y=True)
    pipe = make_pipeline(StandardScaler(), SteinSubspace(2), LogisticRegression())
    assert cross_val_score(pipe, X, y, cv=ShuffleSplit(10, random_state=0)).mean() >= 0.96
    X, y = load_diabetes(return_X_y=True)
    pipe = make_pipeline(SteinSubspace(1), LinearRegression())
    splits = ShuffleSplit(10, test_size=0.2, random_state=0)
    assert cross_val_score(pipe, X, y, cv=splits).mean() >= 0.46


@pytest.mark.parametrize("scale_y", [True, False])
def test_x_as_its_own_response_is_pca(scale_y):
    X, _ = small()
    stein = SteinSubspace(3, scale_y=scale_y)
    with pytest.warns(UserWarning, match="this is exactly PCA"):
        stein.fit(X, X)
    pca = PCA(3).fit(X)
    assert_allclose(np.abs(stein.components_ @ pca.components_.T), np.eye(3), atol=1e-9)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("score_model", ["gaussian", "student_t"])
def test_a_rotation_of_x_rotates_the_directions(order, score_model):
    X, Y = small()
    R = np.linalg.qr(np.random.RandomState(7).randn(6, 6))[0]
    params = {"n_components": 2, "order": order, "score_model": score_model}
    plain, turned = SteinSubspace(**params).fit(X, Y), SteinSubspace(**params).fit(X @ R, Y)
    assert_allclose(np.abs(plain.components_ @ R @ turned.components_.T), np.eye(2), atol=1e-6)
    assert_allclose(turned.singular_values_, plain.singular_values_, rtol=1e-6)


@pytest.mark.filterwarnings("ignore:order=1 finds")
@pytest.mark.parametrize("order", ORDERS)
def test_units_and_signs_of_responses_do_not_matter(order):
    X, Y = small()
    plain = SteinSubspace(2, order=order).fit(X, Y)
    scaled = SteinSubspace(2, order=order).fit(X, Y * [-1e3, 1e-3, 1] + 5)
    assert_allclose(scaled.components_, plain.components_, atol=1e-8)
    raw = SteinSubspace(2, order=order, scale_y=False).fit(X, Y * [1e6, 1, 1])
    alone = SteinSubspace(2, order=order, scale_y=False).fit(X, Y[:, :1])
    assert subspace_distance(raw.components_[:1], alone.components_[:1]) < 1e-4


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("score_model", ["gaussian", "student_t"])
def test_weights_are_repetitions(order, score_model):
    X, Y = small()
    weights = np.random.RandomState(0).randint(0, 3, 120)
    stein = SteinSubspace(2, order=order, score_model=score_model)
    weighted = clone(stein).fit(X, Y, sample_weight=weights)
    repeated = clone(stein).fit(np.repeat(X, weights, axis=0), np.repeat(Y, weights, axis=0))
    assert_allclose(weighted.components_, repeated.components_, atol=1e-5)
    assert_allclose(weighted.singular_values_, repeated.singular_values_, rtol=1e-5)


@pytest.mark.parametrize("order", ORDERS)
def test_weights_are_seen_by_every_model(order):
    X, Y = small()
    weights = np.r_[np.ones(60), np.full(60, 1e-9)]
    for score_model in ("gmm", GaussianScore().fit(X)):
        stein = SteinSubspace(2, order=order, score_model=score_model, random_state=0)
        half = clone(stein).fit(X[:60], Y[:60])
        weighted = clone(stein).fit(X, Y, sample_weight=weights)
        assert subspace_distance(half.components_, weighted.components_) < 1e-2


@pytest.mark.parametrize("classes", [False, True])
@pytest.mark.parametrize("order", ORDERS)
def test_batches_give_the_fit_to_all_rows(order, classes):
    X, Y = small()
    X = X + 100
    y = np.digitize(Y[:, 0], [0, 2, 4]) if classes else Y
    weights = np.random.RandomState(0).rand(120)
    stein = SteinSubspace(4, order=order)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        whole = clone(stein).fit(X, y, sample_weight=weights)
        for rows in (slice(0, 30), slice(30, 31), slice(31, 120)):
            known = np.unique(y) if classes and rows.start == 0 else None
            stein.partial_fit(X[rows], y[rows], classes=known, sample_weight=weights[rows])
    assert_allclose(stein.components_, whole.components_, atol=1e-9)
    assert_allclose(stein.singular_values_, whole.singular_values_, rtol=1e-9)
    assert_allclose(stein.score_model_.shrinkage_, whole.score_model_.shrinkage_, rtol=1e-9)
    assert_allclose(stein.transform(X), whole.transform(X), atol=1e-7)


def test_fit_forgets_batches_and_the_first_batch_forgets_a_fit():
    X, Y = small()
    used = SteinSubspace(2).partial_fit(X[:50], Y[:50]).fit(X, Y)
    assert_array_equal(used.components_, SteinSubspace(2).fit(X, Y).components_)
    used.partial_fit(X[50:], Y[50:])
    fresh = SteinSubspace(2).partial_fit(X[50:], Y[50:])
    assert_array_equal(used.components_, fresh.components_)


def test_batches_that_do_not_fit_are_refused():
    X, Y = small()
    with pytest.raises(AttributeError) as error:
        SteinSubspace(score_model="student_t").partial_fit(X, Y)
    assert "partial_fit needs score_model='gaussian', got 'student_t'" in str(error.value.__cause__)
    stein = SteinSubspace(2).partial_fit(X, Y)
    before = stein.components_.copy()
    with pytest.raises(ValueError, match="y must have 3 responses"):
        stein.partial_fit(X, Y[:, :2])
    with pytest.raises(ValueError, match="expecting 6 features"):
        stein.partial_fit(X[:, :5], Y)
    assert_array_equal(stein.components_, before)
    labels = np.arange(120) % 3
    stein = SteinSubspace(2).partial_fit(X, labels)
    with pytest.raises(ValueError, match=r"y holds \[9\], which is not among the classes"):
        stein.partial_fit(X, np.where(labels == 0, 9, labels))
    with pytest.raises(TypeError, match="Sparse"):
        SteinSubspace(2).partial_fit(sparse.csr_array(X), Y)


def test_the_first_batch_may_lack_classes():
    X, Y = small()
    y = np.digitize(Y[:, 0], [0, 2, 4])
    with pytest.warns(UserWarning, match="the other 2 any directions"):
        stein = SteinSubspace(3).partial_fit(X[y < 2], y[y < 2], classes=[0, 1, 2, 3])
    stein.partial_fit(X[y >= 2], y[y >= 2])
    whole = SteinSubspace(3).fit(X, y)
    assert_allclose(stein.components_, whole.components_, atol=1e-9)


def test_directions_beyond_the_responses_come_from_the_second_order():
    X, Y, _ = multi_index("mixed", n=2000, d=8)
    stein = SteinSubspace(3)
    with pytest.warns(UserWarning, match="finds 1 direction .* other 2 the second order"):
        stein.fit(X, Y[:, 4])
    first = SteinSubspace(1).fit(X, Y[:, 4])
    assert_allclose(stein.components_[0], first.components_[0], atol=1e-12)
    assert_allclose(stein.components_ @ stein.components_.T, np.eye(3), atol=1e-12)
    s = first.score_model_.score_function(X)
    H = s.T @ (((Y[:, 4] - Y[:, 4].mean()) / Y[:, 4].std())[:, None] * s) / 2000
    Q = np.eye(8) - np.outer(first.components_, first.components_)
    values, vectors = np.linalg.eigh(Q @ H @ H @ Q)
    assert_allclose(np.abs(stein.components_[1:] @ vectors[:, :-3:-1]), np.eye(2), atol=1e-8)
    assert_allclose(stein.singular_values_[1:], np.sqrt(values[:-3:-1]), rtol=1e-8)


@pytest.mark.parametrize("order", [2, "both"])
@pytest.mark.parametrize("score_model", ["gaussian", "student_t"])
def test_the_operator_finds_what_the_matrices_find(order, score_model):
    X, Y, _ = multi_index("mixed", n=1500, d=320)
    params = {"n_components": 3, "order": order, "score_model": score_model, "random_state": 0}
    full = SteinSubspace(svd_solver="full", **params).fit(X, Y)
    operator = SteinSubspace(svd_solver="operator", **params).fit(X, Y)
    assert subspace_distance(full.components_, operator.components_) < 1e-2
    assert_allclose(operator.singular_values_, full.singular_values_, rtol=1e-3)
    auto = SteinSubspace(**params).fit(X, Y)
    assert_array_equal(auto.components_, operator.components_)


@pytest.mark.parametrize(("order", "links"), [(1, "odd"), (2, "even"), ("both", "mixed")])
@pytest.mark.parametrize("svd_solver", ["full", "operator"])
def test_the_number_of_directions_may_be_found(order, links, svd_solver):
    X, Y, B = multi_index(links, d=30)
    stein = SteinSubspace("auto", order=order, svd_solver=svd_solver, random_state=0).fit(X, Y)
    assert stein.n_components_ == 3
    assert distance(stein, B) < 0.2


@pytest.mark.parametrize("most", [2000, 5])
@pytest.mark.parametrize("n_components", [2, 5])
@pytest.mark.filterwarnings("ignore:order=1 finds")
def test_sparse_rows_give_the_directions_of_dense_ones(monkeypatch, most, n_components):
    monkeypatch.setattr("sksubspace.decomposition._score._sparse_gaussian._MOST_FEATURES", most)
    rng = np.random.RandomState(0)
    X = sparse.random_array((150, 12), density=0.3, random_state=0, format="csr") * 4.0
    Y = np.column_stack([X @ rng.randn(12), (X @ rng.randn(12)) ** 2, rng.randn(150)])
    weights = rng.rand(150)
    stein = SteinSubspace(n_components, random_state=0)
    rare = clone(stein).fit(X, Y, sample_weight=weights)
    dense = clone(stein).fit(X.toarray(), Y, sample_weight=weights)
    tolerance = 1e-8 if n_components == 2 else 1e-2
    assert_allclose(rare.components_, dense.components_, atol=tolerance)
    assert_allclose(rare.transform(X), dense.transform(X.toarray()), atol=10 * tolerance)
    assert_array_equal(rare.transform(X)[7], rare.transform(X[7:8])[0])
    if most == 5:
        with pytest.raises(ValueError, match="more than 2,000 sparse features"):
            rare.score_model_.score_function(X.toarray())


def test_sparse_rows_are_for_the_first_order_and_a_gaussian():
    X, Y = small()
    for params in ({"order": 2}, {"score_model": "student_t"}):
        with pytest.raises(TypeError, match="Sparse"):
            SteinSubspace(**params).fit(sparse.csr_array(X), Y)


@pytest.mark.parametrize("score_model", ["gaussian", "student_t", "gmm"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_purity_seed_and_pickle(score_model, dtype):
    X, Y = small(n=300)
    X = X.astype(dtype)
    X.flags.writeable = False
    Y.flags.writeable = False
    stein = SteinSubspace(2, order="both", score_model=score_model, random_state=0).fit(X, Y)
    Z = stein.transform(X)
    assert Z.dtype == stein.components_.dtype == stein.singular_values_.dtype == dtype
    assert_allclose(Z, (X - stein.mean_) @ stein.components_.T, atol=1e-4)
    assert_array_equal(Z[[5, 299]], np.vstack([stein.transform(X[[i]]) for i in (5, 299)]))
    assert_array_equal(clone(stein).fit(X, Y).components_, stein.components_)
    assert_array_equal(pickle.loads(pickle.dumps(stein)).transform(X), Z)


def test_global_random_numbers_are_left_alone():
    X, Y = small()
    before = np.random.get_state()[1].copy()
    SteinSubspace(2, order=2, score_model="gmm", svd_solver="operator").fit(X, Y)
    assert_array_equal(np.random.get_state()[1], before)


def test_a_callable_that_knows_the_density():
    X, Y, B = multi_index("mixed", n=3000, d=10)

    def standard_normal(X):
        return X, np.broadcast_to(np.eye(10), (len(X), 10, 10))

    for order in ORDERS:
        for svd_solver in ("full", "operator"):
            stein = SteinSubspace(
                3, order=order, score_model=standard_normal, svd_solver=svd_solver, random_state=0
            )
            assert distance(stein.fit(X, Y), B) < 0.15
    with pytest.raises(ValueError, match=r"must return a tuple \(S, J\)"):
        SteinSubspace(3, order=2, score_model=lambda X: X).fit(X, Y)


def test_a_model_that_is_passed_is_used():
    X, Y = small()
    known = StudentTScore(df=4).fit(X)
    by_object = SteinSubspace(2, order="both", score_model=known).fit(X, Y)
    by_class = SteinSubspace(2, order="both", score_model=StudentTScore(df=4)).fit(X, Y)
    assert by_class.score_model_.df_ == 4
    assert by_object.score_model_ is known
    assert_allclose(by_object.singular_values_, by_class.singular_values_, rtol=0.2)
    assert_allclose(by_class.mean_, by_class.score_model_.mean_)
    search = GridSearchCV(
        make_pipeline(SteinSubspace(1, score_model=StudentTScore(df=4)), LinearRegression()),
        {"steinsubspace__score_model__df": [3, 30], "steinsubspace__order": [1, 2]},
    ).fit(X, Y[:, 0])
    assert search.best_params_["steinsubspace__order"] == 1


def test_names_of_columns():
    X, Y = small()
    stein = SteinSubspace(2).set_output(transform="pandas").fit(X, Y)
    assert list(stein.transform(X).columns) == ["steinsubspace0", "steinsubspace1"]


@pytest.mark.parametrize(
    ("params", "match"),
    [
        ({"n_components": 7}, "n_components=7 must be at most n_features=6"),
        ({"n_components": 0}, "'n_components' parameter of SteinSubspace"),
        ({"order": 3}, "'order' parameter of SteinSubspace"),
        ({"score_model": "cauchy"}, "'score_model' parameter of SteinSubspace"),
        ({"shrinkage": -0.1}, "'shrinkage' parameter of SteinSubspace"),
        ({"svd_solver": "lobpcg"}, "'svd_solver' parameter of SteinSubspace"),
    ],
)
def test_wrong_parameters_are_named(params, match):
    with pytest.raises(ValueError, match=match):
        SteinSubspace(**params).fit(*small())


def test_wrong_responses_and_weights_are_refused():
    X, Y = small()
    with pytest.raises(ValueError, match="y is constant"):
        SteinSubspace().fit(X, np.ones(120))
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        SteinSubspace().fit(X, Y[:5])
    with pytest.raises(ValueError, match="contains NaN"):
        SteinSubspace().fit(X, Y * np.nan)
    with pytest.raises(ValueError, match="Negative values"):
        SteinSubspace().fit(X, Y, sample_weight=-np.ones(120))
    with pytest.raises(ValueError, match="above zero for at least 2 rows, got 1"):
        SteinSubspace().fit(X, Y, sample_weight=np.eye(120)[0])
