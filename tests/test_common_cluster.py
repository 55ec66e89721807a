"""What every subspace clustering owes its users, beside the two batteries."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sksubspace.cluster._base import BaseSubspaceClustering, keep_subspaces, training_rows
from sksubspace.metrics import clustering_accuracy
from tests.common import IGNORED, assert_unwritten, cases, rows_near_subspaces, unsorted

pytestmark = [pytest.mark.filterwarnings(warning) for warning in IGNORED]


@pytest.fixture(params=cases("cluster"), ids=str)
def case(request):
    return request.param


X, y = rows_near_subspaces(120, 0)
X_new, y_new = rows_near_subspaces(37, 1)


def test_the_subspaces_are_found_and_new_rows_placed(case):
    for fitted, dtype in [(case.fitted, np.float64), (case.single, np.float32)]:
        assert clustering_accuracy(y, fitted.labels_) > 0.9
        assert clustering_accuracy(y_new, fitted.predict(X_new.astype(dtype))) > 0.9
        assert 0.8 < fitted.score(X_new) < 1


def test_fitted_attributes(case):
    for fitted, dtype in [(case.fitted, np.float64), (case.single, np.float32)]:
        assert fitted.labels_.shape == (120,)
        assert fitted.labels_.dtype.kind == "i"
        assert np.unique(fitted.labels_).tolist() == list(range(fitted.n_clusters_))
        assert fitted.n_clusters_ == 3
        assert fitted.cluster_means_.shape == (3, 12)
        assert fitted.cluster_means_.dtype == dtype
        assert len(fitted.cluster_bases_) == 3
        for basis in fitted.cluster_bases_:
            assert basis.dtype == dtype
            assert_allclose(basis @ basis.T, np.eye(len(basis)), atol=1e-6)


def test_fit_predict_gives_the_labels_of_the_rows(case):
    assert_array_equal(case.make().fit_predict(X), case.fitted.labels_)


def test_order_of_the_rows_does_not_matter_to_the_score(case):
    assert case.fitted.score(X_new) == pytest.approx(case.fitted.score(X_new[::-1]), rel=1e-12)


def test_a_search_by_score_finds_the_number_of_clusters(case):
    pipeline = make_pipeline(FunctionTransformer(), case.make())
    n_clusters = f"{pipeline.steps[-1][0]}__n_clusters"
    search = GridSearchCV(pipeline, {n_clusters: [2, 3]}, cv=2, refit=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert search.fit(X).best_params_ == {n_clusters: 3}


def test_fewer_rows_than_clusters_is_an_error(case):
    with pytest.raises(ValueError, match="n_samples=4 should be >= n_clusters=5"):
        case.make(n_clusters=5).fit(X[:4])


def test_zero_rows_are_given_to_the_nearest_subspace_with_a_warning(case):
    with_zeros = np.insert(X, [5, 40], 0, axis=0)
    estimator = case.make()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        estimator.fit(with_zeros)
    said = [str(w.message) for w in caught if "rows are zero" in str(w.message)]
    assert bool(said) == estimator.normalize
    assert estimator.labels_.shape == (122,)
    assert clustering_accuracy(y, np.delete(estimator.labels_, [5, 41])) > 0.9
    assert np.isfinite(estimator.transform(np.zeros((1, 12)))).all()


def test_duplicate_rows_are_no_obstacle(case):
    doubled = np.vstack([X, X[:30]])
    labels = case.make().fit(doubled).labels_
    assert clustering_accuracy(np.r_[y, y[:30]], labels) > 0.85


def test_all_rows_zero_is_an_error(case):
    if case.make().normalize:
        with pytest.raises(ValueError, match="Every row of X is zero"):
            case.make().fit(np.zeros((20, 4)))


@pytest.mark.parametrize("bad", [12, 30])
def test_a_subspace_of_all_dimensions_is_an_error(case, bad):
    if "subspace_dim" in case.make().get_params():
        with pytest.raises(ValueError, match=r"subspace_dim=\d+ must be less than .* features"):
            case.make(subspace_dim=bad).fit(X)


@pytest.mark.parametrize("case", [case for case in cases("cluster") if case.takes_sparse], ids=str)
def test_sparse_rows_are_clustered_and_not_written_to(case):
    thin = unsorted(X, below=0.05)
    before = thin.copy()
    estimator = case.make().fit(thin)
    assert clustering_accuracy(y, estimator.labels_) > 0.9
    assert_allclose(estimator.transform(thin), estimator.transform(thin.toarray()), atol=1e-12)
    assert_unwritten(thin, before)


def test_one_feature_is_legal(case):
    values = np.linspace(-1, 1, 41)[:, None] + 0.01
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            labels = case.make(n_clusters=2).fit(values).labels_
        except ValueError as error:
            assert "features" in str(error)
        else:
            assert labels.shape == (41,)


def test_the_score_is_the_r2_of_projecting():
    """In units of X, with the mean of the training rows, for unit rows and for rows as given."""

    class Given(BaseSubspaceClustering):
        def __init__(self, n_clusters=3, *, subspace_dim=2, normalize=True):
            self.n_clusters = n_clusters
            self.subspace_dim = subspace_dim
            self.normalize = normalize

        def fit(self, X, y):
            keep_subspaces(self, training_rows(self, X), y)
            return self

    for normalize in (True, False):
        model = Given(normalize=normalize).fit(X, y)
        lengths = np.linalg.norm(X_new, axis=1) if normalize else np.ones(len(X_new))
        projected = []
        for row, length in zip(X_new, lengths, strict=True):
            centred = row / length - model.cluster_means_
            inside = [c @ B.T @ B for c, B in zip(centred, model.cluster_bases_, strict=True)]
            k = np.square(centred - inside).sum(axis=1).argmin()
            projected.append(length * (model.cluster_means_[k] + inside[k]))
        errors = np.square(X_new - projected).sum()
        expected = 1 - errors / np.square(X_new - X.mean(axis=0)).sum()
        assert model.score(X_new) == pytest.approx(expected, abs=1e-12)
        nearest = model.transform(X_new).argmin(axis=1)
        assert_array_equal(nearest, model.predict(X_new))
