from types import SimpleNamespace

import numpy as np
import pytest
import torch

from sksubspace._trained import make_trainer, reconstruction_score, training_constraints
from sksubspace.autoencoder import Autoencoder, SparseAutoencoder
from sksubspace.manifold import TLDR


def params(**changes):
    given = {"learning_rate": 0.1, "batch_size": 8, "max_iter": 3, "device": "cpu"}
    return SimpleNamespace(**{**given, **changes})


def test_constraints_by_name_and_epochs_by_themselves():
    assert list(training_constraints("tol", "device")) == ["tol", "device"]
    assert set(training_constraints()) <= set(Autoencoder._parameter_constraints)
    assert len(training_constraints("max_iter", auto=True)["max_iter"]) == 2
    assert len(training_constraints("max_iter")["max_iter"]) == 1


@pytest.mark.parametrize("kind", [SparseAutoencoder, TLDR])
def test_epochs_may_be_left_to_the_budget(kind):
    kind(max_iter="auto")._validate_params()
    with pytest.raises(ValueError, match="max_iter"):
        kind(max_iter="many")._validate_params()


def test_a_trainer_has_what_the_parameters_say():
    random_state = np.random.RandomState(0)
    trainer = make_trainer(params(), np.float64, random_state, max_iter=7)
    assert (trainer.learning_rate, trainer.batch_size, trainer.max_iter) == (0.1, 8, 7)
    assert (trainer.device, trainer.dtype) == (torch.device("cpu"), np.float64)
    assert trainer.estimator is None
    assert trainer.random_state is random_state
    assert make_trainer(params(autocast=True), np.float64, random_state).dtype == np.float32


def test_the_score_is_r2_about_the_mean_of_the_training_rows():
    X = np.random.RandomState(0).randn(20, 3)
    mean = np.array([1.0, 0, 0])
    found = reconstruction_score(X, lambda rows: 0.5 * rows, mean)
    assert found == pytest.approx(1 - np.square(X / 2).sum() / np.square(X - mean).sum())
