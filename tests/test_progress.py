"""What is shown of long work, on a terminal and in a log."""

from __future__ import annotations

import io
import logging
import re
from types import SimpleNamespace

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
    with progress.study_progress(3, console=console) as shown:
        for part in (("read", "join"), ("scan", "1"), ("scan", "2")):
            shown.begin(part)
            label = f"{progress.label_of(*part)} items"
            assert list(progress.track(iter("abcd"), label, 4)) == list("abcd")
            if part != ("scan", "2"):
                shown.end(part, 1.0)
    text = written(console)
    assert "study: scan 2" in text
    assert "2/3" in text
    assert "scan 1 items" in text
    assert "0/4" in text


def test_bars_end_with_their_work_even_when_it_fails() -> None:
    console = terminal()

    def failing() -> None:
        with progress.study_progress(1, console=console) as shown:
            shown.begin(("scan", "1"))
            for item in progress.track(range(3), "scan 1", 3):
                if item == 1:
                    raise RuntimeError

    with pytest.raises(RuntimeError):
        failing()
    assert progress._study.get() is None


PLANNED = {("read", "0000"): 40.0, ("scan", "1"): 100.0, ("scan", "2"): 60.0, ("report", "all"): 10.0}


def test_time_left_is_what_the_plan_says_before_anything_is_made() -> None:
    left = progress.TimeLeft(PLANNED)
    assert left.seconds() == 210
    assert left.seconds(elapsed=15) == 195
    assert left.seconds(elapsed=1000) == 170  # The running part is taken to end now; the others have not begun.
    assert left.share_done == 0


def test_parts_of_a_stage_share_the_jobs_and_stages_wait_for_each_other() -> None:
    assert progress.TimeLeft(PLANNED, jobs=2).seconds() == 40 + 100 + 10
    assert progress.TimeLeft({("scan", str(k)): 10.0 for k in range(6)}, jobs=3).seconds() == 20


def test_a_machine_of_half_the_speed_needs_twice_the_time() -> None:
    """Measured times count the more the more has been measured: (10 + 80) / (10 + 40) after the first part."""
    left = progress.TimeLeft(PLANNED)
    left.computed(("read", "0000"), 80.0)
    assert left.pace == pytest.approx(90 / 50)
    assert left.seconds() == pytest.approx(170 * 90 / 50)
    left.computed(("scan", "1"), 200.0)
    left.computed(("scan", "2"), 120.0)
    assert left.pace == pytest.approx(410 / 210)
    assert left.share_done == pytest.approx(200 / 210)


def test_a_fresh_part_takes_no_time_and_says_nothing_about_speed() -> None:
    left = progress.TimeLeft(PLANNED)
    left.skipped(("read", "0000"))
    left.skipped(("traits", "all"))  # Fresh from the beginning, so not among those planned.
    assert (left.pace, left.seconds()) == (1, 170)
    assert progress.TimeLeft({}).seconds() == 0
    assert progress.TimeLeft({}).share_done == 1


def test_steps_of_a_part_replace_its_plan_as_they_are_done() -> None:
    """A part planned for 40 s has taken 10 s; at its rate, its other steps take 2 s."""
    left = progress.TimeLeft(PLANNED)
    for share, of_part in ((0.0, 30.0), (0.5, 16.0), (1.0, 2.0)):
        assert left.seconds(elapsed=10, share=share, at_rate=2.0) == pytest.approx(170 + of_part)


def test_the_time_left_of_a_study_follows_its_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr("ecgwas.progress.time.monotonic", lambda: clock[0])
    console = Console(file=io.StringIO())
    with progress.study_progress(5, progress.TimeLeft(PLANNED), console=console) as shown:
        shown.end(("represent", "pca"), None)
        shown.begin(("read", "0000"))
        for _ in progress.track(range(4), "recordings", 4):
            clock[0] += 5
        clock[0] = 20.0
        assert shown.seconds_left() == pytest.approx(170 + 20)
        steps = progress.track(range(4), "fiducial points", 4)
        next(steps)
        clock[0] = 21.0
        next(steps)  # One of four steps is done, after 1 s: 3 s at this rate, 19 s by the plan.
        assert shown.seconds_left() == pytest.approx(170 + 0.75 * 19 + 0.25 * 3)
        shown.end(("read", "0000"), 40.0)
        assert shown.seconds_left() == pytest.approx(170)


def test_without_a_plan_the_time_left_is_unknown() -> None:
    with progress.study_progress(2, console=Console(file=io.StringIO())) as shown:
        shown.begin(("read", "join"))
        assert shown.seconds_left() is None
    assert progress.left_in_words(None) == ""
    assert progress.left_in_words(725.0) == "about 12 min left"


def test_a_run_begins_with_what_it_is_going_to_do() -> None:
    left = progress.TimeLeft(PLANNED)
    assert progress.plan_line(4, 4, left) == "4 parts, about 4 min"
    assert progress.plan_line(14, 4, left) == "14 parts, 10 of them fresh, about 4 min"
    assert progress.plan_line(14, 4, None) == "14 parts, 10 of them fresh"


def test_steps_of_a_study_in_a_log_say_how_long_the_study_takes(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr("ecgwas.progress.time.monotonic", lambda: clock[0])
    caplog.set_level(logging.INFO, "ecgwas")
    with progress.study_progress(5, progress.TimeLeft(PLANNED), console=Console(file=io.StringIO())) as shown:
        shown.begin(("read", "0000"))
        for _ in progress.track(range(2), "recordings", 2):
            clock[0] += 31
    (first, second) = [record.getMessage() for record in caplog.records]
    assert first.startswith("recordings: 1 of 2, 31.0 s each, 31 s left")
    assert first.endswith("of the study about 3 min left")
    assert second.endswith("of the study about 3 min left")


def test_a_log_says_rate_and_time_left(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 1000, 20))
    # Other threads keep the real clock.
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: float(next(clock))))
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
