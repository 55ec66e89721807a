"""Clusterings that express each row by the others: codes, graph, spectral step, subspaces."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import partial
from numbers import Integral
from typing import Self

import numpy as np
from scipy import sparse
from sklearn.preprocessing import normalize

from sksubspace._dask import Blocks, is_collection, refuse_collection
from sksubspace._linalg import row_blocks
from sksubspace._parameters import isolated_random_state
from sksubspace._sklearn import Interval, StrOptions, _fit_context
from sksubspace._torch.device import as_memory_allows, resolve_device
from sksubspace._typing import Floats, Ints, Matrix, Sparse
from sksubspace._validation import check_block
from sksubspace.cluster._affinity import AFFINITIES, coefficients_to_affinity, with_nearest_ties
from sksubspace.cluster._base import (
    BaseSubspaceClustering,
    keep_subspaces,
    keep_subspaces_of_blocks,
    training_blocks,
    training_rows,
)
from sksubspace.cluster._device_codes import CodesOnDevice
from sksubspace.cluster._rows import row_norms, training_block
from sksubspace.cluster._spectral import (
    CodeBlocks,
    gram_of_codes,
    landmark_labels,
    nearest_bridges,
    spectral_labels,
    summed_in_order,
)

# whose codes are held at a time where those of all rows are too many to keep
_CODED_ROWS = 2**13


class SelfExpressiveClustering(BaseSubspaceClustering, ABC):
    """Base class of the self-expressive methods: a subclass has ``_represent``."""

    representation_matrix_: Sparse | None
    affinity_matrix_: Sparse | None
    eigenvalues_: Floats
    landmark_indices_: Ints | None

    _landmarks_above = 20_000
    # "auto" landmarks: so many, or so many for each cluster if that is more
    _fewest_landmarks, _landmarks_per_cluster = 1000, 0
    _default_affinity = "symmetrize"
    neighbor_weight = 0.0

    _parameter_constraints: dict = {
        **BaseSubspaceClustering._parameter_constraints,
        "n_clusters": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "affinity": [StrOptions({"auto", *AFFINITIES})],
        "n_landmarks": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"}), None],
        "n_landmark_draws": [Interval(Integral, 1, None, closed="left")],
        "n_init": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "device": "no_validation",
    }

    @abstractmethod
    def _represent(self, X, dictionary, own):
        """Express rows by a dictionary.

        Parameters
        ----------
        X : {ndarray, CSR matrix} of shape (n_samples, n_features)
            Unit rows.
        dictionary : {ndarray, CSR matrix} of shape (n_atoms, n_features)
            Unit rows; X itself where there are no landmarks.
        own : ndarray of shape (n_samples,)
            The atom that is the row itself and gets no coefficient, or -1.

        Returns
        -------
        C : CSR matrix of shape (n_samples, n_atoms)
            Coefficients.
        """

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Matrix, y: object = None) -> Self:
        """Find the clusters and the subspace of each.

        Parameters
        ----------
        X : {array-like, sparse matrix, dask collection} of shape (n_samples, n_features)
            Training rows. Sparse input is taken by the estimators whose tags say so, a dask array
            or frame where there are landmarks: these come into memory, with ``n_clusters`` numbers
            for each row, and the rows stay in their blocks, which are read a few times.

        y : Ignored
            Not used.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If X has non-finite values, fewer rows than clusters or fewer than two that are not
            zero, or if a parameter does not fit the data.
        """
        if is_collection(X):
            return self._fit_blocks(X)
        X = training_rows(self, X)
        random_state = isolated_random_state(self.random_state)
        coded = np.arange(X.shape[0])
        if self.normalize:
            coded = np.flatnonzero(row_norms(X) > 0)
        _check_coded(len(coded))
        rows = X if len(coded) == X.shape[0] else X[coded]
        labels = np.full(X.shape[0], -1)
        labels[coded] = self._cluster(rows, random_state)
        keep_subspaces(self, X, labels)
        if len(coded) < X.shape[0]:
            self._expand(coded, X.shape[0])
        return self

    def _fit_blocks(self, X):
        """Fit by landmarks that are drawn first, and by sums over the blocks of a collection."""
        blocks, sums = training_blocks(self, X)
        random_state = isolated_random_state(self.random_state)
        coded = np.arange(blocks.n_rows)
        if self.normalize and sums.n_zero:
            coded = np.flatnonzero(np.concatenate(blocks.gathered(_has_length)))
        _check_coded(len(coded))
        n_landmarks = self._resolve_n_landmarks(len(coded))
        if n_landmarks is None:
            refuse_collection(X, "X", f"with n_landmarks={self.n_landmarks!r} for {sums.n} rows")

        def rows(numbers):  # of those that are coded
            return training_block(blocks.rows(coded[numbers]), self.normalize)

        self._look_at(len(coded), rows)
        drawn = self._draw_landmarks(len(coded), n_landmarks, random_state)
        own = np.full((blocks.n_rows, len(drawn)), -1)
        is_coded = np.zeros(blocks.n_rows, bool)
        is_coded[coded] = True
        for draw, indices in enumerate(drawn):
            own[coded[indices], draw] = np.arange(n_landmarks)
        landmarks = [rows(indices) for indices in drawn]
        codes = CodesOfBlocks(blocks, self, landmarks, (blocks.cut(own), blocks.cut(is_coded)))
        self.representation_matrix_, self.affinity_matrix_ = None, None
        self.landmark_indices_ = coded[np.concatenate(drawn)]
        labels = np.full(blocks.n_rows, -1)
        labels[coded] = self._spectral_step(
            landmark_labels, codes, np.concatenate(landmarks), random_state
        )
        keep_subspaces_of_blocks(self, blocks, labels, sums.mean, self.normalize)
        return self

    def _look_at(self, n, rows):
        """Learn what a sample tells: ``rows(numbers)`` are some of the n rows to be coded."""

    def _draw_landmarks(self, n, n_landmarks, random_state):  # -> list of (m,)
        draws = range(self.n_landmark_draws)
        return [np.sort(random_state.choice(n, n_landmarks, replace=False)) for _ in draws]

    def _codes(self, X, own, landmarks):  # (b, d), (b, n_draws), list of (m, d) -> csr (b, m)
        pairs = zip(landmarks, own.T, strict=True)
        parts = [self._coded(X, dictionary, column) for dictionary, column in pairs]
        return parts[0] if len(parts) == 1 else sparse.hstack(parts, format="csr")

    def _coded(self, X, dictionary, own):  # (n, d), (m, d), (n,) -> csr (n, m)
        """Represent rows, fewer at a time where the device has no room for a block."""
        n = X.shape[0]

        def represent(rows):
            if rows == slice(0, n):  # not a copy, and the dictionary itself without landmarks
                return self._represent(X, dictionary, own)
            return self._represent(X[rows], dictionary, own[rows])

        parts = as_memory_allows(represent, n, resolve_device(self.device))
        return parts[0] if len(parts) == 1 else sparse.vstack(parts, format="csr")

    def _cluster(self, X, random_state):  # (n, d) -> (n,)
        self._look_at(X.shape[0], lambda numbers: X[numbers])
        n_landmarks = self._resolve_n_landmarks(X.shape[0])
        if n_landmarks is None:
            return self._cluster_graph(X, random_state)
        return self._cluster_landmarks(X, n_landmarks, random_state)

    def _cluster_graph(self, X, random_state):
        C = self._coded(X, X, np.arange(X.shape[0]))
        method = self._default_affinity if self.affinity == "auto" else self.affinity
        n_clusters = None if self.n_clusters == "auto" else self.n_clusters
        A = coefficients_to_affinity(C, method, n_clusters=n_clusters)
        A = with_nearest_ties(A, X, self.neighbor_weight)
        self.landmark_indices_ = None
        self.representation_matrix_, self.affinity_matrix_ = C, A
        return self._spectral_step(spectral_labels, A, X, random_state)

    def _cluster_landmarks(self, X, n_landmarks, random_state):
        n = X.shape[0]
        drawn = self._draw_landmarks(n, n_landmarks, random_state)
        own = np.full((n, len(drawn)), -1)
        for draw, indices in enumerate(drawn):
            own[indices, draw] = np.arange(n_landmarks)
        self.landmark_indices_ = np.concatenate(drawn)
        landmarks = [X[indices] for indices in drawn]
        self.representation_matrix_, self.affinity_matrix_ = None, None
        if self._stores_codes(n, n_landmarks):
            self.representation_matrix_ = self._codes(X, own, landmarks)
            weights = _weights_of(self.representation_matrix_)
            codes, blocks = weights, lambda: iter([weights])
        else:

            def blocks():
                pieces = row_blocks(n, _CODED_ROWS)
                return (_weights_of(self._codes(X[b], own[b], landmarks)) for b in pieces)

            codes = CodeBlocks(blocks)
        device = resolve_device(self.device)
        if device.type == "cuda":
            codes = CodesOnDevice(blocks, device)
        return self._spectral_step(landmark_labels, codes, X[self.landmark_indices_], random_state)

    def _stores_codes(self, n, n_landmarks):
        """Whether the codes of all rows on landmarks are few enough to be kept."""
        return True

    def _spectral_step(self, step, weights, X, random_state):
        result = step(
            weights,
            self.n_clusters,
            n_init=self.n_init,
            random_state=random_state,
            bridges=partial(nearest_bridges, X),
        )
        self.eigenvalues_ = result.eigenvalues
        return result.labels

    def _resolve_n_landmarks(self, n):
        needs_graph = self.affinity not in ("auto", "symmetrize")
        if self.n_landmarks is None:
            return None
        if self.n_landmarks == "auto":
            many = n > self._landmarks_above and not needs_graph
            n_clusters = 0 if self.n_clusters == "auto" else self.n_clusters
            wanted = max(self._fewest_landmarks, self._landmarks_per_cluster * n_clusters)
            return min(wanted, n) if many else None
        if self.n_clusters != "auto" and self.n_landmarks < self.n_clusters:
            raise ValueError(
                f"n_landmarks={self.n_landmarks} must be at least n_clusters={self.n_clusters}."
            )
        if needs_graph:
            raise ValueError(
                f"affinity={self.affinity!r} needs every row in the graph: with landmarks it must "
                "be 'auto' or 'symmetrize'."
            )
        return self.n_landmarks if self.n_landmarks < n else None

    def _expand(self, coded, n):
        """Give the matrices empty rows, and columns, for rows of X that have no code."""
        C = self.representation_matrix_
        square = self.landmark_indices_ is None
        if C is not None:
            self.representation_matrix_ = _with_empty_rows(C, coded, n, square)
        if square:
            self.affinity_matrix_ = _with_empty_rows(self.affinity_matrix_, coded, n, True)
        else:
            self.landmark_indices_ = coded[self.landmark_indices_]


def _weights_of(C):  # csr (b, m) -> csr (b, m)
    """Sizes of the coefficients, rows at unit length."""
    # indices are shared: with many rows they are half of what the codes take
    W = sparse.csr_matrix((np.abs(C.data), C.indices, C.indptr), shape=C.shape)
    return normalize(W, copy=False)


@dataclass(frozen=True)
class CodesOfBlocks:
    """Codes of the rows of a dask collection on landmarks, which are computed anew when asked for.

    Attributes
    ----------
    blocks : Blocks
        The rows as they were given.
    estimator : SelfExpressiveClustering
        Which expresses them.
    landmarks : list of ndarray of shape (n_landmarks, n_features)
        Of each draw.
    beside : tuple of two lists
        By block, the landmark that each row is (b, n_draws), and whether it is coded (b,).
    """

    blocks: Blocks
    estimator: SelfExpressiveClustering
    landmarks: list
    beside: tuple

    def gram(self):  # -> csr (m, m), (n,)
        """As of `CodeBlocks`."""
        settings = (self.estimator, self.landmarks)
        return self.blocks.total(_gram_of_block, _both, *settings, beside=self.beside)

    def embedded(self, scaled):  # (m, k) -> (n, k)
        """As of `CodeBlocks`."""
        settings = (self.estimator, self.landmarks, scaled)
        return np.concatenate(self.blocks.gathered(_embedded_block, *settings, beside=self.beside))


def _weights_of_block(rows, own, is_coded, estimator, landmarks):  # -> list of csr (b, m)
    X = training_block(rows, estimator.normalize)[is_coded]
    own = own[is_coded]
    pieces = row_blocks(len(X), _CODED_ROWS)
    return (_weights_of(estimator._codes(X[b], own[b], landmarks)) for b in pieces)


def _gram_of_block(rows, own, is_coded, estimator, landmarks):
    if not is_coded.any():
        return None
    return summed_in_order(
        map(gram_of_codes, _weights_of_block(rows, own, is_coded, estimator, landmarks))
    )


def _both(one, other):
    return summed_in_order([part for part in (one, other) if part is not None])


def _embedded_block(rows, own, is_coded, estimator, landmarks, scaled):  # -> (b, k)
    blocks = _weights_of_block(rows, own, is_coded, estimator, landmarks)
    return np.concatenate(
        [np.zeros((0, scaled.shape[1])), *(W @ scaled.astype(W.dtype) for W in blocks)]
    )


def _has_length(rows):  # (b, d) -> (b,)
    return row_norms(check_block(rows)) > 0


def _check_coded(n_coded):
    if n_coded < 2:
        raise ValueError(
            f"X must have at least two rows that are not zero, got {n_coded}: rows are expressed "
            "by each other."
        )


def _with_empty_rows(C, coded, n, square):  # csr (m, m or p) -> csr (n, n or p)
    lengths = np.zeros(n, dtype=C.indptr.dtype)
    lengths[coded] = np.diff(C.indptr)
    indices = coded[C.indices] if square else C.indices
    pointers = np.concatenate([[0], np.cumsum(lengths)])
    return sparse.csr_matrix((C.data, indices, pointers), shape=(n, n if square else C.shape[1]))
