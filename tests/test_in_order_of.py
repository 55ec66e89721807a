"""What goes with rows is brought into their order by name, or refused; never silently mixed up."""

import numpy as np
import pandas as pd
import pytest

from sksubspace._validation import in_order_of

NAMES = ["p", "q", "r"]
X = pd.DataFrame({"a": [1, 2, 3]}, index=NAMES)


def test_the_same_names_in_another_order_are_reordered():
    Z = pd.DataFrame({"u": [30, 10, 20]}, index=["r", "p", "q"])
    assert in_order_of(X, Z, "Z")["u"].tolist() == [10, 20, 30]


@pytest.mark.parametrize(
    "values",
    [np.arange(3), [1, 2, 3], pd.Series([1, 2, 3]), pd.Series([1, 2, 3], index=NAMES)],
)
def test_what_has_no_names_or_the_same_stays(values):
    assert in_order_of(X, values, "y") is values


def test_rows_that_only_count_take_named_values_in_their_order():
    y = pd.Series([1, 2, 3], index=NAMES)
    assert in_order_of(X.reset_index(drop=True), y, "y") is y
    assert in_order_of(X.to_numpy(), y, "y") is y


@pytest.mark.parametrize(
    "rows, index, message",
    [
        (NAMES, ["p", "q", "z"], "Z has no row named 'r', which X has"),
        (["p", "p", "q"], ["p", "q", "p"], "some twice"),
        ([2, 0, 1], [0, 1, 2], "Z counts its rows and X has the same numbers in another order"),
        ([0, 1, 2], [2, 0, 1], "X counts its rows and Z has the same numbers in another order"),
    ],
)
def test_other_names_are_refused_in_one_line(rows, index, message):
    Z = pd.DataFrame({"u": [1, 2, 3]}, index=index)
    with pytest.raises(ValueError, match=message) as caught:
        in_order_of(X.set_axis(rows), Z, "Z")
    assert "\n" not in str(caught.value)
