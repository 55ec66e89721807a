"""What a comparison takes is said before it begins."""

import pytest
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE

from sksubspace.cli._say import about
from sksubspace.model_selection._candidates import parse_candidates
from sksubspace.model_selection._cost import Work


def test_more_rows_fits_and_settings_take_longer():
    one, two = parse_candidates([TSNE()]), parse_candidates([TSNE(), TSNE(perplexity=5)])
    base = Work(one, 2_000, 2_000, 1, 0).cpu_seconds
    assert Work(one, 2_000, 2_000, 1, 5).cpu_seconds == pytest.approx(3.5 * base)
    assert Work(two, 2_000, 2_000, 1, 0).cpu_seconds == pytest.approx(1.5 * base)
    assert (
        Work(one, 1_000, 2_000, 1, 0).cpu_seconds < base < Work(one, 2_000, 9_000, 1, 0).cpu_seconds
    )
    assert Work(parse_candidates([PCA(2)]), 2_000, 2_000, 1, 0).cpu_seconds < base


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(3, "1 minute"), (95, "2 minutes"), (7_100, "118 minutes"), (7_300, "2 hours")],
)
def test_times_in_words(seconds, words):
    assert about(seconds) == words
