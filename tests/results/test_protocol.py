"""The paper's four demands on an evaluation of classification, each met and each missed."""

from dataclasses import replace
from pathlib import Path

import pytest

from al_lightning.results.conditions import State, conditions_of
from al_lightning.results.regimes import read_regimes
from al_lightning.runs.journal import CycleRecord, Run, RunRecord
from tests.support.evidence import FILE

STRONG = {
    "network.class_path": "al_lightning.networks.WideResNet",
    "network.init_args.depth": 28,
    "network.init_args.width": 2,
    "data.init_args.augmentation.class_path": "al_lightning.data.ImageAugmentation",
    "data.init_args.augmentation.init_args.auto_augment": True,
}


def a_run(name, labelled=(250, 500), pool=50000, classes=10, metric="accuracy", settings=STRONG, **parts):
    dataset, *middle, acquisition = name.split("_")
    parts = {"datasets": dataset, "acquisition": acquisition, **({"budgets": middle[0]} if middle else {}), **parts}
    trained = "semi-supervised (UDA)" if "training" in parts else "supervised"
    record = RunRecord(name, 0, dict(settings), pool, dataset, classes=[str(n) for n in range(classes)], parts=parts,
                       trained=trained)  # fmt: skip
    last = len(labelled) - 1
    cycles = [
        CycleRecord(at, count / pool, count, {metric: 0.5 + 0.1 * at}, [at] if at < last else [])
        for at, count in enumerate(labelled)
    ]
    return Run(Path(name) / "seed_0", record, [0], tuple(cycles))


def found(runs):
    conditions = conditions_of(runs, regimes=read_regimes(FILE))
    return [(each.state, each.text) for each in conditions if each.topic == "protocol"]


def test_one_dataset_at_a_low_budget_without_semi_supervised_training_misses_three_of_four():
    states = found([a_run("cifar10_250-250_random"), a_run("cifar10_250-250_entropy")])
    assert [state for state, _ in states] == [State.WARN, State.OK, State.WARN, State.WARN]
    several, _, semi, low = (text for _, text in states)
    assert "cifar10 alone" in several
    assert "none on cifar10_250-250" in semi
    assert "all budgets are low" in low


def test_a_whole_protocol_is_met():
    low, high = (250, 500, 2000), (5000, 20000)
    runs = []
    for dataset in ("cifar10", "cifar100"):
        for budget, labelled in (("250-250", low), ("5k-2.5k", high)):
            for strategy in ("random", "entropy"):
                runs.append(a_run(f"{dataset}_{budget}_{strategy}", labelled))
            runs.append(a_run(f"{dataset}_{budget}_random", labelled, training="uda"))
    states = found(runs)
    assert [state for state, _ in states] == [State.OK] * 4, states
    assert "cifar10 and cifar100" in states[0][1]
    assert "entropy on labels alone" in states[2][1]


def test_semi_supervised_training_must_be_there_at_each_budget():
    runs = [a_run("cifar10_250-250_random"), a_run("cifar10_250-250_random", training="uda"), a_run("cifar10_random")]
    state, text = found(runs)[2]
    assert state is State.WARN
    assert "none on cifar10." in text


def test_a_training_class_of_ones_own_counts_as_it_describes_itself():
    """`--training my.T` may be supervised: the part of the name does not tell."""
    own = a_run("cifar10_random", training="my.T")
    supervised = replace(own, record=replace(own.record, trained="supervised"))
    for made, state in ((supervised, State.WARN), (own, State.OK)):
        assert found([a_run("cifar10_random"), made])[2][0] is state


def test_a_budget_between_low_and_high_is_not_called_low():
    state, text = found([a_run("cifar10_250-250_random"), a_run("other_random", labelled=(20, 50), pool=60)])[3]
    assert state is State.WARN
    assert "and other between low and high." in text


@pytest.mark.parametrize(
    ("change", "state", "facts"),
    [
        ({"network.init_args.depth": 16, "network.init_args.width": 1}, State.WARN, ["WRN-16-1"]),
        ({"network.init_args.depth": None}, State.UNKNOWN, []),
        ({"data.init_args.augmentation.init_args.auto_augment": False}, State.WARN, ["AutoAugment is off"]),
        (
            {"data.init_args.augmentation.class_path": "al_lightning.data.NoAugmentation"},
            State.WARN,
            ["no augmentation"],
        ),
        ({"network.class_path": "al_lightning.networks.ResNetClassifier"}, State.OK, []),
        ({"network.class_path": "my.Net"}, State.UNKNOWN, ["unknown"]),
        ({"data.init_args.augmentation.class_path": "my.Augmentation"}, State.UNKNOWN, ["unknown"]),
    ],
)
def test_network_and_augmentation_are_read_from_the_settings(change, state, facts):
    runs = [
        a_run("cifar10_random", settings={**STRONG, **change}),
        a_run("cifar10_entropy", settings={**STRONG, **change}),
    ]
    got, text = found(runs)[1]
    assert got is state
    assert all(fact in text for fact in facts)


def test_a_weaker_setting_beside_an_up_to_date_one_is_named():
    weak = {**STRONG, "data.init_args.augmentation.class_path": "al_lightning.data.NoAugmentation"}
    state, text = found([a_run("cifar10_random"), a_run("cifar10_random", settings=weak, augmentation="noaug")])[1]
    assert state is State.OK
    assert "on cifar10." in text


def test_folders_of_ones_own_are_different_datasets_by_their_images():
    runs = [a_run("folder_random"), a_run("folder_random")]
    own = [
        replace(
            run, record=replace(run.record, data_sha256=sha, parts={**run.record.parts, "datasets": "image_folder"})
        )
        for run, sha in zip(runs, ("aaaaaaaa", "bbbbbbbb"), strict=True)
    ]
    # Beside a public dataset, each folder counts as a dataset of its own.
    text = found([*own, a_run("cifar10_random")])[0][1]
    assert "cifar10, image_folder aaaaaa and image_folder bbbbbb" in text


def test_on_ones_own_images_the_protocol_is_a_note():
    runs = [a_run("folder_random"), a_run("folder_entropy")]
    for run in runs:
        run.record.parts["datasets"] = "image_folder"
    ((state, text),) = found(runs)
    assert state is State.NOTE
    assert "These runs are about one's own data." in text
    assert "CIFAR" not in text
    (line,) = (each.line for each in conditions_of(runs) if each.topic == "protocol")
    assert line.startswith("[-] The paper's protocol for classification")


def test_segmentation_and_single_fits_have_no_such_demands():
    assert found([a_run("camvid_random", metric="miou")]) == []
    assert found([a_run("cifar10_full", labelled=(50000,))]) == []
