"""`al-lightning labels import`: valid exports, damaged in every way, never cost a traceback nor half an import."""

from __future__ import annotations

import contextlib
import io
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from al_lightning.cli.main import main
from al_lightning.errors import DatasetError, UsageError
from tests.support.label_exports import (
    MAP,
    MASK,
    content,
    image_files,
    make_run,
    masks_of,
    pixel_files,
    png,
    store,
    zipped,
)

# Fuzzing: valid exports, damaged in every way, through the real command.

HOSTILE = [
    None, True, -1, 0, 1.5, 1e308, -0.0, 10**400, 2**31, 2**63, "", "x", "../../etc/passwd", "\ud800", "\x00", "C:\\x",
    "two.png", "http://[::1", "%00", [], {}, [[]], [None], {"a": {}}, ["two.png"] * 3, [1, 2], "a" * 5000, [[[[]]]],
]  # fmt: skip


def places(value: object, path: tuple = ()) -> Iterator[tuple]:
    """Yield the paths to everything in plain data."""
    yield path
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(min(len(value), 12)):
            yield from places(value[key], (*path, key))


def replaced(value: object, path: tuple, new: object) -> object:
    if not path:
        return new
    made = dict(value) if isinstance(value, dict) else list(value)
    made[path[0]] = replaced(made[path[0]], path[1:], new)
    return made


@st.composite
def damaged_json(draw: st.DrawFn, value: object) -> bytes:
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(list(places(value))))
        value = replaced(value, path, draw(st.sampled_from(HOSTILE)))
    return json.dumps(value).encode()


@st.composite
def damaged_bytes(draw: st.DrawFn, good: bytes) -> bytes:
    made = bytearray(good)
    for _ in range(draw(st.integers(1, 4))):
        if not made:
            break
        place = draw(st.integers(0, len(made) - 1))
        how = draw(st.sampled_from(["cut", "byte", "swap", "large", "drop", "again"]))
        if how == "cut":
            del made[place:]
        elif how == "byte":
            made[place] = draw(st.integers(0, 255))
        elif how == "swap":
            other = draw(st.integers(0, len(made) - 1))
            made[place], made[other] = made[other], made[place]
        elif how == "large":
            made[place : place + 4] = b"\xff\xff\xff\x7f"
        elif how == "drop":
            del made[place : place + draw(st.integers(1, 30))]
        else:
            made[place:place] = made[place : place + 40]
    return bytes(made)


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, dict[str, bytes]]]:
    """For each kind a run with a label, and the valid files."""
    found = {}
    for kind, files in (("pixel", pixel_files), ("image", image_files)):
        folder = tmp_path_factory.mktemp(kind)
        run = make_run(folder, kind)
        labels = masks_of(5) if kind == "pixel" else [0, 1, 2]
        good = {path.name: path.read_bytes() for path in files(folder, labels) if path.is_file()}
        if kind == "pixel":
            good["two.png"] = png(labels[2])
        store(run).apply({"two.png": labels[2]})
        found[kind] = run, good
    return found


def hold_out(run: Path, path: Path, *options: str) -> None:
    """Import whatever it is: never a traceback, and the store as it was unless the exit code is 0."""
    before = content(run)
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(["labels", "import", str(run), str(path), *options])
    said = out.getvalue() + err.getvalue()
    assert code in (0, UsageError.exit_code, DatasetError.exit_code), said
    assert "Traceback" not in said
    assert "Error: " not in said, said  # what main() says of an error that nobody foresaw
    assert "--verbose" not in said, said
    said.encode("utf-8")  # no half characters, which a terminal could not show
    assert "\x1b" not in said
    if code:
        assert content(run) == before, said
    else:
        for name in store(run).names():
            assert store(run).mask(name) is not None or store(run).image_class(name) is not None


QUICK = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@pytest.mark.parametrize("kind", ["pixel", "image"])
@QUICK
@given(data=st.data())
def test_json_with_replaced_values_holds_out(fuzzed: dict, tmp_path_factory, kind: str, data: st.DataObject) -> None:
    run, good = fuzzed[kind]
    name = data.draw(st.sampled_from([name for name in good if name.endswith(".json")]))
    path = run.parent / "fuzzed.json"
    path.write_bytes(data.draw(damaged_json(json.loads(good[name]))))
    hold_out(run, path, *data.draw(st.sampled_from([(), ("--on-disagreement", "first")])))


@pytest.mark.parametrize("kind", ["pixel", "image"])
@settings(QUICK, max_examples=150)
@given(data=st.data())
def test_files_with_damaged_bytes_hold_out(fuzzed: dict, kind: str, data: st.DataObject) -> None:
    run, good = fuzzed[kind]
    name = data.draw(st.sampled_from(sorted(good)))
    path = run.parent / "damaged" / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data.draw(damaged_bytes(good[name])))
    hold_out(run, path)


@pytest.mark.parametrize("kind", ["pixel", "image"])
@QUICK
@given(data=st.data())
def test_archives_with_hostile_members_hold_out(fuzzed: dict, kind: str, data: st.DataObject) -> None:
    run, good = fuzzed[kind]
    names = st.sampled_from(
        ["labelmap.txt", MASK, "SegmentationClass/0001_a__one.png", "../x.png", "/etc/passwd", "annotations.xml",
         "annotations/instances_default.json", "car/two.png", "car/../../x", "x\\y", "a/b/c/SegmentationClass/two.png"]
    )  # fmt: skip
    members = data.draw(st.dictionaries(names, st.sampled_from([*good.values(), MAP.encode(), b"", b"\x00" * 99])))
    hold_out(run, zipped(run.parent / "hostile.zip", members))


@QUICK
@given(name=st.text(max_size=20).filter(lambda text: "\0" not in text and text.strip("./")), label=st.text(max_size=9))
def test_hostile_names_in_folders_and_tables_hold_out(fuzzed: dict, name: str, label: str) -> None:
    run, _ = fuzzed["image"]
    table = run.parent / "hostile.csv"
    table.write_bytes(f"image,class\n{name},{label}\n".encode("utf-8", "surrogatepass"))
    hold_out(run, table)
    with tempfile.TemporaryDirectory() as folder:
        try:
            (Path(folder) / "car" / (name.replace("/", "_") + ".png")).parent.mkdir()
            (Path(folder) / "car" / (name.replace("/", "_") + ".png")).write_bytes(b"")
        except (OSError, ValueError):
            return
        hold_out(run, Path(folder))
