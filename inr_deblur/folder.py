"""Many pictures in one command: a folder or a pattern, each picture restored into a folder of its own.

A picture that fails doesn't stop the others; one that is finished is not restored again. Since every result appears
whole or not at all, the command can be stopped at any moment and started again.
"""

import glob
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from inr_deblur.errors import InputError
from inr_deblur.files import expanded, refusal, shown
from inr_deblur.picture import SUFFIXES
from inr_deblur.picture_raw import SUFFIXES as RAW_SUFFIXES
from inr_deblur.run_config import RunConfig
from inr_deblur.run_folder import read_record
from inr_deblur.sweep import forget_failure, record_failure

PICTURES = frozenset(suffix for known in SUFFIXES.values() for suffix in known) | frozenset(RAW_SUFFIXES) | {".gif"}


def find_pictures(image: str) -> list[Path] | None:
    """The pictures in the folder, or those that the pattern (*, ?, [...], **) fits; None where `image` names one file.

    Of a folder those count that are named like pictures; hidden ones don't. Raises InputError if there are none.
    """
    if not image:
        return None
    place = expanded(image)
    try:
        if place.is_dir():
            found = [path for path in place.iterdir() if path.suffix.lower() in PICTURES and path.name[0] != "."]
        elif place.exists() or not glob.has_magic(image):
            return None
        else:
            found = [Path(name) for name in glob.glob(str(place), recursive=True) if Path(name).is_file()]
    except (OSError, ValueError) as error:
        raise refusal(image, error) from error
    if not found:
        raise InputError(f"There is no picture in {shown(image)}: give a folder or a pattern that has some.")
    return sorted(set(found))


def result_folders(pictures: Sequence[Path], image: str, out: str | None) -> list[Path]:
    """A folder for each picture, named after it, and as far as that is needed to tell it from the others after its
    suffix and the folders that it lies in. Raises InputError where that leaves two with one folder.
    """
    place = expanded(image)
    base = expanded(out) if out else Path("outputs") / (place.resolve().name if place.is_dir() else "")
    words = [0] * len(pictures)
    while True:
        names = [_named(path, count) for path, count in zip(pictures, words, strict=True)]
        alike = Counter(name.casefold() for name in names)  # some file systems don't tell a from A
        if len(alike) == len(names):
            return [base / name for name in names]
        words = [count + (alike[name.casefold()] > 1) for name, count in zip(names, words, strict=True)]
        if max(words) > max(len(path.parts) for path in pictures):
            first, second = [path for path, name in zip(pictures, names, strict=True) if alike[name.casefold()] > 1][:2]
            raise InputError(f"The results of {shown(first)} and {shown(second)} would have one folder: rename one.")


def _named(path: Path, words: int) -> str:
    """The picture's name without its suffix, or the last so many words of its path."""
    return "-".join(path.relative_to(path.anchor).parts[-words:]) if words else path.stem


def restore_folder(settings: RunConfig, pictures: Sequence[Path]) -> str:
    """Restore the pictures one after the other, and return a table of what became of them.

    Raises InputError after the last one if any failed; the sentences of those were said on standard error.
    """
    from inr_deblur.job import check_settings, restore

    if settings.truth or settings.kernel.truth:
        raise InputError("A truth belongs to one picture: leave it out, or give image=PATH of that picture.")
    check_settings(settings)
    folders = result_folders(pictures, settings.image, settings.out)
    lines, failed = [], 0
    for number, (picture, folder) in enumerate(zip(pictures, folders, strict=True), 1):
        one = replace(settings, image=str(picture))
        began = time.perf_counter()
        try:
            words = restore(one, folder, began)
            forget_failure(folder)
            lines.append((picture.name, *_row(folder, words)))
        except Exception as error:  # the others must not suffer from it
            sentence = record_failure(folder, one, error)
            named = sentence if picture.name in sentence else f"{shown(picture)}: {sentence}"
            print(named, file=sys.stderr)
            lines.append((picture.name, "FAILED", "", ""))
            failed += 1
        if settings.progress != "none":
            print(f"{number}/{len(pictures)} {' '.join(lines[-1]).rstrip()}", flush=True)
    table = _table([("picture", "outcome", "confidence", "seconds"), *lines])
    if failed:
        if settings.progress != "none":
            print(table)
        raise InputError(f"{failed} of {len(pictures)} pictures have no result; the reasons stand above.")
    return table


def _row(folder: Path, words: str) -> tuple[str, str, str]:
    """Outcome, confidence and seconds of a finished run."""
    record = read_record(folder) or {}
    outcome = record.get("outcome", {"name": "?", "confidence": 0})
    again = " (finished before)" if words.startswith("Finished already") else ""
    return f"{outcome['name']}{again}", f"{outcome['confidence']:.0%}", f"{record['seconds']['total']:.1f}"


def _table(rows: Sequence[Sequence[str]]) -> str:
    """Columns side by side, each as wide as its widest cell."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows)
