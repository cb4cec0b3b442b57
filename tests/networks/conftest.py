"""One thread and one seed for every test of networks."""

import pytest
import torch


@pytest.fixture(autouse=True)
def _seed_and_one_thread():
    # On images this small, threads only wait for each other: beside other jobs one is 30 times faster than two.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)
