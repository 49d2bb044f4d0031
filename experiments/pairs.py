"""A folder of blurry pictures with their truth: blurry/NAME.png, sharp/ and kernels/.

The truth of NAME is sharp/NAME.png and kernels/NAME.npy; where a name is made of two, PICTURE_kernelNUMBER, it may also
be shared: sharp/PICTURE.png and kernels/kernelNUMBER.npy.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from options import matched

from inr_deblur.errors import InputError
from inr_deblur.image_io import read_picture
from inr_deblur.kernel_io import read_kernel


class Pictures(NamedTuple):
    """What a pair holds."""

    blurry: np.ndarray  # (H, W) or (H, W, 3) float32 in [0, 1]
    sharp: np.ndarray  # the same shape
    kernel: np.ndarray  # (K, L), sum 1, without empty margins


class Pair(NamedTuple):
    """The files of one blurry picture and its truth."""

    name: str
    blurry: Path
    sharp: Path
    kernel: Path

    def read(self) -> Pictures:
        """The pictures and the kernel. Raises InputError for files that cannot be read or do not fit."""
        blurry, sharp = read_picture(self.blurry).values, read_picture(self.sharp).values
        if blurry.shape != sharp.shape:
            raise InputError(f"{self.blurry} {blurry.shape} and {self.sharp} {sharp.shape} differ in size.")
        return Pictures(blurry, sharp, read_kernel(self.kernel)[0])

    @property
    def side(self) -> int:
        """The kernel's size as it is told: the larger side of the stored array, empty margins included."""
        return max(np.load(self.kernel, mmap_mode="r").shape)


def find_pairs(data_dir: str, subset: str = "*") -> list[Pair]:
    """The pairs of a folder, by name; subset: globs of names, with commas between them.

    Raises InputError for a folder without blurry pictures, a glob without a match and a truth that is missing.
    """
    folder = Path(data_dir)
    names = sorted(path.stem for path in (folder / "blurry").glob("*.png"))
    if not names:
        raise InputError(f"data_dir={data_dir} holds no blurry/*.png: give a folder with blurry/, sharp/ and kernels/.")
    return [_pair(folder, name) for name in matched("subset", subset, names)]


def _pair(folder: Path, name: str) -> Pair:
    """The files of one name."""
    picture, _, number = name.partition("_kernel")
    sharp = _first(folder / "sharp" / f"{name}.png", folder / "sharp" / f"{picture}.png")
    kernel = _first(folder / "kernels" / f"{name}.npy", folder / "kernels" / f"kernel{number}.npy")
    return Pair(name, folder / "blurry" / f"{name}.png", sharp, kernel)


def _first(*paths: Path) -> Path:
    """The first of the files that exists."""
    for path in paths:
        if path.exists():
            return path
    raise InputError(f"The truth is missing: there is no {' nor '.join(map(str, paths))}.")
