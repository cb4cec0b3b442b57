"""Every file of a run knows whose it is: exchanged, edited, damaged or left behind, it is never taken for another."""

import io
import json
import shutil
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from al_lightning.errors import ALError, DatasetError, DirectoryInUse, TrainingError, UsageError
from al_lightning.runs import image_list, seals
from al_lightning.runs.checkpoints import weights_of
from al_lightning.runs.image_list import difference, read_list
from al_lightning.runs.journal import FORMAT, write_line
from al_lightning.runs.scores import read_rows
from al_lightning.runs.seals import Seal, seal_of, sealed_digest
from al_lightning.runs.store import RunStore
from tests.support.errors import raises, refused
from tests.support.processes import arguments as stage_arguments
from tests.support.processes import await_stage
from tests.support.processes import start as start_run
from tests.support.runs import SMALL_NETWORK, TINY, Answer, journal

Call = Callable[..., Answer]
RUN = ["fit", "--config", "digits_coreset", *TINY, *SMALL_NETWORK, "--budget.initial", 20, "--budget.query", 10]
RUN += ["--budget.cycles", 2]


@pytest.fixture
def whole(al: Call, here: Path) -> Path:
    """A finished run of three cycles."""
    answer = al(*RUN, "--run_dir", "whole")
    assert answer.code == 0, answer.err
    return here / "whole"


def unfinish(run_dir: Path, cycles: int) -> None:
    """Take the journal back to so many finished cycles; all files stay."""
    lines = (run_dir / "cycles.jsonl").read_text().splitlines(keepends=True)
    (run_dir / "cycles.jsonl").write_text("".join(lines[: 2 + cycles]))


def copy(source: Path, target: Path) -> None:
    """Copy a file with its seal."""
    shutil.copyfile(source, target)
    shutil.copyfile(seal_of(source), seal_of(target))


# Seals


def test_a_seal_fits_what_was_written_and_nothing_else(tmp_path: Path) -> None:
    path, seal = tmp_path / "a.bin", Seal("one")
    seal.write(path, lambda file: file.write(b"content"))
    assert seal.fits(path)
    assert sealed_digest(path) == seals.digest_of(path)
    assert not Seal("two").fits(path)  # another origin
    copy(path, tmp_path / "b.bin")
    assert not seal.fits(tmp_path / "b.bin")  # another file's
    path.write_bytes(b"contenT")
    assert not seal.fits(path)
    assert seal.drop_unfit(path)
    assert list(tmp_path.iterdir()) == [tmp_path / "b.bin", tmp_path / "b.bin.seal"] or not path.exists()
    assert not seal.drop_unfit(path)  # there is none
    path.write_bytes(b"content")
    assert not seal.fits(path)  # none was written for it


@pytest.mark.parametrize("text", ["", "{", "[1]", '"a"', "[" * 5000, "x" * 10_000, "\0"])
def test_a_seal_that_is_none_fits_nothing(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.bin"
    Seal().write(path, lambda file: file.write(b"content"))
    seal_of(path).write_text(text)
    assert not Seal().fits(path)
    assert sealed_digest(path) is None


def test_nothing_is_written_where_the_folder_is_no_longer_the_runs(tmp_path: Path) -> None:
    def refuse() -> None:
        raise DirectoryInUse("theirs")

    with raises(DirectoryInUse, "theirs"):
        Seal("one", refuse).write(tmp_path / "a.bin", lambda file: file.write(b"content"))
    with raises(ALError, tmp_path / "gone" / "a.bin"):
        Seal("one").write(tmp_path / "gone" / "a.bin", lambda file: file.write(b"content"))
    assert not list(tmp_path.iterdir())


# Files that are another run's, cycle's or nobody's


@pytest.mark.parametrize("gone", [["cycles.jsonl"], ["cycles.jsonl", "config.yaml", "selection.json", "images.json"]])
def test_files_without_a_journal_are_refused_with_the_way_out(al: Call, whole: Path, gone: list[str]) -> None:
    for name in gone:
        (whole / name).unlink()
    before = {path: path.read_bytes() for path in whole.rglob("*") if path.is_file()}
    answer = al(*RUN, "--seed", 3, "--run_dir", whole)
    assert refused(answer, UsageError, whole, "cycles.jsonl", "--run_dir DIR")
    assert {path: path.read_bytes() for path in whole.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("other", [["--seed", 3], ["--training.optimizer.lr", 0.01], ["--acquisition.beyond", 1]])
def test_what_another_run_left_is_made_again(al: Call, here: Path, whole: Path, other: list[object]) -> None:
    if other[0] == "--acquisition.beyond":
        other = ["--acquisition", "al_lightning.acquisition.Entropy"]
    assert al(*RUN, *other, "--run_dir", "other").code == 0
    expected = journal(here / "other")
    unfinish(here / "other", 0)
    for path in [
        *whole.glob("cycle_0?/member_0/weights.pt"),
        *whole.glob("cycle_0?/*.json"),
        *whole.glob("cycle_0?/*.npz"),
    ]:
        copy(path, here / "other" / path.relative_to(whole))
    answer = al(*RUN, *other, "--run_dir", "other")
    assert answer.code == 0, answer.err
    assert answer.err.count("made again") >= 1
    assert journal(here / "other") == expected


def test_files_of_another_cycle_are_made_again(al: Call, whole: Path) -> None:
    expected = journal(whole)
    unfinish(whole, 1)
    for name in ("member_0/weights.pt", "metrics.json", "selection.json", "rows.npz"):
        copy(whole / "cycle_00" / name, whole / "cycle_01" / name)
    answer = al(*RUN, "--run_dir", whole)
    assert (answer.code, answer.err.count("made again")) == (0, 4), answer.err
    assert journal(whole) == expected


def test_a_finished_cycles_network_in_anothers_place_is_a_sentence(al: Call, here: Path, whole: Path) -> None:
    copy(whole / "cycle_00/member_0/weights.pt", whole / "cycle_02/member_0/weights.pt")
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(here / "a.png")
    for command in (["predict", whole, "a.png"], ["export", whole, "--format", "state-dict"]):
        assert refused(al(*command), ALError, whole / "cycle_02/member_0/weights.pt", "cycle 2")
    assert al("predict", whole, "a.png", "--cycle", 1).code == 0


def test_a_warm_start_takes_no_other_network(al: Call, here: Path) -> None:
    options = [*RUN, "--warm_start", "all", "--run_dir", "r"]
    assert al(*options).code == 0
    expected = journal(here / "r")
    unfinish(here / "r", 1)
    weights = here / "r/cycle_00/member_0/weights.pt"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    shutil.rmtree(here / "r/cycle_01")
    assert refused(al(*options), ALError, "cycle_00/member_0/weights.pt")
    unfinish(here / "r", 0)  # as one who wants it made again
    assert al(*options).code == 0
    assert journal(here / "r") == expected


def test_a_run_of_an_older_format_is_refused(al: Call, whole: Path) -> None:
    first = json.loads((whole / "cycles.jsonl").read_text().splitlines()[0])
    del first["format"]
    (whole / "cycles.jsonl").write_text(write_line(first)[0])
    for command in ([*RUN, "--run_dir", whole], ["show", whole]):
        assert refused(al(*command), UsageError, whole, "format 1", FORMAT)


# A directory that is deleted under a run


@pytest.mark.parametrize("again", [False, True])
def test_a_run_whose_directory_is_deleted_writes_nothing_more(here: Path, class_folders: Path, again: bool) -> None:
    run = start_run(here, [*stage_arguments(class_folders), "--run_dir", "r"], LINGER="fit/1", LINGER_SECONDS=0.4)
    await_stage(here, run, 1)
    shutil.rmtree(here / "r")
    if again:  # another run is there by now
        store = RunStore(here / "r")
        store.lock()
    out, _ = run.communicate(timeout=100)
    assert (run.returncode, "was deleted or replaced while this run was at work in it" in out) == (1, True), out
    assert out.count("al-lightning:") == 1
    assert [path.name for path in here.glob("r/*")] == ([".lock"] if again else [])


# What is refused leaves nothing


@pytest.mark.parametrize(
    "options",
    [
        ["--config", "digits_variation_ratio_s4gan"],
        ["--config", "digits_random", "--budget.initial", 5000],
        ["--config", "digits_random", "--trainer.accelerator", "abacus"],
        ["--config", "image_folder_random"],
        ["--config", "digits_random", "--network.depth", 11],
    ],
    ids=lambda options: " ".join(map(str, options)),
)
def test_a_refused_command_leaves_nothing(al: Call, here: Path, options: list[object]) -> None:
    (here / "empty").mkdir()
    for folder in ("new/below", "empty"):
        answer = al("fit", *options, "--run_dir", folder)
        assert answer.code in (UsageError.exit_code, DatasetError.exit_code), answer.err
    assert [path.name for path in here.rglob("*")] == ["empty"]


def test_a_refused_command_leaves_a_run_that_waits_for_labels_as_it_was(
    al: Call, here: Path, class_folders: Path
) -> None:
    root = here / "loose"
    shutil.copytree(class_folders / "train", root / "unlabelled")
    shutil.copytree(class_folders / "test", root / "test")
    options = ["--data.root", root, "--data.size", "[12, 12]", *TINY, *SMALL_NETWORK, "--oracle", "files"]
    options += ["--initial", "random", "--budget.initial", 20, "--budget.query", 20]
    options += ["--budget.cycles", 1, "--run_dir", "r"]
    answer = al("fit", "--config", "image_folder_random", *options)
    assert answer.code == 76, answer.err
    before = {path: path.read_bytes() for path in (here / "r").rglob("*") if path.is_file()}
    answer = al("fit", "--config", "image_folder_random_s4gan", *options)
    assert refused(answer, UsageError, "S4GAN", "class per pixel")
    assert {path: path.read_bytes() for path in (here / "r").rglob("*") if path.is_file()} == before


# The images


@pytest.fixture
def pictures(al: Call, here: Path, masks: Path) -> list[object]:
    """A finished run on images that are files, each of them one of the 32."""
    options = ["fit", "--config", "mask_folder_unet_random", "--data.root", masks, "--data.classes", "[ground, box]"]
    options += ["--training.head_lr_factor", 1, "--network.width", 2, *TINY, "--data.batch_size", 4]
    options += ["--budget.initial", 20, "--budget.query", 20, "--budget.cycles", 1, "--run_dir", "r"]
    assert al(*options).code == 0
    return options


def test_other_images_under_the_same_names_are_refused_by_name(
    al: Call, here: Path, masks: Path, pictures: list[object]
) -> None:
    path = masks / "images" / "drive0_003.png"
    before, kept = path.read_bytes(), journal(here / "r")
    assert al(*pictures).code == 0
    path.write_bytes(before[:-1] + b"x")  # as long as before
    assert refused(al(*pictures), UsageError, "images/drive0_003.png")
    path.write_bytes(before + b"x")
    assert refused(al(*pictures), UsageError, "images/drive0_003.png", len(before), len(before) + 1)
    path.write_bytes(before)
    moved = here / "moved"
    shutil.copytree(masks, moved)
    pictures[pictures.index(masks)] = moved  # the same images elsewhere
    assert al(*pictures).code == 0
    label = moved / "masks" / "drive0_003.png"
    Image.fromarray(np.zeros((32, 40), np.uint8)).save(label)  # labels are no part
    assert al(*pictures).code == 0
    assert journal(here / "r") == kept


def test_a_list_that_is_gone_or_damaged_is_made_again_and_still_compared(
    al: Call, here: Path, masks: Path, pictures: list[object]
) -> None:
    path = here / "r" / "images.json"
    whole = path.read_text()
    assert set(json.loads(whole)["sizes"]) == {f"images/{image.name}" for image in (masks / "images").iterdir()}
    for text in (None, "{", whole.replace("drive0", "drive5"), "[" * 30_000):
        path.unlink() if text is None else path.write_text(text)
        answer = al(*pictures)
        assert (answer.code, path.read_text()) == (0, whole)
        assert ("images.json was damaged" in answer.err) == (text is not None)
    path.unlink()
    (masks / "images" / "drive0_003.png").write_bytes(b"")
    assert "other images" in al(*pictures).err


def test_of_many_files_32_at_even_distances_are_read(tmp_path: Path) -> None:
    files = [tmp_path / f"{number:03d}.png" for number in range(100)]
    for path in files:
        path.write_text(path.name)
    found = image_list.image_list([*files, files[0], tmp_path / "no file"], tmp_path)
    assert list(found.sizes) == [path.name for path in files]
    # By hand: place k of 32 is k * 99 // 31 of 0 .. 99.
    read = sorted(found.sha256)
    assert (len(read), read[:4], read[-1]) == (32, ["000.png", "003.png", "006.png", "009.png"], "099.png")
    assert image_list.image_list(files[:1], tmp_path).sha256.keys() == {"000.png"}
    files[1].write_text("other")  # not one of those, but of another length
    assert "001.png had 7 bytes, and now has 5" in difference(found, image_list.image_list(files, tmp_path))
    files[1].unlink()
    assert difference(found, image_list.image_list(files, tmp_path)) == "001.png is gone"
    assert difference(image_list.image_list(files[2:], tmp_path), found) == "000.png is new"
    (tmp_path / "list.json").write_text(found.text)
    assert read_list(tmp_path / "list.json", found.digest) == found
    assert read_list(tmp_path / "list.json", "0") is None


# What a stranger's seal may cover


@pytest.mark.parametrize(
    "content",
    [
        [1, 2],
        {"network": [1]},
        {"other": 1},
        {"network": {"a": torch.zeros(1)}},
        "nan",
        {"network": {"a": torch.zeros(1).expand(1 << 30, 1 << 9)}},
        {"network": {"a": torch.zeros(3).to_sparse()}},
        None,
    ],
    ids=range(8),
)
def test_weights_that_are_none_are_a_sentence_though_their_seal_fits(
    al: Call, here: Path, whole: Path, content: object
) -> None:
    path = whole / "cycle_02/member_0/weights.pt"
    file = io.BytesIO()
    if content == "nan":
        content = torch.load(path, weights_only=True)
        next(iter(content["network"].values()))[0] = torch.nan  # type: ignore[index]
    torch.save(content, file) if content is not None else file.write(b"PK junk")
    RunStore(whole).fit_seal(2, 0).write(path, lambda out: out.write(file.getvalue()))
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(here / "a.png")
    answer = al("predict", whole, "a.png")
    assert refused(answer, ALError, path)
    assert answer.err.count("\n") == 1


def test_a_fit_whose_weights_are_not_finite_ends_with_a_sentence(al: Call, here: Path) -> None:
    (here / "bad.py").write_text(
        "from lightning.pytorch import Callback\n"
        "class Spoil(Callback):\n"
        "    def on_train_end(self, trainer, module):\n"
        "        next(module.network.parameters()).data.fill_(float('nan'))\n"
    )
    answer = al(*RUN, "--trainer.callbacks", "bad.Spoil", "--run_dir", "r")
    assert refused(answer, TrainingError, "weights", "not finite")
    assert not list((here / "r").rglob("weights.pt"))


def rows_of(**changes: np.ndarray) -> bytes:
    """A file of rows with some arrays replaced."""
    file = io.BytesIO()
    arrays = {
        "index": np.array([0, 2, 5]),
        "labelled": np.zeros(3, bool),
        "value": np.zeros((1, 3, 1), np.float32),
        "chosen": np.array([2]),
    }
    np.savez(file, **{**arrays, **changes})
    return file.getvalue()


@pytest.mark.parametrize(
    "changes",
    [
        {"index": np.array([-1, 2, 5])},
        {"index": np.array([0, 2, 6])},
        {"index": np.array([2, 0, 5])},
        {"index": np.array([2, 2, 5])},
        {"index": np.array([0.0, 2, 5])},
        {"labelled": np.zeros(2, bool)},
        {"value": np.zeros((1, 2, 1), np.float32)},
        {"value": np.zeros(3, np.float32)},
        {"value": np.array([["a"]], dtype=object)},
    ],
    ids=range(9),
)
def test_rows_that_are_none_are_refused(tmp_path: Path, changes: dict[str, np.ndarray]) -> None:
    path = tmp_path / "rows.npz"
    path.write_bytes(rows_of())
    assert read_rows(path, 6).index.tolist() == [0, 2, 5]
    path.write_bytes(rows_of(**changes))
    with pytest.raises(ValueError, match=r"\w"):
        read_rows(path, 6)


def test_rows_unpack_to_no_more_than_their_file(tmp_path: Path) -> None:
    path = tmp_path / "rows.npz"
    np.savez_compressed(
        path, index=np.arange(1 << 22), labelled=np.zeros(1 << 22, bool), value=np.zeros((1, 1 << 22, 1), "f4")
    )
    tracemalloc.start()
    try:
        with raises(ValueError, "compressed"):
            read_rows(path, 1 << 22)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": (1, 1 << 40, 1)})
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("index", "labelled", "value"):
            archive.writestr(f"{name}.npy", file.getvalue())
    with pytest.raises(ValueError, match=r"\w"):
        read_rows(path, 6)


@pytest.mark.parametrize("depth", [900, 20_000])
@pytest.mark.parametrize("name", ["cycles.jsonl", "cycle_01/metrics.json", "cycle_01/selection.json", "images.json"])
def test_values_nested_deeply_are_damage(al: Call, here: Path, whole: Path, name: str, depth: int) -> None:
    expected = journal(whole)
    unfinish(whole, 1)
    text = "[" * depth + "]" * depth
    if name == "cycles.jsonl":
        text = f'{{"kind": "run", "format": {FORMAT}, "name": {text}, "check": "0"}}\n'
    (whole / name).write_text(text)
    answer = al(*RUN, "--run_dir", whole)
    assert answer.code == (ALError.exit_code if name == "cycles.jsonl" else 0), answer.err
    assert answer.err.count("Error") == 0
    if name != "cycles.jsonl":
        assert journal(whole) == expected


def test_weights_unpack_to_no_more_than_their_file(whole: Path) -> None:
    path = whole / "cycle_02/member_0/weights.pt"
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    with raises(ALError, path):
        weights_of(path)
