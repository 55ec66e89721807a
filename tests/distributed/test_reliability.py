"""Marks of the rows of a map that stands in blocks."""

import dataclasses

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.spatial.distance import cdist
from scipy.stats import false_discovery_control
from sklearn.linear_model import Ridge

from sksubspace import MEDAL
from sksubspace._dask import is_collection
from sksubspace._student import StudentPlan, check_groups, learn_student
from sksubspace.decoding import FourierRidge
from sksubspace.metrics import embedding_reliability
from sksubspace.metrics._marks import decoder_as_drawn
from tests.distributed.chunked import CUTS, chunked, da
from tests.metrics.test_reliability import OtherRidge

pytestmark = [
    pytest.mark.distributed,
    pytest.mark.filterwarnings("ignore:.* rows are equal or nearly equal"),
    pytest.mark.filterwarnings("ignore:For .* of the rows the nearest row"),
]

N, N_DRAWN, N_PLACES = 600, 240, 199
VALUES = ("p_value", "tear", "overlap")


def islands(n=N):
    """Ten clouds of five features, of which some stand on a wrong island or nowhere."""
    rng = np.random.RandomState(0)
    cloud, within = rng.randint(10, size=n), rng.randn(n, 2)
    plane = 8 * np.column_stack([cloud % 4, cloud // 4]) + within
    X = np.column_stack([plane, 0.3 * within**2, np.sin(plane[:, :1])]) + 0.1 * rng.randn(n, 5)
    Z = plane + 0.1 * rng.randn(n, 2)
    Z[:60] = Z[60:120]
    Z[200:220] = np.nan
    X[300:330], Z[300:330] = X[330:360], Z[330:360]  # copies
    X[400:430] = X[430:460] + 1e-6 * rng.randn(30, 5)
    return X, Z, cloud


GROUPS = {
    "copies": None,
    "pairs": np.arange(N) // 2,
    "donors": np.arange(N) % 7,
}


@pytest.fixture
def few(monkeypatch):
    """A third of the rows is drawn."""
    monkeypatch.setattr("sksubspace.metrics._marks._blocks.MAX_SAMPLES", N_DRAWN)
    monkeypatch.setattr("sksubspace.metrics._marks._blocks.N_PLACES", N_PLACES)


def marks(X, Z, **given):
    """With a decoder that is quickly learnt."""
    student = MEDAL("pca", decoder=FourierRidge(30), random_state=0)
    return embedding_reliability(X, Z, **({"student": student} | given))


def assert_same(found, expected):
    for one in dataclasses.fields(expected):
        value, other = (getattr(result, one.name) for result in (found, expected))
        if isinstance(other, np.ndarray) and other.dtype.kind == "f":
            assert_allclose(value, other, rtol=1e-10, atol=1e-10, err_msg=one.name)
        else:
            assert_array_equal(value, other, err_msg=one.name)


def drawn_rows(Z):
    """Numbers of the rows that are drawn, as `random_state=0` draws them."""
    placed = np.flatnonzero(~np.isnan(Z[:, 0]))
    return placed[np.sort(np.random.RandomState(0).choice(len(placed), N_DRAWN, replace=False))]


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("kind", GROUPS)
def test_marks_of_few_rows_are_those_in_memory(kind, cut):
    X, Z, cloud = islands()
    expected = marks(X, Z, y=cloud, groups=GROUPS[kind])
    found = marks(chunked(X, cut), chunked(Z, cut), y=chunked(cloud, cut), groups=GROUPS[kind])
    assert is_collection(found.p_value) and found.mark.shape == (N,)
    assert found.mark.dtype == expected.mark.dtype
    assert_same(found.compute(), expected)
    assert str(found.compute()) == str(expected)
    assert found.compute().by_group.equals(expected.by_group)


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("kind", GROUPS)
def test_rows_that_are_drawn_are_marked_as_a_draw_in_memory_is(kind):
    X, Z, _ = islands()
    drawn, groups = drawn_rows(Z), GROUPS[kind]
    expected = marks(
        X[drawn], Z[drawn], groups=None if groups is None else groups[drawn], n_places=N_PLACES
    )
    found = marks(chunked(X, "four"), chunked(Z, "four"), groups=groups).compute()
    for name in VALUES:
        assert_allclose(getattr(found, name)[drawn], getattr(expected, name), err_msg=name)
    for name in ("n_places", "n_searched", "n_copies"):
        assert getattr(found, name) == getattr(expected, name)
    assert found.n_searched == N_DRAWN and found.n_places == N_PLACES


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("kind", GROUPS)
def test_blocks_change_nothing(kind):
    (X, Z, cloud), groups = islands(), GROUPS[kind]
    one, two, four = (
        marks(chunked(X, cut), chunked(Z, cut), y=cloud, groups=groups).compute() for cut in CUTS
    )
    assert_same(two, one)
    assert_same(four, one)
    # the map stands elsewhere, or in other blocks
    for places in (Z, chunked(Z, "two")):
        assert_same(marks(chunked(X, "four"), places, y=cloud, groups=groups).compute(), one)
    with pytest.warns(UserWarning, match="Z has its columns in 2 chunks"):
        found = marks(chunked(X, "four"), da.from_array(Z, chunks=(130, 1)), groups=groups)
    assert_array_equal(found.p_value, one.p_value)


def mates_of(kind, X, drawn):
    """For each row, which of the rows that are drawn belong to it, by other means."""
    if GROUPS[kind] is not None:
        return GROUPS[kind][:, None] == GROUPS[kind][drawn]
    # far below what parts rows that are no copies
    return cdist(X, X[drawn]) < 1e-4


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("kind", GROUPS)
@pytest.mark.parametrize("n_more", [0, 700], ids=["few columns", "more columns than features"])
def test_the_others_are_marked_by_a_decoder_that_never_saw_them_nor_their_group(kind, n_more):
    """One ridge for each row, refitted without the rows of its group that were drawn."""
    X, Z, _ = islands()
    X = np.hstack([X, 0.01 * np.random.RandomState(1).randn(N, n_more)])
    if n_more:
        X[300:330], X[400:430] = X[330:360], X[430:460]
    drawn, mates = drawn_rows(Z), mates_of(kind, X, drawn_rows(Z))
    groups = GROUPS[kind]
    found = marks(chunked(X, "four"), chunked(Z, "four"), groups=groups).compute()
    given = None if groups is None else check_groups(groups[drawn], N_DRAWN)
    plan = StudentPlan(decoder=FourierRidge(30))
    seed = np.random.RandomState(0).randint(2**31 - 1)
    left_out = learn_student(plan, X[drawn], Z[drawn], seed=seed, groups=given)
    left_out = decoder_as_drawn(left_out, X[drawn])
    decoder, scale = left_out.student.decoder, left_out.student.latent_scale

    def features(at):
        phase = at @ decoder.frequencies_
        return np.hstack([at, np.cos(phase), np.sin(phase)])

    at_rows = np.sort(np.random.RandomState(0).choice(N_DRAWN, N_PLACES, replace=False))
    new = np.setdiff1d(np.flatnonzero(~np.isnan(Z[:, 0])), drawn)
    asked = np.concatenate([new[::40], [row for row in new if mates[row].any()][:25]])
    assert mates[asked].any(axis=1).sum() >= 10
    F, offset = features(left_out.target), features(left_out.target).mean(axis=0)
    for i in asked:
        rest = ~mates[i]
        ridge = Ridge(decoder.penalty_, solver="cholesky").fit((F - offset)[rest], X[drawn][rest])
        own = np.square(X[i] - ridge.predict(features(scale.scale(Z[[i]])) - offset)).sum()
        others = at_rows[rest[at_rows]]
        at = features(scale.scale(Z[drawn][others])) - offset
        there = np.square(X[i] - ridge.predict(at)).sum(axis=1)
        p_value = (1 + (there <= own * (1 + 1e-9)).sum()) / (1 + len(others))
        assert_allclose(found.p_value[i], p_value, atol=2e-10, err_msg=str(i))
        in_data, on_map = cdist(X[[i]], X[drawn][rest])[0], cdist(Z[[i]], Z[drawn][rest])[0]
        rows, places = np.argsort(in_data), np.argsort(on_map)
        tear = np.quantile(on_map[rows[:15]], 0.7) / on_map[places[29]]
        overlap = np.quantile(in_data[places[:30]], 0.7) / in_data[rows[59]]
        assert_allclose([found.tear[i], found.overlap[i]], [tear, overlap], rtol=1e-7)


@pytest.mark.usefixtures("few")
def test_the_share_of_false_discoveries_is_that_of_all_rows():
    X, Z, _ = islands()
    found = marks(chunked(X, "four"), chunked(Z, "four"), q=0.1).compute()
    known = ~np.isnan(found.p_value)
    assert_array_equal(known, ~np.isnan(Z[:, 0]))
    expected = false_discovery_control(found.p_value[known]) <= 0.1
    assert 0.5 < expected.mean() < 1
    assert_array_equal(found.reliable[known], expected)
    assert not found.reliable[~known].any()
    assert (found.mark[~known] == "not drawn").all()
    moved = np.setdiff1d(np.arange(60), drawn_rows(Z))
    assert found.misplaced[moved].mean() > 0.8
    assert found.misplaced[500:].mean() < 0.1


@pytest.mark.usefixtures("few")
def test_a_shuffled_map_has_uniform_p_values():
    X, Z, _ = islands(1000)
    X, Z = X[460:], Z[460:]
    Z = Z[np.random.RandomState(0).permutation(len(Z))]
    found = marks(chunked(X, "two"), chunked(Z, "two")).compute()
    new = np.setdiff1d(np.arange(len(Z)), drawn_rows(Z))
    assert not found.reliable[new].any()
    assert np.median(found.p_value[new]) == pytest.approx(0.5, abs=0.12)
    assert (found.p_value[new] < 0.1).mean() < 0.2


def test_frames_and_single_precision():
    dd = pytest.importorskip("dask.dataframe")
    pd = pytest.importorskip("pandas")
    X, Z, cloud = islands()
    X = X.astype(np.float32)
    frame, places = pd.DataFrame(X), pd.DataFrame(Z)
    expected = marks(X, Z, y=cloud)
    found = marks(
        dd.from_pandas(frame, npartitions=3), dd.from_pandas(places, npartitions=2),
        y=dd.from_pandas(pd.Series(cloud), npartitions=3),
    )  # fmt: skip
    assert_same(found.compute(), expected)


@pytest.mark.usefixtures("few")
def test_nothing_is_marked_before_it_is_asked_for():
    X, Z, cloud = islands()
    asked = []

    def counted(block):
        asked.append(len(block))
        return block

    blocks = chunked(X, "two").map_blocks(counted, dtype=float, meta=np.zeros((0, 5)))
    found = marks(blocks, Z, y=cloud)
    assert sum(asked) == N  # the draw
    assert str(found) == "Marks of 600 rows in blocks; compute() brings them here."
    with pytest.raises(TypeError, match=r"marks in memory: call compute\(\) first"):
        _ = found.by_group
    found.mark[:10].compute(scheduler="sync")
    assert sum(asked) == 2 * N
    whole = found.compute()
    assert whole.compute() is whole


@pytest.mark.usefixtures("few")
def test_other_decoders_are_for_rows_in_memory():
    X, Z, _ = islands()
    with pytest.raises(TypeError, match="must have a FourierRidge as its decoder"):
        marks(chunked(X, "two"), Z, student=MEDAL(decoder=OtherRidge()))


def test_rows_in_memory_take_a_map_in_blocks():
    X, Z, cloud = islands()
    found = marks(X, chunked(Z, "two"), y=chunked(cloud, "two"))
    assert_same(found, marks(X, Z, y=cloud))


@pytest.mark.parametrize("which", ["X", "Z"])
def test_an_error_tells_the_block(which):
    X, Z, _ = islands()
    tables = {"X": X, "Z": Z}
    tables[which][-1, 1] = np.inf
    with pytest.raises(ValueError, match=rf"Block 3 of 4 \(from 0\): {which} must be a table"):
        marks(*(chunked(table, "four") for table in tables.values()))


BAD = {
    "X and Z must have the same number of rows, got 600 and 599": {"Z": islands()[1][:-1]},
    "Z must have at least 2 rows without NaN, got 0": {"Z": np.full((N, 2), np.nan)},
    "groups must have one entry for each of the 600 rows": {"groups": np.arange(N - 1)},
    "y must hold a label for each of the 600 rows": {"y": ["a"]},
    "q must be a number between 0 and 1": {"q": 0},
    "Z must have rows and columns, got a dask Array": {"Z": da.zeros(N)},
}


@pytest.mark.parametrize("message", BAD)
def test_bad_input_is_one_clear_error(message):
    X, Z, _ = islands()
    given = {"X": chunked(X, "two"), "Z": Z} | BAD[message]
    with pytest.raises(ValueError, match=message):
        marks(**given)
