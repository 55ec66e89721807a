"""Calls of the library work under settings of their own, whatever those of the caller are.

torch is asked where it is loaded already; nothing here loads it.
"""

import sys
from contextlib import ExitStack, contextmanager
from inspect import isfunction
from threading import Lock

import numpy as np

from sksubspace._dask import TakesCollections
from sksubspace._pages import HasPage
from sksubspace._threads import safe_threads

__all__ = ["OwnSettings", "own_settings"]

# numpy's own: what a caller has turned into errors
_NUMPY = {"divide": "warn", "over": "warn", "under": "ignore", "invalid": "warn"}


class OwnSettings(TakesCollections, HasPage):
    """Base of estimators: each of their public methods works within `own_settings`."""

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        for name, value in list(vars(cls).items()):
            if isfunction(value) and not name.startswith("_"):
                setattr(cls, name, own_settings()(value))


@contextmanager
def own_settings():
    """Work with gradients, in single precision and on the CPU by default; also a decorator.

    That is what torch does in a new process; ``torch.no_grad()``, ``torch.inference_mode()``,
    ``torch.autocast``, another default dtype or default device of the caller are his again
    afterwards. So are errors that he made of numpy's warnings. It also holds for what is called
    inside: teachers, modules and callbacks of the user. In a process that was forked from one that
    had loaded torch, the work is done on one thread.
    """
    with ExitStack() as stack:
        stack.enter_context(safe_threads())
        raised = {kind: _NUMPY[kind] for kind, how in np.geterr().items() if how == "raise"}
        if raised:
            stack.enter_context(np.errstate(**raised))
        if (torch := sys.modules.get("torch")) is not None:
            for change in _changes(torch):
                stack.enter_context(change)
        yield


def _changes(torch):
    """Contexts for those settings alone that are not torch's own: each costs time."""
    if torch.is_inference_mode_enabled():
        yield torch.inference_mode(False)
    if not torch.is_grad_enabled():
        yield torch.enable_grad()
    if _default_device(torch) != "cpu":
        yield torch.device("cpu")
    for kind in ("cpu", "cuda"):
        if torch.is_autocast_enabled(kind):
            yield torch.autocast(kind, enabled=False)
    if torch.get_default_dtype() is not torch.float32 or _SINGLE.n_inside:
        yield _SINGLE


def _default_device(torch):
    """Kind of the default device; that of new tensors where torch < 2.7 forgets it: after None."""
    try:
        return torch.get_default_device().type
    except AttributeError:
        return torch.empty(0).device.type


class _SinglePrecision:
    """torch's default dtype is float32 while anyone is inside; the last one out sets the former.

    It belongs to the process, so fits that overlap in several Python threads have to share what was
    set before the first of them.
    """

    def __init__(self):
        self._lock = Lock()
        self.n_inside = 0
        self._former = None

    def __enter__(self):
        torch = sys.modules["torch"]
        with self._lock:
            if self.n_inside == 0:
                self._former = torch.get_default_dtype()
            self.n_inside += 1
            torch.set_default_dtype(torch.float32)

    def __exit__(self, *exception):
        with self._lock:
            self.n_inside -= 1
            if self.n_inside == 0:
                sys.modules["torch"].set_default_dtype(self._former)


_SINGLE = _SinglePrecision()
