"""A MEDAL as format 1 kept it: its parts under attributes of their own."""

from sksubspace._state import Recipe, from_state
from sksubspace._student import FeatureScale, FourierRidge, LatentScale, LinearEncoder, Student
from sksubspace._student._local import LocalEncoder
from sksubspace._student._networks import NetworkDecoder, NetworkEncoder


def is_former(state):
    """Whether the state of a fitted MEDAL is that of format 1."""
    return "_feature_scale" in state


def renewed(state, device):
    """Turn a state of format 1 into today's attributes; what was not kept then is None."""
    old = {name: state.pop(name) for name in _FORMER if name in state}
    scale = FeatureScale(**_without_kind(old["_feature_scale"]))
    built, n_components = old["_architecture"], state["n_components_"]
    encoder = _renewed_encoder(old["_encoder"], built, scale, n_components, device)
    decoder = _renewed_decoder(
        old["_decoder"], built, n_components, state["n_features_in_"], device
    )
    state["student_"] = Student(
        feature_scale=scale,
        latent_scale=LatentScale(**_without_kind(old["_latent_scale"])),
        mean=old["_input_mean"],
        components=old["_principal_components"],
        encoder=encoder,
        decoder=decoder,
        mean_decoder=None,
        line=None,
        sparse=old["_fitted_on_sparse"],
        seed=old["_shift_seed"],
    )
    none = {"groups_given_": False, "calibration_groups_": None, "group_names_": None}
    return state | none | {"n_copies_": 0}


_FORMER = (
    "_encoder",
    "_decoder",
    "_feature_scale",
    "_latent_scale",
    "_architecture",
    "_input_mean",
    "_principal_components",
    "_fitted_on_sparse",
    "_shift_seed",
)


def _without_kind(state):
    return {name: value for name, value in state.items() if name != "kind"}


def _renewed_encoder(state, built, scale, n_components, device):
    if state["kind"] == "Corrected":
        inner = _renewed_encoder(state["encoder"], built, scale, n_components, device)
        inner.exact, inner.rows_, inner.residuals_ = True, state["rows"], state["residuals"]
        return inner
    if state["kind"] == "LinearEncoder":
        fitted = {"coef_": state["coef"], "intercept_": state["intercept"]}
        return LinearEncoder.restored(exact=False, rows_=None, residuals_=None, **fitted)
    if state["kind"] == "LocalEncoder":
        weights = state["kernel"]
        arguments = {"mean": weights["standardize.mean"], "spread": 1.0}
        arguments["directions"] = weights.get("directions")
        return LocalEncoder.restored(
            n_neighbors=state["n_neighbors"],
            kernel_=_network("local_kernel", arguments, weights, device),
            rows_=state["rows"],
            keys_=state["keys"],
            places_=state["targets"],
            loss_curve_=[],
        )
    arguments = {"mean": scale.mean, "spread": scale.spread, "n_components": n_components}
    arguments |= {"module": built["encoder"], "hidden_layer_sizes": built["hidden_layer_sizes"]}
    return NetworkEncoder.restored(
        module=built["encoder"],
        hidden_layer_sizes=built["hidden_layer_sizes"],
        input_noise=0.5,
        exact=False,
        network_=_network("student_encoder", arguments, state["module"], device),
        rows_=None,
        residuals_=None,
        loss_curve_=[],
    )


def _renewed_decoder(state, built, n_components, n_features, device):
    if state["kind"] == "FourierRidge":
        fitted = {f"{name}_": value for name, value in _without_kind(state).items()}
        unfitted = FourierRidge().get_params()
        return FourierRidge.restored(**unfitted, **fitted)
    arguments = {"module": built["decoder"], "hidden_layer_sizes": built["hidden_layer_sizes"]}
    arguments |= {"n_components": n_components, "n_features": n_features}
    return NetworkDecoder.restored(
        module=built["decoder"],
        hidden_layer_sizes=built["hidden_layer_sizes"],
        network_=_network("student_decoder", arguments, state["module"], device),
        mean_=state["mean"],
        spread_=state["spread"],
        loss_curve_=[],
    )


def _network(factory, arguments, weights, device):
    state = {"format": 2, "kind": "Network", "recipe": Recipe(factory, arguments)}
    return from_state(state | {"weights": weights}, device)
