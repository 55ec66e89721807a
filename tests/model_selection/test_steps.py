"""The two lines that say what an audit, or a comparison of clusterings, is doing."""

import io

import pytest
from sklearn.cluster import AgglomerativeClustering, KMeans
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA

from sksubspace import audit_embedding
from sksubspace.audit import _audit
from sksubspace.model_selection import _compare_clusterings, compare_clusterings
from sksubspace.model_selection._steps import StepLines
from tests.model_selection.test_watch import look
from tests.model_selection.toys import digits

X, y = load_iris(return_X_y=True)
CANDIDATES = {"k-means": KMeans(n_init=1), "Ward": AgglomerativeClustering()}


def drawn(steps, width=80):
    """What is on the screen."""
    from rich.console import Console

    stream = io.StringIO()
    Console(file=stream, width=width, force_terminal=False).print(steps.screen())
    return stream.getvalue()


@pytest.fixture
def begun(monkeypatch):
    """Record `StepLines` that audits and comparisons make, and what they were told."""
    made = []

    class Recorded(StepLines):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.told = []
            made.append(self)

        def begin(self, step):
            super().begin(step)
            self.told.append(step)

    for module in (_audit, _compare_clusterings):
        monkeypatch.setattr(module, "StepLines", Recorded)
    return made


def test_two_lines_at_any_width():
    pytest.importorskip("rich")
    steps = StepLines("auditing", 3, "auto")
    for name in ("one", "a step with a name that is longer than any terminal is wide" * 4):
        steps.begin(name)
        for width in (40, 80, 200):
            assert drawn(steps, width).count("\n") == 2
    assert "step 2 of 3" in drawn(steps)


def test_steps_that_are_alike_say_what_is_left(monkeypatch):
    pytest.importorskip("rich")
    now = [0.0]
    monkeypatch.setattr("sksubspace.model_selection._steps.monotonic", lambda: now[0])
    alike, other = StepLines("x", 4, "auto", are_alike=True), StepLines("x", 4, "auto")
    for steps in (alike, other):
        steps.begin("first")
    now[0] = 30.0
    assert "left" not in drawn(alike)  # nothing is done yet
    for steps in (alike, other):
        steps.begin("second")
    assert "30 s so far, about 2 min left" in drawn(alike)  # three of 30 s
    assert "30 s so far" in drawn(other)
    assert "left" not in drawn(other)


def test_only_what_takes_long_is_shown(monkeypatch):
    stream = look(monkeypatch, patience=60)
    with StepLines("auditing", 2, "auto") as steps:
        steps.begin("a part")
    assert stream.getvalue() == ""
    assert steps.patience is None
    steps._timer.join(10)
    assert not steps._timer.is_alive()


def test_it_is_shown_at_once_where_it_is_asked_for(monkeypatch):
    stream = look(monkeypatch)
    with StepLines("auditing", 2, True) as steps:
        steps.begin("a part of the work")
        steps._timer.join()
    assert "auditing" in stream.getvalue()
    assert steps._live is None


@pytest.mark.parametrize("verbose", [True, "auto", False])
def test_nothing_is_written_where_nobody_looks(verbose, capsys):
    pytest.importorskip("rich")
    with StepLines("auditing", 1, verbose) as steps:
        steps.begin("a part")
        assert steps.patience is None
    assert capsys.readouterr() == ("", "")


def test_the_screen_is_left_where_a_step_fails(monkeypatch):
    look(monkeypatch)
    with pytest.raises(ZeroDivisionError), StepLines("auditing", 2, True) as steps:
        steps._timer.join()
        raise ZeroDivisionError
    assert steps._live is None


@pytest.mark.parametrize("n_clusters", [3, (2, 3)])
@pytest.mark.parametrize("n_halvings", [1, 2])
@pytest.mark.parametrize("has_counts", [False, True])
def test_every_fit_of_a_comparison_is_a_step(begun, n_clusters, n_halvings, has_counts):
    compare_clusterings(
        X, CANDIDATES, n_clusters=n_clusters, n_halvings=n_halvings,
        counts=(10 * X).round() if has_counts else None,
    )  # fmt: skip
    (steps,) = begun
    assert len(steps.told) == steps.n_steps
    first = 3 if n_clusters == 3 else 2
    assert steps.told[0] == f"k-means: {first} clusters of all rows"
    assert steps.told[-1].endswith("clusters, the chosen one")


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"y": y},
        {"groups": [i % 5 for i in range(len(X))]},
        {"counts": (10 * X).round()},
        {"teacher": PCA(2)},
        {"teacher": PCA(2), "counts": (10 * X).round(), "y": y},
    ],
    ids=lambda given: "+".join(given) or "nothing",
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_every_part_of_an_audit_is_a_step(begun, given):
    audit_embedding(X, PCA(2).fit_transform(X), **given)
    (steps,) = begun
    assert len(steps.told) == steps.n_steps == len(set(steps.told))


@pytest.mark.parametrize("call", [audit_embedding, compare_clusterings])
def test_verbose_is_one_of_three(call):
    rows = digits(80)[0]
    args = {"Z": rows[:, 20:22]} if call is audit_embedding else {"n_clusters": 3}
    with pytest.raises(ValueError, match=r"verbose must be one of .*'auto'.* got 'loud'"):
        call(rows, verbose="loud", **args)
