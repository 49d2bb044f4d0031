"""EXIF and GPS data in TIFF files, where they are directories of the file itself and not a block of bytes.

Source: CIPA DC-008 (Exif 2.32), section 4.6.3; directories as in `exif`.
"""

import io
import struct

from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2 as Directory

from inr_deblur.exif import PREFIX

DIRECTORIES = (34665, 34853)  # the tags that point to EXIF's and to GPS's directory
_HEADER = b"II*\0"  # of a little-endian TIFF file
_LONG = 4  # type of a position


def taken_out(data: bytes) -> bytes | None:
    """The EXIF and GPS directories of the TIFF file `data` as an EXIF block; None if it has none that can be read."""
    whole, block = Image.Exif(), Image.Exif()
    try:
        whole.load_from_fp(io.BytesIO(data))
        for tag in DIRECTORIES:
            if entries := whole.get_ifd(tag):
                block.get_ifd(tag).update(entries)
                block[tag] = 0  # where it is follows from writing it
        return block.tobytes().removeprefix(PREFIX) if len(block) else None
    except Exception:  # Pillow raises nearly anything on broken directories, which many files have: then there is none
        return None


def directories(block: bytes | None) -> dict[int, Directory]:
    """The EXIF and GPS directories of an EXIF block, by the tags that point to them."""
    found: dict[int, Directory] = {}
    if block:
        whole = Image.Exif()
        try:
            whole.load(block)
            for tag in DIRECTORIES:
                if entries := whole.get_ifd(tag):
                    directory = Directory(_HEADER + bytes(4))
                    directory.update(entries)
                    directory.tobytes(8)  # raises here, if it can't be written
                    found[tag] = directory
        except Exception:  # as above
            return {}
    return found


def put_in(data: bytes, found: dict[int, Directory]) -> bytes:
    """The little-endian TIFF file `data` with the directories of `found`.

    They go to its end, and behind them a copy of the first directory that points to them as well; positions in a TIFF
    file are absolute, so nothing else moves.
    """
    if not found or not data.startswith(_HEADER):  # another header: BigTIFF, above 4 GiB
        return data
    changed = bytearray(data)
    (first,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, first)
    entries = [data[at : at + 12] for at in range(first + 2, first + 2 + 12 * count, 12)]
    for tag, directory in found.items():
        entries.append(struct.pack("<HHII", tag, _LONG, 1, _padded(changed)))
        changed += directory.tobytes(len(changed))
    struct.pack_into("<I", changed, 4, _padded(changed))
    entries.sort(key=lambda entry: struct.unpack_from("<H", entry))
    following = data[first + 2 + 12 * count :][:4]
    return bytes(changed + struct.pack("<H", len(entries)) + b"".join(entries) + following)


def _padded(data: bytearray) -> int:
    """The length of `data`, after making it even: directories begin at even positions."""
    data += bytes(len(data) % 2)
    return len(data)
