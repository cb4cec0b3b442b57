"""One process at a time writes in a run directory."""

import subprocess
import sys

from al_lightning.errors import ALError
from al_lightning.runs.store import RunStore
from tests.support.errors import lacking, raises

LOCK = """
import sys
from pathlib import Path
from al_lightning.errors import DirectoryInUse
from al_lightning.runs.store import RunStore
try:
    RunStore(Path(sys.argv[1]), writes=sys.argv[2] == "writes").lock()
except DirectoryInUse as error:
    print("in use", error)
else:
    print("locked")
"""


def lock_elsewhere(directory, writes="writes"):
    done = subprocess.run(
        [sys.executable, "-c", LOCK, str(directory), writes], capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout.strip()


def test_a_second_process_is_refused_until_the_first_lets_go(tmp_path):
    store = RunStore(tmp_path / "run")
    store.lock()
    store.lock()
    said = lock_elsewhere(store.directory)
    assert said.startswith("in use")
    assert not lacking(said, [store.directory])
    assert lock_elsewhere(store.directory, "reads") == "locked"
    store.release()
    store.release()
    assert lock_elsewhere(store.directory) == "locked"


def test_a_lock_ends_with_its_process(tmp_path):
    assert lock_elsewhere(tmp_path) == "locked"
    assert lock_elsewhere(tmp_path) == "locked"


def test_a_directory_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with raises(ALError, tmp_path / "file"):
        RunStore(tmp_path / "file").lock()
