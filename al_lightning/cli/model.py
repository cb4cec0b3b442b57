"""The commands about a trained network: `predict` and `export`. No torch until they need it."""

from __future__ import annotations

import importlib.util
from argparse import Namespace
from pathlib import Path

from al_lightning.cli.arguments import Arguments, add_imports, say
from al_lightning.console import quiet
from al_lightning.distributed.shutdown import shutdown
from al_lightning.errors import DatasetError, UsageError
from al_lightning.runs.journal import CycleRecord, Run

FORMATS = ("torchscript", "onnx", "state-dict")
ENDINGS = {"torchscript": ".torchscript.pt", "onnx": ".onnx", "state-dict": ".state_dict.pt"}
ONNX = ("onnx", "onnxscript", "onnxruntime")


def predict(given: list[str]) -> int:
    """Say what a run's network says of images."""
    parser = Arguments(
        "predict",
        "Predicts images with a finished cycle's network. Classification: DIR/predictions.csv. "
        "Segmentation besides: DIR/masks, PNGs of class ids with a palette, and DIR/overlays. The dataset of the run "
        "tells the classes; --data.root says where it is now.",
    )
    parser.add_argument("run_dir", type=Path, metavar="RUN_DIR", help="a run's directory")
    parser.add_argument("images", type=Path, nargs="+", metavar="IMAGES", help="files, or folders with all below them")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where to (RUN_DIR/predictions/cycle_KK)")
    parser.add_argument("--cycle", type=int, metavar="K", help="of the network (the last one that is there)")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="that computes (cpu)")
    _where(parser)
    ours = parser.read(given)
    from al_lightning.runs.weights import trained

    run, cycle, weights = trained(ours.run_dir, ours.cycle)
    if ours.cycle is None:
        _note_earlier(run, cycle)
    out = ours.out or _below(ours.run_dir, "predictions", f"cycle_{cycle.cycle:02d}")
    if ours.out is None:
        for folder in ("masks", "overlays"):
            _below(out, folder)
    if missing := [path for path in ours.images if not path.exists()]:
        raise UsageError(f"There is no file or folder {missing[0]}.")
    if out.exists() and not out.is_dir():
        raise UsageError(f"--out {out} is a file; a folder was expected.")
    shutdown.listen()
    quiet(ours.verbose)
    import torch

    if ours.device == "cuda" and not torch.cuda.is_available():
        raise UsageError("--device cuda: there is no CUDA device that torch could use here; take --device cpu.")
    from al_lightning.config.rebuild import reopen
    from al_lightning.deploy.predictions import find_images, write_predictions
    from al_lightning.deploy.predictor import Predictor
    from al_lightning.progress import counting

    images = find_images(ours.images, out)
    opened = reopen(ours.run_dir, _options(ours), ("network",), ours.imports)
    opened.check_weights(weights)
    predictor = Predictor(opened, weights, ours.device)
    broken: list[str] = []

    def tell(sentence: str) -> None:
        broken.append(sentence)
        say(sentence)

    with counting() as progress:
        table = write_predictions(predictor, images, out, tell, say, progress)
    print(table)
    if broken:
        count = f"{len(broken):,} of {len(images):,} images could not be read"
        raise DatasetError(f"{count}; those of the others are there.")
    return 0


def export(given: list[str]) -> int:
    """Write a run's network for use elsewhere."""
    parser = Arguments(
        "export",
        "Writes a finished cycle's network into a file, and what one has to know of it into FILE.json. "
        "TorchScript and ONNX take (B, 3, H, W) float32 RGB from 0 to 1, normalise themselves, and return "
        "probabilities. The file is checked against the network on images of the run before it is put in place.",
    )
    parser.add_argument("run_dir", type=Path, metavar="RUN_DIR", help="a run's directory")
    parser.add_argument("--format", choices=FORMATS, required=True, help="of the file")
    parser.add_argument("--fixed-size", action="store_true", help="onnx: for images of the run's size alone")
    parser.add_argument("--out", type=Path, metavar="FILE", help="the file (RUN_DIR/export/cycle_KK.*)")
    parser.add_argument("--cycle", type=int, metavar="K", help="of the network (the last one that is there)")
    _where(parser)
    ours = parser.read(given)
    if ours.fixed_size and ours.format != "onnx":
        raise UsageError(f"--fixed-size belongs to --format onnx; {ours.format} has no sizes to fix.")
    if ours.format == "onnx" and (lacking := [name for name in ONNX if importlib.util.find_spec(name) is None]):
        raise UsageError(
            f"--format onnx needs {', '.join(lacking)}, which the extra `onnx` installs: "
            "pip install 'al-lightning[onnx]'."
        )
    from al_lightning.runs.weights import trained

    run, cycle, weights = trained(ours.run_dir, ours.cycle)
    if ours.cycle is None:
        _note_earlier(run, cycle)
    out = ours.out or _below(ours.run_dir, "export", f"cycle_{cycle.cycle:02d}{ENDINGS[ours.format]}")
    if out.is_dir():
        raise UsageError(f"--out {out} is a folder; name a file in it.")
    shutdown.listen()
    quiet(ours.verbose)
    from al_lightning.config.rebuild import reopen
    from al_lightning.deploy.export import export as write
    from al_lightning.deploy.predictor import Predictor

    opened = reopen(ours.run_dir, _options(ours), ("network",), ours.imports)
    opened.check_weights(weights)
    done = write(Predictor(opened, weights), run, cycle, ours.format, out, say, ours.fixed_size)
    print(done.path)
    print(done.description)
    print(
        f"largest difference from the network's probabilities: {done.difference:.1e}, on {done.images} images of the "
        "run at batch sizes 1 and 3"
    )
    return 0


def _note_earlier(run: Run, cycle: CycleRecord) -> None:
    """Say where the network is not that of the last cycle, whose weights are gone."""
    if cycle.cycle < (last := run.cycles[-1].cycle):
        say(f"note: the weights of cycle {last} are gone; the network is that of cycle {cycle.cycle}")


def _below(folder: Path, *names: str) -> Path:
    """Return a place below a folder, of which no part is a link: whoever sent a run may have put one there.

    Raises:
        UsageError: one is.
    """
    for name in names:
        folder = folder / name
        if folder.is_symlink():
            raise UsageError(f"{folder} is a link, which may lead out of the run; name a place with --out.")
    return folder


def _where(parser: Arguments) -> None:
    """Take the options of fit that say where and how the data are read."""
    parser.add_argument("--data.root", metavar="DIR", dest="root", help="where the data of the run are (as in the run)")
    parser.add_argument("--data.eval_batch_size", metavar="N", dest="batch", help="images in memory (as in the run)")
    add_imports(parser)


def _options(ours: Namespace) -> list[str]:
    given = {"--data.root": ours.root, "--data.eval_batch_size": ours.batch}
    return [part for name, value in given.items() if value is not None for part in (name, value)]
