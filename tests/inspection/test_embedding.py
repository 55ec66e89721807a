import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb, to_rgba
from matplotlib.figure import Figure
from numpy.testing import assert_allclose, assert_array_equal

from sksubspace.inspection import EmbeddingDisplay
from sksubspace.inspection._drawing.style import CLASS_COLORS
from sksubspace.inspection._embedding import class_marker
from tests.inspection.data import cloud, digits, islands, medal, overlapping, text_boxes

NAMES = np.array(["ash", "beech", "cedar"])


def drawn(collection):
    return np.asarray(collection.get_offsets())


def test_plain_map_draws_every_finite_row():
    Z = cloud(50)
    Z[[3, 7]] = np.nan
    display = EmbeddingDisplay.from_predictions(Z)
    assert_array_equal(drawn(display.scatters_[0]), np.delete(Z, [3, 7], axis=0))
    assert display.colorbar_ is display.legend_ is display.image_ is None


def test_each_class_has_its_points_color_and_marker():
    Z, codes = islands()
    display = EmbeddingDisplay.from_predictions(Z, y=NAMES[codes])
    looks = set()
    for code, points in enumerate(display.scatters_):
        assert_array_equal(drawn(points), Z[codes == code])
        assert_allclose(points.get_facecolor()[0], to_rgba(CLASS_COLORS[code]))
        looks.add(points.get_paths()[0].vertices.tobytes())
    assert len(looks) == 3


@pytest.mark.parametrize(
    "palette", [{"cedar": "blue", "ash": "red", "beech": "lime"}, ["red", "lime", "blue"]]
)
@pytest.mark.parametrize("kind", ["scatter", "hist"])
def test_a_palette_goes_by_name_or_by_the_order_of_names(palette, kind):
    Z, codes = islands()
    display = EmbeddingDisplay.from_predictions(Z, y=NAMES[codes], palette=palette, kind=kind)
    if kind == "scatter":
        colors = [points.get_facecolor()[0][:3] for points in display.scatters_]
        assert_allclose(colors, [to_rgb(color) for color in ("red", "lime", "blue")])
    else:
        picture = np.asarray(display.image_.get_array())
        found = {tuple(color) for color in picture[picture[..., 3] > 0][:, :3]}
        assert found == {(1, 0, 0), (0, 1, 0), (0, 0, 1)}


@pytest.mark.parametrize(
    "palette, message",
    [
        ({"ash": "red"}, r"none for \['beech', 'cedar'\]"),
        (["red"], "a colour for each of 3 classes"),
        ("red", "palette must be a dict"),
        (["red", "lime", "no colour"], "matplotlib knows, got 'no colour'"),
    ],
)
def test_a_palette_that_does_not_fit_is_an_error(palette, message):
    Z, codes = islands()
    with pytest.raises(ValueError, match=message):
        EmbeddingDisplay.from_predictions(Z, y=NAMES[codes], palette=palette)


def test_names_stand_on_separated_islands_at_their_medians():
    Z, codes = islands()
    display = EmbeddingDisplay.from_predictions(Z, y=NAMES[codes])
    assert [text.get_text() for text in display.texts_] == list(NAMES)
    for code, text in enumerate(display.texts_):
        assert_allclose(text.xy, np.median(Z[codes == code], axis=0))
    assert display.legend_ is None


def test_names_of_mixed_classes_go_to_a_legend_outside_the_axes():
    y = NAMES[np.arange(300) % 3]
    display = EmbeddingDisplay.from_predictions(cloud(300), y=y, label_name="tree")
    assert display.texts_ == []
    assert [text.get_text() for text in display.legend_.get_texts()] == list(NAMES)
    assert display.legend_.get_title().get_text() == "tree"
    display.figure_.canvas.draw()
    box = display.legend_.get_window_extent()
    assert box.x0 > display.ax_.get_window_extent().x1
    assert box.x1 <= display.figure_.bbox.x1


def test_failed_names_leave_nothing_behind():
    Z, codes = islands(n_classes=3)
    long_names = np.array([letter * 36 for letter in "abc"])
    display = EmbeddingDisplay.from_predictions(Z, y=long_names[codes], ax=_small_axes())
    assert display.texts_ == [] and len(display.ax_.texts) == 0
    assert len(display.legend_.get_texts()) == 3


def _small_axes():
    return Figure(figsize=(2, 2)).subplots()


def test_names_of_the_digits_do_not_overlap():
    _, y = digits()
    display = EmbeddingDisplay.from_estimator(medal(), y=y[:300], names="map")
    assert len(display.texts_) == 10
    assert overlapping(text_boxes(display.texts_)) == []


def test_names_of_one_character_are_markers_and_need_no_legend():
    y = np.array(list("abc"))[np.arange(300) % 3]
    display = EmbeddingDisplay.from_predictions(cloud(300), y=y)
    assert display.legend_ is None and display.texts_ == []
    crowd = EmbeddingDisplay.from_predictions(cloud(5_001), y=np.resize(y, 5_001))
    assert len(crowd.legend_.get_texts()) == 3
    letters = [points.get_paths()[0].vertices for points in display.scatters_]
    shapes = [points.get_paths()[0].vertices for points in crowd.scatters_]
    assert len(letters[0]) != len(shapes[0])


def test_names_that_share_a_place_are_moved_apart():
    codes = np.arange(400) % 8
    names = np.array([f"class number {code}" for code in range(8)])
    display = EmbeddingDisplay.from_predictions(0.1 * cloud(400), y=names[codes], names="map")
    assert len(display.texts_) == 8
    boxes = text_boxes(display.texts_)
    assert overlapping(boxes) == []
    inside = display.ax_.get_window_extent()
    assert all(inside.x0 <= box.x0 and box.x1 <= inside.x1 for box in boxes)


def test_largest_classes_are_named_and_the_others_are_grey():
    codes = np.repeat(np.arange(6), [50, 40, 30, 20, 10, 5])
    y = np.array([f"c{code}" for code in codes])
    display = EmbeddingDisplay.from_predictions(cloud(len(y)), y=y, max_classes=4, names="legend")
    assert [text.get_text() for text in display.legend_.get_texts()] == [
        "other (2 classes)", "c0", "c1", "c2", "c3",
    ]  # fmt: skip
    assert len(drawn(display.scatters_[0])) == 15
    assert len(set(display.scatters_[0].get_facecolor()[0][:3])) == 1


def test_missing_labels_are_grey_and_names_sort_by_number():
    y = np.array(["c10", "c2", None, "c2", np.nan, "c10"] * 5, dtype=object)
    display = EmbeddingDisplay.from_predictions(cloud(30), y=y, names="legend")
    labels = [text.get_text() for text in display.legend_.get_texts()]
    assert labels == ["missing", "c2", "c10"]
    assert [len(drawn(points)) for points in display.scatters_] == [10, 10, 10]


def test_names_are_drawn_literally():
    y = np.array(["$a^2$", "_hidden", "two\nlines"] * 20)
    display = EmbeddingDisplay.from_predictions(cloud(60), y=y, names="legend")
    display.figure_.canvas.draw()
    assert [text.get_text() for text in display.legend_.get_texts()] == [
        r"\$a^2\$", "_hidden", "two lines",
    ]  # fmt: skip


def test_first_hundred_classes_differ_in_color_or_marker():
    assert len({(code % 10, class_marker(code)) for code in range(100)}) == 100


def test_values_get_a_color_bar_in_their_units():
    Z = cloud(40)
    values = Z[:, 0] * 3
    display = EmbeddingDisplay.from_predictions(Z, y=values, label_name="age (years)")
    assert_allclose(display.scatters_[0].get_array(), values)
    assert display.colorbar_.ax.get_ylabel() == "age (years)"
    assert display.scatters_[0].get_cmap().name == "cividis"


def test_missing_values_are_grey_beneath():
    values = np.arange(40) / 7
    values[:5] = np.nan
    display = EmbeddingDisplay.from_predictions(cloud(40), y=values)
    assert [len(drawn(points)) for points in display.scatters_] == [5, 35]


@pytest.mark.parametrize(
    ("y", "y_kind", "classes"),
    [
        (np.arange(40) % 20, "auto", True),
        (np.arange(40), "auto", False),
        (np.arange(40) % 2 + 0.5, "auto", False),
        (np.arange(40) % 2 == 0, "auto", True),
        (np.arange(40) % 3, "values", False),
        (np.arange(40) + 0.0, "classes", True),
    ],
)
def test_kind_of_y(y, y_kind, classes):
    display = EmbeddingDisplay.from_predictions(cloud(40), y=y, y_kind=y_kind)
    assert (display.colorbar_ is None) is classes


def test_above_fifty_thousand_points_counts_are_drawn():
    Z = cloud(50_001)
    display = EmbeddingDisplay.from_predictions(Z, n_bins=20)
    assert display.scatters_ == []
    counts = np.histogram2d(*Z.T, bins=20)[0].T
    image = display.image_.get_array()
    assert image.shape == (20, 20)
    assert_array_equal(image.filled(0), counts)
    assert display.colorbar_.ax.get_ylabel().startswith("points in a cell")


def test_fifty_thousand_points_are_still_points():
    display = EmbeddingDisplay.from_predictions(cloud(50_000))
    assert display.image_ is None
    assert display.scatters_[0].get_rasterized()


def test_histogram_of_classes_has_the_color_of_the_majority_paler_where_few():
    Z = np.array([[0.1, 0.1]] * 3 + [[0.9, 0.9]] * 8 + [[0.9, 0.9]] * 2)
    y = np.array(["a"] * 3 + ["b"] * 8 + ["a"] * 2)
    display = EmbeddingDisplay.from_predictions(Z, y=y, kind="hist", n_bins=2, names="legend")
    image = np.asarray(display.image_.get_array())
    assert_allclose(image[0, 0, :3], to_rgb(CLASS_COLORS[0]))
    assert_allclose(image[1, 1, :3], to_rgb(CLASS_COLORS[1]))
    assert image[0, 1, 3] == 0 < image[0, 0, 3] < image[1, 1, 3] == 1


def test_histogram_of_values_has_their_means():
    Z = np.array([[0.0, 0.0], [0.0, 0.0], [1.0, 1.0]])
    display = EmbeddingDisplay.from_predictions(Z, y=[0.5, 1.0, 2.5], kind="hist", n_bins=2)
    image = display.image_.get_array()
    assert_allclose([image[0, 0], image[1, 1]], [0.75, 2.5])
    assert image.mask[0, 1] and image.mask[1, 0]


def test_chosen_components():
    Z = np.random.RandomState(0).randn(20, 4)
    display = EmbeddingDisplay.from_predictions(Z, components=(3, 1))
    assert_array_equal(drawn(display.scatters_[0]), Z[:, [3, 1]])
    assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("component 4", "component 2")


def test_one_component_is_drawn_against_its_classes():
    Z, y = np.arange(30.0), NAMES[np.arange(30) % 3]
    display = EmbeddingDisplay.from_predictions(Z, y=y, label_name="tree")
    for code, points in enumerate(display.scatters_):
        offsets = drawn(points)
        assert_array_equal(offsets[:, 0], Z[code::3])
        assert np.abs(offsets[:, 1] - code).max() < 0.5
    assert [label.get_text() for label in display.ax_.get_yticklabels()] == list(NAMES)


def test_one_component_without_classes_has_fixed_heights():
    first = EmbeddingDisplay.from_predictions(np.arange(9.0))
    second = EmbeddingDisplay.from_predictions(np.arange(9.0)[:, None])
    assert_array_equal(drawn(first.scatters_[0]), drawn(second.scatters_[0]))
    assert_array_equal(drawn(first.scatters_[0])[:, 0], np.arange(9))


def test_from_estimator_takes_training_rows_or_places_others():
    X, _ = digits()
    own = EmbeddingDisplay.from_estimator(medal())
    assert_array_equal(drawn(own.scatters_[0]), medal().embedding_)
    new = EmbeddingDisplay.from_estimator(medal(), X[300:])
    assert_array_equal(drawn(new.scatters_[0]), medal().transform(X[300:]))


def test_given_axes_are_used_and_no_figure_is_opened():
    figure = Figure(layout="constrained")
    ax = figure.subplots()
    before = plt.get_fignums()
    display = EmbeddingDisplay(cloud(20), y=np.arange(20) / 3).plot(ax)
    assert display.ax_ is ax and display.figure_ is figure
    assert plt.get_fignums() == before


def test_name_of_a_series_is_the_label():
    pd = pytest.importorskip("pandas")
    values = pd.Series(np.arange(20) / 3, name="weight")
    display = EmbeddingDisplay.from_predictions(cloud(20), y=values)
    assert display.colorbar_.ax.get_ylabel() == "weight"


def test_scatter_keywords_win():
    display = EmbeddingDisplay.from_predictions(cloud(20), s=77, color="red")
    assert display.scatters_[0].get_sizes()[0] == 77


def test_inputs_are_not_written_to():
    Z, codes = islands(60)
    before = Z.copy()
    Z.flags.writeable = codes.flags.writeable = False
    EmbeddingDisplay.from_predictions(Z, y=codes)
    assert_array_equal(Z, before)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "dots"}, "kind must be one of"),
        ({"names": "here"}, "names must be one of"),
        ({"y_kind": "colors"}, "y_kind must be"),
        ({"components": (0, 2)}, "between 0 and 1"),
        ({"components": (0, 0)}, "different columns"),
        ({"y": np.arange(19)}, "y must have shape"),
        ({"y": np.array(["a"] * 20), "y_kind": "values"}, "y must hold numbers"),
    ],
)
def test_errors_name_what_is_allowed(options, message):
    with pytest.raises(ValueError, match=message):
        EmbeddingDisplay.from_predictions(cloud(20), **options)


def test_map_without_a_finite_row_is_an_error():
    with pytest.raises(ValueError, match="no row without NaN"):
        EmbeddingDisplay.from_predictions(np.full((4, 2), np.nan))


def test_axes_of_another_kind_are_an_error():
    with pytest.raises(TypeError, match="ax must be a matplotlib Axes"):
        EmbeddingDisplay.from_predictions(cloud(20), ax="axes")
