"""Tables of records: CSV for programs, Markdown for people, each with where and how it was made."""

import csv
import io
import os
import platform
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from statistics import mean, median

from runner import BLIND, KNOWN, Record, code_version

from inr_deblur.files import write_bytes_whole
from inr_deblur.metrics import error_ratio

Value = str | int | float | None
Row = Mapping[str, Value]

LOST = 3.0  # dB below the result with the true kernel from which on a kernel counts as lost
GOOD = 3.0  # dB above the blurry input from which on a result should not be flagged
DIGITS = {"level": 4, "ssim": 4, "similarity": 3, "confidence": 2, "noise": 4, "seconds": 1, "ratio": 2, "psnr": 2}


def rows_of(records: Sequence[Record], labels: Callable[[str], dict[str, Value]]) -> list[dict[str, Value]]:
    """A row for each blind record, with its labels by name, and what the true kernel reached where that was run."""
    known = {record.name: record for record in records if record.variant == KNOWN}
    return [row(r, known.get(r.name), **labels(r.name)) for r in records if r.variant == BLIND]


def row(record: Record, known: Record | None = None, **labels: Value) -> dict[str, Value]:
    """All that a CSV says of one fit; known: the same engine's record with the true kernel."""
    values = {
        "name": record.name,
        **labels,
        "psnr": record.psnr,
        "ssim": record.ssim,
        "blurry psnr": record.blurry_psnr,
        "blurry ssim": record.blurry_ssim,
        "gain": record.gain,
        "similarity": record.similarity,
        "whole-pixel similarity": record.whole_similarity,
        "kernel side": record.kernel_side,
        "seconds": record.seconds,
        "outcome": record.outcome,
        "flagged": int(not record.ok),
        "confidence": record.confidence,
        "noise": record.noise,
        "device": record.device,
    }
    if known:
        values |= {"known psnr": known.psnr, "known ssim": known.ssim}
        values |= {"error ratio": error_ratio(record.ssd, known.ssd)}
    return values


def summary(rows: Sequence[dict[str, Value]], **labels: Value) -> dict[str, Value]:
    """One line for many fits.

    psnr, ssim, gain, similarity: means; seconds: median; flagged: how many the engine doubts; below: how many are
    worse than their blurry input; missed: those of them not flagged; alarms: flagged although they gained 3 dB; lost:
    more than 3 dB below the result with the true kernel.
    """

    def all_of(column: str) -> list[float]:
        return [float(r[column] or 0) for r in rows]

    gains, flags = all_of("gain"), all_of("flagged")
    line = {**labels, "pairs": len(rows), "psnr": mean(all_of("psnr")), "ssim": mean(all_of("ssim"))}
    line |= {"gain": mean(gains), "worst psnr": min(all_of("psnr")), "least gain": min(gains)}
    line |= {"similarity": mean(all_of("similarity")), "seconds": median(all_of("seconds"))}
    line |= {"flagged": int(sum(flags)), "below": sum(gain < 0 for gain in gains)}
    line |= {"missed": sum(gain < 0 and not flag for gain, flag in zip(gains, flags, strict=True))}
    line |= {"alarms": sum(gain > GOOD and flag > 0 for gain, flag in zip(gains, flags, strict=True))}
    rows = [r for r in rows if "known psnr" in r]
    if rows:
        ratios, known = all_of("error ratio"), all_of("known psnr")
        line |= {"known psnr": mean(known), "known ssim": mean(all_of("known ssim"))}
        line |= {"lost": sum(k - p > LOST for k, p in zip(known, all_of("psnr"), strict=True))}
        line |= {"error ratio": mean(ratios), "largest ratio": max(ratios)}
    return line


def by(rows: Sequence[dict[str, Value]], column: str) -> list[dict[str, Value]]:
    """A summary for each value of a column."""
    values = sorted({r[column] for r in rows}, key=lambda value: (isinstance(value, str), value))
    return [summary([r for r in rows if r[column] == value], **{column: value}) for value in values]


def write_tables(
    out: str, title: str, rows: Sequence[Row], sections: Mapping[str, Sequence[Row]], say: Callable[[str], None] = print
) -> None:
    """Write OUT/TITLE.csv, a line a fit, and OUT/TITLE.md, a table a section; say the first section and the places."""
    folder = Path(out)
    made = provenance()
    table = io.StringIO()
    table.writelines(f"# {line}\n" for line in made)
    writer = csv.DictWriter(table, columns(rows))
    writer.writeheader()
    writer.writerows(rows)
    write_bytes_whole(folder / f"{title}.csv", table.getvalue().encode())
    parts = [f"# {title}", "\n".join(f"- {line}" for line in made)]
    parts += [f"## {name}\n\n{markdown(lines)}" for name, lines in sections.items() if lines]
    write_bytes_whole(folder / f"{title}.md", ("\n\n".join(parts) + "\n").encode())
    name, lines = next(iter(sections.items()))
    say(f"\n{name}\n{markdown(lines)}\n\n{folder / title}.md and .csv")


def provenance() -> list[str]:
    """When, by what and on which machine: the head of every table."""
    script = Path(sys.argv[0]).resolve()
    return [
        f"date: {datetime.now().astimezone().isoformat(timespec='minutes')}",
        f"inr_deblur: {code_version()}, jax {version('jax')}, Python {platform.python_version()}",
        f"machine: {_processor()}, {os.cpu_count()} cores",
        f"command: python {shlex.join([f'{script.parent.name}/{script.name}', *sys.argv[1:]])}",
    ]


def _processor() -> str:
    """The processor's name, as far as the system tells it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def markdown(rows: Sequence[Row]) -> str:
    """A Markdown table; what a row lacks stays empty."""
    names = columns(rows)
    lines = [names, ["---"] * len(names), *([_shown(name, r.get(name)) for name in names] for r in rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def columns(rows: Sequence[Row]) -> list[str]:
    """The keys of all the rows, in the order in which they come."""
    return list(dict.fromkeys(name for r in rows for name in r))


def _shown(column: str, value: Value) -> str:
    """A value with the digits that its column's last word deserves."""
    if not isinstance(value, float):
        return "" if value is None else str(value)
    return f"{value:.{DIGITS.get(column.split()[-1], 2)}f}"
