"""Commands that pages and texts print, as a shell reads them, and journals of runs that were never trained."""

from __future__ import annotations

import html
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from al_lightning.config.experiment import configure
from al_lightning.config.fit_options import result_settings
from al_lightning.runs.journal import CycleRecord, Run, RunRecord
from al_lightning.runs.journal_lines import text_of
from al_lightning.runs.store import RunStore

METRIC = dict.fromkeys(("digits", "small_image_folder"), "accuracy")


def make_run(
    configs: Sequence[str], options: Sequence[str], seed: int, run_dir: str | None = None, height: float = 0.5
) -> Path:
    """Write the journal that `fit` would write, of two cycles that bought two images; return the directory."""
    made = configure(configs, options, seed, run_dir)
    name = METRIC.get(made.parts["datasets"], "miou")
    record = RunRecord(
        made.name, seed, result_settings(made.plain), len(made.data.train), parts=made.parts, command=list(made.command)
    )
    cycles = [
        CycleRecord(0, 0.1, 2, {name: height + seed / 100}, [2, 3]),
        CycleRecord(1, 0.2, 4, {name: height + 0.1 + seed / 50}, []),
    ]
    made.run_dir.mkdir(parents=True)
    (made.run_dir / "cycles.jsonl").write_text(text_of(Run(made.run_dir, record, [0, 1], tuple(cycles)).records))
    RunStore(made.run_dir).save_config(made.plain)
    return made.run_dir


def of_page(page: str) -> list[str]:
    """The commands of an HTML page: lines of its blocks, and what stands in a sentence."""
    found = re.findall(r"<code>(.*?)</code>", page, re.DOTALL)
    return _commands(html.unescape(re.sub(r"<[^>]+>", "", each)) for each in found)


def of_text(text: str) -> list[str]:
    """The commands of a text: its loops and lines, and what stands in backticks."""
    loops = re.findall(r"^ *(for \w+ in .*?done; done)$", text, re.DOTALL | re.MULTILINE)
    lines = re.findall(r"^(?: *|.*: )(al-lightning .*)$", text, re.MULTILINE)
    inside = {line.strip() for loop in loops for line in loop.splitlines()}
    quoted = re.findall(r"`([^`]*)`", text)
    assert not any("\n" in each for each in quoted), f"a command that cannot be copied: {quoted}"
    return _commands([*loops, *(line for line in lines if line not in inside), *quoted])


def _commands(found: object) -> list[str]:
    texts = [str(each) for each in found]  # type: ignore[attr-defined]
    # `al-lightning audit` in a sentence is the name of a command.
    return [each for each in texts if re.search(r"al-lightning [a-z]+ \S", each) or each == "al-lightning configs"]


def arguments(commands: Sequence[str]) -> list[list[str]]:
    """The arguments of each call that a shell makes of the commands, without running any."""
    script = "al-lightning() { printf '%s\\0' \"$@\" $'\\n'; }\n" + "\n".join(commands)
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return [call.split("\0")[:-1] for call in done.stdout.split("\n\0")[:-1]]
