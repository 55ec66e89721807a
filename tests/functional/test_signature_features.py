"""Signatures: lines, Chen, shuffles, integrals by polynomials, missing values, and bad input."""

from itertools import product as words
from math import factorial

import numpy as np
import pytest
from numpy.polynomial import Polynomial
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import sksubspace
from sksubspace.functional import SignatureFeatures
from sksubspace.functional._signatures import logarithm, product, segment, signature

PLAIN = {"time": False, "basepoint": False}


def random_paths(n=4, n_times=6, c=3, seed=0):
    return np.random.RandomState(seed).randn(n, n_times, c)


def as_rows(paths):  # (n, T, c) -> (n, c T)
    return paths.transpose(0, 2, 1).reshape(len(paths), -1)


def by_word(Z, c, depth):
    """Map each word to its column."""
    letters = [word for k in range(1, depth + 1) for word in words(range(c), repeat=k)]
    return dict(zip(letters, Z.T, strict=True))


def integral(path, word):
    """Iterated integral of one piecewise linear path, segment by segment, with polynomials."""
    values = [Polynomial([1.0])] * (len(path) - 1)
    for letter in word:
        start, found = 0.0, []
        for function, e in zip(values, np.diff(path[:, letter]), strict=True):
            found.append(start + (function * e).integ(lbnd=0))
            start = found[-1](1.0)
        values = found
    return values[-1](1.0)


def shuffles(u, v):
    """All interleavings of two words."""
    if not u or not v:
        return [u + v]
    return [u[:1] + w for w in shuffles(u[1:], v)] + [v[:1] + w for w in shuffles(u, v[1:])]


def test_a_straight_line_has_the_exponential_of_its_increment():
    e = np.random.RandomState(0).randn(5, 3)
    line = e[:, None, :] * np.linspace(0, 1, 7)[:, None] ** 2 + 4
    Z = SignatureFeatures(4, n_channels=3, **PLAIN).fit_transform(as_rows(line))
    power, expected = np.ones((5, 1)), []
    for k in range(1, 5):
        power = np.einsum("na,nb->nab", power, e).reshape(5, -1)
        expected.append(power / factorial(k))
    assert_allclose(Z, np.hstack(expected), atol=1e-12)
    assert_allclose(np.hstack(segment(e, 4)), np.hstack(expected), atol=1e-12)


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_columns_are_iterated_integrals(depth):
    paths = random_paths(3)
    Z = SignatureFeatures(depth, n_channels=3, **PLAIN).fit_transform(as_rows(paths))
    for word, column in by_word(Z, 3, depth).items():
        assert_allclose(column, [integral(path, word) for path in paths], atol=1e-10)


def test_parts_one_after_the_other_multiply():
    paths = random_paths(n_times=9)
    whole = signature(paths, 4)
    parts = product(signature(paths[:, :4], 4), signature(paths[:, 3:], 4))
    assert_allclose(np.hstack(whole), np.hstack(parts), atol=1e-12)
    there_and_back = np.concatenate([paths, paths[:, ::-1]], axis=1)
    assert_allclose(np.hstack(signature(there_and_back, 4)), 0, atol=1e-9)


def test_a_product_of_two_columns_is_the_sum_over_their_shuffles():
    Z = SignatureFeatures(5, n_channels=2, **PLAIN).fit_transform(as_rows(random_paths(c=2)))
    column = by_word(Z, 2, 5)
    for u, v in [((0,), (1,)), ((0, 1), (1, 0)), ((1, 1), (0, 1, 0)), ((0,), (0, 1, 1))]:
        total = sum(column[word] for word in shuffles(u, v))
        assert_allclose(column[u] * column[v], total, atol=1e-10)


def test_without_time_the_speed_makes_no_difference():
    path = random_paths(1, n_times=5)
    slow = np.repeat(path, 3, axis=1)  # stands still
    finer = np.concatenate([path[:, :1], (path[:, 1:] + path[:, :-1]) / 2], axis=1)
    finer = np.stack([path, np.roll(finer, -1, axis=1)], axis=2).reshape(1, -1, 3)[:, :-1]
    model = SignatureFeatures(4, n_channels=3, time=False)
    expected = model.fit_transform(as_rows(path))
    for other in (slow, finer):
        assert_allclose(model.fit_transform(as_rows(other)), expected, atol=1e-10)
    timed = SignatureFeatures(4, n_channels=3)
    assert (
        np.abs(timed.fit_transform(as_rows(slow)) - timed.fit_transform(as_rows(path))).max() > 0.1
    )


def test_without_a_basepoint_what_is_added_makes_no_difference():
    rows = as_rows(random_paths())
    free = SignatureFeatures(3, n_channels=3, basepoint=False)
    assert_allclose(free.fit_transform(rows + 5), free.fit_transform(rows), atol=1e-9)
    tied = SignatureFeatures(3, n_channels=3).fit(rows)
    assert np.abs(tied.transform(rows + 5) - tied.transform(rows)).max() > 1
    # level 1 from the origin are the last values, and the last time
    last = random_paths()[:, -1]
    assert_allclose(tied.transform(rows)[:, :4], np.c_[last, np.ones(4)], atol=1e-12)


def test_time_is_one_more_channel_the_last():
    paths, times = random_paths(), np.array([3.0, 4, 6, 7, 11, 12])
    timed = np.concatenate([paths, np.tile((times - 3)[:, None], (4, 1, 1))], axis=2)
    Z = SignatureFeatures(3, n_channels=3, basepoint=False, times=times).fit_transform(
        as_rows(paths)
    )
    assert_allclose(Z, np.hstack(signature(timed, 3)), atol=1e-9)
    start = np.concatenate([np.zeros((4, 1, 4)), timed], axis=1)
    model = SignatureFeatures(3, n_channels=3, times=times.tolist()).fit(as_rows(paths))
    assert_allclose(model.transform(as_rows(paths)), np.hstack(signature(start, 3)), atol=1e-9)
    assert_array_equal(model.times_, times - 3)


def test_names_are_the_words_of_the_columns():
    model = SignatureFeatures(n_channels=2).fit(np.zeros((1, 6)))
    assert model.get_feature_names_out().tolist() == [
        "x1", "x2", "t", "x1.x1", "x1.x2", "x1.t", "x2.x1", "x2.x2", "x2.t", "t.x1", "t.x2", "t.t",
    ]  # fmt: skip
    model = SignatureFeatures(3, n_channels=2, time=False)
    Z = model.fit_transform(as_rows(random_paths(c=2)))
    names = model.get_feature_names_out().tolist()
    path = np.vstack([np.zeros(2), random_paths(c=2)[1]])
    assert_allclose(Z[1, names.index("x1.x2.x1")], integral(path, (0, 1, 0)))


def test_the_logarithm_of_a_line_is_its_increment_and_that_of_parts_is_half_a_bracket():
    e, f = np.random.RandomState(0).randn(2, 4, 3)
    for level in logarithm(segment(e, 4))[1:]:
        assert_allclose(level, 0, atol=1e-12)
    # Baker, Campbell and Hausdorff: e + f + [e, f] / 2 + ([e, [e, f]] + [f, [f, e]]) / 12
    found = logarithm(product(segment(e, 3), segment(f, 3)))

    def bracket(a, b):
        ab = np.einsum("na,nb->nab", a, b).reshape(4, -1)
        return ab - np.einsum("na,nb->nab", b, a).reshape(4, -1)

    assert_allclose(found[0], e + f, atol=1e-12)
    assert_allclose(found[1], bracket(e, f) / 2, atol=1e-12)
    third = bracket(e, bracket(e, f)) + bracket(f, bracket(f, e))
    assert_allclose(found[2], third / 12, atol=1e-12)


def test_the_logarithm_of_rows_is_that_of_their_signature():
    rows = as_rows(random_paths(c=2))
    plain = SignatureFeatures(4, n_channels=2).fit_transform(rows)
    logs = SignatureFeatures(4, n_channels=2, log=True).fit_transform(rows)
    levels = np.split(plain, [3, 12, 39], axis=1)
    x, power, total = levels, levels, [level.copy() for level in levels]
    for j in range(2, 5):
        power = [
            sum(
                (np.einsum("na,nb->nab", power[i], x[k - i - 1]).reshape(4, -1) for i in range(k)),
                np.zeros_like(x[k]),
            )
            for k in range(4)
        ]
        total = [a - (-1) ** j * b / j for a, b in zip(total, power, strict=True)]
    assert_allclose(logs, np.hstack(total), atol=1e-10)


def test_values_that_are_missing_lie_on_lines_between_the_others():
    times = np.array([0.0, 1, 3, 4, 8])
    full = np.array([[1.0, 2, 4, 5, 9, 5, 5, 5, 7, 7]])
    holes = full.copy()
    holes[0, [1, 2, 3]] = np.nan  # on the line from 1 to 9
    holes[0, [5, 6, 9]] = np.nan  # held before the first and after the last
    model = SignatureFeatures(3, n_channels=2, times=times).fit(full)
    assert_allclose(model.transform(holes), model.transform(full), atol=1e-12)
    assert np.isnan(holes).sum() == 6


def test_a_row_ends_with_its_last_value_in_time_too():
    long = np.full((1, 12), np.nan)
    short = random_paths(1, n_times=4, c=2)
    long[0, :4], long[0, 6:10] = short[0, :, 0], short[0, :, 1]
    padded = SignatureFeatures(3, n_channels=2, times=np.arange(6)).fit_transform(long)
    expected = SignatureFeatures(3, n_channels=2, times=np.arange(4)).fit_transform(as_rows(short))
    assert_allclose(padded, expected, atol=1e-12)
    late = np.roll(long.reshape(1, 2, 6), 2, axis=2).reshape(1, 12)
    free = {"n_channels": 2, "basepoint": False}
    moved = SignatureFeatures(3, times=np.arange(6), **free).fit_transform(late)
    assert_allclose(
        moved, SignatureFeatures(3, times=np.arange(4), **free).fit_transform(as_rows(short))
    )


def test_other_times_in_each_row_give_nearly_the_same_of_a_smooth_curve():
    t = np.linspace(0, 1, 200)
    curve = np.r_[np.sin(3 * t), np.cos(5 * t)]
    rng = np.random.RandomState(0)
    rows = np.where(rng.uniform(size=(20, 400)) < 0.7, np.nan, curve)
    rows[:, [0, 199, 200, 399]] = curve[[0, 199, 200, 399]]
    model = SignatureFeatures(3, n_channels=2).fit(rows)
    assert_allclose(
        model.transform(rows), np.tile(model.transform(curve[None]), (20, 1)), atol=0.01
    )


def test_a_linear_model_of_the_signature_tells_an_area():
    """What no linear model of the values themselves can: the area between two channels."""
    paths = random_paths(400, n_times=8, c=2, seed=1)
    middle = (paths[:, 1:] + paths[:, :-1]) / 2
    steps = np.diff(paths, axis=1)
    area = (middle[..., 0] * steps[..., 1] - middle[..., 1] * steps[..., 0]).sum(axis=1)
    rows = as_rows(paths)
    scores = []
    for first in (StandardScaler(), SignatureFeatures(n_channels=2)):
        model = make_pipeline(first, StandardScaler(), Ridge(1e-3)).fit(rows[::2], area[::2])
        scores.append(model.score(rows[1::2], area[1::2]))
    assert scores[0] < 0.2 < 0.999 < scores[1]


def test_blocks_of_rows_change_nothing():
    paths = random_paths(700, n_times=4, c=8)
    whole = np.hstack(signature(paths, 3))
    few = np.hstack(signature(paths[255:258], 3))
    assert_array_equal(whole[255:258], few)


def test_saved_and_in_single_precision_it_says_the_same(tmp_path):
    rows = as_rows(random_paths()).astype(np.float32)
    model = SignatureFeatures(3, n_channels=3, times=[0, 1, 2, 4, 5, 6]).fit(rows)
    Z = model.transform(rows)
    assert Z.dtype == np.float32
    assert_allclose(Z, model.transform(rows.astype(float)), rtol=1e-6)
    pytest.importorskip("skops.io")
    again = sksubspace.load(sksubspace.save(model, tmp_path / "model.sksubspace"))
    assert_array_equal(again.transform(rows), Z)


NAN = np.nan


@pytest.mark.parametrize(
    ("params", "X", "message"),
    [
        ({"n_channels": 4}, np.ones((2, 6)), "n_features=6, which is no multiple of n_channels=4"),
        ({}, np.ones((2, 1)), "X has n_features=1 for n_channels=1, a single time"),
        ({"n_channels": 3}, np.ones((2, 3)), "n_features=3 for n_channels=3, a single time"),
        ({"n_channels": 6, "depth": 6}, np.ones((2, 12)), "with 7 channels has 117649 columns"),
        ({}, [[1, 2, 3], [NAN, NAN, NAN]], "X has no value of channel 0 in row 1"),
        ({"n_channels": 2}, [[1, 2, NAN, NAN]], "X has no value of channel 1 in row 0"),
        ({}, [[1, np.inf]], "infinity"),
        ({"times": [0, 1]}, np.ones((2, 3)), "times must hold a number for each of the 3 times"),
        ({"times": [0, 2, 1]}, np.ones((2, 3)), "times must be finite and ascending"),
        ({"times": [0, 1, 1]}, np.ones((2, 3)), "times must be finite and ascending, none twice"),
        ({"times": ["a", "b"]}, np.ones((2, 2)), "times must hold a number for each"),
        ({"depth": 0}, np.ones((2, 3)), "'depth' parameter"),
        ({"n_channels": 0}, np.ones((2, 3)), "'n_channels' parameter"),
    ],
)
def test_bad_input_is_one_clear_error(params, X, message):
    with pytest.raises(ValueError, match=message):
        SignatureFeatures(**params).fit(X)


def test_a_row_with_values_at_one_time_is_a_point_with_a_warning():
    X = [[1, 2, 3], [NAN, 2, NAN], [NAN, NAN, 5]]
    model = SignatureFeatures(2, times=[0, 1, 3])
    with pytest.warns(UserWarning, match="at a single time in 2 rows, the first of them 1"):
        Z = model.fit_transform(X)
    # the line from the origin to the point
    assert_allclose(Z[1:], np.hstack(segment(np.array([[2.0, 1], [5, 3]]), 2)))
    with pytest.warns(UserWarning):
        still = SignatureFeatures(2, basepoint=False).fit_transform(X)
    assert_array_equal(still[1:], 0)


def test_numbers_that_become_too_large_are_refused():
    model = SignatureFeatures(4).fit(np.ones((1, 3)))
    with pytest.raises(ValueError, match=r"depth=4 of X, with values of up to 1e\+100, .* Rescale"):
        model.transform([[0, 1e100, 0]])
    single = np.array([[0, 1e20, 1]], dtype=np.float32)
    with pytest.raises(ValueError, match="out of the range of float32"):
        model.transform(single)
