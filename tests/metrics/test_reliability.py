from functools import cache

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.spatial.distance import cdist
from scipy.stats import false_discovery_control
from sklearn.base import BaseEstimator
from sklearn.linear_model import Ridge

from sksubspace import MEDAL
from sksubspace._student import (
    Forget,
    LinearEncoder,
    StudentPlan,
    check_groups,
    learn_student,
)
from sksubspace.decoding import FourierRidge
from sksubspace.metrics import EmbeddingReliability, embedding_reliability
from sksubspace.metrics._marks import decoder_as_drawn, passes_fdr, reliability_of

N = 150


def islands(n=N, n_clouds=3):
    """Clouds of five features, a map of them, and the number of the cloud of each row."""
    rng = np.random.RandomState(0)
    cloud, within = np.arange(n) % n_clouds, rng.randn(n, 2)
    plane = 8 * np.column_stack([cloud % 4, cloud // 4]) + within
    X = np.column_stack([plane, 0.3 * within**2, np.sin(plane[:, :1])]) + 0.1 * rng.randn(n, 5)
    return X, plane, cloud


def learnt(X, Z, groups=None, decoder=None, scale="global"):
    plan = StudentPlan(decoder=decoder or FourierRidge(30), scale=scale)
    given = None if groups is None else check_groups(groups, len(Z))
    return learn_student(plan, X, Z, seed=0, groups=given)


def refitted_p_values(found, X, Z, places):
    """One ridge for each row, fitted without its group by other means."""
    decoder, scale = found.student.decoder, found.student.latent_scale

    def features(at):
        phase = scale.scale(at) @ decoder.frequencies_
        return np.hstack([scale.scale(at), np.cos(phase), np.sin(phase)])

    values, F = np.empty(len(Z)), features(Z)
    offset = F.mean(axis=0)
    for i, group in enumerate(found.groups):
        rest = found.groups != group
        # the intercept is free: the offset only keeps the product well-conditioned
        ridge = Ridge(decoder.penalty_, solver="cholesky").fit(F[rest] - offset, X[rest])
        error = np.square(X[i] - ridge.predict(F[[i]] - offset)).sum()
        others = places[found.groups[places] != group]
        there = np.square(X[i] - ridge.predict(F[others] - offset)).sum(axis=1)
        values[i] = (1 + (there <= error * (1 + 1e-9)).sum()) / (1 + len(others))
    return values


GROUPINGS = {
    "none": None,
    "single": np.arange(N),
    "pairs": np.arange(N) // 2,
    "uneven": np.minimum(np.arange(N), 90),
    "donors": np.arange(N) % 5,
}


@pytest.fixture(params=[256, 16], ids=["in blocks", "large"])
def block_rows(request, monkeypatch):
    """Groups of more rows than a block go another way."""
    monkeypatch.setattr("sksubspace._student._elsewhere._BLOCK_ROWS", request.param)


@cache
def refitted(kind, noise):
    """A student, its rows and places, and p-values by refits: the same for any size of blocks."""
    X, Z, _ = islands()
    Z = Z + noise * np.random.RandomState(1).randn(*Z.shape)
    found = learnt(X, Z, GROUPINGS[kind])
    return found, X, Z, refitted_p_values(decoder_as_drawn(found, X), X, Z, np.arange(N))


@pytest.mark.usefixtures("block_rows")
@pytest.mark.parametrize("noise", [0.0, 3.0])
@pytest.mark.parametrize("kind", GROUPINGS)
def test_p_values_are_those_of_refitting_without_each_row(kind, noise):
    found, X, Z, expected = refitted(kind, noise)
    assert_allclose(reliability_of(found, X, Z).p_value, expected, atol=2e-10)


@pytest.mark.parametrize("scale", ["global", "feature"])
@pytest.mark.parametrize(
    "groups", [None, np.arange(N) // 2, np.arange(N) % 5], ids=["none", "pairs", "donors"]
)
def test_p_values_of_many_features_and_units_of_their_own(groups, scale):
    rng = np.random.RandomState(0)
    X, Z, _ = islands()
    # more than the decoder has features of places
    X = np.hstack([X, rng.randn(N, 90)]) * rng.uniform(0.5, 2, 95)
    expected = refitted_p_values(learnt(X, Z, groups, scale=scale), X, Z, np.arange(N))
    for rows in (X, sparse.csr_matrix(X)):
        found = learnt(rows, Z, groups, scale=scale)
        assert_allclose(reliability_of(found, rows, Z).p_value, expected, atol=2e-10)


def test_p_values_of_drawn_places():
    X, Z, _ = islands()
    found = learnt(X, Z, GROUPINGS["pairs"])
    at_rows = np.sort(np.random.RandomState(3).choice(N, 40, replace=False))
    result = reliability_of(found, X, Z, n_places=40, random_state=3)
    assert result.n_places == 40
    expected = refitted_p_values(found, X, Z, at_rows)
    assert_allclose(result.p_value, expected, atol=2e-10)


@pytest.mark.filterwarnings("ignore:2 of 150 rows are equal")
def test_equal_rows_at_different_places_are_judged_where_each_is_drawn():
    X, Z, _ = islands()
    X[1], Z[1] = X[0], Z[5]  # of another cloud
    result = embedding_reliability(X, Z)
    assert result.n_copies == 2
    assert result.p_value[1] > 0.3
    assert result.p_value[0] < 0.05


class OtherRidge(BaseEstimator):
    """A decoder that only keeps the contract."""

    def __init__(self, inner=None):
        self.inner = inner

    def fit(self, Z, Z_out, X, forget):
        self.inner_ = FourierRidge(30, random_state=0).fit(Z, Z_out, X, forget)
        return self

    def predict(self, Z):
        return self.inner_.predict(Z)

    def left_out(self, at, forget):
        return self.inner_.left_out(at, forget)


class OnlyPredicts(OtherRidge):
    left_out = property()


@pytest.mark.parametrize("kind", ["none", "uneven"])
@pytest.mark.parametrize("scale", ["global", "feature"])
def test_any_decoder_that_leaves_out_is_asked(kind, scale):
    X, Z, _ = islands()
    mine = FourierRidge(30, random_state=0)
    expected = reliability_of(learnt(X, Z, GROUPINGS[kind], mine, scale), X, Z)
    found = reliability_of(learnt(X, Z, GROUPINGS[kind], OtherRidge(), scale), X, Z)
    assert_array_equal(found.p_value, expected.p_value)


def test_a_decoder_that_cannot_leave_out_is_refused():
    X, Z, _ = islands()
    with pytest.raises(ValueError, match="must have an encoder and a decoder with a leave-one-out"):
        embedding_reliability(X, Z, student=MEDAL(decoder=OnlyPredicts()))
    with pytest.raises(ValueError, match=r"left_out\(at, forget\), got OnlyPredicts"):
        reliability_of(learnt(X, Z, decoder=OnlyPredicts()), X, Z)


def test_the_order_of_rows_is_nothing():
    X, Z, _ = islands()
    Z[:10] = Z[-10:] + 0.01
    order = np.random.RandomState(0).permutation(N)
    whole, mixed = embedding_reliability(X, Z), embedding_reliability(X[order], Z[order])
    assert_array_equal(mixed.mark, whole.mark[order])
    assert_array_equal(mixed.p_value, whole.p_value[order])
    assert_allclose(mixed.tear, whole.tear[order])
    assert_allclose(mixed.overlap, whole.overlap[order])


def test_neither_scale_nor_origin_of_map_and_data_matter():
    X, Z, _ = islands()
    whole, other = embedding_reliability(X, Z), embedding_reliability(50 * X - 3, Z / 7 + 100)
    assert_allclose(other.p_value, whole.p_value, atol=2 / N)
    assert_allclose(other.tear, whole.tear)
    assert_allclose(other.overlap, whole.overlap)


def test_rows_on_a_wrong_island_are_misplaced():
    X, Z, _ = islands(600, 10)
    moved = np.arange(0, 30)
    Z[moved] = Z[(moved + 1) + 300]  # the next cloud
    result = embedding_reliability(X, Z)
    assert (result.mark[moved] == "misplaced").all()
    assert result.misplaced[moved].all()
    assert not result.reliable[moved].any()
    assert result.misplaced[30:].mean() < 0.1


def test_a_shuffled_map_has_no_reliable_row_and_uniform_p_values():
    X, Z, _ = islands(600)
    result = embedding_reliability(X, Z[np.random.RandomState(0).permutation(600)])
    assert not result.reliable.any()
    assert (result.mark == "misplaced").all()
    assert (result.p_value <= 0.05).mean() == pytest.approx(0.05, abs=0.025)
    assert np.median(result.p_value) == pytest.approx(0.5, abs=0.06)


def test_a_line_that_the_map_does_not_follow_does_not_choose_the_decoder():
    X, Z, _ = islands()
    plan = StudentPlan(encoders=(LinearEncoder(),), decoder=FourierRidge(30))
    followed = learn_student(plan, X, Z, seed=0)
    assert followed.placement_r2 > 0.9
    assert decoder_as_drawn(followed, X) is followed
    moved = np.arange(0, N, 2)
    Z[moved] = Z[np.random.RandomState(0).permutation(moved)]
    found = learn_student(plan, X, Z, seed=0)
    assert found.placement_r2 < 0.9
    chosen = decoder_as_drawn(found, X).student.decoder
    own = Forget(found.groups, found.rows)
    drawn = FourierRidge(30, random_state=found.student.decoder.random_state)
    drawn.fit(found.target, found.target, X, own)
    assert (chosen.scale_, chosen.penalty_) == (drawn.scale_, drawn.penalty_)
    assert_array_equal(chosen.coef_, drawn.coef_)


def test_a_torn_cloud_is_torn_and_clouds_laid_over_each_other_are_merged():
    X, Z, cloud = islands(300)
    # a cloud of 100, every other row of it far away
    apart = Z + np.where((cloud == 0) & (np.arange(300) % 2 == 0), 20, 0)[:, None]
    torn = embedding_reliability(X, apart)
    assert torn.torn[cloud == 0].mean() > 0.8
    assert torn.torn[cloud != 0].mean() < 0.1
    over = np.where((cloud == 1)[:, None], Z - [8, 0], Z)
    merged = embedding_reliability(X, over)
    assert merged.merged[cloud < 2].mean() > 0.8
    assert not merged.merged[cloud == 2].any()


def test_spreads_are_those_of_the_definition():
    X, Z, _ = islands()
    groups = np.arange(N) // 2
    result = embedding_reliability(X, Z, groups=groups)
    in_data, on_map = cdist(X, X), cdist(Z, Z)
    for distances in (in_data, on_map):
        distances[groups[:, None] == groups] = np.inf
    for i in range(N):
        rows, places = np.argsort(in_data[i]), np.argsort(on_map[i])
        tear = np.quantile(on_map[i, rows[:15]], 0.7) / on_map[i, places[29]]
        overlap = np.quantile(in_data[i, places[:30]], 0.7) / in_data[i, rows[59]]
        assert_allclose([result.tear[i], result.overlap[i]], [tear, overlap])


def test_marks_are_one_word_of_the_booleans():
    X, Z, cloud = islands(600, 10)
    Z[cloud == 0] += np.where(np.arange(60) % 2, 20, 0)[:, None]
    Z[cloud == 2] -= [8, 0]  # onto the next cloud
    Z[:5] = Z[-5:]
    Z[7] = np.nan
    r = embedding_reliability(X, Z)
    assert r.mark[7] == "not drawn"
    assert set(r.mark) == {"ok", "misplaced", "torn", "merged", "not drawn"}
    assert_array_equal(r.mark == "misplaced", r.misplaced)
    assert_array_equal(r.mark == "torn", r.torn & ~r.misplaced)
    assert_array_equal(r.mark == "merged", r.merged & ~r.torn & ~r.misplaced)
    assert_array_equal(r.torn, r.tear >= 3)
    assert_array_equal(r.merged, r.overlap >= 1.3)
    assert_array_equal(r.misplaced, ~r.reliable & (np.arange(600) != 7))


def test_rows_without_a_place_are_as_if_they_were_not_there():
    X, Z, cloud = islands()
    Z[[3, 70]] = np.nan
    kept = ~np.isnan(Z[:, 0])
    whole = embedding_reliability(X, Z, y=cloud, groups=np.arange(N) // 2)
    part = embedding_reliability(X[kept], Z[kept], groups=(np.arange(N) // 2)[kept])
    for name in ("p_value", "tear", "overlap", "mark", "reliable"):
        assert_array_equal(getattr(whole, name)[kept], getattr(part, name))
    assert np.isnan(whole.p_value[~kept]).all()
    assert not (whole.reliable | whole.misplaced | whole.torn | whole.merged)[~kept].any()
    assert_allclose(whole.by_group["not drawn"], [1 / 50, 1 / 50, 0])  # rows 3 and 70


def test_false_discovery_rate_is_that_of_scipy():
    rng = np.random.RandomState(0)
    p_value = np.concatenate([rng.uniform(size=300), rng.uniform(0, 0.02, size=80)]).round(3)
    p_value = np.maximum(p_value, 0.001)
    for q in (0.01, 0.05, 0.3):
        expected = false_discovery_control(p_value) <= q
        assert_array_equal(passes_fdr(p_value, q), expected)
    assert not passes_fdr(np.full(5, 0.9), 0.05).any()


def test_near_copies_do_not_vouch_for_each_other():
    rng = np.random.RandomState(0)
    X, Z, _ = islands(300, 10)
    X, Z = np.repeat(X, 2, axis=0), np.repeat(Z[rng.permutation(300)], 2, axis=0)  # in pairs
    X, Z = X + 1e-5 * rng.randn(*X.shape), Z + 0.01 * rng.randn(*Z.shape)
    with pytest.warns(UserWarning, match="equal or nearly equal"):
        result = embedding_reliability(X, Z)
    assert result.n_copies == 600
    assert not result.reliable.any()
    assert (result.p_value <= 0.05).mean() < 0.075
    sharp = FourierRidge(400, scale=16.0, penalty=0.01)
    together = reliability_of(learnt(X, Z, None, sharp), X, Z)
    alone = reliability_of(learnt(X, Z, np.arange(600), sharp), X, Z)
    assert (together.p_value <= 0.05).mean() < 0.075
    assert (alone.p_value <= 0.05).mean() > 0.3  # the twin says where its row is


def test_groups_of_one_row_are_no_groups():
    X, Z, _ = islands()
    single = embedding_reliability(X, Z, groups=[f"row {i}" for i in range(N)])
    assert_array_equal(single.p_value, embedding_reliability(X, Z).p_value)


@pytest.mark.filterwarnings("ignore:For .* of the rows the nearest row")
def test_groups_to_sum_up_by():
    X, Z, cloud = islands()
    Z[:6] = Z[-6:]
    names = np.array(["T 10", "T 2", "B"], dtype=object)[cloud]
    names[[9, 12]] = None, np.nan
    kinds = pd.Series(pd.Categorical(names, categories=["T 10", "T 2", "B", "unused"]))
    whole = embedding_reliability(X, Z)
    for y in (names, kinds, list(names)):
        result = embedding_reliability(X, Z, y=y)
        assert_array_equal(result.mark, whole.mark)
        frame = result.by_group
        assert frame.columns.tolist() == [
            "group", "n_samples", "ok", "misplaced", "torn", "merged", "not drawn",
            "median_p_value",
        ]  # fmt: skip
        assert frame["group"].tolist() == ["B", "T 2", "T 10", "missing"]
        assert frame["n_samples"].tolist() == [50, 50, 48, 2]
        assert_allclose(frame.iloc[:, 2:7].sum(axis=1), 1)
        rows = result.group == "T 2"
        assert frame["misplaced"][1] == whole.misplaced[rows].mean()
        assert frame["median_p_value"][1] == np.median(whole.p_value[rows])
    with pytest.raises(ValueError, match="y must be given, got None"):
        _ = whole.by_group


def test_groups_of_numbers_may_miss_some():
    X, Z, cloud = islands()
    expected = ["0", "1", "2", "missing"]
    with_nan = np.where(np.arange(N) < 2, np.nan, cloud)
    assert embedding_reliability(X, Z, y=with_nan).group_names == tuple(expected)
    nullable = pd.Series(with_nan).astype("Int64")
    assert embedding_reliability(X, Z, y=nullable).by_group["group"].tolist() == expected


def test_the_verdict_is_a_few_lines():
    X, Z, cloud = islands(300)
    Z[:6] = Z[-7:-1]
    Z[8] = np.nan
    result = embedding_reliability(X, Z, y=cloud, q=0.1)
    lines = str(result).splitlines()
    assert len(lines) <= 5
    assert lines[0].startswith(f"{result.reliable.sum()} of 299 rows")
    assert "false-discovery rate 10%" in lines[0]
    assert any(line.startswith("misplaced") and " in " in line for line in lines)
    assert any(line.startswith("not drawn") for line in lines)
    assert "not drawn" not in str(embedding_reliability(X[9:], Z[9:]))
    assert isinstance(result, EmbeddingReliability)


def test_many_rows_are_compared_with_some(monkeypatch):
    monkeypatch.setattr("sksubspace.metrics._marks._of_rows.MAX_SAMPLES", 300)
    monkeypatch.setattr("sksubspace.metrics._marks._of_rows.N_PLACES", 199)
    X, Z, _ = islands(600, 10)
    Z[:30] = Z[-31:-1]
    result = embedding_reliability(X, Z)
    assert (result.n_places, result.n_searched) == (199, 300)
    assert result.misplaced[:30].all()
    assert result.reliable[30:].mean() > 0.9
    assert np.isfinite(result.tear).all()
    assert np.isfinite(result.overlap).all()
    assert (result.torn | result.merged).mean() < 0.1
    again = embedding_reliability(X, Z, random_state=1)
    assert (again.p_value != result.p_value).any()


def test_copies_around_rows_that_were_not_scored_are_found_where_there_are_many():
    rng = np.random.RandomState(0)
    X, Z, _ = islands(100)
    X, Z = np.repeat(X, 2, axis=0) + 0.0005 * rng.randn(200, 5), np.repeat(Z, 2, axis=0)
    plan = StudentPlan(decoder=FourierRidge(30, scale=8.0, penalty=1.0))
    part = learn_student(plan, X, Z, seed=0, rows=np.arange(80))
    assert part.n_copies == 80
    whole = learn_student(plan, X, Z, seed=0)
    result = reliability_of(part, X, Z)
    assert result.n_copies == whole.n_copies == 200
    assert_allclose(result.p_value, reliability_of(whole, X, Z).p_value)


@pytest.mark.filterwarnings("ignore:.* of 150 rows are equal")
def test_single_precision_and_sparse_rows_say_the_same():
    X, Z, _ = islands()
    X = np.where(np.abs(X) > 0.5, X, 0).astype(np.float32)
    whole = embedding_reliability(X.astype(np.float64), Z)
    for rows in (X, sparse.csr_matrix(X.astype(np.float64)), sparse.csc_array(X)):
        found = embedding_reliability(rows, Z.astype(np.float32).astype(np.float64))
        assert_allclose(found.p_value, whole.p_value, atol=2 / N)
        assert_allclose(found.overlap, whole.overlap, rtol=1e-4)


def test_sparse_rows_are_never_made_dense(monkeypatch):
    rng = np.random.RandomState(0)
    X = sparse.random(700, 900, 0.01, random_state=rng, format="csr")
    found = learnt(X, rng.randn(700, 2))
    sizes = []
    whole = sparse.csr_matrix.toarray
    monkeypatch.setattr(
        sparse.csr_matrix, "toarray", lambda self, *a, **k: sizes.append(self) or whole(self)
    )
    reliability_of(found, X, found.target)
    assert max((rows.shape[0] for rows in sizes if rows.shape[1] == 900), default=0) <= 256


def test_nothing_of_the_caller_is_written_to():
    X, Z, cloud = islands()
    before = X.copy(), Z.copy(), cloud.copy()
    embedding_reliability(X, Z, y=cloud)
    for value, old in zip((X, Z, cloud), before, strict=True):
        assert_array_equal(value, old)


BAD = {
    "must have the same number of rows, got 150 and 149": {"Z": islands()[1][:-1]},
    "q must be a number between 0 and 1, got 0": {"q": 0},
    "q must be a number between 0 and 1, got 1.0": {"q": 1.0},
    "q must be a number between 0 and 1, got 'a'": {"q": "a"},
    "q must be a number between 0 and 1, got nan": {"q": np.nan},
    "n_places must be at least 1": {"n_places": 0},
    "at least 19 places outside of every group to compare with for p-values of q=0.05, got 7": {
        "n_places": 8
    },
    "groups must have at least 3 different values, got 1": {"groups": np.zeros(N)},
    "groups must have one entry for each of the 150 rows": {"groups": np.arange(N - 1)},
    "must spread over finite, distinct positions": {"Z": np.ones((N, 2))},
    "y must hold a label for each of the 150 rows, got shape": {"y": ["a"]},
    "y must hold a label for each row, got numbers with a fraction": {"y": np.arange(N) / 7},
    "Z must have at least 2 rows without NaN": {"Z": np.full((N, 2), np.nan)},
    "Z must be a table of numbers that are not infinite": {"Z": np.full((N, 2), np.inf)},
    "X must be a table of finite numbers": {"X": np.full((N, 5), np.nan)},
}


@pytest.mark.parametrize("message", BAD)
def test_bad_input_is_one_clear_error(message):
    X, Z, _ = islands()
    with pytest.raises(ValueError, match=message):
        embedding_reliability(**({"X": X, "Z": Z} | BAD[message]))


def test_a_number_of_places_is_whole():
    X, Z, _ = islands()
    with pytest.raises(TypeError, match="n_places must be an integer"):
        embedding_reliability(X, Z, n_places=2.5)
