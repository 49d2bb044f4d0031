"""The picture's own patches as a prior: what repeats in a restoration is told from what noise and kernel have left.

    minimise over the canvas x    1/2 |k (*) x - y|^2 - n mean_p log p(R_p x),    p(d) = sum_c pi_c N(d; 0, C_c)    (1)

with n the variance of what the kernel leaves unexplained, and R_p x the patch at p less its mean: the expected patch
log likelihood (Zoran and Weiss, From learning models of natural image patches to whole image restoration, ICCV 2011).
No other picture is needed: the mixture is that of the restoration itself, by expectation and maximisation, and follows
it as it gets better (Yu, Sapiro and Mallat, Solving inverse problems with piecewise linear estimators, IEEE TIP 2012).

Solved by half-quadratic splitting: each patch is replaced by the most probable one of its likeliest component with
noise of a level that falls from round to round, z is their mean where they overlap, and x is that of

    1/2 |k (*) x - y|^2 + n / level^2 |x - z|^2 / 2                                                                (2)

in closed form, where beyond the border, and where y is a bound that k (*) x keeps, y is what the last x makes of it.
The patches are those of the luminance; the colours go with it.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from numpy.typing import NDArray

from inr_deblur.blur import fast_size
from inr_deblur.clipping import NEAR, white
from inr_deblur.colour import luminance

STRIDE = 3  # pixels from patch to patch
SIDE = 2 * STRIDE  # of a patch, pixels
COMPONENTS, LEARNED_FROM = 32, 10000  # of the mixture, and patches that it is learned from
ROUNDS = 8  # of expectation and maximisation before the first level; one follows at each
LEVELS = (0.04, 0.028, 0.02, 0.014, 0.01, 0.007)  # standard deviations, units of the picture
SHARE = 0.5  # of the noise that the restoration's weight is for, since one prior has had its say
LEAST, FLOOR = 1e-7, 1e-6  # variances: of a component's every direction, and of the noise while it is learned


class Mixture(NamedTuple):
    """Gaussians of mean 0."""

    covariances: Array  # (components, entries, entries)
    logarithms: Array  # (components,) of their shares


def with_patches(
    x: NDArray[np.float32], y: NDArray[np.float32], k: NDArray[np.float32], noise: float
) -> NDArray[np.float32]:
    """The canvas x made more like its own patches.

    x: (H + K - 1, W + L - 1) or (..., 3), a restoration (`restore`) of y (H, W) or (H, W, 3) in [0, 1] by k (K, L), sum
    1. noise: variance, squared units of y, that the restoration's weight is for (`Evidence.noise_of`). Values are not
    negative, and none exceeds 1 that did not.
    """
    before, grey = luminance(x), luminance(y)
    (h, w), (kh, kw) = before.shape, k.shape
    size = fast_size(before.shape)
    beyond = (0, size[0] - h), (0, size[1] - w)
    inside = (kh - 1, size[0] - h), (kw - 1, size[1] - w)
    seen = np.pad(np.ones(grey.shape, bool), inside)
    bound = np.pad(white(np.atleast_3d(y)).any(2), inside)
    kernel = np.pad(k, [(0, s - n) for s, n in zip(size, k.shape, strict=True)])
    random = np.random.default_rng(0)
    corners = np.stack([random.integers(0, n - SIDE + 1, LEARNED_FROM) for n in (h, w)])
    canvas = np.pad(before, beyond, "edge")
    after = _with_patches(canvas, np.pad(grey, inside), seen, bound, kernel, corners, np.float32(SHARE * noise))
    change = np.asarray(after)[:h, :w] - before
    return np.clip(x + (change if x.ndim == 2 else change[..., None]), 0, np.maximum(x, 1))


@jax.jit
def _with_patches(x: Array, y: Array, seen: Array, bound: Array, k: Array, corners: Array, noise: Array) -> Array:
    """All of the Fourier transform's size: x, y, where y is and is a bound, the kernel; corners: (2, patches)."""
    blur, most = jnp.fft.rfft2(k), jnp.maximum(x, 1)

    def made(x: Array) -> Array:
        return jnp.fft.irfft2(blur * jnp.fft.rfft2(x), k.shape)

    def nearest(x: Array, z: Array, share: Array) -> Array:
        """The x of (2)."""
        prediction = made(x)
        kept = (bound & (prediction > y)) | ((y <= NEAR) & (prediction < y))
        whole = jnp.where(seen & ~kept, y, prediction)
        spectrum = jnp.conj(blur) * jnp.fft.rfft2(whole) + jnp.fft.rfft2(share * z)
        return jnp.fft.irfft2(spectrum / (jnp.abs(blur) ** 2 + share).astype(blur.dtype), k.shape)

    def step(state: tuple[Array, Mixture], now: tuple[Array, Array]) -> tuple[tuple[Array, Mixture], None]:
        x, mixture = state
        level, offset = now
        mixture = fitted(mixture, _sample(x, corners))
        z = jnp.clip(most_probable(x, mixture, level**2, offset), 0, most)
        return (nearest(x, z, noise / level**2), mixture), None

    samples = _sample(x, corners)
    mixture = lax.fori_loop(0, ROUNDS, lambda _, m: fitted(m, samples), begun(samples))
    turns = np.arange(len(LEVELS))
    offsets = np.stack([turns, turns // 2], 1) % STRIDE  # no grid is left of where patches begin
    (x, _), _ = lax.scan(step, (x, mixture), (jnp.asarray(LEVELS, jnp.float32), jnp.asarray(offsets)))
    return x


def begun(samples: Array) -> Mixture:
    """A mixture to start from: samples (n, entries) by their contrast, and a little at random."""
    contrast = (samples**2).sum(1)
    group = jnp.argsort(jnp.argsort(contrast)) * COMPONENTS // len(contrast)
    random = jax.random.uniform(jax.random.key(0), (len(contrast), COMPONENTS)) * 2 / COMPONENTS
    return _mixture(samples, 0.7 * jax.nn.one_hot(group, COMPONENTS) + 0.3 * random)


def fitted(mixture: Mixture, samples: Array) -> Mixture:
    """One round of expectation and maximisation. samples: (n, entries)."""
    whitening, constants, _ = _whitening(mixture, FLOOR)
    return _mixture(samples, jax.nn.softmax(_likelihoods(samples, whitening, constants)[0], -1))


def most_probable(x: Array, mixture: Mixture, variance: Array, offset: Array) -> Array:
    """x (H, W) with every patch replaced by its Wiener estimate in noise of this variance, where they overlap the mean.

    offset: (2,) of the first patch; a component is chosen for each patch, the likeliest.
    """
    whitening, constants, back = _whitening(mixture, variance)

    def estimated(row: Array) -> Array:
        mean = row.mean(-1, keepdims=True)
        logarithms, whitened = _likelihoods(row - mean, whitening, constants)
        best = logarithms.argmax(-1)
        chosen = jnp.take_along_axis(whitened, best[:, None, None], 1)[:, 0]
        return mean + jnp.einsum("pe,pef->pf", chosen, back[best])

    wider = jnp.pad(x, (0, STRIDE - 1), "edge")
    part = lax.dynamic_slice(wider, offset, x.shape)
    total = overlapped(lax.map(estimated, overlapping(part)), x.shape)
    count = overlapped(jnp.ones_like(overlapping(part)), x.shape)
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


def _sample(x: Array, corners: Array) -> Array:
    """The patches of x at corners (2, n), each less its mean: (n, entries)."""
    rows, columns = np.divmod(np.arange(SIDE**2), SIDE)
    patches = x[corners[0][:, None] + rows, corners[1][:, None] + columns]
    return patches - patches.mean(1, keepdims=True)


def _mixture(samples: Array, shares: Array) -> Mixture:
    """The likeliest mixture for samples (n, entries) of which shares (n, components) belong to each."""
    counts = shares.sum(0) + 1e-3
    powers = lax.map(lambda share: (samples * share[:, None]).T @ samples, shares.T)
    covariances = powers / counts[:, None, None] + LEAST * jnp.eye(samples.shape[1])
    return Mixture(covariances, jnp.log(counts / counts.sum()))


def _whitening(mixture: Mixture, variance: Array | float) -> tuple[Array, Array, Array]:
    """What whitens patches in noise, the logarithms of the densities at 0, what makes a whitened one an estimate."""
    values, vectors = jnp.linalg.eigh(mixture.covariances)
    values = jnp.maximum(values, 0)
    spread = jnp.sqrt(values + variance)
    back = (values / spread)[:, :, None] * jnp.swapaxes(vectors, 1, 2)
    return vectors / spread[:, None], mixture.logarithms - jnp.log(spread).sum(-1), back


def _likelihoods(samples: Array, whitening: Array, constants: Array) -> tuple[Array, Array]:
    """Logarithms (n, components) of densities times shares, and the whitened samples (n, components, entries)."""
    whitened = jnp.einsum("ne,cef->ncf", samples, whitening)
    return constants - 0.5 * (whitened**2).sum(-1), whitened
