import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from sksubspace._student import _local
from sksubspace._student._local import LocalEncoder, LocalKernel, LocalTask, place_left_out
from sksubspace._student._part import Setting
from sksubspace._student._scaling import FeatureScale
from sksubspace.neighbors import k_nearest
from tests._student.toy import blobs, curve, make_trainer


def setting_of(X, rows=None, **params):
    rows = np.arange(X.shape[0]) if rows is None else rows
    trainer = make_trainer(X.dtype, **params)
    return Setting(FeatureScale.of(X, "global"), rows, trainer=trainer)


def prepare(X, Z, n_neighbors=5, groups=None, rows=None, **params):
    setting = setting_of(X, rows, **params)
    groups = np.arange(len(Z)) if groups is None else groups
    return LocalTask.of(X, Z, n_neighbors, groups, setting), setting.trainer


def fit(X, Z, n_neighbors=5, groups=None, **params):
    return LocalEncoder(n_neighbors).fit(X, Z, groups, setting_of(X, **params))


def left_out(X, Z, n_neighbors=5, groups=None, **params):
    return fit(X, Z, n_neighbors, groups, **params).left_out()


def naive_placement(encoder, x, n_neighbors):
    """The formula of the kernel, one query and one neighbour at a time."""
    kernel = encoder.kernel_.module.cpu()
    keys = [kernel(torch.tensor(row[None]))[0].detach().numpy() for row in [x, *encoder.rows_]]
    squared = np.square(encoder.rows_ - x).sum(1)
    near = np.argsort(squared, kind="stable")[:n_neighbors]
    tau, power = (p.exp().item() for p in (kernel.log_temperature, kernel.log_power))
    weights = [
        np.exp(-tau * np.square(keys[0] - keys[1 + j]).sum()) / squared[j] ** (power / 2)
        for j in near
    ]
    return np.average(encoder.places_[near], axis=0, weights=weights)


def test_placement_is_the_formula():
    X, Z = curve(60)
    encoder = fit(X, Z)
    queries = curve(8, seed=1)[0]
    expected = [naive_placement(encoder, x, 5) for x in queries]
    assert_allclose(encoder.predict(queries), expected, rtol=1e-8)


def test_weights_are_positive_and_sum_to_one_and_prefer_the_near():
    kernel = make_trainer().build(lambda: LocalKernel(np.zeros(6), 1.0, np.eye(6)))
    keys = torch.zeros(1, 3, 32, dtype=torch.float64)
    squared = torch.tensor([[0.5, 1.0, 4.0]], dtype=torch.float64)
    weights = kernel.weights(keys[:, 0], keys, squared).detach().numpy()[0]
    # equal keys leave the inverse squared distances: the power starts at 2
    assert_allclose(weights, np.array([2, 1, 0.25]) / 3.25, rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_training_rows_keep_their_targets_exactly(dtype):
    X, Z = curve(80)
    assert_array_equal(fit(X.astype(dtype), Z).predict(X.astype(dtype)), Z)


def test_equal_rows_of_several_places_are_placed_at_their_mean():
    """The kernel has no say there: with all weight on equal rows it is shared in equal parts."""
    X, Z = curve(60)
    X[[20, 40]] = X[0]
    X[7] = X[8]
    placed = fit(X, Z).predict(X[[0, 7, 40]])
    assert np.ptp(Z[[0, 20, 40]], axis=0).max() > 0.1
    three, two = Z[[0, 20, 40]].mean(axis=0), Z[[7, 8]].mean(axis=0)
    assert_allclose(placed, [three, two, three], rtol=1e-12)


def test_output_lies_in_the_hull_of_the_neighbors_targets():
    X, Z = blobs(100)[0], np.random.RandomState(0).randn(100, 2)
    encoder = fit(X, Z, n_neighbors=4)
    queries = 3 * np.random.RandomState(1).randn(200, 6)
    placed = encoder.predict(queries)
    _, near = k_nearest(queries, X, 4)
    for direction in np.random.RandomState(2).randn(20, 2):
        support = (Z[near] @ direction).max(axis=1)
        assert (placed @ direction <= support + 1e-9).all()


def test_far_queries_stay_on_the_map():
    X, Z = curve(60)
    placed = fit(X, Z).predict(1e6 * np.random.RandomState(0).randn(50, 5))
    assert np.isfinite(placed).all()
    assert (placed.min(0) >= Z.min(0)).all() and (placed.max(0) <= Z.max(0)).all()


def test_a_query_next_to_a_training_row_is_placed_next_to_its_target():
    X, Z = curve(60)
    placed = fit(X, Z).predict(X + 1e-9)
    assert_allclose(placed, Z, atol=1e-6)


def test_one_neighbor_copies_its_target():
    X, Z = curve(60)
    queries = curve(30, seed=1)[0]
    _, near = k_nearest(queries, X, 1)
    assert_allclose(fit(X, Z, n_neighbors=1).predict(queries), Z[near[:, 0]])


def test_training_brings_placements_nearer():
    """One of the features decides the map, so the learned kernel must leave the others aside."""
    rng = np.random.RandomState(0)
    X, X_new = rng.randn(500, 5), rng.randn(300, 5)
    before, after = (fit(X, X[:, :1], 10, max_iter=n).predict(X_new) for n in (1, 60))
    error_before, error_after = (np.abs(Z - X_new[:, :1]).mean() for Z in (before, after))
    assert error_after < 0.8 * error_before


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sparse_rows_give_the_dense_result(dtype):
    X, Z = curve(60)
    X = np.where(np.abs(X) < 0.5, 0, X).astype(dtype)
    tolerance = {"rtol": 1e-9} if dtype == np.float64 else {"atol": 1e-4}
    dense, same = fit(X, Z), fit(sparse.csr_matrix(X), Z)
    queries = curve(20, seed=1)[0].astype(dtype)
    assert_allclose(same.predict(sparse.csr_matrix(queries)), dense.predict(queries), **tolerance)


def test_a_placement_left_out_does_not_depend_on_the_rows_own_target():
    X, Z = curve(60)
    before = left_out(X, Z)
    for i in (0, 17, 59):
        moved = Z.copy()
        moved[i] += 5
        after = left_out(X, moved)
        assert_array_equal(after[i], before[i])
        assert not np.array_equal(after, before)


def test_no_placement_left_out_depends_on_the_group():
    X, Z = curve(60)
    groups = np.arange(60) // 5
    before = left_out(X, Z, groups=groups)
    for group in (0, 7):
        moved = Z.copy()
        moved[groups == group] += 5
        after = left_out(X, moved, groups=groups)
        assert_array_equal(after[groups == group], before[groups == group])
        assert not np.array_equal(after, before)


def test_means_are_those_of_the_same_neighbors():
    """The second reading, of whoever places."""
    X, Z = curve(60)
    encoder = fit(X, Z)
    squared, near = k_nearest(X, X, 5, exclude_self=True)
    expected = [np.average(z, axis=0, weights=1 / s) for z, s in zip(Z[near], squared, strict=True)]
    assert_allclose(encoder.left_out_mean(), expected)
    queries = curve(10, seed=1)[0]
    squared, near = k_nearest(queries, X, 5)
    expected = [np.average(z, axis=0, weights=1 / s) for z, s in zip(Z[near], squared, strict=True)]
    assert_allclose(encoder.predict_mean(queries), expected)


def test_a_placement_left_out_is_in_the_hull_of_the_others():
    X, Z = curve(60)
    _, near = k_nearest(X, X, 5, exclude_self=True)
    placed = left_out(X, Z)
    assert (placed >= Z[near].min(1) - 1e-12).all() and (placed <= Z[near].max(1) + 1e-12).all()
    assert np.abs(placed - Z).max() > 0.01


def test_placements_left_out_err_like_placements_of_new_rows():
    """The estimate that all else rests on: neither the row nor a kernel that knows it helps."""
    X, Z = curve(400, noise=0.3)
    X_new, Z_new = curve(800, seed=1, noise=0.3)
    settings = {"n_neighbors": 10, "max_iter": 30}
    new = np.square(fit(X, Z, **settings).predict(X_new) - Z_new).mean()
    assert np.square(left_out(X, Z, **settings) - Z).mean() == pytest.approx(new, rel=0.2)


@pytest.mark.parametrize("n", [2, 3, 4, 7])
def test_few_rows(n):
    X, Z = curve(n)
    settings = {"n_neighbors": 10, "max_iter": 20}
    encoder = fit(X, Z, **settings)
    assert_array_equal(encoder.predict(X), Z)
    assert np.isfinite(encoder.predict(curve(5, seed=1)[0])).all()
    assert np.isfinite(left_out(X, Z, **settings)).all()


@pytest.mark.parametrize(
    ("dtype", "unit"),
    [(np.float64, 2.0**30), (np.float64, 2.0**-60), (np.float32, 2.0**50), (np.float32, 2.0**-60)],
)
def test_units_do_not_matter(dtype, unit):
    """Powers of two change no digit, so the result must be the same."""
    X, Z = curve(60)
    X, queries = X.astype(dtype), curve(20, seed=1)[0].astype(dtype)
    scaled = fit((X * unit).astype(dtype), Z).predict((queries * unit).astype(dtype))
    assert_allclose(scaled, fit(X, Z).predict(queries), atol=1e-9 if dtype == np.float64 else 1e-4)


def test_graph_has_three_times_the_neighbors_where_there_are_as_many():
    X, Z = curve(20)
    assert prepare(X, Z, 4)[0].neighbors.shape == (20, 12)
    assert prepare(X, Z, 10)[0].neighbors.shape == (20, 19)


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_matrix], ids=["dense", "csr"])
@pytest.mark.parametrize("many", [False, True], ids=["few features", "many features"])
def test_what_the_kernel_sees(make, many, monkeypatch):
    """It is trained on what it computes of new rows; of many features, on leading directions."""
    monkeypatch.setattr(_local, "_MAX_FEATURES", 10 if many else 20)
    monkeypatch.setattr(_local, "_N_DIRECTIONS", 3)
    rng = np.random.RandomState(0)
    X = rng.randn(60, 3) @ rng.randn(3, 20) + 1e-3 * rng.rand(60, 20)
    task, trainer = prepare(make(X), X[:, :2])
    kernel = trainer.build(task.recipe().build)
    seen = kernel.project(torch.tensor(X)).numpy()
    assert seen.shape == ((60, 3) if many else (60, 20))
    assert_allclose(task.projected.numpy(), seen, atol=1e-9)
    standardised = (X - X.mean(0)) / task.scale.spread
    kept = np.square(seen - seen.mean(0)).sum() / np.square(standardised).sum()
    assert kept == pytest.approx(1, abs=0.01)
    if many:
        assert_allclose(task.directions.T @ task.directions, np.eye(3), atol=1e-6)
    encoder = fit(make(X), X[:, :2])
    assert_array_equal(encoder.predict(make(X)), X[:, :2])
    assert_allclose(encoder.predict(make(X + 1e-9)), X[:, :2], atol=1e-5)


def test_above_a_limit_a_part_of_the_rows_is_trained_on(monkeypatch):
    X, Z = curve(80)
    seen = []
    original = _local._restrict

    def spy(*args):
        restricted = original(*args)
        seen.append(restricted[0])
        return restricted

    monkeypatch.setattr(_local, "_restrict", spy)
    monkeypatch.setattr(_local, "_MAX_TRAINING_ROWS", 30)
    encoder = fit(X, Z)
    assert len(seen[0]) == 30
    assert_array_equal(encoder.predict(X), Z)  # the others are still there to be found


def test_blocks_change_nothing(monkeypatch):
    X, Z = curve(60)
    encoder = fit(X, Z)
    queries = curve(40, seed=1)[0]
    whole = encoder.predict(queries)
    monkeypatch.setattr(_local, "_CHUNK", 7)
    assert_array_equal(encoder.predict(queries), whole)


def test_some_rows_are_placed_by_all_others_with_a_kernel_of_the_other_half(monkeypatch):
    X, Z = curve(90)
    rows = np.array([3, 7, *range(20, 60), 80])
    task, trainer = prepare(X, Z, rows=rows)
    expected = k_nearest(X, X, 15, exclude_self=True)[1][rows]
    assert_array_equal(task.neighbors, expected)
    trained, original = [], _local._restrict

    def spy(task, inside, random_state):
        restricted = original(task, inside, random_state)
        trained.append((inside, *restricted))
        return restricted

    monkeypatch.setattr(_local, "_restrict", spy)
    placed = place_left_out(task, trainer)
    assert placed.shape == (len(rows), 2)
    assert np.square(placed - Z[rows]).mean() < 0.2 * Z.var()
    assert sorted(np.concatenate([index for _, index, _, _ in trained])) == sorted(rows)
    for inside, index, squared, neighbors in trained:
        assert inside[index].all()
        assert inside[neighbors[np.isfinite(squared)]].all()
    assert (trained[0][0] ^ trained[1][0]).all()
