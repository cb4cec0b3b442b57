"""Conditions of an honest comparison: each is met by a plain comparison, and each is missed in its own way."""

import copy
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from al_lightning.config.fit_options import result_settings
from al_lightning.config.names import resolve
from al_lightning.results.conditions import State, conditions_of
from al_lightning.runs.journal import CycleRecord, Run, RunRecord
from al_lightning.runs.store import RunStore
from tests.support.runs import parts_of

CONFIG = {
    "data": {"class_path": "d.Digits", "init_args": {"batch_size": 32, "root": None}},
    "network": {"class_path": "n.Net", "init_args": {"width": 1}},
    "training": {"class_path": "t.Supervised"},
    "budget": {"initial": 2, "query": 2, "cycles": 2, "unit": "images"},
    "steps": 10,
    "epochs": None,
    "warm_start": "none",
    "trainer": {"accelerator": "auto", "devices": 1, "num_nodes": 1, "callbacks": None},
}
VALUES = {"random": (0.4, 0.5, 0.6), "entropy": (0.4, 0.55, 0.62), "coreset": (0.4, 0.54, 0.61)}


def a_run(folder, method, seed=0, values=None, change=None, where=None, **record):
    config = copy.deepcopy(CONFIG)
    config["acquisition"] = {"class_path": f"a.{method.title()}"}
    for key, value in (change or {}).items():
        *parts, last = key.split(".")
        at = config
        for part in parts:
            at = at[part]
        at[last] = value
    directory = Path(folder) / (where or f"street_{method}") / f"seed_{seed}"
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "config.yaml").write_text(yaml.safe_dump(config))
    values = VALUES.get(method, (0.4, 0.5, 0.6)) if values is None else values
    last = len(values) - 1
    shift = sorted(VALUES).index(method) if method in VALUES else 7
    cycles = [
        CycleRecord(at, 0.1 * (at + 1), 2 + 2 * at, {"miou": v + 0.01 * seed}, [10 * shift + at] if at < last else [],
                    {"processes": 1})
        for at, v in enumerate(values)
    ]  # fmt: skip
    name = record.get("name", f"street_{method}")
    versions = {"torch": "2.9"}
    first = RunRecord(name, seed, result_settings(config), 100, "data", parts=parts_of(name), versions=versions)
    initial = record.pop("initial", [seed, 50 + seed])
    return Run(directory, replace(first, **record), initial, tuple(cycles))


@pytest.fixture
def plain(tmp_path):
    return [a_run(tmp_path, method, seed) for method in VALUES for seed in (0, 1)]


def by_topic(runs, **options):
    found = {}
    for condition in conditions_of(runs, **options):
        found.setdefault(condition.topic, []).append((condition.state, condition.text))
    return found


def one(runs, topic, **options):
    (found,) = by_topic(runs, **options)[topic]
    return found


def test_a_plain_comparison_meets_all(plain):
    found = conditions_of(plain)
    assert [(condition.topic, condition.state) for condition in found] == [
        (topic, State.OK)
        for topic in (
            "baseline", "training", "initial sets", "complete", "warm start", "duplicates", "test set", "versions",
        )
    ]  # fmt: skip
    assert "no early stopping" in one(plain, "test set")[1]
    assert all(condition.text.endswith(".") for condition in found)
    assert conditions_of([]) == []
    assert found[4].line == "[ok] Every fit began anew."
    assert replace(found[4], state=State.WARN).line.startswith("[!] Every")


def test_random_must_be_there_with_the_same_seeds(plain, tmp_path):
    assert one(plain[2:], "baseline") == (
        State.WARN, "There is no run of random, so nothing says whether choosing helps."
    )  # fmt: skip
    state, text = one([*plain[1:], a_run(tmp_path, "random", 5)], "baseline")
    assert state is State.WARN
    assert "random lacks seed 0 of entropy; entropy lacks seed 5 of random" in text


def test_random_after_the_cold_start_that_all_have_is_there(tmp_path):
    cold = {"initial": {"class_path": "al_lightning.acquisition.TypiClust"}}
    runs = [a_run(tmp_path, method, change=cold) for method in ("random", "entropy")]
    (baseline,) = (each for each in conditions_of(runs) if each.topic == "baseline")
    assert baseline.state is State.OK
    assert "random_from_typiclust" in baseline.text
    (initial,) = (each for each in conditions_of(runs) if each.topic == "initial sets")
    assert (initial.state, "but for" in initial.text) == (State.OK, False)  # both began with the same images
    alone = [*runs, a_run(tmp_path, "coreset")]
    found = [each for each in conditions_of(alone) if each.topic == "baseline"]
    assert [each.state for each in found] == [State.WARN]
    assert "no run of random for coreset" in found[0].text


def test_training_must_be_the_same(plain, tmp_path):
    odd = [
        a_run(tmp_path, "entropy", seed, change={"network.init_args.width": 2, "steps": 20, "trainer.devices": 1})
        for seed in (0, 1)
    ]
    state, text = one([*plain[:2], *odd, *plain[4:]], "training")
    assert state is State.WARN
    assert "entropy against random (network.width: 1 -> 2; steps: 10 -> 20)" in text
    assert "coreset" not in text


def test_options_of_the_acquisition_are_no_difference(plain, tmp_path):
    change = {"acquisition": {"class_path": "a.Entropy", "init_args": {"step": 5}}}
    assert one([*plain[:2], a_run(tmp_path, "entropy", change=change)], "training")[0] is State.OK


def test_a_semi_supervised_method_is_held_to_random_with_its_training(plain, tmp_path):
    uda = {"training.class_path": "t.UDA"}
    runs = [*plain[:2], *(a_run(tmp_path, name, change=uda) for name in ("random_uda", "entropy_uda"))]
    state, text = one(runs, "training")
    assert state is State.OK
    assert text.endswith("Left out: random_uda against random, which compares trainings.")
    state, text = one([*plain[:2], runs[-1]], "training")
    assert state is State.WARN
    assert "entropy_uda against random (training.class_path: t.Supervised -> t.UDA)" in text


def test_a_missing_config_is_unknown(plain):
    for place in (2, 3):
        (plain[place].directory / "config.yaml").unlink()
        plain[place] = replace(plain[place], record=replace(plain[place].record, settings={}))
    assert one(plain, "training")[0] is State.UNKNOWN
    assert one(plain, "test set")[0] is State.UNKNOWN
    assert "warm start" not in by_topic(plain)
    (plain[4].directory / "config.yaml").write_text("]")
    plain[4] = replace(plain[4], record=replace(plain[4].record, settings={}))
    assert "street_coreset, seed 0" in one(plain, "test set")[1]


def test_initial_sets_must_be_the_same_at_equal_seeds(plain, tmp_path):
    other = a_run(tmp_path, "entropy", 1, initial=[1, 99])
    state, text = one([*plain[:3], other, *plain[4:]], "initial sets")
    assert (state, text) == (
        State.WARN, "Not started from the labelled images of the baseline: entropy, seed 1."
    )  # fmt: skip
    whole = a_run(tmp_path, "full", 0, (0.7,), initial=list(range(100)))
    assert one([*plain, whole], "initial sets")[0] is State.OK  # a fit on all labels is a reference


def test_unfinished_and_shorter_runs_are_named(plain, tmp_path):
    stopped = replace(plain[3], cycles=plain[3].cycles[:2])
    assert one([*plain[:3], stopped], "complete") == (State.WARN, "Not finished: street_entropy, seed 1.")
    assert one([*plain[:3], replace(stopped, cycles=())], "complete")[0] is State.WARN
    short = a_run(tmp_path, "entropy", 1, (0.4, 0.5))
    states = [state for state, _ in by_topic([*plain[:3], short])["complete"]]
    assert states == [State.OK, State.WARN]


def test_settings_are_held_to_what_the_name_says(plain, tmp_path):
    resolved = {run.record.name: result_settings({"steps": 10, "network": CONFIG["network"]}) for run in plain}
    assert one(plain, "settings", resolved=resolved)[0] is State.OK
    odd = a_run(tmp_path, "entropy", 1, change={"steps": None, "epochs": 3})
    state, text = one([*plain[:3], odd], "settings", resolved=resolved)
    assert state is State.WARN
    assert "street_entropy (steps: 10 -> null; epochs: null -> 3), seed 1" in text
    elsewhere = a_run(tmp_path, "entropy", 1, change={"data.init_args.root": "/x", "trainer.devices": 4})
    assert one([*plain[:3], elsewhere], "settings", resolved=resolved)[0] is State.OK  # no bearing on results
    del resolved["street_coreset"]
    assert one(plain, "settings", resolved=resolved)[0] is State.UNKNOWN


def test_the_configs_of_a_real_name_are_met_by_themselves(tmp_path):
    values = resolve(["digits_random"]).values
    run = a_run(tmp_path, "random", change={**values}, name="digits_random")
    assert one([run], "settings", resolved={"digits_random": result_settings(values)})[0] is State.OK
    longer = {**values, "steps": values["steps"] + 1}
    other = a_run(tmp_path, "random", 1, change=longer, name="digits_random")
    resolved = {"digits_random": result_settings(values)}
    state, text = one([run, other], "settings", resolved=resolved)
    assert (state, "digits_random (steps: " in text) == (State.WARN, True)
    state, text = one([other], "settings", resolved=resolved)  # a change of all runs is no difference between them
    assert (state, "the same in all runs: steps: " in text) == (State.OK, True)


def test_a_warm_start_is_pointed_out(plain, tmp_path):
    warm = a_run(tmp_path, "entropy", 0, change={"warm_start": "all"})
    state, text = one([*plain[:2], warm], "warm start")
    assert state is State.WARN
    assert text.endswith(": street_entropy, seed 0.")


def test_duplicates_are_found(plain, tmp_path):
    again = a_run(tmp_path, "random", 0, where="elsewhere")
    state, text = one([*plain, again], "duplicates")
    assert state is State.WARN
    assert f"street_random, seed 0 (in {again.directory})" in text
    copied = replace(a_run(tmp_path, "margin", 0), cycles=plain[0].cycles)
    assert "random and margin, seed 0" in one([*plain, copied], "duplicates")[1]
    started = [replace(run, cycles=plain[0].cycles[:1]) for run in (plain[0], copied)]
    assert one(started, "duplicates")[0] is State.OK  # all share the first fit


def test_callbacks_are_pointed_out(plain, tmp_path):
    other = {"trainer.callbacks": {"class_path": "mine.Watch"}}
    assert one([*plain[:2], a_run(tmp_path, "entropy", change=other)], "test set") == (
        State.UNKNOWN, "What the callback Watch does in street_entropy, seed 0 is unknown."
    )  # fmt: skip


@pytest.mark.parametrize("value", ["null", None, 3, []])
def test_a_config_that_was_sent_may_hold_anything_as_its_trainer(plain, tmp_path, value):
    sent = a_run(tmp_path, "entropy", change={"trainer": value})
    assert one([*plain[:2], sent], "test set")[0] is not State.WARN


def with_code(run, *codes):
    """A run whose own module `my` had these hashes: when it began, then in each cycle where it changed."""
    first, *rest = ({"my": code} for code in codes)
    changed = [replace(done, code=code) for done, code in zip(run.cycles, rest, strict=False)]
    cycles = (*changed, *run.cycles[len(changed) :])
    return replace(run, record=replace(run.record, code=first), cycles=cycles)


def test_code_of_ones_own_that_changed_is_pointed_out(plain):
    random, (first, second) = plain[:2], plain[2:4]
    assert "own code" not in by_topic(plain)
    same = [*random, with_code(first, "a"), with_code(second, "a")]
    assert one(same, "own code") == (State.OK, "The code of the user's own is the same in all runs: my.")
    other = [*random, with_code(first, "a"), with_code(second, "b")]
    assert one(other, "own code") == (
        State.WARN,
        "Code of the user's own is not the same in all runs: "
        "my (street_entropy, seed 0 unlike street_entropy, seed 1).",
    )
    went_on = replace(with_code(first, "a"), cycles=(*first.cycles[:2], replace(first.cycles[2], code={"my": "b"})))
    assert one([*random, went_on], "own code") == (
        State.WARN,
        "Code of the user's own changed while a run went on (--accept_code_change): "
        "my from cycle 2 on in street_entropy, seed 0.",
    )
    back = with_code(first, "a", "b", "a", "b")
    assert "my from cycle 0 on in street_entropy, seed 0; my from cycle 1 on" in one([back], "own code")[1]


def test_versions_devices_and_processes_that_differ_are_named(plain, tmp_path):
    other = a_run(tmp_path, "entropy", 7, versions={"torch": "2.10"}, change={"trainer.devices": 2})
    two = replace(other, cycles=tuple(replace(done, cost={"processes": 2}) for done in other.cycles))
    state, text = one([*plain[:2], two], "versions")
    assert state is State.WARN
    assert text.endswith(": torch 2.9 and 2.10; 1 and 2 processes; devices 1 and 2.")
    bare = [replace(run, record=replace(run.record, versions={})) for run in plain]
    assert one(bare, "versions") == (State.UNKNOWN, "The journals name no versions.")


def test_what_is_true_of_one_setting_names_it(plain, tmp_path):
    elsewhere = a_run(tmp_path, "entropy", name="lane_entropy")
    found = conditions_of([*plain, elsewhere])
    texts = [condition.text for condition in found if condition.topic == "baseline"]
    assert texts == [
        "On street: random was run with the seeds of every other method.",
        "On lane: There is no run of random, so nothing says whether choosing helps.",
    ]
    assert [condition.text for condition in found if condition.topic == "warm start"] == ["Every fit began anew."]


def test_methods_whose_network_has_dropout_are_named_where_random_has_another(plain, tmp_path):
    change = {"network.init_args": {"width": 1, "dropout": 0.1}}
    bald = a_run(tmp_path, "bald", change=change)
    state, text = one([*plain, bald], "network")
    assert state is State.WARN
    assert "The network of bald has dropout, random's has none" in text
    assert "compared with nothing" in text
    parts = {"datasets": "street", "acquisition": "random_mcd"}
    random = a_run(tmp_path, "random", change=change, where="street_random_mcd", parts=parts)
    found = by_topic([*plain, bald, random])
    assert "network" not in found
    assert found["training"] == [(State.OK, "Every method was trained with the settings of its baseline; only the "
                                  "acquisition differs.")]  # fmt: skip


def test_show_names_the_conditions_that_are_not_met_in_the_words_of_the_report(al, here):
    """Of two runs all of them; of one, which is compared with nothing, what is wrong with the run itself."""
    for strategy, remark in (("entropy", ""), ("coreset", "no honest test")):
        run = a_run(here, strategy, initial=[40, 50])
        store = RunStore(run.directory)
        store.begin(replace(run.record, remarks=[remark] if remark else []))
        store.label_initial(run.initial)
        for done in run.cycles:
            store.append(done)

    def warnings(command, *more):
        return [line for line in al(command, *more).out.splitlines() if line.startswith("[!]")]

    both = ["street_entropy/seed_0", "street_coreset/seed_0"]
    assert warnings("show", *both) == warnings("report", *both, "--format", "text") != []
    assert "[!] In street_coreset, seed 0: no honest test" in warnings("show", *both)
    assert any("There is no run of random" in line for line in warnings("show", *both))
    assert warnings("show", both[1]) == ["[!] no honest test"]
