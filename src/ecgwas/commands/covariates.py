"""The commands `covariates ukb` and `covariates fields`: UK Biobank's exports in, ecgwas' table of covariates out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from ecgwas import ecg
from ecgwas.commands.command_line import Commands, UserPath
from ecgwas.errors import InputError
from ecgwas.store import atomic_write
from ecgwas.tables.ukb_fields import OF_BIRTH
from ecgwas.traits.ukb import covariates as ukb
from ecgwas.traits.ukb import export
from ecgwas.traits.ukb.covariates import FLAGS, UkbCovariates, UkbOptions

NAME = re.compile(r"([A-Za-z]\w*)=(\d+)")
OWN = re.compile(r"eid|age|sex|centre|array|pc\d+")
"""Names of the columns that are always written."""

VISIT = click.option(
    "--visit", "visits", type=click.IntRange(0), multiple=True, default=(2,), show_default=True,
    help="Instance of the visit with the ECG; repeated: the first that a person attended, whichever has the ECG.",
)  # fmt: skip
PCS = click.option(
    "--pcs", type=click.IntRange(0, 40), default=10, show_default=True, help="Number of genotype PCs (field 22009)."
)


def _named_field(text: str) -> tuple[str, int]:
    """`bmi=21001`: the name of a column and the field that it holds. Raises BadParameter for anything else."""
    match = NAME.fullmatch(text)
    if match is None or OWN.fullmatch(match[1]):
        raise click.BadParameter(f"{text}: write a new column's name, = and the number of a field, as in bmi=21001")
    field = int(match[2])
    if field in OF_BIRTH:
        raise click.BadParameter(
            f"{text}: field {field} is the {OF_BIRTH[field]}, which no table may hold; age is always written"
        )
    return match[1], field


ADD = click.option(
    "--add",
    "further",
    type=_named_field,
    metavar="NAME=FIELD",
    multiple=True,
    help="A further quantity, as in bmi=21001; may be repeated.",
)
ADD_CATEGORY = click.option(
    "--add-category",
    "categories",
    type=_named_field,
    metavar="NAME=FIELD",
    multiple=True,
    help="A further category, as in smoking=20116; may be repeated.",
)


@click.group(name="covariates", cls=Commands)
def group() -> None:
    """Make the table of covariates from a biobank's exports."""


@group.command(name="ukb")
@click.argument("tables", metavar="TABLE ...", nargs=-1, required=True, type=UserPath(path_type=Path))
@click.option(
    "--out",
    type=UserPath(path_type=Path, dir_okay=False),
    default=Path("covariates.tsv"),
    show_default=True,
    help="Table to write.",
)
@VISIT
@PCS
@ADD
@ADD_CATEGORY
@click.option(
    "--withdrawn", type=UserPath(path_type=Path), help="UK Biobank's list of withdrawn participants, one eid per line."
)
@click.option("--people", type=UserPath(path_type=Path), help="Keep only these eids (those with an ECG), one per line.")
@click.option("--relatives", type=UserPath(path_type=Path), help="ukb_rel.dat: the fewest related people are excluded.")
@click.option("--max-kinship", type=click.FloatRange(0, 0.5), default=0.0884, show_default=True, help="With --relatives.")
@click.option("--used-in-pcs", is_flag=True, help="Keep only people of field 22020: unrelated, of good quality.")
@click.option(
    "--keep",
    type=click.Choice(list(FLAGS)),
    multiple=True,
    help="Flag these people instead of excluding them; may be repeated.",
)
def ukb_command(tables: tuple[Path, ...], out: Path, **options: Any) -> None:
    """Turn exports of UK Biobank (ukbconv, or the Research Analysis Platform) into covariates for a study.

    TABLE is CSV, TSV (also .gz) or Parquet; several are joined by eid. Writes OUT and, next to it, whom it excluded and why
    (OUT_excluded.csv, which read.leave_out takes) and whom --keep flagged (OUT_flagged.csv).
    """
    if out.suffix != ".tsv":
        raise click.UsageError(f"--out {out}: name a .tsv file")
    for line in write(tables, out, **options):
        click.echo(line)


@group.command(name="fields")
@VISIT
@PCS
@ADD
@ADD_CATEGORY
@click.option("--rap", is_flag=True, help="Names for `dx extract_dataset --fields-file` instead of numbers for `ukbconv -i`.")
def fields_command(rap: bool, **options: Any) -> None:
    """Print the fields that `ecgwas covariates ukb` reads, one per line, for an export."""
    for name in ukb.expected_names(_options(**options), rap=rap):
        click.echo(name)


def _options(
    *, visits: tuple[int, ...], pcs: int, further: Sequence[tuple[str, int]], categories: Sequence[tuple[str, int]],
    keep: Sequence[str] = (), used_in_pcs: bool = False, max_kinship: float = 0.0884,
) -> UkbOptions:  # fmt: skip
    names = [name for name, _ in (*further, *categories)]
    if len(set(names)) < len(names):
        raise click.UsageError("--add and --add-category: two columns have the same name")
    return UkbOptions(visits, pcs, dict(further), dict(categories), frozenset(keep), used_in_pcs, max_kinship)


def write(
    tables: Sequence[Path], out: Path, *, withdrawn: Path | None, people: Path | None, relatives: Path | None, **options: Any
) -> Iterator[str]:
    """Writes the table of covariates and its exclusions and flags; yields what to print.

    Raises InputError if an export, a list or the list of pairs is missing, of another format, or holds values of another kind.
    """
    chosen = _options(**options)
    if any(table.resolve() == out.resolve() for table in tables):
        raise InputError("the export would be replaced by the covariates", where=out, fix="name another file with --out")
    table = export.read(tables, chosen.wants)
    result = ukb.build(
        table, chosen, where=tables[0], withdrawn=_list(withdrawn, "withdrawn participants", "--withdrawn"),
        people=None if people is None else _list(people, "people to keep", "--people"), related_pairs=relatives,
    )  # fmt: skip
    yield f"{table.frame.height} people in {', '.join(path.name for path in tables)}"
    yield from _outcome(result)
    yield from _files(result, out, chosen.visits)


def _list(path: Path | None, what: str, option: str) -> list[str]:
    return [] if path is None else list(ecg.read_eid_list(path, what, fix=f"correct {option}"))


def _outcome(result: UkbCovariates) -> Iterator[str]:
    """How many people are excluded, flagged and kept, and why."""
    for reason, count in result.counts.items():
        yield f"  excluded: {count:>7}  {reason}"
    flagged = result.flagged.frame["reason"].value_counts(sort=True, name="count")
    for reason, count in flagged.iter_rows():
        yield f"  flagged:  {count:>7}  {reason}; kept (--keep)"
    for name, count in result.missing.items():
        yield f"  missing:  {count:>7}  {name}; stage traits will exclude them"
    for note in result.notes:
        yield f"  note: {note}"


def _files(result: UkbCovariates, out: Path, visits: Sequence[int]) -> Iterator[str]:
    """Writes the files; yields their names and the lines for study.yaml."""
    excluded, flagged = (out.with_name(f"{out.stem}_{what}.csv") for what in ("excluded", "flagged"))
    with atomic_write(out) as temporary:
        result.frame.write_csv(temporary, separator="\t", null_value="NA")
    with atomic_write(excluded) as temporary:
        result.excluded.frame.write_csv(temporary)
    yield f"Wrote {out}: {result.frame.height} people, {len(result.frame.columns) - 1} covariates"
    yield f"Wrote {excluded}: {len(result.excluded)} people, each with the reason"
    flagged.unlink(missing_ok=True)
    if len(result.flagged):
        with atomic_write(flagged) as temporary:
            result.flagged.frame.write_csv(temporary)
        yield f"Wrote {flagged}: {len(result.flagged)} people"
    yield "`ecgwas init` takes these files up; add read.instance and read.other_instances. In a study.yaml of your own, write:"
    yield f"  read:\n    instance: {visits[0]}\n    other_instances: {'false' if len(visits) == 1 else 'true'}"
    if len(result.excluded):
        yield f"    leave_out: {excluded.name}"
        yield "  # Without section read, in the entry of the feature table instead:"
        yield f"  # represent:\n  #   - kind: table\n  #     leave_out: {excluded.name}"
    yield f"  traits:\n    covariates: {out.name}\n    categorical: [{', '.join(result.categorical)}]"
