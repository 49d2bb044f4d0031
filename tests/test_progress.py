"""Progress: the share that is done, the time that is left, and who sees it."""

import io
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inr_deblur.errors import InputError
from inr_deblur.progress import Bar, Log, Part, Silent, Unforeseen, duration, make_progress


class Clock:
    """Seconds that pass when the test says so."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def worked(kind: type[Bar] | type[Log], steps: int, seconds: float) -> str:
    """What `kind` writes over `steps` equal steps of `seconds` each."""
    stream, clock = io.StringIO(), Clock()
    progress = kind(stream, clock)
    progress.start(steps, "deblurring")
    for _ in range(steps):
        clock.now += seconds
        progress.advance(1, "scale 2")
    progress.finish()
    return stream.getvalue()


def test_log_writes_a_line_now_and_then_with_the_time_left():
    lines = worked(Log, steps=100, seconds=1).splitlines()
    assert lines[0] == "deblurring: 0%"
    assert lines[1] == "deblurring: 10%, 1 min 30 s left, scale 2"
    assert len(lines) == 11


def test_bar_draws_one_line_and_clears_it():
    written = worked(Bar, steps=10, seconds=1)
    assert "\n" not in written
    assert "[###############...............]  50%, 5 s left, scale 2" in written
    assert written.endswith("\r\x1b[K")


def test_bar_is_not_drawn_more_than_ten_times_a_second():
    assert worked(Bar, steps=1000, seconds=0.001).count("deblurring") <= 11


def test_bar_stays_within_the_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "30")
    for line in worked(Bar, steps=5, seconds=1).split("\r"):
        assert len(line.removesuffix("\x1b[K")) < 30


@given(total=st.floats(0, 1e6), amounts=st.lists(st.floats(0, 1e6), max_size=5))
def test_share_stays_between_nothing_and_all(total, amounts):
    progress = Log(io.StringIO(), Clock())
    progress.start(total, "")
    for amount in amounts:
        progress.advance(amount)
        assert 0 <= progress.share <= 1


def test_finishing_twice_or_unstarted_is_harmless():
    stream = io.StringIO()
    progress = Bar(stream)
    progress.advance(1)
    progress.finish()
    assert stream.getvalue() == ""
    progress.start(1, "")
    progress.finish()
    written = stream.getvalue()
    progress.finish()
    assert stream.getvalue() == written


@pytest.mark.parametrize(("terminal", "kind"), [(True, Bar), (False, Log)])
def test_auto_is_a_bar_on_a_terminal_alone(monkeypatch, terminal, kind):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    assert isinstance(make_progress("auto"), kind)
    assert isinstance(make_progress("none"), Silent)


def test_silent_writes_nothing(capfd):
    progress = make_progress("none")
    progress.start(2, "deblurring")
    progress.advance(1, "scale 2")
    progress.finish()
    assert capfd.readouterr() == ("", "")


def test_another_kind_is_refused_with_the_near_match():
    with pytest.raises(InputError, match="did you mean bar"):
        make_progress("bars")


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.4, "0 s"), (59.6, "1 min 00 s"), (65, "1 min 05 s"), (7800, "2 h 10 min")]
)
def test_durations_in_words(seconds, words):
    assert duration(seconds) == words


def test_a_part_reports_no_more_than_its_work_and_all_of_it_in_the_end():
    said = []

    class Heard(Silent):
        def advance(self, amount, note=""):
            said.append(amount)

    part = Part(Heard(), 10)
    part.start(99, "not begun anew")
    for amount in (4, 3, 9):
        part.advance(amount)
    part.finish()
    assert sum(said) == 10 and said[:3] == [4, 3, 3]
    early = Part(Heard(), 5)
    early.finish()
    assert sum(said) == 15


def test_unforeseen_work_takes_half_of_what_is_left_of_a_part():
    said: list[float] = []

    class Heard(Silent):
        def advance(self, amount, note=""):
            said.append(amount)

    part = Part(Heard(), 10)
    part.advance(2)
    first = Unforeseen(part, 100)
    for _ in range(4):
        first.advance(25)
    assert said == [2, 1, 1, 1, 1]
    Unforeseen(part, 1).advance(1)
    part.finish()
    assert said[5:] == [2, 2]
