"""Bad input: one line that says what and how to mend it, exit code 2, and never a traceback."""

import builtins
import json
import os
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA

import sksubspace
from sksubspace import MEDAL
from sksubspace.cli import main
from tests.cli.tables import blobs, numbers

pytest.importorskip("skops")


def save_model(folder):
    path = folder / "model.skops"
    medal = MEDAL(PCA(2), random_state=0).fit(numbers(n_rows=40, n_columns=3))
    return str(sksubspace.save(medal, path))


def write(folder, text, name="data.csv", encoding="utf-8"):
    path = folder / name
    path.write_text(text, encoding=encoding)
    return str(path)


def to_csv(folder, frame, name="data.csv", **kwargs):
    path = folder / name
    frame.to_csv(path, index=False, **kwargs)
    return str(path)


def wrong_delimiter(folder):
    return ["validate", to_csv(folder, numbers(), sep="|")], ('--delimiter "|"',)


def other_delimiter_without_header(folder):
    return ["validate", to_csv(folder, numbers(), sep="\t", header=False)], ("--delimiter tab",)


def text_columns(folder):
    return ["validate", to_csv(folder, blobs())], (
        "'kind'", "not numeric", "--label kind", "--one-hot kind", "--drop kind",
    )  # fmt: skip


def decimal_commas(folder):
    path = to_csv(folder, numbers(), decimal=",")
    return ["validate", path], ("'gene 0'", "not numeric", "--decimal ,")


def missing_values(folder):
    frame = numbers()
    frame.iloc[3:7, 1] = np.nan
    return ["validate", to_csv(folder, frame)], (
        "missing values (4, in 4 of 60 rows",
        "'gene 1'",
        "take medians (--impute median)",
    )


def column_without_values(folder):
    frame = numbers().assign(void=np.nan)
    words = ["validate", to_csv(folder, frame), "--impute", "median"]
    return words, ("'void'", "no values", "--drop void")


def empty_file(folder):
    return ["validate", write(folder, "")], ("is empty",)


def empty_lines(folder):
    return ["validate", write(folder, "\n \n\n")], ("only empty lines",)


def no_rows(folder):
    return ["validate", write(folder, "a,b,c\n")], ("no rows",)


def one_row(folder):
    return ["validate", to_csv(folder, numbers(n_rows=1))], ("1 row;", "at least 10", "more rows")


def one_column(folder):
    return ["validate", to_csv(folder, numbers()[["gene 0"]])], ("only the column 'gene 0'", "2")


def duplicated_header(folder):
    return ["validate", write(folder, "a,b,a\n" + "1,2,3\n" * 20)], ("'a'", "twice", "rename")


def ragged_rows(folder):
    return ["validate", write(folder, "a,b\n1,2\n3,4,5\n")], ("different length", "line 3")


def longer_rows(folder):
    return ["validate", write(folder, "a,b\n" + "3,4,5\n" * 20)], ("different length",)


def not_utf8(folder):
    frame = numbers().rename(columns={"gene 0": "größe"})
    path = to_csv(folder, frame, encoding="latin-1")
    return ["validate", path], ("not UTF-8", "0xf6", "--encoding latin-1")


def utf16(folder):
    return ["validate", to_csv(folder, numbers(), encoding="utf-16")], ("--encoding utf-16",)


def unknown_encoding(folder):
    return ["validate", to_csv(folder, numbers()), "--encoding", "klingon"], ("klingon", "latin-1")


def huge_integers(folder):
    frame = numbers().assign(code=2**53 + 2 * np.arange(60))
    return ["validate", to_csv(folder, frame)], ("'code'", "2**53", "--drop code")


def integers_beyond_64_bits(folder):
    frame = numbers().assign(code=[10**30 + row for row in range(60)])
    return ["validate", to_csv(folder, frame)], ("'code'", "2**53", "--drop code")


def values_whose_squares_overflow(folder):
    frame = numbers().assign(big=1e200)
    return ["validate", to_csv(folder, frame)], ("beyond 1e+100", "'big'", "rescale")


def infinities(folder):
    frame = numbers()
    frame.iloc[[1, 5], 2] = [np.inf, -np.inf]
    return ["validate", to_csv(folder, frame)], (
        "infinite values (2, in 2 of 60 rows",
        "'gene 2'",
        "--drop 'gene 2'",
    )


def constant_rows(folder):
    return ["validate", to_csv(folder, pd.DataFrame(np.ones((20, 3))))], ("all rows are the same",)


def wrong_label_name(folder):
    return ["validate", to_csv(folder, blobs()), "--label", "kinds"], ("'kinds'", "is it 'kind'?")


def wrong_drop_name(folder):
    return ["validate", to_csv(folder, blobs()), "--drop", "zzz"], ("'zzz'", "--drop", "'gene 0'")


def label_with_one_value(folder):
    path = to_csv(folder, numbers().assign(kind="red"))
    return ["validate", path, "--label", "kind"], ("only the value 'red'", "leave out --label")


def label_without_values(folder):
    path = to_csv(folder, numbers().assign(kind=None))
    return ["validate", path, "--label", "kind"], ("no values", "leave out --label")


def group_with_missing_values(folder):
    frame = blobs()
    frame.loc[[3, 17], "kind"] = None
    words = ["validate", to_csv(folder, frame), "--groups", "kind"]
    return words, ("'kind' is missing in 2 of 60 rows (3, 17, counted from 0)",)


def fewer_groups_than_folds(folder):
    return ["validate", to_csv(folder, blobs()), "--groups", "kind"], ("3 groups", "--cv 3")


def npz_with_several_arrays(folder):
    np.savez(folder / "data.npz", X=numbers(), Z=np.zeros((60, 2)))
    return ["validate", str(folder / "data.npz")], ("'X', 'Z'", "--array NAME")


def npz_without_that_array(folder):
    np.savez(folder / "data.npz", X=numbers(), Z=np.zeros((60, 2)))
    return ["validate", str(folder / "data.npz"), "--array", "Y"], ("no array 'Y'", "'X', 'Z'")


def npy_of_objects(folder):
    np.save(folder / "data.npy", np.array([[1, "a"]] * 20, dtype=object), allow_pickle=True)
    return ["validate", str(folder / "data.npy")], ("can run code", "numpy.save")


def npy_with_one_axis(folder):
    np.save(folder / "data.npy", np.arange(20.0))
    return ["validate", str(folder / "data.npy")], ("shape (20,)", "reshape")


def npy_of_complex_numbers(folder):
    np.save(folder / "data.npy", numbers().to_numpy() * 1j)
    return ["validate", str(folder / "data.npy")], ("not numeric",)


def text_named_npy(folder):
    return ["validate", write(folder, "1,2\n", "data.npy")], ("not a whole NumPy file",)


def text_named_parquet(folder):
    pytest.importorskip("pyarrow")
    return ["validate", write(folder, "1,2\n", "data.parquet")], ("not a whole Parquet file",)


def text_named_gz(folder):
    return ["validate", write(folder, "1,2\n", "data.csv.gz")], ("not a whole gzip file",)


def parquet_with_dates(folder):
    pytest.importorskip("pyarrow")
    numbers().assign(day=pd.Timestamp("2026-01-01")).to_parquet(folder / "data.parquet")
    return ["validate", str(folder / "data.parquet")], ("'day'", "not numeric", "--drop day")


def unknown_suffix(folder):
    return ["validate", write(folder, "1,2\n", "data.doc")], ("must be one of .csv",)


def missing_file(folder):
    to_csv(folder, numbers(), "cells.csv")
    return ["validate", str(folder / "cell.csv")], ("does not exist", "cells.csv?")


def directory(folder):
    (folder / "data.csv").mkdir()
    return ["validate", str(folder / "data.csv")], ("is a folder",)


def unreadable_file(folder):
    path = to_csv(folder, numbers(), "locked.csv")
    os.chmod(path, 0)
    return ["validate", path], ("may not be read", "chmod u+r")


def missing_model(folder):
    return ["transform", str(folder / "no.skops"), to_csv(folder, numbers())], ("does not exist",)


def pickle_as_model(folder):
    path = folder / "model.skops"
    path.write_bytes(pickle.dumps(MEDAL()))
    return ["transform", str(path), to_csv(folder, numbers())], ("is a pickle", "--trust-pickle")


def table_as_model(folder):
    path = to_csv(folder, numbers())
    return ["shift", path, path], ("not a model file",)


def unfitted_model(folder):
    path = sksubspace.save(MEDAL("pca"), folder / "model.skops")
    return ["transform", str(path), to_csv(folder, numbers())], ("no fitted map",)


def model_without_a_shift_test(folder):
    path = sksubspace.save(PCA(2).fit(numbers()), folder / "model.skops")
    return ["shift", str(path), to_csv(folder, numbers())], ("PCA", "no shift test")


def model_of_a_newer_format(folder):
    path = folder / "other.skops"
    with zipfile.ZipFile(save_model(folder)) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            text = old.read(name)
            if name == "sksubspace.json":
                text = json.dumps({**json.loads(text), "format": 3}).encode()
            new.writestr(name, text)
    words = ["transform", str(path), to_csv(folder, numbers(n_columns=3))]
    return words, ("format 3", "reads the formats 1, 2")


def truncated_model(folder):
    path = Path(save_model(folder))
    path.write_bytes(path.read_bytes()[:1000])
    return ["transform", str(path), to_csv(folder, numbers(n_columns=3))], ("not a model file",)


def new_data_with_other_columns(folder):
    frame = numbers(n_columns=3).rename(columns={"gene 1": "gene one"})
    words = ["transform", save_model(folder), to_csv(folder, frame)]
    return words, ("'gene 1' missing", "'gene one' unknown")


def new_data_with_more_columns(folder):
    words = ["shift", save_model(folder), to_csv(folder, numbers(n_columns=4))]
    return words, ("'gene 3' unknown", "--drop")


def unnamed_data_with_more_columns(folder):
    np.save(folder / "new.npy", numbers(n_columns=4))
    return ["shift", save_model(folder), str(folder / "new.npy")], ("4 columns", "had 3", "--drop")


def new_data_with_missing_values(folder):
    frame = numbers(n_columns=3)
    frame.iloc[0, 0] = np.nan
    return ["shift", save_model(folder), to_csv(folder, frame)], (
        "missing values (1, in 1 of 60 rows",
        "'gene 0'",
        "make the model with --impute median",
    )


def output_of_unknown_kind(folder):
    words = ["transform", save_model(folder), to_csv(folder, numbers()), "--output", "places.doc"]
    return words, ("places.doc", "must be one of")


def no_data_but_columns_to_drop(folder):
    return ["validate", "--drop", to_csv(folder, numbers())], ("--drop needs DATA",)


def unknown_teacher(folder):
    return ["validate", "--teachers", "umpa"], ("umpa", "'umap'")


def grid_of_an_unknown_setting(folder):
    words = ["validate", to_csv(folder, numbers()), "--grid", "umap.n_neighbours=5"]
    return words, ("'n_neighbours'", "is it 'n_neighbors'?")


def grid_without_a_value(folder):
    words = ["validate", to_csv(folder, numbers()), "--grid", "umap.n_neighbors"]
    return words, ("umap.n_neighbors=5,15,50",)


def image_shape_that_does_not_fit(folder):
    words = ["validate", to_csv(folder, numbers()), "--image-shape", "3x3"]
    return words, ("3x3", "9 columns", "are 4")


def folds_that_are_none(folder):
    return ["validate", to_csv(folder, numbers()), "--cv", "1"], ("--cv", "at least 2")


def output_folder_that_is_a_file(folder):
    path = to_csv(folder, numbers())
    return ["validate", path, "--out", path], ("name a folder",)


def no_verb(folder):
    return [], ("VERB", "--help")


CASES = [
    value for value in list(globals().values())
    if getattr(value, "__module__", None) == __name__ and value not in (save_model, write, to_csv)
]  # fmt: skip


def deny_reading(monkeypatch, name):
    """For a process that may read everything, as root may."""
    real = builtins.open

    def guarded(file, *args, **kwargs):
        if str(file).endswith(name):
            raise PermissionError(13, "Permission denied", str(file))
        return real(file, *args, **kwargs)

    monkeypatch.setattr("io.open", guarded)
    monkeypatch.setattr(builtins, "open", guarded)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_one_line_says_what_and_how_to_mend_it(case, tmp_path, monkeypatch, capsys):
    words, expected = case(tmp_path)
    monkeypatch.chdir(tmp_path)
    deny_reading(monkeypatch, "locked.csv")
    code = main(words)
    out, err = capsys.readouterr()
    assert code == 2
    assert out == ""
    errors = [line for line in err.splitlines() if not line.startswith("note: ")]
    assert len(errors) == 1
    assert errors[0].startswith("sksubspace: error: ")
    assert [part for part in expected if part not in errors[0]] == []


def test_columns_in_another_order_are_put_right_with_a_note(tmp_path, capsys):
    frame = numbers(n_columns=3, seed=1)
    model = save_model(tmp_path)
    assert main(["transform", model, to_csv(tmp_path, frame)]) == 0
    in_order = capsys.readouterr()
    assert main(["transform", model, to_csv(tmp_path, frame[frame.columns[::-1]])]) == 0
    turned = capsys.readouterr()
    assert turned.out == in_order.out
    assert in_order.err == ""
    assert turned.err.count("\n") == 1
    assert "put right by name" in turned.err


def test_a_subprocess_ends_with_2_and_one_line(tmp_path):
    path = write(tmp_path, "a,b\n1,x\n" + "1,2\n" * 20, "a[red]\x1bb.csv")
    words = [sys.executable, "-m", "sksubspace", "validate", path]
    done = subprocess.run(
        words, capture_output=True, text=True, cwd=Path(sksubspace.__path__[0]).parent
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "'b' are not numeric (such as 'x')" in done.stderr
    assert "a[red]\\x1bb.csv" in done.stderr
