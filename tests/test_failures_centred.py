"""Where rows lie, their units and their type: scores of fits against one plain formula."""

import re

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

from sksubspace import MEDAL, SteinPCA
from sksubspace._linalg import far_centre, total_squares
from sksubspace.metrics import (
    distance_correlation,
    normalized_stress,
    q_nx,
    trustworthiness,
)
from sksubspace.model_selection import compare_embeddings
from tests import instances
from tests.common import rows_near_subspaces
from tests.metrics.data import sparse_cloud

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

X, _ = rows_near_subspaces(90, 0)
X_NEW, _ = rows_near_subspaces(40, 1)
CLUSTERERS = instances.names("cluster")
# what depends on the offset: rows at unit length, and spans through the origin
ANYWHERE = {
    "k-subspaces": {"affine": True, "normalize": False},
    "mixture": {},
    "multilayer": {"normalize": False},
}


def plain_score(model, train, new):
    """1 - sum of squares off the nearest affine subspace / about the training mean, in float64."""
    train, new = train.astype(np.float64), new.astype(np.float64)
    lengths = np.linalg.norm(new, axis=1) if model.normalize else np.ones(len(new))
    kept = 3 if getattr(model, "subspace_dim", None) == "auto" else None
    off = []
    for mean, basis in zip(model.cluster_means_, model.cluster_bases_, strict=True):
        centred = new / lengths[:, None] - mean.astype(np.float64)
        basis = basis[:kept].astype(np.float64)
        off.append(np.square(centred - centred @ basis.T @ basis).sum(axis=1))
    total = np.square(new - train.mean(axis=0)).sum()
    return 1 - (np.min(off, axis=0) * lengths**2).sum() / total


@pytest.mark.parametrize(
    ("offset", "dtype"), [(0, np.float64), (1e4, np.float64), (1e8, np.float64), (1e4, np.float32)]
)
@pytest.mark.parametrize("name", CLUSTERERS)
def test_scores_are_those_of_the_subspaces_wherever_rows_lie(name, offset, dtype):
    train, new = (X + offset).astype(dtype), (X_NEW + offset).astype(dtype)
    params = {"pretrain_iter": 3} if name == "mlc" else {}
    model = instances.make(name, **params).fit(train)
    assert model.score(new) == pytest.approx(plain_score(model, train, new), rel=1e-6)


@pytest.mark.parametrize("name", ANYWHERE)
def test_methods_that_do_not_care_where_rows_lie_score_the_same_everywhere(name):
    def score(offset, dtype):
        model = instances.make(name, **ANYWHERE[name]).fit((X + offset).astype(dtype))
        return model.score((X_NEW + offset).astype(dtype))

    expected = score(0, np.float64)
    assert score(1e4, np.float64) == pytest.approx(expected, rel=1e-6)
    assert score(1e8, np.float64) == pytest.approx(expected, rel=1e-6)
    assert score(1e4, np.float32) == pytest.approx(expected, rel=1e-3)
    assert score(4e3, np.float32) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("name", ANYWHERE)
def test_a_column_of_milliseconds(name):
    def score(epoch):
        times = epoch + 1e9 * np.random.RandomState(0).rand(130)
        rows_ = np.column_stack([1e9 * np.vstack([X, X_NEW]), times])
        return instances.make(name, **ANYWHERE[name]).fit(rows_[:90]).score(rows_[90:])

    assert score(1.7e12) == pytest.approx(score(0), rel=1e-6)


@pytest.mark.parametrize("name", CLUSTERERS)
def test_rows_that_are_all_at_the_mean_have_no_score(name):
    params = {"pretrain_iter": 3} if name == "mlc" else {}
    model = instances.make(name, **params).fit(X)
    with pytest.raises(
        ValueError, match=r"X must have rows that differ from the mean of the train"
    ):
        model.score(np.repeat(X.mean(axis=0, keepdims=True), 3, axis=0))


# ---- teachers and maps ---------------------------------------------------------------------------

DIGITS = load_digits().data[:240]


@pytest.mark.parametrize(("offset", "dtype"), [(1e4, np.float32), (1e8, np.float64)])
def test_teachers_are_handed_rows_near_the_origin(offset, dtype):
    near, far = MEDAL(PCA(2), random_state=0), MEDAL(PCA(2), random_state=0)
    near.fit(DIGITS[:180])
    moved = (DIGITS + offset).astype(dtype)
    far.fit(moved[:180])
    assert far.loo_score_ == pytest.approx(near.loo_score_, rel=1e-3)
    assert far.score(moved[180:]) == pytest.approx(near.score(DIGITS[180:]), rel=1e-3)
    placed, expected = far.teacher_.transform(moved), near.teacher_.transform(DIGITS)
    np.testing.assert_allclose(np.abs(placed), np.abs(expected), atol=0.05)
    assert far.global_share_ == pytest.approx(near.global_share_, abs=1e-3)


def test_the_linear_control_of_a_comparison_too():

    def score(given):
        found = compare_embeddings(given, ["isomap"], method="loo", n_repeats=1)
        return {row.name: row.score for row in found.results}

    scores = score(DIGITS[:150]), score((DIGITS[:150] + 1e4).astype(np.float32))
    assert scores[0].keys() == scores[1].keys()
    for name, score in scores[0].items():
        assert scores[1][name] == pytest.approx(score, abs=2e-2 if "soma" in name else 1e-3), name


def test_only_a_mean_that_costs_digits_is_taken_off():
    assert far_centre(DIGITS) is None
    assert far_centre(DIGITS.astype(np.float32)) is None
    np.testing.assert_allclose(far_centre((DIGITS + 1e4).astype(np.float32)), DIGITS.mean(0) + 1e4)
    assert far_centre(sparse_cloud()[0]) is None


def test_sparse_sums_of_squares_are_centred():
    rows_, _ = sparse_cloud()
    rows_.data += 1e8
    origin = np.full(12, 1e8)
    expected = np.square(rows_.toarray() - origin).sum()
    assert total_squares(rows_, origin) == pytest.approx(expected, rel=1e-12)


# ---- invariance of metrics -----------------------------------------------------------------------

METRICS = [
    trustworthiness,
    lambda X, Z: q_nx(X, Z, k_max=5),
    normalized_stress,
    distance_correlation,
]


@pytest.mark.parametrize("metric", METRICS)
def test_metrics_do_not_depend_on_place_units_and_type(metric):
    Z = X[:, :2] + 0.1
    expected = metric(X, Z)
    for changed in (X + 1e4, 1e-30 * X, 1e30 * X):
        np.testing.assert_allclose(metric(changed, Z), expected, rtol=1e-6)
        np.testing.assert_allclose(metric(X, (1e20 * Z).astype(np.float32)), expected, rtol=1e-4)


@pytest.mark.parametrize("decoder", ["linear", "ridge"])
def test_principal_components_do_not_depend_on_place_and_units(decoder):
    def score(rows_):
        return SteinPCA(2, decoder=decoder, random_state=0).fit(rows_[:90]).score(rows_[90:])

    both = np.vstack([X, X_NEW])
    for changed in (both + 1e6, 1e-20 * both, 1e20 * both):
        assert score(changed) == pytest.approx(score(both), rel=1e-5)


@pytest.mark.parametrize(
    "name", [name for name in instances.names("dictionary") if "nonnegative" not in name]
)
def test_dictionaries_in_other_units_want_alpha_in_these(name):
    y = (X[:, 0] > 0).astype(int)
    model, other = instances.make(name), instances.make(name)
    other.set_params(alpha=model.alpha * 1e-6)
    expected = model.fit(np.abs(X), y).predict_proba(np.abs(X_NEW))
    found = other.fit(1e3 * np.abs(X), y).predict_proba(1e3 * np.abs(X_NEW))
    np.testing.assert_allclose(found, expected, atol=0.02)


# ---- the edge of the type ------------------------------------------------------------------------

EDGES = [(1e25, np.float32), (1e-25, np.float32), (1e155, np.float64), (1e-160, np.float64)]
# models of a density work in double precision whatever comes
NARROW = set(instances.names("all")) - set(instances.names("score"))


@pytest.mark.parametrize(
    ("name", "factor", "dtype"),
    [
        (name, factor, dtype)
        for name in instances.names("all")
        for factor, dtype in EDGES
        if dtype == np.float64 or name in NARROW
    ],
)
def test_numbers_whose_squares_are_out_of_range_are_named(name, factor, dtype):
    given = (np.abs(X) * factor).astype(dtype)
    message = f"whose squares are out of the range of {np.dtype(dtype)}. Rescale X."
    with pytest.raises(ValueError, match=re.escape(message)):
        instances.make(name).fit(given, (X[:, 0] > 0).astype(int))
