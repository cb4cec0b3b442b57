"""Vectors made elsewhere: each image gets the row of its name, and any mistake is one sentence."""

import csv
import io
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from al_lightning import vector_files
from al_lightning.data import ImageFolder
from al_lightning.errors import UsageError
from al_lightning.features.external import key_of_name, match, vectors_of
from al_lightning.networks import VectorClassifier
from al_lightning.networks.from_features import FromFeatures
from al_lightning.vector_files import VectorFile, dimension_of, read_vectors
from tests.support.errors import lacking, raises

DIMENSION = 5


def data(root):
    return ImageFolder(root=str(root), size=(12, 12), workers=0)


def names_of(dataset):
    return [images.name(n) for images in (dataset.train, dataset.test) for n in range(len(images))]


def vectors(count, dtype="float32"):
    return (np.arange(count * DIMENSION).reshape(count, DIMENSION) / 7).astype(dtype)


def save(path, names, values, header=True):
    """Write a file of vectors as other programs do."""
    if path.suffix == ".npy":
        np.save(path, values)
        path.with_suffix(".txt").write_text("\n".join(names) + "\n")
    elif path.suffix == ".npz":
        np.savez(path, vectors=values, names=np.array(names))
    else:
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            if header:
                writer.writerow(["name", *(f"x{n}" for n in range(values.shape[1]))])
            writer.writerows([name, *map(str, row)] for name, row in zip(names, values, strict=True))
    return path


@pytest.mark.parametrize("ending", [".npy", ".npz", ".csv"])
@pytest.mark.parametrize("how", ["path", "absolute", "file name"])
def test_each_image_gets_its_row(class_folders, tmp_path, ending, how):
    dataset = data(class_folders)
    names = names_of(dataset)
    if how == "file name":
        for number, name in enumerate(names):  # so far, classes have files of the same names
            Path(name).rename(Path(name).with_name(f"{number}.png"))
        dataset = data(class_folders)
        names = names_of(dataset)
    order = np.random.default_rng(0).permutation(len(names))
    shown = [names[n] if how == "absolute" else str(Path(names[n]).relative_to(class_folders)) for n in order]
    shown = [Path(name).name if how == "file name" else name for name in shown]
    values = vectors(len(names))
    path = save(tmp_path / f"vectors{ending}", [*shown, "other.png"], np.vstack([values[order], values[:1]]))
    said = []
    sets = vectors_of(dataset, path, said.append)
    assert (len(sets.train), len(sets.test), dimension_of(path)) == (30, 12, DIMENSION)
    got = torch.cat([sets.train.rows(range(30)), sets.test.rows(range(12))])
    assert got.dtype == torch.float32
    torch.testing.assert_close(got, torch.from_numpy(values))
    assert not lacking("\n".join(said), [42, path, "file name" if how == "file name" else "path", 1, 43, "other.png"])
    net = FromFeatures(VectorClassifier(3, str(path)), sets.train.layout).eval()
    inner = net.network.classifier
    expected = got[[4, 2]] @ inner.weight.T + inner.bias
    torch.testing.assert_close(net(sets.train.rows([4, 2])).logits, expected)
    with raises(UsageError, path, "probe"):
        net.network.encode(torch.zeros(1, 3, 12, 12))


@pytest.mark.parametrize("dtype", ["float16", "float64"])
def test_other_floats_become_float32(class_folders, tmp_path, dtype):
    names = names_of(data(class_folders))
    sets = vectors_of(data(class_folders), save(tmp_path / "v.npz", names, vectors(42, dtype)), print)
    assert torch.equal(sets.train.rows([7])[0], torch.from_numpy(vectors(42, dtype)[7].astype("float32")))


def test_a_mapped_file_is_mapped_again_by_another_process(class_folders, tmp_path):
    dataset = data(class_folders)
    file = save(tmp_path / "v.npy", names_of(dataset), vectors(42))
    train = vectors_of(dataset, file, print).train
    pickled = pickle.dumps(train)
    assert vectors(42)[3].tobytes() not in pickled
    assert torch.equal(pickle.loads(pickled).rows([3, 0]), train.rows([3, 0]))
    packed = vectors_of(dataset, save(tmp_path / "v.npz", names_of(dataset), vectors(42)), print).train
    assert torch.equal(pickle.loads(pickle.dumps(packed)).rows([3, 0]), train.rows([3, 0]))


def test_csv_without_a_header_and_names_in_one_folder_file(tmp_path):
    read = read_vectors(save(tmp_path / "v.csv", ["a,b", "c"], vectors(2), header=False))
    assert read.names == ["a,b", "c"]
    assert np.array_equal(read.vectors, vectors(2))
    save(tmp_path / "v.npy", ["a", "b"], vectors(2))
    (tmp_path / "v.txt").rename(tmp_path / "names.txt")
    assert read_vectors(tmp_path / "v.npy").names == ["a", "b"]


def npz(path, **arrays):
    np.savez(path, **arrays)
    return path


def bomb(path):
    """An archive whose array says it has terabytes."""
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(head, {"descr": "<f4", "fortran_order": False, "shape": (10**9, 1024)})
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("vectors.npy", head.getvalue() + bytes(1 << 16))
        archive.writestr("names.npy", b"")
    return path


def changed(values, row, number):
    values = values.copy()
    values[row, 2] = number
    return values


OBJECTS = np.array([{"a": 1}, None], dtype=object)
V, N = vectors(42), "names"
MISTAKES = {
    "no such file": (lambda at, n: at / "v.npz", ["v.npz"]),
    "ending": (lambda at, n: at / "v.pkl", ["v.pkl", ".npz"]),
    "missing": (lambda at, n: save(at / "v.npz", n[:-2], V[:-2]), [2, 42, "test/red/2.png"]),
    "doubled": (lambda at, n: save(at / "v.npz", [*n, n[4]], np.vstack([V, V[:1]])), ["train/blue/4.png", "5, 43"]),
    "unknown": (lambda at, n: save(at / "v.npz", [f"x{each}" for each in range(42)], V), ["'x0'", "train/blue/0.png"]),
    "only file names": (lambda at, n: save(at / "v.npz", [Path(e).name for e in n], V), ["apart", "0.png", 6]),
    "too few names": (lambda at, n: save(at / "v.npy", n[:-1], V), [42, 41]),
    "no names": (lambda at, n: (save(at / "v.npy", n, V), (at / "v.txt").unlink())[0], ["v.txt", ".npz"]),
    "other arrays": (lambda at, n: npz(at / "v.npz", x=V, y=n), ["`vectors`", "x, y"]),
    "one dimension": (lambda at, n: npz(at / "v.npz", vectors=V.ravel(), names=n), ["(210,)"]),
    "three dimensions": (lambda at, n: save(at / "v.npy", n, V[:, None]), ["(42, 1, 5)"]),
    "no numbers": (lambda at, n: save(at / "v.npy", n, V[:, :0]), ["(42, 0)"]),
    "integers": (lambda at, n: save(at / "v.npz", n, V.astype(int)), ["int64", "float32"]),
    "complex": (lambda at, n: save(at / "v.npy", n, V.astype(complex)), ["complex128"]),
    "object vectors": (lambda at, n: npz(at / "v.npz", vectors=OBJECTS, names=n[:2]), ["object array"]),
    "object names": (lambda at, n: npz(at / "v.npz", vectors=V[:2], names=OBJECTS), ["object array"]),
    "object npy": (lambda at, n: save(at / "v.npy", n, OBJECTS[:, None]), ["object array"]),
    "numbers as names": (lambda at, n: npz(at / "v.npz", vectors=V, names=np.arange(42)), ["int64", "dtype=str"]),
    "NaN": (lambda at, n: save(at / "v.npz", n, changed(V, 3, np.nan)), [1, 42, "train/blue/3.png"]),
    "infinity": (lambda at, n: save(at / "v.csv", n, changed(V, 41, np.inf)), [1, 42, "test/red/3.png"]),
    "beyond float32": (lambda at, n: save(at / "v.npy", n, changed(V.astype(float), 5, 1e39)), [1, "train/blue/5"]),
    "a bomb": (lambda at, n: bomb(at / "v.npz"), ["3814.7 GiB", ".npy"]),
    "uneven lines": (lambda at, n: text(at / "v.csv", "a,1,2\nb,1\n"), ["Line 2", 1, 2]),
    "no comma": (lambda at, n: text(at / "v.csv", "a;1;2\n"), ["Line 1", "commas"]),
    "a word": (lambda at, n: text(at / "v.csv", "a,1,2\nb,1,x\n"), ["Line 2", "'b'"]),
    "a word in the first line": (lambda at, n: text(at / "v.csv", "a,1,x\n"), ["Line 1", "'a'"]),
    "a header alone": (lambda at, n: text(at / "v.csv", "name,x,y\n"), ["empty"]),
    "nothing": (lambda at, n: text(at / "v.csv", ""), ["empty"]),
    "no archive": (lambda at, n: text(at / "v.npz", "x"), ["damaged"]),
    "no array": (lambda at, n: text(at / "v.npy", "x"), ["damaged"]),
    "latin-1": (lambda at, n: text(at / "v.csv", b"\xe4,1\n"), ["UTF-8"]),
    "cut": (lambda at, n: cut(save(at / "v.npy", n, V)), [840, 830]),
    "cut archive": (lambda at, n: cut(save(at / "v.npz", n, V)), ["damaged"]),
}


def text(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def cut(path):
    path.write_bytes(path.read_bytes()[:-10])
    return path


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_sentence(class_folders, tmp_path, mistake):
    dataset = data(class_folders)
    for place, name in enumerate(names_of(dataset)):
        Path(name).rename(Path(name).with_name(f"{place % 10 if place < 30 else (place - 30) % 4}.png"))
    dataset = data(class_folders)
    names = [str(Path(name).relative_to(class_folders)) for name in names_of(dataset)]
    make, facts = MISTAKES[mistake]
    path = make(tmp_path, names)
    with raises(UsageError, path.name, *facts):
        vectors_of(dataset, path, print)


def test_a_file_that_is_too_large_for_memory_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(vector_files, "MOST_IN_MEMORY", 100)
    for ending in (".npz", ".csv"):
        with raises(UsageError, f"v{ending}", ".npy"):
            read_vectors(save(tmp_path / f"v{ending}", ["a"] * 42, V))
    assert len(read_vectors(save(tmp_path / "v.npy", ["a"] * 42, V)).vectors) == 42


part = st.text(st.characters(exclude_characters="/\\\r\n\0", exclude_categories=("Cs",)), min_size=1, max_size=5)
part = part.filter(lambda text: text.strip() == text and text not in (".", ".."))


@settings(max_examples=100, deadline=None)
@given(st.sets(st.lists(part, min_size=1, max_size=3).map("/".join), min_size=1, max_size=8), st.data())
def test_names_find_their_images_however_they_are_spelled(found, data):
    images, root = sorted(found), Path("/data/root")
    given = data.draw(st.permutations(images))
    last = {name.rpartition("/")[2] for name in images}
    forms = [str, lambda name: f"./{name}", lambda name: f"{root}/{name}", lambda name: name.replace("/", "\\")]
    if len(last) == len(images):
        forms.append(lambda name: f"elsewhere/{name.rpartition('/')[2]}")
    spelled = list(map(data.draw(st.sampled_from(forms)), given))
    file = VectorFile(Path("v.npz"), spelled, np.zeros((len(given), 1), np.float32))
    rows, _ = match(file, [key_of_name(f"{root}/{name}", root) for name in images], root)
    assert [given[row] for row in rows] == images
