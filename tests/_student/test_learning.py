import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sksubspace import MEDAL
from sksubspace._student import FourierRidge, MedianEncoder
from tests._student.toy import curve

pytestmark = [
    pytest.mark.filterwarnings("ignore:calibration='loo' needs"),
    pytest.mark.filterwarnings("ignore:A precomputed embedding"),
]

X, Z = curve(100)


def fit(**params):
    params = {"hidden_layer_sizes": (16,), "max_iter": 3, "random_state": 0, **params}
    return MEDAL("precomputed", **params).fit(X, embedding=Z)


@pytest.mark.parametrize(
    ("encoder", "decoder"),
    [
        ("median", "ridge"),
        ("local", "ridge"),
        ("linear", "ridge"),
        ("mlp", "ridge"),
        ("local", "mlp"),
        ("mlp", "mlp"),
    ],
)
def test_every_pair_of_parts_makes_a_map(encoder, decoder):
    medal = fit(encoder=encoder, decoder=decoder, max_iter=60)
    assert (medal.encoder_name_, medal.decoder_name_) == (encoder, decoder)
    assert medal.score(curve(100, seed=1)[0]) > 0.6
    has_loo = encoder != "mlp" and decoder == "ridge"
    assert (medal.loo_score_ is not None) == has_loo
    assert (medal.loo_distortion_ is not None) == has_loo
    assert medal.calibration_ == ("loo" if has_loo else "holdout")


def test_encoder_and_decoder_are_separate_problems():
    """The decoder sees the teacher's coordinates, so the encoder does not change it."""
    grid = np.random.RandomState(0).randn(20, 2)
    shared = {"encoder": "mlp", "decoder": "ridge"}
    quick, slow = (fit(max_iter=n, **shared).inverse_transform(grid) for n in (1, 30))
    assert_allclose(quick, slow, atol=0.1)


def test_losses_are_those_of_the_network_trained_last():
    decoder = fit(encoder="local", decoder="mlp", max_iter=4)
    assert len(decoder.loss_curve_) == 4
    assert fit(encoder="mlp", decoder="ridge").loss_curve_ != decoder.loss_curve_[:3]
    assert len(fit(strategy="joint").loss_curve_) == 3


def test_auto_epochs_follow_from_the_rows():
    """As many steps as the budget says, but no row is seen too often."""
    medal = fit(encoder="local", max_iter="auto")
    assert medal.n_iter_ == 40
    fewer = fit(encoder="local", max_iter="auto", batch_size=10)
    assert fewer.n_iter_ < 40


def test_a_ridge_behind_a_network_is_chosen_at_places_of_the_median(monkeypatch):
    """Not at the teacher's own coordinates, where it would be fooled."""
    seen = {}
    original = FourierRidge.fit

    def spy(self, Z, Z_out, X, forget):
        seen.update(Z=Z, Z_out=Z_out, X=X)
        return original(self, Z, Z_out, X, forget)

    monkeypatch.setattr(FourierRidge, "fit", spy)
    fit(encoder="mlp", decoder="ridge")
    assert_array_equal(seen["Z_out"], MedianEncoder().fit(seen["X"], seen["Z"]).left_out())


def test_match_weight_and_noise_reach_the_training():
    plain = fit(encoder="mlp", exact=None).transform(X)
    assert not np.allclose(fit(encoder="mlp", exact=None, input_noise=2.0).transform(X), plain)
    assert_array_equal(fit(encoder="mlp", exact=None, match_weight=3.0).transform(X), plain)
    joint = fit(strategy="joint", exact=None).transform(X)
    assert not np.allclose(fit(strategy="joint", exact=None, match_weight=0.01).transform(X), joint)
