"""Candidates of a comparison, sorted for tuning curves and rankings."""

from collections import defaultdict
from dataclasses import dataclass
from numbers import Real

import numpy as np

_LOG_FROM = 8.0
_CLOSEST_TICKS = 0.07


@dataclass(frozen=True)
class Curve:
    """One line of a panel: candidates that differ in one number only, in ascending order."""

    label: str
    values: np.ndarray
    candidates: tuple


@dataclass(frozen=True)
class Panel:
    """A group of candidates with one numeric hyperparameter."""

    group: str
    parameter: str
    curves: tuple


def is_number(value):
    """Whether a hyperparameter can stand on an axis."""
    return isinstance(value, Real) and not isinstance(value, bool) and np.isfinite(value)


def make_panels(results):
    """Return a panel for each group with a varying number, and the candidates left over."""
    groups = defaultdict(list)
    for result in results:
        if result.role == "candidate":
            groups[result.group].append(result)
    panels, singles = [], []
    for group, members in groups.items():
        parameter = varying_number(members)
        if parameter is None:
            singles += members
        else:
            panels.append(Panel(group, parameter, make_curves(members, parameter)))
    return panels, singles


def varying_number(members):
    """Return the numeric hyperparameter with the most values, or None."""
    values = defaultdict(set)
    for member in members:
        for name, value in member.params.items():
            values[name].add(value if is_number(value) else None)
    counts = {
        name: len(found)
        for name, found in values.items()
        if None not in found and len(found) > 1 and all(name in m.params for m in members)
    }
    return max(counts, key=counts.get) if counts else None


def make_curves(members, parameter):
    """Split a group into lines on which only one number varies."""
    settings = [{name: str(value) for name, value in one.params.items()} for one in members]
    names = {name: None for one in settings for name in one if name != parameter}
    varying = [name for name in names if len({one.get(name) for one in settings}) > 1]
    lines = defaultdict(list)
    for member, one in zip(members, settings, strict=True):
        label = ", ".join(f"{name}={one[name]}" for name in varying if name in one)
        lines[label].append(member)
    curves = []
    for label, line in lines.items():
        line = sorted(line, key=lambda member: member.params[parameter])
        values = np.array([member.params[parameter] for member in line], dtype=np.float64)
        curves.append(Curve(label, values, tuple(line)))
    return tuple(curves)


def best_of(results):
    """Return the candidate that the others are measured against, or None if all failed."""
    alive = [r for r in results if r.role == "candidate" and np.isfinite(r.score)]
    ranked = [result for result in alive if result.rank == 1]
    if ranked:
        return ranked[0]
    return max(alive, key=lambda result: result.score, default=None)


def reference_pca(results):
    """Return the PCA that serves as a reference line: the control, or the only PCA candidate."""
    found = [r for r in results if r.group.startswith("PCA") and np.isfinite(r.score)]
    controls = [result for result in found if result.role == "control"]
    found = controls or found
    return found[0] if len(found) == 1 else None


def suits_log(values):
    """Whether values are positive and span enough to be told apart only on a log scale."""
    return bool(values.min() > 0 and values.max() / values.min() >= _LOG_FROM)


def spread_ticks(values, log, kept=()):
    """Return the values whose labels have room side by side; those of `kept` come first."""
    values = np.unique(values)
    place = np.log(values) if log else values
    place = (place - place.min()) / (np.ptp(place) or 1.0)
    order = sorted(range(len(values)), key=lambda i: (values[i] not in kept, i))
    chosen = []
    for index in order:
        if all(abs(place[index] - place[other]) >= _CLOSEST_TICKS for other in chosen):
            chosen.append(index)
    return values[sorted(chosen)]
