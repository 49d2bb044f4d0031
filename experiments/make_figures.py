"""The README's picture, docs/example.png: python experiments/make_figures.py

Runs the command on the example and puts its input, its result and the truth side by side, each with its kernel.
"""

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from inr_deblur.plots import kernel_picture
from inr_deblur.run import main as run

ROOT = Path(__file__).parents[1]
GAP, ENLARGED = 8, 3  # pixels: between the pictures, side of a kernel's entry


def main() -> int:
    """Write the picture; the exit code is the command's."""
    example = ROOT / "examples"
    with tempfile.TemporaryDirectory() as folder:
        pair = [f"image={example / 'blurry.png'}", f"truth={example / 'sharp.png'}"]
        if code := run([*pair, f"out={folder}/example"]):
            return code
        found = Path(folder) / "example"
        panels = [
            _read(example / "blurry.png"),
            with_kernel(_read(found / "deblurred.png"), np.load(found / "kernel.npy")),
            with_kernel(_read(example / "sharp.png"), np.load(example / "kernel.npy")),
        ]
    (ROOT / "docs").mkdir(exist_ok=True)
    Image.fromarray(beside(panels)).save(ROOT / "docs" / "example.png")
    return 0


def beside(panels: Sequence[np.ndarray]) -> np.ndarray:
    """Pictures (H, W, 3) of one height, 8 bits, side by side with gaps between them."""
    gap = np.full((panels[0].shape[0], GAP, 3), 255, np.uint8)
    return np.hstack([part for panel in panels for part in (gap, panel)][1:])


def _read(file: Path) -> np.ndarray:
    with Image.open(file) as image:
        return np.asarray(image.convert("RGB"))


def with_kernel(picture: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """The (H, W, 3) picture with the kernel, enlarged to a third of the picture at most, in its upper left corner."""
    inset = kernel_picture(kernel, min(ENLARGED * max(kernel.shape), len(picture) // 3))
    picture = picture.copy()
    picture[: inset.shape[0], : inset.shape[1]] = inset[..., None]
    return picture


if __name__ == "__main__":
    sys.exit(main())
