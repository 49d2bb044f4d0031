"""EXIF blocks, changed in place: the orientation and nothing else.

An EXIF block is a small TIFF file: a header of 8 bytes (byte order, 42, position of the first directory), then
directories: a count, entries of 12 bytes (tag, type, count, value or its position) and the position of the next
directory. Camera makers' notes hold absolute positions, so a block that is taken apart and put together again loses
them; therefore single numbers are overwritten where they stand.

Source: CIPA DC-008 (Exif 2.32), sections 4.5.2 and 4.6.
"""

import re
import struct

PREFIX = b"Exif\x00\x00"  # in JPEG only
_ORIENTATION, _EXIF_DIRECTORY, _WIDTH, _HEIGHT = 0x0112, 0x8769, 0xA002, 0xA003
_SHORT, _LONG = 3, 4


def orientation(block: bytes | None) -> int:
    """The orientation, 1 to 8, that `block` tells; 1 if it tells none or can't be read."""
    try:
        entries, _ = _directory(block or b"", first=True)
        kind, count, _, value = entries[_ORIENTATION]
    except (struct.error, KeyError):
        return 1
    return value if kind == _SHORT and count == 1 and 1 <= value <= 8 else 1


def made_upright(block: bytes) -> bytes:
    """`block` for the picture once it is turned: orientation 1, width and height exchanged where it lay on its side.

    The embedded thumbnail shows the picture as it lay, so it is unlinked.
    """
    turned = orientation(block)
    changed = bytearray(block)
    try:
        order = _order(block)
        entries, end = _directory(block, first=True)
        struct.pack_into(order + "H", changed, entries[_ORIENTATION][2], 1)
        struct.pack_into(order + "I", changed, end, 0)  # no next directory: that is the thumbnail's
        if turned >= 5 and _EXIF_DIRECTORY in entries:
            inner, _ = _directory(block, entries[_EXIF_DIRECTORY][3])
            sides = inner[_WIDTH], inner[_HEIGHT]
            for (kind, _, place, _), (_, _, _, other) in zip(sides, sides[::-1], strict=True):
                struct.pack_into(order + ("H" if kind == _SHORT else "I"), changed, place, other)
    except (struct.error, KeyError):
        pass  # a block that ends early or lacks a tag has that much less to correct
    return bytes(changed)


def xmp_made_upright(xmp: bytes) -> bytes:
    """Adobe's XML description, which may repeat the orientation, for the picture once it is turned."""
    return re.sub(rb"(tiff:Orientation(?:=[\"']|>))[1-8]", rb"\g<1>1", xmp)


def _order(block: bytes) -> str:
    return ">" if block[:2] == b"MM" else "<"


def _directory(block: bytes, at: int = 0, first: bool = False) -> tuple[dict[int, tuple[int, int, int, int]], int]:
    """{tag: (type, count, position of the value, value)} for single numbers, and where the next position stands.

    Raises struct.error where the block ends too early.
    """
    order = _order(block)
    if first:
        (at,) = struct.unpack_from(order + "I", block, 4)
    (count,) = struct.unpack_from(order + "H", block, at)
    entries = {}
    for place in range(at + 2, at + 2 + 12 * count, 12):
        tag, kind, number = struct.unpack_from(order + "HHI", block, place)
        (value,) = struct.unpack_from(order + ("H" if kind == _SHORT else "I"), block, place + 8)
        entries[tag] = (kind, number, place + 8, value)
    return entries, at + 2 + 12 * count
