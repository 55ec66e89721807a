"""The two lines that say how far a comparison is, and how long it may still take."""

import io
import pickle
import sys

import pytest
from sklearn.decomposition import PCA

from sksubspace._comparison import PERMUTED
from sksubspace.model_selection import _progress
from sksubspace.model_selection._progress import Outlook, Watch, watching
from tests.model_selection.toys import Seeded, compare, digits

X, _ = digits(80)
FOREVER = float("inf")


class Screen(io.StringIO):
    """A stream that somebody looks at."""

    def isatty(self):
        return True


def look(monkeypatch, patience=20):
    """Look at both streams, from now on."""
    pytest.importorskip("rich")
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, Screen())
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr(_progress, "_PATIENCE", patience)
    return sys.stderr


def outlook(**params):
    costs = {"slow": 10.0, "quick": 1.0}
    stages = {"first": {"slow": 2, "quick": 2}, "second": {"slow": 4}}
    return Outlook(costs, stages, final=3.0, **params)


def test_at_first_what_is_left_is_what_is_expected():
    assert outlook().seconds() == 2 * 10 + 2 * 1 + 4 * 10 + 3
    assert outlook(n_jobs=2).seconds() == (2 * 10 + 2 * 1 + 4 * 10) / 2 + 3


def test_a_candidate_counts_by_its_own_fits_and_others_by_the_pace():
    ahead = outlook()
    ahead.end_fit("first", "quick", 2.0)
    # the machine is half as fast as expected: all that is left takes twice as long
    assert ahead.seconds() == 2 * (2 * 10 + 1 + 4 * 10 + 3)
    ahead.end_fit("first", "slow", 50.0)
    assert ahead.seconds() == pytest.approx(5 * 50 + 1 * 2 + 3 * 52 / 11)


def test_fits_that_were_remembered_say_nothing_of_others():
    ahead = outlook()
    ahead.end_fit("first", "slow", 0.001)
    assert ahead.seconds() == 1 * 10 + 2 * 1 + 4 * 10 + 3


def test_a_stage_has_the_candidates_that_begin_in_it():
    ahead = outlook()
    ahead.end_stage("first")
    ahead.begin_stage("second")
    ahead.begin_candidate("second", "quick", 3)
    assert ahead.seconds() == 3 * 1 + 3
    ahead.end_stage("second")
    assert ahead.seconds() == 3


@pytest.mark.parametrize(("method", "n_jobs"), [("cv", 1), ("loo", 1), ("auto", 2)])
def test_nothing_but_the_last_fit_is_left_in_the_end(method, n_jobs):
    ahead = Outlook({"S": 1.0, "PCA": 1.0}, {}, final=0.0)
    compare(X, {"S": Seeded()}, callbacks=[Watch(ahead, FOREVER)], method=method, n_jobs=n_jobs)
    assert ahead.left == {}
    assert ahead.seconds() == 0


def expected(monkeypatch, **params):
    """The outlook of a comparison before it begins."""
    found = []

    class Kept(Watch):
        def __init__(self, outlook, patience):
            found.append({stage: dict(fits) for stage, fits in outlook.left.items()})
            super().__init__(outlook, FOREVER)

    monkeypatch.setattr(_progress, "Watch", Kept)
    compare(X, {"S [a]": Seeded()}, verbose=True, **params)
    return found[0]


def test_what_is_expected_is_what_a_comparison_does(monkeypatch):
    look(monkeypatch)
    pca = "PCA (control)"
    assert expected(monkeypatch, method="auto", cv=3) == {
        "leave-one-out": {"S (a)": 1, pca: 1},
        "cross-validation": {"S (a)": 3, pca: 3},
        "controls": {PERMUTED: 3},
    }
    assert expected(monkeypatch, method="loo", controls=False) == {"leave-one-out": {"S (a)": 1}}


def test_two_lines_at_any_width():
    console = pytest.importorskip("rich.console")
    watch = Watch(outlook(), FOREVER)
    watch._doing = "cross-validation: " + "a long name, " * 20 + "fit 3"
    for width in (60, 80, 200):
        page = console.Console(file=io.StringIO(), width=width)
        page.print(watch.screen())
        lines = page.file.getvalue().splitlines()
        assert len(lines) == 2
        assert "at most about 1 min left" in lines[0]
        assert lines[1].strip().startswith("cross-validation: a long name")


def test_a_long_comparison_is_shown_and_the_screen_left_as_it_was(monkeypatch):
    screen = look(monkeypatch, patience=0)
    compare(X, {"S": Seeded()})
    seen = screen.getvalue()
    assert "comparing" in seen and "at most about" in seen
    assert seen.endswith("\x1b[1A\x1b[2K") or seen.rstrip("\r\n").endswith("\x1b[2K")
    assert sys.stderr is screen
    assert sys.stdout.getvalue() == ""


def test_a_short_comparison_says_nothing(monkeypatch):
    screen = look(monkeypatch)
    compare(X, {"S": Seeded()})
    assert screen.getvalue() == ""


def test_callbacks_of_the_user_have_the_screen_to_themselves(monkeypatch):
    screen = look(monkeypatch, patience=0)
    compare(X, {"S": Seeded()}, callbacks=[Watch(outlook(), FOREVER)])
    assert screen.getvalue() == ""


@pytest.mark.parametrize("verbose", ["auto", True])
def test_nothing_is_written_where_output_goes_to_a_file(verbose, monkeypatch, capfd):
    monkeypatch.setattr(_progress, "_PATIENCE", 0)
    compare(X, {"S": Seeded()}, verbose=verbose)
    assert capfd.readouterr() == ("", "")


def test_without_rich_only_those_who_ask_are_told(monkeypatch):
    screen = look(monkeypatch, patience=0)
    monkeypatch.setattr(_progress, "find_spec", lambda name: None)
    compare(X, {"S": Seeded()})
    assert screen.getvalue() == ""
    with pytest.raises(ImportError, match=r"verbose=True needs rich.*sksubspace\[progress\]"):
        compare(X, {"S": Seeded()}, verbose=True)


def test_quiet_is_quiet(monkeypatch):
    screen = look(monkeypatch, patience=0)
    compare(X, {"S": Seeded()}, verbose=False)
    assert screen.getvalue() == ""
    assert watching(False, None, None, 1, ()) == ()


def test_verbose_is_checked():
    with pytest.raises(ValueError, match=r"verbose must be one of \('auto', True, False\), got 2"):
        compare(X, [PCA(2)], verbose=2)


def test_what_goes_to_a_worker_only_sends():
    copy = pickle.loads(pickle.dumps(Watch(outlook(), 0)))
    assert vars(copy) == {"_listener": None}
