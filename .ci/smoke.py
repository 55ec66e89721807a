"""What a new installation without extras has to do; run it outside of the source tree."""

import os
from importlib.metadata import files, metadata, version
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

import sksubspace

HERE = Path(__file__).resolve().parent


def main():
    """Raise an AssertionError that says what is wrong."""
    home = Path(sksubspace.__file__).resolve().parent
    assert home.parent.name == "site-packages", f"{home} is not the installed package"
    assert version("sksubspace") == sksubspace.__version__
    addresses = metadata("sksubspace").get_all("Project-URL") or []
    for name in ("Repository", "Documentation"):
        told = os.environ.get(f"SKSUBSPACE_{name.upper()}", "").rstrip("/")
        found = [one for one in addresses if one.startswith(f"{name}, ")]
        assert found == ([f"{name}, {told}"] if told else []), found
    named = {str(file) for file in files("sksubspace")}
    assert "sksubspace/py.typed" in named
    assert not any(name.startswith(("tests/", "benchmarks/", "docs/")) for name in named)
    for extra in ("matplotlib", "pandas", "skops"):
        assert find_spec(extra) is None, f"{extra} was installed without being asked for"

    X, y = load_digits(return_X_y=True)
    X, y = X[:300], y[:300]
    medal = sksubspace.MEDAL(teacher="pca", random_state=0).fit(X)
    assert medal.transform(X).shape == (300, 2)
    assert 0 < medal.loo_score_ < 1
    audit = sksubspace.audit_embedding(X, medal.embedding_, y=y, random_state=0)
    assert str(audit)
    labels = sksubspace.cluster.KSubspaces(n_clusters=10, random_state=0).fit_predict(X)
    assert len(np.unique(labels)) == 10
    try:
        sksubspace.save(medal, HERE / "model.skops")
    except ImportError as error:
        assert "sksubspace[cli]" in str(error)
    else:
        raise AssertionError("save must say which extra it needs")
    sksubspace.show_versions()


if __name__ == "__main__":
    main()
