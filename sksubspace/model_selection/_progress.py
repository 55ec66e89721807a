"""The tasks of a comparison as scikit-learn's callbacks see them."""

from contextlib import contextmanager, nullcontext

from sklearn.base import BaseEstimator
from sklearn.callback import CallbackSupportMixin, with_callbacks


class Comparison(CallbackSupportMixin, BaseEstimator):
    """What callbacks are set on: the task "compare", its stages, their candidates and splits."""

    @with_callbacks
    def fit(self, run, n_stages):
        """Call `run` with this and the context of the whole, and return its result."""
        context = self._init_callback_context(task_name="compare", max_subtasks=n_stages)
        context.call_on_fit_task_begin(estimator=self)
        result = run(self, context)
        context.call_on_fit_task_end(estimator=self)
        return result


class Task:
    """One evaluation; MEDAL's own stages are below it while it is fitted.

    Parameters
    ----------
    caller : Comparison
        Whose task it is.

    context : sklearn.callback.CallbackContext
        The context of the task, a leaf.
    """

    def __init__(self, caller, context):
        self.caller = caller
        self.context = context
        self.begun = False

    @contextmanager
    def around(self, estimator=None):
        """Report the work inside, and hand the callbacks on to an estimator that is fitted in it.

        Parameters
        ----------
        estimator : estimator or None, default=None
            Unfitted.

        Yields
        ------
        None
            Within, `estimator` is to be fitted.
        """
        self.begun = True
        handed_on = (
            nullcontext()
            if estimator is None
            else self.context.propagate_callback_context(estimator)
        )
        try:
            with handed_on:
                self.context.call_on_fit_task_begin(estimator=self.caller)
                yield
        finally:
            self.context.call_on_fit_task_end(estimator=self.caller)

    def skip(self):
        """Report the task as done if nothing had to be done for it."""
        if not self.begun:
            with self.around():
                pass


@contextmanager
def staged(caller, context, stage_name, names, n_tasks):
    """Report a stage: every candidate in it, each with as many tasks.

    Parameters
    ----------
    caller : Comparison
        Whose tasks they are.

    context : sklearn.callback.CallbackContext
        The context of the whole.

    stage_name : str
        What the stage does.

    names : sequence of str
        The candidates.

    n_tasks : int
        Tasks of a candidate.

    Yields
    ------
    list of list of Task
        For each candidate its tasks, made ahead because contexts cannot be made while others are
        pickled for the workers.
    """
    stage = context.subcontext(task_name=stage_name, max_subtasks=len(names))
    stage.call_on_fit_task_begin(estimator=caller)
    parents = [
        stage.subcontext(task_name=_plain(name), max_subtasks=n_tasks).call_on_fit_task_begin(
            estimator=caller
        )
        for name in names
    ]
    yield [
        [Task(caller, parent.subcontext(task_name="split")) for _ in range(n_tasks)]
        for parent in parents
    ]
    for parent in [*parents, stage]:
        parent.call_on_fit_task_end(estimator=caller)


def _plain(name):
    """Take out the brackets that a terminal would read as markup."""
    return name.replace("[", "(").replace("]", ")")
