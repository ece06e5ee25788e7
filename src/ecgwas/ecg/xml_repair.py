"""Repair of XML files with the wrong encoding declared, forbidden characters, or zeros at the end."""

from __future__ import annotations

import codecs
import re

BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF32_LE, "utf-32-le"), (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"),
)  # fmt: skip
FIRST_LETTERS = ((b"<\0\0\0", "utf-32-le"), (b"\0\0\0<", "utf-32-be"), (b"<\0", "utf-16-le"), (b"\0<", "utf-16-be"))
"""How a file without a byte-order mark encodes its first `<`."""
DECLARATION = re.compile(r"^<\?xml[^>]*\?>")
DECLARED = re.compile(rb"^\s*<\?xml[^>]*encoding=[\"']([A-Za-z][\w.-]*)[\"']")
ASCII_COMPATIBLE = re.compile(
    r"(?:utf-?8|us-ascii|iso-?8859-\d+|latin-?\d+|windows-\d+|cp(?:125\d|437|85\d)|gb\w+|big5|shift_jis|euc-\w+|koi8-\w)", re.I
)
"""Encodings in which ASCII characters are the same single bytes."""
FORBIDDEN = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
REFERENCE = re.compile(r"&#(?:x([0-9A-Fa-f]{1,6})|([0-9]{1,7}));")
AMPERSAND = re.compile(r"&(?!(?:lt|gt|amp|quot|apos);|#\w+;)(\w{1,31};)?")
"""A bare ampersand, or a reference that XML does not define, such as `&uuml;` of HTML."""
UNKNOWN = "\ufffd"
"""Unicode's replacement character, which is not valid within a number or base64."""


def repaired_xml(content: bytes) -> bytes:
    """The same XML in UTF-8, decoded by its bytes rather than by its declaration, without surrounding zeros and blanks.

    The encoding is that of the byte-order mark, else of the first character, else the declared one, else UTF-8, else Latin-1
    (which can decode any byte). Characters that XML 1.0 (section 2.2) forbids, written out or as references, and undeclared
    references become U+FFFD: a name with one remains readable, a waveform with one is refused. A bare ampersand is kept as
    such. Nothing is removed from within the text.
    """
    text = _decoded(content).strip("\0 \t\r\n\x1a\ufeff")
    text = DECLARATION.sub("", text, count=1)
    text = REFERENCE.sub(_replace_forbidden, FORBIDDEN.sub(UNKNOWN, text))
    text = AMPERSAND.sub(lambda match: UNKNOWN if match[1] else "&amp;", text)
    return text.encode("utf-8")


def _decoded(content: bytes) -> str:
    for mark, encoding in BYTE_ORDER_MARKS:
        if content.startswith(mark):
            return _decode_leniently(content[len(mark) :], encoding)
    start = content.lstrip(b" \t\r\n")
    for letters, encoding in FIRST_LETTERS:
        if start.startswith(letters):
            return _decode_leniently(content, encoding)
    declared = DECLARED.match(content[:200])
    encoding = declared[1].decode("ascii") if declared else "utf-8"
    return _decode_leniently(content, encoding if ASCII_COMPATIBLE.fullmatch(encoding) else "utf-8")


def _decode_leniently(content: bytes, encoding: str) -> str:
    """The text in the given encoding, UTF-8 or Latin-1: the first that decodes without error."""
    if encoding.startswith(("utf-16", "utf-32")):
        # Zeros at the end need not make up whole characters.
        whole = len(content) - len(content) % (int(encoding[4:6]) // 8)
        return content[:whole].decode(encoding, errors="replace")
    for candidate in (encoding, "utf-8"):
        try:
            return content.decode(candidate)
        except (UnicodeDecodeError, LookupError):
            continue
    return content.decode("latin-1")


def _replace_forbidden(reference: re.Match[str]) -> str:
    number = int(reference[1], 16) if reference[1] else int(reference[2])
    return UNKNOWN if number > 0x10FFFF or FORBIDDEN.match(chr(number)) else reference[0]
