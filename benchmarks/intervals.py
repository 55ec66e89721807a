"""Do the statements beside a comparison's scores hold? 200 tables of rows, each compared anew.

Each table has 200 rows of a Gaussian mixture; six candidates are linear maps of three dimensions
of the same quality: PCA of rows with a little noise of their own. The student is the cheapest of
this library, so that a table takes a second. Truths are means over all tables.

Sections: `coverage` (share of tables in which every interval of a difference from the best holds
the truth; and of the ordinary one-at-a-time intervals), `standard_error` (printed over the true
standard deviation of a score, with 1, 3 and 8 repeats; and s over the root of all splits, and the
corrected factor of Nadeau and Bengio), `optimism` (score of the best, and `best_score_`, less the
truth of who was taken). Eight repeats on a quarter of the tables. All of these run every fold of
every candidate; `race` says what is left of coverage and optimism where those behind beyond chance
are spared folds, with one repeat.

    python benchmarks/intervals.py                # 200 tables, about 20 minutes
    python benchmarks/intervals.py --tables 20 --n-jobs 2
"""

import argparse
import warnings

import numpy as np
from _common import one_thread, print_table, read_csv, result_row, write_page
from _rows import mixture
from joblib import Parallel, delayed
from scipy import stats
from sklearn.base import BaseEstimator
from sklearn.decomposition import PCA

from sksubspace import MEDAL
from sksubspace.decoding import FourierRidge
from sksubspace.model_selection import compare_embeddings

N_CANDIDATES, N_FOLDS, REPEATS = 6, 5, (1, 3, 8)
CONFIDENCE = 0.95


class NoisyPCA(BaseEstimator):
    """PCA of rows with noise of the candidate's own: many maps of about one quality."""

    def __init__(self, which=0):
        self.which = which

    def fit_transform(self, X, y=None):
        rng = np.random.RandomState(self.which)
        weights = 1 + 0.3 * rng.randn(X.shape[1])
        return PCA(3, random_state=0).fit_transform(X * weights)


def compare(seed, n_repeats, race=False):
    """Compare the candidates on one table; quiet, since processes have warnings of their own."""
    with one_thread(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return compared(seed, n_repeats, race)


def compared(seed, n_repeats, race):
    X = mixture(200, 0, draw=10 + seed)
    student = MEDAL(encoder="linear", exact=None, decoder=FourierRidge(0, 1.0, 1e-6))
    candidates = {f"map {i}": NoisyPCA(i) for i in range(N_CANDIDATES)}
    return compare_embeddings(
        X, candidates, method="cv", cv=N_FOLDS, n_repeats=n_repeats, student=student,
        controls=False, select="best", metrics=(), confidence=CONFIDENCE, random_state=seed,
        race=race,
    )  # fmt: skip


def table_of(result):
    """Scores of the splits of each candidate, in the order of their names."""
    rows = sorted(result.results, key=lambda row: row.name)
    return rows, np.array([row.split_scores for row in rows])


def measured(results, truth):
    """What was printed beside what is true, for one number of repeats."""
    covered, alone, printed, naive, corrected, shown, honest = ([] for _ in range(7))
    for result in results:
        rows, scores = table_of(result)
        best = max(range(len(rows)), key=lambda i: rows[i].score)
        true = truth - truth[best]
        ends = np.array([row.difference_interval for row in rows])
        others = np.arange(len(rows)) != best
        covered.append(((ends[:, 0] <= true) & (true <= ends[:, 1]))[others].all())
        n_splits = scores.shape[1]
        factor = np.sqrt(1 / n_splits + 1 / (N_FOLDS - 1))
        gaps = scores - scores[best]
        reach = stats.t.ppf((1 + CONFIDENCE) / 2, n_splits - 1) * gaps.std(axis=1, ddof=1) * factor
        alone.append((np.abs(gaps.mean(axis=1) - true) <= reach)[others].all())
        spread = scores.std(axis=1, ddof=1)
        printed.append([row.standard_error for row in rows])
        naive.append(spread / np.sqrt(n_splits))
        corrected.append(spread * factor)
        shown.append(rows[best].score - truth[best])
        honest.append(result.best_score_ - truth[best])
    means = np.array([table_of(result)[1].mean(axis=1) for result in results])
    sd = means.std(axis=0, ddof=1)
    ratios = [(np.mean(one, axis=0) / sd).mean() for one in (printed, naive, corrected)]
    return np.mean(covered), np.mean(alone), ratios, np.mean(shown), np.mean(honest)


def race_rows(n_tables, n_jobs):
    """Coverage among those that were not dropped, optimism, and what was spared."""
    truth = truth_of(Parallel(n_jobs)(delayed(compare)(seed, 1) for seed in range(n_tables)))
    results = Parallel(n_jobs)(delayed(compare)(seed, 1, True) for seed in range(n_tables))
    covered, shown, honest, spared = ([] for _ in range(4))
    for result in results:
        rows = sorted(result.results, key=lambda row: row.name)
        whole = [i for i, row in enumerate(rows) if not row.dropped_after]
        best = max(whole, key=lambda i: rows[i].score)
        ends = {i: rows[i].difference_interval for i in whole if i != best}
        covered.append(all(
            low <= truth[i] - truth[best] <= high for i, (low, high) in ends.items()
        ))  # fmt: skip
        shown.append(rows[best].score - truth[best])
        honest.append(result.best_score_ - truth[best])
        run = [row.dropped_after or N_FOLDS for row in rows]
        spared.append(1 - np.mean(run) / N_FOLDS)
    found = (
        ("all intervals of a table hold", covered, None),
        ("score of the best less its truth", shown, None),
        ("best_score_ less the same", honest, None),
        ("share of the fits that were spared", spared, None),
    )
    return [result_row("race", "1 repeat", what, [np.mean(one)], a) for what, one, a in found]


def truth_of(results):
    """Mean score of each candidate over all tables."""
    return np.mean([table_of(result)[1].mean(axis=1) for result in results], axis=0)


def plain_rows(n_tables, n_jobs):
    found = {
        n: Parallel(n_jobs)(
            delayed(compare)(seed, n) for seed in range(n_tables if n < 8 else n_tables // 4)
        )
        for n in REPEATS
    }
    truth = truth_of(found[3])
    rows = []
    for n_repeats, results in found.items():
        covered, alone, ratios, shown, honest = measured(results, truth)
        name = f"{n_repeats} repeat" + "s" * (n_repeats > 1)
        rows += [
            result_row("coverage", name, "all intervals of a table hold", [covered],
                       ("in", (0.93, 0.97))),
            result_row("coverage", name, "the same, intervals one at a time", [alone]),
            result_row("standard error", name, "printed over true sd", [ratios[0]],
                       ("in", (0.85, 1.15))),
            result_row("standard error", name, "s over the root of all splits, over true sd",
                       [ratios[1]]),
            result_row("standard error", name, "with the corrected factor, over true sd",
                       [ratios[2]]),
            result_row("optimism", name, "score of the best less its truth", [shown]),
            result_row("optimism", name, "best_score_ less the same", [honest]),
        ]  # fmt: skip
    return rows


def _section(row):
    return "race" if row["section"] == "race" else "plain"


TEXT = "Made by `python benchmarks/intervals.py --tables {}`, which says what is compared."


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", type=int, default=200)
    parser.add_argument("--n-jobs", type=int, default=1, help="tables at once (default: 1)")
    parser.add_argument(
        "--sections", nargs="+", choices=("plain", "race"), default=["plain", "race"]
    )
    options = parser.parse_args()
    kept = [row for row in read_csv("intervals.csv") if _section(row) not in options.sections]
    found = {"plain": plain_rows, "race": race_rows}
    rows = [row for name in options.sections for row in found[name](options.tables, options.n_jobs)]
    print_table(rows)
    rows = sorted(kept + rows, key=lambda row: _section(row) == "race")
    write_page(
        "intervals", "Intervals, standard errors, optimism", TEXT.format(options.tables), rows
    )


if __name__ == "__main__":
    main()
