import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import sparse
from sklearn.decomposition import PCA
from sklearn.metrics import r2_score

from sksubspace._student._eigenbasis import Eigenbasis, matern_frequencies
from sksubspace._student._learning import READINGS
from sksubspace.metrics._learnt import learn_map


@pytest.fixture(scope="module")
def learnt():
    rng = np.random.RandomState(0)
    X = rng.randn(150, 3) @ rng.randn(3, 6) + 0.2 * rng.randn(150, 6)
    return learn_map(X, PCA(2).fit_transform(X))


def test_what_is_not_read_changes_nothing_that_is(learnt):
    """Controls spare decoders; the numbers are those of a map that is learnt with all of them."""
    Z = np.random.RandomState(1).permutation(learnt.Z) + learnt.Z
    whole = learn_map(learnt.X, Z).found
    all_of_it, control = learnt.again(Z, read=READINGS), learnt.again(Z)
    by_line = learnt.again(Z, read=("global_share",))
    assert np.isfinite(whole.continuous)
    assert np.isnan(control.continuous)
    for found in (all_of_it, control):
        assert_allclose(found.squared_errors, whole.squared_errors, rtol=1e-9)
        assert found.score == pytest.approx(whole.score, rel=1e-9)
    assert all_of_it.continuous == pytest.approx(whole.continuous, rel=1e-9)
    for found in (all_of_it, control, by_line):
        assert found.global_share == pytest.approx(whole.global_share, rel=1e-9)
    pca = PCA(2).fit(learnt.X)
    principal = r2_score(learnt.X, pca.inverse_transform(pca.transform(learnt.X)),
                         multioutput="variance_weighted")  # fmt: skip
    assert by_line.score == pytest.approx(whole.global_share * principal, rel=1e-6)


def test_moments_of_sparse_rows_are_those_of_dense_ones_over_several_blocks():
    rng = np.random.RandomState(0)
    Z, X = rng.randn(2_500, 2), rng.randn(2_500, 5) * (rng.rand(2_500, 5) < 0.3)
    basis = Eigenbasis.of(Z, matern_frequencies(2, 6, rng))
    assert_allclose(basis.moment(Z, sparse.csr_matrix(X)), basis.moment(Z, X), atol=1e-9)
