from threading import Event, Thread

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_info, threadpool_limits

from sksubspace._threads import SMALL_FLOPS, kept_threads, small_work


def counts():
    np.ones((2, 2)) @ np.ones((2, 2))
    pools = {info["filepath"]: info["num_threads"] for info in threadpool_info()}
    return torch.get_num_threads(), pools


@pytest.fixture(autouse=True)
def two_threads():
    former = torch.get_num_threads()
    with threadpool_limits(2):
        torch.set_num_threads(2)
        yield
    torch.set_num_threads(former)


def test_small_work_has_one_thread_and_gives_the_others_back():
    before = counts()
    assert before[0] == 2
    with small_work(SMALL_FLOPS / 2):
        n_torch, pools = counts()
        assert n_torch == 1 and set(pools.values()) == {1}
    assert counts() == before


@pytest.mark.parametrize(("flops", "device"), [(SMALL_FLOPS, "cpu"), (1, "cuda")])
def test_large_work_and_work_elsewhere_keep_their_threads(flops, device):
    before = counts()
    with small_work(flops, device):
        assert counts() == before


def test_threads_come_back_after_an_error():
    before = counts()
    with pytest.raises(ZeroDivisionError), small_work(1):
        1 / 0  # noqa: B018
    assert counts() == before


def test_nested_work_stays_on_one_thread():
    before = counts()
    with small_work(1), small_work(1):
        assert counts()[0] == 1
    assert counts() == before


def test_overlapping_work_of_two_python_threads_restores_what_was_before():
    """The one that comes first leaves first, so neither saw the other's beginning and end."""
    before = counts()
    first_inside, second_inside = Event(), Event()

    def first():
        with small_work(1):
            first_inside.set()
            second_inside.wait(10)

    def second():
        first_inside.wait(10)
        with small_work(1):
            second_inside.set()
            threads[0].join(10)

    threads = [Thread(target=first), Thread(target=second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert first_inside.is_set() and second_inside.is_set()
    assert counts() == before

    seen = []
    late = Thread(target=lambda: seen.append(torch.get_num_threads()))
    late.start()
    late.join(10)
    assert seen == [2]


def test_threads_are_kept_whatever_happens_inside():
    before = torch.get_num_threads()
    with pytest.raises(ZeroDivisionError), kept_threads():
        torch.set_num_threads(before + 1)
        1 / 0  # noqa: B018
    assert torch.get_num_threads() == before
