"""Fitted estimators in files that run no code when they are read."""

import json
import warnings
import zipfile
from inspect import isclass
from io import BytesIO
from pathlib import Path

import joblib
from sklearn.base import BaseEstimator, clone

import sksubspace
from sksubspace._archive import check_archive
from sksubspace._files import replace_file
from sksubspace._moved import former_names
from sksubspace._state import FORMAT, StateError, check_format
from sksubspace._typing import Estimator, PathLike

# what stands beside the model in the archive of skops: format, version, notes
_CARD = "sksubspace.json"
# of plain pickles, and of those compressed by zlib, gzip, bzip2, xz and lz4
_PICKLES = (
    b"\x80", b"x\x01", b"x^", b"x\x9c", b"x\xda", b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x04\x22M",
)  # fmt: skip
# plain data that imputers and searches hold; skops by itself trusts only estimators and arrays
_PLAIN = (
    "numpy.dtype",
    "scipy.sparse._csr.csr_matrix",
    "sklearn.metrics._scorer._PassthroughScorer",
    "sklearn.model_selection._split.GroupKFold",
    "sklearn.model_selection._split.KFold",
    "sklearn.model_selection._split.RepeatedKFold",
    "sklearn.model_selection._split.ShuffleSplit",
    "sklearn.model_selection._split.StratifiedKFold",
)


def save(estimator: Estimator, path: PathLike) -> Path:
    """Write a fitted estimator to a file that holds data only, in the format of skops.

    Parameters
    ----------
    estimator : estimator
        An estimator of this library, or one of scikit-learn that may hold some, such as a
        ``Pipeline``.

    path : str or os.PathLike
        Where it goes, usually ``*.skops``. A file that is already there is replaced in one step.

    Returns
    -------
    path : pathlib.Path
        The file.

    Raises
    ------
    TypeError
        If the estimator holds something that `load` would refuse, such as a module of the user.

    ImportError
        If skops is not installed.

    Warns
    -----
    UserWarning
        If a teacher of MEDAL, such as UMAP, cannot be stored this way. It is left out, as with
        ``keep_teacher=False``: the file maps, inverts and tests new rows as before, but has
        ``teacher_ = None``.

    See Also
    --------
    load : Reads the file.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from sklearn.datasets import load_iris
    >>> import sksubspace
    >>> X, _ = load_iris(return_X_y=True)
    >>> medal = sksubspace.MEDAL(teacher="pca", random_state=0).fit(X)
    >>> with TemporaryDirectory() as folder:
    ...     path = sksubspace.save(medal, Path(folder) / "iris.skops")
    ...     loaded = sksubspace.load(path)
    >>> bool((loaded.transform(X) == medal.transform(X)).all())
    True
    """
    return write_model(estimator, path)


def load(path: PathLike, *, trust_pickle: bool = False) -> Estimator:
    """Read an estimator, and refuse a file that could run code.

    Parameters
    ----------
    path : str or os.PathLike
        A file that `save` or `skops.io.dump` wrote.

    trust_pickle : bool, default=False
        Whether a pickle or joblib file is read too. Such a file runs whatever code its author put
        into it.

    Returns
    -------
    estimator : estimator
        As it was saved.

    Raises
    ------
    ValueError
        If the file is not a model, is damaged, holds types or parts other than those of this
        library and what skops trusts (estimators of scikit-learn, arrays), would take more than
        64 MB and a hundred times its size in memory, is a pickle, or has a newer format than this
        version of the library reads. Files of older versions are read.

    OSError
        If it cannot be read.

    ImportError
        If skops is not installed.

    See Also
    --------
    save : Writes the file.

    Examples
    --------
    >>> import pickle
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> import sksubspace
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "model.pkl"
    ...     _ = path.write_bytes(pickle.dumps(sksubspace.MEDAL()))
    ...     sksubspace.load(path)
    Traceback (most recent call last):
    ValueError: ...model.pkl is a pickle, which can run any code when it is read. ...
    """
    return read_model(path, trust_pickle=trust_pickle)[0]


def write_model(estimator, path, notes=None):
    """Write an estimator and a dict of plain values about it; see `save`."""
    skops_io = _import_skops()
    left_out = []
    storable = _storable(estimator, left_out, {})
    for name in left_out:
        warnings.warn(
            f"The teacher {name} cannot be stored safely and is left out of {path}; mapping, "
            "inverting and testing new rows do not need it.",
            UserWarning,
            stacklevel=3,
        )
    buffer = BytesIO()
    try:
        skops_io.dump(storable, buffer, compression=zipfile.ZIP_DEFLATED, compresslevel=1)
    except Exception as error:
        raise TypeError(f"{_refusal(estimator)} ({error})") from error
    _, foreign = _types_beside(skops_io, buffer.getvalue())
    if foreign:
        raise TypeError(f"{_refusal(estimator)} It holds {', '.join(foreign)}.")
    card = {"format": FORMAT, "sksubspace": sksubspace.__version__, "notes": notes or {}}
    with zipfile.ZipFile(buffer, "a", compression=zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(_CARD, json.dumps(card))
    return replace_file(path, buffer.getbuffer())


def read_model(path, *, trust_pickle=False):
    """Return an estimator and the dict that `write_model` put beside it; see `load`."""
    path = Path(path)
    with path.open("rb") as file:
        start = file.read(8)
    if not zipfile.is_zipfile(path):
        return _read_pickle(path, start, trust_pickle), {}
    skops_io = _import_skops()
    content = path.read_bytes()
    card = foreign = None
    try:
        card = _read_card(content)
        trusted, foreign = _types_beside(skops_io, content) if card else ([], None)
        if foreign == []:
            return skops_io.loads(content, trusted=trusted), card["notes"]
    except MemoryError:
        raise
    except StateError as error:
        raise ValueError(f"{path}: {error}") from error
    except Exception as error:  # a damaged archive may raise anything
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise ValueError(f"{path} is a damaged model file ({reason}). Save it again.") from error
    if card is None:
        raise ValueError(f"{path} is not a model file; models are written by sksubspace.save.")
    raise ValueError(
        f"{path} holds types that are not trusted: {', '.join(foreign)}; the estimators of "
        "sksubspace and scikit-learn, arrays and plain values are. If you know its author, read it "
        "with skops.io.load, which lets you name them."
    )


def _import_skops():
    try:
        import skops.io
    except ImportError as error:
        raise ImportError(
            'Model files need skops; install it with: pip install "sksubspace[cli]"'
        ) from error
    return skops.io


def _refusal(estimator):
    return (
        f"This {type(estimator).__name__} cannot be stored in a file that holds data only; "
        "use joblib.dump, and sksubspace.load(path, trust_pickle=True)."
    )


def _types_beside(skops_io, content):  # -> trusted, foreign
    """Types of a file beside what skops trusts: plain ones and public estimators here, and others.

    The folders that the names speak of are looked at first, so that a map loads without the rest of
    the library; a class that is public elsewhere than where it lives is found in the second round.
    """
    found = {*skops_io.get_untrusted_types(data=content)}
    foreign = found - {*_PLAIN}
    named = {name.split(".")[1] for name in foreign if name.startswith("sksubspace.")}
    for names in (named.intersection(sksubspace.__all__), sksubspace.__all__):
        if foreign:
            foreign = foreign - {*_own_estimators(names)}
    return sorted(found - foreign), sorted(foreign)


def _own_estimators(names):
    """Names of public estimators, present and former, under public names of the library."""
    for value in _public_values(names):
        if isclass(value) and issubclass(value, BaseEstimator):
            yield from (f"{value.__module__}.{value.__qualname__}", *former_names(value))


def _public_values(names):
    for name in names:
        value = getattr(sksubspace, name)
        yield value
        yield from (getattr(value, inner) for inner in getattr(value, "__all__", ()))


def _storable(value, left_out, seen):
    """Copy estimators, and the containers that hold them, without unsafe teachers or callbacks."""
    if id(value) in seen:
        return seen[id(value)]
    if type(value) in (list, tuple):
        return type(value)(_storable(item, left_out, seen) for item in value)
    if type(value) is dict:
        return {key: _storable(item, left_out, seen) for key, item in value.items()}
    if not isinstance(value, BaseEstimator):
        return value
    copy = seen[id(value)] = object.__new__(type(value))
    state = {name: item for name, item in vars(value).items() if name != "_skl_callbacks"}
    if isinstance(value, sksubspace.MEDAL):
        state = _without_unsafe_teacher(state, left_out)
    copy.__dict__.update({name: _storable(item, left_out, seen) for name, item in state.items()})
    return copy


def _without_unsafe_teacher(state, left_out):
    for teacher in (state["teacher"], state.get("teacher_")):
        if isinstance(teacher, str | None) or _is_safe(teacher):
            continue
        name = type(teacher).__name__
        if name not in left_out:
            left_out.append(name)
        fitted = {"teacher_": None} if "teacher_" in state else {}
        unset = {} if "teacher_" in state else {"teacher": "precomputed"}
        return {**state, **fitted, **unset, "keep_teacher": False}
    return state


def _is_safe(teacher):
    """Whether a teacher can be written and read as data; first unfitted, which is cheap."""
    skops_io = _import_skops()
    try:
        return not any(
            _types_beside(skops_io, skops_io.dumps(part))[1]
            for part in (clone(teacher, safe=False), teacher)
        )
    except Exception:  # skops raises what the object's own methods raise
        return False


def _read_card(content):
    """Return what stands beside the model, its format checked; a bare skops file has nothing.

    None if there is no model. A ValueError if the arrays are not what the archive says.
    """
    with zipfile.ZipFile(BytesIO(content)) as archive:
        names = set(archive.namelist())
        if "schema.json" not in names:
            return None
        check_archive(content)
        check_archive(content, [*_files_in(json.loads(archive.read("schema.json")))])
        if _CARD not in names:
            return {"notes": {}}
        card = json.loads(archive.read(_CARD))
    version, notes = str(card["sksubspace"]), dict(card["notes"])
    check_format(card.get("format"), f"This file, written by sksubspace {version},")
    return {"notes": notes}


def _files_in(node):
    """Yield the files of arrays that a schema of skops asks for, each as often as it does."""
    values = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    if isinstance(node, dict) and isinstance(node.get("file"), str):
        yield node["file"]
    for value in values:
        yield from _files_in(value)


def _read_pickle(path, start, trust_pickle):
    if not start.startswith(_PICKLES):
        raise ValueError(f"{path} is not a model file; models are written by sksubspace.save.")
    if not trust_pickle:
        raise ValueError(
            f"{path} is a pickle, which can run any code when it is read. If you made it yourself "
            "or know its author, allow that with trust_pickle=True; better, sksubspace.save it."
        )
    try:
        return joblib.load(path)
    except Exception as error:  # a broken pickle may raise anything
        raise ValueError(f"{path} is a damaged pickle: {error!r}.") from error
