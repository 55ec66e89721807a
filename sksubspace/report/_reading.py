"""Sentences for the reader: the question, the answer, and what the score does not say."""

from sksubspace.report._ranking import best, chosen
from sksubspace.report._text import fixed, percent, plain, plural


def headline(result):
    """Answer the question in one sentence."""
    taken = chosen(result)
    n_candidates = sum(row.role == "candidate" for row in result.results)
    kept = percent(max(taken.score, 0.0), 0)
    source = "rows it had not seen"
    if taken.evidence == "leave-one-out":
        source = "rows left out in turn"
    return (
        f"{plain(taken.name)} was chosen among {plural(n_candidates, 'candidate')}: it keeps "
        f"{kept} of the variation of {source} (R²\u00a0=\u00a0{fixed(taken.score)})."
    )


def question(result, data):
    """Say what is asked."""
    return (
        f"Which embedding of {data.data_name} can be trusted, and where? Each candidate draws a "
        "map. An encoder and a decoder are learned from the map, rows that it has not seen are "
        "placed on it and reconstructed from their place, and R² is the share of their variation "
        "that comes back: 1 is a perfect round trip, 0 is what the mean of all rows achieves, and "
        "below 0 the map misleads."
    )


def limits(result):
    """Say what the score says, and what it does not."""
    sentences = [
        "The score compares maps of the same data on the same rows. A difference whose interval "
        "contains zero says nothing, and among tied maps the simplest is the better choice.",
        "It is not cluster quality. A map may separate known groups well and score below one that "
        "also keeps the variation within them; if separation is the question, measure that.",
        "It is relative to these features in these units: features with a large variance "
        "dominate, and after another scaling or selection of features it is another quantity.",
        "It judges the method and what was learned from it together: the map as the encoder "
        "extends it to new rows. It is no upper bound of what that many dimensions can keep.",
    ]
    if best(result).evidence == "leave-one-out" or result.method != "cv":
        sentences.append(
            "Leave-one-out scores come from a map that was drawn with all rows in view; they are "
            "up to a few hundredths too high, and their order within that is not reliable."
        )
    return sentences
