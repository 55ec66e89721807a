"""Threads: small work is done on one."""

from contextlib import contextmanager
from threading import Lock

import torch
from threadpoolctl import threadpool_limits

__all__ = ["kept_threads", "small_work"]

# below, waking a team of threads costs more than the batch: see the Notes of `small_work`
SMALL_FLOPS = 5e7


class _OneThread:
    """One thread for the whole process while anyone is inside; the last one out lifts the limit.

    Numbers of threads belong to the process, so fits that overlap in several Python threads have to
    share what was set before the first of them.
    """

    def __init__(self):
        self._lock = Lock()
        self._n_inside = 0

    def __enter__(self):
        with self._lock:
            if self._n_inside == 0:
                self._n_torch_threads = torch.get_num_threads()
                self._limits = threadpool_limits(limits=1)
            self._n_inside += 1
            torch.set_num_threads(1)

    def __exit__(self, *exception):
        with self._lock:
            self._n_inside -= 1
            torch.set_num_threads(self._n_torch_threads)
            if self._n_inside == 0:
                self._limits.restore_original_limits()


_ONE_THREAD = _OneThread()


@contextmanager
def small_work(flops, device="cpu"):
    """Do the work inside on one thread if it is too small to be shared among several.

    Parameters
    ----------
    flops : float
        Floating-point operations of one batch.
    device : str or torch.device, default="cpu"
        Where the work is done; the threads of the CPU are limited only if it is done there.

    Yields
    ------
    None
        The former numbers of threads of torch, BLAS and OpenMP are set again afterwards.

    Notes
    -----
    Waking and joining a team of threads costs more than a batch below about 5e7 operations, and far
    more on a busy machine. Larger work gets as many threads as torch was told to use, even where
    another library (numba, after a UMAP fit) has meanwhile told OpenMP to use all cores.
    """
    if torch.device(device).type != "cpu":
        yield
        return
    if flops >= SMALL_FLOPS:
        with threadpool_limits(limits=torch.get_num_threads(), user_api="openmp"):
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
    n_threads = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(n_threads)
