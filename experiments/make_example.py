"""The example in examples/: python experiments/make_example.py

A portrait that is free to use (NASA's Eileen Collins, public domain, from scikit-image), made smaller so that it is
sharp to the pixel, blurred by a simulated camera shake, with a little noise, stored with 8 bits.
"""

from pathlib import Path

import numpy as np
from PIL import Image
from skimage import data, transform

from inr_deblur.simulate import blur, random_shake_kernel, seen

FOLDER = Path(__file__).parents[1] / "examples"
SIDE, KERNEL, SEED, NOISE = 256, 23, 3, 0.005  # pixels, pixels, of shake and noise, standard deviation


def main() -> None:
    """Write blurry.png, sharp.png (its truth, on the same frame) and kernel.npy."""
    kernel = random_shake_kernel(KERNEL, SEED, "smooth")
    length = SIDE + KERNEL - 1
    sharp = np.asarray(transform.resize(data.astronaut(), (length, length), anti_aliasing=True))
    FOLDER.mkdir(exist_ok=True)
    for name, picture in (("blurry", blur(sharp, kernel, NOISE, SEED)), ("sharp", seen(sharp, kernel))):
        Image.fromarray(np.rint(255 * picture).astype(np.uint8)).save(FOLDER / f"{name}.png", optimize=True)
    np.save(FOLDER / "kernel.npy", kernel)


if __name__ == "__main__":
    main()
