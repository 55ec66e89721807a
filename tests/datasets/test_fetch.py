from urllib.error import URLError

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.utils import Bunch

from sksubspace.datasets import _fetch, fetch_orl, fetch_usps


@pytest.fixture(autouse=True)
def no_downloads(monkeypatch):
    def fail(**kwargs):
        raise AssertionError("a download was tried")

    monkeypatch.delenv("SKSUBSPACE_DATA", raising=False)
    monkeypatch.setattr(_fetch, "fetch_olivetti_faces", fail)
    monkeypatch.setattr(_fetch, "fetch_openml", fail)


def write_orl(folder):
    pixels = np.random.RandomState(0).randint(0, 256, (400, 32, 32)).astype(np.uint8)
    columns = pixels.transpose(0, 2, 1).reshape(400, 1024)
    np.savez(folder / "orl.npz", X=columns, y=np.repeat(np.arange(40, dtype=np.uint8), 10))
    return pixels / 255


def write_usps(folder):
    rng = np.random.RandomState(0)
    train, test = rng.rand(6, 256).astype(np.float16) * 2, rng.rand(4, 256).astype(np.float16)
    train[0, 0], train[0, 1] = 0, 2
    y = {"y_train": np.arange(6, dtype=np.uint8), "y_test": np.arange(6, 10, dtype=np.uint8)}
    np.savez(folder / "usps.npz", X_train=train, X_test=test, **y)
    return np.concatenate([train, test]).astype(np.float32) / 2


@pytest.mark.parametrize("by_environment", [True, False])
def test_a_file_of_the_user_comes_first(tmp_path, monkeypatch, by_environment):
    pixels, digits = write_orl(tmp_path), write_usps(tmp_path)
    where = {} if by_environment else {"data_home": tmp_path}
    if by_environment:
        monkeypatch.setenv("SKSUBSPACE_DATA", str(tmp_path))
    faces, usps = fetch_orl(**where), fetch_usps(**where)
    assert_allclose(faces.images, pixels, rtol=1e-6)
    assert_array_equal(faces.data, faces.images.reshape(400, 1024))
    assert_array_equal(faces.target, np.repeat(np.arange(40), 10))
    assert_allclose(usps.data, digits, rtol=1e-6)
    assert_array_equal(usps.target, np.arange(10))
    for bunch in (faces, usps):
        assert bunch.data.dtype == np.float32
        assert bunch.target.dtype == np.intp
        assert "npz" in bunch.DESCR
        assert str(tmp_path) not in bunch.DESCR


@pytest.mark.parametrize(
    ("fetch", "of", "name"),
    [(fetch_orl, "fetch_olivetti_faces", "orl.npz"), (fetch_usps, "fetch_openml", "usps.npz")],
)
def test_without_a_connection_a_file_is_asked_for(monkeypatch, fetch, of, name):
    def offline(**kwargs):
        raise URLError("no route")

    monkeypatch.setattr(_fetch, of, offline)
    with pytest.raises(OSError, match=f"no route.*put {name} into .* SKSUBSPACE_DATA"):
        fetch()


def test_a_given_folder_goes_before_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("SKSUBSPACE_DATA", str(tmp_path))
    write_orl(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(AssertionError, match="a download was tried"):
        fetch_orl(data_home=tmp_path / "empty")


def test_orl_is_the_olivetti_faces_at_half_the_size(monkeypatch, tmp_path):
    images = np.random.RandomState(0).rand(400, 64, 64).astype(np.float32)
    asked = {}

    def olivetti(**kwargs):
        asked.update(kwargs)
        return Bunch(images=images, target=np.repeat(np.arange(40), 10))

    monkeypatch.setattr(_fetch, "fetch_olivetti_faces", olivetti)
    faces = fetch_orl(data_home=tmp_path, download_if_missing=False)
    assert asked == {"data_home": tmp_path, "download_if_missing": False}
    assert_allclose(faces.images[3, 5, 7], images[3, 10:12, 14:16].mean(), rtol=1e-6)
    assert faces.data.shape == (400, 1024)
    assert faces.data.flags.c_contiguous
    assert "Olivetti" in faces.DESCR


def test_usps_of_openml_is_scaled_and_counted_from_zero(monkeypatch, tmp_path):
    data = np.random.RandomState(0).uniform(-1, 1, (20, 256))
    data[0, 0], data[1, 1] = -1, 1
    labels = np.array([str(1 + i % 10) for i in range(20)], dtype=object)

    def openml(**kwargs):
        assert kwargs["data_id"] == 41082
        return Bunch(data=data, target=labels)

    monkeypatch.setattr(_fetch, "fetch_openml", openml)
    digits = fetch_usps(data_home=tmp_path)
    assert_allclose(digits.data, (data + 1) / 2, atol=1e-6)
    assert_array_equal(digits.target, np.arange(20) % 10)
    assert digits.images.shape == (20, 16, 16)


def test_usps_that_is_missing_is_not_downloaded_where_that_is_not_wanted(tmp_path):
    with pytest.raises(OSError, match="USPS digits not found"):
        fetch_usps(data_home=tmp_path, download_if_missing=False)
