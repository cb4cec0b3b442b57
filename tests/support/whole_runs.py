"""A run of three cycles on a dataset that comes with a package, and what is taken back of one."""

from pathlib import Path

from tests.support.runs import SMALL_NETWORK, TINY

RUN = ["fit", "--config", "digits_coreset", *TINY, *SMALL_NETWORK, "--budget.initial", 20, "--budget.query", 10]
RUN += ["--budget.cycles", 2]


def unfinish(run_dir: Path, cycles: int) -> None:
    """Take the journal back to so many finished cycles; all files stay."""
    lines = (run_dir / "cycles.jsonl").read_text().splitlines(keepends=True)
    (run_dir / "cycles.jsonl").write_text("".join(lines[: 2 + cycles]))
