"""Ranked on some rows, fitted to all of them."""

import warnings

import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE, Isomap
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline

from sksubspace._teachers import rows_needed
from sksubspace.model_selection import compare_embeddings
from tests.model_selection.toys import LINEAR, compare, digits, row

X, y = digits(240)


class Counting(BaseEstimator):
    """A PCA that notes of how many rows it is, and with which setting."""

    def __init__(self, path=None, n_neighbors=5):
        self.path = path
        self.n_neighbors = n_neighbors

    def fit_transform(self, X, y=None):
        with open(self.path, "a") as file:
            file.write(f"{len(X)} {self.n_neighbors}\n")
        return PCA(2).fit_transform(X)


def test_scores_are_those_of_the_drawn_rows_and_the_choice_is_fitted_to_all(tmp_path):
    path = tmp_path / "fits"
    params = {"metrics": (), "controls": False}
    result = compare(X, [Counting(path)], y=y, max_rows=90, **params)
    sizes = [int(line.split()[0]) for line in path.read_text().splitlines()]
    assert sizes == [60, 60, 60, 240]
    assert result.best_estimator_.embedding_.shape == (240, 2)
    assert (result.n_samples, result.n_ranked) == (240, 90)
    assert "of 90 rows that were drawn" in " ".join(str(result).split())
    drawn = np.sort(np.random.RandomState(0).choice(240, 90, replace=False))
    alone = compare(X[drawn], [Counting(path)], y=y[drawn], **params)
    assert result.results[0].split_scores == alone.results[0].split_scores
    assert "drawn" not in str(alone)


def test_as_many_rows_as_there_are_change_nothing():
    found = [
        compare(X, [PCA(2)], max_rows=most).to_json(timings=False) for most in (None, 240, 999)
    ]
    assert found[0] == found[1] == found[2]


def test_a_map_that_is_given_and_groups_are_drawn_with_the_rows():
    Z = PCA(2).fit_transform(X)
    result = compare_embeddings(
        X, {"given": Z, "P": PCA(2)}, groups=np.arange(240) // 2, max_rows=100, student=LINEAR,
        method="loo", select="best", controls=False, metrics=(),
    )  # fmt: skip
    given = row(result, "given")
    # two axes of all rows, and of the drawn ones: nearly the same plane
    assert given.score == pytest.approx(row(result, "P").score, abs=0.02)
    assert np.isfinite(given.lost_to_groups) and result.best_estimator_.groups_given_


def test_settings_that_a_draw_cannot_serve_are_named_and_left_out(tmp_path):
    grid = {"C": (Counting(tmp_path / "fits"), {"n_neighbors": [80, 5]})}
    with pytest.warns(
        UserWarning, match=r"max_rows=90 leaves 60 .* C \(n_neighbors=80\): left out"
    ):
        result = compare(X, grid, max_rows=90, metrics=(), controls=False)
    assert [one.name for one in result.results] == ["C (n_neighbors=5)"]
    settings = {line.split()[1] for line in (tmp_path / "fits").read_text().splitlines()}
    assert settings == {"5"}  # and never a smaller one in the place of 80
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        compare(X, grid, max_rows=150, metrics=(), controls=False)
    with pytest.raises(ValueError, match=r"must be at least 122: of 90 rows .* at 81 rows"):
        compare(X, {"C": Counting(tmp_path / "fits", 80)}, max_rows=90)


@pytest.mark.parametrize(
    ("teacher", "needed"),
    [(PCA(2), 2), (TSNE(perplexity=30), 91), (Isomap(n_neighbors=7), 8),
     (make_pipeline(PCA(5), TSNE(perplexity=10)), 31), (object(), 2)],
)  # fmt: skip
def test_rows_that_a_neighbourhood_takes(teacher, needed):
    assert rows_needed(teacher) == needed


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"max_rows": 49}, ValueError, "max_rows must be at least 50, got 49"),
        ({"max_rows": 2.5}, TypeError, "max_rows must be an integer, got 2.5"),
        ({"max_rows": True}, TypeError, "max_rows must be an integer"),
        ({"race": "no"}, TypeError, "race must be True or False, got 'no'"),
        (
            {"max_rows": 90, "cv": list(KFold(3).split(X))}, ValueError,
            "cv must be a number of folds or a splitter with max_rows=90",
        ),
        (
            {"max_rows": 50, "groups": np.arange(240) // 120}, ValueError, "groups must have",
        ),
    ],
)  # fmt: skip
def test_bad_input(params, error, message):
    with pytest.raises(error, match=message):
        compare(X, [PCA(2)], **params)


def test_a_splitter_splits_the_drawn_rows():
    result = compare(X, [PCA(2)], max_rows=90, cv=KFold(3), controls=False)
    assert len(result.results[0].split_scores) == 3


def test_what_cannot_fit_is_refused_before_anything_is_fitted(monkeypatch, tmp_path):
    path = tmp_path / "fits"
    monkeypatch.setattr("sksubspace._machine.free_memory", lambda: 8 * 3.05 * 240**2 - 1)
    with pytest.raises(MemoryError, match=r"candidate 'Isomap' on 240 rows needs about 0.00141 GB"):
        compare(X, [Counting(path), Isomap()], max_rows=90)
    assert not path.exists()
    monkeypatch.setattr("sksubspace._machine.free_memory", lambda: 8 * 3.05 * 240**2 + 1)
    compare(X, [Isomap()], max_rows=90, controls=False, metrics=())
    with pytest.raises(MemoryError, match=r"on 240 rows, 3 at once, .* Take fewer n_jobs"):
        compare(X, [Isomap()], n_jobs=3)
