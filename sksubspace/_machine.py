"""What the machine has: free memory, asked before it is taken. No torch."""

import os

__all__ = ["check_memory", "free_memory"]


def free_memory():
    """Bytes of memory that are free; infinite where the system does not tell."""
    try:
        with open("/proc/meminfo") as lines:
            sizes = dict(line.split(":") for line in lines)
        return 1024 * int(sizes["MemAvailable"].split()[0])
    except (OSError, KeyError):
        pass
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return float("inf")


def check_memory(n_bytes, what, advice):
    """Refuse what would not fit into memory, before any of it is allocated.

    Parameters
    ----------
    n_bytes : float
        An estimate of what is needed at once.

    what : str
        What needs it, with its size: the subject of "needs about 36 GB".

    advice : str
        What to do instead: a sentence.

    Raises
    ------
    MemoryError
        If less is free.
    """
    free = free_memory()
    if n_bytes > free:
        raise MemoryError(
            f"{what} needs about {_gigabytes(n_bytes)} of memory, and {_gigabytes(free)} are free. "
            f"{advice}"
        )


def _gigabytes(n_bytes):
    return f"{n_bytes / 1e9:.3g} GB"
