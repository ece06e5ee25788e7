"""Command lines that run other association programs on handed-over files: PLINK 2, regenie, SAIGE, BOLT-LMM.

They run in the folder of the files (`bash command.txt`). Genotypes are named by absolute paths; SAIGE and BOLT-LMM, and step 1
of regenie, read hard calls that PLINK 2 writes first, with the study's filters.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from ecgwas.exchange.hand_over import HandOver
from ecgwas.genotypes.chromosome_codes import PAR_CODES
from ecgwas.genotypes.filesets import Fileset

PEOPLE, TRAITS, COVARIATES, BOTH = "people.txt", "traits.tsv", "covariates.tsv", "traits_and_covariates.tsv"
VARIANTS = "variants.txt"
COMMAND = "command.txt"
MISSING_CODE = "-99999"
"""Missing code for PLINK 2 that no trait has as a value; its default is -9."""

GLM = ["hide-covar", "omit-ref", "log10", "cols=chrom,pos,ref,alt,a1freq,nobs,beta,se,tz,p,err"]
NAMED = ["--set-missing-var-ids", "@:#:$r:$a", "--new-id-max-allele-len", "10000"]
"""Names of variants without one, as ecgwas gives them."""

FOR_MODELS = ["--maf", "0.01", "--mac", "100", "--geno", "0.1"]
"""Variants from which mixed models learn the background of a trait, as regenie's documentation recommends."""

TRAIT, CHROM, TABLES = "@trait@", "@chrom@", "@tables@"
SHELL = {TRAIT: '"$trait"', CHROM: '"$chrom"', TABLES: '"${BOLT_TABLES:?the folder tables of BOLT-LMM}"'}
"""Marks in arguments -> what the shell fills in."""

NUMBERS = {"X": "23", "Y": "24", "XY": "25", "MT": "26"}


@dataclass(frozen=True)
class GenotypeFiles:
    """What is tested: chromosome -> its fileset, the same one for all if they are in one.

    split_par  `hg19` or `hg38` where pseudoautosomal variants of X are called X, else None
    sex_given  the covariates say who is a man: programs must not add sex on X
    listed     only the variants of variants.txt
    """

    filesets: Mapping[str, Fileset]
    split_par: str | None
    sex_given: bool
    listed: bool

    @property
    def chromosomes(self) -> tuple[str, ...]:
        """The chromosomes tested."""
        return tuple(self.filesets)


@dataclass(frozen=True)
class Filters:
    """Filters of variants of the study, and its coding of X; min_hwe_p 0: none, or not one that these programs know."""

    min_maf: float
    min_mac: float
    min_call_rate: float
    min_hwe_p: float
    men_on_x: int = 2


def line(arguments: Sequence[str]) -> str:
    """A line for the shell: every argument quoted where it must be, marks filled in by the shell."""
    text = shlex.join(arguments)
    for mark, shell in SHELL.items():
        text = text.replace(mark, shell)
    return text


def plink2(handed: HandOver, genotypes: GenotypeFiles, filters: Filters) -> list[str]:
    """One line per fileset: the scan's model, filters and columns."""
    covariates = [*handed.numbers, *handed.dummies]
    model = [
        *_plink_filters(filters), "--no-psam-pheno", "--input-missing-phenotype", MISSING_CODE, "--pheno", TRAITS,
        *(["--covar", COVARIATES, "--covar-variance-standardize"] if covariates else []), "--glm", *GLM,
        *(["no-x-sex"] if genotypes.sex_given and "X" in genotypes.chromosomes else []),
        *([] if covariates else ["allow-no-covars"]),
        *(["--xchr-model", "1"] if filters.men_on_x == 1 and "X" in genotypes.chromosomes else []),
    ]  # fmt: skip
    lines = []
    for files, chroms in _by_fileset(genotypes):
        out = "plink2" if len(set(genotypes.filesets.values())) == 1 else f"plink2.chr{chroms[0]}"
        lines.append(line(["plink2", *_plink_input(files, genotypes, chroms), *model, "--out", out]))
    return lines


def regenie(handed: HandOver, genotypes: GenotypeFiles, filters: Filters) -> list[str]:
    """Variants for step 1, step 1, and step 2 of every fileset; all traits together."""
    covariates = [
        *(["--covarFile", COVARIATES] if handed.numbers or handed.categories else []),
        *(["--covarColList", ",".join(handed.numbers)] if handed.numbers else []),
        *(["--catCovarList", ",".join(handed.categories)] if handed.categories else []),
        *(["--maxCatLevels", str(max(10, handed.max_levels))] if handed.categories else []),
    ]
    model = ["--qt", "--phenoFile", TRAITS, "--phenoColList", ",".join(handed.traits), *covariates]
    several = len(set(genotypes.filesets.values())) > 1
    lines = _chromosome_files(genotypes, filters) if several else []
    lines += _step1_file(genotypes, several=several)
    lines.append(line(["regenie", "--step", "1", "--bed", "step1", *model, "--bsize", "1000", "--lowmem", "--out", "step1"]))
    for files, chroms in _by_fileset(genotypes):
        out = f"step2.chr{chroms[0]}" if several else "step2"
        step2 = [
            "regenie", "--step", "2", *_regenie_input(files), *(["--extract", VARIANTS] if genotypes.listed else []), *model,
            "--chrList", ",".join(NUMBERS.get(chrom, chrom) for chrom in chroms),
            "--minMAC", str(max(1, ceil(filters.min_mac))), "--pred", "step1_pred.list", "--bsize", "400", "--out", out,
        ]  # fmt: skip
        lines.append(line(step2))
    return lines


def saige(handed: HandOver, genotypes: GenotypeFiles, filters: Filters) -> list[str]:
    """Genotypes by chromosome, then for each trait step 1 and, for each chromosome, step 2."""
    covariates = [*handed.numbers, *handed.categories]
    step1 = [
        "step1_fitNULLGLMM.R", "--plinkFile=step1", f"--phenoFile={BOTH}", f"--phenoCol={TRAIT}",
        *([f"--covarColList={','.join(covariates)}"] if covariates else []),
        *([f"--qCovarColList={','.join(handed.categories)}"] if handed.categories else []),
        "--sampleIDColinphenoFile=IID", "--traitType=quantitative", "--invNormalize=FALSE", "--LOCO=TRUE",
        f"--outputPrefix=saige.{TRAIT}", "--IsOverwriteVarianceRatioFile=TRUE",
    ]  # fmt: skip
    lines = [*_chromosome_files(genotypes, filters), *_step1_file(genotypes, several=True)]
    lines += [_loop("trait", handed.traits), "  " + line(step1)]
    autosomes = [chrom for chrom in genotypes.chromosomes if chrom.isdigit()]
    for chroms, loco in ((autosomes, "TRUE"), ([c for c in genotypes.chromosomes if not c.isdigit()], "FALSE")):
        step2 = [
            "step2_SPAtests.R", f"--bedFile=genotypes.chr{CHROM}.bed", f"--bimFile=genotypes.chr{CHROM}.bim",
            f"--famFile=genotypes.chr{CHROM}.fam", "--AlleleOrder=alt-first", f"--LOCO={loco}",
            *([f"--chrom={CHROM}"] if loco == "TRUE" else []), f"--minMAF={filters.min_maf!r}", f"--minMAC={filters.min_mac!r}",
            f"--GMMATmodelFile=saige.{TRAIT}.rda", f"--varianceRatioFile=saige.{TRAIT}.varianceRatio.txt",
            f"--SAIGEOutputFile=saige.{TRAIT}.chr{CHROM}.txt",
        ]  # fmt: skip
        lines += ["  " + _loop("chrom", chroms), "    " + line(step2), "  done"] if chroms else []
    return [*lines, "done"]


def bolt(handed: HandOver, genotypes: GenotypeFiles, filters: Filters) -> list[str]:
    """Genotypes by chromosome, then one run per trait."""
    names = [f"genotypes.chr{chrom}" for chrom in genotypes.chromosomes]
    run = [
        "bolt", *(f"--bed={name}.bed" for name in names), *(f"--bim={name}.bim" for name in names), f"--fam={names[0]}.fam",
        "--modelSnps=step1.snplist", f"--phenoFile={TRAITS}", f"--phenoCol={TRAIT}",
        *([f"--covarFile={COVARIATES}"] if handed.numbers or handed.categories else []),
        *(f"--covarCol={name}" for name in handed.categories),
        *([f"--covarMaxLevels={max(10, handed.max_levels)}"] if handed.categories else []),
        *(f"--qCovarCol={name}" for name in handed.numbers),
        "--lmm", f"--LDscoresFile={TABLES}/LDSCORE.1000G_EUR.tab.gz", f"--statsFile=bolt.{TRAIT}.stats",
    ]  # fmt: skip
    lines = [*_chromosome_files(genotypes, filters), *_step1_file(genotypes, several=True)]
    return [*lines, _loop("trait", handed.traits), "  " + line(run), "done"]


def _loop(name: str, values: Sequence[str] | Mapping[str, object]) -> str:
    return f"for {name} in {shlex.join(values)}; do"


def _by_fileset(genotypes: GenotypeFiles) -> list[tuple[Fileset, list[str]]]:
    """Each fileset with its chromosomes."""
    chroms: dict[Fileset, list[str]] = {}
    for chrom, files in genotypes.filesets.items():
        chroms.setdefault(files, []).append(chrom)
    return list(chroms.items())


def _plink_input(files: Fileset, genotypes: GenotypeFiles, chroms: Sequence[str], *, with_par: bool = True) -> list[str]:
    """The arguments that name genotypes, chromosomes, participants and variants; with_par: the pseudoautosomal regions, too."""
    par = list(PAR_CODES) if "X" in chroms and with_par else []
    split = ["--split-par", genotypes.split_par] if genotypes.split_par is not None and "X" in chroms else []
    listed = [*NAMED, "--extract", VARIANTS] if genotypes.listed else []
    return [*_plink_files(files), *split, "--chr", ",".join([*chroms, *par]), "--keep", PEOPLE, "--nonfounders", *listed]


def _plink_files(files: Fileset) -> list[str]:
    if files.format_name == "bgen":
        return ["--bgen", str(files.genotypes.resolve()), "ref-first", "--sample", str(files.sample_list.resolve())]
    flags = {".bim": "--bim", ".pvar": "--pvar", ".fam": "--fam", ".psam": "--psam"}
    paths = [(f"--{files.format_name}", files.genotypes), *((flags[path.suffix], path) for path in files.files[1:])]
    return [text for flag, path in paths for text in (flag, str(path.resolve()))]


def _plink_filters(filters: Filters) -> list[str]:
    return [
        *(["--maf", repr(filters.min_maf)] if filters.min_maf > 0 else []),
        *(["--mac", repr(filters.min_mac)] if filters.min_mac > 0 else []),
        *(["--geno", repr(1 - filters.min_call_rate), "dosage"] if filters.min_call_rate > 0 else []),
        *(["--hwe", repr(filters.min_hwe_p), "midp"] if filters.min_hwe_p > 0 else []),
    ]


def _regenie_input(files: Fileset) -> list[str]:
    """regenie takes the last allele of .bed and .bgen as the reference; in a .bgen the study's effect allele is the second."""
    stem = str(files.genotypes.resolve())
    if files.format_name == "bgen":
        return ["--bgen", stem, "--sample", str(files.sample_list.resolve()), "--ref-first"]
    return [f"--{files.format_name}", stem.removesuffix(f".{files.format_name}")]


def _chromosome_files(genotypes: GenotypeFiles, filters: Filters) -> list[str]:
    """Lines that write genotypes.chrN.bed: hard calls of the participants tested, with the study's filters; X is 23."""
    lines = []
    for chrom, files in genotypes.filesets.items():
        read = [*_plink_input(files, genotypes, [chrom], with_par=False), *_plink_filters(filters)]
        lines.append(line(["plink2", *read, "--output-chr", "26", "--make-bed", "--out", f"genotypes.chr{chrom}"]))
    return lines


def _step1_file(genotypes: GenotypeFiles, *, several: bool) -> list[str]:
    """Lines that write step1.bed and step1.snplist: the variants of the background.

    several: they come from the files genotypes.chrN, otherwise from the only fileset.
    """
    autosomes = [chrom for chrom in genotypes.chromosomes if chrom.isdigit()]
    tail = [*FOR_MODELS, "--make-bed", "--out", "step1"]
    listing = line(["plink2", "--bfile", "step1", "--write-snplist", "--out", "step1"])
    if not several:
        ((files, _),) = _by_fileset(genotypes)
        return [line(["plink2", *_plink_input(files, genotypes, autosomes), *tail]), listing]
    if len(autosomes) == 1:
        return [line(["plink2", "--bfile", f"genotypes.chr{autosomes[0]}", "--nonfounders", *tail]), listing]
    names = " ".join(f"genotypes.chr{chrom}" for chrom in autosomes)
    merged = line(["plink2", "--pmerge-list", "step1_files.txt", "bfile", "--nonfounders", *tail])
    return [f"printf '%s\\n' {names} > step1_files.txt", merged, listing]
