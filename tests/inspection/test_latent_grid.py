import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure
from numpy.testing import assert_allclose, assert_array_equal

from sksubspace.inspection import LatentGridDisplay
from tests.inspection.data import medal


def made_up(n_features=6):
    """Two rows and three columns of cells, one of them without training rows."""
    values = np.arange(6.0 * n_features).reshape(2, 3, n_features)
    near = np.array([[True, True, False], [True, True, True]])
    return LatentGridDisplay([0.0, 1, 2], [10.0, 20], values, near=near), values


def test_grid_covers_the_map_and_is_decoded_by_the_estimator():
    display = LatentGridDisplay.from_estimator(medal(), image_shape=(8, 8), grid=(6, 4))
    Z = medal().embedding_
    assert_allclose(display.ax_.get_xlim(), [Z[:, 0].min(), Z[:, 0].max()])
    assert_allclose(display.ax_.get_ylim(), [Z[:, 1].min(), Z[:, 1].max()])
    point = [[display.x[2], display.y[3]]]
    assert_allclose(display.reconstructions[3, 2], medal().inverse_transform(point)[0])


def test_images_stand_in_their_cells_and_far_cells_are_blank():
    display, values = made_up()
    display.image_shape = (2, 3)
    mosaic = display.plot().image_.get_array()
    assert mosaic.shape == (2 * 3, 3 * 4)
    assert_allclose(mosaic[3:5, 0:3].ravel(), values[0, 0])
    assert_allclose(mosaic[0:2, 4:7].ravel(), values[1, 1])
    assert mosaic.mask[3:5, 8:11].all()
    assert display.image_.get_extent() == [-0.5, 2.5, 5, 25]


def test_pixels_of_images_are_square():
    display = LatentGridDisplay.from_estimator(medal(), image_shape=(8, 8), grid=(5, 9))
    display.figure_.canvas.draw()
    box, shape = display.ax_.get_window_extent(), display.image_.get_array().shape
    assert_allclose(box.width / shape[1], box.height / shape[0], rtol=0.02)


def test_color_images_keep_their_channels():
    values = np.full((2, 2, 12), 255.0)
    values[0, 0] = np.tile([255, 0, 0], 4)
    display = LatentGridDisplay([0, 1], [0, 1], values, image_shape=(2, 2, 3)).plot()
    mosaic = display.image_.get_array()
    assert mosaic.shape == (6, 6, 3)
    assert_allclose(mosaic[3, 0], [1, 0, 0])


def test_cells_without_training_rows_about_are_not_near():
    Z = medal().embedding_
    display = LatentGridDisplay.from_estimator(medal(), grid=(20, 20))
    assert 0.1 < display.near.mean() < 0.9
    widths = np.array([display.x[1] - display.x[0], display.y[1] - display.y[0]])
    row, column = np.argwhere(~display.near)[0]
    nearest = np.abs(Z - [display.x[column], display.y[row]]) / widths
    assert np.hypot(*nearest.T).min() > np.sqrt(2) / 2
    inside = ((Z - [display.x[0], display.y[0]]) / widths).round().astype(int).clip(0, 19)
    assert display.near[inside[:, 1], inside[:, 0]].all()


def test_profiles_stay_in_their_cells_on_one_scale():
    display, values = made_up()
    segments = display.plot().lines_.get_segments()
    assert len(segments) == 5
    first = segments[0]
    assert_allclose(first[[0, -1], 0], [-0.4, 0.4])
    low, high = values[0, 0, 0], values[1, 2, -1]
    assert_allclose(first[:, 1], 10 + 8 * ((values[0, 0] - low) / (high - low) - 0.5))


def test_one_feature_is_a_heat_map_with_its_name():
    display, values = made_up()
    display.feature_names = ["a", "b", "$c$", "d", "e", "f"]
    image = display.plot(feature="$c$").image_.get_array()
    assert_allclose(image[0, :2], values[0, :2, 2])
    assert image.mask[0, 2]
    assert display.colorbar_.ax.get_ylabel() == r"\$c\$"
    display.plot(feature=3)
    assert_allclose(display.image_.get_array()[1], values[1, :, 3])


def test_other_components_stay_at_their_median():
    display = LatentGridDisplay.from_estimator(medal(3), components=(2, 0), grid=(3, 3))
    point = [[display.y[1], np.median(medal(3).embedding_[:, 1]), display.x[2]]]
    assert_allclose(display.reconstructions[1, 2], medal(3).inverse_transform(point)[0])
    assert display.ax_.get_xlabel() == "component 3"


def test_one_component_is_one_row():
    display = LatentGridDisplay.from_estimator(medal(1), image_shape=(8, 8), grid=(7, 5))
    assert display.reconstructions.shape == (1, 7, 64)
    assert display.image_.get_array().shape == (9, 63)


def test_given_axes_are_used_and_no_figure_is_opened():
    ax = Figure().subplots()
    before = plt.get_fignums()
    display = LatentGridDisplay.from_estimator(medal(), ax=ax, feature=10)
    assert display.ax_ is ax and plt.get_fignums() == before
    assert_array_equal(display.near.shape, (15, 15))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"grid": (1, 5)}, "grid must be two whole numbers"),
        ({"grid": 5}, "grid must be two whole numbers"),
        ({"image_shape": (8, 9)}, "image_shape must be .* product of 64"),
        ({"image_shape": (8, 4, 2)}, "image_shape must be"),
        ({"feature": 64}, "between 0 and 63"),
        ({"feature": "pixel"}, "or the name of one"),
        ({"components": (0, 5)}, "components must be"),
    ],
)
def test_errors_name_what_is_allowed(options, message):
    with pytest.raises(ValueError, match=message):
        LatentGridDisplay.from_estimator(medal(), **options)


def test_arrays_that_do_not_fit_are_an_error():
    with pytest.raises(ValueError, match="reconstructions must have shape"):
        LatentGridDisplay([0, 1], [0, 1], np.ones((2, 3, 4))).plot()
    with pytest.raises(ValueError, match="near must have shape"):
        LatentGridDisplay([0, 1], [0, 1], np.ones((2, 2, 4)), near=np.zeros((2, 2))).plot()
