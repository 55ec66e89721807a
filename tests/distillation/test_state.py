import pickle

import joblib
import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from scipy import sparse
from sklearn.decomposition import PCA
from torch import nn

from sksubspace import MEDAL
from tests import instances
from tests._student.toy import curve
from tests.distillation.toy import FirstColumns

pytestmark = pytest.mark.filterwarnings("ignore:calibration='loo' needs")

X, Z = curve(60)
X_new = curve(20, seed=1)[0]


def plain(value):
    """Whether a part of a state is arrays, sparse matrices and plain values all the way down."""
    if isinstance(value, dict):
        return all(isinstance(key, str) and plain(part) for key, part in value.items())
    if isinstance(value, (list, tuple)):
        return all(map(plain, value))
    kinds = (np.ndarray, np.generic, int, float, str, type(None))
    return isinstance(value, kinds) or sparse.issparse(value)


@pytest.mark.parametrize("name", instances.names())
def test_state_is_arrays_and_plain_values(name):
    medal = instances.make(name, keep_teacher=False).fit(X)
    state = medal.__getstate__()
    del state["teacher"]
    assert [key for key, value in state.items() if not plain(value)] == []
    assert medal.student_ is not state["student_"]  # the estimator itself stays usable
    assert np.isfinite(medal.transform(X_new)).all()


@pytest.mark.parametrize("name", instances.names())
def test_an_unfitted_estimator_survives(name):
    medal = pickle.loads(pickle.dumps(instances.make(name)))
    assert_array_equal(medal.fit(X).transform(X_new), instances.make(name).fit(X).transform(X_new))


def test_training_goes_on_where_it_was_saved():
    medal = pickle.loads(pickle.dumps(instances.make("MEDAL-auto").fit(X)))
    again = medal.fit(X_new)
    expected = instances.make("MEDAL-auto").fit(X_new)
    assert_array_equal(again.transform(X), expected.transform(X))


def test_modules_of_the_user_are_saved():
    encoder = nn.Sequential(nn.Linear(5, 4), nn.BatchNorm1d(4), nn.Tanh(), nn.Linear(4, 2))
    medal = MEDAL(PCA(2), encoder=encoder, decoder=nn.Linear(2, 5), max_iter=2, random_state=0)
    medal.fit(X)
    loaded = pickle.loads(pickle.dumps(medal))
    assert_array_equal(loaded.transform(X_new), medal.transform(X_new))
    assert_array_equal(loaded.reconstruct(X_new), medal.reconstruct(X_new))


def test_a_sparse_map_is_saved():
    rows = sparse.csr_matrix(np.where(np.abs(X) < 0.5, 0, X))
    medal = MEDAL(PCA(2), encoder="local", max_iter=2, random_state=0).fit(rows)
    loaded = pickle.loads(pickle.dumps(medal))
    assert_array_equal(loaded.transform(rows), medal.transform(rows))


def test_a_map_of_many_features_is_saved():
    rows = np.random.RandomState(0).randn(30, 1100)
    medal = MEDAL(PCA(2), encoder="local", max_iter=2, random_state=0).fit(rows)
    loaded = pickle.loads(pickle.dumps(medal))
    assert_array_equal(loaded.transform(rows + 0.1), medal.transform(rows + 0.1))


def test_all_that_was_fitted_is_saved():
    medal = instances.make("MEDAL-local-holdout").fit(X)
    loaded = pickle.loads(pickle.dumps(medal))
    assert loaded.detect_shift(X_new).p_value == medal.detect_shift(X_new).p_value
    assert_array_equal(loaded.pvalue(X_new), medal.pvalue(X_new))
    assert_array_equal(
        loaded.distortion(X_new, relative=True), medal.distortion(X_new, relative=True)
    )
    assert loaded.score_components(X_new).pca_r2 == medal.score_components(X_new).pca_r2
    assert loaded.calibrate(X_new).calibration_ == "fresh"


def test_parameters_changed_after_the_fit_do_no_harm_to_what_is_saved():
    """The file holds the networks as they were built, not as they would be now."""
    medal = instances.make("MEDAL-mlp-mlp").fit(X)
    expected = medal.transform(X_new)
    medal.set_params(hidden_layer_sizes=(16, 16), encoder="local", decoder="ridge")
    assert_array_equal(medal.transform(X_new), expected)
    assert_array_equal(pickle.loads(pickle.dumps(medal)).transform(X_new), expected)


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a CUDA device")
def test_a_map_made_on_a_gpu_loads_where_there_is_none(tmp_path):
    medal = instances.make("MEDAL-mlp-mlp", device="cpu").fit(X)
    medal.device = "cuda"  # as a file from another machine would say
    joblib.dump(medal, tmp_path / "medal.joblib")
    loaded = joblib.load(tmp_path / "medal.joblib")
    assert_array_equal(loaded.transform(X_new), medal.transform(X_new))
    with pytest.raises(ValueError, match=r"device='cuda' asks for a CUDA device.* has 0 of them"):
        loaded.fit(X)


@pytest.mark.gpu
def test_a_map_made_on_a_gpu_is_saved_without_cuda_tensors():
    for name in instances.names():
        medal = instances.make(name, device="cuda", keep_teacher=False).fit(X)
        assert plain({**medal.__getstate__(), "teacher": None})
        loaded = pickle.loads(pickle.dumps(medal))
        np.testing.assert_allclose(loaded.transform(X_new), medal.transform(X_new), atol=1e-6)


def test_without_its_teacher_a_file_names_neither_its_class_nor_its_module():
    with_teacher, without = (
        pickle.dumps(MEDAL(FirstColumns(), keep_teacher=keep, random_state=0).fit(X))
        for keep in (True, False)
    )
    assert b"FirstColumns" in with_teacher
    assert b"FirstColumns" not in without and b"tests." not in without


def test_an_unfitted_map_with_its_teacher_does_not_lose_it():
    medal = MEDAL(PCA(2), keep_teacher=False)
    assert isinstance(pickle.loads(pickle.dumps(medal)).teacher, PCA)
