"""`python -m al_lightning` is `al-lightning`, also in that the working directory is no import path of it."""

import os
import sys

# Python put it first: a folder that somebody sent may hold a timm.py. Where a config that the user gives may name
# modules of the working directory, that becomes one again.
if not getattr(sys.flags, "safe_path", False) and sys.path and os.path.realpath(sys.path[0]) == os.path.realpath(""):
    del sys.path[0]

from al_lightning.cli import run

if __name__ == "__main__":
    run()
