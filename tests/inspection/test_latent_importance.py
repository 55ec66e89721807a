import numpy as np
import pytest
from matplotlib.figure import Figure
from numpy.testing import assert_allclose
from sklearn.cluster import DBSCAN
from sklearn.decomposition import PCA

from sksubspace.inspection import LatentImportanceDisplay
from tests.inspection.data import digits


def test_the_curve_is_the_r2_of_the_first_dimensions():
    X, _ = digits()
    pca = PCA(6).fit(X)
    display = LatentImportanceDisplay.from_estimator(pca)
    numbers, r2 = display.lines_[0].get_xydata().T
    assert_allclose(numbers, range(7))
    centred = X - X.mean(axis=0)
    for k in (0, 2, 6):
        V = pca.components_[:k]
        left = np.square(centred - centred @ V.T @ V).sum()
        assert_allclose(r2[k], 1 - left / np.square(centred).sum(), atol=1e-12)
    assert display.legend_ is None


def test_reconstruction_comes_before_variance():
    model = PCA(2).fit(digits()[0])
    model.explained_reconstruction_ratio_ = np.array([0.5, 0.2])
    display = LatentImportanceDisplay.from_estimator(model)
    assert_allclose(display.lines_[0].get_ydata(), [0, 0.5, 0.7])


def test_several_estimators_are_told_apart():
    X, _ = digits()
    pair = PCA(3).fit(X), PCA(5).fit(X)
    display = LatentImportanceDisplay.from_estimator(*pair, threshold=0.5)
    labels = [text.get_text() for text in display.legend_.get_texts()]
    assert labels == ["PCA 1", "PCA 2"]
    colors = {line.get_color() for line in display.lines_}
    assert len(colors) == 2
    assert_allclose(display.ax_.get_lines()[-1].get_ydata(), 0.5)
    named = LatentImportanceDisplay.from_estimator(*pair, names=["a$b$", "c"])
    assert named.legend_.get_texts()[0].get_text() == r"a\$b\$"


def test_given_axes_are_used_and_negative_ratios_stay_visible():
    ax = Figure().subplots()
    display = LatentImportanceDisplay({"x": [-0.2, 0.9]}).plot(ax=ax)
    assert display.ax_ is ax
    low, high = ax.get_ylim()
    assert low <= -0.2 and high >= 1


def test_errors_name_what_is_allowed():
    X, _ = digits()
    pca = PCA(2).fit(X)
    with pytest.raises(TypeError, match="DBSCAN has neither"):
        LatentImportanceDisplay.from_estimator(DBSCAN().fit(X))
    for names in (["a"], ["a", "a"], "ab", ["a", "b", "b"]):
        with pytest.raises(ValueError, match="names must be 2 different names"):
            LatentImportanceDisplay.from_estimator(pca, pca, names=names)
    with pytest.raises(ValueError, match="at least one estimator"):
        LatentImportanceDisplay({}).plot()
    with pytest.raises(ValueError, match="ratios of 'x' must be a finite vector"):
        LatentImportanceDisplay({"x": [0.1, np.nan]}).plot()
