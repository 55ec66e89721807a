"""The library's own battery, which every instance passes once beside that of scikit-learn.

What scikit-learn's checks already ask for (values that are not finite, frames in and out, read-only
memory, rows of one feature) is not asked again.
"""

import pickle

import joblib
import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from sklearn.base import clone

import sksubspace
from tests import instances
from tests.common import IGNORED, METHODS, GlobalState, assert_same, cases

# they write columns down, and nothing of them can be right or wrong: what follows is scored
UNSCORED = {"GraphFeatureExpansion", "SignatureFeatures"}

pytestmark = [pytest.mark.filterwarnings(warning) for warning in IGNORED]


@pytest.fixture(params=cases(), ids=str)
def case(request):
    return request.param


@pytest.fixture(params=[case for case in cases() if case.has("transform")], ids=str)
def mapping(request):
    """The cases that place rows."""
    return request.param


def test_every_public_estimator_scores_rows_that_were_held_out():
    scored = [case for case in cases() if type(case.fitted).__name__ not in UNSCORED]
    scores = {case.name: case.fitted.score(case.X_new, case.y_new) for case in scored}
    assert [name for name, one in scores.items() if type(one) is not float] == []
    assert [name for name, one in scores.items() if not np.isfinite(one)] == []
    assert {type(case.fitted).__name__ for case in cases()} == set(instances.estimators())


def test_global_random_states_and_settings_are_left_alone(case):
    for seed in (0, None):
        before = GlobalState()
        estimator = case.make(**{"random_state": seed} if "random_state" in case.params else {})
        estimator.fit(case.X, case.y)
        case.outputs(estimator)
        pickle.loads(pickle.dumps(estimator))
        before.assert_untouched()


def test_a_clone_is_unfitted_and_fits_the_same_bit_for_bit(case):
    copy = clone(case.fitted)
    assert not [key for key in vars(copy) if key.endswith("_")]
    case.assert_same(copy.fit(case.X, case.y))


def test_a_fit_neither_writes_to_the_rows_nor_keeps_them(case, tmp_path):
    """A read-only memory map is legal, and what is in it later does no harm."""
    path = tmp_path / "X.npy"
    np.save(path, case.X)
    y, new = (None if case.y is None else case.y.copy()), case.X_new.copy()
    for array in [new] if y is None else [new, y]:
        array.flags.writeable = False
    estimator = case.make().fit(np.load(path, mmap_mode="r"), y)
    assert_array_equal(np.load(path), case.X)
    np.load(path, mmap_mode="r+")[:] = 0
    assert_same(case.outputs(estimator, new), case.said)


def test_a_second_fit_forgets_the_first(case):
    pandas = pytest.importorskip("pandas")
    other, y = case.rows(40, 5, np.float32, d=4)
    estimator = case.make().fit(pandas.DataFrame(other, columns=list("abcd")), y)
    assert estimator.feature_names_in_.tolist() == list("abcd")
    estimator.fit(case.X, case.y)
    assert vars(estimator).keys() == vars(case.fitted).keys()
    case.assert_same(estimator)


@pytest.mark.filterwarnings("error:X (has|does not have).*feature names")
def test_a_frame_is_known_by_its_names_in_every_method(case):
    pandas = pytest.importorskip("pandas")
    names = [f"f{i}" for i in range(case.X.shape[1])]
    estimator = case.make().fit(pandas.DataFrame(case.X, columns=names), case.y)
    new = pandas.DataFrame(case.X_new, columns=names)
    if case.has("score"):
        # a frame lies in memory by columns, which is rounded differently
        expected = pytest.approx(case.fitted.score(case.X_new, case.y_new), rel=1e-6, abs=1e-9)
        assert estimator.score(new, case.y_new) == expected
    assert case.outputs(estimator, new).keys() == case.said.keys()


def test_single_precision_stays_single(mapping):
    for estimator, dtype in [(mapping.fitted, np.float64), (mapping.single, np.float32)]:
        found = mapping.outputs(estimator, mapping.X_new.astype(dtype))
        for method in {"transform", "inverse_transform", "reconstruct", "embedding_"} & {*found}:
            assert found[method].dtype == dtype, method


def test_files_give_the_same_bits(case, tmp_path):
    twice = pickle.loads(pickle.dumps(pickle.loads(pickle.dumps(case.fitted))))
    case.assert_same(twice)
    joblib.dump(case.fitted, tmp_path / "estimator.joblib")
    case.assert_same(joblib.load(tmp_path / "estimator.joblib", mmap_mode="r"))


def test_state_lies_in_memory_as_files_give_it_back(case):
    # products of arrays that lie otherwise are rounded otherwise
    loaded = dict(arrays_of(pickle.loads(pickle.dumps(case.fitted))))
    for name, array in arrays_of(case.fitted):
        assert array.strides == loaded[name].strides, name


def arrays_of(value, name=""):
    """Names and arrays of more than one row and column anywhere in what this library keeps."""
    if isinstance(value, np.ndarray):
        yield from [(name, value)] if value.ndim > 1 and min(value.shape) > 1 else []
    elif isinstance(value, list | tuple):
        for i, item in enumerate(value):
            yield from arrays_of(item, f"{name}[{i}]")
    elif type(value).__module__.partition(".")[0] == "sksubspace":
        for key, item in vars(value).items():
            yield from arrays_of(item, f"{name}.{key}")


def test_save_and_load(case, tmp_path):
    pytest.importorskip("skops.io")
    path = sksubspace.save(case.fitted, tmp_path / "model.sksubspace")
    case.assert_same(sksubspace.load(path))


def test_fit_transform_is_fit_then_transform(mapping):
    placed = mapping.make().fit_transform(mapping.X, mapping.y)
    assert_array_equal(placed, mapping.fitted.transform(mapping.X))


def test_rows_do_not_depend_on_their_batch(mapping):
    for estimator, dtype in [(mapping.fitted, np.float64), (mapping.single, np.float32)]:
        new = mapping.X_new.astype(dtype)
        said = mapping.outputs(estimator, new)
        for method in {*METHODS, "inverse_transform"} & {*said}:
            call, whole = getattr(estimator, method), said[method]
            rows = said["transform"] if method == "inverse_transform" else new
            alone = np.concatenate([call(rows[i : i + 1]) for i in range(0, len(new), 5)])
            assert_array_equal(alone, whole[::5], err_msg=method)
            assert_array_equal(call(rows[::-1]), whole[::-1], err_msg=method)
            many = np.concatenate([rows] * 30)
            assert_array_equal(call(many)[-len(new) :], whole, err_msg=method)


def test_fits_in_threads_and_in_other_processes_are_the_same_bit_for_bit(case):
    for backend, n_fits in (("threading", 2), ("loky", 1)):
        # loky computes even a single task in another process
        fits = (joblib.delayed(case.make().fit)(case.X, case.y) for _ in range(n_fits))
        for estimator in joblib.Parallel(n_jobs=2, backend=backend)(fits):
            case.assert_same(estimator)


def test_threads_may_share_a_fitted_estimator(case):
    calls = (joblib.delayed(case.outputs)(case.fitted) for _ in range(4))
    for found in joblib.Parallel(n_jobs=4, backend="threading")(calls):
        assert_same(found, case.said)


@pytest.mark.gpu
@pytest.mark.parametrize("case", [case for case in cases() if "device" in case.params], ids=str)
def test_on_a_gpu(case):
    before = torch.cuda.get_rng_state()
    first, second = (case.fit(device="cuda") for _ in range(2))
    assert torch.equal(torch.cuda.get_rng_state(), before)
    expected = case.outputs(first)
    assert_same(case.outputs(second), expected)
    assert_same(case.outputs(pickle.loads(pickle.dumps(first))), expected)
