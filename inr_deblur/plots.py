"""Pictures of a result: loss curves, and a kernel to look at. matplotlib is imported when a figure is drawn."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from inr_deblur.picture_range import eight_bit

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from inr_deblur.methods import MethodResult
    from inr_deblur.pipeline import DeblurResult

PANELS_IN_A_ROW = 4
KERNEL_SIDE = 320  # pixels: about the side of the kernel's picture
WHITE = 0.995  # quantile of an uncertainty that is shown white


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


def uncertainty_white(uncertainty: NDArray[np.floating]) -> float:
    """The uncertainty from which on a pixel is shown white."""
    return float(np.quantile(uncertainty, WHITE))


def uncertainty_picture(uncertainty: NDArray[np.floating]) -> NDArray[np.uint8]:
    """The (H, W) uncertainty, 0 black, `uncertainty_white` and above white."""
    white = max(uncertainty_white(uncertainty), np.finfo(np.float32).tiny)
    return eight_bit(uncertainty / white)


def setting_scores(rows: Sequence[Mapping[str, Any]], metric: str = "psnr") -> "Figure":
    """The metric of every run of a sweep, a line of points a setting, with the box between its quartiles.

    rows: as `collect.read_runs` gives them, all of them with the metric.
    """
    from matplotlib.figure import Figure

    values: dict[str, list[float]] = {}
    for row in rows:
        values.setdefault(row["setting"], []).append(row[metric])
    names = sorted(values)
    figure = Figure(figsize=(8, 1.2 + 0.5 * len(names)), layout="constrained")
    panel = figure.subplots()
    panel.boxplot([values[name] for name in names], orientation="horizontal", showfliers=False, widths=0.6)
    for place, name in enumerate(names, 1):
        spread = np.linspace(-0.2, 0.2, len(values[name])) if len(values[name]) > 1 else [0]
        panel.plot(values[name], place + np.asarray(spread), ".", markersize=4, alpha=0.6)
    panel.set_yticks(range(1, len(names) + 1), [f"{name} ({len(values[name])})" for name in names], fontsize=7)
    panel.set_xlabel(metric)
    return figure


def setting_differences(rows: Sequence[Mapping[str, Any]], metric: str = "psnr") -> "Figure":
    """How much better each setting is than an earlier one, picture by picture, sorted: above zero is better."""
    from matplotlib.figure import Figure

    from inr_deblur.sweep_tables import paired

    figure = Figure(figsize=(8, 4), layout="constrained")
    panel = figure.subplots()
    for setting, against, pairs in paired(rows, metric):
        change = np.sort([new - old for new, old in pairs])
        panel.plot((np.arange(len(change)) + 0.5) / len(change), change, ".-", label=f"{setting} - ({against})")
    panel.axhline(0, color="grey", linewidth=0.8)
    panel.set_xlabel("share of the pictures")
    panel.set_ylabel(f"difference in {metric}")
    panel.legend(fontsize=6)
    return figure
