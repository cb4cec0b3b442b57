"""Many runs at a time: on this machine's GPUs or cores, or on a cluster. No torch."""

from al_lightning.launcher.job import Job, Outcome

__all__ = ["Job", "Outcome"]
