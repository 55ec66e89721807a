"""Columns of views."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sksubspace._views import check_views


@pytest.mark.parametrize(
    ("view", "expected"),
    [
        (slice(None), [0, 1, 2, 3, 4]),
        (slice(1, 5, 2), [1, 3]),
        (slice(-2, None), [3, 4]),
        ([4, 0], [4, 0]),
        ((-1,), [4]),
        (np.array([True, False, False, True, False]), [0, 3]),
    ],
)
def test_columns_of_a_view(view, expected):
    (columns,) = check_views([view], 5)
    assert_array_equal(columns, expected)


def test_no_views_are_one_of_all_columns():
    (columns,) = check_views(None, 3)
    assert_array_equal(columns, [0, 1, 2])


def test_views_may_overlap():
    first, second = check_views([slice(0, 3), [2, 3]], 4)
    assert_array_equal(first, [0, 1, 2])
    assert_array_equal(second, [2, 3])


@pytest.mark.parametrize(
    ("views", "error", "message"),
    [
        ([], ValueError, "at least one view"),
        ([[0], []], ValueError, r"views\[1\] has no columns"),
        ([slice(2, 2)], ValueError, r"views\[0\] has no columns"),
        ([[False] * 5], ValueError, r"views\[0\] has no columns"),
        ([[0, 5]], ValueError, r"views\[0\] goes to column 5, but X has 5 features"),
        ([[-6]], ValueError, "goes to column -6"),
        ([slice(0, 6)], ValueError, r"views\[0\] goes to column 6"),
        ([[0, 1, 0]], ValueError, "more than once"),
        ([[4, -1]], ValueError, "more than once"),
        ([[True, False]], ValueError, "mask of 2 columns, but X has 5"),
        ([[0.5, 1.0]], TypeError, "float64"),
        ([["a"]], TypeError, "column numbers"),
        ([[[0, 1], [2, 3]]], TypeError, r"shape \(2, 2\)"),
        ([3], TypeError, r"shape \(\)"),
    ],
)
def test_views_that_are_none(views, error, message):
    with pytest.raises(error, match=message):
        check_views(views, 5)


def test_columns_of_a_view_by_name():
    first, second = check_views([["b", "c"], [0, 1]], 3, ["a", "b", "c"])
    assert_array_equal(first, [1, 2])
    assert_array_equal(second, [0, 1])


def test_a_name_that_no_column_has():
    with pytest.raises(ValueError, match=r"views\[1\] names the column 'z', which X does not"):
        check_views([["a"], ["z"]], 2, ["a", "b"])
