"""Arguments of the commands: how they are declared, spelled and suggested. No torch."""

from __future__ import annotations

import argparse
import contextlib
import sys
import textwrap
from collections.abc import Collection, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from al_lightning.config.command_line import spelled
from al_lightning.config.fit_options import NAMES, no_such_option
from al_lightning.console import quiet
from al_lightning.distributed.shutdown import shutdown
from al_lightning.errors import UsageError, from_home, printable, require

PROGRAM = "al-lightning "


class Arguments(argparse.ArgumentParser):
    """Arguments of one command. Names may have hyphens or underscores; a mistake raises UsageError.

    Args:
        command: name of the command.
        description: what the command does; several lines stay as they are.
        usage: arguments after the command's name; argparse lists them where this is empty.
    """

    def __init__(self, command: str, description: str, usage: str = "") -> None:
        self.flags: list[str] = []
        name = f"{PROGRAM}{command}"
        formatter = argparse.RawDescriptionHelpFormatter if "\n" in description else argparse.HelpFormatter
        super().__init__(
            prog=name,
            description=description,
            usage=f"{name} {usage}" if usage else None,
            formatter_class=formatter,
            allow_abbrev=False,
        )
        self.add_argument("--verbose", action="store_true", help="show warnings, and the traceback of an error")

    def add_argument(self, *names: Any, **how: Any) -> argparse.Action:
        """Declare an argument, as argparse does. In a path, ~ is the home directory, also behind an equals sign."""
        if how.get("type") is Path:
            how["type"] = partial(from_home, names[0])
        self.flags += [name for name in names if name.startswith("--")]
        return super().add_argument(*names, **how)

    def error(self, message: str) -> NoReturn:
        """Raise UsageError."""
        raise UsageError(f"{self.prog.removeprefix(PROGRAM)}: {message}.")

    def read(self, given: Sequence[str]) -> argparse.Namespace:
        """Return the arguments of a command that takes no options of `fit`; errors as in `read_with_options`."""
        return self.read_with_options(given, ())[0]

    def read_with_options(
        self, given: Sequence[str], names: Collection[str] = NAMES
    ) -> tuple[argparse.Namespace, list[str]]:
        """Return the command's own arguments, and those options of `fit`, of some names, that were given.

        Raises:
            UsageError: there is no such argument; the message names the nearest ones.
        """
        own = {spelled([flag])[0]: flag for flag in self.flags}
        words = [f"{own.get(name, name)}{equals}{value}" for name, equals, value in map(_parted, spelled(given))]
        # Before argparse looks for what is required: a required option may be there, with a typing error.
        for flag in (_parted(word)[0] for word in words if word.startswith("--") and len(word) > 2):
            if flag not in self.flags and flag[2:].split(".")[0] not in names:
                raise no_such_option(flag[2:], [*(flag[2:] for flag in self.flags), *self._settable(words, names)])
        ours, rest = self.parse_known_args(words)
        if rest and not (names and rest[0].startswith("--")):
            self.error(f"{rest[0]!r} is not expected here{'; a name follows --config' * ('--config' in self.flags)}")
        return ours, rest

    def _settable(self, words: Sequence[str], names: Collection[str]) -> Iterable[str]:
        """Return the names of the options of `fit`, in sections too where a config says which classes these have."""
        with contextlib.suppress(UsageError):
            ours = self.parse_known_args(words)[0]
            if names and (configs := getattr(ours, "config", None) or getattr(ours, "name", None)):
                from al_lightning.config.names import resolve, with_strategy

                values = resolve(with_strategy(configs)).values
                from al_lightning.config.check import settable

                return list(settable(values, names))
        return names


def _parted(word: str) -> tuple[str, str, str]:
    return word.partition("=") if word.startswith("--") else (word, "", "")


def add_imports(parser: Arguments) -> None:
    """Declare the option that lets a run directory name classes of other modules."""
    parser.add_argument(
        "--import",
        action="append",
        default=[],
        dest="imports",
        metavar="MODULE",
        help="a module of yours that the run's config.yaml names, by its dotted name; may be repeated",
    )


def add_images(parser: Arguments) -> None:
    """Declare the options of commands that read a folder of images."""
    parser.add_argument("--images", type=Path, help="a folder of images, or of the folders `train` and `test`")
    parser.add_argument("--masks", type=Path, help="a folder of their masks, PNGs of label ids, or of colours")
    parser.add_argument("--mapping", metavar="FILE", help="a file with the class of each colour of the masks")
    parser.add_argument("--sequence-pattern", help="regular expression with the groups `sequence` and `frame`")
    parser.add_argument("--processes", type=int, help="processes that read (one per core, at most eight)")


def say(*lines: str) -> None:
    """Print lines on standard error; standard output is for the command's result."""
    for line in lines:
        print(printable(line), file=sys.stderr, flush=True)


def run_directories(paths: Sequence[Path]) -> list[Path]:
    """Return the run directories among and below paths, each once, in order.

    Raises:
        ALError: there is no run in a path; the message says what is wrong there.
    """
    from al_lightning.runs.journal import read_run
    from al_lightning.tables.status import find_runs

    for path in paths:
        if not find_runs([path]):
            read_run(path)  # raises an error that says what is wrong
    return find_runs(paths)


def begin(verbose: bool) -> None:
    """Handle signals, and hide other libraries' messages unless `verbose`."""
    shutdown.listen()
    quiet(verbose)


def require_page(name: str, path: Path) -> None:
    """Raise UsageError where no page can be written to a path: it is a folder, no HTML, or below a file."""
    if path.is_dir():
        raise UsageError(f"{name} is the folder {path}; a file was expected, such as {path / 'compare.html'}.")
    if path.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"{name} is {path}, and the page is HTML; name it {path.with_suffix('.html')}.")
    above = next((folder for folder in path.absolute().parents if folder.exists()), path)
    if not above.is_dir():
        raise UsageError(f"{name} is {path}, and {above} is a file; name a page in a folder.")


def at_least_one(arguments: argparse.Namespace, *flags: str) -> None:
    """Raise UsageError where an argument that was given is below 1."""
    for flag in flags:
        if (value := getattr(arguments, flag.replace("-", "_"))) is not None:
            require(f"--{flag}", value, least=1)


def option_lines(options: Iterable[tuple[str, str]]) -> str:
    """Return options and their descriptions as a block of a help text."""
    lines = []
    for option, text in options:
        first, *more = textwrap.wrap(text, 96)
        lines += [f"  --{option:<19}  {first}", *(f"{'':<25}{line}" for line in more)]
    return "\n".join(lines)
