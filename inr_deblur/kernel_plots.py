"""Pictures of kernels, for notebooks: side by side, against the truth, over scales and seeds, with their paths."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from inr_deblur.metrics import correlate, kernel_similarity
from inr_deblur.trajectory import links, ridge

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Kernel = NDArray[np.floating]


def pictures(panels: Sequence[NDArray], titles: Sequence[str], columns: int = 4, side: float = 2.4) -> "Figure":
    """Arrays (H, W) or (H, W, 3) side by side; grey ones from their least to their largest value."""
    from matplotlib.figure import Figure

    columns = max(1, min(columns, len(panels)))
    rows = max(1, -(-len(panels) // columns))
    figure = Figure(figsize=(side * columns, (side + 0.3) * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).flat
    for panel, values, title in zip(axes, panels, titles, strict=False):
        panel.imshow(values, cmap="gray", interpolation="nearest")
        panel.set_title(title, fontsize=8)
    for panel in figure.axes:
        panel.set_axis_off()
    return figure


def kernel_beside_truth(found: Kernel, truth: Kernel) -> "Figure":
    """The true kernel, the one found where it fits best, and both in one: truth red, found blue, both white."""
    size = max(*found.shape, *truth.shape)
    true, ours = centred(truth, size), np.zeros((size, size))
    around = np.pad(centred(found, size), size)
    scores = correlate(around, true)
    down, right = np.unravel_index(np.argmax(scores), scores.shape)
    ours = around[down : down + size, right : right + size]
    both = np.stack([true / true.max(), np.minimum(true / true.max(), ours / ours.max()), ours / ours.max()], -1)
    return pictures([true, ours, both], ["truth", f"found, {kernel_similarity(found, truth):.3f} alike", "both"])


def centred(kernel: Kernel, size: int) -> NDArray[np.float64]:
    """The kernel in the middle of a (size, size) array of zeros, no smaller than it."""
    out = np.zeros((size, size))
    top, left = ((size - n) // 2 for n in kernel.shape)
    out[top : top + kernel.shape[0], left : left + kernel.shape[1]] = kernel
    return out


def kernel_paths(kernels: Sequence[Kernel], titles: Sequence[str]) -> "Figure":
    """Kernels with the path that each was drawn along: its ridge."""
    figure = pictures(kernels, titles, side=3)
    for panel, kernel in zip(figure.axes, kernels, strict=False):
        _draw_path(panel, kernel)
    return figure


def _draw_path(panel: "Axes", kernel: Kernel) -> None:
    for (top, left), (bottom, right) in links(ridge(kernel)):
        panel.plot([left, right], [top, bottom], color="tab:red", linewidth=1.5)


def likeness(kernels: Sequence[Kernel], names: Sequence[str]) -> "Figure":
    """How alike each kernel is to each other one, as a table of colours with numbers."""
    from matplotlib.figure import Figure

    n = len(kernels)
    values = np.eye(n)
    for i in range(n):
        for j in range(i):
            values[i, j] = values[j, i] = kernel_similarity(kernels[i], kernels[j])
    figure = Figure(figsize=(1.5 + 0.7 * n, 1.2 + 0.7 * n), layout="constrained")
    panel = figure.subplots()
    panel.imshow(values, vmin=0, vmax=1, cmap="viridis")
    for i, j in np.ndindex(n, n):
        panel.text(j, i, f"{values[i, j]:.2f}", ha="center", va="center", fontsize=8, color="w")
    panel.set_xticks(range(n), names, rotation=45, ha="right")
    panel.set_yticks(range(n), names)
    return figure


def growth(steps: Sequence, truth: Kernel | None = None, member: int | None = None) -> "Figure":
    """The kernel of one start after each stage of a search, coarse to fine, at one size on the page.

    steps: what a search showed, as `deblur(..., look=steps.append)` collects it. member: which start, the one that was
    chosen unless given.
    """
    chosen = steps[-1].members[0] if member is None else member
    kept = [step for step in steps if chosen in step.members]
    panels = [step.kernels[step.members.index(chosen)] for step in kept]
    titles = [f"{step.name}: {len(kernel)} x {len(kernel)}" for step, kernel in zip(kept, panels, strict=True)]
    return pictures([*panels, *([truth] if truth is not None else [])], [*titles, "truth"])
