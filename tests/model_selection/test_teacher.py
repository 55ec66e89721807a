import numpy as np
import pytest
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sksubspace._teachers import seed_teacher, uses_umap
from sksubspace.model_selection._memory import RememberedTeacher
from tests.model_selection.toys import Seeded, digits

X, _ = digits(60)


class Bare:
    def fit_transform(self, X):
        return X[:, :2]


def test_parameters_of_the_teacher_show_through():
    stand_in = RememberedTeacher(make_pipeline(StandardScaler(), Seeded()))
    assert stand_in.get_params()["teacher__seeded__random_state"] is None
    stand_in.set_params(teacher__seeded__random_state=3)
    assert stand_in.teacher[-1].random_state == 3


def test_a_copy_fits_the_same_map():
    stand_in = RememberedTeacher(Seeded(random_state=0))
    Z = clone(stand_in).fit_transform(X)
    np.testing.assert_array_equal(Z, Seeded(random_state=0).fit_transform(X))


@pytest.mark.parametrize("keep", [False, True])
def test_the_fitted_teacher_is_kept_on_request(keep):
    stand_in = RememberedTeacher(PCA(2), keep=keep)
    stand_in.fit_transform(X)
    assert (stand_in.fitted_ is not None) == keep
    assert 0 < stand_in.seconds_ <= stand_in.elapsed_


def test_unset_seeds_are_set_in_a_copy():
    teacher = make_pipeline(PCA(2, random_state=5), Seeded())
    copy = seed_teacher(clone(teacher), 9)
    assert (copy[0].random_state, copy[1].random_state) == (5, 9)
    assert teacher[1].random_state is None
    assert isinstance(seed_teacher(Bare(), 9), Bare)


def test_umap_is_found_within_a_pipeline():
    from umap import UMAP

    assert uses_umap(UMAP()) and uses_umap(make_pipeline(StandardScaler(), UMAP()))
    assert not uses_umap(make_pipeline(StandardScaler(), PCA())) and not uses_umap(Bare())
