"""Reading XML from untrusted sources: nothing is fetched, entities are refused, and text becomes numbers or an error."""

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
from ecgwas.ecg.xml_repair import repaired_xml

Element = etree._Element
ENTITIES = "XML with a document type (entities are refused)"
DOCTYPE = re.compile(rb"<!DOCTYPE[^>]*\[|<!ENTITY")
"""A document type that contains declarations."""

NAMESPACE = re.compile(rb"\sxmlns=(\"[^\"<>]*\"|'[^'<>]*')")
"""The declaration of the default namespace."""
HEAD_BYTES = 16_384
"""Within these bytes the root element is found; files may begin with pages of comments."""


def has_root(head: bytes, name: str) -> bool:
    """True if `<name` occurs in the head of a file. Zero bytes are ignored, so that UTF-16 is recognised too."""
    return re.search(rb"<(?:\w+:)?" + name.encode() + rb"[\s>/]", head.replace(b"\0", b"")) is not None


def parse_root(content: bytes, path: Path, *, name: str) -> Element:
    """The root element, which must be called `name`; else raises InputError. Namespaces are removed from all element names.

    A document type that only names a file (GE MUSE's `restecg.dtd`) is ignored; one with declarations is refused. If the bytes
    do not parse, because of their encoding or forbidden characters, they are repaired (`xml_repair`) and parsed again.
    """
    # Removing the default namespace from the bytes is fast; other namespaces are removed element by element.
    default = NAMESPACE.search(content, 0, HEAD_BYTES)
    plain = content if default is None else content[: default.start()] + content[default.end() :]
    try:
        root = _parsed(plain, path)
    except etree.XMLSyntaxError:
        try:
            root = _parsed(repaired_xml(content), path)
        except etree.XMLSyntaxError:
            raise unusable("XML cut off or malformed", path) from None
    if etree.QName(root).localname != name:
        raise unusable(f"XML of no known format (root {etree.QName(root).localname[:60]})", path)
    if b"xmlns" in plain.replace(b"\0", b""):
        _remove_namespaces(root)
    return root


def _parsed(content: bytes, path: Path) -> Element:
    """The root element; raises XMLSyntaxError, or InputError for a document type with declarations."""
    without_zeros = content.replace(b"\0", b"")
    if b"<!DOCTYPE" in without_zeros and DOCTYPE.search(without_zeros):
        raise unusable(ENTITIES, path)
    parser = etree.XMLParser(
        resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False, remove_comments=True, remove_pis=True
    )
    root = etree.fromstring(content, parser)
    # In another encoding, declarations could have escaped the search above.
    declared: Any = root.getroottree().docinfo.internalDTD
    if declared is not None and (list(declared.iterentities()) or list(declared.iterelements())):
        raise unusable(ENTITIES, path)
    return root


def _remove_namespaces(root: Element) -> None:
    prefixed: Any = root.xpath("//*[namespace-uri() != '']")
    for element in prefixed:
        element.tag = etree.QName(element).localname


def positive_number(parent: Element, name: str, path: Path) -> float:
    """The number above 0 in a child element; raises InputError that names the child."""
    value = number(parent.findtext(name))
    if value is None:
        text = " ".join((parent.findtext(name) or "").split())
        raise unusable(f"no number in {name}" + (f": '{text[:20]}'" if text else ""), path)
    if value <= 0:
        raise unusable(f"{name} is not above 0", path)
    return value


def base64_bytes(element: Element, what: str, path: Path) -> bytes:
    """The bytes of an element's base64 text; `what` names it in errors."""
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


def int16_samples(content: bytes, what: str, path: Path) -> NDArray[np.int16]:
    """(S,) int16 from little-endian bytes."""
    if len(content) % 2:
        raise unusable(f"{what} ends within a sample", path)
    return np.frombuffer(content, dtype="<i2")


def number_list(element: Element, what: str, path: Path, *, separator: str) -> NDArray[np.float64]:
    """(S,) float64 from text with a separator between values; a blank separator means any white space."""
    text = element.text or ""
    if not text.strip():
        raise unusable(f"{what} is empty", path)
    values = None if len(element) else parse_numbers(text, separator)
    if values is None:
        raise unusable(f"text in the waveform of {what}", path)
    return values


def parse_numbers(text: str, separator: str) -> NDArray[np.float64] | None:
    """The numbers in a text; None if it contains anything else."""
    with warnings.catch_warnings():
        # Numpy stops at the first letter and only warns.
        warnings.simplefilter("error", DeprecationWarning)
        # Counts are mostly integers, which are read nine times as fast; fractions are tried next.
        for kind in (np.int64, np.float64):
            try:
                return np.fromstring(text, dtype=kind, sep=separator).astype(np.float64)
            except (DeprecationWarning, ValueError):
                continue
    return None
