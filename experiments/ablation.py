"""What each part of blind deblurring is worth: the defaults beside variants in which a setting or two differ.

All scales at once is a control whose kernel comes from elsewhere (`at_once`); the search beside it has a start at each
of two scales, the better of which counts. A pyramid has no more scales than leave 24 samples of the shorter side: four
at 255 pixels.

    python experiments/ablation.py data_dir=DIR [subset=*] [variants=*] [kernel.size=31] [workers=2] [key=value ...]

DIR is laid out like that of levin.py. Every pair is also restored with its true kernel by the defaults: a variant has
lost a pair where it stays 3 dB below that. The deep SIREN costs so much more a sample than its harmonic form that it is
compared on the middle of each picture. variants=... takes globs of the variants' names.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from statistics import mean

import numpy as np
from at_once import kernel_at_once
from options import matched, run_script
from pairs import Pictures, find_pairs
from runner import Case, Options, run_cases, true_kernel
from tables import Row, Value, row, summary, write_tables

from inr_deblur.config import DeblurConfig

SIDE = 96  # pixels of the middle that the deep SIREN restores
SHOWN = ("variant", "settings", "pairs", "psnr", "change", "ssim", "worst psnr", "similarity", "lost", "seconds")


@dataclass(frozen=True)
class Variant:
    """What is changed against the defaults."""

    settings: Mapping[str, int | float | str] = field(default_factory=dict)  # dotted names as on the command line
    side: int = 0  # of the middle that is cut out of each picture, 0: the whole picture
    beside: str = "defaults"  # the variant that it is compared with
    given: Callable[[Pictures, DeblurConfig], np.ndarray] | None = None  # what makes the kernel, None: the search


CROSS = {"loss.cross_scale": 0.01}
ALONE = {"schedule.starts": 1, "loss.alternation": False}
VARIANTS = {
    "defaults": Variant(),
    "cross-scale 0.001": Variant({"loss.cross_scale": 0.001}),
    "cross-scale 0.01": Variant(CROSS),
    "cross-scale 0.1": Variant({"loss.cross_scale": 0.1}),
    "cross-scale 0.01 exact": Variant({**CROSS, "loss.cross_scale_form": "exact"}, beside="cross-scale 0.01"),
    "cross-scale 0.01 unmirrored": Variant({**CROSS, "loss.cross_scale_form": "unmirrored"}, beside="cross-scale 0.01"),
    "1 scale": Variant({"schedule.scales": 1}),
    "2 scales": Variant({"schedule.scales": 2}),
    "3 scales": Variant({"schedule.scales": 3}),
    "4 scales": Variant({"schedule.scales": 4}),
    "5 scales": Variant({"schedule.scales": 5}),
    "6 scales": Variant({"schedule.scales": 6}),
    "one start": Variant({"schedule.starts": 1}),
    "one start without alternation": Variant(ALONE),
    "all scales at once": Variant(ALONE, beside="one start without alternation", given=kernel_at_once),
    "no image prior": Variant({"loss.prior": 1e-6}),  # the weights go down geometrically, which 0 can't
    "no variational stages": Variant({"loss.variational": False}),
    "no edge counting": Variant({"loss.edges": False}),
    "no alternation": Variant({"loss.alternation": False}),
    "no patches": Variant({"loss.patches": False}),
    "kernel as a free grid": Variant({"generator.kernel": "grid"}),
    "image as pixels": Variant({"generator.image": "pixels"}, beside="no patches"),
    "middle": Variant({"loss.patches": False}, SIDE),
    "middle as a deep SIREN": Variant({"generator.image": "siren"}, SIDE, "middle"),
}


@dataclass(frozen=True)
class AblationOptions(Options):
    """What the command line may say."""

    out: str = "outputs/ablation"  # folder of the tables
    variants: str = "*"  # which variants: globs of their names, with commas between them


def main(options: AblationOptions) -> int:
    """Run, write the tables, say what each part is worth; 1 if a fit raised."""
    pairs, chosen = find_pairs(options.data_dir, options.subset), matched("variants", options.variants, VARIANTS)
    fits = {name: changed(options.fit, VARIANTS[name].settings) for name in chosen}
    sides = dict.fromkeys(VARIANTS[name].side for name in chosen)
    known = [Case(pair, options.fit, known_name(n), true_kernel, cut(n)) for pair in pairs for n in sides]
    blind = [
        Case(pair, fits[name], name, VARIANTS[name].given, cut(VARIANTS[name].side))
        for pair in pairs
        for name in chosen
    ]
    records, failed = run_cases(known + blind, replace(options, nonblind=False))
    best = {(record.name, record.variant): record for record in records}
    rows = [
        row(record, best.get((record.name, known_name(VARIANTS[record.variant].side))), variant=record.variant)
        for record in records
        if record.variant in VARIANTS
    ]
    if rows:
        lines = [line for name in chosen if (line := worth(name, rows))]
        write_tables(options.out, "ablation", rows, {"What each part is worth": lines, "Per pair": per_pair(rows)})
    return int(failed > 0)


def changed(config: DeblurConfig, settings: Mapping[str, Value]) -> DeblurConfig:
    """The config with these fields replaced."""
    for key, value in settings.items():
        group, _, name = key.partition(".")
        config = replace(config, **{group: replace(getattr(config, group), **{name: value})})
    return config


def known_name(side: int) -> str:
    """The name under which the restorations with the true kernels are kept."""
    return f"known kernel, middle {side}" if side else "known kernel"


def cut(side: int) -> partial | None:
    """What makes the middle out of a pair's pictures."""
    return partial(middle, side) if side else None


def middle(side: int, pictures: Pictures) -> Pictures:
    """The middle square of both pictures, all of them where they are smaller."""
    top, left = (max(0, (n - side) // 2) for n in pictures.blurry.shape[:2])
    blurry, sharp = (picture[top : top + side, left : left + side] for picture in pictures[:2])
    return Pictures(blurry, sharp, pictures.kernel)


def worth(name: str, rows: list[dict[str, Value]]) -> Row:
    """A variant's line; change: mean of its PSNR less that of the variant it is compared with, on the same pairs."""
    variant = VARIANTS[name]
    own = {r["name"]: r for r in rows if r["variant"] == name}
    base = {r["name"]: r for r in rows if r["variant"] == variant.beside}
    if not own:
        return {}
    both = [float(own[pair]["psnr"] or 0) - float(base[pair]["psnr"] or 0) for pair in own if pair in base]
    settings = " ".join(f"{key}={value}" for key, value in variant.settings.items())
    if variant.side:
        settings = f"{settings} ({variant.side} x {variant.side})".strip()
    line = summary(list(own.values()), variant=name, settings=settings, change=mean(both) if both else None)
    return {column: line.get(column) for column in SHOWN}


def per_pair(rows: list[dict[str, Value]]) -> list[Row]:
    """The PSNR of every variant, a line a pair."""
    names = dict.fromkeys(str(r["name"]) for r in rows)
    return [{"name": name, **{f"{r['variant']}": r["psnr"] for r in rows if r["name"] == name}} for name in names]


if __name__ == "__main__":
    run_script(main, AblationOptions, __doc__)
