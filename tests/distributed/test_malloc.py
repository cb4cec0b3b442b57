"""Large tensors are made of memory that is there already."""

from __future__ import annotations

import subprocess
import sys

import pytest

from al_lightning.distributed.malloc import keep_large_blocks

COUNT = """
import resource, torch
from al_lightning.distributed.malloc import keep_large_blocks
def touched():
    x = torch.ones(12 << 20)  # 48 MB
    for _ in range(12):  # of the first few, some may still be new
        x * 2
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(5):
        x * 2
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
first = touched()
assert keep_large_blocks()
print(first, touched())
"""


@pytest.mark.slow
def test_a_freed_block_serves_the_next_of_its_size() -> None:
    if not keep_large_blocks():
        pytest.skip("this C library has no mallopt")
    run = subprocess.run([sys.executable, "-c", COUNT], capture_output=True, text=True, check=True)
    usual, kept = map(int, run.stdout.split())
    # Five times 48 MB are 61,440 pages of 4 KB.
    if usual < 50_000:
        pytest.skip("pages are large here")
    assert kept < usual / 2


def test_another_c_library_is_let_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ctypes.CDLL", lambda name: object())
    assert keep_large_blocks.__wrapped__() is False
