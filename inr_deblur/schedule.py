"""The plan of a blind fit as data: which scales, how many steps, which weights and learning rates.

Coarse to fine over a dyadic pyramid: (i) the coarsest scale on its own, (ii) ever finer scales down to the pixels,
where the cross-scale loss may join in, (iii) the finest scale with a prior that counts edges. The number of scales
follows from the kernel: at the coarsest one it should be a few samples wide.
"""

from dataclasses import dataclass

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
    smoothing: float = 0.0  # of the picture, in samples, see `blur.smoothed`
    cross_scale: float = 0.0  # weight of the cross-scale loss to the scale twice as coarse


Plan = tuple[tuple[Stage, ...], ...]  # of a start: for each scale that it goes through the stages in turn


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


SHARES = (1.0, 0.6, 0.36)  # of the largest kernel that a scale is for, of the starts of the first way
BETWEEN = SHARES[1] ** (1 / 3)  # of these, of the starts of each further way: nine sizes find more than three
STARTS = 9  # at the coarsest scale
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
            largest[scale] = min(size, LARGEST * scale), len(ways(scale, coarsest=False)) * len(SHARES)
        elif config.kernel.size == "auto":
            largest[scale] = SMALL, len(SHARES)
    return {
        scale: tuple(side * SHARES[i % len(SHARES)] * BETWEEN ** (i // len(SHARES)) for i in range(min(n, wanted)))
        for scale, (side, n) in largest.items()
    }


@dataclass(frozen=True)
class Way:
    """How a start goes on from scale to scale."""

    first: float  # weight of the variational prior where it begins
    share: (
        float  # of that at each finer scale: a high one mends a kernel that is wrong, a low one keeps one that is right
    )
    smooth: bool  # whether its coarse scales see a picture without aliases, the first time smoother than the second


WAYS = Way(0.1, 0.2, False), Way(0.1, 0.02, False), Way(0.04, 0.1, True)  # of the first starts, three each
SMOOTH = {1: (0.35, 0.0), 2: (0.7, 0.0)}  # how much, in samples, in the two stages of a scale
SMOOTH_AND_COARSE = 0.9, 0.64
JUDGING_STEPS = {1: 50, 2: 50}  # by scale, at others 100; a restoration has less left to do there
QUIET = 0.004  # noise, where the contrast is 0.2, from which on no start takes the second way: it fits noise


def ways(scale: int, coarsest: bool) -> tuple[Way, ...]:
    """Those of the starts that enter at a scale, as many of each; coarsest: whether it is the first scale of all.

    The smooth ones find more kernels; from scale 2 on all see the same picture.
    """
    plain, _, smooth = WAYS
    return WAYS if coarsest else {4: (smooth,), 2: (plain,)}.get(scale, (plain, smooth))


def way(start: int, noise: float, scale: int, coarsest: bool) -> Way:
    """That of a start, of those that enter at this scale. noise: as in `plan`; coarsest: as in `ways`."""
    choice = ways(scale, coarsest)
    found = choice[start // len(SHARES) % len(choice)]
    return WAYS[0] if found == WAYS[1] and noise >= QUIET else found


def smoothings(scale: int, smooth: bool) -> Span:
    """How much the picture is smoothed in the two stages of a scale, in samples."""
    return SMOOTH.get(scale, SMOOTH_AND_COARSE) if smooth else (0.0, 0.0)


def least_weight(noise: float) -> float:
    """Weight at which the variational prior ends. noise: standard deviation, where the contrast is 0.2."""
    return max(3 * noise**2, 1e-4)


def plan(config: DeblurConfig, noise: float, pyramid: tuple[int, ...], first: int = 0, way: Way = WAYS[0]) -> Plan:
    """The stages of a start that enters at pyramid[first], two for each scale, and that of the edges.

    noise: standard deviation at the finest scale, which sets where the priors end.
    """
    last = least_weight(noise)

    def steps(n: int) -> int:
        return max(2, round(n * config.schedule.steps))

    def weight(span: Span) -> Span:
        return span[0] * config.loss.prior, span[1] * config.loss.prior

    end = max(1e-7, 0.1 * noise**2)
    counting = "edges", weight((max(3e-4, end), end))

    def two_of(i: int) -> tuple[Stage, Stage]:
        """The stages of a scale, the second of which goes on where the first one ends."""
        begin = max(way.first * way.share ** (i - first), last)
        middle = (begin * last) ** 0.5
        priors = [("variational", weight(span)) for span in ((begin, middle), (middle, last))]
        rate = 3e-3 if i == first else 1e-3
        rates = ((1e-3, 5e-4), (rate, rate / 2)), ((5e-4, 1e-4), (rate / 2, rate / 10))
        one, two = (
            Stage(
                f"scale {pyramid[i]}",
                pyramid[i],
                steps(250 if i == 0 else 150),
                *(prior if config.loss.variational else counting),
                *now,
                smoothing,
                config.loss.cross_scale if i > 0 else 0.0,
            )
            for prior, now, smoothing in zip(priors, rates, smoothings(pyramid[i], way.smooth), strict=True)
        )
        return one, two

    final = counting if config.loss.edges else ("variational", weight((last, last)))
    edges = Stage("edges", 1, steps(800), *final, (1e-3, 1e-3), (1e-3, 1e-4))
    return *(two_of(i) for i in range(first, len(pyramid))), (edges,)


def judging(config: DeblurConfig, scale: int, noise: float = 0.0, smooth: bool = False) -> Stage:
    """A fit of the image alone to a kernel that is held fixed; its last loss tells how good the kernel is.

    noise: standard deviation at this scale; smooth: as in `Way`.
    """
    steps = max(2, round(JUDGING_STEPS.get(scale, 100) * config.schedule.steps))
    last = least_weight(noise)
    smoothing = smoothings(scale, smooth)[-1]
    return Stage("judging", scale, steps, "variational", (max(1e-3, last), last), (3e-3, 1e-4), (0.0, 0.0), smoothing)


def work(stage: Stage, shape: tuple[int, ...]) -> float:
    """Cost of a stage for one start in sample updates, the unit of progress."""
    return stage.steps * (shape[0] // stage.scale) * (shape[1] // stage.scale)


def judging_work(config: DeblurConfig, scale: int, shape: tuple[int, ...]) -> float:
    """Cost of judging one kernel."""
    return work(judging(config, scale), shape)
