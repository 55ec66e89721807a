import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from sksubspace import MEDAL
from sksubspace._student._scaling import FeatureScale, LatentScale


def table(n=50, seed=0):
    """Columns of very different location and unit, with zeros."""
    X = np.random.RandomState(seed).randn(n, 4) * [1, 1000, 0.01, 1] + [0, 5000, 1, -3]
    X[:10, 0] = 0
    return X


def test_latent_scale_is_one_radius_about_the_mean():
    Z = table()
    scale = LatentScale.of(Z)
    assert_allclose(scale.centre, Z.mean(0))
    assert scale.radius == pytest.approx(np.sqrt(Z.var(0).sum()))
    scaled = scale.scale(Z)
    assert_allclose(scaled.mean(0), 0, atol=1e-9)
    assert np.square(scaled).sum(1).mean() == pytest.approx(1)
    assert_allclose(scale.unscale(scaled), Z)
    assert scale.scale(Z.astype(np.float32)).dtype == np.float64


@pytest.mark.parametrize(
    "Z",
    [np.zeros((4, 2)), np.full((4, 2), 1e8), np.full((3, 1), 0.1), [[0.0], [np.inf]], [[np.nan]]],
    ids=["zeros", "constant", "rounding", "infinite", "nan"],
)
def test_embedding_without_finite_spread_raises(Z):
    with (
        np.errstate(invalid="ignore"),
        pytest.raises(ValueError, match="must spread over finite, distinct positions"),
    ):
        LatentScale.of(np.asarray(Z))


@pytest.mark.parametrize("unit", [1e-30, 1e-3, 1e12])
def test_unit_of_the_embedding_does_not_matter(unit):
    Z = np.random.RandomState(0).randn(20, 2)
    assert_allclose(LatentScale.of(unit * Z).scale(unit * Z), LatentScale.of(Z).scale(Z))


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_matrix], ids=["dense", "csr"])
def test_global_scale_is_one_standard_deviation(make):
    X = table()
    scale = FeatureScale.of(make(X), "global")
    assert scale.spread == pytest.approx(np.sqrt(X.var(0).mean()))
    assert_allclose(scale.mean, X.mean(0))
    assert scale.squared_units is None
    assert scale.work(X) is X and scale.unwork(X) is X


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_matrix], ids=["dense", "csr"])
def test_feature_scale_is_one_standard_deviation_each(make):
    X = table()
    scale = FeatureScale.of(make(X), "feature")
    work = scale.work(make(X))
    work = work.toarray() if sparse.issparse(work) else work
    assert_allclose(work, X / X.std(0))
    assert_allclose(scale.mean, work.mean(0))
    assert_allclose(scale.unwork(work), X)
    assert_allclose(scale.squared_units, X.var(0))
    assert scale.spread == 1


def test_no_scale_is_none():
    X = table()
    scale = FeatureScale.of(X, "none")
    assert (scale.spread, scale.column_scale) == (1, None)
    assert_allclose(scale.mean, X.mean(0))


@pytest.mark.parametrize("mode", ["global", "feature"])
def test_constant_data_keep_a_usable_unit(mode):
    scale = FeatureScale.of(np.full((5, 3), 0.1), mode)
    assert np.isfinite(scale.work(np.full((5, 3), 0.1))).all()
    assert scale.spread == 1 or mode == "feature"


def test_a_column_of_rounding_noise_is_not_blown_up():
    X = table()
    X[:, 1] = 0.1 + 1e-17 * np.random.RandomState(0).randn(50)
    scale = FeatureScale.of(X, "feature")
    assert np.abs(scale.work(X)[:, 1]).max() < 1


@pytest.mark.filterwarnings("ignore:overflow encountered")
@pytest.mark.parametrize("make", [np.asarray, sparse.csr_matrix], ids=["dense", "csr"])
@pytest.mark.parametrize(
    ("unit", "dtype"),
    [(1e200, np.float64), (1e-200, np.float64), (1e25, np.float32), (1e-25, np.float32)],
)
def test_numbers_whose_squares_are_out_of_range_raise(unit, dtype, make):
    with pytest.raises(ValueError, match=f"out of the range of {np.dtype(dtype).name}. Rescale X"):
        FeatureScale.of(make((table() * unit).astype(dtype)), "global")


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_matrix], ids=["dense", "csr"])
@pytest.mark.parametrize(("unit", "dtype"), [(1e-30, np.float64), (1e12, np.float32)])
def test_any_other_unit_is_fine(unit, dtype, make):
    X = (table() * unit).astype(dtype)
    assert FeatureScale.of(make(X), "global").spread == pytest.approx(
        unit * FeatureScale.of(table(), "global").spread
    )
    FeatureScale.of(make(0 * X), "global")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("make", [np.asarray, sparse.csr_matrix], ids=["dense", "csr"])
def test_dtype_is_kept(dtype, make):
    X = make(table().astype(dtype))
    scale = FeatureScale.of(X, "feature")
    assert scale.work(X).dtype == dtype
    assert scale.unwork(scale.work(table().astype(dtype))).dtype == dtype


def test_the_scaler_does_not_write_to_its_input():
    X = table()
    X.flags.writeable = False
    scale = FeatureScale.of(X, "feature")
    scale.unwork(scale.work(X))
    LatentScale.of(X).scale(X)
    assert_array_equal(X, table())


@pytest.mark.filterwarnings("ignore:A precomputed embedding")
@pytest.mark.parametrize("units", [(1, 1e3, 1e-3, 1), (1, 1e-12, 1, 1e12)])
def test_with_feature_scale_the_unit_of_a_column_does_not_matter(units):
    rng = np.random.RandomState(0)
    X = rng.randn(60, 4)
    params = {"scale": "feature", "encoder": "local", "max_iter": 3, "random_state": 0}
    plain, scaled = (
        MEDAL("precomputed", **params).fit(rows, embedding=X[:, :2]) for rows in (X, X * units)
    )
    X_new = rng.randn(20, 4)
    assert_allclose(scaled.transform(X_new * units), plain.transform(X_new), rtol=1e-6)
    assert_allclose(scaled.reconstruct(X_new * units), plain.reconstruct(X_new) * units, rtol=1e-6)


@pytest.mark.filterwarnings("ignore:A precomputed embedding")
@pytest.mark.parametrize("mode", ["global", "feature", "none"])
def test_errors_are_in_input_units_for_every_scale(mode):
    rng = np.random.RandomState(0)
    X = table(80)
    params = {"scale": mode, "encoder": "linear", "random_state": 0}
    medal = MEDAL("precomputed", **params).fit(X, embedding=rng.randn(80, 2))
    X_new = table(30, seed=1)
    residual = X_new - medal.reconstruct(X_new)
    assert_allclose(medal.distortion(X_new), np.square(residual).mean(1))
    total = np.square(X_new - X.mean(0)).sum()
    assert medal.score(X_new) == pytest.approx(1 - np.square(residual).sum() / total)
    total = np.square(X - X.mean(0)).sum()
    assert medal.loo_score_ == pytest.approx(1 - 4 * medal.loo_distortion_.sum() / total)


def test_scales_differ():
    X = table(40)
    spreads = {FeatureScale.of(X, mode).spread for mode in ("global", "feature", "none")}
    assert len(spreads) == 2
    assert_array_equal(FeatureScale.of(X, "none").work(X), X)
