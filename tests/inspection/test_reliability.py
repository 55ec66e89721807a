from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from numpy.testing import assert_array_equal

from sksubspace.inspection import ReliabilityDisplay
from sksubspace.metrics import embedding_reliability
from tests.inspection.data import islands, overlapping, text_boxes

WORDS = ("ok", "torn", "merged", "misplaced")


def marked(n=200, group=None):
    """Marks of every kind, as `embedding_reliability` would hand them over."""
    return SimpleNamespace(mark=np.array(WORDS)[np.arange(n) % 8 % 5 % 4], group=group)


def test_every_mark_has_its_rows_its_marker_and_its_count():
    Z, _ = islands(200, 4)
    found = marked()
    display = ReliabilityDisplay.from_reliability(Z, found)
    assert tuple(display.scatters_) == WORDS
    for word, scatter in display.scatters_.items():
        assert_array_equal(scatter.get_offsets(), Z[found.mark == word])
    texts = [text.get_text() for text in display.legend_.get_texts()]
    counts = [(found.mark == word).sum() for word in WORDS]
    assert texts == [f"{w} ({n}, {n / 200:.1%})" for w, n in zip(WORDS, counts, strict=True)]
    assert display.texts_ == []


def test_marks_differ_without_colours():
    display = ReliabilityDisplay.from_reliability(islands(200)[0], marked())
    markers = {len(scatter.get_paths()[0].vertices) for scatter in display.scatters_.values()}
    assert len(markers) == 4
    grey = {
        word: np.dot(to_rgb(scatter.get_facecolor()[0]), [0.299, 0.587, 0.114])
        for word, scatter in display.scatters_.items()
    }
    assert grey["misplaced"] < grey["torn"] - 0.2 < grey["ok"] - 0.4
    rim = to_rgb(display.scatters_["merged"].get_edgecolor()[0])
    assert np.mean(rim) < 0.5 < grey["merged"]


def test_names_of_groups_stand_on_their_rows():
    Z, codes = islands(300, 3)
    display = ReliabilityDisplay.from_reliability(Z, marked(300, np.array(["a", "b", "c"])[codes]))
    assert sorted(text.get_text() for text in display.texts_) == ["a", "b", "c"]
    for text in display.texts_:
        own = Z[codes == "abc".index(text.get_text())]
        assert (own == text.xy).all(axis=1).any()
    assert overlapping(text_boxes(display.texts_)) == []
    other = ReliabilityDisplay.from_reliability(Z, marked(300), y=codes, names=False)
    assert other.texts_ == []


def test_the_name_of_a_torn_group_stands_on_a_piece_of_it():
    Z, codes = islands(300, 3)
    Z[(codes == 0) & (np.arange(300) % 2 == 0)] += 30
    display = ReliabilityDisplay.from_reliability(Z, marked(300), y=codes)
    for text in display.texts_:
        assert (Z[codes == int(text.get_text())] == text.xy).all(axis=1).any()


def test_from_embedding_is_the_picture_of_embedding_reliability():
    Z, codes = islands(150)
    X = np.column_stack([Z, np.sin(Z)])
    Z[:5], Z[7] = Z[-5:][::-1] + 0.01, np.nan
    display = ReliabilityDisplay.from_embedding(X, Z, y=codes, groups=np.arange(150), q=0.2)
    expected = embedding_reliability(X, Z, y=codes, groups=np.arange(150), q=0.2)
    assert_array_equal(display.reliability.mark, expected.mark)
    assert "not drawn" in expected.mark
    assert set(display.scatters_) == set(expected.mark) - {"not drawn"}
    assert sum(len(scatter.get_offsets()) for scatter in display.scatters_.values()) == 149
    assert len(display.texts_) == 3


def test_draws_on_given_axes_with_given_style():
    ax = Figure().subplots()
    display = ReliabilityDisplay.from_reliability(islands(80)[0], marked(80), ax=ax, alpha=0.3)
    assert display.ax_ is ax
    assert display.figure_ is ax.figure
    assert {scatter.get_alpha() for scatter in display.scatters_.values()} == {0.3}


@pytest.mark.parametrize("columns", [(0,), (2, 0)])
def test_draws_the_chosen_components(columns):
    Z = np.random.RandomState(0).randn(80, 3)
    display = ReliabilityDisplay.from_reliability(Z, marked(80), components=columns)
    rows = marked(80).mark == "ok"
    drawn = display.scatters_["ok"].get_offsets()[:, : len(columns)]
    assert_array_equal(drawn, Z[rows][:, columns])
    assert display.ax_.get_xlabel() == f"component {columns[0] + 1}"


def test_marks_of_many_rows_are_still_seen():
    Z = np.random.RandomState(0).randn(60_000, 2)
    display = ReliabilityDisplay.from_reliability(Z, marked(60_000))
    ok, wrong = (display.scatters_[word].get_sizes()[0] for word in ("ok", "misplaced"))
    assert wrong > 3 * ok
    assert display.scatters_["ok"].get_rasterized()


def test_marks_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"a mark for each of the 60 rows of the map, got 80"):
        ReliabilityDisplay.from_reliability(islands(60)[0], marked(80))
    with pytest.raises(ValueError, match="y must have shape"):
        ReliabilityDisplay.from_reliability(islands(80)[0], marked(80), y=[1, 2])
