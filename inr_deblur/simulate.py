"""Blurry pictures whose truth is known: simulated camera shake and other kernels, and the blur itself.

Kernels are (size, size) float32 arrays, non-negative with sum 1, whose entries reach all that side in one direction at
least; they are to be convolved with (`blur` flips them, as a true convolution does). A path is (n, 2) positions (down,
right) at equal times. Everything random follows from the seed. Needs numpy and scipy alone.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import signal

from inr_deblur.errors import InputError

Kernel = NDArray[np.float32]
Path = NDArray[np.float64]

SHAKE_MODELS = ("impulsive", "smooth")


def random_shake_kernel(size: int, seed: int, model: str = "impulsive") -> Kernel:
    """The kernel of a shaken camera, `size` pixels wide or high, by the model of `impulsive_path` or `smooth_path`."""
    if model not in SHAKE_MODELS:
        raise InputError(f"There is no shake model called {model}: choose one of {', '.join(SHAKE_MODELS)}.")
    draw = np.random.default_rng(seed)
    return kernel_of_path(impulsive_path(draw) if model == "impulsive" else smooth_path(draw), size)


def impulsive_path(draw: np.random.Generator, steps: int = 2000) -> Path:
    """A particle of constant speed, pushed about at random, drawn back to where it began, and jerked now and then.

    Boracchi and Foi, Modeling the performance of image restoration from motion blur (IEEE TIP 2012), section VI:
    dv = jerk + anxiety (g - c x), where the jerk, of about -2 v, comes with a probability proportional to the anxiety.
    """
    anxiety = 10 ** draw.uniform(-3, -2)
    pull, push, jerks = 0.7 * draw.random(), 10 * draw.random(), 0.2 * draw.random()
    angle = draw.uniform(0, 2 * np.pi)
    place, velocity = 0j, np.exp(1j * angle) / steps
    path = [place]
    for _ in range(steps - 1):
        noise = complex(draw.normal(), draw.normal())
        change = anxiety * (push * noise - pull * 60 * place) / steps
        if draw.random() < jerks * anxiety:
            change += 2 * velocity * np.exp(1j * (np.pi + draw.uniform(-0.5, 0.5)))
        velocity += change
        velocity /= abs(velocity) * steps
        place += velocity
        path.append(place)
    return np.array([(place.imag, place.real) for place in path])


def smooth_path(draw: np.random.Generator, steps: int = 1000) -> Path:
    """Two independent Gaussian processes of time, down and right, so that the hand rests here and rushes there.

    Schuler, Hirsch, Harmeling, Schoelkopf, Learning to deblur (IEEE TPAMI 2016), section 4: Matern covariance of order
    3/2, (1 + sqrt(3) |t| / l) exp(-sqrt(3) |t| / l), l = 0.3 of the exposure. Drawn by its circulant embedding.
    """
    lag = np.minimum(np.arange(8 * steps), 8 * steps - np.arange(8 * steps)) / (0.3 * steps / np.sqrt(3))
    power = np.maximum(np.real(np.fft.fft((1 + lag) * np.exp(-lag))), 0)
    noise = draw.normal(size=(2, lag.size)) + 1j * draw.normal(size=(2, lag.size))
    return np.real(np.fft.fft(np.sqrt(power / lag.size) * noise))[:, :steps].T


def kernel_of_path(path: Path, size: int) -> Kernel:
    """The path's time in every pixel, bilinear, after it was moved and scaled to just fill the kernel's side."""
    if size < 1:
        raise InputError(f"A kernel of {size} px cannot be made: give at least 1.")
    low, high = path.min(0), path.max(0)
    places = (path - (low + high) / 2) * (size - 1) / max((high - low).max(), 1e-12) + (size - 1) / 2
    kernel = np.zeros((size + 1, size + 1))
    first = np.floor(places).astype(int)
    part = places - first
    for down in (0, 1):
        for right in (0, 1):
            weight = np.abs(1 - down - part[:, 0]) * np.abs(1 - right - part[:, 1])
            np.add.at(kernel, (first[:, 0] + down, first[:, 1] + right), weight)
    return normalised(kernel[:size, :size])


def line_kernel(size: int, angle: float) -> Kernel:
    """Motion along a straight line at constant speed; angle in degrees from the rows, anticlockwise."""
    time = np.linspace(-1, 1, 200 * size)
    direction = np.array([-np.sin(np.radians(angle)), np.cos(np.radians(angle))])
    return kernel_of_path(time[:, None] * direction, size)


def disk_kernel(size: int) -> Kernel:
    """A lens out of focus: a disk of diameter `size`, each pixel by the share of it that is covered."""
    fine = 16
    place = (np.arange(size * fine) + 0.5) / fine - size / 2
    inside = np.hypot(place[:, None], place) <= size / 2
    return normalised(inside.reshape(size, fine, size, fine).mean((1, 3)))


def gaussian_kernel(size: int) -> Kernel:
    """A Gaussian cut at three standard deviations, size / 6 pixels each."""
    place = (np.arange(size) - (size - 1) / 2) / (size / 6)
    bell = np.exp(-(place**2) / 2)
    return normalised(np.outer(bell, bell))


def normalised(kernel: ArrayLike) -> Kernel:
    """The kernel as float32 with sum 1."""
    kernel = np.asarray(kernel, np.float64)
    return (kernel / kernel.sum()).astype(np.float32)


def blur(sharp: ArrayLike, kernel: ArrayLike, noise: float = 0.0, seed: int = 0) -> NDArray[np.float32]:
    """What a camera sees: y = clip(k (*) x + n), valid part only, so that no border is made up.

    sharp: (H + K - 1, W + L - 1) or (..., 3) in [0, 1]; kernel: (K, L); noise: standard deviation, Gaussian.
    Returns (H, W) or (H, W, 3) in [0, 1]; `seen` cuts the sharp picture to the same frame.
    """
    x, k = np.asarray(sharp, np.float64), np.asarray(kernel, np.float64)
    if any(n < m for n, m in zip(x.shape, k.shape, strict=False)):
        raise InputError(f"A picture of {x.shape[:2]} is too small for a kernel of {k.shape}.")
    y = signal.fftconvolve(x, k.reshape(k.shape + (1,) * (x.ndim - 2)), mode="valid", axes=(0, 1))
    y += np.random.default_rng(seed).normal(0, noise, y.shape)
    return np.clip(y, 0, 1).astype(np.float32)


def seen(sharp: NDArray, kernel: NDArray) -> NDArray:
    """The part of the sharp picture on the blurry one's frame: a kernel's middle entry moves nothing."""
    down, right = ((n - 1) // 2 for n in kernel.shape)
    height, width = (n - m + 1 for n, m in zip(sharp.shape, kernel.shape, strict=False))
    return sharp[down : down + height, right : right + width]
