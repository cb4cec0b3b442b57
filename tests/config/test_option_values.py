"""Values that no option can have: each is one sentence that names the option, and exit code 2."""

import inspect
import math
import typing
from pathlib import Path

import pytest
import torch

from al_lightning import acquisition, data, networks, oracle, training
from al_lightning.config.check import Walk
from al_lightning.config.configuration import parse
from al_lightning.config.fit_options import NAMES
from al_lightning.config.names import resolve
from al_lightning.errors import UsageError
from al_lightning.networks import Backbone, UNet, WideResNet
from al_lightning.pool import Budget
from al_lightning.tasks import Classification, Segmentation
from tests.support.errors import lacking, raises

CALLBACK = "[{class_path: lightning.pytorch.callbacks.EMAWeightAveraging, init_args: {decay: 2.0}}]"
S4GAN = ["--training", "al_lightning.training.S4GAN", "--data.unlabelled.images", "unlabelled"]
POLY = ["--training.schedule.class_path", "al_lightning.training.Poly"]
AUGMENTED = ["--data.augmentation", "al_lightning.data.ImageAugmentation"]


def fit(al, config, *options):
    return al("fit", "--config", config, "--steps", 3, "--budget.cycles", 0, "--run_dir", "run", *options)


@pytest.mark.parametrize(
    ("config", "options", "facts"),
    [
        # Other libraries' words, or a traceback's.
        ("digits_random_uda", ["--training.threshold=null"], ["training.threshold", "null", "a number"]),
        ("digits_random_uda", ["--data.unlabelled.images=null"], ["data.unlabelled.images", "null"]),
        ("digits_random", ["--training.optimizer=null"], ["training.optimizer", "null"]),
        ("digits_random", ["--training.optimizer.lr=null"], ["training.optimizer.lr", "null"]),
        ("digits_random", ["--network.dropout=null"], ["network.dropout", "null", "a number"]),
        ("digits_random", ["--data.batch_size=null"], ["data.batch_size", "null", "a whole number"]),
        ("digits_random", ["--data.cache=null"], ["data.cache", "null"]),
        ("digits_random", ["--task=null"], ["task", "null"]),
        ("digits_random", ["--oracle=null"], ["oracle", "null"]),
        ("digits_random", ["--chunk=null"], ["chunk", "null"]),
        ("digits_random", ["--training.optimizer.lr=-1"], ["training.optimizer", "learning rate", "-1"]),
        ("digits_random", ["--training.optimizer.momentum=-1"], ["training.optimizer", "momentum", "-1"]),
        ("digits_random", ["--training.optimizer.momentum=.nan"], ["training.optimizer.momentum", "nan"]),
        ("digits_random", ["--training.optimizer.lr=.inf"], ["training.optimizer.lr", "inf"]),
        ("digits_random", ["--training.optimizer.lr=much"], ["training.optimizer.lr", "a number", "much"]),
        ("digits_random", [*POLY, "--training.schedule.power=-1"], ["training.schedule.power", "-1", "at least 0"]),
        ("digits_random", [*AUGMENTED, f"--data.augmentation.crop_padding={10**11}"], ["crop_padding", "32768"]),
        ("digits_random", ["--trainer.callbacks", CALLBACK], ["trainer", "Invalid decay value 2.0"]),
        ("digits_random", ["--trainer.accelerator=abacus"], ["trainer", "abacus", "cpu"]),
        ("digits_random", [f"--trainer.devices={10**11}"], ["trainer.devices", "1024"]),
        ("digits_random", [f"--network.width={10**11}"], ["network.width", "256"]),
        ("digits_random", [f"--network.depth={10**11 + 6}"], ["network.depth", "1000"]),
        ("digits_random", [f"--data.batch_size={2**20 + 1}"], ["data.batch_size", str(2**20)]),
        ("digits_random", ["--training=al_lightning.training.base.TrainingModule"], ["training", "abstract"]),
        ("digits_random", ["--network.init_args={class_path: os.system}"], ["WideResNet has no option 'class_path'."]),
        ("digits_random", ["--share=~nouser/x"], ["share", "~nouser/x"]),
        ("digits_random", ["--data.cache=~nouser/x"], ["data.cache", "~nouser/x"]),
        ("digits_random", ["--stop_on=KILL"], ["KILL", "no process can catch"]),
        ("digits_random", ["--data.mean=[1]"], ["data.mean", "3", "[1]"]),
        ("digits_random", ["--data.augmentation={class_path: ending.X}"], ["ends the process when it is imported"]),
        ("digits_random", ["--data.augmentation={class_path: nowhere.X}"], ["data.augmentation", "nowhere"]),
        ("digits_random", ["--trainer.accelerator=tpu"], ["trainer", "torch_xla"]),
        # Accepted in silence.
        ("digits_random", ["--data.timeout=1e-300"], ["data.timeout", "1e-300", "at least 0.1"]),
        ("digits_random", [f"--seed={2**63}"], ["--seed", str(2**63)]),
        ("digits_random", ["--share=-1e-9"], ["share", "-1e-9", "the directory of a run"]),
        ("digits_random", ["--share=7"], ["share", "'7'", "the directory of a run"]),
        ("digits_random", ["--data.cache=-1"], ["data.cache", "-1", "true, false or a folder"]),
        ("digits_random", ["--oracle", "files", "--oracle.labels=-1"], ["oracle.labels", "-1"]),
        ("digits_random_uda", ["--training.weight=-1"], ["training.weight", "-1", "at least 0"]),
        ("digits_random", ["--trainer.gradient_clip_val=-1e-9"], ["trainer.gradient_clip_val", "-1e-09"]),
        ("digits_random", ["--data.std=[0,1,1]"], ["data.std[0]", "above 0"]),
        ("digits_random", ["--data.timeout=-1"], ["data.timeout", "-1", "at least 0"]),
    ],
    ids=lambda value: value[-1] if isinstance(value, list) and str(value[-1]).startswith("--") else "",
)
def test_a_value_that_cannot_be_is_one_sentence(al, here, config, options, facts, monkeypatch):
    Path("ending.py").write_text("raise SystemExit(3)\n")
    monkeypatch.syspath_prepend(str(here))
    answer = fit(al, config, *options)
    last = answer.err.splitlines()[-1]
    assert (answer.code, [fact for fact in facts if fact not in last]) == (2, []), answer.err
    assert last.startswith("al-lightning: ")
    assert "Error" not in last


@pytest.mark.parametrize(
    ("option", "reason"),
    [
        ("--training.optimizer.lr=1e308", "overflow"),
        ("--training.optimizer=torch.optim.SparseAdam", "dense gradients"),
    ],
)
def test_what_an_optimizer_cannot_do_names_it(al, here, option, reason):
    answer = fit(al, "digits_random", option, "--data.workers", 0)
    last = answer.err.splitlines()[-1]
    assert (answer.code, reason in last) == (1, True), answer.err
    assert not lacking(last, ["al-lightning: ", "training.optimizer", "step 0"])


@pytest.mark.parametrize(
    ("options", "facts"),
    [
        (["--data.images=null"], ["data.images", "null"]),
        ([*S4GAN, "--training.matching_weight=-1"], ["training.matching_weight", "-1"]),
        ([*S4GAN, "--training.self_training_weight=-1"], ["training.self_training_weight", "-1"]),
        (["--network.backbone.depth=null"], ["network.backbone.depth", "null"]),
        (["--network.backbone.weights", "junk.pt"], ["junk.pt", "no plain weights"]),
        (["--network.backbone.weights", "code.pt"], ["code.pt", "no plain weights"]),
    ],
    ids=lambda value: "".join(value[-2:]),
)
def test_so_it_is_where_images_have_masks(al, here, masks, options, facts):
    Path("junk.pt").write_bytes(b"no weights are in here\n" * 50)
    torch.save({"weight": print}, "code.pt")  # what torch refuses with the advice to read it unsafely
    answer = fit(al, "mask_folder_random", "--data.root", masks, "--data.classes", "[ground, box]", *options)
    last = answer.err.splitlines()[-1]
    assert (answer.code, [fact for fact in facts if fact not in last]) == (2, []), answer.err
    if "weights" in options[0]:
        answer = al("fit", "--config", "mask_folder_random", "--data.root", masks, "--run_dir", "again", "--verbose",
                    "--data.classes", "[ground, box]", *options)  # fmt: skip
    assert "weights_only=False" not in answer.err


# ---------------------------------------------------------------------------------------- the kind: numbers


class TwoMaps(Backbone):
    channels, stage_channels, output_stride = (2, 4), (2, 4), 16

    def forward(self, image):
        raise NotImplementedError


def method(network, task):
    return {"network": network(2), "task": task(2), "steps": 4, "key": (0, 0, 0)}


SHIPPED = [
    getattr(package, name)
    for package in (acquisition, data, networks, oracle, training)
    for name in getattr(package, "__all__", dir(package))
    if inspect.isclass(getattr(package, name)) and not inspect.isabstract(getattr(package, name))
] + [Budget, Classification, Segmentation]
REQUIRED = {
    data.MaskFolder: {"classes": ["ground", "box"]},
    networks.DeepLabV3Plus: {"num_classes": 2, "backbone": TwoMaps()},
    networks.UNet: {"num_classes": 2},
    networks.WideResNet: {"num_classes": 2},
    networks.ResNetClassifier: {"num_classes": 2},
    networks.TimmClassifier: {"num_classes": 2, "model": "resnet10t"},
    networks.HypercolumnClassifier: {"num_classes": 2, "model": "resnet10t"},
    networks.VectorClassifier: {"num_classes": 2, "vectors": "none.npy"},
    acquisition.Power: {"strategy": acquisition.Entropy()},
    training.Supervised: method(lambda classes: WideResNet(classes, 10, 1), Classification),
    training.Probe: method(lambda classes: WideResNet(classes, 10, 1), Classification),
    training.UDA: method(lambda classes: WideResNet(classes, 10, 1), Classification),
    training.S4GAN: method(UNet, Segmentation),
    Budget: {"initial": 1, "query": 1, "cycles": 1},
}
NO_OPTIONS = {
    "num_classes": "the data set it",
    "steps": "the run sets it, from options that are checked",
    "key": "the run sets it",
}
NOT_NAMED = {
    data.Images: "a dataset makes it",
    networks.LossPredictor: "a network makes it",
    networks.MCDropout: "a network makes it; its p is checked all the same",
    oracle.Labelled: "an answer",
    oracle.Pending: "an answer",
}


def numbers_of(annotation):
    """How many numbers an annotation wants: 1, or those of a tuple; 0 where it wants something else."""
    if annotation in (int, float):
        return 1
    parts = typing.get_args(annotation)
    if typing.get_origin(annotation) is typing.Literal:
        return int(all(type(part) is int for part in parts))
    if typing.get_origin(annotation) is tuple:
        return len(parts) if all(part in (int, float) for part in parts) else 0
    return max((numbers_of(part) for part in parts), default=0) if type(None) in parts else 0


def numeric(cls):
    """{name: how many numbers} of a class's options, its bases' included where it hands options on."""
    found = {}
    for base in inspect.getmro(cls):
        if "__init__" not in vars(base) or base.__module__.split(".")[0] != "al_lightning":
            continue
        hints = typing.get_type_hints(base.__init__)
        found = {name: count for name, hint in hints.items() if (count := numbers_of(hint))} | found
        if not any(p.kind is p.VAR_KEYWORD for p in inspect.signature(base.__init__).parameters.values()):
            break
    return {name: count for name, count in found.items() if name not in NO_OPTIONS}


SET_BY_SUBCLASS = {(data.CamVid, "ignore")}
CASES = [
    (cls, name, count)
    for cls in SHIPPED
    if cls not in NOT_NAMED
    for name, count in numeric(cls).items()
    if (cls, name) not in SET_BY_SUBCLASS
]


@pytest.mark.parametrize(("cls", "name", "count"), CASES, ids=[f"{cls.__name__}.{name}" for cls, name, _ in CASES])
def test_every_number_of_every_class_has_a_range(cls, name, count):
    for bad in (math.nan, math.inf, -math.inf, -(10**9)):
        value = bad if count == 1 else (bad,) * count
        with raises(UsageError, name, str(bad)):
            cls(**{**REQUIRED.get(cls, {}), name: value})


def test_the_classes_and_their_numbers_are_found():
    assert len({cls for cls, _, _ in CASES}) >= 25
    named = {f"{cls.__name__}.{name}" for cls, name, _ in CASES}
    wanted = {"Digits.std", "UDA.weight", "UDA.head_lr_factor", "Poly.power", "ImageAugmentation.crop_padding"}
    wanted |= {
        "WiderResNet38.dropout6",
        "BALD.passes",
        "Unlabelled.batch_size",
        "Budget.query",
        "VOC.size",
        "A2D2.timeout",
    }
    assert wanted - named == set()


# ---------------------------------------------------------------------------------------- the kind: nulls

MAY_BE_NULL = {
    "steps", "epochs", "share",
    "data.augmentation", "data.unlabelled", "data.unlabelled.batch_size", "data.unlabelled.views",
    "data.unlabelled.views.original", "data.unlabelled.views.augmented",
    "training.schedule", "training.annealing",
    "training.optimizer.foreach", "training.optimizer.fused",
    "trainer.precision", "trainer.callbacks", "trainer.gradient_clip_val", "trainer.gradient_clip_algorithm",
    "trainer.deterministic", "trainer.benchmark", "trainer.profiler",
    "constraints.per_sequence", "constraints.gap", "constraints.per_group",
    "constraints.file", "constraints.column", "constraints.per_value",
}  # fmt: skip


def holders(node, path):
    """Each (mapping, name, the option's dotted name) of a configuration as plain data."""
    for name, value in node.items():
        if name == "init_args":
            yield from holders(value, path)
        elif name != "class_path":
            if path or name in ("steps", "epochs", "share"):
                yield node, name, ".".join([*path, name])
            if isinstance(value, dict):
                yield from holders(value, [*path, name])


def test_null_is_for_options_that_take_none():
    config = parse(resolve(["digits_random_uda"]).values).plain
    Walk().top(config, NAMES)
    taken, refused = set(), set()
    for holder, name, option in list(holders(config, [])):
        before, holder[name] = holder[name], None
        words = ""
        try:
            Walk().top(config, NAMES)
        except UsageError as error:
            words = str(error)
        holder[name] = before
        (refused if words.startswith(f"{option} ") and " null" in words else taken).add(option)
    assert taken == MAY_BE_NULL
    assert {"data.unlabelled.views.augmented.cutout", "training.optimizer.lr", "trainer.devices"} <= refused
