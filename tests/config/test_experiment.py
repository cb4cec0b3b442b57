"""The experiment that a configuration describes."""

from pathlib import Path


def test_steps_follow_from_epochs(here: Path) -> None:
    from al_lightning.config.experiment import configure

    experiment = configure(["digits_random"], ["--epochs", "100", "--data.batch_size", "8"], run_dir="r")
    assert experiment.steps(59) == 737  # 100 epochs of 59 images at batch 8, as in the study's 2-2 on Cityscapes
    assert experiment.options.steps is None
