"""A recommendation for the terminal: what was measured, which rule, which evidence, how sure, what next."""

from __future__ import annotations

import textwrap

from al_lightning.recommendations.evidence import Difference, Evidence
from al_lightning.recommendations.recommendation import BASELINE, Reading, Recommendation
from al_lightning.runs.parts import DEFAULT_TRAINING as SUPERVISED

WIDTH = 110
LARGEST = 0.5
"""Share of the pool at which the study's longest curves end."""
OUTCOMES = {
    "ahead": "ahead",
    "behind": "behind",
    "mixed": "mixed: settings disagree",
    "noise": "within noise",
}


def recommendation_text(found: Recommendation) -> str:
    """Return a recommendation as lines of text, without a line break at the end."""
    parts = [_paragraph("Measured.", _measured(found)), _paragraph("Advice.", _advice(found))]
    parts += [_reading(found, reading) for reading in found.readings]
    parts.append(_paragraph("How sure.", _sure(found)))
    parts.append("\n".join([_paragraph("Next.", " ".join(found.remarks)), *(f"  {line}" for line in found.commands)]))
    parts.append(_paragraph("What would change this.", _change(found)))
    return "\n\n".join(parts)


def _paragraph(head: str, text: str) -> str:
    return textwrap.fill(f"{head} {text}", WIDTH, break_long_words=False, break_on_hyphens=False)


def _measured(found: Recommendation) -> str:
    here, scale = found.situation, found.rules.redundancy
    labels = found.rules.labels[here.task]
    kinds = scale.read(here.redundancy)
    limits = f"diverse up to {100 * scale.low:g} %, redundant from {100 * scale.high:g} %"
    text = (
        f"The {here.images:,} images of {here.title} are worth {here.distinct:,.0f} distinct ones: redundancy "
        f"{100 * here.redundancy:.1f} %, {kinds[0] if len(kinds) == 1 else 'between diverse and redundant'} ({limits})."
    )
    if here.sequences:
        text += f" They come from {here.sequences:,} sequence{'s' * (here.sequences != 1)}."
    text += f" {here.labels:,} labels are {100 * here.share:.1f} % of them"
    amounts = labels.read(here.labels_per_class)
    if here.labels_per_class is None:
        return f"{text}; the number of classes is not known (`--classes` tells it), so this may be few or many."
    few = "between few and many" if len(amounts) > 1 else amounts[0]
    return (
        f"{text} and {here.labels_per_class:.3g} for each of {here.classes} classes: {few} (in {here.task}, few up to "
        f"{labels.low:g}, many from {labels.high:g})."
    )


def _advice(found: Recommendation) -> str:
    """Return the answer, or that there is none and why."""
    if found.strategy == BASELINE:
        first = "Choose at random: the published cells show no strategy ahead of it."
    elif found.strategy:
        first = f"Choose with {found.strategy}."
    else:
        first = f"No advice on the strategy: {_why_no_strategy(found)}"
    if found.training:
        second = f"Train {found.how(found.training)}."
    else:
        second = (
            f"No advice on the training, {found.how(SUPERVISED)} or {found.how(found.semi_supervised)}: the published "
            "evidence is mixed or within noise."
        )
    others = [f" {one}, {found.how(one)}, fits too; no evidence covers it." for one in found.without_evidence]
    return f"{first} {second}{''.join(others)}"


def _why_no_strategy(found: Recommendation) -> str:
    if not any(reading.fits for reading in found.readings):
        return f"the study has no redundant pool for {found.situation.task}."
    if len(found.readings) > 1 and any(reading.strategy for reading in found.readings):
        each = [f"{reading.strategy or 'no advice'} if {_if(found, reading)}" for reading in found.readings]
        return f"what was measured lies between the study's situations, and it would be {'; '.join(each)}."
    text = "the published evidence is mixed or within noise."
    for reading in found.readings:
        for one in reading.evidence:
            if one.question.role == "kind" and one.outcome == "ahead":
                rival, when = one.question.against.partition("-")[0].lower(), _if(found, reading)
                text += (
                    f" If you use one all the same{f' and {when}' if when else ''}, take {reading.rule.strategy}, "
                    f"{reading.rule.kind}: it is ahead of {rival}."
                )
    return text


def _if(found: Recommendation, reading: Reading) -> str:
    """Return what distinguishes a reading from the others."""
    words = []
    if len({other.pool for other in found.readings}) > 1:
        words.append(f"the pool counts as {reading.pool}")
    if len({other.rule.budget for other in found.readings}) > 1:
        words.append(f"the labels count as {reading.rule.budget}")
    return " and ".join(words)


def _reading(found: Recommendation, reading: Reading) -> str:
    """Return a rule and its evidence."""
    several = f"If {_if(found, reading)}: " if len(found.readings) > 1 else ""
    source = "Table 8" if reading.rule.task == "segmentation" else "the study's text"
    text = f"{several}{reading.rule.name}, after {source}: {reading.rule.says}."
    if not reading.fits:
        text += f" The study's pools for {reading.rule.task} are diverse, so its strategies say nothing about this one."
    lines = [_paragraph("Rule.", text)]
    lines.append("  differences in points of the mean height of the curve (area / width), else of the score:")
    for one in reading.evidence:
        lines += _question(one)
    for note in _notes(reading):
        lines.append(textwrap.fill(f"note: {note}", WIDTH, initial_indent="  ", subsequent_indent="  "))
    return "\n".join(lines)


def _question(one: Evidence) -> list[str]:
    """Return a question's answer; its cells where it decides something."""
    question = f"{one.question.row} against {one.question.against}"
    head = f"  {question:<40}{one.mean:+6.2f} +- {one.deviation:4.2f}  {OUTCOMES[one.outcome]}"
    if one.question.role == "also":
        return [head]
    return [head, *(f"    {cell.title:<38}{_number(cell)}" for cell in one.differences)]


def _number(cell: Difference) -> str:
    """Return a cell's difference, and what is known of its deviation."""
    if not cell.by_height:
        why = "the area is doubtful" if cell.doubts else "no area"
        return f"{cell.score:+6.2f} of the score ({why}); deviation assumed, {cell.error:.1f}"
    if cell.deviation is None:
        return f"{cell.value:+6.2f} (score {cell.score:+.2f}); deviation assumed, {cell.error:.1f}"
    return f"{cell.value:+6.2f} +- {cell.deviation:.2f} (score {cell.score:+.2f})"


def _notes(reading: Reading) -> list[str]:
    doubts = {
        f"{cell.title}, {doubt}; here the score counts instead."
        for one in reading.evidence
        for cell in one.differences
        for doubt in cell.doubts
    }
    return [*sorted(doubts), *reading.rule.notes]


def _sure(found: Recommendation) -> str:
    """Return what the answer rests on."""
    rules = found.rules
    decisive = [one for reading in found.readings for one in reading.evidence if one.question.role != "also"]
    cells = {(c.table, c.column, c.row, c.against): c for one in decisive for c in one.differences}
    assumed = sum(cell.assumed for cell in cells.values())
    if found.strategy and found.training:
        head = "Fairly" if not assumed and len(found.readings) == 1 else "Somewhat"
    elif found.strategy or found.training:
        head = "In part"
    else:
        head = "Not enough to advise"
    text = (
        f"{head}. All evidence is from one study with 2 or 3 seeds. An answer stands where the mean over its settings "
        f"is at least {rules.deviations:g} of its deviations away from 0 and no two settings contradict each other."
    )
    if assumed:
        many = "No difference here has a" if assumed == len(cells) else f"{assumed} of {len(cells)} differences have no"
        points = f"{rules.assumed[found.situation.task]:g} points"
        text += f" {many} printed deviation; {points} are assumed instead."
    if found.situation.share > LARGEST:
        text += f" The study's curves end at {100 * LARGEST:g} % of the pool; so many labels are outside of them."
    if len(found.readings) > 1:
        text += " What was measured lies in a grey zone, so all rules that may fit are shown."
    if found.situation.problems:
        text += f" Mend first what the audit found (`al-lightning audit`): {' '.join(found.situation.problems)}"
    return text


def _change(found: Recommendation) -> str:
    """Return what would lead to another answer."""
    here, labels = found.situation, found.rules.labels[found.situation.task]
    parts = ["Runs on your own data, with Random beside them at the same seeds, count more than any of this."]
    if here.classes:
        low, high = labels.low * here.classes, labels.high * here.classes
        parts.append(f"Up to {low:,.0f} labels count as few here, and from {high:,.0f} as many.")
    parts.append(
        "Redundancy is measured on pictures; crops of one slide, or turned copies, do not look alike there. If you "
        "know that your images repeat each other, take the rule for redundant ones."
    )
    if SUPERVISED not in {training for _, training in found.to_compare}:
        parts.append("If the long fits of semi-supervised training cannot be paid for, its evidence does not apply.")
    return " ".join(parts)
