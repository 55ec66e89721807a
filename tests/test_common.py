"""Every public estimator has cheap instances, and scikit-learn's checks run once on each."""

import pytest
from sklearn.utils.estimator_checks import estimator_checks_generator

from tests import instances
from tests.common import IGNORED

pytestmark = [pytest.mark.filterwarnings(warning) for warning in IGNORED]

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
