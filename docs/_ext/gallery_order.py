"""The order of the gallery: sections, and the examples of each; one not named is an error."""

from pathlib import Path

EXAMPLES = {
    "maps": (
        "quickstart",
        "where_the_map_lies",
        "tumours",
        "three_readings",
        "detect_shift",
        "map_and_invert",
        "pictures",
    ),
    "comparing": ("compare_embeddings", "tune_umap"),
    "cells": ("cells_counts", "donors"),
    "clusters": (
        "are_there_clusters",
        "cluster_images",
        "number_of_clusters",
        "motion",
        "views",
    ),
    "responses": ("directions", "wine", "topics"),
    "representations": ("two_halves", "erase_and_edit"),
    "classes": ("kinds_of_digits", "unseen_poses"),
    "columns": ("few_labels", "outlines"),
    "regressions": ("what_matters_where", "few_rows"),
    "compressing": (
        "retrieval",
        "nonlinear_pca",
        "latent_dimensions",
        "next_sample",
        "patches",
        "fast_coding",
        "convolutional",
    ),
}
SECTIONS = [f"../examples/{section}" for section in EXAMPLES]


class AsListed:
    """Sort the examples of a folder as they are listed above."""

    def __init__(self, src_dir):
        self.section = Path(src_dir).name

    def __call__(self, filename):
        stem = Path(filename).stem.removeprefix("plot_")
        return EXAMPLES.get(self.section, (stem,)).index(stem)
