"""Following a run in TensorBoard: losses as curves and kernels as pictures, after every stage of the search.

An extra, `pip install inr_deblur[tensorboard]`, off unless `tensorboard=FOLDER` is given; then, in another terminal:
`tensorboard --logdir FOLDER`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from inr_deblur.errors import InputError
from inr_deblur.files import writable_folder
from inr_deblur.picture_range import eight_bit
from inr_deblur.plots import kernel_picture
from inr_deblur.watch import Step

POINTS = 200  # of a curve at most


class Follower:
    """Writes down what a run shows; steps are counted from the run's first."""

    def __init__(self, writer: Any) -> None:
        self.writer = writer  # tensorboardX.SummaryWriter
        self.done = 0

    def look(self, step: Step) -> None:
        """The end of a stage: the losses and the kernels of all its starts."""
        length = step.losses.shape[1]
        for i in range(0, length, max(1, length // POINTS)):
            for member, losses in zip(step.members, step.losses, strict=True):
                name = f"loss_{step.name}/start_{member}".replace(" ", "_")
                self.writer.add_scalar(name, float(losses[i]), self.done + i)
        self.done += length
        for member, kernel in zip(step.members, step.kernels, strict=True):
            self.writer.add_image(f"kernel/start_{member}", kernel_picture(kernel), self.done, dataformats="HW")
        self.writer.flush()

    def show(self, picture: NDArray) -> None:
        """The result: (H, W) or (H, W, 3) in [0, 1]."""
        self.writer.add_image("result", eight_bit(picture), self.done, dataformats="HW" if picture.ndim == 2 else "HWC")


@contextmanager
def tensorboard(folder: str | Path) -> Iterator[Follower]:
    """Who writes what it is shown into the folder.

    Raises InputError if the extra is not installed or the folder can't be written to.
    """
    try:
        from tensorboardX import SummaryWriter
    except ImportError as error:
        raise InputError('TensorBoard needs an extra: pip install "inr_deblur[tensorboard]".') from error
    with SummaryWriter(str(writable_folder(folder))) as writer:
        yield Follower(writer)
