"""Scores and second-order terms against finite differences, densities and Stein's identity."""

from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats
from sklearn.covariance import ledoit_wolf, ledoit_wolf_shrinkage

from sksubspace.decomposition._score._base import density_of, invert
from sksubspace.decomposition._score._gaussian import GaussianScore
from sksubspace.decomposition._score._mixture import MixtureScore
from sksubspace.decomposition._score._models import fisher_information, make_score_model
from sksubspace.decomposition._score._student_t import StudentTScore, likeliest_df

NAMES = ["gaussian", "student_t", "gmm"]


def correlated(n=2000, d=4, df=None, seed=0):
    rng = np.random.RandomState(seed)
    X = rng.randn(n, d)
    if df is not None:
        X /= np.sqrt(rng.chisquare(df, n) / df)[:, None]
    return X @ rng.randn(d, d) + rng.randn(d)


def two_clusters(n=600, d=3, seed=0):
    rng = np.random.RandomState(seed)
    return np.vstack([rng.randn(n, d), rng.randn(n, d) @ rng.randn(d, d) + 6])


def gradient(model, X, step=1e-5):  # (n, d) -> (n, d, d)
    moves = step * np.eye(X.shape[1])
    parts = [model.score_function(X + e) - model.score_function(X - e) for e in moves]
    return np.stack(parts, axis=1) / (2 * step)


def second_order(terms):  # -> (n, d, d)
    return sum(
        a[:, None, None] * u[:, :, None] * u[:, None, :] - b[:, None, None] * P
        for u, a, b, P in terms
    )


@pytest.mark.parametrize("name", NAMES)
def test_terms_are_the_outer_product_less_the_gradient_of_the_score(name):
    X = np.vstack([two_clusters(), 20 * two_clusters(30)])
    model = make_score_model(name, random_state=0).fit(X)
    points = X[[0, 700, -1]] + 0.1
    s = model.score_function(points)
    expected = s[:, :, None] * s[:, None, :] - gradient(model, points)
    assert_allclose(second_order(model.terms(points)), expected, atol=1e-7)


@pytest.mark.parametrize("name", NAMES)
def test_the_score_is_the_negative_gradient_of_the_log_density(name):
    X = two_clusters()
    model = make_score_model(name, random_state=0).fit(X)
    points, step = X[::300] + 0.2, 1e-6

    def log_density(x):
        if name == "gmm":
            return np.log(np.exp(density_of(model).log_joint(x)).sum(axis=1))
        covariance = np.linalg.inv(model.precision_)
        if name == "gaussian":
            return stats.multivariate_normal(model.mean_, covariance).logpdf(x)
        return stats.multivariate_t(model.mean_, covariance, model.df_).logpdf(x)

    for j, e in enumerate(step * np.eye(3)):
        slope = (log_density(points + e) - log_density(points - e)) / (2 * step)
        assert_allclose(model.score_function(points)[:, j], -slope, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_steins_identity_holds_where_the_model_is_true(name):
    """E[s (x - m)'] = I and E[s] = 0."""
    X = correlated(20000, df=6 if name == "student_t" else None)
    model = make_score_model(name, random_state=0).fit(X)
    s = model.score_function(X)
    assert_allclose(s.T @ (X - model.mean_) / len(X), np.eye(4), atol=0.06)
    assert np.abs(s.mean(axis=0) / s.std(axis=0)).max() < 0.03


@pytest.mark.parametrize("name", ["gaussian", "student_t"])
def test_the_information_is_the_mean_outer_product_of_scores(name):
    X = correlated(20000, df=3 if name == "student_t" else None)
    model = make_score_model(name).fit(X)
    s = model.score_function(X)
    ratio = np.linalg.solve(fisher_information(model), s.T @ s / len(X))
    assert_allclose(ratio, np.eye(4), atol=0.03)


def test_the_gaussian_score_is_that_of_ledoit_and_wolf():
    X = correlated(40, 8)
    model = GaussianScore().fit(X)
    covariance, shrinkage = ledoit_wolf(X)
    assert_allclose(model.shrinkage_, shrinkage, rtol=1e-12)
    assert_allclose(model.precision_, np.linalg.inv(covariance), rtol=1e-9)
    assert_allclose(model.score_function(X), (X - X.mean(0)) @ model.precision_, rtol=1e-9)


@pytest.mark.parametrize("n", [3, 10, 1000])
def test_shrinkage_is_that_of_scikit_learn(n):
    X = correlated(n, 6)
    assert_allclose(GaussianScore().fit(X).shrinkage_, ledoit_wolf_shrinkage(X), rtol=1e-9)
    assert GaussianScore(shrinkage=0.25).fit(X).shrinkage_ == 0.25
    assert GaussianScore().fit(X[:, :1]).shrinkage_ == 0


def test_a_singular_covariance_is_inverted_on_its_span():
    X = correlated(50, 3) @ np.random.RandomState(1).randn(3, 5)
    P = GaussianScore(shrinkage=0.0).fit(X).precision_
    assert_allclose(P, np.linalg.pinv(np.cov(X.T, bias=True), rcond=1e-10), rtol=1e-6, atol=1e-9)


def test_the_inverse_comes_with_the_log_determinant():
    A = np.cov(correlated().T)
    inverse, log_det = invert(A)
    assert_allclose(inverse @ A, np.eye(4), atol=1e-9)
    assert_allclose(log_det, np.linalg.slogdet(A)[1], rtol=1e-12)


@pytest.mark.parametrize("name", ["gaussian", "student_t"])
def test_weights_are_repetitions(name):
    X = correlated(200, df=4)
    weights = np.random.RandomState(0).randint(0, 4, len(X))
    weighted = make_score_model(name).fit(X, sample_weight=weights)
    repeated = make_score_model(name).fit(np.repeat(X, weights, axis=0))
    assert_allclose(weighted.precision_, repeated.precision_, rtol=1e-6)
    assert_allclose(weighted.mean_, repeated.mean_, rtol=1e-6)


def test_weights_count_in_a_mixture():
    X = two_clusters()
    weights = np.r_[np.full(600, 3.0), np.ones(600)]
    model = MixtureScore(n_components=2, random_state=0).fit(X, sample_weight=weights)
    assert_allclose(np.sort(model.weights_), [0.25, 0.75], atol=1e-3)
    assert_allclose(model.mean_, np.average(X, axis=0, weights=weights))


@pytest.mark.parametrize("df", [1.5, 4.0])
def test_the_degrees_of_freedom_and_the_scale_are_found(df):
    X = correlated(5000, df=df)
    model = StudentTScore(shrinkage=0.0).fit(X)
    assert_allclose(model.df_, df, rtol=0.1)
    rng = np.random.RandomState(0)
    rng.randn(5000, 4), rng.chisquare(df, 5000)
    mixing = rng.randn(4, 4)
    assert_allclose(mixing @ model.precision_ @ mixing.T, np.eye(4), atol=0.15)


def test_the_likeliest_degrees_of_freedom_are_a_maximum_of_the_likelihood():
    X = correlated(500, df=5)
    model = StudentTScore().fit(X)
    scale = np.linalg.inv(model.precision_)
    centred = X - model.mean_
    Q = np.einsum("nd,de,ne->n", centred, model.precision_, centred)
    best = likeliest_df(Q, np.ones(500), 4)

    def loglik(df):
        return stats.multivariate_t(model.mean_, scale, df).logpdf(X).sum()

    assert loglik(best) > max(loglik(0.97 * best), loglik(1.03 * best))


def test_a_gaussian_is_the_limit_of_many_degrees_of_freedom():
    X = correlated(300)
    t, gauss = StudentTScore(df=1e9).fit(X), GaussianScore().fit(X)
    assert_allclose(t.score_function(X), gauss.score_function(X), rtol=1e-6, atol=1e-8)


def test_a_fit_to_fewer_rows_than_features_does_not_collapse():
    X = np.random.RandomState(0).rand(15, 30)
    model = StudentTScore().fit(np.repeat(X, 2, axis=0))
    assert model.n_iter_ < 100
    assert np.linalg.norm(model.precision_) < 1e6


def test_the_number_of_gaussians_is_that_of_the_clusters():
    assert MixtureScore(random_state=0).fit(correlated()).n_components_ == 1
    model = MixtureScore(random_state=0).fit(two_clusters())
    assert model.n_components_ == 2
    assert_allclose(np.sort(model.means_[:, 0]), [0, 6], atol=0.3)


def test_one_gaussian_in_a_mixture_is_the_gaussian_score():
    X = correlated(300)
    mixture, gauss = MixtureScore(n_components=1).fit(X), GaussianScore().fit(X)
    assert_allclose(mixture.score_function(X), gauss.score_function(X), rtol=1e-9, atol=1e-12)
    assert_allclose(mixture.precisions_[0], gauss.precision_, rtol=1e-9)


def test_a_function_gives_scores_and_gradients():
    X = correlated(50)
    known = GaussianScore().fit(X)

    def both(X):
        return known.score_function(X), np.broadcast_to(known.precision_, (len(X), 4, 4))

    model = make_score_model(both).fit(X, sample_weight=np.arange(50.0))
    assert_allclose(model.mean_, np.average(X, axis=0, weights=np.arange(50)))
    assert_allclose(model.score_function(X), known.score_function(X))
    assert_allclose(second_order(model.terms(X)), second_order(known.terms(X)), atol=1e-12)
    alone = make_score_model(known.score_function).fit(X)
    assert_allclose(alone.score_function(X), known.score_function(X))
    with pytest.raises(ValueError, match=r"must return a tuple \(S, J\)"):
        alone.terms(X)


def test_a_fitted_object_is_used_as_it_is_and_an_unfitted_one_is_fitted():
    X, other = correlated(60), correlated(60, seed=1)
    fitted = StudentTScore(df=5).fit(other)
    model = make_score_model(fitted).fit(X)
    assert_array_equal(model.score_function(X), fitted.score_function(X))
    assert_allclose(second_order(model.terms(X)), second_order(fitted.terms(X)))
    unfitted = StudentTScore(df=5)
    model = make_score_model(unfitted).fit(X)
    assert_array_equal(model.score_function(X), StudentTScore(df=5).fit(X).score_function(X))
    assert not hasattr(unfitted, "mean_")


class WithJacobian:
    def score_function(self, X):
        return X**3

    def score_jacobian(self, X):
        return 3 * X[:, :, None] ** 2 * np.eye(X.shape[1])


def test_an_object_may_give_a_jacobian():
    X = correlated(20)
    model = make_score_model(WithJacobian()).fit(X)
    s = X**3
    expected = s[:, :, None] * s[:, None, :] - 3 * X[:, :, None] ** 2 * np.eye(4)
    assert_allclose(second_order(model.terms(X)), expected)


def test_wrong_scores_are_refused():
    X = correlated(20)
    with pytest.raises(ValueError, match=r"scores of shape \(20, 4\), got \(20, 3\)"):
        make_score_model(lambda X: X[:, :3]).fit(X).score_function(X)
    with pytest.raises(ValueError, match="scores that are finite"):
        make_score_model(lambda X: X * np.nan).fit(X).score_function(X)
    with pytest.raises(ValueError, match=r"gradients of shape \(20, 4, 4\), got \(20, 4\)"):
        make_score_model(lambda X: (X, X)).fit(X).terms(X)

    class Plain:
        def score_function(self, X):
            return X

    with pytest.raises(ValueError, match="a Plain, must have a method terms or score_jacobian"):
        make_score_model(Plain()).fit(X).terms(X)


def test_wrong_parameters_and_rows_are_refused():
    X = correlated(20)
    with pytest.raises(ValueError, match="'shrinkage' parameter of GaussianScore"):
        GaussianScore(shrinkage=1.5).fit(X)
    with pytest.raises(ValueError, match="'df' parameter of StudentTScore"):
        StudentTScore(df=0).fit(X)
    with pytest.raises(ValueError, match="minimum of 2"):
        GaussianScore().fit(X[:1])
    with pytest.raises(ValueError, match="expecting 4 features"):
        GaussianScore().fit(X).score_function(X[:, :2])


def test_no_gaussian_of_several_shrinks_to_a_point():
    X = np.vstack([np.random.RandomState(0).randn(60, 2), np.full((60, 2), 5.0)])
    model = MixtureScore(n_components=2, random_state=0).fit(X)
    assert np.isfinite(model.score_function(X)).all()
    assert model.precisions_.max() <= 1.01e6 / X.var(axis=0).mean()


@pytest.mark.parametrize("name", NAMES)
def test_held_out_rows_score_by_score_matching(name):
    """tr grad s - |s|^2 / 2, with the gradient by finite differences."""
    X, new = two_clusters(), two_clusters(30, seed=1)
    model = make_score_model(name, random_state=0).fit(X)
    traces = np.trace(gradient(model, new), axis1=1, axis2=2)
    squares = np.square(model.score_function(new)).sum(axis=1)
    assert model.score(new) == pytest.approx((traces - squares / 2).mean(), rel=1e-6)


def test_the_model_that_is_true_has_the_best_score():
    """Of held-out rows of a t and of a mixture; the true score has E|s|^2 / 2."""
    for rows, best in ((partial(correlated, df=3), "student_t"), (two_clusters, "gmm")):
        X, new = rows(seed=0), rows(seed=0)[::2]
        X = X[1::2]
        scores = {name: make_score_model(name, random_state=0).fit(X).score(new) for name in NAMES}
        assert max(scores, key=scores.get) == best
    rng = np.random.RandomState(0)
    model = GaussianScore(shrinkage=0.0).fit(rng.randn(20_000, 3) * [1, 2, 4])
    expected = (1 + 1 / 4 + 1 / 16) / 2
    assert model.score(rng.randn(20_000, 3) * [1, 2, 4]) == pytest.approx(expected, rel=0.02)
