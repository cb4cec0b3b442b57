"""Street scenes that the program draws: `sample_scene` decides what stands where, `draw` shows a frame of it."""

from al_lightning.data.streets.drawing import draw
from al_lightning.data.streets.scenes import Nuisance, sample_scene
from al_lightning.data.streets.types import CLASSES, Scene

__all__ = ["CLASSES", "Nuisance", "Scene", "draw", "sample_scene"]
