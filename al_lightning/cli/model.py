"""The commands about a trained network: `predict` and `export`. No torch until they need it."""

from __future__ import annotations

import importlib.util
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from al_lightning.cli.arguments import Arguments, add_imports, begin, say
from al_lightning.errors import DatasetError, UsageError
from al_lightning.runs.journal import CycleRecord, Run

if TYPE_CHECKING:
    from al_lightning.config.rebuild import Reopened

ENDINGS = {"torchscript": ".torchscript.pt", "onnx": ".onnx", "state-dict": ".state_dict.pt"}
ONNX = ("onnx", "onnxscript", "onnxruntime")


def predict(given: list[str]) -> int:
    """Predict images with a run's network."""
    parser = Arguments(
        "predict",
        "Predicts images with a finished cycle's network and writes DIR/predictions.csv. Segmentation writes also "
        "DIR/masks, PNGs of class ids with a palette, and DIR/overlays. The run's dataset names the classes; "
        "--data.root says where the dataset is now.",
    )
    parser.add_argument("run_dir", type=Path, metavar="RUN_DIR", help="a run's directory")
    parser.add_argument("images", type=Path, nargs="+", metavar="IMAGES", help="files, or folders with all below them")
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder of the results (RUN_DIR/predictions/cycle_KK)")
    parser.add_argument("--cycle", type=int, metavar="K", help="cycle of the network (the last with weights)")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="device that computes (cpu)")
    _add_data_options(parser)
    ours = parser.read(given)
    _, cycle, weights = _trained(ours)
    out = ours.out or _below(ours.run_dir, "predictions", f"cycle_{cycle.cycle:02d}")
    if ours.out is None:
        for folder in ("masks", "overlays"):
            _below(out, folder)
    if missing := [path for path in ours.images if not path.exists()]:
        raise DatasetError(f"There is no file or folder {missing[0]}.")
    if out.exists() and not out.is_dir():
        raise UsageError(f"--out {out} is a file; a folder was expected.")
    begin(ours.verbose)
    import torch

    if ours.device == "cuda" and not torch.cuda.is_available():
        raise UsageError("--device cuda: there is no CUDA device that torch could use here; take --device cpu.")
    from al_lightning.deploy.predictions import find_images, write_predictions
    from al_lightning.deploy.predictor import Predictor
    from al_lightning.progress import counting

    images = find_images(ours.images, out, say)
    predictor = Predictor(_opened(ours, cycle, weights), weights, ours.device)
    broken: list[str] = []

    def report(sentence: str) -> None:
        broken.append(sentence)
        say(sentence)

    with counting() as progress:
        table = write_predictions(predictor, images, out, report, say, progress)
    print(table)
    if broken:
        count = f"{len(broken):,} of {len(images):,} images could not be read"
        raise DatasetError(f"{count}; the predictions of the other images are written.")
    return 0


def export(given: list[str]) -> int:
    """Write a run's network for use elsewhere."""
    parser = Arguments(
        "export",
        "Writes a finished cycle's network into a file, and its description into FILE.json. "
        "TorchScript and ONNX take (B, 3, H, W) float32 RGB from 0 to 1, normalise the input, and return "
        "probabilities. The probabilities are compared with the network's on images of the run first.",
    )
    parser.add_argument("run_dir", type=Path, metavar="RUN_DIR", help="a run's directory")
    parser.add_argument("--format", choices=list(ENDINGS), required=True, help="format of the file")
    parser.add_argument("--fixed-size", action="store_true", help="onnx: for images of the run's size only")
    parser.add_argument("--out", type=Path, metavar="FILE", help="the file (RUN_DIR/export/cycle_KK.*)")
    parser.add_argument("--cycle", type=int, metavar="K", help="cycle of the network (the last with weights)")
    _add_data_options(parser)
    ours = parser.read(given)
    if ours.fixed_size and ours.format != "onnx":
        raise UsageError(f"--fixed-size belongs to --format onnx; leave it out with {ours.format}.")
    if ours.format == "onnx" and (lacking := [name for name in ONNX if importlib.util.find_spec(name) is None]):
        raise UsageError(
            f"--format onnx needs {', '.join(lacking)}, which the extra `onnx` installs: "
            "pip install 'al-lightning[onnx]'."
        )
    run, cycle, weights = _trained(ours)
    out = ours.out or _below(ours.run_dir, "export", f"cycle_{cycle.cycle:02d}{ENDINGS[ours.format]}")
    if out.is_dir():
        raise UsageError(f"--out {out} is a folder; name a file in it.")
    begin(ours.verbose)
    from al_lightning.deploy.export import export as write
    from al_lightning.deploy.predictor import Predictor

    done = write(Predictor(_opened(ours, cycle, weights), weights), run, cycle, ours.format, out, say, ours.fixed_size)
    print(done.path)
    print(done.description)
    print(
        f"largest difference from the network's probabilities: {done.difference:.1e}, on {done.images} images of the "
        "run at batch sizes 1 and 3"
    )
    return 0


def _trained(ours: Namespace) -> tuple[Run, CycleRecord, Path]:
    """Return the run, a finished cycle, and the weights of its network; of the last cycle with weights by default."""
    from al_lightning.runs.weights import trained

    run, cycle, weights = trained(ours.run_dir, ours.cycle)
    if ours.cycle is None and cycle.cycle < (last := run.cycles[-1].cycle):
        say(f"note: the weights of cycle {last} are gone; the network is that of cycle {cycle.cycle}")
    return run, cycle, weights


def _opened(ours: Namespace, cycle: CycleRecord, weights: Path) -> Reopened:
    """Build the dataset and the network of a run, which fits the weights."""
    from al_lightning.config.rebuild import reopen

    given = {"--data.root": ours.root, "--data.eval_batch_size": ours.batch}
    options = [part for name, value in given.items() if value is not None for part in (name, value)]
    opened = reopen(ours.run_dir, options, ("network",), ours.imports, cycle=cycle.cycle)
    opened.check_weights(weights)
    return opened


def _below(folder: Path, *names: str) -> Path:
    """Return a path below a folder without symbolic links, which a run from somebody else may have.

    Raises:
        UsageError: a part of the path is a link.
    """
    for name in names:
        folder = folder / name
        if folder.is_symlink():
            raise UsageError(f"{folder} is a link, which may lead out of the run; name another path with --out.")
    return folder


def _add_data_options(parser: Arguments) -> None:
    """Declare the options of fit that say where and how the data are read."""
    parser.add_argument("--data.root", metavar="DIR", dest="root", help="folder of the run's data (as in the run)")
    parser.add_argument("--data.eval_batch_size", metavar="N", dest="batch", help="images of a batch (as in the run)")
    add_imports(parser)
