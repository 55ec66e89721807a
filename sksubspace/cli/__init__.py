"""The command line: ``sksubspace audit | validate | cluster | transform | shift``."""

import os
import sys
import warnings
from importlib import import_module

from sksubspace.cli._arguments import parse
from sksubspace.cli._say import Terminal, UsageError

__all__ = ["main"]

# of no consequence: UMAP's start from a spectral embedding that need not be exact, and processes
# that are replaced
_PASSING = (
    "Graph is not fully connected|ARPACK has failed|Exited (at iteration|postprocessing)|"
    "A worker stopped while some jobs were given"
)
# numpy and joblib have errors of their own for it
_OUT_OF_MEMORY = ("MemoryError", "TerminatedWorkerError")
# imported when they are asked for, so that --help is there at once
_MODULES = {
    "audit": "sksubspace.cli._audit",
    "validate": "sksubspace.cli._validate",
    "cluster": "sksubspace.cli._cluster",
    "transform": "sksubspace.cli._apply",
    "shift": "sksubspace.cli._apply",
}
DONE, FAILED, MISUSED, INTERRUPTED = 0, 1, 2, 130


def main(arguments=None):
    """Run a command.

    Parameters
    ----------
    arguments : sequence of str or None, default=None
        Words after ``sksubspace``; None for those of the process.

    Returns
    -------
    code : int
        0 when done, 2 for bad arguments or data (one line on stderr says what and how to mend
        it), 3 for ``shift --exit-code`` on a shifted batch, 130 after Ctrl-C, 1 if the program
        itself failed.

    Examples
    --------
    >>> from sksubspace.cli import main
    >>> main(["--version"])
    sksubspace ...
    0
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    terminal = Terminal()
    try:
        options = parse(arguments)
        terminal = Terminal(quiet=options.quiet)
        return _run(options, terminal)
    except SystemExit as end:  # --help and --version
        return DONE if end.code is None else int(end.code)
    except UsageError as error:
        return _end(terminal, str(error), MISUSED)
    except BrokenPipeError:
        return _leave_broken_pipe()
    except OSError as error:
        return _end(terminal, _describe_os_error(error), MISUSED)
    except KeyboardInterrupt:
        return _end(terminal, "interrupted; the same command continues", INTERRUPTED, kind="")
    except Exception as error:
        if "--debug" in arguments:
            raise
        return _end(terminal, _describe_failure(error), FAILED)


def _run(options, terminal):
    verb = getattr(import_module(_MODULES[options.verb]), options.verb)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=_PASSING)
        warnings.showwarning = terminal.show_warning
        return verb(options, terminal)


def _end(terminal, text, code, kind="error: "):
    terminal.complain(text, kind)
    return code


def _describe_os_error(error):
    reason = error.strerror or str(error)
    return f"{error.filename}: {reason}" if error.filename else reason


def _describe_failure(error):
    name = type(error).__name__
    if name.endswith(_OUT_OF_MEMORY):
        return "not enough memory; try --n-jobs 1, which continues with what was finished"
    text = f"the program failed with {name}: {error}"
    return f"{text} (--debug shows where; please report it)"


def _leave_broken_pipe():
    """Whoever read the output has left, as `head` does: say nothing more, at exit neither."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):  # a stream without a descriptor
        pass
    return DONE
