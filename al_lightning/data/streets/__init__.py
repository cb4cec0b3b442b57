"""Street scenes drawn by the program: `sample_scene` places objects at random, `draw` renders a frame."""

from al_lightning.data.streets.drawing import draw
from al_lightning.data.streets.scenes import Nuisance, sample_scene
from al_lightning.data.streets.types import CLASSES, Scene

__all__ = ["CLASSES", "Nuisance", "Scene", "draw", "sample_scene"]
