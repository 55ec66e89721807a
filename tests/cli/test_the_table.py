"""Tables as they come: each with the score of the numbers that its author meant, or with advice."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA

from sksubspace.cli import main
from sksubspace.metrics import embedding_score

pytest.importorskip("skops")
pytest.importorskip("jinja2")

N_ROWS = 60
KINDS = np.array(["red", "green", "blue"])[np.arange(N_ROWS) % 3]


def plain(digits=6, scale=1.0, shift=0.0):
    """Correlated columns a to e without order."""
    rng = np.random.default_rng(0)
    Z = rng.normal(size=(N_ROWS, 3))
    X = Z @ rng.normal(size=(3, 5)) + 0.3 * rng.normal(size=(N_ROWS, 5))
    return pd.DataFrame((X * scale + shift).round(digits), columns=list("abcde"))


def whole():
    return plain(0, 700.0, 6000.0).astype(int)


def r2(frame, columns=None):
    """The same score, of the numbers in memory."""
    X = frame[columns or list(frame)].to_numpy(dtype=float)
    return embedding_score(X, PCA(2, random_state=0).fit_transform(X), random_state=0).r2


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
    monkeypatch.setattr("sksubspace.report.write_report", lambda *args, **kwargs: None)


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
