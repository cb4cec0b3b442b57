"""TensorBoard on all runs: names that begin with what tells runs apart, and curves that are shown whole."""

from dataclasses import replace
from pathlib import Path
from urllib.request import urlopen

from al_lightning.runs.store import RunStore
from al_lightning.tensorboard.serve import SCRIPT, launch, link_runs
from tests.support.journals import FIRST
from tests.support.runs import parts_of


def begin(directory: Path, name: str, seed: int) -> None:
    RunStore(directory).begin(replace(FIRST, name=name, seed=seed, parts=parts_of(name)))


def test_a_name_begins_with_strategy_training_and_seed(tmp_path: Path) -> None:
    runs, links = tmp_path / "runs", tmp_path / "links"
    begin(runs / "digits_entropy/seed_0", "digits_entropy", 0)
    begin(runs / "demo/x", "digits_random_uda", 3)
    (runs / "broken").mkdir()
    (runs / "broken/cycles.jsonl").write_text("{}\n")

    def linked() -> dict[str, Path]:
        return {str(path.relative_to(links)): path.resolve() for path in links.rglob("*") if path.is_symlink()}

    link_runs(runs, links)
    first = {
        "entropy_seed_0/digits_entropy": runs / "digits_entropy/seed_0",
        "random_uda_seed_3/demo/x": runs / "demo/x",
    }
    assert linked() == first
    begin(runs / "digits_entropy/seed_1", "digits_entropy", 1)
    link_runs(runs, links)
    assert linked() == {**first, "entropy_seed_1/digits_entropy": runs / "digits_entropy/seed_1"}


def test_the_page_asks_for_whole_curves(tmp_path: Path) -> None:
    with urlopen(launch(tmp_path, port=0, load_fast="false")) as answer:
        assert SCRIPT in answer.read().decode()
        assert "sha256-" in answer.headers["Content-Security-Policy"]  # else the browser would not run the script
