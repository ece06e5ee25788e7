"""Formats of `export` that hand traits and covariates over to another association program, with the command that runs it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ecgwas.errors import InputError, first_few
from ecgwas.exchange import hand_over, other_programs
from ecgwas.exchange.hand_over import HandOver
from ecgwas.exchange.other_programs import COMMAND, COVARIATES, PEOPLE, TRAITS, VARIANTS, Filters, GenotypeFiles
from ecgwas.genotypes import chromosomes, filesets, variant_choice, variant_lists
from ecgwas.genotypes.chromosome_codes import PAR_CODES, is_pseudoautosomal
from ecgwas.stages import trait_names, traits
from ecgwas.statistics.projection import span
from ecgwas.store import atomic_write
from ecgwas.study import Study

PRIVATE = "These files hold the traits of every participant: keep them where the recordings are."
RESULTS = {
    "regenie": "step2{chrom}_{{trait}}.regenie", "saige": "saige.{{trait}}.chr{{chrom}}.txt", "bolt": "bolt.{{trait}}.stats",
    "plink2-pheno": "plink2{chrom}.{{trait}}.glm.linear",
}  # fmt: skip
"""Format -> files that the program writes; {chrom}: `.chr{chrom}` if there is a fileset per chromosome."""

Commands = Callable[[HandOver, GenotypeFiles, Filters], list[str]]


def export(study: Study, kind: str, folder: Path, chosen: Sequence[str]) -> Iterator[str]:
    """Writes the files of one program and command.txt, and yields what they are. chosen: traits, all if empty."""
    tested, covariates = traits.load_traits(study), traits.load_covariates(study)
    trait_names.refuse_unknown(chosen, tested.names)
    families = _families(study)
    categorical = study.traits.categorical
    handed = hand_over.hand_over(tested, covariates, families, list(chosen) or list(tested.names), categorical)
    genotypes, by_ancestry = _genotypes(study, handed), _several_ancestries(study)
    filters = _filters(study, by_ancestry=by_ancestry)
    texts = _files(kind, handed)
    if genotypes.listed:
        texts[VARIANTS] = _variants(study, as_in_file=kind == "regenie")
    lines = PROGRAMS[kind](handed, genotypes, filters)
    notes = _notes(study, kind, genotypes, by_ancestry=by_ancestry, has_missing=bool(np.isnan(tested.values).any()))
    head = ["# Run it in this folder: bash command.txt", *(f"# {note}" for note in notes), "set -e"]
    texts[COMMAND] = "\n".join([*head, *lines]) + "\n"
    for name, text in texts.items():
        with atomic_write(folder / name) as temporary:
            temporary.write_text(text, encoding="utf-8")
    missing = sum(bool(np.isnan(values).any()) for values in handed.traits.values())
    size = f"{len(handed.traits)} traits ({missing} with missing values, NA) of {len(handed.ids)} participants"
    yield f"{size}: {first_few(texts, 10)}"
    yield PRIVATE
    yield from (f"note: {note}" for note in notes)
    yield f"{folder / COMMAND}:"
    yield from lines


def _files(kind: str, handed: HandOver) -> dict[str, str]:
    """Name -> text of the files of one program; columns.csv says what each column is."""
    of_plink = kind == "plink2-pheno"
    values, numbers = handed.traits, handed.numbers
    if kind == "bolt":
        values, numbers = (
            {column: hand_over.without_missing_code(own) for column, own in columns.items()} for columns in (values, numbers)
        )
    covariates: dict[str, Any] = {**numbers, **(handed.dummies if of_plink else handed.categories)}
    texts = {PEOPLE: hand_over.people(handed.ids)}
    if kind == "saige":
        texts[other_programs.BOTH] = hand_over.table(handed.ids, {**values, **covariates})
    else:
        texts[TRAITS] = hand_over.table(handed.ids, values, plink=of_plink)
        texts[COVARIATES] = hand_over.table(handed.ids, covariates, plink=of_plink)
    kinds = {**dict.fromkeys(values, "trait"), **dict.fromkeys(covariates, "covariate"),
             **dict.fromkeys(() if of_plink else handed.categories, "category")}  # fmt: skip
    rows = [{"column": column, "name": handed.names[column], "what": what} for column, what in kinds.items()]
    return {**texts, "columns.csv": pl.DataFrame(rows).write_csv()}


def _families(study: Study) -> dict[str, str]:
    """eid -> FID, as the genotypes have it."""
    families: dict[str, str] = {}
    for files in chromosomes.all_filesets(study.scan):
        listed = filesets.read_samples(files)
        families |= dict(zip(listed.eids, listed.families, strict=True))
    return families


def _genotypes(study: Study, handed: HandOver) -> GenotypeFiles:
    options = study.scan
    of_chrom = {}
    for chrom in chromosomes.available(options):
        own = chromosomes.filesets_of(options, chrom)
        if len(own) > 1:
            fix = "merge them (plink2 --pmerge-list), or hand over without X: scan.chromosomes"
            problem = f"chromosome {chrom} has several files, which the programs do not take"
            raise InputError(problem, where=options.genotypes, fix=fix)
        of_chrom[chrom] = own[0]
    return GenotypeFiles(of_chrom, _split_par(study, of_chrom), _sex_given(study, handed), options.variants is not None)


def _split_par(study: Study, of_chrom: Mapping[str, filesets.Fileset]) -> str | None:
    """The build, where pseudoautosomal variants are called X and must be split off."""
    if "X" not in of_chrom:
        return None
    table = filesets.read_variants(of_chrom["X"])
    on_x = table.filter(pl.col("chrom") == "X")["pos"].to_numpy()
    coded = bool(table["chrom"].is_in(list(PAR_CODES)).any())
    return study.scan.build if not coded and bool(is_pseudoautosomal(study.scan.build, on_x).any()) else None


def _sex_given(study: Study, handed: HandOver) -> bool:
    """True if the covariates determine sex, so that a program that adds it on X would have it twice."""
    by_eid = chromosomes.sex_by_eid(study.scan)
    sexes = np.array([by_eid[eid] for _, eid in handed.ids], dtype=np.float64)
    given = [*handed.numbers.values(), *handed.dummies.values()]
    covariates = np.column_stack(given) if given else np.empty((len(sexes), 0))
    return bool(span(np.column_stack([covariates, sexes])).shape[1] == span(covariates).shape[1])


def _filters(study: Study, *, by_ancestry: bool) -> Filters:
    options = study.scan
    hardy = 0.0 if by_ancestry else options.min_hwe_p
    return Filters(options.min_maf, options.min_mac, options.min_call_rate, hardy, options.men_on_x)


def _several_ancestries(study: Study) -> bool:
    return len(np.unique(traits.load_ancestry(study, "ancestry_group"))) > 1


def _variants(study: Study, *, as_in_file: bool) -> str:
    """Names of the variants of scan.variants; those without one are named as PLINK names them in its copies.

    as_in_file: the program reads the genotypes themselves. Then raises InputError if one has no name of its own.
    """
    assert study.scan.variants is not None
    listed = variant_choice.read(study.scan.variants)
    names: list[str] = []
    for files in chromosomes.all_filesets(study.scan):
        table = filesets.read_variants(files)
        chosen = pl.Series(variant_choice.is_listed(listed, table), dtype=pl.Boolean)
        if as_in_file:
            _refuse_nameless(files, table.filter(chosen & variant_lists.nameless(files.variant_list)))
        names += table.filter(chosen)["variant"].to_list()
    return "".join(f"{name}\n" for name in dict.fromkeys(names))


def _refuse_nameless(files: filesets.Fileset, nameless: pl.DataFrame) -> None:
    if nameless.height:
        shown = first_few(nameless["variant"])
        problem = f"{nameless.height} variants of scan.variants have no name, by which the program could choose them: {shown}"
        fix = "name them (plink2 --set-missing-var-ids @:#:$r:$a --make-pgen), or hand over without scan.variants"
        raise InputError(problem, where=files.variant_list, fix=fix)


def _notes(study: Study, kind: str, genotypes: GenotypeFiles, *, by_ancestry: bool, has_missing: bool) -> list[str]:
    """What the command does otherwise than the scan, and how its results come back.

    by_ancestry: the participants are of several ancestry groups; has_missing: some lack a trait.
    """
    notes = []
    several = len(set(genotypes.filesets.values())) > 1
    formats = {files.format_name for files in genotypes.filesets.values()}
    if by_ancestry and study.scan.min_hwe_p > 0:
        notes.append("Hardy-Weinberg equilibrium is tested within ancestry groups by ecgwas and not at all here")
    if kind in ("saige", "bolt") and formats != {"bed"}:
        notes.append("dosages are rounded to hard calls (plink2 --make-bed)")
    if formats != {"bed"} and study.scan.min_info > 0:
        notes.append(f"scan.min_info ({study.scan.min_info:g}) is not applied here")
    if has_missing and study.scan.min_mac > 0:
        notes.append("minor alleles are counted in all participants, also for traits that some of them lack")
    if kind == "regenie":
        notes.append(f"step 2 has no filter by frequency: `kind: imported` applies scan.min_maf ({study.scan.min_maf:g})")
    if kind == "bolt":
        notes.append("set BOLT_TABLES to the folder `tables` of BOLT-LMM, which is meant for 5,000 participants and more")
    if kind != "plink2-pheno" and "X" in genotypes.chromosomes:
        notes.append("men on X must be coded 0 and 2, as in .bed files, and sex is a covariate only if it is among yours")
        if study.scan.men_on_x == 1:
            notes.append("scan.men_on_x: 1 does not reach this program, which counts men on X as they are coded")
    if kind in ("saige", "bolt") and "X" in genotypes.chromosomes:
        notes.append("the pseudoautosomal regions of X are not handed over")
    pattern = RESULTS[kind].format(chrom=".chr{chrom}" if several else "")
    notes.append(f"afterwards, in study.yaml: scan: {{kind: imported, files: FOLDER/{pattern}}}")
    return notes


PROGRAMS: dict[str, Commands] = {
    "regenie": other_programs.regenie, "saige": other_programs.saige, "bolt": other_programs.bolt,
    "plink2-pheno": other_programs.plink2,
}  # fmt: skip
