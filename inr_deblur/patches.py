"""The picture's own patches as a prior: what repeats in a restoration is told from what noise and kernel have left.

    1/2 |k (*) x - y|^2 - n / m sum_p log p(R_p x),    p(d) = sum_c pi_c N(d; 0, C_c)                              (1)

goes down over the canvas x, where R_p x is the patch at p less its mean, m the number of patches over a pixel, and n a
part of the variance of what the kernel leaves unexplained: the expected patch log likelihood (Zoran and Weiss, From
learning models of natural image patches to whole image restoration, ICCV 2011). No other picture is needed: the mixture
is that of the restoration itself, by expectation and maximisation, and follows it as it gets better (Yu, Sapiro and
Mallat, Solving inverse problems with piecewise linear estimators, IEEE TIP 2012).

By half-quadratic splitting: each patch is replaced by the most probable one of its likeliest component with noise of a
level that falls from round to round, z is their mean where they overlap, and x is that of

    1/2 |k (*) x - y|^2 + n / level^2 |x - z|^2 / 2                                                                (2)

in closed form, where beyond the border, and where y is a bound that k (*) x keeps, y is what the last x makes of it.
After the last level, at which the patches still count for something, x stays as it is. Levels and mixture are in units
of the restoration's contrast, so that a darker picture is the same but darker, unless it has hardly any contrast. The
patches are those of the luminance; the colours go with it. Lamps and what is beside them stay as they were: most of a
lamp is clipped, each colour at another place, so that its luminance is no convolution.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter

from inr_deblur.blur import framed
from inr_deblur.clipping import BLACK, NEAR, white
from inr_deblur.colour import luminance

STRIDE = 3  # pixels from patch to patch
SIDE = 2 * STRIDE  # of a patch, pixels
COMPONENTS, MOST_SAMPLES = 32, 10000  # of the mixture, and patches that it is learned from
SEED = 0  # of which patches these are, and of how the mixture begins
ROUNDS = 8  # of expectation and maximisation before the first level; one follows at each
LEVELS = (0.15, 0.1, 0.07, 0.05, 0.035, 0.025)  # standard deviations over the contrast
PART_OF_NOISE = 0.5  # since another prior has had its say
LEAST, FLOOR = 2.5e-6, 2.5e-5  # variances: of a component's every direction, and of noise while it is learned
LAMP = 1.1  # from which on a restoration is no white paper
ROWS_AT_ONCE = 4  # of patches


class Mixture(NamedTuple):
    """Gaussians of mean 0."""

    covariances: Array  # (components, entries, entries)
    logarithms: Array  # (components,) of their shares


def likelier(
    x: NDArray[np.float32], y: NDArray[np.float32], k: NDArray[np.float32], noise: float
) -> NDArray[np.float32]:
    """The canvas x made likelier by its own patches.

    x: (H + K - 1, W + L - 1) or (..., 3), a restoration (`restore`) of y by k (K, L), sum 1. y: (H, W) or (H, W, 3) in
    [0, 1], at least `SIDE` a side. noise: variance > 0 of what k leaves unexplained, squared units of y
    (`evidence.Evidence.unexplained`). Values are not negative, none exceeds 1 that did not, and none changes within
    `SIDE` pixels of one that is above `LAMP` in any colour.
    """
    before, grey = luminance(x), luminance(y)
    (h, w), frame = before.shape, framed(grey.shape, k)
    contrast = max(float(before.std()), NEAR)
    after = _likelier(
        np.pad(before, [(0, s - n) for s, n in zip(frame.size, (h, w), strict=True)], "edge"),
        np.pad(grey, frame.inside),
        np.pad(np.ones(grey.shape, bool), frame.inside),
        np.pad(white(np.atleast_3d(y)).any(2), frame.inside),
        frame.kernel,
        _corners(grey.shape, k.shape, frame.size),
        np.float32(contrast),
        np.float32(PART_OF_NOISE * noise),
    )
    lamps = maximum_filter(np.atleast_3d(x).max(2) > LAMP, 2 * SIDE + 1)
    change = np.where(lamps, 0, np.asarray(after)[:h, :w] - before)
    return np.clip(x + (change if x.ndim == 2 else change[..., None]), 0, np.maximum(x, 1))


def _corners(shape: tuple[int, ...], kernel: tuple[int, ...], size: tuple[int, ...]) -> NDArray[np.intp]:
    """Where patches on the canvas begin that lie in the picture's frame: (2, samples), as many for each size."""
    count, random = min(MOST_SAMPLES, size[0] * size[1] // 4), np.random.default_rng(SEED)
    first = [n // 2 for n in kernel]
    return np.stack([random.integers(f, f + n - SIDE + 1, count) for f, n in zip(first, shape, strict=True)])


@jax.jit
def _likelier(
    x: Array, y: Array, seen: Array, bound: Array, k: Array, corners: Array, contrast: Array, noise: Array
) -> Array:
    """All of the Fourier transform's size: x, y, where y is and is a bound, the kernel; corners: (2, samples)."""
    spectrum, most = jnp.fft.rfft2(k), jnp.maximum(x, 1)

    def step(state: tuple[Array, Mixture], now: tuple[Array, Array]) -> tuple[tuple[Array, Mixture], None]:
        x, mixture = state
        level, offset = now
        mixture = fitted(mixture, _sampled(x / contrast, corners))
        z = contrast * most_probable(x / contrast, mixture, level**2, offset)
        weight = noise / (contrast * level) ** 2
        return (nearest(x, jnp.clip(z, 0, most), y, seen, bound, spectrum, weight), mixture), None

    with jax.default_matmul_precision("highest"):  # the least variances are small beside the largest
        samples = _sampled(x / contrast, corners)
        mixture = lax.fori_loop(0, ROUNDS, lambda _, m: fitted(m, samples), begun(samples))
        turns = np.arange(len(LEVELS))
        offsets = np.stack([turns, turns // 2], 1) % STRIDE  # so that the grid of patches leaves no pattern
        (x, _), _ = lax.scan(step, (x, mixture), (jnp.asarray(LEVELS, jnp.float32), jnp.asarray(offsets)))
    return x


def nearest(x: Array, z: Array, y: Array, seen: Array, bound: Array, spectrum: Array, weight: Array) -> Array:
    """The x of (2), from the one before. All (H, W), but the kernel's spectrum (H, W // 2 + 1); weight: n / level^2."""
    made = jnp.fft.irfft2(spectrum * jnp.fft.rfft2(x), x.shape)
    kept = (bound & (made > y)) | ((y <= BLACK) & (made < y))
    whole = jnp.where(seen & ~kept, y, made)
    goal = jnp.conj(spectrum) * jnp.fft.rfft2(whole) + jnp.fft.rfft2(weight * z)
    return jnp.fft.irfft2(goal / (jnp.abs(spectrum) ** 2 + weight).astype(goal.dtype), x.shape)


def begun(samples: Array) -> Mixture:
    """A mixture to start from: samples (n, entries) by their contrast, and a little at random."""
    contrast = (samples**2).sum(1)
    group = jnp.argsort(jnp.argsort(contrast)) * COMPONENTS // len(contrast)
    random = jax.random.uniform(jax.random.key(SEED), (len(contrast), COMPONENTS)) * 2 / COMPONENTS
    return _mixture(samples, 0.7 * jax.nn.one_hot(group, COMPONENTS) + 0.3 * random)


def fitted(mixture: Mixture, samples: Array) -> Mixture:
    """One round of expectation and maximisation. samples: (n, entries)."""
    whitening, constants, _ = _whitening(mixture, FLOOR)
    return _mixture(samples, jax.nn.softmax(_logarithms(samples, whitening, constants)[0], -1))


def most_probable(x: Array, mixture: Mixture, variance: Array, offset: Array) -> Array:
    """x (H, W) with every patch replaced by its Wiener estimate in noise of this variance, where they overlap the mean.

    offset: (2,) of the first patch; a component is chosen for each patch, the likeliest.
    """
    whitening, constants, back = _whitening(mixture, variance)

    def estimated(row: Array) -> Array:
        mean = row.mean(-1, keepdims=True)
        logarithms, whitened = _logarithms(row - mean, whitening, constants)
        best = logarithms.argmax(-1)
        chosen = jnp.take_along_axis(whitened, best[:, None, None], 1)[:, 0]
        return mean + jnp.einsum("pe,pef->pf", chosen, back[best])

    wider = jnp.pad(x, (0, STRIDE - 1), "edge")
    part = lax.dynamic_slice(wider, offset, x.shape)
    patches = overlapping(part)
    total = overlapped(lax.map(estimated, patches, batch_size=ROWS_AT_ONCE), x.shape)
    count = overlapped(jnp.ones_like(patches), x.shape)
    part = jnp.where(count > 0, total / jnp.maximum(count, 1), part)
    return lax.dynamic_update_slice(wider, part, offset)[: x.shape[0], : x.shape[1]]


def overlapping(x: Array) -> Array:
    """The patches of x (H, W) that begin every `STRIDE` pixels, of twice that side: (rows, columns, entries)."""
    rows, columns = (n // STRIDE for n in x.shape)
    blocks = x[: rows * STRIDE, : columns * STRIDE].reshape(rows, STRIDE, columns, STRIDE).swapaxes(1, 2)
    tall = jnp.concatenate([blocks[:-1], blocks[1:]], 2)
    return jnp.concatenate([tall[:, :-1], tall[:, 1:]], 3).reshape(rows - 1, columns - 1, SIDE**2)


def overlapped(patches: Array, shape: tuple[int, ...]) -> Array:
    """The sum of `overlapping` patches where they are, 0 where there is none: the transpose. shape: (H, W)."""
    rows, columns = patches.shape[:2]
    whole = patches.reshape(rows, columns, SIDE, SIDE)
    tall = jnp.pad(whole[..., :STRIDE], ((0, 0), (0, 1), (0, 0), (0, 0)))
    tall += jnp.pad(whole[..., STRIDE:], ((0, 0), (1, 0), (0, 0), (0, 0)))
    blocks = jnp.pad(tall[:, :, :STRIDE], ((0, 1), (0, 0), (0, 0), (0, 0)))
    blocks += jnp.pad(tall[:, :, STRIDE:], ((1, 0), (0, 0), (0, 0), (0, 0)))
    image = blocks.swapaxes(1, 2).reshape((rows + 1) * STRIDE, (columns + 1) * STRIDE)
    return jnp.pad(image, [(0, n - m) for n, m in zip(shape, image.shape, strict=True)])


def _sampled(x: Array, corners: Array) -> Array:
    """The patches of x at corners (2, n), each less its mean: (n, entries)."""
    rows, columns = np.divmod(np.arange(SIDE**2), SIDE)
    patches = x[corners[0][:, None] + rows, corners[1][:, None] + columns]
    return patches - patches.mean(1, keepdims=True)


def _mixture(samples: Array, belonging: Array) -> Mixture:
    """The likeliest mixture for samples (n, entries) that belong (n, components) to each by so much."""
    counts = belonging.sum(0) + 1e-3
    powers = lax.map(lambda much: (samples * much[:, None]).T @ samples, belonging.T)
    covariances = powers / counts[:, None, None] + LEAST * jnp.eye(samples.shape[1])
    return Mixture(covariances, jnp.log(counts / counts.sum()))


def _whitening(mixture: Mixture, variance: Array | float) -> tuple[Array, Array, Array]:
    """What whitens patches in noise, the logarithms of the densities at 0, what makes a whitened one an estimate."""
    values, vectors = lax.map(jnp.linalg.eigh, mixture.covariances)  # as one batch, two threads wait for each other
    values = jnp.maximum(values, 0)
    spread = jnp.sqrt(values + variance)
    back = (values / spread)[:, :, None] * jnp.swapaxes(vectors, 1, 2)
    return vectors / spread[:, None], mixture.logarithms - jnp.log(spread).sum(-1), back


def _logarithms(samples: Array, whitening: Array, constants: Array) -> tuple[Array, Array]:
    """Those of densities times shares (n, components), and the whitened samples (n, components, entries)."""
    whitened = jnp.einsum("ne,cef->ncf", samples, whitening)
    return constants - 0.5 * (whitened**2).sum(-1), whitened
