"""Imports run downward only: read from the source, so that a lazy import counts too."""

import ast
from pathlib import Path

import al_lightning

ROOT = Path(al_lightning.__file__).parent
LEAVES = {"errors", "seeding", "types", "yaml_files"}
ALLOWED = {
    "errors": set(),
    "seeding": set(),
    "types": set(),
    "yaml_files": set(),
    "pool": {"errors"},
    "arguments": {"errors"},
    "bearing": set(),
    "settings": {"errors", "bearing", "yaml_files"},
    "signatures": {"errors"},
    "class_paths": {"errors", "yaml_files", "signatures"},
    "progress": set(),
    "results": {"errors", "bearing", "yaml_files"},
    "networks": {"errors", "types"},
    "tasks": set(),
    "training": {"errors", "seeding", "types", "networks", "tasks"},
    "acquisition": {"errors", "types", "pool", "networks"},
    "labels": {"errors", "results"},
    "data": {"errors", "seeding", "types", "pool", "labels", "yaml_files"},
    "oracle": {"errors", "pool"},
    "inspect": {"errors", "types", "data", "results", "pool", "seeding", "yaml_files"},
    "channel": set(),
    "signals": {"errors"},
    "usage": set(),
    "heap": set(),
    "compiling": {"errors"},
    "guard": {"errors", "signals"},
    "launcher": {"errors", "guard", "progress", "results"},
    "processes": {"errors", "channel", "guard"},
    "checkpoint": {"errors", "results", "guard", "processes"},
}
NO_TORCH = {
    "errors",
    "seeding",
    "pool",
    "bearing",
    "settings",
    "yaml_files",
    "progress",
    "results",
    "arguments",
    "cli",
    "cli_data",
    "cli_labels",
    "cli_model",
    "cli_recommend",
    "cli_tables",
    "estimate",
    "plan_text",
    "reproduce",
    "guard",
    "channel",
    "labels",
    "launcher",
    "__init__",
    "__main__",
}


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
            names.update(f"{node.module}.{alias.name}" for alias in node.names if node.module == "al_lightning")
    return names


def test_imports_run_downward_only() -> None:
    wrong = []
    for unit, allowed in ALLOWED.items():
        for path in units()[unit]:
            used = {name.split(".")[1] for name in imports(path) if name.startswith("al_lightning.")}
            wrong += [f"{path.relative_to(ROOT)} imports {name}" for name in used - allowed - {unit, "__version__"}]
    assert not wrong


def test_every_unit_has_its_place() -> None:
    above = {
        "api",
        "cli",
        "cli_data",
        "cli_labels",
        "cli_model",
        "cli_recommend",
        "demo",
        "experiment",
        "export_formats",
        "exporting",
        "fitting",
        "loop",
        "annotating",
        "beginning",
        "cold_start",
        "parser",
        "predicting",
        "predictions",
        "prepare",
        "reselect",
        "shards",
    }
    above |= {"__init__", "__main__", "fitting_check", "cli_tables", "estimate", "plan_text", "reproduce"}
    above |= {"sharing", "option_values", "table_report", "reopen", "scoring", "options", "mistakes"}
    assert units().keys() == ALLOWED.keys() | above


def test_strategies_do_not_know_lightning_and_no_strategy_knows_another() -> None:
    for path in units()["acquisition"]:
        if path.stem in ("__init__", "callback") or path.parent.name == "testing":  # the kit is no strategy
            continue
        used = imports(path)
        assert not any(name.startswith("lightning") for name in used), path
        siblings = {name.split(".")[2] for name in used if name.startswith("al_lightning.acquisition.")}
        assert siblings <= {"base", "functional", "k_center"}, path


def test_results_pool_and_the_command_line_import_no_torch() -> None:
    heavy = {"torch", "lightning", "torchvision", "torchmetrics", "albumentations"}
    for unit in NO_TORCH:
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
