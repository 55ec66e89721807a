from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sksubspace.cli._columns import drop_columns, match_columns, take_label, to_numbers
from sksubspace.cli._say import UsageError
from sksubspace.cli._tables import Table
from tests.cli.tables import blobs, numbers


def table(frame, **kwargs):
    return Table(Path("data.csv"), frame, **kwargs)


def test_the_label_leaves_the_table():
    it, frame = table(blobs()), blobs()
    np.testing.assert_array_equal(take_label(it, "kind"), frame["kind"])
    assert "kind" not in it.frame
    assert take_label(it, None) is None


def test_numeric_labels_stay_numbers_and_others_become_text():
    frame = numbers().assign(age=np.arange(60), old=np.arange(60) > 30)
    assert take_label(table(frame), "age").dtype.kind == "i"
    assert set(take_label(table(frame), "old")) == {"True", "False"}


def test_a_label_beside_the_columns():
    it = table(numbers(), extra={"type": np.arange(60) % 3})
    np.testing.assert_array_equal(take_label(it, "type"), np.arange(60) % 3)
    assert it.frame.shape == (60, 4)


def test_dropping():
    it = table(numbers())
    drop_columns(it, ["gene 2", "gene 0"])
    assert list(it.frame.columns) == ["gene 1", "gene 3"]


def test_columns_are_matched_by_name_and_known_others_left_out():
    it = table(blobs()[["gene 2", "kind", "gene 0", "gene 1", "gene 3"]])
    names = [f"gene {column}" for column in range(4)]
    match_columns(it, names, 4, {"kind"})
    assert list(it.frame.columns) == names
    assert "put right" in it.notes[0]


def test_a_training_column_wins_over_one_that_was_beside():
    it = table(numbers())
    match_columns(it, list(it.frame.columns), 4, {"gene 0"})
    assert it.frame.shape == (60, 4)
    assert it.notes == []


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int16, bool])
def test_numbers_of_any_kind(kind):
    frame = pd.DataFrame((np.arange(12).reshape(6, 2) % 5).astype(kind))
    X = to_numbers(table(frame), allow_missing=False)
    assert X.dtype == (np.float32 if kind in (np.float32, bool) else np.float64)
    np.testing.assert_array_equal(X, frame.to_numpy(float))


def test_nullable_numbers_and_missing_values():
    frame = pd.DataFrame({"a": pd.array([1, None, 3], dtype="Int64"), "b": [1.0, 2.0, 3.0]})
    X = to_numbers(table(frame), allow_missing=True)
    np.testing.assert_array_equal(X, [[1, 1], [np.nan, 2], [3, 3]])
    with pytest.raises(UsageError, match=r"missing values \(1, in 1 of 3 rows and columns 'a'\)"):
        to_numbers(table(frame), allow_missing=False)


def test_whole_numbers_up_to_the_last_exact_one():
    edge = pd.DataFrame({"a": [2**53, -(2**53)], "b": [0, 1]})
    assert to_numbers(table(edge), allow_missing=False)[0, 0] == 2**53
    with pytest.raises(UsageError, match=r"2\*\*53"):
        to_numbers(table(edge - 1), allow_missing=False)


def test_the_callers_frame_is_not_written_to():
    frame = blobs()
    before = frame.copy()
    it = table(frame)
    take_label(it, "kind")
    drop_columns(it, ["gene 1"])
    to_numbers(it, allow_missing=False)
    pd.testing.assert_frame_equal(frame, before)
