"""The command with 200 malformed and odd inputs: a correct result, or one sentence, exit code 1 and nothing left.

Restored by the quickest method, since it is not the restoration that is tried here.
"""

import builtins
import contextlib
import errno
import io
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from picture_files import png_bytes, texture, tiff_bytes, valid_files
from test_odd_inputs import cut, endured, refused

from inr_deblur import results
from inr_deblur.image_io import read_picture
from inr_deblur.run import main

SLOWEST = 30.0  # seconds that no case may take, however busy the machine
VALID = valid_files()


def bent(name: str, seed: int) -> bytes:
    """A valid file with one byte in a hundred changed."""
    data, draw = bytearray(VALID[name]), np.random.default_rng(seed)
    for at in draw.integers(0, len(data), max(1, len(data) // 100)):
        data[at] = draw.integers(256)
    return bytes(data)


PICTURES: dict[str, bytes] = (
    {f"refused {name}": bytes(data) for name, (data, _) in refused().items()}
    | {f"endured {name}": bytes(data) for name, data in endured().items()}
    | {f"cut {name}": cut(VALID[name], 0.5) for name in VALID}
    | {f"bent {name}": bent(name, 7) for name in VALID}
    | {f"valid {name}": data for name, data in VALID.items()}
    | {
        "empty.png": b"",
        "one byte.jpg": b"\xff",
        "named wrongly.jpg": VALID["grey.png"],
        "no suffix": VALID["grey.png"],
    }
)


def npy(array: object) -> bytes:
    """The array as a .npy file."""
    file = io.BytesIO()
    np.save(file, np.asarray(array), allow_pickle=True)
    return file.getvalue()


GOOD_KERNEL = np.ones((3, 3), np.float32) / 9
KERNELS: dict[str, bytes] = {
    "empty.npy": b"",
    "cut.npy": npy(GOOD_KERNEL)[:-10],
    "header alone.npy": npy(GOOD_KERNEL)[:40],
    "text.npy": b"1 2 3\n",
    "objects.npy": npy(np.array([[None, {}]], object)),
    "words.npy": npy([["a", "b"]]),
    "complex.npy": npy(GOOD_KERNEL * 1j),
    "zeros.npy": npy(np.zeros((5, 5))),
    "negative.npy": npy(-GOOD_KERNEL),
    "nan.npy": npy(np.full((3, 3), np.nan)),
    "infinite.npy": npy([[1, np.inf, 1]]),
    "line.npy": npy(np.ones(9)),
    "cube.npy": npy(np.ones((3, 3, 3, 3))),
    "nothing.npy": npy(np.ones((0, 5))),
    "scalar.npy": npy(1.0),
    "large.npy": npy(np.ones((999, 999), np.float32)),
    "larger than the picture.npy": npy(np.ones((99, 99), np.float32)),
    "even.npy": npy(np.ones((4, 6))),
    "not normalised.npy": npy(np.ones((3, 3)) * 7),
    "flags.npy": npy(np.eye(3) > 0),
    "good.png": png_bytes((255 * np.eye(7)).astype(np.uint8)),
    "good.tif": tiff_bytes(np.eye(7, dtype=np.float32)),
    "dark on bright.png": png_bytes((255 - 255 * np.eye(9)).astype(np.uint8)),
    "cut.png": png_bytes((255 * np.eye(7)).astype(np.uint8))[:40],
}

ARGUMENTS: dict[str, list[str]] = {
    "no arguments": [],
    "nothing given": ["image="],
    "null": ["image=null"],
    "missing": ["image=none.png"],
    "newline in a name": ["image=a\nb.png"],
    "zero byte": ["image=a\0b.png"],
    "long name": ["image=" + "x" * 5000],
    "deep path": ["image=" + "d/" * 3000 + "x.png"],
    "a folder without pictures": ["image=hollow"],
    "loop": ["image=loop.png"],
    "dangling link": ["image=dangling.png"],
    "pipe": ["image=pipe.png"],
    "socket": ["image=socket.png"],
    "device": ["image=/dev/null"],
    "endless device": ["image=/dev/zero"],
    "below a file": ["image=good.png/x.png"],
    "home of nobody": ["image=~nobody-of-that-name/x.png"],
    "pattern without match": ["image=*.nothing"],
    "unfinished pattern": ["image=[.png"],
    "kernel is a folder": ["image=good.png", "kernel=hollow"],
    "kernel is missing": ["image=good.png", "kernel=none.npy"],
    "kernel loops": ["image=good.png", "kernel=loop.png"],
    "truth is missing": ["image=good.png", "truth=none.png"],
    "truth has another size": ["image=good.png", "truth=other.png"],
    "truth is broken": ["image=good.png", "truth=cut.png"],
    "seed is a word": ["image=good.png", "seed=x"],
    "seed is negative": ["image=good.png", "seed=-1"],
    "seed is huge": ["image=good.png", "seed=99999999999999999999"],
    "seed is nan": ["image=good.png", "seed=nan"],
    "steps are nan": ["image=good.png", "schedule.steps=nan"],
    "steps are infinite": ["image=good.png", "schedule.steps=inf"],
    "size is zero": ["image=good.png", "kernel.size=0"],
    "size is a word": ["image=good.png", "kernel.size=large"],
    "size beyond the picture": ["image=good.png", "kernel.size=49", "method=networks"],
    "size beyond the region": ["image=good.png", "region=0,0,40,40", "kernel.size=41", "method=networks"],
    "prior is negative": ["image=good.png", "loss.prior=-1"],
    "region of words": ["image=good.png", "region=a,b,c,d"],
    "region of three": ["image=good.png", "region=1,2,3"],
    "region outside": ["image=good.png", "region=0,0,4000,4000"],
    "region negative": ["image=good.png", "region=-1,0,40,40"],
    "region empty": ["image=good.png", "region=0,0,0,0"],
    "light unknown": ["image=good.png", "light=dark"],
    "light without power": ["image=good.png", "light=gamma:"],
    "light of power zero": ["image=good.png", "light=gamma:0"],
    "method unknown": ["image=good.png", "method=magic"],
    "method without kernel": ["image=good.png", "method=wiener"],
    "unclosed quote": ["image=good.png", "out='x"],
    "unclosed bracket": ["image=good.png", "kernel.size=[1"],
    "interpolation": ["image=good.png", "seed=${nothing}"],
    "unknown flag": ["image=good.png", "--fast"],
    "unknown group": ["image=good.png", "preset=none"],
    "unknown setting": ["image=good.png", "x.y.z=1"],
}

OUTPUTS: dict[str, str] = {
    "a file": "good.png",
    "below a file": "good.png/deeper",
    "a loop": "loop.png",
    "below a loop": "loop.png/deeper",
    "a device": "/dev/null",
    "where nobody may write": "/proc/nothing",
    "a pipe": "pipe.png",
    "a long name": "x" * 300,
    "a zero byte": "a\0b",
    "home of nobody": "~nobody-of-that-name/x",
}


@pytest.fixture
def place(tmp_path, monkeypatch) -> Path:
    """A folder with a good picture and everything odd that a file system knows."""
    monkeypatch.chdir(tmp_path)
    Path("good.png").write_bytes(png_bytes(texture(64, 48)))
    Path("other.png").write_bytes(png_bytes(texture(32, 32)))
    Path("cut.png").write_bytes(cut(VALID["grey.png"], 0.5))
    Path("hollow").mkdir()
    os.symlink("loop.png", "loop.png")
    os.symlink("nowhere.png", "dangling.png")
    os.mkfifo("pipe.png")
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as plug:
        plug.bind("socket.png")
    return tmp_path


def state(folder: Path) -> dict[str, bytes]:
    """All that lies there: names, and what regular files hold."""
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else b"" for path in folder.rglob("*")}


def run(arguments: list[str], folder: Path, capfd, method: str = "polyblur") -> int:
    """Run the command and check what holds for whatever it is given; returns its exit code."""
    before = state(folder)
    named = [] if any(a.startswith("method=") for a in arguments) else [f"method={method}"]
    began = time.perf_counter()
    code = main([*arguments, *(named if arguments else []), "progress=none"] if arguments else [])
    assert time.perf_counter() - began < SLOWEST
    said = capfd.readouterr()
    assert said.out == ""
    after = state(folder)
    assert not [name for name in after if ".unfinished" in name or ".inr-deblur" in name], "a partial file"
    if code == 0:
        assert said.err == ""
        assert {"metrics.json", "report.html", "kernel.npy"} <= {Path(name).name for name in set(after) - set(before)}
    else:
        assert code == 1
        assert len(said.err.strip().splitlines()) == 1, said.err
        assert said.err.strip().isprintable()
        assert not any(word in said.err for word in ("Traceback", "Errno", "Error:", "object at 0x"))
        assert after == before
    return code


def test_there_are_enough_of_them():
    assert len(PICTURES) + len(KERNELS) + len(ARGUMENTS) + len(OUTPUTS) >= 200


@pytest.mark.parametrize("name", PICTURES)
def test_pictures(place, capfd, name):
    path = name.split(" ")[-1]
    Path("in").mkdir()
    (Path("in") / path).write_bytes(PICTURES[name])
    code = run([f"image=in/{path}", "out=result"], place, capfd)
    if code == 0:
        given, found = read_picture(f"in/{path}"), read_picture(next(Path("result").glob("deblurred.*")))
        assert found.values.shape == given.values.shape
        assert np.isfinite(found.values).all()
    if name.startswith("valid"):
        assert code == 0
    if name.startswith("refused"):
        assert code == 1


@pytest.mark.parametrize("name", KERNELS)
def test_kernels(place, capfd, name):
    Path("in").mkdir()
    (Path("in") / name).write_bytes(KERNELS[name])
    code = run(["image=good.png", f"kernel=in/{name}", "out=result"], place, capfd, "richardson_lucy")
    assert code == 0 or name not in ("good.png", "good.tif", "even.npy", "not normalised.npy")
    if code == 0:
        assert np.load("result/kernel.npy").sum() == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("name", ARGUMENTS)
def test_arguments(place, capfd, name):
    assert run(ARGUMENTS[name], place, capfd) == 1


@pytest.mark.parametrize("name", OUTPUTS)
def test_places_that_cannot_be_written(place, capfd, name):
    assert run(["image=good.png", f"out={OUTPUTS[name]}"], place, capfd) == 1


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS])
@pytest.mark.parametrize("what", ["write_picture", "kernel_picture", "report_page", "overview"])
def test_a_disk_that_fails_midway(place, capfd, monkeypatch, what, code):
    def fails(*_, **__):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(results, what, fails)
    assert run(["image=good.png", "out=deep/result"], place, capfd) == 1


def test_a_disk_that_is_full_at_every_write(place, capfd, monkeypatch):
    """The nth write to the run's folder fails, for every n until the run comes through."""
    opened: Callable = builtins.open
    left = 0

    def limited(file, mode="r", *args, **kwargs):
        nonlocal left
        if "w" in str(mode) and ".unfinished-" in str(file):
            left -= 1
            if left < 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return opened(file, mode, *args, **kwargs)

    monkeypatch.setattr(builtins, "open", limited)
    monkeypatch.setattr(io, "open", limited)
    codes = []
    while not codes or codes[-1]:
        left = len(codes)
        codes.append(run(["image=good.png", "out=result"], place, capfd))
        assert len(codes) < 20
    assert len(codes) > 3
    assert read_picture("result/deblurred.png").values.shape == (64, 48)
