"""k-center greedy against the plain algorithm: the same rows and the same distances, to the last bit."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from al_lightning.acquisition.functional import k_center
from al_lightning.acquisition.functional.k_center import k_center_greedy
from al_lightning.errors import ALError, UsageError
from tests.support.errors import raises
from tests.support.plain_k_center import plain

often = settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))


KINDS = {
    "normal": lambda x, g: x,
    "float64": lambda x, g: x.double() * 1e-200,
    "half": lambda x, g: x.bfloat16(),
    "clusters": lambda x, g: torch.randn(5, x.shape[1], generator=g)[torch.arange(len(x)) % 5] + 0.01 * x,
    "duplicates": lambda x, g: x[torch.randint(0, max(1, len(x) // 5), (len(x),), generator=g)],
    "grid": lambda x, g: x.round(),
    "a line": lambda x, g: torch.arange(len(x)).float()[:, None].expand(x.shape).contiguous(),
    "all equal": lambda x, g: torch.ones_like(x),
    "offset": lambda x, g: 1e6 + x,
    "offset in float64": lambda x, g: 1e9 + x.double(),
    "two far": lambda x, g: x + 1e5 * (torch.arange(len(x)) % 2)[:, None],
    "tiny": lambda x, g: x * 1e-30,
    "denormal": lambda x, g: x * 1e-43,
    "huge": lambda x, g: x * 1e36,
    "all scales": lambda x, g: x * 10.0 ** torch.randn(len(x), 1, generator=g).mul(6).clamp(-20, 20),
}


@st.composite
def problems(draw):
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**31)))
    size, width = draw(st.sampled_from([1, 2, 3, 20, 100])), draw(st.sampled_from([1, 2, 3, 17, 64]))
    features = KINDS[draw(st.sampled_from(list(KINDS)))](torch.randn(size, width, generator=generator), generator)
    labelled = torch.rand(size, generator=generator) < draw(st.sampled_from([0, 0.05, 0.5, 0.9]))
    free = int((~labelled).sum())
    return features, labelled, draw(st.sampled_from([free, free // 3, min(free, 2)]))


@given(problems(), st.sampled_from([1, 4, 64]), st.sampled_from([1, 5, 512]), st.sampled_from([300, 1 << 21]))
@often
@example((torch.tensor([[3.0]]), torch.tensor([False]), 1), 1, 1, 300)
@example((torch.zeros(0, 3), torch.zeros(0, dtype=torch.bool), 0), 1, 1, 300)
def test_the_same_rows_and_distances_as_the_plain_algorithm(problem, front, block, room):
    features, labelled, count = problem
    with pytest.MonkeyPatch.context() as patch:  # small, so that few rows have many fronts, blocks and parts
        patch.setattr(k_center, "WIDTH", front)
        patch.setattr(k_center, "BLOCK", block)
        patch.setattr(k_center, "ROOM", room)
        assert k_center_greedy(features, labelled, count) == plain(features, labelled, count)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("known", [0, 700])
def test_the_same_with_the_sizes_that_are_in_force(kind, known):
    generator = torch.Generator().manual_seed(0)
    features = KINDS[kind](torch.randn(2500, 24, generator=generator), generator)
    labelled = torch.zeros(2500, dtype=torch.bool)
    labelled[torch.randperm(2500, generator=generator)[:known]] = True
    assert k_center_greedy(features, labelled, 150) == plain(features, labelled, 150)


def test_a_near_tie_is_decided_in_float64():
    # Both are 4096 away to float32, and to a product of norms by far; the second is the farther.
    points = torch.tensor([[1e4, 1e4], [1e4 + 4096, 1e4], [1e4 + 4096, 1e4 + 0.5]])
    assert k_center_greedy(points, torch.tensor([True, False, False]), 1)[0] == [2]


def test_most_pairs_are_never_compared(monkeypatch):
    compared = []
    real = k_center._Front._compare

    def counted(front, places, block):
        compared.append(len(places) * len(block))
        return real(front, places, block)

    monkeypatch.setattr(k_center._Front, "_compare", counted)
    features = torch.randn(20_000, 16, generator=torch.Generator().manual_seed(0))
    labelled = torch.arange(20_000) < 4000
    k_center_greedy(features, labelled, 300)
    assert 0 < sum(compared) < 0.3 * 20_000 * 4300


def test_low_precision_that_a_user_asked_for_does_not_reach_the_products():
    torch.set_float32_matmul_precision("medium")
    try:
        features = torch.randn(3000, 32, generator=torch.Generator().manual_seed(0))
        labelled = torch.arange(3000) < 50
        assert k_center_greedy(features, labelled, 50) == plain(features, labelled, 50)
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision("highest")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_named_by_its_row(value):
    features = torch.zeros(10, 4)
    features[7, 2] = value
    with raises(ALError, "Row 7"):
        k_center_greedy(features, torch.zeros(10, dtype=torch.bool), 2)


def test_more_rows_than_there_are_is_a_sentence():
    with raises(UsageError, "3 rows", "only 2"):
        k_center_greedy(torch.zeros(3, 1), torch.tensor([True, False, False]), 3)


MEMORY = """
import re, sys
from pathlib import Path
import torch
from al_lightning.acquisition.functional.k_center import k_center_greedy

def peak():  # not by getrusage: a process begins with the peak of the one that started it
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024

torch.set_num_threads(1)
labelled = torch.arange(int(sys.argv[1])) < 1000
k_center_greedy(torch.randn(3000, 256), torch.arange(3000) < 100, 20)  # what is taken once, whatever the size
features = torch.randn(len(labelled), 256)
before = peak()
k_center_greedy(features, labelled, 50)
print(peak() - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="a process's peak is read from /proc")
def test_no_second_copy_of_the_features():
    # 60,000 x 256: 61 MB in float32, 123 MB in float64.
    run = subprocess.run(
        [sys.executable, "-c", MEMORY, "60000"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert 0 < float(run.stdout) < 80, "MB beside the features"


def test_k_center_greedy_on_a_line_by_hand():
    # 0 is labelled. Farthest is 10; then 3 and 7 both lie 3 away and the lower row goes first; then 7; then 1.
    points = torch.tensor([[0.0], [1.0], [3.0], [7.0], [10.0]])
    rows, distances = k_center_greedy(points, torch.tensor([True, False, False, False, False]), 4)
    assert rows == [4, 2, 3, 1]
    assert distances == [10.0, 3.0, 3.0, 1.0]


def test_k_center_greedy_with_nothing_labelled_begins_with_row_0():
    rows, distances = k_center_greedy(torch.tensor([[5.0], [6.0], [0.0]]), torch.zeros(3, dtype=torch.bool), 3)
    assert rows == [0, 2, 1]
    assert distances == [math.inf, 5.0, 1.0]


def test_k_center_greedy_changes_none_of_its_inputs():
    points, labelled = torch.tensor([[0.0], [1.0], [2.0]]), torch.tensor([True, False, False])
    k_center_greedy(points, labelled, 2)
    assert labelled.tolist() == [True, False, False]
    assert points.tolist() == [[0.0], [1.0], [2.0]]
