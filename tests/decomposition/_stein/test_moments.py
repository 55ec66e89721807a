"""Moments, statistics and solvers against sums over rows that are written out."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from sksubspace._linalg import fixed_signs
from sksubspace.decomposition._score._base import Term, weighted_moments
from sksubspace.decomposition._score._gaussian import GaussianScore
from sksubspace.decomposition._score._models import make_score_model
from sksubspace.decomposition._score._sparse_gaussian import (
    fit_sparse_gaussian,
    iterative_precision,
    squared_norm_of_covariance,
)
from sksubspace.decomposition._stein._moments import MatrixHessians, RowHessians, first_moment
from sksubspace.decomposition._stein._responses import (
    add_batch,
    centre_responses,
    empty_statistics,
    encode_responses,
    moments_of_responses,
    moments_of_rows,
)
from sksubspace.decomposition._stein._solvers import (
    block_krylov,
    by_both,
    by_first_moment,
    by_second_moments,
    largest_ratio,
    leading,
    roots,
)


def data(n=60, d=5, L=3, seed=0):
    rng = np.random.RandomState(seed)
    return rng.randn(n, d) @ rng.randn(d, d) + 3, rng.randn(n, L)


def brute_force_hessians(terms, Y):  # (n, L) -> (L, d, d), row by row
    n, d = terms[0].rows.shape
    H = np.zeros((Y.shape[1], d, d))
    for i in range(n):
        T = np.zeros((d, d))
        for u, a, b, P in terms:
            T += a[i] * np.outer(u[i], u[i]) - b[i] * (P if P.ndim == 2 else P[i])
        H += Y[i][:, None, None] * T
    return H


def some_terms(name, X):
    if name != "jacobian":
        kwargs = {"random_state": 0} if name == "gmm" else {}
        return make_score_model(name, **kwargs).fit(X).terms(X)
    J = np.random.RandomState(1).randn(len(X), X.shape[1], X.shape[1])
    return [Term(X, np.ones(len(X)), np.ones(len(X)), J + J.transpose(0, 2, 1))]


@pytest.mark.parametrize("name", ["gaussian", "student_t", "gmm", "jacobian"])
def test_hessians_are_the_sums_over_rows(name):
    X, Y = data()
    X[:20] += 10
    hessians = RowHessians(some_terms(name, X), Y)
    expected = brute_force_hessians(hessians.terms, Y)
    assert_allclose(list(hessians), expected, atol=1e-9)
    K = sum(H @ H for H in expected)
    scale = np.abs(K).max()
    assert_allclose(hessians.gram() / scale, K / scale, atol=1e-12)
    V = np.random.RandomState(2).randn(5, 2)
    assert_allclose(hessians.operator()(V) / scale, K @ V / scale, atol=1e-12)
    W = np.cov(X.T)
    white = hessians.whitened(W)
    assert_allclose(list(white), W @ expected @ W, rtol=1e-7, atol=1e-7)
    assert_allclose(MatrixHessians(expected).whitened(W).gram(), white.gram(), rtol=1e-7)


def test_the_operator_is_that_of_the_matrices_in_single_precision(monkeypatch):
    X, Y = data(n=400, d=310, L=7)
    terms = [t._replace(rows=1e25 * t.rows, precision=1e50 * t.precision) for t in
             some_terms("student_t", X)]  # fmt: skip
    hessians = RowHessians(terms, Y)
    V = np.random.RandomState(2).randn(310, 3)
    expected = hessians.gram() @ V
    assert_allclose(hessians.operator()(V), expected, atol=1e-5 * np.abs(expected).max())
    monkeypatch.setattr("sksubspace.decomposition._stein._moments._MAX_ENTRIES", 1)
    assert_allclose(hessians.operator()(V), expected, atol=1e-5 * np.abs(expected).max())


def test_the_first_moment_is_the_regression_for_a_gaussian():
    """P E[(x - m) y] are the coefficients of least squares where nothing is shrunk."""
    X, Y = data()
    model = GaussianScore(shrinkage=0.0).fit(X)
    centred = centre_responses(Y, np.ones(60), scale=False)
    design = np.column_stack([X, np.ones(60)])
    expected = np.linalg.lstsq(design, Y, rcond=None)[0][:-1]
    assert_allclose(first_moment(model.score_function(X), centred), expected, rtol=1e-8)


@pytest.mark.parametrize("scale", [True, False])
def test_batches_give_the_moments_of_all_rows(scale):
    X, Y = data(n=90)
    X, Y = X + 1e4, Y * [1, 10, 1e3] - 50
    weights = np.random.RandomState(0).rand(90)
    sums = empty_statistics(X[:20], Y[:20], second=True)
    for rows in (slice(0, 20), slice(20, 21), slice(21, 90)):
        sums = add_batch(sums, X[rows], Y[rows], weights[rows])
    mean, covariance, fourth = weighted_moments(X, weights)
    for batch, whole in zip(moments_of_rows(sums), (mean, covariance, fourth), strict=True):
        assert_allclose(batch, whole, rtol=1e-10, atol=1e-11)
    centred = centre_responses(Y, weights, scale)
    first, third = moments_of_responses(sums, scale)
    size = np.abs(third).max()
    assert_allclose(first, (X - mean).T @ centred, atol=1e-11 * np.abs(first).max())
    expected = [(X - mean).T @ (y[:, None] * (X - mean)) for y in centred.T]
    assert_allclose(third / size, np.array(expected) / size, atol=1e-11)


def test_a_batch_does_not_change_the_sums_it_is_added_to():
    X, Y = data()
    sums = empty_statistics(X, Y, second=False)
    added = add_batch(sums, X, Y, np.ones(60))
    assert sums["total"] == 0 and not sums["zz"].any() and added["total"] == 60
    assert moments_of_responses(added, scale=True)[1] is None


def test_responses_are_centred_scaled_and_weighted():
    _, Y = data()
    weights = np.arange(60.0)
    result = centre_responses(Y * [1, 5, 0] + 7, weights, scale=True)
    assert_allclose(result.sum(axis=0), 0, atol=1e-14)
    assert_array_equal(result[:, 2], 0)
    values = result[1:, :2] / (weights[1:, None] / weights.sum())
    assert_allclose(np.average(values**2, axis=0, weights=weights[1:]), 1)
    with pytest.raises(ValueError, match="y is constant"):
        centre_responses(np.full((60, 1), 0.1), weights, scale=True)


@pytest.mark.parametrize(
    ("y", "classes"),
    [
        (np.array(["b", "a", "b"]), ["a", "b"]),
        (np.array(["b", "a", "b"], dtype=object), ["a", "b"]),
        (np.array([[3], [1], [3]]), [1, 3]),
        (np.array([True, False, True]), [False, True]),
    ],
)
def test_classes_are_one_hot(y, classes):
    Y, found = encode_responses(y, "classes")
    assert_array_equal(found, classes)
    assert_array_equal(Y, [[0, 1], [1, 0], [0, 1]])


@pytest.mark.parametrize(
    "y",
    [
        np.array([1.0, 2.0, 1.0]),
        np.array([1.0, 2.0, 1.0], dtype=object),
        sparse.csr_array([[1.0], [2.0], [1.0]]),
    ],
)
def test_floats_are_numbers(y):
    Y, classes = encode_responses(y, "numbers")
    assert classes is None
    assert_array_equal(Y, [[1], [2], [1]])


def test_columns_of_integers_are_numbers():
    Y, classes = encode_responses(np.array([[1, 0], [0, 1]]), "numbers")
    assert classes is None and Y.dtype == np.float64


def test_responses_that_are_neither_are_refused():
    with pytest.raises(ValueError, match="y must hold numbers, or one column of classes"):
        encode_responses(np.array([["a", "b"], ["b", "a"]]), "numbers")
    with pytest.raises(ValueError, match="y must be finite"):
        encode_responses(np.array([1.0, np.nan], dtype=object), "numbers")
    with pytest.raises(ValueError, match=r"y holds \[7\], which is not among the classes \[0, 1\]"):
        encode_responses(np.array([0, 7]), "classes", np.array([0, 1]))
    with pytest.raises(ValueError, match="y must be one column to hold classes, got 2 columns"):
        encode_responses(np.array([[1, 0], [0, 1]]), "classes")


def test_block_krylov_finds_the_leading_eigenvectors():
    rng = np.random.RandomState(0)
    Q = np.linalg.qr(rng.randn(120, 120))[0]
    values = np.r_[5, 4, 3, rng.rand(117)]
    K = (Q * values) @ Q.T
    vectors, found = block_krylov(lambda V: K @ V, 120, 3, np.random.RandomState(1))
    assert_allclose(found, [5, 4, 3], rtol=1e-5)
    assert_allclose(np.abs(vectors.T @ Q[:, :3]), np.eye(3), atol=1e-3)
    vectors, found = block_krylov(lambda V: K @ V, 120, 2, np.random.RandomState(1), Q[:, [0]])
    assert_allclose(found, [4, 3], rtol=1e-5)
    assert np.abs(Q[:, 0] @ vectors).max() < 1e-12


@pytest.mark.parametrize("operator", [True, False])
def test_directions_stay_orthonormal_where_there_is_no_second_order(operator):
    zero = RowHessians([Term(np.zeros((4, 6)), np.ones(4), np.ones(4), np.zeros((6, 6)))],
                       np.ones((4, 2)))  # fmt: skip
    held = np.eye(6)[:, :2]
    rows, values = leading(zero, operator, 4, exclude=held, rng=np.random.RandomState(0))
    assert_array_equal(values, 0)
    assert_allclose(np.vstack([held.T, rows]) @ np.vstack([held.T, rows]).T, np.eye(6), atol=1e-12)


def test_roots_are_those_of_the_span():
    X, _ = data()
    A = np.cov(X[:3].T)
    root, inverse = roots(A)
    assert_allclose(root @ root, A, atol=1e-10)
    assert_allclose(inverse @ A @ inverse, root @ inverse, atol=1e-6)


def test_both_orders_do_not_depend_on_the_coordinates_of_x():
    """With x = A z the components span A'^-1 times those of z: whitening makes it so."""
    X, Y = data(n=300)
    A = np.random.RandomState(5).randn(5, 5)
    spans = []
    for rows in (X, X @ A):
        model = GaussianScore(shrinkage=0.0).fit(rows)
        centred = centre_responses(Y, np.ones(300), scale=True)
        M = first_moment(model.score_function(rows), centred)
        hessians = RowHessians(model.terms(rows), centred)
        spans.append(by_both(M, hessians, False, model.precision_, 2)[0])
    mapped = spans[1] @ A.T
    assert np.linalg.svd(np.vstack([spans[0], mapped]))[1][2] < 1e-8


def test_both_orders_are_the_sum_of_squares_of_whitened_moments():
    X, Y = data(n=300)
    model = GaussianScore(shrinkage=0.0).fit(X)
    centred = centre_responses(Y, np.ones(300), scale=True)
    values, vectors = np.linalg.eigh(model.precision_)
    root = (vectors * np.sqrt(values)) @ vectors.T
    Z = (X - model.mean_) @ root
    K = Z.T @ centred @ centred.T @ Z
    for y in centred.T:
        H = Z.T @ (y[:, None] * Z)
        K += H @ H / 2
    eigenvalues, eigenvectors = np.linalg.eigh(K)
    expected = np.linalg.qr(root @ eigenvectors[:, ::-1][:, :2])[0].T
    M = first_moment(model.score_function(X), centred)
    hessians = RowHessians(model.terms(X), centred)
    found, singular = by_both(M, hessians, False, model.precision_, 2)
    assert_allclose(fixed_signs(found), fixed_signs(expected), atol=1e-9)
    assert_allclose(singular, np.sqrt(eigenvalues[::-1][:2]), rtol=1e-9)


def test_the_largest_ratio_is_a_count():
    assert largest_ratio(np.array([9.0, 8.0, 7.0, 1.0, 0.9, 0.8])) == 3
    assert largest_ratio(np.array([4.0])) == 1
    assert largest_ratio(np.array([4.0, 3.9, 0.0, 0.0])) == 1
    assert largest_ratio(np.zeros(3)) == 1


def of_spectrum(values):
    """One symmetric matrix H with these eigenvalues as RowHessians, and its eigenvectors."""
    Q = np.linalg.qr(np.random.RandomState(3).randn(len(values), len(values)))[0]
    H = (Q * values) @ Q.T
    one = np.ones(1)
    return RowHessians([Term(np.zeros((1, len(values))), one, one, -H)], np.ones((1, 1))), Q


SPECTRA = {
    "a gap after the third": ([9, 8, 7, 1, 0.9, 0.8, 0.7], 3),
    "a ratio, not a difference": ([20, 10, 9, 8, 1, 0.9, 0.8], 4),
    "a gap after the tenth": ([*np.linspace(5, 4, 10), 1, 0.9, 0.8], 10),
    "none but after the eleventh": ([5, 3, *np.linspace(2.9, 2.4, 9), 0.01, 0.009], 1),
    "the rest is rounding": ([4, 2, 1.5, 1e-13, 1e-14], 1),
}


@pytest.mark.parametrize("operator", [False, True])
@pytest.mark.parametrize(("spectrum", "count"), SPECTRA.values(), ids=SPECTRA)
def test_values_and_number_of_directions_of_known_moments(spectrum, count, operator):
    """Values are in units of the moments: of H itself, and not of its square."""
    signs = np.resize([1, -1], len(spectrum))  # the moments of either sign count alike
    hessians, Q = of_spectrum(signs * spectrum)
    rng = np.random.RandomState(0)
    directions, values = by_second_moments(hessians, operator, "auto", rng=rng)
    assert_allclose(values, spectrum[:count], rtol=1e-3)
    assert_allclose(np.linalg.norm(directions @ Q[:, :count], axis=1), 1, rtol=1e-3)
    eye, none = np.eye(len(spectrum)), np.zeros((len(spectrum), 1))
    both = by_both(none, hessians, operator, eye, "auto", rng=np.random.RandomState(0))[1]
    assert_allclose(both, np.array(spectrum[:count]) / np.sqrt(2), rtol=1e-3)
    if operator:
        return
    directions, values = by_first_moment(Q * spectrum, None, "auto")
    assert_allclose(values, spectrum[:count], rtol=1e-9)
    assert_allclose(np.abs(directions @ Q[:, :count]), np.eye(count), atol=1e-9)


def test_directions_after_the_rank_of_the_first_order_have_values_of_its_units():
    hessians, Q = of_spectrum([6.0, -5.0, 4.0, -3.0, 2.0])
    with pytest.warns(UserWarning, match="order=1 finds 1 direction "):
        _, values = by_first_moment(7.0 * Q[:, [0]], lambda: (hessians, False), 3)
    assert_allclose(values, [7, 5, 4], rtol=1e-9)


def test_signs_are_fixed_by_the_largest_entry():
    assert_array_equal(
        fixed_signs(np.array([[0.1, -0.9], [0.9, -0.1]])), [[-0.1, 0.9], [0.9, -0.1]]
    )


def sparse_rows(n=80, d=12, seed=0):
    return sparse.random_array((n, d), density=0.3, random_state=seed, format="csr") * 3.0


@pytest.mark.parametrize("shrinkage", ["auto", 0.1])
@pytest.mark.parametrize("most", [2000, 5])
def test_sparse_rows_give_the_score_of_dense_ones(monkeypatch, shrinkage, most):
    monkeypatch.setattr("sksubspace.decomposition._score._sparse_gaussian._MOST_FEATURES", most)
    X = sparse_rows()
    weights = np.random.RandomState(0).rand(80) + 0.1
    model, term = fit_sparse_gaussian(X, weights, shrinkage)
    dense = GaussianScore(shrinkage=shrinkage).fit(X.toarray(), sample_weight=weights)
    assert_allclose(model.shrinkage_, dense.shrinkage_, rtol=1e-9)
    assert_allclose(model.mean_, dense.mean_, atol=1e-14)
    V, Y = np.random.RandomState(1).randn(12, 2), np.random.RandomState(2).randn(80, 3)
    S = dense.score_function(X.toarray())
    assert_allclose(term.rows @ V, S @ V, atol=1e-9)
    assert_allclose(term.rows.T @ Y, S.T @ Y, atol=1e-9)
    assert_allclose(term.precision @ V, dense.precision_ @ V, atol=1e-9)
    assert (model.precision_ is None) == (most == 5)


def test_the_norm_of_a_covariance_is_summed_over_pairs_of_rows(monkeypatch):
    monkeypatch.setattr("sksubspace.decomposition._score._sparse_gaussian._MAX_ENTRIES", 7 * 80)
    X = sparse_rows()
    share = np.random.RandomState(0).dirichlet(np.ones(80))
    mean, covariance, _ = weighted_moments(X.toarray(), share)
    found = squared_norm_of_covariance(X, share, mean)
    assert_allclose(found, np.square(covariance).sum(), rtol=1e-10)


def test_equations_that_cannot_be_solved_warn():
    X = sparse.csr_array(np.eye(3))
    precision = iterative_precision(X, np.full(3, 1 / 3), np.full(3, 1 / 3), 0.0, 0.0)
    with pytest.warns(UserWarning, match="use a larger shrinkage"):
        precision @ np.ones(3)
