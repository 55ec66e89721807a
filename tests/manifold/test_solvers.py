"""From moments to maps: what the solvers share, and what they warn of."""

import warnings
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from sksubspace._linalg import fixed_signs
from sksubspace.manifold import _smoothing
from sksubspace.manifold._smoothing import (
    smoothing_map,
    smoothing_parameters,
    solve_spectral,
    solve_twin_loss,
    warn_of_collapse,
)
from sksubspace.metrics import subspace_distance

CORRELATIONS = np.array([0.9, 0.8, 0.7, 0.6, 0.1, 0.05, 0.02, 0.0])


def parameters(**changed):
    chosen = {
        "encoder": "linear",
        "smoothing": 1.5,
        "metric_power": 0.25,
        "shrinkage": 0.1,
        "pca_components": None,
        "redundancy": None,
        "max_iter": "auto",
        "tol": 1e-9,
    }
    return SimpleNamespace(**{**chosen, **changed})


def moments(seed=0):
    """S and G with known correlations; the directions of large ones have small variance."""
    A = np.linalg.qr(np.random.RandomState(seed).randn(8, 8))[0]
    A = A * np.sqrt(np.arange(1.0, 9.0))
    return A @ A.T, (A * CORRELATIONS) @ A.T


S, G = moments()


@pytest.mark.parametrize("pca_components", [None, 5])
def test_spectral_is_the_closed_form(pca_components):
    params = parameters(pca_components=pca_components)
    found, losses = solve_spectral(params, S, G, 3)
    expected = smoothing_map(S, G, 3, n_leading=pca_components, **smoothing_parameters(params))
    assert_allclose(found.components, expected.components, rtol=1e-10)
    assert losses == []


def test_parameters_of_the_closed_form():
    found = smoothing_parameters(parameters(smoothing=3.0))
    assert found == {"smoothing": 3.0, "metric_power": 0.25, "shrinkage": 0.1}


@pytest.mark.parametrize("pca_components", [None, 6])
def test_lbfgs_maps_into_the_span_of_the_encoder(monkeypatch, pca_components):
    spans = []

    def recorded(S, G, *args, **kwargs):
        spans.append(minimize_twin_loss(S, G, *args, **kwargs)[0])
        return spans[-1], [2.0, 1.0], 2

    minimize_twin_loss = _smoothing.minimize_twin_loss
    monkeypatch.setattr(_smoothing, "minimize_twin_loss", recorded)
    found, losses = solve_twin_loss(parameters(pca_components=pca_components), S, G, 3)
    leading = np.linalg.eigh(S)[1][:, ::-1][:, :pca_components]
    assert losses == [2.0, 1.0]
    assert subspace_distance(found.components.T, fixed_signs(leading.T).T @ spans[0]) < 1e-6
    Z = found.components @ S @ found.components.T
    assert_allclose(Z, np.diag(found.explained_variance), atol=1e-10)


def test_lbfgs_picks_what_neighbours_share_and_not_what_varies():
    found, losses = solve_twin_loss(parameters(shrinkage=0.0), S, G, 4)
    shared = np.linalg.solve(S, G)
    values, vectors = np.linalg.eig(shared)
    top = vectors[:, np.argsort(-values.real)[:4]].real
    assert subspace_distance(found.components.T, top) < 0.2
    assert (np.diff(losses) <= 1e-9).all()


def test_lbfgs_finds_no_more_outputs_than_directions():
    A = np.vstack([np.eye(8), np.zeros((3, 8))])
    found, _ = solve_twin_loss(parameters(), A @ S @ A.T, A @ G @ A.T, 11)
    assert found.components.shape[1] == 11 and len(found.components) <= 8
    assert np.isfinite(found.components).all()


def test_a_collapse_is_told():
    same = np.ones((8, 1)) @ np.ones((1, 6)) + 1e-6 * np.random.RandomState(0).randn(8, 6)
    with pytest.warns(UserWarning, match=r"effective rank of 1\.0 of 6; a larger redundancy"):
        warn_of_collapse(same, S)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_collapse(np.eye(8)[:, :6], np.eye(8))


def test_too_little_redundancy_collapses_and_the_default_does_not():
    with pytest.warns(UserWarning, match="collapsed"):
        solve_twin_loss(parameters(redundancy=0.0), S, G, 5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found, _ = solve_twin_loss(parameters(), S, G, 5)
    assert len(found.components) == 5
