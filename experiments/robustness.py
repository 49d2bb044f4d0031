"""What noise, JPEG, a wrong kernel size, another seed and made-up borders do to blind deblurring.

    python experiments/robustness.py data_dir=DIR [kinds=noise,jpeg,size,seed,border] [variants=*] [key=value ...]

DIR is laid out like that of levin.py. Noise and JPEG are added to the blurry pictures; sizes are told as a multiple of
the side of the kernel's file; `border` blurs the sharp pictures anew, the middle of each with what really lies around
it, and the whole of each with a border that is replicated, mirrored, periodic or black. variants=... takes globs of
what is in the tables, such as "variants=noise 0.03,size*".
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from statistics import mean, stdev
from zlib import crc32

import numpy as np
from options import matched, run_script
from pairs import Pair, Pictures, find_pairs
from runner import Case, Options, Record, run_cases
from tables import Value, row, summary, write_tables

from inr_deblur.config import DeblurConfig, KernelConfig, one_of
from inr_deblur.simulate import blur, seen

NOISE = (0.01, 0.02, 0.03, 0.05)  # standard deviations
PHOTONS = (2000, 500)  # of white, for Poisson noise
QUALITIES = (95, 80, 60)
SIZES = (0.8, 1.0, 1.5, 2.0, 2.5)
SEEDS = range(5)
BORDERS = {"replicated": "edge", "mirrored": "symmetric", "periodic": "wrap", "black": "constant"}  # of numpy.pad
BORDER_NOISE = 0.005
KINDS = ("noise", "jpeg", "size", "seed", "border")


@dataclass(frozen=True)
class RobustnessOptions(Options):
    """What the command line may say."""

    out: str = "outputs/robustness"  # folder of the tables
    kinds: str = ",".join(KINDS)  # what is varied, with commas between
    variants: str = "*"  # which of them: globs of their names, with commas between them


def main(options: RobustnessOptions) -> int:
    """Run, write the tables, say the summary; 1 if a fit raised."""
    kinds = options.kinds.split(",")
    for kind in kinds:
        one_of("kinds", kind, KINDS)
    pairs = find_pairs(options.data_dir, options.subset)
    every = [case for pair in pairs for kind in ("plain", *kinds) for case in variants(kind, pair, options.fit)]
    chosen = matched("variants", options.variants, (case.variant for case in every))
    cases = [case for case in every if case.variant in chosen]
    records, failed = run_cases(cases, replace(options, nonblind=False))
    rows = [row(record, variant=record.variant) for record in records]
    if rows:
        order = dict.fromkeys(case.variant for case in cases)
        groups = {name: [r for r in rows if r["variant"] == name] for name in order}
        sections = {
            "Per variant": [summary(group, variant=name) for name, group in groups.items() if group],
            "Spread over seeds": spread(records),
            "Per image": rows,
        }
        write_tables(options.out, "robustness", rows, sections)
    return int(failed > 0)


def variants(kind: str, pair: Pair, config: DeblurConfig) -> Iterator[Case]:
    """The cases of one kind for one pair."""
    if kind == "plain":
        yield Case(pair, config, "plain")
    elif kind == "noise":
        for sigma in NOISE:
            yield Case(pair, config, f"noise {sigma}", alter=partial(add_noise, sigma, crc32(pair.name.encode())))
        for photons in PHOTONS:
            yield Case(pair, config, f"photons {photons}", alter=partial(count, photons, crc32(pair.name.encode())))
    elif kind == "jpeg":
        for quality in QUALITIES:
            yield Case(pair, config, f"jpeg {quality}", alter=partial(as_jpeg, quality))
    elif kind == "size":
        for factor in SIZES:
            size = KernelConfig(size=max(3, round(factor * pair.side)))
            yield Case(pair, replace(config, kernel=size), f"size x {factor}")
    elif kind == "seed":
        for seed in SEEDS:
            yield Case(pair, replace(config, seed=seed), f"seed {seed}")
    elif kind == "border":
        yield Case(pair, config, "border true", alter=cut)
        for name, mode in BORDERS.items():
            yield Case(pair, config, f"border {name}", alter=partial(make_up, mode))


def add_noise(sigma: float, seed: int, pictures: Pictures) -> Pictures:
    """Gaussian noise on the blurry picture, then 8 bit."""
    noise = np.random.default_rng(seed).normal(0, sigma, pictures.blurry.shape)
    return pictures._replace(blurry=eight_bit(pictures.blurry + noise))


def count(photons: int, seed: int, pictures: Pictures) -> Pictures:
    """Poisson noise on the blurry picture, white being so many photons, then 8 bit."""
    counts = np.random.default_rng(seed).poisson(photons * pictures.blurry.astype(np.float64))
    return pictures._replace(blurry=eight_bit(counts / photons))


def as_jpeg(quality: int, pictures: Pictures) -> Pictures:
    """The blurry picture written as JPEG and read again."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(np.rint(255 * pictures.blurry).astype(np.uint8)).save(file, "jpeg", quality=quality)
    return pictures._replace(blurry=np.asarray(Image.open(file)).astype(np.float32) / 255)


def cut(pictures: Pictures) -> Pictures:
    """The middle of the sharp picture, blurred with what really lies around it."""
    sharp, kernel = pictures.sharp, pictures.kernel
    return Pictures(eight_bit(blur(sharp, kernel, BORDER_NOISE)), seen(sharp, kernel), kernel)


def make_up(mode: str, pictures: Pictures) -> Pictures:
    """The whole sharp picture, blurred with a made-up border."""
    sharp, kernel = pictures.sharp, pictures.kernel
    around = [((n - 1) // 2, n // 2) for n in kernel.shape] + [(0, 0)] * (sharp.ndim - 2)
    padded = np.pad(sharp, around, mode=mode)  # type: ignore[call-overload]
    return Pictures(eight_bit(blur(padded, kernel, BORDER_NOISE)), sharp, kernel)


def eight_bit(picture: np.ndarray) -> np.ndarray:
    """Clipped and rounded as a PNG would keep it: float32 in [0, 1]."""
    return (np.rint(255 * np.clip(picture, 0, 1)) / 255).astype(np.float32)


def spread(records: list[Record]) -> list[dict[str, Value]]:
    """How much the seed alone changes a pair's PSNR: the mean and the largest standard deviation over the pairs."""
    names = dict.fromkeys(record.name for record in records)
    seeds = [[r.psnr for r in records if r.name == name and r.variant.startswith("seed ")] for name in names]
    deviations = [stdev(psnr) for psnr in seeds if len(psnr) > 1]
    if not deviations:
        return []
    return [{"pairs": len(deviations), "mean deviation": mean(deviations), "largest deviation": max(deviations)}]


if __name__ == "__main__":
    run_script(main, RobustnessOptions, __doc__)
