"""What a run leaves behind: the deblurred picture, the kernel, pictures and a page to look at, and metrics.json."""

import json
import math
import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from platform import python_version
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from inr_deblur import __version__
from inr_deblur.image_io import Picture, write_picture
from inr_deblur.kernels import border_share, centroid
from inr_deblur.plots import kernel_picture, loss_curves, uncertainty_picture
from inr_deblur.report import Shown, overview, report_page
from inr_deblur.run_config import RunConfig
from inr_deblur.run_folder import METRICS, filled

if TYPE_CHECKING:
    from inr_deblur.methods import MethodResult
    from inr_deblur.metrics import Scores
    from inr_deblur.pipeline import DeblurResult

PACKAGES = ("flax", "hydra-core", "jax", "jaxlib", "numpy", "optax")
PAGES = ("kernel.npy", "kernel.png", "losses.png", "overview.png", "report.html")
UNCERTAINTY = ("uncertainty.npy", "uncertainty.png")  # of an ensemble
TRACE = 0.05  # share of the largest entry above which an entry belongs to the kernel's trace


@dataclass(frozen=True)
class Run:
    """What one run was given and what it found."""

    job: str  # identifies pictures, settings and version
    settings: RunConfig
    picture: Picture
    result: "DeblurResult | MethodResult"
    scores: "dict[str, Scores]"  # of the input and of the result, empty without a truth
    notes: tuple[str, ...]  # sentences on what was converted on the way
    seconds: float  # from the start of the command, or of the process
    similarity: float | None = None  # of the kernel to the true one, where that is known


def file_names(picture: Picture, ensemble: int = 1) -> list[str]:
    """The names of the files of a run on the picture, with that many fits, metrics.json last."""
    return [f"deblurred{picture.kind.suffix}", *PAGES, *(UNCERTAINTY if ensemble > 1 else ()), METRICS]


def write_results(run: Run, folder: Path) -> dict[str, Any]:
    """Write the files of the run and return the content of its metrics.json. Raises InputError if that fails."""
    from PIL import Image

    kernel = run.result.kernel.astype(np.float32)
    record = metrics(run)
    with filled(folder) as hidden:
        write_picture(hidden / f"deblurred{run.picture.kind.suffix}", run.result.image, run.picture)
        np.save(hidden / "kernel.npy", kernel)
        Image.fromarray(kernel_picture(kernel)).save(hidden / "kernel.png")
        loss_curves(run.result).savefig(hidden / "losses.png", dpi=100)
        Image.fromarray(overview(run.picture.values, run.result.image, kernel)).save(hidden / "overview.png")
        if run.result.uncertainty is not None:
            np.save(hidden / "uncertainty.npy", run.result.uncertainty)
            Image.fromarray(uncertainty_picture(run.result.uncertainty)).save(hidden / "uncertainty.png")
        (hidden / "report.html").write_text(report_page(_shown(run, record)), encoding="utf-8")
        (hidden / METRICS).write_text(json.dumps(record, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    return record


def _shown(run: Run, record: dict[str, Any]) -> Shown:
    """What the page is made of."""
    losses = tuple((stage.name, stage.losses) for stage in run.result.stages)
    result = run.result
    return Shown(record, run.picture.values, result.image, result.kernel, losses, result.region, result.uncertainty)


def metrics(run: Run) -> dict[str, Any]:
    """The content of metrics.json: plain values that JSON can hold."""
    result = run.result
    return {
        "job": run.job,
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "image": {
            "path": run.settings.image,
            "sha256": run.picture.sha256,
            "shape": list(run.picture.values.shape),
            "type": f"{run.picture.kind.format}, {run.picture.kind.dtype}",
            "notes": list(run.notes),
        },
        "outcome": {
            "name": result.outcome.name,
            "ok": result.outcome.ok,
            "sentence": result.outcome.value,
            "confidence": float(result.confidence),
        },
        "kernel": kernel_shape(result.kernel) | {"similarity": run.similarity},
        "noise": float(result.noise),
        "scores": {
            name: {key: _finite(value) for key, value in score._asdict().items()} for name, score in run.scores.items()
        },
        "stages": [
            {
                "name": stage.name,
                "scale": stage.scale,
                "steps": len(stage.losses),
                "seconds": round(stage.seconds, 3),
                "final_loss": _finite(float(stage.losses[-1])) if len(stage.losses) else None,
            }
            for stage in result.stages
        ],
        "seconds": {"fit": round(result.seconds, 3), "total": round(run.seconds, 3)},
        "device": result.device,
        "seed": run.settings.seed,
        "config": asdict(run.settings),
        "versions": {"inr_deblur": __version__, "python": python_version()}
        | {name: version(name) for name in PACKAGES},
        "files": file_names(run.picture, run.settings.ensemble),
    }


def _finite(value: Any) -> Any:
    """The value, or None for a number that JSON has no word for."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def kernel_shape(kernel: NDArray[np.floating]) -> dict[str, Any]:
    """A (K, L) kernel in numbers: its size, the extent of its trace, its centre of mass, its mass on the border.

    extent: (rows, columns) of the box around the entries above 5 % of the largest. centre: (down, right), pixels from
    the middle entry. border: share of the mass in the outermost rows and columns.
    """
    trace = kernel > TRACE * kernel.max()
    boxes = [np.flatnonzero(trace.any(axis)) for axis in (1, 0)]
    return {
        "size": list(kernel.shape),
        "extent": [int(box[-1] - box[0] + 1) for box in boxes],
        "centre": [round(offset, 3) for offset in centroid(kernel, 0)],
        "border": round(max(0.0, border_share(kernel)), 6),
    }


def report(record: dict[str, Any], folder: Path) -> str:
    """What the command says of a run, from the content of its metrics.json: a line each, the outcome first."""
    outcome, kernel, seconds = record["outcome"], record["kernel"], record["seconds"]
    lines = [("outcome", f"{outcome['sentence']} (confidence {outcome['confidence']:.0%})")]
    lines += [("kernel", kernel_words(kernel))]
    lines += [("note", note) for note in record["image"]["notes"]]
    if record["scores"]:
        scores = ", ".join(f"{name} {_score(score)}" for name, score in record["scores"].items())
        lines += [("scores", f"{scores} (PSNR / SSIM at the best shift)")]
    lines += [("time", f"{seconds['fit']:.1f} s for the fit, {seconds['total']:.1f} s in all, on {record['device']}")]
    lines += [("files", f"{folder.absolute()}{os.sep}: {', '.join(record['files'])}")]
    return "\n".join(f"{name:8} {words}" for name, words in lines)


def _score(score: dict[str, Any]) -> str:
    psnr = "inf" if score["psnr"] is None else f"{score['psnr']:.2f}"
    return f"{psnr} dB / {score['ssim']:.3f}"


def kernel_words(shape: dict[str, Any]) -> str:
    """What `kernel_shape` found, in words."""
    down, right = shape["centre"]
    vertical = f"{abs(down):.1f} px {'below' if down > 0 else 'above'}"
    horizontal = f"{abs(right):.1f} px {'right' if right > 0 else 'left'} of"
    (height, width), (high, wide) = shape["size"], shape["extent"]
    return (
        f"{height} x {width} px, its trace {high} high and {wide} wide, "
        f"centre of mass {vertical} and {horizontal} the middle, {shape['border']:.1%} of its mass on the border"
    )
