"""Paths from series of which values may be missing."""

import warnings

import numpy as np

__all__ = ["checked_times", "check_observed", "paths_of", "series_of"]


def series_of(X, n_channels):  # (n, c T), int -> (n, c, T)
    """Rows as series, which stand channel by channel."""
    n, d = X.shape
    if d % n_channels:
        raise ValueError(
            f"X has n_features={d}, which is no multiple of n_channels={n_channels}: a row is the "
            "values of the first channel at all times, then those of the second, and so on."
        )
    if d < 2 * n_channels:
        raise ValueError(
            f"X has n_features={d} for n_channels={n_channels}, a single time; a series needs at "
            "least two."
        )
    return X.reshape(n, n_channels, d // n_channels)


def checked_times(times, n_times):  # -> (T,)
    """The parameter `times` from 0 on; None is evenly spaced up to 1."""
    if times is None:
        return np.linspace(0, 1, n_times)
    given = np.asarray(times)
    if given.shape != (n_times,) or given.dtype.kind not in "iuf":
        raise ValueError(
            f"times must hold a number for each of the {n_times} times of a series, got "
            f"{given.dtype} of shape {given.shape}."
        )
    given = given.astype(np.float64)
    if not np.isfinite(given).all() or (np.diff(given) <= 0).any():
        raise ValueError("times must be finite and ascending, none twice.")
    return given - given[0]


def check_observed(series):  # (n, c, T)
    """Raise where a channel of a row has no value; warn where a row is a point, and no path."""
    seen = ~np.isnan(series)
    empty = np.argwhere(~seen.any(axis=2))
    if len(empty):
        row, channel = empty[0].tolist()
        raise ValueError(
            f"X has no value of channel {channel} in row {row}: a channel needs at least one that "
            "is not NaN."
        )
    points = np.flatnonzero(seen.any(axis=1).sum(axis=1) < 2)
    if len(points):
        warnings.warn(
            f"X has values at a single time in {len(points)} rows, the first of them {points[0]}: "
            "a series needs at least two, and these are taken to stand still.",
            stacklevel=5,
        )


def paths_of(series, times, with_time, with_start):  # (n, c, T), (T,), ... -> (n, T or T + 1, c')
    """Points of the paths, in double precision: channels, the time as one more, and the origin.

    Time stands still before the first and after the last time at which a row has any value.
    """
    seen = ~np.isnan(series)
    parts = [_interpolated(series.astype(np.float64), seen, times)]
    if with_time:
        anything = seen.any(axis=1)
        first = times[anything.argmax(axis=1)]
        last = times[::-1][anything[:, ::-1].argmax(axis=1)]
        parts.append(np.clip(times, first[:, None], last[:, None])[:, None])
    points = np.concatenate(parts, axis=1).transpose(0, 2, 1)
    if with_start:
        points = np.concatenate([np.zeros_like(points[:, :1]), points], axis=1)
    return np.ascontiguousarray(points)


def _interpolated(series, seen, times):  # (n, c, T), (n, c, T), (T,) -> (n, c, T)
    """Values on the line between the last and the next that were seen, or the only one of them."""
    if seen.all():
        return series
    n_times = len(times)
    places = np.arange(n_times)
    before = np.maximum.accumulate(np.where(seen, places, -1), axis=2)
    after = np.where(seen, places, n_times)[..., ::-1]
    after = np.minimum.accumulate(after, axis=2)[..., ::-1]
    before = np.where(before < 0, after, before)
    after = np.where(after == n_times, before, after)
    width = times[after] - times[before]
    share = np.divide(times - times[before], width, out=np.zeros(series.shape), where=width > 0)
    left, right = (np.take_along_axis(series, ends, axis=2) for ends in (before, after))
    return left + share * (right - left)
