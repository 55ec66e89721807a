import numpy as np
import pytest
from scipy import sparse

from sksubspace.metrics import cluster_deviance_explained
from sksubspace.model_selection import thin_counts


def toy(n=240, d=30, seed=0):
    """Counts of three kinds of rows, and the kinds."""
    rng = np.random.RandomState(seed)
    kind = rng.randint(3, size=n)
    rates = rng.gamma(1, size=(3, d))[kind] * rng.uniform(0.5, 2, size=(n, 1))
    return rng.poisson(rates), kind


def slow_and_plain(counts, labels, train):
    """The formula, entry by entry."""
    n, d = counts.shape
    common = (train.sum(axis=0) + 1 / d) / (train.sum() + 1)
    mean_row = train.sum() / n
    deviance = null = 0.0
    for i in range(n):
        own = train[labels == labels[i]]
        mu = (own.sum(axis=0) + mean_row * common) / (own.sum() + mean_row)
        s = counts[i].sum()
        for g in range(d):
            x = counts[i, g]
            logs = [2 * x * np.log(x / (s * m)) if x else 0.0 for m in (mu[g], common[g])]
            deviance += logs[0] - 2 * (x - s * mu[g])
            null += logs[1] - 2 * (x - s * common[g])
    return 1 - deviance / null


@pytest.mark.parametrize("with_train", [False, True])
def test_it_is_the_formula(with_train):
    counts, kind = toy(60, 12)
    train, test = thin_counts(counts) if with_train else (None, counts)
    found = cluster_deviance_explained(test, kind, train=train)
    assert found == pytest.approx(slow_and_plain(test, kind, test if train is None else train))


def test_unseen_counts_turn_where_clusters_are_of_noise_and_seen_ones_do_not():
    counts, kind = toy()
    train, test = thin_counts(counts)
    rng = np.random.RandomState(0)
    finer = [kind * parts + rng.randint(parts, size=len(kind)) for parts in (1, 4, 16)]
    unseen = [cluster_deviance_explained(test, labels, train=train) for labels in finer]
    seen = [cluster_deviance_explained(train, labels) for labels in finer]
    assert unseen[0] > unseen[1] > unseen[2]
    assert seen[0] < seen[1] < seen[2]
    assert abs(cluster_deviance_explained(test, rng.permutation(kind), train=train)) < 0.02


def test_forms_and_names_of_clusters_do_not_matter():
    counts, kind = toy()
    expected = cluster_deviance_explained(counts, kind)
    names = np.array(["b", "c", "a"])[kind]
    for form in (sparse.csr_matrix, sparse.csc_array, np.asarray):
        assert cluster_deviance_explained(form(counts), names) == pytest.approx(expected, 1e-12)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"counts": -np.ones((4, 2))}, "counts"),
        ({"counts": np.full((4, 2), 0.5)}, "counts"),
        ({"labels": [0, 1]}, "labels"),
        ({"train": np.ones((4, 3))}, r"train must have the shape of counts, \(4, 2\)"),
    ],
)
def test_bad_input_is_named(given, message):
    right = {"counts": np.ones((4, 2)), "labels": [0, 0, 1, 1]}
    with pytest.raises(ValueError, match=message):
        cluster_deviance_explained(**(right | given))
