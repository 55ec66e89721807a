"""The modules of the paper on least volume, run from a checkout that the user names.

They are at https://github.com/IDEALLab/Least_Volume_ICLR2024 under a licence of their own, so none
of them is part of this project:

    git clone https://github.com/IDEALLab/Least_Volume_ICLR2024 FOLDER

Its fully connected encoder and spectrally normalised decoder, its loss and its training loop are
used as they are: Adam with a constant rate, no rows held out. Widths, weight of the volume, epochs
and the units of the rows are those of the estimator beside it.
"""

import contextlib
import io
import sys
from pathlib import Path

import numpy as np
import torch

_CONFIG = {"optimizer": {"lr": 1e-3, "betas": [0.9, 0.99]}, "name": "volume", "eps": 1.0}


def load_modules(folder):
    """Import the authors' `model` package from a checkout, which is not changed."""
    source = Path(folder) / "src"
    if not (source / "model" / "sparsity.py").is_file():
        raise FileNotFoundError(
            f"The public code of least volume was not found in {str(folder)!r}. Fetch it with "
            "'git clone https://github.com/IDEALLab/Least_Volume_ICLR2024 FOLDER'."
        )
    sys.path.insert(0, str(source))
    try:
        from model import cmpnts, sparsity
    finally:
        sys.path.remove(str(source))
    return cmpnts, sparsity


class Batches:
    """A new order of the rows in every epoch; a loader that collates row by row is far slower."""

    def __init__(self, rows, size=100):
        self.rows = rows
        self.size = size

    def __iter__(self):
        for index in torch.randperm(len(self.rows)).split(self.size):
            yield self.rows[index]


def fit_theirs(modules, X, seed, *, n_components=64, widths=(256, 128), weight=1e-2, epochs=200):
    """Train their autoencoder; a function of rows and k that reconstructs from k dimensions.

    Dimensions are ordered by their standard deviation; those left out are at their mean.
    """
    cmpnts, sparsity = modules
    mean, spread = X.mean(axis=0), X.std(axis=0, dtype=np.float64)
    spread = np.float32(np.sqrt(np.square(spread).mean()))
    rows = torch.from_numpy((X - mean) / spread)
    torch.manual_seed(seed)
    ends = X.shape[1], n_components
    config = _CONFIG | {
        "encoder": dict(zip(("in_features", "out_features"), ends, strict=True))
        | {"layer_width": list(widths)},
        "decoder": dict(zip(("out_features", "in_features"), ends, strict=True))
        | {"layer_width": list(widths[::-1])},
    }
    model = sparsity.VolumeAE(
        config, cmpnts.MLP, cmpnts.SNMLP, torch.optim.Adam, weights=[1.0, weight]
    )
    with contextlib.redirect_stderr(io.StringIO()):
        model.fit(Batches(rows), epochs)
    model.eval()
    with torch.no_grad():
        codes = model.encode(rows)
    centre, order = codes.mean(dim=0), codes.std(dim=0).argsort(descending=True)

    def reconstruct(new, k):
        with torch.no_grad():
            z = model.encode(torch.from_numpy((new - mean) / spread))
            z[:, order[k:]] = centre[order[k:]]
            return model.decode(z).numpy() * spread + mean

    return reconstruct
