import pickle

import joblib
import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.callback import (
    AutoPropagatedCallback,
    CallbackSupportMixin,
    FitCallback,
    with_callbacks,
)
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from sksubspace.callbacks import LossMonitor
from tests._torch.toy import ToyMap

X = np.random.RandomState(0).rand(40, 2)


class Silent(CallbackSupportMixin, BaseEstimator):
    """Has tasks, but no losses."""

    @with_callbacks
    def fit(self, X, y=None):
        fit = self._init_callback_context()
        fit.call_on_fit_task_begin(estimator=self, metadata={"sample_weight": None})
        fit.call_on_fit_task_end(estimator=self, metadata={"sample_weight": None})
        return self


def search(n_jobs):
    pipeline = Pipeline([("scale", StandardScaler()), ("map", ToyMap())])
    return GridSearchCV(pipeline, {"map__max_iter": [2, 3]}, cv=2, n_jobs=n_jobs)


def without_run(rows):
    return [{key: value for key, value in row.items() if key != "run_id"} for row in rows]


def test_it_is_a_callback_for_all_levels():
    monitor = LossMonitor()
    assert isinstance(monitor, FitCallback) and isinstance(monitor, AutoPropagatedCallback)
    assert monitor.max_propagation_depth is None


@pytest.mark.parametrize("with_validation", [False, True])
def test_one_fit_gives_one_row_per_epoch(with_validation):
    monitor = LossMonitor()
    toy = ToyMap(with_validation=with_validation).set_callbacks(monitor).fit(X)
    rows = monitor.get_logs()
    assert [row["loss"] for row in rows] == toy.log_.loss_curve
    validation = toy.log_.validation_loss_curve if with_validation else [None] * 3
    assert [row["validation_loss"] for row in rows] == validation
    assert len({row["run_id"] for row in rows}) == 1
    last = {key: rows[-1][key] for key in rows[-1] if "loss" not in key and key != "run_id"}
    assert last == {
        "estimator_path": "ToyMap",
        "task_path": "fit/net",
        "task_id_path": (0, 0, 2),
        "evaluation": None,
        "estimator_name": "ToyMap",
        "stage": "net",
        "epoch": 2,
    }


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_search_reports_every_fold_of_every_candidate(n_jobs):
    monitor = LossMonitor()
    fitted = search(n_jobs).set_callbacks(monitor).fit(X)
    rows = monitor.get_logs()
    assert [(row["evaluation"], row["epoch"]) for row in rows] == [
        *((evaluation, epoch) for evaluation in (0, 1) for epoch in range(2)),
        *((evaluation, epoch) for evaluation in (2, 3) for epoch in range(3)),
        *((None, epoch) for epoch in range(3)),
    ]
    assert {row["estimator_path"] for row in rows} == {"GridSearchCV/Pipeline/ToyMap"}
    assert {row["stage"] for row in rows} == {"net"}
    assert rows[0]["task_path"] == ("fit/search/candidate-split-evaluation/fit-final-estimator/net")
    refit = [row["loss"] for row in rows if row["evaluation"] is None]
    assert refit == fitted.best_estimator_["map"].log_.loss_curve


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_workers_report_what_a_sequential_search_reports(backend):
    expected, monitor = LossMonitor(), LossMonitor()
    search(1).set_callbacks(expected).fit(X)
    with joblib.parallel_config(backend):
        search(2).set_callbacks(monitor).fit(X)
    assert without_run(monitor.get_logs()) == without_run(expected.get_logs())


def test_runs_are_kept_apart():
    monitor = LossMonitor()
    ToyMap(max_iter=2).set_callbacks(monitor).fit(X)
    ToyMap(max_iter=3).set_callbacks(monitor).fit(X)
    both, last = monitor.get_logs("all"), monitor.get_logs()
    assert [row["epoch"] for row in both] == [0, 1, 0, 1, 2]
    assert last == both[2:] and last[0]["run_id"] != both[0]["run_id"]


def test_to_frame_has_a_row_per_epoch():
    pytest.importorskip("pandas")
    monitor = LossMonitor()
    search(1).set_callbacks(monitor).fit(X)
    frame = monitor.to_frame()
    assert list(frame.columns) == list(monitor.get_logs()[0])
    per_fit = frame.groupby("evaluation", dropna=False)["epoch"].count()
    assert per_fit.tolist() == [2, 2, 3, 3, 3]


def test_logs_are_empty_before_a_fit_and_for_estimators_without_losses():
    monitor = LossMonitor()
    assert monitor.get_logs() == monitor.get_logs("all") == []
    Silent().set_callbacks(monitor).fit(X)
    assert monitor.get_logs() == []


def test_the_rows_are_the_callers_own():
    monitor = LossMonitor()
    ToyMap().set_callbacks(monitor).fit(X)
    monitor.get_logs()[0]["loss"] = None
    assert monitor.get_logs()[0]["loss"] is not None


def test_unknown_selection_raises():
    with pytest.raises(ValueError, match="select must be 'most_recent' or 'all', got 'last'"):
        LossMonitor().get_logs("last")


def test_a_pickled_copy_keeps_its_log_and_records_for_itself():
    monitor = LossMonitor()
    ToyMap(max_iter=2).set_callbacks(monitor).fit(X)
    copy = pickle.loads(pickle.dumps(monitor))
    assert copy.get_logs() == monitor.get_logs()
    ToyMap(max_iter=3).set_callbacks(copy).fit(X)
    assert len(copy.get_logs("all")) == 5 and len(monitor.get_logs("all")) == 2


def test_the_state_of_version_0_1_is_read():
    monitor = LossMonitor()
    ToyMap(max_iter=2).set_callbacks(monitor).fit(X)
    state = monitor.__getstate__()
    state["_log"] = state.pop("_entries")
    copy = LossMonitor()
    copy.__setstate__(state)
    assert copy.get_logs() == monitor.get_logs()
