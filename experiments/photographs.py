"""Real photographs, which have no truth: restores all of a folder, and says how sharp and how clean they became.

    python experiments/photographs.py data_dir=FOLDER out=outputs/photographs [settings="preset=fast seed=1"]

The runs lie in OUT/runs, a folder each, as the command leaves them; what is finished is not run again. Beside them a
table with measures that need no truth, and contact sheets, input, result and kernel in a row, since no such measure
replaces looking. The measures, on luminance, before and after:

- width: standard deviation, in pixels, of the narrowest edges, as Polyblur reads it: smaller is sharper;
- reversed: of the result's squared slopes, the share that runs against the input's: grows with ringing and ghosts;
- noise: standard deviation of white noise, which a restoration should not raise.
"""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median

import numpy as np
from free_pictures import Picture
from omegaconf import MISSING
from options import run_script
from tables import Row, write_tables

from inr_deblur.colour import luminance
from inr_deblur.files import writable_folder
from inr_deblur.folder import find_pictures, result_folders
from inr_deblur.image_io import read_picture
from inr_deblur.noise import white_noise
from inr_deblur.outcome import spread
from inr_deblur.polyblur import estimate
from inr_deblur.report import overview
from inr_deblur.run import main as run_command
from inr_deblur.run_folder import read_record

ROWS, COLUMNS, HEIGHT = 8, 2, 200  # of a contact sheet; pixels of a row
LABEL = 18  # pixels below each row


@dataclass(frozen=True)
class Options:
    """What the command line may say."""

    data_dir: str = MISSING  # folder of photographs, or a pattern
    out: str = "outputs/photographs"  # folder of runs, tables and sheets
    settings: str = ""  # further settings of the command, with spaces between them


def reversed_share(before: np.ndarray, after: np.ndarray) -> float:
    """The share of the squared slopes of `after` (H, W) that runs against those of `before`."""
    (a, b), (c, d) = np.gradient(before), np.gradient(after)
    square = c**2 + d**2
    return float(square[a * c + b * d < 0].sum() / max(square.sum(), 1e-12))


def measure(picture: Path, folder: Path) -> tuple[Row, Picture] | None:
    """A row of the table and a row of the contact sheet; None where the run failed."""
    record = read_record(folder)
    if record is None:
        return None
    result = read_picture(next(folder.glob("deblurred.*"))).values
    blurry = read_picture(picture).values
    before, after = luminance(blurry), luminance(result)
    widths = [(bell.along * bell.across) ** 0.5 for bell in (estimate(before), estimate(after))]
    kernel = np.load(folder / "kernel.npy")
    row = {
        "picture": picture.name,
        "height": blurry.shape[0],
        "width": blurry.shape[1],
        "outcome": record["outcome"]["name"],
        "confidence": record["outcome"]["confidence"],
        "kernel side": max(record["kernel"]["extent"]),
        "kernel spread": spread(kernel),
        "width before": widths[0],
        "width after": widths[1],
        "reversed": reversed_share(before, after),
        "noise before": white_noise(before),
        "noise after": white_noise(after),
        "seconds": record["seconds"]["total"],
    }
    return row, overview(blurry, result, kernel)


def contact_sheets(folder: Path, entries: list[tuple[str, Picture]]) -> None:
    """Write OUT/sheet_1.jpg and so on: the rows of `overview`, each with its name below."""
    from PIL import Image, ImageDraw

    for page, first in enumerate(range(0, len(entries), ROWS * COLUMNS), 1):
        chosen = entries[first : first + ROWS * COLUMNS]
        strips = []
        for words, sheet in chosen:
            strip = Image.fromarray(sheet).convert("RGB")
            strip.thumbnail((4 * HEIGHT, HEIGHT))
            strips.append((words, strip))
        wide = max(strip.width for _, strip in strips) + 12
        sheet = Image.new("RGB", (COLUMNS * wide, -(-len(strips) // COLUMNS) * (HEIGHT + LABEL)), "white")
        pen = ImageDraw.Draw(sheet)
        for number, (words, strip) in enumerate(strips):
            corner = (number % COLUMNS * wide, number // COLUMNS * (HEIGHT + LABEL))
            sheet.paste(strip, corner)
            pen.text((corner[0] + 2, corner[1] + HEIGHT + 3), words, fill="black")
        sheet.save(folder / f"sheet_{page}.jpg", quality=90)


def summary(rows: list[Row]) -> list[Row]:
    """Means by outcome."""
    lines = []
    for outcome, count in Counter(row["outcome"] for row in rows).most_common():
        here = [row for row in rows if row["outcome"] == outcome]
        line: dict = {"outcome": outcome, "pictures": count}
        for column in ("width before", "width after", "reversed", "noise before", "noise after"):
            line[column] = mean(float(row[column] or 0) for row in here)
        lines.append(line | {"seconds": median(float(row["seconds"] or 0) for row in here)})
    return lines


def main(options: Options) -> int:
    """Run the command on the folder, and write tables and sheets; the exit code is the command's."""
    out = writable_folder(options.out)
    runs = str(out / "runs")
    code = run_command([f"image={options.data_dir}", f"out={runs}", *options.settings.split()])
    pictures = find_pictures(options.data_dir) or [Path(options.data_dir)]
    folders = result_folders(pictures, options.data_dir, runs) if len(pictures) > 1 else [Path(runs)]
    measured = [m for m in map(measure, pictures, folders) if m]
    if measured:
        rows = [row for row, _ in measured]
        words = [f"{row['picture']}  {row['outcome']}  {float(row['confidence'] or 0):.0%}" for row in rows]
        contact_sheets(out, list(zip(words, [sheet for _, sheet in measured], strict=True)))
        write_tables(options.out, "photographs", rows, {"By outcome": summary(rows)})
    return code


if __name__ == "__main__":
    run_script(main, Options, __doc__)
