"""Blur kernels from and to files.

A kernel is (K, L) float32, non-negative, sum 1, **as it is to be convolved with**: a true convolution,

    blurry[i, j] = sum over m, n of kernel[m, n] * sharp[i - (m - K//2), j - (n - L//2)]

with its centre at index (K//2, L//2). It is therefore the picture that a single bright point leaves, upright. Sides are
made odd on reading, so that the centre is the middle whichever library goes on with it.

Read: NumPy's .npy, and any picture that `image_io` reads (PNG and TIFF are meant; values count as they are stored, in
linear light, bright on black). Written: .npy, float32.
"""

import io
import math
import os
import warnings
from pathlib import Path

import numpy as np

from inr_deblur.errors import InputError
from inr_deblur.files import about, read_bytes, shown, write_bytes_whole
from inr_deblur.image_io import read_stored

LARGEST_SIDE = 301  # pixels, without its empty margins
MOST_NEGATIVE = 0.02  # share of the positive mass that negative entries may have to be taken for ringing
MOST_ENTRIES = 2**24  # of an array that is looked at at all
ENLARGED_SIDE = 200  # pixels: from here on, pictures may be enlarged views such as a run's kernel.png
SUM_TOLERANCE = 1e-3
CENTRE_TOLERANCE = 0.5  # pixels from the middle to the centre of mass that are not worth a word
_NPY = b"\x93NUMPY"


def read_kernel(path: str | os.PathLike[str]) -> tuple[np.ndarray, tuple[str, ...]]:
    """The kernel in the file `path`, (K, L) float32 with odd sides and sum 1, and sentences on what was done to it.

    Raises:
      InputError: the file can't be read, holds no kernel, or one that is too large, has much negative mass, or is drawn
        dark on bright.
    """
    array, notes = _read_array(path)
    with about(path):
        kernel, done = checked_kernel(array)
    return kernel, (*notes, *done)


def write_kernel(path: str | os.PathLike[str], kernel: np.ndarray) -> Path:
    """Write `kernel` (K, L) as float32 .npy, whole or not at all; a path without that suffix gets it.

    Raises:
      InputError: the file can't be written.
      ValueError: it isn't a finite (K, L) array.
    """
    if kernel.ndim != 2 or not np.isfinite(kernel).all():
        raise ValueError(f"a kernel is a finite (K, L) array, not one of shape {kernel.shape}")
    target = Path(path)
    target = target if target.suffix.lower() == ".npy" else target.with_name(f"{target.name}.npy")
    written = io.BytesIO()
    np.save(written, np.asarray(kernel, np.float32), allow_pickle=False)
    return write_bytes_whole(target, written.getvalue())


def checked_kernel(array: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """A kernel as the mathematics wants it, (K, L) float32 with odd sides and sum 1, from an array meant as one.

    In this order: colour to grey, small negative entries to zero, empty margins cut off evenly about the centre, even
    sides padded at their end (which leaves the centre at K//2), divided by the sum. Nothing is shifted: where the
    centre of mass is off the middle, the sentences say by how much.

    Raises:
      InputError: what `array` holds can't be meant as a kernel.
    """
    kernel, notes = _as_plane(array)
    if not np.isfinite(kernel).all():
        raise InputError("The kernel has values that are not a number or infinite: give one without.")
    positive, negative = kernel[kernel > 0].sum(), -kernel[kernel < 0].sum()
    if not (0 < positive < math.inf):
        raise InputError("The kernel has no positive entry: give one whose sum can be made 1.")
    if negative > MOST_NEGATIVE * positive:
        share = f"{negative / positive:.0%} as much negative as positive mass"
        raise InputError(f"The kernel has {share}: give one that is nowhere negative.")
    if negative:
        notes.append(f"Negative entries, {negative / positive:.2%} of the mass, were set to zero.")
        kernel = kernel.clip(min=0)
    total = kernel.sum()
    if array.dtype.kind == "f" and abs(total - 1) > SUM_TOLERANCE:
        notes.append(f"Its sum was {total:.6g}: divided by it.")
    kernel = _odd_sides(_without_margins(kernel, notes), notes)
    if max(kernel.shape) > LARGEST_SIDE:
        raise InputError(
            f"The kernel is {kernel.shape[0]} x {kernel.shape[1]}: give one of at most {LARGEST_SIDE} pixels a side."
        )
    kernel = kernel / total
    _remark_on_position(kernel, notes)
    return kernel.astype(np.float32), tuple(notes)


def _read_array(path: str | os.PathLike[str]) -> tuple[np.ndarray, list[str]]:
    """The array that the file holds, of any shape, and what reading it changed."""
    data = read_bytes(path)
    if data.startswith(_NPY):
        with about(path):
            return _parse_npy(data), []
    if Path(path).suffix.lower() in (".npy", ".npz", ".mat"):
        raise InputError(f"{shown(path)} is no .npy file: write it with numpy.save, or give a PNG or TIFF.")
    stored, format, _ = read_stored(path)
    notes = list(stored.notes)
    if stored.alpha is not None:
        notes.append("Its alpha channel was ignored.")
    if format in ("jpeg", "webp", "gif"):
        notes.append("A kernel in this format has lost its small values: .npy or TIFF keeps them.")
    with about(path):
        return _as_drawn(stored.samples, notes), notes


def _as_drawn(samples: np.ndarray, notes: list[str]) -> np.ndarray:
    """The kernel that a picture shows, (K, L) or (K, L, 3): bright on black, one pixel an entry."""
    grey = samples if samples.ndim == 2 else samples.max(axis=2)
    rim = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    if grey.min() < grey.max() == rim.min():
        raise InputError("The picture shows the kernel dark on bright: invert it.")
    height, width = grey.shape
    if max(height, width) >= ENLARGED_SIDE:
        for factor in range(math.gcd(height, width), 1, -1):
            small = samples[::factor, ::factor]
            if height % factor == width % factor == 0 and np.array_equal(samples, _enlarged(small, factor)):
                notes.append(f"The picture shows the kernel {factor} times enlarged: read at its own size.")
                return small
    return samples


def _enlarged(samples: np.ndarray, factor: int) -> np.ndarray:
    return samples.repeat(factor, axis=0).repeat(factor, axis=1)


def _parse_npy(data: bytes) -> np.ndarray:
    """The array of an .npy file, its header checked against its size before any memory is taken."""
    file = io.BytesIO(data)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of headers that only old versions wrote
            version = np.lib.format.read_magic(file)
            v1, v2 = np.lib.format.read_array_header_1_0, np.lib.format.read_array_header_2_0
            shape, _, dtype = (v1 if version == (1, 0) else v2)(file)
        count = math.prod(shape)
        if dtype.kind in "buif" and count * dtype.itemsize != len(data) - file.tell():
            raise ValueError("the header contradicts the size")
    except Exception as error:  # the header is Python source: its parser raises anything on broken bytes
        raise InputError("This is a broken .npy file: write it again with numpy.save.") from error
    if dtype.kind not in "buif":
        raise InputError(f"The array is of the type {dtype}: give real numbers.")
    if count > MOST_ENTRIES:
        raise InputError(f"The array has {count} entries: give a kernel, of at most {LARGEST_SIDE} pixels a side.")
    file.seek(0)
    return np.lib.format.read_array(file, allow_pickle=False)


def _as_plane(array: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """(K, L) float64 from (K, L), (K, L, 3) or either with further axes of length 1."""
    notes = []
    shape = " x ".join(map(str, array.shape)) or "of a single number"
    while array.ndim > 2 and 1 in array.shape:
        array = array.squeeze(axis=array.shape.index(1))
    if array.ndim == 3 and array.shape[2] == 3:
        same = bool((array == array[..., :1]).all())
        array = array[..., 0] if same else array.mean(axis=2)
        notes.append(f"Its colours were {'all the same: one was taken' if same else 'averaged'}.")
    if array.ndim != 2 or not array.size:
        raise InputError(f"The kernel's shape is {shape}: give one of rows and columns.")
    return array.astype(np.float64), notes


def _without_margins(kernel: np.ndarray, notes: list[str]) -> np.ndarray:
    """Without as many empty rows at both ends as leave the centre K//2 where it was, and columns alike."""
    shape = kernel.shape
    for axis in (0, 1):
        side = kernel.shape[axis]
        filled = np.flatnonzero(kernel.any(axis=1 - axis))
        reach = max(side // 2 - filled[0], filled[-1] - side // 2)  # from the centre to the farthest entry
        first = max(0, side // 2 - reach)
        kernel = kernel.take(range(first, min(side, side // 2 + reach + 1)), axis=axis)
    if kernel.shape != shape:
        notes.append(
            f"Its empty margins were cut off: {' x '.join(map(str, shape))} to {' x '.join(map(str, kernel.shape))}."
        )
    return kernel


def _odd_sides(kernel: np.ndarray, notes: list[str]) -> np.ndarray:
    """Padded by a row or column of zeros at the end where a side is even; the centre stays at K//2."""
    missing = [1 - side % 2 for side in kernel.shape]
    if any(missing):
        notes.append("Even sides were padded by one empty row or column at the end; the centre stays at half the side.")
    return np.pad(kernel, [(0, more) for more in missing])


def _remark_on_position(kernel: np.ndarray, notes: list[str]) -> None:
    if np.count_nonzero(kernel) == 1:
        notes.append("It has a single entry, so it only shifts the picture and blurs nothing.")
    offset = [
        float((kernel.sum(axis=1 - axis) * (np.arange(side) - side // 2)).sum())
        for axis, side in enumerate(kernel.shape)
    ]
    if math.hypot(*offset) > CENTRE_TOLERANCE:
        notes.append(
            f"Its centre of mass lies {offset[0]:+.1f} px down and {offset[1]:+.1f} px right of its middle: kept, "
            "so the result is shifted by as much the other way against the blurred picture."
        )
