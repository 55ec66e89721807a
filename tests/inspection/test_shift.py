import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

from sksubspace.distillation import ShiftResult
from sksubspace.inspection import ShiftDisplay
from sksubspace.inspection._shift import flag_threshold
from tests.inspection.data import digits, medal


def outcome(p_values, **more):
    values = {"shifted": True, "p_value": 0.02, "p_distortion": 0.01, "p_embedding": 0.3}
    p_values = np.asarray(p_values)
    flagged = float((p_values <= 0.05).mean())
    return ShiftResult(**values | more, fraction_flagged=flagged, alpha=0.05,
                       sample_p_values=p_values)  # fmt: skip


def made_up(n=20, q=2):
    rng = np.random.RandomState(0)
    p_values = np.where(np.arange(n) < 5, 0.01, 0.5)
    return (
        np.exp(rng.randn(100)),
        np.exp(rng.randn(n)),
        rng.randn(100, q),
        rng.randn(n, q),
        outcome(p_values),
    )


def test_from_estimator_draws_the_test_of_the_estimator():
    X, _ = digits()
    display = ShiftDisplay.from_estimator(medal(), X[300:] * 0.5, alpha=0.1)
    result = medal().detect_shift(X[300:] * 0.5, alpha=0.1)
    assert display.result.p_value == result.p_value
    flagged = result.sample_p_values <= 0.1
    assert_array_equal(display.flagged_, flagged)
    placed = medal().transform(X[300:] * 0.5)
    calibration, usual, odd = (points.get_offsets() for points in display.scatters_)
    assert_array_equal(calibration, medal().calibration_embedding_)
    assert_array_equal(usual, placed[~flagged])
    assert_array_equal(odd, placed[flagged])


def test_titles_say_verdict_p_values_and_share():
    display = ShiftDisplay.from_predictions(*made_up())
    left, right = (ax.get_title() for ax in display.axes_)
    assert "shift found (p = 0.02, level 0.05)" in left and "p = 0.01" in left
    assert "25.0% of 20 rows flagged (5% expected)" in right and "p = 0.3" in right
    calm = ShiftDisplay.from_predictions(*made_up()[:4], outcome(np.ones(20), shifted=False))
    assert calm.ax_.get_title().startswith("no shift found")


def test_histograms_hold_the_shares_of_both():
    display = ShiftDisplay.from_predictions(*made_up(), n_bins=7)
    assert display.ax_.get_xscale() == "log"
    for steps, values in zip(display.steps_, made_up()[:2], strict=True):
        xy = steps.get_xy()
        edges = np.unique(np.round(np.log10(xy[:, 0]), 9))
        assert len(edges) == 8
        heights = np.histogram(np.log10(values), np.linspace(edges[0], edges[-1], 8))[0]
        assert_allclose(xy[:, 1].max(), heights.max() / len(values), atol=0.011)


def test_ecdf_ends_at_one_and_keeps_the_values():
    old, new, *_ = made_up()
    display = ShiftDisplay.from_predictions(*made_up(), kind="ecdf")
    for step, values in zip(display.steps_, (old, new), strict=True):
        assert_allclose(np.sort(values), step.get_xdata()[1:])
        assert step.get_ydata()[-1] == 1


def test_threshold_separates_flagged_rows_from_the_others():
    X, _ = digits()
    display = ShiftDisplay.from_estimator(medal(), X[300:])
    cut = display.threshold_.get_xdata()[0]
    assert_array_equal(display.distortion > cut, display.flagged_)
    assert display.flagged_.any()


def test_threshold_needs_enough_calibration_rows():
    assert flag_threshold(np.arange(18.0), 0.05) is None
    assert flag_threshold(np.arange(19.0), 0.05) == 18
    assert flag_threshold(np.arange(100.0), 1.0) == 0


def test_with_groups_the_threshold_and_the_titles_are_those_of_groups():
    X, _ = digits()
    groups = np.r_[np.repeat(np.arange(18), 15), np.repeat([18, 19, 20], 10)]
    with_groups = clone(medal()).fit(X[:300], groups=groups)
    new = np.repeat(np.arange(100, 105), 20)
    display = ShiftDisplay.from_estimator(with_groups, X[300:], groups=new, alpha=0.1)
    cut = display.threshold_.get_xdata()[0]
    assert display.flagged_.any() and not display.flagged_.all()
    assert_array_equal(display.distortion > cut, display.flagged_)
    expected = with_groups.detect_shift(X[300:], groups=new, alpha=0.1)
    assert display.result.p_value == expected.p_value
    assert display.result.n_groups == (5, 21)
    left, right = (ax.get_title() for ax in display.axes_)
    assert "distortion of groups: p" in left and "position of groups: p" in right
    assert "found between groups (5 of the batch, 21 known) at alpha=0.1" in str(display.result)


def test_a_row_of_a_small_group_counts_more_for_the_threshold():
    calibration, groups = np.arange(40.0), np.r_[np.arange(20), np.full(20, 20)]
    assert flag_threshold(calibration, 0.05, groups) == 37  # two of twenty rows are a tenth
    assert flag_threshold(calibration, 2 / 22, groups) == 19
    assert flag_threshold(calibration, 0.05) == 38
    assert flag_threshold(calibration, 0.04, groups) is None


def test_zero_distortion_has_a_place_on_the_log_scale():
    old, _, old_map, new_map, result = made_up()
    display = ShiftDisplay.from_predictions(old, np.zeros(20), old_map, new_map, result)
    display.figure_.canvas.draw()
    assert display.ax_.get_xlim()[0] > 0


def test_fresh_calibration_rows_are_shown_where_they_lie():
    X, _ = digits()
    fresh = clone(medal()).fit(X[:200]).calibrate(X[200:300])
    display = ShiftDisplay.from_estimator(fresh, X[300:])
    assert_array_equal(display.scatters_[0].get_offsets(), fresh.calibration_embedding_)
    assert len(display.calibration_distortion) == 100


def test_one_component_is_drawn_against_fixed_heights():
    display = ShiftDisplay.from_predictions(*made_up(q=1))
    assert_allclose(display.scatters_[2].get_offsets()[:, 0], made_up(q=1)[3][:5, 0])


def test_given_axes_are_used_and_no_figure_is_opened():
    axes = Figure(layout="constrained").subplots(2, 1)
    before = plt.get_fignums()
    display = ShiftDisplay.from_predictions(*made_up(), ax=tuple(axes))
    assert list(display.axes_) == list(axes)
    assert display.ax_ is axes[0] and display.figure_ is axes[0].figure
    assert plt.get_fignums() == before


@pytest.mark.parametrize(
    ("position", "value", "message"),
    [
        (0, np.array([np.nan]), "calibration_distortion has no finite value"),
        (1, np.ones(19), "distortion must have shape"),
        (2, np.ones((9, 3)), "embedding has 2 columns, but calibration_embedding has 3"),
        (4, outcome(np.ones(3)), "sample_p_values must have shape"),
        (5, np.ones(3), "calibration_groups must have shape"),
    ],
)
def test_errors_name_what_does_not_fit(position, value, message):
    arguments = [*made_up(), None]
    arguments[position] = value
    with pytest.raises(ValueError, match=message):
        ShiftDisplay.from_predictions(*arguments[:5], calibration_groups=arguments[5])


def test_errors_name_what_is_allowed():
    with pytest.raises(ValueError, match="kind must be"):
        ShiftDisplay.from_predictions(*made_up(), kind="bars")
    with pytest.raises(ValueError, match="array of 2"):
        ShiftDisplay.from_predictions(*made_up(), ax=Figure().subplots())
