"""What the self-expressive methods share: landmarks, zero rows, the choice of the graph."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import sparse
from sklearn.preprocessing import normalize

from sksubspace.cluster import SparseSubspaceClusteringOMP
from sksubspace.cluster._affinity import AFFINITIES
from sksubspace.cluster._self_expression._base import SelfExpressiveClustering
from sksubspace.datasets import make_union_of_subspaces
from sksubspace.metrics import clustering_accuracy

pytestmark = pytest.mark.filterwarnings("ignore:The affinity graph has")


class Nearest(SelfExpressiveClustering):
    """Ties each row to the four atoms of largest |cosine|; remembers what it was asked."""

    _landmarks_above, _fewest_landmarks = 500, 80
    n_ties = 4

    def __init__(
        self,
        n_clusters=4,
        *,
        affinity="auto",
        n_landmarks="auto",
        n_landmark_draws=1,
        subspace_dim="auto",
        normalize=True,
        n_init=4,
        batch_size="auto",
        device="auto",
        random_state=0,
    ):
        self.n_clusters = n_clusters
        self.affinity = affinity
        self.n_landmarks = n_landmarks
        self.n_landmark_draws = n_landmark_draws
        self.subspace_dim = subspace_dim
        self.normalize = normalize
        self.n_init = n_init
        self.batch_size = batch_size
        self.device = device
        self.random_state = random_state

    def _represent(self, X, dictionary, own):
        self.asked = [*getattr(self, "asked", []), (X, dictionary, own)]
        cosines = np.abs(X @ dictionary.T)
        inside = np.flatnonzero(own >= 0)
        cosines[inside, own[inside]] = 0
        threshold = np.sort(cosines, axis=1)[:, [-self.n_ties]]
        return sparse.csr_matrix(np.where(cosines >= threshold, cosines, 0))


def problem(n=600, seed=0):
    return make_union_of_subspaces(
        n, n_features=20, n_subspaces=4, subspace_dim=2, noise=0.01, random_state=seed
    )


X, y = problem()


def test_rows_come_at_unit_length_with_their_own_atom():
    model = Nearest(n_landmarks=None).fit(3 * X)
    ((rows, dictionary, own),) = model.asked
    assert dictionary is rows
    np.testing.assert_allclose(rows, normalize(X))
    assert_array_equal(own, np.arange(600))
    assert model.landmark_indices_ is None
    assert model.affinity_matrix_.shape == (600, 600)
    assert clustering_accuracy(y, model.labels_) > 0.98


def test_landmarks_are_rows_and_never_code_themselves():
    model = Nearest(n_landmarks=100).fit(X)
    ((rows, dictionary, own),) = model.asked
    drawn = model.landmark_indices_
    assert_array_equal(dictionary, rows[drawn])
    assert_array_equal(own[drawn], np.arange(100))
    assert (np.delete(own, drawn) == -1).all()
    assert len(np.unique(drawn)) == 100
    assert model.representation_matrix_.shape == (600, 100)
    assert model.affinity_matrix_ is None
    assert clustering_accuracy(y, model.labels_) > 0.98


def test_landmarks_are_automatic_above_a_number_of_rows():
    assert Nearest().fit(X).representation_matrix_.shape == (600, 80)
    assert Nearest().fit(X[:500]).representation_matrix_.shape == (500, 500)
    assert Nearest(affinity="knn").fit(X).representation_matrix_.shape == (600, 600)
    assert Nearest(n_landmarks=600).fit(X).landmark_indices_ is None


def test_draws_of_landmarks_stand_side_by_side():
    model = Nearest(n_landmarks=50, n_landmark_draws=3).fit(X)
    assert model.representation_matrix_.shape == (600, 150)
    assert model.landmark_indices_.shape == (150,)
    assert len(model.asked) == 3
    assert clustering_accuracy(y, model.labels_) > 0.98
    one = Nearest(n_landmarks=50).fit(X)
    first = model.representation_matrix_[:, :50]
    assert_array_equal(one.representation_matrix_.toarray(), first.toarray())


def test_the_seed_draws_the_landmarks():
    first, again, other = (Nearest(random_state=s).fit(X) for s in (0, 0, 1))
    assert_array_equal(first.landmark_indices_, again.landmark_indices_)
    assert not np.array_equal(first.landmark_indices_, other.landmark_indices_)


@pytest.mark.parametrize("n_landmarks", [None, 100])
def test_matrices_keep_a_place_for_zero_rows(n_landmarks):
    with_zeros = X.copy()
    zero = [0, 17, 599]
    with_zeros[zero] = 0
    model = Nearest(n_landmarks=n_landmarks)
    with pytest.warns(UserWarning, match="3 of 600 rows are zero"):
        model.fit(with_zeros)
    C = model.representation_matrix_
    assert C.shape[0] == 600
    assert C[zero].nnz == 0
    assert clustering_accuracy(np.delete(y, zero), np.delete(model.labels_, zero)) > 0.98
    marks = np.arange(600) if n_landmarks is None else model.landmark_indices_
    assert not set(zero) & set(marks[np.unique(C.indices)])
    unit = normalize(with_zeros)
    rows, columns = C.nonzero()
    cosines = np.abs(np.einsum("nd,nd->n", unit[rows], unit[marks[columns]]))
    np.testing.assert_allclose(cosines, C.data)


def test_the_number_of_clusters_by_the_eigengap():
    X, y = make_union_of_subspaces(
        600, n_features=40, n_subspaces=4, subspace_dim=6, noise=0.01, random_state=0
    )
    for n_landmarks in (None, 100):
        model = Nearest("auto", n_landmarks=n_landmarks)
        model.n_ties = 12
        model.fit(X)
        assert model.n_clusters_ == 4
        assert clustering_accuracy(y, model.labels_) > 0.98
        assert model.eigenvalues_.shape == (51,)


def test_landmarks_need_a_graph_of_the_landmarks():
    with pytest.raises(ValueError, match=r"affinity='knn' needs every row .* 'symmetrize'"):
        Nearest(affinity="knn", n_landmarks=100).fit(X)
    with pytest.raises(ValueError, match="n_landmarks=3 must be at least n_clusters=4"):
        Nearest(n_landmarks=3).fit(X)


@pytest.mark.parametrize("affinity", ["symmetrize", "sum", "knn", "angular", "doubly_stochastic"])
def test_every_graph_finds_well_separated_subspaces(affinity):
    model = Nearest(affinity=affinity, n_landmarks=None).fit(X[:300])
    assert clustering_accuracy(y[:300], model.labels_) > 0.95


def test_the_normalisation_can_be_left_out():
    model = Nearest(normalize=False, n_landmarks=None).fit(5 * X)
    ((rows, _, _),) = model.asked
    assert_array_equal(rows, 5 * X)
    assert model.cluster_bases_[0].shape[1] == 20


@pytest.mark.parametrize("n_landmarks", [None, 40])
def test_codes_are_the_same_where_the_device_has_room_for_few_rows(n_landmarks, monkeypatch):
    import torch

    from sksubspace.cluster import ThresholdedSubspaceClustering

    X = np.random.RandomState(0).randn(300, 6)
    whole = ThresholdedSubspaceClustering(3, n_landmarks=n_landmarks, random_state=0).fit(X)
    represent = ThresholdedSubspaceClustering._represent

    def of_few_rows(self, X, dictionary, own):
        if len(X) > 80:
            raise torch.OutOfMemoryError("no room")
        return represent(self, X, dictionary, own)

    monkeypatch.setattr(ThresholdedSubspaceClustering, "_represent", of_few_rows)
    few = ThresholdedSubspaceClustering(3, n_landmarks=n_landmarks, random_state=0).fit(X)
    difference = few.representation_matrix_ - whole.representation_matrix_
    assert abs(difference).max() < 1e-12
    np.testing.assert_array_equal(few.labels_, whole.labels_)


@pytest.mark.filterwarnings("ignore:1[89] of 20 rows are zero")
@pytest.mark.parametrize("affinity", AFFINITIES)
@pytest.mark.parametrize("n_clusters", [2, "auto"])
def test_rows_that_express_nothing_are_refused(n_clusters, affinity):
    few = np.zeros((20, 3))
    few[0, 0] = 1
    pursuit = SparseSubspaceClusteringOMP(n_clusters, affinity=affinity, random_state=0)
    with pytest.raises(ValueError, match="at least two rows that are not zero, got 1"):
        pursuit.fit(few)
    few[1, 1] = 1  # neither is a part of the other
    if affinity != "knn":
        with pytest.raises(ValueError, match="Only 0 rows have ties in the affinity graph, fewer"):
            pursuit.fit(few)
