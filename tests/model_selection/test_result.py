"""A comparison as a table, as HTML, as JSON and as a data frame."""

import json
import sys
from dataclasses import replace
from html.parser import HTMLParser
from types import SimpleNamespace

import numpy as np
import pytest

from sksubspace import MEDAL
from sksubspace.model_selection import CandidateResult, EmbeddingComparison

BEST = CandidateResult(
    "U (n_neighbors=15)", "U", {"n_neighbors": np.int64(15)}, rank=1, score=0.71,
    standard_error=0.0123, split_scores=(0.7, 0.72), difference=0.0,
    difference_interval=(0.0, 0.0), tied=True, within_one_standard_error=True,
    encoder="local", placement_r2=0.98, metrics={"trustworthiness": 0.97},
    teacher_seconds=1.234, student_seconds=0.5, continuous=0.6745, global_share=0.61,
)  # fmt: skip
TIED = replace(
    BEST, name="U (n_neighbors=5)", params={"n_neighbors": 5}, rank=2, score=0.705,
    difference=-0.005, difference_interval=(-0.02, 0.01), selected=True, continuous=0.317,
)  # fmt: skip
SCREENED = replace(
    BEST, name="T", group="T", params={"metric": print}, rank=3, score=0.4, tied=False,
    evidence="leave-one-out", difference=-0.31, difference_interval=(-0.4, -0.2),
)  # fmt: skip
MEAN = CandidateResult(
    "Mean (control)", "Mean (control)", {}, role="control", rank=4, score=0.0,
    standard_error=0.0, evidence="definition", difference=-0.71, difference_interval=(-0.8, -0.6),
)  # fmt: skip
FAILED = CandidateResult(
    "<b>X</b> & co\n", "X", {}, rank=5, error="ValueError: <script>no</script>"
)


def comparison(*rows, **settings):
    settings = {
        "method": "auto", "select": "one_std_err", "order": ("U (n_neighbors=5)",),
        "confidence": 0.95, "n_samples": 1797, "n_features": 64, "n_splits": 5, "n_repeats": 2,
        "random_state": 0, "versions": {"python": "3"}, "best_name_": "U (n_neighbors=5)",
        "best_estimator_": MEDAL("pca"), **settings,
    }  # fmt: skip
    return EmbeddingComparison(results=rows, **settings)


RESULT = comparison(BEST, TIED, SCREENED, MEAN, FAILED)


def test_the_table():
    lines = str(RESULT).splitlines()
    head = " ".join(" ".join(lines[:2]).split())
    assert "1,797 rows x 64 features" in head and "5 folds x 2 repeats; seed 0" in head
    table = [line for line in lines if line[:1].isdigit()]
    assert table[0].split() == "1 U (n_neighbors=15) 0.710 0.012 0.95 0.61 best".split()
    assert table[1].endswith("0.45    0.61  -0.005 [-0.020, +0.010]  chosen, tie,")
    assert lines[lines.index(table[1]) + 1].split() == ["torn"]
    assert table[2].endswith("loo only")
    assert table[3].split()[:4] == ["4", "Mean", "(control)", "0.000"]
    assert table[4].split() == ["5", "<b>X</b>", "&", "co", "failed"]
    assert "<b>X</b> & co failed: ValueError: <script>no</script>" in str(RESULT)
    assert "95 % interval" in str(RESULT) and "loo only:" in str(RESULT)
    for reading in ("continuous: R2 where", "global: R2 of a linear", "torn: its pieces say where"):
        assert reading in str(RESULT)
    assert "torn: its" not in str(comparison(BEST))


@pytest.mark.parametrize("length", [5, 40, 200])
def test_no_line_is_longer_than_100_columns(length):
    name = "UMAP (" + ", ".join(["n_neighbors=15"] * (length // 14 + 1)) + "x" * length + ")"
    rows = [replace(row, name=name) for row in (BEST, TIED, SCREENED, FAILED)]
    text = str(comparison(*rows, n_samples=10**6, n_features=10**5, random_state=2**31))
    assert max(map(len, text.splitlines())) <= 100
    assert "".join(name.split()) in "".join(text.split()).replace("-", "") or length > 5


def test_for_leave_one_out_the_table_says_so_once():
    text = str(comparison(SCREENED, method="loo", n_splits=0, n_repeats=1))
    assert "leave-one-out, 1 teacher seed" in text and "loo only" not in text
    assert "rows left out" in text


class Tags(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.open = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_html_is_whole_and_escaped():
    html = RESULT._repr_html_()
    tags = Tags(html)
    assert not tags.open and not {"b", "script"} & set(tags.tags)
    assert tags.tags.count("tr") == 6 and tags.tags.count("td") == 40
    assert "&lt;b&gt;X&lt;/b&gt; &amp; co" in html and "&lt;script&gt;" in html


def test_json_is_strict_and_complete():
    def refuse(constant):
        raise AssertionError(constant)

    values = json.loads(RESULT.to_json(), parse_constant=refuse)
    assert values["best_name_"] == "U (n_neighbors=5)" and values["n_repeats"] == 2
    assert values["best_params"]["teacher"] == "pca"
    first, *_, last = values["results"]
    assert first["params"] == {"n_neighbors": 15} and first["difference_interval"] == [0, 0]
    assert last["score"] is None and last["error"].startswith("ValueError")
    assert first["teacher_seconds"] == 1.234
    assert (first["continuous"], first["global_share"], last["continuous"]) == (0.6745, 0.61, None)


def test_json_without_timings_is_the_same_for_slow_and_fast_runs(tmp_path):
    slow = comparison(replace(BEST, teacher_seconds=99.0, student_seconds=9.0))
    fast = comparison(BEST)
    assert slow.to_json() != fast.to_json()
    assert slow.to_json(timings=False) == fast.to_json(timings=False)
    text = fast.to_json(tmp_path / "result.json", timings=False)
    assert (tmp_path / "result.json").read_text(encoding="utf8") == text


def test_json_holds_no_addresses():
    odd = comparison(replace(BEST, params={"metric": lambda a, b: 0.0, "parts": (1, object())}))
    assert " at 0x" not in odd.to_json()


def test_frame():
    pytest.importorskip("pandas")
    frame = RESULT.to_frame()
    assert frame["name"].tolist()[1] == "U (n_neighbors=5)" and len(frame) == 5
    assert frame.loc[0, "trustworthiness"] == 0.97
    assert frame.loc[0, ["continuous", "global_share"]].tolist() == [0.6745, 0.61]
    assert frame["param_n_neighbors"].tolist()[:2] == [15, 5]
    assert frame.loc[1, ["difference_low", "difference_high"]].tolist() == [-0.02, 0.01]


def test_frame_without_pandas(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="to_frame needs pandas"):
        RESULT.to_frame()


def test_plot_and_report_hand_the_comparison_on(monkeypatch):
    curve = SimpleNamespace(from_comparison=lambda result, **kw: ("curve", result, kw))
    page = SimpleNamespace(write_report=lambda result, path, **kw: ("page", result, path, kw))
    monkeypatch.setitem(
        sys.modules, "sksubspace.inspection", SimpleNamespace(TuningCurveDisplay=curve)
    )
    monkeypatch.setitem(sys.modules, "sksubspace.report", page)
    assert RESULT.plot(group="U") == ("curve", RESULT, {"group": "U"})
    assert RESULT.to_report("a.html", X=1, y=2) == ("page", RESULT, "a.html", {"X": 1, "y": 2})
