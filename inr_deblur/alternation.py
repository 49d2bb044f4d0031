"""The last corrections of a kernel that is not small: two problems in turn, each solved in closed-form steps.

    x = argmin    1/2 |k (*) x - y|^2 + w sum phi(|grad x|),    phi(g) = g^2 / (g^2 + tau^2)                  (1)
    k = argmin    1/2 |k (*) grad x - grad y|^2 + ridge |k|^2    over k >= 0 within its support               (2)

over valid convolutions, with w falling from round to round. In (2) a frequency f counts 1 / (1 + t |D(f)|^2) times, D
being that of the differences and t the noise's power over that of what the kernel leaves unexplained otherwise: slopes
make the latter white, but of noise the highest frequencies loud (`losses.whitened_fit`). tau is the slope above which
there is an edge, one as good as another. It is a share of the slopes that the x of the round before has: print and
rough textures need a large one, photographs a small one that leaves their fine detail. (1) counts edges, as the
search's last stage does, which leaves a latent image that cannot explain y with a kernel that is wrong; what remains,
(2) corrects. The search's descent in both at once is still on its way when its steps are over; a few rounds of this go
further, and can look at four times as much of the picture. A kernel of a coarse scale is mended by it before it is
judged and a finer one begins with it (`mended`): what is far from the rest, and a descent that starts from it would
keep, is gone after that. Alternating an edge-counting image with a least-squares kernel: Xu, Zheng and Jia, Unnatural
L0 sparse representation for natural image deblurring (CVPR 2013).

Both are solved by the alternating direction method of multipliers, (1) with the border masked, as in `restore`. In (2),
which needs no more steps for it, what lies beyond the border is filled in now and then by what the kernel makes of x:

    |k (*) grad x - grad y|^2  <=  |k * grad x - filled|^2,    filled = k0 * grad x beyond the border         (3)

with equality at the kernel k0 of that time, so that what lowers the right side by then lowers (2) as much or more; this
takes less than half of the transforms. Whatever the picture's and the kernel's sizes, the programs are those of the
Fourier transform's size, of which there are few.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from inr_deblur.blur import fast_size
from inr_deblur.clipping import brightened
from inr_deblur.kernels import centroid, cropped, grid_for, pruned
from inr_deblur.region import most_telling, region_shape
from inr_deblur.restore import FALL, FIRST_WEIGHT, RELAXATION

LEAST_SPREAD = 4.0  # `spread` in samples of kernels that are corrected; smaller ones have less error than (1) makes
ROUNDS = 8
STEPS = 60  # of each problem in a round; with fewer the image of the first rounds is still blurred
SCALE = 2  # that is to see all of the part that is looked at: up to 640 pixels a side
CONTRAST = 0.2  # standard deviation that the picture is brought to
WEIGHTS = 1e-3, 3e-5  # w of the first round and of the last
WEIGHT_OF_NOISE = 0.3  # w over the variance of the noise, at least
AS_STRONG = 0.005  # noise that what a kernel leaves unexplained is about as strong as, where the contrast is `CONTRAST`
RIDGE = 1e-3  # over the power of grad x
MARGIN, FAINT = 3, 0.01  # pixels that a kernel may grow on each side, share of its largest entry that is dropped
FILLINGS = 6  # of grad y beyond its border in the steps of (2)
FIT_PENALTY, BOUND_PENALTY = 0.04, 0.02  # of (1) for k (*) x, and of (2) for k over the power of grad x


class Edges(NamedTuple):
    """What counts as one."""

    share: float  # tau over the root mean square of the slopes of x
    least: float  # tau, which is that of the first round, where the contrast is `CONTRAST`
    largest: float


OF_WIDE = Edges(0.5, 0.04, 0.3)
OF_SMALL = Edges(0.3, 0.03, 0.3)  # of kernels too small to be corrected at half the resolution: finer detail counts
OF_COARSE = Edges(0.0, 0.03, 0.03)  # of `mended`: between coarse scales a larger tau can lose a kernel


class Corrected(NamedTuple):
    """What the last round leaves."""

    kernel: NDArray[np.float32]  # (L, L), sum 1, not pruned
    losses: NDArray[np.float32]  # (rounds,) mean square of k (*) grad x - grad y


def corrected(
    y: NDArray,
    k: NDArray,
    noise: float,
    rounds: int = ROUNDS,
    bound: NDArray[np.bool_] | None = None,
    edges: Edges = OF_WIDE,
    room: int = 1,
) -> Corrected:
    """The kernel k (K, K), sum 1, after some rounds on the most telling part of the grey picture y (H, W).

    noise: its standard deviation in the units of y; bound: where y is one (`clipping`), (H, W), None: nowhere;
    room: see `laid_out`.
    """
    k = with_margin(k)
    gain, size, measured, bound, seen, slope_seen, slope_of, start = laid_out(y, k.shape, bound, room)
    support = padded(np.ones_like(k), size)
    whitening = (1 / (1 + (gain * noise / AS_STRONG) ** 2 * laplacian(size))).astype(np.float32)
    losses, tau = [], edges.least
    for weight in np.geomspace(*WEIGHTS, rounds):
        weight = max(weight, WEIGHT_OF_NOISE * (gain * noise) ** 2)
        weights = weight * FIRST_WEIGHT ** np.maximum(1 - np.arange(STEPS + 1) / FALL, 0)
        blur = padded(pruned(k, FAINT), size)
        x = _latent(measured, seen, bound, start, blur, weights.astype(np.float32), np.float32(tau))
        now = padded(k, size)
        found, loss, slope = fitted_kernel(x, slope_of, measured, bound, slope_seen, now, support, whitening)
        k = np.asarray(found)[: k.shape[0], : k.shape[1]]
        losses.append(float(loss))
        tau = float(np.clip(edges.share * slope, edges.least, edges.largest))
    return Corrected(k, np.asarray(losses, np.float32))


def with_margin(k: NDArray) -> NDArray[np.float32]:
    """The kernel k (K, K) as it is corrected: pruned, its centre of mass central, with room to grow into, (L, L)."""
    return cropped(pruned(k), MARGIN)


def mended(
    y: NDArray, k: NDArray, noise: float, rounds: int, bound: NDArray[np.bool_] | None = None, room: int = 1
) -> NDArray[np.float32]:
    """The kernel k (K, K) after some rounds, pruned, where it was on its grid; what has grown beyond that is cut off.

    Arguments as those of `corrected`, whose `edges` here are `OF_COARSE`.
    """
    k = pruned(k)
    got = pruned(corrected(y, k, noise, rounds, bound, OF_COARSE, room).kernel)
    middle = [len(k) // 2 + round(c) for c in centroid(pruned(k), 0.0)]  # that `with_margin` has put central
    around = np.zeros([n + 2 * len(got) for n in k.shape], np.float32)
    top, left = (len(got) + m - len(got) // 2 for m in middle)
    around[top : top + len(got), left : left + len(got)] = got
    back = around[len(got) : -len(got), len(got) : -len(got)]
    return back / back.sum()


def correction_work(shape: tuple[int, int], size: int, rounds: int) -> float:
    """Cost in sample updates of a stage of the search, the unit of progress, for a picture of this shape."""
    height, width = region_shape(shape, size, SCALE)
    return 100.0 * rounds / ROUNDS * height * width


class Layout(NamedTuple):
    """Where on the Fourier transform's periodic grid y is, and what is known there."""

    gain: float  # that y is multiplied by
    size: tuple[int, ...]  # of the transform
    measured: NDArray[np.float32]  # y times gain where it is seen, and zero elsewhere
    bound: NDArray[np.bool_] | None  # where y is one
    seen: NDArray[np.float32]  # one where y is
    slope_seen: NDArray[np.float32]  # one where y has slopes
    slope_of: NDArray[np.float32]  # one where the canvas has slopes
    start: NDArray[np.float32]  # y on the canvas, continued by its edges


def laid_out(y: NDArray, kernel: tuple[int, ...], bound: NDArray[np.bool_] | None = None, room: int = 1) -> Layout:
    """The most telling part of the grey picture y (H, W) for a kernel of this shape; bound: see `corrected`.

    room: side of the largest kernel that is to share the transform's size. Kernels of near-equal size share it anyway,
    as each is compiled anew.
    """
    top, left, *shape = most_telling(y, kernel[0], SCALE)
    y, bound = jax.tree.map(lambda a: a[top : top + shape[0], left : left + shape[1]], (y, bound))
    gain = CONTRAST / y.std()
    y = (gain * y).astype(np.float32)
    room = grid_for(max(room, *kernel)) - 1
    size = fast_size((shape[0] + room, shape[1] + room))
    seen, slope_seen, slope_of = (_corner(size, a, b) for a, b in _extents(shape, kernel))
    measured, bound = jax.tree.map(lambda a: _placed(a, seen), (y, bound))
    around = [(n // 2, s - m - n // 2) for n, s, m in zip(kernel, size, shape, strict=True)]
    return Layout(float(gain), size, measured, bound, seen, slope_seen, slope_of, np.pad(y, around, "edge"))


def _extents(shape: list[int], kernel: tuple[int, ...]) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """First and last but one sample of what y covers, of the slopes of y, of those of the canvas."""
    first = tuple(n - 1 for n in kernel)
    last = tuple(n - 1 + m for n, m in zip(kernel, shape, strict=True))
    less = tuple(n - 1 for n in last)
    return [(first, last), (first, less), ((0, 0), less)]


def _corner(size: tuple[int, ...], first: tuple[int, ...], last: tuple[int, ...]) -> NDArray[np.float32]:
    """One between the two corners, and zero elsewhere."""
    mask = np.zeros(size, np.float32)
    mask[first[0] : last[0], first[1] : last[1]] = 1
    return mask


def _placed(y: NDArray, seen: NDArray[np.float32]) -> NDArray:
    """y (H, W) where it is seen, and zero elsewhere."""
    whole = np.zeros(seen.shape, y.dtype)
    whole[seen > 0] = y.ravel()
    return whole


def padded(k: NDArray, size: tuple[int, ...]) -> NDArray[np.float32]:
    """k in the first corner of a grid of this size."""
    return np.pad(np.asarray(k, np.float32), [(0, s - n) for s, n in zip(size, k.shape, strict=True)])


def gradient(x: Array) -> Array:
    """Forward differences, periodic: (H, W) -> (2, H, W)."""
    return jnp.stack([jnp.roll(x, -1, axis) - x for axis in (0, 1)])


def laplacian(size: tuple[int, ...]) -> NDArray[np.float32]:
    """The power of the differences at the frequencies of a real transform of this size."""
    frequencies = np.fft.fftfreq(size[0]), np.fft.rfftfreq(size[1])
    return np.add.outer(*(4 * np.sin(np.pi * f) ** 2 for f in frequencies)).astype(np.float32)


def against(g: Array) -> Array:
    """The transpose of `gradient`."""
    return jnp.roll(g[0], 1, 0) - g[0] + jnp.roll(g[1], 1, 1) - g[1]


@jax.jit
def _latent(
    measured: Array, seen: Array, bound: Array | None, start: Array, k: Array, weights: Array, tau: Array
) -> Array:
    """The x of (1). All of the Fourier transform's size; bound: see `corrected`; weights: (steps + 1,)."""
    size = k.shape
    blur = jnp.fft.rfft2(k)
    power = jnp.abs(blur) ** 2
    curvature = laplacian(size)

    def parts(spectrum: Array) -> tuple[Array, Array]:
        return jnp.fft.irfft2(spectrum, size), jnp.fft.irfft2(blur * spectrum, size)

    def step(state: tuple[Array, Array, Array], now: tuple[Array, Array]):
        _, fit, slope = state
        weight, later = now
        penalty = weight / tau**2
        z = jnp.where(seen > 0, (brightened(measured, fit, bound) + FIT_PENALTY * fit) / (1 + FIT_PENALTY), fit)
        square = slope[0] ** 2 + slope[1] ** 2  # written out: as a sum over an axis it takes half of a step's time
        edges = _kept(square / tau**2) * slope
        goal = FIT_PENALTY * jnp.conj(blur) * jnp.fft.rfft2(2 * z - fit)
        goal += jnp.fft.rfft2(penalty * against(2 * edges - slope))
        normal = FIT_PENALTY * power + penalty * curvature + 1e-6
        x, made = parts(goal / normal.astype(blur.dtype))
        fit += RELAXATION * (made - z)
        slope = edges + weight / later * (slope + RELAXATION * (gradient(x) - edges) - edges)  # penalty (s - z) stays
        return (x, fit, slope), None

    state = start, parts(jnp.fft.rfft2(start))[1], gradient(start)
    return jax.lax.scan(step, state, (weights[:-1], weights[1:]))[0][0]


def _kept(square: Array) -> Array:
    """The share q of a slope that is left by the proximal map of phi, from its square over tau^2.

    With the penalty weight / tau^2 the map is a contraction towards the solution of q (1 + 2 / (1 + q^2 square)^2) = 1.
    """
    q = jnp.ones_like(square)
    for _ in range(6):
        q = 1 / (1 + 2 / (1 + q * q * square) ** 2)
    return q


@jax.jit
def fitted_kernel(
    x: Array,
    slope_of: Array,
    measured: Array,
    bound: Array | None,
    seen: Array,
    k: Array,
    support: Array,
    whitening: Array,
    prior: Array | float = 0.0,
) -> tuple[Array, Array, Array]:
    """The k of (2), its loss, and the root mean square of |grad x|. All of the Fourier transform's size.

    slope_of: one where x has slopes, seen: where they are seen in y; a bound is as bright as x and k make it;
    whitening: what a frequency counts; prior: what |K|^2 counts at each besides the ridge.
    """
    size = k.shape
    made = jnp.fft.irfft2(jnp.fft.rfft2(x) * jnp.fft.rfft2(k), size)
    slopes, wanted = slope_of * gradient(x), seen * gradient(brightened(measured, made, bound))
    spectra = jnp.fft.rfft2(slopes)
    power = whitening * (jnp.abs(spectra) ** 2).sum(0)
    total = jnp.fft.irfft2(power, size)[0, 0]
    penalty = BOUND_PENALTY * total
    normal = (power + penalty + RIDGE * total + prior).astype(spectra.dtype)

    def blurred(k: Array) -> Array:
        return jnp.fft.irfft2(spectra * jnp.fft.rfft2(k), size)

    def step(state: tuple[Array, Array, Array], _):
        z, e, fit = state
        k = jnp.fft.irfft2((fit + jnp.fft.rfft2(penalty * (z - e))) / normal, size)
        k = RELAXATION * k + (1 - RELAXATION) * z
        z = jnp.maximum(k + e, 0) * support
        return (z, e + k - z, fit), None

    def filled(state: tuple[Array, Array], _):
        z, e = state
        whole = jnp.where(seen > 0, wanted, blurred(z))
        fit = whitening.astype(spectra.dtype) * (jnp.conj(spectra) * jnp.fft.rfft2(whole)).sum(0)
        return jax.lax.scan(step, (z, e, fit), length=STEPS // FILLINGS)[0][:2], None

    k = jax.lax.scan(filled, (k, jnp.zeros_like(k)), length=FILLINGS)[0][0]
    k = k / k.sum()
    loss = (seen * (blurred(k) - wanted) ** 2).sum() / seen.sum()
    return k, loss, jnp.sqrt((slopes**2).sum() / slope_of.sum())
