"""What an audit says of maps that are right, and of maps that lie in a known way."""

import json
import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from scipy.stats import spearmanr
from sklearn.decomposition import PCA
from sklearn.manifold import Isomap

from sksubspace import MEDAL, audit_embedding
from sksubspace.audit._dimension import dimension_of_rows
from sksubspace.audit._verdict import _tells, is_broken
from sksubspace.metrics import (
    deviance_explained,
    embedding_reliability,
    embedding_score,
    intrinsic_dimension,
)
from sksubspace.model_selection import thin_counts
from tests.audit.data import N_EACH, N_FEATURES, N_GROUPS, NAMES, islands, swapped


@pytest.fixture(scope="module")
def data():
    return islands()


@pytest.fixture(scope="module")
def audit(data):
    X, Z, y = data
    names = [f"row {i}" for i in range(len(X))]
    return audit_embedding(X, Z, y=pd.Series(y, name="kind"), ids=names, data_name="the plane")


def answers(audit):
    return {one.question: one.answer for one in audit.verdict}


def test_a_right_map_may_be_read_in_every_way(audit):
    said = answers(audit)
    assert said["does it show the data?"] == "yes"
    assert said["neighbourhoods"] == "yes"
    assert said["clusters are separate"] == "yes"
    assert said["distances between clusters"] == "yes"
    assert said["structure inside clusters"] == "yes"
    assert not audit.is_broken


def test_its_numbers_are_those_of_the_metrics(audit, data):
    X, Z, y = data
    score = embedding_score(X, Z)
    assert audit.panel["local"].value == pytest.approx(score.r2, abs=1e-12)
    assert audit.panel["global share"].value == pytest.approx(score.global_share, abs=1e-12)
    alone = embedding_reliability(X, Z, y=y)
    np.testing.assert_array_equal(audit.reliability.p_value, alone.p_value)
    np.testing.assert_array_equal(audit.rows["mark"], alone.mark)


def test_controls_stand_beside_the_numbers(audit):
    local, share = audit.panel["local"], audit.panel["global share"]
    assert abs(local.permuted) < 0.1
    assert local.pca > 0.8  # a plane
    assert share.dealt < 0.6 * share.value
    assert audit.panel["between groups"].dealt < 0.5
    assert np.isnan(audit.panel["no such reading"].value)


def test_rows_and_groups_are_frames(audit, data):
    y = data[2]
    assert list(audit.rows) == [
        "id", "label", "mark", "p_value", "tear", "overlap", "reliable",
    ]  # fmt: skip
    assert audit.rows["id"].iloc[3] == "row 3"
    np.testing.assert_array_equal(audit.rows["label"], y)
    assert audit.by_group["group"].tolist() == list(NAMES)
    assert audit.by_group["n_samples"].tolist() == [N_EACH] * N_GROUPS
    shares = audit.by_group[["ok", "misplaced", "torn", "merged"]].sum(axis=1)
    np.testing.assert_allclose(shares, 1)


def test_distances_of_groups_are_ranked_as_by_hand(audit, data):
    X, Z, y = data
    centres = [np.array([rows[y == name].mean(axis=0) for name in NAMES]) for rows in (X, Z)]
    far = [np.linalg.norm(one - one[2], axis=1)[np.arange(N_GROUPS) != 2] for one in centres]
    found = audit.by_group.set_index("group").loc["type 2", "distance_rank"]
    assert found == pytest.approx(spearmanr(*far).statistic)


def test_a_random_map_is_broken_and_no_row_of_it_is_reliable(data):
    X, Z, y = data
    audit = audit_embedding(X, np.random.RandomState(0).randn(*Z.shape), y=y)
    assert audit.is_broken
    assert not audit.rows["reliable"].any()
    assert set(answers(audit).values()) <= {"BROKEN", "NO", f"{len(X)} of {len(X)}"}


def test_a_map_with_r2_and_next_to_no_dot_better_than_chance_shows_the_data_in_part(audit):
    """Nor is it in part where both are there, or broken where one is."""
    drawn = audit.reliability.mark != "not drawn"
    few = replace(audit.reliability, reliable=np.zeros_like(drawn))
    assert not is_broken(audit.panel, few)
    assert _tells(audit.panel, few, False).answer == "in part"
    assert _tells(audit.panel, audit.reliability, False).answer == "yes"
    asked = "are its rows in the order of the data?"
    assert asked in _tells(audit.panel, few, True).evidence
    assert asked not in _tells(audit.panel, few, False).evidence


def test_two_islands_that_change_places_are_caught_by_the_group_table(audit, data):
    X, Z, y = data
    lie = audit_embedding(X, swapped(Z, y, "type 0", "type 5"), y=y)
    marked = [(one.rows["mark"] != "ok").mean() for one in (audit, lie)]
    assert marked[1] <= marked[0] + 0.03  # no row knows it
    before, after = (one.by_group.set_index("group")["distance_rank"] for one in (audit, lie))
    assert after.max() < 0.7 <= before.min()
    assert answers(lie)["distances between clusters"] == "NO"


def test_rows_on_a_wrong_island_are_misplaced(data):
    X, Z, y = data
    wrong = Z.copy()
    wrong[:3] = Z[-3:]
    audit = audit_embedding(X, wrong, y=y)
    assert audit.rows["mark"].iloc[:3].tolist() == ["misplaced"] * 3
    assert "type 0" in next(
        one.evidence for one in audit.verdict if one.question == "dots misplaced"
    )


def test_donors_are_left_out_whole(data):
    X, Z, _ = data
    donor = np.arange(len(X)) % 5
    audit = audit_embedding(X, Z, groups=pd.Series(donor, name="donor"))
    assert audit.panel["new groups"].value == pytest.approx(
        embedding_score(X, Z, groups=donor).r2, abs=1e-12
    )
    assert answers(audit)["new groups"] == "yes"
    assert audit.group_name == "donor"
    assert "each with its donor" in audit.methods_text()


def test_a_teacher_draws_the_map_again(data):
    X, _, y = data
    X, y = X[::2], y[::2]
    teacher = Isomap(n_neighbors=12)
    audit = audit_embedding(X, teacher.fit_transform(X), y=y, teacher=teacher, surrogate=True)
    assert audit.panel["same on other subsamples"].value > 0.5
    assert [name for name, *_ in audit.panel.others] == ["n_neighbors=6", "n_neighbors=24"]
    assert np.isfinite(audit.panel["beyond linear"].surrogate)
    assert {"the same on another seed", "another setting?"} <= set(answers(audit))
    assert "Isomap(n_neighbors=12)" in audit.methods_text()
    assert teacher.n_neighbors == 12


def test_counts_are_explained(data):
    X, Z, _ = data
    rng = np.random.RandomState(0)
    counts = rng.poisson(np.exp((Z - Z.mean(axis=0)) / 6 @ rng.randn(2, 8) + 1))
    audit = audit_embedding(X, Z, counts=counts)
    reading = audit.panel["counts"]
    assert reading.value > 0.3 > 0.05 > reading.permuted
    assert "more than PCA of the counts" in answers(audit)


def test_with_a_teacher_one_half_of_the_counts_is_explained_by_a_map_of_the_other():
    counts = np.random.RandomState(0).poisson(2.0, size=(150, 12))  # noise: there is nothing
    logs = np.log1p(counts)
    teacher = PCA(2, random_state=0)
    Z = teacher.fit_transform(logs)
    audit = audit_embedding(logs, Z, counts=counts, teacher=teacher)
    whole, halves = audit.panel["counts"], audit.panel["halves of the counts"]
    train, test = thin_counts(counts, random_state=0)
    totals = train.sum(axis=1, keepdims=True)
    drawn = PCA(2).fit_transform(np.log1p(train / totals * np.median(totals)))
    assert halves.value == pytest.approx(deviance_explained(test, drawn), abs=1e-6)
    assert halves.pca == pytest.approx(halves.value, abs=1e-6)
    assert whole.value > 0.03 > 0.02 > abs(halves.value)
    evidence = next(one.evidence for one in audit.verdict if "of the counts" in one.question)
    assert "of all counts" in evidence


def test_the_verdict_is_lines_with_numbers_and_thresholds(audit):
    text = str(audit)
    assert max(map(len, text.splitlines())) <= 100
    assert text.splitlines()[0] == (
        "180 rows on a map of 2 dimensions, audited by the plane (10 features)"
    )
    assert "torn under .75" in text
    for one in audit.verdict:
        assert one.question in text


def test_the_dimensions_of_the_data_stand_beside_those_of_the_map(audit, data):
    X = data[0]
    dimension = intrinsic_dimension(X, method="mle")
    assert audit.intrinsic_dimension == dimension
    said = str(audit).splitlines()[1]
    assert said == (
        f"The data vary in about {dimension:.1f} dimensions, the map in 2 (by neighbours; it "
        "chooses nothing)"
    )
    assert said in audit._repr_html_()
    assert f"about {dimension:.1f} dimensions" in audit.methods_text()
    assert "180 rows to their neighbours" in audit.methods_text()
    # no answer depends on it
    unknown = replace(audit, intrinsic_dimension=np.nan)
    assert unknown.verdict == audit.verdict
    assert str(unknown).splitlines()[1] == ""
    assert "neighbours (Levina" not in unknown.methods_text()
    assert json.loads(unknown.to_json())["intrinsic_dimension"] is None


def test_the_dimension_is_that_of_a_seeded_draw():
    rng = np.random.RandomState(0)
    X = rng.randn(2_500, 3) @ rng.randn(3, 8)
    drawn = np.sort(np.random.RandomState(4).choice(2_500, 2_000, replace=False))
    expected = intrinsic_dimension(X[drawn], method="mle", max_samples=None)
    assert dimension_of_rows(X, 4) == pytest.approx(expected, abs=1e-9)
    assert dimension_of_rows(X, 5) != expected
    assert np.isnan(dimension_of_rows(X[:15], 0))
    assert np.isnan(dimension_of_rows(np.repeat(X[:15], 4, axis=0), 0))
    assert dimension_of_rows(sparse.csr_matrix(X), 4) == pytest.approx(expected, rel=1e-6)


def test_json_holds_everything(audit, tmp_path):
    text = audit.to_json(tmp_path / "audit.json")
    assert (tmp_path / "audit.json").read_text(encoding="utf8") == text
    found = json.loads(text)
    assert found["verdict"][0] == {
        "question": "does it show the data?", "answer": "yes",
        "evidence": audit.verdict[0].evidence, "threshold": audit.verdict[0].threshold,
    }  # fmt: skip
    pd.testing.assert_frame_equal(
        pd.DataFrame(found["rows"]), audit.rows, check_dtype=False, atol=1e-12
    )
    assert found["by_group"]["within_r2"] == pytest.approx(audit.by_group["within_r2"].tolist())
    np.testing.assert_allclose(found["embedding"], audit.embedding)
    assert found["intrinsic_dimension"] == audit.intrinsic_dimension
    local = next(one for one in found["panel"] if one["name"] == "local")
    assert local["interval"] == [None, None]
    assert local["value"] == audit.panel["local"].value


def test_it_pickles_and_shows_itself(audit):
    again = pickle.loads(pickle.dumps(audit))
    assert str(again) == str(audit)
    html = audit._repr_html_()
    assert html.startswith("<div>")
    assert html.count("<tr>") == len(audit.verdict) + 1


def test_methods_name_matrix_versions_seed_and_references(audit):
    text = audit.methods_text()
    for wanted in ("against the plane (180 x 10)", "numpy ", "Seed: 0", "Benjamini and Hochberg"):
        assert wanted in text


def test_it_repeats_itself_and_leaves_the_data_alone(data, audit):
    X, Z, y = (one.copy() for one in data)
    for one in (X, Z, y):
        one.setflags(write=False)
    again = audit_embedding(
        X, Z, y=pd.Series(y, name="kind"), ids=list(audit.ids), data_name="the plane"
    )
    assert again.to_json() == audit.to_json()


def test_a_student_of_the_caller_reads_it(data):
    X, Z, _ = data
    student = MEDAL(encoder="linear", random_state=0)
    audit = audit_embedding(X, Z, student=student)
    assert audit.settings["encoder"] == "LinearEncoder"
    assert audit.panel["local"].value == pytest.approx(
        embedding_score(X, Z, student=student).r2, abs=1e-12
    )
    assert audit.by_group.empty
    assert audit.n_features == N_FEATURES
