"""What can restore a picture besides the networks: a fast way for mild blur, and two classics to compare with."""

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from inr_deblur.colour import luminance
from inr_deblur.config import DeblurConfig, one_of
from inr_deblur.errors import InputError
from inr_deblur.noise import noise_level, white_noise
from inr_deblur.outcome import Outcome

if TYPE_CHECKING:
    from inr_deblur.pipeline import DeblurResult
    from inr_deblur.progress import Progress
    from inr_deblur.watch import Look

METHODS = ("networks", "polyblur", "wiener", "richardson_lucy")
WITH_KERNEL = ("wiener", "richardson_lucy")
POINT = np.asarray([[0, 0, 0], [0, 1, 0], [0, 0, 0]], np.float32)
CONFIDENCE = 0.8  # that mild blur which was found is taken out to the better, as measured on free pictures


@dataclass(frozen=True)
class MethodResult:
    """What the methods without networks give back: the fields that they share with `DeblurResult`."""

    image: NDArray[np.float32]  # as the input: (H, W) or (H, W, 3), in [0, 1]
    kernel: NDArray[np.float32]  # (K, L), >= 0, sum 1
    outcome: Outcome
    confidence: float
    noise: float
    seconds: float
    config: DeblurConfig
    stages: tuple[Any, ...] = ()
    device: str = "cpu"
    region: None = None
    uncertainty: None = None


def check_method(method: str, has_kernel: bool, ensemble: int = 1, has_region: bool = False) -> None:
    """Raise InputError for a method that doesn't exist, that lacks a kernel, or that something else is too much for."""
    one_of("method", method, METHODS)
    if method != "networks" and ensemble > 1:
        raise InputError(f"ensemble={ensemble} repeats the fit of the networks: leave it out, or method={method}.")
    if method != "networks" and has_region:
        raise InputError(f"method={method} works on the whole picture: leave the region out, or the method.")
    if method in WITH_KERNEL and not has_kernel:
        raise InputError(f"method={method} restores with a kernel that is known: give kernel=PATH, or leave it out.")
    if method == "polyblur" and has_kernel:
        raise InputError("method=polyblur finds its own blur: leave the kernel out, or the method.")


def restore_by(
    method: str,
    y: NDArray,
    config: DeblurConfig,
    *,
    kernel: NDArray[np.float32] | None = None,
    region: tuple[int, int, int, int] | None = None,
    rounding: float | None = None,
    progress: "Progress | None" = None,
    look: "Look | None" = None,
) -> "DeblurResult | MethodResult":
    """The picture y restored by the method of that name; arguments as those of `deblur`."""
    check_method(method, kernel is not None, config.ensemble, region is not None)
    if method == "networks":
        from inr_deblur import deblur  # JAX: two seconds that the others do without

        return deblur(y, config, kernel=kernel, region=region, rounding=rounding, progress=progress, look=look)
    began = time.perf_counter()
    grey = luminance(y)
    noise = noise_level(grey) if rounding is None else max(white_noise(grey), rounding)
    image, used, outcome = _apply(method, y, kernel, noise)
    confidence = CONFIDENCE if outcome is Outcome.RECOVERED else 1.0
    return MethodResult(image, used, outcome, confidence, noise, time.perf_counter() - began, config)


def _apply(
    method: str, y: NDArray, kernel: NDArray[np.float32] | None, noise: float
) -> tuple[NDArray[np.float32], NDArray[np.float32], Outcome]:
    """Picture, kernel and outcome."""
    if kernel is None:
        from inr_deblur.polyblur import polyblur

        image, bell = polyblur(y)
        return (image, bell.kernel(), Outcome.RECOVERED) if bell else (image, POINT, Outcome.NO_BLUR)
    from inr_deblur import baselines

    if method == "wiener":
        return baselines.wiener(y, kernel, noise), kernel, Outcome.RESTORED
    return baselines.richardson_lucy(y, kernel), kernel, Outcome.RESTORED
