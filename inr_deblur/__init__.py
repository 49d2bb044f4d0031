"""Blind deblurring of one picture with two coordinate networks: one stands for the sharp picture, one for the kernel.

    from inr_deblur import DeblurConfig, deblur
    result = deblur(image)  # image: (H, W) or (H, W, 3) float32 in [0, 1]
    result.image, result.kernel, result.outcome

Names are imported when they are first used, so that `import inr_deblur` is quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inr_deblur.config import DeblurConfig
    from inr_deblur.errors import InputError
    from inr_deblur.outcome import Outcome
    from inr_deblur.pipeline import DeblurResult, deblur, deblur_many, deconvolve

__version__ = "0.1.0"
__all__ = ["DeblurConfig", "DeblurResult", "InputError", "Outcome", "deblur", "deblur_many", "deconvolve"]

_HOME = {
    "DeblurConfig": "config",
    "DeblurResult": "pipeline",
    "InputError": "errors",
    "Outcome": "outcome",
    "deblur": "pipeline",
    "deblur_many": "pipeline",
    "deconvolve": "pipeline",
}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
