"""What is remembered: finished evaluations, embeddings, and the teachers of all rows."""

import io
import pickle
import warnings

import joblib
import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.manifold import Isomap

from sksubspace.model_selection._memory import Store, open_store, shaping_versions
from sksubspace.model_selection._stored import read_result, write_result
from tests.model_selection.toys import LINEAR, Scribe, calls, compare, digits, linear, row

X, y = digits(80)
RNG = np.random.default_rng(0)
FORGETFUL = linear(keep_teacher=False)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "calls"


def remembering(path, **params):
    params = {"memory": path.parent / "memory", "controls": False, **params}
    return compare(X, [Scribe(path)], **params)


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize(("method", "n_fits"), [("cv", 4), ("loo", 1), ("auto", 4)])
def test_a_second_run_fits_no_teacher_to_score_it_and_says_the_same(path, method, n_fits, keep):
    student = linear(keep_teacher=keep)
    first = remembering(path, method=method, controls=True, student=student)
    assert calls(path) == n_fits
    second = remembering(path, method=method, controls=True, student=student)
    # a Scribe is no data: it can only be fitted again where the fitted one is asked for
    assert calls(path) == n_fits + keep
    for one in (first, second):
        assert isinstance(one.best_estimator_.teacher_, Scribe) == keep
    assert second.to_json(timings=False) == first.to_json(timings=False)
    np.testing.assert_array_equal(
        first.best_estimator_.transform(X), second.best_estimator_.transform(X)
    )
    times = [row(one, "Scribe").teacher_seconds for one in (first, second)]
    assert times[0] == times[1] > 0
    assert row(first, "Scribe").student_seconds == row(second, "Scribe").student_seconds


@pytest.mark.parametrize("method", ["loo", "auto"])
def test_the_final_fit_takes_the_teacher_of_the_screening(path, method):
    result = compare(X, [Scribe(path)], method=method, controls=False)
    assert calls(path) == {"loo": 1, "auto": 4}[method]
    assert isinstance(result.best_estimator_.teacher_, Scribe)


def test_a_teacher_of_scikit_learn_is_remembered_with_what_it_fitted(tmp_path, monkeypatch):
    pytest.importorskip("skops")
    params = {"memory": tmp_path, "controls": False, "method": "loo"}
    first = compare(X, ["isomap"], **params).best_estimator_
    monkeypatch.setattr(Isomap, "fit_transform", lambda *args: pytest.fail("it was fitted"))
    second = compare(X, ["isomap"], **params).best_estimator_
    np.testing.assert_array_equal(second.teacher_.transform(X), first.teacher_.transform(X))


def test_another_student_needs_no_teacher(path):
    first = remembering(path, student=FORGETFUL)
    student = linear(scale="feature", keep_teacher=False)
    second = remembering(path, student=student)
    assert calls(path) == 4
    assert row(first, "Scribe").score != row(second, "Scribe").score
    assert row(first, "Scribe").teacher_seconds == row(second, "Scribe").teacher_seconds


def test_rows_that_the_student_holds_out_are_not_mistaken_for_all(path):
    held_out = linear(calibration="holdout", validation_fraction=0.2)
    remembering(path)
    with_memory = remembering(path, student=held_out)
    assert calls(path) == 8
    plain = compare(X, [Scribe(path)], student=held_out, controls=False)
    assert with_memory.results[0].split_scores == plain.results[0].split_scores


@pytest.mark.parametrize(
    "change", [{"random_state": 1}, {"cv": 4}, {"n_repeats": 2}, {"metrics": ()}, {"y": y}]
)
def test_what_changes_the_result_is_computed_again(path, change):
    remembering(path)
    changed = remembering(path, **change)
    fresh = compare(X, [Scribe(path)], controls=False, **change)
    assert changed.to_json(timings=False) == fresh.to_json(timings=False)


def test_other_rows_are_not_taken_for_these(path):
    remembering(path)
    params = {"memory": path.parent / "memory", "controls": False}
    other = compare(2 * X + 1, [Scribe(path)], **params)
    assert calls(path) == 8
    assert other.best_estimator_.embedding_.std() > 1.5 * X.std()


def test_a_stopped_run_continues_where_it_was(path, monkeypatch):
    fit = Scribe.fit_transform

    def stops_at_the_fifth(self, X, y=None):
        if calls(self.path) == 4:
            raise KeyboardInterrupt
        return fit(self, X)

    names = {"P1": Scribe(path, n_components=1), "P2": Scribe(path)}
    params = {"memory": path.parent / "memory", "controls": False, "race": False}
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Scribe, "fit_transform", stops_at_the_fifth)
        compare(X, names, **params)
    assert calls(path) == 4
    resumed = compare(X, names, **params)
    assert calls(path) == 7
    whole = compare(X, names, controls=False, race=False)
    assert resumed.to_json(timings=False) == whole.to_json(timings=False)


def test_failures_are_not_remembered(path):
    class Moody(BaseEstimator):
        broken = True

        def fit_transform(self, X, y=None):
            if Moody.broken:
                raise ValueError("not today")
            return X[:, 20:22]

    params = {"memory": path.parent / "memory", "controls": False}
    with pytest.raises(ValueError, match="not today"):
        compare(X, [Moody()], **params)
    Moody.broken = False
    with pytest.warns(UserWarning, match="cannot be remembered"):
        assert np.isfinite(compare(X, [Moody()], **params).results[0].score)


def test_a_joblib_memory_stands_for_its_folder(tmp_path, path):
    remembering(path, memory=joblib.Memory(tmp_path, verbose=0), student=FORGETFUL)
    remembering(path, memory=str(tmp_path), student=FORGETFUL)
    assert calls(path) == 4
    remembering(path, memory=joblib.Memory(None), student=FORGETFUL)
    assert calls(path) == 8


def stored(path):
    return sorted(file for file in (path.parent / "memory").rglob("*") if file.is_file())


def swapped(files):
    """Each file holds what another held."""
    contents = [file.read_bytes() for file in files]
    return [*contents[1:], contents[0]]


def objects(files):
    buffer = io.BytesIO()
    np.savez(buffer, json=np.array([print], dtype=object))
    return [buffer.getvalue()] * len(files)


DAMAGES = {
    "cut": lambda files: [file.read_bytes()[:200] for file in files],
    "empty": lambda files: [b""] * len(files),
    "of something else": swapped,
    "a pickle": lambda files: [pickle.dumps("result")] * len(files),
    "objects": objects,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_or_foreign_file_is_computed_anew_with_one_warning(path, damage):
    first = remembering(path, student=FORGETFUL)
    files = stored(path)
    assert len(files) == 7
    for file, content in zip(files, DAMAGES[damage](files), strict=True):
        file.write_bytes(content)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        again = remembering(path, student=FORGETFUL)
    said = [str(one.message) for one in caught if "computed anew" in str(one.message)]
    assert len(said) == len(set(said)) == 7 and all("\n" not in text for text in said)
    assert again.to_json(timings=False) == first.to_json(timings=False)
    assert calls(path) == 8
    remembering(path, student=FORGETFUL)
    assert calls(path) == 8


def test_a_pickle_in_the_place_of_a_result_is_not_run(path):
    class Bomb:
        def __reduce__(self):
            return open, (str(path.parent / "ran"), "w")

    remembering(path)
    for file in stored(path):
        file.write_bytes(pickle.dumps(Bomb()))
        joblib.dump(Bomb(), file.with_suffix(".joblib"))
    with pytest.warns(UserWarning, match="computed anew"):
        remembering(path)
    assert not (path.parent / "ran").exists()


@pytest.mark.parametrize("method", ["cv", "loo", "auto"])
def test_files_hold_numbers_and_text_only(path, method):
    remembering(path, method=method)
    compare(X, ["isomap"], method=method, memory=path.parent / "memory", controls=False)
    assert {file.suffix for file in stored(path)} == {".npz"}
    kinds = {"cv": {"splits"}, "loo": {"whole"}, "auto": {"splits", "whole"}}[method]
    assert {file.parent.name for file in stored(path)} == {"teachers", "fitted", *kinds}
    for file in stored(path):
        with np.load(file, allow_pickle=False) as archive:
            assert all(not archive[name].dtype.hasobject for name in archive.files)


def test_all_that_a_result_may_hold_comes_back(tmp_path):
    value = {
        "array": RNG.normal(size=(3, 2)).astype(np.float32),
        "none": [None, True, 3, float("nan"), -float("inf"), "ü"],
        "nested": ({"dict": (1, [2])}, np.float64(0.1), np.arange(3)),
        "texts": np.array(["a", "bc"]),
    }
    write_result(tmp_path / "one.npz", "it", value)
    found = read_result(tmp_path / "one.npz", "it")
    np.testing.assert_equal(found, value)
    assert found["array"].dtype == np.float32 and type(found["nested"]) is tuple
    with pytest.raises(ValueError, match="something else"):
        read_result(tmp_path / "one.npz", "another")
    for refused in (np.array([None]), {1: 2}, print, {"estimator": Scribe()}):
        with pytest.raises(TypeError):
            write_result(tmp_path / "two.npz", "it", refused)
    assert [file.name for file in tmp_path.iterdir()] == ["one.npz"]


def test_results_of_other_versions_are_not_taken(tmp_path):
    old = Store(str(tmp_path), {"torch": "1"})
    assert old.remember("kind", lambda: 1, lambda: "old") == "old"
    assert old.remember("kind", lambda: 1, lambda: "new") == "old"
    new = Store(str(tmp_path), {"torch": "2"})
    assert new.remember("kind", lambda: 1, lambda: "new") == "new"


def test_a_store_without_a_folder_keeps_nothing():
    store = open_store(None, {})
    assert [store.remember("kind", lambda: 1, lambda value=v: value) for v in (1, 2)] == [1, 2]


def test_a_memmap_is_hashed_as_the_rows_it_holds(tmp_path):
    np.save(tmp_path / "X.npy", X)
    store = Store(str(tmp_path))
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    assert store.remember("kind", lambda: X, lambda: 1) == 1
    assert store.remember("kind", lambda: mapped, lambda: 2) == 1


def test_versions_of_all_that_shapes_the_numbers():
    versions = shaping_versions()
    assert versions["sksubspace"] and versions["umap-learn"] and versions["torch"]
    assert compare(X, ["pca"], student=LINEAR, controls=False).versions == versions


def test_a_folder_that_cannot_be_made_is_an_error_at_once(tmp_path, path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        remembering(path, memory=tmp_path / "file")
    assert calls(path) == 0
