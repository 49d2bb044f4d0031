"""Seconds and memory for colour pictures of 1 to 24 megapixels, and how they grow.

    python experiments/size.py out=outputs/size [megapixels=1,4,12,24]

Each picture is a mosaic of a free photograph, blurred by a simulated shake, and deblurred blindly in a process of its
own, whose peak memory the system tells. Seconds do not count that process's start. The law is a power of the number of
pixels, fitted by least squares of the logarithms.
"""

import json
import resource
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, process_time

import numpy as np
from free_pictures import photograph
from options import run_script
from tables import Row, write_tables

from inr_deblur.errors import InputError
from inr_deblur.files import writable_folder

KERNEL, TILE, NOISE = 21, 480, 0.005  # pixels, pixels, standard deviation


@dataclass(frozen=True)
class Options:
    """What the command line may say."""

    out: str = "outputs/size"  # folder of the tables
    megapixels: str = "1,4,12,24"  # sizes, with commas between them
    alone: bool = False  # measure one size in this process and print it as JSON


def mosaic(megapixels: float) -> np.ndarray:
    """A blurred colour picture, 4 wide and 3 high: (H, W, 3) float32."""
    from inr_deblur.simulate import blur, random_shake_kernel

    kernel = random_shake_kernel(KERNEL, 3)
    part = blur(photograph("astronaut", TILE + KERNEL - 1), kernel, NOISE)
    height = round((0.75e6 * megapixels) ** 0.5)
    width = round(1e6 * megapixels / height)
    mirrored = np.concatenate([part, part[:, ::-1]], 1)
    mirrored = np.concatenate([mirrored, mirrored[::-1]], 0)  # no edges where the parts meet
    copies = [-(-n // m) for n, m in zip((height, width), mirrored.shape, strict=False)]
    return np.ascontiguousarray(np.tile(mirrored, (*copies, 1))[:height, :width])


def measure(megapixels: float) -> Row:
    """Deblur one picture in this process."""
    from inr_deblur import deblur

    picture = mosaic(megapixels)
    began, worked = perf_counter(), process_time()
    result = deblur(picture)
    restoration = sum(stage.seconds for stage in result.stages if stage.name in ("restoration", "patches"))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {
        "megapixels": megapixels,
        "height": picture.shape[0],
        "width": picture.shape[1],
        "seconds": perf_counter() - began,
        "restoration seconds": restoration,
        "processor seconds": process_time() - worked,
        "peak GiB": peak / 2**30,
    }


def law(rows: Sequence[Row], column: str) -> Row:
    """exponent p of column ~ megapixels ** p."""
    x, y = (np.log([float(row[name] or 0) for row in rows]) for name in ("megapixels", column))
    return {"of": column, "exponent": float(np.polyfit(x, y, 1)[0])}


def main(options: Options) -> int:
    """Measure each size in a process of its own, and write the table."""
    try:
        sizes = [float(text) for text in options.megapixels.split(",")]
    except ValueError as error:
        raise InputError(f"megapixels={options.megapixels}: give numbers with commas between them.") from error
    if options.alone:
        print(json.dumps(measure(sizes[0])))
        return 0
    writable_folder(Path(options.out))
    rows: list[Row] = []
    for size in sizes:
        command = [sys.executable, __file__, f"megapixels={size}", "alone=true"]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        rows.append(json.loads(done.stdout.splitlines()[-1]))
        print(done.stdout.splitlines()[-1], flush=True)
    columns = ("seconds", "restoration seconds", "processor seconds", "peak GiB")
    laws = [law(rows, column) for column in columns] if len(rows) > 1 else []
    write_tables(options.out, "size", rows, {"Sizes": rows, "Growth": laws})
    return 0


if __name__ == "__main__":
    run_script(main, Options, __doc__)
