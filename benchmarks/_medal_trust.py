"""Sections of `medal.py` about trust: calibration, shift, and the leave-one-out score."""

from itertools import product

import numpy as np
from _common import (
    DATASETS,
    Split,
    has_data,
    load_split,
    make_teacher,
    result_row,
    write_csv,
)
from scipy.stats import ks_2samp, spearmanr
from sklearn.decomposition import PCA
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors

from sksubspace import MEDAL
from sksubspace.distillation._base import _LOO_MARGIN

ALPHA = 0.05
CALIBRATIONS = ("loo", "holdout")
CALIBRATED = ("UMAP(15)", "t-SNE(30)", "PCA(2)")
N_BATCHES = 100
N_FULL_BATCHES = 20
BATCH, N_NOVEL = 40, 12
BATCH_SIZES = (40, 100, 250, 500)
TESTS = ("the KS test without margin", "the KS test", "detect_shift as a whole")
N_SMALL = 3000
LOO_SEEDS = (0, 1)
LOO_TEACHERS = (
    "PCA(2)",
    *(f"UMAP({k})" for k in (2, 5, 10, 15, 30, 50)),
    *(f"t-SNE({k})" for k in (10, 30, 100)),
    "permuted",
)


def shift(bench):
    """One digit withheld from the teacher and from MEDAL; rows and batches that hold it."""
    digits = range(10)
    found = {(c, s): withheld(c, s) for c, s in product(digits, bench.seeds)}
    write_shift(found, bench.seeds)

    def over_digits(name):
        return [np.mean([found[c, seed][name] for c in digits]) for seed in bench.seeds]

    wanted = (
        ("AUROC of distortion, digit withheld", "distortion", (">=", 0.92)),
        ("AUROC of the mean distance to 5 neighbours in X", "neighbours", None),
        ("AUROC of the reconstruction error of PCA-2", "components", None),
        ("power of the KS test, batches of 40 with 12 novel rows", "power", (">=", 0.75)),
        ("false positives of the KS test, 40 clean rows", "false", ("<=", 0.10)),
        ("power of detect_shift as a whole, the same batches", "whole_power", None),
        ("false positives of detect_shift as a whole", "whole_false", None),
    )
    rows = [
        result_row("shift", "digits", f"{what} (mean over 10 digits)", over_digits(name), asked)
        for what, name, asked in wanted
    ]
    worst = [min(found[c, s]["distortion"] for c in digits) for s in bench.seeds]
    return [*rows, result_row("shift", "digits", "AUROC of distortion, hardest digit", worst)]


def withheld(digit, seed):
    """Measures with `digit` withheld from the training rows of the split."""
    split = load_split("digits", seed)
    known = split.y_train != digit
    clean = split.X_test[split.y_test != digit]
    novel = np.vstack([split.X_train[~known], split.X_test[split.y_test == digit]])
    X_train = split.X_train[known]
    medal = MEDAL(make_teacher("UMAP(15)"), random_state=seed).fit(X_train)
    scores = {
        "distortion": medal.distortion,
        "neighbours": _neighbor_distance(X_train),
        "components": _components_error(X_train),
    }
    measured = {name: auroc(score(clean), score(novel)) for name, score in scores.items()}
    return measured | batch_rates(medal, clean, novel, np.random.RandomState(seed))


def auroc(clean, novel):
    labels = np.r_[np.zeros(len(clean)), np.ones(len(novel))]
    return roc_auc_score(labels, np.r_[clean, novel])


def _neighbor_distance(X_train):
    neighbors = NearestNeighbors(n_neighbors=5).fit(X_train)
    return lambda X: neighbors.kneighbors(X)[0].mean(axis=1)


def _components_error(X_train):
    pca = PCA(2).fit(X_train)
    return lambda X: np.square(X - pca.inverse_transform(pca.transform(X))).sum(axis=1)


def batch_rates(medal, clean, novel, rng):
    """Share of batches found shifted: the KS test on all, detect_shift as a whole on the first."""
    mixed, pure = [], []
    for _ in range(N_BATCHES):
        rows = rng.choice(len(clean), BATCH - N_NOVEL, replace=False)
        strange = rng.choice(len(novel), N_NOVEL, replace=False)
        mixed.append(np.vstack([clean[rows], novel[strange]]))
        pure.append(clean[rng.choice(len(clean), BATCH, replace=False)])
    return {
        "power": ks_rate(medal, mixed),
        "false": ks_rate(medal, pure),
        "whole_power": whole_rate(medal, mixed[:N_FULL_BATCHES]),
        "whole_false": whole_rate(medal, pure[:N_FULL_BATCHES]),
    }


def ks_rate(medal, batches):
    distortions = np.split(medal.distortion(np.vstack(batches)), len(batches))
    return found_by_ks(medal, distortions, default_margin(medal))


def default_margin(medal):
    return _LOO_MARGIN if medal.calibration_ == "loo" else 0.0


def found_by_ks(medal, distortions, margin):
    """Share of batches by `p_distortion` of detect_shift, without its longer test of positions."""
    reference = medal.calibration_scores_
    p_values = [
        ks_2samp(d / (1 + margin), reference, alternative="less").pvalue for d in distortions
    ]
    return float(np.mean(np.array(p_values) <= ALPHA))


def whole_rate(medal, batches):
    return float(np.mean([medal.detect_shift(batch, alpha=ALPHA).shifted for batch in batches]))


def write_shift(found, seeds):
    columns = {
        "AUROC, distortion": "distortion",
        "AUROC, 5-NN distance in X": "neighbours",
        "AUROC, PCA-2 error": "components",
        "Batches found, KS": "power",
        "False alarms, KS": "false",
    }
    rows = [
        {"Digit withheld": str(digit)}
        | {
            title: f"{np.mean([found[digit, seed][name] for seed in seeds]):.3f}"
            for title, name in columns.items()
        }
        for digit in range(10)
    ]
    mean = {
        title: f"{np.mean([measured[name] for measured in found.values()]):.3f}"
        for title, name in columns.items()
    }
    write_csv("medal_shift.csv", [*rows, {"Digit withheld": "mean"} | mean])


def calibration(bench):
    """Share of held-out rows with p-value <= .05, the teacher fitted inside MEDAL."""
    rates = {
        (teacher, kind): [row_rate(teacher, kind, seed) for seed in bench.seeds]
        for teacher, kind in product(CALIBRATED, CALIBRATIONS)
    }
    write_calibration(rates)
    return [
        result_row(
            "calibration", "digits",
            f"held-out rows with p <= .05, calibration={kind} (3 teachers x seeds)",
            np.concatenate([rates[teacher, kind] for teacher in CALIBRATED]), ("in", (0.01, 0.10)),
        )
        for kind in CALIBRATIONS
    ]  # fmt: skip


def row_rate(teacher, kind, seed):
    split = load_split("digits", seed)
    medal = fit_calibrated(split, teacher, kind, seed)
    return float((medal.pvalue(split.X_test) <= ALPHA).mean())


def fit_calibrated(split, teacher, kind, seed):
    return MEDAL(make_teacher(teacher), calibration=kind, random_state=seed).fit(split.X_train)


def write_calibration(rates):
    rows = [
        {
            "Teacher": teacher,
            "Calibration": kind,
            "Flagged at 5 %": f"{np.mean(values):.3f}",
            "Smallest": f"{min(values):.3f}",
            "Largest": f"{max(values):.3f}",
        }
        for (teacher, kind), values in rates.items()
    ]
    write_csv("medal_calibration.csv", rows)


def batches(bench):
    """False alarms on clean batches by their size: a biased calibration shows in large ones."""
    rows, table = [], []
    for data, kind in product(("digits", "MNIST"), CALIBRATIONS):
        found = [alarms(data, kind, seed) for seed in bench.seeds] if has_data(data) else []
        for test in TESTS if kind == "loo" else TESTS[1:]:
            rates = {size: [alarm[test, size] for alarm in found] for size in BATCH_SIZES}
            for size, values in rates.items():
                what = f"false positives of {test}, {size} clean rows, calibration={kind}"
                rows.append(result_row("batches", data, what, values))
            if found:
                means = {f"{size} rows": f"{np.mean(rates[size]):.2f}" for size in BATCH_SIZES}
                table.append({"Data": data, "Calibration": kind, "Test": test} | means)
    write_csv("medal_batches.csv", table)
    return rows


def alarms(data, kind, seed):  # -> {(test, size): share of batches}
    """MNIST has 3,000 training rows, and 7,000 rows to draw batches from; digits has 540."""
    split = load_split(data, seed)
    if data == "MNIST":
        split = Split(split.X_test, split.X_train, split.y_test, split.y_train)
    medal = fit_calibrated(split, "UMAP(15)", kind, seed)
    distortion = medal.distortion(split.X_test)
    rng = np.random.RandomState(seed)
    shares = {}
    for size in BATCH_SIZES:
        drawn = [rng.choice(len(distortion), size, replace=False) for _ in range(N_BATCHES)]
        distortions = [distortion[rows] for rows in drawn]
        whole = [split.X_test[rows] for rows in drawn[:N_FULL_BATCHES]]
        margins = (0.0, default_margin(medal))
        found = [found_by_ks(medal, distortions, margin) for margin in margins]
        for test, share in zip(TESTS, (*found, whole_rate(medal, whole)), strict=True):
            shares[test, size] = share
    return shares


def leave_one_out(bench):
    """loo_score_ of eleven teachers beside their held-out R2, on two splits."""
    sizes = {"digits": None, "USPS": N_SMALL, "MNIST": N_SMALL}
    scores = {
        data: np.array(
            [
                [_loo_and_held_out(bench, data, seed, name, sizes[data]) for name in LOO_TEACHERS]
                for seed in LOO_SEEDS
            ]
        )
        for data in DATASETS
        if has_data(data)
    }
    write_loo(scores)
    return [row for data in DATASETS for row in _loo_rows(data, scores.get(data))]


def _loo_and_held_out(bench, data, seed, teacher, n_rows):
    student = bench.student(data, seed, teacher, n_rows=n_rows)
    return student["loo_score"], student["r2"]


def _loo_rows(data, scores):  # scores: (split, teacher, (leave-one-out, held-out)) or None
    bias, order, between, behind = [], [], [], []
    if scores is not None:
        bias = np.abs(scores[:, :, 0] - scores[:, :, 1]).max(axis=1)
        order = [spearmanr(split[:, 0], split[:, 1]).statistic for split in scores]
        between = [spearmanr(*scores[:, :, 1]).statistic]
        behind = np.subtract(order, between)
    wanted = (
        ("largest |loo_score_ - held-out R2| of eleven teachers", bias, ("<=", 0.06)),
        ("Spearman of loo_score_ with held-out R2, eleven teachers", order, (">=", 0.8)),
        ("Spearman of held-out R2 between the two splits", between, None),
        ("the first Spearman minus the second", behind, (">=", -0.05)),
    )
    return [result_row("leave-one-out", data, *rest) for rest in wanted]


def write_loo(scores):
    rows = []
    for column, teacher in enumerate(LOO_TEACHERS):
        row = {"Teacher": teacher}
        for data, table in scores.items():
            loo, held_out = table[:, column].mean(axis=0)
            row |= {f"{data}, leave-one-out": f"{loo:.3f}", f"{data}, held out": f"{held_out:.3f}"}
        rows.append(row)
    write_csv("medal_loo.csv", rows)


TRUST_SECTIONS = {
    "shift": shift,
    "calibration": calibration,
    "batches": batches,
    "leave-one-out": leave_one_out,
}
