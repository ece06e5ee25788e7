"""HL7 annotated ECG (aECG, HL7 V3 `PORT_MT020001`, root `AnnotatedECG`), the format of drug trials.

Only these parts of the file are read:

    component/series[code="RHYTHM"]
      component/sequenceSet                             sequences that were recorded together
        component/sequence[code="TIME_ABSOLUTE" or "TIME_RELATIVE"]/value/increment value, unit (s, ms, us)
        component/sequence[code="MDC_ECG_LEAD_..."]/value
          origin value, unit; scale value, unit; digits sample = origin + scale * digit
      subjectOf/annotationSet                           by a device (assignedDevice), not by a person who read the ECG
        .//annotation/code, value value, unit           MDC_ECG_TIME_PD_QT and so on; if stated for each beat: their median

Of several sequence sets the one with the most of the twelve leads is read, among equals the longest. Sets with the same start,
rate and length are combined. Representative beats are skipped.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ecgwas.ecg.device_measurements import plausible_measurements
from ecgwas.ecg.lead_codes import LEAD_BY_NUMBER, lead_number
from ecgwas.ecg.lead_groups import LeadGroup, best_groups
from ecgwas.ecg.recording import Recording, is_new_lead, unusable
from ecgwas.ecg.spellings import number, standard_lead, uv_of
from ecgwas.ecg.xml_tree import Element, has_root, number_list, parse_root

NAME = "HL7 aECG"
ROOT = "AnnotatedECG"
TIMES = ("TIME_ABSOLUTE", "TIME_RELATIVE")
SECONDS_OF = {"s": 1.0, "ms": 1e-3, "us": 1e-6}
LEAD = "MDC_ECG_LEAD_"
MEASUREMENTS = {
    "MDC_ECG_HEART_RATE": "heart_rate_bpm", "MDC_ECG_TIME_PD_RR": "rr_ms", "MDC_ECG_TIME_PD_P": "p_ms",
    "MDC_ECG_TIME_PD_PR": "pr_ms", "MDC_ECG_TIME_PD_QRS": "qrs_ms", "MDC_ECG_TIME_PD_QT": "qt_ms",
    "MDC_ECG_TIME_PD_QTCB": "qtc_bazett_ms", "MDC_ECG_TIME_PD_QTCF": "qtc_fridericia_ms",
    "MDC_ECG_ANGLE_P_FRONT": "p_axis_deg", "MDC_ECG_ANGLE_QRS_FRONT": "qrs_axis_deg", "MDC_ECG_ANGLE_T_FRONT": "t_axis_deg",
}  # fmt: skip
"""Codes in upper case -> our names. MDC_ECG_TIME_PD_QTc does not say whose correction it is, so it is not taken."""
MEASURED_IN = {"bpm": ("", "/min", "bpm", "1/min"), "ms": ("", "ms"), "deg": ("", "deg")}


def sniff(content: bytes) -> bool:
    """True if the root element is that of aECG; files may begin with pages of comments."""
    return has_root(content[:16_384], ROOT)


def parse(content: bytes, path: Path) -> Recording:
    """Reads the rhythm series; raises InputError with a short reason."""
    root = parse_root(content, path, name=ROOT)
    rhythms = [series for series in root.findall("component/series") if _code(series) == "RHYTHM"]
    if not rhythms:
        raise unusable("no rhythm series", path)
    sets = [sequence_set for series in rhythms for sequence_set in series.findall("component/sequenceSet")]
    chosen = best_groups([_group(sequence_set) for sequence_set in sets], path)
    if not chosen:
        raise unusable("no sequence of a standard lead", path)
    leads: dict[str, NDArray[np.float64]] = {}
    for index in chosen:
        for lead, sequence in _lead_sequences(sets[index]):
            if is_new_lead(lead, leads, path):
                leads[lead] = _microvolts(sequence, lead, path)
    rate_hz = _rate_hz(sets[chosen[0]])
    if rate_hz is None:
        raise unusable(_why_no_rate(sets[chosen[0]]), path)
    return Recording(leads, rate_hz, _device(rhythms))


def _group(sequence_set: Element) -> LeadGroup:
    sequences = _lead_sequences(sequence_set)
    # Only to compare lengths; whether these are numbers is checked when they are read.
    samples = len((sequences[0][1].findtext("value/digits") or "").split()) if sequences else 0
    return LeadGroup(
        frozenset(lead for lead, _ in sequences), _rate_hz(sequence_set) or math.inf, samples, _start(sequence_set)
    )


def _start(sequence_set: Element) -> str:
    for sequence in sequence_set.findall("component/sequence"):
        head = sequence.find("value/head")
        if _code(sequence) in TIMES and head is not None:
            return f"{_code(sequence)} {head.get('value', '')}"
    return ""


def _code(element: Element) -> str:
    code = element.find("code")
    return "" if code is None else str(code.get("code", ""))


def _lead_sequences(sequence_set: Element) -> list[tuple[str, Element]]:
    sequences = [(_lead(_code(sequence)), sequence) for sequence in sequence_set.findall("component/sequence")]
    return [(lead, sequence) for lead, sequence in sequences if lead is not None]


def _lead(code: str) -> str | None:
    number_of_lead = lead_number("MDC", code)
    if number_of_lead is not None:
        return LEAD_BY_NUMBER.get(number_of_lead)
    return standard_lead(code) if LEAD in code else None


def _rate_hz(sequence_set: Element) -> float | None:
    for sequence in sequence_set.findall("component/sequence"):
        increment = sequence.find("value/increment")
        if _code(sequence) not in TIMES or increment is None:
            continue
        value, unit = number(increment.get("value")), SECONDS_OF.get(str(increment.get("unit", "")))
        if value is None or unit is None or value * unit <= 0:
            return None
        # Rounded so that 0.002 s is exactly 500 Hz, and 0.001953125 s exactly 512 Hz.
        return round(1.0 / (value * unit), 6)
    return None


def _why_no_rate(sequence_set: Element) -> str:
    sequences = sequence_set.findall("component/sequence")
    increments = [sequence.find("value/increment") for sequence in sequences if _code(sequence) in TIMES]
    first = next((increment for increment in increments if increment is not None), None)
    if first is None:
        return "no time between samples"
    unit = str(first.get("unit", ""))
    if unit not in SECONDS_OF:
        return f"unknown unit of increment: '{unit[:20]}' (s, ms, us)"
    return "no number above 0 in increment"


def _microvolts(sequence: Element, lead: str, path: Path) -> NDArray[np.float64]:
    digits = sequence.find("value/digits")
    if digits is None:
        raise unusable(f"lead {lead} is empty", path)
    scale, origin = (_quantity(sequence.find(f"value/{name}"), f"{name} of lead {lead}", path) for name in ("scale", "origin"))
    if scale == 0:
        raise unusable(f"scale of lead {lead} is 0", path)
    return origin + scale * number_list(digits, f"lead {lead}", path, separator=" ")


def _quantity(element: Element | None, what: str, path: Path) -> float:
    """µV, from a value and its unit."""
    value = None if element is None else number(element.get("value"))
    if element is None or value is None:
        raise unusable(f"no number in {what}", path)
    uv = uv_of(str(element.get("unit", "")))
    if uv is None:
        raise unusable(f"unknown unit of {what}", path)
    return value * uv


def _device(rhythms: list[Element]) -> dict[str, float]:
    """From the first annotation set of a device that holds a measurement."""
    for rhythm in rhythms:
        for annotation_set in rhythm.findall("subjectOf/annotationSet"):
            by_device = annotation_set.find(".//assignedDevice") is not None
            measurements = _measured(annotation_set) if by_device else {}
            if measurements:
                return measurements
    return {}


def _measured(annotation_set: Element) -> dict[str, float]:
    values_by_name: dict[str, list[float]] = {}
    for annotation in annotation_set.iter("annotation"):
        name, value = MEASUREMENTS.get(_code(annotation).upper()), annotation.find("value")
        if name is None or value is None or _of_one_lead(annotation):
            continue
        measured = number(value.get("value"))
        if measured is not None and str(value.get("unit", "")).lower() in MEASURED_IN[name.rpartition("_")[2]]:
            values_by_name.setdefault(name, []).append(measured)
    return plausible_measurements({name: float(np.median(values)) for name, values in values_by_name.items()})


def _of_one_lead(annotation: Element) -> bool:
    return any(_code(boundary).startswith(LEAD) for boundary in annotation.findall("support//boundary"))
