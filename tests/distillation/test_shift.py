from itertools import combinations

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import stats

from sksubspace.distillation import ShiftResult
from sksubspace.distillation import _shift as shift
from sksubspace.distillation._shift import (
    PlacedRows,
    conformal_p_values,
    energy_test,
    group_shift_test,
    holm_minimum,
    shift_test,
)


def naive_energy(A, B):
    """2 E|a - b| - E|a - a'| - E|b - b'|, one pair at a time."""
    between = np.mean([np.linalg.norm(a - b) for a in A for b in B])
    within_a = np.mean([np.linalg.norm(a - b) for a in A for b in A])
    within_b = np.mean([np.linalg.norm(a - b) for a in B for b in B])
    return 2 * between - within_a - within_b


def test_p_values_are_the_conformal_formula():
    calibration = np.array([3.0, 1.0, 2.0, 2.0])
    scores = np.array([0.0, 1.0, 1.5, 2.0, 2.5, 3.0, 9.0])
    expected = [(1 + (calibration >= s).sum()) / 5 for s in scores]
    assert_array_equal(conformal_p_values(scores, calibration), expected)
    assert_array_equal(expected, [1, 1, 0.8, 0.8, 0.4, 0.4, 0.2])


def test_p_values_fall_with_the_score_and_are_never_nil():
    rng = np.random.RandomState(0)
    p_values = conformal_p_values(np.sort(rng.randn(200)), rng.randn(99))
    assert (np.diff(p_values) <= 0).all()
    assert p_values.min() >= 1 / 100 and p_values.max() <= 1


def test_p_values_are_valid_for_exchangeable_scores():
    """P(p <= alpha) <= alpha, and with 99 calibration scores equal to it."""
    rng = np.random.RandomState(0)
    p_values = np.concatenate(
        [conformal_p_values(rng.randn(5), rng.randn(99)) for _ in range(2000)]
    )
    for alpha in (0.05, 0.2, 0.5):
        assert (p_values <= alpha).mean() == pytest.approx(alpha, abs=0.015)


def test_energy_distance_is_the_double_sum():
    rng = np.random.RandomState(0)
    A, B = rng.randn(7, 2), rng.randn(5, 2) + 1
    pooled = np.vstack([A, B])
    distances = np.linalg.norm(pooled[:, None] - pooled[None], axis=-1)
    splits = np.zeros((12, 2))
    splits[:7, 0] = splits[5:, 1] = 1
    energies = shift._energy(distances, splits, 7, 5)
    expected = [naive_energy(A, B), naive_energy(pooled[5:], pooled[:5])]
    np.testing.assert_allclose(energies, expected)


def test_energy_p_value_is_the_rank_among_permutations():
    rng = np.random.RandomState(0)
    A, B = rng.randn(6, 1), rng.randn(4, 1) + 0.5
    p_value = energy_test(A, B, np.random.RandomState(3))
    pooled, draw = np.vstack([A, B]), np.random.RandomState(3)
    observed = naive_energy(A, B)
    count = 0
    for _ in range(shift._N_PERMUTATIONS):
        order = draw.permutation(10)
        count += naive_energy(pooled[order[:6]], pooled[order[6:]]) >= observed - 1e-12
    assert p_value == pytest.approx((1 + count) / (1 + shift._N_PERMUTATIONS), abs=0.01)


def test_energy_finds_a_spread_and_a_move_and_no_difference():
    rng = np.random.RandomState(0)
    A, B = rng.randn(80, 2), rng.randn(120, 2)
    assert energy_test(A, B + 1, rng) == 1 / 500
    assert energy_test(3 * A, B, rng) == 1 / 500
    assert energy_test(A, B, rng) > 0.05


def test_energy_p_values_are_about_uniform_without_shift():
    rng = np.random.RandomState(0)
    p_values = [energy_test(rng.randn(8, 2), rng.randn(12, 2), rng) for _ in range(100)]
    assert stats.kstest(p_values, "uniform").pvalue > 0.01


@pytest.mark.parametrize("n", [1, 2])
def test_energy_of_tiny_samples(n):
    rng = np.random.RandomState(0)
    assert 0 < energy_test(rng.randn(n, 2), rng.randn(3, 2), rng) <= 1


def test_equal_splits_count_as_ties():
    """Two against two rows split in three ways, so that no p-value is much below a third."""
    p_values = []
    for seed in range(30):
        rng = np.random.RandomState(seed)
        p_values.append(energy_test(rng.randn(2, 2), rng.randn(2, 2), rng))
    assert min(p_values) > 0.25


def test_energy_of_equal_positions_is_no_evidence():
    assert energy_test(np.ones((5, 2)), np.ones((9, 2)), np.random.RandomState(0)) == 1


def test_large_samples_are_thinned(monkeypatch):
    monkeypatch.setattr(shift, "_MAX_ROWS", 20)
    rng = np.random.RandomState(0)
    assert energy_test(rng.randn(100, 2), rng.randn(90, 2) + 2, rng) == 1 / 500


def test_holm():
    assert holm_minimum((0.03, 0.5)) == 0.06
    assert holm_minimum((0.9, 0.7)) == 1


def result(batch, reference, alpha=0.05, margin=0.0, moved=0.0):
    rng = np.random.RandomState(0)
    placed, reference_placed = rng.randn(len(batch), 2) + moved, rng.randn(len(reference), 2)
    return shift_test(
        PlacedRows(batch, placed), PlacedRows(reference, reference_placed), alpha, margin, rng
    )


def scores(n, seed=0):
    return np.random.RandomState(seed).chisquare(5, n)


def test_no_shift():
    found = result(scores(100), scores(200, 1))
    assert not found.shifted and found.p_value > 0.05
    assert found.fraction_flagged == pytest.approx(0.05, abs=0.05)
    assert_array_equal(found.sample_p_values, conformal_p_values(scores(100), scores(200, 1)))


def test_more_distortion_is_a_shift_and_less_is_none():
    worse, better = result(2 * scores(100), scores(200, 1)), result(scores(100) / 2, scores(200, 1))
    assert worse.shifted and worse.p_distortion < 1e-6 < worse.p_embedding
    assert worse.fraction_flagged > 0.3
    assert not better.shifted and better.p_distortion > 0.99


def test_a_margin_forgives_a_slight_increase():
    slight = [result(1.5 * scores(300), scores(300, 1), margin=margin) for margin in (0, 0.5)]
    assert slight[0].p_distortion < 1e-3 and slight[1].p_distortion > 0.05
    assert_array_equal(slight[0].sample_p_values, slight[1].sample_p_values)
    assert slight[0].p_embedding == slight[1].p_embedding


def test_another_place_is_a_shift():
    found = result(scores(100), scores(200, 1), moved=1.0)
    assert found.shifted and found.p_embedding == 1 / 500 and found.p_distortion > 0.05


def test_the_p_value_combines_both_and_alpha_decides():
    found = result(scores(40) * 1.2, scores(200, 1), alpha=0.5)
    assert found.p_value == holm_minimum((found.p_distortion, found.p_embedding))
    p_value = found.p_value
    strict, lax = (result(scores(40) * 1.2, scores(200, 1), alpha=p_value * f) for f in (0.9, 1.1))
    assert lax.shifted and not strict.shifted
    assert found.fraction_flagged == (found.sample_p_values <= 0.5).mean()


def test_str_is_a_verdict():
    found = ShiftResult(
        shifted=True,
        p_value=0.0123,
        p_distortion=0.00615,
        p_embedding=0.4,
        fraction_flagged=0.25,
        alpha=0.05,
        sample_p_values=np.ones(8),
    )
    assert str(found) == (
        "shift found at alpha=0.05 (p=0.0123: distortion 0.00615, position 0.4); "
        "25.0% of 8 rows flagged"
    )
    assert str(result(scores(100), scores(200, 1))).startswith("no shift found at alpha=0.05 (p=")
    assert "sample_p_values" not in repr(found)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("n", [100, 101, 600])
def test_distortions_are_compared_by_kolmogorov_and_smirnov(n):
    batch, reference = 1.1 * scores(n), scores(1257, 1)
    found = result(batch, reference).p_distortion
    grid = np.sort(np.concatenate([batch, reference]))
    below = [np.searchsorted(np.sort(s), grid, side="right") / len(s) for s in (reference, batch)]
    distance = max((below[0] - below[1]).max(), 0)
    limit = np.exp(-2 * distance**2 * n * 1257 / (n + 1257))
    assert found == pytest.approx(limit, rel=0.35)


def test_p_values_with_groups_are_the_formula():
    """(1 + sum over groups of the share of their rows that are at least as distorted) / (1 + G)."""
    calibration = np.array([3.0, 1.0, 2.0, 2.0, 5.0])
    groups = np.array([0, 0, 0, 1, 2])
    expected = {0.5: 1.0, 1.5: (1 + 2 / 3 + 1 + 1) / 4, 2.0: (1 + 2 / 3 + 1 + 1) / 4}
    expected |= {2.5: (1 + 1 / 3 + 0 + 1) / 4, 4.0: (1 + 1) / 4, 9.0: 1 / 4}
    found = conformal_p_values(np.array(list(expected)), calibration, groups)
    np.testing.assert_allclose(found, list(expected.values()))


def test_groups_of_single_rows_give_the_plain_formula():
    rng = np.random.RandomState(0)
    scores, calibration = rng.randn(30), rng.randn(50)
    found = conformal_p_values(scores, calibration, rng.permutation(50))
    np.testing.assert_allclose(found, conformal_p_values(scores, calibration))


def donors(n_groups, size=8, seed=0, raised=1.0, moved=0.0):
    """Rows of groups with an own level of distortion and an own place."""
    rng = np.random.RandomState(seed)
    groups = np.repeat(np.arange(n_groups), size)
    level, place = np.exp(0.2 * rng.randn(n_groups)), rng.randn(n_groups, 2)
    distortion = raised * level[groups] * rng.chisquare(5, len(groups))
    return PlacedRows(distortion, place[groups] + moved + 0.3 * rng.randn(len(groups), 2), groups)


def by_hand(batch, reference, margin):
    """P-values over all ways to call five, or as many, of the groups new."""

    def means(rows, extra):
        ids = np.unique(rows.groups)
        logs = [np.log(rows.distortion[rows.groups == g]).mean() + extra for g in ids]
        return np.array(logs), np.array([rows.placed[rows.groups == g].mean(axis=0) for g in ids])

    new, old = means(batch, 0.0), means(reference, np.log(1 + margin))
    logs, places = (np.concatenate(pair) for pair in zip(new, old, strict=True))
    statistics = []
    for chosen in combinations(range(len(logs)), len(new[0])):
        is_new = np.isin(np.arange(len(logs)), chosen)
        apart = places[is_new].mean(axis=0) - places[~is_new].mean(axis=0)
        statistics.append((logs[is_new].mean() - logs[~is_new].mean(), apart @ apart))
    statistics = np.array(statistics)  # the observed one first
    return tuple((statistics >= statistics[0] - 1e-12).mean(axis=0))


@pytest.mark.parametrize("raised", [1.0, 1.3])
@pytest.mark.parametrize("margin", [0.0, 0.1])
def test_the_shift_of_groups_is_an_exact_permutation_test(raised, margin):
    """Two new groups beside five: 21 ways."""
    batch, reference = donors(2, seed=1, raised=raised), donors(5)
    found = group_shift_test(batch, reference, 0.2, margin, np.random.RandomState(0))
    by_distortion, by_position = by_hand(batch, reference, margin)
    assert found.p_distortion == pytest.approx(by_distortion)
    assert found.p_embedding == pytest.approx(by_position)
    assert found.p_value == pytest.approx(min(1, 2 * min(by_distortion, by_position)))
    expected = conformal_p_values(batch.distortion, reference.distortion, reference.groups)
    assert_array_equal(found.sample_p_values, expected)


def test_a_shift_of_groups_is_found():
    reference = donors(20)
    raised = group_shift_test(donors(6, seed=1, raised=3), reference, 0.05, 0.1, shift_seed())
    moved = group_shift_test(donors(6, seed=1, moved=3.0), reference, 0.05, 0.1, shift_seed())
    assert raised.shifted and raised.p_distortion < 0.01
    assert moved.shifted and moved.p_embedding < 0.01


def test_groups_of_the_same_kind_are_hardly_ever_called_shifted():
    found = [
        group_shift_test(donors(4, seed=s), donors(20, seed=100 + s), 0.05, 0.0, shift_seed())
        for s in range(40)
    ]
    assert sum(one.shifted for one in found) <= 4
    by_rows = [
        shift_test(donors(4, seed=s), donors(20, seed=100 + s), 0.05, 0.0, shift_seed())
        for s in range(10)
    ]
    assert sum(one.shifted for one in by_rows) >= 5  # which is why


def shift_seed():
    return np.random.RandomState(0)


def test_too_few_groups_to_ever_reach_alpha_are_told():
    reference = donors(5)
    with pytest.warns(UserWarning, match=r"1 of the batch, 5 known\) cannot give a p-value below"):
        found = group_shift_test(donors(1, seed=1, raised=99), reference, 0.05, 0.0, shift_seed())
    assert found.p_distortion == pytest.approx(1 / 6) and not found.shifted


@pytest.mark.filterwarnings("error")
def test_enough_groups_are_not_warned_of():
    """2 / C(12, 2) = .0303."""
    found = group_shift_test(donors(2, seed=1), donors(10), 0.05, 0.0, shift_seed())
    assert 2 / 66 <= found.p_value <= 1


def test_a_batch_without_groups_is_one():
    batch, reference = donors(3, seed=1), donors(30)
    one = PlacedRows(batch.distortion, batch.placed, np.zeros(24, dtype=int))
    without = PlacedRows(batch.distortion, batch.placed)
    found = [group_shift_test(b, reference, 0.2, 0.1, shift_seed()) for b in (one, without)]
    assert found[0].p_value == found[1].p_value
