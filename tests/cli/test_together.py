"""Files that belong together: one run at a time in a folder, and its name in all it writes."""

import json
import os
import zipfile

import pandas as pd
import pytest

from sksubspace.cli import main
from sksubspace.cli._lock import locked
from sksubspace.cli._memory import check_teachers_fit
from sksubspace.cli._say import UsageError
from tests.cli.tables import numbers

pytest.importorskip("skops")
pytest.importorskip("jinja2")


@pytest.fixture
def words(tmp_path):
    numbers().to_csv(tmp_path / "data.csv", index=False)
    words = ["validate", str(tmp_path / "data.csv"), "--teachers", "pca", "--method", "loo"]
    return [*words, "--n-jobs", "1", "--quiet", "--out", str(tmp_path / "out")]


def names_of_the_run(folder):
    with zipfile.ZipFile(folder / "best.skops") as archive:
        card = json.loads(archive.read("sksubspace.json"))
    page = (folder / "report.html").read_text(encoding="utf-8")
    results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    run = results["run"]
    assert page.count(f"# run {run}") == 1
    return {run, card["notes"]["run"], *pd.read_csv(folder / "results.csv")["run"]}


def test_all_files_name_the_run(words, tmp_path):
    assert main(words) == 0
    first = names_of_the_run(tmp_path / "out")
    assert main(words) == 0
    again = names_of_the_run(tmp_path / "out")
    numbers(seed=1).to_csv(tmp_path / "data.csv", index=False)
    assert main(words) == 0
    other = names_of_the_run(tmp_path / "out")
    assert first == again != other
    assert len(first) == len(other) == 1


def test_a_second_run_into_the_folder_is_refused(words, tmp_path, capsys):
    (tmp_path / "out").mkdir()
    with locked(tmp_path / "out"):
        assert main(words) == 2
        err = capsys.readouterr().err
        assert f"another run (process {os.getpid()} on " in err
        assert "seconds ago) writes there; wait for it, or name another folder with --out" in err
        assert not (tmp_path / "out" / "results.json").exists()
    assert list((tmp_path / "out").glob("*lock*")) == []
    assert main(words) == 0


def test_the_lock_of_a_dead_process_is_taken_over(words, tmp_path):
    (tmp_path / "out").mkdir()
    lock = tmp_path / "out" / ".sksubspace-lock"
    lock.write_text(json.dumps({"pid": 2**22 + 1, "host": "elsewhere", "started": 0.0}))
    assert main(words) == 0
    assert not lock.exists()


def test_a_lock_ends_with_an_error(tmp_path):
    with pytest.raises(KeyError), locked(tmp_path):
        raise KeyError
    with locked(tmp_path):
        pass


# ---- memory --------------------------------------------------------------------------------------


def let_free(monkeypatch, n_bytes):
    for module in ("_machine", "cli._memory"):
        monkeypatch.setattr(f"sksubspace.{module}.free_memory", lambda: n_bytes)


def test_a_teacher_that_cannot_fit_is_refused_with_advice(monkeypatch):
    let_free(monkeypatch, 16e9)
    text = r"isomap on 50,000 rows needs about 61 GB .* 16 GB are free. Leave it out.* 25,607 rows"
    with pytest.raises(UsageError, match=text):
        check_teachers_fit(["pca", "isomap"], 50_000, 1)


def test_fewer_at_once(monkeypatch):
    let_free(monkeypatch, 16e9)
    text = r"20,000 rows, 4 at once, needs about 39 GB .*--n-jobs 1"
    with pytest.raises(UsageError, match=text):
        check_teachers_fit(["isomap"], 20_000, 4)
    check_teachers_fit(["isomap"], 20_000, 1)
    check_teachers_fit(["pca", "tsne", "umap"], 10**6, 4)


def test_the_command_says_so_before_anything_is_computed(words, tmp_path, monkeypatch, capsys):
    let_free(monkeypatch, 1e4)
    at = words.index("pca")
    assert main([*words[: at + 1], "isomap", *words[at + 1 :]]) == 2
    assert "--teachers isomap on 60 rows needs about" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
