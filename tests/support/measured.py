"""`al-lightning labels` in a process of its own, within bounds of memory and time."""

from __future__ import annotations

import subprocess
import sys

from tests.support.processes import environment

MEGABYTES, SECONDS = 500, 10
"""What an import may take beyond the interpreter's start, for a run with a few small images."""
MEASURED = """
import re, resource, sys, time
from al_lightning.cli.labels import labels
from al_lightning.errors import ALError

def peak():  # of this program; what getrusage tells includes the process that started it
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1]) >> 10

resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))
before, begun = peak(), time.monotonic()
try:
    code = labels(sys.argv[1:])
except ALError as error:
    code = error.exit_code
    print(error, file=sys.stderr)
print("took", code, peak() - before, time.monotonic() - begun)
"""


def measured(*arguments: object, megabytes: int = MEGABYTES, seconds: float = SECONDS) -> tuple[int, str]:
    """Call `labels` in a process of its own; return its exit code and what it said, once its cost was within bounds."""
    command = [sys.executable, "-c", MEASURED, *map(str, arguments)]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=120)
    assert "took" in done.stdout, done.stderr
    code, memory, time = done.stdout.rsplit("took", 1)[1].split()
    assert int(memory) < megabytes, f"{memory} MB: {done.stderr}"
    assert float(time) < seconds, f"{time} s: {done.stderr}"
    return int(code), done.stderr
