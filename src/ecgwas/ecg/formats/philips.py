"""Philips PageWriter XML (`restingecgdata`, "Sierra ECG" 1.03 and 1.04), waveforms plain or XLI-compressed.

XLI is described at https://github.com/sixlettervariables/sierra-ecg-tools/wiki. In base64, one lead after another:

    int32 number of bytes that follow, int16 always 1, int16 first code, then LZW codes of 10 bits, most significant bit first
    unpacked: the upper bytes of S samples, then their lower bytes: x
    y[0] = x[0], y[1] = x[1], and y[t] - 2 y[t-1] + y[t-2] = -first code (t = 2) or 64 - x[t-1] (t > 2), in 16 bits
    III, aVR, aVL and aVF are stored as remainders of their prediction from I and II (III first, then the others with III)

Halves are rounded down, as `sierraecg` does; the tests compare with that library sample by sample. Philips' own software also
exported the tests' file as aECG; that copy was filtered at 60 Hz and so differs by a few counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ecgwas.ecg.device_measurements import plausible_measurements
from ecgwas.ecg.recording import Recording, unusable
from ecgwas.ecg.spellings import number, standard_lead
from ecgwas.ecg.xml_tree import Element, base64_bytes, has_root, int16_samples, parse_root

NAME = "Philips PageWriter XML"
ROOT = "restingecgdata"
STANDARD_ORDER = "I II III aVR aVL aVF V1 V2 V3 V4 V5 V6"
"""Order of the channels if a file (1.03) does not name its leads but states that ten wires were used."""
TEN_WIRES = ("STD-12", "10-WIRE")
CODE_BITS = 10
LAST_CODE = 2**CODE_BITS - 2
MAX_LEAD_BYTES = 2**21
"""Largest unpacked size of one lead in bytes: half an hour. LZW can expand a thousandfold, so the file's size is no bound."""
MEASUREMENTS = {
    "heart_rate_bpm": ("heartrate", "meanventrate"), "rr_ms": ("rrint",), "p_ms": ("pdur",), "pr_ms": ("print", "meanprint"),
    "qrs_ms": ("qrsdur", "meanqrsdur"), "qt_ms": ("qtint", "meanqtint"), "qtc_bazett_ms": ("qtcb",),
    "qtc_fridericia_ms": ("qtcf",), "p_axis_deg": ("pfrontaxis",), "qrs_axis_deg": ("qrsfrontaxis",),
    "t_axis_deg": ("tfrontaxis",),
}  # fmt: skip
"""Our names -> those of 1.04, then of 1.03. `meanqtc` of 1.03 is not read, as it does not say which correction was used."""
RATE, RESOLUTION = ("samplespersecond", "samplingrate"), ("resolution", "signalresolution")
"""Attributes of the waveforms and elements of signalcharacteristics that state them; 1.03 has the second as an element."""

Counts = NDArray[np.int64]


def sniff(content: bytes) -> bool:
    """True if the root element is Philips'; most such files are UTF-16."""
    return has_root(content[:4096], ROOT)


def parse(content: bytes, path: Path) -> Recording:
    """Reads the rhythm strip; raises InputError with a short reason."""
    root = parse_root(content, path, name=ROOT)
    waveforms = root.find(".//parsedwaveforms")
    if waveforms is None:
        raise unusable("no parsedwaveforms", path)
    about = root.find("dataacquisition/signalcharacteristics")
    rate_hz, uv = _stated(waveforms, about, RATE, path), _stated(waveforms, about, RESOLUTION, path)
    labels = _labels(waveforms, about, path)
    channels = _channels(waveforms, len(labels), path)
    milliseconds = number(waveforms.get("durationperchannel"))
    named = len((waveforms.get("leadlabels") or "").split())
    if milliseconds is None and named not in (0, len(labels)):
        # Then nothing says how the samples are divided among the leads.
        raise unusable(f"leadlabels are {named}, numberofleads is {len(labels)}, and durationperchannel is missing", path)
    if milliseconds is not None and any(abs(len(channel) - milliseconds * rate_hz / 1000) > 0.5 for channel in channels):
        raise unusable("leads do not have as many samples as the file states", path)
    leads = {lead: channel.astype(np.float64) * uv for lead, channel in zip(labels, channels, strict=True) if lead is not None}
    return Recording(leads, rate_hz, _device(root))


def _stated(waveforms: Element, about: Element | None, names: tuple[str, ...], path: Path) -> float:
    """The number above 0 that a file states under one or more of several names, always with the same value."""
    texts = [(name, waveforms.get(name)) for name in names]
    texts += [] if about is None else [(name, about.findtext(name)) for name in names]
    written = [(name, text) for name, text in texts if (text or "").strip()]
    if not written:
        raise unusable(f"no number in {names[0]}", path)
    values = set()
    for name, text in written:
        value = number(text)
        if value is None or value <= 0:
            raise unusable(f"no number in {name}: '{' '.join(str(text).split())[:20]}'", path)
        values.add(value)
    if len(values) > 1:
        raise unusable(f"{names[0]} is stated with different values", path)
    return values.pop()


def _labels(waveforms: Element, about: Element | None, path: Path) -> list[str | None]:
    """Standard names of the channels, None for other leads."""
    words = (waveforms.get("leadlabels") or "").split()
    if not words and about is not None and (about.findtext("acquisitiontype") or "").strip() in TEN_WIRES:
        words = STANDARD_ORDER.split()
    labels = [standard_lead(word) for word in words[: int(number(waveforms.get("numberofleads")) or len(words))]]
    named = [lead for lead in labels if lead is not None]
    if len(set(named)) < len(named):
        raise unusable("a lead is given twice", path)
    if not named:
        raise unusable("no standard lead", path)
    return labels


def _channels(waveforms: Element, count: int, path: Path) -> list[Counts]:
    if (waveforms.get("dataencoding") or "").lower() != "base64":
        raise unusable("unknown encoding of the waveforms", path)
    packing = waveforms.get("compressmethod") or waveforms.get("compression") or "Uncompressed"
    content = base64_bytes(waveforms, "parsedwaveforms", path)
    if packing.lower() == "xli":
        return _complete_limb_leads(_xli(content, count, path))
    if packing.lower() != "uncompressed":
        raise unusable(f"unknown compression of the waveforms: {packing[:20]}", path)
    samples = int16_samples(content, "parsedwaveforms", path)
    if len(samples) % count:
        raise unusable("leads do not have as many samples as the file states", path)
    channels = list(samples.astype(np.int64).reshape(count, -1))
    # Plain files reportedly exist both with complete limb leads and with remainders; Einthoven's law shows which this is.
    remainders = count >= 6 and np.abs(channels[2]).sum() < np.abs(channels[1] - channels[0] - channels[2]).sum()
    return _complete_limb_leads(channels) if remainders else channels


def _complete_limb_leads(channels: list[Counts]) -> list[Counts]:
    """Replaces III, aVR, aVL, aVF (third to sixth channel), stored as remainders, by the complete leads."""
    if len(channels) < 6 or len({len(channel) for channel in channels[:6]}) > 1:
        return channels
    one, two, three, avr, avl, avf = channels[:6]
    three = two - one - three
    return [one, two, three, -avr - (one + two) // 2, (one - three) // 2 - avl, (two + three) // 2 - avf, *channels[6:]]


def _xli(content: bytes, count: int, path: Path) -> list[Counts]:
    channels: list[Counts] = []
    place = 0
    for _ in range(count):
        size, first = int.from_bytes(content[place : place + 4], "little"), content[place + 6 : place + 8]
        if len(first) < 2 or place + 8 + size > len(content):
            raise unusable("compressed waveform is cut off", path)
        codes = _unpacked(content[place + 8 : place + 8 + size], path)
        channels.append(_integrated(codes, int.from_bytes(first, "little", signed=True)))
        place += 8 + size
    return channels


def _unpacked(codes: bytes, path: Path) -> Counts:
    """(S,) the unpacked 16-bit codes of one lead."""
    content = _lzw(codes, path)
    halves = np.frombuffer(content[: len(content) // 2 * 2], dtype=np.uint8).reshape(2, -1).astype(np.int64)
    return _sixteen_bits(halves[0] * 256 + halves[1])


def _sixteen_bits(values: Counts) -> Counts:
    return values.astype(np.uint16).astype(np.int16).astype(np.int64)


def _integrated(codes: Counts, first: int) -> Counts:
    """(S,) counts from the codes of their second differences."""
    if len(codes) < 3:
        return codes
    bends = np.concatenate([[-first], 64 - codes[2:-1]])
    slopes = np.cumsum(np.concatenate([[codes[1] - codes[0]], bends]))
    return _sixteen_bits(np.concatenate([[codes[0]], codes[0] + np.cumsum(slopes)]))


def _lzw(content: bytes, path: Path) -> bytes:
    """Decompresses LZW (Welch 1984) with codes of 10 bits and a dictionary that stops growing at its last code."""
    words = [bytes([value]) for value in range(256)]
    decoded: list[bytes] = []
    length = 0
    before = b""
    for code in _codes(content):
        if code > LAST_CODE:
            break
        if code > len(words) or (code == len(words) and not before):
            raise unusable("compressed waveform is damaged", path)
        word = words[code] if code < len(words) else before + before[:1]
        if before and len(words) <= LAST_CODE:
            words.append(before + word[:1])
        decoded.append(word)
        length += len(word)
        if length > MAX_LEAD_BYTES:
            raise unusable("compressed waveform is longer than half an hour", path)
        before = word
    return b"".join(decoded)


def _codes(content: bytes) -> list[int]:
    bits = np.unpackbits(np.frombuffer(content, dtype=np.uint8))
    weights = 2 ** np.arange(CODE_BITS - 1, -1, -1)
    codes: list[int] = (bits[: len(bits) // CODE_BITS * CODE_BITS].reshape(-1, CODE_BITS) @ weights).tolist()
    return codes


def _device(root: Element) -> Mapping[str, float]:
    measured = root.find(".//globalmeasurements")
    if measured is None:
        return {}
    return plausible_measurements({name: _first(measured, elements) for name, elements in MEASUREMENTS.items()})


def _first(measured: Element, elements: tuple[str, ...]) -> str | None:
    return next((text for text in map(measured.findtext, elements) if (text or "").strip()), None)
