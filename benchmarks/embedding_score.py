"""What `embedding_score` promises: it ranks maps as held-out R2 does, and costs little.

Ranking: eleven maps of the training rows of a 70/30 split (digits: all 1,797 rows; USPS and MNIST:
3,000 rows drawn by the split's seed) are scored by leave-one-out, without the held-out rows, and by
`MEDAL("precomputed").fit(X_train, embedding=Z).score(X_test)`, which has them. Cost: the ten
teachers among them on all of digits, against five folds that refit the teacher and MEDAL. Size:
100,000 x 50 float32 in a process of its own. All on one thread, in CPU seconds. USPS and MNIST are
read from the folder SKSUBSPACE_DATA; without it their rows say "absent".

    python benchmarks/embedding_score.py                          # everything, about 25 minutes
    python benchmarks/embedding_score.py --sections cost size     # these rows anew
"""

import json
import subprocess
import sys
from itertools import combinations
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
from _common import (
    DATASETS,
    Page,
    Teachers,
    cpu_seconds,
    has_data,
    load_split,
    make_teacher,
    one_thread,
    read_data,
    result_row,
    write_csv,
)
from _medal_trust import LOO_TEACHERS, N_SMALL
from medal_memory import make_problem, peak_gib
from scipy.stats import spearmanr
from sklearn.model_selection import KFold

from sksubspace import MEDAL
from sksubspace.metrics import embedding_score

SIZES = {"digits": None, "USPS": N_SMALL, "MNIST": N_SMALL}
N_FOLDS = 5
N_LARGE = 100_000


class Scored(NamedTuple):
    """One map of one split."""

    left_out: float
    held_out: float
    residuals: np.ndarray  # (m,), of the ratio that is the held-out R2


def ranking(options):
    """Spearman correlations with held-out R2, and what a choice by the score would lose."""
    teachers = Teachers(options.cache)
    found = {
        data: [
            [scored(teachers, data, seed, name) for name in LOO_TEACHERS]
            for seed in range(options.seeds)
        ]
        for data in DATASETS
        if has_data(data)
    }
    write_scores(found)
    return [row for data in DATASETS for row in ranking_rows(data, found.get(data, []))]


def scored(teachers, data, seed, name):
    split = load_split(data, seed, SIZES[data])
    Z = teachers.embedding(data, seed, name, SIZES[data])
    left_out = embedding_score(split.X_train, Z, random_state=seed)
    medal = MEDAL("precomputed", random_state=seed).fit(split.X_train, embedding=Z)
    errors = medal.distortion(split.X_test).astype(np.float64)
    squares = np.square(split.X_test - split.X_train.mean(axis=0)).mean(axis=1, dtype=np.float64)
    ratio = errors.sum() / squares.sum()
    return Scored(float(left_out), 1 - ratio, (errors - ratio * squares) / squares.mean())


def ranking_rows(data, splits):
    left_out = np.array([[one.left_out for one in split] for split in splits])
    held_out = np.array([[one.held_out for one in split] for split in splits])
    pairs = combinations(range(len(splits)), 2)
    between = [spearmanr(held_out[a], held_out[b]).statistic for a, b in pairs]
    order = [spearmanr(*split).statistic for split in zip(left_out, held_out, strict=True)]
    best = [held[left.argmax()] for left, held in zip(left_out, held_out, strict=True)]
    wanted = (
        ("Spearman of embedding_score with held-out R2, eleven maps", order, (">=", 0.8)),
        ("Spearman of held-out R2 between two splits", between, None),
        (
            "the first Spearman minus the mean of the second",
            [value - np.mean(between) for value in order],
            (">=", -0.05),
        ),
        (
            "share ordered alike of the pairs of maps whose held-out R2 differ by over 2 s.e.",
            [ordered_alike(split) for split in splits],
            None,
        ),
        (
            "held-out R2 lost by taking the map with the best embedding_score",
            [held.max() - taken for held, taken in zip(held_out, best, strict=True)],
            None,
        ),
        ("largest |embedding_score - held-out R2|", largest_bias(left_out, held_out), None),
    )
    return [result_row("ranking", data, *rest) for rest in wanted]


def largest_bias(left_out, held_out):
    return [float(np.abs(bias).max()) for bias in left_out - held_out]


def ordered_alike(split):
    """Share of the clearly different pairs of maps; differences are paired by held-out row."""
    alike = []
    for first, second in combinations(split, 2):
        difference = first.held_out - second.held_out
        residuals = first.residuals - second.residuals
        if abs(difference) > 2 * residuals.std(ddof=1) / np.sqrt(len(residuals)):
            alike.append((first.left_out > second.left_out) == (difference > 0))
    return np.mean(alike)


def write_scores(found):
    rows = []
    for column, teacher in enumerate(LOO_TEACHERS):
        row = {"Teacher": teacher}
        for data, splits in found.items():
            left_out, held_out = np.mean([split[column][:2] for split in splits], axis=0)
            row |= {f"{data}, embedding_score": f"{left_out:.3f}"}
            row |= {f"{data}, held out": f"{held_out:.3f}"}
        rows.append(row)
    write_csv("embedding_score_maps.csv", rows)


def cost(options):
    """CPU seconds of scoring ten teachers of digits, and of five folds of each."""
    X = read_data("digits")[0]
    names = [name for name in LOO_TEACHERS if name != "permuted"]
    make_teacher("UMAP(15)").fit(X[:300])  # lets numba compile before the clock runs
    embedding_score(X[:300], X[:300, :2])
    drawing, scoring, folding = np.transpose([seconds_of(name, X) for name in names])
    share = f"of {N_FOLDS}-fold cross-validation"
    wanted = (
        ("CPU s of embedding_score, a map (mean of ten)", scoring.mean(), None),
        ("CPU s of the teacher's own fit on all rows (mean)", drawing.mean(), None),
        (f"CPU s {share}, a teacher (mean)", folding.mean(), None),
        (
            f"cost of scoring ten maps that exist / {share}",
            scoring.sum() / folding.sum(),
            ("<=", 0.1),
        ),
        (
            f"cost of drawing and scoring ten maps / {share}",
            (drawing + scoring).sum() / folding.sum(),
            ("<=", 0.1),
        ),
    )
    return [result_row("cost", "digits", what, [value], asked) for what, value, asked in wanted]


def seconds_of(name, X):  # -> CPU seconds of the map, its score, and the folds
    Z, drawing = cpu_seconds(make_teacher(name).fit_transform, X)
    _, scoring = cpu_seconds(embedding_score, X, Z)
    _, folding = cpu_seconds(cross_validate, name, X)
    return drawing, scoring, folding


def cross_validate(name, X):
    folds = KFold(N_FOLDS, shuffle=True, random_state=0).split(X)
    return [
        MEDAL(make_teacher(name), random_state=0).fit(X[train]).score(X[test])
        for train, test in folds
    ]


def size(options):
    """100,000 x 50 in a process of its own."""
    command = [sys.executable, __file__, "--measure-size"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    measured = json.loads(done.stdout)
    data = f"{N_LARGE:,} x 50"
    return [
        result_row("size", data, "CPU s of embedding_score", [measured["cpu_s"]], ("<=", 60)),
        result_row("size", data, "peak memory less that of the data, GiB", [measured["gib"]]),
        result_row("size", data, "rows scored", [measured["n_samples"]]),
        result_row("size", data, "|R2 less that of 20,000 rows scored|", [measured["change"]]),
    ]


def measure_size():
    X, Z = make_problem(N_LARGE)
    baseline = peak_gib()
    score, seconds = cpu_seconds(embedding_score, X, Z)
    measured = {"cpu_s": seconds, "gib": peak_gib() - baseline, "n_samples": score.n_samples}
    more = embedding_score(X, Z, max_samples=20_000, random_state=1)
    return measured | {"change": abs(more.r2 - score.r2)}


SECTIONS = {"ranking": ranking, "cost": cost, "size": size}

TEXT = """Made by `python benchmarks/embedding_score.py`, which says what is compared. `reached` is
the mean over the `n` values beside it (one for each split, or for each pair of splits), `sd` their
standard deviation. `met` is "yes" if every single value meets what is asked, "mean only" if only
their mean does. Rows without `asked` are for information. float32, one thread, CPU seconds. Scores
by map: `embedding_score_maps.csv`."""


PAGE = Page("embedding_score", "embedding_score: asked and reached", TEXT, SECTIONS)


def main():
    parser = PAGE.parser(__doc__)
    parser.add_argument("--seeds", type=int, default=3, help="splits, at least 2 (default: 3)")
    parser.add_argument("--measure-size", action="store_true", help="in this process; prints JSON")
    options = parser.parse_args()
    with one_thread(), TemporaryDirectory() as folder:
        if options.measure_size:
            print(json.dumps(measure_size()))
            return
        options.cache = options.cache or folder
        PAGE.run(options.sections, options)


if __name__ == "__main__":
    main()
