"""With Label Studio itself: our config and tasks in, annotations out over its API, and the run goes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support import label_studio as studio
from tests.support.annotators import CLASSES, ask, batch, class_of, fit, result

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not studio.installed(), reason="Label Studio is not installed; `make label-studio` does it"),
]


@pytest.fixture
def server(here: Path) -> Iterator[studio.Server]:
    (here / "asked").mkdir()
    with studio.Server(here / "server", here / "asked") as server:
        yield server


def new_batches(run: Path, seen: set[str]) -> list[Path]:
    found = [path for path in sorted((run / "batches").iterdir()) if path.name not in seen]
    seen.update(path.name for path in found)
    return found


def test_classes_are_chosen_in_label_studio(al, here, class_folders, loose, server):
    assert fit(al, class_folders, here / "simulated").code == 0
    run, seen = here / "asked", set()
    project = None
    for round_ in range(3):
        assert ask(al, loose, run).code == 76
        project = project or server.project("classes")
        for folder in new_batches(run, seen):
            tasks = server.bring_in(project, folder)
            assert [task["data"]["name"] for task in tasks] == [row["path"] for row in batch(run, folder.name)]
            for task in tasks:
                shown = server.fetch("GET", task["data"]["image"])  # the server may show it, and it is the image
                assert shown == (loose / task["data"]["name"]).read_bytes()
                assert len(task["predictions"]) == (round_ > 0)
                choice = CLASSES[class_of(task["data"]["name"])]
                value = {"from_name": "class", "to_name": "image", "type": "choices", "value": {"choices": [choice]}}
                server.annotate(task["id"], [value])
        server.export(project, here / "export.json")
        imported = al("labels", "import", run, here / "export.json")
        assert imported.code == 0, imported.err
    assert ask(al, loose, run).code == 0
    assert result(run) == result(here / "simulated")


def test_masks_are_painted_in_label_studio(al, here, masks, bare, server):
    config = "mask_folder_entropy"
    assert fit(al, masks, here / "simulated", config=config).code == 0
    run, seen = here / "asked", set()
    project = None
    for _ in range(3):
        assert ask(al, bare, run, config=config).code == 76
        project = project or server.project("masks")
        for folder in new_batches(run, seen):
            for task in server.bring_in(project, folder):
                assert server.fetch("GET", task["data"]["image"])[:4] == b"\x89PNG"
                # Where the network said anything, a brush a class; the server took them all.
                said = [part["value"]["brushlabels"][0] for one in task["predictions"] for part in one["result"]]
                assert set(said) <= {"ground", "box"}
                assert bool(said) == (folder.name.startswith("cycle"))
                truth = np.asarray(Image.open(masks / "masks" / Path(task["data"]["name"]).name))
                height, width = truth.shape
                server.annotate(
                    task["id"],
                    [
                        {
                            "from_name": "brush",
                            "to_name": "image",
                            "type": "brushlabels",
                            "original_width": width,
                            "original_height": height,
                            "value": {
                                "format": "rle",
                                "rle": studio.run_lengths(truth == number, here / "rle"),
                                "brushlabels": [name],
                            },
                        }
                        for number, name in enumerate(("ground", "box"))
                    ],
                )
        server.export(project, here / "export.json")
        imported = al("labels", "import", run, here / "export.json")
        assert imported.code == 0, imported.err
    assert ask(al, bare, run, config=config).code == 0
    assert result(run) == result(here / "simulated")
