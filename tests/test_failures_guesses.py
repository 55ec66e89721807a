"""What was guessed in silence from a type or a form: targets, sparse forms, swapped tables."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_digits

from sksubspace import MEDAL, TLDR, SparseAutoencoder, SteinSubspace
from sksubspace._validation import check_labels, which_target
from sksubspace.metrics import (
    clustering_accuracy,
    embedding_score,
    neighborhood_hit,
    rate_reduction,
    retrieval_map,
    subspace_preserving_error,
    trustworthiness,
)
from sksubspace.model_selection import compare_embeddings
from sksubspace.neighbors import nearest_neighbors
from tests import instances
from tests.silence import without_warnings

RNG = np.random.RandomState(0)
X = RNG.randn(300, 6)
PRICES = np.rint(1000 * np.exp(0.5 * X[:, 0]) + 20 * RNG.randn(300)).astype(int)


# ---- the kind of a target ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("y", "kind"),
    [
        (np.array(["a", "b"] * 9), "classes"),
        (np.array([True, False] * 9), "classes"),
        (np.arange(10).repeat(3), "classes"),
        (np.arange(40).repeat(10)[:, None], "classes"),
        (np.array([0, 1, 1]), "classes"),
        (np.arange(18), "numbers"),
        (np.arange(60).repeat(5), "numbers"),
        (PRICES, "numbers"),
        (PRICES.astype(object), "numbers"),
        (np.array([0.0, 1.0] * 9), "numbers"),
        (np.ones((5, 2), dtype=int), "numbers"),
        (sparse.csr_array(np.arange(10.0)[:, None]), "numbers"),
    ],
)
def test_the_kind_of_a_target(y, kind):
    assert which_target(y) == kind
    assert which_target(y, "numbers") == "numbers"


def test_columns_of_frames_keep_their_kind():
    pandas = pytest.importorskip("pandas")
    assert which_target(pandas.Series(PRICES, dtype="Int64")) == "numbers"
    assert which_target(pandas.Series([1, 2, 1, 2, 1], dtype="Int64")) == "classes"
    assert which_target(pandas.Series(np.arange(9.0)).astype("category")) == "classes"


def angle(model):
    return float(np.arccos(min(1.0, abs(model.components_[0, 0]))))


@pytest.mark.parametrize("kind", [int, float, "Int64"])
def test_integer_prices_are_numbers(kind):
    pandas = pytest.importorskip("pandas")
    model = SteinSubspace(1).fit(X, pandas.Series(PRICES).astype(kind))
    assert model.target_type_ == "numbers" and model.classes_ is None
    assert angle(model) < 0.2
    np.testing.assert_allclose(
        model.components_, SteinSubspace(1).fit(X, 1.0 * PRICES).components_, rtol=1e-12
    )


def test_the_caller_may_say_what_a_target_is():
    y = (X[:, 0] > 0) * 1.0
    told = SteinSubspace(1, target_type="classes").fit(X, y)
    assert told.target_type_ == "classes" and told.classes_.tolist() == [0, 1]
    counts = SteinSubspace(1, target_type="numbers").fit(X, y.astype(int))
    assert counts.target_type_ == "numbers" and counts.classes_ is None
    nullable = pytest.importorskip("pandas").Series(y.astype(int), dtype="Int64")
    assert SteinSubspace(1).fit(X, nullable).classes_.dtype.kind == "i"
    with pytest.raises(ValueError, match="y must be one column to hold classes, got 2 columns"):
        SteinSubspace(1, target_type="classes").fit(X, np.column_stack([y, y]))
    batches = SteinSubspace(1).partial_fit(X[:9], PRICES[:9]).partial_fit(X[9:], PRICES[9:])
    assert batches.target_type_ == "numbers"


# ---- sparse forms --------------------------------------------------------------------------------


def with_repeated_entries(rows):
    """The same matrix, each entry stored as two halves."""
    rows = sparse.coo_matrix(rows)
    halves = (np.tile(rows.data / 2, 2), (np.tile(rows.row, 2), np.tile(rows.col, 2)))
    coo = sparse.coo_matrix(halves, shape=rows.shape)
    order = np.argsort(coo.row, kind="stable")
    pointers = np.concatenate([[0], np.cumsum(np.bincount(coo.row, minlength=rows.shape[0]))])
    return sparse.csr_matrix((coo.data[order], coo.col[order], pointers), shape=rows.shape)


SPARSE_NAMES = [
    name
    for name in instances.names("all")
    if instances.make(name).__sklearn_tags__().input_tags.sparse
]
ROWS = sparse.csr_matrix(np.where(RNG.rand(60, 8) < 0.5, np.abs(RNG.randn(60, 8)) + 0.5, 0))
CLASSES = RNG.randint(2, size=60)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", SPARSE_NAMES)
def test_repeated_entries_of_sparse_rows_are_added_up(name):
    repeated = with_repeated_entries(ROWS)
    stored = repeated.data.copy()
    expected, found = (instances.make(name).fit(rows, CLASSES) for rows in (ROWS, repeated))
    for method in ("transform", "predict"):
        if hasattr(expected, method):
            wanted = getattr(expected, method)(ROWS)
            given = getattr(found, method)(repeated)
            np.testing.assert_allclose(given, wanted, rtol=1e-8, atol=1e-10)
    np.testing.assert_array_equal(repeated.data, stored)


@pytest.mark.parametrize("n_features", [12, 2100])
def test_sparse_rows_and_one_response(n_features):
    rows = sparse.random(90, n_features, density=0.2, format="csr", random_state=0)
    y = rows[:, :5].sum(axis=1)
    y = np.asarray(y).ravel() + 0.01 * RNG.randn(90)
    found = SteinSubspace(1, shrinkage=0.5).fit(rows, y)
    dense = SteinSubspace(1, shrinkage=0.5).fit(rows.toarray(), y)
    np.testing.assert_allclose(found.components_, dense.components_, atol=1e-6)


def test_pairs_that_are_listed_twice_are_one():
    graph = nearest_neighbors(X, 3)[1]
    twice = np.hstack([graph, graph[:, ::-1]])
    params = {"n_components": 4, "encoder": "linear"}
    found, expected = (TLDR(**params).fit(X, neighbors_graph=one) for one in (twice, graph))
    np.testing.assert_allclose(found.transform(X), expected.transform(X), rtol=1e-10, atol=1e-12)


# ---- labels --------------------------------------------------------------------------------------

OF_LABELS = {
    "clustering_accuracy": lambda y: clustering_accuracy(y, np.zeros(len(y))),
    "rate_reduction": lambda y: rate_reduction(X[: len(y)], y),
    "subspace_preserving_error": lambda y: subspace_preserving_error(np.eye(len(y)), y),
    "neighborhood_hit": lambda y: neighborhood_hit(X[: len(y)], y, n_neighbors=1),
    "retrieval_map": lambda y: retrieval_map(X[: len(y)], y),
}


@pytest.mark.parametrize("metric", OF_LABELS)
def test_bad_labels_are_named_alike_by_all_metrics(metric):
    pandas = pytest.importorskip("pandas")
    missing = "must hold a label for each row, got 1 of 3 that are missing .* in row 1"
    for labels in [
        pandas.Categorical(["a", None, "b"]),
        pandas.Series([1, pandas.NA, 1], dtype="Int64"),
        ["a", None, "a"],
        [0, np.nan, 0],
    ]:
        with pytest.raises(ValueError, match=missing):
            OF_LABELS[metric](labels)
    with pytest.raises(ValueError, match="all of one kind, got a mixture of int, str"):
        OF_LABELS[metric](np.array(["a", 1, "a"], dtype=object))
    with pytest.raises(ValueError, match=r"got numbers with a fraction, such as 0\.5"):
        OF_LABELS[metric]([0.5, 1, 1])


def test_labels_that_are_compared_are_of_one_kind():
    with pytest.raises(ValueError, match="y_train must hold labels of the kind of y, int64, got"):
        neighborhood_hit(X[:4], [0, 0, 1, 1], Z_train=X[4:8], y_train=list("0011"), n_neighbors=1)


def test_labels_of_all_kinds_are_taken():
    pandas = pytest.importorskip("pandas")
    for labels in [
        pandas.Categorical(["a", "b", "a"]),
        pandas.Series(["a", "b", "a"]),
        pandas.Series([1, 2, 1], dtype="Int64"),
        [True, False, True],
        np.array(["a", "b", "a"], dtype=object),
    ]:
        assert clustering_accuracy(labels, [0, 1, 0]) == 1
        assert check_labels(labels, "y").dtype != object


# ---- numbers and tables in the wrong place -------------------------------------------------------


@pytest.mark.parametrize("params", [{"k": 16}, {"k": 4, "k_start": 9}, {"k": 4, "transform_k": 9}])
def test_no_more_units_than_there_are_can_be_active(params):
    name, value = list(params.items())[-1]
    with pytest.raises(ValueError, match=f"{name} must be at most n_components=8, got {value}"):
        SparseAutoencoder(8, max_iter=1, **params).fit(X)


@pytest.mark.parametrize("metric", [embedding_score, trustworthiness])
def test_a_map_with_more_columns_than_the_data_is_remarked(metric):
    with pytest.warns(UserWarning, match="Z, the map, has 6 columns and X, the data, 2: have they"):
        metric(X[:, :2], X)
    with without_warnings():
        metric(X, X[:, :2])


class AnnData:
    """Like the container of single cells: rows of several tables, read cell by cell as an array."""

    def __init__(self, rows):
        self.X, self.obsm, self.shape = rows, {"X_pca": rows[:, :2]}, rows.shape

    def __len__(self):
        return len(self.X)

    def __array__(self, dtype=None, copy=None):
        raise AssertionError("read as an array")


@pytest.mark.parametrize("name", instances.names("all"))
def test_containers_of_several_tables_are_refused_by_name(name):
    adata = AnnData(X)
    message = r"X must be a table of numbers, got AnnData, which .* X\.X or X\.obsm\['X_pca'\]"
    with pytest.raises(TypeError, match=message):
        instances.make(name).fit(adata, (X[:, 0] > 0).astype(int))


def test_containers_are_refused_by_functions_too():
    adata = AnnData(X)
    for call in [
        lambda: embedding_score(adata, X[:, :2]),
        lambda: embedding_score(X, adata),
        lambda: trustworthiness(adata, X[:, :2]),
        lambda: retrieval_map(adata, np.zeros(300)),
        lambda: nearest_neighbors(adata, 3),
        lambda: compare_embeddings(adata, ["pca"]),
        lambda: MEDAL("pca", random_state=0).fit(X).transform(adata),
    ]:
        with pytest.raises(TypeError, match="must be a table of numbers, got AnnData"):
            call()


def test_digits_are_classes():
    _, y = load_digits(return_X_y=True)
    assert which_target(y) == "classes"
