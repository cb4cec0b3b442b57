"""Agreement of two batches, and what chance gives."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from al_lightning.inspect.overlap import overlap, overlap_of_runs
from al_lightning.runs.journal import Run, RunRecord
from tests.support.reported_runs import a_run

quick = settings(max_examples=60, deadline=None)


def test_overlap_by_hand() -> None:
    found = overlap([1, 2, 3, 4], [3, 4, 5], 12, 12, 12)
    assert (found.first, found.second, found.common) == (4, 3, 2)
    assert found.share == 2 / 4
    assert found.jaccard == 2 / 5
    assert found.expected == 1  # 4 x 3 / 12
    assert found.expected_share == 1 / 4
    # 4 x 3 x 8 x 9 / (12 x 12 x 11)
    assert found.deviation == pytest.approx(math.sqrt(864 / 1584))
    nothing = overlap([], [], 3, 3, 3)
    assert (nothing.share, nothing.jaccard, nothing.expected, nothing.deviation) == (0, 0, 0, 0)


@quick
@given(st.integers(1, 5), st.integers(1, 5), st.integers(0, 2), st.integers(0, 5), st.integers(0, 5))
def test_chance_by_counting(size: int, other: int, apart: int, first: int, second: int) -> None:
    here, there = range(size), range(apart, apart + other)
    first, second = min(first, size), min(second, other)
    common = [len(set(a) & set(b)) for a in combinations(here, first) for b in combinations(there, second)]
    found = overlap(here[:first], there[:second], size, other, len(set(here) & set(there)))
    assert found.expected == pytest.approx(np.mean(common))
    assert found.deviation == pytest.approx(np.std(common), abs=1e-7)


def test_runs_are_compared_at_equal_budgets() -> None:
    one = a_run("s_random", 0, (1, 2, 3), [[1, 18], [7, 23]])
    two = a_run("s_entropy", 0, (1, 2, 3), [[18, 2], [1, 5]])
    first, both = overlap_of_runs(one, two, 1), overlap_of_runs(one, two, 2)
    assert first is not None
    assert both is not None
    assert (first.common, first.first, first.expected) == (1, 2, pytest.approx(2 * 2 / 22))
    assert (both.common, both.first, both.expected) == (2, 4, pytest.approx(4 * 4 / 22))
    assert overlap_of_runs(one, two, 3) is None
    assert overlap_of_runs(one, a_run("s_entropy", 0, (1, 2, 3), [[18], [1, 5]]), 2) is None
    assert overlap_of_runs(one, a_run("s_entropy", 0, (1,), []), 1) is None
    # Another seed begins from other labels: 24 - 2 - 2 images could be chosen by both.
    apart = Run(two.directory, RunRecord("s_random", 1, {"of": "s"}, 24), [3, 4], two.cycles[:2])
    found = overlap_of_runs(one, apart, 1)
    assert found is not None
    assert found.expected == pytest.approx(20 * (2 / 22) ** 2)
    assert found == overlap(one.cycles[0].chosen, apart.cycles[0].chosen, 22, 22, 20)
