"""Every public estimator has cheap instances, and scikit-learn's checks run once on each."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.utils.estimator_checks import estimator_checks_generator

from tests import instances
from tests.test_common_torch import GlobalState

# both fit negative rows whatever the tag positive_only says; the tests of dictionaries do the same
# on rows that are not
ON_NEGATIVE_ROWS = {"check_class_weight_classifiers", "check_decision_proba_consistency"}


def checks():
    for name in instances.names("all"):
        only_positive = instances.make(name).__sklearn_tags__().input_tags.positive_only
        for estimator, check in estimator_checks_generator(instances.make_for_checks(name)):
            called = getattr(check, "func", check).__name__
            if not (only_positive and called in ON_NEGATIVE_ROWS):
                yield pytest.param(estimator, check, id=f"{name}-{called}")


@pytest.mark.filterwarnings("ignore:calibration='loo' needs an encoder and a decoder")
@pytest.mark.filterwarnings("ignore:The affinity graph has")
@pytest.mark.filterwarnings("ignore:n_components=")
@pytest.mark.filterwarnings("ignore:order=1 finds")
@pytest.mark.filterwarnings("ignore:transform_max_iter")
@pytest.mark.filterwarnings("ignore:The outputs of the encoder collapsed")
@pytest.mark.parametrize(("estimator", "check"), list(checks()))
def test_scikit_learn_check(estimator, check):
    check(estimator)


@pytest.mark.parametrize("name", instances.estimators())
def test_every_public_estimator_has_cheap_arguments(name):
    made = {type(instances.make(instance)).__name__ for instance in instances.names("all")}
    assert name in made, f"give {name} cheap arguments in tests/instances.py"


def test_no_two_instances_are_the_same():
    shown = [repr(instances.make(name)) for name in instances.names("all")]
    assert len(set(shown)) == len(shown)


RNG = np.random.default_rng(0)
X = np.abs(RNG.normal(size=(60, 5)) + 4 * np.eye(3, 5)[RNG.integers(3, size=60)])
y = (X[:, 0] > 3).astype(int)
X_new = X[::-2] + 0.25


@pytest.fixture(scope="module", params=[*instances.names("score"), *instances.names("dictionary")])
def name(request):
    """The kinds that have no battery of their own."""
    return request.param


@pytest.fixture(scope="module")
def fitted(name):
    return instances.make(name).fit(X, y)


def outputs(estimator):
    methods = ("score_function", "transform", "predict", "predict_proba")
    found = {key: getattr(estimator, key)(X_new) for key in methods if hasattr(estimator, key)}
    assert found
    return found


def assert_same(first, second):
    assert first.keys() == second.keys()
    for method in first:
        assert_array_equal(first[method], second[method], err_msg=method)


def test_global_random_states_and_settings_are_left_alone(name):
    before = GlobalState()
    estimator = instances.make(name).fit(X, y)
    outputs(estimator)
    pickle.loads(pickle.dumps(estimator))
    before.assert_untouched()


def test_two_fits_with_one_seed_and_a_clone_are_the_same_bit_for_bit(name, fitted):
    assert_same(outputs(instances.make(name).fit(X, y)), outputs(fitted))
    copy = clone(fitted)
    assert not [key for key in vars(copy) if key.endswith("_")]
    assert_same(outputs(copy.fit(X, y)), outputs(fitted))


def test_pickle_round_trip(fitted):
    assert_same(outputs(pickle.loads(pickle.dumps(fitted))), outputs(fitted))


def test_a_second_fit_forgets_the_first(name, fitted):
    estimator = instances.make(name).fit(X[:40, :4], y[:40]).fit(X, y)
    assert vars(estimator).keys() == vars(fitted).keys()
    assert_same(outputs(estimator), outputs(fitted))


def test_data_of_the_caller_are_neither_written_to_nor_kept(name, fitted):
    train = X.copy()
    train.flags.writeable = False
    estimator = instances.make(name).fit(train, y)
    assert_array_equal(train, X)
    train.flags.writeable = True
    train[:] = 0
    assert_same(outputs(estimator), outputs(fitted))
