"""The estimator: what all its encoders and solvers share, and what each promises."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.metrics import r2_score

from sksubspace.manifold import TLDR, _map
from sksubspace.metrics import retrieval_map
from sksubspace.neighbors import nearest_neighbors
from tests.manifold.toy import (
    CLOSED,
    DIGITS,
    LABELS,
    X,
    assert_same_map,
    closed_kinds,
    curve,
    every_kind,
    linear_kinds,
    quiet,
    tldr,
)


@pytest.fixture(autouse=True)
def few_frequencies(monkeypatch):
    monkeypatch.setattr(_map, "_N_FREQUENCIES", 60)


# --- one map, however it is asked for


@every_kind
def test_two_fits_are_identical(kind):
    one, other = tldr(kind).fit(X), clone(tldr(kind)).fit(X)
    assert_array_equal(one.transform(X), other.transform(X))
    assert one.loss_curve_ == other.loss_curve_
    assert_array_equal(one.transform(X), one.fit(X).transform(X))


@closed_kinds
def test_the_order_of_the_rows_does_not_matter(kind):
    order = np.random.RandomState(0).permutation(len(X))
    assert_same_map(tldr(kind).fit(X), tldr(kind).fit(X[order]), atol=1e-6)


@closed_kinds
def test_where_the_rows_lie_does_not_matter(kind):
    moved = tldr(kind).fit(X + 1000.0)
    assert_allclose(moved.transform(X + 1000.0), tldr(kind).fit(X).transform(X), atol=1e-6)


@linear_kinds
@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_a_rotation_of_the_features_changes_signs_at_most(kind, metric):
    Q = np.linalg.qr(np.random.RandomState(0).randn(12, 12))[0]
    Z = tldr(kind, metric=metric).fit_transform(X)
    turned = tldr(kind, metric=metric).fit_transform(X @ Q)
    assert_allclose(turned * np.sign((turned * Z).sum(axis=0)), Z, atol=1e-5 * np.abs(Z).max())


@every_kind
def test_rows_on_disk_are_rows_in_memory(kind, tmp_path):
    np.save(tmp_path / "rows.npy", X)
    mapped = np.load(tmp_path / "rows.npy", mmap_mode="r")
    one, other = tldr(kind).fit(X), tldr(kind).fit(mapped)
    assert_array_equal(one.transform(X), other.transform(mapped))
    assert_array_equal(one.explained_variance_, other.explained_variance_)


@closed_kinds
@pytest.mark.parametrize("make", [sparse.csc_matrix, sparse.csr_array])
def test_sparse_rows_are_dense_rows(kind, make):
    rows = np.where(np.abs(X - 5) < 1, 0, X)
    dense, thin = tldr(kind).fit(rows), tldr(kind).fit(make(rows))
    assert_same_map(dense, thin, rows)
    Z = thin.transform(make(rows))
    assert_allclose(Z, dense.transform(rows), atol=1e-8 * np.abs(Z).max())
    assert_array_equal(thin.transform(make(rows[3:4])), Z[3:4])


@every_kind
@pytest.mark.parametrize("order", ["C", "F"])
def test_a_row_does_not_depend_on_the_rows_beside_it(kind, order):
    model = tldr(kind).fit(X)
    rows = np.array(curve(512, seed=1), order=order)
    Z = model.transform(rows)
    some = range(0, 512, 97)
    assert_array_equal(np.vstack([model.transform(rows[i : i + 1]) for i in some]), Z[some])
    Z = np.array(Z, order=order)
    back = model.inverse_transform(Z)
    parts = [model.inverse_transform(Z[i : i + 1]) for i in some]
    assert_array_equal(np.vstack(parts), back[some])


@every_kind
def test_single_precision_stays(kind):
    small = tldr(kind).fit(X.astype(np.float32))
    Z = small.transform(X.astype(np.float32))
    assert Z.dtype == small.inverse_transform(Z).dtype == np.float32
    assert small.explained_variance_.dtype == small.mean_.dtype == np.float32
    if kind in CLOSED:
        expected = tldr(kind).fit(X).transform(X)
        assert_allclose(Z, expected, atol=1e-3 * np.abs(expected).max())


# --- what the outputs are


@linear_kinds
def test_the_map_is_its_components(kind):
    model = tldr(kind).fit(X)
    assert model.components_.shape == (6, 12)
    assert_allclose(model.transform(X), (X - model.mean_) @ model.components_.T, atol=1e-12)


@every_kind
def test_outputs_come_by_importance(kind):
    model = tldr(kind).fit(X)
    assert (np.diff(model.explained_variance_) < 0).all()
    assert model.explained_variance_.shape == model.neighbor_correlation_.shape == (6,)
    assert (np.abs(model.neighbor_correlation_) <= 1 + 1e-9).all()


@pytest.mark.parametrize("kind", ["fourier", "blend"])
def test_outputs_of_an_encoder_are_principal_components(kind):
    model = tldr(kind).fit(X)
    Z = model.transform(X)
    assert_allclose(Z.mean(axis=0), 0, atol=1e-10)
    assert_allclose(np.cov(Z.T, bias=True), np.diag(model.explained_variance_), atol=1e-10)


def test_the_first_outputs_of_many_are_those_of_few():
    many, few = (tldr(n_components=q).fit_transform(X) for q in (9, 4))
    assert_allclose(many[:, :4], few, atol=1e-10)


def test_names_of_the_outputs():
    model = tldr().fit(X)
    assert list(model.get_feature_names_out()) == [f"tldr{i}" for i in range(6)]
    frame = model.set_output(transform="pandas").transform(X)
    assert list(frame.columns) == list(model.get_feature_names_out())


# --- neighbours


@every_kind
@pytest.mark.parametrize("mutual", [True, False])
def test_a_graph_of_the_same_neighbours_gives_the_same_map(kind, mutual):
    centred = PCA(12, svd_solver="full").fit_transform(X)
    indices = nearest_neighbors(centred, 5)[1]
    own = tldr(kind, mutual=mutual).fit(X)
    given = tldr(kind, mutual=mutual).fit(X, neighbors_graph=indices)
    assert_same_map(own, given)


def test_a_sparse_graph_is_an_index_array():
    indices = nearest_neighbors(X, 4)[1]
    ones = np.ones(indices.size)
    graph = sparse.csr_matrix((ones, indices.ravel(), np.arange(0, indices.size + 1, 4)))
    listed = tldr(mutual=False).fit(X, neighbors_graph=indices)
    assert_same_map(listed, tldr(mutual=False).fit(X, neighbors_graph=graph))
    assert_same_map(listed, tldr(mutual=True).fit(X, neighbors_graph=7 * graph))
    both = graph.multiply(graph.T)
    assert_same_map(
        tldr(mutual=True).fit(X, neighbors_graph=indices), tldr().fit(X, neighbors_graph=both)
    )


def test_the_metric_decides_the_neighbours():
    lengths = np.exp(np.random.RandomState(0).randn(len(X), 1))
    rows = (X - X.mean(axis=0)) * lengths
    cosine, euclidean = (tldr(metric=m).fit(rows).components_ for m in ("cosine", "euclidean"))
    assert np.abs(cosine - euclidean).max() > 1e-3
    Z = PCA(12, svd_solver="full").fit_transform(rows)
    indices = nearest_neighbors(Z, 5, metric="euclidean")[1]
    given = tldr().fit(rows, neighbors_graph=indices).components_
    assert_allclose(given, euclidean, atol=1e-8)


@every_kind
@pytest.mark.parametrize("n_anchors", [40, 0.2])
def test_anchors_are_rows_drawn_by_the_seed(kind, n_anchors):
    one, other = tldr(kind, n_anchors=40).fit(X), tldr(kind, n_anchors=n_anchors).fit(X)
    assert_array_equal(one.transform(X), other.transform(X))
    drawn = tldr(kind, n_anchors=n_anchors, random_state=1).fit(X)
    assert np.abs(drawn.transform(X) - one.transform(X)).max() > 1e-6


def test_all_rows_as_anchors_are_all_one_sided_pairs():
    assert_same_map(tldr(mutual=False).fit(X), tldr(n_anchors=len(X)).fit(X))
    assert_same_map(tldr(mutual=False).fit(X), tldr(n_anchors=10**6).fit(X))


@pytest.mark.parametrize("n_anchors", [1, 1e-9])
def test_one_anchor_will_do(n_anchors):
    model = quiet(tldr(n_anchors=n_anchors), X)
    assert np.isfinite(model.transform(X)).all()


@pytest.mark.slow
def test_an_approximate_search_finds_nearly_the_same_map():
    exact, near = (tldr(search=s, n_components=4).fit(DIGITS) for s in ("exact", "approximate"))
    cross = np.corrcoef(exact.transform(DIGITS).T, near.transform(DIGITS).T)[:4, 4:]
    assert (np.abs(cross.diagonal()) > 0.98).all()


# --- pairs that come in batches


def pairs(k=3):
    indices = nearest_neighbors(X, k)[1]
    return np.repeat(np.arange(len(X)), k), indices.ravel(), indices


@linear_kinds
@pytest.mark.parametrize("pca_components", [None, 7])
@pytest.mark.parametrize("make", [np.asarray, sparse.csr_matrix])
def test_batches_of_pairs_are_the_whole_graph(kind, pca_components, make):
    heads, tails, indices = pairs()
    streamed = tldr(kind, pca_components=pca_components)
    for batch in np.array_split(np.arange(len(heads)), 5):
        streamed.partial_fit(make(X[heads[batch]]), X_neighbors=make(X[tails[batch]]))
    whole = tldr(kind, pca_components=pca_components, mutual=False)
    assert_same_map(whole.fit(X, neighbors_graph=indices), streamed)
    assert_allclose(streamed.mean_, whole.mean_, rtol=1e-10)
    assert_allclose(streamed.neighbor_correlation_, whole.neighbor_correlation_, rtol=1e-6)
    Z = whole.transform(X)
    assert_allclose(streamed.inverse_transform(Z), whole.inverse_transform(Z), rtol=1e-6)


def test_dense_and_sparse_batches_mix():
    heads, tails, _ = pairs()
    half = len(heads) // 2
    left, right = X[heads], X[tails]
    plain = tldr().partial_fit(left, X_neighbors=right)
    mixed = tldr().partial_fit(left[:half], X_neighbors=sparse.csr_matrix(right[:half]))
    mixed.partial_fit(sparse.csr_matrix(left[half:]), X_neighbors=right[half:])
    assert_same_map(plain, mixed)


def test_batches_find_neighbours_of_their_own():
    batches = X[:100], X[100:]
    found = tldr()
    for batch in batches:
        found.partial_fit(batch)
    graphs = [nearest_neighbors(PCA(12, svd_solver="full").fit_transform(b), 5)[1] for b in batches]
    graph = np.vstack([graphs[0], graphs[1] + 100])
    assert_same_map(tldr().fit(X, neighbors_graph=graph), found)
    thin = tldr()
    for batch in batches:
        thin.partial_fit(sparse.csr_matrix(batch))
    assert_same_map(found, thin)


def test_fit_and_partial_fit_forget_each_other():
    other = curve(seed=5)
    streamed, fitted = tldr().partial_fit(X), tldr().fit(X)
    both = tldr().fit(other).partial_fit(X)
    assert_array_equal(both.components_, streamed.components_)
    both.fit(X)
    assert_array_equal(both.components_, fitted.components_)
    assert both.partial_fit(X[:, :9]).n_features_in_ == 9


def test_a_refused_batch_leaves_the_map_as_it_was():
    model = tldr().partial_fit(X)
    before = model.components_.copy()
    with pytest.raises(ValueError, match=r"X_neighbors must have the shape of X, \(9, 12\)"):
        model.partial_fit(X[:9], X_neighbors=X[:8])
    with pytest.raises(ValueError, match="NaN"):
        model.partial_fit(np.full((3, 12), np.nan))
    assert_array_equal(model.components_, before)
    twice = tldr().partial_fit(X).partial_fit(X)
    assert_array_equal(model.partial_fit(X).components_, twice.components_)


def test_pairs_without_variance_are_refused():
    same = np.full((5, 3), 0.1)
    with pytest.raises(ValueError, match="must have variance"):
        tldr().partial_fit(same, X_neighbors=same)


@pytest.mark.parametrize("kind", ["fourier", "blend", "sgd", "mlp"])
def test_only_the_moments_can_be_learned_in_part(kind):
    model = tldr(kind)
    assert not hasattr(model, "partial_fit")
    with pytest.raises(AttributeError) as error:
        _ = model.partial_fit
    assert "partial_fit needs encoder='linear'" in str(error.value.__cause__ or error.value)


# --- back to rows


def test_the_way_back_is_exact_where_nothing_was_left_out():
    model = tldr(n_components=12, smoothing=0).fit(X)
    assert model.n_components_ == 12
    assert_allclose(model.inverse_transform(model.transform(X)), X, atol=1e-8)


@pytest.mark.parametrize("kind", ["spectral", "fourier", "blend", "mlp"])
def test_the_way_back_is_least_squares(kind):
    # with all rows as neighbours, every row is in as many pairs as any other
    model = tldr(kind, n_components=4, n_neighbors=199 if kind == "spectral" else 5).fit(X)
    Z = model.transform(X)
    coef = np.linalg.lstsq(np.c_[Z, np.ones(len(X))], X, rcond=None)[0]
    assert_allclose(model.inverse_transform(Z), np.c_[Z, np.ones(len(X))] @ coef, atol=1e-8)


@every_kind
def test_the_way_back_is_nearly_as_good_as_that_of_pca(kind):
    model, pca = quiet(tldr(kind, n_components=8), X), PCA(8).fit(X)
    found = r2_score(X, model.inverse_transform(model.transform(X)))
    best = r2_score(X, pca.inverse_transform(pca.transform(X)))
    assert best + 1e-9 >= found
    if kind in CLOSED:
        assert found > best - 0.1


def test_outputs_of_another_width_cannot_go_back():
    with pytest.raises(ValueError, match=r"Z must have n_components_=6 columns, got 5"):
        tldr().fit(X).inverse_transform(np.zeros((3, 5)))


# --- is it any good


def test_neighbours_of_new_digits_are_found_better_than_with_pca(monkeypatch):
    monkeypatch.setattr(_map, "_N_FREQUENCIES", 1000)
    train, test = DIGITS[::2], DIGITS[1::2]
    labels = LABELS[1::2]
    pca = retrieval_map(PCA(16).fit(train).transform(test), labels)
    found = {
        kind: retrieval_map(
            TLDR(16, random_state=0, **CLOSED[kind]).fit(train).transform(test), labels
        )
        for kind in CLOSED
    }
    assert found["spectral"] > pca + 0.02
    assert found["lbfgs"] > pca + 0.02
    assert found["fourier"] > found["spectral"] + 0.02
    assert found["spectral"] + 0.005 < found["blend"] < found["fourier"]


@pytest.mark.parametrize("kind", ["spectral", "fourier", "blend"])
def test_the_score_of_new_rows_is_above_that_of_a_random_map(kind):
    train, test = DIGITS[:500], DIGITS[500:800]
    model = tldr(kind, n_components=8).fit(train)
    linear = tldr(n_components=8).fit(train)
    linear._model = replace(linear._model, components=np.random.RandomState(0).randn(8, 64))
    assert model.score(test) > linear.score(test) + 0.05
    assert model.score(test) <= 1


def test_the_score_is_the_mean_correlation_between_neighbours():
    train, test = X[:150], X[150:]
    model = tldr(mutual=False).fit(train)
    Z = model.transform(test)
    indices = nearest_neighbors(PCA(12, svd_solver="full").fit_transform(test), 5)[1]
    heads = np.repeat(np.arange(50), 5)
    ends = np.r_[heads, indices.ravel()], np.r_[indices.ravel(), heads]
    each = [np.corrcoef(Z[ends[0], q], Z[ends[1], q])[0, 1] for q in range(6)]
    assert_allclose(model.score(test), np.mean(each), rtol=1e-8)


def test_the_score_does_not_see_the_scale_of_the_outputs():
    model = tldr().fit(X)
    before = model.score(X)
    scaled = model.components_ * [[3], [0.1], [100], [-1], [1e-6], [1]]
    model._model = replace(model._model, components=scaled)
    assert_allclose(model.score(X), before, rtol=1e-10)


# --- choices that contradict each other, and warnings


@pytest.mark.parametrize(
    ("encoder", "solver"),
    [
        *(("blend", "lbfgs"), ("fourier", "lbfgs"), ("fourier", "sgd")),
        *(("mlp", "spectral"), ("mlp", "lbfgs")),
    ],
)
def test_contradictions_are_refused(encoder, solver):
    needed = {"mlp": "sgd"}.get(encoder, "spectral")
    message = f"solver must be 'auto' or '{needed}' with encoder='{encoder}', got '{solver}'"
    with pytest.raises(ValueError, match=message):
        TLDR(encoder=encoder, solver=solver).fit(X)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"n_components": 0}, "n_components"),
        ({"n_anchors": 1.0}, "n_anchors"),
        ({"metric": "inner"}, "metric"),
        ({"shrinkage": 1.1}, "shrinkage"),
        ({"smoothing": -1}, "smoothing"),
        ({"smoothing": "much"}, "smoothing"),
        ({"metric_power": 1.1}, "metric_power"),
        ({"pca_components": 0}, "pca_components"),
    ],
)
def test_parameters_out_of_range(params, message):
    with pytest.raises(ValueError, match=f"The '{message}' parameter of TLDR"):
        tldr(**params).fit(X)


@pytest.mark.parametrize("widths", [(0,), (8, -1), (2.5,), ("8",)])
def test_widths_of_layers(widths):
    with pytest.raises(ValueError, match="hidden_layer_sizes must be a sequence of positive int"):
        tldr("mlp", hidden_layer_sizes=widths).fit(X)
    with pytest.raises(ValueError, match="projector must be a sequence of positive int"):
        tldr("sgd", projector=widths).fit(X)


@pytest.mark.parametrize("n_components", [1, 3])
def test_too_few_components_to_look_at(n_components):
    with pytest.warns(UserWarning, match=f"n_components={n_components} is too few"):
        tldr(n_components=n_components).fit(X)


def test_four_components_come_without_a_warning():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        tldr(n_components=4).fit(X)
    assert not caught


@every_kind
def test_more_components_than_directions(kind):
    rows = np.hstack([X[:, :3], X[:, :3] @ np.ones((3, 2))])
    warnings.filterwarnings("ignore", "The outputs of the encoder collapsed")
    with pytest.warns(UserWarning, match="n_components=6 is more than the 3 directions"):
        model = tldr(kind).fit(rows)
    assert model.n_components_ == 3
    assert model.transform(rows).shape == (200, 3)
    assert len(model.get_feature_names_out()) == 3
