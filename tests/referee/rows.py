"""The rows of the referee, and the page that `make referee` writes of them once their tests pass.

`python -m tests.referee.rows [option of pytest ...]`, at the root of the repository.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "referee.md"

ALONE = {
    "random": "draws",
    "full": "takes all images",
    "uniform": "takes images at equal distances in time",
    "learning_loss": "takes what a network predicts",
}
"""Strategies without a row, and what they do instead of computing."""

INTRODUCTION = """\
# The referee: strategies beside other implementations

Each strategy stands beside an implementation that comes from elsewhere, its peer, or beside its mathematics worked out
in another way: all choices tried, probabilities enumerated, matrices inverted. Both sides get the same arrays:
embeddings, logits or scores of a few to some hundreds of images, which the test makes, from fixed seeds. No network is
trained.

```console
$ make referee     # runs the tests, and writes this page from tests/referee/rows.yaml if all of them pass
```

Each row is a fact about behaviour in the version that it names, and no judgement: papers leave points open, and
programs decide them in different ways. [What was decided here](choices.md), where papers and their authors' code differ
or are silent, is another page. A row's test fails when this code changes or the package beside it, and so does a test
of versions when another version of a package is installed. The packages come with
`pip install -c constraints.txt -e '.[dev]'`. A repository's version is a commit, which stays as it is. Its code was
read, not run; a test, where there is one, computes its formula.
"""


class Row(NamedTuple):
    """What a comparison showed.

    Attributes:
        strategies: names of configs.
        peer: a package, a repository (OWNER/NAME), or what the test works out.
        verdict: "agrees" or "differs".
        why: how far they agree and under which settings, or what differs.
        version: of the package, or the commit; "" for what the test works out.
        test: FILE::FUNCTION; "" where the peer's code was only read, as `why` then says.
    """

    strategies: list[str]
    peer: str
    verdict: str
    why: str
    version: str = ""
    test: str = ""


def read_rows() -> list[Row]:
    """Return the rows in the order of the file."""
    return [Row(**entry) for entry in yaml.safe_load((ROOT / "tests/referee/rows.yaml").read_text())]


def page(rows: Sequence[Row]) -> str:
    """Return docs/referee.md."""
    programs = [row for row in rows if row.version]
    differ = sum(row.verdict == "differs" for row in programs)
    alone = "; ".join(f"`{name}` {does}" for name, does in ALONE.items())
    parts = [
        INTRODUCTION,
        "## Other programs\n",
        f"{len(programs)} rows: {len(programs) - differ} agree, {differ} differ.\n",
        _table(programs),
        "## Worked out in the test\n",
        _table([row for row in rows if not row.version]),
        "## Without a row\n",
        f"{alone}.\n",
        "`uniform5_entropy` is entropy on every fifth frame. A name that ends in `_mcd` is the same strategy on a",
        "network with dropout.\n",
        "No row compares with numbers that a paper prints: none comes with the arrays from which it was computed.\n",
    ]
    return "\n".join(parts)


def _table(rows: Sequence[Row]) -> str:
    head = ["| strategy | beside | verdict | how far, or why | test |", "| --- | --- | --- | --- | --- |"]
    return "\n".join([*head, *map(_line, rows), ""])


def _line(row: Row) -> str:
    file, _, name = row.test.partition("::")
    cells = [
        ", ".join(f"`{strategy}`" for strategy in row.strategies),
        f"{row.peer} {row.version}".strip(),
        row.verdict,
        row.why.replace("|", "\\|"),
        f"[{Path(file).stem}, {name.removeprefix('test_').replace('_', ' ')}](../{file})" if file else "",
    ]
    return f"| {' | '.join(cells)} |"


def main(options: Iterable[str]) -> int:
    """Run the tests, and write the page if they pass."""
    elsewhere = sorted({row.test for row in read_rows() if row.test and not row.test.startswith("tests/referee/")})
    code = pytest.main(["tests/referee", *elsewhere, *options])
    if code == pytest.ExitCode.OK:
        PAGE.write_text(page(read_rows()))
    return int(code)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
