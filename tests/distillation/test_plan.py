import numpy as np
import pytest
from torch import nn

from sksubspace import MEDAL
from sksubspace.distillation._plan import make_plan

Z = np.zeros((3, 2))
NEEDS_HOLDOUT = "calibration='loo' needs an encoder and a decoder with a leave-one-out form"


def plan_of(**params):
    return make_plan(MEDAL(**params), None)


@pytest.mark.parametrize(
    ("params", "encoders", "decoder"),
    [
        ({}, ("linear", "local"), "ridge"),
        ({"encoder": "local", "decoder": "ridge"}, ("local",), "ridge"),
        ({"encoder": "linear"}, ("linear",), "ridge"),
    ],
)
def test_closed_forms_are_calibrated_by_leave_one_out(params, encoders, decoder):
    plan = plan_of(**params)
    assert (plan.encoders, plan.decoder, plan.calibration) == (encoders, decoder, "loo")
    assert plan.closed_encoder and not plan.joint
    assert plan_of(**params, calibration="holdout").calibration == "holdout"


@pytest.mark.parametrize(
    ("params", "encoders", "decoder"),
    [
        ({"encoder": "mlp"}, ("mlp",), "ridge"),
        ({"decoder": "mlp"}, ("linear", "local"), "mlp"),
        ({"encoder": nn.Linear(2, 2)}, ("module",), "ridge"),
        ({"decoder": nn.Linear(2, 2)}, ("linear", "local"), "module"),
        ({"strategy": "joint"}, ("mlp",), "mlp"),
        ({"strategy": "joint", "encoder": nn.Linear(2, 2)}, ("module",), "mlp"),
        ({"strategy": "joint", "decoder": nn.Linear(2, 2)}, ("mlp",), "module"),
    ],
)
def test_networks_fall_back_to_rows_held_out_and_say_so(params, encoders, decoder):
    with pytest.warns(UserWarning, match=NEEDS_HOLDOUT):
        plan = plan_of(**params)
    assert (plan.encoders, plan.decoder, plan.calibration) == (encoders, decoder, "holdout")
    assert plan.joint == (params.get("strategy") == "joint")


def test_who_asks_for_holdout_is_not_warned(recwarn):
    plan_of(encoder="mlp", calibration="holdout")
    assert len(recwarn) == 0


@pytest.mark.parametrize(
    ("part", "value"), [("encoder", "local"), ("encoder", "linear"), ("decoder", "ridge")]
)
def test_joint_training_is_of_networks(part, value):
    with pytest.raises(ValueError, match=f"strategy='joint' .*{part} must be .*got '{value}'"):
        plan_of(strategy="joint", **{part: value})


def test_embedding_and_precomputed_belong_together():
    with pytest.raises(ValueError, match="needs fit\\(X, embedding=Z\\), got embedding=None"):
        make_plan(MEDAL("precomputed"), None)
    with pytest.raises(ValueError, match="only used with teacher='precomputed', got teacher='pca'"):
        make_plan(MEDAL("pca"), Z)
    with pytest.warns(UserWarning, match="optimistic"):
        make_plan(MEDAL("precomputed"), Z)


@pytest.mark.parametrize(
    ("n_samples", "fraction", "n_held"),
    [(100, 0.1, 10), (101, 0.1, 11), (2, 0.1, 0), (3, 0.1, 1), (10, 0.99, 8)],
)
def test_split_holds_out_a_fraction_and_leaves_two(n_samples, fraction, n_held):
    plan = plan_of(calibration="holdout", validation_fraction=fraction)
    fitted, held = plan.split(n_samples, np.random.RandomState(0))
    assert len(held) == n_held
    np.testing.assert_array_equal(np.sort(np.append(fitted, held)), np.arange(n_samples))
    assert (np.diff(fitted) > 0).all() and (np.diff(held) > 0).all()


def test_leave_one_out_holds_nothing_out():
    fitted, held = plan_of().split(7, np.random.RandomState(0))
    assert (fitted.tolist(), held.tolist()) == (list(range(7)), [])
