"""Classes of one's own: their names in a run, and the code that a run was made with."""

import hashlib
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from al_lightning.config.experiment import configure
from al_lightning.config.own_code import changed_files, digests, own_modules
from al_lightning.errors import UsageError
from al_lightning.results.conditions import conditions_of
from al_lightning.runs.journal import read_run
from tests.support.errors import lacking, refused
from tests.support.runs import SMALL_NETWORK, TINY, Answer, journal

Call = Callable[..., Answer]
STRATEGY = """
from al_lightning.acquisition import Entropy
from al_lightning.networks import WideResNet
from al_lightning.training import Supervised

class Mine(Entropy):
    def __init__(self, power: float = 1.0) -> None:
        self.power = power

class Net(WideResNet):
    pass

class Method(Supervised):
    title = "mine"
"""
OPTIONS = [*TINY, *SMALL_NETWORK, "--budget.cycles", 1]


def write(text: str = STRATEGY, name: str = "mine_code") -> Path:
    """Write the module of one's own; the next command imports it as a new process does."""
    sys.modules.pop(name, None)
    path = Path(f"{name}.py")
    path.write_text(text)
    return path


@pytest.fixture
def module(here: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.syspath_prepend(str(here))
    yield write()
    sys.modules.pop("mine_code", None)


def sha(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


# Names


@pytest.mark.usefixtures("module")
@pytest.mark.parametrize(
    ("options", "name"),
    [
        (["--acquisition", "mine_code.Mine"], "digits_mine_code.Mine"),
        (["--acquisition.class_path", "mine_code.Mine"], "digits_mine_code.Mine"),
        (["--acquisition", "{class_path: mine_code.Mine}"], "digits_mine_code.Mine"),
        (["--network", "mine_code.Net"], "digits_mine_code.Net_random"),
        (["--training", "mine_code.Method"], "digits_random_mine_code.Method"),
        (
            ["--training", "mine_code.Method", "--acquisition", "mine_code.Mine", "--network", "mine_code.Net"],
            "digits_mine_code.Net_mine_code.Mine_mine_code.Method",
        ),
        (["--acquisition", "al_lightning.acquisition.Random"], "digits_random"),
        (["--acquisition", "al_lightning.acquisition.Entropy"], "digits_Entropy"),
        (["--training", "al_lightning.training.uda.UDA"], "digits_random_UDA"),
    ],
)
def test_a_class_of_the_command_line_has_its_own_name_and_directory(options: list[str], name: str) -> None:
    made = configure(["digits_random"], options)
    assert (made.name, made.run_dir) == (name, Path("runs") / name / "seed_0")


@pytest.mark.usefixtures("module")
def test_options_of_the_class_are_changed_settings() -> None:
    options = ["--acquisition", "mine_code.Mine", "--acquisition.power", "2"]
    made = configure(["digits_random"], options)
    assert made.name == "digits_mine_code.Mine"
    assert made.run_dir.parts[:2] == ("runs", made.name)
    assert made.run_dir.parent.name.startswith("power=2.0-")
    made = configure(["digits_random"], ["--network", "mine_code.Net", "--network.depth", "16"])
    assert made.run_dir.parent.name.startswith("depth=16-")


def test_the_name_is_in_journal_tables_and_verdicts(al: Call, module: Path) -> None:
    assert al("fit", "--config", "digits_random", *OPTIONS, "--run_dir", "a").code == 0
    own = ["--acquisition", "mine_code.Mine", *OPTIONS, "--run_dir", "b"]
    answer = al("fit", "--config", "digits_random", *own)
    assert answer.code == 0, answer.err
    record = read_run("b").record
    assert (record.name, record.parts["acquisition"]) == ("digits_mine_code.Mine", "mine_code.Mine")
    assert record.code == {"mine_code": sha(module)}
    shown = al("show", "a", "b", "--no-plot").out
    assert not lacking(shown, ["random", "mine_code.Mine"])
    text = al("report", "a", "b", "--format", "text").out
    assert not lacking(text, ["mine_code.Mine", "The code of the user's own is the same in all runs: mine_code."])
    # The configs of the name say nothing of the strategy; the rest of them is compared.
    assert "unknown" not in text
    assert not lacking(text, ["Other settings than the names' configs, the same in all runs", "steps"])
    page = al("report", "a", "b", "--out", "page.html")
    assert page.code == 0
    assert (
        "<span>--config digits_random</span> <span>--acquisition mine_code.Mine</span>" in Path("page.html").read_text()
    )


# Code


def test_an_error_in_a_strategy_names_its_line(al: Call, module: Path) -> None:
    broken = "\n    def score(self, network, batch):\n        return batch.image.nope()\n"
    lines = write(STRATEGY.replace("\nclass Net", f"{broken}\nclass Net")).read_text().splitlines()
    line = next(number for number, text in enumerate(lines, start=1) if "nope" in text)
    answer = al("fit", "--config", "digits_random", "--acquisition", "mine_code.Mine", *OPTIONS, "--run_dir", "a")
    assert answer.code == 1
    assert f"AttributeError in mine_code.py:{line}: 'Tensor' object has no attribute 'nope'" in answer.err


def test_modules_of_classes_at_any_depth_are_found_and_installed_ones_are_not(module: Path) -> None:
    settings = {
        "acquisition.class_path": "al_lightning.acquisition.Random",
        "training.init_args.optimizer.class_path": "torch.optim.SGD",
        "data.init_args.classes": ["a"],
        "trainer.callbacks": [{"class_path": "mine_code.Mine", "init_args": {"of": {"class_path": "mine_code.Net"}}}],
        "network.class_path": "collections.OrderedDict",
    }
    (found,) = own_modules(settings)
    assert (found.name, found.file, found.digest) == ("mine_code", module.resolve(), sha(module))
    assert own_modules({key: value for key, value in settings.items() if key != "trainer.callbacks"}) == []


def test_a_class_is_hashed_as_it_was_imported(module: Path) -> None:
    """A notebook that goes on after an edit still runs what it imported."""
    settings = {"acquisition.class_path": "mine_code.Mine"}
    before = digests(own_modules(settings))
    module.write_text(STRATEGY + "\n# edited\n")
    assert digests(own_modules(settings)) == before
    write(STRATEGY + "\n# edited\n")
    assert digests(own_modules(settings)) == {"mine_code": sha(module)} != before


def test_a_class_without_a_file_is_told(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cell = types.ModuleType("cell")
    exec(STRATEGY, vars(cell))
    monkeypatch.setitem(sys.modules, "cell", cell)
    made = configure(["digits_random"], ["--acquisition", "cell.Mine"])
    assert digests(made.own_code) == {}
    assert not lacking(" ".join(made.notes), ["cell", "no file", "change"])


def test_what_is_not_as_recorded_is_named_by_its_file(module: Path) -> None:
    modules = own_modules({"acquisition.class_path": "mine_code.Mine"})
    assert changed_files(modules, {"mine_code": sha(module)}) == []
    assert changed_files(modules, {"mine_code": "0"}) == changed_files(modules, {}) == ["mine_code.py"]
    assert changed_files([], {"mine_code": sha(module)}) == ["mine_code"]


def test_a_changed_file_is_refused_by_name_and_an_accepted_change_is_told(al: Call, module: Path) -> None:
    first = sha(module)
    run = ["fit", "--config", "digits_random", "--acquisition", "mine_code.Mine", *TINY, *SMALL_NETWORK]
    run += ["--budget.initial", 20, "--budget.query", 20, "--run_dir", "r", "--budget.cycles"]
    assert al(*run, 1).code == 0
    before = journal(Path("r"))
    write(STRATEGY + "\n# another line\n")
    # A finished run is printed all the same; what would go on is refused.
    assert al(*run, 1).code == 0
    assert refused(al(*run, 2), UsageError, "mine_code.py", "--accept_code_change", "--run_dir")
    assert journal(Path("r")) == before
    answer = al(*run, 2, "--accept_code_change")
    assert answer.code == 0, answer.err
    assert not lacking(answer.err, ["[!] mine_code.py changed; from cycle 1 on"])
    done = read_run("r")
    codes = [done.record.code, *(cycle.code for cycle in done.cycles)]
    second = {"mine_code": sha(module)}
    assert codes == [{"mine_code": first}, {}, second, second]
    texts = [each.text for each in conditions_of([done]) if each.topic == "own code"]
    assert texts == [
        "Code of the user's own changed while a run went on (--accept_code_change): "
        "mine_code from cycle 1 on in digits_mine_code.Mine, seed 0."
    ]
    # It is the code of the run now; the first one would be another change.
    assert al(*run, 3).code == 0
    write()
    assert refused(al(*run, 4), UsageError, "mine_code.py", "--accept_code_change")


def test_a_run_that_trained_nothing_begins_anew_with_other_code(al: Call, module: Path) -> None:
    run = ["fit", "--config", "digits_random", "--acquisition", "mine_code.Mine", *OPTIONS, "--run_dir", "r"]
    fails = "class Mine(Mine):\n    def initial(self, pool, count, generator):\n        raise RuntimeError('not yet')\n"
    write(STRATEGY + fails)
    assert al(*run).code == 1
    assert Path("r/cycles.jsonl").is_file()
    write()
    answer = al(*run)
    assert answer.code == 0, answer.err
    assert read_run("r").record.code == {"mine_code": sha(module)}


def test_a_network_is_shared_only_where_its_code_is_the_same(al: Call, module: Path) -> None:
    run = ["fit", "--config", "digits_random", "--network", "mine_code.Net", *OPTIONS]
    assert al(*run, "--run_dir", "a").code == 0
    again = [*run, "--acquisition", "mine_code.Mine", "--share", "a", "--run_dir"]
    assert "the network is that of a" in al(*again, "b").err
    write(STRATEGY + "\n# another line\n")
    answer = al(*again, "c")
    assert answer.code == 0, answer.err
    assert not lacking(answer.err, ["a cannot be used", "other code of mine_code", "trains its own"])


def test_code_of_the_strategy_alone_is_no_reason_to_train_again(al: Call, module: Path) -> None:
    assert al("fit", "--config", "digits_random", *OPTIONS, "--run_dir", "a").code == 0
    own = ["--acquisition", "mine_code.Mine", *OPTIONS, "--share", "a", "--run_dir", "b"]
    answer = al("fit", "--config", "digits_random", *own)
    assert answer.code == 0, answer.err
    assert "the network is that of a" in answer.err


def test_commands_that_read_a_run_use_the_code_that_is_there_and_say_so(
    al: Call, module: Path, caplog: pytest.LogCaptureFixture
) -> None:
    own = ["--network", "mine_code.Net", "--acquisition", "mine_code.Mine"]
    assert al("fit", "--config", "digits_random", *own, *OPTIONS, "--run_dir", "r").code == 0
    trust = ["--import", "mine_code"]
    asked = ["query", "r", "--cycle", 0, *trust]
    written = ["export", "r", "--format", "torchscript", *trust]
    assert al(*asked).code == 0
    assert "changed" not in caplog.text
    write(STRATEGY + "\n# another line\n")
    for command in (asked, written):
        caplog.clear()
        answer = al(*command)
        assert answer.code == 0, answer.err
        assert not lacking(caplog.text, ["note: ", "mine_code.py changed since the run was made"])
    assert al("show", "r").code == 0
    assert al("report", "r", "--out", "page.html", *trust).code == 0
