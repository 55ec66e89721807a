"""MEDAL inside scikit-learn's pipelines and searches."""

import numpy as np
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, clone
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.linear_model import LogisticRegression
from sklearn.manifold import Isomap
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold, cross_val_score, cross_validate
from sklearn.pipeline import Pipeline, make_pipeline, make_union
from sklearn.preprocessing import StandardScaler

from sksubspace import MEDAL
from sksubspace.decoding import FourierRidge
from tests._student.toy import blobs, curve

QUICK = {"max_iter": 2, "random_state": 0}

X, labels = blobs(120, spread=0.8)
X_new, new_labels = blobs(40, seed=1, spread=0.8)


class Lens(BaseEstimator):
    """A teacher with a parameter that matters: it shows columns `first` and the next one."""

    def __init__(self, first=0):
        self.first = first

    def fit_transform(self, X, y=None):
        return X[:, self.first : self.first + 2]


@pytest.fixture
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


def test_in_a_pipeline_it_is_what_it_is_alone():
    pipeline = make_pipeline(StandardScaler(), MEDAL(PCA(2), **QUICK)).fit(X)
    scaler = StandardScaler().fit(X)
    alone = MEDAL(PCA(2), **QUICK).fit(scaler.transform(X))
    scaled = scaler.transform(X_new)
    assert_array_equal(pipeline.transform(X_new), alone.transform(scaled))
    assert pipeline.score(X_new) == alone.score(scaled)
    inverted = scaler.inverse_transform(alone.inverse_transform(alone.transform(scaled)))
    assert_allclose(pipeline.inverse_transform(pipeline.transform(X_new)), inverted)


def test_before_a_classifier():
    pipeline = make_pipeline(MEDAL(PCA(3), **QUICK), LogisticRegression()).fit(X, labels)
    assert pipeline.score(X_new, new_labels) > 0.9


def test_before_a_clustering():
    found = make_pipeline(MEDAL(PCA(2), **QUICK), KMeans(4, random_state=0)).fit_predict(X)
    assert len(set(zip(found, labels, strict=True))) == 4


def test_a_pipeline_as_teacher():
    teacher = make_pipeline(StandardScaler(), PCA(2))
    medal = MEDAL(teacher, **QUICK).fit(X)
    assert_allclose(medal.embedding_, clone(teacher).fit_transform(X), atol=1e-9)
    assert medal.score_components(X_new).match_r2 > 0.99


def test_beside_other_transformers():
    union = make_union(MEDAL(PCA(2), **QUICK), PCA(1)).fit(X)
    assert union.get_feature_names_out().tolist() == ["medal__medal0", "medal__medal1", "pca__pca0"]
    columns = ColumnTransformer([("map", MEDAL(PCA(2), **QUICK), slice(0, 4))])
    assert columns.fit_transform(X).shape == (120, 2)


def test_cross_validation_scores_held_out_rows():
    medal = MEDAL(PCA(2), **QUICK)
    splits = KFold(3, shuffle=True, random_state=0)
    scores = cross_val_score(medal, X, cv=splits)
    expected = [clone(medal).fit(X[i]).score(X[j]) for i, j in splits.split(X)]
    assert_array_equal(scores, expected)


def test_a_search_over_teachers_and_their_parameters():
    pipeline = Pipeline([("scale", StandardScaler()), ("map", MEDAL(Lens(), **QUICK))])
    rng = np.random.RandomState(0)
    rows = np.hstack([0.1 * rng.randn(90, 2), curve(90)[0]])  # columns 2 and 3 explain the rest
    grid = [
        {"map__teacher": [Lens(0), Lens(2)]},
        {"map__teacher": [PCA()], "map__teacher__n_components": [1, 4]},
        {"map__teacher": ["pca", Isomap(n_neighbors=10)], "map__encoder": ["linear", "local"]},
    ]
    search = GridSearchCV(pipeline, grid, cv=3, refit=False).fit(rows)
    scores = search.cv_results_["mean_test_score"]
    assert len(scores) == 8 and np.isfinite(scores).all()
    assert scores[1] > scores[0] and scores[3] > scores[2]
    deep = GridSearchCV(pipeline, {"map__teacher__first": [0, 2]}, cv=3).fit(rows)
    assert deep.best_params_ == {"map__teacher__first": 2}
    assert_allclose(deep.cv_results_["mean_test_score"], scores[:2])
    assert_array_equal(deep.transform(rows), deep.best_estimator_.transform(rows))


def test_a_fold_does_not_depend_on_the_folds_before_it():
    medal = MEDAL(TruncatedSVD(2, algorithm="randomized"), encoder="local", **QUICK)
    both = cross_validate(medal, X, cv=KFold(2), return_estimator=True)
    second = clone(medal).fit(X[:60])
    assert both["test_score"][1] == second.score(X[60:])


def test_groups_reach_the_splitter_and_the_fit_of_a_search(routing):
    """Sixteen donors, with an own shift each: rows of one tell of each other."""
    donors = np.random.RandomState(0).permutation(np.repeat(np.arange(16), 10))
    rows = curve(160)[0] + np.random.RandomState(1).randn(16, 5)[donors]
    medal = MEDAL(PCA(), decoder=FourierRidge(40), **QUICK).set_fit_request(groups=True)
    grid, splits = {"teacher__n_components": [1, 2]}, GroupKFold(3)
    search = GridSearchCV(medal, grid, cv=splits).fit(rows, groups=donors)
    best = search.best_estimator_
    assert best.groups_given_
    assert_array_equal(best.calibration_groups_, donors)
    for place, n_components in enumerate(grid["teacher__n_components"]):
        expected = [
            clone(medal)
            .set_params(teacher__n_components=n_components)
            .fit(rows[i], groups=donors[i])
            .score(rows[j])
            for i, j in splits.split(rows, groups=donors)
        ]
        found = [search.cv_results_[f"split{split}_test_score"][place] for split in range(3)]
        assert_array_equal(found, expected)


def test_an_embedding_is_sliced_with_the_rows_of_a_fold(routing):
    Z = PCA(2).fit_transform(X)
    medal = MEDAL("precomputed", encoder="linear", **QUICK).set_fit_request(embedding=True)
    splits = KFold(3)
    with pytest.warns(UserWarning, match="optimistic"):
        found = cross_validate(medal, X, cv=splits, params={"embedding": Z})["test_score"]
        expected = [clone(medal).fit(X[i], embedding=Z[i]).score(X[j]) for i, j in splits.split(X)]
    assert_array_equal(found, expected)


def test_an_embedding_through_a_search_over_a_pipeline(routing):
    Z = PCA(2).fit_transform(X)
    medal = MEDAL("precomputed", **QUICK).set_fit_request(embedding=True)
    pipeline = Pipeline([("scale", StandardScaler()), ("map", medal)])
    search = GridSearchCV(pipeline, {"map__encoder": ["linear", "local"]}, cv=3)
    with pytest.warns(UserWarning, match="optimistic"):
        search.fit(X, embedding=Z)
    assert search.best_score_ > 0.3
    assert_allclose(search.best_estimator_["map"].embedding_, Z)


def test_an_embedding_through_a_pipeline_that_goes_on(routing):
    Z = PCA(2).fit_transform(X)
    medal = MEDAL("precomputed", encoder="linear", **QUICK)
    medal.set_fit_request(embedding=True)
    pipeline = make_pipeline(StandardScaler(), medal, LogisticRegression())
    with pytest.warns(UserWarning, match="optimistic"):
        pipeline.fit(X, labels, embedding=Z)
    assert_allclose(pipeline[1].embedding_, Z)
    assert pipeline.score(X_new, new_labels) > 0.8


def test_an_embedding_nobody_asked_for_is_refused(routing):
    with pytest.raises(Exception, match="embedding"):
        cross_validate(MEDAL("precomputed"), X, params={"embedding": X}, error_score="raise")


class Blind(BaseEstimator):
    """A teacher that must not be shown labels."""

    def fit_transform(self, X, y=None):
        assert y is None
        return X[:, :2]


def test_labels_do_not_reach_the_teacher_through_a_search():
    search = GridSearchCV(MEDAL(Blind(), **QUICK), {"n_neighbors": [5]}, error_score="raise")
    assert np.isfinite(search.fit(X, labels).best_score_)


def test_global_output_as_frames_does_not_reach_inside():
    pytest.importorskip("pandas")
    expected = MEDAL(PCA(2), **QUICK).fit(X)
    with sklearn.config_context(transform_output="pandas"):
        medal = MEDAL(PCA(2), **QUICK).fit(X)
        placed = medal.transform(X_new)
        parts = medal.score_components(X_new)
    assert placed.columns.tolist() == ["medal0", "medal1"]
    assert_array_equal(placed.to_numpy(), expected.transform(X_new))
    assert parts == expected.score_components(X_new)
