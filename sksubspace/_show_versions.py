"""What a bug report should say about the machine and the installed versions."""

import platform
import sys
from importlib.metadata import PackageNotFoundError, version

from threadpoolctl import threadpool_info

from sksubspace import __version__

_DEPENDENCIES = (
    "scikit-learn",
    "numpy",
    "scipy",
    "torch",
    "skorch",
    "umap-learn",
    "joblib",
    "threadpoolctl",
    "matplotlib",
    "rich",
    "pandas",
    "polars",
    "skops",
    "dask",
)


def show_versions() -> None:
    """Write the versions, devices and thread pools that matter to a bug report to standard output.

    See Also
    --------
    sklearn.show_versions : The same for scikit-learn alone.

    Examples
    --------
    >>> import sksubspace
    >>> sksubspace.show_versions()
    System:
    ...
    """
    sections = {
        "System": _system_info(),
        "Python dependencies": _dependency_info(),
        "torch": _torch_info(),
    }
    for number, pool in enumerate(threadpool_info()):
        sections[f"threadpoolctl {number}"] = pool
    sys.stdout.write("\n\n".join(_format(title, rows) for title, rows in sections.items()) + "\n")


def _system_info():
    return {
        "python": sys.version.replace("\n", " "),
        "executable": sys.executable,
        "machine": platform.platform(),
    }


def _dependency_info():
    return {"sksubspace": __version__} | {name: _installed(name) for name in _DEPENDENCIES}


def _installed(name):
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _torch_info():
    import torch

    found = {"cuda": torch.cuda.is_available(), "threads": torch.get_num_threads()}
    for index in range(torch.cuda.device_count()):
        found[f"cuda:{index}"] = torch.cuda.get_device_name(index)
    return found


def _format(title, rows):
    width = max(map(len, rows), default=0)
    return "\n".join([f"{title}:", *(f"{key:>{width}}: {value}" for key, value in rows.items())])
