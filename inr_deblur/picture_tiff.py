"""TIFF: 8 to 32-bit integers and floats, plain, ImageJ and OME, one plane of them, with the tags that describe it.

A file with several planes or pages gives its first one, which the notes say. Written without loss, deflated where the
original was compressed in whatever way.

Source: TIFF 6.0 (Adobe, 1992); the tags by number are its appendix A.
"""

import io
import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import tifffile

from inr_deblur import exif_in_tiff
from inr_deblur.errors import InputError
from inr_deblur.picture import Metadata, Resolution, Stored
from inr_deblur.picture_limits import MOST_BYTES, check_sides
from inr_deblur.picture_tiff_planes import description, first_plane, planes

_SOFTWARE, _ORIENTATION, _X_RESOLUTION, _Y_RESOLUTION, _UNIT = 305, 274, 282, 283, 296
_XMP, _INK_SET, _CMYK = 700, 332, 1
_COPIED = {  # further tags that hold for the result as well
    271: "Make", 272: "Model", 306: "DateTime", 315: "Artist", 33432: "Copyright", 33723: "IPTC",
    33550: "ModelPixelScale", 33922: "ModelTiepoint", 34264: "ModelTransformation", 34735: "GeoKeyDirectory",
    34736: "GeoDoubleParams", 34737: "GeoAsciiParams", 42112: "GDAL_METADATA", 42113: "GDAL_NODATA",
}  # fmt: skip
_UNITS = {1: "none", 2: "inch", 3: "cm"}
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _SEPARATED, _YCBCR = 0, 1, 2, 3, 5, 6
_UNSPECIFIED, _PREMULTIPLIED, _PLAIN = 0, 1, 2  # what an extra sample is
_NO_COMPRESSION, _JPEG = 1, 7
# none, LZW, JPEG, deflate (two numbers), PackBits, LZMA, JPEG 2000 (three), Zstandard: what cameras, scanners and
# microscopes write. The decoders of rarer ones are less used to broken files, and a crash there can't be caught.
_COMPRESSIONS = (_NO_COMPRESSION, 5, _JPEG, 8, 32946, 32773, 34925, 33003, 33005, 34712, 50000)


@dataclass(frozen=True)
class TiffTags:
    """What only a TIFF file can hold."""

    description: bytes | None = None
    software: bytes | None = None
    copied: tuple[tuple[int, int, int, object, bool], ...] = ()  # further tags, as tifffile's `extratags`
    compressed: bool = True
    alpha: int = _PLAIN  # what the extra sample is


def decode(data: bytes) -> Stored:
    """TIFF -> samples, alpha of the file's type. Raises InputError or what tifffile says of broken data."""
    with tifffile.TiffFile(io.BytesIO(data), _multifile=False) as tiff:
        page = tiff.pages.first
        _check(page, len(data))
        count, arranged = planes(tiff, page)
        notes = []
        if count > 1:
            notes.append(f"The first of the file's {count} planes ({arranged}) was taken; the result has no others.")
        channels = _as_shown(page, first_plane(page, page.asarray()), notes)
        samples, alpha = _split(page, channels, notes)
        tags = TiffTags(
            description(tiff, page, alone=count == 1),
            _text(page, _SOFTWARE),
            tuple(_copy(tag) for tag in page.tags if tag.code in _COPIED),
            page.compression != _NO_COMPRESSION,
            _PREMULTIPLIED if _PREMULTIPLIED in page.extrasamples else _PLAIN if _PLAIN in page.extrasamples else 0,
        )
        icc = None if page.photometric == _SEPARATED else page.iccprofile
        xmp = page.tags.valueof(_XMP)
        xmp = xmp if isinstance(xmp, bytes) and xmp else None
        meta = Metadata(icc or None, exif_in_tiff.taken_out(data), xmp, _resolution(page), tags)
        orientation = page.tags.valueof(_ORIENTATION, 1)
        return Stored(
            samples, alpha, meta, orientation if orientation in range(1, 9) else 1, page.bitspersample, tuple(notes)
        )


def encode(stored: Stored) -> bytes:
    """Samples and alpha of any type that decode() gives -> TIFF, without loss."""
    meta = stored.meta
    tags = meta.private if isinstance(meta.private, TiffTags) else TiffTags()
    resolution, unit = None, None
    if meta.resolution:
        resolution = _ratio(meta.resolution.x), _ratio(meta.resolution.y)
        unit = next(code for code, name in _UNITS.items() if name == meta.resolution.unit)
    channels = stored.channels()
    written = io.BytesIO()
    tifffile.imwrite(
        written,
        channels,
        byteorder="<",
        photometric="rgb" if stored.samples.ndim == 3 else "minisblack",
        planarconfig="contig" if channels.ndim == 3 else None,
        extrasamples=None if stored.alpha is None else [tags.alpha],
        compression="adobe_deflate" if tags.compressed else None,
        predictor=tags.compressed,
        iccprofile=meta.icc,
        description=tags.description,
        resolution=resolution,
        resolutionunit=unit,
        software=tags.software or False,
        metadata=None,
        extratags=[*tags.copied, *([(_XMP, 1, len(meta.xmp), meta.xmp, True)] if meta.xmp else [])],
    )
    return exif_in_tiff.put_in(written.getvalue(), exif_in_tiff.directories(meta.exif))


def _check(page: tifffile.TiffPage, size: int) -> None:
    """Raise InputError, by the tags alone, for what can't be decoded, is too large, or lacks data."""
    check_sides(page.imagelength * page.imagedepth, page.imagewidth, size)
    if page.is_tiled:
        check_sides(page.tilelength * page.tiledepth, page.tilewidth, size)
    if page.nbytes > MOST_BYTES:
        raise InputError(f"The TIFF file's samples take {page.nbytes / 2**30:.0f} GiB: give one with fewer channels.")
    if page.dtype is None or page.dtype.kind not in "buif" or (page.dtype.kind in "ui" and page.dtype.itemsize > 4):
        raise InputError("TIFF with samples of this type can't be read: save it with 8 or 16 bits.")
    if page.compression not in _COMPRESSIONS:
        name = getattr(page.compression, "name", page.compression)
        raise InputError(f"TIFF compressed by {name} can't be read: save it uncompressed or with LZW.")
    readable = (_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _SEPARATED)
    if page.photometric not in readable and (page.photometric, page.compression) != (_YCBCR, _JPEG):
        name = getattr(page.photometric, "name", page.photometric)
        raise InputError(f"TIFF with colours stored as {name} can't be read: save it as grey or RGB.")
    pieces = list(zip(page.dataoffsets, page.databytecounts, strict=True))
    if len(pieces) < math.prod(page.chunked) or any(count <= 0 or at <= 0 or at + count > size for at, count in pieces):
        raise InputError("The TIFF file lacks part of its pixels: get an unbroken copy.")


def _as_shown(page: tifffile.TiffPage, array: np.ndarray, notes: list[str]) -> np.ndarray:
    """(H, W[, S]) of at least 8 bits, as grey or RGB with black at zero, and further channels behind."""
    if page.photometric == _PALETTE:
        notes.append("The palette was turned into full colour.")
        palette = np.asarray(page.colormap)  # (3, entries) uint16, in some files with 8-bit values
        palette = (palette >> 8 if palette.max() > 255 else palette).astype(np.uint8)
        return palette.T[array if array.ndim == 2 else array[..., 0]]
    bits = page.bitspersample
    if bits < 8:
        notes.append(f"{bits}-bit samples were turned into 8 bit.")
        array, bits = (array.astype(np.uint16) * 255 // (2**bits - 1)).astype(np.uint8), 8
    if page.photometric in (_WHITE_IS_ZERO, _SEPARATED) and array.dtype.kind != "u":
        raise InputError("TIFF with signed or float samples and white at zero can't be read: save it with black at 0.")
    if page.photometric == _WHITE_IS_ZERO:
        notes.append("White was stored as zero: inverted, and written with black as zero.")
        return np.asarray(2**bits - 1, array.dtype) - array
    if page.photometric == _SEPARATED:
        if array.ndim != 3 or array.shape[2] < 4 or page.tags.valueof(_INK_SET, _CMYK) != _CMYK:
            raise InputError("TIFF with other inks than CMYK can't be read: save it as RGB.")
        notes.append("CMYK was turned into RGB, without its colour profile: its colours are approximate.")
        paper = 1 - array[..., :4].astype(np.float32) / (2**bits - 1)  # what each ink leaves of the white
        rgb = np.rint(paper[..., :3] * paper[..., 3:] * (2**bits - 1)).astype(array.dtype)
        return np.dstack([rgb, array[..., 4:]])
    return array


def _split(page: tifffile.TiffPage, channels: np.ndarray, notes: list[str]) -> tuple[np.ndarray, np.ndarray | None]:
    """(H, W[, S]) -> samples, alpha; alpha is the extra sample that says so, or the only one."""
    if channels.ndim == 2:
        return channels, None
    count = channels.shape[2]
    colours = 1 if page.photometric in (_WHITE_IS_ZERO, _BLACK_IS_ZERO) or count < 3 else 3
    samples, extra = channels[..., 0] if colours == 1 else channels[..., :3], count - colours
    kinds = [int(kind) for kind in page.extrasamples[:extra]]
    place = next((i for i, kind in enumerate(kinds) if kind != _UNSPECIFIED), 0 if extra == 1 else None)
    if extra and place is None:
        notes.append(f"The first {colours} of the file's {count} channels were taken; the result has no others.")
    elif extra > 1:
        notes.append(f"Of the file's {count} channels, {colours} and alpha were taken; the result has no others.")
    return samples, None if place is None else channels[..., colours + place]


def _copy(tag: tifffile.TiffTag) -> tuple[int, int, int, object, bool]:
    """A tag as tifffile writes it; text as bytes, since much of it isn't the ASCII that the standard asks for."""
    value = tag.value.encode() + b"\0" if isinstance(tag.value, str) else tag.value
    return tag.code, int(tag.dtype), tag.count, value, True


def _text(page: tifffile.TiffPage, code: int) -> bytes | None:
    value = page.tags.valueof(code)
    return value.encode() if isinstance(value, str) and value else None


def _resolution(page: tifffile.TiffPage) -> Resolution | None:
    try:
        x, y = (Fraction(*page.tags.valueof(code)) for code in (_X_RESOLUTION, _Y_RESOLUTION))
    except (TypeError, ZeroDivisionError):
        return None
    unit = _UNITS.get(page.tags.valueof(_UNIT, 2), "none")
    says_nothing = unit == "none" and x == y == 1  # what writers put where they know nothing
    return None if says_nothing or x <= 0 or y <= 0 else Resolution(x, y, unit)


def _ratio(side: Fraction) -> tuple[int, int]:
    """Numerator and denominator of at most 32 bits each."""
    side = min(max(side, Fraction(1, 2**32 - 1)), Fraction(2**32 - 1))
    side = side.limit_denominator(int((2**32 - 1) / max(side, Fraction(1))))
    return side.numerator, side.denominator
