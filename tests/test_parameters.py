import numpy as np
import pytest

from sksubspace._parameters import check_choice, check_integer


@pytest.mark.parametrize("value", [True, 2.0, "2", None, np.float64(2)])
def test_what_is_no_whole_number_is_refused(value):
    with pytest.raises(TypeError, match="n must be an integer, got"):
        check_integer(value, "n")


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ((6,), "n must be at least 6, got 5."),
        ((1, 4), "n must be at least 1 and at most 4, got 5."),
        ((1, 4, "the rows"), "n must be at least 1 and at most 4, the rows, got 5."),
    ],
)
def test_whole_numbers_out_of_range_are_refused(limits, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        check_integer(5, "n", *limits)


def test_limits_are_in_the_range():
    check_integer(1, "n", 1, 4)
    check_integer(np.int32(4), "n", 1, 4)
    check_integer(-3, "n")


@pytest.mark.parametrize("value", ["c", None, 1])
def test_other_words_are_refused(value):
    check_choice("a", "kind", ("a", "b"))
    with pytest.raises(ValueError, match=f"kind must be one of 'a', 'b', got {value!r}"):
        check_choice(value, "kind", ("a", "b"))
