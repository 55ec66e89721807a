"""The methods paragraph of an audit: what was done, with which settings, after whom."""

import numpy as np

from sksubspace.audit._dimension import MOST_ROWS

REFERENCES = (
    'Chang, Zikry and Allen, "MEDAL: manifold embedding distillation via autoencoder learning", '
    "arXiv:2605.24244, 2026.",
    'Benjamini and Hochberg, "Controlling the false discovery rate: a practical and powerful '
    'approach to multiple testing", Journal of the Royal Statistical Society B 57, 1995.',
    'Levina and Bickel, "Maximum likelihood estimation of intrinsic dimension", NeurIPS 17, 2004.',
    'Venna and Kaski, "Neighborhood preservation in nonlinear projection methods: an experimental '
    'study", ICANN 2001.',
)


def methods_of(audit):  # EmbeddingAudit -> str
    """Write the paragraph, the settings and the references."""
    sentences = [*_paragraph(audit)]
    versions = ", ".join(f"{name} {version}" for name, version in audit.versions.items())
    return "\n\n".join(
        [
            " ".join(sentences),
            f"Versions: {versions}. Seed: {audit.settings['random_state']}.",
            "References:\n" + "\n".join(f"- {one}" for one in REFERENCES),
        ]
    )


def _paragraph(audit):
    facts, marks = audit.settings, audit.reliability
    n_samples, n_components = audit.embedding.shape
    yield (
        f"A map of {facts['n_drawn']:,} rows in {n_components} dimensions was audited with "
        f"sksubspace against {audit.data_name} ({n_samples:,} x {audit.n_features:,})."
    )
    yield (
        f"{_all_or(facts['n_left_out'], facts['n_drawn'])} left out in turn"
        f"{f', each with its {audit.group_name}' if facts['has_groups'] else ''}; each was placed "
        "by the better of least squares and a weighted median of the ten nearest rows' places, and "
        "reconstructed from there by ridge regression on random Fourier features without the row "
        "drawn next to it (Chang et al., 2026)."
    )
    yield (
        "For each row the error at its own place was ranked among those at "
        f"{marks.n_places:,} places of the map; rows that pass the procedure of Benjamini and "
        f"Hochberg at q = {facts['q']:g} are called reliable. Rows whose neighbours in the data "
        "stand three neighbourhood radii apart on the map are called torn, and rows whose "
        "neighbours on the map are 1.3 radii apart in the data merged"
        f"{_searched(marks.n_searched, facts['n_drawn'])}."
    )
    yield (
        "Controls were the same map dealt to the rows at random, as many principal components, and "
        f"the map with its {audit.panel.n_islands} islands dealt to each other's places "
        f"({facts['islands_dealt']})."
    )
    if np.isfinite(audit.intrinsic_dimension):
        yield (
            f"The data vary in about {audit.intrinsic_dimension:.1f} dimensions, by the distances "
            f"of {min(facts['n_drawn'], MOST_ROWS):,} rows to their neighbours (Levina and Bickel, "
            "2004); nothing depends on that."
        )
    if facts["n_copies"]:
        n_copies = f"{facts['n_copies']:,}"
        yield f"{n_copies} rows that equal or nearly equal another were left out with it."
    if facts["teacher"]:
        yield f"The map was drawn by {facts['teacher']}."


def _all_or(n_some, n_all):
    return (
        f"All {n_all:,} rows were" if n_some == n_all else f"{n_some:,} rows, drawn at random, were"
    )


def _searched(n_some, n_all):
    return "" if n_some == n_all else f", among {n_some:,} rows drawn at random"
