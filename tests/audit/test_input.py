"""Input of every kind that is wrong, and some that only looks so."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from sksubspace import audit_embedding
from sksubspace.audit._panel import _share_of_own
from tests.audit.data import islands


@pytest.fixture(scope="module")
def data():
    X, Z, y = islands()
    return X[::2], Z[::2], y[::2]


CONTAINER = SimpleNamespace(obsm={"X_pca": None}, X=None, shape=(90, 3))


@pytest.mark.parametrize(
    "change, error, message",
    [
        ({"Z": np.zeros((90, 2))}, ValueError, "distinct positions"),
        ({"Z": np.zeros((7, 2))}, ValueError, "same number of rows"),
        ({"Z": np.full((90, 2), np.nan)}, ValueError, "at least 2 rows without NaN"),
        ({"Z": np.full((90, 2), np.inf)}, ValueError, "Z"),
        ({"Z": sparse.eye(90, 2, format="csr")}, TypeError, "Z"),
        ({"Z": CONTAINER}, TypeError, "Z must be a table of numbers"),
        ({"X": CONTAINER}, TypeError, "X must be a table of numbers"),
        ({"X": np.full((90, 3), np.nan)}, ValueError, "X"),
        ({"X": np.array([["a", "b"]] * 90)}, ValueError, "X"),
        ({"y": np.arange(8)}, ValueError, "y must hold a label for each of the 90 rows"),
        ({"y": np.linspace(0, 1, 90)}, ValueError, "y must hold a label"),
        ({"y": [None] * 90}, ValueError, "y must hold a label"),
        ({"groups": np.zeros(90)}, ValueError, "groups must have at least 3"),
        ({"groups": [None] * 90}, ValueError, "groups must not be missing"),
        ({"groups": np.arange(8)}, ValueError, "groups must have one entry"),
        ({"ids": ["a"]}, ValueError, "ids must have one name for each of 90 rows, got 1"),
        ({"counts": np.full((90, 4), 0.5)}, ValueError, "counts must be raw counts"),
        ({"counts": np.ones((8, 4))}, ValueError, "counts must have the 90 rows"),
        ({"teacher": "no such"}, ValueError, "teacher"),
        ({"surrogate": True}, ValueError, "needs the teacher"),
        ({"surrogate": 1.5}, TypeError, "surrogate must be True or False"),
        ({"q": 0}, ValueError, "q must be a number between 0 and 1"),
        ({"q": True}, ValueError, "q must be"),
        ({"student": "mlp"}, TypeError, "student must be a MEDAL"),
        ({"random_state": "a"}, ValueError, "random|seed"),
    ],
)
def test_bad_input_is_one_clear_error(data, change, error, message):
    X, Z, y = data
    with pytest.raises(error, match=message):
        audit_embedding(**{"X": X, "Z": Z, "y": y} | change)


def test_other_names_of_rows_are_refused_in_one_line(data):
    X, Z, _ = data
    X = pd.DataFrame(X, index=[f"cell {i}" for i in range(90)])
    with pytest.raises(ValueError, match="Z has no row named 'cell 0'") as caught:
        audit_embedding(X, pd.DataFrame(Z, index=[f"spot {i}" for i in range(90)]))
    assert "\n" not in str(caught.value)


def test_frames_in_another_order_are_brought_into_that_of_the_rows(data):
    X, Z, y = data
    names = [f"cell {i}" for i in range(90)]
    order = np.random.RandomState(0).permutation(90)
    plain = audit_embedding(X, Z, y=y, ids=names)
    found = audit_embedding(
        pd.DataFrame(X, index=names),
        pd.DataFrame(Z, index=names).iloc[order],
        y=pd.Series(y, index=names).iloc[order],
    )
    pd.testing.assert_frame_equal(found.rows, plain.rows)
    assert str(found) == str(plain)


@pytest.fixture(scope="module")
def odd(data):
    """Labels with gaps, a group of one row, rows that are not drawn, on a map of one dimension."""
    X, Z, y = data
    y, line = y.astype(object), Z[:, :1].copy()
    y[:4], y[4] = None, "alone"
    line[-5:] = np.nan
    return audit_embedding(X, line, y=y)


def test_missing_labels_are_a_group_and_a_group_of_one_row_says_why_it_is_silent(odd):
    table = odd.by_group.set_index("group")
    assert table.loc["missing", "n_samples"] == 4
    assert table.loc["alone", "n_samples"] == 1
    assert table.loc["alone", "reason"] == "one row"
    assert np.isnan(table.loc["alone", "within_r2"])


def test_rows_that_are_not_drawn_have_no_numbers(odd):
    assert odd.rows["mark"].tolist()[-5:] == ["not drawn"] * 5
    assert odd.rows["p_value"].isna().sum() == 5
    assert np.isnan(odd.embedding[-5:]).all()
    assert odd.settings["n_drawn"] == 85


def test_one_group_has_no_distances(data):
    X, Z, _ = data
    audit = audit_embedding(X, Z, y=["all"] * 90)
    line = next(one for one in audit.verdict if one.question == "distances between clusters")
    assert line.answer == "unknown"
    assert "1 group: three are needed" in line.evidence


def test_a_map_of_one_dimension_makes_a_page(odd, tmp_path):
    page = odd.to_report(tmp_path / "audit.html").read_text(encoding="utf8")
    assert page.count("<title>") == 86  # that of the page, and a tip for each dot


def test_rows_without_a_label_change_no_answer(data):
    """They are a line of the table, but no cluster, and nobody's wrong neighbour."""
    X, Z, y = data
    gaps = y.astype(object)
    gaps[np.random.RandomState(0).choice(90, 18, replace=False)] = None
    questions = "clusters are separate", "structure inside clusters"
    found, full = (
        {one.question: one for one in audit_embedding(X, Z, y=labels).verdict}
        for labels in (gaps, y)
    )
    assert [found[one].answer for one in questions] == [full[one].answer for one in questions]
    assert "missing" not in str([found[one].evidence for one in questions])
    two = np.where(y == y[0], "a", "b").astype(object)
    two[::9] = None
    assert "2 groups: three are needed" in str(audit_embedding(X, Z, y=two).verdict)


def test_neighbours_without_a_label_count_for_nothing():
    near, own = np.array([[0, 1, 2], [2, 2, 2], [0, 1, 1]]), np.array([0, 1, 0])
    shares = _share_of_own(near, own, near != 2, np.array([5, 5, 1]))
    np.testing.assert_array_equal(shares, [1 / 2, np.nan, 1])  # there is but one other of the last
