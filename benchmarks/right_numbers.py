"""Right numbers on any table: repeated rows, donors, rows far from the origin, and their cost.

Sections: `random map` (the score of a map of random places, on tables with repeated rows, twins
on one place or on two), `copies and donors` (left-out score beside fresh rows, false alarms of
p-values and of the shift test), `shift by groups` (clean and noisy batches of new donors),
`elsewhere` (scores of rows moved by 10,000, in both types), `cost` (beside the version before),
`directions` (what the score of SteinSubspace chooses). CPU seconds of one thread.

    python benchmarks/right_numbers.py --cache maps          # everything, about 15 minutes
    python benchmarks/right_numbers.py --sections elsewhere
    python benchmarks/right_numbers.py --sections cost --before ../checkout-of-the-version-before
"""

import statistics
import sys
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace

import numpy as np
from _common import (
    Page,
    has_data,
    one_thread,
    read_data,
    result_row,
    run_in,
)
from _rows import REPEATED, donors, fit_precomputed, repeated
from joblib import Memory
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from stein import score as directions_chosen

from sksubspace.metrics import embedding_score

ROOT = Path(__file__).resolve().parents[1]
NORMAL = "normal, 3 features"
N_ROWS = {NORMAL: 300, "digits": 600, "USPS": 1000}
# 2: every row is there three times, so that of a twin's neighbours some are twins themselves
SHARES = (0, 0.05, 0.1, 0.3, 1, 2)
ALPHA, N_BATCHES = 0.05, 20


def random_map(bench):
    """The score of a map that knows nothing, whose rows are repeated."""
    rows = []
    for data in N_ROWS:
        for share in SHARES if data != "USPS" else SHARES[:-1]:
            for twins in ("on one place", "on two places") if share else ("",):
                what = f"R2 of random places, {share:.0%} of the rows repeated"
                values = [
                    scored_at_random(data, share, twins == "on one place", seed)
                    for seed in range(3 if data == NORMAL or has_data(data) else 0)
                ]
                what += f", twins {twins}" if twins else ""
                rows.append(result_row("random map", data, what, values, ("in", (-0.02, 0.02))))
    return rows


def scored_at_random(data, share, together, seed):
    rng, n = np.random.RandomState(seed), N_ROWS[data]
    X = rng.randn(n, 3) if data == NORMAL else read_data(data)[0]
    X = X[rng.permutation(len(X))[:n]]
    more = [rng.choice(n, int(part * n), replace=False) for part in (min(share, 1), share - 1)
            if part > 0]  # fmt: skip
    which = np.concatenate([np.arange(n), *more])
    places = rng.randn(n, 2)[which] if together else rng.randn(len(which), 2)
    order = rng.permutation(len(which))
    return embedding_score(X[which][order], places[order]).r2


def copies_and_donors(bench):
    rows = []
    for kind in ("iid", *REPEATED):
        for teacher in ("PCA(5)", "t-SNE"):
            found = [honest(bench, kind, teacher, seed) for seed in range(bench.seeds)]
            gap, flagged, shifted, smallest = zip(*found, strict=True)
            by_groups = "donors" in kind
            false_alarms = ("in", (0, 0.08)) if by_groups else ("in", (0.03, 0.08))
            asked = {
                "left-out less fresh R2": (gap, ("in", (-0.03, 0.03))),
                "fresh rows with p <= .05": (flagged, false_alarms),
                f"share of {N_BATCHES * bench.seeds} clean batches of 100 called shifted": (
                    [np.mean(shifted)], ("<=", 0.08)),
            }  # fmt: skip
            if by_groups:
                asked["smallest p-value there can be"] = (smallest[:1], None)
            rows += [
                result_row("copies and donors", kind, f"{teacher}: {what}", *one)
                for what, one in asked.items()
            ]
    return rows


def honest(bench, kind, teacher, seed):
    """Gap of the left-out score, share of fresh rows flagged, of clean batches shifted, least p."""
    X, donor, fresh, new = repeated(kind, seed)
    medal = fit_precomputed(X, bench.draw(kind, teacher, seed), donor, random_state=seed)
    shifted = [
        medal.detect_shift(fresh[rows], groups=None if new is None else new[rows]).shifted
        for rows in np.split(np.arange(100 * N_BATCHES), N_BATCHES)
    ]
    flagged = (medal.pvalue(fresh) <= ALPHA).mean()
    least = 1 / (1 + len(np.unique(medal.calibration_groups_)))
    return medal.loo_score_ - medal.score(fresh), flagged, np.mean(shifted), least


def draw_map(kind, teacher, seed):
    n_donors = kind if isinstance(kind, int) else None
    X = donors(n_donors, 20, seed, 0)[0] if n_donors else repeated(kind, seed)[0]
    made = PCA(5) if teacher == "PCA(5)" else TSNE(random_state=seed)
    return made.fit_transform(X)


def shift_by_groups(bench):
    """Share of batches of new donors, 40 rows each, called shifted; five batches a fit."""
    rows = []
    for n_donors in (20, 60):
        for teacher in ("PCA(5)", "t-SNE"):
            found = [
                shifts_of_donors(bench, n_donors, teacher, seed) for seed in range(bench.tables)
            ]
            for (n_new, noise), calls in {
                key: [one for table in found for one in table[key]] for key in found[0]
            }.items():
                batches = "one new donor" if n_new == 1 else f"{n_new} new donors"
                what = f"{teacher}: " + (f"noise of {noise} sd, " if noise else "clean, ")
                asked = ("<=", 0.1) if not noise else (">=", 0.9) if n_donors == 60 else None
                what += f"{batches}: share of {len(calls)} batches called shifted"
                data = f"{n_donors} donors x 20"
                rows.append(result_row("shift by groups", data, what, [np.mean(calls)], asked))
    return rows


def shifts_of_donors(bench, n_donors, teacher, seed):
    X, donor = donors(n_donors, 20, seed, 0)
    medal = fit_precomputed(X, bench.draw(n_donors, teacher, seed), donor, random_state=seed)
    found = {(1, 0): [], (3, 0): [], (6, 0): [], (3, 0.6): []}
    rng = np.random.RandomState(seed)
    for (n_new, noise), calls in found.items():
        for batch in range(5):
            fresh, own = donors(n_new, 40, seed, 1 + batch)
            fresh = fresh + noise * X.std(axis=0) * rng.randn(*fresh.shape)
            calls.append(medal.detect_shift(fresh, groups=own).shifted)
    return found


def elsewhere(bench):
    """Scores of rows moved by 10,000 beside those where they were, and beside plain formulas."""
    sys.path.insert(0, str(ROOT))
    from tests.test_failures_centred import ANYWHERE

    anywhere = [*anywhere_cases(), *map(anywhere_clusterer, ANYWHERE)]
    names = [case.name for case in anywhere]
    gaps = np.array([moved_scores(case) for case in anywhere])  # (n, 4)
    plain = [far_from_plain(case) for case in others()]
    number = f"{len(names)} instances that do not care where rows lie"
    what = {
        "float64, relative change of the score": ("<=", 1e-6),
        "float32, relative change of the score": ("<=", 1e-3),
        "float32, relative, beside the same rounded rows near the origin": ("<=", 1e-3),
        "float32, absolute, beside the same rounded rows near the origin": None,
    }
    rows = []
    for (title, asked), values in zip(what.items(), gaps.T, strict=True):
        worst = [names[i] for i in np.argsort(-values)[:3]]
        title += f" (largest: {', '.join(worst)})"
        rows.append(result_row("elsewhere", number, title, values, asked))
    for kind, values in zip(("float64", "float32"), np.transpose(plain), strict=True):
        title = f"{kind}, relative difference of the score from a plain formula in float64"
        rows.append(result_row("elsewhere", f"the other {len(plain)}", title, values, ("<=", 1e-6)))
    return rows


def anywhere_cases():
    from tests.common import cases

    # amounts of what is not negative have an origin
    return [
        case
        for case in cases("distillation", "map", "dictionary")
        if case.has("score") and not case.params.get("nonnegative", False)
    ]


def anywhere_clusterer(name):
    from tests import instances
    from tests.test_failures_centred import ANYWHERE, X_NEW, X

    return SimpleNamespace(
        name=name, X=X, y=None, X_new=X_NEW, y_new=None,
        make=lambda: instances.make(name, **ANYWHERE[name]),
    )  # fmt: skip


def moved_scores(case):
    """Relative changes in float64 and float32, and from the rounded rows, relative and absolute."""

    def score(move):
        return case.make().fit(move(case.X), case.y).score(move(case.X_new), case.y_new)

    def narrow(X):
        return (X + 1e4).astype(np.float32)

    here, rounded = score(lambda X: X), score(lambda X: narrow(X).astype(np.float64) - 1e4)
    wide, single = score(lambda X: X + 1e4), score(narrow)
    apart = [abs(wide - here) / abs(here), abs(single - here) / abs(here)]
    return [*apart, abs(single - rounded) / abs(rounded), abs(single - rounded)]


def others():
    from tests.common import cases

    return [case for case in cases("cluster", "dictionary") if case not in anywhere_cases()]


def far_from_plain(case):
    """Score of rows moved by 10,000 less that of one formula, relative, in float64 and float32."""
    from tests import test_failures_centred as centred

    found = []
    for dtype in (np.float64, np.float32):
        clusters = "dictionary" not in case.name
        given = (centred.X, centred.X_NEW) if clusters else (case.X, case.X_new)
        train, new = ((rows + 1e4).astype(dtype) for rows in given)
        model = case.make().fit(train, case.y if not clusters else None)
        if clusters:
            score, plain = model.score(new), centred.plain_score(model, train, new)
        else:
            score, plain = model.score(new, case.y_new), np.mean(model.predict(new) == case.y_new)
        found.append(abs(score - plain) / abs(plain))
    return found


COST = """
import json, sys, time, warnings
import numpy as np
from sklearn.datasets import load_digits
warnings.simplefilter("ignore")
from sksubspace import MEDAL
from sksubspace.metrics import embedding_score
X, Z = load_digits().data / 16, np.load(sys.argv[1])
works = {
    "embedding_score": lambda n: embedding_score(X[:n], Z[:n]),
    "MEDAL, without the teacher": lambda n: MEDAL("precomputed", random_state=0).fit(
        X[:n], embedding=Z[:n]),
    "MEDAL of PCA": lambda n: MEDAL("pca", random_state=0).fit(X[:n]).score(X[:n]),
}
found = {}
for name, work in works.items():
    work(200)
    start = time.process_time(); work(len(X)); found[name] = time.process_time() - start
print(json.dumps(found))
"""


def cost(bench):
    """Ratios of medians of five runs, one of each version after the other."""
    path = Path(bench.cache).resolve() / "digits_all.npy"
    np.save(path, TSNE(random_state=0).fit_transform(load_digits().data / 16))
    folders = [ROOT] if bench.before is None else [ROOT, Path(bench.before).resolve()]
    runs = [[run_in(folder, COST, path) for folder in folders] for _ in range(5)]
    rows = []
    for what in runs[0][0]:
        medians = [statistics.median(run[i][what] for run in runs) for i in range(len(folders))]
        rows.append(result_row("cost", "digits", f"CPU s of {what}", medians[:1]))
        ratio = [medians[0] / medians[1]] if bench.before else []
        title = f"CPU s of {what}, over those of the version before"
        rows.append(result_row("cost", "digits", title, ratio, ("<=", 1.1)))
    return rows


def directions(bench):
    """What cross-validated scores of SteinSubspace choose on generated rows: as in `stein.py`."""
    rows = directions_chosen(SimpleNamespace(seeds=range(3)))
    return [row | {"section": "directions"} for row in rows]


SECTIONS = {
    "random map": random_map,
    "copies and donors": copies_and_donors,
    "shift by groups": shift_by_groups,
    "elsewhere": elsewhere,
    "cost": cost,
    "directions": directions,
}

TEXT = """Made by `python benchmarks/right_numbers.py`, which says what is compared. `reached` is
the mean over the `n` values beside it (seeds, or instances), `sd` their standard deviation. `met`
is "yes" if every single value meets what is asked, "mean only" if only their mean does. Rows
without `asked` are for information."""


class Bench:
    """Options, and maps that are drawn once."""

    def __init__(self, options, folder):
        self.seeds, self.tables, self.before = options.seeds, options.tables, options.before
        self.cache = options.cache or folder
        Path(self.cache).mkdir(parents=True, exist_ok=True)
        self.draw = Memory(self.cache, verbose=0).cache(draw_map)


PAGE = Page("right_numbers", "Right numbers on any table: asked and reached", TEXT, SECTIONS)


def main():
    parser = PAGE.parser(__doc__)
    parser.add_argument("--seeds", type=int, default=6, help="of copies and donors (default: 6)")
    parser.add_argument("--tables", type=int, default=20, help="of shifts (default: 20)")
    parser.add_argument("--before", help="checkout of the version before, for ratios of cost")
    options = parser.parse_args()
    with one_thread(), TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        bench = Bench(options, folder)
        PAGE.run(options.sections, bench)


if __name__ == "__main__":
    main()
