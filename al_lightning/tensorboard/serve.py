"""TensorBoard on all runs below a folder: `python -m al_lightning.tensorboard.serve [FOLDER]`, by default `runs`.

TensorBoard calls a run by its path, so that all runs on a dataset begin alike. It is therefore given a folder of links,
whose paths begin with what tells runs apart: `entropy_seed_0/digits_entropy/curve`.
"""

from __future__ import annotations

import base64
import hashlib
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tensorboard.backend import http_util
from tensorboard.default import get_plugins
from tensorboard.plugins.base_plugin import TBPlugin
from tensorboard.program import TensorBoard
from werkzeug import wrappers

from al_lightning.errors import ALError
from al_lightning.runs.journal import JOURNAL, read_run
from al_lightning.runs.parts import method_of

EVERY = 10.0
"""Seconds between searches for new runs."""
SCRIPT = """localStorage.setItem("_ignoreYOutliers", "false");
location.replace("../../../#custom_scalars&regexInput=curve&_smoothingWeight=0");"""
"""By default TensorBoard smooths curves and cuts off their lowest and highest values, which are the ends of short ones.

The address of its page can name the first, but only the browser's storage the second.
"""


class CurvesPage(TBPlugin):  # type: ignore[misc]  # tensorboard has no types
    """A page that opens TensorBoard on the curves of all runs against the number of labels, as they are."""

    plugin_name = "curves"

    def get_plugin_apps(self) -> dict[str, Callable[..., Any]]:
        """Return the page, which has the address data/plugin/curves/page."""
        return {"/page": self.page}

    def is_active(self) -> bool:
        """Return whether TensorBoard shows a tab for this plugin."""
        return False

    @wrappers.Request.application  # type: ignore[arg-type]  # werkzeug knows functions alone
    def page(self, request: wrappers.Request) -> Any:
        """Return the page."""
        trusted = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
        html = f"<!doctype html><script>{SCRIPT}</script>"
        return http_util.Respond(request, html, "text/html", csp_scripts_sha256s=[trusted])


def link_runs(folder: Path, links: Path) -> None:
    """Link the runs below a folder that have no link yet; a run that cannot be read gets none.

    Args:
        folder: searched for run directories.
        links: folder of the links; a link's path begins with the run's method and seed.
    """
    for journal in sorted(folder.rglob(JOURNAL)):
        directory = journal.parent
        try:
            record = read_run(directory).record
        except ALError:  # begun this moment, or of another format; `al-lightning show` says which
            continue
        below, seed = directory.relative_to(folder), f"seed_{record.seed}"
        link = links / f"{method_of(record)}_{seed}" / (below.parent if below.name == seed else below)
        if not link.is_symlink():
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(directory.resolve(), target_is_directory=True)


def launch(links: Path, **flags: object) -> str:
    """Start TensorBoard in a thread, with its own flags, and return the address of its page of curves."""
    board = TensorBoard(plugins=[*get_plugins(), CurvesPage])
    board.configure(logdir=str(links), **flags)
    return f"{board.launch()}data/plugin/{CurvesPage.plugin_name}/page"


def main(folder: Path) -> None:
    """Serve TensorBoard until it is interrupted, and look for new runs meanwhile."""
    with tempfile.TemporaryDirectory() as links:
        link_runs(folder, Path(links))
        print(f"all runs against labels: {launch(Path(links))}")
        print("(of more than 40 curves TensorBoard selects none by itself: press TOGGLE ALL RUNS)", flush=True)
        while True:
            time.sleep(EVERY)
            link_runs(folder, Path(links))


if __name__ == "__main__":
    named = Path(sys.argv[1] if len(sys.argv) > 1 else "runs")
    if not named.is_dir():
        sys.exit(f"There is no folder {named}; name the folder of your runs.")
    try:
        main(named)
    except KeyboardInterrupt:
        sys.exit(130)
