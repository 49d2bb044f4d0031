"""In which light a picture is best deblurred, when the blur happened in linear light, and when it was simulated on
stored values as in the usual benchmarks.

    python experiments/light.py out=outputs/light [pictures=6] [side=256] [blind=true]

Free colour photographs are taken for sRGB. Each is blurred by a simulated shake, in linear light or as stored, with
noise where the sensor has it, stored in 8 bit; and restored in either light, with the true kernel and blindly. The
difference between the two columns of a line is what the wrong choice costs.
"""

from dataclasses import dataclass
from itertools import product
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
from free_pictures import PHOTOGRAPHS, photograph
from options import run_script
from tables import Row, write_tables

from inr_deblur.config import DeblurConfig
from inr_deblur.files import writable_folder
from inr_deblur.light import curve
from inr_deblur.methods import restore_by
from inr_deblur.metrics import aligned_scores, luma_studio
from inr_deblur.simulate import blur, random_shake_kernel, seen

LIGHTS = {"as stored": "linear", "linear light": "srgb"}  # name and setting
SIZES = (11, 19)  # of the kernels, pixels


@dataclass(frozen=True)
class Options:
    """What the command line may say."""

    out: str = "outputs/light"  # folder of the tables
    pictures: int = 6  # photographs, at most 8
    side: int = 256  # of the pictures, pixels
    noise: float = 0.005  # standard deviation, in the light of the blur
    blind: bool = True  # also without the kernel, which takes most of the time


def measure(name: str, size: int, blurred_in: str, options: Options) -> list[Row]:
    """A row for each light of the restoration, with the true kernel and blindly."""
    kernel = random_shake_kernel(size, PHOTOGRAPHS.index(name) + size)
    wide = photograph(name, options.side + size - 1).astype(np.float32)
    of_blur = curve(LIGHTS[blurred_in])
    stored = of_blur.to_stored(blur(of_blur.to_light(wide), kernel, options.noise))
    y, sharp = (np.rint(255 * stored) / 255).astype(np.float32), luma_studio(seen(wide, kernel))
    before = aligned_scores(luma_studio(y), sharp).psnr
    rows: list[Row] = []
    for known, (light, setting) in product((True, False) if options.blind else (True,), LIGHTS.items()):
        way = curve(setting)
        result = restore_by("networks", way.to_light(y), DeblurConfig(), kernel=kernel if known else None)
        psnr = aligned_scores(luma_studio(way.to_stored(result.image)), sharp).psnr
        row: dict[str, Any] = {"picture": name, "kernel size": size, "blurred": blurred_in, "restored": light}
        row |= {"kernel": "known" if known else "blind", "psnr": psnr, "gain": psnr - before}
        rows.append(row | {"outcome": result.outcome.name})
        print(
            f"{name} {size}: blurred {blurred_in}, restored {light}, {row['kernel']}: {row['gain']:+.2f} dB", flush=True
        )
    return rows


def summary(rows: list[Row]) -> list[Row]:
    """Mean gains by where the blur happened and by how it was undone."""
    lines = []
    for kernel, blurred_in in product(("known", "blind"), LIGHTS):
        here = [r for r in rows if (r["kernel"], r["blurred"]) == (kernel, blurred_in)]
        if here:
            line: dict[str, Any] = {"kernel": kernel, "blurred": blurred_in, "fits": len(here) // len(LIGHTS)}
            for light in LIGHTS:
                gains = [float(r["gain"] or 0) for r in here if r["restored"] == light]
                line |= {f"restored {light} gain": mean(gains), f"{light} least": min(gains)}
            lines.append(line)
    return lines


def main(options: Options) -> int:
    """Measure, and write the tables."""
    writable_folder(Path(options.out))
    rows: list[Row] = []
    for name, size, blurred_in in product(PHOTOGRAPHS[: options.pictures], SIZES, LIGHTS):
        rows += measure(name, size, blurred_in, options)
    write_tables(options.out, "light", rows, {"Gain over the blurry picture": summary(rows)})
    return 0


if __name__ == "__main__":
    run_script(main, Options, __doc__)
