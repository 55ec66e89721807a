"""Where public classes lived before: files written then name these modules, and still open.

A pickle and a skops file name a class by its private module, which is free to move. `install`
lets an import of such a module succeed: the module that it gives hands on the public names of the
package where users find the class.
"""

import sys
from importlib import import_module
from importlib.machinery import ModuleSpec

# private module that is no more -> public package that has its classes
MOVED = {
    "sksubspace.autoencoder._least_volume": "sksubspace.autoencoder",
    "sksubspace.autoencoder._sparse": "sksubspace.autoencoder",
    "sksubspace.autoencoder._predictive": "sksubspace.autoencoder",
    "sksubspace.cluster._auto": "sksubspace.cluster",
    "sksubspace.cluster._elastic_net": "sksubspace.cluster",
    "sksubspace.cluster._ensemble": "sksubspace.cluster",
    "sksubspace.cluster._k_subspaces": "sksubspace.cluster",
    "sksubspace.cluster._least_squares": "sksubspace.cluster",
    "sksubspace.cluster._manifold_linearizing": "sksubspace.cluster",
    "sksubspace.cluster._mixture": "sksubspace.cluster",
    "sksubspace.cluster._multilayer": "sksubspace.cluster",
    "sksubspace.cluster._omp": "sksubspace.cluster",
    "sksubspace.cluster._thresholded": "sksubspace.cluster",
    "sksubspace.decomposition._score_denoiser": "sksubspace.decomposition",
    "sksubspace.decomposition._score_gaussian": "sksubspace.decomposition",
    "sksubspace.decomposition._score_mixture": "sksubspace.decomposition",
    "sksubspace.decomposition._score_student_t": "sksubspace.decomposition",
    "sksubspace.decomposition._stein_pca": "sksubspace.decomposition",
    "sksubspace.decomposition._stein_subspace": "sksubspace.decomposition",
    "sksubspace.decomposition._supervised_dictionary": "sksubspace.decomposition",
}


def install():
    """Let imports of the modules in `MOVED` succeed; a module that exists is found before."""
    if _Finder not in sys.meta_path:
        sys.meta_path.append(_Finder)


def former_names(kind):
    """Return the dotted names under which older files know a public class."""
    return [
        f"{module}.{kind.__qualname__}"
        for module, package in MOVED.items()
        if kind.__module__.startswith(f"{package}.")
    ]


class _Finder:
    """Finds the modules of `MOVED`, the last on `sys.meta_path`, and loads them."""

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return ModuleSpec(name, cls) if name in MOVED else None

    @staticmethod
    def create_module(spec):
        return None  # the machinery of imports makes an empty one

    @staticmethod
    def exec_module(module):
        def public(name):
            # a name with an underscore was never handed on, and importlib asks for some
            if not name.startswith("_"):
                home = import_module(MOVED[module.__name__])
                if name in home.__all__:
                    return getattr(home, name)
            raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")

        module.__getattr__ = public
