"""What the comparison found, as rows of tables and as sentences."""

import math

from sksubspace.report._text import fixed, listed, percent, plain, plural, seconds, signed

# a permuted embedding above this, and above two standard errors, is called out
_SUSPICIOUS_PERMUTED = 0.05


def ranking_rows(result):
    """Return one row of the ranking for each candidate and control.

    Parameters
    ----------
    result : EmbeddingComparison
        The comparison.

    Returns
    -------
    rows : list of dict
        Texts by column: "rank", "name", "score", "standard_error", "difference", "interval",
        "evidence", "remarks" and "error", and "selected" and "control" as bool.
    """
    return [
        {
            "rank": row.rank,
            "name": plain(row.name),
            "score": fixed(row.score),
            "standard_error": fixed(row.standard_error) if row.evidence != "definition" else "–",
            "difference": signed(row.difference),
            "interval": _interval(row.difference_interval),
            "evidence": row.evidence if not row.error else "–",
            "remarks": _remarks(row, result),
            "error": plain(row.error),
            "selected": row.selected,
            "control": row.role == "control",
        }
        for row in result.results
    ]


def _interval(bounds):
    low, high = bounds
    if not (math.isfinite(low) and math.isfinite(high)) or low == high:
        return "–"
    return f"{signed(low)} to {signed(high)}"


def _remarks(row, result):
    remarks = []
    if row.error:
        remarks.append("failed")
    if row.selected:
        remarks.append("chosen")
    if row.role == "control":
        remarks.append("control")
    elif row.name == best(result).name:
        remarks.append("best score")
    elif row.tied:
        remarks.append("tied with the best")
    return remarks


def best(result):
    """Return the candidate with the best confirmed score."""
    return next(row for row in result.results if row.role == "candidate")


def chosen(result):
    """Return the candidate that was chosen."""
    return next(row for row in result.results if row.name == result.best_name_)


def further_columns(result):
    """Return the names of further measures, in the order in which they come up."""
    return list(dict.fromkeys(name for row in result.results for name in row.metrics))


def further_rows(result):
    """Return one row of further measures for each candidate that has any."""
    columns = further_columns(result)
    return [
        {
            "name": plain(row.name),
            "loo": fixed(row.loo_score),
            "encoder": plain(row.encoder) or "–",
            "placement": fixed(row.placement_r2),
            "metrics": [fixed(row.metrics.get(column)) for column in columns],
            "teacher": seconds(row.teacher_seconds),
            "student": seconds(row.student_seconds),
        }
        for row in result.results
        if not row.error and row.evidence != "definition"
    ]


def findings(result):
    """Say in sentences what the ranking says.

    Parameters
    ----------
    result : EmbeddingComparison
        The comparison.

    Returns
    -------
    sentences : list of str
        The best, the choice, what cannot be told apart from the best, and the controls.
    """
    return [
        *_choice(result),
        *_ties(result),
        *_controls(result),
        *_failures(result),
    ]


def _choice(result):
    first, taken = best(result), chosen(result)
    sentences = [f"{plain(first.name)} has the highest R² {_source(first)}: {_score(first)}."]
    if first.name == taken.name:
        return [*sentences, "It is the chosen map."]
    reason = "the simplest candidate within one standard error of the best"
    if result.select != "one_std_err":
        reason = "the chosen map"
    return [*sentences, f"Chosen is {plain(taken.name)} ({_score(taken)}), {reason}."]


def _score(row):
    if not math.isfinite(row.standard_error):
        return fixed(row.score)
    return f"{fixed(row.score)} ± {fixed(row.standard_error)}"


def _source(row):
    if row.evidence == "leave-one-out":
        return "by leave-one-out (a few hundredths optimistic)"
    return f"on rows that took no part in the fit ({plural(len(row.split_scores), 'split')})"


def _ties(result):
    first = best(result)
    tied = [
        plain(row.name)
        for row in result.results
        if row.tied and row.role == "candidate" and row.name != first.name
    ]
    if not tied:
        return []
    level = percent(result.confidence, 0)
    return [f"At {level} confidence the data do not tell the best apart from {listed(tied)}."]


def _controls(result):
    sentences = []
    for row in result.results:
        if row.role != "control" or row.evidence == "definition" or row.error:
            continue
        sentences.append(f"Control: {plain(row.name)} scores {fixed(row.score)}.")
        permuted = row.name.lower().startswith("permuted")
        if permuted and row.score > max(_SUSPICIOUS_PERMUTED, 2 * row.standard_error):
            sentences.append("That should be near zero; be careful with all scores here.")
        elif not permuted and row.score >= chosen(result).score:
            sentences.append("The chosen map keeps no more than this.")
    if not chosen(result).score > 0:
        sentences.append("The chosen map is no better than answering with the mean.")
    return sentences


def _failures(result):
    failed = [plain(row.name) for row in result.results if row.error]
    return [f"Not scored, because of an error: {listed(failed)}."] if failed else []


def design(result):
    """Say how the candidates were compared."""
    repeats = f", repeated {result.n_repeats} times" if result.n_repeats > 1 else ""
    held_out = (
        f"fitted on {plural(result.n_splits, 'training fold')}{repeats} and scored on the rows "
        "left out; all candidates have the same folds and seeds"
    )
    left_out = "fitted once on all rows and scored by leave-one-out"
    rule = {
        "one_std_err": "the simplest candidate within one standard error of the best is chosen",
        "best": "the candidate with the highest score is chosen",
    }[result.select]
    how = {
        "cv": f"Each candidate was {held_out}.",
        "loo": f"Each candidate was {left_out}.",
        "auto": (
            f"Every candidate was {left_out}; those close to the best, and the controls, were then "
            f"{held_out}."
        ),
    }[result.method]
    return f"{how} Then {rule}.{_mixed(result)}"


def _mixed(result):
    if best(result).evidence == "leave-one-out" or not any(
        row.evidence == "leave-one-out" for row in result.results
    ):
        return ""
    return (
        " Leave-one-out scores are a little higher than held-out ones; their differences are from "
        "the leave-one-out score of the best."
    )
