import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from sksubspace.cluster import EnsembleKSubspaces
from sksubspace.cluster._k_subspaces import _ensemble
from sksubspace.cluster._k_subspaces._ensemble import co_association, one_hot
from sksubspace.metrics import clustering_accuracy

pytestmark = pytest.mark.filterwarnings("ignore:The affinity graph has")


def union(n, d=12, dim=3, k=4, noise=0.0, seed=0):
    """Rows near k random subspaces of one dimension."""
    rng = np.random.RandomState(seed)
    y = np.arange(n) % k
    bases = rng.randn(k, dim, d)
    X = np.einsum("nr,nrd->nd", rng.randn(n, dim), bases[y])
    return X + noise * rng.randn(n, d), y


def together(labels):
    """Share of columns in which two rows are equal, by comparing all pairs."""
    share = (labels[:, None] == labels[None]).mean(axis=2)
    np.fill_diagonal(share, 0)
    return share


def test_votes_are_counted():
    labels = np.random.RandomState(0).randint(3, size=(30, 7))
    shares = co_association(one_hot(labels, 3), np.arange(30), 7, 30).toarray()
    assert_allclose(shares, together(labels), rtol=1e-6)


@pytest.mark.parametrize("elements", [1, 2**22])
def test_the_largest_shares_are_kept(monkeypatch, elements):
    monkeypatch.setattr(_ensemble, "_BLOCK_ELEMENTS", elements)
    labels = np.random.RandomState(0).randint(3, size=(30, 7))
    expected = together(labels)
    shares = co_association(one_hot(labels, 3), np.arange(30), 7, 5).toarray()
    assert ((shares > 0).sum(axis=1) == 5).all()
    assert_allclose(np.sort(shares)[:, -5:], np.sort(expected)[:, -5:], rtol=1e-6)
    assert_allclose(shares[shares > 0], expected[shares > 0], rtol=1e-6)


def test_some_columns_are_the_same_columns_of_all():
    labels = np.random.RandomState(0).randint(3, size=(30, 7))
    columns = np.array([2, 5, 11, 29])
    shares = co_association(one_hot(labels, 3), columns, 7, 4).toarray()
    assert_allclose(shares, together(labels)[:, columns], rtol=1e-6)


def test_rows_without_a_label_have_no_shares():
    labels = np.random.RandomState(0).randint(3, size=(10, 7))
    labels[4] = -1
    indicators = one_hot(labels, 3)
    assert indicators[4].nnz == 0
    shares = co_association(indicators, np.arange(10), 7, 10).toarray()
    assert (shares[4] == 0).all()
    assert (shares[:, 4] == 0).all()


@pytest.mark.parametrize("n_landmarks", [None, 60])
def test_subspaces_are_found(n_landmarks):
    X, y = union(200, noise=0.02)
    model = EnsembleKSubspaces(4, n_estimators=60, n_landmarks=n_landmarks, random_state=0).fit(X)
    assert clustering_accuracy(y, model.labels_) == 1
    assert clustering_accuracy(y, model.predict(X)) == 1
    assert model.co_association_.shape == (200, n_landmarks or 200)
    if n_landmarks:
        assert model.affinity_matrix_ is None
        assert len(set(model.landmark_indices_)) == n_landmarks


def test_votes_beat_one_run():
    """Six-dimensional subspaces in nine dimensions, where one run ends at a poor labelling."""
    X, y = union(500, d=9, dim=6, k=5)
    one, many = (
        EnsembleKSubspaces(5, n_estimators=n, candidate_dim=7, random_state=0).fit(X)
        for n in (1, 150)
    )
    assert clustering_accuracy(y, one.labels_) < 0.8
    assert clustering_accuracy(y, many.labels_) > 0.9


def test_the_graph_is_symmetric_with_shares_as_weights():
    X, _ = union(120, noise=0.1)
    model = EnsembleKSubspaces(4, n_estimators=20, n_neighbors=6, random_state=0).fit(X)
    A, W = model.affinity_matrix_, model.co_association_
    assert sparse.issparse(A)
    assert (np.diff(W.indptr) == 6).all()
    assert 0 < W.data.min() <= W.data.max() <= 1
    assert_allclose(W.data * 20, np.round(W.data * 20), atol=1e-5)
    assert_allclose(A.toarray(), (W + W.T).toarray() / 2)
    assert (A.diagonal() == 0).all()


def test_the_number_of_threads_changes_nothing():
    X, _ = union(120, noise=0.3)
    one, two = (
        EnsembleKSubspaces(4, n_estimators=12, n_jobs=n, random_state=0).fit(X) for n in (1, 2)
    )
    assert_array_equal(one.labels_, two.labels_)
    assert (one.affinity_matrix_ != two.affinity_matrix_).nnz == 0


def test_zero_rows_are_given_to_a_cluster():
    X, y = union(120)
    X[7] = 0
    with pytest.warns(UserWarning, match="1 of 120 rows are zero"):
        model = EnsembleKSubspaces(4, n_estimators=40, random_state=0).fit(X)
    others = np.arange(120) != 7
    assert clustering_accuracy(y[others], model.labels_[others]) == 1
    assert model.labels_[7] >= 0
    assert model.affinity_matrix_[7].nnz == 0


def test_candidates_may_be_more_than_clusters():
    X, y = union(200, noise=0.02)
    model = EnsembleKSubspaces(4, n_candidates=9, n_estimators=60, random_state=0).fit(X)
    assert model.n_clusters_ == 4
    assert clustering_accuracy(y, model.labels_) == 1


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"candidate_dim": 12}, "candidate_dim=12 must be less than the number of features, 12"),
        ({"n_landmarks": 3}, "n_landmarks=3 must be at least n_clusters=4"),
        ({"n_clusters": 41}, "n_samples=40 should be >= n_clusters=41"),
    ],
)
def test_impossible_parameters_raise(params, message):
    X, _ = union(40)
    with pytest.raises(ValueError, match=message):
        EnsembleKSubspaces(**{"n_clusters": 4, **params}).fit(X)
