"""What the terminal says at the end of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ecgwas.commands import terminal
from ecgwas.study import Study
from ecgwas.tables import files
from tests.factories import with_all_columns

LOCI = "locus,lead_variant,chrom,pos,best_trait,neglog10p,known"
GUARDS = "guard,about,status,value,limit,left_out,of,note"


@pytest.fixture
def study(tmp_path: Path) -> Study:
    """A study with the tables that a run leaves, as far as the summary reads them."""
    tables: dict[files.TableFile[Any], str] = {
        files.PEOPLE: "eid,status,reason\n1,kept,\n2,kept,\n3,dropped,no genotypes\n",
        files.SAMPLE_GUARDS: f"{GUARDS}\nkinship,people,pass,0.02,0.0884,0,2,largest kinship\n"
                             "sex,people,warn,1,0,1,3,people whose sex contradicts X\n",
        files.SCAN_GUARDS: f"{GUARDS}\ndependent_loci,loci,warn,1,0,0,12,leaning: rs3\n",
        files.SUMMARY: "trait,n,lambda_gc,tests\na.I.f1,2,1.01,5000\na.I.f2,2,1.03,5001\n",
        files.HITS: "trait,chrom,pos,effect_allele,other_allele\n"
                    + "".join(f"a.I.f{k},1,{i},A,C\n" for k in (1, 2) for i in range(617)),
        files.THRESHOLDS: "kind,neglog10p,used\nbonferroni,9.0,false\npermutation,8.25,true\n",
        files.LOCI: LOCI + "\n" + "".join(f"{i},rs{i},{i},{i}000,a.I.f1,{8.5 + i},new\n" for i in range(1, 13)),
    }  # fmt: skip
    for file, text in tables.items():
        path = file.path(tmp_path / "results")
        path.parent.mkdir(parents=True, exist_ok=True)
        with_all_columns(file.table, text).write(path)
    report = files.REPORT.path(tmp_path / "results")
    report.parent.mkdir(parents=True)
    report.write_text("")
    return Study.model_validate(
        {"name": "s", "read": {"recordings": "ecg"}, "traits": {"covariates": "c.tsv"}, "results": "results",
         "represent": [{"kind": "pca", "name": "a"}], "scan": {"kind": "matrix", "genotypes": "g"}},
        context={"folder": tmp_path},
    )  # fmt: skip


def test_the_summary_says_size_warnings_loci_and_where_the_report_lies(study: Study) -> None:
    assert terminal.outcome(study) == [
        "2 people, 2 traits, 5,001 variants, median lambda 1.020",
        "  warn: sex, 1 of 3 (people whose sex contradicts X)",
        "  warn: dependent_loci, 1, limit 0 (leaning: rs3)",
        "12 loci, 617 significant variants (1,234 variant-trait pairs) at -log10 p > 8.25 (permutation)",
        *(f"  locus {i}: rs{i} at {i}:{i}000, a.I.f1, -log10 p {8.5 + i}, new" for i in range(12, 2, -1)),
        "  and 2 more",
        f"report: {study.results / 'report' / 'report.html'}",
    ]


def test_the_summary_gives_a_measured_effect_in_its_unit(study: Study) -> None:
    path = files.LOCI.path(study.results)
    effect = "1,rs1,1,1000,a.I.f1,8.5,new,4.1268,0.5234,ms"
    with_all_columns(files.LOCI.table, f"{LOCI},effect,effect_se,unit\n{effect}\n").write(path)
    assert "  locus 1: rs1 at 1:1000, a.I.f1, +4.13 ms (SE 0.52) per allele, -log10 p 8.5, new" in terminal.outcome(study)


def test_unequal_variances_are_told_beside_the_threshold(study: Study) -> None:
    row = "variance_by_ancestry,traits,{},0.001,0.05,0,2,2 traits differ\n"
    path = study.results / "traits" / "guards.csv"
    for status in ("warn", "pass"):
        path.write_text(f"{GUARDS}\n{row.format(status)}")
        lines = terminal.outcome(study)
        after = lines[[line.endswith("at -log10 p > 8.25 (permutation)") for line in lines].index(True) + 1]
        assert ("beware: the variance of some traits differs between ancestries" in after) == (status == "warn")


def test_before_the_loci_there_is_nothing_to_say(study: Study) -> None:
    (study.results / "loci" / "loci.csv").unlink()
    assert terminal.outcome(study) == []


def test_a_study_without_guards_and_without_a_report_still_has_its_summary(study: Study) -> None:
    for stage in ("traits", "loci"):
        (study.results / stage / "guards.csv").unlink()
    (study.results / "report" / "report.html").unlink()
    lines = terminal.outcome(study)
    assert lines[1].startswith("12 loci")
    assert lines[-1] == "  and 2 more"
