from itertools import permutations

import numpy as np
import pytest

from sksubspace.metrics import clustering_accuracy


def by_brute_force(y_true, y_pred, n):
    renamed = (np.array(order)[y_pred] for order in permutations(range(n)))
    return max(np.mean(new == y_true) for new in renamed)


@pytest.mark.parametrize("n_true, n_pred", [(4, 4), (3, 5), (5, 3), (1, 4), (4, 1)])
def test_it_is_the_best_of_all_matchings(n_true, n_pred):
    rng = np.random.RandomState(0)
    y_true, y_pred = rng.randint(0, n_true, 50), rng.randint(0, n_pred, 50)
    expected = by_brute_force(y_true, y_pred, max(n_true, n_pred))
    assert clustering_accuracy(y_true, y_pred) == pytest.approx(expected)
    assert clustering_accuracy(y_pred, y_true) == pytest.approx(expected)


def test_greedy_matching_is_not_enough():
    y_true = np.repeat([0, 0, 1], [5, 4, 4])
    y_pred = np.repeat([0, 1, 0], [5, 4, 4])  # greedy: 5 + 0 rows, best: 4 + 4
    assert clustering_accuracy(y_true, y_pred) == pytest.approx(8 / 13)


def test_names_do_not_matter():
    y = np.random.RandomState(0).randint(0, 3, 30)
    names = np.array(["x", "a", "m"])[y]
    assert clustering_accuracy(y, names) == 1
    assert clustering_accuracy(list(names), 10 * y - 5) == 1
    assert isinstance(clustering_accuracy(y, y), float)


@pytest.mark.parametrize(
    "y_true, y_pred, message",
    [
        ([0, 1], [0, 1, 1], "inconsistent numbers of samples"),
        ([], [], "y_true must hold a label for each row, got none"),
        ([0, 1], [[0, 1], [1, 0]], "y_pred must hold a label for each row"),
        ([0, np.nan], [0, 1], "y_true .* not finite"),
    ],
)
def test_bad_input_is_named(y_true, y_pred, message):
    with pytest.raises(ValueError, match=message):
        clustering_accuracy(y_true, y_pred)
