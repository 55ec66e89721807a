"""Fits that are sums over rows: the same from blocks, whatever their number, as from all rows."""

import warnings
from functools import cache

import numpy as np
import pytest
from numpy.testing import assert_allclose

from sksubspace import MEDAL, TLDR, SteinSubspace
from sksubspace._dask import Blocks
from sksubspace.cluster import (
    KSubspaces,
    LeastSquaresSubspaceClustering,
    MixtureOfLowRankGaussians,
    MultilayerGraphClustering,
)
from sksubspace.cluster._k_subspaces._alternation import (
    AssignedBlocks,
    AssignedRows,
    Subspaces,
    nearest,
)
from sksubspace.erasure import ConceptEraser
from sksubspace.metrics import trustworthiness
from sksubspace.neighbors import nearest_neighbors
from tests.distributed import fits
from tests.distributed.chunked import CUTS, chunked, da

pytestmark = [
    pytest.mark.distributed,
    pytest.mark.filterwarnings("ignore:.* rows are zero"),
    pytest.mark.filterwarnings("ignore:The affinity graph has"),
]


@cache
def of_all_rows(name):
    estimator, X, y = fits.make(name)
    return fits.found(estimator.fit(X, y), X)


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("name", fits.NAMES)
def test_blocks_find_what_all_rows_find(name, cut):
    estimator, X, y = fits.make(name)
    found = fits.found(estimator.fit(chunked(X, cut), chunked(y, cut)), X)
    for what, value in of_all_rows(name).items():
        assert_allclose(found[what], value, rtol=1e-10, atol=1e-10, err_msg=what)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_neighbors_of_blocks_are_those_of_all_rows(metric, dtype):
    X = fits.with_copies()[0].astype(dtype)
    wanted = [700, 3, 3, 41]
    for queries in (None, wanted):
        of_blocks = nearest_neighbors(chunked(X, "four"), 7, metric=metric, queries=queries)
        of_all = nearest_neighbors(X, 7, metric=metric, queries=queries)
        for found, expected in zip(of_blocks, of_all, strict=True):
            computed = found.compute(scheduler="sync")
            assert computed.dtype == expected.dtype and found.shape == expected.shape
            np.testing.assert_array_equal(computed, expected)


def test_frames_keep_the_names_of_their_columns():
    dd = pytest.importorskip("dask.dataframe")
    pd = pytest.importorskip("pandas")
    X, y = fits.with_responses()
    frame = pd.DataFrame(X, columns=[f"x{i}" for i in range(X.shape[1])])
    blocks = dd.from_pandas(frame, npartitions=3)
    fitted = SteinSubspace(2).fit(blocks, y)
    whole = SteinSubspace(2).fit(frame, y)
    assert fitted.feature_names_in_.tolist() == frame.columns.tolist()
    assert_allclose(fitted.components_, whole.components_, atol=1e-10)
    fitted.set_output(transform="pandas")
    placed = fitted.transform(blocks)
    assert placed.columns.tolist() == ["steinsubspace0", "steinsubspace1"]
    expected = fitted.transform(frame)
    assert_allclose(placed.compute(scheduler="sync"), expected)
    assert placed.compute(scheduler="sync").index.equals(frame.index)


def test_the_callers_rows_are_not_written_to():
    X, y = fits.near_subspaces()
    before = X.copy()
    landmarks = LeastSquaresSubspaceClustering(4, n_landmarks=80, random_state=0)
    for estimator in (
        KSubspaces(4, random_state=0),
        MixtureOfLowRankGaussians(4, normalize=True, random_state=0),
        landmarks,
        ConceptEraser(),
        TLDR(4, encoder="linear"),
    ):
        fitted = estimator.fit(da.from_array(X, chunks=(200, 15)), y)
        fitted.transform(da.from_array(X, chunks=(200, 15))).compute(scheduler="sync")
        np.testing.assert_array_equal(X, before, err_msg=str(estimator))


def test_single_precision_stays():
    X, y = fits.near_subspaces()
    blocks = chunked(X.astype(np.float32), "two")
    for estimator in (KSubspaces(4, random_state=0), SteinSubspace(2), TLDR(4, encoder="linear")):
        fitted = estimator.fit(blocks, y)
        assert fitted.transform(X.astype(np.float32)).dtype == np.float32, estimator


def test_weights_are_repetitions():
    X, y = fits.with_responses()
    weights = np.random.RandomState(0).randint(3, size=len(X))
    weighted = SteinSubspace(2).fit(chunked(X, "four"), y, sample_weight=chunked(weights, "four"))
    repeated = SteinSubspace(2).fit(np.repeat(X, weights, axis=0), np.repeat(y, weights, axis=0))
    assert_allclose(weighted.components_, repeated.components_, atol=1e-8)


def test_partial_fit_starts_anew_after_a_fit_to_blocks():
    X, y = fits.with_responses()
    for estimator in (SteinSubspace(2), ConceptEraser()):
        estimator.fit(chunked(X, "two"), y).partial_fit(X[:300], y[:300])
        other = type(estimator)(**estimator.get_params()).partial_fit(X[:300], y[:300])
        assert_allclose(estimator.transform(X), other.transform(X), atol=1e-12)


# what users get wrong


def test_columns_in_chunks_are_brought_together_with_a_warning():
    X, _ = fits.near_subspaces()
    model = KSubspaces(4, random_state=0).fit(X)
    with pytest.warns(UserWarning, match="columns in 3 chunks"):
        found = model.predict(da.from_array(X, chunks=(200, 5)))
    np.testing.assert_array_equal(found.compute(scheduler="sync"), model.labels_)
    with pytest.warns(UserWarning, match="columns in 3 chunks"):
        KSubspaces(4, random_state=0).fit(da.from_array(X, chunks=(200, 5)))


def test_unknown_sizes_are_computed_for_a_fit_and_stay_unknown_for_rows():
    X, _ = fits.near_subspaces()
    blocks = chunked(X, "four")
    blocks = blocks[blocks[:, 0] > -9]  # dask cannot know how many these are
    assert np.isnan(blocks.shape[0])
    with pytest.warns(UserWarning, match="unknown size"):
        model = KSubspaces(4, random_state=0).fit(blocks)
    np.testing.assert_array_equal(model.labels_, KSubspaces(4, random_state=0).fit(X).labels_)
    np.testing.assert_array_equal(model.predict(blocks).compute(scheduler="sync"), model.labels_)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("name", ["eraser-leace", "stein-1", "k-subspaces", "mixture", "tldr"])
def test_an_error_tells_the_block(name, bad):
    estimator, X, y = fits.make(name)
    fitted = fits.make(name)[0].fit(X, y)
    X = X.copy()
    X[-1, 2] = bad
    with pytest.raises(ValueError, match=r"Block 3 of 4 \(from 0\): .*(NaN|infinity)"):
        estimator.fit(chunked(X, "four"), y)
    with pytest.raises(ValueError, match=r"Block 3 of 4 \(from 0\): .*(NaN|infinity)"):
        fitted.transform(chunked(X, "four")).compute(scheduler="sync")


def test_other_numbers_of_columns_are_told_at_once():
    X, y = fits.with_responses()
    fitted = SteinSubspace(2).fit(X, y)
    with pytest.raises(ValueError, match="14 features, but SteinSubspace is expecting 15"):
        fitted.transform(chunked(X[:, :14], "two"))


def test_responses_of_other_lengths_are_refused():
    X, y = fits.with_responses()
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        SteinSubspace(2).fit(chunked(X, "two"), y[:-1])
    with pytest.raises(ValueError, match="a value for each of the 600 rows, got 599"):
        ConceptEraser().fit(chunked(X, "two"), y[:-1])


@pytest.mark.parametrize(
    ("estimator", "setting"),
    [
        (MEDAL("pca"), "here"),
        (TLDR(4), "encoder='blend'"),
        (SteinSubspace(2, score_model="gmm"), "score_model='gmm'"),
        (ConceptEraser("inlp"), "method='inlp'"),
        (KSubspaces(4, init="k-means"), "init='k-means'"),
        (MixtureOfLowRankGaussians(4, init_params="random"), "init_params='random'"),
        (LeastSquaresSubspaceClustering(4), "n_landmarks='auto' for 600 rows"),
        (MultilayerGraphClustering(4), "n_landmarks='auto' for 600 rows"),
        (MultilayerGraphClustering(4, n_landmarks=None), "n_landmarks=None for 600 rows"),
        (MultilayerGraphClustering(4, n_landmarks=600), "n_landmarks=600 for 600 rows"),
        (
            MultilayerGraphClustering(
                4, n_landmarks=50, base=LeastSquaresSubspaceClustering(n_landmarks="auto")
            ),
            "base=LeastSquaresSubspaceClustering()",
        ),
        (TLDR(4, encoder="linear", solver="sgd"), "solver='sgd'"),
        (TLDR(4, encoder="linear", search="approximate"), "search='approximate'"),
    ],
    ids=lambda one: one if isinstance(one, str) else type(one).__name__,
)
def test_what_needs_all_rows_says_so(estimator, setting):
    X, y = fits.near_subspaces()
    with pytest.raises(TypeError, match="must be in memory") as error:
        estimator.fit(chunked(X, "two"), y)
    assert setting in str(error.value) and "2 blocks" in str(error.value)


def test_metrics_do_not_load_a_collection_unasked():
    X, _ = fits.near_subspaces()
    with pytest.raises(TypeError, match=r"X must be in memory here.*X\.compute\(\)"):
        trustworthiness(chunked(X, "two"), X[:, :2])


def test_values_for_each_row_beside_a_collection_are_refused():
    X, y = fits.near_subspaces()
    eraser = ConceptEraser().fit(X, y, center_by=y)
    with pytest.raises(TypeError, match="no values for each row beside a dask collection"):
        eraser.transform(chunked(X, "two"), center_by=y)


def test_a_collection_without_rows_is_refused():
    with pytest.raises(ValueError, match="X must have rows"):
        KSubspaces(2).fit(da.zeros((0, 4)))


def test_series_are_no_table():
    with pytest.raises(ValueError, match="must have rows and columns"):
        nearest_neighbors(da.zeros(5), 2)


def test_nothing_is_computed_before_it_is_asked_for():
    X, _ = fits.near_subspaces()
    model = KSubspaces(4, random_state=0).fit(X)

    def fail(block):
        raise AssertionError("computed")

    lazy = chunked(X, "two").map_blocks(fail, dtype=float, meta=np.zeros((0, 15)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        placed = model.transform(lazy)
    assert placed.shape == (600, 4)
    with pytest.raises(AssertionError, match="computed"):
        placed.compute(scheduler="sync")


def test_a_cluster_that_loses_its_rows_takes_those_that_fit_worst_in_blocks_too():
    X, _ = fits.near_subspaces()
    bases = np.linalg.qr(np.random.RandomState(1).randn(2, 15, 2))[0].transpose(0, 2, 1)
    # the third stands where no row is
    start = Subspaces(np.zeros((3, 15)), np.concatenate([bases, np.zeros((1, 2, 15))]))
    assert 2 not in nearest(X, start)[0]
    rows = AssignedRows(X, False)
    blocks = AssignedBlocks(Blocks.of_table(chunked(X, "four")), np.zeros(15), False, False)
    of_rows, of_blocks = (
        one.fitted(*[found[i] for i in (0, 2)], start)
        for one, found in ((one, one.to_nearest(start)) for one in (rows, blocks))
    )
    assert (of_rows[0] == 2).sum() == 2
    np.testing.assert_array_equal(of_blocks[0], of_rows[0])
    for found, expected in zip(of_blocks[1].bases, of_rows[1].bases, strict=True):
        assert_allclose(found.T @ found, expected.T @ expected, atol=1e-10)


def test_few_rows_are_for_the_memory():
    X, _ = fits.near_subspaces()
    few = chunked(X[:10], "two")
    with pytest.raises(TypeError, match="must be in memory for 10 rows that are not zero"):
        KSubspaces(4).fit(few)
    with pytest.raises(TypeError, match="must be in memory for 10 rows of 15 columns"):
        MixtureOfLowRankGaussians(2).fit(few)
    with pytest.raises(ValueError, match="at least 2 rows, got 1"):
        TLDR(4, encoder="linear").fit(chunked(X[:1], "one"))


def test_rows_without_variance_are_refused():
    with pytest.raises(ValueError, match="X must have variance"):
        TLDR(4, encoder="linear").fit(da.ones((20, 3), chunks=(10, 3)))


def test_many_columns_and_groups_are_for_the_memory():
    X, y = fits.near_subspaces()
    with pytest.raises(TypeError, match="must be in memory with 1,025 columns"):
        TLDR(4, encoder="linear").fit(da.ones((4, 1025), chunks=(2, 1025)))
    with pytest.raises(TypeError, match="must be in memory with center_by"):
        ConceptEraser().fit(chunked(X, "two"), y, center_by=y)
    with pytest.raises(TypeError, match="must be in memory with method='approximate'"):
        nearest_neighbors(chunked(X, "two"), 3, method="approximate")


def test_frames_of_others_than_pandas_are_refused():
    pytest.importorskip("polars")
    X, y = fits.with_responses()
    fitted = SteinSubspace(2).fit(X, y).set_output(transform="polars")
    with pytest.raises(TypeError, match="arrays or pandas frames, got DataFrame"):
        fitted.transform(chunked(X, "two"))
