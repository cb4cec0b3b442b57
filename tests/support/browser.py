"""Pages in headless Chromium: which cells of tables lie outside their boxes, at a width."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
_MEASURE = """
addEventListener("load", () => {
  const found = [];
  for (const frame of document.querySelectorAll("iframe")) {
    const page = frame.contentDocument, view = frame.contentWindow;
    page.querySelectorAll("details").forEach((each) => { each.open = true; });
    const outside = [], hidden = [];
    const cells = page.querySelectorAll("th, td");
    for (const cell of cells) {
      const rect = cell.getBoundingClientRect();
      let box = cell.closest(".scroll") || cell.closest("section") || page.body;
      const edge = box.getBoundingClientRect();
      if (rect.width && (rect.right > edge.right + 1 || rect.right > view.innerWidth + 1)) {
        outside.push(cell.innerText);
        const style = view.getComputedStyle(box);
        const scrolls = style.overflowX === "auto" && box.scrollWidth > box.clientWidth;
        const shows = style.backgroundImage.includes("gradient") && edge.right <= view.innerWidth + 1;
        if (!(scrolls && shows)) hidden.push(cell.innerText);
      }
    }
    const wide = page.documentElement.scrollWidth > view.innerWidth;
    found.push({width: view.innerWidth, cells: cells.length, outside, hidden, wide});
  }
  const out = document.createElement("pre");
  out.id = "found";
  out.textContent = JSON.stringify(found);
  document.body.append(out);
});
"""


def measured(page: str, directory: Path, widths: tuple[int, ...] = (1280, 390)) -> list[dict]:
    """Return, for each width, what of a page's tables lies outside: with all folds open.

    `cells` is the number of cells, `outside` the texts of those beyond the edge of their box, `hidden` of those whose
    box does not show that it scrolls, `wide` whether the page itself scrolls sideways.
    """
    frames = "".join(
        f'<iframe srcdoc="{html.escape(page)}" style="border:0;width:{width}px;height:900px"></iframe>'
        for width in widths
    )
    path = directory / "frames.html"
    path.write_text(f"<!DOCTYPE html><script>{_MEASURE}</script><body>{frames}</body>", encoding="utf-8")
    options = ["--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={directory / 'profile'}"]
    done = subprocess.run(
        [CHROMIUM, *options, "--dump-dom", path.as_uri()], capture_output=True, text=True, timeout=60, check=True
    )
    return json.loads(html.unescape(re.search(r'<pre id="found">(.*?)</pre>', done.stdout, re.DOTALL)[1]))
