"""GE CardioSoft XML of a bicycle exercise test, as in UK Biobank's field 6025.

No public file exists. The layout follows other readers of the field (ml4h, suniljmanohar/UKBiobank_ECG), and `FullDisclosure`
follows the public resting file, which also has one. Only these parts are read:

    ExerciseMeasurements/MaxHeartRate, MaxWorkload, RestingStats/RestHR     shown by `ecgwas inspect`
    Protocol/Phase/PhaseName, PhaseDuration                                 phases, shown there too
    FullDisclosure                            the whole test, some seven minutes
      SampleRate units="Hz", Resolution units="uVperLsb", LeadOrder
      FullDisclosureData                      counts, separated by commas: one second of the first lead, one of the next, ...
    StripData[/Strip]                         ten-second excerpts; not read

The three leads are called I, 2 and 3. Nothing in the file says that there was an electrode on a leg, so only I is read as a
standard lead; the others keep their names.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ecgwas.ecg.device_measurements import plausible_measurements
from ecgwas.ecg.formats.cardiosoft import ROOT, rate_of, uv_per_count
from ecgwas.ecg.recording import Recording, unusable
from ecgwas.ecg.spellings import number, standard_lead
from ecgwas.ecg.xml_tree import Element, has_root, number_list, parse_root

NAME = "GE CardioSoft XML of an exercise test"
MARK = re.compile(rb"<(?:\w+:)?ExerciseMeasurements")
RESTING = b"ObservationType>RestECG<"
"""Spares most files the search."""
MAX_LEADS = 16


def sniff(content: bytes) -> bool:
    """True if the root element is CardioSoft's and the file has exercise measurements."""
    head = content[:4096].replace(b"\0", b"")
    return has_root(head, ROOT) and RESTING not in head and MARK.search(content.replace(b"\0", b"")) is not None


def parse(content: bytes, path: Path) -> Recording:
    """Reads the full disclosure; raises InputError with a short reason."""
    root = parse_root(content, path, name=ROOT)
    disclosure = root.find("FullDisclosure")
    data = None if disclosure is None else disclosure.find("FullDisclosureData")
    if disclosure is None or data is None:
        raise unusable("no FullDisclosure", path)
    rate_hz, uv = rate_of(disclosure, path), uv_per_count(disclosure, path)
    names = _names(disclosure, path)
    counts = _by_lead(_values(data, path), len(names), rate_hz, path)
    leads = {name: row * uv for name, row in zip(names, counts, strict=True)}
    return Recording(leads, rate_hz, _device(root), _notes(root))


def _names(disclosure: Element, path: Path) -> list[str]:
    stated = [name.strip() for name in (disclosure.findtext("LeadOrder") or "").split(",") if name.strip()]
    names = [standard_lead(name) or name[:8] for name in stated[: MAX_LEADS + 1]]
    if not names or len(names) > MAX_LEADS or len(set(names)) < len(names):
        raise unusable("no valid LeadOrder", path)
    return names


def _values(data: Element, path: Path) -> NDArray[np.float64]:
    """All counts. The list ends with a comma, and in some files with an element that states the number of samples."""
    stated_count = number(data.findtext("SampleCountTotal"))
    for child in data:
        data.remove(child)
    data.text = (data.text or "").rstrip().rstrip(",")
    values = number_list(data, "the full disclosure", path, separator=",")
    if stated_count is not None and stated_count != len(values):
        raise unusable("the full disclosure does not have as many samples as the file states", path)
    return values


def _by_lead(values: NDArray[np.float64], leads: int, rate_hz: float, path: Path) -> NDArray[np.float64]:
    """(C, S) from values in which one second of a lead is followed by one second of the next lead."""
    block = max(1, round(rate_hz))
    if len(values) % (leads * block):
        raise unusable("the full disclosure does not hold whole seconds", path)
    return values.reshape(-1, leads, block).transpose(1, 0, 2).reshape(leads, -1)


def _device(root: Element) -> dict[str, float]:
    return plausible_measurements({"heart_rate_bpm": root.findtext("ExerciseMeasurements/RestingStats/RestHR")})


def _notes(root: Element) -> tuple[str, ...]:
    notes = []
    for element, words in (("MaxHeartRate", "highest heart rate, 1/min"), ("MaxWorkload", "highest workload, W")):
        value = number(root.findtext(f"ExerciseMeasurements/{element}"))
        notes += [] if value is None else [f"{words}: {value:g}"]
    return (*notes, *(f"phase {_phase(phase)}" for phase in root.findall("Protocol/Phase")[:20]))


def _phase(phase: Element) -> str:
    """Name and duration of a phase. Of the name, which is untrusted text, only letters, digits, blanks and hyphens are kept."""
    name = "".join(letter for letter in (phase.findtext("PhaseName") or "") if letter.isalnum() or letter in " -")[:30]
    minutes, seconds = (number(phase.findtext(f"PhaseDuration/{unit}")) for unit in ("Minute", "Second"))
    return name if minutes is None and seconds is None else f"{name}: {60 * (minutes or 0) + (seconds or 0):g} s"
