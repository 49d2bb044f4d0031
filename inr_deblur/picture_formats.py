"""Which type of picture a file holds, by its first bytes: names can be wrong."""

from inr_deblur.errors import InputError
from inr_deblur.picture_raw import SUFFIXES as RAW_SUFFIXES

_BEGINNINGS = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"BM", "bmp"),
    (b"GIF8", "gif"),
    (b"FUJIFILMCCD-RAW", "raw"),
    (b"II\x1a\0\0\0HEAPCCDR", "raw"),
    (b"IIRO", "raw"),
    (b"IIRS", "raw"),
    (b"MMOR", "raw"),
    (b"IIU\0", "raw"),
    (b"\0MRM", "raw"),
    (b"FOVb", "raw"),
    (b"II*\0", "tiff"),
    (b"MM\0*", "tiff"),
    (b"II+\0", "tiff"),
    (b"MM\0+", "tiff"),
)
_CONVERT_FIRST = (  # pictures that are recognised and not read
    (b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"8BPS", "a Photoshop document"),
    (b"%PDF", "a PDF document"),
    (b"<svg", "a drawing (SVG)"),
    (b"\x00\x00\x01\x00", "an icon"),
    (b"v/1\x01", "OpenEXR"),
    (b"SIMPLE  =", "FITS"),
    (b"\x89HDF", "HDF5"),
)


def format_of(data: bytes, suffix: str) -> str:
    """png, jpeg, tiff, webp, bmp, gif or raw; `suffix` decides only where a TIFF may be a camera's raw file.

    Raises:
      InputError: it is none of these.
    """
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    if data[4:8] == b"ftyp":
        if data[8:11] == b"crx":
            return "raw"
        raise InputError("This is HEIC, AVIF or a film: convert it to JPEG, PNG or TIFF first.")
    for beginning, name in _CONVERT_FIRST:
        if data.startswith(beginning):
            raise InputError(f"This is {name}: convert it to JPEG, PNG or TIFF first.")
    for beginning, name in _BEGINNINGS:
        if data.startswith(beginning):
            is_raw = name == "tiff" and (suffix in RAW_SUFFIXES or data[8:10] == b"CR")
            return "raw" if is_raw else name
    raise InputError("This is not a picture: give a JPEG, PNG, TIFF, WebP, BMP or camera raw file.")
