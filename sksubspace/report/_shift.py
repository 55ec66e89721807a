"""Whether a second batch still belongs on the map."""

import numpy as np

from sksubspace.report._text import fixed, measured, p_value, percent, plain, plural

_N_SURPRISING = 10


def shift_section(result, data):
    """Test the second batch, and list its most surprising rows.

    Parameters
    ----------
    result : EmbeddingComparison
        Its chosen map makes the test.

    data : Data
        With a second batch.

    Returns
    -------
    section : dict
        "verdict", "sentences", "facts" as pairs of texts, and "rows" as dicts of texts; only the
        verdict and the sentences where there is nothing to calibrate with.
    """
    medal = result.best_estimator_
    if len(medal.calibration_scores_) == 0:
        reason = "The training set was too small to hold any calibration rows out."
        return {"verdict": "Not tested", "sentences": [reason], "facts": [], "rows": []}
    X = data.new.X
    found = medal.detect_shift(X)
    return {
        "verdict": f"Shift {'found' if found.shifted else 'not found'} at level {found.alpha:g}",
        "sentences": _sentences(found, medal, plain(data.new_name)),
        "facts": _facts(found),
        "rows": _surprising_rows(found, medal, data.new),
    }


def _sentences(found, medal, name):
    flagged = percent(found.fraction_flagged)
    expected = percent(found.alpha, 0)
    sentences = [
        f"{flagged} of {plural(len(found.sample_p_values), 'row')} of {name} are more distorted "
        f"than {percent(1 - found.alpha, 0)} of the calibration rows; without a shift it would be "
        f"about {expected}."
    ]
    if medal.calibration_ == "loo":
        sentences.append(
            "The calibration rows are training rows left out in turn, whose distortions are "
            "slightly small; a margin of a tenth allows for that, and p-values of single rows are "
            "slightly liberal."
        )
    sentences.append(
        "A shift is not always an error: ordinary rows in unusual proportions are one as well."
    )
    return sentences


def _facts(found):
    return [
        ("Combined p-value (Holm)", p_value(found.p_value)),
        ("More distorted than usual (Kolmogorov-Smirnov)", p_value(found.p_distortion)),
        ("Elsewhere on the map (energy distance)", p_value(found.p_embedding)),
        ("Rows flagged", percent(found.fraction_flagged)),
    ]


def _surprising_rows(found, medal, batch):
    distortion = medal.distortion(batch.X)
    relative = medal.distortion(batch.X, relative=True)
    order = np.lexsort((-distortion, found.sample_p_values))[:_N_SURPRISING]
    return [
        {
            "row": batch.name(row),
            "distortion": measured(distortion[row]),
            "relative": fixed(relative[row], 1),
            "p_value": p_value(found.sample_p_values[row]),
        }
        for row in order
    ]
