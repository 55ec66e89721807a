"""Which map of the digits keeps most of what it has not seen? `make run` answers.

Maps by PCA, t-SNE and UMAP, with several settings each, are compared on held-out digits. A table
goes to the terminal; the pictures of the chosen map go to a folder.

    python examples/main_job.py [--out DIR] [--quick]
"""

import argparse
import csv
import math
import sys
import time
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from sklearn.callback import ProgressBar
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from sklearn.model_selection import GridSearchCV, KFold, train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer
from umap import UMAP

from sksubspace import MEDAL
from sksubspace.model_selection import one_standard_error

try:
    from rich.console import Console
    from rich.table import Table
except ImportError:
    Console = None

# ten colours that stay apart for the colour-blind; the digit drawn with them does the rest
DIGIT_COLORS = (
    "#332288", "#2E8BC0", "#117733", "#B07D00", "#CC6677",
    "#AA4499", "#2A8C7E", "#882255", "#7F7F1F", "#555555",
)  # fmt: skip
METHOD_STYLES = {"t-SNE": ("#0072B2", "o", "-"), "UMAP": ("#D55E00", "s", "--")}
NO_TICKS = {"xticks": [], "yticks": []}


@dataclass
class Candidate:
    """A map in the comparison; `setting` is the size of its neighbourhoods, 0 if it has none."""

    method: str
    parameter: str
    setting: int
    r2: float
    standard_error: float
    fit_seconds: float
    rank: int = 0
    choice_of_method: bool = False
    notes: list = field(default_factory=list)

    @property
    def name(self):
        return f"{self.method} ({self.parameter}={self.setting})" if self.setting else self.method

    @property
    def note(self):
        return ", ".join(self.notes)


def load(quick):
    """Split the digits into rows to compare maps on and rows that nothing sees until the end."""
    X, y = load_digits(return_X_y=True)
    n_samples = 500 if quick else len(X)
    return train_test_split(
        X[:n_samples], y[:n_samples], test_size=0.2, stratify=y[:n_samples], random_state=0
    )


def ink(X):
    """Scale pixels from 0..16 to 0..1: the same for all candidates, so that scores compare."""
    return (X / 16).astype(np.float32)


def teacher_grid(quick):
    """List the maps to compare."""
    perplexities, n_neighbors = ([30], [5, 15]) if quick else ([10, 30, 100], [2, 5, 15, 50])
    return [
        {"map__teacher": [PCA(n_components=2)]},
        {"map__teacher": [TSNE()], "map__teacher__perplexity": perplexities},
        {"map__teacher": [UMAP(n_jobs=1)], "map__teacher__n_neighbors": n_neighbors},
    ]


def compare(X, quick):
    """Fit every map on every fold, score it on the rows left out, refit the chosen one on X."""
    pipe = Pipeline([("scale", FunctionTransformer(ink)), ("map", MEDAL(random_state=0))])
    folds = KFold(n_splits=2 if quick else 5, shuffle=True, random_state=0)
    rule = partial(one_standard_error, order=by_simplicity)
    search = GridSearchCV(pipe, teacher_grid(quick), cv=folds, n_jobs=2, refit=rule)
    if Console and sys.stdout.isatty():
        search.set_callbacks(ProgressBar(max_propagation_depth=0))
    return search.fit(X)


def by_simplicity(params):
    """Order candidates: a linear map first, then the largest neighbourhoods."""
    return -(describe(params)[-1] or math.inf)


def read_candidates(cv_results):
    """Turn the results of a search into candidates, in the order of the search."""
    scores = split_scores(cv_results)
    errors = scores.std(axis=1, ddof=1) / math.sqrt(scores.shape[1])
    seconds = cv_results["mean_fit_time"]
    return [
        Candidate(*describe(params), float(r2), float(error), float(time_))
        for params, r2, error, time_ in zip(
            cv_results["params"], scores.mean(axis=1), errors, seconds, strict=True
        )
    ]


def split_scores(cv_results):  # -> (n_candidates, n_splits)
    n_splits = sum(name.startswith("split") for name in cv_results)
    return np.column_stack([cv_results[f"split{i}_test_score"] for i in range(n_splits)])


def describe(params):
    """Name the method, its hyperparameter and the setting of that."""
    settings = {key.split("__")[-1]: value for key, value in params.items()}
    method = {PCA: "PCA", TSNE: "t-SNE", UMAP: "UMAP"}[type(settings.pop("teacher"))]
    parameter, setting = next(iter(settings.items()), ("", 0))
    return method, parameter, setting


def rank(search):
    """Return the candidates and the mean as a control, best first, with what is said of each."""
    candidates = read_candidates(search.cv_results_)
    max(candidates, key=lambda c: c.r2).notes.append("best")
    candidates[search.best_index_].notes.append("chosen")
    for method in METHOD_STYLES:
        rows = [i for i, c in enumerate(candidates) if c.method == method]
        part = {name: [values[i] for i in rows] for name, values in search.cv_results_.items()}
        candidates[rows[one_standard_error(part, order=by_simplicity)]].choice_of_method = True
    candidates.append(Candidate("mean image", "", 0, 0.0, 0.0, 0.0))
    for candidate in candidates:
        if candidate.method not in METHOD_STYLES:
            candidate.notes.insert(0, "control")
    candidates.sort(key=lambda c: -c.r2)
    for place, candidate in enumerate(candidates, start=1):
        candidate.rank = place
    return candidates


def print_table(candidates, title):
    """Print the comparison, with rich where it is installed."""
    header = ("rank", "map", "R2", "s.e.", "fit s", "")
    rows = [
        (
            str(c.rank),
            c.name,
            f"{c.r2:.3f}",
            f"{c.standard_error:.3f}",
            f"{c.fit_seconds:.1f}",
            c.note,
        )
        for c in candidates
    ]
    if Console is None:
        print(f"\n{title}")
        for row in (header, *rows):
            print("{:>4}  {:<22} {:>6} {:>6} {:>8}  {}".format(*row).rstrip())
        return
    table = Table(title=title, title_justify="left")
    for column in header:
        table.add_column(column, justify="left" if column in ("map", "") else "right")
    for row in rows:
        table.add_row(*row, style="bold" if "chosen" in row[-1] else None)
    Console().print(table)


def write_csv(candidates, path):
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(asdict(candidates[0])))
        writer.writeheader()
        writer.writerows(asdict(c) | {"notes": c.note} for c in candidates)


def draw_map(medal, y_train, Z_test, y_test, name):
    """Draw the map that was fitted, and beside it the digits that it had not seen."""
    fig = Figure(figsize=(12, 6.2), layout="constrained")
    axes = fig.subplots(1, 2, sharex=True, sharey=True)
    for ax, Z, y in zip(axes, (medal.embedding_, Z_test), (y_train, y_test), strict=True):
        for digit, color in enumerate(DIGIT_COLORS):
            ax.scatter(*Z[y == digit].T, s=32, color=color, marker=f"${digit}$", linewidths=0.3)
        ax.set(**NO_TICKS)
    axes[0].set_title(f"The {len(y_train)} digits that the map was made from")
    axes[1].set_title(f"{len(y_test)} digits that it had not seen, placed by transform")
    fig.suptitle(f"Map of the digits by {name}")
    return fig


def draw_distortion(medal, Z_test, distortion_test, name):
    """Draw where the map lies: the error of each digit's reconstruction, worst digits on top."""
    fig = Figure(figsize=(12.6, 6.2), layout="constrained")
    axes = fig.subplots(1, 2, sharex=True, sharey=True)
    top = np.quantile(np.concatenate([medal.loo_distortion_, distortion_test]), 0.99)
    pairs = ((medal.embedding_, medal.loo_distortion_), (Z_test, distortion_test))
    for ax, (Z, distortion) in zip(axes, pairs, strict=True):
        order = np.argsort(distortion)
        points = ax.scatter(
            *Z[order].T, c=distortion[order], s=16, cmap="cividis_r", vmin=0, vmax=top
        )
        ax.set(**NO_TICKS)
    axes[0].set_title("Training digits, each left out in turn")
    axes[1].set_title("Held-out digits")
    label = "distortion: mean squared error per pixel (ink from 0 to 1)"
    fig.colorbar(points, ax=axes, label=label, extend="max", shrink=0.9)
    fig.suptitle(f"Where the map by {name} lies: dark digits do not come back from it")
    return fig


def draw_tuning(candidates, name):
    """Draw R2 against the hyperparameter, one panel for each method, with standard errors."""
    pca = next(c for c in candidates if c.method == "PCA")
    fig = Figure(figsize=(10, 5), layout="constrained")
    axes = fig.subplots(1, 2, sharey=True)
    for ax, method in zip(axes, METHOD_STYLES, strict=True):
        ax.axhline(pca.r2, color="0.3", linestyle=":", label="PCA (control)")
        draw_curve(ax, method, [c for c in candidates if c.method == method])
    axes[0].set_ylabel("held-out R2, mean ± standard error of the folds")
    handles, labels = axes[0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside lower center", ncols=3)
    fig.suptitle(f"Tuning on held-out digits; chosen over all: {name}")
    return fig


def draw_curve(ax, method, settings):
    """Draw one method's curve, and mark what the one-standard-error rule takes from it."""
    color, marker, line = METHOD_STYLES[method]
    settings = sorted(settings, key=lambda c: c.setting)
    best = max(settings, key=lambda c: c.r2)
    taken = next(c for c in settings if c.choice_of_method)
    band = (best.r2 - best.standard_error, best.r2)
    ax.axhspan(*band, color="0.85", zorder=0, label="one standard error from the method's best")
    x, r2 = [c.setting for c in settings], [c.r2 for c in settings]
    error = [c.standard_error for c in settings]
    ax.errorbar(x, r2, error, color=color, marker=marker, ls=line, capsize=4)
    ring = {"facecolors": "none", "edgecolors": "black", "linewidths": 1.6, "clip_on": False}
    ax.scatter(taken.setting, taken.r2, s=220, label="largest setting within it", **ring)
    ax.set(title=method, xscale="log", xlabel=taken.parameter)
    ax.set_xticks(x, [str(setting) for setting in x])
    ax.minorticks_off()


def draw_reconstructions(X, reconstructed, distortion, y, name):
    """Draw held-out digits above their way back from the map: one of each, the best, the worst."""
    order = np.argsort(distortion)
    blocks = {
        "One of each digit": [np.flatnonzero(y == digit)[0] for digit in range(10)],
        "Best": order[:10],
        "Worst": order[::-1][:10],
    }
    fig = Figure(figsize=(9, 7.3), layout="constrained")
    for part, (title, rows) in zip(fig.subfigures(3, 1), blocks.items(), strict=True):
        part.suptitle(title)
        draw_pairs(part.subplots(2, len(rows)), X[rows], reconstructed[rows], distortion[rows])
    fig.suptitle(f"Held-out digits, their way back from the map by {name}, and their distortion")
    return fig


def draw_pairs(axes, originals, reconstructed, distortion):
    for pair, *images, error in zip(axes.T, originals, reconstructed, distortion, strict=True):
        for ax, image in zip(pair, images, strict=True):
            ax.imshow(image.reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
            ax.set(**NO_TICKS)
        pair[1].set_xlabel(f"{error:.3f}", fontsize=8)
    axes[0, 0].set_ylabel("original")
    axes[1, 0].set_ylabel("from map")


def write_pictures(search, candidates, data, out):
    """Draw the chosen map on training and held-out digits, and write all pictures."""
    X_test, y_train, y_test = ink(data[1]), *data[2:]
    medal = search.best_estimator_["map"]
    name = next(c.name for c in candidates if "chosen" in c.notes)
    Z_test, distortion = medal.transform(X_test), medal.distortion(X_test)
    back = medal.inverse_transform(Z_test)
    figures = {
        "map.png": draw_map(medal, y_train, Z_test, y_test, name),
        "distortion.png": draw_distortion(medal, Z_test, distortion, name),
        "tuning.png": draw_tuning(candidates, name),
        "reconstructions.png": draw_reconstructions(X_test, back, distortion, y_test, name),
    }
    for file_name, fig in figures.items():
        fig.savefig(out / file_name, dpi=130)


def print_reading(search, candidates, X_test, out, seconds):
    """Say what was found, what was written, and how to read it."""
    chosen = next(c for c in candidates if "chosen" in c.notes)
    print(f"""
Chosen: {chosen.name}, the simplest map within one standard error of the best.
On {len(X_test)} digits set aside before the comparison its R2 is {search.score(X_test):.3f}.

Written to {out}/ after {seconds:.0f} seconds:
  comparison.csv       the table above
  tuning.png           R2 against each hyperparameter
  map.png              the chosen map, and digits it had not seen placed on it
  distortion.png       where it lies: dark digits do not come back from it
  reconstructions.png  held-out digits and what is left of them on the map

R2 is the share of the variation of held-out digits that comes back from two numbers each: 1 is
all, 0 no better than the mean image. It compares maps of the same data. It does not say how well
the classes are separated, and a difference below a standard error or two says nothing. Fit times
are means over the folds; UMAP's first fit in each of the two processes also compiles it.""")


def parse_arguments(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for the pictures")
    parser.add_argument("--quick", action="store_true", help="few digits, maps and folds")
    return parser.parse_args(arguments)


def main(arguments=None):
    options = parse_arguments(arguments)
    start = time.perf_counter()
    matplotlib.rcParams["font.size"] = 11
    options.out.mkdir(parents=True, exist_ok=True)
    data = load(options.quick)
    X_train, X_test = data[:2]
    print(f"Comparing maps of {len(X_train)} digits on held-out folds; this takes a few minutes.")
    search = compare(X_train, options.quick)
    candidates = rank(search)
    print_table(
        candidates, f"Held-out R2 of maps of {len(X_train)} digits, {search.n_splits_} folds"
    )
    write_csv(candidates, options.out / "comparison.csv")
    write_pictures(search, candidates, data, options.out)
    print_reading(search, candidates, X_test, options.out, time.perf_counter() - start)


if __name__ == "__main__":
    main()
