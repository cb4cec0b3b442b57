"""The notebooks run from top to bottom, leave nothing behind, and are committed as they ran.

After a change of one: `python tests/test_notebooks.py [NAME ...]` runs them and saves what they show.
"""

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat import NotebookNode
from traitlets.config import Config

from tests.support.public import not_public

FOLDER = Path(__file__).parents[1] / "notebooks"
NAMES = ("01_inspect_selection", "02_read_results", "03_your_own_strategy")
LARGEST = 400_000
"""Bytes of a notebook, its pictures included."""
MACHINE = re.compile(r"(?<![\w.:/])/(tmp|root|home|usr|opt|var|mnt|srv|private|Users)\b|site-packages|[A-Z]:\\")
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def read(name: str) -> NotebookNode:
    notebook: NotebookNode = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    return notebook


def execute(name: str, folder: Path) -> NotebookNode:
    """Run a notebook from a working directory of its own, without what only this machine has in its metadata."""
    notebook = read(name)
    here, temporary = folder / "here", folder / "temporary"
    here.mkdir()
    temporary.mkdir()
    client = NotebookClient(
        notebook,
        timeout=600,
        record_timing=False,
        resources={"metadata": {"path": str(here)}},
        # The kernel removes its folder as it ends; on a busy machine that takes longer than the usual 5 s.
        config=Config({"KernelManager": {"shutdown_wait_time": 60}}),
    )
    client.execute(
        env={**os.environ, "TMPDIR": str(temporary), "MPLBACKEND": "module://matplotlib_inline.backend_inline"}
    )
    assert list(here.iterdir()) == [], "files were left in the working directory"
    left = [path for path in temporary.rglob("*") if path.is_file()]  # torch leaves an empty folder
    assert left == [], "files were left in the temporary folder"
    return clean(notebook)


def clean(notebook: NotebookNode) -> NotebookNode:
    """Return a notebook without times, and with no more about the kernel than that it is Python."""
    found = nbformat.from_dict({**notebook, "metadata": METADATA})
    for cell in found.cells:
        cell.metadata = NotebookNode()
        for output in cell.get("outputs", []):
            if "metadata" in output:
                output.metadata = NotebookNode()
    return found


def outputs(notebook: NotebookNode) -> Iterator[tuple[str, NotebookNode]]:
    return ((cell.id, output) for cell in notebook.cells for output in cell.get("outputs", []))


def pictures(notebook: NotebookNode) -> list[str]:
    return [cell for cell, output in outputs(notebook) if "image/png" in output.get("data", {})]


def kinds(notebook: NotebookNode) -> list[tuple[str, str, str | None]]:
    """Return which cells show what, each kind once: how a stream is cut into parts is chance."""
    found = ((cell, output.output_type, output.get("name")) for cell, output in outputs(notebook))
    return list(dict.fromkeys(found))


def texts(output: NotebookNode) -> Iterator[str]:
    yield output.get("text", "")
    yield from (value for kind, value in output.get("data", {}).items() if not kind.startswith("image/"))


def test_these_are_all() -> None:
    assert sorted(path.name for path in FOLDER.iterdir() if path.suffix != ".pyc") == [
        f"{name}.ipynb" for name in NAMES
    ]


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_it_runs(name: str, tmp_path: Path) -> None:
    committed, ran = read(name), execute(name, tmp_path)
    assert pictures(ran) == pictures(committed)
    assert kinds(ran) == kinds(committed)


@pytest.mark.parametrize("name", NAMES)
def test_it_is_committed_as_it_ran(name: str) -> None:
    notebook = read(name)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert pictures(notebook)
    assert not [cell for cell, output in outputs(notebook) if output.output_type == "error"]
    assert not [cell for cell, output in outputs(notebook) if output.get("name") == "stderr"]
    assert notebook == clean(notebook)
    assert (FOLDER / f"{name}.ipynb").stat().st_size <= LARGEST


@pytest.mark.parametrize("name", NAMES)
def test_it_names_no_path_of_the_machine_that_ran_it(name: str) -> None:
    notebook = read(name)
    said = [text for _, output in outputs(notebook) for text in texts(output)]
    found = [
        match.group() for text in [*said, *(cell.source for cell in notebook.cells)] for match in MACHINE.finditer(text)
    ]
    assert any(said)
    assert found == []


@pytest.mark.parametrize("text", ["/home/me/a.py", "in /tmp/x", "(/opt/b)", "lib/site-packages/torch", "C:\\Users"])
def test_a_path_is_known_as_such(text: str) -> None:
    assert MACHINE.search(text)


@pytest.mark.parametrize("name", NAMES)
def test_it_begins_by_saying_what_it_is_for(name: str) -> None:
    first = read(name).cells[0]
    assert first.cell_type == "markdown"
    assert first.source.startswith("# ")
    assert "needs" in first.source


@pytest.mark.parametrize("name", NAMES)
def test_it_keeps_to_what_is_public(name: str) -> None:
    code = "\n".join(cell.source for cell in read(name).cells if cell.cell_type == "code")
    code = re.sub(r"^[%!].*$", "", code, flags=re.MULTILINE)  # IPython's own
    assert not re.findall(r"\._\w+", code)
    assert not_public(code) == []


def test_what_is_not_public_is_found() -> None:
    code = "from al_lightning import fit, run\nfrom al_lightning.config.rebuild import reopen\nimport al_lightning.pool"
    found = ["al_lightning.run", "al_lightning.config.rebuild.reopen", "al_lightning.pool"]
    assert not_public(f"{code}\nimport al_lightning.tasks\nfrom al_lightning.launcher import Job") == found


if __name__ == "__main__":
    for given in sys.argv[1:] or NAMES:
        with tempfile.TemporaryDirectory() as directory:
            nbformat.write(execute(given, Path(directory)), FOLDER / f"{given}.ipynb")
