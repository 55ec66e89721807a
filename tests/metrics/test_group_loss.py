import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.decomposition import PCA

from sksubspace import MEDAL
from sksubspace.metrics import embedding_score, group_loss
from sksubspace.model_selection import compare_embeddings


def donors(shift):
    rng = np.random.RandomState(0)
    donor = np.repeat(np.arange(10), 12)
    return rng.randn(120, 5) + shift * rng.randn(10, 5)[donor], donor


def test_is_the_difference_of_two_scores():
    X, donor = donors(3)
    Z = X[:, :2] + 0.1
    loss = group_loss(X, Z, donor)
    assert loss.r2 == embedding_score(X, Z, groups=donor).r2
    assert loss.row_r2 == embedding_score(X, Z, groups=np.arange(120)).r2
    assert float(loss) == loss.lost == loss.row_r2 - loss.r2
    assert loss.n_groups == 10
    assert f"{loss.lost:+.3f}" in str(loss)


def test_is_what_comparisons_call_lost():
    X, donor = donors(3)
    student = MEDAL(encoder="linear", random_state=3)
    Z = PCA(2).fit_transform(X)
    row = compare_embeddings(
        X, {"PCA": PCA(2)}, groups=donor, method="loo", student=student, controls=False,
        random_state=3,
    ).results[0]  # fmt: skip
    loss = group_loss(X, Z, donor, student=student)
    assert_allclose([loss.r2, loss.lost], [row.score, row.lost_to_groups], rtol=1e-9)


def test_donors_that_differ_lose_and_others_do_not():
    X, donor = donors(3)
    assert group_loss(X, X[:, :2], donor).lost > 0.1
    X, donor = donors(0)
    assert abs(group_loss(X, X[:, :2], donor).lost) < 0.03


@pytest.mark.parametrize("groups", [None, np.arange(120) % 2, np.arange(7)])
def test_bad_groups_are_named(groups):
    X, _ = donors(0)
    with pytest.raises(ValueError, match="groups must have"):
        group_loss(X, X[:, :2], groups)
