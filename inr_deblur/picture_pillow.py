"""JPEG, WebP, BMP and GIF through Pillow, 8 bits a sample.

Written: JPEG at quality 95 with full-resolution colour (no chroma subsampling), WebP and BMP without loss. GIF is read
only: its 256 colours can't hold a deblurred picture.
"""

import io
from fractions import Fraction

import numpy as np
from PIL import Image

from inr_deblur import exif
from inr_deblur.picture import Metadata, Resolution, Stored, split_alpha
from inr_deblur.picture_limits import check_sides

JPEG_QUALITY = 95
_READ = ("JPEG", "WEBP", "BMP", "GIF")  # Pillow's names; JPEG with several pictures (MPO) is among them
_MODES = {  # Pillow's mode -> the mode it is read as, and what to say
    "1": ("L", "Black and white were turned into 8-bit grey."),
    "P": ("RGB", "The palette was turned into full colour."),
    "PA": ("RGBA", "The palette was turned into full colour."),
    "CMYK": ("RGB", "CMYK was turned into RGB, without its colour profile: its colours are approximate."),
    "YCbCr": ("RGB", "YCbCr was turned into RGB."),
    "LAB": ("RGB", "CIELAB was turned into RGB."),
    "HSV": ("RGB", "HSV was turned into RGB."),
    "RGBX": ("RGB", None),
}


def decode(data: bytes) -> Stored:
    """JPEG, WebP, BMP or GIF -> samples, alpha uint8. Raises InputError or what Pillow says of broken data."""
    with Image.open(io.BytesIO(data), formats=_READ) as image:
        check_sides(image.height, image.width, len(data))
        several = getattr(image, "is_animated", False)
        mode, note = _MODES.get(image.mode, (image.mode, None))
        if "transparency" in image.info and mode in ("L", "RGB"):
            mode = {"L": "LA", "RGB": "RGBA"}[mode]
        info = image.info
        pixels = np.asarray(image if mode == image.mode else image.convert(mode))
    notes = [note] if note else []
    if several:
        notes.append("The first of the file's pictures was taken; the result has no others.")
    block = info.get("exif", b"").removeprefix(exif.PREFIX) or None
    icc = None if image.mode == "CMYK" else info.get("icc_profile") or None
    samples, alpha = split_alpha(pixels)
    xmp = None if several else info.get("xmp")  # with several pictures it tells where the others are
    meta = Metadata(icc, block, xmp, _resolution(info))
    return Stored(samples, alpha, meta, exif.orientation(block), notes=tuple(notes))


def encode_jpeg(stored: Stored) -> bytes:
    """Samples uint8 -> JPEG at quality 95, 4:4:4; alpha must be None."""
    return _encode(stored, "JPEG", quality=JPEG_QUALITY, subsampling=0, optimize=True)


def encode_webp(stored: Stored) -> bytes:
    """Samples and alpha uint8 -> WebP without loss, also of the colours under transparent pixels."""
    return _encode(stored, "WEBP", lossless=True, exact=True, method=1, quality=20)  # the effort: 0.1 s a megapixel


def encode_bmp(stored: Stored) -> bytes:
    """Samples uint8 -> BMP; alpha must be None."""
    return _encode(stored, "BMP")


def _encode(stored: Stored, kind: str, **options: object) -> bytes:
    meta = stored.meta
    if meta.icc:
        options["icc_profile"] = meta.icc
    if meta.exif:
        options["exif"] = exif.PREFIX + meta.exif if kind == "JPEG" else meta.exif
    if meta.xmp:
        options["xmp"] = meta.xmp
    if meta.resolution and (per_inch := meta.resolution.per("inch")):
        options["dpi"] = tuple(float(side) for side in per_inch)
    written = io.BytesIO()
    Image.fromarray(stored.channels()).save(written, kind, **options)
    return written.getvalue()


def _resolution(info: dict) -> Resolution | None:
    """Pillow's pixels per inch, where they are more than the ratio that JPEG gives when it has nothing to say."""
    try:
        x, y = (Fraction(side).limit_denominator(10**6) for side in info["dpi"])
    except (KeyError, TypeError, ValueError, OverflowError, ZeroDivisionError):
        return None
    return Resolution(x, y, "inch") if x > 0 and y > 0 else None
