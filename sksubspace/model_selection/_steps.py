"""Two lines that say which step of a long call is being done, and how long it has taken."""

from threading import RLock, Timer
from time import monotonic

from sksubspace.model_selection._progress import duration, patience_of

__all__ = ["StepLines"]


class StepLines:
    """Draw the step that is being done on standard error, if somebody looks and it takes long.

    Parameters
    ----------
    doing : str
        What the call does, such as "auditing".

    n_steps : int
        Steps, at most.

    verbose : {"auto", True, False}
        "auto" waits for 20 seconds, True does not.

    are_alike : bool, default=False
        Whether steps take about as long as each other, so that those done say what is left.

    Raises
    ------
    ImportError
        If `verbose` is True and rich is missing.
    """

    def __init__(self, doing, n_steps, verbose, are_alike=False):
        self.doing = doing
        self.n_steps = n_steps
        self.are_alike = are_alike
        self.patience = patience_of(verbose)
        self._lock = RLock()
        self._n_begun, self._step = 0, ""
        self._since = monotonic()
        self._timer = self._live = None

    def __enter__(self):
        self._since = monotonic()
        if self.patience is not None:
            self._timer = Timer(self.patience, self._show)
            self._timer.daemon = True
            self._timer.start()
        return self

    def __exit__(self, *_):
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
            self.patience = None  # a timer that is just going off comes too late
            live, self._live = self._live, None
        if live is not None:
            live.stop()

    def begin(self, step):
        """Say what is done from now on; the step before has ended."""
        with self._lock:
            self._n_begun += 1
            self._step = step

    def _show(self):
        from rich.console import Console
        from rich.live import Live

        with self._lock:
            if self.patience is None:
                return
            self._live = Live(
                console=Console(stderr=True), get_renderable=self.screen, transient=True,
                refresh_per_second=2,
            )  # fmt: skip
            self._live.start()

    def screen(self):
        """What is drawn: a bar with the time that has gone, and what is being done."""
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        with self._lock:
            number, step = max(self._n_begun, 1), self._step
        done, elapsed = number - 1, monotonic() - self._since
        words = f"step {number} of {self.n_steps}, {duration(elapsed)} so far"
        if self.are_alike and done:
            left = elapsed / done * (self.n_steps - done)
            words += f", about {duration(left)} left"
        bar = Table.grid(padding=(0, 1), expand=True)
        for ratio in (None, 1, None):
            bar.add_column(no_wrap=True, ratio=ratio)
        bar.add_row(self.doing, ProgressBar(total=self.n_steps, completed=done), words)
        return Group(bar, Text(f"  {step}", no_wrap=True, overflow="ellipsis", style="dim"))
