"""Sphinx configuration. Neither the build nor the pages, formulas included, need a connection."""

import inspect
import sys
import warnings
from pathlib import Path

import sksubspace

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_ext"))
from gallery_order import SECTIONS  # noqa: E402 (it stands in _ext)

project = "sksubspace"
author = "The sksubspace developers"
copyright = f"2026, {author}"
version = release = sksubspace.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx-mathjax-offline",
    "myst_parser",
    "numpydoc",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "benchmark_table",
    "elsewhere",
]
templates_path = ["_templates"]
exclude_patterns = ["_build", "_templates", "**/.ipynb_checkpoints"]
default_role = "literal"

autosummary_generate = True
autodoc_typehints = "none"
numpydoc_show_class_members = False

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "subsection_order": SECTIONS,
    "within_subsection_order": "gallery_order.AsListed",
    "thumbnail_size": (480, 320),
    "filename_pattern": r"/plot_",
    "ignore_pattern": r"^(?!plot_).*\.py$",
    "backreferences_dir": "api/generated/backreferences",
    "doc_module": ("sksubspace",),
    "reset_modules": ("matplotlib", "seaborn", "elsewhere.lead_to_pages"),
    "reference_url": {"sksubspace": None},
    "download_all_examples": False,
    "remove_config_comments": True,
    "show_signature": False,
    "write_computation_times": False,
}
# UMAP with a random_state runs on one thread, and says so on every fit
warnings.filterwarnings("ignore", message="n_jobs value .* overridden to 1")
# examples train for seconds
warnings.filterwarnings("ignore", message="Maximum number of iterations")

html_theme = "pydata_sphinx_theme"
html_title = f"sksubspace {version}"
html_static_path = ["_static"]
html_css_files = ["custom.css"]
html_show_sourcelink = False
html_theme_options = {
    "logo": {"text": "sksubspace"},
    "navbar_align": "left",
    "header_links_before_dropdown": 8,
    "navigation_with_keys": False,
    "show_prev_next": False,
    "show_toc_level": 2,
    "footer_start": ["copyright"],
    "footer_end": ["sphinx-version"],
}
html_sidebars = {"index": [], "changelog": []}


def skip_what_scikit_learn_documents(app, what, name, member, skip, options):
    """Leave out the members that a class has from scikit-learn's own base classes."""
    written_in = inspect.getmodule(inspect.unwrap(member)) if inspect.isroutine(member) else None
    return True if written_in and not written_in.__name__.startswith("sksubspace") else None


def setup(app):
    app.connect("autodoc-skip-member", skip_what_scikit_learn_documents)
