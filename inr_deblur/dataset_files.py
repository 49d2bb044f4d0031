"""The files of a data set: whether they are all there and as they were, and how they get there."""

import hashlib
import tarfile
import tempfile
import zipfile
from pathlib import Path

import numpy as np

from inr_deblur.datasets import LAYOUTS, Sample, all_samples
from inr_deblur.errors import InputError
from inr_deblur.files import expanded, shown, writable_folder
from inr_deblur.image_io import read_picture
from inr_deblur.kernel_io import read_kernel
from inr_deblur.metrics import aligned_scores, luma_studio
from inr_deblur.run_config import DatasetConfig
from inr_deblur.simulate import blur, seen

CHECKSUMS = "SHA256SUMS"
LISTED = 5  # names in one sentence


def check_dataset(config: DatasetConfig) -> tuple[list[str], list[str]]:
    """What is wrong with the data set's files, and what else there is to say of them: a sentence each.

    Wrong are: pictures of the published set that are not there, a truth that is missing for some, files that can't be
    read, differ in size from their truth or from their checksums, and kernels that are stored rotated, which costs a
    restoration with them more than 10 dB while a blind one doesn't notice. Raises InputError for a folder without
    pictures.
    """
    samples = all_samples(config)
    root = expanded(config.root or "")
    faults, notes = _checksum_faults(root)
    layout = LAYOUTS[config.name or ""]
    missing = {
        "of the pictures": sorted(set(layout.names) - {s.name for s in samples}),
        "sharp pictures": [s.name for s in samples if not s.sharp],
        "kernels": [s.name for s in samples if layout.kernels and not s.kernel],
    }
    for what, names in missing.items():
        if layout.names and names:
            faults.append(f"missing: {len(names)} {what}: {_listed(names)}")
    for sample in samples:
        try:
            faults += [f"altered: {sample.name}: {fault}" for fault in _pair_faults(sample)]
        except InputError as error:
            faults.append(f"altered: {error}")
    notes.append(f"{len(samples)} pictures in {shown(root)}" + ("" if faults else ", nothing missing or altered"))
    return faults, notes


def _listed(names: list[str]) -> str:
    return ", ".join(names[:LISTED]) + (", ..." if len(names) > LISTED else "")


def _checksum_faults(root: Path) -> tuple[list[str], list[str]]:
    """Files that differ from ROOT/SHA256SUMS, and how to make that file."""
    if not (root / CHECKSUMS).is_file():
        how = f"cd {shown(root)} && find . -type f ! -name {CHECKSUMS} | sort | xargs -d '\\n' sha256sum > {CHECKSUMS}"
        return [], [f"no checksums to compare with; once the files are right, write them down: {how}"]
    faults = []
    for line in (root / CHECKSUMS).read_text(encoding="utf-8").splitlines():
        expected, _, name = line.partition(" ")
        file = root / name.lstrip(" *")
        if not file.is_file():
            faults.append(f"missing: {shown(file)}")
        elif hashlib.sha256(file.read_bytes()).hexdigest() != expected:
            faults.append(f"altered: {shown(file)} is not what {CHECKSUMS} says")
    return faults, []


def _pair_faults(sample: Sample) -> list[str]:
    """What is wrong between a picture, its truth and its kernel. Raises InputError for a file that can't be read."""
    pictures = [read_picture(path).values for path in (sample.blurry, sample.sharp) if path]
    if len(pictures) == 2 and pictures[0].shape != pictures[1].shape:
        return [f"the blurry picture is {pictures[0].shape}, the sharp one {pictures[1].shape}"]
    if not sample.kernel:
        return []
    kernel = read_kernel(sample.kernel)[0]
    grey = [luma_studio(p) if p.ndim == 3 else p for p in pictures]
    if len(grey) == 2 and _is_rotated(grey[0], grey[1], kernel):
        return [f"{sample.kernel.name} is rotated by 180 degrees"]
    return []


def _is_rotated(blurry: np.ndarray, sharp: np.ndarray, kernel: np.ndarray) -> bool:
    """Whether the kernel explains the blurry picture clearly better the other way round; each (H, W)."""
    if min(blurry.shape) < 2 * max(kernel.shape) + 60:
        return False  # too little of it is left for a verdict
    blurry = seen(blurry, kernel)
    there, back = (aligned_scores(blur(sharp, k), blurry).psnr for k in (kernel, kernel[::-1, ::-1]))
    return back > there + 1


def download(config: DatasetConfig) -> None:
    """Fetch the archive `source` and unpack it into the data set's root, through pooch.

    Raises InputError if there is no source, the link is dead, the archive is not the one that was meant, or no archive.
    """
    home = LAYOUTS[config.name or ""].home
    by_hand = f"get it from {home} and lay it out as docs/datasets.md says" if home else "copy the pictures there"
    if not config.root:
        raise InputError("The folder of the data set is not given: write dataset.root=PATH.")
    if not config.source:
        raise InputError(
            f"There is no archive of {config.name} that may be fetched: {by_hand}, or name one with dataset.source=URL."
        )
    try:
        import pooch
    except ImportError as error:
        raise InputError('Downloads need pooch: pip install "inr_deblur[datasets]".') from error
    root = writable_folder(config.root)
    pooch.get_logger().setLevel("ERROR")
    with tempfile.TemporaryDirectory(dir=root, prefix=".download-") as folder:
        try:
            archive = pooch.retrieve(config.source, config.sha256 and f"sha256:{config.sha256}", path=folder)
        except ValueError as error:  # another checksum
            raise InputError(f"{config.source} is not the archive that was meant: {error}") from error
        except Exception as error:  # of requests, urllib, ftplib: whatever the link's protocol raises
            raise InputError(f"{config.source} can't be fetched, the link may be dead: {by_hand}. ({error})") from error
        _unpack(Path(archive), root, config.source)


def _unpack(archive: Path, root: Path, source: str) -> None:
    """A .zip or .tar archive, by its content, into the folder; nothing leaves that folder."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as file:
            file.extractall(root)
    elif tarfile.is_tarfile(archive):
        if not hasattr(tarfile, "data_filter"):
            raise InputError("Python below 3.11.4 can't unpack a .tar safely: give a .zip, or unpack it by hand.")
        with tarfile.open(archive) as file:
            file.extractall(root, filter="data")
    else:
        raise InputError(f"{source} is neither a .zip nor a .tar archive: give one that is.")
