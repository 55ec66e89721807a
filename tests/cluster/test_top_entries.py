"""The largest entries of each row, against a sort."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from sksubspace.cluster._top_entries import keep_largest, largest_columns, product_blocks


def by_sorting(scores, k):
    order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return np.sort(order, axis=1)


@pytest.mark.parametrize("k", [1, 4, 29, 30, 50])
@pytest.mark.parametrize("levels", [2, 5, 10**9])
def test_it_is_a_stable_sort(k, levels):
    """Few levels make most scores ties; the first of equal ones is taken."""
    scores = np.random.RandomState(0).randint(levels, size=(50, 30)).astype(float)
    columns = largest_columns(torch.from_numpy(scores), k)
    assert_array_equal(columns.numpy(), by_sorting(scores, min(k, 30)))


def test_rounding_does_not_break_ties():
    scores = torch.tensor([[0.5, 1 - 1e-16, 0.2, 1.0, 1 - 2e-16]], dtype=torch.float64)
    assert largest_columns(scores, 2).tolist() == [[1, 3]]
    assert largest_columns(torch.tensor([[0.9, 1.0, 0.999]]), 1).tolist() == [[1]]


def test_entries_keep_their_sign_and_zeros_are_dropped():
    rows = torch.tensor([[0.0, -3.0, 2.0, 1.0], [0.0, 0.0, 0.0, -1.0]], dtype=torch.float64)
    C = keep_largest([rows[:1], rows[1:]], 2, 4)
    assert_array_equal(C.toarray(), [[0, -3, 2, 0], [0, 0, 0, -1]])
    assert C.nnz == 3
    assert C.has_sorted_indices


@pytest.mark.parametrize("batch_size", [1, 7, 40, "auto"])
@pytest.mark.parametrize("make", [np.asarray, sparse.csr_matrix], ids=["dense", "csr"])
def test_blocks_make_up_the_product(batch_size, make):
    rng = np.random.RandomState(0)
    X, Y = rng.randn(40, 5), rng.randn(5, 11)
    blocks = product_blocks(make(X), make(Y), batch_size, torch.device("cpu"))
    product = np.full((40, 11), np.nan)
    for rows, block in blocks:
        product[rows] = block.numpy()
    assert_allclose(product, X @ Y)
