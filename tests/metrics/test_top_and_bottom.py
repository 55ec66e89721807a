"""A task on the first principal components, and on the others."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import KFold, cross_val_score

from sksubspace.metrics import reconstruction_alignment_curve

rng = np.random.RandomState(0)
SCALES = np.array([10.0, 5, 3, 1, 0.5])
X = rng.randn(300, 5) * SCALES
LAST = (X[:, 4] > 0).astype(int)  # what the smallest direction says


def test_a_task_of_the_smallest_direction_is_learnt_last():
    curve = reconstruction_alignment_curve(X, LAST, LogisticRegression(), n_components=[1, 2, 4])
    assert (curve.top_scores.mean(axis=1) < 0.65).all()
    assert (curve.bottom_scores.mean(axis=1) > 0.9).all()
    variances = np.sort(np.linalg.eigvalsh(np.cov(X.T)))[::-1]
    expected = np.cumsum(variances)[[0, 1, 3]] / variances.sum()
    np.testing.assert_allclose(curve.explained_variance_ratio, expected)
    assert curve.top_scores.shape == (3, 5)


def test_scores_are_those_of_rotated_columns():
    """All but the first k of a rotation: the same as of columns that are sorted already."""
    y = X @ rng.randn(5)
    folds = KFold(4, shuffle=True, random_state=0)
    Q = np.linalg.qr(rng.randn(5, 5))[0]
    wide = rng.randn(4000, 5) * SCALES  # its directions are its columns, nearly
    target = wide @ np.arange(5)
    curve = reconstruction_alignment_curve(
        wide @ Q, target, Ridge(1e-6), n_components=[2], cv=folds
    )
    direct = [cross_val_score(Ridge(1e-6), wide[:, part], target, cv=folds).mean()
              for part in (slice(2), slice(2, None))]  # fmt: skip
    np.testing.assert_allclose(curve.top_scores.mean(), direct[0], atol=0.02)
    np.testing.assert_allclose(curve.bottom_scores.mean(), direct[1], atol=0.02)
    assert len(reconstruction_alignment_curve(X, y, Ridge(), cv=folds).n_components) == 2


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"n_components": [0, 2]}, "n_components must be from 1 to 4"),
        ({"n_components": [5]}, "n_components must be from 1 to 4"),
        ({"n_components": [1.5]}, "must be a list of whole numbers"),
        ({"n_components": []}, "must be a list of whole numbers"),
        ({"y": LAST[:-1]}, "same number of rows"),
        ({"X": np.where(X > 9, np.nan, X)}, "X must be a table of finite"),
    ],
)
def test_bad_input(change, match):
    given = {"X": X, "y": LAST, "estimator": LogisticRegression()} | change
    with pytest.raises(ValueError, match=match):
        reconstruction_alignment_curve(**given)
