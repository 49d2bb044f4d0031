"""Folders of blurry pictures with what is known of them: the layout of each data set, and what it holds.

    ROOT/blurry/NAME.png     the pictures; any type that can be read
    ROOT/sharp/NAME.png      the truth, or sharp/PICTURE.png for all the NAMEs that begin with PICTURE_kernel
    ROOT/kernels/NAME.npy    the true kernel as it is to be convolved with, or kernels/kernelNUMBER.npy for all NAMEs
                             that end so
    ROOT/SHA256SUMS          checksums, as `sha256sum` writes them: `dataset_check` compares them

A plain folder of pictures will do, too: they may lie in ROOT, or one level below it, in a folder for each category.
"""

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from itertools import product
from pathlib import Path
from typing import NamedTuple

from inr_deblur.config import one_of
from inr_deblur.errors import InputError
from inr_deblur.files import expanded, shown
from inr_deblur.picture import SUFFIXES as WRITTEN
from inr_deblur.picture_raw import SUFFIXES as RAW
from inr_deblur.run_config import DatasetConfig


class Layout(NamedTuple):
    """What the names of a data set's pictures say, which of them there are, and where it comes from."""

    pattern: str  # of a whole name, with the groups category and kernel
    names: tuple[str, ...] = ()  # of all pictures, empty if there may be any
    home: str = ""
    kernels: bool = True  # whether one kernel blurred each picture


SUFFIXES = (".png", *(suffix for group in WRITTEN.values() for suffix in group if suffix != ".png"), *sorted(RAW))
LAI_CATEGORIES = ("manmade", "natural", "people", "saturated", "text")
LAYOUTS = {
    "lai": Layout(  # Lai et al., A comparative study for single image blind deblurring (CVPR 2016), uniform blur
        r"(?P<category>[a-z]+)_\d+_(?P<kernel>kernel_\d+)",
        tuple(f"{c}_{i:02}_kernel_{k:02}" for c, i, k in product(LAI_CATEGORIES, range(1, 6), range(1, 5))),
        "https://www.wslai.net/publications/deblur_study/",
    ),
    "levin": Layout(  # Levin et al., Understanding and evaluating blind deconvolution algorithms (CVPR 2009)
        r"(?P<category>im\d+)_(?P<kernel>kernel\d+)",
        tuple(f"im{i}_kernel{k}" for i, k in product(range(1, 5), range(1, 9))),
        "https://webee.technion.ac.il/people/anat.levin/",
    ),
    "kohler": Layout(  # Koehler et al., Recording and playback of camera shake (ECCV 2012); its blur is not uniform
        r"Blurry(?P<category>\d+)_(?P<kernel>\d+)",
        tuple(f"Blurry{i}_{k}" for i, k in product(range(1, 5), range(1, 13))),
        "https://webdav.tuebingen.mpg.de/pixel/benchmark4camerashake/",
        kernels=False,
    ),
    "folder": Layout(r"(?:(?P<category>.+)/)?[^/]*?(?P<kernel>kernel_?\d+)?"),
}


class Sample(NamedTuple):
    """One picture of a data set and what is known of it."""

    name: str  # without suffix; in a plain folder with that of its category's folder before a slash
    category: str  # "" where there is none
    blurry: Path
    sharp: Path | None
    kernel: Path | None


def labels(dataset: str, name: str) -> tuple[str, str]:
    """Category and kernel that the name of a picture tells, "" for what it does not."""
    found = re.fullmatch(LAYOUTS[dataset].pattern, name)
    return (found["category"] or "", found["kernel"] or "") if found else ("", "")


def find_samples(config: DatasetConfig) -> list[Sample]:
    """The pictures that the settings choose, by name.

    Raises InputError for a folder without pictures, and for a category or picture that it doesn't hold.
    """
    samples = all_samples(config)
    categories = tuple(sorted({sample.category for sample in samples}))
    wanted = config.category.split(",")
    for category in wanted:
        if not any(fnmatchcase(c, category) for c in categories):
            one_of("dataset.category", category, categories)
    globs = config.picture.split(",")
    samples = [s for s in samples if any(fnmatchcase(s.category, c) for c in wanted)]
    for glob in globs:
        if not any(fnmatchcase(s.name, glob) for s in samples):
            one_of("dataset.picture", glob, tuple(s.name for s in samples[:20]))
    return [s for s in samples if any(fnmatchcase(s.name, g) for g in globs)]


def all_samples(config: DatasetConfig) -> list[Sample]:
    """Every picture of the data set's folder, by name. Raises InputError if there is none, or two of one name."""
    assert config.name
    one_of("dataset", config.name, tuple(LAYOUTS))
    if not config.root:
        raise InputError(f"The folder of the data set is not given: write dataset.root=PATH ({config.name}).")
    root = expanded(config.root)
    places = [root / "blurry"] if (root / "blurry").is_dir() or config.name != "folder" else [root]
    if places == [root] and root.is_dir():
        places += sorted(place for place in root.iterdir() if place.is_dir() and not place.name.startswith("."))
    files = [path for place in places if place.is_dir() for path in sorted(place.iterdir()) if _is_picture(path)]
    if not files:
        raise InputError(
            f"There are no pictures in {shown(places[0])}: see docs/datasets.md for how {config.name} is laid out."
        )
    samples: dict[str, Sample] = {}
    for path in files:
        name = _plain("" if path.parent == places[0] else f"{path.parent.name}/") + _plain(path.stem)
        if name in samples:
            raise InputError(f"{shown(path)} and {shown(samples[name].blurry)} have one name: rename one of them.")
        samples[name] = Sample(name, labels(config.name, name)[0], path, *_truth(root, name, path.stem))
    return [samples[name] for name in sorted(samples)]


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()


def _plain(name: str) -> str:
    """The name without what means something to a shell, a glob or a table."""
    return re.sub(r"[^\w./-]+", "_", name)


def _truth(root: Path, name: str, stem: str) -> tuple[Path | None, Path | None]:
    """The sharp picture and the kernel of a picture, None for what there is not."""
    picture, _, number = stem.partition("_kernel")
    sharp = _first(root / "sharp" / f"{n}{suffix}" for n in (name, stem, picture) for suffix in SUFFIXES)
    kernel = _first(root / "kernels" / n for n in (f"{name}.npy", f"{stem}.npy", f"kernel{number}.npy"))
    return sharp, kernel


def _first(paths) -> Path | None:
    return next((path for path in paths if path.is_file()), None)


def chunks(samples: Sequence[Sample], size: int) -> list[str]:
    """The names of the samples, `size` of them at a time, with commas between them."""
    if size < 1:
        raise InputError(f"dataset.chunk={size} is out of range: give at least 1 picture a job.")
    return [",".join(s.name for s in samples[i : i + size]) for i in range(0, len(samples), size)]
