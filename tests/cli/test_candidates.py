import pytest

from sksubspace.cli._candidates import EXAMPLE_GRIDS, make_candidates
from sksubspace.cli._say import UsageError


def grids(*args, **kwargs):
    return {name: grid for name, (_, grid) in make_candidates(*args, **kwargs).items()}


def test_default_grids_in_the_order_of_the_teachers():
    found = grids(["tsne", "pca"], [], 1000)
    assert list(found) == ["t-SNE", "PCA"]
    assert found == {"t-SNE": {"perplexity": [10, 30, 100]}, "PCA": {}}


@pytest.mark.parametrize(("n_rows", "kept"), [(301, [10, 30, 100]), (300, [10, 30]), (20, [3])])
def test_settings_that_need_more_rows_are_left_out(n_rows, kept):
    assert grids(["tsne"], [], n_rows)["t-SNE"]["perplexity"] == kept


def test_given_settings_are_taken_as_they_are():
    found = grids(["isomap"], ["isomap.n_neighbors=5,1000", "isomap.path_method=auto,D"], 10)
    assert found == {"Isomap": {"n_neighbors": [5, 1000], "path_method": ["auto", "D"]}}


def test_umap():
    pytest.importorskip("umap")
    assert grids(["umap"], [], 100)["UMAP"] == {"n_neighbors": [5, 15, 50]}
    assert grids(["umap"], [], 100, EXAMPLE_GRIDS)["UMAP"] == {"n_neighbors": [2, 5, 15, 50]}


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("isomap", "write it like"),
        ("isomap.n_neighbors=", "write it like"),
        ("umap.n_neighbors=5", "not among the teachers 'isomap'"),
        ("isomap.neighbors=5", "is it 'n_neighbors'"),
        ("isomap.zzz=5", "there are 'eigen_solver'"),
        ("isomap.n_components=2,3", "no setting 'n_components'"),
        ("isomap.n_neighbors=5,5", "twice"),
        ("isomap.n_neighbors=5:15", "'5:15' is no number, as 5 is; write several with commas"),
    ],
)
def test_settings_that_make_no_sense(word, text):
    with pytest.raises(UsageError, match=text):
        make_candidates(["isomap"], [word], 100)


def test_a_teacher_twice():
    with pytest.raises(UsageError, match="twice"):
        make_candidates(["pca", "pca"], [], 100)
