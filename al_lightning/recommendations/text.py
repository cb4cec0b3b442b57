"""A recommendation for the terminal: measures, advice, rule, evidence, certainty, and next steps."""

from __future__ import annotations

import re
import textwrap

from al_lightning.audits.text import distinct_ones
from al_lightning.recommendations.evidence import Difference, Evidence
from al_lightning.recommendations.own_study import OwnSetting, ahead, best
from al_lightning.recommendations.recommendation import Reading, Recommendation
from al_lightning.recommendations.rules import SSL
from al_lightning.results.regimes import Regimes
from al_lightning.results.series import BASELINE
from al_lightning.runs.parts import DEFAULT_TRAINING as SUPERVISED

WIDTH = 110
HELD = "\0"
"""Stands for a space at which no line is broken."""
LARGEST = 0.5
"""Share of the pool at which the paper's longest curves end."""
RANDOM = "Random"
"""Label of the paper's rows that choose at random and train on labels alone."""
OUTCOMES = {"ahead": "ahead", "behind": "behind", "mixed": "mixed: settings disagree", "noise": "within noise"}


def recommendation_text(answer: Recommendation) -> str:
    """Return a recommendation as lines of text, without a line break at the end."""
    parts = [_paragraph("Measured.", _measured(answer)), _paragraph("Advice.", _advice(answer))]
    parts += [_reading(answer, reading) for reading in answer.readings]
    parts += [_paragraph("Ours.", _ours(each)) for each in answer.ours]
    parts.append(_paragraph("How sure.", _sure(answer)))
    parts.append("\n".join([_paragraph("Next.", " ".join(answer.remarks)), *(f"  {line}" for line in answer.commands)]))
    parts.append(_paragraph("What would change this.", _change(answer)))
    return "\n\n".join(parts)


def _paragraph(head: str, text: str) -> str:
    return _filled(f"{head} {text}")


def _filled(text: str, indent: str = "") -> str:
    """Break a text into lines; a command in backticks stays on one line, however long, so that it can be copied."""
    whole = re.sub("`[^`]*`", lambda command: command[0].replace(" ", HELD), text)
    lines = textwrap.wrap(whole, WIDTH - len(indent), break_long_words=False, break_on_hyphens=False)
    return "\n".join(f"{indent}{line}" for line in lines).replace(HELD, " ")


def _measured(answer: Recommendation) -> str:
    here, regimes = answer.situation, answer.rules.regimes
    scale, labels, shares = regimes.redundancy, regimes.labels[here.task], regimes.share.get(here.task)
    kinds = scale.read(here.redundancy)
    limits = f"diverse up to {100 * scale.low:g} %, redundant from {100 * scale.high:g} %"
    text = (
        f"The {here.images:,} images of {here.title} are worth {distinct_ones(here.distinct)}: redundancy "
        f"{100 * here.redundancy:.1f} %, {kinds[0] if len(kinds) == 1 else 'between diverse and redundant'} ({limits})."
    )
    if here.sequences:
        text += f" They come from {here.sequences:,} sequence{'s' * (here.sequences != 1)}."
    text += f" {here.labels:,} labels are {100 * here.share:.1f} % of them"
    amounts = regimes.budget(here.task, here.labels_per_class, here.share)
    waiting = f" {here.unlabelled:,} of the images are not labelled yet." if here.unlabelled else ""
    if here.labels_per_class is None:
        text += "; the number of classes is not known (`--classes` tells it), so these may be few or many."
        return text + waiting
    few = "between few and many" if len(amounts) > 1 else amounts[0]
    limits = f"few up to {labels.low:g} a class, many from {labels.high:g}"
    if shares is not None:
        limits += f"; by the share of the pool few up to {100 * shares.low:g} %, many from {100 * shares.high:g} %, in "
        limits += "between either"
    return (
        f"{text} and {here.labels_per_class:.3g} for each of {here.classes} classes: {few} (in {here.task}, {limits})."
        f"{waiting}"
    )


def _advice(answer: Recommendation) -> str:
    """Return the advice, or why there is none."""
    if answer.strategy == BASELINE:
        first = "Choose at random: the published cells show no strategy ahead of it."
    elif answer.strategy:
        first = f"Choose with {answer.strategy}."
    else:
        first = f"No advice on the strategy: {_why_no_strategy(answer)}"
    if answer.training:
        second = f"Train {answer.how(answer.training)}."
    else:
        second = (
            f"No advice on the training, {answer.how(SUPERVISED)} or {answer.how(answer.semi_supervised)}: the "
            "published evidence is mixed or within noise."
        )
    others = [f" {each}, {answer.how(each)}, fits too; no evidence covers it." for each in answer.without_evidence]
    ours = [f" On features of a frozen encoder: {best(each.strategies)} (our study, below)." for each in answer.ours]
    return f"{first} {second}{''.join([*others, *ours])}"


def _why_no_strategy(answer: Recommendation) -> str:
    if not any(reading.fits for reading in answer.readings):
        return f"the paper has no redundant pool for {answer.situation.task}."
    if len(answer.readings) > 1 and any(reading.strategy for reading in answer.readings):
        cases = [f"{reading.strategy or 'no advice'} if {_if(answer, reading)}" for reading in answer.readings]
        return f"the measures lie between the paper's situations, and the advice would be {'; '.join(cases)}."
    text = "the published evidence is mixed or within noise."
    for reading in answer.readings:
        for each in reading.evidence:
            if each.question.role == "kind" and each.outcome == "ahead":
                rival, when = each.question.against.partition("-")[0].lower(), _if(answer, reading)
                text += (
                    f" If you use one all the same{f' and {when}' if when else ''}, take {reading.rule.strategy}, "
                    f"{reading.rule.kind}: it is ahead of {rival}."
                )
            on_labels = each.question.against == RANDOM and not each.question.row.endswith(SSL)
            if on_labels and each.question.role == "also" and each.outcome == "ahead":
                text += f" Trained on labels alone, {each.question.row} is ahead of Random there."
    return text


def _if(answer: Recommendation, reading: Reading) -> str:
    """Return the conditions that distinguish a reading from the others."""
    words = []
    if len({other.pool for other in answer.readings}) > 1:
        words.append(f"the pool counts as {reading.pool}")
    if len({other.rule.budget for other in answer.readings}) > 1:
        words.append(f"the labels count as {reading.rule.budget}")
    return " and ".join(words)


def _reading(answer: Recommendation, reading: Reading) -> str:
    """Return a rule and its evidence."""
    several = f"If {_if(answer, reading)}: " if len(answer.readings) > 1 else ""
    source = "the paper's text"
    if reading.rule.task == "segmentation":
        source = f"Table 8, which prints {reading.printed}"
    text = f"{several}{reading.rule.name}, after {source}: {reading.rule.says}."
    if not reading.fits:
        text += f" The paper's pools for {reading.rule.task} are diverse, so they tell nothing about this each."
    lines = [_paragraph("Rule.", text)]
    lines.append("  differences in points of the mean height of the curve (area / width), else of the score:")
    for each in reading.evidence:
        lines += _question(each)
    lines += _carried(reading)
    for note in _notes(reading):
        lines.append(_filled(f"note: {note}", "  "))
    return "\n".join(lines)


def _carried(reading: Reading) -> list[str]:
    """Return how far the published numbers carry what the paper prints: the highest row of each setting."""
    if not reading.carried:
        return []
    holds = sum(each.carries for each in reading.carried)
    lines = [
        f"  {reading.printed} is the highest row in {holds} of its {len(reading.carried)} settings (mean height of the "
        "curve; networks with dropout left out):"
    ]
    for each in reading.carried:
        text = f"    {each.title:<38}{each.best} {each.best_height:.2f}"
        if not each.carries:
            own = f"{each.printed} {each.printed_height:.2f}" if each.printed else "its area is doubtful"
            text += f"; {own if each.printed else f'{reading.printed}: {own}'}"
        lines.append(text)
    return lines


def _question(evidence: Evidence) -> list[str]:
    """Return the answer to a question, with its cells unless the question has the role `also`."""
    question = f"{evidence.question.row} against {evidence.question.against}"
    head = f"  {question:<40}{evidence.mean:+6.2f} +- {evidence.deviation:4.2f}  {OUTCOMES[evidence.outcome]}"
    if evidence.question.role == "also":
        return [head]
    return [head, *(f"    {cell.title:<38}{_number(cell)}" for cell in evidence.differences)]


def _number(cell: Difference) -> str:
    """Return a cell's difference, with its printed or assumed deviation."""
    if not cell.by_height:
        why = "the area is doubtful" if cell.doubts else "no area"
        return f"{cell.score:+6.2f} of the score ({why}); deviation assumed, {cell.error:.1f}"
    if cell.deviation is None:
        return f"{cell.value:+6.2f} (score {cell.score:+.2f}); deviation assumed, {cell.error:.1f}"
    return f"{cell.value:+6.2f} +- {cell.deviation:.2f} (score {cell.score:+.2f})"


def _notes(reading: Reading) -> list[str]:
    doubts = {
        f"{cell.title}, {doubt}; here the score counts instead."
        for each in reading.evidence
        for cell in each.differences
        for doubt in cell.doubts
    }
    return [*sorted(doubts), *reading.rule.notes]


def _ours(found: OwnSetting) -> str:
    """Return what our study found on a pool's features."""
    first, last = found.labels[0], found.labels[-1]
    lead = ahead(found.strategies)
    behind = {name: number.mean for name, number in found.strategies.items() if number.high < 0}
    others = found.strategies.keys() - {*lead, *behind}
    equal = {name for name in others if found.strategies[name].low > -1 and found.strategies[name].high < 1}
    groups = {"Equal within 1 point": sorted(equal), "Cannot tell": sorted(others - equal)}
    groups["Behind"] = [f"{name} {behind[name]:+.1f}" for name in sorted(behind, key=behind.__getitem__)]
    text = (
        f"On features of a frozen encoder (`_probe`) our study has an answer for up to {found.reach}: {found.data}, "
        f"{first} to {last} labels. Points ahead of Random over the curve: "
        f"{', '.join(f'{name} {number}' for name, number in lead.items()) or 'no strategy is ahead'}."
    )
    text += "".join(f" {head}: {', '.join(names)}." for head, names in groups.items() if names)
    if (start := best(found.starts)) == BASELINE:
        text += " No first batch is ahead of drawn images."
    else:
        text += f" Best first batch: {start}, {found.starts[start]} ahead of drawn images (`--initial {start}`)."
    return f"{text} That is one pool and one encoder; `compare` asks the same of your images."


def _sure(answer: Recommendation) -> str:
    """Return how sure the advice is, and on what evidence."""
    rules = answer.rules
    decisive = [each for reading in answer.readings for each in reading.evidence if each.question.role != "also"]
    cells = {(c.table, c.column, c.row, c.against): c for each in decisive for c in each.differences}
    assumed = sum(cell.assumed for cell in cells.values())
    if answer.strategy and answer.training:
        head = "Fairly" if not assumed and len(answer.readings) == 1 else "Somewhat"
    elif answer.strategy or answer.training:
        head = "In part"
    else:
        head = "Not enough to advise"
    text = (
        f"{head}. All published evidence is from one study with 2 or 3 seeds. An answer counts where the mean over its "
        f"settings is at least {rules.deviations:g} of its deviations away from 0 and no two settings contradict each "
        "other."
    )
    if assumed:
        many = "No difference here has a" if assumed == len(cells) else f"{assumed} of {len(cells)} differences have no"
        points = f"{rules.assumed[answer.situation.task]:g} points"
        text += f" {many} printed deviation; {points} are assumed instead."
    if answer.situation.share > LARGEST:
        text += f" The paper's curves end at {100 * LARGEST:g} % of the pool; your budget lies beyond."
    if len(answer.readings) > 1:
        text += " A measure lies in a grey zone, so all rules that may fit are shown."
    if answer.situation.problems:
        text += f" Look first at what the audit found (`al-lightning audit`): {' '.join(answer.situation.problems)}"
    return text


def _turning_points(regimes: Regimes, task: str, classes: int, images: int) -> str:
    """Return which numbers of a pool's labels count as few and as many, by the rule that sorts the budget itself."""
    words = [regimes.budget(task, number / classes, number / images) for number in range(1, images)]
    few = [number for number, word in enumerate(words, start=1) if word == ("few",)]
    many = [number for number, word in enumerate(words, start=1) if word == ("many",)]
    parts = [f"up to {few[-1]:,} labels count as few" if few else "no number of labels counts as few"]
    parts.append(f"from {many[0]:,} on as many" if many else "none as many")
    return f"In this pool {parts[0]}, and {parts[1]}."


def _change(answer: Recommendation) -> str:
    """Return what would change the advice."""
    here, regimes = answer.situation, answer.rules.regimes
    parts = ["Runs on your own data, with Random at the same seeds, count more than any of this."]
    if here.classes:
        parts.append(_turning_points(regimes, here.task, here.classes, here.images))
    parts.append(
        "Redundancy is measured on pictures; crops of one slide, or turned copies, do not look alike there. If you "
        "know that your images repeat each other, take the rule for redundant ones."
    )
    if SUPERVISED not in {training for _, training in answer.to_compare}:
        parts.append("If you cannot afford the long fits of semi-supervised training, its evidence does not apply.")
    return " ".join(parts)
