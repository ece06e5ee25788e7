"""The studies of a meta-analysis: reads their tables with trait, unit, transformation and build, and refuses those that are
not comparable.

A study is one table, or a folder of tables (ecgwas's results/scan with a file per chromosome, or an export with a file per
trait). A table has one row per variant (and trait): ecgwas's own (Associations: Parquet or CSV) or GWAS-SSF (.tsv[.gz], with
its .yaml file).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import yaml

from ecgwas.errors import InputError, first_few
from ecgwas.store import Note, file_digest
from ecgwas.tables import VARIANT_KEY
from ecgwas.tables.files import ASSOCIATIONS, NOTE

NAMES = {
    "chrom": ("chrom", "chromosome"), "pos": ("pos", "base_pair_location"), "effect_allele": ("effect_allele",),
    "other_allele": ("other_allele",), "eaf": ("eaf", "effect_allele_frequency"), "beta": ("beta",),
    "se": ("se", "standard_error"), "n": ("n",), "variant": ("variant", "rsid", "rs_id", "variant_id"), "trait": ("trait",),
}  # fmt: skip
"""Our name -> headers of that column; of several names of a variant the first that a row has is used."""
OPTIONAL = ("n", "variant", "trait")
TYPES = {
    "chrom": pl.String, "pos": pl.Int64, "effect_allele": pl.String, "other_allele": pl.String, "eaf": pl.Float64,
    "beta": pl.Float64, "se": pl.Float64, "n": pl.Int64, "variant": pl.String, "trait": pl.String,
}  # fmt: skip
MISSING = ["", "NA", "#NA", "nan", "."]
PACKED = (".parquet", ".csv", ".csv.gz", ".tsv", ".tsv.gz", ".txt", ".txt.gz")
NOT_TABLES = (".left_out.csv", ".dropped.csv")
BUILDS = {"GRCh37": "hg19", "hg19": "hg19", "GRCh38": "hg38", "hg38": "hg38"}
METADATA_KEYS = {
    "unit": ("unit", "trait_unit", "effect_unit"), "transformation": ("transformation", "trait_transformation", "transform")
}  # fmt: skip
"""Property that must agree between studies -> its keys in the YAML file of a GWAS-SSF table."""

COPY_SHARE, MIN_COPIED_ROWS = 0.99, 3
"""Two studies are copies if this share of their common rows, and at least so many, have the same effect and standard error."""

DIGITS = 5
SELECTED_Z, MIN_ROWS = 1.0, 20
"""A table of at least so many rows, all with a larger |beta / se|, has only rows that passed a threshold."""

CHROMOSOME = re.compile(
    r"(?:^|[._-])chr(?:om(?:osome)?)?[._-]?(?:[0-9]{1,2}|X|Y|XY|MT?)(?=$|[._-])|^(?:[0-9]{1,2}|X|Y|MT)$", re.I
)
NO_TRAIT = (
    "", "sumstats", "summary_statistics", "summary", "results", "result", "gwas", "assoc", "associations", "scan", "output",
    "out", "study", "data", "table", "meta", "all", "export", "ssf", "gwas_ssf", "stats",
)  # fmt: skip
"""Names of files that do not name the trait."""
LEARNED = re.compile(r"\.f[0-9]+$")
SD_RATIO = 3.0
"""Standard deviations of one trait, from se sqrt(2 n p (1 - p)), that differ by more mean different units."""

FIX_TRAIT = "combine files of one trait, or say that they are the same with --same-trait NAME"


@dataclass(frozen=True)
class StudyTable:
    """One study.

    frame   columns of TYPES; trait empty if nothing names it
    about   build, unit and transformation, as far as they are known
    files   file -> SHA-256
    """

    name: str
    frame: pl.DataFrame
    about: Mapping[str, str]
    files: Mapping[Path, str]

    @property
    def traits(self) -> list[str]:
        """Traits, sorted."""
        return sorted(set(self.frame["trait"]))


def read_study(path: Path) -> StudyTable:
    """A table, or a folder of tables, as one study. Raises InputError if a file or column is missing, or if two files have the
    same chromosome of a trait or contradict each other on build, unit or transformation."""
    files = _tables_of(path) if path.is_dir() else [path]
    parts = [_read_file(file) for file in files]
    _refuse_repeated_chromosomes(path, parts)
    about: dict[str, str] = {}
    for part in parts:
        for name, value in part.about.items():
            if about.setdefault(name, value) != value:
                problem = f"the files of one study contradict each other: {name} {about[name]} and {value} ({part.name})"
                raise InputError(problem, where=path, fix="keep the files of one analysis in the folder")
    digests = {file: digest for part in parts for file, digest in part.files.items()}
    return StudyTable(str(path), pl.concat([part.frame for part in parts]), about, digests)


def _tables_of(folder: Path) -> list[Path]:
    """The tables directly inside, or those of scan/ if the folder is a study's results."""
    inner = folder / "scan" if (folder / "scan").is_dir() else folder
    files = sorted(path for path in inner.iterdir() if path.name.endswith(PACKED) and not path.name.endswith(NOT_TABLES))
    if not files:
        fix = "name results/scan of a study, or a folder of GWAS-SSF files"
        raise InputError("the folder has no tables of associations", where=folder, fix=fix)
    return files


def _read_file(path: Path) -> StudyTable:
    frame = read(path)
    about = _metadata(path) | _of_results(path)
    trait = about.pop("trait", None) or _trait_of_file_name(path)
    frame = frame.with_columns(trait=pl.when(pl.col("trait") == "").then(pl.lit(trait)).otherwise("trait"))
    return StudyTable(str(path), frame, about, {path: file_digest(path)})


def read(path: Path) -> pl.DataFrame:
    """Columns of TYPES; trait empty if the table has none. Raises InputError if the file or a column is missing."""
    if not path.is_file():
        fix = "name a file of results/scan, a folder of them, or a GWAS-SSF file"
        raise InputError("the table of associations is missing", where=path, fix=fix)
    frame = _frame(path)
    headers = {column: [name for name in synonyms if name in frame.columns] for column, synonyms in NAMES.items()}
    absent = [column for column, names in headers.items() if not names and column not in OPTIONAL]
    if absent:
        problem = f"the table lacks columns for {first_few(absent, 10)}; it has {first_few(frame.columns, 15)}"
        raise InputError(problem, where=path, fix="give an ecgwas scan (chrom, pos, effect_allele ...) or a GWAS-SSF file")
    columns = [
        pl.coalesce([_cell(name) for name in names] or [pl.lit(None)]).cast(TYPES[column], strict=False).alias(column)
        for column, names in headers.items()
    ]
    return frame.select(columns).with_columns(
        pl.col("trait").fill_null("").str.strip_chars(),
        pl.col("chrom").str.strip_prefix("chr").replace({"23": "X", "24": "Y", "25": "MT", "M": "MT"}),
        pl.col("effect_allele").str.to_uppercase(), pl.col("other_allele").str.to_uppercase(),
    )  # fmt: skip


def _frame(path: Path) -> pl.DataFrame:
    try:
        if path.suffix == ".parquet":
            return pl.read_parquet(path)
        separator = "," if ".csv" in path.suffixes[-2:] else "\t"
        return pl.read_csv(path, separator=separator, infer_schema=False, null_values=MISSING)
    except (pl.exceptions.PolarsError, OSError) as error:
        problem = f"the table of associations cannot be read: {str(error).splitlines()[0][:200]}"
        raise InputError(
            problem, where=path, fix="give Parquet, CSV (.csv) or tab-separated text (.tsv), plain or .gz"
        ) from None


def _cell(name: str) -> pl.Expr:
    """A column; in names of variants, cells that mean a missing value are null."""
    text = pl.col(name).cast(pl.String)
    return pl.col(name) if name not in NAMES["variant"] else pl.when(~text.is_in(MISSING)).then(text)


def _metadata(path: Path) -> dict[str, str]:
    """trait, build, unit and transformation from the YAML file of a table, as far as it has them."""
    metadata = path.with_name(f"{path.name}-meta.yaml")
    if not metadata.is_file():
        return {}
    try:
        content = yaml.safe_load(metadata.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        problem = f"the metadata cannot be read: {str(error).splitlines()[0]}"
        raise InputError(problem, where=metadata, fix="correct the file, or remove it") from None
    if not isinstance(content, Mapping):
        raise InputError("the metadata has no keys", where=metadata, fix="correct the file, or remove it")
    about = {"trait": _text(content.get("trait_description"))}
    assembly = str(content.get("genome_assembly", ""))
    about["build"] = BUILDS.get(assembly, assembly)
    for key, names in METADATA_KEYS.items():
        about[key] = next((text for name in names if (text := _text(content.get(name)))), "")
    return {name: value for name, value in about.items() if value}


def _text(value: Any) -> str:
    """A value or list of values as one text; empty if it is missing."""
    values = value if isinstance(value, list) else [value]
    return "; ".join(" ".join(str(item).split()) for item in values if item not in (None, "", "NR", "NA"))


def _of_results(path: Path) -> dict[str, str]:
    """Transformation and build of a scan by ecgwas, from the note of its stage traits."""
    of_scan = path.parent.name == ASSOCIATIONS.stage
    note = Note.read(NOTE.path(path.parent.parent, stage="traits", part="all")) if of_scan else None
    about: dict[str, str] = {}
    for option in note.facts.get("options", []) if note is not None else []:
        if isinstance(option, Mapping) and "transform" in option:
            about["transformation"] = str(option["transform"])
        if option in BUILDS.values():
            about["build"] = str(option)
    return about


def _trait_of_file_name(path: Path) -> str:
    """The trait in a file's name; empty if the name has a chromosome only, or no trait (NO_TRAIT)."""
    name = next((path.name.removesuffix(ending) for ending in reversed(PACKED) if path.name.endswith(ending)), path.name)
    trait = CHROMOSOME.sub("", name.removesuffix(".h")).strip("._- ")
    return "" if trait.casefold() in NO_TRAIT else trait


def _refuse_repeated_chromosomes(path: Path, parts: Sequence[StudyTable]) -> None:
    """Refuses two files of one study with the same chromosome of a trait."""
    owners: dict[tuple[str, str], str] = {}
    for part in parts:
        for trait, chrom in part.frame.select("trait", "chrom").drop_nulls().unique().sort("trait", "chrom").iter_rows():
            other = owners.setdefault((trait, chrom), part.name)
            if other != part.name:
                problem = f"chromosome {chrom} of {trait} is in two files of one study: {other}, {part.name}"
                raise InputError(problem, where=path, fix="keep one of them in the folder")


def comparable(studies: Sequence[StudyTable], same_trait: str | None = None) -> list[StudyTable]:
    """The studies, with each trait spelled the same. Raises InputError if they are not comparable, or one is there twice.

    same_trait: a name for the single trait of every study, whatever the studies call it and whatever its unit.
    """
    _refuse_copies(studies)
    _refuse_disagreement(studies, "build", "lift one of them over: a position is of different variants in two builds")
    if same_trait is not None:
        return [_renamed(study, same_trait) for study in studies]
    for study in studies:
        if "" in study.traits:
            fix = "name it by a column `trait`, trait_description in FILE-meta.yaml, the file's name, or --same-trait NAME"
            raise InputError("nothing names the trait of this study", where=study.name, fix=fix)
    for name in METADATA_KEYS:
        _refuse_disagreement(studies, name, FIX_TRAIT)
    spelled = {_normalised(trait): trait for study in reversed(studies) for trait in study.traits}
    same_spelling = [_spelled(study, {trait: spelled[_normalised(trait)] for trait in study.traits}) for study in studies]
    for study in same_spelling:
        others = {trait for other in same_spelling if other is not study for trait in other.traits}
        if len(same_spelling) > 1 and not others & set(study.traits):
            problem = f"no other study has the trait of {study.name} ({first_few(study.traits)}); they have "
            raise InputError(problem + first_few(sorted(others)), where=study.name, fix=FIX_TRAIT)
    _refuse_different_units(same_spelling)
    return same_spelling


def _spelled(study: StudyTable, names: Mapping[str, str]) -> StudyTable:
    """The study with its traits renamed."""
    return replace(study, frame=study.frame.with_columns(pl.col("trait").replace(names)))


def _refuse_different_units(studies: Sequence[StudyTable]) -> None:
    """Refuses studies in which the SD of a trait differs as much as between milliseconds and ranks."""
    variance = 2 * pl.col("n") * pl.col("eaf") * (1 - pl.col("eaf"))
    sd = (pl.col("se") * variance.sqrt()).drop_nulls().drop_nans()
    frames = [
        study.frame.group_by("trait").agg(sd=sd.median(), rows=sd.len()).with_columns(study=pl.lit(study.name))
        for study in studies
    ]
    known = pl.concat(frames).filter((pl.col("rows") >= MIN_ROWS) & (pl.col("sd") > 0))
    for (trait,), rows in known.sort("trait", "sd").group_by("trait", maintain_order=True):
        low, high = rows.row(0, named=True), rows.row(-1, named=True)
        if high["sd"] > SD_RATIO * low["sd"]:
            values = "; ".join(f"{row['sd']:.3g} ({row['study']})" for row in (low, high))
            problem = f"by their standard errors the SD of {trait} differs between the studies, as if in other units: {values}"
            raise InputError(problem, where=high["study"], fix=FIX_TRAIT)


def _normalised(trait: str) -> str:
    """The trait without differences of case and spaces."""
    return " ".join(trait.split()).casefold()


def _renamed(study: StudyTable, trait: str) -> StudyTable:
    if len(study.traits) > 1:
        problem = f"--same-trait names one trait, the study has {len(study.traits)}: {first_few(study.traits)}"
        raise InputError(
            problem, where=study.name, fix="give a table of one trait, such as `ecgwas export ... gwas_ssf` writes"
        )
    return replace(study, frame=study.frame.with_columns(trait=pl.lit(trait)))


def _refuse_disagreement(studies: Sequence[StudyTable], name: str, fix: str) -> None:
    """Refuses studies with different values of a property; a study without one agrees with all."""
    known = {study.name: study.about[name] for study in studies if name in study.about}
    if len(set(known.values())) > 1:
        values = "; ".join(f"{value} ({study})" for study, value in known.items())
        raise InputError(f"the studies differ in {name}: {values}", where=next(iter(known)), fix=fix)


def _refuse_copies(studies: Sequence[StudyTable]) -> None:
    """Refuses a study that is there twice: the same file, or the same numbers in another file."""
    for one, other in combinations(studies, 2):
        same = set(one.files.values()) & set(other.files.values())
        if same:
            files = [str(path) for study in (one, other) for path, digest in study.files.items() if digest in same]
            problem = f"the same file is given twice (SHA-256): {first_few(files)}"
            raise InputError(problem, where=other.name, fix="name each study once")
        common, copied = _common_rows(one, other)
        is_whole_copy = copied == common == one.frame.height == other.frame.height
        if common and (is_whole_copy or (copied >= MIN_COPIED_ROWS and copied >= COPY_SHARE * common)):
            problem = f"{copied} of the {common} rows that {one.name} and {other.name} share have the same effect and error"
            raise InputError(f"{problem}: they are one study", where=other.name, fix="name each study once")


def _common_rows(one: StudyTable, other: StudyTable) -> tuple[int, int]:
    """Number of variants in both, whatever the trait is called, and of those with the same effect, error and frequency."""
    single = len(one.traits) == 1 or len(other.traits) == 1
    key = ["chrom", "pos", "first", "second", *([] if single else ["trait"])]
    rows, others = _oriented(one.frame), _oriented(other.frame)
    common = rows.select(key).unique().join(others.select(key).unique(), on=key).height
    numbers = [*key, "beta", "se", "eaf"]
    return common, rows.join(others, on=numbers, nulls_equal=True).select(key).unique().height


def _oriented(frame: pl.DataFrame) -> pl.DataFrame:
    """Rows with the effect of the allele that comes first in the alphabet, rounded to DIGITS digits."""
    alleles = pl.col("effect_allele"), pl.col("other_allele")
    is_swapped = alleles[0] > alleles[1]
    return frame.drop_nulls([*VARIANT_KEY, "beta", "se"]).select(
        "trait", "chrom", "pos", first=pl.min_horizontal(alleles), second=pl.max_horizontal(alleles),
        beta=pl.when(is_swapped).then(-pl.col("beta")).otherwise("beta").round_sig_figs(DIGITS),
        se=pl.col("se").round_sig_figs(DIGITS),
        eaf=pl.when(is_swapped).then(1 - pl.col("eaf")).otherwise("eaf").round(DIGITS - 1),
    )  # fmt: skip


def cautions(studies: Sequence[StudyTable]) -> list[str]:
    """Warnings: studies with rows of small p only, studies that do not state what others do, learned features."""
    warnings = []
    for name in ("build", *METADATA_KEYS):
        silent = [study.name for study in studies if name not in study.about]
        if 0 < len(silent) < len(studies):
            warnings.append(f"{name} is not stated by {first_few(silent)}; assumed to be that of the others")
    learned = sorted({trait for study in studies for trait in study.traits if LEARNED.search(trait)})
    if learned:
        warnings.append(f"{first_few(learned)}: learned features of one study are not the same traits in another")
    for study in studies:
        z = (study.frame["beta"] / study.frame["se"]).abs().drop_nulls().drop_nans()
        smallest = float(z.to_numpy().min(initial=np.inf))
        if len(z) >= MIN_ROWS and smallest > SELECTED_Z:
            warnings.append(
                f"{study.name}: only rows with |beta / se| above {smallest:.2f}, so effects are too large; "
                "`ecgwas export STUDY gwas_ssf FOLDER` writes every variant"
            )
    return warnings
