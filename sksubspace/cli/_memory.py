"""Whether teachers that are quadratic in memory can be fitted at all, said before they are."""

import os
from pathlib import Path

from sksubspace.cli._say import UsageError

# n x n matrices of float64 that a fit holds at its height, measured from 2,500 to 5,000 rows:
# distances, geodesics and their kernel; factors of the Laplacian of rows of ten features
_MATRICES = {"isomap": 3.05, "spectral": 2.5}
_BYTES = 8
_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def check_memory(teachers, n_rows, n_jobs):
    """Refuse teachers whose fit cannot end for want of memory.

    Parameters
    ----------
    teachers : sequence of str
        Short names.
    n_rows : int
        Rows that each is fitted on.
    n_jobs : int
        Fits that may run at once; -1 for one on each core.

    Raises
    ------
    UsageError
        With the estimate, and what to do.
    """
    there = available_memory()
    if there is None:
        return
    for name in teachers:
        one = _MATRICES.get(name, 0) * _BYTES * n_rows**2
        if one > there:
            raise UsageError(
                f"--teachers {name} needs about {_gb(one)} for {n_rows:,} rows, and {_gb(there)} "
                f"of memory are free: leave {name} out, or give it at most "
                f"{_most_rows(name, there):,} rows"
            )
        at_once = (os.cpu_count() or 1) if n_jobs == -1 else n_jobs
        if one * at_once > there:
            raise UsageError(
                f"--teachers {name} needs about {_gb(one)} for {n_rows:,} rows, {at_once} times "
                f"at once, and {_gb(there)} of memory are free: take --n-jobs "
                f"{max(1, int(there // one))}"
            )


def available_memory():
    """Return the bytes that a process may still take, or None where the system does not tell."""
    found = [_free(), *map(_limit, _LIMITS)]
    return min((value for value in found if value is not None), default=None)


def _free():
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line[:13] == "MemAvailable:")
    except (OSError, StopIteration, ValueError, IndexError):
        return None


def _limit(path):
    try:
        return int(Path(path).read_text())
    except (OSError, ValueError):  # no such group, or "max"
        return None


def _most_rows(name, there):
    return int((there / (_MATRICES[name] * _BYTES)) ** 0.5)


def _gb(n_bytes):
    return f"{n_bytes / 1e9:,.0f} GB" if n_bytes >= 10e9 else f"{n_bytes / 1e9:.1f} GB"
