"""Files written when a class lived in another private module still open."""

import pickle
import sys
import zipfile
from importlib import import_module

import pytest

import sksubspace
from sksubspace import _moved
from sksubspace.cluster import KSubspaces

OLD = "sksubspace.cluster._of_last_year"


@pytest.fixture
def moved(monkeypatch):
    """A class that lived in another module last year."""
    monkeypatch.setitem(_moved.MOVED, OLD, "sksubspace.cluster")
    yield
    sys.modules.pop(OLD, None)


def written_last_year(estimator):
    content = pickle.dumps(estimator, protocol=0)
    module = type(estimator).__module__.encode()
    assert module in content
    return content.replace(module, OLD.encode())


def test_a_pickle_that_names_the_old_module_opens(moved):
    loaded = pickle.loads(written_last_year(KSubspaces(7)))
    assert type(loaded) is KSubspaces
    assert loaded.n_clusters == 7


def test_a_skops_file_that_names_the_old_module_opens(moved, tmp_path):
    old = tmp_path / "old.skops"
    with zipfile.ZipFile(sksubspace.save(KSubspaces(7), tmp_path / "new.skops")) as new:
        module = KSubspaces.__module__.encode()
        with zipfile.ZipFile(old, "w") as archive:
            for name in new.namelist():
                archive.writestr(name, new.read(name).replace(module, OLD.encode()))
    loaded = sksubspace.load(old)
    assert type(loaded) is KSubspaces
    assert loaded.n_clusters == 7


def test_an_unknown_module_is_missing_as_before():
    with pytest.raises(ModuleNotFoundError, match="_of_last_year"):
        pickle.loads(written_last_year(KSubspaces(7)))


def test_an_old_module_hands_on_public_names_only(moved):
    old = import_module(OLD)
    assert old.KSubspaces is KSubspaces
    for name in ("_Model", "np", "KSubspace", "__path__"):
        with pytest.raises(AttributeError, match=rf"{OLD}' has no attribute '{name}'"):
            getattr(old, name)


def test_modules_that_exist_are_found_first_and_the_finder_stands_once():
    _moved.install()
    assert sys.meta_path.count(_moved._Finder) == 1
    module = import_module(KSubspaces.__module__)
    assert module.KSubspaces is KSubspaces


@pytest.mark.parametrize("old", _moved.MOVED)
def test_every_old_module_leads_to_a_public_package(old):
    package = _moved.MOVED[old]
    assert old.startswith(f"{package}._")
    assert package.removeprefix("sksubspace.") in sksubspace.__all__


def test_former_names_are_those_of_the_class(moved):
    assert f"{OLD}.KSubspaces" in _moved.former_names(KSubspaces)
    assert not any("decomposition" in name for name in _moved.former_names(KSubspaces))
