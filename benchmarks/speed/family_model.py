"""The mixed model of families: agreement with GEMMA, genomic inflation, what the screen may miss, CPU time.

    python -m benchmarks.speed.family_model [--quick]

GEMMA   largest relative difference of chi-squares of `relatives: family` and `gemma -lmm 1`, the same relationship.
LAMBDA  genomic inflation by heritability, of the mixed model and of least squares, median over traits and chromosomes; cousins:
        everybody is descended from few grandparents, so that distant relatives are below the limit of 0.05.
MARGIN  largest shortfall of the screen's t squared at -log10 p of 3, over limit x share / members (family.MEMBERS_OF_MARGIN).
FWER    share of null studies with a test beyond the permutation threshold, as in mixed_model.py.
COST    CPU seconds of one thread, setting up included, over those of least squares, of the same 384 traits; rows: exact tests.

Families: four or two siblings each, without their parents. Kinship is 0.25 with an SD of 0.01. Needs the program gemma.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from benchmarks.record import recorded
from benchmarks.speed.mixed_model import SHARES, eids_of, family_wise_error, inflation, options, scanned, tables
from ecgwas.mixed import family_model, family_screen
from ecgwas.mixed.families import families as families_of
from ecgwas.statistics.least_squares import design, least_t_squared
from ecgwas.statistics.projection import span
from tests.mixed import families, gemma


def kinships(people: int, related: float) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Pairs of siblings and estimates of their kinship."""
    pairs = np.array(families.siblings(people, related), dtype=np.int64).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1], np.random.default_rng(9).normal(0.25, 0.01, len(pairs)).round(4)


def written(stem: Path, made: families.Cohort, related: float) -> dict[str, object]:
    """A fileset and its list of pairs, as options."""
    people = len(made.copies)
    gemma.fileset(stem, made.copies, np.zeros((people, 1)), made.chromosome)
    lines = [f"p{i} p{j} 0 0 {kinship}" for i, j, kinship in zip(*kinships(people, related), strict=True)]
    stem.with_suffix(".kin0").write_text("\n".join(["ID1 ID2 HetHet IBS0 Kinship", *lines]) + "\n")
    return {"relatives": "family", "kinship": stem.with_suffix(".kin0")}


def against_gemma(people: int, variants: int) -> str:
    made = families.draw(people, variants, related=0.75, seed=5, segments=25)
    values = families.polygenic(made.copies[:, made.chromosome != 1], SHARES, 3)
    with tempfile.TemporaryDirectory() as folder:
        stem = Path(folder) / "cohort"
        own = written(stem, made, 0.75)
        gemma.fileset(stem, made.copies, values, made.chromosome)
        rows = scanned(options(stem, keep_neglog10p=1.0, **own), tables(eids_of(people), values), "1").associations.frame
        first, second, kinship = kinships(people, 0.75)
        g = np.eye(people)
        g[first, second] = g[second, first] = 2 * kinship
        theirs, _ = gemma.wald(stem, g, np.ones((people, 1)), 4)
        both = rows.filter(pl.col("trait") == "made.I.f4").join(theirs.rename({"rs": "variant"}), on="variant", suffix="_g")
        chi2 = np.square((both["beta_g"] / both["se_g"]).to_numpy())
        largest = float(np.abs(np.square(both["t"].to_numpy()) / chi2 - 1).max())
    return f"GEMMA families-{people} rows={both.height} max_rel_chi2={largest:.1e}"


def lambda_lines(label: str, made: families.Cohort, related: float, traits: int) -> Iterator[str]:
    """Of traits without an effect on the chromosome that is tested."""
    with tempfile.TemporaryDirectory() as folder:
        stem = Path(folder) / "cohort"
        yield from inflation(f"{label}-{len(made.copies)}", stem, made, traits, written(stem, made, related))


def cousins(people: int, variants: int, grandparents: int, related: float, seed: int = 4) -> families.Cohort:
    """Families of `draw`, whose parents are children of random pairs of a few grandparents."""
    rng = np.random.default_rng(seed)
    base = families.draw(4, variants, related=0.0, seed=seed)
    segment = (np.arange(variants) * 100) // variants
    old = (rng.random((grandparents, 2, variants)) < rng.uniform(0.05, 0.5, variants)).astype(np.int8)

    def gamete(genome: NDArray[np.int8]) -> NDArray[np.int8]:
        return np.where(rng.integers(0, 2, 100)[segment] == 1, genome[0], genome[1])

    def child(first: NDArray[np.int8], second: NDArray[np.int8]) -> NDArray[np.int8]:
        return np.stack([gamete(first), gamete(second)])

    rows: list[NDArray[np.int8]] = []
    number = 0
    while len(rows) < people:
        parents = [child(*old[rng.choice(grandparents, 2, replace=False)]) for _ in range(2)]
        count = families.SIBLINGS[number % 2] if len(rows) < related * people else 1
        rows += [child(*parents).sum(axis=0, dtype=np.int8) for _ in range(count)]
        number += 1
    return families.Cohort(np.array(rows[:people]), base.chromosome)


def margin(people: int, related: float, traits: int = 96) -> str:
    rng = np.random.default_rng(people)
    made = families.draw(people, 3000, related=related, seed=people)
    values = families.polygenic(made.copies, np.tile(SHARES, traits // len(SHARES)), 1)
    copies = made.copies.T[made.chromosome == 1].astype(float)
    first, second, kinship = kinships(people, related)
    found = families_of(people, first, second, 2 * kinship)
    # As many rare variants, of few families.
    rare, members = copies.copy(), len(found.members)
    for row in rare:
        start = int(rng.integers(0, max(members - 24, 1)))
        row[:start] = row[start + 24 :] = 0
    copies = np.concatenate([copies, rare[rare.sum(axis=1) >= 6]])
    basis = span(np.empty((people, 0)))
    own = family_model.family_traits(family_model.covered(found, basis), design(basis, values).traits)
    index, trait = np.divmod(np.arange(len(copies) * traits), traits)
    lines = family_screen.screen(own.model, own.lambdas, family_screen.numerators(own))
    squares = np.square(found.turned(copies[:, found.members].T)).T
    products = [(copies @ each).astype(np.float32) for each in (lines.intercepts, lines.covariates)]
    raw_ss = np.square(copies).sum(axis=1)
    denominators = lines.denominators(raw_ss, copies.mean(axis=1), squares @ lines.deviations, *products)
    square = np.square(copies @ lines.columns)
    screened = (square / (denominators - square) * own.model.df)[index, trait]
    chosen = np.flatnonzero(screened > 3)
    exact = family_model.exact(copies, index[chosen], trait[chosen], own)
    t2, limit = np.square(exact.beta / exact.se), least_t_squared(3.0, people - 2)
    share = (squares.sum(axis=1) / raw_ss)[index[chosen]]
    short = (1 - screened[chosen] / t2)[t2 >= limit]
    needed = short[short > 1e-3] / (limit * share[t2 >= limit][short > 1e-3] / members)
    largest, most = float(short.max(initial=0)), float(needed.max(initial=0))
    return f"MARGIN people={people} members={members} tests={len(short)} shortfall={largest:.3f} constant={most:.1f}"


def cost(people: int, variants: int, related: float, traits: int = 384) -> Iterator[str]:
    made = families.draw(people, variants, related=related, seed=2, chromosomes=2)
    values = families.polygenic(made.copies[:, made.chromosome == 2], np.tile(SHARES, traits // len(SHARES)), 1)
    with tempfile.TemporaryDirectory() as folder:
        stem = Path(folder) / "cohort"
        own = written(stem, made, related)
        given = tables(eids_of(people), values)
        for keep in (3.0, 6.0):
            seconds = {}
            for kind, more in (("drop", {"relatives": "drop"}), ("family", own)):
                chosen, times = options(stem, chromosomes=("1", "2"), keep_neglog10p=keep, **more), []
                for _ in range(2):
                    start = time.process_time()
                    rows = scanned(chosen, given, "1").associations.frame.height
                    times.append(time.process_time() - start)
                seconds[kind] = min(times)
            yield (
                f"COST people={people} in_families={related:g} variants={int((made.chromosome == 1).sum())} keep={keep:g} "
                f"rows={rows} least_squares={seconds['drop']:.2f} family={seconds['family']:.2f} "
                f"ratio={seconds['family'] / seconds['drop']:.2f}"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="smaller cases, two minutes")
    given = parser.parse_args()
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # GEMMA's.
    people, variants, traits = (600, 4_000, 48) if given.quick else (1_500, 12_000, 96)
    with threadpool_limits(1):
        for number, related in ((100, 0.5), (200, 1.0), (400, 0.2), (800, 0.05), (800, 0.5)):
            print(margin(number, related), flush=True)
        print(against_gemma(people, variants), flush=True)
        made = families.draw(people, variants, related=0.75, seed=5, segments=25)
        for line in lambda_lines("families", made, 0.75, traits):
            print(line, flush=True)
        for line in lambda_lines("cousins", cousins(people, variants, people // 5, 0.75), 0.75, traits):
            print(line, flush=True)
        for line in family_wise_error(60 if given.quick else 200, "family", lambda stem, made, _: written(stem, made, 0.8)):
            print(line, flush=True)
        for number, related in ((1_500, 0.75), (1_500, 0.3), (5_000, 0.3)):
            for line in cost(number, 4_000 if given.quick else 40_000, related):
                print(line, flush=True)


if __name__ == "__main__":
    recorded(main, __file__)
