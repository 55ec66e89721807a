import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA

from sksubspace import MEDAL, save
from sksubspace.cli import main
from tests.cli.tables import numbers

pytest.importorskip("skops")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shift")
    numbers(n_rows=40, seed=1).to_csv(folder / "same.csv", index=False)
    numbers(n_rows=40, seed=2, shift=4.0).to_csv(folder / "other.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def medal(folder):
    medal = MEDAL(PCA(2), random_state=0).fit(numbers(n_rows=150))
    save(medal, folder / "medal.skops")
    return medal


def run(folder, *words):
    return main(["shift", str(folder / "medal.skops"), *map(str, words)])


@pytest.mark.parametrize(
    ("name", "verdict", "code"), [("same", "no shift found", 0), ("other", "shift found", 3)]
)
def test_the_verdict_and_the_exit_code(name, verdict, code, folder, medal, capsys):
    assert run(folder, folder / f"{name}.csv") == 0
    assert capsys.readouterr().out.startswith(f"{verdict} at alpha=0.05")
    assert run(folder, folder / f"{name}.csv", "--exit-code") == code


def test_each_row_goes_to_a_file(folder, medal, capsys):
    path = folder / "rows.csv"
    assert run(folder, folder / "other.csv", "--output", path, "--alpha", "0.2") == 0
    rows, new = pd.read_csv(path), numbers(n_rows=40, seed=2, shift=4.0)
    np.testing.assert_allclose(rows["p_value"], medal.pvalue(new))
    np.testing.assert_allclose(rows["distortion"], medal.distortion(new))
    np.testing.assert_allclose(rows[["medal0", "medal1"]], medal.transform(new))
    np.testing.assert_array_equal(rows["flagged"], medal.pvalue(new) <= 0.2)
    assert "alpha=0.2" in capsys.readouterr().out


@pytest.mark.parametrize("alpha", ["0", "1", "x"])
def test_alpha_is_a_probability(alpha, folder, medal, capsys):
    assert run(folder, folder / "same.csv", "--alpha", alpha) == 2
    assert "between 0 and 1" in capsys.readouterr().err
