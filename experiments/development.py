"""Blind deblurring of the development set, beside the same engine with the true kernels: how often is the search lost?

    python experiments/devset.py out=devset
    python experiments/development.py data_dir=devset [subset=quick] [seed=0] [workers=2] [key=value ...]

subset=quick takes the 24 varied pairs that the manifest names; globs of names work too (`*_smooth_*`).
"""

import csv
from dataclasses import dataclass
from pathlib import Path

from options import run_script
from pairs import find_pairs
from runner import Case, Options, run_cases
from tables import Value, by, rows_of, summary, write_tables

from inr_deblur.errors import InputError

SIZES = (15, 25, 45)  # kernels are grouped by these bounds


@dataclass(frozen=True)
class DevelopmentOptions(Options):
    """What the command line may say."""

    out: str = "outputs/development"  # folder of the tables
    nonblind: bool = True  # restore with the true kernels too, which tells what the blind search loses


def main(options: DevelopmentOptions) -> int:
    """Run, write the tables, say the summary; 1 if a fit raised."""
    manifest = read_manifest(Path(options.data_dir) / "manifest.csv")
    subset = options.subset
    if subset == "quick":
        subset = ",".join(name for name, line in manifest.items() if line["quick"] == "True")
    cases = [Case(pair, options.fit) for pair in find_pairs(options.data_dir, subset)]
    records, failed = run_cases(cases, options)
    rows = rows_of(records, lambda name: labels(manifest[name]))
    if rows:
        sections = {"All": [summary(rows)]}
        sections |= {f"By {column}": by(rows, column) for column in ("family", "texture", "level", "size", "side")}
        sections["Per pair, worst first"] = sorted(rows, key=_shortfall)
        write_tables(options.out, "development", rows, sections)
    return int(failed > 0)


def read_manifest(path: Path) -> dict[str, dict[str, str]]:
    """The lines of the manifest by name. Raises InputError if there is none."""
    if not path.exists():
        raise InputError(f"{path} does not exist: make the set with python experiments/devset.py out={path.parent}.")
    with open(path, newline="") as file:
        return {line["name"]: line for line in csv.DictReader(file)}


def labels(line: dict[str, str]) -> dict[str, Value]:
    """What the tables group a pair by; size: the range that the kernel's side lies in."""
    size = int(line["size"])
    bounds = [7, *(bound + 1 for bound in SIZES)]
    low = max(bound for bound in bounds if bound <= size)
    high = next((str(bound) for bound in SIZES if bound >= size), "")
    return {
        "family": line["family"],
        "texture": line["texture"],
        "level": float(line["noise"]),
        "size": f"{low:02d}-{high}",
        "side": int(line["side"]),
    }


def _shortfall(row: dict[str, Value]) -> float:
    """How far the result lies from that with the true kernel, or from none, negative."""
    return float(row["psnr"] or 0) - float(row.get("known psnr") or 0)


if __name__ == "__main__":
    run_script(main, DevelopmentOptions, __doc__)
