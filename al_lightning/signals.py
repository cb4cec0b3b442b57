"""Signals by name. No torch."""

from __future__ import annotations

import signal

from al_lightning.errors import UsageError, nearest


def signal_named(name: str) -> signal.Signals:
    """Return the signal of a name, with or without SIG.

    Raises:
        UsageError: there is none, or it cannot be waited for.
    """
    known = {number.name.removeprefix("SIG"): number for number in signal.valid_signals() if hasattr(number, "name")}
    number = known.get(name.upper().removeprefix("SIG"))
    if number is None or number in (signal.SIGKILL, signal.SIGSTOP):
        raise UsageError(f"--stop_on {name}: there is no such signal to wait for.{nearest(name.upper(), known)}")
    return signal.Signals(number)
