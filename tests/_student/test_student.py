import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.decomposition import PCA
from sksubspace.encoding._choice import closed_encoder, leave_out

from sksubspace._linalg import match_r_squared
from sksubspace._student._scaling import FeatureScale
from sksubspace.encoding import _linear
from tests._student.toy import Torn, blobs, curve, make_trainer


def choose(names, X, Z, exact=True, n_neighbors=5, **params):
    scale = FeatureScale.of(X, "global")
    trainer = make_trainer(X.dtype, **params)
    return closed_encoder(names, X, Z, scale, trainer, n_neighbors=n_neighbors, exact=exact)


BOTH = ("linear", "local")


def test_a_linear_teacher_gets_the_linear_encoder():
    X, _ = blobs()
    chosen = choose(BOTH, X, PCA(2).fit_transform(X))
    assert chosen.name == "linear"
    assert chosen.scores["linear"] > 0.999 > chosen.scores["local"]


def test_a_torn_map_gets_the_local_encoder():
    rng = np.random.RandomState(0)
    X = rng.randn(200, 4)
    chosen = choose(BOTH, X, Torn().fit_transform(X), max_iter=20)
    assert chosen.name == "local"
    assert chosen.scores["local"] > chosen.scores["linear"] + 0.02


@pytest.mark.parametrize("name", BOTH)
def test_one_candidate_is_taken_and_still_scored(name):
    X, Z = curve()
    chosen = choose((name,), X, Z)
    assert (chosen.name, list(chosen.scores)) == (name, [name])


def test_scores_are_the_r2_of_the_placements_left_out():
    X, Z = curve()
    chosen = choose(("local",), X, Z)
    assert chosen.scores["local"] == pytest.approx(match_r_squared(chosen.Z_loo, Z))


@pytest.mark.parametrize("name", BOTH)
def test_exact_encoders_give_training_rows_their_targets(name):
    X, Z = curve()
    assert_allclose(choose((name,), X, Z).encoder(X), Z, atol=1e-12)


def test_a_bare_linear_encoder_is_not_exact():
    X, Z = curve()
    encoder = choose(("linear",), X, np.sin(3 * Z), exact=False).encoder
    assert np.abs(encoder(X) - np.sin(3 * Z)).max() > 0.1
    assert not hasattr(encoder, "rows")


def test_a_linear_map_needs_no_correction():
    X, _ = curve()
    encoder = choose(("linear",), X, X[:, :2] - X[:, :2].mean(0)).encoder
    assert not hasattr(encoder, "rows")


@pytest.mark.parametrize(
    ("name", "exact"),
    [("linear", True), ("linear", False), ("local", True)],
    ids=["linear-exact", "linear-bare", "local"],
)
def test_left_out_placement_does_not_depend_on_the_rows_own_target(name, exact):
    X, Z = curve(60)
    Z = np.sin(3 * Z)
    before = choose((name,), X, Z, exact).Z_loo
    for i in (0, 31):
        moved = Z.copy()
        moved[i] += 0.01
        after = choose((name,), X, moved, exact).Z_loo
        assert_allclose(after[i], before[i], atol=1e-9)
        assert not np.array_equal(after, before)


def test_placement_of_the_exact_linear_encoder_left_out_is_that_of_a_refit():
    X, Z = curve(60)
    Z = np.sin(3 * Z)
    Z_loo = choose(("linear",), X, Z).Z_loo
    for i in range(0, 60, 7):
        others = np.arange(60) != i
        refitted = choose(("linear",), X[others], Z[others]).encoder
        assert_allclose(Z_loo[i], refitted(X[i : i + 1])[0], atol=1e-3)


def test_wide_and_tall_data_are_made_exact_too(monkeypatch):
    """The iterative solver has no hat matrix; its placements left out stay uncorrected."""
    monkeypatch.setattr(_linear, "_MAX_GRAM", 3)
    X, Z = curve(60)
    Z = np.sin(3 * Z)
    chosen = choose(("linear",), X, Z)
    assert_allclose(chosen.encoder(X), Z, atol=1e-12)
    assert_array_equal(chosen.Z_loo, _linear.fit_linear(X, Z).Z_loo)
    moved = Z.copy()
    moved[7] += 1
    assert_allclose(choose(("linear",), X, moved).Z_loo[7], chosen.Z_loo[7], atol=1e-9)


def test_losses_are_those_of_the_kernel():
    X, Z = curve()
    assert len(choose(("local",), X, Z).loss_curve) == 3
    assert choose(("linear",), X, Z).loss_curve == []


def test_the_choice_is_reproducible():
    X, Z = curve()
    first, second = choose(BOTH, X, Z), choose(BOTH, X, Z)
    assert first.scores == second.scores
    assert_array_equal(first.Z_loo, second.Z_loo)


@pytest.mark.parametrize("exact", [True, False])
def test_some_rows_are_left_out_as_among_all(exact):
    X, Z = curve()
    rows = np.array([5, 149, 0, *range(40, 60)])
    scale = FeatureScale.of(X, "global")

    def placed(rows):
        trainer = make_trainer(X.dtype)
        return leave_out(("linear",), X, Z, scale, trainer, n_neighbors=5, exact=exact, rows=rows)

    some, whole = placed(rows), placed(None)
    assert_allclose(some.Z_loo, whole.Z_loo[rows])
    assert some.scores["linear"] != whole.scores["linear"]
    assert len(whole.Z_loo) == len(X)
