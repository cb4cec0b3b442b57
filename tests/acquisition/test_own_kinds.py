"""The strategies that docs/your-own-strategy.md shows, one of each kind."""

import re
from pathlib import Path
from typing import Any

import pytest

import al_lightning
from al_lightning.acquisition import Acquisition
from al_lightning.acquisition.testing import check_strategy

PAGE = Path(al_lightning.__file__).parents[1] / "docs" / "your-own-strategy.md"


def shown() -> dict[str, Any]:
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    found: dict[str, Any] = {}
    exec(next(block for block in blocks if "class Farthest" in block), found)
    return {name: each for name, each in found.items() if isinstance(each, type) and each.__module__ == "builtins"}


@pytest.mark.parametrize("name", ["Farthest", "Unsure", "Typical", "Drawn"])
def test_a_strategy_that_is_shown_conforms(name: str) -> None:
    strategy = shown()[name]
    assert issubclass(strategy, Acquisition)
    check_strategy(strategy)
