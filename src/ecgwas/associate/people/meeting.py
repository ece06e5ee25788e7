"""How the people of recordings, covariates and genotypes meet: who is in all tables, and whether they are enough."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from ecgwas import ids
from ecgwas.associate.people import covariates as covariate_tables
from ecgwas.associate.people.covariates import CovariateTable
from ecgwas.errors import Caution, EcgwasError, InputError, first_few, raise_together
from ecgwas.study import TraitOptions
from ecgwas.tables import People

SPARSE_SHARE = 0.1
"""A covariate that more than this share of the people lack is named in a warning: each lacking person is dropped."""


def check(options: TraitOptions, genotype_people: Sequence[str], recorded: Sequence[str] = ()) -> Sequence[str]:
    """Opens the covariate table and meets it with the genotyped people; what was found, in words, warnings as Caution.

    recorded: eids of the recordings; none where they are not known. Raises InputError or StudyError as `build` does, as far
    as that can be known without features.
    """
    table = covariate_tables.read(options)
    sides = {"the recordings": set(recorded)} if recorded else {}
    unmet = of_tables(options, table, genotype_people, sides)
    meant = set(table.eids) & set(genotype_people)
    meant &= set(recorded) or meant
    both = sorted(meant - set(table.missing()))
    sparse = [f"{name} in {count} of {len(meant)}" for name, count in table.sparse(meant, share=SPARSE_SHARE).items()]
    missing = [f"people without all covariates are dropped; missing: {first_few(sparse, 10)}"] if sparse else []
    people = "genotyped people with recordings" if recorded else "genotyped people"
    few = f"only {len(both)} of {len(meant)} {people} in the covariate table have all covariates"
    needed = f"at least {options.min_people} are needed (traits.min_people)"
    if not both or len(both) < options.min_people <= len(meant):
        problem = "".join((few, *(f"; {words}" for words in (*unmet, *missing))))
        fix = f"{needed}; leave out sparse columns: name the others under traits.use"
        raise InputError(problem, where=options.covariates, fix=fix)
    small = [] if len(both) >= options.min_people else [f"{few}: {needed}, or `ecgwas run` ends at stage traits"]
    coded = covariate_tables.code(table, both, options)
    line = f"{len(table.eids)} people in the covariate table, {len(both)} of them genotyped with nothing missing"
    facts = [f"{line}; {len(coded.covariates.names)} covariate columns", *(n for n in coded.notes if n not in table.doubts)]
    return [*facts, *map(Caution, (*unmet, *table.doubts, *missing, *small))]


def of_tables(
    options: TraitOptions, table: CovariateTable, genotyped: Sequence[str], recorded: Mapping[str, set[str]]
) -> list[str]:
    """Warnings about ids that do not meet. Raises InputError where two of the tables have nobody in common."""
    sides = {**recorded, "the covariate table": set(table.eids), "the genotypes": set(genotyped)}
    names = list(sides)
    mistakes: list[EcgwasError] = []
    for i, a in enumerate(names):
        for b in names[i + 1 :]:
            if sides[a] & sides[b]:
                continue
            examples = ids.both_sides(sides[a], sides[b], a=a, b=b)
            fix = "write the same eid in all three: the covariate table, the .fam file (second column), the recordings' names"
            mistakes.append(InputError(f"{a} and {b} have no person in common ({examples})", where=options.covariates, fix=fix))
    raise_together(mistakes, what="the ids of people")
    return ids.meeting(sides)


def refuse_too_few(
    options: TraitOptions, kept: Sequence[str], people: People, table: CovariateTable, unmet: Sequence[str]
) -> None:
    """Raises InputError, with the reasons and the sparse covariates, where fewer than `min_people` people are kept.

    unmet: warnings about ids that do not meet, as `of_tables` gives them.
    """
    if len(kept) >= options.min_people:
        return
    reasons = people.frame.filter(pl.col("status") == "dropped")["reason"].value_counts(sort=True)
    why = first_few(f"{reason}: {count}" for reason, count in reasons.iter_rows())
    lacking = pl.col("reason").str.starts_with("missing covariate")
    meant = {*kept, *people.frame.filter(lacking)["eid"]}
    sparse = first_few(f"{name} in {count} of {len(meant)}" for name, count in table.sparse(meant, share=SPARSE_SHARE).items())
    problem = f"only {len(kept)} people have recording, genotypes and covariates (of {len(people)}; {why})"
    problem += "".join(f"; {words}" for words in unmet)
    fix = f"at least {options.min_people} are needed (traits.min_people)"
    if sparse:
        problem += f"; covariates missing: {sparse}"
        fix += "; leave out sparse columns: name the others under traits.use"
    raise InputError(problem, where=options.covariates, fix=fix)
