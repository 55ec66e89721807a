"""A comparison as plain values, for JSON and for data frames."""

import json
import math
import re
from dataclasses import fields
from numbers import Integral, Real

import numpy as np

_TIMINGS = ("teacher_seconds", "student_seconds")
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


def to_json_text(comparison, timings):
    """Write a comparison as strict JSON.

    Parameters
    ----------
    comparison : EmbeddingComparison
        The outcome.

    timings : bool
        Whether wall-clock times are in it.

    Returns
    -------
    str
        With null for numbers that are not finite.
    """
    left_out = () if timings else _TIMINGS
    settings = {
        one.name: plain(getattr(comparison, one.name))
        for one in fields(comparison)
        if one.name not in ("results", "best_estimator_")
    }
    settings["best_params"] = plain(comparison.best_estimator_.get_params(deep=False))
    settings["results"] = [
        {one.name: plain(getattr(row, one.name)) for one in fields(row) if one.name not in left_out}
        for row in comparison.results
    ]
    return json.dumps(settings, indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def frame_rows(comparison):
    """Flatten the rows of a comparison.

    Parameters
    ----------
    comparison : EmbeddingComparison
        The outcome.

    Returns
    -------
    list of dict
        One for each candidate; hyperparameters are named ``param_*``, the ends of the interval
        ``difference_low`` and ``difference_high``, further measures by their names.
    """
    return [_flat(row) for row in comparison.results]


def plain(value):
    """Turn a value into what JSON knows; what it does not know is described.

    Parameters
    ----------
    value : object
        Anything.

    Returns
    -------
    dict, list, str, int, float, bool or None
        The same on every run.
    """
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    return _ADDRESS.sub("", " ".join(repr(value).split()))


def _flat(row):
    flat = {
        one.name: getattr(row, one.name)
        for one in fields(row)
        if one.name not in ("params", "metrics", "difference_interval", "split_scores")
    }
    low, high = row.difference_interval
    flat |= {"difference_low": low, "difference_high": high}
    return flat | row.metrics | {f"param_{name}": value for name, value in row.params.items()}
