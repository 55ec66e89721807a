import warnings
from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import logsumexp, softmax
from scipy.stats import multivariate_normal
from sklearn.exceptions import ConvergenceWarning

from sksubspace.cluster import MixtureOfLowRankGaussians
from sksubspace.cluster._mixture._em import (
    SharedRows,
    best_of_starts,
    expectation_maximization,
    mixture_of_all,
)
from sksubspace.cluster._mixture._em import from_labels as mixture_from_labels
from sksubspace.cluster._mixture._model import n_free_parameters
from sksubspace.metrics import clustering_accuracy
from tests.cluster import toy

union = partial(toy.union, d=8, dim=2, k=3, noise=0.1)


def from_labels(X, labels, n_clusters, rank, d, floor):
    whole = mixture_of_all(X, rank, d, floor)
    return mixture_from_labels(X, labels, n_clusters, whole, d, floor)


def fitted(dtype=np.float64, **params):
    X = union(150, noise=0.3, offset=1.0)[0].astype(dtype)
    params = {"rank": 2, "random_state": 0, **params}
    return MixtureOfLowRankGaussians(3, **params).fit(X), X


def covariances(model):
    """Dense covariance matrices."""
    d = model.n_features_in_
    parts = zip(model.cluster_bases_, model.variances_, model.noise_variances_, strict=True)
    return [
        U.T @ np.diag(variances[: len(U)]) @ U + noise * (np.eye(d) - U.T @ U)
        for U, variances, noise in parts
    ]


def dense_log_joint(model, X, extra=0.0):
    d = X.shape[1]
    return np.stack(
        [
            np.log(weight) + multivariate_normal(mean, cov + extra * np.eye(d)).logpdf(X)
            for weight, mean, cov in zip(
                model.weights_, model.cluster_means_, covariances(model), strict=True
            )
        ],
        axis=1,
    )


def test_densities_are_those_of_dense_covariances():
    model, X = fitted()
    joint = dense_log_joint(model, X)
    assert_allclose(model.score_samples(X), logsumexp(joint, axis=1), rtol=1e-10)
    assert_allclose(model.predict_proba(X), softmax(joint, axis=1), atol=1e-10)
    assert_array_equal(model.predict(X), joint.argmax(axis=1))
    assert_array_equal(model.labels_, model.predict(X))
    assert_allclose(model.lower_bound_, model.score_samples(X).mean(), rtol=1e-12)


@pytest.mark.parametrize("sigma", [0.01, 0.3, 5.0])
def test_denoising_is_the_posterior_mean(sigma):
    model, X = fitted()
    posterior = softmax(dense_log_joint(model, X, sigma**2), axis=1)
    expected = np.zeros_like(X)
    for k, cov in enumerate(covariances(model)):
        gain = cov @ np.linalg.inv(cov + sigma**2 * np.eye(len(cov)))
        moved = model.cluster_means_[k] + (X - model.cluster_means_[k]) @ gain.T
        expected += posterior[:, k, None] * moved
    assert_allclose(model.denoise(X, sigma), expected, rtol=1e-10, atol=1e-10)


def test_denoising_follows_tweedie():
    r"""E[x_0 | x] = x + sigma^2 times the gradient of the log-density of noisy rows."""
    model, X = fitted()
    sigma, step, x = 0.5, 1e-5, X[:5]

    def log_density(rows):
        return logsumexp(dense_log_joint(model, rows, sigma**2), axis=1)

    gradient = np.stack(
        [(log_density(x + e) - log_density(x - e)) / (2 * step) for e in step * np.eye(8)], axis=1
    )
    assert_allclose(model.denoise(x, sigma), x + sigma**2 * gradient, atol=1e-8)


def test_no_noise_changes_nothing_and_much_noise_leaves_the_mean():
    model, X = fitted()
    assert_array_equal(model.denoise(X, 0), X)
    mean = model.weights_ @ model.cluster_means_
    assert_allclose(model.denoise(X, 1e6), np.broadcast_to(mean, X.shape), atol=1e-4)


def test_each_row_may_have_its_own_noise():
    model, X = fitted()
    sigma = np.linspace(0, 2, len(X))
    together = model.denoise(X, sigma)
    for i in (0, 40, 149):
        assert_array_equal(together[i], model.denoise(X[i : i + 1], sigma[i])[0])


@pytest.mark.parametrize("sigma", [-1, np.nan, [0.1, 0.2], np.ones((150, 1))])
def test_impossible_noise_raises(sigma):
    model, X = fitted()
    with pytest.raises(ValueError, match="sigma must be one finite number >= 0, or one for each"):
        model.denoise(X, sigma)


@pytest.mark.parametrize("shape", [(90, 8), (25, 60)], ids=["many rows", "few rows"])
@pytest.mark.parametrize("seed", range(3))
def test_the_likelihood_never_falls(shape, seed):
    X, _ = union(shape[0], d=shape[1], noise=0.5, seed=seed)
    X -= X.mean(axis=0)
    labels = np.random.RandomState(seed).randint(4, size=len(X))
    start = from_labels(X, labels, 4, 2, shape[1], 1e-6)
    end = expectation_maximization(SharedRows(X, shape[1], 1e-6), start, max_iter=60, tol=0)
    assert len(end.lower_bounds) > 4
    gains = np.diff(end.lower_bounds)
    assert (gains >= -1e-9 * np.abs(end.lower_bounds[:-1])).all()
    assert end.lower_bounds[-1] > end.lower_bounds[0] + 0.1


def test_one_step_is_that_of_dense_covariances():
    """Weights, means and covariances of the posterior shares, which scipy's densities give."""
    X, y = union(90, noise=0.5)
    X -= X.mean(axis=0)
    start = from_labels(X, np.where(np.arange(90) < 60, y, 0), 3, 2, 8, 1e-6)
    assert_allclose(start.weights, np.array([50, 20, 20]) / 90)
    joint = []
    for k in range(3):
        U, noise = start.bases[k], start.noise[k]
        cov = noise * np.eye(8) + (U.T * (start.variances[k] - noise)) @ U
        joint.append(np.log(start.weights[k]) + multivariate_normal(start.means[k], cov).logpdf(X))
    shares = softmax(joint, axis=0)
    end = expectation_maximization(SharedRows(X, 8, 1e-6), start, max_iter=1, tol=0)
    assert_allclose(end.lower_bounds[0], logsumexp(joint, axis=0).mean(), rtol=1e-10)
    assert_allclose(end.model.weights, shares.mean(axis=1), rtol=1e-8)
    for k, share in enumerate(shares):
        values = np.linalg.eigvalsh(np.cov(X.T, aweights=share, ddof=0))
        assert_allclose(end.model.means[k], np.average(X, axis=0, weights=share), atol=1e-8)
        assert_allclose(end.model.variances[k], values[:-3:-1], rtol=1e-8)
        assert_allclose(end.model.noise[k], values[:-2].mean(), rtol=1e-8)


@pytest.mark.parametrize("kinds", [("good", "bad"), ("bad", "good"), ("good",)])
def test_the_best_start_is_kept_and_its_history_is_that_of_one_run(kinds):
    """Two of three clusters taken as one, and the third cut in two, is where EM gets stuck."""
    X, y = union(150, noise=0.5, offset=4.0)
    Z = X - X.mean(axis=0)
    cut = np.where(np.arange(150) < 75, 2, 1)
    labels = {"good": y, "bad": np.where(y == 2, cut, 0)}
    rows = SharedRows(Z, 8, 1e-6)
    starts = {kind: partial(from_labels, Z, found, 3, 2, 8, 1e-6) for kind, found in labels.items()}
    # every gain is above the tolerance: both runs make all steps
    settings = {"max_iter": 14, "tol": -1.0}
    runs = {
        kind: expectation_maximization(rows, start(), **settings) for kind, start in starts.items()
    }
    assert runs["good"].lower_bounds[10] > runs["bad"].lower_bounds[10] + 0.1
    found = best_of_starts(rows, [starts[kind] for kind in kinds], **settings)
    assert_allclose(found.lower_bounds, runs["good"].lower_bounds, rtol=1e-12)
    assert_allclose(found.model.means, runs["good"].model.means, rtol=1e-9, atol=1e-12)


def test_a_cluster_needs_one_row_more_than_its_rank_for_a_covariance_of_its_own():
    X, _ = union(40, noise=0.5)
    X -= X.mean(axis=0)
    pooled = np.linalg.eigvalsh(np.cov(X.T, ddof=0))
    for n_rows in (2, 3, 4):
        labels = (np.arange(40) < n_rows).astype(int)
        few = from_labels(X, labels, 2, 2, 8, 1e-6)
        own = np.linalg.eigvalsh(np.cov(X[:n_rows].T, ddof=0))
        expected = pooled if n_rows == 2 else own
        assert_allclose(few.variances[1], expected[:-3:-1], rtol=1e-8)
        assert_allclose(few.noise[1], max(expected[:-2].mean(), 1e-6), rtol=1e-8)
        assert_allclose(few.means[1], X[:n_rows].mean(axis=0))


@pytest.mark.parametrize("init", ["ensemble", "k-means", "random", "auto"])
def test_the_history_is_that_of_the_model_kept(init):
    model, X = fitted(init_params=init, n_init=2, max_iter=200)
    assert (np.diff(model.lower_bounds_) >= -1e-12).all()
    assert model.n_iter_ == len(model.lower_bounds_) - 1
    assert_allclose(model.score_samples(X).mean(), model.lower_bounds_[-1], rtol=1e-12)


def test_one_component_is_probabilistic_pca():
    """Tipping and Bishop: mean, leading eigenpairs, and the mean of the other eigenvalues."""
    X, _ = union(80, k=1, noise=0.5, offset=2.0)
    model = MixtureOfLowRankGaussians(1, rank=2).fit(X)
    values, vectors = np.linalg.eigh(np.cov(X.T, bias=True))
    assert_allclose(model.cluster_means_[0], X.mean(axis=0))
    assert_allclose(model.variances_[0], values[:-3:-1])
    assert_allclose(model.noise_variances_[0], values[:-2].mean())
    U = model.cluster_bases_[0]
    assert_allclose(U.T @ U, vectors[:, -2:] @ vectors[:, -2:].T, atol=1e-10)


def test_few_rows_of_many_features_are_fitted_as_within_their_span():
    """A rotation into more dimensions changes likelihoods only by the noise in the new ones."""
    X, y = union(24, d=40, noise=0.2, offset=3.0)
    model = MixtureOfLowRankGaussians(3, rank=2, random_state=0).fit(X)
    assert clustering_accuracy(y, model.labels_) == 1
    for k in range(3):
        members = X[model.labels_ == k]
        centred = members - members.mean(axis=0)
        values = np.square(np.linalg.svd(centred, compute_uv=False)) / len(members)
        assert_allclose(model.cluster_means_[k], members.mean(axis=0), atol=1e-8)
        assert_allclose(model.variances_[k], values[:2], rtol=1e-6)
        assert_allclose(model.noise_variances_[k], values[2:].sum() / 38, rtol=1e-6)
    assert_allclose(model.score_samples(X).mean(), model.lower_bound_, rtol=1e-10)


def test_clusters_through_one_point_and_clusters_far_apart_are_both_found():
    for offset, noise in ((0.0, 0.05), (5.0, 0.5)):
        X, y = union(300, noise=noise, offset=offset)
        model = MixtureOfLowRankGaussians(3, rank=2, random_state=0).fit(X)
        assert clustering_accuracy(y, model.labels_) > 0.98
        assert_allclose(np.sqrt(model.noise_variances_), noise, rtol=0.1)
        assert_allclose(model.weights_, 1 / 3, atol=0.02)


def test_bic_finds_the_number_of_components_and_the_rank():
    X, _ = union(400, noise=0.1, offset=0.5)

    def bic(k, rank):
        return MixtureOfLowRankGaussians(k, rank=rank, random_state=0).fit(X).bic(X)

    assert min((1, 2, 3, 4, 5), key=lambda k: bic(k, 2)) == 3
    assert min((1, 2, 3, 4), key=lambda rank: bic(3, rank)) == 2


def test_free_parameters_are_counted():
    """Of full rank but one, a component is any Gaussian but for equal smallest eigenvalues."""
    model, X = fitted()
    full = 8 + 8 * 9 // 2
    assert n_free_parameters(1, 7, 8) == full
    p = n_free_parameters(3, 2, 8)
    assert p == 3 * (8 + (8 * 2 - 3) + 2 + 1) + 2
    likelihood = model.score_samples(X).sum()
    assert_allclose(model.bic(X), p * np.log(150) - 2 * likelihood)
    assert_allclose(model.aic(X), 2 * p - 2 * likelihood)


def test_samples_have_the_moments_of_the_model():
    model, _ = fitted()
    X, labels = model.sample(30_000, random_state=0)
    assert_allclose(np.bincount(labels) / 30_000, model.weights_, atol=0.01)
    for k, cov in enumerate(covariances(model)):
        rows = X[labels == k]
        scale = np.trace(cov)
        assert_allclose(rows.mean(axis=0), model.cluster_means_[k], atol=0.03 * np.sqrt(scale))
        assert_allclose(np.cov(rows.T), cov, atol=0.03 * scale)
    assert_array_equal(model.sample(5, random_state=3)[0], model.sample(5, random_state=3)[0])
    assert model.sample()[0].shape == (1, 8)


def test_score_is_the_share_explained_by_the_nearest_subspace():
    model, X = fitted()
    squared = np.square(model.transform(X)).min(axis=1).sum()
    assert_allclose(model.score(X), 1 - squared / np.square(X - X.mean(axis=0)).sum())


@pytest.mark.parametrize("normalize", [True, False])
def test_single_precision_stays(normalize):
    model, X = fitted(np.float32, normalize=normalize, init_params="k-means")
    double = fitted(normalize=normalize, init_params="k-means")[0]
    for result in (model.denoise(X, 0.1), model.predict_proba(X), model.sample(3)[0]):
        assert result.dtype == np.float32
    for name in ("weights_", "cluster_means_", "variances_", "noise_variances_"):
        assert getattr(model, name).dtype == np.float32
        assert_allclose(getattr(model, name), getattr(double, name), rtol=1e-3, atol=1e-4)


def test_components_cannot_shrink_onto_a_few_equal_rows():
    X, _ = union(60)
    X = np.vstack([X, np.ones((4, 8))])
    model = MixtureOfLowRankGaussians(3, rank=3, max_iter=300, random_state=0).fit(X)
    floor = 1e-6 * X.var(axis=0).mean()
    assert (model.noise_variances_ >= 0.999 * floor).all()
    assert (model.variances_ >= 0.999 * floor).all()
    assert np.isfinite(model.score_samples(X)).all()
    assert_allclose(model.predict_proba(X).sum(axis=1), 1)


def test_rows_of_less_than_full_rank():
    """Directions that the rows do not have are left out of the basis."""
    X, _ = union(60, dim=1, k=1, noise=0)
    model = MixtureOfLowRankGaussians(1, rank=3).fit(X)
    assert [len(basis) for basis in model.cluster_bases_] == [1]
    assert_allclose(model.variances_[0, 1:], model.noise_variances_[0])
    assert_allclose(model.denoise(X, 1e-3), X, atol=1e-4)


def test_too_few_steps_warn():
    with pytest.warns(ConvergenceWarning, match="did not converge in max_iter=2 steps"):
        model, _ = fitted(max_iter=2, init_params="random")
    assert (model.n_iter_, model.converged_) == (2, False)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"rank": 8}, "rank=8 must be less than the number of features, got n_features=8"),
        ({"rank": 5}, r"n_samples=17 should be >= n_clusters \* \(rank \+ 1\) = 18"),
    ],
)
def test_impossible_ranks_raise(params, message):
    X, _ = union(17)
    with pytest.raises(ValueError, match=message):
        MixtureOfLowRankGaussians(3, **params).fit(X)


@pytest.mark.filterwarnings("ignore")
def test_the_fewest_rows_of_a_rank():
    X, _ = union(18, noise=0.1)
    model = MixtureOfLowRankGaussians(3, rank=5, init_params="k-means", random_state=0).fit(X)
    assert model.variances_.shape == (3, 5)


def test_the_automatic_rank_fits_features_and_rows():
    rng = np.random.RandomState(0)
    for n, d, rank in [(200, 12, 5), (200, 4, 3), (15, 12, 4)]:
        model = MixtureOfLowRankGaussians(3, random_state=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(rng.randn(n, d))
        assert model.variances_.shape == (3, rank)
