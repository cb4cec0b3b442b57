"""How long a run took: the seconds of its journal, by hand."""

from pathlib import Path

from al_lightning.results.durations import seconds_of
from al_lightning.runs.journal import CycleRecord, Run, RunRecord


def test_the_seconds_of_all_stages_of_all_cycles() -> None:
    first = CycleRecord(0, 0.1, 10, {}, [1], {"shared": 50, "test": 2, "score": 3, "select": 1, "processes": 4})
    last = CycleRecord(1, 0.2, 20, {}, [], {"fit": 100, "test": 2, "views": 1, "processes": 4})
    record = RunRecord("digits_random", 0, {}, 100)
    assert seconds_of(Run(Path(), record, [0], (first, last))) == 159
    assert seconds_of(Run(Path(), record, [0], ())) is None
    assert seconds_of(Run(Path(), record, [0], (CycleRecord(0, 0.1, 10, {}, []),))) is None
