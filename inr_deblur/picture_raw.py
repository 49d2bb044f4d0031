"""Camera raw through LibRaw, an extra: `pip install inr_deblur[raw]`.

Developed with the camera's white balance and no automatic brightening, to 16-bit sRGB, upright.
"""

import io

from inr_deblur.errors import InputError
from inr_deblur.picture import Stored
from inr_deblur.picture_limits import check_sides

SUFFIXES = frozenset(
    (
        ".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".fff",
        ".iiq", ".kdc", ".mef", ".mos", ".mrw", ".nef", ".nrw", ".orf", ".pef",
        ".raf", ".raw", ".rw2", ".rwl", ".sr2", ".srf", ".srw", ".x3f",
    )
)  # fmt: skip
SRGB_CURVE = (2.4, 12.92)  # exponent and slope at black


def decode(data: bytes) -> Stored:
    """Camera raw -> samples (H, W, 3) uint16. Raises InputError, also where rawpy isn't installed."""
    try:
        import rawpy
    except ImportError as error:
        raise InputError(
            "Camera raw needs the package rawpy: run pip install 'inr_deblur[raw]', or give a TIFF or JPEG."
        ) from error
    with rawpy.imread(io.BytesIO(data)) as raw:
        check_sides(raw.sizes.raw_height, raw.sizes.raw_width, len(data))
        samples = raw.postprocess(use_camera_wb=True, no_auto_bright=True, gamma=SRGB_CURVE, output_bps=16)
    return Stored(samples, notes=("The camera raw was developed to 16-bit sRGB.",))
