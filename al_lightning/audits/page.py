"""An audit as a page: one HTML file that loads nothing, reads without scripts, on a phone, in light and dark."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path

from al_lightning.audits.figures import groups, leaks, spans
from al_lightning.audits.problems import side_name
from al_lightning.audits.result import Audit, SetFacts
from al_lightning.audits.text import GROUPED, NEAR, SCORE, headline, sizes, worth

FILES = 200
"""How many findings are shown; audit.json has all."""
COMPARE = (
    "For comparison: 10,000 images of CIFAR-10 have 2 %, driving video at one frame a second (CamVid's training "
    "images) has 46 %, such video at fifteen frames a second (its validation images) 93 %."
)


def page(found: Audit) -> str:
    """Return an audit's page; the same audit gives the same bytes."""
    package = Path(__file__).parents[1]
    css = "".join((package / name).read_text() for name in ("reports/report.css", "audits/audit.css"))
    title = f"Audit of {found.title}"
    sections = [
        ("found", "What was found", _found(found)),
        ("leaks", "In the test set and in the pool", leaks(found)),
        ("sequences", "Sequences on both sides", spans(found)),
        ("files", "Files", _files(found)),
        ("repeats", "Repeated images", groups(found)),
        ("redundancy", "How redundant the pool is", _redundancy(found)),
        ("classes", "Classes", _classes(found)),
        ("judged", "How it was judged", "".join(f"<p>{escape(text)}</p>" for text in (NEAR, GROUPED))),
    ]
    kept = [section for section in sections if section[2]]
    links = "".join(f'<a href="#{anchor}">{escape(text)}</a>' for anchor, text, _ in kept)
    body = "\n".join(
        f'<section id="{anchor}"><h2>{escape(text)}</h2>\n{content}</section>' for anchor, text, content in kept
    )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{css}</style>\n</head>\n<body>\n<main>\n"
        f'<header><h1>{escape(title)}</h1>\n<ul class="answer">{_answer(found)}</ul>\n'
        f"<nav>{links}</nav></header>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _answer(found: Audit) -> str:
    """Return the outcome, the worst first, in at most four sentences."""
    strict = [problem.text for problem in found.problems if problem.strict]
    said = headline(found)
    texts = strict[:2] if strict else [said[0].upper() + said[1:]]
    if len(strict) > 2:
        texts.append(f"And {len(strict) - 2} more problem{'s' if len(strict) > 3 else ''}.")
    if found.pool.readable:
        texts.append(worth(found))
    return "".join(f"<li>{escape(text)}</li>" for text in texts)


def _found(found: Audit) -> str:
    items = "".join(
        f'<li class="{"strict" if one.strict else "mild"}">{escape(one.text)}</li>' for one in found.problems
    )
    parts = [f'<ul class="problems">{items}</ul>' if items else "<p>Nothing is held against these data.</p>"]
    if any(problem.strict for problem in found.problems):
        parts.append('<p class="small">What is marked ! makes <code>audit --strict</code> exit with 1.</p>')
    parts += [f'<p class="note">{prose(note)}</p>' for note in found.notes]
    sides = [("pool", found.pool), ("test set", found.test)]
    rows = "".join(f"<tr><th>{name}</th>{_numbers(facts)}</tr>" for name, facts in sides if facts.images)
    head = "".join(f"<th>{text}</th>" for text in ("images", "readable", "exact repeats", "near-duplicates"))
    parts.append(
        f'<div class="scroll"><table><thead><tr><th></th>{head}<th>height x width</th></tr></thead><tbody>{rows}'
        "</tbody></table></div>"
    )
    return "".join(parts)


def prose(text: str) -> str:
    """Return plain text as HTML; what stands between backticks is code."""
    return re.sub("`([^`]+)`", r"<code>\1</code>", escape(text))


def _numbers(facts: SetFacts) -> str:
    counts = (facts.images, facts.readable, facts.exact_repeats, facts.near_repeats)
    return "".join(f"<td>{count:,}</td>" for count in counts) + f"<td>{escape(sizes(facts))}</td>"


def _redundancy(found: Audit) -> str:
    if not found.pool.readable:
        return ""
    percent = 100 * found.redundancy
    return (
        f"<p>{escape(worth(found))}</p>"
        f'<div class="scale"><span style="width:{percent:.1f}%"></span></div>'
        '<div class="ends small"><span>0 %: no two alike</span><span>all alike: 100 %</span></div>'
        f'<p>{escape(SCORE)}</p><p class="small">{escape(COMPARE)}</p>'
    )


def _classes(found: Audit) -> str:
    if not found.classes:
        return ""
    pool = max(1, sum(one.pool_pixels for one in found.classes))
    test = max(1, sum(one.test_pixels for one in found.classes))
    both = bool(found.test.images)
    rows = []
    for one in found.classes:
        cells = [_share(one.pool_pixels, pool), *([_share(one.test_pixels, test)] if both else [])]
        cells += [_count(one.pool_images), *([_count(one.test_images)] if both else [])]
        rows.append(f"<tr><th>{escape(one.name)}</th>{''.join(cells)}</tr>")
    where = ("pool", "test set") if both else ("pool",)
    what = "pixels" if found.per_pixel else "images"
    heads = [f"{what}, {side}" for side in where]
    heads += [f"{'images with it' if found.per_pixel else 'count'}, {side}" for side in where]
    head = "".join(f"<th>{text}</th>" for text in heads)
    end = ""
    if found.per_pixel:
        shares = f"{100 * found.ignored[0]:.2f} % of the pool's pixels"
        shares += f" and {100 * found.ignored[1]:.2f} % of the test set's" if both else ""
        end = f'<p class="small">To be ignored: {shares}; the table has shares of the others.</p>'
    return (
        f'<div class="scroll"><table><thead><tr><th>class</th>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table>'
        f"</div>{end}"
    )


def _share(part: int, whole: int) -> str:
    return f"<td>{100 * part / whole:.2f} %</td>" if part else '<td class="absent">absent</td>'


def _count(number: int) -> str:
    return f"<td>{number:,}</td>" if number else '<td class="absent">0</td>'


def _files(found: Audit) -> str:
    if not found.findings:
        return ""
    rows = "".join(
        f"<tr><td>{side_name(one.side)}</td><td>{escape(one.kind)}</td><td>{escape(one.text)}</td></tr>"
        for one in found.findings[:FILES]
    )
    more = len(found.findings) - FILES
    end = f'<p class="small">And {more:,} more in audit.json.</p>' if more > 0 else ""
    return (
        '<table class="files"><thead><tr><th>set</th><th>what</th><th>where</th></tr></thead>'
        f"<tbody>{rows}</tbody></table>{end}"
    )
