"""GE CardioSoft XML of an exercise test on a bicycle, as UK Biobank gives it in field 6025.

No public file exists; the layout is that which other readers of the field describe (ml4h, suniljmanohar/UKBiobank_ECG), and
`FullDisclosure` that of the public resting file, which has one too. Of the file only this is read:

    ExerciseMeasurements/MaxHeartRate, MaxWorkload, RestingStats/RestHR     what `ecgwas inspect` shows
    Protocol/Phase/PhaseName, PhaseDuration                                 phases, likewise
    FullDisclosure                            the whole test, some seven minutes
      SampleRate units="Hz", Resolution units="uVperLsb", LeadOrder
      FullDisclosureData                      counts, comma-separated: a second of the first lead, a second of the next, ...
    StripData[/Strip]                         pieces of ten seconds; not taken

The three leads are called I, 2 and 3. Nothing in the file says that a leg had an electrode, so only I is taken for a standard
lead; the others keep their names.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ecgwas.ecg.device_measurements import stated
from ecgwas.ecg.formats.cardiosoft import ROOT, rate_of, uv_per_count
from ecgwas.ecg.recording import Recording, unusable
from ecgwas.ecg.spellings import number, standard_lead
from ecgwas.ecg.xml_tree import Element, has_root, numbers, root_of

SPELLED = "GE CardioSoft XML of an exercise test"
MARK = re.compile(rb"<(?:\w+:)?ExerciseMeasurements")
RESTING = b"ObservationType>RestECG<"
"""What saves most files the search."""
MOST_LEADS = 16


def sniff(content: bytes) -> bool:
    """True if the root element is CardioSoft's and exercise was measured."""
    head = content[:4096].replace(b"\0", b"")
    return has_root(head, ROOT) and RESTING not in head and MARK.search(content.replace(b"\0", b"")) is not None


def parse(content: bytes, path: Path) -> Recording:
    """The full disclosure in the bytes of a file; raises InputError with a short reason."""
    root = root_of(content, path, name=ROOT)
    disclosed = root.find("FullDisclosure")
    data = None if disclosed is None else disclosed.find("FullDisclosureData")
    if disclosed is None or data is None:
        raise unusable("no FullDisclosure", path)
    rate_hz, uv = rate_of(disclosed, path), uv_per_count(disclosed, path)
    names = _names(disclosed, path)
    counts = _by_lead(_values(data, path), len(names), rate_hz, path)
    leads = {name: row * uv for name, row in zip(names, counts, strict=True)}
    return Recording(leads, rate_hz, _device(root), _notes(root))


def _names(disclosed: Element, path: Path) -> list[str]:
    told = [name.strip() for name in (disclosed.findtext("LeadOrder") or "").split(",") if name.strip()]
    names = [standard_lead(name) or name[:8] for name in told[: MOST_LEADS + 1]]
    if not names or len(names) > MOST_LEADS or len(set(names)) < len(names):
        raise unusable("no order of leads", path)
    return names


def _values(data: Element, path: Path) -> NDArray[np.float64]:
    """All counts. The list ends with a comma and, in files that state it, the count of samples as an element."""
    stated_count = number(data.findtext("SampleCountTotal"))
    for child in data:
        data.remove(child)
    data.text = (data.text or "").rstrip().rstrip(",")
    values = numbers(data, "the full disclosure", path, separator=",")
    if stated_count is not None and stated_count != len(values):
        raise unusable("the full disclosure has not as many samples as the file states", path)
    return values


def _by_lead(values: NDArray[np.float64], leads: int, rate_hz: float, path: Path) -> NDArray[np.float64]:
    """(C, S) from seconds of one lead after seconds of another."""
    block = max(1, round(rate_hz))
    if len(values) % (leads * block):
        raise unusable("the full disclosure is not of whole seconds", path)
    return values.reshape(-1, leads, block).transpose(1, 0, 2).reshape(leads, -1)


def _device(root: Element) -> dict[str, float]:
    return stated({"heart_rate_bpm": root.findtext("ExerciseMeasurements/RestingStats/RestHR")})


def _notes(root: Element) -> tuple[str, ...]:
    notes = []
    for element, words in (("MaxHeartRate", "highest heart rate, 1/min"), ("MaxWorkload", "highest workload, W")):
        value = number(root.findtext(f"ExerciseMeasurements/{element}"))
        notes += [] if value is None else [f"{words}: {value:g}"]
    return (*notes, *(f"phase {_phase(one)}" for one in root.findall("Protocol/Phase")[:20]))


def _phase(one: Element) -> str:
    """A phase's name and how long it took: letters of the name alone, for it is text of a stranger."""
    name = "".join(letter for letter in (one.findtext("PhaseName") or "") if letter.isalnum() or letter in " -")[:30]
    minutes, seconds = (number(one.findtext(f"PhaseDuration/{unit}")) for unit in ("Minute", "Second"))
    return name if minutes is None and seconds is None else f"{name}: {60 * (minutes or 0) + (seconds or 0):g} s"
