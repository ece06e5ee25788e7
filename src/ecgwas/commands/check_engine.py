"""The command `check-engine`: association programs of other authors compared with the built-in engine on a study's data."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import click
import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas.commands.command_line import UserPath, refuse_stale
from ecgwas.commands.terminal import print_table
from ecgwas.errors import EcgwasError, InputError, StudyError, ToolError, first_few
from ecgwas.genotypes import chromosomes, pruned_panel
from ecgwas.genotypes.chromosomes import Genotypes
from ecgwas.progress import cpu_seconds, track
from ecgwas.scan import matrix, relatives
from ecgwas.scan.peers import PEERS, agreement, ours
from ecgwas.scan.peers import material as peer_files
from ecgwas.scan.peers.agreement import Agreement
from ecgwas.scan.peers.contract import Material, Peer
from ecgwas.stages import scan as scan_stage
from ecgwas.stages import trait_names
from ecgwas.stages import traits as trait_stage
from ecgwas.stages.base import seed_of
from ecgwas.statistics.projection import span
from ecgwas.store import atomic_write
from ecgwas.study import Matrix, Study
from ecgwas.tables import Covariates, ScanResult, Traits
from ecgwas.tables.comparison import EngineAgreement

Matrices = TypeVar("Matrices", Traits, Covariates)

logger = logging.getLogger(__name__)

TRAITS = 3
"""Traits compared unless some are named: the first, one of the middle, the last."""
MAX_PEOPLE = 5_000
"""With more participants, programs that need an eigendecomposition for each trait are run only if --people says so: they take
minutes per trait at 5,000, hours at 15,000, and read the relationship as text."""

MAX_RELATED = 15_000
"""With more participants in a mixed model nothing is compared: their relationship takes 5 GB as text."""
PRINTED = (
    (
        "engine",
        "version",
        "verdict",
        "rows",
        "max_rel_chi2",
        "max_diff_neglog10p",
        "correlation",
        "lambda_ours",
        "lambda_theirs",
    ),
    ("engine", "chrom", "people", "variants", "traits", "seconds_per_trait", "traits_ours", "seconds_ours", "ratio"),
)
"""Columns of the tables on the terminal: agreement, time."""


@dataclass(frozen=True)
class Inputs:
    """What is tested. ancestry (N,): groups in which Hardy-Weinberg equilibrium is tested; chosen: indices of the traits that
    are compared; is_exact: programs of the same model test the same data; notes: what of it is not as in the study's scan."""

    options: Matrix
    traits: Traits
    covariates: Covariates
    ancestry: NDArray[np.int64]
    genotypes: Genotypes
    chosen: tuple[int, ...]
    is_exact: bool
    notes: tuple[str, ...] = ()

    @property
    def compared(self) -> Traits:
        """The traits that are compared."""
        return self.traits.select([self.traits.names[k] for k in self.chosen])

    @property
    def model(self) -> str:
        """As programs call it: `least_squares` or `polygenic`."""
        return "polygenic" if self.options.keeps_relatives else "least_squares"


@dataclass(frozen=True)
class Choice:
    """Programs to run, with path and version, and those that are not run, with the reason."""

    running: list[tuple[Peer, str, str]]
    not_run: list[str]


@click.command(name="check-engine")
@click.argument("study_file", metavar="STUDY.yaml", type=UserPath(path_type=Path))
@click.option("--engines", default=",".join(PEERS), show_default=True, help="Programs to run, those that are installed.")
@click.option("--trait", "traits", multiple=True, help="Compare this trait; may be repeated.  [default: three]")
@click.option("--chromosome", help="Chromosome to test.  [default: the autosome with the fewest variants]")
@click.option(
    "--people", type=click.IntRange(50), help="Test so many of the participants, drawn by the study's seed.  [default: all]"
)
@click.option("--python", type=UserPath(path_type=Path), help="The interpreter of an environment with jamma or fastlmm.")
@click.option("--out", type=UserPath(path_type=Path, dir_okay=False), help="Also write the table to this .csv file.")
def command(
    study_file: Path, engines: str, traits: tuple[str, ...], chromosome: str | None, people: int | None, python: Path | None,
    out: Path | None,
) -> None:  # fmt: skip
    """Run other association programs on a study's own traits and genotypes and compare results and CPU time with the scan's.

    Fails if a program that computes the same test has other results.
    """
    names = [name.strip() for name in engines.split(",") if name.strip()]
    unknown = [name for name in names if name not in PEERS]
    if unknown or not names:
        raise click.UsageError(f"--engines {first_few(unknown)}: choose from {', '.join(PEERS)}")
    if out is not None and out.suffix != ".csv":
        raise click.UsageError(f"--out {out}: name a .csv file")
    study = Study.read_file(study_file)
    inputs = inputs_of(study, traits, chromosome, people)
    choice = choose([PEERS[name] for name in names], inputs, python, limited=people is None)
    for line in (*choice.not_run, *inputs.notes):
        click.echo(f"  note: {line}")
    if not choice.running:
        raise ToolError(
            "no program to compare with", where=study_file, fix="install one of those named above, or name it (--engines)"
        )
    table, mistakes = compare(inputs, choice)
    for columns in PRINTED:
        print_table(table.frame.select(*columns))
    for name, note in table.frame.select("engine", "note").iter_rows():
        click.echo(f"  {name}: {note}")
    if out is not None:
        with atomic_write(out) as temporary:
            table.frame.write_csv(temporary)
    if mistakes:
        raise mistakes[0]


def inputs_of(study: Study, names: Sequence[str], chromosome: str | None, people: int | None) -> Inputs:
    """Raises StudyError for unknown traits and chromosomes, MissingStageError if the traits are absent or stale."""
    refuse_stale(study, ("traits",))
    own = study.scan if isinstance(study.scan, Matrix) else scan_stage.builtin_engine(study)
    options = own.model_copy(update={"permutations": 0, "threads": 1, "dense": False})
    traits, covariates = trait_stage.load_traits(study), trait_stage.load_covariates(study)
    trait_names.refuse_unknown(names, traits.names)
    chosen = [traits.names.index(name) for name in dict.fromkeys(names)] or _spread(len(traits.names))
    ancestry = trait_stage.load_ancestry(study, "ancestry_group")
    notes = []
    if people is not None and people < len(traits.eids):
        notes.append(f"{people} of {len(traits.eids)} participants are tested")
        drawn = np.random.default_rng(seed_of(study, "check-engine")).permutation(len(traits.eids))[:people]
        drawn.sort()
        traits, covariates, ancestry = _of_people(traits, drawn), _of_people(covariates, drawn), ancestry[drawn]
    if options.keeps_relatives and len(traits.eids) > MAX_RELATED:
        problem = (
            f"a relationship of {len(traits.eids)} participants is too large to be given to programs (limit {MAX_RELATED})"
        )
        raise InputError(problem, where=options.genotypes, fix=f"test fewer: --people {MAX_PEOPLE}")
    genotypes = chromosomes.open_chromosome(options, _chromosome(options, chromosome))
    inexact = _inexact(options, genotypes)
    notes += [] if inexact is None else [f"{inexact}: results agree approximately"]
    return Inputs(options, traits, covariates, ancestry, genotypes, tuple(chosen), inexact is None, tuple(notes))


def _inexact(options: Matrix, genotypes: Genotypes) -> str | None:
    """Why programs of the same model test other data than the scan; None: they do not."""
    if not genotypes.hard_calls_only:
        return "the programs are given dosages rounded to hard calls"
    if options.missing == "mean" and not options.keeps_relatives:
        return "the programs exclude participants without a call, for whom the scan takes the mean (scan.missing)"
    if options.keeps_relatives and options.relatives != "polygenic":
        return f"the programs have the model of scan.relatives: polygenic, the scan that of {options.relatives}"
    return None


def _spread(count: int) -> list[int]:
    return sorted({int(k) for k in np.linspace(0, count - 1, min(TRAITS, count))})


def _of_people(matrix: Matrices, rows: NDArray[np.int64]) -> Matrices:
    return replace(matrix, eids=tuple(matrix.eids[i] for i in rows), values=matrix.values[rows])


def _chromosome(options: Matrix, name: str | None) -> str:
    """The chromosome named, or the autosome with the fewest variants. Raises StudyError if it is none of the study's."""
    counts = {part: count for part, count in chromosomes.variant_counts(options).items() if part in pruned_panel.AUTOSOMES}
    fix = f"choose from the study's autosomes: {first_few(counts, 22)}" if counts else "name autosomes in scan.chromosomes"
    if not counts:
        raise StudyError("the study tests no autosome, and programs differ in how they code X, Y and MT", fix=fix)
    if name is None:
        return min(counts, key=lambda part: counts[part])
    if name.removeprefix("chr") not in counts:
        raise StudyError(f"--chromosome {name} is not an autosome of the study", where=options.genotypes, fix=fix)
    return name.removeprefix("chr")


def choose(peers: Sequence[Peer], inputs: Inputs, python: Path | None, *, limited: bool) -> Choice:
    """Which programs are run. limited: not those that take too long with so many participants."""
    choice, count = Choice([], []), len(inputs.traits.eids)
    for peer in peers:
        path = peer.find(python)
        if peer.model != inputs.model:
            own, other = ("polygenic", "drop") if inputs.model == "least_squares" else ("drop", "polygenic")
            choice.not_run.append(f"{peer.name} is not run: it tests as scan.relatives: {own}, and the study has {other}")
        elif path is None:
            choice.not_run.append(f"{peer.name} is not installed: {peer.install}")
        elif peer.cubic and limited and count > MAX_PEOPLE:
            why = f"its time grows with the cube of the participants, and there are {count}; --people {MAX_PEOPLE} tests fewer"
            choice.not_run.append(f"{peer.name} is not run: {why}")
        else:
            try:
                choice.running.append((peer, path, peer.version(path)))
            except ToolError as error:
                choice.not_run.append(error.problem)
    return choice


def compare(inputs: Inputs, choice: Choice) -> tuple[EngineAgreement, list[EcgwasError]]:
    """A row per program; errors for each program of the same test that fails or has other results."""
    began = cpu_seconds()
    _scanned(inputs, inputs.traits, inputs.options.keep_neglog10p)
    seconds = cpu_seconds() - began
    logger.info("ecgwas: %d traits, %.1f CPU s", len(inputs.traits.names), seconds)
    whole = _scanned(inputs, inputs.compared, 0.0)
    own = ours.rows(whole.associations, inputs.genotypes, inputs.compared.names)
    if len(own.variants) == 0:
        fix = "choose another (--chromosome)"
        raise InputError(
            f"no variant of chromosome {inputs.genotypes.chrom} is tested", where=inputs.options.genotypes, fix=fix
        )
    # Only the user can read the folder, and it goes whatever happens.
    with tempfile.TemporaryDirectory(prefix="ecgwas-check-engine-") as name:
        material = _material(inputs, own, Path(name), background=any(peer.name == "bolt" for peer, _, _ in choice.running))
        screen = _screen(inputs, material, own) if any(peer.against == "screen" for peer, _, _ in choice.running) else None
        steps = track(choice.running, f"check-engine {inputs.genotypes.chrom}", len(choice.running))
        results = [
            _result(inputs, material, peer, path, own.of_trait if screen is None or peer.against == "rows" else screen)
            for peer, path, _ in steps
        ]
    rows, mistakes = [], list[EcgwasError]()
    for (peer, _, version), result in zip(choice.running, results, strict=True):
        row, mistake = _row(inputs, peer, version, result, len(own.variants), seconds)
        rows.append(row)
        mistakes += [] if mistake is None else [mistake]
    return EngineAgreement.of(rows), mistakes


def _scanned(inputs: Inputs, traits: Traits, keep: float) -> ScanResult:
    options = inputs.options.model_copy(update={"keep_neglog10p": keep})
    return matrix.scan(options, traits, inputs.covariates, inputs.genotypes, seed=0, track=track, ancestry=inputs.ancestry)


def _material(inputs: Inputs, own: ours.Rows, folder: Path, *, background: bool) -> Material:
    """Writes the filesets. background: with the variants of the relationship, which BOLT-LMM reads."""
    eids, stem, related = inputs.traits.eids, folder / "tested", inputs.options.keeps_relatives
    peer_files.write_fileset(stem, [(inputs.genotypes, own.variants)], eids)
    others, relationship = None, None
    if related:
        relationship = relatives.loco_relationship(inputs.options, inputs.genotypes.chrom, eids)
    if related and background:
        others = folder / "background"
        parts = ours.relationship_variants(inputs.options, inputs.genotypes.chrom, eids)
        peer_files.write_fileset(others, parts, eids, letter="b")
    return Material(folder, stem, others, inputs.compared.values, _without_ones(inputs.covariates.values), relationship)


def _without_ones(covariates: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, C) independent columns of mean 0 and variance 1 that span, with the intercept, what covariates span: programs stop
    where covariates depend on each other, or differ much in scale."""
    basis = span(covariates)
    left, size, _ = np.linalg.svd(basis - basis.mean(axis=0), full_matrices=False)
    return np.asarray(left[:, size > 1e-6] * np.sqrt(len(basis)))


def _screen(inputs: Inputs, material: Material, own: ours.Rows) -> tuple[pl.DataFrame, ...]:
    """The screen of the tests that are among our rows."""
    tested = inputs.genotypes.select(own.variants)
    frames = ours.screened(material, tested, inputs.traits.eids, range(len(inputs.chosen)))
    return tuple(frame.join(rows, on="variant", how="semi") for frame, rows in zip(frames, own.of_trait, strict=True))


@dataclass(frozen=True)
class Result:
    """agreement and CPU seconds per trait of a program, or the error with which it ended."""

    agreement: Agreement
    seconds: float
    error: ToolError | None = None


def _result(inputs: Inputs, material: Material, peer: Peer, path: str, own: Sequence[pl.DataFrame]) -> Result:
    logger.info("%s: %d traits of %d participants", peer.name, len(inputs.chosen), len(inputs.traits.eids))
    each, seconds = list[Agreement](), list[float]()
    try:
        for k, tested in enumerate(peer.run(path, material, range(len(inputs.chosen)))):
            each.append(agreement.of_trait(own[k], tested.frame))
            seconds.append(tested.seconds)
            logger.info("%s: trait %d of %d, %.1f CPU s", peer.name, k + 1, len(inputs.chosen), tested.seconds)
    except ToolError as error:
        return Result(agreement.of_all(each), float("nan"), error)
    return Result(agreement.of_all(each), float(np.median(seconds)))


def _row(
    inputs: Inputs, peer: Peer, version: str, result: Result, variants: int, seconds: float
) -> tuple[dict[str, object], EcgwasError | None]:
    """The row of a program, and the error if it should have the same results and has not."""
    compared, tolerance = result.agreement, peer.tolerance if inputs.is_exact else None
    verdict, mistake = "approximate", None
    if result.error is not None:
        verdict, mistake = "failed", result.error if tolerance is not None else None
    elif tolerance is not None and compared.is_within(tolerance):
        verdict = "agrees"
    elif tolerance is not None:
        verdict = "disagrees"
        problem = (
            f"{peer.name} {version} has other results: chi-squares differ by up to {compared.max_rel_chi2:.2g} (tolerance "
        )
        problem += f"{tolerance:g}) in {compared.rows} tests, and {compared.missing} of ours are not among its tests"
        fix = "run another program of the same test (--engines) to see which is wrong; if it is ecgwas, please report it"
        mistake = ToolError(problem, where=f"chromosome {inputs.genotypes.chrom}", fix=fix)
    against = "the screen, which has the ratio of variances without the variant" if peer.against == "screen" else "rows"
    note = f"{peer.test}; compared with {against}" if result.error is None else result.error.problem
    row = {
        "engine": peer.name, "version": version, "verdict": verdict, "chrom": inputs.genotypes.chrom,
        "people": len(inputs.traits.eids), "traits": len(inputs.chosen), "variants": variants, "rows": compared.rows,
        "missing": compared.missing, "max_rel_chi2": compared.max_rel_chi2, "max_diff_neglog10p": compared.max_diff_neglog10p,
        "correlation": compared.correlation, "lambda_ours": compared.lambda_ours, "lambda_theirs": compared.lambda_theirs,
        "seconds_per_trait": result.seconds, "traits_ours": len(inputs.traits.names), "seconds_ours": seconds,
        "ratio": result.seconds * len(inputs.traits.names) / seconds, "tolerance": tolerance, "note": note,
    }  # fmt: skip
    unknown = {name for name, value in row.items() if isinstance(value, float) and np.isnan(value)}
    return row | dict.fromkeys(unknown), mistake
