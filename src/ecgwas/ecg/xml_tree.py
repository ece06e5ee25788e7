"""XML of strangers: nothing is fetched, no entity is followed, and text becomes numbers or an error."""

from __future__ import annotations

import base64
import binascii
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from lxml import etree
from numpy.typing import NDArray

from ecgwas.ecg.recording import unusable
from ecgwas.ecg.spellings import number
from ecgwas.ecg.xml_repair import legible

Element = etree._Element
ENTITIES = "XML with a document type (entities are refused)"
DOCTYPE = re.compile(rb"<!DOCTYPE[^>]*\[|<!ENTITY")
"""Of a document type that declares something."""

NAMESPACE = re.compile(rb"\sxmlns=(\"[^\"<>]*\"|'[^'<>]*')")
"""That of all names without a prefix."""
HEAD_BYTES = 16_384
"""Where a root element stands; files may begin with pages of comments."""


def has_root(head: bytes, name: str) -> bool:
    """True if `<name` stands in the head of a file. Zero bytes are taken out, so UTF-16 is recognised too."""
    return re.search(rb"<(?:\w+:)?" + name.encode() + rb"[\s>/]", head.replace(b"\0", b"")) is not None


def root_of(content: bytes, path: Path, *, name: str) -> Element:
    """The root element; raises InputError unless it is called `name`. All names of elements are freed of their namespaces.

    A document type that only names a file (GE MUSE's `restecg.dtd`) is passed over unread; one that declares anything is
    refused. Bytes that are not in the declared encoding, or that no XML may hold, are read as `legible` makes them.
    """
    # Taken out of the bytes, the usual namespace costs next to nothing; what that does not free is freed one by one.
    spaced = NAMESPACE.search(content, 0, HEAD_BYTES)
    plain = content if spaced is None else content[: spaced.start()] + content[spaced.end() :]
    try:
        root = _parsed(plain, path)
    except etree.XMLSyntaxError:
        try:
            root = _parsed(legible(content), path)
        except etree.XMLSyntaxError:
            raise unusable("XML cut off or malformed", path) from None
    if etree.QName(root).localname != name:
        raise unusable(f"XML of no known format (root {etree.QName(root).localname[:60]})", path)
    if b"xmlns" in plain.replace(b"\0", b""):
        _free(root)
    return root


def _parsed(content: bytes, path: Path) -> Element:
    """The root element; raises XMLSyntaxError, or InputError for a document type that declares something."""
    letters = content.replace(b"\0", b"")
    if b"<!DOCTYPE" in letters and DOCTYPE.search(letters):
        raise unusable(ENTITIES, path)
    parser = etree.XMLParser(
        resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False, remove_comments=True, remove_pis=True
    )
    root = etree.fromstring(content, parser)
    # An encoding in which the letters above look otherwise could still have carried declarations in.
    declared: Any = root.getroottree().docinfo.internalDTD
    if declared is not None and (list(declared.iterentities()) or list(declared.iterelements())):
        raise unusable(ENTITIES, path)
    return root


def _free(root: Element) -> None:
    named: Any = root.xpath("//*[namespace-uri() != '']")
    for element in named:
        element.tag = etree.QName(element).localname


def positive(parent: Element, name: str, path: Path) -> float:
    """The number above 0 in a child; raises InputError naming the child."""
    value = number(parent.findtext(name))
    if value is None:
        text = " ".join((parent.findtext(name) or "").split())
        raise unusable(f"no number in {name}" + (f": '{text[:20]}'" if text else ""), path)
    if value <= 0:
        raise unusable(f"{name} is not above 0", path)
    return value


def packed(element: Element, what: str, path: Path) -> bytes:
    """The bytes of base64 text."""
    text = element.text or ""
    if not text.strip():
        raise unusable(f"{what} is empty", path)
    try:
        content = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise unusable(f"{what} is not base64", path) from None
    if len(element):
        raise unusable(f"{what} is not base64", path)
    return content


def integers(content: bytes, what: str, path: Path) -> NDArray[np.int16]:
    """(S,) int16, the lower byte first."""
    if len(content) % 2:
        raise unusable(f"{what} does not end with a whole sample", path)
    return np.frombuffer(content, dtype="<i2")


def numbers(element: Element, what: str, path: Path, *, separator: str) -> NDArray[np.float64]:
    """(S,) float64 from text with a separator (blank: any blanks) between values."""
    text = element.text or ""
    if not text.strip():
        raise unusable(f"{what} is empty", path)
    values = None if len(element) else parsed(text, separator)
    if values is None:
        raise unusable(f"text in the waveform of {what}", path)
    return values


def parsed(text: str, separator: str) -> NDArray[np.float64] | None:
    """The numbers of a text; None if anything else stands there."""
    with warnings.catch_warnings():
        # Numpy stops at a letter and only warns.
        warnings.simplefilter("error", DeprecationWarning)
        # Counts are whole numbers, which are read nine times as fast; another exporter's fractions get their turn.
        for kind in (np.int64, np.float64):
            try:
                return np.fromstring(text, dtype=kind, sep=separator).astype(np.float64)
            except (DeprecationWarning, ValueError):
                continue
    return None
