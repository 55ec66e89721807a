"""One screen that says how far a comparison is, and how long it may still take.

What is left is at first what `Work` expects, and then what was seen: each candidate counts by the
mean of its own fits, one that has not run yet by how much slower than expected the others were.
"""

import sys
from importlib.util import find_spec
from threading import RLock
from time import monotonic

from sksubspace._comparison import PERMUTED
from sksubspace._sklearn import close_listener, get_context_path, open_listener, send

__all__ = ["Outlook", "Watch", "check_verbose", "patience_of", "told_name", "watching"]


_VERBOSE = ("auto", True, False)
# seconds that nobody minds to wait without a word
_PATIENCE = 20
# seconds: what took less was remembered, or spared by the race, and says nothing of other fits
_SHORTEST = 0.05
_REFIT = "refit"


def told_name(name):
    """A name without the brackets that a terminal would read as markup, for callbacks."""
    return name.replace("[", "(").replace("]", ")")


class Outlook:
    """What is left of a comparison, at most: a race may spare some of it.

    Parameters
    ----------
    costs : dict of str to float
        Seconds that a fit of each candidate is expected to take.
    stages : dict of str to dict of str to int
        Fits of each candidate in each stage, at most.
    final : float
        Seconds that the last fit is expected to take.
    n_jobs : int, default=1
        Fits at the same time.
    """

    def __init__(self, costs, stages, final, n_jobs=1):
        self.costs = costs
        self.left = {stage: dict(fits) for stage, fits in stages.items()}
        self.final = final
        self.n_jobs = n_jobs
        self._seen = {}

    def begin_stage(self, stage):
        """Forget what was expected of a stage; its candidates say what there is."""
        self.left[stage] = {}

    def begin_candidate(self, stage, name, n_fits):
        """Say how many fits of a candidate there are."""
        self.left[stage][name] = n_fits

    def end_fit(self, stage, name, seconds):
        """Say that a fit is over, and what it took."""
        self.left[stage][name] -= 1
        if seconds >= _SHORTEST:
            self._seen.setdefault(name, []).append(seconds)

    def end_stage(self, stage):
        """Say that nothing of a stage is left."""
        self.left.pop(stage, None)

    def seconds(self):  # -> float
        """Seconds until the end, at most about.

        The fits left of each candidate times the mean of those seen, divided by `n_jobs`, and the
        last fit.
        """
        pace = self._pace()
        fits = sum(
            n_fits * self._seconds_of(name, pace)
            for stage in self.left.values()
            for name, n_fits in stage.items()
        )
        return fits / self.n_jobs + self.final * pace

    def _pace(self):
        """Seconds that were seen for each that was expected."""
        expected = sum(self.costs.get(name, 0) * len(seen) for name, seen in self._seen.items())
        return sum(map(sum, self._seen.values())) / expected if expected else 1.0

    def _seconds_of(self, name, pace):
        seen = self._seen.get(name)
        return sum(seen) / len(seen) if seen else self.costs.get(name, 0) * pace


def _outlook_of(plan, work, n_jobs):  # -> Outlook
    """What a comparison is expected to come to, by the names that callbacks are told."""
    costs = {
        told_name(one.name): work.fit_seconds(one.teacher, work.n_ranked) for one in plan.candidates
    }
    costs[PERMUTED] = work.fit_seconds(None, work.n_ranked)
    stages = {}
    if plan.candidates_of_all_rows:
        names = [told_name(one.name) for one in plan.candidates_of_all_rows]
        stages[plan.rule.whole_rows] = dict.fromkeys(names, len(plan.seeds))
    if plan.has_splits:
        names = [told_name(one.name) for one in plan.candidates if not one.is_fixed]
        stages["cross-validation"] = dict.fromkeys(names, len(plan.splits))
    if plan.controls:
        stages["controls"] = {PERMUTED: len(plan.splits) or len(plan.seeds)}
    if plan.ungrouped is not None:  # "without groups": each candidate once more, at most
        n_loose = len(plan.loose_splits) or len(plan.seeds)
        stages["without groups"] = {
            told_name(one.name): n_loose for one in plan.candidates if not one.is_fixed
        }
    final = max(work.fit_seconds(one.teacher, work.n_samples) for one in plan.candidates)
    return Outlook(costs, stages, final, n_jobs)


def watching(verbose, plan, work, n_jobs, callbacks):  # -> tuple of Watch
    """The callback that shows a comparison where somebody looks; none elsewhere.

    Parameters
    ----------
    verbose : {"auto", True, False}
        "auto" waits until it is long, and leaves the screen to callbacks of the user.
    plan : ComparisonPlan
        What is watched.
    work : Work
        What it is expected to take.
    n_jobs : int
        Fits at the same time.
    callbacks : sequence
        Of the user.

    Raises
    ------
    ImportError
        If it is True and rich is missing.
    """
    patience = None if verbose == "auto" and callbacks else patience_of(verbose)
    return () if patience is None else (Watch(_outlook_of(plan, work, n_jobs), patience),)


def check_verbose(verbose):
    """Raise a ValueError unless it is "auto", True or False."""
    if verbose not in _VERBOSE:
        raise ValueError(f"verbose must be one of {_VERBOSE}, got {verbose!r}.")


def patience_of(verbose):
    """Seconds that may go by without a word; None where nothing is to be said at all.

    Parameters
    ----------
    verbose : {"auto", True, False}
        Parameter of the caller.

    Returns
    -------
    patience : float or None
        None where nobody looks, or rich is missing and nobody asked for it.

    Raises
    ------
    ImportError
        If it is True and rich is missing.
    """
    if verbose is False:
        return None
    if find_spec("rich") is None:
        if verbose == "auto":
            return None
        raise ImportError(
            'verbose=True needs rich; install it with: pip install "sksubspace[progress]"'
        )
    if not _somebody_looks():
        return None
    return _PATIENCE if verbose == "auto" else 0


def _somebody_looks():
    """Whether output goes to a terminal, or to a notebook that can draw it anew."""
    if sys.stdout.isatty() and sys.stderr.isatty():
        return True
    if "IPython" not in sys.modules or find_spec("ipywidgets") is None:
        return False
    from rich.console import Console

    return Console().is_jupyter


class Watch:
    """A callback of scikit-learn that draws two lines on standard error until the end.

    Parameters
    ----------
    outlook : Outlook
        What is left.
    patience : float
        Seconds that may go by without a word: nothing is drawn if the whole takes less.
    """

    # the epochs of a fit are none of its business
    max_propagation_depth = 0

    def __init__(self, outlook, patience):
        self.outlook = outlook
        self.patience = patience
        self._listener = None
        self._lock = RLock()
        self._live = None
        self._begun = {}
        self._doing = ""
        self._since = self._last = monotonic()

    def setup(self, estimator, context):
        """Begin to listen to all processes."""
        self._since = self._last = monotonic()
        self._listener = open_listener(self._hear)
        self._draw_if_long()

    def teardown(self, estimator, context):
        """Leave the screen as it was."""
        close_listener(self._listener)
        if self._live is not None:
            self._live.stop()

    def on_fit_task_begin(self, estimator, context):
        """Say where it is."""
        self._tell("begin", context)

    def on_fit_task_end(self, estimator, context):
        """Say what is done."""
        self._tell("end", context)

    def __getstate__(self):
        # what is copied to a worker sends messages, and no more
        return {"_listener": self._listener}

    def _tell(self, event, context):
        path = get_context_path(context)
        names, numbers = zip(*((one.task_name, one.task_id) for one in path), strict=True)
        send(self._listener, (event, names[1:], numbers[1:], context.max_subtasks))

    def _hear(self, message):
        event, names, numbers, n_parts = message
        with self._lock:
            if event == "begin":
                self._hear_begin(names, numbers, n_parts)
            else:
                self._hear_end(names, numbers)
            self._last = monotonic()
            self._draw_if_long()

    def _hear_begin(self, names, numbers, n_parts):
        self._begun[numbers] = monotonic()
        if names == (_REFIT,):
            self._doing = "fit of the chosen one to all rows"
        elif len(names) == 1:
            self.outlook.begin_stage(*names)
        elif len(names) == 2:
            self.outlook.begin_candidate(*names, n_parts)
        elif len(names) == 3:
            self._doing = f"{names[0]}: {names[1]}, fit {numbers[2] + 1}"

    def _hear_end(self, names, numbers):
        begun = self._begun.pop(numbers, self._last)
        if len(names) == 3:
            self.outlook.end_fit(*names[:2], monotonic() - begun)
        elif len(names) == 1:
            self.outlook.end_stage(*names)

    def _draw_if_long(self):
        if self._live is None and self._elapsed() + self._left() > self.patience:
            from rich.console import Console
            from rich.live import Live

            self._live = Live(
                console=Console(stderr=True), get_renderable=self.screen, transient=True,
                refresh_per_second=2,
            )  # fmt: skip
            self._live.start()

    def _elapsed(self):
        return monotonic() - self._since

    def _left(self):
        return max(0.0, self.outlook.seconds() - (monotonic() - self._last))

    def screen(self):
        """What is drawn: a bar with the time that is left, and what is being done."""
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        with self._lock:
            elapsed, left, where = self._elapsed(), self._left(), self._doing
        share = elapsed / (elapsed + left) if elapsed + left else 1.0
        # the bar takes what the words leave, so that there are two lines at any width
        bar = Table.grid(padding=(0, 1), expand=True)
        for ratio in (None, 1, None, None):
            bar.add_column(no_wrap=True, ratio=ratio)
        bar.add_row(
            "comparing", ProgressBar(total=1.0, completed=share), f"{share:4.0%}",
            f"at most about {duration(left)} left",
        )  # fmt: skip
        return Group(bar, Text(f"  {where}", no_wrap=True, overflow="ellipsis", style="dim"))


def duration(seconds):
    """A time that is left, no more exact than it is known.

    Examples
    --------
    >>> from sksubspace.model_selection._progress import duration
    >>> [duration(seconds) for seconds in (1, 42, 100, 6000)]
    ['5 s', '40 s', '2 min', '1 h 40 min']
    """
    if seconds < 58:
        return f"{max(1, round(seconds / 5)) * 5} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
