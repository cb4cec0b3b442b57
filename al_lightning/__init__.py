"""al-lightning: does active learning help on my data, and which method?"""

import os

TYPE_CHECKING = False  # typing's, without importing it: see __main__

# albumentations asks the package index for updates at import, in every process, unless this stands before it.
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
# OpenMP threads that wait by spinning stall each other as soon as anything else runs, our own data workers included:
# a run of seconds took minutes beside another process. Read once, when torch is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

__version__ = "0.1.0"
__all__ = ["__version__", "audit", "dataset", "fit", "query", "read_run", "recommend", "report"]

if TYPE_CHECKING:
    from typing import Any

    from al_lightning.api import audit, dataset, fit, query, read_run, recommend, report


def __getattr__(name: str) -> "Any":
    """Load the Python interface on first use, so that `import al_lightning` does not import torch."""
    if name in __all__:
        from al_lightning import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
