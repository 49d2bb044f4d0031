"""report.html and overview.png: what a person looks at after a run.

The page is one file that fetches nothing: pictures are in it as JPEG previews of at most `LARGEST_PREVIEW` pixels a
side, curves and the kernel's path as SVG, its style and its few lines of script stand in `report_template.html`. All
pictures come as (H, W) or (H, W, 3) in [0, 1].
"""

import base64
import io
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inr_deblur.picture_range import eight_bit
from inr_deblur.plots import uncertainty_picture, uncertainty_white
from inr_deblur.report_svg import kernel_figure, loss_figure
from inr_deblur.run_folder import flat

LARGEST_PREVIEW = 1600  # pixels
QUALITY = 88  # of the previews, JPEG
THUMBNAIL = 320  # pixels: height of the overview

Region = tuple[int, int, int, int]  # top, left, height, width


@dataclass(frozen=True)
class Shown:
    """What a page is about."""

    record: dict[str, Any]  # the content of metrics.json
    before: NDArray[np.floating]
    after: NDArray[np.floating]
    kernel: NDArray[np.floating]  # (K, L)
    losses: tuple[tuple[str, NDArray[np.floating]], ...]  # name and values of every stage
    region: Region | None  # that the kernel was sought on, None: all of it, or the kernel was given
    uncertainty: NDArray[np.floating] | None = None  # (H, W), of an ensemble


def report_page(shown: Shown) -> str:
    """The HTML of the page."""
    record = shown.record
    outcome, image = record["outcome"], record["image"]
    height, width = shown.before.shape[:2]
    size = f"{width} x {height} px"
    parts = {
        "name": escape(image["path"].replace("\\", "/").rpartition("/")[2]),
        "verdict": "good" if outcome["ok"] else "doubtful",
        "sentence": escape(outcome["sentence"]),
        "confidence": f"{outcome['confidence']:.0%}",
        "about": escape(f"{size}, {image['type']}. {' '.join(image['notes'])}"),
        "scores": _scores(record["scores"]),
        "slider": _slider("The picture", shown.before, shown.after, _frame(shown.region, (height, width))),
        "zoom": _zoom(shown),
        "uncertainty": _uncertainty(shown),
        "kernel": kernel_figure(shown.kernel, png_address(shown.kernel)),
        "kernel_words": escape(kernel_caption(record["kernel"])),
        "losses": "".join(loss_figure(name, values) for name, values in shown.losses if len(values)),
        "settings": _table(flat(record["config"])),
        "versions": _table({**record["versions"], "device": record["device"], "finished": record["finished"]}),
        "seconds": f"{record['seconds']['fit']:.1f}",
    }
    template = files("inr_deblur").joinpath("report_template.html").read_text(encoding="utf-8")
    return Template(template).substitute(parts)


def kernel_caption(kernel: dict[str, Any]) -> str:
    """The kernel in one sentence, from metrics.json."""
    (height, width), (high, wide) = kernel["size"], kernel["extent"]
    return f"{width} x {height} px; what is bright in it is {wide} px wide and {high} px high."


def overview(before: NDArray, after: NDArray, kernel: NDArray) -> NDArray[np.uint8]:
    """Input, result and kernel side by side, `THUMBNAIL` pixels high, (h, w) or (h, w, 3)."""
    from PIL import Image

    pictures = [_reduced(picture, THUMBNAIL, THUMBNAIL * 2) for picture in (before, after)]
    height = pictures[0].shape[0]
    drawn = Image.fromarray(eight_bit(kernel / kernel.max()))
    high, wide = (max(1, round(height * n / max(kernel.shape))) for n in kernel.shape)
    above = (height - high) // 2
    grey = np.asarray(drawn.resize((wide, high), Image.Resampling.NEAREST))
    grey = np.pad(grey, [(above, height - high - above), (0, 0)])
    pictures.append(grey if before.ndim == 2 else np.repeat(grey[..., None], 3, 2))
    gap = np.full((height, 4, *pictures[0].shape[2:]), 255, np.uint8)
    return np.concatenate([pictures[0], gap, pictures[1], gap, pictures[2]], 1)


def jpeg_address(picture: NDArray) -> str:
    """A preview of the picture as a data: address."""
    return _address(_reduced(picture, LARGEST_PREVIEW, LARGEST_PREVIEW), "JPEG", quality=QUALITY)


def png_address(kernel: NDArray) -> str:
    """The kernel, its largest entry white, as a data: address; one pixel an entry."""
    return _address(eight_bit(kernel / kernel.max()), "PNG")


def _address(samples: NDArray[np.uint8], format: str, **options: Any) -> str:
    from PIL import Image

    written = io.BytesIO()
    Image.fromarray(samples).save(written, format, **options)
    return f"data:image/{format.lower()};base64,{base64.b64encode(written.getvalue()).decode()}"


def _reduced(picture: NDArray, height: int, width: int) -> NDArray[np.uint8]:
    """The picture in 8 bit, made smaller to fit into the rectangle where it is larger."""
    from PIL import Image

    factor = min(1.0, height / picture.shape[0], width / picture.shape[1])
    size = [max(1, round(n * factor)) for n in (picture.shape[1], picture.shape[0])]
    drawn = Image.fromarray(eight_bit(picture))
    return np.asarray(drawn if factor == 1 else drawn.resize((size[0], size[1]), Image.Resampling.LANCZOS))


def _slider(what: str, before: NDArray, after: NDArray, frame: str = "", *, sharp: bool = False) -> str:
    """Two pictures on top of each other, and the handle that parts them."""
    height, width = before.shape[:2]
    return (
        f'<div class="slider{" pixels" if sharp else ""}" style="--ratio: {width} / {height}">'
        f'<img src="{jpeg_address(after)}" alt="{what}, restored">'
        f'<img class="before" src="{jpeg_address(before)}" alt="{what} as it was">'
        f'{frame}<span class="bar"></span><span class="label left">before</span><span class="label right">after</span>'
        f'<input type="range" min="0" max="100" value="50" step="0.5" aria-label="{what}: how much is shown as it was">'
        "</div>"
    )


def _frame(region: Region | None, shape: tuple[int, ...]) -> str:
    """The outline of the region on the picture."""
    if region is None or region[2:] == shape:
        return ""
    top, left, height, width = (100 * n / m for n, m in zip(region, (*shape, *shape), strict=True))
    return (
        f'<span class="frame" style="top: {top:.2f}%; left: {left:.2f}%; height: {height:.2f}%; width: {width:.2f}%">'
        "</span>"
    )


def _zoom(shown: Shown) -> str:
    """The region at its own resolution; without one, the middle of the picture."""
    shape = shown.before.shape[:2]
    region, words = shown.region, "The region on which the search for the kernel ended."
    if region is None or region[2:] == shape:
        height, width = (min(n, max(96, n // 3)) for n in shape)
        region = ((shape[0] - height) // 2, (shape[1] - width) // 2, height, width)
        given = shown.record["outcome"]["name"] == "RESTORED"
        words = f"The middle of the picture; the kernel was {'given' if given else 'sought on all of it'}."
    top, left, height, width = region
    window = np.s_[top : top + height, left : left + width]
    place = f"{width} x {height} px from {left} px right and {top} px down."
    slider = _slider("The region, enlarged", shown.before[window], shown.after[window], sharp=True)
    return f"{slider}<p>{words} {place}</p>"


def _uncertainty(shown: Shown) -> str:
    """The figure of an ensemble's uncertainty."""
    if shown.uncertainty is None:
        return ""
    fits, white = shown.record["config"]["ensemble"], uncertainty_white(shown.uncertainty)
    return (
        f'<h2>Where the fits differ</h2><figure><img class="map" alt="The uncertainty of every pixel" '
        f'src="{jpeg_address(uncertainty_picture(shown.uncertainty) / 255)}"><figcaption>'
        f"The uncertainty of every pixel: its standard deviation over {fits} fits, each with a seed of its own and all "
        f"but the first with fresh noise added. Black is 0, white {white:.3g} "
        "and more, where the values of the picture go from 0 to 1. "
        "What all the fits get wrong alike is not in it.</figcaption></figure>"
    )


def _scores(scores: dict[str, Any]) -> str:
    if not scores:
        return ""
    rows = {name: f"{score['psnr'] or float('inf'):.2f} dB, SSIM {score['ssim']:.3f}" for name, score in scores.items()}
    return f"<h2>Against the truth</h2>{_table(rows)}"


def _table(rows: dict[str, Any]) -> str:
    cells = (
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(str(value))}</td></tr>' for name, value in rows.items()
    )
    return f"<table>{''.join(cells)}</table>"
