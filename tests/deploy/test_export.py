"""`al-lightning export`, as typed: each file is run by its own runtime and gives what the network gives."""

import importlib.util
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import al_lightning
from al_lightning.cli.main import main
from al_lightning.config.rebuild import reopen
from al_lightning.data.dataset import PoolDataset
from al_lightning.data.images import Images
from al_lightning.deploy.export import _some_images
from al_lightning.deploy.export_formats import Deployed, takes_any_size
from al_lightning.drawing import palette
from al_lightning.errors import ALError, UsageError
from al_lightning.networks import UNet, WideResNet
from al_lightning.runs.journal import read_run
from tests.support.errors import refused
from tests.support.runs import SMALL_NETWORK, TINY, Answer, journal

Call = Callable[..., Answer]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Digits by a network with dropout and a loss predictor, streets by a U-Net."""
    where = tmp_path_factory.mktemp("runs")
    digits = ["--config", "digits_random", *TINY, *SMALL_NETWORK, "--network.dropout", 0.4]
    digits += ["--network.loss_predictor", "true", "--steps", 40, "--budget.cycles", 0]
    streets = ["--config", "demo_0f_random", "--data.pool_size", 24, "--data.test_size", 6, "--data.size", "[32, 64]"]
    streets += ["--steps", 20, "--budget.cycles", 0, "--keep", "last"]
    for name, options in (("digits", digits), ("streets", streets)):
        assert main(["fit", *map(str, options), "--run_dir", str(where / name)]) == 0
    return where


def floats(images: Images, count: int) -> np.ndarray:
    """(count, 3, H, W) float32, 0 to 1."""
    return np.stack([images.image(k).transpose(2, 0, 1) for k in range(count)]).astype(np.float32) / 255


def data_of(run_dir: Path) -> PoolDataset:
    return reopen(run_dir).data


def test_torchscript_of_the_digits_has_the_journals_accuracy(al: Call, here: Path, runs: Path) -> None:
    answer = al("export", runs / "digits", "--format", "torchscript", "--out", "x/model.pt")
    assert answer.code == 0, answer.err
    assert answer.out.splitlines()[:2] == ["x/model.pt", "x/model.pt.json"]
    assert "largest difference from the network's probabilities: " in answer.out
    module, test = torch.jit.load(here / "x/model.pt"), data_of(runs / "digits").test
    said = module(torch.from_numpy(floats(test, len(test))))
    assert torch.allclose(said.sum(1), torch.ones(len(test)), atol=1e-5)
    right = np.mean([int(said[k].argmax()) == test.label(k) for k in range(len(test))])
    metrics = journal(runs / "digits")[1]["metrics"]
    assert right == pytest.approx(metrics["accuracy"], abs=1e-6)
    assert torch.equal(module(torch.ones(5, 3, 8, 8)), module(torch.ones(5, 3, 8, 8)))  # dropout is off
    assert not [name for name in module.state_dict() if "loss_predictor" in name]
    about = json.loads((here / "x/model.pt.json").read_text())
    assert about["run"] == {
        "name": "digits_random",
        "seed": 0,
        "config_sha256": read_run(runs / "digits").record.config_sha256,
        "journal_check": json.loads((runs / "digits/cycles.jsonl").read_text().splitlines()[2])["check"],
        "cycle": 0,
        "labelled": 20,
        "metrics": metrics,
    }
    assert (about["class_names"], about["colours"]) == (list("0123456789"), palette(10).tolist())
    assert (about["mean"], about["std"], about["size"]) == ([0.5] * 3, [0.5] * 3, None)
    assert (about["format"], about["versions"]["torch"]) == ("torchscript", torch.__version__.split("+")[0])
    assert about["largest_difference"] < 1e-5


@pytest.mark.slow
def test_onnx_of_the_streets_takes_any_batch_and_size(al: Call, here: Path, runs: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    answer = al("export", runs / "streets", "--format", "onnx")
    assert answer.code == 0, answer.err
    path = runs / "streets/export/cycle_00.onnx"
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (taken,), (given,) = session.get_inputs(), session.get_outputs()
    assert (taken.name, taken.shape) == ("image", ["batch", 3, "height", "width"])
    assert (given.name, given.shape) == ("probabilities", ["batch", 10, "height", "width"])
    run = reopen(runs / "streets", sections=("network",))
    network = run.network(10).eval()
    content = torch.load(runs / "streets/cycle_00/member_0/weights.pt", weights_only=True)
    network.load_state_dict(content["network"])
    images = floats(run.data.test, 4)
    for batch in (images, images[:1], images[:2, :, :23, :41]):
        with torch.no_grad():
            normalised = (torch.from_numpy(batch) - run.data.mean) / run.data.std
            wanted = network(normalised).logits.softmax(1).numpy()
        got = session.run(None, {"image": np.ascontiguousarray(batch)})[0]
        assert np.abs(got - wanted).max() < 1e-5
        assert wanted.std() > 0.01  # it learned something that could differ
    about = json.loads(path.with_name("cycle_00.onnx.json").read_text())
    assert (about["task"], about["size"]) == ("segmentation", [32, 64])
    assert about["inputs"][0]["shape"] == ["batch", 3, "height", "width"]
    assert about["versions"]["onnxruntime"] == onnxruntime.__version__


def test_a_state_dict_is_plain_tensors_that_fill_the_network(al: Call, here: Path, runs: Path) -> None:
    assert al("export", runs / "digits", "--format", "state-dict", "--out", "s.pt").code == 0
    state = torch.load(here / "s.pt", weights_only=True)
    whole = torch.load(runs / "digits/cycle_00/member_0/weights.pt", weights_only=True)["network"]
    assert state.keys() == {name for name in whole if not name.startswith("loss_predictor.")} < whole.keys()
    assert all(torch.equal(state[name], whole[name]) for name in state)
    about = json.loads((here / "s.pt.json").read_text())
    assert about["network"]["class_path"] == "al_lightning.networks.WideResNet"
    assert about["normalised_inside"] is False
    WideResNet(10, **about["network"]["init_args"]).load_state_dict(state)  # the JSON tells how to build it


def test_a_torchscript_file_tells_no_time(al: Call, here: Path, runs: Path) -> None:
    assert al("export", runs / "digits", "--format", "torchscript", "--out", "a.pt").code == 0
    torch.jit.save(torch.jit.load(here / "a.pt"), here / "torch.pt")  # torch's own files are the same each time
    dates = [{part.date_time for part in zipfile.ZipFile(here / name).infolist()} for name in ("a.pt", "torch.pt")]
    assert dates[0] == dates[1]


@pytest.mark.slow
def test_no_file_tells_where_the_code_lies(al: Call, here: Path, runs: Path) -> None:
    pytest.importorskip("onnxruntime")
    for form in ("torchscript", "onnx"):
        options = ["--fixed-size"] if form == "onnx" else []
        answer = al("export", runs / "digits", "--format", form, "--out", form, *options)
        assert answer.code == 0, answer.err
        assert str(Path(al_lightning.__file__).parent).encode() not in (here / form).read_bytes()
        shape = json.loads((here / f"{form}.json").read_text())["inputs"][0]["shape"]
        assert shape == ["batch", 3, *([8, 8] if options else ["height", "width"])]


@pytest.mark.parametrize("error", [1e-3, float("nan")])
def test_what_differs_from_the_network_is_not_written(
    al: Call, here: Path, runs: Path, monkeypatch: pytest.MonkeyPatch, error: float
) -> None:
    right = Deployed.forward
    monkeypatch.setattr(Deployed, "forward", lambda self, image: right(self, image) + error)
    (here / "old.pt").write_text("old")
    answer = al("export", runs / "digits", "--format", "torchscript", "--out", "old.pt")
    assert refused(answer, ALError, "probabilities")
    assert [(path.name, path.read_text()) for path in here.iterdir()] == [("old.pt", "old")]


@pytest.mark.parametrize(
    ("arguments", "facts"),
    [
        (["nowhere", "--format", "onnx"], ["nowhere", "cycles.jsonl"]),
        (["digits"], ["--format"]),
        (["digits", "--format", "pickle"], ["--format", "'pickle'"]),
        (["digits", "--format", "torchscript", "--cycle", "1"], ["cycle 0", "cycle 1"]),
        (["digits", "--format", "torchscript", "--out", "."], ["--out ."]),
        (["digits", "--format", "torchscript", "--fixed-size"], ["--fixed-size", "--format onnx"]),
        (["digits", "--format", "torchscript", "--data.rot", "x"], ["--data.rot"]),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(
    al: Call, here: Path, runs: Path, arguments: list[str], facts: list[object]
) -> None:
    (here / "digits").symlink_to(runs / "digits")
    answer = al("export", *arguments)
    assert refused(answer, UsageError, *facts)
    assert len(answer.err.splitlines()) == 1


def test_without_the_extra_it_is_named(al: Call, here: Path, runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: None if "onnx" in name else find(name, *more))
    answer = al("export", runs / "digits", "--format", "onnx")
    assert refused(answer, UsageError, "'al-lightning[onnx]'")


def test_a_file_that_knows_one_size_is_found_out() -> None:
    images = np.random.default_rng(0).integers(0, 255, (3, 16, 24, 3), dtype=np.uint8)
    deployed = Deployed(UNet(3, 4), torch.zeros(3, 1, 1), torch.ones(3, 1, 1))

    def run(batch: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return deployed(torch.from_numpy(batch)).numpy()

    def raises(batch: np.ndarray) -> np.ndarray:
        raise RuntimeError("one size alone")

    assert takes_any_size(run, deployed, images)
    assert not takes_any_size(raises, deployed, images)
    assert not takes_any_size(lambda batch: run(batch)[..., :24], deployed, images)
    assert not takes_any_size(lambda batch: run(batch) + (batch.shape[-1] > 32), deployed, images)


def test_it_is_checked_on_images_of_the_pool_where_there_is_no_test_set() -> None:
    class Squares(list):
        def image(self, index: int) -> np.ndarray:
            return np.full((2 + index % 2, 2, 3), self[index], np.uint8)

    predictor = SimpleNamespace(data=SimpleNamespace(test=Squares(), train=Squares([7, 8, 9])))
    images = _some_images(predictor)  # of the first one's size
    assert images[:, 0, 0, 0].tolist() == [7, 7, 9]
    assert images.shape == (3, 2, 2, 3)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "options", "onnx"),
    [
        ("digits_resnet18_random", ["--network.weights", "null"], []),
        ("demo_0f_mobilenet_random", [], []),
        ("demo_0f_efficientnet_random", [], ["--fixed-size"]),
    ],
)
def test_every_kind_of_network_can_be_taken_away(
    al: Call, here: Path, name: str, options: list[str], onnx: list[str]
) -> None:
    if name.startswith("demo"):
        options = [*options, "--data.pool_size", 24, "--data.test_size", 6, "--data.size", "[32, 64]"]
    run = al("fit", "--config", name, *options, "--steps", 4, "--budget.cycles", 0, "--run_dir", "r")
    assert run.code == 0, run.err
    for form, more in (("torchscript", []), ("onnx", onnx), ("state-dict", [])):
        answer = al("export", "r", "--format", form, *more)
        assert answer.code == 0, answer.err
        assert "cannot be exported for images of any size" not in answer.err
