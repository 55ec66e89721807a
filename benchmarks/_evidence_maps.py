"""Neighbouring libraries that draw and measure maps, beside this one on the same rows."""

import numpy as np
from _common import cpu_seconds, load_split, one_thread, r_squared
from sklearn.neighbors import KNeighborsClassifier

from sksubspace import MEDAL
from sksubspace import metrics as own

_N_BACK = 100  # umap's inverse_transform takes tenths of a second for each row
_N_NEIGHBORS = 15


def umap_learn(data, seed):
    """New rows on a UMAP, and from the map back to the data; yields measure, theirs, ours."""
    from umap import UMAP

    split = load_split(data, seed, 2_000)
    with one_thread():
        umap = UMAP(random_state=seed)
        umap.fit(split.X_train)
        medal, fitting = cpu_seconds(
            MEDAL(umap_places(umap), random_state=seed, keep_teacher=False).fit, split.X_train
        )
        umap.transform(split.X_test[:20]), umap.inverse_transform(umap.embedding_[:2])  # compiled
        theirs, placing = cpu_seconds(umap.transform, split.X_test)
        ours, our_placing = cpu_seconds(medal.transform, split.X_test)
        yield (
            "10-NN accuracy of new rows' places",
            *(_accuracy(split, umap.embedding_, places) for places in (theirs, ours)),
        )
        few = split.X_test[:_N_BACK]
        back, decoding = cpu_seconds(umap.inverse_transform, theirs[:_N_BACK])
        our_back, our_decoding = cpu_seconds(medal.inverse_transform, ours[:_N_BACK])
        yield (
            "R2 of 100 new rows, there and back",
            *(r_squared(few, one, split.X_train) for one in (back, our_back)),
        )
        yield (
            "CPU s to place new rows (ours: and to learn the encoder)",
            placing,
            fitting + our_placing,
        )
        yield "CPU s to place new rows, encoder learnt", placing, our_placing
        yield "CPU s to bring 100 places back", decoding, our_decoding


def opentsne(data, seed):
    """New rows on openTSNE's own map."""
    from openTSNE import TSNE

    split = load_split(data, seed, 2_000)
    with one_thread():
        fitted = TSNE(random_state=seed, n_jobs=1).fit(split.X_train)
        theirs, placing = cpu_seconds(fitted.transform, split.X_test)
        # placing new rows moves the training rows too: beside these they belong
        drawn = np.array(fitted)
        medal, fitting = cpu_seconds(
            MEDAL("precomputed", random_state=seed).fit, split.X_train, embedding=drawn
        )
        ours, our_placing = cpu_seconds(medal.transform, split.X_test)
        theirs = np.array(theirs)
    yield (
        "10-NN accuracy of new rows' places",
        *(_accuracy(split, drawn, places) for places in (theirs, ours)),
    )
    back = [medal.inverse_transform(places) for places in (theirs, ours)]
    yield (
        "R2 of new rows, our decoder at either's places",
        *(r_squared(split.X_test, one, split.X_train) for one in back),
    )
    both = fitting + our_placing
    yield "CPU s to place new rows (ours: and to learn the encoder)", placing, both
    yield "CPU s to place new rows, encoder learnt", placing, our_placing


def zadu(data, seed):
    """The same numbers of a map, and what they cost."""
    from zadu import ZADU

    X, Z, y = _map_of(data, seed)
    names = ("trustworthiness", "continuity", "neighborhood hit")
    spec = [
        {"id": "tnc", "params": {"k": _N_NEIGHBORS}},
        {"id": "nh", "params": {"k": _N_NEIGHBORS}},
    ]
    with one_thread():
        measured, seconds = cpu_seconds(lambda: ZADU(spec, X).measure(Z, y))
        ours, our_seconds = cpu_seconds(
            lambda: [
                own.trustworthiness(X, Z, n_neighbors=_N_NEIGHBORS),
                own.continuity(X, Z, n_neighbors=_N_NEIGHBORS),
                own.neighborhood_hit(Z, y, n_neighbors=_N_NEIGHBORS),
            ]
        )
    found = {key: value for one in measured for key, value in one.items()}
    theirs = [found["trustworthiness"], found["continuity"], found["neighborhood_hit"]]
    yield from zip(names, theirs, ours, strict=True)
    yield "CPU s of the three", seconds, our_seconds


def torchdr(data, seed):
    """Their UMAP as a teacher of ours; their own measure of kept neighbours beside ours."""
    from sklearn.base import BaseEstimator
    from torchdr import UMAP, neighborhood_preservation
    from umap import UMAP as Other

    class Theirs(BaseEstimator):
        """A teacher that scikit-learn can copy, as it cannot theirs."""

        def fit_transform(self, X, y=None):
            return UMAP(
                n_neighbors=15, random_state=seed, device="cpu", backend=None
            ).fit_transform(X)

    X, Z, _ = _map_of(data, seed)
    with one_thread():
        theirs, seconds = cpu_seconds(
            lambda: float(neighborhood_preservation(X, Z.astype(X.dtype), K=_N_NEIGHBORS))
        )
        ours, our_seconds = cpu_seconds(lambda: own.q_nx(X, Z, k_max=_N_NEIGHBORS)[-1])
        yield "share of 15 neighbours kept", theirs, float(ours)
        yield "CPU s of that share", seconds, our_seconds
        split = load_split(data, seed, 2_000)
        scores = []
        for teacher in (Theirs(), Other(random_state=seed)):
            medal = MEDAL(teacher, random_state=seed, keep_teacher=False)
            scores.append(medal.fit(split.X_train).score(split.X_test))
        yield "held-out R2 of a UMAP: TorchDR's beside umap-learn's (both by our score)", *scores


def umap_places(umap):
    """A teacher that returns what is drawn already, so that only our own part is timed."""
    from sklearn.base import BaseEstimator

    class Drawn(BaseEstimator):
        def fit_transform(self, X, y=None):
            return umap.embedding_

    return Drawn()


def _map_of(data, seed):
    from umap import UMAP

    split = load_split(data, seed, 2_000)
    return split.X_train, UMAP(random_state=seed).fit_transform(split.X_train), split.y_train


def _accuracy(split, drawn, places):
    model = KNeighborsClassifier(10).fit(drawn, split.y_train)
    return model.score(places, split.y_test)
