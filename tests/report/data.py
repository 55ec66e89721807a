"""A small comparison made by hand around a real map, and a parser that records a page."""

from dataclasses import replace
from html.parser import HTMLParser

from sklearn.datasets import load_digits

from sksubspace import MEDAL
from sksubspace.model_selection import CandidateResult, EmbeddingComparison

N_ROWS, N_NEW = 120, 40
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(2)>',
    "' onmouseover='alert(3)",
    r"$\frac$",
    "a $ b $ c^{",
    "{{7*7}}",
    "{% raw %}",
    "</style><b>",
    "--><svg/onload=alert(4)>",
    "&lt;i&gt;",
    "nul\x00 and bell\x07",
    "x" * 500,
)


def digits():
    """Return rows of small pictures, their labels, and further rows."""
    X, y = load_digits(return_X_y=True)
    X = X / 16
    return X[:N_ROWS], y[:N_ROWS], X[N_ROWS : N_ROWS + N_NEW]


def candidate(name, score, rank, **fields):
    """Return a row of a comparison."""
    splits = tuple(score + step for step in (-0.02, 0.0, 0.02))
    defaults = {
        "group": name, "params": {}, "standard_error": 0.0125, "split_scores": splits,
        "loo_score": score + 0.03, "difference": score - 0.512,
        "difference_interval": (score - 0.532, score - 0.492), "encoder": "local",
        "placement_r2": 0.875, "metrics": {"trustworthiness": 0.9375}, "teacher_seconds": 1.25,
        "student_seconds": 0.25, "continuous": 0.95 * score, "global_share": 0.62,
    }  # fmt: skip
    return CandidateResult(name=name, score=score, rank=rank, **defaults | fields)


def candidates():
    """Return the rows of a comparison with a grid, ties, controls and a failure."""
    leave_one_out = {"evidence": "leave-one-out", "split_scores": (0.41,)}
    return (
        candidate("t-SNE (perplexity=5)", 0.512, 1, group="t-SNE", params={"perplexity": 5},
                  tied=True, difference_interval=(0.0, 0.0)),
        candidate("t-SNE (perplexity=20)", 0.507, 2, group="t-SNE", params={"perplexity": 20},
                  tied=True, selected=True),
        candidate("Isomap", 0.41, 3, **leave_one_out),
        candidate("PCA", 0.39, 4, encoder="linear", continuous=0.1),
        candidate("mean", 0.0, 5, role="control", evidence="definition", metrics={}),
        candidate("permuted", -0.031, 6, role="control", metrics={}),
        CandidateResult("broken", "broken", {}, rank=7, error="ValueError: too <few> rows"),
    )  # fmt: skip


def comparison(X, rows=None, **fields):
    """Return a comparison of `rows` whose chosen map is a real one of X."""
    rows = candidates() if rows is None else rows
    medal = fields.pop("medal", None) or MEDAL(teacher="pca", random_state=0).fit(X)
    n_samples, n_features = X.shape
    defaults = {
        "method": "auto", "select": "one_std_err", "confidence": 0.95, "n_splits": 3,
        "n_repeats": 1, "random_state": 7, "versions": {"python": "3.11.9", "numpy": "2.4.6"},
        "order": tuple(row.name for row in rows if row.role == "candidate"),
        "best_name_": next(row.name for row in rows if row.selected),
    }  # fmt: skip
    return EmbeddingComparison(
        results=tuple(rows), n_samples=n_samples, n_features=n_features, best_estimator_=medal,
        **defaults | fields,
    )  # fmt: skip


def renamed(rows, names):
    """Return rows under other names, each its own group's name too."""
    return tuple(
        replace(row, name=name, group=name if row.role == "candidate" else row.group)
        for row, name in zip(rows, names, strict=True)
    )


class Page(HTMLParser):
    """What a browser would make of a page: tags with attributes, and the text of each element."""

    INLINE = {"a", "span"}
    VOID = {"meta", "img", "br", "link", "input"}

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.tags, self.texts, self.open, self.tables = [], [], [], []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in self.VOID:
            self.open.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
        if tag not in self.INLINE:
            self.texts.append(" ")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, f"</{tag}> closes something else"

    def handle_data(self, data):
        if "style" in self.open:
            return
        self.texts.append(data)
        if "td" in self.open or "th" in self.open:
            self.tables[-1][-1][-1] += f"{data} "

    @property
    def text(self):
        """All text, in one line."""
        return " ".join("".join(self.texts).split())

    def rows(self, table):
        """Return the texts of a table's cells, without its header."""
        return [[" ".join(cell.split()) for cell in row] for row in self.tables[table][1:]]

    def names(self):
        """Return the set of tags."""
        return {tag for tag, _ in self.tags}

    def attributes(self, name):
        """Return the values of an attribute, wherever it stands."""
        return [attributes[name] for _, attributes in self.tags if name in attributes]
