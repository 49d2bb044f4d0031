"""python -m inr_deblur.collect DIR: the runs below a folder as tables and figures.

    results.csv, results.parquet   a line a run: picture, setting, scores, outcome, seconds
    tables.md, tables.tex          by setting, category and kernel, and the differences between settings
    scores.png, differences.png    the same to look at
    jobs.csv                       what a sweep announced: finished, failed (with the reason) or missing

A setting is what differs between the runs apart from picture and seed. Means are over runs; differences are paired by
picture, over the mean of its seeds.
"""

import argparse
import csv
import io
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from inr_deblur.datasets import LAYOUTS, labels
from inr_deblur.errors import InputError
from inr_deblur.files import expanded, shown, writable_folder, write_bytes_whole
from inr_deblur.run_folder import FAILED, MANIFEST, METRICS, flat
from inr_deblur.sweep_tables import METRICS_OF_ROWS, Row, Tables, latex, markdown, sections

NOT_A_SETTING = ("image", "truth", "out", "overwrite", "progress", "seed", "kernel.file", "kernel.truth", "tensorboard")
LISTED = 20  # jobs that are named one by one


@dataclass
class Runs:
    """What lies below a folder."""

    rows: list[Row] = field(default_factory=list)  # of the finished runs
    failed: dict[str, str] = field(default_factory=dict)  # folder: reason
    missing: list[str] = field(default_factory=list)  # folders of announced jobs without a result or a reason

    @property
    def count(self) -> int:
        """All jobs that are known of."""
        return len(self.rows) + len(self.failed) + len(self.missing)


def read_runs(folder: str | os.PathLike[str]) -> Runs:
    """The runs below the folder, each a row. Raises InputError if there are none, finished or announced."""
    top = expanded(folder)
    announced: set[str] = set()
    records: dict[str, dict[str, Any]] = {}
    runs = Runs()
    for place, names in _places(top):
        relative = place.relative_to(top).as_posix()
        if MANIFEST in names:
            announced |= {(Path(relative) / job).as_posix() for job in _json(place / MANIFEST).get("jobs", [])}
        if FAILED in names:  # a metrics.json beside it is of another setting or version
            runs.failed[relative] = _json(place / FAILED).get("reason", "no reason is known")
        elif METRICS in names and "outcome" in (record := _json(place / METRICS)):  # others write such files, too
            records[relative] = record
    runs.missing = sorted(announced - set(records) - set(runs.failed))
    if not runs.count and not records:
        raise InputError(f"There are no runs below {shown(top)}: give the folder that `out` named, or outputs.")
    configs = {place: flat(record["config"]) for place, record in records.items()}
    varying = _varying(list(configs.values()))
    runs.rows = [_row(place, record, configs[place], varying) for place, record in records.items()]
    runs.rows.sort(key=lambda r: (str(r["dataset"]), str(r["picture"]), str(r["setting"]), r["seed"]))
    return runs


def _places(top: Path) -> Iterator[tuple[Path, set[str]]]:
    """Every folder below, hidden ones left out, with the names of its files."""
    for place, folders, files in os.walk(top):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield Path(place), set(files)


def _json(path: Path) -> dict[str, Any]:
    """The content of a file, empty if that is no record."""
    try:
        content = json.loads(path.read_bytes())
        return content if isinstance(content, dict) else {}
    except (OSError, ValueError):
        return {}


def _varying(configs: Sequence[Mapping[str, Any]]) -> list[str]:
    """The settings that are not the same in all runs."""
    names = sorted({name for config in configs for name in config})
    names = [n for n in names if n not in NOT_A_SETTING and (not n.startswith("dataset.") or n == "dataset.known")]
    return [name for name in names if len({repr(config.get(name)) for config in configs}) > 1]


def _row(place: str, record: Mapping[str, Any], config: Mapping[str, Any], varying: Sequence[str]) -> Row:
    """One run as a line of a table."""
    dataset = config.get("dataset.name") or ""
    picture = config["dataset.picture"] if dataset else Path(config["image"]).stem
    category, kernel = labels(dataset, picture) if dataset in LAYOUTS else ("", "")
    scores = record.get("scores") or {}
    result, blurry = scores.get("result") or {}, scores.get("input") or {}
    psnr, before = result.get("psnr"), blurry.get("psnr")
    return {
        "dataset": dataset,
        "picture": picture,
        "category": category,
        "kernel": kernel,
        "setting": ", ".join(f"{name}={config.get(name)}" for name in varying) or "all",
        "seed": record["seed"],
        "psnr": psnr,
        "ssim": result.get("ssim"),
        "blurry psnr": before,
        "blurry ssim": blurry.get("ssim"),
        "gain": None if psnr is None or before is None else psnr - before,
        "similarity": record["kernel"].get("similarity"),
        "outcome": record["outcome"]["name"],
        "flagged": int(not record["outcome"]["ok"]),
        "confidence": record["outcome"]["confidence"],
        "noise": record["noise"],
        "seconds": record["seconds"]["fit"],
        "device": record["device"],
        "version": record["versions"]["inr_deblur"],
        **{name: config.get(name) for name in varying},
        "folder": place,
    }


def summary(runs: Runs, named: int = LISTED) -> str:
    """What became of the jobs, in words."""
    lines = [f"{runs.count} jobs: {len(runs.rows)} finished, {len(runs.failed)} failed, {len(runs.missing)} missing"]
    lines += [f"failed: {place}: {reason}" for place, reason in sorted(runs.failed.items())[:named]]
    lines += [f"missing: {place}" for place in runs.missing[:named]]
    return "\n".join(lines)


def write_all(runs: Runs, out: Path, metric: str) -> list[str]:
    """Write tables and figures into the folder; returns sentences on what could not be written."""
    tables = sections(runs.rows, metric)
    states = [{"folder": r["folder"], "state": "finished", "reason": ""} for r in runs.rows]
    states += [{"folder": place, "state": "failed", "reason": why} for place, why in sorted(runs.failed.items())]
    states += [{"folder": place, "state": "missing", "reason": ""} for place in runs.missing]
    write_bytes_whole(out / "jobs.csv", _csv(states))
    write_bytes_whole(out / "results.csv", _csv(runs.rows))
    text = "\n\n".join(["# Results", summary(runs), *(f"## {name}\n\n{markdown(t)}" for name, t in tables.items())])
    write_bytes_whole(out / "tables.md", f"{text}\n".encode())
    write_bytes_whole(out / "tables.tex", "\n".join(latex(name, t) for name, t in tables.items()).encode())
    notes = [_parquet(runs.rows, out / "results.parquet")]
    return [note for note in [*notes, *_figures(runs.rows, tables, metric, out)] if note]


def _csv(rows: Sequence[Mapping[str, Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]) if rows else ["folder"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def _parquet(rows: Sequence[Row], path: Path) -> str:
    """Write the rows, or return the sentence that says why not."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        return f'{path.name} is left out: it needs pip install "inr_deblur[tables]".'
    columns = {name: [row[name] for row in rows] for name in (rows[0] if rows else ())}
    for name, values in columns.items():
        if any(isinstance(value, str) for value in values):  # kernel.size is a number or a word
            columns[name] = [None if value is None else str(value) for value in values]
    pyarrow.parquet.write_table(pyarrow.table(columns), path)
    return ""


def _figures(rows: Sequence[Row], tables: Tables, metric: str, out: Path) -> list[str]:
    scored = [r for r in rows if r[metric] is not None]
    if not scored:
        return [f"Figures are left out: no run has a {metric}."]
    from inr_deblur.plots import setting_differences, setting_scores

    setting_scores(scored, metric).savefig(out / "scores.png", dpi=120)
    if tables.get("Differences"):
        setting_differences(scored, metric).savefig(out / "differences.png", dpi=120)
    return []


def main(argv: list[str] | None = None) -> int:
    """Run the command with these arguments, by default the program's; returns its exit code."""
    parser = argparse.ArgumentParser("python -m inr_deblur.collect", description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("folder", metavar="DIR", help="folder with runs, at any depth")
    parser.add_argument("--out", help="folder of the tables, DIR/collected unless given")
    parser.add_argument("--metric", default="psnr", choices=METRICS_OF_ROWS, help="what is compared (psnr)")
    given = parser.parse_args(argv)
    try:
        runs = read_runs(given.folder)
        out = writable_folder(given.out or Path(given.folder) / "collected")
        notes = write_all(runs, out, given.metric)
    except InputError as error:
        print(error, file=sys.stderr)
        return 1
    print("\n".join([summary(runs), *notes]))
    for name, table in list(sections(runs.rows, given.metric).items())[:1]:
        print(f"\n{name}\n{markdown(table)}")
    print(f"\n{out.absolute()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
