"""The command line: the commands, and the exit codes of their errors. No torch until a command needs it."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from al_lightning import __version__
from al_lightning.cli.compare import compare
from al_lightning.cli.data import audit, prepare
from al_lightning.cli.demo import demo
from al_lightning.cli.features import features
from al_lightning.cli.fit import fit, query
from al_lightning.cli.labels import labels
from al_lightning.cli.model import export, predict
from al_lightning.cli.recommend import recommend
from al_lightning.cli.show import configs, show
from al_lightning.cli.tables import report, reproduce
from al_lightning.distributed.shutdown import shutdown
from al_lightning.errors import EXIT_CODES, ALError, Interrupted, UsageError, nearest, own_line, raised_in

DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO)
COLLECTIVES = ("torch.distributed", "torch.nn.parallel", "torch.autograd", "al_lightning.distributed")
"""Modules that raise RuntimeError where another process died; DDP averages gradients inside of autograd."""
MEMORY = (
    "There is not enough memory for this: take smaller images (--data.size), fewer at a time (--data.batch_size, "
    "--data.eval_batch_size) or a smaller network; what was finished is kept."
)
HELP = """\
usage: al-lightning COMMAND [options]

Does active learning help on my data, and which method?

commands:
{commands}

exit codes:
{codes}

`al-lightning COMMAND --help` describes a command; --version prints the version; --verbose shows warnings, and the
traceback of an error."""
Command = Callable[[list[str]], int]


def main(given: Sequence[str]) -> int:
    """Run a command and return the exit code, one of `EXIT_CODES`."""
    if verbose := "--verbose" in given:  # it may stand anywhere
        given = [*(word for word in given if word != "--verbose"), "--verbose"]
    try:
        return _dispatch(list(given))
    except ALError as error:
        hint = error.__cause__ is not None and isinstance(error, UsageError)
        return _end(error.exit_code, str(error), verbose, hint=hint)
    except KeyboardInterrupt:
        return _end(Interrupted.exit_code, "Interrupted; run the same command to go on.", verbose)
    except BrokenPipeError:
        # The reader of our output has ended, as `head` does; Python would fail again when flushing at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        if error.errno not in DISK_ERRORS:
            return _end(1, f"{type(error).__name__}: {error}", verbose, hint=True)
        from al_lightning.runs.files import unwritable

        return _end(1, unwritable(error.filename or "the run directory", error), verbose)
    except Exception as error:
        # torch has no class and no attribute for full memory of the CPU: a plain RuntimeError, told by its text alone.
        if isinstance(error, MemoryError) or "can't allocate memory" in str(error):
            return _end(1, MEMORY, verbose, hint=True)
        consequence = isinstance(error, RuntimeError) and raised_in(error, *COLLECTIVES)
        text = f"{type(error).__name__}{own_line(error)}: {error}"
        return _end(1, text, verbose, hint=True, cause=not consequence)


def run() -> NoReturn:
    """Entry point of the console script."""
    shutdown.owns_process = True
    sys.exit(main(sys.argv[1:]))


def _end(code: int, text: str, verbose: bool, hint: bool = False, cause: bool = True) -> int:
    if verbose:
        traceback.print_exc()
    suffix = " (--verbose shows more)" if hint and not verbose else ""
    return shutdown.end(code, text + suffix, cause)


def _dispatch(given: list[str]) -> int:
    if given[:1] == ["--version"]:
        print(f"al-lightning {__version__}")
        return 0
    if not given or given[0] in ("-h", "--help"):
        commands = "\n".join(f"  {name:<11}{text}" for name, (_, text) in COMMANDS.items())
        codes = "\n".join(f"  {code:<11}{text}" for code, text in EXIT_CODES.items())
        print(HELP.format(commands=commands, codes=codes))
        return 0 if given else UsageError.exit_code
    name = given[0]
    if name not in COMMANDS:
        raise UsageError(f"There is no command {name!r}.{nearest(name, COMMANDS)} Commands: {', '.join(COMMANDS)}.")
    own = ("fit", "reproduce", "compare", "demo")  # commands that may import classes of the user's own
    if shutdown.owns_process and name not in own and not {"", str(Path.cwd())} & set(sys.path):
        os.environ["PYTHONSAFEPATH"] = "1"  # the working directory is no import path of child processes either
    return COMMANDS[name][0](given[1:])


COMMANDS: dict[str, tuple[Command, str]] = {
    "fit": (fit, "run an experiment, or continue it"),
    "query": (query, "select again with a finished cycle's network, by the same strategy or another"),
    "show": (show, "print the curves of runs"),
    "configs": (configs, "list the parts that a run's name can have"),
    "report": (report, "compare runs: a page, text, markdown, LaTeX or CSV; or a table of the paper"),
    "reproduce": (
        reproduce,
        "run a table of the paper, or continue it, and print our numbers beside the published ones",
    ),
    "labels": (labels, "import labels by people into a run, and count labelled images"),
    "predict": (predict, "predict images with a run's network: classes, or masks and overlays"),
    "export": (export, "write a run's network as TorchScript, ONNX or a state dict"),
    "prepare": (prepare, "decode a dataset once, into a cache that runs read"),
    "features": (features, "encode a dataset's or a folder's images with a pretrained network, once"),
    "audit": (audit, "check a dataset: duplicates, leakage, redundancy, labels"),
    "recommend": (recommend, "say which strategy the paper's tables support, for a pool and a number of labels"),
    "compare": (compare, "say which strategy is ahead on images with labels, by many seeds, in minutes"),
    "demo": (demo, "compare three strategies on synthetic streets, within ten minutes"),
}
