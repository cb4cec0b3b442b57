"""The files of a run directory: written, read again, refused and dropped."""

import errno
import json
from dataclasses import replace

import pytest

from al_lightning.config.fit_options import result_settings
from al_lightning.errors import ALError, UsageError
from al_lightning.runs.files import write_text
from al_lightning.runs.journal import CycleRecord, Run
from al_lightning.runs.selections import selection_path
from al_lightning.runs.store import RunStore
from tests.support.errors import raises
from tests.support.journals import CONFIG, CYCLES, FIRST, INITIAL, journal_lines


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_cycle_that_goes_on_is_replaced(store):
    longer = CycleRecord(1, 0.04, 4, CYCLES[1].metrics, [5])
    store.append(longer)
    assert store.read().cycles == (CYCLES[0], longer)


def test_a_finished_run_goes_on_from_its_last_cycle_when_the_budget_is_raised(store):
    assert store.finished(last=1) == tuple(CYCLES)
    assert store.finished(last=2) == (CYCLES[0],)
    assert RunStore(store.directory / "none").finished(3) == ()


def test_no_metric_may_be_nan(store):
    before = journal_lines(store)
    with raises(ValueError, "JSON"):
        store.append(CycleRecord(2, 0.06, 6, {"accuracy": float("nan")}, []))
    assert journal_lines(store) == before


@pytest.mark.parametrize("blank", ["\n", "\n\n", "  \n"])
def test_blank_lines_at_the_end_are_no_damage(store, blank):
    expected = store.read()
    path = store.directory / "cycles.jsonl"
    path.write_text(path.read_text() + blank)
    assert (store.open(), store.read()) == ([], expected)
    store.append(CYCLES[1])
    assert not path.read_text().endswith("\n\n")


@pytest.mark.parametrize(
    "name", ["metrics.json", "metrics.json.seal", "selection.json", "rows.npz", "member_0/weights.pt.seal"]
)
def test_a_folder_where_a_file_belongs_is_named_and_stays(store, name):
    path = store.cycle_dir(2) / name
    path.mkdir(parents=True)
    with raises(ALError, path, "is a folder"):
        store.drop_unfit(2, 1, 2)
    with raises(ALError, path, "is a folder"):
        write_text(path, "")
    assert path.is_dir()


def test_a_file_where_a_folder_belongs_is_named(store):
    store.cycle_dir(2).write_text("")
    with raises(ALError, store.cycle_dir(2), "is a file"):
        store.begin_fit(2, 0)


@pytest.mark.parametrize("kept", [1, 2, 3])
def test_a_torn_last_line_did_not_happen(store, kept):
    text = (store.directory / "cycles.jsonl").read_text()
    lines = text.splitlines(keepends=True)
    (store.directory / "cycles.jsonl").write_text("".join(lines[:kept]) + lines[kept][:30])
    assert (store.read().initial is None, len(store.read().cycles)) == (kept == 1, max(0, kept - 2))
    (note,) = store.open()
    assert str(store.directory / "cycles.jsonl") in note
    assert (store.directory / "cycles.jsonl").read_text() == "".join(lines[:kept])
    assert store.open() == []


def test_a_torn_first_line_is_damage(store):
    (store.directory / "cycles.jsonl").write_text('{"kind": "ru')
    assert store.open() == []
    with raises(ALError, store.directory / "cycles.jsonl", "line 1", "JSON", "--run_dir DIR"):
        store.read()


def test_what_an_interrupted_write_left_is_cleared(store):
    left = store.cycle_dir(0) / "member_0" / ".weights.pt.123.tmp"
    left.parent.mkdir(parents=True)
    left.write_text("half")
    store.open()
    assert not left.exists()


def test_damaged_work_of_an_unfinished_cycle_is_dropped_by_name(store):
    store.save_metrics(2, {**CYCLES[1].metrics, "accuracy": 0.5})
    store.save_selection(2, ([4, 2], [0.5, 0.25]))
    assert store.drop_unfit(2, 1, 2) == []
    path = store.cycle_dir(2) / "metrics.json"
    path.write_text(path.read_text().replace("0.5", "0.6"))
    assert store.drop_unfit(2, 1, 2) == [path]
    assert (store.tested(2), store.selection(2)) == (None, [4, 2])
    assert store.drop_unfit(2, 1, 3) == [selection_path(store.directory, 2)]  # another number was asked for
    assert names(store.cycle_dir(2)) == []


def test_a_write_that_the_system_refuses_is_one_sentence_and_leaves_the_journal(store, monkeypatch):
    before = journal_lines(store)

    def full(number):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        with raises(ALError, store.directory / "cycles.jsonl", "No space left on device"):
            store.append(CycleRecord(2, 0.06, 6, CYCLES[1].metrics, []))
    assert journal_lines(store) == before
    assert not list(store.directory.glob(".*.tmp"))
    store.append(CycleRecord(2, 0.06, 6, CYCLES[1].metrics, []))
    assert len(store.read().cycles) == 3


@pytest.mark.parametrize(
    "text",
    [
        *("{", "[]", '{"scores": [1]}', '{"indices": 3}', "[" * 20_000),
        '{"indices": [1], "scores": [0.5], "names": ["a"]}',  # without a seal
        '{"indices": [-1], "scores": [0.5], "names": ["a"]}',
    ],
    ids=range(7),
)
def test_a_damaged_selection_says_what_to_do(store, text):
    write_text(selection_path(store.directory, 0), text)
    with raises(ALError, selection_path(store.directory, 0), "damaged"):
        store.selection(0)


def test_a_process_that_does_not_write_writes_nothing(tmp_path):
    store = RunStore(tmp_path / "run", writes=False)
    store.lock()
    store.save_config(CONFIG)
    store.begin(FIRST)
    store.append(CYCLES[0])
    store.save_metrics(0, {"accuracy": 1.0})
    store.save_selection(0, ([1], [0.0]))
    store.save_selection(None, ([1], [0.0]))
    assert names(tmp_path) == []


def test_a_process_that_does_not_write_leaves_a_run_as_it_is(store):
    before = journal_lines(store)
    reader = RunStore(store.directory, writes=False)
    reader.append(CycleRecord(2, 0.06, 6, {"accuracy": 1.0}, []))
    reader.begin(FIRST)
    assert journal_lines(store) == before
    assert names(store.directory) == ["cycles.jsonl"]


def keep(store, name="digits_entropy", seed=1, pool_size=100, **leaves):
    """Keep CONFIG with leaves replaced, named by their dotted path with __ for dots."""
    config = json.loads(json.dumps(CONFIG))
    for path, value in leaves.items():
        *parents, leaf = path.split("__")
        section = config
        for parent in parents:
            section = section[parent]
        section[leaf] = value
    store.begin(replace(FIRST, name=name, seed=seed, pool_size=pool_size, settings=result_settings(config)))
    store.save_config(config)


BEARING = [
    ({"seed": 2}, "seed: 1 -> 2"),
    ({"name": "digits_random"}, "name: digits_entropy -> digits_random"),
    ({"pool_size": 101}, "images in the pool: 100 -> 101"),
    ({"data__init_args__batch_size": 64}, "data.batch_size: 32 -> 64"),
    ({"training__init_args__optimizer__init_args__lr": 0.1}, "training.optimizer.lr: 0.05 -> 0.1"),
    ({"budget__query": 10}, "budget.query: 20 -> 10"),
    ({"trainer__precision": "bf16-mixed"}, "trainer.precision: null -> bf16-mixed"),
    ({"steps": 7}, "steps: null -> 7"),
]


@pytest.mark.parametrize(("leaves", "change"), BEARING)
def test_a_run_with_another_option_that_bears_on_results_is_refused(store, leaves, change):
    keep(store)
    before = (store.directory / "config.yaml").read_text(), journal_lines(store)
    with raises(UsageError, store.directory, f"({change})", "--run_dir DIR"):
        keep(store, **leaves)
    assert ((store.directory / "config.yaml").read_text(), journal_lines(store)) == before


def test_all_changes_are_named_at_once(store):
    keep(store)
    with raises(UsageError, store.directory, "(seed: 1 -> 2; budget.initial: 20 -> 30; budget.query: 20 -> 10)"):
        keep(store, seed=2, budget__query=10, budget__initial=30)


@pytest.mark.parametrize("name", ["weights.pt", "step_4.ckpt"])
def test_a_network_trained_in_part_is_not_given_up_for_other_settings(tmp_path, name):
    store = RunStore(tmp_path)
    store.begin(FIRST)
    keep(store)
    write_text(store.member_dir(0, 1) / name, "")
    with raises(UsageError, store.directory, "budget.query: 20 -> 10"):
        keep(store, budget__query=10)
    assert store.read().record == FIRST


@pytest.mark.parametrize("leaves", [leaves for leaves, _ in BEARING])
def test_a_run_that_trained_nothing_begins_anew_with_other_settings(tmp_path, leaves):
    store = RunStore(tmp_path)
    store.begin(FIRST)
    store.save_selection(None, ([7, 3], [0.0, 0.0]))
    keep(store)
    keep(store)
    assert store.read().record == FIRST
    keep(RunStore(tmp_path, writes=False), **leaves)
    assert (store.read().record, store.selection(None)) == (FIRST, [7, 3])
    keep(store, **leaves)
    assert store.read() != Run(tmp_path, FIRST)
    assert store.selection(None) is None
    keep(store, **leaves)


@pytest.mark.parametrize(
    "leaves",
    [
        {"trainer__devices": 2},
        {"trainer__accelerator": "gpu"},
        {"data__init_args__workers": 4},
        {"data__init_args__root": "elsewhere"},
        {"budget__cycles": 7},
        {"oracle__class_path": "Files"},
        {"keep": "last"},
    ],
    ids=lambda leaves: next(iter(leaves)),
)
def test_what_bears_on_no_result_may_change_and_is_kept(store, leaves):
    keep(store)
    keep(store, **leaves)
    value = next(iter(leaves.values()))
    assert f": {value}\n" in (store.directory / "config.yaml").read_text()
    keep(store)
    assert store.read() == Run(store.directory, FIRST, INITIAL, tuple(CYCLES))
