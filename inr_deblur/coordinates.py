"""The one coordinate frame: where every sample of the picture, the canvas and the kernel lies.

Unit: one pixel of the finest scale. Origin: the centre of the picture's first pixel. Axes: rows, columns.

A scale is a whole number f, the spacing of its samples. Sample i lies at f i in a nested grid, which is a plain
subsample of the fine one (the identity in `qmf` needs it), and at f i + (f - 1) / 2, the centre of the f x f block that
it is the mean of, in the grids that the stages fit.

A kernel grid holds the offsets q of its samples from the kernel's origin, a canvas grid the positions p - q of the
latent samples that the picture's samples p see through them: y(p) = sum_q k(q) x(p - q).
"""

from typing import Any, NamedTuple

import numpy as np


class Grid(NamedTuple):
    """A rectangular grid: the outer product of two coordinate vectors, in finest pixels, float32."""

    rows: Any  # (h,) numpy, or JAX within a compiled stage
    columns: Any  # (w,)

    @property
    def shape(self) -> tuple[int, int]:
        return self.rows.shape[-1], self.columns.shape[-1]


def kernel_side(size: int, scale: int) -> int:
    """Samples along a side of a kernel of `size` pixels at `scale`: odd, and wide enough to cover it."""
    return 2 * -(-(size // 2) // scale) + 1


def kernel_grid(size: tuple[int, int], scale: int = 1, shift: tuple[float, float] = (0.0, 0.0)) -> Grid:
    """Offsets of a kernel's samples, symmetric about `shift` (in finest pixels)."""
    return Grid(*(_offsets(n, scale, s) for n, s in zip(size, shift, strict=True)))


def _offsets(size: int, scale: int, shift: float) -> np.ndarray:
    side = kernel_side(size, scale)
    return (scale * (np.arange(side) - side // 2) + shift).astype(np.float32)


def picture_grid(shape: tuple[int, int], scale: int = 1) -> Grid:
    """Centres of the whole scale x scale blocks of an (H, W) picture: H // scale by W // scale of them."""
    return Grid(*((scale * np.arange(n // scale) + (scale - 1) / 2).astype(np.float32) for n in shape))


def nested_grid(shape: tuple[int, int], scale: int = 1) -> Grid:
    """Positions of every scale-th pixel of an (H, W) picture."""
    return Grid(*(np.arange(0, n, scale).astype(np.float32) for n in shape))


def canvas_grid(picture: Grid, kernel: Grid) -> Grid:
    """Positions of all latent samples that `picture` sees through `kernel`: (h + k - 1, w + l - 1) of them.

    Both grids must have the same spacing.
    """
    return Grid(*(_canvas(p, q) for p, q in zip(picture, kernel, strict=True)))


def _canvas(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    return np.concatenate([p[0] - q[::-1], p[1:] - q[0]]).astype(np.float32)
