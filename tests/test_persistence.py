import io
import json
import pickle
import warnings
import zipfile

import joblib
import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.manifold import Isomap
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from torch import nn

import sksubspace
from sksubspace import MEDAL, TLDR, Autoencoder, _persistence, _state, load, save
from sksubspace._persistence import read_model, replace_file, write_model
from sksubspace._state import FORMAT
from sksubspace.encoding import MedianEncoder

skops_io = pytest.importorskip("skops.io")
ALL = {*sksubspace.__all__}


@pytest.fixture(scope="module")
def X():
    rng = np.random.default_rng(0)
    return rng.normal(size=(60, 5)) + 4 * np.eye(3, 5)[rng.integers(3, size=60)]


class Stranger(PCA):
    """A teacher of a package that nobody vouches for."""


def test_a_pipeline_is_stored_whole(X, tmp_path):
    pipeline = make_pipeline(StandardScaler(), MEDAL(PCA(2), random_state=0)).fit(X)
    loaded = load(save(pipeline, tmp_path / "pipeline.skops"))
    np.testing.assert_array_equal(loaded.transform(X), pipeline.transform(X))
    assert isinstance(loaded[-1].teacher_, PCA)


def test_a_search_is_stored_with_its_best_model(X, tmp_path):
    search = GridSearchCV(MEDAL(PCA(2), random_state=0), {"n_neighbors": [3, 5]}, cv=2).fit(X)
    loaded = load(save(search, tmp_path / "search.skops"))
    assert loaded.best_params_ == search.best_params_
    np.testing.assert_array_equal(loaded.transform(X), search.transform(X))


@pytest.mark.parametrize(
    ("model", "folders"),
    [
        (PCA(2), []),
        (TLDR(max_iter=1, random_state=0), [{"manifold"}]),
        (MEDAL(PCA(2), random_state=0), [{"distillation"}]),
        # public in `encoding`, at home elsewhere
        (
            MEDAL(PCA(2), encoder=MedianEncoder(), random_state=0),
            [{"distillation"}, {*sksubspace.__all__}],
        ),
    ],
)
def test_a_map_loads_without_the_rest_of_the_library(model, folders, X, tmp_path, monkeypatch):
    """All of it was imported, to say that one class of it is trusted: a second for nothing."""
    path, looked = save(model.fit(X), tmp_path / "map.skops"), []
    names_of = _persistence._own_estimators
    monkeypatch.setattr(
        _persistence, "_own_estimators", lambda of: looked.append({*of}) or names_of(of)
    )
    np.testing.assert_array_equal(load(path).transform(X), model.transform(X))
    assert looked == folders


def test_an_unfitted_model_keeps_its_parameters(tmp_path):
    loaded = load(save(MEDAL(Isomap(n_neighbors=3), match_weight=7.0), tmp_path / "medal.skops"))
    assert loaded.get_params()["teacher__n_neighbors"] == 3
    assert loaded.match_weight == 7.0


def test_a_teacher_that_cannot_be_stored_safely_is_left_out_with_a_warning(X, tmp_path):
    medal = make_pipeline(MEDAL(Stranger(2), random_state=0)).fit(X)
    with pytest.warns(UserWarning, match="teacher Stranger cannot be stored safely"):
        path = save(medal, tmp_path / "medal.skops")
    assert isinstance(medal[0].teacher_, Stranger)
    assert medal[0].keep_teacher
    loaded = load(path)
    assert loaded[0].teacher == "precomputed"
    assert loaded[0].teacher_ is None
    np.testing.assert_array_equal(loaded.transform(X), medal.transform(X))


@pytest.mark.slow
@pytest.mark.parametrize("by_default", [False, True])
def test_umap_is_left_out_with_a_warning(X, tmp_path, by_default):
    from umap import UMAP

    medal = MEDAL(None if by_default else UMAP(n_neighbors=5), random_state=0).fit(X)
    with pytest.warns(UserWarning, match="teacher UMAP"):
        path = save(medal, tmp_path / "medal.skops")
    loaded = load(path)
    assert loaded.teacher_ is None
    assert loaded.teacher == (None if by_default else "precomputed")
    np.testing.assert_array_equal(loaded.transform(X), medal.transform(X))


def test_saving_a_model_of_safe_parts_warns_of_nothing(X, tmp_path):
    medal = MEDAL(Isomap(n_neighbors=40), random_state=0).fit(X)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        path = save(medal, tmp_path / "medal.skops")
    assert [str(warning.message) for warning in caught] == []
    assert isinstance(load(path).teacher_, Isomap)


def test_callbacks_are_left_out(X, tmp_path):
    from sksubspace.callbacks import LossMonitor

    medal = MEDAL(PCA(2), random_state=0).set_callbacks(LossMonitor()).fit(X)
    loaded = load(save(medal, tmp_path / "medal.skops"))
    assert "_skl_callbacks" in vars(medal)
    assert "_skl_callbacks" not in vars(loaded)


def test_a_module_of_the_user_is_refused_when_saving(X, tmp_path):
    medal = MEDAL(PCA(2), encoder=nn.Linear(5, 2), max_iter=1, random_state=0)
    with pytest.raises(TypeError, match="holds data only"):
        save(medal, tmp_path / "medal.skops")
    with pytest.raises(TypeError, match=r"Stranger"):
        save(Stranger(2).fit(X), tmp_path / "stranger.skops")
    assert list(tmp_path.iterdir()) == []


def test_functions_in_a_file_are_refused(tmp_path):
    path = tmp_path / "evil.skops"
    skops_io.dump(FunctionTransformer(func=warnings.warn), path)
    with pytest.raises(ValueError, match=r"not trusted: .*warn"):
        load(path)


def forge(path, **changes):
    """Write the file of a MEDAL, in which one node names something else."""
    buffer = io.BytesIO()
    skops_io.dump({"estimator": MEDAL(PCA(2))}, buffer)
    with zipfile.ZipFile(buffer) as old, zipfile.ZipFile(path, "w") as new:
        schema = json.loads(old.read("schema.json"))
        node = schema["content"]["estimator"]
        assert node["__class__"] == "MEDAL"
        node.update(changes)
        new.writestr("schema.json", json.dumps(schema))
    return path


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("os", "system"),
        ("sksubspace._persistence", "replace_file"),
        ("sksubspace._torch.device", "available_device"),
        ("sksubspace.distillation._medal", "MEDAL.fit"),
        ("sksubspace_evil", "MEDAL"),
    ],
)
@pytest.mark.parametrize("loader", ["FunctionNode", "TypeNode", "ObjectNode"])
def test_only_the_public_estimators_are_built(module, name, loader, tmp_path):
    changes = {"__module__": module, "__class__": name, "__loader__": loader}
    if loader == "FunctionNode":
        changes["content"] = {"module_path": module, "function": name}
    path = forge(tmp_path / "evil.skops", **changes)
    with pytest.raises(ValueError, match=r"not trusted|damaged"):
        load(path)


def test_methods_of_our_estimators_are_not_handed_out(tmp_path):
    path = tmp_path / "evil.skops"
    skops_io.dump({"estimator": MEDAL(PCA(2)).fit}, path)
    with pytest.raises(ValueError, match=r"not trusted|damaged"):
        load(path)


@pytest.mark.parametrize("compress", [0, 3])
def test_a_pickle_is_refused_unless_trusted(compress, X, tmp_path):
    path = tmp_path / "medal.skops"
    joblib.dump(MEDAL(PCA(2), random_state=0).fit(X), path, compress=compress)
    with pytest.raises(ValueError, match="is a pickle, which can run any code"):
        load(path)
    assert load(path, trust_pickle=True).transform(X).shape == (60, 2)


def test_a_refused_pickle_runs_no_code(tmp_path):
    class Bomb:
        def __reduce__(self):
            return open, (str(tmp_path / "ran"), "w")

    path = tmp_path / "bomb.pkl"
    path.write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(ValueError, match="pickle"):
        load(path)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b"\x80\x04broken", b"PK\x03\x04broken"])
def test_what_is_no_model_is_named_so(content, tmp_path):
    path = tmp_path / "model.skops"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"model\.skops is (not a model file|a damaged pickle)"):
        load(path, trust_pickle=True)


def test_an_archive_without_a_model_is_named_so(tmp_path):
    np.savez(tmp_path / "model.npz", X=np.ones(3))
    with pytest.raises(ValueError, match="is not a model file"):
        load(tmp_path / "model.npz")


def change_card(path, **changes):
    with zipfile.ZipFile(path) as old:
        parts = {name: old.read(name) for name in old.namelist()}
    card = json.loads(parts["sksubspace.json"])
    parts["sksubspace.json"] = json.dumps({**card, **changes}).encode()
    with zipfile.ZipFile(path, "w") as new:
        for name, part in parts.items():
            new.writestr(name, part)


def test_a_file_of_the_next_minor_release_opens(X, tmp_path):
    path = save(PCA(2).fit(X), tmp_path / "pca.skops")
    major, minor, *_ = sksubspace.__version__.split(".")
    change_card(path, sksubspace=f"{major}.{int(minor) + 1}.0")
    assert load(path).n_components == 2


@pytest.mark.parametrize("number", range(1, FORMAT + 1))
def test_a_file_of_a_format_that_is_known_opens(number, X, tmp_path):
    path = save(PCA(2).fit(X), tmp_path / "pca.skops")
    change_card(path, format=number)
    assert load(path).n_components == 2


@pytest.mark.parametrize("number", [FORMAT + 1, 0, None])
def test_a_file_of_the_next_format_is_refused_in_one_line(number, X, tmp_path):
    path = save(PCA(2).fit(X), tmp_path / "pca.skops")
    change_card(path, format=number, sksubspace="9.9.0")
    wanted = rf"written by sksubspace 9\.9\.0, has format {number}, and .* reads the formats 1, 2;"
    with pytest.raises(ValueError, match=wanted) as error:
        load(path)
    assert "\n" not in str(error.value)


def test_an_unknown_part_is_named(X, tmp_path, monkeypatch):
    path = save(Autoencoder(1, hidden_layer_sizes=(), max_iter=1).fit(X), tmp_path / "a.skops")
    monkeypatch.setattr(_state, "_PARTS", {"Shift": None})
    with pytest.raises(
        ValueError, match=r"a\.skops: .* unknown part '.*'; .* knows Shift, .*trusts"
    ):
        load(path)


def test_notes_come_back(X, tmp_path):
    path = write_model(PCA(2).fit(X), tmp_path / "pca.skops", {"beside": ["größe", "b"]})
    assert read_model(path)[1] == {"beside": ["größe", "b"]}


def test_a_plain_skops_file_is_read(X, tmp_path):
    skops_io.dump(PCA(2).fit(X), tmp_path / "pca.skops")
    estimator, notes = read_model(tmp_path / "pca.skops")
    assert estimator.transform(X).shape == (60, 2)
    assert notes == {}


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = replace_file(tmp_path / "file", b"old")
    with pytest.raises(TypeError):
        replace_file(path, "text is not bytes")
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_without_skops_the_extra_is_named(X, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "skops.io", None)
    monkeypatch.setitem(__import__("sys").modules, "skops", None)
    with pytest.raises(ImportError, match=r"sksubspace\[cli\]"):
        save(PCA(2).fit(X), tmp_path / "pca.skops")
