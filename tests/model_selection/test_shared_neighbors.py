"""UMAP and openTSNE take the neighbours that a comparison has found once."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.pipeline import make_pipeline
from umap import UMAP

from sksubspace._open_tsne import OpenTSNE
from sksubspace._teachers import neighbors_wanted, resolve_teacher, with_neighbors
from sksubspace.metrics import trustworthiness
from sksubspace.model_selection import _memory as memory
from sksubspace.model_selection import compare_embeddings
from sksubspace.neighbors import _table as table
from sksubspace.neighbors import k_nearest
from tests.model_selection.toys import LINEAR, digits, row

X, _ = digits(200)
QUICK = {"n_epochs": 20, "n_neighbors": 6, "random_state": 0}


def test_a_umap_of_given_neighbours_has_the_graph_of_its_own_search():
    squared, near = k_nearest(X, X, 9, exclude_self=True)
    given, own = with_neighbors(UMAP(**QUICK), squared, near), UMAP(**QUICK)
    given.fit(X), own.fit(X)
    np.testing.assert_allclose(given.graph_.toarray(), own.graph_.toarray(), atol=1e-5)


def test_neighbours_that_are_handed_over_are_not_written_to():
    squared, near = k_nearest(X, X, 5, exclude_self=True)
    before, far = (squared.copy(), near.copy()), float(np.sqrt(np.quantile(squared, 0.9)))
    with_neighbors(UMAP(**QUICK, disconnection_distance=far), squared, near).fit(X)
    np.testing.assert_array_equal(squared, before[0])
    np.testing.assert_array_equal(near, before[1])


class Other(UMAP):
    """Not UMAP itself: what it does with neighbours is not known."""


@pytest.mark.parametrize(
    ("teacher", "wanted"),
    [
        (UMAP(n_neighbors=6), 5),
        (OpenTSNE(perplexity=10), 30),
        (UMAP(metric="cosine"), 0),
        (UMAP(unique=True), 0),
        (UMAP(precomputed_knn=(np.zeros((3, 2)), np.zeros((3, 2)))), 0),
        (OpenTSNE(neighbors=(np.zeros((3, 2)), np.zeros((3, 2)))), 0),
        (make_pipeline(UMAP()), 0),
        (Other(), 0),
    ],
)
def test_who_takes_neighbours(teacher, wanted):
    assert neighbors_wanted(teacher) == wanted


def test_one_search_serves_settings_folds_and_the_final_fit(monkeypatch):
    given, searched = [], []

    def hand(teacher, squared, indices):
        given.append((len(indices), teacher.n_neighbors, indices.shape[1]))
        return with_neighbors(teacher, squared, indices)

    def search(queries, *args, **kwargs):
        searched.append(queries.shape[0])
        return k_nearest(queries, *args, **kwargs)

    monkeypatch.setattr(memory, "with_neighbors", hand)
    monkeypatch.setattr(table, "k_nearest", search)
    student = clone(LINEAR).set_params(keep_teacher=False)
    result = compare_embeddings(
        X, {"U": (UMAP(n_epochs=20), {"n_neighbors": [10, 4]})}, cv=3, student=student,
        race=False, metrics=(), controls=False,
    )  # fmt: skip
    assert searched[0] == 200 and sum(searched[1:]) < 40
    # leave-one-out, both confirmed on three folds, and what the final fit remembers
    assert sorted(given) == [(133, 4, 3)] * 2 + [(133, 10, 9)] * 2 + [(134, 4, 3)] + [
        (134, 10, 9)
    ] + [(200, 4, 3), (200, 10, 9)]
    assert np.isfinite(result.best_score_)


def test_a_umap_that_is_kept_can_place_new_rows():
    kept = compare_embeddings(
        X, [UMAP(**QUICK)], method="loo", student=LINEAR, metrics=(), controls=False
    ).best_estimator_
    assert kept.teacher_.transform(X[:3] + 0.01).shape == (3, 2)


def test_far_from_the_origin_the_neighbours_are_the_same():
    found = [
        compare_embeddings(
            X + shift, [UMAP(**QUICK)], method="loo", metrics=(), controls=False,
            student=clone(LINEAR).set_params(keep_teacher=False),
        )
        for shift in (0.0, 4096.0)
    ]  # fmt: skip
    near, far = (row(one, "UMAP").score for one in found)
    assert far == pytest.approx(near, abs=0.05)


def test_open_tsne_draws_a_map_that_keeps_neighbours_the_same_each_time():
    pytest.importorskip("openTSNE")
    X, _ = load_iris(return_X_y=True)
    teacher = resolve_teacher("opentsne").set_params(perplexity=10, random_state=0)
    Z = teacher.fit_transform(X)
    assert Z.shape == (150, 2) and trustworthiness(X, Z) > 0.97
    np.testing.assert_array_equal(clone(teacher).fit_transform(X), Z)
    squared, near = k_nearest(X, X, 40, exclude_self=True)
    given = with_neighbors(teacher, squared, near)
    np.testing.assert_array_equal(given.fit_transform(X), Z)
    with pytest.raises(ValueError, match=r"perplexity=50 looks at 150 neighbours, .* at most 49.6"):
        clone(teacher).set_params(perplexity=50).fit_transform(X)


def test_without_open_tsne_the_error_says_how(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "openTSNE", None)
    with pytest.raises(ImportError, match="pip install openTSNE, or take 'tsne'"):
        OpenTSNE(perplexity=5).fit_transform(X)
