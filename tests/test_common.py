"""scikit-learn's own checks of an estimator; none is expected to fail."""

import pytest
from sklearn.utils.estimator_checks import estimator_checks_generator

from tests import instances

CHECKS = [
    pytest.param(estimator, check, id=f"{name}-{getattr(check, 'func', check).__name__}")
    for name in [*instances.names(), *instances.names("cluster"), *instances.names("map")]
    for estimator, check in estimator_checks_generator(instances.make(name))
]


@pytest.mark.filterwarnings("ignore:calibration='loo' needs an encoder and a decoder")
@pytest.mark.filterwarnings("ignore:The affinity graph has")
@pytest.mark.filterwarnings("ignore:n_components=")
@pytest.mark.filterwarnings("ignore:order=1 finds")
@pytest.mark.filterwarnings("ignore:The outputs of the encoder collapsed")
@pytest.mark.parametrize(("estimator", "check"), CHECKS)
def test_scikit_learn_check(estimator, check):
    check(estimator)
