"""The training of an autoencoder: its objective, the rows it holds out, and its trainer."""

import math
from dataclasses import replace

import numpy as np
from torch import nn

from sksubspace._torch.device import as_rows, resolve_device
from sksubspace._torch.trainer import Budget, Trainer

__all__ = ["Reconstruction", "fit_networks", "make_trainer", "unexplained"]

BUDGET = Budget(n_steps=1, max_epochs=1, weight_decay=0.0)


def unexplained(reconstruction, x):  # (b, d), (b, d) -> ()
    """1 - R2 of standardised rows, whose variance is 1 on average over the features.

    A reconstruction in half precision, as mixed precision makes it, is compared in that of x.
    """
    return (reconstruction.to(x.dtype) - x).square().mean()


class Reconstruction(nn.Module):
    """mean ||x - g(f(x))||^2 / d of standardised rows x."""

    def __init__(self, standardize, encoder, decoder):
        super().__init__()
        self.standardize = standardize
        self.encoder = encoder
        self.decoder = decoder

    def forward(self, batch):  # ((b, d),) -> ()
        """Share of the variance of a batch that is lost."""
        x = self.standardize(batch[0])
        return unexplained(self.decoder(self.encoder(x)), x)


def make_trainer(params, dtype, random_state, context):
    """What the networks are trained with; mixed precision is a matter of single precision."""
    return Trainer(
        learning_rate=params.learning_rate,
        batch_size=params.batch_size,
        max_iter=params.max_iter,
        device=resolve_device(params.device),
        dtype=np.dtype(np.float32 if params.autocast else dtype),
        random_state=random_state,
        estimator=params,
        stage=context,
    )


def fit_networks(objective, X, trainer, *, validation_fraction, **options):
    """Train an objective in place.

    Parameters
    ----------
    objective : torch.nn.Module
        Loss of a batch of rows.

    X : ndarray of shape (n_samples, n_features)
        All rows.

    trainer : sksubspace._torch.trainer.Trainer
        How to train. Its batches are evened out, so that none is much smaller than the others.

    validation_fraction : float
        Share of rows that are held out; 0 holds out none.

    **options : dict
        Options of `sksubspace._torch.training.train`.

    Returns
    -------
    log : TrainingLog
        Losses of the training.
    """
    fitted, held = split_rows(len(X), validation_fraction, trainer.random_state)
    trainer = replace(trainer, batch_size=even_batch_size(len(fitted), trainer.batch_size))
    if len(held):
        options["validation_data"] = (_rows(X, held, trainer),)
    return trainer.fit(objective, (_rows(X, fitted, trainer),), BUDGET, "networks", **options)


def split_rows(n_samples, validation_fraction, random_state):  # -> (n_fitted,), (n_held,)
    """Rows to fit on, at least one, and rows to hold out."""
    n_held = min(math.ceil(validation_fraction * n_samples), n_samples - 1)
    order = random_state.permutation(n_samples)
    return np.sort(order[n_held:]), np.sort(order[:n_held])


def even_batch_size(n_rows, batch_size):
    """Rows of a batch if as many batches share the rows as evenly as can be."""
    return math.ceil(n_rows / math.ceil(n_rows / batch_size))


def _rows(X, index, trainer):
    return as_rows(X[index].astype(trainer.dtype, copy=False), trainer.device)
