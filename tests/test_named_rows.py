"""What is given for each row is matched by name by whatever takes it, or refused: never mixed up.

Every function of the metrics and of `model_selection`, and every `fit`, that takes something for
each row beside a table.
"""

import inspect

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.manifold import TSNE

from sksubspace import MEDAL, audit_embedding, metrics, model_selection
from sksubspace.cluster import AutoClustering, subspace_r2

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

X, y = load_iris(return_X_y=True)
X, y = X[::2], y[::2]
n = len(X)
NAMES = [f"flower {i}" for i in range(n)]
ORDER = np.random.RandomState(0).permutation(n)
COUNTS = np.random.RandomState(0).poisson(5 * X)
GIVEN = {
    "X": X, "Z": PCA(2).fit_transform(X), "counts": COUNTS, "train": COUNTS[::-1],
    "labels": y, "y": np.array(["a", "b", "c"])[y], "groups": np.arange(n) // 3,
}  # fmt: skip
# functions that take two of these, the first of which says what the rows are
BESIDE = {
    name: function
    for module in (metrics, model_selection)
    for name in module.__all__
    if inspect.isfunction(function := getattr(module, name))
    and len(GIVEN.keys() & inspect.signature(function).parameters.keys()) > 1
}
MORE = {
    "compare_clusterings": {"candidates": {"k": KMeans(n_init=1)}, "n_clusters": (2, 3)},
    "out_of_sample_information": {"estimator": KMeans(n_init=1), "n_clusters": 3},
    "compare_embeddings": {"candidates": {"PCA": PCA(1)}, "method": "loo", "controls": False},
    "reconstruction_alignment_curve": {"estimator": LogisticRegression()},
    "embedding_stability": {"teacher": TSNE(init="random", max_iter=250), "n_seeds": 2},
}


def framed(values, order=slice(None)):
    """The same with names, perhaps in another order."""
    kind = pd.Series if np.ndim(values) == 1 else pd.DataFrame
    return kind(values, index=NAMES).iloc[order]


def content(found):
    """All numbers of a result, rounded; not what took how long."""
    if hasattr(found, "__dataclass_fields__"):
        names = found.__dataclass_fields__.keys() - {"versions", "best_estimator_"}
        kept = [name for name in names if "seconds" not in name]
        return {name: content(getattr(found, name)) for name in kept}
    if isinstance(found, tuple | list):
        return [content(one) for one in found]
    if isinstance(found, dict):
        return {name: content(one) for name, one in found.items()}
    values = np.asarray(found)
    if values.dtype.kind == "f":
        return [repr(one) for one in values.round(9).ravel().tolist()]
    return values.tolist() if values.dtype.kind in "iub" else str(found)


def cases():
    for name, function in BESIDE.items():
        first, *others = [one for one in inspect.signature(function).parameters if one in GIVEN]
        for other in others:
            yield pytest.param(function, first, other, id=f"{name}-{other}")


@pytest.mark.parametrize(("function", "first", "other"), list(cases()))
def test_another_order_of_names_changes_nothing(function, first, other):
    more = MORE.get(function.__name__, {})
    given = {
        name: GIVEN[name]
        for name, parameter in inspect.signature(function).parameters.items()
        if name in GIVEN and (parameter.default is inspect.Parameter.empty or name == other)
    }
    if (function, other) == (model_selection.compare_embeddings, "y"):
        more = more | {"metrics": ["neighborhood_hit"], "method": "cv", "cv": 3}  # for them alone
    rows = {first: framed(given[first])}
    plain = content(function(**given, **more))
    found = function(**(given | rows | {other: framed(given[other], ORDER)}), **more)
    assert content(found) == plain
    assert content(function(**(given | {other: given[other][ORDER]}), **more)) != plain
    numbered = {first: rows[first].set_axis(ORDER), other: framed(given[other]).set_axis(range(n))}
    with pytest.raises(ValueError, match=f"{other} counts its rows and {first} has the same"):
        function(**(given | numbered), **more)


@pytest.mark.filterwarnings("ignore:.*groups of the batch are among")
def test_a_map_of_others_is_learnt_in_the_order_of_the_rows():
    Z, groups = GIVEN["Z"], GIVEN["groups"]
    plain = MEDAL("precomputed", random_state=0).fit(
        framed(X), embedding=framed(Z), groups=framed(groups)
    )
    found = MEDAL("precomputed", random_state=0).fit(
        framed(X), embedding=framed(Z, ORDER), groups=framed(groups, ORDER)
    )
    assert found.loo_score_ == plain.loo_score_
    batch = framed(X)
    assert (
        found.detect_shift(batch, groups=framed(groups, ORDER)).p_value
        == plain.detect_shift(batch, groups=groups).p_value
    )
    found.calibrate(batch, groups=framed(groups, ORDER))
    plain.calibrate(batch, groups=groups)
    np.testing.assert_array_equal(found.calibration_groups_, plain.calibration_groups_)


def test_an_audit_reads_what_it_is_given_by_name():
    given = {one: GIVEN[one] for one in ("y", "groups", "counts")}
    plain = audit_embedding(framed(X), framed(GIVEN["Z"]), **given)
    found = audit_embedding(
        framed(X),
        framed(GIVEN["Z"], ORDER),
        **{one: framed(values, ORDER) for one, values in given.items()},
    )
    assert str(found.verdict) == str(plain.verdict)


def test_clusterings_take_groups_and_labels_by_name():
    plain = AutoClustering(3, random_state=0).fit(framed(X), groups=GIVEN["groups"])
    found = AutoClustering(3, random_state=0).fit(framed(X), groups=framed(GIVEN["groups"], ORDER))
    assert found.scores_["score"].tolist() == plain.scores_["score"].tolist()
    assert subspace_r2(framed(X), framed(y, ORDER)) == subspace_r2(X, y)
