"""Who is answered: this machine's browser with the token, by GET; and never tables of participants unless asked for."""

from __future__ import annotations

import shutil
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from ecgwas import extras
from ecgwas.commands.cli import main
from ecgwas.errors import EcgwasError, InputError, MissingStageError
from ecgwas.serve import result_tables
from ecgwas.serve.app import make_app
from ecgwas.serve.html import page
from ecgwas.serve.study import Source, sources_of, stamp_of
from ecgwas.study import Study
from ecgwas.tables import files
from tests.serve.conftest import TOKEN, testclient

ADDRESSES = ("/", "/api/view?at=start", "/api/search?text=pr_ms", "/api/csv?study=strong&name=loci/loci.csv", "/api/look")


@pytest.fixture
def stranger(sources: dict[str, Source]) -> httpx.Client:
    """A client without the token."""
    app = make_app(sources, token=TOKEN)
    client: httpx.Client = testclient.TestClient(app, base_url="http://127.0.0.1:8000", follow_redirects=False)
    return client


@pytest.mark.parametrize("address", ADDRESSES)
def test_without_the_token_nothing_is_answered(stranger: httpx.Client, address: str) -> None:
    more = "&" if "?" in address else "?"
    for asked in (address, f"{address}{more}token=wrong", f"{address}{more}token="):
        answer = stranger.get(asked)
        assert answer.status_code == 403
        assert "printed" in answer.text
        assert "set-cookie" not in answer.headers
    stranger.cookies.set("ecgwas", "wrong")
    assert stranger.get(address).status_code == 403


def test_the_token_is_exchanged_for_a_cookie_and_leaves_the_address(stranger: httpx.Client) -> None:
    answer = stranger.get("/", params={"token": TOKEN})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert stranger.get("/").status_code == 200


def test_the_token_in_another_address_than_the_first_does_not_count(stranger: httpx.Client) -> None:
    assert stranger.get("/api/view", params={"at": "start", "token": TOKEN}).status_code == 403


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "localhost.evil.example:80", ""]
)
def test_another_host_is_refused_even_with_the_token(client: httpx.Client, host: str) -> None:
    for address in ADDRESSES:
        assert client.get(address, headers={"Host": host}).status_code == 421


@pytest.mark.parametrize("host", ["127.0.0.1:1234", "localhost:8080", "LOCALHOST", "[::1]:80"])
def test_this_machine_is_answered_at_any_port_for_tunnels(client: httpx.Client, host: str) -> None:
    assert client.get("/api/view", params={"at": "loci"}, headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_nothing_can_be_written(client: httpx.Client, method: str) -> None:
    for address in ADDRESSES:
        answer = client.request(method, address)
        assert answer.status_code == 405
        assert not any(name.startswith("access-control") for name in answer.headers)


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_pages_from_elsewhere_are_refused(client: httpx.Client, site: str) -> None:
    headers = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty", "Origin": "http://127.0.0.1:9"}
    for address in ADDRESSES:
        assert client.get(address, headers=headers).status_code == 403
    assert client.get("/api/view?at=loci", headers={"Sec-Fetch-Site": "same-origin"}).status_code == 200


@pytest.mark.parametrize("address", ADDRESSES[:4])
def test_every_answer_has_a_strict_policy_and_no_cors(client: httpx.Client, address: str) -> None:
    headers = client.get(address).headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert "*" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"
    assert "access-control-allow-origin" not in headers
    assert "server" not in headers


def test_the_page_has_no_address_of_elsewhere_and_no_inline_style() -> None:
    shown = page([("a", "A <b>"), ("b", "B")], private=False)
    text = shown.html.replace("http://www.w3.org/2000/svg", "")
    assert "http://" not in text
    assert "https://" not in text
    assert " style=" not in text
    assert "A &lt;b&gt;" in text
    assert "connect-src 'self'" in shown.policy


TRAVERSALS = (
    "../study.yaml", "loci/../../study.yaml", "/etc/passwd", "loci/../traits/traits.parquet", "loci\\..\\x",
    "notes/loci/all.json", "report/report.html", "loci", "", "read/signals/../../../study.yaml",
    "read/signals/%2e%2e/recordings.parquet",
)  # fmt: skip


@pytest.mark.parametrize("name", TRAVERSALS)
def test_only_declared_tables_are_read(private_client: httpx.Client, name: str) -> None:
    answer = private_client.get("/api/csv", params={"study": "strong", "name": name})
    assert answer.status_code == 404
    assert "no table" in answer.json()["problem"]


def test_a_link_out_of_the_results_folder_is_not_followed(strong: Study, tmp_path: Path) -> None:
    copy = tmp_path / "results"
    shutil.copytree(strong.results, copy)
    (tmp_path / "secret.csv").write_bytes((copy / "loci" / "loci.csv").read_bytes())
    (copy / "loci" / "loci.csv").unlink()
    (copy / "loci" / "loci.csv").symlink_to(tmp_path / "secret.csv")
    served = next(iter(sources_of([copy]).values())).current()
    with pytest.raises(InputError, match="no table"):
        result_tables.frame(served, "loci/loci.csv", private=True)


def test_tables_of_participants_are_answered_only_with_private(
    client: httpx.Client, private_client: httpx.Client, strong: Study
) -> None:
    personal = [f"{one.stage}/{one.name.format(**names)}" for one in files.ALL
                if isinstance(one, files.TableFile) and one.about_people
                for names in one.all_names(strong.results)]  # fmt: skip
    assert {"read/recordings.parquet", "traits/traits.parquet", "traits/covariates.parquet"} <= set(personal)
    for name in personal:
        for address, given in (("/api/csv", {"study": "strong", "name": name}),
                               ("/api/view", {"at": f"table-{name.replace('/', '%2F')}/strong"})):  # fmt: skip
            answer = client.get(address, params=given)
            assert answer.status_code == 403
            assert "--private" in answer.json()["fix"]
            assert private_client.get(address, params=given).status_code == 200
    listed = client.get("/api/view", params={"at": "tables/strong"}).text
    assert not [name for name in personal if name in listed]
    eids = files.PEOPLE.read(strong.results).frame["eid"].to_list()
    answers = [client.get("/api/view", params={"at": at}).text for at in ("start/strong", "traits/strong", "tables/strong")]
    assert not [eid for eid in eids if any(f'"{eid}"' in answer for answer in answers)]


def test_a_table_is_the_file(client: httpx.Client, strong: Study) -> None:
    answer = client.get("/api/csv", params={"study": "strong", "name": "loci/hits.csv"})
    assert answer.text == files.HITS.read(strong.results).frame.write_csv()
    assert "attachment" in answer.headers["content-disposition"]


def test_a_look_needs_private_and_draws_no_small_group(
    client: httpx.Client, private_client: httpx.Client, strong: Study
) -> None:
    locus = files.LOCI.read(strong.results).frame.sort("neglog10p", descending=True).row(0, named=True)
    asked = {"study": "strong", "variant": f"{locus['chrom']}:{locus['pos']}:{locus['effect_allele']}:{locus['other_allele']}"}
    assert client.get("/api/look", params=asked).status_code == 403
    answer = private_client.get("/api/look", params=asked)
    assert answer.status_code == 200, answer.text
    names = [one.get("name") for one in answer.json()["blocks"]]
    assert {"beats-strong", "every-strong", "around-strong"} <= set(names)
    assert "ask" in private_client.get("/api/view", params={"at": f"variant-{asked['variant']}/strong"}).text
    shown = client.get("/api/view", params={"at": f"variant-{asked['variant']}/strong"}).json()
    assert "Test it again" not in str(shown)


def test_a_study_that_changes_is_read_again_or_refused(strong: Study, tmp_path: Path) -> None:
    copy = tmp_path / "results"
    shutil.copytree(strong.results, copy)
    source = next(iter(sources_of([copy]).values()))
    before = source.current()
    assert source.current() is before
    note = files.NOTE.path(copy, stage="loci", part="all")
    text = note.read_text()
    note.write_text(text + "\n")
    assert stamp_of(copy) != stamp_of(strong.results)
    again = source.current()
    assert again is not before
    assert again.loci.equals(before.loci)
    note.unlink()
    with pytest.raises(MissingStageError, match="stage loci"):
        source.current()
    note.write_text(text)
    assert source.current().loci.equals(before.loci)


def test_mistakes_of_the_command_say_what_to_do(strong: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def outcome(*arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(main, ["serve", *arguments])
        return done.exit_code, done.output

    half = tmp_path / "half"
    shutil.copytree(strong.results, half)
    shutil.rmtree(half / "notes" / "loci")
    code, text = outcome(str(half))
    assert (code, "stage loci has not run" in text) == (MissingStageError.exit_code, True)
    code, text = outcome(str(strong.results), str(strong.folder / "study.yaml"))
    assert (code, "same study" in text) == (InputError.exit_code, True)
    (tmp_path / "empty").mkdir()
    code, text = outcome(str(tmp_path / "empty"))
    assert (code, "there are no results" in text) == (InputError.exit_code, True)
    monkeypatch.setattr(extras, "is_installed", lambda module: module != "uvicorn")
    code, text = outcome(str(strong.results))
    assert "pip install 'ecgwas[serve]'" in text
    assert issubclass(InputError, EcgwasError)
