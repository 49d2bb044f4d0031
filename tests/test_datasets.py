"""Data sets: what is found where, what is missing or altered, and how an archive gets there."""

import functools
import hashlib
import http.server
import shutil
import tarfile
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny_dataset import make_dataset

from inr_deblur.dataset_files import check_dataset, download
from inr_deblur.datasets import LAYOUTS, all_samples, chunks, find_samples, labels
from inr_deblur.errors import InputError
from inr_deblur.run_config import DatasetConfig


@pytest.fixture
def root(tmp_path) -> Path:
    make_dataset(tmp_path / "lai", pictures=1)
    return tmp_path / "lai"


def names(**settings) -> list[str]:
    return [sample.name for sample in find_samples(DatasetConfig(**settings))]


def test_the_published_sets_have_their_sizes_and_every_name_tells_category_and_kernel():
    assert {name: len(layout.names) for name, layout in LAYOUTS.items() if layout.names} == {
        "lai": 100,
        "levin": 32,
        "kohler": 48,
    }
    assert all(all(labels(name, one)) for name, layout in LAYOUTS.items() for one in layout.names)
    assert labels("lai", "text_03_kernel_04") == ("text", "kernel_04")
    assert labels("folder", "people/bob") == ("people", "")


def test_samples_know_their_truth(root):
    samples = find_samples(DatasetConfig("lai", str(root)))
    assert [s.name for s in samples] == [f"{c}_01_kernel_0{k}" for c in ("people", "text") for k in (1, 2)]
    assert samples[3].sharp == root / "sharp/text_01_kernel_02.png"
    assert samples[3].kernel == root / "kernels/kernel_02.npy"


def test_a_truth_may_be_shared_by_all_kernels(root):
    (root / "sharp/text_01_kernel_02.png").rename(root / "sharp/text_01.png")
    (root / "sharp/text_01_kernel_01.png").unlink()
    assert {s.sharp for s in find_samples(DatasetConfig("lai", str(root), "text"))} == {root / "sharp/text_01.png"}


def test_categories_and_pictures_are_chosen(root):
    at = {"name": "lai", "root": str(root)}
    assert names(category="text", **at) == ["text_01_kernel_01", "text_01_kernel_02"]
    assert names(picture="*kernel_01", **at) == ["people_01_kernel_01", "text_01_kernel_01"]
    assert names(category="text,people", picture="text*02,people*01", **at) == [
        "people_01_kernel_01",
        "text_01_kernel_02",
    ]
    with pytest.raises(InputError, match="did you mean text"):
        names(category="texts", **at)
    with pytest.raises(InputError, match="dataset.picture=text_09"):
        names(picture="text_09*", **at)


def test_a_plain_folder_has_its_subfolders_for_categories(root, tmp_path):
    plain = tmp_path / "plain"
    (plain / "night").mkdir(parents=True)
    shutil.copy(root / "blurry/text_01_kernel_01.png", plain / "my, (1).png")
    shutil.copy(root / "blurry/text_01_kernel_01.png", plain / "night/car.jpg")
    (plain / "notes.txt").touch()
    samples = find_samples(DatasetConfig("folder", str(plain)))
    assert [(s.name, s.category, s.sharp, s.kernel) for s in samples] == [
        ("my_1_", "", None, None),
        ("night/car", "night", None, None),
    ]
    shutil.copy(plain / "night/car.jpg", plain / "night/car.png")
    with pytest.raises(InputError, match="one name"):
        all_samples(DatasetConfig("folder", str(plain)))


@pytest.mark.parametrize(
    ("settings", "part"),
    [
        ({"name": "lai"}, "dataset.root=PATH"),
        ({"name": "lai", "root": "nowhere"}, "docs/datasets.md"),
        ({"name": "folder", "root": "nowhere"}, "no pictures in nowhere"),
        ({"name": "lay", "root": "nowhere"}, "did you mean lai"),
    ],
)
def test_what_is_not_there_is_said(settings, part, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=part):
        find_samples(DatasetConfig(**settings))


def test_chunks_hold_every_name_once(root):
    samples = find_samples(DatasetConfig("lai", str(root)))
    assert ",".join(chunks(samples, 3)).split(",") == [s.name for s in samples]
    assert len(chunks(samples, 3)) == 2
    with pytest.raises(InputError, match="dataset.chunk=0"):
        chunks(samples, 0)


def checksums(root: Path) -> None:
    files = [path for path in root.rglob("*") if path.is_file()]
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  ./{path.relative_to(root)}" for path in files]
    (root / "SHA256SUMS").write_text("\n".join(lines))


def test_the_check_says_what_is_missing_or_altered(root):
    config = DatasetConfig("lai", str(root))
    faults, notes = check_dataset(config)
    assert faults == [
        "missing: 96 of the pictures: manmade_01_kernel_01, manmade_01_kernel_02, manmade_01_kernel_03, "
        "manmade_01_kernel_04, manmade_02_kernel_01, ..."
    ]
    assert "sha256sum" in notes[0]
    checksums(root)
    (root / "sharp/text_01_kernel_01.png").unlink()
    small = Image.open(root / "sharp/text_01_kernel_02.png").crop((0, 0, 32, 32))
    small.save(root / "sharp/text_01_kernel_02.png")
    (root / "blurry/people_01_kernel_01.png").write_bytes(b"not a picture")
    faults = "\n".join(check_dataset(config)[0])
    assert "missing: 1 sharp pictures: text_01_kernel_01" in faults
    assert "missing: " + str(root / "sharp/text_01_kernel_01.png") in faults
    assert str(root / "sharp/text_01_kernel_02.png") + " is not what SHA256SUMS says" in faults
    assert "text_01_kernel_02: the blurry picture is (64, 64), the sharp one (32, 32)" in faults
    assert "people_01_kernel_01.png: This is not a picture" in faults


def test_a_set_whose_blur_is_not_uniform_has_no_kernels_to_miss(root, tmp_path):
    places = [(place, f"Blurry{i}_{k}.png") for i in range(1, 5) for k in range(1, 13) for place in ("blurry", "sharp")]
    for place, name in places:
        (tmp_path / place).mkdir(exist_ok=True)
        shutil.copy(root / "blurry/text_01_kernel_01.png", tmp_path / place / name)
    assert check_dataset(DatasetConfig("kohler", str(tmp_path)))[0] == []


def test_a_rotated_kernel_is_found(tmp_path):
    make_dataset(tmp_path / "set", categories=("text",), pictures=1, side=100)
    config = DatasetConfig("folder", str(tmp_path / "set"))
    assert check_dataset(config)[0] == []
    kernel = tmp_path / "set/kernels/kernel_02.npy"
    np.save(kernel, np.load(kernel)[::-1, ::-1])
    assert check_dataset(config)[0] == ["altered: text_01_kernel_02: kernel_02.npy is rotated by 180 degrees"]


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format, *args):  # noqa: A002
        pass


@pytest.fixture
def server(tmp_path):
    """The address of a server of tmp_path/served."""
    (tmp_path / "served").mkdir()
    handler = functools.partial(Quiet, directory=str(tmp_path / "served"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


@pytest.mark.parametrize(("kind", "suffix"), [("zip", "zip"), ("gztar", "tar.gz")])
def test_an_archive_is_fetched_and_unpacked(root, tmp_path, server, kind, suffix):
    pytest.importorskip("pooch")
    if kind == "gztar" and not hasattr(tarfile, "data_filter"):
        pytest.skip("Python below 3.11.4")
    archive = Path(shutil.make_archive(str(tmp_path / "served/lai"), kind, root))
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    there = tmp_path / "fetched"
    download(DatasetConfig("lai", str(there), source=f"{server}/lai.{suffix}", sha256=digest))
    assert sorted(p.name for p in (there / "blurry").iterdir()) == sorted(p.name for p in (root / "blurry").iterdir())
    assert not [path for path in there.iterdir() if path.name.startswith(".")]
    with pytest.raises(InputError, match="not the archive that was meant"):
        download(DatasetConfig("lai", str(there), source=f"{server}/lai.{suffix}", sha256="0" * 64))


def test_a_dead_link_is_said_with_the_way_by_hand(tmp_path, server):
    pytest.importorskip("pooch")
    (tmp_path / "served/page.zip").write_text("This page has moved.")
    for name, part in (("gone.zip", "the link may be dead: get it from https://"), ("page.zip", "neither a .zip nor")):
        with pytest.raises(InputError, match=part):
            download(DatasetConfig("lai", str(tmp_path / "there"), source=f"{server}/{name}"))
    with pytest.raises(InputError, match="dead"):
        download(DatasetConfig("lai", str(tmp_path / "there"), source="http://127.0.0.1:9/lai.zip"))
    with pytest.raises(InputError, match="dataset.source=URL"):
        download(DatasetConfig("lai", str(tmp_path / "there")))
