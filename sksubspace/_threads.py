"""Threads: small work is done on one.

torch is told where it is loaded already; nothing here loads it.
"""

import os
import sys
from contextlib import contextmanager, nullcontext
from threading import Lock

from threadpoolctl import ThreadpoolController

__all__ = ["kept_threads", "safe_threads", "small_work"]

# below, waking and joining a team of threads takes longer than the work
SMALL_FLOPS = 5e7


_pools = (0, None)


def _thread_pools():
    """Return the pools of BLAS and OpenMP that are loaded by now.

    Looking for them reads all memory maps of the process, 6 ms; they come with modules, so it is
    done again only after an import.
    """
    global _pools
    if _pools[0] != len(sys.modules):
        _pools = (len(sys.modules), ThreadpoolController())
    return _pools[1]


def _torch_threads():
    torch = sys.modules.get("torch")
    return None if torch is None else torch.get_num_threads()


def _set_torch_threads(n_threads):
    if n_threads is not None:
        sys.modules["torch"].set_num_threads(n_threads)


class _OneThread:
    """One thread for the whole process while anyone is inside; the last one out lifts the limit.

    Numbers of threads belong to the process, so fits that overlap in several Python threads have to
    share what was set before the first of them.
    """

    def __init__(self):
        self._lock = Lock()
        self._n_inside = 0
        self._n_torch_threads = None
        self.is_needed = False

    def begin_child(self):
        """Start anew in a forked process, where no other thread is that may hold the lock."""
        self.__init__()
        self.is_needed = "torch" in sys.modules

    def __enter__(self):
        with self._lock:
            if self._n_inside == 0:
                self._limits = _thread_pools().limit(limits=1)
            if self._n_inside == 0 or self._n_torch_threads is None:
                self._n_torch_threads = _torch_threads()
            self._n_inside += 1
            _set_torch_threads(None if self._n_torch_threads is None else 1)

    def __exit__(self, *exception):
        with self._lock:
            self._n_inside -= 1
            _set_torch_threads(self._n_torch_threads)
            if self._n_inside == 0:
                self._limits.restore_original_limits()


_ONE_THREAD = _OneThread()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_ONE_THREAD.begin_child)


def safe_threads():  # -> context manager
    """One thread in a process that was forked from one that had loaded torch, else no limit.

    A team of OpenMP threads does not live on in the child, where the next work for it would wait
    for ever.
    """
    return _ONE_THREAD if _ONE_THREAD.is_needed else nullcontext()


@contextmanager
def small_work(flops, device="cpu"):
    """Do the work inside on one thread if it is too small to be shared among several.

    That is by the floating-point operations of one batch, and only on the CPU. The former numbers
    of threads of torch, BLAS and OpenMP are set again afterwards.

    Waking and joining a team of threads costs more than a batch below about 5e7 operations, and far
    more on a busy machine. Larger work gets as many threads as torch was told to use, even where
    another library (numba, after a UMAP fit) has meanwhile told OpenMP to use all cores.
    """
    if str(device).split(":")[0] != "cpu":
        yield
        return
    if flops >= SMALL_FLOPS and not _ONE_THREAD.is_needed:
        # None sets no limit
        with _thread_pools().limit(limits=_torch_threads(), user_api="openmp"):
            yield
        return
    with _ONE_THREAD:
        yield


@contextmanager
def kept_threads():
    """Give torch its number of threads back after other libraries have worked.

    Yields
    ------
    None
        numba, which UMAP runs on, tells OpenMP to use all cores, and torch then does the same.
    """
    n_threads = _torch_threads()
    try:
        yield
    finally:
        _set_torch_threads(n_threads)
