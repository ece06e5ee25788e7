"""The command line: one command per stage, and run, plan, check, options, init, demo, simulate.

Science is only in study.yaml; flags are about the run.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import click
from rich.console import Console
from rich.logging import RichHandler
from rich.table import Column, Table

from ecgwas import __version__, stages, workflow
from ecgwas.commands import audit as disclosure
from ecgwas.commands import demo, export, figures, inspect_file, terminal
from ecgwas.commands import init as initialise
from ecgwas.errors import Caution, EcgwasError
from ecgwas.exchange import meta, meta_studies
from ecgwas.genes import references
from ecgwas.progress import CONSOLE
from ecgwas.report.figures.publication import FORMATS
from ecgwas.stages import STAGES, Stage, failures
from ecgwas.store import whole
from ecgwas.study import Study
from ecgwas.study.presets import PRESETS
from ecgwas.workflow import planning


class UserPath(click.Path):
    """A path whose ~ is the home folder, where the shell has not put that in: --eids=~/people.txt."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return super().convert(str(Path(value).expanduser()) if str(value).startswith("~/") else value, param, ctx)


STUDY = click.argument("study_file", metavar="STUDY.yaml", type=UserPath(path_type=Path))
FORCE = click.option("--force", is_flag=True, help="Make it again even if it is fresh.")


class Commands(click.Group):
    """Errors of the ecgwas family end with their message and exit code; anything else is a bug and shows its traceback."""

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except EcgwasError as error:
            _end_with(error)
        except Exception as error:
            known = failures.understood(error)
            if known is None:
                raise
            _end_with(known)


def _end_with(error: EcgwasError) -> NoReturn:
    Console(stderr=True, highlight=False, soft_wrap=True).print(f"error: {error}", style="red", markup=False)
    sys.exit(error.exit_code)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__)
@click.option("--verbose", is_flag=True, help="Say more on the way.")
def main(verbose: bool) -> None:
    """Which genetic variants shape the electrocardiogram: ECG files and genotypes in, report out."""
    _log(logging.DEBUG if verbose else logging.INFO)


def _log(level: int) -> None:
    handler: logging.Handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%Y-%m-%d %H:%M:%S"))
    if CONSOLE.is_terminal:
        handler = RichHandler(console=CONSOLE, show_path=False, show_level=False)
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("ecgwas").setLevel(level)


@main.command()
@click.argument("folder", type=UserPath(path_type=Path, file_okay=False))
@click.option("--force", is_flag=True, help="Replace a study.yaml that is there.")
@click.option(
    "--preset", type=click.Choice(list(PRESETS)), default="calibrated", show_default=True, help="What fills the rest."
)
def init(folder: Path, force: bool, preset: str) -> None:
    """Write a commented FOLDER/study.yaml with the inputs found there filled in."""
    path = initialise.write_study(folder, replace=force, preset=preset)
    click.echo(f"{path} is written. Next: ecgwas check {path}")


@main.command()
@STUDY
def check(study_file: Path) -> None:
    """Open every input and list every mistake at once; nothing is computed."""
    study = Study.read_file(study_file)
    warnings = _tell(*stages.check(study))
    words = f"No mistakes, {warnings} warning(s): read them first" if warnings else "All inputs are in order"
    click.echo(f"{words}. Next: ecgwas run {study_file}")


def _tell(facts: Sequence[str], mistakes: Sequence[EcgwasError]) -> int:
    """What is in order, then warnings, then mistakes; with one or more the program ends. Gives the number of warnings."""
    warnings = [fact for fact in facts if isinstance(fact, Caution)]
    for fact in facts:
        if not isinstance(fact, Caution):
            click.echo(f"  ok: {fact}")
    for warning in warnings:
        click.echo(f"  warning: {warning}")
    for mistake in mistakes:
        Console(stderr=True, highlight=False, soft_wrap=True).print(f"error: {mistake}", style="red", markup=False)
    if mistakes:
        sys.exit(mistakes[0].exit_code)
    return len(warnings)


@main.command()
@STUDY
@click.option("--until", type=click.Choice([stage.name for stage in STAGES]), help="Stop after this stage.")
@click.option("--on", "profile", help="Run as jobs: local, slurm, slurm-array, or a Snakemake profile's folder.")
@click.option("--jobs", type=click.IntRange(1), default=2, show_default=True, help="Jobs at a time, with --on.")
@FORCE
def run(study_file: Path, until: str | None, profile: str | None, jobs: int, force: bool) -> None:
    """Every stage in order; what is fresh is left as it is."""
    study = Study.read_file(study_file)
    start = time.monotonic()
    if profile is None:
        stages.run(study, until=until, force=force)
    else:
        workflow.run(study_file, study, profile=profile, jobs=jobs, until=until, force=force)
    _summary(study, time.monotonic() - start)


def _summary(study: Study, seconds: float) -> None:
    for line in terminal.outcome(study):
        click.echo(line)
    click.echo(f"{seconds:.0f} s in all")


@main.command()
@STUDY
@click.option(
    "--memory-gib", type=click.FloatRange(min=0, min_open=True), help="Of the largest machine.  [default: this one's]"
)
def plan(study_file: Path, memory_gib: float | None) -> None:
    """Jobs, processor time, memory and disk of every stage before the first job; also written to results/plan.json.

    Refused, with advice, where a job or the results cannot fit.
    """
    study = Study.read_file(study_file)
    planned = planning.jobs(study)
    path = planning.write(study, planned)
    for line in terminal.planned(study, planned):
        click.echo(line)
    click.echo(f"each job: {path}")
    memory = planning.memory_here_mib() if memory_gib is None else 1024 * memory_gib
    planning.refuse_what_cannot_fit(study, planned, memory_mib=memory, disk_mib=planning.disk_here_mib(study))


@main.command()
@click.option("--json", "as_json", is_flag=True, help="The JSON schema of study.yaml, for editors.")
@click.option("--study", "study_file", type=UserPath(path_type=Path), help="Print what will run in this study instead.")
def options(as_json: bool, study_file: Path | None) -> None:
    """Print every option of study.yaml with default, unit and meaning.

    With --study: every option that will run, its value, and where it comes from: a line of the file, the preset, the default.
    """
    if study_file is not None:
        for line in terminal.settings_lines(Study.read_file(study_file)):
            click.echo(line)
        return
    if as_json:
        click.echo(json.dumps(Study.model_json_schema(), indent=1))
        return
    click.echo(terminal.options_text())


@main.command(name="demo")
@click.argument("folder", type=UserPath(path_type=Path, file_okay=False), default=Path("demo"))
@click.option("--people", type=click.IntRange(60), default=300, show_default=True, help="People to simulate.")
def demo_command(folder: Path, people: int) -> None:
    """Simulate a small cohort with planted effects, run every stage, compare what was found with what was planted."""
    start = time.monotonic()
    study = demo.prepare(folder, people=people)
    stages.run(study)
    _wide().print(demo.planted_against_found(folder, study))
    _summary(study, time.monotonic() - start)


@main.command()
@click.argument("folder", type=UserPath(path_type=Path, file_okay=False))
@click.option("--people", type=click.IntRange(20), default=300, show_default=True, help="People to simulate.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Same seed, same files.")
def simulate(folder: Path, people: int, seed: int) -> None:
    """Write a cohort with planted effects: ECG files, genotypes, covariates, truth."""
    demo.simulate_into(folder, people=people, seed=seed)
    click.echo(f"{folder} is written. Next: ecgwas init {folder}")


@main.command()
@STUDY
@FORCE
@click.option("--simulated", is_flag=True, help="People as they are with simulated genomes, instead of shuffled people.")
def null(study_file: Path, force: bool, simulated: bool) -> None:
    """The same chain on shuffled people, then the report with every count beside its count by chance."""
    study = Study.read_file(study_file)
    twin = stages.run_null(study, force=force, simulated=simulated)
    for name, number, by_chance in terminal.beside_null(study, twin):
        click.echo(f"{name:<18} {number:>8}   {'with simulated genomes' if simulated else 'on shuffled people'} {by_chance:>8}")
    for stage in ("report", "share"):
        stages.run_part(study, stage, "all")


@main.command(name="figures")
@STUDY
@click.argument("names", nargs=-1)
@click.option("--trait", "traits", multiple=True, help="Also Manhattan and QQ plot of this trait; may be given several times.")
@click.option("--format", "formats", multiple=True, type=click.Choice(FORMATS), help="Only this format.  [default: all]")
def figures_command(study_file: Path, names: tuple[str, ...], traits: tuple[str, ...], formats: tuple[str, ...]) -> None:
    """The report's pictures for print, as SVG, PDF and PNG (300 dpi), into results/figures/.

    NAMES are pictures or patterns such as 'locus_*'; without any, all.
    """
    study = Study.read_file(study_file)
    files = figures.write(study, names=names, traits=traits, formats=formats or FORMATS)
    click.echo(f"{len(files)} files are in {study.results / 'figures'}")


@main.command()
@click.argument("study_files", metavar="STUDY.yaml ...", nargs=-1, required=True, type=UserPath(path_type=Path))
@click.option("--out", type=UserPath(path_type=Path, dir_okay=False), help="Also write the table to this .csv file.")
def compare(study_files: tuple[Path, ...], out: Path | None) -> None:
    """What each representation of a study found, also written to results/compare.csv; or several studies in one table.

    Of several studies: settings, epochs trained, test loss and errors of each representation, SNPs and loci. A study that was
    run only until stage represent has no hits yet.
    """
    if out is not None and out.suffix != ".csv":
        raise click.UsageError(f"--out {out}: name a .csv file")
    found = terminal.side_by_side(study_files)
    for warning in found.warnings:
        click.echo(f"warning: {warning}")
    for frame in found.shown:
        table = Table(*(Column(name, overflow="fold") for name in frame.columns), box=None)
        for row in terminal.cells(frame):
            table.add_row(*row)
        _wide().print(table)
    for path in [path for path in (found.kept, out) if path is not None]:
        with whole(path) as temporary:
            found.frame.write_csv(temporary)


def _wide() -> Console:
    """A console whose tables are cut at the terminal's width, and not at 80 columns where there is no terminal."""
    console = Console()
    return console if console.is_terminal else Console(width=160)


@main.command(name="meta")
@click.argument("out", type=UserPath(path_type=Path, dir_okay=False))
@click.argument("studies", nargs=-1, required=True, type=UserPath(path_type=Path))
@click.option("--same-trait", metavar="NAME", help="The one trait of each study is the same, in one unit; call it NAME.")
def meta_command(out: Path, studies: tuple[Path, ...], same_trait: str | None) -> None:
    """Meta-analysis of the associations of several STUDIES, written to OUT.csv.

    A study is a scan file of ecgwas, a folder of them (results/scan), or a GWAS-SSF file or a folder of them.
    """
    if out.suffix != ".csv" or any(out.resolve() == path.resolve() for path in studies):
        raise click.UsageError(f"{out} is to be written: name a new .csv file before the studies")
    read = meta_studies.comparable([meta_studies.read_study(path) for path in studies], same_trait)
    found = meta.combine([(study.name, study.frame) for study in read])
    for words in meta_studies.cautions(read):
        click.echo(f"warning: {words}")
    dropped = out.with_name(f"{out.stem}.dropped.csv")
    for path, table in ((out, found.associations), (dropped, found.dropped)):
        with whole(path) as temporary:
            table.frame.write_csv(temporary)
    click.echo(f"{out}: {len(found.associations)} rows of {len(studies)} studies")
    for reason, count in found.dropped.frame["reason"].value_counts(sort=True).iter_rows():
        click.echo(f"{dropped}: {count} rows: {reason}")


@main.command()
@STUDY
@click.argument("file", type=UserPath(path_type=Path, exists=True, dir_okay=False))
def explain(study_file: Path, file: Path) -> None:
    """How a result FILE came to be: stage, options, versions, seed, host, time; and whether it is still fresh."""
    for line in stages.explain(Study.read_file(study_file), file):
        click.echo(line)


@main.command()
@click.argument("file", type=UserPath(path_type=Path))
@click.option("--figure", type=UserPath(path_type=Path, dir_okay=False), help="Also draw it on ECG paper: .svg, .pdf or .png.")
def inspect(file: Path, figure: Path | None) -> None:
    """What a recording's FILE holds: format, leads, rate, length, and the recorder's measurements beside ours."""
    found = inspect_file.inspect(file)
    for line in found.lines:
        click.echo(line)
    if figure is not None:
        inspect_file.draw(found, figure)
        click.echo(f"{figure} is drawn: 25 mm/s, 10 mm/mV")


@main.command()
@click.argument("folder", type=UserPath(path_type=Path))
@click.option("--results", type=UserPath(path_type=Path, exists=True, file_okay=False), help="The study's results.")
@click.option("--eids", type=UserPath(path_type=Path), help="A file of further people to search for, one a line.")
@click.option("--min-people", type=click.IntRange(1), help="Smallest group that may be shown.  [default: the study's]")
def audit(folder: Path, results: Path | None, eids: Path | None, min_people: int | None) -> None:
    """Search FOLDER (results/share) for every eid, every recording and every small group; say what genomes would tell of it."""
    found = disclosure.audit(folder, results=results, eids=eids, min_people=min_people)
    _tell(found.facts, ())
    for line in found.measured:
        click.echo(f"  measured: {line}")
    for line in found.warnings:
        click.echo(f"  warning: {line}")
    _tell((), found.mistakes)
    click.echo(f"No eid, no participant's recording and no small group was found in {folder}: that is what was searched for.")
    if found.warnings:
        click.echo(f"It is not anonymous: {len(found.warnings)} of the rates above are beyond chance (warning).")
        click.echo("Whoever holds a participant's genome or ECG learns from it what they say, such as who took part.")
    else:
        click.echo(
            "That is no proof that it is anonymous: of attacks by whoever holds a genome or an ECG those above were measured."
        )
    click.echo("Pass it on only where your data's rules allow summary statistics of so many participants.")


@main.command(name="export")
@STUDY
@click.argument("kind", metavar="FORMAT", type=click.Choice(list(export.FORMATS)))
@click.argument("folder", type=UserPath(path_type=Path, file_okay=False))
@click.option("--trait", "chosen", multiple=True, help="Only this trait; may be given several times.")
def export_command(study_file: Path, kind: str, folder: Path, chosen: tuple[str, ...]) -> None:
    """Write results as FORMAT into FOLDER: gwas_ssf, plink2, pheweb, locuszoom or cytoscape."""
    for line in export.export(Study.read_file(study_file), kind, folder, chosen):
        click.echo(line)


@main.group(name="references")
def references_group() -> None:
    """Files of others that the stage `genes` reads: genes, network, terms, published associations."""


@references_group.command()
@click.argument("folder", type=UserPath(path_type=Path, file_okay=False))
@click.option("--only", multiple=True, help="Only the file of this name; may be given several times.")
@click.option("--again", is_flag=True, help="Download what is there too: for newer versions.")
def fetch(folder: Path, only: tuple[str, ...], again: bool) -> None:
    """Download, verify and note versions of the files; what is there whole is left as it is."""
    for line in references.fetch(folder, references.chosen(only), again=again):
        click.echo(line)


@references_group.command(name="check")
@click.argument("folder", type=UserPath(path_type=Path, file_okay=False))
def check_references(folder: Path) -> None:
    """Compare every file with what was noted when it came; nothing is downloaded."""
    _tell(*references.check(folder))


def _stage_command(stage: Stage) -> Callable[..., None]:
    @main.command(name=stage.name, help=f"Stage: {stage.meaning}.")
    @STUDY
    @click.option("--part", help="Only this part; see `ecgwas plan`.")
    @FORCE
    def command(study_file: Path, part: str | None, force: bool) -> None:
        study = Study.read_file(study_file)
        for name in stage.parts(study) if part is None else (part,):
            stages.run_part(study, stage.name, name, force=force)

    return command


for _stage in STAGES:
    _stage_command(_stage)
