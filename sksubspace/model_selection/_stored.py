"""Results in files that hold numbers and text only, and are looked at before they are believed.

A result is made of plain values, arrays, lists, tuples, dicts and parts that `sksubspace._state`
knows. A file is an .npz of its arrays and of JSON for all the rest; nothing in it is run.
"""

import json
from io import BytesIO

import numpy as np

from sksubspace._archive import check_archive
from sksubspace._files import replace_file
from sksubspace._state import from_state, to_state

__all__ = ["read_result", "write_result"]

# of the file; raised when what it holds changes
_FORMAT = 1
_PLAIN = (bool, int, float, str, type(None))


def write_result(path, label, result):
    """Write a result and the label by which `read_result` knows it, in one step.

    A TypeError if it holds something else than numbers, text and arrays of them. An OSError names
    the file.
    """
    arrays = []
    told = {"format": _FORMAT, "label": label, "result": _encoded(result, arrays)}
    parts = {f"a{i}": array for i, array in enumerate(arrays)}
    buffer = BytesIO()
    text = np.frombuffer(json.dumps(told).encode(), dtype=np.uint8)
    np.savez(buffer, allow_pickle=False, json=text, **parts)
    replace_file(path, buffer.getbuffer())


def read_result(path, label):
    """Return the result of a file. A ValueError if it is damaged, or none of this label."""
    try:
        content = path.read_bytes()
        check_archive(content)
        with np.load(BytesIO(content), allow_pickle=False) as archive:
            told = json.loads(archive["json"].tobytes())
            if (told["format"], told["label"]) != (_FORMAT, label):
                raise ValueError("it is the file of something else")
            return _decoded(told["result"], archive)
    except (FileNotFoundError, MemoryError):
        raise
    except Exception as error:  # a file of anything may raise anything
        raise ValueError(" ".join(f"{type(error).__name__}: {error}".split())) from error


def _encoded(value, arrays):
    """Plain values and lists as they are, else a dict of one key that says what it is."""
    if isinstance(value, np.generic):
        value = value.item()
    if type(value) in _PLAIN:
        return value
    if isinstance(value, np.ndarray) and not value.dtype.hasobject:
        arrays.append(np.asarray(value))
        return {"array": len(arrays) - 1}
    if type(value) in (list, tuple):
        items = [_encoded(item, arrays) for item in value]
        return items if type(value) is list else {"tuple": items}
    if type(value) is dict and all(type(key) is str for key in value):
        return {"dict": {key: _encoded(item, arrays) for key, item in value.items()}}
    return {"part": _encoded(to_state(value), arrays)}


def _decoded(value, arrays):
    if type(value) is list:
        return [_decoded(item, arrays) for item in value]
    if type(value) is not dict:
        return value
    ((what, content),) = value.items()
    if what == "array":
        return arrays[f"a{int(content)}"]
    if what == "part":
        return from_state(_decoded(content, arrays))
    if what == "dict":
        return {key: _decoded(item, arrays) for key, item in content.items()}
    if what == "tuple":
        return tuple(_decoded(item, arrays) for item in content)
    raise ValueError(f"it holds an unknown {what!r}")
