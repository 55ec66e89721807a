"""What callbacks are told of a comparison."""

import pytest
from sklearn.callback import ProgressBar
from sklearn.exceptions import FitFailedWarning

from sksubspace import MEDAL
from sksubspace.callbacks import LossMonitor
from tests.distillation import toy
from tests.model_selection.toys import Broken, Seeded, compare, digits

X, _ = digits(80)
NETWORK = MEDAL(encoder="mlp", hidden_layer_sizes=(8,), max_iter=2)
pytestmark = pytest.mark.filterwarnings("ignore:calibration='loo' needs")


class Recorder(toy.Recorder):
    """Notes the path of every task."""

    def note(self, context):
        return path(context)


def path(context):
    names = []
    while context is not None:
        names.insert(0, context.task_name)
        context = context.parent
    return tuple(names)


def run(*callbacks, candidates=("pca",), **params):
    return compare(X, list(candidates), callbacks=callbacks, **params)


@pytest.mark.parametrize("remembered", [False, True])
def test_every_task_begins_and_ends(tmp_path, remembered):
    params = {"memory": tmp_path, "method": "auto"}
    if remembered:
        run(**params)
    recorder = Recorder()
    run(recorder, **params)
    assert sorted(recorder.begun) == sorted(recorder.ended)
    assert recorder.torn_down == 1
    assert {one[:3] for one in recorder.begun if len(one) > 2} == {
        ("compare", "leave-one-out", "PCA"),
        ("compare", "cross-validation", "PCA"),
        ("compare", "controls", "Permuted (control)"),
    }
    assert recorder.begun.count(("compare", "cross-validation", "PCA", "split")) == 3
    assert recorder.begun.count(("compare", "refit")) == 1


def test_tasks_end_where_a_candidate_fails():
    recorder = Recorder()
    with pytest.warns(FitFailedWarning, match="failed"):
        run(recorder, candidates=["pca", Broken()])
    assert sorted(recorder.begun) == sorted(recorder.ended)


def test_callbacks_are_torn_down_after_an_error():
    recorder = Recorder()
    with pytest.raises(ValueError, match="Every candidate failed"):
        run(recorder, candidates=[Broken()])
    assert recorder.torn_down == 1


def test_callbacks_change_nothing():
    watched = run(Recorder(), LossMonitor(), student=NETWORK)
    assert watched.to_json(timings=False) == run(student=NETWORK).to_json(timings=False)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_the_monitor_gets_the_losses_of_every_split(n_jobs):
    monitor = LossMonitor()
    run(
        monitor, candidates=["pca", Seeded()], student=NETWORK, controls=False, n_jobs=n_jobs,
        race=False,
    )  # fmt: skip
    rows = monitor.get_logs()
    assert len(rows) == 2 * (2 * 3 + 1)
    assert {one["estimator_path"] for one in rows} == {"Comparison/MEDAL"}
    assert rows[0]["task_path"] == "compare/cross-validation/PCA/split/encoder/encoder"
    assert rows[-1]["task_path"] == "compare/refit/encoder/encoder"


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_the_progress_bar_shows_candidates_and_splits(n_jobs, capsys):
    pytest.importorskip("rich")
    candidates = {"S [bold]": Seeded()}
    compare(X, candidates, callbacks=[ProgressBar()], n_jobs=n_jobs, method="auto")
    out = capsys.readouterr().out
    assert "Comparison - compare" in out and "Comparison - S (bold)" in out
    assert "leave-one-out" in out and "cross-validation" in out
    assert out.count("Comparison - split | MEDAL - fit") >= 6
    assert out.count("100%") == len(out.strip().splitlines())
