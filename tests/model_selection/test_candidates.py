import pytest
from sklearn.decomposition import PCA, FastICA
from sklearn.manifold import TSNE, Isomap, SpectralEmbedding
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sksubspace.model_selection._candidates import (
    order_of_simplicity,
    parse_candidates,
    pca_control,
)


def names(candidates):
    return [one.name for one in parse_candidates(candidates)]


def test_lists_are_named_by_class_and_made_unique():
    assert names(["pca", TSNE(), Isomap(), TSNE(perplexity=5)]) == [
        "PCA", "t-SNE", "Isomap", "t-SNE #2"
    ]  # fmt: skip


def test_shorthands_are_the_teachers_of_medal():
    by_name = parse_candidates(["pca", "tsne", "umap", "isomap", "spectral"])
    kinds = [type(one.teacher) for one in by_name]
    assert kinds[:2] + kinds[3:] == [PCA, TSNE, Isomap, SpectralEmbedding]
    assert by_name[0].teacher.n_components == 2
    assert [one.name for one in by_name][2] == "UMAP"


def test_grids_multiply_out_under_names_that_say_the_setting():
    grid = {"perplexity": [5, 30], "init": ["pca", "random"]}
    parsed = parse_candidates({"S": (TSNE(), grid), "P": "pca"})
    assert [one.name for one in parsed] == [
        "S (perplexity=30, init=pca)",
        "S (perplexity=30, init=random)",
        "S (perplexity=5, init=pca)",
        "S (perplexity=5, init=random)",
        "P",
    ]
    assert parsed[2].params == {"perplexity": 5, "init": "pca"}
    assert (parsed[2].teacher.perplexity, parsed[2].teacher.init) == (5, "pca")
    assert [one.group for one in parsed] == ["S"] * 4 + ["P"]


def test_grids_over_nested_parameters_go_from_smooth_to_rough():
    pipeline = make_pipeline(StandardScaler(), Isomap())
    parsed = parse_candidates({"I": (pipeline, {"isomap__n_neighbors": [5, 20, 10]})})
    assert [one.params["isomap__n_neighbors"] for one in parsed] == [20, 10, 5]


def test_other_parameters_stay_in_the_order_of_the_grid():
    parsed = parse_candidates([(PCA(), {"n_components": [2, 1, 3]})])
    assert [one.params["n_components"] for one in parsed] == [2, 1, 3]


def test_the_callers_teacher_is_not_touched():
    teacher = TSNE(perplexity=7)
    (one,) = parse_candidates([(teacher, {"perplexity": [5]})])
    assert teacher.perplexity == 7 and one.teacher is not teacher


def test_long_and_odd_values_are_shortened_in_names():
    parsed = parse_candidates([(FastICA(), {"fun_args": [{"alpha": 1.0, "b": "x" * 80}]})])
    assert len(parsed[0].name) < 70 and parsed[0].name.endswith("...)")


@pytest.mark.parametrize(
    ("candidates", "kind", "message"),
    [
        ({}, ValueError, "at least one teacher"),
        ("umap", TypeError, "candidates must be a dict"),
        (["ump"], ValueError, "'pca', 'tsne', 'umap'.*'ump'"),
        ([StandardScaler], TypeError, "estimator with fit_transform"),
        ([object()], TypeError, "estimator with fit_transform"),
        ({"": "pca"}, TypeError, "Names of candidates"),
        ({1: "pca"}, TypeError, "Names of candidates"),
        ({"T": (TSNE(), [5, 30])}, TypeError, r"pair \(teacher, dict of lists\).*'T'"),
        ([(TSNE(), {"perplexity": 5})], TypeError, "list of values for 'perplexity', got 5"),
        ([(TSNE(), {"init": "pca"})], TypeError, "list of values for 'init'"),
        ([(TSNE(), {"init": []})], TypeError, "list of values for 'init'"),
        ([(TSNE(), {"perplexty": [5]})], ValueError, "Invalid parameter 'perplexty'"),
    ],
)
def test_bad_candidates(candidates, kind, message):
    with pytest.raises(kind, match=message):
        parse_candidates(candidates)


PARSED = parse_candidates({"P": "pca", "T": (TSNE(), {"perplexity": [5, 30]})})


def test_order_of_simplicity_takes_names_and_groups():
    listed = ("P", "T (perplexity=30)", "T (perplexity=5)")
    assert order_of_simplicity(PARSED, None) == listed
    assert order_of_simplicity(PARSED, ["T", "P"]) == (*listed[1:], "P")
    mixed = ["T (perplexity=5)", "P", "T (perplexity=30)"]
    assert order_of_simplicity(PARSED, mixed) == tuple(mixed)


@pytest.mark.parametrize("order", [["P"], ["P", "T", "T (perplexity=5)"], ["P", "T", "U"]])
def test_an_order_names_every_candidate_once(order):
    with pytest.raises(ValueError, match="order must name each candidate once"):
        order_of_simplicity(PARSED, order)


def test_an_order_is_no_string():
    with pytest.raises(TypeError, match="order must be a sequence"):
        order_of_simplicity(PARSED, "P")


def test_the_linear_control_has_the_size_of_the_candidates():
    assert pca_control(PARSED, 10) is None
    three = parse_candidates([TSNE(n_components=3), "isomap"])
    control = pca_control(three, 10)
    assert (control.name, control.role, control.teacher.n_components) == (
        "PCA (control)", "control", 3
    )  # fmt: skip
    assert pca_control(three, 2).teacher.n_components == 2


def test_names_of_controls_are_taken():
    assert names({"Mean (control)": "pca", "P": "pca"}) == ["Mean (control) #2", "P"]
