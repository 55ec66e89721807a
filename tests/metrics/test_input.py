"""What every metric accepts, refuses and leaves alone."""

import inspect

import numpy as np
import pytest
from scipy import sparse

from sksubspace import metrics
from tests.metrics.data import cloud, held_out

# two take labels; those that learn a student accept missing rows of Z, and have test files of their
# own; the others take one table, or counts, or compare clusters and subspaces
OTHERS = {
    *("neighborhood_hit", "retrieval_map", "embedding_score", "embedding_reliability"),
    *("global_share", "group_scores", "group_loss", "linear_gain", "islands_dealt"),
    *("deal_islands", "find_islands", "gaussian_surrogate", "deviance_explained"),
    *("clustering_accuracy", "subspace_preserving_error", "subspace_connectivity"),
    *("neighbor_information", "cluster_deviance_explained"),
    *(
        "principal_angles",
        "subspace_affinity",
        "subspace_distance",
        "coding_rate",
        "rate_reduction",
    ),
    *("intrinsic_dimension", "local_intrinsic_dimension", "minimum_spanning_tree_length"),
    *("participation_ratio", "effective_rank", "centered_kernel_alignment"),
    *("diffusion_spectral_entropy", "match_features"),
    *("compress_layers", "utilized_rank", "reconstruction_alignment_curve"),
}
OF_DATA_AND_MAP = [
    getattr(metrics, name)
    for name in metrics.__all__
    if name not in OTHERS and not inspect.isclass(getattr(metrics, name))
]
HELD_OUT = [m for m in OF_DATA_AND_MAP if "X_train" in inspect.signature(m).parameters]
EVERY = pytest.mark.parametrize("metric", OF_DATA_AND_MAP, ids=lambda m: m.__name__)
EVERY_HELD_OUT = pytest.mark.parametrize("metric", HELD_OUT, ids=lambda m: m.__name__)


def spoilt(A, value=np.nan):
    A = A.copy()
    A[3, 1] = value
    return A


X, Z = cloud()
BAD = {
    "X with a missing value": ({"X": spoilt(X)}, "X must be a table of finite .*NaN"),
    "Z with a missing value": ({"Z": spoilt(Z)}, "Z must be a table of finite .*NaN"),
    "X with infinity": ({"X": spoilt(X, np.inf)}, "X must be a table of finite .*infinity"),
    "one-dimensional X": ({"X": X[:, 0]}, "X must be a table .*1D array"),
    "one-dimensional Z": ({"Z": Z[:, 0]}, "Z must be a table .*1D array"),
    "three-dimensional Z": ({"Z": Z[..., None]}, "Z must be a table .*dim 3"),
    "text": ({"X": np.full((40, 2), "a")}, "X must be a table .*"),
    "complex numbers": ({"Z": Z + 1j}, "Z must be a table .*[Cc]omplex"),
    "no rows": ({"X": X[:0], "Z": Z[:0]}, "X must be a table .*0 sample"),
    "no columns": ({"Z": Z[:, :0]}, "Z must be a table .*0 feature"),
    "one row": ({"X": X[:1], "Z": Z[:1]}, "X must have at least 2 rows.* got 1"),
    "other rows": ({"Z": Z[:30]}, "X and Z must have the same number of rows, got 40 and 30"),
    "huge numbers": ({"X": X * 1e200}, "largest absolute value in X must be .*e\\+200"),
    "tiny numbers": ({"Z": Z * 1e-200}, "largest absolute value in Z must be .*e-200"),
    "no sample": ({"max_samples": 0}, "max_samples must be at least 1.* got 0"),
    "seed": ({"max_samples": 9, "random_state": "a"}, "'a' cannot be used to seed"),
}
BAD_REFERENCE = {
    "no map": ({"Z_train": None}, "X_train and Z_train must be given together, got Z_train=None"),
    "no data": ({"X_train": None}, "X_train and Z_train must be given together, got X_train=None"),
    "columns of X": ({"X_train": X[:, :3]}, "X_train must have the 5 columns of X, got 3"),
    "columns of Z": ({"Z_train": X}, "Z_train must have the 2 columns of Z, got 5"),
    "rows": ({"Z_train": Z[:7]}, "X_train and Z_train must have the same number .* 25 and 7"),
    "sparse": ({"X_train": sparse.csr_matrix(X)}, "must be both dense or both sparse, got ndarray"),
    "missing": ({"Z_train": spoilt(Z)}, "Z_train must be a table of finite .*NaN"),
}


@EVERY
@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_named(metric, case):
    bad, message = BAD[case]
    with pytest.raises(ValueError, match=message):
        metric(**({"X": X, "Z": Z} | bad))


@EVERY_HELD_OUT
@pytest.mark.parametrize("case", BAD_REFERENCE)
def test_a_bad_reference_is_named(metric, case):
    bad, message = BAD_REFERENCE[case]
    with pytest.raises(ValueError, match=message):
        metric(**(held_out(X, Z) | bad))


@EVERY
def test_wrong_types_are_named(metric):
    with pytest.raises(TypeError, match=r"Z must be a table .*[Ss]parse"):
        metric(X, sparse.csr_matrix(Z))
    with pytest.raises(TypeError, match=r"max_samples must be an integer, got 0\.5"):
        metric(X, Z, max_samples=0.5)


def test_columns_of_text_are_named():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"a": [1.0, 2, 3], "kind": list("xyz"), "b": [1, 2, 3]})
    with pytest.raises(ValueError, match=r"Without numbers: kind\.$"):
        metrics.trustworthiness(frame, frame[["a", "b"]], n_neighbors=1)


@pytest.mark.parametrize("value", [2.0, "5", None, True])
def test_n_neighbors_is_an_integer(value):
    with pytest.raises(TypeError, match="n_neighbors must be an integer, got"):
        metrics.trustworthiness(X, Z, n_neighbors=value)
    with pytest.raises(TypeError, match="n_neighbors must be an integer, got"):
        metrics.neighborhood_hit(Z, np.zeros(40), n_neighbors=value)
    assert metrics.trustworthiness(X, Z, n_neighbors=np.int32(5)) == metrics.trustworthiness(X, Z)


@EVERY
def test_lists_frames_integers_and_float32_are_taken(metric):
    pd = pytest.importorskip("pandas")
    whole, places = np.rint(10 * X), np.rint(10 * Z)
    expected = metric(whole, places)
    for kind in [
        np.ndarray.tolist,
        pd.DataFrame,
        np.asfortranarray,
        lambda A: A.astype(np.float32),
        lambda A: A.astype(int),
    ]:
        np.testing.assert_array_equal(metric(kind(whole), kind(places)), expected)


@EVERY
@pytest.mark.parametrize("kind", [sparse.csr_matrix, sparse.csr_array, sparse.coo_matrix])
def test_sparse_data_are_taken(metric, kind):
    np.testing.assert_allclose(metric(kind(X), Z), metric(X, Z), rtol=1e-10)


@EVERY_HELD_OUT
def test_one_held_out_row_is_enough(metric):
    rows = held_out(X, Z, 1)
    assert np.isfinite(metric(**rows)).all()


@EVERY
@pytest.mark.parametrize("kind", [np.array, sparse.csr_matrix])
def test_the_callers_arrays_are_left_alone(metric, kind):
    data, places = kind(X), Z.copy()
    for array in [data.data if sparse.issparse(data) else data, places]:
        array.flags.writeable = False
    metric(data, places)
    metric(data, places, max_samples=20, random_state=0)
    assert (data != kind(X)).sum() == 0
    np.testing.assert_array_equal(places, Z)


@EVERY
def test_draws_are_repeatable_and_leave_the_global_state_alone(metric):
    before = np.random.get_state()[1].copy()
    first = metric(X, Z, max_samples=20, random_state=0)
    np.testing.assert_array_equal(metric(X, Z, max_samples=20, random_state=0), first)
    rng = np.random.RandomState(0)
    np.testing.assert_array_equal(metric(X, Z, max_samples=20, random_state=rng), first)
    np.testing.assert_array_equal(metric(X, Z, max_samples=20), first)
    others = [metric(X, Z, max_samples=20, random_state=None) for _ in range(5)]
    assert any((other != first).any() for other in map(np.asarray, others))
    np.testing.assert_array_equal(np.random.get_state()[1], before)
