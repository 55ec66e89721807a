"""Checkpoints: the state of a training in a folder, and how an interrupted one goes on."""

import hashlib
from io import BytesIO
from pathlib import Path

import numpy as np
import torch

from sksubspace._files import replace_file

from .persistence import module_to_arrays
from .random import _LAYERS_THAT_DRAW

__all__ = [
    "Checkpoint",
    "KeptState",
    "fingerprint",
    "generator_states",
    "open_checkpoint",
    "restore_generators",
]

# of the file; raised when what it holds changes
_FORMAT = 1
# a run may go on in another folder and on another device
_NOT_PART_OF_A_RUN = {"checkpoint", "device"}
# bytes that are hashed at a time, since a memory map is read in blocks
_BLOCK = 2**24


class Checkpoint:
    """The file of a run, under a name of its own: many runs may share a folder.

    Parameters
    ----------
    folder : str or os.PathLike
        Where the file is; made if it does not exist.
    run : str
        Fingerprint of the parameters and of the data.
    random_state : numpy.random.RandomState
        Set to where the unfinished run began, if there is one.

    Raises
    ------
    ValueError
        If the file of the run is none that this class wrote.
    OSError
        If the folder cannot be made, or the file not be read.
    """

    def __init__(self, folder, run, random_state):
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"checkpoint-{run[:16]}.pt"
        self.run = run
        self._state = None
        found = self._read()
        if found is not None:
            self._state = found["state"]
            random_state.set_state(_from_tensor(found["random_state"]))
        self._random_state = _to_tensor(random_state.get_state())

    def load(self):
        """State of the unfinished run, or None."""
        return self._state

    def save(self, state):
        """Write a state, in one step."""
        content = {"format": _FORMAT, "run": self.run, "state": state}
        buffer = BytesIO()
        torch.save({**content, "random_state": self._random_state}, buffer)
        replace_file(self.path, buffer.getbuffer())

    def finish(self):
        """Say that the run is over: its file goes."""
        self.path.unlink(missing_ok=True)

    def _read(self):
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return None
        try:
            found = torch.load(BytesIO(content), map_location="cpu", weights_only=True)
            known = found["format"] == _FORMAT and found["run"] == self.run
            known = known and {"state", "random_state"} <= found.keys()
        except Exception as error:  # a file of anything may raise anything
            raise ValueError(f"{self._refusal()}: {_one_line(error)}") from error
        if not known:
            raise ValueError(f"{self._refusal()}: it holds something else.")
        return found

    def _refusal(self):
        return f"checkpoint: {self.path} is no checkpoint of this fit; delete it to begin anew"


def _one_line(error):
    return repr(error).splitlines()[0]


class KeptState:
    """The state of a training between two calls of `partial_fit`, without the weights."""

    def __init__(self, objective, state):
        self.objective = objective
        self.state = state

    def load(self):
        """State to go on from, or None."""
        if self.state is None:
            return None
        return {**_mapped(_as_tensor, self.state), "module": self.objective.state_dict()}

    def save(self, state):
        """Keep a copy of the state as arrays and plain values."""
        self.state = _mapped(_as_array, {k: v for k, v in state.items() if k != "module"})


def open_checkpoint(params, X, random_state):
    """The checkpoint that the parameter of that name asks for, or None."""
    if params.checkpoint is None:
        return None
    return Checkpoint(params.checkpoint, fingerprint(params, X), random_state)


def fingerprint(params, X):
    """Hash of an estimator's class and parameters and of the data.

    The device and the folder are left out: a run may go on elsewhere.
    """
    digest = hashlib.sha256(type(params).__qualname__.encode())
    for name, value in sorted(params.get_params(deep=False).items()):
        if name not in _NOT_PART_OF_A_RUN:
            digest.update(f"\n{name}=".encode())
            _add_value(digest, value)
    digest.update(f"\n{X.dtype.name}{X.shape}".encode())
    rows = max(1, _BLOCK // max(1, X[0].nbytes))
    for start in range(0, len(X), rows):
        digest.update(np.ascontiguousarray(X[start : start + rows]).data)
    return digest.hexdigest()


def _add_value(digest, value):
    if isinstance(value, torch.nn.Module):
        digest.update(repr(value).encode())
        value = sorted(module_to_arrays(value).items())
        for name, array in value:
            digest.update(name.encode() + array.tobytes())
    elif isinstance(value, np.random.RandomState):
        digest.update(_to_tensor(value.get_state()).numpy().tobytes())
    else:
        value = value.item() if isinstance(value, np.generic) else value
        value = tuple(int(v) for v in value) if isinstance(value, list | np.ndarray) else value
        digest.update(repr(value).encode())


def _to_tensor(state):
    """State of a RandomState: 624 words, the position, and half a pair of normal numbers."""
    _, words, position, has_half, half = state
    half = np.array([half]).view(np.int64)
    return torch.from_numpy(np.r_[words.astype(np.int64), position, has_half, half])


def _from_tensor(state):
    state = state.numpy()
    half = state[626:].view(np.float64)[0]
    return "MT19937", state[:624].astype(np.uint32), int(state[624]), int(state[625]), float(half)


def _mapped(function, value):
    if isinstance(value, dict):
        return {key: _mapped(function, item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_mapped(function, item) for item in value]
    return function(value)


def _as_array(value):
    return value.detach().cpu().numpy().copy() if isinstance(value, torch.Tensor) else value


def _as_tensor(value):
    return torch.from_numpy(np.array(value)) if isinstance(value, np.ndarray) else value


def generator_states(objective, generator):  # -> list of Tensor
    """States of the generators of a training, in an order that `restore_generators` knows.

    They are the one of the order of the rows, those that are attributes of the objective's modules,
    and torch's global ones if it holds a layer, such as dropout, that can draw from nowhere else.
    """
    states = [own.get_state() for own in _generators(objective, generator)]
    if _draws_globally(objective):
        states.append(torch.get_rng_state())
        states += torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    return states


def restore_generators(objective, generator, states):
    """Set the generators to what `generator_states` returned for an objective of the same kind."""
    states = [state.cpu() for state in states]
    own = _generators(objective, generator)
    for each, state in zip(own, states, strict=False):
        each.set_state(state)
    if _draws_globally(objective):
        torch.set_rng_state(states[len(own)])
        if torch.cuda.is_available():
            torch.cuda.set_rng_state_all(states[len(own) + 1 :])


def _generators(objective, generator):
    values = (value for part in objective.modules() for value in vars(part).values())
    return [generator, *(value for value in values if isinstance(value, torch.Generator))]


def _draws_globally(objective):
    return any(isinstance(part, _LAYERS_THAT_DRAW) for part in objective.modules())
