"""The summary of an audit for the terminal, and texts that summary and page share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from al_lightning.audits.result import SIDES, Agreement, Audit, Finding, Group, Leak, Member, Opinion, SetFacts
from al_lightning.duplicates.relation import ALIKE
from al_lightning.labels.content import count_of, some

_LINES = 8
"""Examples of each kind of problem in the summary."""


def summary(audit: Audit) -> str:
    """Return an audit as lines of text, without a line break at the end."""
    lines = [f"{audit.title}: {headline(audit)}", "", f"pool      {_set_line(audit.pool)}"]
    if audit.test.images:
        lines.append(f"test set  {_set_line(audit.test)}")
    if audit.pool.readable:
        lines.append(f"          {worth(audit)}")
    if audit.problems:
        lines += ["", *(f"{'!' if problem.strict else '-'} {problem.text}" for problem in audit.problems)]
    lines += _examples(audit)
    if audit.opinion is not None:
        lines += _opinion(audit.opinion)
    if audit.notes:
        lines += ["", *(f"note: {note}" for note in audit.notes)]
    return "\n".join(lines)


def headline(audit: Audit) -> str:
    """Return the outcome in a sentence."""
    if strict := sum(problem.strict for problem in audit.problems):
        return f"{strict} {'problem' if strict == 1 else 'problems'} found."
    sure = "no leakage, " * bool(audit.test.images)
    if lesser := _lesser(audit):
        return f"{sure}no exact duplicates and no broken files found, but {' and '.join(lesser)}."
    return f"{sure}no duplicates and no broken files found."


def _lesser(audit: Audit) -> list[str]:
    """Return in words what is alike and yet fails no `--strict`: within one sequence, or by vectors alone."""
    within = [member for group in audit.groups if group.one_sequence for member in group.members[1:]]
    near, texts = sum(not member.exact for member in within), []
    if near:
        texts.append(f"{count_of(near, 'near-duplicate')} within a sequence")
    if (its := audit.opinion) and (alike := its.leaks.vectors + its.pool.vectors + its.test.vectors):
        texts.append(f"{count_of(alike, 'image')} alike by vectors alone")
    return texts


def worth(audit: Audit) -> str:
    """Return the pool's redundancy in a sentence."""
    return (
        f"The pool's {audit.pool.readable:,} images are worth {distinct_ones(audit.distinct)}: redundancy "
        f"{100 * audit.redundancy:.1f} %."
    )


def distinct_ones(number: float) -> str:
    """Return the effective number of distinct images, in words that fit one image too."""
    return f"{number:,.0f} distinct one{'s' * (round(number) != 1)}"


def _set_line(facts: SetFacts) -> str:
    unreadable = facts.images - facts.readable
    parts = [
        f"{facts.images:,} images",
        f"{unreadable:,} unreadable" if unreadable else "",
        f"{facts.unlabelled:,} not labelled yet" if facts.unlabelled else "",
        sizes(facts),
    ]
    return ", ".join(part for part in parts if part)


def sizes(facts: SetFacts) -> str:
    """Return the sizes of a set's images, height x width."""
    if facts.all_sizes == 1:
        height, width, _ = facts.sizes[0]
        return f"all {height} x {width}"
    named = ", ".join(f"{height} x {width} ({count:,})" for height, width, count in facts.sizes[:3])
    return f"{facts.all_sizes} sizes: {named}{' ...' if facts.all_sizes > 3 else ''}" if facts.sizes else ""


def sorted_leaks(audit: Audit) -> list[Leak]:
    """Return all leaks: equal pixels first, then by falling similarity."""
    return sorted(audit.leaks, key=lambda leak: (not leak.test.exact, -leak.test.similarity))


def once(findings: Sequence[Finding]) -> list[Finding]:
    """Return findings, those that differ only in the file as one, whose text names the other files."""
    alike: dict[tuple[str, str, str], list[Finding]] = {}
    for finding in findings:
        stem = Path(finding.name).stem
        sentence = " ".join("" if Path(word).stem == stem else word for word in finding.text.split())
        alike.setdefault((finding.side, finding.kind, sentence), []).append(finding)
    return [_with_others(*same) for same in alike.values()]


def _with_others(first: Finding, *others: Finding) -> Finding:
    names = some([other.name for other in others])
    return replace(first, text=f"{first.text} The same holds for {names}.") if others else first


def _sign(member: Member) -> str:
    """Return = for equal pixels and ≈ for near-duplicates; with vectors, both numbers of a near-duplicate."""
    if member.exact:
        return "="
    return "≈" if member.cosine is None else f"≈ ({both(member)})"


def both(member: Member) -> str:
    """Return how alike pixels and vectors are, in a few words."""
    pixels = f"pixels {member.similarity:.2f}" if member.similarity else f"pixels below {ALIKE:g}"
    return f"{pixels}, cosine {member.cosine:.2f}"


def opinions(opinion: Opinion) -> list[tuple[str, Agreement]]:
    """Return what is counted of a second opinion, in words, with its counts; sets without any are left out."""
    rows = [
        ("of the pool, like an earlier one", opinion.pool),
        ("of the test set, like an earlier one", opinion.test),
        ("of the test set, like one of the pool", opinion.leaks),
    ]
    return [(words, counts) for words, counts in rows if counts is opinion.pool or any(vars(counts).values())]


def measure(opinion: Opinion) -> str:
    """Return what the vectors are, when two images are alike by them, and which cosines are usual."""
    text = (
        f"{opinion.encoder} gives {opinion.numbers:,} numbers an image; two images are alike by their vectors at a "
        f"cosine of {opinion.threshold:g} or more."
    )
    if opinion.usual is None:
        return text
    middle, high = opinion.usual
    return f"{text} Two images of this pool have {middle:.2f} in the median, 1 pair in 1,000 more than {high:.2f}."


def _opinion(opinion: Opinion) -> list[str]:
    """Return the second opinion: what was compared, the counts, and examples of what vectors alone call alike."""
    rows = opinions(opinion)
    width = max(len(words) for words, _ in rows)
    lines = ["", f"Second opinion: {measure(opinion)}", f"  {'images':<{width}}   both  pixels alone  vectors alone"]
    lines += [f"  {words:<{width}} {its.both:>6,} {its.pixels:>13,} {its.vectors:>14,}" for words, its in rows]
    alone = sorted(opinion.alone, key=lambda leak: -(leak.test.cosine or 0))
    lines += _some(
        "In the test set and in the pool, by vectors alone:",
        [f"{leak.test.name} {_sign(leak.test)} {leak.pool.name}" for leak in alone],
    )
    for side, name in SIDES.items():
        groups = [group for group in opinion.groups if group.side == side and not group.one_sequence]
        lines += _some(f"Repeated in the {name}, by vectors:", [_names(group) for group in groups])
    return lines


def _examples(audit: Audit) -> list[str]:
    """Return a few names for each kind of problem."""
    lines = _some(
        "In the test set and in the pool:",
        [f"{leak.test.name} {_sign(leak.test)} {leak.pool.name}" for leak in sorted_leaks(audit)],
    )
    lines += _some(
        "Sequences on both sides:",
        [
            f"{span.name}: {span.pool_images:,} images in the pool, {span.test_images:,} in the test set, the closest "
            f"{span.gap:,} frames apart"
            for span in audit.spans
        ],
    )
    for side, name in SIDES.items():
        groups = [group for group in audit.groups if group.side == side and not group.one_sequence]
        lines += _some(f"Repeated in the {name}:", [_names(group) for group in groups])
    return lines + _some("Files:", [finding.text for finding in once(audit.findings)])


def _some(title: str, texts: list[str]) -> list[str]:
    if not texts:
        return []
    more = [f"  ... and {len(texts) - _LINES:,} more in audit.json"] if len(texts) > _LINES else []
    return ["", title, *(f"  {text}" for text in texts[:_LINES]), *more]


def _names(group: Group) -> str:
    """Return the first four names of a group in a line."""
    first, *others = group.members
    named = [f"{_sign(member)} {member.name}" for member in others[:3]]
    more = [f"and {len(others) - 3:,} more"] if len(others) > 3 else []
    return " ".join([first.name, *named, *more])
