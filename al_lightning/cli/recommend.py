"""The command `recommend`. No torch until it needs it."""

from __future__ import annotations

import json
from pathlib import Path

from al_lightning.cli.arguments import Arguments, add_images, add_imports, at_least_one, begin
from al_lightning.errors import UsageError


def recommend(given: list[str]) -> int:
    """Recommend a strategy and a training method for a pool and a budget."""
    parser = Arguments(
        "recommend",
        "Measures how redundant a pool is and how many labels there are for a class, and says which "
        "strategy and training the paper's tables support, with their cells. Where the cells lie within noise "
        "or contradict each other, it says so and recommends nothing.",
        "(RUN_DIR | --images DIR [--masks DIR [--mapping FILE]] [--sequence-pattern RE]) --labels N [--task TASK] "
        "[--classes C] [--json FILE]",
    )
    parser.add_argument("run_dir", type=Path, nargs="?", metavar="RUN_DIR", help="a run, for its dataset")
    add_images(parser)
    parser.add_argument(
        "--labels", type=int, metavar="N", help="number of labels in the end (of a run: as many as it has)"
    )
    parser.add_argument(
        "--task", choices=("classification", "segmentation"), help="the task, where labels do not tell it"
    )
    parser.add_argument("--classes", type=int, metavar="C", help="number of classes (as in the labels)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result as JSON")
    add_imports(parser)
    ours = parser.read(given)
    if bool(ours.run_dir) == bool(ours.images):
        raise UsageError("Name a dataset: either RUN_DIR or --images DIR.")
    if ours.run_dir and (ours.masks or ours.sequence_pattern):
        raise UsageError("--masks and --sequence-pattern belong to --images; leave them out with RUN_DIR.")
    if ours.mapping and not ours.masks:
        raise UsageError("--mapping belongs to --masks: it says the class of each colour, or label id, of the masks.")
    if ours.masks and ours.task == "classification":
        raise UsageError("--masks hold a class per pixel, which is segmentation; leave --task or --masks out.")
    at_least_one(ours, "labels", "classes", "processes")
    if ours.run_dir:
        from al_lightning.runs.journal import read_run

        run = read_run(ours.run_dir)  # finds a wrong directory before torch is imported
        ours.labels = ours.labels or len(run.labelled_at(len(run.cycles)))
    elif ours.labels is None:
        raise UsageError("Give the number of labels in the end: --labels N.")
    begin(ours.verbose)
    from al_lightning import api
    from al_lightning.recommendations.text import recommendation_text
    from al_lightning.runs.files import write_text

    recommendation = api.recommend(
        ours.run_dir,
        ours.labels,
        images=ours.images,
        masks=ours.masks,
        mapping=ours.mapping,
        sequence_pattern=ours.sequence_pattern,
        task=ours.task,
        classes=ours.classes,
        processes=ours.processes,
        imports=ours.imports,
    )
    print(recommendation_text(recommendation))
    if ours.json:
        write_text(ours.json, json.dumps(recommendation.values(), indent=1, ensure_ascii=False) + "\n")
    return 0
