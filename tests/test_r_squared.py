import numpy as np
import pytest

from sksubspace._linalg import match_r_squared, r_squared


@pytest.mark.parametrize(
    ("squared_error", "total", "expected"),
    [(0, 4, 1), (1, 4, 0.75), (4, 4, 0), (8, 4, -1), (0, 0, 1), (1, 0, 0)],
)
def test_r_squared(squared_error, total, expected):
    assert r_squared(squared_error, total) == expected


def test_match_is_about_the_teachers_mean():
    target = np.array([[0.0, 10], [2, 10], [4, 16]])
    placed = target + np.array([[1, 0], [0, 0], [0, -1]])
    assert match_r_squared(placed, target) == pytest.approx(1 - 2 / (8 + 24))
    assert match_r_squared(np.broadcast_to(target.mean(0), (3, 2)), target) == 0
