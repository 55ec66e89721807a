"""MEDAL against the recipe of its paper, on digits with the teacher UMAP(15), in one run.

The recipe is written here anew from Chang, Zikry and Allen, arXiv:2605.24244: an encoder and a
decoder of four SELU layers with 512 units each, trained together on

    mean (x - g(f(x)))^2 + 3000 mean (f(x) - z)^2

with z centred and divided by its RMS radius, Adam at 1e-3 in batches of 128, the rate halved when
the training loss has not become smaller for ten epochs, for a fixed number of epochs, on all
training rows. Every finished row is written at once, and `--epochs 2000` alone leaves the other
rows in the table.

    python benchmarks/medal_paper.py --epochs 300 2000 --seeds 3
"""

import argparse

import numpy as np
import torch
from _common import (
    Teachers,
    cpu_seconds,
    load_split,
    one_thread,
    print_table,
    r_squared,
    read_csv,
    short,
    write_csv,
    write_page,
)
from sklearn.neighbors import KNeighborsClassifier
from torch import nn

from sksubspace import MEDAL
from sksubspace._torch.inference import batched_forward
from sksubspace._torch.modules import mlp
from sksubspace._torch.random import seeded_module
from sksubspace._torch.training import train

WIDTHS = (512, 512, 512, 512)
MATCH_WEIGHT = 3000.0
STUDENTS = {"MEDAL, auto": "auto", "MEDAL, local": "local", "MEDAL, mlp": "mlp"}
REFERENCE = "MEDAL, auto"
SEEDS_CSV = "medal_paper_seeds.csv"


class PaperObjective(nn.Module):
    """The paper's loss, and its networks."""

    def __init__(self, n_features, n_components):
        super().__init__()
        self.encoder = mlp((n_features, *WIDTHS, n_components), "selu")
        self.decoder = mlp((n_components, *WIDTHS[::-1], n_features), "selu")

    def forward(self, batch):  # ((b, d), (b, q)) -> ()
        x, z = batch
        placed = self.encoder(x)
        reconstruction = nn.functional.mse_loss(self.decoder(placed), x)
        return reconstruction + MATCH_WEIGHT * nn.functional.mse_loss(placed, z)


def fit_paper(X, Z, n_epochs, seed):
    """Train the paper's networks and return them with the embedding in the paper's units."""
    centred = Z - Z.mean(axis=0)
    scaled = (centred / np.sqrt(np.square(centred).sum(axis=1).mean())).astype(X.dtype)
    generator = torch.Generator().manual_seed(seed)
    objective = seeded_module(lambda: PaperObjective(X.shape[1], Z.shape[1]), generator)
    data = (torch.from_numpy(X.copy()), torch.from_numpy(scaled))
    train(
        objective, data, max_iter=n_epochs, batch_size=128, learning_rate=1e-3,
        generator=generator, schedule="plateau",
    )  # fmt: skip
    return objective, scaled


def run_paper(split, Z, n_epochs, seed):
    (objective, scaled), seconds = cpu_seconds(fit_paper, split.X_train, Z, n_epochs, seed)
    placed = forward(objective.encoder, split.X_test)
    mismatch = forward(objective.encoder, split.X_train) - scaled
    reconstructed = forward(objective.decoder, placed)
    method = f"the paper's recipe, {n_epochs} epochs"
    return {"method": method, "seed": seed} | measures(
        split, scaled, placed, reconstructed, np.square(mismatch).mean(), seconds
    )


def run_medal(split, Z, method, seed):
    medal = MEDAL("precomputed", encoder=STUDENTS[method], random_state=seed)
    medal, seconds = cpu_seconds(medal.fit, split.X_train, embedding=Z)
    radius = np.sqrt(np.square(Z - Z.mean(axis=0)).sum(axis=1).mean())
    mismatch = (medal.transform(split.X_train) - medal.embedding_) / radius
    return {"method": method, "seed": seed} | measures(
        split, medal.embedding_, medal.transform(split.X_test), medal.reconstruct(split.X_test),
        np.square(mismatch).mean(), seconds,
    )  # fmt: skip


def forward(module, X):
    return batched_forward(module, torch.from_numpy(np.ascontiguousarray(X)))


def measures(split, embedding, placed, reconstructed, mismatch, seconds):
    classifier = KNeighborsClassifier(10).fit(embedding, split.y_train)
    return {
        "r2": r_squared(split.X_test, reconstructed, split.X_train),
        "accuracy": classifier.score(placed, split.y_test),
        "mismatch": float(mismatch),
        "cpu_s": seconds,
    }


def keep(row):
    """Put the row into the CSV of single seeds, in the place of an older one."""
    row = {name: str(value) for name, value in row.items()}
    same = ("method", "seed")
    others = [old for old in read_csv(SEEDS_CSV) if any(old[key] != row[key] for key in same)]
    write_csv(SEEDS_CSV, sorted([*others, row], key=lambda old: (old["method"], old["seed"])))
    print(row, flush=True)


def summarise():
    """Average over seeds, and set every method beside MEDAL with its defaults on the same seeds."""
    by_method = {}
    for row in read_csv(SEEDS_CSV):
        by_method.setdefault(row["method"], {})[row["seed"]] = row
    return [summary(method, seeds, by_method[REFERENCE]) for method, seeds in by_method.items()]


def summary(method, seeds, reference):
    def column(name, rows=seeds):
        return [float(rows[seed][name]) for seed in seeds]

    def spread(name):
        values = column(name)
        sd = f" ± {np.std(values, ddof=1):.3f}" if len(values) > 1 else ""
        return f"{np.mean(values):.3f}{sd}"

    seconds = column("cpu_s")
    return {
        "method": method,
        "held-out R2": spread("r2"),
        "10-NN accuracy": spread("accuracy"),
        "training mismatch": short(np.mean(column("mismatch"))),
        "CPU s": f"{np.mean(seconds):.1f}",
        "times MEDAL's CPU": f"{np.mean(seconds) / np.mean(column('cpu_s', reference)):.1f}",
        "MEDAL's R2 minus its": f"{np.mean(column('r2', reference)) - np.mean(column('r2')):.3f}",
        "seeds": len(seeds),
    }


TITLE = "MEDAL and the recipe of its paper"
TEXT = """Digits / 16, float32, 70/30 stratified; teacher UMAP(15, random_state=0) fitted on the
training rows, its own time not counted; one thread, CPU seconds of the fit. The recipe of the paper
is a re-implementation (see `benchmarks/medal_paper.py`), trained for all of its epochs without
early stopping, and scored with its own decoder. `mlp` holds a tenth of the rows out to calibrate
on; no other does. The mismatch is the mean squared error of the training rows' coordinates, in
squared units of the RMS radius. A seed is both the split and the model's. `MEDAL, auto` is the
reference of the last columns, on the same seeds. Rows are kept until they are measured anew, so
those of the paper and those of MEDAL may come from different runs on one machine."""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, nargs="*", default=[300, 2000])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--cache", help="folder that keeps the embeddings for the next run")
    options = parser.parse_args()
    teachers = Teachers(options.cache)
    with one_thread():
        for seed in range(options.seeds):
            split, Z = load_split("digits", seed), teachers.embedding("digits", seed, "UMAP(15)")
            for method in STUDENTS:
                keep(run_medal(split, Z, method, seed))
        for n_epochs in options.epochs:
            for seed in range(options.seeds):
                split, Z = (
                    load_split("digits", seed),
                    teachers.embedding("digits", seed, "UMAP(15)"),
                )
                keep(run_paper(split, Z, n_epochs, seed))
                write_page("medal_paper", TITLE, TEXT, summarise())
    rows = summarise()
    write_page("medal_paper", TITLE, TEXT, rows)
    print_table(rows)


if __name__ == "__main__":
    main()
