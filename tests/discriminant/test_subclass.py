"""Subclass discriminants: the span of LDA, the target, views, and what is refused."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.linalg import eigh
from sklearn.cluster import AgglomerativeClustering
from sklearn.datasets import load_digits, load_wine, make_blobs
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.preprocessing import StandardScaler

import sksubspace
from sksubspace.discriminant import SubclassDiscriminantAnalysis
from sksubspace.discriminant._subclasses import laplacian, ridge_map, subclass_targets
from sksubspace.metrics import principal_angles

DIGITS = load_digits(return_X_y=True)


def wine():
    X, y = load_wine(return_X_y=True)
    return StandardScaler().fit_transform(X), y


def kinds(n=300, seed=0):
    """Two classes, each of three heaps, that no plane tells apart."""
    X, heap = make_blobs(n, centers=[[-6], [-3.6], [-1.2], [1.2], [3.6], [6]], cluster_std=0.3,
                         random_state=seed)  # fmt: skip
    rng = np.random.RandomState(seed)
    return np.c_[X, rng.randn(n, 3)], heap % 2


def directions(model):
    return (model.maps_[0] @ model.whitening_).T


def test_one_subclass_each_and_no_ridge_span_the_space_of_lda():
    X, y = wine()
    model = SubclassDiscriminantAnalysis(1, alpha=0).fit(X, y)
    lda = LinearDiscriminantAnalysis(solver="eigen").fit(X, y)
    angles = principal_angles(directions(model), lda.scalings_[:, :2].T)
    assert len(angles) == 2
    assert angles.max() < 1e-6


def test_the_regression_spans_the_solution_of_the_eigenproblem_it_replaces():
    X, y = wine()
    fits = [
        SubclassDiscriminantAnalysis(3, alpha=alpha, solver=solver, random_state=0).fit(X, y)
        for solver, alpha in (("sr", 0), ("eigen", 1e-10))
    ]
    angles = principal_angles(*map(directions, fits))
    assert len(angles) == 8
    assert angles.max() < 1e-5


def test_targets_are_the_eigenvectors_of_the_graph_of_subclasses():
    p, class_of = np.array([0.1, 0.3, 0.2, 0.25, 0.15]), np.array([0, 0, 1, 1, 2])
    T = subclass_targets(p, class_of)
    assert_allclose(p @ T, 0, atol=1e-12)
    assert_allclose(T.T @ np.diag(p) @ T, np.eye(4), atol=1e-12)
    A = np.array([[p[s] * p[t] * (class_of[s] != class_of[t]) for t in range(5)] for s in range(5)])
    values = eigh(np.diag(A.sum(1)) - A, np.diag(p))[0]
    # L T = N T diag(values): two differences of classes, then those within a class, 1 - P
    assert_allclose(np.diag(A.sum(1)) - A, laplacian(p, class_of))
    assert_allclose(laplacian(p, class_of) @ T, p[:, None] * T * values[:0:-1], atol=1e-12)
    assert_allclose(values[::-1], [1, 1, 0.6, 0.55, 0], atol=1e-12)


def test_the_ridge_is_the_same_by_rows_and_by_columns():
    rng = np.random.RandomState(0)
    X, T = rng.randn(8, 20), rng.randn(8, 3)
    W = ridge_map(X, T, 0.1)
    ridge = 0.1 * np.square(X).sum() / 20
    assert_allclose(W, np.linalg.solve(X.T @ X + ridge * np.eye(20), X.T @ T), atol=1e-12)


def test_columns_that_depend_on_others_need_no_ridge():
    X, y = wine()
    twice = SubclassDiscriminantAnalysis(1, alpha=0).fit(np.c_[X, X, np.ones(len(X))], y)
    once = SubclassDiscriminantAnalysis(1, alpha=0).fit(X, y)
    found = twice.transform(np.c_[X, X, np.ones(len(X))])
    assert_allclose(found, once.transform(X), atol=1e-6)


def test_subclasses_are_whitened_balls_and_outputs_are_sorted():
    X, y = DIGITS
    model = SubclassDiscriminantAnalysis(5, random_state=0).fit(X, y % 2)
    Z, labels = model.transform(X), model.subclass_labels_
    means = np.array([Z[labels == s].mean(axis=0) for s in range(10)])
    assert_allclose(means, model.subclass_means_, atol=1e-9)
    within = (Z - means[labels]).T @ (Z - means[labels]) / len(Z)
    # but for a thousandth of the mean variance
    assert np.abs(within - np.eye(9)).max() < 0.02
    assert (np.diff(model.separations_) <= 0).all()
    L = laplacian(model.subclass_priors_, model.subclass_classes_)
    between = model.subclass_means_.T @ L @ model.subclass_means_
    assert_allclose(between, np.diag(model.separations_), atol=1e-9)


def test_fewer_outputs_are_the_first_ones():
    X, y = DIGITS
    whole = SubclassDiscriminantAnalysis(5, random_state=0).fit(X, y % 2)
    few = SubclassDiscriminantAnalysis(5, n_components=3, random_state=0).fit(X, y % 2)
    assert_allclose(few.transform(X), whole.transform(X)[:, :3], atol=1e-8)
    assert few.get_feature_names_out().tolist() == [
        f"subclassdiscriminantanalysis{i}" for i in range(3)
    ]


def test_classes_of_several_kinds_are_told_apart():
    (X, y), (X_new, y_new) = kinds(), kinds(seed=1)
    assert LinearDiscriminantAnalysis().fit(X, y).score(X_new, y_new) < 0.75
    model = SubclassDiscriminantAnalysis(3, clusterer=AgglomerativeClustering()).fit(X[:, :1], y)
    assert model.score(X_new[:, :1], y_new) > 0.95
    assert model.n_subclasses_.tolist() == [3, 3]


def test_probabilities_are_those_of_the_mixture():
    X, y = wine()
    model = SubclassDiscriminantAnalysis(2, random_state=0).fit(X, y)
    Z = model.transform(X)
    squared = ((Z[:, None] - model.subclass_means_) ** 2).sum(axis=2)
    density = model.subclass_priors_ * np.exp(-squared / 2)
    by_class = np.stack(
        [density[:, model.subclass_classes_ == k].sum(axis=1) for k in range(3)], axis=1
    )
    shares = by_class / by_class.sum(axis=1, keepdims=True)
    assert_allclose(model.predict_proba(X), shares, atol=1e-9)
    assert_array_equal(model.predict(X), shares.argmax(axis=1))


def test_the_number_of_subclasses_is_chosen_by_rows_left_out():
    X, y = DIGITS
    parity = SubclassDiscriminantAnalysis("auto", random_state=0).fit(X, y % 2)
    assert parity.n_subclasses_.min() >= 5
    X, X_new, y, y_new = train_test_split(X, y, random_state=0)
    digits = SubclassDiscriminantAnalysis("auto", random_state=0).fit(X, y)
    lda = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto").fit(X, y)
    assert digits.score(X_new, y_new) >= lda.score(X_new, y_new) - 0.01


def test_numbers_of_subclasses_by_class():
    X, y = wine()
    names = np.array(["a", "b", "c"])[y]
    model = SubclassDiscriminantAnalysis({"a": 1, "b": 3, "c": 2}, random_state=0).fit(X, names)
    assert model.n_subclasses_.tolist() == [1, 3, 2]
    assert model.subclass_classes_.tolist() == [0, 1, 1, 1, 2, 2]


def test_a_small_class_gets_fewer_subclasses():
    X, y = wine()
    rows = np.r_[np.flatnonzero(y == 0)[:11], np.flatnonzero(y == 1)[:3], np.flatnonzero(y == 2)]
    model = SubclassDiscriminantAnalysis(4, random_state=0).fit(X[rows], y[rows])
    assert model.n_subclasses_.tolist() == [2, 1, 4]


@pytest.mark.parametrize("fusion", ["concatenate", "mean"])
def test_views_are_columns_by_number_or_by_name(fusion):
    pandas = pytest.importorskip("pandas")
    X, y = wine()
    frame = pandas.DataFrame(X, columns=[f"c{i}" for i in range(13)])
    by_name = [[f"c{i}" for i in range(6)], [f"c{i}" for i in range(6, 13)]]
    by_number = [slice(0, 6), np.arange(6, 13)]
    fits = [
        SubclassDiscriminantAnalysis(2, views=views, fusion=fusion, random_state=0).fit(data, y)
        for data, views in ((frame, by_name), (X, by_number))
    ]
    assert_allclose(fits[0].transform(frame), fits[1].transform(X), atol=1e-9)
    assert fits[0].transform(frame).shape[1] == 5


@pytest.mark.parametrize("fusion", ["concatenate", "mean"])
def test_a_missing_view_is_the_mean_of_the_others(fusion):
    X, y = wine()
    views = [slice(0, 5), slice(5, 9), slice(9, 13)]
    model = SubclassDiscriminantAnalysis(2, views=views, fusion=fusion, random_state=0).fit(X, y)
    hidden = X.copy()
    hidden[::3, 5:9] = np.nan
    assert_array_equal(model.transform(hidden)[1::3], model.transform(X)[1::3])
    parts = [(X[:, v] - model.mean_[v]) @ W for v, W in zip(views, model.maps_, strict=True)]
    other = (parts[0] + parts[2]) / 2
    side = other if fusion == "mean" else np.hstack([parts[0], other, parts[2]])
    assert_allclose(model.transform(hidden)[::3], (side @ model.whitening_)[::3], atol=1e-9)
    assert model.score(hidden, y) > 0.9


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ((2, slice(0, 13)), "Row 2 of X has no view"),
        ((4, slice(0, 3)), "Row 4 of X has a view of which only some"),
    ],
)
def test_rows_without_any_view_are_named(change, message):
    X, y = wine()
    model = SubclassDiscriminantAnalysis(2, views=[slice(0, 6), slice(6, 13)]).fit(X, y)
    X[change] = np.nan
    with pytest.raises(ValueError, match=message):
        model.predict(X)


@pytest.mark.parametrize(
    ("params", "change", "message"),
    [
        ({}, lambda X, y: (X, np.r_[y[:-1], 9]), "at least 2 rows of each class, got 1 of"),
        ({}, lambda X, y: (X, 0 * y), "at least 2 classes"),
        ({}, lambda X, y: (0 * X, y), "equal rows"),
        ({"n_subclasses": {0: 2, 1: 2}}, lambda X, y: (X, y), "no number for the class 2"),
        ({"n_subclasses": {0: 2, 1: 2, 2: 0}}, lambda X, y: (X, y), "must be at least 1"),
        ({"views": [[0], [13]]}, lambda X, y: (X, y), "goes to column 13"),
        ({"views": [[0], [1]], "solver": "eigen"}, lambda X, y: (X, y), "takes no views"),
        ({"views": [["a"]]}, lambda X, y: (X, y), "views"),
    ],
)
def test_what_is_refused(params, change, message):
    X, y = change(*wine())
    with pytest.raises((ValueError, TypeError), match=message):
        SubclassDiscriminantAnalysis(**params).fit(X, y)


def test_more_components_than_there_are_is_told():
    X, y = wine()
    with pytest.warns(UserWarning, match="n_components=9 is more than the 2 outputs"):
        SubclassDiscriminantAnalysis(1, n_components=9).fit(X, y)


def test_a_search_chooses_by_score_and_the_file_says_the_same(tmp_path):
    X, y = DIGITS
    search = GridSearchCV(
        SubclassDiscriminantAnalysis(random_state=0), {"n_subclasses": [1, 8]}, cv=3
    ).fit(X, y % 2)
    assert search.best_params_ == {"n_subclasses": 8}
    pytest.importorskip("skops.io")
    loaded = sksubspace.load(sksubspace.save(search.best_estimator_, tmp_path / "model.skops"))
    assert_array_equal(loaded.predict_proba(X), search.predict_proba(X))
