"""The pictures of docs/accuracy.md: the best, the median and the worst of the development set.

    python experiments/case_figures.py data_dir=devset table=outputs/development/development.csv

By what they gain over the blurry input in the table that development.py wrote. These three are fitted again and drawn
one below the other, docs/cases.jpg: input, result with the kernel that was found, truth with the true kernel. All are
made from free pictures.
"""

from dataclasses import dataclass

import numpy as np
from confidence import read
from make_figures import GAP, ROOT, beside, with_kernel
from omegaconf import MISSING
from options import run_script
from pairs import Pair, find_pairs
from PIL import Image

from inr_deblur import deblur
from inr_deblur.picture_range import eight_bit


@dataclass(frozen=True)
class CaseOptions:
    """What the command line may say."""

    data_dir: str = MISSING  # folder of the development set
    table: str = MISSING  # CSV file that development.py wrote


def main(options: CaseOptions) -> int:
    """Write the picture and say which pairs it shows."""
    ranked = sorted(read(options.table), key=lambda row: float(row["gain"] or 0))
    rows = []
    for title, row in (("best", ranked[-1]), ("median", ranked[len(ranked) // 2]), ("worst", ranked[0])):
        (pair,) = find_pairs(options.data_dir, str(row["name"]))
        print(f"{title}: {pair.name}, {row['gain']:+.2f} dB in the table, {row['outcome']}")
        rows.append(panels(pair))
    width = max(row.shape[1] for row in rows)
    sheet = [np.pad(row, [(0, GAP), (0, width - row.shape[1]), (0, 0)], constant_values=255) for row in rows]
    Image.fromarray(np.vstack(sheet)[:-GAP]).save(ROOT / "docs" / "cases.jpg", quality=90)
    return 0


def panels(pair: Pair) -> np.ndarray:
    """Input, result and truth of a pair side by side: (H, W, 3), 8 bits."""
    pictures = pair.read()
    result = deblur(pictures.blurry)
    shown = [_eight_bit(picture) for picture in (pictures.blurry, result.image, pictures.sharp)]
    shown[1:] = [with_kernel(shown[1], result.kernel), with_kernel(shown[2], pictures.kernel)]
    return beside(shown)


def _eight_bit(picture: np.ndarray) -> np.ndarray:
    """(H, W) or (H, W, 3) in [0, 1] -> (H, W, 3)."""
    grey = picture.ndim == 2
    whole = eight_bit(picture)
    return np.stack([whole] * 3, -1) if grey else whole


if __name__ == "__main__":
    run_script(main, CaseOptions, __doc__)
