import warnings

import numpy as np
import pytest
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sksubspace._torch.device import as_rows
from sksubspace._torch.hooks import one_cycle
from sksubspace._torch.training import train

from .toy import Distance, Recorder, Slope, ToyMap


class Flat(Slope):
    """The loss is always 1, its gradient too."""

    def forward(self, batch):
        return self.weight - self.weight.detach() + 1


X = np.random.RandomState(0).rand(40, 2)


def rows(*values):
    return (as_rows(np.array(values, dtype=np.float64)[:, None]),)


def run(objective, data, **options):
    options = {"max_iter": 50, "batch_size": 2, "learning_rate": 0.1, **options}
    return train(objective, data, generator=torch.Generator().manual_seed(0), **options)


def way(objective, **options):
    run(objective, rows(1, 2, 3), **options)
    return -objective.weight.item()


def test_one_cycle_rises_to_the_peak_and_falls_to_almost_nothing():
    rates = np.array([one_cycle(k, 101, 0.5, 0.2) for k in range(101)])
    assert rates.argmax() == 20 and rates.max() == 0.5
    assert (np.diff(rates)[:20] > 0).all() and (np.diff(rates)[20:] < 0).all()
    assert rates[[0, -1]] == pytest.approx([0.5 / 25, 0.5 / 250_000])
    assert rates[[10, 60]] == pytest.approx([(0.02 + 0.5) / 2, (0.5 + 2e-6) / 2])


@pytest.mark.parametrize("n_steps", [1, 2, 3])
def test_one_cycle_of_few_steps_or_without_warmup(n_steps):
    rates = [one_cycle(k, n_steps, 1.0, 0.0) for k in range(n_steps)]
    assert rates[0] == 1.0 and all(0 < rate <= 1 for rate in rates)
    assert all(0 < one_cycle(k, n_steps, 1.0, 0.05) <= 1 for k in range(n_steps))


def test_rates_are_applied_at_every_batch():
    assert way(Slope(), max_iter=4, schedule=None) == pytest.approx(8 * 0.1)
    expected = sum(one_cycle(k, 8, 0.1, 0.3) for k in range(8))
    assert way(Slope(), max_iter=4, warmup=0.3) == pytest.approx(expected)


def test_plateau_halves_the_rate_after_ten_epochs_without_progress():
    assert way(Flat(), max_iter=14, schedule="plateau") == pytest.approx(2 * 0.1 * (12 + 2 / 2))
    assert way(Slope(), max_iter=14, schedule="plateau") == pytest.approx(2 * 0.1 * 14)


def test_early_stopping_goes_back_to_the_best_validation_loss():
    objective = Distance()
    options = {"schedule": None, "n_iter_no_change": 3, "tol": 0.0}
    log = run(objective, rows(1, 1), validation_data=rows(0.45, 0.45), **options)
    best = int(np.argmin(log.validation_loss_curve))
    assert log.stopped == "no_change" and log.n_iter == best + 1 + 3 < 50
    reached = (objective.weight.item() - 0.45) ** 2
    assert reached == pytest.approx(min(log.validation_loss_curve)) and reached < 0.01
    assert log.validation_loss_curve[-1] > 2 * reached


def test_early_stopping_watches_the_training_loss_without_validation_data():
    log = run(Flat(), rows(1, 2), n_iter_no_change=4)
    assert (log.n_iter, log.stopped) == (5, "no_change")


def test_improvements_below_tol_do_not_count_but_their_weights_do():
    objective = Slope()
    log = run(
        objective, rows(1, 2), schedule=None, learning_rate=0.01, tol=0.02, n_iter_no_change=3
    )
    assert (log.n_iter, log.stopped) == (4, "no_change")
    assert objective.weight.item() == pytest.approx(-0.04)


def test_reaching_max_iter_warns_only_if_convergence_was_asked_for():
    with pytest.warns(ConvergenceWarning, match=r"max_iter=2.*n_iter_no_change=5"):
        log = run(Slope(), rows(1, 2), max_iter=2, n_iter_no_change=5)
    assert log.stopped == "max_iter"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run(Slope(), rows(1, 2), max_iter=2)


@pytest.mark.parametrize("with_validation", [False, True])
def test_every_epoch_is_a_task_with_its_losses(with_validation):
    recorder = Recorder()
    toy = ToyMap(max_iter=4, with_validation=with_validation).set_callbacks(recorder).fit(X)
    assert recorder.epochs("begin") == recorder.epochs("end") == [0, 1, 2, 3]
    validation = toy.log_.validation_loss_curve if with_validation else [None] * 4
    assert recorder.losses() == [
        {"loss": loss, "validation_loss": valid}
        for loss, valid in zip(toy.log_.loss_curve, validation, strict=True)
    ]


def test_a_callback_may_stop_the_training():
    recorder = Recorder(stop_at=1)
    log = ToyMap(max_iter=10).set_callbacks(recorder).fit(X).log_
    assert recorder.epochs("begin") == recorder.epochs("end") == [0, 1]
    assert (log.n_iter, log.stopped, len(log.loss_curve)) == (2, "callback", 2)


def test_callbacks_do_not_change_the_result():
    with_callback = ToyMap(max_iter=4).set_callbacks(Recorder()).fit(X)
    assert with_callback.log_ == ToyMap(max_iter=4).fit(X).log_


def test_no_tasks_are_made_without_callbacks():
    assert len(list(ToyMap().fit(X).stage_)) == 1
    assert len(list(ToyMap().set_callbacks(Recorder()).fit(X).stage_)) == 4


@pytest.mark.parametrize("n_jobs", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_every_epoch_of_a_search_is_shown(n_jobs):
    recorder = Recorder()
    search = GridSearchCV(
        make_pipeline(StandardScaler(), ToyMap()), {"toymap__max_iter": [2, 3]}, cv=2, n_jobs=n_jobs
    )
    search.set_callbacks(recorder).fit(X)
    expected = sorted(2 * [0, 1] + 2 * [0, 1, 2] + [0, 1, 2])
    assert sorted(recorder.epochs("begin")) == sorted(recorder.epochs("end")) == expected


def test_the_progress_bar_of_scikit_learn_takes_the_epochs(capsys):
    pytest.importorskip("rich")
    from sklearn.callback import ProgressBar

    ToyMap(max_iter=3).set_callbacks(ProgressBar()).fit(X)
    shown = capsys.readouterr().out
    assert "net" in shown and "100%" in shown
