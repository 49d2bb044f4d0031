"""Figures of the page as SVG: the kernel with its path and a scale, and a curve for every stage's loss."""

from html import escape

import numpy as np
from numpy.typing import NDArray

from inr_deblur.trajectory import links, ridge

MOST_POINTS = 240  # of a curve
CURVE = (240, 110)  # width and height of a curve's panel, SVG units
SIDE = 320  # of the kernel's figure, SVG units


def kernel_figure(kernel: NDArray[np.floating], address: str) -> str:
    """The kernel (K, L) enlarged, its path as lines, and a bar that tells its scale. address: of its picture."""
    height, width = kernel.shape
    unit = SIDE / max(kernel.shape)
    length = next(n for n in (50, 20, 10, 5, 2, 1) if n <= max(1, 0.4 * width))
    path = " ".join(
        f"M{unit * (a[1] + 0.5):.1f} {unit * (a[0] + 0.5):.1f}L{unit * (b[1] + 0.5):.1f} {unit * (b[0] + 0.5):.1f}"
        for a, b in links(ridge(kernel))
    )
    bottom = unit * height
    return (
        f'<svg class="kernel" viewBox="0 0 {unit * width:.1f} {bottom + 28:.1f}" role="img" aria-label="The kernel">'
        f'<image href="{address}" width="{unit * width:.1f}" height="{bottom:.1f}" preserveAspectRatio="none"/>'
        f'<path class="path" d="{path}"/>'
        f'<path class="scale" d="M1 {bottom + 8:.1f}v8h{unit * length:.1f}v-8"/>'
        f'<text x="{unit * length + 8:.1f}" y="{bottom + 18:.1f}">{length} px</text></svg>'
    )


def loss_figure(name: str, losses: NDArray[np.floating]) -> str:
    """The losses (steps,) of one stage, each scaled to its own panel, with the first and the last in numbers."""
    values = np.asarray(losses, np.float64)
    width, height = CURVE
    chosen = np.unique(np.linspace(0, len(values) - 1, min(len(values), MOST_POINTS)).round().astype(int))
    finite = values[np.isfinite(values)]
    if not len(finite):
        return ""
    low, high = float(finite.min()), float(finite.max())
    x = width * chosen / max(1, len(values) - 1)
    y = 6 + (height - 12) * (high - values[chosen]) / max(high - low, 1e-30)
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True) if np.isfinite(b))
    words = f"{len(values)} steps, from {finite[0]:.3g} to {finite[-1]:.3g}"
    return (
        f'<figure><svg class="curve" viewBox="0 0 {width} {height}" role="img" aria-label="{escape(words)}">'
        f'<polyline points="{points}"/></svg>'
        f"<figcaption><b>{escape(name)}</b><br>{words}</figcaption></figure>"
    )
