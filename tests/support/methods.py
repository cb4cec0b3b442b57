"""Small experiments with any strategy and training method."""

from pathlib import Path

from tests.support.runs import SMALL_NETWORK, TINY

BUDGET = ["--budget.initial", 20, "--budget.query", 20, "--budget.cycles", 1, "--budget.unit", "percent"]


def images(strategy: str, training: str, root: Path) -> list[object]:
    """A classification run: 30 images of 12 x 12."""
    name = f"small_image_folder_{strategy}" + ("_uda" if training == "uda" else "")
    options = ["--config", name, "--data.root", root, "--data.size", "[12, 12]", *TINY, *SMALL_NETWORK, *BUDGET]
    options += ["--chunk", 4]
    return [*options, "--data.unlabelled.batch_size", 8] if training == "uda" else options


def maps(strategy: str, training: str, root: Path) -> list[object]:
    """A segmentation run: 16 images of 32 x 40 in four sequences, and the small U-Net."""
    name = f"mask_folder_unet_{strategy}" + ("_s4gan" if training == "s4gan" else "")
    options = ["--config", name, "--data.root", root, "--data.classes", "[ground, box]", "--network.width", 4]
    options += ["--data.sequence_pattern", r"(?P<sequence>.+)_(?P<frame>\d+)", "--training.head_lr_factor", 1, *TINY]
    options += ["--data.batch_size", 4, "--chunk", 4, *BUDGET]
    if strategy.startswith("uniform5"):  # a fifth of 16 images are candidates
        options += ["--acquisition.step", 2]
    return options
