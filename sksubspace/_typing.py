"""Types that many signatures share, and what scikit-learn's mixins promise to a type checker.

Nothing here costs time: names of packages that are optional, slow to import or without types of
their own stand for `typing.Any` while the program runs.
"""

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "AnnData",
    "ArrayLike",
    "Axes",
    "Bools",
    "Bunch",
    "Candidates",
    "Colormap",
    "DataFrame",
    "Device",
    "Estimator",
    "Figure",
    "Floats",
    "Ints",
    "Labels",
    "Matrix",
    "Memory",
    "Module",
    "Names",
    "Objects",
    "Palette",
    "PathLike",
    "Planned",
    "Seed",
    "Sparse",
    "Strings",
    "SubFigure",
]

if TYPE_CHECKING:
    from anndata import AnnData
    from joblib import Memory
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure, SubFigure
    from pandas import DataFrame
    from scipy.sparse import csr_array, csr_matrix
    from sklearn.utils import Bunch
    from torch import device
    from torch.nn import Module

    Device: TypeAlias = str | device
    Sparse: TypeAlias = csr_array | csr_matrix
else:
    AnnData = Axes = Bunch = Colormap = DataFrame = Device = Figure = Memory = Module = Sparse = Any
    SubFigure = Any

# arrays that come back: single precision where single precision went in
Floats: TypeAlias = NDArray[np.floating]
Ints: TypeAlias = NDArray[np.integer]
Bools: TypeAlias = NDArray[np.bool_]
# of the type that labels were given in, or of Python objects, such as strings
Labels: TypeAlias = NDArray[np.generic]
Objects: TypeAlias = NDArray[np.object_]
Strings: TypeAlias = NDArray[np.str_]


class _Compressed(Protocol):
    """A sparse matrix or array of scipy, of any format."""

    def tocsr(self) -> Any: ...


# what goes in
Matrix: TypeAlias = ArrayLike | _Compressed
Seed: TypeAlias = int | np.random.RandomState | None
PathLike: TypeAlias = str | os.PathLike[str]
Names: TypeAlias = Sequence[str] | Strings | Objects
Palette: TypeAlias = Mapping[str, Any] | Sequence[Any]
# anything with the methods of scikit-learn that are asked for; it has no types of its own
Estimator: TypeAlias = Any
Candidates: TypeAlias = Mapping[str, Any] | Sequence[Any]


class Planned(Protocol):
    """What says which encoders and which decoder a map is learnt by, as a `MEDAL` does."""

    def student_plan(self) -> Any: ...
