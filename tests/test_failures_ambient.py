"""Settings of the caller's torch and numpy neither break a fit nor change what it finds."""

import os
import pickle
import subprocess
import sys
import textwrap
import warnings
from contextlib import ExitStack, contextmanager, nullcontext
from inspect import isfunction
from threading import Barrier, Thread

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from scipy.sparse import issparse
from sklearn.base import clone

import sksubspace
from sksubspace import MEDAL, Autoencoder
from sksubspace._ambient import OwnSettings, own_settings
from sksubspace.metrics import embedding_score
from tests import instances

RNG = np.random.default_rng(0)
X = np.abs(RNG.normal(size=(60, 5)) + 4 * np.eye(3, 5)[RNG.integers(3, size=60)])
y = (X[:, 0] > 3).astype(int)
SMALL = {"hidden_layer_sizes": (8,), "max_iter": 2, "random_state": 0}
METHODS = ("transform", "predict", "score_function", "pvalue", "reconstruct")


@contextmanager
def default(setting, value, former):
    setting(value)
    try:
        yield
    finally:
        setting(former)


# nothing can be computed on the device "meta"
SETTINGS = {
    "no_grad": torch.no_grad,
    "inference_mode": torch.inference_mode,
    "dtype": lambda: default(torch.set_default_dtype, torch.float64, torch.float32),
    "half": lambda: default(torch.set_default_dtype, torch.bfloat16, torch.float32),
    "device": lambda: default(torch.set_default_device, "meta", None),
    "device context": lambda: torch.device("meta"),
    "autocast": lambda: torch.autocast("cpu", torch.bfloat16),
    "numpy errors": lambda: np.errstate(all="raise"),
}


def torch_state():
    return {
        "gradients": torch.is_grad_enabled(),
        "inference": torch.is_inference_mode_enabled(),
        "dtype": torch.get_default_dtype(),
        "device": torch.empty(0).device.type,
        "autocast": torch.is_autocast_enabled("cpu"),
        "threads": torch.get_num_threads(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "numpy": np.geterr(),
    }


def draws():
    """The state of torch's global generator: a new one of the same seed has the same."""
    return torch.get_rng_state().numpy().copy()


def results(estimator, rows):
    found = {name: getattr(estimator, name)(rows) for name in METHODS if hasattr(estimator, name)}
    found = {name: one.toarray() if issparse(one) else one for name, one in found.items()}
    for attribute in ("labels_", "sample_indices_"):
        if getattr(estimator, attribute, None) is not None:
            found[attribute] = getattr(estimator, attribute)
    assert found
    return found


def assert_same(found, expected, what):
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        assert found[key].dtype == value.dtype, (what, key)
        assert_array_equal(found[key], value, err_msg=f"{what}: {key}")


# two fits for all settings: each takes seconds for some estimators
TOGETHER = [
    ("no_grad", "autocast", "dtype", "numpy errors"),
    ("inference_mode", "half", "device"),
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", instances.names("all"))
def test_a_fit_under_other_settings_finds_the_same_and_changes_none(name):
    # autocast concerns single precision alone
    rows = X.astype(np.float32 if len(name) % 2 else np.float64)
    expected = results(instances.make(name).fit(rows, y), rows[::2])
    for what in TOGETHER:
        before = draws()
        with ExitStack() as stack:
            for one in what:
                stack.enter_context(SETTINGS[one]())
            state = torch_state()
            estimator = instances.make(name).fit(rows, y)
            found = results(estimator, rows[::2])
            assert torch_state() == state, what
        assert_array_equal(draws(), before, err_msg=str(what))
        assert_same(found, expected, what)
        assert_same(results(estimator, rows[::2]), expected, ("after", *what))


@pytest.mark.parametrize("kind", instances.estimators().values())
def test_each_public_method_is_under_own_settings(kind):
    if not issubclass(kind, OwnSettings):
        pytest.skip("it uses no torch")
    homes = {
        name: next(base for base in kind.__mro__ if name in vars(base))
        for name in dir(kind)
        if isfunction(getattr(kind, name)) and not name.startswith("_")
    }
    ours = {name: home for name, home in homes.items() if home.__module__.startswith("sksubspace")}
    assert {"fit"} <= ours.keys()
    assert [name for name, home in ours.items() if not issubclass(home, OwnSettings)] == []


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("what", SETTINGS)
def test_training_goes_on_under_other_settings(what):
    def trained(setting):
        estimator = Autoencoder(2, **SMALL).fit(X)
        with setting():
            estimator = pickle.loads(pickle.dumps(estimator)).partial_fit(X)
        return pickle.loads(pickle.dumps(estimator)).partial_fit(X)

    assert_array_equal(
        trained(SETTINGS[what]).transform(X), trained(nullcontext).transform(X), what
    )


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("what", SETTINGS)
def test_a_model_file_that_was_read_under_other_settings_is_trained_further(what, tmp_path):
    pytest.importorskip("skops")
    path = sksubspace.save(Autoencoder(2, **SMALL).fit(X), tmp_path / "model.skops")
    with SETTINGS[what]():
        loaded = sksubspace.load(path)
    expected = sksubspace.load(path).partial_fit(X).transform(X)
    assert_array_equal(loaded.partial_fit(X).transform(X), expected)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("what", SETTINGS)
def test_a_score_is_the_same_under_other_settings(what):
    student = MEDAL(encoder="local", decoder="ridge", max_iter=2, random_state=0)
    expected = embedding_score(X, X[:, :2], student=student)
    with SETTINGS[what]():
        found = embedding_score(X, X[:, :2], student=student)
    assert (found.r2, found.placement_r2) == (expected.r2, expected.placement_r2)


@pytest.mark.parametrize("what", SETTINGS)
def test_settings_come_back_after_an_error(what):
    with SETTINGS[what]():
        state = torch_state()
        with pytest.raises(ValueError, match="1D array"):
            Autoencoder(2, **SMALL).fit(X[0])
        assert torch_state() == state


def test_fits_that_overlap_in_threads_give_the_dtype_back():
    """The one that comes first leaves first, so neither saw the other's beginning and end."""
    both_inside, seen = Barrier(2, timeout=20), []

    def work():
        with own_settings():
            both_inside.wait()
            seen.append(torch.get_default_dtype())
            both_inside.wait()

    with SETTINGS["dtype"]():
        threads = [Thread(target=work) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert torch.get_default_dtype() == torch.float64
    assert seen == [torch.float32] * 2


def test_a_method_keeps_its_signature_and_is_told_apart():
    assert MEDAL.fit.__qualname__ == "MEDAL.fit"
    assert clone(MEDAL()).get_params() == MEDAL().get_params()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not hasattr(MEDAL(), "predict")


FORKED = """
import faulthandler, os, sys, warnings
import numpy as np, torch
import sksubspace
from sksubspace.cluster import SparseSubspaceClusteringOMP

warnings.simplefilter("ignore")
torch.set_num_threads(2)
product = torch.randn(2000, 2000) @ torch.randn(2000, 2000)  # starts a team of threads
small, large = np.random.RandomState(0).randn(100, 20), np.random.RandomState(0).randn(1000, 50)
fits = [
    lambda: sksubspace.MEDAL("pca", random_state=0, max_iter=2).fit(small).transform(small),
    lambda: sksubspace.Autoencoder(
        2, hidden_layer_sizes=(512,), batch_size=1000, max_iter=1, random_state=0
    ).fit(large).transform(large),
    lambda: SparseSubspaceClusteringOMP(2, random_state=0).fit(small).labels_,
]
child = os.fork()
if child == 0:
    faulthandler.dump_traceback_later(60, exit=True)
    found = [fit() for fit in fits]
    assert torch.get_num_threads() == 2
    os._exit(0 if all(np.isfinite(one).all() for one in found) else 3)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_fit_ends_in_a_child_of_a_process_whose_torch_had_several_threads():
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(FORKED)],
        capture_output=True, text=True, timeout=180, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
