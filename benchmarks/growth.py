"""How time and memory grow: every estimator by rows and by columns, beside umap-learn.

Each fit is a process of its own, on one thread, with a limit of CPU seconds and of memory. A row of
the table of sizes ends where a fit passes the budget, or where it would even if time grew with the
rows only linearly.

    python benchmarks/growth.py --budget 30
    python benchmarks/growth.py --sections rows --estimators TLDR UMAP
"""

import argparse
import json
import resource
import signal
import subprocess
import sys
import time

import numpy as np
from _common import RESULTS, as_markdown, one_thread, print_table, read_csv, short, write_csv
from _growth_cases import CASES, MILLION, make_rows
from _growth_landmarks import landmarks
from medal_memory import peak_gib

ROWS = (1_000, 5_000, 25_000, 50_000, 100_000, 400_000, 1_000_000)
COLUMNS = (50, 500, 5_000)
N_COLUMNS, N_ROWS, N_NEW = 50, 2_000, 1_000
# exponents are those of fits on more rows than this
MANY = 20_000
ASKED_EXPONENT, ASKED_GIB = 1.3, 3
# an exponent needs sizes so many times as large as others: less is noise
SPAN = 4
# address space of a fit, of which the libraries map more than they use
LIMIT_GIB = 10
# a fit may take so many budgets, so that there are two from which to tell an exponent; libraries
# and rows take CPU seconds too
LATEST, LIBRARIES, COMPILED = 2, 10, 150
STATUS = {
    "cpu": "over the budget",
    "memory": "over the memory",
    "refused": "refused: too few rows",
    "error": "failed",
}
# how a process ends that is out of memory, or whose estimator refuses the rows
_NO_MEMORY, _REFUSED = 3, 4
FIELDS = ("section", "estimator", "n", "d", "dtype", "fit_cpu_s", "new_cpu_s", "base_gib",
          "fit_gib", "new_gib", "status")  # fmt: skip
# what memory is subtracted, and what a cell holds
LEGEND = """CPU seconds of `fit` on one thread, and GiB that it took beyond what the process held \
before: the libraries and the rows."""


def measure(name, n, d, dtype):
    """Fit in this process, then place 1,000 new rows: CPU seconds and peaks in GiB."""
    case = CASES[name]
    X, y, Z = make_rows(n + N_NEW, d, dtype)
    new, X, y, Z = X[n:].copy(), X[:n].copy(), y[:n], Z[:n]
    if case.warm_up:
        W, w, V = make_rows(case.warm_up, d, dtype)
        _place(case, case.fit(case.make(d), W, w, V), new[:10])
    base, start = peak_gib(), time.process_time()
    model = case.fit(case.make(d), X, y, Z)
    fitted, peak = time.process_time(), peak_gib()
    found = {"fit_cpu_s": fitted - start, "base_gib": base, "fit_gib": peak}
    if _place(case, model, new):
        found |= {"new_cpu_s": time.process_time() - fitted, "new_gib": peak_gib()}
    return found


def _place(case, model, rows):
    """Place new rows, and say whether the estimator does."""
    if case.place is not None:
        case.place(model, rows)
    return case.place is not None


def child(name, n, d, dtype, budget):
    """Measure within limits, and print what was found."""
    most = round(LATEST * budget) + (COMPILED if CASES[name].warm_up else LIBRARIES)
    resource.setrlimit(resource.RLIMIT_CPU, (most, most + 5))
    resource.setrlimit(resource.RLIMIT_AS, (LIMIT_GIB * 2**30, LIMIT_GIB * 2**30))
    try:
        with one_thread():
            print(json.dumps(measure(name, n, d, dtype)))
    except (MemoryError, RuntimeError) as error:
        is_memory = isinstance(error, MemoryError) or "allocate" in str(error)
        print(error, file=sys.stderr)
        sys.exit(_NO_MEMORY if is_memory else 1)
    except ValueError as error:
        print(error, file=sys.stderr)
        sys.exit(_REFUSED if "rows" in str(error) else 1)


def measured(section, name, n, d, dtype, budget):
    """One row of the table, from a process of its own."""
    command = [sys.executable, "-W", "ignore", __file__, "--case", name, "--size", str(n), str(d)]
    command += ["--dtype", dtype, "--budget", str(budget)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    row = dict.fromkeys(FIELDS, "") | {
        "section": section, "estimator": name, "n": n, "d": d, "dtype": dtype,
    }  # fmt: skip
    if done.returncode == 0:
        found = json.loads(done.stdout.splitlines()[-1])
        status = STATUS["cpu"] if found["fit_cpu_s"] > budget else "measured"
        return row | {key: f"{value:.4g}" for key, value in found.items()} | {"status": status}
    killed = done.returncode in (-signal.SIGXCPU, -signal.SIGKILL)
    kinds = {_NO_MEMORY: "memory", _REFUSED: "refused"}
    kind = "cpu" if killed else kinds.get(done.returncode, "error")
    if kind == "error":
        print(done.stderr[-600:], file=sys.stderr)
    return row | {"status": STATUS[kind]}


def by_size(section, name, sizes, budget):
    """Rows of one estimator, until one does not end within the limits."""
    rows = []
    for n, d in sizes:
        if rows and float(rows[-1]["fit_cpu_s"]) * n > LATEST * budget * rows[-1]["n"]:
            break
        rows.append(measured(section, name, n, d, "float32", budget))
        if rows[-1]["status"] != "measured":
            break
    return rows


def million(name, budget, _sizes):
    """A million rows of 30 columns, in double precision."""
    return [measured("million", name, 1_000_000, 30, "float64", budget)]


def by_rows(name, budget, sizes):
    return by_size("rows", name, [(n, N_COLUMNS) for n in sizes], budget)


def by_columns(name, budget, _sizes):
    return by_size("columns", name, [(N_ROWS, d) for d in COLUMNS], budget)


SECTIONS = {"rows": by_rows, "columns": by_columns, "million": million}


def exponent(rows, axis="n", above=MANY):
    """Slope of log CPU seconds of fit on log size, by least squares; None of too few sizes."""
    used = [(float(row[axis]), float(row["fit_cpu_s"])) for row in rows if row["fit_cpu_s"]]
    used = [(size, seconds) for size, seconds in used if size > above]
    if not used or max(used)[0] < SPAN * min(used)[0]:
        return None
    sizes, seconds = np.log(np.array(used)).T
    return float(np.polyfit(sizes, seconds, 1)[0])


def cell(row):
    """What a table shows of one fit."""
    if row is None:
        return ""
    if not row["fit_cpu_s"]:
        return row["status"]
    added = max(float(row["fit_gib"]) - float(row["base_gib"]), 0)
    return f"{short(float(row['fit_cpu_s']))} s, {added:.2f} GiB"


def size_table(rows, section, axis, sizes, above):
    """Estimators by sizes, with the exponent at the end."""
    table = []
    for name in CASES:
        own = [row for row in rows if (row["section"], row["estimator"]) == (section, name)]
        if not own:
            continue
        by = {int(row[axis]): row for row in own}
        slope = exponent(own, axis, above)
        line = {"estimator": name} | {f"{size:,}": cell(by.get(size)) for size in sizes}
        if section == "rows":
            last = own[-1] if own[-1]["new_cpu_s"] else own[-2] if len(own) > 1 else own[-1]
            new = last["new_cpu_s"]
            line["1,000 new rows"] = f"{short(float(new))} s" if new else ""
        line["exponent"] = "" if slope is None else f"{slope:.2f}"
        if section == "rows":
            line["met"] = "" if slope is None else "yes" if slope <= ASKED_EXPONENT else "no"
        table.append(line)
    return table


def million_table(rows):
    """Peaks of whole processes, the libraries and the rows with them."""
    return [
        {
            "estimator": row["estimator"], "dtype": row["dtype"], "CPU s of fit": row["fit_cpu_s"],
            "held before fit, GiB": row["base_gib"], "peak, GiB": row["fit_gib"] or row["status"],
            "asked": f"<= {ASKED_GIB}",
            "met": "yes" if row["fit_gib"] and float(row["fit_gib"]) <= ASKED_GIB else "no",
        }
        for row in rows
        if row["section"] == "million"
    ]  # fmt: skip


def identity(row):
    return row["section"], row["estimator"], int(row["n"]), int(row["d"])


def write(rows):
    """Write the numbers, the tables of the guide, and the page."""
    order = [(section, name) for section in SECTIONS for name in CASES]
    rows = sorted(rows, key=lambda row: (order.index(identity(row)[:2]), *identity(row)[2:]))
    if rows:
        write_csv("growth.csv", rows)
    tables = {
        "rows": size_table(rows, "rows", "n", ROWS, MANY),
        "columns": size_table(rows, "columns", "d", COLUMNS, 0),
        "million": million_table(rows),
        "landmarks": read_csv("growth_landmarks.csv"),
    }
    text = f"# How long, how much memory\n\n{page_text()}\n"
    for section, table in tables.items():
        if table:
            write_csv(f"growth_{section}.csv", table)
            text += f"\n## {HEADINGS[section]}\n\n{as_markdown(table)}{not_run(section, table)}"
        else:
            text += f"\n## {HEADINGS[section]}\n\nNot run.\n"
    (RESULTS / "growth.md").write_text(text)


def not_run(section, table):
    """Name the estimators of a section that have no line."""
    wanted = {"million": MILLION, "landmarks": ()}.get(section, CASES)
    missing = [name for name in wanted if name not in {line.get("estimator") for line in table}]
    return f"\nNot run: {', '.join(missing)}.\n" if missing else ""


HEADINGS = {
    "rows": f"By rows, {N_COLUMNS} columns",
    "columns": f"By columns, {N_ROWS:,} rows",
    "million": "A million rows of 30 columns: peak of the whole process",
    "landmarks": "MultilayerGraphClustering: landmarks beside the exact graph",
}


def page_text():
    """What was measured and how."""
    return (
        f"{LEGEND} Rows are made: ten clusters, each around a subspace of five dimensions, with "
        "noise, in single precision where the table does not say otherwise. Every number comes "
        "from a process of its own. An estimator's line ends where a fit took more than the "
        "budget, or would take more than twice that if time grew only linearly; empty cells were "
        "not run. Exponents are slopes of log CPU seconds on log rows, of fits beyond "
        f"{MANY:,} rows (asked: at most {ASKED_EXPONENT}), and on log columns over all of a line; "
        f"there is one where the largest size is {SPAN} times the smallest. "
        f'"1,000 new rows" is `predict`, `transform` or `score_function` of that many, with the '
        "largest fit of the line. UMAP is compiled by a fit of 4,200 rows first; it has one thread "
        "too. Made by `python benchmarks/growth.py`."
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = [*SECTIONS, "landmarks"]
    parser.add_argument("--sections", nargs="*", default=names, choices=names)
    parser.add_argument("--estimators", nargs="*", default=list(CASES), choices=list(CASES))
    parser.add_argument("--rows", nargs="*", type=int, default=ROWS, choices=ROWS)
    parser.add_argument("--budget", type=float, default=60, help="CPU seconds of a fit")
    parser.add_argument("--case", choices=list(CASES), help="measure one fit in this process")
    parser.add_argument("--size", nargs=2, type=int, help="rows and columns of that fit")
    parser.add_argument("--dtype", default="float32")
    options = parser.parse_args()
    if options.case is not None:
        child(options.case, *options.size, options.dtype, options.budget)
        return
    if "landmarks" in options.sections:
        write_csv("growth_landmarks.csv", landmarks())
        write(read_csv("growth.csv"))
    for section in filter(SECTIONS.get, options.sections):
        for name in options.estimators:
            if section == "million" and name not in MILLION:
                continue
            found = SECTIONS[section](name, options.budget, options.rows)
            print_table(found)
            new = {identity(row) for row in found}
            write([*(row for row in read_csv("growth.csv") if identity(row) not in new), *found])


if __name__ == "__main__":
    main()
