"""Pictures from files to float arrays and back: bit depth, range, orientation, alpha and metadata kept.

`read_picture` goes by what a file holds, not by its name, and tells in `Picture.notes` everything that it converted,
chose or dropped. `write_picture` writes a picture like the one that was read: same type, depth and range, same
metadata, by rename, whole or not at all.

| type                   | read as                            | written as                                |
| ---------------------- | ---------------------------------- | ----------------------------------------- |
| PNG                    | 8 or 16 bit, alpha                 | the same                                  |
| TIFF, ImageJ, OME-TIFF | integers, floats, alpha, one plane | the same                                  |
| JPEG                   | 8 bit                              | JPEG at quality 95, no chroma subsampling |
| WebP                   | 8 bit, alpha                       | the same, without loss                    |
| BMP                    | 8 bit, alpha                       | the same; PNG where there is alpha        |
| GIF                    | 8 bit, first frame                 | PNG                                       |
| camera raw             | 16 bit, developed                  | 16-bit TIFF                               |
"""

import contextlib
import hashlib
import logging
import os
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from inr_deblur import picture_pillow, picture_png, picture_raw, picture_tiff
from inr_deblur.errors import InputError
from inr_deblur.files import about, read_bytes, shown, write_bytes_whole
from inr_deblur.picture import SUFFIXES, Kind, Metadata, Picture, Stored, upright
from inr_deblur.picture_formats import format_of
from inr_deblur.picture_limits import SMALLEST_SIDE
from inr_deblur.picture_range import from_values, to_values, value_range

__all__ = ["Kind", "Metadata", "Picture", "read_picture", "read_stored", "write_picture"]

_DECODERS: dict[str, Callable[[bytes], Stored]] = {
    "png": picture_png.decode,
    "tiff": picture_tiff.decode,
    "jpeg": picture_pillow.decode,
    "webp": picture_pillow.decode,
    "bmp": picture_pillow.decode,
    "gif": picture_pillow.decode,
    "raw": picture_raw.decode,
}
_ENCODERS: dict[str, Callable[[Stored], bytes]] = {
    "png": picture_png.encode,
    "tiff": picture_tiff.encode,
    "jpeg": picture_pillow.encode_jpeg,
    "webp": picture_pillow.encode_webp,
    "bmp": picture_pillow.encode_bmp,
}
_HOLDS = {"jpeg": ("uint8",), "webp": ("uint8",), "bmp": ("uint8",), "png": ("uint8", "uint16")}  # TIFF: all types
_OPAQUE = ("jpeg", "bmp")  # BMP's later versions have alpha, which most programs ignore
_WRITTEN_AS = {"gif": "png", "raw": "tiff"}  # the others as themselves


def read_picture(path: str | os.PathLike[str]) -> Picture:
    """The picture in the file `path`, upright, in [0, 1].

    Raises:
      InputError: the file can't be read, holds no picture that can be deblurred (of fewer than 16 pixels a side or one
        single value, with NaN or infinite values), or is too large to read.
    """
    stored, format, data = read_stored(path)
    samples = stored.samples
    with about(path):
        _check_content(samples)
        black, white, notes = value_range(samples, stored.bits)
    written_as = _WRITTEN_AS.get(format, format)
    if written_as in _OPAQUE and stored.alpha is not None:
        written_as = "png"
    if written_as != format:
        notes += (f"{format.upper()} can't hold the result: it is written as {written_as.upper()}.",)
    suffix = Path(path).suffix.lower()
    suffix = suffix if suffix in SUFFIXES[written_as] else SUFFIXES[written_as][0]
    if written_as == "jpeg":
        notes += (f"JPEG loses a little: written again at quality {picture_pillow.JPEG_QUALITY}.",)
    return Picture(
        values=to_values(samples, black, white),
        alpha=stored.alpha,
        kind=Kind(written_as, suffix, samples.dtype.name, black, white),
        meta=stored.meta,
        notes=stored.notes + notes,
        sha256=hashlib.sha256(data).hexdigest(),
    )


def write_picture(path: str | os.PathLike[str], values: np.ndarray, like: Picture) -> Path:
    """Write `values`, of the shape of `like.values`, as a file of the kind of `like`; returns its path.

    A suffix that names another type of picture chooses that type; a path without one gets the suffix of `like`.

    Raises:
      InputError: the type that the suffix names can't hold the picture's depth or alpha, or the file can't be written.
      ValueError: the shape is another, or values are not finite.
    """
    if values.shape != like.values.shape:
        raise ValueError(f"values have the shape {values.shape}, the picture that was read {like.values.shape}")
    if not np.isfinite(values).all():
        raise ValueError("values are not all finite")
    target = Path(path)
    format = next((name for name, known in SUFFIXES.items() if target.suffix.lower() in known), None)
    if format is None:
        format, target = like.kind.format, target.with_name(target.name + like.kind.suffix)
    if like.kind.dtype not in _HOLDS.get(format, (like.kind.dtype,)):
        raise InputError(f"{format.upper()} can't hold {like.kind.dtype} samples: write .tif instead of {shown(path)}.")
    if format in _OPAQUE and like.alpha is not None:
        raise InputError(f"{format.upper()} can't hold transparency: write .png instead of {shown(path)}.")
    stored = Stored(from_values(values, like.kind), like.alpha, like.meta)
    try:
        with _quiet():
            data = _ENCODERS[format](stored)
    except (OSError, ValueError) as error:  # what the format can't hold: too many pixels for WebP, EXIF for JPEG
        raise InputError(f"{shown(target)} can't be written ({error}): choose .png or .tif.") from error
    return write_bytes_whole(target, data)


def read_stored(path: str | os.PathLike[str]) -> tuple[Stored, str, bytes]:
    """The file's own numbers, upright, the format that they were stored in, and the file's bytes.

    Raises:
      InputError: the file can't be read or holds no picture.
    """
    data = read_bytes(path)
    suffix = Path(path).suffix.lower()
    with about(path):
        format = format_of(data, suffix)
    try:
        with about(path), _quiet():
            stored = upright(_DECODERS[format](data))
    except InputError:
        raise
    except Exception as error:  # decoders raise anything, MemoryError to AssertionError, on bytes made to break them
        raise InputError(f"{shown(path)} is a broken {format.upper()} file: get an unbroken copy.") from error
    expected = picture_raw.SUFFIXES if format == "raw" else SUFFIXES.get(format, (f".{format}",))
    if suffix and suffix not in expected:
        named = f"Named {suffix}, the file holds {format.upper()}, as which it was read."
        stored = replace(stored, notes=(named, *stored.notes))
    return stored, format, data


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without what the decoders would say of odd files: the notes say what the user needs to know."""
    talkers = [logging.getLogger(name) for name in ("tifffile", "PIL", "imagecodecs")]
    before = [talker.disabled for talker in talkers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            for talker in talkers:
                talker.disabled = True
            yield
        finally:
            for talker, was in zip(talkers, before, strict=True):
                talker.disabled = was


def _check_content(samples: np.ndarray) -> None:
    height, width = samples.shape[:2]
    if min(height, width) < SMALLEST_SIDE:
        raise InputError(f"The picture has {width} x {height} pixels: give one of at least 16 x 16.")
    if samples.dtype.kind == "f":
        bad = samples.size - int(np.isfinite(samples).sum())
        if bad:
            raise InputError(f"{bad} values are not a number or infinite: replace them by those around.")
    if samples.min() == samples.max():
        raise InputError("The picture is of one single value everywhere: give one that shows something.")
