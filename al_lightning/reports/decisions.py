"""The part of a page that says what was chosen where the study leaves something open: docs/choices.md."""

from __future__ import annotations

from pathlib import Path


def decisions_section() -> str:
    """Return the section, folded away; it is long."""
    from markdown_it import MarkdownIt

    # The title is the section's own; raw HTML in the file would stay text.
    words = decisions().partition("\n")[2]
    body = MarkdownIt("commonmark", {"html": False}).enable("table").render(words)
    body = body.replace("<table>", '<div class="scroll"><table class="prose">').replace("</table>", "</table></div>")
    return (
        '<section id="choices"><h2>What the paper leaves open, what was chosen, and why</h2>'
        f"<details><summary>Strategies, datasets, networks and training</summary>{body}</details></section>"
    )


def decisions() -> str:
    """Return docs/choices.md, of the checkout or as it came with the package."""
    package = Path(__file__).resolve().parents[1]
    shipped = package / "choices.md"
    return (shipped if shipped.is_file() else package.parent / "docs" / "choices.md").read_text(encoding="utf-8")
