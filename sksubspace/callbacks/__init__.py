"""Callbacks in the sense of `sklearn.callback`, for the estimators of this package."""

from ._loss_monitor import LossMonitor

__all__ = ["LossMonitor"]
