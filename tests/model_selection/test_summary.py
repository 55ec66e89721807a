"""Which row comes where, and which one is chosen."""

import numpy as np
import pytest

from sksubspace.model_selection import CandidateResult, one_standard_error
from sksubspace.model_selection._summary import MEAN, PERMUTED, choose, rank, relate


def row(name, score, evidence="held-out", role="candidate", **fields):
    return CandidateResult(name, name, {}, role=role, score=score, evidence=evidence, **fields)


def controls(permuted, evidence="held-out"):
    return [
        row(MEAN, 0.0, "definition", "control"),
        row(PERMUTED, permuted, evidence, "control"),
    ]


def names(rows):
    return [one.name for one in rank(rows, chosen="good")]


def test_rows_of_one_kind_are_ranked_by_score_and_failures_last():
    rows = [row("failed", np.nan), row("bad", 0.2), row("good", 0.6), *controls(0.01)]
    assert names(rows) == ["good", "bad", PERMUTED, MEAN, "failed"]
    assert [one.rank for one in rank(rows, "good")] == [1, 2, 3, 4, 5]
    assert [one.name for one in rank(rows, "good") if one.selected] == ["good"]


def test_a_permuted_map_that_beats_a_confirmed_one_is_shown_above_it():
    rows = [row("good", 0.6), row("bad", -0.2), *controls(-0.1)]
    assert names(rows) == ["good", MEAN, PERMUTED, "bad"]
    assert names([row("good", 0.02), *controls(0.05)]) == [PERMUTED, "good", MEAN]


def test_what_was_only_screened_comes_after_what_was_confirmed_and_before_a_lower_control():
    screened = row("screened", 0.7, "leave-one-out")
    linear = row("PCA (control)", 0.4, role="control")
    rows = [screened, *controls(0.0), linear, row("good", 0.6)]
    assert names(rows) == ["good", "PCA (control)", "screened", MEAN, PERMUTED]


def test_screening_alone_ranks_everything_by_score():
    rows = [*controls(0.01, "leave-one-out"), row("good", 0.6, "leave-one-out")]
    assert names([*rows, row("bad", -0.1, "leave-one-out")]) == ["good", PERMUTED, MEAN, "bad"]


@pytest.mark.parametrize("seed", range(5))
def test_the_rule_is_that_of_one_standard_error(seed):
    scores = 0.6 + 0.02 * np.random.RandomState(seed).randn(6, 4)
    order = [f"map {i}" for i in range(6)]
    rows = [
        row(
            name, split.mean(),
            split_scores=tuple(split), standard_error=split.std(ddof=1) / np.sqrt(4),
        )
        for name, split in zip(order, scores, strict=True)
    ]  # fmt: skip
    cv = dict.fromkeys(order, ())
    chosen = choose(relate(rows, cv, {}, 1 / 3, 0.95), "one_std_err", tuple(order))
    results = {"params": order} | {f"split{j}_test_score": scores[:, j] for j in range(4)}
    assert chosen == order[one_standard_error(results)]
