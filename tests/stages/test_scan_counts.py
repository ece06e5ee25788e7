"""The stage `scan` on genotypes of many chromosome codes: what `check` says, what is counted and where it is written."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from ecgwas import stages
from ecgwas.errors import EcgwasError
from ecgwas.stages import scan, traits
from ecgwas.study import Study
from ecgwas.tables import Covariates, Traits
from tests.genotypes import fileset
from tests.genotypes.test_chromosome_codes import CODES, EACH, PEOPLE, copies, relabelled
from tests.genotypes.test_filesets import DOSAGE, EIDS, SHUFFLED, write_bgen, write_sample

TEXT = """\
name: s
read: {{recordings: ecg}}
represent: [{{kind: intervals, name: clinical}}]
traits: {{covariates: c.tsv}}
scan: {{kind: matrix, genotypes: {genotypes}, permutations: 0, min_maf: 0.3, min_mac: 5, keep_neglog10p: 0, min_hwe_p: 0,
  min_call_rate: 0.4}}
"""


def study(folder: Path, genotypes: str = "g") -> Study:
    (folder / "study.yaml").write_text(TEXT.format(genotypes=genotypes))
    return Study.read_file(folder / "study.yaml")


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> tuple[Traits, Covariates]:
    """Traits of the people of the filesets here, in place of those of the earlier stages."""
    made = fileset.tables(tuple(f"p{i}" for i in range(PEOPLE)), 3, 2, 1)
    monkeypatch.setattr(traits, "load_traits", lambda _: made[0])
    monkeypatch.setattr(traits, "load_covariates", lambda _: made[1])
    monkeypatch.setattr(traits, "load_ancestry", lambda _, __: np.ones(PEOPLE, dtype=np.int64))
    return made


def test_every_variant_in_the_files_is_counted_once(
    tmp_path: Path, tables: tuple[Traits, Covariates], caplog: pytest.LogCaptureFixture
) -> None:
    fileset.write(tmp_path / "g", copies(CODES), sexes=[1 + i % 2 for i in range(PEOPLE)])
    relabelled(tmp_path / "g", CODES)
    made = study(tmp_path)
    with caplog.at_level(logging.DEBUG, logger="ecgwas"):
        for part in scan.STAGE.parts(made):
            out, scratch = tmp_path / "out" / part, tmp_path / "scratch"
            out.mkdir(parents=True)
            scan.STAGE.work(made, part, out, scratch)
            target = made.results / "scan" / "variants"
            target.mkdir(parents=True, exist_ok=True)
            (out / "variants" / f"{part}.csv").rename(target / f"{part}.csv")
    counts = scan.variant_counts(made).frame
    assert counts["variants"].sum() == EACH * len(CODES)
    sums = counts.group_by("chrom").agg(pl.col("variants").sum(), pl.col("in_file").first())
    assert sums["variants"].equals(sums["in_file"])
    assert counts["chrom"].unique(maintain_order=True).to_list()[:3] == ["1", "2", "3"]
    excluded = counts.filter(pl.col("outcome") == "maf")
    assert excluded["variants"].sum() > 0
    rows = pl.concat([pl.read_parquet(tmp_path / "out" / part / f"{part}.parquet") for part in scan.STAGE.parts(made)])
    tested = counts.filter(pl.col("outcome") == "tested")["variants"].sum()
    assert rows.select("chrom", "pos").unique().height == tested
    assert f"chromosome PAR: {6 * EACH} variants in the files, " in caplog.text
    assert "not tested, not in scan.chromosomes: chromosome Y, MT, 12 variants" in caplog.text
    assert "not tested, no variants in the file: chromosome 4, 5, 6" in caplog.text


def test_check_says_what_is_not_tested(tmp_path: Path) -> None:
    for name, chrom in (("chr1", "1"), ("chr3", "3"), ("chrY", "Y")):
        fileset.write(tmp_path / name, fileset.draw(20, 9, 1), chrom=chrom)
    facts = scan.STAGE.check(study(tmp_path, "'chr{chrom}'"))
    assert facts[0] == "18 variants on 2 chromosomes, 20 genotyped people"
    assert facts[1].startswith("not tested, no file of genotypes: chromosome 2, 4, 5")
    assert facts[1].endswith("22, X")
    assert facts[2] == "not tested, not in scan.chromosomes: chromosome Y, 9 variants"


@pytest.mark.parametrize(
    ("ids", "lines", "words"),
    [
        (list(EIDS), SHUFFLED, "g.bgen has identifiers, which are used; the lines of g.sample are in another order"),
        (list(EIDS), EIDS, "g.bgen has identifiers, which are used"),
        (None, EIDS, "g.bgen has no identifiers: participants are identified by the order of g.sample alone"),
    ],
)
def test_check_says_on_what_the_order_of_people_rests(
    tmp_path: Path, ids: list[str] | None, lines: list[str], words: str
) -> None:
    write_bgen(tmp_path / "g.bgen", DOSAGE, ids)
    write_sample(tmp_path / "g.sample", lines)
    assert scan.STAGE.check(study(tmp_path))[-1] == words


def test_check_names_each_mistake_of_the_files(tmp_path: Path) -> None:
    write_bgen(tmp_path / "g.bgen", DOSAGE, None)
    write_sample(tmp_path / "g.sample", EIDS[:-1])
    _, mistakes = stages.check(study(tmp_path))
    assert ["g.bgen holds 30 people, but g.sample lists 29" in str(mistake) for mistake in mistakes].count(True) == 1


def test_a_build_that_the_positions_contradict_ends_check_and_scan(tmp_path: Path, tables: tuple[Traits, Covariates]) -> None:
    fileset.write(tmp_path / "g", fileset.draw(PEOPLE, 3, 1))
    rows = [("rs7412", 44_908_822), ("rs429358", 44_908_684), ("a", 1_000_000)]
    (tmp_path / "g.bim").write_text("".join(f"19\t{name}\t0\t{pos}\tG\tA\n" for name, pos in rows))
    made = study(tmp_path)
    with pytest.raises(EcgwasError, match=r"scan\.build is hg19, but the positions are those of hg38: 2 variants lie"):
        scan.STAGE.check(made)
    (tmp_path / "out").mkdir()
    with pytest.raises(EcgwasError, match=r"scan\.build is hg19"):
        scan.STAGE.work(made, "19", tmp_path / "out", tmp_path / "scratch")
