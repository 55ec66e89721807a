from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.decomposition import PCA
from sklearn.model_selection import GridSearchCV

from sksubspace import MEDAL
from sksubspace.inspection import TuningCurveDisplay
from sksubspace.inspection._drawing.scores import spread_ticks
from tests.inspection.data import (
    candidates,
    comparison,
    control,
    digits,
    overlapping,
    text_boxes,
)

SCORES = {50: 0.60, 5: 0.50, 15: 0.62}


def umap_and_tsne():
    """Two groups with a number, one candidate without, and controls; t-SNE is best."""
    results = candidates(SCORES)
    results += candidates({5: 0.6, 30: 0.64}, "t-SNE", "perplexity")
    results[4] = replace(results[4], selected=True, rank=1)
    results.append(replace(candidates({1: 0.45}, "Isomap")[0], name="Isomap", params={}))
    return [*results, control("PCA", 0.39), control("Permuted", -0.05), control("Mean", 0.0)]


def line(errorbars):
    """Return the points and the half lengths of the bars."""
    points = errorbars.lines[0].get_xydata()
    segments = np.array(errorbars.lines[2][0].get_segments())
    return points, (segments[:, 1, 1] - segments[:, 0, 1]) / 2


def test_curve_has_the_scores_in_ascending_order_with_their_errors():
    display = TuningCurveDisplay(candidates(SCORES)).plot()
    points, errors = line(display.errorbars_[0])
    assert_allclose(points, [[5, 0.50], [15, 0.62], [50, 0.60]])
    assert_allclose(errors, [0.011, 0.012, 0.010])
    assert display.ax_.get_xscale() == "log"
    assert [text.get_text() for text in display.ax_.get_xticklabels()] == ["5", "15", "50"]
    assert display.ax_.get_xlabel() == "n_neighbors"
    assert display.ax_.get_ylabel().startswith("held-out R²")


def test_small_spans_and_zero_are_on_a_linear_axis():
    for values in ({0.1: 0.5, 0.5: 0.6}, {0.0: 0.5, 1.0: 0.6}):
        display = TuningCurveDisplay(candidates(values, parameter="min_dist")).plot()
        assert display.ax_.get_xscale() == "linear"
        assert_allclose(display.ax_.get_xticks(), list(values))


def test_each_group_has_a_panel_on_one_scale_and_the_rest_share_one():
    display = TuningCurveDisplay.from_comparison(comparison(umap_and_tsne()))
    assert [ax.get_title() for ax in display.axes_] == ["UMAP", "t-SNE", "Isomap"]
    assert len({ax.get_ylim() for ax in display.axes_}) == 1
    points, _ = line(display.errorbars_[2])
    assert_allclose(points, [[0, 0.45]])
    assert [text.get_text() for text in display.axes_[2].get_xticklabels()] == ["Isomap"]


def test_band_reference_and_ring_mark_best_pca_and_chosen():
    display = TuningCurveDisplay.from_comparison(comparison(umap_and_tsne()))
    for band, reference in zip(display.bands_, display.references_, strict=True):
        assert_allclose(band.get_y(), 0.64 - 0.011)
        assert_allclose(band.get_y() + band.get_height(), 0.64)
        assert_allclose(reference.get_ydata(), [0.39, 0.39])
        assert reference.get_linestyle() == ":"
    rings = [ax.collections for ax in display.axes_]
    chosen = [c for ax in rings for c in ax if c.get_label() == "chosen"]
    assert_allclose(chosen[0].get_offsets(), [[30, 0.64]])
    assert len(chosen) == 1


def test_one_group_keeps_the_band_of_the_best_of_all():
    ax = Figure().subplots()
    before = plt.get_fignums()
    display = TuningCurveDisplay.from_comparison(comparison(umap_and_tsne()), group="UMAP", ax=ax)
    assert display.ax_ is ax and plt.get_fignums() == before
    assert_allclose(display.bands_[0].get_y() + display.bands_[0].get_height(), 0.64)
    assert len(display.errorbars_) == 1


def test_two_numbers_give_a_line_for_each_setting_of_the_other():
    results = candidates(SCORES)
    results = [replace(r, params=r.params | {"min_dist": d}) for d in (0.1, 0.5) for r in results]
    display = TuningCurveDisplay(results).plot()
    assert [bars.get_label() for bars in display.errorbars_] == ["min_dist=0.1", "min_dist=0.5"]
    assert display.ax_.get_xlabel() == "n_neighbors"
    styles = {bars.lines[0].get_linestyle() for bars in display.errorbars_}
    assert len(styles) == 2


def test_screened_candidates_are_drawn_apart_from_confirmed_ones():
    results = [replace(r, loo_score=r.score + 0.03) for r in candidates(SCORES)]
    results[1] = replace(results[1], evidence="leave-one-out", score=0.53)
    display = TuningCurveDisplay(results).plot()
    points, _ = line(display.errorbars_[0])
    assert_allclose(points, [[15, 0.62], [50, 0.60]])
    screening = next(one for one in display.ax_.lines if "screening" in str(one.get_label()))
    assert_allclose(screening.get_xydata(), [[5, 0.53], [15, 0.65], [50, 0.63]])


def test_pca_alone_needs_no_panel_beside_curves():
    pca = replace(candidates({2: 0.4}, "PCA")[0], params={}, selected=True)
    display = TuningCurveDisplay([*candidates(SCORES), pca]).plot()
    assert len(display.axes_) == 1
    assert display.references_[0].get_label() == "PCA (chosen)"


def test_failed_candidates_do_not_stop_the_picture():
    results = candidates({5: np.nan, 15: 0.6, 50: 0.61})
    display = TuningCurveDisplay(results).plot()
    assert_allclose(display.bands_[0].get_height(), 0.012)
    dead = [replace(r, score=np.nan) for r in candidates({5: 0.5}, parameter="a")]
    with pytest.raises(ValueError, match="no candidate has a score"):
        TuningCurveDisplay(dead).plot(kind="curves")


def test_labels_of_close_values_do_not_overlap_and_the_chosen_one_stays():
    values = dict.fromkeys([5, 14, 15, 16, 17, 500], 0.5)
    results = [replace(r, selected=r.params["n_neighbors"] == 16) for r in candidates(values)]
    display = TuningCurveDisplay(results).plot()
    texts = [text for text in display.ax_.get_xticklabels() if text.get_text()]
    assert [text.get_text() for text in texts] == ["5", "16", "500"]
    assert overlapping(text_boxes(texts)) == []


def test_names_of_many_single_candidates_do_not_overlap():
    names = [f"a rather long name {index}" for index in range(6)]
    singles = [replace(candidates({1: 0.5}, n)[0], name=n, params={}) for n in names]
    display = TuningCurveDisplay([*candidates(SCORES), *singles]).plot()
    assert overlapping(text_boxes(display.axes_[-1].get_xticklabels())) == []


def test_spread_ticks_keeps_what_has_room():
    assert_array_equal(spread_ticks(np.array([1, 10, 100.0]), True), [1, 10, 100])
    assert_array_equal(spread_ticks(np.array([0, 1, 100.0]), False), [0, 100])
    assert_array_equal(spread_ticks(np.array([0, 1, 100.0]), False, kept=[1]), [1, 100])


def test_ranking_draws_every_row_with_its_interval():
    results = umap_and_tsne()
    display = TuningCurveDisplay(results).plot(kind="ranking")
    ordered = [text.get_text() for text in display.ax_.get_yticklabels()]
    assert ordered[0] == "t-SNE (perplexity=30)"
    assert len(ordered) == len(results)
    point = display.errorbars_[0].lines[0].get_xydata()
    assert_allclose(point, [[0.64, 0]])
    segment = display.errorbars_[0].lines[2][0].get_segments()[0]
    assert_allclose(segment[:, 0], [0.64 - 0.011, 0.64 + 0.011])
    assert display.ax_.yaxis_inverted()
    assert "0.640 ± 0.011" in [text.get_text() for text in display.ax_.texts]


def test_ranking_fills_ties_greys_controls_and_puts_failed_rows_last():
    interval = {"difference_interval": (-0.1, 0.1)}
    best, worse, dead = candidates({5: 0.6, 15: 0.5, 50: np.nan}, **interval)
    best = replace(best, tied=True, rank=1)
    display = TuningCurveDisplay([dead, worse, best, control("PCA", 0.4)]).plot(kind="ranking")
    fills = [bars.lines[0].get_markerfacecolor() for bars in display.errorbars_[:3]]
    assert fills == ["black", "white", "0.6"]
    assert display.errorbars_[3] is None
    assert display.ax_.texts[-1].get_text() == "failed"
    labels = [text.get_text() for text in display.legend_.get_texts()]
    assert labels[:3] == ["not told apart from the best", "worse", "control"]


def test_ranking_says_which_rows_were_only_screened():
    confirmed, screened = candidates({5: 0.6, 15: 0.5})
    screened = replace(screened, evidence="leave-one-out")
    mixed = TuningCurveDisplay([confirmed, screened]).plot(kind="ranking")
    names = [text.get_text() for text in mixed.ax_.get_yticklabels()]
    assert names == ["UMAP (n_neighbors=5)", "UMAP (n_neighbors=15) (leave-one-out)"]
    alone = TuningCurveDisplay([screened]).plot(kind="ranking")
    assert alone.ax_.get_yticklabels()[0].get_text() == "UMAP (n_neighbors=15)"


def test_controls_far_below_do_not_squeeze_the_ranking():
    results = [*candidates({5: 0.60, 15: 0.61}), control("Permuted", -5.0)]
    results.append(replace(control("Mean", 0.0), evidence="definition"))
    display = TuningCurveDisplay(results).plot(kind="ranking")
    low, high = display.ax_.get_xlim()
    assert 0.5 < low < high < 0.7
    assert_allclose(display.errorbars_[3].lines[0].get_xydata(), [[low, 3]])
    assert "0.000" in [text.get_text() for text in display.ax_.texts]
    assert "-5.000 ± 0.005" in [text.get_text() for text in display.ax_.texts]


def test_without_a_number_the_ranking_is_drawn():
    singles = [replace(r, params={}) for r in candidates(SCORES)]
    display = TuningCurveDisplay(singles).plot()
    assert len(display.ax_.get_yticks()) == 3


def test_names_of_candidates_are_drawn_literally():
    results = [replace(r, name="$x^2$\n" + r.name, group="$g$") for r in candidates(SCORES)]
    ranking = TuningCurveDisplay(results).plot(kind="ranking")
    assert ranking.ax_.get_yticklabels()[0].get_text().startswith(r"\$x^2\$ UMAP")
    curves = TuningCurveDisplay(results).plot()
    assert curves.ax_.get_title() == r"\$g\$"
    curves.figure_.canvas.draw()


def test_leave_one_out_scores_are_named_so():
    results = candidates(SCORES, evidence="leave-one-out")
    display = TuningCurveDisplay.from_comparison(comparison(results))
    assert display.ax_.get_ylabel().startswith("leave-one-out R²")


def test_grid_search_is_drawn_as_it_was_scored():
    X, _ = digits()
    grid = [{"n_neighbors": [2, 5, 40]}, {"teacher": [PCA(1)]}]
    medal = MEDAL(PCA(2), encoder="local", max_iter=2, random_state=0)
    search = GridSearchCV(medal, grid, cv=3).fit(X[:90])
    display = TuningCurveDisplay.from_cv_results(search.cv_results_, "n_neighbors")
    points, errors = line(display.errorbars_[0])
    assert_allclose(points[:, 1], search.cv_results_["mean_test_score"][:3])
    std = search.cv_results_["std_test_score"][:3]
    assert_allclose(errors, std * np.sqrt(3 / 2) / np.sqrt(3))
    assert len(display.axes_) == 2
    ring = [c for ax in display.axes_ for c in ax.collections if c.get_label() == "chosen"]
    assert_allclose(ring[0].get_offsets()[0, 1], search.best_score_)


def test_grid_search_takes_the_metric_and_the_choice():
    cv_results = {
        "params": [{"map__k": 1}, {"map__k": 2}],
        "split0_test_a": [0.1, 0.2],
        "split1_test_a": [0.3, 0.4],
        "split0_test_b": [9, 9],
    }
    display = TuningCurveDisplay.from_cv_results(cv_results, "map__k", metric="a", best_index=0)
    points, _ = line(display.errorbars_[0])
    assert_allclose(points, [[1, 0.2], [2, 0.3]])
    assert [result.selected for result in display.results] == [True, False]
    assert display.ax_.get_ylabel().startswith("held-out a")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"group": "PHATE"}, "group must be one of"),
        ({"kind": "bars"}, "kind must be one of"),
        ({"ax": np.array([None, None])}, "ax must be an array of 3"),
    ],
)
def test_errors_name_what_is_allowed(options, message):
    with pytest.raises(ValueError, match=message):
        TuningCurveDisplay.from_comparison(comparison(umap_and_tsne()), **options)


def test_errors_of_a_search_name_its_parameters():
    cv_results = {"params": [{"k": 1}], "split0_test_score": [0.1]}
    with pytest.raises(ValueError, match=r"one of \['k'\], got 'n_neighbors'"):
        TuningCurveDisplay.from_cv_results(cv_results, "n_neighbors")
    with pytest.raises(ValueError, match="no split with a 'r2'"):
        TuningCurveDisplay.from_cv_results(cv_results, "k", metric="r2")


def test_controls_alone_are_nothing_to_draw():
    with pytest.raises(ValueError, match="at least one candidate"):
        TuningCurveDisplay([control("PCA", 0.4)]).plot()
