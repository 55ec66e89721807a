"""The command line on real data: order of the maps, time of a newcomer's first call, memory.

`protocols` sets the comparison with all of its economies beside the one without: neighbours that
are searched once, a race over the folds, openTSNE for scikit-learn's t-SNE, and with these a draw
to rank on. CPU seconds of one thread in a fresh
process; regret is what the choice is worth less in the table of the full protocol.

python benchmarks/validate.py [--sections newcomer ranking memory protocols] [--seeds 3]
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from _common import has_data, print_table, read_csv, read_data, result_row, write_csv, write_page
from _protocols import LAST, PROTOCOLS, first_umap, run_protocol
from medal_memory import make_problem

N_ROWS, LIMIT_GIB = 200_000, 8
TEACHERS = ("--teachers", "pca", "tsne", "umap")
GRID = ("--grid", "umap.n_neighbors=2,15,50", "--grid", "tsne.perplexity=30,100")
PERMUTED = "Permuted (control)"
CONTROLS = (PERMUTED, "Mean (control)")
BROKEN = "UMAP (n_neighbors=2)"
SENSIBLE = tuple(
    f"{method} ({name}={value})"
    for method, name, values in (
        ("UMAP", "n_neighbors", (15, 50)),
        ("t-SNE", "perplexity", (30, 100)),
    )
    for value in values
)


def validate(folder, *arguments):
    """Run `sksubspace validate` in a process of its own; returns wall seconds and peak GiB."""
    command = [sys.executable, "-m", "sksubspace", "validate", *map(str, arguments)]
    start = time.perf_counter()
    with open(folder / "log.txt", "w") as log:
        process = subprocess.Popen([*command, "--out", str(folder)], stdout=log, stderr=log)
        _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        raise RuntimeError((folder / "log.txt").read_text())
    unit = 1 if sys.platform == "darwin" else 1024
    return time.perf_counter() - start, unit * usage.ru_maxrss / 2**30


def newcomer(options):
    """Table and report from nothing."""
    with tempfile.TemporaryDirectory() as folder:
        seconds, _ = validate(Path(folder), "--n-jobs", 2)
    return [
        result_row(
            "newcomer", "digits", "seconds of `sksubspace validate --n-jobs 2`", [seconds],
            ("<=", 300),
        )
    ]  # fmt: skip


def ranking(options):
    """Where sensible maps, PCA, a broken UMAP and the shuffled map come in, from CSV files."""
    rows, table = [], []
    for data in ("USPS", "MNIST"):
        seeds = range(options.seeds if has_data(data) else 0)
        found = [order(data, seed, options.n_jobs) for seed in seeds]
        rows += ranking_rows(data, found)
        table += [{"Data": data, "Seed": seed} | row for seed, f in enumerate(found) for row in f]
    write_csv("validate_ranking.csv", table)
    return rows


def order(data, seed, n_jobs):  # -> list of dict, best first
    X, _, n_train = read_data(data)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{data}.csv"
        header = ",".join(f"pixel_{i}" for i in range(X.shape[1]))
        np.savetxt(path, X[:n_train], fmt="%.4g", delimiter=",", header=header, comments="")
        validate(
            Path(folder), path, *TEACHERS, *GRID, "--method", "cv", "--cv", 3, "--seed", seed,
            "--n-jobs", n_jobs,
        )  # fmt: skip
        results = json.loads((Path(folder) / "results.json").read_text())["results"]
    return [
        {
            "Map": result["name"],
            "Rank": result["rank"],
            "R2": f"{result['score']:.3f}",
            # of those that the race dropped there is no error
            "s.e.": _number(result["standard_error"]),
            "Difference": _number(result["difference"]),
            "Low": _number(result["difference_interval"][0]),
            "High": _number(result["difference_interval"][1]),
            "Tied": "tie" if result["tied"] else "",
            "Chosen": "chosen" if result["selected"] else "",
        }
        for result in results
    ]


def _number(value):
    return "" if value is None else f"{value:.3f}"


def ranking_rows(data, found):
    places = [{row["Map"]: float(row["R2"]) for row in f} for f in found]
    pca = [next(r2 for name, r2 in place.items() if name.startswith("PCA")) for place in places]
    least = [min(place[name] for name in SENSIBLE) for place in places]
    shuffled = [place[PERMUTED] for place in places]
    others = [min(r2 for name, r2 in p.items() if name not in CONTROLS) for p in places]
    below_pca = [p - place[BROKEN] for p, place in zip(pca, places, strict=True)]
    wanted = (
        ("R2 of the least sensible setting less that of PCA", np.subtract(least, pca), (">=", 0)),
        ("R2 of the least sensible setting less that of UMAP(2)",
         [low - place[BROKEN] for low, place in zip(least, places, strict=True)], (">=", 0)),
        ("R2 of PCA less that of UMAP(2)", below_pca, (">=", 0)),
        ("R2 of the permuted control", shuffled, ("<=", 0.02)),
        ("R2 of the last map less that of the permuted control", np.subtract(others, shuffled),
         (">=", 0)),
        ("maps tied with the best", [sum(r["Tied"] == "tie" for r in f) for f in found], None),
    )  # fmt: skip
    return [result_row("ranking", data, *rest) for rest in wanted]


def memory(options):
    """Peak of 200,000 x 50 rows."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.npy"
        np.save(path, make_problem(N_ROWS)[0])
        seconds, peak = validate(
            Path(folder), path, "--teachers", "pca", "umap", "--grid", "umap.n_neighbors=15",
            "--cv", 3, "--n-jobs", 1,
        )  # fmt: skip
    data = f"{N_ROWS:,} x 50"
    return [
        result_row(
            "memory", data,
            "peak GiB of validate --teachers pca umap --grid umap.n_neighbors=15 --cv 3", [peak],
            ("<=", LIMIT_GIB),
        ),
        result_row("memory", data, "its minutes, one thread", [seconds / 60]),
    ]  # fmt: skip


# data, rows, and for draws of so many rows the share of the full protocol's time that is asked
_PROTOCOLS = (
    ("digits", 1_797, {1_000: 0.3}),
    ("USPS", 2_000, {1_000: 0.3}),
    ("MNIST", 2_000, {1_000: 0.3}),
    ("USPS", 9_298, {2_000: 0.2}),
    ("MNIST x 50", 20_000, {2_000: 0.12}),
)
_COLD, _HALF, _REGRET, _REGRET_OF_A_DRAW = 7, 0.5, 0.001, 0.005


def protocols(options):
    """Whether the choice stays the same for a fraction of the time."""
    rows = []
    for shared in (False, True):
        how = "neighbours handed over" if shared else "its own search"
        seconds = [first_umap("digits", 1_797, shared)]
        asked = ("<=", _COLD) if shared else None
        rows.append(
            result_row("protocols", "digits", f"CPU s of a process's first UMAP, {how}", seconds,
                       asked)
        )  # fmt: skip
    runs = read_csv("validate_protocols.csv") if options.resume else []
    for seed in range(options.seeds):
        for data, n_rows, draws in _PROTOCOLS:
            wanted = options.only_rows is None or n_rows in options.only_rows
            wanted &= options.only_data is None or data in options.only_data
            if wanted and has_data(data.removesuffix(" x 50")):
                for name, how in _protocols_of(seed, n_rows, draws).items():
                    of = {"Data": data, "Rows": str(n_rows), "Seed": str(seed), "Protocol": name}
                    if all(of.items() - run.items() for run in runs):
                        runs.append(of | _run_in_short(run_protocol(data, n_rows, seed, **how)))
                        write_csv("validate_protocols.csv", runs)  # it takes long: may be stopped
    for data, n_rows, draws in _PROTOCOLS:
        rows += _protocol_rows(data, n_rows, draws, _beside_full(runs))
    return rows


def _protocols_of(seed, n_rows, draws):
    """Protocols by name: each step for the first seed, then the full one and the last.

    Of large tables only the full one and the draws, which are what one uses there.
    """
    steps = PROTOCOLS if seed == 0 else {name: PROTOCOLS[name] for name in ("full", LAST)}
    if n_rows > 2_000:
        steps = {"full": PROTOCOLS["full"]}
    drawn = {f"draw of {most:,}": PROTOCOLS[LAST] | {"max_rows": most} for most in draws}
    return steps | drawn


def _run_in_short(run):
    return {
        "CPU s": round(run["seconds"], 1),
        "Estimate": round(run["estimate"], 1),
        "Chosen": run["chosen"],
        "Best": run["best"],
        "Tied": json.dumps(run["tied"]),
        "Scores": json.dumps({name: round(value, 5) for name, value in run["scores"].items()}),
        "Fits spared": sum(5 - after for after in run["dropped"].values()),
    }


def _beside_full(runs):
    """Each run with what it took of the full protocol's time, and what its choice loses there."""
    full = {
        (run["Data"], run["Rows"], run["Seed"]): run for run in runs if run["Protocol"] == "full"
    }
    lines = []
    for run in runs:
        whole = full.get((run["Data"], run["Rows"], run["Seed"]))
        if whole is None:
            continue
        scores = json.loads(whole["Scores"])  # openTSNE's settings go by the names of t-SNE's
        beside = {
            "Of the full": float(run["CPU s"]) / float(whole["CPU s"]),
            "Regret": scores[whole["Chosen"]] - scores[run["Chosen"]],
            "Tied": run["Chosen"] in json.loads(whole["Tied"]),
        }
        lines.append(run | beside)
    return lines


def _protocol_rows(data, n_rows, draws, lines):
    lines = [line for line in lines if (line["Data"], line["Rows"]) == (data, str(n_rows))]

    def values(name, column):
        return [float(line[column]) for line in lines if line["Protocol"] == name]

    rows, label = [], f"{data}, {n_rows:,} rows"
    for name in (*PROTOCOLS, *(f"draw of {most:,}" for most in draws)):
        if not values(name, "CPU s"):
            continue
        asked, regret = None, ("<=", _REGRET)
        if name in ("and race", LAST):
            asked = ("<=", _HALF) if n_rows <= 2_000 else None
        elif name.startswith("draw"):
            asked = ("<=", draws[int(name.split()[-1].replace(",", ""))])
            regret = ("<=", _REGRET_OF_A_DRAW)
        elif name == "full":
            rows.append(result_row("protocols", label, "CPU s, full", values(name, "CPU s")))
            ratio = np.divide(values(name, "CPU s"), values(name, "Estimate")).tolist()
            rows.append(result_row("protocols", label, "CPU s over the estimate, full", ratio))
            continue
        elif name != "shared neighbours":
            regret = None
        rows += [
            result_row("protocols", label, f"share of the full protocol's CPU, {name}",
                       values(name, "Of the full"), asked),
            result_row("protocols", label, f"regret in R2, {name}", values(name, "Regret"),
                       regret),
            result_row("protocols", label, f"choice tied with the full one's, {name}",
                       values(name, "Tied")),
        ]  # fmt: skip
    return rows


SECTIONS = {
    "newcomer": newcomer, "ranking": ranking, "memory": memory, "protocols": protocols,
}  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sections", nargs="+", choices=list(SECTIONS), default=list(SECTIONS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument(
        "--only-rows", nargs="+", type=int, help="of `protocols`, only tables of so many rows"
    )
    parser.add_argument(
        "--resume", action="store_true", help="of `protocols`, keep the runs that were written"
    )
    parser.add_argument("--only-data", nargs="+", help="of `protocols`, only these data")
    parser.add_argument("--n-jobs", type=int, default=1, help="of the ranking (default: 1)")
    options = parser.parse_args()
    found = []
    for name in options.sections:
        found += SECTIONS[name](options)
        print_table([row for row in found if row["section"] == name])
    kept = [row for row in read_csv("validate.csv") if row["section"] not in options.sections]
    kept += found
    text = (
        "The command line in a process of its own. The order of the maps is that of files in CSV, "
        "by cross-validation\nin 3 folds, with `n` seeds; `validate_ranking.csv` has each of them. "
        "Made by `python benchmarks/validate.py`."
    )
    kept.sort(key=lambda row: list(SECTIONS).index(row["section"]))
    write_page("validate", "The command line", text, kept)


if __name__ == "__main__":
    main()
