"""Answers a little or wholly unlike the contract: each is used rightly or is not understood; none is a traceback."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecgwas.errors import EcgwasError
from ecgwas.genes.sources import ensembl_vep, gprofiler, gwas_catalog, haploreg, open_targets, string_db
from ecgwas.genes.web.contract import Answer, Get, NotUnderstood, Question
from ecgwas.study import EnsemblVep, Gprofiler, GwasCatalog, Haploreg, OpenTargets, StringDb
from tests.genes.hits import make_loci, make_variants
from tests.genes.server import Asked, Reply
from tests.genes.sources import (
    test_ensembl_vep,
    test_gprofiler,
    test_gwas_catalog,
    test_haploreg,
    test_open_targets,
    test_string_db,
)

ADDRESS = "http://service"
VARIANTS, LOCI = make_variants(), make_loci()
TERMS = Gprofiler(address=f"{ADDRESS}/gp")
STRING = StringDb(address=ADDRESS, clusters="service")

USES: dict[str, tuple[Callable[[Asked], Reply | bytes], Callable[[Get], object]]] = {
    "gprofiler snps": (test_gprofiler.speak, lambda get: gprofiler.annotate(TERMS, VARIANTS, LOCI, get)),
    "gprofiler terms": (test_gprofiler.speak, lambda get: gprofiler.enrich(TERMS, ["KCNQ1", "TTN"], get)),
    "haploreg": (test_haploreg.speak, lambda get: haploreg.annotate(Haploreg(address=ADDRESS), VARIANTS, LOCI, get)),
    "ensembl_vep": (
        test_ensembl_vep.speak, lambda get: ensembl_vep.annotate(EnsemblVep(address_hg19=ADDRESS), VARIANTS, LOCI, get),
    ),
    "open_targets": (
        test_open_targets.speak, lambda get: open_targets.annotate(OpenTargets(address=ADDRESS), VARIANTS, LOCI, get),
    ),
    "gwas_catalog": (
        test_gwas_catalog.speak,
        lambda get: gwas_catalog.look_up(GwasCatalog(address=f"{ADDRESS}/v2"), VARIANTS, LOCI, get),
    ),
    "string_db network": (test_string_db.speak, lambda get: string_db.connect(STRING, test_string_db.GENES, get)),
    "string_db terms": (test_string_db.speak, lambda get: string_db.enrich(STRING, test_string_db.GENES, get)),
}  # fmt: skip


def said(speak: Callable[[Asked], Reply | bytes], question: Question) -> bytes:
    """The right answer, without a server."""
    asked = "".join(
        f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n'
        for name, text in (question.parts or {}).items()
    ).encode()
    if question.form is not None:
        asked = urlencode(question.form).encode()
    elif question.json is not None:
        asked = json.dumps(question.json).encode()
    method = "GET" if question.form is None and question.json is None and question.parts is None else "POST"
    path = question.url.removeprefix(ADDRESS)
    reply = speak(Asked(method, path, question.params, {"Content-Type": "multipart/form-data"}, asked))
    return reply if isinstance(reply, bytes) else reply.body


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where every part of a JSON value is."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(place for key, part in inner for place in places(part, (*at, key)))]


GONE = object()
STRANGE = st.one_of(
    st.just(GONE), st.none(), st.booleans(), st.integers(-(10**30), 10**30), st.floats(), st.text(max_size=5),
    st.sampled_from(["", "-1", "nan", "9606.P1", "rs6801957", [], {}, [[]], [None], ["x"], {"x": None}, -1, 0, 1e308]),
)  # fmt: skip


def changed(value: Any, place: tuple[Any, ...], new: Any) -> Any:
    """The value with one part replaced, or taken away."""
    if not place:
        return None if new is GONE else new
    value = copy.deepcopy(value)
    holder = value
    for key in place[:-1]:
        holder = holder[key]
    if new is GONE:
        del holder[place[-1]]
    else:
        holder[place[-1]] = new
    return value


@pytest.mark.parametrize("name", USES)
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_one_part_of_one_answer_is_strange(name: str, data: st.DataObject) -> None:
    speak, use = USES[name]
    which = data.draw(st.integers(0, 4))
    count = 0

    def get(question: Question, understand: Callable[[bytes], Any]) -> Answer[Any]:
        nonlocal count
        content = said(speak, question)
        if count == which:
            content = strange(content, data)
        count += 1
        return Answer(understand(content), "2026-11-25")

    with suppress(NotUnderstood, EcgwasError):
        use(get)


def strange(content: bytes, data: st.DataObject) -> bytes:
    try:
        value = json.loads(content)
    except ValueError:
        start, stop = (data.draw(st.integers(0, len(content))) for _ in range(2))
        return content[:start] + data.draw(st.binary(max_size=6)) + content[max(start, stop) :]
    place = data.draw(st.sampled_from(places(value)))
    return json.dumps(changed(value, place, data.draw(STRANGE))).encode()


@pytest.mark.parametrize("name", USES)
@settings(max_examples=40, deadline=None)
@given(content=st.one_of(st.binary(max_size=80), st.recursive(STRANGE, st.lists, max_leaves=6).map(repr).map(str.encode)))
def test_an_answer_that_is_anything(name: str, content: bytes) -> None:
    _, use = USES[name]
    with suppress(NotUnderstood, EcgwasError):
        use(lambda question, understand: Answer(understand(content), "2026-11-25"))
