"""Edit a concept behind an autoencoder."""

import numpy as np

from sksubspace._typing import ArrayLike, Estimator, Floats, Matrix

__all__ = ["edit"]


def edit(
    autoencoder: Estimator,
    eraser: Estimator,
    X: Matrix,
    concept: ArrayLike,
    *,
    strength: float = 1.0,
) -> Floats:
    """Show what rows would look like with another value of a concept, behind an autoencoder.

    Codes of the rows are shifted by a `ConceptEraser` that was fitted on codes, and decoded.
    Nothing is trained anew.

    Parameters
    ----------
    autoencoder : estimator
        Fitted, with ``transform`` and ``inverse_transform``, such as
        :class:`~sksubspace.Autoencoder` or :class:`sklearn.decomposition.PCA`.

    eraser : ConceptEraser
        Fitted on ``autoencoder.transform`` of training rows and their concept.

    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Rows; their present concept need not be known.

    concept : scalar or array-like of shape (n_samples,) or (n_samples, n_concepts)
        The value wanted, for all rows or for each.

    strength : float, default=1.0
        How far, where 1 is the mean of the rows that have the value.

    Returns
    -------
    X_new : ndarray of shape (n_samples, n_features)
        Decoded rows.

    Raises
    ------
    ValueError
        If the concept has a value that the eraser has not seen, or `strength` is not finite.

    Notes
    -----
    That is ``autoencoder.inverse_transform(eraser.shift(autoencoder.transform(X), concept))``.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.decomposition import PCA
    >>> from sksubspace.erasure import ConceptEraser, edit
    >>> X, y = load_digits(return_X_y=True)
    >>> pca = PCA(20, random_state=0).fit(X)
    >>> eraser = ConceptEraser().fit(pca.transform(X), y)
    >>> edit(pca, eraser, X[:5], 3).shape
    (5, 64)
    """
    codes = eraser.shift(autoencoder.transform(X), concept, strength=strength)
    return np.asarray(autoencoder.inverse_transform(codes))
