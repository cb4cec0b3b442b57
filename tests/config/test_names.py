import subprocess
import sys
from pathlib import Path

import pytest

from al_lightning.config import names
from al_lightning.errors import UsageError
from al_lightning.runs.parts import AXES
from tests.support.errors import raises


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_a_name_is_its_parts_in_order(here: Path) -> None:
    found = names.resolve(["digits_wrn28_250-250_noaug_coreset"])
    assert found.name == "digits_wrn28_250-250_noaug_coreset"
    assert [path.parent.name for path in found.files] == list(AXES)
    assert found.values["network"]["init_args"] == {"depth": 28, "width": 2}
    assert found.values["budget"] == {"initial": 250, "query": 250, "cycles": 7, "unit": "images"}


def test_yaml_may_be_left_out_and_supervised_is_the_default(here: Path) -> None:
    assert names.resolve(["digits_entropy.yaml"]).values == names.resolve(["digits_entropy"]).values
    assert names.resolve(["digits_entropy_supervised"]).name == "digits_entropy"


def test_the_same_by_hand(here: Path) -> None:
    by_hand = names.resolve(["datasets/digits.yaml", "acquisition/entropy"])
    assert (by_hand.name, by_hand.values) == ("digits_entropy", names.resolve(["digits_entropy"]).values)


def test_configs_of_ones_own_are_a_part_beside_those_that_are_known(here: Path) -> None:
    write(here / "mine.yaml", "steps: 3\n")
    found = names.resolve(["digits_wrn28_entropy_uda", "mine.yaml"])
    assert found.name == "digits_wrn28_entropy_uda_mine"
    assert found.parts == {
        "datasets": "digits", "networks": "wrn28", "acquisition": "entropy", "training": "uda", "other": "mine",
    }  # fmt: skip
    by_hand = names.resolve(["datasets/digits.yaml", "mine.yaml"])
    assert (by_hand.name, by_hand.parts) == (
        "digits_mine", {"datasets": "digits", "training": "supervised", "other": "mine"},
    )  # fmt: skip
    assert names.resolve(["mine.yaml"]).parts == {"other": "mine"}


def test_longer_part_names_win(here: Path) -> None:
    write(here / "configs/acquisition/coreset_mcd.yaml", "# with dropout\nacquisition: {class_path: a.B}\n")
    write(here / "configs/training/mcd.yaml", "# not this one\n")
    assert names.split_name("digits_coreset_mcd").keys() == {"datasets", "acquisition"}


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        ("digit_entropy", ["'digit_entropy'", "'digits'", "a2d2_3k"]),
        ("digits_full_entropy", ["'entropy'", "cannot stand"]),
        ("nofile.yaml", ["nofile.yaml"]),
        ("digits_entropie", ["'entropie'", "'digits'", "'entropy'"]),
        ("digits", ["'digits'", "digits_random"]),
        ("digits_entropy_udda", ["'udda'", "'uda'", "supervised"]),
        ("datasets/digit.yaml", ["digit.yaml", "'digits'"]),
    ],
)
def test_an_unknown_part_is_answered_with_the_nearest(here: Path, name: str, facts: list[str]) -> None:
    with raises(UsageError, *facts):
        names.resolve([name])


def test_a_file_of_that_very_name_is_used_as_it_is(here: Path) -> None:
    write(here / "digits_entropy.yaml", "steps: 7\n")
    found = names.resolve(["digits_entropy"])
    assert (found.name, found.values) == ("digits_entropy", {"steps": 7})


def test_configs_are_found_in_the_working_directory_then_in_the_path_then_in_the_package(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(here / "lab/acquisition/mine.yaml", "# from the path\nacquisition: {class_path: path.Mine}\n")
    monkeypatch.setenv("AL_CONFIG_PATH", str(here / "lab"))
    assert names.resolve(["digits_mine"]).values["acquisition"]["class_path"] == "path.Mine"
    write(here / "configs/acquisition/mine.yaml", "# from here\nacquisition: {class_path: here.Mine}\n")
    assert names.resolve(["digits_mine"]).values["acquisition"]["class_path"] == "here.Mine"


def test_the_later_of_steps_and_epochs_replaces_the_other(here: Path) -> None:
    write(here / "long.yaml", "epochs: 9\n")
    values = names.resolve(["digits_entropy", "long"]).values
    assert "steps" not in values
    assert values["epochs"] == 9
    write(here / "both.yaml", "epochs: 9\nsteps: 9\n")
    with raises(UsageError, "both.yaml", "steps", "epochs"):
        names.resolve(["digits_entropy", "both"])


@pytest.mark.parametrize(
    ("text", "facts"), [("a: [", ["YAML", "line 2"]), ("- 1\n", ["mapping"]), ("a: 1\na: 2\n", ["'a'", "twice"])]
)
def test_a_broken_file_is_named(here: Path, text: str, facts: list[str]) -> None:
    write(here / "broken.yaml", text)
    with raises(UsageError, "broken.yaml", *facts):
        names.resolve(["digits_entropy", "broken"])


def test_patches_meet_their_pair_only(here: Path) -> None:
    write(here / "configs/training/gan.yaml", "# a method\ntraining: {init_args: {gamma: 0.6}}\n")
    write(here / "configs/patches/cam*.gan.yaml", "training: {init_args: {gamma: 0.7}}\n")
    assert names.resolve(["camvid_random_gan"]).values["training"]["init_args"]["gamma"] == 0.7
    assert names.resolve(["digits_random_gan"]).values["training"]["init_args"]["gamma"] == 0.6
    assert "gamma" not in names.resolve(["camvid_random"]).values["training"]["init_args"]
    assert names.resolve(["camvid_random_gan"]).name == "camvid_random_gan"
    write(here / "configs/networks/net_small.yaml", "network: !replace {init_args: {width: 1}}\n")
    write(here / "configs/patches/cam*.net*.yaml", "network: {init_args: {width: 2}}\n")
    assert names.resolve(["camvid_net_small_random"]).values["network"]["init_args"] == {"width": 2}
    assert names.resolve(["digits_net_small_random"]).values["network"]["init_args"] == {"width": 1}


def test_every_shipped_part_has_a_head_and_every_dataset_says_what_to_expect() -> None:
    for axis in AXES:
        for path in (names.shipped() / axis).glob("*.yaml"):
            assert len(names.head(path)) > 10, path
            if axis == "datasets":
                assert all(f"# {word}:" in path.read_text() for word in ("Table", "Command", "Cost", "Expect")), path


REFUSED = [
    ["fit", "--config", "mine/absent.yaml"],
    ["fit", "--config", "camvid_random", "--network.width", "2"],
    ["fit", "--config", "mask_folder_random", "--data.classes", "[a, b]", "--data.root=absent"],
    ["fit", "--config", "small_image_folder_random", "--data.root", "absent"],
]


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["--version"], ["configs"], ["fit", "--help"], ["fit", "--config", "digits_entropi"], ["x"], *REFUSED],
)
def test_commands_that_need_no_torch_import_none(arguments: list[str]) -> None:
    code = (
        "import sys; from al_lightning.cli.main import main\n"
        f"try: main({arguments!r})\nexcept SystemExit: pass\n"
        "assert not {'torch', 'lightning', 'albumentations'} & sys.modules.keys()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
