"""Files read in one go and written whole: a reader never sees half of an output.

A file is written under a temporary name in the folder where it will live (`.inr-deblur-part-...`), flushed to the disk
and then renamed, which replaces what was there in a single step. If anything fails on the way the temporary file is
removed and the old file, if any, is untouched.

Everything the operating system refuses is raised as `InputError`, in one sentence that says what to do.
"""

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path

from inr_deblur.errors import InputError

PART = ".inr-deblur-part-"  # how every temporary file's name begins
LARGEST_FILE = 4 * 2**30  # bytes that are read into memory at most

_NOT_A_FILE = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISSOCK, "a socket"),
)
_REASONS = {
    errno.ENOENT: "doesn't exist: check the spelling and the folder",
    errno.EACCES: "may not be accessed: change its permissions, or use another place",
    errno.EPERM: "may not be accessed: change its permissions, or use another place",
    errno.EROFS: "is on a read-only disk: choose another place",
    errno.ENOSPC: "doesn't fit on its disk, which is full: free some space, or choose another place",
    errno.EDQUOT: "doesn't fit into your disk quota: free some space, or choose another place",
    errno.ELOOP: "is a symbolic link that leads back to itself: give the file that was meant",
    errno.EISDIR: "is a folder: give a file",
    errno.ENOTDIR: "runs through something that is not a folder: check the spelling",
    errno.EEXIST: "is in the way: remove it, or choose another place",
    errno.ENAMETOOLONG: "has too long a name: choose a shorter one",
}


def refusal(path: str | os.PathLike[str], error: OSError | ValueError) -> InputError:
    """The sentence for what the operating system said about `path`."""
    code = error.errno if isinstance(error, OSError) else None
    cause = (error.strerror if isinstance(error, OSError) else None) or error
    reason = _REASONS.get(code or 0, f"can't be used ({cause}): choose another place or name")
    return InputError(f"{shown(path)} {reason}.")


def shown(path: str | os.PathLike[str]) -> str:
    """`path` fit for a sentence: printable whatever bytes it holds, and not endless."""
    name = (os.fspath(path) or "an empty name").encode("utf-8", "backslashreplace").decode("utf-8")
    name = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)
    return name if len(name) <= 200 else f"{name[:120]}...{name[-60:]}"


@contextlib.contextmanager
def about(path: str | os.PathLike[str]) -> Iterator[None]:
    """Every InputError of the block, with `path` said first."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{shown(path)}: {error}") from error


def expanded(path: str | os.PathLike[str]) -> Path:
    """The path with `~` as the home folder. Raises InputError for somebody's who isn't known, and for zero bytes."""
    if "\0" in os.fspath(path):
        raise InputError(f"{shown(path)} holds a zero byte, which no path may: check the spelling.")
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise InputError(f"The home folder of {shown(path)} isn't known: give the path in full.") from error


def read_bytes(path: str | os.PathLike[str]) -> bytes:
    """All bytes of the regular file `path`; `~` is the home folder.

    Raises:
      InputError: no such file, a folder, pipe or device, not readable, empty, or above `LARGEST_FILE` bytes.
    """
    try:
        found = Path(path).expanduser()
        status = found.stat()
        for is_such, what in _NOT_A_FILE:  # before opening: opening a pipe without a writer never returns
            if is_such(status.st_mode):
                raise InputError(f"{shown(path)} is {what}: give a file.")
        if status.st_size > LARGEST_FILE:
            raise InputError(f"{shown(path)} has {status.st_size / 2**30:.1f} GiB: give a file of at most 4 GiB.")
        data = found.read_bytes()
    except InputError:
        raise
    except (OSError, ValueError, RuntimeError) as error:  # RuntimeError: `~` without a home
        raise refusal(path, error if isinstance(error, OSError | ValueError) else ValueError(error)) from error
    if not data:
        raise InputError(f"{shown(path)} is empty: give a file that holds something.")
    return data


def writable_folder(path: str | os.PathLike[str]) -> Path:
    """The folder `path`, made with its parents where it doesn't exist, after a trial of writing into it.

    Raises:
      InputError: it can't be made, is not a folder, or can't be written to.
    """
    try:
        folder = Path(path).expanduser()
        folder.mkdir(parents=True, exist_ok=True)
        trial = folder / f"{PART}{secrets.token_hex(4)}"
        trial.touch(exist_ok=False)
        trial.unlink()
    except (OSError, ValueError) as error:
        raise refusal(path, error) from error
    except RuntimeError as error:
        raise refusal(path, ValueError(error)) from error
    return folder


@contextlib.contextmanager
def whole_file(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A temporary name to write to, which becomes `path` when the block ends and vanishes if the block raises.

    The temporary name ends like `path`, for writers that go by the suffix.

    Raises:
      InputError: the folder doesn't exist or can't be written to, the disk is full, or `path` is a folder; so any
        OSError of the block.
    """
    target = Path(path)
    part = target.with_name(f"{PART}{secrets.token_hex(4)}{target.suffix}")
    try:
        yield part
        with part.open("rb+") as written:
            os.fsync(written.fileno())  # else a power cut could leave the new name on an empty file
        part.replace(target)
    except OSError as error:
        if not target.parent.is_dir():
            raise InputError(f"The folder {shown(target.parent)} doesn't exist: make it first.") from error
        raise refusal(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def write_bytes_whole(path: str | os.PathLike[str], data: bytes) -> Path:
    """Write `data` to `path`, whole or not at all; returns the path. Raises InputError as `whole_file` does."""
    with whole_file(path) as part:
        part.write_bytes(data)
    return Path(path)
