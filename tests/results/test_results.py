"""Areas, tables and the run directory."""

import errno
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from al_lightning.config.fit_options import result_settings
from al_lightning.errors import ALError, UsageError
from al_lightning.metrics import MIOU, metric_of
from al_lightning.results.curves import Curve, area, curve_of
from al_lightning.results.series import Series
from al_lightning.results.text_table import comparison_table, curve_table
from al_lightning.runs import journal
from al_lightning.runs import scores as rows_module
from al_lightning.runs.files import write_atomic, write_text
from al_lightning.runs.journal import CycleRecord, Run, RunRecord, read_run, write_line
from al_lightning.runs.scores import SeenRows, write_rows
from al_lightning.runs.selections import selection_path
from al_lightning.runs.store import RunStore
from tests.support.runs import parts_of

# Areas


def test_the_published_area_of_cityscapes_with_all_labels():
    assert area([0.1, 0.2, 0.3, 0.4, 0.5], [68.42] * 5) == pytest.approx(27.368, abs=1e-9)


def test_area_by_trapezoids_of_unequal_width_by_hand():
    # 0.1 x (50 + 60) / 2 + 0.3 x (60 + 70) / 2
    assert area([0.1, 0.2, 0.5], [50.0, 60.0, 70.0]) == pytest.approx(5.5 + 19.5)


def test_one_point_has_no_area():
    assert area([0.1], [68.42]) == 0
    assert area([], []) == 0


def test_budgets_and_values_belong_together():
    with pytest.raises(ValueError, match="2 budgets for 1 values"):
        area([0.1, 0.2], [1.0])


def curve(name="digits_random", seed=0, values=(50.0, 60.0), budgets=(0.1, 0.2), metric="accuracy"):
    return Curve(
        name, seed, "0" * 64, metric_of(metric), budgets, tuple(round(1000 * budget) for budget in budgets), values
    )


def methods(*curves):
    """Return curves by name, as methods of one setting."""
    names = dict.fromkeys(one.name for one in curves)
    groups = [tuple(one for one in curves if one.name == name) for name in names]
    return [Series("street", group[0].name, group[0].metric, group, group[0].name) for group in groups]


def test_mean_height_is_area_over_width():
    assert curve(values=(50.0, 60.0)).mean_height == pytest.approx(55.0)
    assert curve(values=(68.42,) * 3, budgets=(0.1, 0.3, 0.5)).mean_height == pytest.approx(68.42)
    assert curve(values=(50.0,), budgets=(0.1,)).mean_height is None
    assert curve(values=(), budgets=()).mean_height is None


def test_the_curve_of_a_run_is_its_main_metric_in_percent():
    run = Run(
        Path("runs"),
        RunRecord("camvid_entropy", 3, {}, 100),
        [],
        (
            CycleRecord(0, 0.1, 10, {"miou": 0.25, "class_iou": [0.5, None], "pixel_accuracy": 0.9}, [1]),
            CycleRecord(1, 0.2, 20, {"miou": 0.5, "class_iou": [0.5, None], "pixel_accuracy": 0.9}, []),
        ),
    )
    assert curve_of(run) == Curve(
        "camvid_entropy", 3, run.record.config_sha256, MIOU, (0.1, 0.2), (10, 20), (25.0, 50.0)
    )


def test_the_curve_of_a_run_without_a_finished_cycle_is_empty():
    empty = curve_of(Run(Path("runs"), RunRecord("a", 0, {}, 9)))
    assert (empty.values, empty.area, empty.mean_height) == ((), 0, None)


# Tables


def test_the_table_of_a_run():
    text = curve_table(curve(values=(50.0, 60.25, 100.0), budgets=(0.025, 0.1, 0.2)))
    assert text == (
        "digits_random, seed 0\n"
        "cycle  budget  labelled  accuracy\n"
        "0       2.5 %        25   50.00 %\n"
        "1        10 %       100   60.25 %\n"
        "2        20 %       200  100.00 %\n"
        "area 12.15 from 2.5 % to 20 % (mean height 69.41 %)"
    )


def test_the_table_of_a_single_fit_has_no_area():
    assert curve_table(curve(values=(68.42,), budgets=(1.0,))) == (
        "digits_random, seed 0\ncycle  budget  labelled  accuracy\n0       100 %      1000   68.42 %"
    )


def test_the_table_of_a_run_without_a_finished_cycle():
    assert curve_table(curve(values=(), budgets=())) == "digits_random, seed 0: no finished cycle yet"


def test_runs_side_by_side_with_mean_and_deviation_over_seeds():
    table = comparison_table(
        methods(
            curve("digits_random", 0, (50.0, 60.0)),
            curve("digits_entropy", 0, (55.0, 70.0)),
            curve("digits_random", 1, (52.0, 64.0)),
        )
    )
    # Areas of random: 5.5 and 5.8. Deviations of two values are their distance over the root of 2.
    assert table == (
        "accuracy in %, at           10 %           20 %            area  seeds\n"
        "digits_random      51.00 +- 1.41  62.00 +- 2.83  5.650 +- 0.212      2\n"
        "digits_entropy             55.00          70.00           6.250      1"
    )


def test_runs_of_other_budgets_show_gaps_and_only_areas_over_the_whole_width():
    table = comparison_table(
        methods(
            curve("digits_random", 0, (50.0, 60.0)),
            curve("digits_full", 0, (90.0,), (1.0,)),
            curve("a", 0, (1.0, 2.0, 3.0), (0.1, 0.2, 1.0)),
        )
    )
    assert table == (
        "accuracy in %, at   10 %   20 %  100 %   area  seeds\n"
        "digits_random      50.00  60.00      -      -      1\n"
        "digits_full            -      -  90.00      -      1\n"
        "a                   1.00   2.00   3.00  2.150      1"
    )


def test_other_metrics_come_in_tables_of_their_own():
    table = comparison_table(methods(curve(), curve("camvid_random", metric="miou"), curve("digits_entropy")))
    first, second = table.split("\n\n")
    assert [line.split()[0] for line in first.splitlines()] == ["accuracy", "digits_random", "digits_entropy"]
    assert [line.split()[0] for line in second.splitlines()] == ["miou", "camvid_random"]


def test_a_run_without_a_finished_cycle_is_no_seed_and_stands_below():
    table = comparison_table(methods(curve(), curve(seed=1, values=(), budgets=(), metric="")))
    assert table == (
        "accuracy in %, at   10 %   20 %   area  seeds\n"
        "digits_random      50.00  60.00  5.500      1\n"
        "\n"
        "digits_random, seed 1: no finished cycle yet"
    )


# Files


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_writing_makes_the_folder_and_replaces_the_content(tmp_path):
    path = tmp_path / "new" / "file"
    write_text(path, "old")
    write_text(path, "größer")
    assert path.read_bytes() == "größer".encode()
    assert names(path.parent) == ["file"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_failed_write_keeps_the_old_content_and_leaves_no_temporary_file(error, tmp_path):
    path = tmp_path / "file"
    write_text(path, "old")

    def write(file):
        file.write(b"half of the new")
        file.flush()
        assert path.read_text() == "old", "the target is touched before the new content is whole"
        raise error

    with pytest.raises(error):
        write_atomic(path, write)
    assert path.read_text() == "old"
    assert names(tmp_path) == ["file"]


def test_a_failed_first_write_leaves_nothing(tmp_path):
    with pytest.raises(ZeroDivisionError):
        write_atomic(tmp_path / "file", lambda file: 1 / 0)
    assert names(tmp_path) == []


# The run directory

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


@pytest.fixture
def store(tmp_path):
    """A run of two finished cycles."""
    made = RunStore(tmp_path / "run")
    made.begin(FIRST)
    made.label_initial(INITIAL)
    for cycle in CYCLES:
        made.append(cycle)
    return made


def journal_lines(store):
    return (store.directory / "cycles.jsonl").read_text().splitlines()


def edit_journal(store, change):
    lines = journal_lines(store)
    change(lines)
    (store.directory / "cycles.jsonl").write_text("\n".join(lines) + "\n")


def test_what_was_written_is_read_again(store):
    run = store.read()
    assert run == Run(store.directory, FIRST, INITIAL, tuple(CYCLES))
    assert read_run(str(store.directory)) == run
    assert [json.loads(line)["kind"] for line in journal_lines(store)] == ["run", "initial", "cycle", "cycle"]


def test_the_pool_of_a_cycle_follows_from_the_journal(store):
    run = store.read()
    assert run.labelled_at(0) == [7, 3]
    assert run.labelled_at(1) == [7, 3, 9, 1]


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
    with pytest.raises(ValueError, match="JSON"):
        store.append(CycleRecord(2, 0.06, 6, {"accuracy": float("nan")}, []))
    assert journal_lines(store) == before


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_a_damaged_line_is_named(store, number):
    def cut(lines):
        lines[number - 1] = lines[number - 1][:-5]

    edit_journal(store, cut)
    with pytest.raises(ALError) as caught:
        store.read()
    assert str(caught.value).startswith(f"{store.directory / 'cycles.jsonl'}, line {number} is not valid JSON (")


def test_a_line_that_is_no_record_is_named(store):
    edit_journal(store, lambda lines: lines.insert(1, "[1]"))
    with pytest.raises(ALError, match="line 2 is not a record"):
        store.read()


@pytest.mark.parametrize(
    "change",
    [
        lambda lines: lines.pop(1),
        lambda lines: lines.append(lines[3]),
        lambda lines: lines.reverse(),
        lambda lines: lines.pop(0),
        lambda lines: lines.clear(),
        lambda lines: lines.__setitem__(2, lines[2].replace('"labelled"', '"labeled"')),
        lambda lines: lines.__setitem__(2, lines[2].replace('"cycle": 0', '"cycle": 5')),
    ],
    ids=["gap", "repeat", "reversed", "headless", "empty", "renamed", "renumbered"],
)
def test_an_edited_journal_is_refused(store, change):
    edit_journal(store, change)
    if not journal_lines(store)[0]:
        (store.directory / "cycles.jsonl").write_text("")
    with pytest.raises(ALError, match=r"it was edited or damaged"):
        store.read()


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_a_changed_number_does_not_go_unnoticed(store, number):
    def change(lines):
        before = lines[number - 1]
        lines[number - 1] = before.replace('"seed": 1', '"seed": 4').replace("[9, 1]", "[9, 2]").replace("0.75", "0.8")
        lines[number - 1] = lines[number - 1].replace("[7, 3]", "[7, 4]")
        assert lines[number - 1] != before

    edit_journal(store, change)
    with pytest.raises(
        ALError, match=rf"line {number} is not what was written .* Restore the file, or (delete it from that|begin in)"
    ):
        store.read()


def forged(directory, changes):
    """Write a journal with other values in some of its lines, as somebody does who makes the checks fit."""
    lines, check = [], ""
    for number, record in enumerate(Run(directory, FIRST, INITIAL, tuple(CYCLES)).records):
        text, check = write_line({**record, **changes.get(number, {})}, check)
        lines.append(text)
    (directory / "cycles.jsonl").write_text("".join(lines))


HUGE = (10**400, 1e308, -1e308, -1, True, None, "1", [1])


@pytest.mark.parametrize(
    ("line", "values"),
    [
        *((0, {key: value}) for key in ("seed", "pool_size") for value in (*HUGE, 1.0)),
        *((2, {key: value}) for key in ("budget", "labelled") for value in HUGE),
        *((2, {"metrics": {**CYCLES[0].metrics, "accuracy": value}}) for value in HUGE if value != -1),
        *((2, {"metrics": {**CYCLES[0].metrics, "class_accuracy": value}}) for value in (*HUGE[:5], [1e308, 0], [0.5])),
        *((2, {"cost": {"fit": value}}) for value in (10**400, 1e308, True, None)),
        (2, {"cost": {"a\n": 1}}),
        (2, {"cost": [1]}),
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
        (0, {"name": "a\nb"}),
        (0, {"versions": {"p" * 201: "1"}}),
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
    with pytest.raises(ALError, match=r"is not a journal of this version \(.+\); it was edited or damaged"):
        read_run(tmp_path)


@pytest.mark.parametrize("metrics", [{"a\n": 0.5}, {"m" * 201: 0.5}, {"class": [0.5]}, {"class": None}])
def test_metrics_that_no_run_writes_are_refused_though_all_cycles_have_them(tmp_path, metrics):
    forged(tmp_path, {2: {"metrics": metrics}, 3: {"metrics": metrics}})
    with pytest.raises(ALError, match="is not a journal of this version"):
        read_run(tmp_path)


@pytest.mark.parametrize("metrics", [[{}, {}], [{"loss": 70.5, "auc": None}, {"loss": -3, "auc": 0.5}]])
def test_metrics_of_other_tasks_are_read(tmp_path, metrics):
    forged(tmp_path, {2: {"metrics": metrics[0]}, 3: {"metrics": metrics[1]}})
    assert [done.metrics for done in read_run(tmp_path).cycles] == metrics


@pytest.mark.parametrize("cost", ["Infinity", "NaN", "1e999"])
def test_a_cost_that_is_not_finite_is_refused(store, cost):
    edit_journal(store, lambda lines: lines.__setitem__(2, lines[2].replace('"fit": 1.5', f'"fit": {cost}')))
    with pytest.raises(ALError, match=r"cycles\.jsonl(, line 3)? is not"):
        store.read()


def test_more_cycles_than_any_run_has_are_refused(store, monkeypatch):
    monkeypatch.setattr(journal, "MOST_CYCLES", 1)
    with pytest.raises(ALError, match="more than 1 cycles"):
        store.read()


@pytest.mark.parametrize("number", ["9" * 5000, "1e999"])
def test_a_number_that_python_cannot_hold_is_damage(store, number):
    edit_journal(store, lambda lines: lines.__setitem__(2, lines[2].replace("0.02", number)))
    with pytest.raises(ALError, match=r"line 3 (holds a number of too many digits|is not what was written)"):
        store.read()


@pytest.mark.parametrize("text", ["", "\n", " \n\n"])
def test_an_empty_journal_says_the_way_out(store, text):
    (store.directory / "cycles.jsonl").write_text(text)
    with pytest.raises(ALError, match=r"cycles\.jsonl is empty; .* begin in another directory: --run_dir DIR\."):
        store.read()


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
    with pytest.raises(ALError, match=rf"cycle_02/{name} is a folder, where a file belongs; move it away"):
        store.drop_unfit(2, 1, 2)
    with pytest.raises(ALError, match="is a folder, where a file belongs; move it away"):
        write_text(path, "")
    assert path.is_dir()


def test_a_file_where_a_folder_belongs_is_named(store):
    store.cycle_dir(2).write_text("")
    with pytest.raises(ALError, match="cycle_02 is a file, where a folder belongs; move it away"):
        store.begin_fit(2, 0)


def test_cost_and_versions_are_no_part_of_the_result(store):
    edit_journal(store, lambda lines: lines.__setitem__(2, lines[2].replace('"fit": 1.5', '"fit": 2.5')))
    edit_journal(store, lambda lines: lines.__setitem__(0, lines[0].replace('"torch": "2.9', '"torch": "3.9')))
    assert store.read().cycles[0].cost == {"fit": 2.5}
    assert store.read().record.versions == {"torch": "3.9"}


@pytest.mark.parametrize("kept", [1, 2, 3])
def test_a_torn_last_line_did_not_happen(store, kept):
    text = (store.directory / "cycles.jsonl").read_text()
    lines = text.splitlines(keepends=True)
    (store.directory / "cycles.jsonl").write_text("".join(lines[:kept]) + lines[kept][:30])
    assert (store.read().initial is None, len(store.read().cycles)) == (kept == 1, max(0, kept - 2))
    assert "was cut short" in store.open()[0]
    assert (store.directory / "cycles.jsonl").read_text() == "".join(lines[:kept])
    assert store.open() == []


def test_a_torn_first_line_is_damage(store):
    (store.directory / "cycles.jsonl").write_text('{"kind": "ru')
    assert store.open() == []
    with pytest.raises(ALError, match=r"line 1 is not valid JSON .* Restore the file, or begin in another directory"):
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
    assert (store.metrics(2), store.selection(2)) == (None, [4, 2])
    assert store.drop_unfit(2, 1, 3) == [selection_path(store.directory, 2)]  # another number was asked for
    assert names(store.cycle_dir(2)) == []


def test_a_write_that_the_system_refuses_is_one_sentence_and_leaves_the_journal(store, monkeypatch):
    before = journal_lines(store)

    def full(number):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        with pytest.raises(ALError, match=r"Cannot write .*cycles\.jsonl: No space left on device\. Make room"):
            store.append(CycleRecord(2, 0.06, 6, CYCLES[1].metrics, []))
    assert journal_lines(store) == before
    assert not list(store.directory.glob(".*.tmp"))
    store.append(CycleRecord(2, 0.06, 6, CYCLES[1].metrics, []))
    assert len(store.read().cycles) == 3


def test_a_directory_without_a_run_says_so(tmp_path):
    assert not RunStore(tmp_path).exists()
    with pytest.raises(UsageError, match=r"There is no run in .*: cycles\.jsonl is missing"):
        read_run(tmp_path)


def test_metrics_and_selections_are_read_again(store):
    assert store.metrics(0) is None
    assert store.selection(0) is None
    store.save_metrics(0, {"accuracy": 0.1 + 0.2})
    store.save_selection(0, ([4, 2], [0.5, 0.25]))
    store.save_selection(None, ([8], [0.0]))
    assert store.metrics(0) == {"accuracy": 0.1 + 0.2}
    assert store.selection(0) == [4, 2]
    assert store.selection(None) == [8]


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
    with pytest.raises(ALError, match=r"selection\.json is damaged, or is not of this run: .* Delete it"):
        store.selection(0)


LOCK = """
import sys
from pathlib import Path
from al_lightning.errors import ALError
from al_lightning.runs.store import RunStore
try:
    RunStore(Path(sys.argv[1]), writes=sys.argv[2] == "writes").lock()
except ALError as error:
    print(error)
else:
    print("locked")
"""


def lock_elsewhere(directory, writes="writes"):
    done = subprocess.run(
        [sys.executable, "-c", LOCK, str(directory), writes], capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout.strip()


def test_a_second_process_is_refused_until_the_first_lets_go(tmp_path):
    store = RunStore(tmp_path / "run")
    store.lock()
    store.lock()
    assert lock_elsewhere(store.directory) == (
        f"Another process is at work in {store.directory}; wait for it, or use another one."
    )
    assert lock_elsewhere(store.directory, "reads") == "locked"
    store.release()
    store.release()
    assert lock_elsewhere(store.directory) == "locked"


def test_a_lock_ends_with_its_process(tmp_path):
    assert lock_elsewhere(tmp_path) == "locked"
    assert lock_elsewhere(tmp_path) == "locked"


def test_a_directory_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ALError, match=r"^Cannot write .*file: "):
        RunStore(tmp_path / "file").lock()


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
    ({"trainer__precision": "bf16-mixed"}, "trainer.precision: None -> bf16-mixed"),
    ({"steps": 7}, "steps: None -> 7"),
]


@pytest.mark.parametrize(("leaves", "phrase"), BEARING)
def test_a_run_with_another_option_that_bears_on_results_is_refused(store, leaves, phrase):
    keep(store)
    before = (store.directory / "config.yaml").read_text(), journal_lines(store)
    with pytest.raises(UsageError) as caught:
        keep(store, **leaves)
    assert str(caught.value) == (
        f"{store.directory} holds a run with other settings ({phrase}). Use those, or another directory: --run_dir DIR."
    )
    assert ((store.directory / "config.yaml").read_text(), journal_lines(store)) == before


def test_all_changes_are_named_at_once(store):
    keep(store)
    with pytest.raises(UsageError, match=r"\(seed: 1 -> 2; budget\.initial: 20 -> 30; budget\.query: 20 -> 10\)\."):
        keep(store, seed=2, budget__query=10, budget__initial=30)


@pytest.mark.parametrize("name", ["weights.pt", "step_4.ckpt"])
def test_a_network_trained_in_part_is_not_given_up_for_other_settings(tmp_path, name):
    store = RunStore(tmp_path)
    store.begin(FIRST)
    keep(store)
    write_text(store.member_dir(0, 1) / name, "")
    with pytest.raises(UsageError, match=r"budget\.query: 20 -> 10"):
        keep(store, budget__query=10)
    assert store.read().record == FIRST


@pytest.mark.parametrize(("leaves", "phrase"), BEARING)
def test_a_run_that_trained_nothing_begins_anew_with_other_settings(tmp_path, leaves, phrase):
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


# What a selection saw


def test_rows_are_kept_whole(tmp_path):
    value = np.arange(12, dtype=np.float32).reshape(1, 4, 3)
    labelled = np.array([False, True, False, False])
    with (tmp_path / "rows.npz").open("wb") as file:
        write_rows(file, SeenRows(np.array([2, 3, 5, 8]), labelled, value), [8, 2])
    kept = np.load(tmp_path / "rows.npz")
    assert kept["index"].tolist() == [2, 3, 5, 8]
    assert kept["labelled"].tolist() == labelled.tolist()
    assert np.array_equal(kept["value"], value)
    assert kept["chosen"].tolist() == [8, 2]


def test_of_large_rows_a_sample_is_kept_with_all_that_were_chosen(tmp_path, monkeypatch):
    monkeypatch.setattr(rows_module, "LARGEST", 40)
    value = np.arange(200, dtype=np.float32).reshape(1, 100, 2)
    with (tmp_path / "rows.npz").open("wb") as file:
        write_rows(file, SeenRows(np.arange(100), np.zeros(100, dtype=bool), value), [17, 3, 99])
    kept = np.load(tmp_path / "rows.npz")
    assert {3, 17, 99} <= set(kept["index"].tolist())
    assert 17 <= len(kept["index"]) <= 20
    assert kept["value"].size <= 40
    assert np.array_equal(kept["value"][0, :, 0], 2.0 * kept["index"])
    assert (np.diff(kept["index"]) > 0).all()
    assert kept["chosen"].tolist() == [17, 3, 99]
