"""An audit for the terminal, and the words that summary and page share."""

from __future__ import annotations

from al_lightning.audits.result import Audit, Group, SetFacts, Side
from al_lightning.duplicates.relation import ALIKE, LOOK_ALIKE

NEAR = (
    f"Near-duplicates: {LOOK_ALIKE}. Similarity is the lesser of the two cosines. Found are copies that were resized, "
    "compressed, made brighter or darker, or changed in colour, and frames that follow each other closely; not found "
    "are crops, turned and mirrored copies, and images that are almost flat."
)
GROUPED = (
    "Exact duplicates have equal pixels after decoding, as the dataset gives them; it is said where the files are "
    "equal byte for byte. Groups follow the leader rule and do not chain: an image joins the most similar group whose "
    "leader, its first image, it is a near-duplicate of, or leads a new one. So what is left when all but the leaders "
    "are taken out has no near-duplicates."
)
SCORE = (
    "Redundancy is 1 - D / N: D is the effective number of distinct images among the pool's N, the sum over its images "
    "of 1 / (how many images there are of its kind). Of its kind is each image as far as the two look alike: 1 for an "
    f"equal one, 0 from a similarity of {ALIKE:g} down, linear between. A pool of clips of n equal frames scores "
    "1 - 1 / n, a pool without look-alikes 0. It is a property of the pictures, not of what a network makes of them."
)
_LINES = 8


def summary(found: Audit) -> str:
    """Return an audit as lines of text, without a line break at the end."""
    lines = [f"{found.title}: {headline(found)}", "", f"pool      {set_line(found.pool)}"]
    if found.test.images:
        lines.append(f"test set  {set_line(found.test)}")
    if found.pool.readable:
        lines.append(f"          {worth(found)}")
    if found.problems:
        lines += ["", *(f"{'!' if problem.strict else '-'} {problem.text}" for problem in found.problems)]
    lines += _examples(found)
    if found.notes:
        lines += ["", *(f"note: {note}" for note in found.notes)]
    return "\n".join(lines)


def headline(found: Audit) -> str:
    """Return the outcome in a sentence."""
    if strict := [problem for problem in found.problems if problem.strict]:
        return f"{len(strict)} {'problem' if len(strict) == 1 else 'problems'} found."
    return "no leakage, no duplicates and no broken files found."


def worth(found: Audit) -> str:
    """Return the pool's redundancy in a sentence."""
    return (
        f"The pool's {found.pool.readable:,} images are worth {found.distinct:,.0f} distinct ones: redundancy "
        f"{100 * found.redundancy:.1f} %."
    )


def set_line(facts: SetFacts) -> str:
    """Return a set in a line."""
    unreadable = facts.images - facts.readable
    parts = [f"{facts.images:,} images", f"{unreadable:,} unreadable" if unreadable else "", sizes(facts)]
    return ", ".join(part for part in parts if part)


def sizes(facts: SetFacts) -> str:
    """Return the sizes of a set's images, height x width."""
    if facts.all_sizes == 1:
        height, width, _ = facts.sizes[0]
        return f"all {height} x {width}"
    named = ", ".join(f"{height} x {width} ({count:,})" for height, width, count in facts.sizes[:3])
    return f"{facts.all_sizes} sizes: {named}{' ...' if facts.all_sizes > 3 else ''}" if facts.sizes else ""


def sign(exact: bool) -> str:
    """Return = for equal pixels and ≈ for near-duplicates."""
    return "=" if exact else "≈"


def _examples(found: Audit) -> list[str]:
    """Return a few names for each kind of trouble."""
    leaks = sorted(found.leaks, key=lambda leak: (not leak.test.exact, -leak.test.similarity))
    lines = _some(
        "In the test set and in the pool:",
        [f"{leak.test.name} {sign(leak.test.exact)} {leak.pool.name}" for leak in leaks],
    )
    lines += _some(
        "Sequences on both sides:",
        [
            f"{span.name}: {span.pool_images:,} images in the pool, {span.test_images:,} in the test set, the closest "
            f"{span.gap:,} frames apart"
            for span in found.spans
        ],
    )
    sides: tuple[tuple[Side, str], ...] = (("pool", "Repeated in the pool:"), ("test", "Repeated in the test set:"))
    for side, title in sides:
        groups = [group for group in found.groups if group.side == side and not group.one_sequence]
        lines += _some(title, [_names(group) for group in groups])
    return lines + _some("Files:", [finding.text for finding in found.findings])


def _some(title: str, texts: list[str]) -> list[str]:
    if not texts:
        return []
    more = [f"  ... and {len(texts) - _LINES:,} more in audit.json"] if len(texts) > _LINES else []
    return ["", title, *(f"  {text}" for text in texts[:_LINES]), *more]


def _names(group: Group) -> str:
    """Return the first few names of a group in a line."""
    first, *others = group.members
    named = [f"{sign(member.exact)} {member.name}" for member in others[:3]]
    return " ".join([first.name, *named, *([f"and {len(others) - 3:,} more"] if len(others) > 3 else [])])
