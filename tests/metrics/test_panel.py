import numpy as np
import pytest

from sksubspace.metrics._panel import has_arrangement, has_distances, is_one_picture


@pytest.mark.parametrize(
    ("continuous_share", "torn", "expected"),
    [
        (0.9, 0.05, True),
        (0.75, 0.29, True),
        (0.74, 0.05, False),
        (0.9, 0.3, False),
        (np.nan, 0.1, True),
    ],
)
def test_pieces_are_no_picture(continuous_share, torn, expected):
    assert is_one_picture(continuous_share, torn) is expected


@pytest.mark.parametrize(
    ("share", "p_value", "expected"),
    [(0.5, 0.001, True), (0.5, np.nan, True), (0.39, 0.001, False), (0.5, 0.06, False)],
)
def test_an_arrangement_as_good_as_chance_is_none(share, p_value, expected):
    assert has_arrangement(share, p_value) is expected


def test_distances_are_read_where_most_of_their_order_is_right():
    assert has_distances(0.7)
    assert has_distances(np.nan)
    assert not has_distances(0.69)
