"""Methods that go row by row, of every estimator, on blocks of rows."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import sparse

from sksubspace._dask import is_collection
from tests import instances
from tests.common import IGNORED, Case
from tests.distributed.chunked import chunked

pytestmark = [
    pytest.mark.distributed,
    *(pytest.mark.filterwarnings(warning) for warning in IGNORED),
]

ROW_BY_ROW = (
    "transform", "predict", "predict_proba", "predict_log_proba", "decision_function",
    "score_samples", "distortion",
)  # fmt: skip
CASES = [
    Case(name, kind)
    for kind in instances._KINDS
    if kind != "only checked"
    for name in instances.names(kind)
]


def dense(values):
    return values.toarray() if sparse.issparse(values) else np.asarray(values)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_blocks_give_what_all_rows_give_to_the_last_bit(case):
    estimator, X = case.fitted, case.X_new
    asked = [method for method in ROW_BY_ROW if hasattr(estimator, method)]
    for method in asked:
        whole = dense(getattr(estimator, method)(X))
        found = getattr(estimator, method)(chunked(X, "four"))
        assert is_collection(found) and found.shape == whole.shape, method
        assert found.dtype == whole.dtype, method
        assert_array_equal(dense(found.compute(scheduler="sync")), whole, err_msg=method)
        if method == "transform" and hasattr(estimator, "inverse_transform"):
            back = estimator.inverse_transform(chunked(whole, "four"))
            assert_array_equal(back.compute(scheduler="sync"), estimator.inverse_transform(whole))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_fit_takes_a_collection_or_says_why_not(case):
    try:
        fitted = case.fit(chunked(case.X, "two"))
    except TypeError as error:
        assert "must be in memory" in str(error) and "2 blocks" in str(error)
        return
    method = "transform" if case.has("transform") else "predict"
    found, whole = (getattr(one, method)(case.X_new) for one in (fitted, case.fitted))
    np.testing.assert_allclose(found, whole, rtol=1e-10, atol=1e-10)
