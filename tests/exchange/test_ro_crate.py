"""The RO-Crate of a shared folder: every reference resolves, authors and licence are stated as given, nothing else is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from ecgwas.exchange import ro_crate
from ecgwas.exchange.ro_crate import Attribution, Input, SharedFile, Software
from ecgwas.stages.base import write_json
from ecgwas.study import ShareOptions
from ecgwas.tables import files

SOFTWARE = Software("1.2", "https://example.org/ecgwas", "what it does")
NOTHING = Attribution(None, (), None)
INPUTS = [Input("scan.genotypes", "Genotypes.", False), Input("genes[0].file", "Genes.", True, "genes.gtf (v47)", "ab" * 32)]
PROFILE = "https://w3id.org/ro/wfrun/{}/0.5"
OUTSIDE = {"https://w3id.org/ro/crate/1.1"}
"""What a crate refers to without describing it: the specification."""


def shared(*names: str) -> list[SharedFile]:
    return [SharedFile(name, f"about {name}", 3, "c" * 64) for name in (*names, files.SHARED_WORKFLOW.name)]


def crate(attribution: Attribution = NOTHING, *names: str) -> dict[str, Any]:
    return dict(ro_crate.metadata("heart", SOFTWARE, shared(*(names or ("report.html",))), INPUTS, attribution))


def by_id(content: dict[str, Any]) -> dict[str, dict[str, Any]]:
    entities = content["@graph"]
    named = {one["@id"]: one for one in entities}
    assert len(named) == len(entities)
    return named


def references(value: Any) -> Iterator[str]:
    """Every @id that is referred to: objects with nothing but an @id."""
    if isinstance(value, dict):
        if set(value) == {"@id"}:
            yield value["@id"]
        yield from (name for inner in value.values() for name in references(inner))
    elif isinstance(value, list):
        yield from (name for inner in value for name in references(inner))


FULL = Attribution(
    "https://creativecommons.org/licenses/by/4.0/", ("Ada Byron (0000-0002-1825-0097)", "Jean Dupont"), "2026-12-01"
)


@pytest.mark.parametrize("attribution", [NOTHING, FULL, Attribution("Ask us.", (), None)])
def test_every_reference_resolves_and_every_entity_is_referred_to(attribution: Attribution) -> None:
    named = by_id(crate(attribution))
    used = {name for one in named.values() for name in references(one)}
    assert used - set(named) == OUTSIDE
    assert set(named) - used == {files.SHARED_CRATE.name}


def test_the_run_is_that_of_the_workflow_with_inputs_and_results() -> None:
    named = by_id(crate(NOTHING, "report.html", "tables/loci/hits.csv"))
    root, run = named["./"], named["#run"]
    workflow = named[root["mainEntity"]["@id"]]
    assert workflow["@type"] == ["File", "SoftwareSourceCode", "ComputationalWorkflow"]
    assert (workflow["version"], named["#ecgwas"]["softwareVersion"]) == ("1.2", "1.2")
    assert named["#ecgwas"]["url"] == "https://example.org/ecgwas"
    assert run["instrument"] == root["mainEntity"]
    assert named["#execution"]["instrument"] == {"@id": "#ecgwas"}
    assert [one["@id"] for one in run["result"]] == ["report.html", "tables/loci/hits.csv"]
    assert {PROFILE.format("process"), PROFILE.format("workflow")} <= {one["@id"] for one in root["conformsTo"]}
    objects = [named[one["@id"]] for one in run["object"]]
    assert [(one["name"], one.get("sha256")) for one in objects] == [("scan.genotypes", None), ("genes.gtf (v47)", "ab" * 32)]
    assert "may not be passed on" in objects[0]["conditionsOfAccess"]
    table = named["tables/loci/hits.csv"]
    assert (table["encodingFormat"], table["contentSize"], table["sha256"]) == ("text/csv", "3", "c" * 64)
    assert not any("Time" in key for one in named.values() for key in one)


def test_licence_authors_and_day_are_stated_as_given_or_not_at_all() -> None:
    root = by_id(crate())["./"]
    assert "rules of the study's data" in by_id(crate())[root["license"]["@id"]]["description"]
    words = by_id(crate(Attribution("Ask us.", (), None)))
    assert words[words["./"]["license"]["@id"]]["name"] == "Ask us."
    assert not {"author", "datePublished"} & set(root)
    assert not any(one["@type"] == "Person" for one in by_id(crate()).values())
    named = by_id(crate(FULL))
    assert named["./"]["license"] == {"@id": FULL.licence}
    assert named["./"]["datePublished"] == "2026-12-01"
    people = [named[one["@id"]] for one in named["./"]["author"]]
    assert [(one["@id"], one["name"]) for one in people] == [
        ("https://orcid.org/0000-0002-1825-0097", "Ada Byron"), ("#author-2", "Jean Dupont")
    ]  # fmt: skip


def test_names_of_files_are_written_as_uris_hold_them() -> None:
    assert ro_crate.identifier("figures/a b%é.svg") == "figures/a%20b%25%C3%A9.svg"
    named = by_id(crate(NOTHING, "figures/a b.svg"))
    assert named["figures/a%20b.svg"]["name"] == "figures/a b.svg"
    with pytest.raises(ValueError, match=r"no media type is declared for files that end in \.xyz"):
        crate(NOTHING, "a.xyz")


def test_whatever_is_shared_is_described_and_has_a_media_type() -> None:
    declared = list(files.of_stage("share"))
    assert len(declared) > 30
    for one in declared:
        assert one.described.endswith("."), one.place
        assert Path(one.name).suffix in ro_crate.MEDIA_TYPES, one.place
    with pytest.raises(ValueError, match="is shared and needs a meaning"):
        files.ResultFile("share", "new.csv", False, shared=True)


def test_the_options_are_checked() -> None:
    options = ShareOptions.model_validate(
        {"authors": ["Ada Byron (0000-0002-1825-0097)", "J. Dupont"], "published": "2026-12-01"}
    )
    assert options.author_names == ("Ada Byron", "J. Dupont")
    for wrong in ({"authors": ["Ada Byron (1825)"]}, {"authors": [""]}, {"published": "1.12.2026"}, {"licence": ""}):
        with pytest.raises(ValidationError):
            ShareOptions.model_validate(wrong)


def test_the_rocrate_library_reads_it(tmp_path: Path) -> None:
    """ro-crate-py, of the people who specify RO-Crate."""
    rocrate = pytest.importorskip("rocrate.rocrate", reason="the library rocrate is missing: pip install rocrate")
    folder = tmp_path / "share"
    for one in shared("report.html", "figures/a b.svg"):
        (folder / one.name).parent.mkdir(parents=True, exist_ok=True)
        (folder / one.name).write_text("abc")
    content = ro_crate.metadata("heart", SOFTWARE, shared("report.html", "figures/a b.svg"), INPUTS, FULL)
    write_json(folder / files.SHARED_CRATE.name, content)
    read = rocrate.ROCrate(folder)
    assert read.mainEntity.id == files.SHARED_WORKFLOW.name
    assert {entity.id for entity in read.data_entities} >= {"report.html", "figures/a%20b.svg", files.SHARED_WORKFLOW.name}
    (run,) = [entity for entity in read.contextual_entities if entity.type == "CreateAction"]
    assert run["instrument"] == read.mainEntity
    assert {one.id for one in run["result"]} == {"report.html", "figures/a%20b.svg"}
    assert [one["name"] for one in read.root_dataset["author"]] == ["Ada Byron", "Jean Dupont"]
    read.write(tmp_path / "copy")
    assert (tmp_path / "copy" / "figures" / "a b.svg").read_text() == "abc"
