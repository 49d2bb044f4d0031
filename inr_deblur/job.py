"""One picture: files in, the fit, files out."""

import hashlib
import json
import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from inr_deblur.colour import luminance
from inr_deblur.config import check
from inr_deblur.ensemble import in_stored_values
from inr_deblur.errors import InputError
from inr_deblur.files import expanded
from inr_deblur.image_io import Picture, read_picture
from inr_deblur.jpeg import quantisation
from inr_deblur.kernel_io import read_kernel
from inr_deblur.light import AS_STORED, Curve, curve, in_light
from inr_deblur.methods import check_method, restore_by
from inr_deblur.metrics import Scores, aligned_scores, kernel_similarity, luma_studio
from inr_deblur.progress import make_progress
from inr_deblur.region import check_region, parse_region
from inr_deblur.results import Run, file_names, report, write_results
from inr_deblur.run_config import RunConfig, deblur_config
from inr_deblur.run_folder import check_folder, read_record
from inr_deblur.version import code_version

if TYPE_CHECKING:
    from inr_deblur.follow import Follower


def check_settings(settings: RunConfig) -> None:
    """Raise InputError for the first setting that no picture can be restored with."""
    check(deblur_config(settings))
    has_kernel = settings.kernel.file is not None or settings.dataset.known
    check_method(settings.method, has_kernel, settings.ensemble, settings.region is not None)
    curve(settings.light)
    if settings.region:
        parse_region(settings.region)
    make_progress(settings.progress)


def restore(settings: RunConfig, folder: Path, began: float) -> str:
    """Deblur the picture of the settings into the folder, and return the report; a finished run is not run again.

    began: when the command started, by `time.perf_counter`. Raises InputError for whatever is wrong with the input; the
    folder is then as it was.
    """
    check_settings(settings)
    config = deblur_config(settings)
    light = curve(settings.light)
    region = parse_region(settings.region) if settings.region else None
    progress = make_progress(settings.progress)
    picture = read_picture(settings.image)
    truth = read_picture(settings.truth) if settings.truth else None
    kernel, notes = read_kernel(settings.kernel.file) if settings.kernel.file else (None, ())
    true_kernel = read_kernel(settings.kernel.truth)[0] if settings.kernel.truth else None

    if region:
        check_region(region, picture.values.shape)
    how = {name: getattr(settings, name) for name in ("method", "light", "region")}
    job = _identity(asdict(config) | how, picture, truth, kernel, true_kernel)
    record = read_record(folder)
    if record and record["job"] == job and not settings.overwrite:
        return f"Finished already (overwrite=true runs it again).\n{report(record, folder)}"
    given = (settings.image, settings.truth, settings.kernel.file, settings.kernel.truth)
    inputs = [path for path in given if path]
    check_folder(folder, file_names(picture, config.ensemble), inputs, settings.overwrite)
    scores = {"input": _scores(picture.values, truth)} if truth else {}

    try:
        values, rounding = light.to_light(picture.values), _rounding(picture.values, light)
        with _followed(settings.tensorboard, folder) as follower:
            look = follower and follower.look
            known = {"kernel": kernel, "region": region, "rounding": rounding}
            result = restore_by(settings.method, values, config, **known, progress=progress, look=look)
            if follower:
                follower.show(light.to_stored(result.image))
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "RESOURCE_EXHAUSTED" not in str(error):  # JAX's word for it
            raise
        raise InputError("The picture does not fit into memory: give a smaller one, or a part of it.") from error
    finally:
        progress.finish()
    if result.uncertainty is not None:
        result = replace(result, uncertainty=in_stored_values(result.uncertainty, result.image, light))
    result = replace(result, image=light.to_stored(result.image))
    if truth:
        scores["result"] = _scores(result.image, truth)
    similarity = None if true_kernel is None else kernel_similarity(result.kernel, true_kernel)
    seconds = time.perf_counter() - began
    run = Run(job, settings, picture, result, scores, (*picture.notes, *notes), seconds, similarity)
    return report(write_results(run, folder), folder)


def _followed(tensorboard: str | None, folder: Path) -> "AbstractContextManager[Follower | None]":
    """Who looks on for TensorBoard, if a folder for it is given."""
    if not tensorboard:
        return nullcontext()
    from inr_deblur.follow import tensorboard as follow

    return follow(expanded(tensorboard) / folder.parent.name / folder.name)


def _rounding(stored: np.ndarray, light: Curve) -> float | None:
    """What a JPEG has left of the stored values, in their light; None where these are the light, and show it."""
    if light is AS_STORED:
        return None
    grey = luminance(stored)
    return in_light(quantisation(grey).noise, grey, light)


def _identity(config: dict[str, Any], picture: Picture, truth: Picture | None, *kernels: np.ndarray | None) -> str:
    """A name for all that determines a run's files: the SHA-256 of settings, inputs and code."""
    parts = {
        "config": config,
        "image": picture.sha256,
        "truth": truth and truth.sha256,
        "kernels": [None if k is None else _hash(k) for k in kernels],
        "version": code_version(),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _hash(kernel: np.ndarray) -> str:
    return hashlib.sha256(f"{kernel.shape}".encode() + np.float32(kernel).tobytes()).hexdigest()


def _scores(values: np.ndarray, truth: Picture) -> Scores:
    """PSNR and SSIM against the truth at the best shift, of the luma for colour. Raises InputError for other shapes."""

    if values.shape != truth.values.shape:
        raise InputError(f"The picture is {_shape(values)}, its truth {_shape(truth.values)}: give one that fits.")
    pair = [array if array.ndim == 2 else luma_studio(array) for array in (values, truth.values)]
    return aligned_scores(*pair)


def _shape(values: np.ndarray) -> str:
    return f"{values.shape[0]} x {values.shape[1]} px in {'grey' if values.ndim == 2 else 'colour'}"
