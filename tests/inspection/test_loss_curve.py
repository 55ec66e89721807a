import pytest
from matplotlib.figure import Figure
from numpy.testing import assert_allclose
from sklearn.decomposition import PCA

from sksubspace.autoencoder import SparseAutoencoder
from sksubspace.inspection import LossCurveDisplay
from tests.inspection.data import digits


def test_curves_are_the_losses_by_epoch():
    X, _ = digits()
    small = {"max_iter": 4, "random_state": 0}
    plain = SparseAutoencoder(16, k=2, **small).fit(X)
    held = SparseAutoencoder(16, k=2, early_stopping=True, n_iter_no_change=9, **small)
    with pytest.warns(match="Maximum number of iterations"):
        held.fit(X)
    display = LossCurveDisplay.from_estimator(plain, held, names=["plain", "held"])
    assert_allclose(display.lines_[0].get_xydata()[:, 0], [1, 2, 3, 4])
    assert_allclose(display.lines_[0].get_ydata(), plain.loss_curve_)
    assert display.validation_lines_[0] is None
    assert_allclose(display.validation_lines_[1].get_ydata(), held.validation_loss_curve_)
    assert display.validation_lines_[1].get_color() == display.lines_[1].get_color()
    labels = [text.get_text() for text in display.legend_.get_texts()]
    assert labels == ["plain", "held, training", "held, validation"]


def test_the_scale_is_logarithmic_over_more_than_a_decade():
    scales = [
        LossCurveDisplay({"x": losses}).plot(**options).ax_.get_yscale()
        for losses, options in [
            ([100.0, 10, 1], {}),
            ([9.0, 5, 1], {}),
            ([9.0, 0.1, -1], {}),
            ([9.0, 5, 1], {"scale": "log"}),
        ]
    ]
    assert scales == ["log", "linear", "linear", "log"]


def test_one_curve_has_no_legend_and_one_epoch_is_a_dot():
    ax = Figure().subplots()
    display = LossCurveDisplay({"x": [0.3]}).plot(ax=ax)
    assert display.ax_ is ax and display.legend_ is None
    assert display.lines_[0].get_marker() == "o"


def test_errors_name_what_is_allowed():
    X, _ = digits()
    with pytest.raises(TypeError, match="PCA has none"):
        LossCurveDisplay.from_estimator(PCA(2).fit(X))
    with pytest.raises(ValueError, match="scale must be"):
        LossCurveDisplay({"x": [1.0]}).plot(scale="root")
    with pytest.raises(ValueError, match="at least one curve"):
        LossCurveDisplay({}).plot()
    with pytest.raises(ValueError, match="loss curve of 'x' must have one loss"):
        LossCurveDisplay({"x": []}).plot()
    with pytest.raises(ValueError, match=r"validation_losses must be of \['x'\], got \['y'\]"):
        LossCurveDisplay({"x": [1.0]}, validation_losses={"y": [1.0]}).plot()
