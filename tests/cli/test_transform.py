import io

import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sksubspace import MEDAL
from sksubspace._persistence import write_model
from sksubspace.cli import main
from tests.cli.tables import blobs, numbers

pytest.importorskip("skops")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("transform")


@pytest.fixture(scope="module")
def medal(folder):
    medal = MEDAL(PCA(2), random_state=0).fit(numbers())
    write_model(medal, folder / "medal.skops", {"beside": ["kind"]})
    return medal


@pytest.fixture(scope="module")
def pipeline(folder):
    frame = numbers()
    frame.iloc[0, 0] = np.nan
    pipeline = make_pipeline(SimpleImputer(strategy="median"), StandardScaler(), MEDAL("pca"))
    pipeline.set_params(medal__random_state=0).fit(frame)
    write_model(pipeline, folder / "pipeline.skops")
    return pipeline


@pytest.fixture(scope="module")
def new(folder):
    frame = blobs(n_rows=7, seed=3)
    frame.to_csv(folder / "new.csv", index=False)
    return frame


def run(folder, model, *words):
    return main(["transform", str(folder / model), *map(str, words)])


def test_places_go_to_standard_output(folder, medal, new, capsys):
    assert run(folder, "medal.skops", folder / "new.csv") == 0
    out, err = capsys.readouterr()
    places = pd.read_csv(io.StringIO(out))
    assert list(places.columns) == ["medal0", "medal1"]
    expected = medal.transform(new.drop(columns="kind"))
    np.testing.assert_allclose(places, expected, rtol=1e-14)
    assert err == ""


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet", ".npy", ".npz"])
def test_places_go_to_a_file_by_its_suffix(suffix, folder, medal, new, capsys):
    path = folder / f"places{suffix}"
    assert run(folder, "medal.skops", folder / "new.csv", "--output", path) == 0
    read = {
        ".csv": pd.read_csv,
        ".tsv": lambda path: pd.read_csv(path, sep="\t"),
        ".parquet": pd.read_parquet,
        ".npy": np.load,
        ".npz": lambda path: pd.DataFrame(dict(np.load(path))),
    }[suffix](path)
    expected = medal.transform(new.drop(columns="kind"))
    np.testing.assert_allclose(read, expected, rtol=1e-14)
    assert f"7 rows written to {path}" in capsys.readouterr().out


def test_row_names_are_kept(folder, medal, new):
    named = new.set_index(pd.Index([f"cell {row}" for row in range(7)]))
    named.to_csv(folder / "named.csv")
    assert run(folder, "medal.skops", folder / "named.csv", "--output", folder / "out.csv") == 0
    assert list(pd.read_csv(folder / "out.csv")["row"]) == list(named.index)


def test_inverse_reconstructs_rows_from_places(folder, medal, new):
    places, rows = folder / "places.csv", folder / "rows.csv"
    assert run(folder, "medal.skops", folder / "new.csv", "--output", places) == 0
    assert run(folder, "medal.skops", places, "--inverse", "--output", rows) == 0
    read = pd.read_csv(rows)
    expected = medal.inverse_transform(medal.transform(new.drop(columns="kind")))
    assert list(read.columns) == [f"gene {column}" for column in range(4)]
    np.testing.assert_allclose(read, expected, rtol=1e-10)


def test_a_pipeline_fills_in_scales_and_goes_back_to_the_units_of_the_table(
    folder, pipeline, new, capsys
):
    frame = new.drop(columns="kind")
    frame.iloc[2, 1] = np.nan
    frame.to_csv(folder / "holes.csv", index=False)
    places, rows = folder / "places.csv", folder / "rows.csv"
    assert run(folder, "pipeline.skops", folder / "holes.csv", "--output", places) == 0
    np.testing.assert_allclose(pd.read_csv(places), pipeline.transform(frame), rtol=1e-10)
    assert run(folder, "pipeline.skops", places, "--inverse", "--output", rows) == 0
    scaled = pipeline[-1].inverse_transform(pipeline.transform(frame))
    expected = pipeline[1].inverse_transform(scaled)
    np.testing.assert_allclose(pd.read_csv(rows), expected, rtol=1e-10)


def test_an_array_without_names_is_taken_in_order_with_a_note(folder, medal, new, capsys):
    frame = new.drop(columns="kind")
    np.save(folder / "new.npy", frame.to_numpy())
    assert run(folder, "medal.skops", folder / "new.npy") == 0
    out, err = capsys.readouterr()
    np.testing.assert_allclose(pd.read_csv(io.StringIO(out)), medal.transform(frame), rtol=1e-14)
    assert "no column names" in err


def test_a_model_of_arrays_takes_a_table_of_the_same_width(folder, new, capsys):
    medal = MEDAL(PCA(2), random_state=0).fit(numbers().to_numpy())
    write_model(medal, folder / "arrays.skops")
    assert run(folder, "arrays.skops", folder / "new.csv", "--drop", "kind") == 0
    out, err = capsys.readouterr()
    expected = medal.transform(new.drop(columns="kind").to_numpy())
    np.testing.assert_allclose(pd.read_csv(io.StringIO(out)), expected, rtol=1e-14)
    assert err == ""


def test_a_trusted_pickle_is_read(folder, medal, new, capsys):
    import joblib

    joblib.dump(medal, folder / "medal.pkl")
    assert run(folder, "medal.pkl", folder / "new.csv", "--trust-pickle", "--drop", "kind") == 0
    assert capsys.readouterr().out.count("\n") == 8
