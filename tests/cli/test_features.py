"""`al-lightning features` as typed: stores that are found again, files for use elsewhere, mistakes."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from al_lightning.errors import ALError, DatasetError, UsageError
from al_lightning.vector_files import read_vectors
from tests.support.errors import lacking, refused
from tests.support.processes import command
from tests.support.runs import Answer, journal

Call = Callable[..., Answer]
NETWORK = ["--encoder", "wrn28", "--network.depth", 10, "--network.width", 1]
SMALL = ["--data.size", "[12, 12]", "--data.workers", 0, "--data.eval_batch_size", 4]


def test_a_store_is_made_once_and_found_again(al: Call, here: Path, class_folders: Path) -> None:
    run = ["features", "image_folder", "--data.root", class_folders, *SMALL, *NETWORK]
    made = al(*run)
    assert made.code == 0, made.err
    store = Path(made.out.strip())
    assert np.load(store / "train.npy", mmap_mode="r").shape == (30, 64)
    assert not lacking(made.err, [30, 12, 64, store, "random weights", "made in"])
    again = al(*run)
    assert (again.code, again.out) == (0, made.out)
    assert not lacking(again.err, ["come from", store])
    other = al("features", "image_folder_wrn28_random", *run[2:-6], "--network.depth", 10, "--network.width", 2)
    assert other.code == 0, other.err
    assert not lacking(other.err, [128, "also holds", store.name])
    (class_folders / ".al_cache/features" / store.name / "test.npy").unlink()
    mended = al(*run)
    assert (mended.code, lacking(mended.err, ["damaged", 3])) == (0, [])


@pytest.mark.parametrize("ending", [".npz", ".npy", ".csv"])
def test_a_folder_of_any_images_as_a_file_of_vectors(al: Call, here: Path, bare: Path, ending: str) -> None:
    out = here / f"vectors{ending}"
    made = al("features", "--images", bare, *SMALL, *NETWORK, "--out", out)
    assert made.code == 0, made.err
    assert made.out.splitlines()[0] == str(out)
    file = read_vectors(out)
    assert (len(file.names), file.vectors.shape) == (20, (20, 64))
    assert file.names[0] == "images/drive0_000.png"
    store = next((bare / ".al_cache/features").glob("*/train.npy"))
    np.testing.assert_allclose(file.vectors, np.load(store), rtol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "kind", "facts"),
    [
        ([], UsageError, ["NAME"]),
        (["digit"], UsageError, ["'digit'", "'digits'"]),
        (["digits", "--encoder", "resnet"], UsageError, ["'resnet'", "'resnet18'", "unet"]),
        (["digits", "--out", "x.pkl"], UsageError, ["x.pkl", ".npz"]),
        (["digits", *NETWORK, "--data.cache", "false"], UsageError, ["data.cache"]),
        (["digits", *NETWORK, "--trainer.precision", "64-true"], UsageError, ["64-true", "bf16-mixed"]),
        (["--images", "nowhere", *NETWORK], DatasetError, ["nowhere"]),
        (["--images", ".", "--data.root", "."], UsageError, ["--data.root", "--images"]),
        (
            ["digits", "--skip-broken", "--out", "x.npz"],
            UsageError,
            ["--skip-broken", "--images", "positions", "audit"],
        ),
        (["--images", ".", "--skip-broken"], UsageError, ["--skip-broken", "--out"]),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(
    al: Call, here: Path, arguments: list[object], kind: type[ALError], facts: list[str]
) -> None:
    answer = al("features", *arguments)
    assert refused(answer, kind, *facts)
    assert "Traceback" not in answer.err


def test_broken_images_of_a_folder_are_named_and_left_out_of_the_file(al: Call, here: Path, bare: Path) -> None:
    for name in ("drive0_000.png", "drive0_001.png"):
        (bare / "images" / name).write_bytes(b"no image")
    run = ["features", "--images", bare, *SMALL, *NETWORK, "--out", "v.npz"]
    refusal = al(*run)
    assert refused(refusal, DatasetError, "drive0_000.png")
    assert not (here / "v.npz").exists()
    made = al(*run, "--skip-broken")
    assert made.code == 0, made.err
    assert "note: 2 images cannot be read and are left out: images/drive0_000.png, images/drive0_001.png" in made.err
    file = read_vectors(here / "v.npz")
    assert (len(file.names), file.vectors.shape) == (18, (18, 64))
    assert not {"images/drive0_000.png", "images/drive0_001.png"} & set(file.names)
    for path in (bare / "images").glob("*.png"):
        path.write_bytes(b"no image")
    assert refused(al(*run, "--skip-broken"), DatasetError, "holds no images")


@pytest.mark.slow
def test_processes_share_the_work(here: Path, class_folders: Path) -> None:
    run = ["features", "image_folder", "--data.root", class_folders, *SMALL, *NETWORK]
    alone = command(here, *run)
    assert alone.returncode == 0, alone.stderr
    store = Path(alone.stdout.strip())
    files = {path.name: path.read_bytes() for path in store.iterdir()}
    shutil.rmtree(store)
    shared = command(here, *run, "--trainer.devices", 2, "--trainer.accelerator", "cpu")
    assert shared.returncode == 0, shared.stderr
    assert shared.stdout == alone.stdout  # one process prints
    assert {path.name: path.read_bytes() for path in store.iterdir()} == files


def test_a_probe_on_vectors_from_elsewhere(al: Call, here: Path, class_folders: Path) -> None:
    images = sorted(class_folders.rglob("*.png"))
    classes = np.array([["blue", "green", "red"].index(path.parent.name) for path in images])
    vectors = np.random.default_rng(0).normal(size=(len(images), 4)) + 3 * np.eye(4)[classes]
    np.savez(here / "v.npz", vectors=vectors, names=[str(path.relative_to(class_folders)) for path in images])
    run = ["fit", "--config", "image_folder_vectors_entropy_probe", "--data.root", class_folders, "--data.workers", 0]
    run += ["--budget.initial", 20, "--budget.query", 20, "--budget.cycles", 1, "--run_dir", "run"]
    done = al(*run, "--network.vectors", "v.npz")
    assert done.code == 0, done.err
    assert not lacking(done.err, [42, 4, "v.npz", "path"])
    assert "could not be made" not in done.err
    assert (here / "run/cycle_01/member_0/weights.pt").is_file()
    assert journal(here / "run")[2]["metrics"]["accuracy"] > 0.6  # type: ignore[index]
    assert refused(al("predict", "run", class_folders / "test", "--out", "out"), UsageError, "v.npz", "images")
    assert refused(al(*run), UsageError, "vectors")
