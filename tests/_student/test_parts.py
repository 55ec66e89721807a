"""Parts as objects: scikit-learn's conventions, files, and parts that others wrote."""

import pickle

import joblib
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, clone
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from sksubspace import MEDAL
from sksubspace.decoding import FourierRidge, NetworkDecoder
from sksubspace.encoding import LinearEncoder, LocalEncoder, MedianEncoder, NetworkEncoder
from sksubspace.metrics import embedding_score
from tests._student.toy import curve

pytestmark = pytest.mark.filterwarnings("ignore:A precomputed embedding")

X, Z = curve(100)
X_new = curve(40, seed=1)[0]
Z = np.sin(3 * Z)

PARTS = {
    "median": {"encoder": MedianEncoder(6)},
    "linear": {"encoder": LinearEncoder()},
    "bare": {"encoder": LinearEncoder(exact=False)},
    "local": {"encoder": LocalEncoder(5)},
    "ridge": {"decoder": FourierRidge(50)},
    "fixed ridge": {"decoder": FourierRidge(30, scale=4.0, penalty=0.1)},
    "networks": {
        "encoder": NetworkEncoder(hidden_layer_sizes=(8,)),
        "decoder": NetworkDecoder(hidden_layer_sizes=(8,)),
        "calibration": "holdout",
    },
}
with_parts = pytest.mark.parametrize("params", PARTS.values(), ids=PARTS)


def medal_of(**params):
    return MEDAL("precomputed", **{"max_iter": 2, "random_state": 0} | params)


def fit(**params):
    return medal_of(**params).fit(X, embedding=Z)


@with_parts
def test_parts_are_cloned_and_can_be_cloned(params):
    medal = fit(**params)
    for role in ("encoder", "decoder"):
        given = params.get(role)
        if given is not None:
            used = getattr(medal.student_, role)
            assert used is not given and type(used) is type(given)
            assert not [name for name in vars(given) if name.endswith("_")]
            assert clone(given).get_params() == given.get_params()
    again = clone(medal).fit(X, embedding=Z)
    assert_array_equal(again.transform(X_new), medal.transform(X_new))
    assert_array_equal(again.reconstruct(X_new), medal.reconstruct(X_new))


@with_parts
@pytest.mark.parametrize("form", ["pickle", "joblib", "skops"])
def test_fitted_parts_are_saved(params, form, tmp_path):
    medal = fit(**params)
    if form == "pickle":
        loaded = pickle.loads(pickle.dumps(medal))
    elif form == "joblib":
        joblib.dump(medal, tmp_path / "medal.joblib")
        loaded = joblib.load(tmp_path / "medal.joblib")
    else:
        pytest.importorskip("skops.io")
        import sksubspace

        loaded = sksubspace.load(sksubspace.save(medal, tmp_path / "medal.skops"))
    assert_array_equal(loaded.transform(X_new), medal.transform(X_new))
    assert_array_equal(loaded.reconstruct(X_new), medal.reconstruct(X_new))
    for (name, value), other in zip(
        medal.score_readings(X_new).items(), loaded.score_readings(X_new).values(), strict=True
    ):
        assert_array_equal(value, other, name)
    assert loaded.loo_score_ == medal.loo_score_


def test_parts_by_name_are_these_objects():
    for name, part in [("median", MedianEncoder()), ("linear", LinearEncoder())]:
        named, given = fit(encoder=name), fit(encoder=part)
        assert named.encoder_name_ == given.encoder_name_ == name
        assert_array_equal(named.transform(X_new), given.transform(X_new))
        assert named.loo_score_ == given.loo_score_
    assert fit(decoder="ridge").loo_score_ == fit(decoder=FourierRidge()).loo_score_


def test_parameters_of_parts_are_parameters_of_medal():
    medal = medal_of(encoder=MedianEncoder(), decoder=FourierRidge())
    medal.set_params(decoder__n_frequencies=50, encoder__n_neighbors=4)
    assert medal.get_params()["decoder__n_frequencies"] == 50
    medal.fit(X, embedding=Z)
    assert medal.student_.decoder.frequencies_.shape == (2, 50)
    assert_array_equal(medal.transform(X_new), fit(encoder=MedianEncoder(4)).transform(X_new))


def test_a_seed_of_a_part_is_kept_and_an_unset_one_drawn():
    own = [fit(decoder=FourierRidge(20, random_state=7), random_state=s) for s in (0, 1)]
    drawn = [fit(decoder=FourierRidge(20), random_state=s) for s in (0, 0, 1)]
    frequencies = [m.student_.decoder.frequencies_ for m in (*own, *drawn)]
    assert_array_equal(frequencies[0], frequencies[1])
    assert_array_equal(frequencies[2], frequencies[3])
    assert not np.array_equal(frequencies[2], frequencies[4])


def test_a_search_over_parameters_of_a_part():
    medal = MEDAL(PCA(2), decoder=FourierRidge(), random_state=0)
    pipeline = Pipeline([("scale", StandardScaler()), ("medal", medal)])
    grid = {"medal__decoder__n_frequencies": [0, 30]}
    search = GridSearchCV(pipeline, grid, cv=2, error_score="raise").fit(X)
    assert search.best_params_ == {"medal__decoder__n_frequencies": 30}
    by_part = {"medal__encoder": [MedianEncoder(), LinearEncoder()]}
    search = GridSearchCV(pipeline, by_part, cv=2, error_score="raise").fit(X)
    assert isinstance(search.best_params_["medal__encoder"], LinearEncoder)


# --- parts of others ------------------------------------------------------------------------------


class NearestPlaces(BaseEstimator):
    """A decoder of another package: the mean of the rows at the nearest places."""

    def __init__(self, n_neighbors=5):
        self.n_neighbors = n_neighbors

    def fit(self, Z, Z_out, X, forget):
        self.model_ = KNeighborsRegressor(self.n_neighbors).fit(Z, X)
        return self

    def predict(self, Z):
        return self.model_.predict(Z)


class NearestPlacesLeftOut(NearestPlaces):
    """And one that can leave rows out."""

    def fit(self, Z, Z_out, X, forget):
        self.Z_, self.X_ = Z, X
        return super().fit(Z, Z_out, X, forget)

    def left_out(self, at, forget):
        found = []
        for i, place in enumerate(at):
            apart = np.square(self.Z_ - place).sum(axis=1)
            apart[forget[i]] = np.inf
            found.append(self.X_[np.argsort(apart)[: self.n_neighbors]].mean(axis=0))
        return np.array(found)


class NearestRow(BaseEstimator):
    """An encoder of another package."""

    def fit(self, X, Z, groups):
        self.X_, self.Z_, self.groups_ = X, Z, groups
        return self

    def predict(self, X):
        apart = np.square(X[:, None] - self.X_[None]).sum(axis=2)
        return self.Z_[apart.argmin(axis=1)]


class NearestRowLeftOut(NearestRow):
    def left_out(self):
        apart = np.square(self.X_[:, None] - self.X_[None]).sum(axis=2)
        apart[self.groups_[:, None] == self.groups_[None]] = np.inf
        return self.Z_[apart.argmin(axis=1)]


def test_a_decoder_that_leaves_rows_out_is_scored_by_them():
    medal = fit(encoder="median", decoder=NearestPlacesLeftOut())
    assert medal.decoder_name_ == "NearestPlacesLeftOut"
    assert medal.calibration_ == "loo"
    encoder = MedianEncoder().fit(X, Z)
    at, errors = encoder.left_out(), []
    for i in range(100):
        others = np.arange(100) != i
        apart = np.square(at[i] - Z).sum(axis=1)
        door = np.flatnonzero(others)[apart[others].argmin()]
        kept = np.setdiff1d(np.arange(100), [i, door])
        near = kept[np.argsort(apart[kept])[:5]]
        errors.append(np.square(X[i] - X[near].mean(axis=0)).sum())
    expected = 1 - np.sum(errors) / np.square(X - X.mean(axis=0)).sum()
    assert medal.loo_score_ == pytest.approx(expected, abs=1e-6)
    back = KNeighborsRegressor(5).fit(medal.embedding_, X).predict(medal.transform(X_new))
    assert_allclose(medal.reconstruct(X_new), back)
    assert np.isfinite(list(medal.score_readings(X_new).values())).all()


def test_an_encoder_that_leaves_rows_out_is_scored_by_them():
    groups = np.arange(100) // 4
    medal = medal_of(encoder=NearestRowLeftOut()).fit(X, embedding=Z, groups=groups)
    assert (medal.encoder_name_, medal.calibration_) == ("NearestRowLeftOut", "loo")
    apart = np.square(X[:, None] - X[None]).sum(axis=2)
    apart[groups[:, None] == groups[None]] = np.inf
    assert_allclose(medal.calibration_embedding_, Z[apart.argmin(axis=1)])
    assert list(medal.encoder_scores_) == ["NearestRowLeftOut"]
    assert np.isnan(medal.continuous_)  # it has no mean places
    assert np.isfinite(medal.global_share_)


@pytest.mark.parametrize(
    "params", [{"decoder": NearestPlaces()}, {"encoder": NearestRow()}], ids=["decoder", "encoder"]
)
def test_parts_that_leave_no_rows_out_are_calibrated_by_rows_held_out(params):
    with pytest.warns(UserWarning, match="calibration='loo' needs .* Nearest|'Nearest"):
        medal = fit(**params)
    assert (medal.calibration_, medal.loo_score_) == ("holdout", None)
    error = np.square(X_new - medal.reconstruct(X_new)).sum()
    total = np.square(X_new - medal.student_.mean).sum()
    assert medal.score(X_new) == pytest.approx(1 - error / total, abs=1e-12)
    assert medal.pvalue(X_new).min() > 0
    with pytest.raises(ValueError, match=r"student must have .* leave-one-out form, got encoder="):
        embedding_score(X, Z, student=medal_of(**params))


def test_parts_of_others_score_maps_too():
    for params in ({"decoder": NearestPlacesLeftOut()}, {"encoder": NearestRowLeftOut()}):
        score = embedding_score(X, Z, student=medal_of(**params))
        assert score.r2 == pytest.approx(fit(**params).loo_score_, abs=1e-12)


def test_parts_of_others_are_searched_over():
    medal = MEDAL(PCA(2), decoder=NearestPlacesLeftOut(), random_state=0)
    search = GridSearchCV(medal, {"decoder__n_neighbors": [1, 8]}, cv=2, error_score="raise")
    assert search.fit(X).best_params_ == {"decoder__n_neighbors": 8}


class Unreturned(NearestPlacesLeftOut):
    """Whose fit returns nothing, as some do."""

    def fit(self, Z, Z_out, X, forget):
        super().fit(Z, Z_out, X, forget)


def test_a_fit_that_returns_nothing_is_understood():
    assert fit(decoder=Unreturned()).loo_score_ == fit(decoder=NearestPlacesLeftOut()).loo_score_


class Narrow(NearestPlacesLeftOut):
    def predict(self, Z):
        return super().predict(Z)[:, :3]


class NarrowLeftOut(NearestPlacesLeftOut):
    def left_out(self, at, forget):
        return super().left_out(at, forget)[:, :3]


class Flat(NearestRowLeftOut):
    def predict(self, X):
        return super().predict(X)[:, 0]


class Short(NearestRowLeftOut):
    def left_out(self):
        return super().left_out()[:-1]


class NoPredict:
    def fit(self, *args):
        return self


BAD = {
    "no predict": ({"decoder": NoPredict()}, "'decoder' .*'fit' and 'predict'|'decoder' .*predict"),
    "class": ({"decoder": FourierRidge}, "decoder must be an object .*got the class FourierRidge"),
    "encoder class": ({"encoder": MedianEncoder}, "encoder must be .*got the class MedianEncoder"),
    "fitted": (
        {"encoder": MedianEncoder().fit(X, Z)},
        "encoder must be an unfitted object .*got a MedianEncoder that has rows_",
    ),
    "predict of the decoder": (
        {"decoder": Narrow()},
        r"decoder: Narrow.predict\(Z\[:2\]\) must have shape \(2, 5\), got \(2, 3\)",
    ),
    "left_out of the decoder": (
        {"decoder": NarrowLeftOut()},
        r"decoder: NarrowLeftOut.left_out\(at, forget\) must have shape \(100, 5\), got",
    ),
    "predict of the encoder": (
        {"encoder": Flat()},
        r"encoder: Flat.predict\(X\[:2\]\) must have shape \(2, 2\), got \(2,\)",
    ),
    "left_out of the encoder": (
        {"encoder": Short()},
        r"encoder: Short.left_out\(\) must have shape \(100, 2\), got \(99, 2\)",
    ),
}


@pytest.mark.parametrize(("params", "message"), BAD.values(), ids=BAD)
def test_bad_parts_are_named_with_what_they_need(params, message):
    with pytest.raises((ValueError, TypeError), match=message):
        fit(**params)


@pytest.mark.parametrize("value", [0, True, "ten"])
def test_bad_parameters_of_parts_are_named(value):
    with pytest.raises(ValueError, match="n_neighbors must be a whole number of at least 1, got"):
        fit(encoder=MedianEncoder(value))
    with pytest.raises(ValueError, match="max_samples must be a whole number of at least 4, got"):
        fit(decoder=FourierRidge(max_samples=value))


def test_an_unfitted_map_with_parts_says_so():
    with pytest.raises(NotFittedError):
        medal_of(decoder=FourierRidge()).transform(X)
