"""TIFF: 8 to 32-bit integers and floats, plain, ImageJ and OME, one plane of them, with the tags that describe it.

A file with several planes or pages gives its first, which the notes say; ImageJ's and OME's descriptions are then cut
down to that plane, so that its pixel size stays true. Written without loss, deflated where the original was compressed.

Source: TIFF 6.0 (Adobe, 1992); the tags by number are its appendix A, EXIF's directory is CIPA DC-008, section 4.6.3.
"""

import io
import re
import struct
from dataclasses import dataclass
from fractions import Fraction
from xml.etree import ElementTree

import numpy as np
import tifffile
from PIL import Image, TiffImagePlugin

from inr_deblur.errors import InputError
from inr_deblur.picture import Metadata, Resolution, Stored
from inr_deblur.picture_limits import check_sides

_COPIED = {  # tags that hold for the result as well
    271: "Make", 272: "Model", 315: "Artist", 700: "XMP", 33432: "Copyright", 33723: "IPTC",
    33550: "ModelPixelScale", 33922: "ModelTiepoint", 34264: "ModelTransformation", 34735: "GeoKeyDirectory",
    34736: "GeoDoubleParams", 34737: "GeoAsciiParams", 42112: "GDAL_METADATA", 42113: "GDAL_NODATA",
}  # fmt: skip
_DIRECTORIES = (34665, 34853)  # EXIF, GPS
_UNITS = {1: "none", 2: "inch", 3: "cm"}
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _SEPARATED, _YCBCR = 0, 1, 2, 3, 5, 6
_JPEG = (6, 7, 34892)  # compressions that decode YCbCr to RGB


@dataclass(frozen=True)
class TiffTags:
    """What only a TIFF file can hold."""

    description: bytes | None
    software: str | None
    date: str | None
    copied: tuple[tuple[int, int, int, object, bool], ...]  # tifffile's extratags
    compressed: bool
    alpha: int  # code of ExtraSamples: 0 unspecified, 1 premultiplied, 2 plain


def decode(data: bytes) -> Stored:
    """TIFF -> samples, alpha of the file's type. Raises InputError or what tifffile says of broken data."""
    with tifffile.TiffFile(io.BytesIO(data), _multifile=False) as tiff:
        page = tiff.pages.first
        _check_page(page, len(data))
        notes = _other_planes(tiff, page)
        array = page.asarray()
        description = _one_plane(tiff, page) if notes else page.description.encode()
        channels, more = _as_shown(page, _channels_last(page, array))
        meta = Metadata(
            icc=page.iccprofile if page.photometric != _SEPARATED else None,
            exif=_exif(data),
            resolution=_resolution(page),
            private=TiffTags(
                description or None,
                _text(page, 305),
                _text(page, 306),
                tuple((t.code, int(t.dtype), t.count, t.value, True) for t in page.tags if t.code in _COPIED),
                page.compression != 1,
                next((code for code in map(int, page.extrasamples) if code in (1, 2)), 0),
            ),
        )
        orientation = page.tags.valueof(274, 1)
        bits = page.bitspersample
    samples, alpha, last = _split(page, channels)
    return Stored(samples, alpha, meta, orientation if orientation in range(1, 9) else 1, bits, (*notes, *more, *last))


def encode(stored: Stored) -> bytes:
    """Samples and alpha of any type that decode() gives -> TIFF, without loss."""
    meta, tags = stored.meta, stored.meta.private
    if not isinstance(tags, TiffTags):
        tags = TiffTags(None, None, None, (), True, 2)
    copied = list(tags.copied)
    directories = _directories(meta.exif)
    copied += [(code, 4, 1, 0, True) for code in directories]
    resolution, unit = None, None
    if meta.resolution:
        resolution = _ratio(meta.resolution.x), _ratio(meta.resolution.y)
        unit = {name: code for code, name in _UNITS.items()}[meta.resolution.unit]
    written = io.BytesIO()
    tifffile.imwrite(
        written,
        stored.channels(),
        byteorder="<",
        photometric="rgb" if stored.samples.ndim == 3 else "minisblack",
        planarconfig="contig" if stored.channels().ndim == 3 else None,
        extrasamples=None if stored.alpha is None else [tags.alpha],
        compression="adobe_deflate" if tags.compressed else None,
        predictor=tags.compressed,
        iccprofile=meta.icc,
        description=tags.description,
        datetime=tags.date,
        resolution=resolution,
        resolutionunit=unit,
        software=tags.software or False,
        metadata=None,
        extratags=copied,
    )
    return _with_directories(written.getvalue(), directories)


def _check_page(page: tifffile.TiffPage, size: int) -> None:
    """Refuse by the tags what can't be decoded, is too large, or lacks data."""
    check_sides(page.imagelength * page.imagedepth * max(1, page.samplesperpixel // 4), page.imagewidth)
    if page.is_tiled:
        check_sides(page.tilelength * page.tiledepth, page.tilewidth)
    if page.dtype is None or page.dtype.kind not in "buif":
        raise InputError(f"TIFF with {page.bitspersample}-bit samples of this sort can't be read: save it as 16 bit.")
    if page.photometric not in (_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _SEPARATED, _YCBCR) or (
        page.photometric == _YCBCR and page.compression not in _JPEG
    ):
        kind = getattr(page.photometric, "name", page.photometric)
        raise InputError(f"TIFF with colours stored as {kind} can't be read: save it as grey or RGB.")
    pieces = list(zip(page.dataoffsets, page.databytecounts, strict=False))
    if not pieces or any(count <= 0 or at <= 0 or at + count > size for at, count in pieces):
        raise InputError("The TIFF file lacks part of its pixels: get an unbroken copy.")


def _other_planes(tiff: tifffile.TiffFile, page: tifffile.TiffPage) -> list[str]:
    """The sentence that says which plane was taken, if there are several."""
    series = tiff.series[0]
    planes = max(series.size // max(page.size, 1), len(tiff.pages) if len(tiff.series) > 1 else 1)
    planes *= page.imagedepth
    if planes <= 1:
        return []
    axes = f" (axes {series.axes}, {' x '.join(map(str, series.shape))})" if len(tiff.series) == 1 else ""
    return [f"The first of the file's {planes} planes{axes} was taken; the others are not in the result."]


def _one_plane(tiff: tifffile.TiffFile, page: tifffile.TiffPage) -> bytes:
    """The description of a stack, made true for its first plane."""
    text = page.description
    if tiff.is_imagej:
        return re.sub(r"(?m)^(images|channels|slices|frames|hyperstack|mode|loop|spacing)=.*\n?", "", text).encode()
    if tiff.is_ome:
        return _one_plane_ome(text)
    return b"" if tiff.is_shaped else text.encode()  # shaped: tifffile's own, tells the axes and nothing else


def _one_plane_ome(xml: str) -> bytes:
    root = ElementTree.fromstring(xml)
    name = root.tag.rpartition("}")[0].lstrip("{")
    ElementTree.register_namespace("", name)
    images = root.findall(f"{{{name}}}Image")
    for image in images[1:]:
        root.remove(image)
    for pixels in images[0].iter(f"{{{name}}}Pixels"):
        pixels.attrib.update(SizeZ="1", SizeC="1", SizeT="1")
        seen = set()
        for child in list(pixels):
            kind = child.tag.rpartition("}")[2]
            if kind in seen:
                pixels.remove(child)
            elif kind == "TiffData":
                child.attrib.clear()
                child.clear()
            elif kind == "Channel" and child.get("SamplesPerPixel", "1") != "1":
                pixels.set("SizeC", child.get("SamplesPerPixel", "1"))
            seen.add(kind)
    return ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)


def _channels_last(page: tifffile.TiffPage, array: np.ndarray) -> np.ndarray:
    """The page's array as (H, W) or (H, W, S), its first plane where it has depth."""
    axes = page.axes
    for axis in [axis for axis in axes if axis not in "YXS"]:
        array = array.take(0, axis=axes.index(axis))
        axes = axes.replace(axis, "")
    for axis, side in (("X", page.imagewidth), ("Y", page.imagelength)):
        if axis not in axes:  # tifffile drops sides of one pixel
            array, axes = np.expand_dims(array, 0), axis + axes
        assert array.shape[axes.index(axis)] == side
    return array.transpose([axes.index(axis) for axis in "YXS" if axis in axes])


def _as_shown(page: tifffile.TiffPage, array: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Samples as grey or RGB with black at zero, and what was done for it."""
    notes = []
    if page.bitspersample < 8 and page.photometric != _PALETTE:
        array = (array.astype(np.uint16) * 255 // (2**page.bitspersample - 1)).astype(np.uint8)
        notes.append(f"{page.bitspersample}-bit samples were turned into 8 bit.")
    if page.photometric == _WHITE_IS_ZERO:
        if array.dtype.kind == "f":
            raise InputError("A float TIFF with white stored as zero has no known range: save it with black as zero.")
        top = np.asarray(-1 if array.dtype.kind == "i" else 2 ** max(8, page.bitspersample) - 1, array.dtype)
        return top - array, [*notes, "White was stored as zero: inverted, and written with black as zero."]
    if page.photometric == _PALETTE:
        palette = np.asarray(page.colormap)
        palette = (palette >> 8 if palette.max() > 255 else palette).astype(np.uint8)  # (3, entries)
        return palette.T[array if array.ndim == 2 else array[..., 0]], [
            *notes,
            "The palette was turned into full colour.",
        ]
    if page.photometric == _SEPARATED:
        if array.ndim != 3 or array.shape[2] < 4 or array.dtype.kind != "u":
            raise InputError("TIFF with these printing inks can't be read: save it as RGB.")
        top = np.iinfo(array.dtype).max
        ink = array[..., :4].astype(np.float32) / top
        rgb = np.rint((1 - ink[..., :3]) * (1 - ink[..., 3:]) * top).astype(array.dtype)
        return rgb, ["CMYK was turned into RGB, without its colour profile: its colours are approximate."]
    return array, notes


def _split(page: tifffile.TiffPage, channels: np.ndarray) -> tuple[np.ndarray, np.ndarray | None, list[str]]:
    """(H, W[, S]) -> samples, alpha, notes."""
    if channels.ndim == 2:
        return channels, None, []
    colours = 3 if channels.shape[2] >= 3 and page.photometric in (_RGB, _YCBCR, _PALETTE, _SEPARATED) else 1
    samples = channels[..., 0] if colours == 1 else channels[..., :3]
    extra = channels.shape[2] - colours
    codes = [int(code) for code in page.extrasamples]
    if not extra:
        return samples, None, []
    if extra == 1 or set(codes) & {1, 2}:
        at = next((i for i, code in enumerate(codes[:extra]) if code in (1, 2)), 0)
        dropped = [f"{extra - 1} extra channels were dropped."] if extra > 1 else []
        return samples, channels[..., colours + at], dropped
    return samples, None, [f"The first of {extra + 1} channels was taken; the others are not in the result."]


def _text(page: tifffile.TiffPage, code: int) -> str | None:
    value = page.tags.valueof(code)
    return value if isinstance(value, str) and value.isascii() and value else None


def _resolution(page: tifffile.TiffPage) -> Resolution | None:
    try:
        x, y = (Fraction(*page.tags.valueof(code)) for code in (282, 283))
    except (TypeError, ZeroDivisionError):
        return None
    return Resolution(x, y, _UNITS.get(page.tags.valueof(296, 2), "none")) if x > 0 and y > 0 else None


def _ratio(side: Fraction) -> tuple[int, int]:
    side = min(side, Fraction(2**32 - 1)).limit_denominator(2**31 if side < 1 else max(1, int(2**31 / side)))
    return side.numerator, side.denominator


def _exif(data: bytes) -> bytes | None:
    """The EXIF and GPS directories of a TIFF file as an EXIF block; they are broken in many files, and then left."""
    whole, block = Image.Exif(), Image.Exif()
    try:
        whole.load_from_fp(io.BytesIO(data))
        for code in _DIRECTORIES:
            if directory := whole.get_ifd(code):
                block.get_ifd(code).update(directory)
                block[code] = 0
        return block.tobytes() if len(block) else None
    except Exception:  # Pillow's parser raises nearly anything on broken directories
        return None


def _directories(block: bytes | None) -> dict[int, TiffImagePlugin.ImageFileDirectory_v2]:
    """The EXIF and GPS directories of an EXIF block, by their tags in the main directory."""
    found = {}
    if block:
        whole = Image.Exif()
        whole.load(block)
        for code in _DIRECTORIES:
            if entries := whole.get_ifd(code):
                found[code] = TiffImagePlugin.ImageFileDirectory_v2(b"II*\0\0\0\0\0")
                for tag, value in entries.items():
                    found[code][tag] = value
    return found


def _with_directories(data: bytes, directories: dict[int, TiffImagePlugin.ImageFileDirectory_v2]) -> bytes:
    """A little-endian TIFF file with directories appended, and the tags that stand for them pointing there."""
    changed = bytearray(data)
    for code, directory in directories.items():
        changed += bytes(len(changed) % 2)
        (first,) = struct.unpack_from("<I", changed, 4)
        (count,) = struct.unpack_from("<H", changed, first)
        for at in range(first + 2, first + 2 + 12 * count, 12):
            if struct.unpack_from("<H", changed, at)[0] == code:
                struct.pack_into("<I", changed, at + 8, len(changed))
        changed += directory.tobytes(len(changed))
    return bytes(changed)
