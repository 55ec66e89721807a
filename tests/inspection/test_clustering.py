import numpy as np
import pytest
from matplotlib.figure import Figure
from sklearn.cluster import AgglomerativeClustering, KMeans
from sklearn.datasets import make_blobs

from sksubspace.inspection import ClusteringDisplay
from sksubspace.model_selection import compare_clusterings

CANDIDATES = {"k-means $x$": KMeans(n_init=3), "Ward": AgglomerativeClustering()}


@pytest.fixture(scope="module")
def rows():
    return make_blobs(120, 2, centers=3, cluster_std=0.7, random_state=4)[0]


@pytest.fixture(scope="module")
def one(rows):
    return compare_clusterings(rows, CANDIDATES, n_clusters=3)


@pytest.fixture(scope="module")
def several(rows):
    counts = np.random.RandomState(0).poisson(3, size=(120, 30))
    return compare_clusterings(rows, CANDIDATES, n_clusters=(2, 3, 4), counts=counts)


def test_candidates_stand_in_their_order_with_errors_and_ranges(one):
    display = ClusteringDisplay.from_comparison(one)
    assert isinstance(display.figure_, Figure)
    within, across = (bar.lines[0] for bar in display.errorbars_)
    np.testing.assert_allclose(within.get_xdata(), [row.excess for row in one.results])
    np.testing.assert_allclose(across.get_xdata(), [row.out_of_sample for row in one.results])
    names = [text.get_text() for text in display.ax_.get_yticklabels()]
    assert names[0] == one.best_name_.replace("$", r"\$")
    assert display.ax_.yaxis_inverted()
    assert len(display.legend_.get_texts()) == 2


def test_numbers_are_a_curve_with_the_line_of_evidence_and_counts(several):
    display = several.plot()
    across, unseen = display.errorbars_
    assert across.lines[0].get_xdata().tolist() == [2, 3, 4]
    np.testing.assert_allclose(
        across.lines[0].get_ydata(), [number.out_of_sample for number in several.numbers]
    )
    np.testing.assert_allclose(
        unseen.lines[0].get_ydata().astype(float),
        [number.deviance_explained for number in several.numbers],
    )
    dashed = [line for line in display.ax_.lines if line.get_linestyle() == "--"]
    np.testing.assert_allclose(dashed[0].get_ydata(), 0.1 * np.sqrt(np.log([2, 3, 4])))


def test_a_map_marks_the_rows_that_are_doubtful(one, rows):
    display = one.plot(embedding=rows)
    labels = one.labels_[one.best_name_]
    for k, scatter in enumerate(display.scatters_[:-1]):
        np.testing.assert_array_equal(scatter.get_offsets(), rows[labels == k])
    doubtful = rows[one.row_agreement_ < 0.5]
    np.testing.assert_array_equal(display.scatters_[-1].get_offsets(), doubtful)
    texts = [text.get_text() for text in display.legend_.get_texts()]
    assert len(texts) == 4 and texts[-1].startswith("doubtful")
    assert len(one.plot(embedding=rows, components=(0,)).scatters_) == 4


def test_it_draws_on_given_axes(one):
    ax = Figure().subplots()
    assert one.plot(ax=ax, kind="candidates").ax_ is ax


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"kind": "pie"}, "kind must be one of"),
        ({"kind": "map"}, "needs an embedding"),
        ({"embedding": np.zeros((5, 2))}, "a row for each of the 120"),
    ],
)
def test_bad_input(one, arguments, match):
    with pytest.raises(ValueError, match=match):
        one.plot(**arguments)
