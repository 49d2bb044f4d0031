"""Mild blur, as of a lens slightly out of focus, and no blur at all: who mends it, who harms, on free photographs.

    python experiments/mild_blur.py out=outputs/mild_blur [pictures=5] [sigmas=0,1,1.5,2,3] [engine=true]

Grey crops blurred by a Gaussian of standard deviation 1 to 3 px, with noise, in 8 bit; and the same unblurred, where a
method should leave the picture alone. Against doing nothing: an unsharp mask and Richardson-Lucy with the true kernel
(both of scikit-image), Polyblur, and the blind engine. The gain is in aligned PSNR over doing nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from time import perf_counter

import numpy as np
from free_pictures import PHOTOGRAPHS, photograph
from options import run_script
from scipy.ndimage import gaussian_filter
from tables import Row, write_tables

from inr_deblur.baselines import richardson_lucy
from inr_deblur.config import DeblurConfig
from inr_deblur.errors import InputError
from inr_deblur.files import writable_folder
from inr_deblur.methods import restore_by
from inr_deblur.metrics import aligned_scores
from inr_deblur.polyblur import Bell

MARGIN = 12  # pixels around, so that the border is what really lies there
Restored = tuple[np.ndarray, str]


@dataclass(frozen=True)
class Options:
    """What the command line may say."""

    out: str = "outputs/mild_blur"  # folder of the tables
    pictures: int = 5  # photographs, at most 8
    sigmas: str = "0,1,1.5,2,3"  # standard deviations in pixels, with commas between them; 0: no blur
    side: int = 256  # of the pictures, pixels
    noise: float = 0.004  # standard deviation
    engine: bool = True  # also the blind engine, which takes most of the time


def methods(sigma: float, engine: bool) -> dict[str, Callable[[np.ndarray], Restored]]:
    """What is compared, by name: picture in, picture and outcome out."""

    def nothing(y: np.ndarray) -> Restored:
        return y, ""

    def unsharp(y: np.ndarray) -> Restored:
        from skimage.filters import unsharp_mask

        return np.clip(unsharp_mask(y.astype(np.float64), radius=max(1.0, sigma)), 0, 1), ""

    def known(y: np.ndarray) -> Restored:
        return (richardson_lucy(y, Bell(sigma, sigma, 0.0).kernel()) if sigma else y), ""

    def by(method: str) -> Callable[[np.ndarray], Restored]:
        def restored(y: np.ndarray) -> Restored:
            result = restore_by(method, y, DeblurConfig())
            return result.image, result.outcome.name

        return restored

    found = {"nothing": nothing, "unsharp mask": unsharp, "RL, true kernel": known, "polyblur": by("polyblur")}
    return found | ({"engine": by("networks")} if engine else {})


def blurred(sharp: np.ndarray, sigma: float, noise: float) -> np.ndarray:
    """The picture as a file of 8 bit would hold it, float32."""
    y = gaussian_filter(sharp, sigma) if sigma else sharp
    y = y + np.random.default_rng(0).normal(0, noise, y.shape)
    return (np.rint(255 * np.clip(y, 0, 1)) / 255).astype(np.float32)


def inner(picture: np.ndarray) -> np.ndarray:
    """Without the margin."""
    return np.ascontiguousarray(picture[MARGIN:-MARGIN, MARGIN:-MARGIN])


def measure(name: str, sigma: float, options: Options) -> list[Row]:
    """A row for each method on one picture."""
    wide = photograph(name, options.side + 2 * MARGIN) @ np.array([0.299, 0.587, 0.114])
    sharp, y = inner(wide).astype(np.float32), inner(blurred(wide, sigma, options.noise))
    before = aligned_scores(y, sharp).psnr
    rows: list[Row] = []
    for method, restored in methods(sigma, options.engine).items():
        began = perf_counter()
        image, outcome = restored(y)
        seconds = perf_counter() - began
        scores = aligned_scores(image, sharp)
        row = {"picture": name, "sigma": sigma, "method": method, "psnr": scores.psnr, "ssim": scores.ssim}
        rows.append(row | {"gain": scores.psnr - before, "outcome": outcome, "seconds": seconds})
    return rows


def summary(rows: list[Row]) -> list[Row]:
    """A line for each blur, a column for each method: mean gain, and the least of all."""
    lines = []
    for sigma in dict.fromkeys(row["sigma"] for row in rows):
        here = [row for row in rows if row["sigma"] == sigma]
        line: dict = {"sigma": sigma, "pictures": len({row["picture"] for row in here})}
        line["nothing psnr"] = mean(float(r["psnr"] or 0) for r in here if r["method"] == "nothing")
        for method in dict.fromkeys(row["method"] for row in here if row["method"] != "nothing"):
            gains = [float(row["gain"] or 0) for row in here if row["method"] == method]
            line |= {f"{method} gain": mean(gains), f"{method} least": min(gains)}
        lines.append(line)
    return lines


def outcomes(rows: list[Row]) -> list[Row]:
    """How often each method that judges said what."""
    keys = {(r["method"], r["sigma"], r["outcome"]): 0 for r in rows if r["outcome"]}
    for r in rows:
        if r["outcome"]:
            keys[r["method"], r["sigma"], r["outcome"]] += 1
    return [{"method": m, "sigma": s, "outcome": o, "pictures": count} for (m, s, o), count in sorted(keys.items())]  # type: ignore[type-var]


def main(options: Options) -> int:
    """Measure, and write the tables."""
    try:
        sigmas = [float(text) for text in options.sigmas.split(",")]
    except ValueError as error:
        raise InputError(f"sigmas={options.sigmas}: give numbers with commas between them.") from error
    writable_folder(Path(options.out))
    rows: list[Row] = []
    for name in PHOTOGRAPHS[: options.pictures]:
        for sigma in sigmas:
            rows += measure(name, sigma, options)
            last = rows[-1]
            print(f"{name} {sigma}: {last['method']} {last['gain']:+.2f} dB {last['outcome']}", flush=True)
    write_tables(options.out, "mild_blur", rows, {"Gain over doing nothing": summary(rows), "Outcomes": outcomes(rows)})
    return 0


if __name__ == "__main__":
    run_script(main, Options, __doc__)
