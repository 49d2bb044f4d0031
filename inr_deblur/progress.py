"""How far a fit is: an object that is handed to it, for a terminal, for a log, or for nobody.

The unit of work is the caller's; all that counts is the share that is done. Everything is written to standard error, so
that what a program prints stays its own.
"""

import shutil
import sys
import time
from collections.abc import Callable
from typing import Protocol, TextIO

from inr_deblur.config import one_of

KINDS = ("auto", "bar", "log", "none")


class Progress(Protocol):
    """What a fit reports to."""

    def start(self, total: float, title: str) -> None:
        """Begin: `total` units of work lie ahead."""
        ...

    def advance(self, amount: float, note: str = "") -> None:
        """`amount` more units are done; `note` says what is being done now."""
        ...

    def finish(self) -> None:
        """No more will come, whether all is done or not."""
        ...


class Silent:
    """Shows nothing."""

    def start(self, total: float, title: str) -> None:
        """Nothing to show."""

    def advance(self, amount: float, note: str = "") -> None:
        """Nothing to show."""

    def finish(self) -> None:
        """Nothing to show."""


class Part:
    """A part of a longer run, whose work is known at most: in the end, what it did not need counts as done."""

    def __init__(self, progress: Progress, total: float) -> None:
        self.progress, self.left = progress, total

    def start(self, total: float, title: str) -> None:
        """The run has begun already."""

    def advance(self, amount: float, note: str = "") -> None:
        """So much of the part is done, no more than is left of it."""
        amount = min(amount, self.left)
        self.left -= amount
        self.progress.advance(amount, note)

    def finish(self) -> None:
        """The rest isn't needed. The run goes on."""
        if self.left > 0:
            self.advance(self.left)


class Unforeseen:
    """Work that was not announced, shown as half of what is left of a part, since most runs don't need all of that."""

    def __init__(self, part: Part, total: float) -> None:
        self.part, self.rate = part, part.left / (2 * total)

    def start(self, total: float, title: str) -> None:
        """The run has begun already."""

    def advance(self, amount: float, note: str = "") -> None:
        """So much of the work is done."""
        self.part.advance(self.rate * amount, note)

    def finish(self) -> None:
        """The run goes on."""


class Repeated:
    """Shows several runs of equal work, one after another, as one. Whoever starts them finishes `progress` himself."""

    def __init__(self, progress: Progress, times: int) -> None:
        self.progress, self.times, self.run = progress, times, 0
        self.left = 0.0

    def start(self, total: float, title: str) -> None:
        """Begin a run; the first begins the whole."""
        self.run += 1
        self.left = total
        if self.run == 1:
            self.progress.start(self.times * total, title)

    def advance(self, amount: float, note: str = "") -> None:
        """`amount` more units of this run are done."""
        self.left -= amount
        self.progress.advance(amount, f"fit {self.run} of {self.times}{', ' * bool(note)}{note}")

    def finish(self) -> None:
        """What this run did not need counts as done."""
        if self.left > 0:
            self.advance(self.left)


class _Shown:
    """Counts the work and shows it every `interval` seconds.

    clock: seconds from any origin.
    """

    interval: float

    def __init__(self, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.stream = stream or sys.stderr
        self.clock = clock
        self.running = False

    def start(self, total: float, title: str) -> None:
        """Begin: `total` units of work lie ahead."""
        self.total, self.title, self.done = total, title, 0.0
        self.began = self.last = self.clock()
        self.running = True
        self.show("")

    def advance(self, amount: float, note: str = "") -> None:
        """`amount` more units are done; `note` says what is being done now."""
        if not self.running:
            return
        self.done = min(self.done + amount, self.total)
        if self.clock() - self.last >= self.interval:
            self.last = self.clock()
            self.show(note)

    def finish(self) -> None:
        """No more will come, whether all is done or not."""
        self.running = False

    @property
    def share(self) -> float:
        """How much is done, 0 to 1."""
        return self.done / self.total if self.total > 0 else 1.0

    def status(self, note: str) -> str:
        """The share that is done, the time that is left if the rest goes as fast, and the note."""
        parts = [f"{self.share:4.0%}"]
        if self.share > 0:
            parts.append(f"{duration((self.clock() - self.began) * (1 / self.share - 1))} left")
        return ", ".join(parts + [note] * bool(note))

    def show(self, note: str) -> None:
        """Write the state to the stream."""
        raise NotImplementedError


class Bar(_Shown):
    """One line of a terminal, drawn again and again, gone at the end."""

    interval = 0.1

    def show(self, note: str) -> None:
        """Draw the line over itself."""
        columns = shutil.get_terminal_size().columns
        width = max(10, min(30, columns - 50))
        full = round(width * self.share)
        line = f"{self.title} [{'#' * full}{'.' * (width - full)}] {self.status(note)}"
        self.stream.write(f"\r{line[: columns - 1]}\x1b[K")
        self.stream.flush()

    def finish(self) -> None:
        """Clear the line."""
        if self.running:
            self.stream.write("\r\x1b[K")
            self.stream.flush()
        super().finish()


class Log(_Shown):
    """A line at the start and one now and then, for files and terminals that can't draw a bar."""

    interval = 10.0

    def show(self, note: str) -> None:
        """Write a line."""
        self.stream.write(f"{self.title}: {self.status(note).strip()}\n")
        self.stream.flush()


def make_progress(kind: str) -> Progress:
    """The progress of that kind; auto is a bar on a terminal, a log elsewhere. Raises InputError for another name."""
    one_of("progress", kind, KINDS)
    if kind == "auto":
        kind = "bar" if sys.stderr.isatty() else "log"
    return {"bar": Bar, "log": Log, "none": Silent}[kind]()


def duration(seconds: float) -> str:
    """Seconds in words: 8 s, 1 min 05 s, 2 h 10 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"
