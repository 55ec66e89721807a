import errno
import io
import os
import signal
import subprocess
import sys
from pathlib import Path
from time import sleep

import joblib
import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from sklearn.model_selection import GridSearchCV
from torch import nn

from sksubspace._torch.checkpoint import Checkpoint, KeptState, fingerprint
from sksubspace.autoencoder import Autoencoder, LeastVolumeAutoencoder

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X = (np.random.RandomState(0).randn(70, 3) @ np.random.RandomState(1).randn(3, 6)) + 2
CASES = {
    "plain": (Autoencoder, {}),
    "all-rows": (Autoencoder, {"early_stopping": False}),
    "dropout": (
        Autoencoder,
        {"encoder": nn.Sequential(nn.Linear(6, 8), nn.Dropout(0.4), nn.Linear(8, 3))},
    ),
    "mixed": (Autoencoder, {"autocast": True}),
    "volume": (LeastVolumeAutoencoder, {}),
    "constrained": (LeastVolumeAutoencoder, {"min_score": 0.5}),
}


def make(case="plain", **params):
    kind, special = CASES[case]
    shared = {"hidden_layer_sizes": (8,), "max_iter": 9, "batch_size": 20, "random_state": 0}
    return kind(3, **{**shared, **special, **params})


class Break:
    """Raises, or kills its process, while an epoch ends."""

    def __init__(self, epoch, kill=False):
        self.epoch = epoch
        self.kill = kill

    def setup(self, estimator, context): ...

    def teardown(self, estimator, context): ...

    def on_fit_task_begin(self, estimator, context): ...

    def on_fit_task_end(self, estimator, context, metadata=None):
        if context.task_name == "epoch" and context.task_id == self.epoch:
            if self.kill:
                os.kill(os.getpid(), signal.SIGKILL)
            raise InterruptedError


def interrupt(model, epoch=4):
    with pytest.raises(InterruptedError):
        model.set_callbacks(Break(epoch)).fit(X)


def outputs(model):
    Z = model.transform(X)
    return Z, model.inverse_transform(Z)


def assert_same(first, second):
    for one, other in zip(outputs(first), outputs(second), strict=True):
        assert_array_equal(one, other)
    assert first.loss_curve_ == second.loss_curve_
    assert first.validation_loss_curve_ == second.validation_loss_curve_
    assert first.n_iter_ == second.n_iter_


def files(folder):
    return sorted(path.name for path in folder.iterdir())


def file(folder):
    (path,) = folder.iterdir()
    return path


def content(folder):
    return torch.load(file(folder), weights_only=True)


@pytest.mark.parametrize("case", CASES)
def test_an_interrupted_fit_goes_on_and_ends_with_the_same_bits(case, tmp_path):
    interrupt(make(case, checkpoint=tmp_path))
    state = torch.get_rng_state()
    resumed = make(case, checkpoint=tmp_path).fit(X)
    assert torch.equal(torch.get_rng_state(), state)
    assert_same(resumed, make(case).fit(X))


@pytest.mark.parametrize("epoch", [0, 1, 8])
def test_it_may_be_interrupted_at_any_time_and_often(epoch, tmp_path):
    interrupt(make("volume", checkpoint=tmp_path), epoch)
    interrupt(make("volume", checkpoint=tmp_path), 0)
    assert_same(make("volume", checkpoint=tmp_path).fit(X), make("volume").fit(X))


def test_early_stopping_remembers_what_was_best(tmp_path):
    params = {"max_iter": 400, "learning_rate": 0.05, "n_iter_no_change": 3}
    whole = make(**params).fit(X)
    assert 10 < whole.n_iter_ < 400
    interrupt(make(checkpoint=tmp_path, **params), whole.n_iter_ - 2)
    assert_same(make(checkpoint=tmp_path, **params).fit(X), whole)


KILLED = """
import sys
from tests.autoencoder.test_checkpoint import Break, X, make
make("constrained", checkpoint=sys.argv[1]).set_callbacks(Break(5, kill=True)).fit(X)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_killed_process_loses_one_epoch_and_no_bit(tmp_path):
    root = str(Path(__file__).parents[2])
    path = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    command = [sys.executable, "-c", KILLED, str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(command, cwd=root, env=environment, check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(content(tmp_path)["state"]["history"]) == 5
    resumed = make("constrained", checkpoint=tmp_path).fit(X)
    assert files(tmp_path) == []
    assert_same(resumed, make("constrained").fit(X))


def test_a_finished_fit_leaves_nothing_and_a_new_one_starts_anew(tmp_path):
    first = make(checkpoint=tmp_path).fit(X)
    assert files(tmp_path) == []
    again = make(checkpoint=tmp_path)
    interrupt(again, 2)
    assert len(content(tmp_path)["state"]["history"]) == 2
    assert_same(make(checkpoint=tmp_path).fit(X), first)


def test_fits_with_other_parameters_or_data_share_a_folder(tmp_path):
    interrupt(make(checkpoint=tmp_path))
    first = file(tmp_path)
    before = first.read_bytes()
    others = [
        ({"learning_rate": 0.1}, X),
        ({"random_state": 1}, X),
        ({"case": "dropout"}, X),
        ({"case": "volume"}, X),
        ({}, X[::-1]),
        ({}, X.astype(np.float32)),
        ({}, X[:-1]),
    ]
    for params, data in others:
        found = make(checkpoint=tmp_path, **params).fit(data)
        assert_same(found, make(**params).fit(data))
        assert files(tmp_path) == [first.name]
    assert first.read_bytes() == before
    assert_same(make(checkpoint=tmp_path).fit(X), make().fit(X))


def test_a_search_keeps_each_fit_in_the_folder(tmp_path):
    grid = {"learning_rate": [1e-3, 1e-2]}
    params = {"cv": 2, "error_score": "raise", "refit": False}
    found = GridSearchCV(make(checkpoint=tmp_path), grid, **params).fit(X)
    expected = GridSearchCV(make(), grid, **params).fit(X)
    assert_array_equal(
        found.cv_results_["mean_test_score"], expected.cv_results_["mean_test_score"]
    )
    assert files(tmp_path) == []


def fit_at_once(folder, places, own):
    """Fit when each process has put a file to its place, so that none waits for its end."""
    places[own].touch()
    while not all(place.exists() for place in places):
        sleep(0.01)
    return make("volume", checkpoint=folder).fit(X)


def test_two_processes_in_one_folder_do_not_meet(tmp_path):
    places = [tmp_path / str(i) for i in range(2)]
    fits = (joblib.delayed(fit_at_once)(tmp_path / "run", places, i) for i in range(2))
    # the workers of loky, which other tests use as well, start once
    for found in joblib.Parallel(n_jobs=2, backend="loky", timeout=120)(fits):
        assert_same(found, make("volume").fit(X))


def test_a_fingerprint_is_of_values_not_of_types():
    data = np.asfortranarray(X)
    same = make(learning_rate=np.float64(1e-3), hidden_layer_sizes=[8], checkpoint="elsewhere")
    assert fingerprint(make(device="cpu"), X) == fingerprint(same, data)
    assert fingerprint(make(), X) != fingerprint(make(hidden_layer_sizes=(9,)), X)
    states = [np.random.RandomState(seed) for seed in (0, 0, 1)]
    first, second, third = (fingerprint(make(random_state=state), X) for state in states)
    assert first == second != third
    assert fingerprint(make("dropout"), X) == fingerprint(make("dropout"), X)
    other = nn.Sequential(nn.Linear(6, 8), nn.Dropout(0.4), nn.Linear(8, 3))
    assert fingerprint(make(encoder=other), X) != fingerprint(make("dropout"), X)


def test_a_fit_without_a_seed_goes_on_with_the_one_it_had(tmp_path):
    interrupt(make(checkpoint=tmp_path, random_state=None))
    found = content(tmp_path)
    seeded = np.random.RandomState()
    Checkpoint(tmp_path, found["run"], seeded)
    resumed = make(checkpoint=tmp_path, random_state=None).fit(X)
    assert_same(resumed, make(random_state=seeded).fit(X))
    assert len(found["state"]["history"]) == 4


def test_a_file_that_is_no_checkpoint_is_said_to_be(tmp_path):
    interrupt(make(checkpoint=tmp_path))
    path = file(tmp_path)
    whole = path.read_bytes()
    other = io.BytesIO()
    torch.save({"format": 1, "run": "another"}, other)
    for damaged in (b"something else", whole[: len(whole) // 2], other.getvalue()):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=rf"checkpoint: .*{path.name} is no check") as error:
            make(checkpoint=tmp_path).fit(X)
        assert "\n" not in str(error.value)


def test_a_write_that_fails_names_the_file_and_leaves_the_former_state(tmp_path, monkeypatch):
    interrupt(make(checkpoint=tmp_path))
    path = file(tmp_path)
    before = path.read_bytes()

    def stop(source):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", stop)
    with pytest.raises(OSError, match="No space left") as error:
        make(checkpoint=tmp_path).fit(X)
    assert error.value.filename == str(path)
    assert path.read_bytes() == before
    assert files(tmp_path) == [path.name]
    monkeypatch.undo()
    assert_same(make(checkpoint=tmp_path).fit(X), make().fit(X))


def test_a_checkpoint_changes_no_bit_of_an_uninterrupted_fit(tmp_path):
    assert_same(make("volume", checkpoint=str(tmp_path / "a" / "b")).fit(X), make("volume").fit(X))


@pytest.mark.parametrize("half", [False, True])
def test_the_state_of_a_random_state_is_kept_whole(half, tmp_path):
    source = np.random.RandomState(3)
    source.randn(1 + (not half))
    checkpoint = Checkpoint(tmp_path, "run", source)
    checkpoint.save({"history": []})
    restored = np.random.RandomState(9)
    assert Checkpoint(tmp_path, "run", restored).load() == {"history": []}
    assert_array_equal(restored.randn(5), source.randn(5))


def test_a_kept_state_holds_arrays_and_plain_values():
    objective = nn.Linear(2, 1)
    kept = KeptState(objective, None)
    assert kept.load() is None
    kept.save({"module": 0, "optimizer": {"state": {0: {"step": torch.ones(())}}, "groups": [1.0]}})
    assert isinstance(kept.state["optimizer"]["state"][0]["step"], np.ndarray)
    loaded = kept.load()
    assert torch.equal(loaded["optimizer"]["state"][0]["step"], torch.ones(()))
    assert torch.equal(loaded["module"]["weight"], objective.weight)
