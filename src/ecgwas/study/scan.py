"""Section `scan`: which genotypes, which engine."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from ecgwas.study.base import Options, StudyPath, option

CHROMOSOME = re.compile(r"(chr)?(0?[1-9]|1[0-9]|2[0-6]|X|Y|XY|M|MT|PAR1|PAR2)", re.IGNORECASE)


def _name(given: object) -> object:
    """YAML reads an unquoted 1 as a number; here it is a name."""
    return str(given) if isinstance(given, int) and not isinstance(given, bool) else given


def _known(name: str) -> str:
    if CHROMOSOME.fullmatch(name) is None:
        raise ValueError("unknown chromosome; use 1 to 22, X, Y or MT, with or without chr, listed singly as in [1, 2, X]")
    return name


Chromosome = Annotated[str, BeforeValidator(_name), AfterValidator(_known)]
"""A chromosome's name, such as 1, chr1 or X."""


class Scan(Options):
    """Options of every engine."""

    genotypes: StudyPath
    """Fileset without its extension (.bed .bim .fam, .pgen .pvar .psam, or .bgen .sample), or a pattern:
    genotypes/chr{chrom}."""
    people: StudyPath | None = None
    """List of the participants to test, with their ids in the first column; none: everyone genotyped."""
    variants: StudyPath | None = None
    """List of the variants to test; its first column has names, chrom:pos or chrom:pos:ref:alt (alleles in either order); none:
    all."""
    build: Literal["hg19", "hg38"] = "hg19"
    """Genome build of the positions."""
    chromosomes: tuple[Chromosome, ...] = option((*tuple(str(c) for c in range(1, 23)), "X"), min_length=1)
    """Chromosomes to test; X includes its pseudoautosomal regions; Y (men only) and MT may be added."""
    min_maf: float = option(0.01, ge=0, lt=0.5)
    """Smallest minor allele frequency."""
    min_mac: float = option(20, ge=0)
    """Smallest minor allele count in the participants tested."""
    min_call_rate: float = option(0.98, ge=0, le=1)
    """Smallest call rate of a variant."""
    min_hwe_p: float = option(1e-6, ge=0, lt=1)
    """Smallest mid-p of the Hardy-Weinberg test."""
    min_info: float = option(0.3, ge=0, le=1)
    """Smallest imputation quality: observed over expected variance of dosages, and INFO of the .pvar if it has one."""
    men_on_x: Literal[1, 2] = 2
    """Copies that the one allele of a man counts on X, outside the pseudoautosomal regions: 2, as in a woman with two, because
    one of her two X is inactive (dosage compensation); 1 for genes that escape inactivation."""
    keep_neglog10p: float = option(3.0, ge=0)
    """Tests with a smaller -log10 p are counted in histograms (lambda and QQ plots stay exact) but not written; 0: all are
    written."""

    # What the rest of the program asks of an engine. An engine for which the answer differs overrides the property.

    @property
    def permutation_count(self) -> int:
        """Number of permutations that the scan tests."""
        return 0

    @property
    def thread_limit(self) -> int:
        """Number of threads that the engine uses; 0: all cores."""
        return 1

    @property
    def own_folder(self) -> str:
        """Folder below results/scan for the engine's own files."""
        return "dense"

    @property
    def described(self) -> str:
        """How it tests, as the methods text of the report says it after "by"; `[@key]` cites a reference of
        report/text/references.py."""
        return str(getattr(self, "kind", ""))

    @property
    def prints_six_digits(self) -> bool:
        """The engine prints numbers with six digits, so that statistics of one test agree only to that precision."""
        return False

    @property
    def further_inputs(self) -> tuple[Path, ...]:
        """Files that the engine reads besides genotypes and lists."""
        return ()

    @property
    def tests_traits(self) -> bool:
        """The engine tests traits itself, so that it can also test permuted ones."""
        return True

    @property
    def keeps_relatives(self) -> bool:
        """Related participants are tested, by an engine that allows for their relationship."""
        return False

    @property
    def needs_pairs(self) -> bool:
        """The engine asks stage traits for the pairs of relatives."""
        return False

    @property
    def remarks(self) -> tuple[str, ...]:
        """What readers of the results should know of the engine, for `ecgwas check` and the report."""
        return ()


class Matrix(Scan):
    """The built-in engine: all traits together, exact least squares, PLINK 2's numbers."""

    kind: Literal["matrix"] = "matrix"
    missing: Literal["exact", "mean"] = "exact"
    """Missing genotypes: `exact` excludes the participant from the variant's test, as PLINK 2 does; `mean` imputes the mean."""
    kernel: Literal["auto", "table", "numpy", "torch"] = "auto"
    """How products are computed: `auto` uses the fastest way on the CPU; `torch` uses the GPU if there is one."""
    dense: bool = False
    """Also write effect and standard error of every test (results/scan/dense/): 8 bytes per test."""
    block: int = option(16_384, ge=1)
    """Number of variants per block."""
    threads: int = option(0, ge=0)
    """Number of threads; 0: all cores."""
    relatives: Literal["drop", "family", "polygenic"] = "drop"
    """Related people: `drop` excludes them (traits.guards.max_kinship) and tests by least squares. The others keep them, and
    test by a linear mixed model with missing genotypes at the mean: `family` with the kinship within families, for any number
    of people; `polygenic` with the genomic relationship of everybody, exact for at most `exact_people`: for more, what the
    other chromosomes predict of a trait is subtracted, and the rest is tested as by `family`."""
    exact_people: int = option(15_000, ge=1)
    """With `relatives: polygenic`, largest number of people for the exact model. Its time grows with their cube: 15,000 people
    take 10 to 30 minutes of one core and 13 GiB for each chromosome."""
    kinship: StudyPath | None = None
    """Pairs of relatives as KING, PLINK 2 (--make-king-table) and UK Biobank (ukb_rel.dat) list them: ID1, ID2 and Kinship;
    none: those that stage traits finds. For `relatives: family`, and polygenic with more than `exact_people`."""
    permutations: int = option(1000, ge=0)
    """Number of permutations of the participants for the permutation threshold; 0: none."""
    sets_of_traits: bool = True
    """Also test sets of traits jointly (all traits of a representation, and of each of its leads), in the same permutations."""

    @model_validator(mode="after")
    def _possible_with_relatives(self) -> Matrix:
        """With relatives kept, some options have no counterpart."""
        if self.kinship is not None and self.relatives == "drop":
            raise ValueError("kinship needs relatives: family or polygenic")
        if self.relatives == "drop":
            return self
        if self.dense:
            raise ValueError("dense: true needs relatives: drop; `ecgwas export` computes every test of chosen traits exactly")
        if self.kernel == "torch":
            raise ValueError("kernel: torch needs relatives: drop; the mixed model is computed on the CPU")
        if self.sets_of_traits and "sets_of_traits" in self.model_fields_set:
            raise ValueError("sets_of_traits: true needs relatives: drop; with relatives kept single traits are tested only")
        return self

    @property
    def keeps_relatives(self) -> bool:
        """Related participants are tested, by a mixed model."""
        return self.relatives != "drop"

    @property
    def needs_pairs(self) -> bool:
        """Families are modelled, and no list of pairs is given."""
        return self.relatives == "family" and self.kinship is None

    @property
    def tests_sets(self) -> bool:
        """Sets of traits are tested."""
        return self.sets_of_traits and not self.keeps_relatives

    @property
    def remarks(self) -> tuple[str, ...]:
        """What is not computed by the mixed model."""
        if not self.keeps_relatives:
            return ()
        return (
            f"relatives are kept (scan.relatives: {self.relatives}): missing genotypes count as the variant's mean, and sets "
            "of traits are not tested",
            "conditional signals, credible sets, audit and effects in natural units are of the mixed model, too; power is that "
            "of as many unrelated people",
        )

    @property
    def described(self) -> str:
        """The built-in engine."""
        if self.relatives == "family":
            return (
                "a linear mixed model of each trait, with twice the kinship of relatives within families as their relationship "
                "and 0 between families [@fastgwa], tested by the exact Wald test of GEMMA [@gemma], on all traits jointly "
                "with ecgwas' own engine"
            )
        if self.keeps_relatives:
            return (
                "a linear mixed model of each trait, with the genomic relationship of the other chromosomes and the exact Wald "
                f"test of GEMMA [@gemma] (for more than {self.exact_people:,} participants, the trait less its prediction by "
                "the other chromosomes, with the relationship within families), on all traits jointly with ecgwas' own engine"
            )
        return (
            "ordinary least squares, with the model of PLINK 2's --glm [@plink2], on all traits jointly with ecgwas' own engine"
        )

    @property
    def further_inputs(self) -> tuple[Path, ...]:
        """The list of pairs of relatives."""
        return () if self.kinship is None else (self.kinship,)

    @property
    def permutation_count(self) -> int:
        """`permutations`."""
        return self.permutations

    @property
    def thread_limit(self) -> int:
        """`threads`."""
        return self.threads


class Plink2(Scan):
    """PLINK 2 itself, one run per lead and chromosome."""

    kind: Literal["plink2"] = "plink2"
    program: str = "plink2"
    """Name or path of the program."""
    threads: int = option(0, ge=0)
    """Number of threads; 0: all cores."""
    memory_mib: int = option(4000, unit="MiB", ge=200)
    """Memory that PLINK may use."""

    @property
    def described(self) -> str:
        """PLINK 2, as it is run."""
        return "PLINK 2 (--glm), one run per lead and chromosome [@plink2]"

    @property
    def thread_limit(self) -> int:
        """`threads`."""
        return self.threads

    @property
    def own_folder(self) -> str:
        """PLINK's tables and logs."""
        return "plink2"

    @property
    def prints_six_digits(self) -> bool:
        """As PLINK does."""
        return True


class Imported(Scan):
    """Results of another program, which tested the traits that `ecgwas export` handed over."""

    kind: Literal["imported"] = "imported"
    files: StudyPath
    """Files of results, one or several per trait: `regenie/step2_{trait}.regenie`. {trait} is the trait's name, or its column
    in the files handed over; {chrom} a chromosome; * anything."""
    format: Literal["auto", "regenie", "saige", "bolt", "plink2", "gwas_ssf"] = "auto"
    """Format of these files; `auto`: by their header."""

    @property
    def described(self) -> str:
        """Another program, which the study does not know."""
        return "another program, whose results were imported; what follows at loci was computed by least squares"

    @property
    def own_folder(self) -> str:
        """Nothing is kept in it."""
        return "imported"

    @property
    def prints_six_digits(self) -> bool:
        """As most programs do."""
        return True

    @property
    def further_inputs(self) -> tuple[Path, ...]:
        """Every file that the pattern matches, whatever trait and chromosome."""
        return files_like(re.sub(r"\{(trait|chrom)\}", "*", str(self.files)))

    @property
    def tests_traits(self) -> bool:
        """The tests were made elsewhere."""
        return False

    @property
    def remarks(self) -> tuple[str, ...]:
        """What summary statistics do not allow."""
        return (
            "associations are imported (scan.kind): there are no permutations, so no permutation threshold, no tests of sets "
            "of traits, and no null study",
            "what follows the scan at loci (conditional signals, credible sets, audit, inflation by frequency, heritability, "
            "matching) is computed by least squares in the participants here, not by the model of the program that tested",
        )


def files_like(pattern: str) -> tuple[Path, ...]:
    """The files that a pattern of an absolute or relative path matches, sorted.

    Folders at its beginning that exist by these very names, as that of the study, are no pattern: a name may hold brackets.
    """
    path = Path(pattern)
    start = Path(path.anchor) if path.anchor else Path()
    names = list(path.relative_to(path.anchor).parts)
    while len(names) > 1 and (start / names[0]).is_dir():
        start /= names.pop(0)
    parts = (part if part == "**" else re.sub(r"\*+", "*", part) for part in names)
    return tuple(sorted(one for one in start.glob("/".join(parts)) if one.is_file()))


def trait_column(name: str) -> str:
    """A trait's name as a column of files handed over: other characters than letters, digits, dot and underscore replaced."""
    column = re.sub(r"[^A-Za-z0-9_.]", "_", name)
    return column if re.match(r"[A-Za-z]", column) else f"x{column}"


def trait_columns(names: Sequence[str], taken: Iterable[str] = ()) -> dict[str, str]:
    """Name -> its column in files handed over: none twice or in `taken`, capitals or not. Names that are columns stay."""
    used, columns = {column.lower() for column in taken}, dict[str, str]()
    unchanged = [name for name in names if trait_column(name) == name]
    owners = {name.lower(): name for name in reversed(unchanged)}
    for name in sorted(dict.fromkeys(names), key=lambda name: owners.get(name.lower()) != name):
        column, again = trait_column(name), 1
        while column.lower() in used:
            again += 1
            column = f"{trait_column(name)}_{again}"
        used.add(column.lower())
        columns[name] = column
    return {name: columns[name] for name in names}


ScanOptions = Annotated[Matrix | Plink2 | Imported, Field(discriminator="kind")]
