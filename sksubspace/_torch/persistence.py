"""Weights of a module as numpy arrays; they are at home in `sksubspace._state`."""

from .._state import load_arrays_, module_to_arrays

__all__ = ["load_arrays_", "module_to_arrays"]
