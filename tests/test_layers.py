"""Imports run downward only: read from the source, so that a lazy import counts too."""

import ast
import re
from functools import cache
from pathlib import Path

import al_lightning

ROOT = Path(al_lightning.__file__).parent
FLOORS = """
__main__

cli: main > * > arguments

api

comparisons: command > answer > check > comparison > earlier screen strategies workers > notes plan

recommendations: commands text > recommendation > evidence guide situation > *

tables: listing > plan_text report work > plan > panels > cells estimate > figures reduced_scale status > published
engine: query > feature_run > loop > ahead > trial > initial_set > open_data > first_look fit > query steps > *

reports: page > advice choices > findings > * > numbers
audits: audit > opinion page > * > folder result
deploy: export predictions > *
tensorboard: writer > serve > *

features: of_run > make > encoder export external store > *

inspect: collapse > *
config: experiment rebuild > configuration > check trainer > commands > data_root directory names own_code >
    command_line > *

data: datasets.* > datasets.image_folder datasets.mask_folder > datamodule datasets.bases datasets.official prepare
    streets survey uneven > dataset streets.drawing > binary_masks pool_split turned_images > cache.shards
    feature_batches known_files streets.background views > cache.files datasets.a2d2_pools labelled_files read sources
    streams streets.actors streets.facades > looks > annotated augmentation cache.recipe class_folders hold_out mappings
    mask_folders streets.canvas streets.scenes streets.surfaces > masks splits > * > headers

results: conditions summary > claims protocol > comparability label_value series_csv text_table >
    series_text statistics > baselines > comparison health regimes series > health_rules > *
launcher: local slurm > screen > time_left > *
labels: formats.cvat status > batch formats.masks > formats.* importer shapes.label_map > formats pictures >
    import_result item project source > packed > store > incoming > * > shapes shapes.region spelling untrusted
duplicates: components groups image_set vectors > relation > descriptor

acquisition: testing > testing.checks > testing.points > testing.trial > * > on_balls > on_embeddings on_head > base >
    functional > functional.* > functional.ball_cover functional.d2_sampling functional.kernel_pairs functional.scores >
    functional.clustering functional.draws functional.k_center functional.unit_vectors testing.networks testing.traces >
    functional.precision limits
training: probe > * > base > curve functional measures schedules
runs: weights > store > cycle_files > selections > checkpoints image_list origins parts > journal lock seals >
    journal_lines > *

oracle progress
pages: chart render > *
networks: deeplab hypercolumns resnet timm_backbone timm_classifier wider_resnet > * > packaged > base dropout weights
distributed: processes > shutdown > *

pool data_sources vector_files

types errors seeding tasks console yaml_files drawing exif

metrics
"""
"""Every file, top to bottom; a blank line ends a floor. A file imports from lower floors and from its own package.

After a colon stand the files of a package: each imports from what stands after the next `>`. `*` is every other file.
"""
NO_TORCH = "cli tables results labels launcher console pages progress metrics oracle pool yaml_files seeding errors"
NO_TORCH += " data_sources vector_files duplicates drawing exif __init__ __main__"


def units() -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for path in ROOT.rglob("*.py"):
        found.setdefault(path.relative_to(ROOT).parts[0].removesuffix(".py"), []).append(path)
    return found


@cache
def files() -> dict[str, Path]:
    """Every file by its dotted name below the package; a package stands for its `__init__.py`."""
    named = {path.relative_to(ROOT).with_suffix("").parts: path for path in ROOT.rglob("*.py")}
    return {".".join(parts).removesuffix(".__init__"): path for parts, path in named.items()}


@cache
def floors() -> list[dict[str, list[list[str]]]]:
    """The names of each floor, top to bottom, and the groups of files in each, top to bottom."""
    named = []
    for floor in re.sub(r"\n +", " ", FLOORS).strip().split("\n\n"):
        packages = [line.split(":") for line in floor.split("\n") if ":" in line]
        rooms = {name: [["*"]] for line in floor.split("\n") if ":" not in line for name in line.split()}
        named.append(rooms | {name: [group.split() for group in inside.split(">")] for name, inside in packages})
    return named


def rank(name: str) -> tuple[int, int]:
    """A file's floor, and its group inside its package; a package's own `__init__.py` stands above its files."""
    package, _, rest = name.partition(".")
    if name == "__init__":
        return -1, -1
    floor = next((number for number, names in enumerate(floors()) if package in names), None)
    assert floor is not None, f"{package} is on no floor: add it to FLOORS and to docs/architecture.md"
    if not rest:
        return floor, -1
    groups = floors()[floor][package]
    for pattern in (rest, f"{rest.rpartition('.')[0]}.*", "*"):
        for number, group in enumerate(groups):
            if pattern in group:
                return floor, number
    raise AssertionError(f"{name} has no place in FLOORS")


def imported_files(path: Path) -> set[str]:
    """The files of the package that a file imports, lazily too."""
    found = set()
    for name in imports(path):
        parts = name.split(".")[1:] if name.startswith("al_lightning.") else []
        while parts and ".".join(parts) not in files():
            parts.pop()
        found |= {".".join(parts)} if parts else set()
    # `from package import file` names the package as well.
    return {name for name in found if not any(other.startswith(f"{name}.") for other in found)}


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
        elif isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in ("import_module", "__import__"):
            names.update(one.value for one in node.args if isinstance(one, ast.Constant) and isinstance(one.value, str))
    return names


def test_imports_run_downward_only() -> None:
    """Every import goes down, so there is no circle of files either."""
    wrong = []
    for name, path in files().items():
        for other in imported_files(path) - {name, "__init__"}:
            (floor, group), (lower_floor, lower_group) = rank(name), rank(other)
            inside = name.split(".")[0] == other.split(".")[0]
            if not (group < lower_group if inside else floor < lower_floor):
                wrong.append(f"{name} imports {other}")
    assert not wrong


def test_no_import_escapes_the_list() -> None:
    """No relative import, and of `al_lightning` itself, which imports from every floor, the version alone."""
    for path in (path for name, path in files().items() if name != "__init__"):
        for node in ast.walk(ast.parse(path.read_text())):
            assert not (isinstance(node, ast.ImportFrom) and node.level), path
            assert not (isinstance(node, ast.Import) and "al_lightning" in {alias.name for alias in node.names}), path
        below = {name.split(".")[1] for name in imports(path) if name.startswith("al_lightning.")}
        assert below <= {*units(), "__version__"}, path


def test_the_list_names_only_what_exists() -> None:
    listed = {name for names in floors() for name in names}
    there = {name.split(".")[0] for name in files()} - {"__init__"}
    assert not there - listed, f"put {sorted(there - listed)} on a floor, in FLOORS and in docs/architecture.md"
    assert not listed - there, f"take {sorted(listed - there)} out of FLOORS and of docs/architecture.md"
    for package, groups in (item for names in floors() for item in names.items()):
        for name in (name for group in groups for name in group if "*" not in name):
            assert f"{package}.{name}" in files(), name


def test_strategies_do_not_know_lightning_and_no_strategy_knows_another() -> None:
    groups = next(names["acquisition"] for names in floors() if "acquisition" in names)
    # What stands below the strategies.
    shared = {name for group in groups[groups.index(["*"]) + 1 :] for name in group}
    for path in units()["acquisition"]:
        if path.stem in ("__init__", "scoring") or path.parent.name == "testing":  # the kit is no strategy
            continue
        used = imports(path)
        assert not any(name.startswith("lightning") for name in used), path
        siblings = {name.split(".")[2] for name in used if name.startswith("al_lightning.acquisition.")}
        assert siblings <= shared, path


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
    shown = [set(line.split()) for line in document.split("```")[1].strip().split("\n")]
    assert shown == [set(names) for names in floors()]
