"""What scikit-learn's callbacks see of a fit, and may do to it."""

import numpy as np
import pytest
from sklearn.callback import ProgressBar
from sklearn.decomposition import PCA
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from sksubspace import MEDAL
from sksubspace.callbacks import LossMonitor
from tests._student.toy import curve
from tests.distillation.toy import Recorder

pytestmark = pytest.mark.filterwarnings("ignore:calibration='loo' needs")

X, _ = curve(60)


def networks(**params):
    params = {"encoder": "mlp", "decoder": "mlp", "max_iter": 3, **params}
    return MEDAL(PCA(2), hidden_layer_sizes=(8,), random_state=0, **params)


def epochs_by_task(monitor):
    counts = {}
    for row in monitor.get_logs():
        counts[row["task_path"]] = counts.get(row["task_path"], 0) + 1
    return list(counts.values())


@pytest.mark.parametrize(
    ("params", "epochs"),
    [
        ({"encoder": "mlp", "decoder": "mlp"}, [3, 3]),
        ({"encoder": "mlp", "decoder": "ridge"}, [3]),
        ({"encoder": "linear", "decoder": "mlp"}, [3]),
        ({"encoder": "local", "decoder": "ridge"}, [3, 3, 3]),
        ({"encoder": "linear", "decoder": "ridge"}, []),
        ({"strategy": "joint"}, [3]),
    ],
    ids=lambda case: "-".join(case.values()) if isinstance(case, dict) else "",
)
def test_every_epoch_of_every_network_is_a_task(params, epochs):
    monitor, recorder = LossMonitor(), Recorder()
    networks(**params).set_callbacks(monitor, recorder).fit(X)
    assert epochs_by_task(monitor) == epochs
    assert recorder.begun.count("epoch") == sum(epochs)
    assert sorted(recorder.begun) == sorted(recorder.ended)
    assert {"teacher", "encoder"} <= set(recorder.begun)


def test_the_monitor_records_the_loss_curve():
    monitor = LossMonitor()
    medal = networks().set_callbacks(monitor).fit(X)
    assert [row["loss"] for row in monitor.get_logs()[-3:]] == medal.loss_curve_
    assert medal.n_iter_ == 3


def test_stages_can_be_told_apart():
    monitor = LossMonitor()
    networks().set_callbacks(monitor).fit(X)
    stages = [row["stage"] for row in monitor.get_logs()]
    assert all("encoder" in stage for stage in stages[:3])
    assert all("decoder" in stage for stage in stages[3:])


def test_callbacks_change_nothing():
    plain = networks().fit(X)
    watched = networks().set_callbacks(Recorder(), LossMonitor()).fit(X)
    np.testing.assert_array_equal(plain.transform(X), watched.transform(X))


def test_a_callback_may_stop_each_training():
    recorder = Recorder(n_epochs=2)
    medal = networks(max_iter=50).set_callbacks(recorder).fit(X)
    assert medal.n_iter_ == len(medal.loss_curve_) == 2
    assert recorder.begun.count("epoch") == 4
    assert np.isfinite(medal.transform(X)).all()


def test_a_training_stopped_early_is_not_the_whole_one():
    stopped = networks(max_iter=50).set_callbacks(Recorder(n_epochs=1)).fit(X)
    assert not np.allclose(stopped.reconstruct(X), networks(max_iter=50).fit(X).reconstruct(X))


def test_callbacks_are_torn_down_when_a_fit_fails():
    recorder = Recorder()
    with pytest.raises(ValueError, match="learning_rate"):
        networks(learning_rate=1e30).set_callbacks(recorder).fit(X)
    assert recorder.torn_down == 1


def test_a_fitted_estimator_holds_no_context():
    medal = networks().set_callbacks(Recorder()).fit(X)
    assert not [name for name in vars(medal) if "context" in name or "teardown" in name]


def search(n_jobs=None):
    pipeline = Pipeline([("scale", StandardScaler()), ("map", networks(max_iter=2))])
    grid = {"map__learning_rate": [0.01, 0.001]}
    return GridSearchCV(pipeline, grid, cv=2, n_jobs=n_jobs)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_search_reports_every_epoch_of_every_fold(n_jobs):
    monitor = LossMonitor()
    search(n_jobs).set_callbacks(monitor).fit(X)
    rows = monitor.get_logs()
    expected = [(fit, epoch) for fit in (0, 1, 2, 3, None) for _ in range(2) for epoch in (0, 1)]
    assert [(row["evaluation"], row["epoch"]) for row in rows] == expected
    assert {row["estimator_path"] for row in rows} == {"GridSearchCV/Pipeline/MEDAL"}


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_progress_bar_shows_every_stage_of_every_fit(n_jobs, capsys):
    pytest.importorskip("rich")
    search(n_jobs).set_callbacks(ProgressBar(max_propagation_depth=None)).fit(X)
    out = capsys.readouterr().out
    assert out.count("MEDAL - encoder #1 ") == out.count("MEDAL - decoder #2 ") == 5
    assert out.count("100%") == len(out.strip().splitlines())


def test_a_progress_bar_of_one_fit(capsys):
    pytest.importorskip("rich")
    networks().set_callbacks(ProgressBar()).fit(X)
    out = capsys.readouterr().out
    assert out.count("MEDAL - encoder") >= 1 and out.count("MEDAL - decoder") >= 1
    assert out.count("100%") == len(out.strip().splitlines())
