import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import sparse
from sklearn.metrics import average_precision_score

from sksubspace.metrics import _space, retrieval_map
from sksubspace.metrics._class_neighbors import _average_precision
from sksubspace.metrics._ties import grouped


def classes(n=50, d=4, seed=0):
    rng = np.random.RandomState(seed)
    y = rng.randint(3, size=n)
    return rng.standard_normal((3, d))[y] + rng.standard_normal((n, d)), y


def distance(a, b, metric):
    if metric == "euclidean":
        return np.linalg.norm(a - b)
    return 1 - a @ b / np.linalg.norm(a) / np.linalg.norm(b)


def plain(X, y, X_index, y_index, metric, k, within):
    scores = []
    for i, query in enumerate(X):
        others = [j for j in range(len(X_index)) if not (within and i == j)]
        ranked = sorted(others, key=lambda j: (distance(query, X_index[j], metric), j))
        n_relevant = sum(y_index[j] == y[i] for j in others)
        found, total = 0, 0.0
        for rank, j in enumerate(ranked[:k], start=1):
            if y_index[j] == y[i]:
                found += 1
                total += found / rank
        if n_relevant:
            scores.append(total / min(len(ranked[:k]), n_relevant))
    return np.mean(scores)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("k", [None, 1, 7, 40])
@pytest.mark.parametrize("few", [0, 1], ids=["sorted", "searched"])
def test_it_is_a_plain_double_loop(monkeypatch, metric, k, few):
    monkeypatch.setattr(_space, "_FEW", few)
    X, y = classes()
    X_index, y_index = classes(40, seed=1)
    among = plain(X, y, X, y, metric, k, within=True)
    assert_allclose(retrieval_map(X, y, metric=metric, k=k), among, rtol=1e-12)
    found = retrieval_map(X, y, X_index=X_index, y_index=y_index, metric=metric, k=k)
    assert_allclose(found, plain(X, y, X_index, y_index, metric, k, within=False), rtol=1e-12)


def test_each_query_has_the_average_precision_of_scikit_learn():
    X, y = classes(30, 3)
    expected = []
    for i in range(30):
        others = np.arange(30) != i
        near = -np.linalg.norm(X[others] - X[i], axis=1)
        expected.append(average_precision_score(y[others] == y[i], near))
    assert_allclose(retrieval_map(X, y, metric="euclidean"), np.mean(expected), rtol=1e-12)


def test_average_precision_by_hand():
    relevant = np.array([[1, 0, 1, 0], [0, 0, 0, 0], [1, 1, 1, 1]], dtype=bool)
    ranked = grouped(np.zeros((3, 4)), np.zeros((3, 3), dtype=bool))
    found = _average_precision(relevant, ranked, 4, np.array([3, 2, 9]))
    assert_allclose(found, [(1 + 2 / 3) / 3, 0, 1])


def test_equally_far_rows_come_in_any_order():
    X = np.ones((4, 2))
    # of the three others one has the class, at any rank alike
    by_hand = (1 + 1 / 2 + 1 / 3) / 3
    assert_allclose(retrieval_map(X, list("abab"), metric="euclidean"), by_hand)
    assert_allclose(retrieval_map(X, list("abab")), by_hand)


@pytest.mark.parametrize("k", [None, 1, 30])
@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_chunks_change_nothing(metric, k):
    X, y = classes(120, 9)
    X = np.rint(X)  # with ties and rows of zeros
    X[[3, 50]] = 0
    whole = retrieval_map(X, y, metric=metric, k=k)
    for chunk_size in [1, 7, 119, 1000]:
        found = retrieval_map(X, y, metric=metric, k=k, chunk_size=chunk_size)
        assert_allclose(found, whole, rtol=1e-12)


def test_separate_classes_score_one_and_mixed_ones_their_share():
    rng = np.random.RandomState(0)
    y = rng.randint(4, size=800)
    X = rng.standard_normal((800, 5))
    assert_allclose(retrieval_map(X, y), 0.25, atol=0.01)
    assert retrieval_map(100 * np.eye(4, 5)[y] + X, y) == 1


def test_queries_without_a_row_of_their_class_are_left_out():
    X, y = classes()
    only_one = np.append(y, 7)
    row = 100 * np.ones((1, 4))
    expected = plain(np.r_[X, row], only_one, np.r_[X, row], only_one, "cosine", None, True)
    assert_allclose(retrieval_map(np.r_[X, row], only_one), expected, rtol=1e-12)
    both = retrieval_map(np.r_[X, row], only_one, X_index=X, y_index=y)
    assert both == retrieval_map(X, y, X_index=X, y_index=y)


def test_a_row_of_zeros_is_at_the_same_distance_whichever_side_it_is_on():
    X, X_index = np.array([[0.0, 0.0], [1.0, 0.0]]), np.array([[0.0, 1.0], [-1.0, 0.0], [0.0, 0.0]])
    # for row 0 the last one is nearest; for row 1 it is as far as the first, the second further
    either = ((1 + 2 / 3) / 2 + (1 / 2 + 2 / 3) / 2) / 2
    score = retrieval_map(X, ["a", "b"], X_index=X_index, y_index=["b", "b", "a"])
    assert_allclose(score, (1 + either) / 2)


@pytest.mark.parametrize("name", [str, lambda c: f"class {c}", int, np.float32, bool])
def test_classes_may_be_of_any_kind(name):
    X, y = classes()
    y = np.minimum(y, 1)
    assert retrieval_map(X, [name(c) for c in y]) == retrieval_map(X, y)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_single_precision_and_read_only_rows_are_taken(metric):
    X, y = classes()
    narrow = X.astype(np.float32)
    narrow.flags.writeable = False
    wide = retrieval_map(narrow.astype(np.float64), y, metric=metric)
    assert retrieval_map(narrow, y, metric=metric) == wide
    assert retrieval_map(X.tolist(), y.tolist(), metric=metric) == retrieval_map(
        X, y, metric=metric
    )


X, y = classes()


@pytest.mark.parametrize(
    ("bad", "kind", "message"),
    [
        ({"X": X[:, 0]}, ValueError, "X must be a table .*1D array"),
        ({"X": sparse.csr_matrix(X)}, TypeError, "X must be a table .*[Ss]parse"),
        ({"y": y[:9]}, ValueError, "X and y must have the same number of rows, got 50 and 9"),
        (
            {"y": X[:, 0]},
            ValueError,
            "y must hold a label for each row, got numbers with",
        ),
        (
            {"X_index": X, "y_index": y + 3},
            ValueError,
            "y must have at least one class .* got none",
        ),
        ({"X_index": X}, ValueError, "given together, got y_index=None"),
        ({"X_index": X[:, :2], "y_index": y}, ValueError, "X_index must have the 4 columns .* 2"),
        ({"X_index": X, "y_index": y[:3]}, ValueError, "X_index and y_index must .* 50 and 3"),
        ({"X_index": X * np.nan, "y_index": y}, ValueError, "X_index must be a table .*NaN"),
        ({"metric": "l1"}, ValueError, "metric must be 'cosine' or 'euclidean', got 'l1'"),
        ({"k": 50}, ValueError, "k must be at least 1 and at most 49, .* got 50"),
        ({"k": 2.0}, TypeError, r"k must be an integer, got 2\.0"),
        ({"chunk_size": 0}, ValueError, "chunk_size must be at least 1, got 0"),
        ({"chunk_size": "9"}, TypeError, "chunk_size must be an integer, got '9'"),
        ({"X": X[:1], "y": y[:1]}, ValueError, "X must have at least 2 rows, .* got 1"),
    ],
)
def test_bad_input_is_named(bad, kind, message):
    with pytest.raises(kind, match=message):
        retrieval_map(**({"X": X, "y": y} | bad))
