"""Inputs of a whole study, one spoilt at a time, as `ecgwas check` opens them: tables, lists, genotypes, genes and study.yaml."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import numpy as np
from bed_reader import open_bed, to_bed

from ecgwas import stages
from ecgwas.errors import Caution
from ecgwas.study import Study
from tests.bad_input.harness import REFUSED, RIGHT, Case, Ending, ended
from tests.cohorts import make_cohort, with_few_cases

PEOPLE = 60
Spoil = Callable[[Path], object]


@cache
def cohort() -> Path:
    """A folder with good inputs, made once; it is gone with the process."""
    holder = tempfile.TemporaryDirectory()
    KEPT.append(holder)
    return with_few_cases(make_cohort(Path(holder.name) / "good", people=PEOPLE, variants=40, read=False)).parent


KEPT: list[tempfile.TemporaryDirectory[str]] = []


def whole(group: str, what: str, how: str, says: str, spoil: Spoil, cure: str = "") -> Case:
    """The study in a folder of its own, spoilt. With RIGHT `says` is part of a warning, and there is none where it is empty.

    cure: part of the cure of an error.
    """

    def run(at: Path) -> Ending:
        for path in cohort().iterdir():
            if path.name == "ecg":
                (at / "ecg").symlink_to(path)
            elif path.is_dir():
                shutil.copytree(path, at / path.name)
            else:
                shutil.copy(path, at / path.name)
        spoil(at)
        told: list[str] = []
        end = ended(lambda: told.extend(warnings(at / "study.yaml")) is None)
        if end.how == REFUSED and cure not in str(end.error and end.error.fix):
            return Ending(f"another cure: {end.words}")
        if end.how == RIGHT and told and not says:
            return Ending(f"a warning: {told}")
        return Ending(RIGHT, "; ".join(told)) if end.how == RIGHT else end

    return Case(group, what, how, says, run)


def warnings(study_file: Path) -> list[str]:
    """What `ecgwas check` warns of. Raises the first mistake."""
    facts, mistakes = stages.check(Study.read_file(study_file))
    for mistake in mistakes:
        raise mistake
    return [fact for fact in facts if isinstance(fact, Caution)]


# Ways to spoil


def study(old: str, new: str) -> Spoil:
    """study.yaml with the first `old` replaced."""

    def spoil(at: Path) -> None:
        text = (at / "study.yaml").read_text()
        assert old in text
        (at / "study.yaml").write_text(text.replace(old, new, 1))

    return spoil


def traits(line: str) -> Spoil:
    return study("  # transform", f"  {line}\n  # transform")


def scan(line: str) -> Spoil:
    return study("  build: hg19", f"  build: hg19\n  {line}")


def both(*spoils: Spoil) -> Spoil:
    return lambda at: [spoil(at) for spoil in spoils]


def rows_of(path: Path) -> list[list[str]]:
    return [line.split() for line in path.read_text().splitlines()]


def table(change: Callable[[list[list[str]]], Sequence[Sequence[str]]], delimiter: str = "\t", above: str = "") -> Spoil:
    """The covariate table with its rows of cells, the header first, changed."""

    def spoil(at: Path) -> None:
        rows = change(rows_of(at / "covariates.tsv"))
        (at / "covariates.tsv").write_text(above + "".join(delimiter.join(row) + "\n" for row in rows))

    return spoil


def column(name: str, value: Callable[[int, list[str]], str]) -> Spoil:
    """One column more."""
    return table(lambda rows: [[*row, name if i == 0 else value(i - 1, row)] for i, row in enumerate(rows)])


def header(*pairs: tuple[str, str]) -> Spoil:
    names = dict(pairs)
    return table(lambda rows: [[names.get(name, name) for name in rows[0]], *rows[1:]])


def written(name: str, content: str, *more: Spoil) -> Spoil:
    return both(lambda at: (at / name).write_bytes(content.encode()), *more)


def eids() -> list[str]:
    return sorted(row[1] for row in rows_of(cohort() / "genotypes" / "cohort.fam"))


def beside(ending: str, cell: int, value: Callable[[int, str], str], *, delimiter: str = "\t") -> Spoil:
    """One column of the .bim or .fam made anew."""

    def spoil(at: Path) -> None:
        path = at / "genotypes" / f"cohort.{ending}"
        rows = rows_of(path)
        for i, row in enumerate(rows):
            row[cell] = value(i, row[cell])
        path.write_text("".join(delimiter.join(row) + "\n" for row in rows))

    return spoil


def by_chromosome(people: Callable[[str], Sequence[int]]) -> Spoil:
    """One fileset per chromosome, each with its own people, by their places."""

    def spoil(at: Path) -> None:
        bed = open_bed(at / "genotypes" / "cohort.bed")
        calls = bed.read(dtype="int8")
        for chrom in np.unique(bed.chromosome):
            here, some = bed.chromosome == chrom, np.array(people(str(chrom)))
            properties = {
                "fid": bed.fid[some], "iid": bed.iid[some], "sex": bed.sex[some], "sid": bed.sid[here],
                "chromosome": bed.chromosome[here], "bp_position": bed.bp_position[here],
                "allele_1": bed.allele_1[here], "allele_2": bed.allele_2[here],
            }  # fmt: skip
            path = at / "genotypes" / f"chr{chrom}.bed"
            to_bed(path, np.ascontiguousarray(calls[some][:, here]), properties=properties)
        names = ", ".join(f'"{chrom}"' for chrom in np.unique(bed.chromosome))
        both(study("genotypes/cohort ", "genotypes/chr{chrom} "), scan(f"chromosomes: [{names}]"))(at)

    return spoil


def recordings(*lines: str, rows: Callable[[list[str]], list[tuple[str, str]]]) -> Spoil:
    """A table of recordings: eid, and whose recording it is; a folder other than ecg/ stands before the name."""

    def spoil(at: Path) -> None:
        listed = [f"{eid}\t{whose if '/' in whose else f'ecg/{whose}'}_20205_2_0.xml" for eid, whose in rows(eids())]
        (at / "r.tsv").write_text("\n".join([*(lines or ("eid\tpath",)), *listed]) + "\n")
        study("recordings: ecg ", "recordings: r.tsv ")(at)

    return spoil
