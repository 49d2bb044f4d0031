"""Where a run's results go, and how they get there: all of them or none.

The files are made in a hidden folder inside the run's folder and moved at the end, metrics.json last: where that one
is, the run is finished and the others belong to it. Their names are written down before, so that a run that is killed
in between can be started again.
"""

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from inr_deblur.errors import InputError
from inr_deblur.files import expanded, refusal, shown

METRICS = "metrics.json"  # of a finished run
MOVING = ".moving.json"  # the names of files that are on their way: of a run that was killed then, they are no results
MANIFEST, FAILED = "sweep.json", "failed.json"  # the jobs of a sweep, and why one failed
UNFINISHED = ".unfinished-"  # how the hidden folders' names begin
LONGEST_NAME = 120  # characters of a folder's name that a sweep makes


def run_folder(image: str, out: str | None, sweep: list[str] | None, name: str | None = None) -> Path:
    """The folder of one run: `out`, or outputs/<name of the picture>.

    sweep: the job's key=value settings, none of them a path, if it is one of a sweep; it then has a folder of its own
    below that, named after its picture and its settings. name: the picture's, if not that of its file.
    """
    name = name or Path(image).stem or "picture"
    if sweep is None:
        return expanded(out or f"outputs/{name}")
    settings = ",".join(sorted(sweep)).replace(os.sep, "_")
    if len(settings) > LONGEST_NAME:
        settings = f"{settings[:LONGEST_NAME]}-{hashlib.sha256(settings.encode()).hexdigest()[:8]}"
    return expanded(out or "outputs") / name / settings


def read_record(folder: Path) -> dict[str, Any] | None:
    """The content of the metrics.json of a finished run, None where there is none with all its files."""
    try:
        record = json.loads((folder / METRICS).read_text(encoding="utf-8"))
        return record if all((folder / name).is_file() for name in record["files"]) else None
    except (OSError, ValueError, TypeError, KeyError):
        return None


def check_folder(folder: Path, names: list[str], inputs: list[str], overwrite: bool) -> None:
    """Raise InputError unless files of these names may and can be written to the folder, which is left as it was.

    inputs: files that are never replaced, whatever `overwrite` says.
    """
    remedy = "give another folder with out=FOLDER"
    with _hidden_folder(folder):  # a trial
        earlier, finished = _earlier(folder)
        there = [name for name in sorted({*names, *earlier}) if (folder / name).exists()]
        lost = [name for name in there if any((folder / name).samefile(Path(file).expanduser()) for file in inputs)]
        taken = [name for name in names if name in there and (finished or name not in earlier)]
    if lost:
        raise InputError(f"{shown(folder / lost[0])} is an input and would be replaced by a result: {remedy}.")
    if taken and not overwrite:
        raise InputError(
            f"{shown(folder)} holds {taken[0]} of another run: {remedy}, or replace it with overwrite=true."
        )


@contextlib.contextmanager
def filled(folder: Path) -> Iterator[Path]:
    """A hidden folder whose files move to `folder` when the block ends; if anything fails, nothing is left behind.

    What an earlier run wrote is replaced, or removed where nothing replaces it. Raises InputError if that fails.
    """
    with _hidden_folder(folder) as hidden:
        yield hidden
        earlier, _ = _earlier(folder)
        new = sorted((file.name for file in hidden.iterdir()), key=lambda name: name == METRICS)
        left = set(earlier) - set(new)
        (hidden / MOVING).write_text(json.dumps([*new, *left]), encoding="utf-8")
        (hidden / MOVING).replace(folder / MOVING)
        (folder / METRICS).unlink(missing_ok=True)
        for name in left:
            (folder / name).unlink(missing_ok=True)
        for name in new:
            (hidden / name).replace(folder / name)
        (folder / MOVING).unlink(missing_ok=True)


def _earlier(folder: Path) -> tuple[list[str], bool]:
    """The files that an earlier run left, and whether it was finished; else it was killed while they were moved."""
    if record := read_record(folder):
        return record["files"], True
    try:
        return [str(name) for name in json.loads((folder / MOVING).read_text(encoding="utf-8"))], False
    except (OSError, ValueError, TypeError):
        return [], False


def flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings of a record by their dotted names."""
    named: dict[str, Any] = {}
    for key, value in settings.items():
        named |= flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    return named


@contextlib.contextmanager
def _hidden_folder(folder: Path) -> Iterator[Path]:
    """A new folder inside `folder`, which is made first; both are gone afterwards unless `folder` holds something.

    What the operating system refuses is raised as InputError.
    """
    made = [place for place in (folder, *folder.parents) if not os.path.lexists(place)]
    hidden = None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        hidden = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=folder))
        yield hidden
    except OSError as error:
        raise refusal(folder, error) from error
    finally:
        if hidden:
            shutil.rmtree(hidden, ignore_errors=True)
        for place in made:  # the innermost first; one that holds something stays
            with contextlib.suppress(OSError):
                place.rmdir()
