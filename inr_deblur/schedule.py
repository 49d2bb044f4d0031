"""The plan of a blind fit as data: which scales, how many steps, which weights and learning rates.

Coarse to fine over a dyadic pyramid: (i) the coarsest scale on its own, (ii) ever finer scales down to the pixels,
where the cross-scale loss may join in, (iii) the finest scale with a prior that counts edges. The number of scales
follows from the kernel: at the coarsest one it should be a few samples wide.
"""

from dataclasses import dataclass
from itertools import cycle, islice

import numpy as np

from inr_deblur.config import DeblurConfig

COARSEST_KERNEL = 11  # samples along the kernel's side that the coarsest scale should not exceed
COARSEST_PICTURE = 24  # samples along the picture's shorter side that the coarsest scale must keep

Span = tuple[float, float]


@dataclass(frozen=True)
class Stage:
    """One run of the optimiser. Every span goes from its first to its second value while the stage lasts."""

    name: str
    scale: int  # spacing of the samples, in pixels
    steps: int
    objective: str  # variational or edges, see `objectives`
    prior: Span  # weight lam of the prior, geometric
    image_rate: Span  # learning rate of the image generator, cosine
    kernel_rate: Span  # learning rate of the kernel generator, cosine
    cross_scale: float = 0.0  # weight of the cross-scale loss to the scale twice as coarse


@dataclass(frozen=True)
class Curves:
    """The spans of a stage, a value for each step: (steps,) float32."""

    prior: np.ndarray
    image_rate: np.ndarray
    kernel_rate: np.ndarray


def curves(stage: Stage) -> Curves:
    t = np.linspace(0, 1, stage.steps)

    def cosine(span: Span) -> np.ndarray:
        return (span[1] + (span[0] - span[1]) * 0.5 * (1 + np.cos(np.pi * t))).astype(np.float32)

    first, last = stage.prior
    return Curves((first * (last / first) ** t).astype(np.float32), cosine(stage.image_rate), cosine(stage.kernel_rate))


def scales(size: int, shape: tuple[int, int], wanted: int = 0) -> tuple[int, ...]:
    """The pyramid for a kernel bound, coarsest first: (4, 2, 1) for 31 px. wanted: this many scales instead."""
    coarsest = 1
    while size / coarsest > COARSEST_KERNEL and min(shape) / (2 * coarsest) >= COARSEST_PICTURE:
        coarsest *= 2
    if wanted:
        coarsest = min(2 ** (wanted - 1), 2 ** int(np.log2(max(1, min(shape) / COARSEST_PICTURE))))
    return tuple(coarsest >> i for i in range(coarsest.bit_length()))


SHARES = (1.0, 0.6, 0.36)  # of the largest kernel that a scale is for
STARTS = 6  # at the coarsest scale; two of each size differ in how they go on, and in their random numbers
LARGEST = 19  # samples along the side of the largest kernel that a scale after the first begins with
SMALL = 15  # pixels of kernels that are looked for anew at scale 2, where the size is not told


def starts(config: DeblurConfig, size: int, pyramid: tuple[int, ...]) -> dict[int, tuple[float, ...]]:
    """The sizes in pixels that a search for a kernel of at most `size` starts from, by the scale they enter it at.

    No single choice is safe. In a window that is too wide a kernel can take the shape of something in the picture, in
    one that is too narrow it does not fit; some pictures say more at a coarse scale, small print only at a finer one.
    """
    wanted = config.schedule.starts or STARTS
    largest: dict[int, tuple[float, int]] = {pyramid[0]: (size, wanted)}
    for scale in pyramid[1:-1]:
        if scale == pyramid[1] or scale > 2:
            largest[scale] = min(size, LARGEST * scale), len(SHARES)
        elif config.kernel.size == "auto":
            largest[scale] = SMALL, len(SHARES)
    return {
        scale: tuple(side * share for share in islice(cycle(SHARES), min(n, wanted)))
        for scale, (side, n) in largest.items()
    }


FIRST = 0.1  # weight of the variational prior where a start begins
FALLS = 0.2, 0.02  # its share at each finer scale, of two starts of one size: a high one mends a kernel, or loses it
QUIET = 0.004  # noise, where the contrast is 0.2, from which on all starts take the high one: a low one fits noise


def fall(start: int, noise: float) -> float:
    """Which of the falls is that of a start, of those that enter at one scale. noise: as in `plan`."""
    return FALLS[start // len(SHARES) % len(FALLS) if noise < QUIET else 0]


def least_weight(noise: float) -> float:
    """Weight at which the variational prior ends. noise: standard deviation, where the contrast is 0.2."""
    return max(3 * noise**2, 1e-4)


def plan(
    config: DeblurConfig, noise: float, pyramid: tuple[int, ...], first: int = 0, share: float = FALLS[0]
) -> tuple[Stage, ...]:
    """The stages of a start that enters at pyramid[first].

    noise: standard deviation at the finest scale, which sets where the priors end. share: of the weight at which a
    scale begins that the next one begins with.
    """
    last = least_weight(noise)

    def steps(n: int) -> int:
        return max(2, round(n * config.schedule.steps))

    def weight(span: Span) -> Span:
        return span[0] * config.loss.prior, span[1] * config.loss.prior

    end = max(1e-7, 0.1 * noise**2)
    counting = "edges", weight((max(3e-4, end), end))

    def coupled(first: float) -> tuple[str, Span]:
        return "variational", weight((max(first, last), last))

    stages = [
        Stage(
            f"scale {scale}",
            scale,
            steps(500 if i == 0 else 300),
            *(coupled(FIRST * share ** (i - first)) if config.loss.variational else counting),
            (1e-3, 1e-4),
            (3e-3, 3e-4) if i == first else (1e-3, 1e-4),
            config.loss.cross_scale if i > 0 else 0.0,
        )
        for i, scale in list(enumerate(pyramid))[first:]
    ]
    stages += [
        Stage("edges", 1, steps(800), *(counting if config.loss.edges else coupled(last)), (1e-3, 1e-3), (1e-3, 1e-4))
    ]
    return tuple(stages)


def judging(config: DeblurConfig, scale: int, noise: float = 0.0) -> tuple[Stage, Stage]:
    """Two fits of the image alone to a kernel that is held fixed; their last losses tell how good the kernel is.

    noise: standard deviation at this scale.
    """
    steps = max(2, round(100 * config.schedule.steps))
    rates = (3e-3, 1e-4), (0.0, 0.0)
    last, end = least_weight(noise), max(1e-4, 0.1 * noise**2)
    return (
        Stage("judging", scale, steps, "variational", (max(1e-3, last), last), *rates),
        Stage("judging", scale, steps, "edges", (max(1e-3, end), end), *rates),
    )
