"""The directive ``benchmark-table``: a CSV that a benchmark wrote, or how to make it."""

import csv
import io
import re
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import directives
from docutils.parsers.rst.directives.tables import CSVTable
from docutils.statemachine import StringList

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"


def literal_underscore(cell):
    """Keep a name such as ``best_score_`` from being read as a link."""
    return cell if "`" in cell else re.sub(r"_(?!\w)", r"\\_", cell)


def readable(cell):
    """A number to three decimals where more than four were written."""
    return f"{float(cell):.3f}" if re.fullmatch(r"-?\d+\.\d{5,}", cell) else cell


def selected(lines, rows=None, columns=None):
    """Cut a table down, as CSV: `rows` as in ``section=cells|cost``, `columns` split by ``|``."""
    table = list(csv.DictReader(lines))
    for condition in (rows or "").splitlines():
        name, values = (part.strip() for part in condition.split("=", 1))
        table = [row for row in table if row[name] in values.split("|")]
    if not table:
        raise ValueError(f"rows must leave some, got {rows!r}.")
    names = [name.strip() for name in columns.split("|")] if columns else list(table[0])
    written = io.StringIO()
    cells = [names, *([readable(row[name]) for name in names] for row in table)]
    csv.writer(written).writerows([map(literal_underscore, line) for line in cells])
    return written.getvalue().splitlines()


class BenchmarkTable(CSVTable):
    """Show ``benchmarks/results/<first argument>`` as a table, so that no number is typed twice.

    Further arguments are the caption, as in ``csv-table``. The options ``rows``, a condition on a
    line, and ``columns`` select.
    """

    required_arguments = 1
    option_spec = CSVTable.option_spec | {
        "rows": directives.unchanged_required,
        "columns": directives.unchanged_required,
    }

    def run(self):
        name, *self.arguments = self.arguments
        source = RESULTS / name
        self.state.document.settings.env.note_dependency(str(source))
        if not source.exists():
            return [self.how_to_make(name)]
        lines = source.read_text(encoding="utf-8").splitlines()
        lines = selected(lines, self.options.pop("rows", None), self.options.pop("columns", None))
        self.content = StringList(lines, source=str(source))
        self.options |= {"header-rows": 1, "widths": "auto", "class": ["benchmark"]}
        return super().run()

    def how_to_make(self, name):
        said = nodes.paragraph(text=f"benchmarks/results/{name} is not in this copy. To make it: ")
        said += nodes.literal(text="make bench")
        return nodes.note("", said)


def setup(app):
    app.add_directive("benchmark-table", BenchmarkTable)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
