"""The report as a file: what it holds, what it refuses, and what it leaves alone."""

import base64
import re
import sys
from dataclasses import replace
from itertools import pairwise

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from sksubspace import MEDAL, audit_embedding
from sksubspace.metrics import embedding_reliability
from sksubspace.report import write_report
from sksubspace.report._text import fixed, p_value, plain
from tests.report import data

# a page with the fewest pictures beside those of the map
ALONE = (replace(data.candidates()[1], group="alone", params={}),)


@pytest.fixture(scope="module")
def digits():
    return data.digits()


@pytest.fixture(scope="module")
def result(digits):
    return data.comparison(digits[0])


def write_page(result, digits, path):
    """Write the page with everything on it."""
    X, y, X_new = digits
    return write_report(
        result, path, X=X, y=y, X_new=X_new, label_name="digit", data_name="digits.csv",
        new_name="march.csv", image_shape="auto", notes=["Divided by 16."],
    )  # fmt: skip


@pytest.fixture(scope="module")
def html(result, digits, tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.html"
    assert write_page(result, digits, path) == path
    return path.read_text(encoding="utf8")


@pytest.fixture(scope="module")
def page(html):
    return data.Page(html)


def write(result, folder, **arguments):
    path = write_report(result, folder / "page.html", **arguments)
    return data.Page(path.read_text(encoding="utf8"))


def test_every_candidate_stands_in_the_ranking_with_its_numbers(page, result):
    rows = page.rows(0)
    assert [row[1] for row in rows] == [row.name for row in result.results]
    for cells, row in zip(rows[:-1], result.results[:-1], strict=True):
        assert cells[0] == str(row.rank)
        # others were confirmed by unseen rows
        in_brackets = row.evidence == "leave-one-out"
        assert cells[2] == (f"({fixed(row.score)})" if in_brackets else fixed(row.score))
    assert rows[0][3:8] == ["0.013", "0.95", "0.62", "0.000", "–"]
    assert rows[2][3:9] == [
        "0.013", "0.95", "0.62", "−0.102", "−0.122 to −0.082", "leave-one-out",
    ]  # fmt: skip
    assert rows[-1][2:] == ["ValueError: too <few> rows", "failed"]


def test_remarks_name_the_choice_the_ties_and_the_controls(page):
    remarks = [row[-1] for row in page.rows(0)]
    assert remarks == [
        "best", "chosen tie", "loo only", "torn", "control", "control", "failed",
    ]  # fmt: skip


def test_findings_answer_the_question(page):
    assert "t-SNE (perplexity=20) was chosen among 5 candidates" in page.text
    assert "it keeps 51 % of the variation of rows it had not seen (R² = 0.507)." in page.text
    assert (
        "t-SNE (perplexity=5) has the highest R² on rows that took no part in the fit (3 splits): "
        "0.512 ± 0.013."
    ) in page.text
    assert "their differences are from the leave-one-out score of the best" in page.text
    assert "do not tell the best apart from t-SNE (perplexity=20)." in page.text
    assert "Control: permuted scores −0.031." in page.text
    assert "Not scored, because of an error: broken." in page.text


def test_further_measures_stand_in_a_table_of_their_own(page):
    assert page.tables[1][0][4].strip() == "trustworthiness"
    first = page.rows(1)[0]
    assert first == [
        "t-SNE (perplexity=5)", "0.542", "local", "0.875", "0.938", "1.2", "0.25",
    ]  # fmt: skip


def order_of_marks(X, medal):
    """Misplaced, torn, merged and other rows, each by what says so, the worst first."""
    found = embedding_reliability(X, medal.embedding_)
    by = {"misplaced": "p_value", "torn": "tear", "merged": "overlap", "ok": "p_value"}
    rows = []
    for mark, name in by.items():
        here = np.flatnonzero(found.mark == mark)
        rows += here[np.argsort(-getattr(found, name)[here], kind="stable")].tolist()
    return rows, found


def test_rows_to_look_at_are_the_marked_ones(page, result, digits):
    expected, found = order_of_marks(digits[0], result.best_estimator_)
    rows = page.rows(2) + page.rows(3)
    assert [int(row[0]) for row in rows] == expected[:20]
    assert [row[3] for row in rows] == [str(digits[1][row]) for row in expected[:20]]
    assert [row[4] for row in rows] == found.mark[expected[:20]].tolist()
    assert f"{int(found.reliable.sum())} of 120 rows" in page.text


def test_the_verdict_of_an_audit_stands_beside_the_map(digits, tmp_path):
    X = digits[0]
    result = data.comparison(X, ALONE)
    audit = audit_embedding(X, result.best_estimator_.embedding_)
    page = write(result, tmp_path, X=X, audit=audit, audit_page="audit.html")
    assert [row[1] for row in page.rows(2)] == [one.answer for one in audit.verdict]
    assert "audit.html" in page.attributes("href")


def test_too_few_rows_are_not_marked(digits, tmp_path):
    X = digits[0][:12]
    page = write(data.comparison(X, ALONE), tmp_path, X=X)
    assert "too few rows to say where the map lies" in page.text
    assert "#worst" not in page.attributes("href")


def test_shift_test_is_that_of_the_map(page, result, digits):
    medal, X_new = result.best_estimator_, digits[2]
    found = medal.detect_shift(X_new)
    assert f"Shift {'found' if found.shifted else 'not found'} at level 0.05" in page.text
    assert f"{100 * found.fraction_flagged:.1f} % of 40 rows of march.csv" in page.text
    surprising = [int(row[0]) for row in page.rows(4)]
    expected = np.lexsort((-medal.distortion(X_new), found.sample_p_values))[:10]
    assert surprising == expected.tolist()


# the picture shows the same test, not that of a batch
@pytest.mark.filterwarnings(r"error:Groups \(1 of")
def test_with_groups_the_shift_test_is_named_that_was_made(digits, tmp_path):
    X, _, X_new = digits
    medal = MEDAL("pca", random_state=0).fit(X, groups=np.arange(len(X)) // 6)
    groups_new = 100 + np.arange(len(X_new)) // 8
    made = data.comparison(X, ALONE, medal=medal)
    made.to_report(tmp_path / "report.html", X=X, X_new=X_new, groups_new=groups_new)
    html = (tmp_path / "report.html").read_text(encoding="utf8")
    text, found = data.Page(html).text, medal.detect_shift(X_new, groups=groups_new)
    assert "Kolmogorov" not in text and "energy distance" not in text
    assert "mean log distortions of groups, by permutation" in text
    assert re.search("5 groups of [a-z ]+ with 20 groups of calibration rows", text)
    assert p_value(found.p_distortion) in text


def test_versions_seeds_and_code_to_repeat_it_are_given(page, html):
    assert "random_state 7" in page.text
    assert "python 3.11.9" in page.text
    assert "MEDAL(random_state=0, teacher='pca')".replace("'", "&#39;") in html
    assert "cv=3, n_repeats=1, select='one_std_err', confidence=0.95, random_state=7" in page.text


def test_data_are_summarised(page, digits):
    X, y, _ = digits
    assert f"Rows {len(X)}" in page.text
    assert "64, drawn as pictures of 8 × 8" in page.text
    sizes = np.bincount(y)
    assert f"digit: 10 classes: 0 ({sizes[0]}), 1 ({sizes[1]})" in page.text
    assert "march.csv, 40 rows" in page.text
    assert "Divided by 16." in page.text


def test_page_is_self_contained(page, html):
    sources = page.attributes("src")
    assert sources
    assert all(re.match(r"data:image/(png|svg\+xml);base64,", source) for source in sources)
    links = page.attributes("href")
    anchors = {f"#{anchor}" for anchor in page.attributes("id")}
    assert links
    assert set(links) <= anchors
    assert not {"script", "link", "iframe", "object", "form", "base"} & page.names()
    assert "url(" not in html
    assert "@import" not in html
    policy = [v for k, v in page.tags if v.get("http-equiv") == "Content-Security-Policy"]
    assert policy[0]["content"] == ("default-src 'none'; img-src data:; style-src 'unsafe-inline'")


def test_pictures_hold_no_script_and_no_foreign_address(page):
    drawn = [
        base64.b64decode(source.partition(",")[2]).decode()
        for source in page.attributes("src")
        if source.startswith("data:image/svg")
    ]
    assert drawn
    for svg in drawn:
        assert "<script" not in svg
        assert not re.search(r'href="(?!#|data:)', svg)


def test_pictures_have_alternative_texts_and_sizes(page):
    pictures = [attributes for tag, attributes in page.tags if tag == "img"]
    assert all(len(picture["alt"]) > 4 and int(picture["width"]) > 1 for picture in pictures)
    assert any("t-SNE (perplexity=5) 0.512" in picture["alt"] for picture in pictures)


def test_page_is_ordered_for_screen_readers(page):
    levels = [int(tag[1]) for tag in (tag for tag, _ in page.tags) if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert ("html", {"lang": "en"}) in page.tags
    assert all(
        attributes.get("scope") in ("col", "row") for tag, attributes in page.tags if tag == "th"
    )
    assert page.open == []
    anchors = page.attributes("id")
    assert len(anchors) == len(set(anchors))
    named = page.attributes("aria-labelledby")
    assert set(named) <= set(anchors)


def test_same_input_gives_the_same_file(result, digits, html, tmp_path):
    again = write_page(result, digits, tmp_path / "again.html")
    assert again.read_text(encoding="utf8") == html


def test_hostile_names_appear_as_text_only(digits, tmp_path):
    X = np.asarray(digits[0][:, :12] + np.arange(12) / 10)
    names = data.HOSTILE
    y = np.array([names[row % 12] for row in range(len(X))], dtype=object)
    rows = data.renamed(data.candidates(), (*names[:4], "mean", names[4], names[5]))
    frame = pd.DataFrame(X, columns=names, index=[f"{names[i % 12]}{i}" for i in range(len(X))])
    result = data.comparison(
        X, rows, versions={names[0]: names[1]}, medal=MEDAL("pca", random_state=0).fit(X)
    )
    page = write(
        result, tmp_path, X=frame, y=y, X_new=frame[:30], label_name=names[0],
        data_name=names[1], new_name=names[7], notes=names, command="\n".join(names[:10]),
    )  # fmt: skip
    assert not {"script", "svg", "b", "i"} & page.names()
    assert not [key for _, keys in page.tags for key in keys if key.startswith("on")]
    assert all(source.startswith("data:image/") for source in page.attributes("src"))
    assert page.open == []
    for name in names:
        assert plain(name) in page.text
    assert "{{7*7}}" in page.text


def test_hostile_names_are_drawn_without_mathematics(digits, tmp_path):
    X, y = digits[0], np.array([r"$\frac$", r"\$x$", "a$b$"] * 40)
    rows = tuple(
        replace(row, name=f"$\\bad{{ {row.name} $", group=f"$\\bad {row.group}$", selected=i == 1)
        for i, row in enumerate(data.candidates()[:4])
    )
    page = write(data.comparison(X, rows), tmp_path, X=X, y=y, label_name=r"$\sqrt$")
    assert r"$\bad{ t-SNE (perplexity=5) $" in page.text
    assert r"\$x$ (40)" in page.text


@pytest.mark.parametrize(
    "y",
    [
        None,
        np.where(np.arange(data.N_ROWS) < 20, np.nan, np.linspace(0, 1, data.N_ROWS)),
        np.array(["a", None, np.nan] * 40, dtype=object),
        [f"class {i}" for i in range(data.N_ROWS)],
        [True, False] * 60,
    ],
    ids=["none", "values", "missing", "many", "bool"],
)
def test_labels_of_any_kind_colour_the_map(y, digits, tmp_path):
    page = write(data.comparison(digits[0], ALONE), tmp_path, X=digits[0], y=y)
    assert ("Labels" in page.text) == (y is not None)
    assert any("coloured by label" in alt for alt in page.attributes("alt")) == (y is not None)


def test_frame_names_its_columns_and_rows(digits, tmp_path):
    columns = [f"pixel {i}" for i in range(64)]
    X = pd.DataFrame(digits[0], columns=columns, index=[f"image {i}" for i in range(data.N_ROWS)])
    result = data.comparison(digits[0], ALONE, medal=MEDAL("pca", random_state=0).fit(X))
    page = write(result, tmp_path, X=X)
    worst = order_of_marks(digits[0], result.best_estimator_)[0][0]
    first = page.rows(2)[0]
    assert first[0] == f"image {worst}"
    error = np.abs(digits[0][worst] - result.best_estimator_.reconstruct(X)[worst])
    named = re.findall(r"(pixel \d+):", first[-1])
    assert named == [columns[i] for i in np.argsort(-error)[:3]]
    with pytest.raises(ValueError, match="'pixel 63' where 'pixel 0' was"):
        write(result, tmp_path, X=X[columns[::-1]])


def test_sparse_rows_are_read_row_by_row(digits, tmp_path):
    X = sparse.csr_matrix(digits[0])
    page = write(data.comparison(X, ALONE), tmp_path, X=X, X_new=X[:30])
    assert "sparse, " in page.text
    assert len(page.rows(2)) == 20


def test_one_feature_and_a_map_of_one_coordinate(tmp_path):
    X = np.random.default_rng(0).normal(size=(40, 1))
    from sklearn.decomposition import PCA

    result = data.comparison(X, ALONE, medal=MEDAL(PCA(1), random_state=0).fit(X))
    page = write(result, tmp_path, X=X, feature_names=["height"], image_shape="auto")
    assert "1: height" in page.text
    assert page.rows(2)[0][-1].startswith("height: ")


def test_the_map_of_a_network_is_marked_by_the_default_student(digits, tmp_path):
    X = digits[0]
    medal = MEDAL("pca", decoder="mlp", max_iter=2, random_state=0, calibration="holdout").fit(X)
    page = write(data.comparison(X, ALONE, medal=medal), tmp_path, X=X, X_new=digits[2])
    expected, _ = order_of_marks(X, medal)
    assert [int(row[0]) for row in page.rows(2)] == expected[:20]


def test_leave_one_out_comparison_says_so(digits, tmp_path):
    rows = tuple(
        replace(row, evidence="leave-one-out", split_scores=(row.score,))
        if row.group != "mean"
        else row
        for row in data.candidates()
    )
    result = data.comparison(digits[0], rows, method="loo", n_splits=0)
    page = write(result, tmp_path, X=digits[0], command="sksubspace validate --method loo")
    assert "few hundredths optimistic" in page.text
    assert "rows left out in turn" in page.text
    assert "sksubspace validate --method loo" in page.text
    assert "from sksubspace.model_selection" not in page.text


def test_map_that_is_no_better_than_a_control_is_called_out(digits, tmp_path):
    rows = (
        data.candidate("UMAP", -0.02, 1, selected=True, tied=True),
        data.candidate("PCA (control)", 0.1, 2, role="control"),
        data.candidate("Permuted (control)", 0.2, 3, role="control"),
    )
    page = write(
        data.comparison(digits[0], rows, select="best", method="cv"), tmp_path, X=digits[0]
    )
    assert "The chosen map keeps no more than this." in page.text
    assert "That should be near zero" in page.text
    assert "no better than answering with the mean" in page.text
    assert "keeps 0 % of the variation" in page.text


def test_a_torn_map_that_is_not_chosen_is_explained(digits, tmp_path):
    rows = (
        data.candidate("cells", 0.52, 1, tied=True, continuous=0.1),
        data.candidate("t-SNE", 0.51, 2, tied=True, selected=True),
    )
    page = write(data.comparison(digits[0], rows), tmp_path, X=digits[0])
    assert [row[-1] for row in page.rows(0)] == ["best torn", "chosen tie"]
    assert "But cells is torn: its pieces say where a row is, not what is beside it" in page.text
    assert "continuous: R² where each row is put at the mean place" in page.text


def test_file_is_replaced_whole_and_nothing_is_left_beside_it(
    result, digits, tmp_path, monkeypatch
):
    page = "<!DOCTYPE html>é"
    monkeypatch.setattr("sksubspace.report._write.render", lambda *arguments: page)
    path = tmp_path / "report.html"
    path.write_text("old")
    write_report(result, str(path), X=digits[0])
    assert path.read_text(encoding="utf8") == page
    assert [entry.name for entry in tmp_path.iterdir()] == ["report.html"]

    def fail(*names):
        raise OSError("disk full")

    monkeypatch.setattr("os.replace", fail)
    path.write_text("old")
    with pytest.raises(OSError, match="disk full"):
        write_report(result, path, X=digits[0])
    assert [entry.name for entry in tmp_path.iterdir()] == ["report.html"]
    assert path.read_text() == "old"


def test_callers_data_and_the_process_are_left_alone(result, digits, tmp_path):
    X, y, X_new = (array.copy() for array in digits)
    for array in (X, y, X_new):
        array.flags.writeable = False
    state, settings = np.random.get_state()[1].copy(), dict(matplotlib.rcParams)
    write(result, tmp_path, X=X, y=y, X_new=X_new, image_shape=(8, 8))
    for array, original in zip((X, y, X_new), digits, strict=True):
        np.testing.assert_array_equal(array, original)
    np.testing.assert_array_equal(np.random.get_state()[1], state)
    assert dict(matplotlib.rcParams) == settings
    assert plt.get_fignums() == []


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"X": np.zeros((5, 64))}, ValueError, "X must be the 120 rows of the comparison, got 5"),
        ({"X": np.zeros((120, 3))}, ValueError, "X has 3 columns, .* on 64"),
        ({"X_new": np.zeros((9, 3))}, ValueError, "X_new has 3 columns, .* on 64"),
        ({"X_new": np.full((9, 64), np.nan)}, ValueError, "X_new contains NaN"),
        ({"y": [1, 2]}, ValueError, "y must have one label for each of 120 rows"),
        ({"feature_names": ["a"]}, ValueError, "feature_names has 1 names for 64 columns"),
        ({"image_shape": (3, 3)}, ValueError, "image_shape must be .* 64"),
        ({"image_shape": "square"}, ValueError, "'auto' or None, got 'square'"),
    ],
)
def test_what_does_not_fit_is_refused(arguments, error, message, result, digits, tmp_path):
    with pytest.raises(error, match=message):
        write_report(result, tmp_path / "page.html", **{"X": digits[0]} | arguments)
    assert list(tmp_path.iterdir()) == []


def test_folder_that_is_missing_is_named_before_any_work(result, tmp_path):
    with pytest.raises(ValueError, match=r"path must end in \.html, got 'audit\.pdf'"):
        write_report(result, tmp_path / "audit.pdf", X=None)
    with pytest.raises(FileNotFoundError, match=r"no folder .*nowhere"):
        write_report(result, tmp_path / "nowhere" / "page.html", X=None)
    with pytest.raises(IsADirectoryError, match="is a folder"):
        write_report(result, tmp_path, X=None)


@pytest.mark.parametrize("package", ["jinja2", "matplotlib"])
def test_missing_package_is_named_with_its_extra(package, result, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=rf'needs {package}.*pip install "sksubspace\[cli\]"'):
        write_report(result, tmp_path / "page.html", X=None)


def test_scaled_numbers_are_named(digits, tmp_path):
    X, y, X_new = digits
    result = data.comparison(X, ALONE)
    path = write_report(result, tmp_path / "page.html", X=X, y=y, X_new=X_new, units="z-scores")
    text = path.read_text(encoding="utf8")
    for words in ("(z-scores)", "reconstructed, in z-scores"):
        assert words in text
    plain_page = write_report(result, tmp_path / "plain.html", X=X, y=y)
    assert "z-scores" not in plain_page.read_text(encoding="utf8")


def test_the_second_batch_is_tested_by_its_groups(result, digits, tmp_path):
    X, _, X_new = digits
    with pytest.raises(ValueError, match="groups of a batch need"):
        write_report(
            result, tmp_path / "page.html", X=X, X_new=X_new, groups_new=np.arange(len(X_new)) % 5
        )
