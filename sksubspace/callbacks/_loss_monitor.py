"""A callback that records the loss of every epoch, wherever the fit takes place."""

from typing import Any, Literal

from sksubspace._typing import DataFrame, Estimator

from .._sklearn import can_reuse_listener, get_context_path, open_listener, send

__all__ = ["LossMonitor"]

EVALUATION_TASK = "candidate-split-evaluation"


class LossMonitor:
    """Record the training and validation loss of every epoch of every fit.

    Set it on the outermost estimator: it follows the fit into the steps of a pipeline and into the
    candidates and folds of a search, also when these run in worker processes.

    Attributes
    ----------
    max_propagation_depth : None
        It is handed on to sub-estimators at all levels.

    See Also
    --------
    sklearn.callback.ScoringMonitor : Records a score after every iteration; needs `y`.
    sklearn.callback.ProgressBar : Shows the progress of every iteration.

    Notes
    -----
    A task is recorded when it ends with a metadata entry "loss", as every epoch of an estimator of
    this package does. Workers send their losses to the process in which the monitor was made.

    Examples
    --------
    A minimal estimator with two epochs, to show what is recorded:

    >>> from sklearn.base import BaseEstimator
    >>> from sklearn.callback import CallbackSupportMixin, with_callbacks
    >>> from sksubspace.callbacks import LossMonitor
    >>> class Halving(CallbackSupportMixin, BaseEstimator):
    ...     @with_callbacks
    ...     def fit(self, X, y=None):
    ...         fit = self._init_callback_context(max_subtasks=2)
    ...         fit.call_on_fit_task_begin(estimator=self)
    ...         for loss in (1.0, 0.5):
    ...             epoch = fit.subcontext("epoch").call_on_fit_task_begin(estimator=self)
    ...             epoch.call_on_fit_task_end(estimator=self, metadata={"loss": loss})
    ...         fit.call_on_fit_task_end(estimator=self)
    ...         return self
    >>> monitor = LossMonitor()
    >>> _ = Halving().set_callbacks(monitor).fit([[0.0]])
    >>> [(row["epoch"], row["loss"]) for row in monitor.get_logs()]
    [(0, 1.0), (1, 0.5)]
    """

    max_propagation_depth = None

    def __init__(self) -> None:
        self._entries: list[Any] = []
        self._listener = open_listener(self._entries.append, owner=self)

    def setup(self, estimator: Estimator, context: Any) -> None:
        """Do nothing.

        Parameters
        ----------
        estimator : estimator
            The outermost estimator.
        context : sklearn.callback.CallbackContext
            Its context.
        """

    def teardown(self, estimator: Estimator, context: Any) -> None:
        """Do nothing.

        Parameters
        ----------
        estimator : estimator
            The outermost estimator.
        context : sklearn.callback.CallbackContext
            Its context.
        """

    def on_fit_task_begin(self, estimator: Estimator, context: Any) -> None:
        """Do nothing.

        Parameters
        ----------
        estimator : estimator
            The estimator of the task.
        context : sklearn.callback.CallbackContext
            The context of the task.
        """

    def on_fit_task_end(
        self, estimator: Estimator, context: Any, *, metadata: dict[str, Any] | None = None
    ) -> None:
        """Record the losses of the task if it has any.

        Parameters
        ----------
        estimator : estimator
            The estimator of the task.
        context : sklearn.callback.CallbackContext
            The context of the task.
        metadata : dict or None, default=None
            The loss is its entry "loss", the loss on validation data its entry "validation_loss".
        """
        if metadata is None or "loss" not in metadata:
            return
        path = get_context_path(context)
        row = _row_of(path)
        row["loss"] = metadata["loss"]
        row["validation_loss"] = metadata.get("validation_loss")
        send(self._listener, (path[0].init_time, row))

    def get_logs(
        self, select: Literal["most_recent", "all"] = "most_recent"
    ) -> list[dict[str, Any]]:
        """Return the recorded losses.

        Parameters
        ----------
        select : {"most_recent", "all"}, default="most_recent"
            The last run, or all runs. A run is a fit of the outermost estimator.

        Returns
        -------
        list of dict
            One row per epoch, sorted by run and position in it; empty if nothing was recorded.

            - ``run_id``: str, the same for all rows of a run;
            - ``estimator_path``: str, from the outermost estimator to the one that was trained, for
              example "GridSearchCV/Pipeline/MEDAL";
            - ``task_path``: str, the names of the tasks around the epoch;
            - ``task_id_path``: tuple of int, their numbers and the number of the epoch;
            - ``evaluation``: int, the place among the fits of a search (``candidate * n_splits +
              split``), or None outside of one and for its final refit;
            - ``estimator_name``: str, the estimator that was trained;
            - ``stage``: str, the task the epoch belongs to, such as "encoder";
            - ``epoch``: int, from 0;
            - ``loss``: float;
            - ``validation_loss``: float or None.

        Raises
        ------
        ValueError
            If `select` is unknown.
        """
        if select not in ("most_recent", "all"):
            raise ValueError(f"select must be 'most_recent' or 'all', got {select!r}.")
        log = sorted(self._entries, key=lambda entry: (entry[0], entry[1]["task_id_path"]))
        if select == "most_recent" and log:
            last_run = log[-1][1]["run_id"]
            log = [entry for entry in log if entry[1]["run_id"] == last_run]
        return [dict(row) for _, row in log]

    def to_frame(self, select: Literal["most_recent", "all"] = "most_recent") -> DataFrame:
        """Return the recorded losses as a pandas data frame.

        Parameters
        ----------
        select : {"most_recent", "all"}, default="most_recent"
            The last run, or all runs.

        Returns
        -------
        pandas.DataFrame
            The rows of `get_logs`, with one column per key.
        """
        import pandas as pd

        return pd.DataFrame(self.get_logs(select))

    def __getstate__(self):
        # a copy, because the listener's thread may append to the list while it is being pickled
        return {**self.__dict__, "_entries": list(self._entries)}

    def __setstate__(self, state):
        # the entries are "_log" in pickles of version 0.1
        self.__dict__.update({"_entries" if k == "_log" else k: v for k, v in state.items()})
        if not can_reuse_listener(self._listener):
            self._listener = open_listener(self._entries.append, owner=self)


def _row_of(path):
    """Describe the last context of a path by plain values."""
    *parents, epoch = path
    names = [context.source_task_name or context.task_name for context in parents]
    evaluations = [
        context.task_id
        for context, name in zip(parents, names, strict=True)
        if name == EVALUATION_TASK
    ]
    estimators = [path[0].estimator_name] + [
        context.estimator_name for context in path if context.source_estimator_name is not None
    ]
    return {
        "run_id": str(epoch.root_uuid),
        "estimator_path": "/".join(estimators),
        "task_path": "/".join(names),
        "task_id_path": tuple(context.task_id for context in path),
        "evaluation": evaluations[-1] if evaluations else None,
        "estimator_name": epoch.estimator_name,
        "stage": names[-1] if names else None,
        "epoch": epoch.task_id,
    }
