"""The command `export`: results in the formats of other programs. It is not a stage: no other result depends on it.

The scan writes only tests with small p (keep_neglog10p), but exported summary statistics cover every variant. They come from
scan.dense, if the scan kept every test; otherwise the built-in engine tests the chosen traits again, a few at a time, and
gives the same numbers. LocusZoom's regions come from results/loci/neighbourhoods.parquet, those of traits not in it from the
engine.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from ecgwas import __version__
from ecgwas import scan as engines
from ecgwas.commands import export_scores, hand_over
from ecgwas.commands.command_line import refuse_stale
from ecgwas.errors import EcgwasError, InputError, MissingStageError, first_few
from ecgwas.exchange import cytoscape, gwas_ssf, locuszoom, pheweb, plink2_text
from ecgwas.genotypes import chromosomes
from ecgwas.loci import neighbourhoods
from ecgwas.loci.neighbourhoods import FLANK_BP
from ecgwas.report.names import slug
from ecgwas.report.page.table_views import EFFECT_UNITS
from ecgwas.report.scan_rows import compact
from ecgwas.scan import imported
from ecgwas.scan.engine import all_tests
from ecgwas.stages import scan, trait_names, traits, variant_view
from ecgwas.store import atomic_write
from ecgwas.study import Imported, Study
from ecgwas.tables import Associations, Loci, files

MAX_ROWS_IN_MEMORY = 4_000_000

NEEDED: dict[str, files.ResultFile] = {
    "cytoscape": files.GENES, "locuszoom": files.NEIGHBOURHOODS, **dict.fromkeys(hand_over.PROGRAMS, files.TRAITS),
}  # fmt: skip
"""Format -> file without which it cannot be written; for the others it is files.LOCI."""

FROM_RESULTS = ("cytoscape", "locuszoom")
"""Formats written from results alone, without the traits of participants, which locuszoom needs for some traits only."""

Export = Callable[[Study, Path, Sequence[str]], Iterator[str]]


def export(study: Study, kind: str, folder: Path, chosen: Sequence[str] = ()) -> Iterator[str]:
    """Writes one format into the folder and yields a line per file. chosen: traits, all if empty (cytoscape needs none).

    Raises MissingStageError if a stage that the format needs has not run, or if the traits that it writes or tests again are
    stale, StudyError for an unknown trait.
    """
    needed = NEEDED.get(kind, files.LOCI)
    if not needed.exists(study.results):
        fix = f"run `ecgwas run` first, or `ecgwas {needed.stage}`"
        raise MissingStageError(f"export needs stage {needed.stage}, which has not run", where=study.results, fix=fix)
    if kind not in FROM_RESULTS:
        refuse_stale(study, ("traits",))
    folder.mkdir(parents=True, exist_ok=True)
    yield from FORMATS[kind](study, folder, chosen)


def _names(tested: Sequence[str], chosen: Sequence[str]) -> list[str]:
    """The chosen traits, all if empty. Raises StudyError for an unknown one."""
    trait_names.refuse_unknown(chosen, tested)
    return list(chosen) or list(tested)


@dataclass(frozen=True)
class Exported:
    """Traits to write, and which program tested each.

    names     in the order asked for
    programs  trait -> program, as its imported files say; empty unless the results were imported
    lines     what is not written, and why
    """

    names: list[str]
    programs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    lines: tuple[str, ...] = ()


def _with_results(study: Study, chosen: Sequence[str]) -> Exported:
    """The chosen traits, all if empty, without those of which no results were imported. Raises InputError if there are none."""
    tested = traits.load_traits(study).names
    names = _names(tested, chosen)
    if not isinstance(study.scan, Imported):
        return Exported(names)
    programs = imported.programs_of(study.scan, tested, scan.tested_chromosomes(study))
    lacking = [name for name in names if name not in programs]
    if len(lacking) == len(names):
        fix = f"results were imported of {first_few(programs)}" if programs else "correct scan.files"
        raise InputError(f"no file of results of {first_few(lacking)}", where=study.scan.files, fix=fix)
    why = f"{len(lacking)} traits are not written, for they have no file of results: {first_few(lacking)}"
    return Exported([name for name in names if name in programs], programs, (why,) if lacking else ())


def whole_scan(study: Study, chosen: Sequence[str]) -> Iterator[tuple[str, pl.DataFrame]]:
    """Each chosen trait with all its tests, in the columns of Associations; a few traits are in memory at a time."""
    if study.scan.keep_neglog10p == 0:
        yield from _kept(study, chosen)
        return
    folders = scan.dense_folders(study)
    if folders:
        yield from ((trait, pl.concat([all_tests.rows(folder, trait).frame for folder in folders])) for trait in chosen)
        return
    tested, covariates = traits.load_traits(study), traits.load_covariates(study)
    opened = [chromosomes.open_chromosome(study.scan, part) for part in scan.tested_chromosomes(study)]
    ancestry = traits.load_ancestry(study, "ancestry_group")
    batch_size = max(1, MAX_ROWS_IN_MEMORY // max(1, sum(len(part) for part in opened)))
    for start in range(0, len(chosen), batch_size):
        names = chosen[start : start + batch_size]
        engine, batch = scan.whole_engine(study), tested.select(names)
        results = [engines.scan(engine, batch, covariates, part, seed=0, ancestry=ancestry) for part in opened]
        frame = pl.concat([result.associations.frame for result in results])
        yield from ((trait, frame.filter(pl.col("trait") == trait)) for trait in names)


def _kept(study: Study, chosen: Sequence[str]) -> Iterator[tuple[str, pl.DataFrame]]:
    """The same if the scan kept every test: its rows are read once for each batch of traits."""
    count = int(scan.rows(study).select(pl.len()).collect().item())
    batch_size = max(1, MAX_ROWS_IN_MEMORY * len(traits.load_traits(study).names) // max(1, count))
    for start in range(0, len(chosen), batch_size):
        names = list(chosen[start : start + batch_size])
        batches = scan.rows_in_turn(study, list(Associations.columns))
        frame = pl.concat(
            [Associations.empty().frame, *(compact(rows.filter(pl.col("trait").is_in(names))) for rows in batches)]
        )
        yield from ((trait, frame.filter(pl.col("trait") == trait)) for trait in names)


def _gwas_ssf(study: Study, folder: Path, chosen: Sequence[str]) -> Iterator[str]:
    about: dict[str, Any] = {
        "build": study.scan.build, "covariates": traits.load_covariates(study).names, "min_maf": study.scan.min_maf,
        "written_by": f"ecgwas {__version__}", "date": datetime.now(UTC).date().isoformat(),
        "transform": study.traits.transform, "effect_unit": EFFECT_UNITS[study.traits.transform],
        "is_imported": isinstance(study.scan, Imported),
    }  # fmt: skip
    units = traits.load_units(study)
    exported = _with_results(study, chosen)
    yield from exported.lines
    for trait, tests in whole_scan(study, exported.names):
        table = gwas_ssf.rows(tests)
        path = folder / f"{trait}.tsv.gz"
        _write_packed(path, gwas_ssf.as_text(table.frame))
        programs = exported.programs.get(trait, ())
        meta = gwas_ssf.metadata(
            trait, table.frame, path, untransformed_unit=units.get(trait), tested_by=", ".join(programs), **about
        )
        _write(gwas_ssf.metadata_path(path), yaml.safe_dump(meta, sort_keys=False, allow_unicode=True))
        checked = gwas_ssf.check(path)
        if checked.problems:
            problem = f"the file written is not GWAS-SSF: {checked.problems[0]}"
            raise EcgwasError(problem, where=path, fix="please report this bug of ecgwas")
        excluded = f", {table.excluded.height} variants excluded" if table.excluded.height else ""
        yield f"{path.name}: {checked.rows} variants{excluded}"
        yield from (f"  warning: {words}" for words in checked.cautions)
        if table.excluded.height:
            _write(folder / f"{trait}.left_out.csv", table.excluded.write_csv())


def _plink2(study: Study, folder: Path, chosen: Sequence[str]) -> Iterator[str]:
    excluded = pl.concat([result.left_out.frame for result in scan.load_results(study)])
    exported = _with_results(study, chosen)
    yield from exported.lines
    for trait, tests in whole_scan(study, exported.names):
        table = plink2_text.rows(tests, excluded.filter(pl.col("trait").is_null() | (pl.col("trait") == trait)))
        path = folder / f"{trait}.glm.linear"
        _write(path, plink2_text.as_text(table))
        yield f"{path.name}: {table.height} variants"


def _pheweb(study: Study, folder: Path, chosen: Sequence[str]) -> Iterator[str]:
    paths, people = {}, {}
    exported = _with_results(study, chosen)
    yield from exported.lines
    for trait, tests in whole_scan(study, exported.names):
        path = folder / f"{pheweb.phenotype_code(trait)}.tsv.gz"
        table = pheweb.rows(tests)
        _write_packed(path, table.write_csv(separator="\t"))
        paths[trait], people[trait] = str(path.resolve()), int(table["num_samples"].to_numpy().max(initial=0))
        yield f"{path.name}: {table.height} variants"
    _write(folder / "pheno-list.json", json.dumps(pheweb.phenotype_list(paths, people), indent=1) + "\n")
    yield "pheno-list.json"


def _locuszoom(study: Study, folder: Path, chosen: Sequence[str]) -> Iterator[str]:
    """Each locus of its strongest trait or, if traits are chosen, of each of these."""
    names = _names(traits.load_traits(study).names, chosen) if chosen else []
    loci = files.LOCI.read(study.results).frame.sort("best_trait", maintain_order=True)
    if loci.height == 0:
        yield "there is no locus"
        return
    pairs = [locus for name in names for locus in loci.with_columns(trait=pl.lit(name)).iter_rows(named=True)]
    pairs = pairs or list(loci.with_columns(trait=pl.col("best_trait")).iter_rows(named=True))
    for locus, tests in _around_loci(study, pairs):
        trait = locus["trait"]
        track = locuszoom.region(
            tests, trait=trait, chrom=locus["chrom"], start=max(1, locus["start"] - FLANK_BP), stop=locus["stop"] + FLANK_BP,
            lead=locus, build=study.scan.build, effect_unit=EFFECT_UNITS[study.traits.transform],
        )  # fmt: skip
        path = folder / f"locus_{locus['locus']}{'' if trait == locus['best_trait'] else f'_{slug(trait)}'}.json"
        _write(path, json.dumps(track, indent=1) + "\n")
        yield f"{path.name}: {len(track['data'])} variants of {trait}"


def _around_loci(study: Study, pairs: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Mapping[str, Any], pl.DataFrame]]:
    """Loci (rows of Loci with a column trait) with the trait's tests around them, kept by stage `loci` or tested again."""
    kept = files.NEIGHBOURHOODS.read(study.results).frame
    loci_types = dict(Loci.empty().frame.schema)
    tables: variant_view.StudyTables | None = None
    for locus in pairs:
        tests = kept.filter(locus=locus["locus"], trait=locus["trait"])
        if tests.height == 0:
            if tables is None:
                refuse_stale(study, ("traits",))
                tables = variant_view.StudyTables.of(study)
            one_locus = pl.DataFrame([{**locus, "best_trait": locus["trait"]}], schema_overrides=loci_types)
            tests = neighbourhoods.neighbourhoods(
                one_locus, tables.traits, tables.covariates, partial(chromosomes.open_chromosome, study.scan),
                engine=scan.whole_engine(study), ancestry=tables.ancestry,
            ).frame  # fmt: skip
        yield locus, tests


def _cytoscape(study: Study, folder: Path, chosen: Sequence[str]) -> Iterator[str]:
    clusters, edges = files.CLUSTERS.read(study.results), files.EDGES.read(study.results)
    counts = files.GENE_COUNTS.read(study.results)
    content = cytoscape.network(study.name, clusters, edges, counts, __version__)
    _write(folder / "network.cyjs", json.dumps(content, indent=1) + "\n")
    yield f"network.cyjs: {len(clusters)} genes, {len(edges)} edges"


def _hand_over(kind: str, study: Study, folder: Path, chosen: Sequence[str]) -> Iterator[str]:
    yield from hand_over.export(study, kind, folder, chosen)


def _write(path: Path, text: str) -> None:
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _write_packed(path: Path, text: str) -> None:
    """Gzips without a timestamp: the same text gives the same bytes."""
    with atomic_write(path) as temporary:
        temporary.write_bytes(gzip.compress(text.encode(), mtime=0))


FORMATS: dict[str, Export] = {
    "gwas_ssf": _gwas_ssf, "plink2": _plink2, "pheweb": _pheweb, "locuszoom": _locuszoom, "cytoscape": _cytoscape,
    "pgs_catalog": export_scores.export,
    **{kind: partial(_hand_over, kind) for kind in hand_over.PROGRAMS},
}  # fmt: skip
