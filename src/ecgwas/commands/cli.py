"""The command line: one command per stage, and run, plan, check, options, init, demo, simulate.

All scientific choices live in study.yaml; flags only control execution.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import click

from ecgwas import __version__, stages, workflow
from ecgwas.commands import audit as disclosure
from ecgwas.commands import completion, covariates, demo, export, figures, inspect_file, score, serve, share_rates, terminal
from ecgwas.commands import init as initialise
from ecgwas.commands import look as looking
from ecgwas.commands.check_engine import command as check_engine
from ecgwas.commands.command_line import Commands, UserPath, is_verbose, log, print_error
from ecgwas.errors import Caution, EcgwasError
from ecgwas.exchange import meta, meta_studies
from ecgwas.genes import references
from ecgwas.report.figures.publication import FORMATS, JOURNALS, Columns
from ecgwas.stages import STAGES, Stage
from ecgwas.store import atomic_write
from ecgwas.study import Study
from ecgwas.study.presets import PRESETS
from ecgwas.workflow import planning

STUDY = click.argument("study_file", metavar="STUDY.yaml", type=UserPath(path_type=Path))
FORCE = click.option("--force", is_flag=True, help="Run even if the results are fresh.")


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__)
@click.option("--verbose", is_flag=True, help="Show more detail.")
def main(verbose: bool) -> None:
    """Find the genetic variants that shape the electrocardiogram: ECG files and genotypes in, report out."""
    log(verbose=verbose)


@main.command()
@click.argument("folder", type=UserPath(path_type=Path, file_okay=False))
@click.option("--force", is_flag=True, help="Replace an existing study.yaml.")
@click.option(
    "--preset", type=click.Choice(list(PRESETS)), default="calibrated", show_default=True, help="Values for all other options."
)
@click.option(
    "--ids-from-file", is_flag=True, help="Take persons' ids from the recordings' own headers; see the warning it prints."
)
def init(folder: Path, force: bool, preset: str, ids_from_file: bool) -> None:
    """Write a commented FOLDER/study.yaml that names the inputs found in FOLDER.

    Recordings with other names than UK Biobank's are listed in FOLDER/recordings.csv, whose column eid you fill in.
    """
    path = initialise.write_study(folder, replace=force, preset=preset, ids_from_file=ids_from_file, say=click.echo)
    click.echo(f"Wrote {path}. Next: ecgwas check {path}")


@main.command()
@STUDY
def check(study_file: Path) -> None:
    """Open every input and list all mistakes, without computing anything."""
    study = Study.read_file(study_file)
    warnings = _print_checks(*stages.check(study))
    words = f"No mistakes, {warnings} warning(s): read them first" if warnings else "All inputs are in order"
    click.echo(f"{words}. Next: ecgwas run {study_file}")


def _print_checks(facts: Sequence[str], mistakes: Sequence[EcgwasError]) -> int:
    """Prints what is in order, then warnings, then mistakes; exits if there is a mistake. Returns the number of warnings."""
    warnings = [fact for fact in facts if isinstance(fact, Caution)]
    for fact in facts:
        if not isinstance(fact, Caution):
            click.echo(f"  ok: {fact}")
    for warning in warnings:
        click.echo(f"  warning: {warning}")
    for mistake in mistakes:
        print_error(mistake)
    if mistakes:
        sys.exit(mistakes[0].exit_code)
    return len(warnings)


@main.command()
@STUDY
@click.option("--until", type=click.Choice([stage.name for stage in STAGES]), help="Stop after this stage.")
@click.option("--on", "profile", help="Run as jobs: local, slurm, slurm-array, or a Snakemake profile's folder.")
@click.option("--jobs", type=click.IntRange(1), default=2, show_default=True, help="Number of simultaneous jobs, with --on.")
@FORCE
def run(study_file: Path, until: str | None, profile: str | None, jobs: int, force: bool) -> None:
    """Run every stage in order, skipping parts whose results are fresh."""
    study = Study.read_file(study_file)
    start = time.monotonic()
    if profile is None:
        parts = stages.run(study, until=until, force=force, planned=planning.planned_seconds)
    else:
        parts = workflow.run(study_file, study, profile=profile, jobs=jobs, until=until, force=force, verbose=is_verbose())
    if parts.computed == 0:
        click.echo(terminal.nothing_to_do(study, parts.fresh))
        return
    if parts.fresh:
        click.echo(f"{parts.fresh} of {sum(parts)} parts were fresh")
    _summary(study, time.monotonic() - start)


def _summary(study: Study, seconds: float) -> None:
    for line in terminal.outcome(study):
        click.echo(line)
    click.echo(f"{seconds:.0f} s in all")


@main.command()
@STUDY
@click.option(
    "--memory-gib", type=click.FloatRange(min=0, min_open=True), help="Memory of the largest machine.  [default: this one's]"
)
def plan(study_file: Path, memory_gib: float | None) -> None:
    """Estimate jobs, CPU time, memory and disk space of every stage; also written to results/plan.json.

    Fails, with advice, if a job or the results would not fit.
    """
    study = Study.read_file(study_file)
    jobs = planning.jobs(study)
    path = planning.write(study, jobs)
    for line in (*terminal.plan_lines(study, jobs), *terminal.scan_lines(study)):
        click.echo(line)
    click.echo(f"every job: {path}")
    memory = planning.memory_here_mib() if memory_gib is None else 1024 * memory_gib
    planning.refuse_what_cannot_fit(study, jobs, memory_mib=memory, disk_mib=planning.disk_here_mib(study))


@main.command()
@click.option("--json", "as_json", is_flag=True, help="The JSON schema of study.yaml, for editors.")
@click.option("--study", "study_file", type=UserPath(path_type=Path), help="Print this study's options instead.")
def options(as_json: bool, study_file: Path | None) -> None:
    """Print every option of study.yaml with its default, unit and meaning.

    With --study: print every option's value in that study, and its source: a line of the file, the preset, or the default.
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
@click.option("--people", type=click.IntRange(60), default=300, show_default=True, help="Number of people to simulate.")
def demo_command(folder: Path, people: int) -> None:
    """Simulate a small cohort with planted effects, run every stage, and compare what was found with what was planted."""
    start = time.monotonic()
    study = demo.prepare(folder, people=people)
    stages.run(study, planned=planning.planned_seconds)
    terminal.wide_console().print(demo.planted_against_found(folder, study))
    _summary(study, time.monotonic() - start)


@main.command()
@click.argument("folder", type=UserPath(path_type=Path, file_okay=False))
@click.option("--people", type=click.IntRange(20), default=300, show_default=True, help="Number of people to simulate.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="The same seed gives the same files.")
def simulate(folder: Path, people: int, seed: int) -> None:
    """Write a simulated cohort with planted effects: ECG files, genotypes, covariates, and the true effects."""
    demo.simulate_into(folder, people=people, seed=seed)
    click.echo(f"Wrote {folder}. Next: ecgwas init {folder}")


@main.command()
@STUDY
@FORCE
@click.option("--simulated", is_flag=True, help="Simulate genomes for the people instead of permuting the people.")
def null(study_file: Path, force: bool, simulated: bool) -> None:
    """Run the same chain on permuted people; the report then compares every count with the count expected by chance."""
    study = Study.read_file(study_file)
    null_study = stages.run_null(study, force=force, simulated=simulated)
    null_words = "with simulated genomes" if simulated else "with permuted people"
    for name, count, null_count in terminal.null_comparison(study, null_study):
        click.echo(f"{name:<18} {count:>8}   {null_words} {null_count:>8}")
    for stage in ("report", "share"):
        stages.run_stage(study, stage)


@main.command(name="figures")
@STUDY
@click.argument("names", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Write every figure.")
@click.option("--trait", "traits", multiple=True, help="Also draw this trait's Manhattan and QQ plots; may be repeated.")
@click.option(
    "--format", "formats", multiple=True, type=click.Choice(FORMATS), default=("pdf",), show_default=True,
    help="Format; may be repeated.",
)  # fmt: skip
@click.option(
    "--width", "columns", default="85/175", show_default=True, callback=figures.columns_of, metavar="JOURNAL",
    help=f"Widths of one and of two columns in mm, or {', '.join(JOURNALS)}.",
)  # fmt: skip
def figures_command(
    study_file: Path, names: tuple[str, ...], everything: bool, traits: tuple[str, ...], formats: tuple[str, ...],
    columns: Columns,
) -> None:  # fmt: skip
    """Write the report's figures for print into results/figures/.

    NAMES are names of figures or patterns such as 'locus_*'. Without them, those that a paper needs are written: of the study
    and of its strongest loci, fewer than 40 files.
    """
    if names and everything:
        raise click.UsageError("give either names of figures or --all")
    study = Study.read_file(study_file)
    files = figures.write(study, names=names, traits=traits, formats=formats, everything=everything, columns=columns)
    more = "" if names or everything else "; --all writes every figure, a pattern such as 'manhattan_*' others"
    click.echo(f"Wrote {len(files)} files into {study.results / 'figures'}{more}")


@main.command()
@click.argument("study_files", metavar="STUDY.yaml ...", nargs=-1, required=True, type=UserPath(path_type=Path))
@click.option("--out", type=UserPath(path_type=Path, dir_okay=False), help="Also write the table to this .csv file.")
@click.option(
    "--page", type=UserPath(path_type=Path, dir_okay=False),
    help="Also write a page of the loci side by side to this .html file, with compared_loci.csv next to it.",
)  # fmt: skip
def compare(study_files: tuple[Path, ...], out: Path | None, page: Path | None) -> None:
    """Compare what each representation of a study found (also written to results/compare.csv), or compare several studies.

    For several studies: settings, epochs trained, test loss and errors of each representation, SNPs and loci. A study that
    was run only until stage represent has no hits. The page needs the loci of every study, and puts them side by side at one
    threshold for all.
    """
    for given, option, ending in ((out, "--out", ".csv"), (page, "--page", ".html")):
        if given is not None and given.suffix != ending:
            raise click.UsageError(f"{option} {given}: name a {ending} file")
    comparison = terminal.comparison_output(study_files)
    for warning in comparison.warnings:
        click.echo(f"warning: {warning}")
    for frame in comparison.printed:
        terminal.print_table(frame)
    for path in [path for path in (comparison.file, out) if path is not None]:
        with atomic_write(path) as temporary:
            comparison.table.write_csv(temporary)
    if page is not None:
        for line in terminal.comparison_page(study_files, comparison, page):
            click.echo(line)


@main.command(name="meta")
@click.argument("out", type=UserPath(path_type=Path, dir_okay=False))
@click.argument("studies", nargs=-1, required=True, type=UserPath(path_type=Path))
@click.option("--same-trait", metavar="NAME", help="Every study has one trait, the same in the same unit; call it NAME.")
def meta_command(out: Path, studies: tuple[Path, ...], same_trait: str | None) -> None:
    """Meta-analyse the associations of several STUDIES and write them to OUT.csv.

    A study is a scan file of ecgwas, a folder of them (results/scan), a GWAS-SSF file, or a folder of those.
    """
    if out.suffix != ".csv" or any(out.resolve() == path.resolve() for path in studies):
        raise click.UsageError(f"{out} will be written: name a new .csv file before the studies")
    inputs = meta_studies.comparable([meta_studies.read_study(path) for path in studies], same_trait)
    combined = meta.combine([(study.name, study.frame) for study in inputs])
    for warning in meta_studies.cautions(inputs):
        click.echo(f"warning: {warning}")
    dropped = out.with_name(f"{out.stem}.dropped.csv")
    for path, table in ((out, combined.associations), (dropped, combined.dropped)):
        with atomic_write(path) as temporary:
            table.frame.write_csv(temporary)
    click.echo(f"{out}: {len(combined.associations)} rows of {len(studies)} studies")
    for reason, count in combined.dropped.frame["reason"].value_counts(sort=True).iter_rows():
        click.echo(f"{dropped}: {count} rows: {reason}")


@main.command()
@STUDY
@click.argument("file", type=UserPath(path_type=Path, exists=True, dir_okay=False))
def explain(study_file: Path, file: Path) -> None:
    """Show how a result FILE was made (stage, options, versions, seed, host, time) and whether it is still fresh."""
    for line in stages.explain(Study.read_file(study_file), file):
        click.echo(line)


@main.command()
@click.argument("file", type=UserPath(path_type=Path))
@click.option("--figure", type=UserPath(path_type=Path, dir_okay=False), help="Also draw it on ECG paper: .svg, .pdf or .png.")
def inspect(file: Path, figure: Path | None) -> None:
    """Show what a recording's FILE holds: format, leads, rate, length, and the device's measurements next to ours."""
    inspection = inspect_file.inspect(file)
    for line in inspection.lines:
        click.echo(line)
    if figure is not None:
        inspect_file.draw(inspection, figure)
        click.echo(f"Wrote {figure}: 25 mm/s, 10 mm/mV")


@main.command()
@click.argument("folder", type=UserPath(path_type=Path))
@click.option("--results", type=UserPath(path_type=Path, exists=True, file_okay=False), help="The study's results.")
@click.option("--eids", type=UserPath(path_type=Path), help="A file of further people to search for, one eid per line.")
@click.option("--min-people", type=click.IntRange(1), help="Smallest group that may be shown.  [default: the study's]")
def audit(folder: Path, results: Path | None, eids: Path | None, min_people: int | None) -> None:
    """Search FOLDER (results/share) for eids, recordings and small groups, and measure what a genome would reveal from it."""
    audited = disclosure.audit(folder, results=results, eids=eids, min_people=min_people)
    _print_checks(audited.facts, ())
    for line in audited.measured:
        click.echo(f"  measured: {line}")
    for line in audited.warnings:
        click.echo(f"  warning: {line}")
    _print_checks((), audited.mistakes)
    click.echo(f"No eid, no participant's recording and no small group was found in {folder}: that is what was searched for.")
    if audited.warnings:
        click.echo(f"It is not anonymous: {len(audited.warnings)} of the rates above exceed chance (warning).")
        click.echo("They say what someone with a participant's genome or ECG can learn from it, such as who took part.")
    else:
        click.echo(
            "This does not prove that it is anonymous: of the attacks with a genome or an ECG, only those above were measured."
        )
    click.echo("Pass it on only if the rules of your data allow summary statistics of this many participants.")


@main.command()
@STUDY
@click.argument("variant")
@click.option(
    "--trait", "chosen", multiple=True, help="Draw this trait around the variant; may be repeated.  [default: the strongest]"
)
@click.option("--out", type=UserPath(path_type=Path, file_okay=False), help="Folder.  [default: results/look/VARIANT]")
@click.option(
    "--shareable", is_flag=True, help="Show nothing of fewer people than share.min_people; in results/look/VARIANT-shareable."
)
def look(study_file: Path, variant: str, chosen: tuple[str, ...], out: Path | None, shareable: bool) -> None:
    """Look at a VARIANT (rs number, id, chrom:pos[:allele:allele]) after a run: ECG by genotype, all traits, its region."""
    for line in looking.look(Study.read_file(study_file), variant, chosen=chosen, folder=out, shareable=shareable):
        click.echo(line)


@main.command(name="export")
@STUDY
@click.argument("kind", metavar="FORMAT", type=click.Choice(list(export.FORMATS)))
@click.argument("folder", type=UserPath(path_type=Path, file_okay=False))
@click.option("--trait", "chosen", multiple=True, help="Only this trait; may be repeated.")
def export_command(study_file: Path, kind: str, folder: Path, chosen: tuple[str, ...]) -> None:
    """Write results as FORMAT into FOLDER; regenie, saige, bolt, plink2-pheno: traits and covariates for these programs."""
    for line in export.export(Study.read_file(study_file), kind, folder, chosen):
        click.echo(line)


@main.group(name="references")
def references_group() -> None:
    """Public reference files that stage `genes` reads: genes, network, terms, published associations."""


@references_group.command()
@click.argument("folder", type=UserPath(path_type=Path, file_okay=False))
@click.option("--only", multiple=True, help="Only the file with this name; may be repeated.")
@click.option("--again", is_flag=True, help="Also download existing files, for newer versions.")
def fetch(folder: Path, only: tuple[str, ...], again: bool) -> None:
    """Download and verify the files and record their versions; complete files are not downloaded again."""
    for line in references.fetch(folder, references.chosen(only), download_existing=again):
        click.echo(line)


@references_group.command(name="check")
@click.argument("folder", type=UserPath(path_type=Path, file_okay=False))
def check_references(folder: Path) -> None:
    """Compare every file with its record; nothing is downloaded."""
    _print_checks(*references.check(folder))


def _stage_command(stage: Stage) -> Callable[..., None]:
    @main.command(name=stage.name, help=f"Stage: {stage.meaning}.")
    @STUDY
    @click.option("--part", help="Only this part; see `ecgwas plan`.")
    @FORCE
    def command(study_file: Path, part: str | None, force: bool) -> None:
        study = Study.read_file(study_file)
        if not stages.run_stage(study, stage.name, part=part, force=force):
            click.echo(terminal.stage_without_work(stage.name, stage.parts(study) if part is None else (part,)))
        if stage.name == "share":
            share_rates.print_rates(study)

    return command


for _stage in STAGES:
    _stage_command(_stage)

for _command in (check_engine, completion.command, covariates.group, score.command, serve.command):
    main.add_command(_command)
