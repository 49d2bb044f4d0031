"""What an ensemble gains over a single fit, and whether its uncertainty tells where the result is wrong.

    python experiments/ensemble.py data_dir=DIR [ensemble=4] [kernel.size=31] [seed=0] [subset=im1_*] [key=value ...]

DIR holds blurry/, sharp/ and kernels/. The single fit is the ensemble's first. Errors are taken where the mean, grey,
lies best on the truth. A pair that was measured before is not run again, see `runner`.
"""

from dataclasses import dataclass, fields
from io import BytesIO
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
from numpy.typing import NDArray
from omegaconf import MISSING
from options import run_script
from pairs import Pair, find_pairs
from runner import Case, grey, key
from scipy.stats import rankdata
from tables import Row, write_tables

from inr_deblur.config import DeblurConfig, check
from inr_deblur.cores import device_a_core
from inr_deblur.errors import InputError
from inr_deblur.files import writable_folder, write_bytes_whole
from inr_deblur.metrics import aligned_scores, shifted_window

CROP, BINS = 15, 10  # pixels left out on each side, as in `metrics`; bins of equally many pixels


@dataclass(frozen=True)
class EnsembleOptions(DeblurConfig):
    """What the command line may say."""

    data_dir: str = MISSING  # folder with blurry/, sharp/ and kernels/
    out: str = "outputs/ensemble"  # folder of the tables
    subset: str = "*"  # which pairs: globs of their names, with commas between them
    ensemble: int = 4  # fits of a pair, 2 to 64


def measure(pair: Pair, config: DeblurConfig) -> dict[str, Any]:
    """The scores of a pair, and uncertainty and absolute error of each pixel: (n,) float32."""
    from inr_deblur import deblur
    from inr_deblur.ensemble import combined, members

    pictures = pair.read()
    fits = [deblur(picture, one) for picture, one in members(pictures.blurry, config)]
    result = combined(pictures.blurry, fits)
    assert result.uncertainty is not None
    sharp = np.asarray(grey(pictures.sharp), np.float64)
    blurry, single, whole = (
        aligned_scores(grey(x), sharp, crop=CROP) for x in (pictures.blurry, fits[0].image, result.image)
    )
    target = sharp[CROP:-CROP, CROP:-CROP]
    corner = (CROP + whole.shift[0], CROP + whole.shift[1])
    image, uncertainty = (
        shifted_window(np.asarray(x, np.float64), target.shape, corner)
        for x in (grey(result.image), result.uncertainty)
    )
    return {
        "blurry psnr": blurry.psnr,
        "single psnr": single.psnr,
        "mean psnr": whole.psnr,
        "confidence": result.confidence,
        "outcome": result.outcome.name,
        "uncertainty": uncertainty.ravel().astype(np.float32),
        "error": np.abs(image - target).ravel().astype(np.float32),
    }


def row(name: str, found: dict[str, Any]) -> Row:
    """A pair's line."""
    line = {"name": name} | {part: found[part] for part in ("blurry psnr", "single psnr", "mean psnr")}
    line |= {
        "gain": found["mean psnr"] - found["single psnr"],
        "rank correlation": rank_correlation(found["uncertainty"], found["error"]),
    }
    return line | {"confidence": found["confidence"], "outcome": found["outcome"]}


def rank_correlation(a: NDArray, b: NDArray) -> float | None:
    """Spearman's; None where one of them is the same everywhere."""
    if min(np.ptp(a), np.ptp(b)) == 0:
        return None
    return float(np.corrcoef(rankdata(a), rankdata(b))[0, 1])


def calibration(uncertainty: NDArray, error: NDArray) -> list[Row]:
    """Pixels sorted by uncertainty into bins of equally many: its mean and the root mean square error in each."""
    lines: list[Row] = []
    for number, pixels in enumerate(np.array_split(np.argsort(uncertainty, kind="stable"), BINS), 1):
        u, e = (values[pixels].astype(np.float64) for values in (uncertainty, error))
        line = {"bin": number, "pixels": len(pixels), "uncertainty level": float(u.mean())}
        lines.append(line | {"rms error level": float(np.sqrt((e**2).mean()))})
    return lines


def main(options: EnsembleOptions) -> int:
    """Run, write the tables, say the means."""
    config = DeblurConfig(**{part.name: getattr(options, part.name) for part in fields(DeblurConfig)})
    check(config)
    if config.ensemble < 2:
        raise InputError("ensemble=1 has no uncertainty: give 2 to 64 fits.")
    folder = writable_folder(Path(options.out) / "records")
    device_a_core()
    rows: list[Row] = []
    pixels: list[dict[str, Any]] = []
    for pair in find_pairs(options.data_dir, options.subset):
        path = folder / f"{pair.name}-{key(Case(pair, config))}.npz"
        if not path.exists():
            record = BytesIO()
            np.savez(record, **measure(pair, config))
            write_bytes_whole(path, record.getvalue())
        with np.load(path) as stored:
            found = {name: values if values.ndim else values.item() for name, values in stored.items()}
        rows.append(row(pair.name, found))
        pixels.append(found)
        print(f"{pair.name}: {found['single psnr']:.2f} dB alone, {found['mean psnr']:.2f} dB together", flush=True)
    uncertainty, error = (np.concatenate([found[part] for found in pixels]) for part in ("uncertainty", "error"))
    sections = {"Mean": [summary(rows)], "Calibration": calibration(uncertainty, error), "Per pair": rows}
    write_tables(options.out, "ensemble", rows, sections)
    write_tables(options.out, "calibration", sections["Calibration"], {"Calibration": sections["Calibration"]})
    return 0


def summary(rows: list[Row]) -> Row:
    """The means over the pairs."""
    line: dict[str, Any] = {"pairs": len(rows)}
    for column in ("blurry psnr", "single psnr", "mean psnr", "gain", "rank correlation"):
        values = [float(r[column] or 0) for r in rows if r[column] is not None]
        line[column] = mean(values) if values else None
    return line | {"least gain": min(float(r["gain"] or 0) for r in rows)}


if __name__ == "__main__":
    run_script(main, EnsembleOptions, __doc__)
