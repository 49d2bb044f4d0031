"""How large a picture may be, checked on its header before any memory is taken for it."""

from inr_deblur.errors import InputError

MOST_PIXELS = 178_000_000  # just below where Pillow refuses; a float32 colour picture of that size takes 2 GiB
MOST_PIXELS_A_BYTE = (
    10_000  # of the file; deflate reaches 1000 on a constant, and eight times that with one bit a pixel
)
MOST_BYTES = 4 * 2**30  # of the samples as they are stored
SMALLEST_SIDE = 16  # pixels: below, there is no room for an edge and its blur


def check_sides(height: int, width: int, size: int) -> None:
    """Raise InputError for a picture of no or too many pixels, or of more than `size` bytes of a file can tell."""
    if height < 1 or width < 1:
        raise InputError("The file's header tells of a picture without pixels: save it anew.")
    if height * width > MOST_PIXELS:
        raise InputError(
            f"The picture has {height * width / 1e6:.0f} megapixels by its header: "
            f"crop it or make it smaller, at most {MOST_PIXELS // 10**6} are read."
        )
    if height * width > MOST_PIXELS_A_BYTE * size:
        raise InputError("The header tells of more pixels than so short a file can hold: get an unbroken copy.")
