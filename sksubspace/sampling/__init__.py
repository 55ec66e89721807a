"""Few rows, with weights, in place of all: for regressions that are to be fitted at a fraction."""

from sksubspace.sampling._coreset import CoresetRegressor
from sksubspace.sampling._row_sampler import RowSampler

__all__ = ["CoresetRegressor", "RowSampler"]
