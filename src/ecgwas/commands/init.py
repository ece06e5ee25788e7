"""A first study.yaml for a folder, with the inputs that are there filled in."""

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
# Study file of ecgwas. It holds what is yours; all else is the preset's, and lines that are commented out show some of it.
# `ecgwas options` lists every option with its default, unit and meaning; `ecgwas options --study FILE` prints each value that
# will run and where it comes from. Paths are relative to this file.
name: {name}
seed: 1
results: results
preset: {preset}

read:
  recordings: {recordings}             # folder of recordings, or a table with columns eid, path
{read}
{represent}
traits:
  covariates: {covariates}     # column eid, then one column per covariate
{traits}
scan:
  genotypes: {genotypes}  # PLINK fileset without its ending, or chr{{chrom}}
  build: hg19
{scan}
{genes}
report:
  title: {name}
"""


@dataclass(frozen=True)
class PresetComments:
    """What a first study file says of its preset: comments, none of which changes a value."""

    preset: str
    read: str
    represent: str
    traits: str
    scan: str


CALIBRATED = PresetComments(
    preset="calibrated            # or `published`: the chain exactly as the source study ran it",
    read="""\
  # instance: 2                 # the visit that is kept when a person has several
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
# represent:                    # changes one option of the preset's network, and nothing else:
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
"""What in a file's name could be a chromosome."""

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
"""Files of `ecgwas references fetch FOLDER/references`, for hg19, and the sources that read them."""

ONTOLOGIES = ("efo.obo", "mondo.obo", "hp.obo", "go-basic.obo", "bto.obo")
"""Of the same folder those by which terms are grouped; one source reads them all."""


def write_study(folder: Path, *, replace: bool = False, preset: str = "calibrated", represent: str | None = None) -> Path:
    """FOLDER/study.yaml: the inputs that are there, and a preset for all else.

    represent: entries of a list `represent`, for those who do not want the preset's. Raises InputError listing all inputs that
    are missing, StudyError if the file is there.
    """
    path = folder / "study.yaml"
    if path.exists() and not replace:
        raise StudyError("there is a study file already", where=path, fix="edit it, or `ecgwas init --force` to replace it")
    if not folder.is_dir():
        raise InputError("there is no such folder", where=folder, fix="give the folder that holds ecg/ and genotypes/")
    missing = [what for what in (_missing_recordings(folder), _missing_genotypes(folder), _missing_covariates(folder)) if what]
    if missing:
        problem = "inputs were not found:\n" + "\n".join(f"  {what}" for what in missing)
        raise InputError(problem, where=folder, fix="put or link them there, or write study.yaml by hand (docs/study.md)")
    comments = COMMENTS[preset]
    header = read_user_table(folder / "covariates.tsv", what="covariate").frame.columns
    text = TEMPLATE.format(
        name=_plain(folder.resolve().name),
        preset=comments.preset,
        recordings="ecg",
        read=comments.read,
        represent=comments.represent if represent is None else f"represent:\n{represent}",
        covariates="covariates.tsv",
        traits=("" if "center" in header else "  categorical: []\n") + comments.traits,
        genotypes=_genotypes(folder),
        scan=comments.scan,
        genes=_genes(folder, preset),
    )
    path.write_text(re.sub(r"\n{3,}", "\n\n", text))
    return path


def _plain(text: str) -> str:
    """A YAML scalar: as it is where that is safe, quoted where not (to YAML, `null` and `yes` are no names)."""
    safe = re.fullmatch(r"[A-Za-z][\w-]*", text) and yaml.safe_load(text) == text
    return text if safe else json.dumps(text)


def _missing_recordings(folder: Path) -> str | None:
    if (folder / "ecg").is_dir():
        return None
    return "ecg/: a folder of recordings"


def _missing_covariates(folder: Path) -> str | None:
    if (folder / "covariates.tsv").is_file():
        return None
    return "covariates.tsv: a tab-separated table with column eid"


def _missing_genotypes(folder: Path) -> str | None:
    if _filesets(folder):
        return None
    return "genotypes/*.bed, .pgen or .bgen: PLINK or BGEN files"


def _filesets(folder: Path) -> list[str]:
    """Stems of what scan.genotypes may name; a stem with several formats counts once."""
    files = [path for ending in ("bed", "pgen", "bgen") for path in (folder / "genotypes").glob(f"*.{ending}")]
    return sorted({path.stem for path in files})


def _genotypes(folder: Path) -> str:
    """The one fileset, or the pattern that all have in common; several that do not fit one pattern are refused."""
    filesets = _filesets(folder)
    if len(filesets) == 1:
        return f"genotypes/{filesets[0]}"
    common = set.intersection(*(_patterns(name) for name in filesets))
    if len(common) == 1:
        return f"genotypes/{common.pop()}"
    problem = f"several filesets that no pattern with {{chrom}} covers: {first_few(filesets)}"
    raise InputError(problem, where=folder / "genotypes", fix="keep one fileset there, or name them chr1, chr2, ...")


def _patterns(name: str) -> set[str]:
    """The name with {chrom} in place of each thing in it that could be a chromosome: ukb_c{chrom}_b0, ukb_c1_b{chrom}."""
    return {name[: found.start()] + "{chrom}" + name[found.end() :] for found in CHROMOSOME.finditer(name)}


def _genes(folder: Path, preset: str) -> str:
    """Sources that read the files that are there; of the preset's services those for which no file stands stay."""
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
