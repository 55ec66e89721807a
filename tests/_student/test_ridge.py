import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse, stats
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression, Ridge

from sksubspace._student import Forget, FourierRidge, _block_leave_out, _ridge_choice
from sksubspace._student._eigenbasis import fourier_features, matern_frequencies
from sksubspace._student._groups import next_door


def swiss(n, noise=0.1, seed=0):
    """A map of two coordinates, where the encoder would put its rows, and data of five features."""
    rng = np.random.RandomState(seed)
    Z = rng.uniform(-1.5, 1.5, size=(n, 2))
    Z_out = Z + 0.1 * rng.randn(n, 2)
    X = np.column_stack([np.sin(2 * Z), np.cos(3 * Z[:, :1]), Z.prod(1), Z[:, 0]])
    return Z, Z_out, X + noise * rng.randn(n, 5)


def forget_of(Z, Z_out, groups=None, door=True, rows=None):
    """Each row's group and, if `door`, the row next door by brute force."""
    groups = np.arange(len(Z)) if groups is None else groups
    rows = np.arange(len(Z)) if rows is None else rows
    if not door:
        return Forget(groups, rows)
    apart = np.square(Z_out[:, None] - Z[None]).sum(axis=2)
    apart[groups[rows][:, None] == groups[None]] = np.inf
    return Forget(groups, rows, apart.argmin(axis=1))


def fit(Z, Z_out, X, forget=None, **params):
    forget = forget_of(Z, Z_out) if forget is None else forget
    params = {"n_frequencies": 12, "random_state": 0, **params}
    return FourierRidge(**params).fit(Z, Z_out, X, forget)


def ridge(Z, X, decoder):
    """The ridge regression of a decoder by another solver, on other rows."""
    model = Ridge(alpha=decoder.penalty_, solver="svd")
    return model.fit(fourier_features(Z, decoder.frequencies_), X)


def refitted(Z, X, decoder, at, forget):
    """What a ridge that is fitted anew without ``forget[i]`` makes of ``at[i]``."""
    found = np.empty((len(at), X.shape[1]))
    for i in range(len(at)):
        kept = np.setdiff1d(np.arange(len(Z)), forget[i])
        model = ridge(Z[kept], X[kept], decoder)
        found[i] = model.predict(fourier_features(at[i : i + 1], decoder.frequencies_))[0]
    return found


def left_out_error(X, decoder, at, forget):
    return np.square(X[forget.own] - decoder.left_out(at, forget)).sum()


@pytest.mark.parametrize("door", [False, True], ids=["own", "next door"])
@pytest.mark.parametrize("n", [20, 60], ids=["fewer rows than features", "more rows"])
@pytest.mark.parametrize("noise", [0.1, 3.0])
def test_left_out_rows_are_those_of_a_refit(n, noise, door):
    Z, Z_out, X = swiss(n, noise)
    forget = forget_of(Z, Z_out, door=door)
    decoder = fit(Z, Z_out, X, forget)
    assert decoder.coef_.shape == (26, 5)
    expected = refitted(Z, X, decoder, Z_out, forget)
    assert_allclose(decoder.left_out(Z_out, forget), expected, rtol=1e-5, atol=1e-6)


SIZES = {
    "pairs": np.repeat(np.arange(60), 2),
    "fives": np.repeat(np.arange(24), 5),
    "twelves": np.repeat(np.arange(10), 12),
    "forties": np.repeat(np.arange(3), 40),
    "mixed": np.repeat(np.arange(9), [1, 1, 2, 5, 8, 9, 12, 40, 42]),
    "singles beside one large": np.append(np.arange(70), np.full(50, 70)),
}


@pytest.mark.parametrize("door", [False, True], ids=["own", "next door"])
@pytest.mark.parametrize("n_frequencies", [12, 100], ids=["primal", "dual"])
@pytest.mark.parametrize("groups", SIZES.values(), ids=SIZES)
def test_left_out_groups_are_those_of_a_refit(groups, n_frequencies, door):
    """To 1e-8, in stacks and one by one, in the dimension of the group and of the features."""
    Z, Z_out, X = swiss(120)
    groups = np.random.RandomState(0).permutation(groups)
    forget = forget_of(Z, Z_out, groups, door)
    params = {"n_frequencies": n_frequencies, "scale": 4.0, "penalty": 0.3}
    decoder = fit(Z, Z_out, X, forget, **params)
    some = np.arange(0, 120, 4)
    expected = refitted(Z, X, decoder, Z_out[some], forget[some])
    assert_allclose(decoder.left_out(Z_out, forget)[some], expected, rtol=0, atol=1e-8)


def test_groups_larger_than_all_features_are_left_out_too():
    """As with 400 frequencies and groups of more than 802 rows, in small."""
    Z, Z_out, X = swiss(90)
    groups = np.repeat([0, 1, 2], 30)
    forget = forget_of(Z, Z_out, groups)
    decoder = fit(Z, Z_out, X, forget, n_frequencies=3, scale=2.0, penalty=0.1)
    expected = refitted(Z, X, decoder, Z_out, forget)
    assert_allclose(decoder.left_out(Z_out, forget), expected, rtol=0, atol=1e-8)


@pytest.mark.parametrize("sizes", [[805, 20, 25], [200, 200, 200]], ids=["primal", "dual"])
def test_groups_of_hundreds_with_the_default_features(sizes):
    Z, Z_out, X = swiss(sum(sizes))
    groups = np.repeat(np.arange(3), sizes)
    forget = forget_of(Z, Z_out, groups)
    decoder = fit(Z, Z_out, X, forget, n_frequencies=400, scale=4.0, penalty=0.5)
    some = np.r_[0, 7, sizes[0], sizes[0] + 19, sum(sizes) - 1]
    expected = refitted(Z, X, decoder, Z_out[some], forget[some])
    assert_allclose(decoder.left_out(Z_out, forget)[some], expected, rtol=0, atol=1e-8)


def test_rows_next_to_each_other_are_forgotten_of_the_same_and_of_other_groups():
    """Whatever `next_door` says: twice the same row, and places far away."""
    Z, _, X = swiss(40)
    rng = np.random.RandomState(1)
    forget = Forget(np.arange(40), np.arange(40), np.where(np.arange(40) == 3, 5, 3))
    at = 2 * rng.randn(40, 2)
    decoder = fit(Z, Z, X, scale=2.0, penalty=0.2)
    expected = refitted(Z, X, decoder, at, forget)
    assert_allclose(decoder.left_out(at, forget), expected, rtol=0, atol=1e-8)


def test_without_frequencies_it_is_least_squares():
    """The global reading: a line without the row, its group and the row next door."""
    rng = np.random.RandomState(0)
    Z, X = rng.randn(50, 2), rng.randn(50, 2) @ rng.randn(2, 5)
    groups, at = np.arange(50) // 4, Z + 0.1 * rng.randn(50, 2)
    forget = forget_of(Z, at, groups)
    line = fit(Z, at, X, forget, n_frequencies=0, scale=1.0, penalty=1e-12)
    found = line.left_out(at, forget)
    for i in range(50):
        kept = np.setdiff1d(np.arange(50), forget[i])
        expected = LinearRegression().fit(Z[kept], X[kept]).predict(at[i : i + 1])[0]
        assert_allclose(found[i], expected, rtol=0, atol=1e-8)
    assert_allclose(line.predict(at), LinearRegression().fit(Z, X).predict(at), atol=1e-9)


def test_forgotten_rows_do_not_matter():
    """No number of the group or the row next door reaches the prediction."""
    Z, Z_out, X = swiss(40)
    groups = np.arange(40) // 2
    forget = forget_of(Z, Z_out, groups)
    params = {"scale": 4.0, "penalty": 0.3}
    before = fit(Z, Z_out, X, forget, **params).left_out(Z_out, forget)
    for i in (0, 21):
        moved = X.copy()
        moved[forget[i]] += 7
        after = fit(Z, Z_out, moved, forget, **params).left_out(Z_out, forget)
        assert_allclose(after[i], before[i], atol=1e-9)
        assert not np.allclose(after, before)


@pytest.mark.parametrize("n", [4, 5, 30])
def test_left_out_error_of_a_map_that_says_nothing(n):
    """The mean is all there is then, and it must not know the row."""
    rng = np.random.RandomState(0)
    Z, X = rng.randn(n, 2), rng.randn(n, 4)
    forget = forget_of(Z, Z)
    decoder = fit(Z, Z, X, forget)
    expected = refitted(Z, X, decoder, Z, forget)
    assert_allclose(decoder.left_out(Z, forget), expected, rtol=1e-5, atol=1e-6)


def test_next_door_is_the_nearest_place_of_another_group():
    Z, Z_out, _ = swiss(60)
    for groups in (np.arange(60), np.arange(60) // 3):
        expected = forget_of(Z, Z_out, groups).next_door
        assert_array_equal(next_door(Z_out, Z, Forget(groups, np.arange(60))), expected)
    rows = np.array([4, 50])
    found = next_door(Z_out[rows], Z, Forget(groups, rows))
    assert_array_equal(found, expected[rows])


def test_some_rows_are_left_out_as_among_all():
    Z, Z_out, X = swiss(60)
    rows = np.array([0, 3, *range(20, 41), 59])
    groups = np.arange(60) // 2
    whole, part = forget_of(Z, Z_out, groups), forget_of(Z, Z_out[rows], groups, rows=rows)
    params = {"scale": 8.0, "penalty": 0.1}
    first = fit(Z, Z_out, X, whole, **params)
    second = fit(Z, Z_out[rows], X, part, **params)
    expected = first.left_out(Z_out, whole)[rows]
    assert_allclose(second.left_out(Z_out[rows], part), expected, atol=1e-10)
    assert_array_equal(second.coef_, first.coef_)


def test_choosing_for_some_rows_looks_at_these_alone():
    """Rows that are not left out may be placed anywhere without a say in scale and penalty."""
    Z, Z_out, X = swiss(60)
    rows = np.arange(30, 60)
    first = fit(Z, Z_out[rows], X, forget_of(Z, Z_out[rows], rows=rows))
    X_other = X.copy()
    X_other[:30] = 100 * np.random.RandomState(0).randn(30, 5)
    second = fit(Z, Z_out[rows], X_other, forget_of(Z, Z_out[rows], rows=rows))
    assert (first.scale_, first.penalty_) == (second.scale_, second.penalty_)


def test_the_decoder_is_the_ridge_solution():
    Z, Z_out, X = swiss(60)
    decoder = fit(Z, Z_out, X)
    model = ridge(Z, X, decoder)
    assert_allclose(decoder.predict(Z), model.predict(fourier_features(Z, decoder.frequencies_)))
    assert_allclose(decoder.coef_, model.coef_.T, atol=1e-8)
    assert_allclose(decoder.intercept_, model.intercept_, atol=1e-8)


@pytest.mark.parametrize("size", [1, 3])
def test_scale_and_penalty_have_the_least_left_out_error(size):
    """Among the candidates a climb over the scales looks at, none is better than the chosen one."""
    Z, Z_out, X = swiss(48)
    forget = forget_of(Z, Z_out, np.arange(48) // size)
    decoder = fit(Z, Z_out, X, forget)
    error = left_out_error(X, decoder, Z_out, forget)
    for penalty in 10.0 ** np.arange(-4, 5):
        for scale in (decoder.scale_ / 2, decoder.scale_, decoder.scale_ * 2):
            rival = fit(Z, Z_out, X, forget, scale=scale, penalty=penalty)
            assert left_out_error(X, rival, Z_out, forget) >= error * (1 - 1e-9)


def plain_left_out_error(Z, X, decoder, at, forget):
    """Squared error of ridges that are fitted anew without what each row must not have seen."""
    F, there = (fourier_features(places, decoder.frequencies_) for places in (Z, at))
    error = 0.0
    for i, target in enumerate(X):
        kept = np.setdiff1d(np.arange(len(Z)), forget[i])
        centre, mean = F[kept].mean(axis=0), X[kept].mean(axis=0)
        G = F[kept] - centre
        coef = np.linalg.solve(G.T @ G + decoder.penalty_ * np.eye(G.shape[1]), G.T @ X[kept])
        error += np.square(target - mean - (there[i] - centre) @ coef).sum()
    return error


def a_blurred_map():
    """Where the encoder is off, a decoder that would do at z_i is too rough."""
    Z, _, X = swiss(60, noise=0.05)
    return Z, Z + 0.5 * np.random.RandomState(0).randn(60, 2), X


def a_card_that_names_rows():
    """A map of nothing, where each row is put at the place of the row nearest in X."""
    rng = np.random.RandomState(0)
    X = rng.randn(60, 2) @ rng.randn(2, 5)
    Z = rng.uniform(-1.5, 1.5, size=(60, 2))
    apart = np.square(X[:, None] - X[None]).sum(axis=2)
    np.fill_diagonal(apart, np.inf)
    return Z, Z[apart.argmin(axis=1)], X


GRIDS = {"penalty": 10.0 ** np.arange(-4, 5), "scale": 2.0 ** np.arange(-2, 7)}


@pytest.mark.parametrize(
    ("make", "choose", "given"),
    [
        (a_blurred_map, "penalty", {"scale": 4.0}),
        (a_card_that_names_rows, "penalty", {"scale": 4.0}),
        (a_card_that_names_rows, "scale", {"penalty": 10.0}),
    ],
)
def test_the_choice_is_best_at_left_out_places_without_the_row_next_door(make, choose, given):
    """And not what the ordinary leave-one-out takes: at z_i, or with the row next door."""
    Z, at, X = make()
    rivals = [fit(Z, at, X, **given, **{choose: value}) for value in GRIDS[choose]]

    def best(places, forget):
        errors = [plain_left_out_error(Z, X, rival, places, forget) for rival in rivals]
        return GRIDS[choose][np.argmin(errors)]

    expected = best(at, forget_of(Z, at))
    ordinary = best(Z, forget_of(Z, Z, door=False))
    with_door = best(at, forget_of(Z, at, door=False))
    assert {ordinary, with_door} != {expected}  # data on which they differ
    assert getattr(fit(Z, at, X, **given), f"{choose}_") == expected


def test_given_numbers_are_taken_and_missing_ones_chosen_beside_them():
    Z, Z_out, X = swiss(48)
    forget = forget_of(Z, Z_out)
    both = fit(Z, Z_out, X, scale=3.0, penalty=0.7)
    assert (both.scale_, both.penalty_) == (3.0, 0.7)
    decoder = fit(Z, Z_out, X, scale=3.0)
    error = left_out_error(X, decoder, Z_out, forget)
    for penalty in 10.0 ** np.arange(-4, 5):
        rival = fit(Z, Z_out, X, scale=3.0, penalty=penalty)
        assert left_out_error(X, rival, Z_out, forget) >= error * (1 - 1e-9)
    assert fit(Z, Z_out, X, penalty=0.7).penalty_ == 0.7


def test_an_encoder_that_is_off_asks_for_a_smoother_decoder():
    """Places left out, not z_i itself, decide."""
    rng = np.random.RandomState(0)
    Z, _, X = swiss(150, noise=0.05)
    at = Z + 0.7 * rng.randn(150, 2)
    near, far = fit(Z, Z, X, n_frequencies=400), fit(Z, at, X, n_frequencies=400)
    assert near.predict(Z).var() > 1.5 * far.predict(Z).var()
    total = np.square(X - X.mean(0)).sum()
    assert left_out_error(X, far, at, forget_of(Z, at)) < 1.1 * total


def test_a_place_that_names_its_row_gains_nothing():
    """Section 2's trap: each row is put at another's place of a map that says nothing else."""
    rng = np.random.RandomState(0)
    X = rng.randn(300, 2) @ rng.randn(2, 8)
    Z = rng.uniform(-1.5, 1.5, size=(300, 2))  # nothing of X
    apart = np.square(X[:, None] - X[None]).sum(axis=2)
    np.fill_diagonal(apart, np.inf)
    at = Z[apart.argmin(axis=1)]  # the place of the nearest row in X: a card that names it
    total = np.square(X - X.mean(0)).sum()
    scores = []
    for door in (False, True):
        forget = forget_of(Z, at, door=door)
        decoder = fit(Z, at, X, forget, n_frequencies=400)
        scores.append(1 - left_out_error(X, decoder, at, forget) / total)
    assert scores[0] > 0.3 and abs(scores[1]) < 0.03


def test_chosen_at_other_places_is_as_fitted_there():
    Z, Z_out, X = swiss(60)
    own = forget_of(Z, Z_out, door=False)
    decoder = fit(Z, Z_out, X)
    other = decoder.chosen_at(Z_out + 0.3, own)
    expected = fit(Z, Z_out + 0.3, X, own)
    assert other.get_params() == decoder.get_params()
    assert (other.scale_, other.penalty_) == (expected.scale_, expected.penalty_)
    assert_array_equal(other.coef_, expected.coef_)
    assert decoder.penalty_ == fit(Z, Z_out, X).penalty_


def test_frequencies_are_those_of_a_matern_kernel():
    """E cos(b (z - z')) = (1 + sqrt(3) r) exp(-sqrt(3) r), the Matern-3/2 kernel."""
    B = matern_frequencies(2, 200_000, np.random.RandomState(0))
    for r in (0.2, 0.7, 1.5):
        expected = (1 + np.sqrt(3) * r) * np.exp(-np.sqrt(3) * r)
        assert np.cos(B.T @ [r, 0]).mean() == pytest.approx(expected, abs=0.01)
        assert np.cos(B.sum(0) * r / np.sqrt(2)).mean() == pytest.approx(expected, abs=0.01)
    assert stats.kstest(B[0], stats.t(3).cdf).pvalue > 0.01


def test_features():
    Z, B = np.array([[1.0, 2.0]]), np.array([[0.5], [0.25]])
    assert_allclose(fourier_features(Z, B), [[1, 2, np.cos(1), np.sin(1)]])
    assert fourier_features(Z.astype(np.float32), B).dtype == np.float64


def test_it_recovers_a_smooth_map():
    Z, _, X = swiss(300, noise=0)
    decoder = fit(Z, Z, X, n_frequencies=100)
    Z_new, _, X_new = swiss(200, noise=0, seed=1)
    assert 1 - np.square(X_new - decoder.predict(Z_new)).sum() / (X_new.var(0).sum() * 200) > 0.999
    forget = forget_of(Z, Z)
    assert left_out_error(X, decoder, Z, forget) < 0.002 * np.square(X - X.mean(0)).sum()


def test_sparse_target_gives_the_dense_result():
    Z, Z_out, X = swiss(80)
    X[np.abs(X) < 0.4] = 0
    forget = forget_of(Z, Z_out, np.arange(80) // 2)
    dense, same = (fit(Z, Z_out, data, forget) for data in (X, sparse.csr_matrix(X)))
    assert_allclose(same.coef_, dense.coef_, atol=1e-9)
    assert_allclose(same.left_out(Z_out, forget), dense.left_out(Z_out, forget), atol=1e-9)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_of_the_target_is_kept(dtype):
    Z, Z_out, X = swiss(40)
    decoder = fit(Z, Z_out, X.astype(dtype))
    assert decoder.coef_.dtype == decoder.intercept_.dtype == decoder.predict(Z).dtype == dtype
    assert decoder.left_out(Z_out, forget_of(Z, Z_out)).dtype == np.float64


def test_float32_target_gives_the_float64_decoder_to_single_precision():
    Z, Z_out, X = swiss(60)
    double, single = (fit(Z, Z_out, X.astype(dtype)) for dtype in (np.float64, np.float32))
    assert_allclose(single.predict(Z), double.predict(Z), atol=1e-4)


def test_the_seed_decides_everything():
    data = swiss(40)
    first, second, other = (fit(*data, random_state=seed).coef_ for seed in (0, 0, 1))
    assert_array_equal(first, second)
    assert not np.array_equal(first, other)


def test_a_row_alone_is_decoded_as_in_a_batch():
    Z, Z_out, X = swiss(40)
    decoder = fit(Z, Z_out, X, n_frequencies=400)
    single = np.vstack([decoder.predict(row[None]) for row in Z_out])
    assert_array_equal(single, decoder.predict(Z_out))


@pytest.mark.parametrize("size", [1, 2, 20])
def test_blocks_change_nothing(monkeypatch, size):
    Z, Z_out, X = swiss(60)
    forget = forget_of(Z, Z_out, np.arange(60) // size)
    whole = fit(Z, Z_out, X, forget)
    monkeypatch.setattr(_block_leave_out, "_STACK_ELEMENTS", 100)
    blocked = fit(Z, Z_out, X, forget)
    assert blocked.penalty_ == whole.penalty_
    assert_allclose(blocked.left_out(Z_out, forget), whole.left_out(Z_out, forget), rtol=1e-9)
    single = [whole.left_out(Z_out[[i]], forget[np.array([i])])[0] for i in range(60)]
    assert_allclose(single, whole.left_out(Z_out, forget), rtol=1e-7, atol=1e-10)


@pytest.mark.parametrize("size", [1, 3])
def test_choosing_on_a_part_of_the_rows_still_fits_all_of_them(size):
    Z, Z_out, X = swiss(150)
    forget = forget_of(Z, Z_out, np.arange(150) // size)
    decoder = fit(Z, Z_out, X, forget, max_samples=60)
    assert_allclose(decoder.coef_, ridge(Z, X, decoder).coef_.T, atol=1e-7)
    expected = refitted(Z, X, decoder, Z_out, forget)
    assert_allclose(decoder.left_out(Z_out, forget), expected, rtol=1e-5, atol=1e-6)


def test_choosing_on_leading_components_hardly_differs(monkeypatch):
    """Above 48 features the choice is made on principal scores."""
    rng = np.random.RandomState(0)
    Z, Z_out, X = swiss(120)
    wide = X @ rng.randn(5, 60) + 0.05 * rng.randn(120, 60)
    forget = forget_of(Z, Z_out)
    few = left_out_error(wide, fit(Z, Z_out, wide, n_frequencies=400), Z_out, forget)
    monkeypatch.setattr(_ridge_choice, "_SELECTION_TARGETS", 1000)
    full = left_out_error(wide, fit(Z, Z_out, wide, n_frequencies=400), Z_out, forget)
    assert few == pytest.approx(full, rel=0.05)


@pytest.mark.parametrize("shape", [(2, 1, 1), (2, 2, 3), (5, 1, 1), (4, 3, 60)])
def test_small_shapes(shape):
    n, q, d = shape
    rng = np.random.RandomState(0)
    Z, X = rng.randn(n, q), rng.randn(n, d)
    forget = forget_of(Z, Z, door=n > 3)
    decoder = FourierRidge(random_state=0).fit(Z, Z, X, forget)
    assert decoder.predict(Z[:1]).shape == (1, d)
    assert np.isfinite(decoder.predict(Z)).all()
    assert np.isfinite(decoder.left_out(Z, forget)).all()


def test_constant_target_is_reproduced():
    Z, Z_out, _ = swiss(30)
    decoder = fit(Z, Z_out, np.full((30, 3), 7.0))
    assert_allclose(decoder.predict(Z), 7)
    assert_allclose(decoder.left_out(Z_out, forget_of(Z, Z_out)), 7, atol=1e-6)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"n_frequencies": -1}, "n_frequencies must be a whole number of at least 0, got -1"),
        ({"n_frequencies": 2.5}, "n_frequencies must be a whole number of at least 0, got 2.5"),
        ({"n_frequencies": True}, "n_frequencies must be a whole number of at least 0, got True"),
        ({"max_samples": 3}, "max_samples must be a whole number of at least 4, got 3"),
        ({"scale": 0.0}, "scale must be a positive number or 'auto', got 0.0"),
        ({"scale": "wide"}, "scale must be a positive number or 'auto', got 'wide'"),
        ({"penalty": np.inf}, "penalty must be a positive number or 'auto', got inf"),
        ({"penalty": np.nan}, "penalty must be a positive number or 'auto', got nan"),
        ({"penalty": None}, "penalty must be a positive number or 'auto', got None"),
    ],
)
def test_bad_parameters(params, message):
    with pytest.raises(ValueError, match=message):
        fit(*swiss(20), **params)


@pytest.mark.parametrize("penalty", [1e-4, 1e-2, 1e3])
def test_no_scale_is_better_than_the_one_chosen_beside_a_given_penalty(penalty):
    """With a small penalty rough maps are bad, and the roughest less so: a climb ended there."""
    X = load_digits().data[:300]
    Z = PCA(2).fit_transform(X)
    Z /= np.sqrt(np.square(Z).sum(axis=1).mean())
    Z_out = Z + 0.05 * np.random.RandomState(0).randn(300, 2)
    total = np.square(X - X.mean(axis=0)).sum()
    forget = forget_of(Z, Z_out)

    def score(scale):
        decoder = fit(Z, Z_out, X, forget, n_frequencies=80, scale=scale, penalty=penalty)
        return 1 - left_out_error(X, decoder, Z_out, forget) / total

    assert score("auto") > max(score(2.0**exponent) for exponent in range(-2, 7)) - 0.005


@pytest.mark.parametrize("large", [False, True], ids=["small groups", "large groups"])
def test_copies_of_the_row_next_door_are_left_out_with_it(large):
    """Equal rows at one place, which count as often as they are there, and near copies beside."""
    Z, Z_out, X = swiss(60)
    equal = np.arange(60)
    equal[[21, 22, 31]] = 20, 20, 30
    Z, Z_out, X = Z[equal], Z_out[equal], X[equal]
    copies = equal.copy()
    copies[[23, 41]] = 20, 40  # near copies: numbers of their own as rows
    groups = np.unique(np.arange(60) // 12 if large else copies, return_inverse=True)[1]
    if large:
        copies[23] = 23  # copies are within groups
    _, equal = np.unique(equal, return_inverse=True)
    _, copies = np.unique(copies, return_inverse=True)
    door = forget_of(Z, Z_out, groups).next_door
    door[:3] = 22, 30, 41
    assert (groups[door] != groups).all()
    forget = Forget(groups, np.arange(60), door, copies, equal)
    decoder = fit(Z, Z_out, X, forget)
    expected = refitted(Z, X, decoder, Z_out, forget)
    assert_allclose(decoder.left_out(Z_out, forget), expected, atol=1e-8)


def test_scale_and_penalty_are_chosen_without_the_copies_next_door():
    Z, Z_out, X = swiss(60)
    rows = np.r_[:60, :60:2, :60:3]
    Z, Z_out, X, groups = Z[rows], Z_out[rows], X[rows], rows
    door = forget_of(Z, Z_out, groups).next_door
    forget = Forget(groups, np.arange(len(rows)), door, groups, groups)
    decoder = fit(Z, Z_out, X, forget)
    least = min(
        left_out_error(
            X, fit(Z, Z_out, X, forget, scale=decoder.scale_, penalty=10.0**p), Z_out, forget
        )
        for p in range(-4, 5)
    )
    assert left_out_error(X, decoder, Z_out, forget) <= least * (1 + 1e-6)
