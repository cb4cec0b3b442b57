"""What a journal holds, and the damage that it notices."""

import json
from dataclasses import replace

import pytest

from al_lightning.errors import ALError, UsageError
from al_lightning.runs import journal
from al_lightning.runs.journal import Run, read_run
from al_lightning.runs.journal_lines import text_of
from al_lightning.runs.store import RunStore
from tests.support.errors import raises
from tests.support.journals import CYCLES, FIRST, INITIAL, edit_journal, journal_lines


def test_what_was_written_is_read_again(store):
    run = store.read()
    assert run == Run(store.directory, FIRST, INITIAL, tuple(CYCLES))
    assert read_run(str(store.directory)) == run
    assert [json.loads(line)["kind"] for line in journal_lines(store)] == ["run", "initial", "cycle", "cycle"]


def test_the_pool_of_a_cycle_follows_from_the_journal(store):
    run = store.read()
    assert run.labelled_at(0) == [7, 3]
    assert run.labelled_at(1) == [7, 3, 9, 1]


def test_the_code_of_a_cycle_is_that_of_the_run_until_it_changed(store):
    run = Run(store.directory, replace(FIRST, code={"my": "a"}), INITIAL)
    assert run.code == {"my": "a"}
    changed = replace(run, cycles=(CYCLES[0], replace(CYCLES[1], code={"my": "b"})))
    assert [changed.code_at(cycle)["my"] for cycle in (0, 1, 2)] == ["a", "b", "b"]
    assert changed.code == {"my": "b"}
    (store.directory / "cycles.jsonl").write_text(text_of(changed.records))
    assert store.read() == changed


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_a_damaged_line_is_named(store, number):
    def cut(lines):
        lines[number - 1] = lines[number - 1][:-5]

    edit_journal(store, cut)
    with raises(ALError, store.directory / "cycles.jsonl", f"line {number}", "JSON"):
        store.read()


def test_a_line_that_is_no_record_is_named(store):
    edit_journal(store, lambda lines: lines.insert(1, "[1]"))
    with raises(ALError, store.directory / "cycles.jsonl", "line 2", "record"):
        store.read()


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (lambda lines: lines.pop(1), "line 2"),
        (lambda lines: lines.append(lines[3]), "line 5"),
        (lambda lines: lines.reverse(), "line 1"),
        (lambda lines: lines.pop(0), "line 1"),
        (lambda lines: lines.clear(), "empty"),
        (lambda lines: lines.__setitem__(2, lines[2].replace('"labelled"', '"labeled"')), "line 3"),
        (lambda lines: lines.__setitem__(2, lines[2].replace('"cycle": 0', '"cycle": 5')), "line 3"),
    ],
    ids=["gap", "repeat", "reversed", "headless", "empty", "renamed", "renumbered"],
)
def test_an_edited_journal_is_refused(store, change, place):
    edit_journal(store, change)
    with raises(ALError, store.directory / "cycles.jsonl", place):
        store.read()


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_a_changed_number_does_not_go_unnoticed(store, number):
    def change(lines):
        before = lines[number - 1]
        lines[number - 1] = before.replace('"seed": 1', '"seed": 4').replace("[9, 1]", "[9, 2]").replace("0.75", "0.8")
        lines[number - 1] = lines[number - 1].replace("[7, 3]", "[7, 4]")
        assert lines[number - 1] != before

    edit_journal(store, change)
    way = "--run_dir DIR" if number == 1 else "delete"
    with raises(ALError, store.directory / "cycles.jsonl", f"line {number}", "its check does not fit", way):
        store.read()


def forged(directory, changes):
    """Write a journal with other values in some of its lines, as somebody does who makes the checks fit."""
    records = Run(directory, FIRST, INITIAL, tuple(CYCLES)).records
    changed = [{**record, **changes.get(number, {})} for number, record in enumerate(records)]
    (directory / "cycles.jsonl").write_text(text_of(changed))


HUGE = (10**400, 1e308, -1e308, -1, True, None, "1", [1])


@pytest.mark.parametrize(
    ("line", "values"),
    [
        *((0, {key: value}) for key in ("seed", "pool_size", "test_images") for value in (*HUGE, 1.0)),
        *((2, {key: value}) for key in ("budget", "labelled") for value in HUGE),
        *((2, {"metrics": {**CYCLES[0].metrics, "accuracy": value}}) for value in HUGE if value != -1),
        *((2, {"metrics": {**CYCLES[0].metrics, "class_accuracy": value}}) for value in (*HUGE[:5], [1e308, 0], [0.5])),
        *((2, {"cost": {"fit": value}}) for value in (10**400, 1e308, True, None)),
        (2, {"cost": {"a\n": 1}}),
        (2, {"cost": [1]}),
        *((2, {"health": {"train": value}}) for value in (*HUGE[:3], True, None, "1", [1])),
        *((2, {"health": {"never_predicted": value}}) for value in (1, [-1], [0.5], [True], [10**400], None)),
        (2, {"health": {"a\n": 1}}),
        (2, {"health": [1]}),
        (2, {"metrics": {"miou": 0.5}}),
        (2, {"metrics": {}}),
        (2, {"metrics": [0.5]}),
        (3, {"metrics": {}}),
        (2, {"labelled": 101}),
        (2, {"chosen": [100]}),
        (1, {"initial": [7, True]}),
        (0, {"pool_size": 10**9 + 1}),
        (0, {"name": "n" * 501}),
        (0, {"parts": {"datasets": "a\nb"}}),
        (0, {"parts": {"datasets": 1}}),
        (0, {"parts": ["digits"]}),
        *((line, {"code": code}) for line in (0, 2) for code in ({"my": 1}, {"my": "a\n"}, {"m" * 501: "a"}, ["my"])),
        (0, {"name": "a\nb"}),
        (0, {"versions": {"p" * 501: "1"}}),
        (0, {"versions": {"torch": 2}}),
        (0, {"settings": {"data": 1, "data.x": 2}}),
        (0, {"settings": {"data": {"x": 2}}}),
        (0, {"settings": {"a." * 300: 2}}),
        (0, {"settings": [1]}),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_value_that_no_run_writes_is_refused_though_its_check_fits(tmp_path, line, values):
    forged(tmp_path, {line: values})
    with raises(ALError, tmp_path / "cycles.jsonl", "not a journal of this version"):
        read_run(tmp_path)


@pytest.mark.parametrize("metrics", [{"a\n": 0.5}, {"m" * 501: 0.5}, {"class": [0.5]}, {"class": None}])
def test_metrics_that_no_run_writes_are_refused_though_all_cycles_have_them(tmp_path, metrics):
    forged(tmp_path, {2: {"metrics": metrics}, 3: {"metrics": metrics}})
    with raises(ALError, tmp_path / "cycles.jsonl", "not a journal of this version"):
        read_run(tmp_path)


@pytest.mark.parametrize("metrics", [[{}, {}], [{"loss": 70.5, "auc": None}, {"loss": -3, "auc": 0.5}]])
def test_metrics_of_other_tasks_are_read(tmp_path, metrics):
    forged(tmp_path, {2: {"metrics": metrics[0]}, 3: {"metrics": metrics[1]}})
    assert [done.metrics for done in read_run(tmp_path).cycles] == metrics


@pytest.mark.parametrize("cost", ["Infinity", "NaN", "1e999"])
def test_a_cost_that_is_not_finite_is_refused(store, cost):
    edit_journal(store, lambda lines: lines.__setitem__(2, lines[2].replace('"fit": 1.5', f'"fit": {cost}')))
    with raises(ALError, store.directory / "cycles.jsonl", "line 3"):
        store.read()


def test_more_cycles_than_any_run_has_are_refused(store, monkeypatch):
    monkeypatch.setattr(journal, "MOST_CYCLES", 1)
    with raises(ALError, store.directory / "cycles.jsonl", "more than 1 cycles"):
        store.read()


@pytest.mark.parametrize("number", ["9" * 5000, "1e999"])
def test_a_number_that_python_cannot_hold_is_damage(store, number):
    edit_journal(store, lambda lines: lines.__setitem__(2, lines[2].replace("0.02", number)))
    with raises(ALError, store.directory / "cycles.jsonl", "line 3"):
        store.read()


@pytest.mark.parametrize("text", ["", "\n", " \n\n"])
def test_an_empty_journal_says_the_way_out(store, text):
    (store.directory / "cycles.jsonl").write_text(text)
    with raises(ALError, store.directory / "cycles.jsonl", "empty", "--run_dir DIR"):
        store.read()


def test_cost_and_versions_are_no_part_of_the_result(store):
    edit_journal(store, lambda lines: lines.__setitem__(2, lines[2].replace('"fit": 1.5', '"fit": 2.5')))
    edit_journal(store, lambda lines: lines.__setitem__(0, lines[0].replace('"torch": "2.9', '"torch": "3.9')))
    assert store.read().cycles[0].cost == {"fit": 2.5}
    assert store.read().record.versions == {"torch": "3.9"}


def test_a_directory_without_a_run_says_so(tmp_path):
    assert not RunStore(tmp_path).exists()
    with raises(UsageError, tmp_path, "cycles.jsonl", "al-lightning fit"):
        read_run(tmp_path)


def test_metrics_and_selections_are_read_again(store):
    assert store.tested(0) is None
    assert store.selection(0) is None
    store.save_metrics(0, {"accuracy": 0.1 + 0.2})
    store.save_selection(0, ([4, 2], [0.5, 0.25]))
    store.save_selection(None, ([8], [0.0]))
    assert store.tested(0) == ({"accuracy": 0.1 + 0.2}, {})
    assert store.selection(0) == [4, 2]
    assert store.selection(None) == [8]
