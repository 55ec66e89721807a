"""What is remembered: finished evaluations, embeddings, and the teachers of all rows."""

import joblib
import numpy as np
import pytest
from sklearn.base import BaseEstimator

from sksubspace import MEDAL
from sksubspace.model_selection._memory import Store, open_store, shaping_versions
from tests.model_selection.toys import LINEAR, Scribe, calls, compare, digits, row

X, y = digits(80)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "calls"


def remembering(path, **params):
    params = {"memory": path.parent / "memory", "controls": False, **params}
    return compare(X, [Scribe(path)], **params)


@pytest.mark.parametrize(("method", "n_fits"), [("cv", 4), ("loo", 1), ("auto", 4)])
def test_a_second_run_fits_no_teacher_and_says_the_same(path, method, n_fits):
    first = remembering(path, method=method, controls=True)
    assert calls(path) == n_fits
    second = remembering(path, method=method, controls=True)
    assert calls(path) == n_fits
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


def test_another_student_needs_no_teacher(path):
    first = remembering(path)
    second = remembering(path, student=MEDAL(encoder="linear", scale="feature"))
    assert calls(path) == 4
    assert row(first, "Scribe").score != row(second, "Scribe").score
    assert row(first, "Scribe").teacher_seconds == row(second, "Scribe").teacher_seconds


def test_rows_that_the_student_holds_out_are_not_mistaken_for_all(path):
    held_out = MEDAL(encoder="linear", calibration="holdout", validation_fraction=0.2)
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
    params = {"memory": path.parent / "memory", "controls": False}
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Scribe, "fit_transform", stops_at_the_fifth)
        compare(X, names, **params)
    assert calls(path) == 4
    resumed = compare(X, names, **params)
    assert calls(path) == 7
    whole = compare(X, names, controls=False)
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
    remembering(path, memory=joblib.Memory(tmp_path, verbose=0))
    remembering(path, memory=str(tmp_path))
    assert calls(path) == 4
    remembering(path, memory=joblib.Memory(None))
    assert calls(path) == 8


def test_a_damaged_file_is_written_anew(path):
    remembering(path)
    for file in (path.parent / "memory").rglob("*.joblib"):
        file.write_bytes(file.read_bytes()[:20])
    again = remembering(path)
    assert calls(path) == 8
    remembering(path)
    assert calls(path) == 8 and np.isfinite(again.results[0].score)


def test_no_partial_files_stay(path):
    remembering(path)
    files = [file for file in (path.parent / "memory").rglob("*") if file.is_file()]
    assert {file.suffix for file in files} == {".joblib"}
    assert {file.parent.name for file in files} == {"splits", "teachers"}


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
