"""Whether teachers that are quadratic in memory can be fitted at all, said before they are."""

import os

from sksubspace._machine import check_memory, free_memory
from sksubspace._teachers import TEACHERS
from sksubspace.cli._say import UsageError

_BYTES = 8


def check_teachers_fit(teachers, n_rows, n_jobs):
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
    at_once = (os.cpu_count() or 1) if n_jobs == -1 else n_jobs
    for name in teachers:
        for_each = _BYTES * TEACHERS[name].matrices
        if for_each == 0:
            continue
        one, what = for_each * n_rows**2, f"--teachers {name} on {n_rows:,} rows"
        most = int((free_memory() / for_each) ** 0.5) if one > free_memory() else n_rows
        fewer = max(1, int(free_memory() // one))
        try:
            check_memory(one, what, f"Leave it out, or take at most {most:,} rows.")
            check_memory(at_once * one, f"{what}, {at_once} at once,", f"Take --n-jobs {fewer}.")
        except MemoryError as error:
            raise UsageError(str(error)) from error
