import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.manifold import TSNE, Isomap, SpectralEmbedding
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sksubspace import MEDAL
from sksubspace._teachers import resolve_teacher, seed_teacher
from tests._student.toy import blobs, curve
from tests.distillation.toy import Fixed


@pytest.mark.parametrize(
    ("name", "kind"),
    [("pca", PCA), ("tsne", TSNE), ("isomap", Isomap), ("spectral", SpectralEmbedding)],
)
def test_names_stand_for_estimators_of_two_components(name, kind):
    teacher = resolve_teacher(name)
    assert type(teacher) is kind
    assert teacher.n_components == 2


def test_the_default_is_umap():
    assert type(resolve_teacher(None)).__name__ == type(resolve_teacher("umap")).__name__ == "UMAP"


@pytest.mark.parametrize("name", ["pca", "isomap", "spectral", "tsne"])
def test_every_name_can_be_fitted(name):
    X, _ = curve(100)
    medal = MEDAL(name, encoder="linear", random_state=0).fit(X)
    assert medal.embedding_.shape == (100, 2)
    assert np.isfinite(medal.transform(X)).all()


def test_the_users_teacher_is_not_fitted_nor_changed():
    teacher = make_pipeline(StandardScaler(), PCA(2, svd_solver="randomized"))
    medal = MEDAL(teacher, random_state=0).fit(blobs()[0])
    assert teacher.get_params()["pca__random_state"] is None
    assert not hasattr(teacher[-1], "components_")
    assert medal.teacher is teacher and medal.teacher_ is not teacher
    assert hasattr(medal.teacher_[-1], "components_")


def test_unset_seeds_are_drawn_from_that_of_medal_and_others_kept():
    teacher = make_pipeline(TruncatedSVD(3), PCA(2, random_state=7))
    drawn = [
        seed_teacher(resolve_teacher(teacher), np.random.RandomState(seed)).get_params()
        for seed in (0, 0, 1)
    ]
    seeds = [params["truncatedsvd__random_state"] for params in drawn]
    assert seeds[0] == seeds[1] != seeds[2]
    assert all(isinstance(seed, int) for seed in seeds)
    assert {params["pca__random_state"] for params in drawn} == {7}
    assert teacher.get_params()["truncatedsvd__random_state"] is None


class OwnRandomState(BaseEstimator):
    """Its seed is its own affair."""

    def __init__(self, random_state=None):
        self.random_state = random_state

    def fit_transform(self, X, y=None):
        return np.random.RandomState(self.random_state).randn(len(X), 2)


def test_the_seed_of_medal_decides_the_map_of_an_unseeded_teacher():
    X, _ = blobs()
    fits = [MEDAL(OwnRandomState(), encoder="linear", random_state=s).fit(X) for s in (0, 0, 1)]
    first, second, other = (medal.embedding_ for medal in fits)
    assert_array_equal(first, second)
    assert not np.array_equal(first, other)
    seeded = [
        MEDAL(OwnRandomState(5), encoder="linear", random_state=s).fit(X).embedding_ for s in (0, 1)
    ]
    assert_array_equal(*seeded)


def test_a_fitted_teacher_is_fitted_anew():
    X, _ = blobs()
    teacher = PCA(2).fit(X[:5])
    medal = MEDAL(teacher, random_state=0).fit(X)
    assert_allclose(medal.embedding_, PCA(2).fit_transform(X))


class Duck:
    """Not a scikit-learn estimator: no get_params, no clone."""

    def fit_transform(self, X):
        return X[:, :2]


def test_any_object_with_fit_transform_will_do():
    X, _ = blobs()
    assert_allclose(MEDAL(Duck(), random_state=0).fit(X).embedding_, X[:, :2])


def test_labels_never_reach_the_teacher():
    X, labels = blobs()
    medal = MEDAL(Fixed(X[:, :2]), random_state=0).fit(X, labels)
    assert medal.teacher_.seen_y_ is None


class Careless(BaseEstimator):
    """Writes to what it is given and later to what it returned."""

    def fit_transform(self, X, y=None):
        self.Z_ = X[:, :2].copy()
        X[:] = 0
        return self.Z_


def test_a_teacher_that_writes_to_its_input_harms_nobody():
    X, _ = blobs()
    before = X.copy()
    medal = MEDAL(Careless(), random_state=0).fit(X)
    assert_array_equal(X, before)
    assert_allclose(medal.transform(X), X[:, :2], atol=1e-4)
    medal.teacher_.Z_[:] = 0
    assert_allclose(medal.embedding_, X[:, :2])


def test_a_sparse_teacher_sees_sparse_rows():
    X = sparse.random(80, 10, 0.3, format="csr", random_state=0)
    medal = MEDAL(Fixed(X[:, :2].toarray() + np.arange(80)[:, None]), random_state=0).fit(X)
    assert sparse.issparse(medal.teacher_.seen_X_)


def test_a_teacher_may_return_a_frame():
    pytest.importorskip("pandas")
    X, _ = blobs()
    medal = MEDAL(PCA(2).set_output(transform="pandas"), random_state=0).fit(X)
    assert type(medal.embedding_) is np.ndarray
    assert np.isfinite(medal.score_components(X).match_r2)


class Failing(BaseEstimator):
    def __init__(self, error=None):
        self.error = error

    def fit_transform(self, X, y=None):
        raise self.error


class OwnError(Exception):
    def __init__(self, code, text):
        super().__init__(code, text)


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (ValueError("perplexity is too large"), ValueError),
        (TypeError("no such metric"), TypeError),
        (MemoryError("too much"), MemoryError),
        (OwnError(3, "strange"), RuntimeError),
        (np.linalg.LinAlgError("singular"), RuntimeError),
    ],
    ids=lambda case: case.__name__ if isinstance(case, type) else type(case).__name__,
)
def test_an_error_of_the_teacher_is_kept_and_the_teacher_named(error, raised):
    with pytest.raises(raised, match="The teacher Failing failed on X with n_samples=120") as info:
        MEDAL(Failing(error)).fit(blobs()[0])
    assert str(error) in str(info.value)
    assert type(info.value.__cause__) is type(error)


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (np.zeros((50, 2)), "Fixed has 50 rows, but X has n_samples=120"),
        (np.zeros((120, 2)), "must spread over finite, distinct positions"),
        (np.full((120, 2), np.inf), "Fixed has infinite values"),
        (np.full((120, 2), np.nan), "0 rows without NaN; 2 are needed"),
    ],
    ids=["rows", "spread", "infinite", "nan"],
)
@pytest.mark.filterwarnings("ignore:.*rows have NaN coordinates")
def test_an_unusable_embedding_of_the_teacher(returned, message):
    with pytest.raises(ValueError, match=message):
        MEDAL(Fixed(returned)).fit(blobs()[0])


def test_no_teacher_is_kept_if_none_is_wanted():
    X, _ = blobs()
    assert MEDAL(PCA(2), keep_teacher=False, random_state=0).fit(X).teacher_ is None
    assert type(MEDAL(PCA(2), random_state=0).fit(X).teacher_) is PCA
