"""What a picture file holds, in two forms: `Stored`, the file's own numbers, and `Picture`, what the mathematics sees.

Layout of all arrays: rows first, (H, W) for grey and (H, W, 3) for red, green, blue. `Stored.samples` has the file's
own type; `Picture.values` is float32 in [0, 1], and

    stored = black + values * (white - black)

so that the file's range is a property of the picture (`Kind`) and nothing is squeezed on the way back.
"""

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np

from inr_deblur import exif as exif_data

SUFFIXES = {  # of the formats that are written, the usual one first
    "jpeg": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "png": (".png",),
    "tiff": (".tif", ".tiff"),
    "webp": (".webp",),
    "bmp": (".bmp", ".dib"),
}


@dataclass(frozen=True)
class Resolution:
    """Pixels per unit of length, across and down; unit "inch", "cm", or "none" (told elsewhere, or only a ratio)."""

    x: Fraction
    y: Fraction
    unit: str

    def per(self, unit: str) -> tuple[Fraction, Fraction] | None:
        """The same resolution for another unit, None where no unit of length is known."""
        if self.unit == "none":
            return None
        factor = {("inch", "cm"): Fraction(50, 127), ("cm", "inch"): Fraction(127, 50)}.get((self.unit, unit), 1)
        return self.x * factor, self.y * factor


@dataclass(frozen=True)
class Metadata:
    """What travels with the pixels, unchanged but for the orientation, from the file read to the file written."""

    icc: bytes | None = None  # colour profile
    exif: bytes | None = None  # a TIFF structure, without the "Exif" prefix of JPEG
    xmp: bytes | None = None  # Adobe's XML description; PNG's is among its private text chunks
    resolution: Resolution | None = None
    private: Any = None  # what only the format's own codec can read and write


@dataclass(frozen=True)
class Stored:
    """A decoded file: `samples` (H, W) or (H, W, 3), `alpha` (H, W) or None, of one type, and what goes with them."""

    samples: np.ndarray
    alpha: np.ndarray | None = None
    meta: Metadata = Metadata()
    orientation: int = 1  # of EXIF and TIFF: how the samples are to be turned, 1: they are upright
    bits: int | None = None  # significant bits of a sample, where the file says so
    notes: tuple[str, ...] = ()

    def channels(self) -> np.ndarray:
        """Samples and alpha in one array, (H, W) or (H, W, 2 to 4)."""
        if self.alpha is None:
            return np.ascontiguousarray(self.samples)
        return np.dstack([self.samples, self.alpha])


@dataclass(frozen=True)
class Kind:
    """How a picture is stored, so that its result can be stored alike."""

    format: str  # a key of SUFFIXES: what it is written as
    suffix: str  # with its dot, lower case
    dtype: str  # NumPy's name for the type of the samples
    black: float  # the stored value that stands for 0
    white: float  # the stored value that stands for 1


@dataclass(frozen=True)
class Picture:
    """A picture to work on, upright, and all that is needed to write another one like it."""

    values: np.ndarray  # (H, W) or (H, W, 3) float32 in [0, 1]
    alpha: np.ndarray | None  # (H, W), the stored values untouched, or None
    kind: Kind
    meta: Metadata
    notes: tuple[str, ...]  # sentences: everything that was converted, chosen or dropped
    sha256: str  # of the file


def split_alpha(channels: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """(H, W), (H, W, 1 to 4) -> samples (H, W) or (H, W, 3), alpha (H, W) or None."""
    if channels.ndim == 2:
        return channels, None
    count = channels.shape[2]
    alpha = channels[..., -1] if count in (2, 4) else None
    return channels[..., 0] if count < 3 else channels[..., :3], alpha


def turn(array: np.ndarray, orientation: int) -> np.ndarray:
    """Make (H, W, ...) upright that is stored by EXIF `orientation`, 1 to 8 (TIFF 6.0, tag 274)."""
    if orientation >= 5:  # stored by columns
        array = array.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        array = array[:, ::-1]
    if orientation in (3, 4, 7, 8):
        array = array[::-1]
    return array


def upright(stored: Stored) -> Stored:
    """`stored` turned as its orientation says, with every tag that speaks of it set right."""
    turned = stored.orientation
    if turned == 1:
        return stored
    meta = stored.meta
    if meta.exif:
        meta = replace(meta, exif=exif_data.made_upright(meta.exif))
    if meta.xmp:
        meta = replace(meta, xmp=exif_data.xmp_made_upright(meta.xmp))
    if meta.resolution and turned >= 5:
        meta = replace(meta, resolution=Resolution(meta.resolution.y, meta.resolution.x, meta.resolution.unit))
    return replace(
        stored,
        samples=turn(stored.samples, turned),
        alpha=None if stored.alpha is None else turn(stored.alpha, turned),
        meta=meta,
        orientation=1,
        notes=(*stored.notes, f"Turned upright as its orientation tag says ({turned}); the tag is corrected."),
    )
