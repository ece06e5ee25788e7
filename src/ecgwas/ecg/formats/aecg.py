"""HL7 annotated ECG (aECG, HL7 V3 `PORT_MT020001`, root `AnnotatedECG`), the format of drug trials.

Of the file only this is read:

    component/series[code="RHYTHM"]
      component/sequenceSet                             sequences that were recorded together
        component/sequence[code="TIME_ABSOLUTE" or "TIME_RELATIVE"]/value/increment value, unit (s, ms, us)
        component/sequence[code="MDC_ECG_LEAD_..."]/value
          origin value, unit; scale value, unit; digits sample = origin + scale * digit
      subjectOf/annotationSet                           of a device (assignedDevice), not of a person who read the ECG
        .//annotation/code, value value, unit           MDC_ECG_TIME_PD_QT and so on; given beat by beat: their median

Of several sequence sets that with the most of the twelve leads is taken, of equal ones the longest; sets that began at one
time, with one rate and length, are taken together. Representative beats are passed over.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ecgwas.ecg.device_measurements import stated
from ecgwas.ecg.lead_codes import LEAD_OF_NUMBER, lead_number
from ecgwas.ecg.lead_groups import Group, best
from ecgwas.ecg.recording import Recording, is_new, unusable
from ecgwas.ecg.spellings import number, standard_lead, uv_of
from ecgwas.ecg.xml_tree import Element, has_root, numbers, root_of

SPELLED = "HL7 aECG"
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
    """True if the root element is HL7's; files may begin with pages of comments."""
    return has_root(content[:16_384], ROOT)


def parse(content: bytes, path: Path) -> Recording:
    """The rhythm series in the bytes of a file; raises InputError with a short reason."""
    root = root_of(content, path, name=ROOT)
    series = [one for one in root.findall("component/series") if _code(one) == "RHYTHM"]
    if not series:
        raise unusable("no rhythm series", path)
    sets = [one for each in series for one in each.findall("component/sequenceSet")]
    chosen = best([_group(one) for one in sets], path)
    if not chosen:
        raise unusable("no sequence of a standard lead", path)
    leads: dict[str, NDArray[np.float64]] = {}
    for place in chosen:
        for lead, sequence in _lead_sequences(sets[place]):
            if is_new(lead, leads, path):
                leads[lead] = _microvolts(sequence, lead, path)
    rate_hz = _rate_hz(sets[chosen[0]])
    if rate_hz is None:
        raise unusable(_why_no_rate(sets[chosen[0]]), path)
    return Recording(leads, rate_hz, _device(series))


def _group(one: Element) -> Group:
    sequences = _lead_sequences(one)
    # Only to compare lengths: what stands between the numbers is checked where they are read.
    samples = len((sequences[0][1].findtext("value/digits") or "").split()) if sequences else 0
    return Group(frozenset(lead for lead, _ in sequences), _rate_hz(one) or math.inf, samples, _start(one))


def _start(one: Element) -> str:
    for sequence in one.findall("component/sequence"):
        head = sequence.find("value/head")
        if _code(sequence) in TIMES and head is not None:
            return f"{_code(sequence)} {head.get('value', '')}"
    return ""


def _code(element: Element) -> str:
    code = element.find("code")
    return "" if code is None else str(code.get("code", ""))


def _lead_sequences(one: Element) -> list[tuple[str, Element]]:
    sequences = [(_lead(_code(each)), each) for each in one.findall("component/sequence")]
    return [(lead, sequence) for lead, sequence in sequences if lead is not None]


def _lead(code: str) -> str | None:
    number_of_lead = lead_number("MDC", code)
    if number_of_lead is not None:
        return LEAD_OF_NUMBER.get(number_of_lead)
    return standard_lead(code) if LEAD in code else None


def _rate_hz(one: Element) -> float | None:
    for sequence in one.findall("component/sequence"):
        increment = sequence.find("value/increment")
        if _code(sequence) not in TIMES or increment is None:
            continue
        value, unit = number(increment.get("value")), SECONDS_OF.get(str(increment.get("unit", "")))
        if value is None or unit is None or value * unit <= 0:
            return None
        # 0.002 s are 500 Hz, and 0.001953125 s 512 Hz, to the last digit.
        return round(1.0 / (value * unit), 6)
    return None


def _why_no_rate(one: Element) -> str:
    increments = [each.find("value/increment") for each in one.findall("component/sequence") if _code(each) in TIMES]
    told = next((increment for increment in increments if increment is not None), None)
    if told is None:
        return "no time between samples"
    unit = str(told.get("unit", ""))
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
    return origin + scale * numbers(digits, f"lead {lead}", path, separator=" ")


def _quantity(element: Element | None, what: str, path: Path) -> float:
    """µV of a value with its unit."""
    value = None if element is None else number(element.get("value"))
    if element is None or value is None:
        raise unusable(f"no number in {what}", path)
    uv = uv_of(str(element.get("unit", "")))
    if uv is None:
        raise unusable(f"unknown unit of {what}", path)
    return value * uv


def _device(series: list[Element]) -> dict[str, float]:
    """From the first set of a device that tells anything."""
    for one in series:
        for each in one.findall("subjectOf/annotationSet"):
            found = _measured(each) if each.find(".//assignedDevice") is not None else {}
            if found:
                return found
    return {}


def _measured(annotation_set: Element) -> dict[str, float]:
    found: dict[str, list[float]] = {}
    for annotation in annotation_set.iter("annotation"):
        name, value = MEASUREMENTS.get(_code(annotation).upper()), annotation.find("value")
        if name is None or value is None or _of_one_lead(annotation):
            continue
        told = number(value.get("value"))
        if told is not None and str(value.get("unit", "")).lower() in MEASURED_IN[name.rpartition("_")[2]]:
            found.setdefault(name, []).append(told)
    return stated({name: float(np.median(values)) for name, values in found.items()})


def _of_one_lead(annotation: Element) -> bool:
    return any(_code(boundary).startswith(LEAD) for boundary in annotation.findall("support//boundary"))
