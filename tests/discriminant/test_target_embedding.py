"""Codes of classes: RidgeClassifier, classes without rows, retraining, and what is refused."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.spatial.distance import cdist
from sklearn.covariance import ledoit_wolf
from sklearn.datasets import load_digits, load_wine
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import Ridge, RidgeClassifier
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, train_test_split

import sksubspace
from sksubspace.discriminant import TargetEmbeddingClassifier
from sksubspace.discriminant._codes import codes_of_distances, codes_of_means, simplex_codes

DIGITS = load_digits(return_X_y=True)


def ordered(n=400, seed=0):
    """Rows whose class is a place on a circle of twelve."""
    rng = np.random.RandomState(seed)
    y = rng.randint(12, size=n)
    circle = np.c_[np.cos(y * np.pi / 6), np.sin(y * np.pi / 6)]
    return np.c_[circle + 0.05 * rng.randn(n, 2), rng.randn(n, 2)], y


def circle_distances(n=12):
    place = np.exp(2j * np.pi * np.arange(n) / n)
    return np.abs(place[:, None] - place)


@pytest.mark.parametrize("classes", [10, 3, 2])
def test_a_simplex_is_the_ridge_classifier(classes):
    X, y = DIGITS
    X, y = X[y < classes], y[y < classes]
    model = TargetEmbeddingClassifier(Ridge(alpha=5.0), codes="simplex").fit(X[::2], y[::2])
    ridge = RidgeClassifier(alpha=5.0).fit(X[::2], y[::2])
    assert_array_equal(model.predict(X), ridge.predict(X))
    # squared distances differ between classes by the regressed shares alone
    shares = (ridge.decision_function(X) + 1) / 2
    factor = 2 * classes / (classes - 1)
    expected = shares - shares.mean(axis=1, keepdims=True) if classes > 2 else 2 * shares - 1
    decisions = model.decision_function(X) / factor
    decisions = decisions - decisions.mean(axis=1, keepdims=True) if classes > 2 else decisions
    assert_allclose(decisions, expected, atol=1e-8)


def test_corners_of_a_simplex_are_all_as_far_from_each_other():
    E = simplex_codes(7)
    assert E.shape == (7, 6)
    assert_allclose(np.linalg.norm(E, axis=1), 1)
    assert_allclose(E.sum(axis=0), 0, atol=1e-12)
    far = cdist(E, E)[~np.eye(7, dtype=bool)]
    assert_allclose(far, far[0])


def test_reserved_corners_keep_the_codes_of_the_first_classes():
    X, y = DIGITS
    first = y < 6
    old = TargetEmbeddingClassifier(codes="simplex", n_reserved=4).fit(X[first], y[first])
    new = TargetEmbeddingClassifier(codes="simplex", classes=np.arange(10)).fit(X, y)
    assert_array_equal(old.codes_, new.codes_[:6])
    assert old.n_components_ == new.n_components_ == 9
    assert set(old.predict(X)) <= set(range(6))
    # a new model's place of a known class is nearest to the old model's places of that class
    old_places, new_places = old.transform(X[first]), new.transform(X[first])
    means = np.array([old_places[y[first] == c].mean(axis=0) for c in range(6)])
    assert (cdist(new_places, means).argmin(axis=1) == y[first]).mean() > 0.9


def test_codes_of_means_are_whitened_and_of_unit_length():
    X, y = DIGITS
    codes = codes_of_means(X, y, 9)
    means = np.array([X[y == c].mean(axis=0) for c in range(10)])
    S = ledoit_wolf(X - means[y], assume_centered=True)[0]
    centred = means - means.mean(axis=0)
    products = centred @ np.linalg.solve(S, centred.T)
    length = np.sqrt(np.diag(products))
    assert_allclose(codes @ codes.T, products / np.outer(length, length), atol=1e-6)
    first = codes_of_means(X, y, 4)
    assert_allclose(np.linalg.norm(first, axis=1), 1)
    assert_allclose(first, codes[:, :4] / np.linalg.norm(codes[:, :4], axis=1)[:, None])


def test_distances_of_places_are_found_again():
    places = np.random.RandomState(0).randn(8, 3)
    D = cdist(places, places)
    found = codes_of_distances(D, 7)
    assert found.shape == (8, 3)
    assert_allclose(cdist(found, found), D, atol=1e-9)


def test_distances_of_no_euclidean_space_are_told():
    D = np.ones((5, 5)) - np.eye(5)
    D[0, 1] = D[1, 0] = 5
    with pytest.warns(UserWarning, match=r"no Euclidean space: \d+\.\d% of the sum"):
        codes_of_distances(D, 4)


def test_classes_that_have_no_row_are_found_by_their_distances():
    (X, y), (X_new, y_new) = ordered(), ordered(seed=1)
    seen = ~np.isin(y, [3, 8])
    model = TargetEmbeddingClassifier(
        classes=range(12), distances=circle_distances(), n_components=2
    ).fit(X[seen], y[seen])
    assert model.score(X_new, y_new) > 0.95
    assert model.score(X_new[np.isin(y_new, [3, 8])], y_new[np.isin(y_new, [3, 8])]) > 0.9
    assert model.n_components_ == 2


def test_classes_keep_the_order_they_are_given_in():
    X, y = load_wine(return_X_y=True)
    names = np.array(["white", "amber", "red"])
    model = TargetEmbeddingClassifier(classes=names, codes="simplex").fit(X, names[y])
    assert model.classes_.tolist() == names.tolist()
    assert model.score(X, names[y]) > 0.95
    plain = TargetEmbeddingClassifier(codes="simplex").fit(X, names[y])
    assert plain.classes_.tolist() == sorted(names)
    assert_array_equal(plain.predict(X), model.predict(X))


@pytest.mark.parametrize(("n_classes", "wanted"), [(2, 1), (3, 2), (8, 3), (9, 4), (10, 4)])
def test_the_fewest_outputs_are_the_logarithm_of_the_classes(n_classes, wanted):
    X, y = DIGITS
    model = TargetEmbeddingClassifier().fit(X[y < n_classes], y[y < n_classes])
    assert model.codes_.shape == (n_classes, wanted)
    assert model.transform(X[:5]).shape == (5, wanted)


def test_means_tell_more_than_random_directions():
    X, X_new, y, y_new = train_test_split(*DIGITS, random_state=0)
    accuracy = {
        codes: TargetEmbeddingClassifier(codes=codes, random_state=0).fit(X, y).score(X_new, y_new)
        for codes in ("eigen", "random")
    }
    assert accuracy["eigen"] > accuracy["random"] + 0.03


def test_codes_of_the_caller():
    X, y = load_wine(return_X_y=True)
    codes = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 2.0]])
    model = TargetEmbeddingClassifier(codes=codes).fit(X, y)
    places = Ridge().fit(X, codes[y]).predict(X)
    assert_allclose(model.transform(X), places, atol=1e-10)
    assert_allclose(model.decision_function(X), -(cdist(places, codes) ** 2), atol=1e-9)
    assert_array_equal(model.predict(X), cdist(places, codes).argmin(axis=1))


def test_the_temperature_is_good_for_new_rows():
    X, X_new, y, y_new = train_test_split(*DIGITS, test_size=0.5, random_state=0)
    model = TargetEmbeddingClassifier(
        KernelRidge(kernel="rbf", gamma=1e-3), codes="simplex", random_state=0
    ).fit(X, y)
    squared = -model.decision_function(X_new)

    def loss(temperature):
        weights = np.exp(-(squared - squared.min(axis=1, keepdims=True)) / temperature)
        return log_loss(y_new, weights / weights.sum(axis=1, keepdims=True))

    assert_allclose(log_loss(y_new, model.predict_proba(X_new)), loss(model.temperature_))
    grid = model.temperature_ * np.array([0.25, 0.5, 2, 4])
    assert min(map(loss, grid)) > loss(model.temperature_)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"classes": [0, 1]}, "got y with the class 2"),
        ({"classes": [0, 1, 2, 2]}, "name each class once"),
        ({"classes": range(4)}, "needs rows of each class or distances, got none of the class 3"),
        ({"distances": np.ones((2, 3))}, r"distances must have the shape \(3, 3\)"),
        ({"distances": np.ones((3, 3))}, "zero on the diagonal"),
        ({"distances": [[0, 1, 1], [1, 0, 1], [2, 1, 0]]}, "must be symmetric"),
        ({"codes": [[0.0], [1.0]]}, r"codes must have the shape \(3, n_components\)"),
        ({"codes": [[0.0], [1.0], [np.inf]]}, "codes"),
        ({"codes": "onehot"}, "codes"),
        ({"n_reserved": 2}, "n_reserved=2 needs codes='simplex'"),
    ],
)
def test_what_is_refused(params, message):
    X, y = load_wine(return_X_y=True)
    with pytest.raises(ValueError, match=message):
        TargetEmbeddingClassifier(**params).fit(X, y)


def test_more_outputs_than_there_are_is_told():
    X, y = load_wine(return_X_y=True)
    with pytest.warns(UserWarning, match="n_components=5 is not below the number of classes: 2"):
        model = TargetEmbeddingClassifier(n_components=5).fit(X, y)
    assert model.n_components_ == 2


def test_a_search_chooses_by_score_and_the_file_says_the_same(tmp_path):
    X, y = DIGITS
    search = GridSearchCV(
        TargetEmbeddingClassifier(Ridge(), random_state=0),
        {"n_components": [2, 8], "estimator__alpha": [1.0, 1e4]},
        cv=3,
    ).fit(X, y)
    assert search.best_params_ == {"n_components": 8, "estimator__alpha": 1.0}
    pytest.importorskip("skops.io")
    loaded = sksubspace.load(sksubspace.save(search.best_estimator_, tmp_path / "model.skops"))
    assert_array_equal(loaded.predict_proba(X), search.predict_proba(X))


def test_copies_of_rows_do_not_sharpen_the_shares():
    """Labels at random: with copies in other folds places would seem to tell all."""
    rng = np.random.RandomState(0)
    X, y, T = rng.randn(200, 80), rng.randint(0, 4, 200), rng.randn(400, 80)
    for times in (1, 3):
        model = TargetEmbeddingClassifier(codes="simplex", random_state=0)
        shares = model.fit(np.repeat(X, times, axis=0), np.repeat(y, times)).predict_proba(T)
        assert shares.max() < 0.3


def test_equal_rows_of_two_classes_are_told_by_nothing():
    model = TargetEmbeddingClassifier(codes="simplex").fit(np.ones((6, 3)), [0, 1] * 3)
    assert_allclose(model.predict_proba(np.ones((1, 3))), 0.5, atol=1e-3)
