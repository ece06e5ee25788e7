"""The command `init`: a first study.yaml that names the inputs found in a folder."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

import yaml

from ecgwas.errors import InputError, StudyError, first_few
from ecgwas.study.presets import services_without_files
from ecgwas.tables.user_table import read_user_table

TEMPLATE = """\
# Study file of ecgwas. It names your inputs; the preset sets all other options, some of which are shown in comments.
# `ecgwas options` lists every option with its default, unit and meaning; `ecgwas options --study FILE` prints every value of
# this study and its source. Paths are relative to this file.
name: {name}
seed: 1
results: results
preset: {preset}

{read}
{represent}
traits:
  covariates: {covariates}     # column eid, then one column per covariate
{traits}
scan:
  genotypes: {genotypes}  # PLINK fileset without its extension, or chr{{chrom}}
  build: hg19
{scan}
{genes}
report:
  title: {name}
"""


READ = """\
read:
  recordings: ecg             # folder of recordings, or a table with columns eid, path
"""

TABLE = """\
# No section read: the features come from a table, so there are no recordings (docs/your_phenotypes.md).
represent:
  - kind: table
    name: {name}              # traits are named {name}.12L.<column>
    file: {file}              # column eid, optionally lead and visit, then one column per feature
    # features: [qt, qrs]     # columns to use; all columns of numbers by default
    # units: {{qt: ms}}         # or in the column's name: qt [ms]
"""

TABLE_NAMES = ("phenotypes", "features")
TABLE_ENDINGS = ("tsv", "csv", "parquet")
"""Names and endings of a feature table that `ecgwas init` finds in a folder."""


@dataclass(frozen=True)
class PresetComments:
    """Comments of a first study file, by section; none of them changes a value."""

    preset: str
    read: str
    represent: str
    traits: str
    scan: str


CALIBRATED = PresetComments(
    preset="calibrated            # or `published`: the chain exactly as the source study ran it",
    read="""\
  # instance: 2                 # the visit to use when a person has several
  # baseline: {kind: highpass, cutoff_hz: 0.5}      # moving_average | highpass | none
  # denoise: {kind: none}                           # wavelet | fourier | none
""",
    represent="""\
# represent:                    # a list here replaces the preset's
#   - {kind: intervals, name: clinical}         # heart rate, PR, QRS, QT, axes, amplitudes
#   - {kind: pca, name: pca, features: 32, align: waves, criterion: repeatable, rotation: varimax}  # learned
#   - {kind: residual_autoencoder, name: ae, features: 32}
""",
    traits="""\
  # transform: rank_normal      # or none
""",
    scan="""\
  # kind: matrix                # or plink2: the real program
  # min_maf: 0.01
  # min_mac: 20

# loci:
#   threshold: permutation      # published | bonferroni | effective | permutation | a p-value
""",
)

PUBLISHED = PresetComments(
    preset="published             # the chain exactly as the source study ran it; docs/published.md",
    read="",
    represent="""\
# represent:                    # changes one option of the preset's network and nothing else:
#   - {kind: residual_autoencoder, epochs: 2}
""",
    traits="",
    scan="",
)

COMMENTS = {"calibrated": CALIBRATED, "published": PUBLISHED}

NO_GENES = """\
# genes:                      # tables of genes, networks and terms; see docs/genes.md
#   - {kind: regions, file: glist-hg19}
#   - {kind: string_files, links: 9606.protein.links.v12.0.txt.gz, info: 9606.protein.info.v12.0.txt.gz}
#   - {kind: enrichment, terms: GO_Biological_Process.gmt}
"""

CHROMOSOME = re.compile(r"(?<!\d)([1-9]|1\d|2[0-6])(?!\d)|((?<![A-Za-z])|(?<=chr)|(?<=_c))(X|Y|XY|PAR[12]|MT)(?![A-Za-z])")
"""The parts of a file name that could be a chromosome."""

GENE_FILES = (
    ("genes.tsv", "  - {{kind: regions, file: {}}}"),
    ("network.tsv", "  - {{kind: string_files, links: {}}}"),
    ("terms.gmt", "  - {{kind: enrichment, terms: {}}}"),
)

REFERENCES = (
    (
        "gencode.v47lift37.annotation.gtf.gz",
        "  - {kind: regions, file: references/gencode.v47lift37.annotation.gtf.gz, protein_coding: true}",
    ),
    (
        "9606.protein.links.v12.0.txt.gz",
        """\
  - kind: string_files
    links: references/9606.protein.links.v12.0.txt.gz
    info: references/9606.protein.info.v12.0.txt.gz
    aliases: references/9606.protein.aliases.v12.0.txt.gz""",
    ),
    (
        "9606.protein.enrichment.terms.v12.0.txt.gz",
        """\
  - kind: enrichment
    terms: references/9606.protein.enrichment.terms.v12.0.txt.gz
    info: references/9606.protein.info.v12.0.txt.gz""",
    ),
    (
        "gwas-catalog-associations_ontology-annotated-full.zip",
        "  - {kind: gwas_catalog, file: references/gwas-catalog-associations_ontology-annotated-full.zip}",
    ),
)
"""Files that `ecgwas references fetch FOLDER/references` downloads (hg19), and the sources that read them."""

ONTOLOGIES = ("efo.obo", "mondo.obo", "hp.obo", "go-basic.obo", "bto.obo")
"""Ontologies in the same folder; one source reads them all to group terms."""


def write_study(folder: Path, *, replace: bool = False, preset: str = "calibrated", represent: str | None = None) -> Path:
    """Writes FOLDER/study.yaml, which names the folder's inputs and a preset for all other options.

    A folder without recordings but with a feature table (TABLE_NAMES) gets a study of its columns.
    represent: YAML entries of the list `represent`; None: the preset's. Raises InputError listing all missing inputs,
    StudyError if the file exists.
    """
    path = folder / "study.yaml"
    if path.exists() and not replace:
        raise StudyError("a study file exists already", where=path, fix="edit it, or `ecgwas init --force` to replace it")
    if not folder.is_dir():
        raise InputError("there is no such folder", where=folder, fix="give the folder that holds ecg/ and genotypes/")
    table = None if (folder / "ecg").is_dir() else feature_table(folder)
    missing = [what for what in (_missing_features(folder), _missing_genotypes(folder), _missing_covariates(folder)) if what]
    if missing:
        problem = "inputs were not found:\n" + "\n".join(f"  {what}" for what in missing)
        raise InputError(problem, where=folder, fix="put or link them there, or write study.yaml by hand (docs/study.md)")
    comments = COMMENTS[preset]
    header = read_user_table(folder / "covariates.tsv", what="covariate").frame.columns
    text = TEMPLATE.format(
        name=_plain(folder.resolve().name),
        preset=comments.preset,
        read=READ + comments.read if table is None else "",
        represent=_represent(comments, represent, table),
        covariates="covariates.tsv",
        traits=("" if "center" in header else "  categorical: []\n") + comments.traits,
        genotypes=_genotypes(folder),
        scan=comments.scan,
        genes=_genes(folder, preset),
    )
    path.write_text(re.sub(r"\n{3,}", "\n\n", text))
    return path


def _plain(text: str) -> str:
    """A YAML scalar, quoted where necessary (to YAML, `null` and `yes` are not text)."""
    safe = re.fullmatch(r"[A-Za-z][\w-]*", text) and yaml.safe_load(text) == text
    return text if safe else json.dumps(text)


def feature_table(folder: Path) -> Path | None:
    """The folder's feature table, by name. Raises InputError if there are several."""
    names = [f"{name}.{ending}" for name in TABLE_NAMES for ending in TABLE_ENDINGS]
    tables = [folder / name for name in names if (folder / name).is_file()]
    if len(tables) > 1:
        problem = f"several feature tables: {first_few(path.name for path in tables)}"
        raise InputError(problem, where=folder, fix="keep one of them there, or write study.yaml by hand (docs/study.md)")
    return tables[0] if tables else None


def _represent(comments: PresetComments, represent: str | None, table: Path | None) -> str:
    """The section `represent`: the entries given, the feature table, or the preset's as comments."""
    if represent is not None:
        return f"represent:\n{represent}"
    return comments.represent if table is None else TABLE.format(name=table.stem, file=table.name)


def _missing_features(folder: Path) -> str | None:
    if (folder / "ecg").is_dir() or feature_table(folder) is not None:
        return None
    tables = f"{TABLE_NAMES[0]}.{TABLE_ENDINGS[0]}"
    return f"ecg/: a folder of recordings; or {tables} (.csv, .parquet): features made elsewhere, with column eid"


def _missing_covariates(folder: Path) -> str | None:
    if (folder / "covariates.tsv").is_file():
        return None
    return "covariates.tsv: a tab-separated table with column eid"


def _missing_genotypes(folder: Path) -> str | None:
    if _filesets(folder):
        return None
    return "genotypes/*.bed, .pgen or .bgen: PLINK or BGEN files"


def _filesets(folder: Path) -> list[str]:
    """Stems of the genotype filesets; a stem with several formats counts once."""
    files = [path for ending in ("bed", "pgen", "bgen") for path in (folder / "genotypes").glob(f"*.{ending}")]
    return sorted({path.stem for path in files})


def _genotypes(folder: Path) -> str:
    """The only fileset, or the pattern that all filesets share. Raises InputError if no pattern fits all."""
    filesets = _filesets(folder)
    if len(filesets) == 1:
        return f"genotypes/{filesets[0]}"
    common = set.intersection(*(_patterns(name) for name in filesets))
    if len(common) == 1:
        return f"genotypes/{common.pop()}"
    problem = f"several filesets that no pattern with {{chrom}} covers: {first_few(filesets)}"
    raise InputError(problem, where=folder / "genotypes", fix="keep one fileset there, or name them chr1, chr2, ...")


def _patterns(name: str) -> set[str]:
    """The name with {chrom} in place of each part that could be a chromosome: ukb_c{chrom}_b0, ukb_c1_b{chrom}."""
    return {name[: match.start()] + "{chrom}" + name[match.end() :] for match in CHROMOSOME.finditer(name)}


def _genes(folder: Path, preset: str) -> str:
    """YAML of gene sources that read the folder's files, and the preset's services that none of the files replaces."""
    lines = [line.format(name) for name, line in GENE_FILES if (folder / name).is_file()]
    lines = lines or [line for name, line in REFERENCES if (folder / "references" / name).is_file()]
    ontologies = [f"references/{name}" for name in ONTOLOGIES if (folder / "references" / name).is_file()]
    if lines and ontologies:
        lines.append(f"  - {{kind: ontologies, files: [{', '.join(ontologies)}]}}")
    if not lines:
        return NO_GENES
    kinds = re.findall(r"kind: (\w+)", "\n".join(lines))
    lines += [f"  - {{kind: {kind}}}" for kind in services_without_files(preset, kinds)]
    return "\n".join(["genes:", *lines, ""])
