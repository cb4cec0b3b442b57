"""The terminal: lines, one live part, and which messages of other libraries are shown. No torch."""

from __future__ import annotations

import logging
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, TextIO

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType

LINE_SECONDS = 30.0
"""Seconds between two plain lines about work that goes on."""
DRAW_SECONDS = 0.1
"""Seconds between two drawings of the live part."""
SHORTEST_BAR, LONGEST_BAR = 4, 20
"""Columns of a bar."""


class _ToStandardError(logging.StreamHandler[TextIO]):
    """The handler that `quiet` adds. Each message is shown once: every fit loads the same weights."""

    def __init__(self) -> None:
        super().__init__()
        self._shown: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        """Print a message that was not printed before."""
        if (text := self.format(record)) not in self._shown:
            self._shown.add(text)
            super().emit(record)


LIGHTNING = ("lightning.pytorch", "lightning.fabric")
"""Loggers whose messages are hidden."""


@contextmanager
def lightning_silenced() -> Iterator[None]:
    """Hide messages and warnings of Lightning and torch inside the block; for calls from Python."""
    import lightning.pytorch  # noqa: F401 - it sets the level of its loggers when it is imported

    loggers = [logging.getLogger(name) for name in LIGHTNING]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"(lightning|torch)(\.|$)")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def quiet(verbose: bool) -> None:
    """Show messages of this package, and hide other libraries' messages unless `verbose`."""
    ours = logging.getLogger("al_lightning")
    earlier = [handler for handler in ours.handlers if isinstance(handler, _ToStandardError)]
    for handler in earlier:
        ours.removeHandler(handler)  # its standard error may be closed by now
    if earlier or not ours.handlers:  # a caller's own handlers are enough
        ours.addHandler(_ToStandardError())
        ours.setLevel(logging.INFO)
        ours.propagate = False
    if verbose:
        return
    import lightning.pytorch  # noqa: F401 - it sets the level of its loggers when it is imported

    for name in LIGHTNING:
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore")
    os.environ.setdefault("PYTHONWARNINGS", "ignore")  # for the processes that load data


class Display(AbstractContextManager[Any]):
    """Prints lines; in a terminal, a live part below the lines shows the progress of the work.

    Args:
        stream: the output; standard error by default, so that results on standard output can be piped.
        shown: whether anything is printed.

    Attributes:
        live: whether there is a live part.
    """

    def __init__(self, stream: TextIO | None = None, shown: bool = True) -> None:
        from rich.console import Console  # takes as long to import as the whole command line
        from rich.live import Live

        self.console = Console(file=stream or sys.stderr, highlight=False, soft_wrap=True)
        self.shown = shown
        self.live = shown and self.console.is_terminal
        self._live = Live(console=self.console, auto_refresh=False, transient=True)
        self._drawn = 0.0
        self._spoken = time.monotonic()

    def __enter__(self) -> Self:
        if self.live:
            self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self.live:
            self.draw("")
            self._live.stop()

    def say(self, text: str, style: str = "") -> None:
        """Print lines that stay."""
        from rich.text import Text

        if self.shown:
            self.console.print(Text(text, style=style))
            self._spoken = time.monotonic()

    def draw(self, part: RenderableType) -> None:
        """Draw the live part again, where there is one."""
        if self.live:
            self._live.update(part, refresh=True)
            self._drawn = time.monotonic()

    def show(self, part: Callable[[], RenderableType], line: str) -> None:
        """Show the progress; can be called at every change.

        Args:
            part: makes the live part.
            line: printed from time to time where there is no live part.
        """
        now = time.monotonic()
        if self.live and now - self._drawn >= DRAW_SECONDS:
            self.draw(part())
        elif self.shown and not self.live and now - self._spoken > LINE_SECONDS:
            self.say(line)

    def count(self, what: str, done: int, total: int) -> None:
        """Show that `done` of `total` things are done; can be called at every change."""
        text = f"{done:,} of {total:,}"
        self.show(lambda: Bar(what, done, total, text), f"{what}: {text}")
        if done >= total:
            self.draw("")


@dataclass(frozen=True)
class Bar:
    """A live part: a name, a bar of `done` among `total`, and a detail.

    Where there is no room for all, the bar is shortened first, then left out; then the name is cut, never the detail.
    """

    what: str
    done: int
    total: int
    detail: str

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        table = Table.grid(padding=(0, 1))
        table.add_column()  # the column that gives way
        row: list[RenderableType] = [Text(self.what, no_wrap=True, overflow="ellipsis")]
        room = options.max_width - len(self.what) - len(self.detail) - 2
        if room >= SHORTEST_BAR:
            row.append(ProgressBar(self.total or None, self.done, width=min(room, LONGEST_BAR)))
        for _ in range(len(row)):
            table.add_column(no_wrap=True)
        table.add_row(*row, Text(self.detail))
        yield table
