import json

import numpy as np
import pytest
from scipy import sparse
from sklearn.decomposition import PCA

from sksubspace import MEDAL
from sksubspace.metrics import deviance_explained
from sksubspace.model_selection import compare_embeddings, thin_counts


class Noise:
    """A teacher that looks at nothing."""

    def fit_transform(self, X, y=None):
        return np.random.RandomState(0).randn(X.shape[0], 2)


class Kept:
    """A teacher that keeps what it is shown, and draws two columns of it."""

    shown = []

    def fit_transform(self, X, y=None):
        self.shown.append(X)
        return np.asarray(X[:, :2].toarray() if sparse.issparse(X) else X[:, :2])


def toy(n=150, d=25, seed=0):
    rng = np.random.RandomState(seed)
    Z = rng.rand(n, 2)
    return rng.poisson(np.exp(1.5 * np.sin(3 * Z @ rng.randn(2, d))))


def thinned(counts, candidates=None, **options):
    candidates = candidates or {"PCA": PCA(2), "noise": Noise()}
    return compare_embeddings(counts, candidates, validation="thin", **options)


def test_a_row_is_the_deviance_explained_of_the_half_that_no_map_has_seen():
    counts = toy()
    result = thinned(counts, n_repeats=2)
    scores = []
    for seed in (0, 1):
        train, test = thin_counts(counts, random_state=seed)
        totals = train.sum(axis=1, keepdims=True)
        Z = PCA(2, random_state=seed).fit_transform(np.log1p(train / totals * np.median(totals)))
        scores.append(deviance_explained(test, Z))
    row = result.results[0]
    assert row.name == "PCA"
    assert row.evidence == "thinned"
    assert row.split_scores == pytest.approx(scores, rel=1e-6)
    assert row.standard_error > 0
    assert result.best_name_ == "PCA"
    assert result.method == "thin"


def test_noise_and_controls_score_nothing():
    result = thinned(toy())
    rows = {row.name: row for row in result.results}
    assert rows["PCA"].score > 0.03
    for name in ("noise", "Mean (control)", "Permuted (control)"):
        assert abs(rows[name].score) <= 0.01
        assert rows[name].difference_interval[1] < 0


def test_teachers_see_the_logarithms_of_one_half_and_sparse_ones():
    counts, Kept.shown = sparse.csr_matrix(toy()), []
    thinned(counts, {"kept": Kept()}, controls=False)
    train, _ = thin_counts(counts, random_state=0)
    for shown, of in zip(Kept.shown, (train, counts), strict=True):  # the last draws the chosen map
        assert sparse.issparse(shown)
        totals = of.sum(axis=1)
        expected = np.log1p(of.toarray() / totals * np.median(np.asarray(totals)))
        np.testing.assert_allclose(shown.toarray(), expected, rtol=1e-12)


def test_the_chosen_map_is_drawn_of_all_counts():
    counts = toy()
    result = thinned(counts)
    assert isinstance(result.best_estimator_, MEDAL)
    totals = counts.sum(axis=1, keepdims=True)
    X = np.log1p(counts / totals * np.median(totals))
    assert result.best_estimator_.transform(X).shape == (150, 2)


def test_the_table_says_d2():
    result = thinned(toy())
    text = str(result)
    assert "D2" in text
    assert "R2" not in text
    assert "continuous" not in text
    assert "<th" in result._repr_html_()
    assert json.loads(result.to_json())["method"] == "thin"
    assert result.to_frame()["evidence"].tolist().count("thinned") == 3
    with pytest.raises(ValueError, match=r"these scores are of counts"):
        result.to_report("report.html", X=toy())


def test_groups_are_left_out_together():
    rng = np.random.RandomState(0)
    donor = np.arange(200) % 10
    counts = rng.poisson(3 * np.exp(rng.randn(10, 25))[donor])
    result = thinned(counts, {"PCA": PCA(2)}, groups=donor)
    row = result.results[0]
    assert row.score + row.lost_to_groups == pytest.approx(
        thinned(counts, {"PCA": PCA(2)}).results[0].score, abs=1e-9
    )
    assert row.lost_to_groups > 0.2


def test_it_is_remembered_apart_from_other_halves_and_from_leave_one_out(tmp_path):
    counts = toy()
    first = thinned(counts, memory=tmp_path)
    again = thinned(counts, memory=tmp_path)
    assert first.to_json() == again.to_json()  # wall-clock times and all: nothing was fitted anew
    rows = compare_embeddings(counts, {"PCA": PCA(2)}, method="loo", memory=tmp_path)
    assert rows.results[0].evidence == "leave-one-out"
    other = thinned(counts, memory=tmp_path, random_state=1)
    assert other.results[0].score != first.results[0].score


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        (np.log1p(toy()), r"X must be raw counts, which are whole, got"),
        (-toy(), r"X must be raw counts, which are not negative, got"),
    ],
)
def test_what_are_no_counts_is_one_error(counts, said):
    with pytest.raises(ValueError, match=said):
        thinned(counts)


def test_choices_that_do_not_go_together():
    counts = toy()
    with pytest.raises(ValueError, match="method must be 'auto' with validation='thin'"):
        thinned(counts, method="cv")
    with pytest.raises(ValueError, match="is a map that has seen them all"):
        thinned(counts, {"mine": np.random.RandomState(0).rand(150, 2)})
    with pytest.raises(ValueError, match="validation must be one of"):
        compare_embeddings(counts, validation="thick")
