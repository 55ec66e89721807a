"""Tables as they come: each with the score of the numbers that its author meant, or with advice."""

import importlib.util
import inspect
import json
from functools import cache

import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA

from sksubspace import MEDAL, load
from sksubspace.cli import main
from sksubspace.decoding import FourierRidge
from sksubspace.metrics import embedding_score
from sksubspace.model_selection import compare_embeddings

pytest.importorskip("skops")
pytest.importorskip("jinja2")

N_ROWS = 60
STUDENT = MEDAL(decoder=FourierRidge(n_frequencies=40), random_state=0)
KINDS = np.array(["red", "green", "blue"])[np.arange(N_ROWS) % 3]


def plain(digits=6, scale=1.0, shift=0.0):
    """Correlated columns a to e without order."""
    rng = np.random.default_rng(0)
    Z = rng.normal(size=(N_ROWS, 3))
    X = Z @ rng.normal(size=(3, 5)) + 0.3 * rng.normal(size=(N_ROWS, 5))
    return pd.DataFrame((X * scale + shift).round(digits), columns=list("abcde"))


def whole():
    return plain(0, 700.0, 6000.0).astype(int)


def r2(frame):
    """The same score, of the numbers in memory."""
    X = np.ascontiguousarray(frame, dtype=float)
    return _r2(X.tobytes(), X.shape)


@cache
def _r2(content, shape):
    X = np.frombuffer(content).reshape(shape)
    Z = PCA(2, random_state=0).fit_transform(X)
    return embedding_score(X, Z, student=STUDENT).r2


def csv(frame, **kwargs):
    return frame.to_csv(index=False, **kwargs)


def written(frame, write):
    """A table in which every number is written in some other way."""
    return csv(frame.map(write))


def one(column, values, frame=None):
    """The plain table with another column."""
    return csv((plain() if frame is None else frame).assign(**{column: values}))


def with_gaps():
    """Rows that `dropna` left, with their index."""
    frame = plain()
    frame.loc[frame.index % 7 == 3, "a"] = np.nan
    return frame.dropna()


def grouped(number):
    return f"{number:,}"


def european(number, digits=2):
    return f"{number:,.{digits}f}".translate(str.maketrans(",.", ".,"))


def years(first=1950, step=1, count=5):
    return [str(first + step * column) for column in range(count)]


ORDER = np.random.default_rng(1).permutation(N_ROWS)
HOLES = plain().mask(plain().eq(plain().iloc[4, 1]) | plain().eq(plain().iloc[9, 1]))
FILLED = HOLES.fillna(HOLES.median())
MEDIAN = ["--impute", "median"]
PERCENT = (100 * plain()).round(1)
MONEY = plain(2).abs()
ONE_HOT = plain().assign(**{f"k={kind}": (KINDS == kind) * 1.0 for kind in sorted({*KINDS})})

# name: (text, options, part of what is said on standard error, the numbers that were meant)
READ = {
    "index with gaps": (with_gaps().to_csv(), [], "row names", with_gaps()),
    "index of other numbers": (
        plain().set_index(np.linspace(-5, 80, N_ROWS)).to_csv(), [], "row names", plain(),
    ),
    "index written twice": (
        plain().reset_index(names="Unnamed: 0").to_csv(), [], "'Unnamed: 0', is left out", plain(),
    ),
    "names of rows by R": (
        "a,b,c,d,e\n" + plain().to_csv(header=False), [], "row names", plain(),
    ),
    "id that counts": (
        csv(plain().reset_index(names="id")), [], "'id' counts the rows: it is left out", plain(),
    ),
    "another that counts": (
        one("t", range(7, 67)), [], "column 't' counts the rows: it is left out", plain(),
    ),
    "id in disorder": (one("cell_id", ORDER), [], "'cell_id' has another value", plain()),
    "id with gaps": (
        one("id", pd.Series(ORDER).where(ORDER % 7 > 0).astype("Int64")), [],
        "'id' has another value in every row: it is left out and names the rows", plain(),
    ),
    "id of text": (
        one("PassengerId", [f"p{i}" for i in ORDER]), [], "'PassengerId' has another", plain(),
    ),
    "id that is kept": (
        one("id", range(N_ROWS)), ["--keep", "id", "--scale", "standard"], "",
        (plain().assign(id=range(N_ROWS)) - plain().assign(id=range(N_ROWS)).mean())
        / plain().assign(id=range(N_ROWS)).std(ddof=0),
    ),
    "a column that rises stays": (
        one("f", np.sort(plain()["a"] + 9)), [], "'f' rises from row to row; if it is no feature: "
        "--drop f", plain().assign(f=np.sort(plain()["a"] + 9)),
    ),
    "a label in numbers": (
        one("kind", [3, 1, 2] * 20), [], "'kind' holds 3 whole numbers and is a feature; if it is "
        "a label: --label kind, or --drop kind", plain().assign(kind=[3, 1, 2] * 20),
    ),
    "a label in numbers with gaps": (
        one("kind", [3, None, 2] * 20), ["--impute", "median"], "'kind' holds 2 whole numbers",
        plain().assign(kind=[3, 2.5, 2] * 20),
    ),
    "whole numbers throughout are no labels": (
        csv(plain().round() % 3), [], "", plain().round() % 3,
    ),
    "a label that is dropped too": (
        one("kind", KINDS), ["--label", "kind", "--drop", "kind"], "", plain(),
    ),
    "thousands": (
        written(whole(), grouped), ["--thousands", ","], "", whole(),
    ),
    "European": (csv(plain(), sep=";", decimal=","), [], "; between columns and ,", plain()),
    "European, delimiter named": (
        csv(plain(), sep=";", decimal=","), ["--delimiter", ";"], ", as decimal mark", plain(),
    ),
    "European with thousands": (
        csv((plain(2, 3000.0)).map(european), sep=";"), [], "; between", plain(2, 3000.0),
    ),
    "European without a header": (
        csv(plain(), sep=";", decimal=",", header=False), [], "taken as data", plain(),
    ),
    "European with tabs": (
        csv(plain(), sep="\t", decimal=","), ["--delimiter", "tab"], ", as decimal", plain(),
    ),
    "semicolons and points": (csv(plain(), sep=";"), [], "; between columns", plain()),
    "years": (
        csv(plain().set_axis(years(), axis=1)), [], "(1950 to 1954) and is taken as column names",
        plain(),
    ),
    "wavelengths that fall, rounded": (
        csv(plain(shift=9).set_axis(["400.0", "398.1", "396.2", "394.2", "392.3"], axis=1)), [],
        "evenly spaced", plain(),
    ),
    "years that are data": (
        csv(plain().set_axis(years(), axis=1)), ["--header", "no"], "",
        pd.concat([pd.DataFrame([range(1950, 1955)], columns=list("abcde")), plain()]),
    ),
    "uneven years": (
        csv(plain().set_axis(["1950", "1951", "1960", "1970", "1971"], axis=1)),
        ["--header", "yes"], "", plain(),
    ),
    "a first line of data": (csv(plain(), header=False), [], "--header yes", plain()),
    "rows of a ramp are data": (
        csv(plain() + 50 * np.arange(5), header=False), [], "taken as data",
        plain() + 50 * np.arange(5),
    ),
    "question marks": (
        csv(HOLES, na_rep="?"), ["--na-values", "?", *MEDIAN], "missing values (2)", FILLED,
    ),
    "-9999": (
        csv(HOLES, na_rep="-9999"), ["--na-values", "-9999", *MEDIAN], "missing values (2)",
        FILLED,
    ),
    "-9999 unsaid": (
        csv(HOLES, na_rep="-9999"), ["--quiet"], "-9999 in 'b' (2 cells)", HOLES.fillna(-9999),
    ),
    "percent": (written(PERCENT, "{}%".format), [], "12% is read as 12", PERCENT),
    "dollars": (written(MONEY, "${}".format), [], "$1.2 is read as 1.2", MONEY),
    "euros behind": (written(MONEY, "{} €".format), [], "€1.2 is read as 1.2", MONEY),
    "dollars in thousands": (
        written(whole(), "${:,}".format), ["--thousands", ","], "$1.2 is", whole(),
    ),
    "unicode minus": (written(plain(), lambda v: str(v).replace("-", "−")), [], "", plain()),
    "yes and no": (
        one("k", np.where(KINDS == "red", "Yes", "no")), [], "yes is read as 1 and no as 0 in 'k'",
        plain().assign(k=(KINDS == "red") * 1.0),
    ),
    "true and false with gaps": (
        one("k", np.where(KINDS == "red", None, KINDS == "blue")), MEDIAN, "true is read as 1",
        plain().assign(k=np.where(KINDS == "red", 0.5, (KINDS == "blue") * 1.0)),
    ),
    "lists": (
        one("v", [f"[{a}, 1]" for a in plain()["b"]]), [], "each of their 2 entries is a column",
        plain().assign(v=plain()["b"], w=1),
    ),
    "a dash for a gap": (csv(HOLES, na_rep="--"), ["--na-values", "-- ", *MEDIAN], "(2)", FILLED),
    "lines with #": (
        "# of an instrument\n# at noon\n" + csv(plain()) + "# end\n", ["--comment", "#"], "",
        plain(),
    ),
    "a header with #": ("# " + csv(plain()), [], "", plain()),
    "categories": (
        one("k", KINDS), ["--one-hot", "k"], "", ONE_HOT,
    ),
    "labels with gaps": (
        one("k", np.where(np.arange(N_ROWS) % 9 == 2, None, KINDS)), ["--label", "k"],
        "missing in 7 of 60 rows, which are the group \"missing\"", plain(),
    ),
    "values for labels with gaps": (
        one("k", np.where(np.arange(N_ROWS) % 9 == 2, np.nan, plain()["a"])), ["--label", "k"],
        "missing in 7 of 60 rows, which have no colour", plain(),
    ),
    "names of rows": (one("name", [f"r{i}" for i in ORDER]), ["--id", "name"], "", plain()),
    "one large column": (
        csv(plain() * [1, 1, 50, 1, 1]), ["--quiet"], "column 'c' has 100 % of all variance",
        plain() * [1, 1, 50, 1, 1],
    ),
}  # fmt: skip


@pytest.fixture
def no_report(monkeypatch):
    """Neither pages nor what stands on them alone: the audit of the chosen map, and controls."""
    monkeypatch.setattr("sksubspace.report.write_report", lambda *args, **kwargs: None)
    monkeypatch.setattr("sksubspace.cli._validate._audit_of_the_chosen", lambda *args: None)
    quick = {"controls": False, "metrics": (), "student": STUDENT}

    def compared(*args, **kwargs):
        return compare_embeddings(*args, **{**kwargs, **quick})

    monkeypatch.setattr("sksubspace.model_selection.compare_embeddings", compared)


def validate(folder, text, *options, name="data.csv"):
    path = folder / name
    if text is not None:
        path.write_text(text, encoding="utf-8")
    words = ["validate", str(path), "--teachers", "pca", "--method", "loo", "--n-jobs", "1"]
    return main([*words, "--out", str(folder / "out"), *options])


def score(folder):
    results = json.loads((folder / "out" / "results.json").read_text(encoding="utf-8"))
    return next(row["score"] for row in results["results"] if row["name"] == "PCA"), results


@pytest.mark.parametrize("case", READ)
def test_the_numbers_that_were_meant(case, tmp_path, no_report, capsys):
    text, options, said, meant = READ[case]
    assert validate(tmp_path, text, *options) == 0
    found, results = score(tmp_path)
    assert (results["n_samples"], results["n_features"]) == meant.shape
    assert found == pytest.approx(r2(meant), abs=1e-6)
    assert said in capsys.readouterr().err


DATES = pd.date_range("2024-01-01", periods=N_ROWS)
# name: (text, options, parts of the line, what must not be in it)
REFUSED = {
    "thousands": (written(whole(), grouped), [], ["'a'", "--thousands ,"], ["--decimal", "--drop"]),
    "thousands or decimals": (
        csv(plain(3, 0.1, 4).map(european, digits=3), sep=";"), [],
        ["--thousands ,", "--decimal ,"], ["--drop"],
    ),
    "decimals in quotes": (csv(plain(), decimal=","), [], ["--decimal ,"], ["--thousands"]),
    "European whole thousands": (
        csv(plain(2).assign(e=whole()["e"].map("{:,}".format).str.replace(",", ".") + ".000")
            .map(lambda v: str(v) if isinstance(v, str) else european(v)), sep=";"), [],
        ["'e'", "--thousands ."], ["--thousands ,"],
    ),
    "question marks": (
        csv(HOLES, na_rep="?"), [], ["'?' (2 cells", "--na-values '?'"], ["--decimal"],
    ),
    "a dash for a gap": (csv(HOLES, na_rep="--"), [], ["--na-values '-- '"], ["--label"]),
    "thousands by spaces": (
        written(whole(), lambda v: grouped(v).replace(",", " ")), [], ["--thousands ' '"],
        ["--drop"],
    ),
    "a column without another value": (one("k", "red"), [], ["one value alone"], ["--label"]),
    "text in every column": (
        csv(plain().map(lambda v: f"v{v:.0f}")), [], ["no column is"], ["--drop"],
    ),
    "gaps in every column": (
        csv(plain().mask(plain() > 1)), [], ["missing values", "--impute median"], ["--drop"],
    ),
    "some percent": (
        one("p", ["3%", "4"] * 30), [], ["'p'", "same unit"], ["--decimal"],
    ),
    "dates": (one("day", DATES), [], ["'day'", "dates and times", "--drop day"], ["--label"]),
    "categories": (
        one("kind", KINDS), [], ["--label kind", "--one-hot kind", "--drop kind"], ["--id"],
    ),
    "donors": (one("donor", KINDS), [], ["--groups donor leaves its rows out"], ["--one-hot"]),
    "names": (
        one("name", [f"r{i}" for i in ORDER]), [], ["'name' differs in every row", "--id name"],
        ["--label"],
    ),
    "comments": ("# made\n# here\n" + csv(plain()), [], ["first 2 lines", "--comment '#'"], []),
    "categories without end": (
        one("k", [f"r{i}" for i in ORDER]), ["--one-hot", "k"], ["too many for --one-hot"], [],
    ),
    "keep what is not there": (csv(plain()), ["--keep", "id"], ["'id' for --keep"], []),
    "both marks the same": (
        csv(plain()), ["--thousands", "."], ["--thousands . is also the decimal mark"], [],
    ),
    "no thousands": (
        csv(plain(1), decimal=","), ["--thousands", ","], ["no groups of three", "--decimal ,"],
        ["--drop"],
    ),
    "groups with gaps": (
        one("donor", np.where(np.arange(N_ROWS) == 5, None, KINDS)), ["--groups", "donor"],
        ["'donor' is missing in 1 of 60 rows (5, counted from 0)"], [],
    ),
    "groups with gaps, named": (
        plain().assign(donor=np.where(np.arange(N_ROWS) == 5, None, KINDS))
        .set_index("c" + plain().index.astype(str)).to_csv(), ["--groups", "donor"],
        ["missing in 1 of 60 rows (c5)"], [],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_the_advice_mends_it(case, tmp_path, capsys):
    text, options, parts, never = REFUSED[case]
    assert validate(tmp_path, text, *options) == 2
    out, err = capsys.readouterr()
    line = err.splitlines()[-1]
    assert out == ""
    assert line.startswith("sksubspace: error: ")
    assert [part for part in parts if part not in line] == []
    assert [part for part in never if part in line] == []


# ---- other files ---------------------------------------------------------------------------------


def test_a_parquet_column_of_lists_is_an_embedding(tmp_path, no_report, capsys):
    pytest.importorskip("pyarrow")
    lists = pd.DataFrame({"vector": plain().to_numpy().tolist(), "size": plain()["a"].rank()})
    lists.to_parquet(tmp_path / "data.parquet")
    assert validate(tmp_path, None, name="data.parquet") == 0
    meant = plain().assign(size=plain()["a"].rank())
    assert score(tmp_path)[0] == pytest.approx(r2(meant), abs=1e-6)
    assert "'vector' holds lists: each of their 5 entries is a column" in capsys.readouterr().err
    model = load(tmp_path / "out" / "best.skops")
    assert list(model.feature_names_in_) == [f"vector_{entry}" for entry in range(5)] + ["size"]


def test_lists_of_different_lengths_are_refused(tmp_path, capsys):
    pytest.importorskip("pyarrow")
    pd.DataFrame({"v": [[1.0, 2.0], [3.0]] * 10}).to_parquet(tmp_path / "data.parquet")
    assert validate(tmp_path, None, name="data.parquet") == 2
    assert "different lengths, from 1 to 2" in capsys.readouterr().err


def test_marks_of_missing_values_in_arrays(tmp_path, no_report):
    np.save(tmp_path / "data.npy", HOLES.fillna(-9999))
    options = ["--na-values", "-9999", *MEDIAN]
    assert validate(tmp_path, None, *options, name="data.npy") == 0
    assert score(tmp_path)[0] == pytest.approx(r2(FILLED), abs=1e-6)


def test_a_sheet_without_openpyxl_is_to_be_saved_as_csv(tmp_path, monkeypatch, capsys):
    find = importlib.util.find_spec
    hidden = lambda name, *more: None if name == "openpyxl" else find(name, *more)  # noqa: E731
    monkeypatch.setattr("sksubspace.cli._text.find_spec", hidden)
    assert validate(tmp_path, "PK", name="data.xlsx") == 2
    assert "save as CSV" in capsys.readouterr().err
    assert validate(tmp_path, "PK", name="data.ods") == 2
    assert ".ods is not read; save as CSV" in capsys.readouterr().err


def test_a_sheet(tmp_path, no_report):
    pytest.importorskip("openpyxl")
    plain().set_axis(years(), axis=1).rename_axis(None).to_excel(tmp_path / "data.xlsx")
    assert validate(tmp_path, None, name="data.xlsx") == 0
    assert score(tmp_path)[0] == pytest.approx(r2(plain()), abs=1e-6)


# ---- what stays with the rows --------------------------------------------------------------------


def named(frame=None):
    frame = plain() if frame is None else frame
    return frame.assign(name=[f"=r{row}" for row in ORDER[: len(frame)]])


def test_names_stay_in_the_report_and_in_files(tmp_path, capsys):
    (tmp_path / "new.csv").write_text(csv(named()), encoding="utf-8")
    options = ["--id", "name", "--new", str(tmp_path / "new.csv"), "--scale", "standard"]
    assert validate(tmp_path, csv(named()), *options) == 0
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert sum(f">=r{row}<" in page for row in ORDER) >= 20  # the worst rows
    assert "in z-scores" in page
    assert "(z-scores)" in page
    model, new = str(tmp_path / "out" / "best.skops"), str(tmp_path / "new.csv")
    for verb in ("transform", "shift"):
        assert main([verb, model, new, "--output", str(tmp_path / "rows.csv")]) == 0
        rows = pd.read_csv(tmp_path / "rows.csv")["row"].tolist()
        assert rows == [f"'=r{row}" for row in ORDER]  # no formula for a spreadsheet
    assert "distortions are of z-scores" in capsys.readouterr().err
    places, back = str(tmp_path / "places.csv"), str(tmp_path / "back.csv")
    assert main(["transform", model, new, "--output", places]) == 0
    assert main(["transform", model, places, "--inverse", "--output", back]) == 0
    assert pd.read_csv(back)["row"].tolist() == rows


def test_columns_that_begin_a_formula_come_back(tmp_path, no_report):
    frame = plain().set_axis(["=a", "+b", "@c", "-d", "-5"], axis=1)
    assert validate(tmp_path, csv(frame)) == 0
    model, data = str(tmp_path / "out" / "best.skops"), str(tmp_path / "data.csv")
    places, back = str(tmp_path / "places.csv"), str(tmp_path / "back.csv")
    assert main(["transform", model, data, "--output", places]) == 0
    assert main(["transform", model, places, "--inverse", "--output", back]) == 0
    assert pd.read_csv(back).columns.tolist() == ["'=a", "'+b", "'@c", "'-d", "-5"]
    assert main(["shift", model, back]) == 0


def test_categories_of_new_rows_are_those_of_training(tmp_path, no_report, capsys):
    assert validate(tmp_path, one("k", KINDS), "--one-hot", "k") == 0
    model = load(tmp_path / "out" / "best.skops")
    kinds = np.array(["green", "violet", "red"] * 4)
    new = plain().head(12).assign(k=kinds)
    (tmp_path / "new.csv").write_text(csv(new), encoding="utf-8")
    capsys.readouterr()
    assert main(["transform", str(tmp_path / "out" / "best.skops"), str(tmp_path / "new.csv"),
                 "--output", str(tmp_path / "places.csv")]) == 0  # fmt: skip
    assert "categories that training had not ('violet')" in capsys.readouterr().err
    seen = new.drop(columns="k").assign(
        **{f"k={kind}": (kinds == kind) * 1.0 for kind in ("blue", "green", "red")}
    )
    np.testing.assert_allclose(
        pd.read_csv(tmp_path / "places.csv"), model.transform(seen), rtol=1e-10
    )


@pytest.mark.skipif(
    "groups" not in inspect.signature(compare_embeddings).parameters,
    reason="compare_embeddings has no groups yet",
)
def test_groups_are_left_out_together(tmp_path, no_report, capsys):
    donor = pd.Series(np.arange(N_ROWS) // 6).map("d{}".format)
    frame = plain() + 3 * plain().groupby(donor).transform("first")
    assert validate(tmp_path, one("donor", donor, frame), "--groups", "donor") == 0
    Z = PCA(2, random_state=0).fit_transform(frame)
    expected = embedding_score(frame, Z, student=STUDENT, groups=donor.to_numpy()).r2
    assert score(tmp_path)[0] == pytest.approx(expected, abs=1e-6)
    model, data = str(tmp_path / "out" / "best.skops"), str(tmp_path / "data.csv")
    assert load(model).groups_given_
    capsys.readouterr()
    assert main(["shift", model, data]) == 0
    found = capsys.readouterr()
    assert "between groups (10 of the batch, 10 known)" in found.out
    assert "warning: 10 of the 10 groups of the batch are among those that the map" in found.err


def test_groups_need_a_model_with_groups(tmp_path, no_report, capsys):
    assert validate(tmp_path, csv(plain())) == 0
    (tmp_path / "new.csv").write_text(one("donor", KINDS), encoding="utf-8")
    words = ["shift", str(tmp_path / "out" / "best.skops"), str(tmp_path / "new.csv")]
    assert main([*words, "--groups", "donor"]) == 2
    assert "--groups needs a model that was made with --groups" in capsys.readouterr().err


def test_new_rows_that_are_text_are_to_be_numbers(tmp_path, no_report, capsys):
    assert validate(tmp_path, csv(plain())) == 0
    model, new = str(tmp_path / "out" / "best.skops"), tmp_path / "new.csv"
    for values, advice in ((KINDS, "in training they were numbers"), (["?", "1"] * 30, "--na-v")):
        new.write_text(csv(plain().assign(b=values)), encoding="utf-8")
        assert main(["transform", model, str(new)]) == 2
        line = capsys.readouterr().err.splitlines()[-1]
        assert advice in line
        assert "--drop" not in line
