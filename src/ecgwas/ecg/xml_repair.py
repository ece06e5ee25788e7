"""XML whose bytes are not as they should be: another encoding than declared, forbidden characters, zeros at the end."""

from __future__ import annotations

import codecs
import re

BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF32_LE, "utf-32-le"), (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"),
)  # fmt: skip
FIRST_LETTERS = ((b"<\0\0\0", "utf-32-le"), (b"\0\0\0<", "utf-32-be"), (b"<\0", "utf-16-le"), (b"\0<", "utf-16-be"))
"""How `<` begins a file without a byte-order mark."""
DECLARATION = re.compile(r"^<\?xml[^>]*\?>")
DECLARED = re.compile(rb"^\s*<\?xml[^>]*encoding=[\"']([A-Za-z][\w.-]*)[\"']")
OF_LETTERS = re.compile(
    r"(?:utf-?8|us-ascii|iso-?8859-\d+|latin-?\d+|windows-\d+|cp(?:125\d|437|85\d)|gb\w+|big5|shift_jis|euc-\w+|koi8-\w)", re.I
)
"""Encodings in which a letter of XML is one byte, that of ASCII."""
FORBIDDEN = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
REFERENCE = re.compile(r"&#(?:x([0-9A-Fa-f]{1,6})|([0-9]{1,7}));")
AMPERSAND = re.compile(r"&(?!(?:lt|gt|amp|quot|apos);|#\w+;)(\w{1,31};)?")
"""One that stands for itself, or a reference to what XML does not know, such as `&uuml;` of web pages."""
UNKNOWN = "\ufffd"
"""Unicode's character for what cannot be shown; where a number or base64 is expected it is no part of one."""


def legible(content: bytes) -> bytes:
    """The same XML in UTF-8: decoded as its bytes are and not as it says, without zeros and blanks around it.

    The encoding is that of the byte-order mark, else of the first letter, else the declared one, else UTF-8, else Latin-1, in
    which any byte is a letter. A character that XML 1.0 (section 2.2) forbids, written out or as a reference, and a reference
    that is not declared become U+FFFD, so that a name survives and a waveform in which it stands is refused. A bare ampersand
    stands for itself. Nothing is taken out of the middle.
    """
    text = _decoded(content).strip("\0 \t\r\n\x1a\ufeff")
    text = DECLARATION.sub("", text, count=1)
    text = REFERENCE.sub(_allowed, FORBIDDEN.sub(UNKNOWN, text))
    text = AMPERSAND.sub(lambda found: UNKNOWN if found[1] else "&amp;", text)
    return text.encode("utf-8")


def _decoded(content: bytes) -> str:
    for mark, encoding in BYTE_ORDER_MARKS:
        if content.startswith(mark):
            return _tried(content[len(mark) :], encoding)
    start = content.lstrip(b" \t\r\n")
    for letters, encoding in FIRST_LETTERS:
        if start.startswith(letters):
            return _tried(content, encoding)
    declared = DECLARED.match(content[:200])
    encoding = declared[1].decode("ascii") if declared else "utf-8"
    return _tried(content, encoding if OF_LETTERS.fullmatch(encoding) else "utf-8")


def _tried(content: bytes, encoding: str) -> str:
    """The text in an encoding, in UTF-8 or in Latin-1, whichever comes first without a mistake."""
    if encoding.startswith(("utf-16", "utf-32")):
        # Zeros at the end need not be whole characters.
        whole = len(content) - len(content) % (int(encoding[4:6]) // 8)
        return content[:whole].decode(encoding, errors="replace")
    for one in (encoding, "utf-8"):
        try:
            return content.decode(one)
        except (UnicodeDecodeError, LookupError):
            continue
    return content.decode("latin-1")


def _allowed(reference: re.Match[str]) -> str:
    number = int(reference[1], 16) if reference[1] else int(reference[2])
    return UNKNOWN if number > 0x10FFFF or FORBIDDEN.match(chr(number)) else reference[0]
