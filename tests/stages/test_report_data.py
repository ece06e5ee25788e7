"""What the report gathers beyond the tables, computed another way."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from bed_reader import open_bed

from ecgwas import report, represent, stages
from ecgwas.genotypes import chromosomes
from ecgwas.report import ReportContents
from ecgwas.stages import report as report_stage
from ecgwas.stages import report_data
from ecgwas.stages import represent as represent_stage
from ecgwas.stages.base import stage_folder
from ecgwas.study import BeatPoints, Intervals, Representation, Study
from ecgwas.tables import Features
from tests.report.example import rows_of
from tests.stages.test_report import finished_study


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return finished_study(tmp_path_factory.mktemp("finished"))


@pytest.fixture(scope="module")
def contents(finished: Study) -> ReportContents:
    return report_stage.gather(finished)


def dosages(study: Study, variants: list[str], eids: list[str]) -> np.ndarray:
    bed = open_bed(study.scan.genotypes.with_name(study.scan.genotypes.name + ".bed"))
    rows = [list(bed.iid).index(eid) for eid in eids]
    columns = [list(bed.sid).index(variant) for variant in variants]
    return np.asarray(bed.read(dtype="float64"))[np.ix_(rows, columns)]


def people_tested(contents: ReportContents) -> list[str]:
    return contents.cohort.people.frame.filter(pl.col("status") == "kept")["eid"].to_list()


def test_a_neighbourhood_has_the_scan_s_own_numbers(finished: Study, contents: ReportContents) -> None:
    assert contents.loci.regions
    compared = 0
    for here in contents.loci.regions:
        rows = rows_of(contents).filter(pl.col("trait") == here.trait, pl.col("chrom") == here.chrom)
        both = rows.join(here.tests, on=["variant", "pos"], suffix="_again")
        assert both["neglog10p_again"].to_numpy() == pytest.approx(both["neglog10p"].to_numpy(), rel=1e-9)
        compared += both.height
        assert here.tests.height > both.height
        assert here.lead["variant"] in here.tests["variant"]
    assert compared > 0


def test_linkage_is_the_squared_correlation_of_dosages(finished: Study, contents: ReportContents) -> None:
    here = contents.loci.regions[0]
    values = dosages(finished, here.tests["variant"].to_list(), people_tested(contents))
    filled = np.where(np.isfinite(values), values, np.nanmean(values, axis=0))
    lead = filled[:, here.tests["variant"].to_list().index(here.lead["variant"])]
    assert here.tests.height > 10
    for k, r2 in enumerate(here.tests["r2"]):
        assert r2 == pytest.approx(np.corrcoef(filled[:, k], lead)[0, 1] ** 2, abs=1e-9)


def test_genes_of_a_neighbourhood_are_those_of_the_file(finished: Study, contents: ReportContents) -> None:
    table = [line.split() for line in (finished.folder / "genes.tsv").read_text().splitlines()]
    for here in contents.loci.regions:
        wanted = {
            symbol for chrom, start, stop, symbol in table
            if chrom == here.chrom and int(start) <= here.stop and int(stop) >= here.start
        }  # fmt: skip
        assert set(here.genes["gene"]) == wanted


def test_counts_below_the_floor_and_kept_rows_make_all_tests(contents: ReportContents) -> None:
    background = contents.scan.background
    assert background is not None
    assert background.edges[-1] == 3.0
    kept = dict(rows_of(contents).group_by("trait").len().iter_rows())
    for k, row in enumerate(contents.scan.summary.frame.iter_rows(named=True)):
        assert contents.scan.trait_names[k] == row["trait"]
        # A bin of the scan's histogram can reach across the floor: one test either way.
        assert abs(background.counts[k].sum() + kept.get(row["trait"], 0) - row["tests"]) <= 1


def test_a_linear_decoder_draws_the_effect_on_the_decoded_beats(finished: Study, contents: ReportContents) -> None:
    options = finished.represent[0]
    features = represent_stage.load_features(finished)["pca"]
    encoder = represent.load(options, stage_folder(finished, "represent") / "pca" / "encoder")
    decoded = encoder.decode(features)
    assert decoded is not None
    beats = contents.loci.genotype_beats[0]
    people = people_tested(contents)
    dosage = dosages(finished, [beats.variant], people)[:, 0]
    if beats.effect_allele == beats.other_allele:
        pytest.fail("alleles are the same")
    rows = [features.frame["eid"].to_list().index(eid) for eid in people]
    known = np.isfinite(dosage)
    centred = dosage[known] - dosage[known].mean()
    slope = np.tensordot(centred, decoded[rows][known].astype(float), axes=1) / (centred @ centred)
    drawn = beats.decoded["pca"].astype(float)
    sign = np.sign((slope * drawn).sum())
    assert np.allclose(sign * slope, drawn, atol=0.02 * np.abs(slope).max())
    # The measured effect counts the same allele.
    assert np.corrcoef(drawn.ravel(), beats.slope_uv.ravel())[0, 1] > 0.5


def test_features_are_moved_by_two_standard_deviations(finished: Study, contents: ReportContents) -> None:
    (pca,) = contents.representations
    features = represent_stage.load_features(finished)["pca"]
    assert set(pca.traversals) == set(features.names)
    encoder = represent.load(finished.represent[0], stage_folder(finished, "represent") / "pca" / "encoder")
    name = features.names[1]
    values = features.frame[name].to_numpy().astype(float)
    moved = features.frame.head(1).with_columns(
        [pl.lit(float(features.frame[other].cast(pl.Float64).mean())).alias(other) for other in features.names]
    )
    moved = moved.with_columns(pl.col(name) + 2 * values.std(ddof=1))
    (beat,) = encoder.decode(Features(moved))
    assert np.allclose(beat, pca.traversals[name].beats_uv[2], atol=0.01)


def test_a_representation_that_cannot_be_decoded_has_no_traversals(finished: Study) -> None:
    (pca,) = represent_stage.load_fitted(finished)
    assert report_data.feature_traversals(pca, np.arange(3.0)) == {}
    assert report_data.beat_decoders([pca], 3) == ()


def test_measurements_have_meanings_and_points_of_the_beat_no_traversals(finished: Study) -> None:
    said = represent.meanings(Intervals(name="clinical"))
    assert said["qt_ms"] == "QRS onset to T end (ms)"
    assert represent.meanings(finished.represent[0]) == {}
    (pca,) = represent_stage.load_fitted(finished)
    assert report_data.feature_traversals(replace(pca, options=BeatPoints(name="points")), np.arange(475.0)) == {}


def test_each_encoder_is_loaded_once_for_the_whole_page(
    finished: Study, contents: ReportContents, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert contents.loci.genotype_beats
    loaded, load = [], represent.load

    def counted(options: Representation, folder: Path) -> represent.Encoder:
        loaded.append(options.name)
        return load(options, folder)

    monkeypatch.setattr(represent, "load", counted)
    report_stage.gather(finished)
    assert loaded == ["pca"]


def test_the_null_study_is_shown_when_it_was_run_and_not_before(finished: Study) -> None:
    assert report_stage.gather(finished).null_study is None
    stages.run_null(finished)
    assert not stages.is_fresh(finished, "report", "all")
    null_study = report_stage.gather(finished).null_study
    assert null_study is not None
    assert len(null_study.loci.hits) == pl.read_csv(finished.results / "null" / "loci" / "hits.csv").height
    changed = finished.model_copy(update={"loci": finished.loci.model_copy(update={"threshold": 1e-3})})
    stages.run_part(changed, "loci", "all")
    stages.run_part(changed, "genes", "all")
    assert report_stage.gather(changed).null_study is None
    page = report.render(changed.report, report_stage.gather(changed))
    assert "permuted participants" not in page.html


def test_the_null_twin_may_have_simulated_genomes(finished: Study) -> None:
    twin = stages.run_null(finished, simulated=True)
    assert not twin.traits.shuffle
    own, made = chromosomes.eids_in_all_files(finished.scan), chromosomes.eids_in_all_files(twin.scan)
    assert made == own
    assert chromosomes.available(twin.scan) == tuple(part for part in chromosomes.available(finished.scan) if part != "X")
    first = [chromosomes.open_chromosome(scan, "3") for scan in (finished.scan, twin.scan)]
    assert set(first[0].variants).isdisjoint(first[1].variants)
    assert stages.null.counts(twin) is not None
    traits = [pl.read_parquet(one.results / "traits" / "traits.parquet") for one in (finished, twin)]
    assert set(traits[1]["eid"]) <= set(own)
    # People keep their own recordings: no shuffle. Components of other genomes are other covariates, so traits are alike only.
    both = traits[0].join(traits[1], on="eid", suffix="_twin")
    name = "pca.12L.pc01"
    assert both.select(pl.corr(name, f"{name}_twin")).item() > 0.8
    before = first[1].fileset.genotypes.read_bytes()
    stages.run_null(finished, simulated=True)
    assert first[1].fileset.genotypes.read_bytes() == before
