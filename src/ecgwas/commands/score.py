"""The command `score`: people of any genotypes scored by a scoring file, without a study."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click
import numpy as np
import polars as pl

from ecgwas.commands.command_line import UserPath
from ecgwas.errors import InputError
from ecgwas.genotypes import chromosomes, variant_lookup
from ecgwas.progress import track
from ecgwas.scores import scoring_file, sums
from ecgwas.scores.matching import Palindromes
from ecgwas.store import atomic_write
from ecgwas.study.scan import Matrix

LOW_MATCH = 0.9


@click.command(name="score")
@click.argument("file", type=UserPath(path_type=Path, exists=True, dir_okay=False))
@click.argument("genotypes", type=UserPath(path_type=Path))
@click.option("--out", type=UserPath(path_type=Path), help="Table to write; without it FILE's name with _scores.tsv, here.")
@click.option("--build", type=click.Choice(["hg19", "hg38"]), default="hg19", show_default=True, help="Build of GENOTYPES.")
@click.option(
    "--palindromes", type=click.Choice(["drop", "frequency", "keep"]), default="drop", show_default=True,
    help="Variants with alleles A/T or C/G: as scores.palindromes of a study.",
)  # fmt: skip
@click.option(
    "--min-match", type=click.FloatRange(0, 1), default=0.5, show_default=True, help="Smallest share of FILE's variants."
)
def command(
    file: Path, genotypes: Path, out: Path | None, build: Literal["hg19", "hg38"], palindromes: Palindromes, min_match: float
) -> None:
    """Score the people of GENOTYPES (as scan.genotypes of a study) by a scoring FILE of the PGS Catalog."""
    target = out if out is not None else Path(f"{file.name.removesuffix('.gz').removesuffix('.txt')}_scores.tsv")
    for line in score(file, genotypes, target, build=build, palindromes=palindromes, min_match=min_match):
        click.echo(line)


def score(
    file: Path, genotypes: Path, out: Path, *, build: Literal["hg19", "hg38"], palindromes: Palindromes, min_match: float
) -> list[str]:  # fmt: skip
    """Writes eid and score (and z, of mean 0 and variance 1) of everybody to `out`; gives lines for the terminal.

    Raises InputError if fewer than `min_match` of the file's variants are in the genotypes.
    """
    options = variant_lookup.everything(Matrix(genotypes=genotypes, build=build))
    scoring = scoring_file.read(file, build)
    eids = chromosomes.eids_in_all_files(options)
    matched = sums.matched(options, [scoring], eids, palindromes=palindromes, track=track)
    counts = [f"  {status}: {count:,} ({share:.1%} of the weights)" for status, count, share in matched[0].counts()]
    if matched[0].share < min_match:
        problem = f"{matched[0].used.height:,} of {len(scoring):,} variants of the score are in the genotypes"
        fix = f"take the file harmonised to {scoring_file.ASSEMBLIES[build]}, or name the build of the genotypes with --build, "
        fix += "or lower --min-match, which makes it another score"
        raise InputError("\n".join([problem, *counts]), where=file, fix=fix)
    values = sums.scores(options, matched, eids, track)[:, 0]
    spread = float(values.std(ddof=1)) if len(values) > 1 else 0.0
    z = (values - values.mean()) / spread if spread > 0 else np.zeros(len(values))
    table = pl.DataFrame({"eid": list(eids), "score": values, "z": z})
    with atomic_write(out) as temporary:
        temporary.write_text(table.write_csv(separator="\t"), encoding="utf-8")
    lines = [f"{scoring.name}: {matched[0].used.height:,} of {len(scoring):,} variants used", *counts]
    lines += [f"  {note}" for note in scoring.notes] + [f"warning: {words}" for words in scoring.cautions]
    if matched[0].share < LOW_MATCH:
        lines.append(
            f"warning: {1 - matched[0].share:.0%} of the variants are not used; this is another score than the published one"
        )
    return [*lines, f"{len(eids):,} people scored: {out}"]
