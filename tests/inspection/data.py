"""Maps, fitted estimators and outcomes of comparisons, all small."""

from functools import cache

import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

from sksubspace import MEDAL
from sksubspace.model_selection import CandidateResult, EmbeddingComparison


def islands(n=300, n_classes=3, seed=0):
    """Well separated classes on a ring, as a map and class numbers."""
    rng = np.random.RandomState(seed)
    codes = np.arange(n) % n_classes
    angle = 2 * np.pi * codes / n_classes
    return 5 * np.column_stack([np.cos(angle), np.sin(angle)]) + 0.4 * rng.randn(n, 2), codes


def cloud(n=300, seed=0):
    return np.random.RandomState(seed).randn(n, 2)


@cache
def digits():
    X, y = load_digits(return_X_y=True)
    return X[:400] / 16, y[:400]


@cache
def medal(n_components=2):
    """A map of three hundred digits; a hundred are left."""
    return MEDAL(PCA(n_components=n_components), random_state=0).fit(digits()[0][:300])


def overlapping(boxes):
    """Return pairs of boxes that overlap."""
    return [
        (first, second)
        for second, box in enumerate(boxes)
        for first in range(second)
        if box.overlaps(boxes[first])
    ]


def text_boxes(texts):
    """Return what texts cover when the figure is drawn."""
    texts = list(texts)
    texts[0].figure.canvas.draw()
    return [text.get_window_extent() for text in texts]


def candidates(scores, group="UMAP", parameter="n_neighbors", **more):
    """Return a candidate for each setting of one hyperparameter."""
    return [
        CandidateResult(
            name=f"{group} ({parameter}={value})",
            group=group,
            params={parameter: value},
            score=score,
            standard_error=0.01 + 0.001 * index,
            **more,
        )
        for index, (value, score) in enumerate(scores.items())
    ]


def control(group, score):
    return CandidateResult(
        f"{group} (control)", group, {}, role="control", score=score, standard_error=0.005
    )


def comparison(results):
    return EmbeddingComparison(
        results=tuple(results),
        method="cv",
        select="one_std_err",
        order=(),
        confidence=0.95,
        n_samples=100,
        n_features=5,
        n_splits=5,
        n_repeats=1,
        random_state=0,
        versions={},
        best_name_="",
        best_estimator_=None,
    )
