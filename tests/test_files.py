"""Files are read in one go and written whole; what the system refuses becomes one sentence."""

import errno
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inr_deblur import files
from inr_deblur.errors import InputError


def is_one_sentence(error):
    text = str(error)
    return "\n" not in text and text.endswith(".") and text.isprintable() and len(text) < 600


@given(data=st.binary(min_size=1, max_size=2000))
def test_written_bytes_are_read_back(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("whole") / "a.bin"
    assert files.write_bytes_whole(path, data) == path
    assert files.read_bytes(path) == data
    assert os.listdir(path.parent) == ["a.bin"]


def test_an_older_file_is_replaced_only_at_the_end(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with files.whole_file(path) as part:
        assert part.parent == tmp_path
        assert part.name.startswith(files.PART)
        assert part.suffix == ".txt"
        part.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"


@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_a_failure_leaves_the_older_file_and_nothing_else(tmp_path, failure):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def write():
        with files.whole_file(path) as part:
            part.write_text("half")
            raise failure

    with pytest.raises(failure):
        write()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (errno.ENOSPC, "full"),
        (errno.EDQUOT, "quota"),
        (errno.EACCES, "permissions"),
        (errno.EROFS, "read-only"),
        (errno.EIO, "Input/output error"),
    ],
)
@pytest.mark.parametrize("step", ["write", "flush", "rename"])
def test_what_the_disk_refuses_is_one_sentence(tmp_path, monkeypatch, code, words, step):
    def refuse(*_):
        raise OSError(code, os.strerror(code))

    owner, name = {"write": (Path, "write_bytes"), "flush": (os, "fsync"), "rename": (Path, "replace")}[step]
    monkeypatch.setattr(owner, name, refuse)
    with pytest.raises(InputError, match=words) as caught:
        files.write_bytes_whole(tmp_path / "a.bin", b"data")
    assert is_one_sentence(caught.value)
    assert os.listdir(tmp_path) == []


def test_no_folder_to_write_to(tmp_path):
    with pytest.raises(InputError, match="make it first"):
        files.write_bytes_whole(tmp_path / "missing" / "a.bin", b"data")


def test_a_folder_in_the_place_of_the_output(tmp_path):
    (tmp_path / "a.bin").mkdir()
    with pytest.raises(InputError, match="folder"):
        files.write_bytes_whole(tmp_path / "a.bin", b"data")
    assert os.listdir(tmp_path) == ["a.bin"]


def test_a_folder_is_made_and_tried(tmp_path):
    folder = files.writable_folder(tmp_path / "a" / "b")
    assert folder.is_dir()
    assert os.listdir(folder) == []
    assert files.writable_folder(folder) == folder


def test_a_folder_that_cannot_be(tmp_path):
    (tmp_path / "a").write_text("a file")
    for path in (tmp_path / "a", tmp_path / "a" / "b", tmp_path / ("n" * 300), "nul\0"):
        with pytest.raises(InputError) as caught:
            files.writable_folder(path)
        assert is_one_sentence(caught.value)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the administrator may do anything")
def test_permissions(tmp_path):
    (tmp_path / "secret").write_text("x")
    (tmp_path / "secret").chmod(0)
    with pytest.raises(InputError, match="permissions"):
        files.read_bytes(tmp_path / "secret")
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match="permissions"):
        files.writable_folder(tmp_path)


def odd_places(folder):
    """Name -> path and a word of the sentence, for everything that is no file to read."""
    (folder / "folder").mkdir()
    (folder / "empty").touch()
    (folder / "loop").symlink_to(folder / "loop")
    (folder / "dangling").symlink_to(folder / "nowhere")
    (folder / "file").write_text("x")
    os.mkfifo(folder / "pipe")
    return {
        "missing": (folder / "missing", "doesn't exist"),
        "folder": (folder / "folder", "is a folder"),
        "empty": (folder / "empty", "is empty"),
        "loop": (folder / "loop", "symbolic link"),
        "dangling": (folder / "dangling", "doesn't exist"),
        "through a file": (folder / "file" / "x", "not a folder"),
        "pipe": (folder / "pipe", "is a pipe"),
        "device": ("/dev/null", "is a device"),
        "endless device": ("/dev/zero", "is a device"),
        "long name": (folder / ("n" * 300), "shorter"),
        "nul": ("a\0b", "null"),
        "no name": ("", "folder"),
        "no home": ("~nobody-has-this-name/a", "can't be used"),
        "odd bytes": (os.fsdecode(b"a\xff\n\x1b[31m"), "doesn't exist"),
    }


@pytest.mark.skipif(os.name == "nt", reason="made of things that only Unix has")
def test_what_is_no_file_to_read(tmp_path):
    for name, (path, words) in odd_places(tmp_path).items():
        with pytest.raises(InputError, match=words) as caught:
            files.read_bytes(path)
        assert is_one_sentence(caught.value), name


def test_a_file_too_large_to_read(tmp_path):
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(files.LARGEST_FILE + 1)  # sparse: takes no room
    with pytest.raises(InputError, match="at most 4 GiB"):
        files.read_bytes(tmp_path / "huge")


def test_home_is_understood(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "a").write_bytes(b"x")
    assert files.read_bytes("~/a") == b"x"
