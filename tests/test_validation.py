"""Recorded runs of benchmarks, and the tables that README and docs/validation make of them."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from docs import make_validation
from docs.make_validation import BLOCK, PAGES, TABLES, filled
from docs.recorded_runs import Run

from benchmarks import record
from tests.conftest import ROOT

BENCHMARKS = sorted(
    path for path in (ROOT / "benchmarks").glob("*/*.py")
    if path.parent.name != "hearts"
    and path.stem not in ("__init__", "representation_tables", "association_tensorqtl", "pedigrees")
    and path.stem not in ("delineation_marks", "delineation_peers", "delineation_training")
)  # fmt: skip

LINES = {
    "speed.association": [
        "RATIO plink2-openblas N=1000 K=384 missing=0 times=119.2",
        "RATIO numpy-sgemm N=1000 K=384 missing=0 times=2.81",
        "RATIO plink2-openblas N=1000 K=384 missing=0.01 times=283.0",
    ],
    "speed.installation": [
        "INSTALLATION pip base python=3.11.7 seconds=50 mb=520 packages=40 help_s=0.090 import_s=0.010",
        "INSTALLATION pip learn python=3.11.7 seconds=80 mb=1300 packages=50 help_s=0.090 import_s=0.010",
    ],
    "speed.installation --python": [
        "INSTALLATION uv all python=3.12.1 seconds=50 mb=2100 packages=100 help_s=0.090 import_s=0.010",
    ],
    "speed.network": ["MCL planted ari=1 seconds=0.15 mcl_seconds=0.07 mib=140 mcl_mib=3 nodes=300 edges=1694 clusters=66"],
    "speed.planned": [
        "PLANNED demo read planned=12.0 measured=14.0 ratio=0.86", "PLANNED demo all planned=60.0 measured=70.0 ratio=0.86",
        "PLANNED table all planned=11.0 measured=9.0 ratio=1.22",
    ],
    "speed.reading": ["READING HL7_aECG file=real kib=444 seconds=10.0 plain=64.0 ecgwas=229.4 ratio=3.6"],
    "speed.report": [
        "REPORT traits=384 variants=1000000 kept_rows=384280 page_mib=17.9 render_cpu_s=20.1 peak_mib=900",
        "CHROMIUM first_picture_s=0.26 trait_s median=0.050 worst=0.130 of=11 first=0.190",
    ],
    "speed.report --variants": [
        "REPORT traits=384 variants=10000000 kept_rows=3841595 page_mib=23.3 render_cpu_s=22.7 peak_mib=1582",
        "CHROMIUM first_picture_s=0.29 trait_s median=0.042 worst=0.112 of=11 first=0.174",
    ],
    "speed.serve": [
        "ANSWER trait median_ms=71 worst_ms=84 cpu_ms=66 of=40 kib=485",
        "SERVE traits=384 variants=10000000 kept_from=3 kept_tests=3841595 file_mib=108 start_s=6.4 peak_mib=1927",
    ],
    "speed.scale --scan": ["SCAN people=50000 variants=20000 traits=384 cpu_seconds=6.4 block_seconds=3.1 peak_mib=1248"],
    "findings.delineation": [
        *(f"DELINEATION {name} data={data} convention={convention}{words} mean=0.3 sd=8.6 sensitivity=99.1 ppv=94.6"
          for name in ("P_on", "P_off", "QRS_on", "QRS_off", "T_off")
          for data, convention, words in (("ludb", "global", ""), ("ludb", "global", " folds=5"), ("qtdb", "per_lead", ""),
                                          ("ludb", "per_lead", " method=neurokit2"))),
        "QT data=qtdb mean=-8.3 sd=39.9 of=1422",
        "ANNOTATORS T_off data=qtdb mean=3.0 sd=18.9 of=235",
    ],
    "findings.local_effects, effects": [
        "LOCAL effect=2001 set=confirm width_ms=12 t_ms=-40 shape=gaussian leads=V2 size_uv=-31.5 oracle=30.4 "
        "default_before=3.1 beat_points=9.0 local=20.2 local_200=44.0 feature=V2V3_minus40ms_w12",
    ],
    "findings.local_effects": [
        "SUMMARY default+local set=confirm effects=20 kept=12 found=17 threshold=6.53 rise=0.18 traits=172",
    ],
    "findings.delineation_faults": [
        "BEATS fault=paced of=304 sensitivity=100.0 ppv=99.0 without=0",
        *(f"ROBUSTNESS fault=paced fiducial={name} bias=nan sd=nan sensitivity=nan ppv=0.0 false_per_100=53.0"
          for name in ("P_on", "P_off")),
        *(f"ROBUSTNESS fault=paced fiducial={name} bias=-9.8 sd=1.2 sensitivity=97.6 ppv=100.0 false_per_100=0.0"
          for name in ("QRS_on", "QRS_off", "T_off")),
    ],
    "findings.rhythms": [
        "RHYTHM paced data=ptbxl_confirm positives=3 of=245 sensitivity=100.0 (29.2-100.0) specificity=100.0 (98.5-100.0)",
        "RHYTHM pre_excitation data=ptbxl_confirm positives=0 of=245 sensitivity=none (-) specificity=99.6 (97.7-100.0)",
    ],
    "findings.probes": [
        "PROBE none label=age error_years=16.70 of=122",
        *(f"PROBE learned label={label} auc=0.809 sd=0.072 positive=75 of=122"
          for label in ("NORM", "MI", "STTC", "CD", "HYP", "sex")),
        "PROBE learned label=age error_years=13.50 r=0.567 of=122",
    ],
    "findings.known_genes": [
        f"LOCI glist-hg19 {name} variants=699 agree=609 share=0.871 inside=413"
        for name in ("QT-Interval", "PR-Interval", "QRS-Duration", "HR", "QT+PR+QRS+HR", "all")
    ],
    "findings.scores": [
        "SCORES plink2 variants=500 people=489 value=4.3e-06 low=4.3e-06 high=4.3e-06 target=0",
        "SCORES overlap of=77 file=PGS000001.txt.gz by=rs_number used=0 value=0 low=0 high=0.0467781 target=nan",
        "SCORES in_sample runs=40 method=threshold_0.05 value=0.535309 low=0.517597 high=0.553022 target=nan",
        "SCORES null_p test=t_test runs=200 distance=0.0494 value=0.695294 low=0.05 high=1 target=1",
    ],
    "speed.kinship": [
        "KINSHIP people=5000 variants=20000 pairs=12497500 screened=0 related=25 seconds=3.33 per_pair_ns=174 "
        "to_100000_minutes=7.4 gib=0.23 to_100000_gib=1.23",
        "KINSHIP people=20000 variants=20000 pairs=199990000 screened=1 related=100 seconds=26.24 per_pair_ns=110 "
        "to_100000_minutes=4.8 gib=0.38 to_100000_gib=1.23 max_difference_from_plink2=5e-07 plink2_seconds=116.6",
    ],
    "speed.kinship, instructions": ["INSTRUCTIONS people=5000 variants=20000 baseline=616 avx2=387"],
    "speed.kinship, components": [
        "COMPONENTS people=5000 variants=20000 passes=12 seconds=13.8 seconds_per_pass=1.15 per_call_ns=11.5 gib=0.53 "
        "to_100000_minutes=23 smallest_correlation=0.999998"
    ],
    "speed.kinship --slice": [
        "SLICE people=100000 variants=20000 firsts=256 arranging_seconds=20.3 seconds=4.3 per_pair_ns=169 "
        "all_pairs_minutes=7.2 gib=1.12"
    ],
    "speed.mixed_model, programs": [
        "LMM families-1500 gemma version=0.98.5 people=1500 traits=384 compared=4 variants=3000 rows=12000 "
        "max_rel_chi2=5.1e-06 correlation=1.000000 lambda=1.009 lambda_theirs=1.009 seconds=1.3 seconds_per_trait=2.24 "
        "speed_ratio=673",
    ],
    "speed.mixed_model, inflation": ["LAMBDA families-1500 h2=0.8 mixed=1.000 least_squares=1.352"],
    "speed.mixed_model, errors": [
        "MARGIN people=100 related=0.5 shortfall=0.275 times_people=27",
        "FWER families-300 polygenic studies=200 observed=0.055 low=0.020 high=0.080",
    ],
    "speed.mixed_model, pedigrees": [
        f"RECALL pedigrees-1282 {name} seed=1 traits=48 neglog10p=6.83 people=1282 recall=0.938 false=0 of=240 lambda=0.967"
        for name in ("polygenic", "drop", "everyone_as_unrelated")
    ],
    "speed.mixed_model, time": [
        "TIME families-1500 traits=24 variants=4000 least_squares=0.02 mixed=0.66 ratio=38.9 floor=64.5 "
        "mixed_without_rotation_made=0.11 ratio_without=6.4 genotypes_rotated_by_blas=0.23",
    ],
    "speed.family_model": [
        "MARGIN people=100 members=52 tests=196 shortfall=0.580 constant=2.9",
        "GEMMA families-1500 rows=303 max_rel_chi2=3.9e-06",
        "FWER families-300 family studies=200 observed=0.060 low=0.020 high=0.080",
    ],
    "speed.family_model, inflation": ["LAMBDA cousins-1500 h2=0.8 mixed=1.110 least_squares=1.594"],
    "speed.family_model, time": [
        "COST people=1500 in_families=0.75 variants=20000 keep=3 rows=7721 least_squares=0.12 family=0.51 ratio=4.40",
    ],
    "speed.polygenic": [
        "BY_H2 h2=0.5 r2=0.0333 theory=0.0370 estimate=0.504 sd=0.018",
    ],
    "speed.polygenic, cost": [
        "POLYGENIC people=20000 variants=100000 traits=384 minutes=3.55 gib=0.89 temporary_bytes=0 r2=0.0152 theory=0.0165 "
        "to_100000=14.5 threads=2 elapsed=7.46 load=13.9",
    ],
    "speed.outcomes": [
        "OUTCOMES cox features=64 outcomes=32 people=5000 cpu_seconds=0.22 gib=0.017 statsmodels_ratio=1069",
        "PREDICTED cox features=384 outcomes=1500 people=50000 cpu_minutes=3.5",
    ],
    "speed.outcomes, fits": ["FIT firth people=5000 covariates=15 cpu_seconds=0.087"],
    "speed.missing_calls": ["MISSING people=1000 traits=384 complete=0.99 us=2.82 undivided_us=3.37"],
    "findings.planted": [
        "PLANTED 1 people=466 planted=4 found=4 others=1 cpu_seconds=320 neglog10p=35.1,15.0,14.2,12.4",
        "PLANTED 2 people=466 planted=4 found=4 others=0 cpu_seconds=310 neglog10p=31.0,14.9,12.8,11.1",
    ],
    "findings.natural_units": [
        "EFFECT simulated 1 parameter=qt_ms unit=ms planted=20.0 measured=19.1 trait=clinical.12L.qt_ms effect=19.3 se=2.1 "
        "inside=yes inside_measured=yes chosen=clinical.12L.qtc_framingham_ms chosen_effect=18.5 chosen_se=1.3 chosen_unit=ms",
        "EFFECT real 1 parameter=pr_ms unit=ms planted=20.0 measured=18.0 trait=clinical.12L.pr_ms effect=17.0 se=2.0 "
        "inside=yes inside_measured=yes chosen=none",
    ],
    "findings.representations": [
        "SEED value=11 people=2000", "R2 default features=126 mean=0.923 retest=0.973",
        "R2 learned hearts=own features=32 mean=0.807 retest=0.990",
        "R2 learned hearts=torsos features=32 mean=0.5 retest=0.990",
    ],
    "findings.calibration --only permutations": [
        "PERMUTATIONS count=1000 people=466 traits=384 variants=62537 seconds=178.0 cpu_seconds=327.0 peak_mib=1217 scans=89.0"
    ],
    "findings.calibration --only cohorts": [
        "COHORTS default of=100 with_locus=3 rows=0.06 loci=0.03 of_sets=0.00 genes=0.03",
        "COHORTS published of=100 with_locus=100 rows=66.10 loci=19.70 of_sets=0.00 genes=32.00",
    ],
    "findings.ancestries": [
        "ANCESTRIES groups=2 fst=0.10 genomes=eur489 setting=both option=within dropped=2.15 lambda=0.998 beyond_1e3=0.97 "
        "fwer=0.0400 low=0.0200 high=0.0800 studies=200 found=149/160 heterogeneity=0.016,0.654",
        "ANCESTRIES groups=3 fst=0.05 setting=mean option=nothing dropped=1.1 lambda=5.2 beyond_1e3=120.1 fwer=1.0000 "
        "low=0.0200 high=0.0800 studies=200 found=0/160 heterogeneity=-,0.654",
    ],
    "findings.threshold_at_size": [
        "THRESHOLD setting=one_trait people=20000 full=5.391 fast=5.407 difference=+0.017 se=0.038 cost_ratio=12.4 "
        "permuted=2000 estimator=effective_tests tests_permuted=1.000 full_permutations=3000 sampling_seconds=4.1 mean=5.386",
    ],
    "findings.calibration_people": ["CALIBRATION family_wise_error siblings nominal=0.05 observed=0.0475 low=0.03 high=0.0725"],
    "findings.calibration_hits": [
        "CALIBRATION tails 40permutations_error0.05 nominal=0.05 observed=0.0479 low=0.0463 high=0.0495",
        "CALIBRATION tails_before 40permutations_error0.05 nominal=0.05 observed=0.0631 low=0.0614 high=0.0648",
    ],
}  # fmt: skip
"""Lines as each benchmark prints them."""


def run_of(lines: list[str]) -> Run:
    return Run("python -m benchmarks.x", "2026-11-30", "a machine", 0.1, "abc", tuple(record.rows(lines)))


def test_pages_are_made_from_the_recorded_runs() -> None:
    for page in PAGES:
        assert page.read_text() == filled(page.read_text()), f"{page.name}: run python -m docs.make_validation"


def test_every_block_has_a_table_and_every_table_a_block() -> None:
    blocks = [match[2] for page in PAGES for match in BLOCK.finditer(page.read_text())]
    assert sorted(blocks) == sorted(["readme", *TABLES])


@pytest.mark.parametrize("name", TABLES)
def test_a_table_has_a_row_for_what_was_measured(name: str) -> None:
    header, rule, *body = TABLES[name].build(run_of(LINES[name]))
    assert body
    assert {line.count("|") for line in (header, rule, *body)} == {header.count("|")}


def test_r2_of_other_hearts_is_not_in_the_table_of_the_simulators_own() -> None:
    lines = TABLES["findings.representations"].build(run_of(LINES["findings.representations"]))
    assert [line.split("|")[4].strip() for line in lines[2:]] == ["0.923", "0.807"]


def test_points_of_a_fault_say_how_many_are_found_and_false() -> None:
    *_, line = TABLES["findings.delineation_faults"].build(run_of(LINES["findings.delineation_faults"]))
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells[1:4] == ["100.0, 99.0", "none; false: 53", "none; false: 53"]
    assert cells[4:] == ["1.2 (-9.8), 98"] * 3


def test_runs_that_were_recorded_one_by_one_are_joined(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "findings.threshold_at_size"
    line = LINES[name][0]
    cost = "COST people=9 variants=9 traits=9 genotypes=dosages sets=no full_hours=2459 fast_hours=37.8 cost_ratio=65"
    runs = {
        "--only one_trait": Run(f"python -m benchmarks.{name} --only one_trait", "2026-12-01", "a machine", 0.1, "abc",
                                tuple(record.rows([line]))),
        "--only cost": Run(f"python -m benchmarks.{name} --only cost", "2026-12-02", "a machine", 0.3, "abc",
                           tuple(record.rows([cost]))),
    }  # fmt: skip
    monkeypatch.setattr(make_validation, "recorded_run", lambda benchmark, arguments="": runs.get(arguments))
    run = TABLES[name].run
    assert run is not None
    assert run.caption == (
        "`python -m benchmarks.findings.threshold_at_size --only one_trait` and `--only cost`, 2026-12-01, 2026-12-02, "
        "a machine, load 0.3 at the start, commit abc:"
    )
    text = "\n".join(TABLES[name].build(run))
    assert "| one trait | 20,000 | 2,000 | 5.39 | 5.41 | +0.017 (0.038) | effective tests | 12.4 |" in text
    assert "| dosages, trait sets: no | 2,459 h | 38 h | 65 |" in text
    monkeypatch.setattr(make_validation, "recorded_run", lambda benchmark, arguments="": None)
    assert TABLES[name].run is None


def test_lines_of_the_readme_come_from_the_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = {(TABLES[name].benchmark, TABLES[name].arguments): run_of(lines) for name, lines in LINES.items()}
    monkeypatch.setattr(make_validation, "recorded_run", lambda benchmark, arguments="": runs.get((benchmark, arguments)))
    before = (
        "| what | figure |\n"
        + "".join(f"| {figure.what} | old | |\n" for figure in make_validation.FIGURES)
        + "| other | 718 | |"
    )
    lines = make_validation.readme_lines(before)
    assert lines[0] == "| what | figure |"
    assert lines[-1] == "| other | 718 | |"
    assert not any("| old |" in line for line in lines)
    text = "\n".join(lines)
    assert "119 times at 1,000 participants; with 1 % missing calls 283 times at 1,000 participants" in text
    assert "4 of 4 in each pairing, and 1, 0 other loci; 310 to 320 CPU seconds each" in text
    assert "3 (with the source study's choices: 100)" in text


def test_rows_are_read_and_other_lines_are_text() -> None:
    lines = ["RATIO numpy N=1000 missing=0.01 times=2.5 name=a=b", "a line of words = text", "SEED 11", "PLANTED 1 p=3.5,none"]
    assert record.rows(lines) == [
        {"kind": "RATIO", "words": ["numpy"], "N": 1000, "missing": 0.01, "times": 2.5, "name": "a=b"},
        {"kind": "PLANTED", "words": ["1"], "p": "3.5,none"},
    ]


def test_a_run_is_recorded_only_if_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "RESULTS", tmp_path / "results")

    def main() -> int:
        print("SCAN people=10")
        return 3

    monkeypatch.setattr(sys, "argv", ["scan.py", "--quick"])
    with pytest.raises(SystemExit) as ended:
        record.recorded(main, "/x/speed/scan.py")
    assert ended.value.code == 3
    assert not (tmp_path / "results").exists()
    monkeypatch.setattr(sys, "argv", ["scan.py", "--record", "--data", "/some/where/ludb/"])
    with pytest.raises(SystemExit):
        record.recorded(main, "/x/speed/scan.py")
    runs = json.loads((tmp_path / "results" / "speed.scan.json").read_text())
    assert list(runs) == ["--data ludb"]
    run = runs["--data ludb"]
    assert run["command"] == "python -m benchmarks.speed.scan --data ludb"
    assert run["lines"] == ["SCAN people=10"]
    assert run["seconds"] >= 0


@pytest.mark.parametrize("path", BENCHMARKS, ids=lambda path: path.stem)
def test_every_benchmark_can_be_recorded_and_has_a_quick_form(path: Path) -> None:
    text = path.read_text()
    assert text.rstrip().endswith("recorded(main, __file__)")
    assert '"--quick"' in text
