"""A run of two finished cycles, and edits of its journal."""

from al_lightning.config.fit_options import result_settings
from al_lightning.runs.journal import CycleRecord, RunRecord
from tests.support.runs import parts_of

CONFIG = {
    "data": {"class_path": "Digits", "init_args": {"root": None, "workers": 0, "batch_size": 32}},
    "training": {"class_path": "Supervised", "init_args": {"optimizer": {"init_args": {"lr": 0.05}}}},
    "oracle": {"class_path": "Simulated"},
    "budget": {"initial": 20, "query": 20, "cycles": 5},
    "trainer": {"devices": 1, "accelerator": "cpu", "precision": None},
    "keep": "all",
}
FIRST = RunRecord(
    "digits_entropy", 1, result_settings(CONFIG), 100, parts=parts_of("digits_entropy"), versions={"torch": "2.9"}
)
INITIAL = [7, 3]
CYCLES = [
    CycleRecord(0, 0.02, 2, {"accuracy": 0.1 + 0.2, "class_accuracy": [0.5, None]}, [9, 1], {"fit": 1.5}),
    CycleRecord(1, 0.04, 4, {"accuracy": 0.75, "class_accuracy": [1.0, 0.5]}, []),
]


def journal_lines(store):
    return (store.directory / "cycles.jsonl").read_text().splitlines()


def edit_journal(store, change):
    lines = journal_lines(store)
    change(lines)
    (store.directory / "cycles.jsonl").write_text("\n".join(lines) + "\n")
