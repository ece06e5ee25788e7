"""The methods text says what happened, not what was asked for, and cites by number."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args

import polars as pl
import pytest

from ecgwas.report.contents import ReportContents
from ecgwas.report.text.methods import (
    AT_LOCI,
    CLEANING,
    OUTCOME_MODELS,
    PREDICTED,
    SAMPLE_QC,
    SCORES,
    THRESHOLDS,
    TRANSFORMS,
    VARIANT_QC,
    covariate_names,
    methods,
)
from ecgwas.report.text.references import CITATION, REFERENCES, numbered
from ecgwas.study.genes import GeneSource
from ecgwas.study.represent import RepresentationOptions
from ecgwas.study.scan import Matrix, ScanOptions
from ecgwas.tables import Guards, files
from ecgwas.tables.genes import NetworkTests
from ecgwas.tables.loci import GroupEffects
from ecgwas.tables.outcomes import Outcomes, OutcomeThresholds
from ecgwas.tables.scores import DiseaseScores, OwnScoreTests, ScoreFiles, ScoreTraits
from tests.report.example import changed, make_contents


@pytest.fixture(scope="module")
def contents() -> ReportContents:
    return make_contents()


def kinds(union: Any) -> tuple[type[Any], ...]:
    """The classes of a section's options, one for each kind."""
    return get_args(get_args(union)[0])


def text_of(contents: ReportContents) -> str:
    return "\n".join(methods(contents)[0])


def guard(name: str, status: str, limit: float | None, about: str = "people") -> dict[str, Any]:
    return {"guard": name, "about": about, "status": status, "value": 0.0, "limit": limit, "left_out": 0, "of": 74, "note": ""}


def guarded(contents: ReportContents, *rows: dict[str, Any], stage: str = "traits") -> ReportContents:
    file = files.SAMPLE_GUARDS if stage == "traits" else files.SCAN_GUARDS
    return changed(contents, tables={**contents.tables, file: Guards.of(rows).frame})


def test_the_limit_that_was_used_is_named_and_not_the_one_asked_for(contents: ReportContents) -> None:
    assert contents.run.settings["traits"]["guards"]["max_kinship"] == 0.0884
    text = text_of(guarded(contents, guard("kinship", "warn", 0.2138)))
    assert "KING-robust kinship of at most 0.2138" in text
    assert "0.0884" not in text


def test_a_check_that_was_not_judged_is_named_as_such(contents: ReportContents) -> None:
    text = text_of(guarded(contents, guard("sex", "not judged", 0.0), guard("person_call_rate", "pass", 0.98)))
    assert "Participants were required to have: call rate of at least 0.98." in text
    assert "Not judged, for lack of data: sex." in text
    assert "agrees with the X chromosome" not in text


def test_a_check_that_the_study_turned_off_is_not_named_at_all(contents: ReportContents) -> None:
    text = text_of(guarded(contents, guard("ancestry", "not judged", None)))
    assert "Participants were required" not in text
    assert "Not judged" not in text


def test_filters_of_variants_are_those_that_were_applied(contents: ReportContents) -> None:
    rows = (guard("variant_maf", "pass", 0.01, "variants"), guard("variant_info", "not judged", 0.3, "variants"))
    text = text_of(guarded(contents, *rows, stage="loci"))
    assert "Variants were required to have: minor allele frequency of at least 0.01." in text
    assert "Not judged, for lack of data: imputation quality." in text
    assert "quality of at least" not in text


def test_covariates_are_those_that_were_fitted(contents: ReportContents) -> None:
    text = text_of(contents)
    assert "Covariates: age, sex, center (categorical), the first 2 principal components of the genotypes [" in text
    given = text_of(changed(contents, covariates=("age", "f.22009.0.1")))
    assert "Covariates: age, f.22009.0.1." in given
    assert "principal components of the genotypes" not in given
    assert "No covariates were fitted." in text_of(changed(contents, covariates=()))


def test_levels_of_a_category_are_one_covariate() -> None:
    assert covariate_names(["a=1", "a=2", "b", "computed_pc1"]) == [
        "a (categorical)",
        "b",
        "the first 1 principal components of the genotypes",
    ]


@pytest.mark.parametrize(
    ("source", "version", "said", "cited"),
    [
        ("string_files", "network.tsv", "the study's network file network.tsv", False),
        ("string_files", "9606.protein.links.v12.0.txt.gz (STRING v12.0)", "STRING (9606.protein.links.v12.0.txt.gz", True),
        ("string_db", "STRING 12.0", "STRING (STRING 12.0)", True),
    ],
)
def test_string_is_named_only_where_it_was_used(
    contents: ReportContents, source: str, version: str, said: str, cited: bool
) -> None:
    table = NetworkTests.of([{"source": source, "source_version": version, "genes": 5, "edges": 3}
                             | dict.fromkeys(("average_degree", "clustering", "expected_edges", "p", "resamples",
                                              "largest_cluster_share"))])  # fmt: skip
    kinds = [*contents.run.settings["genes"], {"kind": "string_db", "inflation": 2.0}]
    with_network = changed(contents, tables={**contents.tables, files.NETWORK_TESTS: table.frame},
                           settings={**contents.run.settings, "genes": kinds})  # fmt: skip
    paragraphs, cited_references = methods(with_network)
    assert said in "\n".join(paragraphs)
    assert any("Szklarczyk" in reference for reference in cited_references) == cited


def test_sources_that_gave_nothing_are_not_named(contents: ReportContents) -> None:
    nothing = changed(contents, genes=type(contents.genes.genes).empty(), terms=type(contents.genes.terms).empty())
    text = text_of(nothing)
    assert "mapped" not in text
    assert "Enriched terms" not in text
    assert any(one["kind"] == "enrichment" for one in nothing.run.settings["genes"])


def test_kinds_say_themselves_what_they_are(contents: ReportContents) -> None:
    text = text_of(contents)
    assert "Each recording was represented by principal components (8 features) [" in text
    assert "] of median beats; a residual convolutional autoencoder (6 features) [" in text
    assert "; rate, intervals, axes and amplitudes measured by multi-lead delineation." in text
    assert "jointly with ecgwas' own engine" in text
    assert "Variants were mapped by position, with the gene table glist-hg19." in text


def test_the_threshold_is_the_one_that_was_used(contents: ReportContents) -> None:
    used = contents.loci.thresholds.frame.with_columns(used=pl.col("kind") == "bonferroni")
    assert contents.run.settings["loci"]["threshold"] == "permutation"
    text = text_of(changed(contents, thresholds=type(contents.loci.thresholds)(used)))
    assert "5e-8 divided by the number of traits" in text
    assert "permutations of the participants" not in text
    assert "from 500 permutations of the participants" in text_of(contents)


def test_references_are_numbered_in_the_order_of_the_text(contents: ReportContents) -> None:
    paragraphs, cited = methods(contents)
    numbers = [
        int(number) for text in paragraphs for group in re.findall(r"\[([\d, ]+)\]", text) for number in group.split(",")
    ]
    assert list(dict.fromkeys(numbers)) == list(range(1, len(cited) + 1))
    assert "[@" not in "\n".join(paragraphs)


def test_two_references_of_one_key_and_one_of_two_keys() -> None:
    paragraphs, cited = numbered(["a [@vae]", "b [@pca] c [@vae]"])
    assert paragraphs == ("a [1, 2]", "b [3] c [1, 2]")
    assert [reference[:6] for reference in cited] == ["Kingma", "Higgin", "Jollif"]


def test_every_citation_has_its_reference_and_every_reference_is_cited_somewhere() -> None:
    tables = (CLEANING, TRANSFORMS, THRESHOLDS, SAMPLE_QC, VARIANT_QC, AT_LOCI, SCORES)
    all_kinds = [kind for union in (RepresentationOptions, ScanOptions) for kind in kinds(union)]
    of_kinds = [kind.model_construct(outputs=1, file=Path("own.onnx")).described for kind in all_kinds]
    of_kinds += [Matrix(genotypes=Path("cohort"), relatives=kind).described for kind in ("polygenic", "family")]
    of_kinds += [kind.model_construct().maps_by for kind in kinds(GeneSource)]
    said = [*of_kinds, PREDICTED, *OUTCOME_MODELS.values(), *(words for table in tables for words in table.values())]
    keys = {key for words in said for key in CITATION.findall(words)}
    assert keys <= REFERENCES.keys()
    assert (
        REFERENCES.keys() - keys
        == {
            "components",
            "inflation",
            "strega",
            "string",
            "mcl",
            "fdr",
            "gwas_catalog",
            "rhythms",
        }
        - keys
    )


@pytest.mark.parametrize(
    ("by_ancestry", "by_sex", "words"),
    [("warn", "pass", "differs between ancestries:"), ("not judged", "warn", "differs between men and women (on X):"),
     ("warn", "warn", "differs between ancestries and men and women (on X):")],
)  # fmt: skip
def test_unequal_variances_are_named_with_the_threshold(
    contents: ReportContents, by_ancestry: str, by_sex: str, words: str
) -> None:
    def text(by_ancestry: str, by_sex: str) -> str:
        rows = (guard("variance_by_ancestry", by_ancestry, 0.05), guard("variance_by_sex", by_sex, 0.05))
        return text_of(guarded(contents, *rows))

    said = text(by_ancestry, by_sex)
    assert f"The variance of some traits {words} their false positive rate may be above the stated level." in said
    assert "The variance of some traits" not in text("pass", "not judged")


def test_groups_within_which_traits_were_normalised_are_named_where_there_are_several(contents: ReportContents) -> None:
    def text(
        option: list[str] | None, *, note: str = "ancestry groups: 234, 119 people", transform: str = "rank_normal"
    ) -> str:
        found = guarded(contents, guard("ancestry", "pass", 6.0) | {"note": note})
        traits = {**found.run.settings["traits"], "normalise_within": option, "transform": transform}
        return text_of(changed(found, settings={**found.run.settings, "traits": traits}))

    assert "Traits were normalised within ancestry groups." in text(None)
    assert "Traits were normalised within ancestry groups and each sex." in text(["ancestry", "sex"])
    for said in (text([]), text(None, note=""), text(None, transform="none")):
        assert "Traits were normalised" not in said


def test_models_and_threshold_of_outcomes_are_told_where_the_study_has_any(contents: ReportContents) -> None:
    assert "outcomes" not in text_of(contents)
    one = {name: None for name in Outcomes.columns}
    outcomes = Outcomes.of([one | {"model": "cox"}, one | {"model": "cox"}]).frame
    row = {name: None for name in OutcomeThresholds.columns} | {"neglog10p": 4.364, "note": "of 199 permutations"}
    thresholds = OutcomeThresholds.of([row | {"used": True}, row | {"used": False, "note": "another"}]).frame
    tables = {**contents.tables, files.OUTCOMES: outcomes, files.OUTCOME_THRESHOLDS: thresholds}
    said = text_of(changed(contents, tables=tables))
    assert "Every trait was tested with 2 outcomes, adjusted for the covariates, by score tests of Cox regression" in said
    assert "Significance over all traits and outcomes: −log10 p 4.36 (of 199 permutations)." in said
    assert "logistic" not in said
    assert "another" not in said


def test_effects_in_groups_are_told_where_groups_were_compared(contents: ReportContents) -> None:
    assert "Cochran's Q" not in text_of(contents)
    rows = GroupEffects.of([{name: None for name in GroupEffects.columns} | {"by": "sex"}]).frame
    assert "Cochran's Q" in text_of(changed(contents, tables={**contents.tables, files.GROUP_EFFECTS: rows}))


def test_scores_are_told_where_the_study_has_any(contents: ReportContents) -> None:
    assert "polygenic scores" not in text_of(contents)
    one = {name: None for name in ScoreFiles.columns}
    of_files = {
        files.SCORE_FILES: ScoreFiles.of([one | {"share": 0.912}, one | {"share": 1.0}]).frame,
        files.SCORE_TRAITS: ScoreTraits.of([{name: None for name in ScoreTraits.columns} | {"r2_null": 0.01}]).frame,
    }
    said = text_of(changed(contents, tables={**contents.tables, **of_files}))
    assert "2 polygenic scores were computed" in said
    assert "91% or more were in the genotypes" in said
    assert "by permutation of the scores" in said
    assert "REGLE" not in said
    row = {name: None for name in OwnScoreTests.columns} | {"method": "ridge"}
    own = {
        files.OWN_SCORE_TESTS: OwnScoreTests.of([row]).frame,
        files.DISEASE_SCORES: DiseaseScores.of([{name: None for name in DiseaseScores.columns}]).frame,
    }
    said = text_of(changed(contents, tables={**contents.tables, **own}))
    assert "predicted from common variants by ridge regression, out of fold" in said
    assert "thresholding" not in said
    assert "after REGLE" in said


def test_excluded_rhythms_are_named_with_their_sources(contents: ReportContents) -> None:
    assert "by published criteria" not in text_of(contents)
    read = contents.run.settings["read"]
    names = ["atrial_fibrillation", "paced", "pre_excitation"]
    excluding = changed(contents, settings={**contents.run.settings, "read": {**read, "rhythms": {"exclude": names}}})
    assert "Recordings with atrial fibrillation, a paced rhythm or ventricular pre-excitation, by" in text_of(excluding)
    assert any("Minnesota" in reference for reference in methods(excluding)[1])
