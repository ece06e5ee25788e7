"""Files that ecgwas cannot read, identified by their first bytes or root element, so that the reason says what they are."""

from __future__ import annotations

import re
from dataclasses import dataclass

CONVERT = "convert it to DICOM, aECG, EDF or WFDB, with the ECG device's own software if possible"
UNPACK = "unpack it and use the files in it"
NO_RECORDING = "use the recording itself; this file holds none, or only a picture of it"
EXPORT = "export the samples as CSV or NPY with rate, unit and leads, or as EDF or WFDB"


@dataclass(frozen=True)
class UnsupportedFile:
    """The reason for the file's row, which says what the file is, and what to do with it."""

    reason: str
    fix: str


MAGIC: tuple[tuple[bytes, str, str], ...] = (
    (b"ISHNE1.0", "ISHNE Holter file", CONVERT), (b"ANN  1.0", "ISHNE annotation file", NO_RECORDING),
    (b"GDF ", "GDF file", CONVERT), (b"ALIVE\0\0\0", "AliveCor ATC file", CONVERT),
    (b"\x89HDF\r\n\x1a\n", "HDF5 file", EXPORT), (b"PAR1", "Parquet file", EXPORT), (b"ARROW1", "Arrow file", EXPORT),
    (b"\x80\x03", "Python pickle", EXPORT), (b"\x80\x04", "Python pickle", EXPORT), (b"\x80\x05", "Python pickle", EXPORT),
    (b"\x1f\x8b", "gzip file", UNPACK), (b"BZh", "bzip2 file", UNPACK), (b"\xfd7zXZ\0", "xz file", UNPACK),
    (b"\x28\xb5\x2f\xfd", "Zstandard file", UNPACK), (b"7z\xbc\xaf\x27\x1c", "7-Zip file", UNPACK),
    (b"Rar!", "RAR file", UNPACK), (b"PK\x03\x04", "ZIP file", UNPACK), (b"%PDF", "PDF document", NO_RECORDING),
    (b"\xff\xd8\xff", "JPEG picture", NO_RECORDING), (b"\x89PNG", "PNG picture", NO_RECORDING),
    (b"GIF8", "GIF picture", NO_RECORDING), (b"II*\0", "TIFF picture", NO_RECORDING),
    (b"MM\0*", "TIFF picture", NO_RECORDING), (b"{\\rtf", "RTF document", NO_RECORDING),
    (b"\xd0\xcf\x11\xe0", "Microsoft Office document", EXPORT), (b"SQLite format 3\0", "SQLite database", EXPORT),
)  # fmt: skip
"""First bytes, name, fix."""

ROOTS: dict[str, tuple[str, str]] = {
    "sapphire": ("GE Sapphire XML (MAC, DCAR)", CONVERT), "examdescript": ("Schiller XML", CONVERT),
    "schiller": ("Schiller XML", CONVERT), "cardioxp": ("Bionet CardioXP XML", CONVERT),
    "zoncare": ("Zoncare XML", CONVERT), "hativecg": ("Hativ XML", CONVERT),
    "clinicaldocument": ("HL7 clinical document", CONVERT), "healthdata": ("Apple Health export", CONVERT),
    "svg": ("SVG picture", NO_RECORDING), "html": ("web page", NO_RECORDING),
}  # fmt: skip
"""Root element in lower case -> name, fix."""

ROOT = re.compile(rb"<(?:[A-Za-z_][\w.-]*:)?([A-Za-z_][\w.-]{0,60})[\s>/]")
AROUND_ROOT = re.compile(rb"<!--.*?(?:-->|\Z)|<\?.*?(?:\?>|\Z)|<!DOCTYPE[^>]*(?:>|\Z)", re.DOTALL | re.IGNORECASE)
MAKERS = ((b"schiller", "schiller"), (b"zoncare", "zoncare"), (b"urn:ge:sapphire", "sapphire"))
"""Text in the head of files whose root element is a common word, and the entry in ROOTS."""


def _unsupported(name: str, fix: str) -> UnsupportedFile:
    return UnsupportedFile(f"{name}; ecgwas does not read it", fix)


def identify(content: bytes) -> UnsupportedFile | None:
    """What a file is, from its bytes; None if unknown. To be called for files that no format of ecgwas recognises."""
    for magic, name, fix in MAGIC:
        if content.startswith(magic):
            return _inside_zip(content) if magic == b"PK\x03\x04" else _unsupported(name, fix)
    if content[2:6] == b"MFR " and content[:1] == b"\x40":
        return _unsupported("MFER file", CONVERT)
    if content[512:520] == b"\x89HDF\r\n\x1a\n":
        return _unsupported("HDF5 file", EXPORT)
    text = content[:16_384].replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
    if text.startswith(b"<"):
        return _by_root(text)
    return _by_text(text)


def _inside_zip(content: bytes) -> UnsupportedFile:
    """Office documents are ZIP files, as are files of numpy and torch."""
    head = content[:4096]
    if b"xl/" in head or b"word/" in head:
        return _unsupported("Microsoft Office document", EXPORT)
    return _unsupported("numpy .npz file", EXPORT) if b".npy" in head else _unsupported("ZIP file", UNPACK)


def _by_root(text: bytes) -> UnsupportedFile | None:
    match = ROOT.search(AROUND_ROOT.sub(b"", text))
    if match is None:
        return None
    root, lower = match[1].decode("ascii", "replace"), text.lower()
    entry = ROOTS.get(root.lower())
    if entry is None or root.lower() == "clinicaldocument":
        entry = next((ROOTS[key] for word, key in MAKERS if word in lower), entry)
    return UnsupportedFile(f"XML of no known format (root {root})", CONVERT) if entry is None else _unsupported(*entry)


def _by_text(text: bytes) -> UnsupportedFile | None:
    if text.startswith(b"{"):
        kardia = b'"recordedAt"' in text or b'"amplitudeResolution"' in text
        return _unsupported("AliveCor Kardia JSON" if kardia else "JSON file", EXPORT)
    return None
