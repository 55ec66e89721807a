"""Scores, differences, choice and controls of a comparison."""

import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_wine
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.exceptions import FitFailedWarning
from sklearn.manifold import TSNE, Isomap
from sklearn.model_selection import GroupKFold, KFold, StratifiedKFold
from sklearn.preprocessing import StandardScaler

from sksubspace import MEDAL
from sksubspace._student._groups import groups_of_copies
from sksubspace._teachers import seed_teacher
from sksubspace._threads import small_work
from sksubspace.metrics import embedding_score, neighborhood_hit, trustworthiness
from sksubspace.model_selection import one_standard_error
from sksubspace.model_selection._evaluate import ScoredData
from sksubspace.model_selection._intervals import simultaneous_reach, split_covariance
from sksubspace.model_selection._splits import make_splits
from tests.model_selection.toys import LINEAR, Broken, Scribe, Seeded, compare, digits, linear, row

X, y = digits()
SIZES = {"P": (PCA(), {"n_components": [1, 2, 4]})}


def splits_of(result, cv=3):
    return make_splits(ScoredData(X), cv, result.n_repeats, result.random_state)


@pytest.fixture(scope="module")
def sizes():
    return compare(X, SIZES, y=y, n_repeats=2)


@pytest.mark.parametrize("student", [MEDAL(), linear(scale="feature")])
@pytest.mark.parametrize("teacher", [Seeded(), TSNE(perplexity=10, max_iter=250)])
def test_scores_are_those_of_medal_by_hand_bit_for_bit(student, teacher):
    result = compare(X, {"T": teacher}, student=student, controls=False)
    medals = []
    with small_work(0):
        for split in splits_of(result):
            medal = clone(student).set_params(teacher=teacher, random_state=split.seed)
            medals.append(medal.fit(X[split.train]))
    by_hand = [
        medal.score(X[split.test]) for medal, split in zip(medals, splits_of(result), strict=True)
    ]
    (only,) = result.results
    assert only.split_scores == tuple(by_hand)
    assert only.score == np.mean(by_hand)
    placed = [medal.encoder_scores_[medal.encoder_name_] for medal in medals]
    assert only.placement_r2 == pytest.approx(np.mean(placed))
    assert only.encoder in {medal.encoder_name_ for medal in medals}


def test_seeds_are_shared_by_candidates_and_differ_between_splits_and_repeats():
    result = compare(X, {"A": Seeded(), "B": Seeded()}, n_repeats=2, controls=False, metrics=())
    a, b = result.results
    assert a.split_scores == b.split_scores and len(set(a.split_scores)) == 6
    seeds = [split.seed for split in splits_of(result)]
    assert len(set(seeds)) == 6
    assert [split.seed for split in make_splits(ScoredData(X), 3, 1, 0)] == seeds[:3]


def test_a_teacher_with_a_seed_keeps_it(tmp_path):
    candidates = [Scribe(tmp_path / "calls", random_state=7), Scribe(tmp_path / "calls")]
    compare(X, candidates, controls=False, race=False)
    seeds = [line.split()[1] for line in (tmp_path / "calls").read_text().splitlines()]
    assert seeds[:3] == ["7"] * 3 and len(set(seeds[3:6])) == 3


def test_the_seed_decides():
    params = {"controls": False, "metrics": ()}
    one, same, other = (compare(X, [Seeded()], random_state=seed, **params) for seed in (1, 1, 2))
    assert one.to_json(timings=False) == same.to_json(timings=False)
    assert one.results[0].split_scores != other.results[0].split_scores
    drawn = compare(X, [Seeded()], random_state=None, **params)
    again = compare(X, [Seeded()], random_state=drawn.random_state, **params)
    assert again.results[0].split_scores == drawn.results[0].split_scores
    instance = compare(X, [Seeded()], random_state=np.random.RandomState(3), **params)
    assert isinstance(instance.random_state, int)


def test_every_repeat_has_folds_that_cover_the_rows(sizes):
    for repeat in np.array_split(np.arange(6), 2):
        tested = np.concatenate([splits_of(sizes)[i].test for i in repeat])
        assert sorted(tested) == list(range(len(X)))
    assert sizes.n_splits == 3 and sizes.n_repeats == 2


def test_rows_are_ranked_by_score(sizes):
    names = [one.name for one in sizes.results]
    assert names[:3] == [f"P (n_components={k})" for k in (4, 2, 1)]
    assert names[3:] == ["Permuted (control)", "Mean (control)"] or names[3:] == [
        "Mean (control)", "Permuted (control)"
    ]  # fmt: skip
    assert [one.rank for one in sizes.results] == [1, 2, 3, 4, 5]
    assert [one.role for one in sizes.results] == ["candidate"] * 3 + ["control"] * 2


def test_differences_are_paired_and_intervals_corrected(sizes):
    best, second = sizes.results[:2]
    differences = np.subtract(second.split_scores, best.split_scores)
    assert second.difference == pytest.approx(second.score - best.score)
    candidates = [one for one in sizes.results if one.role == "candidate"]
    scores = np.array([one.split_scores for one in candidates]).T
    reach = simultaneous_reach(split_covariance(scores, 1 / 3), 5, 0.95)
    assert reach > 2.5705818  # Student's quantile, for one difference
    half = reach * differences.std(ddof=1) * np.sqrt((1 / 3 + 1 / 2) / 0.8)
    assert second.difference_interval == pytest.approx(
        (second.difference - half, second.difference + half), rel=0.01
    )
    assert best.tied and best.difference == 0 and best.difference_interval == (0, 0)
    assert not second.tied


def test_repeats_do_not_make_the_standard_error_smaller(sizes):
    """Two repeats of three folds: the rows of three are all there are, 1 - (2 - 1) / (6 - 1)."""
    one = sizes.results[0]
    expected = np.std(one.split_scores, ddof=1) * np.sqrt((1 / 3 + 1 / 2) / 0.8)
    assert one.standard_error == pytest.approx(expected)


def test_the_best_is_scored_where_it_was_not_chosen(sizes):
    """By hand: in each fold that of the best by the other folds of its repeat."""
    candidates = [one for one in sizes.results if one.role == "candidate"]
    scores = np.array([one.split_scores for one in candidates]).T  # (6, 3)
    found = []
    for repeat in (range(3), range(3, 6)):
        for split in repeat:
            others = [i for i in repeat if i != split]
            found.append(scores[split, scores[others].mean(axis=0).argmax()])
    assert sizes.best_name_ == sizes.results[0].name
    assert sizes.best_score_ == pytest.approx(np.mean(found))


@pytest.fixture(scope="module")
def donors():
    """Rows of 20 donors that each stand apart: what a row says of its donor's others is much."""
    rng = np.random.RandomState(0)
    group = np.repeat(np.arange(20), 6)
    return 2 * rng.randn(20, 8)[group] + rng.randn(120, 8), group


@pytest.mark.parametrize("method", ["cv", "loo"])
def test_groups_leave_together_and_what_they_are_worth_is_said(donors, method):
    X, group = donors
    grouped = compare(X, ["pca", "isomap"], groups=group, method=method, student=None)
    loose = compare(X, ["pca", "isomap"], groups=np.arange(120), method=method, student=None)
    for one in grouped.results:
        if one.role == "control":
            assert np.isnan(one.lost_to_groups)
            continue
        assert one.score + one.lost_to_groups == pytest.approx(row(loose, one.name).score, abs=0.15)
    assert row(grouped, "Isomap").lost_to_groups > 0.2
    assert "lost" in str(grouped) and "lost" in grouped._repr_html_()
    assert grouped.best_estimator_.groups_given_


def test_a_score_with_groups_is_that_of_the_student_with_groups(donors):
    X, group = donors
    result = compare(X, ["pca"], groups=group, method="loo", controls=False)
    Z = seed_teacher(PCA(2), 0).fit_transform(X)
    student = clone(LINEAR).set_params(random_state=0)
    expected = embedding_score(X, Z, student=student, groups=group)
    assert result.results[0].score == pytest.approx(expected.r2, abs=1e-12)


def test_folds_are_of_whole_groups(donors):
    X, group = donors
    for cv in (4, GroupKFold(4), KFold(4, shuffle=True, random_state=0)):
        for split in make_splits(ScoredData(X, groups=group, given=True), cv, 2, 0):
            assert not set(group[split.train]) & set(group[split.test])


def test_copies_do_not_stand_in_training_and_test_rows_at_once():
    X = np.repeat(np.random.RandomState(0).randn(40, 6), 2, axis=0)
    with pytest.warns(UserWarning, match="80 of 80 rows are equal"):
        result = compare(X, {"noise": Seeded(50.0)}, controls=False, student=None)
    assert result.results[0].score < 0.1
    for split in splits_of_copies(X):
        assert not {*map(tuple, X[split.train])} & {*map(tuple, X[split.test])}


def splits_of_copies(X):
    data = ScoredData(X, groups=groups_of_copies(X)[0])
    return (
        *make_splits(data, 4, 1, 0),
        *make_splits(data, KFold(4, shuffle=True, random_state=0), 1, 0),
    )


def test_too_few_groups_are_refused_by_name(donors):
    X, group = donors
    with pytest.raises(ValueError, match="cv must be at most the number of groups, 4"):
        compare(X, ["pca"], groups=group % 4, cv=5)
    with pytest.raises(ValueError, match=r"at least 3 different ones .* 2 of 3; 4 groups"):
        compare(X, ["pca"], groups=group % 3, cv=3)
    with pytest.raises(ValueError, match="cv=2, but one has 2 of 4; cv=4 leaves out one at a time"):
        compare(X, ["pca"], groups=group % 4, cv=2)
    with pytest.raises(ValueError, match="groups must have one entry for each of the 120 rows"):
        compare(X, ["pca"], groups=group[:5])


def test_maps_of_several_dimensions_are_named():
    with pytest.warns(UserWarning, match="maps of 1, 3 dimensions"):
        result = compare(X, {"one": PCA(1), "three": PCA(3)}, controls=False)
    assert {row(result, "one").n_components, row(result, "three").n_components} == {1, 3}


@pytest.mark.parametrize("order", [None, ("B", "A", "C"), ("C", "B", "A")])
def test_the_rule_of_one_standard_error(order):
    candidates = {"A": Seeded(0.3), "B": Seeded(0.1), "C": Seeded(0.11)}
    params = {"controls": False, "metrics": (), "select": "one_std_err"}
    result = compare(X, candidates, order=order, race=False, **params)
    rows = [row(result, name) for name in candidates]
    table = np.array([one.split_scores for one in rows])
    searched = {f"split{i}_test_score": column for i, column in enumerate(table.T)}
    searched["params"] = list(candidates)
    place = None if order is None else order.index
    expected = rows[one_standard_error(searched, order=place)].name
    assert result.best_name_ == expected
    assert [one.name for one in result.results if one.selected] == [expected]
    assert result.order == (order or ("A", "B", "C"))


def test_the_rule_prefers_the_simple_and_best_does_not():
    candidates = {"simple": Seeded(0.1), "best": Seeded(0.05)}
    params = {"controls": False, "metrics": ()}
    assert compare(X, candidates, **params).best_name_ == "simple"
    assert compare(X, candidates, order=["best", "simple"], **params).best_name_ == "best"
    assert compare(X, candidates, select="best", **params).best_name_ == "best"


def test_controls_know_nothing():
    sizes = compare(digits(300)[0], ["pca"])
    permuted, mean = row(sizes, "Permuted (control)"), row(sizes, "Mean (control)")
    assert permuted.score <= 0.02
    assert permuted.metrics["trustworthiness"] == pytest.approx(0.5, abs=0.1)
    assert (mean.score, mean.standard_error, mean.evidence) == (0, 0, "definition")
    assert mean.difference == -sizes.results[0].score


def test_a_best_that_is_tied_with_a_control_is_no_choice(sizes):
    """15 rows of wine tell no map from the mean of all rows; 178 do."""
    X = StandardScaler().fit_transform(load_wine().data)
    with pytest.warns(UserWarning, match="not told apart from .*No choice among them is founded"):
        found = compare(X[::12], {"pca": "pca"}, cv=3)
    said = "No choice among them is founded"
    assert said in " ".join(str(found).split())
    assert said not in " ".join(str(sizes).split())


def test_a_pca_among_the_candidates_is_the_linear_control_and_may_be_chosen(sizes):
    assert "PCA (control)" not in [one.name for one in sizes.results]
    assert sizes.best_name_.startswith("P (")


def test_without_a_pca_one_is_added_that_is_never_chosen():
    result = compare(X, [Seeded(1.0)])
    control = row(result, "PCA (control)")
    assert control.score > row(result, "Seeded").score and control.rank == 1
    assert control.difference > 0 and not control.selected
    assert result.best_name_ == "Seeded" and result.order == ("Seeded",)


def test_without_controls_there_are_only_candidates():
    assert [one.role for one in compare(X, [Seeded()], controls=False).results] == ["candidate"]


def test_metrics_of_held_out_rows_against_training_rows(sizes):
    one = sizes.results[0]
    trust, hit = [], []
    for split in splits_of(sizes):
        medal = clone(LINEAR).set_params(teacher=PCA(4), random_state=split.seed)
        Z_train = medal.fit(X[split.train]).embedding_
        Z = medal.transform(X[split.test])
        spaces = {"X_train": X[split.train], "Z_train": Z_train}
        trust.append(trustworthiness(X[split.test], Z, **spaces))
        labels = {"Z_train": Z_train, "y_train": y[split.train]}
        hit.append(neighborhood_hit(Z, y[split.test], **labels))
    assert one.metrics["trustworthiness"] == pytest.approx(np.mean(trust))
    assert one.metrics["neighborhood_hit"] == pytest.approx(np.mean(hit))
    assert set(one.metrics) == {"trustworthiness", "continuity", "neighborhood_hit"}


def test_metrics_on_request():
    assert set(compare(X, ["pca"], controls=False).results[0].metrics) == {
        "trustworthiness",
        "continuity",
    }
    assert compare(X, ["pca"], metrics=(), controls=False).results[0].metrics == {}
    assert set(compare(X, ["pca"], y=y * 0.3 + 0.1, controls=False).results[0].metrics) == {
        "trustworthiness", "continuity"
    }  # fmt: skip


def test_labels_never_reach_a_teacher(tmp_path):
    compare(X, [Scribe(tmp_path / "calls")], y=y, method="auto")
    lines = (tmp_path / "calls").read_text().splitlines()
    assert len(lines) == 4 and all(line.endswith("True") for line in lines)


@pytest.mark.filterwarnings("error")
def test_a_candidate_that_fails_is_last_and_does_not_stop_the_others():
    with pytest.warns(FitFailedWarning, match="1 of 2 candidates failed.*no map at all"):
        result = compare(X, {"bad": Broken(), "P": "pca"})
    bad = row(result, "bad")
    assert bad.rank == 4 and np.isnan(bad.score) and not bad.selected and not bad.tied
    assert "ValueError: The teacher Broken failed on X" in bad.error and "\n" not in bad.error
    assert result.best_name_ == "P"
    assert "bad failed: ValueError" in str(result)


def test_a_candidate_that_fails_on_one_split_has_no_score():
    splits = splits_of(compare(X, ["pca"], controls=False, metrics=()))
    starts = [X[split.train][0].sum() for split in splits]
    with pytest.warns(FitFailedWarning):
        result = compare(X, {"bad": Broken(starts[0]), "P": "pca"}, race=False)
    scores = row(result, "bad").split_scores
    assert np.isfinite(scores).tolist() == [start == starts[0] for start in starts]
    assert not np.isfinite(scores).all() and np.isfinite(scores).any()
    assert np.isnan(row(result, "bad").score) and row(result, "bad").rank == 4


@pytest.mark.parametrize("method", ["cv", "loo", "auto"])
def test_nothing_is_returned_if_all_fail(method):
    with pytest.raises(ValueError, match=r"Every candidate failed\. Broken: ValueError: .*no map"):
        compare(X, [Broken()], method=method)


def test_the_best_is_fitted_on_all_rows_and_can_be_repeated():
    result = compare(X, [Seeded()], student=linear(n_neighbors=7), controls=False)
    best = result.best_estimator_
    assert best.n_neighbors == 7 and best.teacher.random_state == best.random_state == 0
    assert isinstance(best, MEDAL) and isinstance(best.teacher_, Seeded)
    with small_work(0):
        again = clone(best).fit(X)
    np.testing.assert_array_equal(best.embedding_, again.embedding_)
    np.testing.assert_array_equal(best.transform(X), again.transform(X))


def test_the_best_may_forget_its_teacher_and_knows_feature_names():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X).add_prefix("pixel")
    student = linear(keep_teacher=False)
    best = compare(frame, [Seeded()], student=student, controls=False).best_estimator_
    assert best.teacher_ is None and best.feature_names_in_[0] == "pixel0"


def test_leave_one_out_scores_are_those_of_embedding_score():
    candidates = {"S": Seeded(), "P": "pca"}
    result = compare(X, candidates, method="loo", n_repeats=2, student=None)
    maps = [Seeded(random_state=seed).fit_transform(X) for seed in (0, 1)]
    scores = [embedding_score(X, Z, per_row=True, random_state=seed) for seed, Z in enumerate(maps)]
    one = row(result, "S")
    assert one.split_scores == pytest.approx([score.r2 for score in scores])
    assert one.score == one.loo_score == pytest.approx(np.mean([s.r2 for s in scores]))
    assert one.evidence == "leave-one-out" and one.standard_error > 0
    assert one.placement_r2 == pytest.approx(np.mean([s.placement_r2 for s in scores]))
    assert row(result, "Permuted (control)").score <= 0.03
    assert row(result, "Mean (control)").score == 0
    assert row(result, "Mean (control)").difference == pytest.approx(-result.results[0].score)


LEFT_OUT = [
    MEDAL(),
    linear(exact=None),
    MEDAL(encoder="local", n_neighbors=5),
    linear(scale="feature"),
]


@pytest.mark.parametrize("student", LEFT_OUT)
def test_leave_one_out_scores_are_those_of_that_student(student):
    candidates = {"S": Seeded(), "P": "pca"}
    result = compare(X, candidates, method="loo", student=student, controls=False, random_state=3)
    for name, teacher in {"S": Seeded(random_state=3), "P": PCA(2, random_state=3)}.items():
        medal = clone(student).set_params(teacher=teacher, random_state=3)
        with small_work(0):
            expected = medal.fit(X).loo_score_
        assert row(result, name).score == pytest.approx(expected, abs=1e-12)
        assert row(result, name).encoder == medal.encoder_name_
    assert result.best_estimator_.loo_score_ == pytest.approx(
        row(result, result.best_name_).score, abs=1e-12
    )


NETWORKS = [
    MEDAL(encoder="mlp", max_iter=2, calibration="holdout"),
    MEDAL(decoder="mlp", max_iter=2, calibration="holdout"),
    MEDAL(strategy="joint", max_iter=2, calibration="holdout"),
]


@pytest.mark.parametrize("student", NETWORKS)
def test_a_student_without_a_leave_one_out_form_is_confirmed_by_splits(student):
    with pytest.raises(
        ValueError, match=r"'loo' needs a student .*encoder='\w+' with decoder='\w+'"
    ):
        compare(X, ["pca"], method="loo", student=student)
    candidates = {"near": "pca", "far": Seeded(9.0)}
    result = compare(X, candidates, method="auto", student=student, controls=False)
    assert {one.evidence for one in result.results} == {"held-out"}
    assert result.method == "cv" and "leave-one-out" not in str(result)


def test_auto_confirms_those_that_may_be_the_best():
    candidates = {"good": Seeded(0.01), "near": Seeded(0.05), "far": Seeded(5.0)}
    result = compare(X, candidates, method="auto")
    evidence = {one.name: one.evidence for one in result.results}
    assert evidence == {
        "good": "held-out",
        "near": "held-out",
        "PCA (control)": "held-out",
        "far": "leave-one-out",
        "Permuted (control)": "held-out",
        "Mean (control)": "definition",
    }
    far, near = row(result, "far"), row(result, "near")
    assert far.score == far.loo_score and not far.selected
    assert near.score == np.mean(near.split_scores) != near.loo_score
    assert far.difference < 0 and far.rank == 4
    by_cv = compare(X, candidates)
    assert near.split_scores == row(by_cv, "near").split_scores


def test_auto_confirms_only_the_best_of_several_linear_controls():
    result = compare(X, {"T": Seeded(0.01), **SIZES}, method="auto")
    evidence = [row(result, f"P (n_components={k})").evidence for k in (4, 1)]
    assert evidence == ["held-out", "leave-one-out"]


@pytest.mark.parametrize("cv", [KFold(4), StratifiedKFold(4), list(KFold(4).split(X))])
def test_splitters(cv):
    result = compare(X, ["pca"], y=y, cv=cv, controls=False)
    assert result.n_splits == 4 and len(result.results[0].split_scores) == 4


def test_sparse_rows():
    rows = sparse.csr_matrix(X)
    result = compare(rows, [TruncatedSVD(2)], student=MEDAL(encoder="linear"))
    assert 0.2 < row(result, "TruncatedSVD").score < 0.7


def test_single_precision_stays():
    result = compare(X.astype(np.float32), ["pca"], controls=False)
    assert result.best_estimator_.embedding_.dtype == np.float32


def test_rows_are_not_written_to():
    rows = X.copy()
    rows.setflags(write=False)
    compare(rows, ["pca", Isomap()], method="auto")
    np.testing.assert_array_equal(rows, X)


BAD = [
    ({"method": "boot"}, ValueError, "method must be one of"),
    ({"select": "largest"}, ValueError, "select must be one of"),
    ({"cv": 1}, ValueError, "cv must be from 2 to the 150 rows"),
    ({"cv": 151}, ValueError, "cv must be from 2 to the 150 rows"),
    ({"cv": "five"}, TypeError, "cv must be a number of folds"),
    ({"cv": [next(KFold(3).split(X))]}, ValueError, "at least 2 splits, got 1"),
    ({"cv": GroupKFold(3)}, ValueError, "groups"),
    ({"n_repeats": 0}, ValueError, "n_repeats must be a whole number"),
    ({"n_repeats": 1.5}, ValueError, "n_repeats must be a whole number"),
    ({"confidence": 95}, ValueError, "confidence must be a number between 0 and 1, got 95"),
    ({"controls": "yes"}, TypeError, "controls must be True or False"),
    ({"metrics": ("trust",)}, ValueError, "metrics must be 'auto' or a tuple out of"),
    ({"metrics": "continuity"}, ValueError, "metrics must be 'auto' or a tuple out of"),
    ({"metrics": ("neighborhood_hit",)}, ValueError, "needs y"),
    ({"student": PCA()}, TypeError, "student must be an unfitted MEDAL"),
    ({"memory": 3}, TypeError, "memory must be a folder"),
    ({"random_state": -1}, ValueError, "random_state must be from 0"),
    ({"random_state": "seed"}, TypeError, "random_state must be an int"),
    ({"order": ["UMAP"]}, ValueError, "order must name each candidate once"),
    ({"y": y[:9]}, ValueError, "y must have the 150 rows of X, got 9"),
    ({"callbacks": [print]}, TypeError, "callbacks must be"),
    ({"callbacks": print}, TypeError, "callbacks must be a sequence"),
]


@pytest.mark.parametrize(("params", "kind", "message"), BAD)
def test_bad_parameters(params, kind, message):
    with pytest.raises(kind, match=message):
        compare(X, ["pca"], **params)


def test_bad_rows():
    with pytest.raises(ValueError, match="NaN"):
        compare(np.where(X > 0.99, np.nan, X), ["pca"])
    with pytest.raises(ValueError, match="minimum of 4"):
        compare(X[:3], ["pca"], cv=2)


class Warner(Seeded):
    def fit_transform(self, X, y=None):
        warnings.warn("the same every time", RuntimeWarning, stacklevel=1)
        return super().fit_transform(X)


def test_a_warning_of_every_fit_is_repeated_once():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        compare(X, [Warner()])
    assert [str(one.message) for one in caught] == ["the same every time"]
