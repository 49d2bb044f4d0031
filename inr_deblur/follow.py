"""Following a run in TensorBoard: losses as curves and kernels as pictures, after every stage of the search.

An extra, `pip install inr_deblur[tensorboard]`, off unless `tensorboard=FOLDER` is given; then, in another terminal:
`tensorboard --logdir FOLDER`.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from inr_deblur.errors import InputError
from inr_deblur.files import writable_folder
from inr_deblur.plots import kernel_picture

if TYPE_CHECKING:
    from inr_deblur.watch import Step

POINTS = 200  # of a curve at most


@contextmanager
def tensorboard(folder: str | Path) -> Iterator[Callable[[np.ndarray], None]]:
    """Write what the searches in the block do into the folder; gives a function that writes their result, (H, W[, 3]).

    Raises InputError if the extra is not installed or the folder can't be written to.
    """
    try:
        from tensorboardX import SummaryWriter
    except ImportError as error:
        raise InputError('TensorBoard needs an extra: pip install "inr_deblur[tensorboard]".') from error
    from inr_deblur.watch import watched

    done = 0
    with SummaryWriter(str(writable_folder(folder))) as writer:

        def look(step: "Step") -> None:
            nonlocal done
            length = step.losses.shape[1]
            for i in range(0, length, max(1, length // POINTS)):
                for member, losses in zip(step.members, step.losses, strict=True):
                    writer.add_scalar(f"loss_{step.name}/start_{member}".replace(" ", "_"), float(losses[i]), done + i)
            done += length
            for member, kernel in zip(step.members, step.kernels, strict=True):
                writer.add_image(f"kernel/start_{member}", kernel_picture(kernel), done, dataformats="HW")
            writer.flush()

        def show(picture: np.ndarray) -> None:
            bytes_of = np.rint(255 * np.clip(picture, 0, 1)).astype(np.uint8)
            writer.add_image("result", bytes_of, done, dataformats="HW" if picture.ndim == 2 else "HWC")

        with watched(look):
            yield show
