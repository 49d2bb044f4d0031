"""How well do the confidence and the outcome tell good results from bad ones, without the truth?

    python experiments/confidence.py tables=outputs/lai/lai.csv,outputs/levin/levin.csv

Reads the tables that other experiments wrote, all fits together. A result is good if it gains 3 dB over its
blurry input.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median

import numpy as np
from ensemble import rank_correlation
from omegaconf import MISSING
from options import run_script
from tables import GOOD, Row, Value, write_tables

from inr_deblur.errors import InputError
from inr_deblur.files import writable_folder

BOUNDS = 0.25, 0.5, 0.75, 0.95  # of the confidence, between groups
NEEDED = "name", "gain", "similarity", "outcome", "flagged", "confidence"


@dataclass(frozen=True)
class ConfidenceOptions:
    """What the command line may say."""

    tables: str = MISSING  # CSV files of other experiments, with commas between them
    out: str = "outputs/confidence"  # folder of the tables


def main(options: ConfidenceOptions) -> int:
    """Write the tables, say how well the confidence ranks."""
    writable_folder(Path(options.out))
    rows = [row for table in options.tables.split(",") for row in read(table)]
    outcomes = dict.fromkeys(str(row["outcome"]) for row in rows)
    sections = {
        "All": [ranking(rows)],
        "By confidence": [
            group([row for row in rows if low <= float(row["confidence"] or 0) < high], confidence=f"{low:.2f} to")
            for low, high in zip((0.0, *BOUNDS), (*BOUNDS, 2.0), strict=True)
        ],
        "By outcome": [group([row for row in rows if row["outcome"] == each], outcome=each) for each in outcomes],
    }
    write_tables(options.out, "confidence", rows, {name: [line for line in s if line] for name, s in sections.items()})
    return 0


def read(path: str) -> list[dict[str, Value]]:
    """The fits of a table. Raises InputError if it is none."""
    table = Path(path)
    if not table.exists():
        raise InputError(f"{table} does not exist: give the CSV file that an experiment wrote.")
    with open(table, newline="") as file:
        lines = list(csv.DictReader(line for line in file if not line.startswith("#")))
    if not lines or any(lines[0].get(name) is None for name in NEEDED):
        raise InputError(f"{table} is no table of fits: it needs the columns {', '.join(NEEDED)}.")
    numbers = {name: [float(line[name]) for line in lines] for name in ("gain", "similarity", "flagged", "confidence")}
    words = {name: [line[name] for line in lines] for name in ("name", "outcome")}
    return [{name: values[i] for name, values in {**words, **numbers}.items()} for i in range(len(lines))]


def ranking(rows: Sequence[Row]) -> Row:
    """One line on all fits.

    gain rank, similarity rank: Spearman's correlation with the confidence; good told: the probability that of two
    results, one good and one not, the good one has the higher confidence, ties counted half.
    """
    columns = {name: np.array([float(row[name] or 0) for row in rows]) for name in ("confidence", "gain", "similarity")}
    confidence, good = columns["confidence"], columns["gain"] >= GOOD
    line: dict[str, Value] = {"fits": len(rows), "good": int(good.sum())}
    for name in ("gain", "similarity"):
        line[f"{name} rank"] = rank_correlation(confidence, columns[name])
    if 0 < good.sum() < len(good):
        pairs = np.subtract.outer(confidence[good], confidence[~good])
        line["good told"] = float(((pairs > 0) + (pairs == 0) / 2).mean())
    return line


def group(rows: Sequence[Row], **labels: Value) -> Row:
    """One line on some fits, empty if there are none. below: how many are worse than their blurry input."""
    if not rows:
        return {}
    gains = [float(row["gain"] or 0) for row in rows]
    line: dict[str, Value] = {**labels, "fits": len(rows), "flagged": sum(int(float(r["flagged"] or 0)) for r in rows)}
    line |= {"gain": mean(gains), "median gain": median(gains), "least gain": min(gains)}
    line |= {"good": sum(g >= GOOD for g in gains), "below": sum(g < 0 for g in gains)}
    return line | {"similarity": mean(float(row["similarity"] or 0) for row in rows)}


if __name__ == "__main__":
    run_script(main, ConfidenceOptions, __doc__)
