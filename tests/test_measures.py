"""A measure of maps says itself how it is read; searches and comparisons follow."""

import numpy as np
import pytest

from sksubspace import _measures, metrics
from sksubspace._measures import measure, measures
from sksubspace.model_selection._evaluate import METRICS

X = np.arange(12.0).reshape(6, 2)


@pytest.fixture
def described(monkeypatch):
    monkeypatch.setattr(_measures, "_MEASURES", {})

    @measure(sign=-1, defaults={"k": 2}, value=max)
    def spread(X, Z, *, k):
        return [k * X.sum(), Z.sum()]

    @measure(is_compared=True, has_labels=True)
    def share(Z, y, *, n_neighbors, Z_train, y_train):
        return np.mean(y) + n_neighbors + len(Z_train) * 10 + len(y_train) * 100

    return measures(["share", "unknown", "spread"])


def test_the_page_of_names_gives_the_order(described):
    assert [*described] == ["share", "spread"]


def test_a_function_stays_what_it_is():
    assert measures(metrics.__all__)["q_nx"].function is metrics.q_nx


def test_a_score_has_the_sign_the_defaults_and_one_number(described):
    assert described["spread"].score(X, X[:1], None) == -2 * X.sum()
    assert described["spread"].score(X, X[:1], None, k=0.5) == -0.5 * X.sum()


def test_labels_take_the_place_of_the_data(described):
    new, training = (X, X, np.ones(6)), (X[:3], X[:3], np.ones(3))
    assert described["share"].held_out(new, training, 5) == 1 + 5 + 30 + 300


def test_comparisons_show_three():
    assert [*METRICS] == ["trustworthiness", "continuity", "neighborhood_hit"]
    assert [name for name, one in METRICS.items() if one.has_labels] == ["neighborhood_hit"]
