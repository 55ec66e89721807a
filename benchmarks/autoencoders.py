"""What the least volume autoencoder promises, as a table of asked and reached, beside its peers.

A seed is that of the networks and of the rows held out, and on generated data of the data. USPS is
read from the folder SKSUBSPACE_DATA (usps.npz), in its official split; without it its rows say
"absent". "AE + PCA" is a plain autoencoder with as many latent dimensions as the least volume one
begins with, its latent points projected on the first principal components before they are decoded;
"AE trained for k" is one with k latent dimensions. All sections but "refinement" are without the
last epochs (``refine=False``). Times are CPU seconds of one thread.

    python benchmarks/autoencoders.py                             # everything, about 25 minutes
    python benchmarks/autoencoders.py --sections linear checks    # these rows anew, others kept
    python benchmarks/autoencoders.py --sections least_volume --seeds 1
    python benchmarks/autoencoders.py --sections refinement --sets MNIST --reference FOLDER

The option --reference names a checkout of the authors' code, see `_least_volume_reference.py`.
"""

import argparse
import pickle
import sys
import time
import warnings
from copy import deepcopy
from functools import partial

import numpy as np
import torch
from _common import (
    as_markdown,
    cpu_seconds,
    has_data,
    load_split,
    one_thread,
    print_table,
    r_squared,
    read_csv,
    result_row,
    write_page,
)
from _least_volume_reference import fit_theirs, load_modules
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from torch import nn

from sksubspace._trained import make_trainer
from sksubspace.autoencoder import Autoencoder, LeastVolumeAutoencoder
from sksubspace.autoencoder._least_volume._latent_axes import affine, latent_axes
from sksubspace.autoencoder._least_volume._refinement import Refinement, refine

NAME = "autoencoders"
# dimensions, and how far below the authors' modules R2 from so many may be
ASKED = {2: 0.0, 4: 0.0, 8: -0.03}
# .01, as rows are pixels of 0 to 1, is about so much where their variance is 1
THEIR_WEIGHT = 0.1
THEIRS = f"authors' modules, weight {THEIR_WEIGHT}"
# rows that are drawn, 70 % of them to fit on
REFINED = {"USPS": 4000, "MNIST": 4000}
STD = np.array([3.79, 2.94, 2.18, 1.61, 1.13, 0.05, 0.05, 0.05])
SIZES = (8, 16)
PLAIN = {"AE + PCA": {}, "AE + PCA, learning rate 3e-3": {"learning_rate": 3e-3}}


def gaussian(seed, n_samples=2000):
    """Rows with principal standard deviations STD, and their directions in the columns."""
    rng = np.random.RandomState(seed)
    directions = np.linalg.qr(rng.standard_normal((8, 8)))[0]
    return (rng.standard_normal((n_samples, 8)) * STD) @ directions.T, directions


def linear(bench):
    """Linear networks against the principal directions of a Gaussian: five and three of noise."""
    cosines, errors, kept = [], [], []
    for seed in bench.seeds:
        X, directions = gaussian(seed)
        model = LeastVolumeAutoencoder(
            8, hidden_layer_sizes=(), learning_rate=1e-2, refine=False, random_state=seed
        ).fit(X)
        k = min(5, model.n_components_)
        zero = model.inverse_transform(np.zeros((1, k)))
        columns = (model.inverse_transform(np.eye(k)) - zero).T
        columns /= np.linalg.norm(columns, axis=0)
        cosines.append(np.abs((columns * directions[:, :k]).sum(axis=0)).min())
        errors.append(np.abs(model.latent_std_[:k] / (X @ directions).std(axis=0)[:k] - 1).max())
        kept.append(model.n_components_)
    row = partial(result_row, "linear", "5 + 3 directions, n=2000")
    return [
        row("smallest |cos| with a direction", cosines, (">=", 0.95)),
        row("largest relative error of a standard deviation", errors, ("<=", 0.1)),
        row("dimensions left", kept, ("in", (5, 5))),
    ]


def least_volume(bench):
    """R2 on the test rows of USPS from the first 8 and 16 dimensions."""
    if not has_data("USPS"):
        return [result_row("least_volume", "USPS", "gain over AE + PCA", [], (">=", 0.02))]
    split = load_split("USPS", 0)
    found = {}
    for seed in bench.seeds:
        for what, value in _least_volume(split, seed):
            found.setdefault(what, []).append(value)
    asked = {
        what: (">=", 0.02)
        for k in SIZES
        for what in (f"k={k}: gain over PCA", f"k={k}: gain over AE + PCA")
    }
    return [
        result_row("least_volume", "USPS", what, values, asked.get(what))
        for what, values in sorted(found.items())
    ]


def _least_volume(split, seed):
    """(what, value) of one seed."""
    X, X_test = split.X_train, split.X_test
    model = LeastVolumeAutoencoder(refine=False, random_state=seed)
    model, seconds = cpu_seconds(model.fit, X)
    yield from _all_dimensions("least volume", model, X_test, seconds)
    yield "all: dimensions left", model.n_components_
    Z = model.transform(X_test)
    ours = {k: r_squared(X_test, model.inverse_transform(Z[:, :k]), X) for k in SIZES}
    theirs = {"PCA": {k: _pca(k, X, X_test) for k in SIZES}}
    for name, params in PLAIN.items():
        plain = Autoencoder(64, random_state=seed, **params)
        plain, seconds = cpu_seconds(plain.fit, X)
        yield from _all_dimensions(name, plain, X_test, seconds)
        theirs[name] = {k: _latent_pca(plain, k, X, X_test) for k in SIZES}
    theirs["AE trained for k"] = {
        k: Autoencoder(k, random_state=seed).fit(X).score(X_test) for k in SIZES
    }
    for k in SIZES:
        yield f"k={k}: least volume", ours[k]
        for name, scores in theirs.items():
            yield f"k={k}: {name}", scores[k]
            yield f"k={k}: gain over {name}", ours[k] - scores[k]


def _all_dimensions(name, model, X_test, seconds):
    yield f"all: {name}", model.score(X_test)
    yield f"all: {name}, CPU s", seconds
    yield f"all: {name}, epochs", model.n_iter_


def _pca(k, X, X_test):
    pca = PCA(k, random_state=0).fit(X)
    return r_squared(X_test, pca.inverse_transform(pca.transform(X_test)), X)


def _latent_pca(model, k, X, X_test):
    pca = PCA(k, random_state=0).fit(model.transform(X))
    Z = pca.inverse_transform(pca.transform(model.transform(X_test)))
    return r_squared(X_test, model.inverse_transform(Z.astype(np.float32)), X)


class BothFits(LeastVolumeAutoencoder):
    """A fit that also keeps its networks before the last epochs, and the time that these take."""

    def _refined(self, X, objective, maps, trainer):
        own, like = deepcopy(objective), next(objective.decoder.parameters())
        there, back = (affine(*arrays, like) for arrays in maps)
        self.before_ = (
            nn.Sequential(own.standardize, own.encoder, there),
            nn.Sequential(back, own.decoder),
        )
        found, self.seconds_ = cpu_seconds(super()._refined, X, objective, maps, trainer)
        return found


def refinement(bench):
    """R2 from the first dimensions with and without the last epochs, beside what they cost."""
    rows = []
    for data, n_rows in bench.sets.items():
        found = {}
        for seed in bench.seeds if has_data(data) else ():
            reference = bench.reference if seed == bench.seeds[0] else None
            for what, value in _refined(load_split(data, seed, n_rows), seed, reference):
                print(data, seed, what, value, file=sys.stderr, flush=True)
                found.setdefault(what, []).append(value)
        rows += refinement_rows(data, found)
    return rows


def refinement_rows(data, found):
    """Rows of what was measured, and of what is asked; the authors' modules are of one seed."""
    row = partial(result_row, "refinement", data)
    rows = [row(what, values) for what, values in sorted(found.items())]
    lost = np.subtract(found.get("all: refined", []), found.get("all: not refined", []))
    rows.append(row("all: refined less not refined", lost, (">=", -0.005)))
    for k, margin in ASKED.items() if f"all: {THEIRS}" in found else ():
        gain = np.subtract(found[f"k={k}: refined"][:1], found[f"k={k}: {THEIRS}"])
        rows.append(row(f"k={k}: refined less {THEIRS}, one seed", gain, (">=", margin)))
    return rows


def _refined(split, seed, reference):
    """(what, value) of one seed; "all" is the full width after the pruning."""
    X, X_test = split.X_train, split.X_test
    model, seconds = cpu_seconds(BothFits(random_state=seed).fit, X)
    yield "dimensions left", model.n_components_
    yield "share of the last epochs in the CPU s of the fit", model.seconds_ / seconds
    Z = model.transform(X_test)
    yield from _by_size("not refined", split, from_first(*model.before_, model._model, X_test))
    yield from _by_size("refined", split, lambda k: model.inverse_transform(Z[:, :k]))
    plain = Autoencoder(64, random_state=seed).fit(X)
    yield "all: plain autoencoder, 64 dimensions", plain.score(X_test)
    yield from _by_size("plain autoencoder, refined", split, refined_plain(plain, X, X_test, seed))
    if reference:
        equal = LeastVolumeAutoencoder(volume_weight=THEIR_WEIGHT, random_state=seed).fit(X)
        codes = equal.transform(X_test)
        own = f"refined, weight {THEIR_WEIGHT}"
        yield from _by_size(own, split, lambda k: equal.inverse_transform(codes[:, :k]))
        theirs = fit_theirs(reference, X, seed, weight=THEIR_WEIGHT)
        yield from _by_size(THEIRS, split, partial(theirs, X_test))


def _by_size(name, split, reconstruct):
    for k in (*ASKED, 64):
        r2 = r_squared(split.X_test, reconstruct(k), split.X_train)
        yield f"{f'k={k}' if k in ASKED else 'all'}: {name}", r2


def from_first(encoder, decoder, model, X):
    """A function of k that reconstructs rows from their first k coordinates, the others at 0."""
    with torch.no_grad():
        Z = encoder(torch.from_numpy(X))

    def reconstruct(k):
        with torch.no_grad():
            part = torch.where(torch.arange(Z.shape[1]) < k, Z, torch.zeros(()))
            return decoder(part).numpy() * model.output_scale + model.mean

    return reconstruct


def refined_plain(plain, X, X_test, seed):
    """The same last epochs for a plain autoencoder, along the principal axes of its latent points.

    A function of k that reconstructs the test rows from the first k.
    """
    model = plain._model
    standardize, encoder = model.encoder.module
    centre, axes, _ = latent_axes(plain.transform(X), rotate=True)
    like = next(encoder.parameters())
    encoder = nn.Sequential(encoder, affine(axes.T, -(centre @ axes), like))
    decoder = nn.Sequential(affine(axes, centre, like), *model.decoder.module)
    trainer = make_trainer(plain, X.dtype, np.random.RandomState(seed))
    generator = trainer.generator()
    refine(Refinement(standardize, encoder, decoder, gain=1.0, generator=generator), X, trainer)
    return from_first(nn.Sequential(standardize, encoder), decoder, model, X_test)


def penalties(bench):
    """Dimensions left and R2 on held-out digits, by penalty and by weight."""
    rows = []
    cases = [("volume", w) for w in (1e-3, 3e-3, 1e-2, 3e-2)]
    cases += [("l1_std", w) for w in (1e-4, 1e-3, 1e-2)] + [("none", 0.0)]
    for penalty, weight in cases:
        kept, scores = [], []
        for seed in bench.seeds:
            split = load_split("digits", seed)
            model = LeastVolumeAutoencoder(
                penalty=penalty, volume_weight=weight, refine=False, random_state=seed
            ).fit(split.X_train)
            kept.append(model.n_components_)
            scores.append(model.score(split.X_test))
        row = partial(result_row, "penalties", f"digits, {penalty}, weight {weight:g}")
        rows += [row("dimensions left", kept), row("R2", scores)]
    return rows


def min_score(bench):
    """R2 less the one that was asked for, on the rows that the fit held out and on fresh ones."""
    rows = []
    for data, n_rows, targets in (("digits", None, (0.7, 0.8)), ("USPS", 9000, (0.7, 0.8))):
        for target in targets:
            held, fresh, kept = [], [], []
            for seed in bench.seeds if has_data(data) else ():
                split = load_split(data, seed, n_rows)
                model = LeastVolumeAutoencoder(min_score=target, refine=False, random_state=seed)
                fresh.append(model.fit(split.X_train).score(split.X_test) - target)
                held.append(1 - model.validation_loss_curve_[-1] - target)
                kept.append(model.n_components_)
            row = partial(result_row, "min_score", f"{data}, min_score={target}")
            bounds = ("in", (-0.01, 0.01))
            rows.append(row("R2 less min_score, rows held out by the fit", held, bounds))
            rows.append(row("R2 less min_score, fresh rows", fresh, bounds))
            rows.append(row("dimensions left", kept))
    return rows


def convolutions(bench):
    """Networks of convolutions beside dense ones, on 2,800 rows of MNIST and 1,200 others."""
    found = {}
    for seed in bench.seeds if has_data("MNIST") else ():
        split = load_split("MNIST", seed, 4000)
        for name, model in _image_models(seed):
            _, seconds = cpu_seconds(model.fit, split.X_train)
            found.setdefault(f"{name}: R2", []).append(model.score(split.X_test))
            found.setdefault(f"{name}: dimensions", []).append(model.n_components_)
            found.setdefault(f"{name}: CPU s", []).append(seconds)
            if isinstance(model, LeastVolumeAutoencoder):
                found.setdefault(f"{name}: Lipschitz bound", []).append(model.lipschitz_)
    rows = [result_row("convolutions", "MNIST", what, values) for what, values in found.items()]
    return rows or [result_row("convolutions", "MNIST", "R2", [])]


def _image_models(seed, width=32):
    """(name, model), with modules of one generator state for each seed."""
    params = {"max_iter": 40, "batch_size": 128, "random_state": seed}
    torch.manual_seed(seed)
    images = {"encoder": _image_encoder(width), "decoder": _image_decoder(width)}
    for kind, own in ((Autoencoder, {}), (LeastVolumeAutoencoder, {"refine": False})):
        yield f"{kind.__name__}, dense", kind(width, **params, **own)
        yield f"{kind.__name__}, convolutions", kind(width, **images, **params, **own)


def _image_encoder(width):
    return nn.Sequential(
        nn.Unflatten(1, (1, 28, 28)),
        nn.Conv2d(1, 16, 3, stride=2, padding=1),
        nn.GELU(),
        nn.Conv2d(16, 32, 3, stride=2, padding=1),
        nn.GELU(),
        nn.Flatten(),
        nn.Linear(1568, width),
    )


def _image_decoder(width):
    return nn.Sequential(
        nn.Linear(width, 1568),
        nn.Unflatten(1, (32, 7, 7)),
        nn.ELU(),
        nn.ConvTranspose2d(32, 16, 4, stride=2, padding=1),
        nn.ELU(),
        nn.ConvTranspose2d(16, 1, 4, stride=2, padding=1),
        nn.Flatten(),
    )


def checks(bench):
    """Files, constant columns and a last batch of one row; 1 is yes."""
    same, finite = [], []
    for seed in bench.seeds:
        X = load_split("digits", seed).X_train[:257]
        model = LeastVolumeAutoencoder(max_iter=20, refine=False, random_state=seed).fit(X)
        loaded = pickle.loads(pickle.dumps(model))
        same.append(np.array_equal(loaded.transform(X), model.transform(X)))
        X = np.hstack([np.ones((257, 3)), gaussian(seed, 257)[0]])
        model = LeastVolumeAutoencoder(
            batch_size=2, max_iter=5, early_stopping=False, refine=False, random_state=seed
        ).fit(X)
        finite.append(np.isfinite(model.inverse_transform(model.transform(X))).all())
    what = "constant columns, batches of two and one: finite"
    return [
        result_row("checks", "digits", "pickle gives the same bits", same, (">=", 1)),
        result_row("checks", "Gaussian", what, finite, (">=", 1)),
    ]


SECTIONS = {
    "linear": linear,
    "least_volume": least_volume,
    "refinement": refinement,
    "penalties": penalties,
    "min_score": min_score,
    "convolutions": convolutions,
    "checks": checks,
}

TEXT = """Made by `python benchmarks/autoencoders.py`, which says what a seed is. `reached` is the
mean over the `n` values beside it, `sd` their standard deviation. `met` is "yes" if every single
value meets what is asked, "mean only" if only their mean does. Rows without `asked` are for
information. One thread, CPU seconds.

What was asked:

{asked}
Everything:"""


def replace_rows(section, rows):
    """Put the rows of a section in the place of its old ones, and write all."""
    new = {(section, row["data"]) for row in rows}
    kept = [r for r in read_csv(f"{NAME}.csv") if (r["section"], r["data"]) not in new]
    order = list(SECTIONS)
    rows = sorted([*kept, *rows], key=lambda row: order.index(row["section"]))
    asked = [row for row in rows if row["asked"]]
    text = TEXT.format(asked=as_markdown(asked) if asked else "")
    write_page(NAME, "Autoencoders: asked and reached", text, rows)


class Bench:
    """What every section is given."""

    def __init__(self, options):
        self.seeds = range(options.seeds)
        self.sets = {name: REFINED[name] for name in options.sets}
        self.reference = load_modules(options.reference) if options.reference else None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sections", nargs="*", default=list(SECTIONS), choices=list(SECTIONS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--sets", nargs="*", default=list(REFINED), choices=list(REFINED))
    parser.add_argument("--reference", help="checkout of the authors' code, see its own module")
    options = parser.parse_args()
    bench = Bench(options)
    with one_thread(), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for section in options.sections:
            wall = time.perf_counter()
            rows, seconds = cpu_seconds(SECTIONS[section], bench)
            print_table(rows)
            replace_rows(section, rows)
            wall = time.perf_counter() - wall
            print(f"{section}: {seconds:.0f} CPU s, {wall:.0f} s", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
