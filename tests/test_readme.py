"""What README and docs/ tell people to type, typed."""

import re
import shlex
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

import al_lightning
from tests.support.runs import Answer

ROOT = Path(al_lightning.__file__).parents[1]
README = (ROOT / "README.md").read_text()
TEXT = "\n".join([README, *(path.read_text() for path in sorted(ROOT.glob("docs/*.md")))])
COMMANDS = [
    line.removeprefix("$ ")
    for block in re.findall(r"```console\n(.*?)```", TEXT, re.DOTALL)
    for line in block.replace("\\\n", " ").splitlines()
    # `[...]` stands for options that the page has shown before; tests/test_documents.py runs the dataset `leaves`.
    if line.startswith("$ al-lightning") and "[...]" not in line and "leaves.Leaves" not in line
]
QUICK = ["--steps", "2", "--budget.cycles", "1", "--run_dir"]


def python_block(word: str) -> str:
    blocks = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    return next(block for block in blocks if word in block)


def test_the_strategy_is_under_20_lines_and_works(
    al: Callable[..., Answer], here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = python_block("class Margin")
    assert len(source.splitlines()) < 20
    (here / "my_strategy.py").write_text(source)
    command = next(line for line in COMMANDS if "my_strategy.Margin" in line)
    answer = al(*shlex.split(command)[1:], *QUICK, "margin")
    assert answer.code == 0, answer.err
    command = next(line for line in COMMANDS if "--import my_strategy" in line)
    assert al(*shlex.split(command.replace("runs/digits_my_strategy.Margin/seed_0", "margin"))[1:]).code == 0
    monkeypatch.syspath_prepend(str(here))
    monkeypatch.delitem(sys.modules, "my_strategy", raising=False)
    test: dict[str, Callable[[], None]] = {}
    exec(python_block("check_strategy"), test)
    test["test_margin"]()
    (here / "configs/acquisition").mkdir(parents=True)
    (here / "configs/acquisition/my_margin.yaml").write_text("acquisition: {class_path: my_strategy.Margin}\n")
    assert "Margin" in al("fit", "--config", "camvid_my_margin", "--print_config").out


def test_the_python_block_runs(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = al_lightning.fit
    quick = {"options": ["--budget.cycles", "1", "--steps", "2"], "run_dir": "runs/digits_coreset/seed_2"}
    monkeypatch.setattr(al_lightning, "fit", lambda name, seed, options: real(name, seed=seed, **quick), raising=False)
    exec(python_block("al_lightning.fit"), {})


@pytest.mark.parametrize("command", [line for line in COMMANDS if " fit " in line])
def test_every_fit_command_is_understood(al: Callable[..., Answer], here: Path, command: str) -> None:
    (here / "my_strategy.py").write_text(python_block("class Margin"))
    answer = al(*shlex.split(command)[1:], "--print_config")
    assert answer.code == 0, answer.err
    assert yaml.safe_load(answer.out)["budget"]


def test_query_and_show(al: Callable[..., Answer], here: Path) -> None:
    assert al("fit", "--config", "digits_entropy", *QUICK, "runs/digits_entropy/seed_0").code == 0
    query = next(line for line in COMMANDS if " query " in line)
    assert al(*shlex.split(query, comments=True)[1:]).code == 0
    assert al("show", *here.glob("runs/digits_*/seed_*")).code == 0


def test_every_name_is_a_config() -> None:
    from al_lightning.config.names import split_name

    for name in re.findall(r"`((?:digits|camvid|image_folder|mask_folder)_[\w-]+)`", TEXT):
        if name not in ("digits_my_margin", "camvid_my_margin"):
            split_name(name)


def test_the_workflow_runs_the_two_commands_on_every_python() -> None:
    job = yaml.safe_load((ROOT / ".github/workflows/test.yml").read_text())["jobs"]["test"]
    typed = re.findall(r"^\$ (make \w+)", README[README.index("## Two commands") :].split("```")[1], re.MULTILINE)
    assert {step["run"] for step in job["steps"] if "run" in step} == set(typed)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["requires-python"] == f">={job['strategy']['matrix']['python'][0]}"
