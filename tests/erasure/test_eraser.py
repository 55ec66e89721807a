"""Erasing and shifting: identities, other computations of the same, and what is refused."""

import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from scipy import linalg
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import Pipeline

import sksubspace
from sksubspace.erasure import ConceptEraser, edit
from sksubspace.erasure._maps._adversarial import on_fantope
from tests.common import assert_unwritten, unsorted

DIGITS, LABELS = load_digits(return_X_y=True)
X, X_new, y, y_new = train_test_split(DIGITS / 16, LABELS, stratify=LABELS, random_state=0)
ODD, ODD_new = y % 2, y_new % 2
RNG = np.random.RandomState(0)
NUMBERS = X[:, 20:40] @ RNG.randn(20, 2) + 0.1 * RNG.randn(len(X), 2)


def class_means(rows, labels):
    return np.array([rows[labels == c].mean(axis=0) for c in np.unique(labels)])


def leace_by_roots(X, Z):
    """W^+ P W by eigenvectors and a singular value decomposition, as the paper has it."""
    centred, Z = X - X.mean(0), Z - Z.mean(0)
    S, S_xz = centred.T @ centred / len(X), centred.T @ Z / len(X)
    values, vectors = linalg.eigh(S)
    kept = values > 1e-10 * values.max()
    V, root = vectors[:, kept], np.sqrt(values[kept])
    W, W_back = (V / root) @ V.T, (V * root) @ V.T
    U, s, _ = np.linalg.svd(W @ S_xz, full_matrices=False)
    U = U[:, s > 1e-8 * s[0]]
    return np.eye(X.shape[1]) - W_back @ U @ U.T @ W


@pytest.mark.parametrize("labels", [ODD, y], ids=["two", "ten"])
@pytest.mark.parametrize("method", ["leace", "sal"])
def test_class_means_become_equal_and_erasing_again_changes_nothing(method, labels):
    eraser = ConceptEraser(method).fit(X, labels)
    erased = eraser.transform(X)
    means = class_means(erased, labels)
    assert_allclose(means, np.broadcast_to(X.mean(0), means.shape), atol=1e-8)
    assert_allclose(eraser.transform(erased), erased, atol=1e-8)
    assert_allclose(eraser.projection_ @ eraser.projection_, eraser.projection_, atol=1e-8)
    assert eraser.n_components_ == len(means) - 1
    assert eraser.score(X_new, labels[: len(X_new)]) == 1


@pytest.mark.parametrize("concept", [ODD, y, NUMBERS], ids=["two", "ten", "numbers"])
def test_leace_is_the_map_of_the_paper(concept):
    Z = np.eye(10)[concept] if concept.ndim == 1 else concept
    eraser = ConceptEraser().fit(X, concept)
    assert_allclose(eraser.projection_, leace_by_roots(X, Z), atol=1e-7)


@pytest.mark.parametrize("shrinkage", [0.0, 0.01])
def test_fewer_rows_than_features_guard_as_well(shrinkage):
    rng = np.random.RandomState(0)
    labels = rng.randint(3, size=80)
    wide = rng.randn(80, 300) + labels[:, None] * rng.randn(300)
    eraser = ConceptEraser(shrinkage=shrinkage).fit(wide, labels)
    means = class_means(eraser.transform(wide), labels)
    assert_allclose(means - means[0], 0, atol=1e-8)
    by_moments = ConceptEraser(shrinkage=shrinkage).partial_fit(wide, labels)
    assert_allclose(by_moments.projection_, eraser.projection_, atol=1e-9)


def test_many_features_work():
    rng = np.random.RandomState(0)
    labels = rng.randint(2, size=500)
    wide = rng.randn(500, 2000) + labels[:, None]
    erased = ConceptEraser(shrinkage=0.01).fit_transform(wide, labels)
    assert_allclose(np.diff(class_means(erased, labels), axis=0), 0, atol=1e-8)


def test_leace_changes_rows_least_and_each_rank_is_the_best_of_its_kind():
    energy = {m: ConceptEraser(m).fit(X, y).retained_energy(X) for m in ("leace", "sal")}
    assert energy["leace"] > energy["sal"]
    eraser = ConceptEraser().fit(X, y)
    changed = np.square(X - eraser.transform(X)).sum()
    expected = 1 - changed / np.square(X - X.mean(0)).sum()
    assert energy["leace"] == pytest.approx(expected, abs=1e-12)
    scores = [ConceptEraser(n_components=k).fit(X, y).score(X_new, y_new) for k in (1, 5, 9)]
    assert scores == sorted(scores)
    assert scores[-1] == 1


def test_the_score_is_that_of_a_logistic_regression_on_erased_rows():
    eraser = ConceptEraser("rlace", n_components=3, max_iter=2).fit(X, y)
    rows, new = (eraser.transform(one) - X.mean(0) for one in (X, X_new))
    scale = np.sqrt(rows.var(axis=0).mean())
    probe = LogisticRegression(max_iter=300).fit(rows / scale, y)
    accuracy, majority = probe.score(new / scale, y_new), np.bincount(y_new).max() / len(y_new)
    expected = 1 - (accuracy - majority) / (1 - majority)
    assert eraser.score(X_new, y_new) == pytest.approx(expected, abs=0.01)


def test_rlace_leaves_less_to_read_than_sal_at_low_rank():
    found = []
    for seed in range(2):
        parts = train_test_split(
            DIGITS / 16, LABELS, test_size=0.3, stratify=LABELS, random_state=seed
        )
        scores = []
        for method in ("sal", "rlace"):
            eraser = ConceptEraser(method, n_components=3).fit(parts[0], parts[2])
            probe = LogisticRegression(max_iter=1000)
            probe.fit(eraser.transform(parts[0]), parts[2])
            scores.append(probe.score(eraser.transform(parts[1]), parts[3]))
        found.append(scores)
    sal, rlace = np.mean(found, axis=0)
    assert rlace <= sal - 0.015


def test_the_fantope_projection_is_the_nearest_matrix():
    S = np.random.RandomState(0).randn(6, 6)
    S = S + S.T
    P = on_fantope(S, 2)
    values = np.linalg.eigvalsh(P)
    assert values.min() > -1e-9
    assert values.max() < 1 + 1e-9
    assert np.trace(P) == pytest.approx(2)
    for seed in range(20):  # no projection of rank two lies nearer along the way to it
        Q = np.linalg.qr(np.random.RandomState(seed).randn(6, 2))[0]
        assert np.sum((S - P) * (Q @ Q.T - P)) < 1e-6


def test_inlp_ends_when_readers_fail():
    labels = (X[:, 20] > np.median(X[:, 20])).astype(int)
    eraser = ConceptEraser("inlp", max_iter=60, tol=0.02).fit(X, labels)
    assert 1 < eraser.n_iter_ < 60
    assert eraser.n_components_ == eraser.n_iter_ - 1
    assert_allclose(
        eraser.components_ @ eraser.components_.T, np.eye(eraser.n_components_), atol=1e-9
    )
    few = ConceptEraser("inlp", n_components=4).fit(X, y)
    assert few.n_components_ == 4
    assert few.score(X_new, y_new) < eraser.score(X_new, labels[: len(X_new)])


@pytest.mark.parametrize("method", ["leace", "sal", "inlp", "rlace"])
def test_the_mean_of_a_class_stays_where_it_is_when_shifted_to_its_own(method):
    eraser = ConceptEraser(method, n_components=3, max_iter=2).fit(X, y)
    means = class_means(X, y)
    assert_allclose(eraser.shift(means, np.arange(10)), means, atol=1e-8)
    assert_allclose(eraser.shift(X_new, 3, strength=0), eraser.transform(X_new), atol=1e-12)


def test_shifted_rows_are_read_as_asked_and_say_nothing_of_what_they_were():
    eraser = ConceptEraser().fit(X, y)
    wanted = np.random.RandomState(1).randint(10, size=len(X_new))
    shifted = eraser.shift(X_new, wanted)
    judge = LogisticRegression(max_iter=2000).fit(X, y)
    assert judge.score(shifted, wanted) > 0.9
    expected = eraser.transform(X_new) + class_means(X, y)[wanted] - X.mean(0)
    assert_allclose(shifted, expected, atol=1e-9)
    all_wanted = np.random.RandomState(2).randint(10, size=len(X))
    means = class_means(eraser.shift(X, all_wanted) - eraser.slope_[all_wanted], y)
    assert_allclose(means - means[0], 0, atol=1e-8)


def test_numbers_are_shifted_to_the_value_asked_for():
    eraser = ConceptEraser().fit(X, NUMBERS)
    wanted = NUMBERS[np.random.RandomState(1).permutation(len(X))][: len(X_new)]
    shifted = eraser.shift(X_new, wanted)
    read = LinearRegression().fit(X, NUMBERS).predict(shifted)
    for k in range(2):
        assert np.corrcoef(read[:, k], wanted[:, k])[0, 1] > 0.95
    one = ConceptEraser().fit(X, NUMBERS[:, 0])
    assert_allclose(one.shift(X_new, 0.3), one.shift(X_new, np.full(len(X_new), 0.3)), atol=0)
    assert one.score(X_new, NUMBERS[: len(X_new), 0]) == pytest.approx(1, abs=0.01)
    reader = LinearRegression().fit(one.transform(X), NUMBERS[:, 0])
    assert_allclose(reader.coef_ @ (X - X.mean(0)).T, 0, atol=1e-5)


def test_editing_behind_an_autoencoder_is_shifting_its_codes():
    pca = PCA(20, random_state=0).fit(X)
    eraser = ConceptEraser().fit(pca.transform(X), y)
    edited = edit(pca, eraser, X_new, 3, strength=0.5)
    codes = eraser.shift(pca.transform(X_new), 3, strength=0.5)
    assert_array_equal(edited, pca.inverse_transform(codes))
    with pytest.raises(ValueError, match="expecting 20 features"):
        edit(PCA(5).fit(X), eraser, X_new, 3)


@pytest.mark.parametrize("method", ["leace", "sal"])
@pytest.mark.parametrize("concept", [y, NUMBERS], ids=["classes", "numbers"])
def test_batches_are_all_rows(method, concept):
    eraser = ConceptEraser(method)
    order = np.argsort(y, kind="stable")  # classes that come late
    for part in np.array_split(order, 5):
        eraser.partial_fit(X[part], concept[part])
    whole = ConceptEraser(method).fit(X[order], concept[order])
    assert_allclose(eraser.projection_, whole.projection_, atol=1e-8)
    assert_allclose(eraser.concept_mean_, whole.concept_mean_, atol=1e-10)
    assert_allclose(eraser.slope_, whole.slope_, atol=1e-8)
    assert eraser.score(X_new, concept[: len(X_new)]) > 0.99
    few = ConceptEraser(method, n_components=1).partial_fit(X, concept)
    assert few.score(X, concept) < 0.8
    with pytest.raises(AttributeError) as caught:
        ConceptEraser("inlp").partial_fit(X, y)
    assert "needs method='leace' or 'sal', got 'inlp'" in str(caught.value.__cause__)


@pytest.mark.parametrize("n", [500, 40])
def test_sparse_rows_give_the_dense_result(n):
    thin = unsorted(X[:n], below=0.6)
    before = thin.copy()
    for method in ("leace", "sal"):
        found = ConceptEraser(method, shrinkage=0.01).fit(thin, ODD[:n])
        expected = ConceptEraser(method, shrinkage=0.01).fit(thin.toarray(), ODD[:n])
        assert_allclose(found.transform(thin), expected.transform(thin.toarray()), atol=1e-8)
        assert found.retained_energy(thin) == pytest.approx(
            expected.retained_energy(thin.toarray())
        )
    assert_unwritten(thin, before)
    both = ConceptEraser().partial_fit(thin.toarray(), ODD[:n]).partial_fit(thin, ODD[:n])
    assert_allclose(both.mean_, thin.toarray().mean(0), atol=1e-12)
    with pytest.raises(TypeError, match="dense"):
        ConceptEraser("inlp").fit(thin, ODD[:n])
    with pytest.raises(TypeError, match="center_by needs dense rows"):
        ConceptEraser().fit(thin, ODD[:n], center_by=ODD[:n])


def test_rows_far_from_the_origin_lose_no_digits():
    eraser = ConceptEraser().fit(X + 1e6, y)
    means = class_means(eraser.transform(X + 1e6), y)
    assert_allclose(means - means[0], 0, atol=1e-8)


def test_groups_are_taken_about_their_own_mean():
    source = np.arange(len(X)) % 3
    moved = X + source[:, None] * 2.0
    eraser = ConceptEraser().fit(moved, y, center_by=source)
    centred = moved.copy()
    for k in range(3):
        centred[source == k] -= moved[source == k].mean(0) - moved.mean(0)
    assert_allclose(
        eraser.transform(moved, center_by=source),
        ConceptEraser().fit(centred, y).transform(centred),
        atol=1e-9,
    )
    new = X_new + 7.0  # a source that fit has not seen, about the mean of these rows
    found = eraser.transform(new, center_by=np.full(len(new), 9))
    assert_allclose(found.mean(0), moved.mean(0), atol=0.2)
    assert 0 < eraser.score(new, y_new, center_by=np.full(len(new), 9)) <= 1
    alone = eraser.transform(moved[:1], center_by=source[:1])
    assert_array_equal(alone, eraser.transform(moved, center_by=source)[:1])
    with pytest.raises(ValueError, match=r"fit had a? ?center_by and this call has no"):
        eraser.transform(moved)
    with pytest.raises(ValueError, match="fit had no center_by"):
        ConceptEraser().fit(X, y).transform(X, center_by=source)
    with pytest.raises(ValueError, match="a group for each of the"):
        ConceptEraser().fit(X, y, center_by=source[:5])
    both = eraser.fit_transform(moved, y, center_by=source)
    assert_array_equal(both, eraser.transform(moved, center_by=source))


def test_a_concept_beside_the_target_is_routed_through_a_pipeline():
    with sklearn.config_context(enable_metadata_routing=True):
        eraser = ConceptEraser().set_fit_request(concept=True)
        pipeline = Pipeline([("erase", eraser), ("classify", LogisticRegression(max_iter=500))])
        pipeline.fit(X, y, concept=ODD)
        rows = pipeline[0].transform(X)
        assert_allclose(np.diff(class_means(rows, ODD), axis=0), 0, atol=1e-8)
        assert pipeline.score(X_new, y_new) > 0.9
        with pytest.raises(ValueError, match="concept was asked for by set_fit_request"):
            pipeline.fit(X, y)
        scored = ConceptEraser("sal").set_fit_request(concept=True).set_score_request(concept=True)
        search = GridSearchCV(scored, {"n_components": [1, 9]}, cv=2)
        assert search.fit(X, ODD, concept=y).best_params_ == {"n_components": 9}


def test_names_match_rows_of_a_frame_to_its_concept(tmp_path):
    frame = pd.DataFrame(X[:200], index=[f"r{k}" for k in range(200)])
    frame.columns = [f"c{k}" for k in range(64)]
    concept = pd.Series(np.array(["even", "odd"])[ODD[:200]], index=frame.index)
    order = np.random.RandomState(0).permutation(200)
    eraser = ConceptEraser().fit(frame, concept.iloc[order])
    assert eraser.classes_.tolist() == ["even", "odd"]
    expected = ConceptEraser().fit(X[:200], ODD[:200])
    assert_allclose(eraser.transform(frame), expected.transform(X[:200]), atol=1e-12)
    named = eraser.set_output(transform="pandas").transform(frame)
    assert list(named.columns) == list(frame.columns)
    pytest.importorskip("skops.io")
    loaded = sksubspace.load(sksubspace.save(expected, tmp_path / "eraser.skops"))
    assert_array_equal(loaded.shift(X_new, 1), expected.shift(X_new, 1))


def test_one_value_leaves_the_rows_as_they_are_with_a_warning():
    for concept in (np.zeros(len(X), int), np.full(len(X), "a"), np.ones(len(X)) * 0.5):
        for method in ("leace", "rlace"):
            with pytest.warns(UserWarning, match="nothing is taken off"):
                eraser = ConceptEraser(method).fit(X, concept)
            assert eraser.n_components_ == 0
            assert_array_equal(eraser.transform(X_new), X_new)
            assert eraser.score(X_new, concept[: len(X_new)]) == 1


def test_groups_that_are_the_concept_leave_nothing_to_erase():
    source = np.arange(len(X)) % 3
    with pytest.warns(UserWarning, match="nothing is taken off"):
        eraser = ConceptEraser().fit(X + source[:, None], source, center_by=source)
    assert eraser.n_components_ == 0


def test_a_small_difference_of_means_is_erased_beside_a_large_one():
    rng = np.random.RandomState(0)
    labels = rng.randint(3, size=900)
    rows = rng.randn(900, 6)
    rows -= np.array([rows[labels == c].mean(0) for c in range(3)])[labels]
    rows[:, 0] += 100.0 * (labels == 0)
    rows[:, 1] += 1e-5 * (labels == 1)
    for method in ("leace", "sal"):
        eraser = ConceptEraser(method).fit(rows, labels)
        means = class_means(eraser.transform(rows), labels)
        assert eraser.n_components_ == 2
        assert_allclose(means - means[0], 0, atol=1e-8)


def test_more_directions_than_there_are_warn():
    with pytest.warns(UserWarning, match="n_components=12 is more than covary .* 9 are taken off"):
        ConceptEraser(n_components=12).fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ConceptEraser(n_components=9).fit(X, y)


def test_bad_concepts_are_refused():
    eraser = ConceptEraser().fit(X, y)
    with pytest.raises(ValueError, match=r"concept must be of the classes .* got (np\.int64\()?11"):
        eraser.shift(X_new, 11)
    with pytest.raises(ValueError, match="one for each of the 450, got 3"):
        eraser.shift(X_new, [1, 2, 3])
    with pytest.raises(ValueError, match="strength must be a finite number, got nan"):
        eraser.shift(X_new, 1, strength=np.nan)
    with pytest.raises(ValueError, match="requires y to be passed"):
        ConceptEraser().fit(X)
    with pytest.raises(ValueError, match=r"1 of .* that are missing"):
        ConceptEraser().fit(X, concept=[None, *["a"] * (len(X) - 1)])
    with pytest.raises(ValueError, match="concept must have a value for each of the"):
        ConceptEraser().fit(X, concept=y[:7])
    with pytest.raises(ValueError, match="must have 2 columns, as before, got 1"):
        ConceptEraser().partial_fit(X, NUMBERS).partial_fit(X, NUMBERS[:, 0])
    with pytest.raises(ValueError, match=r"classes of the kind of .*, as before, got"):
        ConceptEraser("sal").partial_fit(X, y).partial_fit(X, y.astype(str))
    assert not hasattr(eraser, "inverse_transform")


def test_classes_that_fit_has_not_seen_are_never_read():
    few = y < 5
    eraser = ConceptEraser(n_components=1).fit(X[few], y[few])
    assert eraser.score(X_new, y_new) > eraser.score(X_new[y_new < 5], y_new[y_new < 5])


def drawn(n_rows, n_columns, seed, strength=1.0):
    """Rows, and a concept along a direction of theirs."""
    rng = np.random.RandomState(seed)
    concept = rng.randint(0, 2, n_rows)
    direction = np.random.RandomState(99).randn(n_columns)
    direction *= strength / np.linalg.norm(direction)
    return rng.randn(n_rows, n_columns) + np.where(concept, 1, -1)[:, None] * direction, concept


def test_readers_trained_anew_find_what_few_rows_left_behind():
    """By construction nobody who sees the training rows reads anything; new rows tell more."""
    few, many = drawn(100, 150, 0, 2.0), drawn(3000, 150, 1, 2.0)
    new = drawn(2000, 150, 2, 2.0)
    assert ConceptEraser().fit(*few).score(*new) == ConceptEraser().fit(*many).score(*new) == 1
    assert ConceptEraser().fit(*few).score_anew(*new) < 0.7
    assert ConceptEraser().fit(*many).score_anew(*new) > 0.9


def test_readers_anew_of_numbers_and_of_nothing():
    rng = np.random.RandomState(0)
    X = rng.randn(600, 5)
    value = X @ np.arange(5.0)
    eraser = ConceptEraser().fit(X[:300], value[:300])
    assert eraser.score_anew(X[300:], value[300:]) > 0.9
    other = ConceptEraser().fit(X[:300], X[:300, 0])  # which is no part of the value
    assert other.score_anew(X[300:], value[300:]) < 0.05
    noise = rng.randint(0, 3, 600)
    assert ConceptEraser().fit(X[:300], noise[:300]).score_anew(X[300:], noise[300:]) > 0.9


def test_copies_do_not_help_readers_anew():
    """Labels at random: with a copy in the training rows they would be read off."""
    X, concept = np.random.RandomState(0).randn(120, 80), np.arange(120) % 2
    eraser = ConceptEraser().fit(X, concept)
    new, labels = np.random.RandomState(1).randn(60, 80), np.random.RandomState(2).randint(0, 2, 60)
    often = [np.repeat(values, 3, axis=0) for values in (new, labels)]
    assert eraser.score_anew(*often) > 0.7
    with pytest.raises(ValueError, match=r"for each of the cv=5 folds, got 2"):
        eraser.score_anew(np.repeat(new[:2], 4, axis=0), np.arange(8) % 2)


def test_readers_anew_who_see_one_class_say_it():
    """The fold of the only row of a class is read by rows of the other."""
    X, concept = drawn(50, 3, 0)
    eraser = ConceptEraser().fit(X, concept)
    assert eraser.score_anew(X[:5], [0, 0, 0, 0, 1]) == 1
