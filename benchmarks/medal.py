"""What MEDAL promises, as a table of asked and reached, over several seeds.

A seed is both the 70/30 split and the model's; USPS has an official split, so there it is the
model's alone. Teachers are UMAP(15, random_state=0) unless said, every parameter of MEDAL has its
default unless said, data are float32, and all runs on one thread. Each teacher is fitted once for
each split. USPS and MNIST (its 10,000 test images) are read from the folder SKSUBSPACE_DATA;
without it their rows say "absent".

    python benchmarks/medal.py                              # everything, about 40 minutes
    python benchmarks/medal.py --sections ranking shift     # these rows anew, the others kept
"""

from dataclasses import dataclass, field
from itertools import combinations
from tempfile import TemporaryDirectory

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
    r_squared,
    read_data,
    result_row,
    write_csv,
)
from _medal_trust import TRUST_SECTIONS
from scipy.stats import spearmanr
from sklearn.decomposition import PCA
from sklearn.manifold import trustworthiness
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from sksubspace import MEDAL

ENCODERS = ("auto", "local", "mlp", "linear")
LARGE = ("USPS", "MNIST")
RANKED = ("PCA(2)", "UMAP(2)", "UMAP(15)", "UMAP(50)", "t-SNE(30)", "permuted")
DIMENSIONS = (2, 3, 5, 10)


@dataclass
class Bench:
    """Teachers and students of one run, each fitted once, and its seeds."""

    teachers: Teachers
    seeds: range
    students: dict = field(default_factory=dict)

    def student(self, data, seed, teacher="UMAP(15)", encoder="auto", n_rows=None):
        """Measures of a student of the embedding `teacher` of the training rows."""
        key = (data, seed, teacher, encoder, n_rows)
        if key not in self.students:
            Z = self.teachers.embedding(data, seed, teacher, n_rows)
            split = load_split(data, seed, n_rows)
            medal = MEDAL("precomputed", encoder=encoder, random_state=seed)
            medal, seconds = cpu_seconds(medal.fit, split.X_train, embedding=Z)
            self.students[key] = measures(medal, split) | {"cpu_s": seconds}
            if teacher == "UMAP(15)" and n_rows is None:
                placed = self.teachers.placed(data, seed)[1]
                back = medal.inverse_transform(placed)
                self.students[key]["decoder_r2"] = r_squared(split.X_test, back, split.X_train)
        return self.students[key]

    def column(self, measure, data, encoder="auto", teacher="UMAP(15)"):
        """One measure over the seeds; nothing where the data are absent."""
        if not has_data(data):
            return []
        return [self.student(data, seed, teacher, encoder)[measure] for seed in self.seeds]


def measures(medal, split):
    placed = medal.transform(split.X_test)
    classifier = KNeighborsClassifier(10).fit(medal.embedding_, split.y_train)
    mismatch = np.abs(medal.transform(split.X_train) - medal.embedding_).max()
    return {
        "r2": medal.score(split.X_test),
        "accuracy": classifier.score(placed, split.y_test),
        "trustworthiness": trustworthiness(split.X_test, placed, n_neighbors=10),
        "mismatch": mismatch / rms_radius(medal.embedding_),
        "loo_score": medal.loo_score_,
        "encoder": medal.encoder_name_,
    }


def rms_radius(Z):
    return np.sqrt(np.square(Z - Z.mean(axis=0)).sum(axis=1).mean())


def exactness(bench):
    what, asked = "largest |transform(X_train) - embedding_| / RMS radius, ", ("<=", 1e-4)
    return [
        result_row(
            "exactness", data, what + encoder, bench.column("mismatch", data, encoder), asked
        )
        for data in DATASETS
        for encoder in ("local", "mlp", "linear")
    ]


def placing(bench):
    """10-NN accuracy and trustworthiness of held-out rows."""
    rows = []
    for encoder, asked in (("mlp", 0.95), ("local", 0.955)):
        values = bench.column("accuracy", "digits", encoder=encoder)
        rows.append(
            result_row("placing", "digits", f"10-NN accuracy, {encoder}", values, (">=", asked))
        )
        values = bench.column("trustworthiness", "digits", encoder=encoder)
        what = f"trustworthiness (k=10), {encoder}"
        rows.append(result_row("placing", "digits", what, values, (">=", 0.96)))
    return rows


def reconstruction(bench):
    """Held-out R2."""
    mlp = bench.column("r2", "digits", encoder="mlp")
    local = bench.column("r2", "digits", encoder="local")
    tsne = bench.column("r2", "digits", "local", "t-SNE(30)")
    shuffled = bench.column("r2", "digits", teacher="permuted")
    linear = [principal_components_r2(load_split("digits", seed)) for seed in bench.seeds]
    wanted = (
        ("R2, mlp", mlp, (">=", 0.58)),
        ("R2, local", local, (">=", 0.62)),
        ("R2, t-SNE(30) with local", tsne, (">=", 0.64)),
        ("R2, mlp, minus that of PCA-2", np.subtract(mlp, linear), (">=", 0.25)),
        ("R2, local, minus that of PCA-2", np.subtract(local, linear), (">=", 0.25)),
        ("R2, permuted teacher", shuffled, ("<=", 0.02)),
    )
    return [result_row("reconstruction", "digits", *rest) for rest in wanted]


def principal_components_r2(split):
    pca = PCA(2).fit(split.X_train)
    back = pca.inverse_transform(pca.transform(split.X_test))
    return r_squared(split.X_test, back, split.X_train)


def linear_teacher(bench):
    """A PCA teacher with encoder="auto", against the true map with the same decoder."""
    mismatch, lost = [], []
    for seed in bench.seeds:
        split = load_split("digits", seed)
        medal = MEDAL(PCA(2), random_state=seed).fit(split.X_train)
        true = medal.teacher_.transform(split.X_test)
        apart = np.abs(medal.transform(split.X_test) - true).max()
        mismatch.append(apart / rms_radius(medal.embedding_))
        true_r2 = r_squared(split.X_test, medal.inverse_transform(true), split.X_train)
        lost.append(abs(medal.score(split.X_test) - true_r2))
    what = "PCA teacher, auto: max mismatch of held-out rows / RMS radius"
    return [
        result_row("linear teacher", "digits", what, mismatch, ("<=", 1e-3)),
        result_row(
            "linear teacher", "digits", "PCA teacher, auto: |R2 - R2 of the true map|", lost,
            ("<=", 0.01),
        ),
    ]  # fmt: skip


def decoder(bench):
    """R2 of the decoder where UMAP.transform puts the held-out rows."""
    what = "R2 of the decoder at UMAP.transform coordinates"
    return [
        result_row("decoder", data, what, bench.column("decoder_r2", data), asked)
        for data, asked in (("digits", (">=", 0.67)), ("USPS", None), ("MNIST", None))
    ]


def ranking(bench):
    """Six teachers on digits, best first; their order across seeds."""
    auto, local = (r2_by_teacher(bench, encoder) for encoder in ("auto", "local"))
    write_ranking(bench, auto)
    between = "Spearman of the R2 of six teachers between two seeds"
    last = "UMAP(2) and permuted are last (1 = yes)"
    wanted = (
        (between, agreement(auto), (">=", 0.9)),
        (last, broken_are_last(auto), (">=", 1)),
        (f"{between}, encoder=local for all", agreement(local), None),
        (f"{last}, encoder=local for all", broken_are_last(local), None),
        ("R2 of PCA(2), encoder=local", local[:, RANKED.index("PCA(2)")], None),
        ("R2 of UMAP(2), encoder=local", local[:, RANKED.index("UMAP(2)")], None),
    )
    return [result_row("ranking", "digits", *rest) for rest in wanted]


def r2_by_teacher(bench, encoder):  # -> (number of seeds, 6)
    columns = [bench.column("r2", "digits", encoder, teacher) for teacher in RANKED]
    return np.column_stack(columns)


def agreement(scores):
    return [spearmanr(a, b).statistic for a, b in combinations(scores, 2)]


def broken_are_last(scores):
    return [set(np.array(RANKED)[row.argsort()[:2]]) == {"UMAP(2)", "permuted"} for row in scores]


def write_ranking(bench, scores):
    order = np.argsort(-scores.mean(axis=0))
    rows = []
    for column in order:
        encoders = {bench.student("digits", s, RANKED[column])["encoder"] for s in bench.seeds}
        mean, sd = scores[:, column].mean(), scores[:, column].std(ddof=1)
        rows.append(
            {
                "Teacher": RANKED[column],
                "Held-out R2": f"{mean:.3f}",
                "Standard error": f"{sd / np.sqrt(len(scores)):.3f}",
                "Encoder": ", ".join(sorted(encoders)),
            }
        )
    write_csv("medal_ranking.csv", rows)


def against_umap(bench):
    """MEDAL beside UMAP.transform followed by 15-NN regression, on the larger data."""
    rows = []
    for data in LARGE:
        references = [umap_reference(bench, data, s) for s in bench.seeds] if has_data(data) else []
        for measure, name in (("r2", "R2"), ("accuracy", "10-NN accuracy")):
            theirs = [reference[measure] for reference in references]
            rows.append(result_row("against UMAP", data, f"{name}, UMAP.transform + 15-NN", theirs))
            for encoder in ("auto", "mlp"):
                ours = bench.column(measure, data, encoder=encoder)
                asked = (">=", -0.02) if encoder == "auto" else None
                what = f"{name}, {encoder}, minus that of UMAP.transform + 15-NN"
                rows.append(
                    result_row("against UMAP", data, what, np.subtract(ours, theirs), asked)
                )
    return rows


def umap_reference(bench, data, seed):
    split = load_split(data, seed)
    Z, placed = bench.teachers.placed(data, seed)
    back = KNeighborsRegressor(15).fit(Z, split.X_train).predict(placed)
    classifier = KNeighborsClassifier(10).fit(Z, split.y_train)
    return {
        "r2": r_squared(split.X_test, back, split.X_train),
        "accuracy": classifier.score(placed, split.y_test),
    }


def encoders(bench):
    """All encoders with the ridge decoder; the mlp fits on nine rows of ten."""
    rows = []
    for data in DATASETS:
        for encoder in ENCODERS:
            for measure, name in (("r2", "R2"), ("accuracy", "10-NN accuracy"), ("cpu_s", "CPU s")):
                values = bench.column(measure, data, encoder=encoder)
                rows.append(result_row("encoders", data, f"{name}, {encoder}", values))
    return rows


def decoders(bench):
    """Ridge against network decoders by dimension, same encoder, same rows (nine of ten)."""
    rows = []
    for data, n_rows in (("digits", None), ("USPS", 4000)):
        for kind in ("PCA", "UMAP"):
            for n_components in DIMENSIONS:
                pairs = []
                if has_data(data):
                    pairs = [
                        decoder_pair(load_split(data, seed, n_rows), kind, n_components, seed)
                        for seed in bench.seeds
                    ]
                for name, column in (("ridge", 0), ("mlp", 1)):
                    what = f"R2, decoder={name}, {kind} with {n_components} components"
                    rows.append(result_row("decoders", data, what, [p[column] for p in pairs]))
    return rows


def decoder_pair(split, kind, n_components, seed):
    """R2 of (ridge, mlp)."""
    teacher = make_teacher("PCA(2)" if kind == "PCA" else "UMAP(15)")
    Z = teacher.set_params(n_components=n_components).fit_transform(split.X_train).copy()
    encoder = "linear" if kind == "PCA" else "local"
    common = {"encoder": encoder, "calibration": "holdout", "random_state": seed}
    return [
        MEDAL("precomputed", decoder=name, **common)
        .fit(split.X_train, embedding=Z)
        .score(split.X_test)
        for name in ("ridge", "mlp")
    ]


def cost(bench):
    """CPU seconds of the distillation and of the teacher's own fit, MNIST 10,000 x 784.

    t-SNE is fitted once, UMAP as often as there are seeds.
    """
    seconds = {"UMAP": [], "distilling UMAP": [], "t-SNE": [], "distilling t-SNE": []}
    if has_data("MNIST"):
        X = read_data("MNIST")[0]
        warm_up(X)
        for name, teacher in (("UMAP", "UMAP(15)"), ("t-SNE", "t-SNE(30)")):
            for _ in bench.seeds if name == "UMAP" else [0]:
                Z, fitting = cpu_seconds(make_teacher(teacher).fit_transform, X)
                seconds[name].append(fitting)
            seconds[f"distilling {name}"] = [distil_seconds(X, Z, seed) for seed in bench.seeds]
    rows = [result_row("cost", "MNIST", f"CPU s, {name}", v) for name, v in seconds.items()]
    for name in ("UMAP", "t-SNE"):
        what = f"CPU s of distilling {name} / CPU s of its own fit (mean)"
        ratios = [ours / np.mean(seconds[name]) for ours in seconds[f"distilling {name}"]]
        rows.append(result_row("cost", "MNIST", what, ratios, ("<=", 1)))
    return rows


def warm_up(X):
    """Let numba compile, and everything be imported, before the clock runs."""
    few = X[:4200]  # from 4,096 rows on UMAP uses approximate neighbours
    Z = make_teacher("UMAP(15)").set_params(n_epochs=5).fit_transform(few)
    MEDAL("precomputed", max_iter=1, random_state=0).fit(few, embedding=Z)


def distil_seconds(X, Z, seed):
    return cpu_seconds(MEDAL("precomputed", random_state=seed).fit, X, embedding=Z)[1]


SECTIONS = {
    "exactness": exactness,
    "placing": placing,
    "reconstruction": reconstruction,
    "linear teacher": linear_teacher,
    "decoder": decoder,
    "ranking": ranking,
    "against UMAP": against_umap,
    **TRUST_SECTIONS,
    "cost": cost,
    "encoders": encoders,
    "decoders": decoders,
}

TEXT = """Made by `python benchmarks/medal.py`, which says what a seed is. `reached` is the mean
over the `n` values beside it (one for each seed, or for each pair of seeds), `sd` their standard
deviation. `met` is "yes" if every single value meets what is asked, "mean only" if only their mean
does. Rows without `asked` are for information. float32, one thread, CPU seconds."""


PAGE = Page("medal", "MEDAL: asked and reached", TEXT, SECTIONS)


def main():
    parser = PAGE.parser(__doc__)
    parser.add_argument("--seeds", type=int, default=3, help="at least 2 (default: 3)")
    options = parser.parse_args()
    with one_thread(), TemporaryDirectory() as folder:
        bench = Bench(Teachers(options.cache or folder), range(options.seeds))
        PAGE.run(options.sections, bench)


if __name__ == "__main__":
    main()
