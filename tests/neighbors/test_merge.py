import re

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sksubspace.neighbors import merge_neighbors


def test_parts_are_merged_by_distance_and_then_by_index():
    first = np.array([[1.0, 2.0, 2.0]]), np.array([[3, 0, 9]])
    second = np.array([[1.0, 2.0]]), np.array([[2, 5]])
    distances, indices = merge_neighbors([first, second], 4)
    assert_array_equal(distances, [[1, 1, 2, 2]])
    assert_array_equal(indices, [[2, 3, 0, 5]])
    assert_array_equal(merge_neighbors([second, first], 4)[1], indices)


def test_the_first_of_all_are_among_the_first_of_each_piece():
    rng = np.random.RandomState(0)
    distances = rng.randint(6, size=(40, 30)).astype(float)
    columns = np.tile(np.arange(30), (40, 1))
    whole = np.argsort(distances, axis=1, kind="stable")[:, :7]
    parts = []
    for piece in np.array_split(np.arange(30), [3, 20]):
        order = np.argsort(distances[:, piece], axis=1, kind="stable")[:, :7]
        taken = piece[order]
        parts.append([np.take_along_axis(table, taken, axis=1) for table in (distances, columns)])
    merged = merge_neighbors(parts, 7)
    assert_array_equal(merged[1], whole)
    assert_array_equal(merged[0], np.take_along_axis(distances, whole, axis=1))


def test_the_parts_are_left_alone():
    part = np.array([[2.0, 1.0]]), np.array([[4, 1]])
    for array in part:
        array.flags.writeable = False
    assert_array_equal(merge_neighbors([part], 1)[1], [[1]])


PART = np.ones((3, 2)), np.ones((3, 2), dtype=int)


@pytest.mark.parametrize(
    ("parts", "n_neighbors", "kind", "message"),
    [
        ([], 1, ValueError, "in all, got shapes []."),
        ([(PART[0], PART[1][:, :1])], 1, ValueError, "got shapes [(3, 2), (3, 1)]"),
        ([PART, [part[:2] for part in PART]], 1, ValueError, "(3, 2), (2, 2), (2, 2)]"),
        ([(PART[0][0], PART[1][0])], 1, ValueError, "got shapes [(2,), (2,)]"),
        ([PART, PART], 5, ValueError, "at most 4, the neighbours in all parts, got 5"),
        ([PART], 1.0, TypeError, "n_neighbors must be an integer, got 1.0"),
    ],
)
def test_bad_input_is_named(parts, n_neighbors, kind, message):
    with pytest.raises(kind, match=re.escape(message)):
        merge_neighbors(parts, n_neighbors)
