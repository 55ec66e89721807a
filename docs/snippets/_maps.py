"""Maps of UMAP and t-SNE as they were drawn when the outputs of a page were made.

The same code draws another map on another machine: a last digit that is rounded otherwise grows
while points are moved. What a page shows of such a map can be compared with what the library says
now only if it is asked about the same map. `make.py` records maps; the tests give them back.
"""

import contextlib
import re
from collections import Counter

import numpy as np

# only the snippets that may draw are slowed down by the import of UMAP
_DRAWS = re.compile("umap|tsne|medal", re.IGNORECASE)
# of the sum of squares of the rows that a map was drawn of
_SAME_ROWS = 1e-4


@contextlib.contextmanager
def recorded(code, file):
    """Record the maps that are drawn inside, and write them to a file, if there are any."""
    maps = {}

    def draw(drawing, estimator, X, y, **params):
        name = _name(estimator, X, names)
        Z = drawing(estimator, X, y, **params)
        maps[name] = np.asarray(Z, dtype=np.float32)
        squares.append(_squares(X))
        return Z

    names, squares = Counter(), []
    with _drawn_by(draw, code):
        yield
    if maps:
        file.parent.mkdir(exist_ok=True)
        np.savez_compressed(file, squares=squares, **maps)
    elif file.exists():
        file.unlink()


@contextlib.contextmanager
def replayed(code, file):
    """Give back the maps of a file, for the same calls on the same rows; others are an error."""
    if not file.exists():
        yield
        return
    with np.load(file) as kept:
        maps = {name: kept[name] for name in kept.files}
    squares = dict(zip((name for name in maps if name != "squares"), maps["squares"], strict=True))

    def draw(drawing, estimator, X, y, **params):
        name = _name(estimator, X, names)
        if name not in squares or abs(_squares(X) - squares[name]) > _SAME_ROWS * squares[name]:
            raise RuntimeError(f"{file.name} has no map {name} of these rows; run make.py again.")
        given.add(name)
        estimator.embedding_ = maps[name]
        return maps[name].copy()

    names, given = Counter(), set()
    with _drawn_by(draw, code):
        yield
    if left := sorted(squares.keys() - given):
        raise RuntimeError(f"{file.name} has maps that nobody asks for: {left}; run make.py again.")


@contextlib.contextmanager
def _drawn_by(draw, code):
    """Let `draw` stand for `fit_transform` of UMAP and t-SNE."""
    if not _DRAWS.search(code):
        yield
        return
    from sklearn.manifold import TSNE
    from umap import UMAP

    drawing = {one: one.fit_transform for one in (UMAP, TSNE)}
    try:
        for one in drawing:
            one.fit_transform = _standing_for(drawing[one], draw)
        yield
    finally:
        for one, its in drawing.items():
            one.fit_transform = its


def _standing_for(drawing, draw):
    def fit_transform(self, X, y=None, **params):
        return draw(drawing, self, X, y, **params)

    return fit_transform


def _name(estimator, X, names):
    """Name a call by what it asks for, and number those that ask for the same."""
    plain = {
        name: value
        for name, value in estimator.get_params(deep=False).items()
        # UMAP changes its own n_jobs
        if name != "n_jobs"
        and isinstance(value, (int, float, str))
        and value != _default(estimator, name)
    }
    words = "_".join(f"{name}-{value}" for name, value in sorted(plain.items()))
    name = f"{type(estimator).__name__}_{words}_{'x'.join(map(str, X.shape))}"
    names[name] += 1
    return f"{name}_{names[name]}"


def _default(estimator, name):
    return type(estimator)().get_params(deep=False)[name]


def _squares(X):
    return float(X.multiply(X).sum() if hasattr(X, "multiply") else np.square(X).sum())
