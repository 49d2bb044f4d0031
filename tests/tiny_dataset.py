"""A data set of a few small pictures in the layout of Lai et al., made from pictures that scikit-image ships."""

from pathlib import Path

import numpy as np
import skimage
from PIL import Image

from inr_deblur.simulate import blur, random_shake_kernel, seen


def make_dataset(
    root: Path, categories: tuple[str, ...] = ("people", "text"), pictures: int = 2, kernels: int = 2, side: int = 64
) -> None:
    """Fill root/blurry, sharp and kernels with `pictures` x `kernels` pictures a category."""
    camera = skimage.data.camera() / 255
    for folder in ("blurry", "sharp", "kernels"):
        (root / folder).mkdir(parents=True)
    shakes = {f"{i + 1:02}": random_shake_kernel(5 + 2 * i, seed=i) for i in range(kernels)}
    for number, kernel in shakes.items():
        np.save(root / "kernels" / f"kernel_{number}.npy", kernel)
    for i, category in enumerate(categories):
        for picture in range(pictures):
            corner = camera[100 + 90 * i :, 100 + 80 * picture :]
            for number, kernel in shakes.items():
                sharp = corner[: side + len(kernel) - 1, : side + len(kernel) - 1]
                name = f"{category}_{picture + 1:02}"
                save(root / "blurry" / f"{name}_kernel_{number}.png", blur(sharp, kernel, noise=0.005))
                save(root / "sharp" / f"{name}_kernel_{number}.png", seen(sharp, kernel))


def save(path: Path, values: np.ndarray) -> None:
    Image.fromarray(np.rint(255 * values).astype(np.uint8)).save(path)
