"""The public code of TLDR, run from a checkout that the user names.

It is at https://github.com/naver/tldr under a licence for non-commercial use, so none of it is part
of this project:

    git clone https://github.com/naver/tldr FOLDER

It needs the packages torch and rich. faiss is only used by its own neighbour search, which is not
called here: it is handed neighbours that are found by cosine distance.
"""

import contextlib
import importlib
import io
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import numpy as np
from sklearn.preprocessing import normalize

from sksubspace.neighbors import k_nearest

BATCH_SIZE = 1024  # its default


class ReferenceAbsent(RuntimeError):
    """There is no public code in the folder, or a package that it needs is missing."""


def load_reference(folder):
    """Import the public code from a checkout, which is not changed, and return its class."""
    if folder is None or not (Path(folder) / "tldr" / "tldr.py").is_file():
        raise ReferenceAbsent(
            f"The public code of TLDR was not found in {str(folder)!r}. Fetch it with "
            "'git clone https://github.com/naver/tldr FOLDER' and name that folder."
        )
    if find_spec("rich") is None:
        raise ReferenceAbsent("The public code of TLDR needs the package 'rich'.")
    with _import_path(folder):
        return importlib.import_module("tldr").TLDR


@contextlib.contextmanager
def _import_path(folder):
    """Look for modules in `folder` first, and let faiss be imported where there is none."""
    path, stands_in = str(Path(folder).resolve()), find_spec("faiss") is None
    sys.path.insert(0, path)
    if stands_in:
        sys.modules["faiss"] = ModuleType("faiss")
    try:
        yield
    finally:
        sys.path.remove(path)
        if stands_in:
            del sys.modules["faiss"]
        for name in [name for name in sys.modules if name.split(".")[0] == "tldr"]:
            del sys.modules[name]


def run_reference(
    X_train, X_test, n_components, n_neighbors, projector, epochs, seed, *, reference
):  # -> (n, q), (m, q), float
    """Fit the public code and transform both sets.

    `projector` is a description such as "mlp-1-512" or "mlp-2-2048" (its default), or None;
    `reference` is what `load_reference` returned. The CPU seconds are those of the neighbour
    search and the fit. It sets the global seeds of torch, numpy and random.
    """
    if len(X_train) < BATCH_SIZE:
        raise ValueError(
            f"The public code makes no step on fewer than {BATCH_SIZE} rows, got {len(X_train)}."
        )
    X_train, X_test = (np.asarray(X, dtype=np.float32) for X in (X_train, X_test))
    with contextlib.redirect_stdout(io.StringIO()):
        start = time.process_time()
        model = reference(
            n_components=n_components,
            n_neighbors=n_neighbors,
            projector=projector,
            batch_size=BATCH_SIZE,
            epochs=epochs,
            random_state=seed,
        )
        model.fit(X_train, knn_graph=_neighbors(X_train, n_neighbors))
        seconds = time.process_time() - start
        Z_train, Z_test = (model.transform(X) for X in (X_train, X_test))
    return Z_train, Z_test, seconds


def _neighbors(X, n_neighbors):  # (n, d) -> (n, k)
    unit_rows = normalize(X)
    return k_nearest(unit_rows, unit_rows, n_neighbors, exclude_self=True)[1]
