import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.stats import spearmanr
from sklearn.base import BaseEstimator
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge
from torch import nn

from sksubspace import MEDAL
from sksubspace.decoding import FourierRidge
from sksubspace.encoding import MedianEncoder
from sksubspace.metrics import EmbeddingScore, embedding_score
from tests._student.toy import Torn, curve


def digits(n=300):
    return load_digits().data[:n] / 16


def torn(n=240, noise=0.05):
    """Rows, and a map of them that only the median can follow."""
    X, _ = curve(n, noise=noise)
    return X, Torn().fit_transform(X)


def fitted(X, Z, **params):
    with pytest.warns(UserWarning, match="drawn with all of its rows in view"):
        return MEDAL("precomputed", **{"random_state": 0} | params).fit(X, embedding=Z)


@pytest.mark.parametrize("seed", [0, 7])
@pytest.mark.parametrize("kind", ["linear", "median"])
def test_is_the_leave_one_out_of_medal(kind, seed):
    X, Z = torn() if kind == "median" else (digits(), PCA(2).fit_transform(digits()))
    medal = fitted(X, Z, random_state=seed)
    score = embedding_score(X, Z, per_row=True, random_state=seed)
    assert score.encoder == medal.encoder_name_ == kind
    assert_allclose(score.r2, medal.loo_score_, rtol=1e-12)
    assert_allclose(score.distortion, medal.loo_distortion_, rtol=1e-9)
    if kind == "median":
        assert_allclose(score.placement_r2, medal.encoder_scores_["median"], rtol=1e-12)


def test_neighbors_are_those_of_medal():
    X, Z = torn()
    medal = fitted(X, Z, n_neighbors=4)
    assert_allclose(float(embedding_score(X, Z, n_neighbors=4)), medal.loo_score_, rtol=1e-12)
    assert abs(embedding_score(X, Z).r2 - medal.loo_score_) > 1e-6


def test_per_row_errors_add_up_to_the_score():
    X, Z = torn()
    score = embedding_score(X, Z, per_row=True)
    assert_allclose(score.squares, np.square(X - X.mean(0)).mean(1))
    assert_allclose(score.r2, 1 - score.distortion.sum() / score.squares.sum())
    assert score.n_samples == len(X)
    assert embedding_score(X, Z).distortion is None
    assert embedding_score(X, Z).squares is None


def test_a_permuted_map_says_nothing():
    X = digits()
    Z = PCA(2).fit_transform(X)
    score = embedding_score(X, Z[np.random.RandomState(0).permutation(len(Z))])
    assert score.r2 < 0.05
    assert score.placement_r2 < 0.05
    assert score.placement_error > 0.9  # as bad as the map's centre


def test_pca_scores_as_its_own_linear_map():
    X = np.random.RandomState(0).randn(400, 8) * [4, 3, 1, 1, 1, 1, 1, 1]  # linear is best
    pca = PCA(2).fit(X)
    score = embedding_score(X, pca.transform(X))
    assert score.encoder == "linear"
    assert score.placement_r2 > 1 - 1e-6
    assert score.placement_error < 1e-3
    assert score.r2 == pytest.approx(pca.explained_variance_ratio_.sum(), abs=0.03)


def test_placement_is_in_units_of_the_map():
    X, Z = torn()
    score, scaled = embedding_score(X, Z), embedding_score(X, 100 * Z + 5)
    assert_allclose(scaled.placement_error, score.placement_error, rtol=1e-6)
    assert_allclose(scaled.r2, score.r2, rtol=1e-6)
    assert_allclose(score.placement_r2, 1 - score.placement_error**2, rtol=1e-6)


@pytest.mark.parametrize("kind", ["linear", "median"])
def test_a_part_of_the_rows_is_scored_against_all(kind):
    X, Z = torn(240) if kind == "median" else (digits(240), PCA(2).fit_transform(digits(240)))
    # one scale and penalty for both: what differs is which rows were drawn to be scored
    fixed = MEDAL(decoder=FourierRidge(scale=8.0, penalty=1.0)) if kind == "median" else None
    whole = embedding_score(X, Z, student=fixed, per_row=True)
    part = embedding_score(X, Z, student=fixed, per_row=True, max_samples=120, random_state=1)
    assert part.encoder == whole.encoder == kind
    scored = ~np.isnan(part.distortion)
    assert part.n_samples == scored.sum() == 120
    assert_array_equal(np.isnan(part.squares), ~scored)
    assert_allclose(part.squares[scored], whole.squares[scored])
    on_the_same = 1 - whole.distortion[scored].sum() / whole.squares[scored].sum()
    assert part.r2 == pytest.approx(on_the_same, abs=0.05)
    # ranks: the rows beside the tear are far off in either, by how much depends on the others
    assert spearmanr(part.distortion[scored], whole.distortion[scored])[0] > 0.75


def test_as_many_samples_as_rows_is_all_of_them():
    X, Z = torn(120)
    expected = embedding_score(X, Z, max_samples=None).r2
    assert embedding_score(X, Z, max_samples=120).r2 == expected
    assert embedding_score(X, Z, max_samples=1000).r2 == expected


def test_rows_that_were_not_drawn_are_left_out():
    X, Z = torn()
    missing = np.arange(0, len(X), 7)
    Z[missing, 1] = np.nan
    score = embedding_score(X, Z, per_row=True)
    kept = np.setdiff1d(np.arange(len(X)), missing)
    assert score.r2 == embedding_score(X[kept], Z[kept]).r2
    assert score.n_samples == len(kept)
    assert_array_equal(np.flatnonzero(np.isnan(score.distortion)), missing)
    assert_array_equal(np.flatnonzero(np.isnan(score.squares)), missing)


@pytest.mark.parametrize("make", [sparse.csr_matrix, sparse.csr_array, sparse.coo_array])
def test_sparse_data_score_as_dense(make):
    X = digits(200)
    Z = np.column_stack([np.sign(X[:, 20] - 0.5), X[:, 30] + 3 * (X[:, 20] > 0.5)])
    dense, same = (embedding_score(data, Z, per_row=True) for data in (X, make(X)))
    assert same.encoder == dense.encoder
    assert same.r2 == pytest.approx(dense.r2, abs=1e-3)
    assert_allclose(same.squares, dense.squares)


def test_same_seed_same_score_and_no_other_state():
    X, Z = torn(120)
    before = np.random.get_state()[1].copy()
    scores = [embedding_score(X, Z, random_state=seed).r2 for seed in (3, 3, 4)]
    assert scores[0] == scores[1] != scores[2]
    assert embedding_score(X, Z, random_state=np.random.RandomState(3)).r2 == scores[0]
    assert np.isfinite(embedding_score(X, Z, random_state=None).r2)
    assert_array_equal(np.random.get_state()[1], before)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_arrays_of_the_caller_are_not_touched(dtype):
    X, Z = (table.astype(dtype) for table in torn(130))
    X_before, Z_before = X.copy(), Z.copy()
    X.flags.writeable = Z.flags.writeable = False
    expected = embedding_score(X, Z, max_samples=110).r2
    assert_array_equal(X, X_before)
    assert_array_equal(Z, Z_before)
    in_fortran_order = embedding_score(np.asfortranarray(X), np.asfortranarray(Z), max_samples=110)
    assert in_fortran_order.r2 == pytest.approx(expected, abs=1e-4)


def test_duplicate_entries_of_a_sparse_matrix_stay_as_they_are():
    twice = sparse.csr_matrix(([1.0, 2.0, 3.0, 1.0], ([0, 0, 1, 2], [0, 0, 1, 0])), shape=(3, 2))
    X = sparse.csr_matrix(
        (np.r_[twice.data, 1.0], np.r_[twice.indices, 0], np.r_[twice.indptr[:-1], 4]),
        shape=(3, 2),
    )
    n_stored = X.nnz
    embedding_score(X, [[0.0], [1], [2]])
    assert X.nnz == n_stored


@pytest.mark.parametrize("n", [2, 3, 5])
def test_few_rows(n):
    X, Z = curve(n)
    assert np.isfinite(float(embedding_score(X, Z)))


def test_result_reads_as_a_number_and_a_line():
    score = EmbeddingScore(0.5, 0.9, 0.3, "median", 1797)
    assert float(score) == score.r2 == 0.5
    assert str(score) == (
        "leave-one-out R2 0.500 of 1,797 rows (median encoder, R2 of its coordinates 0.900)"
    )
    three = EmbeddingScore(0.5, 0.9, 0.3, "median", 1797, continuous=0.4, global_share=0.75)
    assert str(three).endswith("0.900); continuous 0.400, global share 0.75")
    with pytest.raises(AttributeError):
        score.r2 = 1


BAD = {
    "nan in X": ({"X": [[np.nan], [1], [2]]}, "X must be a table of finite numbers"),
    "words": ({"X": [["a"], ["b"], ["c"]]}, "X must be a table of finite numbers"),
    "flat X": ({"X": [0.0, 1, 2]}, "X must be a table"),
    "infinite": ({"Z": [[np.inf], [1], [2]]}, "Z must be a table of numbers that are not infinite"),
    "flat Z": ({"Z": [0.0, 1, 2]}, "Z must be a table"),
    "lengths": ({"Z": [[0.0], [1]]}, "same number of rows, got 3 and 2"),
    "one point": ({"Z": [[1.0]] * 3}, "must spread over finite, distinct positions"),
    "nothing drawn": ({"Z": [[np.nan], [1.0], [np.nan]]}, "at least 2 rows without NaN, got 1"),
    "one row": ({"X": [[1.0]], "Z": [[1.0]]}, "X must have at least 2 rows, got 1"),
    "no neighbors": ({"n_neighbors": 0}, "n_neighbors must be at least 1, got 0"),
    "huge": ({"X": [[1e200], [0], [1]]}, "largest absolute value in X must be"),
    "no columns": ({"Z": np.empty((3, 0))}, "Z must be a table .*0 feature"),
    "no rows": ({"X": np.empty((0, 2))}, "X must be a table .*0 sample"),
    "seed": ({"max_samples": 2, "random_state": "a"}, "'a' cannot be used to seed"),
    "seed of no draw": ({"random_state": "a"}, "'a' cannot be used to seed"),
    "few samples": ({"max_samples": 2}, "max_samples must be at least 100, .* got 2"),
    "no samples": ({"max_samples": 0}, "max_samples must be at least 1"),
}


@pytest.mark.parametrize(("changes", "message"), BAD.values(), ids=list(BAD))
def test_bad_input_is_named(changes, message):
    given = {"X": [[0.0], [1], [3]], "Z": [[0.0], [1], [2]]} | changes
    with pytest.raises(ValueError, match=message):
        embedding_score(given.pop("X"), given.pop("Z"), **given)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_neighbors": 2.5}, "n_neighbors must be an integer, got 2.5"),
        ({"max_samples": "all"}, "max_samples must be an integer"),
        ({"Z": sparse.eye_array(3)}, "Z must be a table"),
    ],
)
def test_wrong_types_are_named(changes, message):
    given = {"X": np.eye(3), "Z": np.eye(3)[:, :2]} | changes
    with pytest.raises(TypeError, match=message):
        embedding_score(given.pop("X"), given.pop("Z"), **given)


class PlainRidge(BaseEstimator):
    """A decoder of another package, with a leave-out by refits."""

    def fit(self, Z, Z_out, X, forget):
        self.Z_, self.X_ = Z, X
        self.model_ = Ridge(0.1).fit(Z, X)
        return self

    def predict(self, Z):
        return self.model_.predict(Z)

    def left_out(self, at, forget):
        found = []
        for i in range(len(at)):
            kept = np.setdiff1d(np.arange(len(self.Z_)), forget[i])
            found.append(Ridge(0.1).fit(self.Z_[kept], self.X_[kept]).predict(at[i : i + 1])[0])
        return np.array(found)


STUDENTS = {
    "auto": {},
    "median": {"encoder": "median"},
    "linear": {"encoder": "linear"},
    "bare": {"encoder": "linear", "exact": None},
    "local": {"encoder": "local", "max_iter": 3},
    "few neighbors": {"n_neighbors": 3},
    "feature": {"scale": "feature"},
    "no scale": {"scale": "none"},
    "few frequencies": {"decoder": FourierRidge(50)},
    "objects": {"encoder": MedianEncoder(5), "decoder": FourierRidge(50, penalty=0.1)},
    "of another package": {"decoder": PlainRidge()},
}


@pytest.mark.parametrize("groups", [None, np.arange(120) // 3], ids=["rows", "groups"])
@pytest.mark.parametrize("params", STUDENTS.values(), ids=STUDENTS)
def test_scores_as_the_student_that_is_given(params, groups):
    X, Z = torn(120)
    student = MEDAL("precomputed", random_state=5, **params)
    score = embedding_score(X, Z, student=student, groups=groups, per_row=True)
    assert not hasattr(student, "embedding_")
    with pytest.warns(UserWarning, match="drawn with all of its rows in view"):
        medal = student.fit(X, embedding=Z, groups=groups)
    assert score.r2 == pytest.approx(medal.loo_score_, abs=1e-12)
    assert score.continuous == pytest.approx(medal.continuous_, abs=1e-12, nan_ok=True)
    assert score.global_share == pytest.approx(medal.global_share_, abs=1e-12)
    assert score.encoder == medal.encoder_name_
    assert_allclose(score.distortion, medal.loo_distortion_, rtol=1e-9)


def test_the_seed_of_a_student_comes_before_that_of_the_call():
    X, Z = torn(120)
    own = [embedding_score(X, Z, student=MEDAL(random_state=5), random_state=s).r2 for s in (0, 1)]
    drawn = [embedding_score(X, Z, student=MEDAL(), random_state=s).r2 for s in (0, 1)]
    assert own[0] == own[1]
    assert drawn[0] != drawn[1]
    assert drawn == [embedding_score(X, Z, random_state=s).r2 for s in (0, 1)]


@pytest.mark.parametrize(
    ("params", "named"),
    [
        ({"encoder": "mlp"}, "encoder='mlp' with decoder='ridge'"),
        ({"decoder": "mlp"}, "encoder='linear' with decoder='mlp'"),
        ({"encoder": nn.Linear(5, 2)}, "encoder='module' with decoder='ridge'"),
        ({"strategy": "joint"}, "encoder='mlp' with decoder='mlp'"),
    ],
    ids=["encoder", "decoder", "module", "joint"],
)
def test_networks_cannot_be_left_out(params, named):
    X, Z = torn(120)
    with pytest.raises(ValueError, match=f"student must have .*leave-one-out form, got {named}"):
        embedding_score(X, Z, student=MEDAL(**params))


@pytest.mark.parametrize("student", [MEDAL, "median", FourierRidge()])
def test_a_student_is_a_medal(student):
    X, Z = torn(120)
    with pytest.raises(TypeError, match="student must be a MEDAL or None, got"):
        embedding_score(X, Z, student=student)


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        (np.arange(119), "one entry for each of the 120 rows"),
        (np.append(np.arange(119.0), np.nan), "must not be missing, but 1 entries"),
        (np.arange(120) % 2, "at least 3 different values, got 2"),
    ],
)
def test_unusable_groups_are_named(groups, message):
    X, Z = torn(120)
    with pytest.raises(ValueError, match=f"groups .*{message}"):
        embedding_score(X, Z, groups=groups)


def test_copies_are_counted_and_told_once():
    X, Z = torn(120)
    X, Z = np.vstack([X, X[:30]]), np.vstack([Z, Z[:30]])
    with pytest.warns(UserWarning, match="60 of 150 rows are equal or nearly equal") as told:
        assert embedding_score(X, Z).n_copies == 60
    assert len(told) == 1


@pytest.mark.filterwarnings("error")
def test_groups_that_are_given_are_not_warned_of():
    X, Z = torn(120)
    X, Z = np.vstack([X, X[:30]]), np.vstack([Z, Z[:30]])
    assert embedding_score(X, Z, groups=np.append(np.arange(120), np.arange(30))).n_copies == 0
