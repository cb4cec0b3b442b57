"""What an audit writes: numbers and a page."""

from __future__ import annotations

import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

from PIL import Image

from al_lightning.audits.audit import audit, write
from al_lightning.audits.folder import AuditFolder
from al_lightning.audits.text import summary
from tests.support.audited import look, tree


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.images: list[dict[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "img":
            self.images.append(dict(attrs))
        if tag not in ("meta", "img", "wbr"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_json_and_page_hold_what_was_found(tmp_path: Path) -> None:
    images = tree(tmp_path) / "images"
    shutil.copy(images / "train/a_001.png", images / "test/<b>&.png")
    shutil.copy(images / "train/a_002.png", images / "train/c.png")
    (images / "train/d.png").write_text("broken")
    found = look(tmp_path, masks=False)
    json_path, page_path = write(found, tmp_path / "out")
    values = json.loads(json_path.read_text())
    assert values["fails"] is True
    assert values["redundancy"] == found.redundancy
    assert values["leaks"][0]["test"]["name"] == "test/<b>&.png"
    assert "pictures" not in values
    assert [problem["kind"] for problem in values["problems"]] == ["leakage", "duplicates", "files"]
    html = page_path.read_text()
    tags = Tags()
    tags.feed(html)
    assert tags.open == []
    assert len(tags.images) == 4
    assert all((image["src"] or "").startswith("data:image/jpeg;base64,") for image in tags.images)
    assert not re.findall(r"""(?:src|href)=["'](?!data:|#)""", html)
    assert "<script" not in html
    assert "@import" not in html
    assert "<b>&.png" not in html
    assert "&lt;b&gt;&amp;.png" in html
    for problem in found.problems:
        assert problem.text in html
        assert problem.text in summary(found)
    assert "test/<b>&.png = train/a_001.png" in summary(found)


def test_the_same_data_give_the_same_bytes_whatever_the_processes(tmp_path: Path) -> None:
    tree(tmp_path / "data", 20)
    shutil.copy(tmp_path / "data/images/train/a_001.png", tmp_path / "data/images/test/z.png")
    told: list[tuple[str, int, int]] = []
    folder = AuditFolder(tmp_path / "data/images")
    one = audit(folder, "t", workers=0, progress=lambda what, done, total: told.append((what, done, total)))
    two = audit(folder, "t", workers=2)
    assert one == two
    texts = [[path.read_bytes() for path in write(found, tmp_path / name)] for name, found in (("1", one), ("2", two))]
    assert texts[0] == texts[1]
    assert ("reading the pool", 20, 20) in told
    assert ("comparing test set and pool", 5, 5) in told


def test_a_sentence_about_many_files_is_said_once(tmp_path: Path) -> None:
    tree(tmp_path)
    for path in (tmp_path / "masks/train").iterdir():
        Image.open(path).convert("RGB").save(path)
    (tmp_path / "images/train/b.png").write_text("broken")
    shutil.copy(tmp_path / "masks/test/a_000.png", tmp_path / "masks/train/b.png")
    found = look(tmp_path)
    assert len(found.findings) == 7
    _, page = write(found, tmp_path / "out")
    assert page.read_text().count("mode RGB") == summary(found).count("mode RGB") == 1
    others = ", ".join(f"train/a_{number:03d}.png" for number in range(1, 6))
    assert f"The same holds for {others}." in summary(found)
    assert summary(found).count("b.png") == page.read_text().count("b.png")
