"""The page of an estimator, to which the "?" of its picture in a notebook leads."""

from functools import cache
from importlib import import_module
from importlib.metadata import PackageNotFoundError, metadata

__all__ = ["HasPage", "documentation"]

# folders that hand on what others hold
_HANDED_ON = {"_student": ("encoding", "decoding")}


@cache
def documentation():  # -> str
    """Address of the documentation; "" where whoever built this installation did not name one."""
    try:
        addresses = metadata("sksubspace").get_all("Project-URL") or []
    except PackageNotFoundError:
        addresses = []
    named = dict(one.split(", ", 1) for one in addresses)
    return named.get("Documentation", "").rstrip("/")


class HasPage:
    """Base of estimators: their picture leads to their page, where its address is known."""

    _doc_link_module = "sksubspace"

    @property
    def _doc_link_template(self):
        address = documentation()
        return f"{address}/api/generated/{{page}}.html" if address else ""

    def _doc_link_url_param_generator(self):
        return {"page": _public_name(type(self))}


def _public_name(kind):
    """The name under which the reference has a class."""
    package, folder = kind.__module__.split(".")[:2]
    for home in (package, *(f"{package}.{one}" for one in _HANDED_ON.get(folder, (folder,)))):
        if kind.__name__ in import_module(home).__all__:
            return f"{home}.{kind.__name__}"
    return f"{kind.__module__}.{kind.__name__}"
