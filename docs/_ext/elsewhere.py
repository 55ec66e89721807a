"""Links to other references, where those can be reached, and from pictures of estimators.

Without a connection the same pages are built, without these links and without a warning.
"""

from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

from sksubspace import _pages

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
REFERENCES = {
    "anndata": "https://anndata.readthedocs.io/en/stable/",
    "matplotlib": "https://matplotlib.org/stable/",
    "numpy": "https://numpy.org/doc/stable/",
    "pandas": "https://pandas.pydata.org/docs/",
    "python": "https://docs.python.org/3/",
    "scipy": "https://docs.scipy.org/doc/scipy/",
    "sklearn": "https://scikit-learn.org/stable/",
    "torch": "https://docs.pytorch.org/docs/stable/",
    "umap": "https://umap-learn.readthedocs.io/en/latest/",
}
_PATIENCE = 4  # seconds


def reached(address):
    """Whether the list of what a reference has can be read."""
    try:
        request = Request(f"{address}objects.inv", method="HEAD", headers={"User-Agent": "sphinx"})
        with urlopen(request, timeout=_PATIENCE) as answer:
            return answer.status == 200
    except (URLError, TimeoutError, OSError):
        return False


def lead_to_pages(gallery_conf, fname):
    """Before each example: pictures of estimators lead to the reference beside the gallery.

    The gallery gives the name of the file alone; its page lies as deep in the folder of pages.
    """
    (path,) = EXAMPLES.rglob(Path(fname).name)
    depth = len(path.relative_to(EXAMPLES).parts)
    _pages.documentation = lambda: "/".join([".."] * depth)


def setup(app):
    app.setup_extension("sphinx.ext.intersphinx")
    app.config.intersphinx_mapping = {
        name: (address, None) for name, address in REFERENCES.items() if reached(address)
    }
    return {"parallel_read_safe": True}
