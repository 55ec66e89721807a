"""States of all the generators that a training draws from."""

import torch

from .random import _LAYERS_THAT_DRAW

__all__ = ["generator_states", "restore_generators"]


def generator_states(objective, generator):
    """States of the generators of a training.

    Parameters
    ----------
    objective : torch.nn.Module
        Its own generators are the attributes of its modules that are one. Torch's global ones are
        among them if it holds a layer, such as dropout, that can draw from nowhere else.
    generator : torch.Generator
        Decides the order of the rows.

    Returns
    -------
    list of Tensor
        In an order that `restore_generators` knows.
    """
    states = [own.get_state() for own in _generators(objective, generator)]
    if _draws_globally(objective):
        states.append(torch.get_rng_state())
        states += torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    return states


def restore_generators(objective, generator, states):
    """Set the generators to what `generator_states` returned for an objective of the same kind.

    Parameters
    ----------
    objective : torch.nn.Module
        As for `generator_states`.
    generator : torch.Generator
        As for `generator_states`.
    states : list of Tensor
        What it returned.
    """
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
