"""Which stored values stand for 0 and 1, and the way there and back.

Integers: 0 and the largest value of the least depth that sensors and converters have and that holds the picture, so
that 12-bit data in a 16-bit file fill [0, 1]. Floats: [0, 1] as they are where they suit it, else powers of two, by
which multiplication is exact. On the way back the same two numbers are used, so a file's range is what it was.
"""

import math

import numpy as np

from inr_deblur.errors import InputError
from inr_deblur.picture import Kind

_DEPTHS = (8, 10, 12, 14, 16, 20, 24, 32)  # bits that real sensors and converters have
LARGEST = 1e300  # of a float; above, there may be no power of two to divide by
_DARK = 1 / 16  # floats that stay below this are scaled up
_SHORT = (np.uint8, np.uint16, np.float16, np.float32)  # types that float32 holds exactly


def value_range(samples: np.ndarray, bits: int | None = None) -> tuple[float, float, tuple[str, ...]]:
    """The stored values that stand for 0 and 1, and a sentence on them where they aren't those of the type.

    Args:
      samples: finite; floats, or integers of at most 32 bits.
      bits: significant bits of a sample, where the file says so.

    Raises:
      InputError: values above LARGEST.
    """
    low, high = float(samples.min()), float(samples.max())
    if max(-low, high) > LARGEST:
        raise InputError(f"Values as large as {max(-low, high):.3g} can't be worked with: divide them by a constant.")
    kind, full = samples.dtype.kind, samples.dtype.itemsize * 8
    if kind == "u" or (kind == "i" and low >= 0):
        depth = next(depth for depth in _DEPTHS if high < 2.0**depth or depth == full)
        depth = max(depth, bits or 0) if (bits or full) < full else depth
        if depth >= full or full == 8:
            return 0.0, 2.0**full - 1, ()
        return 0.0, 2.0**depth - 1, (f"Its {full}-bit values are those of {depth} bits, up to {high:.0f}: kept so.",)
    if kind == "f" and low >= 0 and _DARK <= high <= 1:
        return 0.0, 1.0, ()
    black = -_power_of_two(-low) if low < 0 else 0.0
    white = _power_of_two(high) if high > 0 else 0.0
    return black, white, (f"Its values run from {low:.6g} to {high:.6g}: {black:g} to {white:g} stand for 0 to 1.",)


def to_values(samples: np.ndarray, black: float, white: float) -> np.ndarray:
    """(stored - black) / (white - black), float32 in [0, 1]."""
    values = samples.astype(_working_type(samples.dtype, white - black))
    values -= black
    values /= white - black
    return np.ascontiguousarray(values, np.float32)


def from_values(values: np.ndarray, kind: Kind) -> np.ndarray:
    """black + values * (white - black), of the kind's type; integers are rounded and cut off at black and white."""
    dtype = np.dtype(kind.dtype)
    stored = values.astype(_working_type(dtype, kind.white - kind.black))
    stored *= kind.white - kind.black
    stored += kind.black
    if dtype.kind == "f":
        return stored.astype(dtype)
    limits = np.iinfo(dtype)
    low, high = max(kind.black, limits.min), min(kind.white, limits.max)  # powers of two may lie one above
    return np.rint(stored, out=stored).clip(low, high).astype(dtype)


def _working_type(dtype: np.dtype, span: float) -> type:
    return np.float32 if dtype in _SHORT and 2.0**-64 < span < 2.0**64 else np.float64


def _power_of_two(value: float) -> float:
    """The least power of two that is not below `value` > 0."""
    fraction, exponent = math.frexp(value)  # value = fraction * 2^exponent, 1/2 <= fraction < 1
    return math.ldexp(1.0, exponent - (fraction == 0.5))


def eight_bit(values: np.ndarray) -> np.ndarray:
    """Values of [0, 1] as 8-bit samples to look at; what lies outside is clipped."""
    return np.rint(255 * np.clip(values, 0, 1)).astype(np.uint8)
