"""What the runs of a sweep say together: means and spreads by setting, and whether settings differ by more than chance.

A row is one run, a mapping of columns to plain values; scores that a run lacks are None and count nowhere.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from statistics import fmean, median, pstdev
from typing import Any

import numpy as np

Row = Mapping[str, Any]
Tables = dict[str, list[dict[str, Any]]]

METRICS_OF_ROWS = ("psnr", "ssim", "gain", "similarity")  # larger is better for all of them
ALL_PAIRS = 8  # settings up to which each is compared with each; with more, each with the first
DIGITS = {"psnr": 2, "gain": 2, "seconds": 1, "p": 4, "all": 4, "share": 2}


def sections(rows: Sequence[Row], metric: str = "psnr") -> Tables:
    """The tables, by their titles; those that would say nothing are left out."""
    tables: Tables = {"By setting": _by(rows, metric, "setting")}
    for column in ("dataset", "category", "kernel"):
        if len({r[column] for r in rows}) > 1:
            tables[f"By {column}"] = _by(rows, metric, column, "setting")
    tables["Differences"] = differences(rows, metric)
    return {title: table for title, table in tables.items() if table}


def _by(rows: Sequence[Row], metric: str, *columns: str) -> list[dict[str, Any]]:
    """A summary for each combination of the columns' values."""
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row[c] for c in columns), []).append(row)
    keys = sorted(groups, key=lambda key: [str(part) for part in key])
    return [dict(zip(columns, key, strict=True)) | summarise(groups[key], metric) for key in keys]


def summarise(rows: Sequence[Row], metric: str) -> dict[str, Any]:
    """One line for many runs: of the metric its mean, median, worst and spread (standard deviation), and the rest."""

    def over(column: str, how: Callable[[list[float]], float]) -> float | None:
        values = [float(r[column]) for r in rows if r[column] is not None]
        return how(values) if values else None

    line: dict[str, Any] = {"runs": len(rows)}
    ways = {"mean": fmean, "median": median, "worst": min, "spread": pstdev}
    line |= {f"{name} {metric}": over(metric, how) for name, how in ways.items()}
    line |= {f"mean {name}": over(name, fmean) for name in METRICS_OF_ROWS if name != metric}
    return line | {"flagged": sum(r["flagged"] for r in rows), "median seconds": over("seconds", median)}


def differences(rows: Sequence[Row], metric: str = "psnr") -> list[dict[str, Any]]:
    """How settings differ on the pictures that both have, with Wilcoxon's signed-rank test.

    Wilcoxon, Individual comparisons by ranking methods (Biometrics Bulletin 1945), two-sided; "p of all" is that of
    Holm, A simple sequentially rejective multiple test procedure (Scandinavian Journal of Statistics 1979), over all
    lines of the table.
    """
    lines = []
    for setting, against, pairs in paired(rows, metric):
        change = np.array([new - old for new, old in pairs])
        lines.append(
            {
                "setting": setting,
                "against": against,
                "pictures": len(change),
                f"mean {metric}": float(change.mean()),
                f"median {metric}": float(np.median(change)),
                f"worst {metric}": float(change.min()),
                f"spread {metric}": float(change.std()),
                "better share": float((change > 0).mean()),
                "p": _wilcoxon(change),
            }
        )
    for line, p in zip(lines, holm([line["p"] for line in lines]), strict=True):
        line["p of all"] = p
    return lines


def paired(rows: Sequence[Row], metric: str) -> list[tuple[str, str, list[tuple[float, float]]]]:
    """For every two settings with pictures in common: the later one, the earlier one, their values picture by picture.

    A picture's value is its mean over the seeds.
    """
    values: dict[str, dict[tuple[str, str], list[float]]] = {}
    for r in rows:
        if r[metric] is not None:
            values.setdefault(r["setting"], {}).setdefault((r["dataset"], r["picture"]), []).append(r[metric])
    means = {s: {picture: fmean(v) for picture, v in of.items()} for s, of in sorted(values.items())}
    two = combinations(means, 2) if len(means) <= ALL_PAIRS else ((next(iter(means)), s) for s in list(means)[1:])
    pairs = [(new, old, [(means[new][p], means[old][p]) for p in means[old] if p in means[new]]) for old, new in two]
    return [pair for pair in pairs if pair[2]]


def _wilcoxon(change: np.ndarray) -> float:
    """The p-value; 1 where nothing differs."""
    from scipy.stats import wilcoxon

    return float(wilcoxon(change)[1]) if change.any() else 1.0  # type: ignore[arg-type]


def holm(values: Sequence[float]) -> list[float]:
    """p-values corrected for there being several of them."""
    corrected = [0.0] * len(values)
    largest = 0.0
    for rank, i in enumerate(sorted(range(len(values)), key=lambda i: values[i])):
        largest = max(largest, min(1.0, (len(values) - rank) * values[i]))
        corrected[i] = largest
    return corrected


def markdown(table: Sequence[Row]) -> str:
    """A Markdown table; the rows have the same columns."""
    names = list(table[0])
    cells = [[shown_value(name, r[name]).replace("|", r"\|") for name in names] for r in table]
    return "\n".join(f"| {' | '.join(line)} |" for line in [names, ["---"] * len(names), *cells])


def latex(title: str, table: Sequence[Row]) -> str:
    """A LaTeX table that needs no package; numbers are set to the right."""
    names = list(table[0])
    sides = "".join("r" if isinstance(table[0][name], int | float) else "l" for name in names)
    lines = [[_escaped(shown_value(name, r[name])) for name in names] for r in table]
    body = [" & ".join(line) + r" \\" for line in [[_escaped(n) for n in names], *lines]]
    return "\n".join(
        [r"\begin{table}", rf"\caption{{{_escaped(title)}}}", rf"\begin{{tabular}}{{{sides}}}", r"\hline", body[0]]
        + [r"\hline", *body[1:], r"\hline", r"\end{tabular}", r"\end{table}", ""]
    )


def _escaped(text: str) -> str:
    return "".join(f"\\{c}" if c in "_%&#$" else c for c in text)


def shown_value(column: str, value: Any) -> str:
    """A value with the digits that its column's last word deserves."""
    if not isinstance(value, float):
        return "" if value is None else str(value)
    if column.partition(" ")[0] == "p" and value < 1e-4:
        return "< 0.0001"
    return f"{value:.{DIGITS.get(column.split()[-1], 3)}f}"
