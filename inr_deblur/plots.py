"""Pictures of a result: loss curves, and a kernel to look at. matplotlib is imported when a figure is drawn."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from inr_deblur.methods import MethodResult
    from inr_deblur.pipeline import DeblurResult

PANELS_IN_A_ROW = 4
KERNEL_SIDE = 320  # pixels: about the side of the kernel's picture


def loss_curves(result: "DeblurResult | MethodResult") -> "Figure":
    """The loss of every stage that has steps, each in its own panel since every stage minimises another objective.

    Within a stage the weights of the priors may change from step to step, so that a curve need not fall.
    """
    from matplotlib.figure import Figure

    stages = [stage for stage in result.stages if len(stage.losses)]
    columns = min(PANELS_IN_A_ROW, max(1, len(stages)))
    rows = max(1, -(-len(stages) // columns))
    figure = Figure(figsize=(3 * columns, 2.4 * rows), layout="constrained")
    for panel, stage in zip(figure.subplots(rows, columns, squeeze=False).flat, stages, strict=False):
        panel.plot(np.asarray(stage.losses), linewidth=1)
        panel.set_title(f"{stage.name}, {stage.seconds:.1f} s", fontsize=8)
        panel.tick_params(labelsize=7)
        panel.set_xlabel("step", fontsize=7)
    for panel in figure.axes[len(stages) :]:
        panel.set_visible(False)
    return figure


def kernel_picture(kernel: NDArray[np.floating], side: int = KERNEL_SIDE) -> NDArray[np.uint8]:
    """The (K, L) kernel, its largest entry white, enlarged by a whole number to `side` pixels or a little less."""
    factor = max(1, side // max(kernel.shape))
    grey = np.rint(255 * kernel / max(float(kernel.max()), np.finfo(np.float32).tiny)).astype(np.uint8)
    return grey.repeat(factor, axis=0).repeat(factor, axis=1)
