"""Who labels what was chosen."""

from al_lightning.oracle.base import Labelled, Oracle, Pending
from al_lightning.oracle.files import Files
from al_lightning.oracle.simulated import Simulated

__all__ = ["Files", "Labelled", "Oracle", "Pending", "Simulated"]
