import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure
from numpy.testing import assert_allclose
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA

from sksubspace.inspection import AtomsDisplay
from tests.inspection.data import digits


def test_atoms_stand_row_by_row_on_their_own_scales():
    atoms = np.array([[1.0, -2, 0, 0], [0, 0, 0, 4], [0.1, 0.1, 0.1, 0.1]])
    display = AtomsDisplay(atoms, image_shape=(2, 2)).plot(n_columns=2)
    mosaic = display.image_.get_array()
    assert mosaic.shape == (5, 5)
    assert_allclose(mosaic[:2, :2], [[0.5, -1], [0, 0]])
    assert_allclose(mosaic[:2, 3:], [[0, 0], [0, 1]])
    assert_allclose(mosaic[3:, :2], 1)
    assert mosaic.mask[2].all() and mosaic.mask[3:, 2:].all()
    assert display.image_.get_clim() == (-1, 1)


def test_colours_have_zero_in_the_middle():
    atoms = np.zeros((2, 12))
    atoms[0, :3] = [2, -2, 0]
    mosaic = AtomsDisplay(atoms, image_shape=(2, 2, 3)).plot(n_columns=2).image_.get_array()
    assert_allclose(mosaic[0, 0], [1, 0, 0.5])
    assert_allclose(mosaic[0, 2], 1)
    assert_allclose(mosaic[0, 3], 0.5)


def test_components_of_an_estimator_in_the_order_of_their_use():
    X, _ = digits()
    pca = PCA(5).fit(X)
    use = np.array([0.1, 0.5, 0.2, 0.9, 0.3])
    display = AtomsDisplay.from_estimator(pca, image_shape=(8, 8), order=use, n_atoms=3)
    assert_allclose(display.atoms, pca.components_[[3, 1, 4]])
    first = display.image_.get_array()[:8, :8]
    assert_allclose(first.ravel(), pca.components_[3] / np.abs(pca.components_[3]).max())


def test_the_grid_is_about_square_without_a_number_of_columns():
    display = AtomsDisplay(np.eye(18), image_shape=(2, 9)).plot()
    height, width = display.image_.get_array().shape
    assert 0.5 < height / width < 2


def test_given_axes_are_used_and_no_figure_is_opened():
    ax, before = Figure().subplots(), plt.get_fignums()
    assert AtomsDisplay(np.eye(4), image_shape=(2, 2)).plot(ax=ax).ax_ is ax
    assert plt.get_fignums() == before


@pytest.mark.parametrize(
    ("atoms", "shape", "options", "message"),
    [
        (np.eye(4), (2, 3), {}, "image_shape must be .* product of 4"),
        (np.eye(4), None, {}, "image_shape must be .* got None"),
        (np.eye(4), (2, 2), {"n_columns": 0}, "n_columns must be a whole number"),
        (np.zeros((0, 4)), (2, 2), {}, "atoms must be finite, of shape"),
        (np.full((2, 4), np.nan), (2, 2), {}, "atoms must be finite"),
    ],
)
def test_errors_name_what_is_allowed(atoms, shape, options, message):
    with pytest.raises(ValueError, match=message):
        AtomsDisplay(atoms, image_shape=shape).plot(**options)


def test_estimators_that_do_not_fit_are_an_error():
    X, _ = digits()
    with pytest.raises(TypeError, match="KMeans has none"):
        AtomsDisplay.from_estimator(KMeans(2).fit(X), image_shape=(8, 8))
    with pytest.raises(ValueError, match=r"order must have shape \(3,\), got \(2,\)"):
        AtomsDisplay.from_estimator(PCA(3).fit(X), image_shape=(8, 8), order=[1, 2])
