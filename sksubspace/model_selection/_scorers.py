"""The measures of `sksubspace.metrics` as scorers of scikit-learn's searches."""

from collections.abc import Callable
from dataclasses import dataclass, field
from inspect import signature
from typing import Any

from sksubspace import metrics
from sksubspace._measures import measures

_MEASURES = measures(metrics.__all__)
# what the scorer passes itself, or what would return an array
_GIVEN = {"X", "Z", "y", "X_train", "Z_train", "y_train", "per_point"}


@dataclass(frozen=True)
class EmbeddingScorer:
    """What `embedding_scorer` returns; it can be pickled.

    Attributes
    ----------
    name : str
        The measure.
    params : dict of str to object
        Its parameters.
    """

    name: str
    params: dict = field(default_factory=dict)

    def __call__(self, estimator, X, y=None):
        """Map X by ``estimator.transform`` and score the map; higher is better."""
        Z = estimator.transform(X)
        measure = _MEASURES[self.name]
        if measure.has_labels and y is None:
            raise ValueError(f"The scorer {self.name!r} needs y, got None.")
        return measure.score(X, Z, y, **self.params)


def embedding_scorer(name: str, **kwargs: Any) -> Callable[..., float]:
    """Make a scorer for a search out of a measure of maps.

    Parameters
    ----------
    name : str
        "trustworthiness", "continuity", "q_nx", "auc_q_nx", "normalized_stress",
        "distance_correlation" or "neighborhood_hit"; the last needs y.

    **kwargs : dict
        Parameters of the function of that name in `sksubspace.metrics`, such as `n_neighbors`. Of
        the curve "q_nx" the value at `k_max` is taken, 10 by default.

    Returns
    -------
    scorer : callable
        ``scorer(estimator, X, y=None)``, higher is better: the stress is negated.

    Raises
    ------
    ValueError
        If the measure is unknown.

    TypeError
        If the measure has no such parameter.

    See Also
    --------
    sksubspace.MEDAL.score : R2 of the reconstruction, which a search takes by default.

    Notes
    -----
    Held-out rows are mapped by ``estimator.transform`` and scored among themselves. The data that
    the map is compared with is what the estimator is given: for a pipeline, the rows before its
    first step.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.decomposition import PCA
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sksubspace import MEDAL
    >>> from sksubspace.model_selection import embedding_scorer
    >>> X, _ = load_digits(return_X_y=True)
    >>> search = GridSearchCV(
    ...     MEDAL(PCA(2), random_state=0),
    ...     {"teacher__n_components": [1, 2]},
    ...     scoring=embedding_scorer("trustworthiness"),
    ...     cv=3,
    ... )
    >>> search.fit(X[:300]).best_params_
    {'teacher__n_components': 2}
    """
    if name not in _MEASURES:
        raise ValueError(f"name must be one of {tuple(_MEASURES)}, got {name!r}.")
    parameters = signature(_MEASURES[name].function).parameters
    allowed = tuple(one for one in parameters if one not in _GIVEN)
    unknown = sorted(set(kwargs) - set(allowed))
    if unknown:
        raise TypeError(f"The scorer {name!r} takes {allowed}, got {unknown}.")
    return EmbeddingScorer(name, kwargs)
