"""Whether teachers that are quadratic in memory can be fitted at all, said before they are."""

import os

from sksubspace._machine import check_memory, free_memory
from sksubspace._teachers import TEACHERS, quadratic_bytes
from sksubspace.cli._say import UsageError


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
        one = quadratic_bytes(TEACHERS[name].make(), n_rows)
        if one == 0:
            continue
        what = f"--teachers {name} on {n_rows:,} rows"
        most = int(n_rows * min(1.0, free_memory() / one) ** 0.5)
        fewer = max(1, int(free_memory() // one))
        try:
            check_memory(one, what, f"Leave it out, or take at most {most:,} rows.")
            check_memory(at_once * one, f"{what}, {at_once} at once,", f"Take --n-jobs {fewer}.")
        except MemoryError as error:
            raise UsageError(str(error)) from error
