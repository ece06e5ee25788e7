"""Where each value of a study comes from, and which lines of a file take the chain away from its preset."""

from __future__ import annotations

from pathlib import Path

import pytest

from ecgwas import stages
from ecgwas.commands.terminal import settings_lines
from ecgwas.errors import Caution, StudyError
from ecgwas.study import Study
from ecgwas.study.presets import PUBLISHED

INPUTS = {
    "preset": "preset: published", "read": "read: {recordings: ecg}", "traits": "traits: {covariates: c.tsv}",
    "scan": "scan: {genotypes: g}",
}  # fmt: skip


def study(folder: Path, **changed: str) -> Study:
    path = folder / "study.yaml"
    path.write_text("name: s\n" + "\n".join((INPUTS | changed).values()) + "\n")
    return Study.read_file(path)


def source(found: Study, place: str) -> str:
    (one,) = [setting for setting in found.settings if setting.place == place]
    return one.source


def test_sources_of_values(tmp_path: Path) -> None:
    found = study(tmp_path, represent="represent:\n  - {kind: residual_autoencoder, epochs: 2}")
    expected = {
        "name": "line 1", "preset": "line 2", "read.recordings": "line 3", "read.baseline.kind": "preset",
        "read.denoise.mode": "preset", "read.beats.before_ms": "default", "traits.min_people": "preset",
        "scan.kind": "preset", "scan.threads": "default", "loci.threshold": "preset", "loci.window_bp": "default",
        "represent[1].epochs": "line 7", "represent[1].max_mse": "preset", "represent[1].test_share": "preset",
        "represent[1].precision": "default",
    }  # fmt: skip
    assert {place: source(found, place) for place in expected} == expected


def test_every_option_that_runs_is_printed_once_with_its_value(tmp_path: Path) -> None:
    found = study(tmp_path, represent="represent:\n  - {kind: residual_autoencoder, epochs: 2}")
    lines = list(settings_lines(found))[1:]
    places = [line.split()[0] for line in lines]
    assert len(places) == len(set(places))
    table = {line.split()[0]: line for line in lines}
    assert table["represent[1].epochs"].split()[1:] == ["2", "line", "7", "(preset:", "100)"]
    assert table["traits.guards.max_kinship"].split()[1:] == ["null", "preset"]
    assert table["scan.genotypes"].split()[1:] == ["g", "line", "5"]

    def leaves(value: object, place: str = "") -> set[str]:
        if isinstance(value, dict) and value:
            return {leaf for name, inner in value.items() for leaf in leaves(inner, f"{place}.{name}".lstrip("."))}
        if isinstance(value, tuple | list) and value and isinstance(value[0], dict):
            return {leaf for number, inner in enumerate(value, 1) for leaf in leaves(inner, f"{place}[{number}]")}
        return {place}

    assert set(places) == leaves(found.model_dump())


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, []),
        ({"read": "read: {recordings: ecg, denoise: {kind: wavelet, levels: 4}, seconds: 10}"}, []),
        ({"read": "read:\n  recordings: ecg\n  denoise: {kind: none}"},
         ["line 5: read.denoise.kind is none; preset `published` has wavelet"]),
        ({"read": "read: {recordings: ecg, denoise: {levels: 5}}"},
         ["line 3: read.denoise.levels is 5; preset `published` has 4"]),
        ({"traits": "traits: {covariates: c.tsv, transform: rank_normal, guards: {max_kinship: 0.1}}"},
         ["line 4: traits.transform is rank_normal; preset `published` has none",
          "line 4: traits.guards.max_kinship is 0.1; preset `published` has null"]),
        ({"scan": "scan: {kind: matrix, genotypes: g, min_maf: 0.01}"},
         ["line 5: scan.min_maf is 0.01; preset `published` has 0",
          "line 5: scan.kind is matrix; preset `published` has plink2"]),
        ({"loci": "loci: {threshold: 5e-8}"}, ["line 6: loci.threshold is 5e-08; preset `published` has published"]),
        ({"represent": "represent:\n  - {kind: residual_autoencoder, epochs: 2, channels: [4, 4, 4]}"},
         ["line 7: represent[1].channels is [4, 4, 4]; preset `published` has [32, 64, 128]",
          "line 7: represent[1].epochs is 2; preset `published` has 100"]),
        ({"represent": "represent: [{kind: pca, name: p, input: strip, leads: each}]"},
         ["line 6: represent[1]: pca is not part of preset `published`",
          "line 6: represent: residual_autoencoder of preset `published` is not in this list and will not run"]),
        ({"represent": "represent: [{kind: residual_autoencoder, name: ae}, {kind: residual_autoencoder, name: b, l2: 0.1}]"},
         ["line 6: represent[2]: a second residual_autoencoder is not part of preset `published`",
          "line 6: represent[2].l2 is 0.1; preset `published` has 0.0001"]),
        ({"represent": "represent: [{kind: residual_autoencoder, test_share: 0.2, align: none}]"},
         ["line 6: represent[1].test_share is 0.2; preset `published` has 0.1"]),
        ({"traits": "traits: {covariates: c.tsv, categorical: []}"},
         ["line 4: traits.categorical is []; preset `published` has [center]"]),
        ({"read": "read: {recordings: ecg, longer: leave_out}", "loci": "loci: {set_p: 1.0e-9}"},
         ["line 3: read.longer is leave_out; preset `published` has cut",
          "line 6: loci.set_p is 1e-09; preset `published` has null"]),
        ({"genes": "genes: [{kind: haploreg, max_variants: 9}, {kind: gprofiler}, {kind: string_db, min_score: 700}]"},
         ["line 6: genes[1].max_variants is 9; preset `published` has 500",
          "line 6: genes[3].min_score is 700; preset `published` has 400"]),
        ({"genes": "genes: []"},
         [f"line 6: genes: {kind} of preset `published` is not in this list and will not run"
          for kind in ("haploreg", "gprofiler", "string_db")]),
        ({"preset": "preset: calibrated", "traits": "traits: {covariates: c.tsv, transform: none}"}, []),
    ],
)  # fmt: skip
def test_lines_that_contradict_the_preset(tmp_path: Path, changed: dict[str, str], expected: list[str]) -> None:
    found = study(tmp_path, **changed)
    assert found.contradictions == expected
    facts, _ = stages.check(found)
    assert [fact for fact in facts if isinstance(fact, Caution)][: len(expected)] == expected


REGIONS = "{kind: regions, file: g}"
NETWORK = "{kind: string_files, links: l"
TERMS = "{kind: enrichment, terms: t"


@pytest.mark.parametrize(
    ("sources", "expected"),
    [
        (f"{REGIONS}, {NETWORK}}}, {TERMS}}}", []),
        (f"{REGIONS}, {NETWORK}}}, {TERMS}}}, {{kind: gwas_catalog}}, {{kind: ontologies, files: [e.obo]}}", []),
        (f"{REGIONS}, {{kind: string_db}}", []),
        (f"{{kind: haploreg}}, {{kind: gprofiler}}, {NETWORK}}}, {TERMS}}}", []),
        (f"{REGIONS}, {NETWORK}, inflation: 3, min_score: 700}}, {TERMS}, max_fdr: 0.05, categories: []}}",
         ["genes[2].min_score is 700; preset `published` has 400", "genes[2].inflation is 3; preset `published` has 2",
          "genes[3].max_fdr is 0.05; preset `published` has 0.01",
          "genes[3].categories is []; preset `published` has [Tissue expression (TISSUES), Human Phenotype (Monarch), "
          "Molecular Function (Gene Ontology)]"]),
        (f"{REGIONS}, {NETWORK}}}", ["genes: string_db of preset `published` is not in this list and will not run"]),
        (f"{NETWORK}}}, {TERMS}}}", [f"genes: {kind} of preset `published` is not in this list and will not run"
                                     for kind in ("haploreg", "gprofiler")]),
        (f"{REGIONS}, {{kind: haploreg}}, {{kind: gprofiler}}, {{kind: string_db}}",
         ["genes[1]: regions is not part of preset `published`"]),
        (f"{{kind: ensembl_vep}}, {REGIONS}, {{kind: string_db}}",
         ["genes[1]: ensembl_vep is not part of preset `published`"]),
    ],
)  # fmt: skip
def test_files_that_stand_for_the_preset_s_services_contradict_it_in_their_limits_alone(
    tmp_path: Path, sources: str, expected: list[str]
) -> None:
    assert study(tmp_path, genes=f"genes: [{sources}]").contradictions == [f"line 6: {words}" for words in expected]


def test_the_preset_names_only_options_that_there_are_and_holds_them(tmp_path: Path) -> None:
    """Every value of the preset is the study's value: nothing of it is lost on the way."""
    found = {one.place: one for one in study(tmp_path).settings}

    def held(preset: object, place: str) -> int:
        if isinstance(preset, dict):
            return sum(held(inner, f"{place}.{name}".lstrip(".")) for name, inner in preset.items())
        if isinstance(preset, list) and preset and isinstance(preset[0], dict):
            return sum(held(inner, f"{place}[{number}]") for number, inner in enumerate(preset, 1))
        value = found[place].value
        assert (list(value) if isinstance(value, tuple) else value) == preset, place
        return 1

    assert held(PUBLISHED, "") == sum(one.source == "preset" for one in found.values())


@pytest.mark.parametrize(
    "represent",
    ["[{kind: intervals, name: c}]", "[{kind: pca, name: p}]", "[{kind: beat_points, name: b}]",
     "[{kind: residual_autoencoder, input: beat}]", "[{kind: residual_autoencoder, leads: together}]"],
)  # fmt: skip
def test_representations_that_need_beats_of_everybody_are_refused_where_not_everybody_has_them(
    tmp_path: Path, represent: str
) -> None:
    with pytest.raises(StudyError, match=r"line 6: represent: .*read\.lead_by_lead: true"):
        study(tmp_path, represent=f"represent: {represent}")
    read = "read: {recordings: ecg, lead_by_lead: false, beats: {min_beats: 4}, quality: {min_leads: 4}}"
    assert study(tmp_path, read=read, represent=f"represent: {represent}").represent
