"""Input that is unusual or wrong: the right result, or one error that says what is allowed."""

from functools import cache

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from torch import nn

from sksubspace import MEDAL
from tests import instances
from tests._student.toy import curve
from tests.distillation.toy import Fixed

pytestmark = [
    pytest.mark.filterwarnings("ignore:calibration='loo' needs"),
    pytest.mark.filterwarnings("ignore:A precomputed embedding"),
    pytest.mark.filterwarnings("ignore:.*rows have NaN coordinates"),
]

X, Z = curve(40)
QUICK = {"max_iter": 2, "random_state": 0, "hidden_layer_sizes": (8,)}


def with_cell(value):
    broken = X.copy()
    broken[3, 2] = value
    return broken


class NoFitTransform:
    def fit(self, X):
        return self


class Failing:
    def fit_transform(self, X):
        raise ValueError("perplexity must be smaller")


class Ragged:
    def fit_transform(self, X):
        return X[:-1, :2]


BAD_DATA = {
    "nan": (with_cell(np.nan), "Input X contains NaN"),
    "inf": (with_cell(np.inf), "Input X contains infinity"),
    "sparse nan": (sparse.csr_matrix(with_cell(np.nan)), "Input X contains NaN"),
    "one row": (X[:1], r"1 sample\(s\).*minimum of 2 is required by MEDAL"),
    "no rows": (X[:0], r"0 sample\(s\)"),
    "no columns": (X[:, :0], r"0 feature\(s\)"),
    "one dimension": (X[:, 0], "Expected 2D array, got 1D array"),
    "three dimensions": (X[None], "dim 3"),
    "words": (np.full((40, 3), "a"), "could not convert string to float"),
    "words as objects": (np.full((40, 3), "a", dtype=object), "could not convert string to float"),
    "complex": (X + 1j, "Complex data not supported"),
    "a number": (3.0, "Expected 2D array, got scalar array"),
}


@pytest.mark.parametrize(("data", "message"), BAD_DATA.values(), ids=BAD_DATA)
def test_unusable_data(data, message):
    with pytest.raises(ValueError, match=message):
        MEDAL(PCA(2), **QUICK).fit(data)


BAD_EMBEDDINGS = {
    "other number of rows": (Z[:30], "embedding has 30 rows, but X has n_samples=40"),
    "no rows": (Z[:0], "embedding"),
    "no columns": (Z[:, :0], "embedding"),
    "zero spread": (np.ones((40, 2)), "embedding must spread over finite, distinct positions"),
    "one dimension": (Z[:, 0], "embedding.*1D array"),
    "three dimensions": (Z[:, :, None], "embedding.*dim 3"),
    "infinite": (np.where(Z > 1, np.inf, Z), "embedding has infinite values"),
    "all rows nan": (np.full((40, 2), np.nan), "embedding has 0 rows without NaN; 2 are needed"),
    "one row not nan": (np.where(np.arange(40)[:, None] == 5, Z, np.nan), "embedding has 1 row"),
    "words": (np.full((40, 2), "a"), "embedding.*could not convert string to float"),
    "sparse": (sparse.csr_matrix(Z), "embedding.*[Ss]parse"),
    "complex": (Z + 1j, "embedding.*[Cc]omplex"),
    "none": (None, r"teacher='precomputed' needs fit\(X, embedding=Z\), got embedding=None"),
}


@pytest.mark.parametrize(("embedding", "message"), BAD_EMBEDDINGS.values(), ids=BAD_EMBEDDINGS)
def test_unusable_embedding(embedding, message):
    with pytest.raises((ValueError, TypeError), match=f"(?s){message}"):
        MEDAL("precomputed", **QUICK).fit(X, embedding=embedding)


def test_an_embedding_beside_a_teacher():
    with pytest.raises(ValueError, match=r"only used with teacher='precomputed', got teacher=PCA"):
        MEDAL(PCA(2), **QUICK).fit(X, embedding=Z)


BAD_PARAMETERS = {
    "teacher without fit_transform": ({"teacher": NoFitTransform()}, "'teacher' .*fit_transform"),
    "teacher class": ({"teacher": PCA}, "teacher must be an instance such as PCA"),
    "teacher name": ({"teacher": "pacmap"}, "'teacher' .*'umap'.* Got 'pacmap'"),
    "teacher number": ({"teacher": 2}, "'teacher' .* Got 2"),
    "failing teacher": ({"teacher": Failing()}, "teacher Failing failed .* perplexity must be"),
    "ragged teacher": ({"teacher": Ragged()}, "teacher Ragged has 39 rows, but X has n_samples=40"),
    "strategy": ({"strategy": "both"}, "'strategy' .*'decoupled'.* Got 'both'"),
    "encoder": ({"encoder": "knn"}, "'encoder' .*'local'.* Got 'knn'"),
    "encoder class": ({"encoder": nn.Linear}, "'encoder' .* Got <class"),
    "decoder": ({"decoder": "knn"}, "'decoder' .*'ridge'.* Got 'knn'"),
    "exact": ({"exact": True}, "'exact' .*'local'.* Got True"),
    "scale": ({"scale": "minmax"}, "'scale' .*'global'.* Got 'minmax'"),
    "n_neighbors": ({"n_neighbors": 0}, "'n_neighbors' .* Got 0"),
    "n_neighbors fraction": ({"n_neighbors": 2.5}, "'n_neighbors' .* Got 2.5"),
    "no layers": ({"hidden_layer_sizes": ()}, r"hidden_layer_sizes .*at least one.*got \(\)"),
    "layer of nothing": ({"hidden_layer_sizes": (8, 0)}, r"hidden_layer_sizes .*got \(8, 0\)"),
    "layers as a number": ({"hidden_layer_sizes": 8}, "'hidden_layer_sizes' .* Got 8"),
    "layers as a word": ({"hidden_layer_sizes": "88"}, "hidden_layer_sizes.*88"),
    "match_weight": ({"match_weight": -1.0}, "'match_weight' .* Got -1.0"),
    "input_noise": ({"input_noise": -0.1}, "'input_noise' .* Got -0.1"),
    "learning_rate": ({"learning_rate": 0.0}, "'learning_rate' .* Got 0.0"),
    "batch_size": ({"batch_size": 0}, "'batch_size' .* Got 0"),
    "max_iter": ({"max_iter": 0}, "'max_iter' .* Got 0"),
    "max_iter name": ({"max_iter": "many"}, "'max_iter' .*'auto'.* Got 'many'"),
    "calibration": ({"calibration": "train"}, "'calibration' .*'loo'.* Got 'train'"),
    "validation_fraction": ({"validation_fraction": 1.0}, "'validation_fraction' .* Got 1.0"),
    "keep_teacher": ({"keep_teacher": "no"}, "'keep_teacher' .* Got 'no'"),
    "device": ({"device": "gpu"}, "device must be 'auto', 'cpu', .* got 'gpu'"),
    "device number": ({"device": 3.5}, "device must be 'auto', 'cpu', .* got 3.5"),
    "random_state": ({"random_state": "zero"}, "'random_state' .* Got 'zero'"),
    "joint local": ({"strategy": "joint", "encoder": "local"}, "encoder must be .*got 'local'"),
    "joint ridge": ({"strategy": "joint", "decoder": "ridge"}, "decoder must be .*got 'ridge'"),
    "divergence": (
        {"encoder": "mlp", "learning_rate": 1e30, "max_iter": 9},
        "learning_rate=1e.30 is too large",
    ),
}


@pytest.mark.parametrize(("params", "message"), BAD_PARAMETERS.values(), ids=BAD_PARAMETERS)
def test_unusable_parameters(params, message):
    with pytest.raises((ValueError, TypeError), match=f"(?s){message}"):
        MEDAL(**{"teacher": PCA(2), **QUICK, **params}).fit(X)


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a CUDA device")
def test_a_device_that_is_absent():
    with pytest.raises(ValueError, match=r"device='cuda' asks for a CUDA device, but .* 0 of them"):
        MEDAL(PCA(2), device="cuda", **QUICK).fit(X)


@pytest.mark.parametrize(
    ("part", "module"),
    [
        ("encoder", nn.Linear(5, 1)),
        ("encoder", nn.Linear(5, 3)),
        ("encoder", nn.Linear(4, 2)),
        ("encoder", nn.Flatten(0)),
        ("decoder", nn.Linear(2, 1)),
        ("decoder", nn.Linear(2, 4)),
        ("decoder", nn.Linear(3, 5)),
    ],
    ids=lambda case: case if isinstance(case, str) else str(case),
)
@pytest.mark.parametrize("strategy", ["decoupled", "joint"])
def test_module_of_wrong_width(part, module, strategy):
    with pytest.raises(ValueError, match=f"{part}.*shape"):
        MEDAL(PCA(2), strategy=strategy, **{part: module}, **QUICK).fit(X)


METHODS = (
    *("transform", "inverse_transform", "reconstruct", "distortion", "score_samples", "score"),
    *("score_components", "pvalue", "detect_shift", "calibrate"),
)


@pytest.mark.parametrize("method", METHODS)
def test_before_fit(method):
    with pytest.raises(NotFittedError, match="MEDAL instance is not fitted yet"):
        getattr(MEDAL(PCA(2)), method)(X)


@pytest.fixture(scope="module")
def medal():
    return MEDAL(PCA(2), encoder="local", **QUICK).fit(X)


@pytest.mark.parametrize("method", sorted(set(METHODS) - {"inverse_transform"}))
def test_after_fit(medal, method):
    call = getattr(medal, method)
    with pytest.raises(ValueError, match="X has 3 features, but MEDAL is expecting 5 features"):
        call(X[:, :3])
    with pytest.raises(ValueError, match="Input X contains NaN"):
        call(with_cell(np.nan))
    with pytest.raises(ValueError, match="Expected 2D array, got 1D array"):
        call(X[0])
    with pytest.raises(ValueError, match=r"0 sample\(s\)"):
        call(X[:0])


@pytest.mark.parametrize(
    ("points", "message"),
    [
        (np.ones((3, 4)), "X has 4 .*2"),
        (np.ones((3, 1)), "X has 1 .*2"),
        (np.ones(2), "Expected 2D array, got 1D array"),
        ([[np.nan, 0.0]], "contains NaN"),
        ([["a", "b"]], "could not convert string to float"),
    ],
)
def test_unusable_points(medal, points, message):
    with pytest.raises(ValueError, match=message):
        medal.inverse_transform(points)


def fortran(X):
    return np.asfortranarray(X)


def read_only(X):
    X = X.copy()
    X.flags.writeable = False
    return X


def strided(X):
    return np.repeat(np.repeat(X, 2, axis=0), 3, axis=1)[::2, ::3]


def big_endian(X):
    return X.astype(">f8")


def as_list(X):
    return X.tolist()


def as_objects(X):
    return X.astype(object)


def pandas_frame(X):
    pandas = pytest.importorskip("pandas")
    return pandas.DataFrame(X, columns=[f"f{j}" for j in range(X.shape[1])])


def polars_frame(X):
    polars = pytest.importorskip("polars")
    return polars.DataFrame({f"f{j}": column for j, column in enumerate(X.T)})


def pandas_mixed(X):
    frame = pandas_frame(X)
    return frame.assign(f0=frame["f0"].astype(object))


@cache
def fitted_to_an_array(encoder):
    return MEDAL(PCA(2), encoder=encoder, **QUICK).fit(X)


FORMS = [fortran, read_only, strided, big_endian, as_list, as_objects]
FRAMES = [pandas_frame, polars_frame, pandas_mixed]


@pytest.mark.parametrize("encoder", ["local", "linear", "mlp"])
@pytest.mark.parametrize("form", FORMS + FRAMES, ids=lambda form: form.__name__)
def test_other_forms_of_the_same_numbers(form, encoder):
    expected = fitted_to_an_array(encoder)
    medal = MEDAL(PCA(2), encoder=encoder, **QUICK).fit(form(X))
    assert_array_equal(medal.transform(form(X + 0.1)), expected.transform(X + 0.1))
    assert_array_equal(medal.reconstruct(form(X + 0.1)), expected.reconstruct(X + 0.1))
    assert medal.score(form(X)) == expected.score(X)
    assert medal.embedding_.dtype == np.float64


@pytest.mark.parametrize("frame", [pandas_frame, polars_frame], ids=lambda form: form.__name__)
def test_frames_have_names(frame):
    medal = MEDAL(PCA(2), encoder="linear", **QUICK).fit(frame(X))
    assert medal.feature_names_in_.tolist() == ["f0", "f1", "f2", "f3", "f4"]
    renamed = frame(X)
    renamed.columns = ["other", "f1", "f2", "f3", "f4"]
    with pytest.raises(ValueError, match="feature names should match"):
        medal.transform(renamed)


def test_a_read_only_memmap(tmp_path):
    np.save(tmp_path / "X.npy", X)
    rows = np.load(tmp_path / "X.npy", mmap_mode="r")
    for encoder in ("local", "mlp"):
        medal = MEDAL(PCA(2), encoder=encoder, **QUICK).fit(rows)
        expected = MEDAL(PCA(2), encoder=encoder, **QUICK).fit(X)
        assert_array_equal(medal.transform(rows), expected.transform(X))
        assert_array_equal(medal.detect_shift(rows).sample_p_values, expected.pvalue(X))
    assert_array_equal(np.load(tmp_path / "X.npy"), X)


@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.uint8, bool])
def test_integers_become_float64(dtype):
    rows = (3 * np.abs(X)).astype(dtype)
    rows[:, 0] = np.arange(40) % 2 if dtype is bool else np.arange(40)
    medal = MEDAL(PCA(2), encoder="local", **QUICK).fit(rows)
    expected = MEDAL(PCA(2), encoder="local", **QUICK).fit(rows.astype(float))
    assert_array_equal(medal.transform(rows), expected.transform(rows.astype(float)))
    assert medal.transform(rows).dtype == medal.embedding_.dtype == np.float64


def test_float16_becomes_float64():
    rows = X.astype(np.float16)
    medal = MEDAL(PCA(2), encoder="local", **QUICK).fit(rows)
    expected = MEDAL(PCA(2), encoder="local", **QUICK).fit(rows.astype(float))
    assert_array_equal(medal.transform(rows), expected.transform(rows.astype(float)))
    assert medal.transform(rows).dtype == np.float64


def test_long_double_becomes_float64():
    medal = MEDAL(PCA(2), encoder="local", **QUICK).fit(X.astype(np.longdouble))
    assert medal.transform(X.astype(np.longdouble)).dtype == np.float64


@pytest.mark.parametrize("encoder", ["local", "linear", "mlp"])
def test_float64_is_never_cast_in_silence(encoder):
    """Differences that float32 cannot hold must decide where a row goes."""
    fine = np.hstack([X, X]) * 1e-9 + 1.0
    medal = MEDAL(Fixed(Z), encoder=encoder, calibration="loo", **QUICK)
    if encoder == "mlp":
        medal.set_params(teacher="precomputed").fit(fine, embedding=Z)
    else:
        medal.fit(fine)
    placed = medal.transform(fine)
    assert placed.dtype == np.float64
    assert np.abs(placed - medal.embedding_).max() < 1e-4
    assert len(np.unique(medal.reconstruct(fine)[:, 0])) > 30


@pytest.mark.parametrize("name", instances.names())
def test_a_model_of_one_precision_and_rows_of_the_other(name):
    X_new = curve(15, seed=1)[0]
    for fitted, given in [(np.float32, np.float64), (np.float64, np.float32)]:
        medal = instances.make(name).fit(X.astype(fitted))
        same, other = X_new.astype(fitted), X_new.astype(given)
        assert medal.transform(other).dtype == medal.reconstruct(other).dtype == given
        assert medal.inverse_transform(Z.astype(given)).dtype == given
        assert_allclose(medal.transform(other), medal.transform(same), atol=1e-3)
        assert medal.score(other) == pytest.approx(medal.score(same), abs=1e-3)
        assert_allclose(medal.pvalue(other), medal.pvalue(same), atol=0.1)
        assert 0 < medal.detect_shift(other).p_value <= 1
        assert medal.score_components(other).pca_r2 < 1


@pytest.mark.parametrize("make", [sparse.csr_matrix, sparse.csc_array, sparse.coo_matrix])
def test_sparse_where_dense_was_fitted(medal, make):
    assert_array_equal(medal.transform(make(X)), medal.transform(X))
    assert_array_equal(medal.distortion(make(X)), medal.distortion(X))


def test_embeddings_of_other_types():
    expected = MEDAL("precomputed", encoder="local", **QUICK).fit(X, embedding=Z)
    for form in [*FORMS, pandas_frame, polars_frame]:
        medal = MEDAL("precomputed", encoder="local", **QUICK).fit(X, embedding=form(Z))
        assert_array_equal(medal.embedding_, expected.embedding_)
    whole = MEDAL("precomputed", encoder="local", **QUICK).fit(
        X, embedding=np.arange(80).reshape(40, 2)
    )
    assert_allclose(whole.embedding_, np.arange(80).reshape(40, 2))


def test_the_embedding_is_not_written_to():
    frozen = read_only(Z)
    medal = MEDAL("precomputed", encoder="local", **QUICK).fit(read_only(X), embedding=frozen)
    medal.embedding_[:] = 0
    assert_array_equal(frozen, Z)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(
    ("unit", "dtype"),
    [(1e200, np.float64), (1e-200, np.float64), (1e30, np.float32), (1e-30, np.float32)],
)
@pytest.mark.parametrize("encoder", ["local", "linear", "mlp"])
def test_numbers_out_of_range(unit, dtype, encoder):
    """Their squares overflow or vanish: the right result, or an error that names X."""
    data = (X * unit).astype(dtype)
    medal = MEDAL("precomputed", encoder=encoder, **QUICK)
    try:
        medal.fit(data, embedding=Z)
    except ValueError as error:
        assert "X" in str(error)
    else:
        assert np.abs(medal.transform(data) - medal.embedding_).max() < 1e-4
        assert 0 < medal.score(data) < 1


def test_a_failed_fit_says_so_once(recwarn):
    """One error, and no chatter beside it."""
    with pytest.raises(ValueError, match="NaN"):
        MEDAL(PCA(2), **QUICK).fit(with_cell(np.nan))
    assert len(recwarn) == 0
