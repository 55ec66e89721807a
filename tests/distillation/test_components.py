import pytest

from sksubspace.distillation import ScoreComponents

COMPONENTS = ScoreComponents(
    r2=0.5,
    r2_decoder_only=0.6,
    match_r2=0.9,
    match_source="transform",
    pca_r2=0.25,
    ae_r2=float("nan"),
    skill=1 / 3,
    continuous=0.45,
    global_share=0.75,
)


def test_str_is_a_table_of_every_number():
    lines = str(COMPONENTS).splitlines()
    assert [line.split()[-1] for line in lines] == [
        "0.500",
        "0.450",
        "0.600",
        "0.900",
        "0.250",
        "nan",
        "0.333",
        "0.750",
    ]
    assert "(transform)" in lines[3]
    assert len({len(line) for line in lines}) == 1


def test_components_cannot_be_changed():
    with pytest.raises(AttributeError):
        COMPONENTS.r2 = 1
