"""The directive ``benchmark-table``: a CSV that a benchmark wrote, or how to make it."""

from pathlib import Path

from docutils import nodes
from docutils.parsers.rst.directives.tables import CSVTable

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"


class BenchmarkTable(CSVTable):
    """Show ``benchmarks/results/<first argument>`` as a table, so that no number is typed twice.

    Further arguments are the caption, as in ``csv-table``.
    """

    required_arguments = 1

    def run(self):
        name, *self.arguments = self.arguments
        source = RESULTS / name
        self.state.document.settings.env.note_dependency(str(source))
        if not source.exists():
            return [self.how_to_make(name)]
        self.options |= {"file": str(source), "header-rows": 1, "widths": "auto"}
        self.options["class"] = ["benchmark"]
        return super().run()

    def how_to_make(self, name):
        said = nodes.paragraph(text=f"benchmarks/results/{name} is not in this copy. To make it: ")
        said += nodes.literal(text="make bench")
        return nodes.note("", said)


def setup(app):
    app.add_directive("benchmark-table", BenchmarkTable)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
