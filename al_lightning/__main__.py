"""`python -m al_lightning`: the command line, without the working directory as an import path."""

import os
import sys

if __name__ == "__main__":
    # Python put it first, and a folder that somebody sent may hold a timm.py. Where a config that the user gives may
    # name modules of the working directory, it becomes an import path again. Python itself has imported some modules
    # by now: `python -P -m al_lightning`, or `al-lightning`, keeps these safe too.
    here, package = os.path.realpath(""), os.path.realpath(os.path.dirname(os.path.dirname(__file__)))
    if not getattr(sys.flags, "safe_path", False) and sys.path and os.path.realpath(sys.path[0]) == here != package:
        del sys.path[0]
    from al_lightning.cli.main import run

    run()
