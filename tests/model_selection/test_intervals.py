import numpy as np
import pytest
from scipy import stats

from sksubspace.model_selection._intervals import (
    difference_errors,
    mean_standard_error,
    ratio_r2,
    row_covariance,
    simultaneous_reach,
    split_covariance,
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
    by_hand = 0.1290994 * np.sqrt(1 / 4 + 1 / 3)
    assert mean_standard_error([0.6, 0.7, 0.8, 0.9], 1 / 4) == pytest.approx(by_hand)
    assert np.isnan(mean_standard_error([0.6], 1 / 4))


@pytest.mark.parametrize("n_repeats", [1, 3, 8])
@pytest.mark.parametrize(("of_training", "ratio"), [(0.25, 1), (0, 1.5)])
def test_the_standard_error_is_not_under_the_true_spread(of_training, ratio, n_repeats):
    """Folds of 200 rows, drawn anew in each repeat; all share what was learnt from the table.

    By the assumption of Nadeau and Bengio its variance is a quarter of that of a fold's rows; where
    nothing varies that is learnt, the error is sqrt((1/5 + 1/4) / (1/5)) times the true spread.
    """
    rng, printed, means = np.random.RandomState(0), [], []
    for _ in range(300):
        rows = rng.standard_normal(200) * np.sqrt(40) + np.sqrt(of_training) * rng.randn()
        folds = [
            rows[part] for _ in range(n_repeats) for part in np.array_split(rng.permutation(200), 5)
        ]
        scores = [fold.mean() for fold in folds]
        printed.append(mean_standard_error(scores, 1 / 5))
        means.append(np.mean(scores))
    assert np.mean(printed) == pytest.approx(ratio * np.std(means), rel=0.12)


def interval(differences, ratio, confidence):
    """Of one candidate beside one that scores nothing."""
    scores = np.column_stack([differences, np.zeros(len(differences))])
    covariance = split_covariance(scores, ratio / (1 + ratio))
    reach = simultaneous_reach(covariance, len(scores) - 1, confidence)
    half = reach * difference_errors(covariance)[0, 1]
    return np.mean(differences) - half, np.mean(differences) + half


def test_the_interval_of_two_candidates_by_hand():
    # mean .02, s^2 = .0001, J = 3, ratio 1/2: half width t * sqrt((1/3 + 1/2) 1e-4)
    half = 4.302652729696142 * np.sqrt(5 / 6 * 1e-4)
    assert interval([0.01, 0.02, 0.03], 0.5, 0.95) == pytest.approx((0.02 - half, 0.02 + half))


def test_without_training_overlap_the_interval_is_the_ordinary_t_interval():
    differences = np.random.RandomState(0).standard_normal(8)
    ordinary = stats.ttest_1samp(differences, 0).confidence_interval(0.9)
    assert interval(differences, 0.0, 0.9) == pytest.approx(tuple(ordinary))


def test_the_correction_widens_as_training_sets_overlap():
    d = [0.1, 0.2, 0.4]
    widths = [np.diff(interval(d, ratio, 0.95))[0] for ratio in (0.0, 0.25, 0.5)]
    assert widths[0] < widths[1] < widths[2]
    assert widths[2] / widths[0] == pytest.approx(np.sqrt(1 + 3 * 0.5))


@pytest.mark.parametrize("n_candidates", [3, 6])
def test_of_independent_scores_the_reach_is_tukeys(n_candidates):
    """The studentised range over the root of two, of any number of degrees of freedom."""
    for degrees in (5, np.inf):
        exact = stats.studentized_range.ppf(0.95, n_candidates, min(degrees, 1e5)) / np.sqrt(2)
        reach = simultaneous_reach(0.3 * np.eye(n_candidates), degrees, 0.95)
        assert reach == pytest.approx(exact, rel=0.03)


def test_candidates_that_are_the_same_do_not_widen_the_intervals():
    scores = np.random.RandomState(0).randn(6, 2)
    twice = simultaneous_reach(split_covariance(scores[:, [0, 0, 1, 1]], 0.25), 5, 0.95)
    once = simultaneous_reach(split_covariance(scores, 0.25), 5, 0.95)
    assert twice == pytest.approx(once, rel=0.03)


def test_all_intervals_hold_at_once():
    """Of eight equal candidates, the differences from the luckiest: 95 % of tables are right."""
    rng, right = np.random.RandomState(0), 0
    for _ in range(300):
        scores = rng.randn(40, 1) + rng.randn(40, 8)
        covariance = split_covariance(scores, 0.0)
        reach = simultaneous_reach(covariance, 39, 0.95) * difference_errors(covariance)
        means = scores.mean(axis=0)
        right += (np.abs(means - means.max()) <= reach[means.argmax()]).all()
    assert 0.92 <= right / 300 <= 0.99


def test_ratio_standard_error_agrees_with_the_bootstrap():
    squares, errors, _ = rows()
    r2, error = ratio_r2([errors], [squares])
    assert r2 == 1 - errors.sum() / squares.sum()
    resampled = bootstrap(lambda e, t: 1 - e.sum() / t.sum(), errors, squares)
    assert error == pytest.approx(resampled, rel=0.06)


def test_paired_error_agrees_with_the_bootstrap_and_is_smaller_than_unpaired():
    squares, errors, worse = rows()
    covariance = row_covariance([[worse], [errors]], [squares])
    paired = difference_errors(covariance)[0, 1]
    resampled = bootstrap(lambda w, e, t: (e - w).sum() / t.sum(), worse, errors, squares)
    assert paired == pytest.approx(resampled, rel=0.06)
    assert paired < np.sqrt(np.diag(covariance).sum())


def test_rows_that_were_not_scored_do_not_count():
    squares, errors, _ = rows(100)
    holes = errors.copy()
    holes[::3] = np.nan
    kept = np.isfinite(holes)
    assert ratio_r2([holes], [squares]) == ratio_r2([errors[kept]], [squares[kept]])


def test_a_row_that_one_seed_of_one_candidate_did_not_score_is_dropped_everywhere():
    squares, errors, worse = rows(60)
    table = np.array([[errors, 1.2 * errors[::-1]], [worse, 0.9 * worse[::-1]]])
    seeds = np.array([squares, 1.1 * squares])
    holes = table.copy()
    holes[0, 1, 5] = holes[1, 0, 17] = np.nan
    lost = seeds.copy()
    lost[0, 29] = np.nan
    kept = np.delete(np.arange(60), [5, 17, 29])
    found = row_covariance(holes, lost)
    np.testing.assert_allclose(found, row_covariance(table[..., kept], seeds[:, kept]), rtol=1e-12)
    kept = np.delete(np.arange(60), [5, 29])
    expected = 1 - table[0][:, kept].sum() / seeds[:, kept].sum()
    assert ratio_r2(holes[0], lost)[0] == pytest.approx(expected, rel=1e-12)


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
