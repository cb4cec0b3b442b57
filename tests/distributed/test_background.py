"""Signals of a command that a script put into the background, or that nohup started."""

import signal
import subprocess
import sys

import pytest

WAITS = """
import os, signal, sys, time
from al_lightning.distributed.signals import await_signals
def end(name):
    print(name, flush=True)
    os._exit(0)
await_signals({signal.SIGTERM, signal.SIGINT, signal.SIGHUP}, end)
print("waits", flush=True)
time.sleep(20)
"""


@pytest.mark.parametrize(
    ("ignored", "sent", "ends_by"),
    [
        ("INT", [signal.SIGINT], "SIGINT"),  # of a script's `&`
        ("HUP", [signal.SIGHUP, signal.SIGTERM], "SIGTERM"),  # of nohup
    ],
)
def test_what_a_shell_ignored(ignored: str, sent: list[signal.Signals], ends_by: str) -> None:
    command = ["sh", "-c", f'trap \'\' {ignored}; exec "$0" -c "$1"', sys.executable, WAITS]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == "waits\n"
        for number in sent:
            run.send_signal(number)
        assert run.stdout.read() == f"{ends_by}\n"
