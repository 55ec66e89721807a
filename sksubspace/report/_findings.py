"""What the comparison found, in rows of tables and in sentences, and how to repeat it."""

import math

from sksubspace._comparison import (
    HELP,
    best,
    bracketed,
    continuous_share,
    explanations,
    interval_of,
    is_torn,
    level,
    not_told_from_control,
    remarks,
    rule,
    scored_on,
)
from sksubspace.report._text import fixed, listed, percent, plain, plural, seconds, signed

# a permuted embedding above this, and above two standard errors, is called out
_SUSPICIOUS_PERMUTED = 0.05


def ranking_rows(result):
    """Return one row of the ranking for each candidate and control, texts by column."""
    return [
        {
            "rank": row.rank,
            "name": plain(row.name),
            "score": bracketed(fixed(row.score), row, result.results),
            "standard_error": fixed(row.standard_error) if row.evidence != "definition" else "–",
            "difference": signed(row.difference),
            "interval": _interval_text(row),
            "continuous": fixed(continuous_share(row), 2),
            "global": fixed(row.global_share, 2),
            "evidence": row.evidence,
            "remarks": remarks(row, result.results),
            "error": plain(row.error),
            "selected": row.selected,
            "control": row.role == "control",
        }
        for row in result.results
    ]


def _interval_text(row):
    return " to ".join(map(signed, interval_of(row) or ())) or "–"


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
    """Say the best, the choice, what cannot be told apart from the best, and the controls."""
    return [*_choice(result), *_ties(result), *_controls(result), *_failures(result)]


def _choice(result):
    first, taken = best(result.results), chosen(result)
    sentences = [f"{plain(first.name)} has the highest R² {_source(first)}: {_score_words(first)}."]
    if first.name == taken.name:
        return [*sentences, "It is the chosen map."]
    if is_torn(first) and not is_torn(taken):
        sentences.append(f"But {plain(first.name)} is torn: {HELP['torn']}.")
    return [*sentences, f"Chosen is {plain(taken.name)} ({_score_words(taken)}): {rule(result)}."]


def _score_words(row):
    if not math.isfinite(row.standard_error):
        return fixed(row.score)
    return f"{fixed(row.score)} ± {fixed(row.standard_error)}"


def _source(row):
    if row.evidence == "leave-one-out":
        return "by leave-one-out (a few hundredths optimistic)"
    return f"on rows that took no part in the fit ({plural(len(row.split_scores), 'split')})"


def _ties(result):
    first = best(result.results)
    tied = [
        plain(row.name)
        for row in result.results
        if row.tied and row.role == "candidate" and row.name != first.name
    ]
    if not tied:
        return []
    return [
        f"By the {level(result)} of each difference the data do not tell the best apart from "
        f"{listed(tied)}."
    ]


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
    sentences += filter(None, [not_told_from_control(result.results)])
    if not chosen(result).score > 0:
        sentences.append("The chosen map is no better than answering with the mean.")
    return sentences


def _failures(result):
    failed = [plain(row.name) for row in result.results if row.error]
    return [f"Not scored, because of an error: {listed(failed)}."] if failed else []


def design(result):
    """Say how the candidates were compared."""
    return (
        f"Scores: {scored_on(result)}; all candidates have the same rows and seeds. Chosen: "
        f"{rule(result)}.{_mixed_evidence(result)}"
    )


def help_lines(result):
    """Say what the columns and the remarks of the ranking mean."""
    return [line.replace("R2", "R²") for line in explanations(result.results)]


def _mixed_evidence(result):
    if best(result.results).evidence == "leave-one-out" or not any(
        row.evidence == "leave-one-out" for row in result.results
    ):
        return ""
    return (
        " Leave-one-out scores are a little higher than held-out ones; their differences are from "
        "the leave-one-out score of the best."
    )


# ---- for the reader ------------------------------------------------------------------------------


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


def purpose(data):
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
    if best(result.results).evidence == "leave-one-out" or result.method != "cv":
        sentences.append(
            "Leave-one-out scores come from a map that was drawn with all rows in view; they are "
            "up to a few hundredths too high, and their order within that is not reliable."
        )
    return sentences


# ---- to repeat it --------------------------------------------------------------------------------


def seeds(result):
    """List the settings that the numbers depend on, as pairs of a term and its description."""
    return [
        ("random_state", plain(result.random_state)),
        ("Method", plain(result.method)),
        ("Folds and repeats", _folds(result)),
        ("Rule of choice", plain(result.select)),
        ("Confidence of intervals", plain(result.confidence)),
        ("Order of simplicity", ", ".join(plain(name) for name in result.order)),
    ]


def _folds(result):
    folds = plural(result.n_splits, "fold") if result.n_splits else "no folds"
    return f"{folds}, {plural(result.n_repeats, 'repeat')}"


def code(result, data):
    """Write the call that repeats the comparison; the candidates are for the reader to fill in."""
    labels = "" if data.labels is None else "y=y,\n    "
    folds = f"cv={result.n_splits!r},\n    " if result.n_splits else ""
    extra = "" if data.new is None else ", X_new=X_new"
    names = "\n".join(f"#   {plain(row.name)}" for row in result.results if row.role == "candidate")
    return f"""from sksubspace.model_selection import compare_embeddings

# candidates:
{names}
result = compare_embeddings(
    X,
    candidates,
    {labels}method={result.method!r},
    {folds}n_repeats={result.n_repeats!r},
    select={result.select!r},
    confidence={result.confidence!r},
    random_state={result.random_state!r},
)
result.to_report("report.html", X=X{labels and ", y=y"}{extra})"""
