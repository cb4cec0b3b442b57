"""A table's plan in words: commands, states, hours, and warnings. No torch."""

from __future__ import annotations

import shlex

from al_lightning.config.names import resolve
from al_lightning.launcher import Job
from al_lightning.tables.estimate import as_mapping
from al_lightning.tables.plan import Plan, Planned, missing_data
from al_lightning.tables.status import cycles_of


def plan_text(plan: Plan) -> str:
    """Return the plan as text: commands, states, hours, and their sum."""
    lines = [plan.table.title, *([plan.table.marker] if plan.table.marker else []), ""]
    for run in plan.runs:
        cycles = cycles_of(run.status.row, run.status.column)
        state = run.state if run.state != "begun" else f"begun, {run.cycles} of {cycles} cycles"
        hours = "" if run.hours_left is None or run.state == "complete" else f", {hours_text(run.hours_left)}"
        lines.append(f"{run.status.cell.place}, seed {run.job.seed}: {state}{hours}")
        if run.state != "complete":
            lines.append(f"    {command_text(run.job)}")
    done = len(plan.runs) - len(plan.missing)
    lines += ["", f"{len(plan.runs)} runs: {done} complete, {len(plan.missing)} to run{sum_text(plan)}."]
    return "\n".join(lines)


def sum_text(plan: Plan) -> str:
    """Return `, about 266 GPU-hours (...)` for the runs to do; "" where no hours are known."""
    hours = [run.hours_left for run in plan.missing if run.hours_left is not None]
    if not hours:
        return ""
    if plan.measured:
        return f", about {hours_text(sum(hours))} as measured in the finished ones"
    speeds = sorted({run.status.column.images_per_second or 0.0 for run in plan.missing})
    assumed = ", ".join(f"{speed:g}" for speed in speeds if speed)
    return f", about {sum(hours):,.0f} GPU-hours if a GPU trains on {assumed} images a second"


def hours_text(hours: float) -> str:
    """Return hours as `2.4 h`, below one hour as minutes."""
    return f"{hours:.1f} h" if hours >= 1 else f"{60 * hours:.0f} min" if hours > 1 / 60 else "under a minute"


def command_text(job: Job) -> str:
    """Return the command of a run, for a shell."""
    line = ["al-lightning", "fit", "--config", job.name, "--seed", str(job.seed), "--run_dir", str(job.directory)]
    return shlex.join([*line, *job.options])


def warnings(plan: Plan) -> list[str]:
    """Return warnings before hours are spent."""
    notes = []
    if not plan.reduced and any(_from_scratch(run) for run in plan.missing):
        notes.append(
            "these networks would start from random weights, the paper's from ImageNet's: add "
            "--network.backbone.weights FILE, with the path of wider_resnet38.pth.tar, to which the first page of "
            "github.com/NVIDIA/semantic-segmentation links"
        )
    for root, columns in missing_data(plan).items():
        notes.append(f"no data in {root}, for {', '.join(columns)}")
    return notes


def _from_scratch(run: Planned) -> bool:
    backbone = resolve([run.job.name]).values["network"]["init_args"].get("backbone")
    if not isinstance(backbone, dict) or not str(backbone.get("class_path", "")).endswith("WiderResNet38"):
        return False
    given = as_mapping(run.job.options).get("--network.backbone.weights")
    return given is None and (backbone.get("init_args") or {}).get("weights") is None
