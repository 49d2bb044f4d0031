"""The pictures of docs/photographs.md: python experiments/photograph_figures.py

All from photographs that are free to use, blurred here. The kernels are given, so that the pictures show what one
kernel for the whole picture can mend and what it cannot, and not how well it was found.
"""

import sys
from pathlib import Path

import numpy as np
from free_pictures import Picture, photograph
from make_figures import beside
from PIL import Image

from inr_deblur.config import DeblurConfig
from inr_deblur.methods import restore_by
from inr_deblur.picture_range import eight_bit
from inr_deblur.polyblur import Bell
from inr_deblur.simulate import blur, line_kernel, random_shake_kernel, seen

DOCS = Path(__file__).parents[1] / "docs"
SIDE, NOISE = 256, 0.004  # pixels, standard deviation


def shaken() -> list[Picture]:
    """The camera moved: input, result, truth."""
    return _triple("coffee", random_shake_kernel(19, 4))


def soft() -> list[Picture]:
    """The lens was a little out of focus: input, Polyblur's result, truth."""
    return _triple("motorcycle", Bell(1.5, 1.5, 0.0).kernel(), "polyblur")


def something_moved() -> list[Picture]:
    """A part of the scene moved, the rest stood still: input, result with the kernel of the part, truth."""
    kernel = line_kernel(17, 20)
    wide = photograph("grace_hopper", SIDE + 16).astype(np.float32)
    y, sharp = blur(wide, kernel, NOISE), seen(wide, kernel)
    down, right = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    inside = np.clip(8 * (0.6 - np.hypot(down, right)), 0, 1)[..., None]
    mixed = (inside * y + (1 - inside) * sharp).astype(np.float32)
    return [mixed, restore_by("networks", mixed, DeblurConfig(), kernel=kernel).image, sharp]


def burnt_out() -> list[Picture]:
    """Lights that were clipped: input, result, truth."""
    kernel = random_shake_kernel(15, 6)
    wide = (0.35 * photograph("china", SIDE + 14)).astype(np.float32)
    for down, right in np.random.default_rng(1).integers(20, SIDE - 10, (14, 2)):
        wide[down : down + 4, right : right + 4] = 12.0  # twelve times what the sensor can hold
    y, sharp = blur(wide, kernel, NOISE), np.clip(seen(wide, kernel), 0, 1)
    return [y, restore_by("networks", y, DeblurConfig(), kernel=kernel).image, sharp]


def _triple(name: str, kernel: np.ndarray, method: str = "networks") -> list[Picture]:
    wide = photograph(name, SIDE + len(kernel) - 1).astype(np.float32)
    y = blur(wide, kernel, NOISE)
    result = restore_by(method, y, DeblurConfig(), kernel=None if method == "polyblur" else kernel)
    return [y, result.image, seen(wide, kernel)]


def main() -> int:
    """Write docs/photographs_*.jpg."""
    DOCS.mkdir(exist_ok=True)
    for figure in (shaken, soft, something_moved, burnt_out):
        panels = [eight_bit(panel) for panel in figure()]
        Image.fromarray(beside(panels)).save(DOCS / f"photographs_{figure.__name__}.jpg", quality=90)
    return 0


if __name__ == "__main__":
    sys.exit(main())
