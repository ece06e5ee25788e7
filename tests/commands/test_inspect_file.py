"""`ecgwas inspect`: right facts, a picture at true scale, and nothing about the person."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from ecgwas.commands import inspect_file
from ecgwas.commands.cli import main
from ecgwas.errors import InputError
from ecgwas.leads import LEADS
from ecgwas.report.figures import ecg_paper, publication
from tests.ecg import vendors
from tests.ecg.make_recordings import make_counts, make_xml, put


def test_lines_of_a_file_with_eight_leads(tmp_path: Path) -> None:
    path = put(tmp_path, "1.xml", vendors.muse())
    lines = inspect_file.inspect(path).lines
    assert lines[:6] == (
        "file      1.xml", "format    GE MUSE XML", "leads     I, II, V1, V2, V3, V4, V5, V6",
        "derived   III, aVR, aVL, aVF from I and II", "rate      500 Hz", "length    10 s, 5000 samples a lead",
    )  # fmt: skip
    assert "usable    yes, rate kept, whole length used" in lines
    measured = {
        line.split()[0]: line.split()[1:] for line in lines[lines.index("usable    yes, rate kept, whole length used") + 1 :]
    }
    assert measured["qt_ms"][0] == "400"
    assert int(measured["qt_ms"][2]) == int(measured["qt_ms"][1]) - 400
    assert measured["p_ms"][0] == "-"
    assert not re.search("do.?not|read", "\n".join(lines).lower())


@pytest.mark.parametrize(("name", "make"), [("1.dcm", vendors.dicom), ("1.edf", vendors.edf), ("1.xml", vendors.philips)])
def test_nobody_is_named(name: str, make: Callable[[], bytes], tmp_path: Path) -> None:
    lines = inspect_file.inspect(put(tmp_path, name, make())).lines
    assert not re.search("do.?not|read|1900", "\n".join(lines).lower())


def test_a_file_that_no_study_would_use_is_shown_all_the_same(tmp_path: Path) -> None:
    lines = inspect_file.inspect(put(tmp_path, "1.xml", vendors.exercise())).lines
    assert "usable    no: fewer than 4 of the eight independent leads: missing lead II, III, aVR and 8 more" in lines
    assert "holds     phase Exercise: 360 s" in lines
    assert any(line.split() == ["heart_rate_bpm", "66", "-", "-"] for line in lines)
    assert not any(line.startswith("rhythm") for line in lines)


def test_a_file_without_a_lead_is_used_without_it(tmp_path: Path) -> None:
    counts = {lead: values for lead, values in make_counts().items() if lead not in ("V3", "aVL")}
    lines = inspect_file.inspect(put(tmp_path, "1.xml", make_xml(counts))).lines
    assert "missing   V3: not recorded" in lines
    assert any(line.startswith("rhythm    sinus_rhythm: P wave before QRS (coherence ") for line in lines)
    assert not [line for line in lines if line.startswith("missing   aVL")]


@pytest.mark.parametrize("kind", ["svg", "png", "pdf"])
def test_the_command_draws(kind: str, tmp_path: Path) -> None:
    path = put(tmp_path, "1.xml")
    result = CliRunner().invoke(main, ["inspect", str(path), "--figure", str(tmp_path / f"p.{kind}")])
    assert result.exit_code == 0, result.output
    assert "25 mm/s, 10 mm/mV" in result.output
    assert (tmp_path / f"p.{kind}").stat().st_size > 10_000


def test_scale_on_paper(tmp_path: Path) -> None:
    """A step of 1 mV after a second stands 25 mm from the curve's left and 10 mm high, in the picture and in print."""
    leads = {lead: np.where(np.arange(5000) < 500, 0.0, 1000.0) for lead in LEADS[:1]}
    figure = ecg_paper.on_paper(leads, 500.0, "a step", "")
    path = max(re.findall(r"<path d='(M[^']*)' stroke=\"#1c2733\"", figure.svg), key=len)
    points = np.array([pair.split() for pair in path[1:].split("L")], dtype=float) / ecg_paper.MM
    before, after = points[498], points[502]
    assert before[0] == pytest.approx(ecg_paper.LEFT_MM + 25 * 498 / 500, abs=0.02)
    assert before[1] - after[1] == pytest.approx(10.0, abs=0.03)
    publication.save(figure, tmp_path / "p.png")
    width = float(re.search(r"width='([\d.]+)'", figure.svg).group(1))
    with Image.open(tmp_path / "p.png") as image:
        assert image.size[0] == pytest.approx(width / ecg_paper.MM / 25.4 * 300, abs=1.0)


def test_gaps_and_short_recordings_are_drawn() -> None:
    values = np.sin(np.arange(100) / 9) * 300
    values[20:40] = np.nan
    figure = ecg_paper.on_paper({"II": values, "V1": np.full(100, np.nan)}, 500.0, "short", "")
    assert figure.svg.count(">II<") == 1
    assert "nan" not in figure.svg.lower()


def test_places_and_endings(tmp_path: Path) -> None:
    found = inspect_file.inspect(put(tmp_path, "1.xml"))
    with pytest.raises(InputError, match=r"'.bmp' is not a known image format"):
        inspect_file.draw(found, tmp_path / "p.bmp")
    with pytest.raises(InputError, match="cannot be written"):
        inspect_file.draw(found, tmp_path / "nowhere" / "p.png")
    result = CliRunner().invoke(main, ["inspect", str(tmp_path / "nothing.xml")])
    assert result.exit_code == 3


@pytest.mark.real
def test_real_recorders_beside_ecgwas(shared: Path) -> None:
    """What ecgwas measures lies near what MUSE and CardioSoft measured; they let T end later."""
    folder = shared / "data" / "ecg" / "devices"
    for name in ("muse_1.xml", "muse_2.xml", "cardiosoft_ukb_20205.xml"):
        lines = inspect_file.inspect(folder / name).lines
        rows = {line.split()[0]: line.split()[1:] for line in lines[8:]}
        differences = {measured: int(cells[2]) for measured, cells in rows.items() if cells[2].lstrip("-").isdigit()}
        assert abs(differences["heart_rate_bpm"]) <= 3
        assert abs(differences["qrs_ms"]) <= 12
        assert -35 <= differences["qt_ms"] <= 10
        assert abs(differences.get("pr_ms", 0)) <= 15
