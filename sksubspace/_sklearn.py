"""The only module of the package that imports private names of scikit-learn.

What stands here may change in a minor release of scikit-learn; it is then repaired in this file and
nowhere else. scikit-learn has no types of its own: a type checker is told here what its base
classes and decorators promise.
"""

from typing import TYPE_CHECKING

from sklearn.callback._callback_context import get_context_path
from sklearn.callback._transport import can_reuse_listener, close_listener, open_listener, send
from sklearn.utils import _safe_indexing
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import _check_feature_names_in, _check_sample_weight

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Self, TypeVar

    from sklearn import base, callback

    from sksubspace._typing import Floats, Ints, Matrix, Objects

    _Method = TypeVar("_Method", bound=Callable[..., Any])

    def _fit_context(*, prefer_skip_nested_validation: bool) -> Callable[[_Method], _Method]: ...
    def available_if(check: Callable[[Any], bool]) -> Callable[[_Method], _Method]: ...

    class BaseEstimator(base.BaseEstimator):
        n_features_in_: int
        feature_names_in_: Objects

        def get_params(self, deep: bool = True) -> dict[str, Any]: ...
        def set_params(self, **params: Any) -> Self: ...

    class TransformerMixin(base.TransformerMixin):
        def fit_transform(self, X: Matrix, y: Any = None, **fit_params: Any) -> Floats: ...
        def set_output(self, *, transform: str | None = None) -> Self: ...

    class ClassNamePrefixFeaturesOutMixin(base.ClassNamePrefixFeaturesOutMixin):
        def get_feature_names_out(self, input_features: Any = None) -> Objects: ...

    class OneToOneFeatureMixin(base.OneToOneFeatureMixin):
        def get_feature_names_out(self, input_features: Any = None) -> Objects: ...

    class ClusterMixin(base.ClusterMixin):
        def fit_predict(self, X: Matrix, y: object = None, **fit_params: Any) -> Ints: ...

    class CallbackSupportMixin(callback.CallbackSupportMixin):
        def set_callbacks(self, *callbacks: Any) -> Self: ...
else:
    from sklearn.base import (
        BaseEstimator,
        ClassNamePrefixFeaturesOutMixin,
        ClusterMixin,
        OneToOneFeatureMixin,
        TransformerMixin,
        _fit_context,
    )
    from sklearn.callback import CallbackSupportMixin
    from sklearn.utils.metaestimators import available_if

__all__ = [
    "BaseEstimator",
    "CallbackSupportMixin",
    "ClassNamePrefixFeaturesOutMixin",
    "ClusterMixin",
    "HasMethods",
    "Interval",
    "OneToOneFeatureMixin",
    "StrOptions",
    "TransformerMixin",
    "_check_feature_names_in",
    "_check_sample_weight",
    "_fit_context",
    "_safe_indexing",
    "available_if",
    "can_reuse_listener",
    "close_listener",
    "get_context_path",
    "has_callbacks",
    "open_listener",
    "send",
]


def has_callbacks(context):  # -> bool
    """Whether a callback would be told about the tasks of a context; not for None."""
    return context is not None and bool(context._callbacks)
