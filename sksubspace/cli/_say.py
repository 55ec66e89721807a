"""What the command line writes to the terminal; names in it are never trusted."""

import shlex
import sys
from importlib.util import find_spec

from sksubspace._spreadsheets import is_numeral


class UsageError(Exception):
    """A mistake of the user: one line that says what, and how to mend it."""


class Terminal:
    """Standard output and standard error, in colour where they are a terminal and rich is there.

    Parameters
    ----------
    quiet : bool, default=False
        Whether to leave out notes, warnings and the progress bar.

    Attributes
    ----------
    notes : list of str
        What was noted, also for the report.
    """

    def __init__(self, *, quiet=False):
        self.quiet = quiet
        self.notes = []
        self._warned = set()

    def say(self, text, style=None):
        """Write lines of text to standard output; tabs and line ends stay."""
        _write_line(sys.stdout, "\n".join(shown(line) for line in str(text).split("\n")), style)

    def note(self, text, *, always=False, kept=True):
        """Write what the user should know, in one line on standard error; `always` if quiet too.

        Kept for the report, unless it is of this run alone.
        """
        if kept:
            self.notes.append(text)
        if always or not self.quiet:
            _write_line(sys.stderr, f"note: {shown(text)}", "cyan")

    def complain(self, text, kind="error: "):
        """Write one line on standard error, also when quiet."""
        line = " ".join(str(text).split())
        _write_line(sys.stderr, f"sksubspace: {kind}{shown(line)}", "red")

    def show_warning(self, message, category, filename, lineno, file=None, line=None):
        """Write a Python warning as one line, once; the signature is `warnings.showwarning`'s."""
        text = " ".join(str(message).split())
        if not self.quiet and text not in self._warned:
            self._warned.add(text)
            _write_line(sys.stderr, f"warning: {shown(text)}", "yellow")

    @property
    def is_watched(self):
        """Whether progress is drawn; nowhere where nobody looks."""
        return not self.quiet and _is_rich(sys.stdout) and _is_rich(sys.stderr)


def shown(text):
    r"""Escape what could steer a terminal or break the line, as Python's ``repr`` does.

    Examples
    --------
    >>> from sksubspace.cli._say import shown
    >>> shown("a\x1b[31mb\nc")
    'a\\x1b[31mb\\nc'
    """
    return "".join(
        character if character.isprintable() else ascii(character)[1:-1] for character in str(text)
    )


def quoted(names, limit=5):
    """Return names in quotes, the first few of them.

    Examples
    --------
    >>> from sksubspace.cli._say import quoted
    >>> quoted(["a", "b", "c"], limit=2)
    "'a', 'b' and 1 more"
    """
    names = list(names)
    text = ", ".join(f"'{name}'" for name in names[:limit])
    return text + (f" and {len(names) - limit} more" if len(names) > limit else "")


def option(name, values):
    """Return an option with its values as they are typed; a dash before a value would end it.

    Examples
    --------
    >>> from sksubspace.cli._say import option
    >>> option("--drop", ["a b", "-c"])
    "--drop 'a b' --drop=-c"
    """
    # argparse removes -- itself, but not with a blank after it
    values = ["-- " if value == "--" else str(value) for value in values]
    dashed = [v for v in values if v[:1] == "-" and v not in ("-", "-- ") and not is_numeral(v)]
    plain = [value for value in values if value not in dashed]
    words = [*([name, *plain] if plain else []), *(f"{name}={value}" for value in dashed)]
    return " ".join('"\'"' if word == "'" else shlex.quote(word) for word in words)


def check_packages(verb, needed):
    """Raise a UsageError that says what to install, if a verb needs a package that is missing."""
    missing = [name for name in needed if find_spec(name) is None]
    if missing:
        raise UsageError(
            f'{verb} needs {", ".join(missing)}; install with: pip install "sksubspace[cli]"'
        )


def _is_rich(stream):
    return stream.isatty() and find_spec("rich") is not None


def _write_line(stream, text, style):
    """Write a line; where the encoding lacks a character its escape is written."""
    if _is_rich(stream):
        from rich.console import Console
        from rich.text import Text

        console = Console(file=stream, soft_wrap=True, highlight=False)
        console.print(Text(text, style=style or ""))
        return
    encoding = getattr(stream, "encoding", None) or "utf-8"
    stream.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")
    stream.flush()


def about(seconds):
    """A time in the unit that people would take, such as "3 minutes"; at least one."""
    unit, size = ("hour", 3600) if seconds >= 2 * 3600 else ("minute", 60)
    number = max(1, round(seconds / size))
    return f"{number} {unit}{'s' * (number > 1)}"
