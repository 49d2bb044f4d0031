"""PNG of any depth and colour type, 16-bit colour included, with its metadata.

Pillow reads and writes 16-bit colour PNG as 8 bit without a word, and pypng takes seconds a megapixel. imagecodecs
wraps libpng, keeps all depths, is quick, and is what tifffile needs anyhow for the compressions of TIFF. It deals with
pixels alone, so the chunks that hold metadata are read and written here.

Source: W3C, Portable Network Graphics, third edition (chunk layout: section 5; the chunks by name: section 11.3).
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import imagecodecs
import numpy as np

from inr_deblur import exif
from inr_deblur.errors import InputError
from inr_deblur.picture import Metadata, Resolution, Stored, split_alpha
from inr_deblur.picture_limits import check_sides

SIGNATURE = b"\x89PNG\r\n\x1a\n"
LARGEST_PROFILE = 64 * 2**20  # bytes of a colour profile once it is decompressed
_COLOUR = (b"gAMA", b"cHRM", b"sRGB", b"cICP")
_TEXT = (b"tEXt", b"zTXt", b"iTXt")
_METRE, _RATIO_ONLY = 1, 0  # units of pHYs


@dataclass(frozen=True)
class PngChunks:
    """Names and bodies of the chunks that only PNG knows and that hold for the result as well."""

    chunks: tuple[tuple[bytes, bytes], ...]


def decode(data: bytes) -> Stored:
    """PNG -> samples, alpha uint8 or uint16. Raises InputError or what libpng says of broken data."""
    width, height, depth, colour_type = struct.unpack_from(">IIBB", data, 16)
    check_sides(height, width, len(data))
    channels = imagecodecs.png_decode(data)
    if channels.shape[:2] != (height, width):
        raise InputError("The PNG contradicts itself about its size: save it anew.")
    chunks = list(_chunks(data))
    names = {name for name, _ in chunks}
    notes = []
    if colour_type == 3:
        notes.append("The palette was turned into full colour.")
    elif b"tRNS" in names:
        notes.append("The transparent colour was turned into an alpha channel.")
    if depth < 8 and colour_type == 0:
        notes.append(f"{depth}-bit grey was turned into 8-bit grey.")
    if b"acTL" in names:
        notes.append("The animation's default picture was taken; the result has no others.")
    samples, alpha = split_alpha(channels)
    meta = _metadata(chunks)
    return Stored(samples, alpha, meta, exif.orientation(meta.exif), notes=tuple(notes))


def encode(stored: Stored) -> bytes:
    """Samples and alpha, uint8 or uint16 -> PNG, without loss."""
    data = bytes(imagecodecs.png_encode(stored.channels(), level=4))
    after_header = len(SIGNATURE) + 25
    metadata = b"".join(_chunk(name, body) for name, body in _metadata_chunks(stored.meta))
    return data[:after_header] + metadata + data[after_header:]


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and body of every whole chunk, up to the end or to where the data are broken off."""
    at = len(SIGNATURE)
    while at + 12 <= len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        yield name, data[at + 8 : at + 8 + length]
        at += 12 + length


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _metadata(chunks: list[tuple[bytes, bytes]]) -> Metadata:
    found = dict(chunks)
    icc = resolution = None
    if profile := found.get(b"iCCP"):
        _, _, packed = profile.partition(b"\0")  # name, 0, compression method 0, zlib stream
        unpacking = zlib.decompressobj()
        try:
            icc = unpacking.decompress(packed[1:], LARGEST_PROFILE)
        except zlib.error:
            icc = None
        icc = icc if unpacking.eof else None  # a broken profile is as good as none
    if len(found.get(b"pHYs", b"")) == 9:
        x, y, unit = struct.unpack(">IIB", found[b"pHYs"])
        scale, name = (100, "cm") if unit == _METRE else (1, "none")
        resolution = Resolution(Fraction(x, scale), Fraction(y, scale), name) if x and y else None
    copied = PngChunks(tuple(chunk for chunk in chunks if chunk[0] in _COLOUR + _TEXT))
    return Metadata(icc, found.get(b"eXIf"), None, resolution, copied)


def _metadata_chunks(meta: Metadata) -> Iterator[tuple[bytes, bytes]]:
    copied = meta.private.chunks if isinstance(meta.private, PngChunks) else ()
    yield from (chunk for chunk in copied if chunk[0] in _COLOUR)
    if meta.icc:
        yield b"iCCP", b"ICC profile\0\0" + zlib.compress(meta.icc)
    if meta.resolution:
        per_metre = meta.resolution.per("cm")
        unit, scale = (_RATIO_ONLY, 1) if per_metre is None else (_METRE, 100)
        x, y = per_metre or (meta.resolution.x, meta.resolution.y)
        sides = np.clip([round(x * scale), round(y * scale)], 1, 2**31 - 1)
        yield b"pHYs", struct.pack(">IIB", *sides.tolist(), unit)
    if meta.exif:
        yield b"eXIf", meta.exif
    yield from (chunk for chunk in copied if chunk[0] in _TEXT)
