"""The rule of choice among evaluated candidates is that for a grid search."""

import numpy as np
import pytest

from sksubspace._comparison import CandidateResult, choose
from sksubspace.model_selection import one_standard_error
from sksubspace.model_selection._summary import relate


@pytest.mark.parametrize("seed", range(5))
def test_the_rule_is_that_of_one_standard_error(seed):
    scores = 0.6 + 0.02 * np.random.RandomState(seed).randn(6, 4)
    order = [f"map {i}" for i in range(6)]
    rows = [
        CandidateResult(
            name, name, {}, score=split.mean(),
            split_scores=tuple(split), standard_error=split.std(ddof=1) / np.sqrt(4),
        )
        for name, split in zip(order, scores, strict=True)
    ]  # fmt: skip
    cv = dict.fromkeys(order, ())
    chosen = choose(relate(rows, cv, {}, 1 / 3, 0.95), "one_std_err", tuple(order))
    results = {"params": order} | {f"split{j}_test_score": scores[:, j] for j in range(4)}
    assert chosen == order[one_standard_error(results)]
