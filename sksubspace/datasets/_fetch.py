"""Real data: from a folder of the user, else from their public homes."""

import os
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from sklearn.datasets import fetch_olivetti_faces, fetch_openml
from sklearn.utils import Bunch

from sksubspace._typing import PathLike


def fetch_orl(*, data_home: PathLike | None = None, download_if_missing: bool = True) -> Bunch:
    """Load the ORL faces: 40 people, ten pictures each.

    Parameters
    ----------
    data_home : str, path-like or None, default=None
        Folder where ``orl.npz`` is looked for, and where scikit-learn keeps what it downloads. None
        looks in the folder that the environment variable ``SKSUBSPACE_DATA`` names, and downloads
        to scikit-learn's own.

    download_if_missing : bool, default=True
        Whether to download what is not there; else an OSError is raised.

    Returns
    -------
    faces : Bunch
        With ``data``, ndarray of shape (400, 1024), float32 in [0, 1]; ``images``, the same of
        shape (400, 32, 32); ``target``, ndarray of shape (400,), the person from 0 to 39; and
        ``DESCR``, where they come from.

    Raises
    ------
    OSError
        If the data are not there and `download_if_missing` is False.

    See Also
    --------
    sklearn.datasets.fetch_olivetti_faces : The same pictures in 64 x 64 pixels.

    Notes
    -----
    The ORL faces are the Olivetti faces of scikit-learn, which compares what it downloads with a
    checksum. Each pixel here is the mean of 2 x 2 pixels there. A file ``orl.npz`` holds the arrays
    ``X`` of shape (400, 1024) from 0 to 255, pixels column by column as in the 32 x 32 version that
    the literature on subspace clustering uses, and ``y``. The two versions are cropped and scaled
    differently, so results on them differ.

    References
    ----------
    .. [1] F. S. Samaria and A. C. Harter, "Parameterisation of a stochastic model for human face
       identification", IEEE Workshop on Applications of Computer Vision (1994),
       https://doi.org/10.1109/ACV.1994.341300
    """
    path = _local_file("orl.npz", data_home)
    if path is not None:
        with np.load(path) as file:
            columns = file["X"].reshape(-1, 32, 32) / np.float32(255)
            return _pictures(columns.transpose(0, 2, 1), file["y"], f"ORL faces, from {path.name}")
    with _told_where("orl.npz"):
        faces = fetch_olivetti_faces(data_home=data_home, download_if_missing=download_if_missing)
    images = faces.images.reshape(-1, 32, 2, 32, 2).mean(axis=(2, 4))
    return _pictures(images, faces.target, "ORL faces, from the Olivetti faces of scikit-learn")


def fetch_usps(*, data_home: PathLike | None = None, download_if_missing: bool = True) -> Bunch:
    """Load the USPS handwritten digits.

    Parameters
    ----------
    data_home : str, path-like or None, default=None
        Folder where ``usps.npz`` is looked for, and where scikit-learn keeps what it downloads.
        None looks in the folder that the environment variable ``SKSUBSPACE_DATA`` names, and
        downloads to scikit-learn's own.

    download_if_missing : bool, default=True
        Whether to download what is not there; else an OSError is raised.

    Returns
    -------
    digits : Bunch
        With ``data``, ndarray of shape (9298, 256), float32 in [0, 1], bright strokes on black;
        ``images``, the same of shape (9298, 16, 16); ``target``, ndarray of shape (9298,), the
        digit; and ``DESCR``, where they come from.

    Raises
    ------
    OSError
        If the data are not there and `download_if_missing` is False.

    See Also
    --------
    sklearn.datasets.load_digits : Digits of 8 x 8 pixels, which need no download.

    Notes
    -----
    Downloaded from OpenML (data set 41082), which scikit-learn compares with a checksum. A file
    ``usps.npz`` holds the arrays ``X_train``, ``y_train``, ``X_test`` and ``y_test`` of the
    official split of 7,291 and 2,007 rows, which come in this order. The order of OpenML's rows is
    its own.

    References
    ----------
    .. [1] J. J. Hull, "A database for handwritten text recognition research", IEEE Transactions on
       Pattern Analysis and Machine Intelligence 16 (1994), https://doi.org/10.1109/34.291440
    """
    path = _local_file("usps.npz", data_home)
    if path is not None:
        with np.load(path) as file:
            data = np.concatenate([file["X_train"], file["X_test"]])
            target = np.concatenate([file["y_train"], file["y_test"]])
        return _usps(data, target, f"USPS digits, from {path.name}")
    if not download_if_missing:
        raise OSError("USPS digits not found, and download_if_missing is False.")
    with _told_where("usps.npz"):
        digits = fetch_openml(
            data_id=41082, as_frame=False, data_home=data_home, parser="liac-arff"
        )
    return _usps(digits.data, digits.target, "USPS digits, from OpenML data set 41082")


def _local_file(name, data_home):
    """Path of a file in `data_home` or the folder SKSUBSPACE_DATA, or None."""
    folder = os.environ.get("SKSUBSPACE_DATA") if data_home is None else data_home
    path = None if folder is None else Path(folder).expanduser() / name
    return path if path is not None and path.is_file() else None


@contextmanager
def _told_where(name):
    """Say with an error of a download which file does without it."""
    try:
        yield
    except OSError as error:  # URLError is one
        raise OSError(
            f"{error}. Where there is no connection, put {name} into a folder, and give "
            "it as data_home or in the environment variable SKSUBSPACE_DATA."
        ) from error


def _usps(data, target, description):
    """Scale to [0, 1], whatever the range was, and count classes from 0."""
    data = np.asarray(data, dtype=np.float32)
    data = (data - data.min()) / (data.max() - data.min())
    target = np.asarray(target).astype(np.intp)
    return _pictures(data.reshape(-1, 16, 16), target - target.min(), description)


def _pictures(images, target, description):
    images = np.ascontiguousarray(images, dtype=np.float32)
    return Bunch(
        data=images.reshape(len(images), -1),
        images=images,
        target=np.asarray(target).astype(np.intp),
        DESCR=description,
    )
