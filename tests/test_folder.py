"""A folder of pictures in one command; mild blur, for which the restoration takes no time."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter
from skimage import data

from inr_deblur import job
from inr_deblur.errors import InputError
from inr_deblur.folder import result_folders
from inr_deblur.run import main

QUICK = ["method=polyblur"]


@pytest.fixture
def photos(tmp_path, monkeypatch) -> Path:
    """Two pictures that can be restored, one that is broken, and something else."""
    monkeypatch.chdir(tmp_path)
    folder = Path("photos")
    folder.mkdir()
    blurry = np.rint(gaussian_filter(data.camera()[:96, :96].astype(float), 1.5)).astype(np.uint8)
    Image.fromarray(blurry).save(folder / "b.png")
    Image.fromarray(blurry[:80]).save(folder / "a.PNG")
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    (folder / "notes.txt").write_text("not a picture")
    (folder / ".hidden.png").write_bytes(b"")
    return folder


def made(folder: str = "outputs/photos") -> set[str]:
    return {path.parent.name for path in Path(folder).glob("*/metrics.json")}


def test_each_picture_has_its_folder_and_one_failure_stops_nothing(photos, capsys):
    assert main([f"image={photos}", *QUICK]) == 1
    said = capsys.readouterr()
    assert made() == {"a", "b"}
    assert len(said.err.splitlines()) == 2
    assert said.err.count("broken.jpg") == 1, "once is enough"
    assert "broken.jpg is a broken JPEG file" in said.err and "1 of 3 pictures" in said.err
    table = said.out.splitlines()[-4:]
    assert [line.split()[0] for line in table] == ["picture", "a.PNG", "b.png", "broken.jpg"]
    assert "FAILED" in table[-1] and "RECOVERED" in table[1]
    assert json.loads(Path("outputs/photos/broken/failed.json").read_text())["reason"]


def test_finished_pictures_are_skipped_and_failed_ones_tried_again(photos, capsys):
    main([f"image={photos}", *QUICK, "out=here"])
    before = Path("here/a/metrics.json").read_bytes()
    Image.open(photos / "b.png").save(photos / "broken.jpg")
    capsys.readouterr()
    assert main([f"image={photos}/", *QUICK, "out=here"]) == 0
    said = capsys.readouterr().out
    assert said.count("finished before") == 2 * 2
    assert Path("here/a/metrics.json").read_bytes() == before
    assert made("here") == {"a", "b", "broken"}
    assert not Path("here/broken/failed.json").exists()
    assert main([f"image={photos}", *QUICK, "out=here", "overwrite=true", "progress=none"]) == 0
    assert json.loads(Path("here/a/metrics.json").read_text())["config"]["overwrite"]
    assert capsys.readouterr() == ("", "")


def test_what_another_code_made_is_neither_kept_as_its_own_nor_replaced_unasked(photos, monkeypatch, capsys):
    (photos / "broken.jpg").unlink()
    main([f"image={photos}", *QUICK])
    before = Path("outputs/photos/a/metrics.json").read_bytes()
    monkeypatch.setattr(job, "code_version", lambda: "another")
    assert main([f"image={photos}", *QUICK]) == 1
    assert capsys.readouterr().err.count("overwrite=true") == 2
    assert Path("outputs/photos/a/metrics.json").read_bytes() == before
    assert main([f"image={photos}", *QUICK, "overwrite=true"]) == 0
    assert json.loads(Path("outputs/photos/a/metrics.json").read_text())["job"] != json.loads(before)["job"]


def test_patterns(photos):
    assert main([f"image={photos}/[ab].*", *QUICK, "out=here"]) == 0
    assert made("here") == {"a", "b"}
    Path("x[1].png").write_bytes((photos / "b.png").read_bytes())
    assert main(["image=x[1].png", *QUICK, "out=single"]) == 0, "a name that looks like a pattern"


def test_names_that_differ_in_their_suffix_alone(photos):
    Image.open(photos / "b.png").save(photos / "b.bmp")
    (photos / "broken.jpg").unlink()
    assert main([f"image={photos}", *QUICK]) == 0
    assert made() == {"a", "b.png", "b.bmp"}


def test_stopped_and_started_again(photos, monkeypatch, capsys):
    (photos / "broken.jpg").unlink()
    restore, seen = job.restore, []

    def stopped(settings, folder, began):
        seen.append(settings.image)
        if len(seen) == 2:
            raise KeyboardInterrupt
        return restore(settings, folder, began)

    monkeypatch.setattr(job, "restore", stopped)
    assert main([f"image={photos}", *QUICK]) == 130
    assert made() == {"a"}
    monkeypatch.setattr(job, "restore", restore)
    assert main([f"image={photos}", *QUICK]) == 0
    assert made() == {"a", "b"}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["image=empty"], "no picture in empty"),
        (["image=nothing*.png"], "no picture in nothing"),
        (["image=photos", "truth=photos/b.png"], "belongs to one picture"),
        (["image=photos", "seed=-1"], "seed=-1 is out of range"),
        (["image=photos", "method=polybulr"], "did you mean polyblur?"),
    ],
)
def test_refused_in_one_sentence(photos, capsys, given, words):
    Path("empty").mkdir()
    assert main(given) == 1
    said = capsys.readouterr()
    assert words in said.err and len(said.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("pictures", "names"),
    [
        (["a.png", "b.png"], ["a", "b"]),
        (["x/A.png", "y/a.png"], ["x-A.png", "y-a.png"]),
        (["x/a/p.png", "y/a/p.png", "q.png"], ["x-a-p.png", "y-a-p.png", "q"]),
        (["d/a.png", "d/a.jpg", "d/a.png.tif"], ["d-a.png", "a.jpg", "a.png.tif"]),
    ],
)
def test_no_two_pictures_share_a_folder(pictures, names):
    assert result_folders([Path(picture) for picture in pictures], "*", "out") == [Path("out") / name for name in names]


def test_a_picture_that_is_named_twice_is_refused():
    with pytest.raises(InputError, match="rename"):
        result_folders([Path("a/c.png")] * 2, "*", "out")
