"""Rows worth a look: those that the map represents worst, and those of a second batch."""

import numpy as np

from sksubspace.report._data import label_text
from sksubspace.report._figures import pixel_picture
from sksubspace.report._text import fixed, measured, p_value, percent, plain, plural, significant

# rows that are listed
N_WORST = 20
# features of a row that are named
_N_FEATURES = 3
_N_SURPRISING = 10


def rows_by_mark(reliability):  # -> (n,)
    """Order the rows that are drawn: misplaced, torn, merged, ok, each the worst first."""
    keys = {
        "misplaced": reliability.p_value, "torn": reliability.tear,
        "merged": reliability.overlap, "ok": reliability.p_value,
    }  # fmt: skip
    order = []
    for name, key in keys.items():
        rows = np.flatnonzero(reliability.mark == name)
        order += rows[np.argsort(-key[rows], kind="stable")].tolist()
    return np.array(order, dtype=np.intp)


def worst_rows(medal, data, reliability):
    """Describe the twenty rows to look at first, texts by column.

    Each has either "pictures" (original, reconstruction) or "features" with the largest residuals.
    """
    order = rows_by_mark(reliability)[:N_WORST]
    original = data.train.rows(order)
    rebuilt = medal.reconstruct(data.train.X[order])
    rebuilt = rebuilt.toarray() if hasattr(rebuilt, "toarray") else np.asarray(rebuilt)
    labels = [] if data.labels is None else [*map(label_text, data.labels[order].tolist())]
    limits = (float(original.min()), float(original.max()))
    return [
        {
            "row": data.train.name(row),
            "label": None if data.labels is None else labels[place],
            "mark": reliability.mark[row],
            "p_value": p_value(reliability.p_value[row]),
            **_content(original[place], rebuilt[place], data, limits, data.train.name(row)),
        }
        for place, row in enumerate(order)
    ]


def _content(original, rebuilt, data, limits, name):
    if data.image_shape is None:
        return {"features": largest_residuals(original, rebuilt, data.feature_names)}
    texts = (f"Row {name}", f"Reconstruction of row {name} from the map")
    return {
        "pictures": [
            pixel_picture(row, data.image_shape, limits, text)
            for row, text in zip((original, rebuilt), texts, strict=True)
        ]
    }


def largest_residuals(original, rebuilt, names):  # (d,), (d,) -> list of dict
    """Return the features that add most to a row's distortion, with what they were and became."""
    squares = (original - rebuilt) ** 2
    order = np.argsort(-squares, kind="stable")[:_N_FEATURES]
    return [
        {
            "name": names[column],
            "value": significant(original[column]),
            "reconstructed": significant(rebuilt[column]),
        }
        for column in order
    ]


# ---- the second batch ----------------------------------------------------------------------------


def shift_section(result, data):
    """Test the second batch, and list its most surprising rows.

    Only the verdict and the sentences where there is nothing to calibrate with.
    """
    medal = result.best_estimator_
    if len(medal.calibration_scores_) == 0:
        reason = "The training set was too small to hold any calibration rows out."
        return {"verdict": "Not tested", "sentences": [reason], "facts": [], "rows": []}
    X = data.new.X
    found = medal.detect_shift(X, groups=data.groups_new)
    return {
        "verdict": f"Shift {'found' if found.shifted else 'not found'} at level {found.alpha:g}",
        "sentences": _sentences(found, medal, plain(data.new_name)),
        "facts": _facts(found),
        "rows": _surprising_rows(found, medal, data.new),
    }


def _sentences(found, medal, name):
    flagged = percent(found.fraction_flagged)
    expected = percent(found.alpha, 0)
    weighed = "" if found.n_groups is None else ", each group of which counts the same"
    sentences = [
        f"{flagged} of {plural(len(found.sample_p_values), 'row')} of {name} are more distorted "
        f"than {percent(1 - found.alpha, 0)} of the calibration rows{weighed}; without a shift it "
        f"would be about {expected}."
    ]
    if found.n_groups is not None:
        new, known = (plural(number, "group") for number in found.n_groups)
        sentences.append(
            f"Rows of a group are alike, so that groups are compared: {new} of {name} with {known} "
            "of calibration rows. A p-value is the share of all other choices of as many new "
            "groups that differ as much from the rest."
        )
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
    by_distortion, by_position = "Kolmogorov-Smirnov", "energy distance"
    if found.n_groups is not None:
        by_distortion = "mean log distortions of groups, by permutation"
        by_position = "mean places of groups, by permutation"
    return [
        ("Combined p-value (Holm)", p_value(found.p_value)),
        (f"More distorted than usual ({by_distortion})", p_value(found.p_distortion)),
        (f"Elsewhere on the map ({by_position})", p_value(found.p_embedding)),
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
