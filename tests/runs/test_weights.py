"""A cycle counts once its network was tested."""

from pathlib import Path

from al_lightning.runs.journal import RunRecord, read_run
from al_lightning.runs.store import RunStore
from al_lightning.runs.weights import with_tested


def test_a_cycle_that_waits_for_labels_counts_once_it_was_tested(here: Path) -> None:
    store = RunStore(here)
    store.begin(RunRecord("n", 0, {}, 100, "d"))
    store.label_initial([4, 5])
    assert with_tested(read_run(here)).cycles == ()
    store.save_metrics(0, {"accuracy": 0.25})
    assert with_tested(read_run(here)).cycles == ()  # its weights are not there yet
    store.member_dir(0, 0).mkdir(parents=True)
    (store.member_dir(0, 0) / "weights.pt").touch()
    (tested,) = with_tested(read_run(here)).cycles
    assert (tested.cycle, tested.labelled, tested.metrics, tested.budget) == (0, 2, {"accuracy": 0.25}, 0.02)
    assert len((here / "cycles.jsonl").read_text().splitlines()) == 2  # nothing was written
