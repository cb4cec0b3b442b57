"""Runs that are killed, and run directories that are deleted, damaged, exchanged and edited.

However it went, the same command ends with the journal of the run that was left alone, or with a sentence.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests.support.errors import lacking
from tests.support.processes import STAGES, arguments, environment, kill_all, ranks, start

pytestmark = pytest.mark.slow
KILLS = int(os.environ.get("AL_STORM_KILLS", "50"))
BLOWS = int(os.environ.get("AL_STORM_BLOWS", "200"))


def lines(run_dir: Path) -> list[str]:
    """The journal byte for byte, but for its cost and its command, which names the directory."""
    text = (run_dir / "cycles.jsonl").read_text().splitlines()
    records = [json.loads(line) for line in text]
    assert [json.dumps(record) for record in records] == text
    aside = ("cost", "command")
    return [json.dumps({key: value for key, value in record.items() if key not in aside}) for record in records]


def await_line(run: subprocess.Popen[str], *starts: str) -> bool:
    """Wait for a line of output that begins so; return whether it came."""
    assert run.stdout is not None
    return any(line.startswith(starts) for line in run.stdout)


@pytest.mark.parametrize("processes", [1, 2])
def test_killed_at_random_instants(here: Path, class_folders: Path, processes: int) -> None:
    options = arguments(class_folders, "--trainer.devices", processes, "--data.workers", 1, steps=12, chunk=3)
    run = start(here, [*options, "--run_dir", "whole"], LINGER="none")
    assert await_line(run, "cycle 0/")
    begun = time.monotonic()
    while run.poll() is None and not is_finished(here / "whole"):
        time.sleep(0.01)
    seconds = time.monotonic() - begun
    out, _ = run.communicate()
    assert run.returncode == 0, out
    expected = lines(here / "whole")
    draw = np.random.default_rng(processes)
    kills = finished = alone = 0
    states: dict[str, int] = {}
    while True:
        name = f"r{finished}"
        run = start(here, [*options, "--run_dir", name])
        # Most of a short run is importing: four kills of five wait until the processes have found each other.
        starting = draw.random() < 0.2
        await_line(run, *(("configured by",) if starting else ("cycle ", "area ")))
        try:
            run.wait(timeout=draw.uniform(0, 8 if starting else seconds) if kills < KILLS else 600)
        except subprocess.TimeoutExpired:
            pids = ranks(run)
            if len(pids) > 1 and draw.random() < 0.3:  # one of them alone: the others end by themselves
                os.kill(pids[int(draw.integers(len(pids)))], signal.SIGKILL)
                run.communicate(timeout=20)
                alone += 1
            else:
                kill_all(run)
            if is_finished(here / name):
                continue  # too late to count
            kills += 1
            state = where(here / name)
            states[state] = states.get(state, 0) + 1
            continue
        out, _ = run.communicate()
        assert run.returncode == 0, out
        assert lines(here / name) == expected
        assert not [path for path in (here / name).rglob("*") if path.name.endswith((".tmp", ".ckpt"))]
        finished += 1
        if kills >= KILLS:
            break
    print(f"\nstorm, {processes} process(es): {kills} kills, {alone} of them of one process alone; {finished} finished")
    print(f"journals, all {len(expected)} lines of each equal to the uninterrupted run's. Killed with:")
    for state, count in sorted(states.items()):
        print(f"  {count:3} {state}")


def is_finished(run_dir: Path) -> bool:
    """Whether the journal has its three cycles, after the lines of the run and of its initial set."""
    journal = run_dir / "cycles.jsonl"
    return journal.exists() and len(journal.read_text().splitlines()) == 5


def where(run_dir: Path) -> str:
    """What the run directory holds at the instant of a kill."""
    if not (run_dir / "cycles.jsonl").exists():
        return "before the journal"
    if (lines := len((run_dir / "cycles.jsonl").read_text().splitlines())) < 2:
        return "before the initial set"
    cycle = lines - 2
    folder = run_dir / f"cycle_{cycle:02d}"
    names = {path.name for path in folder.rglob("*")}
    half = " during a write" if any(name.endswith(".tmp") for name in names) else ""
    if "selection.json" in names:
        return f"cycle {cycle} selected{half}"
    if "metrics.json" in names:
        return f"cycle {cycle} tested{half}"
    if "weights.pt" in names:
        return f"cycle {cycle} trained{half}"
    return f"cycle {cycle} in the fit{half}" if names else f"cycle {cycle} not begun"


HARNESS = '''
"""Runs the command line in forks of one process that has imported everything; kills a fork at its n-th boundary."""
import os, signal, sys
from pathlib import Path

import al_lightning.cli.main, al_lightning.engine.loop, al_lightning.runs.files as files, stages

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def run(options, folder, limit, act=die, log=os.devnull):
    """Return (exit status, boundaries passed): changes of the run directory's files, steps, batches, stages."""
    out, into = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(out)
        passed = [0]

        def boundary(kind):
            passed[0] += 1
            os.write(into, (kind + chr(10)).encode())
            if passed[0] == limit:
                act()

        def hook(event, arguments):
            if event == "open":
                path, _, flags = arguments
                if isinstance(path, (str, os.PathLike)) and flags & (os.O_WRONLY | os.O_RDWR) and folder in str(path):
                    boundary("open " + Path(path).name)
            elif event in ("os.rename", "os.remove", "os.mkdir") and folder in str(arguments[0]):
                boundary(event + " " + Path(arguments[0]).name)

        sys.addaudithook(hook)
        synced = os.fsync
        files.os.fsync = lambda number: (boundary("half-written"), synced(number))[1]
        stages.passing = lambda stage, cycle: boundary(f"{stage} of cycle {cycle}")
        null = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(null, 1); os.dup2(null, 2)
        os._exit(al_lightning.cli.main.main([*options, "--run_dir", folder]))
    os.close(into)
    kinds = os.fdopen(out).read().splitlines()
    return os.waitpid(pid, 0)[1], kinds

if __name__ == "__main__":
    options = sys.argv[1:]
    run(options, "first", -1)  # looks at the data's files, and keeps what it found: further boundaries
    status, kinds = run(options, "whole", -1)
    print(status, len(kinds), flush=True)
    for number in range(1, len(kinds) + 1):
        folder = f"killed_at_{number}"
        first, seen = run(options, folder, number)
        second, _ = run(options, folder, -1)
        print(first, second, seen[-1], sep="|", flush=True)
'''


def test_killed_at_every_boundary(here: Path, class_folders: Path) -> None:
    """Every change of a file, every half-written file, every step, batch and stage of a small run."""
    (here / "harness.py").write_text(HARNESS)
    (here / "stages.py").write_text(STAGES)
    options = arguments(class_folders, "--data.eval_batch_size", 8, steps=4, chunk=2, cycles=1)
    done = subprocess.run(
        [sys.executable, "harness.py", *options], cwd=here, env=environment(), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    head, *rows = done.stdout.splitlines()
    status, count = map(int, head.split())
    assert status == 0
    assert count == len(rows) > 60
    expected = lines(here / "whole")
    kinds = set()
    for number, row in enumerate(rows, start=1):
        first, second, kind = row.split("|")
        assert (int(first), int(second)) == (signal.SIGKILL, 0), row
        assert lines(here / f"killed_at_{number}") == expected, row
        kinds.add(kind)
    print(f"\nboundaries: killed at each of {count}, {len(kinds)} kinds; every journal equals the uninterrupted run's")
    assert {"half-written", "fit of cycle 1", "test of cycle 0", "score of cycle 0", "select of cycle 0"} <= kinds
    assert {f"os.rename .cycles.jsonl.{0}.tmp"[:24]} <= {kind[:24] for kind in kinds}


STORM = '''
"""Deals blows to run directories that were killed somewhere, and runs the same command on what is left."""
import json, os, random, shutil, sys
from pathlib import Path

from harness import run

KINDS = ("delete", "cut", "flip", "own exchange", "foreign exchange", "unsealed exchange", "edit", "rmtree")
READ_BACK = ("cycles.jsonl", "config.yaml", "images.json", "*.seal", "weights.pt", "*.ckpt", "metrics.json", "rows.npz",
             "selection.json")

def files(folder):
    found = [path for kind in READ_BACK for path in Path(folder).rglob(kind)]
    return sorted(path for path in found if path.stat().st_size)

def blow(kind, folder, draw, other):
    """Deal a blow; return what was hit."""
    path = draw.choice(files(folder))
    below = path.relative_to(folder)
    if kind == "delete":
        path.unlink()
    elif kind in ("cut", "flip"):
        content = bytearray(path.read_bytes())
        place = draw.randrange(len(content))
        if kind == "cut":
            del content[place:]
        else:
            content[place] ^= 1 << draw.randrange(8)
        path.write_bytes(content)
    elif kind.endswith("exchange"):
        places = [Path(folder)] if kind.startswith("own") else [Path(other)]
        sources = [one for place in places for one in files(place) if one.name == path.name and one != path]
        if not sources:
            return "nothing"
        source = draw.choice(sources)
        shutil.copyfile(source, path)
        seal = source.with_name(source.name + ".seal")
        if seal.is_file() and not kind.startswith("unsealed"):
            shutil.copyfile(seal, path.with_name(path.name + ".seal"))
    elif kind == "edit":
        below = Path("config.yaml")
        if not Path(folder, below).is_file():
            return "nothing"  # it was killed before
        text = (Path(folder) / below).read_text().splitlines()
        place = draw.choice([number for number, line in enumerate(text) if ": " in line])
        text[place] = text[place].partition(": ")[0] + draw.choice([": 7", ": null", ": [", ": 0.05", ": {a: 1}"])
        (Path(folder) / below).write_text("\\n".join(text))
    return str(below)

if __name__ == "__main__":
    count, options = int(sys.argv[1]), sys.argv[2:]
    status, kinds = run(options, "whole", -1)
    status_other, _ = run([*options, "--seed", "1"], "other", -1)
    print(status, status_other, len(kinds), flush=True)
    draw = random.Random(5)
    for number in range(count):
        folder, log = f"blow_{number}", f"blow_{number}.log"
        kind = KINDS[number % len(KINDS)]
        hits = []
        if kind == "rmtree":
            first, hits = run(options, folder, draw.randrange(3, len(kinds)), lambda: shutil.rmtree(folder), log)
            left = [str(path) for path in Path(folder).rglob("*") if path.is_file()]
            print(json.dumps(["deleted under it", hits[-1:], first, Path(log).read_text(), folder, left]), flush=True)
        else:
            run(options, folder, draw.randrange(3, len(kinds) + 30))
            if not Path(folder).is_dir() or not files(folder):
                continue  # killed before anything was there
            hits = []
            for _ in range(draw.choice([1, 1, 2])):
                hits += [blow(kind, folder, draw, "other")] if files(folder) else []
        last, _ = run(options, folder, -1, log=log)
        print(json.dumps([kind, hits, last, Path(log).read_text(), folder, []]), flush=True)
'''


def test_blows(here: Path, class_folders: Path) -> None:
    """Files deleted, cut, exchanged between cycles and runs, bits flipped, config.yaml edited, directories removed."""
    (here / "harness.py").write_text(HARNESS)
    (here / "storm.py").write_text(STORM)
    (here / "stages.py").write_text(STAGES)
    options = arguments(class_folders, "--data.eval_batch_size", 8, steps=4, chunk=2, cycles=2)
    done = subprocess.run(
        [sys.executable, "storm.py", str(BLOWS), *options], cwd=here, env=environment(), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    head, *rows = done.stdout.splitlines()
    assert head.split()[:2] == ["0", "0"]
    expected, counts = lines(here / "whole"), dict[str, list[int]]()
    for row in rows:
        kind, _, status, words, folder, left = json.loads(row)
        code, tally = os.waitstatus_to_exitcode(status), counts.setdefault(kind, [0, 0])
        if code == 0:
            assert lines(here / folder) == expected, row
        else:  # one sentence
            assert (code in (1, 2), words.count("al-lightning: "), "Traceback" in words) == (True, 1, False), row
            assert kind != "deleted under it" or not lacking(words, [folder, "deleted"]), row
        assert not any("cycle_" in path or path.endswith(("jsonl", "json", "yaml")) for path in left), row
        tally[code != 0] += 1
    print(f"\nblows: {len(rows)} ends, every finished journal equals that of the run that was left alone")
    for kind, (equal, sentences) in sorted(counts.items()):
        print(f"  {kind:18} {equal:3} with that journal, {sentences:3} with a sentence")
    assert counts["edit"][1] == 0  # config.yaml is a view
