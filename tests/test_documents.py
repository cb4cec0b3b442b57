"""The documents: links, paths and the layout are right, no message needs them, and the dataset shown can be used."""

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.referee.rows import PAGE, page, read_rows
from tests.support.public import not_public
from tests.support.runs import TINY, Answer

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
TO_BE_WRITTEN = ("margin", "leaves", "plain", "pseudo", "lines")
"""Names of the files that CONTRIBUTING.md asks for."""


def anchors(path: Path) -> set[str]:
    """Where a link into a document may lead: its headings, as forges spell them."""
    heads = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def paths(text: str) -> Iterator[str]:
    """Files and folders of the package or the repository that a text names in backticks."""
    for path in re.findall(r"`((?:al_lightning|tests|configs|docs|notebooks|\w+)/[\w/.]*)`", text):
        if path.split("/")[0] in ("al_lightning", "tests", "configs", "docs", "notebooks") or path.endswith(".py"):
            yield path


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_and_paths_lead_somewhere(document: Path) -> None:
    text = document.read_text()
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        file, _, anchor = link.partition("#")
        if not file.startswith("http"):
            target = document.parent / file if file else document
            assert target.exists(), link
            assert not anchor or anchor in anchors(target), link
    for path in paths(text):
        if not re.search(f"[A-Z]{{2}}|{'|'.join(TO_BE_WRITTEN)}", path):
            assert (ROOT / path).exists() or (ROOT / "al_lightning" / path).exists(), path


def test_the_layout_is_what_packages_and_files_say_of_themselves() -> None:
    root = ROOT / "al_lightning"
    text = (ROOT / "docs/architecture.md").read_text()
    section = text[text.index("al_lightning/\n", text.index("## Layout")) :].split("tests/  ")[0]
    said = dict(re.findall(r"^  (\S+?)/? +(.+)$", section, re.MULTILINE))
    files = [path for path in root.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()]
    there = {path.name: path / "__init__.py" if path.is_dir() else path for path in files if path.stem != "__init__"}
    first = {
        name: (ast.get_docstring(ast.parse(path.read_text())) or "").split("\n")[0] for name, path in there.items()
    }
    assert said == first


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_code_imports_what_is_public(document: Path) -> None:
    code = re.findall(r"```python\n(.*?)```", document.read_text(), re.DOTALL)
    to_be_written = re.compile(rf"^from al_lightning\.[\w.]*\b({'|'.join(TO_BE_WRITTEN)}) .*$", re.MULTILINE)
    assert [name for block in code for name in not_public(to_be_written.sub("", block))] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_no_merge_was_left_half_done(document: Path) -> None:
    assert not re.search(r"^(<{7} |={7}$|>{7} )", document.read_text(), re.MULTILINE)


def test_the_page_of_the_referee_is_what_make_referee_writes() -> None:
    assert PAGE.read_text() == page(read_rows())


def spoken(path: Path) -> Iterator[str]:
    """What a file of the package says to people: its strings, but for a module's docstring; whole files otherwise."""
    if path.suffix != ".py":
        yield path.read_text()
        return
    tree = ast.parse(path.read_text())
    module = ast.get_docstring(tree, clean=False)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value != module:
            yield node.value


def test_no_message_names_a_page_that_a_wheel_lacks() -> None:
    files = [*ROOT.glob("al_lightning/**/*.py"), *ROOT.glob("al_lightning/**/*.jinja"), *ROOT.glob("configs/**/*.yaml")]
    assert len(files) > 300
    # A dataset's own README, and the README.txt in a batch, are meant where these words stand before or after.
    page = re.compile(r"docs/[\w-]+\.md|(?<!its )(?<!authors' )\bREADME\b(?!\.txt)")
    assert [(path.name, found[0]) for path in files for text in spoken(path) if (found := page.search(text))] == []


def test_the_dataset_that_is_shown_runs(al: Callable[..., Answer], here: Path) -> None:
    source = re.findall(r"```python\n(.*?)```", (ROOT / "docs/datasets.md").read_text(), re.DOTALL)[0]
    (here / "leaves.py").write_text(source)
    for part in ("train", "test"):
        (here / "leaves" / part).mkdir(parents=True)
        for number in range(12):
            pixels = np.full((12, 10, 3), 20 * number, np.uint8)
            Image.fromarray(pixels).save(here / "leaves" / part / f"{('oak', 'elm')[number % 2]}{number:02d}.png")
    options = ["--config", "small_image_folder_random", "--data", "leaves.Leaves", "--data.root", "leaves", *TINY]
    budget = ["--initial", "random", "--budget.unit", "images", "--budget.initial", 4, "--budget.query", 2]
    answer = al("fit", *options, *budget, "--budget.cycles", 1, "--network.depth", 10, "--run_dir", "run")
    assert answer.code == 0, answer.err
