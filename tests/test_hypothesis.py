"""Any small table: ties, gaps between scales, repeated rows, either type, whatever memory."""

import re
from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sksubspace import metrics
from sksubspace._measures import measures
from sksubspace.metrics import embedding_score
from tests import instances
from tests.common import IGNORED
from tests.test_failures_centred import ANYWHERE

hypothesis = pytest.importorskip("hypothesis")
from hypothesis import HealthCheck, given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from hypothesis.extra import numpy as extra  # noqa: E402

pytestmark = [
    pytest.mark.slow,
    *(pytest.mark.filterwarnings(warning) for warning in IGNORED),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]
OFFSETS = [0.0, 1.0, -100.0, 1e4]
RTOL = {"rtol": 1e-6, "atol": 1e-6}
# of the R2 of a random map of 20 rows of two features: the widest spread there is
LARGEST_BY_CHANCE = 0.4
N_EXAMPLES = 200
# instances that fit slowly: 200 examples would take each more than three minutes
FEWER = {"MEDAL-local-ridge": 40, "MEDAL-local-holdout": 40, "auto": 60, "mlc": 60, "choice": 60,
         "local-model": 20}  # fmt: skip


def examples(n):
    """Run so many examples, the same each time, and leave no files."""
    return settings(
        max_examples=n, derandomize=True, database=None, deadline=None,
        suppress_health_check=[*HealthCheck],
    )  # fmt: skip


ENTRIES = {
    "any": st.floats(-1, 1, width=32, allow_subnormal=False),
    "few": st.integers(-2, 2).map(float),
}


@st.composite
def tables(draw, kinds=("any", "few", "gaussian"), least=20, repeated=True):
    """Rows whose entries are all drawn, of few values, or Gaussian; the last perhaps one row."""
    n, d, kind = draw(st.integers(least, 60)), draw(st.integers(2, 6)), draw(st.sampled_from(kinds))
    if kind == "gaussian":
        X = np.random.RandomState(draw(st.integers(0, 2**31))).randn(n, d) * 2.0 ** -np.arange(d)
    else:
        X = draw(extra.arrays(np.float64, (n, d), elements=ENTRIES[kind], fill=st.nothing()))
    if repeated and draw(st.booleans()):
        X[draw(st.integers(0, n - 1)) :] = X[0]
    return X


# no two distances are equal by chance, so that rounding decides nothing
smooth_tables = partial(tables, kinds=("gaussian",), repeated=False)


@st.composite
def forms(draw):
    """What is done to rows that changes their numbers or only their memory."""
    scale = 10.0 ** draw(st.integers(-3, 3))
    offset = draw(st.sampled_from(OFFSETS)) * scale
    dtype, order = draw(st.sampled_from([np.float64, np.float32])), draw(st.sampled_from("CF"))
    shuffled, writable = draw(st.booleans()), draw(st.booleans())

    def formed(X):
        rows = np.random.RandomState(0).permutation(len(X)) if shuffled else np.arange(len(X))
        X = np.array((scale * X + offset)[rows], dtype=dtype, order=order)
        X.flags.writeable = writable
        return X

    return formed


KINDS = (
    "distillation",
    "cluster",
    "choice",
    "partition",
    "map",
    "score",
    "dictionary",
    "regression",
)
NAMES = [name for kind in KINDS for name in instances.names(kind)]


def targets(name, n):
    """Classes for dictionaries, responses for Stein subspaces; others do not look."""
    rng = np.random.RandomState(1)
    return rng.randint(2, size=n) if name.startswith("dictionary") else rng.randn(n)


def is_ours(error, estimator):
    """Whether the message names the rows, the target or a parameter."""
    known = "|".join(["X", "y", "embedding", "groups", *estimator.get_params(deep=False)])
    return re.search(rf"\b({known})\b", str(error)) is not None


def check_any_table(name, X, form):
    X = form(X)
    n_new, before, y = len(X) // 3, X.copy(), targets(name, len(X))
    estimator = instances.make_for_checks(name)
    try:
        estimator.fit(X[n_new:], y[n_new:])
        if hasattr(estimator, "score"):
            score = estimator.score(X[:n_new], y[:n_new])
        else:
            score = estimator.score_function(X[:n_new])
        assert np.isfinite(score).all()
    except (ValueError, TypeError) as error:
        assert is_ours(error, estimator), error
    assert_array_equal(X, before)


@pytest.mark.parametrize("name", NAMES)
def test_a_table_is_scored_or_refused_by_name_and_never_written_to(name):
    @examples(FEWER.get(name, N_EXAMPLES))
    @given(tables(), forms())
    def check(X, form):
        check_any_table(name, X, form)

    check()


# ---- place and units -----------------------------------------------------------------------------

# not: spans through the origin, amounts that are not negative, and choices by rows at unit length
PLACELESS = [
    name
    for name in NAMES
    if hasattr(instances.make(name), "score")
    and "nonnegative" not in name
    and name not in instances.names("choice")
    and (name not in instances.names("cluster") or name in ANYWHERE)
]


def score_of(name, X):
    y = targets(name, len(X))
    model = instances.make_for_checks(name).set_params(**ANYWHERE.get(name, {}))
    return model.fit(X[20:], y[20:]).score(X[:20], y[:20])


@pytest.mark.parametrize("name", PLACELESS)
def test_scores_do_not_depend_on_place_and_units(name):
    @examples(FEWER.get(name, N_EXAMPLES) // 2)
    @given(smooth_tables(least=45), st.integers(-3, 3), st.sampled_from(OFFSETS))
    def check(X, exponent, offset):
        # the penalty of a dictionary has units
        scale = 1.0 if name.startswith("dictionary") else 10.0**exponent
        # squares of gradients of a log-density are per square of the unit
        units = scale**-2.0 if name in instances.names("score") else 1.0
        moved = score_of(name, scale * X + offset * scale)
        assert_allclose(moved / units, score_of(name, X), **RTOL)

    check()


# ---- repeated rows and maps that know nothing ----------------------------------------------------


@pytest.mark.parametrize("name", ["embedding_score", "MEDAL-auto", "MEDAL-linear-feature"])
def test_repeated_rows_do_not_lift_the_score_of_a_random_map(name):
    def score(X, Z):
        if name == "embedding_score":
            return embedding_score(X, Z).r2
        return instances.make(name, teacher="precomputed").fit(X, embedding=Z).loo_score_

    @examples(N_EXAMPLES // 4)
    @given(smooth_tables(), st.integers(0, 2**31), st.integers(1, 4), st.booleans())
    def check(X, seed, times, together):
        rng = np.random.RandomState(seed)
        rows = rng.permutation(np.repeat(np.arange(len(X)), times))
        Z = rng.randn(len(X), 2)
        places = Z[rows] if together else rng.randn(len(rows), 2)
        assert score(X[rows], places) <= LARGEST_BY_CHANCE

    check()


# ---- measures of maps ----------------------------------------------------------------------------

MEASURES = measures(metrics.__all__)


@pytest.mark.parametrize("name", MEASURES)
def test_measures_do_not_depend_on_the_order_of_rows_and_on_units(name):
    @examples(N_EXAMPLES)
    @given(tables(), tables(), st.integers(0, 2**31), st.integers(-3, 3), st.integers(-3, 3))
    def check(X, Z, seed, of_rows, of_places):
        rng = np.random.RandomState(seed)
        n = min(len(X), len(Z))
        X, Z, y = X[:n], Z[:n, :2], rng.randint(2, size=n)
        order = rng.permutation(n)
        hypothesis.assume(np.ptp(X, axis=0).any() and np.ptp(Z, axis=0).any())
        expected = MEASURES[name].score(X, Z, y)
        X, Z = 10.0**of_rows * X, 10.0**of_places * Z
        assert_allclose(MEASURES[name].score(X[order], Z[order], y[order]), expected, **RTOL)

    check()
