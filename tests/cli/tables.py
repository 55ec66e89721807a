"""Small tables for the tests of the command line."""

import numpy as np
import pandas as pd


def blobs(n_rows=60, n_columns=4, seed=0, shift=0.0):
    """Three clusters of rows, with a column of their names."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(3, size=n_rows)
    values = rng.normal(size=(n_rows, n_columns)) + 6 * np.eye(3, n_columns)[kind] + shift
    frame = pd.DataFrame(values, columns=[f"gene {column}" for column in range(n_columns)])
    frame["kind"] = np.array(["red", "green", "blue"])[kind]
    return frame


def numbers(**kwargs):
    """The same without the names of the clusters."""
    return blobs(**kwargs).drop(columns="kind")
