"""A map that exists already stands beside maps that are drawn anew, by leave-one-out."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA

from sksubspace import MEDAL
from sksubspace._comparison import CandidateResult, choose, remarks
from sksubspace.metrics import embedding_score
from sksubspace.model_selection import compare_embeddings
from tests.model_selection.toys import LINEAR, compare, digits, linear, row


@pytest.fixture(scope="module")
def rows():
    return digits(120)[0]


@pytest.fixture(scope="module")
def figure(rows):
    return PCA(2).fit_transform(rows)


@pytest.mark.parametrize("method", ["cv", "auto", "loo"])
def test_its_score_is_by_leave_one_out_whatever_the_method(rows, figure, method):
    result = compare(rows, {"PCA": "pca", "my figure": figure}, method=method)
    mine = row(result, "my figure")
    expected = embedding_score(rows, figure, student=linear(random_state=0))
    assert mine.score == pytest.approx(expected.r2, abs=1e-12)
    assert mine.evidence == "leave-one-out"
    assert mine.is_fixed
    assert "optimistic" in remarks(mine, result.results)
    assert result.best_name_ == "PCA"
    text = " ".join(str(result).split())
    assert "optimistic" in text
    # where others have a score of unseen rows, the number itself says that it is another
    apart = method != "loo"
    assert (f"({mine.score:.3f})" in text) is apart
    assert ("In brackets: by leave-one-out" in text) is apart
    assert f"({row(result, 'PCA').score:.3f})" not in text
    assert result.to_frame().set_index("name").loc["my figure", "is_fixed"]
    assert str(pickle.loads(pickle.dumps(result))) == str(result)


def candidate(name, score, *, tied, is_fixed=False):
    return CandidateResult(
        name, name, {}, score=score, tied=tied, is_fixed=is_fixed, evidence="leave-one-out"
    )


@pytest.mark.parametrize("tied, expected", [(True, "drawn"), (False, "figure")])
@pytest.mark.parametrize("select", ["simplest", "one_std_err", "best"])
def test_it_gives_way_to_a_map_within_its_interval(tied, expected, select):
    rows = [
        candidate("figure", 0.7, tied=True, is_fixed=True),
        candidate("drawn", 0.69, tied=tied),
    ]
    assert choose(rows, select, ("figure", "drawn")) == expected


def test_without_others_it_is_chosen_and_extended_to_new_rows(rows, figure):
    result = compare(rows, {"my figure": figure}, method="cv")
    assert (result.best_name_, result.method) == ("my figure", "loo")
    medal = result.best_estimator_
    np.testing.assert_allclose(medal.embedding_, figure, atol=1e-12)
    assert medal.transform(rows[:3]).shape == (3, 2)
    assert row(result, "PCA (control)").evidence == "leave-one-out"


def test_frames_are_brought_into_the_order_of_the_rows(rows, figure):
    names = [f"cell {i}" for i in range(len(rows))]
    order = np.random.RandomState(0).permutation(len(rows))
    X = pd.DataFrame(rows, index=names)
    shuffled = pd.DataFrame(figure, index=names).iloc[order]
    result = compare(X, {"a": shuffled, "b": figure}, controls=False)
    assert row(result, "a").score == row(result, "b").score


@pytest.mark.parametrize(
    "places, message",
    [
        (np.zeros((120, 2)), "puts all rows at one place"),
        (np.ones((7, 2)), "has 7 rows, but X has n_samples=120"),
        (np.full((120, 2), np.inf), "infinite"),
        (np.array([["a", "b"]] * 120), "numeric array"),
        (np.r_[np.full((1, 2), np.nan), np.random.rand(119, 2)], "NaN in 1 rows"),
        (np.arange(120.0), "numeric array"),
    ],
)
def test_a_map_that_is_none_is_refused_by_name(rows, places, message):
    with pytest.raises(ValueError, match=f"'mine'.*{message}"):
        compare_embeddings(rows, {"mine": places}, student=LINEAR)


def test_a_student_that_cannot_leave_out_cannot_score_it(rows, figure):
    with pytest.raises(ValueError, match="'mine' is a map, which is scored by leave-one-out"):
        compare_embeddings(rows, {"mine": figure, "PCA": "pca"}, student=MEDAL(encoder="mlp"))
