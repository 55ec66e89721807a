import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from sksubspace.report._data import (
    ReportData,
    drawable_labels,
    label_text,
    read_batch,
    read_image_shape,
    read_labels,
    summarise,
)


def facts(X, y=None, **fields):
    train = read_batch(X, "X")
    names = tuple(f"f{i}" for i in range(train.X.shape[1]))
    defaults = {
        "new": None, "feature_names": names, "label_name": "kind", "data_name": "data",
        "new_name": "new", "image_shape": None,
    }  # fmt: skip
    labels = read_labels(y, train.n_samples)
    return dict(summarise(ReportData(train=train, labels=labels, **defaults | fields)))


@pytest.mark.parametrize(
    ("y", "said"),
    [
        (np.array([0.0, 0.5, 1.0, 0.25]), "kind: from 0 to 1"),
        (np.array([np.nan, 1.5, 1.5, np.nan]), "kind: from 1.5 to 1.5; 2 missing"),
        (np.array([1.0, 2.0, 2.0, np.nan]), "kind: 2 classes: 1 (1), 2 (2); 1 missing"),
        (["b", "a", "b", "a"], "kind: 2 classes: a (2), b (2)"),
        (np.array(["a", None, np.nan, pd.NA], dtype=object), "kind: 1 class: a (1); 3 missing"),
        (pd.Series(["x", "y", "y", "y"], dtype="category"), "kind: 2 classes: x (1), y (3)"),
        (pd.Series([1, 2, 10, 10]), "kind: 3 classes: 1 (1), 2 (1), 10 (2)"),
        ([True, False, True, True], "kind: 2 classes: False (1), True (3)"),
        ([None] * 4, "kind: all missing"),
    ],
)
def test_labels_are_summarised_as_classes_or_values(y, said):
    assert facts(np.eye(4), y)["Labels"] == said


def test_many_classes_are_listed_by_size():
    y = np.repeat([f"c{i:02}" for i in range(40)], [1] * 39 + [5])
    said = facts(np.eye(44), y)["Labels"]
    assert said.startswith("kind: 40 classes: c39 (5), c00 (1), ")
    assert said.endswith("…")
    assert said.count("(") == 12


def test_many_integers_are_values():
    assert facts(np.eye(40), np.arange(40))["Labels"] == "kind: from 0 to 39"


def test_variance_names_the_feature_that_dominates():
    X = np.array([[0.0, 0.0], [2.0, 6.0], [0.0, 0.0], [2.0, 6.0]])
    expected = "5 per feature on average; the largest part, 90.0 % of all, is f1"
    assert facts(X)["Variance"] == expected
    assert facts(sparse.csr_array(X))["Variance"] == expected
    assert facts(np.ones((3, 2)))["Variance"] == "none: all rows are equal"


def test_values_tell_dense_from_sparse():
    X = np.array([[0.0, 0.0], [-2.0, 6.0]])
    assert facts(X)["Values"] == "float64, from −2 to 6"
    assert facts(sparse.csc_matrix(X))["Values"] == ("sparse, 50.0 % stored; float64, from −2 to 6")


def test_feature_names_are_cut_after_ten():
    assert facts(np.eye(3))["Features"] == "3: f0, f1, f2"
    assert facts(np.eye(11))["Features"].endswith("f9, …")
    assert facts(np.eye(4), image_shape=(2, 2))["Features"] == "4, drawn as pictures of 2 × 2"


def test_index_names_rows_only_where_it_is_no_count():
    X = pd.DataFrame(np.eye(3), columns=["a", "b", "c"])
    assert read_batch(X, "X").row_names is None
    assert read_batch(X.iloc[::-1], "X").name(0) == "2"
    assert read_batch(X.set_axis(["p", "q", "r"]), "X").name(np.int64(1)) == "q"
    assert read_batch(X.to_numpy(), "X").name(np.int64(1)) == "1"


def test_reading_copies_nothing_that_is_an_array_already():
    X = np.eye(3)
    assert np.shares_memory(read_batch(X, "X").X, X)


@pytest.mark.parametrize(
    ("shape", "n_features", "expected"),
    [
        (None, 64, None), ("auto", 64, (8, 8)), ("auto", 63, None), ("auto", 1, None),
        ((4, 16), 64, (4, 16)), (np.array([2, 2, 3]), 12, (2, 2, 3)),
    ],
)  # fmt: skip
def test_image_shape_is_checked_or_guessed(shape, n_features, expected):
    assert read_image_shape(shape, n_features) == expected


@pytest.mark.parametrize("shape", [(64,), (4, 4), (4, 8, 2), "square"])
def test_image_shape_that_does_not_fit_is_refused(shape):
    with pytest.raises(ValueError, match="image_shape must be"):
        read_image_shape(shape, 64)


def test_labels_reach_pictures_as_numbers_or_names():
    assert drawable_labels(None) is None
    assert drawable_labels(np.array([1.0, 2.0])).dtype == np.int64
    np.testing.assert_array_equal(drawable_labels(np.array([0.5, np.nan])), [0.5, np.nan])
    mixed = drawable_labels(np.array(["a", None, 3.0], dtype=object))
    assert mixed.tolist() == ["a", "missing", "3"]
    assert label_text(2.5) == "2.5"
