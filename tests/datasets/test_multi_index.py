import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sksubspace.datasets import make_multi_index
from sksubspace.metrics import subspace_distance


def draw(n=5000, seed=0, **kwargs):
    return make_multi_index(n, return_components=True, random_state=seed, **kwargs)


def shapes(X, y):
    return X.shape, y.shape


def first_order(X, y):
    """Span of the mean gradients, by Stein's lemma for standard normal rows."""
    return np.linalg.svd(X.T @ (y - y.mean(axis=0)), full_matrices=False)[0].T


def second_order(X, y, n_components=3):
    """Span of the mean Hessians, by their sum of squares."""
    centered = y - y.mean(axis=0)
    hessians = [(X * centered[:, [j]]).T @ X / len(X) for j in range(y.shape[1])]
    return np.linalg.eigh(sum(H @ H for H in hessians))[1][:, -n_components:].T


def distance(found, components):
    """0 for the same subspace, near 1 for a random one."""
    return subspace_distance(found, components) / np.sqrt(len(components))


@pytest.mark.parametrize(
    ("link", "first_finds", "second_finds"),
    [("odd", True, False), ("even", False, True), ("mixed", True, True)],
)
def test_each_order_finds_the_directions_it_can_see(link, first_finds, second_finds):
    X, y, B = draw(link=link)
    for found, finds in [(first_order(X, y), first_finds), (second_order(X, y), second_finds)]:
        assert distance(found, B) < 0.2 if finds else distance(found, B) > 0.8


def test_the_responses_are_the_formulas():
    X, y, B = draw(300, n_features=7, noise=0)
    u = X @ B.T
    after = np.roll(u, -1, axis=1)
    odd, even = np.tanh(2 * u) + np.sin(after) / 2, np.abs(u) - np.cos(after)
    assert_allclose(y, odd + even, atol=1e-12)
    for link, expected in [("odd", odd), ("even", even)]:
        same, y, _ = draw(300, n_features=7, noise=0, link=link)
        assert_array_equal(same, X)
        assert_allclose(y, expected, atol=1e-12)


def test_more_or_fewer_responses_than_directions_go_round():
    every = make_multi_index(40, noise=0, n_responses=5, random_state=0)[1]
    assert_array_equal(every[:, 3:], every[:, :2])
    one = make_multi_index(40, noise=0, n_responses=1, random_state=0)[1]
    assert_array_equal(one, every[:, 0])
    X, y = make_multi_index(40, n_features=2, n_components=1, link="odd", noise=0, random_state=0)
    assert shapes(X, y) == ((40, 2), (40,))


@pytest.mark.parametrize("design", ["gaussian", "student_t", "mixture"])
@pytest.mark.parametrize("n_components", [1, 3, 6])
def test_rows_have_mean_zero_and_unit_covariance(design, n_components):
    X, _, B = draw(60_000, n_features=6, n_components=n_components, design=design, df=6)
    assert_allclose(B @ B.T, np.eye(n_components), atol=1e-12)
    assert_allclose(X.mean(axis=0), 0, atol=0.03)
    assert_allclose(np.cov(X.T), np.eye(6), atol=0.06)


@pytest.mark.parametrize("df", [5, 9.5])
def test_the_t_distribution_has_its_tails(df):
    """The mean fourth power of a t variable of unit variance is 3 (df - 2) / (df - 4)."""
    X = make_multi_index(200_000, n_features=2, n_components=1, design="student_t", df=df)[0]
    lengths = np.square(X).sum(axis=1)
    for share in [0.5, 0.9, 0.99]:
        # x'x (df / (df - 2)) / d is F distributed, for d = 2 with a quantile in closed form
        quantile = (df - 2) * ((1 - share) ** (-2 / df) - 1)
        assert_allclose(np.mean(lengths < quantile), share, atol=0.005)


def test_the_two_gaussians_stand_apart_on_a_line_half_inside():
    X, _, B = draw(20_000, n_features=8, n_components=2, design="mixture")
    skew = (X * np.square(np.linalg.norm(X, axis=1))[:, None]).mean(axis=0)
    line = skew / np.linalg.norm(skew)
    assert_allclose(np.linalg.norm(B @ line) ** 2, 0.5, atol=0.05)
    along = X @ line
    few = along > 1.25
    assert_allclose(few.mean(), 0.1, atol=0.01)
    assert_allclose([along[few].mean(), along[~few].mean()], [2.85, -0.95 / 3], atol=0.05)
    assert_allclose([along[few].std(), along[~few].std()], np.sqrt(1 - 0.95**2), atol=0.05)


def test_noise_is_per_response():
    clean = make_multi_index(20_000, noise=0, random_state=3)[1]
    noisy = make_multi_index(20_000, noise=0.2, random_state=3)[1]
    assert_allclose((noisy - clean).std(axis=0), 0.2, rtol=0.03)


def test_random_state_decides_everything_and_no_global_one_is_moved():
    before = np.random.get_state()[1].copy()
    first, again, other = (draw(20, seed) for seed in (1, 1, 2))
    for one, same, another in zip(first, again, other, strict=True):
        assert_array_equal(one, same)
        assert not np.array_equal(one, another)
    free = [make_multi_index(20)[0] for _ in range(2)]
    assert not np.array_equal(*free)
    assert_array_equal(np.random.get_state()[1], before)


@pytest.mark.parametrize(
    "bad, kind, message",
    [
        ({"n_samples": 0}, ValueError, "n_samples must be at least 1, got 0"),
        ({"n_samples": 10.0}, TypeError, r"n_samples must be an integer, got 10\.0"),
        ({"n_features": True}, TypeError, "n_features must be an integer, got True"),
        ({"n_components": 51}, ValueError, "n_components must be .* at most 50, got 51"),
        ({"n_responses": 0}, ValueError, "n_responses must be at least 1, got 0"),
        ({"noise": -1}, ValueError, "noise must be finite and not negative, got -1"),
        ({"df": 2}, ValueError, "df must be finite and more than 2, got 2"),
        ({"df": np.inf}, ValueError, "df must be finite and more than 2, got inf"),
        ({"df": "5"}, TypeError, "df must be a number, got '5'"),
        (
            {"link": "linear"},
            ValueError,
            "link must be one of 'odd', 'even', 'mixed', got 'linear'",
        ),
        ({"design": None}, ValueError, "design must be one of 'gaussian', .* got None"),
    ],
)
def test_bad_input_is_named(bad, kind, message):
    with pytest.raises(kind, match=message):
        make_multi_index(**bad)
