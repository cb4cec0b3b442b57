"""A run directory that somebody sent, with modules beside it; edits of its configuration; commands that read it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from tests.support.runs import forge

MODULES = {
    "sent_data": "from al_lightning.data import Digits\nclass Mine(Digits):\n    pass\n",
    "sent_network": "from al_lightning.networks import WideResNet\nclass Mine(WideResNet):\n    pass\n",
    "sent_strategy": "from al_lightning.acquisition import Entropy\nclass Mine(Entropy):\n    pass\n",
    "sent_oracle": "from al_lightning.oracle import Simulated\nclass Mine(Simulated):\n    pass\n",
    "sent_task": "",
    "sent_training": "",
    "sent_callback": "",
}
SECTIONS = {"data": "sent_data", "network": "sent_network", "acquisition": "sent_strategy", "oracle": "sent_oracle"}
COMMANDS = {
    "predict": ["sent", "image.png", "--out", "out"],
    "export": ["sent", "--format", "state-dict", "--out", "model.pt"],
    "query": ["sent", "--cycle", "0"],
    "recommend": ["sent", "--labels", "100"],
    "report": ["sent", "--out", "page.html"],
}
NEEDED = {
    "predict": ["sent_data", "sent_oracle", "sent_network"],
    "export": ["sent_data", "sent_oracle", "sent_network"],
    "query": ["sent_data", "sent_oracle", "sent_network", "sent_strategy"],
    "recommend": ["sent_data", "sent_oracle"],
    "report": ["sent_data", "sent_oracle"],
}


def edit(folder: Path, **sections: Any) -> None:
    path = folder / "sent" / "config.yaml"
    values = yaml.safe_load(path.read_text())
    for name, value in sections.items():
        if isinstance(value, str):
            values[name]["class_path"] = value
        else:
            values[name].update(value)
    forge(path.parent, values)


def imported(folder: Path) -> list[str]:
    return sorted(path.name.removeprefix("ran_") for path in folder.glob("ran_*"))


def all_of_ones_own(folder: Path) -> None:
    """Every class of the run is one of the modules beside it."""
    callback = {"callbacks": {"class_path": "sent_callback.Mine"}, "profiler": {"class_path": "sent_callback.Mine"}}
    edit(folder, **{name: f"{module}.Mine" for name, module in SECTIONS.items()}, trainer=callback)
    edit(folder, task="sent_task.Mine", training="sent_training.Mine")
