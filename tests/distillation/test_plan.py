import numpy as np
import pytest
from torch import nn

from sksubspace import MEDAL
from sksubspace._student._student import part_name
from sksubspace.distillation._plan import make_plan

X, Z = np.arange(200.0).reshape(100, 2), np.zeros((3, 2))
NEEDS_HOLDOUT = "calibration='loo' needs an encoder and a decoder with a leave-one-out form"


def plan_of(**params):
    return make_plan(MEDAL(**params), None)


def names(plan):
    return tuple(map(part_name, plan.student.encoders)), part_name(plan.student.decoder)


@pytest.mark.parametrize(
    ("params", "encoders", "decoder"),
    [
        ({}, ("linear", "median"), "ridge"),
        ({"encoder": "median", "decoder": "ridge"}, ("median",), "ridge"),
        ({"encoder": "local"}, ("local",), "ridge"),
        ({"encoder": "linear"}, ("linear",), "ridge"),
    ],
)
def test_closed_forms_are_calibrated_by_leave_one_out(params, encoders, decoder):
    plan = plan_of(**params)
    assert (*names(plan), plan.calibration) == (encoders, decoder, "loo")
    assert plan.student.has_left_out and plan.student.match_weight is None
    assert plan_of(**params, calibration="holdout").calibration == "holdout"


@pytest.mark.parametrize(
    ("params", "encoders", "decoder"),
    [
        ({"encoder": "mlp"}, ("mlp",), "ridge"),
        ({"decoder": "mlp"}, ("linear", "median"), "mlp"),
        ({"encoder": nn.Linear(2, 2)}, ("module",), "ridge"),
        ({"decoder": nn.Linear(2, 2)}, ("linear", "median"), "module"),
        ({"strategy": "joint"}, ("mlp",), "mlp"),
        ({"strategy": "joint", "encoder": nn.Linear(2, 2)}, ("module",), "mlp"),
        ({"strategy": "joint", "decoder": nn.Linear(2, 2)}, ("mlp",), "module"),
    ],
)
def test_networks_fall_back_to_rows_held_out_and_say_so(params, encoders, decoder):
    with pytest.warns(UserWarning, match=NEEDS_HOLDOUT):
        plan = plan_of(**params)
    assert (*names(plan), plan.calibration) == (encoders, decoder, "holdout")
    assert not plan.student.has_left_out
    assert (plan.student.match_weight is not None) == (params.get("strategy") == "joint")


def test_parameters_reach_the_parts():
    student = plan_of(n_neighbors=7, exact=None, scale="feature").student
    line, median = student.encoders
    assert (line.exact, median.n_neighbors, student.scale) == (False, 7, "feature")
    params = {"hidden_layer_sizes": [8, 4], "input_noise": 0.1, "calibration": "holdout"}
    student = plan_of(encoder="mlp", decoder="mlp", **params).student
    assert student.encoders[0].get_params() == {
        "module": None,
        "hidden_layer_sizes": (8, 4),
        "input_noise": 0.1,
        "exact": True,
    }
    assert student.decoder.hidden_layer_sizes == (8, 4)


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
    [(100, 0.1, 10), (99, 0.1, 10), (2, 0.1, 0), (3, 0.1, 1), (10, 0.99, 8)],
)
def test_split_holds_out_a_fraction_and_leaves_two(n_samples, fraction, n_held):
    plan = plan_of(calibration="holdout", validation_fraction=fraction)
    fitted, held = plan.split(X[:n_samples], None, np.random.RandomState(0))
    assert len(held) == n_held
    np.testing.assert_array_equal(np.sort(np.append(fitted, held)), np.arange(n_samples))
    assert (np.diff(fitted) > 0).all() and (np.diff(held) > 0).all()


@pytest.mark.parametrize("equal", [False, True], ids=["given", "equal rows"])
def test_split_holds_out_whole_groups(equal):
    groups = np.random.RandomState(0).randint(0, 25, 100)
    rows = np.stack([groups, -groups], axis=1).astype(float) if equal else X
    plan = plan_of(calibration="holdout", validation_fraction=0.3)
    fitted, held = plan.split(rows, None if equal else groups, np.random.RandomState(1))
    assert 20 <= len(held) <= 30
    assert not set(groups[fitted]) & set(groups[held])


def test_leave_one_out_holds_nothing_out():
    fitted, held = plan_of().split(X[:7], None, np.random.RandomState(0))
    assert (fitted.tolist(), held.tolist()) == (list(range(7)), [])
