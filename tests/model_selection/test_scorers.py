import pickle

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from sksubspace import MEDAL, metrics
from sksubspace.model_selection import embedding_scorer
from tests.model_selection.toys import digits

X, y = digits()
MAP = PCA(2).fit(X)
NAMES = (
    *("trustworthiness", "continuity", "q_nx", "auc_q_nx"),
    *("normalized_stress", "distance_correlation", "neighborhood_hit"),
)


@pytest.mark.parametrize("name", NAMES)
def test_scores_are_those_of_the_metric(name):
    Z = MAP.transform(X)
    expected = {
        "q_nx": lambda: metrics.q_nx(X, Z, k_max=10)[9],
        "normalized_stress": lambda: -metrics.normalized_stress(X, Z),
        "neighborhood_hit": lambda: metrics.neighborhood_hit(Z, y),
    }.get(name, lambda: getattr(metrics, name)(X, Z))()
    scorer = pickle.loads(pickle.dumps(embedding_scorer(name)))
    assert scorer(MAP, X, y) == pytest.approx(expected)


def test_parameters_reach_the_metric():
    Z = MAP.transform(X)
    scorer = embedding_scorer("trustworthiness", n_neighbors=12)
    assert scorer(MAP, X) == metrics.trustworthiness(X, Z, n_neighbors=12)
    assert embedding_scorer("q_nx", k_max=3)(MAP, X) == metrics.q_nx(X, Z, k_max=3)[2]


def test_higher_is_better():
    three = PCA(30).fit(X)
    for name in NAMES[:-1]:
        scorer = embedding_scorer(name)
        assert scorer(three, X) > scorer(PCA(1).fit(X), X)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_several_in_a_search_over_a_pipeline(n_jobs):
    pipeline = Pipeline([("scale", StandardScaler()), ("map", MEDAL(PCA(), random_state=0))])
    scoring = {
        "r2": lambda estimator, X, y=None: estimator.score(X),
        "trust": embedding_scorer("trustworthiness"),
        "hit": embedding_scorer("neighborhood_hit"),
    }
    if n_jobs == 2:
        scoring.pop("r2")
    grid = {"map__teacher__n_components": [1, 3], "map__encoder": ["linear"]}
    search = GridSearchCV(pipeline, grid, scoring=scoring, refit="trust", cv=3, n_jobs=n_jobs)
    search.fit(X, y)
    assert search.best_params_["map__teacher__n_components"] == 3
    first = pipeline.set_params(map__teacher__n_components=1, map__encoder="linear")
    train, test = next(KFold(3).split(X))
    by_hand = metrics.trustworthiness(X[test], first.fit(X[train]).transform(X[test]))
    if n_jobs == 1:
        assert np.isfinite(search.cv_results_["mean_test_r2"]).all()
    assert search.cv_results_["mean_test_hit"][1] > search.cv_results_["mean_test_hit"][0]
    assert len(search.cv_results_["split0_test_trust"]) == 2 and 0 < by_hand < 1


def test_unknown_names_and_parameters():
    with pytest.raises(ValueError, match=r"name must be one of \('trustworthiness'.*got 'trust'"):
        embedding_scorer("trust")
    with pytest.raises(TypeError, match=r"takes \('n_neighbors'.*got \['neighbors'\]"):
        embedding_scorer("trustworthiness", neighbors=3)
    with pytest.raises(TypeError, match="per_point"):
        embedding_scorer("continuity", per_point=True)
    with pytest.raises(ValueError, match="needs y"):
        embedding_scorer("neighborhood_hit")(MAP, X)
