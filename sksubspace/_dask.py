"""Rows in dask collections: methods that go row by row, and sums over blocks in a tree.

Nothing here schedules work: what is to be done is handed to dask, which does it in threads, or on
the cluster of the client that is open. dask is imported where a collection is met.
"""

import copy
import warnings
from dataclasses import dataclass, field, replace
from functools import wraps
from inspect import isfunction
from typing import Any

import numpy as np
from sklearn.utils.validation import validate_data

__all__ = [
    "Blocks",
    "TakesCollections",
    "in_a_tree",
    "in_memory",
    "is_collection",
    "refuse_collection",
]

# methods whose result for a row depends on that row alone
_ROW_BY_ROW = (
    "transform", "inverse_transform", "predict", "predict_proba", "predict_log_proba",
    "decision_function", "score_samples", "distortion",
)  # fmt: skip


def is_collection(X):
    """Whether it is an array, frame or series of dask, which need not be installed."""
    kind = type(X)
    return kind.__module__.partition(".")[0] == "dask" and hasattr(kind, "to_delayed")


def in_memory(values):
    """Bring what is one value for each row to where the caller is, if dask holds it."""
    return values.compute() if is_collection(values) else values


def refuse_collection(X, name, setting=""):
    """Raise a TypeError for a dask collection, where all rows are needed at once.

    `setting` is the one that needs them, as in "with method='inlp'".
    """
    if is_collection(X):
        raise TypeError(
            f"{name} must be in memory {setting or 'here'}, as all rows are needed at once, got "
            f"{_kind_of(X)}: pass {name}.compute(), or rows drawn from it. Methods that go row by "
            "row, and the fits that are sums over rows, take dask collections."
        )


def _kind_of(X):
    return f"a dask {type(X).__name__} of {X.npartitions} blocks"


class TakesCollections:
    """Base of estimators: on a dask collection, methods go block by block, and return another.

    Of a block without rows there are none; an error tells the number of its block.
    """

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        for name in _ROW_BY_ROW:
            own = vars(cls).get(name)
            if isfunction(own):
                setattr(cls, name, _by_blocks(own, name))
            elif hasattr(own, "fn"):  # of `available_if`
                own = copy.copy(own)
                own.fn = _by_blocks(own.fn, name)
                setattr(cls, name, own)


def _by_blocks(method, name):
    """The method of arrays, and of dask collections of rows."""

    @wraps(method)
    def of_rows(self, X, *args, **kwargs):
        if not is_collection(X):
            return method(self, X, *args, **kwargs)
        beside = [*args, *kwargs.values()]
        if any(is_collection(one) or np.ndim(one) > 0 for one in beside if one is not None):
            raise TypeError(
                f"{type(self).__name__}.{name} takes no values for each row beside a dask "
                "collection: rows go block by block. Map the blocks yourself, or pass arrays."
            )
        X = whole_rows(X)
        first = X._meta_nonempty if _is_frame(X) else np.ones((1, *X.shape[1:]), X.dtype)
        with warnings.catch_warnings():  # about a row that is nobody's
            warnings.simplefilter("ignore")
            nothing = method(self, first, *args, **kwargs)[:0]
        return _block_by_block(X, self, name, args, kwargs, nothing)

    return of_rows


def _is_frame(X):
    return hasattr(X, "divisions")


def whole_rows(X, name="X"):
    """The same collection with all columns of a row in one block, a warning where they were not."""
    if _is_frame(X) or X.ndim == 1 or len(X.chunks[1]) == 1:
        return X
    warnings.warn(
        f"{name} has its columns in {len(X.chunks[1])} chunks; whole rows are needed, and are "
        f"brought together. {name}.rechunk({{1: -1}}) beforehand says nothing.",
        UserWarning,
        stacklevel=4,
    )
    return X.rechunk({1: -1})


def _block_by_block(X, estimator, name, args, kwargs, nothing):
    """The result of a method as a dask collection, `nothing` is that of no rows."""
    import dask.array as da
    from dask import delayed

    shared = delayed(estimator, traverse=False)
    parts = np.ravel(X.to_delayed())
    call = delayed(_call_of_block, pure=True)
    results = [
        call(part, shared, name, args, kwargs, nothing, (number, len(parts)))
        for number, part in enumerate(parts)
    ]
    if hasattr(nothing, "iloc"):
        import dask.dataframe as dd

        return dd.from_delayed(results, meta=nothing, verify_meta=False)
    if not hasattr(nothing, "shape") or not hasattr(nothing, "dtype"):
        raise TypeError(
            f"{type(estimator).__name__}.{name} of a dask collection returns arrays or pandas "
            f"frames, got {type(nothing).__name__} from its set_output."
        )
    sizes = [np.nan] * len(parts) if _is_frame(X) else X.chunks[0]
    blocks = [
        da.from_delayed(result, (size, *nothing.shape[1:]), dtype=nothing.dtype, meta=nothing)
        for result, size in zip(results, sizes, strict=True)
    ]
    return da.concatenate(blocks, allow_unknown_chunksizes=True)


def _call_of_block(rows, estimator, name, args, kwargs, nothing, place):
    if rows.shape[0] == 0:
        return nothing
    return _for_block(getattr(type(estimator), name), place, estimator, rows, *args, **kwargs)


def _for_block(function, place, *args, **kwargs):
    """Call a function for a block; an error says of which."""
    try:
        return function(*args, **kwargs)
    except (TypeError, ValueError) as error:
        if type(error) not in (TypeError, ValueError):
            raise
        number, of = place
        raise type(error)(f"Block {number} of {of} (from 0): {error}") from error


@dataclass(frozen=True)
class Blocks:
    """Blocks of the rows of a dask array or frame, to fit by.

    Attributes
    ----------
    parts : list of Delayed
        Blocks that have rows.
    sizes : list of int
        Their numbers of rows.
    places : list of (int, int)
        Number of each among all blocks, and how many there are: for messages.
    n_columns : int
        Number of columns.
    dtype : numpy dtype
        Of what is fitted: single precision only where all columns are.
    """

    parts: list[Any] = field(repr=False)
    sizes: list[int]
    places: list[tuple[int, int]] = field(repr=False)
    n_columns: int
    dtype: Any

    @classmethod
    def of(cls, estimator, X):
        """Blocks of X; the estimator keeps the names of the columns and their number."""
        validate_data(estimator, X._meta if _is_frame(X) else X, skip_check_array=True)
        return cls.of_table(X)

    @classmethod
    def of_table(cls, X, name="X"):
        """Blocks of X, which has another name in messages."""
        if X.ndim != 2:
            raise ValueError(
                f"{name} must have rows and columns, got {_kind_of(X)} of {X.ndim} axes."
            )
        X = _with_sizes(whole_rows(X, name), name)
        parts = list(np.ravel(X.to_delayed()))
        if _is_frame(X):
            sizes, parts = _sizes_and_arrays(parts)
        else:
            sizes = X.chunks[0]
        kept = [number for number, size in enumerate(sizes) if size]
        if not kept:
            raise ValueError(f"{name} must have rows, got {_kind_of(X)} without any.")
        return cls(
            [parts[number] for number in kept],
            [int(sizes[number]) for number in kept],
            [(number, len(parts)) for number in kept],
            len(X.columns) if _is_frame(X) else X.shape[1],
            np.dtype(np.float32 if _is_single(X) else np.float64),
        )

    @property
    def n_rows(self):
        return sum(self.sizes)

    def cut(self, values):  # (n, ...) -> list of (b, ...)
        """Values for each row, in memory, cut as the rows are."""
        ends = np.cumsum(self.sizes)
        return [values[end - size : end] for end, size in zip(ends, self.sizes, strict=True)]

    def alongside(self, Z, name):  # -> Blocks
        """Another table of the same rows, in the same blocks, whether dask holds it or not."""
        if not is_collection(Z):
            self._check_rows_of(name, len(Z))
            return replace(self, parts=self.cut(Z), n_columns=Z.shape[1], dtype=Z.dtype)
        import dask.array as da

        other = Blocks.of_table(Z, name)
        self._check_rows_of(name, other.n_rows)
        parts, n_columns = other.parts, other.n_columns
        if other.sizes != self.sizes:
            pieces = [
                da.from_delayed(part, (size, n_columns), other.dtype)
                for part, size in zip(parts, other.sizes, strict=True)
            ]
            rows = da.concatenate(pieces).rechunk((tuple(self.sizes), (n_columns,)))
            parts = list(np.ravel(rows.to_delayed()))
        return replace(self, parts=parts, n_columns=n_columns, dtype=other.dtype)

    def _check_rows_of(self, name, n_rows):
        if n_rows != self.n_rows:
            raise ValueError(
                f"X and {name} must have the same number of rows, got {self.n_rows} and {n_rows}."
            )

    def each(self, function, *shared, beside=()):  # -> list of Delayed
        """Apply a function to each block, `beside` it lists of values by block, and what is shared.

        What is shared goes to the workers once.
        """
        from dask import delayed

        shared = [delayed(one, traverse=False) for one in shared]
        return [
            self._task(function, i, *(values[i] for values in beside), *shared)
            for i in range(len(self.parts))
        ]

    def _task(self, function, i, *values):
        from dask import delayed

        return delayed(_for_block)(function, self.places[i], self.parts[i], *values)

    def first(self, function):
        """Result of a function for the first block that has rows."""
        return self._task(function, 0).compute()

    def total(self, function, add, *shared, beside=()):
        """Sum over the blocks of what a function finds in each, in a tree, by `add` of two.

        The order of the sum depends on the blocks alone, never on who works.
        """
        return in_a_tree(self.each(function, *shared, beside=beside), add).compute()

    def total_of_pairs(self, function, add, W, *shared):  # (n, n) sparse
        """The same over pairs of blocks and their part of W, where that holds anything."""
        from dask import delayed

        shared, call = [delayed(one, traverse=False) for one in shared], delayed(function)
        ends = np.cumsum(self.sizes)
        found = []
        for i, end in enumerate(ends):
            strip = W[end - self.sizes[i] : end].tocsc()
            for j, stop in enumerate(ends):
                part = strip[:, stop - self.sizes[j] : stop]
                if part.nnz:
                    found.append(call(self.parts[i], self.parts[j], part.tocsr(), *shared))
        return in_a_tree(found, add).compute()

    def gathered(self, function, *shared, beside=()):  # -> list of what it finds in each block
        """Results of all blocks, in memory, in their order."""
        from dask import compute

        return list(compute(*self.each(function, *shared, beside=beside)))

    def rows(self, numbers):  # (m,) -> (m, d)
        """Some rows by their numbers, in memory."""
        starts = np.cumsum([0, *self.sizes])
        block_of = np.searchsorted(starts, numbers, side="right") - 1
        wanted = [numbers[block_of == i] - starts[i] for i in range(len(self.sizes))]
        found = self.gathered(_chosen_of_block, beside=(wanted,))
        result = np.empty((len(numbers), self.n_columns), np.result_type(*found))
        for i, rows in enumerate(found):
            result[block_of == i] = rows
        return result


def in_a_tree(found, add):  # list of Delayed -> Delayed
    """Sum by pairs, whose order is that of the list."""
    from dask import delayed

    add = delayed(add)
    while len(found) > 1:
        pairs = [add(*found[i : i + 2]) for i in range(0, len(found) - 1, 2)]
        found = pairs + found[2 * len(pairs) :]
    return found[0]


def _is_single(X):
    dtypes = X.dtypes if _is_frame(X) else [X.dtype]
    return all(dtype == np.float32 for dtype in dtypes)


def _chosen_of_block(rows, wanted):
    return np.asarray(rows)[wanted]


def _with_sizes(X, name):
    """The same array with known sizes of its chunks, a warning where they had to be computed."""
    if _is_frame(X) or not np.isnan(X.shape).any():
        return X
    warnings.warn(
        f"{name} has chunks of unknown size; they are computed, which reads or makes all of "
        f"{name} once.",
        UserWarning,
        stacklevel=4,
    )
    return X.compute_chunk_sizes()


def _sizes_and_arrays(frames):  # list of Delayed -> list of int, list of Delayed
    from dask import compute, delayed

    return compute(*map(delayed(len), frames)), list(map(delayed(np.asarray), frames))
