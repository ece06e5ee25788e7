"""The door to the internet, against a local server that misbehaves."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from ecgwas.errors import ServiceError
from ecgwas.genes.web import client
from ecgwas.genes.web.contract import NotUnderstood, Question, Variants, as_json
from tests.genes.conftest import Weather
from tests.genes.hits import make_variants
from tests.genes.server import Reply, Server


def in_good_order(content: bytes) -> list[str]:
    """Understands a JSON list."""
    value = as_json(content)
    if not isinstance(value, list) or not value:
        raise NotUnderstood("no list")
    return value


def question(server: Server, **more: str) -> Question:
    return Question(f"{server.address}/api", form={"ids": "A\rB"} | more)


def test_a_good_answer_in_the_end_is_kept_and_asked_for_once(server: Server, survives: Weather) -> None:
    server.speak = lambda _: b'["good"]'
    assert survives(lambda get: get(question(server), in_good_order).value) == ["good"]


def test_each_way_of_asking(server: Server, tmp_path: Path) -> None:
    server.speak = lambda _: b'["good"]'
    get = client.make_get(tmp_path, offline=False, sleep=lambda _: None)
    get(question(server), in_good_order)
    get(Question(f"{server.address}/api", params={"rs_id": "rs1", "page": "0"}), in_good_order)
    get(Question(f"{server.address}/api", json={"query": ["rs1"]}), in_good_order)
    get(Question(f"{server.address}/api", parts={"query": "rs1,rs2"}), in_good_order)
    form, by_address, as_body, parts = server.asked
    assert form.body == b"ids=A%0DB"
    assert (by_address.method, dict(by_address.params)) == ("GET", {"rs_id": "rs1", "page": "0"})
    assert (json.loads(as_body.body), as_body.headers["Accept"]) == ({"query": ["rs1"]}, "application/json")
    assert parts.headers["Content-Type"].startswith("multipart/form-data")
    assert b'name="query"\r\n\r\nrs1,rs2\r\n' in parts.body
    assert all(asked.headers["User-Agent"].startswith("ecgwas/") for asked in server.asked)


def test_a_refused_question_is_not_asked_again_and_the_service_is_quoted(server: Server, tmp_path: Path) -> None:
    server.speak = lambda _: Reply(b'{"error": "ID  not\nfound"}', 400)
    get = client.make_get(tmp_path, offline=False, sleep=lambda _: None)
    with pytest.raises(ServiceError, match=r'status 400: \{"error": "ID not found"\}'):
        get(question(server), in_good_order)
    assert len(server.asked) == 1


def test_offline_says_how_to_get_the_answer(tmp_path: Path) -> None:
    with pytest.raises(ServiceError, match="results/cache"):
        client.make_get(tmp_path, offline=True)(Question("http://127.0.0.1:9/"), in_good_order)


def test_an_unreachable_service_is_a_clear_error(tmp_path: Path) -> None:
    get = client.make_get(tmp_path, offline=False, sleep=lambda _: None)
    with pytest.raises(ServiceError, match="ConnectError"):
        get(Question("http://127.0.0.1:9/"), in_good_order)


@pytest.mark.parametrize("harm", ["answer changed", "note gone", "note cut", "answer gone"])
def test_a_damaged_cache_entry_is_requested_again(harm: str, server: Server, tmp_path: Path) -> None:
    server.speak = lambda _: b'["good"]'
    get = client.make_get(tmp_path, offline=False, sleep=lambda _: None)
    get(question(server), in_good_order)
    note = next(tmp_path.glob("*.json"))
    answer = note.with_suffix("")
    {
        "answer changed": lambda: answer.write_bytes(b'["poison"]'),
        "note gone": note.unlink,
        "note cut": lambda: note.write_text(note.read_text()[:30]),
        "answer gone": answer.unlink,
    }[harm]()
    with pytest.raises(ServiceError, match="offline"):
        client.make_get(tmp_path, offline=True)(question(server), in_good_order)
    assert get(question(server), in_good_order).value == ["good"]
    assert client.make_get(tmp_path, offline=True)(question(server), in_good_order).value == ["good"]
    assert len(server.asked) == 2


def test_the_note_records_date_and_address(server: Server, tmp_path: Path) -> None:
    server.speak = lambda _: b'["good"]'
    answer = client.make_get(tmp_path, offline=False, sleep=lambda _: None)(question(server), in_good_order)
    note = json.loads(next(tmp_path.glob("*.json")).read_text())
    assert note["url"] == f"{server.address}/api"
    assert answer.date == note["date"] == datetime.now(UTC).date().isoformat()


def test_calls_to_one_host_are_apart_as_the_question_asks(server: Server, tmp_path: Path) -> None:
    server.speak = lambda _: b'["good"]'
    waits: list[float] = []
    get = client.make_get(tmp_path, offline=False, sleep=waits.append, clock=lambda: 100.0)
    get(question(server, q="1"), in_good_order)
    get(question(server, q="2"), in_good_order)
    get(Question(f"{server.address}/slow", min_interval_s=2.0), in_good_order)
    assert waits == [0.0, 1.0, 2.0]


@pytest.mark.parametrize(
    ("said", "least", "most"),
    [
        ("7", 7, 7),
        ("0.25", 0.25, 0.25),
        ("99999", client.MAX_RETRY_AFTER_S, client.MAX_RETRY_AFTER_S),
        ("a date", 20, 50),
        ("-5", 1, 1),
        ("nan", 1, 1),
        ("soon", 1, 1),
    ],
)
def test_retry_after_in_seconds_or_as_a_date(said: str, least: float, most: float, server: Server, tmp_path: Path) -> None:
    if said == "a date":
        said = format_datetime(datetime.now(UTC) + timedelta(seconds=50), usegmt=True)
    server.first = [Reply(b"", 429, {"Retry-After": said})]
    server.speak = lambda _: b'["good"]'
    waits: list[float] = []
    client.make_get(tmp_path, offline=False, sleep=waits.append)(question(server), in_good_order)
    assert least <= waits[-1] <= most


def test_a_service_that_stays_silent_is_given_up(server: Server, tmp_path: Path) -> None:
    server.speak = lambda _: Reply(b'["late"]', delay_s=1.0)
    get = client.make_get(tmp_path / "cache", offline=False, sleep=lambda _: None, patience_s=0.2)
    with pytest.raises(ServiceError, match="ReadTimeout"):
        get(question(server), in_good_order)
    assert not (tmp_path / "cache").exists()


def test_a_service_that_trickles_for_ever_is_given_up(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "MAX_ANSWER_S", 0.0)
    server.speak = lambda _: b'["good"]' + b" " * 200_000
    with pytest.raises(ServiceError, match="incomplete"):
        client.make_get(tmp_path, offline=False, sleep=lambda _: None)(question(server), in_good_order)


def test_a_file_is_downloaded_whole_or_not_at_all(server: Server, tmp_path: Path) -> None:
    def small(path: Path) -> None:
        if path.stat().st_size != 3:
            raise NotUnderstood("not three bytes")

    path = tmp_path / "file.txt"
    server.first = [Reply(cut=True), Reply(b"abc", headers={"Content-Length": "9"}), Reply(b"abcd")]
    server.speak = lambda _: Reply(b"abc", headers={"Last-Modified": "Tue, 03 Nov 2026 10:00:00 GMT"})
    changed = client.download(f"{server.address}/file.txt", path, small, sleep=lambda _: None)
    assert (path.read_bytes(), changed, len(server.asked)) == (b"abc", "2026-11-03", 4)
    server.speak = lambda _: b"abcd"
    other = tmp_path / "other.txt"
    with pytest.raises(ServiceError, match="three bytes"):
        client.download(f"{server.address}/file.txt", other, small, sleep=lambda _: None)
    assert [found.name for found in tmp_path.iterdir()] == ["file.txt"]


def test_rs_numbers_at_the_beginning_of_an_id() -> None:
    variants = make_variants()
    named = {variant.name: number for variant, number in variants.rs_numbers().items()}
    assert named == {"rs12143842": "rs12143842", "rs6801957": "rs6801957", "rs2074238:C:T": "rs2074238"}
    renamed = Variants(variants.frame.with_columns(variant=variants.frame["variant"] + "x"))
    assert [variant.name for variant in renamed.rs_numbers()] == ["rs2074238:C:Tx"]
