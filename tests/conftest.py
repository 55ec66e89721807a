"""What every test shares: no window, no chance, and no GPU test where there is no GPU."""

import os

import pytest

os.environ.setdefault("MPLBACKEND", "Agg")
# worker processes get as many BLAS threads as this one, so that sums are rounded alike
for library in ("OMP", "OPENBLAS", "MKL"):
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")


@pytest.fixture(autouse=True)
def the_same_modules():
    """Let the weights of modules that a test builds not depend on which tests ran before it."""
    import torch

    with torch.random.fork_rng(devices=[]):
        # torch.manual_seed also keeps a traceback for each device that may yet come
        torch.default_generator.manual_seed(0)
        yield


def pytest_collection_modifyitems(items):
    on_gpu = [item for item in items if item.get_closest_marker("gpu")]
    if on_gpu and not _has_cuda():
        for item in on_gpu:
            item.add_marker(pytest.mark.skip(reason="needs a CUDA device"))


def _has_cuda():
    import torch

    return torch.cuda.is_available()
