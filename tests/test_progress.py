"""What is shown of long work, on a terminal and in a log."""

from __future__ import annotations

import io
import logging
import re

import pytest
from rich.console import Console

from ecgwas import progress


def terminal() -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=120, color_system=None)


def written(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", console.file.getvalue())


def test_a_study_and_its_part_share_the_terminal() -> None:
    console = terminal()
    with progress.study_progress(3, console=console) as begin:
        for part in ("read all", "scan 1", "scan 2"):
            begin(part)
            assert list(progress.track(iter("abcd"), f"{part} items", 4)) == list("abcd")
    shown = written(console)
    assert "study: scan 2" in shown
    assert "2/3" in shown
    assert "scan 1 items" in shown
    assert "0/4" in shown


def test_bars_end_with_their_work_even_when_it_fails() -> None:
    console = terminal()

    def failing() -> None:
        with progress.study_progress(1, console=console) as begin:
            begin("scan 1")
            for item in progress.track(range(3), "scan 1", 3):
                if item == 1:
                    raise RuntimeError

    with pytest.raises(RuntimeError):
        failing()
    assert progress._study_bars.get() is None


def test_a_log_has_one_plain_line_for_each_part(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "ecgwas")
    with progress.study_progress(2, console=Console(file=io.StringIO())) as begin:
        begin("read all")
        begin("scan 22")
    lines = [record.getMessage() for record in caplog.records]
    assert [re.sub(r"\d+ s so far", "_", line) for line in lines] == ["part 1 of 2, _: read all", "part 2 of 2, _: scan 22"]


def test_a_log_says_rate_and_time_left(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 1000, 20))
    monkeypatch.setattr("ecgwas.progress.time.monotonic", lambda: float(next(clock)))
    monkeypatch.setattr(progress, "CONSOLE", Console(file=io.StringIO()))
    caplog.set_level(logging.INFO, "ecgwas")
    assert list(progress.track(range(4), "epochs", 4)) == [0, 1, 2, 3]
    lines = [record.getMessage() for record in caplog.records]
    assert [line.rsplit(",", 1)[0] for line in lines] == [
        "epochs: 2 of 4, 20.0 s each, 40 s left",
        "epochs: 4 of 4, 20.0 s each, 0 s left",
    ]


@pytest.mark.parametrize(("speed", "said"), [(None, ""), (0.0, ""), (0.25, "4.0 s each"), (2.0, "2.0/s"), (1234.0, "1234/s")])
def test_rates_in_words(speed: float | None, said: str) -> None:
    assert progress.rate(speed) == said


def test_a_fresh_part_counts_and_has_no_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "ecgwas")
    with progress.study_progress(2, console=Console(file=io.StringIO())) as begin:
        begin("read all", fresh=True)
        begin("scan 22")
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith("part 2 of 2")
