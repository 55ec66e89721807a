import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE, Isomap

from sksubspace.metrics import embedding_score, gaussian_surrogate, linear_gain
from sksubspace.metrics._learnt import learn_map
from sksubspace.metrics._linear_gain import r2_gain


def ring(n=150):
    """Rows along a curve that fills four dimensions, and their place along it."""
    t = np.sort(np.random.RandomState(0).uniform(0, 2 * np.pi, n))
    X = np.column_stack([np.cos(t), np.sin(t), np.cos(3 * t), np.sin(3 * t)])
    return X + 0.05 * np.random.RandomState(1).randn(n, 4), np.column_stack([np.cos(t), np.sin(t)])


@pytest.mark.parametrize("is_grouped", [False, True])
def test_the_gain_is_that_over_components_scored_as_a_map(is_grouped):
    X, Z = ring()
    groups = np.arange(150) % 15 if is_grouped else None
    found = linear_gain(X, Z, groups=groups)
    expected = embedding_score(X, Z, groups=groups).r2
    pca = embedding_score(X, PCA(2).fit_transform(X), groups=groups).r2
    assert_allclose([found.r2, found.pca_r2], [expected, pca], rtol=1e-6)
    assert_allclose(found.gain, expected - pca, rtol=1e-5)
    assert float(found) == found.gain > 0.08


@pytest.mark.parametrize("n_groups", [150, 12])
def test_the_interval_is_as_wide_as_a_bootstrap_says(n_groups):
    """Groups, or rows, drawn again, with the errors of their rows."""
    X, Z = ring()
    groups = np.arange(150) % n_groups
    found, pca = (learn_map(X, places, groups=groups).found for places in (Z, X[:, 2:]))
    gain, error, degrees = r2_gain(found, pca)
    assert degrees == n_groups - 1
    fewer, squares = pca.squared_errors - found.squared_errors, found.squares
    rng, draws = np.random.RandomState(0), []
    sums = np.stack([np.bincount(groups, one) for one in (fewer, squares)])
    for _ in range(4000):
        top, total = sums[:, rng.randint(n_groups, size=n_groups)].sum(axis=1)
        draws.append(top / total)
    assert_allclose(gain, fewer.sum() / squares.sum())
    assert_allclose(error, np.std(draws), rtol=0.1 if n_groups > 100 else 0.2)


def test_principal_components_gain_nothing_on_themselves():
    X, _ = ring()
    found = linear_gain(X, PCA(2).fit_transform(X))
    assert abs(found.gain) < 1e-9
    assert found.interval[0] <= found.gain <= found.interval[1]
    assert np.isnan(found.nonlinear)


def test_a_teacher_is_scored_on_a_surrogate_too():
    X, Z = ring()
    teacher = Isomap(n_neighbors=12)
    rng = np.random.RandomState(4)
    found = linear_gain(X, Z, teacher=teacher, random_state=rng)
    rng = np.random.RandomState(4)
    rng.randint(2**31 - 1)  # the seed of the student
    X_normal = gaussian_surrogate(X, random_state=rng)
    alone = {"groups": np.arange(150), "random_state": np.random.RandomState(4)}
    expected = linear_gain(X_normal, teacher.fit_transform(X_normal), **alone)
    assert_allclose(found.surrogate_gain, expected.gain, rtol=1e-4)
    assert_allclose(found.surrogate_interval, expected.interval, rtol=1e-4)
    assert_allclose(found.nonlinear, found.gain - found.surrogate_gain)
    low, high = found.nonlinear_interval
    widths = (
        np.subtract(found.interval, found.gain),
        np.subtract(found.surrogate_interval, found.surrogate_gain),
    )
    assert_allclose([low, high], found.nonlinear + np.hypot(*widths) * [-1, 1], rtol=1e-6)
    assert low > 0  # the ring is bent, a surrogate is not
    assert "Gaussian surrogate" in str(found)


def test_a_shorthand_is_seeded():
    X, Z = ring(60)
    first, again = (linear_gain(X, Z, teacher="pca") for _ in range(2))
    assert first == again
    assert abs(first.surrogate_gain) < 1e-9


@pytest.mark.parametrize(
    ("teacher", "match"),
    [("nonsense", "must be one of"), (PCA(3), "teacher must draw maps of 2 dimensions")],
)
def test_bad_teachers_are_named(teacher, match):
    with pytest.raises(ValueError, match=match):
        linear_gain(*ring(60), teacher=teacher)


def test_teachers_that_fail_are_named():
    with pytest.raises(ValueError, match="The teacher TSNE failed"):
        linear_gain(*ring(60), teacher=TSNE(perplexity=1000))
