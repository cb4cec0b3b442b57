"""Imports run downward only: read from the source, so that a lazy import counts too."""

import ast
from pathlib import Path

import al_lightning

ROOT = Path(al_lightning.__file__).parent
FLOORS = """
__main__ cli
api
recommendations
tables engine
reports audits deploy tensorboard
inspect config
data
results launcher labels duplicates
acquisition training runs
networks distributed oracle progress pages
pool
types errors seeding tasks console yaml_files drawing
metrics
"""
"""What lies at the package's root, top to bottom. An import goes to a lower floor, or stays inside its package."""
NO_TORCH = "cli tables results labels launcher console pages progress metrics oracle pool yaml_files seeding errors"
NO_TORCH += " duplicates drawing __init__ __main__"


def units() -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for path in ROOT.rglob("*.py"):
        found.setdefault(path.relative_to(ROOT).parts[0].removesuffix(".py"), []).append(path)
    return found


def imports(path: Path, top_level: bool = False) -> set[str]:
    tree = ast.parse(path.read_text())
    nodes = tree.body if top_level else ast.walk(tree)
    names: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def test_imports_run_downward_only() -> None:
    floor = {name: number for number, line in enumerate(FLOORS.split("\n")) for name in line.split()}
    wrong = []
    for unit, paths in units().items():
        for path in paths if unit != "__init__" else []:
            used = {name.split(".")[1] for name in imports(path) if name.startswith("al_lightning.")}
            for name in used - {unit, "__version__"}:
                if floor[name] < floor[unit] or (floor[name] == floor[unit] and unit != "__main__"):
                    wrong.append(f"{path.relative_to(ROOT)} imports {name}")
    assert not wrong


def test_strategies_do_not_know_lightning_and_no_strategy_knows_another() -> None:
    for path in units()["acquisition"]:
        if path.stem in ("__init__", "scoring") or path.parent.name == "testing":  # the kit is no strategy
            continue
        used = imports(path)
        assert not any(name.startswith("lightning") for name in used), path
        siblings = {name.split(".")[2] for name in used if name.startswith("al_lightning.acquisition.")}
        assert siblings <= {"base", "functional", "k_center"}, path


def test_results_pool_and_the_command_line_import_no_torch() -> None:
    heavy = {"torch", "lightning", "torchvision", "torchmetrics", "albumentations"}
    for unit in NO_TORCH.split():
        for path in units()[unit]:
            used = {name.split(".")[0] for name in imports(path, top_level=True)}
            assert not used & heavy, path


def test_no_underscore_names_of_dependencies() -> None:
    for paths in units().values():
        for path in paths:
            for name in imports(path):
                module = name.split(".")
                if module[0] != "al_lightning":
                    assert not any(part.startswith("_") and part != "__future__" for part in module), (path, name)


def test_the_document_shows_the_same_floors() -> None:
    document = (ROOT.parent / "docs/architecture.md").read_text()
    assert document.split("```")[1] == FLOORS
