"""EDF and EDF+ (Kemp et al. 1992, Kemp and Olivan 2003; https://www.edfplus.info/specs/edf.html).

Samples are read by edfio (an extra: `pip install 'ecgwas[formats]'`). The 160 bytes of the header that hold the identification
of person and recording are blanked before the library sees them. Signals whose label names one of the twelve leads are taken;
others (annotations, respiration) are passed over.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecgwas.ecg.extras import needed
from ecgwas.ecg.recording import Recording, is_new, unusable
from ecgwas.ecg.words import number, standard_lead, uv_of

SPELLED = "EDF"
PERSON = slice(8, 168)
"""Where the header names person and recording."""
HEADER, SIGNAL_HEADER = 256, 256
BLANK = b"X X X X".ljust(80) + b"Startdate X X X X".ljust(80)


def sniff(content: bytes) -> bool:
    """True if the file begins as EDF does: version 0, and the header's length where it belongs."""
    return content[:8] == b"0       " and content[184:192].strip().isdigit()


def parse(content: bytes, path: Path) -> Recording:
    """The leads in the bytes of a file; raises InputError with a short reason."""
    edfio = needed("edfio", "EDF files")
    _check_sizes(content, path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            read = edfio.read_edf(content[: PERSON.start] + BLANK + content[PERSON.stop :], lazy_load_data=False)
            leads, rates = _leads(read.signals, path)
    except (ArithmeticError, AttributeError, IndexError, KeyError, NameError, TypeError, ValueError):
        # edfio meets a damaged header with whatever error comes first, an unbound name among them.
        raise unusable("EDF cut off or malformed", path) from None
    if not leads:
        raise unusable("no signal of a standard lead", path)
    if len(rates) > 1:
        raise unusable("leads of several rates", path)
    return Recording(leads, rates.pop())


def _check_sizes(content: bytes, path: Path) -> None:
    """Declared sizes against the file's: nothing is allocated from a number that a header claims."""
    header, records, signals = (_field(content[part]) for part in (slice(184, 192), slice(236, 244), slice(252, 256)))
    if signals is None or signals < 1 or header != HEADER + SIGNAL_HEADER * signals or len(content) < header:
        raise unusable("EDF cut off or malformed", path)
    if content[192:236].startswith(b"EDF+D"):
        raise unusable("EDF with gaps (EDF+D)", path)
    start = HEADER + 216 * signals
    per_record = [_field(content[start + 8 * k : start + 8 * k + 8]) for k in range(signals)]
    if any(one is None or one < 1 for one in per_record) or records is None or records < 1:
        raise unusable("EDF cut off or malformed", path)
    if len(content) != header + 2 * records * sum(one for one in per_record if one is not None):
        raise unusable("EDF has not as many samples as its header states", path)


def _field(text: bytes) -> int | None:
    value = number(text.decode("ascii", "replace").strip())
    return int(value) if value is not None and value == int(value) else None


def _leads(signals: Any, path: Path) -> tuple[dict[str, NDArray[np.float64]], set[float]]:
    leads: dict[str, NDArray[np.float64]] = {}
    rates: set[float] = set()
    for signal in signals:
        lead = standard_lead(signal.label)
        if not is_new(lead, leads, path):
            continue
        uv = uv_of(signal.physical_dimension)
        if uv is None:
            raise unusable(f"unknown unit of lead {lead}", path)
        leads[lead] = np.asarray(signal.data, dtype=np.float64) * uv
        rates.add(float(signal.sampling_frequency))
    return leads, rates
