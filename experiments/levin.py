"""Blind deblurring of the pairs of Levin et al. (CVPR 2009), by the published protocol, beside published methods.

    python experiments/levin.py data_dir=DIR [kernel.size=31] [seed=0] [workers=2] [nonblind=true] [key=value ...]

DIR holds blurry/, sharp/ and kernels/, and may hold peers.csv: name, then METHOD_psnr and METHOD_ssim for each method.
nonblind=true also restores every picture with its true kernel, for the error ratio.
"""

import csv
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

from options import run_script
from pairs import find_pairs
from runner import Case, Options, run_cases
from tables import Row, by, rows_of, summary, write_tables


@dataclass(frozen=True)
class LevinOptions(Options):
    """What the command line may say."""

    out: str = "outputs/levin"  # folder of the tables


def main(options: LevinOptions) -> int:
    """Run, write the tables, say the means; 1 if a fit raised."""
    cases = [Case(pair, options.fit) for pair in find_pairs(options.data_dir, options.subset)]
    records, failed = run_cases(cases, options)
    rows = rows_of(records, lambda name: {"kernel": name.rpartition("_")[2]})
    if rows:
        peers = read_peers(Path(options.data_dir) / "peers.csv")
        sections = {
            "Mean": [summary(rows)],
            "Beside others": beside(rows, peers),
            "Per kernel": by(rows, "kernel"),
            "Per image": [r | others(str(r["name"]), peers) for r in rows],
        }
        write_tables(options.out, "levin", rows, sections)
    return int(failed > 0)


def read_peers(path: Path) -> dict[str, dict[str, float]]:
    """Published figures by name: column to value; empty without the file."""
    if not path.exists():
        return {}
    with open(path, newline="") as file:
        return {r.pop("name"): {column: float(value) for column, value in r.items()} for r in csv.DictReader(file)}


def others(name: str, peers: dict[str, dict[str, float]]) -> dict[str, float]:
    """The PSNR of the other methods on one picture."""
    return {
        column: v for column, v in peers.get(name, {}).items() if column.endswith("_psnr") and "blurry" not in column
    }


def beside(rows: list[dict], peers: dict[str, dict[str, float]]) -> list[Row]:
    """Means of every method over the pictures that all have figures for."""
    common = [r for r in rows if r["name"] in peers]
    if not common:
        return []
    lines: list[Row] = [_method("ours", [(r["psnr"], r["ssim"]) for r in common])]
    columns = next(iter(peers.values()))
    for method in dict.fromkeys(column.rpartition("_")[0] for column in columns):
        figures = [peers[r["name"]] for r in common]
        lines.append(_method(method, [(f[f"{method}_psnr"], f[f"{method}_ssim"]) for f in figures]))
    return lines


def _method(name: str, figures: list[tuple[float, float]]) -> Row:
    """One method's line."""
    psnr, ssim = zip(*figures, strict=True)
    return {"method": name, "pairs": len(figures), "psnr": mean(psnr), "ssim": mean(ssim), "worst psnr": min(psnr)}


if __name__ == "__main__":
    run_script(main, LevinOptions, __doc__)
