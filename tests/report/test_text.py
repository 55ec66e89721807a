import math

import pytest

from sksubspace.report._text import (
    block,
    fixed,
    listed,
    measured,
    p_value,
    percent,
    plain,
    plural,
    seconds,
    signed,
    significant,
)


@pytest.mark.parametrize(
    ("function", "value", "text"),
    [
        (fixed, 0.12345, "0.123"), (fixed, -0.5, "−0.500"), (fixed, -0.0001, "0.000"),
        (fixed, math.nan, "–"), (fixed, None, "–"), (fixed, math.inf, "–"),
        (signed, 0.25, "+0.250"), (signed, -0.25, "−0.250"), (signed, -1e-9, "0.000"),
        (signed, math.nan, "–"),
        (significant, 0.012345, "0.0123"), (significant, 12345.6, "12,346"),
        (significant, 1.5e-7, "1.5e−7"), (significant, 2e12, "2e12"), (significant, -3.0, "−3"),
        (measured, 0.096, "0.0960"), (measured, 5.0, "5.00"), (measured, 123.4, "123"),
        (measured, 123456.0, "123,456"), (measured, math.nan, "–"),
        (p_value, 0.0004, "< 0.001"), (p_value, 0.05, "0.050"),
        (percent, 0.286, "28.6 %"), (percent, math.nan, "–"),
        (seconds, 0.256, "0.26"), (seconds, 2.0, "2.0"), (seconds, 0.0033, "< 0.01"),
        (seconds, 3725.4, "3,725"), (seconds, math.nan, "–"),
        (listed, [], ""), (listed, ["a"], "a"), (listed, ["a", "b", "c"], "a, b and c"),
    ],
)  # fmt: skip
def test_numbers_and_lists_read_well(function, value, text):
    assert function(value) == text


def test_plural():
    assert plural(1, "row") == "1 row"
    assert plural(1200, "class", "classes") == "1,200 classes"


def test_plain_keeps_one_printable_line():
    assert plain("a\n b\t c") == "a b c"
    assert plain("a\x00b\ud800") == "a\ufffdb\ufffd"
    assert plain("x" * 500) == "x" * 119 + "…"
    assert plain("häßlich 漢字 🙂") == "häßlich 漢字 🙂"
    plain("a\ud800").encode("utf8")


def test_block_keeps_lines_and_their_indentation():
    assert block("if a:\n    b\x00") == "if a:\n    b\ufffd"
