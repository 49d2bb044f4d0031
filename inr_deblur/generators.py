"""The networks that stand for the latent image and the kernel: parameters and a grid in, values out.

Every image generator is a flax module called with a `Grid` (any grid, also finer than the picture's) that gives values
of shape grid.shape, nominally in [0, 1] but not clipped (a fit may overshoot, and clipping would stop its gradient).
With `spacing=1`, the default, it is pointwise: a nested grid gets a subsample of the fine one. A fit to area averages
renders with their spacing instead, where the generator leaves out what such samples can't tell apart.
Every kernel generator gives non-negative values with sum 1 on its grid, of samples `spacing` pixels apart.
"""

from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray
from scipy.fft import dctn

from inr_deblur.coordinates import Grid
from inr_deblur.siren import Siren


class Frame(NamedTuple):
    """The rectangle that a generator covers, in finest pixels: its first corner and its lengths (rows, columns)."""

    origin: tuple[float, float]
    length: tuple[float, float]


# of a harmonic image along an axis while the kernel is sought: one a sample of most canvases; their amplitudes have
# one norm, which sets how fast they learn
MOST_FEATURES = 512


class Harmonic(nn.Module):
    """x = U C V' + 1/2 with U, V cosines of the rows and the columns: a SIREN with one hidden layer on a lattice.

    A product of two cosines is the sum of two plane waves, so this is a network with a single sine layer whose
    frequencies lie on a lattice; that is why it factorises into two matrix products. `decay` is the number of half
    periods at which the amplitudes have halved: it sets how fast the fine detail is learned against the coarse.
    """

    frame: Frame
    features: tuple[int, int]
    decay: float = 8.0

    @nn.compact
    def __call__(self, grid: Grid, spacing: int = 1) -> Array:
        c = self.param("coefficients", nn.initializers.zeros, self.features)
        u, v = (self.basis(axis, grid[axis], spacing) for axis in (0, 1))
        return 0.5 + u @ c[: u.shape[-1], : v.shape[-1]] @ v.T  # (h, m) @ (m, n) @ (n, w)

    def basis(self, axis: int, positions: Array, spacing: int) -> Array:
        """Amplitude-weighted cosines of half periods of at least `spacing` pixels. (h,) -> (h, m)."""
        t = (positions - self.frame.origin[axis]) / self.frame.length[axis]
        a = self.amplitudes(axis)[: self.resolved(axis, spacing)]
        return jnp.cos(np.pi * t[:, None] * np.arange(len(a), dtype=np.float32)[None]) * a[None]

    def places(self) -> Grid:
        """The centres of the frame's pixels."""
        return Grid(*(np.arange(int(n), dtype=np.float32) + (o + 0.5) for o, n in zip(*self.frame, strict=True)))

    def showing(self, x: NDArray[np.float32]) -> Any:
        """The parameters whose image at `places` is x, less the detail that it has no features for."""
        c = np.asarray(dctn(x - np.float32(0.5), type=2))[: self.features[0], : self.features[1]]
        for axis, n in enumerate(x.shape):
            scale = 1 / (n * self.amplitudes(axis))
            scale[0] /= 2
            c = c * np.expand_dims(scale, 1 - axis)
        return {"params": {"coefficients": c.astype(np.float32)}}

    def amplitudes(self, axis: int) -> np.ndarray:
        """(features,), the same ones however many there are."""
        a = 1 / (1 + np.arange(max(MOST_FEATURES, self.features[axis])) / self.decay)
        return (8 * a / np.sqrt((a[:MOST_FEATURES] ** 2).sum())).astype(np.float32)[: self.features[axis]]

    def coarse(self, spacing: int) -> "Harmonic":
        """The same image with those features alone that are resolved at a spacing."""
        return self.clone(features=(self.resolved(0, spacing), self.resolved(1, spacing)))

    def resolved(self, axis: int, spacing: int) -> int:
        """How many of the features samples `spacing` pixels apart can tell from each other."""
        return min(self.features[axis], int(self.frame.length[axis] / spacing))


class Pixels(nn.Module):
    """A control without any network: one free number a pixel, sampled by a hat `spacing` pixels wide at half height."""

    frame: Frame

    @nn.compact
    def __call__(self, grid: Grid, spacing: int = 1) -> Array:
        shape = tuple(int(np.ceil(n)) for n in self.frame.length)
        values = self.param("values", nn.initializers.constant(0.5), shape)
        u, v = (self.basis(axis, grid[axis], shape[axis], spacing) for axis in (0, 1))
        return u @ values @ v.T

    def basis(self, axis: int, positions: Array, n: int, spacing: int) -> Array:
        centres = self.frame.origin[axis] + np.arange(n, dtype=np.float32) + 0.5
        inside = jnp.clip(positions, centres[0], centres[-1])  # beyond the frame its border goes on
        hat = jnp.maximum(0.0, 1.0 - jnp.abs(inside[:, None] - centres) / spacing)
        return hat / hat.sum(1, keepdims=True)


class SirenImage(nn.Module):
    """A deep two-dimensional SIREN: every sample's coordinates go through `depth` sine layers.

    A step of Muon moves a hidden matrix by the same amount whatever its size, and `hidden_omega` multiplies that: the
    rates of `fit.optimiser` go with an omega of 5, not with the usual 30.
    """

    frame: Frame
    width: int = 128
    depth: int = 3
    rate: float = 1.4  # radians a pixel, that the first layer's omega stands for: 100 for a frame of 143 pixels
    hidden_omega: float = 5.0

    @nn.compact
    def __call__(self, grid: Grid, spacing: int = 1) -> Array:
        half = max(self.frame.length) / 2
        t = [(p - o - n / 2) / half for p, o, n in zip(grid, *self.frame, strict=True)]
        z = jnp.stack(jnp.meshgrid(*t, indexing="ij"), -1)
        return 0.5 + Siren((self.width,) * self.depth, self.rate * half, self.hidden_omega)(z)


class SirenKernel(nn.Module):
    """k = softmax over the grid of a SIREN of the offsets: non-negative, sum 1, and uniform at the start.

    The SIREN's unit of length is `reach` pixels, and at least `reach` / 4 samples: where samples lie far apart, each
    would otherwise be a free number.
    """

    reach: float = 15.5
    width: int = 64
    depth: int = 3
    first_omega: float = 15.0
    hidden_omega: float = 5.0

    @nn.compact
    def __call__(self, grid: Grid, spacing: int = 1) -> Array:
        unit = self.reach * max(1.0, spacing / 4)
        z = jnp.stack(jnp.meshgrid(*(q / unit for q in grid), indexing="ij"), -1)
        logits = Siren((self.width,) * self.depth, self.first_omega, self.hidden_omega, head_scale=0.01)(z)
        return jax.nn.softmax(logits.ravel()).reshape(logits.shape)


class GridKernel(nn.Module):
    """A softmax of one free number a sample, interpolated from the finest grid: a control, and what is honed.

    It is smooth between the samples of a coarse scale.
    """

    half: float  # pixels from the middle to the border

    @nn.compact
    def __call__(self, grid: Grid, spacing: int = 1) -> Array:
        n = 2 * int(np.ceil(self.half)) + 1
        values = self.param("values", nn.initializers.zeros, (n, n))
        places = np.arange(n, dtype=np.float32) - n // 2
        u, v = (jnp.maximum(0.0, 1.0 - jnp.abs(q[:, None] - places) / spacing) for q in grid)
        logits = u @ values @ v.T / (u.sum(1)[:, None] * v.sum(1) + 1e-6)
        return jax.nn.softmax(logits.ravel()).reshape(logits.shape)


Size = tuple[int, int]


def image_generator(name: str, shape: Size, reach: Size) -> nn.Module:
    """The generator `name` for a picture of `shape` whose canvas reaches `reach` pixels beyond it on each side."""
    if name == "harmonic":
        return harmonic(shape, reach)
    return {"siren": SirenImage, "pixels": Pixels}[name](_frame(shape, reach))


def harmonic(shape: Size, reach: Size, most: int = MOST_FEATURES) -> Harmonic:
    """The harmonic generator with a feature a sample, but no more than `most` along an axis."""
    frame = _frame(shape, reach)
    return Harmonic(frame, (min(most, int(frame.length[0])), min(most, int(frame.length[1]))))


def covering(canvas: Grid, scale: int) -> Harmonic:
    """The harmonic generator with a feature for each sample of a canvas at a scale, whose images it can all show."""
    origin = float(canvas.rows[0]) - scale / 2, float(canvas.columns[0]) - scale / 2
    rows, columns = canvas.shape
    return Harmonic(Frame(origin, (float(scale * rows), float(scale * columns))), (rows, columns))


def _frame(shape: Size, reach: Size) -> Frame:
    return Frame((-reach[0] - 0.5, -reach[1] - 0.5), (shape[0] + 2.0 * reach[0], shape[1] + 2.0 * reach[1]))
