"""Recordings per second and core for each format, compared with the simplest correct reader of that format.

    python -m benchmarks.speed.reading [--devices DIR] [--quick]

DIR contains one file from each of several ECG devices (default ../shared/data/ecg/devices). Missing files are written by the
tests' generators, as the table states. The simple reader of XML is ElementTree and a float list; for other formats it is the
first call in the manual of a library. Both read the file from disk, and their results are compared before timing. Times are CPU
seconds of one thread, with readers in turn, as medians over the rounds; the ratio is that of the medians.

For the files of DIR with device measurements, these are then listed with ecgwas' measurements (`ecgwas inspect`).
"""

from __future__ import annotations

import argparse
import base64
import csv
import struct
import sys
import tempfile
import time
import warnings
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import edfio
import numpy as np
import pydicom
import sierraecg
import wfdb

from benchmarks.record import recorded
from ecgwas.commands import inspect_file
from ecgwas.ecg import formats
from ecgwas.ecg.spellings import standard_lead
from ecgwas.leads import LEADS
from tests.ecg import vendors
from tests.ecg.make_recordings import make_xml

ROOT = Path(__file__).resolve().parents[2]
Leads = Mapping[str, Sequence[float]]
HL7 = "{urn:hl7-org:v3}"


def cardiosoft(path: Path) -> Leads:
    """A resting ECG by ElementTree and a list of floats."""
    strip = ElementTree.parse(path).getroot().find("StripData")
    uv = float(strip.findtext("Resolution"))
    return {one.get("lead"): [uv * float(value) for value in one.text.split(",")] for one in strip.findall("WaveformData")}


def exercise(path: Path) -> Leads:
    """An exercise test by ElementTree and a list of floats."""
    disclosed = ElementTree.parse(path).getroot().find("FullDisclosure")
    uv, rate = float(disclosed.findtext("Resolution")), int(disclosed.findtext("SampleRate"))
    names = disclosed.findtext("LeadOrder").split(",")
    leads: dict[str, list[float]] = {name: [] for name in names}
    values = [uv * float(value) for value in disclosed.find("FullDisclosureData").text.split(",") if value.strip()]
    for k in range(0, len(values), rate):
        leads[names[k // rate % len(names)]] += values[k : k + rate]
    return leads


def muse(path: Path) -> Leads:
    """ElementTree, base64, struct and a list of floats."""
    waveform = next(
        one for one in ElementTree.parse(path).getroot().findall("Waveform") if one.findtext("WaveformType") == "Rhythm"
    )
    leads = {}
    for one in waveform.findall("LeadData"):
        content = base64.b64decode(one.findtext("WaveFormData"))
        uv = float(one.findtext("LeadAmplitudeUnitsPerBit"))
        leads[str(one.findtext("LeadID"))] = [uv * value for value in struct.unpack(f"<{len(content) // 2}h", content)]
    return leads


def aecg(path: Path) -> Leads:
    """ElementTree and a list of floats."""
    leads = {}
    series = ElementTree.parse(path).getroot().find(f"{HL7}component/{HL7}series")
    for one in series.iter(f"{HL7}sequence"):
        code, value = one.find(f"{HL7}code").get("code"), one.find(f"{HL7}value")
        if value.find(f"{HL7}digits") is None or code.removeprefix("MDC_ECG_LEAD_") in leads:
            continue
        scale, origin = (float(value.find(f"{HL7}{name}").get("value")) for name in ("scale", "origin"))
        leads[code.removeprefix("MDC_ECG_LEAD_")] = [
            origin + scale * float(digit) for digit in value.findtext(f"{HL7}digits").split()
        ]
    return leads


def philips(path: Path) -> Leads:
    """The library sierraecg."""
    return {lead.label: lead.samples * 5.0 for lead in sierraecg.read_file(str(path)).leads}


def dicom(path: Path) -> Leads:
    """The library pydicom."""
    whole = pydicom.dcmread(path)
    place = [one.get("WaveformOriginality") for one in whole.WaveformSequence].index("ORIGINAL")
    names = [one.ChannelSourceSequence[0].CodeMeaning for one in whole.WaveformSequence[place].ChannelDefinitionSequence]
    return dict(zip(names, whole.waveform_array(place).T, strict=True))


def edf(path: Path) -> Leads:
    """The library edfio."""
    return {signal.label: signal.data for signal in edfio.read_edf(path).signals}


def record(path: Path) -> Leads:
    """The library wfdb."""
    read = wfdb.rdrecord(str(path.with_suffix("")))
    return dict(zip(read.sig_name, 1000 * read.p_signal.T, strict=True))


def table(path: Path) -> Leads:
    """The module csv and a list of floats."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = csv.reader(file)
        names = next(rows)
        columns = zip(*([float(cell) for cell in row] for row in rows), strict=True)
        return dict(zip(names, columns, strict=True))


def array(path: Path) -> Leads:
    """numpy.load alone; lead names and unit are known."""
    return dict(zip(LEADS, 1000 * np.load(path), strict=True))


@dataclass(frozen=True)
class Case:
    """A format, its simple reader, the name of the real file if one exists, and a generator for when none does."""

    name: str
    plain: Callable[[Path], Leads]
    real: str
    make: Callable[[Path], Path]


def written(name: str, content: Callable[[], bytes]) -> Callable[[Path], Path]:
    """A generator of one file."""

    def make(folder: Path) -> Path:
        path = folder / name
        path.write_bytes(content())
        return path

    return make


CASES = (
    Case("CardioSoft", cardiosoft, "cardiosoft_ukb_20205.xml", written("c.xml", lambda: make_xml().encode("latin-1"))),
    Case("CardioSoft, exercise", exercise, "", written("e.xml", vendors.exercise)),
    Case("MUSE", muse, "muse_1.xml", written("m.xml", vendors.muse)),
    Case("HL7 aECG", aecg, "aecg_1.xml", written("a.xml", vendors.aecg)),
    Case("Philips, XLI", philips, "philips_104.xml", written("p.xml", vendors.philips)),
    Case("DICOM", dicom, "dicom_1.dcm", written("d.dcm", vendors.dicom)),
    Case("EDF", edf, "", written("e.edf", vendors.edf)),
    Case("WFDB", record, "s0010_re.hea", vendors.wfdb_16),
    Case("CSV", table, "", vendors.text_table),
    Case("NPY", array, "", vendors.array),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--devices", type=Path, default=ROOT.parent / "shared" / "data" / "ecg" / "devices")
    parser.add_argument("--quick", action="store_true", help="three rounds instead of fifteen, no measurements")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    rounds = 3 if arguments.quick else 15
    print("per second and core: the plainest correct reader, ecgwas, and their ratio")
    with tempfile.TemporaryDirectory() as folder:
        for case in CASES:
            print(line(case, arguments.devices, Path(folder), rounds), flush=True)
    if not arguments.quick and arguments.devices.is_dir():
        measured(arguments.devices)


def line(case: Case, devices: Path, folder: Path, rounds: int) -> str:
    """One row of the table; ends the program if the two readers disagree."""
    real = devices / case.real
    is_real = case.real != "" and real.is_file()
    path = real if is_real else case.make(folder)
    compare(case, path)
    plain, ours = timed([lambda: case.plain(path), lambda: formats.read(path)], rounds)
    size = path.stat().st_size + sum(other.stat().st_size for other in formats.companions(path))
    seconds = formats.read(path).seconds
    name = case.name.replace(" ", "_")
    return (
        f"READING {name} file={'real' if is_real else 'made'} kib={size / 1024:.0f} seconds={seconds:.1f} "
        f"plain={1 / plain:.1f} ecgwas={1 / ours:.1f} ratio={plain / ours:.1f}"
    )


def compare(case: Case, path: Path) -> None:
    """Ends the program unless both readers return the same leads."""
    ours = formats.read(path).leads
    plain = {standard_lead(name) or name: values for name, values in case.plain(path).items()}
    for lead, values in ours.items():
        if not np.allclose(values, plain[lead], rtol=0, atol=1e-6):
            sys.exit(f"{case.name}: readers disagree in lead {lead}")


def timed(readers: Sequence[Callable[[], object]], rounds: int) -> list[float]:
    """Median CPU seconds of one call of each reader, in turn, with calls repeated to fill 0.05 s."""
    repeats = [max(1, round(0.05 / once(reader, 1))) for reader in readers]
    times = [[once(reader, repeat) for reader, repeat in zip(readers, repeats, strict=True)] for _ in range(rounds)]
    return [float(median) for median in np.median(np.array(times), axis=0)]


def once(reader: Callable[[], object], repeat: int) -> float:
    start = time.process_time()
    for _ in range(repeat):
        reader()
    return max(1e-6, (time.process_time() - start) / repeat)


def measured(devices: Path) -> None:
    """Prints the device measurements with ours."""
    for path in sorted(devices.glob("*.xml")) + sorted(devices.glob("*.dcm")):
        lines = inspect_file.inspect(path).lines
        start = next((k for k, text in enumerate(lines) if text.startswith("measured ")), len(lines))
        if start + 1 < len(lines):
            print(f"\n{path.name}", *lines[start:], sep="\n")


if __name__ == "__main__":
    recorded(main, __file__)
