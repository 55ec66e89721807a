import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.path import Path as MplPath
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from sksubspace import MEDAL
from sksubspace.inspection import DistortionDisplay
from sksubspace.inspection._drawing.regions import _without_specks
from tests.inspection.data import cloud, digits, medal, overlapping, text_boxes


def bad_corner(n=600):
    """A square map that is bad in one corner."""
    Z = np.random.RandomState(0).rand(n, 2)
    corner = (Z > 0.75).all(axis=1)
    return Z, 1.0 + 4 * corner + 0.1 * np.random.RandomState(1).rand(n), corner


def test_points_carry_their_distortion_with_the_worst_on_top():
    Z, distortion = cloud(50), np.random.RandomState(1).rand(50)
    display = DistortionDisplay.from_predictions(Z, distortion)
    order = np.argsort(distortion)
    assert_array_equal(display.scatter_.get_offsets(), Z[order])
    assert_array_equal(display.scatter_.get_array(), distortion[order])
    assert_allclose(display.scatter_.get_clim(), [distortion.min(), np.quantile(distortion, 0.99)])
    assert display.scatter_.get_cmap().name == "cividis_r"
    assert "input units squared" in display.colorbar_.ax.get_ylabel()
    assert display.colorbar_.extend == "max"


def test_rows_with_nan_are_skipped_and_worst_rows_keep_their_position():
    Z, distortion = cloud(30), np.arange(30.0)
    distortion[29], Z[28] = np.nan, np.nan
    display = DistortionDisplay.from_predictions(Z, distortion, n_worst=2)
    assert_array_equal(display.worst_, [27, 26])
    assert len(display.scatter_.get_offsets()) == 28
    assert not display.in_worst_region_[[28, 29]].any()


def test_outline_encloses_the_bad_corner_and_nothing_else():
    Z, distortion, corner = bad_corner()
    display = DistortionDisplay.from_predictions(Z, distortion)
    assert corner[display.in_worst_region_].mean() > 0.95
    assert 0.03 < display.in_worst_region_.mean() < 0.08
    paths = display.contour_.get_paths()
    vertices = np.vstack([path.vertices for path in paths])
    assert vertices.min() > 0.65
    inside = np.any([path.contains_points(Z) for path in paths], axis=0)
    assert inside[corner].sum() > 10
    assert inside[~corner].sum() <= 0.1 * inside.sum()


def test_no_outline_without_differences_or_on_request():
    Z, distortion, _ = bad_corner(100)
    assert DistortionDisplay.from_predictions(Z, np.ones(100)).contour_ is None
    assert DistortionDisplay.from_predictions(Z, distortion, outline=False).contour_ is None


def test_regions_average_over_the_given_number_of_rows():
    Z, distortion = np.arange(6.0)[:, None], np.array([0.0, 0, 9, 0, 0, 0])
    display = DistortionDisplay.from_predictions(Z, distortion, n_neighbors=1)
    assert_array_equal(np.flatnonzero(display.in_worst_region_), [2])


def test_worst_rows_are_numbered_without_overlap():
    display = DistortionDisplay.from_estimator(medal(), n_worst=20)
    assert [text.get_text() for text in display.texts_] == [str(n) for n in range(1, 21)]
    distortion = medal().loo_distortion_
    assert_array_equal(display.worst_, np.argsort(-distortion, kind="stable")[:20])
    for row, text in zip(display.worst_, display.texts_, strict=True):
        assert_allclose(text.xy, medal().embedding_[row])
    assert overlapping(text_boxes(display.texts_)) == []


def test_numbers_of_one_place_are_moved_apart():
    Z = np.vstack([cloud(40), np.tile([[0.5, 0.5]], (10, 1))])
    display = DistortionDisplay.from_predictions(Z, np.arange(50.0), n_worst=10)
    assert len(display.texts_) == 10
    assert overlapping(text_boxes(display.texts_)) == []


def test_one_component_is_drawn_against_the_distortion():
    z, distortion = np.linspace(0, 1, 60), np.linspace(1, 2, 60)
    display = DistortionDisplay.from_predictions(z, distortion, n_worst=1)
    assert_allclose(display.scatter_.get_offsets(), np.column_stack([z, distortion]))
    assert len(display.contour_) == 1
    assert display.contour_[0].get_extents().x1 > display.contour_[0].get_extents().x0
    assert display.ax_.get_ylabel() == "distortion"


def test_above_fifty_thousand_points_means_of_cells_are_drawn():
    Z = cloud(50_001)
    display = DistortionDisplay.from_predictions(Z, Z[:, 0] ** 2, n_bins=10, outline=False)
    assert display.scatter_ is None
    assert display.image_.get_array().shape == (10, 10)
    row, column = 5, 5
    edges = [np.linspace(Z[:, i].min(), Z[:, i].max(), 11) for i in (0, 1)]
    cell = (Z[:, 0] >= edges[0][column]) & (Z[:, 0] < edges[0][column + 1])
    cell &= (Z[:, 1] >= edges[1][row]) & (Z[:, 1] < edges[1][row + 1])
    assert_allclose(display.image_.get_array()[row, column], (Z[cell, 0] ** 2).mean())


def test_from_estimator_takes_leave_one_out_or_new_rows():
    X, _ = digits()
    own = DistortionDisplay.from_estimator(medal())
    assert_array_equal(own.distortion, medal().loo_distortion_)
    new = DistortionDisplay.from_estimator(medal(), X[300:], relative=True)
    assert_array_equal(new.distortion, medal().distortion(X[300:], relative=True))
    assert new.colorbar_.ax.get_ylabel().startswith("relative distortion")


def test_network_without_leave_one_out_is_an_error_that_says_what_to_give():
    X, _ = digits()
    network = MEDAL("pca", decoder="mlp", max_iter=1, calibration="holdout", random_state=0)
    network.fit(X[:60])
    with pytest.raises(ValueError, match=r"no leave-one-out distortion.*give X"):
        DistortionDisplay.from_estimator(network)


def test_reconstructions_stand_beneath_the_originals():
    X, _ = digits()
    display = DistortionDisplay.from_estimator(medal(), X[300:], n_worst=3)
    axes = display.plot_reconstructions(image_shape=(8, 8))
    assert axes.shape == (2, 3)
    for column, row in enumerate(display.worst_):
        above, below = (ax.images[0].get_array().ravel() for ax in axes[:, column])
        assert_allclose(above, X[300 + row])
        assert_allclose(below, medal().reconstruct(X[300:])[row], atol=1e-12)
        assert f"row {row}" in axes[0, column].get_title()
    limits = {ax.images[0].get_clim() for ax in axes.ravel()}
    assert len(limits) == 1


def test_reconstructions_of_training_rows_are_decoded_from_the_map():
    X, _ = digits()
    display = DistortionDisplay.from_estimator(medal())
    axes = display.plot_reconstructions([5, 2], X=X[:300])
    assert len(axes) == 2
    original, back = axes[1].lines
    assert_allclose(original.get_ydata(), X[2])
    assert_allclose(back.get_ydata(), medal().inverse_transform(medal().embedding_[[2]])[0])


def test_ten_worst_rows_are_reconstructed_where_none_are_numbered():
    X, _ = digits()
    display = DistortionDisplay.from_estimator(medal(), X[300:])
    assert display.plot_reconstructions(image_shape=(8, 8)).shape == (2, 10)


def test_few_features_are_bars_with_their_names():
    Z, X = cloud(20), np.arange(60.0).reshape(20, 3)
    display = DistortionDisplay.from_predictions(
        Z, np.arange(20), X=sparse.csr_matrix(X), decode=lambda points: X[: len(points)] + 1
    )
    axes = display.plot_reconstructions([4], feature_names=["a", "$b$", "c"])
    assert_allclose([bar.get_height() for bar in axes[0].patches], X[4])
    assert_allclose(axes[0].lines[0].get_ydata(), X[0] + 1)
    labels = [text.get_text() for text in axes[0].get_xticklabels()]
    assert labels == ["a", r"\$b\$", "c"]


def test_reconstructions_are_drawn_into_a_given_figure():
    figure = Figure()
    display = DistortionDisplay.from_estimator(medal(), digits()[0][300:])
    axes = display.plot_reconstructions([1], image_shape=(8, 8), figure=figure)
    assert axes[0, 0].figure is figure


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rows": [99]}, "rows must be between 0 and 19"),
        ({"rows": [0.5]}, "rows must be positions"),
        ({"rows": [0], "X": np.zeros((3, 4))}, "X has 3 rows, but the map has 20"),
        ({"rows": [0], "image_shape": (3, 3)}, "image_shape must be"),
    ],
)
def test_reconstruction_errors(options, message):
    display = DistortionDisplay.from_predictions(
        cloud(20), np.arange(20), X=np.ones((20, 4)), decode=lambda Z: np.ones((len(Z), 4))
    )
    with pytest.raises(ValueError, match=message):
        display.plot_reconstructions(**options)


def test_reconstructions_without_rows_or_decoder_say_what_is_missing():
    display = DistortionDisplay.from_predictions(cloud(20), np.arange(20))
    with pytest.raises(ValueError, match="needs X"):
        display.plot_reconstructions([0])
    with pytest.raises(ValueError, match="needs decode"):
        display.plot_reconstructions([0], X=np.ones((20, 4)))


@pytest.mark.parametrize(
    ("distortion", "options", "message"),
    [
        (np.arange(19), {}, "distortion must have shape"),
        (["a"] * 20, {}, "distortion must hold numbers"),
        (np.full(20, np.inf), {}, "distortion has infinite"),
        (np.full(20, np.nan), {}, "No row has both"),
        (np.arange(20), {"kind": "dots"}, "kind must be"),
        (np.arange(20), {"n_worst": 21}, "n_worst must be between 0 and 20"),
    ],
)
def test_errors_name_what_is_allowed(distortion, options, message):
    with pytest.raises(ValueError, match=message):
        DistortionDisplay.from_predictions(cloud(20), distortion, **options)


def test_relative_distortion_needs_new_rows():
    with pytest.raises(ValueError, match="relative=True needs X"):
        DistortionDisplay.from_estimator(medal(), relative=True)


def test_outline_has_no_loop_about_a_single_row():
    Z, distortion, _ = bad_corner()
    Z, distortion = np.vstack([Z, [[1.6, 1.6]]]), np.append(distortion, 9.0)
    display = DistortionDisplay.from_predictions(Z, distortion)
    assert display.in_worst_region_[-1]
    loops = [loop for path in display.contour_.get_paths() for loop in path.to_polygons()]
    assert loops and all(MplPath(loop).contains_points(Z).sum() >= 5 for loop in loops)


def test_holes_of_a_few_rows_are_filled_and_the_outside_is_not():
    axes = [np.arange(20.0)] * 2
    field = np.zeros((20, 20))
    field[5:15, 5:15], field[9:11, 9:11] = 2.0, 0.0
    Z = np.array([[10.0, 10.0], *([[6.0, 6.0]] * 5), [0.0, 0.0]])
    cleaned = _without_specks(field, axes, Z, 1.0)
    assert (cleaned[5:15, 5:15] == 2).all()
    assert cleaned.sum() == 200
    few = _without_specks(field, axes, Z[:3], 1.0)
    assert (few == 0).all()
