"""The pages of docs/your_data, copied and pasted: from an empty folder to the report, on a small simulated cohort."""

from __future__ import annotations

import csv
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from bed_reader import open_bed, to_bed

from ecgwas.commands.cli import main
from ecgwas.ecg import formats
from ecgwas.leads import LEADS
from ecgwas.simulate import simulate
from tests.conftest import ROOT
from tests.ecg import vendors
from tests.ecg.make_recordings import Counts
from tests.traits.ukb.exports import Row, participants, write

PAGES = ROOT / "docs" / "your_data"
BLOCK = re.compile(r"^(?:<!-- (needs [^>]*) -->\n)?```bash\n(.*?)^```", re.MULTILINE | re.DOTALL)
NOT_RUN = {"needs dx", "needs UK Biobank's programs"}
OUTSIDE = {
    "ukb_local": {"ukbconv", "ukbfetch", "gfetch"},
    "ukb_rap": {"pip", "dx", "tar", "docker", "for", "done", "DATASET", "CALLS", "INPUTS"},
}
"""First words of the lines of blocks that are not run; of an assignment, the name."""

EXCLUDED = 3
"""Participants whom UK Biobank's files here exclude: withdrawn, an outlier, a relative."""


def blocks(page: str) -> list[tuple[str, str]]:
    """What a block needs, empty as a rule, and its lines."""
    return [(needs, text) for needs, text in BLOCK.findall((PAGES / f"{page}.md").read_text())]


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cohort")
    simulate(folder, people=70, seed=5, variants_per_chromosome=60, chromosomes=("1", "6"))
    return folder


def eids_of(cohort: Path) -> list[str]:
    return pl.read_csv(cohort / "covariates.tsv", separator="\t", infer_schema=False)["eid"].to_list()


def export(cohort: Path) -> list[Row]:
    """UK Biobank's fields of the simulated people: their own age and sex, of visit 2."""
    people = pl.read_csv(cohort / "covariates.tsv", separator="\t", infer_schema=False)
    rows = participants(people.height)
    for row, person in zip(rows, people.iter_rows(named=True), strict=True):
        sex = {"1": "1", "2": "0"}[person["sex"]]
        row |= {"eid": person["eid"], "21003-2.0": person["age"], "31-0.0": sex, "22001-0.0": sex}
    rows[4]["22027-0.0"] = "1"
    return rows


def relatives(path: Path, eids: list[str]) -> None:
    path.write_text(f"ID1 ID2 HetHet IBS0 Kinship\n{eids[10]} {eids[11]} 0.1 0.01 0.25\n-1 {eids[12]} 0.1 0.01 0.25\n")


def filesets(cohort: Path, name: Callable[[str, str], Path]) -> None:
    """The simulated genotypes, one fileset per chromosome; name(chromosome, ending) is where a file goes."""
    (bed,) = (cohort / "genotypes").glob("*.bed")
    with open_bed(bed) as genotypes:
        values = genotypes.read(dtype="int8")
        for chromosome in sorted(set(genotypes.chromosome)):
            here = np.flatnonzero(genotypes.chromosome == chromosome)
            properties = {key: genotypes.properties[key] for key in ("fid", "iid", "sex")}
            properties |= {
                key: genotypes.properties[key][here] for key in ("chromosome", "sid", "bp_position", "allele_1", "allele_2")
            }
            made = bed.with_name(f"part{chromosome}.bed")
            to_bed(made, values[:, here], properties=properties)
            for ending in ("bed", "bim", "fam"):
                shutil.move(made.with_suffix(f".{ending}"), name(chromosome, ending))


def ukb_local(cohort: Path, data: Path) -> None:
    (data / "genotypes").mkdir()
    shutil.copytree(cohort / "ecg", data / "20205")
    eids = eids_of(cohort)
    write(data / "ukb12345.csv", export(cohort))
    (data / "w12345_20260101.csv").write_text(f"{eids[3]}\n")
    relatives(data / "ukb_rel.dat", eids)
    names = {"bed": "ukb22418_c{}_b0_v2.bed", "bim": "ukb_snp_chr{}_v2.bim", "fam": "ukb22418_c{}_b0_v2_s488.fam"}
    filesets(cohort, lambda chromosome, ending: data / "genotypes" / names[ending].format(chromosome))


def ukb_rap(cohort: Path, data: Path) -> None:
    calls = data / "Bulk" / "Genotype Results" / "Genotype calls"
    calls.mkdir(parents=True)
    for path in (cohort / "ecg").iterdir():
        folder = data / "Bulk" / "Electrocardiogram" / "Resting" / path.name[:2]
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, folder)
    eids = eids_of(cohort)
    (data / "withdrawn.csv").write_text(f"{eids[3]}\n")
    relatives(calls / "ukb_rel.dat", eids)
    filesets(cohort, lambda chromosome, ending: calls / f"ukb22418_c{chromosome}_b0_v2.{ending}")
    write(data.parent / "work" / "my_study" / "ukb.csv", export(cohort), "RAP dx extract_dataset")


def counts(path: Path) -> Counts:
    """A simulated recording in counts of 5 µV."""
    leads = formats.read(path).leads
    return {lead: np.rint(leads[lead] / vendors.UV).astype(np.int64) for lead in LEADS}


def first_visits(cohort: Path) -> dict[str, Path]:
    """eid -> a file of all leads."""
    return {
        path.name.split("_")[0]: path
        for path in sorted((cohort / "ecg").glob("*.xml"), reverse=True)
        if len(path.name.split("_")) == 4
    }


def copy_genotypes(cohort: Path, data: Path) -> None:
    (bed,) = (cohort / "genotypes").glob("*.bed")
    for ending in ("bed", "bim", "fam"):
        shutil.copy(bed.with_suffix(f".{ending}"), data / f"genotypes.{ending}")


MUSE_NAMELESS = "<PatientDemographics><PatientLastName>Do not read</PatientLastName></PatientDemographics>"
MUSE_HEAD = (
    "<PatientDemographics><PatientID>H{number:04d}</PatientID></PatientDemographics><TestDemographics><AcquisitionDevice>MAC"
    "</AcquisitionDevice><AcquisitionDate>03-31-{year}</AcquisitionDate><AcquisitionTime>14:05:00</AcquisitionTime>"
    "</TestDemographics>"
)


def muse(cohort: Path, data: Path) -> None:
    """Two recordings of each patient, of whom the key lacks one."""
    (data / "muse" / "2019").mkdir(parents=True)
    key = ["eid,hospital_id"]
    for k, (eid, path) in enumerate(sorted(first_visits(cohort).items())):
        noise = np.random.default_rng(k)
        for year in (2018, 2019):
            noisy = {lead: row + noise.integers(-1, 2, len(row)) for lead, row in counts(path).items()}
            content = vendors.muse(noisy).decode("latin-1")
            about = MUSE_HEAD.format(number=k, year=year)
            (data / "muse" / "2019" / f"MUSE_{k:04d}_{year}.xml").write_bytes(
                content.replace(MUSE_NAMELESS, about).encode("latin-1")
            )
        key += [f"{eid},H{k:04d}"] if k else []
    (data / "key.csv").write_text("\n".join(key) + "\n")
    table = pl.read_csv(cohort / "covariates.tsv", separator="\t", infer_schema=False)
    table.write_csv(data / "covariates.csv")
    copy_genotypes(cohort, data)


def wfdb(cohort: Path, data: Path) -> None:
    folder = data / "records500" / "00000"
    folder.mkdir(parents=True)
    lines = ["ecg_id,patient_id,recording_date,filename_hr"]
    for k, (eid, path) in enumerate(sorted(first_visits(cohort).items()), start=1):
        vendors.wfdb_16(folder, counts(path), name=f"{k:05d}_hr")
        lines.append(f"{k},{eid}.0,1984-11-09 09:17:34,records500/00000/{k:05d}_hr")
    (data / "ptbxl_database.csv").write_text("\n".join(lines) + "\n")
    shutil.copy(cohort / "covariates.tsv", data)
    copy_genotypes(cohort, data)


def run_page(page: str, data: Path, work: Path, commands: Mapping[str, str]) -> str:
    """Runs a page's blocks in one shell, with `data` in place of its first line's path; returns what they print."""
    shell = work / "bin"
    shell.mkdir(parents=True, exist_ok=True)
    command = f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m ecgwas "$@"\n'
    (shell / "ecgwas").write_text(command)
    (shell / "ecgwas").chmod(0o755)
    lines = "\n".join(text for needs, text in blocks(page) if not needs)
    lines = re.sub(r"=(/path/to/\w+|/mnt/project)$", f"={data}", lines, count=1, flags=re.MULTILINE)
    lines = lines.replace("mkdir my_study &&", "mkdir -p my_study &&")
    environment = {**commands, "PATH": f"{shell}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", lines], cwd=work, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


MAKERS = {"ukb_local": ukb_local, "ukb_rap": ukb_rap, "muse": muse, "wfdb": wfdb}


@pytest.mark.slow
@pytest.mark.parametrize("page", MAKERS)
def test_a_page_leads_from_an_empty_folder_to_the_report(
    page: str, cohort: Path, tmp_path: Path, commands: Mapping[str, str]
) -> None:
    data, work = tmp_path / "data", tmp_path / "work"
    data.mkdir()
    (work / "my_study").mkdir(parents=True)
    MAKERS[page](cohort, data)
    printed = run_page(page, data, work, commands)
    results = work / "my_study" / "results"
    assert (results / "report" / "report.html").is_file()
    people = pl.read_csv(results / "traits" / "people.csv", infer_schema=False)
    assert people.filter(pl.col("status") == "kept").height >= 50
    if page.startswith("ukb"):
        excluded = people.filter(pl.col("reason").str.contains("read.leave_out"))
        assert sorted(excluded["eid"]) == sorted(eids_of(cohort)[k] for k in (3, 4, 11))
        assert excluded["reason"].n_unique() == EXCLUDED
        assert "related to another participant" in printed
    if page == "muse":
        assert "warning: recordings.csv now holds ids" in printed
        assert "2 of 140 recordings are of people who are not in the key" in printed
        recordings = pl.read_parquet(results / "read" / "recordings.parquet")
        assert recordings.filter(pl.col("status") == "kept")["path"].str.contains("_2018").all()
        with (work / "my_study" / "recordings.csv").open(newline="") as file:
            assert not any(row["eid"].startswith("H") for row in csv.DictReader(file))


@pytest.mark.parametrize("page", MAKERS)
def test_blocks_that_are_not_run_are_marked_and_well_formed(page: str) -> None:
    found = blocks(page)
    assert len(found) == (PAGES / f"{page}.md").read_text().count("```bash")
    assert {needs for needs, _ in found} <= {"", *NOT_RUN}
    for needs, text in found:
        done = subprocess.run(["bash", "-n", "-c", text], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        if needs:
            first_words = {re.split(r"\+?=", line.split()[0])[0] for line in text.splitlines()}
            assert first_words <= OUTSIDE[page], text
        else:
            assert not {"dx", "ukbconv", "ukbfetch", "gfetch"} & {line.split()[0] for line in text.splitlines() if line.strip()}


@pytest.mark.parametrize("page", MAKERS)
def test_commands_and_options_of_a_page_exist(page: str) -> None:
    text = " ".join(text for _, text in blocks(page)).replace("\\\n", " ")
    for line in re.findall(r"^\s*ecgwas (.*)$", text, re.MULTILINE):
        words = shlex.split(line, comments=True)
        command = main.commands[words[0]]
        inner = getattr(command, "commands", {})
        command = inner[words[1]] if inner else command
        known = {name for param in command.params for name in param.opts}
        assert {word for word in words if word.startswith("--")} <= known, line
