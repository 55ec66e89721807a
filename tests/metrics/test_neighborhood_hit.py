import numpy as np
import pytest

from sksubspace.metrics import _class_neighbors, _space, neighborhood_hit
from tests.metrics import slow_and_plain
from tests.metrics.data import cloud, grid


def labels(n=40, n_classes=3, seed=0):
    return np.random.RandomState(seed).randint(0, n_classes, n)


@pytest.mark.parametrize("make", [cloud, grid])
@pytest.mark.parametrize("k", [1, 5, 39])
def test_it_is_the_definition(make, k):
    Z, y = make()[1], labels()
    values = neighborhood_hit(Z, y, n_neighbors=k, per_point=True)
    np.testing.assert_allclose(values, slow_and_plain.neighborhood_hit(Z, y, k))
    assert neighborhood_hit(Z, y, n_neighbors=k) == values.mean()


@pytest.mark.parametrize("make", [cloud, grid])
def test_held_out_rows_have_their_neighbors_among_training_rows(make):
    Z, y = make()[1], labels()
    rows = {"Z": Z[:15], "y": y[:15], "Z_train": Z[15:], "y_train": y[15:]}
    values = neighborhood_hit(**rows, n_neighbors=25, per_point=True)
    np.testing.assert_allclose(values, slow_and_plain.neighborhood_hit(k=25, **rows))


def test_only_equality_of_labels_matters():
    Z, y = cloud()[1], labels()
    expected = neighborhood_hit(Z, y)
    names = np.array(["a", "b", "c"])[y]
    for same in [names, names.astype(object), list(names), y * 1.0, y[:, None][:, 0] + 7]:
        assert neighborhood_hit(Z, same) == expected
    assert neighborhood_hit(Z, np.zeros(40)) == 1
    assert neighborhood_hit(Z[:10], np.arange(10)) == 0


def test_a_label_that_was_not_seen_in_training_is_never_hit():
    Z = cloud()[1]
    assert neighborhood_hit(Z[:5], ["new"] * 5, Z_train=Z[5:], y_train=["old"] * 35) == 0


def test_scale_and_order_of_rows_do_not_matter():
    Z, y = cloud()[1], labels()
    order = np.random.RandomState(1).permutation(40)
    values = neighborhood_hit(Z, y, per_point=True)
    again = neighborhood_hit(4 * Z[order], y[order], per_point=True)
    np.testing.assert_array_equal(again, values[order])


@pytest.mark.parametrize(
    "bad, message",
    [
        ({"n_neighbors": 40}, "n_neighbors must be .* at most 39, the rows .* got 40"),
        (
            {"y": np.linspace(0, 1, 40)},
            "y must hold a label for each row, got numbers with a fraction",
        ),
        ({"y": np.zeros((40, 2))}, "y must hold a label for each row: .*1d array"),
        (
            {"y": np.full(40, np.nan)},
            "y must hold a label for each row, got 40 of 40 that are missing",
        ),
        ({"y": np.zeros(39)}, "Z and y must have the same number of rows, got 40 and 39"),
        ({"Z_train": np.zeros((9, 2))}, "must be given together, got y_train=None"),
        ({"y_train": np.zeros(9)}, "must be given together, got Z_train=None"),
        (
            {"Z_train": np.zeros((9, 3)), "y_train": np.zeros(9)},
            "Z_train must have the 2 columns of Z, got 3",
        ),
        (
            {"Z_train": np.zeros((9, 2)), "y_train": np.zeros(8)},
            "Z_train and y_train must have the same number of rows, got 9 and 8",
        ),
    ],
)
def test_bad_input_is_named(bad, message):
    with np.errstate(invalid="ignore"), pytest.raises(ValueError, match=message):
        neighborhood_hit(**({"Z": cloud()[1], "y": labels()} | bad))


@pytest.mark.parametrize("k", [1, 5, 30, 79])
def test_rows_at_few_places_are_each_a_neighbor(k):
    """Half at one place, some at a few, and some alone; against each row by itself."""
    rng = np.random.RandomState(0)
    Z = np.vstack([np.zeros((40, 2)), rng.randint(0, 2, (20, 2)), rng.randn(20, 2)])
    order = rng.permutation(80)
    Z, y = Z[order] + [3, -1], labels(80, 4)
    values = neighborhood_hit(Z, y, n_neighbors=k, per_point=True)
    np.testing.assert_allclose(values, slow_and_plain.neighborhood_hit(Z, y, k))
    k = min(k, 39)
    rows = {"Z": Z[:41], "y": y[:41], "Z_train": Z[41:], "y_train": y[41:]}
    values = neighborhood_hit(**rows, n_neighbors=k, per_point=True)
    np.testing.assert_allclose(values, slow_and_plain.neighborhood_hit(k=k, **rows))


def test_of_rows_at_one_place_no_distance_of_two_is_computed(monkeypatch):
    """Twenty-five million of them took a minute."""
    compute, asked = _space.paired_distances, []

    def count(queries, reference, row, column):
        asked.append(len(row))
        return compute(queries, reference, row, column)

    monkeypatch.setattr(_space, "paired_distances", count)

    y = np.repeat([0, 1], [1000, 4000])
    expected = (1000 * 999 + 4000 * 3999) / (5000 * 4999)
    for k in (1, 10, 4999):
        assert neighborhood_hit(np.zeros((5000, 2)), y, n_neighbors=k) == pytest.approx(expected)
    assert sum(asked) == 0


def test_drawn_rows_keep_their_value():
    Z, y = cloud()[1], labels()
    everything = neighborhood_hit(Z, y, n_neighbors=7, per_point=True)
    drawn = neighborhood_hit(Z, y, n_neighbors=7, per_point=True, max_samples=12)
    some = np.isfinite(drawn)
    assert some.sum() == 12
    np.testing.assert_array_equal(drawn[some], everything[some])
    mean = neighborhood_hit(Z, y, n_neighbors=7, max_samples=12)
    assert mean == pytest.approx(everything[some].mean(), rel=1e-12)


def test_rows_of_wide_maps_are_drawn_by_default(monkeypatch):
    rng = np.random.RandomState(0)
    Z, y = rng.randn(60, 4), rng.randint(3, size=60)
    monkeypatch.setattr(_class_neighbors, "MAX_SAMPLES", 20)
    assert np.isfinite(neighborhood_hit(Z, y, per_point=True)).sum() == 20
    assert np.isfinite(neighborhood_hit(Z[:, :3], y, per_point=True)).all()
    assert np.isfinite(neighborhood_hit(Z, y, per_point=True, max_samples=None)).all()
    with pytest.raises(ValueError, match="max_samples must be one of 'auto'"):
        neighborhood_hit(Z, y, max_samples="all")
