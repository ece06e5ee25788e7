"""The command `init`: a first study.yaml that names the inputs found in a folder."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import yaml

from ecgwas import progress
from ecgwas.commands import recordings_table
from ecgwas.commands.init_outcomes import outcomes_section
from ecgwas.commands.init_scores import scores_section
from ecgwas.errors import InputError, StudyError, first_few
from ecgwas.genes import recombination_map
from ecgwas.genes.web.contract import Build
from ecgwas.study.presets import services_without_files
from ecgwas.tables.user_table import read_user_table
from ecgwas.traits import suspect_values

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
  covariates: {covariates:<18} # column eid, then one column per covariate
{traits}
scan:
  genotypes: {genotypes}  # PLINK fileset without its extension, or chr{{chrom}}
  build: {build}
{scan}
{genes}
{outcomes}
report:
  title: {name}
{report}"""


READ = """\
read:
  recordings: {recordings:<15} # folder of recordings, or a table with columns eid, path
"""

TABLE = """\
# No section read: the features come from a table, so there are no recordings (docs/your_phenotypes.md).
represent:
  - kind: table
    name: {name}              # traits are named {name}.12L.<column>
    file: {file}              # column eid, optionally lead and visit, then one column per feature
    # features: [qt, qrs]     # columns to use; all columns of numbers by default
    # units: {{qt: ms}}         # or in the column's name: qt [ms]
{leave_out}"""

TABLE_NAMES = ("phenotypes", "features")
TABLE_ENDINGS = ("tsv", "csv", "parquet", "tsv.gz", "csv.gz")
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
#   - {kind: local, name: local, features: 48}  # details of the beat, a few ms wide
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

BUILD: Build = "hg19"
GENETIC_MAPS = (f"genetic_map_{BUILD}_withX.txt.gz",)
"""Genetic map of the same folder, for regional plots."""

ONTOLOGIES = ("efo.obo", "mondo.obo", "hp.obo", "go-basic.obo", "bto.obo")
"""Ontologies in the same folder; one source reads them all to group terms."""


COVARIATES = ("covariates.tsv", "covariates.csv", "covariates.tsv.gz", "covariates.csv.gz")
RECORDINGS = "recordings.csv"
CHOOSE = "choose: first                 # visit | first | last (by date) | best_quality, of a person's recordings\n"
"""The option of section `read` for a list of recordings; a comment where it cannot be used, or need not be."""
MAX_LEVELS = 20
"""A column of text with more different values is not taken for categories."""


def write_study(
    folder: Path, *, replace: bool = False, preset: str = "calibrated", represent: str | None = None,
    ids_from_file: bool = False, say: Callable[[str], None] = lambda _: None,
) -> Path:  # fmt: skip
    """Writes FOLDER/study.yaml, which names the folder's inputs and a preset for all other options.

    Recordings with other names than UK Biobank's are listed in FOLDER/recordings.csv, unless that exists. A folder without
    recordings but with a feature table (TABLE_NAMES) gets a study of its columns. represent: YAML entries of the list
    `represent`; None: the preset's. ids_from_file: as in `recordings_table.list_recordings`. say: is called with each line to
    print. Raises InputError listing all missing inputs, StudyError if the file exists.
    """
    path = folder / "study.yaml"
    if path.exists() and not replace:
        raise StudyError("a study file exists already", where=path, fix="edit it, or `ecgwas init --force` to replace it")
    if not folder.is_dir():
        raise InputError("there is no such folder", where=folder, fix="give the folder that holds ecg/ and genotypes/")
    table = None if _has_recordings(folder) else feature_table(folder)
    missing = [what for what in (_missing_features(folder), _missing_genotypes(folder), _missing_covariates(folder)) if what]
    if missing:
        problem = "inputs were not found:\n" + "\n".join(f"  {what}" for what in missing)
        raise InputError(problem, where=folder, fix="put or link them there, or write study.yaml by hand (docs/study.md)")
    comments = COMMENTS[preset]
    covariates = _covariates(folder)
    excluded = _excluded(covariates)
    text = TEMPLATE.format(
        name=_plain(folder.resolve().name),
        preset=comments.preset,
        read=_read(folder, excluded, comments, ids_from_file, say) if table is None else "",
        represent=_represent(comments, represent, table, excluded),
        covariates=covariates.name,
        traits=_categorical(read_user_table(covariates, what="covariate").frame) + comments.traits,
        genotypes=_genotypes(folder),
        build=BUILD,
        scan=comments.scan,
        genes=_genes(folder, preset),
        outcomes=outcomes_section(folder) + scores_section(folder, BUILD),
        report=_report(folder, say),
    )
    path.write_text(re.sub(r"\n{3,}", "\n\n", text))
    return path


def _plain(text: str) -> str:
    """A YAML scalar, quoted where necessary (to YAML, `null` and `yes` are not text)."""
    safe = re.fullmatch(r"[A-Za-z][\w-]*", text) and yaml.safe_load(text) == text
    return text if safe else json.dumps(text)


def _has_recordings(folder: Path) -> bool:
    return (folder / "ecg").is_dir() or (folder / RECORDINGS).is_file()


def _missing_features(folder: Path) -> str | None:
    if _has_recordings(folder) or feature_table(folder) is not None:
        return None
    recordings = f"ecg/: a folder of recordings, or {RECORDINGS}: a table of them"
    tables = f"{TABLE_NAMES[0]}.{TABLE_ENDINGS[0]} ({', '.join(f'.{ending}' for ending in TABLE_ENDINGS[1:])})"
    return f"{recordings}; or {tables}: features made elsewhere, with column eid"


def _read(
    folder: Path, excluded: Path | None, comments: PresetComments, ids_from_file: bool, say: Callable[[str], None]
) -> str:
    """The section `read`."""
    recordings, lines = _recordings(folder, ids_from_file, say)
    lines += "" if excluded is None else f"  leave_out: {excluded.name}\n"
    return READ.format(recordings=recordings) + lines + comments.read


def _recordings(folder: Path, ids_from_file: bool, say: Callable[[str], None]) -> tuple[str, str]:
    """What `read.recordings` is, and further lines of section `read`; writes recordings.csv if the files' names ask for it."""
    path = folder / RECORDINGS
    if path.is_file():
        say(f"{RECORDINGS} exists and is used as it is" + ("; delete it to draw it up again" if ids_from_file else ""))
        return RECORDINGS, f"  # {CHOOSE}"
    if recordings_table.has_expected_names(folder / "ecg"):
        if ids_from_file:
            fix = "leave --ids-from-file away: the names say whose they are"
            raise InputError("the recordings are named as UK Biobank names them", where=folder / "ecg", fix=fix)
        return "ecg", ""
    table = recordings_table.list_recordings(folder / "ecg", ids_from_file=ids_from_file, track=progress.track)
    recordings_table.write(table, path)
    for message in table.messages:
        say(message)
    return RECORDINGS, f"  {'' if table.dated else '# '}{CHOOSE}"


def _covariates(folder: Path) -> Path:
    """The covariate table. Raises InputError if there are several."""
    present = [folder / name for name in COVARIATES if (folder / name).is_file()]
    if len(present) > 1:
        problem = f"several tables of covariates: {first_few(path.name for path in present)}"
        raise InputError(problem, where=folder, fix="keep the one to use")
    return present[0]


def _excluded(covariates: Path) -> Path | None:
    """The list of excluded participants that `ecgwas covariates ukb` wrote next to the covariates; None: nobody is listed."""
    path = covariates.with_name(f"{covariates.name.split('.')[0]}_excluded.csv")
    return path if _has_rows(path) else None


def _has_rows(path: Path) -> bool:
    """True if the table exists and has more than a header."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return sum(1 for _, line in zip(range(2), file, strict=False) if line.strip()) > 1


def feature_table(folder: Path) -> Path | None:
    """The folder's feature table, by name. Raises InputError if there are several."""
    names = [f"{name}.{ending}" for name in TABLE_NAMES for ending in TABLE_ENDINGS]
    tables = [folder / name for name in names if (folder / name).is_file()]
    if len(tables) > 1:
        problem = f"several feature tables: {first_few(path.name for path in tables)}"
        raise InputError(problem, where=folder, fix="keep one of them there, or write study.yaml by hand (docs/study.md)")
    return tables[0] if tables else None


def _represent(comments: PresetComments, represent: str | None, table: Path | None, excluded: Path | None) -> str:
    """The section `represent`: the entries given, the feature table, or the preset's as comments."""
    if represent is not None:
        return f"represent:\n{represent}"
    if table is None:
        return comments.represent
    leave_out = "" if excluded is None else f"    leave_out: {excluded.name}\n"
    return TABLE.format(name=table.name.split(".")[0], file=table.name, leave_out=leave_out)


def _missing_covariates(folder: Path) -> str | None:
    if any((folder / name).is_file() for name in COVARIATES):
        return None
    maker = "`ecgwas covariates ukb` makes one from UK Biobank's exports"
    return f"covariates.tsv (or .csv, also .gz): a table with column eid; {maker}"


def _categorical(frame: pl.DataFrame) -> str:
    """The line `categorical:` for the columns of categories; empty if they are the default's."""
    names = [name for name in frame.columns if name != "eid" and suspect_values.is_category(name, frame[name], MAX_LEVELS)]
    return "" if names == ["center"] else f"  categorical: [{', '.join(map(_plain, names))}]\n"


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


def _report(folder: Path, say: Callable[[str], None]) -> str:
    """The line `recombination_map:` for the folder's only genetic map of the build, its own or among its references."""
    named_so = [path for path in sorted(folder.glob("genetic_map*")) if path.is_file() or any(path.iterdir())]
    own = [path for path in named_so if recombination_map.build_in_name(path) in (BUILD, None)]
    maps = own or [path for path in (folder / "references" / name for name in GENETIC_MAPS) if path.is_file()]
    if len(maps) > 1:
        say(f"several genetic maps: {first_few(path.name for path in maps)}; name one as report.recombination_map")
    return f"  recombination_map: {_plain(maps[0].relative_to(folder).as_posix())}\n" if len(maps) == 1 else ""


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
