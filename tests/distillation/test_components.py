import numpy as np
import pytest

from sksubspace.distillation import ScoreComponents
from sksubspace.distillation._components import match_r_squared, r_squared

COMPONENTS = ScoreComponents(
    r2=0.5,
    r2_decoder_only=0.6,
    match_r2=0.9,
    match_source="transform",
    pca_r2=0.25,
    ae_r2=float("nan"),
    skill=1 / 3,
)


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


def test_str_is_a_table_of_every_number():
    lines = str(COMPONENTS).splitlines()
    assert [line.split()[-1] for line in lines] == [
        "0.500",
        "0.600",
        "0.900",
        "0.250",
        "nan",
        "0.333",
    ]
    assert "(transform)" in lines[2]
    assert len({len(line) for line in lines}) == 1


def test_components_cannot_be_changed():
    with pytest.raises(AttributeError):
        COMPONENTS.r2 = 1
