"""Suggests why a genotype file is missing and how to fix it, from the files that are there instead."""

from __future__ import annotations

import re
from pathlib import Path

LISTS = (".bim", ".fam", ".pvar", ".psam", ".sample")
GENOTYPES = (".bed", ".pgen", ".bgen")
CONVERSIONS = {
    ".vcf": "plink2 --vcf {file} dosage=DS --make-pgen --out {stem}",
    ".vcf.gz": "plink2 --vcf {file} dosage=DS --make-pgen --out {stem}",
    ".vcf.bgz": "plink2 --vcf {file} dosage=DS --make-pgen --out {stem}",
    ".bcf": "plink2 --bcf {file} dosage=DS --make-pgen --out {stem}",
    ".ped": "plink2 --pedmap {stem} --make-bed --out {stem}",
    ".tped": "plink2 --tfile {stem} --make-bed --out {stem}",
}
"""Extension of an unsupported genotype format -> command that converts it to a supported fileset."""

PLACEHOLDER = re.compile(r"\{(?!chrom\})[^{}]*\}|[*?#%]")
SIDE_BY_SIDE = (
    "scan.genotypes names the fileset without its ending; .bed .bim .fam (or .pgen .pvar .psam, or .bgen .sample) "
    "must lie side by side"
)


def how_to_fix(path: Path) -> str:
    """Advice for a genotype file that is missing."""
    return _of_the_file(path) or _of_the_name(path) or SIDE_BY_SIDE


def _of_the_file(path: Path) -> str | None:
    """Advice from the file's name: the file is compressed, a broken link, or differs in upper and lower case."""
    if path.is_symlink():
        return f"it is a link to {path.readlink()}, which does not exist: mount or create it, or correct the link"
    if path.with_name(f"{path.name}.zst").is_file():
        return f"unpack it: plink2 --zst-decompress {path.name}.zst {path.name}"
    if path.with_name(f"{path.name}.gz").is_file():
        return f"unpack it: gunzip {path.name}.gz"
    alike = [name for name in _names(path.parent) if name.lower() == path.name.lower()]
    return f"rename {alike[0]} to {path.name}" if alike else None


def _of_the_name(path: Path) -> str | None:
    """Advice if scan.genotypes names a folder, a list, another format, an invalid pattern or an incomplete fileset."""
    stem = path.with_name(path.name.removesuffix(path.suffix))
    if stem.is_dir():
        inside = [name for name in _names(stem) if name.endswith(GENOTYPES)]
        example = f", such as {stem / Path(inside[0]).stem}" if inside else ""
        return f"scan.genotypes names a folder: name the fileset in it, without its ending{example}"
    if stem.suffix in LISTS:
        return f"name the fileset without its ending: {stem.with_suffix('')}"
    named = next((ending for ending in CONVERSIONS if stem.name.endswith(ending)), None)
    if named is not None:
        return f"make a fileset of it: {CONVERSIONS[named].format(file=stem.name, stem=stem.name.removesuffix(named))}"
    if PLACEHOLDER.search(stem.name) or PLACEHOLDER.search(stem.parent.name):
        return "one fileset per chromosome is named by {chrom}, as in genotypes/chr{chrom}"
    foreign = next((ending for ending in CONVERSIONS if stem.with_name(stem.name + ending).exists()), None)
    if foreign is not None:
        return f"make a fileset of it: {CONVERSIONS[foreign].format(file=stem.name + foreign, stem=stem.name)}"
    present = [stem.name + ending for ending in (*GENOTYPES, *LISTS) if stem.with_name(stem.name + ending).is_file()]
    return f"{', '.join(present)} found, {path.name} not: copy it to the same folder; {SIDE_BY_SIDE}" if present else None


def _names(folder: Path) -> list[str]:
    try:
        return sorted(one.name for one in folder.iterdir())
    except OSError:
        return []
