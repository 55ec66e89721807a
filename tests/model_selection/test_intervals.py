import numpy as np
import pytest
from scipy import stats

from sksubspace.model_selection._summary import (
    corrected_t_interval,
    mean_standard_error,
    paired_ratio_interval,
    ratio_r2,
)


def rows(n=400, seed=0):
    """Squares and two lists of errors of n rows, all skewed and dependent."""
    rng = np.random.RandomState(seed)
    squares = rng.gamma(2.0, size=n)
    errors = squares * rng.uniform(0.2, 0.8, n)
    return squares, errors, errors + 0.1 * rng.gamma(1.0, size=n)


def bootstrap(statistic, *columns, n_draws=2000):
    rng, n = np.random.RandomState(1), len(columns[0])
    draws = [rng.randint(n, size=n) for _ in range(n_draws)]
    return np.std([statistic(*(column[draw] for column in columns)) for draw in draws])


def test_standard_error_of_a_mean():
    assert mean_standard_error([0.6, 0.7, 0.8, 0.9]) == pytest.approx(0.0645497)
    assert np.isnan(mean_standard_error([0.6]))


def test_corrected_interval_by_hand():
    # mean .02, s^2 = .0001, J = 3, ratio 1/2: half width t * sqrt((1/3 + 1/2) 1e-4)
    low, high = corrected_t_interval([0.01, 0.02, 0.03], 0.5, 0.95)
    half = 4.302652729696142 * np.sqrt(5 / 6 * 1e-4)
    assert (low, high) == pytest.approx((0.02 - half, 0.02 + half))


def test_without_training_overlap_the_interval_is_the_ordinary_t_interval():
    differences = np.random.RandomState(0).standard_normal(8)
    ordinary = stats.ttest_1samp(differences, 0).confidence_interval(0.9)
    assert corrected_t_interval(differences, 0.0, 0.9) == pytest.approx(tuple(ordinary))


def test_the_correction_widens_as_training_sets_overlap():
    d = [0.1, 0.2, 0.4]
    widths = [np.diff(corrected_t_interval(d, ratio, 0.95))[0] for ratio in (0.0, 0.25, 0.5)]
    assert widths[0] < widths[1] < widths[2]
    assert widths[2] / widths[0] == pytest.approx(np.sqrt(1 + 3 * 0.5))


def test_one_split_has_no_interval():
    assert np.isnan(corrected_t_interval([0.1], 0.5, 0.95)).all()


def test_ratio_standard_error_agrees_with_the_bootstrap():
    squares, errors, _ = rows()
    r2, error = ratio_r2([errors], [squares])
    assert r2 == 1 - errors.sum() / squares.sum()
    resampled = bootstrap(lambda e, t: 1 - e.sum() / t.sum(), errors, squares)
    assert error == pytest.approx(resampled, rel=0.06)


def test_paired_interval_agrees_with_the_bootstrap_and_is_narrower_than_unpaired():
    squares, errors, worse = rows()
    difference, (low, high) = paired_ratio_interval([worse], [errors], [squares], 0.95)
    assert difference == pytest.approx((errors.sum() - worse.sum()) / squares.sum())
    resampled = bootstrap(lambda w, e, t: (e - w).sum() / t.sum(), worse, errors, squares)
    assert (high - low) / 2 == pytest.approx(1.96 * resampled, rel=0.06)
    unpaired = np.hypot(ratio_r2([errors], [squares])[1], ratio_r2([worse], [squares])[1])
    assert (high - low) / 2 < 1.96 * unpaired


def test_rows_that_were_not_scored_do_not_count():
    squares, errors, _ = rows(100)
    holes = errors.copy()
    holes[::3] = np.nan
    kept = np.isfinite(holes)
    assert ratio_r2([holes], [squares]) == ratio_r2([errors[kept]], [squares[kept]])


def test_the_spread_between_seeds_is_added():
    squares, errors, _ = rows()
    same = ratio_r2([errors, errors], [squares, squares])
    assert same == pytest.approx(ratio_r2([errors], [squares]))
    r2, error = ratio_r2([errors, 1.2 * errors], [squares, squares])
    scores = 1 - np.array([errors.sum(), 1.2 * errors.sum()]) / squares.sum()
    assert r2 == pytest.approx(scores.mean())
    within = ratio_r2([1.1 * errors], [squares])[1]
    assert error == pytest.approx(np.sqrt(within**2 + scores.var(ddof=1) / 2))


def test_intervals_cover_the_truth():
    truth, inside = 0.5, 0
    for seed in range(300):
        rng = np.random.RandomState(seed)
        squares = rng.gamma(2.0, size=80)
        errors = squares * rng.uniform(0, 1, 80)
        r2, error = ratio_r2([errors], [squares])
        inside += abs(r2 - truth) <= 1.96 * error
    assert 0.90 <= inside / 300 <= 0.98
