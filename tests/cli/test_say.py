import io
import sys

import pytest

from sksubspace.cli._say import Terminal, quoted, shown


class Screen(io.StringIO):
    def __init__(self, encoding="utf-8"):
        super().__init__()
        self._encoding = encoding

    @property
    def encoding(self):
        return self._encoding

    def isatty(self):
        return True


def look_at_a_screen(monkeypatch):
    """Make the streams terminals, within the test: between its phases pytest sets them anew."""
    pytest.importorskip("rich")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(sys, "stdout", Screen())
    monkeypatch.setattr(sys, "stderr", Screen())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("größe µ", "größe µ"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("a\rb\tc", "a\\rb\\tc"),
        ("\u202eabc", "\\u202eabc"),
        ("\udcff", "\\udcff"),
    ],
)
def test_what_could_steer_a_terminal_is_escaped(text, expected):
    assert shown(text) == expected


def test_few_names_are_quoted_whole():
    assert quoted(["a", "b"]) == "'a', 'b'"


def test_markup_in_names_is_not_read(monkeypatch):
    look_at_a_screen(monkeypatch)
    Terminal().note("[bold red]data[/].csv [link=http://x]")
    assert "[bold red]data[/].csv [link=http://x]" in sys.stderr.getvalue()
    assert "\x1b[36m" in sys.stderr.getvalue()


def test_progress_is_drawn_only_where_somebody_looks(monkeypatch):
    look_at_a_screen(monkeypatch)
    assert Terminal().is_watched
    assert not Terminal(quiet=True).is_watched
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert not Terminal().is_watched


def test_lines_stay_lines_and_long_ones_whole(monkeypatch):
    look_at_a_screen(monkeypatch)
    Terminal().say("first\n" + "x" * 300)
    assert sys.stdout.getvalue() == "first\n" + "x" * 300 + "\n"


def test_an_encoding_that_lacks_a_character(monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    Terminal().say("R² ± µ")
    assert stream.buffer.getvalue() == b"R\\xb2 \\xb1 \\xb5\n"


def test_quiet_keeps_errors_and_answers(capsys):
    terminal = Terminal(quiet=True)
    terminal.note("note")
    terminal.complain("two\nlines")
    terminal.say("answer")
    out, err = capsys.readouterr()
    assert (out, err) == ("answer\n", "sksubspace: error: two lines\n")
    assert terminal.notes == ["note"]
